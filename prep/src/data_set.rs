//! Data sets that are made as a whole: a folder of files, and what says whether it is there and whole.
//!
//! Files in formats of the engine (Zarr, NetCDF, HDF5, Parquet) the engine writes. This crate does not depend on it, for the
//! kernel depends on this crate and must not contain the engine. So such a data set is a *recipe*, the text of a cell, and
//! whoever calls runs it in a session of the engine that is installed; see [`Recipe`].

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use flate2::Crc;

use crate::PrepError;
use crate::folder::{Folder, MANIFEST, checksum, is_whole};

/// What a session is to run.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The folder that the files go into. It is there, and empty.
    pub folder: PathBuf,
    /// The text of a cell. It leaves no names behind.
    pub code: String,
}

/// What was made or found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedFolder {
    /// The folder that holds the files.
    pub dir: PathBuf,
    /// The bytes of all files together.
    pub bytes: u64,
    /// Whether this call made the files. `false` says they were there already and passed their check.
    pub fresh: bool,
}

/// A data set: how it is called, and which one is wanted.
pub(crate) struct DataSet {
    pub(crate) name: &'static str,
    /// Whether a file or folder in its folder is ours to replace, by its name.
    pub(crate) ours: fn(&OsStr) -> bool,
    /// The note for people.
    pub(crate) note: String,
    /// The beginning of the manifest: which data this is, made how. Another one makes it anew.
    pub(crate) fingerprint: String,
}

/// The fingerprint of data that all of a text decides.
pub(crate) fn fingerprint(name: &str, text: &str) -> String {
    let mut crc = Crc::new();
    crc.update(text.as_bytes());
    format!("taskloom {name} 1\nrecipe {:08x}\n", crc.sum())
}

/// Has a recipe run that fills a folder.
pub(crate) fn run_recipe(
    folder: &Path,
    code: &dyn Fn(&str) -> String,
    run: &mut dyn FnMut(&Recipe) -> Result<(), String>,
) -> Result<(), String> {
    let text = folder.to_str().ok_or_else(|| format!("{} is not Unicode.", folder.display()))?;
    run(&Recipe { code: code(text), folder: folder.to_owned() })
}

impl DataSet {
    /// Makes the files, or finds that they are there and whole. `make` fills the folder that it gets, at most once.
    pub(crate) fn prepare(
        &self,
        data: &Path,
        refresh: bool,
        make: &mut dyn FnMut(&Path) -> Result<(), String>,
        progress: &mut dyn FnMut(&str),
    ) -> Result<PreparedFolder, PrepError> {
        let folder = Folder::new(data, self.name, self.ours)?;
        let prepared = |bytes, fresh| PreparedFolder { dir: folder.dir().to_owned(), bytes, fresh };
        let found = || (!refresh).then(|| verified(&folder, &self.fingerprint)).flatten();
        if let Some(bytes) = found() {
            return Ok(prepared(bytes, false));
        }
        let _lock = folder.lock(progress)?;
        folder.recover();
        if let Some(bytes) = found() {
            return Ok(prepared(bytes, false));
        }
        progress(&format!("Making the data of {}", self.name));
        let staging = folder.staging()?;
        let staged = folder.staged(&staging);
        let failed = |reason: String| PrepError::Recipe { dir: folder.dir().to_owned(), reason };
        let place = std::path::absolute(&staged).map_err(|error| PrepError::file("found", &staged, error))?;
        make(&place).map_err(failed)?;
        let mut files = Vec::new();
        list(&staged, "", &mut files).map_err(|error| PrepError::file("read", &staged, error))?;
        if files.is_empty() {
            return Err(failed("the recipe made no file.".to_owned()));
        }
        let mut manifest = self.fingerprint.clone();
        let mut bytes = 0;
        for name in files {
            let path = staged.join(&name);
            let length = fs::metadata(&path).map(|meta| meta.len());
            let crc = checksum(&path).map_err(|error| PrepError::file("read", &path, error))?;
            let length = length.map_err(|error| PrepError::file("read", &path, error))?;
            bytes += length;
            let _ = writeln!(manifest, "file {length} {crc:08x} {name}");
        }
        folder.publish(&staging, &self.note, &manifest)?;
        Ok(prepared(bytes, true))
    }
}

/// The bytes of all files, when they are there, whole, and what is wanted.
fn verified(folder: &Folder, wanted: &str) -> Option<u64> {
    let text = fs::read_to_string(folder.target().join(MANIFEST)).ok()?;
    let mut bytes = 0;
    for line in text.strip_prefix(wanted)?.lines() {
        let mut parts = line.strip_prefix("file ")?.splitn(3, ' ');
        let length: u64 = parts.next()?.parse().ok()?;
        let crc = u32::from_str_radix(parts.next()?, 16).ok()?;
        if !is_whole(&folder.target().join(parts.next()?), length, crc) {
            return None;
        }
        bytes += length;
    }
    (bytes > 0 && folder.has_note()).then_some(bytes)
}

/// The files of a folder and of those in it, by their path from there, in order.
fn list(folder: &Path, before: &str, files: &mut Vec<String>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{before}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.push(name);
        }
    }
    Ok(())
}
