//! Moving windows.

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use super::array::DataArray;
use super::core::{Labelled, Untyped, typed};
use super::error::{LabelError, built};
use super::reduce::{Fold, is_float};
use crate::array::dispatch::{with_float, with_real};
use crate::array::{Array, Boundary, Cast, Float, Number};

/// So many lanes are worked on together, so that memory is read in its order.
const LANES: usize = 64;

/// What is known of the elements of a window: as little as the result needs.
trait State: Copy {
    const NOTHING: Self;
    /// Of one element, which is no NaN.
    fn of(value: f64) -> Self;
    /// Of both together.
    fn and(self, other: Self) -> Self;
    fn count(self) -> u32;
    fn result(self, fold: Fold) -> f64;
}

#[derive(Clone, Copy)]
struct Total {
    count: u32,
    sum: f64,
}

impl State for Total {
    const NOTHING: Self = Total { count: 0, sum: 0.0 };
    fn of(value: f64) -> Self {
        Total { count: 1, sum: value }
    }
    fn and(self, other: Self) -> Self {
        Total { count: self.count + other.count, sum: self.sum + other.sum }
    }
    fn count(self) -> u32 {
        self.count
    }
    fn result(self, fold: Fold) -> f64 {
        match fold {
            Fold::Sum => self.sum,
            _ if self.count == 0 => f64::NAN,
            _ => self.sum / f64::from(self.count),
        }
    }
}

#[derive(Clone, Copy)]
struct Extremes {
    count: u32,
    low: f64,
    high: f64,
}

impl State for Extremes {
    const NOTHING: Self = Extremes { count: 0, low: f64::INFINITY, high: f64::NEG_INFINITY };
    fn of(value: f64) -> Self {
        Extremes { count: 1, low: value, high: value }
    }
    fn and(self, other: Self) -> Self {
        let (low, high) = (self.low.min(other.low), self.high.max(other.high));
        Extremes { count: self.count + other.count, low, high }
    }
    fn count(self) -> u32 {
        self.count
    }
    fn result(self, fold: Fold) -> f64 {
        match fold {
            _ if self.count == 0 => f64::NAN,
            Fold::Min => self.low,
            _ => self.high,
        }
    }
}

#[derive(Clone, Copy)]
struct Spread {
    count: u32,
    mean: f64,
    /// The sum of the squared distances from the mean.
    spread: f64,
}

impl State for Spread {
    const NOTHING: Self = Spread { count: 0, mean: 0.0, spread: 0.0 };
    fn of(value: f64) -> Self {
        Spread { count: 1, mean: value, spread: 0.0 }
    }
    /// By the formulas of Chan, Golub and LeVeque (1979).
    fn and(self, other: Self) -> Self {
        let count = self.count + other.count;
        if count == 0 {
            return self;
        }
        let (mine, theirs) = (f64::from(self.count), f64::from(other.count));
        let (apart, part) = (other.mean - self.mean, theirs / f64::from(count));
        let spread = self.spread + other.spread + apart * apart * mine * part;
        Spread { count, mean: self.mean + apart * part, spread }
    }
    fn count(self) -> u32 {
        self.count
    }
    fn result(self, fold: Fold) -> f64 {
        let variance = self.spread / f64::from(self.count);
        if fold == Fold::Std { variance.sqrt() } else { variance }
    }
}

/// A window of elements before and after each one.
#[derive(Debug, Clone, Copy)]
struct Window {
    axis: usize,
    before: usize,
    after: usize,
    least: u32,
}

/// Folds the windows of a block; those that reach beyond it see less.
///
/// The axis is cut in stretches as long as the window. A window is the end of one and the beginning of the next, and both
/// are known from running over each stretch once in each direction (M. van Herk, 1992): the work does not depend on how
/// long the window is, and nothing is ever subtracted.
fn rolled<T: Float, S: State>(block: ArrayViewD<'_, T>, window: Window, fold: Fold) -> ArrayD<T> {
    let shape = block.shape().to_vec();
    let block = block.as_standard_layout();
    let values = block.as_slice().unwrap_or_default();
    let Window { axis, before, after, least } = window;
    let (len, width) = (shape[axis], before + after + 1);
    let inner: usize = shape[axis + 1..].iter().product();
    let outer: usize = shape[..axis].iter().product();
    let mut result = ArrayD::<T>::zeros(IxDyn(&shape));
    let out = result.as_slice_mut().unwrap_or_default();
    // Nothing is before the first element, and after the last.
    let padded = (len + before + after).next_multiple_of(width);
    let mut heads = vec![S::NOTHING; padded * LANES.min(inner.max(1))];
    let mut tails = heads.clone();
    for outer in 0..outer {
        for first in (0..inner).step_by(LANES) {
            let lanes = LANES.min(inner - first);
            let element = |at: usize, lane: usize| {
                let value = match at.checked_sub(before).filter(|&at| at < len) {
                    Some(at) => values[(outer * len + at) * inner + first + lane].to_f64(),
                    None => f64::NAN,
                };
                if value.is_nan() { S::NOTHING } else { S::of(value) }
            };
            for at in 0..padded {
                for lane in 0..lanes {
                    let state = element(at, lane);
                    heads[at * lanes + lane] =
                        if at % width == 0 { state } else { heads[(at - 1) * lanes + lane].and(state) };
                }
            }
            for at in (0..padded).rev() {
                for lane in 0..lanes {
                    let state = element(at, lane);
                    tails[at * lanes + lane] =
                        if (at + 1) % width == 0 { state } else { state.and(tails[(at + 1) * lanes + lane]) };
                }
            }
            for at in 0..len {
                for lane in 0..lanes {
                    let (start, end) = (at, at + width - 1);
                    let state = match start % width {
                        0 => tails[start * lanes + lane],
                        _ => tails[start * lanes + lane].and(heads[end * lanes + lane]),
                    };
                    out[(outer * len + at) * inner + first + lane] =
                        T::from_f64(if state.count() < least { f64::NAN } else { state.result(fold) });
                }
            }
        }
    }
    result
}

fn rolled_by<T: Float>(fold: Fold) -> fn(ArrayViewD<'_, T>, Window, Fold) -> ArrayD<T> {
    match fold {
        Fold::Sum | Fold::Mean => rolled::<T, Total>,
        Fold::Min | Fold::Max => rolled::<T, Extremes>,
        _ => rolled::<T, Spread>,
    }
}

/// Windows that move along a dimension, from [`rolling`](DataArray::rolling).
#[derive(Clone)]
pub struct Rolling<T> {
    inner: Labelled,
    window: Window,
    width: usize,
    element: std::marker::PhantomData<fn() -> T>,
}

impl<T> std::fmt::Debug for Rolling<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rolling({} = {})", self.inner.dims[self.window.axis], self.width)
    }
}

/// Not generic, so that it is compiled here and not where it is called.
fn rolling(of: &Labelled, window: Window, fold: Fold) -> Labelled {
    let mut depth = vec![(0, 0); of.dims.len()];
    depth[window.axis] = (window.before, window.after);
    let data: Untyped = match of.dtype() {
        dtype if is_float(dtype) => with_float!(dtype, F => {
            let values = typed::<_, F>(&of.data);
            let roll = rolled_by::<F>(fold);
            typed(&values.map_overlap(depth, Boundary::None, move |block| roll(block, window, fold)))
        }),
        dtype => {
            let values: Array<f64> =
                with_real!(dtype, R => typed::<_, R>(&of.data).map_elements(|value: R| Cast::<f64>::cast(value)));
            let roll = rolled_by::<f64>(fold);
            typed(&values.map_overlap(depth, Boundary::None, move |block| roll(block, window, fold)))
        }
    };
    of.with_data(&data)
}

impl<T> DataArray<T> {
    /// Windows of so many elements that move along a dimension, each ending with its element; [`center`](Rolling::center)
    /// puts the element in the middle. A window with NaN in it, or that reaches beyond the array, has no result: NaN, unless
    /// [`min_periods`](Rolling::min_periods) says otherwise.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let t = DataArray::new(Array::<f64>::arange(5, 2), ["time"]);
    /// let means = t.rolling("time", 3).center().mean();
    /// assert_eq!(means.isel("time", 1..4).compute()?.as_slice(), Some(&[1.0, 2.0, 3.0][..]));
    /// assert!(means.isel("time", 0).item()?.is_nan());
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such dimension, or the window is 0 or longer than it.
    #[track_caller]
    pub fn rolling(&self, dim: &str, width: usize) -> Rolling<T> {
        let axis = built(self.inner.axis("rolling", dim));
        let len = self.inner.len(axis);
        if width == 0 || width > len.max(1) {
            let why = format!("a window of {width} along `{dim}`, which has length {len}");
            built::<()>(Err(LabelError::parameter("rolling", why)));
        }
        let window = Window { axis, before: width - 1, after: 0, least: u32::try_from(width).unwrap_or(u32::MAX) };
        Rolling { inner: self.inner.clone(), window, width, element: std::marker::PhantomData }
    }
}

impl<T> Rolling<T> {
    /// The element in the middle of its window; of a window of 4, two are before and one after.
    pub fn center(mut self) -> Rolling<T> {
        self.window.before = self.width / 2;
        self.window.after = self.width - 1 - self.width / 2;
        self
    }

    /// How many elements that are not NaN a window needs; all of them where this is not said.
    pub fn min_periods(mut self, least: usize) -> Rolling<T> {
        self.window.least = u32::try_from(least).unwrap_or(u32::MAX);
        self
    }
}

macro_rules! window_folds {
    ($($(#[$doc:meta])* $method:ident = $fold:expr;)*) => { $(
        $(#[$doc])*
        pub fn $method(&self) -> DataArray<T::Mean> {
            DataArray::of(rolling(&self.inner, self.window, $fold))
        }
    )* };
}

impl<T: Number<Mean: Float> + crate::array::Ordered> Rolling<T> {
    window_folds! {
        /// The sum of each window.
        sum = Fold::Sum;
        /// The mean of each window.
        mean = Fold::Mean;
        /// The smallest element of each window.
        min = Fold::Min;
        /// The largest element of each window.
        max = Fold::Max;
        /// The variance of each window.
        var = Fold::Var;
        /// The standard deviation of each window.
        std = Fold::Std;
    }
}
