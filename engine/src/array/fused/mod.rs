//! Elementwise expressions and the reductions that end them, run as one pass over a block.
//!
//! ```text
//!  node ─► program ─► one task for each block:
//!                        leaves (memory, generators, other tasks' blocks) ─► tiles ─► kernels ─► sinks
//! ```
//! A block is worked on in tiles that stay in the first cache: every kernel runs over a tile before the next tile is
//! read, so that no intermediate result is as large as a chunk. The idea is that of numexpr; the loops are compiled for
//! the types of their elements, and vectorised.

mod compile;
mod cut;
mod kernel;
mod leaf;
mod program;
mod reducers;
mod simd;
mod sink;
mod walk;

pub(crate) use kernel::{Kernel, Map1, Map2, Map3};
pub(crate) use leaf::{AnyArray, AnyGenerator, Generator, Steps, Tile, generating};
pub(crate) use program::Program;
pub(crate) use reducers::*;
pub(crate) use simd::vectorised;
pub(crate) use sink::{AnyReducer, Folding, Place, row_major};
