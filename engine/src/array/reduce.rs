//! Folding axes away: sums, means, extremes.

use std::marker::PhantomData;
use std::sync::Arc;

use super::Array;
use super::chunks::{AxisChunks, Grid};
use super::depth::bounded;
use super::dispatch::{with_float, with_number, with_ordered, with_real, with_type};
use super::element::{Cast, DType, Element, Float, Number, Ordered};
use super::error::{ArrayError, Built, built};
use super::fused::{
    All, Any, AnyReducer, Kernel, Map1, Max, Mean, Min, NanMax, NanMean, NanMin, Position, Product, Sum, Variance,
};
use super::node::{Node, NodeRef, Op, Reduction};
use super::short_axis::as_planes;
use crate::task::Made;

/// The axes that a reduction folds: one, several, or all. Negative ones count from the end.
///
/// ```
/// use taskloom::prelude::*;
/// use taskloom::array::Axes;
/// let x = Array::<f64>::ones((4, 5, 6), 3);
/// assert_eq!(x.sum_axis(-1).shape(), [4, 5]);
/// assert_eq!(x.sum_axis([0, 2]).shape(), [5]);
/// assert_eq!(x.sum_axis((0, 2)).shape(), [5]);
/// assert_eq!(x.sum_axis(Axes::from(1).keepdims()).shape(), [4, 1, 6]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axes {
    axes: Option<Vec<isize>>,
    keepdims: bool,
}

impl Axes {
    /// All axes.
    pub fn all() -> Axes {
        Axes { axes: None, keepdims: false }
    }

    /// Folded axes stay, with length 1, so that the result broadcasts against what was folded.
    pub fn keepdims(self) -> Axes {
        Axes { keepdims: true, ..self }
    }
}

impl Axes {
    /// Whether folded axes stay.
    pub(crate) fn keeps(&self) -> bool {
        self.keepdims
    }

    /// The axes in the order in which they are named.
    pub(crate) fn in_order(&self, operation: &str, grid: &Grid) -> Built<Vec<usize>> {
        match &self.axes {
            None => Ok((0..grid.rank()).collect()),
            Some(axes) => axes.iter().map(|&axis| axis_of(operation, axis, grid)).collect(),
        }
    }
}

macro_rules! axes_from {
    ($($type:ty)*) => { $(
        impl From<$type> for Axes {
            fn from(axis: $type) -> Axes {
                Axes::from([axis])
            }
        }
        impl<const N: usize> From<[$type; N]> for Axes {
            fn from(axes: [$type; N]) -> Axes {
                Axes { axes: Some(axes.iter().map(|&axis| axis as isize).collect()), keepdims: false }
            }
        }
        impl From<($type, $type)> for Axes {
            fn from((first, second): ($type, $type)) -> Axes {
                Axes::from([first, second])
            }
        }
        impl From<($type, $type, $type)> for Axes {
            fn from((first, second, third): ($type, $type, $type)) -> Axes {
                Axes::from([first, second, third])
            }
        }
        impl From<Vec<$type>> for Axes {
            fn from(axes: Vec<$type>) -> Axes {
                Axes { axes: Some(axes.iter().map(|&axis| axis as isize).collect()), keepdims: false }
            }
        }
    )* };
}
axes_from!(i32 isize usize);

/// An axis as ndarray names it.
impl From<ndarray::Axis> for Axes {
    fn from(axis: ndarray::Axis) -> Axes {
        Axes::from(axis.index())
    }
}

/// The number of an axis that may be counted from the end.
pub(crate) fn axis_of(operation: &str, axis: isize, grid: &Grid) -> Built<usize> {
    let rank = grid.rank();
    let found = if axis < 0 { axis + rank as isize } else { axis };
    match usize::try_from(found) {
        Ok(found) if found < rank => Ok(found),
        _ => Err(ArrayError::Axis { operation: operation.to_owned(), axis, shape: grid.shape_text(), rank }),
    }
}

/// For each axis, whether it is among those named.
pub(crate) fn folded(operation: &str, axes: &Axes, grid: &Grid) -> Built<Vec<bool>> {
    let Some(named) = &axes.axes else { return Ok(vec![true; grid.rank()]) };
    let mut folded = vec![false; grid.rank()];
    for &axis in named {
        let axis = axis_of(operation, axis, grid)?;
        if std::mem::replace(&mut folded[axis], true) {
            return Err(ArrayError::AxisTwice { operation: operation.to_owned(), axis });
        }
    }
    Ok(folded)
}

/// A reduction as a node; `defined` says whether that of no elements is.
pub(crate) fn reduction(
    name: &str,
    node: &NodeRef,
    axes: Axes,
    reducer: Made<dyn AnyReducer>,
    defined: bool,
) -> Built<NodeRef> {
    let folded = folded(name, &axes, &node.grid)?;
    if name.contains("arg") {
        // A place is counted from the beginning, so it has to be known how long everything before is.
        if (0..folded.len()).any(|axis| folded[axis] && !node.grid.axis(axis).is_known()) {
            node.grid.require_known(name)?;
        }
    }
    let empty = |axis: &usize| folded[*axis] && node.grid.axis(*axis).is_known() && node.grid.axis(*axis).len() == 0;
    if !defined && let Some(axis) = (0..folded.len()).find(empty) {
        return Err(ArrayError::Empty { operation: name.to_owned(), axis, shape: node.grid.shape_text() });
    }
    if reducer.output() == node.dtype
        && let Some(planes) = as_planes(name, node, &folded, axes.keepdims)
    {
        return planes;
    }
    let kept = |(axis, &folded): (usize, &bool)| match (folded, axes.keepdims) {
        (true, true) => Some(AxisChunks::whole(1)),
        (true, false) => None,
        (false, _) => Some(node.grid.axis(axis).clone()),
    };
    let grid = Grid::new(folded.iter().enumerate().filter_map(kept).collect::<Vec<_>>());
    let dtype = reducer.output();
    let op = Op::Reduction(Reduction { input: Arc::clone(node), folded, keepdims: axes.keepdims, reducer });
    Ok(bounded(Node::new(name, dtype, grid, op)))
}

/// A reducer without parameters, for the elements of an array.
macro_rules! made {
    ($dtype:expr, $types:ident $reducer:ident) => {
        Made::<dyn AnyReducer>::by($dtype, |&dtype| $types!(dtype, U => Arc::new($reducer::<U>::new())))
    };
}

/// The sums along some axes, in the type of the elements; those of integers wrap around.
pub(crate) fn summed(name: &str, node: &NodeRef, axes: Vec<usize>) -> Built<NodeRef> {
    if axes.is_empty() {
        return Ok(Arc::clone(node));
    }
    let reducer = made!(node.dtype, with_number Sum);
    let sums = reduction(name, node, Axes::from(axes), reducer, true)?;
    if sums.dtype == node.dtype {
        return Ok(sums);
    }
    let cast = Made::<dyn Kernel>::by(node.dtype, |&dtype| {
        with_number!(dtype, U => {
            Arc::new(Map1::<<U as Number>::Sum, U, _>::new("astype", <<U as Number>::Sum as Cast<U>>::cast))
        })
    });
    Node::elementwise(cast, &[&sums])
}

/// A reduction over all axes, and one over some.
macro_rules! reductions {
    ($($(#[$doc:meta])* $all:ident $some:ident: $out:ty = $defined:literal, |$dtype:ident| $reducer:expr;)*) => { $(
        $(#[$doc])*
        /// Of all elements: an array without axes, whose element [`item`](Array::item) gives.
        ///
        /// # Panics
        /// When it is not defined for an array without elements, and there are none.
        #[track_caller]
        pub fn $all(&self) -> Array<$out> {
            self.$some(Axes::all())
        }

        $(#[$doc])*
        /// Along some [`Axes`].
        ///
        /// # Panics
        /// When there is no such axis, or one is named twice; or it is not defined for axes of length 0, and one is.
        #[track_caller]
        pub fn $some(&self, axes: impl Into<Axes>) -> Array<$out> {
            // Not generic, so that it is compiled here and not where it is called.
            fn reducer($dtype: DType) -> Made<dyn AnyReducer> {
                $reducer
            }
            Array::of(built(reduction(stringify!($all), self.node(), axes.into(), reducer(T::DTYPE), $defined)))
        }
    )* };
}

impl<T: Number> Array<T> {
    reductions! {
        /// The sum, in 64 bits for integers. Sums of floats are compensated: their error does not grow with the number of
        /// elements.
        sum sum_axis: T::Sum = true, |dtype| made!(dtype, with_number Sum);
        /// The product, in 64 bits for integers.
        prod prod_axis: T::Sum = true, |dtype| made!(dtype, with_number Product);
        /// The mean; NaN of no elements. `f64` for integers.
        mean mean_axis: T::Mean = true, |dtype| made!(dtype, with_number Mean);
    }
}

/// The variance of real numbers, or its root.
fn spread(dtype: DType, ddof: u32, root: bool, skip_nan: bool) -> Made<dyn AnyReducer> {
    Made::<dyn AnyReducer>::by((dtype, ddof, root, skip_nan), |&(dtype, ddof, root, skip_nan)| {
        with_real!(dtype, U => {
            Arc::new(Variance::<U> { ddof, root, skip_nan, element: PhantomData })
        })
    })
}

impl<T: Number<Mean: Float>> Array<T> {
    reductions! {
        /// The variance: the mean of the squared distances from the mean.
        var var_axis: T::Mean = true, |dtype| spread(dtype, 0, false, false);
        /// The standard deviation: the root of the variance.
        std std_axis: T::Mean = true, |dtype| spread(dtype, 0, true, false);
    }

    /// The variance with a divisor that is smaller by `ddof`: 1 for an estimate from a sample.
    ///
    /// # Panics
    /// As [`var_axis`](Array::var_axis).
    #[track_caller]
    pub fn var_ddof(&self, axes: impl Into<Axes>, ddof: u32) -> Array<T::Mean> {
        Array::of(built(reduction("var", self.node(), axes.into(), spread(T::DTYPE, ddof, false, false), true)))
    }

    /// The standard deviation with a divisor that is smaller by `ddof`: 1 for an estimate from a sample.
    ///
    /// # Panics
    /// As [`std_axis`](Array::std_axis).
    #[track_caller]
    pub fn std_ddof(&self, axes: impl Into<Axes>, ddof: u32) -> Array<T::Mean> {
        Array::of(built(reduction("std", self.node(), axes.into(), spread(T::DTYPE, ddof, true, false), true)))
    }
}

/// Where the smallest or the largest is.
fn position(dtype: DType, largest: bool, skip_nan: bool) -> Made<dyn AnyReducer> {
    Made::<dyn AnyReducer>::by((dtype, largest, skip_nan), |&(dtype, largest, skip_nan)| {
        with_ordered!(dtype, U => {
            Arc::new(Position::<U> { largest, skip_nan, element: PhantomData })
        })
    })
}

impl<T: Ordered> Array<T> {
    reductions! {
        /// The smallest element; NaN if there is one.
        min min_axis: T = false, |dtype| made!(dtype, with_ordered Min);
        /// The largest element; NaN if there is one.
        max max_axis: T = false, |dtype| made!(dtype, with_ordered Max);
        /// The index of the first smallest element, or of the first NaN; over several axes, in row-major order.
        argmin argmin_axis: u64 = false, |dtype| position(dtype, false, false);
        /// The index of the first largest element, or of the first NaN; over several axes, in row-major order.
        argmax argmax_axis: u64 = false, |dtype| position(dtype, true, false);
    }
}

impl<T: Element> Array<T> {
    reductions! {
        /// Whether every element is other than zero, or `true`.
        all all_axis: bool = true, |dtype| made!(dtype, with_type All);
        /// Whether an element is other than zero, or `true`.
        any any_axis: bool = true, |dtype| made!(dtype, with_type Any);
    }

    /// How many elements are other than zero, or `true`.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Array::<i64>::arange(10, 4).gt(6).count().item()?, 3);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn count(&self) -> Array<u64> {
        self.count_axis(Axes::all())
    }

    /// How many elements along some [`Axes`] are other than zero, or `true`.
    ///
    /// # Panics
    /// When there is no such axis, or one is named twice.
    #[track_caller]
    pub fn count_axis(&self, axes: impl Into<Axes>) -> Array<u64> {
        fn nonzero(dtype: DType) -> Made<dyn Kernel> {
            Made::<dyn Kernel>::by(dtype, |&dtype| {
                with_type!(dtype, U => {
                    Arc::new(Map1::<U, u64, _>::new("nonzero", |value: U| u64::from(value != U::default())))
                })
            })
        }
        let kernel = nonzero(T::DTYPE);
        Array::<u64>::of(built(Node::elementwise(kernel, &[self.node()]))).sum_axis(axes)
    }
}

impl Array<bool> {
    /// How many elements are `true`.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Array::<i64>::arange(10, 4).gt(6).sum().item()?, 3);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    #[track_caller]
    pub fn sum(&self) -> Array<i64> {
        self.sum_axis(Axes::all())
    }

    /// How many elements along some [`Axes`] are `true`.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let large = Array::<i64>::arange(10, 4).reshape((2, 5)).gt(3);
    /// assert_eq!(large.sum_axis(1).compute()?.as_slice(), Some(&[1, 5][..]));
    /// assert_eq!(large.mean_axis(1).compute()?.as_slice(), Some(&[0.2, 1.0][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such axis, or one is named twice.
    #[track_caller]
    pub fn sum_axis(&self, axes: impl Into<Axes>) -> Array<i64> {
        self.astype::<i64>().sum_axis(axes)
    }

    /// The share of elements that are `true`; NaN of no elements.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Array::<i64>::arange(10, 4).gt(6).mean().item()?, 0.3);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    #[track_caller]
    pub fn mean(&self) -> Array<f64> {
        self.mean_axis(Axes::all())
    }

    /// The share of elements along some [`Axes`] that are `true`.
    ///
    /// # Panics
    /// When there is no such axis, or one is named twice.
    #[track_caller]
    pub fn mean_axis(&self, axes: impl Into<Axes>) -> Array<f64> {
        self.astype::<f64>().mean_axis(axes)
    }
}

impl<T: Float> Array<T> {
    reductions! {
        /// The mean of what is not NaN; NaN when there is nothing else.
        nanmean nanmean_axis: T = true, |dtype| made!(dtype, with_float NanMean);
        /// The smallest element that is not NaN; NaN when there is nothing else.
        nanmin nanmin_axis: T = false, |dtype| made!(dtype, with_float NanMin);
        /// The largest element that is not NaN; NaN when there is nothing else.
        nanmax nanmax_axis: T = false, |dtype| made!(dtype, with_float NanMax);
        /// The variance of what is not NaN.
        nanvar nanvar_axis: T = true, |dtype| spread(dtype, 0, false, true);
        /// The standard deviation of what is not NaN.
        nanstd nanstd_axis: T = true, |dtype| spread(dtype, 0, true, true);
        /// The index of the first smallest element that is not NaN; 0 when there is nothing else.
        nanargmin nanargmin_axis: u64 = false, |dtype| position(dtype, false, true);
        /// The index of the first largest element that is not NaN; 0 when there is nothing else.
        nanargmax nanargmax_axis: u64 = false, |dtype| position(dtype, true, true);
    }

    /// The sum of what is not NaN.
    pub fn nansum(&self) -> Array<T> {
        self.nansum_axis(Axes::all())
    }

    /// The sum of what is not NaN, along some [`Axes`].
    ///
    /// # Panics
    /// When there is no such axis, or one is named twice.
    #[track_caller]
    pub fn nansum_axis(&self, axes: impl Into<Axes>) -> Array<T> {
        self.fill_nan(T::default()).sum_axis(axes)
    }

    /// The product of what is not NaN.
    pub fn nanprod(&self) -> Array<T> {
        self.nanprod_axis(Axes::all())
    }

    /// The product of what is not NaN, along some [`Axes`].
    ///
    /// # Panics
    /// When there is no such axis, or one is named twice.
    #[track_caller]
    pub fn nanprod_axis(&self, axes: impl Into<Axes>) -> Array<T> {
        self.fill_nan(<T as Element>::one()).prod_axis(axes)
    }
}
