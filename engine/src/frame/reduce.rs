//! What is computed of all rows of a frame, column by column.

use std::fmt::Write as _;
use std::sync::Arc;

use polars::prelude::{Column, DataFrame as Rows, DataType, Expr, PlSmallStr, PolarsResult, col, cov, pearson_corr};

use super::DataFrame;
use super::aggregate::quantile_approx;
use super::error::built;
use super::fold::{Grouping, folded, one_partition};
use super::groupby::{Aggregates, is_number, is_ordered, is_summed};
use super::node::Node;
use super::rows::{OnPartition, RowStep, on_partition};
use crate::error::Result;
use crate::task::Made;

/// The rows of [`DataFrame::describe`].
const STATISTICS: [&str; 8] = ["count", "mean", "std", "min", "25%", "50%", "75%", "max"];

impl DataFrame {
    /// These aggregates of all rows: a frame of one row.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let trips = taskloom::polars::df!("tip" => [2.0, 1.0, 4.0, 1.0], "fare" => [10.0, 5.0, 16.0, 9.0])?;
    /// let trips = DataFrame::from_polars(trips, 2);
    /// let totals = trips.agg([(col("tip").sum() / col("fare").sum()).alias("rate"), col("fare").max()]).compute()?;
    /// assert_eq!(totals, taskloom::polars::df!("rate" => [0.2], "fare" => [16.0])?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such column, when Polars does not take an expression, or when one gives more than one value.
    #[track_caller]
    pub fn agg(&self, aggregates: impl Aggregates) -> DataFrame {
        let grouping = Grouping { partitions: None, is_sorted: false };
        built(folded("agg", self, &[], &aggregates.aggregates(), grouping))
    }

    /// The sum of each column of numbers or durations.
    #[track_caller]
    pub fn sum(&self) -> DataFrame {
        self.agg_each(is_summed, Expr::sum)
    }

    /// The mean of each column of numbers or times.
    #[track_caller]
    pub fn mean(&self) -> DataFrame {
        self.agg_each(|dtype| is_summed(dtype) || dtype.is_temporal(), Expr::mean)
    }

    /// The standard deviation of each column of numbers, with n - 1 degrees of freedom.
    #[track_caller]
    pub fn std(&self) -> DataFrame {
        self.agg_each(is_summed, |column| column.std(1))
    }

    /// The variance of each column of numbers, with n - 1 degrees of freedom.
    #[track_caller]
    pub fn var(&self) -> DataFrame {
        self.agg_each(is_number, |column| column.var(1))
    }

    /// The least value of each column.
    #[track_caller]
    pub fn min(&self) -> DataFrame {
        self.agg_each(is_ordered, Expr::min)
    }

    /// The greatest value of each column.
    #[track_caller]
    pub fn max(&self) -> DataFrame {
        self.agg_each(is_ordered, Expr::max)
    }

    /// How many values of each column are not null.
    #[track_caller]
    pub fn count(&self) -> DataFrame {
        self.agg_each(|_| true, Expr::count)
    }

    /// How many values of each column are null.
    #[track_caller]
    pub fn null_count(&self) -> DataFrame {
        self.agg_each(|_| true, Expr::null_count)
    }

    /// How many different values each column has, not counting nulls, as in pandas. Where columns have very many,
    /// [`Series::nunique`](super::Series::nunique) of one, or [`nunique_approx`](DataFrame::nunique_approx), take less memory.
    #[track_caller]
    pub fn nunique(&self) -> DataFrame {
        self.agg_each(is_ordered, |column| column.drop_nulls().n_unique())
    }

    /// About how many different values each column has, not counting nulls:
    /// [`n_unique_approx`](super::n_unique_approx).
    #[track_caller]
    pub fn nunique_approx(&self) -> DataFrame {
        let columns = self.columns_of(is_ordered);
        self.agg(columns.into_iter().map(|name| super::n_unique_approx(col(name).drop_nulls())).collect::<Vec<_>>())
    }

    /// The median of each column of numbers. All rows of these columns come together for it;
    /// [`quantile_approx`](DataFrame::quantile_approx) does without.
    #[track_caller]
    pub fn median(&self) -> DataFrame {
        self.agg_each(is_summed, Expr::median)
    }

    /// About where a quantile of each column of numbers is: [`quantile_approx`].
    ///
    /// # Panics
    /// When `q` is not from 0 to 1.
    #[track_caller]
    pub fn quantile_approx(&self, q: f64) -> DataFrame {
        let columns = self.columns_of(is_number);
        self.agg(columns.into_iter().map(|name| quantile_approx(col(name), q)).collect::<Vec<_>>())
    }

    /// Count, mean, standard deviation, least, quartiles and greatest of each column of numbers, in one pass. The quartiles are
    /// approximate: [`quantile_approx`].
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let trips = DataFrame::from_polars(taskloom::polars::df!("tip" => [2.0, 1.0, 4.0, 1.0, 2.0])?, 2);
    /// let text = trips.describe().compute()?;
    /// assert_eq!(text.column("tip")?.f64()?.get(5), Some(2.0));                 // the median
    /// assert_eq!(text.column("statistic")?.str()?.get(5), Some("50%"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When no column holds numbers.
    #[track_caller]
    pub fn describe(&self) -> DataFrame {
        let columns = self.columns_of(is_number);
        assert!(
            !columns.is_empty(),
            "`describe`: no column holds numbers; the columns are {}",
            self.columns().join(", ")
        );
        let mut all = Vec::new();
        for (at, name) in columns.iter().enumerate() {
            let column = || col(name.clone());
            let float = |expr: Expr| expr.cast(DataType::Float64);
            let quartile = |q| quantile_approx(column(), q);
            let statistics = [
                float(column().count()).into(),
                float(column().mean()).into(),
                float(column().std(1)).into(),
                float(column().min()).into(),
                quartile(0.25),
                quartile(0.5),
                quartile(0.75),
                float(column().max()).into(),
            ];
            all.extend(
                statistics
                    .into_iter()
                    .enumerate()
                    .map(|(row, one): (usize, super::Aggregate)| one.alias(format!("{at} {}", STATISTICS[row]))),
            );
        }
        let names: Vec<String> = columns.iter().map(|name| name.to_string()).collect();
        let tall = Made::<OnPartition>::by(names, |names| {
            let names = names.clone();
            Arc::new(move |row: Rows| {
                let labels = Column::new("statistic".into(), &STATISTICS);
                upright(&row, labels, &names, STATISTICS.len())
            })
        });
        built(Node::rows("describe", self.agg(all).node(), RowStep::Call(tall))).into()
    }

    /// The covariance of each pair of columns of numbers, over the rows where both have a value: a column `column` of their
    /// names, and one for each.
    ///
    /// # Panics
    /// When no column holds numbers.
    #[track_caller]
    pub fn cov(&self) -> DataFrame {
        self.pairs("cov", |one, other| cov(one, other, 1))
    }

    /// Pearson's correlation of each pair of columns of numbers, over the rows where both have a value: a column `column` of
    /// their names, and one for each.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = taskloom::polars::df!("km" => [1.0, 2.0, 3.0], "fare" => [5.0, 7.0, 9.0])?;
    /// let corr = DataFrame::from_polars(rows, 2).corr().compute()?;
    /// assert!((corr.column("fare")?.f64()?.get(0).unwrap() - 1.0).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When no column holds numbers.
    #[track_caller]
    pub fn corr(&self) -> DataFrame {
        self.pairs("corr", pearson_corr)
    }

    #[track_caller]
    fn pairs(&self, operation: &'static str, of: impl Fn(Expr, Expr) -> Expr) -> DataFrame {
        let columns = self.columns_of(is_number);
        assert!(
            !columns.is_empty(),
            "`{operation}`: no column holds numbers; the columns are {}",
            self.columns().join(", ")
        );
        let float = |name: &PlSmallStr| col(name.clone()).cast(DataType::Float64);
        // One of the two halves is enough, since they are equal.
        let mut all = Vec::new();
        for (at, one) in columns.iter().enumerate() {
            for (beside, other) in columns.iter().enumerate() {
                let (first, second) = if at <= beside { (one, other) } else { (other, one) };
                all.push(of(float(first), float(second)).alias(format!("{at} {beside}")));
            }
        }
        let names: Vec<String> = columns.iter().map(|name| name.to_string()).collect();
        let square = Made::<OnPartition>::by(names, |names| {
            let names = names.clone();
            Arc::new(move |row: Rows| upright(&row, Column::new("column".into(), &names), &names, names.len()))
        });
        built(Node::rows(operation, self.agg(all).node(), RowStep::Call(square))).into()
    }

    /// A function of each partition, and another of what those give, below one another: the result of the second.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let trips = DataFrame::from_polars(taskloom::polars::df!("tip" => [2.0, 9.0, 4.0, 1.0, 7.0])?, 3);
    /// let best = |rows: taskloom::polars::prelude::DataFrame| {
    ///     Ok(rows.sort(["tip"], taskloom::polars::prelude::SortMultipleOptions::default())?.tail(Some(2)))
    /// };
    /// assert_eq!(trips.reduction(best, best).compute()?.column("tip")?.f64()?.get(0), Some(7.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When a function fails for a frame without rows.
    #[track_caller]
    pub fn reduction<C, A>(&self, chunk: C, aggregate: A) -> DataFrame
    where
        C: Fn(Rows) -> PolarsResult<Rows> + Send + Sync + 'static,
        A: Fn(Rows) -> PolarsResult<Rows> + Send + Sync + 'static,
    {
        let parts = built(Node::rows("reduction", self.node(), RowStep::Call(on_partition("reduction", chunk))));
        let all = one_partition("reduction", &parts, Vec::new());
        built(Node::rows("reduction", &all, RowStep::Call(on_partition("reduction", aggregate)))).into()
    }

    /// What there is, in words: rows, columns, their types, and how many values of each are not null.
    ///
    /// # Errors
    /// As [`compute`](DataFrame::compute).
    pub fn info(&self) -> Result<String> {
        let counts = self.agg_each(|_| true, Expr::count);
        let rows = self.agg([polars::prelude::len().alias("len")]);
        let (counts, rows) = crate::compute!(counts, rows)?;
        let number =
            |rows: &Rows, at: usize| rows.columns()[at].get(0).ok().and_then(|cell| cell.extract::<u64>()).unwrap_or(0);
        let mut text = format!(
            "DataFrame: {} rows in {} partitions, {} columns\n",
            number(&rows, 0),
            self.npartitions(),
            self.node().schema.len()
        );
        let wide = self.columns().iter().map(|name| name.chars().count()).max().unwrap_or(0);
        for (at, (name, dtype)) in self.node().schema.iter().enumerate() {
            _ = writeln!(text, "  {name:wide$}  {:>12} not null  {dtype}", number(&counts, at));
        }
        Ok(text)
    }

    /// The columns whose type is wanted.
    pub(crate) fn columns_of(&self, is_wanted: impl Fn(&DataType) -> bool) -> Vec<PlSmallStr> {
        self.node().schema.iter().filter(|(_, dtype)| is_wanted(dtype)).map(|(name, _)| name.clone()).collect()
    }

    #[track_caller]
    fn agg_each(&self, is_wanted: impl Fn(&DataType) -> bool, aggregate: impl Fn(Expr) -> Expr) -> DataFrame {
        let columns = self.columns_of(is_wanted);
        assert!(
            !columns.is_empty(),
            "there is no column that this can be computed of; they are {}",
            self.columns().join(", ")
        );
        self.agg(columns.into_iter().map(|name| aggregate(col(name))).collect::<Vec<_>>())
    }
}

/// The values of a row in columns of so many, under these names, beside labels.
fn upright(row: &Rows, labels: Column, names: &[String], each: usize) -> PolarsResult<Rows> {
    let height = if row.height() == 0 { 0 } else { each };
    let mut columns = vec![labels.slice(0, height)];
    for (name, cells) in names.iter().zip(row.columns().chunks(each)) {
        let values = cells.iter().take(cells.len() * usize::from(height > 0));
        let values =
            values.map(|cell| Ok(cell.cast(&DataType::Float64)?.f64()?.get(0))).collect::<PolarsResult<Vec<_>>>()?;
        columns.push(Column::new(name.as_str().into(), values));
    }
    Rows::new(height, columns)
}
