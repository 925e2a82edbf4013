//! One submitted task from pending to finished, and who is to hear of it.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::Waker;

use super::dispatcher::Dispatcher;
use super::options::TaskOptions;
use super::spill;
use super::waiting::Signal;
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
    Dependent(Arc<Job>),
    Signal(Arc<Signal>),
    Waker(Waker),
    Callback(Box<dyn FnOnce() + Send>),
}

enum Outcome {
    None,
    Finished(spill::Entry),
    Failed(Error),
}

struct State {
    work: Option<Work>,
    outcome: Outcome,
    listeners: Vec<Listener>,
    /// The graph that runs for this job.
    run: Option<Weak<GraphRun>>,
    failures: u32,
}

/// A submitted task. Futures hold it, the queue while it waits there, and whatever it makes ready.
pub(super) struct Job {
    pub(super) key: u64,
    pub(super) name: Cow<'static, str>,
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) options: Option<Box<TaskOptions>>,
    /// Inputs that are not there yet, and one for whoever submits it.
    missing: AtomicU32,
    status: AtomicU8,
    /// Set when it is cancelled while it runs, for a function that looks.
    cancelled: AtomicBool,
    state: Mutex<State>,
}

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
        dispatcher.counts.submitted(Status::Pending);
        Arc::new(Job {
            key,
            name,
            dispatcher: Arc::clone(dispatcher),
            options,
            missing: AtomicU32::new(1),
            status: AtomicU8::new(Status::Pending as u8),
            cancelled: AtomicBool::new(false),
            state: Mutex::new(State {
                work: Some(work),
                outcome: Outcome::None,
                listeners: Vec::new(),
                run: None,
                failures: 0,
            }),
        })
    }

    pub(super) fn status(&self) -> Status {
        Status::ALL[usize::from(self.status.load(Ordering::Acquire))]
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
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
        self.dispatcher.counts.moved(Status::ALL[usize::from(before)], status);
    }

    /// Makes this wait for `dependency`, unless that is done. Before [`Job::release`].
    pub(super) fn depend_on(self: &Arc<Self>, dependency: &Job) {
        let mut state = dependency.lock();
        if !dependency.status().is_done() {
            self.missing.fetch_add(1, Ordering::Relaxed);
            state.listeners.push(Listener::Dependent(Arc::clone(self)));
        }
    }

    /// One thing less to wait for; true when there is nothing left.
    pub(super) fn release(&self) -> bool {
        self.missing.fetch_sub(1, Ordering::AcqRel) == 1
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

    /// Takes the work, if it has not been cancelled meanwhile.
    pub(super) fn begin(&self) -> Option<Work> {
        let mut state = self.lock();
        if self.status() != Status::Pending {
            return None;
        }
        self.set(Status::Processing);
        match state.work.take()? {
            // A call is kept as well, for another attempt after a failure.
            Work::Call(step) => {
                state.work = Some(Work::Call(Arc::clone(&step)));
                Some(Work::Call(step))
            }
            Work::Graph(graph) => {
                state.work = Some(Work::Graph(graph.clone()));
                Some(Work::Graph(graph))
            }
            other => Some(other),
        }
    }

    /// Remembers the graph that runs for this job, so that it can be cancelled; true when it already was.
    pub(super) fn running(&self, run: &Arc<GraphRun>) -> bool {
        self.lock().run = Some(Arc::downgrade(run));
        self.is_cancelled()
    }

    /// The end. Gives those who are to hear of it; their turn comes without the lock.
    #[must_use]
    pub(super) fn finish(&self, outcome: Result<Value>) -> Vec<Listener> {
        let stored = outcome.map(|value| self.dispatcher.keep(value, || self.codec()));
        let mut state = self.lock();
        if self.status().is_done() {
            return Vec::new();
        }
        let status = match &stored {
            Ok(_) => Status::Finished,
            Err(Error::FutureCancelled { .. }) => Status::Cancelled,
            Err(_) => Status::Error,
        };
        // Inputs of a task that is done are kept by nobody on its account; a failed one may be asked to try again.
        let work = if status == Status::Finished { state.work.take() } else { None };
        state.outcome = match stored {
            Ok(entry) => Outcome::Finished(entry),
            Err(error) => Outcome::Failed(error),
        };
        let listeners = std::mem::take(&mut state.listeners);
        self.set(status);
        drop(state);
        drop(work);
        listeners
    }

    fn codec(&self) -> Option<crate::travel::Codec> {
        match &self.lock().work {
            Some(Work::Call(step)) => step.body().result_codec(),
            _ => None,
        }
    }

    /// After a failure: whether another attempt was ordered. The job is pending again then.
    pub(super) fn try_again(&self) -> bool {
        let retries = self.options.as_ref().map_or(0, |options| options.retries);
        let mut state = self.lock();
        if state.failures >= retries || self.is_cancelled() {
            return false;
        }
        state.failures += 1;
        self.set(Status::Pending);
        true
    }

    /// Back to pending after an error or a cancellation. False when it is not done, has succeeded, or cannot be done
    /// again.
    pub(super) fn reset(&self) -> bool {
        let mut state = self.lock();
        let again = matches!(state.work, Some(Work::Call(_) | Work::Graph(_)));
        if !again || !matches!(self.status(), Status::Error | Status::Cancelled) {
            return false;
        }
        state.outcome = Outcome::None;
        state.failures = 0;
        self.cancelled.store(false, Ordering::Relaxed);
        self.missing.store(1, Ordering::Relaxed);
        self.set(Status::Pending);
        true
    }

    /// Whether, and how, the work could be done in another process; `None` when it is done, or is no plain call.
    pub(super) fn travel(&self) -> Option<Travel> {
        match &self.lock().work {
            Some(Work::Call(step)) => Some(step.travel()),
            _ => None,
        }
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
    pub(super) fn cancel(&self, because: Option<&str>) -> Vec<Listener> {
        self.cancelled.store(true, Ordering::Relaxed);
        let run = self.lock().run.take().and_then(|run| run.upgrade());
        if let Some(run) = run {
            run.cancel();
        }
        let because = because.map_or_else(String::new, |other| format!(", because `{other}`, which it needs, was"));
        self.finish(Err(Error::FutureCancelled { task: self.name.clone().into_owned(), because }))
    }

    /// Nobody holds a future of this any more.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        match self.status() {
            Status::Pending => {
                let work = state.work.take();
                self.set(Status::Cancelled);
                drop(state);
                drop(work);
            }
            // What runs is left to end; nobody will ask for the result.
            Status::Processing => {}
            _ => {
                let (outcome, work) = (std::mem::replace(&mut state.outcome, Outcome::None), state.work.take());
                drop(state);
                drop((outcome, work));
            }
        }
    }

    /// Nobody wants this any more: gives up what its work reads, so that a long chain can be dropped without recursion.
    pub(super) fn release_work(&self, into: &mut Vec<Arc<Step>>) {
        let mut state = self.lock();
        if self.status() != Status::Processing
            && let Some(Work::Call(step)) = state.work.take()
        {
            into.push(step);
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
        match &state.outcome {
            Outcome::None => None,
            Outcome::Finished(entry) => Some(entry.get().map_err(|error| Error::Spill { message: error.to_string() })),
            Outcome::Failed(error) => Some(Err(error.clone())),
        }
    }

    /// The error for a task that needs this one, which failed.
    pub(super) fn error_for(&self, dependent: &str) -> Option<Error> {
        match &self.lock().outcome {
            Outcome::Failed(Error::FutureCancelled { .. }) => Some(Error::FutureCancelled {
                task: dependent.to_owned(),
                because: format!(", because `{}`, which it needs, was", self.name),
            }),
            Outcome::Failed(Error::Task(error)) => Some(Error::Task(TaskError {
                needed_by: error.needed_by.iter().cloned().chain([dependent.to_owned()]).take(MOST_NAMED).collect(),
                ..error.clone()
            })),
            Outcome::Failed(error) => Some(error.clone()),
            _ => None,
        }
    }

    /// Bytes of the result, and whether they are on disk.
    pub(super) fn size(&self) -> Option<(u64, bool)> {
        match &self.lock().outcome {
            Outcome::Finished(entry) => Some((entry.bytes(), entry.is_spilled())),
            _ => None,
        }
    }
}

impl Drop for Job {
    /// Jobs that wait for each other may be a long chain: taken apart without recursion.
    fn drop(&mut self) {
        self.dispatcher.counts.gone(self.status());
        let mut doomed = std::mem::take(&mut self.lock().listeners);
        while let Some(listener) = doomed.pop() {
            if let Listener::Dependent(mut job) = listener
                && let Some(job) = Arc::get_mut(&mut job)
            {
                doomed.append(&mut job.lock().listeners);
            }
        }
    }
}
