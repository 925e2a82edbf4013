//! Jupyter's `history_request`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Entry, History};

/// What a client asks for. Only `hist_access_type` must be there: clients leave out what they have no opinion on, and
/// `jupyter_client` sends no `stop`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "hist_access_type", rename_all = "lowercase")]
pub enum HistoryRequest {
    /// The last cells.
    Tail {
        /// How many; 10 if it is not said.
        n: Option<i64>,
        /// With results.
        #[serde(default)]
        output: bool,
    },
    /// Lines of one session.
    Range {
        /// Its number; 0 is this session, negative ones count back from it.
        #[serde(default)]
        session: Option<i64>,
        /// The first line.
        #[serde(default)]
        start: Option<i64>,
        /// The line after the last one.
        stop: Option<i64>,
        /// With results.
        #[serde(default)]
        output: bool,
    },
    /// Cells of all sessions that match.
    Search {
        /// The whole cell, with `*` and `?`; everything if it is not said.
        pattern: Option<String>,
        /// At most so many, the last ones.
        n: Option<i64>,
        /// Equal cells once.
        #[serde(default)]
        unique: Option<bool>,
        /// With results.
        #[serde(default)]
        output: bool,
    },
}

impl HistoryRequest {
    /// The content of the `history_reply`. There is no other form of a Rust cell than the one the user wrote, so `raw`
    /// changes nothing.
    pub fn reply(&self, history: &History) -> Value {
        let count = |n: i64| usize::try_from(n).unwrap_or(0);
        let (found, output) = match self {
            Self::Tail { n, output } => (history.tail(count(n.unwrap_or(10)), false), *output),
            Self::Range { session, start, stop, output } => {
                (history.range(session.unwrap_or(0), start.unwrap_or(0), *stop), *output)
            }
            Self::Search { pattern, n, unique, output } => {
                let pattern = pattern.as_deref().unwrap_or("*");
                (history.search(pattern, n.map(count), unique.unwrap_or(false)), *output)
            }
        };
        let here = history.session();
        let item = |entry: Entry| {
            let Entry { session, line, source, output: result } = entry;
            // One number for this session in all answers, so that a client can ask for it.
            let session = if session == 0 { here } else { session };
            if output { json!([session, line, [source, result]]) } else { json!([session, line, source]) }
        };
        json!({"status": "ok", "history": found.into_iter().map(item).collect::<Vec<_>>()})
    }
}
