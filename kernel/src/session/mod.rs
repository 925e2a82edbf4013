//! One user's session: evcxr compiles cells, a runner process runs them, and what they show comes out as events.
//!
//! ```text
//!  code ─► rewrite (outline) ─► types (evcxr check ► driver ► rustc) ─► rewrite (typed) ─► evcxr ─► runner
//!                                                                                                    │
//!  sink ◄──────────────────────────── events, a pipe of JSON lines ◄──────────────────────────────────┘
//! ```

mod commands;
mod events;
mod failure;
pub mod rewrite;
mod sources;
mod toolchain;
mod types;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use evcxr::{CommandContext, Error, EvalContext};

pub use commands::{Dependency, DependencyError};
pub use events::{Capture, Event, Mime, Progress};
pub use failure::Failure;
pub use toolchain::prepare_environment;

use crate::installation::Installation;
use events::EventPipe;
use sources::Sources;

/// The parser could not read the cell, and rustc had nothing to say about it.
const NOT_RUST: &str = "this is not Rust";

/// How long an interrupted cell may go on before its process is ended.
const GRACE: Duration = Duration::from_millis(2000);

/// A running session.
pub struct Session {
    context: CommandContext,
    events: EventPipe,
    sources: Arc<Mutex<Sources>>,
    interrupter: Interrupter,
    last_run_time: Option<Duration>,
    /// For magics.
    kept: commands::Kept,
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
            in_runner: events.runs(),
            file: toolchain::interrupted_file(folder.path()),
            cell: Arc::default(),
            running: Arc::default(),
            interrupted: Arc::default(),
        };
        Ok(Session {
            context,
            events,
            sources,
            interrupter,
            last_run_time: None,
            kept: Default::default(),
            _folder: folder,
        })
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
        self.interrupter.in_runner.store(false, Ordering::SeqCst);
        let report = self.events.take_report();
        if self.interrupter.interrupted.load(Ordering::SeqCst) {
            let lost = matches!(result, Err(Error::SubprocessTerminated(_)));
            return Err(Failure::interrupted(lost));
        }
        if let Some(panic) = report.panic {
            return Err(panic);
        }
        if let Some(message) = report.user_error {
            return Err(Failure::question_mark(&message));
        }
        match result {
            Ok(()) => Ok(()),
            Err(Error::Message(message)) if message == NOT_RUST => {
                let (_, rust) = split_commands(code);
                let (at, message) = rewrite::outline(&rust).error.unwrap_or_default();
                Err(Failure::syntax(code, at, &message))
            }
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
        if outline.error.is_some() {
            // rustc's own words are better than the parser's, where it has any: evcxr leaves out what it cannot split.
            self.begin_source(code, &rewrite::Edited::new(&rust, Vec::new()), number);
            let messages = self.context.check(&joined(&dependencies_of(&commands), &rust))?;
            let said = messages.into_iter().filter(|message| message.level() == "error");
            let mut errors: Vec<_> = said.filter(|error| error.is_from_user_code()).collect();
            errors.retain(|error| error.primary_spanned_message().is_some_and(|part| part.span.is_some()));
            return Err(if errors.is_empty() { NOT_RUST.into() } else { Error::CompilationErrors(errors) });
        }
        if let Some(name) = outline.deferred.first() {
            return Err(failure::deferred(name).into());
        }
        if !outline.untyped.is_empty() {
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
            if self.interrupter.interrupted.load(Ordering::SeqCst) {
                return Err(NOT_RUST.into());
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
        let is_command = (trimmed.starts_with(':') && !trimmed.starts_with("::")) || line.starts_with('!');
        leading &= trimmed.is_empty() || trimmed.starts_with("//") || is_command;
        if leading && is_command {
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
    /// Whether the process is in the cell; before, the cell is being compiled.
    in_runner: Arc<AtomicBool>,
    /// Tells a compilation.
    file: PathBuf,
    cell: Arc<AtomicU64>,
    running: Arc<AtomicBool>,
    interrupted: Arc<AtomicBool>,
}

impl Interrupter {
    fn begin(&self) -> Running {
        let _ = std::fs::remove_file(&self.file);
        self.interrupted.store(false, Ordering::SeqCst);
        self.cell.fetch_add(1, Ordering::SeqCst);
        self.running.store(true, Ordering::SeqCst);
        Running(Arc::clone(&self.running))
    }

    /// Stops the cell that is running, if one is. One that is still compiled does not begin; the engine's computations
    /// end at once; and a cell that goes on for two more seconds loses its process.
    pub fn interrupt(&self) {
        if !self.running.load(Ordering::SeqCst) {
            return;
        }
        self.interrupted.store(true, Ordering::SeqCst);
        let _ = std::fs::write(&self.file, "");
        let (this, cell) = (self.clone(), self.cell.load(Ordering::SeqCst));
        std::thread::spawn(move || {
            let cell_goes_on = || this.running.load(Ordering::SeqCst) && this.cell.load(Ordering::SeqCst) == cell;
            let pause = || std::thread::sleep(Duration::from_millis(20));
            while cell_goes_on() && !this.in_runner.load(Ordering::SeqCst) {
                pause();
            }
            let Some(process) = this.process_id().filter(|_| cell_goes_on()) else { return };
            this.signal(process, libc::SIGINT);
            let end = Instant::now() + GRACE;
            while cell_goes_on() && Instant::now() < end {
                pause();
            }
            if cell_goes_on() {
                this.signal(process, libc::SIGKILL);
            }
        });
    }

    /// Ends the process that runs cells, for good.
    pub fn kill(&self) {
        // What the kernel itself does for a cell, such as a shell command, is to end as well.
        self.interrupted.store(true, Ordering::SeqCst);
        if let Some(process) = self.process_id() {
            self.signal(process, libc::SIGKILL);
        }
    }

    fn process_id(&self) -> Option<u32> {
        self.process.try_lock().ok().map(|process| process.id())
    }

    /// Signals the process, unless another has taken its place since.
    fn signal(&self, id: u32, signal: libc::c_int) {
        if let Ok(process) = self.process.try_lock()
            && process.id() == id
        {
            // SAFETY: the lock keeps the child from being reaped, so its id is not another process's.
            unsafe { libc::kill(id as libc::pid_t, signal) };
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
