//! The frequencies of transforms, and their order.

use ndarray::s;

use crate::array::Array;
use crate::array::chunks::Chunking;
use crate::array::element::{Element, Float};
use crate::array::error::{ArrayError, built};
use crate::array::reduce::{Axes, axis_of};

impl<T: Float> Array<T> {
    /// The frequencies of the elements of a transform of `len` samples that are `spacing` apart: from 0 up, then the
    /// negative ones.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Array::fftfreq(4, 0.5, "auto").compute()?.as_slice(), Some(&[0.0, 0.5, -1.0, -0.5][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the chunks do not fit to the length, or the spacing is 0.
    #[track_caller]
    pub fn fftfreq(len: usize, spacing: T, chunks: impl Into<Chunking>) -> Array<T> {
        require_spacing("fftfreq", spacing);
        let scale = len as f64 * spacing.to_f64();
        Array::from_fn(len, chunks, move |at| {
            let place = at[0] as f64;
            T::from_f64(if 2 * at[0] < len + len % 2 { place / scale } else { (place - len as f64) / scale })
        })
    }

    /// The frequencies of the elements of an [`rfft`](Array::rfft) of `len` samples that are `spacing` apart.
    ///
    /// # Panics
    /// When the chunks do not fit to the length, or the spacing is 0.
    #[track_caller]
    pub fn rfftfreq(len: usize, spacing: T, chunks: impl Into<Chunking>) -> Array<T> {
        require_spacing("rfftfreq", spacing);
        let scale = len as f64 * spacing.to_f64();
        Array::from_fn(len / 2 + 1, chunks, move |at| T::from_f64(at[0] as f64 / scale))
    }
}

#[track_caller]
fn require_spacing<T: Float>(operation: &str, spacing: T) {
    if spacing == T::default() {
        let why = "samples that are 0 apart have no frequencies".to_owned();
        built::<()>(Err(ArrayError::Parameter { operation: operation.to_owned(), why }));
    }
}

impl<T: Element> Array<T> {
    /// The halves of some [`Axes`] exchanged, so that frequency 0 comes to stand in the middle.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::fftfreq(5, 0.2, 2).fftshift(0);
    /// assert_eq!(x.compute()?.as_slice(), Some(&[-2.0, -1.0, 0.0, 1.0, 2.0][..]));
    /// assert_eq!(x.ifftshift(0).compute()?[0], 0.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such axis, or a length is not known.
    #[track_caller]
    pub fn fftshift(&self, axes: impl Into<Axes>) -> Array<T> {
        self.halves_exchanged("fftshift", axes.into(), |len| len.div_ceil(2))
    }

    /// The inverse of [`fftshift`](Array::fftshift): for odd lengths it is not the same.
    ///
    /// # Panics
    /// As [`fftshift`](Array::fftshift).
    #[track_caller]
    pub fn ifftshift(&self, axes: impl Into<Axes>) -> Array<T> {
        self.halves_exchanged("ifftshift", axes.into(), |len| len / 2)
    }

    #[track_caller]
    fn halves_exchanged(&self, operation: &str, axes: Axes, first: impl Fn(usize) -> usize) -> Array<T> {
        built(self.node().grid.require_known(operation));
        let mut shifted = self.clone();
        for axis in built(axes.in_order(operation, &self.node().grid)) {
            let axis = built(axis_of(operation, axis as isize, &self.node().grid));
            let len = shifted.shape()[axis];
            let middle = first(len);
            if middle == 0 || middle == len {
                continue;
            }
            // The axis that is cut comes first, so that the slices can be written down.
            let turned = shifted.swap_axes(0, axis as isize);
            let parts = [turned.slice(s![middle..]), turned.slice(s![..middle])];
            shifted = Array::concatenate(&parts, 0).swap_axes(0, axis as isize);
        }
        shifted
    }
}
