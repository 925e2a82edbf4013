//! `%history`: what has been run, as IPython prints it.

use std::collections::HashSet;

use super::arguments::{Call, words};
use super::context::Context;
use super::{Magic, Magics, usage};
use crate::session::Failure;

pub(super) const MAGICS: [Magic; 1] = [Magic {
    name: "%history",
    usage: "%history [-n] [-o] [-u] [-g PATTERN | -l [COUNT] | CELLS …] [-f FILE]",
    summary: "Prints the cells that have been run.",
    details: "Cells are chosen by number: `3`, `2-5`, `4-`, and with the number of a session in front, `243/1-5`, or that many \
              sessions ago, `~1/2-3`. -l takes the last ones (10) of all sessions, -g those that hold a text, in which * and \
              ? stand for anything and for one character; -u leaves repetitions out. -n prints numbers, -o results, and -f \
              writes to a file.",
    example: "%history -n 1-3",
    run: Magics::show_history,
}];

/// A cell that has been run.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The session, counted from 1; 0 stands for this one.
    pub session: i64,
    /// Its execution count.
    pub line: u32,
    /// The cell.
    pub input: String,
    /// Its result as text, where that is kept.
    pub output: Option<String>,
}

/// A place where cells are kept that have been run.
pub trait HistorySource {
    /// The last cells of all sessions, oldest first; the cell that asks is not among them.
    fn tail(&self, count: usize) -> Vec<Entry>;

    /// Cells of one session from a line to another, the latter not included; no end means to the end. Session 0 is this
    /// one, -1 the one before.
    fn range(&self, session: i64, first: u32, end: Option<u32>) -> Vec<Entry>;

    /// Cells of all sessions that fit a pattern with `*` and `?`, oldest first; the newest ones if they are limited.
    fn search(&self, pattern: &str, limit: Option<usize>) -> Vec<Entry>;
}

/// The cells of this session, in memory.
#[derive(Debug, Default)]
pub struct Remembered(Vec<Entry>);

impl Remembered {
    /// Keeps a cell, unless it does not count.
    pub fn push(&mut self, number: u32, code: &str) {
        if self.0.last().is_none_or(|last| last.line < number) && number > 0 {
            self.0.push(Entry { session: 0, line: number, input: code.to_owned(), output: None });
        }
    }
}

impl HistorySource for Remembered {
    fn tail(&self, count: usize) -> Vec<Entry> {
        self.0[self.0.len().saturating_sub(count)..].to_vec()
    }

    fn range(&self, session: i64, first: u32, end: Option<u32>) -> Vec<Entry> {
        let wanted = |entry: &&Entry| entry.line >= first && end.is_none_or(|end| entry.line < end);
        if session == 0 { self.0.iter().filter(wanted).cloned().collect() } else { Vec::new() }
    }

    fn search(&self, pattern: &str, limit: Option<usize>) -> Vec<Entry> {
        let found: Vec<Entry> = self.0.iter().filter(|entry| fits(pattern, &entry.input)).cloned().collect();
        let skipped = limit.map_or(0, |limit| found.len().saturating_sub(limit));
        found.into_iter().skip(skipped).collect()
    }
}

/// Whether a text fits a pattern: `*` stands for anything, `?` for one character.
pub fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

/// What `%history` was asked for.
#[derive(Debug, Default, PartialEq)]
struct Asked {
    numbers: bool,
    outputs: bool,
    unique: bool,
    pattern: Option<String>,
    last: Option<usize>,
    file: Option<String>,
    ranges: Vec<Range>,
}

/// Cells of one session.
#[derive(Debug, PartialEq)]
struct Range {
    session: i64,
    first: u32,
    end: Option<u32>,
}

/// Cells that `-l` prints.
const LAST: usize = 10;

impl Asked {
    fn parse(text: &str) -> Result<Asked, String> {
        let mut asked = Asked::default();
        let mut words = words(text)?.into_iter().peekable();
        while let Some(word) = words.next() {
            match word.as_str() {
                "-n" => asked.numbers = true,
                "-o" => asked.outputs = true,
                "-u" => asked.unique = true,
                "-f" => asked.file = Some(words.next().ok_or("-f needs the name of a file")?),
                "-l" => {
                    let count = words.next_if(|word| word.chars().all(|c| c.is_ascii_digit()));
                    asked.last = Some(count.map_or(Ok(LAST), |count| count.parse()).map_err(|_| "-l takes a number")?);
                }
                "-g" => {
                    let mut pattern = Vec::new();
                    while let Some(word) =
                        words.next_if(|word| !["-n", "-o", "-u", "-f", "-l"].contains(&word.as_str()))
                    {
                        pattern.push(word);
                    }
                    asked.pattern = Some(pattern.join(" "));
                }
                word if word.starts_with('-') => return Err(format!("there is no option {word}")),
                word => asked.ranges.push(Range::parse(word)?),
            }
        }
        Ok(asked)
    }

    fn find(&self, history: &dyn HistorySource) -> Vec<Entry> {
        let mut entries = match (&self.pattern, self.last) {
            (Some(pattern), limit) => {
                let anywhere = if pattern.is_empty() { "*".to_owned() } else { format!("*{pattern}*") };
                history.search(&anywhere, limit)
            }
            (None, Some(count)) => history.tail(count),
            (None, None) if self.ranges.is_empty() => history.range(0, 1, None),
            (None, None) => {
                self.ranges.iter().flat_map(|range| history.range(range.session, range.first, range.end)).collect()
            }
        };
        if self.unique {
            // Of cells that are the same, the newest stays.
            let mut seen = HashSet::new();
            entries.reverse();
            entries.retain(|entry| seen.insert(entry.input.clone()));
            entries.reverse();
        }
        entries
    }

    fn print(&self, entries: &[Entry]) -> String {
        let mut text = String::new();
        for entry in entries {
            let input = entry.input.trim_end();
            if self.numbers || self.pattern.is_some() {
                let number = match entry.session {
                    0 => entry.line.to_string(),
                    session => format!("{session}/{}", entry.line),
                };
                text.push_str(&format!("{number:>4}:{}", if input.contains('\n') { '\n' } else { ' ' }));
            }
            text.push_str(input);
            text.push('\n');
            if let Some(output) = entry.output.as_ref().filter(|_| self.outputs) {
                text.push_str(output.trim_end());
                text.push('\n');
            }
        }
        text
    }
}

impl Range {
    /// `4`, `4-6`, `4-`, with `243/` or `~2/` in front.
    fn parse(word: &str) -> Result<Range, String> {
        let wrong = || format!("`{word}` is no range of cells; it looks like 4, 4-6, 4- or ~1/4-6");
        let (session, lines) = match word.split_once('/') {
            Some((session, lines)) => match session.strip_prefix('~') {
                Some(ago) => (-ago.parse::<i64>().map_err(|_| wrong())?, lines),
                None => (session.parse().map_err(|_| wrong())?, lines),
            },
            None => (0, word),
        };
        if lines.is_empty() {
            return Ok(Range { session, first: 1, end: None });
        }
        let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
        let (first, end) = match lines.split_once('-') {
            None => (number(lines)?, Some(number(lines)?.saturating_add(1))),
            Some((first, "")) => (number(first)?, None),
            Some((first, last)) => (number(first)?, Some(number(last)?.saturating_add(1))),
        };
        Ok(Range { session, first, end })
    }
}

impl Magics {
    fn source(&self) -> &dyn HistorySource {
        match &self.history {
            Some(history) => &**history,
            None => &self.remembered,
        }
    }

    /// The cells of a range such as `3-5`, one below the other.
    pub(super) fn earlier_cells(&self, range: &str) -> Option<String> {
        let range = Range::parse(range).ok()?;
        let cells = self.source().range(range.session, range.first, range.end);
        let inputs: Vec<String> = cells.into_iter().map(|entry| entry.input).collect();
        (!inputs.is_empty()).then(|| inputs.join("\n"))
    }

    /// The cells of this session, newest first.
    pub(super) fn cells_of_session(&self) -> Vec<String> {
        self.remembered.0.iter().rev().map(|entry| entry.input.clone()).collect()
    }

    fn show_history(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let asked = Asked::parse(&call.arguments).map_err(|message| usage(call, &message))?;
        let text = asked.print(&asked.find(self.source()));
        match &asked.file {
            None if text.is_empty() => {}
            None => context.print(&text),
            Some(file) => {
                let place = context.session.current_directory().join(super::arguments::path(file));
                std::fs::write(&place, &text)
                    .map_err(|error| Failure::message(&format!("cannot write {}: {error}", place.display())))?;
                context.print(&format!("Writing {file}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembered() -> Remembered {
        let mut history = Remembered::default();
        for (number, code) in [(1, "let a = 1;"), (2, "a +\n1"), (3, "let a = 1;"), (3, "silent"), (4, "%history")] {
            history.push(number, code);
        }
        history
    }

    fn printed(arguments: &str) -> String {
        let asked = Asked::parse(arguments).unwrap();
        asked.print(&asked.find(&remembered()))
    }

    #[test]
    fn cells_are_chosen_and_printed() {
        assert_eq!(printed("1-2"), "let a = 1;\na +\n1\n");
        assert_eq!(printed("-n 1 2 4-"), "   1: let a = 1;\n   2:\na +\n1\n   4: %history\n");
        assert_eq!(printed("-l 2"), "let a = 1;\n%history\n");
        assert_eq!(printed("-g let"), "   1: let a = 1;\n   3: let a = 1;\n");
        assert_eq!(printed("-u -g let a = ?"), "   3: let a = 1;\n");
        assert_eq!(printed("-l 1 -g let"), "   3: let a = 1;\n");
        assert_eq!(printed("~1/"), "");
        assert_eq!(printed("").lines().count(), 5);
    }

    #[test]
    fn ranges_are_read_as_ipython_does() {
        assert_eq!(Range::parse("243/1-5"), Ok(Range { session: 243, first: 1, end: Some(6) }));
        assert_eq!(Range::parse("~2/7"), Ok(Range { session: -2, first: 7, end: Some(8) }));
        assert_eq!(Range::parse("~2/"), Ok(Range { session: -2, first: 1, end: None }));
        assert!(Range::parse("last").unwrap_err().contains("`last`"));
        assert!(Asked::parse("-x").unwrap_err().contains("-x"));
    }

    #[test]
    fn patterns_stand_for_texts() {
        assert!(fits("let*x", "let y = x") && fits("*sum*", "a.sum()") && fits("a?c", "abc") && fits("*", ""));
        assert!(!fits("a?c", "abbc") && !fits("x", "xy"));
    }
}
