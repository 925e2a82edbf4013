//! [`Array`]: n-dimensional arrays in blocks, lazy and parallel, larger than memory.
//!
//! ```
//! use taskloom::prelude::*;
//!
//! let x = Array::<f64>::random((2000, 1000), "auto").seed(1).normal(10.0, 2.0);
//! let spread = ((&x - x.mean_axis(0)) / x.std_axis(0)).abs().max();
//! assert_eq!(spread.ndim(), 0);                // nothing has run
//! assert!(spread.item()? < 6.0);
//! # Ok::<(), taskloom::Error>(())
//! ```
//!
//! # How it fits together
//! ```text
//!  Array<T> (create, elementwise, reduce, index, …) ─► node: what is made of what, simplified as it is built
//!                                                        │
//!                                    chunks (the grid) ──┤
//!                                                        ▼
//!                     lower: a task for each block ─► fused: one pass over the block ─► graph ─► scheduler
//! ```
//! Every task can run in another process of the same build (see [`travel`](crate::travel)), so it is made of functions that
//! capture nothing, and of parameters that can be written: `work::block_task` takes both, and kernels, generators, reducers
//! and sources are `Made` from both. A function of the engine's own that captures something does not compile there.

mod advice;
mod along;
mod arrange;
mod blockwise;
mod by_place;
mod chunks;
mod codec;
mod compute;
mod create;
mod depth;
pub(crate) mod dispatch;
mod element;
mod elementwise;
mod error;
mod fft;
mod folds;
mod frames;
mod fused;
mod gather;
pub(crate) mod grouped;
mod index;
mod linalg;
mod long_runs;
mod lower;
mod mask;
mod memory;
mod node;
mod overlap;
mod random;
mod rechunk;
mod reduce;
mod rereads;
mod reshape;
mod room;
mod scan;
mod shape;
mod short_axis;
mod show;
mod spare;
mod stats;
pub mod store;
mod take;
mod view;
mod view_blocks;
mod widths;
mod work;

use std::marker::PhantomData;

pub use arrange::Indexing;
pub use blockwise::BlockInfo;
pub use chunks::Chunking;
pub use element::{Cast, DType, Element, Float, Number, Ordered};
pub use error::ArrayError;
pub use frames::InFrame;
pub use linalg::{Compression, Contracted, Norm};
pub use overlap::{Boundaries, Boundary};
pub use random::Random;
pub use reduce::Axes;
pub use show::BlockDrawing;
pub use stats::{Bins, Countable, Interpolation, Quantiles};
pub use take::{Indices, PadMode};
pub use widths::Widths;

pub(crate) use node::NodeRef;
pub(crate) use show::shown;
pub(crate) use spare::give_back;

/// An n-dimensional array of `T`, cut into blocks, whose elements are computed when they are asked for.
///
/// Operations on arrays build an expression and run nothing; [`compute`](Array::compute) runs it on all cores and gives an
/// [`ndarray::ArrayD`]. Names and rules are NumPy's, as in `dask.array`: shapes broadcast, slices are views, reductions take
/// axes. What Rust cannot overload has a method: [`gt`](Array::gt), [`slice`](Array::slice), [`mean_axis`](Array::mean_axis).
///
/// Elementwise operations and the reductions that end them run as one pass over each block, in tiles that stay in the
/// processor's cache, and no intermediate result is stored: an array much larger than memory can be generated, or read,
/// and reduced.
///
/// Expressions that cannot be, such as the sum of shapes that do not broadcast, panic where they are written, with a sentence
/// that names shapes, chunks and axis. Cloning an array shares it.
///
/// ```
/// use taskloom::prelude::*;
/// let x = Array::<f64>::arange(12, "auto").reshape((3, 4));
/// let y = &x * 2.0 + x.sum_axis(0);
/// assert_eq!(y.shape(), [3, 4]);
/// assert_eq!(y.compute()?[[1, 2]], 12.0 + 18.0);
/// # Ok::<(), taskloom::Error>(())
/// ```
pub struct Array<T> {
    node: NodeRef,
    element: PhantomData<fn() -> T>,
}

/// An expression does not change once it is built, so nothing is left half done by a panic.
impl<T> std::panic::UnwindSafe for Array<T> {}
impl<T> std::panic::RefUnwindSafe for Array<T> {}

impl<T> Clone for Array<T> {
    fn clone(&self) -> Self {
        Array { node: NodeRef::clone(&self.node), element: PhantomData }
    }
}

impl<T> Array<T> {
    /// The node's element type is `T`; nobody else makes arrays.
    pub(crate) fn of(node: NodeRef) -> Self {
        Array { node, element: PhantomData }
    }

    pub(crate) fn node(&self) -> &NodeRef {
        &self.node
    }

    /// The length of each axis.
    ///
    /// # Panics
    /// When a length depends on values that are not computed: see [`compute_chunk_sizes`](Array::compute_chunk_sizes).
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Array::<f32>::zeros((20, 30), "auto").shape(), [20, 30]);
    /// ```
    #[track_caller]
    pub fn shape(&self) -> Vec<usize> {
        error::built(self.node.grid.require_known("shape"));
        self.node.grid.shape()
    }

    /// The number of axes.
    pub fn ndim(&self) -> usize {
        self.node.grid.rank()
    }

    /// The number of elements.
    ///
    /// # Panics
    /// As [`shape`](Array::shape).
    #[track_caller]
    #[allow(clippy::len_without_is_empty)] // an array is what it is, not a collection that fills
    pub fn len(&self) -> usize {
        self.shape().iter().product()
    }

    /// The type of the elements, as a value.
    pub fn dtype(&self) -> DType {
        self.node.dtype
    }

    /// The bytes that all elements take together.
    ///
    /// # Panics
    /// As [`shape`](Array::shape).
    #[track_caller]
    pub fn nbytes(&self) -> usize {
        self.len() * self.node.dtype.size()
    }

    /// The lengths of the chunks along each axis.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::ones((10, 4), (4, 4));
    /// assert_eq!(x.chunks(), [vec![4, 4, 2], vec![4]]);
    /// ```
    ///
    /// # Panics
    /// As [`shape`](Array::shape).
    #[track_caller]
    pub fn chunks(&self) -> Vec<Vec<usize>> {
        error::built(self.node.grid.require_known("chunks"));
        self.node.grid.axes().iter().map(|axis| axis.sizes().collect()).collect()
    }

    /// How many chunks there are along each axis.
    pub fn numblocks(&self) -> Vec<usize> {
        self.node.grid.counts()
    }

    /// The number of blocks.
    pub fn npartitions(&self) -> usize {
        self.node.grid.blocks()
    }

    /// The name of the last operation.
    pub fn name(&self) -> &str {
        &self.node.name
    }
}

impl<T> std::fmt::Debug for Array<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let grid = &self.node.grid;
        let chunks = grid.largest_text();
        write!(f, "Array<{}>({}, shape {}, chunks {chunks})", self.node.dtype, self.node.name, grid.shape_text())
    }
}
