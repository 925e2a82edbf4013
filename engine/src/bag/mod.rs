//! [`Bag`]: a sequence of anything, in partitions; lazy, parallel, and larger than memory where it has to be.
//!
//! ```
//! use taskloom::prelude::*;
//! let words = Bag::from_sequence(["the warp and the weft", "and the loom"], 2)
//!     .flat_map(|line| line.split(' '))
//!     .frequencies();
//! assert_eq!(words.topk_by_key(1, |(_, count)| *count).compute()?, [("the", 3)]);
//! # Ok::<(), taskloom::Error>(())
//! ```
//!
//! # How it runs
//! ```text
//!  Bag, Item ─► node: roots and steps ─► lowering: passes, shared by all that is computed together ─► graph ─► scheduler
//!                                                       │
//!                              a pass: source ─► steps ─► reducers, item by item (see stream)
//! ```
//! A partition's whole chain of steps is one task, through which items go one by one: nothing is collected between two
//! steps. What partitions are reduced to is combined in a tree. [`groupby`](Bag::groupby) exchanges items between
//! partitions, and writes to disk what does not fit into memory.
//!
//! # What travels
//! Functions that capture nothing go to another process (see [`travel`](crate::travel)), items when their type has a codec:
//! numbers, text and JSON values do, pairs of such mostly, and a type of your own after
//! [`register`](crate::travel::register).

mod accumulate;
mod beside;
mod codec;
mod collect;
mod group;
mod item;
mod memory;
mod node;
mod numbers;
mod partitions;
mod pass;
mod reduce;
mod show;
mod shuffle;
mod spill;
mod steps;
mod stream;
mod text;
mod to_frame;
mod topk;
mod write;

use std::sync::Arc;

use codec::Items;
use collect::collect;
use memory::{Counted, cut, root_of, root_of_steps};
use node::{Node, Root, Want};

use crate::delayed::{Delayed, Gathered, Lowered, Output};
use crate::error::Result;
use crate::graph::Graph;
use crate::scheduler::{self, Scheduler};
use crate::task::{Data, Step, Value, taken};
use crate::visualize::Drawing;

pub use beside::Shared;
pub use item::Item;
pub use numbers::Number;
pub use text::{Pluck, TextOptions};

/// A lazy sequence in partitions. See the [module](self).
///
/// Cloning shares what it is made of. Nothing runs until [`compute`](Bag::compute), or another that says so.
pub struct Bag<T> {
    node: Arc<dyn Node<T>>,
}

impl<T> Clone for Bag<T> {
    fn clone(&self) -> Self {
        Bag { node: Arc::clone(&self.node) }
    }
}

impl Bag<i64> {
    /// The whole numbers from 0 on and below `end`.
    ///
    /// # Panics
    /// When `npartitions` is 0.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Bag::range(5, 2).compute()?, [0, 1, 2, 3, 4]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    #[track_caller]
    pub fn range(end: i64, npartitions: usize) -> Bag<i64> {
        assert!(npartitions > 0, "`range`: there has to be at least one partition");
        let root = Root { name: "range", npartitions, roots: Box::new(Counted { end, npartitions }) };
        Bag { node: Arc::new(root) }
    }
}

impl<T: Clone + Send + Sync + 'static> Bag<T> {
    /// Items that are there, cut into partitions of about the same length; no more of them than items.
    ///
    /// # Panics
    /// When `npartitions` is 0.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::from_sequence(["a", "b", "c"], 2);
    /// assert_eq!((b.npartitions(), b.compute()?), (2, vec!["a", "b", "c"]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    #[track_caller]
    pub fn from_sequence(items: impl IntoIterator<Item = T>, npartitions: usize) -> Bag<T> {
        assert!(npartitions > 0, "`from_sequence`: there has to be at least one partition");
        let mut items: Vec<T> = items.into_iter().collect();
        let parts = npartitions.min(items.len()).max(1);
        let len = items.len();
        let mut lists: Vec<Vec<T>> =
            (0..parts).rev().map(|part| items.split_off(cut(len, parts, part).start)).collect();
        lists.reverse();
        Bag { node: Arc::new(root_of("from_sequence", lists)) }
    }

    /// A partition for each delayed vector.
    ///
    /// # Panics
    /// When there are none.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// fn load(day: i64) -> Vec<i64> { vec![day; 2] }
    /// let days: Vec<Delayed<Vec<i64>>> = (1..3).map(|day| delayed!(load({ day }))).collect();
    /// assert_eq!(Bag::from_delayed(&days).sum().compute()?, 6);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    #[track_caller]
    pub fn from_delayed<'d>(parts: impl IntoIterator<Item = &'d Delayed<Vec<T>>>) -> Bag<T> {
        let steps: Vec<Arc<Step>> = parts.into_iter().map(|part| Arc::clone(part.step())).collect();
        assert!(!steps.is_empty(), "`from_delayed`: there has to be at least one partition");
        Bag { node: Arc::new(root_of_steps("from_delayed", steps)) }
    }

    /// How many partitions there are.
    pub fn npartitions(&self) -> usize {
        self.node.npartitions()
    }

    /// Runs the graph on the default scheduler and gives all items.
    ///
    /// # Errors
    /// [`Error::Task`](crate::Error::Task) when a task panics or returns an error: it names the task, the item, its
    /// partition and, where there is one, the file and the line. [`Error::Cancelled`](crate::Error::Cancelled) when it was
    /// interrupted.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::from_sequence([2, 1, 0], 3).map(|x| 10 / x);
    /// let error = b.compute().unwrap_err().to_string();
    /// assert!(error.contains("attempt to divide by zero") && error.contains("item 0 of partition 2"), "{error}");
    /// ```
    pub fn compute(&self) -> Result<Vec<T>> {
        self.compute_with(Scheduler::default())
    }

    /// Runs the graph on the scheduler given.
    ///
    /// # Errors
    /// As [`compute`](Bag::compute).
    pub fn compute_with(&self, scheduler: Scheduler) -> Result<Vec<T>> {
        Ok(joined(scheduler::run(self.graph(), scheduler)?))
    }

    /// Runs the graph now and keeps the items in memory: what is built on the bag that comes back starts from them.
    ///
    /// # Errors
    /// As [`compute`](Bag::compute).
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::range(10, 2).filter(|x| x % 3 == 0).persist()?;
    /// assert_eq!(b.sum().compute()?, 18);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn persist(&self) -> Result<Bag<T>> {
        Ok(kept(scheduler::run(self.graph(), Scheduler::default())?))
    }

    /// The partitions as delayed vectors.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let parts = Bag::range(5, 2).to_delayed();
    /// assert_eq!(parts[1].compute()?, [3, 4]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn to_delayed(&self) -> Vec<Delayed<Vec<T>>> {
        self.steps().into_iter().map(Delayed::from_step).collect()
    }

    fn steps(&self) -> Vec<Arc<Step>> {
        Want::lower(&[&collect(&self.node)]).concat()
    }

    /// The graph that makes the partitions.
    pub fn graph(&self) -> Graph {
        Graph::lower(&self.steps())
    }

    /// A drawing of the graph; the last expression of a cell shows it.
    pub fn visualize(&self) -> Drawing {
        Drawing::of(&self.graph())
    }

    /// The items, from the bytes of the partitions that a [`Parcel`](crate::travel::Parcel) of this bag gave elsewhere.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::travel::{Parcel, objects::Objects};
    ///
    /// let squares = Bag::range(6, 2).map(|x| x * x).filter(|x| x % 2 == 0);
    /// let bytes = Parcel::pack(&(&squares,))?.to_bytes();      // to another process, by whatever way …
    ///
    /// let parts = Parcel::from_bytes(&bytes)?.compute(&Objects::new(), Scheduler::Default)?;
    /// assert_eq!(squares.decode(&parts)?, [0, 4, 16]);         // … and back
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Travel`](crate::Error::Travel) when these are not the bytes of its partitions.
    pub fn decode(&self, partitions: &[Vec<u8>]) -> Result<Vec<T>> {
        let stays = |why: String| crate::Error::Travel { task: format!("{self:?}"), why };
        if partitions.len() != self.npartitions() {
            return Err(stays(format!("{} partitions came back of {}", partitions.len(), self.npartitions())));
        }
        let codec = codec::of_list::<T>().map_err(stays)?;
        let values = partitions.iter().map(|bytes| codec.decode(bytes).map_err(stays));
        Ok(joined(values.collect::<Result<_>>()?))
    }
}

/// The items of all partitions.
fn joined<T: Clone + Send + Sync + 'static>(values: Vec<Value>) -> Vec<T> {
    let mut lists = values.into_iter().map(taken::<Vec<T>>);
    let mut items = lists.next().unwrap_or_default();
    lists.for_each(|list| items.extend(list));
    items
}

/// A bag of partitions that are there.
fn kept<T: Clone + Send + Sync + 'static>(values: Vec<Value>) -> Bag<T> {
    let list = |value: Value| {
        value.downcast::<Vec<T>>().unwrap_or_else(|_| unreachable!("a handle's type is its node's type"))
    };
    let steps = values.into_iter().map(|value| Step::new(Data::<Vec<T>, Items>::new(list(value)))).collect();
    Bag { node: Arc::new(root_of_steps("persist", steps)) }
}

impl<T: Clone + Send + Sync + 'static> Output for Bag<T> {
    type Value = Vec<T>;
    type Kept = Bag<T>;
    fn gather(&self, into: &mut Gathered) {
        into.expression(&collect(&self.node));
    }
    fn take(&self, values: &mut std::vec::IntoIter<Value>) -> Vec<T> {
        joined(values.by_ref().take(self.npartitions()).collect())
    }
    fn keep(&self, values: &mut std::vec::IntoIter<Value>) -> Bag<T> {
        kept(values.by_ref().take(self.npartitions()).collect())
    }
}
