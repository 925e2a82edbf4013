//! How the parts that partitions add to groups are merged: in a tree, in pieces by hash, or in ranges that stay partitions.
//!
//! ```text
//!  few groups        part ─┐
//!                    part ─┴► combine (a tree) ─► finish ─► one partition
//!
//!  perhaps many      part ─► split ─┐ (into as many pieces as the first parts ask for)
//!                    part ─► split ─┴► combine piece k of all ─► finish ─► one partition
//!
//!  too many          part ─► hold ─► sample ─► boundaries ─┐
//!                             └────► split at boundaries ◄─┴─► combine range k of all, finish ─► partition k
//! ```
//! What Dask asks its users for with `split_out` is found out here: how many groups there can be follows from the number of
//! rows, and where that might be too many, two partitions are looked at.

use std::sync::Arc;

use polars::prelude::{DataFrame as Rows, Expr, IntoLazy, PolarsResult, col, df};

use super::DataFrame;
use super::boundaries::{bounds_node, held};
use super::exchange::{Order, gather, know_pieces, split_at, split_by_hash, total_memory};
use super::fold::{Finish, Merge, in_order};
use super::groups::grouped;
use super::lower::{Chunk, Lowering, frame_task, partition_task, tree};
use super::node::{Node, NodeRef, Op, Operation};
use super::shuffle::{Bounds, By, Last, all_pieces, small, split_node};
use super::size::{most_rows, width};
use super::stack::below;
use super::thread;
use crate::scheduler::Scheduler;
use crate::task::{Step, taken};

/// Parts that together take no more are merged in a tree.
const SMALL: u64 = 32 << 20;
/// So many bytes of parts for each piece, where they are split.
const PIECE: u64 = 24 << 20;
/// To have groups in one partition and in order takes so many times what they take.
const ROOM: u64 = 12;
/// So many partitions of parts say how large all of them are.
const LOOKED_AT: usize = 2;

/// How parts are merged.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Way {
    Tree,
    /// In at most so many pieces.
    Pieces(usize),
    /// In so many ranges of the keys, for the reason given.
    Ranges(usize, String),
}

/// Which way suits the parts of `parts`.
pub(super) fn way(parts: &NodeRef, names: &[String]) -> Way {
    way_within(parts, names, total_memory())
}

fn way_within(parts: &NodeRef, names: &[String], memory: u64) -> Way {
    if names.is_empty() || parts.npartitions == 1 {
        return Way::Tree;
    }
    let Op::Rows { input, .. } = &parts.op else { return Way::Tree };
    let width = width(parts);
    let most = most_rows(input).map(|rows| rows.saturating_mul(width));
    match most {
        Some(most) if most <= SMALL => return Way::Tree,
        None if parts.npartitions <= crate::task::MERGED_AT_ONCE => return Way::Tree,
        Some(most) if most > memory / ROOM => {
            // An error shows up where all of it is computed.
            if let Ok(groups) = expected_groups(parts, names)
                && let bytes = groups.saturating_mul(width)
                && bytes > memory / ROOM
            {
                let n = bytes.div_ceil((memory / 32).max(1)).clamp(2, 1 << 10) as usize;
                let why = format!(
                    "the first partitions say that there are about {} groups, {}, and this process may have {}",
                    counted(groups),
                    bytes_in_words(bytes),
                    bytes_in_words(memory)
                );
                return Way::Ranges(n, why);
            }
        }
        _ => {}
    }
    Way::Pieces(parts.npartitions.clamp(4, 64))
}

/// About how many groups there are: from two partitions, and how many groups these share.
fn expected_groups(parts: &NodeRef, names: &[String]) -> crate::error::Result<u64> {
    let frame = DataFrame::of(Arc::clone(parts));
    let one = |partition: usize| frame.partition(partition).select(names.to_vec()).compute_with(Scheduler::Sync);
    let (first, other) = (one(0)?, one(parts.npartitions / 2)?);
    let (own, others) = (first.height() as u64, other.height() as u64);
    let both = thread::alone(|| {
        let keys: Vec<Expr> = names.iter().map(|name| col(name.as_str())).collect();
        let both = grouped(below(vec![first, other])?.lazy(), &keys, &[])?;
        PolarsResult::Ok(both.collect()?.height() as u64)
    });
    let both = both?;
    // What the others add to the larger one, each of the partitions left may add.
    let added = both - own.max(others);
    Ok(own.max(others) + added * (parts.npartitions as u64 - 1))
}

fn counted(count: u64) -> String {
    match count {
        0..=9_999 => count.to_string(),
        10_000..=9_999_999 => format!("{} thousand", count / 1000),
        _ => format!("{} million", count / 1_000_000),
    }
}

fn bytes_in_words(bytes: u64) -> String {
    match bytes >> 20 {
        0..=9_999 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

/// The parts of all partitions, merged into one.
pub(super) struct Fold {
    /// The operation with its keys and aggregates.
    pub(super) written: String,
    pub(super) input: NodeRef,
    pub(super) merge: Merge,
    pub(super) finish: Finish,
    /// In how many pieces, if not in a tree.
    pub(super) pieces: Option<usize>,
}

/// How the parts of partitions are merged.
type MergeParameters = (Vec<String>, Vec<Expr>);

impl Merge {
    fn parameters(&self) -> MergeParameters {
        (self.names.clone(), self.combine.clone())
    }
}

fn merged((names, combine): &MergeParameters, rows: Rows) -> PolarsResult<Rows> {
    let keys: Vec<Expr> = names.iter().map(|name| col(name.as_str())).collect();
    if keys.is_empty() {
        rows.lazy().select(combine.clone()).collect()
    } else {
        grouped(rows.lazy(), &keys, combine)?.collect()
    }
}

/// Into how many pieces the parts of `n` partitions go, of which `some` are there.
fn pieces_of(some: &[Rows], n: usize, most: usize) -> usize {
    let bytes: usize = some.iter().map(Rows::estimated_size).sum();
    let all = bytes as u64 / some.len().max(1) as u64 * n as u64;
    if all <= SMALL { 1 } else { (all.div_ceil(PIECE) as usize).clamp(2, most) }
}

/// The tasks that merge pieces: one for each piece that there may be.
fn in_pieces(merge: &Merge, parts: Vec<Arc<Step>>, most: usize) -> Vec<Arc<Step>> {
    know_pieces();
    let n = parts.len();
    let looked_at = parts[..LOOKED_AT.min(n)].to_vec();
    let count = partition_task(
        "pieces",
        looked_at,
        (n, most),
        |(n, most), some| df!("pieces" => [pieces_of(&some, *n, *most) as u64]),
    );
    let split = |part: Arc<Step>| {
        frame_task::<super::exchange::Pieces, _, _>(
            "split",
            vec![part, Arc::clone(&count)],
            merge.names.clone(),
            |names, mut values| {
                let count = taken::<Rows>(values.remove(1)).column("pieces")?.u64()?.get(0).unwrap_or(1);
                let rows = taken::<Rows>(values.remove(0));
                match count {
                    0 | 1 => split_at(&rows, &[rows.height()]),
                    _ => split_by_hash(&rows, &small(names), count as usize),
                }
            },
        )
    };
    let splits: Vec<Arc<Step>> = parts.into_iter().map(split).collect();
    let combine = |piece: usize| {
        frame_task::<Rows, _, _>(
            "combine",
            splits.clone(),
            (merge.parameters(), piece, Last(true)),
            |parameters, values| {
                let (merge, piece, Last(last)) = parameters;
                merged(merge, gather(&all_pieces(values), *piece, *last)?)
            },
        )
    };
    (0..most).map(combine).collect()
}

impl Operation for Fold {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn chunk(&self, _partition: usize, lowering: &mut Lowering) -> Chunk {
        let steps = lowering.all(&self.input);
        let all = match self.pieces {
            Some(most) => in_pieces(&self.merge, steps, most),
            None => {
                vec![tree("combine", steps, &self.merge.parameters(), |parameters, frames| {
                    merged(parameters, below(frames)?)
                })]
            }
        };
        Chunk::of_step(partition_task("finish", all, self.finish.parameters(), |(finish, sorted), frames| {
            let frames = frames.into_iter().map(|rows| rows.lazy().select(finish.clone()).collect());
            let all = below(frames.collect::<PolarsResult<_>>()?)?;
            // Nothing is left that could run beside it.
            thread::wide(|| in_order(all, sorted))
        }))
    }

    fn about(&self) -> String {
        let by =
            if self.merge.names.is_empty() { String::new() } else { format!(" by {}", self.merge.names.join(", ")) };
        let how = match self.pieces {
            Some(most) => format!(": at once, or in up to {most} pieces where the first of them are large"),
            None => String::new(),
        };
        format!("merge the parts of all partitions{by}{how}")
    }

    fn written(&self) -> Option<String> {
        Some(self.written.clone())
    }
}

/// The parts of all partitions, merged in ranges of the keys.
struct InRanges {
    written: String,
    input: NodeRef,
    splits: NodeRef,
    merge: Merge,
    finish: Finish,
    why: String,
    n: usize,
}

/// A node of `n` partitions, each of which has the groups of a range of keys.
pub(super) fn in_ranges(
    operation: &str,
    schema: polars::prelude::SchemaRef,
    fold: Fold,
    n: usize,
    why: String,
) -> NodeRef {
    let Fold { written, input, merge, finish, .. } = fold;
    let keys = merge.names.iter().map(|name| name.as_str().into()).collect();
    let order = Order { keys, descending: vec![false; merge.names.len()], nulls_last: vec![true; merge.names.len()] };
    let sampled = held(&input, &order, n);
    let bounds = Bounds::Found(bounds_node(&sampled.samples, &order, n, true));
    let splits = split_node(&sampled.rows, By::Range { order, bounds, together: true });
    Node::across(operation, schema, n, InRanges { written, input, splits, merge, finish, why, n })
}

impl Operation for InRanges {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        let splits = lowering.all(&self.splits);
        let parameters = (self.merge.parameters(), self.finish.parameters(), partition, Last(true));
        Chunk::of_step(frame_task::<Rows, _, _>("combine", splits, parameters, |parameters, values| {
            let (merge, (finish, sorted), piece, Last(last)) = parameters;
            let rows = merged(merge, gather(&all_pieces(values), *piece, *last)?)?;
            in_order(rows.lazy().select(finish.clone()).collect()?, sorted)
        }))
    }

    fn about(&self) -> String {
        let by = self.merge.names.join(", ");
        format!("merge the parts of all partitions by {by}, in {} partitions by ranges of these: {}", self.n, self.why)
    }

    fn written(&self) -> Option<String> {
        Some(self.written.clone())
    }
}

/// Whether the values of columns have an order that ranges can be made of.
pub(super) fn have_order(parts: &Node, names: &[String]) -> bool {
    let is_ordered = |name: &String| {
        parts.schema.get(name).is_some_and(|dtype| !dtype.is_nested() && !dtype.is_object() && !dtype.is_null())
    };
    names.iter().all(is_ordered)
}

#[cfg(test)]
mod tests;
