//! Where the smallest or the largest element is.

use std::marker::PhantomData;

use super::lanes::in_lanes;
use crate::array::element::Ordered;
use crate::array::fused::simd::vectorised;
use crate::array::fused::sink::Reducer;

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
