//! The pipe on which the runner tells what a cell shows.

use std::collections::BTreeMap;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::Sources;
use super::failure::Failure;
use super::input::{InputAnswers, InputPipe};
use crate::installation::Installation;

/// Forms of one output, by MIME type.
pub type Mime = BTreeMap<String, Value>;

/// Something that a cell shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Text on `stdout` or `stderr`.
    Stream {
        /// Which of the two.
        name: String,
        /// What was printed.
        text: String,
    },
    /// Something to display, or to put in the place of what has this id.
    Display {
        /// The forms.
        data: Mime,
        /// What there is to say about forms, by MIME type.
        metadata: Mime,
        /// A name for later updates.
        display_id: Option<String>,
        /// Whether it replaces.
        update: bool,
    },
    /// The value of the cell: its forms, and what there is to say about them.
    Result(Mime, Mime),
    /// How far a computation is.
    Progress(Progress),
    /// The cell reads its standard input.
    Input {
        /// What to ask.
        prompt: String,
        /// Whether the answer is not to be seen.
        password: bool,
    },
    /// What the cell has shown is to go.
    ClearOutput {
        /// Only when there is something new to show.
        wait: bool,
    },
    /// Something for the other end of a comm, which lives in the browser.
    Comm(CommEvent),
    /// From now on, and until the cell ends, what it prints to `stderr` counts as printed to `stdout`.
    JoinStreams,
}

/// What a cell does with a comm.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CommEvent {
    /// Names the comm.
    pub comm_id: String,
    /// What is done.
    pub action: CommAction,
    /// The data that goes with it.
    #[serde(default)]
    pub data: Value,
    /// What the other end is, for `open`.
    #[serde(default)]
    pub target_name: String,
}

/// The three things that can be done with a comm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommAction {
    /// Opens it.
    Open,
    /// Sends on it.
    Message,
    /// Closes it.
    Close,
}

/// How far a computation is; the engine's `events::Progress` on the wire.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Progress {
    /// Tells computations of one session apart.
    pub id: u64,
    /// Finished tasks.
    pub done: usize,
    /// All tasks.
    pub total: usize,
    /// Since it began.
    pub seconds: f64,
    /// A task that is running.
    pub running: Option<String>,
    /// `running`, `finished`, `failed` or `cancelled`.
    pub state: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Stream {
        name: String,
        text: String,
    },
    Display {
        data: Mime,
        #[serde(default)]
        metadata: Mime,
        display_id: Option<String>,
        update: bool,
    },
    Result {
        data: Mime,
        #[serde(default)]
        metadata: Mime,
    },
    Progress(Progress),
    Panic {
        message: String,
        file: Option<String>,
        line: Option<u32>,
    },
    UserError {
        message: String,
    },
    CellPanicked,
    Begin,
    End,
    /// From the supervisor: a cell has ended by itself, and so many can be undone.
    Ready {
        copied: bool,
        process: u32,
    },
    /// From the supervisor: the process of the cells has ended.
    Died(Death),
    /// From the supervisor: so many cells have been undone.
    Undone {
        steps: usize,
        process: u32,
    },
    Input {
        #[serde(default)]
        prompt: String,
        #[serde(default)]
        password: bool,
    },
    ClearOutput {
        #[serde(default)]
        wait: bool,
    },
    Comm(CommEvent),
}

/// How the process that runs cells ended.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Death {
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it exited with.
    pub code: Option<i32>,
    /// `interrupted`, `memory`, `rolled_back` or `itself`.
    pub why: String,
    /// The limit of memory, in bytes; 0 where there is none.
    pub limit: u64,
    /// Whether a cell ran.
    pub running: bool,
    /// Whether a copy from before the cell has taken over.
    pub restored: bool,
    /// Why not.
    pub reason: Option<String>,
    /// The process that runs cells now.
    pub process: u32,
}

/// What a cell did beside showing things.
#[derive(Debug, Default)]
pub struct Report {
    /// The panic that ended it.
    pub panic: Option<Failure>,
    /// The error that a `?` met.
    pub user_error: Option<String>,
    /// The newest panic; the cell's own, if the cell turns out to have ended by one.
    last_panic: Option<Failure>,
    /// The end of what it printed to stderr.
    pub stderr: String,
    /// How its process ended.
    pub death: Option<Death>,
    /// For each time that compiled code has run to its end: whether it can be undone.
    pub runs: Vec<bool>,
    /// The process that has the variables now.
    pub worker: Option<u32>,
    /// How many cells the supervisor has undone.
    pub undone: Option<usize>,
}

/// Where the loader looks for shared libraries.
const LIBRARY_PATH: &str = if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };
/// How much of stderr a message may quote.
const QUOTED: usize = 8 * 1024;

/// The kernel's ends of the pipes to and from the runner. The runner's ends stay open here too, so that one that is started
/// again can use them.
pub struct EventPipe {
    writer: PipeWriter,
    control: Control,
    /// The runner's end of it.
    controlled: PipeReader,
    input: InputPipe,
    /// Asks the reading thread to say when it has handled all that was sent.
    ask: PipeWriter,
    report: Arc<Mutex<Report>>,
    fences: crossbeam_channel::Receiver<()>,
    outputs: Box<dyn Fn(Event) + Send>,
    captured: Captured,
    runs: Arc<AtomicBool>,
}

/// The way to the runner's supervisor.
#[derive(Clone)]
pub struct Control(Arc<Mutex<PipeWriter>>);

impl Control {
    /// Sends one instruction, such as `interrupt` or `undo 1`.
    pub fn send(&self, instruction: &str) {
        let mut pipe = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // A runner that has gone hears of nothing, and needs not.
        let _ = pipe.write_all(format!("{instruction}\n").as_bytes());
    }
}

/// The MIME type that is being caught, and what has been.
type Captured = Arc<Mutex<Option<(String, Vec<Value>)>>>;

/// Displays of one MIME type, kept instead of shown until this is dropped.
pub struct Capture(Captured);

impl Capture {
    /// All that was caught, in order.
    pub fn take(self) -> Vec<Value> {
        let mut captured = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        captured.take().map(|(_, values)| values).unwrap_or_default()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
    }
}

/// The reading thread answers at once, unless the client takes nothing any more.
const FENCE_PATIENCE: Duration = Duration::from_secs(5);

impl EventPipe {
    pub fn new(sources: Arc<Mutex<Sources>>, sink: impl Fn(Event) + Send + 'static) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let (asked, ask) = io::pipe()?;
        let (controlled, control) = io::pipe()?;
        let runs = Arc::new(AtomicBool::new(false));
        let report = Arc::new(Mutex::new(Report::default()));
        let (passed, fences) = crossbeam_channel::unbounded();
        let sink = Arc::new(Mutex::new(sink));
        let captured = Captured::default();
        let reading = Reading {
            report: Arc::clone(&report),
            sources,
            passed,
            captured: Arc::clone(&captured),
            runs: Arc::clone(&runs),
        };
        let for_reader = Arc::clone(&sink);
        std::thread::Builder::new().name("events".to_owned()).spawn(move || {
            reading.read(reader, asked, |event| (for_reader.lock().unwrap_or_else(|p| p.into_inner()))(event))
        })?;
        let outputs = Box::new(move |event| (sink.lock().unwrap_or_else(|p| p.into_inner()))(event));
        Ok(EventPipe {
            writer,
            control: Control(Arc::new(Mutex::new(control))),
            controlled,
            input: InputPipe::new()?,
            ask,
            report,
            fences,
            outputs,
            captured,
            runs,
        })
    }

    /// The command that starts the runner with these pipes.
    pub fn runner_command(&self, installation: &Installation, folder: &Path) -> Command {
        let mut command = Command::new(installation.programs.join("taskloom-runner"));
        let descriptors =
            [("TASKLOOM_EVENTS_FD", self.writer.as_raw_fd()), ("TASKLOOM_CONTROL_FD", self.controlled.as_raw_fd())];
        command
            .envs(descriptors.map(|(name, descriptor)| (name, descriptor.to_string())))
            .env("TASKLOOM_ENGINE", &installation.engine)
            .env("TASKLOOM_SESSION_FOLDER", folder)
            // Cells name the engine as a library they need; here is where the loader finds it.
            .env(LIBRARY_PATH, with_folder(installation));
        if let Some(path) = std::env::var_os(LIBRARY_PATH) {
            command.env("TASKLOOM_USERS_LIBRARY_PATH", path);
        }
        super::toolchain::restore_environment(&mut command);
        self.input.pass_to(&mut command);
        // SAFETY: only async-signal-safe calls between fork and exec.
        unsafe {
            command.pre_exec(move || {
                for (_, descriptor) in descriptors {
                    if libc::fcntl(descriptor, libc::F_SETFD, 0) < 0 {
                        return Err(io::Error::last_os_error());
                    }
                }
                // An interrupt from the keyboard of a terminal goes to the kernel, which decides.
                libc::setpgid(0, 0);
                Ok(())
            });
        }
        command
    }

    /// Tells the runner's supervisor things.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// What takes the lines that cells ask for.
    pub fn input_answers(&self) -> InputAnswers {
        self.input.answers()
    }

    /// Whether the runner is in a cell, rather than waiting for one to be compiled.
    pub fn runs(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.runs)
    }

    /// Waits until all that was sent before has been handled.
    pub fn fence(&mut self) {
        if self.ask.write_all(b"?").is_ok() {
            let _ = self.fences.recv_timeout(FENCE_PATIENCE);
        }
    }

    pub fn capture(&self, mime_type: &str) -> Capture {
        let mut captured = self.captured.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *captured = Some((mime_type.to_owned(), Vec::new()));
        Capture(Arc::clone(&self.captured))
    }

    pub fn take_report(&self) -> Report {
        std::mem::take(&mut *self.report.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    /// Shows something of the kernel's own.
    pub fn show(&mut self, event: Event) {
        self.fence();
        (self.outputs)(event);
    }

    /// Shows what evcxr itself has to show: the output of its commands, and of `evcxr_display`.
    pub fn outputs(&mut self, outputs: evcxr::EvalOutputs) {
        if outputs.is_empty() {
            return;
        }
        self.fence();
        let data = outputs.content_by_mime_type.into_iter().map(|(mime, text)| (mime, Value::String(text))).collect();
        (self.outputs)(Event::Result(data, Mime::new()));
    }
}

fn with_folder(installation: &Installation) -> std::ffi::OsString {
    let own = installation.engine.parent().map(std::path::Path::to_path_buf);
    let before = std::env::var_os(LIBRARY_PATH).unwrap_or_default();
    let folders = own.into_iter().chain(std::env::split_paths(&before).filter(|path| !path.as_os_str().is_empty()));
    std::env::join_paths(folders).unwrap_or_default()
}

struct Reading {
    report: Arc<Mutex<Report>>,
    sources: Arc<Mutex<Sources>>,
    passed: crossbeam_channel::Sender<()>,
    captured: Captured,
    runs: Arc<AtomicBool>,
}

/// Events that are handled before a fence is answered all the same: a background thread may print without end.
const MOST_READS: usize = 4096;

impl Reading {
    fn read(self, mut reader: PipeReader, mut asked: PipeReader, sink: impl Fn(Event)) {
        let mut pending = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            wait_for(&[reader.as_raw_fd(), asked.as_raw_fd()], -1);
            // All that is in the pipe first: a fence stands for everything that came before it.
            for _ in 0..MOST_READS {
                if !wait_for(&[reader.as_raw_fd()], 0)[0] {
                    break;
                }
                let Ok(length @ 1..) = reader.read(&mut buffer) else { return };
                pending.extend_from_slice(&buffer[..length]);
                while let Some(end) = pending.iter().position(|&byte| byte == b'\n') {
                    let line: Vec<u8> = pending.drain(..=end).collect();
                    // A line that is not an event is half of one: the runner was killed in the middle.
                    if let Ok(line) = serde_json::from_slice::<Line>(&line) {
                        self.handle(line, &sink);
                    }
                }
            }
            if wait_for(&[asked.as_raw_fd()], 0)[0] {
                let mut question = [0];
                if asked.read_exact(&mut question).is_err() {
                    return;
                }
                let _ = self.passed.send(());
            }
        }
    }

    fn handle(&self, line: Line, sink: &impl Fn(Event)) {
        match line {
            Line::Stream { name, text } => {
                let text = if name == "stderr" { self.note_stderr(&text) } else { text };
                sink(Event::Stream { name, text });
            }
            Line::Display { data, metadata, display_id, update } => {
                let mut captured = self.captured.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                if let Some((mime_type, values)) = &mut *captured
                    && let Some(value) = data.get(mime_type)
                {
                    values.push(value.clone());
                    return;
                }
                drop(captured);
                sink(Event::Display { data, metadata, display_id, update });
            }
            Line::Result { data, metadata } => sink(Event::Result(data, metadata)),
            // Who captures wants an answer, and no bars above it.
            Line::Progress(_) if self.captured.lock().unwrap_or_else(|p| p.into_inner()).is_some() => {}
            Line::Progress(progress) => sink(Event::Progress(progress)),
            Line::Panic { message, file, line } => {
                let sources = self.sources.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                let place = file.zip(line).and_then(|(file, line)| sources.place(&file, line));
                let failure = Failure::panic(&message, place.as_ref());
                drop(sources);
                let before = self.report().last_panic.replace(failure);
                self.tell_of_panic(before, sink);
            }
            Line::CellPanicked => {
                let mut report = self.report();
                report.panic = report.last_panic.take();
            }
            Line::UserError { message } => {
                let message = self.sources.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).translate(&message);
                self.report().user_error = Some(message);
            }
            Line::Input { prompt, password } => sink(Event::Input { prompt, password }),
            Line::ClearOutput { wait } => sink(Event::ClearOutput { wait }),
            Line::Comm(comm) => sink(Event::Comm(comm)),
            Line::Ready { copied, process } => {
                let mut report = self.report();
                report.runs.push(copied);
                report.worker = Some(process);
            }
            Line::Died(death) => {
                self.runs.store(false, Ordering::SeqCst);
                let mut report = self.report();
                report.worker = Some(death.process);
                report.death = Some(death);
            }
            Line::Undone { steps, process } => {
                let mut report = self.report();
                report.undone = Some(steps);
                report.worker = Some(process);
            }
            Line::Begin => self.runs.store(true, Ordering::SeqCst),
            Line::End => {
                self.runs.store(false, Ordering::SeqCst);
                let caught = self.report().last_panic.take();
                self.tell_of_panic(caught, sink);
            }
        }
    }

    /// A panic that did not end the cell, because it was caught or in another thread, is only told of.
    fn tell_of_panic(&self, panic: Option<Failure>, sink: &impl Fn(Event)) {
        if let Some(panic) = panic {
            let place = panic.place.map(|place| format!(" ({place})")).unwrap_or_default();
            let text = format!("a thread panicked, or a panic was caught: {}{place}\n", panic.value);
            sink(Event::Stream { name: "stderr".to_owned(), text });
        }
    }

    fn note_stderr(&self, text: &str) -> String {
        let text = self.sources.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).translate(text);
        let mut report = self.report();
        report.stderr.push_str(&text);
        if report.stderr.len() > 2 * QUOTED {
            let from = (report.stderr.len() - QUOTED..).find(|&at| report.stderr.is_char_boundary(at)).unwrap_or(0);
            report.stderr.drain(..from);
        }
        text
    }

    fn report(&self) -> std::sync::MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Waits until something can be read, for so many milliseconds (-1: for ever); says of each descriptor whether it is that.
fn wait_for<const N: usize>(descriptors: &[RawFd; N], milliseconds: libc::c_int) -> [bool; N] {
    let mut waits = descriptors.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
    // SAFETY: the array outlives the call, and its length is given.
    unsafe { libc::poll(waits.as_mut_ptr(), N as libc::nfds_t, milliseconds) };
    waits.map(|wait| wait.revents != 0)
}
