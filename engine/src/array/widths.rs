//! How far beyond its ends an axis goes on, and with what.

use super::chunks::{AxisChunks, Grid};
use super::error::{ArrayError, Built};
use super::gather::Run;

/// So many elements before and after each axis: one number for all, or one or two for each axis.
///
/// ```
/// use taskloom::prelude::*;
/// use taskloom::array::PadMode;
/// let x = Array::<f64>::ones((3, 4), "auto");
/// assert_eq!(x.pad(1, PadMode::Edge).shape(), [5, 6]);
/// assert_eq!(x.pad([0, 2], PadMode::Edge).shape(), [3, 8]);
/// assert_eq!(x.pad([(0, 0), (1, 0)], PadMode::Edge).shape(), [3, 5]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Widths(Said);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    All(usize, usize),
    Each(Vec<(usize, usize)>),
}

impl From<usize> for Widths {
    fn from(width: usize) -> Widths {
        Widths(Said::All(width, width))
    }
}

impl From<(usize, usize)> for Widths {
    fn from((before, after): (usize, usize)) -> Widths {
        Widths(Said::All(before, after))
    }
}

impl<const N: usize> From<[usize; N]> for Widths {
    fn from(widths: [usize; N]) -> Widths {
        Widths::from(widths.to_vec())
    }
}

impl From<Vec<usize>> for Widths {
    fn from(widths: Vec<usize>) -> Widths {
        Widths(Said::Each(widths.into_iter().map(|width| (width, width)).collect()))
    }
}

impl<const N: usize> From<[(usize, usize); N]> for Widths {
    fn from(widths: [(usize, usize); N]) -> Widths {
        Widths(Said::Each(widths.to_vec()))
    }
}

impl From<Vec<(usize, usize)>> for Widths {
    fn from(widths: Vec<(usize, usize)>) -> Widths {
        Widths(Said::Each(widths))
    }
}

impl Widths {
    /// What is before and after each axis.
    pub(crate) fn of(&self, operation: &str, grid: &Grid) -> Built<Vec<(usize, usize)>> {
        match &self.0 {
            Said::All(before, after) => Ok(vec![(*before, *after); grid.rank()]),
            Said::Each(each) if each.len() == grid.rank() => Ok(each.clone()),
            Said::Each(each) => {
                let why = format!("{} widths for {} axes", each.len(), grid.rank());
                Err(ArrayError::Shape { operation: operation.to_owned(), why, shape: grid.shape_text() })
            }
        }
    }
}

/// What is beyond the ends of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    /// A value: `v v | a b c | v v`
    Fill,
    /// The last element: `a a | a b c | c c`
    Nearest,
    /// The other end: `b c | a b c | a b`
    Periodic,
    /// A mirror between elements: `b a | a b c | c b`
    Symmetric,
    /// A mirror on the last element: `c b | a b c | b a`
    Reflect,
}

impl Edge {
    /// The indices of an axis of length `len` from `first` on, so many: as they are inside, and by this rule outside. The
    /// axis is not empty, but for [`Edge::Fill`].
    pub(crate) fn runs(self, len: usize, first: isize, count: usize) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let (mut at, mut left) = (first, count);
        let length = len as isize;
        while left > 0 {
            let inside = (0..length).contains(&at);
            // The index, the step to the next one, and how many follow in this way.
            let (from, step, reach) = match self {
                _ if inside => (Some(at), 1, length - at),
                Edge::Fill | Edge::Nearest => {
                    let from = (self == Edge::Nearest).then(|| at.clamp(0, length - 1));
                    (from, 0, if at < 0 { -at } else { isize::MAX })
                }
                Edge::Periodic => {
                    let place = at.rem_euclid(length);
                    (Some(place), 1, length - place)
                }
                Edge::Symmetric => match at.rem_euclid(2 * length) {
                    place if place < length => (Some(place), 1, length - place),
                    place => (Some(2 * length - 1 - place), -1, 2 * length - place),
                },
                Edge::Reflect if len == 1 => (Some(0), 0, isize::MAX),
                Edge::Reflect => match at.rem_euclid(2 * (length - 1)) {
                    place if place < length - 1 => (Some(place), 1, length - 1 - place),
                    place => (Some(2 * (length - 1) - place), -1, 2 * (length - 1) - place),
                },
            };
            let reach = left.min(reach as usize);
            runs.push(Run { from: from.map(|from| from as usize), step, len: reach });
            at += reach as isize;
            left -= reach;
        }
        runs
    }
}

/// The chunks of an axis that goes on at both ends. A little more is put to the chunks at the ends; much becomes chunks of
/// its own.
pub(crate) fn widened(chunks: &AxisChunks, before: usize, after: usize) -> AxisChunks {
    let widest = chunks.sizes().max().unwrap_or(0).max(1);
    let mut sizes: Vec<usize> = chunks.sizes().collect();
    let own = |width: usize| AxisChunks::regular(width, widest).sizes().collect::<Vec<_>>();
    let is_little = |width: usize| width * 4 <= widest;
    match sizes.last_mut() {
        Some(last) if is_little(after) => *last += after,
        _ => sizes.extend(own(after)),
    }
    match sizes.first_mut() {
        Some(first) if is_little(before) => *first += before,
        _ => sizes.splice(0..0, own(before)).for_each(drop),
    }
    AxisChunks::new(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indices(edge: Edge, len: usize, first: isize, count: usize) -> Vec<Option<usize>> {
        let runs = edge.runs(len, first, count);
        let of = |run: &Run| {
            let Run { from, step, len } = *run;
            (0..len).map(move |at| from.map(|from| from.wrapping_add_signed(step * at as isize))).collect::<Vec<_>>()
        };
        runs.iter().flat_map(of).collect()
    }

    /// The rules index by index.
    fn plain(edge: Edge, len: isize, at: isize) -> Option<usize> {
        let place = match edge {
            _ if (0..len).contains(&at) => at,
            Edge::Fill => return None,
            Edge::Nearest => at.clamp(0, len - 1),
            Edge::Periodic => at.rem_euclid(len),
            Edge::Symmetric => {
                let place = at.rem_euclid(2 * len);
                if place < len { place } else { 2 * len - 1 - place }
            }
            Edge::Reflect if len == 1 => 0,
            Edge::Reflect => {
                let place = at.rem_euclid(2 * len - 2);
                if place < len { place } else { 2 * len - 2 - place }
            }
        };
        Some(place as usize)
    }

    #[test]
    fn every_rule_gives_what_it_gives_index_by_index() {
        for edge in [Edge::Fill, Edge::Nearest, Edge::Periodic, Edge::Symmetric, Edge::Reflect] {
            for len in 1..6 {
                for first in -15..12 {
                    let expected: Vec<_> = (first..first + 14).map(|at| plain(edge, len as isize, at)).collect();
                    assert_eq!(indices(edge, len, first, 14), expected, "{edge:?}, length {len}, from {first}");
                }
            }
        }
    }
}
