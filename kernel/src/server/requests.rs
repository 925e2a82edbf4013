//! Requests that are answered at once, whether or not a cell runs.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use jupyter_protocol::{HistoryRequest, JupyterMessage, JupyterMessageContent};
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};

use super::evaluator::{Evaluator, Job};
use super::messages::child;
use crate::magics;
use crate::session::rewrite::{Completeness, completeness};

/// The version of Jupyter's protocol that is spoken.
const PROTOCOL: &str = "5.3";
/// How long a completion may take before names alone have to do.
const COMPLETION_PATIENCE: Duration = Duration::from_millis(800);

/// What a person may want to complete that no analysis knows.
const NAMES: [&str; 34] = [
    "taskloom",
    "polars",
    "prelude",
    "delayed!",
    "delayed_value",
    "compute!",
    "compute",
    "visualize",
    "task_names",
    "Delayed",
    "Scheduler",
    "display",
    "sleep_ms",
    "println!",
    "format!",
    "vec!",
    "String",
    "Vec",
    "Option",
    "Result",
    "let",
    "mut",
    "fn",
    "struct",
    "impl",
    "match",
    "use",
    "while",
    "loop",
    "for",
    "else",
    "return",
    "enum",
    "trait",
];

/// Code to complete, and what to put in its place.
#[derive(Debug, Default)]
pub struct Completions {
    /// Byte range of the code that a completion replaces.
    pub replaces: std::ops::Range<usize>,
    /// The candidates, each with its kind.
    pub candidates: Vec<(String, &'static str)>,
}

pub struct Requests {
    evaluator: Arc<Evaluator>,
    jobs: Sender<Job>,
    shutdown: Notify,
}

impl Requests {
    pub fn new(evaluator: Arc<Evaluator>, jobs: Sender<Job>) -> Self {
        Requests { evaluator, jobs, shutdown: Notify::new() }
    }

    /// Ends when a client asks for a shutdown on the shell channel, as old ones do.
    pub async fn shutdown_asked(&self) {
        self.shutdown.notified().await;
    }

    /// The request whose cell runs.
    pub fn running(&self) -> Option<JupyterMessage> {
        self.evaluator.running()
    }

    /// The reply, if the request is one that has a reply.
    pub async fn answer(&self, request: &JupyterMessage) -> Option<JupyterMessage> {
        let (message_type, content) = match &request.content {
            JupyterMessageContent::KernelInfoRequest(_) => ("kernel_info_reply", kernel_info()),
            JupyterMessageContent::IsCompleteRequest(asked) => ("is_complete_reply", is_complete(&asked.code)),
            JupyterMessageContent::CompleteRequest(asked) => {
                ("complete_reply", self.complete(&asked.code, asked.cursor_pos).await)
            }
            JupyterMessageContent::InspectRequest(asked) => {
                ("inspect_reply", self.inspect(&asked.code, asked.cursor_pos))
            }
            JupyterMessageContent::HistoryRequest(asked) => ("history_reply", self.history(asked)),
            JupyterMessageContent::CommInfoRequest(_) => ("comm_info_reply", json!({"status": "ok", "comms": {}})),
            JupyterMessageContent::ShutdownRequest(asked) => {
                self.shutdown.notify_one();
                ("shutdown_reply", json!({"status": "ok", "restart": asked.restart}))
            }
            JupyterMessageContent::InterruptRequest(_) => {
                self.evaluator.interrupt();
                ("interrupt_reply", json!({"status": "ok"}))
            }
            // Widgets are not offered; the protocol says to close what cannot be opened.
            JupyterMessageContent::CommOpen(open) => ("comm_close", json!({"comm_id": open.comm_id.0, "data": {}})),
            _ => return None,
        };
        Some(child(request, message_type, content))
    }

    async fn complete(&self, code: &str, cursor: usize) -> Value {
        let offset = byte_offset(code, cursor);
        let word_start = code[..offset]
            .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '!' | '%')))
            .map_or(0, |at| at + code[at..].chars().next().map_or(1, char::len_utf8));
        let word = &code[word_start..offset];
        let mut found = Completions { replaces: word_start..offset, candidates: Vec::new() };
        if word.starts_with('%') {
            let names = magics::names().into_iter().filter(|name| name.starts_with(word));
            found.candidates = names.map(|name| (name, "magic")).collect();
        } else {
            if self.evaluator.running().is_none() {
                let (answer, answered) = oneshot::channel();
                if self.jobs.send(Job::Complete(code.to_owned(), offset, answer)).is_ok()
                    && let Ok(Ok(analysed)) = tokio::time::timeout(COMPLETION_PATIENCE, answered).await
                    && !analysed.candidates.is_empty()
                {
                    found = analysed;
                }
            }
            let after_dot = code[..word_start].ends_with('.');
            let known = self.evaluator.variables().into_iter().map(|(name, _)| (name, "instance"));
            let known = known.chain(self.evaluator.items().into_iter().map(|name| (name, "function")));
            let known = known.chain(NAMES.iter().map(|&name| (name.to_owned(), "keyword")));
            if found.replaces.start == word_start && !after_dot && !word.is_empty() {
                for (name, kind) in known {
                    if name.starts_with(word) && !found.candidates.iter().any(|(other, _)| *other == name) {
                        found.candidates.push((name, kind));
                    }
                }
            }
        }
        let (start, end) = (char_offset(code, found.replaces.start), char_offset(code, found.replaces.end));
        let kinds: Vec<Value> = found
            .candidates
            .iter()
            .map(|(text, kind)| json!({"start": start, "end": end, "text": text, "type": kind}))
            .collect();
        let matches: Vec<&String> = found.candidates.iter().map(|(text, _)| text).collect();
        json!({
            "status": "ok",
            "matches": matches,
            "cursor_start": start,
            "cursor_end": end,
            "metadata": {"_jupyter_types_experimental": kinds},
        })
    }

    fn inspect(&self, code: &str, cursor: usize) -> Value {
        let offset = byte_offset(code, cursor);
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '%');
        let start = code[..offset]
            .rfind(|c| !is_word(c))
            .map_or(0, |at| at + code[at..].chars().next().map_or(1, char::len_utf8));
        let end = code[offset..].find(|c| !is_word(c)).map_or(code.len(), |at| offset + at);
        let word = &code[start..end];
        let text = if let Some(help) = magics::help(word) {
            Some(help)
        } else if let Some((name, ty)) = self.evaluator.variables().into_iter().find(|(name, _)| name == word) {
            Some(format!("let {name}: {ty}"))
        } else if !word.is_empty() && self.evaluator.items().iter().any(|item| item == word) {
            Some(self.definition(word).unwrap_or_else(|| format!("{word}, defined in this notebook")))
        } else {
            None
        };
        match text {
            Some(text) => json!({"status": "ok", "found": true, "data": {"text/plain": text}, "metadata": {}}),
            None => json!({"status": "ok", "found": false, "data": {}, "metadata": {}}),
        }
    }

    /// The newest line that defines an item.
    fn definition(&self, name: &str) -> Option<String> {
        let defines = |line: &str| {
            ["fn ", "struct ", "enum ", "trait ", "type ", "const ", "static ", "macro_rules! "]
                .iter()
                .any(|keyword| line.split(keyword).nth(1).is_some_and(|rest| rest.starts_with(name)))
        };
        let cells = self.evaluator.history();
        let found =
            cells.iter().rev().find_map(|(_, code)| code.lines().find(|line| defines(line)).map(str::to_owned))?;
        Some(found.trim_end().trim_end_matches('{').trim_end().to_owned())
    }

    fn history(&self, asked: &HistoryRequest) -> Value {
        let entries = self.evaluator.history();
        let (count, pattern, with_output) = match asked {
            HistoryRequest::Tail { n, output, .. } => (usize::try_from(*n).unwrap_or(0), None, *output),
            HistoryRequest::Search { n, pattern, output, .. } => {
                (usize::try_from(*n).unwrap_or(0), Some(pattern.as_str()), *output)
            }
            HistoryRequest::Range { output, .. } => (usize::MAX, None, *output),
        };
        let wanted = |code: &str| pattern.is_none_or(|pattern| matches_glob(pattern, code));
        let mut found: Vec<_> = entries.into_iter().rev().filter(|(_, code)| wanted(code)).take(count).collect();
        found.reverse();
        // Outputs are not kept, which the protocol allows.
        let entry = |(line, code)| if with_output { json!([0, line, [code, null]]) } else { json!([0, line, code]) };
        let history: Vec<Value> = found.into_iter().map(entry).collect();
        json!({"status": "ok", "history": history})
    }
}

/// `*` stands for anything, `?` for one character.
fn matches_glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && (pattern[p] == '?' || (pattern[p] == text[t] && pattern[p] != '*')) {
            (p, t) = (p + 1, t + 1);
        } else if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            (p, t) = (at + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

fn kernel_info() -> Value {
    let version = env!("CARGO_PKG_VERSION");
    json!({
        "status": "ok",
        "protocol_version": PROTOCOL,
        "implementation": "taskloom",
        "implementation_version": version,
        "banner": format!("Taskloom {version}: Rust, with a parallel engine inside. `use taskloom::prelude::*;` and %lsmagic are good beginnings."),
        "debugger": false,
        "help_links": [
            {"text": "The Rust book", "url": "https://doc.rust-lang.org/book/"},
            {"text": "The standard library", "url": "https://doc.rust-lang.org/std/"},
            {"text": "Polars for Rust", "url": "https://docs.rs/polars"},
        ],
        "language_info": {
            "name": "rust",
            "version": env!("CARGO_PKG_RUST_VERSION"),
            "mimetype": "text/rust",
            "file_extension": ".rs",
            "pygments_lexer": "rust",
            "codemirror_mode": "rust",
            "nbconvert_exporter": "script",
        },
    })
}

fn is_complete(code: &str) -> Value {
    if code.trim_start().starts_with(['%', '!', ':']) {
        return json!({"status": "complete"});
    }
    match completeness(code) {
        Completeness::Complete => json!({"status": "complete"}),
        Completeness::Incomplete { indent } => json!({"status": "incomplete", "indent": indent}),
        Completeness::Invalid => json!({"status": "invalid"}),
    }
}

/// Jupyter counts in characters.
fn byte_offset(code: &str, characters: usize) -> usize {
    code.char_indices().nth(characters).map_or(code.len(), |(at, _)| at)
}

fn char_offset(code: &str, bytes: usize) -> usize {
    code.get(..bytes).map_or(0, |before| before.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_searched_as_in_ipython() {
        assert!(matches_glob("let*x", "let y = x"));
        assert!(matches_glob("*sum*", "a.sum()"));
        assert!(matches_glob("a?c", "abc"));
        assert!(!matches_glob("a?c", "abbc"));
        assert!(!matches_glob("x", "xy"));
    }
}
