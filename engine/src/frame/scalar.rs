//! One value of a frame, lazy: a sum, a mean, a count.

use std::marker::PhantomData;

use polars::prelude::{AnyValue, DataFrame as Rows};

use super::DataFrame;
use crate::delayed::{Gathered, Output};
use crate::error::Result;
use crate::graph::Graph;
use crate::scheduler::Scheduler;
use crate::task::Value;
use crate::visualize::Drawing;

/// What a value of a frame becomes in Rust.
pub trait FromCell: Sized {
    /// The value of a cell; nothing when it is of another kind.
    fn from_cell(cell: AnyValue<'static>) -> Option<Self>;
}

impl FromCell for AnyValue<'static> {
    fn from_cell(cell: AnyValue<'static>) -> Option<Self> {
        Some(cell)
    }
}

/// Of no values there is no mean: it is `NaN`, as in pandas.
impl FromCell for f64 {
    fn from_cell(cell: AnyValue<'static>) -> Option<Self> {
        if cell.is_null() { Some(f64::NAN) } else { cell.extract() }
    }
}

macro_rules! from_numbers {
    ($($type:ty)*) => { $(
        impl FromCell for $type {
            fn from_cell(cell: AnyValue<'static>) -> Option<Self> {
                cell.extract()
            }
        }
    )* };
}
from_numbers!(f32 i8 i16 i32 i64 u8 u16 u32 u64 usize);

impl FromCell for bool {
    fn from_cell(cell: AnyValue<'static>) -> Option<Self> {
        cell.extract_bool()
    }
}

impl FromCell for String {
    fn from_cell(cell: AnyValue<'static>) -> Option<Self> {
        cell.get_str().map(str::to_owned)
    }
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: AnyValue<'static>) -> Option<Self> {
        if cell.is_null() { Some(None) } else { T::from_cell(cell).map(Some) }
    }
}

/// One value, which is computed when it is asked for.
///
/// ```
/// use taskloom::prelude::*;
/// let trips = DataFrame::from_polars(taskloom::polars::df!("tip" => [2.0, 1.0, 4.0], "n" => [1_i64, 2, 3])?, 2);
/// let (mean, most) = (trips.col("tip").mean(), trips.col("n").max().of::<i64>());
/// let (mean, most) = compute!(mean, most)?;                   // one pass over the rows
/// assert_eq!((mean, most), (7.0 / 3.0, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Scalar<T = AnyValue<'static>> {
    /// A frame of one row and one column.
    frame: DataFrame,
    becomes: PhantomData<fn() -> T>,
}

impl<T> Clone for Scalar<T> {
    fn clone(&self) -> Self {
        Scalar { frame: self.frame.clone(), becomes: PhantomData }
    }
}

impl<T> std::fmt::Debug for Scalar<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let schema = self.frame.schema();
        let column = schema.iter().next().map(|(name, dtype)| format!("{name}: {dtype}")).unwrap_or_default();
        write!(f, "Scalar({column})")
    }
}

impl<T: FromCell> Scalar<T> {
    /// The only value of a frame of one row and one column.
    pub(crate) fn only(frame: DataFrame) -> Scalar<T> {
        debug_assert_eq!((frame.npartitions(), frame.node().schema.len()), (1, 1));
        Scalar { frame, becomes: PhantomData }
    }

    /// The same value as another type of Rust's.
    pub fn of<U: FromCell>(&self) -> Scalar<U> {
        Scalar { frame: self.frame.clone(), becomes: PhantomData }
    }

    /// A frame of one row and one column that holds the value.
    pub fn to_frame(&self) -> DataFrame {
        self.frame.clone()
    }

    /// Runs the graph on the default scheduler and gives the value.
    ///
    /// # Errors
    /// As [`DataFrame::compute`].
    ///
    /// # Panics
    /// When the value is not of the type that [`of`](Scalar::of) asked for.
    pub fn compute(&self) -> Result<T> {
        self.compute_with(Scheduler::default())
    }

    /// Runs the graph on the scheduler given.
    ///
    /// # Errors
    /// As [`DataFrame::compute`].
    ///
    /// # Panics
    /// As [`compute`](Scalar::compute).
    pub fn compute_with(&self, scheduler: Scheduler) -> Result<T> {
        Ok(only_value(&self.frame.compute_with(scheduler)?))
    }

    /// The graph that gives the value.
    pub fn graph(&self) -> Graph {
        self.frame.graph()
    }

    /// A drawing of the graph; the last expression of a cell shows it.
    pub fn visualize(&self) -> Drawing {
        self.frame.visualize()
    }
}

fn only_value<T: FromCell>(rows: &Rows) -> T {
    let column = rows.columns().first().unwrap_or_else(|| unreachable!("a scalar has a column"));
    let cell = column.get(0).map_or(AnyValue::Null, AnyValue::into_static);
    let text = format!("{cell} ({})", column.dtype());
    T::from_cell(cell).unwrap_or_else(|| {
        panic!("the value of `{}` is {text}, and not a {}", column.name(), std::any::type_name::<T>())
    })
}

impl<T: FromCell> Output for Scalar<T> {
    type Value = T;
    type Kept = Scalar<T>;
    fn gather(&self, into: &mut Gathered) {
        self.frame.gather(into);
    }
    fn take(&self, values: &mut std::vec::IntoIter<Value>) -> T {
        only_value(&self.frame.take(values))
    }
    fn keep(&self, values: &mut std::vec::IntoIter<Value>) -> Scalar<T> {
        Scalar { frame: self.frame.keep(values), becomes: PhantomData }
    }
}
