//! Functions that look at neighbouring rows: each partition with rows of the ones before and behind it.
//!
//! What a partition gets from before is found partition by partition, so that a window may reach over several.

use std::sync::Arc;

use polars::prelude::{DataFrame as Rows, Duration, Expr, IntoLazy, PolarsResult, SchemaRef, col, lit, polars_bail};

use super::DataFrame;
use super::error::{Built, FrameError, built};
use super::lower::{Chunk, Lowering, partition_task};
use super::node::{Node, NodeRef, Operation, schema_after};
use super::rows::{OnPartition, RowStep};
use super::stack::below;
use crate::task::{Made, packed};

/// How far a function looks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reach {
    /// So many rows.
    Rows(usize),
    /// As far as a duration goes, in a column of times that the rows are ordered by.
    Time(String, String),
}

packed!(
    enum Reach {
        Rows(rows),
        Time(column, duration),
    }
);

impl Reach {
    /// Those of the rows that the next partition looks at.
    fn of_the_last(&self, rows: Rows) -> PolarsResult<Rows> {
        match self {
            Reach::Rows(count) => Ok(rows.tail(Some(*count))),
            Reach::Time(column, duration) => self.near(rows, column, duration, true),
        }
    }

    /// Those of the rows that the partition before looks at.
    fn of_the_first(&self, rows: Rows) -> PolarsResult<Rows> {
        match self {
            Reach::Rows(count) => Ok(rows.head(Some(*count))),
            Reach::Time(column, duration) => self.near(rows, column, duration, false),
        }
    }

    fn near(&self, rows: Rows, column: &str, duration: &str, is_last: bool) -> PolarsResult<Rows> {
        let time = || col(column);
        let by = |sign: &str| lit(format!("{sign}{duration}"));
        let condition = if is_last {
            time().gt_eq(time().max().dt().offset_by(by("-")))
        } else {
            time().lt_eq(time().min().dt().offset_by(by("")))
        };
        rows.lazy().filter(condition).collect()
    }
}

impl DataFrame {
    /// A function of each partition together with so many rows of the partitions before and behind it. It gives a row for
    /// each row that it gets, in their order; those of the neighbours are cut off again.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = taskloom::polars::df!("n" => [1.0, 2.0, 4.0, 8.0])?;
    /// let change = DataFrame::from_polars(rows, 2).map_overlap(1, 0, |rows| {
    ///     use taskloom::polars::prelude::*;
    ///     rows.lazy().select([col("n") - col("n").shift(lit(1))]).collect()
    /// });
    /// assert_eq!(change.compute()?.column("n")?.f64()?.get(2), Some(2.0));      // the first row of the second partition
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When the function fails for a frame without rows.
    #[track_caller]
    pub fn map_overlap<F>(&self, before: usize, after: usize, function: F) -> DataFrame
    where
        F: Fn(Rows) -> PolarsResult<Rows> + Send + Sync + 'static,
    {
        let function = Made::<OnPartition>::given("map_overlap", function, (), |function, ()| Arc::new(function));
        built(overlapping("map_overlap", self, Reach::Rows(before), Reach::Rows(after), RowStep::Call(function)))
    }

    /// These columns, each so many rows further down, over the ends of partitions; where nothing comes from, they are null.
    /// Negative numbers move them up.
    ///
    /// # Panics
    /// When there is no such column.
    #[track_caller]
    pub fn shift(&self, columns: impl super::Names, rows: i64) -> DataFrame {
        let columns = super::groupby::by_names(self, "shift", columns);
        let shifted = columns.iter().map(|name| col(name.as_str()).shift(lit(rows))).collect();
        built(self.neighbours("shift", rows, shifted))
    }

    /// The difference of each value of these columns and the value so many rows before it, over the ends of partitions.
    ///
    /// # Panics
    /// When there is no such column, or when it has no differences.
    #[track_caller]
    pub fn diff(&self, columns: impl super::Names, rows: i64) -> DataFrame {
        let columns = super::groupby::by_names(self, "diff", columns);
        let before = |name: &String| col(name.as_str()) - col(name.as_str()).shift(lit(rows));
        built(self.neighbours("diff", rows, columns.iter().map(before).collect()))
    }

    fn neighbours(&self, operation: &str, rows: i64, columns: Vec<Expr>) -> Built<DataFrame> {
        let reach = |rows: i64| Reach::Rows(usize::try_from(rows).unwrap_or(0));
        overlapping(operation, self, reach(rows), reach(-rows), RowStep::WithColumns(columns))
    }
}

/// A step on each partition with rows of its neighbours.
pub(crate) fn overlapping(
    operation: &str,
    frame: &DataFrame,
    before: Reach,
    after: Reach,
    step: RowStep,
) -> Built<DataFrame> {
    let input = frame.node();
    let schema = schema_after(operation, input, |frame| step.apply(frame))?;
    for reach in [&before, &after] {
        let Reach::Time(column, duration) = reach else { continue };
        let dtype = input.schema.get(column).ok_or_else(|| FrameError::column(operation, column, &input.schema))?;
        let failed = |why: String| FrameError::Expression { operation: operation.to_owned(), why };
        if !dtype.is_temporal() || dtype.is_duration() {
            return Err(failed(format!("the column \"{column}\" is of type {dtype}, and \"{duration}\" needs times")));
        }
        Duration::try_parse(duration).map_err(|error| failed(super::error::sentence(&error)))?;
    }
    if input.npartitions == 1 {
        return Ok(Node::rows_of(operation, input, step, schema).into());
    }
    Ok(with_neighbours(operation, input, before, after, step, schema).into())
}

fn with_neighbours(
    operation: &str,
    input: &NodeRef,
    before: Reach,
    after: Reach,
    step: RowStep,
    schema: SchemaRef,
) -> NodeRef {
    let count = input.npartitions;
    let edge = |partition: usize, beyond: Option<&NodeRef>, reach: &Reach, is_last: bool| {
        let (input, beyond) = (Arc::clone(input), beyond.map(Arc::clone));
        let schema = Arc::clone(&input.schema);
        Node::across("edge", schema, 1, Edge { input, partition, beyond, reach: reach.clone(), is_last })
    };
    let mut lasts: Vec<NodeRef> = Vec::new();
    let mut firsts: Vec<NodeRef> = Vec::new();
    if before != Reach::Rows(0) {
        for partition in 0..count - 1 {
            lasts.push(edge(partition, lasts.last(), &before, true));
        }
    }
    if after != Reach::Rows(0) {
        for partition in (1..count).rev() {
            firsts.push(edge(partition, firsts.last(), &after, false));
        }
        firsts.reverse();
    }
    let overlap = Overlap { input: Arc::clone(input), lasts, firsts, step };
    Node::across(operation, schema, count, overlap)
}

/// The rows at one end of a partition that its neighbour looks at, with those from beyond it.
struct Edge {
    input: NodeRef,
    partition: usize,
    beyond: Option<NodeRef>,
    reach: Reach,
    is_last: bool,
}

impl Operation for Edge {
    fn inputs(&self) -> Vec<&NodeRef> {
        std::iter::once(&self.input).chain(&self.beyond).collect()
    }

    fn chunk(&self, _partition: usize, lowering: &mut Lowering) -> Chunk {
        let mut steps = vec![lowering.step(&self.input, self.partition)];
        if let Some(beyond) = &self.beyond {
            let at = if self.is_last { 0 } else { 1 };
            steps.insert(at, lowering.step(beyond, 0));
        }
        let parameters = (self.reach.clone(), self.is_last);
        Chunk::of_step(partition_task("edge", steps, parameters, |(reach, is_last), frames| {
            let rows = below(frames)?;
            if *is_last { reach.of_the_last(rows) } else { reach.of_the_first(rows) }
        }))
    }

    fn about(&self) -> String {
        format!("{} rows of partition {}", if self.is_last { "the last" } else { "the first" }, self.partition)
    }
}

/// Partitions with the rows of their neighbours that they look at.
struct Overlap {
    input: NodeRef,
    /// Of every partition but the last.
    lasts: Vec<NodeRef>,
    /// Of every partition but the first.
    firsts: Vec<NodeRef>,
    step: RowStep,
}

impl Operation for Overlap {
    fn inputs(&self) -> Vec<&NodeRef> {
        std::iter::once(&self.input).chain(&self.lasts).chain(&self.firsts).collect()
    }

    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        let mut steps = vec![lowering.step(&self.input, partition)];
        let before = partition.checked_sub(1).and_then(|before| self.lasts.get(before));
        let after = self.firsts.get(partition);
        steps.extend(before.into_iter().chain(after).map(|edge| lowering.step(edge, 0)));
        let parameters = (before.is_some(), self.step.clone());
        Chunk::of_step(partition_task("overlap", steps, parameters, |(has_before, step), mut frames| {
            let own = frames[0].height();
            let mut skip = 0;
            if *has_before {
                skip = frames[1].height();
                frames.swap(0, 1);
            }
            let all = below(frames)?;
            let height = all.height();
            let made = step.apply(all.lazy())?.collect()?;
            if made.height() != height {
                polars_bail!(
                    ShapeMismatch: "a function that looks at neighbouring rows gives a row for each, and of {} rows it made {}",
                    height, made.height()
                );
            }
            Ok(made.slice(skip as i64, own))
        }))
    }

    fn about(&self) -> String {
        format!("{} with rows of the neighbours", self.step.about())
    }
}
