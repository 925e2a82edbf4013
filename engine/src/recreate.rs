//! A failed task once more, with its arguments, where one can look at it.

use std::sync::Arc;

use crate::display::short_type;
use crate::error::{Error, Result, TaskError};
use crate::graph::{Graph, NodeId};
use crate::scheduler::{self, Scheduler};
use crate::task::{Failure, Inputs, Step, Value};

/// What a failure keeps, so that it can be looked into later: the task, and the graph of what it was called with.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    step: Arc<Step>,
    inputs: Arc<Graph>,
}

impl Scene {
    /// A step whose inputs are values and futures that are done.
    pub(crate) fn of_call(step: &Arc<Step>) -> Scene {
        let mut inputs = Vec::new();
        step.body().inputs(&mut |input| inputs.push(Arc::clone(input)));
        Scene { step: Arc::clone(step), inputs: Arc::new(Graph::lower(&inputs)) }
    }

    pub(crate) fn of(graph: &Graph, id: NodeId) -> Scene {
        Scene { step: Arc::clone(graph.step(id)), inputs: Arc::new(graph.part_for(graph.inputs(id))) }
    }
}

/// A task that failed, with the arguments it failed on: what [`Error::recreate`] gives.
pub struct Recreated {
    step: Arc<Step>,
    inputs: Vec<Value>,
    arguments: Vec<(Value, &'static str)>,
}

impl std::fmt::Debug for Recreated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let types: Vec<String> = self.arguments.iter().map(|(_, name)| short_type(name)).collect();
        write!(f, "{}({})", self.step.name(), types.join(", "))
    }
}

impl Recreated {
    /// The task's name.
    pub fn task(&self) -> &str {
        self.step.name()
    }

    /// How many arguments the function has.
    pub fn len(&self) -> usize {
        self.arguments.len()
    }

    /// Whether the function has no arguments.
    pub fn is_empty(&self) -> bool {
        self.arguments.is_empty()
    }

    /// The types of the arguments.
    pub fn types(&self) -> Vec<&'static str> {
        self.arguments.iter().map(|(_, name)| *name).collect()
    }

    /// One of the arguments, counted from 0; `None` when there is no such argument or it has another type.
    pub fn argument<T: 'static>(&self, index: usize) -> Option<&T> {
        self.arguments.get(index)?.0.downcast_ref()
    }

    /// Calls the function again, on this thread and outside any scheduler: a panic is not caught, so that a debugger
    /// stops where it happens.
    ///
    /// # Errors
    /// The error that the function returns.
    ///
    /// # Panics
    /// When the function does.
    pub fn run(&self) -> Result<Value, crate::BoxError> {
        let mut inputs = self.inputs.iter().cloned();
        let mut next = || inputs.next().expect("a task reads as many inputs as it has");
        self.step.body().run(&mut Inputs::new(&mut next)).map_err(|failure| match failure {
            Failure::Error(error) => error,
            inside => TaskError::new(self.step.name(), inside, Vec::new(), None).to_string().into(),
        })
    }
}

impl TaskError {
    /// Computes the failed task's arguments again, on this thread, so that one can look at them and call the function.
    ///
    /// Tasks whose results differ from run to run may give other arguments than those it failed on.
    ///
    /// # Errors
    /// [`Error::NotRecreated`] when the failure came from elsewhere and the task is not here; otherwise the error of a
    /// task before it that fails this time.
    pub fn recreate(&self) -> Result<Recreated> {
        let scene = self.scene.as_ref().ok_or_else(|| Error::NotRecreated { what: self.to_string() })?;
        let inputs = scheduler::run(Graph::clone(&scene.inputs), Scheduler::Sync)?;
        let mut values = inputs.iter().cloned();
        let mut next = || values.next().expect("a task reads as many inputs as it has");
        let arguments = scene.step.body().arguments(&mut Inputs::new(&mut next));
        Ok(Recreated { step: Arc::clone(&scene.step), inputs, arguments })
    }
}

impl Error {
    /// Goes back to the task that failed: its function and its arguments. What `recreate_error_locally` is in Dask.
    ///
    /// # Errors
    /// As [`TaskError::recreate`]; [`Error::NotRecreated`] also for an error that no task caused.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// fn half(x: i64) -> Result<i64, String> {
    ///     if x % 2 == 0 { Ok(x / 2) } else { Err(format!("{x} is odd")) }
    /// }
    /// let total = delayed!(half(delayed!(half(6)))) + 1;
    /// let error = total.compute().unwrap_err();
    ///
    /// let failed = error.recreate()?;
    /// assert_eq!(failed.task(), "half");
    /// assert_eq!(failed.argument::<i64>(0), Some(&3));
    /// assert_eq!(failed.run().unwrap_err().to_string(), "3 is odd");
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn recreate(&self) -> Result<Recreated> {
        match self {
            Error::Task(error) => error.recreate(),
            other => Err(Error::NotRecreated { what: other.to_string() }),
        }
    }
}
