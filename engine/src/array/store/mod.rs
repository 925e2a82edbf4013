//! Arrays in files: NumPy's, raw, Zarr, HDF5 and NetCDF.
//!
//! ```text
//!              Array::open_npy, open_raw, open_zarr, open_hdf5, …        Array::to_npy, to_raw, to_zarr, to_hdf5, …
//!                                  │                                                     │
//!  source: a task reads one block of a view; slices are read, not cut      sink: a task writes one block, none twice
//!                                  │                                                     │
//!            npy · npz · raw · zarr · hdf5: which bytes, and how they are packed (region: parts of arrays)
//!                                  │                                                     │
//!                       file: bytes by position, and files that appear when they are whole
//! ```
//!
//! Reading is lazy: opening a file reads its header only, and a task reads what its block needs when a worker is ready for
//! it, so that one block is computed while the next is read. Slices of an opened array are read alone.
//!
//! Writing runs at once, block by block, and keeps no block that is written. A store that is interrupted never reads as a
//! complete one, and can be run again.

mod bytes;
mod error;
mod file;
mod npy;
mod npz;
mod raw;
mod region;
mod sink;
mod source;

pub use error::StoreError;
pub use raw::Layout;
