//! Where a value is along an axis.

use super::ticks::{Notation, clean, multiples, round_step, times};

/// What an axis shows, from its low end to its high end; `lo` may be the larger number.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Axis {
    Numbers {
        lo: f64,
        hi: f64,
    },
    /// By powers; both ends are above 0.
    Log {
        lo: f64,
        hi: f64,
    },
    /// Milliseconds since 1970.
    Times {
        lo: f64,
        hi: f64,
    },
    /// A place for each name; values are their numbers.
    Names(Vec<String>),
}

impl Axis {
    /// An axis over values from `lo` to `hi`, up to round numbers where that is asked for.
    pub(super) fn numbers(lo: f64, hi: f64, round: bool, about: usize) -> Self {
        let (lo, hi) = if lo < hi {
            (lo, hi)
        } else {
            // One value only stands in the middle.
            let around = if lo == 0.0 { 1.0 } else { lo.abs() * 0.1 };
            (lo - around, hi + around)
        };
        // Halves first: the difference of two huge numbers may be more than there are numbers for.
        let step = round_step((hi / about as f64) - (lo / about as f64));
        if !round {
            return Axis::Numbers { lo, hi };
        }
        let (low, high) = ((lo / step + 1e-9).floor() * step, (hi / step - 1e-9).ceil() * step);
        if low.is_finite() && high.is_finite() {
            Axis::Numbers { lo: clean(low, step), hi: clean(high, step) }
        } else {
            Axis::Numbers { lo, hi }
        }
    }

    /// An axis by powers of ten over values above 0.
    pub(super) fn log(lo: f64, hi: f64) -> Self {
        let (lo, hi) = (lo.log10(), hi.log10());
        // Less than a decade does not grow to one: the values would be in a corner.
        let (lo, hi) = if hi - lo > 1.0 { (lo.floor(), hi.ceil()) } else { (lo - 0.02, hi + 0.02) };
        // Powers further out are not numbers any more, or not exact ones.
        Axis::Log { lo: 10f64.powf(lo.clamp(-300.0, 299.0)), hi: 10f64.powf(hi.clamp(-299.0, 300.0)) }
    }

    pub(super) fn times(lo: f64, hi: f64) -> Self {
        if lo < hi { Axis::Times { lo, hi } } else { Axis::Times { lo: lo - 1000.0, hi: hi + 1000.0 } }
    }

    /// The part of the way from the low end to the high end.
    pub(super) fn part(&self, value: f64) -> f64 {
        match self {
            Axis::Numbers { lo, hi } | Axis::Times { lo, hi } => {
                let half = hi / 2.0 - lo / 2.0;
                (value / 2.0 - lo / 2.0) / half
            }
            Axis::Log { lo, hi } => (value.log10() - lo.log10()) / (hi.log10() - lo.log10()),
            Axis::Names(names) => (value + 0.5) / names.len().max(1) as f64,
        }
    }

    /// Round places and how they are written, about so many.
    pub(super) fn ticks(&self, about: usize) -> Vec<(f64, String)> {
        match self {
            Axis::Numbers { lo, hi } => {
                let (lo, hi) = (lo.min(*hi), lo.max(*hi));
                let step = round_step(hi / about as f64 - lo / about as f64);
                let notation = self.notation();
                multiples(lo, hi, step).into_iter().map(|value| (value, notation.write(value, step))).collect()
            }
            Axis::Log { lo, hi } => {
                let (low, high) = (lo.log10().ceil() as i32, (hi.log10() + 1e-9).floor() as i32);
                if high - low < 1 {
                    // Within a decade the numbers are as on any axis.
                    return Axis::Numbers { lo: *lo, hi: *hi }.ticks(about);
                }
                let every = ((high - low) as usize).div_ceil(about).max(1);
                let label = |value: f64| Notation::of(value).write(value, value.min(1.0));
                (low..=high).step_by(every).map(|power| 10f64.powi(power)).map(|value| (value, label(value))).collect()
            }
            Axis::Times { lo, hi } => times(*lo, *hi, about),
            Axis::Names(names) => {
                // Names are never left out without need: rotated, many fit.
                let every = names.len().div_ceil(60).max(1);
                names.iter().enumerate().step_by(every).map(|(place, name)| (place as f64, name.clone())).collect()
            }
        }
    }

    pub(super) fn notation(&self) -> Notation {
        match self {
            Axis::Numbers { lo, hi } => Notation::of(lo.abs().max(hi.abs())),
            _ => Notation::Plain,
        }
    }

    /// The difference that a reader of the plot could see: what is finer need not be told.
    pub(super) fn grain(&self) -> f64 {
        match self {
            Axis::Numbers { lo, hi } => (hi - lo).abs() * 1e-6,
            Axis::Times { .. } => 1.0,
            Axis::Log { .. } | Axis::Names(_) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_axis_ends_at_round_numbers() {
        assert_eq!(Axis::numbers(0.13, 9.7, true, 5), Axis::Numbers { lo: 0.0, hi: 10.0 });
        assert_eq!(Axis::numbers(0.0, 0.3, true, 5), Axis::Numbers { lo: 0.0, hi: 0.3 });
        assert_eq!(Axis::numbers(2.0, 2.0, false, 5), Axis::Numbers { lo: 1.8, hi: 2.2 });
        assert_eq!(Axis::log(3.0, 4000.0), Axis::Log { lo: 1.0, hi: 10_000.0 });
        assert_eq!(Axis::numbers(5.0, 5.0, true, 5).part(5.0), 0.5);
    }

    #[test]
    fn a_logarithmic_axis_has_powers_of_ten() {
        let labels: Vec<_> = Axis::log(0.01, 1e6).ticks(10).into_iter().map(|tick| tick.1).collect();
        assert_eq!(labels, ["0.01", "0.1", "1", "10", "100", "1,000", "10,000", "100,000", "1M"]);
    }

    proptest! {
        #[test]
        fn values_are_within_their_axis(one in any::<f64>(), other in any::<f64>()) {
            prop_assume!(one != other);
            let (lo, hi) = (one.min(other), one.max(other));
            let axis = Axis::numbers(lo, hi, true, 6);
            prop_assert!((-1e-6..=1.0 + 1e-6).contains(&axis.part(lo)), "{axis:?} {}", axis.part(lo));
            prop_assert!((-1e-6..=1.0 + 1e-6).contains(&axis.part(hi)), "{axis:?} {}", axis.part(hi));
            prop_assert!(axis.ticks(6).len() <= 12);
        }
    }
}
