//! Linear algebra: products, factors and solutions of matrices in blocks.
//!
//! ```text
//!  einsum, tensordot, matmul, dot ─► contract: which axes meet ─► gemm: the product of two blocks
//!  qr, svd, cholesky, lu, solve ───► tasks for blocks ─────────► dense: one matrix in memory
//! ```

mod cholesky;
mod contract;
mod dense;
mod diagonal;
mod einsum;
mod gemm;
mod lu;
mod norm;
mod products;
mod qr;
mod solve;
mod svd;

use std::sync::Arc;

use ndarray::{Array2, Ix2};

use super::chunks::Grid;
use super::element::Element;
use super::error::{ArrayError, Built};
use super::node::{Block, NodeRef};
use super::work::as_block;
use crate::task::{Failure, Value};

pub use norm::Norm;
pub use products::Contracted;
pub use svd::Compression;

/// A matrix that tasks hand on; like blocks, it shares its memory.
type Shared<T> = ndarray::ArcArray<T, Ix2>;

/// The block of a matrix; nothing is copied.
fn matrix<T: Element>(value: Value) -> Shared<T> {
    as_block::<T>(value).into_dimensionality().unwrap_or_else(|_| unreachable!("it has been checked for two axes"))
}

/// A matrix as a block.
fn block<T: Element>(matrix: Array2<T>) -> Block<T> {
    matrix.into_dyn().into_shared()
}

/// An error where an array is no matrix, or where its lengths are not known.
fn require_matrix(operation: &str, node: &NodeRef) -> Built<()> {
    if node.grid.rank() != 2 {
        let why = format!("it is for matrices, and this array has {} axes", node.grid.rank());
        return Err(ArrayError::Shape { operation: operation.to_owned(), why, shape: node.grid.shape_text() });
    }
    node.grid.require_known(operation)
}

/// An error where a matrix is not square.
fn require_square(operation: &str, node: &NodeRef) -> Built<()> {
    require_matrix(operation, node)?;
    if node.grid.axis(0).len() != node.grid.axis(1).len() {
        let why = "it is for square matrices".to_owned();
        return Err(ArrayError::Shape { operation: operation.to_owned(), why, shape: node.grid.shape_text() });
    }
    Ok(())
}

/// The matrix, with its columns cut as its rows are.
fn cut_square(node: &NodeRef) -> NodeRef {
    let rows = node.grid.axis(0).clone();
    super::node::rechunked(node, &Grid::new([rows.clone(), rows].to_vec()))
}

/// Why a task failed, as a sentence.
fn failure(why: String) -> Failure {
    Failure::Error(why.into())
}

/// The node that an operation belongs to.
fn own(node: &std::sync::Weak<super::node::Node>) -> NodeRef {
    node.upgrade().unwrap_or_else(|| unreachable!("an operation is asked by its node"))
}

/// Takes the product of the second and the third value from the first, in place where nobody else reads it.
fn minus_product<T: super::element::Float>(mut values: Vec<Value>, transposed: bool) -> Array2<T> {
    let right = matrix::<T>(values.remove(2));
    let left = matrix::<T>(values.remove(1));
    let mut from = matrix::<T>(values.remove(0)).into_owned();
    let right = if transposed { right.t() } else { right.view() };
    dense::subtract_product(&left.view(), &right, &mut from.view_mut());
    from
}

/// A right-hand side with two axes, and whether it had only one.
fn as_columns(operation: &str, node: &NodeRef, rows: &NodeRef) -> Built<(NodeRef, bool)> {
    use super::view::{View, ViewAxis};
    node.grid.require_known(operation)?;
    let rank = node.grid.rank();
    if !(1..=2).contains(&rank) || node.grid.axis(0).len() != rows.grid.axis(0).len() {
        let why = format!(
            "the right-hand side has shape {}; it has to be a vector or a matrix with as many rows as the matrix",
            node.grid.shape_text()
        );
        return Err(ArrayError::Shape { operation: operation.to_owned(), why, shape: rows.grid.shape_text() });
    }
    if rank == 2 {
        return Ok((Arc::clone(node), false));
    }
    let mut view = View::whole(&node.grid.shape());
    view.axes.push(ViewAxis::New);
    Ok((super::node::viewed(node, "expand_dims", &view), true))
}

/// The first column as a vector, if the right-hand side was one.
fn as_it_was(node: NodeRef, vector: bool) -> NodeRef {
    use super::view::View;
    if !vector {
        return node;
    }
    let mut view = View::whole(&node.grid.shape());
    view.axes.truncate(1);
    view.picked.push((1, 0));
    super::node::viewed(&node, "squeeze", &view)
}
