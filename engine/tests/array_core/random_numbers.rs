//! Random numbers: their distributions, their independence, and that chunks have nothing to do with them.
//!
//! The bounds are those of the tests at about one in a million, and the seeds are fixed: these tests do not fail now and
//! then.

use ndarray::s;
use taskloom::array::Random;
use taskloom::{Array, Scheduler};

const COUNT: usize = 200_000;

fn random(seed: u64) -> Random<f64> {
    Array::<f64>::random((COUNT,), 30_000).seed(seed)
}

fn values(array: &Array<f64>) -> Vec<f64> {
    array.compute().expect("it computes").into_raw_vec_and_offset().0
}

/// The largest distance between the distribution that there is and the one that is said (Kolmogorov and Smirnov).
fn distance(mut values: Vec<f64>, cumulative: impl Fn(f64) -> f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let count = values.len() as f64;
    let apart = values.iter().enumerate().map(|(rank, &value)| {
        let wanted = cumulative(value);
        (wanted - rank as f64 / count).abs().max((wanted - (rank + 1) as f64 / count).abs())
    });
    apart.fold(0.0, f64::max)
}

/// Such a distance happens once in a million times: the root of ln(2 · 10⁶) / 2, divided by the root of the count.
fn likely_distance() -> f64 {
    2.7 / (COUNT as f64).sqrt()
}

/// The area below the normal density up to a place (Abramowitz and Stegun, 26.2.17; right to 10⁻⁷).
fn normal_cumulative(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let series = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let sum = series.iter().rev().fold(0.0, |sum, factor| (sum + factor) * t);
    let beyond = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt() * sum;
    if x < 0.0 { beyond } else { 1.0 - beyond }
}

#[test]
fn uniform_numbers_are_uniform() {
    for seed in 0..4 {
        let numbers = values(&random(seed).uniform(-1.0, 3.0));
        assert!(numbers.iter().all(|&x| (-1.0..3.0).contains(&x)));
        assert!(distance(numbers, |x| (x + 1.0) / 4.0) < likely_distance());
    }
    let single = Array::<f32>::random((COUNT,), 9000).seed(1).uniform(0.0, 1.0);
    let (low, high) = (single.min().item().unwrap(), single.max().item().unwrap());
    assert!(low >= 0.0 && high < 1.0 && low < 1e-4 && high > 0.9999);
    // Never the upper end, also where it lies so near that rounding leads there.
    let narrow = Array::<f32>::random((COUNT,), 9000).seed(1).uniform(1.0, 1.000_000_2);
    assert!(narrow.max().item().unwrap() < 1.000_000_2);
}

#[test]
fn normal_numbers_are_normal() {
    for seed in 0..4 {
        let numbers = values(&random(seed).normal(0.0, 1.0));
        let moment = |power: i32| numbers.iter().map(|x| x.powi(power)).sum::<f64>() / COUNT as f64;
        // The deviations of these means are the roots of 1, 2, 15 and 96 (2k-th moments), divided by that of the count.
        let root = (COUNT as f64).sqrt();
        for (power, wanted, deviation) in
            [(1, 0.0, 1.0), (2, 1.0, 1.42), (3, 0.0, 3.88), (4, 3.0, 9.8), (6, 15.0, 101.0)]
        {
            let found = moment(power);
            assert!((found - wanted).abs() < 5.0 * deviation / root, "moment {power} of seed {seed}: {found}");
        }
        // Beyond the ziggurat's last layer, too.
        let tail = numbers.iter().filter(|x| x.abs() > 3.654_152_885_361_009).count() as f64;
        let wanted = 2.0 * (1.0 - 0.999_870_986) * COUNT as f64;
        assert!((tail - wanted).abs() < 5.0 * wanted.sqrt() + 1.0, "{tail} beyond, {wanted} were to be expected");
        assert!(distance(numbers, normal_cumulative) < likely_distance());
    }
    let wide = values(&random(9).normal(100.0, 5.0));
    assert!(distance(wide, |x| normal_cumulative((x - 100.0) / 5.0)) < likely_distance());
}

#[test]
fn exponential_numbers_are_exponential() {
    for seed in 0..4 {
        let numbers = values(&random(seed).exponential(2.0));
        assert!(numbers.iter().all(|&x| x >= 0.0));
        assert!(distance(numbers, |x| 1.0 - (-x / 2.0).exp()) < likely_distance());
    }
}

/// How far counts are from those to be expected, in deviations of chi-square; classes that are too rare are left out.
fn surprise(counts: &[f64], wanted: &[f64]) -> f64 {
    let classes = || counts.iter().zip(wanted).filter(|(_, wanted)| **wanted >= 10.0);
    let square: f64 = classes().map(|(count, wanted)| (count - wanted).powi(2) / wanted).sum();
    let freedom = classes().count() as f64 - 1.0;
    (square - freedom) / (2.0 * freedom).sqrt()
}

#[test]
fn whole_numbers_are_as_likely_as_they_should_be() {
    let dice = Array::<i64>::random((COUNT,), 30_000).seed(3).integers(-3..7);
    let mut counts = vec![0.0; 10];
    dice.compute().unwrap().iter().for_each(|&x| counts[(x + 3) as usize] += 1.0);
    assert!(surprise(&counts, &[COUNT as f64 / 10.0; 10]).abs() < 6.0, "{counts:?}");
    // A range of nearly all numbers, where a remainder would not do.
    let wide = Array::<i64>::random((COUNT,), 30_000).seed(3).integers(i64::MIN..i64::MAX / 2);
    let low = wide.lt(i64::MIN / 2).count().item().unwrap() as f64 / COUNT as f64;
    assert!((low - 1.0 / 3.0).abs() < 0.006, "{low}");
}

#[test]
fn poisson_numbers_are_poisson() {
    for (seed, mean) in [(1, 0.3_f64), (2, 4.0), (3, 9.99), (4, 10.0), (5, 40.0), (6, 1000.0)] {
        let numbers = Array::<i64>::random((COUNT,), 30_000).seed(seed).poisson(mean).compute().unwrap();
        let most = (mean + 12.0 * mean.sqrt() + 20.0) as usize;
        let mut counts = vec![0.0; most];
        numbers.iter().for_each(|&x| counts[x as usize] += 1.0);
        let mut log = -mean;
        let mut wanted = Vec::new();
        for count in 0..most {
            wanted.push(log.exp() * COUNT as f64);
            log += mean.ln() - (count as f64 + 1.0).ln();
        }
        assert!(surprise(&counts, &wanted).abs() < 6.0, "mean {mean}: {}", surprise(&counts, &wanted));
    }
    assert_eq!(Array::<i64>::random((100,), 10).seed(1).poisson(0.0).max().item().unwrap(), 0);
}

fn correlation(left: &[f64], right: &[f64]) -> f64 {
    let count = left.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (a, b) = (mean(left), mean(right));
    let of = |one: &[f64], one_mean: f64, other: &[f64], other_mean: f64| -> f64 {
        one.iter().zip(other).map(|(x, y)| (x - one_mean) * (y - other_mean)).sum()
    };
    of(left, a, right, b) / (of(left, a, left, a) * of(right, b, right, b)).sqrt()
}

#[test]
fn places_and_seeds_have_nothing_to_do_with_each_other() {
    let bound = 5.0 / (COUNT as f64).sqrt();
    let first = values(&random(1).uniform(0.0, 1.0));
    for lag in [1, 2, 3, 7, 16, 100, 256, 1000, 1024, 4096] {
        let found = correlation(&first[lag..], &first[..COUNT - lag]);
        assert!(found.abs() < 1.1 * bound, "{lag} places apart: {found}");
    }
    for seed in [0, 2, 3, 1 << 32, 1 << 63, u64::MAX, 0x9e37_79b9_7f4a_7c15] {
        let other = values(&random(seed).uniform(0.0, 1.0));
        for lag in [0, 1, 2] {
            let found = correlation(&first[..COUNT - lag], &other[lag..]);
            assert!(found.abs() < bound, "seeds 1 and {seed}, {lag} places apart: {found}");
        }
    }
    // Another distribution of the same seed, and neighbouring places in pairs.
    let normal = values(&random(1).normal(0.0, 1.0));
    assert!(correlation(&first, &normal).abs() < bound);
    let mut pairs = vec![0.0; 64 * 64];
    first.chunks_exact(2).for_each(|pair| pairs[(pair[0] * 64.0) as usize * 64 + (pair[1] * 64.0) as usize] += 1.0);
    assert!(surprise(&pairs, &vec![COUNT as f64 / 2.0 / 4096.0; 4096]).abs() < 6.0);
    // Every bit is set in half of the numbers.
    let bits = Array::<i64>::random((COUNT,), 30_000).seed(8).integers(i64::MIN..i64::MAX).compute().unwrap();
    for bit in 0..64 {
        let set = bits.iter().filter(|&&bits| bits >> bit & 1 == 1).count() as f64 / COUNT as f64;
        assert!((set - 0.5).abs() < 0.5 * bound, "bit {bit}: {set}");
    }
}

#[test]
fn chunks_views_and_schedulers_do_not_change_them() {
    fn same(make: impl Fn(taskloom::array::Chunking) -> Array<f64>) {
        let whole = make(usize::MAX.into());
        let cut = make((7, 13).into());
        let values = whole.compute_with(Scheduler::Sync).unwrap();
        for threads in [1, 2, 4] {
            assert_eq!(cut.compute_with(Scheduler::Threads(threads)).unwrap(), values);
        }
        assert_eq!(cut.rechunk((50, 3)).compute().unwrap(), values);
        assert_eq!(cut.slice(s![3..40;5, ..;-2]).compute().unwrap(), values.slice(s![3..40;5, ..;-2]).into_dyn());
        assert_eq!(cut.t().compute().unwrap(), values.t());
        assert_eq!(
            cut.reshape((100, 31)).compute().unwrap().into_raw_vec_and_offset().0,
            values.into_raw_vec_and_offset().0
        );
    }
    same(|chunks| Array::<f64>::random((50, 62), chunks).seed(4).uniform(0.0, 1.0));
    same(|chunks| Array::<f64>::random((50, 62), chunks).seed(4).normal(1.0, 2.0));
    same(|chunks| Array::<f64>::random((50, 62), chunks).seed(4).exponential(1.0));
    same(|chunks| Array::<i64>::random((50, 62), chunks).seed(4).poisson(20.0).astype());
    same(|chunks| Array::<i64>::random((50, 62), chunks).seed(4).integers(0..1000).astype());
    let unseeded = || Array::<f64>::random((10,), 10).uniform(0.0, 1.0).compute().unwrap();
    assert_ne!(unseeded(), unseeded());
}
