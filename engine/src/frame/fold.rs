//! Aggregations over partitions: a part from each, merged in a tree, or rows brought together first.
//!
//! ```text
//!  what can be taken apart      partition ─► part ─┐
//!                               partition ─► part ─┴► merge (a tree) ─► finish ─► one partition
//!                                                  └► shuffle the parts by key ─► merge ─► finish ─► several
//!  what cannot                  shuffle the rows by key ─► the aggregation in each partition
//!                               without keys: the columns it needs in one partition
//! ```

use std::sync::Arc;

use polars::prelude::{DataFrame as Rows, Expr, LazyFrame, PolarsResult, SortMultipleOptions, col};

use super::DataFrame;
use super::aggregate::{Aggregate, Decomposed, Expanded, Named, decompose, expand};
use super::error::{Built, FrameError};
use super::lower::{Chunk, Lowering, partition_task};
use super::merging::{Fold, Way, have_order, in_ranges, way};
use super::methods::row_by_row;
use super::node::{Node, NodeRef, Operation};
use super::rows::{RowStep, in_words};
use super::shuffle::shuffled;
use super::stack::below;

/// What is asked of groups, beside what is computed of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grouping {
    /// How many partitions the result has; `None` for one.
    pub(crate) partitions: Option<usize>,
    /// Whether the result is in the order of the keys, where it is one partition.
    pub(crate) is_sorted: bool,
}

/// The aggregates of each group, or of all rows when there are no keys.
pub(crate) fn folded(
    operation: &str,
    frame: &DataFrame,
    keys: &[Expr],
    aggregates: &[Aggregate],
    grouping: Grouping,
) -> Built<DataFrame> {
    let input = frame.node();
    row_by_row(operation, input, keys)?;
    let whole: Vec<Expr> = aggregates.iter().map(Aggregate::whole).collect();
    let expanded =
        expand(&whole, keys, &input.schema).map_err(|error| FrameError::polars(operation, &error, &input.schema))?;
    match decompose(aggregates, keys, &input.schema) {
        Some(decomposed) => in_parts(operation, input, decomposed, expanded, grouping),
        None => brought_together(operation, input, expanded, grouping),
    }
}

fn in_parts(
    operation: &str,
    input: &NodeRef,
    decomposed: Decomposed,
    expanded: Expanded,
    grouping: Grouping,
) -> Built<DataFrame> {
    let Decomposed { keys, key_names, partial, combine, finish } = decomposed;
    let parts = Node::rows(operation, input, RowStep::Partial(keys, partial))?;
    let names: Vec<String> = key_names.iter().map(|name| name.to_string()).collect();
    let key_columns: Vec<Expr> = key_names.iter().cloned().map(col).collect();
    let finish: Vec<Expr> = key_columns.iter().cloned().chain(finish).collect();
    match grouping.partitions {
        Some(partitions) if !names.is_empty() => {
            let shuffled = shuffled(operation, &parts, names, partitions);
            let merged = Node::rows(operation, &shuffled, RowStep::Partial(key_columns, combine))?;
            Ok(Node::rows(operation, &merged, RowStep::Select(finish))?.into())
        }
        _ => {
            let sorted = if grouping.is_sorted { names.clone() } else { Vec::new() };
            debug_assert_eq!(
                schema_in_the_end(&parts, &names, &combine, &finish).ok().as_ref(),
                Some(&expanded.result)
            );
            let list = |all: &[Named]| all.iter().map(|one| in_words(&one.expr)).collect::<Vec<_>>().join(", ");
            let by = if names.is_empty() { String::new() } else { format!(" by {}", list(&expanded.keys)) };
            let written = format!("{operation}{by}: {}", list(&expanded.exprs));
            let way = match way(&parts, &names) {
                Way::Ranges(..) if !have_order(&parts, &names) => Way::Pieces(parts.npartitions),
                way => way,
            };
            let pieces = if let Way::Pieces(most) = way { Some(most) } else { None };
            let (merge, finish) = (Merge { names, combine }, Finish { finish, sorted });
            let fold = Fold { written, input: parts, merge, finish, pieces };
            Ok(match way {
                Way::Ranges(n, why) => in_ranges(operation, expanded.result, fold, n, why),
                _ => Node::across(operation, expanded.result, 1, fold),
            }
            .into())
        }
    }
}

/// The columns that a fold leads to.
fn schema_in_the_end(
    parts: &NodeRef,
    names: &[String],
    combine: &[Expr],
    finish: &[Expr],
) -> PolarsResult<polars::prelude::SchemaRef> {
    let keys = names.iter().map(|name| col(name.as_str())).collect();
    RowStep::Partial(keys, combine.to_vec()).apply(parts.empty())?.select(finish).collect_schema()
}

fn brought_together(operation: &str, input: &NodeRef, expanded: Expanded, grouping: Grouping) -> Built<DataFrame> {
    let Expanded { keys, exprs, result } = expanded;
    let aliased = |all: Vec<super::aggregate::Named>| all.into_iter().map(super::aggregate::Named::aliased);
    let exprs: Vec<Expr> = aliased(exprs).collect();
    if keys.is_empty() {
        let needed = needed_columns(input, &exprs);
        let narrow = Node::rows(operation, input, RowStep::Select(needed))?;
        let all = one_partition(operation, &narrow, Vec::new());
        return Ok(Node::rows(operation, &all, RowStep::Partial(Vec::new(), exprs))?.into());
    }
    // Keys that are computed are columns of their own on the way.
    let hidden = |at: usize| format!("__taskloom_key_{at}");
    let names: Vec<String> = keys.iter().map(|key| key.name.to_string()).collect();
    let with_keys: Vec<Expr> = keys.iter().enumerate().map(|(at, key)| key.expr.clone().alias(hidden(at))).collect();
    let wide = Node::rows(operation, input, RowStep::WithColumns(with_keys))?;
    let on: Vec<String> = (0..names.len()).map(hidden).collect();
    let by: Vec<Expr> = names.iter().enumerate().map(|(at, name)| col(hidden(at)).alias(name.clone())).collect();
    let count = grouping.partitions.unwrap_or(input.npartitions);
    let near = if input.npartitions == 1 && count == 1 { wide } else { shuffled(operation, &wide, on, count) };
    let groups = Node::rows(operation, &near, RowStep::Partial(by, exprs))?;
    debug_assert_eq!(groups.schema, result);
    match grouping.partitions {
        Some(_) => Ok(groups.into()),
        None => {
            let sorted = if grouping.is_sorted { names } else { Vec::new() };
            Ok(one_partition(operation, &groups, sorted).into())
        }
    }
}

/// The columns that expressions read, or one that stands for the number of rows.
fn needed_columns(input: &NodeRef, exprs: &[Expr]) -> Vec<Expr> {
    let needed: std::collections::BTreeSet<_> =
        exprs.iter().flat_map(|expr| expr.clone().meta().root_names()).collect();
    let columns: Vec<Expr> =
        input.schema.iter_names().filter(|name| needed.contains(*name)).map(|name| col(name.clone())).collect();
    match input.schema.iter_names().next() {
        Some(first) if columns.is_empty() => vec![col(first.clone())],
        _ => columns,
    }
}

/// All rows in one partition; in the order of these columns, if there are any.
pub(crate) fn one_partition(operation: &str, input: &NodeRef, sorted: Vec<String>) -> NodeRef {
    if input.npartitions == 1 && sorted.is_empty() {
        return Arc::clone(input);
    }
    Node::across(operation, Arc::clone(&input.schema), 1, OnePartition { input: Arc::clone(input), sorted })
}

/// How the parts of partitions are merged.
pub(super) struct Merge {
    pub(super) names: Vec<String>,
    pub(super) combine: Vec<Expr>,
}

/// What is made of the merged parts, and the columns whose order it is in.
pub(super) struct Finish {
    pub(super) finish: Vec<Expr>,
    pub(super) sorted: Vec<String>,
}

impl Finish {
    pub(super) fn parameters(&self) -> (Vec<Expr>, Vec<String>) {
        (self.finish.clone(), self.sorted.clone())
    }
}

/// All partitions in one.
struct OnePartition {
    input: NodeRef,
    sorted: Vec<String>,
}

impl Operation for OnePartition {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn logical(&self, mut inputs: Vec<LazyFrame>) -> Option<LazyFrame> {
        // What it is ordered by has to come along.
        if self.sorted.is_empty() { inputs.pop() } else { None }
    }

    fn chunk(&self, _partition: usize, lowering: &mut Lowering) -> Chunk {
        let steps = lowering.all(&self.input);
        Chunk::of_step(partition_task("concatenate", steps, self.sorted.clone(), |sorted, frames| {
            in_order(below(frames)?, sorted)
        }))
    }

    fn about(&self) -> String {
        "all partitions in one".to_owned()
    }
}

/// The rows in the order of columns, nulls last.
pub(super) fn in_order(rows: Rows, columns: &[String]) -> PolarsResult<Rows> {
    if columns.is_empty() {
        return Ok(rows);
    }
    rows.sort(columns, SortMultipleOptions::default().with_nulls_last(true))
}
