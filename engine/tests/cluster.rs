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

fn inc(x: i64) -> i64 {
    x + 1
}

fn add(x: i64, y: i64) -> i64 {
    x + y
}

fn only_small(x: i64) -> i64 {
    assert!(x < 3, "{x} is too large");
    x
}

#[test]
fn futures_stay_on_the_cluster_and_are_arguments_of_further_tasks() {
    let Some(cluster) = cluster(2) else { return };
    let client = cluster.client().unwrap();
    let f = client.submit(inc, (1,));
    let g = client.submit(add, (&f, 10));
    drop(f);
    assert_eq!(g.result().unwrap(), 12);
    assert_eq!(client.who_has(std::slice::from_ref(&g))[&g.key()], Some("cluster"));

    let squares = client.map(|x: i64| x * x, 0..50);
    let total = client.submit(|squares: Vec<i64>| squares.iter().sum::<i64>(), (&squares,));
    assert_eq!(total.result().unwrap(), (0..50).map(|x| x * x).sum::<i64>());
    assert_eq!(client.gather(&squares[..4]).unwrap(), [0, 1, 4, 9]);
    let seen: i64 = as_completed(squares).map(|future| future.result().unwrap()).sum();
    assert_eq!(seen, total.result().unwrap());

    let scattered = client.scatter(vec![1.5, 2.5]);
    let sum = client.submit(|values: Vec<f64>| values.iter().sum::<f64>(), (&scattered,));
    assert_eq!(sum.result().unwrap(), 4.0);

    // In a graph, and as the beginning of one.
    let persisted = client.persist(&(delayed!(inc(g)) * 10));
    assert_eq!((&persisted + 1).compute_with(cluster.scheduler()).unwrap(), 131);
    assert_eq!(client.compute(&(persisted + 2)).result().unwrap(), 132);

    let (sender, receiver) = std::sync::mpsc::channel();
    client.submit(inc, (4,)).add_done_callback(move |future| sender.send(future.result()).unwrap());
    assert_eq!(receiver.recv().unwrap().unwrap(), 5);
    let status = client.status().to_string();
    assert!(status.contains("workers 2") && status.contains("scheduler tcp://127.0.0.1"), "{status}");
}

#[test]
fn a_failure_there_names_the_task_and_those_who_waited_for_it() {
    let Some(cluster) = cluster(1) else { return };
    let reading = delayed!(read({ "Nowhere".to_owned() }, 0));
    let sum = delayed!(mean(&reading)) + 1.0;
    let error = sum.compute_with(cluster.scheduler()).unwrap_err();
    assert_eq!(error.to_string(), "task `mean` failed: Nowhere has no days\n  needed by `add`");
    assert_eq!(error.recreate().unwrap().argument::<Reading>(0).unwrap().station, "Nowhere");

    let client = cluster.client().unwrap();
    let futures = client.map(only_small, [1, 5]);
    let above = client.submit(add, (&futures[0], &futures[1]));
    let message = above.result().unwrap_err().to_string();
    assert!(message.starts_with("task `only_small` panicked: 5 is too large (engine/tests/cluster.rs:"), "{message}");
    assert!(message.ends_with("needed by `add`"), "{message}");
    assert_eq!(futures[0].result().unwrap(), 1);
    let error = futures[1].exception().unwrap();
    assert!(matches!(error, taskloom::Error::Task(error) if error.panicked() && error.task() == "only_small"));
}

#[test]
fn what_cannot_leave_says_so_before_anything_is_sent() {
    let Some(cluster) = cluster(1) else { return };
    let factor = std::hint::black_box(3_i64);
    let captures = delayed_value(2_i64).map(move |x| x * factor);
    let message = captures.compute_with(cluster.scheduler()).unwrap_err().to_string();
    assert!(message.contains("`map` cannot travel") && message.contains("captures 8 bytes"), "{message}");
    let future = cluster.client().unwrap().submit(move |x: i64| x * factor, (2,));
    assert!(future.result().unwrap_err().to_string().contains("captures 8 bytes"));
    let here = Client::new().unwrap().submit(inc, (1,));
    let message = delayed!(inc(here)).compute_with(cluster.scheduler()).unwrap_err().to_string();
    assert!(message.contains("future of this process"), "{message}");
}

#[test]
fn a_cancelled_task_and_those_that_need_it_never_end_well() {
    let Some(cluster) = cluster(1) else { return };
    let client = cluster.client().unwrap();
    let slow = client.map(|ms: u64| sleep_ms(ms), vec![1000; 8]);
    let above = client.submit(|_: Vec<()>| 1, (&slow,));
    slow[7].cancel();
    assert!(slow[7].cancelled());
    let message = above.result().unwrap_err().to_string();
    assert!(message.contains("was cancelled"), "{message}");
    client.close();
    let message = client.submit(inc, (1,)).result().unwrap_err().to_string();
    assert!(message.contains("closed"), "{message}");
}

#[test]
fn an_interrupt_ends_the_wait_and_the_tasks() {
    let Some(cluster) = cluster(1) else { return };
    let slow: Vec<_> = (0..50)
        .map(|n| {
            delayed!((|ms: u64| {
                sleep_ms(ms);
                ms
            })({ 400 + n }))
        })
        .collect();
    let sum: Delayed<u64> = slow.into_iter().sum();
    let began = std::thread::spawn({
        let (sum, scheduler) = (sum.clone(), cluster.scheduler());
        move || sum.compute_with(scheduler)
    });
    std::thread::sleep(std::time::Duration::from_millis(1500));
    taskloom::interrupt();
    let error = began.join().unwrap().unwrap_err();
    assert!(matches!(error, taskloom::Error::Cancelled { .. }), "{error}");
    // The worker is free again: this does not wait for the fifty.
    assert_eq!(delayed!(inc(1)).compute_with(cluster.scheduler()).unwrap(), 2);
}

#[cfg(unix)]
mod faults {
    use super::*;

    /// The process of Dask's worker: the one that started the process in which a task runs.
    fn dask_worker(_: usize) -> u32 {
        sleep_ms(50);
        std::os::unix::process::parent_id()
    }

    fn kill(process: u32) {
        assert!(Command::new("kill").args(["-9", &process.to_string()]).status().unwrap().success());
    }

    #[test]
    fn a_worker_that_is_killed_in_the_middle_loses_nothing() {
        let Some(cluster) = cluster(2) else { return };
        let workers: Vec<_> = (0..12).map(|n| delayed!(dask_worker({ n }))).collect();
        let workers = delayed!(different(workers)).compute_with(cluster.scheduler()).unwrap();
        assert_eq!(workers.len(), 2);

        let parts: Vec<_> = (0..40)
            .map(|n| {
                delayed!((|n: i64| {
                    sleep_ms(60);
                    n * n
                })({ n }))
            })
            .collect();
        let sum: Delayed<i64> = parts.into_iter().sum();
        let computing = std::thread::spawn({
            let (sum, scheduler) = (sum.clone(), cluster.scheduler());
            move || sum.compute_with(scheduler)
        });
        std::thread::sleep(std::time::Duration::from_millis(700));
        kill(workers[0]);
        assert_eq!(computing.join().unwrap().unwrap(), (0..40).map(|n| n * n).sum::<i64>());
    }

    #[test]
    fn a_task_that_ends_its_process_is_named_and_the_cluster_goes_on() {
        let Some(cluster) = cluster(1) else { return };
        fn aborts(x: i64) -> i64 {
            if x > 0 { std::process::abort() } else { x }
        }
        let message = delayed!(aborts(1)).compute_with(cluster.scheduler()).unwrap_err().to_string();
        assert!(message.contains("aborts-0") && message.contains("segmentation fault"), "{message}");
        assert_eq!(delayed!(inc(1)).compute_with(cluster.scheduler()).unwrap(), 2);
    }
}

#[test]
fn bags_travel() {
    let Some(cluster) = cluster(2) else { return };
    let numbers = Bag::from_sequence(0..4000_i64, 8).map(|n| n * n).filter(|n| n % 3 == 1);
    let all = cluster.scheduler().scope(|| numbers.compute()).unwrap();
    assert_eq!(all, numbers.compute_with(Scheduler::Sync).unwrap());
    // What partitions add to a sum has no encoding yet, so it may not have to move; where it does, that is said.
    match cluster.scheduler().scope(|| numbers.sum().compute()) {
        Ok(sum) => assert_eq!(sum, all.into_iter().sum::<i64>()),
        Err(error) => assert!(error.to_string().contains("has no encoding"), "{error}"),
    }
}

#[test]
fn frames_travel() {
    let Some(cluster) = cluster(2) else { return };
    let rows = df!["key" => (0..1000).map(|n| n % 10).collect::<Vec<i64>>(), "x" => (0..1000).map(f64::from).collect::<Vec<f64>>()];
    let frame = DataFrame::from_polars(rows.unwrap(), 5);
    let means = |scheduler: Scheduler| {
        let sorted = scheduler.scope(|| frame.groupby(["key"]).agg([col("x").mean()]).compute()).unwrap();
        sorted.sort(["key"], Default::default()).unwrap()
    };
    assert_eq!(means(cluster.scheduler()), means(Scheduler::Sync));
}

#[test]
fn an_address_where_nobody_answers_is_an_error_and_so_is_none() {
    if !there_is_a_python() {
        return;
    }
    let message = Client::connect("tcp://127.0.0.1:9").unwrap_err().to_string();
    assert!(message.contains("127.0.0.1:9"), "{message}");
    let message = Cluster::local(0).unwrap_err().to_string();
    assert!(message.contains("at least 1"), "{message}");
    let message = Client::new().unwrap().set_default().unwrap_err().to_string();
    assert!(message.contains("only a client of a cluster"), "{message}");
}
