//! Object stores: Amazon S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage, web servers, and memory.
//!
//! ```text
//!   RemotePath: one object, or what lies below it ──► Bucket: requests, tried again where that may help
//!        │                                              └──► connect: options, environment, profiles
//!        └──► wait: several requests at the same time, for a thread that waits
//! ```
//! An object appears whole or not at all, which is what files are renamed for elsewhere.

mod bucket;
mod connect;
mod profile;
mod wait;

use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::path::{Path as Key, PathPart};

use self::bucket::Bucket;
use self::wait::{Requests, wait_for};
use super::error::{StoreError, Stored};
use super::location::Location;

pub(super) use self::connect::{Options, connect};

/// So many requests of one block are under way at the same time.
const WINDOW: usize = 32;

/// What is wrong with a request, before it is said of what.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    kind: ErrorKind,
    reason: String,
    /// Whether the same request may succeed when it is made again.
    passing: bool,
}

impl Trouble {
    fn new(kind: ErrorKind, reason: impl Into<String>) -> Trouble {
        Trouble { kind, reason: reason.into(), passing: false }
    }

    fn passing(kind: ErrorKind, reason: impl Into<String>) -> Trouble {
        Trouble { kind, reason: reason.into(), passing: true }
    }

    fn at(self, doing: &'static str, path: &Path) -> StoreError {
        StoreError::Io { doing, path: path.display().to_string(), kind: self.kind, reason: self.reason }
    }
}

/// A name in a folder.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) folder: bool,
}

/// An object of an object store, or the folder that the names of some begin with.
#[derive(Debug, Clone)]
pub(crate) struct RemotePath {
    bucket: Arc<Bucket>,
    key: Key,
    /// The whole address, without secrets.
    shown: PathBuf,
}

impl RemotePath {
    fn new(bucket: Arc<Bucket>, key: Key) -> RemotePath {
        let shown = match key.as_ref() {
            "" => bucket.name.clone(),
            key => format!("{}/{key}", bucket.name),
        };
        RemotePath { bucket, key, shown: shown.into() }
    }

    /// The address and options that lead here again.
    pub(super) fn location(&self) -> Location {
        let origin = &self.bucket.origin;
        let key = match origin.is_encoded {
            true => self.key.as_ref().replace('%', "%25").replace('?', "%3F"),
            false => self.key.as_ref().to_owned(),
        };
        let query = origin.query.as_ref().map_or(String::new(), |query| format!("?{query}"));
        Location::of(format!("{}/{key}{query}", origin.prefix), origin.options.clone())
    }

    pub(super) fn shown(&self) -> &Path {
        &self.shown
    }

    /// That there is no such object.
    pub(super) fn nothing(&self) -> StoreError {
        Trouble::new(ErrorKind::NotFound, "nothing is stored under this name").at("open", &self.shown)
    }

    /// Whether there is a way to know what is in a folder.
    pub(super) fn is_listed(&self) -> bool {
        self.bucket.is_listed
    }

    pub(super) fn join(&self, names: &str) -> RemotePath {
        let key = names.split('/').filter(|name| !name.is_empty()).fold(self.key.clone(), |key, name| {
            // A name that no object can have finds nothing.
            key.join(PathPart::parse(name).unwrap_or_else(|_| PathPart::from(name)))
        });
        RemotePath::new(Arc::clone(&self.bucket), key)
    }

    /// The bytes of the object; nothing where there is none.
    pub(super) fn read(&self) -> Stored<Option<Vec<u8>>> {
        let got = wait_for(Arc::clone(&self.bucket).get(self.key.clone(), None));
        got.map_err(|trouble| trouble.at("read", &self.shown))
    }

    /// The number of its bytes; nothing where there is no such object.
    pub(super) fn len(&self) -> Stored<Option<u64>> {
        let got = wait_for(Arc::clone(&self.bucket).len(self.key.clone()));
        got.map_err(|trouble| trouble.at("open", &self.shown))
    }

    /// The first bytes, as many as there are of so many, and the number of all; nothing where there is no such object.
    pub(super) fn begin(&self, most: u64) -> Stored<Option<(Vec<u8>, u64)>> {
        let got = wait_for(Arc::clone(&self.bucket).begin(self.key.clone(), most));
        got.map_err(|trouble| trouble.at("open", &self.shown))
    }

    pub(super) fn write(&self, bytes: Vec<u8>) -> Stored<()> {
        self.writable()?;
        let done = wait_for(Arc::clone(&self.bucket).put(self.key.clone(), bytes));
        done.map_err(|trouble| trouble.at("write", &self.shown))
    }

    /// Removes the object, if there is one.
    pub(super) fn remove(&self) -> Stored<()> {
        self.writable()?;
        let done = wait_for(Arc::clone(&self.bucket).remove(self.key.clone()));
        done.map_err(|trouble| trouble.at("remove", &self.shown))
    }

    /// Removes all objects whose names begin with this folder.
    pub(super) fn remove_below(&self) -> Stored<()> {
        self.writable()?;
        let done = wait_for(Arc::clone(&self.bucket).remove_below(self.key.clone()));
        done.map_err(|trouble| trouble.at("remove", &self.shown))
    }

    /// What is in the folder; nothing where there is no such folder, which is one in which nothing is.
    pub(super) fn entries(&self) -> Stored<Option<Vec<Entry>>> {
        if !self.is_listed() {
            return Err(StoreError::unsupported(&self.shown, "what is in a folder of a web server is not known"));
        }
        let got = wait_for(Arc::clone(&self.bucket).entries(self.key.clone()));
        got.map_err(|trouble| trouble.at("list", &self.shown))
    }

    fn writable(&self) -> Stored<()> {
        match self.bucket.is_writable {
            true => Ok(()),
            false => Err(StoreError::not_stored(&self.shown, "what a web server has is only read here")),
        }
    }
}

/// Reads objects, or parts of them, several at the same time, and hands over each as it comes: its number among the
/// `wanted`, and its bytes, or nothing where there is no such object. `held` bytes are held meanwhile.
pub(super) fn read_each(
    wanted: &[(RemotePath, Option<Range<u64>>)],
    held: usize,
    mut take: impl FnMut(usize, Stored<Option<Vec<u8>>>) -> Stored<()>,
) -> Stored<()> {
    let mut requests = Requests::new(held);
    let mut left = wanted.iter().enumerate();
    loop {
        while requests.under_way() < WINDOW
            && let Some((number, (path, range))) = left.next()
        {
            let get = Arc::clone(&path.bucket).get(path.key.clone(), range.clone());
            requests.start(number, get).map_err(|trouble| trouble.at("read", &path.shown))?;
        }
        let Some((number, answer)) = requests.next() else { return Ok(()) };
        take(number, answer.map_err(|trouble| trouble.at("read", &wanted[number].0.shown)))?;
    }
}

/// Objects that are written at the same time.
pub(super) struct Writes {
    requests: Requests<()>,
    paths: Vec<RemotePath>,
}

/// So many objects of one block are written at the same time: their bytes are held until they are.
const WRITTEN_AT_ONCE: usize = 8;

impl Writes {
    /// Whoever writes holds so many bytes meanwhile.
    pub(super) fn new(held: usize) -> Writes {
        Writes { requests: Requests::new(held), paths: Vec::new() }
    }

    /// Begins to write an object, when not too many are being written.
    pub(super) fn write(&mut self, path: &RemotePath, bytes: Vec<u8>) -> Stored<()> {
        path.writable()?;
        while self.requests.under_way() >= WRITTEN_AT_ONCE {
            self.one()?;
        }
        let put = Arc::clone(&path.bucket).put(path.key.clone(), bytes);
        self.requests.start(self.paths.len(), put).map_err(|trouble| trouble.at("write", &path.shown))?;
        self.paths.push(path.clone());
        Ok(())
    }

    fn one(&mut self) -> Stored<bool> {
        let Some((number, answer)) = self.requests.next() else { return Ok(false) };
        answer.map_err(|trouble| trouble.at("write", &self.paths[number].shown))?;
        Ok(true)
    }

    /// Waits until all is written.
    pub(super) fn finish(mut self) -> Stored<()> {
        while self.one()? {}
        Ok(())
    }
}
