//! What is done row by row, and to each partition.

use std::sync::Arc;

use polars::prelude::{Expr, PolarsResult, SchemaRef, col};

use super::DataFrame;
use super::broadcast::with_aggregates;
use super::codec::PackedSchema;
use super::error::{Built, FrameError, built};
use super::given::{Expression, Expressions, Names};
use super::lower::{Lowering, frame_task};
use super::node::{Node, NodeRef, schema_after};
use super::prune::{chosen, matching};
use super::rows::{OnPartition, RowStep, on_partition};
use crate::graph::Graph;
use crate::task::{Made, taken};

impl DataFrame {
    /// These expressions of each row: names of columns, or Polars' expressions.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = taskloom::polars::df!("km" => [1.0, 2.0], "hours" => [0.5, 0.5])?;
    /// let frame = DataFrame::from_polars(rows, 2);
    /// let speeds = frame.select([(col("km") / col("hours")).alias("speed")]);
    /// assert_eq!(speeds.columns(), ["speed"]);
    /// assert_eq!(frame.select(["hours"]).compute()?.width(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such column, with the names that there are; or when the expression looks at other rows.
    #[track_caller]
    pub fn select(&self, expressions: impl Expressions) -> DataFrame {
        let selected = expressions.of("select", self).and_then(|all| self.by_row("select", RowStep::Select(all)));
        built(selected)
    }

    /// The rows where a condition holds: an expression, or a series of this frame. Partitions that cannot have such rows,
    /// as Parquet's statistics, folders called `name=value`, or the index say, are left out, and so not read.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let frame = DataFrame::from_polars(taskloom::polars::df!("n" => [1, 5, 3], "zone" => ["a", "b", "b"])?, 2);
    /// assert_eq!(frame.filter(col("n").gt(2)).compute()?.height(), 2);
    /// assert_eq!(frame.filter(col("n").gt(2).and(col("zone").eq(lit("b")))).compute()?.height(), 2);
    /// assert_eq!(frame.filter(frame.col("n").gt(2)).compute()?.height(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// As [`select`](DataFrame::select), and when the condition is not a boolean.
    #[track_caller]
    pub fn filter(&self, condition: impl Expression) -> DataFrame {
        let kept = condition.of("filter", self).and_then(|condition| {
            // A condition that looks at aggregates of all rows needs them all.
            let some = match row_by_row("filter", self.node(), std::slice::from_ref(&condition)) {
                Ok(()) => DataFrame::of(matching(self.node(), &condition)),
                Err(_) => self.clone(),
            };
            some.by_row("filter", RowStep::Filter(condition))
        });
        built(kept)
    }

    /// These expressions beside the columns that are there; one of the same name takes its place.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let frame = DataFrame::from_polars(taskloom::polars::df!("n" => [1, 5, 3])?, 2);
    /// let more = frame.with_columns([(col("n") * lit(2)).alias("double"), col("n").cast(DataType::Float64)]);
    /// assert_eq!(more.columns(), ["n", "double"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// As [`select`](DataFrame::select).
    #[track_caller]
    pub fn with_columns(&self, expressions: impl Expressions) -> DataFrame {
        let expressions = expressions.of("with_columns", self);
        built(expressions.and_then(|all| self.by_row("with_columns", RowStep::WithColumns(all))))
    }

    /// One more column, or another in the place of one, from an expression, a series of this frame, or a number: pandas'
    /// `assign`.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let frame = DataFrame::from_polars(taskloom::polars::df!("n" => [1, 5, 3])?, 2);
    /// assert_eq!(frame.assign("double", col("n") * lit(2)).columns(), ["n", "double"]);
    /// assert_eq!(frame.assign("half", frame.col("n") / 2).assign("year", 2019).columns(), ["n", "half", "year"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// As [`select`](DataFrame::select).
    #[track_caller]
    pub fn assign(&self, name: &str, value: impl Expression) -> DataFrame {
        let value = value.of("assign", self);
        built(value.and_then(|value| self.by_row("assign", RowStep::WithColumns(vec![value.alias(name)]))))
    }

    /// All columns but these.
    ///
    /// # Panics
    /// When there is no such column.
    #[track_caller]
    pub fn drop(&self, names: impl Names) -> DataFrame {
        let names = names.names();
        built(self.has("drop", &names).and_then(|()| Node::rows("drop", self.node(), RowStep::Drop(names)))).into()
    }

    /// Other names for columns: pairs of the old and the new.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let frame = DataFrame::from_polars(taskloom::polars::df!("n" => [1], "m" => [2])?, 1);
    /// assert_eq!(frame.rename([("n", "count")]).columns(), ["count", "m"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such column, or when two columns would have the same name.
    #[track_caller]
    pub fn rename<'a>(&self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> DataFrame {
        let (old, new): (Vec<String>, Vec<String>) =
            pairs.into_iter().map(|(old, new)| (old.to_owned(), new.to_owned())).unzip();
        let renamed = self.has("rename", &old);
        built(renamed.and_then(|()| Node::rows("rename", self.node(), RowStep::Rename(old, new)))).into()
    }

    /// The rows that have a value in all of these columns; in all columns there are, when none is named.
    ///
    /// # Panics
    /// When there is no such column.
    #[track_caller]
    pub fn dropna(&self, names: impl Names) -> DataFrame {
        let names = names.names();
        let step = RowStep::DropNulls((!names.is_empty()).then(|| names.clone()));
        built(self.has("dropna", &names).and_then(|()| Node::rows("dropna", self.node(), step))).into()
    }

    /// A row for each element of lists.
    ///
    /// # Panics
    /// When there is no such column, or when it does not hold lists.
    #[track_caller]
    pub fn explode(&self, names: impl Names) -> DataFrame {
        let names = names.names();
        built(self.has("explode", &names).and_then(|()| Node::rows("explode", self.node(), RowStep::Explode(names))))
            .into()
    }

    /// A function of each partition, which gets and gives Polars' frames. Its columns are those that it gives for a frame
    /// without rows; where that does not do, [`map_partitions_as`](DataFrame::map_partitions_as) takes them from you.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let frame = DataFrame::from_polars(taskloom::polars::df!("n" => [3, 1, 2, 5])?, 2);
    /// let sorted = frame.map_partitions(|rows| rows.sort(["n"], Default::default()));
    /// assert_eq!(sorted.compute()?.column("n")?.i32()?.to_vec_null_aware().left(), Some(vec![1, 3, 2, 5]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When the function fails for a frame without rows.
    #[track_caller]
    pub fn map_partitions<F>(&self, function: F) -> DataFrame
    where
        F: Fn(polars::prelude::DataFrame) -> PolarsResult<polars::prelude::DataFrame> + Send + Sync + 'static,
    {
        let step = RowStep::Call(on_partition("map_partitions", function));
        as_promised(built(Node::rows("map_partitions", self.node(), step))).into()
    }

    /// As [`map_partitions`](DataFrame::map_partitions), with the columns that the function gives. A partition for which it
    /// gives others is an error.
    pub fn map_partitions_as<F>(&self, schema: SchemaRef, function: F) -> DataFrame
    where
        F: Fn(polars::prelude::DataFrame) -> PolarsResult<polars::prelude::DataFrame> + Send + Sync + 'static,
    {
        let step = RowStep::Call(on_partition("map_partitions", function));
        as_promised(Node::rows_of("map_partitions", self.node(), step, schema)).into()
    }

    /// One of the partitions, as a frame.
    ///
    /// # Panics
    /// When there are not so many.
    #[track_caller]
    pub fn partition(&self, number: usize) -> DataFrame {
        self.partitions(number..number + 1)
    }

    /// Some of the partitions, as a frame.
    ///
    /// # Panics
    /// When there are not so many, or when the range is empty.
    #[track_caller]
    pub fn partitions(&self, range: std::ops::Range<usize>) -> DataFrame {
        let count = self.npartitions();
        assert!(
            range.start < range.end && range.end <= count,
            "`partitions`: {range:?} is not a range of partitions of this frame, which has {count}"
        );
        chosen(self.node(), range.collect()).into()
    }

    /// At most so many rows of each partition.
    pub(crate) fn limit_each(&self, rows: usize) -> DataFrame {
        Node::rows_of("head", self.node(), RowStep::Head(rows), Arc::clone(&self.node().schema)).into()
    }

    /// A step on rows, whose expressions look at one row at a time, and at aggregates of all.
    pub(crate) fn by_row(&self, operation: &str, step: RowStep) -> Built<DataFrame> {
        let expressions = match &step {
            RowStep::Select(expressions) | RowStep::WithColumns(expressions) => expressions,
            RowStep::Filter(condition) => std::slice::from_ref(condition),
            _ => &[],
        };
        match row_by_row(operation, self.node(), expressions) {
            Err(other @ FrameError::Rows { .. }) => with_aggregates(operation, self, &step).unwrap_or(Err(other)),
            Err(other) => Err(other),
            Ok(()) => Node::rows(operation, self.node(), step).map(DataFrame::of),
        }
    }

    /// Whether there are such columns.
    pub(crate) fn has(&self, operation: &str, names: &[String]) -> Built<()> {
        let schema = &self.node().schema;
        match names.iter().find(|name| !schema.contains(name)) {
            Some(name) => Err(FrameError::column(operation, name, schema)),
            None => Ok(()),
        }
    }
}

impl From<NodeRef> for DataFrame {
    fn from(node: NodeRef) -> DataFrame {
        DataFrame::of(node)
    }
}

/// Looks whether the rows of each partition have the columns of which the next steps were told.
fn as_promised(node: NodeRef) -> NodeRef {
    let schema = Arc::clone(&node.schema);
    let look = Made::<OnPartition>::by(PackedSchema(Arc::clone(&schema)), |promised: &PackedSchema| {
        let promised = Arc::clone(&promised.0);
        Arc::new(move |rows: polars::prelude::DataFrame| match rows.schema() {
            given if *given == promised => Ok(rows),
            given => polars::prelude::polars_bail!(
                SchemaMismatch:
                "the function gave other columns for this partition than it was said to give: {}; said were {} \
                 (`map_partitions_as` takes the columns from you)",
                columns_of(given), columns_of(&promised)
            ),
        })
    });
    Node::rows_of("map_partitions", &node, RowStep::Call(look), schema)
}

fn columns_of(schema: &polars::prelude::Schema) -> String {
    let all: Vec<String> = schema.iter().map(|(name, kind)| format!("\"{name}\" ({kind})")).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

/// Refuses expressions whose value in a row depends on other rows: a partition does not see them.
pub(crate) fn row_by_row(operation: &str, input: &NodeRef, expressions: &[Expr]) -> Built<()> {
    schema_after(operation, input, |frame| Ok(frame.select(expressions))).map_err(|error| match error {
        FrameError::Column { operation, column, nearest, columns }
            if expressions.iter().any(|e| compares(e, &column)) =>
        {
            let nearest = format!("{nearest}, and a text to compare with is written `lit(\"{column}\")`");
            FrameError::Column { operation, column, nearest, columns }
        }
        other => other,
    })?;
    for expression in expressions {
        if !is_by_row(input, expression) {
            return Err(FrameError::Rows {
                operation: operation.to_owned(),
                expression: expression.to_string(),
                why: "looks at more than one row, and a partition knows only its own; \
                      aggregations, sorting, rolling and cumulative methods of the frame look at all"
                    .to_owned(),
            });
        }
    }
    Ok(())
}

/// Whether something is compared with this column: Polars takes a text beside an operator for a column's name.
fn compares(expression: &Expr, column: &str) -> bool {
    expression.into_iter().any(|part| match part {
        Expr::BinaryExpr { right, op, .. } if op.is_comparison() => {
            matches!(&**right, Expr::Column(name) if name == column)
        }
        _ => false,
    })
}

/// Whether an expression looks at one row at a time, as Polars sees it. `is_row_wise` asks more, and knows no types: what
/// it does not know is aggregated in another way, and what this one refuses cannot be written at all.
pub(crate) fn is_by_row(input: &NodeRef, expression: &Expr) -> bool {
    use polars_plan::plans::{IR, is_elementwise_rec};
    let Ok(plan) = input.empty().select([expression.clone()]).to_alp() else { return false };
    match plan.lp_arena.get(plan.lp_top) {
        IR::Select { expr, .. } => expr.iter().all(|one| is_elementwise_rec(one.node(), &plan.expr_arena)),
        // Columns alone.
        _ => true,
    }
}

/// The tasks that count the rows of each partition.
pub(crate) fn count(node: &NodeRef) -> Graph {
    // No column is needed, but a frame without columns has no rows for Polars: the one that is cheapest to read stands in.
    let cheapest = node.schema.iter().min_by_key(|(_, kind)| match kind {
        kind if kind.is_bool() => 0,
        kind if kind.is_primitive_numeric() || kind.is_temporal() => 1,
        _ => 2,
    });
    let narrow = match cheapest {
        Some((name, _)) => Node::rows("len", node, RowStep::Select(vec![col(name.clone())])),
        None => Ok(Arc::clone(node)),
    };
    let narrow = narrow.unwrap_or_else(|_| Arc::clone(node));
    let mut lowering = Lowering::new(&[&narrow]);
    let steps: Vec<_> = lowering
        .all(&narrow)
        .into_iter()
        .map(|step| {
            frame_task::<u64, _, _>("len", vec![step], (), |(), mut values| {
                Ok(taken::<polars::prelude::DataFrame>(values.remove(0)).height() as u64)
            })
        })
        .collect();
    Graph::lower(&steps)
}
