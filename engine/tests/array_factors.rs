//! Factors and solutions of matrices in blocks: they are judged by what is left over.

#[path = "common/everywhere.rs"]
mod everywhere;
#[path = "common/refused.rs"]
mod refused;

use everywhere::Everywhere;
use refused::refused;
use taskloom::array::{Compression, Float};
use taskloom::ndarray::{Array2, ArrayD, array};
use taskloom::prelude::*;

fn normal<T: Float>(rows: usize, columns: usize, chunks: (usize, usize), seed: u64) -> Array<T> {
    let zero = T::default();
    Array::<T>::random((rows, columns), chunks).seed(seed).normal(zero, T::from_f64(1.0))
}

fn largest<T: Float>(array: &Array<T>) -> f64 {
    if array.shape().contains(&0) { 0.0 } else { array.abs().max().only().to_f64() }
}

/// How far columns are from being orthonormal.
fn skew<T: Float>(q: &Array<T>) -> f64 {
    let len = q.shape()[1];
    largest(&(q.t().matmul(q) - Array::<T>::eye(len, 0, len.max(1))))
}

fn qr_is_right<T: Float>(rows: usize, columns: usize, chunks: (usize, usize), tolerance: f64) {
    let x = normal::<T>(rows, columns, chunks, 3);
    let (q, r) = x.qr();
    let rank = rows.min(columns);
    assert_eq!((q.shape(), r.shape()), (vec![rows, rank], vec![rank, columns]));
    assert!(largest(&(q.matmul(&r) - &x)) < tolerance, "{rows} x {columns} in {chunks:?}");
    assert!(skew(&q) < tolerance, "{rows} x {columns} in {chunks:?}");
    let r = r.everywhere().unwrap();
    assert!(r.indexed_iter().all(|(at, &value)| at[0] <= at[1] || value == T::default()));
}

#[test]
fn qr_of_all_chunkings() {
    for (rows, columns, chunks) in [
        (100, 5, (10, 5)),
        (100, 5, (3, 5)),
        (100, 5, (100, 5)),
        (101, 7, (4, 3)),
        (1000, 3, (10, 3)),
        (7, 7, (2, 2)),
        (5, 12, (2, 5)),
        (1, 1, (1, 1)),
        (6, 1, (4, 1)),
        (1, 6, (1, 4)),
    ] {
        qr_is_right::<f64>(rows, columns, chunks, 1e-12);
        qr_is_right::<f32>(rows, columns, chunks, 1e-4);
    }
}

#[test]
fn svd_of_tall_and_wide_matrices() {
    for (rows, columns, chunks) in
        [(100, 6, (13, 6)), (6, 100, (6, 13)), (40, 7, (9, 3)), (5, 5, (2, 2)), (9, 1, (2, 1))]
    {
        let x = normal::<f64>(rows, columns, chunks, 4);
        let (u, s, vt) = x.svd();
        assert!(largest(&((&u * &s).matmul(&vt) - &x)) < 1e-12, "{rows} x {columns}");
        assert!(skew(&u) < 1e-12 && skew(&vt.t()) < 1e-12);
        let s = s.everywhere().unwrap();
        assert!(s.iter().zip(s.iter().skip(1)).all(|(one, next)| one >= next));
    }
}

#[test]
fn singular_values_are_numpys() {
    // numpy.linalg.svd(numpy.vander(numpy.linspace(0, 1, 6), 4)), singular values
    let t = Array::linspace(0.0, 1.0, 6, 2);
    let vander = Array::stack(&[t.powi(3), t.powi(2), t.clone(), t.ones_like()], 1);
    let found = vander.svd().1.everywhere().unwrap();
    let wanted = SINGULAR_VALUES;
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found - wanted).abs() < 1e-13, "{found} {wanted}");
    }
}

const SINGULAR_VALUES: [f64; 4] = [3.1025349105676927, 1.1764535485352328, 0.2616357903577129, 0.033777063985280055];

#[test]
fn what_has_not_full_rank() {
    let x = Array::<f64>::ones((30, 4), (7, 4));
    let (u, s, vt) = x.svd();
    assert!(largest(&((&u * &s).matmul(&vt) - &x)) < 1e-12);
    assert!(skew(&u) < 1e-12 && skew(&vt.t()) < 1e-12);
    let (q, r) = Array::<f64>::zeros((30, 4), (7, 4)).qr();
    assert_eq!(largest(&r), 0.0);
    assert!(skew(&q) < 1e-12);
}

#[test]
fn compressed_svd_finds_the_largest() {
    // Known singular values: an orthonormal frame on both sides.
    let (left, _) = normal::<f64>(300, 20, (50, 20), 5).qr();
    let (right, _) = normal::<f64>(200, 20, (50, 20), 6).qr();
    let values = Array::<f64>::arange(20, 20).map_elements(|k| 0.5_f64.powf(k));
    let x = (&left * &values).matmul(&right.t()).persist().unwrap();
    let (u, s, vt) = x.svd_compressed(5, Compression::default().power_iterations(2).seed(1));
    assert_eq!((u.shape(), s.shape(), vt.shape()), (vec![300, 5], vec![5], vec![5, 200]));
    for (k, found) in s.everywhere().unwrap().iter().enumerate() {
        assert!((found - 0.5_f64.powi(k as i32)).abs() < 1e-9, "{k}: {found}");
    }
    assert!(skew(&u) < 1e-10 && skew(&vt.t()) < 1e-10);
    // The same seed gives the same.
    let again = x.svd_compressed(5, Compression::default().power_iterations(2).seed(1)).1;
    assert_eq!(again.everywhere().unwrap(), s.everywhere().unwrap());
}

fn positive_definite<T: Float>(len: usize, chunk: usize) -> Array<T> {
    let x = normal::<T>(len, len, (chunk, chunk), 7);
    x.t().matmul(&x) + Array::<T>::eye(len, 0, chunk)
}

#[test]
fn cholesky_of_all_chunkings() {
    for (len, chunk) in [(1, 1), (20, 20), (20, 6), (33, 5), (50, 1)] {
        let x = positive_definite::<f64>(len, chunk);
        let factor = x.cholesky();
        assert!(largest(&(factor.matmul(&factor.t()) - &x)) < 1e-10, "{len} in {chunk}");
        let values = factor.everywhere().unwrap();
        assert!(values.indexed_iter().all(|(at, &value)| at[0] >= at[1] || value == 0.0));
        let x = positive_definite::<f32>(len, chunk);
        let factor = x.cholesky();
        assert!(largest(&(factor.matmul(&factor.t()) - &x)) < 1e-3, "{len} in {chunk}");
    }
    let slice = positive_definite::<f64>(40, 6).cholesky();
    let whole = slice.everywhere().unwrap();
    assert_eq!(slice.slice(s![-1, ..]).everywhere().unwrap(), whole.slice(s![-1, ..]).into_dyn());
}

#[test]
fn a_matrix_that_is_not_positive_definite_fails() {
    let error = (Array::<f64>::eye(10, 0, 3) * -1.0).cholesky().everywhere().unwrap_err().to_string();
    assert!(error.contains("the matrix is not positive definite"), "{error}");
    let x = Array::from_ndarray(array![[1.0, 0.0, 0.0], [0.0, 1.0, 2.0], [0.0, 2.0, 1.0]], 2);
    let error = x.cholesky().everywhere().unwrap_err().to_string();
    assert!(error.contains("its first 3 rows are not"), "{error}");
}

#[test]
fn triangles_are_solved() {
    for (len, chunk, columns) in [(1, 1, 1), (30, 7, 4), (30, 30, 1), (31, 4, 9)] {
        let x = normal::<f64>(len, len, (chunk, 3), 8) * 0.1 + Array::<f64>::eye(len, 0, chunk);
        let b = normal::<f64>(len, columns, (5, 2), 9);
        let values = x.everywhere().unwrap();
        for lower in [true, false] {
            let triangle = ArrayD::from_shape_fn(values.raw_dim(), |at| {
                if (at[0] >= at[1]) == lower || at[0] == at[1] { values[&at] } else { 0.0 }
            });
            let solution = x.solve_triangular(&b, lower);
            assert_eq!(solution.shape(), [len, columns]);
            let left = Array::from_ndarray(triangle, chunk).matmul(&solution) - &b;
            assert!(largest(&left) < 1e-10, "{len} {lower}");
        }
    }
}

#[test]
fn equations_are_solved() {
    for (len, chunk) in [(1, 1), (20, 20), (40, 7), (33, 1), (64, 16)] {
        let a = normal::<f64>(len, len, (chunk, chunk.div_ceil(2)), 10);
        let b = normal::<f64>(len, 3, (5, 2), 11);
        assert!(largest(&(a.matmul(&a.solve(&b)) - &b)) < 1e-9, "{len} in {chunk}");
        let b = b.slice(s![.., 0]);
        assert_eq!(a.solve(&b).shape(), [len]);
        assert!(largest(&(a.matmul(&a.solve(&b)) - &b)) < 1e-9, "{len} in {chunk}");
        assert!(largest(&(a.inv().matmul(&a) - Array::eye(len, 0, len))) < 1e-9);
        let (p, l, u) = a.lu();
        assert!(largest(&(p.matmul(&l).matmul(&u) - &a)) < 1e-11);
        assert!(largest(&l) <= 1.0);
        let spd = positive_definite::<f64>(len, chunk);
        assert!(largest(&(spd.matmul(&spd.solve_positive_definite(&b)) - &b)) < 1e-9);
    }
    // What needs rows of another block: without exchanges between blocks there is no solution.
    let flip = Array::<f64>::eye(6, 0, 2).flip(0);
    let b = Array::<f64>::arange(6, 2);
    assert_eq!(flip.solve(&b).everywhere().unwrap(), b.flip(0).everywhere().unwrap());
}

#[test]
fn a_singular_matrix_fails() {
    let error = Array::<f64>::ones((6, 6), 2).solve(&Array::arange(6, 2)).everywhere().unwrap_err().to_string();
    assert!(error.contains("the matrix is singular: column"), "{error}");
}

#[test]
fn least_squares() {
    // numpy.linalg.lstsq
    let a = Array2::from_shape_fn((7, 3), |(i, j)| ((i + 1) as f64).powi(j as i32));
    let b = array![1.0, 3.0, 2.0, 5.0, 4.0, 8.0, 7.0];
    let (x, residuals, rank, values) = Array::from_ndarray(a, (3, 2)).lstsq(&Array::from_ndarray(b, 2));
    let close = |found: Vec<f64>, wanted: &[f64]| {
        assert_eq!(found.len(), wanted.len());
        assert!(found.iter().zip(wanted).all(|(one, two)| (one - two).abs() < 1e-11), "{found:?} {wanted:?}");
    };
    let all = |array: &Array<f64>| array.everywhere().unwrap().into_raw_vec_and_offset().0;
    close(all(&x), &FIT);
    close(all(&residuals), &RESIDUALS);
    close(all(&values), &VALUES);
    assert_eq!(rank.only(), 3);
    let (_, _, rank, _) = Array::<f64>::ones((9, 3), 2).lstsq(&Array::ones((9, 2), 2));
    assert_eq!(rank.only(), 1);
}

const FIT: [f64; 3] = [0.2857142857142784, 0.8809523809523823, 0.023809523809523947];
const RESIDUALS: [f64; 1] = [7.238095238095238];
const VALUES: [f64; 3] = [69.3680154048384, 3.2803154097238343, 0.5638879381856072];

#[test]
fn what_does_not_fit_is_told() {
    let x = |rows, columns| Array::<f64>::ones((rows, columns), 2);
    assert!(refused(|| x(3, 4).slice(s![0]).qr()).contains("`qr`: it is for matrices, and this array has 1 axes"));
    assert!(refused(|| x(3, 4).cholesky()).contains("`cholesky`: it is for square matrices (shape (3, 4))"));
    assert!(refused(|| x(3, 3).solve(&x(4, 1))).contains("the right-hand side has shape (4, 1)"));
    assert!(refused(|| x(3, 4).inv()).contains("square"));
    assert!(refused(|| x(3, 4).lstsq(&x(3, 1))).contains("at least as many rows"));
    assert!(refused(|| x(3, 4).svd_compressed(4, Compression::default())).contains("4 singular values"));
}

#[test]
fn matrices_without_elements() {
    for (rows, columns) in [(0, 3), (3, 0), (0, 0)] {
        let x = Array::<f64>::ones((rows, columns), 2);
        let (q, r) = x.qr();
        assert_eq!(
            (q.everywhere().unwrap().shape(), r.everywhere().unwrap().shape()),
            (&[rows, 0][..], &[0, columns][..])
        );
        let (u, s, vt) = x.svd();
        assert_eq!(u.matmul(&(s.expand_dims(1) * vt)).everywhere().unwrap(), x.everywhere().unwrap());
    }
    let nothing = Array::<f64>::ones((0, 0), 2);
    assert!(nothing.cholesky().everywhere().unwrap().is_empty());
    assert!(nothing.inv().everywhere().unwrap().is_empty());
    assert!(nothing.solve(&Array::ones(0, 1)).everywhere().unwrap().is_empty());
}

#[test]
fn nan_stays_nan() {
    let x = Array::from_ndarray(array![[1.0, f64::NAN], [2.0, 3.0], [4.0, 5.0]], (2, 2));
    assert!(x.qr().1.everywhere().unwrap()[[0, 1]].is_nan());
    assert!(x.svd().1.everywhere().unwrap().iter().all(|value| value.is_nan()));
}

#[test]
fn one_thread_or_many_give_the_same() {
    let x = normal::<f64>(90, 12, (8, 5), 12);
    let r = x.qr().1;
    assert_eq!(r.compute_with(Scheduler::Sync).unwrap(), r.everywhere().unwrap());
    let square = positive_definite::<f64>(30, 7);
    let inverse = square.inv();
    assert_eq!(inverse.compute_with(Scheduler::Sync).unwrap(), inverse.everywhere().unwrap());
}
