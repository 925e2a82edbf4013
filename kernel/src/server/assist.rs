//! Completion and inspection: what is asked of whoever knows the code, and how the answers look on the wire.
//!
//! They run on a thread of their own, one at a time, so that a slow answer holds up nothing else.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

use super::facts::Facts;
use super::limits;
use crate::analysis::{self, Analyst};
use crate::installation::Installation;
use crate::magics;
use crate::session::rewrite::{Completeness, completeness};
use crate::session::{self, Mime};

/// Something that can stand at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What is put in.
    pub text: String,
    /// `function`, `instance`, `keyword`, … as JupyterLab knows them.
    pub kind: String,
    /// Its type or signature, where it is known.
    pub signature: Option<String>,
}

/// What could stand at the cursor, and the bytes of the code that it replaces.
#[derive(Debug, Default)]
pub struct Completions {
    /// The bytes that are replaced.
    pub replaces: std::ops::Range<usize>,
    /// The candidates, best first.
    pub candidates: Vec<Candidate>,
}

/// What is known of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Docs {
    /// As text.
    pub plain: String,
    /// As Markdown, where there is more to it than text.
    pub markdown: Option<String>,
    /// As HTML.
    pub html: Option<String>,
}

impl Docs {
    /// As Jupyter sends it.
    pub fn bundle(&self) -> Mime {
        let forms = [
            ("text/plain", Some(&self.plain)),
            ("text/markdown", self.markdown.as_ref()),
            ("text/html", self.html.as_ref()),
        ];
        forms.into_iter().filter_map(|(mime, text)| Some((mime.to_owned(), text?.as_str().into()))).collect()
    }
}

/// Knows the code: what can be written at a place in it, and what is written there. Offsets are in bytes, and always at
/// the beginning of a character. Must answer also while a cell runs.
pub trait Assistant: Send + Sync {
    /// What can stand at the offset.
    fn complete(&self, code: &str, offset: usize) -> Completions;
    /// What is known of what stands there; `detail` is Jupyter's level: 0 for the documentation, 1 for the source too.
    fn inspect(&self, code: &str, offset: usize, detail: u8) -> Option<Docs>;
}

/// Answers from what is kept beside the session.
pub struct Analysing {
    analyst: Analyst,
    facts: Facts,
    /// Where exercises are found, unless the current folder lies in a course.
    course: Option<PathBuf>,
}

impl Analysing {
    /// Nothing is started before the first question.
    pub fn new(installation: &Installation, facts: Facts) -> Self {
        let analyst = Analyst::new(installation, session::restore_environment);
        Analysing { analyst, facts, course: installation.course.clone() }
    }

    fn facts(&self) -> analysis::Facts {
        let magics = magics::names().into_iter().map(|name| {
            let help = magics::help(&name).unwrap_or_default();
            (name, help)
        });
        let (magics, exercises) = (magics.collect(), magics::exercises(self.course.as_deref()));
        let facts = self.facts.lock();
        let variables = facts.variables.iter().map(|(name, ty)| (name.clone(), ty.clone(), false)).collect();
        analysis::Facts { prelude: facts.prelude.clone(), variables, items: facts.items.clone(), magics, exercises }
    }
}

impl Assistant for Analysing {
    fn complete(&self, code: &str, offset: usize) -> Completions {
        let found = self.analyst.complete(&self.facts(), code, offset);
        let candidates = found.items.into_iter().map(|item| Candidate {
            text: item.insert,
            kind: item.kind,
            signature: Some(item.detail).filter(|detail| !detail.is_empty()),
        });
        Completions { replaces: found.replaces, candidates: candidates.collect() }
    }

    fn inspect(&self, code: &str, offset: usize, detail: u8) -> Option<Docs> {
        let found = self.analyst.inspect(&self.facts(), code, offset, detail)?;
        Some(Docs { plain: found.plain, markdown: Some(found.markdown), html: None })
    }
}

/// The answer to `complete_request`.
pub fn complete(assistant: &dyn Assistant, code: &str, cursor: Option<i64>) -> Value {
    let offset = byte_offset(code, cursor);
    let found = if limits::refuses(code).is_some() {
        Completions { replaces: offset..offset, candidates: Vec::new() }
    } else {
        assistant.complete(code, offset)
    };
    let (start, end) = (char_offset(code, found.replaces.start), char_offset(code, found.replaces.end));
    let kind = |candidate: &Candidate| {
        let mut kind = json!({"start": start, "end": end, "text": candidate.text, "type": candidate.kind});
        if let Some(signature) = &candidate.signature {
            kind["signature"] = signature.as_str().into();
        }
        kind
    };
    let kinds: Vec<Value> = found.candidates.iter().map(kind).collect();
    let matches: Vec<&String> = found.candidates.iter().map(|candidate| &candidate.text).collect();
    json!({
        "status": "ok",
        "matches": matches,
        "cursor_start": start,
        "cursor_end": end,
        "metadata": {"_jupyter_types_experimental": kinds},
    })
}

/// The answer to `inspect_request`.
pub fn inspect(assistant: &dyn Assistant, code: &str, cursor: Option<i64>, detail: u8) -> Value {
    let docs = match limits::refuses(code) {
        Some(_) => None,
        None => assistant.inspect(code, byte_offset(code, cursor), detail),
    };
    match docs {
        Some(docs) => json!({"status": "ok", "found": true, "data": docs.bundle(), "metadata": {}}),
        None => json!({"status": "ok", "found": false, "data": {}, "metadata": {}}),
    }
}

/// The answer to `is_complete_request`.
pub fn is_complete(code: &str) -> Value {
    if code.trim_start().starts_with(['%', '!', ':']) || page_request(code).is_some() {
        return json!({"status": "complete"});
    }
    if limits::refuses(code).is_some() {
        return json!({"status": "invalid"});
    }
    match completeness(code) {
        Completeness::Complete => json!({"status": "complete"}),
        Completeness::Incomplete { indent } => json!({"status": "incomplete", "indent": indent}),
        Completeness::Invalid => json!({"status": "invalid"}),
    }
}

/// The name and the level of detail, if a cell only asks about a name: `name?`, `name??`, `?name`.
pub fn page_request(code: &str) -> Option<(&str, u8)> {
    let code = code.trim();
    let name = code.trim_matches('?');
    let marks = code.len() - name.len();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '%' | ':' | '!'));
    (is_name && (1..=2).contains(&marks)).then_some((name, (marks - 1) as u8))
}

/// Jupyter counts in characters. No cursor means the end.
fn byte_offset(code: &str, characters: Option<i64>) -> usize {
    let Some(characters) = characters else { return code.len() };
    let characters = usize::try_from(characters).unwrap_or(0);
    code.char_indices().nth(characters).map_or(code.len(), |(at, _)| at)
}

fn char_offset(code: &str, bytes: usize) -> usize {
    code.get(..bytes).map_or(0, |before| before.chars().count())
}

/// Parsers work by recursion. Only what is used of it is memory.
const STACK: usize = 128 << 20;
/// With so many questions waiting, those that are no longer the newest of their client get an empty answer.
const CROWDED: usize = 16;

/// A question, and what to do with its answer.
pub struct Question {
    /// Who asks. An earlier question of the same person is out of date.
    pub from: Vec<u8>,
    /// Gives the answer; told whether the question is still the newest.
    pub answer: Box<dyn FnOnce(bool) + Send>,
}

/// The thread that answers.
#[derive(Clone)]
pub struct Desk(Arc<(Mutex<VecDeque<Question>>, Condvar)>);

impl Desk {
    /// Starts it.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start() -> std::io::Result<Desk> {
        let desk = Desk(Arc::default());
        let working = desk.clone();
        std::thread::Builder::new().name("assistant".to_owned()).stack_size(STACK).spawn(move || working.work())?;
        Ok(desk)
    }

    /// Puts a question. It is always answered.
    pub fn put(&self, question: Question) {
        self.0.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push_back(question);
        self.0.1.notify_one();
    }

    fn work(&self) {
        loop {
            let mut questions = self.0.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let question = loop {
                match questions.pop_front() {
                    Some(question) => break question,
                    None => {
                        questions = self.0.1.wait(questions).unwrap_or_else(|poisoned| poisoned.into_inner());
                    }
                }
            };
            let newest =
                questions.len() < CROWDED || !questions.iter().rev().take(64).any(|other| other.from == question.from);
            drop(questions);
            // A parser's fault costs an answer, not the thread.
            let _ = catch_unwind(AssertUnwindSafe(|| (question.answer)(newest)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_only_asks_about_a_name_is_known() {
        assert_eq!(page_request(" inc?\n"), Some(("inc", 0)));
        assert_eq!(page_request("inc??"), Some(("inc", 1)));
        assert_eq!(page_request("?std::vec::Vec"), Some(("std::vec::Vec", 0)));
        assert_eq!(page_request("%time?"), Some(("%time", 0)));
        for code in ["inc", "inc()?", "?", "a + b?", "a???", "let x = y?"] {
            assert_eq!(page_request(code), None, "{code}");
        }
    }

    #[test]
    fn cursors_are_characters_and_never_outside() {
        let code = "é🦀x";
        for (cursor, offset) in [(Some(0), 0), (Some(1), 2), (Some(2), 6), (Some(9), 7), (Some(-3), 0), (None, 7)] {
            assert_eq!(byte_offset(code, cursor), offset);
        }
        assert_eq!(char_offset(code, 6), 2);
    }

    #[test]
    fn code_that_breaks_parsers_is_invalid_and_no_more() {
        assert_eq!(is_complete(&"(".repeat(100_000))["status"], "invalid");
        assert_eq!(is_complete("fn f() {")["status"], "incomplete");
    }
}
