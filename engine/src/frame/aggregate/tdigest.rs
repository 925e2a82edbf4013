//! The t-digest: about where the quantiles are, in a fixed amount of memory, and merged without loss.
//!
//! It is Ted Dunning's and Otmar Ertl's merging digest ("Computing extremely accurate quantiles using t-digests", 2019) with
//! their scale function k₁: neighbouring values are put together to centroids, which may be the heavier the nearer they are
//! to the median. So the extremes stay exact and the error at quantile q is at most about √(q (1 - q)) / 200 of the rows.

use std::f64::consts::PI;

/// At most about so many centroids.
const COMPRESSION: f64 = 400.0;
/// Values are collected before they are merged.
const BUFFER: usize = 8192;

/// A number of values that are near one another.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Centroid {
    mean: f64,
    weight: f64,
}

/// What is known of the distribution of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Digest {
    /// Sorted by their means.
    centroids: Vec<Centroid>,
    least: f64,
    greatest: f64,
}

impl Digest {
    pub(super) fn new() -> Self {
        Digest { centroids: Vec::new(), least: f64::INFINITY, greatest: f64::NEG_INFINITY }
    }

    /// Takes in numbers; `NaN` is none.
    pub(super) fn extend(&mut self, values: impl IntoIterator<Item = f64>) {
        let mut values = values.into_iter().filter(|value| !value.is_nan()).peekable();
        while values.peek().is_some() {
            let batch = values.by_ref().take(BUFFER).map(|mean| Centroid { mean, weight: 1.0 });
            self.centroids.extend(batch);
            self.compress();
        }
    }

    /// Takes in what another has seen.
    pub(super) fn merge(&mut self, other: Digest) {
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
        self.centroids.extend(other.centroids);
        self.compress();
    }

    /// Puts neighbours together while the scale function lets them.
    fn compress(&mut self) {
        self.centroids.sort_unstable_by(|a, b| a.mean.total_cmp(&b.mean));
        let (Some(first), Some(last)) = (self.centroids.first(), self.centroids.last()) else { return };
        // Centroids of a single value are what bounds the rest.
        self.least = self.least.min(first.mean);
        self.greatest = self.greatest.max(last.mean);
        let total: f64 = self.centroids.iter().map(|centroid| centroid.weight).sum();
        let mut merged: Vec<Centroid> = Vec::with_capacity(COMPRESSION as usize);
        let (mut before, mut limit) = (0.0, total * next_limit(0.0));
        for &next in &self.centroids {
            match merged.last_mut() {
                Some(last)
                    if before + last.weight + next.weight <= limit
                        && last.mean.is_finite() == next.mean.is_finite() =>
                {
                    last.weight += next.weight;
                    if next.mean != last.mean {
                        last.mean += (next.mean - last.mean) * next.weight / last.weight;
                    }
                }
                last => {
                    before += last.map_or(0.0, |last| last.weight);
                    limit = total * next_limit(before / total);
                    merged.push(next);
                }
            }
        }
        self.centroids = merged;
    }

    /// The value below which a share `q` of the numbers lies, between neighbours by a straight line; nothing of nothing.
    pub(super) fn quantile(&self, q: f64) -> Option<f64> {
        let total: f64 = self.centroids.iter().map(|centroid| centroid.weight).sum();
        if self.centroids.is_empty() || !(0.0..=1.0).contains(&q) {
            return None;
        }
        // The place that a sorted list of all numbers would be asked for, counted from 0.
        let wanted = q * (total - 1.0);
        // A centroid stands in the middle of its numbers.
        let (mut place, mut value) = (0.0, self.least);
        let mut before = 0.0;
        for centroid in &self.centroids {
            let middle = before + (centroid.weight - 1.0) / 2.0;
            if wanted <= middle {
                return Some(between(wanted, (place, value), (middle, centroid.mean)));
            }
            (place, value) = (middle, centroid.mean);
            before += centroid.weight;
        }
        Some(between(wanted, (place, value), (total - 1.0, self.greatest)))
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let ends = [self.least, self.greatest];
        let centroids = self.centroids.iter().flat_map(|centroid| [centroid.mean, centroid.weight]);
        ends.into_iter().chain(centroids).flat_map(f64::to_le_bytes).collect()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (numbers, []) = bytes.as_chunks::<8>() else { return None };
        let numbers: Vec<f64> = numbers.iter().map(|number| f64::from_le_bytes(*number)).collect();
        let ([[least, greatest], centroids @ ..], []) = numbers.as_chunks::<2>() else { return None };
        let centroids = centroids.iter().map(|&[mean, weight]| Centroid { mean, weight }).collect();
        Some(Digest { centroids, least: *least, greatest: *greatest })
    }
}

/// The share up to which a centroid may reach that begins at the share `q`: one unit further on the scale
/// k₁(q) = δ asin(2q - 1) / 2π.
fn next_limit(q: f64) -> f64 {
    let unit = 2.0 * PI / COMPRESSION;
    let angle = (2.0 * q - 1.0).clamp(-1.0, 1.0).asin() + unit;
    if angle >= PI / 2.0 { 1.0 } else { (angle.sin() + 1.0) / 2.0 }
}

/// The straight line between two points.
fn between(wanted: f64, (left, low): (f64, f64), (right, high): (f64, f64)) -> f64 {
    // Infinite ends have nothing between them and the others.
    if right <= left || low == high || wanted >= right {
        return high;
    }
    if wanted <= left || !(high - low).is_finite() {
        return low;
    }
    low + (high - low) * (wanted - left) / (right - left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = f64>) -> Digest {
        let mut digest = Digest::new();
        digest.extend(values);
        digest
    }

    /// Numbers of no order, the same each time.
    fn shuffled(n: u64) -> impl Iterator<Item = f64> {
        (0..n).map(move |i| ((i * 7_919 + 13) % n) as f64)
    }

    #[test]
    fn a_few_numbers_have_the_quantiles_of_a_sorted_list() {
        let digest = of([3.0, 1.0, 2.0, f64::NAN, 5.0, 4.0]);
        for (q, value) in [(0.0, 1.0), (0.25, 2.0), (0.5, 3.0), (0.6, 3.4), (1.0, 5.0)] {
            assert!((digest.quantile(q).unwrap() - value).abs() < 1e-12, "{q}");
        }
        assert_eq!(of([]).quantile(0.5), None);
        assert_eq!(of([7.0]).quantile(0.3), Some(7.0));
        assert_eq!(of([1.0, f64::INFINITY]).quantile(1.0), Some(f64::INFINITY));
    }

    #[test]
    fn many_numbers_have_quantiles_within_the_promised_error() {
        let n = 200_003;
        let whole = of(shuffled(n));
        let mut merged = Digest::new();
        shuffled(n).collect::<Vec<_>>().chunks(9_001).for_each(|part| merged.merge(of(part.iter().copied())));
        for digest in [whole, merged] {
            assert!(digest.centroids.len() < 2 * COMPRESSION as usize, "{}", digest.centroids.len());
            for q in [0.0, 0.001, 0.01, 0.1, 0.5, 0.75, 0.99, 0.9999, 1.0] {
                let rank = digest.quantile(q).unwrap() / (n - 1) as f64;
                assert!((rank - q).abs() <= (q * (1.0 - q)).sqrt() / 200.0 + 1e-9, "{q}: {rank}");
            }
        }
    }

    #[test]
    fn bytes_bring_it_back() {
        for digest in [of([]), of([1.5]), of(shuffled(10_000))] {
            assert_eq!(Digest::from_bytes(&digest.to_bytes()), Some(digest));
        }
        assert_eq!(Digest::from_bytes(&[0; 12]), None);
    }
}
