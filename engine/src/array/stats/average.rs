//! Weighted means, and how variables go together.

use crate::array::Array;
use crate::array::element::{Float, Number, Ordered};
use crate::array::error::{ArrayError, built};
use crate::array::reduce::Axes;

impl<T: Number + Ordered> Array<T> {
    /// The largest element less the smallest.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Array::from_vec(vec![4, 9, 2], 2).ptp().item()?, 7);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there are no elements.
    #[track_caller]
    pub fn ptp(&self) -> Array<T> {
        self.ptp_axis(Axes::all())
    }

    /// The largest element along some [`Axes`] less the smallest.
    ///
    /// # Panics
    /// When there is no such axis, one is named twice, or one has length 0.
    #[track_caller]
    pub fn ptp_axis(&self, axes: impl Into<Axes>) -> Array<T> {
        let axes: Axes = axes.into();
        self.max_axis(axes.clone()) - self.min_axis(axes)
    }
}

impl<T: Float> Array<T> {
    /// The mean of all elements, each with its weight. NaN when the weights add up to 0.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::from_vec(vec![1.0, 2.0, 6.0], 2);
    /// assert_eq!(x.average(&Array::from_vec(vec![1.0, 2.0, 1.0], 2)).item()?, 2.75);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the weights do not broadcast to the array.
    #[track_caller]
    pub fn average(&self, weights: &Array<T>) -> Array<T> {
        self.average_axis(weights, Axes::all())
    }

    /// The mean along some [`Axes`], each element with its weight. The weights broadcast to the array, or they are as many
    /// as the one axis is long.
    ///
    /// # Panics
    /// When there is no such axis, one is named twice, or the weights do not fit.
    #[track_caller]
    pub fn average_axis(&self, weights: &Array<T>, axes: impl Into<Axes>) -> Array<T> {
        let axes: Axes = axes.into();
        let grid = &self.node().grid;
        let order = built(axes.in_order("average", grid));
        let mut weights = weights.clone();
        // One weight for each place of the axis.
        if let ([axis], 1) = (&order[..], weights.ndim()) {
            for _ in axis + 1..grid.rank() {
                weights = weights.expand_dims(-1);
            }
        }
        if weights.ndim() > grid.rank() {
            let why = format!("the weights have shape {}, with more axes", weights.node().grid.shape_text());
            built::<()>(Err(ArrayError::Shape { operation: "average".into(), why, shape: grid.shape_text() }));
        }
        // Where there is no other number than the weight's own, it counts as often as it is broadcast.
        let spread = self.zip_with(&weights, |_, weight| weight);
        let same = |one: &Array<T>| one.node().grid.shape() == grid.shape();
        if !same(&spread) {
            let why = format!("the weights, of shape {}, are for a larger array", weights.node().grid.shape_text());
            built::<()>(Err(ArrayError::Shape { operation: "average".into(), why, shape: grid.shape_text() }));
        }
        (self * &weights).sum_axis(axes.clone()) / spread.sum_axis(axes)
    }

    /// The covariances of variables: each row is one, each column an observation. With the divisor for an estimate from a
    /// sample, one less than there are observations.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::from_ndarray(ndarray::array![[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]], 2);
    /// assert_eq!(x.cov().compute()?, ndarray::array![[1.0, -1.0], [-1.0, 1.0]].into_dyn());
    /// # use taskloom::ndarray;
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there are more than two axes, or none, or a length is not known.
    #[track_caller]
    pub fn cov(&self) -> Array<T> {
        self.cov_ddof(1)
    }

    /// As [`cov`](Array::cov), with a divisor that is smaller than the number of observations by `ddof`.
    ///
    /// # Panics
    /// As [`cov`](Array::cov).
    #[track_caller]
    pub fn cov_ddof(&self, ddof: u32) -> Array<T> {
        let grid = &self.node().grid;
        built(grid.require_known("cov"));
        if !(1..=2).contains(&grid.rank()) {
            let why = "it is for rows of observations".to_owned();
            built::<()>(Err(ArrayError::Shape { operation: "cov".into(), why, shape: grid.shape_text() }));
        }
        if grid.rank() == 1 {
            return self.var_ddof(Axes::all(), ddof);
        }
        let count = grid.axis(1).len();
        let centred = self - self.mean_axis(Axes::from(1).keepdims());
        let divisor = T::from_f64(count as f64 - f64::from(ddof));
        centred.matmul(&centred.t()) / divisor
    }

    /// The coefficients of correlation of variables: each row is one, each column an observation.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::random((3, 1000), 300).seed(1).normal(0.0, 1.0);
    /// let r = x.corrcoef().compute()?;
    /// assert!((r[[1, 1]] - 1.0).abs() < 1e-12 && r[[0, 1]].abs() < 0.2);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there are more than two axes, or none, or a length is not known.
    #[track_caller]
    pub fn corrcoef(&self) -> Array<T> {
        let covariances = self.cov();
        if covariances.ndim() == 0 {
            // One variable goes with itself, if it varies.
            let (one, none) = (T::from_f64(1.0), T::from_f64(f64::NAN));
            return covariances.map_elements(move |variance| if variance > T::default() { one } else { none });
        }
        let deviations = covariances.diagonal(0).sqrt();
        let (rows, columns) = (deviations.expand_dims(1), deviations.expand_dims(0));
        let one = T::from_f64(1.0);
        // Rounding must not lead beyond what a correlation can be.
        (covariances / rows / columns).map_elements(move |r| {
            if r > one {
                one
            } else if r < -one {
                -one
            } else {
                r
            }
        })
    }
}
