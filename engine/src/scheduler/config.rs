//! What runs where when nobody says: by scope, by program, by environment, by file.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::{OnceLock, RwLock};

use serde::Deserialize;

use super::Scheduler;
use crate::error::{Error, Result};

const THREADS_VARIABLE: &str = "TASKLOOM_NUM_THREADS";
const SCHEDULER_VARIABLE: &str = "TASKLOOM_SCHEDULER";
/// Names the configuration file, in place of `taskloom/config.toml` among the user's configuration.
const FILE_VARIABLE: &str = "TASKLOOM_CONFIG";

/// What a configuration file may say.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    /// Threads of the default pool.
    num_threads: Option<usize>,
    /// `threads` or `sync`.
    scheduler: Option<String>,
}

fn wrong(what: &str, advice: &str) -> Error {
    Error::Configuration { message: format!("{what}; {advice}") }
}

fn parse_file(text: &str, path: &std::path::Path) -> Result<File> {
    toml::from_str(text).map_err(|error| {
        let advice = "it may set `num-threads = 4` and `scheduler = \"threads\"` or `\"sync\"`";
        wrong(&format!("cannot read the configuration {}: {}", path.display(), error.message()), advice)
    })
}

/// The configuration file, read once. That there is none is fine, unless somebody named it.
fn file() -> Result<File> {
    static FILE: OnceLock<Result<File>> = OnceLock::new();
    FILE.get_or_init(|| {
        let named = std::env::var_os(FILE_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
        let usual = || {
            let config = std::env::var_os("XDG_CONFIG_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
            let config = config.or_else(|| std::env::home_dir().map(|home| home.join(".config")))?;
            Some(config.join("taskloom").join("config.toml"))
        };
        let Some(path) = named.clone().or_else(usual) else { return Ok(File::default()) };
        match std::fs::read_to_string(&path) {
            Ok(text) => parse_file(&text, &path),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(File::default()),
            Err(error) => Err(wrong(
                &format!("cannot read the configuration {}: {error}", path.display()),
                &format!("mend the file, or point {FILE_VARIABLE} at another"),
            )),
        }
    })
    .clone()
}

fn parse_threads(text: &str) -> Result<usize> {
    if text.trim().is_empty() {
        return Ok(0);
    }
    text.trim().parse().map_err(|_| {
        wrong(
            &format!("{THREADS_VARIABLE} is `{text}`"),
            "set it to a whole number of threads, or to 0 for one per core",
        )
    })
}

fn parse_scheduler(text: &str, source: &str) -> Result<Scheduler> {
    match text.trim() {
        "sync" => Ok(Scheduler::Sync),
        "threads" | "" => Ok(Scheduler::Default),
        other => Err(wrong(&format!("{source} names the scheduler `{other}`"), "there are `threads` and `sync`")),
    }
}

/// Threads of the default pool: from the environment, the file, or one for each core.
pub(super) fn threads() -> Result<usize> {
    let asked = match std::env::var(THREADS_VARIABLE) {
        Ok(text) => parse_threads(&text)?,
        Err(_) => file()?.num_threads.unwrap_or(0),
    };
    Ok(if asked > 0 { asked } else { std::thread::available_parallelism().map_or(1, usize::from) })
}

static GLOBAL: RwLock<Option<Scheduler>> = RwLock::new(None);

thread_local! {
    static SCOPED: Cell<Option<Scheduler>> = const { Cell::new(None) };
}

/// What [`Scheduler::Default`] means here and now.
pub(super) fn resolve() -> Result<Scheduler> {
    if let Some(scheduler) = SCOPED.get() {
        return Ok(scheduler);
    }
    if let Some(scheduler) = *GLOBAL.read().unwrap_or_else(|poisoned| poisoned.into_inner()) {
        return Ok(scheduler);
    }
    static CONFIGURED: OnceLock<Result<Scheduler>> = OnceLock::new();
    CONFIGURED
        .get_or_init(|| match std::env::var(SCHEDULER_VARIABLE) {
            Ok(text) => parse_scheduler(&text, SCHEDULER_VARIABLE),
            Err(_) => file()?
                .scheduler
                .map_or(Ok(Scheduler::Default), |text| parse_scheduler(&text, "the configuration file")),
        })
        .clone()
}

impl Scheduler {
    /// Makes this the scheduler of every compute in the process that does not name another.
    ///
    /// Without it the environment decides (`TASKLOOM_SCHEDULER`, `TASKLOOM_NUM_THREADS`), then `num-threads` and
    /// `scheduler` in `taskloom/config.toml` among the user's configuration (or the file that `TASKLOOM_CONFIG` names),
    /// then there is one thread for each core. [`Scheduler::Default`] goes back to that.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// Scheduler::Threads(2).set_global();
    /// assert_eq!(delayed!(i64::pow(2, 3)).compute()?, 8); // on two threads
    /// Scheduler::Default.set_global();
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn set_global(self) {
        let scheduler = (self != Scheduler::Default).then_some(self);
        *GLOBAL.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = scheduler;
    }

    /// Runs `body` with this as the scheduler of every compute on this thread that does not name another.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = delayed!(std::thread::current()).map(|thread| thread.id());
    /// let id = Scheduler::Sync.scope(|| x.compute())?;
    /// assert_eq!(id, std::thread::current().id());
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn scope<T>(self, body: impl FnOnce() -> T) -> T {
        struct Restore(Option<Scheduler>);
        impl Drop for Restore {
            fn drop(&mut self) {
                SCOPED.set(self.0);
            }
        }
        let _restore = Restore(SCOPED.replace(Some(self)));
        body()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_and_the_variables_are_read_or_refused_with_a_sentence() {
        let path = std::path::Path::new("config.toml");
        let file = parse_file("num-threads = 3\nscheduler = \"sync\"", path).unwrap();
        assert_eq!(file, File { num_threads: Some(3), scheduler: Some("sync".into()) });
        for text in ["threads = 3", "num-threads = \"many\"", "[["] {
            let message = parse_file(text, path).unwrap_err().to_string();
            assert!(message.contains("config.toml") && message.contains("num-threads = 4"), "{message}");
        }
        assert_eq!(parse_threads(" 4 ").unwrap(), 4);
        assert!(parse_threads("four").unwrap_err().to_string().contains("`four`"));
        assert_eq!(parse_scheduler("sync", "x").unwrap(), Scheduler::Sync);
        assert!(parse_scheduler("processes", "x").unwrap_err().to_string().contains("`processes`"));
    }

    #[test]
    fn a_scope_ends_also_when_it_panics() {
        let _ = std::panic::catch_unwind(|| Scheduler::Sync.scope(|| panic!("inside")));
        assert_eq!(SCOPED.get(), None);
    }
}
