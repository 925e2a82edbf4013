//! The scheduler of a client: takes what is ready, by priority and in the order of submission, and runs it.
//!
//! Its members linger for a moment when there is nothing to do, so that a task submitted right after another does not
//! have to wake a thread.

use std::cell::RefCell;
use std::cmp::Ordering as Order;
use std::collections::{BinaryHeap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use crossbeam_deque::{Injector, Steal};

use super::job::{Job, Listener, Status, Work};
use super::spill::{self, Spill};
use crate::diagnostics::recorder;
use crate::error::{Error, Result, TaskError};
use crate::recreate::Scene;
use crate::scheduler::{Crew, Crewed, GraphRun, InterruptCheck, Pool};
use crate::task::{Inputs, Value};
use crate::travel::Codec;

/// How long a member without work waits for some before it leaves the thread.
const LINGER: Duration = Duration::from_micros(60);
/// After so long a member lets other computations on the same threads have a turn.
const TURN: Duration = Duration::from_millis(10);

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
struct Ranked(i64, Arc<Job>);

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
        lock(&self.jobs).push(Ranked(priority, job));
        self.len.fetch_add(1, Ordering::SeqCst);
    }

    fn pop(&self) -> Option<Arc<Job>> {
        if self.len.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let job = lock(&self.jobs).pop()?.1;
        self.len.fetch_sub(1, Ordering::SeqCst);
        Some(job)
    }

    fn is_empty(&self) -> bool {
        self.len.load(Ordering::SeqCst) == 0
    }
}

/// What there is of each resource, and who waits for some of it.
#[derive(Default)]
struct Resources {
    free: HashMap<String, f64>,
    waiting: Vec<Arc<Job>>,
}

impl Resources {
    fn take(&mut self, wanted: &[(String, f64)]) -> bool {
        let enough = wanted.iter().all(|(name, amount)| self.free.get(name).is_some_and(|free| free >= amount));
        if enough {
            for (name, amount) in wanted {
                *self.free.entry(name.clone()).or_default() -= amount;
            }
        }
        enough
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
    pub(super) limits: HashMap<String, f64>,
    pub(super) counts: Counts,
    pub(super) spill: Spill,
    has_limit: bool,
    running: AtomicUsize,
    closed: AtomicBool,
}

thread_local! {
    /// The jobs that run on this thread, outermost first: a task may wait, and meanwhile run others.
    static CURRENT: RefCell<Vec<Arc<Job>>> = const { RefCell::new(Vec::new()) };
}

/// The job that runs on this thread.
pub(super) fn current() -> Option<Arc<Job>> {
    CURRENT.with_borrow(|jobs| jobs.last().cloned())
}

impl Dispatcher {
    pub(super) fn new(pool: Arc<Pool>, spill: Spill, has_limit: bool, limits: HashMap<String, f64>) -> Arc<Self> {
        Arc::new_cyclic(|this| Dispatcher {
            crew: Crew::new(Arc::clone(&pool)),
            pool,
            this: Weak::clone(this),
            urgent: RankedQueue::default(),
            ordinary: Injector::new(),
            later: RankedQueue::default(),
            resources: Mutex::new(Resources { free: limits.clone(), waiting: Vec::new() }),
            limits,
            counts: Counts::default(),
            spill,
            has_limit,
            running: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
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
        self.crew.most()
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
        let mut waiting = std::mem::take(&mut lock(&self.resources).waiting);
        waiting.extend(std::iter::from_fn(|| self.next()));
        waiting.iter().for_each(|job| self.cancel(job));
    }

    /// Puts a job whose inputs are there into a queue, without calling anybody. False when it has to wait for a
    /// resource.
    pub(super) fn enqueue(&self, job: Arc<Job>) -> bool {
        match job.options.as_deref() {
            None => self.ordinary.push(job),
            Some(options) => {
                let priority = options.priority;
                if !options.resources.is_empty() {
                    let mut resources = lock(&self.resources);
                    if !resources.take(&options.resources) {
                        resources.waiting.push(job);
                        return false;
                    }
                }
                match priority.cmp(&0) {
                    Order::Greater => self.urgent.push(priority, job),
                    Order::Equal => self.ordinary.push(job),
                    Order::Less => self.later.push(priority, job),
                }
            }
        }
        true
    }

    /// Calls members for jobs that have just been enqueued.
    pub(super) fn call(&self, count: usize) {
        if let Some(this) = self.this.upgrade() {
            Crew::call(&this, count);
        }
    }

    /// Gives back what a job had, and lets those run that waited for it: the highest priority first, then the oldest.
    fn give_back(&self, job: &Job) {
        let Some(options) = job.options.as_deref().filter(|options| !options.resources.is_empty()) else { return };
        let mut resources = lock(&self.resources);
        for (name, amount) in &options.resources {
            *resources.free.entry(name.clone()).or_default() += amount;
        }
        let mut waiting = std::mem::take(&mut resources.waiting);
        waiting.sort_by_key(|job| (std::cmp::Reverse(job.options.as_ref().map_or(0, |o| o.priority)), job.key));
        let mut granted = Vec::new();
        for job in waiting {
            let wanted = job.options.as_ref().map_or(&[][..], |options| &options.resources);
            if job.status() != Status::Pending {
                continue;
            }
            if resources.take(wanted) { granted.push(job) } else { resources.waiting.push(job) }
        }
        drop(resources);
        let count = granted.len();
        for job in granted {
            match job.options.as_ref().map_or(0, |options| options.priority) {
                0 => self.ordinary.push(job),
                priority if priority > 0 => self.urgent.push(priority, job),
                priority => self.later.push(priority, job),
            }
        }
        if count > 0 {
            self.call(count);
        }
    }

    /// With memory short nothing new begins, unless nothing runs that could free some.
    fn is_paused(&self) -> bool {
        self.has_limit && self.running.load(Ordering::SeqCst) > 0 && self.spill.should_pause()
    }

    fn next(&self) -> Option<Arc<Job>> {
        self.urgent.pop().or_else(|| steal(&self.ordinary)).or_else(|| self.later.pop())
    }

    /// Waits a moment for work before giving up.
    fn find(&self) -> Option<Arc<Job>> {
        if self.is_paused() {
            return None;
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
        let Some(work) = job.begin() else {
            self.give_back(&job);
            return None;
        };
        let outcome = match work {
            Work::Call(step) => {
                self.running.fetch_add(1, Ordering::Relaxed);
                CURRENT.with_borrow_mut(|jobs| jobs.push(Arc::clone(&job)));
                let outcome = recorder::alone(&job.name, job.key, || call(&job, &step));
                CURRENT.with_borrow_mut(|jobs| jobs.pop());
                self.running.fetch_sub(1, Ordering::Relaxed);
                outcome
            }
            Work::Graph(graph) => {
                self.run_graph(job, graph);
                return None;
            }
            Work::Turn(turn) => {
                turn();
                return None;
            }
            Work::Outside => return None,
        };
        self.conclude(job, outcome)
    }

    /// Ends a job and tells all who wait; gives one that this has made ready.
    fn conclude(&self, job: Arc<Job>, outcome: Result<Value>) -> Option<Arc<Job>> {
        self.give_back(&job);
        if outcome.is_err() && job.try_again() {
            if self.enqueue(job) {
                self.call(1);
            }
            return None;
        }
        self.tell(&job, job.finish(outcome))
    }

    /// Ends a job from outside the crew.
    pub(super) fn end(&self, job: &Job, outcome: Result<Value>) {
        if let Some(next) = self.tell(job, job.finish(outcome))
            && self.enqueue(next)
        {
            self.call(1);
        }
    }

    pub(super) fn cancel(&self, job: &Job) {
        if let Some(next) = self.tell(job, job.cancel(None))
            && self.enqueue(next)
        {
            self.call(1);
        }
    }

    /// Tells those who waited for `job`. Failures and cancellations run down a chain of dependents here, without
    /// recursion, however long it is.
    fn tell(&self, job: &Job, listeners: Vec<Listener>) -> Option<Arc<Job>> {
        let mut next = None;
        let mut enqueued = 0;
        let mut pending: Vec<(Option<Error>, Arc<Job>)> = Vec::new();
        let sort = |listeners: Vec<Listener>, from: &Job, pending: &mut Vec<(Option<Error>, Arc<Job>)>| {
            for listener in listeners {
                match listener {
                    Listener::Dependent(dependent) => pending.push((from.error_for(&dependent.name), dependent)),
                    Listener::Signal(signal) => signal.notify(),
                    Listener::Waker(waker) => waker.wake(),
                    Listener::Callback(callback) => {
                        // A callback is the user's: its panic is not the task's.
                        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(callback));
                    }
                }
            }
        };
        sort(listeners, job, &mut pending);
        while let Some((error, dependent)) = pending.pop() {
            if let Some(error) = error {
                let listeners = dependent.finish(Err(error));
                sort(listeners, &dependent, &mut pending);
            } else if dependent.release() {
                match next {
                    None if dependent.options.is_none() => next = Some(dependent),
                    _ => enqueued += usize::from(self.enqueue(dependent)),
                }
            }
        }
        if enqueued > 0 {
            self.call(enqueued);
        }
        next
    }

    fn run_graph(&self, job: Arc<Job>, graph: crate::graph::Graph) {
        let ended = Arc::clone(&job);
        let on_finish = Box::new(move |outcome: Result<Vec<Value>>| {
            let dispatcher = Arc::clone(&ended.dispatcher);
            let outcome = outcome.map(|mut values| values.pop().expect("a graph of one output gives one value"));
            if let Some(next) = dispatcher.conclude(ended, outcome)
                && dispatcher.enqueue(next)
            {
                dispatcher.call(1);
            }
        });
        let run = GraphRun::in_background(graph, Arc::clone(&self.pool), on_finish);
        if job.running(&run) {
            run.cancel();
        }
        run.start();
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
                let mut turn = Instant::now();
                let mut since = 0;
                while let Some(job) = self.find() {
                    let mut next = Some(job);
                    while let Some(job) = next {
                        next = self.run(job);
                        since += 1;
                    }
                    if self.crew.is_crowded() {
                        return;
                    }
                    if since >= 64 {
                        since = 0;
                        if turn.elapsed() > TURN {
                            rayon::yield_now();
                            turn = Instant::now();
                        }
                    }
                }
            });
        });
    }

    fn has_work(&self) -> bool {
        let queued = !self.ordinary.is_empty() || !self.urgent.is_empty() || !self.later.is_empty();
        queued && !self.is_paused()
    }
}
