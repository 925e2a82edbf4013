//! One matrix in memory: its factors and the solutions of its equations, for `f32` and `f64`.
//!
//! The algorithms are recursive: halves are worked on, and what connects them is a matrix product, so that almost all of the
//! work is done by the matrix kernel whatever the sizes of the caches are.

mod cholesky;
mod lu;
mod qr;
mod svd;
mod triangular;

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::array::element::Float;

pub(crate) use cholesky::cholesky;
pub(crate) use lu::{Pivots, exchange, lu_in_place};
pub(crate) use qr::qr;
pub(crate) use svd::{Svd, svd};
pub(crate) use triangular::{Side, solve_triangular};

/// `to -= left · right`
pub(crate) fn subtract_product<T: Float>(
    left: &ArrayView2<'_, T>,
    right: &ArrayView2<'_, T>,
    to: &mut ArrayViewMut2<'_, T>,
) {
    general_mat_mul(-number::<T>(1.0), left, right, number(1.0), to);
}

/// A number of this type.
pub(crate) fn number<T: Float>(value: f64) -> T {
    T::from_f64(value)
}

/// Half of a length, on a boundary that suits vectors where it is long.
fn half(len: usize) -> usize {
    if len > 32 { (len / 2).next_multiple_of(8) } else { len / 2 }
}
