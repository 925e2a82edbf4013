//! Diagonals and traces.

use std::sync::Arc;

use ndarray::{ArrayD, Axis};

use crate::array::Array;
use crate::array::chunks::{AxisChunks, Grid};
use crate::array::dispatch::with_type;
use crate::array::element::{Element, Number};
use crate::array::error::{ArrayError, Built, built};
use crate::array::lower::Lowering;
use crate::array::node::{Node, NodeRef, Operation};
use crate::array::reduce::axis_of;
use crate::array::work::{as_block, block_task};
use crate::task::Step;

/// The elements whose index along `other` is `offset` more than that along `axis`; they become the last axis.
pub(crate) fn diagonal(name: &str, node: &NodeRef, offset: i64, axis: usize, other: usize) -> Built<NodeRef> {
    node.grid.require_known(name)?;
    if axis == other {
        return Err(ArrayError::AxisTwice { operation: name.to_owned(), axis });
    }
    let (rows, columns) = (node.grid.axis(axis), node.grid.axis(other));
    let distance = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
    let (first_row, first_column) = if offset < 0 { (distance, 0) } else { (0, distance) };
    let len = rows.len().saturating_sub(first_row).min(columns.len().saturating_sub(first_column));
    // The diagonal is cut wherever it leaves a block.
    let cuts = |chunks: &AxisChunks, first: usize| -> Vec<usize> {
        (0..chunks.count()).map(|chunk| chunks.start(chunk).saturating_sub(first)).filter(|&at| at < len).collect()
    };
    let mut starts = [cuts(rows, first_row), cuts(columns, first_column)].concat();
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().copied().skip(1).chain([len]);
    let mut pieces: Vec<Piece> = starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| {
            let (row, column) = (start + first_row, start + first_column);
            let (row_chunk, column_chunk) = (rows.find(row), columns.find(column));
            Piece {
                chunks: (row_chunk, column_chunk),
                first: (row - rows.start(row_chunk), column - columns.start(column_chunk)),
                len: end - start,
            }
        })
        .collect();
    if pieces.is_empty() {
        pieces.push(Piece { chunks: (0, 0), first: (0, 0), len: 0 });
    }
    let others = |&own: &usize| own != axis && own != other;
    let mut axes: Vec<AxisChunks> =
        (0..node.grid.rank()).filter(others).map(|axis| node.grid.axis(axis).clone()).collect();
    axes.push(AxisChunks::new(pieces.iter().map(|piece| piece.len)));
    let operation = Diagonal { name: name.to_owned(), input: Arc::clone(node), axis, other, pieces };
    Ok(Node::blocks(name, node.dtype, Grid::new(axes), operation))
}

#[derive(Clone, Copy)]
struct Piece {
    chunks: (usize, usize),
    /// The first element, inside the block.
    first: (usize, usize),
    len: usize,
}

struct Diagonal {
    name: String,
    input: NodeRef,
    axis: usize,
    other: usize,
    pieces: Vec<Piece>,
}

impl Operation for Diagonal {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let (axis, other) = (self.axis, self.other);
        let piece = self.pieces[place[place.len() - 1]];
        let mut kept = place.iter().copied();
        let from: Vec<usize> = (0..place.len() + 1)
            .map(|own| match own {
                own if own == axis => piece.chunks.0,
                own if own == other => piece.chunks.1,
                _ => kept.next().unwrap_or(0),
            })
            .collect();
        let input = lowering.block(&self.input, &from);
        let own = (axis, other, piece.first, piece.len);
        with_type!(self.input.dtype, T => block_task::<T, _, _>(&self.name, vec![input], own, |own, mut values| {
            let (axis, other, first, len) = *own;
            let block = as_block::<T>(values.remove(0));
            let mut shape: Vec<usize> =
                (0..block.ndim()).filter(|&own| own != axis && own != other).map(|own| block.shape()[own]).collect();
            shape.push(len);
            let mut out = ArrayD::<T>::default(shape);
            let last = Axis(out.ndim() - 1);
            for (at, mut target) in out.axis_iter_mut(last).enumerate() {
                let row = block.index_axis(Axis(axis), first.0 + at);
                let after = if other > axis { other - 1 } else { other };
                target.assign(&row.index_axis(Axis(after), first.1 + at));
            }
            Ok(out.into_shared())
        }))
    }
}

impl<T: Element> Array<T> {
    /// The diagonal of a matrix: the elements whose column is `offset` more than their row.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(9, 4).reshape((3, 3));
    /// assert_eq!(x.diagonal(0).compute()?.as_slice(), Some(&[0, 4, 8][..]));
    /// assert_eq!(x.diagonal(-1).compute()?.as_slice(), Some(&[3, 7][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there are fewer than two axes, or a length is not known.
    #[track_caller]
    pub fn diagonal(&self, offset: i64) -> Array<T> {
        self.diagonal_axes(offset, 0, 1)
    }

    /// The diagonals of matrices that lie along two axes; they become the last axis of the result.
    ///
    /// # Panics
    /// When there are no such axes, they are the same, or a length is not known.
    #[track_caller]
    pub fn diagonal_axes(&self, offset: i64, axis: isize, other: isize) -> Array<T> {
        let grid = &self.node().grid;
        let (axis, other) = (built(axis_of("diagonal", axis, grid)), built(axis_of("diagonal", other, grid)));
        Array::of(built(diagonal("diagonal", self.node(), offset, axis, other)))
    }
}

impl<T: Number> Array<T> {
    /// The sum of the diagonal of a matrix; of more than two axes, of each matrix along the first two.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Array::<f64>::eye(100, 0, 30).trace().item()?, 100.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there are fewer than two axes, or a length is not known.
    #[track_caller]
    pub fn trace(&self) -> Array<T::Sum> {
        self.diagonal(0).sum_axis(-1)
    }
}
