//! Interrupts. They stop every computation of the process, so these tests have a process of their own and take turns.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use taskloom::prelude::*;
use taskloom::{Error, interrupt};

use common::{soon, turn, within_patience};

const SCHEDULERS: [Scheduler; 4] = [Scheduler::Sync, Scheduler::Threads(1), Scheduler::Threads(4), Scheduler::Default];

/// Ten minutes, if nobody stops it.
const FOREVER_MS: u64 = 600_000;

/// Tasks that wait at it go on only after the interrupt, so that no test depends on how fast anything is.
#[derive(Default)]
struct Gate {
    begun: AtomicUsize,
    open: AtomicBool,
}

impl Gate {
    fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

fn wait_at(gate: &Arc<Gate>) -> usize {
    gate.begun.fetch_add(1, Ordering::SeqCst);
    while !gate.open.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_micros(200));
    }
    1
}

fn wait_after(_: usize, gate: &Arc<Gate>) -> usize {
    wait_at(gate)
}

/// Computes; once `begun` tasks have begun, interrupts, and then opens the gate.
fn interrupted<T: Send>(gate: &Gate, begun: usize, compute: impl FnOnce() -> T + Send) -> T {
    within_patience("an interrupted compute", || {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                soon("the tasks begin", || gate.begun() >= begun);
                interrupt();
                gate.open.store(true, Ordering::SeqCst);
            });
            compute()
        })
    })
}

/// Runs `body` while interrupts come again and again.
fn under_interrupts<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    let over = AtomicBool::new(false);
    within_patience("what is interrupted again and again", || {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(5));
                    interrupt();
                }
            });
            let result = body();
            over.store(true, Ordering::SeqCst);
            result
        })
    })
}

#[track_caller]
fn assert_cancelled<T: std::fmt::Debug>(outcome: Result<T, Error>, tasks: usize) -> usize {
    match outcome {
        Err(Error::Cancelled { done, total }) => {
            assert_eq!(total, tasks);
            // Tasks that were running when the interrupt came may end before the compute does, so they may be equal.
            assert!(done <= total, "{done} of {total} had ended");
            done
        }
        other => panic!("the compute should have been interrupted, not {other:?}"),
    }
}

fn total(numbers: Vec<usize>) -> usize {
    numbers.iter().sum()
}

fn inc(x: i64) -> i64 {
    x + 1
}

#[track_caller]
fn assert_works(scheduler: Scheduler) {
    let parts: Vec<_> = (0..100).map(|n| delayed!(inc(n))).collect();
    let sum: Delayed<i64> = parts.into_iter().sum();
    let outcome = within_patience("the next compute", || sum.compute_with(scheduler));
    assert_eq!(outcome.expect("an interrupt does not reach what comes after it"), 5050);
}

#[test]
fn a_long_compute_stops_and_the_next_one_works() {
    let _turn = turn();
    for scheduler in SCHEDULERS {
        let gate = Arc::new(Gate::default());
        let parts: Vec<_> = (0..1_000).map(|_| delayed!(wait_at(&gate))).collect();
        let sum = delayed!(total(parts));
        let outcome = interrupted(&gate, 1, || sum.compute_with(scheduler));
        let message = outcome.as_ref().unwrap_err().to_string();
        assert_cancelled(outcome, 1_001);
        assert!(message.starts_with("the computation was interrupted after "), "{message}");
        assert_works(scheduler);
        assert!(gate.begun() < 100, "tasks went on beginning after the interrupt");
    }
}

#[test]
fn a_compute_stops_between_two_tasks_of_a_chain() {
    let _turn = turn();
    for scheduler in SCHEDULERS {
        let (free, gate) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
        free.open.store(true, Ordering::SeqCst);
        let mut chain = delayed!(wait_at(&free));
        for n in 1..1_000 {
            chain = if n == 100 { delayed!(wait_after(chain, &gate)) } else { delayed!(wait_after(chain, &free)) };
        }
        let outcome = interrupted(&gate, 1, || chain.compute_with(scheduler));
        let done = assert_cancelled(outcome, 1_000);
        assert!([100, 101].contains(&done), "{done} tasks had ended");
        assert_works(scheduler);
        assert_eq!(free.begun(), 100, "what comes after the interrupt never begins");
    }
}

#[test]
fn several_handles_and_several_computes_stop_together() {
    let _turn = turn();
    let (pair_gate, gate) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let (one, two) = (delayed!(wait_at(&pair_gate)), delayed!(wait_at(&pair_gate)));
    let other = delayed!(wait_at(&gate));
    let outcomes = interrupted(&gate, 2, || {
        std::thread::scope(|scope| {
            let threads = [Scheduler::Sync, Scheduler::Threads(1)].map(|scheduler| {
                let (other, pair_gate) = (&other, &pair_gate);
                scope.spawn(move || {
                    // Of the pair one task begins, however few threads there are.
                    soon("the pair begins", || pair_gate.begun() >= 1);
                    other.compute_with(scheduler)
                })
            });
            let pair = compute!(one, two);
            (pair, threads.map(|thread| thread.join().expect("a compute does not panic")))
        })
    });
    pair_gate.open.store(true, Ordering::SeqCst);
    assert_cancelled(outcomes.0, 2);
    for outcome in outcomes.1 {
        assert_cancelled(outcome, 1);
    }
    assert_works(Scheduler::Default);
}

#[test]
fn an_interrupt_reaches_computes_within_tasks() {
    let _turn = turn();
    fn nested(gate: &Arc<Gate>, levels: usize, scheduler: Scheduler) -> Result<usize, Error> {
        if levels == 0 {
            return Ok(wait_at(gate));
        }
        let (gate, below) = (Arc::clone(gate), levels - 1);
        let parts: Vec<_> = (0..3).map(|_| delayed!(nested(&gate, below, scheduler))).collect();
        delayed!(total(parts)).compute_with(scheduler)
    }
    for scheduler in SCHEDULERS {
        let gate = Arc::new(Gate::default());
        assert_cancelled(interrupted(&gate, 1, || nested(&gate, 3, scheduler)), 4);
        assert_works(scheduler);
    }
}

#[test]
fn an_interrupt_ends_a_sleep() {
    let _turn = turn();
    // Outside any task: this is how a plain loop in a cell is stopped.
    under_interrupts(|| sleep_ms(FOREVER_MS));
    let handle = delayed!(sleep_ms(FOREVER_MS));
    assert_cancelled(under_interrupts(|| handle.compute_with(Scheduler::Sync)), 1);
    assert_works(Scheduler::Sync);
}

#[test]
fn an_interrupt_ends_a_sleep_that_begins_later_in_the_same_task() {
    let _turn = turn();
    fn wait_and_sleep(gate: &Arc<Gate>) -> usize {
        wait_at(gate);
        sleep_ms(FOREVER_MS);
        1
    }
    let gate = Arc::new(Gate::default());
    let handle = delayed!(wait_and_sleep(&gate));
    assert_cancelled(interrupted(&gate, 1, || handle.compute_with(Scheduler::Sync)), 1);
}

#[test]
fn an_interrupt_stops_a_compute_that_begins_later_in_the_same_task() {
    let _turn = turn();
    fn wait_and_compute(gate: &Arc<Gate>, after: &Arc<AtomicUsize>) -> Result<usize, Error> {
        wait_at(gate);
        let after = Arc::clone(after);
        delayed!((|after: &Arc<AtomicUsize>| after.fetch_add(1, Ordering::SeqCst))(&after)).compute()
    }
    for scheduler in SCHEDULERS {
        let (gate, after) = (Arc::new(Gate::default()), Arc::new(AtomicUsize::new(0)));
        let handle = delayed!(wait_and_compute(&gate, &after));
        assert_cancelled(interrupted(&gate, 1, || handle.compute_with(scheduler)), 1);
        assert_works(scheduler);
        assert_eq!(after.load(Ordering::SeqCst), 0, "{scheduler:?}");
    }
}

#[test]
fn whoever_waits_does_not_wait_for_a_task_that_does_not_listen() {
    let _turn = turn();
    for scheduler in [Scheduler::Threads(1), Scheduler::Threads(4), Scheduler::Default] {
        let gate = Arc::new(Gate::default());
        let handle = delayed!(wait_at(&gate));
        let outcome = within_patience("an interrupted compute", || {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    soon("the task begins", || gate.begun() == 1);
                    interrupt();
                });
                handle.compute_with(scheduler)
            })
        });
        assert_eq!(assert_cancelled(outcome, 1), 0, "the task is still running");
        gate.open.store(true, Ordering::SeqCst);
        assert_works(scheduler);
    }
}

#[test]
fn an_interrupt_before_a_compute_is_none_of_its_business() {
    let _turn = turn();
    for scheduler in SCHEDULERS {
        interrupt();
        assert_works(scheduler);
    }
}

#[test]
fn an_interrupt_while_nothing_runs_leaves_handles_usable() {
    let _turn = turn();
    let handle = delayed!(inc(1));
    interrupt();
    assert_eq!(handle.compute().unwrap(), 2);
    interrupt();
    assert_eq!(handle.compute().unwrap(), 2);
}

#[test]
fn what_was_made_is_dropped() {
    let _turn = turn();
    #[derive(Clone)]
    struct Part(#[allow(dead_code)] Arc<()>);
    fn part(alive: &Arc<()>) -> Part {
        Part(Arc::clone(alive))
    }
    fn wait(parts: Vec<Part>, gate: &Arc<Gate>) -> usize {
        wait_at(gate) + parts.len()
    }
    for scheduler in SCHEDULERS {
        let (gate, alive) = (Arc::new(Gate::default()), Arc::new(()));
        let parts: Vec<_> = (0..50).map(|_| delayed!(part(&alive))).collect();
        let after = delayed!(wait(parts, &gate)).map(|n| n + 1);
        let handles = Arc::strong_count(&alive);
        assert_cancelled(interrupted(&gate, 1, || after.compute_with(scheduler)), 52);
        soon("all parts are dropped", || Arc::strong_count(&alive) == handles);
        drop((after, parts));
        soon("all handles let go", || Arc::strong_count(&alive) == 1);
    }
}

#[test]
fn the_interrupt_of_the_notebook_is_the_same() {
    let _turn = turn();
    let gate = Arc::new(Gate::default());
    let handle = delayed!(wait_at(&gate));
    let outcome = within_patience("an interrupted compute", || {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                soon("the task begins", || gate.begun() == 1);
                taskloom::cell::taskloom_interrupt();
                gate.open.store(true, Ordering::SeqCst);
            });
            handle.compute()
        })
    });
    assert_cancelled(outcome, 1);
}

/// A server that takes requests and never answers: whoever waits for it is not waited for.
#[test]
fn who_waits_for_an_object_store_can_be_interrupted() {
    use taskloom::array::store::{Layout, Location};
    let _turn = turn();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let gate = Arc::new(Gate::default());
    let asked = Arc::clone(&gate);
    // Connections are kept, so that nobody sees them close.
    let server = std::thread::spawn(move || {
        let mut kept = Vec::new();
        while !asked.open.load(Ordering::SeqCst) {
            kept.push(listener.accept());
            asked.begun.fetch_add(1, Ordering::SeqCst);
        }
    });
    let open = || {
        let at = Location::new(format!("http://{address}/x.bin"));
        Array::<f64>::open_raw(at, 1000, 0, Layout::RowMajor, "auto").map(|_| ())
    };
    let error = interrupted(&gate, 1, open).unwrap_err().to_string();
    assert!(error.contains("x.bin: it was interrupted"), "{error}");
    drop(std::net::TcpStream::connect(address));
    server.join().unwrap();
}
