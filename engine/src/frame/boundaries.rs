//! Where partitions begin that are in an order: boundaries, from samples of what is there.

use std::sync::Arc;

use polars::prelude::DataFrame as Rows;

use super::exchange::{Order, Pieces, boundaries, hold, know_pieces, sample, sample_size};
use super::lower::{Chunk, Lowering, frame_task, partition_task};
use super::node::{Node, NodeRef, Op, Operation};
use super::rows::{OnPartition, RowStep};
use super::shuffle::{all_pieces, hidden, small};
use crate::task::{Made, taken};

/// Where the rows to split come from, a sample of each partition of them, and boundaries from these.
pub(crate) struct Sampled {
    /// Gives frames, or holds them where reading them again would mean computing them again.
    pub(crate) rows: NodeRef,
    pub(crate) samples: NodeRef,
}

/// Samples of all partitions, for boundaries of about `n` parts.
pub(crate) fn sampled(input: &NodeRef, order: &Order, n: usize) -> Sampled {
    let size = sample_size(input.npartitions, n);
    let keys: Vec<String> = order.keys.iter().map(|key| key.to_string()).collect();
    if is_read_again(input) {
        let samples = Samples { input: Arc::clone(input), keys, size };
        return Sampled { rows: Arc::clone(input), samples: hidden("sample", input.npartitions, samples) };
    }
    held(input, order, n)
}

/// As [`sampled`], and computes the rows once only, whatever they come from.
pub(crate) fn held(input: &NodeRef, order: &Order, n: usize) -> Sampled {
    let size = sample_size(input.npartitions, n);
    let keys: Vec<String> = order.keys.iter().map(|key| key.to_string()).collect();
    let holds = hidden("hold", input.npartitions, Hold { input: Arc::clone(input), keys, size });
    let samples = hidden("sample", input.npartitions, Samples { input: Arc::clone(&holds), keys: Vec::new(), size });
    Sampled { rows: holds, samples }
}

/// The node whose only task gives the boundaries of `n` parts.
pub(crate) fn bounds_node(samples: &NodeRef, order: &Order, n: usize, distinct: bool) -> NodeRef {
    hidden("boundaries", 1, FromSamples { samples: Arc::clone(samples), order: order.clone(), n, distinct })
}

/// Whether the keys of a frame are read again rather than kept: they come from files or from memory, and no function of the
/// user's is in between.
pub(crate) fn is_read_again(node: &Node) -> bool {
    match &node.op {
        Op::Memory(_) | Op::Source(_) => true,
        Op::Rows { input, step } => step.is_transparent() && is_read_again(input),
        Op::Across(_) => false,
    }
}

struct Samples {
    /// Frames, or held ones, where there are no keys.
    input: NodeRef,
    keys: Vec<String>,
    size: usize,
}

impl Operation for Samples {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        if self.keys.is_empty() {
            let held = vec![lowering.step(&self.input, partition)];
            return Chunk::of_step(frame_task::<Rows, _, _>("sample", held, (), |(), values| {
                Ok(all_pieces(values)[0].sample().cloned().unwrap_or_default())
            }));
        }
        let keys = self.keys.iter().map(|key| polars::prelude::col(key.as_str())).collect();
        let parameters = (self.keys.clone(), self.size, partition as u64);
        let take = Made::<OnPartition>::by(parameters, |(keys, size, seed): &(Vec<String>, usize, u64)| {
            let (keys, size, seed) = (small(keys), *size, *seed);
            Arc::new(move |rows: Rows| sample(&rows, &keys, size, seed))
        });
        let chunk = lowering.chunk(&self.input, partition);
        Chunk::of_step(chunk.then("keys", RowStep::Select(keys)).then("sample", RowStep::Call(take)).into_step())
    }

    fn about(&self) -> String {
        "sample".to_owned()
    }
}

struct Hold {
    input: NodeRef,
    keys: Vec<String>,
    size: usize,
}

impl Operation for Hold {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        know_pieces();
        let input = vec![lowering.step(&self.input, partition)];
        let parameters = (self.keys.clone(), self.size, partition as u64);
        Chunk::of_step(frame_task::<Pieces, _, _>("hold", input, parameters, |(keys, size, seed), mut values| {
            hold(taken::<Rows>(values.remove(0)), &small(keys), *size, *seed)
        }))
    }

    fn about(&self) -> String {
        "hold".to_owned()
    }
}

struct FromSamples {
    samples: NodeRef,
    order: Order,
    n: usize,
    distinct: bool,
}

impl Operation for FromSamples {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.samples]
    }

    fn chunk(&self, _: usize, lowering: &mut Lowering) -> Chunk {
        let samples = lowering.all(&self.samples);
        let parameters = (self.order.clone(), self.n, self.distinct);
        Chunk::of_step(partition_task("boundaries", samples, parameters, |(order, n, distinct), samples| {
            boundaries(&samples, *n, order, *distinct)
        }))
    }

    fn about(&self) -> String {
        "boundaries".to_owned()
    }
}
