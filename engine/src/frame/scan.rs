//! Running sums and what else goes on from row to row: each partition by itself, then with what the ones before leave over.
//!
//! ```text
//!  partition 0 ─► running ─────────────────────────► partition 0
//!                    └─► last ─┐
//!  partition 1 ─► running ─────┼───────► carry on ─► partition 1
//!                    └─► last ─┴► last ─┐
//!  partition 2 ─► running ──────────────┴► carry on ─► partition 2
//! ```

use std::sync::Arc;

use polars::lazy::dsl::{max_horizontal, min_horizontal};
use polars::prelude::{
    Column, DataFrame as Rows, DataType, Expr, FillNullStrategy, IntoLazy, PolarsResult, Scalar, coalesce, col, lit,
    when,
};

use super::DataFrame;
use super::error::built;
use super::given::Names;
use super::groupby::{by_names, is_number, is_ordered, is_summed};
use super::lower::{Chunk, Lowering, partition_task};
use super::node::{Node, NodeRef, Operation};
use super::rows::RowStep;
use crate::task::packed;

/// What goes on from row to row.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Running {
    Sum,
    Product,
    Max,
    Min,
    Count,
    /// The last value that is not null.
    Last,
}

packed!(
    enum Running {
        Sum,
        Product,
        Max,
        Min,
        Count,
        Last,
    }
);

impl Running {
    /// A partition by itself.
    fn alone(self, column: Expr) -> Expr {
        match self {
            Running::Sum => column.cum_sum(false),
            Running::Product => column.cum_prod(false),
            Running::Max => column.cum_max(false),
            Running::Min => column.cum_min(false),
            Running::Count => column.cum_count(false),
            Running::Last => column.fill_null_with_strategy(FillNullStrategy::Forward(None)),
        }
    }

    /// The same with what is left over from before; `null` when nothing is.
    fn carried(self, column: Expr, before: Expr) -> PolarsResult<Expr> {
        let is_nothing = before.clone().is_null();
        let both = match self {
            Running::Sum | Running::Count => column.clone() + before,
            Running::Product => column.clone() * before,
            Running::Max => max_horizontal([column.clone(), before])?,
            Running::Min => min_horizontal([column.clone(), before])?,
            Running::Last => return Ok(coalesce(&[column, before])),
        };
        // Where there is no value there is no sum, and where nothing was before it is the partition's own.
        let is_own = is_nothing.or(column.clone().is_null());
        Ok(when(is_own).then(column).otherwise(both))
    }
}

impl DataFrame {
    /// These columns of numbers with their running sums in their place, in the order of the partitions; nulls stay, and are
    /// passed over. For a sum beside the column, [`assign`](DataFrame::assign) a copy first.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = taskloom::polars::df!("day" => [1, 2, 3, 4], "rides" => [10_i64, 20, 5, 1])?;
    /// let total = DataFrame::from_polars(rows, 2).assign("total", col("rides")).cumsum("total");
    /// assert_eq!(total.compute()?.column("total")?.i64()?.get(3), Some(36));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such column, or when it holds no numbers.
    #[track_caller]
    pub fn cumsum(&self, columns: impl Names) -> DataFrame {
        self.running("cumsum", columns, Running::Sum, is_summed)
    }

    /// These columns of numbers with their running products in their place.
    ///
    /// # Panics
    /// As [`cumsum`](DataFrame::cumsum).
    #[track_caller]
    pub fn cumprod(&self, columns: impl Names) -> DataFrame {
        self.running("cumprod", columns, Running::Product, is_number)
    }

    /// These columns with the greatest value so far in the place of each.
    ///
    /// # Panics
    /// As [`cumsum`](DataFrame::cumsum).
    #[track_caller]
    pub fn cummax(&self, columns: impl Names) -> DataFrame {
        self.running("cummax", columns, Running::Max, is_compared)
    }

    /// These columns with the least value so far in the place of each.
    ///
    /// # Panics
    /// As [`cumsum`](DataFrame::cumsum).
    #[track_caller]
    pub fn cummin(&self, columns: impl Names) -> DataFrame {
        self.running("cummin", columns, Running::Min, is_compared)
    }

    /// These columns with the number of values so far that are not null.
    ///
    /// # Panics
    /// When there is no such column.
    #[track_caller]
    pub fn cumcount(&self, columns: impl Names) -> DataFrame {
        self.running("cumcount", columns, Running::Count, |_| true)
    }

    /// These columns with the last value before it in the place of each null, also from partitions before.
    ///
    /// # Panics
    /// When there is no such column.
    #[track_caller]
    pub fn ffill(&self, columns: impl Names) -> DataFrame {
        self.running("ffill", columns, Running::Last, is_ordered)
    }

    #[track_caller]
    fn running(
        &self,
        operation: &'static str,
        columns: impl Names,
        running: Running,
        is_taken: impl Fn(&DataType) -> bool,
    ) -> DataFrame {
        let columns = by_names(self, operation, columns);
        for name in &columns {
            let dtype = self.node().schema.get(name).unwrap_or(&DataType::Null);
            assert!(
                is_taken(dtype),
                "`{operation}`: the column \"{name}\" is of type {dtype}, which it is not defined for"
            );
        }
        let columns = columns.iter().map(|name| col(name.as_str()));
        let alone = columns.clone().map(|column| running.alone(column)).collect();
        let alone = built(Node::rows(operation, self.node(), RowStep::WithColumns(alone)));
        if alone.npartitions == 1 {
            return alone.into();
        }
        let lasts = columns.map(Expr::last_non_null).collect();
        let lasts = built(Node::rows(operation, &alone, RowStep::Partial(Vec::new(), lasts)));
        let mut before: Vec<NodeRef> = Vec::new();
        for partition in 0..alone.npartitions - 1 {
            let left = Left { lasts: Arc::clone(&lasts), partition, before: before.last().map(Arc::clone), running };
            before.push(Node::across("carry", Arc::clone(&lasts.schema), 1, left));
        }
        let (schema, count) = (Arc::clone(&alone.schema), alone.npartitions);
        Node::across(operation, schema, count, Scan { alone, before, running }).into()
    }
}

/// What running extremes are defined for.
fn is_compared(dtype: &DataType) -> bool {
    dtype.is_primitive_numeric() || dtype.is_temporal()
}

/// The rows with their running columns carried on from what is left over from before, a row of those columns.
fn carried(running: Running, rows: Rows, before: &Rows) -> PolarsResult<Rows> {
    let carry = |column: &Column| -> PolarsResult<Expr> {
        let value = Scalar::new(column.dtype().clone(), column.get(0)?.into_static());
        let (name, dtype) = (column.name().clone(), column.dtype().clone());
        running.carried(col(name.clone()), lit(value)).map(|expr| expr.cast(dtype).alias(name))
    };
    let carried = before.columns().iter().map(carry).collect::<PolarsResult<Vec<_>>>()?;
    rows.lazy().with_columns(carried).collect()
}

/// What a partition and those before it leave over: a row.
struct Left {
    lasts: NodeRef,
    partition: usize,
    before: Option<NodeRef>,
    running: Running,
}

impl Operation for Left {
    fn inputs(&self) -> Vec<&NodeRef> {
        std::iter::once(&self.lasts).chain(&self.before).collect()
    }

    fn chunk(&self, _partition: usize, lowering: &mut Lowering) -> Chunk {
        let Some(before) = &self.before else { return lowering.chunk(&self.lasts, self.partition) };
        let steps = vec![lowering.step(&self.lasts, self.partition), lowering.step(before, 0)];
        Chunk::of_step(partition_task("carry", steps, self.running, |running, mut frames| {
            let before = frames.remove(1);
            let last = carried(*running, frames.remove(0), &before)?;
            // Where the partition had nothing, what was left over from before still is.
            let names = before.get_column_names_owned();
            let fill = |column: &Column| -> PolarsResult<Expr> {
                let value = Scalar::new(column.dtype().clone(), column.get(0)?.into_static());
                Ok(col(column.name().clone()).fill_null(lit(value)))
            };
            let filled = before.columns().iter().map(fill).collect::<PolarsResult<Vec<_>>>()?;
            last.lazy().with_columns(filled).select(names.into_iter().map(col).collect::<Vec<_>>()).collect()
        }))
    }

    fn about(&self) -> String {
        format!("what partitions up to {} leave over", self.partition)
    }
}

/// Partitions by themselves, and what those before each leave over.
struct Scan {
    alone: NodeRef,
    before: Vec<NodeRef>,
    running: Running,
}

impl Operation for Scan {
    fn inputs(&self) -> Vec<&NodeRef> {
        std::iter::once(&self.alone).chain(&self.before).collect()
    }

    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        let Some(before) = partition.checked_sub(1) else { return lowering.chunk(&self.alone, partition) };
        let steps = vec![lowering.step(&self.alone, partition), lowering.step(&self.before[before], 0)];
        Chunk::of_step(partition_task("carry on", steps, self.running, |running, mut frames| {
            let before = frames.remove(1);
            carried(*running, frames.remove(0), &before)
        }))
    }

    fn about(&self) -> String {
        "carry on from the partitions before".to_owned()
    }
}
