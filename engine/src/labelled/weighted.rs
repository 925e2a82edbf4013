//! Sums and means with weights.

use super::arithmetic::combined;
use super::array::DataArray;
use super::core::Dims;
use super::error::{LabelError, built};
use crate::array::Float;

/// An array whose elements count as much as their weights say, from [`weighted`](DataArray::weighted).
#[derive(Debug, Clone)]
pub struct Weighted<T> {
    values: DataArray<T>,
    weights: DataArray<T>,
}

impl<T: Float> DataArray<T> {
    /// Elements that count as much as `weights` say, whose dimensions are some of the array's. What is NaN counts nothing.
    ///
    /// On a grid of latitudes and longitudes, cells are smaller towards the poles: the mean temperature of the sea is
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let t = DataArray::new(Array::<f64>::from_vec(vec![20.0, 20.0, f64::NAN, 0.0], 2).reshape((2, 2)), ["lat", "lon"])
    ///     .assign_coords("lat", [0.0, 60.0]);
    /// let weights = t.coord_array("lat").to_radians().cos();
    /// let mean = t.weighted(&weights).mean(["lat", "lon"]).item()?;
    /// assert!((mean - 40.0 / 2.5).abs() < 1e-12);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When a dimension of the weights is none of the array's.
    #[track_caller]
    pub fn weighted(&self, weights: &DataArray<T>) -> Weighted<T> {
        for dim in &weights.inner.dims {
            if !self.inner.dims.contains(dim) {
                built::<()>(Err(LabelError::unknown("weighted", "dimension", dim, &self.inner.names())));
            }
        }
        let mut weights = weights.clone();
        // The weights say nothing of what the values are.
        weights.inner.attrs.clear();
        weights.inner.name.clone_from(&self.inner.name);
        Weighted { values: self.clone(), weights }
    }
}

impl<T: Float> Weighted<T> {
    /// Weights where there are values, and zeros elsewhere.
    #[track_caller]
    fn counted(&self) -> DataArray<T> {
        combined("weighted", &self.values, &self.weights, |values, weights| {
            values.is_nan().where_(T::default(), weights)
        })
    }

    #[track_caller]
    fn products(&self) -> DataArray<T> {
        combined("weighted", &self.values, &self.weights, |values, weights| values * weights)
    }

    /// The sums of values times weights along some dimensions.
    ///
    /// # Panics
    /// When there is no such dimension, or one is named twice.
    #[track_caller]
    pub fn sum(&self, dims: impl Into<Dims>) -> DataArray<T> {
        self.products().sum(dims)
    }

    /// The sums of the weights of values along some dimensions; NaN where that is 0.
    ///
    /// # Panics
    /// When there is no such dimension, or one is named twice.
    #[track_caller]
    pub fn sum_of_weights(&self, dims: impl Into<Dims>) -> DataArray<T> {
        let sums = self.counted().sum(dims);
        let there = sums.ne(T::default());
        sums.where_(&there)
    }

    /// The weighted means along some dimensions; NaN where there are no values.
    ///
    /// # Panics
    /// When there is no such dimension, or one is named twice.
    #[track_caller]
    pub fn mean(&self, dims: impl Into<Dims>) -> DataArray<T> {
        let dims = dims.into();
        self.sum(dims.clone()) / self.sum_of_weights(dims)
    }

    /// The weighted variances along some dimensions.
    ///
    /// # Panics
    /// When there is no such dimension, or one is named twice.
    #[track_caller]
    pub fn var(&self, dims: impl Into<Dims>) -> DataArray<T> {
        let dims = dims.into();
        let apart = &self.values - &self.mean(dims.clone());
        let squares = Weighted { values: apart.map(|apart| apart.square()), weights: self.weights.clone() };
        squares.mean(dims)
    }

    /// The weighted standard deviations along some dimensions.
    ///
    /// # Panics
    /// When there is no such dimension, or one is named twice.
    #[track_caller]
    pub fn std(&self, dims: impl Into<Dims>) -> DataArray<T> {
        self.var(dims).sqrt()
    }
}
