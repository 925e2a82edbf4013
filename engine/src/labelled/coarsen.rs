//! Windows side by side.

use super::array::DataArray;
use super::core::{Coord, Labelled};
use super::error::{Built, LabelError, built};
use super::reduce::{Fold, folded};
use crate::array::{Element, Float, Number};

impl<T> DataArray<T> {
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
