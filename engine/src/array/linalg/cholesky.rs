//! The Cholesky factor, block by block.

use std::sync::{Arc, Weak};

use ndarray::Array2;

use super::dense::{self, Side};
use super::{block, cut_square, failure, matrix, minus_product, own, require_square};
use crate::array::Array;
use crate::array::dispatch::with_float;
use crate::array::element::Float;
use crate::array::error::{Built, built};
use crate::array::lower::Lowering;
use crate::array::node::{Node, NodeRef, Operation};
use crate::array::work::block_task;
use crate::task::Step;

const NAME: &str = "cholesky";

fn cholesky(node: &NodeRef) -> Built<NodeRef> {
    require_square(NAME, node)?;
    let input = cut_square(node);
    let grid = input.grid.clone();
    Ok(Node::recursive(NAME, node.dtype, grid, |own| Cholesky { input, own }))
}

struct Cholesky {
    input: NodeRef,
    own: Weak<Node>,
}

impl Operation for Cholesky {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let own = own(&self.own);
        let (row, column) = (place[0], place[1]);
        with_float!(self.input.dtype, T => self.block_at::<T>(&own, row, column, lowering))
    }
}

impl Cholesky {
    fn block_at<T: Float>(&self, own: &NodeRef, row: usize, column: usize, lowering: &mut Lowering) -> Arc<Step> {
        let (start, shape) = own.grid.region(&[row, column]);
        if column > row {
            return block_task::<T, _, _>(NAME, Vec::new(), shape, |shape, _| {
                Ok(block(Array2::from_elem((shape[0], shape[1]), T::default())))
            });
        }
        let mut left = lowering.block(&self.input, &[row, column]);
        // From the first column on: what a block needs has then been made without going deep.
        for before in 0..column {
            let one = lowering.block(own, &[row, before]);
            let two = lowering.block(own, &[column, before]);
            left = block_task::<T, _, _>(NAME, vec![left, one, two], (), |(), values| {
                Ok(block(minus_product::<T>(values, true)))
            });
        }
        if row == column {
            return block_task::<T, _, _>(NAME, vec![left], start[0], |start, mut values| {
                let factor = dense::cholesky(matrix::<T>(values.remove(0)).view());
                factor.map(block).map_err(|row| {
                    failure(format!("the matrix is not positive definite: its first {} rows are not", start + row + 1))
                })
            });
        }
        let corner = lowering.block(own, &[column, column]);
        block_task::<T, _, _>(NAME, vec![left, corner], (), |(), mut values| {
            let corner = matrix::<T>(values.remove(1));
            let mut solved = matrix::<T>(values.remove(0)).into_owned();
            dense::solve_triangular(corner.view(), Side::Lower, false, &mut solved.view_mut().reversed_axes());
            Ok(block(solved))
        })
    }
}

impl<T: Float> Array<T> {
    /// The Cholesky factor of a symmetric, positive definite matrix: the lower triangle whose product with its transpose
    /// the matrix is. Only its lower half is read.
    ///
    /// The columns are cut as the rows are.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::random((100, 60), 30).seed(1).normal(0.0, 1.0);
    /// let matrix = x.t().matmul(&x);
    /// let factor = matrix.cholesky();
    /// assert!((factor.matmul(&factor.t()) - matrix).abs().max().item()? < 1e-10);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// Computing it fails when the matrix is not positive definite.
    ///
    /// # Panics
    /// When it is not a square matrix, or a length is not known.
    #[track_caller]
    pub fn cholesky(&self) -> Array<T> {
        Array::of(built(cholesky(self.node())))
    }
}
