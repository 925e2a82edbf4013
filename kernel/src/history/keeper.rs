//! The thread that keeps the history: this session's cells in memory, all sessions' in the file.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Params, TransactionBehavior, named_params};

use super::file::{FileError, HistoryFile, create_tables, is_busy, is_damage, now};
use super::queries::{count, moment, newest, put, select, sessions};
use super::{Entry, Session, Span, Warning, lock, warn};

/// How long opening may wait for other kernels. Nobody waits for it but who asks for the history at once.
const OPENING: Duration = Duration::from_secs(5);
/// How long a write waits for other kernels before questions are looked at again.
const WRITING: Duration = Duration::from_millis(250);
/// How long a write may wait that somebody waits for, as at the end of the kernel.
const FLUSHING: Duration = Duration::from_secs(3);
/// How long a question waits for other kernels before it is answered from this session alone.
const READING: Duration = Duration::from_secs(2);
/// When a write that found the file busy is tried again.
const BUSY_AGAIN: Duration = Duration::from_millis(500);
/// After how long without a turn the user is told.
const BUSY_LONG: Duration = Duration::from_secs(30);
/// When a file that could not be used is tried again: a full disk may have been cleared.
const BROKEN_AGAIN: Duration = Duration::from_secs(30);
/// A drive on which the file is damaged again and again is left alone.
const MOST_DAMAGES: u32 = 3;
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);
/// Cells that come quickly are written together, but no more than this many.
const MOST_PENDING: usize = 500;
/// What is kept of a cell and of a result.
const MOST_SOURCE: usize = 16 << 20;
const MOST_OUTPUT: usize = 1 << 20;

pub enum Message {
    Add { line: i64, text: String, output: bool },
    Session { reply: Sender<i64> },
    Tail { n: i64, unique: bool, reply: Sender<Vec<Entry>> },
    Spans { spans: Vec<Span>, pattern: Option<String>, reply: Sender<Vec<Entry>> },
    Search { pattern: String, n: i64, unique: bool, reply: Sender<Vec<Entry>> },
    Sessions { n: i64, reply: Sender<Vec<Session>> },
    Flush { reply: Sender<bool> },
}

pub struct Keeper {
    path: PathBuf,
    /// This session's cells, as session 0.
    mine: Connection,
    session: i64,
    start: i64,
    file: Option<HistoryFile>,
    /// What is in memory and not yet in the file.
    pending: Vec<Pending>,
    /// Not before then is the file tried again.
    again: Option<Instant>,
    /// Since when other programs have kept the file from being written.
    busy_since: Option<Instant>,
    /// Whether the user was told of something that may pass.
    passing: bool,
    /// How often the file was found damaged.
    damages: u32,
    warning: Arc<Mutex<Warning>>,
}

struct Pending {
    line: i64,
    text: String,
    output: bool,
}

impl Keeper {
    /// Fails when SQLite cannot even work in memory.
    pub fn new(path: PathBuf, warning: Arc<Mutex<Warning>>) -> rusqlite::Result<Self> {
        let mine = Connection::open_in_memory()?;
        create_tables(&mine)?;
        let mut keeper = Self {
            path,
            mine,
            session: 1,
            start: now(),
            file: None,
            pending: Vec::new(),
            again: None,
            busy_since: None,
            passing: false,
            damages: 0,
            warning,
        };
        let opened = HistoryFile::open(&keeper.path, None, OPENING);
        keeper.attach(opened);
        Ok(keeper)
    }

    /// Serves until nobody can ask any more, then writes what is left.
    pub fn run(mut self, messages: &Receiver<Message>) {
        self.serve_all(messages);
        self.write(FLUSHING);
        if let Some(file) = &self.file {
            // A session without an end is only one more that looks as if it had been killed.
            let _ = file.connection.execute("UPDATE sessions SET end = ?1 WHERE session = ?2", [now(), self.session]);
        }
    }

    /// The file as a disk of so many pages, or as it was.
    #[cfg(test)]
    pub fn limit_pages(&self, most: Option<u32>) {
        let most = most.unwrap_or(u32::MAX - 1);
        let file = &self.file.as_ref().unwrap().connection;
        file.execute_batch(&format!("PRAGMA max_page_count = {most}")).unwrap();
    }

    pub fn serve_all(&mut self, messages: &Receiver<Message>) {
        loop {
            let wait = self.again.map(|again| again.saturating_duration_since(Instant::now()));
            let message = match wait {
                _ if self.pending.is_empty() => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) if !wait.is_zero() => messages.recv_timeout(wait),
                _ if self.pending.len() >= MOST_PENDING => Err(RecvTimeoutError::Timeout),
                _ => messages.try_recv().map_err(|empty| match empty {
                    TryRecvError::Empty => RecvTimeoutError::Timeout,
                    TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
                }),
            };
            match message {
                Ok(message) => self.serve(message),
                Err(RecvTimeoutError::Timeout) => self.write(WRITING),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn serve(&mut self, message: Message) {
        // Who asked may have gone.
        match message {
            Message::Add { line, text, output } => self.add(line, text, output),
            Message::Session { reply } => _ = reply.send(self.session),
            Message::Tail { n, unique, reply } => _ = reply.send(self.tail(n, unique)),
            Message::Spans { spans, pattern, reply } => {
                let found = spans.iter().flat_map(|span| self.span(span, pattern.as_deref())).collect();
                _ = reply.send(found);
            }
            Message::Search { pattern, n, unique, reply } => _ = reply.send(self.search(&pattern, n, unique)),
            Message::Sessions { n, reply } => _ = reply.send(self.sessions(n)),
            Message::Flush { reply } => {
                if self.damages <= MOST_DAMAGES {
                    self.again = None;
                }
                self.write(FLUSHING);
                _ = reply.send(self.pending.is_empty() && self.file.is_some());
            }
        }
    }

    fn add(&mut self, line: i64, text: String, output: bool) {
        let text = cut(text, if output { MOST_OUTPUT } else { MOST_SOURCE });
        let put = put(&self.mine, 0, line, &text, output);
        if let Err(problem) = put {
            warn(&self.warning, format!("Cell {line} is not in the history: {problem}."));
        }
        self.pending.push(Pending { line, text, output });
    }

    /// Takes a file that was opened, and owes it all of this session.
    fn attach(&mut self, opened: Result<HistoryFile, FileError>) {
        self.file = None;
        match opened {
            Ok(file) => {
                let moved = file.moved.as_ref().map(|moved| {
                    format!(
                        "The history {} was damaged. It was moved to {} and a new one was begun.",
                        self.path.display(),
                        moved.display()
                    )
                });
                self.session = file.session;
                self.file = Some(file);
                self.again = None;
                match (moved, self.owe_everything()) {
                    (Some(moved), _) => warn(&self.warning, moved),
                    (None, Ok(())) => lock(&self.warning).text = None,
                    (None, Err(problem)) => {
                        warn(&self.warning, format!("Part of this session is not in the history: {problem}."));
                    }
                }
            }
            Err(problem) => {
                let busy = matches!(&problem, FileError::Sqlite { cause, .. } if is_busy(cause));
                self.again = Some(Instant::now() + if busy { BUSY_AGAIN } else { BROKEN_AGAIN });
                warn(&self.warning, format!("The history of this session is kept in memory only: {problem}."));
            }
        }
    }

    fn owe_everything(&mut self) -> rusqlite::Result<()> {
        let all = select(&self.mine, "ORDER BY h.line", [])?;
        self.pending.clear();
        for Entry { line, source, output, .. } in all {
            self.pending.push(Pending { line, text: source, output: false });
            self.pending.extend(output.map(|text| Pending { line, text, output: true }));
        }
        Ok(())
    }

    /// Another kernel may have moved the file aside, the user may have deleted it, or it may be usable again.
    fn look_at_file(&mut self) {
        let gone = self.file.as_ref().is_some_and(|file| file.is_replaced(&self.path));
        let due = self.file.is_none() && self.again.is_none_or(|again| Instant::now() >= again);
        if gone || due {
            let opened = HistoryFile::open(&self.path, self.file.as_ref().map(|file| file.session), WRITING);
            self.attach(opened);
        }
    }

    fn write(&mut self, patience: Duration) {
        // Twice, for when the file turns out to be damaged and another takes its place.
        for _ in 0..2 {
            self.look_at_file();
            if self.pending.is_empty() {
                return;
            }
            let Some(file) = &mut self.file else { return };
            match write_all(file, self.session, &self.pending, patience) {
                Ok(()) => {
                    self.pending.clear();
                    self.again = None;
                    self.busy_since = None;
                    return self.recovered();
                }
                Err(problem) => self.failed(&problem),
            }
            if self.again.is_some() {
                return;
            }
        }
    }

    /// What follows from a failure of the file; `again` is set unless it can be used at once.
    fn failed(&mut self, problem: &rusqlite::Error) {
        if is_damage(problem) {
            let wanted = self.file.take().map(|file| file.session);
            self.damages += 1;
            if self.damages > MOST_DAMAGES {
                self.again = Some(Instant::now() + NEVER);
                let path = self.path.display();
                let text =
                    format!("The history of this session is kept in memory only: {path} was damaged again and again.");
                return warn(&self.warning, text);
            }
            let opened = HistoryFile::reopen_damaged(&self.path, wanted, WRITING);
            self.attach(opened);
            return;
        }
        let path = self.path.display();
        if is_busy(problem) {
            // The ordinary case with many kernels, and not worth a word unless it goes on.
            self.again = Some(Instant::now() + BUSY_AGAIN);
            let since = *self.busy_since.get_or_insert_with(Instant::now);
            if since.elapsed() > BUSY_LONG {
                self.passing = true;
                let text = format!("The last cells are not yet in the history file {path}: another program holds it.");
                warn(&self.warning, text);
            }
        } else {
            self.again = Some(Instant::now() + BROKEN_AGAIN);
            self.passing = true;
            warn(&self.warning, format!("The last cells are not yet in the history file {path}: {problem}."));
        }
    }

    /// The file works, and if it also has all cells, there is nothing to tell any more.
    fn recovered(&mut self) {
        if self.pending.is_empty() && std::mem::take(&mut self.passing) {
            lock(&self.warning).text = None;
        }
    }

    /// Asks the file about the other sessions. What it cannot say is left out, for this session is known anyway.
    fn others<T>(&mut self, question: impl Fn(&Connection, i64) -> rusqlite::Result<Vec<T>>) -> Vec<T> {
        self.look_at_file();
        let Some(file) = &self.file else { return Vec::new() };
        let answer = file.connection.busy_timeout(READING).and_then(|()| question(&file.connection, self.session));
        match answer {
            Ok(found) => {
                self.recovered();
                found
            }
            Err(problem) if is_damage(&problem) => {
                self.failed(&problem);
                Vec::new()
            }
            Err(problem) => {
                let path = self.path.display();
                self.passing = true;
                warn(&self.warning, format!("Earlier sessions could not be read from {path}: {problem}."));
                Vec::new()
            }
        }
    }

    fn own(&self, clauses: &str, parameters: impl Params, session: i64) -> Vec<Entry> {
        let mut found = select(&self.mine, clauses, parameters).unwrap_or_else(|problem| {
            warn(&self.warning, format!("The history of this session could not be read: {problem}."));
            Vec::new()
        });
        found.iter_mut().for_each(|entry| entry.session = session);
        found
    }

    fn tail(&mut self, n: i64, unique: bool) -> Vec<Entry> {
        let group = if unique { "GROUP BY h.source" } else { "" };
        let clauses = format!("WHERE h.session != :this {group} ORDER BY h.session DESC, h.line DESC LIMIT :n");
        // In IPython too this session comes first, even where another kernel's is newer.
        let others = self.others(|file, this| select(file, &clauses, named_params! {":this": this, ":n": n}));
        let mut found = self.own(&clauses, named_params! {":this": -1, ":n": n}, self.session);
        found.extend(others);
        newest(found, n, unique)
    }

    fn search(&mut self, pattern: &str, n: i64, unique: bool) -> Vec<Entry> {
        let group = if unique { "GROUP BY h.source" } else { "" };
        let clauses = format!(
            "WHERE h.session != :this AND h.source GLOB :pattern {group} ORDER BY h.session DESC, h.line DESC LIMIT :n"
        );
        let others = self
            .others(|file, this| select(file, &clauses, named_params! {":this": this, ":pattern": pattern, ":n": n}));
        let own = named_params! {":this": -1, ":pattern": pattern, ":n": n};
        let mut found = self.own(&clauses, own, self.session);
        found.extend(others);
        found.sort_by_key(|entry| std::cmp::Reverse((entry.session, entry.line)));
        newest(found, n, unique)
    }

    fn span(&mut self, span: &Span, pattern: Option<&str>) -> Vec<Entry> {
        let session = if span.session <= 0 { span.session + self.session } else { span.session };
        let (start, stop) = (span.start, span.stop.filter(|&stop| stop != 0));
        let clauses = "WHERE h.session = :session AND h.line >= :start AND (:stop IS NULL OR h.line < :stop)
                       AND (:pattern IS NULL OR h.source GLOB :pattern) ORDER BY h.line";
        if session != self.session {
            return self.others(|file, _| {
                let parameters =
                    named_params! {":session": session, ":start": start, ":stop": stop, ":pattern": pattern};
                select(file, clauses, parameters)
            });
        }
        let end = self.own("ORDER BY h.line DESC LIMIT 1", [], 0).first().map_or(1, |last| last.line + 1);
        let from_end = |line: i64| if line < 0 { line.saturating_add(end) } else { line };
        let parameters =
            named_params! {":session": 0, ":start": from_end(start), ":stop": stop.map(from_end), ":pattern": pattern};
        self.own(clauses, parameters, 0)
    }

    fn sessions(&mut self, n: i64) -> Vec<Session> {
        let mut found = self.others(|file, this| sessions(file, this, n));
        let cells = self.mine.query_row("SELECT count(*) FROM history", [], |row| count(row, 0)).unwrap_or(0);
        found.push(Session { session: self.session, start: moment(self.start), end: None, cells });
        found.sort_by_key(|session| std::cmp::Reverse(session.session));
        found.truncate(usize::try_from(n).unwrap_or(usize::MAX));
        found.reverse();
        found
    }
}

fn write_all(file: &mut HistoryFile, session: i64, all: &[Pending], patience: Duration) -> rusqlite::Result<()> {
    file.connection.busy_timeout(patience)?;
    let transaction = file.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for Pending { line, text, output } in all {
        put(&transaction, session, *line, text, *output)?;
    }
    transaction.commit()
}

/// The beginning of a text that is too long to keep, and a line that says so.
fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        let whole = text.len();
        text.truncate(text.floor_char_boundary(most));
        text.push_str(&format!("\n// … the history keeps {most} of {whole} bytes"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_says_so_and_stays_text() {
        assert_eq!(cut("größe".to_owned(), 7), "größe");
        assert_eq!(cut("größe".to_owned(), 3), "gr\n// … the history keeps 3 of 7 bytes");
    }
}
