//! Running other programs: found on the PATH, in a clean environment, watched, and stopped when we are.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::system;

/// How often a running program is looked after.
const POLL: Duration = Duration::from_millis(50);
/// How long a program may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(10);
/// How many lines of a program's output are kept to tell why it failed.
const KEPT_LINES: usize = 400;

/// The first program of this name on the PATH.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| is_executable(file))
}

pub(crate) fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// A command that does not see what `cargo run` and a Python session leave in the environment.
///
/// `cargo run` describes the package it runs in variables that build scripts look at, so a nested cargo would take
/// them for changes and compile again.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_leftover) {
            command.env_remove(name);
        }
    }
    for name in ["LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            match without_cargo_folders(&value) {
                Some(rest) => command.env(name, rest),
                None => command.env_remove(name),
            };
        }
    }
    command.stdin(Stdio::null());
    command
}

fn is_leftover(name: &str) -> bool {
    name.starts_with("CARGO_PKG_")
        || name.starts_with("CARGO_MANIFEST_")
        || matches!(
            name,
            "CARGO_BIN_NAME" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "OUT_DIR" | "PYTHONHOME" | "PYTHONPATH"
        )
}

/// A library path without the folders of cargo's target and of Rust's own libraries.
fn without_cargo_folders(value: &OsStr) -> Option<OsString> {
    let foreign = |folder: &PathBuf| {
        let built = folder.ends_with("deps") || folder.join("deps").is_dir() || folder.join("build").is_dir();
        let rust = folder.join("rustlib").is_dir() || folder.components().any(|part| part.as_os_str() == "rustlib");
        !folder.as_os_str().is_empty() && !built && !rust
    };
    let kept: Vec<PathBuf> = std::env::split_paths(value).filter(foreign).collect();
    if kept.is_empty() { None } else { std::env::join_paths(kept).ok() }
}

/// Cargo: the one that runs us, else the one on the PATH.
pub(crate) fn cargo() -> Command {
    command(std::env::var_os("CARGO").filter(|cargo| !cargo.is_empty()).unwrap_or_else(|| "cargo".into()))
}

pub(crate) struct Output {
    pub ok: bool,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a short command to its end and takes all it says.
pub(crate) fn output_of(command: &mut Command) -> io::Result<Output> {
    let output = command.output()?;
    Ok(Output {
        ok: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// What [`watch`] tells while a program runs.
pub(crate) enum Event<'a> {
    /// A line of its stdout.
    Out(&'a str),
    /// A line of its stderr.
    Err(&'a str),
    /// Nothing happened for a moment.
    Tick,
}

/// How a watched program ended.
pub(crate) struct Ended {
    pub status: ExitStatus,
    /// It was stopped because we were asked to stop.
    pub interrupted: bool,
    /// The last lines of all it said; an inherited stream is not among them.
    pub tail: VecDeque<String>,
}

impl Ended {
    pub fn ok(&self) -> bool {
        self.status.success() && !self.interrupted
    }

    pub fn says_any(&self, needles: &[&str]) -> bool {
        self.tail.iter().any(|line| needles.iter().any(|needle| line.contains(needle)))
    }

    pub fn disk_is_full(&self) -> bool {
        self.says_any(&["No space left on device", "os error 28", "Disk quota exceeded", "not enough space"])
    }

    pub fn network_is_down(&self) -> bool {
        self.says_any(&[
            // pip
            "Failed to establish a new connection",
            "NewConnectionError",
            "NameResolutionError",
            "ConnectTimeoutError",
            "ProxyError",
            "Network is unreachable",
            // cargo and curl
            "failed to resolve address",
            "Could not resolve host",
            "Couldn't resolve host",
            "Could not connect to server",
            "Failed to connect to",
            "network failure seems to have happened",
            "spurious network error",
            "Timeout was reached",
            "Temporary failure in name resolution",
        ])
    }
}

/// Runs a program, hands each line it says to `see`, and stops it when we are asked to stop.
///
/// Streams that the command inherits stay with the terminal; give it `Stdio::piped()` for those to be read here.
pub(crate) fn watch(command: &mut Command, see: &mut dyn FnMut(Event<'_>)) -> io::Result<Ended> {
    let mut child = command.spawn()?;
    let (sender, lines) = mpsc::channel::<(bool, String)>();
    // The threads are not joined: a server that the program leaves behind may hold its streams open for hours.
    if let Some(stdout) = child.stdout.take() {
        read_lines(stdout, false, sender.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        read_lines(stderr, true, sender.clone());
    }
    drop(sender);

    let mut tail = VecDeque::new();
    let mut take = |(is_err, line): (bool, String), see: &mut dyn FnMut(Event<'_>)| {
        see(if is_err { Event::Err(&line) } else { Event::Out(&line) });
        if tail.len() == KEPT_LINES {
            tail.pop_front();
        }
        tail.push_back(line);
    };

    let mut stopping = Stopping::new();
    let mut open = true;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        stopping.check(&mut child);
        if !open {
            thread::sleep(POLL);
            see(Event::Tick);
            continue;
        }
        match lines.recv_timeout(POLL) {
            Ok(line) => take(line, see),
            Err(RecvTimeoutError::Timeout) => see(Event::Tick),
            Err(RecvTimeoutError::Disconnected) => open = false,
        }
    };
    // What it said last is still on its way.
    while let Ok(line) = lines.recv_timeout(Duration::from_millis(300)) {
        take(line, see);
    }
    Ok(Ended { status, interrupted: system::stops() > 0, tail })
}

fn read_lines(stream: impl Read + Send + 'static, is_err: bool, sender: mpsc::Sender<(bool, String)>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            bytes.clear();
            if sender.send((is_err, line)).is_err() {
                return;
            }
        }
    });
}

/// Ends a child once we have been asked to stop: politely first, and for good when it takes its time.
pub(crate) struct Stopping {
    asked: Option<Instant>,
}

impl Stopping {
    pub fn new() -> Stopping {
        Stopping { asked: None }
    }

    /// To be called again and again while the child runs.
    pub fn check(&mut self, child: &mut Child) {
        let stops = system::stops();
        match self.asked {
            None if stops > 0 => {
                system::send(child.id(), system::SIGTERM);
                self.asked = Some(Instant::now());
            }
            Some(since) if since.elapsed() > GRACE || stops > 2 => system::send(child.id(), system::SIGKILL),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_both_streams_arrive() {
        let mut shell = command("/bin/sh");
        shell
            .args(["-c", "echo one; echo two >&2; printf three; exit 3"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let ended = watch(&mut shell, &mut |event| match event {
            Event::Out(line) => out.push(line.to_owned()),
            Event::Err(line) => err.push(line.to_owned()),
            Event::Tick => {}
        })
        .unwrap();
        assert_eq!((out, err), (vec!["one".to_owned(), "three".to_owned()], vec!["two".to_owned()]));
        assert_eq!(ended.status.code(), Some(3));
        assert!(!ended.ok() && !ended.disk_is_full());
    }

    #[test]
    fn a_stream_left_open_by_a_grandchild_does_not_hang() {
        let mut shell = command("/bin/sh");
        shell.args(["-c", "sleep 5 & echo done"]).stdout(Stdio::piped());
        let began = Instant::now();
        assert!(watch(&mut shell, &mut |_| {}).unwrap().ok());
        assert!(began.elapsed() < Duration::from_secs(4));
    }

    #[test]
    fn library_paths_of_cargo_are_left_out() {
        assert_eq!(without_cargo_folders(OsStr::new("/x/target/debug/deps:/y/lib/rustlib/z/lib")), None);
        assert_eq!(without_cargo_folders(OsStr::new("/x/deps::/opt/mine")), Some("/opt/mine".into()));
        assert!(is_leftover("CARGO_PKG_NAME") && !is_leftover("CARGO_HOME") && !is_leftover("CARGO_TARGET_DIR"));
    }
}
