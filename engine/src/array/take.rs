//! Elements by lists of indices, and arrays that repeat or roll.

use std::sync::Arc;

use ndarray::{ArrayD, Axis, IxDyn, Slice};

use super::Array;
use super::by_place::by_place;
use super::chunks::{AxisChunks, Grid};
use super::dispatch::with_type;
use super::element::Element;
use super::error::{ArrayError, Built, built};
use super::gather::{AxisPlan, Gather, Run};
use super::lower::Lowering;
use super::node::{NodeRef, rechunked, viewed};
use super::reduce::axis_of;
use super::view::{View, ViewAxis};
use super::widths::{Edge, Widths, widened};
use super::work::{as_block, block_task};

/// Indices along an axis: an array, a slice or a vector of integers. Negative ones count from the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indices(Vec<isize>);

macro_rules! indices_from {
    ($($type:ty)*) => { $(
        impl<const N: usize> From<[$type; N]> for Indices {
            fn from(indices: [$type; N]) -> Indices {
                Indices(indices.iter().map(|&index| index as isize).collect())
            }
        }
        impl From<&[$type]> for Indices {
            fn from(indices: &[$type]) -> Indices {
                Indices(indices.iter().map(|&index| index as isize).collect())
            }
        }
        impl From<Vec<$type>> for Indices {
            fn from(indices: Vec<$type>) -> Indices {
                Indices(indices.into_iter().map(|index| index as isize).collect())
            }
        }
        impl From<&Vec<$type>> for Indices {
            fn from(indices: &Vec<$type>) -> Indices {
                Indices::from(indices.as_slice())
            }
        }
    )* };
}
indices_from!(i32 i64 u64 isize usize);

impl Indices {
    /// The indices as they were given.
    pub(crate) fn values(&self) -> &[isize] {
        &self.0
    }

    /// The places, which are all inside the axis.
    fn places(&self, operation: &str, axis: usize, grid: &Grid) -> Built<Vec<usize>> {
        let len = grid.axis(axis).len();
        let place = |&index: &isize| {
            let place = if index < 0 { index.checked_add(len as isize) } else { Some(index) };
            match place.and_then(|place| usize::try_from(place).ok()) {
                Some(place) if place < len => Ok(place),
                _ => Err(ArrayError::Index { operation: operation.into(), index, axis, len, shape: grid.shape_text() }),
            }
        };
        self.0.iter().map(place).collect()
    }
}

/// The axis, whose length is known.
pub(crate) fn known_axis(operation: &str, axis: isize, grid: &Grid) -> Built<usize> {
    let axis = axis_of(operation, axis, grid)?;
    match grid.axis(axis).is_known() {
        true => Ok(axis),
        false => Err(ArrayError::UnknownChunks { operation: operation.to_owned(), axis, shape: grid.shape_text() }),
    }
}

/// Indices as runs that go on in equal steps.
fn runs(places: &[usize]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for &place in places {
        match runs.last_mut() {
            Some(Run { from: Some(from), step, len }) => {
                let here = place as isize - *from as isize;
                if *len == 1 {
                    (*step, *len) = (here, 2);
                    continue;
                }
                if here == *step * *len as isize {
                    *len += 1;
                    continue;
                }
                runs.push(Run::new(place, 1, 1));
            }
            _ => runs.push(Run::new(place, 1, 1)),
        }
    }
    runs
}

/// One axis gathered, the others as they are.
pub(super) fn along(
    node: &NodeRef,
    name: &str,
    axis: usize,
    runs: impl IntoIterator<Item = Run>,
    chunks: AxisChunks,
) -> NodeRef {
    let plan = AxisPlan::new(node.grid.axis(axis), runs, &chunks);
    let mut axes = node.grid.axes().to_vec();
    axes[axis] = chunks;
    let mut plans = vec![AxisPlan::same(); axes.len()];
    plans[axis] = plan;
    Gather::node(node, name, Grid::new(axes), plans, node.dtype.zero())
}

/// What is beyond the ends of an array that is padded.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum PadMode<T> {
    /// A value.
    Constant(T),
    /// The last element, again and again: `a a | a b c | c c`.
    Edge,
    /// A mirror image around the last element: `c b | a b c | b a`.
    Reflect,
    /// A mirror image with the last element: `b a | a b c | c b`.
    Symmetric,
    /// The other end: `b c | a b c | a b`.
    Wrap,
}

impl<T> Array<T> {
    /// The elements at some indices along an axis, in the order in which they are named; an index may be named again.
    ///
    /// Chunks are as long as the array's. Each is made from those blocks that it needs; where the indices are scattered that
    /// is all of them, which are then in memory together.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(100, 30).take([3, -1, 3], 0);
    /// assert_eq!(x.compute()?.as_slice(), Some(&[3, 99, 3][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When an index is outside the axis, there is no such axis, or its length is not known.
    #[track_caller]
    pub fn take(&self, indices: impl Into<Indices>, axis: isize) -> Array<T> {
        let grid = &self.node().grid;
        let axis = built(known_axis("take", axis, grid));
        let places = built(indices.into().places("take", axis, grid));
        let widest = grid.axis(axis).sizes().max().unwrap_or(1);
        let runs = runs(&places);
        if let [Run { from: Some(start), step, len }] = runs[..]
            && step != 0
        {
            // Equal steps are a slice.
            let mut view = View::whole(&grid.shape());
            view.axes[axis] = ViewAxis::Take { axis, start, step, len };
            return Array::of(viewed(self.node(), "take", &view));
        }
        Array::of(along(self.node(), "take", axis, runs, AxisChunks::regular(places.len(), widest)))
    }

    /// The array without some indices along an axis.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(5, 3).delete([0, -2], 0);
    /// assert_eq!(x.compute()?.as_slice(), Some(&[1, 2, 4][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When an index is outside the axis, there is no such axis, or its length is not known.
    #[track_caller]
    pub fn delete(&self, indices: impl Into<Indices>, axis: isize) -> Array<T> {
        let grid = &self.node().grid;
        let axis = built(known_axis("delete", axis, grid));
        let mut places = built(indices.into().places("delete", axis, grid));
        places.sort_unstable();
        places.dedup();
        let chunks = grid.axis(axis);
        let mut sizes: Vec<usize> = chunks.sizes().collect();
        let mut runs = Vec::new();
        let mut next = 0;
        for &place in &places {
            sizes[chunks.find(place)] -= 1;
            runs.push(Run::new(next, 1, place - next));
            next = place + 1;
        }
        runs.push(Run::new(next, 1, chunks.len() - next));
        sizes.retain(|&size| size > 0);
        let left = if sizes.is_empty() { AxisChunks::whole(0) } else { AxisChunks::new(sizes) };
        Array::of(along(self.node(), "delete", axis, runs, left))
    }

    /// The elements moved along an axis by `shift` places; what leaves at one end comes back at the other.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(5, 3).roll(2, 0);
    /// assert_eq!(x.compute()?.as_slice(), Some(&[3, 4, 0, 1, 2][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such axis, or its length is not known.
    #[track_caller]
    pub fn roll(&self, shift: isize, axis: isize) -> Array<T> {
        let grid = &self.node().grid;
        let axis = built(known_axis("roll", axis, grid));
        let chunks = grid.axis(axis);
        let len = chunks.len();
        let shift = if len == 0 { 0 } else { shift.rem_euclid(len as isize) as usize };
        if shift == 0 {
            return self.clone();
        }
        let first = len - shift;
        let sizes = |start, len| chunks.sliced(start, 1, len).0.sizes().collect::<Vec<_>>();
        let new = AxisChunks::new([sizes(first, shift), sizes(0, first)].concat());
        Array::of(along(self.node(), "roll", axis, [Run::new(first, 1, shift), Run::new(0, 1, first)], new))
    }

    /// Each element `count` times, one after the other, along an axis.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(3, 2).repeat(2, 0);
    /// assert_eq!(x.compute()?.as_slice(), Some(&[0, 0, 1, 1, 2, 2][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such axis, or its length is not known.
    #[track_caller]
    pub fn repeat(&self, count: usize, axis: isize) -> Array<T> {
        let axis = built(known_axis("repeat", axis, &self.node().grid));
        Array::of(repeat(self.node(), count, axis))
    }

    /// The array again and again along each axis; more numbers than axes make new axes at the front.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(2, 2).tile([2, 3]);
    /// assert_eq!((x.shape(), x.sum().item()?), (vec![2, 6], 6));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When a length is not known.
    #[track_caller]
    pub fn tile(&self, times: impl AsRef<[usize]>) -> Array<T> {
        let times = times.as_ref();
        built(self.node().grid.require_known("tile"));
        let mut wide = self.clone();
        while wide.ndim() < times.len() {
            wide = wide.expand_dims(0);
        }
        let node = wide.node();
        let grid = &node.grid;
        let missing = grid.rank() - times.len();
        let times: Vec<usize> = std::iter::repeat_n(1, missing).chain(times.iter().copied()).collect();
        let mut elements: usize = grid.largest().iter().product::<usize>().max(1);
        let mut axes = Vec::new();
        let mut plans = Vec::new();
        for (chunks, &times) in grid.axes().iter().zip(&times) {
            if times == 1 {
                axes.push(chunks.clone());
                plans.push(AxisPlan::same());
                continue;
            }
            let len = chunks.len();
            // Small arrays share chunks; others keep theirs, which are then not copied.
            let together = (TILED / (elements * node.dtype.size())).clamp(1, times.max(1));
            let new = match chunks.count() {
                1 => {
                    elements *= together;
                    AxisChunks::regular(len * times, len * together)
                }
                _ => AxisChunks::new(
                    (0..times.max(1)).flat_map(|_| chunks.sizes().map(|s| if times == 0 { 0 } else { s })),
                ),
            };
            let run = if len == 1 { vec![Run::new(0, 0, times)] } else { vec![Run::new(0, 1, len); times] };
            plans.push(AxisPlan::new(chunks, run, &new));
            axes.push(new);
        }
        Array::of(Gather::node(node, "tile", Grid::new(axes), plans, node.dtype.zero()))
    }
}

/// Bytes that blocks of copies may take.
const TILED: usize = 4 << 20;

fn repeat(node: &NodeRef, count: usize, axis: usize) -> NodeRef {
    let old = node.grid.axis(axis);
    // The blocks stay about as large as they were.
    let widest = old.sizes().max().unwrap_or(1);
    let mut axes = node.grid.axes().to_vec();
    if count > 1 {
        axes[axis] = old.refined(&AxisChunks::regular(old.len(), widest.div_ceil(count)));
    }
    let input = rechunked(node, &Grid::new(axes.clone()));
    axes[axis] = AxisChunks::new(axes[axis].sizes().map(|size| size * count));
    let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
        let block = lowering.block(&inputs[0], place);
        with_type!(inputs[0].dtype, T => block_task::<T, _, _>("repeat", vec![block], (axis, count), |own, mut values| {
            let (axis, count) = *own;
            let block = as_block::<T>(values.remove(0));
            let mut shape = block.shape().to_vec();
            shape[axis] *= count;
            let mut out = ArrayD::<T>::default(IxDyn(&shape));
            for nth in (0..count).filter(|_| !block.is_empty()) {
                let every = Slice::new(nth as isize, None, count as isize);
                out.slice_axis_mut(Axis(axis), every).assign(&block);
            }
            Ok(out.into_shared())
        }))
    };
    by_place("repeat", node.dtype, Grid::new(axes), vec![input], make)
}

impl<T: Element> Array<T> {
    /// The array with more elements before and after each axis: see [`Widths`] and [`PadMode`].
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::array::PadMode;
    /// let x = Array::<i64>::arange(4, 2);
    /// assert_eq!(x.pad((2, 1), PadMode::Reflect).compute()?.as_slice(), Some(&[2, 1, 0, 1, 2, 3, 2][..]));
    /// assert_eq!(x.pad(1, PadMode::Constant(9)).compute()?.as_slice(), Some(&[9, 0, 1, 2, 3, 9][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the widths do not fit to the axes, the length of an axis that is padded is not known, or there is nothing in it
    /// to pad with.
    #[track_caller]
    pub fn pad(&self, widths: impl Into<Widths>, mode: PadMode<T>) -> Array<T> {
        let (edge, fill) = match mode {
            PadMode::Constant(value) => (Edge::Fill, value),
            PadMode::Edge => (Edge::Nearest, T::default()),
            PadMode::Reflect => (Edge::Reflect, T::default()),
            PadMode::Symmetric => (Edge::Symmetric, T::default()),
            PadMode::Wrap => (Edge::Periodic, T::default()),
        };
        Array::of(built(pad(self.node(), &widths.into(), edge, fill.scalar())))
    }
}

fn pad(node: &NodeRef, widths: &Widths, edge: Edge, fill: super::element::Scalar) -> Built<NodeRef> {
    let grid = &node.grid;
    let mut axes = Vec::new();
    let mut plans = Vec::new();
    for (axis, (before, after)) in widths.of("pad", grid)?.into_iter().enumerate() {
        let chunks = grid.axis(axis);
        if (before, after) == (0, 0) {
            axes.push(chunks.clone());
            plans.push(AxisPlan::same());
            continue;
        }
        known_axis("pad", axis as isize, grid)?;
        if chunks.len() == 0 && edge != Edge::Fill {
            return Err(ArrayError::Empty { operation: "pad".into(), axis, shape: grid.shape_text() });
        }
        let new = widened(chunks, before, after);
        let runs = edge.runs(chunks.len(), -(before as isize), before + chunks.len() + after);
        plans.push(AxisPlan::new(chunks, runs, &new));
        axes.push(new);
    }
    if axes == grid.axes() {
        return Ok(Arc::clone(node));
    }
    Ok(Gather::node(node, "pad", Grid::new(axes), plans, fill))
}
