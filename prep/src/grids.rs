//! Gridded data: temperatures of the sea, and a month of weather.
//!
//! The files are Zarr, NetCDF and HDF5, and the engine writes them. This crate does not depend on it, for the kernel depends on this
//! crate and must not contain the engine. So each data set is a *recipe*, the text of a cell, and whoever calls runs it in a session
//! of the engine that is installed; see [`Recipe`].

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use flate2::Crc;

use crate::PrepError;
use crate::folder::{Folder, MANIFEST, checksum, is_whole};

/// Where there is land: from Natural Earth's map of the world at 1:110 million, which is in the public domain.
const LAND: &str = include_str!("recipes/land.txt");
/// What all recipes use.
const COMMON: &str = include_str!("recipes/common.rs");

/// A data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grid {
    /// Thirty years of monthly temperatures of the sea's surface, in `ocean/sst.zarr` and `ocean/sst.nc`.
    Ocean,
    /// The temperature of each day of a January, in `weather/2021-01-01.h5` and so on.
    Weather,
}

impl Grid {
    /// All there are.
    pub const ALL: [Grid; 2] = [Grid::Ocean, Grid::Weather];

    /// The name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Grid::Ocean => "ocean",
            Grid::Weather => "weather",
        }
    }

    fn recipe(self) -> &'static str {
        match self {
            Grid::Ocean => include_str!("recipes/ocean.rs"),
            Grid::Weather => include_str!("recipes/weather.rs"),
        }
    }

    fn note(self) -> String {
        let (what, like) = match self {
            Grid::Ocean => (
                "temperatures of the sea's surface, month by month from 1990 to 2019",
                "They have the seasons, the warming and the El Niño years of the real ocean, and none of its values.",
            ),
            Grid::Weather => (
                "temperatures of the air near the ground, on each day of a January",
                "They look like weather, and are nobody's.",
            ),
        };
        format!(
            "These {what}, are SYNTHETIC: they were made up and never measured.\n{like}\n\n\
             Source:  made by Taskloom; coasts from Natural Earth (public domain)\n\
             Licence: CC0, public domain\n"
        )
    }

    fn is_ours(name: &OsStr) -> bool {
        Path::new(name).extension().is_some_and(|ending| ending == "zarr" || ending == "nc" || ending == "h5")
    }
}

/// What a session is to run.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The folder that the files go into. It is there, and empty.
    pub folder: PathBuf,
    /// The text of a cell. It leaves no names behind.
    pub code: String,
}

/// Gridded data, to be prepared in a folder.
///
/// ```
/// use taskloom_prep::{Grid, Grids};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let data = tempfile::tempdir()?;
/// let ocean = Grids::new(data.path(), Grid::Ocean);
/// // A session of the engine would run `recipe.code`.
/// let made = ocean.prepare(&mut |recipe| {
///     assert!(recipe.code.contains("to_zarr"));
///     std::fs::write(recipe.folder.join("sst.nc"), "…").map_err(|error| error.to_string())
/// }, &mut |step| println!("{step}"))?;
/// assert!(made.fresh && made.dir.join("sst.nc").is_file());
/// assert!(!ocean.prepare(&mut |_| Err("not again".into()), &mut |_| {})?.fresh);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Grids {
    data: PathBuf,
    grid: Grid,
    detail: usize,
    refresh: bool,
}

/// What [`Grids::prepare`] made or found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedGrids {
    /// The folder that holds the files.
    pub dir: PathBuf,
    /// The bytes of all files together.
    pub bytes: u64,
    /// Whether this call made the files. `false` says they were there already and passed their check.
    pub fresh: bool,
}

/// The most for [`Grids::detail`]: 31 days of 5760 × 11520.
const MOST_DETAIL: usize = 16;

impl Grids {
    /// A data set to be prepared in a folder of its name inside `data`. Both folders are made when they are missing.
    pub fn new(data: impl Into<PathBuf>, grid: Grid) -> Self {
        Self { data: data.into(), grid, detail: 1, refresh: false }
    }

    /// How fine the grid of the weather is: so many times as many rows and columns as half a degree gives, from 1 to 16. The ocean
    /// has one size.
    #[must_use]
    pub fn detail(mut self, detail: usize) -> Self {
        self.detail = detail.clamp(1, MOST_DETAIL);
        self
    }

    /// Whether to make the files anew even when the folder already holds good ones.
    #[must_use]
    pub fn refresh(mut self, refresh: bool) -> Self {
        self.refresh = refresh;
        self
    }

    /// Makes the files, or finds that they are there and whole. `run` gets what a session is to run, at most once.
    ///
    /// # Errors
    /// [`PrepError`] when the files cannot be written, or `run` fails. After an error the folder is as it was before.
    pub fn prepare(
        &self,
        run: &mut dyn FnMut(&Recipe) -> Result<(), String>,
        progress: &mut dyn FnMut(&str),
    ) -> Result<PreparedGrids, PrepError> {
        let folder = Folder::new(&self.data, self.grid.name(), Grid::is_ours)?;
        let prepared = |bytes, fresh| PreparedGrids { dir: folder.dir().to_owned(), bytes, fresh };
        let wanted = self.fingerprint();
        let found = || (!self.refresh).then(|| verified(&folder, &wanted)).flatten();
        if let Some(bytes) = found() {
            return Ok(prepared(bytes, false));
        }
        let _lock = folder.lock(progress)?;
        folder.recover();
        if let Some(bytes) = found() {
            return Ok(prepared(bytes, false));
        }
        progress(&format!("Making the data of {} up", self.grid.name()));
        let staging = folder.staging()?;
        let staged = folder.staged(&staging);
        let failed = |reason: String| PrepError::Recipe { dir: folder.dir().to_owned(), reason };
        let place = std::path::absolute(&staged).map_err(|error| PrepError::file("found", &staged, error))?;
        let text = place.to_str().ok_or_else(|| failed(format!("{} is not Unicode.", place.display())))?;
        let recipe = Recipe { code: self.code(text), folder: place };
        run(&recipe).map_err(failed)?;
        let mut files = Vec::new();
        list(&staged, "", &mut files).map_err(|error| PrepError::file("read", &staged, error))?;
        if files.is_empty() {
            return Err(failed("the recipe made no file.".to_owned()));
        }
        let mut manifest = wanted;
        let mut bytes = 0;
        for name in files {
            let path = staged.join(&name);
            let length = fs::metadata(&path).map(|meta| meta.len());
            let crc = checksum(&path).map_err(|error| PrepError::file("read", &path, error))?;
            let length = length.map_err(|error| PrepError::file("read", &path, error))?;
            bytes += length;
            let _ = writeln!(manifest, "file {length} {crc:08x} {name}");
        }
        folder.publish(&staging, &self.grid.note(), &manifest)?;
        Ok(prepared(bytes, true))
    }

    fn code(&self, folder: &str) -> String {
        let (detail, recipe) = (self.detail, self.grid.recipe());
        format!(
            "{{\nconst FOLDER: &str = {folder:?};\n#[allow(dead_code)]\nconst DETAIL: usize = {detail};\n\
             const LAND: &str = {LAND:?};\n{COMMON}\n{recipe}\n}}\n"
        )
    }

    /// The beginning of the manifest: which data this is, made how. Another recipe makes it anew.
    fn fingerprint(&self) -> String {
        let mut crc = Crc::new();
        crc.update(self.code("").as_bytes());
        format!("taskloom {} 1\nrecipe {:08x}\n", self.grid.name(), crc.sum())
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
