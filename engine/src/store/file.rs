//! Files that are read and written by position, and files that appear when they are whole.

use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::error::{StoreError, Stored};
use super::path::StorePath;
use super::remote::{RemotePath, read_each};

/// A file for reading.
#[derive(Debug)]
pub(crate) struct Input {
    held: Held,
    place: StorePath,
    len: u64,
}

#[derive(Debug)]
enum Held {
    File(File),
    /// With the first bytes, which most formats begin with.
    Object(RemotePath, Vec<u8>),
}

/// So much of an object is read when it is opened.
const BEGIN: u64 = 64 << 10;
/// What lies between two wanted parts of an object is read with them, up to so much: another request would cost more.
const GAP: u64 = 256 << 10;
/// So much of an object is read by one request, where several parts are read together.
const AT_ONCE: u64 = 4 << 20;

impl Input {
    pub(crate) fn open(place: &StorePath) -> Stored<Input> {
        let path = match place {
            StorePath::Local(path) => path,
            StorePath::Remote(object) => {
                let (begin, len) = object.begin(BEGIN)?.ok_or_else(|| object.nothing())?;
                return Ok(Input { held: Held::Object(object.clone(), begin), place: place.clone(), len });
            }
        };
        let wrong = |error| StoreError::io("open", path, &error);
        let file = File::open(path).map_err(wrong)?;
        let about = file.metadata().map_err(wrong)?;
        if about.is_dir() {
            return Err(StoreError::unsupported(path, "it is a directory"));
        }
        Ok(Input { held: Held::File(file), place: place.clone(), len: about.len() })
    }

    pub(crate) fn place(&self) -> &StorePath {
        &self.place
    }

    /// What it is called.
    pub(crate) fn path(&self) -> &Path {
        self.place.as_path()
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Whether each reading takes long, so that few and large ones are better.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self.held, Held::Object(..))
    }

    pub(crate) fn read_at(&self, offset: u64, out: &mut [u8]) -> Stored<()> {
        match &self.held {
            Held::File(file) => {
                file.read_exact_at(out, offset).map_err(|error| StoreError::io("read", self.path(), &error))
            }
            Held::Object(..) => {
                let len = out.len();
                self.read_parts(&[(offset, len as u64)], len, |_, bytes| {
                    out.copy_from_slice(&bytes);
                    Ok(())
                })
            }
        }
    }

    /// That the file has so many bytes from a place on.
    fn reaches(&self, offset: u64, len: u64) -> Stored<()> {
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            let error = std::io::Error::from(ErrorKind::UnexpectedEof);
            return Err(StoreError::io("read", self.path(), &error));
        }
        Ok(())
    }

    /// So many bytes, if the file has them: what a damaged header says is not allocated.
    pub(crate) fn bytes(&self, offset: u64, len: usize) -> Stored<Vec<u8>> {
        self.reaches(offset, len as u64)?;
        let mut bytes = vec![0; len];
        self.read_at(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads parts, each an offset and a length, and hands over each with its number. Those of an object come in any order,
    /// and what lies near together by one request; `held` bytes are held meanwhile.
    pub(crate) fn read_parts(
        &self,
        parts: &[(u64, u64)],
        held: usize,
        mut take: impl FnMut(usize, Vec<u8>) -> Stored<()>,
    ) -> Stored<()> {
        parts.iter().try_for_each(|&(offset, len)| self.reaches(offset, len))?;
        let (object, begin) = match &self.held {
            Held::File(_) => {
                let mut parts = parts.iter().enumerate();
                return parts.try_for_each(|(number, &(offset, len))| take(number, self.bytes(offset, len as usize)?));
            }
            Held::Object(object, begin) => (object, begin),
        };
        let end = |number: usize| parts[number].0 + parts[number].1;
        let mut numbers = Vec::new();
        for (number, &(from, _)) in parts.iter().enumerate() {
            match begin.get(from as usize..end(number) as usize) {
                Some(bytes) => take(number, bytes.to_vec())?,
                None => numbers.push(number),
            }
        }
        numbers.sort_unstable_by_key(|&number| parts[number].0);
        // Runs of parts that are read together.
        let mut wanted: Vec<(RemotePath, Option<Range<u64>>)> = Vec::new();
        let mut together: Vec<Range<usize>> = Vec::new();
        for (at, &number) in numbers.iter().enumerate() {
            let (from, to) = (parts[number].0, end(number));
            match (wanted.last_mut(), together.last_mut()) {
                (Some((_, Some(range))), Some(run))
                    if from <= range.end.saturating_add(GAP) && to.saturating_sub(range.start) <= AT_ONCE =>
                {
                    (range.end, run.end) = (range.end.max(to), at + 1);
                }
                _ => {
                    wanted.push((object.clone(), Some(from..to)));
                    together.push(at..at + 1);
                }
            }
        }
        read_each(&wanted, held, |request, bytes| {
            let bytes = bytes?.ok_or_else(|| object.nothing())?;
            let first = wanted[request].1.as_ref().map_or(0, |range| range.start);
            let numbers = &numbers[together[request].clone()];
            if let [number] = numbers {
                return take(*number, bytes);
            }
            let part = |number: usize| (parts[number].0 - first) as usize..(end(number) - first) as usize;
            numbers.iter().try_for_each(|&number| take(number, bytes[part(number)].to_vec()))
        })
    }
}

/// The bytes of a whole file; nothing where there is none.
pub(crate) fn whole(path: &Path) -> Stored<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
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
pub(crate) fn beside(path: &Path) -> Stored<PathBuf> {
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
