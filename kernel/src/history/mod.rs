//! What the user ran, kept from session to session in an SQLite file that all kernels of the user share.
//!
//! [`History`] is what the kernel holds: adding a cell is a message to a thread, and that thread alone talks to SQLite.
//! The cells of this session are also held in memory (`keeper`), so that a file that is locked, full, damaged or gone
//! never hides from the user what was run a minute ago, and can be written again when the file comes back.
//!
//! Sessions and lines are counted as IPython counts them: session 0 is this one, −1 the one before it.

mod file;
mod keeper;
pub mod magic;
mod queries;
pub mod ranges;
mod request;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use keeper::{Keeper, Message};
use ranges::Span;
pub use request::HistoryRequest;

/// How long the end of the kernel may wait for the last cells to be written.
const CLOSING: Duration = Duration::from_secs(4);
/// How long a question may take before it is given up, as on a network drive that is gone.
const ANSWER: Duration = Duration::from_secs(30);

/// A cell that was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The number of its session; 0 where [`History::range`] was asked about this session, as in IPython.
    pub session: i64,
    /// Its execution count.
    pub line: i64,
    /// What the user wrote.
    pub source: String,
    /// The text of its result, where that was kept.
    pub output: Option<String>,
}

/// One run of a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its number, unique in the file.
    pub session: i64,
    /// When the kernel started.
    pub start: SystemTime,
    /// When it ended; `None` while it runs, and for ever when it was killed.
    pub end: Option<SystemTime>,
    /// How many cells it ran.
    pub cells: u64,
}

/// The history of this session and, through the file, of all sessions.
///
/// Nothing here fails: what cannot be done with the file is told by [`History::warning`], and this session's cells are
/// answered from memory. Dropping it writes what is left.
pub struct History {
    sender: Option<Sender<Message>>,
    warning: Arc<Mutex<Warning>>,
    /// Disconnected when the thread has ended. The lock is only for the history to be `Sync`.
    ended: Mutex<Receiver<()>>,
}

/// What the user should know, and whether it was told.
#[derive(Default)]
struct Warning {
    text: Option<String>,
    told: bool,
}

impl History {
    /// Opens the history in `path`, and makes the file and its folder, private to the user, where there are none.
    ///
    /// Returns at once: the file is opened by a thread. If it cannot be used, [`History::warning`] says why and the
    /// history is kept in memory; a damaged file is moved aside.
    pub fn open(path: impl Into<PathBuf>) -> Self {
        let (sender, messages) = mpsc::channel();
        let (alive, ended) = mpsc::channel();
        let warning = Arc::new(Mutex::new(Warning::default()));
        let (path, said) = (path.into(), Arc::clone(&warning));
        let thread = thread::Builder::new().name("history".to_owned()).spawn(move || {
            let _alive: Sender<()> = alive;
            match Keeper::new(path, Arc::clone(&said)) {
                Ok(keeper) => keeper.run(&messages),
                Err(problem) => warn(&said, format!("No history is kept: SQLite could not start ({problem}).")),
            }
        });
        if let Err(problem) = thread {
            warn(&warning, format!("No history is kept: its thread could not be started ({problem})."));
        }
        Self { sender: Some(sender), warning, ended: Mutex::new(ended) }
    }

    /// Adds a cell, before or after it runs. Takes microseconds; a line added again replaces the earlier one.
    pub fn add(&self, line: u32, source: &str) {
        self.send(Message::Add { line: line.into(), text: source.to_owned(), output: false });
    }

    /// Adds the text of a cell's result.
    pub fn add_output(&self, line: u32, text: &str) {
        self.send(Message::Add { line: line.into(), text: text.to_owned(), output: true });
    }

    /// The number of this session. It can change when the file was replaced while the kernel runs.
    pub fn session(&self) -> i64 {
        self.ask(|reply| Message::Session { reply })
    }

    /// The last `n` cells, oldest first: this session's, and before them those of other sessions. With `unique`, of
    /// equal cells only the last.
    pub fn tail(&self, n: usize, unique: bool) -> Vec<Entry> {
        self.ask(|reply| Message::Tail { n: limit(n), unique, reply })
    }

    /// The cells `start..stop` of a session; no `stop`, or 0, means to the end.
    ///
    /// Session 0 is this one, −1 the one before it. In this session negative lines count from the end.
    pub fn range(&self, session: i64, start: i64, stop: Option<i64>) -> Vec<Entry> {
        self.spans(&[Span { session, start, stop }], None)
    }

    /// The cells of several ranges, one after the other; with a pattern, those that match it.
    pub fn spans(&self, spans: &[Span], pattern: Option<&str>) -> Vec<Entry> {
        let (spans, pattern) = (spans.to_vec(), pattern.map(str::to_owned));
        self.ask(|reply| Message::Spans { spans, pattern, reply })
    }

    /// The cells of all sessions that match a pattern as a whole, oldest first: `*` stands for anything, `?` for one
    /// character, `[a-z]` for one of those, and case counts. With `n`, the last `n` of them; with `unique`, of equal
    /// cells only the last.
    pub fn search(&self, pattern: &str, n: Option<usize>, unique: bool) -> Vec<Entry> {
        let (pattern, n) = (pattern.to_owned(), n.map_or(-1, limit));
        self.ask(|reply| Message::Search { pattern, n, unique, reply })
    }

    /// The last `n` sessions, oldest first, this one among them.
    pub fn sessions(&self, n: usize) -> Vec<Session> {
        self.ask(|reply| Message::Sessions { n: limit(n), reply })
    }

    /// Waits until all that was added is in the file; `false` if that could not be done. For a kernel that ends by
    /// `exit`, which drops nothing.
    pub fn flush(&self) -> bool {
        self.ask(|reply| Message::Flush { reply })
    }

    /// What the user should know about the history now, in a sentence or two: that it is in memory only, and why; that
    /// a damaged file was moved aside. `None` when all is well, or not known yet (after [`History::flush`] it is).
    pub fn warning(&self) -> Option<String> {
        lock(&self.warning).text.clone()
    }

    /// As [`History::warning`], but each warning once: for a kernel that asks after every cell.
    pub fn take_warning(&self) -> Option<String> {
        let mut warning = lock(&self.warning);
        if warning.told { None } else { warning.text.clone().inspect(|_| warning.told = true) }
    }

    fn send(&self, message: Message) {
        // Without the thread there is no history, which `warning` has said.
        if let Some(sender) = &self.sender {
            let _ = sender.send(message);
        }
    }

    fn ask<T: Default>(&self, question: impl FnOnce(Sender<T>) -> Message) -> T {
        let (reply, answer) = mpsc::channel();
        self.send(question(reply));
        answer.recv_timeout(ANSWER).unwrap_or_default()
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.sender = None;
        // Not a join: a network drive that is gone must not keep the kernel from ending.
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(CLOSING);
    }
}

fn limit(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn lock(warning: &Mutex<Warning>) -> std::sync::MutexGuard<'_, Warning> {
    warning.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says it, unless it is what was said last.
fn warn(warning: &Mutex<Warning>, text: String) {
    let mut warning = lock(warning);
    if warning.text.as_ref() != Some(&text) {
        *warning = Warning { text: Some(text), told: false };
    }
}
