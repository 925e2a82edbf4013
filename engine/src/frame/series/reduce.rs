//! What is computed of all values of a series.

use polars::prelude::{Expr, QuantileMethod, SortMultipleOptions, col, len, lit};

use super::super::aggregate::{Aggregate, n_unique_approx, quantile_approx};
use super::super::error::built;
use super::super::fold::{Grouping, folded};
use super::super::node::Node;
use super::super::rows::{OnPartition, RowStep};
use super::super::scalar::{FromCell, Scalar};
use super::super::sort::SortOptions;
use super::{DataFrame, Series};
use crate::task::Made;

impl Series {
    #[track_caller]
    fn reduced<T: FromCell>(&self, operation: &str, aggregate: impl FnOnce(Expr) -> Aggregate) -> Scalar<T> {
        let grouping = Grouping { partitions: None, is_sorted: false };
        Scalar::only(built(folded(operation, &self.frame, &[], &[aggregate(self.expr())], grouping)))
    }

    /// The sum, as the type that Polars adds up in.
    #[track_caller]
    pub fn sum(&self) -> Scalar {
        self.reduced("sum", |column| column.sum().into())
    }

    /// The product.
    #[track_caller]
    pub fn product(&self) -> Scalar {
        self.reduced("product", |column| column.product().into())
    }

    /// The mean; `NaN` of no values. For times, ask for it as [`of`](Scalar::of) another type.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let trips = DataFrame::from_polars(taskloom::polars::df!("tip" => [Some(2.0), None, Some(4.0)])?, 2);
    /// assert_eq!(trips.col("tip").mean().compute()?, 3.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn mean(&self) -> Scalar<f64> {
        self.reduced("mean", |column| column.mean().into())
    }

    /// The standard deviation, with n - 1 degrees of freedom; `NaN` of fewer than two values.
    #[track_caller]
    pub fn std(&self) -> Scalar<f64> {
        self.reduced("std", |column| column.std(1).into())
    }

    /// The variance, with n - 1 degrees of freedom; `NaN` of fewer than two values.
    #[track_caller]
    pub fn var(&self) -> Scalar<f64> {
        self.reduced("var", |column| column.var(1).into())
    }

    /// The least value.
    #[track_caller]
    pub fn min(&self) -> Scalar {
        self.reduced("min", |column| column.min().into())
    }

    /// The greatest value.
    #[track_caller]
    pub fn max(&self) -> Scalar {
        self.reduced("max", |column| column.max().into())
    }

    /// The value of the first row.
    #[track_caller]
    pub fn first(&self) -> Scalar {
        self.reduced("first", |column| column.first().into())
    }

    /// The value of the last row.
    #[track_caller]
    pub fn last(&self) -> Scalar {
        self.reduced("last", |column| column.last().into())
    }

    /// How many values are not null.
    #[track_caller]
    pub fn count(&self) -> Scalar<usize> {
        self.reduced("count", |column| column.count().into())
    }

    /// How many values are null.
    #[track_caller]
    pub fn null_count(&self) -> Scalar<usize> {
        self.reduced("null_count", |column| column.null_count().into())
    }

    /// How many rows there are.
    #[track_caller]
    #[allow(clippy::len_without_is_empty, reason = "whether a lazy series is empty takes a computation too")]
    pub fn len(&self) -> Scalar<usize> {
        self.reduced("len", |column| column.len().into())
    }

    /// Whether any value is true.
    #[track_caller]
    pub fn any(&self) -> Scalar<bool> {
        self.reduced("any", |column| column.any(true).into())
    }

    /// Whether all values are true.
    #[track_caller]
    pub fn all(&self) -> Scalar<bool> {
        self.reduced("all", |column| column.all(true).into())
    }

    /// The median. All values come together for it; [`quantile_approx`](Series::quantile_approx) does without.
    #[track_caller]
    pub fn median(&self) -> Scalar<f64> {
        self.reduced("median", |column| column.median().into())
    }

    /// A quantile, between neighbours by a straight line. All values come together for it;
    /// [`quantile_approx`](Series::quantile_approx) does without.
    ///
    /// # Panics
    /// When `q` is not from 0 to 1.
    #[track_caller]
    pub fn quantile(&self, q: f64) -> Scalar<f64> {
        assert!((0.0..=1.0).contains(&q), "`quantile`: a quantile is from 0 to 1, and {q} is not");
        self.reduced("quantile", |column| column.quantile(lit(q), QuantileMethod::Linear).into())
    }

    /// About where a quantile is: [`quantile_approx`].
    ///
    /// # Panics
    /// When `q` is not from 0 to 1.
    #[track_caller]
    pub fn quantile_approx(&self, q: f64) -> Scalar<f64> {
        self.reduced("quantile_approx", |column| quantile_approx(column, q))
    }

    /// How many different values there are, not counting nulls, as in pandas. Where there are several partitions, equal
    /// values come together by their hash, so no task has to hold all of them.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let trips = DataFrame::from_polars(taskloom::polars::df!("zone" => ["a", "b", "a", "c"])?, 2);
    /// assert_eq!(trips.col("zone").nunique().compute()?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn nunique(&self) -> Scalar<usize> {
        let distinct = self.distinct();
        let grouping = Grouping { partitions: None, is_sorted: false };
        Scalar::only(built(folded("nunique", &distinct, &[], &[col(self.name()).count().into()], grouping)))
    }

    /// About how many different values there are, not counting nulls: [`n_unique_approx`].
    #[track_caller]
    pub fn nunique_approx(&self) -> Scalar<usize> {
        self.reduced("nunique_approx", |column| n_unique_approx(column.drop_nulls()))
    }

    /// Each value once, in no order.
    #[track_caller]
    pub fn unique(&self) -> Series {
        self.distinct().col(&self.name())
    }

    /// Each value once, in as many partitions as there are.
    #[track_caller]
    fn distinct(&self) -> DataFrame {
        self.to_frame().unique()
    }

    /// How often each value is there, the most frequent first: columns of the values and of `count`.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let trips = DataFrame::from_polars(taskloom::polars::df!("zone" => ["a", "b", "b", "c", "b", "c"])?, 2);
    /// let counts = trips.col("zone").value_counts().compute()?;
    /// assert_eq!(counts, taskloom::polars::df!("zone" => ["b", "c", "a"], "count" => [3_u32, 2, 1])?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn value_counts(&self) -> DataFrame {
        let grouping = Grouping { partitions: None, is_sorted: true };
        let name = self.name();
        let keys = [col(name.as_str())];
        let counts = built(folded("value_counts", &self.to_frame(), &keys, &[len().alias("count").into()], grouping));
        if counts.npartitions() > 1 {
            return counts.sort_values_with("count", SortOptions::default().descending(true));
        }
        let most_first = Made::<OnPartition>::by((), |()| {
            std::sync::Arc::new(|rows: polars::prelude::DataFrame| {
                let options = SortMultipleOptions::default().with_order_descending(true).with_maintain_order(true);
                rows.sort(["count"], options)
            })
        });
        built(Node::rows("value_counts", counts.node(), RowStep::Call(most_first))).into()
    }

    /// Count, mean, spread and quantiles: [`DataFrame::describe`] of this column.
    #[track_caller]
    pub fn describe(&self) -> DataFrame {
        self.to_frame().describe()
    }
}
