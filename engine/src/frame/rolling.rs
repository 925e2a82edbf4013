//! Windows that move over the rows, or over time.

use polars::prelude::{ClosedWindow, Duration, Expr, RollingOptionsDynamicWindow, RollingOptionsFixedWindow, col};

use super::DataFrame;
use super::error::built;
use super::groupby::is_number;
use super::overlap::{Reach, overlapping};
use super::rows::RowStep;

/// How long a window is: so many rows, or a duration such as `"7d"`.
pub trait Window {
    /// The length.
    #[doc(hidden)]
    fn length(self) -> Length;
}

/// The length of a window.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub enum Length {
    /// So many rows.
    Rows(usize),
    /// A duration.
    Time(String),
}

impl Window for usize {
    fn length(self) -> Length {
        Length::Rows(self)
    }
}

impl Window for &str {
    fn length(self) -> Length {
        Length::Time(self.to_owned())
    }
}

/// A window that moves over the rows of a frame and ends with each of them; what its methods compute takes the place of the
/// columns of numbers, over the ends of partitions.
///
/// ```
/// use taskloom::prelude::*;
/// let rows = taskloom::polars::df!("n" => [1.0, 2.0, 3.0, 4.0, 5.0])?;
/// let mean = DataFrame::from_polars(rows, 2).rolling(3).mean();
/// assert_eq!(mean.compute()?.column("n")?.f64()?.get(3), Some(3.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "a window does nothing until something is computed of it"]
pub struct Rolling {
    frame: DataFrame,
    length: Length,
    on: Option<String>,
    min_periods: Option<usize>,
    closed: ClosedWindow,
}

impl std::fmt::Debug for Rolling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rolling").field("length", &self.length).field("on", &self.on).finish_non_exhaustive()
    }
}

impl DataFrame {
    /// A window of so many rows, or of a duration such as `"7d"` before each row and up to it. For a duration the rows are in
    /// the order of the column that [`on`](Rolling::on) names, or of the index.
    ///
    /// # Panics
    /// When the window has no length.
    #[track_caller]
    pub fn rolling(&self, window: impl Window) -> Rolling {
        let length = window.length();
        assert!(!matches!(length, Length::Rows(0)), "`rolling`: a window has at least one row, and 0 were asked for");
        let on = self.node().divisions.as_ref().map(|divisions| divisions.column.clone());
        Rolling { frame: self.clone(), length, on, min_periods: None, closed: ClosedWindow::Right }
    }
}

impl Rolling {
    /// The column of times that a window of a duration goes by.
    ///
    /// # Panics
    /// When there is no such column.
    #[track_caller]
    pub fn on(mut self, column: &str) -> Rolling {
        built(self.frame.has("rolling", &[column.to_owned()]));
        self.on = Some(column.to_owned());
        self
    }

    /// So many values make a result, where there is `null` otherwise: the length of a window of rows, or one.
    pub fn min_periods(mut self, values: usize) -> Rolling {
        self.min_periods = Some(values);
        self
    }

    /// Which ends of a window of a duration belong to it; the right one, as in pandas.
    pub fn closed(mut self, closed: ClosedWindow) -> Rolling {
        self.closed = closed;
        self
    }

    /// The sum of each window.
    ///
    /// # Panics
    /// When a window of a duration has no column to go by, or the duration is not one.
    #[track_caller]
    pub fn sum(&self) -> DataFrame {
        self.made(Expr::rolling_sum, Expr::rolling_sum_by)
    }

    /// The mean of each window.
    ///
    /// # Panics
    /// As [`sum`](Rolling::sum).
    #[track_caller]
    pub fn mean(&self) -> DataFrame {
        self.made(Expr::rolling_mean, Expr::rolling_mean_by)
    }

    /// The least value of each window.
    ///
    /// # Panics
    /// As [`sum`](Rolling::sum).
    #[track_caller]
    pub fn min(&self) -> DataFrame {
        self.made(Expr::rolling_min, Expr::rolling_min_by)
    }

    /// The greatest value of each window.
    ///
    /// # Panics
    /// As [`sum`](Rolling::sum).
    #[track_caller]
    pub fn max(&self) -> DataFrame {
        self.made(Expr::rolling_max, Expr::rolling_max_by)
    }

    /// The standard deviation of each window.
    ///
    /// # Panics
    /// As [`sum`](Rolling::sum).
    #[track_caller]
    pub fn std(&self) -> DataFrame {
        self.made(Expr::rolling_std, Expr::rolling_std_by)
    }

    /// The variance of each window.
    ///
    /// # Panics
    /// As [`sum`](Rolling::sum).
    #[track_caller]
    pub fn var(&self) -> DataFrame {
        self.made(Expr::rolling_var, Expr::rolling_var_by)
    }

    /// The median of each window.
    ///
    /// # Panics
    /// As [`sum`](Rolling::sum).
    #[track_caller]
    pub fn median(&self) -> DataFrame {
        self.made(Expr::rolling_median, Expr::rolling_median_by)
    }

    #[track_caller]
    fn made(
        &self,
        by_rows: fn(Expr, RollingOptionsFixedWindow) -> Expr,
        by_time: fn(Expr, Expr, RollingOptionsDynamicWindow) -> Expr,
    ) -> DataFrame {
        let columns = self.frame.columns_of(is_number).into_iter();
        let columns = columns.filter(|name| self.on.as_deref() != Some(name.as_str())).map(col);
        let (reach, after, columns): (Reach, Reach, Vec<Expr>) = match &self.length {
            Length::Rows(rows) => {
                let options = RollingOptionsFixedWindow {
                    window_size: *rows,
                    min_periods: self.min_periods.unwrap_or(*rows),
                    ..Default::default()
                };
                (
                    Reach::Rows(rows - 1),
                    Reach::Rows(0),
                    columns.map(|column| by_rows(column, options.clone())).collect(),
                )
            }
            Length::Time(duration) => {
                let on = self.on.clone().unwrap_or_else(|| {
                    panic!("`rolling`: name the column of times that \"{duration}\" goes by: `.rolling(\"{duration}\").on(…)`")
                });
                let window_size = Duration::try_parse(duration)
                    .unwrap_or_else(|error| panic!("`rolling`: {}", super::error::sentence(&error)));
                let options = RollingOptionsDynamicWindow {
                    window_size,
                    min_periods: self.min_periods.unwrap_or(1),
                    closed_window: self.closed,
                    fn_params: None,
                };
                let columns = columns.map(|column| by_time(column, col(on.as_str()), options.clone())).collect();
                // Rows of the same time belong to the window, also those behind.
                (Reach::Time(on.clone(), duration.clone()), Reach::Time(on, "0s".to_owned()), columns)
            }
        };
        built(overlapping("rolling", &self.frame, reach, after, RowStep::WithColumns(columns)))
    }
}
