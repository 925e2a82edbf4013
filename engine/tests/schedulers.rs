//! Every scheduler gives what plain sequential code would give, runs each task once, keeps no result longer than needed,
//! and gets over failures.

mod common;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::sample::Index;
use taskloom::prelude::*;
use taskloom::{Error, num_threads};

use common::purpose::{Broken, ON_PURPOSE, keep_quiet_about_purpose, mix};
use common::{soon, within_patience};

const SCHEDULERS: [Scheduler; 6] = [
    Scheduler::Sync,
    Scheduler::Threads(1),
    Scheduler::Threads(2),
    Scheduler::Threads(4),
    Scheduler::Threads(8),
    Scheduler::Default,
];

/// Counts how many values of a test are alive.
#[derive(Debug, Default)]
struct Ledger {
    live: AtomicUsize,
    peak: AtomicUsize,
}

impl Ledger {
    fn live(&self) -> usize {
        self.live.load(Ordering::SeqCst)
    }
}

/// A value whose coming and going is counted. Rust drops a value at most once; the ledger says whether it was dropped.
#[derive(Debug)]
struct Tracked {
    number: u64,
    ledger: Arc<Ledger>,
}

impl Tracked {
    fn new(number: u64, ledger: &Arc<Ledger>) -> Self {
        let live = ledger.live.fetch_add(1, Ordering::SeqCst) + 1;
        ledger.peak.fetch_max(live, Ordering::SeqCst);
        Tracked { number, ledger: Arc::clone(ledger) }
    }
}

impl Clone for Tracked {
    fn clone(&self) -> Self {
        Tracked::new(self.number, &self.ledger)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.ledger.live.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Works,
    Fails,
    Panics,
}

/// What a task of a random graph knows about itself.
#[derive(Debug)]
struct Job {
    id: usize,
    fate: Fate,
    runs: AtomicUsize,
}

impl Job {
    fn run(&self, ledger: &Arc<Ledger>, inputs: &[&Tracked]) -> Result<Tracked, Broken> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        match self.fate {
            Fate::Works => Ok(Tracked::new(mix(self.id, inputs.iter().map(|input| input.number)), ledger)),
            Fate::Fails => Err(Broken(self.id)),
            Fate::Panics => panic!("{}", Broken(self.id)),
        }
    }
}

type Made = Result<Tracked, Broken>;

// One function for each way of passing arguments.
fn source(job: Arc<Job>, ledger: &Arc<Ledger>) -> Made {
    job.run(ledger, &[])
}

fn by_value(job: Arc<Job>, ledger: &Arc<Ledger>, a: Tracked) -> Made {
    job.run(ledger, &[&a])
}

fn by_reference(job: Arc<Job>, ledger: &Arc<Ledger>, a: &Tracked) -> Made {
    job.run(ledger, &[a])
}

fn value_and_reference(job: Arc<Job>, ledger: &Arc<Ledger>, a: Tracked, b: &Tracked) -> Made {
    job.run(ledger, &[&a, b])
}

fn all_by_value(job: Arc<Job>, ledger: &Arc<Ledger>, all: Vec<Tracked>) -> Made {
    job.run(ledger, &all.iter().collect::<Vec<_>>())
}

fn all_by_reference(job: Arc<Job>, ledger: &Arc<Ledger>, all: &[Tracked]) -> Made {
    job.run(ledger, &all.iter().collect::<Vec<_>>())
}

fn numbers(outputs: Vec<Tracked>) -> Vec<u64> {
    outputs.iter().map(|output| output.number).collect()
}

/// One node of a random graph, before its inputs are known.
#[derive(Debug, Clone)]
struct NodePlan {
    is_data: bool,
    /// Each picks one of the nodes before this one; picks may agree.
    inputs: Vec<Index>,
    by_reference: bool,
}

#[derive(Debug, Clone)]
struct Plan {
    nodes: Vec<NodePlan>,
    outputs: Vec<Index>,
    /// Nodes that fail (false) or panic (true).
    broken: Vec<(Index, bool)>,
}

fn plan(most_nodes: usize, most_broken: usize) -> impl Strategy<Value = Plan> {
    let index = || any::<Index>();
    let node = (prop::bool::weighted(0.15), prop::collection::vec(index(), 0..=5), any::<bool>())
        .prop_map(|(is_data, inputs, by_reference)| NodePlan { is_data, inputs, by_reference });
    let fewest_broken = most_broken.min(1);
    (
        prop::collection::vec(node, 1..most_nodes),
        prop::collection::vec(index(), 1..6),
        prop::collection::vec((index(), any::<bool>()), fewest_broken..=most_broken),
    )
        .prop_map(|(nodes, outputs, broken)| Plan { nodes, outputs, broken })
}

/// A random graph, ready to run, with the answer that plain code gives.
struct Built {
    ledger: Arc<Ledger>,
    jobs: Vec<Arc<Job>>,
    names: Vec<&'static str>,
    inputs: Vec<Vec<usize>>,
    handles: Vec<Delayed<Tracked>>,
    outputs: Vec<usize>,
    expected: Vec<u64>,
    data_nodes: usize,
}

fn build(plan: &Plan) -> Built {
    let ledger = Arc::new(Ledger::default());
    let mut fates = vec![Fate::Works; plan.nodes.len()];
    for (index, panics) in &plan.broken {
        fates[index.index(plan.nodes.len())] = if *panics { Fate::Panics } else { Fate::Fails };
    }
    let mut built = Built {
        ledger: Arc::clone(&ledger),
        jobs: Vec::new(),
        names: Vec::new(),
        inputs: Vec::new(),
        handles: Vec::new(),
        outputs: plan.outputs.iter().map(|index| index.index(plan.nodes.len())).collect(),
        expected: Vec::new(),
        data_nodes: 0,
    };
    for (id, node) in plan.nodes.iter().enumerate() {
        let job = Arc::new(Job { id, fate: fates[id], runs: AtomicUsize::new(0) });
        built.jobs.push(Arc::clone(&job));
        if node.is_data {
            let number = mix(id, []);
            built.data_nodes += 1;
            built.names.push("data");
            built.inputs.push(Vec::new());
            built.expected.push(number);
            built.handles.push(delayed_value(Tracked::new(number, &ledger)));
            continue;
        }
        let inputs: Vec<usize> =
            if id == 0 { Vec::new() } else { node.inputs.iter().map(|index| index.index(id)).collect() };
        let all: Vec<Delayed<Tracked>> = inputs.iter().map(|&input| built.handles[input].clone()).collect();
        let handle = match (&all[..], node.by_reference) {
            ([], _) => delayed!(source(job, &ledger)),
            ([a], false) => delayed!(by_value(job, &ledger, a)),
            ([a], true) => delayed!(by_reference(job, &ledger, &a)),
            ([a, b], _) => delayed!(value_and_reference(job, &ledger, a, &b)),
            (_, false) => delayed!(all_by_value(job, &ledger, all)),
            (_, true) => delayed!(all_by_reference(job, &ledger, &all)),
        };
        let number = mix(id, inputs.iter().map(|&input| built.expected[input]));
        built.expected.push(number);
        built.names.push(match (inputs.len(), node.by_reference) {
            (0, _) => "source",
            (1, false) => "by_value",
            (1, true) => "by_reference",
            (2, _) => "value_and_reference",
            (_, false) => "all_by_value",
            (_, true) => "all_by_reference",
        });
        built.inputs.push(inputs);
        built.handles.push(handle);
    }
    built
}

impl Built {
    /// One handle for all outputs together.
    fn gathered(&self) -> Delayed<Vec<u64>> {
        let outputs: Vec<_> = self.outputs.iter().map(|&output| self.handles[output].clone()).collect();
        delayed!(numbers(outputs))
    }

    fn expected_outputs(&self) -> Vec<u64> {
        self.outputs.iter().map(|&output| self.expected[output]).collect()
    }

    /// Everything that the outputs need, tasks and data.
    fn needed(&self) -> HashSet<usize> {
        let mut needed = HashSet::new();
        let mut open = self.outputs.clone();
        while let Some(id) = open.pop() {
            if needed.insert(id) {
                open.extend(&self.inputs[id]);
            }
        }
        needed
    }

    /// How often each task has run since this was last asked.
    fn take_runs(&self) -> Vec<usize> {
        self.jobs.iter().map(|job| job.runs.swap(0, Ordering::SeqCst)).collect()
    }

    fn breaks(&self, id: usize) -> bool {
        self.names[id] != "data" && self.jobs[id].fate != Fate::Works
    }

    /// The nodes that take the result of `id`; `None` stands for the task that gathers the outputs.
    fn consumers(&self, id: usize) -> Vec<Option<usize>> {
        let mut consumers: Vec<_> =
            (id + 1..self.inputs.len()).filter(|&next| self.inputs[next].contains(&id)).map(Some).collect();
        if self.outputs.contains(&id) {
            consumers.push(None);
        }
        consumers
    }

    /// Whether `chain` names the nodes of a path from `id` to the task that gathers the outputs.
    fn is_path(&self, id: usize, chain: &[String]) -> bool {
        let mut places = HashSet::from([Some(id)]);
        for name in chain {
            places = places
                .into_iter()
                .flatten()
                .flat_map(|place| self.consumers(place))
                .filter(|next| next.map_or("numbers", |next| self.names[next]) == name)
                .collect();
        }
        places.contains(&None)
    }
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, max_shrink_iters: 2_000, ..ProptestConfig::with_cases(cases) }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn any_graph_gives_the_sequential_answer(plan in plan(300, 0)) {
        let built = build(&plan);
        let needed = built.needed();
        let gathered = built.gathered();
        for scheduler in SCHEDULERS {
            let outputs = within_patience("a random graph", || gathered.compute_with(scheduler));
            prop_assert_eq!(outputs.expect("nothing can fail here"), built.expected_outputs());
            for (id, runs) in built.take_runs().into_iter().enumerate() {
                let expected = usize::from(needed.contains(&id) && built.names[id] != "data");
                prop_assert_eq!(runs, expected, "runs of node {} with {:?}", id, scheduler);
            }
            soon("all results are dropped", || built.ledger.live() == built.data_nodes);
        }
        let ledger = Arc::clone(&built.ledger);
        drop((built, gathered));
        soon("values go with their handles", || ledger.live() == 0);
    }

    #[test]
    fn any_outputs_can_be_asked_for_together(plan in plan(100, 0)) {
        let built = build(&plan);
        let handle = |n: usize| &built.handles[built.outputs[n % built.outputs.len()]];
        let values = compute!(*handle(0), *handle(1), *handle(2), *handle(3)).expect("nothing can fail here");
        let expected = built.expected_outputs();
        let found = [values.0.number, values.1.number, values.2.number, values.3.number];
        for (n, number) in found.into_iter().enumerate() {
            prop_assert_eq!(number, expected[n % expected.len()]);
        }
        prop_assert!(built.take_runs().into_iter().all(|runs| runs <= 1));
        drop(values);
        soon("all results are dropped", || built.ledger.live() == built.data_nodes);
    }

    #[test]
    fn failures_name_a_task_that_failed_and_leave_nothing_behind(plan in plan(200, 6)) {
        keep_quiet_about_purpose();
        let built = build(&plan);
        let needed = built.needed();
        let gathered = built.gathered();
        for scheduler in SCHEDULERS {
            let outcome = within_patience("a graph that fails", || gathered.compute_with(scheduler));
            if !needed.iter().any(|&id| built.breaks(id)) {
                prop_assert_eq!(outcome.expect("nothing that is needed fails"), built.expected_outputs());
                built.take_runs();
                continue;
            }
            let Err(Error::Task(error)) = outcome else { panic!("a task's error was expected, not {outcome:?}") };
            let id: usize = error.message().split(' ').nth(1).and_then(|id| id.parse().ok()).expect("the node's number");
            prop_assert_eq!(error.message(), Broken(id).to_string());
            prop_assert_eq!(error.task(), built.names[id]);
            prop_assert_eq!(error.panicked(), built.jobs[id].fate == Fate::Panics);
            let own_error = error.source().and_then(|source| source.downcast_ref::<Broken>()).map(|broken| broken.0);
            prop_assert_eq!(own_error, (!error.panicked()).then_some(id));
            prop_assert!(needed.contains(&id));
            prop_assert!(built.is_path(id, error.needed_by()), "{:?} is no path from node {}", error.needed_by(), id);

            // Tasks that had begun elsewhere may end a little after the compute.
            soon("all results are dropped", || built.ledger.live() == built.data_nodes);
            let runs = built.take_runs();
            prop_assert_eq!(runs[id], 1);
            prop_assert!(runs.iter().all(|&runs| runs <= 1));
            for (id, inputs) in built.inputs.iter().enumerate() {
                let spoiled = inputs.iter().any(|&input| built.breaks(input));
                prop_assert!(runs[id] == 0 || !spoiled, "node {} ran without all its inputs", id);
            }

            let ones: Vec<_> = (0..20).map(|_| delayed!(u64::pow(1, 1))).collect();
            let after: Delayed<u64> = ones.into_iter().sum();
            prop_assert_eq!(after.compute_with(scheduler).expect("the pool works on"), 20);
        }
    }
}

mod memory {
    use super::*;

    fn read(number: u64, ledger: &Arc<Ledger>) -> Tracked {
        Tracked::new(number, ledger)
    }

    fn next(value: Tracked) -> Tracked {
        let number = value.number + 1;
        let ledger = Arc::clone(&value.ledger);
        // As a real task does: the result is there before the argument goes.
        let result = Tracked::new(number, &ledger);
        drop(value);
        result
    }

    fn join(left: Tracked, right: Tracked) -> Tracked {
        Tracked::new(left.number + right.number, &left.ledger)
    }

    /// Many chunks, each read and taken through `steps` tasks, and joined in pairs.
    fn wide(chunks: u64, steps: usize, ledger: &Arc<Ledger>) -> Delayed<Tracked> {
        let mut level: Vec<_> = (0..chunks)
            .map(|chunk| {
                let mut chain = delayed!(read(chunk, &*ledger));
                for _ in 0..steps {
                    chain = delayed!(next(chain));
                }
                chain
            })
            .collect();
        while level.len() > 1 {
            level = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => delayed!(join(left, right)),
                    rest => rest[0].clone(),
                })
                .collect();
        }
        level.remove(0)
    }

    #[test]
    fn few_results_are_alive_at_a_time() {
        const CHUNKS: u64 = 1024;
        let levels = CHUNKS.ilog2() as usize + 1;
        for scheduler in SCHEDULERS {
            let ledger = Arc::new(Ledger::default());
            let value = wide(CHUNKS, 10, &ledger).compute_with(scheduler).unwrap();
            assert_eq!(value.number, CHUNKS * (CHUNKS - 1) / 2 + 10 * CHUNKS);
            let peak = ledger.peak.load(Ordering::SeqCst);
            let threads = match scheduler {
                Scheduler::Sync => 1,
                Scheduler::Threads(n) => n,
                _ => num_threads().unwrap(),
            };
            // One thread holds a finished part of each level of the tree, and what its task is making.
            let most = if threads == 1 { levels + 2 } else { 2 * threads * (levels + 2) };
            assert!(peak <= most, "{peak} of {CHUNKS} chunks were alive at once with {scheduler:?}");
            drop(value);
            soon("all results are dropped", || ledger.live() == 0);
        }
    }

    #[test]
    fn a_chain_holds_one_result_at_a_time() {
        for scheduler in SCHEDULERS {
            let ledger = Arc::new(Ledger::default());
            let mut chain = delayed!(read(0, &ledger));
            for _ in 0..10_000 {
                chain = delayed!(next(chain));
            }
            assert_eq!(chain.compute_with(scheduler).unwrap().number, 10_000);
            let peak = ledger.peak.load(Ordering::SeqCst);
            assert!(peak <= 2, "{peak} results were alive at once with {scheduler:?}");
        }
    }

    #[test]
    fn results_outlive_neither_the_compute_nor_the_handles() {
        let ledger = Arc::new(Ledger::default());
        let data = delayed_value(Tracked::new(1, &ledger));
        let (one, two) = (delayed!(next(data)), delayed!(next(data)));
        let joined = delayed!(join(one, two));
        let (value, also) = compute!(joined, one).unwrap();
        soon("the rest is dropped", || ledger.live() == 3);
        drop((value, also));
        assert_eq!(ledger.live(), 1, "only the data node's own value");
        drop((one, two, joined));
        assert_eq!(ledger.live(), 1);
        drop(data);
        // The pool's threads may let go of the graph a little later.
        soon("values go with their handles", || ledger.live() == 0);
    }
}

mod failures {
    use super::*;

    fn never(_: Vec<i64>) -> i64 {
        panic!("a task ran whose input had failed")
    }

    #[test]
    fn panics_of_every_kind_become_errors() {
        keep_quiet_about_purpose();
        fn text() -> i64 {
            panic!("a text that broke on purpose")
        }
        fn formatted(n: i64) -> i64 {
            panic!("number {n} broke on purpose")
        }
        fn other() -> i64 {
            std::panic::resume_unwind(Box::new(42))
        }
        let cases = [
            (delayed!(text()), "task `text` panicked: a text that broke on purpose"),
            (delayed!(formatted(7)), "task `formatted` panicked: number 7 broke on purpose"),
            (delayed!(other()), "task `other` panicked: a panic without a message"),
        ];
        for scheduler in SCHEDULERS {
            for (handle, message) in &cases {
                let error = handle.compute_with(scheduler).unwrap_err();
                assert_eq!(error.to_string(), *message);
                let Error::Task(error) = error else { panic!("a task's error was expected") };
                assert!(error.panicked() && error.source().is_none());
            }
        }
    }

    #[test]
    fn what_depends_on_a_failure_never_runs() {
        fn fail(n: i64) -> Result<i64, String> {
            Err(format!("number {n} {ON_PURPOSE}"))
        }
        for scheduler in SCHEDULERS {
            let parts: Vec<_> = (0..100).map(|n| delayed!(fail(n))).collect();
            let error = delayed!(never(parts)).compute_with(scheduler).unwrap_err().to_string();
            assert!(
                error.starts_with("task `fail` failed: number ") && error.ends_with("needed by `never`"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_value_that_cannot_be_cloned_for_its_consumer_fails_that_task_only() {
        keep_quiet_about_purpose();
        struct Stubborn;
        impl Clone for Stubborn {
            fn clone(&self) -> Self {
                panic!("a clone that broke on purpose")
            }
        }
        fn take(_: Stubborn) -> i64 {
            1
        }
        let data = delayed_value(Stubborn);
        for scheduler in SCHEDULERS {
            let error = delayed!(take(data)).compute_with(scheduler).unwrap_err().to_string();
            assert_eq!(error, "task `take` panicked: a clone that broke on purpose");
        }
    }

    #[test]
    fn many_computes_fail_and_work_side_by_side() {
        keep_quiet_about_purpose();
        fn perhaps(n: i64) -> i64 {
            assert!(n % 50 != 0, "number {n} {ON_PURPOSE}");
            n
        }
        within_patience("computes side by side", || {
            std::thread::scope(|scope| {
                for thread in 0..8 {
                    scope.spawn(move || {
                        for round in 0..25 {
                            let parts: Vec<_> = (1..50 + (thread + round) % 2).map(|n| delayed!(perhaps(n))).collect();
                            let fails = parts.len() == 50;
                            let sum: Delayed<i64> = parts.into_iter().sum();
                            let outcome = sum.compute_with(SCHEDULERS[round as usize % SCHEDULERS.len()]);
                            assert_eq!(outcome.is_err(), fails);
                        }
                    });
                }
            });
        });
    }
}

mod nesting {
    use super::*;

    /// A tree of computes: each task of `levels` levels builds a graph of `width` tasks and computes it.
    fn tree(levels: usize, width: usize, scheduler: Scheduler) -> Result<usize, Error> {
        if levels == 0 {
            return Ok(1);
        }
        let below = levels - 1;
        let parts: Vec<_> = (0..width).map(|_| delayed!(tree(below, width, scheduler))).collect();
        let sum: Delayed<usize> = parts.into_iter().sum();
        sum.compute_with(scheduler)
    }

    #[test]
    fn tasks_may_compute() {
        for scheduler in SCHEDULERS {
            let leaves = within_patience("a tree of computes", || tree(6, 4, scheduler));
            assert_eq!(leaves.unwrap(), 4096, "{scheduler:?}");
        }
    }

    #[test]
    fn nesting_goes_deeper_than_there_are_threads() {
        for scheduler in SCHEDULERS {
            let leaves = within_patience("a chain of computes", || tree(100, 1, scheduler));
            assert_eq!(leaves.unwrap(), 1, "{scheduler:?}");
        }
    }

    #[test]
    fn many_tasks_may_each_compute_a_little() {
        for scheduler in SCHEDULERS {
            let parts: Vec<_> = (0..5_000).map(|_| delayed!(tree(1, 3, scheduler))).collect();
            let sum: Delayed<usize> = parts.into_iter().sum();
            let leaves = within_patience("many small computes", || sum.compute_with(scheduler));
            assert_eq!(leaves.unwrap(), 15_000, "{scheduler:?}");
        }
    }

    #[test]
    fn computes_from_many_threads_share_the_pools() {
        within_patience("computes from many threads", || {
            std::thread::scope(|scope| {
                for thread in 0..12 {
                    let scheduler = SCHEDULERS[thread % SCHEDULERS.len()];
                    scope.spawn(move || assert_eq!(tree(4, 3, scheduler).unwrap(), 81));
                }
            });
        });
    }

    #[test]
    fn tasks_may_compute_on_another_scheduler() {
        fn alternate(levels: usize) -> Result<usize, Error> {
            let scheduler = SCHEDULERS[levels % SCHEDULERS.len()];
            let parts: Vec<_> = (0..3).map(|_| delayed!(below({ levels - 1 }))).collect();
            let sum: Delayed<usize> = parts.into_iter().sum();
            sum.compute_with(scheduler)
        }
        fn below(levels: usize) -> Result<usize, Error> {
            if levels == 0 { Ok(1) } else { alternate(levels) }
        }
        let leaves = within_patience("computes on changing schedulers", || alternate(7));
        assert_eq!(leaves.unwrap(), 3usize.pow(7));
    }

    #[test]
    fn tasks_may_use_rayon() {
        fn join_sum(from: u64, to: u64) -> u64 {
            if to - from < 100 {
                return (from..to).sum();
            }
            let middle = (from + to) / 2;
            let (left, right) = taskloom::rayon::join(|| join_sum(from, middle), || join_sum(middle, to));
            left + right
        }
        for scheduler in SCHEDULERS {
            let parts: Vec<_> = (0..20).map(|_| delayed!(join_sum(0, 10_000))).collect();
            let sum: Delayed<u64> = parts.into_iter().sum();
            let total = within_patience("tasks that use rayon", || sum.compute_with(scheduler)).unwrap();
            assert_eq!(total, 20 * 9_999 * 5_000);
        }
    }

    #[test]
    fn a_failure_deep_down_comes_up() {
        keep_quiet_about_purpose();
        fn dig(levels: usize, scheduler: Scheduler) -> Result<usize, Error> {
            assert!(levels > 0, "the bottom {ON_PURPOSE}");
            let below = levels - 1;
            delayed!(dig(below, scheduler)).compute_with(scheduler)
        }
        for scheduler in SCHEDULERS {
            let error = within_patience("a failing chain of computes", || dig(5, scheduler)).unwrap_err().to_string();
            assert_eq!(error.matches("task `dig` failed: ").count(), 4, "{error}");
            assert!(error.ends_with("task `dig` panicked: the bottom broke on purpose"), "{error}");
        }
    }
}

mod size {
    use super::*;

    fn inc(x: i64) -> i64 {
        x + 1
    }

    fn total(numbers: Vec<i64>) -> i64 {
        numbers.iter().sum()
    }

    #[test]
    fn a_chain_of_a_million_tasks() {
        // The thread of a test has a small stack; recursion of this depth would not fit.
        let mut chain = delayed_value(0i64);
        for _ in 0..1_000_000 {
            chain = delayed!(inc({ chain }));
        }
        for scheduler in [Scheduler::Sync, Scheduler::Threads(2)] {
            assert_eq!(chain.compute_with(scheduler).unwrap(), 1_000_000);
        }
        assert_eq!(chain.len(), 1_000_000);
        drop(chain);
    }

    #[test]
    fn a_failure_at_the_bottom_of_a_long_chain() {
        let mut chain = delayed!("x".parse::<i64>());
        for _ in 0..100_000 {
            chain = delayed!(inc({ chain }));
        }
        for scheduler in [Scheduler::Sync, Scheduler::Threads(2)] {
            let Err(Error::Task(error)) = chain.compute_with(scheduler) else { panic!("`x` is no number") };
            assert_eq!(error.needed_by().len(), 100_000);
            assert!(error.to_string().len() < 300, "a message is short");
        }
    }

    #[test]
    fn two_hundred_thousand_tasks_that_need_nothing() {
        let parts: Vec<_> = (0..200_000).map(|n| delayed!(inc(n))).collect();
        let sum = delayed!(total(parts));
        drop(parts);
        for scheduler in [Scheduler::Sync, Scheduler::Threads(2), Scheduler::Threads(8)] {
            assert_eq!(sum.compute_with(scheduler).unwrap(), 200_000 * 200_001 / 2);
        }
    }

    #[test]
    fn a_result_with_two_hundred_thousand_consumers() {
        let one = delayed!(inc(0));
        let parts: Vec<_> = (0..200_000).map(|_| delayed!(inc(one))).collect();
        let sum = delayed!(total({ parts }));
        for scheduler in [Scheduler::Sync, Scheduler::Threads(2), Scheduler::Threads(8)] {
            assert_eq!(sum.compute_with(scheduler).unwrap(), 400_000);
        }
    }

    #[test]
    fn handles_that_double_at_each_step_stay_small() {
        // As a tree this would have 2^60 leaves.
        let mut x = delayed!(inc(0));
        for _ in 0..60 {
            x = delayed!((|a: i64, b: i64| a.wrapping_add(b))(x, x));
        }
        assert_eq!((x.len(), x.compute().unwrap()), (61, 1 << 60));
        assert!(format!("{x:?}").len() < 100);
    }
}

mod threads {
    use super::*;

    /// Tells the test below that it runs in a process of its own, and how many threads that should have.
    const EXPECTED: &str = "TASKLOOM_TEST_EXPECTED_THREADS";

    fn thread_name() -> String {
        std::thread::current().name().unwrap_or_default().to_owned()
    }

    #[test]
    fn the_environment_sets_the_number_of_threads() {
        if let Ok(expected) = std::env::var(EXPECTED) {
            if expected == "refused" {
                let message = delayed!(thread_name()).compute().unwrap_err().to_string();
                assert!(message.contains("TASKLOOM_NUM_THREADS is `many`; set it to"), "{message}");
                return;
            }
            assert_eq!(num_threads().unwrap().to_string(), expected);
            let names: Vec<_> = (0..200).map(|_| delayed!(thread_name())).collect();
            let names = delayed!((|names: Vec<String>| names)(names)).compute().unwrap();
            let names: HashSet<_> = names.into_iter().collect();
            assert!(names.len() <= num_threads().unwrap(), "{names:?}");
            assert!(names.iter().all(|name| name.starts_with("taskloom-")), "{names:?}");
            return;
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from).to_string();
        let cores = cores.as_str();
        let cases = [
            (Some("3"), "3"),
            (Some(" 1 "), "1"),
            (Some("0"), cores),
            (Some("many"), "refused"),
            (Some(""), cores),
            (None, cores),
        ];
        for (value, expected) in cases {
            let mut child = std::process::Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", "threads::the_environment_sets_the_number_of_threads"]).env(EXPECTED, expected);
            match value {
                Some(value) => child.env("TASKLOOM_NUM_THREADS", value),
                None => child.env_remove("TASKLOOM_NUM_THREADS"),
            };
            let output = child.output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && text.contains("1 passed"), "TASKLOOM_NUM_THREADS={value:?}:\n{text}");
        }
    }

    #[test]
    fn sync_runs_on_the_thread_that_asks() {
        let name = delayed!(thread_name()).compute_with(Scheduler::Sync).unwrap();
        assert_eq!(name, thread_name());
    }

    #[test]
    fn tasks_that_wait_for_each_other_run_at_the_same_time() {
        // Each task waits until all have begun: only possible when each has a thread.
        fn meet(barrier: &Arc<std::sync::Barrier>) -> usize {
            usize::from(barrier.wait().is_leader())
        }
        for threads in [2, 4, 8] {
            let barrier = Arc::new(std::sync::Barrier::new(threads));
            let parts: Vec<_> = (0..threads).map(|_| delayed!(meet(&barrier))).collect();
            let leaders: Delayed<usize> = parts.into_iter().sum();
            let leaders = within_patience("tasks side by side", || leaders.compute_with(Scheduler::Threads(threads)));
            assert_eq!(leaders.unwrap(), 1);
        }
    }

    /// What failed can be run again at once: nothing of the first time still writes.
    #[test]
    fn an_error_waits_for_the_tasks_that_began_beside_it() {
        type Marks = Arc<(std::sync::Barrier, AtomicUsize)>;
        fn write_slowly(marks: &Marks) -> usize {
            marks.0.wait();
            std::thread::sleep(std::time::Duration::from_millis(100));
            marks.1.fetch_add(1, Ordering::SeqCst)
        }
        fn fail(marks: &Marks) -> Result<usize, &'static str> {
            marks.0.wait();
            Err("on purpose")
        }
        for threads in [2, 4] {
            let marks: Marks = Arc::new((std::sync::Barrier::new(2), AtomicUsize::new(0)));
            fn fails(marks: &Marks, threads: usize) -> bool {
                let marks = Arc::clone(marks);
                let both = delayed!(write_slowly(&marks)) + delayed!(fail(&marks));
                both.compute_with(Scheduler::Threads(threads)).is_err()
            }
            assert!(fails(&marks, threads));
            assert_eq!(marks.1.load(Ordering::SeqCst), 1);
            // The same inside a task.
            assert!(delayed!(fails(&marks, threads)).compute_with(Scheduler::Threads(threads)).unwrap());
            assert_eq!(marks.1.load(Ordering::SeqCst), 2);
        }
    }

    /// But not for one that waits for what will never come.
    #[test]
    fn an_error_does_not_wait_for_ever() {
        type Word = (Arc<std::sync::Mutex<std::sync::mpsc::Receiver<()>>>, Arc<std::sync::Barrier>);
        fn listen(word: &Word) -> usize {
            word.1.wait();
            usize::from(word.0.lock().unwrap().recv().is_ok())
        }
        fn fail(barrier: &Arc<std::sync::Barrier>) -> Result<usize, &'static str> {
            barrier.wait();
            Err("on purpose")
        }
        let (speak, listener) = std::sync::mpsc::channel();
        let barrier = Arc::new(std::sync::Barrier::new(2));
        let word: Word = (Arc::new(std::sync::Mutex::new(listener)), Arc::clone(&barrier));
        let both = delayed!(listen(&word)) + delayed!(fail(&barrier));
        let outcome = within_patience("an error", || both.compute_with(Scheduler::Threads(2)));
        assert!(outcome.is_err());
        drop(speak);
    }

    #[test]
    fn no_more_tasks_run_at_once_than_there_are_threads() {
        fn enter(count: &Arc<(AtomicUsize, AtomicUsize)>) -> usize {
            let now = count.0.fetch_add(1, Ordering::SeqCst) + 1;
            count.1.fetch_max(now, Ordering::SeqCst);
            std::thread::yield_now();
            count.0.fetch_sub(1, Ordering::SeqCst);
            1
        }
        for threads in [1, 2, 4] {
            let count = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
            let parts: Vec<_> = (0..2_000).map(|_| delayed!(enter(&count))).collect();
            let sum: Delayed<usize> = parts.into_iter().sum();
            assert_eq!(sum.compute_with(Scheduler::Threads(threads)).unwrap(), 2_000);
            assert!(count.1.load(Ordering::SeqCst) <= threads);
        }
    }
}
