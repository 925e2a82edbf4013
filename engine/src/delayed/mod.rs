//! [`Delayed`]: a value that is not there yet, and the graph that makes it.

mod arguments;
mod operators;

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::display::{MimeBundle, Show, short_type};
use crate::error::{BoxError, Result};
use crate::graph::{Graph, Step, StepKind};
use crate::scheduler::{self, Scheduler};
use crate::task::{Fetch, Task, Travel};
use crate::visualize::Drawing;

pub use arguments::*;

/// The result of a call that has not run: a handle on a node of a lazy task graph.
///
/// Made by [`delayed!`](crate::delayed), [`delayed_value`] and by operators on other handles. Cloning shares the node;
/// nothing runs until [`compute`](Delayed::compute), and each compute runs the graph anew.
///
/// ```
/// use taskloom::prelude::*;
/// fn inc(x: i64) -> i64 { x + 1 }
/// fn add(x: i64, y: i64) -> i64 { x + y }
///
/// let x = delayed!(inc(1));
/// let y = delayed!(inc(2));
/// let z = delayed!(add(x, y));
/// assert_eq!(z.compute()?, 5);
/// # Ok::<(), taskloom::Error>(())
/// ```
pub struct Delayed<T> {
    step: Arc<Step>,
    result: PhantomData<fn() -> T>,
}

impl<T> Clone for Delayed<T> {
    fn clone(&self) -> Self {
        Delayed { step: Arc::clone(&self.step), result: PhantomData }
    }
}

impl<T> std::fmt::Debug for Delayed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tasks = self.graph().len();
        let plural = if tasks == 1 { "" } else { "s" };
        write!(f, "Delayed<{}>({}, {tasks} task{plural})", short_type(self.step.type_name), self.key())
    }
}

impl<T> Delayed<T> {
    fn from_step(step: Arc<Step>) -> Self {
        Delayed { step, result: PhantomData }
    }

    pub(crate) fn step(&self) -> &Arc<Step> {
        &self.step
    }

    /// The name of the function that makes this value, or `data`.
    pub fn name(&self) -> &str {
        self.step.name()
    }

    /// A name that is unique in this process: the function and a number.
    pub fn key(&self) -> String {
        format!("{}-{}", self.step.name(), self.step.key)
    }

    /// The graph that makes this value.
    pub fn graph(&self) -> Graph {
        Graph::lower(std::slice::from_ref(&self.step))
    }

    /// How many tasks it takes to make this value; data nodes do not count.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.graph().len()
    }

    /// The function names of all tasks, each after those it needs.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// fn inc(x: i64) -> i64 { x + 1 }
    /// let x = delayed!(inc(1));
    /// assert_eq!((&x * 2).task_names(), ["inc", "mul"]);
    /// ```
    pub fn task_names(&self) -> Vec<String> {
        let graph = self.graph();
        graph.ids().filter(|&id| graph.task(id).is_some()).map(|id| graph.name(id).to_owned()).collect()
    }

    /// A drawing of the graph; the last expression of a cell shows it.
    pub fn visualize(&self) -> Drawing {
        Drawing::of(&self.graph())
    }

    /// Whether, and how, the task behind this value can run in another process.
    pub fn travel(&self) -> Travel {
        match &self.step.kind {
            StepKind::Task(task) => task.travel(),
            StepKind::Data(_) => Travel::Stays {
                why: format!("a value of type `{}` needs an encoding to leave the process", self.step.type_name),
            },
        }
    }
}

impl<T: Clone + Send + Sync + 'static> Delayed<T> {
    /// Runs the graph on the default scheduler and returns the value.
    ///
    /// # Errors
    /// [`Error::Task`](crate::Error::Task) when a task panics or returns an error: it names the task and who needed it.
    /// [`Error::Cancelled`](crate::Error::Cancelled) when the computation was interrupted.
    pub fn compute(&self) -> Result<T> {
        self.compute_with(Scheduler::default())
    }

    /// Runs the graph on the scheduler given.
    ///
    /// # Errors
    /// As [`compute`](Delayed::compute).
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = delayed!(i64::abs(-3));
    /// assert_eq!(x.compute_with(Scheduler::Sync)?, 3);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn compute_with(&self, scheduler: Scheduler) -> Result<T> {
        let mut values = scheduler::run(self.graph(), scheduler)?;
        Ok(take_output(&mut values, 0))
    }

    /// A new task that calls `function` on this value.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = delayed_value(20_i64).map(|x| x + 1);
    /// assert_eq!(x.compute()?, 21);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn map<R: Send + Sync + 'static>(&self, function: impl Fn(T) -> R + Send + Sync + 'static) -> Delayed<R> {
        let mut inputs = InputList::default();
        let plan = (&&Borrowed(self)).taken(&mut inputs);
        task("map", inputs, (plan,), move |(value,)| Ok(function(value)))
    }
}

/// A handle on a value that is already there; a data node of the graph.
///
/// ```
/// use taskloom::prelude::*;
/// let base = delayed_value(10_i64);
/// assert_eq!((&base + 1).compute()?, 11);
/// # Ok::<(), taskloom::Error>(())
/// ```
pub fn delayed_value<T: Send + Sync + 'static>(value: T) -> Delayed<T> {
    Delayed::from_step(Step::new(StepKind::Data(Arc::new(value)), std::any::type_name::<T>(), Vec::new()))
}

/// Makes a node; what `delayed!` expands to.
#[doc(hidden)]
pub fn task<P, F, R>(name: impl Into<Cow<'static, str>>, inputs: InputList, plans: P, function: F) -> Delayed<R>
where
    P: Fetch,
    F: Fn(P::Items) -> Result<R, BoxError> + Send + Sync + 'static,
    R: Send + Sync + 'static,
{
    let task = Task::new(name, plans, function);
    Delayed::from_step(Step::new(StepKind::Task(task), std::any::type_name::<R>(), inputs.into_steps()))
}

fn take_output<T: Clone + Send + Sync + 'static>(values: &mut [Option<crate::task::Value>], index: usize) -> T {
    let value = values[index].take().expect("each output is taken once");
    let value = value.downcast::<T>().unwrap_or_else(|_| unreachable!("a handle's type is its node's type"));
    Arc::unwrap_or_clone(value)
}

/// Several handles that are computed together: what [`compute!`](crate::compute) takes.
pub trait Outputs {
    /// The values, in the same order.
    type Values;
    /// Runs the union of the graphs once.
    ///
    /// # Errors
    /// As [`Delayed::compute`].
    fn compute_together(self) -> Result<Self::Values>;
}

macro_rules! outputs_tuple {
    ($($part:ident $index:tt),+) => {
        impl<$($part: Clone + Send + Sync + 'static),+> Outputs for ($(&Delayed<$part>,)+) {
            type Values = ($($part,)+);
            fn compute_together(self) -> Result<Self::Values> {
                let graph = Graph::lower(&[$(Arc::clone(self.$index.step())),+]);
                let mut values = scheduler::run(graph, Scheduler::default())?;
                Ok(($(take_output::<$part>(&mut values, $index),)+))
            }
        }
    };
}
outputs_tuple!(A 0);
outputs_tuple!(A 0, B 1);
outputs_tuple!(A 0, B 1, C 2);
outputs_tuple!(A 0, B 1, C 2, D 3);
outputs_tuple!(A 0, B 1, C 2, D 3, E 4);
outputs_tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
outputs_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
outputs_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

/// Computes several handles in one run, so that the work they share happens once.
///
/// Gives a `Result` of a tuple, in the order written. The handles stay usable.
///
/// ```
/// use taskloom::prelude::*;
/// let base = delayed!(i64::pow(2, 5));
/// let (double, half) = compute!(&base * 2, &base / 2)?;
/// assert_eq!((double, half), (64, 16));
/// # Ok::<(), taskloom::Error>(())
/// ```
#[macro_export]
macro_rules! compute {
    ($($handle:expr),+ $(,)?) => {
        $crate::Outputs::compute_together(($(&($handle),)+))
    };
}

impl<T> Show for Delayed<T> {
    fn show(&self) -> MimeBundle {
        let graph = self.graph();
        let (tasks, data) = (graph.len(), graph.node_count() - graph.len());
        let rows = [
            ("function", self.name().to_owned()),
            ("type", short_type(self.step.type_name)),
            ("tasks", tasks.to_string()),
            ("data nodes", data.to_string()),
        ];
        let mut html = String::from("<table class=\"taskloom-handle\"><caption>Delayed: nothing has run yet</caption>");
        for (label, value) in &rows {
            html.push_str(&format!("<tr><th>{label}</th><td>{}</td></tr>", crate::display::escape(value)));
        }
        html.push_str("</table>");
        MimeBundle::new().with("text/plain", format!("{self:?}")).with("text/html", html)
    }
}
