//! Frames in another shape: long and wide, by time, a part of the rows, and without what is missing.

use std::sync::Arc;

use polars::prelude::{
    AnyValue, DataFrame as Rows, DataType, Expr, Literal, NULL, PolarsResult, Scalar, UnpivotDF, col, lit, when,
};

use super::DataFrame;
use super::error::{FrameError, built};
use super::given::{Expressions, Names};
use super::groupby::{GroupBy, by_names};
use super::lower::{Chunk, Lowering};
use super::node::{Node, NodeRef, Operation};
use super::rows::{OnPartition, RowStep};
use crate::error::Result;
use crate::task::Made;

impl DataFrame {
    /// A row for each value of some columns: the columns `id` beside `variable`, the name of the column, and `value`. Each
    /// partition gives the rows of its first column, then those of the next; as many partitions as before.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = df!("city" => ["Oslo", "Lima"], "may" => [11.0, 18.0], "june" => [15.0, 16.0])?;
    /// let long = DataFrame::from_polars(rows, 2).melt("city", ["may", "june"]);
    /// assert_eq!(long.columns(), ["city", "variable", "value"]);
    /// assert_eq!(long.len()?, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such column, or when the types of the values have nothing in common.
    #[track_caller]
    pub fn melt(&self, id: impl Names, values: impl Names) -> DataFrame {
        let parameters = (by_names(self, "melt", id), by_names(self, "melt", values));
        let step = Made::<OnPartition>::by(parameters, |(id, values)| {
            let (id, values) = (id.clone(), values.clone());
            Arc::new(move |rows: Rows| rows.unpivot(Some(values.clone()), id.clone()))
        });
        built(Node::rows("melt", self.node(), RowStep::Call(step))).into()
    }

    /// A row for each value of the index, a column for each value of another column, and in the cells an aggregate of a third
    /// column: pandas' `pivot_table`. Where no row is, the cell is null.
    ///
    /// Which columns there are depends on the values, so these are computed now; where they are known,
    /// [`pivot_table_of`](DataFrame::pivot_table_of) computes nothing.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let trips = df!("zone" => ["a", "b", "a"], "day" => ["mon", "mon", "tue"], "tip" => [1.0, 2.0, 4.0])?;
    /// let table = DataFrame::from_polars(trips, 2).pivot_table("zone", "day", "tip", |tip| tip.mean())?.compute()?;
    /// assert_eq!(table, df!("zone" => ["a", "b"], "mon" => [1.0, 2.0], "tue" => [Some(4.0), None])?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`compute`](DataFrame::compute).
    ///
    /// # Panics
    /// When there is no such column.
    #[track_caller]
    pub fn pivot_table(
        &self,
        index: impl Expressions,
        columns: &str,
        values: &str,
        aggregate: impl Fn(Expr) -> Expr,
    ) -> Result<DataFrame> {
        let wanted = self.col(columns).dropna().unique().compute()?.sort(Default::default())?;
        let cells: Vec<AnyValue<'static>> = wanted.iter().map(AnyValue::into_static).collect();
        let index = built(index.of("pivot_table", self));
        Ok(self.pivoted(index, columns, wanted.dtype(), cells, values, aggregate))
    }

    /// As [`pivot_table`](DataFrame::pivot_table), with a column for each of these values.
    ///
    /// # Panics
    /// When there is no such column.
    #[track_caller]
    pub fn pivot_table_of<'a>(
        &self,
        index: impl Expressions,
        columns: &str,
        wanted: impl IntoIterator<Item = &'a str>,
        values: &str,
        aggregate: impl Fn(Expr) -> Expr,
    ) -> DataFrame {
        let cells = wanted.into_iter().map(|text| AnyValue::StringOwned(text.into())).collect();
        let index = built(index.of("pivot_table_of", self));
        self.pivoted(index, columns, &DataType::String, cells, values, aggregate)
    }

    #[track_caller]
    fn pivoted(
        &self,
        index: Vec<Expr>,
        columns: &str,
        dtype: &DataType,
        cells: Vec<AnyValue<'static>>,
        values: &str,
        aggregate: impl Fn(Expr) -> Expr,
    ) -> DataFrame {
        by_names(self, "pivot_table", [columns, values]);
        let cell = |cell: AnyValue<'static>| {
            let name = cell.get_str().map_or_else(|| cell.to_string(), str::to_owned);
            let there = col(values).filter(col(columns).eq(lit(Scalar::new(dtype.clone(), cell))));
            when(there.clone().len().gt(lit(0))).then(aggregate(there)).otherwise(lit(NULL)).alias(name)
        };
        self.groupby(index).agg(cells.into_iter().map(cell).collect::<Vec<_>>())
    }

    /// Groups of rows by intervals of a time, each called by its start: `"15m"`, `"1d"`, `"1mo"`. Intervals without rows are
    /// not there.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = df!("at" => [0_i64, 3, 90_000], "rides" => [1, 2, 4])?;
    /// let frame = DataFrame::from_polars(rows, 2);
    /// let at = (col("at") * lit(1000)).cast(DataType::Datetime(taskloom::polars::prelude::TimeUnit::Milliseconds, None));
    /// let days = frame.with_columns([at]).resample_on("at", "1d").sum().compute()?;
    /// assert_eq!(days.column("rides")?.i32()?.to_vec(), [Some(3), Some(4)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such column, or when it holds no times.
    #[track_caller]
    pub fn resample_on(&self, column: &str, every: &str) -> GroupBy {
        let dtype = self.col(column).dtype();
        let is_time = dtype.is_temporal() && !dtype.is_duration();
        assert!(is_time, "`resample`: the column \"{column}\" is of type {dtype}, and \"{every}\" needs times");
        if let Err(error) = polars::prelude::Duration::try_parse(every) {
            panic!("`resample`: {}", super::error::sentence(&error));
        }
        self.groupby(col(column).dt().truncate(lit(every)))
    }

    /// Groups of rows by intervals of the index: [`resample_on`](DataFrame::resample_on).
    ///
    /// # Panics
    /// When the frame has no index, or when it holds no times.
    #[track_caller]
    pub fn resample(&self, every: &str) -> GroupBy {
        let index = self.node().divisions.as_ref().map(|divisions| divisions.column.clone());
        let index = index
            .unwrap_or_else(|| panic!("`resample`: the frame has no index: `resample_on` names a column of times"));
        self.resample_on(&index, every)
    }

    /// About a share of the rows of each partition, drawn without repetition; the same for the same seed.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = df!("n" => (0..1000).collect::<Vec<i32>>())?;
    /// let some = DataFrame::from_polars(rows, 4).sample(0.1, 42);
    /// assert_eq!(some.len()?, 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When the share is not from 0 to 1.
    #[track_caller]
    pub fn sample(&self, share: f64, seed: u64) -> DataFrame {
        assert!((0.0..=1.0).contains(&share), "`sample`: a share is from 0 to 1, and {share} is not");
        let (input, schema) = (Arc::clone(self.node()), self.schema());
        let count = input.npartitions;
        Node::across("sample", schema, count, Sample { input, share, seed }).into()
    }

    /// A value in the place of nulls, in all columns of a type that takes it.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = df!("tip" => [Some(1.5), None], "zone" => [None, Some("b")])?;
    /// let filled = DataFrame::from_polars(rows, 1).fillna(0.0).fillna("none").compute()?;
    /// assert_eq!(filled, df!("tip" => [1.5, 0.0], "zone" => ["none", "b"])?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn fillna(&self, value: impl Literal) -> DataFrame {
        let value = value.lit();
        let of = self.series(value.clone().alias("value")).dtype();
        let takes = |dtype: &DataType| {
            dtype == &of || (dtype.is_primitive_numeric() && of.is_integer()) || (dtype.is_float() && of.is_float())
        };
        let filled = self.columns_of(takes).into_iter();
        let filled: Vec<Expr> = filled
            .map(|name| {
                let dtype = self.node().schema.get(&name).cloned().unwrap_or(DataType::Null);
                col(name).fill_null(value.clone().cast(dtype))
            })
            .collect();
        if filled.is_empty() {
            let why = format!("no column takes a value of type {of}");
            built::<()>(Err(FrameError::Expression { operation: "fillna".to_owned(), why }));
        }
        built(self.by_row("fillna", RowStep::WithColumns(filled)))
    }
}

/// Some rows of each partition.
struct Sample {
    input: NodeRef,
    share: f64,
    seed: u64,
}

impl Operation for Sample {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        // Partitions are drawn from differently.
        let seed = self.seed ^ (partition as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let step = Made::<OnPartition>::by((self.share, seed), |&(share, seed)| {
            Arc::new(move |rows: Rows| -> PolarsResult<Rows> {
                let count = (rows.height() as f64 * share).round() as usize;
                rows.sample_n_literal(count, false, Some(false), Some(seed))
            })
        });
        lowering.chunk(&self.input, partition).then("sample", RowStep::Call(step))
    }

    fn about(&self) -> String {
        format!("a share of {} of the rows", self.share)
    }
}
