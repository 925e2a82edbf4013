//! Very large graphs: nothing that the engine does with a graph may need a stack as deep as the graph.
//!
//! The chain of ten million tasks takes 1.2 gigabytes, and some seconds; the memory of one test at a time is enough, so
//! they take turns. To see how long each part takes:
//! `cargo test --test trust_size -- --nocapture`.

mod common;

use std::sync::atomic::Ordering::SeqCst;
use std::time::Instant;

use taskloom::prelude::*;

use common::counted::{NUMBERED, Numbered};
use common::{soon, turn, within_patience};

const SCHEDULERS: [Scheduler; 3] = [Scheduler::Sync, Scheduler::Threads(1), Scheduler::Threads(2)];

/// Runs `body` on a thread with a stack of half a megabyte.
fn on_a_small_stack(body: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(body).expect("a small thread");
    within_patience("a large graph", || thread.join()).expect("the test on the small stack");
}

fn next(number: &Numbered) -> Numbered {
    Numbered::new(number.0 + 1)
}

fn fail_at_the_end(number: &Numbered) -> Result<Numbered, String> {
    Err(format!("it ended at {}", number.0))
}

fn assert_nothing_is_alive() {
    soon("all results are dropped", || NUMBERED.load(SeqCst) == 0);
}

fn chain(length: u64) {
    let begin = Instant::now();
    let mut last = delayed_value(Numbered::new(0));
    for _ in 0..length {
        last = delayed!(next(&last));
    }
    println!("a chain of {length} tasks, built in {:.1?}", begin.elapsed());
    for scheduler in SCHEDULERS {
        let begin = Instant::now();
        let value = last.compute_with(scheduler).expect("nothing can fail here");
        println!("{scheduler:?}: {:.1?}", begin.elapsed());
        assert_eq!(value.0, length);
        drop(value);
        soon("all results but the first are dropped", || NUMBERED.load(SeqCst) == 1);
    }
    let begin = Instant::now();
    drop(last);
    println!("dropped in {:.1?}", begin.elapsed());
    assert_nothing_is_alive();
}

#[test]
fn a_chain_of_ten_million_tasks() {
    let _turn = turn();
    on_a_small_stack(|| chain(10_000_000));
}

#[test]
fn a_long_chain_that_fails_at_its_end() {
    let _turn = turn();
    on_a_small_stack(|| {
        let mut last = delayed_value(Numbered::new(0));
        for _ in 0..300_000 {
            last = delayed!(next(&last));
        }
        last = delayed!(fail_at_the_end(&last));
        for scheduler in SCHEDULERS {
            let error = last.compute_with(scheduler).map(|value| value.0).unwrap_err();
            assert_eq!(error.to_string(), "task `fail_at_the_end` failed: it ended at 300000");
            // An error holds the graph of the failed task's arguments, for whoever wants to see them.
            drop(error);
            soon("all results but the first are dropped", || NUMBERED.load(SeqCst) == 1);
        }
        drop(last);
        assert_nothing_is_alive();
    });
}

#[test]
fn a_million_tasks_side_by_side() {
    let _turn = turn();
    const TASKS: u64 = 1_000_000;
    on_a_small_stack(|| {
        let zero = delayed_value(Numbered::new(0));
        let first = delayed!(next(&zero));
        let tasks: Vec<_> = (0..TASKS).map(|_| delayed!(next(&first))).collect();
        for scheduler in SCHEDULERS {
            let begin = Instant::now();
            let (values,) = compute!(tasks; scheduler).expect("nothing can fail here");
            println!("a million tasks with {scheduler:?}: {:.1?}", begin.elapsed());
            assert_eq!(values.iter().map(|value| value.0).sum::<u64>(), 2 * TASKS);
            drop(values);
            soon("all results but the first are dropped", || NUMBERED.load(SeqCst) == 1);
        }
        drop((zero, first, tasks));
        assert_nothing_is_alive();
    });
}

#[test]
fn a_binary_tree_over_half_a_million_leaves() {
    fn join(a: Numbered, b: Numbered) -> Numbered {
        Numbered::new(a.0 + b.0)
    }
    let _turn = turn();
    on_a_small_stack(|| {
        let zero = delayed_value(Numbered::new(0));
        let mut level: Vec<_> = (0..1 << 19).map(|_| delayed!(next(&zero))).collect();
        while level.len() > 1 {
            level = level.chunks(2).map(|pair| delayed!(join({ pair[0].clone() }, { pair[1].clone() }))).collect();
        }
        let root = level.remove(0);
        drop(level);
        for scheduler in SCHEDULERS {
            assert_eq!(root.compute_with(scheduler).expect("nothing can fail here").0, 1 << 19);
            soon("all results but the first are dropped", || NUMBERED.load(SeqCst) == 1);
        }
        drop((root, zero));
        assert_nothing_is_alive();
    });
}

#[test]
fn computes_two_hundred_levels_deep_on_one_thread() {
    fn dig(levels: u64, scheduler: Scheduler) -> taskloom::Result<u64> {
        if levels == 0 {
            return Ok(0);
        }
        let below = levels - 1;
        let deeper = delayed!(dig(below, scheduler));
        (&deeper + 1).compute_with(scheduler)
    }
    let _turn = turn();
    // Each level stands on the caller's stack, so it cannot be small; the pools' threads have room for thousands.
    for scheduler in [Scheduler::Sync, Scheduler::Threads(1), Scheduler::Threads(2)] {
        let levels = within_patience("a deep chain of computes", || dig(200, scheduler));
        assert_eq!(levels.expect("nothing can fail here"), 200);
    }
}
