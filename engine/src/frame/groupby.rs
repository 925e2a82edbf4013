//! Groups of rows, and what is computed of each.

use std::sync::Arc;

use polars::prelude::{DataFrame as Rows, DataType, Expr, PlSmallStr, PolarsResult, SchemaRef, col, len};

use super::DataFrame;
use super::aggregate::{Aggregate, n_unique_approx, quantile_approx};
use super::error::{Built, FrameError, built};
use super::fold::{Grouping, folded};
use super::given::{Expressions, Names};
use super::methods::row_by_row;
use super::node::Node;
use super::rows::{OnPartition, RowStep, in_words};
use super::shuffle::shuffled;
use super::stack::below;
use crate::task::Made;

/// What [`GroupBy::agg`] computes: expressions of Polars', [`Aggregate`]s, one or several.
pub trait Aggregates {
    /// The aggregates.
    fn aggregates(self) -> Vec<Aggregate>;
}

impl Aggregates for Expr {
    fn aggregates(self) -> Vec<Aggregate> {
        vec![self.into()]
    }
}

impl Aggregates for Aggregate {
    fn aggregates(self) -> Vec<Aggregate> {
        vec![self]
    }
}

impl<A: Into<Aggregate>, const N: usize> Aggregates for [A; N] {
    fn aggregates(self) -> Vec<Aggregate> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<A: Into<Aggregate>> Aggregates for Vec<A> {
    fn aggregates(self) -> Vec<Aggregate> {
        self.into_iter().map(Into::into).collect()
    }
}

/// Rows that have the same keys, together; [`agg`](GroupBy::agg) and its short forms compute something of each group.
///
/// Sums, means and what else can be computed in parts goes through a tree: each partition gives a row for each of its
/// groups, and these are merged; in pieces, where they are many. The result is one partition in the order of the keys,
/// nulls last, unless [`split_out`](GroupBy::split_out) asks for several. Medians and other expressions that need all rows
/// of a group shuffle the rows by key first.
///
/// Groups that this process has no room for in one partition come in several, in the same order. Where there are so many
/// rows that this may be, two partitions are looked at to find out; [`explain`](DataFrame::explain) tells what was found.
///
/// ```
/// use taskloom::prelude::*;
/// let trips = taskloom::polars::df!("zone" => ["b", "a", "b", "a"], "tip" => [2.0, 1.0, 4.0, 0.0])?;
/// let trips = DataFrame::from_polars(trips, 2);
/// let tips = trips.groupby("zone").agg([col("tip").mean(), col("tip").max().alias("most")]).compute()?;
/// assert_eq!(tips, taskloom::polars::df!("zone" => ["a", "b"], "tip" => [0.5, 3.0], "most" => [1.0, 4.0])?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "groups do nothing until something is computed of them"]
pub struct GroupBy {
    frame: DataFrame,
    keys: Vec<Expr>,
    grouping: Grouping,
}

impl std::fmt::Debug for GroupBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(in_words).collect();
        write!(
            f,
            "rows by {}: `.agg([…])`, `.mean()`, `.size()` and the like make a dataframe with a row for each group",
            keys.join(", ")
        )
    }
}

impl DataFrame {
    /// Puts the rows together that have the same values in these columns, or of these expressions; nulls are a group of
    /// their own.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = taskloom::polars::df!("zone" => [1, 2, 1], "tip" => [2.0, 1.0, 4.0])?;
    /// let counts = DataFrame::from_polars(rows, 2).groupby("zone").size();
    /// assert_eq!(counts.compute()?, taskloom::polars::df!("zone" => [1, 2], "size" => [2_u32, 1])?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When there is no key, or no such column, or when a key looks at more than one row.
    #[track_caller]
    pub fn groupby(&self, keys: impl Expressions) -> GroupBy {
        let keys = built(keys.of("groupby", self));
        assert!(!keys.is_empty(), "`groupby`: name the columns whose values make the groups");
        built(row_by_row("groupby", self.node(), &keys));
        let grouping = Grouping { partitions: None, is_sorted: true };
        GroupBy { frame: self.clone(), keys, grouping }
    }
}

impl GroupBy {
    /// The groups in so many partitions, by the hash of their keys and in no order: for many groups.
    ///
    /// # Panics
    /// When `npartitions` is 0.
    #[track_caller]
    pub fn split_out(mut self, npartitions: usize) -> GroupBy {
        assert!(npartitions > 0, "`split_out`: the result has at least one partition, and 0 were asked for");
        self.grouping.partitions = (npartitions > 1).then_some(npartitions);
        self
    }

    /// Whether the result is in the order of the keys, where it is one partition; without this call it is.
    pub fn sort(mut self, is_sorted: bool) -> GroupBy {
        self.grouping.is_sorted = is_sorted;
        self
    }

    /// These aggregates of each group, beside the keys: expressions of Polars' that give one value for a group, and
    /// [`Aggregation`](super::Aggregation)s of columns.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::dataframe::quantile_approx;
    /// let trips = taskloom::polars::df!("zone" => [1, 1, 2], "tip" => [2.0, 4.0, 1.0], "km" => [1.0, 3.0, 2.0])?;
    /// let by_zone = DataFrame::from_polars(trips, 2).groupby(["zone"]);
    /// let rates = by_zone.agg([(col("tip").sum() / col("km").sum()).alias("rate")]).compute()?;
    /// assert_eq!(rates, taskloom::polars::df!("zone" => [1, 2], "rate" => [1.5, 0.5])?);
    /// let typical = by_zone.agg([quantile_approx(col("tip"), 0.5)]).compute()?;
    /// assert_eq!(typical, taskloom::polars::df!("zone" => [1, 2], "tip" => [3.0, 1.0])?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such column, or when Polars does not take the expression.
    #[track_caller]
    pub fn agg(&self, aggregates: impl Aggregates) -> DataFrame {
        built(folded("groupby", &self.frame, &self.keys, &aggregates.aggregates(), self.grouping))
    }

    /// The number of rows of each group, as the column `size`.
    #[track_caller]
    pub fn size(&self) -> DataFrame {
        self.agg([len().alias("size")])
    }

    /// How many values each column has that are not null.
    #[track_caller]
    pub fn count(&self) -> DataFrame {
        self.of_each(|_| true, Expr::count)
    }

    /// The sum of each column of numbers or durations.
    #[track_caller]
    pub fn sum(&self) -> DataFrame {
        self.of_each(is_summed, Expr::sum)
    }

    /// The mean of each column of numbers or times.
    #[track_caller]
    pub fn mean(&self) -> DataFrame {
        self.of_each(|dtype| is_summed(dtype) || dtype.is_temporal(), Expr::mean)
    }

    /// The least value of each column.
    #[track_caller]
    pub fn min(&self) -> DataFrame {
        self.of_each(is_ordered, Expr::min)
    }

    /// The greatest value of each column.
    #[track_caller]
    pub fn max(&self) -> DataFrame {
        self.of_each(is_ordered, Expr::max)
    }

    /// The standard deviation of each column of numbers, with n - 1 degrees of freedom.
    #[track_caller]
    pub fn std(&self) -> DataFrame {
        self.of_each(is_summed, |column| column.std(1))
    }

    /// The variance of each column of numbers, with n - 1 degrees of freedom.
    #[track_caller]
    pub fn var(&self) -> DataFrame {
        self.of_each(is_number, |column| column.var(1))
    }

    /// The first value of each column, in the order of the partitions; nulls are passed over, as in pandas.
    #[track_caller]
    pub fn first(&self) -> DataFrame {
        self.of_each(|_| true, Expr::first_non_null)
    }

    /// The last value of each column, in the order of the partitions; nulls are passed over, as in pandas.
    #[track_caller]
    pub fn last(&self) -> DataFrame {
        self.of_each(|_| true, Expr::last_non_null)
    }

    /// How many different values each column has, not counting nulls, as in pandas.
    #[track_caller]
    pub fn nunique(&self) -> DataFrame {
        self.of_each(is_ordered, |column| column.drop_nulls().n_unique())
    }

    /// About how many different values each column has: [`n_unique_approx`].
    #[track_caller]
    pub fn nunique_approx(&self) -> DataFrame {
        let columns = self.others(is_ordered);
        self.agg(columns.into_iter().map(|name| n_unique_approx(col(name).drop_nulls())).collect::<Vec<_>>())
    }

    /// The median of each column of numbers. All rows of a group are brought together for it;
    /// [`quantile_approx`](GroupBy::quantile_approx) does without.
    #[track_caller]
    pub fn median(&self) -> DataFrame {
        self.of_each(is_summed, Expr::median)
    }

    /// About where a quantile of each column of numbers is: [`quantile_approx`].
    ///
    /// # Panics
    /// When `q` is not from 0 to 1.
    #[track_caller]
    pub fn quantile_approx(&self, q: f64) -> DataFrame {
        let columns = self.others(is_number);
        self.agg(columns.into_iter().map(|name| quantile_approx(col(name), q)).collect::<Vec<_>>())
    }

    /// A function of the rows of each group, which gives rows. Its columns are those that it gives for a frame without
    /// rows; where that does not do, [`apply_as`](GroupBy::apply_as) takes them from you.
    ///
    /// The rows of a group are brought together first, so the result has as many partitions as the frame, or as
    /// [`split_out`](GroupBy::split_out) asked for; groups are in no order.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = taskloom::polars::df!("zone" => ["a", "b", "a", "b"], "tip" => [2.0, 1.0, 4.0, 5.0])?;
    /// let best = DataFrame::from_polars(rows, 2)
    ///     .groupby("zone")
    ///     .apply(|rows| Ok(rows.sort(["tip"], Default::default())?.tail(Some(1))));
    /// assert_eq!(best.col("tip").sum().of::<f64>().compute()?, 9.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When a key is not a column; when the function fails for a frame without rows.
    #[track_caller]
    pub fn apply<F>(&self, function: F) -> DataFrame
    where
        F: Fn(Rows) -> PolarsResult<Rows> + Send + Sync + 'static,
    {
        built(self.applied(None, function))
    }

    /// As [`apply`](GroupBy::apply), with the columns that the function gives.
    ///
    /// # Panics
    /// When a key is not a column.
    #[track_caller]
    pub fn apply_as<F>(&self, schema: SchemaRef, function: F) -> DataFrame
    where
        F: Fn(Rows) -> PolarsResult<Rows> + Send + Sync + 'static,
    {
        built(self.applied(Some(schema), function))
    }

    fn applied<F>(&self, schema: Option<SchemaRef>, function: F) -> Built<DataFrame>
    where
        F: Fn(Rows) -> PolarsResult<Rows> + Send + Sync + 'static,
    {
        let keys = self.key_columns()?;
        let input = self.frame.node();
        let count = self.grouping.partitions.unwrap_or(input.npartitions);
        let near = if count == 1 && input.npartitions == 1 {
            Arc::clone(input)
        } else {
            shuffled("groupby", input, keys.clone(), count)
        };
        let step = RowStep::Call(Made::<OnPartition>::given("apply", function, keys, |function, keys| {
            let keys = keys.clone();
            Arc::new(move |rows| of_each_group(rows, &keys, &function))
        }));
        match schema {
            Some(schema) => Ok(Node::rows_of("apply", &near, step, schema).into()),
            None => Ok(Node::rows("apply", &near, step)?.into()),
        }
    }

    /// The keys, which have to be columns.
    fn key_columns(&self) -> Built<Vec<String>> {
        let name = |key: &Expr| match key {
            Expr::Column(name) => Ok(name.to_string()),
            other => Err(FrameError::Rows {
                operation: "apply".to_owned(),
                expression: other.to_string(),
                why: "is not a column; give it a name with `assign` and group by that".to_owned(),
            }),
        };
        self.keys.iter().map(name).collect()
    }

    /// The columns that are no keys.
    fn others(&self, is_wanted: impl Fn(&DataType) -> bool) -> Vec<PlSmallStr> {
        let is_key = |name: &PlSmallStr| {
            self.keys.iter().any(|key| key.clone().meta().output_name().is_ok_and(|key| key == *name))
        };
        let columns = self.frame.node().schema.iter();
        columns.filter(|(name, dtype)| is_wanted(dtype) && !is_key(name)).map(|(name, _)| name.clone()).collect()
    }

    #[track_caller]
    fn of_each(&self, is_wanted: impl Fn(&DataType) -> bool, aggregate: impl Fn(Expr) -> Expr) -> DataFrame {
        self.agg(self.others(is_wanted).into_iter().map(|name| aggregate(col(name))).collect::<Vec<_>>())
    }
}

/// What has a sum.
pub(crate) fn is_summed(dtype: &DataType) -> bool {
    is_number(dtype) || dtype.is_duration()
}

/// Numbers and truth values.
pub(crate) fn is_number(dtype: &DataType) -> bool {
    dtype.is_primitive_numeric() || dtype.is_decimal() || dtype.is_bool()
}

/// What has an order.
pub(crate) fn is_ordered(dtype: &DataType) -> bool {
    !dtype.is_nested() && !dtype.is_object() && !dtype.is_null()
}

fn of_each_group(rows: Rows, keys: &[String], function: &impl Fn(Rows) -> PolarsResult<Rows>) -> PolarsResult<Rows> {
    if rows.height() == 0 {
        return function(rows);
    }
    below(rows.partition_by_stable(keys.to_vec(), true)?.into_iter().map(function).collect::<PolarsResult<Vec<_>>>()?)
}

/// Keys by name, for the methods that group by columns alone.
#[track_caller]
pub(crate) fn by_names(frame: &DataFrame, operation: &str, names: impl Names) -> Vec<String> {
    let names = names.names();
    built(frame.has(operation, &names));
    names
}
