//! Statistics beyond sums: order, counts, histograms, moments of several variables.
//!
//! What folds many blocks to one result makes a small state of each block, and merges states by a tree.

mod average;
mod bincount;
mod bins;
mod histogram;
mod quantile;
mod search;
mod sketch;
mod sort;
mod topk;
mod unique;

use std::cmp::Ordering;
use std::sync::Arc;

use super::chunks::{AxisChunks, Grid};
use super::element::{DType, Ordered};
use super::error::{ArrayError, Built};
use super::lower::Lowering;
use super::node::{Node, NodeRef, Operation, rechunked};
use crate::task::{Failure, Step};

pub use bincount::Countable;
pub use bins::Bins;
pub use quantile::{Interpolation, Quantiles};

/// The order of elements, NaNs last, as NumPy sorts them.
fn order<T: Ordered>(one: &T, two: &T) -> Ordering {
    one.partial_cmp(two).unwrap_or_else(|| one.unordered().cmp(&two.unordered()))
}

/// Why a task failed, as a sentence.
fn failure(why: String) -> Failure {
    Failure::Error(why.into())
}

/// The array with some axes in one chunk each. The others are cut finer where that makes blocks larger, so that they stay
/// about as large as they were.
fn unchunked(operation: &str, node: &NodeRef, axes: &[usize]) -> Built<NodeRef> {
    if axes.iter().all(|&axis| node.grid.axis(axis).count() == 1) {
        return Ok(Arc::clone(node));
    }
    node.grid.require_known(operation)?;
    let mut larger: usize = axes.iter().map(|&axis| node.grid.axis(axis).count()).product();
    let mut chunks: Vec<AxisChunks> = node.grid.axes().to_vec();
    for &axis in axes {
        chunks[axis] = AxisChunks::whole(chunks[axis].len());
    }
    let mut others: Vec<usize> = (0..chunks.len()).filter(|axis| !axes.contains(axis)).collect();
    others.sort_by_key(|&axis| std::cmp::Reverse(node.grid.largest()[axis]));
    for axis in others {
        let longest = node.grid.largest()[axis].max(1);
        let parts = larger.min(longest);
        if parts > 1 {
            chunks[axis] = AxisChunks::regular(chunks[axis].len(), longest.div_ceil(parts));
            larger = larger.div_ceil(parts);
        }
    }
    Ok(rechunked(node, &Grid::new(chunks)))
}

/// Another array cut as the first is, or an error where it has another shape.
fn alike(operation: &str, first: &NodeRef, other: &NodeRef) -> Built<NodeRef> {
    let known = other.grid.first_unknown().is_none() && first.grid.first_unknown().is_none();
    let fits = other.grid.rank() == first.grid.rank()
        && if known { other.grid.shape() == first.grid.shape() } else { other.grid.counts() == first.grid.counts() };
    if !fits {
        let why = format!("it has to have the same shape as the other, {}", first.grid.shape_text());
        return Err(ArrayError::Shape { operation: operation.to_owned(), why, shape: other.grid.shape_text() });
    }
    // Where lengths are not known, blocks are taken as they are.
    Ok(if known { rechunked(other, &first.grid) } else { Arc::clone(other) })
}

type Leaf = Box<dyn Fn(Vec<Arc<Step>>, &[usize]) -> Arc<Step> + Send + Sync>;
type Join = Box<dyn Fn(Vec<Arc<Step>>) -> Arc<Step> + Send + Sync>;

/// Blocks folded along some axes: a task for each makes its state, and others join states to a block of the result.
struct Folding {
    /// All cut alike.
    inputs: Vec<NodeRef>,
    folded: Vec<bool>,
    /// From the blocks of the inputs at one place, and the first index there.
    leaf: Leaf,
    join: Join,
}

impl Folding {
    /// All blocks folded to one.
    fn whole(inputs: Vec<NodeRef>, leaf: Leaf, join: Join) -> Folding {
        let folded = vec![true; inputs[0].grid.rank()];
        Folding { inputs, folded, leaf, join }
    }
}

impl Operation for Folding {
    fn inputs(&self) -> Vec<&NodeRef> {
        self.inputs.iter().collect()
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let grid = &self.inputs[0].grid;
        let along = Grid::new(
            (0..grid.rank())
                .map(|axis| match self.folded[axis] {
                    true => grid.axis(axis).clone(),
                    false => AxisChunks::whole(1),
                })
                .collect::<Vec<_>>(),
        );
        let steps = (0..along.blocks()).map(|block| {
            let mut at = along.place(block);
            for (axis, at) in at.iter_mut().enumerate() {
                if !self.folded[axis] {
                    *at = place[axis];
                }
            }
            let inputs = self.inputs.iter().map(|input| lowering.block(input, &at)).collect();
            (self.leaf)(inputs, &grid.region(&at).0)
        });
        (self.join)(steps.collect())
    }
}

type Last = Box<dyn Fn(Vec<Arc<Step>>) -> Arc<Step> + Send + Sync>;

/// Blocks made from whole other arrays of one block, whatever their tasks give.
struct Picked {
    inputs: Vec<NodeRef>,
    task: Last,
}

impl Operation for Picked {
    fn inputs(&self) -> Vec<&NodeRef> {
        self.inputs.iter().collect()
    }

    fn step(&self, _place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let one = |input: &NodeRef| vec![0; input.grid.rank()];
        (self.task)(self.inputs.iter().map(|input| lowering.block(input, &one(input))).collect())
    }
}

/// A node of one task whose value only other tasks read.
fn hidden(name: &str, dtype: DType, operation: impl Operation) -> NodeRef {
    Node::blocks(name, dtype, Grid::new(Vec::new()), operation)
}

/// Each block made from the block of one array and a value that all share.
struct WithShared {
    input: NodeRef,
    shared: NodeRef,
    task: Last,
}

impl Operation for WithShared {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input, &self.shared]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        (self.task)(vec![lowering.block(&self.input, place), lowering.block(&self.shared, &[])])
    }
}
