//! The product of two matrices in memory.
//!
//! Floats and complex numbers go to the kernels of `matrixmultiply`, which ndarray brings along: they choose AVX-512, FMA
//! or AVX when they run, and start no threads.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};
use num_complex::Complex;

use crate::array::element::Number;
use crate::array::fused::vectorised;

/// Numbers whose matrices can be multiplied.
pub(crate) trait Gemm: Number {
    /// Adds the product of two matrices.
    fn add_product(left: ArrayView2<'_, Self>, right: ArrayView2<'_, Self>, to: &mut ArrayViewMut2<'_, Self>);
}

macro_rules! by_kernels {
    ($($type:ty)*) => { $(
        impl Gemm for $type {
            fn add_product(left: ArrayView2<'_, Self>, right: ArrayView2<'_, Self>, to: &mut ArrayViewMut2<'_, Self>) {
                let one = <Self as crate::array::element::Element>::one();
                general_mat_mul(one, &left, &right, one, to);
            }
        }
    )* };
}
by_kernels!(f32 f64 Complex<f32> Complex<f64>);

macro_rules! by_loops {
    ($($type:ty)*) => { $(
        impl Gemm for $type {
            fn add_product(left: ArrayView2<'_, Self>, right: ArrayView2<'_, Self>, to: &mut ArrayViewMut2<'_, Self>) {
                add_product_by_rows(left, right, to);
            }
        }
    )* };
}
by_loops!(i8 i16 i32 i64 u8 u16 u32 u64);

/// So many rows of the right matrix are used again and again before the next ones are.
const ROWS: usize = 64;

/// Integers wrap around, which ndarray's own product does not promise.
fn add_product_by_rows<T: Number>(left: ArrayView2<'_, T>, right: ArrayView2<'_, T>, to: &mut ArrayViewMut2<'_, T>) {
    let right = right.as_standard_layout();
    let Some(elements) = right.as_slice() else { unreachable!("it was laid out by rows") };
    let (inner, columns) = right.dim();
    if columns == 0 {
        return;
    }
    for from in (0..inner).step_by(ROWS) {
        let rows = from..(from + ROWS).min(inner);
        for (mut sums, factors) in to.rows_mut().into_iter().zip(left.rows()) {
            for row in rows.clone() {
                let factor = factors[row];
                let source = &elements[row * columns..(row + 1) * columns];
                match sums.as_slice_mut() {
                    Some(sums) => vectorised(
                        #[inline(always)]
                        || sums.iter_mut().zip(source).for_each(|(sum, &x)| *sum = sum.add(factor.mul(x))),
                    ),
                    None => sums.iter_mut().zip(source).for_each(|(sum, &x)| *sum = sum.add(factor.mul(x))),
                }
            }
        }
    }
}
