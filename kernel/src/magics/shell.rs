//! Programs beside the session: `!command`, `%%bash`, `%%sh`.
//!
//! A program runs in the folder and the environment of the user's code. What it prints is shown while it runs; its
//! standard input is empty. It leads a process group of its own, so that an interrupt, and the end of the kernel, reach
//! whatever it has started.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::arguments::Call;
use super::context::Context;
use super::{Magic, Magics, usage};
use crate::session::{Failure, Session};

pub(super) const MAGICS: [Magic; 2] = [
    Magic {
        name: "%%bash",
        usage: "%%bash, and the script below it",
        summary: "Runs the cell as a script of bash.",
        details: "Its output is shown while it runs, and an exit code other than 0 is an error. The script begins in the \
                  notebook's folder (%cd); variables that it sets and folders that it goes to are its own. What it starts in the background goes on. One line alone \
                  goes with `!`: `!ls -l`.",
        example: "%%bash\nfor n in 1 2 3; do echo \"line $n\"; done",
        run: Magics::script,
    },
    Magic {
        name: "%%sh",
        usage: "%%sh, and the script below it",
        summary: "Runs the cell as a script of sh.",
        details: "As %%bash, for the shell that every Unix has.",
        example: "%%sh\necho \"in $(pwd)\"",
        run: Magics::script,
    },
];

impl Magics {
    fn script(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        if !call.arguments.is_empty() {
            return Err(usage(call, &format!("{} takes its script from the lines below it", call.name)));
        }
        let shell = call.name.trim_start_matches('%');
        let mut command = Command::new(shell);
        command.arg("-c").arg(&call.body);
        run_program(context, command, "the script")
    }
}

/// Runs a line in the shell.
pub fn run(context: &mut Context, line: &str) -> Result<(), Failure> {
    if line.is_empty() {
        return Err(Failure::message("`!` runs what follows it in the shell, as in `!ls`; here nothing does"));
    }
    if is_cd(line) {
        context.stream("stderr", "A `!cd` goes elsewhere for this line alone; `%cd FOLDER` does for the notebook.\n");
    }
    let mut command = Command::new("sh");
    command.arg("-c").arg(line);
    run_program(context, command, &format!("`{}`", first_line(line)))
}

fn is_cd(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next() == Some("cd") && !line.contains(['&', ';', '|', '\n'])
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// How long a program has to end after each of the signals that tell it to.
const PATIENCE: Duration = Duration::from_millis(700);
/// How often an interrupt, or the end, is looked for.
const TICK: Duration = Duration::from_millis(20);
/// Bytes that are read at once, and pieces of so many that may wait to be shown before the program has to.
const PIECE: usize = 16 * 1024;
const WAITING: usize = 16;
/// When a program has ended, what it printed last is still on its way: pieces that wait, and what two pipes hold. What
/// comes later is from something that it left running in the background, which is not waited for.
const AFTERWORDS: usize = WAITING * PIECE + 2 * (64 * 1024 + PIECE);
const LAST_PIECE: Duration = Duration::from_millis(100);

fn run_program(context: &mut Context, mut command: Command, what: &str) -> Result<(), Failure> {
    let folder = context.session.current_directory();
    if !folder.is_dir() {
        return Err(Failure::message(&format!(
            "the folder {} has gone; `%cd FOLDER` goes to another",
            folder.display()
        )));
    }
    context.session.prepare_shell(&mut command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let program = command.get_program().to_string_lossy().into_owned();
    let show = context.show;
    let shown = |name: &str, text: String| {
        show(crate::session::Event::Stream { name: name.to_owned(), text });
    };
    // From before the program begins, so that no interrupt that somebody sends because they see it run is lost.
    let ended = context.session.outside(|interrupted| {
        let mut child = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Failure::message(&format!("there is no `{program}` on this machine's PATH"))
            }
            std::io::ErrorKind::ArgumentListTooLong => Failure::message(
                "the script is too long to be handed over; write it to a file with %%writefile and run that",
            ),
            _ => Failure::message(&format!("cannot run {what}: {error}")),
        })?;
        let group = Group(child.id());
        let _watch = group.end_with_this_process();
        let (sender, output) = sync_channel(WAITING);
        read_pieces("stdout", child.stdout.take(), sender.clone());
        read_pieces("stderr", child.stderr.take(), sender);
        Ok(follow(&mut child, &group, &output, &shown, interrupted))
    });
    match ended? {
        Ended::Interrupted => Err(Session::interruption()),
        Ended::Lost(error) => Err(Failure::message(&format!("lost track of {what}: {error}"))),
        Ended::With(status) if status.success() => Ok(()),
        Ended::With(status) => Err(Failure::message(&match (status.code(), status.signal()) {
            (Some(127), _) => format!("{what} ended with exit code 127: a command in it was not found"),
            (Some(code), _) => format!("{what} ended with exit code {code}"),
            (_, Some(signal)) => format!("{what} was ended by signal {signal}"),
            _ => format!("{what} did not succeed"),
        })),
    }
}

enum Ended {
    With(ExitStatus),
    Interrupted,
    Lost(std::io::Error),
}

/// Bytes that are shown in a second: more than anybody reads, and less than chokes a browser at once.
const MOST_A_SECOND: usize = 2 * 1024 * 1024;

/// Keeps a program that prints without end from flooding whoever watches: it has to wait.
struct Pace {
    second: Instant,
    shown: usize,
}

impl Pace {
    fn new() -> Pace {
        Pace { second: Instant::now(), shown: 0 }
    }

    /// Takes note of a piece that is shown.
    fn note(&mut self, length: usize) {
        if self.second.elapsed() >= Duration::from_secs(1) {
            *self = Pace::new();
        }
        self.shown += length;
    }

    fn is_too_fast(&self) -> bool {
        self.shown >= MOST_A_SECOND && self.second.elapsed() < Duration::from_secs(1)
    }
}

fn follow(
    child: &mut Child,
    group: &Group,
    output: &Receiver<(&'static str, String)>,
    show: &dyn Fn(&str, String),
    interrupted: &dyn Fn() -> bool,
) -> Ended {
    let mut signals = [libc::SIGINT, libc::SIGTERM, libc::SIGKILL].into_iter();
    let mut told: Option<Instant> = None;
    let mut open = true;
    let mut pace = Pace::new();
    loop {
        if open && !pace.is_too_fast() {
            match output.recv_timeout(TICK) {
                Ok((name, text)) => {
                    pace.note(text.len());
                    show(name, text);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => open = false,
            }
        } else {
            std::thread::sleep(TICK);
        }
        if (interrupted() || told.is_some())
            && told.is_none_or(|told| told.elapsed() > PATIENCE)
            && let Some(signal) = signals.next()
        {
            group.signal(signal);
            told = Some(Instant::now());
        }
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => {
                let mut left = AFTERWORDS;
                while left > 0
                    && let Ok((name, text)) = output.recv_timeout(LAST_PIECE)
                {
                    left = left.saturating_sub(text.len());
                    show(name, text);
                }
                if told.is_some() {
                    // Whoever in the group did not listen.
                    group.signal(libc::SIGKILL);
                    return Ended::Interrupted;
                }
                return Ended::With(status);
            }
            Err(error) => return Ended::Lost(error),
        }
    }
}

/// A process group, by the number of the process that leads it.
struct Group(u32);

impl Group {
    fn signal(&self, signal: libc::c_int) {
        // SAFETY: sends a signal; a group that has gone is an error that says so.
        unsafe { libc::killpg(self.0 as libc::pid_t, signal) };
    }

    /// Has the group killed when this process ends before it is told otherwise, however it ends.
    fn end_with_this_process(&self) -> Option<Watch> {
        // Its standard input closes with this process, which is what `read` waits for.
        let script = format!("read _; kill -KILL -{}", self.0);
        let watch = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        watch.ok().map(Watch)
    }
}

struct Watch(Child);

impl Drop for Watch {
    fn drop(&mut self) {
        // Killed first: it must not see its input close.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends on what comes out of a pipe, cut only between characters.
fn read_pieces(
    name: &'static str,
    pipe: Option<impl Read + Send + 'static>,
    sender: SyncSender<(&'static str, String)>,
) {
    let Some(mut pipe) = pipe else { return };
    std::thread::spawn(move || {
        let mut buffer = vec![0; PIECE];
        let mut pending = Vec::new();
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            pending.extend_from_slice(&buffer[..length]);
            let text = take_text(&mut pending);
            if !text.is_empty() && sender.send((name, text)).is_err() {
                return;
            }
        }
        if !pending.is_empty() {
            let _ = sender.send((name, String::from_utf8_lossy(&pending).into_owned()));
        }
    });
}

/// Takes all but a character that has not arrived whole.
fn take_text(pending: &mut Vec<u8>) -> String {
    let whole = match std::str::from_utf8(pending) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => pending.len(),
    };
    let taken: Vec<u8> = pending.drain(..whole).collect();
    String::from_utf8_lossy(&taken).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        let mut pending = "aé".as_bytes()[..2].to_vec();
        assert_eq!(take_text(&mut pending), "a");
        pending.extend_from_slice(&"é".as_bytes()[1..]);
        assert_eq!(take_text(&mut pending), "é");
        assert_eq!(take_text(&mut vec![b'a', 0xff, b'b']), "a\u{fffd}b");
    }

    #[test]
    fn going_to_a_folder_in_vain_is_noticed() {
        assert!(is_cd("cd data"));
        assert!(!is_cd("cd data && ls"));
        assert!(!is_cd("ls"));
    }
}
