//! HDF5, and NetCDF-4, which is HDF5 with conventions.
//!
//! ```text
//!   netcdf: what numbers stand for ──► read: where the bytes are (by `hdf5-pure`), and the bytes ◄── filters
//!     └──► time: calendars
//!   options ──► plan ──► write: elements as they come, headers last ──► encode: HDF5's structures
//! ```

mod encode;
mod filters;
mod netcdf;
mod options;
mod paged;
mod plan;
mod read;
mod time;
mod write;

use std::sync::Arc;

pub use options::{Hdf5Options, Hdf5Writer};
pub use time::{Calendar, DateTime, TimeUnits};

use self::netcdf::dimensions;
use self::read::{Hdf5Source, asked, dataset, file, json, names, shape, typed};
use super::decoded::Meaning;
use super::error::Stored;
use super::path::StorePath;
use super::source::{Source, found, opened};
use super::{ArrayInfo, Location};
use crate::array::Array;
use crate::array::chunks::Chunking;
use crate::array::element::{DType, Element, Float};
use crate::error::Result;
use crate::task::Made;

impl<T: Element> Array<T> {
    /// A dataset of an HDF5 file: `"temperature"`, `"group/temperature"`. Chunks `"auto"` are multiples of the stored ones.
    ///
    /// The structure of the file is read now. Elements are read by the tasks that need them: any part of what is stored as
    /// one run, whole chunks of what is stored in chunks. Deflate, shuffle, LZF, zstd, Blosc and checksums are known;
    /// `bool` and complex numbers are as h5py writes them.
    ///
    /// # Errors
    /// When the file cannot be opened or is damaged, has no such dataset, uses what is not known here, holds elements of
    /// another type than `T`, or the chunks do not fit to the shape.
    pub fn open_hdf5(path: impl Into<Location>, dataset: &str, chunks: impl Into<Chunking>) -> Result<Array<T>> {
        let path = path.into().resolved()?;
        let source = Hdf5Source::open(&path, &file(&path)?, dataset)?;
        let source = found(source, &path, dataset.to_owned(), |path, dataset| {
            Ok(Arc::new(Hdf5Source::open(path, &file(path)?, dataset)?))
        })?;
        opened("open_hdf5", path.as_path(), source, chunks.into())
    }
}

/// A variable as what it means.
fn decoded(path: &StorePath, variable: &str, dtype: DType) -> Stored<Made<dyn Source>> {
    let source = netcdf::decoded(path, &file(path)?, variable, dtype)?;
    found(source, path, (variable.to_owned(), dtype), |path, (variable, dtype)| {
        Ok(Arc::new(netcdf::decoded(path, &file(path)?, variable, *dtype)?))
    })
}

impl<T: Float> Array<T> {
    /// A variable of a NetCDF-4 file as what its numbers mean: `scale_factor` and `add_offset` are applied, and what is
    /// `_FillValue` or `missing_value` is NaN. Integers of any length and floats become `T`.
    ///
    /// # Errors
    /// As [`open_hdf5`](Array::open_hdf5).
    pub fn open_netcdf(path: impl Into<Location>, variable: &str, chunks: impl Into<Chunking>) -> Result<Array<T>> {
        let path = path.into().resolved()?;
        opened("open_netcdf", path.as_path(), decoded(&path, variable, T::DTYPE)?, chunks.into())
    }
}

impl Array<i64> {
    /// A time variable of a NetCDF-4 file as seconds since 1970-01-01, both counted in its calendar; `i64::MIN` where it is
    /// missing. What makes dates of them is the calendar of [`netcdf_time_units`].
    ///
    /// # Errors
    /// As [`open_hdf5`](Array::open_hdf5), and when the variable has no `units` like `days since 1850-01-01`.
    pub fn open_netcdf_time(
        path: impl Into<Location>,
        variable: &str,
        chunks: impl Into<Chunking>,
    ) -> Result<Array<i64>> {
        let path = path.into().resolved()?;
        opened("open_netcdf_time", path.as_path(), decoded(&path, variable, DType::I64)?, chunks.into())
    }
}

/// What the numbers of a time variable of a NetCDF-4 file mean.
///
/// # Errors
/// As [`open_netcdf_time`](Array::open_netcdf_time).
pub fn netcdf_time_units(path: impl Into<Location>, variable: &str) -> Result<TimeUnits> {
    let path = path.into().resolved()?;
    match netcdf::decoded(&path, &file(&path)?, variable, DType::I64)?.meaning {
        Meaning::Time(units) => Ok(units),
        Meaning::Number { .. } => unreachable!("seconds are asked for"),
    }
}

/// What is known of a dataset of an HDF5 or NetCDF-4 file without reading its elements.
///
/// # Errors
/// When the file cannot be opened or is damaged, or has no such dataset.
pub fn hdf5_info(path: impl Into<Location>, name: &str) -> Result<ArrayInfo> {
    let path = path.into().resolved()?;
    let file = file(&path)?;
    let path = path.as_path();
    let found = dataset(path, &file, name)?;
    let dtype = match typed(&asked(path, || found.datatype())?).0 {
        Some(dtype) => dtype.name().to_owned(),
        None => asked(path, || found.dtype())?.to_string(),
    };
    let chunks = asked(path, || found.chunk_shape())?;
    Ok(ArrayInfo {
        shape: shape(path, &found)?,
        dtype,
        chunks: chunks.map(|chunks| chunks.into_iter().map(|len| len as usize).collect()),
        dimension_names: dimensions(path, &file, name)?,
        attributes: json(asked(path, || found.attrs())?),
    })
}

/// The names of all datasets in an HDF5 or NetCDF-4 file, in order.
///
/// # Errors
/// When the file cannot be opened or is damaged.
pub fn hdf5_arrays(path: impl Into<Location>) -> Result<Vec<String>> {
    let path = path.into().resolved()?;
    Ok(names(path.as_path(), &file(&path)?)?)
}

/// The attributes of an HDF5 or NetCDF-4 file.
///
/// # Errors
/// When the file cannot be opened or is damaged.
pub fn hdf5_attributes(path: impl Into<Location>) -> Result<serde_json::Map<String, serde_json::Value>> {
    let path = path.into().resolved()?;
    let file = file(&path)?;
    let path = path.as_path();
    Ok(json(asked(path, || file.root().attrs())?))
}

/// A dataset as a source of its elements.
pub(super) fn source(path: &StorePath, name: &str) -> Stored<Arc<dyn Source>> {
    Ok(Arc::new(Hdf5Source::open(path, &file(path)?, name)?))
}

/// The texts of a dataset, in row-major order; of single characters the last axis is put together.
pub(super) fn texts(path: &StorePath, name: &str) -> Stored<Vec<String>> {
    let file = file(path)?;
    let path = path.as_path();
    let found = dataset(path, &file, name)?;
    let texts = asked(path, || found.read_string())?;
    let len = match shape(path, &found)?[..] {
        [_, len] => len,
        _ => return Ok(texts),
    };
    Ok(texts.chunks(len.max(1)).map(|texts| texts.concat().trim_end_matches(['\0', ' ']).to_owned()).collect())
}
