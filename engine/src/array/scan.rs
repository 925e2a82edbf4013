//! Cumulative sums and products along an axis.
//!
//! Every block is scanned for itself, all at once. What comes before a block is put together from the totals of runs of
//! blocks whose lengths are powers of two, so it takes few steps however many blocks there are, and it does not depend on
//! the number of threads.

use std::sync::Arc;

use ndarray::{ArrayD, Axis, IxDyn};

use super::Array;
use super::by_place::by_place;
use super::chunks::{AxisChunks, Grid};
use super::dispatch::with_number;
use super::element::{Element, Float, Number};
use super::error::{Built, built};
use super::lower::{Lowering, as_block, block_task};
use super::node::{Block, NodeRef};
use super::reduce::axis_of;
use crate::task::Value;

#[derive(Debug, Clone, Copy)]
enum Scan {
    Sum,
    Product,
}

impl Scan {
    fn name(self) -> &'static str {
        match self {
            Scan::Sum => "cumsum",
            Scan::Product => "cumprod",
        }
    }

    fn none<S: Number>(self) -> S {
        match self {
            Scan::Sum => S::default(),
            Scan::Product => S::one(),
        }
    }

    fn both<S: Number>(self) -> fn(S, S) -> S {
        match self {
            Scan::Sum => S::add,
            Scan::Product => S::mul,
        }
    }
}

impl<T: Number> Array<T> {
    /// The sums of all elements up to each one, along an axis; in 64 bits for integers.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i32>::arange(5, 2).cumsum(0);
    /// assert_eq!(x.compute()?.as_slice(), Some(&[0, 1, 3, 6, 10][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such axis.
    #[track_caller]
    pub fn cumsum(&self, axis: isize) -> Array<T::Sum> {
        Array::of(built(scan(self.node(), Scan::Sum, axis)))
    }

    /// The products of all elements up to each one, along an axis; in 64 bits for integers.
    ///
    /// # Panics
    /// When there is no such axis.
    #[track_caller]
    pub fn cumprod(&self, axis: isize) -> Array<T::Sum> {
        Array::of(built(scan(self.node(), Scan::Product, axis)))
    }
}

impl<T: Float> Array<T> {
    /// As [`cumsum`](Array::cumsum), with zeros in the place of NaNs.
    ///
    /// # Panics
    /// When there is no such axis.
    #[track_caller]
    pub fn nancumsum(&self, axis: isize) -> Array<T> {
        self.fill_nan(T::default()).cumsum(axis)
    }

    /// As [`cumprod`](Array::cumprod), with ones in the place of NaNs.
    ///
    /// # Panics
    /// When there is no such axis.
    #[track_caller]
    pub fn nancumprod(&self, axis: isize) -> Array<T> {
        self.fill_nan(<T as Element>::one()).cumprod(axis)
    }
}

/// With another number of chunks along an axis, each of length 1.
fn totals_grid(grid: &Grid, axis: usize, count: usize) -> Grid {
    let mut axes = grid.axes().to_vec();
    axes[axis] = AxisChunks::new(std::iter::repeat_n(1, count));
    Grid::new(axes)
}

fn scan(node: &NodeRef, kind: Scan, axis: isize) -> Built<NodeRef> {
    let axis = axis_of(kind.name(), axis, &node.grid)?;
    with_number!(node.dtype, T => {
        let count = node.grid.axis(axis).count();
        let scanned = scanned::<T>(node, kind, axis);
        if count == 1 {
            return Ok(scanned);
        }
        // Totals of single blocks, of pairs, of fours, …
        let mut totals = vec![last::<<T as Number>::Sum>(&scanned, kind, axis)];
        while let Some(below) = totals.last()
            && below.grid.axis(axis).count() > 3
        {
            totals.push(pairs::<<T as Number>::Sum>(below, kind, axis));
        }
        Ok(carried::<<T as Number>::Sum>(scanned, totals, kind, axis))
    })
}

/// Each block for itself.
fn scanned<T: Number>(node: &NodeRef, kind: Scan, axis: usize) -> NodeRef {
    let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
        let block = lowering.block(&inputs[0], place);
        block_task::<T::Sum, _>(kind.name(), vec![block], move |mut values: Vec<Value>| {
            let block = as_block::<T>(values.remove(0));
            let mut sums: ArrayD<T::Sum> = block.map(|value| value.to_sum());
            let both = kind.both::<T::Sum>();
            sums.accumulate_axis_inplace(Axis(axis), |&before, sum| *sum = both(before, *sum));
            Ok(sums.into_shared())
        })
    };
    by_place(kind.name(), T::Sum::DTYPE, node.grid.clone(), vec![Arc::clone(node)], make)
}

/// What each block comes to.
fn last<S: Number>(node: &NodeRef, kind: Scan, axis: usize) -> NodeRef {
    let grid = totals_grid(&node.grid, axis, node.grid.axis(axis).count());
    let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
        let block = lowering.block(&inputs[0], place);
        block_task::<S, _>("total", vec![block], move |mut values: Vec<Value>| {
            let block = as_block::<S>(values.remove(0));
            let len = block.shape()[axis];
            let total: ArrayD<S> = match len {
                0 => {
                    let mut shape = block.shape().to_vec();
                    shape[axis] = 1;
                    ArrayD::from_elem(IxDyn(&shape), kind.none())
                }
                _ => block.slice_axis(Axis(axis), ndarray::Slice::from(len - 1..len)).to_owned(),
            };
            Ok(total.into_shared())
        })
    };
    by_place("total", S::DTYPE, grid, vec![Arc::clone(node)], make)
}

fn fold<S: Number>(kind: Scan, values: impl IntoIterator<Item = Value>) -> Option<Block<S>> {
    let both = kind.both::<S>();
    values.into_iter().map(as_block::<S>).reduce(|mut total, next| {
        total.zip_mut_with(&next, |total, &next| *total = both(*total, next));
        total
    })
}

/// The totals of pairs of neighbours; a last one that has none is left out, for nothing comes after it.
fn pairs<S: Number>(node: &NodeRef, kind: Scan, axis: usize) -> NodeRef {
    let grid = totals_grid(&node.grid, axis, node.grid.axis(axis).count() / 2);
    let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
        let mut from = place.to_vec();
        let parts = [2 * place[axis], 2 * place[axis] + 1].map(|chunk| {
            from[axis] = chunk;
            lowering.block(&inputs[0], &from)
        });
        block_task::<S, _>("total", parts.to_vec(), move |values: Vec<Value>| {
            Ok(fold(kind, values).unwrap_or_else(|| unreachable!("a total has two parts")))
        })
    };
    by_place("total", S::DTYPE, grid, vec![Arc::clone(node)], make)
}

/// Each block with all that comes before it.
fn carried<S: Number>(scanned: NodeRef, totals: Vec<NodeRef>, kind: Scan, axis: usize) -> NodeRef {
    let grid = scanned.grid.clone();
    let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
        let mut steps = vec![lowering.block(&inputs[0], place)];
        // Runs of powers of two make up the blocks before this one, the longest first.
        let mut at = 0;
        let mut from = place.to_vec();
        for (power, totals) in inputs[1..].iter().enumerate().rev() {
            while place[axis] - at >= 1 << power {
                from[axis] = at >> power;
                steps.push(lowering.block(totals, &from));
                at += 1 << power;
            }
        }
        if steps.len() == 1 {
            return steps.remove(0);
        }
        block_task::<S, _>(kind.name(), steps, move |values: Vec<Value>| {
            let mut values = values.into_iter();
            let mut block = as_block::<S>(values.next().unwrap_or_else(|| unreachable!("a block comes first")));
            let before: Option<Block<S>> = fold(kind, values);
            let before = before.unwrap_or_else(|| unreachable!("something comes before this block"));
            let both = kind.both::<S>();
            block.zip_mut_with(&before, |value, &before| *value = both(before, *value));
            Ok(block)
        })
    };
    let inputs = std::iter::once(Arc::clone(&scanned)).chain(totals).collect();
    by_place(kind.name(), S::DTYPE, grid, inputs, make)
}
