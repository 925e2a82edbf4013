//! What magics ask of a session beside running cells.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

use evcxr::{CompilationError, Error};

use super::{Failure, NOT_RUST, Session, rewrite, toolchain, types};

/// The execution count of code that is not the user's.
const OWN: u32 = 0;

/// What a session keeps for its magics.
#[derive(Debug, Default)]
pub(super) struct Kept {
    settings: BTreeMap<String, String>,
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
/// What it means today.
const AUTO_LEVEL: &str = "2";
/// For code that is measured.
const MEASURED_LEVEL: &str = "3";

impl Session {
    /// Runs one of evcxr's own commands, such as `:explain`.
    ///
    /// # Errors
    /// What evcxr says.
    pub fn command(&mut self, line: &str, number: u32) -> Result<(), Failure> {
        self.execute(line, number)
    }

    /// Compiles a cell without running it.
    ///
    /// # Errors
    /// What the compiler says.
    pub fn check(&mut self, code: &str, number: u32) -> Result<(), Failure> {
        let outline = rewrite::outline(code);
        let edited = rewrite::Edited::new(code, rewrite::show_tail(&outline));
        self.checked(code, edited, outline.error, number).map(drop)
    }

    /// The type of an expression, with whole paths. Nothing runs.
    ///
    /// # Errors
    /// When it is no expression, or does not compile.
    pub fn type_of(&mut self, expression: &str, number: u32) -> Result<String, Failure> {
        const NAME: &str = "taskloom_type_of";
        let outline = rewrite::outline(expression);
        if outline.error.is_none() && outline.tail.is_none() {
            return Err(Failure::message("only an expression has a type; this is a statement or an item"));
        }
        let tail = outline.tail.clone().unwrap_or_default();
        // A reference, so that looking at a variable does not move it.
        let probe = rewrite::Outline {
            untyped: vec![rewrite::Binding { name: NAME.to_owned(), mutable: false, end: tail.end }],
            ..Default::default()
        };
        let edits = vec![
            (tail.start, format!("let {NAME} = &(")),
            (tail.end, format!("); if false {{ ::core::mem::drop(&{NAME}); }}")),
        ];
        let messages = self.checked(expression, rewrite::Edited::new(expression, edits), outline.error, number)?;
        let found = types::named_types(&messages, &probe.untyped).into_iter().next().flatten();
        let found = found.as_deref().and_then(|ty| ty.strip_prefix('&')).map(str::to_owned);
        found.ok_or_else(|| Failure::message("the compiler does not say what type this is"))
    }

    fn checked(
        &mut self,
        code: &str,
        edited: rewrite::Edited,
        error: Option<(usize, String)>,
        number: u32,
    ) -> Result<Vec<CompilationError>, Failure> {
        let _running = self.interrupter.begin();
        self.begin_source(code, &edited, number);
        let messages = match self.context.check(&edited.text) {
            Ok(messages) => messages,
            Err(Error::Message(message)) if message == NOT_RUST => Vec::new(),
            Err(Error::CompilationErrors(errors)) => errors,
            Err(error) => return Err(Failure::message(&error.to_string())),
        };
        let errors: Vec<_> = messages
            .iter()
            .filter(|message| message.level() == "error" && message.is_from_user_code())
            .cloned()
            .collect();
        if !errors.is_empty() {
            return Err(Failure::compilation(&errors, &self.sources.lock().unwrap_or_else(|p| p.into_inner())));
        }
        match error {
            Some((at, message)) => Err(Failure::syntax(code, at, &message)),
            None => Ok(messages),
        }
    }

    /// Runs code that is to be measured: as well optimised as the compiler can, unless the user has chosen a level.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn execute_optimised(&mut self, code: &str, number: u32) -> Result<(), Failure> {
        let chosen = self.opt_level() != AUTO;
        if !chosen {
            self.put_level(MEASURED_LEVEL)?;
        }
        let result = self.execute(code, number);
        if !chosen {
            self.put_level(AUTO_LEVEL)?;
        }
        result
    }

    /// Does work of the kernel's own that an interrupt can stop: `work` is given a function that says whether it came.
    pub fn outside<T>(&mut self, work: impl FnOnce(&dyn Fn() -> bool) -> T) -> T {
        let _running = self.interrupter.begin();
        work(&|| self.interrupter.interrupted.load(Ordering::SeqCst))
    }

    /// Why work that an interrupt has stopped did not finish.
    pub fn interruption() -> Failure {
        Failure::interrupted(false)
    }

    /// Processor time that the process of the user's code has used, where the system tells.
    pub fn cpu_time(&self) -> Option<Duration> {
        cpu_time(self.interrupter.process_id()?)
    }

    /// Takes back what the last cell did to the variables; says what is there again.
    ///
    /// # Errors
    /// When there is nothing to go back to.
    pub fn undo(&mut self) -> Result<String, Failure> {
        Err(Failure::message("there is no snapshot from before the last cell, so it cannot be undone"))
    }

    /// Forgets variables, functions, types and `use`s. Dependencies and settings stay.
    ///
    /// # Errors
    /// When the process cannot be started anew.
    pub fn reset(&mut self) -> Result<(), Failure> {
        self.execute(":clear", OWN)
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

    fn put_level(&mut self, level: &str) -> Result<(), Failure> {
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
            "progress" => self.execute(&format!("taskloom::events::set_progress({});", value == "on"), OWN)?,
            // Whoever runs cells looks it up.
            "time_limit" => {}
            _ => return Err(Failure::message(&format!("this session has no setting `{name}`"))),
        }
        self.kept.settings.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// Adds crates, and compiles them if nobody has before; `progress` is told what is being done, again and again.
    ///
    /// # Errors
    /// Why the crates cannot be used; the session is as it was.
    pub fn add_dependencies(&mut self, added: &[Dependency], progress: &dyn Fn(&str)) -> Result<(), DependencyError> {
        let names: Vec<&str> = added.iter().map(|dependency| dependency.name.as_str()).collect();
        progress(&format!("compiling {}", names.join(", ")));
        let lines: Vec<String> =
            added.iter().map(|dependency| format!(":dep {} = {}", dependency.name, dependency.requirement)).collect();
        self.execute(&lines.join("\n"), OWN).map_err(|failure| match failure.name.as_str() {
            "Error" | "CompileError" => DependencyError::Cargo(failure.value),
            _ => DependencyError::Failure(failure),
        })?;
        self.kept.dependencies.retain(|before| added.iter().all(|new| new.name != before.name));
        self.kept.dependencies.extend(added.iter().cloned());
        Ok(())
    }

    /// The crates that have been added, with the versions that cargo chose.
    pub fn dependencies(&self) -> Vec<Dependency> {
        let lock = std::fs::read_to_string(self._folder.path().join("Cargo.lock")).unwrap_or_default();
        let version = |name: &str| {
            let (_, after) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
            Some(after.split_once('"')?.0.to_owned())
        };
        let found = self.kept.dependencies.iter();
        found.map(|known| Dependency { version: version(&known.name), ..known.clone() }).collect()
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
        self.execute(&format!("unsafe {{ std::env::{call}; }}"), OWN)?;
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
        let process = self.interrupter.process_id();
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
        self.execute(&format!("std::env::set_current_dir({name:?})?;"), OWN)
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
