//! One user's session: evcxr compiles cells, a runner process runs them, and what they show comes out as events.
//!
//! ```text
//!  code ─► rewrite (outline) ─► types (evcxr check ► driver ► rustc) ─► rewrite (typed) ─► evcxr ─► runner
//!                                                                                                    │
//!  sink ◄──────────────────────────── events, a pipe of JSON lines ◄──────────────────────────────────┘
//! ```

mod events;
mod failure;
pub mod rewrite;
mod sources;
mod toolchain;
mod types;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use evcxr::{CommandContext, Error, EvalContext};

pub use events::{Capture, Event, Mime, Progress};
pub use failure::Failure;
pub use toolchain::prepare_environment;

use crate::installation::Installation;
use events::EventPipe;
use sources::Sources;

/// How long an interrupted cell may go on before its process is ended.
const GRACE: Duration = Duration::from_millis(2000);

/// A running session.
pub struct Session {
    context: CommandContext,
    events: EventPipe,
    sources: Arc<Mutex<Sources>>,
    interrupter: Interrupter,
    last_run_time: Option<Duration>,
    /// Removed with the session.
    _folder: tempfile::TempDir,
}

/// Code to complete, and what to put in its place.
#[derive(Debug, Default)]
pub struct Completions {
    /// Byte range of the code that a completion replaces.
    pub replaces: std::ops::Range<usize>,
    /// The candidates, each with its kind.
    pub candidates: Vec<(String, &'static str)>,
}

impl Session {
    /// Starts the tools and the runner. Must be called on the thread that keeps the session: on Linux the runner dies
    /// with it.
    ///
    /// [`prepare_environment`] must have been called, before any thread was started.
    ///
    /// # Errors
    /// A sentence about what is missing.
    pub fn start(
        installation: &Installation,
        folder: tempfile::TempDir,
        sink: impl Fn(Event) + Send + 'static,
    ) -> Result<Session, String> {
        let sources = Arc::new(Mutex::new(Sources::new(folder.path().join("src/lib.rs"))));
        let events =
            EventPipe::new(Arc::clone(&sources), sink).map_err(|error| format!("cannot make a pipe: {error}"))?;
        let runner = events.runner_command(installation);
        let (context, outputs) = EvalContext::with_subprocess_command(runner).map_err(|error| error.to_string())?;
        // The runner sends what users print as events; what is left here is its own complaints.
        std::thread::spawn(move || outputs.stdout.iter().for_each(drop));
        std::thread::spawn(move || outputs.stderr.iter().for_each(|line| eprintln!("{line}")));
        let context = CommandContext::with_eval_context(context);
        let interrupter = Interrupter {
            process: context.process_handle(),
            cell: Arc::default(),
            running: Arc::default(),
            interrupted: Arc::default(),
        };
        Ok(Session { context, events, sources, interrupter, last_run_time: None, _folder: folder })
    }

    /// A handle by which another thread can interrupt a cell.
    pub fn interrupter(&self) -> Interrupter {
        self.interrupter.clone()
    }

    /// Runs a cell. What it shows goes to the sink, all of it before this returns.
    ///
    /// `number` is the cell's execution count, for messages about a later cell.
    ///
    /// # Errors
    /// Why the cell did not finish.
    pub fn execute(&mut self, code: &str, number: u32) -> Result<(), Failure> {
        let _running = self.interrupter.begin();
        self.last_run_time = None;
        let result = self.execute_uninterrupted(code, number);
        self.events.fence();
        let report = self.events.take_report();
        if self.interrupter.interrupted.load(Ordering::SeqCst) {
            let lost = matches!(result, Err(Error::SubprocessTerminated(_)));
            return Err(Failure::interrupted(lost));
        }
        if let Some(panic) = report.panic {
            return Err(panic);
        }
        if report.user_error {
            return Err(Failure::question_mark(&report.stderr));
        }
        match result {
            Ok(()) => Ok(()),
            Err(Error::SubprocessTerminated(message)) => Err(Failure::died(&message, &report.stderr)),
            Err(Error::CompilationErrors(errors)) => {
                Err(Failure::compilation(&errors, &self.sources.lock().unwrap_or_else(|p| p.into_inner())))
            }
            Err(error) => Err(Failure::message(&error.to_string())),
        }
    }

    fn execute_uninterrupted(&mut self, code: &str, number: u32) -> Result<(), Error> {
        let (commands, rust) = split_commands(code);
        let outline = rewrite::outline(&rust);
        let mut types = vec![None; outline.untyped.len()];
        if outline.error.is_none() && !outline.untyped.is_empty() {
            let probed = types::probe(&rust, &outline);
            self.begin_source(code, &probed, number);
            let messages = self.context.check(&joined(&dependencies_of(&commands), &probed.text))?;
            let mut errors: Vec<_> = messages.iter().filter(|message| message.level() == "error").cloned().collect();
            if !errors.is_empty() {
                if errors.iter().any(|error| error.is_from_user_code()) {
                    errors.retain(|error| error.is_from_user_code());
                }
                return Err(Error::CompilationErrors(errors));
            }
            types = types::named_types(&messages, &outline.untyped);
            for (binding, ty) in outline.untyped.iter().zip(&types) {
                if let Some(ty) = ty
                    && !types::is_nameable(ty)
                {
                    return Err(Error::Message(failure::unnameable(&binding.name, ty)));
                }
            }
        }
        let edited = types::typed(&rust, &outline, &types);
        self.begin_source(code, &edited, number);
        let outputs = self.context.execute(&joined(&commands, &edited.text))?;
        self.last_run_time = outputs.phases.iter().find(|phase| phase.name == "Execution").map(|phase| phase.duration);
        self.events.outputs(outputs);
        Ok(())
    }

    /// How long the last cell ran, without the time it took to compile.
    pub fn last_run_time(&self) -> Option<Duration> {
        self.last_run_time
    }

    /// From now until the capture is dropped, displays of a MIME type are kept instead of shown.
    pub fn capture(&self, mime_type: &str) -> Capture {
        self.events.capture(mime_type)
    }

    fn begin_source(&self, original: &str, edited: &rewrite::Edited, number: u32) {
        self.sources.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).begin(original, edited, number);
    }

    /// What could stand at a byte offset of the code.
    pub fn complete(&mut self, code: &str, offset: usize) -> Completions {
        match self.context.completions(code, offset) {
            Ok(found) => Completions {
                replaces: found.start_offset..found.end_offset,
                candidates: found.completions.into_iter().map(|item| (item.code, item.kind)).collect(),
            },
            Err(_) => Completions { replaces: offset..offset, candidates: Vec::new() },
        }
    }

    /// The session's variables with their types, sorted by name.
    pub fn variables(&self) -> Vec<(String, String)> {
        let mut variables: Vec<_> =
            self.context.variables_and_types().map(|(name, ty)| (name.to_owned(), ty.to_owned())).collect();
        variables.sort();
        variables
    }

    /// The functions and types that cells have defined, sorted.
    pub fn items(&self) -> Vec<String> {
        let mut items: Vec<_> = self.context.defined_item_names().map(str::to_owned).collect();
        items.sort();
        items
    }
}

/// Splits off the leading lines that are evcxr's (`:dep`, `!ls`). In the Rust part they are blank, so lines keep their
/// numbers.
fn split_commands(code: &str) -> (String, String) {
    let mut commands = String::new();
    let mut rust = String::new();
    let mut leading = true;
    for line in code.split_inclusive('\n') {
        let trimmed = line.trim_start();
        leading &= trimmed.is_empty() || trimmed.starts_with("//") || trimmed.starts_with(':') || line.starts_with('!');
        if leading && (trimmed.starts_with(':') || line.starts_with('!')) {
            commands.push_str(line);
            rust.push('\n');
        } else {
            if leading {
                commands.push('\n');
            }
            rust.push_str(line);
        }
    }
    if commands.trim().is_empty() {
        commands.clear();
    }
    (commands, rust)
}

/// The commands that a check has to know; others would do their work twice, or are not for evcxr's checks at all.
fn dependencies_of(commands: &str) -> String {
    commands.split_inclusive('\n').map(|line| if line.trim_start().starts_with(":dep") { line } else { "\n" }).collect()
}

/// The commands, with the Rust part in the place of its own leading blank lines.
fn joined(commands: &str, rust: &str) -> String {
    let mut rest = rust;
    for _ in 0..commands.matches('\n').count() {
        rest = rest.split_once('\n').map_or("", |(_, after)| after);
    }
    format!("{commands}{rest}")
}

/// Interrupts a session's cell from another thread.
#[derive(Clone)]
pub struct Interrupter {
    process: Arc<Mutex<std::process::Child>>,
    cell: Arc<AtomicU64>,
    running: Arc<AtomicBool>,
    interrupted: Arc<AtomicBool>,
}

impl Interrupter {
    fn begin(&self) -> Running {
        self.interrupted.store(false, Ordering::SeqCst);
        self.cell.fetch_add(1, Ordering::SeqCst);
        self.running.store(true, Ordering::SeqCst);
        Running(Arc::clone(&self.running))
    }

    /// Stops the cell that is running, if one is: the engine's computations end at once, and a cell that goes on for
    /// two more seconds loses its process.
    pub fn interrupt(&self) {
        if !self.running.load(Ordering::SeqCst) {
            return;
        }
        self.interrupted.store(true, Ordering::SeqCst);
        self.signal(libc::SIGINT);
        let (this, cell) = (self.clone(), self.cell.load(Ordering::SeqCst));
        std::thread::spawn(move || {
            let still_runs = || this.running.load(Ordering::SeqCst) && this.cell.load(Ordering::SeqCst) == cell;
            let end = Instant::now() + GRACE;
            while still_runs() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(20));
            }
            // Again and again: the cell may still be compiling, and its process not have begun it.
            while still_runs() {
                this.signal(libc::SIGKILL);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
    }

    /// Ends the process that runs cells, for good.
    pub fn kill(&self) {
        self.signal(libc::SIGKILL);
    }

    fn signal(&self, signal: libc::c_int) {
        if let Ok(process) = self.process.try_lock() {
            // SAFETY: the lock keeps the child from being reaped, so its id is not another process's.
            unsafe { libc::kill(process.id() as libc::pid_t, signal) };
        }
    }
}

struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// What the folders of sessions are called, before the number of the process.
const FOLDER_PREFIX: &str = "taskloom-";

/// A folder for one session's files. Those of kernels that were killed are removed on the way.
///
/// # Errors
/// When the system's folder for temporary files cannot be written.
pub fn session_folder() -> Result<tempfile::TempDir, String> {
    let parent = std::env::temp_dir();
    remove_abandoned(&parent);
    tempfile::Builder::new()
        .prefix(&format!("{FOLDER_PREFIX}{}-", std::process::id()))
        .tempdir_in(&parent)
        .map_err(|error| format!("cannot make a folder in {}: {error}", parent.display()))
}

/// Removes the folders of sessions whose process has gone, as far as they are ours.
fn remove_abandoned(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(FOLDER_PREFIX)?.split_once('-')?.0.parse().ok());
        let Some(process) = process else { continue };
        // SAFETY: signal 0 only asks whether the process is there.
        let gone = unsafe { libc::kill(process, 0) } < 0
            && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH);
        if gone {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a path can be used by evcxr, which speaks of files in text separated by spaces.
pub(crate) fn has_plain_path(path: &Path) -> bool {
    path.to_str().is_some_and(|path| !path.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_split_off_and_lines_keep_their_numbers() {
        let (commands, rust) = split_commands(":dep rand\n\nlet x = 1;\n:not a command");
        assert_eq!(commands, ":dep rand\n\n");
        assert_eq!(rust, "\n\nlet x = 1;\n:not a command");
        assert_eq!(joined(&commands, &rust), ":dep rand\n\nlet x = 1;\n:not a command");
        assert_eq!(dependencies_of("!ls\n:dep rand\n"), "\n:dep rand\n");
        let (commands, rust) = split_commands("// hello\nlet x = 1;");
        assert_eq!((commands.as_str(), rust.as_str()), ("", "// hello\nlet x = 1;"));
    }
}
