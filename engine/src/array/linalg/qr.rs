//! QR factors of tall matrices: blocks of rows are factored one by one, and their triangles by a tree.
//!
//! Benson, Gleich and Demmel, "Direct QR factorizations for tall-and-skinny matrices in MapReduce architectures" (2013);
//! Demmel, Grigori, Hoemmen and Langou, "Communication-optimal parallel and sequential QR and LU factorizations" (2012).

use std::sync::Arc;

use ndarray::{Array2, Axis, s};

use super::{Shared, block, dense, matrix, require_matrix};
use crate::array::Array;
use crate::array::chunks::{AxisChunks, Grid};
use crate::array::dispatch::with_float;
use crate::array::element::Float;
use crate::array::error::{Built, built};
use crate::array::lower::Lowering;
use crate::array::node::{Node, NodeRef, Operation, rechunked};
use crate::array::work::{block_task, taken, value_task};
use crate::task::Step;

/// So many triangles are put on top of each other and factored together.
const STACKED: usize = 8;

/// The two factors of one task.
#[derive(Clone)]
struct Factors<T> {
    q: Shared<T>,
    r: Shared<T>,
}

/// Tasks that nobody sees: one for each place of one axis.
fn hidden(node: &NodeRef, count: usize, operation: impl Operation) -> NodeRef {
    Node::blocks("qr", node.dtype, Grid::new(vec![AxisChunks::regular(count, 1)]), operation)
}

/// A level of the tree: how many rows the triangle of each of its tasks has.
struct Level {
    node: NodeRef,
    ranks: Vec<usize>,
}

/// The factors of blocks of rows.
struct Leaves {
    input: NodeRef,
}

impl Operation for Leaves {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let input = lowering.block(&self.input, &[place[0], 0]);
        with_float!(self.input.dtype, T => value_task("qr", vec![input], (), |(), mut values| {
            Ok(factored(matrix::<T>(values.remove(0)).view()))
        }))
    }
}

fn factored<T: Float>(matrix: ndarray::ArrayView2<'_, T>) -> Factors<T> {
    let (q, r) = dense::qr(matrix);
    Factors { q: q.into_shared(), r: r.into_shared() }
}

/// The factors of triangles on top of each other.
struct Stacked {
    below: NodeRef,
}

impl Operation for Stacked {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.below]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let first = place[0] * STACKED;
        let last = (first + STACKED).min(self.below.grid.blocks());
        let inputs = (first..last).map(|part| lowering.block(&self.below, &[part])).collect();
        with_float!(self.below.dtype, T => value_task("qr", inputs, (), |(), values| {
            let parts: Vec<Shared<T>> = values.into_iter().map(|value| taken::<Factors<T>>(value).r).collect();
            let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
            let stack = ndarray::concatenate(Axis(0), &views);
            Ok(factored(stack.unwrap_or_else(|_| unreachable!("all have the columns of the matrix")).view()))
        }))
    }
}

/// The triangle at the top of the tree.
struct Triangle {
    top: NodeRef,
}

impl Operation for Triangle {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.top]
    }

    fn step(&self, _place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let top = lowering.block(&self.top, &[0]);
        with_float!(self.top.dtype, T => block_task::<T, _, _>("qr", vec![top], (), |(), mut values| {
            Ok(taken::<Factors<T>>(values.remove(0)).r.into_dyn())
        }))
    }
}

/// The rows of the orthogonal factor that belong to each task of a level: its own factor times what is above it.
struct Orthogonal {
    own: NodeRef,
    /// The same of the level above, and for each task the first of its rows there, and how many.
    above: Option<(NodeRef, Vec<(usize, usize)>)>,
}

impl Operation for Orthogonal {
    fn inputs(&self) -> Vec<&NodeRef> {
        std::iter::once(&self.own).chain(self.above.iter().map(|(node, _)| node)).collect()
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let part = place[0];
        let mut inputs = vec![lowering.block(&self.own, &[part])];
        let mut rows = (0, 0);
        if let Some((above, parts)) = &self.above {
            let mut at = vec![0; above.grid.rank()];
            at[0] = part / STACKED;
            inputs.push(lowering.block(above, &at));
            rows = parts[part];
        }
        with_float!(self.own.dtype, T => block_task::<T, _, _>("qr", inputs, rows, |&rows, values| {
            let mut values = values.into_iter();
            let own = values.next().map(taken::<Factors<T>>).unwrap_or_else(|| unreachable!("its own factor is first"));
            Ok(match values.next().map(matrix::<T>) {
                None => own.q.into_dyn(),
                Some(above) => {
                    let above = above.slice(s![rows.0..rows.0 + rows.1, ..]);
                    let product: Array2<T> = own.q.dot(&above);
                    block(product)
                }
            })
        }))
    }
}

/// The factors of a matrix whose blocks have all of its columns.
pub(super) fn tall(node: &NodeRef) -> (NodeRef, NodeRef) {
    let columns = node.grid.axis(1).len();
    let rows = node.grid.axis(0).clone();
    let ranks: Vec<usize> = rows.sizes().map(|len| len.min(columns)).collect();
    let leaves = hidden(node, ranks.len(), Leaves { input: Arc::clone(node) });
    let mut levels = vec![Level { node: leaves, ranks }];
    loop {
        let below = &levels[levels.len() - 1];
        if below.ranks.len() == 1 {
            break;
        }
        let ranks: Vec<usize> = below.ranks.chunks(STACKED).map(|r| r.iter().sum::<usize>().min(columns)).collect();
        let stacked = hidden(node, ranks.len(), Stacked { below: Arc::clone(&below.node) });
        levels.push(Level { node: stacked, ranks });
    }
    let top = &levels[levels.len() - 1];
    let rank = top.ranks[0];
    let grid = Grid::new(vec![AxisChunks::whole(rank), node.grid.axis(1).clone()]);
    let triangle = Node::blocks("qr", node.dtype, grid, Triangle { top: Arc::clone(&top.node) });
    let mut above: Option<NodeRef> = None;
    for level in levels.iter().rev() {
        let parts = level.ranks.chunks(STACKED).flat_map(|ranks| {
            ranks.iter().scan(0, |first, &rank| {
                *first += rank;
                Some((*first - rank, rank))
            })
        });
        let operation = Orthogonal { own: Arc::clone(&level.node), above: above.map(|above| (above, parts.collect())) };
        // Only the lowest level is as long as the matrix; the lengths of the others are nobody's business.
        let axis =
            if level.ranks.len() == rows.count() { rows.clone() } else { AxisChunks::regular(level.ranks.len(), 1) };
        let grid = Grid::new(vec![axis, AxisChunks::whole(rank)]);
        above = Some(Node::blocks("qr", node.dtype, grid, operation));
    }
    (above.unwrap_or_else(|| unreachable!("there is a level for the blocks")), triangle)
}

/// The matrix with all of its columns in each block; longer blocks are cut so that they are about as large as they were.
pub(super) fn by_rows(node: &NodeRef) -> NodeRef {
    let columns = node.grid.axis(1);
    if columns.count() == 1 {
        return Arc::clone(node);
    }
    // A block with fewer rows than columns is no step towards a smaller triangle.
    let tall = node.grid.axis(0).sizes().max().unwrap_or(1).div_ceil(columns.count()).max(columns.len());
    let rows = AxisChunks::regular(node.grid.axis(0).len(), tall);
    rechunked(node, &Grid::new(vec![rows, AxisChunks::whole(columns.len())]))
}

pub(super) fn qr<T: Float>(matrix: &Array<T>) -> Built<(Array<T>, Array<T>)> {
    let node = matrix.node();
    require_matrix("qr", node)?;
    let (rows, columns) = (node.grid.axis(0).len(), node.grid.axis(1).len());
    if rows < columns {
        // The square at the left has the same orthogonal factor.
        let square = matrix.slice(s![.., ..rows]);
        let (q, left) = tall(&by_rows(square.node()));
        let q = Array::<T>::of(q);
        let right = q.t().matmul(&matrix.slice(s![.., rows..]));
        return Ok((q, Array::concatenate(&[Array::of(left), right], 1)));
    }
    let (q, r) = tall(&by_rows(node));
    Ok((Array::of(q), Array::of(r)))
}

impl<T: Float> Array<T> {
    /// The QR factors of a matrix: `q` with orthonormal columns and upper triangular `r` whose product it is. `q` has as
    /// many columns as the smaller of the matrix's lengths.
    ///
    /// It is made for tall matrices: blocks of rows are factored in parallel, and their triangles by a tree, so that a task
    /// holds no more than a block, or eight triangles. Blocks that do not hold all columns are rechunked. The blocks of `q`
    /// are kept until `r` is there; `r` alone streams. The signs of the diagonal of `r` are not fixed.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::random((1000, 20), (100, 20)).seed(1).normal(0.0, 1.0);
    /// let (q, r) = x.qr();
    /// assert!((q.matmul(&r) - &x).abs().max().item()? < 1e-12);
    /// assert!((q.t().matmul(&q) - Array::eye(20, 0, 20)).abs().max().item()? < 1e-12);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When it is not a matrix, or a length is not known.
    #[track_caller]
    pub fn qr(&self) -> (Array<T>, Array<T>) {
        built(qr(self))
    }

    /// [`qr`](Array::qr) under Dask's name for tall matrices.
    ///
    /// # Panics
    /// As [`qr`](Array::qr).
    #[track_caller]
    pub fn tsqr(&self) -> (Array<T>, Array<T>) {
        built(qr(self))
    }
}
