//! Zarr, versions 2 and 3: an array is a folder of files, one for each chunk or shard, and its metadata as JSON.
//!
//! ```text
//!   group: folders, names, what is complete ──► meta: what the metadata says ──► read  ◄── codec
//!                                                                          └───► write ◄──┘
//! ```
//! Both are read and written here, and not by a library: those that there are change what other crates are built with, run
//! threads of their own, or read into memory of their own first.

mod codec;
mod group;
mod meta;
mod read;
mod write;

use std::sync::Arc;

use ndarray::IntoDimension;
use serde_json::{Map, Value as Json};

use super::{ArrayInfo, Location};
use crate::array::chunks::Chunking;
use crate::array::dispatch::with_real;
use crate::array::element::{Cast, DType, Element, Scalar};
use crate::array::store::bytes::read_elements;
use crate::array::store::error::{StoreError, Stored};
use crate::array::store::path::StorePath;
use crate::array::store::source::{Source, found, opened};
use crate::array::{Array, create::lengths};
use crate::error::Result;

/// How chunks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// By zstd, at a level from 1, the fastest, to 22.
    Zstd(i32),
    /// By gzip, at a level from 0 to 9.
    Gzip(u32),
    /// By Blosc: zstd at a level, after the bytes of the elements were put in another order, which suits numbers that
    /// change slowly.
    Blosc(i32),
}

/// How an array is stored as Zarr.
///
/// ```
/// use taskloom::array::store::{Compression, ZarrOptions};
/// let options = ZarrOptions::new()
///     .chunks([100, 200])
///     .compression(Compression::Blosc(3))
///     .fill_value(f64::NAN)
///     .dimension_names(["lat", "lon"])
///     .attribute("units", "K");
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct ZarrOptions {
    version: u8,
    compression: Compression,
    chunks: Option<Vec<usize>>,
    fill: Option<Scalar>,
    /// Nothing is missing: what is the fill value otherwise counts as missing in xarray's eyes.
    unsaid_fill: bool,
    dimensions: Vec<String>,
    attributes: Map<String, Json>,
    overwrite: bool,
}

impl Default for ZarrOptions {
    fn default() -> Self {
        ZarrOptions::new()
    }
}

impl ZarrOptions {
    /// Version 3, compressed by zstd, in the array's chunks, filled with zeros.
    pub fn new() -> ZarrOptions {
        ZarrOptions {
            version: 3,
            compression: Compression::Zstd(3),
            chunks: None,
            fill: None,
            unsaid_fill: false,
            dimensions: Vec::new(),
            attributes: Map::new(),
            overwrite: false,
        }
    }

    /// The version of the format: 2 or 3.
    pub fn version(mut self, version: u8) -> ZarrOptions {
        self.version = version;
        self
    }

    /// How chunks are compressed.
    pub fn compression(mut self, compression: Compression) -> ZarrOptions {
        self.compression = compression;
        self
    }

    /// The length of the stored chunks along each axis. Where it is not given it is that of the array's.
    pub fn chunks(mut self, chunks: impl Into<Vec<usize>>) -> ZarrOptions {
        self.chunks = Some(chunks.into());
        self
    }

    /// What stands where nothing was written. Its type has to be that of the array.
    pub fn fill_value<T: Element>(mut self, value: T) -> ZarrOptions {
        self.fill = Some(value.scalar());
        self
    }

    /// Where no fill value was given, the metadata has none.
    pub(crate) fn without_fill(mut self) -> ZarrOptions {
        self.unsaid_fill = self.version == 2 && self.fill.is_none();
        self
    }

    /// The names of the axes.
    pub fn dimension_names<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> ZarrOptions {
        self.dimensions = names.into_iter().map(Into::into).collect();
        self
    }

    /// An attribute of the array; one more with each call.
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Json>) -> ZarrOptions {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// Whether an array that is there already is replaced. Otherwise that is an error.
    pub fn overwrite(mut self, overwrite: bool) -> ZarrOptions {
        self.overwrite = overwrite;
        self
    }
}

impl<T: Element> Array<T> {
    /// The Zarr array in a folder, of version 2 or 3, in chunks that are multiples of the stored ones and take about 16 MiB.
    /// The folder is a path or an address, such as `s3://bucket/x.zarr`: see [`Location`].
    ///
    /// Only the metadata is read now; chunks are read and unpacked by the tasks that need them, each on one thread. From an
    /// object store many chunks come at the same time, while others are computed with.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::array::store::ZarrOptions;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.zarr");
    /// let x = Array::<f32>::ones((60, 40), (25, 40));
    /// x.to_zarr(&path, &ZarrOptions::new().dimension_names(["lat", "lon"]))?;
    /// let y = Array::<f32>::open_zarr(&path)?;
    /// assert_eq!(y.slice(s![.., 3]).sum().item()?, 60.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such folder, its metadata is damaged or asks for what is not known here, a store into it was
    /// interrupted, or its elements are not of type `T`.
    #[doc(alias = "from_zarr")]
    pub fn open_zarr(path: impl Into<Location>) -> Result<Array<T>> {
        Array::open_zarr_array(path, "", "auto")
    }

    /// The Zarr array of a name in a group: `"temperature"`, `"forecast/temperature"`. An empty name is the folder itself.
    ///
    /// # Errors
    /// As [`open_zarr`](Array::open_zarr), and when the chunks do not fit to the shape.
    pub fn open_zarr_array(path: impl Into<Location>, name: &str, chunks: impl Into<Chunking>) -> Result<Array<T>> {
        let folder = path.into().resolved()?.join(name);
        let meta = group::array_at(&folder)?;
        let source = read::ZarrSource::new(folder.clone(), meta);
        let source = found(source, &folder, (), |folder, ()| {
            Ok(Arc::new(read::ZarrSource::new(folder.clone(), group::array_at(folder)?)))
        })?;
        opened("open_zarr", folder.as_path(), source, chunks.into())
    }

    /// Stores the array as Zarr in a folder, block by block, and waits until it is done.
    ///
    /// The metadata is written last: until then there is no array to be opened. After an interruption the same call
    /// stores it again, from the beginning. The folder is a path or an address: see [`Location`]; what a web server has is
    /// only read.
    ///
    /// # Errors
    /// When something else is in the folder, or an array and the options do not say [`overwrite`](ZarrOptions::overwrite);
    /// when a file cannot be written, a task fails, lengths of chunks are not known, or the options do not fit to the array.
    pub fn to_zarr(&self, path: impl Into<Location>, options: &ZarrOptions) -> Result<()> {
        write::whole(self.node(), &path.into().resolved()?, options)
    }

    /// Stores the array under a name in a group, which is made where there is none.
    ///
    /// # Errors
    /// As [`to_zarr`](Array::to_zarr).
    pub fn to_zarr_array(&self, path: impl Into<Location>, name: &str, options: &ZarrOptions) -> Result<()> {
        let path = path.into().resolved()?;
        group::made(&path, name, options.version)?;
        write::whole(self.node(), &path.join(name), options)
    }

    /// Writes the array into a part of a Zarr array that is there already, which begins at `start`.
    ///
    /// Chunks that the part covers in part keep their other elements. While it goes on, and after an interruption, the
    /// stored array cannot be opened, until the same part is written again. Who reads objects of a bucket by `https://` does
    /// not see that.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::array::store::{ZarrOptions, create_zarr};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.zarr");
    /// create_zarr::<f64>(&path, (4, 6), &ZarrOptions::new().chunks([2, 2]))?;
    /// Array::<f64>::ones((3, 3), 3).to_zarr_region(&path, &[1, 2])?;
    /// assert_eq!(Array::<f64>::open_zarr(&path)?.sum().item()?, 9.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such array, the part is not inside of it, its elements are of another type, a file cannot be read
    /// or written, or a task fails.
    pub fn to_zarr_region(&self, path: impl Into<Location>, start: &[usize]) -> Result<()> {
        write::region(self.node(), &path.into().resolved()?, start)
    }
}

/// Makes a Zarr array of which nothing is written yet: it reads as the fill value everywhere, and takes regions.
///
/// # Errors
/// As [`to_zarr`](Array::to_zarr).
pub fn create_zarr<T: Element>(
    path: impl Into<Location>,
    shape: impl IntoDimension,
    options: &ZarrOptions,
) -> Result<()> {
    write::empty(&path.into().resolved()?, &lengths(shape), T::DTYPE, options)
}

/// What is known of a Zarr array without reading its elements. An empty name is the folder itself.
///
/// # Errors
/// As [`open_zarr`](Array::open_zarr).
pub fn zarr_info(path: impl Into<Location>, name: &str) -> Result<ArrayInfo> {
    let meta = group::array_at(&path.into().resolved()?.join(name))?;
    Ok(ArrayInfo {
        shape: meta.shape,
        dtype: meta.dtype.name().to_owned(),
        chunks: Some(meta.chunks),
        dimension_names: meta.dimensions,
        attributes: meta.attributes,
    })
}

/// The names of all arrays in a Zarr group and in the groups in it, in order.
///
/// # Errors
/// When there is no such group, or a folder cannot be read.
pub fn zarr_arrays(path: impl Into<Location>) -> Result<Vec<String>> {
    Ok(group::arrays(&path.into().resolved()?)?)
}

/// The attributes of a Zarr group.
///
/// # Errors
/// When there is no such group, or its metadata is damaged.
pub fn zarr_attributes(path: impl Into<Location>) -> Result<Map<String, Json>> {
    Ok(group::attributes(&path.into().resolved()?)?)
}

/// An array of a group as a source of its elements.
pub(super) fn source(path: &StorePath, name: &str) -> Stored<Arc<dyn Source>> {
    let folder = path.join(name);
    let meta = group::array_at(&folder)?;
    Ok(Arc::new(read::ZarrSource::new(folder, meta)))
}

/// Makes a group where there is none, and writes its attributes.
pub(super) fn group_with(path: &StorePath, options: &ZarrOptions, attributes: &Map<String, Json>) -> Stored<()> {
    group::made(path, "any", options.version)?;
    group::describe(path, options.version, attributes)
}

/// What version 2 of the format has for what is missing: the fill value. Version 3 has an attribute for that, and so has a
/// fill value of zero no meaning but that nothing was written.
pub(super) fn missing_value(path: &StorePath, name: &str) -> Stored<Option<f64>> {
    let meta = group::array_at(&path.join(name))?;
    let is_number = !matches!(meta.dtype, DType::Bool | DType::Complex32 | DType::Complex64);
    if meta.version != 2 || !is_number {
        return Ok(None);
    }
    let value = with_real!(meta.dtype, T => {
        let values = read_elements::<T, StoreError>(1, |bytes| {
            bytes.copy_from_slice(&meta.fill);
            Ok(())
        })?;
        values.first().map(|&value| Cast::<f64>::cast(value))
    });
    Ok(value.filter(|&value| value != 0.0))
}
