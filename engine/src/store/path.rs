//! Files and folders, wherever they are: on this machine or in an object store.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::error::{StoreError, Stored};
use super::file::{put, whole};
use super::location::Location;
use super::remote::{Entry, RemotePath, Writes as RemoteWrites, read_each as read_remote};

/// The place of a file or a folder.
#[derive(Debug, Clone)]
pub(crate) enum StorePath {
    Local(PathBuf),
    Remote(RemotePath),
}

impl StorePath {
    /// Where another process finds it.
    pub(crate) fn location(&self) -> Stored<Location> {
        match self {
            StorePath::Local(path) => {
                let path = std::path::absolute(path).map_err(|error| StoreError::io("find", path, &error))?;
                Ok(Location::new(path))
            }
            StorePath::Remote(path) => Ok(path.location()),
        }
    }

    /// What it is called; for errors, and to compare.
    pub(crate) fn as_path(&self) -> &Path {
        match self {
            StorePath::Local(path) => path,
            StorePath::Remote(path) => path.shown(),
        }
    }

    /// The path on this machine, for what can only be written there.
    pub(crate) fn local(self) -> Stored<PathBuf> {
        match self {
            StorePath::Local(path) => Ok(path),
            StorePath::Remote(path) => {
                let what = "files of this format are written on this machine only; `to_zarr` stores into object stores";
                Err(StoreError::not_stored(path.shown(), what))
            }
        }
    }

    /// Something in the folder: a name, or several with `/` between them.
    pub(crate) fn join(&self, names: &str) -> StorePath {
        match self {
            StorePath::Local(path) => StorePath::Local(
                names.split('/').filter(|name| !name.is_empty()).fold(path.clone(), |path, name| path.join(name)),
            ),
            StorePath::Remote(path) => StorePath::Remote(path.join(names)),
        }
    }

    pub(crate) fn is_remote(&self) -> bool {
        matches!(self, StorePath::Remote(_))
    }

    /// Whether there is a way to know what is in a folder.
    pub(crate) fn is_listed(&self) -> bool {
        match self {
            StorePath::Local(_) => true,
            StorePath::Remote(path) => path.is_listed(),
        }
    }

    /// The bytes of the file; nothing where there is none.
    pub(crate) fn read(&self) -> Stored<Option<Vec<u8>>> {
        match self {
            StorePath::Local(path) => whole(path),
            StorePath::Remote(path) => path.read(),
        }
    }

    /// Whether there is such a file; a folder counts where it is something of its own.
    pub(crate) fn exists(&self) -> Stored<bool> {
        match self {
            StorePath::Local(path) => path.try_exists().map_err(|error| StoreError::io("open", path, &error)),
            StorePath::Remote(path) => Ok(path.len()?.is_some()),
        }
    }

    /// Writes the file, which appears whole or not at all. Its folder has to be there.
    pub(crate) fn write(&self, bytes: Vec<u8>) -> Stored<()> {
        match self {
            StorePath::Local(path) => put(path, &bytes),
            StorePath::Remote(path) => path.write(bytes),
        }
    }

    /// Makes the folder and those that it is in. In an object store there are none to be made.
    pub(crate) fn make_folder(&self) -> Stored<()> {
        match self {
            StorePath::Local(path) => {
                std::fs::create_dir_all(path).map_err(|error| StoreError::io("write", path, &error))
            }
            StorePath::Remote(_) => Ok(()),
        }
    }

    /// Makes the folder of the file.
    pub(crate) fn make_parent(&self) -> Stored<()> {
        match self {
            StorePath::Local(path) => match path.parent() {
                Some(folder) => std::fs::create_dir_all(folder).map_err(|error| StoreError::io("write", path, &error)),
                None => Ok(()),
            },
            StorePath::Remote(_) => Ok(()),
        }
    }

    /// What is in the folder; nothing where there is none.
    pub(crate) fn entries(&self) -> Stored<Option<Vec<Entry>>> {
        let path = match self {
            StorePath::Local(path) => path,
            StorePath::Remote(path) => return path.entries(),
        };
        let wrong = |error| StoreError::io("open", path, &error);
        let found = match std::fs::read_dir(path) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(error)),
        };
        let entry = |entry: std::io::Result<std::fs::DirEntry>| {
            let entry = entry?;
            Ok(Entry { name: entry.file_name().to_string_lossy().into_owned(), folder: entry.file_type()?.is_dir() })
        };
        found.map(entry).collect::<std::io::Result<_>>().map(Some).map_err(wrong)
    }

    /// That there is such a folder, where that can be known.
    pub(crate) fn must_be_there(&self) -> Stored<()> {
        match self {
            StorePath::Local(path) => match std::fs::read_dir(path) {
                Ok(_) => Ok(()),
                Err(error) => Err(StoreError::io("open", path, &error)),
            },
            StorePath::Remote(path) if path.is_listed() && path.entries()?.is_none() => Err(path.nothing()),
            StorePath::Remote(_) => Ok(()),
        }
    }

    /// Removes the file, if there is one.
    pub(crate) fn remove_file(&self) -> Stored<()> {
        match self {
            StorePath::Local(path) => match std::fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::io("remove", path, &error)),
                _ => Ok(()),
            },
            StorePath::Remote(path) => path.remove(),
        }
    }

    /// Removes the folder and all that is in it, if there is one.
    pub(crate) fn remove_folder(&self) -> Stored<()> {
        match self {
            StorePath::Local(path) => match std::fs::remove_dir_all(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::io("remove", path, &error)),
                _ => Ok(()),
            },
            StorePath::Remote(path) => path.remove_below(),
        }
    }

    /// Removes the folder if nothing is in it. Folders of object stores are gone by themselves then.
    pub(crate) fn remove_empty_folder(&self) {
        if let StorePath::Local(path) = self {
            // That something is in it is no error.
            let _ = std::fs::remove_dir(path);
        }
    }
}

/// Reads files, and hands over each: its number among the `wanted`, and its bytes, or nothing where there is no such file.
/// What is remote is read at the same time and comes in any order; `held` bytes are held meanwhile.
pub(crate) fn read_each(
    wanted: &[StorePath],
    held: usize,
    mut take: impl FnMut(usize, Stored<Option<Vec<u8>>>) -> Stored<()>,
) -> Stored<()> {
    let mut remote: Vec<(RemotePath, Option<Range<u64>>)> = Vec::new();
    for (number, path) in wanted.iter().enumerate() {
        match path {
            StorePath::Local(path) => take(number, whole(path))?,
            // Files of one store are all here or all there.
            StorePath::Remote(path) => remote.push((path.clone(), None)),
        }
    }
    read_remote(&remote, held, take)
}

/// Files that are written, at the same time where they are remote.
pub(crate) struct Writes {
    remote: Option<RemoteWrites>,
}

impl Writes {
    /// Whoever writes holds so many bytes meanwhile.
    pub(crate) fn new(to: &StorePath, held: usize) -> Writes {
        Writes { remote: to.is_remote().then(|| RemoteWrites::new(held)) }
    }

    pub(crate) fn write(&mut self, path: &StorePath, bytes: Vec<u8>) -> Stored<()> {
        match (path, &mut self.remote) {
            (StorePath::Remote(path), Some(remote)) => remote.write(path, bytes),
            (path, _) => path.write(bytes),
        }
    }

    /// Waits until all is written.
    pub(crate) fn finish(self) -> Stored<()> {
        self.remote.map_or(Ok(()), RemoteWrites::finish)
    }
}
