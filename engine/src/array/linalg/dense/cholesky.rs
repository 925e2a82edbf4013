//! The Cholesky factor of one matrix.

use std::cmp::Ordering::Greater;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

use super::{Side, half, solve_triangular, subtract_product};
use crate::array::element::Float;

/// Up to this size columns are worked on one by one.
const SMALL: usize = 16;

/// The lower triangle whose product with its transpose is the matrix, of which only the lower half is read. The error is
/// the number of the first row from which the matrix is not positive definite.
pub(crate) fn cholesky<T: Float>(matrix: ArrayView2<'_, T>) -> Result<Array2<T>, usize> {
    let mut factor = matrix.to_owned();
    in_place(&mut factor.view_mut(), 0)?;
    for (row, mut elements) in factor.rows_mut().into_iter().enumerate() {
        elements.slice_mut(s![row + 1..]).fill(T::default());
    }
    Ok(factor)
}

fn in_place<T: Float>(matrix: &mut ArrayViewMut2<'_, T>, first: usize) -> Result<(), usize> {
    let len = matrix.nrows();
    if len <= SMALL {
        return by_columns(matrix, first);
    }
    let middle = half(len);
    in_place(&mut matrix.slice_mut(s![..middle, ..middle]), first)?;
    let (corner, mut below, mut rest) =
        matrix.multi_slice_mut((s![..middle, ..middle], s![middle.., ..middle], s![middle.., middle..]));
    // The block below times the transposed corner is what stands there: solved as its transpose.
    solve_triangular(corner.view(), Side::Lower, false, &mut below.view_mut().reversed_axes());
    subtract_product(&below.view(), &below.t(), &mut rest);
    in_place(&mut rest, first + middle)
}

fn by_columns<T: Float>(matrix: &mut ArrayViewMut2<'_, T>, first: usize) -> Result<(), usize> {
    let len = matrix.nrows();
    for column in 0..len {
        let done = |row: usize, matrix: &ArrayViewMut2<'_, T>| {
            let product = |sum: T, at: usize| sum + matrix[[row, at]] * matrix[[column, at]];
            (0..column).fold(T::default(), product)
        };
        let pivot = matrix[[column, column]] - done(column, matrix);
        // A NaN is not positive either.
        if pivot.partial_cmp(&T::default()) != Some(Greater) {
            return Err(first + column);
        }
        let root = num_traits::Float::sqrt(pivot);
        matrix[[column, column]] = root;
        for row in column + 1..len {
            matrix[[row, column]] = (matrix[[row, column]] - done(row, matrix)) / root;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_give_the_matrix() {
        for len in [0, 1, 2, 16, 17, 70] {
            let root = Array2::from_shape_fn((len, len), |(i, j)| ((i * 7 + j * 3) % 11) as f64 - 5.0);
            let matrix = root.dot(&root.t()) + Array2::<f64>::eye(len);
            let factor = cholesky(matrix.view()).unwrap();
            let error = &factor.dot(&factor.t()) - &matrix;
            assert!(error.iter().all(|error| error.abs() < 1e-10), "{len}");
        }
    }

    #[test]
    fn what_is_not_positive_definite_is_told() {
        let mut matrix = Array2::<f64>::eye(40);
        matrix[[30, 30]] = -1.0;
        assert_eq!(cholesky(matrix.view()), Err(30));
        matrix[[30, 30]] = f64::NAN;
        assert_eq!(cholesky(matrix.view()), Err(30));
    }
}
