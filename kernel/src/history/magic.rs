//! `%history`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ranges::{RangeError, range_spec};
use super::{Entry, History, Session};

/// What `%history?` shows.
pub const HELP: &str = "\
%history [-n] [-o] [-u] [-l [N]] [-g [PATTERN]] [-f FILE [-y]] [RANGE ...]
%history -s [-l [N]]

Shows what was run: by default the cells of this session.

  RANGE       4 (a cell), 4-6, 4- (to the end), ~1/ (all of the session before this one), ~1/3-5,
              243/1-5 (a session by its number), ~8/1-~6/5 (over several sessions)
  -n          with the cells' numbers, `session/cell` for other sessions
  -o          with the results that were kept
  -g PATTERN  the cells of all sessions (or of the ranges named before it) that contain PATTERN;
              * stands for anything, ? for one character, case counts; without PATTERN all of them
  -l N        the last N cells over all sessions, 10 if N is not given; with -g, the last N that match
  -u          equal cells only once, the last of them
  -f FILE     writes to FILE; with -y also over a file that is there
  -s          the sessions instead of cells: their numbers, when they began, how many cells they ran;
              the last 10, or N with -l N";

/// Why `%history` could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum MagicError {
    /// A flag that it does not have.
    #[error("%history has no flag `{0}`. It knows -n, -o, -u, -l, -g, -f, -y and -s; `%history?` explains them.")]
    Flag(String),
    /// `-l` with something that is not a number.
    #[error("`-l {0}`: how many cells is a number, as in `%history -l 20`.")]
    Count(String),
    /// `-f` without a file.
    #[error("`-f` needs the name of a file, as in `%history -f session.rs`.")]
    NoFile,
    /// Something that is not a range.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// `-f` would replace a file.
    #[error("{} is there already: `-y` writes over it.", .0.display())]
    Exists(PathBuf),
    /// The file of `-f` could not be written.
    #[error("{} could not be written: {cause}.", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

/// Does `%history ARGUMENTS` and returns what is to be printed.
///
/// `line` is the number of the cell that asks; it is left out of `-l`, as in IPython. The file of `-f` is taken relative
/// to `folder`, and `~/` is the user's home.
///
/// # Errors
/// When the arguments cannot be understood, or the file cannot be written.
pub fn run(history: &History, arguments: &str, line: u32, folder: &Path) -> Result<String, MagicError> {
    let asked = Arguments::read(arguments)?;
    let (mut text, written) = if asked.sessions {
        let found = history.sessions(asked.last.flatten().unwrap_or(10));
        let lines: Vec<_> = found.iter().map(|session| describe(session, history.session())).collect();
        (lines.join("\n"), counted(found.len(), "session"))
    } else {
        let found = asked.find(history, line)?;
        (asked.render(&found, history.session()), counted(found.len(), "cell"))
    };
    let Some(file) = &asked.file else {
        // Who looks beyond this session should know why nothing is there.
        let beyond = asked.sessions || asked.pattern.is_some() || asked.last.is_some() || !asked.ranges.is_empty();
        let note = history.warning().filter(|_| beyond).map(|warning| format!("// {warning}"));
        let parts = [Some(text).filter(|text| !text.is_empty()), note];
        return Ok(parts.into_iter().flatten().collect::<Vec<_>>().join("\n"));
    };
    let path = match (file.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => folder.join(file),
    };
    // The content of a file ends with a line's end, what is printed has one added.
    if !text.is_empty() {
        text.push('\n');
    }
    write(&path, &text, asked.overwrite)?;
    Ok(format!("Wrote {written} to {}.", path.display()))
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Arguments {
    numbers: bool,
    outputs: bool,
    unique: bool,
    overwrite: bool,
    sessions: bool,
    /// Some(None) is `-l` alone.
    last: Option<Option<usize>>,
    pattern: Option<String>,
    file: Option<String>,
    ranges: Vec<String>,
}

impl Arguments {
    fn read(text: &str) -> Result<Self, MagicError> {
        let mut asked = Self::default();
        let mut words = words(text).into_iter().peekable();
        while let Some(word) = words.next() {
            let Some(flags) = word.strip_prefix('-').filter(|rest| rest.starts_with(|c: char| !c.is_ascii_digit()))
            else {
                asked.ranges.push(word);
                continue;
            };
            for (at, flag) in flags.char_indices() {
                let rest = &flags[at + flag.len_utf8()..];
                match flag {
                    'n' => asked.numbers = true,
                    'o' => asked.outputs = true,
                    'u' => asked.unique = true,
                    'y' => asked.overwrite = true,
                    's' => asked.sessions = true,
                    'l' => {
                        let number = |text: &str| text.parse().map_err(|_| MagicError::Count(text.to_owned()));
                        let next = words.next_if(|next| rest.is_empty() && is_value(next));
                        let count = next.as_deref().or((!rest.is_empty()).then_some(rest));
                        asked.last = Some(count.map(number).transpose()?);
                        break;
                    }
                    'g' => {
                        let mut parts: Vec<_> = (!rest.is_empty()).then(|| rest.to_owned()).into_iter().collect();
                        while let Some(part) = words.next_if(|next| is_value(next)) {
                            parts.push(part);
                        }
                        asked.pattern =
                            Some(if parts.is_empty() { "*".into() } else { format!("*{}*", parts.join(" ")) });
                        break;
                    }
                    'f' => {
                        let file = if rest.is_empty() { words.next() } else { Some(rest.to_owned()) };
                        asked.file = Some(file.ok_or(MagicError::NoFile)?);
                        break;
                    }
                    _ => return Err(MagicError::Flag(if flag == '-' { word } else { format!("-{flag}") })),
                }
            }
        }
        Ok(asked)
    }

    fn find(&self, history: &History, line: u32) -> Result<Vec<Entry>, MagicError> {
        if let Some(pattern) = self.pattern.as_deref().filter(|_| self.ranges.is_empty()) {
            return Ok(history.search(pattern, self.last.flatten(), self.unique));
        }
        if let Some(last) = self.last {
            let n = last.unwrap_or(10);
            let mut found = history.tail(n.saturating_add(1), self.unique);
            let this = history.session();
            found.retain(|entry| (entry.session, entry.line) != (this, line.into()));
            found.drain(..found.len().saturating_sub(n));
            return Ok(found);
        }
        let spans = range_spec(&self.ranges.join(" "))?;
        let mut found = history.spans(&spans, self.pattern.as_deref());
        if self.unique {
            let mut seen = std::collections::HashSet::new();
            found.reverse();
            found.retain(|entry| seen.insert(entry.source.clone()));
            found.reverse();
        }
        Ok(found)
    }

    /// As IPython prints it, without the last line's end.
    fn render(&self, found: &[Entry], session: i64) -> String {
        let mut lines = Vec::new();
        for entry in found {
            let source = entry.source.trim_end();
            if self.numbers || self.pattern.is_some() {
                let number = match entry.session {
                    own if own == 0 || own == session => entry.line.to_string(),
                    other => format!("{other}/{}", entry.line),
                };
                let gap = if source.contains('\n') { '\n' } else { ' ' };
                lines.push(format!("{number:>4}:{gap}{source}"));
            } else {
                lines.push(source.to_owned());
            }
            if self.outputs {
                lines.extend(entry.output.as_ref().filter(|output| !output.is_empty()).cloned());
            }
        }
        lines.join("\n")
    }
}

fn describe(session: &Session, this: i64) -> String {
    let Session { session: number, start, end, cells } = session;
    let cells = counted(usize::try_from(*cells).unwrap_or(usize::MAX), "cell");
    let state = match end {
        _ if *number == this => ", this one",
        // A killed kernel could not say that it ended.
        None => ", running or killed",
        Some(_) => "",
    };
    format!("{number:>4}  {}, {cells}{state}", ago(start.elapsed().unwrap_or_default()))
}

/// Rather than a date, for which the kernel would have to know the time zone.
fn ago(time: Duration) -> String {
    let seconds = usize::try_from(time.as_secs()).unwrap_or(usize::MAX);
    match seconds {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} ago", counted(seconds / 60, "minute")),
        3600..86400 => format!("{} ago", counted(seconds / 3600, "hour")),
        _ => format!("{} ago", counted(seconds / 86400, "day")),
    }
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Whether a word belongs to the flag before it.
fn is_value(word: &str) -> bool {
    !word.starts_with('-') || word.len() == 1
}

/// Words between spaces. Quotation marks hold one together that begins and ends with them; elsewhere they are ordinary
/// characters, for Rust has its lifetimes and `'x'`.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let quoted = Some(first).filter(|c| matches!(c, '"' | '\'')).and_then(|mark| {
            let ends = rest.char_indices().skip(1).filter(|&(_, c)| c == mark);
            let is_last = |&(at, _): &(usize, char)| rest[at + 1..].chars().next().is_none_or(char::is_whitespace);
            { ends }.find(is_last).map(|(at, _)| (&rest[1..at], &rest[at + 1..]))
        });
        let (word, after) =
            quoted.unwrap_or_else(|| rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())));
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

fn write(path: &Path, text: &str, overwrite: bool) -> Result<(), MagicError> {
    let mut options = OpenOptions::new();
    options.write(true);
    if overwrite {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    match options.open(path).and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(()),
        Err(problem) if problem.kind() == io::ErrorKind::AlreadyExists => Err(MagicError::Exists(path.to_owned())),
        Err(cause) => Err(MagicError::Write { path: path.to_owned(), cause }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Arguments {
        Arguments::read(text).unwrap()
    }

    #[test]
    fn flags_are_read_as_in_ipython() {
        assert_eq!(read("-n 4-6 ~1/"), read("-n  4-6\t~1/ "));
        assert_eq!(read("-n 4-6").ranges, ["4-6"]);
        assert_eq!(read("-no"), read("-o -n"));
        assert_eq!(read("-l").last, Some(None));
        assert_eq!(read("-l 5 -n"), read("-nl5"));
        assert_eq!(read("-g").pattern.as_deref(), Some("*"));
        assert_eq!(read("-g let x -u").pattern.as_deref(), Some("*let x*"));
        assert!(read("-g let x -u").unique);
        assert_eq!(read("2-4 -g x").ranges, ["2-4"]);
        assert_eq!(read("-g &'a str").pattern.as_deref(), Some("*&'a str*"));
        assert_eq!(read("-g \"two  spaces\" 'c'").pattern.as_deref(), Some("*two  spaces c*"));
        assert_eq!(read("-f 'my cells.rs' -y").file.as_deref(), Some("my cells.rs"));
        assert_eq!(read("-g 'it").pattern.as_deref(), Some("*'it*"));
    }

    #[test]
    fn times_are_told_from_now() {
        let told = |seconds| ago(Duration::from_secs(seconds));
        assert_eq!([told(59), told(60), told(7199)], ["just now", "1 minute ago", "1 hour ago"]);
        assert_eq!([told(86399), told(5 * 86400)], ["23 hours ago", "5 days ago"]);
    }

    #[test]
    fn what_is_no_flag_is_explained() {
        let error = |text: &str| Arguments::read(text).unwrap_err().to_string();
        assert!(error("-n -q").contains("no flag `-q`"));
        assert!(error("--long").contains("no flag `--long`"));
        assert!(error("-l many").contains("many"));
        assert!(error("-f").contains("name of a file"));
    }
}
