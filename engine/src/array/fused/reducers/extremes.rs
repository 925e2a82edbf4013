//! The smallest and the largest element; whether all or any hold.

use std::marker::PhantomData;

use super::lanes::{by_columns, in_lanes};
use super::reducer;
use crate::array::element::{Element, Float, Number, Ordered};
use crate::array::fused::simd::vectorised;
use crate::array::fused::sink::Reducer;

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
