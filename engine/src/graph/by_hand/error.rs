//! What can be wrong with a graph that somebody wrote by hand.

use std::fmt;

use super::{Key, TaskGraph};
use crate::similar::most_similar;

/// Why a graph written by hand cannot be changed or run as was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// The key is there already.
    #[error("the graph already has the key `{key}`; use `replace` to put something else in its place")]
    Taken {
        /// The key.
        key: Key,
    },
    /// Somebody asked for a key that is not there.
    #[error("the graph has no key `{key}`{hint}")]
    Unknown {
        /// The key.
        key: Key,
        /// What there is instead, as the end of the sentence; may be empty.
        hint: String,
    },
    /// Entries need keys that are not there: all of those.
    #[error("{}", listed(.0))]
    Missing(Vec<Missing>),
    /// Keys that need each other: the first is also the last.
    #[error("the graph goes in a circle, so none of these can run first: {}, where each needs the next", circle(.keys))]
    Cycle {
        /// The way round.
        keys: Vec<Key>,
    },
    /// Results of another type than the function takes: all of those.
    #[error("{}", listed(.0))]
    Types(Vec<Mismatch>),
}

/// A key that is needed and not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The key.
    pub key: Key,
    /// Who needs it.
    pub needed_by: Key,
    /// The most similar key that is there.
    pub similar: Option<Key>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the graph has no key `{}`, which `{}` needs", self.key, self.needed_by)?;
        match &self.similar {
            Some(similar) => write!(f, "; did you mean `{similar}`?"),
            None => f.write_str("; insert it, or change the task that needs it"),
        }
    }
}

/// A key whose result has another type than somebody expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The key.
    pub key: Key,
    /// The type of its result.
    pub has: String,
    /// The type that is expected.
    pub wanted: String,
    /// Who expects it: a key, or nobody of the graph but whoever asked for the result.
    pub by: Option<Key>,
    /// Whether the key is a plain value, whose type the compiler may have chosen.
    pub plain: bool,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mismatch { key, has, wanted, by, plain } = self;
        match by {
            Some(by) => {
                write!(f, "`{by}` needs `{key}` as a value of type `{wanted}`, but `{key}` is of type `{has}`")?
            }
            None => write!(f, "`{key}` is of type `{has}`, but was asked for as `{wanted}`")?,
        }
        let literal = matches!(has.as_str(), "i32" | "f64") && is_number(wanted);
        match (plain, literal, by) {
            (true, true, _) => write!(f, "; write the number with its type, as in `1_{wanted}`"),
            (_, _, Some(_)) => f.write_str("; change the function, or put a task between them that converts"),
            (_, _, None) => write!(f, "; ask for a `{has}`"),
        }
    }
}

fn is_number(name: &str) -> bool {
    let (kind, width) = name.split_at(name.len().min(1));
    matches!(kind, "i" | "u" | "f") && (width == "size" || width.parse::<u32>().is_ok())
}

/// More lines and keys than this are counted in a message, never left out of the error itself.
const LISTED: usize = 8;

fn listed(what: &[impl fmt::Display]) -> String {
    let mut lines: Vec<String> = what.iter().take(LISTED).map(ToString::to_string).collect();
    if what.len() > LISTED {
        lines.push(format!("and {} more", what.len() - LISTED));
    }
    lines.join("\n")
}

fn circle(keys: &[Key]) -> String {
    let names = |keys: &[Key]| keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" → ");
    match keys.len().checked_sub(2 * LISTED) {
        None | Some(0) => names(keys),
        Some(left) => {
            format!("{} → … {left} more … → {}", names(&keys[..LISTED]), names(&keys[keys.len() - LISTED..]))
        }
    }
}

impl GraphError {
    pub(super) fn unknown(graph: &TaskGraph, key: &str) -> GraphError {
        let hint = match similar(graph, key) {
            Some(similar) => format!("; did you mean `{similar}`?"),
            None if graph.is_empty() => "; it is empty".to_owned(),
            None if graph.len() <= LISTED => {
                let there: Vec<String> = graph.keys().map(|key| format!("`{key}`")).collect();
                format!("; it has {}", there.join(", "))
            }
            None => format!("; `keys()` lists the {} that it has", graph.len()),
        };
        GraphError::Unknown { key: key.into(), hint }
    }

    /// `missing` are pairs of a key and who needs it.
    pub(super) fn missing(graph: &TaskGraph, missing: &[(&Key, &Key)]) -> GraphError {
        // To look for a similar key takes as long as the graph is big: not for more than will be read.
        let found = missing.iter().enumerate().map(|(place, &(key, needed_by))| Missing {
            key: key.clone(),
            needed_by: needed_by.clone(),
            similar: if place < LISTED { similar(graph, key.as_str()).cloned() } else { None },
        });
        GraphError::Missing(found.collect())
    }
}

/// The key that takes the fewest changes to become `key`, if those are few.
fn similar<'a>(graph: &'a TaskGraph, key: &str) -> Option<&'a Key> {
    most_similar(key, graph.keys(), Key::as_str)
}
