//! Reading memory in long runs.
//!
//! A block of a large array in memory is a rectangle: its rows lie far apart, and where each of them begins the processor
//! waits, which costs a third of the bandwidth. What folds all elements into one does not care about rectangles, so it may
//! read as many elements a task in blocks that are as wide as the array.

use std::collections::HashSet;

use super::chunks::{AxisChunks, Grid};
use super::node::{Node, NodeRef, Op, rechunked};

/// Rows of so many bytes are long enough.
const LONG: usize = 1 << 16;

/// The same elements in as large blocks, whose rows are longer, where memory is read and that makes its runs longer.
pub(crate) fn in_long_runs(node: &NodeRef, folded: &[bool]) -> NodeRef {
    let grid = &node.grid;
    let Some(last) = folded.len().checked_sub(1) else { return NodeRef::clone(node) };
    let is_cut = |axis: &AxisChunks| axis.is_known() && axis.count() > 1;
    let is_short = || grid.axis(last).sizes().max().unwrap_or(0) * node.dtype.size() < LONG;
    let fits = last > 0
        && folded.iter().all(|&folded| folded)
        && grid.first_unknown().is_none()
        && is_cut(grid.axis(last))
        && is_short()
        && reads_rows(node);
    if !fits {
        return NodeRef::clone(node);
    }
    let mut room = grid.axes().iter().map(|axis| axis.sizes().max().unwrap_or(0)).product::<usize>().max(1);
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
    let mut seen = HashSet::new();
    let mut left: Vec<&Node> = vec![node];
    let mut found = false;
    while let Some(node) = left.pop() {
        if !seen.insert(node.id) {
            continue;
        }
        match &node.op {
            Op::Memory(array) if array.is_row_major() => found = true,
            Op::Elementwise { inputs, .. } => left.extend(inputs.iter().map(|input| &**input)),
            Op::Generated { .. } => {}
            Op::Memory(_) | Op::Reduction(_) | Op::Blocks(_) => return false,
        }
    }
    found
}
