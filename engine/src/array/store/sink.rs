//! Writing an array block by block, each as soon as it is there.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::bytes::with_bytes;
use super::error::{StoreError, Stored};
use crate::array::chunks::{AxisChunks, Grid, shape_text};
use crate::array::dispatch::with_type;
use crate::array::lower::Lowering;
use crate::array::node::{NodeRef, Op, rechunked};
use crate::array::work::block_task;
use crate::error::Result;
use crate::graph::Graph;
use crate::scheduler::{self, Scheduler};
use crate::task::{Failure, Stays};

/// Where blocks are written to. Several are written at the same time, none of them twice.
pub(crate) trait Sink: Send + Sync + 'static {
    /// What the tasks are called.
    fn name(&self) -> &'static str;
    /// Writes a block whose first element has the index `start`: elements in row-major order and the memory's own byte
    /// order.
    fn write(&self, start: &[usize], shape: &[usize], bytes: &[u8]) -> Stored<()>;
}

/// Computes all blocks and writes them. Nothing is kept of a block that is written.
pub(crate) fn store(node: &NodeRef, sink: &Arc<dyn Sink>) -> Result<()> {
    let mut lowering = Lowering::new([node]);
    let steps: Vec<_> = (0..node.grid.blocks())
        .map(|block| {
            let place = node.grid.place(block);
            let (start, wanted) = node.grid.region(&place);
            let input = lowering.block(node, &place);
            let name = sink.name();
            let sink = Stays(Arc::clone(sink), "a block is written by the process that began to store the array");
            let own = (sink, place, start, wanted);
            with_type!(node.dtype, T => block_task::<bool, _, _>(name, vec![input], own, |own, mut values| {
                let (Stays(sink, _), place, start, wanted) = own;
                let written = with_bytes::<T, _>(values.remove(0), |bytes, shape| {
                    if shape != &wanted[..] {
                        // Its place in the file was worked out from the shape that was said.
                        let (has, said) = (shape_text(shape), shape_text(wanted));
                        return Err(Failure::Error(format!("the block has shape {has}, not {said}").into()));
                    }
                    let written = if bytes.is_empty() { Ok(()) } else { sink.write(start, shape, bytes) };
                    written.map_err(|error: StoreError| Failure::Error(error.in_block(shape_text(place)).into()))
                });
                written.map(|()| ArrayD::from_shape_vec(IxDyn(&[0]), Vec::new()).unwrap_or_default().into_shared())
            }))
        })
        .collect();
    drop(lowering);
    scheduler::run(Graph::lower(&steps), Scheduler::default())?;
    Ok(())
}

/// That no element of the array is read from where it is to be written: what is written first would be read as well.
pub(crate) fn not_read_from(node: &NodeRef, path: &Path) -> Stored<()> {
    // An address is its own.
    let own =
        |path: &Path| path.canonicalize().ok().or_else(|| path.to_str()?.contains("://").then(|| path.to_owned()));
    let Some(path) = own(path) else { return Ok(()) };
    let mut seen = HashSet::new();
    let mut left = vec![node];
    while let Some(node) = left.pop() {
        if !seen.insert(node.id) {
            continue;
        }
        if let Op::Blocks(operation) = &node.op
            && operation.reads().and_then(own).as_ref() == Some(&path)
        {
            let what = "is read by the array that is to be stored there; `persist` it first, or store it elsewhere";
            return Err(StoreError::in_the_way(&path, what));
        }
        left.extend(node.inputs());
    }
    Ok(())
}

/// The array in blocks that hold whole chunks of a store, so that no two blocks write the same one. `offset` is where the
/// array begins in the store.
pub(crate) fn aligned(node: &NodeRef, chunks: &[usize], offset: &[usize]) -> NodeRef {
    let axes = node.grid.axes().iter().zip(chunks.iter().zip(offset)).map(|(axis, (&chunk, &offset))| {
        let inside = 1..axis.count();
        if inside.clone().all(|at| (axis.start(at) + offset).is_multiple_of(chunk)) {
            return axis.clone();
        }
        // The nearest ends of chunks before those of the blocks; a chunk that several blocks share goes to one of them.
        let mut starts: Vec<usize> =
            inside.map(|at| ((axis.start(at) + offset) / chunk * chunk).saturating_sub(offset)).collect();
        starts.push(axis.len());
        starts.dedup();
        let mut before = 0;
        let lens: Vec<usize> = starts.iter().map(|&end| end - std::mem::replace(&mut before, end)).collect();
        AxisChunks::new(lens.into_iter().filter(|&len| len > 0))
    });
    let grid = Grid::new(axes.collect::<Vec<_>>());
    rechunked(node, &grid)
}
