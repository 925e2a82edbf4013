//! Requests that are answered at once, whether or not a cell runs.

use std::path::PathBuf;
use std::sync::Arc;

use jupyter_protocol::{HistoryRequest, JupyterMessage, JupyterMessageContent};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::evaluator::Evaluator;
use super::messages::child;
use crate::analysis::{Analyst, Completions, Facts, complete_reply, inspect_reply};
use crate::magics;
use crate::session::rewrite::{Completeness, completeness};

/// The version of Jupyter's protocol that is spoken.
const PROTOCOL: &str = "5.3";
pub struct Requests {
    evaluator: Arc<Evaluator>,
    analyst: Arc<Analyst>,
    course: Option<PathBuf>,
    shutdown: Notify,
}

impl Requests {
    pub fn new(evaluator: Arc<Evaluator>, analyst: Analyst, course: Option<PathBuf>) -> Self {
        Requests { evaluator, analyst: Arc::new(analyst), course, shutdown: Notify::new() }
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
                let level = u8::from(asked.detail_level.is_some_and(|level| level > 0));
                ("inspect_reply", self.inspect(&asked.code, asked.cursor_pos, level).await)
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
        let (analyst, facts) = (Arc::clone(&self.analyst), self.facts());
        let (code, offset) = (code.to_owned(), byte_offset(code, cursor));
        let answer = move || complete_reply(&code, &analyst.complete(&facts, &code, offset));
        tokio::task::spawn_blocking(answer).await.unwrap_or_else(|_| complete_reply("", &Completions::default()))
    }

    async fn inspect(&self, code: &str, cursor: usize, detail_level: u8) -> Value {
        let (analyst, facts) = (Arc::clone(&self.analyst), self.facts());
        let (code, offset) = (code.to_owned(), byte_offset(code, cursor));
        let answer = move || inspect_reply(analyst.inspect(&facts, &code, offset, detail_level));
        tokio::task::spawn_blocking(answer).await.unwrap_or_else(|_| inspect_reply(None))
    }

    fn facts(&self) -> Facts {
        let magics = magics::names().into_iter().map(|name| {
            let help = magics::help(&name).unwrap_or_default();
            (name, help)
        });
        Facts { magics: magics.collect(), exercises: magics::exercises(&self.course), ..self.evaluator.facts() }
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
