//! A value that is computed from a bag.

use std::marker::PhantomData;
use std::sync::Arc;

use super::node::{Datum, Node, Want};
use super::pass::OfBags;
use super::stream::Reducer;
use crate::delayed::{Delayed, Gathered, Lowered, Output, take_value};
use crate::display::{MimeBundle, Show, escape, short_type};
use crate::error::Result;
use crate::graph::Graph;
use crate::scheduler::Scheduler;
use crate::task::{Failure, Made, Step, Value, merged, taken, value_task};
use crate::visualize::Drawing;

/// A single value that a bag comes down to, such as its [`sum`](super::Bag::sum); nothing has run.
///
/// Several of the same bag are computed in one pass by [`compute!`](crate::compute). [`to_delayed`](Item::to_delayed)
/// makes a [`Delayed`] of it, with all that can be done with one.
///
/// ```
/// use taskloom::prelude::*;
/// let b = Bag::from_sequence(1..=100_i64, 4);
/// let (sum, most, mean) = compute!(b.sum(), b.max(), b.mean())?;   // the items are gone through once
/// assert_eq!((sum, most, mean), (5050, 100, 50.5));
/// # Ok::<(), taskloom::Error>(())
/// ```
pub struct Item<R> {
    want: Arc<Want>,
    name: &'static str,
    value: PhantomData<fn() -> R>,
}

impl<R> Clone for Item<R> {
    fn clone(&self) -> Self {
        Item { want: Arc::clone(&self.want), name: self.name, value: PhantomData }
    }
}

impl<R> std::fmt::Debug for Item<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Item<{}>({})", short_type(std::any::type_name::<R>()), self.name)
    }
}

impl<R: Clone + Send + Sync + 'static> Item<R> {
    /// Runs the graph on the default scheduler and gives the value.
    ///
    /// # Errors
    /// [`Error::Task`](crate::Error::Task) when a task panics or returns an error: it names the task, the item and, where
    /// there is one, the file and the line. [`Error::Cancelled`](crate::Error::Cancelled) when it was interrupted.
    pub fn compute(&self) -> Result<R> {
        self.compute_with(Scheduler::default())
    }

    /// Runs the graph on the scheduler given.
    ///
    /// # Errors
    /// As [`compute`](Item::compute).
    pub fn compute_with(&self, scheduler: Scheduler) -> Result<R> {
        self.to_delayed().compute_with(scheduler)
    }

    /// Runs the graph now, and keeps the value.
    ///
    /// # Errors
    /// As [`compute`](Item::compute).
    pub fn persist(&self) -> Result<Delayed<R>> {
        self.to_delayed().persist()
    }

    /// The value as a [`Delayed`], to go on with in ways that are not those of bags.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::from_sequence([3_i64, 4, 5], 2);
    /// let twice = b.sum().to_delayed() * 2;
    /// assert_eq!(twice.compute()?, 24);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn to_delayed(&self) -> Delayed<R> {
        Delayed::from_step(self.step())
    }

    fn step(&self) -> Arc<Step> {
        let mut steps = Want::lower(&[&self.want]).concat();
        steps.pop().unwrap_or_else(|| unreachable!("a value is made by one step"))
    }

    /// The graph that makes the value.
    pub fn graph(&self) -> Graph {
        Graph::lower(&[self.step()])
    }

    /// A drawing of the graph; the last expression of a cell shows it.
    pub fn visualize(&self) -> Drawing {
        Drawing::of(&self.graph())
    }

    /// The value, from the bytes that a [`Parcel`](crate::travel::Parcel) gave for it elsewhere.
    ///
    /// # Errors
    /// [`Error::Travel`](crate::Error::Travel) when the bytes are not those of such a value.
    pub fn decode(&self, bytes: &[u8]) -> Result<R> {
        self.to_delayed().decode(bytes)
    }

    /// The task that makes it, for what a bag begins with.
    pub(crate) fn want(&self) -> &Arc<Want> {
        &self.want
    }
}

impl<R: Clone + Send + Sync + 'static> Output for Item<R> {
    type Value = R;
    type Kept = Delayed<R>;
    fn gather(&self, into: &mut Gathered) {
        into.expression(&self.want);
    }
    fn take(&self, values: &mut std::vec::IntoIter<Value>) -> R {
        take_value(values.next().expect("each output has a value"))
    }
    fn keep(&self, values: &mut std::vec::IntoIter<Value>) -> Delayed<R> {
        self.to_delayed().kept(values.next().expect("each output has a value"))
    }
}

impl<R: Clone + Send + Sync + 'static> Show for Item<R> {
    fn show(&self) -> MimeBundle {
        let (text, tasks) = (format!("{self:?}"), self.graph().len());
        let html = format!(
            "<table class=\"taskloom-handle\"><caption>Item: nothing has run yet</caption><tr><th>computed by</th><td>{}</td>\
             </tr><tr><th>type</th><td>{}</td></tr><tr><th>tasks</th><td>{tasks}</td></tr></table>",
            escape(self.name),
            escape(&short_type(std::any::type_name::<R>())),
        );
        MimeBundle::new().with("text/plain", format!("{text}\n{tasks} tasks, none has run")).with("text/html", html)
    }
}

/// How the values of partitions become one.
pub(crate) trait Combine<A>: Send + Sync {
    fn combine(&self, parts: Vec<A>) -> std::result::Result<A, Failure>;
}

/// What is made of the last one.
pub(crate) trait Finish<A, R>: Send + Sync {
    fn finish(&self, whole: A) -> std::result::Result<R, Failure>;
}

/// A value that partitions are reduced to, `A` each, that are combined in a tree, and finished.
pub(crate) fn reduced<T: Datum, A: Datum, R: Datum>(
    node: &Arc<dyn Node<T>>,
    name: &'static str,
    reducer: Made<dyn Reducer<T>>,
    combine: Made<dyn Combine<A>>,
    finish: Made<dyn Finish<A, R>>,
) -> Item<R> {
    let finish = move |steps: Vec<Arc<Step>>| {
        let merge = |combine: &Made<dyn Combine<A>>, parts: Vec<A>| combine.combine(parts);
        let whole = merged::<OfBags, A, _, _>(name, steps, &combine, merge);
        vec![value_task::<OfBags, R, _, _>(
            name,
            vec![whole],
            finish.clone(),
            |finish: &Made<dyn Finish<A, R>>, whole| {
                let whole = whole.into_iter().next().unwrap_or_else(|| unreachable!("there is one input"));
                finish.finish(taken::<A>(whole))
            },
        )]
    };
    Item { want: Want::of::<T, A>(node, name, reducer, Some(Box::new(finish))), name, value: PhantomData }
}
