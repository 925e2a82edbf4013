//! Histograms: counting values by equal stretches.

use super::ticks::{clean, round_step};

/// Counts, and the stretches they are of: `edges` has one more element.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bins {
    pub(super) edges: Vec<f64>,
    pub(super) counts: Vec<u64>,
}

/// Fewer bins hide the shape, more are noise.
const FEWEST: f64 = 8.0;
const MOST: f64 = 60.0;

/// The edges of the bins for these values, which may be several samples: so many equal ones between the smallest and the
/// largest value, or, when the number is not given, bins of a round width near that of Freedman and Diaconis. Whole
/// numbers get whole widths, so that every bin has equally many of them.
pub(super) fn edges(samples: &[&[f64]], bins: Option<usize>) -> Option<Vec<f64>> {
    let values = || samples.iter().flat_map(|sample| sample.iter().copied()).filter(|value| value.is_finite());
    let (lo, hi) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), value| (lo.min(value), hi.max(value)));
    if lo > hi {
        return None;
    }
    if let Some(bins) = bins {
        let (lo, hi) = if lo < hi { (lo, hi) } else { (lo - 0.5, hi + 0.5) };
        let at = |place: usize| lo + (hi / bins as f64 - lo / bins as f64) * place as f64;
        let mut edges: Vec<f64> = (0..=bins).map(at).collect();
        edges[bins] = hi;
        return Some(edges);
    }
    let whole = values().all(|value| value.fract() == 0.0);
    if lo == hi {
        let around = if lo == 0.0 || whole { 0.5 } else { lo.abs() * 0.05 };
        return Some(vec![lo - around, lo + around]);
    }
    let count = values().count() as f64;
    let spread = quartiles_apart(values(), lo, hi);
    let wanted = 2.0 * spread / count.cbrt();
    let span = hi - lo;
    let wanted = if wanted > 0.0 { wanted.clamp(span / MOST, span / FEWEST) } else { span / 30.0 };
    let mut step = round_step(wanted * 0.75);
    if whole {
        step = step.max(1.0);
        // A whole number stands in the middle of its bin.
        let first = if step == 1.0 { lo - 0.5 } else { (lo / step).floor() * step - 0.5 };
        let number = ((hi + 0.5 - first) / step).ceil().max(1.0) as usize;
        return Some((0..=number).map(|place| first + step * place as f64).collect());
    }
    let first = (lo / step + 1e-9).floor();
    let number = ((hi / step - 1e-9).ceil() - first).max(1.0) as usize;
    Some((0..=number).map(|place| clean((first + place as f64) * step, step)).collect())
}

/// The distance between the first and the third quartile, about: from a sample where there are many values.
fn quartiles_apart(values: impl Iterator<Item = f64> + Clone, lo: f64, hi: f64) -> f64 {
    const FINE: usize = 4096;
    let mut counts = vec![0_u64; FINE];
    let mut total = 0;
    for value in values {
        counts[(((value - lo) / (hi - lo) * FINE as f64) as usize).min(FINE - 1)] += 1;
        total += 1;
    }
    let quartile = |part: u64| {
        let mut below = 0;
        let place = counts.iter().position(|&count| {
            below += count;
            below * 4 >= total * part
        });
        place.unwrap_or(FINE - 1) as f64 / FINE as f64 * (hi - lo)
    };
    quartile(3) - quartile(1)
}

/// Counts values; one at an inner edge belongs to the bin above it.
pub(super) fn count(values: &[f64], edges: &[f64]) -> Bins {
    let number = edges.len() - 1;
    let (lo, hi) = (edges[0], edges[number]);
    let per_value = number as f64 / (hi - lo);
    let mut counts = vec![0; number];
    for &value in values.iter().filter(|&&value| value >= lo && value <= hi) {
        let mut place = (((value - lo) * per_value) as usize).min(number - 1);
        // The product may be off by a rounding error at an edge; the edges themselves decide.
        if value < edges[place] {
            place -= 1;
        } else if place + 1 < number && value >= edges[place + 1] {
            place += 1;
        }
        counts[place] += 1;
    }
    Bins { edges: edges.to_vec(), counts }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_value_is_counted_once_between_its_edges(
            values in proptest::collection::vec(-1e6..1e6f64, 1..300),
            bins in proptest::option::of(1usize..100),
        ) {
            let edges = edges(&[&values], bins).unwrap();
            prop_assert!(edges.is_sorted_by(|a, b| a < b), "{edges:?}");
            let bins = count(&values, &edges);
            prop_assert_eq!(bins.counts.iter().sum::<u64>(), values.len() as u64);
            for (place, &found) in bins.counts.iter().enumerate() {
                let (lo, hi) = (edges[place], edges[place + 1]);
                let last = place + 2 == edges.len();
                let expected = values.iter().filter(|&&v| v >= lo && (v < hi || (last && v == hi))).count();
                prop_assert_eq!(found, expected as u64);
            }
        }

        #[test]
        fn bins_of_our_own_choice_are_neither_few_nor_many(values in proptest::collection::vec(0.0..1e3f64, 100..300)) {
            let edges = edges(&[&values], None).unwrap();
            prop_assert!((5..=90).contains(&edges.len()), "{}", edges.len());
        }
    }

    #[test]
    fn whole_numbers_stand_in_the_middle_of_their_bins() {
        let dice = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.0];
        let edges = edges(&[&dice], None).unwrap();
        assert_eq!((edges[0], edges[1], edges.len()), (0.5, 1.5, 7));
        assert_eq!(count(&dice, &edges).counts, [1, 1, 1, 1, 1, 2]);
    }

    #[test]
    fn what_is_no_number_is_not_counted() {
        assert_eq!(edges(&[&[f64::NAN, f64::INFINITY]], None), None);
        let edges = edges(&[&[1.0, f64::NAN, 2.0]], Some(2)).unwrap();
        assert_eq!(count(&[1.0, f64::NAN, 2.0, f64::INFINITY], &edges).counts, [1, 1]);
    }
}
