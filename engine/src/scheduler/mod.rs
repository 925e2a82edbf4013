//! Running a graph: which task next, on which thread, and what becomes of its result.
//!
//! Both schedulers keep the same promises. Nodes run in the graph's static order as far as dependencies let them, so
//! that what was started is finished first. A result is dropped, or handed over by value, when its last consumer takes
//! it. The first failure stops the run. An interrupt stops it between two tasks.

mod cancel;
mod config;
mod crew;
mod elsewhere;
mod in_order;
mod pool;
mod progress;
mod result_cell;
mod store;
mod sync;
mod threads;

use std::sync::{Arc, Mutex, MutexGuard};

use crate::error::{Error, Result, TaskError};
use crate::graph::{Graph, NodeId};
use crate::recreate::Scene;
use crate::task::{Failure, Value};

pub(crate) use cancel::{InterruptCheck, begin_cell};
pub use cancel::{interrupt, sleep_ms};
pub use crew::blocking;
pub(crate) use crew::{Crew, Turn, Work as Crewed};
pub use elsewhere::ClusterId;
pub(crate) use elsewhere::{Elsewhere, register_elsewhere};
pub(crate) use pool::Pool;
pub(crate) use progress::{Reporter, TICK};
pub(crate) use threads::Run as GraphRun;

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
    /// What the scope, the program, the environment or the configuration file chose; without them a process-wide pool
    /// of one thread for each core. See [`set_global`](Scheduler::set_global) and [`scope`](Scheduler::scope).
    #[default]
    Default,
    /// A Dask cluster that this process is connected to: see [`crate::cluster`].
    Cluster(ClusterId),
}

/// Runs all that the outputs need; gives their values, in order.
pub(crate) fn run(graph: Graph, scheduler: Scheduler) -> Result<Vec<Value>> {
    let graph = graph.in_static_order();
    let scheduler = match scheduler {
        // Inside a task the outer computation has already chosen.
        Scheduler::Default if crew::current_pool().is_none() => config::resolve()?,
        other => other,
    };
    match scheduler {
        Scheduler::Sync => in_order::run(&graph),
        Scheduler::Threads(threads) if threads > 0 => threads::run(graph, pool::pool_of(threads)?),
        Scheduler::Cluster(id) => elsewhere::find(id)?.run(graph),
        _ => match (crew::current_pool(), config::resolve()?) {
            (_, Scheduler::Sync) => in_order::run(&graph),
            (_, Scheduler::Threads(threads)) if threads > 0 => threads::run(graph, pool::pool_of(threads)?),
            (Some(pool), _) => threads::run(graph, pool),
            (None, _) => threads::run(graph, pool::default_pool()?),
        },
    }
}

/// The threads of a client: a pool of its own of so many, or the process's for 0.
pub(crate) fn pool_for_client(threads: usize) -> Result<Arc<Pool>> {
    if threads > 0 { Pool::new(threads) } else { pool::default_pool() }
}

/// How many threads the default scheduler has.
///
/// # Errors
/// [`Error::Pool`] when they cannot be started.
pub fn num_threads() -> Result<usize> {
    match config::resolve()? {
        Scheduler::Sync => Ok(1),
        Scheduler::Threads(threads) if threads > 0 => Ok(threads),
        Scheduler::Cluster(id) => Ok(elsewhere::find(id)?.threads()),
        _ => Ok(pool::default_pool()?.threads),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Tasks run outside all locks of this module and their panics are caught, so poison says nothing.
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The error that a person sees for a task that failed.
fn task_error(graph: &Graph, id: NodeId, failure: Failure) -> Error {
    let scene = Some(Scene::of(graph, id));
    Error::Task(TaskError::new(graph.name(id), failure, graph.needed_by(id), scene))
}
