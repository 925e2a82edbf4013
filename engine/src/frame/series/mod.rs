//! [`Series`]: one column of a frame, or what is made of several, row by row.
//!
//! ```text
//!  ops (operators, comparisons)   values (what is made of each value)   access (.str() .dt() .cat())
//!       └──────────────┬─────────────────────┴──────────────────────────────┘
//!                    Series ──► reduce (sums, means, counts: Scalar; counts of values: DataFrame)
//! ```

mod access;
mod ops;
mod reduce;
mod values;

use std::sync::Arc;

use polars::prelude::{DataType, Expr, PlSmallStr, Series as Values};

use super::DataFrame;
use super::error::{Built, FrameError, built};
use super::methods::row_by_row;
use super::node::schema_after;
use super::rows::RowStep;
use crate::delayed::{Gathered, Output};
use crate::error::Result;
use crate::scheduler::Scheduler;
use crate::task::Value;

pub use access::{Categories, Dates, Strings};
pub use ops::Operand;

/// A column of a frame, lazy: what is done with it builds an expression.
///
/// Columns of one frame are put together with operators, and with numbers. What a series becomes is a column of that frame:
/// [`assign`](DataFrame::assign), [`filter`](DataFrame::filter) and other methods of the frame take it.
///
/// ```
/// use taskloom::prelude::*;
/// let trips = taskloom::polars::df!("tip" => [2.0, 0.0, 4.0], "fare" => [10.0, 8.0, 16.0])?;
/// let trips = DataFrame::from_polars(trips, 2);
/// let share = trips.col("tip") / trips.col("fare") * 100.0;
/// assert_eq!(share.mean().compute()?, 15.0);
/// assert_eq!(trips.filter(share.gt(1.0)).len()?, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Series {
    frame: DataFrame,
    expr: Expr,
}

/// An expression does not change once it is built, so nothing is left half done by a panic.
impl std::panic::UnwindSafe for Series {}
impl std::panic::RefUnwindSafe for Series {}

impl std::fmt::Debug for Series {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Series({}: {}, {} partitions)", self.name(), self.dtype(), self.frame.npartitions())
    }
}

impl DataFrame {
    /// One of the columns.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let trips = DataFrame::from_polars(taskloom::polars::df!("tip" => [2.0, 1.0, 4.0])?, 2);
    /// assert_eq!(trips.col("tip").max().of::<f64>().compute()?, 4.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such column, with the names that there are.
    #[track_caller]
    pub fn col(&self, name: &str) -> Series {
        built(self.has("col", &[name.to_owned()]));
        Series { frame: self.clone(), expr: polars::prelude::col(name) }
    }

    /// What an expression is in each row.
    ///
    /// # Panics
    /// When there is no such column, or when the expression looks at more than one row.
    #[track_caller]
    pub fn series(&self, expr: Expr) -> Series {
        built(Series::checked("series", self, expr))
    }
}

impl Series {
    fn checked(operation: &str, frame: &DataFrame, expr: Expr) -> Built<Series> {
        row_by_row(operation, frame.node(), std::slice::from_ref(&expr))?;
        Ok(Series { frame: frame.clone(), expr })
    }

    /// What is made of the series by an expression.
    #[track_caller]
    pub(crate) fn made(&self, operation: &str, make: impl FnOnce(Expr) -> Expr) -> Series {
        built(Series::checked(operation, &self.frame, make(self.expr.clone())))
    }

    /// What is made of this series and another of the same frame.
    #[track_caller]
    pub(crate) fn made_with(&self, operation: &str, other: &Series, make: impl FnOnce(Expr, Expr) -> Expr) -> Series {
        if !Arc::ptr_eq(self.frame.node(), other.frame.node()) {
            let why =
                "and the other series are of two frames, whose rows may not belong together: join the frames, and \
                       take both from the result"
                    .to_owned();
            let (operation, expression) = (operation.to_owned(), self.name());
            built::<()>(Err(FrameError::Rows { operation, expression, why }));
        }
        built(Series::checked(operation, &self.frame, make(self.expr.clone(), other.expr.clone())))
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.expr.clone().meta().output_name().map(|name| name.to_string()).unwrap_or_default()
    }

    /// Its type.
    pub fn dtype(&self) -> DataType {
        let schema = schema_after("dtype", self.frame.node(), |frame| Ok(frame.select([self.expr.clone()])));
        schema.ok().and_then(|schema| schema.get_at_index(0).map(|(_, dtype)| dtype.clone())).unwrap_or(DataType::Null)
    }

    /// The frame that it is a column of.
    pub(crate) fn frame(&self) -> &DataFrame {
        &self.frame
    }

    /// The expression that it is.
    pub fn expr(&self) -> Expr {
        self.expr.clone()
    }

    /// The same under another name.
    #[track_caller]
    pub fn alias(&self, name: impl Into<PlSmallStr>) -> Series {
        self.made("alias", |expr| expr.alias(name))
    }

    /// Any expression of it that looks at one row at a time.
    ///
    /// # Panics
    /// When it looks at more.
    #[track_caller]
    pub fn map(&self, expression: impl FnOnce(Expr) -> Expr) -> Series {
        self.made("map", expression)
    }

    /// A frame of this column alone.
    pub fn to_frame(&self) -> DataFrame {
        built(self.frame.by_row("select", RowStep::Select(vec![self.expr.clone()])))
    }

    /// The number of partitions.
    pub fn npartitions(&self) -> usize {
        self.frame.npartitions()
    }

    /// The values where a condition of the same frame holds.
    ///
    /// # Panics
    /// When the condition is of another frame, or not a boolean.
    #[track_caller]
    pub fn filter(&self, condition: &Series) -> Series {
        self.made_with("filter", condition, |expr, _| expr);
        let kept = self.frame.filter(condition.expr()).select([self.expr()]);
        kept.col(&self.name())
    }

    /// Runs the graph on the default scheduler and gives all values, as a Polars `Series`.
    ///
    /// # Errors
    /// As [`DataFrame::compute`].
    pub fn compute(&self) -> Result<Values> {
        self.compute_with(Scheduler::default())
    }

    /// Runs the graph on the scheduler given.
    ///
    /// # Errors
    /// As [`DataFrame::compute`].
    pub fn compute_with(&self, scheduler: Scheduler) -> Result<Values> {
        Ok(only_column(self.to_frame().compute_with(scheduler)?))
    }

    /// The first values, computed.
    ///
    /// # Errors
    /// As [`DataFrame::compute`].
    pub fn head(&self, rows: usize) -> Result<Values> {
        Ok(only_column(self.to_frame().head(rows)?))
    }

    /// The last values, computed.
    ///
    /// # Errors
    /// As [`DataFrame::compute`].
    pub fn tail(&self, rows: usize) -> Result<Values> {
        Ok(only_column(self.to_frame().tail(rows)?))
    }
}

fn only_column(rows: polars::prelude::DataFrame) -> Values {
    let column = rows.columns().first().unwrap_or_else(|| unreachable!("a series is a column"));
    column.as_materialized_series().clone()
}

impl Output for Series {
    type Value = Values;
    type Kept = Series;
    fn gather(&self, into: &mut Gathered) {
        self.to_frame().gather(into);
    }
    fn take(&self, values: &mut std::vec::IntoIter<Value>) -> Values {
        only_column(self.to_frame().take(values))
    }
    fn keep(&self, values: &mut std::vec::IntoIter<Value>) -> Series {
        self.to_frame().keep(values).col(&self.name())
    }
}
