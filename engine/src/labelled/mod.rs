//! [`DataArray`] and [`Dataset`]: arrays whose axes have names, and labels along them.
//!
//! ```
//! use taskloom::prelude::*;
//! use taskloom::labelled::date_range;
//!
//! let days = date_range("2000-01-01", 731, "D");
//! let data = Array::<f64>::from_fn((731, 3), (100, 3), |at| at[0] as f64 + at[1] as f64);
//! let t = DataArray::new(data, ["time", "lat"])
//!     .assign_coords("time", days)
//!     .assign_coords("lat", [-30.0, 0.0, 30.0]);
//!
//! let spring = t.sel("time", "2000-03"..="2000-05").sel("lat", 0.0);
//! assert_eq!(spring.shape(), [92]);
//!
//! let months = t.groupby("time.month");
//! let anomaly = &months - &months.mean();         // by name, by label, and nothing has run
//! assert_eq!(anomaly.dims(), ["time", "lat"]);
//! assert!(anomaly.mean(..).item()?.abs() < 1e-9);
//! # Ok::<(), taskloom::Error>(())
//! ```
//!
//! The names and rules are those of [xarray](https://docs.xarray.dev), on top of [`Array`]: elements stay lazy and in
//! blocks, labels are in memory. Arithmetic puts dimensions of the same name together and keeps the labels that both sides
//! have; reductions of floats leave out NaNs; attributes are kept where they agree.
//!
//! # How it fits together
//! ```text
//!  DataArray<T>, Dataset, GroupBy, Resample, Rolling, … : thin, with a type
//!        │
//!  core: names, labels and an array without a type ◄── select (search), align, reduce, shape, group, rolling, coarsen
//!        │                                         ◄── files: read, write, by the CF conventions of NetCDF-4 and Zarr
//!  labels ─► time ─► frequency                     ◄── show, plot
//! ```

mod align;
mod arithmetic;
mod array;
mod coarsen;
mod core;
mod dataset;
mod dataset_folds;
mod error;
mod files;
mod frequency;
mod group;
mod labels;
mod plot;
mod read;
mod reduce;
mod rolling;
mod search;
mod select;
mod shape;
mod show;
mod time;
mod weighted;
mod write;

pub use self::core::{Coord, Dims};
pub use align::align;
pub use arithmetic::Operand;
pub use array::DataArray;
pub use coarsen::Coarsen;
pub use dataset::Dataset;
pub use dataset_folds::DatasetGroups;
pub use error::LabelError;
pub use group::{GroupBy, Resample};
pub use labels::{Label, Labels};
pub use rolling::Rolling;
pub use search::Method;
pub use select::{Places, Selector};
pub use shape::concat;
pub use time::{Times, date_range, date_range_in};
pub use weighted::Weighted;
