//! Slices: parts of an array by ranges, steps and single indices.

use ndarray::SliceInfoElem;

use super::Array;
use super::chunks::Grid;
use super::error::{ArrayError, Built, built};
use super::node::viewed;
use super::view::{View, ViewAxis};

/// The view that a slice is; axes that are not named are taken whole.
fn view_of(operation: &str, slice: &[SliceInfoElem], grid: &Grid) -> Built<View> {
    let named = slice.iter().filter(|element| !matches!(element, SliceInfoElem::NewAxis)).count();
    let shape = || grid.shape_text();
    if named > grid.rank() {
        return Err(ArrayError::TooManyIndices {
            operation: operation.to_owned(),
            given: named,
            shape: shape(),
            rank: grid.rank(),
        });
    }
    let mut view = View { axes: Vec::new(), picked: Vec::new() };
    let mut axis = 0;
    for element in slice {
        let chunks = match element {
            SliceInfoElem::NewAxis => {
                view.axes.push(ViewAxis::New);
                continue;
            }
            _ => grid.axis(axis),
        };
        let len = chunks.len();
        match *element {
            SliceInfoElem::NewAxis => {}
            SliceInfoElem::Slice { start: 0, end: None, step: 1 } => {
                view.axes.push(ViewAxis::Take { axis, start: 0, step: 1, len });
            }
            _ if !chunks.is_known() => {
                return Err(ArrayError::UnknownChunks { operation: operation.to_owned(), axis, shape: shape() });
            }
            SliceInfoElem::Index(index) => {
                let place = if index < 0 { index + len as isize } else { index };
                match usize::try_from(place) {
                    Ok(place) if place < len => view.picked.push((axis, place)),
                    _ => {
                        return Err(ArrayError::Index {
                            operation: operation.to_owned(),
                            index,
                            axis,
                            len,
                            shape: shape(),
                        });
                    }
                }
            }
            SliceInfoElem::Slice { start, end, step } => {
                if step == 0 {
                    let why = format!("the step along axis {axis} is 0");
                    return Err(ArrayError::Parameter { operation: operation.to_owned(), why });
                }
                // As NumPy: a range that reaches beyond the axis ends where the axis does.
                let clamp = |at: isize| (if at < 0 { at + len as isize } else { at }).clamp(0, len as isize) as usize;
                let (begin, end) = (clamp(start), end.map_or(len, clamp));
                let count = end.saturating_sub(begin).div_ceil(step.unsigned_abs());
                // As ndarray: a negative step reads the range from its end.
                let first = if step < 0 && count > 0 { end - 1 } else { begin };
                view.axes.push(ViewAxis::Take { axis, start: if count == 0 { 0 } else { first }, step, len: count });
            }
        }
        axis += 1;
    }
    for axis in axis..grid.rank() {
        view.axes.push(ViewAxis::Take { axis, start: 0, step: 1, len: grid.axis(axis).len() });
    }
    Ok(view)
}

impl<T> Array<T> {
    /// A part of the array, said by [`s!`](ndarray::s) as for an ndarray: ranges, steps, single indices, new axes. Axes
    /// that are not said are taken whole, and ranges that reach beyond an axis end where it does.
    ///
    /// Only what is asked for is computed, down to the element where elements are generated or in memory.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(100, 30).reshape((10, 10));
    /// assert_eq!(x.slice(s![2..4, ..;5]).compute()?.into_raw_vec_and_offset().0, [20, 25, 30, 35]);
    /// assert_eq!(x.slice(s![-1, 3]).item()?, 93);
    /// assert_eq!(x.slice(s![..;-1, 0]).slice(s![0]).item()?, 90);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there are more ranges than axes, a single index is outside its axis, or a step is 0.
    #[track_caller]
    pub fn slice(&self, slice: impl AsRef<[SliceInfoElem]>) -> Array<T> {
        let view = built(view_of("slice", slice.as_ref(), &self.node().grid));
        Array::of(viewed(self.node(), "slice", &view))
    }
}
