//! Views of arrays whose blocks have to be computed first: a view of each block.

use std::sync::Arc;

use super::chunks::{Grid, SlicedChunk};
use super::dispatch::with_type;
use super::lower::Lowering;
use super::node::{Node, NodeRef, Operation};
use super::view::{View, ViewAxis, is_all};
use super::work::{as_block, block_task};
use crate::task::Step;

pub(crate) struct ViewBlocks {
    input: NodeRef,
    name: String,
    /// For each axis of the view, what comes from where; nothing for a new axis.
    axes: Vec<Option<Source>>,
    /// For each axis that the view has not: the axis, the chunk, the index inside the chunk.
    picked: Vec<(usize, usize, usize)>,
}

struct Source {
    axis: usize,
    step: isize,
    /// The part that each chunk comes from; nothing where all chunks stay as they are.
    parts: Option<Vec<SlicedChunk>>,
}

impl ViewBlocks {
    pub(crate) fn node(input: &NodeRef, name: &str, view: &View, grid: Grid) -> NodeRef {
        let axes = view.axes.iter().map(|axis| match *axis {
            ViewAxis::New => None,
            ViewAxis::Take { axis, start, step, len } => {
                let chunks = input.grid.axis(axis);
                let parts = (!is_all(chunks, start, step, len)).then(|| chunks.sliced(start, step, len).1);
                Some(Source { axis, step, parts })
            }
        });
        let picked = view.picked.iter().map(|&(axis, index)| {
            let chunks = input.grid.axis(axis);
            let chunk = chunks.find(index);
            (axis, chunk, index - chunks.start(chunk))
        });
        let (axes, picked) = (axes.collect(), picked.collect());
        let operation = ViewBlocks { input: Arc::clone(input), name: name.to_owned(), axes, picked };
        Node::blocks(name, input.dtype, grid, operation)
    }
}

impl Operation for ViewBlocks {
    fn only_moves(&self) -> bool {
        true
    }

    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let mut from = vec![0; self.input.grid.rank()];
        let mut axes = Vec::with_capacity(place.len());
        for (axis, &chunk) in self.axes.iter().zip(place) {
            let Some(Source { axis, step, parts }) = axis else {
                axes.push(None);
                continue;
            };
            let part = parts.as_ref().map(|parts| parts[chunk]);
            from[*axis] = part.map_or(chunk, |part| part.chunk);
            axes.push(Some((*axis, part.map(|part| (part.start, *step, part.len)))));
        }
        for &(axis, chunk, _) in &self.picked {
            from[axis] = chunk;
        }
        let picked: Vec<(usize, usize)> = self.picked.iter().map(|&(axis, _, index)| (axis, index)).collect();
        let input = lowering.block(&self.input, &from);
        let own = (axes, picked);
        with_type!(self.input.dtype, T => block_task::<T, _, _>(&self.name, vec![input], own, |own, mut values| {
            let (axes, picked) = own;
            let block = as_block::<T>(values.remove(0));
            // A chunk that stays whole may have a length that only its block knows.
            let axes = axes.iter().map(|axis| match *axis {
                None => ViewAxis::New,
                Some((axis, Some((start, step, len)))) => ViewAxis::Take { axis, start, step, len },
                Some((axis, None)) => ViewAxis::Take { axis, start: 0, step: 1, len: block.shape()[axis] },
            });
            Ok(View { axes: axes.collect(), picked: picked.clone() }.apply(block))
        }))
    }
}
