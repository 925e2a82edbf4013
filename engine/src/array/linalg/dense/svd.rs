//! The singular values and vectors of one matrix, by Jacobi's rotations from one side.
//!
//! Columns are turned in pairs until all are orthogonal (Hestenes, 1958), after a QR factorisation that leaves a triangle:
//! on its transpose the rotations converge quickly (Drmač and Veselić, "New fast and accurate Jacobi SVD algorithm",
//! 2008). Small singular values are as accurate as the large ones.

use std::cmp::Ordering::Greater;

use ndarray::{Array1, Array2, ArrayView2, Axis, ShapeBuilder, s};

use super::{number, qr};
use crate::array::element::{Float, Number};

/// `u · diag(s) · vt` is the matrix; the values fall.
#[derive(Debug, Clone)]
pub(crate) struct Svd<T> {
    pub(crate) u: Array2<T>,
    pub(crate) s: Array1<T>,
    pub(crate) vt: Array2<T>,
}

/// After so many sweeps over all pairs it has converged, or there are NaNs; a dozen is usual.
const SWEEPS: usize = 60;

pub(crate) fn svd<T: Float>(matrix: ArrayView2<'_, T>) -> Svd<T> {
    let (rows, columns) = matrix.dim();
    if rows < columns {
        let Svd { u, s, vt } = svd(matrix.reversed_axes());
        return Svd { u: vt.reversed_axes(), s, vt: u.reversed_axes() };
    }
    let (q, r) = qr(matrix);
    // Rᵀ V = U S with orthogonal columns on the right, so R = V S Uᵀ.
    let (turned, rotation) = orthogonal(r.t());
    let norms: Vec<T> = turned.axis_iter(Axis(1)).map(|column| norm(column.iter().copied())).collect();
    let mut order: Vec<usize> = (0..columns).collect();
    order.sort_by(|&one, &two| norms[two].partial_cmp(&norms[one]).unwrap_or(std::cmp::Ordering::Equal));
    let values: Array1<T> = order.iter().map(|&column| norms[column]).collect();
    let mut right = Array2::from_elem((columns, columns).f(), T::default());
    for (place, &column) in order.iter().enumerate() {
        let norm = norms[column];
        right.column_mut(place).assign(&turned.column(column).mapv(|x| x / norm));
    }
    complete(&mut right, &values);
    let left = Array2::from_shape_fn((columns, columns), |(row, place)| rotation[[row, order[place]]]);
    Svd { u: q.dot(&left), s: values, vt: right.reversed_axes() }
}

fn norm<T: Float>(values: impl Iterator<Item = T> + Clone) -> T {
    let scale = values.clone().fold(T::default(), |scale, x| Number::abs(x).max_or_nan(scale));
    if scale == T::default() || Number::is_nan(scale) {
        return scale;
    }
    scale * num_traits::Float::sqrt(values.fold(T::default(), |sum, x| sum + (x / scale) * (x / scale)))
}

/// The larger of two, or a NaN.
trait MaxOrNan {
    fn max_or_nan(self, other: Self) -> Self;
}

impl<T: Float> MaxOrNan for T {
    fn max_or_nan(self, other: T) -> T {
        if self > other || Number::is_nan(self) { self } else { other }
    }
}

/// Columns turned until they are orthogonal, and the rotation that did it.
fn orthogonal<T: Float>(matrix: ArrayView2<'_, T>) -> (Array2<T>, Array2<T>) {
    let len = matrix.ncols();
    // By columns, so that each is a run of memory.
    let mut turned = Array2::from_elem((len, len).f(), T::default());
    // Powers of two change no digit, and keep squares inside the range of the type.
    let largest = matrix.iter().fold(T::default(), |largest, &x| Number::abs(x).max_or_nan(largest));
    let scale = match largest > T::default() && num_traits::Float::is_finite(largest) {
        true => number::<T>(2.0).powi_of(-num_traits::Float::log2(largest).to_f64().floor() as i32),
        false => number(1.0),
    };
    turned.zip_mut_with(&matrix, |to, &from| *to = from * scale);
    let mut rotation = Array2::from_elem((len, len).f(), T::default());
    rotation.diag_mut().fill(number(1.0));
    let tolerance = T::epsilon() * number((len.max(1) as f64).sqrt());
    for _ in 0..SWEEPS {
        let mut done = true;
        for one in 0..len {
            for two in one + 1..len {
                let (alpha, beta, gamma) = products(&turned, one, two);
                // What is orthogonal already, or not a number.
                let bound = tolerance * num_traits::Float::sqrt(alpha) * num_traits::Float::sqrt(beta);
                if Number::abs(gamma).partial_cmp(&bound) != Some(Greater) {
                    continue;
                }
                done = false;
                let zeta = (beta - alpha) / (gamma + gamma);
                let root = num_traits::Float::hypot(number(1.0), zeta);
                let tangent = if zeta > T::default() {
                    number::<T>(1.0) / (zeta + root)
                } else {
                    number::<T>(1.0) / (zeta - root)
                };
                let cosine = number::<T>(1.0) / num_traits::Float::hypot(number(1.0), tangent);
                let sine = cosine * tangent;
                turn(&mut turned, one, two, cosine, sine);
                turn(&mut rotation, one, two, cosine, sine);
            }
        }
        if done {
            break;
        }
    }
    turned.mapv_inplace(|x| x / scale);
    (turned, rotation)
}

trait Powers {
    fn powi_of(self, exponent: i32) -> Self;
}

impl<T: Float> Powers for T {
    fn powi_of(self, exponent: i32) -> T {
        num_traits::Float::powi(self, exponent)
    }
}

/// The squares of two columns, and their product.
fn products<T: Float>(matrix: &Array2<T>, one: usize, two: usize) -> (T, T, T) {
    let (one, two) = (matrix.column(one), matrix.column(two));
    let (Some(one), Some(two)) = (one.as_slice(), two.as_slice()) else { unreachable!("the matrix lies by columns") };
    // Several sums side by side, so that the loop can be vectorised.
    const LANES: usize = 8;
    let zero = T::default();
    let mut sums = [[zero; LANES]; 3];
    let (ones, twos) = (one.chunks_exact(LANES), two.chunks_exact(LANES));
    let rest = ones.remainder().iter().zip(twos.remainder());
    for (a, b) in ones.zip(twos) {
        for lane in 0..LANES {
            sums[0][lane] = sums[0][lane] + a[lane] * a[lane];
            sums[1][lane] = sums[1][lane] + b[lane] * b[lane];
            sums[2][lane] = sums[2][lane] + a[lane] * b[lane];
        }
    }
    let mut total = sums.map(|lanes| lanes.into_iter().fold(zero, |sum, lane| sum + lane));
    for (&a, &b) in rest {
        total = [total[0] + a * a, total[1] + b * b, total[2] + a * b];
    }
    (total[0], total[1], total[2])
}

fn turn<T: Float>(matrix: &mut Array2<T>, one: usize, two: usize, cosine: T, sine: T) {
    let (mut one, mut two) = matrix.multi_slice_mut((s![.., one], s![.., two]));
    let (Some(one), Some(two)) = (one.as_slice_mut(), two.as_slice_mut()) else {
        unreachable!("the matrix lies by columns")
    };
    for (a, b) in one.iter_mut().zip(two) {
        (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
    }
}

/// Gives columns whose singular value is zero, or so small that squares lost it, a direction of their own, orthogonal to all others.
fn complete<T: Float>(columns: &mut Array2<T>, values: &Array1<T>) {
    let len = columns.ncols();
    let nothing = values.first().map_or(T::default(), |&largest| largest * T::epsilon() * T::epsilon());
    for place in (0..len).filter(|&place| values[place] <= nothing) {
        let mut best = (T::default(), None);
        for candidate in 0..len {
            let mut column = Array1::from_elem(len, T::default());
            column[candidate] = number(1.0);
            // Twice is enough, as Kahan and Parlett say.
            for _ in 0..2 {
                for other in (0..len).filter(|&other| other < place) {
                    let other = columns.column(other);
                    let along = other.dot(&column);
                    column.scaled_add(-along, &other);
                }
            }
            let length = norm(column.iter().copied());
            if length > best.0 {
                best = (length, Some(column));
            }
            // What is longer than this has lost no digits.
            if best.0 > number(0.5) {
                break;
            }
        }
        if let (length, Some(column)) = best {
            columns.column_mut(place).assign(&column.mapv(|x| x / length));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Float>(rows: usize, columns: usize, tolerance: f64, element: impl Fn(usize, usize) -> f64) {
        let matrix = Array2::from_shape_fn((rows, columns), |(i, j)| T::from_f64(element(i, j)));
        let Svd { u, s, vt } = svd(matrix.view());
        let size = matrix.iter().fold(1e-300, |size: f64, x| size.max((*x).to_f64().abs()));
        let product = (&u * &s).dot(&vt);
        for (&found, &wanted) in product.iter().zip(&matrix) {
            assert!((found.to_f64() - wanted.to_f64()).abs() <= tolerance * size, "{rows} x {columns}");
        }
        for gram in [u.t().dot(&u), vt.dot(&vt.t())] {
            for ((i, j), &value) in gram.indexed_iter() {
                let wanted = f64::from(u8::from(i == j));
                assert!((value.to_f64() - wanted).abs() < tolerance, "{rows} x {columns}: {i}, {j}: {value}");
            }
        }
        assert!(s.windows(2).into_iter().all(|pair| pair[0] >= pair[1]));
    }

    #[test]
    fn factors_give_the_matrix_and_vectors_are_orthonormal() {
        let wild = |i: usize, j: usize| ((i * i * 31 + j * j * 17 + i * j * 7) % 101) as f64 - 50.0;
        for (rows, columns) in [(1, 1), (5, 1), (1, 5), (7, 7), (60, 30), (30, 60), (3, 0), (0, 3)] {
            check::<f64>(rows, columns, 1e-11, wild);
            check::<f32>(rows, columns, 1e-3, wild);
            check::<f64>(rows, columns, 1e-11, |_, _| 1.0);
            check::<f64>(rows, columns, 1e-11, |_, _| 0.0);
            check::<f64>(rows, columns, 1e-11, |i, j| if i == j { 1.0 / (1 << i) as f64 } else { 0.0 });
            check::<f64>(rows, columns, 1e-11, |i, j| wild(i, j) * 1e-200);
            check::<f64>(rows, columns, 1e-11, |i, j| wild(i, j) * 1e200);
        }
    }

    #[test]
    fn singular_values_of_a_known_matrix() {
        // The singular values of the n × n upper triangle of ones are 1 / (2 sin((2k - 1) π / (4n + 2))).
        let len = 20;
        let matrix = Array2::from_shape_fn((len, len), |(i, j)| f64::from(u8::from(i <= j)));
        let found = svd(matrix.view()).s;
        for (k, value) in found.iter().enumerate() {
            let angle = (2 * k + 1) as f64 * std::f64::consts::PI / (4 * len + 2) as f64;
            assert!((value - 0.5 / angle.sin()).abs() < 1e-12, "{k}");
        }
    }
}
