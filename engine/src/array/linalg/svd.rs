//! Singular values and vectors.

use std::sync::Arc;

use super::dense::{self, Svd};
use super::{block, matrix, qr, require_matrix};
use crate::array::Array;
use crate::array::chunks::{AxisChunks, Chunking, Grid};
use crate::array::dispatch::with_float;
use crate::array::element::Float;
use crate::array::error::{ArrayError, Built, built};
use crate::array::lower::Lowering;
use crate::array::node::{Node, NodeRef, Operation};
use crate::array::work::{block_task, taken, value_task};
use crate::task::{Step, packed};

/// The factors of a matrix of one block, for others to pick from.
struct Factors {
    input: NodeRef,
}

impl Operation for Factors {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn step(&self, _place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let input = lowering.block(&self.input, &[0, 0]);
        with_float!(self.input.dtype, T => value_task("svd", vec![input], (), |(), mut values| {
            Ok(dense::svd(matrix::<T>(values.remove(0)).view()))
        }))
    }
}

packed! {
    #[derive(Clone, Copy)]
    enum Part {
        Left,
        Values,
        Right,
    }
}

struct Pick {
    factors: NodeRef,
    part: Part,
}

impl Operation for Pick {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.factors]
    }

    fn step(&self, _place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let factors = lowering.block(&self.factors, &[0, 0]);
        with_float!(self.factors.dtype, T => block_task::<T, _, _>("svd", vec![factors], self.part, |part, mut values| {
            let Svd { u, s, vt } = taken::<Svd<T>>(values.remove(0));
            Ok(match part {
                Part::Left => block(u),
                Part::Values => s.into_dyn().into_shared(),
                Part::Right => block(vt),
            })
        }))
    }
}

fn svd<T: Float>(array: &Array<T>) -> Built<(Array<T>, Array<T>, Array<T>)> {
    let node = array.node();
    require_matrix("svd", node)?;
    let (rows, columns) = (node.grid.axis(0).len(), node.grid.axis(1).len());
    if rows < columns {
        let (v, s, ut) = svd(&array.t())?;
        return Ok((ut.t(), s, v.t()));
    }
    let (q, r) = qr::tall(&qr::by_rows(node));
    let square = Grid::new(vec![AxisChunks::whole(columns), AxisChunks::whole(columns)]);
    let factors = Node::blocks("svd", node.dtype, square.clone(), Factors { input: r });
    let pick = |part, grid: Grid| Node::blocks("svd", node.dtype, grid, Pick { factors: Arc::clone(&factors), part });
    let u = Array::<T>::of(q).matmul(&Array::of(pick(Part::Left, square.clone())));
    let s = pick(Part::Values, Grid::new(vec![AxisChunks::whole(columns)]));
    Ok((u, Array::of(s), Array::of(pick(Part::Right, square))))
}

/// How [`svd_compressed`](Array::svd_compressed) finds its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compression {
    /// So often the matrix is applied to the directions found, and its transpose, so that those of large singular values
    /// come out more clearly. 0 is enough where singular values fall quickly; 2 where they fall slowly.
    pub power_iterations: usize,
    /// So many directions more than asked for are looked at.
    pub oversampling: usize,
    /// From which the random directions follow.
    pub seed: u64,
}

impl Default for Compression {
    fn default() -> Self {
        Compression { power_iterations: 0, oversampling: 10, seed: 0 }
    }
}

impl Compression {
    /// So many power iterations.
    pub fn power_iterations(self, power_iterations: usize) -> Self {
        Compression { power_iterations, ..self }
    }

    /// So many directions more than asked for.
    pub fn oversampling(self, oversampling: usize) -> Self {
        Compression { oversampling, ..self }
    }

    /// The seed of the random directions.
    pub fn seed(self, seed: u64) -> Self {
        Compression { seed, ..self }
    }
}

fn svd_compressed<T: Float>(array: &Array<T>, count: usize, how: Compression) -> Built<(Array<T>, Array<T>, Array<T>)> {
    let node = array.node();
    require_matrix("svd_compressed", node)?;
    let (rows, columns) = (node.grid.axis(0).len(), node.grid.axis(1).len());
    if count == 0 || count > rows.min(columns) {
        let why = format!("{count} singular values of a matrix of shape {} are none", node.grid.shape_text());
        return Err(ArrayError::Parameter { operation: "svd_compressed".into(), why });
    }
    let width = count.saturating_add(how.oversampling).min(rows.min(columns));
    let chunks = Chunking::Explicit(vec![node.grid.axis(1).sizes().collect(), vec![width]]);
    let directions = Array::<T>::random((columns, width), chunks)
        .seed(how.seed)
        .normal(T::default(), <T as crate::array::element::Element>::one());
    let orthonormal = |array: Array<T>| Array::<T>::of(qr::tall(&qr::by_rows(array.node())).0);
    let mut range = array.matmul(&directions);
    for _ in 0..how.power_iterations {
        range = array.matmul(&orthonormal(array.t().matmul(&orthonormal(range))));
    }
    let q = orthonormal(range);
    let (u, s, vt) = svd(&q.t().matmul(array))?;
    let first = |array: Array<T>| array.slice(ndarray::s![..count]);
    Ok((q.matmul(&u.slice(ndarray::s![.., ..count])), first(s), first(vt)))
}

impl<T: Float> Array<T> {
    /// The singular value decomposition of a tall or a wide matrix: `u`, the singular values from the largest on, and `vt`,
    /// so that `u * s` times `vt` is the matrix.
    ///
    /// Goes through [`qr`](Array::qr), and then one task decomposes a square as wide as the shorter side: that side should
    /// not have more than about a thousand elements. For the first few values of a matrix that is large both ways there is
    /// [`svd_compressed`](Array::svd_compressed).
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::random((500, 8), (100, 8)).seed(1).normal(0.0, 1.0);
    /// let (u, s, vt) = x.svd();
    /// assert!(((&u * &s).matmul(&vt) - &x).abs().max().item()? < 1e-12);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When it is not a matrix, or a length is not known.
    #[track_caller]
    pub fn svd(&self) -> (Array<T>, Array<T>, Array<T>) {
        built(svd(self))
    }

    /// The `count` largest singular values of a matrix and their vectors, about: random directions find where the matrix
    /// stretches most. See [`Compression`] for how exactly.
    ///
    /// The matrix is read twice, and twice more for each power iteration: one that costs much to make, and fits into memory,
    /// is better [persisted](Array::persist) before.
    ///
    /// Halko, Martinsson and Tropp, "Finding structure with randomness" (2011).
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::array::Compression;
    /// let (x, y) = (Array::<f64>::linspace(0.0, 1.0, 300, 100), Array::linspace(1.0, 2.0, 200, 100));
    /// let table = (x.expand_dims(1) + y.expand_dims(0)).recip();
    /// let (u, s, vt) = table.svd_compressed(8, Compression::default().power_iterations(1));
    /// assert!(((&u * &s).matmul(&vt) - &table).abs().max().item()? < 1e-6);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When it is not a matrix, there are not as many singular values, or a length is not known.
    #[track_caller]
    pub fn svd_compressed(&self, count: usize, how: Compression) -> (Array<T>, Array<T>, Array<T>) {
        built(svd_compressed(self, count, how))
    }
}
