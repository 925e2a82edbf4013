//! [`Delayed`]: a value that is not there yet, and the graph that makes it.

mod arguments;
mod operators;
mod outputs;
mod unpack;

use std::marker::PhantomData;
use std::sync::Arc;

use crate::display::{MimeBundle, Show, short_type};
use crate::error::{BoxError, Result};
use crate::graph::{Graph, TaskGraph, keys};
use crate::scheduler::{self, Scheduler};
use crate::task::{ByValue, Data, Encoding, Fetch, Finished, Label, Registered, Site, Slot, Step, Travel, Value};
use crate::visualize::Drawing;

pub use arguments::*;
pub use outputs::{Gathered, Output, Outputs};
pub(crate) use outputs::{Lowered, take_value};
pub use unpack::Unpack;

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
        write!(f, "Delayed<{}>({}, {tasks} task{plural})", short_type(self.step.body().type_name()), self.key())
    }
}

impl<T> Delayed<T> {
    pub(crate) fn from_step(step: Arc<Step>) -> Self {
        Delayed { step, result: PhantomData }
    }

    pub(crate) fn step(&self) -> &Arc<Step> {
        &self.step
    }

    /// The name of the function that makes this value, or `data`.
    pub fn name(&self) -> &str {
        self.step.name()
    }

    /// A name that is unique in this process: the function and a number. Of a [pure](Delayed::pure) task, the
    /// function and a token of its arguments, which is the same in every process that runs the same code.
    pub fn key(&self) -> String {
        keys::key(&self.step)
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

    /// A drawing of the graph as it was written; the last expression of a cell shows it. [`Drawing`] says how else it can
    /// be drawn.
    pub fn visualize(&self) -> Drawing {
        Drawing::of(&self.graph())
    }

    /// The graph that makes this value in its [low-level form](crate::graph::TaskGraph), with the keys of its tasks.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = delayed!(i64::pow(2, 5));
    /// let graph = x.to_graph();
    /// assert!(graph.describe(&x.key())?.ends_with(" = pow(2, 5) → i64"));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn to_graph(&self) -> TaskGraph {
        TaskGraph::from_delayed(self)
    }

    /// Whether, and how, the task behind this value can run in another process.
    pub fn travel(&self) -> Travel {
        self.step.travel()
    }

    /// The same value under a name of your own: in drawings, errors and profiles.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let total = delayed!(i64::pow(2, 5)).named("total");
    /// assert_eq!(total.name(), "total");
    /// assert_eq!(total.compute()?, 32);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn named(&self, name: &str) -> Delayed<T> {
        Delayed::from_step(Step::new(Label::named(&self.step, name)))
    }

    /// Declares that the task gives the same result whenever it gets the same arguments.
    ///
    /// Pure tasks of the same function and equal arguments have the same key: they run once within a compute, also
    /// when they were written in two places, and not at all while a [persisted](Delayed::persist) one is kept. A task
    /// is impure unless it says so, as in Dask.
    ///
    /// # Panics
    /// When an argument that was there from the start cannot be encoded (it needs serde's `Serialize` and
    /// `Deserialize`), or the function captures its surroundings: nobody could tell whether two such tasks are equal.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// fn load(day: i64) -> Vec<i64> { vec![day; 3] }
    /// let (a, b) = (delayed!(load(1)).pure(), delayed!(load(1)).pure());
    /// assert_eq!(a.key(), b.key());
    /// let both = delayed!(std::ops::Add::add(a.index(0), b.index(1)));
    /// assert_eq!(both.task_names(), ["load", "index", "index", "add"]);
    /// ```
    pub fn pure(&self) -> Delayed<T> {
        match keys::token(&self.step) {
            Ok(token) => Delayed::from_step(Step::new(Label::pure(&self.step, token))),
            Err(why) => panic!("`{}` cannot be declared pure: {why}", self.name()),
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
        let value = self.run(scheduler)?;
        Ok(take_value(value))
    }
}

impl<T: Send + Sync + 'static> Delayed<T> {
    fn run(&self, scheduler: Scheduler) -> Result<Value> {
        let mut values = scheduler::run(self.graph(), scheduler)?;
        Ok(values.pop().expect("a graph of one output gives one value"))
    }

    /// Runs the graph now and keeps the result in memory: the handle that comes back stands for the value itself.
    ///
    /// What is derived from it starts from the value. The memory is free again when the last such handle is dropped.
    ///
    /// # Errors
    /// As [`compute`](Delayed::compute).
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let table = delayed!(Vec::from_iter(0..1000_i64)).persist()?;
    /// assert_eq!(table.len(), 0); // no tasks left
    /// assert_eq!(table.index(7).compute()?, 7);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn persist(&self) -> Result<Delayed<T>> {
        self.run(Scheduler::default()).map(|value| self.kept(value))
    }

    /// A handle on the value that this one's graph has given.
    pub(crate) fn kept(&self, value: Value) -> Delayed<T> {
        let value = value.downcast::<T>().unwrap_or_else(|_| unreachable!("a handle's type is its node's type"));
        let data = Step::new(Data::<T, Registered>::new(value));
        if let Some(token) = self.step.body().token() {
            crate::graph::remember(token, &data);
        }
        Delayed::from_step(data)
    }
}

impl<T: Clone + Send + Sync + 'static> Delayed<T> {
    /// A new task that calls `function` on this value.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = delayed_value(20_i64).map(|x| x + 1);
    /// assert_eq!(x.compute()?, 21);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn map<R: Send + Sync + 'static>(&self, function: impl Fn(T) -> R + Send + Sync + 'static) -> Delayed<R> {
        let value = ByValue::new(Slot::new(&self.step));
        task(&Site::Written("map"), (value,), move |(value,)| Finished::<R>::ok(function(value)))
    }

    /// A new task that calls a function which can fail; its error fails the compute.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let number = delayed_value(String::from("12")).and_then(|text| text.parse::<i64>());
    /// assert_eq!(number.compute()?, 12);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn and_then<R, E>(&self, function: impl Fn(T) -> Result<R, E> + Send + Sync + 'static) -> Delayed<R>
    where
        R: Send + Sync + 'static,
        E: Into<BoxError> + 'static,
    {
        let value = ByValue::new(Slot::new(&self.step));
        task(&Site::Written("and_then"), (value,), move |(value,)| {
            Finished::<R>::new(function(value).map_err(Into::into))
        })
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
    Delayed::from_step(Step::new(Data::<T, Registered>::new(Arc::new(value))))
}

/// Makes a node; what `delayed!` expands to.
#[doc(hidden)]
pub fn task<P, F, R, E, I>(site: &'static Site, plans: P, function: F) -> Delayed<R>
where
    P: Fetch,
    F: Fn(P::Items) -> Finished<R, E, I> + Send + Sync + 'static,
    R: Send + Sync + 'static,
    E: Encoding<R>,
    I: 'static,
{
    Delayed::from_step(Step::new(crate::task::Call::new(site, plans, function)))
}

impl<T> Show for Delayed<T> {
    fn show(&self) -> MimeBundle {
        let graph = self.graph();
        let (tasks, data) = (graph.len(), graph.node_count() - graph.len());
        let rows = [
            ("function", self.name().to_owned()),
            ("type", short_type(self.step.body().type_name())),
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
