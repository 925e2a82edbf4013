//! Cumulative sums and products along an axis.
//!
//! What each block comes to is found first, for all at once. What comes before a block is put together from the totals of
//! runs of blocks whose lengths are powers of two, so it takes few steps however many blocks there are, and it does not
//! depend on the number of threads. Then each block is gone through once, from what comes before it.

use std::sync::Arc;

use ndarray::{ArcArray, IxDyn};

use super::Array;
use super::by_place::by_place;
use super::chunks::{AxisChunks, Grid};
use super::dispatch::with_number;
use super::element::{Element, Float, Number};
use super::error::{Built, built};
use super::lower::Lowering;
use super::memory::zeroed;
use super::node::{Block, NodeRef};
use super::reduce::axis_of;
use super::work::{as_block, block_task};
use crate::task::Value;

/// What is gathered up to each element.
trait Gathers: Send + Sync + 'static {
    const NAME: &'static str;
    fn none<S: Number>() -> S;
    fn both<S: Number>(left: S, right: S) -> S;
}

struct Sums;

impl Gathers for Sums {
    const NAME: &'static str = "cumsum";
    fn none<S: Number>() -> S {
        S::default()
    }
    #[inline(always)]
    fn both<S: Number>(left: S, right: S) -> S {
        left.add(right)
    }
}

struct Products;

impl Gathers for Products {
    const NAME: &'static str = "cumprod";
    fn none<S: Number>() -> S {
        S::one()
    }
    #[inline(always)]
    fn both<S: Number>(left: S, right: S) -> S {
        left.mul(right)
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
        Array::of(built(scan::<Sums>(self.node(), axis)))
    }

    /// The products of all elements up to each one, along an axis; in 64 bits for integers.
    ///
    /// # Panics
    /// When there is no such axis.
    #[track_caller]
    pub fn cumprod(&self, axis: isize) -> Array<T::Sum> {
        Array::of(built(scan::<Products>(self.node(), axis)))
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

fn scan<G: Gathers>(node: &NodeRef, axis: isize) -> Built<NodeRef> {
    let axis = axis_of(G::NAME, axis, &node.grid)?;
    with_number!(node.dtype, T => {
        let mut totals = Vec::new();
        if node.grid.axis(axis).count() > 1 {
            totals.push(single::<G, T>(node, axis));
        }
        // Totals of single blocks, of pairs, of fours, …
        while let Some(below) = totals.last()
            && below.grid.axis(axis).count() > 3
        {
            totals.push(pairs::<G, <T as Number>::Sum>(below, axis));
        }
        Ok(scanned::<G, T>(node, totals, axis))
    })
}

/// How an axis lies in a block that lies in memory row by row: so many times `len` rows of `inner` elements.
fn rows_of(shape: &[usize], axis: usize) -> (usize, usize) {
    (shape[axis], shape[axis + 1..].iter().product())
}

/// What a block comes to.
fn total<G: Gathers, T: Number>(block: &Block<T>, axis: usize) -> Block<T::Sum> {
    let block = block.as_standard_layout();
    let (len, inner) = rows_of(block.shape(), axis);
    let mut shape = block.shape().to_vec();
    shape[axis] = 1;
    let mut totals = vec![G::none::<T::Sum>(); shape.iter().product()];
    let values = block.as_slice().unwrap_or_default();
    if inner > 0 && len > 0 {
        for (total, rows) in totals.chunks_exact_mut(inner).zip(values.chunks_exact(len * inner)) {
            match total {
                [total] => *total = rows.iter().fold(*total, |total, value| G::both(total, value.to_sum())),
                total => rows.chunks_exact(inner).for_each(|row| {
                    total.iter_mut().zip(row).for_each(|(total, value)| *total = G::both(*total, value.to_sum()));
                }),
            }
        }
    }
    in_shape(totals, &shape)
}

/// A block with what comes before it, up to each of its elements.
fn running<G: Gathers, T: Number>(block: &Block<T>, before: Option<&Block<T::Sum>>, axis: usize) -> Block<T::Sum> {
    let block = block.as_standard_layout();
    let before = before.map(|before| before.as_standard_layout());
    let (len, inner) = rows_of(block.shape(), axis);
    let values = block.as_slice().unwrap_or_default();
    let mut sums = zeroed::<T::Sum>(values.len());
    if values.is_empty() {
        return in_shape(sums, block.shape());
    }
    let none = vec![G::none::<T::Sum>(); inner];
    let before = before.as_ref().and_then(|before| before.as_slice());
    let groups = sums.chunks_exact_mut(len * inner).zip(values.chunks_exact(len * inner)).enumerate();
    for (group, (sums, values)) in groups {
        let first = before.map_or(&none[..], |before| &before[group * inner..(group + 1) * inner]);
        if let [first] = first {
            let mut sum = *first;
            for (out, value) in sums.iter_mut().zip(values) {
                sum = G::both(sum, value.to_sum());
                *out = sum;
            }
            continue;
        }
        for (row, values) in values.chunks_exact(inner).enumerate() {
            let (done, rest) = sums.split_at_mut(row * inner);
            let above = if row == 0 { first } else { &done[done.len() - inner..] };
            rest.iter_mut().zip(above).zip(values).for_each(|((sum, above), value)| {
                *sum = G::both(*above, value.to_sum());
            });
        }
    }
    in_shape(sums, block.shape())
}

fn in_shape<S>(values: Vec<S>, shape: &[usize]) -> Block<S> {
    let block = ArcArray::from_shape_vec(IxDyn(shape), values);
    block.unwrap_or_else(|_| unreachable!("as many elements as the shape says"))
}

/// What each block comes to.
fn single<G: Gathers, T: Number>(node: &NodeRef, axis: usize) -> NodeRef {
    let grid = totals_grid(&node.grid, axis, node.grid.axis(axis).count());
    let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
        let block = lowering.block(&inputs[0], place);
        block_task::<T::Sum, _, _>("total", vec![block], axis, |&axis, mut values| {
            Ok(total::<G, T>(&as_block::<T>(values.remove(0)), axis))
        })
    };
    by_place("total", T::Sum::DTYPE, grid, vec![Arc::clone(node)], make)
}

fn fold<G: Gathers, S: Number>(values: impl IntoIterator<Item = Value>) -> Option<Block<S>> {
    values.into_iter().map(as_block::<S>).reduce(|mut total, next| {
        total.zip_mut_with(&next, |total, &next| *total = G::both(*total, next));
        total
    })
}

/// The totals of pairs of neighbours; a last one that has none is left out, for nothing comes after it.
fn pairs<G: Gathers, S: Number>(node: &NodeRef, axis: usize) -> NodeRef {
    let grid = totals_grid(&node.grid, axis, node.grid.axis(axis).count() / 2);
    let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
        let mut from = place.to_vec();
        let parts = [2 * place[axis], 2 * place[axis] + 1].map(|chunk| {
            from[axis] = chunk;
            lowering.block(&inputs[0], &from)
        });
        block_task::<S, _, _>("total", parts.to_vec(), (), |(), values| {
            Ok(fold::<G, S>(values).unwrap_or_else(|| unreachable!("a total has two parts")))
        })
    };
    by_place("total", S::DTYPE, grid, vec![Arc::clone(node)], make)
}

/// Each block with all that comes before it.
fn scanned<G: Gathers, T: Number>(node: &NodeRef, totals: Vec<NodeRef>, axis: usize) -> NodeRef {
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
        block_task::<T::Sum, _, _>(G::NAME, steps, axis, |&axis, values| {
            let mut values = values.into_iter();
            let block = as_block::<T>(values.next().unwrap_or_else(|| unreachable!("a block comes first")));
            Ok(running::<G, T>(&block, fold::<G, T::Sum>(values).as_ref(), axis))
        })
    };
    let grid = node.grid.clone();
    let inputs = std::iter::once(Arc::clone(node)).chain(totals).collect();
    by_place(G::NAME, T::Sum::DTYPE, grid, inputs, make)
}
