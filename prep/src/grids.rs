//! Gridded data: temperatures of the sea, and a month of weather.
//!
//! The files are Zarr, NetCDF and HDF5, and the engine writes them, by a [`Recipe`].

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::PrepError;
use crate::data_set::{DataSet, PreparedFolder, Recipe, fingerprint, run_recipe};

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
    ) -> Result<PreparedFolder, PrepError> {
        self.data_set().prepare(
            &self.data,
            self.refresh,
            &mut |folder| run_recipe(folder, &|text| self.code(text), run),
            progress,
        )
    }

    fn data_set(&self) -> DataSet {
        DataSet {
            name: self.grid.name(),
            ours: Grid::is_ours,
            note: self.grid.note(),
            fingerprint: fingerprint(self.grid.name(), &self.code("")),
        }
    }

    fn code(&self, folder: &str) -> String {
        let (detail, recipe) = (self.detail, self.grid.recipe());
        format!(
            "{{\nconst FOLDER: &str = {folder:?};\n#[allow(dead_code)]\nconst DETAIL: usize = {detail};\n\
             const LAND: &str = {LAND:?};\n{COMMON}\n{recipe}\n}}\n"
        )
    }
}
