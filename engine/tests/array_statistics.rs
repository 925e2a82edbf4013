//! Counts, order and quantiles: against NumPy's answers in small tables, and against plain evaluation of the whole array.

#[path = "common/everywhere.rs"]
mod everywhere;
#[path = "common/refused.rs"]
mod refused;

use everywhere::Everywhere;
use refused::refused;
use taskloom::array::{Bins, Interpolation, Quantiles};
use taskloom::ndarray::{ArrayD, Axis, IxDyn, array};
use taskloom::prelude::*;

const NAN: f64 = f64::NAN;

/// 0 to 16 in no order.
fn numbers(shape: &[usize], seed: usize) -> ArrayD<f64> {
    let mut state = (seed as u64).wrapping_mul(0x9e37_79b9) + 1;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) % 17) as f64
    })
}

fn all<T: taskloom::array::Element>(array: &Array<T>) -> Vec<T> {
    array.everywhere().unwrap().iter().copied().collect()
}

fn close(found: &[f64], wanted: &[f64]) {
    assert_eq!(found.len(), wanted.len(), "{found:?} {wanted:?}");
    for (one, two) in found.iter().zip(wanted) {
        assert!((one - two).abs() < 1e-12 || (one.is_nan() && two.is_nan()), "{found:?} {wanted:?}");
    }
}

#[test]
fn histograms_are_numpys() {
    let x = Array::from_vec(vec![0.0, 0.1, 0.3, 0.7, 1.0, -0.1, 1.1, NAN, 0.6, 0.30000000000000004], 3);
    // numpy.histogram(x[~isnan(x)], 10, (0, 1))
    let (counts, edges) = x.histogram((10, (0.0, 1.0)));
    assert_eq!(all(&counts), [1, 1, 1, 1, 0, 1, 1, 0, 0, 1]);
    assert_eq!(edges[3], 0.30000000000000004);
    let (counts, _) = x.histogram([0.0, 0.3, 0.6, 1.0]);
    assert_eq!(all(&counts), [2, 2, 3]);
    let (counts, _) = x.histogram_weighted([0.0, 0.3, 0.6, 1.0], &Array::<f64>::arange(10, 4));
    assert_eq!(all(&counts), [1.0, 11.0, 15.0]);
    let (density, _) = x.histogram_density([0.0, 0.5, 1.0]);
    close(&all(&density), &[8.0 / 7.0, 6.0 / 7.0]);
    let many = numbers(&[30, 7], 2);
    for chunks in [1_usize, 4, 30] {
        let x = Array::from_ndarray(many.clone(), chunks).astype::<i32>();
        let (counts, _) = x.histogram((4, (0.0, 16.0)));
        let wanted: Vec<u64> =
            (0..4).map(|bin| many.iter().filter(|&&x| ((x / 4.0) as usize).min(3) == bin).count() as u64).collect();
        assert_eq!(all(&counts), wanted);
    }
    // No elements; a range without width.
    assert_eq!(all(&Array::<f64>::zeros(0, 3).histogram((2, (0.0, 1.0))).0), [0, 0]);
    assert_eq!(all(&Array::<f64>::full(5, 3.0, 3).histogram((2, (3.0, 3.0))).0), [0, 5]);
}

#[test]
fn histograms_of_several_axes() {
    let (x, y) = (numbers(&[100], 1), numbers(&[100], 2));
    let (ax, ay) = (Array::from_ndarray(x.clone(), 33), Array::from_ndarray(y.clone(), 20));
    let (table, [rows, columns]) = ax.histogram2d(&ay.astype::<u8>(), (3, (0.0, 12.0)), [0.0, 5.0, 16.0]);
    assert_eq!((rows.len(), columns.len()), (4, 3));
    let mut wanted = vec![0; 6];
    for (&x, &y) in x.iter().zip(&y) {
        if x <= 12.0 {
            wanted[((x / 4.0) as usize).min(2) * 2 + usize::from(y >= 5.0)] += 1;
        }
    }
    assert_eq!(all(&table), wanted);
    let bins = [Bins::from((3, 0.0..12.0)), Bins::from(vec![0.0, 5.0, 16.0])];
    assert_eq!(all(&Array::histogramdd(&[&ax, &ay], &bins).0), wanted);
    let twos = Array::<f64>::full(100, 2.0, 7);
    let (weighted, _) = Array::histogramdd_weighted(&[&ax, &ay], &bins, &twos);
    assert_eq!(all(&weighted), wanted.iter().map(|&count| count as f64 * 2.0).collect::<Vec<_>>());
}

#[test]
fn counts_of_numbers() {
    let x = Array::from_vec(vec![3_u8, 0, 3, 1, 5, 3], 2);
    assert_eq!(all(&x.bincount(0)), [1, 1, 0, 3, 0, 1]);
    assert_eq!(all(&x.bincount(8)), [1, 1, 0, 3, 0, 1, 0, 0]);
    let weights = Array::from_vec(vec![0.5, 1.0, 1.5, 2.0, 2.5, 3.0], 4);
    assert_eq!(all(&x.bincount_weighted(&weights, 0)), [1.0, 2.0, 0.0, 5.0, 0.0, 2.5]);
    assert!(all(&Array::<i32>::zeros(0, 1).bincount(0)).is_empty());
    let error = Array::from_vec(vec![1, -4], 1).bincount(0).everywhere().unwrap_err().to_string();
    assert!(error.contains("-4 cannot be counted"), "{error}");
    let known = x.bincount(0).compute_chunk_sizes().unwrap();
    assert_eq!(known.shape(), [6]);
}

#[test]
fn different_elements() {
    for chunks in [1_usize, 3, 100] {
        let x = Array::from_ndarray(array![[3.0, 1.0, NAN], [1.0, NAN, -2.0]], chunks);
        let (values, counts) = x.unique_counts();
        close(&all(&values), &[-2.0, 1.0, 3.0, NAN]);
        assert_eq!(all(&counts), [1, 2, 1, 2]);
    }
    assert_eq!(all(&Array::from_vec(vec![true, true], 1).unique()), [true]);
    assert!(all(&Array::<i8>::zeros(0, 1).unique()).is_empty());
    let many = numbers(&[1000], 5);
    let (values, counts) = Array::from_ndarray(many.clone(), 13).unique_counts();
    let values = all(&values);
    assert_eq!(values, (0..17).map(f64::from).collect::<Vec<_>>());
    let wanted: Vec<u64> = values.iter().map(|v| many.iter().filter(|x| *x == v).count() as u64).collect();
    assert_eq!(all(&counts), wanted);
    // What comes of it has a length once it is computed.
    assert_eq!(Array::from_ndarray(many, 13).unique().sum().only(), 136.0);
}

#[test]
fn where_elements_are_found() {
    let x = Array::from_ndarray(array![[3.0, NAN], [1.0, 7.0]], 1);
    assert_eq!(all(&x.isin(&Array::from_vec(vec![1.0, NAN, 3.0], 2))), [true, false, true, false]);
    assert_eq!(all(&x.isin(&Array::zeros(0, 1))), [false; 4]);
    let sorted = Array::from_vec(vec![1, 2, 2, 2, 9], 2);
    let values = Array::from_ndarray(array![[0, 2], [9, 10]], 1);
    assert_eq!(all(&sorted.searchsorted(&values, false)), [0, 1, 4, 5]);
    assert_eq!(all(&sorted.searchsorted(&values, true)), [0, 4, 5, 5]);
    let x = Array::from_vec(vec![0.0, 1.0, 1.5, 3.0, 4.0, NAN], 4);
    // numpy.digitize
    assert_eq!(all(&x.digitize([1.0, 2.0, 3.0], false)), [0, 1, 1, 3, 3, 3]);
    assert_eq!(all(&x.digitize([1.0, 2.0, 3.0], true)), [0, 0, 1, 2, 3, 3]);
    assert_eq!(all(&x.digitize([3.0, 2.0, 1.0], false)), [3, 2, 2, 0, 0, 0]);
    assert_eq!(all(&x.digitize([3.0, 2.0, 1.0], true)), [3, 3, 2, 1, 0, 0]);
}

#[test]
fn sorting_along_an_axis() {
    let mut values = numbers(&[6, 5, 4], 3);
    values[[2, 3, 1]] = NAN;
    for axis in 0..3_usize {
        let mut wanted = values.clone();
        for mut lane in wanted.lanes_mut(Axis(axis)) {
            let mut run: Vec<f64> = lane.to_vec();
            run.sort_by(f64::total_cmp);
            lane.iter_mut().zip(run).for_each(|(to, value)| *to = value);
        }
        for chunks in [2_usize, 3, 6] {
            let x = Array::from_ndarray(values.clone(), chunks);
            let sorted = x.sort(axis as isize);
            assert_eq!(sorted.numblocks()[axis], 1);
            close(&all(&sorted), &wanted.iter().copied().collect::<Vec<_>>());
            let order = x.argsort(axis as isize - 3).everywhere().unwrap();
            for (lane, order) in values.lanes(Axis(axis)).into_iter().zip(order.lanes(Axis(axis))) {
                let picked: Vec<f64> = order.iter().map(|&at| lane[at as usize]).collect();
                assert!(picked.is_sorted_by(|one, two| one <= two || two.is_nan()), "{picked:?}");
            }
        }
    }
    assert_eq!(all(&Array::from_vec(vec![2, 1, 2, 1], 2).argsort(0)), [1, 3, 0, 2]);
    assert!(all(&Array::<f64>::zeros((0, 3), 2).sort(0)).is_empty());
    // An axis that is put together does not make blocks larger than they were.
    let x = Array::<f64>::zeros((100, 100), 10).sort(0);
    assert!(x.chunks()[1].iter().all(|&len| len <= 1), "{:?}", x.chunks());
}

#[test]
fn the_largest_few() {
    let values = numbers(&[7, 9], 4);
    for axis in 0..2_usize {
        for chunks in [2_usize, 4, 9] {
            let x = Array::from_ndarray(values.clone(), chunks);
            for count in [1_isize, 3, -2, 20, -20] {
                let found = x.topk(count, axis as isize).everywhere().unwrap();
                let places = x.argtopk(count, axis as isize).everywhere().unwrap();
                assert_eq!(found.len_of(Axis(axis)), count.unsigned_abs().min(values.len_of(Axis(axis))));
                let lanes = values.lanes(Axis(axis)).into_iter().zip(found.lanes(Axis(axis)));
                for ((lane, found), places) in lanes.zip(places.lanes(Axis(axis))) {
                    let mut wanted: Vec<(f64, u64)> = lane.iter().copied().zip(0..).collect();
                    let sign = if count > 0 { -1.0 } else { 1.0 };
                    wanted.sort_by(|one, two| (one.0 * sign).total_cmp(&(two.0 * sign)).then(one.1.cmp(&two.1)));
                    wanted.truncate(count.unsigned_abs());
                    assert_eq!(found.to_vec(), wanted.iter().map(|pair| pair.0).collect::<Vec<_>>());
                    assert_eq!(places.to_vec(), wanted.iter().map(|pair| pair.1).collect::<Vec<_>>());
                }
            }
        }
    }
}

#[test]
fn quantiles_are_numpys() {
    let x = Array::from_vec(vec![9.0, 1.0, 4.0, 2.0, 7.0, 7.0, 3.0, 5.0], 3);
    let at = [0.0, 0.1, 0.5, 0.65, 0.9, 1.0];
    // numpy.quantile(x, at, method=...)
    for (method, wanted) in QUANTILES {
        let found = x.quantile(Quantiles::from(at).interpolation(method));
        assert_eq!(found.shape(), [6]);
        close(&all(&found), &wanted);
        for (&at, wanted) in at.iter().zip(wanted) {
            close(&all(&x.quantile(Quantiles::from(at).interpolation(method))), &[wanted]);
            close(&all(&x.quantile_approx(Quantiles::from(at).interpolation(method))), &[wanted]);
        }
    }
    close(&all(&x.percentile([10.0, 50.0])), &[1.7, 4.5]);
    let table = Array::from_ndarray(numbers(&[5, 6, 3], 8), 2);
    let found = table.median_axis([0, 2]).everywhere().unwrap();
    assert_eq!(found.shape(), [6]);
    for (column, found) in numbers(&[5, 6, 3], 8).axis_iter(Axis(1)).zip(&found) {
        let mut values: Vec<f64> = column.iter().copied().collect();
        values.sort_by(f64::total_cmp);
        assert_eq!(*found, values[7]);
    }
    let several = table.quantile_axis([0.2, 0.5, 0.7], Axes::from([0, 2]).keepdims());
    assert_eq!(several.shape(), [3, 1, 6, 1]);
    assert_eq!(all(&several.slice(s![1, .., .., ..])), found.iter().copied().collect::<Vec<_>>());
    assert_eq!(table.median_axis(-1).shape(), [5, 6]);
    assert_eq!(all(&table.astype::<f32>().median_axis([0, 2])), found.mapv(|x| x as f32).into_raw_vec_and_offset().0);
    assert_eq!(all(&table.astype::<i16>().median_axis([0, 2])), found.iter().copied().collect::<Vec<_>>());
}

const QUANTILES: [(Interpolation, [f64; 6]); 5] = [
    (Interpolation::Linear, [1.0, 1.7000000000000002, 4.5, 6.1, 7.6, 9.0]),
    (Interpolation::Lower, [1.0, 1.0, 4.0, 5.0, 7.0, 9.0]),
    (Interpolation::Higher, [1.0, 2.0, 5.0, 7.0, 9.0, 9.0]),
    (Interpolation::Nearest, [1.0, 2.0, 5.0, 7.0, 7.0, 9.0]),
    (Interpolation::Midpoint, [1.0, 1.5, 4.5, 6.0, 8.0, 9.0]),
];

#[test]
fn quantiles_with_nan_and_without_elements() {
    let x = Array::from_ndarray(array![[1.0, NAN, 3.0], [2.0, 5.0, 4.0], [NAN, NAN, NAN]], (2, 2));
    close(&all(&x.median_axis(1)), &[NAN, 4.0, NAN]);
    close(&all(&x.nanmedian_axis(1)), &[2.0, 4.0, NAN]);
    close(&all(&x.nanquantile_axis(0.25, 1)), &[1.5, 3.0, NAN]);
    close(&all(&x.quantile_approx(0.5)), &[NAN]);
    close(&all(&x.nanmedian()), &[3.0]);
    close(&all(&Array::<f64>::zeros((0, 2), 2).median_axis(0)), &[NAN, NAN]);
    close(&all(&Array::<f64>::zeros((0, 2), 2).quantile_approx([0.1, 0.2])), &[NAN, NAN]);
    assert!(all(&Array::<f64>::zeros((0, 2), 2).median_axis(1)).is_empty());
}

#[test]
fn approximate_quantiles_keep_their_promise() {
    // Sorted, reversed and scattered: the rank of what is found is told by its value.
    let len = 1_000_000_u64;
    let sorted = Array::<i64>::arange(len as usize, 10_000);
    let scattered = sorted.map_elements(move |x| (x as u64).wrapping_mul(761_838_257) as i64 % len as i64);
    for x in [sorted.clone(), sorted.flip(0), scattered] {
        let at = [0.0, 0.001, 0.1, 0.5, 0.77, 0.999, 1.0];
        for (found, at) in all(&x.quantile_approx(at)).iter().zip(at) {
            // Two levels of merging above the blocks.
            let allowed = len as f64 * 3.0 / 8192.0 + 1.0;
            assert!((found - at * len as f64).abs() <= allowed, "{at}: {found}");
        }
    }
}

#[test]
fn moments_of_several_variables() {
    let x = numbers(&[3, 8], 9);
    for chunks in [2_usize, 3, 8] {
        let array = Array::from_ndarray(x.clone(), chunks);
        let mean = x.mean_axis(Axis(1)).unwrap();
        let wanted = ArrayD::from_shape_fn(IxDyn(&[3, 3]), |at| {
            let products = (0..8).map(|k| (x[[at[0], k]] - mean[at[0]]) * (x[[at[1], k]] - mean[at[1]]));
            products.sum::<f64>() / 7.0
        });
        close(&all(&array.cov()), &wanted.iter().copied().collect::<Vec<_>>());
        let r = ArrayD::from_shape_fn(IxDyn(&[3, 3]), |at| {
            wanted[&at] / (wanted[[at[0], at[0]]] * wanted[[at[1], at[1]]]).sqrt()
        });
        close(&all(&array.corrcoef()), &r.iter().copied().collect::<Vec<_>>());
        let weights = Array::from_vec((0..8).map(f64::from).collect(), 3);
        let wanted: Vec<f64> =
            x.outer_iter().map(|row| row.iter().zip(0..).map(|(x, w)| x * f64::from(w)).sum::<f64>() / 28.0).collect();
        close(&all(&array.average_axis(&weights, 1)), &wanted);
        assert_eq!(
            all(&array.ptp_axis(0)),
            x.axis_iter(Axis(1))
                .map(|column| {
                    column.iter().copied().fold(0.0, f64::max) - column.iter().copied().fold(99.0, f64::min)
                })
                .collect::<Vec<_>>()
        );
    }
}

#[test]
fn what_does_not_fit_is_told() {
    let x = || Array::<f64>::ones((3, 4), 2);
    assert!(refused(|| x().histogram((0, (0.0, 1.0)))).contains("at least one bin"));
    assert!(refused(|| x().histogram((3, (1.0, 0.0)))).contains("bins cannot go from 1 to 0"));
    assert!(refused(|| x().histogram([0.0, NAN])).contains("edges have to rise"));
    assert!(refused(|| x().histogram([0.0])).contains("1 edges make no bin"));
    assert!(
        refused(|| x().histogram_weighted([0.0, 1.0], &Array::ones(3, 2))).contains("same shape as the other, (3, 4)")
    );
    assert!(refused(|| x().quantile(1.5)).contains("1.5 is no quantile"));
    assert!(refused(|| x().median_axis(2)).contains("there is no axis 2"));
    assert!(refused(|| x().topk(0, 0)).contains("0 elements are none"));
    assert!(refused(|| x().sort(5)).contains("there is no axis 5"));
    assert!(refused(|| x().digitize([1.0, 3.0, 2.0], false)).contains("rise or fall"));
    assert!(refused(|| x().average_axis(&Array::ones(3, 2), 1)).contains("`zip_with`"));
    assert!(refused(|| x().searchsorted(&x(), false)).contains("has one axis"));
    assert!(refused(|| x().unique().sort(0).cov().abs()).contains("compute_chunk_sizes"));
}
