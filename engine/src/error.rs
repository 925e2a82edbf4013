//! What can go wrong when a graph is built, run or drawn.

use std::fmt;
use std::sync::Arc;

use crate::recreate::Scene;
use crate::task::Failure;

/// The error of a boxed source, as tasks return it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// `Result` with this crate's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a computation has no result.
///
/// Cloning is cheap: the source of a failed task is shared.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A task returned an error or panicked.
    #[error("{0}")]
    Task(TaskError),
    /// The computation was cancelled or interrupted.
    #[error("the computation was interrupted after {done} of {total} tasks; nothing of it was kept")]
    Cancelled {
        /// Tasks that had finished.
        done: usize,
        /// Tasks in the graph.
        total: usize,
    },
    /// A task cannot leave the process, or did not arrive in another one.
    #[error("`{task}` cannot travel to another process: {why}")]
    Travel {
        /// The task's name.
        task: String,
        /// A sentence on what holds it.
        why: String,
    },
    /// An interrupt came while a task or the program waited.
    #[error("interrupted while waiting for {waiting_for}; what was waited for is as it was")]
    Interrupted {
        /// What it waited for, as in "the lock `files`".
        waiting_for: String,
    },
    /// A future was cancelled, or something that it needs.
    #[error("the task `{task}` was cancelled{because}")]
    FutureCancelled {
        /// The task's name.
        task: String,
        /// Empty, or a clause that begins with a comma.
        because: String,
    },
    /// The client has been closed.
    #[error("the client is closed: it takes no more tasks; make another with `Client::new()`")]
    Closed,
    /// A future cannot be tried again.
    #[error(
        "the task `{task}` cannot be tried again: it is {status}, and only a task that failed or was cancelled can"
    )]
    NotRetried {
        /// The task's name.
        task: String,
        /// Where it stands.
        status: String,
    },
    /// A task asks for what the client does not have, or a result for more memory than there is.
    #[error("{message}")]
    Resource {
        /// What is asked for and what there is.
        message: String,
    },
    /// A result that had been moved to disk did not come back.
    #[error("{message}")]
    Spill {
        /// What is wrong with the file, and where it is.
        message: String,
    },
    /// A dataset's name is taken, or nothing is published under it.
    #[error("{message}")]
    Dataset {
        /// The name, and what there is.
        message: String,
    },
    /// A name was asked for with another type than it has.
    #[error("the {what} `{name}` holds values of type {has}, not {wanted}: ask for {has}, or use another name")]
    Type {
        /// A queue, variable or topic.
        what: &'static str,
        /// Its name.
        name: String,
        /// The type of its values.
        has: String,
        /// The type that was asked for.
        wanted: String,
    },
    /// A semaphore was asked for again with another number of leases.
    #[error("the semaphore `{name}` has {has} leases, not {wanted}: ask for {has}, or use another name")]
    Leases {
        /// Its name.
        name: String,
        /// The leases it has.
        has: usize,
        /// The leases that were asked for.
        wanted: usize,
    },
    /// A semaphore without leases, which nobody could ever acquire.
    #[error("the semaphore `{name}` was asked for with 0 leases, so nobody could acquire it: give it at least 1")]
    NoLeases {
        /// Its name.
        name: String,
    },
    /// There is no failed task to go back to.
    #[error("there is no failed task to recreate here; the error was: {what}")]
    NotRecreated {
        /// The error that was there.
        what: String,
    },
    /// The environment or the configuration file asks for something that is not there.
    #[error("{message}")]
    Configuration {
        /// What is wrong, where, and what to do.
        message: String,
    },
    /// An array cannot be read or stored as it was asked for.
    #[error("{0}")]
    Array(Box<crate::array::ArrayError>),
    /// Names or labels do not fit.
    #[error("{0}")]
    Labels(Box<crate::labelled::LabelError>),
    /// A file of an array cannot be read or written.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// Rows that cannot be put together, files of frames that cannot be read or written: what Polars says.
    #[error("{message}")]
    Frame {
        /// What is wrong and where.
        message: String,
    },
    /// A cluster cannot be reached, does not fit this program, or lost what it was computing.
    #[error("{message}")]
    Cluster {
        /// What is wrong, where, and what to do.
        message: String,
    },
    /// A graph that was written by hand cannot be run.
    #[error(transparent)]
    Graph(#[from] crate::graph::GraphError),
    /// A thread pool could not be made.
    #[error("could not start {threads} worker threads: {reason}")]
    Pool {
        /// Threads asked for.
        threads: usize,
        /// What the system said.
        reason: String,
    },
}

impl From<crate::labelled::LabelError> for Error {
    fn from(error: crate::labelled::LabelError) -> Error {
        Error::Labels(Box::new(error))
    }
}

impl From<crate::array::ArrayError> for Error {
    fn from(error: crate::array::ArrayError) -> Error {
        Error::Array(Box::new(error))
    }
}

/// A task that failed: its name, what it said, and who was waiting for it.
#[derive(Debug, Clone)]
pub struct TaskError {
    pub(crate) task: String,
    pub(crate) message: String,
    pub(crate) panicked: bool,
    pub(crate) needed_by: Arc<[String]>,
    pub(crate) source: Option<Arc<BoxError>>,
    pub(crate) scene: Option<Scene>,
}

impl TaskError {
    /// `needed_by` is who waited for the whole task; those inside a fused one come before them.
    pub(crate) fn new(task: &str, failure: Failure, mut needed_by: Vec<String>, scene: Option<Scene>) -> TaskError {
        let (mut task, mut failure) = (task.to_owned(), failure);
        let mut inside = Vec::new();
        let (message, panicked, source) = loop {
            match failure {
                Failure::Error(error) => break (error.to_string(), false, Some(Arc::new(error))),
                Failure::Panic(message) => break (message, true, None),
                Failure::Inside { task: inner, needed_by: nearer, failure: cause } => {
                    (task, failure) = (inner, *cause);
                    inside.splice(0..0, nearer);
                }
            }
        };
        inside.append(&mut needed_by);
        TaskError { task, message, panicked, needed_by: inside.into(), source, scene }
    }

    /// The name of the task that failed.
    pub fn task(&self) -> &str {
        &self.task
    }

    /// What the task's error or panic said.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether the task panicked, rather than returning an error.
    pub fn panicked(&self) -> bool {
        self.panicked
    }

    /// The tasks that were waiting for it, nearest first, up to a result that was asked for.
    pub fn needed_by(&self) -> &[String] {
        &self.needed_by
    }

    /// The task's own error, where it returned one.
    pub fn source(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.source.as_deref().map(|source| &**source)
    }
}

/// Longer chains are cut in the message, never in [`TaskError::needed_by`].
const CHAIN_SHOWN: usize = 6;

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.panicked { "panicked" } else { "failed" };
        write!(f, "task `{}` {verb}: {}", self.task, self.message)?;
        if !self.needed_by.is_empty() {
            let shown = self.needed_by.len().min(CHAIN_SHOWN);
            let chain: Vec<_> = self.needed_by[..shown].iter().map(|name| format!("`{name}`")).collect();
            write!(f, "\n  needed by {}", chain.join(", then "))?;
            if self.needed_by.len() > shown {
                write!(f, ", and {} more", self.needed_by.len() - shown)?;
            }
        }
        Ok(())
    }
}
