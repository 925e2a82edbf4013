//! What dataframes cost, beside Polars, dask.dataframe, DuckDB and pandas: `cargo measure frames`.
//!
//! Each line is one kind of work on a year of taxi trips: the median of a few runs here, and the same work by the peers on two
//! threads (`frame_peers.py`, run by the Python that `TASKLOOM_PEER_PYTHON` names, or `python3`), in the same minute. Without
//! them the columns stay empty. Names of works choose some: `cargo measure frames -- tips csv-tips`. The trips, 20 million or as
//! many as `TASKLOOM_MEASURE_TRIPS` says, are made once, in the folder for temporary files. Two threads throughout.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use taskloom::dataframe::{CsvOptions, len, read_csv_with};
use taskloom::polars::prelude::TimeUnit;
use taskloom::prelude::*;

/// How `taskloom prep` makes trips up.
mod trips {
    const YEAR: i64 = 2019;
    const SEED: u64 = 0;
    const CSV: bool = true;
    const PARQUET: bool = true;
    const ZONES: &str = include_str!("../../prep/src/recipes/nyctaxi/zones.txt");
    include!("../../prep/src/recipes/nyctaxi/uses.rs");
    include!("../../prep/src/recipes/nyctaxi/model.rs");
    include!("../../prep/src/recipes/nyctaxi/trips.rs");
    include!("../../prep/src/recipes/nyctaxi/text.rs");
    include!("../../prep/src/recipes/nyctaxi/files.rs");

    pub(crate) fn make(folder: &Path, trips: u64) -> PolarsResult<()> {
        write_year(folder, trips)
    }
}

const THREADS: Scheduler = Scheduler::Threads(2);
const PEERS: [&str; 4] = ["polars", "dask", "duckdb", "pandas"];
const WORKS: [(&str, &str); 12] = [
    ("tips", "mean tip by passengers and hour"),
    ("days", "trips a day"),
    ("filter", "filter and 3 aggregations"),
    ("csv-tips", "CSV: mean tip by passengers and hour"),
    ("csv-days", "CSV: trips a day"),
    ("csv-filter", "CSV: filter and 3 aggregations"),
    ("join", "join with zones, mean fare by borough"),
    ("sort", "sort four columns by time"),
    ("shuffle", "sum of fares for each second"),
    ("spread", "spread of fares for each second"),
    ("nunique", "different seconds"),
    ("five", "five results at once"),
];

/// The median time of some runs, in seconds; one run before them warms up. What takes long is run once more only.
fn median(mut work: impl FnMut()) -> f64 {
    let mut run = || {
        let began = Instant::now();
        work();
        began.elapsed().as_secs_f64()
    };
    let runs = if run() < 5.0 { 5 } else { 1 };
    let mut times: Vec<f64> = (0..runs).map(|_| run()).collect();
    times.sort_by(f64::total_cmp);
    times[runs / 2]
}

/// The folder with the trips, which are made when they are not there.
fn made(trips: u64) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("taskloom-measure-trips-{trips}"));
    if !folder.exists() {
        eprintln!("making {trips} trips in {}", folder.display());
        let staging = folder.with_extension("part");
        let _ = std::fs::remove_dir_all(&staging);
        std::fs::create_dir_all(&staging).expect("the folder for temporary files can be written to");
        trips::make(&staging, trips).expect("there is room for the trips");
        std::fs::rename(&staging, &folder).expect("nothing else has that name");
    }
    folder
}

/// The peers' seconds for the same work.
fn peers(folder: &Path, work: &str) -> [Option<f64>; 4] {
    let python = std::env::var("TASKLOOM_PEER_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/frame_peers.py");
    let Ok(output) = Command::new(python).arg(script).arg(folder).arg(work).output() else { return [None; 4] };
    let Ok(said) = serde_json::from_slice::<serde_json::Value>(&output.stdout) else { return [None; 4] };
    PEERS.map(|peer| said[peer].as_f64())
}

fn line(name: &str, ours: f64, peers: [Option<f64>; 4]) {
    let column = |peer: Option<f64>| match peer {
        Some(seconds) => format!("{seconds:>8.2} s {:>6.2} ×", seconds / ours),
        None => " ".repeat(19),
    };
    println!("{name:<40} {ours:>8.3} s {}", peers.map(column).join(" "));
}

/// The trips, from Parquet or CSV.
fn open(folder: &Path, is_csv: bool) -> DataFrame {
    if !is_csv {
        return read_parquet(folder.join("*.parquet")).expect("they were written");
    }
    // As the peers are told: only in later months is there a surcharge.
    let time = DataType::Datetime(TimeUnit::Microseconds, None);
    let mut options =
        CsvOptions::new().dtype("tpep_pickup_datetime", time.clone()).dtype("tpep_dropoff_datetime", time);
    let floats = [
        "trip_distance",
        "fare_amount",
        "extra",
        "mta_tax",
        "tip_amount",
        "tolls_amount",
        "improvement_surcharge",
        "total_amount",
        "congestion_surcharge",
    ];
    for name in floats {
        options = options.dtype(name, DataType::Float64);
    }
    read_csv_with(folder.join("*.csv"), &options).expect("they were written")
}

fn run(frame: &DataFrame) {
    black_box(frame.compute_with(THREADS).expect("arithmetic does not fail"));
}

fn hour() -> Expr {
    col("tpep_pickup_datetime").dt().hour().alias("hour")
}

fn work(folder: &Path, name: &str) {
    let trips = open(folder, name.starts_with("csv-"));
    match name.trim_start_matches("csv-") {
        "tips" => run(&trips.with_columns([hour()]).groupby(["passenger_count", "hour"]).agg(col("tip_amount").mean())),
        "days" => {
            let day = col("tpep_pickup_datetime").dt().truncate(lit("1d")).alias("day");
            run(&trips.select([day]).groupby("day").agg(len()));
        }
        "filter" => {
            let zero = || lit(0.0);
            let condition = col("trip_distance").gt(zero()).and(col("trip_distance").lt(lit(100.0)));
            let good = trips.filter(condition.and(col("fare_amount").gt(zero())));
            let (tip, far, fares) =
                (good.col("tip_amount").mean(), good.col("trip_distance").max(), good.col("fare_amount").sum());
            black_box(compute!(tip, far, fares; THREADS).expect("arithmetic does not fail"));
        }
        "join" => {
            let zones = taskloom::dataframe::read_csv(folder.join("zones/*.csv")).expect("they were written");
            let both = trips.join(&zones, "PULocationID", "LocationID", How::Inner);
            run(&both.groupby("Borough").agg(col("fare_amount").mean()));
        }
        "sort" => {
            let columns = ["tpep_dropoff_datetime", "fare_amount", "tip_amount", "total_amount"];
            run(&trips.select(columns).sort_values("tpep_dropoff_datetime"));
        }
        // In no order, as the peers give it.
        "shuffle" => run(&trips.groupby("tpep_pickup_datetime").sort(false).agg(col("fare_amount").sum())),
        "spread" => run(&trips.groupby("tpep_pickup_datetime").sort(false).agg(col("fare_amount").std(1))),
        "nunique" => {
            black_box(compute!(trips.col("tpep_dropoff_datetime").nunique(); THREADS).expect("counting does not fail"));
        }
        "five" => {
            let tip = trips.col("tip_amount").mean();
            let far = trips.col("trip_distance").max();
            let fares = trips.groupby("passenger_count").agg(col("fare_amount").mean());
            let spread = trips.col("fare_amount").std();
            let hours = trips.select([hour()]).groupby("hour").agg(len());
            black_box(compute!(tip, far, fares, spread, hours; THREADS).expect("arithmetic does not fail"));
        }
        other => panic!("there is no work `{other}`"),
    }
}

/// The five results one after another.
fn apart(folder: &Path) {
    let trips = open(folder, false);
    let done = "arithmetic does not fail";
    black_box(compute!(trips.col("tip_amount").mean(); THREADS).expect(done));
    black_box(compute!(trips.col("trip_distance").max(); THREADS).expect(done));
    run(&trips.groupby("passenger_count").agg(col("fare_amount").mean()));
    black_box(compute!(trips.col("fare_amount").std(); THREADS).expect(done));
    run(&trips.select([hour()]).groupby("hour").agg(len()));
}

/// Has glibc keep freed blocks, as the runner of a notebook has it, and as the peers' own allocators do. Where it gives them
/// back at once, new pages take as long as all the rest: a program of yours does the same, or brings an allocator along.
fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets two numbers of the allocator's, before any other thread runs.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 64 << 20);
    }
}

fn main() {
    keep_freed_memory();
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let trips = std::env::var("TASKLOOM_MEASURE_TRIPS").ok().and_then(|trips| trips.parse().ok()).unwrap_or(20_000_000);
    let folder = made(trips);
    let heads = PEERS.map(|peer| format!("{peer:>19}")).join(" ");
    println!("{:<40} {:>10} {heads}", format!("{trips} trips"), "Taskloom");
    for (name, about) in WORKS {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        let ours = median(|| work(&folder, name));
        line(about, ours, peers(&folder, name));
        if name == "five" {
            let alone = median(|| apart(&folder));
            println!("{:<40} {alone:>8.3} s {:>17.2} ×", "the same, one after another", alone / ours);
        }
    }
}
