//! Fourier transforms against NumPy's, and there and back.

#[path = "common/everywhere.rs"]
mod everywhere;
#[path = "common/refused.rs"]
mod refused;

use everywhere::Everywhere;
use num_complex::Complex;
use refused::refused;
use taskloom::ndarray::{ArrayD, Axis, IxDyn};
use taskloom::prelude::*;

fn wave(shape: &[usize]) -> ArrayD<Complex<f64>> {
    let mut at = 0.0_f64;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        at += 1.0;
        Complex::new((at * 1.3).sin(), (at * at * 0.7).cos())
    })
}

/// The sum that a transform is.
fn by_definition(values: &ArrayD<Complex<f64>>, axis: usize) -> ArrayD<Complex<f64>> {
    let mut out = values.clone();
    for (from, mut to) in values.lanes(Axis(axis)).into_iter().zip(out.lanes_mut(Axis(axis))) {
        let len = from.len();
        for k in 0..len {
            let turn = |j: usize| -std::f64::consts::TAU * (j * k % len) as f64 / len as f64;
            to[k] = (0..len).map(|j| from[j] * Complex::from_polar(1.0, turn(j))).sum();
        }
    }
    out
}

fn apart(one: &ArrayD<Complex<f64>>, two: &ArrayD<Complex<f64>>) -> f64 {
    assert_eq!(one.shape(), two.shape());
    one.iter().zip(two).map(|(one, two)| (one - two).norm()).fold(0.0, f64::max)
}

#[test]
fn transforms_along_any_axis() {
    for (shape, chunks, axis) in [
        (&[12][..], &[12][..], 0_usize),
        (&[5, 7], &[5, 3], 0),
        (&[5, 7], &[2, 7], 1),
        (&[3, 16, 4], &[2, 16, 3], 1),
        (&[2, 3, 37], &[1, 2, 37], 2),
        (&[4, 1], &[3, 1], 1),
        (&[0, 6], &[1, 6], 1),
    ] {
        let values = wave(shape);
        let x = Array::from_ndarray(values.clone(), chunks);
        let wanted = by_definition(&values, axis);
        let found = x.fft(axis as isize);
        assert!(apart(&found.everywhere().unwrap(), &wanted) < 1e-12, "{shape:?}");
        assert!(apart(&found.ifft(axis as isize - shape.len() as isize).everywhere().unwrap(), &values) < 1e-13);
        let single = x.astype::<Complex<f32>>().fft(axis as isize).astype::<Complex<f64>>();
        assert!(apart(&single.everywhere().unwrap(), &wanted) < 1e-4);
        let real = x.real();
        let half = real.rfft(axis as isize);
        let whole = real.fft(axis as isize).everywhere().unwrap();
        let kept = whole.slice_axis(Axis(axis), (0..shape[axis] / 2 + 1).into()).to_owned();
        assert!(apart(&half.everywhere().unwrap(), &kept) < 1e-12);
        let back = half.irfft_len(axis as isize, shape[axis]) - real;
        assert!(back.everywhere().unwrap().iter().all(|error| error.abs() < 1e-13));
    }
}

#[test]
fn two_axes() {
    let values = wave(&[3, 6, 5]);
    let x = Array::from_ndarray(values.clone(), (2, 6, 5));
    let wanted = by_definition(&by_definition(&values, 2), 1);
    assert!(apart(&x.fft2().everywhere().unwrap(), &wanted) < 1e-12);
    assert!(apart(&x.fft2().ifft2().everywhere().unwrap(), &values) < 1e-13);
}

#[test]
fn numpys_answers() {
    // numpy.fft.rfft([1, 2, 4, 8, 16, 32, 64]) and numpy.fft.irfft([1, 2j, 3, 4j], n)
    let x = Array::from_vec((0..7).map(|k| f64::from(1 << k)).collect(), 7);
    for (found, wanted) in x.rfft(0).everywhere().unwrap().iter().zip(RFFT) {
        assert!((found - Complex::new(wanted.0, wanted.1)).norm() < 1e-13);
    }
    let z = |re: f64, im: f64| Complex::new(re, im);
    let x = Array::from_vec(vec![z(1.0, 0.0), z(0.0, 2.0), z(3.0, 0.0), z(0.0, 4.0)], 4);
    let check = |found: Array<f64>, wanted: &[f64]| {
        let found = found.everywhere().unwrap();
        assert_eq!(found.len(), wanted.len());
        assert!(found.iter().zip(wanted).all(|(one, two)| (one - two).abs() < 1e-14), "{found} {wanted:?}");
    };
    check(x.irfft(0), &IRFFT);
    check(x.irfft_len(0, 5), &IRFFT_5);
    check(x.irfft_len(0, 9), &IRFFT_9);
}

const RFFT: [(f64, f64); 4] = [
    (127.0, 0.0),
    (12.51632047059104, 79.24260336704938),
    (-31.157505640994227, 42.042134000237205),
    (-41.358814829596795, 12.808933613638352),
];
const IRFFT: [f64; 6] = [
    1.1666666666666665,
    -0.910683602522959,
    -0.910683602522959,
    1.1666666666666665,
    0.2440169358562924,
    0.2440169358562923,
];
const IRFFT_5: [f64; 5] =
    [1.4000000000000001, -1.5316656062860599, 0.10059219141595843, 1.0410485950839155, -0.009975180213814118];
const IRFFT_9: [f64; 9] = [
    0.7777777777777777,
    -0.8286071781133426,
    -0.18324261183208593,
    -0.6071224016819726,
    -0.30000190498492396,
    1.54361671803245,
    0.16267795723752826,
    -0.847458660326903,
    1.282360303891472,
];

#[test]
fn frequencies_and_their_order() {
    let all = |array: Array<f64>| array.everywhere().unwrap().into_raw_vec_and_offset().0;
    assert_eq!(all(Array::fftfreq(5, 1.0, 2)), [0.0, 0.2, 0.4, -0.4, -0.2]);
    assert_eq!(all(Array::fftfreq(4, 1.0, 3)), [0.0, 0.25, -0.5, -0.25]);
    assert_eq!(all(Array::rfftfreq(5, 0.1, 2)), [0.0, 2.0, 4.0]);
    let table = Array::<i64>::arange(15, 4).reshape((3, 5));
    let shifted = table.fftshift([0, 1]).everywhere().unwrap();
    assert_eq!(shifted.iter().copied().take(5).collect::<Vec<_>>(), [13, 14, 10, 11, 12]);
    assert_eq!(table.fftshift([0, 1]).ifftshift([0, 1]).everywhere().unwrap(), table.everywhere().unwrap());
    assert!(Array::<i64>::zeros(0, 1).fftshift(0).everywhere().unwrap().is_empty());
}

#[test]
fn what_does_not_fit_is_told() {
    let x = || Array::<f64>::ones((30, 40), (10, 20));
    let told = refused(|| x().rfft(0));
    assert_eq!(
        told,
        "`rfft`: axis 0 is cut into 3 chunks, and a transform needs all of it: `rechunk((30, 20))` puts it into one (shape \
         (30, 40))"
    );
    assert!(refused(|| x().fft(2)).contains("there is no axis 2"));
    assert!(refused(|| Array::<f64>::ones((0, 3), 3).fft(0)).contains("axis 0 of shape (0, 3) has length 0"));
    assert!(refused(|| Array::<f64>::fftfreq(3, 0.0, 1)).contains("0 apart"));
}
