//! The triangular factors of one matrix, with exchanged rows.

use ndarray::{ArrayViewMut2, Axis, s};

use super::{Side, half, solve_triangular, subtract_product};
use crate::array::element::Float;

/// For each column, the row that was exchanged with the one on the diagonal.
pub(crate) type Pivots = Vec<usize>;

/// Factors a matrix that has at least as many rows as columns: below the diagonal stands the lower factor, without its ones;
/// from the diagonal on, the upper one.
///
/// Columns are halved as Toledo has it ("Locality of reference in LU decomposition with partial pivoting", 1997).
pub(crate) fn lu_in_place<T: Float>(matrix: &mut ArrayViewMut2<'_, T>) -> Pivots {
    let columns = matrix.ncols();
    match columns {
        0 => return Vec::new(),
        1 => return vec![one_column(matrix)],
        _ => {}
    }
    let middle = half(columns);
    let mut pivots = lu_in_place(&mut matrix.slice_mut(s![.., ..middle]));
    exchange(&mut matrix.slice_mut(s![.., middle..]), &pivots, 0);
    {
        let (corner, mut above, below, mut rest) = matrix.multi_slice_mut((
            s![..middle, ..middle],
            s![..middle, middle..],
            s![middle.., ..middle],
            s![middle.., middle..],
        ));
        solve_triangular(corner.view(), Side::Lower, true, &mut above);
        subtract_product(&below.view(), &above.view(), &mut rest);
    }
    let later = lu_in_place(&mut matrix.slice_mut(s![middle.., middle..]));
    exchange(&mut matrix.slice_mut(s![.., ..middle]), &later, middle);
    pivots.extend(later.into_iter().map(|row| row + middle));
    pivots
}

/// Exchanges rows as pivots say that are counted from row `first`.
pub(crate) fn exchange<T: Float>(matrix: &mut ArrayViewMut2<'_, T>, pivots: &[usize], first: usize) {
    for (row, &pivot) in pivots.iter().enumerate() {
        if pivot != row {
            let (one, two) = matrix.multi_slice_mut((s![first + row, ..], s![first + pivot, ..]));
            ndarray::Zip::from(one).and(two).for_each(std::mem::swap);
        }
    }
}

fn one_column<T: Float>(matrix: &mut ArrayViewMut2<'_, T>) -> usize {
    let size = |value: T| num_traits::Float::abs(value);
    let mut column = matrix.index_axis_mut(Axis(1), 0);
    let larger = |best: usize, row: usize| if size(column[row]) > size(column[best]) { row } else { best };
    let pivot = (0..column.len()).fold(0, larger);
    column.swap(0, pivot);
    let head = column[0];
    if head != T::default() {
        column.slice_mut(s![1..]).mapv_inplace(|value| value / head);
    }
    pivot
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn factors_give_the_matrix_with_exchanged_rows() {
        for (rows, columns) in [(1, 1), (2, 2), (5, 3), (40, 40), (100, 70), (4, 0)] {
            let matrix =
                Array2::from_shape_fn((rows, columns), |(i, j)| ((i * i * 7 + j * 3 + i * j) % 23) as f64 - 11.0);
            let mut factors = matrix.clone();
            let pivots = lu_in_place(&mut factors.view_mut());
            let lower = Array2::from_shape_fn((rows, columns), |(i, j)| match i.cmp(&j) {
                std::cmp::Ordering::Greater => factors[[i, j]],
                std::cmp::Ordering::Equal => 1.0,
                std::cmp::Ordering::Less => 0.0,
            });
            let upper = Array2::from_shape_fn((columns, columns), |(i, j)| if i <= j { factors[[i, j]] } else { 0.0 });
            let mut exchanged = matrix.clone();
            exchange(&mut exchanged.view_mut(), &pivots, 0);
            assert!((lower.dot(&upper) - exchanged).iter().all(|error: &f64| error.abs() < 1e-10), "{rows} {columns}");
            assert!(lower.iter().all(|value| value.abs() <= 1.0));
        }
    }
}
