//! Folding all arrays of a dataset.

use super::core::{Dims, Labelled, typed};
use super::dataset::Dataset;
use super::error::{Built, built};
use super::group::Groups;
use super::reduce::Fold;
use crate::array::DType;

impl Dataset {
    fn reduced(&self, fold: Fold, dims: &Dims) -> Built<Dataset> {
        for dim in dims.named().unwrap_or_default() {
            self.known_dim(fold.name(), dim)?;
        }
        self.each(
            |_| true,
            |var| {
                let own = match dims.named() {
                    None => dims.clone(),
                    Some(named) => {
                        let own: Vec<&String> = named.iter().filter(|dim| var.dims.contains(dim)).collect();
                        Dims::from(own)
                    }
                };
                if own.named().is_some_and(<[String]>::is_empty) {
                    Ok(var.clone())
                } else {
                    countable(var, fold).reduced(fold, &own)
                }
            },
        )
    }

    /// Groups of elements along a dimension: see [`DataArray::groupby`].
    ///
    /// # Panics
    /// When there is no such coordinate, or it has no times to take a part of.
    #[track_caller]
    pub fn groupby(&self, what: &str) -> DatasetGroups {
        let coord = what.split_once('.').map_or(what, |(coord, _)| coord);
        let coord = self.coord(if self.coords.iter().any(|known| known.name == what) { what } else { coord });
        let dim = coord.dim.clone().unwrap_or_default();
        DatasetGroups { dataset: self.clone(), dim, what: What::By(what.to_owned()) }
    }

    /// Stretches of time one after the other: see [`DataArray::resample`].
    ///
    /// # Panics
    /// When there is no such dimension.
    #[track_caller]
    pub fn resample(&self, dim: &str, step: &str) -> DatasetGroups {
        built(self.known_dim("resample", dim));
        DatasetGroups { dataset: self.clone(), dim: dim.to_owned(), what: What::Steps(step.to_owned()) }
    }
}

/// `bool` counts as numbers.
fn countable(var: &Labelled, fold: Fold) -> Labelled {
    match (var.dtype(), fold) {
        (DType::Bool, Fold::Any | Fold::All | Fold::Min | Fold::Max | Fold::Count) => var.clone(),
        (DType::Bool, _) => var.with_data(&typed::<_, bool>(&var.data).astype::<i64>()),
        _ => var.clone(),
    }
}

macro_rules! folds {
    ($($(#[$doc:meta])* $method:ident = $fold:expr;)*) => {
        impl Dataset {
            $(
                $(#[$doc])*
                ///
                /// # Panics
                /// When there is no such dimension.
                #[track_caller]
                pub fn $method(&self, dims: impl Into<Dims>) -> Dataset {
                    built(self.reduced($fold, &dims.into()))
                }
            )*
        }

        impl DatasetGroups {
            $(
                $(#[$doc])*
                ///
                /// # Panics
                /// When there are no such groups.
                #[track_caller]
                pub fn $method(&self) -> Dataset {
                    built(self.folded($fold))
                }
            )*
        }
    };
}
folds! {
    /// The sums of all arrays, without NaNs.
    sum = Fold::Sum;
    /// The means of all arrays, without NaNs.
    mean = Fold::Mean;
    /// The smallest elements of all arrays, without NaNs.
    min = Fold::Min;
    /// The largest elements of all arrays, without NaNs.
    max = Fold::Max;
    /// The standard deviations of all arrays, without NaNs.
    std = Fold::Std;
    /// How many elements of all arrays are there: not NaN.
    count = Fold::Count;
}

#[derive(Debug, Clone)]
enum What {
    By(String),
    Steps(String),
}

/// Groups of all arrays of a dataset, from [`groupby`](Dataset::groupby) and [`resample`](Dataset::resample).
#[derive(Debug, Clone)]
pub struct DatasetGroups {
    dataset: Dataset,
    dim: String,
    what: What,
}

impl DatasetGroups {
    fn folded(&self, fold: Fold) -> Built<Dataset> {
        self.dataset.along("groupby", &self.dim, |var| {
            let groups = match &self.what {
                What::By(what) => Groups::by(var, what)?,
                What::Steps(step) => Groups::resampled(var, &self.dim, step)?,
            };
            countable(var, fold).grouped(fold, &groups)
        })
    }
}
