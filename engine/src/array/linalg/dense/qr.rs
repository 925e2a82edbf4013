//! The orthogonal and the triangular factor of one matrix, by Householder's reflections.
//!
//! Columns are halved, and the reflections of each half are applied to the rest as matrix products: the compact WY form of
//! Schreiber and Van Loan (1989), made by recursion as Elmroth and Gustavson have it ("Applying recursion to serial and
//! parallel QR factorization leads to better performance", 2000).

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, ShapeBuilder, s};

use super::{half, number, subtract_product};
use crate::array::element::Float;

/// `q` with orthonormal columns and upper triangular `r` whose product is the matrix: `q` has the smaller of the numbers of
/// rows and columns as columns.
pub(crate) fn qr<T: Float>(matrix: ArrayView2<'_, T>) -> (Array2<T>, Array2<T>) {
    let (rows, columns) = matrix.dim();
    let rank = rows.min(columns);
    // Reflections read columns.
    let mut work = Array2::<T>::from_elem((rows, columns).f(), T::default());
    work.assign(&matrix);
    let (mut head, mut rest) = work.view_mut().split_at(ndarray::Axis(1), rank);
    let block = reflect(&mut head);
    let reflectors = Reflectors::of(head.view());
    if rest.ncols() > 0 {
        reflectors.apply_transposed(block.view(), &mut rest);
    }
    let mut r = Array2::<T>::from_elem((rank, columns), T::default());
    for ((row, column), value) in r.indexed_iter_mut() {
        if row <= column {
            *value = work[[row, column]];
        }
    }
    // The first columns of I - V T Vᵀ.
    let mut q = Array2::<T>::from_elem((rows, rank), T::default());
    q.diag_mut().fill(number(1.0));
    let head = work.slice(s![.., ..rank]);
    let reflectors = Reflectors::of(head);
    let weights = block.dot(&reflectors.top.t());
    subtract_product(&reflectors.top.view(), &weights.view(), &mut q.slice_mut(s![..rank, ..]));
    subtract_product(&reflectors.below, &weights.view(), &mut q.slice_mut(s![rank.., ..]));
    (q, r)
}

/// The vectors of reflections: a lower triangle with ones on its diagonal, and what is below it.
struct Reflectors<'a, T> {
    top: Array2<T>,
    below: ArrayView2<'a, T>,
}

impl<'a, T: Float> Reflectors<'a, T> {
    /// From where they are kept: below the diagonal.
    fn of(kept: ArrayView2<'a, T>) -> Self {
        let columns = kept.ncols();
        let top = Array2::from_shape_fn((columns, columns), |(row, column)| match row.cmp(&column) {
            std::cmp::Ordering::Greater => kept[[row, column]],
            std::cmp::Ordering::Equal => number(1.0),
            std::cmp::Ordering::Less => T::default(),
        });
        Reflectors { top, below: kept.slice_move(s![columns.., ..]) }
    }

    /// `to -= V Tᵀ Vᵀ to`
    fn apply_transposed(&self, block: ArrayView2<'_, T>, to: &mut ArrayViewMut2<'_, T>) {
        let columns = self.top.ncols();
        let mut inner = self.top.t().dot(&to.slice(s![..columns, ..]));
        general_mat_mul(number(1.0), &self.below.t(), &to.slice(s![columns.., ..]), number(1.0), &mut inner);
        let inner = block.t().dot(&inner);
        subtract_product(&self.top.view(), &inner.view(), &mut to.slice_mut(s![..columns, ..]));
        subtract_product(&self.below, &inner.view(), &mut to.slice_mut(s![columns.., ..]));
    }
}

/// Makes the triangle, keeps the reflections below it, and gives the matrix T of I - V T Vᵀ.
fn reflect<T: Float>(matrix: &mut ArrayViewMut2<'_, T>) -> Array2<T> {
    let columns = matrix.ncols();
    match columns {
        0 => return Array2::from_elem((0, 0), T::default()),
        1 => return Array2::from_elem((1, 1), one_column(matrix)),
        _ => {}
    }
    let middle = half(columns);
    let (mut left, mut right) = matrix.view_mut().split_at(ndarray::Axis(1), middle);
    let first = reflect(&mut left);
    let one = Reflectors::of(left.view());
    one.apply_transposed(first.view(), &mut right);
    let mut lower = right.slice_mut(s![middle.., ..]);
    let second = reflect(&mut lower);
    let two = Reflectors::of(lower.view());
    // Vᵀ of the first half with V of the second: the second's vectors begin where the rows of `one.below` do.
    let later = two.top.ncols();
    let mut meeting = one.below.slice(s![..later, ..]).t().dot(&two.top);
    general_mat_mul(number(1.0), &one.below.slice(s![later.., ..]).t(), &two.below, number(1.0), &mut meeting);
    let connecting = first.dot(&meeting).dot(&second);
    let mut block = Array2::from_elem((columns, columns), T::default());
    block.slice_mut(s![..middle, ..middle]).assign(&first);
    block.slice_mut(s![middle.., middle..]).assign(&second);
    block.slice_mut(s![..middle, middle..]).zip_mut_with(&connecting, |to, &from| *to = -from);
    block
}

/// The reflection that leaves only the first element of a column, which keeps the rest of its vector; gives its factor.
fn one_column<T: Float>(matrix: &mut ArrayViewMut2<'_, T>) -> T {
    let mut column = matrix.column_mut(0);
    let alpha = column[0];
    let tail = column.slice(s![1..]);
    // Scaled, so that squares neither overflow nor vanish.
    let scale = tail.iter().fold(T::default(), |scale, &x| num_traits::Float::max(scale, num_traits::Float::abs(x)));
    if scale == T::default() && !tail.iter().any(|x| crate::array::element::Number::is_nan(*x)) {
        return T::default();
    }
    let squares = tail.iter().fold(T::default(), |sum, &x| sum + (x / scale) * (x / scale));
    let tail_norm = scale * num_traits::Float::sqrt(squares);
    let norm = num_traits::Float::hypot(alpha, tail_norm);
    let beta = if alpha > T::default() { -norm } else { norm };
    let factor = (beta - alpha) / beta;
    let divisor = alpha - beta;
    column.slice_mut(s![1..]).mapv_inplace(|x| x / divisor);
    column[0] = beta;
    factor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Float>(rows: usize, columns: usize, tolerance: f64, element: impl Fn(usize, usize) -> f64) {
        let matrix = Array2::from_shape_fn((rows, columns), |(i, j)| T::from_f64(element(i, j)));
        let (q, r) = qr(matrix.view());
        let size = matrix.iter().fold(1e-300, |size: f64, x| size.max((*x).to_f64().abs()));
        let residual = &q.dot(&r) - &matrix;
        assert!(residual.iter().all(|&x| x.to_f64().abs() <= tolerance * size), "{rows} x {columns}");
        let gram = q.t().dot(&q);
        for ((i, j), &value) in gram.indexed_iter() {
            let wanted = f64::from(u8::from(i == j));
            assert!((value.to_f64() - wanted).abs() < tolerance, "{rows} x {columns}: {i}, {j}: {value}");
        }
        assert!(r.indexed_iter().all(|((i, j), &value)| i <= j || value == T::default()));
    }

    #[test]
    fn factors_give_the_matrix_and_columns_are_orthonormal() {
        let wild = |i: usize, j: usize| ((i * i * 31 + j * j * 17 + i * j * 7) % 101) as f64 - 50.0;
        for (rows, columns) in [(1, 1), (5, 1), (1, 5), (7, 7), (100, 30), (30, 100), (257, 65), (3, 0), (0, 3)] {
            check::<f64>(rows, columns, 1e-12, wild);
            check::<f32>(rows, columns, 1e-4, wild);
            check::<f64>(rows, columns, 1e-12, |_, _| 1.0);
            check::<f64>(rows, columns, 1e-12, |_, _| 0.0);
            check::<f64>(rows, columns, 1e-12, |i, j| wild(i, j) * 1e-200);
            check::<f64>(rows, columns, 1e-12, |i, j| wild(i, j) * 1e200);
        }
    }
}
