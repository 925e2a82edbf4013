//! Accounts: what Dask's tutorial counts and folds. People with transactions, as lines of JSON and as tables.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::PrepError;
use crate::data_set::{DataSet, PreparedFolder, fingerprint};

/// The files of lines, and those of tables.
const FILES: [usize; 2] = [10, 3];
/// The lines of all tables together, for each record.
const LINES: usize = 4;

const NAMES: [&str; 26] = [
    "Alice", "Bob", "Charlie", "Dan", "Edith", "Frank", "George", "Hannah", "Ingrid", "Jerry", "Kevin", "Laura",
    "Michael", "Norbert", "Oliver", "Patricia", "Quinn", "Ray", "Sarah", "Tim", "Ursula", "Victor", "Wendy", "Xavier",
    "Yvonne", "Zelda",
];

/// Accounts, to be prepared in the folder `accounts`: `accounts.0.json.gz` to `accounts.9.json.gz`, each line of which is a
/// person with an `id`, a `name` and a list of `transactions`; and `accounts.0.csv` to `accounts.2.csv`, with the columns
/// `id`, `names` and `amount`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let data = tempfile::tempdir()?;
/// let made = taskloom_prep::Accounts::new(data.path()).records(100).prepare(&mut |_| {})?;
/// assert!(made.dir.join("accounts.9.json.gz").is_file());
/// assert!(made.dir.join("accounts.2.csv").is_file());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Accounts {
    data: PathBuf,
    records: usize,
    seed: u64,
    refresh: bool,
}

impl Accounts {
    /// Accounts to be prepared inside `data`: 50,000 records, made from the seed 0.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), records: 50_000, seed: 0, refresh: false }
    }

    /// How many records there are in the JSON files together; the tables have four times as many lines.
    #[must_use]
    pub fn records(mut self, records: usize) -> Self {
        self.records = records;
        self
    }

    /// The seed. The same seed and number of records give the same records on every machine.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether to make the files anew even when the folder already holds good ones.
    #[must_use]
    pub fn refresh(mut self, refresh: bool) -> Self {
        self.refresh = refresh;
        self
    }

    /// Makes the files, or finds that they are there and whole.
    ///
    /// # Errors
    /// [`PrepError`] when the files cannot be written. After an error the folder is as it was before.
    pub fn prepare(&self, progress: &mut dyn FnMut(&str)) -> Result<PreparedFolder, PrepError> {
        let data_set = DataSet {
            name: "accounts",
            ours: is_ours,
            note: "These accounts are SYNTHETIC: there are no such people, and nobody paid anything.\n\
                   They have the shape of the accounts in Dask's tutorial.\n\n\
                   Source:  made by Taskloom\n\
                   Licence: CC0, public domain\n"
                .to_owned(),
            fingerprint: fingerprint("accounts", &format!("1 {} {}", self.records, self.seed)),
        };
        let mut failed = None;
        let made = data_set.prepare(
            &self.data,
            self.refresh,
            &mut |folder| {
                self.write(folder).map_err(|error| {
                    let text = error.to_string();
                    failed = Some(PrepError::file("written", folder, error));
                    text
                })
            },
            progress,
        );
        // A full disk has a sentence of its own.
        made.map_err(|error| failed.unwrap_or(error))
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        // Each file has random numbers of its own, so it does not matter who writes it.
        let jobs: Vec<(usize, usize)> =
            (0..2).flat_map(|kind| (0..FILES[kind]).map(move |file| (kind, file))).collect();
        let next = std::sync::atomic::AtomicUsize::new(0);
        let work = || {
            while let Some(&(kind, file)) = jobs.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
                rng.set_stream((kind * FILES[0] + file) as u64);
                let count = if kind == 0 { self.records } else { self.records * LINES };
                let (start, end) = (count * file / FILES[kind], count * (file + 1) / FILES[kind]);
                match kind {
                    0 => write_json(
                        &folder.join(format!("accounts.{file}.json.gz")),
                        start..end,
                        self.people(),
                        &mut rng,
                    )?,
                    _ => write_csv(&folder.join(format!("accounts.{file}.csv")), end - start, self.people(), &mut rng)?,
                }
            }
            Ok(())
        };
        let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get()).min(jobs.len());
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().expect("making accounts up does not panic"))
        })
    }

    /// How many people there are: each has some records.
    fn people(&self) -> usize {
        (self.records / 100).clamp(26, 10_000)
    }
}

fn is_ours(name: &OsStr) -> bool {
    name.to_str()
        .is_some_and(|name| name.starts_with("accounts.") && (name.ends_with(".csv") || name.ends_with(".json.gz")))
}

fn name_of(person: usize) -> &'static str {
    NAMES[person * 7 % NAMES.len()]
}

/// What a person pays: some much, some little, and at times back.
fn amount(person: usize, rng: &mut ChaCha8Rng) -> i64 {
    let usual = [3.0, 20.0, 150.0, 400.0, 1_000.0, 2_500.0][person % 6];
    let around = (0..4).map(|_| rng.random::<f64>()).sum::<f64>() - 2.0;
    (usual * (1.0 + around * 0.6)) as i64
}

fn write_json(path: &Path, records: std::ops::Range<usize>, people: usize, rng: &mut ChaCha8Rng) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, GzEncoder::new(File::create(path)?, Compression::new(4)));
    for record in records {
        let person = record % people;
        write!(out, "{{\"id\": {person}, \"name\": \"{}\", \"transactions\": [", name_of(person))?;
        // Few have many.
        let part = rng.random::<f64>();
        let count = (part * part * part * 24.0) as usize + usize::from(person % 3 > 0);
        for at in 0..count {
            let before = if at > 0 { ", " } else { "" };
            let id = rng.random_range(0..10_000_000);
            write!(out, "{before}{{\"transaction-id\": {id}, \"amount\": {}}}", amount(person, rng))?;
        }
        out.write_all(b"]}\n")?;
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    Ok(())
}

fn write_csv(path: &Path, lines: usize, people: usize, rng: &mut ChaCha8Rng) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, File::create(path)?);
    out.write_all(b"id,names,amount\n")?;
    for _ in 0..lines {
        let person = rng.random_range(0..people);
        writeln!(out, "{person},{},{}", name_of(person), amount(person, rng))?;
    }
    out.flush()
}
