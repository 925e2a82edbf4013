//! Writing files whole or not at all.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A report or trace that could not be written. What was there before is untouched.
#[derive(Debug)]
pub struct SaveError {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl SaveError {
    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SaveError { what, path, source } = self;
        let path = path.display();
        write!(
            f,
            "could not write the {what} to {path}: {source}; check that the folder is there and can be written to"
        )
    }
}

impl std::error::Error for SaveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Writes a file beside its place, then moves it there, so that nobody ever sees half of it.
pub(super) fn write_beside(
    what: &'static str,
    path: &Path,
    write: impl FnOnce(&mut BufWriter<std::fs::File>) -> io::Result<()>,
) -> Result<(), SaveError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);

    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}-{}.part", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    let part = path.with_file_name(name);
    let attempt = || {
        let mut file = BufWriter::with_capacity(1 << 16, OpenOptions::new().write(true).create_new(true).open(&part)?);
        write(&mut file)?;
        file.flush()?;
        file.get_ref().sync_all()?;
        std::fs::rename(&part, path)
    };
    attempt().map_err(|source| {
        // Nothing half-made stays behind; that the part may not be there either is no further news.
        let _ = std::fs::remove_file(&part);
        SaveError { what, path: path.to_owned(), source }
    })
}
