//! Arrays in files: NumPy's, raw, Zarr, HDF5 and NetCDF.
//!
//! ```text
//!              Array::open_npy, open_raw, open_zarr, open_hdf5, …        Array::to_npy, to_raw, to_zarr, to_hdf5, …
//!                                  │                                                     │
//!  source: a task reads one block of a view; slices are read, not cut      sink: a task writes one block, none twice
//!                                  │                                                     │
//!   (variables: all that is in a file, by name and by the CF conventions)
//!            npy · npz · raw · zarr · hdf5: which bytes, and how they are packed (region: parts of arrays)
//!                                  │                                                     │
//!                     crate::store: files and folders, of this machine and of object stores
//! ```
//!
//! Reading is lazy: opening a file reads its header only, and a task reads what its block needs when a worker is ready for
//! it, so that one block is computed while the next is read. Slices of an opened array are read alone.
//!
//! Writing runs at once, block by block, and keeps no block that is written. A store that is interrupted never reads as a
//! complete one, and can be run again.

mod blosc;
mod bytes;
mod decoded;
mod hdf5;
mod info;
mod npy;
mod npz;
mod pack;
mod raw;
mod region;
mod sink;
mod source;
mod variables;
mod zarr;

pub(crate) use crate::store::{error, file, location, path};

pub use crate::store::{Location, StoreError};
pub use hdf5::{
    Calendar, DateTime, Hdf5Options, Hdf5Writer, TimeUnits, hdf5_arrays, hdf5_attributes, hdf5_info, netcdf_time_units,
};
pub use info::ArrayInfo;
pub use raw::Layout;
pub use zarr::{Compression, ZarrOptions, create_zarr, zarr_arrays, zarr_attributes, zarr_info};

pub(crate) use variables::{Container, Variable};

use serde_json::{Map, Value as Json};

/// Makes a Zarr group where there is none, and writes its attributes.
pub(crate) fn write_group(
    path: impl Into<Location>,
    options: &ZarrOptions,
    attributes: &Map<String, Json>,
) -> crate::error::Result<()> {
    Ok(zarr::group_with(&path.into().resolved()?, options, attributes)?)
}
