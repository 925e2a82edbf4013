//! What the engine costs, beside Dask and rayon: `cargo measure engine`.
//!
//! Each line is one kind of work: the median of a few runs here, the same work by Dask (`peers.py`, run by the Python
//! that `TASKLOOM_PEER_PYTHON` names, or `python3`), and the ratio. Without Dask the column stays empty. Names of works
//! choose some: `cargo measure engine -- chain tree`. Two threads throughout.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use taskloom::diagnostics::Profiler;
use taskloom::prelude::*;

const THREADS: usize = 2;
const TASKS: usize = 1_000_000;
const RUNS: usize = 5;

/// Counts what is allocated, so that memory is known to the byte.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static COUNTING: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator; the counters are not involved in what it returns.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTING.load(Ordering::Relaxed) == 1 {
            // What the allocator really takes: multiples of 16 with 8 bytes of its own, and 32 at least.
            let size = (layout.size() + 8).next_multiple_of(16).max(32);
            let held = HELD.fetch_add(size, Ordering::Relaxed) + size;
            PEAK.fetch_max(held, Ordering::Relaxed);
        }
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if COUNTING.load(Ordering::Relaxed) == 1 {
            HELD.fetch_sub((layout.size() + 8).next_multiple_of(16).max(32), Ordering::Relaxed);
        }
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn noop(x: i64) -> i64 {
    x
}

fn add(x: i64, y: i64) -> i64 {
    x.wrapping_add(y)
}

fn five(a: i64, b: i64, c: i64, d: i64, e: i64) -> i64 {
    1 + a.max(b).max(c).max(d).max(e)
}

/// Spins for a millisecond of processor time: work that two threads can do twice as much of.
fn spin(x: i64) -> i64 {
    let end = Instant::now() + Duration::from_millis(1);
    while Instant::now() < end {
        std::hint::spin_loop();
    }
    x
}

fn independent(tasks: usize) -> Vec<Delayed<i64>> {
    (0..tasks as i64).map(|i| delayed!(noop({ i }))).collect()
}

fn chain(tasks: usize) -> Delayed<i64> {
    let mut x = delayed!(noop(0));
    for _ in 1..tasks {
        x = delayed!(noop(x));
    }
    x
}

fn tree(tasks: usize) -> Delayed<i64> {
    let mut level = independent(tasks.div_ceil(2));
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => delayed!(add({ left.clone() }, { right.clone() })),
                rest => rest[0].clone(),
            })
            .collect();
    }
    level.pop().expect("a tree has a root")
}

/// Each task takes five earlier ones; the same graph as in `peers.py`.
fn random(tasks: usize) -> Vec<Delayed<i64>> {
    let mut state = 1_u64;
    let mut all: Vec<Delayed<i64>> = vec![delayed!(noop(0))];
    let mut used = vec![false; tasks];
    for i in 1..tasks {
        let mut pick = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let picked = ((state >> 33) % i as u64) as usize;
            used[picked] = true;
            all[picked].clone()
        };
        let (a, b, c, d, e) = (pick(), pick(), pick(), pick(), pick());
        all.push(delayed!(five({ a }, { b }, { c }, { d }, { e })));
    }
    all.into_iter().zip(used).filter(|(_, used)| !used).map(|(task, _)| task).collect()
}

/// Median time of some runs of what `prepare` prepares, per task.
fn median<I>(tasks: usize, mut prepare: impl FnMut() -> I, mut run: impl FnMut(I)) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let input = prepare();
            let began = Instant::now();
            run(input);
            began.elapsed()
        })
        .collect();
    times.sort();
    times[RUNS / 2] / tasks as u32
}

/// One line: ours and the peer's, and how many times less ours is.
fn line(name: &str, ours: f64, unit: &str, peer: Option<(f64, String)>) {
    let peer = match peer {
        Some((theirs, what)) => format!("{theirs:>11.2} {unit}  {:>8.0} ×   {what}", theirs / ours),
        None => String::new(),
    };
    println!("{name:<34} {ours:>10.3} {unit} {peer}");
}

fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1000.0
}

/// The peer's figure for a work, if there is a Python with Dask.
fn dask(work: &str) -> Option<(f64, String)> {
    let python = std::env::var("TASKLOOM_PEER_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers.py");
    let output = Command::new(python).args([script, work]).output().ok()?;
    if !output.status.success() {
        static TOLD: std::sync::Once = std::sync::Once::new();
        TOLD.call_once(|| eprintln!("without Dask: {}", String::from_utf8_lossy(&output.stderr).trim()));
        return None;
    }
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let figure = answer["per_task_us"].as_f64().or_else(|| answer["per_task_bytes"].as_f64())?;
    Some((figure, format!("{}, {} tasks", answer["peer"].as_str()?, answer["tasks"])))
}

/// One graph of `tests/order_cases.json`: the inputs of node `n` are `inputs[starts[n]..starts[n + 1]]`, and Dask runs
/// the nodes in the sequence `dask_order`.
#[derive(serde::Deserialize)]
struct Case {
    name: String,
    starts: Vec<usize>,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    data: Vec<usize>,
    dask_order: Vec<usize>,
}

impl Case {
    fn inputs(&self, node: usize) -> &[usize] {
        &self.inputs[self.starts[node]..self.starts[node + 1]]
    }

    /// The same graph of delayed calls; how many results are alive at once.
    fn ours(&self) -> usize {
        let mut nodes: Vec<Delayed<()>> = Vec::new();
        for node in 0..self.starts.len() - 1 {
            let inputs: Vec<Delayed<()>> = self.inputs(node).iter().map(|&input| nodes[input].clone()).collect();
            nodes.push(if self.data.contains(&node) {
                delayed_value(())
            } else {
                delayed!((|_: Vec<()>| ())({ inputs }))
            });
        }
        let outputs: Vec<Delayed<()>> = self.outputs.iter().map(|&output| nodes[output].clone()).collect();
        taskloom::Outputs::graph(&(&outputs,)).most_alive()
    }

    /// As many as are alive at once in Dask's sequence.
    fn dasks(&self) -> usize {
        let mut left = vec![0; self.starts.len() - 1];
        let unique = |node: usize| self.inputs(node).iter().copied().collect::<std::collections::BTreeSet<usize>>();
        (0..left.len()).flat_map(unique).for_each(|input| left[input] += 1);
        self.outputs.iter().for_each(|&output| left[output] = usize::MAX / 2);
        let (mut alive, mut most) = (0, 0);
        for &node in self.dask_order.iter().filter(|node| !self.data.contains(node)) {
            alive += 1;
            most = most.max(alive);
            for input in unique(node).into_iter().filter(|input| !self.data.contains(input)) {
                left[input] -= 1;
                alive -= usize::from(left[input] == 0);
            }
            alive -= usize::from(left[node] == 0);
        }
        most
    }
}

/// Results alive at once beside `dask.order`, on the graphs that it is tested with and others.
fn alive() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/order_cases.json");
    let cases: Vec<Case> = serde_json::from_slice(&std::fs::read(path).expect("the cases are in the checkout"))
        .expect("the cases are as they were written");
    let (mut fewer, mut more, mut shown) = (0, 0, Vec::new());
    for case in &cases {
        let (ours, dasks) = (case.ours(), case.dasks());
        fewer += usize::from(ours < dasks);
        more += usize::from(ours > dasks);
        if ours > 0 {
            shown.push((dasks as f64 / ours as f64, ours, dasks, &case.name));
        }
    }
    shown.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (ratio, ours, dasks, name) in shown.iter().take(8).chain(shown.iter().rev().take(2)) {
        println!("alive: {name:<27} {ours:>10}    {dasks:>11}    {ratio:>8.1} ×   dask.order");
    }
    println!("alive: of {} graphs fewer than Dask on {fewer}, more on {more}", cases.len());
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str()));
    let threads = Scheduler::Threads(THREADS);
    println!("{:<34} {:>13} {:>14}  {:>10}", "work", "Taskloom", "Dask", "ratio");

    if wants("noop") {
        for (name, scheduler, work) in
            [("noop, threads", threads, "noop-threads"), ("noop, sync", Scheduler::Sync, "noop-sync")]
        {
            let ours = median(
                TASKS,
                || independent(TASKS),
                |tasks| {
                    black_box(compute!(tasks; scheduler)).expect("no-ops do not fail");
                },
            );
            line(name, micros(ours), "µs", dask(work));
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build().expect("two threads");
        let ours = median(
            TASKS,
            || independent(TASKS),
            |tasks| {
                black_box(compute!(tasks; threads)).expect("no-ops do not fail");
            },
        );
        let rayon = median(
            TASKS,
            || (),
            |()| {
                pool.scope(|scope| {
                    for i in 0..TASKS as i64 {
                        scope.spawn(move |_| {
                            black_box(noop(i));
                        });
                    }
                });
            },
        );
        line("noop, beside rayon's spawn", micros(ours), "µs", Some((micros(rayon), "rayon::scope".to_owned())));
        let recorded = median(
            TASKS,
            || independent(TASKS),
            |tasks| {
                let profiler = Profiler::start();
                black_box(compute!(tasks; threads)).expect("no-ops do not fail");
                black_box(profiler.stop());
            },
        );
        line("noop, while a profiler records", micros(recorded), "µs", None);
    }
    for (name, make) in [
        ("chain", (|| vec![chain(TASKS)]) as fn() -> Vec<Delayed<i64>>),
        ("tree", || vec![tree(TASKS)]),
        ("random", || random(TASKS)),
    ] {
        if wants(name) {
            let ours = median(TASKS, make, |tasks| {
                black_box(compute!(tasks; threads)).expect("additions do not fail");
            });
            line(name, micros(ours), "µs", dask(name));
        }
    }
    if wants("build") {
        let ours = median(
            TASKS,
            || Vec::with_capacity(TASKS),
            |mut tasks: Vec<Delayed<i64>>| {
                tasks.extend((0..TASKS as i64).map(|i| delayed!(noop({ i }))));
                black_box(&tasks);
                std::mem::forget(tasks);
            },
        );
        line("build", micros(ours), "µs", dask("build"));
    }
    if wants("memory") {
        let held = |make: fn() -> Vec<Delayed<i64>>, compute: bool| {
            COUNTING.store(1, Ordering::SeqCst);
            HELD.store(0, Ordering::SeqCst);
            PEAK.store(0, Ordering::SeqCst);
            let tasks = make();
            let built = HELD.load(Ordering::SeqCst);
            if compute {
                black_box(compute!(tasks; threads)).expect("additions do not fail");
            }
            let peak = PEAK.load(Ordering::SeqCst);
            COUNTING.store(0, Ordering::SeqCst);
            drop(tasks);
            (if compute { peak } else { built }) as f64 / TASKS as f64
        };
        // The pool is made before anything is counted.
        compute!(independent(1); threads).expect("a no-op does not fail");
        line("memory, independent", held(|| independent(TASKS), false), "B", dask("memory"));
        line("memory, chain", held(|| vec![chain(TASKS)], false), "B", None);
        line("memory, tree", held(|| vec![tree(TASKS)], false), "B", None);
        line("memory, chain, peak of compute", held(|| vec![chain(TASKS)], true), "B", None);
        line("memory, tree, peak of compute", held(|| vec![tree(TASKS)], true), "B", None);
    }
    if wants("alive") {
        alive();
    }
    if wants("submit") || wants("map") {
        let client = Client::builder().threads(THREADS).build().expect("two threads");
        if wants("submit") {
            let times = 20_000;
            let ours = median(
                times,
                || (),
                |()| {
                    for i in 0..times as i64 {
                        black_box(client.submit(noop, (i,)).result()).expect("a no-op does not fail");
                    }
                },
            );
            line("submit → result, one at a time", micros(ours), "µs", dask("submit-result"));
        }
        if wants("map") {
            let tasks = 100_000;
            let ours = median(
                tasks,
                || (),
                |()| {
                    let futures = client.map(noop, 0..tasks as i64);
                    black_box(client.gather(&futures)).expect("no-ops do not fail");
                },
            );
            line("map and gather of 100,000", micros(ours), "µs", dask("map-gather"));
        }
    }
    if wants("speedup") {
        let tasks = 1000;
        let ours = median(
            1,
            || (0..tasks).map(|i| delayed!(spin({ i }))).collect::<Vec<_>>(),
            |work| {
                black_box(compute!(work; threads)).expect("spinning does not fail");
            },
        );
        let ideal = tasks as f64 / THREADS as f64;
        line("speedup, over the ideal time", ours.as_secs_f64() * 1000.0 / ideal, "×", None);
    }
}
