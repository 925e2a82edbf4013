//! Ways to fold: sums, extremes, means and spreads.
//!
//! Sums of floats are blocked and compensated: a tile is added in sixteen lanes, and tiles are added with Neumaier's
//! correction (A. Neumaier, 1974), so that the error does not grow with the number of elements. Spreads are merged by
//! the formulas of Chan, Golub and LeVeque (1979).

use std::marker::PhantomData;

use super::simd::vectorised;
use super::sink::Reducer;
use crate::array::element::{Element, Float, Number, Ordered};

/// Numbers that are added or compared side by side.
const LANES: usize = 16;

/// Folds a run in lanes: the order of operations is the same on every machine, and one that can be vectorised.
#[inline(always)]
fn in_lanes<T: Copy, A: Copy>(run: &[T], empty: A, step: impl Fn(A, T) -> A, join: impl Fn(A, A) -> A) -> A {
    let mut lanes = [empty; LANES];
    let mut chunks = run.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = step(*lane, value);
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane = step(*lane, value);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] = join(lanes[lane], lanes[lane + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// Folds rows, one below the other, into one accumulator for each column, and hands each to `put`.
#[inline(always)]
fn by_columns<T: Copy, A: Copy>(
    columns: usize,
    rows: &[T],
    empty: A,
    step: impl Fn(A, T) -> A,
    mut put: impl FnMut(usize, A),
) {
    let mut first = 0;
    while first < columns {
        let width = LANES.min(columns - first);
        let mut lanes = [empty; LANES];
        if width == LANES {
            for row in rows.chunks_exact(columns) {
                for (lane, &value) in lanes.iter_mut().zip(&row[first..first + LANES]) {
                    *lane = step(*lane, value);
                }
            }
        } else {
            for row in rows.chunks_exact(columns) {
                for (lane, &value) in lanes.iter_mut().zip(&row[first..first + width]) {
                    *lane = step(*lane, value);
                }
            }
        }
        for (column, &lane) in lanes[..width].iter().enumerate() {
            put(first + column, lane);
        }
        first += width;
    }
}

/// A sum, and what was lost in rounding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Total<S> {
    sum: S,
    lost: S,
}

impl<S: Number> Total<S> {
    fn zero() -> Self {
        Total { sum: S::default(), lost: S::default() }
    }

    #[inline(always)]
    fn add(&mut self, value: S) {
        let sum = self.sum.add(value);
        let back = sum.sub(self.sum);
        // What is lost of either summand; nothing for integers.
        let lost = self.sum.sub(sum.sub(back)).add(value.sub(back));
        self.sum = sum;
        self.lost = self.lost.add(lost);
    }

    #[inline(always)]
    fn merge(&mut self, other: &Self) {
        self.add(other.sum);
        self.lost = self.lost.add(other.lost);
    }

    fn value(&self) -> S {
        // Beside an infinity the rest means nothing.
        if self.lost.is_nan() { self.sum } else { self.sum.add(self.lost) }
    }
}

#[inline(always)]
fn sum_run<T: Number>(run: &[T]) -> T::Sum {
    vectorised(
        #[inline(always)]
        || in_lanes(run, T::Sum::default(), |sum, value| sum.add(value.to_sum()), |left, right| left.add(right)),
    )
}

/// A reducer without parameters.
macro_rules! reducer {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub(crate) struct $name<T>(PhantomData<fn() -> T>);

        impl<T> $name<T> {
            pub(crate) fn new() -> Self {
                $name(PhantomData)
            }
        }
    };
}

reducer!(
    /// The sum.
    Sum
);

impl<T: Number> Reducer for Sum<T> {
    type In = T;
    type State = Total<T::Sum>;
    type Out = T::Sum;
    const NAME: &'static str = "sum";

    fn empty(&self) -> Self::State {
        Total::zero()
    }
    fn fold(&self, state: &mut Self::State, run: &[T], _place: u64, _step: i64) {
        state.add(sum_run(run));
    }
    fn fold_columns(&self, states: &mut [Self::State], rows: &[T], _place: u64, _step: i64) {
        vectorised(
            #[inline(always)]
            || {
                let zero = T::Sum::default();
                by_columns(
                    states.len(),
                    rows,
                    zero,
                    |sum, value| sum.add(value.to_sum()),
                    |column, sum| states[column].add(sum),
                );
            },
        );
    }
    fn merge(&self, into: &mut Self::State, from: &Self::State) {
        into.merge(from);
    }
    fn finish(&self, state: &Self::State) -> T::Sum {
        state.value()
    }
}

reducer!(
    /// The product.
    Product
);

impl<T: Number> Reducer for Product<T> {
    type In = T;
    type State = T::Sum;
    type Out = T::Sum;
    const NAME: &'static str = "prod";

    fn empty(&self) -> T::Sum {
        T::Sum::one()
    }
    fn fold(&self, state: &mut T::Sum, run: &[T], _place: u64, _step: i64) {
        let product = vectorised(
            #[inline(always)]
            || {
                in_lanes(
                    run,
                    T::Sum::one(),
                    |product, value| product.mul(value.to_sum()),
                    |left, right| left.mul(right),
                )
            },
        );
        *state = state.mul(product);
    }
    fn fold_columns(&self, states: &mut [T::Sum], rows: &[T], _place: u64, _step: i64) {
        let one = T::Sum::one();
        by_columns(
            states.len(),
            rows,
            one,
            |product, value| product.mul(value.to_sum()),
            |column, product| {
                states[column] = states[column].mul(product);
            },
        );
    }
    fn merge(&self, into: &mut T::Sum, from: &T::Sum) {
        *into = into.mul(*from);
    }
    fn finish(&self, state: &T::Sum) -> T::Sum {
        *state
    }
}

/// A sum and how many there were.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted<S> {
    total: Total<S>,
    count: u64,
}

reducer!(
    /// The mean.
    Mean
);

impl<T: Number> Reducer for Mean<T> {
    type In = T;
    type State = Counted<T::Mean>;
    type Out = T::Mean;
    const NAME: &'static str = "mean";

    fn empty(&self) -> Self::State {
        Counted { total: Total::zero(), count: 0 }
    }
    fn fold(&self, state: &mut Self::State, run: &[T], _place: u64, _step: i64) {
        let sum = vectorised(
            #[inline(always)]
            || {
                let zero = T::Mean::default();
                in_lanes(run, zero, |sum, value| sum.add(value.to_mean()), |left, right| left.add(right))
            },
        );
        state.total.add(sum);
        state.count += run.len() as u64;
    }
    fn fold_columns(&self, states: &mut [Self::State], rows: &[T], _place: u64, _step: i64) {
        let count = (rows.len() / states.len()) as u64;
        vectorised(
            #[inline(always)]
            || {
                let zero = T::Mean::default();
                by_columns(
                    states.len(),
                    rows,
                    zero,
                    |sum, value| sum.add(value.to_mean()),
                    |column, sum| {
                        states[column].total.add(sum);
                        states[column].count += count;
                    },
                );
            },
        );
    }
    fn merge(&self, into: &mut Self::State, from: &Self::State) {
        into.total.merge(&from.total);
        into.count += from.count;
    }
    fn finish(&self, state: &Self::State) -> T::Mean {
        divided(state)
    }
}

/// The mean of what was counted; NaN when nothing was.
fn divided<M: Number>(state: &Counted<M>) -> M {
    state.total.value().div(M::from_place(state.count))
}

reducer!(
    /// The mean of what is not NaN.
    NanMean
);

impl<T: Float> Reducer for NanMean<T> {
    type In = T;
    type State = Counted<T>;
    type Out = T;
    const NAME: &'static str = "nanmean";

    fn empty(&self) -> Self::State {
        Counted { total: Total::zero(), count: 0 }
    }
    fn fold(&self, state: &mut Self::State, run: &[T], _place: u64, _step: i64) {
        let (sum, count) = vectorised(
            #[inline(always)]
            || {
                in_lanes(run, (T::default(), 0_u64), counted_step, |left, right| {
                    (Number::add(left.0, right.0), left.1 + right.1)
                })
            },
        );
        state.total.add(sum);
        state.count += count;
    }
    fn fold_columns(&self, states: &mut [Self::State], rows: &[T], _place: u64, _step: i64) {
        vectorised(
            #[inline(always)]
            || {
                by_columns(states.len(), rows, (T::default(), 0_u64), counted_step, |column, (sum, count)| {
                    states[column].total.add(sum);
                    states[column].count += count;
                });
            },
        );
    }
    fn merge(&self, into: &mut Self::State, from: &Self::State) {
        into.total.merge(&from.total);
        into.count += from.count;
    }
    fn finish(&self, state: &Self::State) -> T {
        divided(state)
    }
}

#[inline(always)]
fn counted_step<T: Float>((sum, count): (T, u64), value: T) -> (T, u64) {
    let missing = Number::is_nan(value);
    (Number::add(sum, if missing { T::default() } else { value }), count + u64::from(!missing))
}

/// How many, their mean, and the sum of squares of the distances to it.
///
/// The mean is a sum of two numbers, or else the means of many small runs would each be off by a rounding, and their
/// distances with them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spread {
    count: f64,
    mean: f64,
    rest: f64,
    squares: f64,
}

impl Spread {
    /// Something near to the values, so that the squares of their distances to it do not cancel: the mean of those
    /// before, or the first of all.
    ///
    /// Where the later ones are far from it, or all others from the first, that distance is itself most of the spread.
    #[inline(always)]
    fn pivot(&self, first: f64) -> f64 {
        if self.count > 0.0 { self.mean } else { first }
    }

    /// Of values whose distances to a pivot add up to `off`, and their squares to `squares`.
    #[inline(always)]
    fn about(count: f64, pivot: f64, off: f64, squares: f64) -> Spread {
        let rest = off / count;
        let squares = squares - rest * off;
        // Rounding may leave less than nothing; a NaN stays.
        Spread { count, mean: pivot, rest, squares: if squares < 0.0 { 0.0 } else { squares } }
    }

    #[inline(always)]
    fn merge(&mut self, other: Spread) {
        if other.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = other;
            return;
        }
        let count = self.count + other.count;
        let apart = (other.mean - self.mean) + (other.rest - self.rest);
        let part = other.count / count;
        let shift = apart * part;
        let mean = self.mean + shift;
        self.rest += shift - (mean - self.mean);
        self.mean = mean;
        self.squares += other.squares + apart * apart * (self.count * part);
        self.count = count;
    }
}

/// The variance, or its square root, in double precision whatever the elements are.
pub(crate) struct Variance<T> {
    /// What the divisor is smaller by than the number of elements.
    pub(crate) ddof: u32,
    pub(crate) root: bool,
    /// Whether NaNs are left out.
    pub(crate) skip_nan: bool,
    pub(crate) element: PhantomData<fn() -> T>,
}

impl<T: Number<Mean: Float>> Variance<T> {
    #[inline(always)]
    fn spread(&self, values: impl Iterator<Item = f64> + Clone) -> Spread {
        let kept = values.filter(|value| !(self.skip_nan && value.is_nan()));
        let (count, sum) = kept.clone().fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
        if count == 0.0 {
            return Spread::default();
        }
        let mean = sum / count;
        let (off, squares) = kept.fold((0.0, 0.0), |(off, squares), value| {
            let apart = value - mean;
            (off + apart, squares + apart * apart)
        });
        Spread::about(count, mean, off, squares)
    }
}

#[inline(always)]
fn real<T: Number<Mean: Float>>(value: T) -> f64 {
    value.to_mean().to_f64()
}

impl<T: Number<Mean: Float>> Reducer for Variance<T> {
    type In = T;
    type State = Spread;
    type Out = T::Mean;
    const NAME: &'static str = "var";

    fn empty(&self) -> Spread {
        Spread::default()
    }

    fn fold(&self, state: &mut Spread, run: &[T], _place: u64, _step: i64) {
        if self.skip_nan {
            state.merge(self.spread(run.iter().map(|&value| real(value))));
            return;
        }
        let Some(&first) = run.first() else { return };
        let pivot = state.pivot(real(first));
        let spread = vectorised(
            #[inline(always)]
            || {
                let step = |(off, squares): (f64, f64), value: T| {
                    let apart = real(value) - pivot;
                    (off + apart, squares + apart * apart)
                };
                let join = |left: (f64, f64), right: (f64, f64)| (left.0 + right.0, left.1 + right.1);
                let (off, squares) = in_lanes(run, (0.0, 0.0), step, join);
                Spread::about(run.len() as f64, pivot, off, squares)
            },
        );
        state.merge(spread);
    }

    fn fold_columns(&self, states: &mut [Spread], rows: &[T], _place: u64, _step: i64) {
        let columns = states.len();
        if self.skip_nan {
            for (column, state) in states.iter_mut().enumerate() {
                state.merge(self.spread(rows[column..].iter().step_by(columns).map(|&value| real(value))));
            }
            return;
        }
        vectorised(
            #[inline(always)]
            || {
                let count = (rows.len() / columns) as f64;
                let mut first = 0;
                // The states lie one by one, so they are merged one by one, but for many rows at once.
                while first < columns {
                    let width = LANES.min(columns - first);
                    let mut pivots = [0.0; LANES];
                    let mut squares = [0.0; LANES];
                    let mut off = [0.0; LANES];
                    let of = states[first..first + width].iter().zip(&rows[first..first + width]);
                    pivots.iter_mut().zip(of).for_each(|(pivot, (state, &value))| *pivot = state.pivot(real(value)));
                    let mut add = |row: &[T]| {
                        let sums = squares.iter_mut().zip(&mut off).zip(&pivots);
                        for (((square, off), &pivot), &value) in sums.zip(row) {
                            let apart = real(value) - pivot;
                            *square += apart * apart;
                            *off += apart;
                        }
                    };
                    if width == LANES {
                        rows.chunks_exact(columns).for_each(|row| add(&row[first..first + LANES]));
                    } else {
                        rows.chunks_exact(columns).for_each(|row| add(&row[first..first + width]));
                    }
                    for column in 0..width {
                        let spread = Spread::about(count, pivots[column], off[column], squares[column]);
                        states[first + column].merge(spread);
                    }
                    first += width;
                }
            },
        );
    }

    fn merge(&self, into: &mut Spread, from: &Spread) {
        into.merge(*from);
    }

    fn finish(&self, state: &Spread) -> T::Mean {
        // As NumPy: of too few, infinite, or NaN where there is no spread; NaN too where NaNs are left out.
        let variance = match state.count - f64::from(self.ddof) {
            divisor if divisor <= 0.0 && self.skip_nan => f64::NAN,
            divisor => state.squares / divisor.max(0.0),
        };
        <T::Mean as Float>::from_f64(if self.root { variance.sqrt() } else { variance })
    }
}

/// A reducer that keeps one of two elements.
macro_rules! extreme {
    ($(#[$doc:meta])* $name:ident, $text:literal, $bound:ident, $empty:expr, $better:expr) => {
        reducer!($(#[$doc])* $name);

        impl<T: $bound> Reducer for $name<T> {
            type In = T;
            type State = T;
            type Out = T;
            const NAME: &'static str = $text;

            fn empty(&self) -> T {
                $empty
            }
            fn fold(&self, state: &mut T, run: &[T], _place: u64, _step: i64) {
                let best = vectorised(
                    #[inline(always)]
                    || in_lanes(run, $empty, $better, $better),
                );
                *state = $better(*state, best);
            }
            fn fold_columns(&self, states: &mut [T], rows: &[T], _place: u64, _step: i64) {
                vectorised(
                    #[inline(always)]
                    || {
                        by_columns(states.len(), rows, $empty, $better, |column, best| {
                            states[column] = $better(states[column], best);
                        });
                    },
                );
            }
            fn merge(&self, into: &mut T, from: &T) {
                *into = $better(*into, *from);
            }
            fn finish(&self, state: &T) -> T {
                *state
            }
        }
    };
}

extreme!(
    /// The smallest element; NaN if there is one.
    Min, "min", Ordered, T::HIGHEST, |best: T, value: T| value.smaller(best)
);
extreme!(
    /// The largest element; NaN if there is one.
    Max, "max", Ordered, T::LOWEST, |best: T, value: T| value.larger(best)
);
extreme!(
    /// The smallest element that is not NaN.
    NanMin, "nanmin", Float, T::from_f64(f64::NAN),
    |best: T, value: T| if value < best || Number::is_nan(best) { value } else { best }
);
extreme!(
    /// The largest element that is not NaN.
    NanMax, "nanmax", Float, T::from_f64(f64::NAN),
    |best: T, value: T| if value > best || Number::is_nan(best) { value } else { best }
);

reducer!(
    /// Whether every element is other than zero.
    All
);

impl<T: Element> Reducer for All<T> {
    type In = T;
    type State = bool;
    type Out = bool;
    const NAME: &'static str = "all";

    fn empty(&self) -> bool {
        true
    }
    fn fold(&self, state: &mut bool, run: &[T], _place: u64, _step: i64) {
        *state = *state && run.iter().all(|value| *value != T::default());
    }
    fn fold_columns(&self, states: &mut [bool], rows: &[T], _place: u64, _step: i64) {
        let holds = |all, value: T| all && value != T::default();
        by_columns(states.len(), rows, true, holds, |column, all| states[column] &= all);
    }
    fn merge(&self, into: &mut bool, from: &bool) {
        *into &= *from;
    }
    fn finish(&self, state: &bool) -> bool {
        *state
    }
}

reducer!(
    /// Whether an element is other than zero.
    Any
);

impl<T: Element> Reducer for Any<T> {
    type In = T;
    type State = bool;
    type Out = bool;
    const NAME: &'static str = "any";

    fn empty(&self) -> bool {
        false
    }
    fn fold(&self, state: &mut bool, run: &[T], _place: u64, _step: i64) {
        *state = *state || run.iter().any(|value| *value != T::default());
    }
    fn fold_columns(&self, states: &mut [bool], rows: &[T], _place: u64, _step: i64) {
        let holds = |any, value: T| any || value != T::default();
        by_columns(states.len(), rows, false, holds, |column, any| states[column] |= any);
    }
    fn merge(&self, into: &mut bool, from: &bool) {
        *into |= *from;
    }
    fn finish(&self, state: &bool) -> bool {
        *state
    }
}

/// The best element so far, and where it is; no place before there was one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Best<T> {
    value: T,
    place: u64,
}

/// No element has been seen.
const NOWHERE: u64 = u64::MAX;

/// Where the smallest or the largest element is: the first of equal ones; the first NaN if there is one, unless NaNs are
/// left out.
pub(crate) struct Position<T> {
    pub(crate) largest: bool,
    pub(crate) skip_nan: bool,
    pub(crate) element: PhantomData<fn() -> T>,
}

impl<T: Ordered> Position<T> {
    #[inline(always)]
    fn look(&self, best: &mut Best<T>, value: T, place: u64) {
        if self.skip_nan && value.unordered() {
            return;
        }
        let better = match (best.place == NOWHERE, value.unordered(), best.value.unordered()) {
            (true, _, _) => true,
            (_, true, true) => place < best.place,
            (_, true, false) => true,
            (_, false, true) => false,
            _ if value == best.value => place < best.place,
            _ => (value > best.value) == self.largest,
        };
        if better {
            *best = Best { value, place };
        }
    }
}

impl<T: Ordered> Reducer for Position<T> {
    type In = T;
    type State = Best<T>;
    type Out = u64;
    const NAME: &'static str = "arg";
    const PLACES: bool = true;

    fn empty(&self) -> Best<T> {
        Best { value: T::default(), place: NOWHERE }
    }
    fn fold(&self, state: &mut Best<T>, run: &[T], place: u64, step: i64) {
        // Nearly always no element of a run is better than the best so far, and that is found out quickly.
        let (extreme, has_nan) = vectorised(
            #[inline(always)]
            || match self.largest {
                true => in_lanes(
                    run,
                    (T::LOWEST, false),
                    |(best, nan), value| (value.larger(best), nan | value.unordered()),
                    |left, right| (left.0.larger(right.0), left.1 | right.1),
                ),
                false => in_lanes(
                    run,
                    (T::HIGHEST, false),
                    |(best, nan), value| (value.smaller(best), nan | value.unordered()),
                    |left, right| (left.0.smaller(right.0), left.1 | right.1),
                ),
            },
        );
        let is_worse = state.place != NOWHERE
            && !has_nan
            && !state.value.unordered()
            && extreme != state.value
            && (extreme > state.value) != self.largest;
        if !is_worse {
            for (at, &value) in run.iter().enumerate() {
                self.look(state, value, place.wrapping_add_signed(at as i64 * step));
            }
        }
    }
    fn fold_columns(&self, states: &mut [Best<T>], rows: &[T], place: u64, step: i64) {
        for (row, values) in rows.chunks_exact(states.len()).enumerate() {
            let place = place.wrapping_add_signed(row as i64 * step);
            states.iter_mut().zip(values).for_each(|(state, &value)| self.look(state, value, place));
        }
    }
    fn merge(&self, into: &mut Best<T>, from: &Best<T>) {
        if from.place != NOWHERE {
            self.look(into, from.value, from.place);
        }
    }
    fn finish(&self, state: &Best<T>) -> u64 {
        // Nothing but NaNs where they are left out: NumPy raises an error; a place is what there can be here.
        if state.place == NOWHERE { 0 } else { state.place }
    }
}
