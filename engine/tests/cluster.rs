//! Graphs on a real Dask cluster: a scheduler and worker processes on this machine.
//!
//! They need a Python with `distributed`, the one that `TASKLOOM_DASK_PYTHON` names or `python3`. Without it the tests say
//! so and pass; with `TASKLOOM_TEST_CLUSTER=required` they fail.

use std::process::Command;

use serde::{Deserialize, Serialize};
use taskloom::cluster::Cluster;
use taskloom::prelude::*;

/// Whether there is a Python that can be a cluster.
fn there_is_a_python() -> bool {
    let python = std::env::var("TASKLOOM_DASK_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import distributed"]).output().is_ok_and(|run| run.status.success());
    if !has {
        let required = std::env::var("TASKLOOM_TEST_CLUSTER").is_ok_and(|text| text == "required");
        assert!(!required, "`{python}` has no `distributed`: set TASKLOOM_DASK_PYTHON to a Python that has it");
        println!("not run: `{python}` has no `distributed`; set TASKLOOM_DASK_PYTHON to a Python that has it");
    }
    has
}

/// A cluster of its own, so that a test may do with it what it likes.
fn cluster(workers: usize) -> Option<Cluster> {
    there_is_a_python().then(|| Cluster::local(workers).unwrap())
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Reading {
    station: String,
    celsius: Vec<f64>,
}

fn read(station: String, days: usize) -> Reading {
    Reading { station, celsius: (0..days).map(|day| day as f64 / 2.0).collect() }
}

fn mean(reading: &Reading) -> Result<f64, String> {
    let days = reading.celsius.len();
    if days == 0 {
        Err(format!("{} has no days", reading.station))
    } else {
        Ok(reading.celsius.iter().sum::<f64>() / days as f64)
    }
}

fn process(_: usize) -> u32 {
    sleep_ms(100);
    std::process::id()
}

fn different(mut processes: Vec<u32>) -> Vec<u32> {
    processes.sort_unstable();
    processes.dedup();
    processes
}

#[test]
fn a_graph_runs_on_the_workers_and_its_results_come_back() {
    let Some(cluster) = cluster(2) else { return };
    let readings: Vec<_> = (0..20).map(|n| delayed!(read({ format!("s{n}") }, { n + 2 }))).collect();
    let means: Vec<_> = readings.iter().map(|reading| delayed!(mean(&reading))).collect();
    let sum: Delayed<f64> = means.iter().cloned().sum();
    let shifted = &sum * 2.0 + 1.0;
    let expected = shifted.compute_with(Scheduler::Sync).unwrap();
    assert_eq!(shifted.compute_with(cluster.scheduler()).unwrap(), expected);

    let processes: Vec<_> = (0..12).map(|n| delayed!(process({ n }))).collect();
    let processes = delayed!(different(processes)).compute_with(cluster.scheduler()).unwrap();
    assert_eq!(processes.len(), 2, "both workers have a process of their own: {processes:?}");
    assert!(!processes.contains(&std::process::id()), "nothing ran here");

    let (reading, total) = cluster.scheduler().scope(|| compute!(readings[3], sum)).unwrap();
    assert_eq!((reading, total), (read("s3".to_owned(), 5), sum.compute_with(Scheduler::Sync).unwrap()));
}
