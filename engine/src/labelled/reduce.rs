//! Folding dimensions away, by name.

use super::array::DataArray;
use super::core::{Dims, Labelled, Untyped, typed};
use super::error::{Built, built};
use crate::array::dispatch::{with_float, with_number, with_ordered, with_real, with_type};
use crate::array::{Array, Axes, DType, Element, Float, Number, Ordered};

/// A way to fold. NaNs are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    Sum,
    Prod,
    Mean,
    Min,
    Max,
    Var,
    Std,
    Median,
    Count,
    Any,
    All,
}

impl Fold {
    pub(super) fn name(self) -> &'static str {
        match self {
            Fold::Sum => "sum",
            Fold::Prod => "prod",
            Fold::Mean => "mean",
            Fold::Min => "min",
            Fold::Max => "max",
            Fold::Var => "var",
            Fold::Std => "std",
            Fold::Median => "median",
            Fold::Count => "count",
            Fold::Any => "any",
            Fold::All => "all",
        }
    }
}

pub(super) fn is_float(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F64)
}

/// Where elements are there, as numbers.
pub(super) fn present(data: &Untyped) -> Array<u64> {
    match data.dtype() {
        dtype if is_float(dtype) => {
            with_float!(dtype, T => typed::<_, T>(data).map_elements(|value: T| u64::from(!Number::is_nan(value))))
        }
        dtype => with_type!(dtype, T => typed::<_, T>(data).map_elements(|_: T| 1u64)),
    }
}

/// Elements with zeros, or ones, in the place of NaNs.
pub(super) fn filled(data: &Untyped, one: bool) -> Untyped {
    match data.dtype() {
        dtype if is_float(dtype) => with_float!(dtype, T => {
            let value = if one { <T as Element>::one() } else { T::default() };
            typed(&typed::<_, T>(data).fill_nan(value))
        }),
        _ => data.clone(),
    }
}

/// An array folded along some axes.
pub(super) fn folded(fold: Fold, data: &Untyped, axes: Axes) -> Untyped {
    let dtype = data.dtype();
    let float = is_float(dtype);
    match fold {
        Fold::Sum => with_number!(dtype, T => typed(&typed::<_, T>(&filled(data, false)).sum_axis(axes))),
        Fold::Prod => with_number!(dtype, T => typed(&typed::<_, T>(&filled(data, true)).prod_axis(axes))),
        Fold::Mean if float => with_float!(dtype, T => typed(&typed::<_, T>(data).nanmean_axis(axes))),
        Fold::Mean => with_number!(dtype, T => typed(&typed::<_, T>(data).mean_axis(axes))),
        Fold::Min if float => with_float!(dtype, T => typed(&typed::<_, T>(data).nanmin_axis(axes))),
        Fold::Min => with_ordered!(dtype, T => typed(&typed::<_, T>(data).min_axis(axes))),
        Fold::Max if float => with_float!(dtype, T => typed(&typed::<_, T>(data).nanmax_axis(axes))),
        Fold::Max => with_ordered!(dtype, T => typed(&typed::<_, T>(data).max_axis(axes))),
        Fold::Var if float => with_float!(dtype, T => typed(&typed::<_, T>(data).nanvar_axis(axes))),
        Fold::Std if float => with_float!(dtype, T => typed(&typed::<_, T>(data).nanstd_axis(axes))),
        Fold::Var => with_real!(dtype, T => typed(&typed::<_, T>(data).var_axis(axes))),
        Fold::Std => with_real!(dtype, T => typed(&typed::<_, T>(data).std_axis(axes))),
        Fold::Median if float => with_float!(dtype, T => typed(&typed::<_, T>(data).nanmedian_axis(axes))),
        Fold::Median => with_real!(dtype, T => typed(&typed::<_, T>(data).median_axis(axes))),
        Fold::Count => typed(&present(data).sum_axis(axes)),
        Fold::Any => with_type!(dtype, T => typed(&typed::<_, T>(data).any_axis(axes))),
        Fold::All => with_type!(dtype, T => typed(&typed::<_, T>(data).all_axis(axes))),
    }
}

impl Labelled {
    pub(super) fn reduced(&self, fold: Fold, dims: &Dims) -> Built<Labelled> {
        let axes = dims.axes(fold.name(), self)?;
        let gone: Vec<String> = axes.iter().map(|&axis| self.dims[axis].clone()).collect();
        let mut result = self.clone();
        result.data = folded(fold, &self.data, Axes::from(axes));
        result.dims.retain(|dim| !gone.contains(dim));
        result.without(&gone);
        Ok(result)
    }
}

/// Methods that fold dimensions, and give elements of some type.
macro_rules! reductions {
    ($($(#[$doc:meta])* $method:ident: $out:ty = $fold:expr;)*) => { $(
        $(#[$doc])*
        ///
        /// # Panics
        /// When there is no such dimension, or one is named twice.
        #[track_caller]
        pub fn $method(&self, dims: impl Into<Dims>) -> DataArray<$out> {
            DataArray::of(built(self.inner.reduced($fold, &dims.into())))
        }
    )* };
}

impl<T: Number> DataArray<T> {
    reductions! {
        /// The sums along some dimensions: `"time"`, `["lat", "lon"]`, or `..` for all. NaNs are left out.
        sum: T::Sum = Fold::Sum;
        /// The products along some dimensions, without NaNs.
        prod: T::Sum = Fold::Prod;
        /// The means along some dimensions, without NaNs; NaN where there is nothing else.
        ///
        /// ```
        /// use taskloom::prelude::*;
        /// let t = DataArray::new(Array::<f64>::ones((4, 3, 2), 2), ["time", "lat", "lon"]);
        /// assert_eq!(t.mean("time").dims(), ["lat", "lon"]);
        /// assert_eq!(t.mean(["lat", "lon"]).shape(), [4]);
        /// assert_eq!(t.mean(..).item()?, 1.0);
        /// # Ok::<(), taskloom::Error>(())
        /// ```
        mean: T::Mean = Fold::Mean;
    }
}

impl<T: Number<Mean: Float>> DataArray<T> {
    reductions! {
        /// The variances along some dimensions, without NaNs.
        var: T::Mean = Fold::Var;
        /// The standard deviations along some dimensions, without NaNs.
        std: T::Mean = Fold::Std;
    }
}

impl<T: Number<Mean: Float> + Ordered> DataArray<T> {
    reductions! {
        /// The medians along some dimensions, without NaNs. All elements of the dimensions are in memory together.
        median: T::Mean = Fold::Median;
    }
}

impl<T: Ordered> DataArray<T> {
    reductions! {
        /// The smallest elements along some dimensions, without NaNs.
        min: T = Fold::Min;
        /// The largest elements along some dimensions, without NaNs.
        max: T = Fold::Max;
    }
}

impl<T: Element> DataArray<T> {
    reductions! {
        /// How many elements along some dimensions are there: not NaN.
        count: u64 = Fold::Count;
        /// Whether an element along some dimensions is `true`, or other than zero.
        any: bool = Fold::Any;
        /// Whether all elements along some dimensions are `true`, or other than zero.
        all: bool = Fold::All;
    }
}
