//! One submitted task from pending to finished, and who is to hear of it.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::Waker;

use super::dispatcher::Dispatcher;
use super::options::TaskOptions;
use super::remote::Held;
use super::spill;
use super::waiting::{Arrivals, Signal};
use crate::error::{Error, Result, TaskError};
use crate::graph::Graph;
use crate::scheduler::GraphRun;
use crate::task::{Step, Travel, Value};

/// How many tasks above a failed one its error names; each of a long chain of futures has such a list.
const MOST_NAMED: usize = 16;

/// Where a future stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// It waits for others, for a free thread, or for a resource.
    Pending,
    /// It runs.
    Processing,
    /// Its result is there.
    Finished,
    /// It failed, or something that it needs did.
    Error,
    /// It was cancelled, or something that it needs was.
    Cancelled,
}

impl Status {
    const ALL: [Status; 5] = [Status::Pending, Status::Processing, Status::Finished, Status::Error, Status::Cancelled];

    /// Whether nothing more will happen unless somebody retries.
    pub fn is_done(self) -> bool {
        matches!(self, Status::Finished | Status::Error | Status::Cancelled)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Status::Pending => "pending",
            Status::Processing => "processing",
            Status::Finished => "finished",
            Status::Error => "error",
            Status::Cancelled => "cancelled",
        })
    }
}

/// What a job does when its turn has come.
pub(super) enum Work {
    /// Calls a function; the step's inputs are other futures, or values.
    Call(Arc<Step>),
    /// Runs a graph on the client's threads, without keeping one waiting for it.
    Graph(Graph),
    /// Something inside the client: an actor's turn.
    Turn(Box<dyn Fn() + Send + Sync>),
    /// Somebody else finishes it.
    Outside,
}

/// Who hears of the end of a job.
pub(super) enum Listener {
    /// A job that needs the result, and the attempt of it that does.
    Dependent(Arc<Job>, u32),
    Signal(Arc<Signal>),
    /// One of the futures that [`as_completed`](super::as_completed) waits for, by number.
    Arrival(Arc<Arrivals>, u64),
    /// Of the handle with this number that is awaited.
    Waker(u64, Waker),
    Callback(Box<dyn FnOnce() + Send>),
}

/// The end of a job, for those who are to hear of it.
#[derive(Default)]
pub(super) struct Ended {
    pub(super) listeners: Vec<Listener>,
    /// Why there is no result. Taken along, since a retry may clear the job's own at any moment.
    pub(super) error: Option<Error>,
}

enum Outcome {
    None,
    Finished(spill::Entry),
    /// Where it ran, and not here.
    There(Arc<dyn Held>),
    Failed(Error),
}

struct State {
    work: Option<Work>,
    outcome: Outcome,
    listeners: Vec<Listener>,
    /// The graph that runs for this job.
    run: Option<Weak<GraphRun>>,
    /// The task and its result, where they are not here.
    there: Option<Arc<dyn Held>>,
    failures: u32,
}

/// A submitted task. Futures hold it, the queue while it waits there, and whatever it makes ready.
///
/// It may have several attempts: a retry begins a new one, while the one before may still run, stand in a queue, or be
/// about to hear from a dependency. Only what comes from the current attempt counts.
pub(super) struct Job {
    pub(super) key: u64,
    pub(super) name: Cow<'static, str>,
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) options: Option<Box<TaskOptions>>,
    /// The number of the attempt in the upper half. In the lower one what it waits for: inputs that are not there yet,
    /// and one for whoever submits it. The attempt changes only with the state locked.
    turn: AtomicU64,
    status: AtomicU8,
    /// What the client does for itself is not counted.
    counted: bool,
    state: Mutex<State>,
}

const ATTEMPT: u64 = 1 << 32;

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{} ({})", self.name, self.key, self.status())
    }
}

impl Job {
    pub(super) fn new(
        dispatcher: &Arc<Dispatcher>,
        name: Cow<'static, str>,
        key: u64,
        work: Work,
        options: Option<Box<TaskOptions>>,
    ) -> Arc<Job> {
        let counted = !matches!(work, Work::Turn(_));
        if counted {
            dispatcher.counts.submitted(Status::Pending);
        }
        Arc::new(Job {
            key,
            name,
            dispatcher: Arc::clone(dispatcher),
            options,
            turn: AtomicU64::new(1),
            status: AtomicU8::new(Status::Pending as u8),
            counted,
            state: Mutex::new(State {
                work: Some(work),
                outcome: Outcome::None,
                listeners: Vec::new(),
                run: None,
                there: None,
                failures: 0,
            }),
        })
    }

    pub(super) fn status(&self) -> Status {
        Status::ALL[usize::from(self.status.load(Ordering::Acquire))]
    }

    /// Whether nobody wants the result of this attempt any more.
    pub(super) fn is_cancelled(&self, attempt: u32) -> bool {
        self.attempt() != attempt || self.status() == Status::Cancelled
    }

    fn attempt(&self) -> u32 {
        (self.turn.load(Ordering::Acquire) >> 32) as u32
    }

    /// Whether it could begin now.
    pub(super) fn is_ready(&self) -> bool {
        self.status() == Status::Pending && self.turn.load(Ordering::Acquire) as u32 == 0
    }

    pub(super) fn key(&self) -> String {
        format!("{}-{}", self.name, self.key)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Moves on, while the lock is held.
    fn set(&self, status: Status) {
        let before = self.status.swap(status as u8, Ordering::AcqRel);
        if self.counted {
            self.dispatcher.counts.moved(Status::ALL[usize::from(before)], status);
        }
    }

    /// Makes an attempt wait for `dependency`, unless that is done; gives the error for this if it has failed. Before
    /// the submitter's [`Job::release`].
    pub(super) fn depend_on(self: &Arc<Self>, dependency: &Job, attempt: u32) -> Option<Error> {
        let mut state = dependency.lock();
        if dependency.status().is_done() {
            let Outcome::Failed(error) = &state.outcome else { return None };
            let error = error.clone();
            drop(state);
            return Some(error_for(&error, &dependency.name, &self.name));
        }
        let more = |turn: u64| ((turn >> 32) as u32 == attempt).then_some(turn + 1);
        if self.turn.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok() {
            state.listeners.push(Listener::Dependent(Arc::clone(self), attempt));
        }
        None
    }

    /// One thing less to wait for; true when there is nothing left.
    pub(super) fn release(&self, attempt: u32) -> bool {
        let less = |turn: u64| ((turn >> 32) as u32 == attempt && turn as u32 > 0).then(|| turn - 1);
        self.turn.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).is_ok_and(|before| before as u32 == 1)
    }

    /// Tells `listener` of the end; gives it back when that has come already.
    pub(super) fn listen(&self, listener: Listener) -> Option<Listener> {
        let mut state = self.lock();
        if self.status().is_done() {
            return Some(listener);
        }
        state.listeners.push(listener);
        None
    }

    /// Wakes the handle of this number at the end, by this waker in place of an earlier one; false when that has come.
    pub(super) fn wake(&self, handle: u64, waker: &Waker) -> bool {
        let new = waker.clone();
        let mut state = self.lock();
        if self.status().is_done() {
            return false;
        }
        let mut listeners = state.listeners.iter_mut();
        let old = listeners.find(|listener| matches!(listener, Listener::Waker(other, _) if *other == handle));
        let old = match old {
            Some(old) => Some(std::mem::replace(old, Listener::Waker(handle, new))),
            None => {
                state.listeners.push(Listener::Waker(handle, new));
                None
            }
        };
        drop(state);
        drop(old);
        true
    }

    /// Forgets a listener that has gone.
    pub(super) fn forget(&self, is_gone: impl Fn(&Listener) -> bool) {
        let mut state = self.lock();
        let gone = state.listeners.iter().position(is_gone).map(|at| state.listeners.swap_remove(at));
        drop(state);
        drop(gone);
    }

    /// Takes the work, if it has not been cancelled meanwhile, and the number of the attempt.
    pub(super) fn begin(&self) -> Option<(Work, u32)> {
        let mut state = self.lock();
        if !self.is_ready() {
            return None;
        }
        self.set(Status::Processing);
        let work = match state.work.take()? {
            // A call is kept as well, for another attempt after a failure.
            Work::Call(step) => {
                state.work = Some(Work::Call(Arc::clone(&step)));
                Work::Call(step)
            }
            Work::Graph(graph) => {
                state.work = Some(Work::Graph(graph.clone()));
                Work::Graph(graph)
            }
            Work::Outside => {
                state.work = Some(Work::Outside);
                Work::Outside
            }
            turn => turn,
        };
        Some((work, self.attempt()))
    }

    /// Remembers the graph that runs for this job, so that it can be cancelled; true when it already was.
    pub(super) fn running(&self, run: &Arc<GraphRun>, attempt: u32) -> bool {
        let mut state = self.lock();
        let cancelled = self.is_cancelled(attempt);
        if !cancelled {
            state.run = Some(Arc::downgrade(run));
        }
        cancelled
    }

    /// The end, by an attempt, or by whoever may end any. Their turn comes without the lock.
    #[must_use]
    pub(super) fn finish(&self, attempt: Option<u32>, outcome: Result<Value>) -> Ended {
        let is_late = || self.status().is_done() || attempt.is_some_and(|attempt| attempt != self.attempt());
        if is_late() {
            return Ended::default();
        }
        self.settle(attempt, outcome.map(|value| Outcome::Finished(self.dispatcher.keep(value, || self.codec()))))
    }

    /// The end of an attempt that ran somewhere else.
    #[must_use]
    pub(super) fn finish_there(&self, attempt: u32, there: Arc<dyn Held>) -> Ended {
        self.settle(Some(attempt), Ok(Outcome::There(there)))
    }

    fn settle(&self, attempt: Option<u32>, stored: Result<Outcome>) -> Ended {
        let mut state = self.lock();
        if self.status().is_done() || attempt.is_some_and(|attempt| attempt != self.attempt()) {
            drop(state);
            return Ended::default();
        }
        let status = match &stored {
            Ok(_) => Status::Finished,
            Err(Error::FutureCancelled { .. }) => Status::Cancelled,
            Err(_) => Status::Error,
        };
        // Inputs of a task that is done are kept by nobody on its account; a failed one may be asked to try again.
        let work = if status == Status::Finished { state.work.take() } else { None };
        let error = stored.as_ref().err().cloned();
        state.outcome = stored.unwrap_or_else(Outcome::Failed);
        let run = state.run.take();
        let listeners = std::mem::take(&mut state.listeners);
        self.set(status);
        drop(state);
        if status == Status::Cancelled
            && let Some(run) = run.and_then(|run| run.upgrade())
        {
            run.cancel();
        }
        crate::panics::drop_quietly(work);
        Ended { listeners, error }
    }

    fn codec(&self) -> Option<crate::travel::Codec> {
        match &self.lock().work {
            Some(Work::Call(step)) => step.body().result_codec(),
            _ => None,
        }
    }

    /// After a failure: whether it is to run once more. The job is pending again then.
    pub(super) fn try_again(&self, attempt: u32) -> bool {
        let retries = self.options.as_ref().map_or(0, |options| options.retries);
        if retries == 0 {
            return false;
        }
        let mut state = self.lock();
        if state.failures >= retries || self.attempt() != attempt || self.status() != Status::Processing {
            return false;
        }
        state.failures += 1;
        state.run = None;
        self.set(Status::Pending);
        true
    }

    /// Whether it has failed, or may be about to: a failure below it spreads while others look.
    pub(super) fn may_have_failed(&self) -> bool {
        match self.status() {
            Status::Error | Status::Cancelled => true,
            Status::Pending => !self.is_ready(),
            Status::Processing | Status::Finished => false,
        }
    }

    /// Begins a new attempt of a job that has failed, was cancelled, or waits for its inputs; gives its number. `None`
    /// when it runs, has succeeded, or cannot be done again.
    pub(super) fn reset(&self) -> Option<u32> {
        let mut state = self.lock();
        if !matches!(state.work, Some(Work::Call(_) | Work::Graph(_))) || !self.may_have_failed() {
            return None;
        }
        let attempt = self.attempt().wrapping_add(1);
        let is_waiting = self.status() == Status::Pending;
        // What releases it for the last time must find the old attempt or the new one.
        let anew = |turn: u64| (!is_waiting || turn as u32 > 0).then_some(u64::from(attempt) << 32 | 1);
        self.turn.fetch_update(Ordering::AcqRel, Ordering::Acquire, anew).ok()?;
        let outcome = std::mem::replace(&mut state.outcome, Outcome::None);
        let there = state.there.take();
        state.failures = 0;
        self.set(Status::Pending);
        drop(state);
        drop((outcome, there));
        Some(attempt)
    }

    /// Whether, and how, the work could be done in another process; `None` when it is done, or is no plain call.
    pub(super) fn travel(&self) -> Option<Travel> {
        match &self.lock().work {
            Some(Work::Call(step)) => Some(step.travel()),
            _ => None,
        }
    }

    /// What it holds somewhere else.
    pub(super) fn there(&self) -> Option<Arc<dyn Held>> {
        self.lock().there.clone()
    }

    /// Its work as a graph, and the attempt, for whoever runs it somewhere else.
    pub(super) fn graph(&self) -> Option<Graph> {
        match &self.lock().work {
            Some(Work::Call(step)) => Some(Graph::lower(&[Arc::clone(step)])),
            Some(Work::Graph(graph)) => Some(graph.clone()),
            _ => None,
        }
    }

    /// An attempt has begun somewhere else; gives it back when nobody wants it any more.
    pub(super) fn begun(&self, attempt: u32, there: Arc<dyn Held>) -> Option<Arc<dyn Held>> {
        let mut state = self.lock();
        if self.attempt() != attempt || matches!(self.status(), Status::Error | Status::Cancelled) {
            return Some(there);
        }
        let before = state.there.replace(there);
        drop(state);
        before
    }

    /// The futures that this job's work reads.
    pub(super) fn dependencies(&self) -> Vec<Arc<Job>> {
        let mut found = Vec::new();
        match &self.lock().work {
            Some(Work::Call(step)) => step.body().inputs(&mut |input| found.extend(super::future::job_of(input))),
            Some(Work::Graph(graph)) => found.extend(super::future::jobs_in(graph)),
            _ => {}
        }
        found
    }

    /// Never runs, or its result is thrown away; those that depend on it are cancelled too.
    #[must_use]
    pub(super) fn cancel(&self) -> Ended {
        self.finish(None, Err(Error::FutureCancelled { task: self.name.to_string(), because: String::new() }))
    }

    /// Nobody holds a future of this any more.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        let there = state.there.take();
        match self.status() {
            // A call of an actor was made for what it does.
            Status::Pending | Status::Processing if matches!(state.work, Some(Work::Outside)) => {}
            Status::Pending => {
                let work = state.work.take();
                self.set(Status::Cancelled);
                drop(state);
                drop(work);
            }
            // What runs ends by itself, or when it looks; a graph stops between two tasks.
            Status::Processing => {
                self.turn.fetch_add(ATTEMPT, Ordering::AcqRel);
                let run = state.run.take().and_then(|run| run.upgrade());
                drop(state);
                if let Some(run) = run {
                    run.cancel();
                }
            }
            _ => {
                let (outcome, work) = (std::mem::replace(&mut state.outcome, Outcome::None), state.work.take());
                drop(state);
                drop((outcome, work));
            }
        }
        drop(there);
    }

    /// Nobody wants this any more: gives up what its work reads, so that a long chain can be dropped without recursion.
    pub(super) fn release_work(&self, into: &mut Vec<Arc<Step>>) {
        let mut state = self.lock();
        if self.status() == Status::Processing || matches!(state.work, Some(Work::Outside)) {
            return;
        }
        let work = state.work.take();
        drop(state);
        match work {
            Some(Work::Call(step)) => into.push(step),
            Some(Work::Graph(graph)) => into.extend(graph.into_steps()),
            _ => {}
        }
    }

    /// Why there is no outcome although the job is done.
    pub(super) fn released(&self) -> Error {
        let because = ", because its last future was dropped".to_owned();
        Error::FutureCancelled { task: self.name.to_string(), because }
    }

    /// The result, once it is done.
    pub(super) fn outcome(&self) -> Option<Result<Value>> {
        let state = self.lock();
        let reader = match &state.outcome {
            Outcome::None => return None,
            Outcome::Failed(error) => return Some(Err(error.clone())),
            Outcome::There(there) => {
                let there = Arc::clone(there);
                drop(state);
                return Some(there.fetch());
            }
            Outcome::Finished(entry) => entry.reader(),
        };
        // Reading may mean a file, and code of the user's that makes a value of it.
        drop(state);
        Some(reader.get().map_err(|error| Error::Spill { message: error.to_string() }))
    }

    /// Bytes of the result, and whether they are on disk.
    pub(super) fn size(&self) -> Option<(u64, bool)> {
        let state = self.lock();
        let Outcome::Finished(entry) = &state.outcome else { return None };
        let reader = entry.reader();
        drop(state);
        Some((reader.bytes(), reader.is_spilled()))
    }
}

/// The error for a task that needs another one, which failed.
pub(super) fn error_for(error: &Error, failed: &str, dependent: &str) -> Error {
    match error {
        Error::FutureCancelled { .. } => Error::FutureCancelled {
            task: dependent.to_owned(),
            because: format!(", because `{failed}`, which it needs, was"),
        },
        Error::Task(error) if error.needed_by.len() < MOST_NAMED => Error::Task(TaskError {
            needed_by: error.needed_by.iter().cloned().chain([dependent.to_owned()]).collect(),
            ..error.clone()
        }),
        other => other.clone(),
    }
}

impl Drop for Job {
    /// Jobs that wait for each other may be a long chain: taken apart without recursion.
    fn drop(&mut self) {
        if self.counted {
            self.dispatcher.counts.gone(self.status());
        }
        let mut doomed = std::mem::take(&mut self.lock().listeners);
        while let Some(listener) = doomed.pop() {
            if let Listener::Dependent(mut job, _) = listener
                && let Some(job) = Arc::get_mut(&mut job)
            {
                doomed.append(&mut job.lock().listeners);
            }
        }
    }
}
