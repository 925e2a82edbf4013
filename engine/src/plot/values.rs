//! What can be plotted: slices, vectors, arrays, ranges and series of numbers, times or names.

use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};

/// The values along one axis, as [`Values`] gives them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Column {
    /// Numbers; what is missing is NaN, and leaves a gap.
    Numbers(Vec<f64>),
    /// Points in time, in milliseconds since 1970 in UTC; what is missing is NaN.
    Times(Vec<f64>),
    /// Names of categories.
    Names(Vec<String>),
    /// Something that cannot be plotted; the text says what it is, as in "a series of lists".
    Other(String),
}

impl Column {
    /// How many values there are.
    pub fn len(&self) -> usize {
        match self {
            Column::Numbers(values) | Column::Times(values) => values.len(),
            Column::Names(names) => names.len(),
            Column::Other(_) => 0,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The kind, for messages.
    pub(super) fn kind(&self) -> &str {
        match self {
            Column::Numbers(_) => "numbers",
            Column::Times(_) => "times",
            Column::Names(_) => "names",
            Column::Other(what) => what,
        }
    }
}

/// Values that can stand on an axis, or be a colour or size: slices, vectors and arrays (also of ndarray, with one axis)
/// of numbers, `bool`, text, or `Option` of numbers; ranges of integers; Polars series and columns.
///
/// Whatever else you have, collect into a `Vec`. A type of your own can implement this trait.
///
/// ```
/// use taskloom::plot::{Column, Values};
/// assert_eq!(vec![1u8, 2].values(), Column::Numbers(vec![1.0, 2.0]));
/// assert_eq!(["warp", "weft"].values().len(), 2);
/// assert_eq!((0..3).values(), [0.0, 1.0, 2.0].values());
/// ```
pub trait Values {
    /// The values as they are plotted.
    fn values(&self) -> Column;
}

/// One value of a slice, vector or array.
pub trait Element: Sized {
    /// The values of many of these.
    fn column<'a>(elements: impl Iterator<Item = &'a Self>) -> Column
    where
        Self: 'a;

    /// The values of a slice. For the usual types this is compiled here, once and to be quick, and not in the cell.
    fn slice(elements: &[Self]) -> Column {
        Self::column(elements.iter())
    }
}

/// A number as plots have it.
pub trait Number: Copy {
    /// The nearest `f64`.
    fn number(self) -> f64;
}

macro_rules! numbers {
    ($($type:ty)*) => {
        $(
            impl Number for $type {
                fn number(self) -> f64 {
                    self as f64
                }
            }
            impl Element for $type {
                fn column<'a>(elements: impl Iterator<Item = &'a Self>) -> Column {
                    Column::Numbers(elements.map(|&element| element as f64).collect())
                }
                fn slice(elements: &[Self]) -> Column {
                    Self::column(elements.iter())
                }
            }
        )*
    };
}
numbers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64);

macro_rules! integer_ranges {
    ($($type:ty)*) => {
        $(
            impl Values for Range<$type> {
                fn values(&self) -> Column {
                    Column::Numbers(self.clone().map(|number| number as f64).collect())
                }
            }
            impl Values for RangeInclusive<$type> {
                fn values(&self) -> Column {
                    Column::Numbers(self.clone().map(|number| number as f64).collect())
                }
            }
        )*
    };
}
integer_ranges!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

impl Number for bool {
    fn number(self) -> f64 {
        f64::from(u8::from(self))
    }
}

impl Element for bool {
    fn column<'a>(elements: impl Iterator<Item = &'a Self>) -> Column {
        Column::Numbers(elements.map(|&element| element.number()).collect())
    }

    fn slice(elements: &[Self]) -> Column {
        Self::column(elements.iter())
    }
}

impl<N: Number> Element for Option<N> {
    fn column<'a>(elements: impl Iterator<Item = &'a Self>) -> Column
    where
        Self: 'a,
    {
        Column::Numbers(elements.map(|element| element.map_or(f64::NAN, N::number)).collect())
    }
}

macro_rules! names {
    ($($type:ty)*) => {
        $(
            impl Element for $type {
                fn column<'a>(elements: impl Iterator<Item = &'a Self>) -> Column where Self: 'a {
                    Column::Names(elements.map(|name| name.to_string()).collect())
                }
                fn slice(elements: &[Self]) -> Column {
                    Self::column(elements.iter())
                }
            }
        )*
    };
}
names!(&str String Cow<'_, str> char);

impl<E: Element> Values for [E] {
    fn values(&self) -> Column {
        E::slice(self)
    }
}

impl<E: Element> Values for Vec<E> {
    fn values(&self) -> Column {
        E::slice(self)
    }
}

impl<E: Element, const N: usize> Values for [E; N] {
    fn values(&self) -> Column {
        E::slice(self)
    }
}

impl Values for Column {
    fn values(&self) -> Column {
        self.clone()
    }
}

impl<V: Values + ?Sized> Values for &V {
    fn values(&self) -> Column {
        (**self).values()
    }
}

/// What a line, scatter or bar plot is made from: y alone, with 0, 1, 2, … as x; a pair of x and y; or pairs `(x, y)` in
/// a vector, slice, array or map.
pub trait Points {
    /// x, where it is given, and y.
    fn points(&self) -> (Option<Column>, Column);
}

impl<V: Values> Points for V {
    fn points(&self) -> (Option<Column>, Column) {
        (None, self.values())
    }
}

impl<X: Values, Y: Values> Points for (X, Y) {
    fn points(&self) -> (Option<Column>, Column) {
        (Some(self.0.values()), self.1.values())
    }
}

/// What colours the points of a scatter plot or a whole line: a CSS colour such as `"#0072b2"` or `"teal"`, or values,
/// one for each point.
pub trait Color {
    /// The colour of all, or the values.
    fn color(&self) -> Result<String, Column>;
}

impl Color for &str {
    fn color(&self) -> Result<String, Column> {
        Ok((*self).to_owned())
    }
}

impl<V: Values> Color for V {
    fn color(&self) -> Result<String, Column> {
        Err(self.values())
    }
}

/// A table of numbers by rows, as [`Matrix`] gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// How many rows there are.
    pub rows: usize,
    /// How many columns there are.
    pub columns: usize,
    /// All values, row by row.
    pub values: Vec<f64>,
}

/// What a heat map shows: an ndarray with two axes, or rows of numbers as `Vec<Vec<_>>` or `[[_; N]; M]`.
pub trait Matrix {
    /// The values.
    ///
    /// # Errors
    /// When the rows have different lengths.
    fn grid(&self) -> Result<Grid, super::PlotError>;
}

fn grid_of<'a, N: Number + 'a>(rows: impl Iterator<Item = &'a [N]>) -> Result<Grid, super::PlotError> {
    let mut grid = Grid { rows: 0, columns: 0, values: Vec::new() };
    for row in rows {
        if grid.rows == 0 {
            grid.columns = row.len();
        } else if row.len() != grid.columns {
            return Err(super::PlotError::Ragged { row: grid.rows, has: row.len(), expected: grid.columns });
        }
        grid.rows += 1;
        grid.values.extend(row.iter().map(|value| value.number()));
    }
    Ok(grid)
}

impl<N: Number> Matrix for [Vec<N>] {
    fn grid(&self) -> Result<Grid, super::PlotError> {
        grid_of(self.iter().map(Vec::as_slice))
    }
}

impl<N: Number> Matrix for Vec<Vec<N>> {
    fn grid(&self) -> Result<Grid, super::PlotError> {
        self.as_slice().grid()
    }
}

impl<N: Number, const COLUMNS: usize> Matrix for [[N; COLUMNS]] {
    fn grid(&self) -> Result<Grid, super::PlotError> {
        grid_of(self.iter().map(|row| row.as_slice()))
    }
}

impl<N: Number, const COLUMNS: usize> Matrix for Vec<[N; COLUMNS]> {
    fn grid(&self) -> Result<Grid, super::PlotError> {
        self.as_slice().grid()
    }
}

impl<N: Number, const COLUMNS: usize, const ROWS: usize> Matrix for [[N; COLUMNS]; ROWS] {
    fn grid(&self) -> Result<Grid, super::PlotError> {
        self.as_slice().grid()
    }
}

impl<M: Matrix + ?Sized> Matrix for &M {
    fn grid(&self) -> Result<Grid, super::PlotError> {
        (**self).grid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_number_is_a_gap() {
        let Column::Numbers(values) = [Some(1.5f32), None].values() else { panic!("numbers") };
        assert!(values[0] == 1.5 && values[1].is_nan());
    }

    #[test]
    fn y_may_come_with_x_or_without() {
        assert_eq!([1, 2].points().0, None);
        assert_eq!((0..=1, vec![1, 2]).points().0, Some(Column::Numbers(vec![0.0, 1.0])));
        assert_eq!((&["a", "b"], &vec![true, false]).points().1, Column::Numbers(vec![1.0, 0.0]));
        let slice: &[f64] = &[1.0];
        assert_eq!((slice, slice).points().1.len(), 1);
    }

    #[test]
    fn rows_of_a_matrix_are_equally_long() {
        assert_eq!([[1, 2], [3, 4], [5, 6]].grid().unwrap().values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let message = vec![vec![1.0, 2.0], vec![3.0]].grid().unwrap_err().to_string();
        assert!(message.contains("row 1 of the matrix has 1 values"), "{message}");
    }

    #[test]
    fn a_colour_is_a_name_or_values() {
        assert_eq!("teal".color(), Ok("teal".to_owned()));
        assert_eq!([1, 2].color(), Err(Column::Numbers(vec![1.0, 2.0])));
    }
}
