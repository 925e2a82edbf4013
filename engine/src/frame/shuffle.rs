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
use super::exchange::{Order, Pieces, Ties, gather, know_pieces, split_by_hash, split_by_range};
use super::given::Names;
use super::lower::{Chunk, Lowering, frame_task};
use super::node::{Node, NodeRef, Operation};
use super::top::top;
use crate::task::{Pack, Packer, Step, Unpacker, Value, packed, taken};

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
pub(super) fn hidden(name: &str, npartitions: usize, operation: impl Operation) -> NodeRef {
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

pub(super) fn small(names: &[String]) -> Vec<PlSmallStr> {
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
