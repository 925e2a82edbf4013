//! JupyterLab: started, waited for, and stopped with Ctrl-C.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{self, Stopping};
use crate::steps::Steps;
use crate::{Home, SetupError, system};

/// How long the server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Lab<'a> {
    pub home: &'a Home,
    pub data: &'a Path,
    /// The folder that JupyterLab shows, unless the notebook lies elsewhere.
    pub root: &'a Path,
    pub notebook: &'a Path,
    pub ip: &'a str,
    pub port: u16,
    pub browser: bool,
}

/// What every program that runs a kernel is told.
pub(crate) fn environment(command: &mut Command, home: &Home, data: &Path) {
    command.env("JUPYTER_PATH", home.jupyter_path()).env("TASKLOOM_HOME", home.root()).env("TASKLOOM_DATA", data);
}

impl Lab<'_> {
    /// Starts the server, says where it is, and stays until it ends. Ctrl-C is the ordinary end.
    pub fn run(&self, steps: &mut Steps) -> Result<(), SetupError> {
        let root =
            if self.notebook.starts_with(self.root) { self.root } else { self.notebook.parent().unwrap_or(self.root) };
        let inside = self.notebook.strip_prefix(root).unwrap_or(self.notebook);
        let token = token()?;
        let log = self.home.root().join(format!("lab-{}.log", self.port));
        let mut server = Guard(
            self.command(root, &token, &log)?
                .spawn()
                .map_err(|error| SetupError::io("running", &self.home.python_exe(), error))?,
        );

        let host = match self.ip {
            "0.0.0.0" | "*" | "::" | "127.0.0.1" => "localhost".to_owned(),
            ip if ip.contains(':') => format!("[{ip}]"),
            ip => ip.to_owned(),
        };
        let began = Instant::now();
        while !answers(&host, self.port) {
            if system::stops() > 0 {
                server.stop();
                return Err(SetupError::Interrupted { doing: "starting JupyterLab".into() });
            }
            let ended =
                server.0.try_wait().map_err(|error| SetupError::io("waiting for", Path::new("JupyterLab"), error))?;
            if ended.is_some() || began.elapsed() > PATIENCE {
                server.stop();
                steps.clear();
                return Err(not_started(&log, self.port));
            }
            thread::sleep(Duration::from_millis(100));
        }
        steps.done();
        println!("JupyterLab is at http://{host}:{}/lab/tree/{}?token={token}", self.port, percent(inside.as_os_str()));
        println!("Ctrl-C stops it. Its log is {}", log.display());
        let _ = std::io::stdout().flush();

        let mut stopping = Stopping::new();
        let status = loop {
            if let Some(status) =
                server.0.try_wait().map_err(|error| SetupError::io("waiting for", Path::new("JupyterLab"), error))?
            {
                break status;
            }
            stopping.check(&mut server.0);
            thread::sleep(Duration::from_millis(100));
        };
        if status.success() || system::stops() > 0 {
            let _ = fs::remove_file(&log);
            println!("JupyterLab has stopped.");
            return Ok(());
        }
        Err(SetupError::Failed {
            doing: "JupyterLab".into(),
            why: format!("and its log is {}", log.display()),
            advice: "look at its last lines, and run the same command again".into(),
        })
    }

    fn command(&self, root: &Path, token: &str, log: &Path) -> Result<Command, SetupError> {
        let out = File::create(log).map_err(|error| SetupError::io("writing", log, error))?;
        let err = out.try_clone().map_err(|error| SetupError::io("writing", log, error))?;
        let mut command = process::command(self.home.python_exe());
        environment(&mut command, self.home, self.data);
        let setting = |name: &str, value: &OsStr| {
            let mut setting = OsString::from(format!("--{name}="));
            setting.push(value);
            setting
        };
        command
            .args(["-m", "jupyterlab"])
            .arg(setting("ServerApp.root_dir", root.as_os_str()))
            .arg(setting("ServerApp.ip", self.ip.as_ref()))
            .arg(setting("ServerApp.port", self.port.to_string().as_ref()))
            .arg("--ServerApp.port_retries=0")
            // Nothing calls home: no news, no look for a newer JupyterLab.
            .arg("--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate")
            .env("JUPYTER_TOKEN", token)
            .current_dir(root)
            .stdout(out)
            .stderr(err)
            // A group of its own: Ctrl-C then reaches us alone, and JupyterLab is asked to stop without its y/n question.
            .process_group(0);
        if system::is_root() {
            // In a container people are root, and JupyterLab would refuse.
            command.arg("--allow-root");
        }
        let screen = cfg!(target_os = "macos")
            || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
        if !self.browser || !screen {
            command.arg("--no-browser");
        }
        command.arg(self.notebook).stdin(Stdio::null());
        Ok(command)
    }
}

/// Ends the server when we leave early, whatever the reason.
struct Guard(Child);

impl Guard {
    fn stop(&mut self) {
        for (signal, patience) in [(system::SIGTERM, 100), (system::SIGKILL, 50)] {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            system::send(self.0.id(), signal);
            for _ in 0..patience {
                if matches!(self.0.try_wait(), Ok(Some(_))) {
                    return;
                }
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Does a Jupyter server answer there?
fn answers(host: &str, port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(format!("GET /api HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n").as_bytes())?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok(start.starts_with(b"HTTP/"))
    };
    ask().unwrap_or(false)
}

fn not_started(log: &Path, port: u16) -> SetupError {
    let text = fs::read_to_string(log).unwrap_or_default();
    if text.contains("is already in use") {
        return SetupError::PortTaken { port, free: crate::first_free_port("localhost", port.saturating_add(1)) };
    }
    let lines: Vec<&str> = text.lines().collect();
    for line in &lines[lines.len().saturating_sub(15)..] {
        eprintln!("      {line}");
    }
    SetupError::Failed {
        doing: "starting JupyterLab".into(),
        why: format!("and the end of its log ({}) is above", log.display()),
        advice: "repair what it names; a setting in your own Jupyter configuration may be the cause".into(),
    }
}

/// 24 random bytes, in hex.
fn token() -> Result<String, SetupError> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0_u8; 24];
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|error| SetupError::io("reading", source, error))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A path as a part of an address.
fn percent(path: &OsStr) -> String {
    path.as_bytes()
        .iter()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => char::from(*byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// The notebook that a flag names: from the current folder, else from the checkout.
pub(crate) fn find_notebook(root: &Path, asked: Option<&Path>) -> Result<PathBuf, SetupError> {
    let asked = asked.unwrap_or(Path::new("notebooks/00-overview.ipynb"));
    let here = std::path::absolute(asked).map_err(|error| SetupError::io("resolving", asked, error))?;
    [here, root.join(asked), root.join("notebooks").join(asked)].into_iter().find(|file| file.is_file()).ok_or_else(
        || {
            let mut names: Vec<String> = fs::read_dir(root.join("notebooks"))
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .filter(|name| name.ends_with(".ipynb"))
                .collect();
            names.sort();
            let there = if names.is_empty() { "nothing".into() } else { names.join(", ") };
            SetupError::Usage(format!("there is no notebook {} (the folder notebooks holds {there})", asked.display()))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_addresses() {
        assert_eq!(percent(OsStr::new("notebooks/00-overview.ipynb")), "notebooks/00-overview.ipynb");
        assert_eq!(percent(OsStr::new("a b/é?.ipynb")), "a%20b/%C3%A9%3F.ipynb");
    }

    #[test]
    fn tokens_differ() {
        let (one, other) = (token().unwrap(), token().unwrap());
        assert_eq!(one.len(), 48);
        assert_ne!(one, other);
    }

    #[test]
    fn a_missing_notebook_gets_a_sentence() {
        let error = find_notebook(Path::new("/nowhere"), Some(Path::new("99-none.ipynb"))).unwrap_err().to_string();
        assert!(error.starts_with("there is no notebook 99-none.ipynb"), "{error}");
    }
}
