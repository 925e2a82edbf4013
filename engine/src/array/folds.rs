//! How many blocks one task folds.
//!
//! What is known of the elements that have been folded takes some times the memory of a result. Where a block is thin along
//! the axes that are folded, as the maps of single days are along time, it would be more to write and to merge than the
//! block itself. A task then folds several blocks, all of them for each part of the result that fits into the cache.

use super::node::{Node, NodeRef, Op};
use super::work::MERGED_AT_ONCE;

/// So many elements folded into one make what is known of them small beside them.
const MANY: usize = 16;
/// The elements of a result from which on that matters.
const LARGE: usize = 4096;
/// The bytes of blocks from other tasks that may have to wait for one another.
const WAITING: usize = 96 << 20;
/// Fewer tasks would leave processors without work.
const FEWEST_TASKS: usize = 8;

/// For each axis, the chunks whose blocks one task folds: more than 1 only along axes that are folded.
pub(crate) fn folded_together(node: &NodeRef, folded: &[bool]) -> Vec<usize> {
    let mut together = vec![1; folded.len()];
    let grid = &node.grid;
    if grid.first_unknown().is_some() {
        return together;
    }
    let (mut results, mut each) = (1_usize, 1_usize);
    for (&folded, len) in folded.iter().zip(grid.largest()) {
        let product = if folded { &mut each } else { &mut results };
        *product = product.saturating_mul(len.max(1));
    }
    if results < LARGE || each >= MANY {
        return together;
    }
    let fit = WAITING / waiting(node).max(1);
    let mut left = MANY.div_ceil(each).min(fit).min(grid.blocks() / FEWEST_TASKS).max(1);
    // From the last axis on, so that blocks are folded in row-major order.
    for axis in (0..folded.len()).rev().filter(|&axis| folded[axis]) {
        together[axis] = left.min(grid.axis(axis).count());
        if together[axis] < grid.axis(axis).count() {
            break;
        }
        left /= together[axis];
    }
    together
}

/// What is known of the elements that are folded into one: sums with what was lost of them, and counts.
const KNOWN_OF_EACH: usize = 32;

/// How many states of a reduction one task merges: fewer where they are large, as all of them have to be there.
pub(crate) fn merged_together(node: &Node) -> usize {
    let state = node.grid.largest().into_iter().fold(KNOWN_OF_EACH, usize::saturating_mul);
    (WAITING / state.max(1)).clamp(2, MERGED_AT_ONCE)
}

/// The bytes of the blocks from other tasks that one block of a node needs.
fn waiting(node: &NodeRef) -> usize {
    let block = |leaf: &Node| leaf.grid.largest().into_iter().fold(leaf.dtype.size(), usize::saturating_mul);
    let waits = |leaf: &&Node| matches!(leaf.op, Op::Reduction(_) | Op::Blocks(_));
    node.leaves().into_iter().filter(waits).map(block).fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::chunks::AxisChunks;

    #[test]
    fn few_large_states_are_merged_at_once() {
        let maps = |side: usize| {
            let grid = crate::array::chunks::Grid::new([AxisChunks::whole(side), AxisChunks::whole(side)]);
            merged_together(&Node::constant(
                "zeros",
                crate::array::DType::F64,
                crate::array::element::Scalar::F64(0.0),
                grid,
            ))
        };
        assert_eq!((maps(100), maps(1000), maps(5000)), (MERGED_AT_ONCE, 3, 2));
    }
}
