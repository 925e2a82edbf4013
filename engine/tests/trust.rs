//! Whether the engine can be trusted: any graph on any scheduler gives the sequential answer, runs each task once and
//! drops each result once, also when tasks fail, panic, compute and wait for each other.
//!
//! What is specific to interrupts and to leaks is in `trust_interrupt.rs`, very large graphs are in `trust_size.rs`, and
//! every interleaving of the atomics is in `loom.rs`. For more of the small graphs than usual, say for a night:
//! `TASKLOOM_TEST_GRAPHS=100000000 cargo test --test trust ten_thousand`.
//!
//! Miri looks for undefined behaviour in the unsafe code of the schedulers' store, with the tests in `small` here and
//! with `plain` in `loom.rs`. The pools' threads outlive the tests, and the crates behind them turn integers into
//! pointers, hence the flags:
//!
//! ```text
//! MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-ignore-leaks -Zmiri-permissive-provenance" \
//!     cargo +nightly miri test --test trust small
//! ```

mod common;
mod random_graph;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use proptest::prelude::*;
use taskloom::Error;
use taskloom::prelude::*;

use common::{soon, within_patience};
use random_graph::{Built, Limits, Numbers, ON_PURPOSE, SCHEDULERS, any_plan, keep_quiet_about_purpose};

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

mod waiting {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Condvar, Mutex};
    use std::time::Duration;

    use taskloom::blocking;
    use taskloom::events::{Event, Progress, ProgressState, set_listener};

    use super::*;

    /// Opens once, for all.
    #[derive(Default)]
    struct Gate(Mutex<bool>, Condvar);

    impl Gate {
        fn open(&self) {
            *self.0.lock().unwrap() = true;
            self.1.notify_all();
        }

        fn wait(&self) {
            let _open = self.1.wait_while(self.0.lock().unwrap(), |open| !*open).unwrap();
        }
    }

    fn wait_at(number: u64, gate: &Arc<Gate>) -> u64 {
        blocking(|| gate.wait());
        number
    }

    fn open(gate: &Arc<Gate>) -> u64 {
        gate.open();
        0
    }

    fn sleep_and_open(gate: &Arc<Gate>, milliseconds: u64) -> u64 {
        sleep_ms(milliseconds);
        gate.open();
        0
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn fifty_tasks_may_wait_for_one_that_comes_last() {
        for scheduler in [Scheduler::Threads(1), Scheduler::Threads(2), Scheduler::Threads(8)] {
            let gate = Arc::new(Gate::default());
            let mut tasks: Vec<_> = (0..50).map(|number| delayed!(wait_at(number, &gate))).collect();
            tasks.push(delayed!(open(&gate)));
            let total: Delayed<u64> = tasks.into_iter().sum();
            let total = within_patience("tasks that wait for one", || total.compute_with(scheduler));
            assert_eq!(total.unwrap(), 50 * 49 / 2);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn each_of_fifty_tasks_may_wait_for_the_next() {
        fn pass_on(receive: &Arc<Mutex<Receiver<u64>>>, send: &Sender<u64>) -> bool {
            let number = blocking(|| receive.lock().unwrap().recv().unwrap());
            send.send(number + 1).is_ok()
        }
        for scheduler in [Scheduler::Threads(1), Scheduler::Threads(3)] {
            let (mut first, receive) = channel();
            let mut tasks = Vec::new();
            for _ in 0..50 {
                let (send, receive) = channel();
                let (receive, to) = (Arc::new(Mutex::new(receive)), std::mem::replace(&mut first, send));
                tasks.push(delayed!(pass_on(&receive, &to)));
            }
            tasks.push(delayed_value(first).map(|first| first.send(0).is_ok()));
            let (sent,) = within_patience("a chain of waiting tasks", || compute!(tasks; scheduler)).unwrap();
            assert!(sent.into_iter().all(|sent| sent));
            assert_eq!(receive.recv(), Ok(50));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn tasks_of_a_compute_within_a_task_may_wait_for_each_other() {
        // Of the pool's one thread nothing can be had: it is inside the outer task.
        fn inner(scheduler: Scheduler) -> taskloom::Result<u64> {
            let gate = Arc::new(Gate::default());
            let (wait, open) = (delayed!(wait_at(1, &gate)), delayed!(open(&gate)));
            compute!(wait, open; scheduler).map(|(wait, _)| wait)
        }
        for scheduler in [Scheduler::Threads(1), Scheduler::Threads(2)] {
            for within in [scheduler, Scheduler::Default, Scheduler::Threads(1)] {
                let tasks: Vec<_> = (0..4).map(|_| delayed!(inner(within))).collect();
                let total: Delayed<u64> = tasks.into_iter().sum();
                let total = within_patience("inner tasks that wait", || total.compute_with(scheduler));
                assert_eq!(total.unwrap(), 4);
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn a_task_may_wait_for_another_compute_on_the_same_thread() {
        // The second compute asks for the thread while the first task still runs, and before it waits.
        let (asked, gate) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
        fn wait_later(asked: &Arc<Gate>, gate: &Arc<Gate>) -> u64 {
            asked.wait();
            // By now the other compute stands in the queue, or is just about to.
            std::thread::sleep(Duration::from_millis(50));
            wait_at(1, gate)
        }
        let (waiting, opening) = (delayed!(wait_later(&asked, &gate)), delayed!(open(&gate)));
        within_patience("a task that waits for another compute", || {
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| waiting.compute_with(Scheduler::Threads(1)));
                std::thread::sleep(Duration::from_millis(20));
                asked.open();
                assert_eq!(opening.compute_with(Scheduler::Threads(1)).unwrap(), 0);
                assert_eq!(waiting.join().unwrap().unwrap(), 1);
            });
        });
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn waiting_within_waiting_counts_once() {
        // A wait around a compute whose task waits. If the outer crew discounted this thread twice it would believe
        // that fewer threads work than do, and after two of them that it is crowded: its last member would leave.
        fn wait_within(gate: &Arc<Gate>) -> taskloom::Result<u64> {
            let inner = delayed!(wait_at(1, &*gate));
            blocking(|| inner.compute())
        }
        fn late() -> u64 {
            sleep_ms(50);
            1
        }
        for scheduler in [Scheduler::Threads(1), Scheduler::Threads(2)] {
            let gate = Arc::new(Gate::default());
            let waiting: Vec<_> = (0..3).map(|_| delayed!(wait_within(&gate))).collect();
            // After the late task two more are ready, and the gate needs both.
            let late = delayed!(late());
            let both = &(&late + 1) + &(&late + 2);
            let opening = both.map({
                let gate = Arc::clone(&gate);
                move |number| {
                    gate.open();
                    number
                }
            });
            let values = within_patience("waiting within waiting", || compute!(waiting, opening; scheduler));
            assert_eq!(values.unwrap(), (vec![1; 3], 5));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn no_more_tasks_run_at_once_when_waiting_is_over() {
        #[derive(Default)]
        struct Count {
            now: AtomicUsize,
            most: AtomicUsize,
        }
        fn run(_: u64, count: &Arc<Count>) -> u64 {
            count.most.fetch_max(count.now.fetch_add(1, SeqCst) + 1, SeqCst);
            std::thread::yield_now();
            count.now.fetch_sub(1, SeqCst);
            1
        }
        // Those that wait at the gate come back all at once, and for a moment they are too many.
        let (gate, count) = (Arc::new(Gate::default()), Arc::new(Count::default()));
        let mut tasks: Vec<_> = (0..5).map(|number| delayed!(wait_at(number, &gate))).collect();
        tasks.push(delayed!(sleep_and_open(&gate, 20)));
        let waited: Delayed<u64> = tasks.into_iter().sum();
        let rest: Delayed<u64> = (0..2_000).map(|_| delayed!(run(waited, &count))).sum();
        let total = within_patience("tasks after waiting", || rest.compute_with(Scheduler::Threads(2)));
        assert_eq!(total.unwrap(), 2_000);
        assert!(count.most.load(SeqCst) <= 2, "{} tasks ran at once on two threads", count.most.load(SeqCst));
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn progress_counts_what_stand_ins_do() {
        const TASKS: usize = 33;
        let reports: Arc<Mutex<Vec<Progress>>> = Arc::default();
        let into = Arc::clone(&reports);
        // Other tests of this process report too, of graphs of other sizes.
        set_listener(move |event| match event {
            Event::Progress(progress) if progress.total == TASKS => into.lock().unwrap().push(progress),
            _ => {}
        });
        let gate = Arc::new(Gate::default());
        let mut tasks: Vec<_> = (0..TASKS as u64 - 1).map(|number| delayed!(wait_at(number, &gate))).collect();
        // Longer than it takes until progress is reported at all.
        tasks.push(delayed!(sleep_and_open(&gate, 700)));
        within_patience("a compute that reports", || compute!(tasks; Scheduler::Threads(1))).unwrap();
        let reports = reports.lock().unwrap();
        let last = reports.last().expect("a compute of this length reports");
        assert_eq!((last.done, last.state), (TASKS, ProgressState::Finished));
    }
}

mod pure {
    use std::collections::HashMap;
    use std::sync::{Mutex, MutexGuard};

    use super::*;

    // A pure task cannot be given a counter of its own, so these tests share one and take turns.
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    static ALIVE: AtomicUsize = AtomicUsize::new(0);

    fn turn() -> MutexGuard<'static, ()> {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        soon("the results of the test before are dropped", || ALIVE.load(SeqCst) == 0);
        RUNS.store(0, SeqCst);
        turn
    }

    fn runs() -> usize {
        RUNS.swap(0, SeqCst)
    }

    #[derive(Debug, PartialEq)]
    struct Counted(u64);

    impl Counted {
        fn new(number: u64) -> Self {
            ALIVE.fetch_add(1, SeqCst);
            Counted(number)
        }
    }

    impl Clone for Counted {
        fn clone(&self) -> Self {
            Counted::new(self.0)
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            ALIVE.fetch_sub(1, SeqCst);
        }
    }

    fn make(number: u64) -> Counted {
        RUNS.fetch_add(1, SeqCst);
        Counted::new(number)
    }

    fn join(a: &Counted, b: &Counted) -> Counted {
        RUNS.fetch_add(1, SeqCst);
        Counted::new(a.0.wrapping_mul(31).wrapping_add(b.0))
    }

    fn pure_make(number: u64) -> Delayed<Counted> {
        delayed!(make(number)).pure()
    }

    fn pure_join(a: &Delayed<Counted>, b: &Delayed<Counted>) -> Delayed<Counted> {
        delayed!(join(&a, &b)).pure()
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn twins_run_once() {
        let _turn = turn();
        for scheduler in SCHEDULERS {
            let (one, two, other) = (pure_make(1), pure_make(1), pure_make(2));
            assert_eq!(one.key(), two.key());
            assert_ne!(one.key(), other.key());
            let values =
                compute!(one, two, other, pure_join(&one, &other), pure_join(&two, &other); scheduler).unwrap();
            assert_eq!((values.0.0, values.1.0, values.2.0, values.3.0, values.4.0), (1, 1, 2, 33, 33));
            assert_eq!(runs(), 3);
            // An impure task runs although there is a pure one just like it.
            let impure: Vec<_> = (0..2).map(|_| delayed!(make(1))).collect();
            compute!(one, impure; scheduler).unwrap();
            assert_eq!(runs(), 3);
        }
    }

    proptest! {
        #![proptest_config(cases(100))]

        #[test]
        #[cfg_attr(miri, ignore)]
        fn as_many_tasks_run_as_there_are_different_ones(
            picks in prop::collection::vec((any::<u32>(), any::<u32>(), any::<bool>()), 1..60),
        ) {
            let _turn = turn();
            let mut nodes: Vec<(Delayed<Counted>, u64, usize)> = Vec::new();
            let mut classes: HashMap<(u64, Option<usize>), usize> = HashMap::new();
            for (a, b, is_leaf) in picks {
                let next = classes.len();
                if is_leaf || nodes.is_empty() {
                    let number = u64::from(a % 4);
                    let class = *classes.entry((number, None)).or_insert(next);
                    nodes.push((pure_make(number), number, class));
                } else {
                    let (a, b) = (&nodes[a as usize % nodes.len()], &nodes[b as usize % nodes.len()]);
                    let number = a.1.wrapping_mul(31).wrapping_add(b.1);
                    let class = *classes.entry((a.2 as u64, Some(b.2))).or_insert(next);
                    let handle = pure_join(&a.0, &b.0);
                    nodes.push((handle, number, class));
                }
            }
            let handles: Vec<_> = nodes.iter().map(|(handle, ..)| handle.clone()).collect();
            let expected: Vec<u64> = nodes.iter().map(|&(_, number, _)| number).collect();
            for scheduler in SCHEDULERS {
                let (values,) = compute!(handles; scheduler).unwrap();
                let found: Vec<u64> = values.iter().map(|value| value.0).collect();
                prop_assert_eq!(&found, &expected);
                prop_assert_eq!(runs(), classes.len());
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn a_kept_result_is_used_until_it_is_dropped() {
        let _turn = turn();
        let kept = pure_make(5).persist().unwrap();
        assert_eq!((kept.len(), runs(), ALIVE.load(SeqCst)), (0, 1, 1));
        for scheduler in SCHEDULERS {
            let twin = pure_make(5);
            let more = pure_join(&twin, &pure_make(6));
            assert_eq!((twin.len(), more.len()), (0, 2), "the kept value stands for the task");
            assert_eq!(compute!(twin, more; scheduler).unwrap(), (Counted::new(5), Counted::new(161)));
            assert_eq!(runs(), 2);
        }
        let also_kept = kept.clone();
        drop(kept);
        assert_eq!(pure_make(5).compute().unwrap(), Counted::new(5));
        assert_eq!(runs(), 0);
        drop(also_kept);
        soon("the kept result is dropped", || ALIVE.load(SeqCst) == 0);
        for scheduler in SCHEDULERS {
            assert_eq!(pure_make(5).compute_with(scheduler).unwrap(), Counted::new(5));
            assert_eq!(runs(), 1, "what is no longer kept is computed again");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn persist_keeps_one_result_and_frees_it() {
        let _turn = turn();
        let parts: Vec<_> = (0..100).map(|number| delayed!(make(number))).collect();
        let mut whole = parts[0].clone();
        for part in &parts[1..] {
            whole = delayed!(join(&whole, &part));
        }
        let kept = whole.persist().unwrap();
        soon("only the kept result is alive", || ALIVE.load(SeqCst) == 1);
        assert_eq!(runs(), 199);
        // What is derived from it neither runs it again, nor lets it go.
        let derived: Vec<_> = (0..10).map(|_| delayed!(join(&kept, &kept))).collect();
        let (values,) = compute!(derived).unwrap();
        assert_eq!((values.len(), runs()), (10, 10));
        drop(values);
        soon("only the kept result is alive", || ALIVE.load(SeqCst) == 1);
        drop(kept);
        assert_eq!(ALIVE.load(SeqCst), 1, "the handles that were derived hold it");
        drop(derived);
        soon("the kept result is dropped", || ALIVE.load(SeqCst) == 0);
        // The handles themselves never held a result, and still work.
        whole.compute().unwrap();
        assert_eq!(runs(), 199);
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn keeping_and_dropping_on_many_threads() {
        let _turn = turn();
        within_patience("keeping and dropping", || {
            std::thread::scope(|scope| {
                for thread in 0..4 {
                    scope.spawn(move || {
                        for round in 0..300 {
                            let number = round % 3;
                            let twin = pure_make(number);
                            let handle = if (thread + round) % 2 == 0 { twin.persist().unwrap() } else { twin };
                            assert_eq!(handle.compute_with(Scheduler::Threads(2)).unwrap().0, number);
                        }
                    });
                }
            });
        });
        soon("all results are dropped", || ALIVE.load(SeqCst) == 0);
    }
}
