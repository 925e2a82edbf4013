//! Slicing, transposing and adding axes: what can be seen of an array without touching its elements.

use ndarray::{ArcArray, Axis, IxDyn, Slice};

use super::chunks::AxisChunks;
use crate::task::packed;

/// Where an axis of a view comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ViewAxis {
    /// `len` indices of an axis: `start`, `start + step`, …; the step is not 0, and may be negative.
    Take { axis: usize, start: usize, step: isize, len: usize },
    /// A new axis of length 1.
    New,
}

/// A view of an array: where its axes come from, and one index for each axis that it has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) axes: Vec<ViewAxis>,
    /// Axis and index.
    pub(crate) picked: Vec<(usize, usize)>,
}

packed!(enum ViewAxis { Take { axis, start, step, len }, New });
packed!(View { axes, picked });

impl View {
    /// The whole array, axis by axis.
    pub(crate) fn whole(shape: &[usize]) -> View {
        let take = |(axis, &len)| ViewAxis::Take { axis, start: 0, step: 1, len };
        View { axes: shape.iter().enumerate().map(take).collect(), picked: Vec::new() }
    }

    /// The axes in another order.
    pub(crate) fn transposed(shape: &[usize], order: &[usize]) -> View {
        let take = |&axis| ViewAxis::Take { axis, start: 0, step: 1, len: shape[axis] };
        View { axes: order.iter().map(take).collect(), picked: Vec::new() }
    }

    /// Whether it is all of an array of this shape, unchanged.
    pub(crate) fn is_whole(&self, shape: &[usize]) -> bool {
        *self == View::whole(shape)
    }

    /// The chunks that an axis of the view has, when those of the array are given.
    pub(crate) fn chunks(&self, of: &[AxisChunks]) -> Vec<AxisChunks> {
        let chunks = |axis: &ViewAxis| match *axis {
            ViewAxis::New => AxisChunks::whole(1),
            ViewAxis::Take { axis, start, step, len } => match is_all(&of[axis], start, step, len) {
                true => of[axis].clone(),
                false => of[axis].sliced(start, step, len).0,
            },
        };
        self.axes.iter().map(chunks).collect()
    }

    /// The first place and the strides of the view, in an array of these strides.
    pub(crate) fn strides(&self, from: u64, strides: &[isize]) -> (u64, Vec<isize>) {
        let mut from = from;
        let mut step = |axis: usize, index: usize| from = from.wrapping_add_signed(strides[axis] as i64 * index as i64);
        self.picked.iter().for_each(|&(axis, index)| step(axis, index));
        let strides = self.axes.iter().map(|axis| match *axis {
            ViewAxis::New => 0,
            ViewAxis::Take { axis, start, step: by, .. } => {
                step(axis, start);
                strides[axis] * by
            }
        });
        let strides = strides.collect();
        (from, strides)
    }

    /// The view of an array in memory, which it shares.
    pub(crate) fn apply<T>(&self, array: ArcArray<T, IxDyn>) -> ArcArray<T, IxDyn> {
        let mut array = array;
        for axis in &self.axes {
            if let ViewAxis::Take { axis, start, step, len } = *axis {
                let reach = len.saturating_sub(1) * step.unsigned_abs();
                let (first, end) = match (len, step > 0) {
                    (0, _) => (0, 0),
                    (_, true) => (start, start + reach + 1),
                    // ndarray takes the range first, and then reads it from its end.
                    (_, false) => (start - reach, start + 1),
                };
                array.slice_axis_inplace(Axis(axis), Slice::new(first as isize, Some(end as isize), step));
            }
        }
        let mut picked = self.picked.clone();
        picked.sort_unstable_by(|left, right| right.cmp(left));
        // What is left of the axes, by their old numbers.
        let mut left: Vec<usize> = (0..array.ndim()).collect();
        for (axis, index) in picked {
            array = array.index_axis_move(Axis(axis), index);
            left.remove(axis);
        }
        let taken = self.axes.iter().filter_map(|axis| match axis {
            ViewAxis::Take { axis, .. } => left.iter().position(|old| old == axis),
            ViewAxis::New => None,
        });
        let order: Vec<usize> = taken.collect();
        if order.iter().enumerate().any(|(place, &axis)| place != axis) {
            array = array.permuted_axes(IxDyn(&order));
        }
        for (place, axis) in self.axes.iter().enumerate() {
            if *axis == ViewAxis::New {
                array = array.insert_axis(Axis(place));
            }
        }
        array
    }
}

/// Whether a slice is the whole axis.
pub(crate) fn is_all(chunks: &AxisChunks, start: usize, step: isize, len: usize) -> bool {
    !chunks.is_known() || (start == 0 && step == 1 && len == chunks.len())
}
