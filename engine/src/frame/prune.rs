//! Which partitions matter, before any is read: by what files say of their values, and by the index.
//!
//! ```text
//!  filter ─► comparisons of columns with values ─► matching: partitions that can have such rows ─► chosen
//!                                                       ▲
//!                 extents: where the column comes from ─┘ (statistics of Parquet, names of folders, divisions)
//! ```

use std::cmp::Ordering;
use std::sync::Arc;

use polars::prelude::{DataType, Expr, LazyFrame, PlSmallStr, Schema};

use super::aggregate::{Named, expand};
use super::lower::{Chunk, Lowering};
use super::node::{Divisions, Node, NodeRef, Op, Operation};
use super::rows::RowStep;
use super::source::extent::{Extent, comparisons, order};

/// Between which values a column lies in some partitions, where that is known: the node that the values come from is looked
/// for, and what is made anew on the way is not known.
fn extents(node: &NodeRef, partitions: &[usize], column: &str) -> Option<Vec<Option<Extent>>> {
    if let Some(divisions) = node.divisions.as_ref().filter(|divisions| divisions.column == column) {
        let value = |place: usize| divisions.values[place].clone();
        let between = |&k: &usize| Some(Extent { least: value(k), greatest: value(k + 1), has_nulls: true });
        return Some(partitions.iter().map(between).collect());
    }
    match &node.op {
        Op::Memory(_) => None,
        Op::Source(source) => Some(partitions.iter().map(|&partition| source.extent(partition, column)).collect()),
        Op::Rows { input, step } => extents(input, partitions, &before(step, &input.schema, column)?),
        Op::Across(operation) => {
            let [input] = operation.inputs()[..] else { return None };
            let places: Vec<usize> = partitions.iter().map(|&k| operation.part_of(k)).collect::<Option<_>>()?;
            extents(input, &places, column)
        }
    }
}

/// What a column was called before a step that leaves its values as they are, or leaves some of them out.
fn before(step: &RowStep, schema: &Schema, column: &str) -> Option<PlSmallStr> {
    match step {
        RowStep::Filter(_) | RowStep::Drop(_) | RowStep::DropNulls(_) | RowStep::Head(_) => Some(column.into()),
        RowStep::Select(expressions) | RowStep::WithColumns(expressions) => {
            let all = expand(expressions, &[], schema).ok()?.exprs;
            match all.into_iter().find(|named| named.name == column) {
                Some(Named { expr: Expr::Column(name), .. }) => Some(name),
                Some(_) => None,
                None => Some(column.into()),
            }
        }
        RowStep::Rename(old, new) => {
            Some(new.iter().position(|name| name == column).map_or(column, |place| old[place].as_str()).into())
        }
        _ => None,
    }
}

/// The partitions that can have rows for which the condition is true, as a frame; one of them where none can.
pub(crate) fn matching(node: &NodeRef, condition: &Expr) -> NodeRef {
    let mut some: Vec<usize> = (0..node.npartitions).collect();
    for comparison in comparisons(condition) {
        let column = comparison.column.as_str();
        let dtype = node.schema.get(column).cloned().unwrap_or(DataType::Null);
        let Some(known) = extents(node, &some, column) else { continue };
        let can = |known: &Option<Extent>| match known {
            Some(known) => comparison.may_hold(Some(&known.least), Some(&known.greatest), &dtype),
            None => true,
        };
        some = some.into_iter().zip(known).filter(|(_, known)| can(known)).map(|(partition, _)| partition).collect();
    }
    match some.len() {
        all if all == node.npartitions => Arc::clone(node),
        0 => chosen(node, vec![0]),
        _ => chosen(node, some),
    }
}

/// The divisions of a frame whose partitions are in the order of a column, though not their rows, where that is known.
pub(crate) fn divisions_in_order(node: &NodeRef, column: &str) -> Option<Divisions> {
    // Of long texts a file may say the beginnings alone.
    if matches!(node.schema.get(column), None | Some(DataType::String)) {
        return None;
    }
    let all: Vec<usize> = (0..node.npartitions).collect();
    let all = extents(node, &all, column)?.into_iter();
    let all: Vec<Extent> = all.map(|known| known.filter(|known| !known.has_nulls)).collect::<Option<_>>()?;
    let is_in_order = |pair: &[Extent]| order(&pair[0].greatest, &pair[1].least).is_some_and(Ordering::is_lt);
    if !all.windows(2).all(is_in_order) {
        return None;
    }
    let greatest = all.last()?.greatest.clone();
    let values = all.into_iter().map(|known| known.least).chain([greatest]).collect();
    Some(Divisions { column: column.to_owned(), values })
}

/// Some partitions of a frame, in their order; there is at least one.
pub(crate) fn chosen(node: &NodeRef, partitions: Vec<usize>) -> NodeRef {
    let divisions = node.divisions.as_ref().map(|divisions| {
        let ends = partitions.last().map(|last| last + 1);
        let values = partitions.iter().copied().chain(ends).map(|place| divisions.values[place].clone());
        Divisions { column: divisions.column.clone(), values: values.collect() }
    });
    let (schema, count) = (Arc::clone(&node.schema), partitions.len());
    let some = Chosen { input: Arc::clone(node), partitions };
    match divisions {
        Some(divisions) => Node::divided("partitions", schema, count, divisions, some),
        None => Node::across("partitions", schema, count, some),
    }
}

/// Some partitions of a frame.
struct Chosen {
    input: NodeRef,
    partitions: Vec<usize>,
}

impl Operation for Chosen {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }
    fn logical(&self, mut inputs: Vec<LazyFrame>) -> Option<LazyFrame> {
        inputs.pop()
    }
    fn part_of(&self, partition: usize) -> Option<usize> {
        Some(self.partitions[partition])
    }
    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        lowering.chunk(&self.input, self.partitions[partition])
    }
    fn about(&self) -> String {
        let (first, last) = (self.partitions[0], self.partitions[self.partitions.len() - 1]);
        let between = last - first + 1;
        let which = match self.partitions.len() {
            1 => format!("partition {first}"),
            count if count == between => format!("partitions {first} to {last}"),
            count => format!("{count} partitions between {first} and {last}"),
        };
        format!("{which} of {}", self.input.npartitions)
    }
}
