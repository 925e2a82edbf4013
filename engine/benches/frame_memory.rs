//! What dataframes hold in memory, on data eight times as large as they may have: `cargo measure frame_memory`.
//!
//! 110 million taxi trips are 16 GiB in memory. Each work runs in a process of its own that the system gives 2 GiB
//! (`RLIMIT_DATA`: what is written, and not what is mapped), and so does the same work by Polars, dask.dataframe and DuckDB
//! (`frame_memory_peers.py`, run by the Python that `TASKLOOM_PEER_PYTHON` names, or `python3`). A line says how long it took
//! and what the process had at its largest, or that it did not end. Names of works choose some: `cargo measure frame_memory --
//! join`. The trips, or as many as `TASKLOOM_MEASURE_TRIPS` says, are made once, in the folder for temporary files.

mod limited;

use std::path::{Path, PathBuf};

use limited::{measured, own, peak, peer, wanted, work_of_this_process};
use taskloom::dataframe::len;
use taskloom::prelude::*;

/// How `taskloom prep` makes trips up.
mod trips {
    const YEAR: i64 = 2019;
    const SEED: u64 = 0;
    const CSV: bool = false;
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

const LIMIT: u64 = 2 << 30;
const WORKS: [&str; 3] = ["groupby", "join", "sort"];
const PEERS: [&str; 3] = ["polars", "dask", "duckdb"];

/// The folder with the trips, which are made when they are not there.
fn made(trips: u64) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("taskloom-measure-parquet-{trips}"));
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

fn work(folder: &Path, name: &str) {
    let trips = read_parquet(folder.join("*.parquet")).expect("they were written");
    let hour = col("tpep_pickup_datetime").dt().truncate(lit("1h")).alias("hour");
    let done = "it fits into the limit";
    match name {
        // As many groups as a tenth of the rows.
        "groupby" => {
            let groups = trips.with_columns([hour]).groupby(["PULocationID", "DOLocationID", "hour"]);
            let groups = groups.agg([col("fare_amount").mean().alias("fare"), len().alias("trips")]);
            println!("{}", groups.len().expect(done));
        }
        // Each trip beside what was usual at its place and hour.
        "join" => {
            let trips = trips.with_columns([hour]).select(["PULocationID", "hour", "fare_amount", "tip_amount"]);
            let usual = trips.groupby(["PULocationID", "hour"]).agg(col("fare_amount").mean().alias("usual"));
            let both = trips.join(&usual, ["PULocationID", "hour"], ["PULocationID", "hour"], How::Inner);
            let dear = both.filter(col("fare_amount").gt(col("usual")));
            println!("{}", dear.len().expect(done));
        }
        "sort" => {
            let out = std::env::temp_dir().join(format!("taskloom-measure-sorted-{}", std::process::id()));
            let sorted = trips.sort_values("tpep_dropoff_datetime");
            let written = sorted.to_parquet(out.as_path());
            let _ = std::fs::remove_dir_all(&out);
            written.expect(done);
        }
        other => panic!("there is no work `{other}`"),
    }
}

fn main() {
    let trips =
        std::env::var("TASKLOOM_MEASURE_TRIPS").ok().and_then(|trips| trips.parse().ok()).unwrap_or(110_000_000);
    let folder = made(trips);
    if let Some(name) = work_of_this_process() {
        work(&folder, &name);
        println!("{}", peak());
        return;
    }
    let heads = PEERS.map(|peer| format!("{peer:>20}")).join("   ");
    println!("{:<10} {:>20}   {heads}   ({trips} trips, a limit of 2 GiB)", "work", "Taskloom");
    for name in wanted(&WORKS) {
        let mut columns = vec![measured(own(name), LIMIT)];
        for by in PEERS {
            let mut other = peer("frame_memory_peers.py");
            other.arg(&folder).args([name, by]);
            columns.push(measured(other, LIMIT));
        }
        println!("{name:<10} {}", columns.join("   "));
    }
}
