//! A folder of data: new files get into it all at once, or not at all.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Crc;
use tempfile::TempDir;

use crate::PrepError;

/// The note for people.
const NOTE: &str = "SOURCE.txt";
/// The note for the next run.
pub(crate) const MANIFEST: &str = ".manifest";
/// What is in the name of each hidden folder that is being filled.
const STAGING: &str = "-staging-";

/// The folder a person knows, for a path that may lie in a staging folder.
pub(crate) fn visible(path: &Path) -> PathBuf {
    let hidden = |part: &OsStr| {
        let name = part.to_string_lossy();
        name.starts_with('.') && name.contains(STAGING)
    };
    match path.ancestors().find(|part| part.file_name().is_some_and(hidden)) {
        Some(staging) => staging.parent().unwrap_or(path).to_owned(),
        None => path.to_owned(),
    }
}

/// Whether a file is as long as it was, and holds the same bytes.
pub(crate) fn is_whole(path: &Path, bytes: u64, crc: u32) -> bool {
    // The size is compared first: it is free, and tells most damage.
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() == bytes)
        && checksum(path).is_ok_and(|found| found == crc)
}

/// The place of a data set on the disk.
pub(crate) struct Folder {
    name: &'static str,
    /// Whether a file or folder in it is ours to replace, by its name.
    ours: fn(&OsStr) -> bool,
    /// The folder as the caller named it.
    dir: PathBuf,
    /// The same folder with links followed, so that a linked folder stays on the disk it was put on.
    target: PathBuf,
    /// Where the target lies, and where hidden work is done: a rename works only within one disk.
    parent: PathBuf,
}

impl Folder {
    pub(crate) fn new(data: &Path, name: &'static str, ours: fn(&OsStr) -> bool) -> Result<Self, PrepError> {
        let dir = data.join(name);
        for path in [data, &dir] {
            if path.is_file() {
                return Err(PrepError::NotAFolder { path: path.to_owned() });
            }
        }
        let target = fs::canonicalize(&dir).unwrap_or_else(|_| dir.clone());
        let parent = target.parent().unwrap_or(data).to_owned();
        Ok(Self { name, ours, dir, target, parent })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Whether the note for people is there.
    pub(crate) fn has_note(&self) -> bool {
        self.target.join(NOTE).is_file()
    }

    fn old(&self) -> PathBuf {
        self.parent.join(format!(".{}-old", self.name))
    }

    /// Waits until no other process prepares this folder, and keeps others out until the result is dropped.
    pub(crate) fn lock(&self, progress: &mut dyn FnMut(&str)) -> Result<File, PrepError> {
        fs::create_dir_all(&self.parent).map_err(|error| PrepError::file("made", &self.parent, error))?;
        let path = self.parent.join(format!(".{}.lock", self.name));
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| PrepError::file("written", &path, error))?;
        if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
            progress("Waiting for another run that is preparing the same folder");
            // Some network disks cannot lock. Going on without is then better than not working at all.
            let _ = file.lock();
        }
        Ok(file)
    }

    /// Clears away what an interrupted run left. To be called with the lock held.
    pub(crate) fn recover(&self) {
        let old = self.old();
        if fs::symlink_metadata(&old).is_ok() {
            if self.target.exists() {
                self.retire(&old);
            } else {
                // The run ended between the two renames of `publish`.
                let _ = fs::rename(&old, &self.target);
            }
        }
        let Ok(entries) = fs::read_dir(&self.parent) else {
            return;
        };
        let staging = format!(".{}{STAGING}", self.name);
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&staging) {
                // What cannot be removed is hidden and in nobody's way.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// A hidden folder on the target's disk, removed when dropped. What is to be moved into place goes into
    /// [`staged`](Self::staged).
    pub(crate) fn staging(&self) -> Result<TempDir, PrepError> {
        let staging = tempfile::Builder::new()
            .prefix(&format!(".{}{STAGING}", self.name))
            .tempdir_in(&self.parent)
            .map_err(|error| PrepError::file("written", &self.parent, error))?;
        let path = self.staged(&staging);
        fs::create_dir(&path).map_err(|error| PrepError::file("made", &path, error))?;
        Ok(staging)
    }

    /// What gets moved into place. It is a folder of its own, with the ordinary access rights that a temporary folder does
    /// not have.
    pub(crate) fn staged(&self, staging: &TempDir) -> PathBuf {
        staging.path().join(self.name)
    }

    /// Completes what is staged with note and manifest, and moves it into place.
    pub(crate) fn publish(&self, staging: &TempDir, note: &str, manifest: &str) -> Result<(), PrepError> {
        let staged = self.staged(staging);
        for (name, text) in [(NOTE, note), (MANIFEST, manifest)] {
            let path = staged.join(name);
            write_whole(&path, text.as_bytes()).map_err(|error| PrepError::file("written", &path, error))?;
        }
        let old = self.old();
        let replaces = self.target.exists();
        if replaces {
            fs::rename(&self.target, &old).map_err(|error| PrepError::file("moved", &self.target, error))?;
        }
        if let Err(error) = fs::rename(&staged, &self.target) {
            if replaces {
                let _ = fs::rename(&old, &self.target);
            }
            return Err(PrepError::file("moved into place", &self.target, error));
        }
        if replaces {
            self.retire(&old);
        }
        Ok(())
    }

    /// Removes a replaced folder, after bringing over what in it was not ours.
    fn retire(&self, old: &Path) {
        let is_ours = |name: &OsStr| name == NOTE || name == MANIFEST || (self.ours)(name);
        let mut all_moved = true;
        for entry in fs::read_dir(old).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if is_ours(&name) {
                continue;
            }
            let to = self.target.join(&name);
            all_moved &= fs::symlink_metadata(&to).is_err() && fs::rename(entry.path(), to).is_ok();
        }
        if all_moved {
            let _ = fs::remove_dir_all(old);
            return;
        }
        // Somebody's file is still in there, so only ours go.
        for entry in fs::read_dir(old).into_iter().flatten().flatten().filter(|entry| is_ours(&entry.file_name())) {
            let _ = fs::remove_file(entry.path()).or_else(|_| fs::remove_dir_all(entry.path()));
        }
    }
}

/// The CRC-32 of all bytes.
pub(crate) fn checksum(path: &Path) -> io::Result<u32> {
    let mut file = File::open(path)?;
    let mut crc = Crc::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(crc.sum()),
            read => crc.update(&buffer[..read]),
        }
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
