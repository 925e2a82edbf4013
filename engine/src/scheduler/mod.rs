//! Running a graph: which task next, on which thread, and what becomes of its result.
//!
//! Both schedulers keep the same promises. Nodes run in the graph's static order as far as dependencies let them, so
//! that what was started is finished first. A result is dropped, or handed over by value, when its last consumer takes
//! it. The first failure stops the run. An interrupt stops it between two tasks.

mod cancel;
mod progress;
mod store;
mod sync;
mod threads;

use std::sync::Arc;

use crate::error::{Error, Result, TaskError};
use crate::graph::{Graph, NodeId};
use crate::task::{Failure, Value};

pub(crate) use cancel::begin_cell;
pub use cancel::{interrupt, sleep_ms};

/// Where a graph runs.
///
/// ```
/// use taskloom::prelude::*;
/// let x = delayed!(u64::pow(2, 10));
/// assert_eq!(x.compute_with(Scheduler::Sync)?, 1024);
/// assert_eq!(x.compute_with(Scheduler::Threads(2))?, 1024);
/// # Ok::<(), taskloom::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Scheduler {
    /// One task after the other on the thread that asked; the one for a debugger.
    Sync,
    /// A pool of so many threads; 0 is the same as [`Scheduler::Default`].
    Threads(usize),
    /// The process-wide pool: `TASKLOOM_NUM_THREADS` threads, or one for each core.
    #[default]
    Default,
}

/// Runs all that the outputs need; gives their values, in order.
pub(crate) fn run(graph: Graph, scheduler: Scheduler) -> Result<Vec<Option<Value>>> {
    match scheduler {
        Scheduler::Sync => sync::run(&graph),
        Scheduler::Default => threads::run(graph, threads::default_pool()?),
        Scheduler::Threads(0) => threads::run(graph, threads::default_pool()?),
        Scheduler::Threads(n) => threads::run(graph, threads::pool_of(n)?),
    }
}

/// How many threads the default scheduler has.
///
/// # Errors
/// [`Error::Pool`] when they cannot be started.
pub fn num_threads() -> Result<usize> {
    Ok(threads::default_pool()?.current_num_threads())
}

/// The error that a person sees for a task that failed.
fn task_error(graph: &Graph, id: NodeId, failure: Failure) -> Error {
    let (message, panicked, source) = match failure {
        Failure::Error(error) => (error.to_string(), false, Some(Arc::new(error))),
        Failure::Panic(message) => (message, true, None),
    };
    Error::Task(TaskError {
        task: graph.name(id).to_owned(),
        message,
        panicked,
        needed_by: graph.needed_by(id),
        source,
    })
}
