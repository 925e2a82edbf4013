//! The different elements, and how often each is there.

use std::sync::Arc;

use ndarray::Array1;

use super::{Folding, Picked, WithShared, hidden, order, unchunked};
use crate::array::Array;
use crate::array::chunks::{AxisChunks, Grid};
use crate::array::dispatch::with_ordered;
use crate::array::element::{Element, Ordered};
use crate::array::error::Built;
use crate::array::error::built;
use crate::array::node::{Node, NodeRef};
use crate::array::work::{as_block, block_task, merged, taken, value_task};
use crate::task::Step;

/// Different elements in rising order, and how often each is there.
#[derive(Clone)]
struct Counted<T> {
    values: Vec<T>,
    counts: Vec<u64>,
}

/// Equal, or both NaN.
fn same<T: Ordered>(one: T, two: T) -> bool {
    one == two || (one.unordered() && two.unordered())
}

impl<T: Ordered> Counted<T> {
    fn of(mut elements: Vec<T>) -> Counted<T> {
        elements.sort_unstable_by(order);
        let mut counted = Counted { values: Vec::new(), counts: Vec::new() };
        elements.into_iter().for_each(|value| counted.add(value, 1));
        counted
    }

    /// Adds an element that is not smaller than those that are there.
    fn add(&mut self, value: T, count: u64) {
        match (self.values.last(), self.counts.last_mut()) {
            (Some(&last), Some(counted)) if same(last, value) => *counted += count,
            _ => {
                self.values.push(value);
                self.counts.push(count);
            }
        }
    }

    fn with(self, other: Counted<T>) -> Counted<T> {
        let room = self.values.len().max(other.values.len());
        let mut both = Counted { values: Vec::with_capacity(room), counts: Vec::with_capacity(room) };
        let (mut ones, mut twos) = (
            self.values.into_iter().zip(self.counts).peekable(),
            other.values.into_iter().zip(other.counts).peekable(),
        );
        loop {
            let next = match (ones.peek(), twos.peek()) {
                (Some((one, _)), Some((two, _))) if order(one, two).is_gt() => twos.next(),
                (Some(_), _) => ones.next(),
                (None, _) => twos.next(),
            };
            match next {
                Some((value, count)) => both.add(value, count),
                None => return both,
            }
        }
    }
}

/// A task whose value is all that the two results need.
fn counted(node: &NodeRef) -> NodeRef {
    let dtype = node.dtype;
    let leaf = move |inputs: Vec<Arc<Step>>, _start: &[usize]| {
        with_ordered!(dtype, T => value_task("unique", inputs, (), |(), mut values| {
            Ok(Counted::of(as_block::<T>(values.remove(0)).iter().copied().collect::<Vec<T>>()))
        }))
    };
    let join = move |steps: Vec<Arc<Step>>| {
        with_ordered!(dtype, T => merged("unique", steps, &(), |(), parts: Vec<Counted<T>>| {
            // Two by two, so that a long list is not read again for each of the short ones.
            let mut parts = parts;
            while parts.len() > 1 {
                let mut pairs = parts.into_iter();
                let mut next = Vec::new();
                while let Some(one) = pairs.next() {
                    next.push(match pairs.next() {
                        Some(two) => one.with(two),
                        None => one,
                    });
                }
                parts = next;
            }
            parts.pop().unwrap_or(Counted { values: Vec::new(), counts: Vec::new() })
        }))
    };
    hidden("unique", dtype, Folding::whole(vec![Arc::clone(node)], Box::new(leaf), Box::new(join)))
}

fn unknown() -> Grid {
    Grid::new(vec![AxisChunks::unknown(1)])
}

/// The different elements and their counts.
fn unique(node: &NodeRef) -> (NodeRef, NodeRef) {
    let all = counted(node);
    let dtype = node.dtype;
    let values = move |inputs: Vec<Arc<Step>>| {
        with_ordered!(dtype, T => block_task::<T, _, _>("unique", inputs, (), |(), mut values| {
            Ok(Array1::from_vec(taken::<Counted<T>>(values.remove(0)).values).into_dyn().into_shared())
        }))
    };
    let counts = move |inputs: Vec<Arc<Step>>| {
        with_ordered!(dtype, T => block_task::<u64, _, _>("unique", inputs, (), |(), mut values| {
            Ok(Array1::from_vec(taken::<Counted<T>>(values.remove(0)).counts).into_dyn().into_shared())
        }))
    };
    let values = Picked { inputs: vec![Arc::clone(&all)], task: Box::new(values) };
    let counts = Picked { inputs: vec![all], task: Box::new(counts) };
    (Node::blocks("unique", dtype, unknown(), values), Node::blocks("unique_counts", u64::DTYPE, unknown(), counts))
}

fn isin(node: &NodeRef, others: &NodeRef) -> NodeRef {
    let dtype = node.dtype;
    let task = move |inputs: Vec<Arc<Step>>| {
        with_ordered!(dtype, T => block_task::<bool, _, _>("isin", inputs, (), |(), values| {
            let mut values = values.into_iter();
            let (Some(block), Some(others)) = (values.next(), values.next()) else { unreachable!("it has two inputs") };
            let others = others.downcast::<Counted<T>>();
            let others = others.unwrap_or_else(|_| unreachable!("a task reads what it asked for"));
            let found =
                |value: &T| !value.unordered() && others.values.binary_search_by(|other| order(other, value)).is_ok();
            Ok(as_block::<T>(block).map(found).into_shared())
        }))
    };
    let operation = WithShared { input: Arc::clone(node), shared: counted(others), task: Box::new(task) };
    Node::blocks("isin", bool::DTYPE, node.grid.clone(), operation)
}

impl<T: Ordered> Array<T> {
    /// The different elements, in rising order; NaNs count as one, the last. How many there are is known when they are
    /// computed.
    ///
    /// Each block is reduced to its own different elements before blocks meet, so memory is needed for those.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::from_vec(vec![3, 1, 3, 2, 1], 2);
    /// assert_eq!(x.unique().compute()?.as_slice(), Some(&[1, 2, 3][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn unique(&self) -> Array<T> {
        self.unique_counts().0
    }

    /// The different elements, and how often each is there.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let (values, counts) = Array::from_vec(vec![3, 1, 3, 2, 1], 2).unique_counts();
    /// let (values, counts) = compute!(values, counts)?;
    /// assert_eq!(values.as_slice(), Some(&[1, 2, 3][..]));
    /// assert_eq!(counts.as_slice(), Some(&[2, 1, 2][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn unique_counts(&self) -> (Array<T>, Array<u64>) {
        let (values, counts) = unique(self.node());
        (Array::of(values), Array::of(counts))
    }

    /// Where an element is among those of the other array. A NaN is among nothing.
    ///
    /// The different elements of the other array are held by each task.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(6, 2);
    /// let found = x.isin(&Array::from_vec(vec![4, 1, 9], 1));
    /// assert_eq!(found.compute()?.as_slice(), Some(&[false, true, false, false, true, false][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn isin(&self, others: &Array<T>) -> Array<bool> {
        Array::of(isin(self.node(), others.node()))
    }

    /// Where the elements of the other array would go into this one, which has to be sorted and of one axis: before equal
    /// ones, or behind them if `right` says so.
    ///
    /// All of this array is held by each task.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::from_vec(vec![1.0, 2.0, 2.0, 5.0], 2);
    /// let at = x.searchsorted(&Array::from_vec(vec![2.0, 0.0, 9.0], 2), false);
    /// assert_eq!(at.compute()?.as_slice(), Some(&[1, 0, 4][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When this array has other than one axis, or chunks of unknown lengths.
    #[track_caller]
    pub fn searchsorted(&self, values: &Array<T>, right: bool) -> Array<u64> {
        Array::of(built(searchsorted(self.node(), values.node(), right)))
    }
}

fn searchsorted(sorted: &NodeRef, values: &NodeRef, right: bool) -> Built<NodeRef> {
    use crate::array::error::ArrayError;
    if sorted.grid.rank() != 1 {
        let why = format!("what is searched in has one axis, and this array has {}", sorted.grid.rank());
        return Err(ArrayError::Shape { operation: "searchsorted".into(), why, shape: sorted.grid.shape_text() });
    }
    let whole = unchunked("searchsorted", sorted, &[0])?;
    let dtype = sorted.dtype;
    // The same block under a node without axes, as what all tasks share.
    let pass = move |inputs: Vec<Arc<Step>>| Arc::clone(&inputs[0]);
    let shared = hidden("searchsorted", dtype, Picked { inputs: vec![whole], task: Box::new(pass) });
    let task = move |inputs: Vec<Arc<Step>>| {
        with_ordered!(dtype, T => block_task::<u64, _, _>("searchsorted", inputs, right, |&right, values| {
            let mut blocks = values.into_iter().map(as_block::<T>);
            let (Some(block), Some(sorted)) = (blocks.next(), blocks.next()) else { unreachable!("it has two inputs") };
            let sorted = sorted.as_standard_layout();
            let Some(sorted) = sorted.as_slice() else { unreachable!("it was laid out") };
            let find = |value: &T| match right {
                false => sorted.partition_point(|other| order(other, value).is_lt()) as u64,
                true => sorted.partition_point(|other| order(other, value).is_le()) as u64,
            };
            Ok(block.map(find).into_shared())
        }))
    };
    let grid = values.grid.clone();
    let operation = WithShared { input: Arc::clone(values), shared, task: Box::new(task) };
    Ok(Node::blocks("searchsorted", u64::DTYPE, grid, operation))
}
