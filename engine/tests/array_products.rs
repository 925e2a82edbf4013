//! Products of arrays against loops over all indices.

#[path = "common/everywhere.rs"]
mod everywhere;
#[path = "common/refused.rs"]
mod refused;

use everywhere::Everywhere;
use refused::refused;
use std::collections::BTreeMap;

use taskloom::array::{Contracted, Norm};
use taskloom::ndarray::{Array1, Array2, ArrayD, IxDyn, array};
use taskloom::prelude::*;

/// Numbers without a pattern that products would hide, small enough that sums of products are exact.
fn numbers(shape: &[usize], seed: usize) -> ArrayD<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) + 1;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) % 17) as f64 - 8.0
    })
}

/// Einstein's sum by the definition.
fn by_definition(inputs: &[(&str, &ArrayD<f64>)], out: &str) -> ArrayD<f64> {
    let mut lengths: BTreeMap<char, usize> = BTreeMap::new();
    for (labels, array) in inputs {
        for (label, &len) in labels.chars().zip(array.shape()) {
            let known = lengths.entry(label).or_insert(len);
            *known = (*known).max(len);
            if len == 0 {
                *known = 0;
            }
        }
    }
    let letters: Vec<char> = lengths.keys().copied().collect();
    let shape: Vec<usize> = out.chars().map(|label| lengths[&label]).collect();
    let mut result = ArrayD::zeros(IxDyn(&shape));
    let all: Vec<usize> = letters.iter().map(|label| lengths[label]).collect();
    for (index, ()) in ArrayD::from_elem(IxDyn(&all), ()).indexed_iter() {
        let at = |labels: &str, shape: &[usize]| -> Vec<usize> {
            let place = |label: char| letters.iter().position(|&own| own == label).unwrap();
            labels.chars().zip(shape).map(|(label, &len)| if len == 1 { 0 } else { index[place(label)] }).collect()
        };
        let product: f64 = inputs.iter().map(|(labels, array)| array[&at(labels, array.shape())[..]]).product();
        result[&at(out, &shape)[..]] += product;
    }
    result
}

fn einsum_is_right(spec: &str, shapes: &[&[usize]], chunks: &[&[usize]]) {
    let (inputs, out) = spec.split_once("->").unwrap();
    let labels: Vec<&str> = inputs.split(',').collect();
    let values: Vec<ArrayD<f64>> = shapes.iter().enumerate().map(|(at, shape)| numbers(shape, at + 3)).collect();
    let arrays: Vec<Array<f64>> =
        values.iter().zip(chunks).map(|(value, &chunks)| Array::from_ndarray(value.clone(), chunks)).collect();
    let pairs: Vec<(&str, &ArrayD<f64>)> = labels.iter().copied().zip(&values).collect();
    let wanted = by_definition(&pairs, out);
    let found = Array::einsum(spec, &arrays.iter().collect::<Vec<_>>());
    assert_eq!(found.shape(), wanted.shape(), "{spec}");
    assert_eq!(found.everywhere().unwrap(), wanted, "{spec} {shapes:?} {chunks:?}");
}

#[test]
fn einsum_follows_the_definition() {
    einsum_is_right("ij,jk->ik", &[&[5, 7], &[7, 4]], &[&[2, 3], &[2, 4]]);
    einsum_is_right("ij,jk->ki", &[&[5, 40], &[40, 4]], &[&[2, 2], &[3, 3]]);
    einsum_is_right("ij,kj->ik", &[&[5, 7], &[3, 7]], &[&[5, 1], &[2, 7]]);
    einsum_is_right("ji,jk->ik", &[&[7, 5], &[7, 3]], &[&[3, 2], &[4, 1]]);
    einsum_is_right("bij,bjk->bik", &[&[3, 4, 5], &[3, 5, 2]], &[&[2, 3, 2], &[1, 4, 2]]);
    einsum_is_right("bij,jk->kbi", &[&[3, 4, 5], &[5, 2]], &[&[2, 3, 2], &[4, 2]]);
    einsum_is_right("ijkl,klm->mij", &[&[2, 3, 4, 5], &[4, 5, 3]], &[&[1, 2, 3, 2], &[2, 3, 2]]);
    einsum_is_right("ijkl,ljm->imk", &[&[2, 3, 4, 5], &[5, 3, 3]], &[&[1, 2, 3, 2], &[2, 3, 2]]);
    einsum_is_right("ij,j->i", &[&[5, 7], &[7]], &[&[2, 3], &[2]]);
    einsum_is_right("ij,ij->", &[&[5, 7], &[5, 7]], &[&[2, 3], &[4, 2]]);
    einsum_is_right("ij,ij->ji", &[&[5, 7], &[5, 7]], &[&[2, 3], &[4, 2]]);
    einsum_is_right("i,j->ij", &[&[5], &[7]], &[&[2], &[3]]);
    einsum_is_right("i,j->ji", &[&[5], &[7]], &[&[2], &[3]]);
    einsum_is_right("ij->ji", &[&[5, 7]], &[&[2, 3]]);
    einsum_is_right("ij->j", &[&[5, 7]], &[&[2, 3]]);
    einsum_is_right("ij->", &[&[5, 7]], &[&[2, 3]]);
    einsum_is_right("ii->i", &[&[7, 7]], &[&[2, 3]]);
    einsum_is_right("ii->", &[&[7, 7]], &[&[3, 3]]);
    einsum_is_right("iji->ji", &[&[4, 3, 4]], &[&[3, 2, 2]]);
    einsum_is_right("ij,kl->k", &[&[4, 3], &[2, 5]], &[&[3, 2], &[2, 2]]);
    einsum_is_right("ij,jk,kl->il", &[&[4, 3], &[3, 6], &[6, 2]], &[&[3, 2], &[2, 2], &[4, 1]]);
    einsum_is_right("i,ij,j->", &[&[4], &[4, 3], &[3]], &[&[3], &[2, 2], &[1]]);
    einsum_is_right("ab,bc,cd,da->ac", &[&[2, 3], &[3, 4], &[4, 5], &[5, 2]], &[&[1, 2], &[2, 2], &[3, 3], &[2, 1]]);
}

#[test]
fn einsum_of_odd_lengths() {
    einsum_is_right("ij,jk->ik", &[&[5, 1], &[7, 4]], &[&[2, 1], &[2, 4]]);
    einsum_is_right("bij,bjk->bik", &[&[1, 4, 5], &[3, 5, 2]], &[&[1, 3, 2], &[1, 4, 2]]);
    einsum_is_right("ij,jk->ik", &[&[5, 0], &[0, 4]], &[&[2, 1], &[2, 4]]);
    einsum_is_right("ij,jk->ik", &[&[0, 3], &[3, 4]], &[&[2, 1], &[2, 4]]);
    einsum_is_right("ij,jk->ik", &[&[1, 1], &[1, 1]], &[&[1, 1], &[1, 1]]);
    einsum_is_right("ii->i", &[&[0, 0]], &[&[1, 1]]);
}

#[test]
fn matmul_of_every_type_and_scheduler() {
    let (a, b) = (numbers(&[9, 7], 1), numbers(&[7, 5], 2));
    let wanted = a
        .clone()
        .into_dimensionality::<taskloom::ndarray::Ix2>()
        .unwrap()
        .dot(&b.clone().into_dimensionality::<taskloom::ndarray::Ix2>().unwrap());
    macro_rules! check {
        ($($type:ty)*) => { $(
            let x = Array::from_ndarray(a.mapv(|x| x as $type), (4, 3));
            let y = Array::from_ndarray(b.mapv(|x| x as $type), (2, 2));
            for scheduler in [Scheduler::Sync, Scheduler::default()] {
                let found = x.matmul(&y).compute_with(scheduler).unwrap();
                assert_eq!(found, wanted.mapv(|x| x as $type).into_dyn());
            }
        )* };
    }
    check!(i16 i32 i64 f32 f64);
    let x = Array::from_ndarray(array![[100_u8, 100], [1, 2]], 1);
    assert_eq!(
        x.matmul(&x).everywhere().unwrap(),
        array![[100 * 100 + 100, 100 * 100 + 200_u32], [102, 104]].mapv(|x| x as u8).into_dyn()
    );
}

#[test]
fn complex_products() {
    use num_complex::Complex;
    let z = |re: f64, im: f64| Complex::new(re, im);
    let x = Array::from_ndarray(array![[z(1.0, 1.0), z(0.0, 2.0)], [z(3.0, 0.0), z(0.0, -1.0)]], 1);
    let wanted = array![[z(0.0, 8.0), z(-2.0 + 2.0, -2.0 + 2.0) + z(0.0, 0.0)], [z(3.0, 0.0), z(-1.0, 6.0)]];
    let found = x.matmul(&x).everywhere().unwrap();
    // (1+i)² + 2i·3 = 2i + 6i; (1+i)2i + 2i(-i) = -2+2i+2; 3(1+i) - 3i = 3; 6i + (-i)² = -1+6i
    assert_eq!(found[[0, 0]], wanted[[0, 0]]);
    assert_eq!(found[[0, 1]], z(0.0, 2.0));
    assert_eq!((found[[1, 0]], found[[1, 1]]), (wanted[[1, 0]], wanted[[1, 1]]));
    assert_eq!(x.vdot(&x).only(), z(2.0 + 4.0 + 9.0 + 1.0, 0.0));
    assert_eq!(x.norm().only(), 4.0);
}

#[test]
fn numpy_rules_for_axes() {
    let a = Array::from_ndarray(numbers(&[2, 3, 4], 5), 2);
    let b = Array::from_ndarray(numbers(&[5, 4, 3], 6), 2);
    assert_eq!(a.dot(&b).shape(), [2, 3, 5, 3]);
    let wanted = by_definition(&[("abk", &numbers(&[2, 3, 4], 5)), ("ckd", &numbers(&[5, 4, 3], 6))], "abcd");
    assert_eq!(a.dot(&b).everywhere().unwrap(), wanted);
    let stack = Array::from_ndarray(numbers(&[5, 1, 4, 3], 6), 2);
    assert_eq!(a.expand_dims(0).matmul(&stack.slice(s![..1])).shape(), [1, 2, 3, 3]);
    assert_eq!(a.matmul(&stack).shape(), [5, 2, 3, 3]);
    let v = Array::from_ndarray(numbers(&[4], 7), 3);
    assert_eq!(a.matmul(&v).shape(), [2, 3]);
    assert_eq!(v.matmul(&b).shape(), [5, 3]);
    assert!(v.matmul(&v).shape().is_empty());
    let wanted = by_definition(&[("k", &numbers(&[4], 7)), ("ckd", &numbers(&[5, 4, 3], 6))], "cd");
    assert_eq!(v.matmul(&b).everywhere().unwrap(), wanted);
    let wanted = by_definition(&[("ijk", &numbers(&[2, 3, 4], 5)), ("lkj", &numbers(&[5, 4, 3], 6))], "il");
    assert_eq!(a.tensordot(&b, ([1, 2], [2, 1])).everywhere().unwrap(), wanted);
    assert_eq!(a.tensordot(&b, ([-1], [1])).shape(), [2, 3, 5, 3]);
    assert_eq!(a.tensordot(&b, Contracted::Count(0)).shape(), [2, 3, 4, 5, 4, 3]);
}

#[test]
fn what_does_not_fit_is_told() {
    let x = |rows, columns| Array::<f64>::ones((rows, columns), 2);
    let told = refused(|| x(3, 4).matmul(&x(5, 6)));
    assert!(
        told.contains("`matmul`: axis 1 has length 4, and axis 0 of the other array, of shape (5, 6), has 5"),
        "{told}"
    );
    assert!(refused(|| x(3, 1).matmul(&x(5, 6))).contains("have to be equal"));
    assert!(refused(|| Array::<f64>::ones((), 1).matmul(&x(5, 6))).contains("`*` multiplies by a number"));
    let stack = |n| Array::<f64>::ones((n, 2, 2), 2);
    assert!(refused(|| stack(3).matmul(&stack(2))).contains("axis 0 has length 3 in one and 2 in the other"));
    assert!(refused(|| x(3, 4).tensordot(&x(3, 4), 3)).contains("3 axes are to be summed over"));
    assert!(refused(|| x(3, 4).tensordot(&x(3, 4), ([0, 0], [0, 1]))).contains("axis 0 is named twice"));
    assert!(refused(|| x(3, 4).tensordot(&x(3, 4), ([0], [5]))).contains("there is no axis 5"));
    assert!(refused(|| Array::einsum("ij,jk", &[&x(3, 4)])).contains("it names 2 arrays, and there are 1"));
    assert!(refused(|| Array::einsum("ij->k", &[&x(3, 4)])).contains("no array has the axis 'k'"));
    assert!(refused(|| Array::einsum("...j->j", &[&x(3, 4)])).contains("ellipsis"));
    assert!(refused(|| Array::einsum("ijk->i", &[&x(3, 4)])).contains("it names 3 axes"));
    assert!(refused(|| Array::einsum("ii->i", &[&x(3, 4)])).contains("have other lengths"));
    assert!(refused(|| Array::einsum("ij,ij->", &[&x(3, 4), &x(3, 5)])).contains("axis 1 has length 4"));
    assert!(refused(|| x(3, 4).slice(s![0]).diagonal(0)).contains("there is no axis 1"));
    assert!(refused(|| x(3, 4).norm_axis(Norm::P(3.0), [0, 1])).contains("no norm over 2 axes"));
}

#[test]
fn diagonals() {
    let values = numbers(&[7, 5], 9);
    let x = Array::from_ndarray(values.clone(), (3, 2));
    for offset in -8_i64..7 {
        let wanted: Vec<f64> = (0..7_i64)
            .filter(|row| (0..5).contains(&(row + offset)))
            .map(|row| values[[row as usize, (row + offset) as usize]])
            .collect();
        assert_eq!(x.diagonal(offset).everywhere().unwrap().into_raw_vec_and_offset().0, wanted, "{offset}");
    }
    let deep = numbers(&[4, 3, 5], 9);
    let x = Array::from_ndarray(deep.clone(), 2);
    let found = x.diagonal_axes(1, -1, 0).everywhere().unwrap();
    assert_eq!(found.shape(), [3, 3]);
    for middle in 0..3 {
        for at in 0..3 {
            assert_eq!(found[[middle, at]], deep[[at + 1, middle, at]]);
        }
    }
    assert_eq!(x.trace().shape(), [5]);
}

#[test]
fn norms() {
    let x = Array::from_ndarray(array![[1.0_f64, -2.0, 3.0], [-4.0, 5.0, 0.0]], (1, 2));
    let one = |norm, axes: Axes| x.norm_axis(norm, axes).only();
    // numpy.linalg.norm
    assert!((x.norm().only() - 7.416_198_487_095_663).abs() < 1e-12);
    assert_eq!(one(Norm::One, Axes::from([0, 1])), 7.0);
    assert_eq!(one(Norm::One, Axes::from([1, 0])), 9.0);
    assert_eq!(one(Norm::Inf, Axes::from([0, 1])), 9.0);
    assert_eq!(one(Norm::NegInf, Axes::from([0, 1])), 6.0);
    assert_eq!(x.norm_axis(Norm::Inf, Axes::from([0, 1]).keepdims()).shape(), [1, 1]);
    let along = |norm| x.norm_axis(norm, 1).everywhere().unwrap().into_raw_vec_and_offset().0;
    assert_eq!(
        (along(Norm::One), along(Norm::Inf), along(Norm::NegInf)),
        (vec![6.0, 9.0], vec![3.0, 5.0], vec![1.0, 0.0])
    );
    assert_eq!(along(Norm::Zero), [3.0, 2.0]);
    let third = along(Norm::P(3.0));
    assert!((third[0] - 3.301_927_248_894_626).abs() < 1e-12 && (third[1] - 5.738_793_548_317_167).abs() < 1e-12);
}

#[test]
fn chunks_whose_lengths_depend_on_values_go_together() {
    // Three different rows of numbers in chunks that nobody knows.
    let x = Array::from_vec(vec![2.0, 3.0, 2.0, 5.0], 2).unique();
    assert_eq!(x.dot(&x).only(), 4.0 + 9.0 + 25.0);
    let table = x.outer(&Array::<f64>::arange(4, 3)).everywhere().unwrap();
    assert_eq!((table.shape(), table[[2, 3]]), (&[3, 4][..], 15.0));
    let rows = x.expand_dims(1) * Array::<f64>::arange(4, 3).expand_dims(0);
    // The other array is cut after the one that has an axis of unknown length.
    let product = rows.matmul(&Array::<f64>::ones((4, 2), 2)).everywhere().unwrap();
    assert_eq!(product, array![[12.0, 12.0], [18.0, 18.0], [30.0, 30.0]].into_dyn());
    let dot = std::panic::AssertUnwindSafe(|| x.dot(&Array::arange(3, 1)));
    assert!(refused(dot).contains("compute_chunk_sizes"));
}

#[test]
fn nan_is_not_lost() {
    let v = Array1::from_vec(vec![f64::NAN, 1.0]);
    let m = Array2::from_elem((2, 2), 1.0);
    let found = Array::from_ndarray(m, 1).matmul(&Array::from_ndarray(v, 1)).everywhere().unwrap();
    assert!(found.iter().all(|x| x.is_nan()));
}

#[test]
fn long_sums_are_merged() {
    // More blocks than one chain of products adds up, and more chains than are merged at once.
    let (a, b) = (numbers(&[3, 600], 1), numbers(&[600, 2], 2));
    let wanted = by_definition(&[("ij", &a), ("jk", &b)], "ik");
    let x = Array::from_ndarray(a, (2, 4)).matmul(&Array::from_ndarray(b, (4, 2)));
    assert_eq!(x.everywhere().unwrap(), wanted);
    assert_eq!(x.compute_with(Scheduler::Sync).unwrap(), wanted);
}
