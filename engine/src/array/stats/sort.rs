//! Sorting along an axis.

use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn};

use super::{order, unchunked};
use crate::array::Array;
use crate::array::dispatch::with_ordered;
use crate::array::element::{Element, Ordered};
use crate::array::error::{Built, built};
use crate::array::lower::Lowering;
use crate::array::node::{Node, NodeRef, Operation};
use crate::array::reduce::axis_of;
use crate::array::work::{as_block, block_task};
use crate::task::Step;

/// A function of each run of elements along an axis, which has to be in one chunk.
fn along<T: Element, R: Element>(block: &ArrayViewD<'_, T>, axis: usize, work: impl Fn(&[T], &mut [R])) -> ArrayD<R> {
    let mut out = ArrayD::<R>::default(IxDyn(block.shape()));
    let (mut from, mut to) = (Vec::new(), Vec::new());
    for (lane, mut target) in block.lanes(Axis(axis)).into_iter().zip(out.lanes_mut(Axis(axis))) {
        from.clear();
        from.extend(lane.iter().copied());
        match target.as_slice_mut() {
            Some(target) => work(&from, target),
            None => {
                to.resize(from.len(), R::default());
                work(&from, &mut to);
                target.iter_mut().zip(&to).for_each(|(target, &value)| *target = value);
            }
        }
    }
    out
}

struct Sort {
    input: NodeRef,
    axis: usize,
    places: bool,
}

impl Operation for Sort {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let input = lowering.block(&self.input, place);
        let axis = self.axis;
        with_ordered!(self.input.dtype, T => match self.places {
            false => block_task::<T, _, _>("sort", vec![input], axis, |&axis, mut values| {
                let block = as_block::<T>(values.remove(0));
                Ok(along(&block.view(), axis, |from: &[T], to: &mut [T]| {
                    to.copy_from_slice(from);
                    to.sort_unstable_by(order);
                }).into_shared())
            }),
            true => block_task::<u64, _, _>("argsort", vec![input], axis, |&axis, mut values| {
                let block = as_block::<T>(values.remove(0));
                Ok(along(&block.view(), axis, |from: &[T], to: &mut [u64]| {
                    to.iter_mut().zip(0..).for_each(|(to, place)| *to = place);
                    to.sort_by(|&one, &two| order(&from[one as usize], &from[two as usize]));
                }).into_shared())
            }),
        })
    }
}

fn sort(node: &NodeRef, axis: isize, places: bool) -> Built<NodeRef> {
    let name = if places { "argsort" } else { "sort" };
    let axis = axis_of(name, axis, &node.grid)?;
    let input = unchunked(name, node, &[axis])?;
    let grid = input.grid.clone();
    let dtype = if places { u64::DTYPE } else { node.dtype };
    Ok(Node::blocks(name, dtype, grid, Sort { input, axis, places }))
}

impl<T: Ordered> Array<T> {
    /// The elements in rising order along an axis, NaNs last. An axis that is cut is put into one chunk: a task holds all of
    /// it.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::from_vec(vec![3, 1, 2], 2);
    /// assert_eq!(x.sort(0).compute()?.as_slice(), Some(&[1, 2, 3][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such axis, or it is cut into chunks of unknown lengths.
    #[track_caller]
    pub fn sort(&self, axis: isize) -> Array<T> {
        Array::of(built(sort(self.node(), axis, false)))
    }

    /// The indices along an axis that put it into rising order, NaNs last; equal elements stay in their order. An axis that
    /// is cut is put into one chunk.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::from_vec(vec![3, 1, 2], 2);
    /// assert_eq!(x.argsort(-1).compute()?.as_slice(), Some(&[1, 2, 0][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// As [`sort`](Array::sort).
    #[track_caller]
    pub fn argsort(&self, axis: isize) -> Array<u64> {
        Array::of(built(sort(self.node(), axis, true)))
    }
}
