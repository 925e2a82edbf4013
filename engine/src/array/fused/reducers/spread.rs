//! Variances and standard deviations, merged by the formulas of Chan, Golub and LeVeque (1979).

use std::marker::PhantomData;

use super::lanes::{LANES, in_lanes};
use crate::array::element::{Float, Number};
use crate::array::fused::simd::vectorised;
use crate::array::fused::sink::Reducer;

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
