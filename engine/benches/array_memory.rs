//! What arrays hold in memory, on data ten times as large as they may have: `cargo measure array_memory`.
//!
//! Each work runs in a process of its own that the system gives 1 GiB (`RLIMIT_DATA`: what is written, and not what is
//! mapped), and so does the same work by dask.array (`array_memory_peers.py`, run by the Python that
//! `TASKLOOM_PEER_PYTHON` names, or `python3`). A line says how long it took and what the process had at its largest, or
//! that it did not end. Names of works choose some: `cargo measure array_memory -- anomaly`. Two threads throughout.

mod limited;

use limited::{measured, own, peak, peer, wanted, work_of_this_process};
use taskloom::array::store::{Compression, ZarrOptions};
use taskloom::array::{Boundary, Element};
use taskloom::ndarray::ArrayD;
use taskloom::prelude::*;

const LIMIT: u64 = 1 << 30;
const THREADS: Scheduler = Scheduler::Threads(2);
/// The side of a square of 10 GiB of `f64`.
const SIDE: usize = 36_600;
const WORKS: [&str; 6] = ["normals", "anomaly", "transpose", "overlap", "lennard-jones", "weather"];

fn run<T: Element>(array: Array<T>) {
    array.compute_with(THREADS).expect("arithmetic does not fail");
}

fn square() -> Array<f64> {
    Array::<f64>::random((SIDE, SIDE), 1000).seed(1).uniform(0.0, 1.0)
}

/// 320 days of 2880 × 2880 numbers of four bytes, which compress as measurements do. Written once.
fn weather() -> Array<f32> {
    let folder = std::env::temp_dir().join("taskloom-measure-weather.zarr");
    if !folder.join("zarr.json").exists() {
        let days = Array::<f32>::from_blocks((320, 2880, 2880), (1, 1440, 1440), |start, shape| {
            ArrayD::from_shape_fn(shape.to_vec(), |at| {
                let place = [start[0] + at[0], start[1] + at[1], start[2] + at[2]];
                let wave = (place[0] * 13 + place[1] / 7 * 5 + place[2] / 5 * 3) % 512;
                280.0 + wave as f32 * 0.0625
            })
        });
        let options = ZarrOptions::new().compression(Compression::Zstd(1)).overwrite(true);
        days.to_zarr(&folder, &options).expect("there is room for a gigabyte");
    }
    Array::open_zarr(&folder).expect("it was written above")
}

fn work(name: &str) {
    match name {
        "normals" => run(Array::<f64>::random((SIDE, SIDE), 1000).seed(1).normal(10.0, 0.1).mean_axis(0)),
        "anomaly" => {
            let x = square();
            run(((&x - x.mean_axis(0)) / x.std_axis(0)).abs().max());
        }
        "transpose" => {
            let x = square();
            run((&x + x.t()).sum());
        }
        "overlap" => run(square().map_overlap(1, Boundary::Reflect, |block| block.to_owned()).sum()),
        "lennard-jones" => {
            let points = Array::<f64>::random((SIDE, 3), (1000, 3)).seed(1).uniform(0.0, 50.0);
            let squared = (points.expand_dims(1) - points.expand_dims(0)).square().sum_axis(2);
            let sixth = squared.powi(-3);
            let energy = (sixth.square() - &sixth) * 4.0;
            run(squared.gt(1e-12).where_(&energy, 0.0).sum());
        }
        "weather" => {
            let x = weather();
            run((&x - x.mean_axis(0)).abs().max());
        }
        other => panic!("there is no work `{other}`"),
    }
}

fn main() {
    if let Some(name) = work_of_this_process() {
        work(&name);
        println!("{}", peak());
        return;
    }
    println!("{:<20} {:>20}   {:>20}   (10 GiB of data, a limit of 1 GiB)", "work", "Taskloom", "dask");
    for name in wanted(&WORKS) {
        if name == "weather" {
            weather();
        }
        let ours = measured(own(name), LIMIT);
        let mut dask = peer("array_memory_peers.py");
        dask.arg(name);
        println!("{name:<20} {ours}   {}", measured(dask, LIMIT));
    }
}
