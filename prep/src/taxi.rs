//! A year of New York's yellow taxis.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::PrepError;
use crate::data_set::{DataSet, PreparedFolder, Recipe, fingerprint, run_recipe};

/// The zones: place, kind, longitude, latitude, how many trips begin there, and the name. Numbers, names and middles are
/// those of the city's Taxi and Limousine Commission.
const ZONES: &str = include_str!("recipes/nyctaxi/zones.txt");
const MADE_UP: [&str; 5] = [
    include_str!("recipes/nyctaxi/uses.rs"),
    include_str!("recipes/nyctaxi/model.rs"),
    include_str!("recipes/nyctaxi/trips.rs"),
    include_str!("recipes/nyctaxi/text.rs"),
    include_str!("recipes/nyctaxi/files.rs"),
];
const REAL: &str = include_str!("recipes/nyctaxi/real.rs");

/// A year of yellow-taxi trips, to be prepared in the folder `nyctaxi`: `yellow_tripdata_2019-01.parquet` and so on, the same
/// as CSV, and the table of zones in `zones/taxi_zone_lookup.csv`.
///
/// The columns are those of the city's files from 2015 on. The trips are made up, with the city's rush hours, weekends,
/// seasons, holidays, fares, tips and mistakes; or [`real`](Self::from), where somebody has the files.
///
/// ```
/// use taskloom_prep::Taxi;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let data = tempfile::tempdir()?;
/// let taxi = Taxi::new(data.path()).trips(100_000);
/// // A session of the engine would run `recipe.code`.
/// let made = taxi.prepare(&mut |recipe| {
///     assert!(recipe.code.contains("ParquetWriter"));
///     std::fs::write(recipe.folder.join("yellow_tripdata_2019-01.csv"), "…").map_err(|error| error.to_string())
/// }, &mut |step| println!("{step}"))?;
/// assert!(made.fresh);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Taxi {
    data: PathBuf,
    trips: u64,
    year: i32,
    seed: u64,
    csv: bool,
    real: Option<PathBuf>,
    refresh: bool,
}

impl Taxi {
    /// Trips to be prepared inside `data`. Until told otherwise, two million of 2019, made from the seed 0.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), trips: 2_000_000, year: 2019, seed: 0, csv: true, real: None, refresh: false }
    }

    /// How many trips the year has, at least 12,000. There really were 84 million.
    #[must_use]
    pub fn trips(mut self, trips: u64) -> Self {
        self.trips = trips.max(12_000);
        self
    }

    /// The year, from 2015 to 2019.
    #[must_use]
    pub fn year(mut self, year: i32) -> Self {
        self.year = year.clamp(2015, 2019);
        self
    }

    /// The seed. The same seed and number give the same trips on every machine and any number of cores.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether there are CSV files too. They take four times the room of the Parquet files.
    #[must_use]
    pub fn csv(mut self, csv: bool) -> Self {
        self.csv = csv;
        self
    }

    /// Takes the real trips, from a folder with files of the city's commission (Parquet or CSV), instead of making some up. Names
    /// and types of columns, which have changed over the years, become those of 2019.
    #[must_use]
    pub fn from(mut self, folder: impl Into<PathBuf>) -> Self {
        self.real = Some(folder.into());
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
        let data_set = DataSet {
            name: "nyctaxi",
            ours: is_ours,
            note: self.note(),
            // Which real files there are is part of what is wanted.
            fingerprint: fingerprint("nyctaxi", &format!("{}{}", self.code(""), self.found())),
        };
        data_set.prepare(
            &self.data,
            self.refresh,
            &mut |folder| run_recipe(folder, &|text| self.code(text), run),
            progress,
        )
    }

    fn note(&self) -> String {
        let zones =
            "Numbers, names and middles of the zones: New York City Taxi and Limousine Commission (NYC Open Data).\n";
        match &self.real {
            Some(folder) => format!(
                "These trips are REAL: files of the New York City Taxi and Limousine Commission, with the columns of 2019.\n\
                 Where a file has coordinates instead of zones, the zone is 264 (unknown).\n\n\
                 Source:  {}\n{zones}",
                folder.display()
            ),
            None => format!(
                "These taxi trips are SYNTHETIC: nobody was driven.\n\
                 They have the columns, the rush hours, the fares, the tips and the mistakes of the real ones, and none of them.\n\n\
                 Source:  made by Taskloom\n\
                 Licence: CC0, public domain\n{zones}"
            ),
        }
    }

    /// The real files by name and length.
    fn found(&self) -> String {
        let Some(folder) = &self.real else { return String::new() };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let length = |entry: &std::fs::DirEntry| entry.metadata().map_or(0, |meta| meta.len());
        let mut files: Vec<String> =
            entries.map(|entry| format!("{} {}\n", entry.file_name().to_string_lossy(), length(&entry))).collect();
        files.sort();
        files.concat()
    }

    fn code(&self, folder: &str) -> String {
        let Self { trips, year, seed, csv, .. } = self;
        let mut code = format!(
            "{{\nconst FOLDER: &str = {folder:?};\nconst YEAR: i64 = {year};\nconst SEED: u64 = {seed};\nconst CSV: bool = {csv};\nconst PARQUET: bool = true;\n\
             const ZONES: &str = {ZONES:?};\n{}\n",
            MADE_UP.concat()
        );
        match &self.real {
            None => code += &format!("write_year(Path::new(FOLDER), {trips})?;\n}}\n"),
            Some(real) => {
                let real = std::path::absolute(real).unwrap_or_else(|_| real.clone());
                code +=
                    &format!("{REAL}\nwrite_real(Path::new({:?}), Path::new(FOLDER))?;\n}}\n", real.to_string_lossy());
            }
        }
        code
    }
}

fn is_ours(name: &OsStr) -> bool {
    let path = Path::new(name);
    name == "zones" || path.extension().is_some_and(|ending| ending == "parquet" || ending == "csv")
}
