//! The same elements in other chunks.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn, Slice};

use super::chunks::Grid;
use super::dispatch::with_type;
use super::element::Element;
use super::lower::{Lowering, as_block, block_task};
use super::memory::zeroed;
use super::node::{Node, NodeRef, Operation};
use crate::task::{Step, Value};

/// The same array, whose blocks are put together from parts of the blocks of `node`. Both grids are known.
pub(crate) fn rechunk(node: &NodeRef, grid: &Grid) -> NodeRef {
    Node::blocks("rechunk", node.dtype, grid.clone(), Rechunk { input: Arc::clone(node), grid: grid.clone() })
}

struct Rechunk {
    input: NodeRef,
    grid: Grid,
}

/// A part of an input block, and where it goes.
struct Part {
    /// For each axis: the first index in the input block, the first in the new block, how many.
    axes: Vec<(usize, usize, usize)>,
}

impl Operation for Rechunk {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let (start, shape) = self.grid.region(place);
        let from = &self.input.grid;
        // The chunks of the input that meet this block, along each axis.
        let meeting: Vec<std::ops::Range<usize>> = (0..place.len())
            .map(|axis| {
                let chunks = from.axis(axis);
                let first = chunks.find(start[axis]);
                let last = if shape[axis] == 0 { first } else { chunks.find(start[axis] + shape[axis] - 1) };
                first..last + 1
            })
            .collect();
        let mut inputs = Vec::new();
        let mut parts = Vec::new();
        let mut at: Vec<usize> = meeting.iter().map(|range| range.start).collect();
        loop {
            let (own_start, own_shape) = from.region(&at);
            let axes: Vec<(usize, usize, usize)> = (0..at.len())
                .map(|axis| {
                    let begin = start[axis].max(own_start[axis]);
                    let end = (start[axis] + shape[axis]).min(own_start[axis] + own_shape[axis]);
                    (begin - own_start[axis], begin - start[axis], end.saturating_sub(begin))
                })
                .collect();
            if axes.iter().all(|&(_, _, len)| len > 0) {
                inputs.push(lowering.block(&self.input, &at));
                parts.push(Part { axes });
            }
            let Some(axis) = (0..at.len()).rev().find(|&axis| at[axis] + 1 < meeting[axis].end) else { break };
            at[axis] += 1;
            (axis + 1..at.len()).for_each(|later| at[later] = meeting[later].start);
        }
        with_type!(self.input.dtype, T => put_together::<T>(inputs, parts, shape))
    }
}

fn put_together<T: Element>(inputs: Vec<Arc<Step>>, parts: Vec<Part>, shape: Vec<usize>) -> Arc<Step> {
    block_task::<T, _>("rechunk", inputs, move |values: Vec<Value>| {
        let mut values = values.into_iter();
        if let [part] = &parts[..] {
            let mut block = as_block::<T>(values.next().unwrap_or_else(|| unreachable!("a value for each part")));
            block.slice_each_axis_inplace(|axis| {
                let (from, _, len) = part.axes[axis.axis.index()];
                Slice::from(from..from + len)
            });
            return Ok(block);
        }
        let whole = ArrayD::from_shape_vec(IxDyn(&shape), zeroed::<T>(shape.iter().product()));
        let mut whole = whole.unwrap_or_else(|_| unreachable!("as many elements as the shape says"));
        for (part, value) in parts.iter().zip(values) {
            let mut block = as_block::<T>(value);
            block.slice_each_axis_inplace(|axis| {
                let (from, _, len) = part.axes[axis.axis.index()];
                Slice::from(from..from + len)
            });
            let mut target = whole.view_mut();
            target.slice_each_axis_inplace(|axis| {
                let (_, to, len) = part.axes[axis.axis.index()];
                Slice::from(to..to + len)
            });
            target.assign(&block);
        }
        Ok(whole.into_shared())
    })
}
