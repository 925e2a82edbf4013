//! Rows that change their partition: tasks that split partitions, and tasks that put pieces together.
//!
//! ```text
//!  partition i ─► split (by hash, or at boundaries) ─► Pieces i ─┐
//!                          ▲                                     ├─► gather piece k of all ─► partition k
//!                 boundaries ◄─ samples of all partitions        │
//!  partition j ─► split ───────────────────────────► Pieces j ───┘
//! ```
//! Splits, samples and boundaries are nodes that only the operations here know of: they have tasks, which give other values
//! than frames, and no columns.

use std::sync::Arc;

use polars::prelude::{DataFrame as Rows, LazyFrame, PlSmallStr, Schema, cols};

use super::DataFrame;
use super::error::built;
use super::exchange::{
    Budget, Order, Pieces, Ties, boundaries, gather, hold, joined, know_pieces, sample, sample_size, split_by_hash,
    split_by_range,
};
use super::lower::{Chunk, Lowering, frame_task, partition_task, tree};
use super::methods::Names;
use super::node::{Node, NodeRef, Op, Operation};
use super::rows::{OnPartition, RowStep};
use crate::task::{Made, Pack, Packer, Step, Unpacker, Value, packed, taken};

impl DataFrame {
    /// The same rows in other partitions, so that those with equal values in these columns are in one. Which one that is
    /// depends on the values alone. What does not fit in memory on the way goes to disk.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = taskloom::polars::df!("user" => ["a", "b", "a", "c", "b", "a"], "n" => [1, 2, 3, 4, 5, 6])?;
    /// let by_user = DataFrame::from_polars(rows, 3).shuffle("user", 2);
    /// assert_eq!(by_user.npartitions(), 2);
    /// assert_eq!(by_user.len()?, 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such column, or when no column is named; when `npartitions` is 0.
    #[track_caller]
    pub fn shuffle(&self, on: impl Names, npartitions: usize) -> DataFrame {
        let on = on.names();
        assert!(npartitions > 0, "`shuffle`: a frame has at least one partition, and 0 were asked for");
        assert!(!on.is_empty(), "`shuffle`: name the columns whose values decide where a row goes");
        built(self.has("shuffle", &on));
        shuffled("shuffle", self.node(), on, npartitions).into()
    }
}

/// A node with the rows of another, in partitions by the hash of columns.
pub(crate) fn shuffled(name: &str, input: &NodeRef, on: Vec<String>, npartitions: usize) -> NodeRef {
    let splits = split_node(input, By::Hash(on.clone(), npartitions));
    let operation = Gather { input: Arc::clone(input), splits, on, order: None };
    Node::across(name, Arc::clone(&input.schema), npartitions, operation)
}

/// Pieces are read by one task each, so the task that reads them takes them away. A task that has come from another
/// process leaves them: there, results may be asked for again.
#[derive(Clone, Copy)]
pub(crate) struct Last(pub(crate) bool);

impl Pack for Last {
    fn pack(&self, _: &mut Packer) -> Result<(), String> {
        Ok(())
    }
    fn unpack(_: &mut Unpacker<'_>) -> Result<Self, String> {
        Ok(Last(false))
    }
}

/// How the rows of a partition are split.
pub(crate) enum By {
    /// By the hash of columns, into so many pieces.
    Hash(Vec<String>, usize),
    /// At boundaries that are found when the tasks run, or are known.
    Range { order: Order, bounds: Bounds, together: bool },
}

pub(crate) enum Bounds {
    /// A node whose only task gives them.
    Found(NodeRef),
    Known(Rows),
}

/// The node whose tasks split the partitions of `input`.
pub(crate) fn split_node(input: &NodeRef, by: By) -> NodeRef {
    hidden("split", input.npartitions, Split { input: Arc::clone(input), by })
}

/// A node that only operations know of.
fn hidden(name: &str, npartitions: usize, operation: impl Operation) -> NodeRef {
    Node::across(name, Arc::new(Schema::default()), npartitions, operation)
}

struct Split {
    /// Frames, or pieces of one with a sample.
    input: NodeRef,
    by: By,
}

/// The frame that a task gave, or held.
fn rows_of(value: Value) -> polars::prelude::PolarsResult<Rows> {
    match value.downcast::<Pieces>() {
        Ok(held) => held.take_away(0),
        Err(frame) => Ok(taken::<Rows>(frame)),
    }
}

fn small(names: &[String]) -> Vec<PlSmallStr> {
    names.iter().map(PlSmallStr::from).collect()
}

/// The pieces that tasks gave.
pub(crate) fn all_pieces(values: Vec<Value>) -> Vec<Arc<Pieces>> {
    let pieces = |value: Value| value.downcast().unwrap_or_else(|_| unreachable!("a task reads what it asked for"));
    values.into_iter().map(pieces).collect()
}

impl Operation for Split {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        know_pieces();
        let input = lowering.step(&self.input, partition);
        let of = self.input.npartitions;
        Chunk::of_step(match &self.by {
            By::Hash(keys, n) => {
                frame_task::<Pieces, _, _>("split", vec![input], (keys.clone(), *n), |(keys, n), mut values| {
                    split_by_hash(&rows_of(values.remove(0))?, &small(keys), *n)
                })
            }
            By::Range { order, bounds: Bounds::Found(bounds), together } => {
                let inputs = vec![input, lowering.step(bounds, 0)];
                let parameters = (order.clone(), *together, partition, of);
                frame_task::<Pieces, _, _>("split", inputs, parameters, |(order, together, partition, of), values| {
                    let mut values = values.into_iter();
                    let (Some(rows), Some(bounds)) = (values.next(), values.next()) else { unreachable!("two inputs") };
                    let ties = ties(*together, *partition, *of);
                    split_by_range(&rows_of(rows)?, order, &taken::<Rows>(bounds), ties)
                })
            }
            By::Range { order, bounds: Bounds::Known(bounds), together } => {
                let parameters = (order.clone(), *together, partition, of, bounds.clone());
                frame_task::<Pieces, _, _>("split", vec![input], parameters, |parameters, mut values| {
                    let (order, together, partition, of, bounds) = parameters;
                    split_by_range(&rows_of(values.remove(0))?, order, bounds, ties(*together, *partition, *of))
                })
            }
        })
    }

    fn about(&self) -> String {
        "split".to_owned()
    }
}

fn ties(together: bool, partition: usize, of: usize) -> Ties {
    if together { Ties::Together } else { Ties::Spread { partition, of } }
}

/// What becomes of the rows of a partition that was put together.
#[derive(Clone)]
pub(crate) enum Then {
    Nothing,
    Sort(Order),
}

packed!(
    enum Then {
        Nothing,
        Sort(order),
    }
);

/// The task that puts a piece of many partitions together.
pub(crate) fn gather_task(name: &str, splits: Vec<Arc<Step>>, piece: usize, then: Then) -> Arc<Step> {
    frame_task::<Rows, _, _>(name, splits, (piece, Last(true), then), |(piece, Last(last), then), values| {
        let rows = gather(&all_pieces(values), *piece, *last)?;
        match then {
            Then::Nothing => Ok(rows),
            Then::Sort(order) => order.sort(&rows),
        }
    })
}

/// Partitions of pieces.
pub(crate) struct Gather {
    pub(crate) input: NodeRef,
    pub(crate) splits: NodeRef,
    /// The columns that decide.
    pub(crate) on: Vec<String>,
    /// Each partition is sorted.
    pub(crate) order: Option<Order>,
}

impl Operation for Gather {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn logical(&self, mut inputs: Vec<LazyFrame>) -> Option<LazyFrame> {
        // Whatever needs the columns that decide, and all rows that are asked for.
        Some(
            inputs.remove(0).sort_by_exprs(
                [polars::prelude::Expr::from(cols(self.on.iter().map(String::as_str)))],
                Default::default(),
            ),
        )
    }

    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        let splits = lowering.all(&self.splits);
        let (name, then) = match &self.order {
            Some(order) => ("sort", Then::Sort(order.clone())),
            None => ("gather", Then::Nothing),
        };
        Chunk::of_step(gather_task(name, splits, partition, then))
    }

    fn first(&self, rows: usize) -> Option<NodeRef> {
        self.order.as_ref().map(|order| top("head", &self.input, order, rows))
    }

    fn about(&self) -> String {
        let columns = self.on.join(", ");
        match self.order {
            Some(_) => format!("sort by {columns}: sample, split at boundaries, sort each part"),
            None => format!("shuffle by the hash of {columns}"),
        }
    }
}

/// The first rows in an order: those of each partition, and of these. Nothing else moves.
pub(crate) fn top(name: &str, input: &NodeRef, order: &Order, rows: usize) -> NodeRef {
    let step = RowStep::Call(Made::<OnPartition>::by((order.clone(), rows), |(order, rows): &(Order, usize)| {
        let (order, rows) = (order.clone(), *rows);
        Arc::new(move |frame: Rows| order.first(frame, rows))
    }));
    let each = Node::rows_of(name, input, step, Arc::clone(&input.schema));
    Node::across(name, Arc::clone(&input.schema), 1, Top { each, order: order.clone(), rows })
}

struct Top {
    each: NodeRef,
    order: Order,
    rows: usize,
}

impl Operation for Top {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.each]
    }
    fn chunk(&self, _: usize, lowering: &mut Lowering) -> Chunk {
        let parts = lowering.all(&self.each);
        Chunk::of_step(tree("first", parts, &(self.order.clone(), self.rows), |(order, rows), parts| {
            let empty = parts[0].clear();
            order.first(joined(parts, &empty)?, *rows)
        }))
    }
    fn about(&self) -> String {
        format!("the first {} rows by {}", self.rows, self.order.keys.join(", "))
    }
}

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
fn is_read_again(node: &Node) -> bool {
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

/// What the pieces of all shuffles of this process take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShuffleMemory {
    /// So many bytes may be in memory; pieces beyond it go to disk.
    pub limit: u64,
    /// So many are in memory.
    pub held: u64,
    /// So many have gone to disk since the process began, compressed.
    pub spilled: u64,
}

/// What the pieces of shuffles, sorts and joins take at the moment.
pub fn shuffle_memory() -> ShuffleMemory {
    let budget = Budget::global();
    ShuffleMemory { limit: budget.limit(), held: budget.held(), spilled: budget.spilled() }
}

/// Says how many bytes the pieces of shuffles, sorts and joins may take in memory before they go to disk. `None` is three
/// tenths of the memory that the process may use, as its limits, its container and the machine have it.
///
/// On disk they are in one file without a name in the folder that `TASKLOOM_SPILL_DIR` names, or in that for temporary files;
/// nothing of it stays when the process ends, however it ends.
///
/// ```
/// use taskloom::dataframe::{set_shuffle_memory, shuffle_memory};
/// set_shuffle_memory(Some(1 << 30));
/// assert_eq!(shuffle_memory().limit, 1 << 30);
/// set_shuffle_memory(None);
/// ```
pub fn set_shuffle_memory(bytes: Option<u64>) {
    Budget::global().set_limit(bytes);
}
