//! What magics ask of a session beside running cells.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::compiler::{CompileError, Effort, LIGHT_LEVEL};
use super::crates::{self, CratesError};
use super::outcome::Stop;
use super::pace::Pace;
use super::{Failure, MemoryLimit, Session, State, cell, rewrite, toolchain, types};

/// What a session keeps for its magics.
#[derive(Debug, Default)]
pub(super) struct Kept {
    settings: BTreeMap<String, String>,
    memory_limit: MemoryLimit,
    /// What `%env` has set (or, with none, taken away) since the session began.
    environment: BTreeMap<String, Option<String>>,
    dependencies: Vec<Dependency>,
}

/// A crate that cells may use.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependency {
    /// What the crate is called in code.
    pub name: String,
    /// What stands behind the `=` in a `Cargo.toml`.
    pub requirement: String,
    /// The version that was chosen, once one has been.
    pub version: Option<String>,
}

/// Why a dependency could not be added.
#[derive(Debug)]
pub enum DependencyError {
    /// What cargo said; it has to be put into words.
    Cargo(String),
    /// Something else.
    Failure(Failure),
}

/// Optimisation as the kernel sees fit, rather than as the user says.
const AUTO: &str = "auto";
/// What it means for all that is optimised: nothing that a person would notice is gained by less (2 hundredths of a
/// second a cell).
const AUTO_LEVEL: &str = "3";
/// For code that is measured.
const MEASURED_LEVEL: &str = "3";
/// The setting of where overflows of integers panic.
const OVERFLOW_CHECKS: &str = "overflow_checks";
/// What evcxr runs cells on that wait, and what it asks of it.
const TOKIO: (&str, &str) = ("tokio", "{ version = \"1.34.0\", features = [\"rt\", \"rt-multi-thread\"] }");

impl Session {
    /// A cell begins: what magics run for themselves belongs to it.
    pub fn begin_cell(&mut self, number: u32) {
        self.number = number;
    }

    /// Compiles a cell without running it.
    ///
    /// # Errors
    /// What the compiler says.
    pub fn check(&mut self, code: &str, number: u32) -> Result<(), Failure> {
        let _running = self.interrupter.begin();
        let outline = cell::outline(code);
        let state = self.state.clone();
        let edits = if outline.error.is_none() { rewrite::show_tail(&outline) } else { Vec::new() };
        let result = self.messages(code, number, &outline, &state, edits);
        self.accepted(code, &outline, result).map(drop)
    }

    /// The type of an expression, with whole paths. Nothing runs.
    ///
    /// # Errors
    /// When it is no expression, or does not compile.
    pub fn type_of(&mut self, expression: &str, number: u32) -> Result<String, Failure> {
        const NAME: &str = "taskloom_type_of";
        let _running = self.interrupter.begin();
        let outline = cell::outline(expression);
        if outline.error.is_none() && outline.tail.is_none() {
            return Err(Failure::message("only an expression has a type; this is a statement or an item"));
        }
        let tail = outline.tail.clone().unwrap_or_default();
        let probe = [cell::Binding { name: NAME.to_owned(), mutable: false, end: tail.end }];
        // A reference, so that looking at a variable does not move it.
        let edits = match outline.error {
            Some(_) => Vec::new(),
            None => vec![
                (tail.start, format!("let {NAME} = &(")),
                (tail.end, format!("); if false {{ ::core::mem::drop(&{NAME}); }}")),
            ],
        };
        let state = self.state.clone();
        let result = self.messages(expression, number, &outline, &state, edits);
        let messages = self.accepted(expression, &outline, result)?;
        let found = types::named_types(&messages, &probe).into_iter().next().flatten();
        let found = found.as_deref().and_then(|ty| ty.strip_prefix('&')).map(str::to_owned);
        found.ok_or_else(|| Failure::message("the compiler does not say what type this is"))
    }

    /// The messages about a cell, if none is an error.
    fn accepted(
        &self,
        code: &str,
        outline: &cell::Outline,
        result: Result<Vec<Value>, CompileError>,
    ) -> Result<Vec<Value>, Failure> {
        let messages = match result {
            Ok(messages) | Err(CompileError::Rejected(messages)) => messages,
            Err(CompileError::Interrupted) => return Err(Failure::interrupted(None)),
            Err(CompileError::Failed(message)) => return Err(Failure::message(&message)),
        };
        if super::has_errors(&messages) {
            return Err(Failure::rejected(&messages, &self.sources(), &self.facts(code)));
        }
        match &outline.error {
            Some((at, message)) => Err(Failure::syntax(*at, message, &self.facts(code))),
            None => Ok(messages),
        }
    }

    /// Runs code that is to be measured: as well optimised as the compiler can, unless the user has chosen a level.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn execute_optimised(&mut self, code: &str, number: u32) -> Result<(), Failure> {
        self.execute_at(MEASURED_LEVEL, code, number)
    }

    /// Runs code that nobody wrote to have it run fast, such as the checks of an exercise: compiled as quickly as can be,
    /// unless the user has chosen a level.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn execute_quickly(&mut self, code: &str, number: u32) -> Result<(), Failure> {
        self.execute_at(LIGHT_LEVEL, code, number)
    }

    fn execute_at(&mut self, level: &'static str, code: &str, number: u32) -> Result<(), Failure> {
        self.level = Some(level);
        self.compiler.is_in_a_hurry = level == LIGHT_LEVEL;
        let result = self.execute(code, number);
        self.compiler.is_in_a_hurry = false;
        self.level = None;
        result
    }

    /// Does work of the kernel's own that an interrupt can stop: `work` is given a function that says whether it came.
    pub fn outside<T>(&mut self, work: impl FnOnce(&dyn Fn() -> bool) -> T) -> T {
        let _running = self.interrupter.begin_outside();
        work(&|| self.interrupter.is_interrupted())
    }

    /// Why work that an interrupt has stopped did not finish.
    pub fn interruption() -> Failure {
        Failure::interrupted(None)
    }

    /// Processor time that the process of the user's code has used, where the system tells.
    pub fn cpu_time(&self) -> Option<Duration> {
        cpu_time(self.worker?)
    }

    /// Forgets variables, functions, types and `use`s. Dependencies and settings stay.
    ///
    /// # Errors
    /// When the process cannot be started anew.
    pub fn reset(&mut self) -> Result<(), Failure> {
        self.context.clear().map_err(|error| Failure::message(&error.to_string()))?;
        self.state = State::default();
        self.settle();
        Ok(())
    }

    /// How cells are optimised: `auto`, `0`, `1`, `2` or `3`.
    pub fn opt_level(&self) -> &str {
        self.kept.settings.get("opt").map_or(AUTO, String::as_str)
    }

    /// Chooses how cells are optimised.
    ///
    /// # Errors
    /// When there is no such level.
    pub fn set_opt_level(&mut self, level: &str) -> Result<(), Failure> {
        self.put_level(if level == AUTO { AUTO_LEVEL } else { level })?;
        self.kept.settings.insert("opt".to_owned(), level.to_owned());
        Ok(())
    }

    /// How a cell's statements are compiled.
    pub(super) fn effort_for(&self, pace: Pace) -> Effort {
        let level = match (self.opt_level() == AUTO, pace) {
            (false, _) => None,
            (true, Pace::Light) => self.level.or(Some(LIGHT_LEVEL)),
            (true, Pace::Work | Pace::Numbers) => self.level,
        };
        let in_line = pace == Pace::Numbers && level != Some(LIGHT_LEVEL);
        let checked = match self.config_get(OVERFLOW_CHECKS) {
            Some("on") => true,
            Some("off") => false,
            // A learner's overflow should be seen, as in `cargo run`, but what loops over numbers should be as quick as in
            // `cargo run --release`: with checks, a branch in place of a conditional move can double its time.
            _ => pace == Pace::Light || level == Some(LIGHT_LEVEL),
        };
        Effort { in_line, level, checked }
    }

    fn put_level(&mut self, level: &str) -> Result<(), Failure> {
        self.compiler.opt_level = level.to_owned();
        self.context.set_opt_level(level).map_err(|error| Failure::message(&error.to_string()))
    }

    /// A setting's value, if it has been given one.
    pub fn config_get(&self, name: &str) -> Option<&str> {
        self.kept.settings.get(name).map(String::as_str)
    }

    /// Gives a setting a value, which has been found to be one that it can have.
    ///
    /// # Errors
    /// When this session does not know the setting.
    pub fn config_set(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        match name {
            "opt" => return self.set_opt_level(value),
            "progress" => self.execute(&format!("taskloom::events::set_progress({});", value == "on"), self.number)?,
            // Whoever runs cells looks it up.
            "time_limit" => {}
            "undo" => {
                self.undo_steps = value.parse().unwrap_or(super::UNDO_STEPS);
                self.tell_supervisor();
            }
            "memory_limit" => {
                self.set_memory_limit(value.parse().map_err(|message: String| Failure::message(&message))?);
                return Ok(());
            }
            OVERFLOW_CHECKS => self.compiler.overflow_checks = value == "on",
            _ => return Err(Failure::message(&format!("this session has no setting `{name}`"))),
        }
        self.kept.settings.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// From now on a cell is ended when the process of the user's code has more memory than this.
    pub fn set_memory_limit(&mut self, limit: MemoryLimit) {
        self.kept.memory_limit = limit;
        self.kept.settings.insert("memory_limit".to_owned(), limit.to_string());
        self.tell_supervisor();
    }

    /// Tells the runner's supervisor those of the settings that it sees to. One that has just been started knows none.
    pub(super) fn tell_supervisor(&self) {
        let control = self.events.control();
        control.send(&format!("keep {}", self.undo_steps));
        control.send(&format!("memory {}", self.kept.memory_limit.bytes()));
    }

    /// Adds crates, and compiles them if nobody has before; `progress` is told what is being done, again and again.
    ///
    /// # Errors
    /// Why the crates cannot be used; the session is as it was.
    pub fn add_dependencies(&mut self, added: &[Dependency], progress: &dyn Fn(&str)) -> Result<(), DependencyError> {
        let _running = self.interrupter.begin();
        self.compile_crates(added, progress)
    }

    /// Sees to it that a cell can wait: evcxr runs such a cell on tokio.
    pub(super) fn prepare_to_wait(&mut self) -> Result<(), Stop> {
        if self.kept.dependencies.iter().any(|dependency| dependency.name == TOKIO.0) {
            return Ok(());
        }
        let tokio = Dependency { name: TOKIO.0.to_owned(), requirement: TOKIO.1.to_owned(), version: None };
        self.compile_crates(&[tokio], &|_| {}).map_err(|error| match error {
            DependencyError::Cargo(said) => Stop::Said(format!(
                "`.await` in a cell needs the crate tokio, which could not be compiled:\n{}",
                said.trim_end()
            )),
            DependencyError::Failure(_) if self.interrupter.is_interrupted() => Stop::Interrupted,
            DependencyError::Failure(failure) => Stop::Said(failure.value),
        })
    }

    fn compile_crates(&mut self, added: &[Dependency], progress: &dyn Fn(&str)) -> Result<(), DependencyError> {
        let mut wanted: Vec<Dependency> = self.kept.dependencies.clone();
        wanted.retain(|before| added.iter().all(|new| new.name != before.name));
        wanted.extend(added.iter().cloned());
        let interrupted = self.interrupter.compilation();
        let installation = self.compiler.installation().clone();
        let compiled = crates::compile(&installation, &wanted, &self.kept.dependencies, &interrupted, progress)
            .map_err(|error| match error {
                CratesError::Cargo(said) => DependencyError::Cargo(said),
                CratesError::Interrupted => DependencyError::Failure(Failure::interrupted(None)),
            })?;
        let before = std::mem::replace(&mut self.compiler.dependencies, compiled.arguments);
        // Items may hold something of a crate that is another one now.
        if !self.state.items.is_empty() {
            let (mut items, mut libraries) = (self.state.items.clone(), self.state.libraries.clone());
            match self.compile_items(&mut items, &mut libraries) {
                Ok(()) => {
                    self.state.items = items;
                    self.state.libraries = libraries;
                }
                Err(stop) => {
                    self.compiler.dependencies = before;
                    return Err(DependencyError::Failure(self.failure_of("", stop)));
                }
            }
        }
        for (dependency, version) in wanted.iter_mut().zip(compiled.versions) {
            dependency.version = version;
        }
        self.kept.dependencies = wanted;
        Ok(())
    }

    /// The crates that have been added, with the versions that cargo chose.
    pub fn dependencies(&self) -> Vec<Dependency> {
        self.kept.dependencies.clone()
    }

    /// The variables of the environment that the user's code has, as far as it has not changed them itself.
    pub fn environment(&self) -> BTreeMap<OsString, OsString> {
        let mut shell = Command::new("sh");
        self.prepare_shell(&mut shell);
        let mut environment: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        for (name, value) in shell.get_envs() {
            match value {
                Some(value) => environment.insert(name.to_owned(), value.to_owned()),
                None => environment.remove(name),
            };
        }
        environment
    }

    /// Sets a variable of the environment of the user's code and of the programs that magics start; with no value, takes
    /// it away.
    ///
    /// # Errors
    /// When no variable can have this name, or the process of the user's code cannot be told.
    pub fn set_environment(&mut self, name: &str, value: Option<&str>) -> Result<(), Failure> {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(Failure::message(&format!("no variable of the environment can be called `{name}`")));
        }
        let call = match value {
            Some(value) => format!("set_var({name:?}, {value:?})"),
            None => format!("remove_var({name:?})"),
        };
        self.execute(&format!("unsafe {{ std::env::{call}; }}"), self.number)?;
        self.kept.environment.insert(name.to_owned(), value.map(str::to_owned));
        Ok(())
    }

    /// Gives a program that a magic starts the folder and the environment of the user's code.
    pub fn prepare_shell(&self, command: &mut Command) {
        toolchain::restore_environment(command);
        for (name, value) in &self.kept.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.current_dir(self.current_directory());
    }

    /// The folder that the user's code is in.
    pub fn current_directory(&self) -> PathBuf {
        // The code itself may have gone elsewhere.
        let process = self.worker;
        let there = process.and_then(|id| std::fs::read_link(format!("/proc/{id}/cwd")).ok());
        there.or_else(|| std::env::current_dir().ok()).unwrap_or_else(|| PathBuf::from("/"))
    }

    /// Goes to another folder, with the user's code.
    ///
    /// # Errors
    /// When the folder is not there or may not be entered.
    pub fn change_directory(&mut self, folder: &Path) -> Result<(), Failure> {
        let cannot = |error: &dyn std::fmt::Display| {
            Failure::message(&format!("cannot go to the folder {}: {error}", folder.display()))
        };
        let folder = self.current_directory().join(folder).canonicalize().map_err(|error| cannot(&error))?;
        let name = folder.to_str().ok_or_else(|| cannot(&"its name is not Unicode"))?;
        // The kernel too: a process that takes the place of the user's begins where the kernel is.
        std::env::set_current_dir(&folder).map_err(|error| cannot(&error))?;
        self.execute(&format!("std::env::set_current_dir({name:?})?;"), self.number)
    }
}

#[cfg(target_os = "linux")]
fn cpu_time(process: u32) -> Option<Duration> {
    let mut clock = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both pointers are to locals of the right types.
    let known = unsafe {
        libc::clock_getcpuclockid(process as libc::pid_t, &mut clock) == 0 && libc::clock_gettime(clock, &mut time) == 0
    };
    known.then(|| Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

#[cfg(not(target_os = "linux"))]
fn cpu_time(_: u32) -> Option<Duration> {
    None
}
