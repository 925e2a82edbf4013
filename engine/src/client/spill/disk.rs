//! Files of spilled values: a private directory that is made when it is first needed and never outlives its process.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use super::SpillError;

/// What the names of all such directories begin with; leftovers are found by it.
const PREFIX: &str = "taskloom-spill-";

/// Held locked for as long as the directory is in use. A killed process lets go of it.
const LOCK: &str = "lock";

/// A directory without a lock is either being made at this moment, or was left by a process killed while making it.
const YOUNG: Duration = Duration::from_secs(60);

/// Where values go.
#[derive(Debug)]
pub(super) struct Disk {
    parent: PathBuf,
    directory: Mutex<Option<Arc<Directory>>>,
}

#[derive(Debug)]
struct Directory {
    path: PathBuf,
    next: AtomicU64,
    /// Held open for its lock.
    _lock: File,
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What cannot be removed now is a leftover for the next start.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The bytes of one value on disk; dropping this deletes them.
#[derive(Debug)]
pub(super) struct Stored {
    path: PathBuf,
    len: u64,
    hash: blake3::Hash,
    _directory: Arc<Directory>,
}

impl Drop for Stored {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Disk {
    /// Makes nothing yet, but clears away what killed processes have left in `parent`.
    pub(super) fn new(parent: PathBuf) -> Disk {
        remove_leftovers(&parent);
        Disk { parent, directory: Mutex::new(None) }
    }

    /// Where the directory is or will be, for messages.
    pub(super) fn parent(&self) -> &Path {
        &self.parent
    }

    /// Writes bytes to a file of their own. After an error nothing of it is left.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<Stored> {
        self.write_once(bytes).or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            // Someone has cleared the directory away: make another.
            *self.directory.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
            self.write_once(bytes)
        })
    }

    fn write_once(&self, bytes: &[u8]) -> io::Result<Stored> {
        let directory = self.directory()?;
        let path = directory.path.join(directory.next.fetch_add(1, Ordering::Relaxed).to_string());
        let partial = path.with_extension("partial");
        if let Err(error) = fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, &path)) {
            let _ = fs::remove_file(&partial);
            return Err(error);
        }
        Ok(Stored { path, len: bytes.len() as u64, hash: blake3::hash(bytes), _directory: directory })
    }

    fn directory(&self) -> io::Result<Arc<Directory>> {
        let mut slot = self.directory.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(directory) = &*slot {
            return Ok(Arc::clone(directory));
        }
        let directory = Arc::new(make_directory(&self.parent)?);
        *slot = Some(Arc::clone(&directory));
        Ok(directory)
    }
}

impl Stored {
    /// Reads the bytes back, and makes sure that they are the ones that were written.
    pub(super) fn read(&self) -> Result<Vec<u8>, SpillError> {
        let bytes = fs::read(&self.path)
            .map_err(|error| SpillError::Read { path: self.path.clone(), reason: error.to_string() })?;
        if bytes.len() as u64 != self.len || blake3::hash(&bytes) != self.hash {
            return Err(SpillError::Damaged { path: self.path.clone(), written: self.len, found: bytes.len() as u64 });
        }
        Ok(bytes)
    }

    /// Size of the file.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    #[cfg(test)]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Results are nobody else's business.
#[cfg(unix)]
fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(not(unix))]
fn private() -> DirBuilder {
    DirBuilder::new()
}

fn make_directory(parent: &Path) -> io::Result<Directory> {
    fs::create_dir_all(parent)?;
    let builder = private();
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let path = loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // The time, since a process number comes again, and in containers it is often 1.
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.subsec_nanos());
        let path = parent.join(format!("{PREFIX}{}-{number}-{time:08x}", std::process::id()));
        match builder.create(&path) {
            Ok(()) => break path,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    };
    // Locked before it has its name: a lock that others can see is never free while its owner lives.
    let early = path.join("lock.early");
    let lock = File::create_new(&early).and_then(|file| {
        file.try_lock().map_err(io::Error::from)?;
        fs::rename(&early, path.join(LOCK))?;
        Ok(file)
    });
    match lock {
        Ok(lock) => Ok(Directory { path, next: AtomicU64::new(0), _lock: lock }),
        Err(error) => {
            let _ = fs::remove_dir_all(&path);
            Err(error)
        }
    }
}

/// Deletes this user's directories whose process is gone. What resists is left alone: it is not worth an error.
fn remove_leftovers(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let path = entry.path();
        // Of the entry itself: a link could lead anywhere.
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if !metadata.is_dir() || !is_own(&metadata) {
            continue;
        }
        let abandoned = match File::open(path.join(LOCK)) {
            // Held until the directory is gone, so that two processes that start do not both delete it.
            Ok(lock) => match lock.try_lock() {
                Ok(()) => Some(Some(lock)),
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let age = metadata.modified().ok().and_then(|time| time.elapsed().ok());
                age.is_some_and(|age| age > YOUNG).then_some(None)
            }
            Err(_) => None,
        };
        if abandoned.is_some() {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

#[cfg(unix)]
fn is_own(metadata: &fs::Metadata) -> bool {
    // SAFETY: takes nothing and cannot fail.
    std::os::unix::fs::MetadataExt::uid(metadata) == unsafe { libc::geteuid() }
}

#[cfg(not(unix))]
fn is_own(_metadata: &fs::Metadata) -> bool {
    true
}
