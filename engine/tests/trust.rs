//! Whether the engine can be trusted: any graph on any scheduler gives the sequential answer, runs each task once and
//! drops each result once, also when tasks fail, panic, compute and wait for each other.
//!
//! What is specific to interrupts and to leaks is in `trust_interrupt.rs`, very large graphs are in `trust_size.rs`,
//! and every interleaving of the atomics is in `engine/loom`. For more of the small graphs than usual, say for a night:
//! `TASKLOOM_TEST_GRAPHS=100000000 cargo test --test trust ten_thousand`.
//!
//! Miri looks for undefined behaviour in the unsafe code of the schedulers' store, with the tests in `small` here and
//! with `result_cell.rs`. The pools' threads outlive the tests, and the crates behind them turn integers into
//! pointers, hence the flags:
//!
//! ```text
//! MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-ignore-leaks -Zmiri-permissive-provenance" \
//!     cargo +nightly miri test --test trust small
//! ```

mod common;
#[path = "trust/pure.rs"]
mod pure;
mod random_graph;
#[path = "trust/waiting.rs"]
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use proptest::prelude::*;
use taskloom::Error;
use taskloom::prelude::*;

use common::purpose::{ON_PURPOSE, keep_quiet_about_purpose};
use common::{soon, within_patience};
use random_graph::{Built, Limits, Numbers, SCHEDULERS, any_plan};

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, max_shrink_iters: 2_000, ..ProptestConfig::with_cases(cases) }
}

const LARGE: Limits = Limits { nodes: 200, broken: 0, nests: true, only_references: false };
const SMALL: Limits = Limits { nodes: 20, ..LARGE };

/// The error of a compute that failed: checks that it tells of one of the tasks that break.
#[track_caller]
fn assert_tells_who_broke(built: &Built, outcome: taskloom::Result<Vec<random_graph::Tracked>>) -> usize {
    let error = match outcome {
        Err(Error::Task(error)) => error,
        other => panic!("a task's error was expected, not {other:?}"),
    };
    // A task that computes tells of the inner task's error within its own.
    let words: Vec<&str> = error.message().split_whitespace().collect();
    let place = words.windows(3).position(|words| words == ["broke", "on", "purpose"]);
    let id = place.and_then(|place| words[place - 1].parse().ok());
    let id: usize = id.unwrap_or_else(|| panic!("no number of a node: {}", error.message()));
    assert!(built.breaks(id), "node {id} does not break");
    assert_eq!(error.message().matches(ON_PURPOSE).count(), 1);
    id
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    #[cfg_attr(miri, ignore)]
    fn any_graph_gives_the_sequential_answer(plan in any_plan(LARGE)) {
        for scheduler in SCHEDULERS {
            let built = Built::new(&plan, scheduler);
            let outcome = within_patience("a random graph", || built.compute());
            built.assert_values(outcome);
            built.assert_all_ran(1);
            soon("all results are dropped", || built.ledger.alive() == built.data_nodes);
            built.assert_nothing_stays();
        }
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn a_graph_that_fails_tells_who_broke_and_leaves_nothing(plan in any_plan(Limits { broken: 5, ..LARGE })) {
        keep_quiet_about_purpose();
        for scheduler in SCHEDULERS {
            let built = Built::new(&plan, scheduler);
            let outcome = within_patience("a graph that fails", || built.compute());
            if built.fails() {
                let id = assert_tells_who_broke(&built, outcome);
                built.assert_none_ran_too_much();
                if scheduler == Scheduler::Sync {
                    prop_assert_eq!(built.seen().order.pop(), Some(id), "nothing runs after the first failure");
                }
            } else {
                built.assert_values(outcome);
                built.assert_all_ran(1);
            }
            built.assert_nothing_stays();
        }
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn sync_keeps_to_one_order_and_to_the_results_that_it_takes(
        plan in any_plan(Limits { nests: false, only_references: true, ..LARGE }),
    ) {
        let built = Built::new(&plan, Scheduler::Sync);
        built.assert_values(built.compute());
        let seen = built.seen();
        // Each task once, after its inputs, and nothing that is not needed.
        built.assert_all_ran(1);
        let place = |id| seen.order.iter().position(|&other| other == id);
        for &id in &seen.order {
            for &input in built.inputs[id].iter().filter(|&&input| built.is_task(input)) {
                prop_assert!(place(input) < place(id), "{} ran before its input {}", id, input);
            }
        }
        let alive: Vec<usize> = seen.alive.iter().map(|alive| alive - built.data_nodes).collect();
        prop_assert_eq!(alive, built.model_of_alive(&seen.order));
        // The order is a property of the graph: another compute, and the same graph made anew, have the same.
        built.assert_values(built.compute());
        prop_assert_eq!(&built.seen().order[seen.order.len()..], &seen.order[..]);
        let again = Built::new(&plan, Scheduler::Sync);
        again.assert_values(again.compute());
        prop_assert_eq!(again.seen().order, seen.order);
        built.assert_nothing_stays();
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn threads_may_compute_one_graph_at_the_same_time(plan in any_plan(Limits { nests: false, ..LARGE })) {
        for scheduler in SCHEDULERS {
            let built = Built::new(&plan, scheduler);
            within_patience("one graph on several threads", || {
                std::thread::scope(|scope| {
                    for _ in 0..4 {
                        scope.spawn(|| built.assert_values(built.compute()));
                    }
                });
            });
            built.assert_all_ran(4);
            built.assert_nothing_stays();
        }
    }
}

/// Small enough for Miri.
mod small {
    use super::*;

    #[test]
    fn a_few_random_graphs() {
        let limits = Limits { nodes: 8, nests: false, ..SMALL };
        let mut numbers = Numbers(7);
        for _ in 0..if cfg!(miri) { 3 } else { 100 } {
            let plan = numbers.plan(limits);
            for scheduler in [Scheduler::Sync, Scheduler::Threads(2)] {
                let built = Built::new(&plan, scheduler);
                built.assert_values(built.compute());
                built.assert_all_ran(1);
                built.assert_nothing_stays();
            }
        }
    }

    #[test]
    fn a_few_random_graphs_that_fail() {
        keep_quiet_about_purpose();
        let limits = Limits { nodes: 8, nests: false, broken: 2, ..SMALL };
        let mut numbers = Numbers(8);
        for _ in 0..if cfg!(miri) { 3 } else { 100 } {
            let plan = numbers.plan(limits);
            for scheduler in [Scheduler::Sync, Scheduler::Threads(2)] {
                let built = Built::new(&plan, scheduler);
                let outcome = built.compute();
                if built.fails() {
                    assert_tells_who_broke(&built, outcome);
                } else {
                    built.assert_values(outcome);
                }
                built.assert_nothing_stays();
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore)]
fn ten_thousand_small_graphs_on_two_threads() {
    keep_quiet_about_purpose();
    let graphs = std::env::var("TASKLOOM_TEST_GRAPHS").ok().and_then(|graphs| graphs.parse().ok()).unwrap_or(10_000);
    for seeds in (0..graphs).step_by(1_000).map(|first| first..graphs.min(first + 1_000)) {
        within_patience(&format!("one of the graphs of the seeds {seeds:?}"), || {
            seeds.clone().for_each(one_small_graph)
        });
    }
}

fn one_small_graph(seed: u64) {
    // Every third one fails.
    let limits = Limits { broken: usize::from(seed.is_multiple_of(3)), ..SMALL };
    let plan = Numbers(seed).plan(limits);
    let built = Built::new(&plan, Scheduler::Threads(2));
    let outcome = built.compute();
    if built.fails() {
        assert_tells_who_broke(&built, outcome);
        built.assert_none_ran_too_much();
    } else {
        built.assert_values(outcome);
        built.assert_all_ran(1);
    }
    built.assert_nothing_stays();
}
