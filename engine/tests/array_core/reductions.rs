//! What folds axes away.

use ndarray::ArrayD;
use num_complex::Complex;
use taskloom::array::{Axes, Element, Float, Number, Ordered};
use taskloom::{Array, compute};

use super::everywhere::Everywhere;
use super::making::{Pair, Rng, assert_same};
use super::{Tested, plain};

/// Axes as the engine takes them, and as flags.
fn axes(rng: &mut Rng, rank: usize) -> (Axes, Vec<bool>, bool) {
    let mut folded = vec![rng.one_in(3); rank];
    let mut named: Vec<isize> = Vec::new();
    let axes = if folded.iter().all(|&folded| folded) && rng.one_in(2) {
        folded.fill(true);
        Axes::all()
    } else {
        folded.iter_mut().for_each(|folded| *folded = rng.one_in(2));
        for axis in (0..rank).filter(|&axis| folded[axis]) {
            let place = rng.below(named.len() + 1);
            named.insert(place, axis as isize - if rng.one_in(2) { rank as isize } else { 0 });
        }
        Axes::from(named)
    };
    let keepdims = rng.one_in(3);
    (if keepdims { axes.keepdims() } else { axes }, folded, keepdims)
}

fn has_nothing<T>(x: &Pair<T>, folded: &[bool]) -> bool {
    x.plain.shape().iter().zip(folded).any(|(&len, &folded)| folded && len == 0)
}

fn exact<T: Copy, R: Element>(x: &Pair<T>, with: &Folded, lazy: Array<R>, function: impl Fn(&[T]) -> R) {
    Pair { lazy, plain: plain::fold(&x.plain, &with.1, with.2, function) }.check();
}

type Folded = (Axes, Vec<bool>, bool);

fn best<T: Ordered>(values: &[T], largest: bool) -> usize {
    let first_nan = values.iter().position(|value| value.unordered());
    first_nan.unwrap_or_else(|| {
        (1..values.len()).fold(0, |best, at| {
            let better = if largest { values[at] > values[best] } else { values[at] < values[best] };
            if better { at } else { best }
        })
    })
}

/// An expression that goes on after a reduction.
pub fn within<T: Tested + Ordered>(rng: &mut Rng, x: &Pair<T>) -> Pair<T> {
    let (axes, folded, _) = axes(rng, x.plain.ndim());
    if has_nothing(x, &folded) {
        return x.clone();
    }
    let largest = rng.one_in(2);
    let lazy = if largest { x.lazy.max_axis(axes.keepdims()) } else { x.lazy.min_axis(axes.keepdims()) };
    let bounds = plain::fold(&x.plain, &folded, true, |values| values[best(values, largest)]);
    match rng.one_in(3) {
        true => Pair { lazy, plain: bounds },
        false => {
            let pick = |x: T, bound: T| if x == bound { T::default() } else { x };
            Pair { lazy: x.lazy.zip_with(&lazy, pick), plain: plain::zip(&x.plain, &bounds, pick) }
        }
    }
}

pub fn of_ordered<T: Tested + Ordered>(rng: &mut Rng, x: &Pair<T>) {
    let with = axes(rng, x.plain.ndim());
    let axes = || with.0.clone();
    let zero = T::default();
    exact(x, &with, x.lazy.any_axis(axes()), |values| values.iter().any(|&value| value != zero));
    exact(x, &with, x.lazy.all_axis(axes()), |values| values.iter().all(|&value| value != zero));
    exact(x, &with, x.lazy.count_axis(axes()), |values| values.iter().filter(|&&value| value != zero).count() as u64);
    if has_nothing(x, &with.1) {
        return;
    }
    exact(x, &with, x.lazy.min_axis(axes()), |values| values[best(values, false)]);
    exact(x, &with, x.lazy.max_axis(axes()), |values| values[best(values, true)]);
    exact(x, &with, x.lazy.argmin_axis(axes()), |values| best(values, false) as u64);
    exact(x, &with, x.lazy.argmax_axis(axes()), |values| best(values, true) as u64);
    // Several in one pass.
    let (low, place, high) =
        compute!(x.lazy.min_axis(axes()), x.lazy.argmax_axis(axes()), x.lazy.max_axis(axes())).expect("they compute");
    assert_same("min", &low, &plain::fold(&x.plain, &with.1, with.2, |values| values[best(values, false)]));
    assert_same("argmax", &place, &plain::fold(&x.plain, &with.1, with.2, |values| best(values, true) as u64));
    assert_same("max", &high, &plain::fold(&x.plain, &with.1, with.2, |values| values[best(values, true)]));
}

pub fn of_integers<T: Tested + Number>(rng: &mut Rng, x: &Pair<T>) {
    let with = axes(rng, x.plain.ndim());
    let sum = |values: &[T]| values.iter().fold(T::Sum::default(), |sum, value| sum.add(value.to_sum()));
    let product = |values: &[T]| values.iter().fold(T::Sum::one(), |product, value| product.mul(value.to_sum()));
    exact(x, &with, x.lazy.sum_axis(with.0.clone()), sum);
    exact(x, &with, x.lazy.prod_axis(with.0.clone()), product);
}

/// What is expected, and how far from it a result may be.
struct Near {
    value: f64,
    by: f64,
}

fn close<R: Float>(what: &str, found: &Array<R>, wanted: &ArrayD<Near>) {
    let values = found.everywhere().expect("it computes");
    assert_eq!(values.shape(), wanted.shape(), "shape of {what} {found:?}");
    for ((place, &value), near) in values.indexed_iter().zip(wanted) {
        let value = Float::to_f64(value);
        let fits = (value.is_nan() && near.value.is_nan())
            || value == near.value
            || (value - near.value).abs() <= near.by
            // What a number of this type cannot hold.
            || near.by.is_infinite()
            || (near.value.is_finite() && near.value.abs() + near.by >= Float::to_f64(R::max_value()));
        assert!(fits, "{what} at {place:?} of {found:?}: {value} instead of {} ± {}", near.value, near.by);
    }
}

fn precision<R: Float>() -> f64 {
    Float::to_f64(<R as num_traits::Float>::epsilon())
}

/// The sum in twice the precision of a double.
fn exact_sum(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0);
    for value in values.clone() {
        let next = sum + value;
        lost += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        sum = next;
    }
    if lost.is_finite() { sum + lost } else { values.sum() }
}

/// What is added without a correction: a tile is, in lanes or in columns.
const RUN: usize = 400;

/// The sum; it may be off by a rounding for each of the numbers that are added without a correction.
fn sum(values: &[f64], precision: f64) -> Near {
    let size: f64 = values.iter().map(|value| value.abs()).sum();
    let value = exact_sum(values.iter().copied());
    let by = (3 + values.len().min(RUN)) as f64 * precision * size;
    // A sum of finite numbers that overflows on its way may come out as anything.
    let overflows = value.is_nan() && values.iter().all(|value| value.is_finite());
    Near {
        value,
        by: if value.is_finite() {
            by
        } else if overflows {
            f64::INFINITY
        } else {
            0.0
        },
    }
}

fn mean(values: &[f64], precision: f64) -> Near {
    let Near { value, by } = sum(values, precision);
    Near { value: value / values.len() as f64, by: by / values.len() as f64 }
}

fn variance(values: &[f64], (ddof, skip_nan): (u32, bool), root: bool, precision: f64) -> Near {
    let divisor = values.len() as f64 - f64::from(ddof);
    let mean = exact_sum(values.iter().copied()) / values.len() as f64;
    let squares = exact_sum(values.iter().map(|value| (value - mean) * (value - mean)));
    if divisor <= 0.0 {
        let value = if skip_nan { f64::NAN } else { squares / 0.0 };
        // Whether there is a spread may depend on the rounding of the mean.
        return Near { value, by: f64::INFINITY };
    }
    let value = squares / divisor;
    let size = values.iter().fold(0.0_f64, |size, value| size.max(value.abs()));
    // It is calculated in double precision, whatever the type is.
    let roundings = (8 + values.len().min(RUN)) as f64 * f64::EPSILON + 2.0 * precision;
    let by = roundings * value + 1e3 * (f64::EPSILON * size).powi(2) + f64::MIN_POSITIVE;
    if size > 1e150 {
        return Near { value, by: f64::INFINITY };
    }
    if !root {
        return Near { value, by };
    }
    Near {
        value: value.sqrt(),
        by: if value.is_nan() { 0.0 } else { (value + by).sqrt() - value.sqrt() + 2.0 * precision * value.sqrt() },
    }
}

fn doubles<T: Number<Mean: Float>>(values: &[T]) -> Vec<f64> {
    values.iter().map(|value| Float::to_f64(value.to_mean())).collect()
}

pub fn of_reals<T: Tested + Number<Mean: Float>>(rng: &mut Rng, x: &Pair<T>) {
    let with = axes(rng, x.plain.ndim());
    let (axes, precision) = (|| with.0.clone(), precision::<T::Mean>());
    // Beyond this even doubles are not exact.
    let wanted = plain::fold(&x.plain, &with.1, with.2, |values| mean(&doubles(values), precision));
    close("mean", &x.lazy.mean_axis(axes()), &wanted);
    let ddof = rng.below(3) as u32;
    let fold = |root| {
        plain::fold(&x.plain, &with.1, with.2, |values| variance(&doubles(values), (ddof, false), root, precision))
    };
    close("var", &x.lazy.var_ddof(axes(), ddof), &fold(false));
    close("std", &x.lazy.std_ddof(axes(), ddof), &fold(true));
}

pub fn of_floats<T: Tested + Float>(rng: &mut Rng, x: &Pair<T>) {
    let with = axes(rng, x.plain.ndim());
    let precision = precision::<T>();
    let wanted = plain::fold(&x.plain, &with.1, with.2, |values| sum(&doubles(values), precision));
    close("sum", &x.lazy.sum_axis(with.0.clone()), &wanted);
    let product = |values: &[T]| {
        let values = doubles(values);
        let value: f64 = values.iter().product();
        // Where parts may leave the range of the type, the order decides.
        let reach: f64 = values.iter().map(|value| if *value == 0.0 { 0.0 } else { value.abs().ln().abs() }).sum();
        let limit = Float::to_f64(T::max_value()).ln() * 0.9;
        let far = !reach.is_finite() || reach > limit;
        Near {
            value,
            by: if far && !value.is_nan() {
                f64::INFINITY
            } else {
                value.abs() * precision * (values.len() + 2) as f64
            },
        }
    };
    let is_plain = x.plain.iter().all(|value| num_traits::Float::is_finite(*value));
    if is_plain {
        let wanted = plain::fold(&x.plain, &with.1, with.2, product);
        close("prod", &x.lazy.prod_axis(with.0), &wanted);
    }
}

pub fn without_nans<T: Tested + Float>(rng: &mut Rng, x: &Pair<T>) {
    let with = axes(rng, x.plain.ndim());
    let (axes, precision) = (|| with.0.clone(), precision::<T>());
    let kept = |values: &[T]| -> Vec<f64> { doubles(values).into_iter().filter(|value| !value.is_nan()).collect() };
    let fold =
        |function: &dyn Fn(&[f64]) -> Near| plain::fold(&x.plain, &with.1, with.2, |values| function(&kept(values)));
    close("nansum", &x.lazy.nansum_axis(axes()), &fold(&|values| sum(values, precision)));
    close("nanmean", &x.lazy.nanmean_axis(axes()), &fold(&|values| mean(values, precision)));
    close("nanvar", &x.lazy.nanvar_axis(axes()), &fold(&|values| variance(values, (0, true), false, precision)));
    close("nanstd", &x.lazy.nanstd_axis(axes()), &fold(&|values| variance(values, (0, true), true, precision)));
    if has_nothing(x, &with.1) {
        return;
    }
    let extreme = |largest: bool| {
        move |values: &[f64]| {
            let value = if values.is_empty() { f64::NAN } else { values[best(values, largest)] };
            Near { value, by: 0.0 }
        }
    };
    close("nanmin", &x.lazy.nanmin_axis(axes()), &fold(&extreme(false)));
    close("nanmax", &x.lazy.nanmax_axis(axes()), &fold(&extreme(true)));
    let place = |largest: bool| {
        move |values: &[T]| {
            let wanted = values.iter().enumerate().filter(|(_, value)| !value.unordered());
            let best = wanted.reduce(|best, next| {
                let better = if largest { next.1 > best.1 } else { next.1 < best.1 };
                if better { next } else { best }
            });
            best.map_or(0, |(place, _)| place as u64)
        }
    };
    exact(x, &with, x.lazy.nanargmin_axis(axes()), place(false));
    exact(x, &with, x.lazy.nanargmax_axis(axes()), place(true));
}

pub fn of_complex<F: Float, T>(rng: &mut Rng, x: &Pair<T>)
where
    T: Tested + Number<Sum = T, Mean = T> + Parts<F>,
{
    let with = axes(rng, x.plain.ndim());
    let precision = precision::<F>();
    let parts = |values: &[T], imaginary: bool| -> Vec<f64> {
        values.iter().map(|value| Float::to_f64(if imaginary { value.parts().1 } else { value.parts().0 })).collect()
    };
    for imaginary in [false, true] {
        let part = |of: &Array<T>| if imaginary { T::imag(of) } else { T::real(of) };
        let size = |values: &[T]| sum(&parts(values, imaginary), precision);
        let wanted = plain::fold(&x.plain, &with.1, with.2, size);
        close("sum", &part(&x.lazy.sum_axis(with.0.clone())), &wanted);
        let wanted = plain::fold(&x.plain, &with.1, with.2, |values| {
            // A division of complex numbers takes both parts.
            let (own, other) =
                (mean(&parts(values, imaginary), precision), mean(&parts(values, !imaginary), precision));
            Near {
                value: own.value,
                by: if other.value.is_finite() { own.by + 4.0 * precision * other.value.abs() } else { f64::INFINITY },
            }
        });
        close("mean", &part(&x.lazy.mean_axis(with.0.clone())), &wanted);
    }
    let zero = T::default();
    exact(x, &with, x.lazy.any_axis(with.0.clone()), |values| values.iter().any(|&value| value != zero));
}

/// The parts of a complex number.
pub trait Parts<F>: Sized {
    fn parts(self) -> (F, F);
    fn real(array: &Array<Self>) -> Array<F>;
    fn imag(array: &Array<Self>) -> Array<F>;
}

macro_rules! parts {
    ($($type:ident)*) => { $(
        impl Parts<$type> for Complex<$type> {
            fn parts(self) -> ($type, $type) {
                (self.re, self.im)
            }
            fn real(array: &Array<Self>) -> Array<$type> {
                array.real()
            }
            fn imag(array: &Array<Self>) -> Array<$type> {
                array.imag()
            }
        }
    )* };
}
parts!(f32 f64);
