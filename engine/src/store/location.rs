//! Where arrays are: what a person writes, a path or an address.

use std::fmt;
use std::path::{Path, PathBuf};

use object_store::path::Path as Key;

use super::error::{StoreError, Stored};
use super::path::StorePath;
use super::remote::{Options, connect};
use crate::task::{Pack, Packer, Unpacker};

/// Where an array is stored: a path of this machine, or an address of an object store.
///
/// | address | what it is |
/// |---|---|
/// | `s3://bucket/path` | Amazon S3, and what speaks like it (MinIO, Ceph, R2) |
/// | `gs://bucket/path` | Google Cloud Storage |
/// | `az://container/path`, `abfs://container@account.dfs.core.windows.net/path` | Azure Blob Storage |
/// | `https://host/path`, `http://host/path` | a web server; for reading only |
/// | `memory://path` | objects in this process, gone when it ends |
/// | `file:///path` | a path of this machine |
///
/// Wherever one is asked for, a text or a path will do. Endpoint, region and credentials are those of the environment
/// (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME`, …), for S3
/// also those of the files in `~/.aws`; options say it otherwise.
///
/// ```
/// use taskloom::prelude::*;
/// use taskloom::array::store::{Location, ZarrOptions};
/// let bucket = Location::new("s3://climate/era5.zarr")
///     .option("endpoint", "https://minio.example.org")
///     .option("anonymous", true)
///     .option("timeout", "20s");
/// # let _ = bucket;
/// Array::<f32>::ones((4, 6), 2).to_zarr("memory://ones.zarr", &ZarrOptions::new())?;
/// assert_eq!(Array::<f32>::open_zarr("memory://ones.zarr")?.sum().item()?, 24.0);
/// # Ok::<(), taskloom::Error>(())
/// ```
///
/// # Options
/// All names that the [`object_store`](https://docs.rs/object_store) crate has, with or without `aws_`, `google_` or
/// `azure_`, and these, as Dask's `storage_options` have them:
///
/// | option | meaning |
/// |---|---|
/// | `anonymous`, `anon` | whether requests are not signed: for what everybody may read |
/// | `key`, `secret`, `token` | credentials of S3 |
/// | `endpoint`, `endpoint_url` | where the store is; `http://` is allowed when it begins so |
/// | `region` | of S3 |
/// | `timeout` | how long nothing may come before a request is made again, such as `30s` |
/// | `retries` | how often a request that failed is made again |
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    path: PathBuf,
    options: Options,
}

impl Location {
    /// A path or an address.
    pub fn new(path: impl AsRef<Path>) -> Location {
        Location { path: path.as_ref().to_owned(), options: Options::new() }
    }

    /// One more option.
    pub fn option(mut self, name: impl Into<String>, value: impl ToString) -> Location {
        self.options.insert(name.into(), value.to_string());
        self
    }

    /// More options, such as those of a map.
    pub fn options<N: Into<String>, V: ToString>(self, options: impl IntoIterator<Item = (N, V)>) -> Location {
        options.into_iter().fold(self, |location, (name, value)| location.option(name, value))
    }

    /// As it was made of an address and options before.
    pub(crate) fn of(address: String, options: Options) -> Location {
        Location { path: address.into(), options }
    }

    /// As it was written.
    pub(crate) fn shown(&self) -> std::borrow::Cow<'_, str> {
        self.path.to_string_lossy()
    }

    /// Another place that is reached in the same way.
    pub(crate) fn at(&self, path: &str) -> Location {
        Location { path: path.into(), options: self.options.clone() }
    }

    /// Whether it is in this process only.
    pub(crate) fn is_memory(&self) -> bool {
        self.path.to_str().is_some_and(|path| path.starts_with("memory:"))
    }

    pub(crate) fn resolved(&self) -> Stored<StorePath> {
        const SCHEMES: [&str; 12] =
            ["s3", "s3a", "gs", "gcs", "az", "azure", "abfs", "abfss", "adl", "http", "https", "memory"];
        let address = self.path.to_str().and_then(|text| text.split_once("://"));
        let scheme =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+');
        match address {
            Some((name, rest)) if scheme(name) => match name.to_ascii_lowercase().as_str() {
                "file" => {
                    // `file:///a%20b`, as addresses are written.
                    let path = rest.strip_prefix("localhost").unwrap_or(rest);
                    let path = path.starts_with('/').then(|| Key::from_url_path(path).ok()).flatten();
                    self.local(path.map(|path| Path::new("/").join(path.as_ref())))
                }
                name if SCHEMES.contains(&name) => Ok(StorePath::Remote(connect(name, rest, &self.options)?)),
                name => {
                    let what = format!("`{name}://` is not known; file, memory, s3, gs, az, abfs, http and https are");
                    Err(StoreError::unsupported(&self.path, what))
                }
            },
            _ => self.local(Some(self.path.clone())),
        }
    }

    fn local(&self, path: Option<PathBuf>) -> Stored<StorePath> {
        let wrong = |what: String| Err(StoreError::unsupported(&self.path, what));
        match (path, self.options.keys().next()) {
            (_, Some(option)) => wrong(format!("a file of this machine has no options, and `{option}` is given")),
            (None, _) => wrong("after `file://` there is a path that begins with `/`".into()),
            (Some(path), None) => Ok(StorePath::Local(path)),
        }
    }
}

/// With the options, which may be secrets: tasks go to processes that are trusted.
impl Pack for Location {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        self.path.pack(packer)?;
        self.options.clone().into_iter().collect::<Vec<_>>().pack(packer)
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        let (path, options) = <(PathBuf, Vec<(String, String)>)>::unpack(unpacker)?;
        Ok(Location { path, options: options.into_iter().collect() })
    }
}

impl<P: AsRef<Path>> From<P> for Location {
    fn from(path: P) -> Location {
        Location::new(path)
    }
}

impl From<&Location> for Location {
    fn from(location: &Location) -> Location {
        location.clone()
    }
}

impl fmt::Debug for Location {
    /// With the names of the options only: their values may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.options.keys().collect();
        f.debug_struct("Location").field("path", &self.path).field("options", &names).finish()
    }
}
