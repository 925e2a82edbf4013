//! How equal keys come together, by what is known of both sides.

use std::ops::Range;
use std::sync::Arc;

use polars::prelude::{AnyValue, Column, DataFrame as Rows, DataType, LazyFrame, Series};

use super::{How, Join, Keys, Strategy};
use crate::frame::divisions::compare;
use crate::frame::exchange::{Order, nbytes};
use crate::frame::lower::{Chunk, Lowering, partition_task};
use crate::frame::node::{Divisions, Node, NodeRef, Op, Operation};
use crate::frame::rows::RowStep;
use crate::frame::shuffle::{Bounds, By, shuffled, split_node};
use crate::frame::stack::joined;

/// A side that takes no more memory than this goes to every partition of the other.
const SMALL: u64 = 32 << 20;

/// How equal keys come together.
pub(super) enum Way {
    /// Each side is one partition.
    Both,
    /// All of the right side as one partition, a node that only this knows of.
    RightToAll(NodeRef),
    LeftToAll(NodeRef),
    /// The right side is split at the divisions of the left one; `None` where both have the same.
    Divided {
        splits: Option<NodeRef>,
        overlaps: Vec<Range<usize>>,
    },
    Shuffled {
        left: NodeRef,
        right: NodeRef,
    },
}

/// Whether all rows of a side appear in every partition of the result that they belong to, when that side is handed to all.
fn may_be_everywhere(how: How) -> (bool, bool) {
    match how {
        How::Inner | How::Cross => (true, true),
        How::Left | How::Semi | How::Anti => (false, true),
        How::Right => (true, false),
        How::Outer => (false, false),
    }
}

pub(super) fn way_of(left: &NodeRef, right: &NodeRef, keys: &Keys, join: &Join) -> Way {
    let (left_may, right_may) = may_be_everywhere(keys.how);
    let (left_size, right_size) = (size_of(left), size_of(right));
    let is_small = |size: Option<u64>| size.is_some_and(|size| size <= SMALL);
    if left.npartitions == 1 && right.npartitions == 1 {
        return Way::Both;
    }
    let is_first = |size: Option<u64>, other: Option<u64>| size.unwrap_or(u64::MAX) <= other.unwrap_or(u64::MAX);
    let forced = join.strategy == Strategy::Broadcast || keys.how == How::Cross;
    let right_fits = right_may && (is_small(right_size) || forced || (right.npartitions == 1 && right_size.is_none()));
    let left_fits = left_may && (is_small(left_size) || forced || (left.npartitions == 1 && left_size.is_none()));
    if join.strategy != Strategy::Shuffle || keys.how == How::Cross {
        if right_fits && (!left_fits || is_first(right_size, left_size) || forced) {
            return Way::RightToAll(whole(right));
        }
        if left_fits {
            return Way::LeftToAll(whole(left));
        }
    }
    if join.strategy == Strategy::Auto
        && let Some(divided) = divided(left, right, keys)
    {
        return divided;
    }
    let n = join.npartitions.unwrap_or(left.npartitions.max(right.npartitions)).max(1);
    Way::Shuffled {
        left: shuffled("shuffle", left, keys.left_on.clone(), n),
        right: shuffled("shuffle", right, keys.right_on.clone(), n),
    }
}

/// Bytes that a frame takes at most, where that is known.
fn size_of(node: &Node) -> Option<u64> {
    match &node.op {
        Op::Memory(parts) => Some(parts.iter().map(|rows| nbytes(rows)).sum()),
        Op::Source(source) => (0..source.npartitions()).map(|partition| source.bytes(partition)).sum(),
        Op::Rows { input, step } => match step {
            RowStep::Explode(_) | RowStep::Call(_) => None,
            _ => size_of(input),
        },
        Op::Across(_) => None,
    }
}

fn divided(left: &NodeRef, right: &NodeRef, keys: &Keys) -> Option<Way> {
    let (one, other) = (left.divisions.as_ref()?, right.divisions.as_ref()?);
    let fits = keys.left_on == [one.column.clone()] && keys.right_on == [other.column.clone()];
    if !fits || left.schema.get(&one.column) != right.schema.get(&other.column) {
        return None;
    }
    let same = one.values.len() == other.values.len()
        && one.values.iter().zip(&other.values).all(|(one, other)| compare(one, other).is_eq());
    if same {
        let overlaps = (0..left.npartitions).map(|k| k..k + 1).collect();
        return Some(Way::Divided { splits: None, overlaps });
    }
    let with_missing = keys.nulls_equal || matches!(keys.how, How::Right | How::Outer);
    let (splits, overlaps) = split_as(right, other, one, with_missing)?;
    Some(Way::Divided { splits: Some(splits), overlaps })
}

/// Splits of a frame at the divisions of another, and for each of those partitions which splits have rows for it.
pub(crate) fn split_as(
    input: &NodeRef,
    own: &Divisions,
    wanted: &Divisions,
    with_missing: bool,
) -> Option<(NodeRef, Vec<Range<usize>>)> {
    let last = wanted.values.len() - 1;
    let inner = &wanted.values[1..last];
    let order = Order::ascending(&[own.column.as_str().into()]);
    let bounds = column_of(&own.column, inner, input.schema.get(&own.column)?)?;
    let by = By::Range { order, bounds: Bounds::Known(Rows::new(bounds.len(), vec![bounds]).ok()?), together: true };
    let count = own.values.len() - 1;
    let overlaps = (0..last).map(|k| {
        // Rows before the first division are with the first partition, those behind the last with the last.
        let is_before = |j: &usize| k > 0 && compare(&own.values[j + 1], &wanted.values[k]).is_lt();
        let is_behind = |j: &usize| k + 1 < last && compare(&own.values[*j], &wanted.values[k + 1]).is_ge();
        let start = (0..count).find(|j| !is_before(j)).unwrap_or(count);
        // What is missing is before everything, in whichever partition.
        let end = if k == 0 && with_missing { count } else { (start..count).find(is_behind).unwrap_or(count) };
        start..end
    });
    let overlaps = overlaps.collect();
    Some((split_node(input, by), overlaps))
}

/// A column of values of an index.
pub(crate) fn column_of(name: &str, values: &[AnyValue<'static>], dtype: &DataType) -> Option<Column> {
    Series::from_any_values_and_dtype(name.into(), values, dtype, true).ok().map(Column::from)
}

/// A step with all partitions of a frame: the same one each time, for whoever asks in one lowering.
fn whole(input: &NodeRef) -> NodeRef {
    Node::across("concat", Arc::clone(&input.schema), 1, Whole(Arc::clone(input)))
}

struct Whole(NodeRef);

impl Operation for Whole {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.0]
    }
    fn logical(&self, mut inputs: Vec<LazyFrame>) -> Option<LazyFrame> {
        inputs.pop()
    }
    fn chunk(&self, _: usize, lowering: &mut Lowering) -> Chunk {
        if self.0.npartitions == 1 {
            return lowering.chunk(&self.0, 0);
        }
        let all = lowering.all(&self.0);
        Chunk::of_step(partition_task("concat", all, (), |(), parts| {
            let empty = parts[0].clear();
            joined(parts, &empty)
        }))
    }
    fn about(&self) -> String {
        "all partitions".to_owned()
    }
}
