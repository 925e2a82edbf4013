//! What a client has of each resource, and the jobs that wait for some of it.

use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use super::dispatcher::Ranked;
use super::job::{Job, Status};

/// Amounts by name.
pub(super) type Amounts = HashMap<String, f64>;

/// What a task asks for.
type Wanted = Vec<(String, f64)>;

/// Taking and giving back fractions does not lead back to the very same number.
const TOLERANCE: f64 = 1e-9;

/// A job has what it asks for from when it leaves the queue until it has run.
pub(super) struct Resources {
    free: Amounts,
    /// By what they ask for: if the first of a group has to wait, so have all of it.
    waiting: Vec<(Wanted, BinaryHeap<Ranked>)>,
}

fn has(free: &Amounts, wanted: &[(String, f64)]) -> bool {
    wanted.iter().all(|(name, amount)| free.get(name).is_some_and(|free| free + TOLERANCE >= *amount))
}

fn change(free: &mut Amounts, by: &[(String, f64)], sign: f64) {
    for (name, amount) in by {
        if let Some(free) = free.get_mut(name) {
            *free += sign * amount;
        }
    }
}

impl Resources {
    pub(super) fn new(limits: &Amounts) -> Self {
        Resources { free: limits.clone(), waiting: Vec::new() }
    }

    /// Takes what a job asks for, or keeps the job until there is enough; says whether it was taken.
    pub(super) fn take_or_wait(&mut self, wanted: &[(String, f64)], job: &Arc<Job>) -> bool {
        if has(&self.free, wanted) {
            change(&mut self.free, wanted, -1.0);
            return true;
        }
        let ranked = Ranked(job.options.as_ref().map_or(0, |options| options.priority), Arc::clone(job));
        match self.waiting.iter_mut().find(|(other, _)| other == wanted) {
            Some((_, jobs)) => jobs.push(ranked),
            None => self.waiting.push((wanted.to_vec(), BinaryHeap::from([ranked]))),
        }
        false
    }

    /// Takes something back. Gives those jobs for which there is enough now, the highest priority first, then the
    /// oldest, and those that were cancelled: all are to get into the queues again, where they ask once more.
    pub(super) fn give_back(&mut self, amounts: &[(String, f64)]) -> Vec<Arc<Job>> {
        change(&mut self.free, amounts, 1.0);
        let mut left = self.free.clone();
        let mut granted = Vec::new();
        loop {
            let groups = self.waiting.iter_mut().filter(|(wanted, _)| has(&left, wanted));
            let Some((wanted, jobs)) = groups.max_by(|(_, a), (_, b)| a.peek().cmp(&b.peek())) else { break };
            let Some(Ranked(_, job)) = jobs.pop() else { break };
            if job.status() == Status::Pending {
                change(&mut left, wanted, -1.0);
            }
            granted.push(job);
            self.waiting.retain(|(_, jobs)| !jobs.is_empty());
        }
        granted
    }

    /// All that wait, in no order.
    pub(super) fn take_waiting(&mut self) -> Vec<Arc<Job>> {
        std::mem::take(&mut self.waiting).into_iter().flat_map(|(_, jobs)| jobs).map(|Ranked(_, job)| job).collect()
    }
}
