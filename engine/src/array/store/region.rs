//! Parts of arrays, and how their bytes are copied.

use std::ops::Range;

use crate::task::packed;

/// `len` indices of an axis: `start`, `start + step`, …
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) step: usize,
    pub(crate) len: usize,
}

packed!(Span { start, step, len });

impl Span {
    pub(crate) fn run(start: usize, len: usize) -> Span {
        Span { start, step: 1, len }
    }

    /// The last index; the span is not empty.
    pub(crate) fn last(&self) -> usize {
        self.start + (self.len - 1) * self.step
    }

    /// Which indices of the span lie in a range of the axis, as places in the span.
    pub(crate) fn within(&self, range: &Range<usize>) -> Range<usize> {
        let first = range.start.saturating_sub(self.start).div_ceil(self.step);
        let end = range.end.saturating_sub(self.start).div_ceil(self.step).min(self.len);
        first.min(end)..end
    }

    pub(crate) fn at(&self, place: usize) -> usize {
        self.start + place * self.step
    }
}

pub(crate) fn elements(region: &[Span]) -> usize {
    region.iter().map(|span| span.len).product()
}

/// All places of a grid of these ranges, in row-major order.
pub(crate) fn places(ranges: &[Range<usize>], mut visit: impl FnMut(&[usize]) -> Step) {
    if ranges.iter().any(Range::is_empty) {
        return;
    }
    let mut at: Vec<usize> = ranges.iter().map(|range| range.start).collect();
    loop {
        if visit(&at) == Step::Stop {
            return;
        }
        let Some(axis) = (0..at.len()).rev().find(|&axis| at[axis] + 1 < ranges[axis].end) else { return };
        at[axis] += 1;
        (axis + 1..at.len()).for_each(|later| at[later] = ranges[later].start);
    }
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum Step {
    On,
    Stop,
}

/// A part of an array of `shape` that lies in memory in row-major order.
pub(crate) struct Part<'a> {
    pub(crate) shape: &'a [usize],
    pub(crate) start: &'a [usize],
    /// 1 where it is not given.
    pub(crate) step: Option<&'a [usize]>,
}

impl Part<'_> {
    /// The first place and, for each axis, the distance from one element to the next.
    fn strides(&self) -> (usize, Vec<usize>) {
        let mut strides = vec![1; self.shape.len()];
        for axis in (1..self.shape.len()).rev() {
            strides[axis - 1] = strides[axis] * self.shape[axis];
        }
        let from = strides.iter().zip(self.start).map(|(stride, start)| stride * start).sum();
        for (axis, stride) in strides.iter_mut().enumerate() {
            *stride *= self.step.map_or(1, |step| step[axis]);
        }
        (from, strides)
    }
}

/// Copies `lens` elements of `size` bytes from one part to another. Both parts are inside.
pub(crate) fn copy(size: usize, lens: &[usize], from: &[u8], source: &Part<'_>, to: &mut [u8], target: &Part<'_>) {
    if lens.contains(&0) {
        return;
    }
    let (source_at, source_strides) = source.strides();
    let (target_at, target_strides) = target.strides();
    // Axes that lie densely one in another, in both, are copied at once.
    let mut axes = lens.len();
    let mut run = 1;
    while axes > 0 && source_strides[axes - 1] == run && target_strides[axes - 1] == run {
        run *= lens[axes - 1];
        axes -= 1;
    }
    let outer: Vec<Range<usize>> = lens[..axes].iter().map(|&len| 0..len).collect();
    let (inner, outer) = match outer.split_last() {
        Some((last, outer)) => (last.end, outer),
        None => (1, &outer[..]),
    };
    let step = |strides: &[usize]| if axes > 0 { strides[axes - 1] * size } else { 0 };
    let (source_step, target_step, run) = (step(&source_strides), step(&target_strides), run * size);
    places(outer, |place| {
        let at = |begin: usize, strides: &[usize]| {
            (begin + place.iter().zip(strides).map(|(index, stride)| index * stride).sum::<usize>()) * size
        };
        let (from_at, to_at) = (at(source_at, &source_strides), at(target_at, &target_strides));
        match run {
            1 => rows::<1>(from, from_at, source_step, to, to_at, target_step, inner),
            2 => rows::<2>(from, from_at, source_step, to, to_at, target_step, inner),
            4 => rows::<4>(from, from_at, source_step, to, to_at, target_step, inner),
            8 => rows::<8>(from, from_at, source_step, to, to_at, target_step, inner),
            16 => rows::<16>(from, from_at, source_step, to, to_at, target_step, inner),
            _ => {
                for row in 0..inner {
                    let (from_at, to_at) = (from_at + row * source_step, to_at + row * target_step);
                    to[to_at..to_at + run].copy_from_slice(&from[from_at..from_at + run]);
                }
            }
        }
        Step::On
    });
}

fn rows<const N: usize>(
    from: &[u8],
    from_at: usize,
    from_step: usize,
    to: &mut [u8],
    to_at: usize,
    to_step: usize,
    count: usize,
) {
    for row in 0..count {
        let (from_at, to_at) = (from_at + row * from_step, to_at + row * to_step);
        to[to_at..to_at + N].copy_from_slice(&from[from_at..from_at + N]);
    }
}

/// The chunks of a regular grid that a region meets, along each axis. The region is not empty.
pub(crate) fn meeting(region: &[Span], chunks: &[usize]) -> Vec<Range<usize>> {
    region.iter().zip(chunks).map(|(span, chunk)| span.start / chunk..span.last() / chunk + 1).collect()
}

/// What of a chunk of a regular grid belongs to a region.
pub(crate) struct Meeting {
    /// The first index inside the chunk, and the step.
    pub(crate) start: Vec<usize>,
    pub(crate) step: Vec<usize>,
    /// The first place in the region.
    pub(crate) into: Vec<usize>,
    pub(crate) lens: Vec<usize>,
}

impl Meeting {
    /// Nothing where a step jumps over the chunk.
    pub(crate) fn of(region: &[Span], chunks: &[usize], place: &[usize]) -> Option<Meeting> {
        let mut meeting = Meeting { start: Vec::new(), step: Vec::new(), into: Vec::new(), lens: Vec::new() };
        for ((span, &chunk), &at) in region.iter().zip(chunks).zip(place) {
            let begin = at * chunk;
            let within = span.within(&(begin..begin.saturating_add(chunk)));
            if within.is_empty() {
                return None;
            }
            meeting.start.push(span.at(within.start) - begin);
            meeting.step.push(span.step);
            meeting.into.push(within.start);
            meeting.lens.push(within.len());
        }
        Some(meeting)
    }

    /// Copies them from the chunk to the region.
    pub(crate) fn take(&self, size: usize, chunk: &[u8], chunk_shape: &[usize], out: &mut [u8], shape: &[usize]) {
        let source = Part { shape: chunk_shape, start: &self.start, step: Some(&self.step) };
        copy(size, &self.lens, chunk, &source, out, &Part { shape, start: &self.into, step: None });
    }

    /// Copies them from the region to the chunk.
    pub(crate) fn put(&self, size: usize, region: &[u8], shape: &[usize], chunk: &mut [u8], chunk_shape: &[usize]) {
        let target = Part { shape: chunk_shape, start: &self.start, step: Some(&self.step) };
        copy(size, &self.lens, region, &Part { shape, start: &self.into, step: None }, chunk, &target);
    }

    /// Sets them to the same element.
    pub(crate) fn fill(&self, element: &[u8], out: &mut [u8], shape: &[usize]) {
        let lens: usize = self.lens.iter().product();
        copy(
            element.len(),
            &self.lens,
            &element.repeat(lens),
            &Part { shape: &self.lens, start: &vec![0; self.lens.len()], step: None },
            out,
            &Part { shape, start: &self.into, step: None },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_meet_ranges() {
        let span = Span { start: 3, step: 4, len: 5 }; // 3 7 11 15 19
        assert_eq!(span.last(), 19);
        assert_eq!(span.within(&(0..3)), 0..0);
        assert_eq!(span.within(&(3..8)), 0..2);
        assert_eq!(span.within(&(8..11)), 2..2);
        assert_eq!(span.within(&(8..100)), 2..5);
    }

    #[test]
    fn parts_are_copied_as_ndarray_does() {
        use ndarray::{Array3, s};
        let from = Array3::from_shape_fn((4, 5, 6), |(a, b, c)| (a * 30 + b * 6 + c) as u8);
        let mut to = Array3::<u8>::zeros((3, 4, 5));
        let want = {
            let mut to = to.clone();
            to.slice_mut(s![1..3, 0..2, 2..5]).assign(&from.slice(s![0..3;2, 1..3, 0..5;2]));
            to
        };
        let source = Part { shape: &[4, 5, 6], start: &[0, 1, 0], step: Some(&[2, 1, 2]) };
        let target = Part { shape: &[3, 4, 5], start: &[1, 0, 2], step: None };
        let from = from.as_slice().unwrap();
        copy(1, &[2, 2, 3], from, &source, to.as_slice_mut().unwrap(), &target);
        assert_eq!(to, want);
    }
}
