//! Elements chosen by masks. How many there are is known when they have been computed.

use std::sync::Arc;

use ndarray::{Array2, ArrayD, Axis, Ix1};

use super::Array;
use super::by_place::by_place;
use super::chunks::{AxisChunks, Grid, shape_text};
use super::dispatch::with_type;
use super::element::{DType, Element};
use super::error::{ArrayError, Built, built};
use super::lower::Lowering;
use super::node::{NodeRef, rechunked};
use super::reduce::axis_of;
use super::reshape::reshape;
use super::work::{as_block, block_task};
use crate::error::BoxError;
use crate::task::Failure;

impl<T: Element> Array<T> {
    /// The elements where a mask of the same shape is `true`, in row-major order along one axis.
    ///
    /// How many there are depends on the mask's values: the length of the result is not known before it is computed, and
    /// what needs it asks for [`compute_chunk_sizes`](Array::compute_chunk_sizes) first.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(12, 5).reshape((3, 4));
    /// let large = x.select(&x.gt(7));
    /// assert_eq!(large.sum().item()?, 8 + 9 + 10 + 11);
    /// assert_eq!(large.compute_chunk_sizes()?.shape(), [4]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the shapes differ; or when lengths of several axes are not known.
    #[track_caller]
    pub fn select(&self, mask: &Array<bool>) -> Array<T> {
        let (own, other) = (&self.node().grid, &mask.node().grid);
        if own.rank() == 1 && other.rank() == 1 {
            return Array::of(built(compress("select", self.node(), mask.node(), 0)));
        }
        built(own.require_known("select"));
        built(other.require_known("select"));
        if own.shape() != other.shape() {
            let why = format!("a mask of shape {}", other.shape_text());
            built::<()>(Err(ArrayError::Shape { operation: "select".into(), why, shape: own.shape_text() }));
        }
        let (values, mask) = (self.flatten(), mask.flatten());
        Array::of(built(compress("select", values.node(), mask.node(), 0)))
    }

    /// The part of the array at those indices of an axis where a mask is `true`. The mask has one axis of the same length.
    ///
    /// The length of that axis is not known before it is computed: see [`compute_chunk_sizes`](Array::compute_chunk_sizes).
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(12, 5).reshape((3, 4));
    /// let columns = x.compress(&x.sum_axis(0).gt(15), 1);
    /// assert_eq!(columns.sum_axis(1).compute()?.as_slice(), Some(&[2 + 3, 6 + 7, 10 + 11][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such axis, or the mask does not fit to it.
    #[track_caller]
    pub fn compress(&self, mask: &Array<bool>, axis: isize) -> Array<T> {
        let axis = built(axis_of("compress", axis, &self.node().grid));
        Array::of(built(compress("compress", self.node(), mask.node(), axis)))
    }

    /// The indices of all elements that are other than zero, or `true`: a row for each, in row-major order.
    ///
    /// How many there are is not known before they are computed.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(6, 4).reshape((2, 3));
    /// assert_eq!(x.gt(3).argwhere().compute()?.into_raw_vec_and_offset().0, [1, 1, 1, 2]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When a length is not known.
    #[track_caller]
    pub fn argwhere(&self) -> Array<u64> {
        built(self.node().grid.require_known("argwhere"));
        Array::of(built(argwhere(self.node())))
    }

    /// The indices of all elements that are other than zero, or `true`: an array for each axis, in row-major order.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(6, 4).reshape((2, 3));
    /// let at = x.gt(3).nonzero();
    /// assert_eq!((at[0].sum().item()?, at[1].sum().item()?), (1 + 1, 1 + 2));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When a length is not known.
    #[track_caller]
    pub fn nonzero(&self) -> Vec<Array<u64>> {
        let indices = self.argwhere();
        (0..self.ndim()).map(|axis| indices.slice(ndarray::s![.., axis])).collect()
    }
}

/// A row of indices for each element that is not zero.
fn argwhere(node: &NodeRef) -> Built<NodeRef> {
    let shape = node.grid.shape();
    let flat = reshape(node, vec![usize::MAX])?;
    let rank = shape.len();
    let chunks = flat.grid.axis(0).clone();
    let grid = Grid::new([AxisChunks::unknown(chunks.count()), AxisChunks::whole(rank)]);
    let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
        let block = lowering.block(&inputs[0], &place[..1]);
        let own = (chunks.start(place[0]), shape.clone());
        with_type!(inputs[0].dtype, U => block_task::<u64, _, _>("argwhere", vec![block], own, |own, mut values| {
            let (first, shape) = own;
            let rank = shape.len();
            let block = as_block::<U>(values.remove(0));
            let found = block.iter().enumerate().filter(|&(_, value)| *value != U::default());
            let mut indices: Vec<u64> = Vec::new();
            for (at, _) in found {
                let row = indices.len();
                indices.resize(row + rank, 0);
                let mut place = first + at;
                for (index, &len) in indices[row..].iter_mut().zip(shape).rev() {
                    *index = (place % len) as u64;
                    place /= len;
                }
            }
            let count = match rank {
                // Without axes there is one index, the empty one, or none.
                0 => block.iter().filter(|&value| *value != U::default()).count(),
                _ => indices.len() / rank,
            };
            let rows = Array2::from_shape_vec((count, rank), indices);
            Ok(rows.unwrap_or_else(|_| unreachable!("an index for each axis")).into_dyn().into_shared())
        }))
    };
    Ok(by_place("argwhere", DType::U64, grid, vec![flat], make))
}

fn compress(operation: &'static str, node: &NodeRef, mask: &NodeRef, axis: usize) -> Built<NodeRef> {
    let chunks = node.grid.axis(axis);
    let own = &mask.grid;
    let fits = own.rank() == 1
        && match (chunks.is_known(), own.axis(0).is_known()) {
            (true, true) => chunks.len() == own.axis(0).len(),
            // Nobody knows, but as many chunks are taken for the same ones, as in Dask.
            _ => chunks.count() == own.axis(0).count(),
        };
    if !fits {
        let why = format!("a mask of shape {} does not fit to axis {axis}", own.shape_text());
        return Err(ArrayError::Shape { operation: operation.into(), why, shape: node.grid.shape_text() });
    }
    let mask = match chunks.is_known() && own.axis(0).is_known() {
        true => rechunked(mask, &Grid::new([chunks.clone()])),
        false => Arc::clone(mask),
    };
    let mut axes = node.grid.axes().to_vec();
    axes[axis] = AxisChunks::unknown(chunks.count());
    let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
        let steps = vec![lowering.block(&inputs[0], place), lowering.block(&inputs[1], &place[axis..=axis])];
        with_type!(inputs[0].dtype, T => block_task::<T, _, _>(operation, steps, axis, |&axis, mut values| {
            let mask = as_block::<bool>(values.remove(1));
            let block = as_block::<T>(values.remove(0));
            if mask.len() != block.shape()[axis] {
                let said: BoxError = format!(
                    "a mask of length {} for axis {axis} of a block of shape {}; their lengths were not known before",
                    mask.len(),
                    shape_text(block.shape())
                )
                .into();
                return Err(Failure::Error(said));
            }
            if let (1, Some(values), Some(mask)) = (block.ndim(), block.as_slice(), mask.as_slice()) {
                let chosen: Vec<T> = values.iter().zip(mask).filter(|&(_, &is)| is).map(|(&value, _)| value).collect();
                return Ok(ndarray::Array1::from_vec(chosen).into_dyn().into_shared());
            }
            let mask = mask.into_dimensionality::<Ix1>().unwrap_or_else(|_| unreachable!("a mask has one axis"));
            let chosen: Vec<usize> = mask.iter().enumerate().filter(|&(_, &is)| is).map(|(at, _)| at).collect();
            let chosen: ArrayD<T> = block.select(Axis(axis), &chosen);
            Ok(chosen.into_shared())
        }))
    };
    Ok(by_place(operation, node.dtype, Grid::new(axes), vec![Arc::clone(node), mask], make))
}
