//! Sums, products and means.
//!
//! Sums of floats are blocked and compensated: a tile is added in sixteen lanes, and tiles are added with Neumaier's
//! correction (A. Neumaier, 1974), so that the error does not grow with the number of elements.

use std::marker::PhantomData;

use super::lanes::{by_columns, in_lanes};
use super::reducer;
use crate::array::element::{Element, Float, Number};
use crate::array::fused::simd::vectorised;
use crate::array::fused::sink::Reducer;

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
