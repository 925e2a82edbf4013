//! The same rows in more partitions, or in fewer.

use std::ops::Range;
use std::sync::Arc;

use polars::prelude::{AnyValue, DataFrame as Rows, DataType, LazyFrame, Schema};

use super::DataFrame;
use super::divisions::compare;
use super::error::{FrameError, built};
use super::exchange::{Pieces, know_pieces, nbytes, split_at};
use super::join::{column_of, split_as};
use super::lower::{Chunk, Lowering, frame_task, partition_task};
use super::node::{Divisions, Node, NodeRef, Operation};
use super::shuffle::{Then, gather_task};
use super::stack::joined;
use crate::error::Result;
use crate::graph::Graph;
use crate::scheduler::{self, Scheduler};
use crate::task::taken;

impl DataFrame {
    /// The same rows in the same order, in so many partitions. Fewer are put together from neighbours; for more, each is cut
    /// into parts of equal length.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let frame = DataFrame::from_polars(taskloom::polars::df!("n" => [1, 2, 3, 4, 5, 6])?, 2);
    /// assert_eq!(frame.repartition(6).partition(3).compute()?.height(), 1);
    /// assert_eq!(frame.repartition(1).npartitions(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When `npartitions` is 0.
    #[track_caller]
    pub fn repartition(&self, npartitions: usize) -> DataFrame {
        assert!(npartitions > 0, "`repartition`: a frame has at least one partition, and 0 were asked for");
        let count = self.npartitions();
        if npartitions == count {
            return self.clone();
        }
        let place = |k: usize, of: usize, into: usize| (k as u128 * into as u128 / of as u128) as usize;
        if npartitions < count {
            let groups = (0..npartitions).map(|k| place(k, npartitions, count)..place(k + 1, npartitions, count));
            return merged(self.node(), groups.collect()).into();
        }
        let parts = (0..count).map(|k| place(k + 1, count, npartitions) - place(k, count, npartitions));
        cut(self.node(), parts.collect()).into()
    }

    /// The same rows in the same order, in partitions that take about so many bytes in memory.
    ///
    /// The sizes are computed now, where they are not known.
    ///
    /// # Errors
    /// As [`compute`](DataFrame::compute).
    ///
    /// # Panics
    /// When `bytes` is 0.
    #[track_caller]
    pub fn repartition_bytes(&self, bytes: u64) -> Result<DataFrame> {
        assert!(bytes > 0, "`repartition_bytes`: a partition takes at least one byte");
        let mut lowering = Lowering::new(&[self.node()]);
        let steps: Vec<_> = lowering
            .all(self.node())
            .into_iter()
            .map(|step| {
                frame_task::<u64, _, _>("bytes", vec![step], (), |(), mut values| {
                    Ok(nbytes(&taken::<Rows>(values.remove(0))))
                })
            })
            .collect();
        let sizes = scheduler::run(Graph::lower(&steps), Scheduler::default())?;
        let sizes: Vec<u64> = sizes.into_iter().map(taken::<u64>).collect();
        let parts: Vec<usize> = sizes.iter().map(|&size| size.div_ceil(bytes).max(1) as usize).collect();
        let cut = cut(self.node(), parts.clone());
        // Small neighbours are put together.
        let sizes =
            sizes.iter().zip(&parts).flat_map(|(&size, &parts)| std::iter::repeat_n(size / parts as u64, parts));
        let mut groups: Vec<Range<usize>> = Vec::new();
        let mut sum = 0;
        for (k, size) in sizes.enumerate() {
            match groups.last_mut() {
                Some(group) if sum + size <= bytes => {
                    group.end = k + 1;
                    sum += size;
                }
                _ => {
                    groups.push(k..k + 1);
                    sum = size;
                }
            }
        }
        Ok(merged(&cut, groups).into())
    }

    /// The same rows in partitions that begin at regular times of the index: `"1d"`, `"1w"`, `"1mo"`, `"1q"`, `"1y"`, `"6h"`.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = taskloom::polars::df!("day" => ["2015-01-30", "2015-02-01", "2015-02-28", "2015-04-01"], "n" => [1, 2, 3, 4])?;
    /// let frame = DataFrame::from_polars(rows, 2).assign("day", col("day").cast(DataType::Date)).set_index("day")?;
    /// let months = frame.repartition_freq("1mo")?;
    /// assert_eq!(months.npartitions(), 4);
    /// assert_eq!(months.partition(1).compute()?.height(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the text is no frequency.
    ///
    /// # Panics
    /// When the frame has no index of times.
    #[track_caller]
    pub fn repartition_freq(&self, frequency: &str) -> Result<DataFrame> {
        let wrong =
            |why: &str| FrameError::Expression { operation: "repartition_freq".to_owned(), why: why.to_owned() };
        let node = self.node();
        let divisions = built(
            node.divisions.as_ref().ok_or_else(|| wrong("the frame has no index; `set_index(column)` makes one")),
        );
        let dtype = node.schema.get(&divisions.column).cloned().unwrap_or(DataType::Null);
        built(match dtype {
            DataType::Date | DataType::Datetime(..) => Ok(()),
            _ => Err(wrong("the index does not hold times")),
        });
        let values = regular(&divisions.column, &divisions.values, &dtype, frequency)?;
        Ok(divided_at(node, divisions, values).into())
    }
}

/// The beginnings of periods from the least value to the greatest, which ends them.
fn regular(
    column: &str,
    values: &[AnyValue<'static>],
    dtype: &DataType,
    frequency: &str,
) -> Result<Vec<AnyValue<'static>>> {
    use polars::prelude::{IntoLazy, col, lit};
    let [Some(least), Some(greatest)] = [values.first(), values.last()] else { return Ok(Vec::new()) };
    let ends = column_of(column, &[least.clone(), greatest.clone()], dtype).unwrap_or_default();
    let ends =
        Rows::new(ends.len(), vec![ends])?.lazy().select([col(column).dt().truncate(lit(frequency))]).collect()?;
    let key = ends.column(column)?;
    let (first, last) = (key.get(0)?.into_static(), key.get(1)?.into_static());
    let mut all = vec![least.clone()];
    let mut at = first;
    while compare(&at, &last).is_lt() {
        let next = column_of(column, std::slice::from_ref(&at), dtype).unwrap_or_default();
        let next = Rows::new(next.len(), vec![next])?
            .lazy()
            .select([col(column).dt().offset_by(lit(frequency)).dt().truncate(lit(frequency))])
            .collect()?;
        let next = next.column(column)?.get(0)?.into_static();
        if compare(&next, &at).is_le() {
            break;
        }
        at = next;
        all.push(at.clone());
    }
    all.push(greatest.clone());
    Ok(all)
}

/// The rows of a frame with an index, in partitions between other values of it.
pub(crate) fn divided_at(node: &NodeRef, own: &Divisions, values: Vec<AnyValue<'static>>) -> NodeRef {
    let wanted = Divisions { column: own.column.clone(), values };
    let Some((splits, overlaps)) = split_as(node, own, &wanted, true) else { return Arc::clone(node) };
    let (schema, count) = (Arc::clone(&node.schema), overlaps.len());
    let operation = Divided { input: Arc::clone(node), splits, overlaps };
    Node::divided("repartition", schema, count, wanted, operation)
}

struct Divided {
    input: NodeRef,
    splits: NodeRef,
    overlaps: Vec<Range<usize>>,
}

impl Operation for Divided {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }
    fn logical(&self, mut inputs: Vec<LazyFrame>) -> Option<LazyFrame> {
        inputs.pop()
    }
    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        let overlaps = self.overlaps[partition].clone();
        Chunk::of_step(match overlaps.is_empty() {
            false => {
                let pieces = overlaps.map(|k| lowering.step(&self.splits, k)).collect();
                gather_task("repartition", pieces, partition, Then::Nothing)
            }
            true => gather_task("repartition", vec![lowering.step(&self.splits, 0)], usize::MAX, Then::Nothing),
        })
    }
    fn about(&self) -> String {
        format!("{} partitions by the index", self.overlaps.len())
    }
}

/// Neighbouring partitions put together.
fn merged(input: &NodeRef, groups: Vec<Range<usize>>) -> NodeRef {
    if groups.iter().all(|group| group.len() == 1) {
        return Arc::clone(input);
    }
    let divisions = input.divisions.as_ref().map(|divisions| Divisions {
        column: divisions.column.clone(),
        values: groups
            .iter()
            .map(|group| group.start)
            .chain([input.npartitions])
            .map(|k| divisions.values[k].clone())
            .collect(),
    });
    let (schema, count) = (Arc::clone(&input.schema), groups.len());
    let operation = Merged { input: Arc::clone(input), groups };
    match divisions {
        Some(divisions) => Node::divided("repartition", schema, count, divisions, operation),
        None => Node::across("repartition", schema, count, operation),
    }
}

struct Merged {
    input: NodeRef,
    groups: Vec<Range<usize>>,
}

impl Operation for Merged {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }
    fn logical(&self, mut inputs: Vec<LazyFrame>) -> Option<LazyFrame> {
        inputs.pop()
    }
    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        let group = self.groups[partition].clone();
        if group.len() == 1 {
            return lowering.chunk(&self.input, group.start);
        }
        let parts = group.map(|k| lowering.step(&self.input, k)).collect();
        Chunk::of_step(partition_task("repartition", parts, (), |(), parts| {
            let empty = parts[0].clear();
            joined(parts, &empty)
        }))
    }
    fn about(&self) -> String {
        format!("{} partitions put together to {}", self.input.npartitions, self.groups.len())
    }
}

/// Each partition cut into so many parts.
fn cut(input: &NodeRef, parts: Vec<usize>) -> NodeRef {
    let count = parts.iter().sum();
    if parts.iter().all(|&parts| parts == 1) {
        return Arc::clone(input);
    }
    let runs = Runs { input: Arc::clone(input), parts: parts.clone() };
    let runs = Node::across("cut", Arc::new(Schema::default()), input.npartitions, runs);
    let operation = Cut { input: Arc::clone(input), runs, parts };
    Node::across("repartition", Arc::clone(&input.schema), count, operation)
}

struct Runs {
    input: NodeRef,
    parts: Vec<usize>,
}

impl Operation for Runs {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }
    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        know_pieces();
        let input = vec![lowering.step(&self.input, partition)];
        Chunk::of_step(frame_task::<Pieces, _, _>("cut", input, self.parts[partition], |&parts, mut values| {
            let rows = taken::<Rows>(values.remove(0));
            let ends: Vec<usize> =
                (1..=parts).map(|k| (k as u128 * rows.height() as u128 / parts as u128) as usize).collect();
            split_at(&rows, &ends)
        }))
    }
    fn about(&self) -> String {
        "cut".to_owned()
    }
}

struct Cut {
    input: NodeRef,
    runs: NodeRef,
    parts: Vec<usize>,
}

impl Operation for Cut {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }
    fn logical(&self, mut inputs: Vec<LazyFrame>) -> Option<LazyFrame> {
        inputs.pop()
    }
    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        let (mut from, mut left) = (0, partition);
        while left >= self.parts[from] {
            left -= self.parts[from];
            from += 1;
        }
        if self.parts[from] == 1 {
            return lowering.chunk(&self.input, from);
        }
        Chunk::of_step(gather_task("repartition", vec![lowering.step(&self.runs, from)], left, Then::Nothing))
    }
    fn about(&self) -> String {
        format!("{} partitions cut into {}", self.input.npartitions, self.parts.iter().sum::<usize>())
    }
}
