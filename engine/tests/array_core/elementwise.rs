//! Functions of the elements.

use num_complex::Complex;
use taskloom::array::{Element, Number, Ordered};

use super::making::{Pair, Rng, beside};
use super::{Tested, plain, reductions};

fn zipped<T: Tested, U: Tested, R: Element>(
    left: &Pair<T>,
    right: &Pair<U>,
    lazy: taskloom::Array<R>,
    function: impl Fn(T, U) -> R,
) -> Pair<R> {
    Pair { lazy, plain: plain::zip(&left.plain, &right.plain, function) }
}

fn mapped<T: Tested, R: Element>(x: &Pair<T>, lazy: taskloom::Array<R>, function: impl Fn(T) -> R) -> Pair<R> {
    Pair { lazy, plain: x.plain.mapv(function) }
}

/// What only needs elements: choices and functions of the user's.
fn of_elements<T: Tested>(rng: &mut Rng, x: &Pair<T>) -> Pair<T> {
    let y: Pair<T> = beside(rng, x.shape());
    match rng.below(4) {
        0 => {
            let same = zipped(x, &y, x.lazy.eq(&y.lazy), |x, y| x == y);
            let chosen = same.plain.mapv(|same| same);
            let z: Pair<T> = beside(rng, x.shape());
            let lazy = same.lazy.where_(&y.lazy, &z.lazy);
            let both = plain::zip(&y.plain, &z.plain, |y, z| (y, z));
            Pair { lazy, plain: plain::zip(&chosen, &both, |choice, (y, z)| if choice { y } else { z }) }
        }
        1 => {
            let other = zipped(x, &y, x.lazy.ne(&y.lazy), |x, y| x != y);
            let value = T::any(rng);
            let lazy = other.lazy.where_(value, &y.lazy);
            Pair { lazy, plain: plain::zip(&other.plain, &y.plain, |choice, y| if choice { value } else { y }) }
        }
        2 => {
            let pick = |x: T, y: T| if x == T::default() { y } else { x };
            zipped(x, &y, x.lazy.zip_with(&y.lazy, pick), pick)
        }
        _ => {
            let other = T::any(rng);
            let swap = move |x: T| if x == other { T::one() } else { x };
            mapped(x, x.lazy.map_elements(swap), swap)
        }
    }
}

fn of_ordered<T: Tested + Ordered>(rng: &mut Rng, x: &Pair<T>) -> Pair<T> {
    let y: Pair<T> = beside(rng, x.shape());
    let nan = |x: T, y: T, pick: T| {
        if x.unordered() {
            x
        } else if y.unordered() {
            y
        } else {
            pick
        }
    };
    match rng.below(5) {
        0 => zipped(x, &y, x.lazy.minimum(&y.lazy), |x, y| nan(x, y, if x < y { x } else { y })),
        1 => zipped(x, &y, x.lazy.maximum(&y.lazy), |x, y| nan(x, y, if x > y { x } else { y })),
        2 => {
            let (low, high) = (T::any(rng), T::any(rng));
            let above = |x: T| nan(x, low, if x > low { x } else { low });
            mapped(x, x.lazy.clip(low, high), |x| nan(above(x), high, if above(x) < high { above(x) } else { high }))
        }
        3 => {
            let choice = match rng.below(4) {
                0 => zipped(x, &y, x.lazy.lt(&y.lazy), |x, y| x < y),
                1 => zipped(x, &y, x.lazy.le(&y.lazy), |x, y| x <= y),
                2 => zipped(x, &y, x.lazy.gt(&y.lazy), |x, y| x > y),
                _ => zipped(x, &y, x.lazy.ge(&y.lazy), |x, y| x >= y),
            };
            let lazy = choice.lazy.where_(&x.lazy, T::HIGHEST);
            Pair { lazy, plain: plain::zip(&choice.plain, &x.plain, |choice, x| if choice { x } else { T::HIGHEST }) }
        }
        _ => reductions::within(rng, x),
    }
}

fn of_numbers<T: Tested + Number>(rng: &mut Rng, x: &Pair<T>) -> Pair<T> {
    let y: Pair<T> = beside(rng, x.shape());
    let scalar = T::any(rng);
    match rng.below(9) {
        0 => zipped(x, &y, &x.lazy + &y.lazy, Number::add),
        1 => zipped(x, &y, &x.lazy - &y.lazy, Number::sub),
        2 => zipped(&y, x, &y.lazy * &x.lazy, Number::mul),
        3 => mapped(x, &x.lazy + scalar, |x| x.add(scalar)),
        4 => mapped(x, x.lazy.clone() * scalar, |x| x.mul(scalar)),
        5 => mapped(x, -&x.lazy, Number::neg),
        6 => mapped(x, x.lazy.square(), |x| x.mul(x)),
        7 => mapped(x, x.lazy.powi(3), |x| x.powi(3)),
        _ => {
            let divisor = if scalar == T::default() || scalar.is_nan() { <T as Element>::one() } else { scalar };
            match rng.one_in(2) {
                true => mapped(x, &x.lazy / divisor, |x| x.div(divisor)),
                false => mapped(x, &x.lazy % divisor, |x| x.rem(divisor)),
            }
        }
    }
}

macro_rules! integers {
    ($($type:ident)*) => { $(
        impl Tested for $type {
            fn any(rng: &mut Rng) -> $type {
                if rng.one_in(10) { rng.bits() as $type } else { rng.between(-4, 6) as $type }
            }
            fn elementwise(rng: &mut Rng, x: &Pair<$type>) -> Pair<$type> {
                match rng.below(8) {
                    0..2 => of_elements(rng, x),
                    2..4 => of_ordered(rng, x),
                    4 => mapped(x, x.lazy.astype::<f64>().astype::<$type>(), |x| x as f64 as $type),
                    5 => mapped(x, x.lazy.astype::<i8>().astype::<$type>(), |x| x as i8 as $type),
                    _ => of_numbers(rng, x),
                }
            }
            fn end(rng: &mut Rng, x: &Pair<$type>) {
                match rng.below(3) {
                    0 => reductions::of_integers(rng, x),
                    1 => reductions::of_reals(rng, x),
                    _ => reductions::of_ordered(rng, x),
                }
            }
        }
    )* };
}
integers!(i8 i16 i32 i64 u8 u16 u32 u64);

/// One of the functions that a float and an array of them both have.
macro_rules! one_of {
    ($pick:expr, $x:expr; $($place:literal $method:ident)*; $type:ident) => {
        match $pick {
            $($place => mapped($x, $x.lazy.$method(), |x: $type| x.$method()),)*
            28 => mapped($x, $x.lazy.fill_nan(1.5 as $type), |x: $type| if x.is_nan() { 1.5 } else { x }),
            _ => mapped($x, $x.lazy.is_finite().where_(&$x.lazy, 2.5 as $type),
                |x: $type| if x.is_finite() { x } else { 2.5 }),
        }
    };
}

macro_rules! floats {
    ($($type:ident)*) => { $(
        impl Tested for $type {
            fn any(rng: &mut Rng) -> $type {
                const SPECIAL: [$type; 6] = [$type::NAN, $type::INFINITY, $type::NEG_INFINITY, 0.0, -0.0, 1e-30];
                match rng.below(24) {
                    0 => SPECIAL[rng.below(SPECIAL.len())],
                    1..6 => rng.between(-3, 3) as $type,
                    _ => (rng.unit() * 16.0 - 8.0) as $type,
                }
            }
            fn elementwise(rng: &mut Rng, x: &Pair<$type>) -> Pair<$type> {
                match rng.below(8) {
                    0 => of_elements(rng, x),
                    1 | 2 => of_ordered(rng, x),
                    3..5 => of_numbers(rng, x),
                    5 => {
                        let y: Pair<$type> = beside(rng, x.shape());
                        match rng.below(5) {
                            0 => zipped(x, &y, &x.lazy / &y.lazy, |x, y| x / y),
                            1 => zipped(x, &y, x.lazy.hypot(&y.lazy), |x, y| x.hypot(y)),
                            2 => zipped(x, &y, x.lazy.atan2(&y.lazy), |x, y| x.atan2(y)),
                            3 => mapped(x, x.lazy.powf(0.7 as $type), |x| x.powf(0.7)),
                            _ => mapped(x, x.lazy.astype::<i16>().astype::<$type>(), |x| x as i16 as $type),
                        }
                    }
                    _ => one_of!(rng.below(30), x; 0 sqrt 1 cbrt 2 exp2 3 sin 4 cos 5 tan 6 asin 7 acos 8 atan
                        9 tanh 10 floor 11 ceil 12 round 13 trunc 14 fract 15 recip 16 signum 17 to_degrees
                        18 to_radians 19 ln 20 ln_1p 21 log2 22 log10 23 abs 24 exp 25 exp_m1 26 sinh 27 cosh; $type),
                }
            }
            fn end(rng: &mut Rng, x: &Pair<$type>) {
                match rng.below(4) {
                    0 => reductions::of_floats(rng, x),
                    1 => reductions::of_reals(rng, x),
                    2 => reductions::without_nans(rng, x),
                    _ => reductions::of_ordered(rng, x),
                }
            }
        }

        impl Tested for Complex<$type> {
            fn any(rng: &mut Rng) -> Self {
                let part = |rng: &mut Rng| if rng.one_in(2) { rng.between(-3, 3) as $type } else { rng.unit() as $type };
                Complex::new(part(rng), part(rng))
            }
            fn elementwise(rng: &mut Rng, x: &Pair<Self>) -> Pair<Self> {
                match rng.below(6) {
                    0..2 => of_elements(rng, x),
                    2 => mapped(x, x.lazy.conj(), |x| x.conj()),
                    3 => mapped(x, x.lazy.real().astype::<Self>(), |x| Complex::new(x.re, 0.0)),
                    4 => mapped(x, x.lazy.abs().astype::<Self>(), |x| Complex::new(x.norm(), 0.0)),
                    _ => of_numbers(rng, x),
                }
            }
            fn end(rng: &mut Rng, x: &Pair<Self>) {
                reductions::of_complex(rng, x);
            }
        }
    )* };
}
floats!(f32 f64);

impl Tested for bool {
    fn any(rng: &mut Rng) -> bool {
        rng.one_in(2)
    }
    fn elementwise(rng: &mut Rng, x: &Pair<bool>) -> Pair<bool> {
        let y: Pair<bool> = beside(rng, x.shape());
        match rng.below(7) {
            0 => of_elements(rng, x),
            1 => of_ordered(rng, x),
            2 => mapped(x, !&x.lazy, |x| !x),
            3 => zipped(x, &y, &x.lazy & &y.lazy, |x, y| x & y),
            4 => zipped(x, &y, x.lazy.clone() | &y.lazy, |x, y| x | y),
            5 => zipped(x, &y, &x.lazy ^ &y.lazy, |x, y| x ^ y),
            _ => mapped(x, x.lazy.astype::<u8>().gt(0), |x| x),
        }
    }
    fn end(rng: &mut Rng, x: &Pair<bool>) {
        reductions::of_ordered(rng, x);
    }
}
