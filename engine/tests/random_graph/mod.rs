//! Random task graphs with the answers that plain sequential Rust gives, and results whose coming and going is counted.

// Each test binary that has this module uses a part of it.
#![allow(dead_code, unused_imports)]

mod job;
mod ledger;
mod plan;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use taskloom::prelude::*;

use job::{Fate, Job, Shared};
pub use ledger::{Ledger, Tracked};
pub use plan::{Kind, Limits, Numbers, Plan, any_plan};

/// Every way to run a graph that these tests compare.
pub const SCHEDULERS: [Scheduler; 5] =
    [Scheduler::Sync, Scheduler::Threads(1), Scheduler::Threads(2), Scheduler::Threads(3), Scheduler::Threads(8)];

// One function for each way of passing arguments. Vectors of handles stand in for what has no function of its own.
mod tasks {
    use super::*;

    pub type Made = Result<Tracked, taskloom::BoxError>;

    pub fn none(job: &Arc<Job>) -> Made {
        job.run(&[])
    }

    pub fn value(job: &Arc<Job>, a: Tracked) -> Made {
        job.run(&[&a])
    }

    pub fn reference(job: &Arc<Job>, a: &Tracked) -> Made {
        job.run(&[a])
    }

    pub fn value_and_reference(job: &Arc<Job>, a: Tracked, b: &Tracked) -> Made {
        job.run(&[&a, b])
    }

    pub fn references(job: &Arc<Job>, a: &Tracked, b: &Tracked) -> Made {
        job.run(&[a, b])
    }

    pub fn alternating(job: &Arc<Job>, a: &Tracked, b: Tracked, c: &Tracked) -> Made {
        job.run(&[a, &b, c])
    }

    pub fn three_references(job: &Arc<Job>, a: &Tracked, b: &Tracked, c: &Tracked) -> Made {
        job.run(&[a, b, c])
    }

    pub fn four_references(job: &Arc<Job>, a: &Tracked, b: &Tracked, c: &Tracked, d: &Tracked) -> Made {
        job.run(&[a, b, c, d])
    }

    pub fn all_values(job: &Arc<Job>, all: Vec<Tracked>) -> Made {
        job.run(&all.iter().collect::<Vec<_>>())
    }

    pub fn all_references(job: &Arc<Job>, all: &[Tracked]) -> Made {
        job.run(&all.iter().collect::<Vec<_>>())
    }
}

fn handle(job: Arc<Job>, all: &[Delayed<Tracked>], only_references: bool) -> Delayed<Tracked> {
    use tasks::*;
    match (all, only_references) {
        ([], _) => delayed!(none(&job)),
        ([a], false) if job.id.is_multiple_of(2) => delayed!(value(&job, a)),
        ([a], _) => delayed!(reference(&job, &a)),
        ([a, b], false) => delayed!(value_and_reference(&job, a, &b)),
        ([a, b], true) => delayed!(references(&job, &a, &b)),
        ([a, b, c], false) => delayed!(alternating(&job, &a, b, &c)),
        ([a, b, c], true) => delayed!(three_references(&job, &a, &b, &c)),
        ([a, b, c, d], true) => delayed!(four_references(&job, &a, &b, &c, &d)),
        (_, true) => unreachable!("a plan of references has at most four inputs"),
        (all, false) => {
            let all = all.to_vec();
            if job.id.is_multiple_of(2) {
                delayed!(all_values(&job, all))
            } else {
                delayed!(all_references(&job, &all))
            }
        }
    }
}

/// A random graph, ready to run on one scheduler, with the answer that plain code gives.
pub struct Built {
    pub ledger: Arc<Ledger>,
    pub handles: Vec<Delayed<Tracked>>,
    pub inputs: Vec<Vec<usize>>,
    pub outputs: Vec<usize>,
    /// Values that are there from the start, and stay as long as the handles do.
    pub data_nodes: usize,
    scheduler: Scheduler,
    jobs: Vec<Arc<Job>>,
    shared: Arc<Shared>,
    expected: Vec<u64>,
    needed: HashSet<usize>,
}

/// What happened to a graph while it ran.
pub struct Seen {
    /// The tasks in the order in which they began.
    pub order: Vec<usize>,
    /// For each of them, how many results were alive when it began.
    pub alive: Vec<usize>,
}

impl Built {
    pub fn new(plan: &Plan, scheduler: Scheduler) -> Built {
        let count = plan.nodes.len();
        let ledger = Arc::new(Ledger::default());
        let shared = Arc::new(Shared::new(&ledger, plan.interrupt_at));
        let outputs: Vec<usize> = plan.outputs.iter().map(|&output| output as usize % count).collect();
        let inputs: Vec<Vec<usize>> = (0..count).map(|id| plan.inputs(id)).collect();
        let needed = needed(&inputs, &outputs);
        let mut fates = vec![Fate::Works; count];
        for &(node, panics) in &plan.broken {
            fates[node as usize % count] = if panics { Fate::Panics } else { Fate::Fails };
        }
        let mut jobs: Vec<Job> =
            (0..count).map(|id| Job::new(id, fates[id], plan.nodes[id].kind.nested(scheduler), &shared)).collect();
        // On one thread in the static order nobody may wait for a task that comes later.
        let waits = if scheduler == Scheduler::Sync { Vec::new() } else { plan.waits(&inputs, &needed) };
        let mut expected = Vec::with_capacity(count);
        for (id, inputs) in inputs.iter().enumerate() {
            expected.push(jobs[id].expected(inputs.iter().map(|&input| expected[input])));
        }
        for (waiter, sender) in waits {
            let (send, receive) = shared.channel();
            jobs[sender].announce_to(send);
            jobs[waiter].wait_for(receive, expected[sender]);
        }
        let jobs: Vec<Arc<Job>> = jobs.into_iter().map(Arc::new).collect();
        let mut handles: Vec<Delayed<Tracked>> = Vec::with_capacity(count);
        let mut data_nodes = 0;
        for id in 0..count {
            handles.push(if plan.nodes[id].kind == Kind::Data {
                data_nodes += 1;
                delayed_value(Tracked::new(expected[id], &ledger))
            } else {
                let all: Vec<_> = inputs[id].iter().map(|&input| handles[input].clone()).collect();
                handle(Arc::clone(&jobs[id]), &all, plan.only_references)
            });
        }
        Built { ledger, handles, inputs, outputs, data_nodes, scheduler, jobs, shared, expected, needed }
    }

    /// The outputs' handles, in the order in which they are asked for; one may come twice.
    pub fn asked_for(&self) -> Vec<Delayed<Tracked>> {
        self.outputs.iter().map(|&output| self.handles[output].clone()).collect()
    }

    pub fn compute(&self) -> taskloom::Result<Vec<Tracked>> {
        let asked_for = self.asked_for();
        compute!(asked_for; self.scheduler).map(|(values,)| values)
    }

    /// Checks the values of a compute that should work.
    #[track_caller]
    pub fn assert_values(&self, outcome: taskloom::Result<Vec<Tracked>>) {
        let values = outcome.unwrap_or_else(|error| panic!("nothing can fail here: {error}"));
        let found: Vec<u64> = values.iter().map(Tracked::number).collect();
        let expected: Vec<u64> = self.outputs.iter().map(|&output| self.expected[output]).collect();
        assert_eq!(found, expected, "the outputs with {:?}", self.scheduler);
    }

    /// Checks that everything that was needed ran, `computes` times since the beginning, and nothing else.
    #[track_caller]
    pub fn assert_all_ran(&self, computes: usize) {
        for (id, job) in self.jobs.iter().enumerate() {
            let times = if self.is_task(id) && self.needed.contains(&id) { computes } else { 0 };
            assert_eq!(job.runs(), times, "runs of node {id} with {:?}", self.scheduler);
            assert_eq!(job.inner_runs(), times * job.inner_tasks(), "inner runs of {id} with {:?}", self.scheduler);
        }
    }

    /// Checks that no task ran twice, nor without its inputs.
    #[track_caller]
    pub fn assert_none_ran_too_much(&self) {
        for (id, job) in self.jobs.iter().enumerate() {
            let most = usize::from(self.is_task(id) && self.needed.contains(&id));
            assert!(job.runs() <= most, "node {id} ran {} times with {:?}", job.runs(), self.scheduler);
            assert!(job.inner_runs() <= most * job.inner_tasks(), "inner tasks of node {id} ran again");
            for &input in &self.inputs[id] {
                let lacks = self.is_task(input) && (self.jobs[input].runs() == 0 || self.breaks(input));
                assert!(job.runs() == 0 || !lacks, "node {id} ran without the result of {input}");
            }
        }
    }

    /// Lets go of the handles, and checks that each result that ever was is dropped, and was so once.
    #[track_caller]
    pub fn assert_nothing_stays(self) {
        let ledger = Arc::clone(&self.ledger);
        let (begun, ended) = self.shared.begun_and_ended();
        assert!(begun >= ended);
        drop(self);
        // The pool's threads may let go of the graph a little later.
        crate::common::soon("all results are dropped", || ledger.alive() == 0);
        assert_eq!(ledger.mistakes(), 0, "results were read or dropped after they had been dropped");
    }

    /// Whether this node can fail, and is needed.
    pub fn breaks(&self, id: usize) -> bool {
        self.is_task(id) && self.jobs[id].fate != Fate::Works
    }

    pub fn panics(&self, id: usize) -> bool {
        self.jobs[id].fate == Fate::Panics
    }

    pub fn fails(&self) -> bool {
        self.needed.iter().any(|&id| self.breaks(id))
    }

    pub fn is_task(&self, id: usize) -> bool {
        self.handles[id].name() != "data"
    }

    /// How many tasks a compute consists of.
    pub fn tasks(&self) -> usize {
        self.needed.iter().filter(|&&id| self.is_task(id)).count()
    }

    pub fn begun(&self) -> usize {
        self.shared.begun_and_ended().0
    }

    pub fn was_interrupted(&self) -> bool {
        self.shared.interrupted.load(SeqCst)
    }

    /// Lets every task go that waits for another; for whoever stops a compute from outside.
    pub fn give_up(&self) {
        self.shared.give_up();
    }

    pub fn seen(&self) -> Seen {
        self.shared.seen()
    }

    /// For each task of a sequence, how many results have to be alive when it begins: those that were made, and that an
    /// unfinished task or the caller will still read.
    pub fn model_of_alive(&self, order: &[usize]) -> Vec<usize> {
        let mut readers = vec![0; self.handles.len()];
        for &id in order {
            self.inputs[id].iter().for_each(|&input| readers[input] += 1);
        }
        self.outputs.iter().for_each(|&output| readers[output] += 1);
        let mut made: HashSet<usize> = HashSet::new();
        let mut alive = Vec::with_capacity(order.len());
        for &id in order {
            alive.push(made.len());
            made.insert(id);
            for &input in &self.inputs[id] {
                readers[input] -= 1;
                if readers[input] == 0 {
                    made.remove(&input);
                }
            }
        }
        alive
    }
}

fn needed(inputs: &[Vec<usize>], outputs: &[usize]) -> HashSet<usize> {
    let mut needed = HashSet::new();
    let mut open = outputs.to_vec();
    while let Some(id) = open.pop() {
        if needed.insert(id) {
            open.extend(&inputs[id]);
        }
    }
    needed
}
