//! Equations whose matrix is a triangle.

use ndarray::{ArrayView2, ArrayViewMut2, Axis, s};

use super::{half, subtract_product};
use crate::array::element::Float;
use crate::task::packed;

packed! {
    /// Which half of the matrix is read.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Side {
        Lower,
        Upper,
    }
}

/// Up to this size rows are worked on one by one.
const SMALL: usize = 16;

/// Puts the solution of `matrix · x = right` into the place of `right`. With `unit`, the diagonal is taken to be ones.
///
/// A zero on the diagonal gives infinities and NaNs.
pub(crate) fn solve_triangular<T: Float>(
    matrix: ArrayView2<'_, T>,
    side: Side,
    unit: bool,
    right: &mut ArrayViewMut2<'_, T>,
) {
    let len = matrix.nrows();
    if len <= SMALL {
        return by_rows(matrix, side, unit, right);
    }
    let middle = half(len);
    let (top, bottom) = right.view_mut().split_at(Axis(0), middle);
    let (mut top, mut bottom) = (top, bottom);
    let first = matrix.slice(s![..middle, ..middle]);
    let last = matrix.slice(s![middle.., middle..]);
    match side {
        Side::Lower => {
            solve_triangular(first, side, unit, &mut top);
            subtract_product(&matrix.slice(s![middle.., ..middle]), &top.view(), &mut bottom);
            solve_triangular(last, side, unit, &mut bottom);
        }
        Side::Upper => {
            solve_triangular(last, side, unit, &mut bottom);
            subtract_product(&matrix.slice(s![..middle, middle..]), &bottom.view(), &mut top);
            solve_triangular(first, side, unit, &mut top);
        }
    }
}

fn by_rows<T: Float>(matrix: ArrayView2<'_, T>, side: Side, unit: bool, right: &mut ArrayViewMut2<'_, T>) {
    let len = matrix.nrows();
    for step in 0..len {
        let row = if side == Side::Lower { step } else { len - 1 - step };
        let (above, from_row) = right.view_mut().split_at(Axis(0), row);
        let (mut own, below) = from_row.split_at(Axis(0), 1);
        let (known, columns) = match side {
            Side::Lower => (above.view(), 0..row),
            Side::Upper => (below.view(), row + 1..len),
        };
        let mut own = own.row_mut(0);
        for (column, known) in columns.zip(known.rows()) {
            let factor = matrix[[row, column]];
            own.zip_mut_with(&known, |own, &known| *own = *own - factor * known);
        }
        if !unit {
            let pivot = matrix[[row, row]];
            own.mapv_inplace(|own| own / pivot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn solutions_solve() {
        for len in [0, 1, 2, 15, 33, 100] {
            let matrix = Array2::from_shape_fn((len, len), |(i, j)| match i == j {
                true => 3.0 + i as f64 / 10.0,
                false => ((i * 31 + j * 17) % 13) as f64 / 13.0 / len as f64,
            });
            let x = Array2::from_shape_fn((len, 3), |(i, j)| (i as f64 - j as f64).sin());
            for (side, keep) in [(Side::Lower, -1.0), (Side::Upper, 1.0)] {
                let triangle = Array2::from_shape_fn((len, len), |(i, j)| {
                    if i == j || (j as f64 - i as f64) * keep > 0.0 { matrix[[i, j]] } else { 0.0 }
                });
                let mut right = triangle.dot(&x);
                // What is not in the triangle is not read.
                solve_triangular(matrix.view(), side, false, &mut right.view_mut());
                assert!((&right - &x).iter().all(|error: &f64| error.abs() < 1e-12), "{len} {side:?}");
            }
        }
    }
}
