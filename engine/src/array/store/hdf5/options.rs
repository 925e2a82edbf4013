//! What is asked for when arrays are stored in an HDF5 file.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::write::Plan;
use crate::array::Array;
use crate::array::element::{Element, Scalar};
use crate::array::node::NodeRef;
use crate::array::store::Location;
use crate::array::store::error::StoreError;
use crate::error::Result;

/// How an array is stored in an HDF5 file.
///
/// ```
/// use taskloom::array::store::Hdf5Options;
/// let options = Hdf5Options::new().chunks([100, 200]).deflate(4).shuffle(true).dimension_names(["lat", "lon"]);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Hdf5Options {
    pub(super) chunks: Option<Vec<usize>>,
    pub(super) deflate: Option<u32>,
    pub(super) shuffle: bool,
    pub(super) fill: Option<Scalar>,
    pub(super) dimensions: Vec<String>,
    pub(super) attributes: Map<String, Json>,
    /// Bytes are characters of texts.
    pub(super) is_text: bool,
    pub(super) overwrite: bool,
}

impl Hdf5Options {
    /// One run of elements, not compressed.
    pub fn new() -> Hdf5Options {
        Hdf5Options::default()
    }

    /// Chunks of these lengths along each axis.
    pub fn chunks(mut self, chunks: impl Into<Vec<usize>>) -> Hdf5Options {
        self.chunks = Some(chunks.into());
        self
    }

    /// Compressed by deflate at a level from 0 to 9, in the array's chunks if none are given.
    pub fn deflate(mut self, level: u32) -> Hdf5Options {
        self.deflate = Some(level.min(9));
        self
    }

    /// Whether the bytes of elements are put in another order before they are compressed, which suits numbers that change
    /// slowly.
    pub fn shuffle(mut self, shuffle: bool) -> Hdf5Options {
        self.shuffle = shuffle;
        self
    }

    /// What stands for what is missing: HDF5's fill value, and NetCDF's attribute `_FillValue`. Its type has to be that of
    /// the array.
    pub fn fill_value<T: Element>(mut self, value: T) -> Hdf5Options {
        self.fill = Some(value.scalar());
        self
    }

    /// The names of the axes, as NetCDF-4 has them: a dimension for each, which is another array of the file if one is
    /// called so.
    pub fn dimension_names<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Hdf5Options {
        self.dimensions = names.into_iter().map(Into::into).collect();
        self
    }

    /// Whether a file that is there already is replaced, with all that is in it. Otherwise that is an error.
    pub fn overwrite(mut self, overwrite: bool) -> Hdf5Options {
        self.overwrite = overwrite;
        self
    }

    /// An attribute: a text, a number, or a list of either. One more with each call.
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Json>) -> Hdf5Options {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

/// Several arrays that go into one HDF5 file.
///
/// ```
/// use taskloom::prelude::*;
/// use taskloom::array::store::{Hdf5Options, Hdf5Writer};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("x.nc");
/// let lat = Array::linspace(-90.0, 90.0, 5, "auto");
/// let t = Array::<f32>::ones((5, 8), 4);
/// Hdf5Writer::create(&path)
///     .attribute("title", "ones")
///     .add("lat", &lat, &Hdf5Options::new().dimension_names(["lat"]))
///     .add("t", &t, &Hdf5Options::new().deflate(4).dimension_names(["lat", "lon"]))
///     .write()?;
/// assert_eq!(Array::<f32>::open_hdf5(&path, "t", "auto")?.sum().item()?, 40.0);
/// # Ok::<(), taskloom::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is written before `write`"]
pub struct Hdf5Writer {
    path: Location,
    overwrite: bool,
    pub(super) attributes: Map<String, Json>,
    pub(super) arrays: Vec<Added>,
}

pub(super) struct Added {
    pub(super) name: String,
    pub(super) node: NodeRef,
    pub(super) options: Hdf5Options,
}

impl std::fmt::Debug for Added {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl Hdf5Writer {
    /// For a file that is not there yet.
    pub fn create(path: impl Into<Location>) -> Hdf5Writer {
        Hdf5Writer { path: path.into(), overwrite: false, attributes: Map::new(), arrays: Vec::new() }
    }

    /// Whether a file that is there is replaced, with all that is in it. Otherwise that is an error.
    pub fn overwrite(mut self, overwrite: bool) -> Hdf5Writer {
        self.overwrite = overwrite;
        self
    }

    /// An attribute of the file; one more with each call.
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Json>) -> Hdf5Writer {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// An array under a name: `"t"`, `"forecast/t"`.
    pub fn add<T: Element>(mut self, name: &str, array: &Array<T>, options: &Hdf5Options) -> Hdf5Writer {
        let name = name.trim_matches('/').to_owned();
        self.arrays.push(Added { name, node: Arc::clone(array.node()), options: options.clone() });
        self
    }

    /// Texts along a dimension, or a single one, as NetCDF has them: rows of characters.
    pub(crate) fn add_texts(
        self,
        name: &str,
        dim: Option<&str>,
        texts: &[String],
        options: &Hdf5Options,
    ) -> Hdf5Writer {
        let len = texts.iter().map(String::len).max().unwrap_or(0).max(1);
        let mut bytes: Vec<u8> = Vec::with_capacity(texts.len() * len);
        for (at, text) in texts.iter().enumerate() {
            bytes.extend(text.bytes());
            bytes.resize(len * (at + 1), 0);
        }
        let rows = Array::<u8>::from_vec(bytes, usize::MAX);
        let characters = format!("string{len}");
        let options = options.clone().attribute("_Encoding", "utf-8");
        let (rows, dims) = match dim {
            Some(dim) => (rows.reshape((texts.len(), len)), vec![dim.to_owned(), characters]),
            None => (rows, vec![characters]),
        };
        self.add(name, &rows, &Hdf5Options { is_text: true, ..options.dimension_names(dims) })
    }

    /// Computes and writes all arrays, one after another, each block by block. The file appears under its name when it is
    /// whole.
    ///
    /// # Errors
    /// When the file is there already, options do not fit to their array, lengths of chunks are not known, a task fails, or
    /// the file cannot be written.
    pub fn write(self) -> Result<()> {
        let path = self.path.resolved()?.local()?;
        let overwrite = self.overwrite || self.arrays.iter().any(|added| added.options.overwrite);
        if path.exists() && !overwrite {
            let what = "is there already; the option `overwrite` replaces the file and all that is in it";
            return Err(StoreError::in_the_way(&path, what).into());
        }
        Plan::of(&self, &path)?.write(&path)
    }
}

impl<T: Element> Array<T> {
    /// Stores the array as the only dataset of a new HDF5 file; several go into one by [`Hdf5Writer`].
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::array::store::Hdf5Options;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.h5");
    /// let x = Array::<f64>::ones((60, 40), (25, 40));
    /// x.to_hdf5(&path, "group/x", &Hdf5Options::new().deflate(4).shuffle(true).attribute("units", "K"))?;
    /// let y = Array::<f64>::open_hdf5(&path, "group/x", "auto")?;
    /// assert_eq!(y.slice(s![.., 3]).sum().item()?, 60.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Hdf5Writer::write`].
    pub fn to_hdf5(&self, path: impl Into<Location>, dataset: &str, options: &Hdf5Options) -> Result<()> {
        Hdf5Writer::create(path).add(dataset, self, options).write()
    }
}
