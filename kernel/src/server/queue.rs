//! Cells that wait for the session, in the order in which they came, from all subshells.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::message::{Replies, Request};

/// Cells that may wait.
const MOST: usize = 10_000;
/// What their requests may weigh together.
const MOST_BYTES: usize = 64 << 20;

/// What an `execute_request` says.
#[derive(Debug, Deserialize)]
pub struct Asked {
    /// The cell.
    pub code: String,
    #[serde(default)]
    silent: Option<bool>,
    #[serde(default)]
    store_history: Option<bool>,
    #[serde(default)]
    user_expressions: Option<Map<String, Value>>,
    #[serde(default)]
    allow_stdin: Option<bool>,
    #[serde(default)]
    stop_on_error: Option<bool>,
}

impl Asked {
    /// Nothing is shown, nothing is counted.
    pub fn silent(&self) -> bool {
        self.silent == Some(true)
    }

    /// Whether the cell gets a number and a place in the history.
    pub fn counts(&self) -> bool {
        self.store_history != Some(false) && !self.silent() && !self.code.trim().is_empty()
    }

    /// Whether the sender answers questions.
    pub fn allows_stdin(&self) -> bool {
        self.allow_stdin == Some(true)
    }

    /// Whether an error takes the cells behind this one with it.
    pub fn stops_on_error(&self) -> bool {
        self.stop_on_error != Some(false) && !self.silent()
    }

    /// Expressions that are evaluated after the cell, by name.
    pub fn expressions(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.user_expressions.iter().flatten()
    }
}

/// A cell that waits.
pub struct Cell {
    pub request: Arc<Request>,
    pub asked: Asked,
    pub replies: Replies,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Box<Cell>>,
    cells: usize,
    bytes: usize,
    ended: bool,
}

/// The queue.
#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Adds a cell.
    ///
    /// # Errors
    /// Gives it back when there are too many, or when the kernel ends.
    pub fn push(&self, cell: Cell) -> Result<(), Box<Cell>> {
        let mut state = self.lock();
        let weight = cell.request.weight;
        if state.ended || state.cells >= MOST || (state.cells > 0 && state.bytes + weight > MOST_BYTES) {
            return Err(Box::new(cell));
        }
        state.cells += 1;
        state.bytes += weight;
        state.waiting.push_back(Box::new(cell));
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for the next cell; none when the kernel ends.
    pub fn next(&self) -> Option<Box<Cell>> {
        let mut state = self.lock();
        loop {
            if state.ended {
                return None;
            }
            if let Some(cell) = state.waiting.pop_front() {
                state.cells -= 1;
                state.bytes -= cell.request.weight;
                return Some(cell);
            }
            state = self.changed.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    }

    /// Takes away the cells of one subshell, or of the main shell.
    pub fn take(&self, subshell: Option<&str>) -> Vec<Cell> {
        let mut state = self.lock();
        let (mut taken, mut kept) = (Vec::new(), VecDeque::new());
        for cell in std::mem::take(&mut state.waiting) {
            if cell.request.subshell.as_deref() == subshell {
                state.cells -= 1;
                state.bytes -= cell.request.weight;
                taken.push(*cell);
            } else {
                kept.push_back(cell);
            }
        }
        state.waiting = kept;
        taken
    }

    /// Nothing further is run.
    pub fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::message::Wire;
    use super::super::zmtp::Socket;
    use super::*;

    fn cell(code: &str) -> Cell {
        let request = Request::example("execute_request", json!({"code": code}));
        let asked = request.content().unwrap();
        let replies = Replies::new(&Arc::new(Wire::new("", "tests")), &Socket::default());
        Cell { request: Arc::new(request), asked, replies }
    }

    #[test]
    fn cells_run_in_the_order_they_came_and_a_subshell_fails_alone() {
        let queue = Queue::default();
        for (code, subshell) in [("a", None), ("b", Some("s")), ("c", None), ("d", Some("s"))] {
            let mut cell = cell(code);
            Arc::get_mut(&mut cell.request).unwrap().subshell = subshell.map(str::to_owned);
            assert!(queue.push(cell).is_ok());
        }
        let codes = |cells: Vec<Cell>| cells.into_iter().map(|cell| cell.asked.code).collect::<Vec<_>>();
        assert!(matches!(queue.next(), Some(cell) if cell.asked.code == "a"));
        assert_eq!(codes(queue.take(Some("s"))), ["b", "d"]);
        assert_eq!(codes(queue.take(None)), ["c"]);
        let state = queue.lock();
        assert_eq!((state.cells, state.bytes), (0, 0));
        drop(state);
        queue.end();
        assert!(queue.next().is_none() && queue.push(cell("e")).is_err());
    }

    #[test]
    fn so_many_cells_wait_and_no_more() {
        let queue = Queue::default();
        assert!((0..MOST).all(|_| queue.push(cell("1")).is_ok()));
        assert!(queue.push(cell("1")).is_err());
    }

    #[test]
    fn what_a_request_leaves_out_or_sets_to_null_has_the_protocols_default() {
        for content in [json!({"code": "1"}), json!({"code": "1", "silent": null, "user_expressions": null})] {
            let asked: Asked = serde_json::from_value(content).unwrap();
            assert!(!asked.silent() && asked.counts() && asked.stops_on_error() && !asked.allows_stdin());
            assert_eq!(asked.expressions().count(), 0);
        }
    }
}
