//! Files that are read and written by position, and files that appear when they are whole.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::error::{StoreError, Stored};

/// A file for reading.
#[derive(Debug)]
pub(crate) struct Input {
    file: File,
    path: PathBuf,
    len: u64,
}

impl Input {
    pub(crate) fn open(path: &Path) -> Stored<Input> {
        let wrong = |error| StoreError::io("open", path, &error);
        let file = File::open(path).map_err(wrong)?;
        let about = file.metadata().map_err(wrong)?;
        if about.is_dir() {
            return Err(StoreError::unsupported(path, "it is a directory"));
        }
        Ok(Input { file, path: path.to_owned(), len: about.len() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn read_at(&self, offset: u64, out: &mut [u8]) -> Stored<()> {
        self.file.read_exact_at(out, offset).map_err(|error| StoreError::io("read", &self.path, &error))
    }

    /// So many bytes, if the file has them: what a damaged header says is not allocated.
    pub(crate) fn bytes(&self, offset: u64, len: usize) -> Stored<Vec<u8>> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.len) {
            let error = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
            return Err(StoreError::io("read", &self.path, &error));
        }
        let mut bytes = vec![0; len];
        self.read_at(offset, &mut bytes)?;
        Ok(bytes)
    }
}

/// The bytes of a whole file; nothing where there is none.
pub(crate) fn whole(path: &Path) -> Stored<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound) => Ok(None),
        Err(error) => Err(StoreError::io("read", path, &error)),
    }
}

/// A file that is written under another name until it is whole, and that is gone when it never is.
#[derive(Debug)]
pub(crate) struct Output {
    file: File,
    path: PathBuf,
    /// Its name until it is whole.
    part: Mutex<Option<PathBuf>>,
}

impl Output {
    /// Beside `path`, so that it can be renamed; with room for `len` bytes.
    pub(crate) fn create(path: &Path, len: u64) -> Stored<Output> {
        let part = beside(path)?;
        let wrong = |error| StoreError::io("write", path, &error);
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&part).map_err(wrong)?;
        let output = Output { file, path: path.to_owned(), part: Mutex::new(Some(part)) };
        output.file.set_len(len).map_err(wrong)?;
        Ok(output)
    }

    pub(crate) fn write_at(&self, offset: u64, bytes: &[u8]) -> Stored<()> {
        self.file.write_all_at(bytes, offset).map_err(|error| StoreError::io("write", &self.path, &error))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it at least so long.
    pub(crate) fn extend(&self, len: u64) -> Stored<()> {
        let wrong = |error| StoreError::io("write", &self.path, &error);
        match self.file.metadata().map_err(wrong)?.len() < len {
            true => self.file.set_len(len).map_err(wrong),
            false => Ok(()),
        }
    }

    /// Gives it its name. Whoever still holds it cannot write what would be missed: all blocks are there.
    pub(crate) fn finish(&self) -> Stored<()> {
        let Some(part) = self.part() else { return Ok(()) };
        let done = self.file.sync_data().and_then(|()| std::fs::rename(&part, &self.path));
        done.map_err(|error| {
            let _ = std::fs::remove_file(&part);
            StoreError::io("write", &self.path, &error)
        })
    }

    /// Takes it away, if it is not whole.
    pub(crate) fn discard(&self) {
        if let Some(part) = self.part() {
            // What cannot be removed has a name that nobody takes for the file's.
            let _ = std::fs::remove_file(part);
        }
    }

    fn part(&self) -> Option<PathBuf> {
        self.part.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.discard();
    }
}

/// The name of a file until it is whole: different for each process and each file of it.
fn beside(path: &Path) -> Stored<PathBuf> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else { return Err(StoreError::not_stored(path, "it is not the name of a file")) };
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!(".{}.{}-{number}.partial", name.to_string_lossy(), std::process::id());
    Ok(path.with_file_name(name))
}

/// Writes a small file that appears whole, or not at all.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> Stored<()> {
    let part = beside(path)?;
    let done = std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, path));
    done.map_err(|error| {
        let _ = std::fs::remove_file(&part);
        StoreError::io("write", path, &error)
    })
}
