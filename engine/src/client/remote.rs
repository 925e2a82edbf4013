//! A client whose tasks run somewhere else: what it asks for there, and what it holds of it.

use std::any::Any;
use std::sync::Arc;

use super::options::TaskOptions;
use crate::error::Result;
use crate::graph::Graph;
use crate::task::{Step, Value};

/// Where the tasks of a client run, when that is not this process.
pub(crate) trait Remote: Any + Send + Sync {
    /// Runs a graph of one output, in which the futures of this client stand for what they hold there. `end` hears of the
    /// end, and must not wait for anything.
    fn submit(&self, graph: &Graph, wishes: Wishes, end: End) -> Result<Arc<dyn Held>>;

    /// How many tasks run at once.
    fn threads(&self) -> usize;

    fn as_any(&self) -> &dyn Any;

    /// Cancels all that has not ended.
    fn cancel_all(&self);

    /// What a person who looks at the client may want to know.
    fn rows(&self) -> Vec<(&'static str, String)>;
}

/// Hears how a task ended.
pub(crate) type End = Box<dyn FnOnce(Result<Arc<dyn Held>>) + Send>;

/// A task's result somewhere else, there or on its way; dropping it gives it up.
pub(crate) trait Held: Any + Send + Sync {
    /// The value, once the task has ended well.
    fn fetch(&self) -> Result<Value>;

    /// The task, and all that depend on it, are not wanted any more.
    fn cancel(&self);

    fn as_any(&self) -> &dyn Any;
}

/// How a task is to be run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wishes {
    pub(crate) priority: i64,
    pub(crate) retries: u32,
    pub(crate) resources: Vec<(String, f64)>,
}

impl Wishes {
    pub(super) fn of(options: Option<&TaskOptions>) -> Wishes {
        options.map_or_else(Wishes::default, |options| Wishes {
            priority: options.priority,
            retries: options.retries,
            resources: options.resources.clone(),
        })
    }
}

/// What a step holds somewhere else, if it is a future's.
pub(crate) fn held_by(step: &Arc<Step>) -> Option<Arc<dyn Held>> {
    super::future::job_of(step)?.there()
}
