//! The scheduler of a client: takes what is ready, by priority and in the order of submission, and runs it.
//!
//! Its members linger for a moment when there is nothing to do, so that a task submitted right after another does not
//! have to wake a thread.

use std::cmp::Ordering as Order;
use std::collections::{BinaryHeap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use crossbeam_deque::{Injector, Steal};

use super::coordination::Names;
use super::job::{Ended, Job, Listener, Status, Work, error_for};
use super::remote::{Held, Remote};
use super::resources::{Amounts, Resources};
use super::running::{self, Running};
use super::spill::{self, Spill};
use crate::diagnostics::recorder;
use crate::error::{Error, Result, TaskError};
use crate::recreate::Scene;
use crate::scheduler::{Crew, Crewed, GraphRun, InterruptCheck, Pool, Turn};
use crate::task::{Inputs, Value};
use crate::travel::Codec;

/// How long a member without work waits for some before it leaves the thread.
const LINGER: Duration = Duration::from_micros(60);
/// How often a member looks whether there is memory again.
const MEMORY_CHECK: Duration = Duration::from_millis(5);
/// So many tasks may run inside one another on a thread, each waiting for the next one's result.
const MOST_NESTED: usize = 128;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// How many jobs stand where.
#[derive(Debug, Default)]
pub(super) struct Counts([AtomicUsize; 5]);

impl Counts {
    pub(super) fn submitted(&self, status: Status) {
        self.0[status as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn moved(&self, from: Status, to: Status) {
        self.0[from as usize].fetch_sub(1, Ordering::Relaxed);
        self.0[to as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn gone(&self, status: Status) {
        self.0[status as usize].fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn of(&self, status: Status) -> usize {
        self.0[status as usize].load(Ordering::Relaxed)
    }
}

/// A job with a priority of its own: the highest first, then the oldest.
pub(super) struct Ranked(pub(super) i64, pub(super) Arc<Job>);

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Order::Equal
    }
}
impl Eq for Ranked {}
impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Order> {
        Some(self.cmp(other))
    }
}
impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Order {
        self.0.cmp(&other.0).then(other.1.key.cmp(&self.1.key))
    }
}

#[derive(Default)]
struct RankedQueue {
    jobs: Mutex<BinaryHeap<Ranked>>,
    len: AtomicUsize,
}

impl RankedQueue {
    fn push(&self, priority: i64, job: Arc<Job>) {
        let mut jobs = lock(&self.jobs);
        jobs.push(Ranked(priority, job));
        self.len.store(jobs.len(), Ordering::SeqCst);
    }

    fn pop(&self) -> Option<Arc<Job>> {
        if self.len.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut jobs = lock(&self.jobs);
        let job = jobs.pop()?.1;
        self.len.store(jobs.len(), Ordering::SeqCst);
        Some(job)
    }

    fn is_empty(&self) -> bool {
        self.len.load(Ordering::SeqCst) == 0
    }
}

/// The queues of a client, and its threads.
pub(super) struct Dispatcher {
    crew: Crew,
    pub(super) pool: Arc<Pool>,
    this: Weak<Dispatcher>,
    urgent: RankedQueue,
    ordinary: Injector<Arc<Job>>,
    later: RankedQueue,
    resources: Mutex<Resources>,
    pub(super) limits: Amounts,
    pub(super) counts: Counts,
    pub(super) spill: Spill,
    has_limit: bool,
    /// Members that run something and are not blocked. May be off by a few, when a pool's thread does two things.
    busy: AtomicIsize,
    /// Graphs that run, by key: they are on no thread in particular.
    pub(super) graphs: Mutex<HashMap<u64, Running>>,
    closed: AtomicBool,
    /// Events, locks and so on, also for tasks that run when the last handle on the client is gone.
    pub(super) names: Arc<Names>,
    /// The client's handle, for tasks that ask for it.
    pub(super) client: Mutex<Weak<super::Inner>>,
    /// Where the tasks run, when that is not here.
    pub(super) remote: Option<Arc<dyn Remote>>,
}

impl Dispatcher {
    pub(super) fn new(
        pool: Arc<Pool>,
        spill: Spill,
        has_limit: bool,
        limits: Amounts,
        remote: Option<Arc<dyn Remote>>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Dispatcher {
            crew: Crew::new(Arc::clone(&pool)),
            pool,
            this: Weak::clone(this),
            urgent: RankedQueue::default(),
            ordinary: Injector::new(),
            later: RankedQueue::default(),
            resources: Mutex::new(Resources::new(&limits)),
            limits,
            counts: Counts::default(),
            spill,
            has_limit,
            busy: AtomicIsize::new(0),
            graphs: Mutex::default(),
            closed: AtomicBool::new(false),
            names: Arc::default(),
            client: Mutex::default(),
            remote,
        })
    }

    /// Nothing new begins from now on.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn threads(&self) -> usize {
        self.remote.as_ref().map_or_else(|| self.crew.most(), |remote| remote.threads())
    }

    /// Keeps a result, on disk if memory is short.
    pub(super) fn keep(&self, value: Value, codec: impl FnOnce() -> Option<Codec>) -> spill::Entry {
        if !self.has_limit {
            return self.spill.insert(value, None, 0);
        }
        let bytes = crate::nbytes(&*value);
        let codec = codec().or_else(|| crate::travel::codec_of((*value).type_id()));
        self.spill.insert(value, codec, bytes)
    }

    /// Cancels all that wait for their turn, and so whatever waits for those.
    pub(super) fn cancel_pending(&self) {
        let waiting = lock(&self.resources).take_waiting();
        waiting.iter().for_each(|job| self.cancel(job));
        while let Some(job) = self.pop() {
            match job.begin() {
                // A turn of an actor sees by itself that the client is closed.
                Some((Work::Turn(turn), _)) => turn(),
                Some(_) => self.cancel(&job),
                None => {}
            }
        }
    }

    /// Puts a job whose inputs are there into a queue, without calling anybody.
    pub(super) fn enqueue(&self, job: Arc<Job>) {
        match job.options.as_ref().map_or(0, |options| options.priority) {
            0 => self.ordinary.push(job),
            priority if priority > 0 => self.urgent.push(priority, job),
            priority => self.later.push(priority, job),
        }
    }

    /// Calls members for jobs that have just been enqueued.
    pub(super) fn call(&self, count: usize) {
        if let Some(this) = self.this.upgrade() {
            Crew::call(&this, count);
        }
    }

    /// Gives back what a job had, and lets those into the queues again that waited for it.
    fn give_back(&self, job: &Job) {
        let Some(options) = job.options.as_deref().filter(|options| !options.resources.is_empty()) else { return };
        let granted = lock(&self.resources).give_back(&options.resources);
        let count = granted.len();
        granted.into_iter().for_each(|job| self.enqueue(job));
        if count > 0 {
            self.call(count);
        }
    }

    fn pop(&self) -> Option<Arc<Job>> {
        self.urgent.pop().or_else(|| steal(&self.ordinary)).or_else(|| self.later.pop())
    }

    /// The next job, with the resources that it asks for; those that have to wait for theirs step aside.
    fn next(&self) -> Option<Arc<Job>> {
        loop {
            let job = self.pop()?;
            let Some(options) = job.options.as_deref().filter(|options| !options.resources.is_empty()) else {
                return Some(job);
            };
            // One that was cancelled in the queue asks for nothing.
            if job.status() == Status::Pending && lock(&self.resources).take_or_wait(&options.resources, &job) {
                return Some(job);
            }
        }
    }

    /// With memory short nothing new begins, unless nothing runs that could free some.
    fn is_paused(&self) -> bool {
        self.has_limit && self.busy.load(Ordering::SeqCst) > 0 && self.spill.should_pause()
    }

    fn is_empty(&self) -> bool {
        self.ordinary.is_empty() && self.urgent.is_empty() && self.later.is_empty()
    }

    /// Waits a moment for work before giving up.
    fn find(&self) -> Option<Arc<Job>> {
        while self.is_paused() {
            // Whoever finds work left after leaving gets in line again.
            if self.is_empty() || self.crew.is_crowded() || self.pool.is_contended() {
                return None;
            }
            std::thread::sleep(MEMORY_CHECK);
        }
        if let Some(job) = self.next() {
            return Some(job);
        }
        let began = Instant::now();
        while !self.crew.is_crowded() && began.elapsed() < LINGER {
            for _ in 0..16 {
                std::hint::spin_loop();
            }
            if let Some(job) = self.next() {
                return Some(job);
            }
            std::thread::yield_now();
        }
        None
    }

    /// Runs a job; gives one that this has made ready, to go on with.
    fn run(&self, job: Arc<Job>) -> Option<Arc<Job>> {
        self.busy.fetch_add(1, Ordering::SeqCst);
        // Tasks catch their own panics; a value's `drop` may panic too, and must not take the thread along.
        let next = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.attempt(job)));
        self.busy.fetch_sub(1, Ordering::SeqCst);
        next.unwrap_or_else(|payload| {
            std::mem::forget(payload);
            None
        })
    }

    fn attempt(&self, job: Arc<Job>) -> Option<Arc<Job>> {
        let Some((work, attempt)) = job.begin() else {
            self.give_back(&job);
            return None;
        };
        match work {
            Work::Turn(turn) => {
                turn();
                None
            }
            _ if self.is_closed() => {
                self.give_back(&job);
                self.cancel(&job);
                None
            }
            Work::Call(step) => {
                let outcome =
                    running::during(&job, attempt, || recorder::alone(&job.name, job.key, || call(&job, &step)));
                // Before anybody hears of the end: what nobody else holds of its inputs is free then.
                drop(step);
                self.conclude(job, attempt, outcome)
            }
            Work::Graph(graph) => {
                self.run_graph(job, attempt, graph);
                None
            }
            Work::Outside => None,
        }
    }

    /// Ends a job and tells all who wait; gives one that this has made ready.
    fn conclude(&self, job: Arc<Job>, attempt: u32, outcome: Result<Value>) -> Option<Arc<Job>> {
        self.give_back(&job);
        if outcome.is_err() && !self.is_closed() && job.try_again(attempt) {
            self.enqueue(job);
            self.call(1);
            return None;
        }
        self.tell(&job, job.finish(Some(attempt), outcome))
    }

    /// Ends a job from outside the crew: an attempt of it, or whatever there is.
    pub(super) fn end(&self, job: &Job, attempt: Option<u32>, outcome: Result<Value>) {
        let ended = job.finish(attempt, outcome);
        self.announce(job, ended);
    }

    /// Ends an attempt that has run somewhere else; what it gave stays there.
    pub(super) fn end_there(&self, job: &Job, attempt: u32, there: Arc<dyn Held>) {
        let ended = job.finish_there(attempt, there);
        self.announce(job, ended);
    }

    pub(super) fn cancel(&self, job: &Job) {
        if let Some(there) = job.there().filter(|_| !job.status().is_done()) {
            there.cancel();
        }
        let ended = job.cancel();
        self.announce(job, ended);
    }

    fn announce(&self, job: &Job, ended: Ended) {
        if let Some(next) = self.tell(job, ended) {
            self.enqueue(next);
            self.call(1);
        }
    }

    /// On a thread that is about to wait for `job`, inside another task of this client: runs it at once if it is ready.
    /// So tasks that submit tasks and wait for them go down into depth, on one thread, as plain calls would.
    pub(super) fn help(&self, job: &Arc<Job>) {
        let is_plain = job.options.as_ref().is_none_or(|options| options.resources.is_empty());
        while is_plain && job.is_ready() && running::depth_of(self) < MOST_NESTED && !self.is_closed() {
            if let Some(next) = self.run(Arc::clone(job)) {
                self.enqueue(next);
                self.call(1);
            }
        }
    }

    /// Tells those who waited for `job`. Failures and cancellations run down a chain of dependents here, without
    /// recursion, however long it is. Callbacks come last, since they may wait for any of the others.
    fn tell(&self, job: &Job, ended: Ended) -> Option<Arc<Job>> {
        let mut next = None;
        let mut enqueued = 0;
        let mut pending: Vec<(Option<Error>, Arc<Job>, u32)> = Vec::new();
        let mut wakers = Vec::new();
        let mut callbacks = Vec::new();
        let mut sort = |ended: Ended, from: &Job, pending: &mut Vec<(Option<Error>, Arc<Job>, u32)>| {
            for listener in ended.listeners {
                match listener {
                    Listener::Dependent(dependent, attempt) => {
                        let error = ended.error.as_ref().map(|error| error_for(error, &from.name, &dependent.name));
                        pending.push((error, dependent, attempt));
                    }
                    Listener::Signal(signal) => signal.notify(),
                    Listener::Arrival(arrivals, id) => arrivals.arrive(id),
                    Listener::Waker(_, waker) => wakers.push(waker),
                    Listener::Callback(callback) => callbacks.push(callback),
                }
            }
        };
        sort(ended, job, &mut pending);
        while let Some((error, dependent, attempt)) = pending.pop() {
            if let Some(error) = error {
                let ended = dependent.finish(Some(attempt), Err(error));
                sort(ended, &dependent, &mut pending);
            } else if dependent.release(attempt) {
                match next {
                    None if dependent.options.is_none() => next = Some(dependent),
                    _ => {
                        self.enqueue(dependent);
                        enqueued += 1;
                    }
                }
            }
        }
        if !callbacks.is_empty()
            && let Some(next) = next.take()
        {
            self.enqueue(next);
            enqueued += 1;
        }
        if enqueued > 0 {
            self.call(enqueued);
        }
        for waker in wakers {
            quietly(|| waker.wake());
        }
        for callback in callbacks {
            quietly(callback);
        }
        next
    }

    fn run_graph(&self, job: Arc<Job>, attempt: u32, graph: crate::graph::Graph) {
        lock(&self.graphs).insert(job.key, Running::new(&job, attempt));
        let ended = Arc::clone(&job);
        let on_finish = Box::new(move |outcome: Result<Vec<Value>>| {
            let dispatcher = Arc::clone(&ended.dispatcher);
            let before = lock(&dispatcher.graphs).remove(&ended.key);
            drop(before);
            let outcome = outcome.map(|mut values| values.pop().expect("a graph of one output gives one value"));
            if let Some(next) = dispatcher.conclude(ended, attempt, outcome) {
                dispatcher.enqueue(next);
                dispatcher.call(1);
            }
        });
        // Its tasks are part of the job: they may ask for the client, and whether they are still wanted.
        let of_job = Arc::downgrade(&job);
        let within = Box::new(move |work: &mut dyn FnMut()| match of_job.upgrade() {
            Some(job) => running::during(&job, attempt, work),
            None => work(),
        });
        let run = GraphRun::in_background(graph, Arc::clone(&self.pool), on_finish, within);
        if job.running(&run, attempt) {
            run.cancel();
        }
        run.start();
    }
}

/// Code of the user's that is not part of a task: its panic is its own affair.
pub(super) fn quietly(run: impl FnOnce()) {
    if let Err(payload) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
        std::mem::forget(payload);
    }
}

fn steal(queue: &Injector<Arc<Job>>) -> Option<Arc<Job>> {
    loop {
        match queue.steal() {
            Steal::Success(job) => return Some(job),
            Steal::Empty => return None,
            Steal::Retry => std::hint::spin_loop(),
        }
    }
}

/// Calls a job's function with its inputs, which are all there.
fn call(job: &Job, step: &Arc<crate::task::Step>) -> Result<Value> {
    let mut values = Vec::new();
    let mut problem = None;
    step.body().inputs(&mut |input| match super::future::value_of(input) {
        Some(Ok(value)) => values.push(value),
        Some(Err(error)) => problem = Some(error),
        None => problem = Some(Error::FutureCancelled { task: job.name.to_string(), because: String::new() }),
    });
    if let Some(problem) = problem {
        return Err(problem);
    }
    let mut values = values.into_iter();
    let mut next = || values.next().expect("a task reads as many inputs as it has");
    step.run(Inputs::new(&mut next))
        .map_err(|failure| Error::Task(TaskError::new(&job.name, failure, Vec::new(), Some(Scene::of_call(step)))))
}

impl Crewed for Dispatcher {
    fn crew(&self) -> &Crew {
        &self.crew
    }

    fn work(&self) {
        // What runs in the background belongs to no cell: an interrupt ends whoever waits for it, and not the work.
        crate::panics::in_task(|| {
            InterruptCheck::never().within(|| {
                let turn = Turn::begin();
                while let Some(job) = self.find() {
                    let mut next = Some(job);
                    while let Some(job) = next {
                        next = self.run(job);
                        if self.crew.is_crowded() || turn.is_over(&self.crew) {
                            if let Some(next) = next {
                                self.enqueue(next);
                            }
                            return;
                        }
                    }
                }
            });
        });
    }

    fn member_blocks(&self) {
        self.busy.fetch_sub(1, Ordering::SeqCst);
    }

    fn member_is_back(&self) {
        self.busy.fetch_add(1, Ordering::SeqCst);
    }

    fn has_work(&self) -> bool {
        !self.is_empty()
    }
}
