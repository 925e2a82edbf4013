//! Reading memory in long runs.
//!
//! A block of a large array in memory is a rectangle: its rows lie far apart, and where each of them begins the processor
//! waits, which costs a third of the bandwidth. What folds all elements into one does not care about rectangles, so it may
//! read as many elements a task in blocks that are as wide as the array.

use super::chunks::{AxisChunks, Grid};
use super::node::{Node, NodeRef, Op, rechunked};

/// Rows of so many bytes are long enough.
const LONG: usize = 1 << 16;

/// The same elements in as large blocks, whose rows are longer, where memory is read and that makes its runs longer.
pub(crate) fn in_long_runs(node: &NodeRef, folded: &[bool]) -> NodeRef {
    let grid = &node.grid;
    let Some(last) = folded.len().checked_sub(1) else { return NodeRef::clone(node) };
    let is_cut = |axis: &AxisChunks| axis.is_known() && axis.count() > 1;
    let largest = grid.largest();
    let is_short = || largest[last] * node.dtype.size() < LONG;
    let fits = last > 0
        && folded.iter().all(|&folded| folded)
        && grid.first_unknown().is_none()
        && is_cut(grid.axis(last))
        && is_short()
        && reads_rows(node);
    if !fits {
        return NodeRef::clone(node);
    }
    let mut room = largest.iter().product::<usize>().max(1);
    let mut axes: Vec<AxisChunks> = grid
        .axes()
        .iter()
        .rev()
        .map(|axis| {
            let width = axis.len().min(room).max(1);
            room /= width;
            AxisChunks::regular(axis.len(), width)
        })
        .collect();
    axes.reverse();
    rechunked(node, &Grid::new(axes))
}

/// Whether all that is read is memory row by row, and there is some.
fn reads_rows(node: &NodeRef) -> bool {
    let leaves = node.leaves();
    let is_memory = |leaf: &&Node| matches!(leaf.op, Op::Memory(_));
    leaves.iter().any(is_memory)
        && leaves.iter().all(|leaf| match &leaf.op {
            Op::Memory(array) => array.is_row_major(),
            Op::Generated { .. } => true,
            _ => false,
        })
}
