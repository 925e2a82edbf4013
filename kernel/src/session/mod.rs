//! One user's session: cells are compiled, a runner process runs them, and what they show comes out as events.
//!
//! ```text
//!  code ─► cell (outline) ─► items: functions, types ─► compiler ─► rustc ─► libraries that later cells link to
//!              │                                          ▲ │
//!              └► statements ─► types: what `let`s mean ──┘ └► messages ─► sources (the user's lines) ─► failure
//!                     └► rewrite (typed) ─► evcxr ─► driver ─► rustc ─► runner
//!                                                                         │
//!  sink ◄──────────────────────── events, a pipe of JSON lines ◄──────────┘
//! ```

pub mod cell;
mod commands;
mod compiler;
mod crates;
mod diagnostics;
mod evcxr_commands;
mod events;
mod explain;
mod failure;
mod folder;
mod input;
mod interrupt;
mod items;
mod memory_limit;
mod outcome;
mod pace;
pub mod rewrite;
mod sources;
#[cfg(test)]
mod testing;
mod toolchain;
mod types;
mod undo;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use evcxr::{Error, EvalContext};
use serde_json::Value;

pub use commands::{Dependency, DependencyError};
pub use events::{Capture, CommAction, CommEvent, Event, Mime, Progress};
pub use failure::Failure;
pub(crate) use folder::has_plain_path;
pub use folder::session_folder;
pub use input::InputAnswers;
pub use interrupt::Interrupter;
pub use items::{Scope, words_in};
pub use memory_limit::MemoryLimit;
pub use toolchain::{prepare_environment, restore_environment};

use crate::installation::Installation;
use crate::shared::Shared;
use cell::Outline;
use compiler::{CHECKED, CompileError, Compiler, Effort, Libraries, SECRET};
use events::EventPipe;
use items::Items;
use outcome::Stop;
use rewrite::Edited;
use sources::Sources;
use undo::Step;

/// Cells that `%undo` can go back, when nothing else is said.
pub const UNDO_STEPS: usize = 5;

/// A running session.
pub struct Session {
    context: EvalContext,
    events: EventPipe,
    sources: Arc<Mutex<Sources>>,
    interrupter: Interrupter,
    compiler: Compiler,
    state: State,
    /// How it was before each of the last cells that did something, newest last.
    before: VecDeque<Step>,
    undo_steps: usize,
    /// The process that has the variables.
    worker: Option<u32>,
    kept: commands::Kept,
    /// The execution count of the cell that runs.
    number: u32,
    /// Variables that are gone, and the cells that took them.
    moved: BTreeMap<String, u32>,
    /// Names that cells would have made had they not failed.
    failed: BTreeMap<String, u32>,
    /// rustc's messages about the newest cell that it rejected.
    last_messages: Vec<Value>,
    last_run_time: Option<Duration>,
    /// How the code that runs is optimised, when it is not the user's own cell.
    level: Option<&'static str>,
    /// Removed with the session.
    _folder: tempfile::TempDir,
}

/// All that a cell can change, but for the values of variables, which are the runner's.
#[derive(Clone, Default)]
struct State {
    items: Items,
    /// What the items were compiled to.
    libraries: Libraries,
    /// Variables by name.
    variables: BTreeMap<String, Variable>,
}

/// A variable of the session.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Its type, as it can be written.
    pub ty: String,
    /// Whether it was bound with `mut`.
    pub mutable: bool,
}

impl Session {
    /// Starts the tools and the runner.
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
        Session::start_sharing(installation, folder, None, sink)
    }

    /// The same, of a session that takes from, and may add to, what others have compiled.
    ///
    /// # Errors
    /// As [`Session::start`].
    pub fn start_sharing(
        installation: &Installation,
        folder: tempfile::TempDir,
        shared: Option<Shared>,
        sink: impl Fn(Event) + Send + 'static,
    ) -> Result<Session, String> {
        let sources = Arc::new(Mutex::new(Sources::new(folder.path().join("src/lib.rs"))));
        let events =
            EventPipe::new(Arc::clone(&sources), sink).map_err(|error| format!("cannot make a pipe: {error}"))?;
        let interrupter = Interrupter::new(events.control(), events.runs(), folder.path());
        let mut compiler = Compiler::new(installation, folder.path(), interrupter.compilation())?;
        compiler.shared = shared;
        compiler.write_preamble(&Items::default(), &Libraries::default(), "", Effort::default())?;
        let runner = events.runner_command(installation, folder.path());
        let (context, outputs) = EvalContext::with_subprocess_command(runner).map_err(|error| error.to_string())?;
        // The runner sends what users print as events; what is left here is its own complaints.
        std::thread::spawn(move || outputs.stdout.iter().for_each(drop));
        std::thread::spawn(move || outputs.stderr.iter().for_each(|line| eprintln!("{line}")));
        interrupter.set_process(context.process_handle());
        let mut session = Session {
            context,
            events,
            sources,
            interrupter,
            compiler,
            state: State::default(),
            before: VecDeque::new(),
            undo_steps: UNDO_STEPS,
            worker: None,
            kept: Default::default(),
            number: 0,
            moved: BTreeMap::new(),
            failed: BTreeMap::new(),
            last_messages: Vec::new(),
            last_run_time: None,
            level: None,
            _folder: folder,
        };
        session.settle();
        Ok(session)
    }

    /// After the start of a runner: evcxr has run a cell of its own, and the supervisor does not know the settings.
    fn settle(&mut self) {
        self.events.fence();
        self.worker = self.events.take_report().worker;
        self.before.clear();
        self.tell_supervisor();
    }

    /// A handle by which another thread can interrupt a cell.
    pub fn interrupter(&self) -> Interrupter {
        self.interrupter.clone()
    }

    /// What takes the lines that cells ask for.
    pub fn input_answers(&self) -> InputAnswers {
        self.events.input_answers()
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
        if let Some(failure) = self.notice_death() {
            return Err(failure);
        }
        let state = self.state.clone();
        let evaluator = self.evaluator_state();
        let outline = cell::outline(code);
        let result = self.compile_and_run(code, number, &outline);
        self.events.fence();
        self.interrupter.leave_runner();
        let report = self.events.take_report();
        self.worker = report.worker.or(self.worker);
        let ran = !report.runs.is_empty();
        self.note_names(outline, number, &state, result.is_err());
        if ran || result.is_ok() {
            let copied = report.runs.iter().all(|&copied| copied);
            self.before.push_back(Step { number, state, evaluator, runs: report.runs.len(), copied });
            while self.before.len() > 4 * self.undo_steps {
                self.before.pop_front();
            }
        }
        self.conclude(code, result, report)
    }

    fn compile_and_run(&mut self, code: &str, number: u32, outline: &Outline) -> Result<(), Stop> {
        if let Some((at, message)) = &outline.error {
            // rustc's own words are better than the parser's, where it has any.
            let state = self.state.clone();
            let messages = self.messages(code, number, outline, &state, Vec::new())?;
            return Err(match has_errors(&messages) {
                true => Stop::Rejected(messages),
                false => Stop::Unreadable(*at, message.clone()),
            });
        }
        if let Some(name) = outline.deferred.first() {
            return Err(Stop::Said(failure::deferred(name)));
        }
        if outline.awaits {
            self.prepare_to_wait()?;
        }
        let mut state = self.state.clone();
        self.sources().begin(code, &Edited::new(code, Vec::new()), number);
        let changed = state.items.add(code, number, outline);
        if changed {
            self.compile_items(&mut state.items, &mut state.libraries)?;
        }
        // Imports are looked at with the statements, or by themselves.
        let needs_check = !outline.untyped.is_empty() || (!outline.has_statements && !outline.uses.is_empty());
        let mut types = vec![None; outline.untyped.len()];
        if needs_check {
            let edits = types::probes(outline).into_iter().chain(rewrite::show_tail(outline)).collect();
            let messages = self.messages(code, number, outline, &state, edits)?;
            if has_errors(&messages) {
                return Err(Stop::Rejected(messages));
            }
            types = types::named_types(&messages, &outline.untyped);
            for (binding, ty) in outline.untyped.iter().zip(&types) {
                if let Some(ty) = ty.as_ref().filter(|ty| !types::is_nameable(ty)) {
                    return Err(Stop::Said(failure::unnameable(&binding.name, ty)));
                }
            }
        }
        if outline.has_statements {
            self.run(code, number, outline, &types, &mut state)?;
        }
        self.state = state;
        Ok(())
    }

    /// Compiles the items. Items of earlier cells that do not fit to a type any more that is defined anew are left out, and
    /// that is told.
    fn compile_items(&mut self, items: &mut Items, libraries: &mut Libraries) -> Result<(), Stop> {
        let mut left_out = Vec::new();
        loop {
            let sources = Arc::clone(&self.sources);
            let add = |files| sources.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).add_items(files);
            let compiled = self.compiler.compile_items(items, libraries, add);
            let messages = match compiled {
                Ok(()) => {
                    self.tell_left_out(&left_out);
                    return Ok(());
                }
                Err(CompileError::Rejected(messages)) => messages,
                Err(error) => return Err(error.into()),
            };
            let places: Vec<(String, usize)> =
                messages.iter().filter_map(|message| self.primary_place(message)).collect();
            let misfits = if places.len() == messages.len() { items.take_misfits(&places) } else { Vec::new() };
            if misfits.is_empty() {
                return Err(Stop::Rejected(messages));
            }
            left_out.extend(misfits);
        }
    }

    /// The file of the items, and the byte offset in its cell, that a message is about.
    fn primary_place(&self, message: &Value) -> Option<(String, usize)> {
        let span = message["spans"].as_array()?.iter().find(|span| span["is_primary"] == true)?;
        let number = |name: &str| span[name].as_u64().map(|number| number as usize);
        let file = span["file_name"].as_str()?.rsplit('/').next()?;
        let offset = self.sources().exact_offset(file, number("line_start")?, number("column_start")?)?;
        Some((file.to_owned(), offset))
    }

    fn tell_left_out(&mut self, left_out: &[(String, u32)]) {
        if let Some(text) = failure::left_out(left_out) {
            self.events.show(Event::Stream { name: "stderr".to_owned(), text: format!("{text}\n") });
        }
    }

    /// Has evcxr run the statements of a cell.
    fn run(
        &mut self,
        code: &str,
        number: u32,
        outline: &Outline,
        types: &[Option<String>],
        state: &mut State,
    ) -> Result<(), Stop> {
        let edited = types::typed(code, outline, types, &parts_of_session(outline));
        let effort = self.effort_for(outline.pace);
        let preamble = self.compiler.write_preamble(&state.items, &state.libraries, &edited.text, effort);
        preamble.map_err(Stop::Said)?;
        self.sources().begin(code, &edited, number);
        let outcome = self.context.eval_with_state(&edited.text, self.context.state());
        // Functions and types are there as soon as they are compiled, whatever becomes of the statements.
        if !matches!(outcome, Err(Error::CompilationErrors(_))) {
            self.state.items = state.items.clone();
            self.state.libraries = state.libraries.clone();
        }
        let outputs = match outcome {
            Ok(outputs) => outputs,
            Err(Error::CompilationErrors(errors)) => {
                // The same cell without evcxr's additions: its messages have exact places.
                let messages = self.messages(code, number, outline, state, rewrite::show_tail(outline))?;
                return Err(match has_errors(&messages) {
                    true => Stop::Rejected(messages),
                    false => Stop::Evaluator(Error::CompilationErrors(errors)),
                });
            }
            Err(error) => return Err(Stop::Evaluator(error)),
        };
        self.last_run_time = outputs.phases.iter().find(|phase| phase.name == "Execution").map(|phase| phase.duration);
        self.events.outputs(outputs);
        let known: BTreeMap<String, String> =
            self.context.variables_and_types().map(|(name, ty)| (name.to_owned(), ty.to_owned())).collect();
        let mutable = |name: &String| {
            let bound = outline.bound.iter().find(|(bound, _)| bound == name).map(|&(_, mutable)| mutable);
            bound.or_else(|| self.state.variables.get(name).map(|variable| variable.mutable)).unwrap_or(false)
        };
        state.variables = known
            .into_iter()
            .map(|(name, ty)| {
                let mutable = mutable(&name);
                (name, Variable { ty, mutable })
            })
            .collect();
        Ok(())
    }

    /// rustc's messages about a cell into which some texts are put.
    fn messages(
        &mut self,
        code: &str,
        number: u32,
        outline: &Outline,
        state: &State,
        edits: Vec<(usize, String)>,
    ) -> Result<Vec<Value>, CompileError> {
        let units = outline.units.iter().map(|unit| unit.range.clone());
        // What cannot be read is left whole: rustc shall see what the user wrote.
        let blank = match outline.error {
            Some(_) => Vec::new(),
            None => units.chain(outline.attributes.clone()).collect(),
        };
        let edited = Edited::masked(code, edits, &blank);
        let source = checked_source(state, outline, &edited.text);
        {
            let mut sources = self.sources();
            sources.begin(code, &edited, number);
            sources.add_file(CHECKED, number, code, &edited, source.header);
        }
        self.compiler.check(&source.text, &state.libraries)
    }

    fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// How long the last cell ran, without the time it took to compile.
    pub fn last_run_time(&self) -> Option<Duration> {
        self.last_run_time
    }

    /// From now until the capture is dropped, displays of a MIME type are kept instead of shown.
    pub fn capture(&self, mime_type: &str) -> Capture {
        self.events.capture(mime_type)
    }

    /// The session's variables with their types as the user would write them, sorted by name.
    pub fn variables(&self) -> Vec<(String, String)> {
        let known = self.state.variables.iter();
        known.map(|(name, variable)| (name.clone(), types::as_written(&variable.ty))).collect()
    }

    /// Imports and items, as Rust: what a cell can refer to beside variables.
    pub fn prelude(&self) -> String {
        self.state.items.text()
    }

    /// Whether what is compiled from now on is kept for others, where work is shared.
    pub fn set_learning(&mut self, learns: bool) {
        if let Some(shared) = &mut self.compiler.shared {
            shared.learns = learns;
        }
    }

    /// Numbers the next cell at least so. What is compiled of a cell bears its number, so that two sessions can share it
    /// only if it has the same in both.
    pub fn number_from(&mut self, cell: usize) {
        self.state.items.number_from(cell);
    }

    /// Runs a cell that can refer only to what is in the scope, beside variables; nothing of it can be read afterwards.
    ///
    /// The cell's `secret`, a word that is in its text, is in what runs but not in what is compiled, which others may use
    /// for the same cell with another secret. It has as many letters as any other.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn execute_in_scope(&mut self, scope: Scope, code: &str, secret: &str, number: u32) -> Result<(), Failure> {
        let is_shared = self.compiler.shared.is_some() && secret.len() == SECRET.len();
        let code = if is_shared { code.replace(secret, SECRET) } else { code.to_owned() };
        self.compiler.secret = is_shared.then(|| secret.to_owned());
        self.state.items.set_scope(Some(Arc::new(scope)));
        let result = self.execute_quickly(&code, number);
        self.compiler.secret = None;
        self.state.items.set_scope(None);
        // A copy that `%undo` could go back to has it as well.
        for step in &mut self.before {
            step.state.items.set_scope(None);
        }
        self.compiler.forget_checked();
        result
    }

    /// The session's variables with their types as the compiler names them.
    pub fn full_types(&self) -> impl Iterator<Item = (&str, &str)> {
        self.state.variables.iter().map(|(name, variable)| (name.as_str(), variable.ty.as_str()))
    }

    /// An item of the session as it was written last.
    pub fn item_source(&self, name: &str) -> Option<&str> {
        self.state.items.source(name)
    }

    /// The functions and types that cells have defined, sorted.
    pub fn items(&self) -> Vec<String> {
        self.state.items.names()
    }
}

/// Whether rustc has rejected something.
fn has_errors(messages: &[Value]) -> bool {
    messages.iter().any(|message| message["level"] == "error")
}

/// The parts of a cell that outlive it.
fn parts_of_session(outline: &Outline) -> Vec<std::ops::Range<usize>> {
    let units = outline.units.iter().map(|unit| unit.range.clone());
    units.chain(outline.uses.clone()).chain(outline.attributes.clone()).collect()
}

/// A crate that has a cell's statements in it, from which rustc is to learn nothing but what they mean.
struct CheckedSource {
    text: String,
    /// Lines before the cell's first.
    header: usize,
}

fn checked_source(state: &State, outline: &Outline, cell: &str) -> CheckedSource {
    let words = |name: &String| cell.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name);
    let parameters: Vec<String> = state
        .variables
        .iter()
        .filter(|(name, _)| words(name))
        .map(|(name, variable)| format!("{}{name}: {}", if variable.mutable { "mut " } else { "" }, variable.ty))
        .collect();
    let asynchronous = if outline.awaits { "async " } else { "" };
    let header = format!(
        "{}#![allow(unused, dead_code)] extern crate taskloom; {} \
         pub struct CellError; impl<T: ::std::fmt::Display> From<T> for CellError {{ fn from(_: T) -> Self {{ CellError }} }} \
         pub {asynchronous}fn cell({}) -> ::std::result::Result<(), CellError> {{\n",
        state.items.attributes(),
        state.items.preamble(&outline.imports, state.libraries.crates_of(cell)),
        parameters.join(", ")
    );
    let lines = header.matches('\n').count();
    CheckedSource { text: format!("{header}{cell}\n; ::std::result::Result::Ok(()) }}\n"), header: lines }
}
