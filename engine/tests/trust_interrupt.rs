//! Interrupted at any moment: no task runs twice, nothing stays behind, and the next compute works; and ten thousand
//! computes that end badly leak neither threads nor memory.
//!
//! An interrupt stops every computation of the process, so these tests have a process of their own and take turns.

mod common;
mod random_graph;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use taskloom::prelude::*;
use taskloom::{Error, interrupt};

use common::{turn, within_patience};
use random_graph::{Built, Limits, Numbers, Plan, SCHEDULERS, Tracked, any_plan};

const LIMITS: Limits = Limits { nodes: 100, broken: 0, nests: true, only_references: false };

#[track_caller]
fn assert_cancelled(built: &Built, outcome: taskloom::Result<Vec<Tracked>>) -> usize {
    match outcome {
        Err(Error::Cancelled { done, total }) => {
            assert_eq!(total, built.tasks());
            assert!(done <= built.begun(), "{done} tasks had ended, and only {} had begun", built.begun());
            done
        }
        other => panic!("the compute should have been interrupted, not {other:?}"),
    }
}

#[track_caller]
fn assert_works(scheduler: Scheduler) {
    let parts: Vec<_> = (0..20_u64).map(|number| delayed!(u64::pow(number, 1))).collect();
    let sum: Delayed<u64> = parts.into_iter().sum();
    assert_eq!(sum.compute_with(scheduler).expect("an interrupt does not reach what comes after it"), 190);
}

/// Lets one of the graph's own tasks interrupt it; gives false if it has none.
fn interrupt_from_within(plan: &mut Plan, at: usize, scheduler: Scheduler) -> bool {
    let tasks = Built::new(plan, scheduler).tasks();
    plan.interrupt_at = (tasks > 0).then(|| (at % tasks) as u32);
    tasks > 0
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(50) })]

    #[test]
    fn a_task_may_interrupt_its_own_compute(mut plan in any_plan(LIMITS), at in any::<usize>()) {
        let _turn = turn();
        for scheduler in SCHEDULERS {
            if !interrupt_from_within(&mut plan, at, scheduler) {
                continue;
            }
            let built = Built::new(&plan, scheduler);
            let outcome = within_patience("a graph that interrupts itself", || built.compute());
            let done = assert_cancelled(&built, outcome);
            if scheduler == Scheduler::Sync {
                prop_assert_eq!(Some(done as u32), plan.interrupt_at, "nothing is done after the interrupt");
                prop_assert_eq!(built.begun(), done + 1);
            }
            assert_works(scheduler);
            built.assert_none_ran_too_much();
            built.assert_nothing_stays();
        }
    }
}

#[test]
fn an_interrupt_may_come_at_any_moment() {
    let _turn = turn();
    let mut cancelled = 0;
    for seed in 0..200 {
        let mut numbers = Numbers(seed);
        let plan = numbers.plan(LIMITS);
        for scheduler in SCHEDULERS {
            let built = Built::new(&plan, scheduler);
            // Most of the graphs take less than a millisecond.
            let moment = Duration::from_micros(numbers.below(800) as u64);
            let outcome = within_patience("a graph that is interrupted", || {
                std::thread::scope(|scope| {
                    let begin = Instant::now();
                    let built = &built;
                    scope.spawn(move || {
                        while begin.elapsed() < moment {
                            std::hint::spin_loop();
                        }
                        interrupt();
                        built.give_up();
                    });
                    built.compute()
                })
            });
            if outcome.is_ok() {
                built.assert_values(outcome);
                built.assert_all_ran(1);
            } else {
                assert_cancelled(&built, outcome);
                built.assert_none_ran_too_much();
                cancelled += 1;
            }
            assert_works(scheduler);
            built.assert_nothing_stays();
        }
    }
    assert!(cancelled > 50, "only {cancelled} of 1000 computes were caught while they ran");
}

/// Linux tells a process of its threads and its memory.
#[cfg(target_os = "linux")]
mod leaks {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    use super::*;
    use crate::common::purpose::keep_quiet_about_purpose;

    const SMALL: Limits = Limits { nodes: 20, ..LIMITS };

    /// One compute that fails or is interrupted, by a task of its own or of another compute. A few have no such task.
    fn end_badly(seed: u64) {
        let mut numbers = Numbers(seed);
        let fails = !seed.is_multiple_of(8);
        let mut plan = numbers.plan(Limits { broken: usize::from(fails), ..SMALL });
        let scheduler = SCHEDULERS[1 + numbers.below(4)];
        if !fails {
            interrupt_from_within(&mut plan, numbers.below(20), scheduler);
        }
        let built = Built::new(&plan, scheduler);
        match built.compute() {
            Ok(values) => {
                assert!(!built.was_interrupted() && !built.fails());
                built.assert_values(Ok(values));
            }
            // Others of its tasks may wait for those that were not begun.
            Err(_) => built.give_up(),
        }
        built.assert_none_ran_too_much();
        built.assert_nothing_stays();
    }

    #[test]
    fn ten_thousand_computes_that_end_badly_leak_nothing() {
        const MEGABYTE: usize = 1 << 20;
        let _turn = turn();
        keep_quiet_about_purpose();
        // Whoever waits for an interrupted compute looks for interrupts some times a second, so many wait side by side.
        let run = |seeds: std::ops::Range<u64>| {
            let next = AtomicU64::new(seeds.start);
            let work = || {
                loop {
                    let seed = next.fetch_add(1, SeqCst);
                    if !seeds.contains(&seed) {
                        return;
                    }
                    end_badly(seed);
                }
            };
            std::thread::scope(|scope| (0..32).for_each(|_| _ = scope.spawn(work)));
        };
        // Pools begin, and the allocator takes most of what it is going to keep.
        within_patience("the first computes", || run(0..2_000));
        settle();
        let (threads, memory) = (threads(), resident());
        within_patience("ten thousand computes that end badly", || run(2_000..12_000));
        settle();
        let (threads_after, memory_after) = (self::threads(), resident());
        assert!(threads_after <= threads, "there were {threads} threads, and now there are {threads_after}");
        let grown = memory_after.saturating_sub(memory);
        assert!(grown < 8 * MEGABYTE, "memory has grown by {grown} bytes, from {memory}");
    }

    /// Waits until the threads that stood in for blocked ones have gone: they wait some seconds for more work.
    fn settle() {
        common::soon("stand-ins leave", || !thread_names().iter().any(|name| name.starts_with("taskloom-spare")));
    }

    fn thread_names() -> Vec<String> {
        let tasks = std::fs::read_dir("/proc/self/task").expect("Linux lists the threads of a process");
        // A thread may end while it is listed.
        tasks.flatten().flat_map(|task| std::fs::read_to_string(task.path().join("comm"))).collect()
    }

    /// Threads that the engine has started. Those of the test harness come and go as it likes.
    fn threads() -> usize {
        thread_names().iter().filter(|name| name.starts_with("taskloom")).count()
    }

    /// Bytes of memory that the process has in use.
    fn resident() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells the state of a process");
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the state has a line for memory");
        let kilobytes: usize = line.trim().trim_end_matches(" kB").parse().expect("memory is a number of kilobytes");
        kilobytes * 1024
    }
}
