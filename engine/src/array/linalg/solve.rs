//! Solutions of linear equations.

use std::sync::{Arc, Weak};

use super::dense::{self, Side};
use super::{
    as_columns, as_it_was, block, cut_square, lu, matrix, minus_product, own, qr, require_matrix, require_square,
};
use crate::array::Array;
use crate::array::chunks::{Chunking, Grid};
use crate::array::dispatch::with_float;
use crate::array::element::Float;
use crate::array::error::{ArrayError, Built, built};
use crate::array::lower::Lowering;
use crate::array::node::{Node, NodeRef, Operation, rechunked};
use crate::array::work::block_task;
use crate::task::Step;

fn solve_triangular(matrix: &NodeRef, right: &NodeRef, side: Side) -> Built<NodeRef> {
    let name = "solve_triangular";
    require_square(name, matrix)?;
    let (right, vector) = as_columns(name, right, matrix)?;
    let matrix = cut_square(matrix);
    let grid = Grid::new(vec![matrix.grid.axis(0).clone(), right.grid.axis(1).clone()]);
    let right = rechunked(&right, &grid);
    let dtype = matrix.dtype;
    let solution = Node::recursive(name, dtype, grid, |own| Triangular { matrix, right, side, own });
    Ok(as_it_was(solution, vector))
}

struct Triangular {
    matrix: NodeRef,
    right: NodeRef,
    side: Side,
    own: Weak<Node>,
}

impl Operation for Triangular {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.matrix, &self.right]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let own = own(&self.own);
        let (row, column, side) = (place[0], place[1], self.side);
        let count = own.grid.axis(0).count();
        // In the order in which they are solved: what a block needs has then been made without going deep.
        let known: Vec<usize> = match side {
            Side::Lower => (0..row).collect(),
            Side::Upper => (row + 1..count).rev().collect(),
        };
        with_float!(own.dtype, T => {
            let mut left = lowering.block(&self.right, place);
            for other in known {
                let factor = lowering.block(&self.matrix, &[row, other]);
                let solved = lowering.block(&own, &[other, column]);
                left = block_task::<T, _, _>(&own.name, vec![left, factor, solved], (), |(), values| {
                    Ok(block(minus_product::<T>(values, false)))
                });
            }
            let corner = lowering.block(&self.matrix, &[row, row]);
            block_task::<T, _, _>(&own.name, vec![left, corner], side, |&side, mut values| {
                let corner = matrix::<T>(values.remove(1));
                let mut solved = matrix::<T>(values.remove(0)).into_owned();
                dense::solve_triangular(corner.view(), side, false, &mut solved.view_mut());
                Ok(block(solved))
            })
        })
    }
}

/// The least squares solution, residuals, rank and singular values.
type Fit<T> = (Array<T>, Array<T>, Array<u64>, Array<T>);

fn lstsq<T: Float>(array: &Array<T>, right: &Array<T>) -> Built<Fit<T>> {
    let node = array.node();
    require_matrix("lstsq", node)?;
    let (rows, columns) = (node.grid.axis(0).len(), node.grid.axis(1).len());
    if rows < columns {
        let why = "it is for matrices with at least as many rows as columns".to_owned();
        return Err(ArrayError::Shape { operation: "lstsq".into(), why, shape: node.grid.shape_text() });
    }
    as_columns("lstsq", right.node(), node)?;
    let (q, r) = qr::tall(&qr::by_rows(node));
    let (q, r) = (Array::<T>::of(q), Array::<T>::of(r));
    let projected = q.t().matmul(right);
    let solution = Array::of(solve_triangular(r.node(), projected.node(), Side::Upper)?);
    let residuals = (right - array.matmul(&solution)).map_elements(|x| x * x).sum_axis(0);
    let (_, values, _) = r.svd();
    let smallest = values.max() * T::from_f64(T::epsilon().to_f64() * rows as f64);
    let rank = values.gt(smallest).count();
    Ok((solution, residuals, rank, values))
}

impl<T: Float> Array<T> {
    /// The solution `x` of `self · x = right`, where this matrix is triangular: only its lower half is read, or, when `lower`
    /// is false, its upper one. The right-hand side is a vector, or a matrix with a column for each solution.
    ///
    /// A zero on the diagonal gives infinities and NaNs.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::from_ndarray(ndarray::array![[2.0, 9.0], [1.0, 4.0]], 1);
    /// let b = Array::from_vec(vec![2.0, 9.0], 1);
    /// assert_eq!(x.solve_triangular(&b, true).compute()?.as_slice(), Some(&[1.0, 2.0][..]));
    /// # use taskloom::ndarray;
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When it is not a square matrix, the right-hand side has not as many rows, or a length is not known.
    #[track_caller]
    pub fn solve_triangular(&self, right: &Array<T>, lower: bool) -> Array<T> {
        let side = if lower { Side::Lower } else { Side::Upper };
        Array::of(built(solve_triangular(self.node(), right.node(), side)))
    }

    /// The solution `x` of `self · x = right`, by [LU factors](Array::lu) with exchanged rows. The right-hand side is a
    /// vector, or a matrix with a column for each solution.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let a = Array::<f64>::random((60, 60), 25).seed(1).normal(0.0, 1.0);
    /// let b = Array::<f64>::random((60,), 25).seed(2).normal(0.0, 1.0);
    /// let x = a.solve(&b);
    /// assert!((a.matmul(&x) - b).abs().max().item()? < 1e-10);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// Computing it fails when the matrix is singular.
    ///
    /// # Panics
    /// When it is not a square matrix, the right-hand side has not as many rows, or a length is not known.
    #[track_caller]
    pub fn solve(&self, right: &Array<T>) -> Array<T> {
        Array::of(built(lu::solve("solve", self.node(), right.node())))
    }

    /// The solution of `self · x = right` for a symmetric, positive definite matrix, by its
    /// [Cholesky factor](Array::cholesky): half the work of [`solve`](Array::solve).
    ///
    /// Computing it fails when the matrix is not positive definite.
    ///
    /// # Panics
    /// As [`solve`](Array::solve).
    #[track_caller]
    pub fn solve_positive_definite(&self, right: &Array<T>) -> Array<T> {
        built(require_square("solve", self.node()));
        built(as_columns("solve", right.node(), self.node()));
        let factor = self.cholesky();
        factor.t().solve_triangular(&factor.solve_triangular(right, true), false)
    }

    /// The inverse of a matrix. To solve equations, [`solve`](Array::solve) is quicker and more accurate.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::from_ndarray(ndarray::array![[1.0_f64, 2.0], [3.0, 4.0]], 1);
    /// assert!((x.inv().matmul(&x) - Array::eye(2, 0, 1)).abs().max().item()? < 1e-14);
    /// # use taskloom::ndarray;
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// Computing it fails when the matrix is singular.
    ///
    /// # Panics
    /// When it is not a square matrix, or a length is not known.
    #[track_caller]
    pub fn inv(&self) -> Array<T> {
        built(require_square("inv", self.node()));
        let axes = [1, 1].map(|axis| self.node().grid.axis(axis).sizes().collect::<Vec<_>>());
        let identity = Array::<T>::eye(self.shape()[0], 0, Chunking::Explicit(axes.to_vec()));
        Array::of(built(lu::solve("inv", self.node(), identity.node())))
    }

    /// The least squares solution of more equations than unknowns, by [`qr`](Array::qr): the solution, for each right-hand
    /// side the sum of the squares of what is left, the rank, and the singular values of the matrix.
    ///
    /// The columns have to be independent; where the rank is less than their number, the solution is of no use.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let t = Array::<f64>::linspace(0.0, 1.0, 1000, 100);
    /// let design = Array::stack(&[t.ones_like(), t.clone()], 1);
    /// let (line, _, rank, _) = design.lstsq(&(&t * 3.0 + 2.0));
    /// let line = line.compute()?;
    /// assert!((line[0] - 2.0).abs() < 1e-12 && (line[1] - 3.0).abs() < 1e-12);
    /// assert_eq!(rank.item()?, 2);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When it is not a matrix with at least as many rows as columns, the right-hand side has not as many rows, or a length
    /// is not known.
    #[track_caller]
    pub fn lstsq(&self, right: &Array<T>) -> (Array<T>, Array<T>, Array<u64>, Array<T>) {
        built(lstsq(self, right))
    }
}
