//! What arrays cost, beside dask.array and NumPy: `cargo measure arrays`.
//!
//! Each line is one kind of work: the median of a few runs here, the same work by dask.array on two threads and by NumPy
//! (`array_peers.py`, run by the Python that `TASKLOOM_PEER_PYTHON` names, or `python3`), in the same minute. Without
//! them the columns stay empty. Names of works choose some: `cargo measure arrays -- anomaly`. Two threads throughout.

use std::hint::black_box;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use taskloom::array::Boundary;
use taskloom::array::store::{Compression, Hdf5Options, Hdf5Writer, ZarrOptions};
use taskloom::ndarray::{ArrayD, ArrayViewD, Ix2};
use taskloom::prelude::*;

const THREADS: Scheduler = Scheduler::Threads(2);
const RUNS: usize = 5;

/// The median time of some runs, in seconds; one run before them warms up.
fn median(mut work: impl FnMut()) -> f64 {
    work();
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let began = Instant::now();
            work();
            began.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}

/// The peers' seconds for the same work.
fn peers(work: &str) -> [Option<f64>; 2] {
    let python = std::env::var("TASKLOOM_PEER_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/array_peers.py");
    let Ok(output) = Command::new(python).args([script, work]).output() else { return [None; 2] };
    let Ok(said) = serde_json::from_slice::<serde_json::Value>(&output.stdout) else { return [None; 2] };
    ["dask", "numpy"].map(|peer| said[peer].as_f64())
}

fn line(name: &str, ours: f64, [dask, numpy]: [Option<f64>; 2]) {
    let column = |peer: Option<f64>| match peer {
        Some(seconds) => format!("{seconds:>9.3} s {:>7.2} ×", seconds / ours),
        None => " ".repeat(20),
    };
    println!("{name:<44} {ours:>9.3} s   {}   {}", column(dask), column(numpy));
}

/// A square of normal numbers, in memory.
fn in_memory(side: usize, chunk: usize) -> Array<f64> {
    let values = Array::<f64>::random((side, side), chunk).seed(1).normal(10.0, 0.1);
    let values = values.compute_with(THREADS).expect("random numbers do not fail");
    Array::from_ndarray(values.into_dimensionality::<Ix2>().expect("two axes"), chunk)
}

fn run<T: taskloom::array::Element>(array: Array<T>) {
    black_box(array.compute_with(THREADS).expect("arithmetic does not fail"));
}

/// How fast two threads read memory, in bytes a second: each sums a half of the array with four independent sums of
/// vectors, which is as fast as reading goes.
fn read_bandwidth(values: &[f64]) -> f64 {
    let sum = |part: &[f64]| {
        let mut sums = [0.0; 32];
        for chunk in part.chunks_exact(32) {
            for (sum, value) in sums.iter_mut().zip(chunk) {
                *sum += value;
            }
        }
        sums.iter().sum::<f64>()
    };
    let (left, right) = values.split_at(values.len() / 2);
    let seconds = median(|| {
        std::thread::scope(|scope| {
            let other = scope.spawn(|| black_box(sum(left)));
            black_box(sum(right));
            black_box(other.join().expect("sums do not panic"));
        });
    });
    size_of_val(values) as f64 / seconds
}

/// The mean of each point and its four neighbours; the edges, which are cut off afterwards, stay as they are.
fn smooth(block: ArrayViewD<'_, f64>) -> ArrayD<f64> {
    let block = block.into_dimensionality::<Ix2>().expect("two axes");
    let mut out = block.to_owned();
    let (rows, columns) = block.dim();
    for row in 1..rows - 1 {
        for column in 1..columns - 1 {
            let beside = block[[row - 1, column]]
                + block[[row + 1, column]]
                + block[[row, column - 1]]
                + block[[row, column + 1]];
            out[[row, column]] = (block[[row, column]] + beside) / 5.0;
        }
    }
    out.into_dyn()
}

/// The chunks in which a day of weather is stored.
const DAY: (usize, usize, usize) = (1, 1440, 1440);

/// A file of 12 days of temperatures, compressed in one of the ways that are usual. Written once.
fn weather(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("taskloom-measure-days.{name}"));
    if path.exists() {
        return path;
    }
    let days = Array::<f32>::from_blocks((12, 2880, 5760), DAY, |start, shape| {
        ArrayD::from_shape_fn(shape.to_vec(), |at| {
            let (day, y, x) = (start[0] + at[0], start[1] + at[1], start[2] + at[2]);
            let noise = ((y * 5760 + x + day * 7919) as u32).wrapping_mul(2_654_435_761) >> 20;
            let (y, x) = (y as f32 * 0.002, x as f32 * 0.003 + day as f32);
            let value = 280.0 + 20.0 * y.sin() + 5.0 * x.cos() + noise as f32 * 0.0002;
            (value * 100.0).round() / 100.0
        })
    });
    match name {
        "zarr" => days.to_zarr(&path, &ZarrOptions::new().compression(Compression::Zstd(1))),
        "blosc" => days.to_zarr(&path, &ZarrOptions::new().compression(Compression::Blosc(1))),
        _ => {
            let options = Hdf5Options::new().deflate(4).shuffle(true);
            Hdf5Writer::create(&path).add("t", &days, &options).write()
        }
    }
    .expect("there is room for a file");
    path
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str()));
    println!("{:<44} {:>11}   {:>20}   {:>20}", "work", "Taskloom", "dask", "NumPy");

    if wants("normals") {
        let work = |every: usize| {
            let x = Array::<f64>::random((20_000, 20_000), 1000).seed(1).normal(10.0, 0.1);
            let mean = x.mean_axis(0);
            if every == 1 { mean } else { mean.slice(s![..;100]) }
        };
        let beside = peers("normals");
        line("normals: mean(0)[::100] of 20000 × 20000", median(|| run(work(100))), beside);
        line("normals: the same, all columns", median(|| run(work(1))), beside);
    }
    if wants("anomaly") {
        let x = in_memory(11_180, 1000);
        let work = || ((&x - x.mean_axis(0)) / x.std_axis(0)).abs().max();
        line("anomaly: |x - mean| / std, max; 1 GB", median(|| run(work())), peers("anomaly"));
    }
    if wants("transpose") {
        let x = in_memory(8000, 1000);
        line("transpose: (x + x.T).sum(), 512 MB", median(|| run((&x + x.t()).sum())), peers("transpose"));
    }
    if wants("sum") {
        let side = 11_180;
        let values = Array::<f64>::random((side, side), 1000).seed(1).uniform(0.0, 1.0);
        let values = values.compute_with(THREADS).expect("random numbers do not fail");
        let bandwidth = read_bandwidth(values.as_slice().expect("in one piece"));
        let x = Array::from_ndarray(values.into_dimensionality::<Ix2>().expect("two axes"), 1000);
        let ours = median(|| run(x.sum()));
        line("sum: one array of 1 GB", ours, peers("sum"));
        let reached = (side * side * 8) as f64 / ours;
        println!(
            "{:<44} {:>9.1} GB/s of {:.1} GB/s that two threads read: {:.0} %",
            "",
            reached / 1e9,
            bandwidth / 1e9,
            100.0 * reached / bandwidth
        );
    }
    if wants("lennard-jones") {
        let points = Array::<f64>::random((7000, 3), (1000, 3)).seed(1).uniform(0.0, 50.0);
        let points = points.persist().expect("random numbers do not fail");
        let work = || {
            let apart = points.expand_dims(1) - points.expand_dims(0);
            let squared = apart.square().sum_axis(2);
            let sixth = squared.powi(-3);
            let energy = (sixth.square() - &sixth) * 4.0;
            squared.gt(1e-12).where_(&energy, 0.0).sum() / 2.0
        };
        line("lennard-jones: 7000 particles", median(|| run(work())), peers("lennard-jones"));
    }
    if wants("rechunk") {
        let x = Array::<f64>::random((8000, 8000), (1000, 8000)).seed(1).uniform(0.0, 1.0);
        let x = x.persist().expect("random numbers do not fail");
        let work = || black_box(x.rechunk((8000, 1000)).persist().expect("copies do not fail"));
        line("rechunk: 8000 × 8000, rows to columns", median(|| drop(work())), peers("rechunk"));
    }
    if wants("matmul") {
        let make = |seed| Array::<f64>::random((4000, 4000), 1000).seed(seed).uniform(0.0, 1.0);
        let (x, y) = persist!(make(1), make(2)).expect("random numbers do not fail");
        line("matmul: 4000 × 4000 in blocks of 1000", median(|| run(x.dot(&y))), peers("matmul"));
    }
    if wants("overlap") {
        let x = Array::<f64>::random((8000, 8000), 1000).seed(1).uniform(0.0, 1.0);
        let x = x.persist().expect("random numbers do not fail");
        let work = || x.map_overlap(1, Boundary::Reflect, smooth).sum();
        line("overlap: five points, 8000 × 8000", median(|| run(work())), peers("overlap"));
    }
    for name in ["zarr", "blosc", "hdf5"] {
        if wants(name) {
            let path = weather(name);
            let open = || match name {
                "zarr" | "blosc" => Array::<f32>::open_zarr_array(&path, "", DAY).expect("it was written"),
                _ => Array::<f32>::open_hdf5(&path, "t", DAY).expect("it was written"),
            };
            let mean = median(|| run(open().mean_axis(0)));
            line(&format!("{name}: mean over 12 days of 2880 × 5760"), mean, peers(&format!("{name}-mean")));
            let work = || {
                let x = open();
                run((&x - x.mean_axis(0)).abs().max());
            };
            line(&format!("{name}: the largest anomaly of them"), median(work), peers(&format!("{name}-anomaly")));
        }
    }
    if wants("graph") {
        let began = Instant::now();
        let x = (Array::<f64>::ones((1000, 1000), 1) + 1.0).sum();
        let graph = x.graph();
        let built = began.elapsed().as_secs_f64();
        line(&format!("graph: {} tasks from an expression", graph.len()), built, [None; 2]);
        // The time from the expression to the first element that is worked on.
        let first = Arc::new(OnceLock::new());
        let seen = Arc::clone(&first);
        let began = Instant::now();
        let ones = Array::<f64>::ones((1000, 1000), 1).map_elements(move |x| {
            seen.get_or_init(Instant::now);
            x + 1.0
        });
        run(ones.sum());
        let started = first.get().map_or(began, |&first| first);
        line("graph: the same, to the first task", (started - began).as_secs_f64(), [None; 2]);
        let ours = median(|| run((Array::<f64>::ones((1000, 1000), 1) + 1.0).sum()));
        line("graph: the same, to the result", ours, [None; 2]);
    }
}
