//! Moving windows, and windows side by side.

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use super::array::DataArray;
use super::core::{Coord, Labelled, Untyped, typed};
use super::error::{Built, LabelError, built};
use super::reduce::{Fold, folded, is_float};
use crate::array::dispatch::{with_float, with_real};
use crate::array::{Array, Boundary, Cast, Element, Float, Number};

/// So many lanes are worked on together, so that memory is read in its order.
const LANES: usize = 64;

/// What is known of the elements of a window.
#[derive(Debug, Clone, Copy)]
struct State {
    count: u32,
    mean: f64,
    /// The sum of the squared distances from the mean.
    spread: f64,
    sum: f64,
    low: f64,
    high: f64,
}

const NOTHING: State =
    State { count: 0, mean: 0.0, spread: 0.0, sum: 0.0, low: f64::INFINITY, high: f64::NEG_INFINITY };

impl State {
    fn of(value: f64) -> State {
        match value.is_nan() {
            true => NOTHING,
            false => State { count: 1, mean: value, spread: 0.0, sum: value, low: value, high: value },
        }
    }

    /// Both together, by the formulas of Chan, Golub and LeVeque (1979).
    fn and(self, other: State) -> State {
        if self.count == 0 {
            return other;
        }
        if other.count == 0 {
            return self;
        }
        let count = self.count + other.count;
        let (mine, theirs) = (f64::from(self.count), f64::from(other.count));
        let apart = other.mean - self.mean;
        let total = f64::from(count);
        State {
            count,
            mean: self.mean + apart * theirs / total,
            spread: self.spread + other.spread + apart * apart * mine * theirs / total,
            sum: self.sum + other.sum,
            low: self.low.min(other.low),
            high: self.high.max(other.high),
        }
    }

    fn result(&self, fold: Fold, least: u32) -> f64 {
        if self.count < least || (self.count == 0 && fold != Fold::Sum) {
            return f64::NAN;
        }
        let count = f64::from(self.count);
        match fold {
            Fold::Sum => self.sum,
            Fold::Mean => self.sum / count,
            Fold::Min => self.low,
            Fold::Max => self.high,
            Fold::Var => self.spread / count,
            Fold::Std => (self.spread / count).sqrt(),
            _ => unreachable!("windows are folded in these ways"),
        }
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
fn rolled<T: Float>(block: ArrayViewD<'_, T>, window: Window, fold: Fold) -> ArrayD<T> {
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
    let mut heads = vec![NOTHING; padded * LANES.min(inner.max(1))];
    let mut tails = heads.clone();
    for outer in 0..outer {
        for first in (0..inner).step_by(LANES) {
            let lanes = LANES.min(inner - first);
            let element = |at: usize, lane: usize| match at.checked_sub(before).filter(|&at| at < len) {
                Some(at) => State::of(values[(outer * len + at) * inner + first + lane].to_f64()),
                None => NOTHING,
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
                    out[(outer * len + at) * inner + first + lane] = T::from_f64(state.result(fold, least));
                }
            }
        }
    }
    result
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
            typed(&values.map_overlap(depth, Boundary::None, move |block| rolled::<F>(block, window, fold)))
        }),
        dtype => {
            let values: Array<f64> =
                with_real!(dtype, R => typed::<_, R>(&of.data).map_elements(|value: R| Cast::<f64>::cast(value)));
            typed(&values.map_overlap(depth, Boundary::None, move |block| rolled::<f64>(block, window, fold)))
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

    /// Windows of so many elements side by side, each of which becomes one.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let t = DataArray::new(Array::<f64>::arange(7, 2), ["x"]).assign_coords("x", [0, 1, 2, 3, 4, 5, 6]);
    /// let coarse = t.coarsen([("x", 3)]).trim().mean();
    /// assert_eq!(coarse.compute()?.as_slice(), Some(&[1.0, 4.0][..]));
    /// assert_eq!(coarse.coord("x").labels().text(1), "4.0");
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such dimension, or a window is 0.
    #[track_caller]
    pub fn coarsen<'a>(&self, windows: impl IntoIterator<Item = (&'a str, usize)>) -> Coarsen<T> {
        let mut widths = vec![1; self.inner.dims.len()];
        for (dim, width) in windows {
            let axis = built(self.inner.axis("coarsen", dim));
            if width == 0 {
                built::<()>(Err(LabelError::parameter("coarsen", format!("a window of 0 along `{dim}`"))));
            }
            widths[axis] = width;
        }
        Coarsen { inner: self.inner.clone(), widths, trim: false, element: std::marker::PhantomData }
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

/// Windows side by side, from [`coarsen`](DataArray::coarsen).
#[derive(Clone)]
pub struct Coarsen<T> {
    inner: Labelled,
    widths: Vec<usize>,
    trim: bool,
    element: std::marker::PhantomData<fn() -> T>,
}

impl<T> std::fmt::Debug for Coarsen<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Coarsen({:?} of {:?})", self.widths, self.inner.dims)
    }
}

fn coarsened(of: &Labelled, widths: &[usize], trim: bool, fold: Fold) -> Built<Labelled> {
    for (axis, &width) in widths.iter().enumerate() {
        let len = of.len(axis);
        if !len.is_multiple_of(width) && !trim {
            let why = format!(
                "{width} does not divide the length of `{}`, {len}; `.trim()` leaves out the rest",
                of.dims[axis]
            );
            return Err(LabelError::parameter("coarsen", why));
        }
    }
    let data = of.data.coarsen(|windows, axes| folded(fold, windows, axes), widths, trim);
    let mut result = of.with_data(&data);
    for coord in &mut result.coords {
        let axis = coord.dim.as_ref().and_then(|dim| of.dims.iter().position(|own| own == dim));
        if let Some(width) = axis.map(|axis| widths[axis]).filter(|&width| width > 1) {
            *coord = Coord { labels: coord.labels.coarsened(width), ..coord.clone() };
        }
    }
    Ok(result)
}

macro_rules! coarsen_folds {
    ($($(#[$doc:meta])* $method:ident: $out:ty = $fold:expr;)*) => { $(
        $(#[$doc])*
        ///
        /// # Panics
        /// When a window does not divide the length of its dimension, and [`trim`](Coarsen::trim) was not said.
        #[track_caller]
        pub fn $method(&self) -> DataArray<$out> {
            DataArray::of(built(coarsened(&self.inner, &self.widths, self.trim, $fold)))
        }
    )* };
}

impl<T> Coarsen<T> {
    /// Elements at the end that fill no window are left out; otherwise there may be none.
    pub fn trim(mut self) -> Coarsen<T> {
        self.trim = true;
        self
    }
}

impl<T: Number> Coarsen<T> {
    coarsen_folds! {
        /// The sum of each window, without NaNs.
        sum: T::Sum = Fold::Sum;
        /// The mean of each window, without NaNs.
        mean: T::Mean = Fold::Mean;
    }
}

impl<T: Number<Mean: Float>> Coarsen<T> {
    coarsen_folds! {
        /// The standard deviation of each window, without NaNs.
        std: T::Mean = Fold::Std;
    }
}

impl<T: crate::array::Ordered> Coarsen<T> {
    coarsen_folds! {
        /// The smallest element of each window, without NaNs.
        min: T = Fold::Min;
        /// The largest element of each window, without NaNs.
        max: T = Fold::Max;
    }
}

impl<T: Element> Coarsen<T> {
    coarsen_folds! {
        /// How many elements of each window are there: not NaN.
        count: u64 = Fold::Count;
    }
}
