//! What is known of the session without asking it: the evaluator writes, everybody else reads, also while a cell runs.

use std::sync::{Arc, Mutex, MutexGuard};

use super::message::Request;

/// A handle on the facts.
#[derive(Clone, Default)]
pub struct Facts(Arc<Mutex<State>>);

/// The facts.
#[derive(Default)]
pub struct State {
    /// The request whose cell runs.
    pub running: Option<Arc<Request>>,
    /// Variables with their types.
    pub variables: Vec<(String, String)>,
    /// Names of functions and types.
    pub items: Vec<String>,
    /// Imports and items of the cells that ran, as Rust.
    pub prelude: String,
    /// The number of the last cell.
    pub count: u32,
}

impl Facts {
    /// Looks at the facts, or changes them. Not for long: requests wait.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The request whose cell runs, if one does.
    pub fn running(&self) -> Option<Arc<Request>> {
        self.lock().running.clone()
    }
}
