//! Functions of parts of an array: of its lanes, of its last axes, of its windows.

use std::sync::Arc;

use ndarray::{Array1, ArrayD, ArrayView1, ArrayViewD, Axis, IxDyn, Slice};

use super::Array;
use super::by_place::by_place;
use super::chunks::{AxisChunks, Grid, shape_text};
use super::element::Element;
use super::error::{ArrayError, Built, built};
use super::lower::Lowering;
use super::node::{NodeRef, rechunked, viewed};
use super::reduce::Axes;
use super::take::known_axis;
use super::view::{View, ViewAxis};
use super::work::{as_block, block_task};
use crate::error::BoxError;
use crate::task::{Failure, Made};

/// The array with one chunk along an axis.
fn whole_along(node: &NodeRef, axis: usize) -> NodeRef {
    let mut axes = node.grid.axes().to_vec();
    axes[axis] = AxisChunks::whole(axes[axis].len());
    rechunked(node, &Grid::new(axes))
}

impl<T: Element> Array<T> {
    /// A function of each lane along an axis, which gives a lane of length `len` in its place.
    ///
    /// The axis is read whole: the array is cut so that it has one chunk.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(6, 6).reshape((2, 3));
    /// let ends = x.apply_along_axis(1, 2, |row| ndarray::array![row[0], row[row.len() - 1]]);
    /// assert_eq!(ends.compute()?.as_slice(), Some(&[0, 2, 3, 5][..]));
    /// # use taskloom::ndarray;
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such axis, or its length is not known. Computing fails when a lane has another length.
    #[track_caller]
    pub fn apply_along_axis<R: Element>(
        &self,
        axis: isize,
        len: usize,
        function: impl Fn(ArrayView1<'_, T>) -> Array1<R> + Send + Sync + 'static,
    ) -> Array<R> {
        let axis = built(known_axis("apply_along_axis", axis, &self.node().grid));
        let input = whole_along(self.node(), axis);
        let mut axes = input.grid.axes().to_vec();
        axes[axis] = AxisChunks::whole(len);
        let function =
            Made::<OnLane<T, Array1<R>>>::given("apply_along_axis", function, (), |function, ()| Arc::new(function));
        let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
            let block = lowering.block(&inputs[0], place);
            let parameters = (function.clone(), axis, len);
            block_task::<R, _, _>("apply_along_axis", vec![block], parameters, |parameters, mut values| {
                let (function, axis, len) = (&parameters.0, parameters.1, parameters.2);
                let block = as_block::<T>(values.remove(0));
                let mut shape = block.shape().to_vec();
                shape[axis] = len;
                let mut result = ArrayD::<R>::default(IxDyn(&shape));
                for (lane, mut target) in block.lanes(Axis(axis)).into_iter().zip(result.lanes_mut(Axis(axis))) {
                    let made = function(lane);
                    if made.len() != len {
                        let why = format!("the function gave a lane of length {}, and {len} was said", made.len());
                        return Err(Failure::Error(BoxError::from(why)));
                    }
                    target.assign(&made);
                }
                Ok(result.into_shared())
            })
        };
        Array::of(by_place("apply_along_axis", R::DTYPE, Grid::new(axes), vec![input], make))
    }

    /// A function of each lane along an axis, which gives one element in its place.
    ///
    /// The axis is read whole: the array is cut so that it has one chunk.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(6, 6).reshape((2, 3));
    /// let spans = x.reduce_along_axis(0, |lane| lane[lane.len() - 1] - lane[0]);
    /// assert_eq!(spans.compute()?.as_slice(), Some(&[3, 3, 3][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such axis, or its length is not known.
    #[track_caller]
    pub fn reduce_along_axis<R: Element>(
        &self,
        axis: isize,
        function: impl Fn(ArrayView1<'_, T>) -> R + Send + Sync + 'static,
    ) -> Array<R> {
        let axis = built(known_axis("reduce_along_axis", axis, &self.node().grid));
        let input = whole_along(self.node(), axis);
        let mut axes = input.grid.axes().to_vec();
        axes.remove(axis);
        let function =
            Made::<OnLane<T, R>>::given("reduce_along_axis", function, (), |function, ()| Arc::new(function));
        let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
            let mut at = place.to_vec();
            at.insert(axis, 0);
            let block = lowering.block(&inputs[0], &at);
            let parameters = (function.clone(), axis);
            block_task::<R, _, _>("reduce_along_axis", vec![block], parameters, |parameters, mut values| {
                let (function, axis) = (&parameters.0, parameters.1);
                let block = as_block::<T>(values.remove(0));
                let mut shape = block.shape().to_vec();
                shape.remove(axis);
                let results: Vec<R> = block.lanes(Axis(axis)).into_iter().map(&**function).collect();
                let result = ArrayD::from_shape_vec(IxDyn(&shape), results);
                Ok(result.unwrap_or_else(|_| unreachable!("an element for each lane")).into_shared())
            })
        };
        Array::of(by_place("reduce_along_axis", R::DTYPE, Grid::new(axes), vec![input], make))
    }

    /// A function of the part that the last `core` axes are, for each index along the others: it gives a part of shape
    /// `out`. What `apply_gufunc` is in Dask, with the signature `(i, …)->(k, …)`.
    ///
    /// The last axes are read whole: the array is cut so that they have one chunk.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::ones((10, 3, 4), (5, 2, 2));
    /// let column_sums = x.apply(2, [4], |matrix| matrix.sum_axis(ndarray::Axis(0)));
    /// assert_eq!((column_sums.shape(), column_sums.sum().item()?), (vec![10, 4], 120.0));
    /// # use taskloom::ndarray;
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there are fewer axes, or the length of one of the last is not known. Computing fails when a part has another
    /// shape.
    #[track_caller]
    pub fn apply<R: Element>(
        &self,
        core: usize,
        out: impl AsRef<[usize]>,
        function: impl Fn(ArrayViewD<'_, T>) -> ArrayD<R> + Send + Sync + 'static,
    ) -> Array<R> {
        let function = Made::<OnParts<T, R>>::given("apply", function, (), |function, ()| {
            Arc::new(move |parts: &[ArrayViewD<'_, T>]| function(parts[0].view()))
        });
        Array::of(built(apply(&[(self.node(), core)], out.as_ref().to_vec(), function)))
    }

    /// As [`apply`](Array::apply), of the last axes of two arrays, whose other axes broadcast.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let (a, b) = (Array::<f64>::ones((6, 3), (2, 2)), Array::<f64>::arange(3, 2));
    /// let products = a.apply_with(1, &b, 1, [], |a, b| ndarray::arr0((&a * &b).sum()).into_dyn());
    /// assert_eq!(products.compute()?.as_slice(), Some(&[3.0; 6][..]));
    /// # use taskloom::ndarray;
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// As [`apply`](Array::apply), and when the other axes do not broadcast.
    #[track_caller]
    pub fn apply_with<R: Element>(
        &self,
        core: usize,
        other: &Array<T>,
        other_core: usize,
        out: impl AsRef<[usize]>,
        function: impl Fn(ArrayViewD<'_, T>, ArrayViewD<'_, T>) -> ArrayD<R> + Send + Sync + 'static,
    ) -> Array<R> {
        let function = Made::<OnParts<T, R>>::given("apply_with", function, (), |function, ()| {
            Arc::new(move |parts: &[ArrayViewD<'_, T>]| function(parts[0].view(), parts[1].view()))
        });
        let inputs = [(self.node(), core), (other.node(), other_core)];
        Array::of(built(apply(&inputs, out.as_ref().to_vec(), function)))
    }
}

impl<T> Array<T> {
    /// A reduction of neighbouring elements: windows of `factors` elements along each axis become one.
    ///
    /// With `trim`, elements at the end that fill no window are left out; without, there may be none.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::arange(24, 24).reshape((4, 6));
    /// let coarse = x.coarsen(Array::<f64>::mean_axis, [2, 3], false);
    /// assert_eq!((coarse.shape(), coarse.slice(s![0, 0]).item()?), (vec![2, 2], 4.0));
    /// assert_eq!(x.coarsen(Array::max_axis, [3, 4], true).shape(), [1, 1]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the factors do not fit to the shape, or a length is not known.
    #[track_caller]
    pub fn coarsen<R>(
        &self,
        reduction: impl FnOnce(&Array<T>, Axes) -> Array<R>,
        factors: impl AsRef<[usize]>,
        trim: bool,
    ) -> Array<R> {
        let (windows, axes) = built(windows(self, factors.as_ref(), trim));
        reduction(&windows, axes)
    }
}

/// The array with each axis split in two, windows and the elements of one, and the axes along which the elements are.
#[track_caller]
fn windows<T>(array: &Array<T>, factors: &[usize], trim: bool) -> Built<(Array<T>, Axes)> {
    let grid = &array.node().grid;
    grid.require_known("coarsen")?;
    let wrong = |why: String| ArrayError::Shape { operation: "coarsen".into(), why, shape: grid.shape_text() };
    if factors.len() != grid.rank() {
        return Err(wrong(format!("{} factors for {} axes", factors.len(), grid.rank())));
    }
    let mut view = View::whole(&grid.shape());
    let mut axes = Vec::new();
    let mut split = Vec::new();
    for (axis, &factor) in factors.iter().enumerate() {
        let len = grid.axis(axis).len();
        if factor == 0 {
            return Err(wrong(format!("the factor of axis {axis} is 0")));
        }
        if !len.is_multiple_of(factor) && !trim {
            return Err(wrong(format!(
                "{factor} does not divide the length of axis {axis}, {len}; `trim` leaves out the rest"
            )));
        }
        let whole = len / factor * factor;
        view.axes[axis] = ViewAxis::Take { axis, start: 0, step: 1, len: whole };
        // Chunks end where windows do.
        let mut ends: Vec<usize> =
            (1..=grid.axis(axis).count()).map(|end| grid.axis(axis).start(end) / factor).collect();
        ends.push(whole / factor);
        ends.dedup();
        if ends.len() > 1 {
            ends.retain(|&end| end > 0);
        }
        let mut begin = 0;
        axes.push(AxisChunks::new(ends.iter().map(|&end| (end - std::mem::replace(&mut begin, end)) * factor)));
        split.extend([whole / factor, factor]);
    }
    let cut = rechunked(&viewed(array.node(), "coarsen", &view), &Grid::new(axes));
    let windows = Array::<T>::of(cut).reshape(split);
    // The axes of windows, but for the last, then those inside windows: so a reduction folds rows of windows, which are
    // long, and not the few elements that a window has side by side.
    let rank = factors.len() as isize;
    let mut outer = (0..rank).map(|axis| 2 * axis);
    let last = outer.next_back();
    let inner = (0..rank).map(|axis| 2 * axis + 1);
    let order: Vec<isize> = outer.chain(inner).chain(last).collect();
    let first = rank.max(1) - 1;
    Ok((windows.transpose(order), Axes::from((first..first + rank).collect::<Vec<_>>())))
}

type OnLane<T, R> = dyn Fn(ArrayView1<'_, T>) -> R + Send + Sync;
type OnParts<T, R> = dyn Fn(&[ArrayViewD<'_, T>]) -> ArrayD<R> + Send + Sync;

/// Arrays whose last axes are whole, and whose other axes are cut alike; and the chunks of those.
///
/// Not generic, so that it is compiled here and not where it is called.
fn looped(inputs: &[(&NodeRef, usize)]) -> Built<(Vec<NodeRef>, Vec<AxisChunks>)> {
    // From the last axis to the first.
    let mut loops: Vec<AxisChunks> = Vec::new();
    for &(input, core) in inputs {
        let grid = &input.grid;
        grid.require_known("apply")?;
        if core > grid.rank() {
            let why = format!("a function of the last {core} axes");
            return Err(ArrayError::Shape { operation: "apply".into(), why, shape: grid.shape_text() });
        }
        for (place, own) in grid.axes()[..grid.rank() - core].iter().rev().enumerate() {
            match loops.get_mut(place) {
                None => loops.push(own.clone()),
                Some(chunks) if chunks.len() == own.len() => *chunks = chunks.refined(own),
                Some(chunks) if chunks.len() == 1 => *chunks = own.clone(),
                Some(_) if own.len() == 1 => {}
                Some(chunks) => {
                    let why = format!("an axis of length {} does not broadcast to {}", own.len(), chunks.len());
                    return Err(ArrayError::Shape { operation: "apply".into(), why, shape: grid.shape_text() });
                }
            }
        }
    }
    loops.reverse();
    // One element has one chunk, without empty ones beside it.
    loops.iter_mut().filter(|chunks| chunks.len() == 1).for_each(|chunks| *chunks = AxisChunks::whole(1));
    let rank = loops.len();
    let cut = inputs.iter().map(|&(input, core)| {
        let own = input.grid.rank() - core;
        let axes = input.grid.axes().iter().enumerate().map(|(axis, chunks)| match axis < own && chunks.len() != 1 {
            true => loops[rank - own + axis].clone(),
            false => AxisChunks::whole(chunks.len()),
        });
        rechunked(input, &Grid::new(axes.collect::<Vec<_>>()))
    });
    Ok((cut.collect(), loops))
}

/// A function of the last axes of arrays, whose other axes broadcast.
fn apply<T: Element, R: Element>(
    inputs: &[(&NodeRef, usize)],
    out: Vec<usize>,
    function: Made<OnParts<T, R>>,
) -> Built<NodeRef> {
    let (cut, loops) = looped(inputs)?;
    let rank = loops.len();
    let cores: Vec<usize> = inputs.iter().map(|&(_, core)| core).collect();
    let grid = Grid::new(loops.into_iter().chain(out.iter().map(|&len| AxisChunks::whole(len))).collect::<Vec<_>>());
    let own = grid.clone();
    let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
        let steps = inputs.iter().zip(&cores).map(|(input, core)| {
            let looped = input.grid.rank() - core;
            let mut at = vec![0; input.grid.rank()];
            for axis in (0..looped).filter(|&axis| input.grid.axis(axis).len() != 1) {
                at[axis] = place[rank - looped + axis];
            }
            lowering.block(input, &at)
        });
        let steps = steps.collect();
        let parameters = (function.clone(), cores.clone(), out.clone(), own.region(place).1);
        block_task::<R, _, _>("apply", steps, parameters, |(function, cores, out, shape), values| {
            let rank = shape.len() - out.len();
            let blocks: Vec<_> = values.into_iter().map(as_block::<T>).collect();
            let mut result = ArrayD::<R>::default(IxDyn(shape));
            for index in ndarray::indices(&shape[..rank]) {
                let parts: Vec<ArrayViewD<'_, T>> = blocks
                    .iter()
                    .zip(cores)
                    .map(|(block, core)| {
                        let looped = block.ndim() - core;
                        (0..looped).fold(block.view(), |part, axis| {
                            let at = if block.shape()[axis] == 1 { 0 } else { index[rank - looped + axis] };
                            part.index_axis_move(Axis(0), at)
                        })
                    })
                    .collect();
                let made = function(&parts);
                if made.shape() != &out[..] {
                    let why = format!(
                        "the function gave shape {}, and {} was said",
                        shape_text(made.shape()),
                        shape_text(out)
                    );
                    return Err(Failure::Error(BoxError::from(why)));
                }
                let mut target = result.view_mut();
                target.slice_each_axis_inplace(|axis| match axis.axis.index() {
                    axis if axis < rank => Slice::from(index[axis]..index[axis] + 1),
                    _ => Slice::from(..),
                });
                target.assign(&made);
            }
            Ok(result.into_shared())
        })
    };
    Ok(by_place("apply", R::DTYPE, grid, cut, make))
}
