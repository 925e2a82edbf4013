//! Where the bins of a histogram begin and end.

use std::cmp::Ordering::{Equal, Less};

use crate::array::error::{ArrayError, Built};
use crate::task::packed;

/// The bins of a histogram: so many of one width over a range, or their edges.
///
/// A bin holds its lower edge, and only the last one its upper edge too.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Bins {
    /// So many, over a range.
    Uniform(usize, (f64, f64)),
    /// Rising edges, one more than there are bins.
    Edges(Vec<f64>),
}

impl From<(usize, (f64, f64))> for Bins {
    fn from((count, range): (usize, (f64, f64))) -> Self {
        Bins::Uniform(count, range)
    }
}

impl From<(usize, std::ops::Range<f64>)> for Bins {
    fn from((count, range): (usize, std::ops::Range<f64>)) -> Self {
        Bins::Uniform(count, (range.start, range.end))
    }
}

impl From<Vec<f64>> for Bins {
    fn from(edges: Vec<f64>) -> Self {
        Bins::Edges(edges)
    }
}

impl From<&[f64]> for Bins {
    fn from(edges: &[f64]) -> Self {
        Bins::Edges(edges.to_vec())
    }
}

impl<const N: usize> From<[f64; N]> for Bins {
    fn from(edges: [f64; N]) -> Self {
        Bins::Edges(edges.to_vec())
    }
}

/// Bins that can be looked up.
#[derive(Debug, Clone)]
pub(super) struct Finder {
    pub(super) edges: Vec<f64>,
    /// Bins of one width: how many there are to a unit.
    density: Option<f64>,
}

packed!(Finder { edges, density });

impl Bins {
    pub(super) fn finder(self, operation: &str) -> Built<Finder> {
        let wrong = |why: String| Err(ArrayError::Parameter { operation: operation.to_owned(), why });
        match self {
            Bins::Uniform(0, _) => wrong("there has to be at least one bin".into()),
            Bins::Uniform(_, (low, high)) if !(low.is_finite() && high.is_finite() && low <= high) => {
                wrong(format!("bins cannot go from {low} to {high}"))
            }
            Bins::Uniform(count, (low, high)) => {
                // As NumPy: a range without width gets one.
                let (low, high) = if low == high { (low - 0.5, high + 0.5) } else { (low, high) };
                let step = (high - low) / count as f64;
                let mut edges: Vec<f64> = (0..=count).map(|edge| low + step * edge as f64).collect();
                edges[count] = high;
                Ok(Finder { edges, density: Some(count as f64 / (high - low)) })
            }
            Bins::Edges(edges) if edges.len() < 2 => wrong(format!("{} edges make no bin", edges.len())),
            Bins::Edges(edges) => {
                match edges.windows(2).find(|pair| !matches!(pair[0].partial_cmp(&pair[1]), Some(Less | Equal))) {
                    Some(pair) => wrong(format!("edges have to rise, and {} comes before {}", pair[0], pair[1])),
                    None => Ok(Finder { edges, density: None }),
                }
            }
        }
    }
}

impl Finder {
    pub(super) fn count(&self) -> usize {
        self.edges.len() - 1
    }

    /// The bin of a value; none for what lies outside, and for NaN.
    #[inline]
    pub(super) fn find(&self, value: f64) -> Option<usize> {
        let last = self.count();
        if !(value >= self.edges[0] && value <= self.edges[last]) {
            return None;
        }
        let bin = match self.density {
            Some(density) => {
                // The quotient may be off by the last digit: the edges decide.
                let bin = (((value - self.edges[0]) * density) as usize).min(last - 1);
                if value < self.edges[bin] {
                    bin - 1
                } else if value >= self.edges[bin + 1] {
                    bin + 1
                } else {
                    bin
                }
            }
            None => self.edges.partition_point(|&edge| edge <= value) - 1,
        };
        Some(bin.min(last - 1))
    }
}
