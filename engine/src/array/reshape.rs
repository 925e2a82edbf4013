//! Other shapes of the same elements in row-major order.
//!
//! Axes are reshaped in groups: the shortest runs of neighbouring axes that have as many elements before and after, so that
//! `(365, 24, 80)` becomes `(8760, 80)` without a look at the last axis. In a group every block is made a run of elements;
//! a run takes another shape without being copied. Where runs before and after do not begin at the same elements they are
//! cut anew between. Memory, generated elements, and elementwise expressions of them only change their shape.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use ndarray::IxDyn;

use super::by_place::by_place;
use super::chunks::{AxisChunks, Grid, shape_text, tuple};
use super::dispatch::with_type;
use super::element::Element;
use super::error::{ArrayError, Built};
use super::fused::row_major;
use super::lower::Lowering;
use super::node::{Block, Node, NodeRef, Op, rechunked};
use super::work::{as_block, block_task};

/// A group of axes that are reshaped together.
struct Group {
    old: Range<usize>,
    new: Range<usize>,
    /// The chunks in which the old axes are read: every block is a run of the group's elements.
    read: Vec<AxisChunks>,
    /// The runs that those blocks are.
    runs_read: AxisChunks,
    /// The runs that the new blocks are.
    runs: AxisChunks,
    chunks: Vec<AxisChunks>,
}

/// The node in another shape; one length may be left open by `usize::MAX`.
pub(crate) fn reshape(node: &NodeRef, mut shape: Vec<usize>) -> Built<NodeRef> {
    let grid = &node.grid;
    if shape == [usize::MAX] && grid.rank() == 1 {
        return Ok(Arc::clone(node));
    }
    grid.require_known("reshape")?;
    let wrong = |why: String| ArrayError::Shape { operation: "reshape".into(), why, shape: grid.shape_text() };
    let elements: usize = grid.shape().iter().product();
    let open: Vec<usize> = (0..shape.len()).filter(|&axis| shape[axis] == usize::MAX).collect();
    let others = shape.iter().filter(|&&len| len != usize::MAX).try_fold(1_usize, |all, &len| all.checked_mul(len));
    let Some(others) = others else {
        return Err(wrong(format!("{elements} elements cannot be put into so large a shape: {}", shape_text(&shape))));
    };
    match open[..] {
        [] => {}
        [axis] => {
            if others == 0 || !elements.is_multiple_of(others) {
                let said = |&len: &usize| if len == usize::MAX { "?".into() } else { len.to_string() };
                let said = tuple(shape.iter().map(said).collect());
                return Err(wrong(format!("{elements} elements cannot be put into {said}")));
            }
            shape[axis] = elements / others;
        }
        _ => return Err(wrong("only one length can be left open".to_owned())),
    }
    let wanted: usize = shape.iter().product();
    if wanted != elements {
        return Err(wrong(format!("{elements} elements cannot become {} in {}", wanted, shape_text(&shape))));
    }
    Ok(reshaped(node, &shape, &mut HashMap::new()))
}

/// `made` holds what has been reshaped already, so that a part of an expression that is used twice stays one.
fn reshaped(node: &NodeRef, shape: &[usize], made: &mut HashMap<u64, NodeRef>) -> NodeRef {
    let old = node.grid.shape();
    if shape == old {
        return Arc::clone(node);
    }
    if let Some(known) = made.get(&node.id) {
        return Arc::clone(known);
    }
    if shape.contains(&0) {
        let grid = Grid::new(shape.iter().map(|&len| AxisChunks::whole(len)).collect::<Vec<_>>());
        return Node::constant("reshape", node.dtype, node.dtype.zero(), grid);
    }
    let groups = groups(&node.grid, shape);
    let grid = Grid::new(groups.iter().flat_map(|group| group.chunks.iter().cloned()).collect::<Vec<_>>());
    let new = |op: Op| Node::new(node.name.clone(), node.dtype, grid.clone(), op);
    let result = match &node.op {
        Op::Memory(array) => array.reshaped(shape).map(|array| new(Op::Memory(array))),
        Op::Generated { generator, from, strides } => {
            let run = row_major(&old);
            let in_order = strides.iter().zip(&run).zip(&old).all(|((stride, step), &len)| len == 1 || stride == step);
            let is_constant = strides.iter().zip(&old).all(|(&stride, &len)| len == 1 || stride == 0);
            let strides = if is_constant { vec![0; shape.len()] } else { row_major(shape) };
            let op = Op::Generated { generator: generator.clone(), from: *from, strides };
            (in_order || is_constant).then(|| new(op))
        }
        Op::Elementwise { kernel, inputs } => {
            let is_one = |input: &NodeRef| input.grid.shape().iter().all(|&len| len == 1);
            inputs.iter().all(|input| is_one(input) || input.grid.shape() == old).then(|| {
                let inputs = inputs.iter().map(|input| match is_one(input) {
                    true => reshaped(input, &vec![1; shape.len()], &mut HashMap::new()),
                    // The inputs have this node's chunks, so their chunks become the same ones.
                    false => reshaped(input, shape, made),
                });
                new(Op::Elementwise { kernel: kernel.clone(), inputs: inputs.collect() })
            })
        }
        Op::Reduction(_) | Op::Blocks(_) => None,
    };
    let result = result.unwrap_or_else(|| by_runs(node, groups));
    made.insert(node.id, Arc::clone(&result));
    result
}

/// The axes in groups, from the first to the last. There are elements, as many before as after.
fn groups(old: &Grid, shape: &[usize]) -> Vec<Group> {
    let lengths = old.shape();
    let mut groups = Vec::new();
    let (mut at, mut to) = (0, 0);
    while at < lengths.len() || to < shape.len() {
        let (first_old, first_new) = (at, to);
        let (mut before, mut after) = (1, 1);
        let next = |place: &mut usize, lengths: &[usize]| match lengths.get(*place) {
            Some(&len) => {
                *place += 1;
                len
            }
            None => 1,
        };
        before *= next(&mut at, &lengths);
        after *= next(&mut to, shape);
        while before != after {
            match before < after {
                true => before *= next(&mut at, &lengths),
                false => after *= next(&mut to, shape),
            }
        }
        groups.push(group(first_old..at, first_new..to, old, shape));
    }
    groups
}

fn group(old: Range<usize>, new: Range<usize>, grid: &Grid, shape: &[usize]) -> Group {
    let own = &grid.axes()[old.clone()];
    if let ([chunks], 1) = (own, new.len()) {
        let one = || vec![chunks.clone()];
        return Group { old, new, read: one(), runs_read: chunks.clone(), runs: chunks.clone(), chunks: one() };
    }
    // Runs are about as long as the blocks were large.
    let wanted: usize = own.iter().map(|axis| axis.sizes().max().unwrap_or(1)).product::<usize>().max(1);
    let own_lengths: Vec<usize> = own.iter().map(AxisChunks::len).collect();
    let mut read = if are_runs(own) { own.to_vec() } else { in_runs(&own_lengths, wanted) };
    let mut runs_read = runs_of(&read);
    let lengths = &shape[new.clone()];
    let row: usize = lengths.iter().skip(1).product();
    let (runs, chunks) = if row <= wanted && !lengths.is_empty() {
        // Whole rows, where a run ends or just before.
        let mut ends: Vec<usize> = (1..=runs_read.count()).map(|end| runs_read.start(end) / row).collect();
        ends.dedup();
        ends.retain(|&end| end > 0);
        let mut begin = 0;
        let rows = AxisChunks::new(ends.into_iter().map(|end| end - std::mem::replace(&mut begin, end)));
        let runs = AxisChunks::new(rows.sizes().map(|rows| rows * row).collect::<Vec<_>>());
        let rest = lengths[1..].iter().map(|&len| AxisChunks::whole(len));
        (runs, std::iter::once(rows).chain(rest).collect())
    } else {
        let chunks = in_runs(lengths, wanted);
        (runs_of(&chunks), chunks)
    };
    if let [_] = own {
        // What is one run can be cut anywhere.
        read = vec![runs.clone()];
        runs_read = runs.clone();
    }
    Group { old, new, read, runs_read, runs, chunks }
}

/// Whether every block is a run of elements: chunks of one, then one axis that is cut, then whole axes.
fn are_runs(axes: &[AxisChunks]) -> bool {
    let pivot = axes.iter().position(|axis| axis.count() != axis.len()).unwrap_or(axes.len());
    axes.iter().take(pivot).all(|axis| axis.sizes().all(|size| size == 1))
        && axes.iter().skip(pivot).all(|axis| axis.sizes().all(|size| size > 0))
        && axes.iter().skip(pivot + 1).all(|axis| axis.count() == 1)
}

/// Chunks whose blocks are runs of about so many elements.
fn in_runs(lengths: &[usize], wanted: usize) -> Vec<AxisChunks> {
    let mut row: usize = lengths.iter().product();
    let chunks = lengths.iter().map(|&len| {
        row /= len;
        AxisChunks::regular(len, (wanted / row).clamp(1, len))
    });
    chunks.collect()
}

/// The lengths of the runs that blocks are, in row-major order.
fn runs_of(axes: &[AxisChunks]) -> AxisChunks {
    let all = axes.iter().fold(vec![1], |runs: Vec<usize>, axis| {
        runs.iter().flat_map(|&run| axis.sizes().map(move |size| run * size).collect::<Vec<_>>()).collect()
    });
    AxisChunks::new(all)
}

/// Blocks become runs, which are cut anew if need be, and runs become blocks.
fn by_runs(node: &NodeRef, groups: Vec<Group>) -> NodeRef {
    let of = |axes: &dyn Fn(&Group) -> Vec<AxisChunks>| Grid::new(groups.iter().flat_map(axes).collect::<Vec<_>>());
    let read = rechunked(node, &of(&|group| group.read.clone()));
    let old: Vec<Range<usize>> = groups.iter().map(|group| group.old.clone()).collect();
    let new: Vec<Range<usize>> = groups.iter().map(|group| group.new.clone()).collect();
    let chunks = of(&|group| group.chunks.clone());
    if groups.iter().all(|group| group.runs_read == group.runs) {
        return block_by_block(&read, chunks, old, new);
    }
    let flat: Vec<Range<usize>> = (0..groups.len()).map(|at| at..at + 1).collect();
    let runs = block_by_block(&read, of(&|group| vec![group.runs_read.clone()]), old, flat.clone());
    let runs = rechunked(&runs, &of(&|group| vec![group.runs.clone()]));
    block_by_block(&runs, chunks, flat, new)
}

/// Each block in the shape that the new grid gives it; groups of axes have as many chunks before and after.
fn block_by_block(node: &NodeRef, grid: Grid, old: Vec<Range<usize>>, new: Vec<Range<usize>>) -> NodeRef {
    if node.grid == grid {
        return Arc::clone(node);
    }
    let own = grid.clone();
    let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
        let mut from = vec![0; inputs[0].grid.rank()];
        for (old, new) in old.iter().zip(&new) {
            let mut number = new.clone().fold(0, |number, axis| number * own.axis(axis).count() + place[axis]);
            for axis in old.clone().rev() {
                let count = inputs[0].grid.axis(axis).count();
                from[axis] = number % count;
                number /= count;
            }
        }
        let block = lowering.block(&inputs[0], &from);
        let shape = own.region(place).1;
        with_type!(inputs[0].dtype, T => block_task::<T, _, _>("reshape", vec![block], shape, |shape, mut values| {
            Ok(in_shape(as_block::<T>(values.remove(0)), shape))
        }))
    };
    by_place("reshape", node.dtype, grid, vec![Arc::clone(node)], make)
}

/// A block in another shape; copied only if it does not lie in memory in row-major order.
fn in_shape<T: Element>(block: Block<T>, shape: &[usize]) -> Block<T> {
    let block = if block.is_standard_layout() { block } else { block.as_standard_layout().into_owned().into_shared() };
    let block = block.into_shape_with_order(IxDyn(shape));
    block.unwrap_or_else(|_| unreachable!("as many elements as the shape says"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Array;

    fn op(array: &Array<i64>) -> &'static str {
        match &array.node().op {
            Op::Memory(_) => "memory",
            Op::Generated { .. } => "generated",
            Op::Elementwise { .. } => "elementwise",
            Op::Reduction(_) => "reduction",
            Op::Blocks(_) => "blocks",
        }
    }

    #[test]
    fn what_needs_no_copy_is_none() {
        let memory = Array::from_ndarray(ndarray::Array2::<i64>::zeros((6, 8)), (3, 3));
        assert_eq!(op(&memory.reshape((2, 3, 8))), "memory");
        assert_eq!(op(&(&memory * 2).reshape((48,))), "elementwise");
        assert_eq!(op(&memory.t().reshape((48,))), "blocks");
        assert_eq!(op(&Array::<i64>::arange(48, 5).reshape((6, 8))), "generated");
    }

    #[test]
    fn groups_keep_the_chunks_of_the_axes_beside_them() {
        let x = Array::<i64>::ones((365, 24, 80), (73, 24, 40)).map_blocks(|block| block.to_owned());
        let merged = x.reshape((8760, 80));
        assert_eq!(merged.chunks(), [vec![1752; 5], vec![40; 2]]);
        assert_eq!(merged.reshape((365, 24, 80)).chunks(), x.chunks());
        // Two tasks for each block to make it, and one to give it another shape, twice.
        assert_eq!(merged.reshape((365, 24, 80)).graph().len(), 4 * x.npartitions());
    }

    #[test]
    fn long_rows_are_cut() {
        let x = Array::<i64>::ones((4, 1000), (2, 100)).map_blocks(|block| block.to_owned());
        let flat = x.flatten();
        assert!(flat.chunks()[0].iter().all(|&size| size <= 200), "{:?}", flat.chunks());
    }
}
