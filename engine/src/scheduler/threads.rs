//! The default scheduler: a rayon pool, and a heap of what is ready.
//!
//! A worker is a rayon job that takes the ready node that comes first in the static order, runs it, goes on with the
//! first of the nodes this made ready, and leaves the pool's thread when nothing is ready. Whoever makes nodes ready
//! starts as many further workers as there is work and room for. So no thread ever waits for a dependency: a task may
//! itself compute, or use rayon, and the pool stays full.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::cancel::InterruptCheck;
use super::progress::{Reporter, TICK};
use super::store::Store;
use super::task_error;
use crate::error::{Error, Result};
use crate::events::ProgressState;
use crate::graph::{Dependents, Graph, NodeId};
use crate::task::{Failure, Value};

/// What sets the number of threads of the default pool.
const THREADS_VARIABLE: &str = "TASKLOOM_NUM_THREADS";
/// Tasks may compute, and those tasks compute again: each level takes some of a thread's stack. Only what is used is
/// backed by memory.
const STACK: usize = 64 << 20;
/// How long a task that waits for its own computation lets others find work for it.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

fn build_pool(threads: usize) -> Result<Arc<ThreadPool>> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK)
        .thread_name(|index| format!("taskloom-{index}"))
        .build()
        .map(Arc::new)
        .map_err(|error| Error::Pool { threads, reason: error.to_string() })
}

/// The pool of the process, made when it is first needed.
pub(super) fn default_pool() -> Result<Arc<ThreadPool>> {
    static POOL: OnceLock<Result<Arc<ThreadPool>>> = OnceLock::new();
    POOL.get_or_init(|| {
        let asked = std::env::var(THREADS_VARIABLE).ok().and_then(|text| text.trim().parse().ok());
        let threads = match asked {
            Some(threads) if threads > 0 => threads,
            _ => std::thread::available_parallelism().map_or(1, usize::from),
        };
        build_pool(threads)
    })
    .clone()
}

/// A pool of another size, kept for the next time.
pub(super) fn pool_of(threads: usize) -> Result<Arc<ThreadPool>> {
    static POOLS: OnceLock<Mutex<HashMap<usize, Arc<ThreadPool>>>> = OnceLock::new();
    let mut pools = lock(POOLS.get_or_init(Mutex::default));
    if let Some(pool) = pools.get(&threads) {
        return Ok(Arc::clone(pool));
    }
    let pool = build_pool(threads)?;
    pools.insert(threads, Arc::clone(&pool));
    Ok(pool)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Tasks run outside all locks of this module and their panics are caught, so poison says nothing.
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Everything that the workers of one computation share.
struct Run {
    graph: Graph,
    dependents: Dependents,
    store: Store,
    pool: Arc<ThreadPool>,
    /// For each node, how many of its inputs have not finished.
    waiting_for: Vec<AtomicU32>,
    /// What can run now; ids are the static order, so the smallest comes first.
    ready: Mutex<BinaryHeap<Reverse<NodeId>>>,
    workers: AtomicUsize,
    most_workers: usize,
    done: AtomicUsize,
    total: usize,
    stopped: AtomicBool,
    interrupts: InterruptCheck,
    /// The last task that was begun, for the progress bar.
    running: AtomicU32,
    outcome: Mutex<Option<Result<Vec<Option<Value>>>>>,
    finished: Condvar,
}

pub(super) fn run(graph: Graph, pool: Arc<ThreadPool>) -> Result<Vec<Option<Value>>> {
    let dependents = graph.dependents();
    let store = Store::new(&graph, &dependents);
    let total = graph.len();
    if total == 0 {
        return Ok(store.outputs(&graph));
    }
    // Data nodes never run: nobody waits for them.
    let waiting_for: Vec<AtomicU32> = graph
        .ids()
        .map(|id| AtomicU32::new(graph.inputs(id).iter().filter(|&&input| graph.task(input).is_some()).count() as u32))
        .collect();
    let ready: BinaryHeap<Reverse<NodeId>> = graph
        .ids()
        .filter(|&id| graph.task(id).is_some() && waiting_for[id as usize].load(Ordering::Relaxed) == 0)
        .map(Reverse)
        .collect();
    let first_wave = ready.len();
    let run = Arc::new(Run {
        dependents,
        store,
        waiting_for,
        ready: Mutex::new(ready),
        workers: AtomicUsize::new(0),
        most_workers: pool.current_num_threads(),
        pool,
        done: AtomicUsize::new(0),
        total,
        stopped: AtomicBool::new(false),
        interrupts: InterruptCheck::new(),
        running: AtomicU32::new(0),
        outcome: Mutex::new(None),
        finished: Condvar::new(),
        graph,
    });
    run.start_workers(first_wave);
    if crate::panics::is_in_task() { run.wait_as_worker() } else { run.wait() }
}

impl Run {
    /// Starts workers for `work` new ready nodes, as far as there is room.
    fn start_workers(self: &Arc<Self>, work: usize) {
        for _ in 0..work {
            let room = self.workers.fetch_update(Ordering::AcqRel, Ordering::Acquire, |workers| {
                (workers < self.most_workers).then_some(workers + 1)
            });
            if room.is_err() {
                return;
            }
            let run = Arc::clone(self);
            self.pool.spawn(move || run.work());
        }
    }

    fn work(self: Arc<Self>) {
        loop {
            self.run_ready();
            self.workers.fetch_sub(1, Ordering::AcqRel);
            // A node may have become ready after the heap was found empty and before this worker signed off, when its
            // maker still saw a full house. Whoever sees that takes the place again.
            if self.should_stop() || lock(&self.ready).is_empty() {
                return;
            }
            let room = self.workers.fetch_update(Ordering::AcqRel, Ordering::Acquire, |workers| {
                (workers < self.most_workers).then_some(workers + 1)
            });
            if room.is_err() {
                return;
            }
        }
    }

    /// Runs nodes for as long as some are ready.
    fn run_ready(self: &Arc<Self>) {
        let mut next = lock(&self.ready).pop();
        while let Some(Reverse(id)) = next {
            if self.should_stop() {
                return;
            }
            next = self.execute(id);
        }
    }

    /// Runs one node; gives the node this worker should go on with.
    fn execute(self: &Arc<Self>, id: NodeId) -> Option<Reverse<NodeId>> {
        let task = self.graph.task(id).expect("only tasks become ready");
        self.running.store(id, Ordering::Relaxed);
        match self.interrupts.within(|| task.run(self.store.inputs(&self.graph, id))) {
            Ok(value) => self.store.put(id, value),
            Err(failure) => {
                self.fail(id, failure);
                return None;
            }
        }
        let made_ready: Vec<NodeId> = self
            .dependents
            .of(id)
            .iter()
            .copied()
            .filter(|&dependent| self.waiting_for[dependent as usize].fetch_sub(1, Ordering::AcqRel) == 1)
            .collect();
        if self.done.fetch_add(1, Ordering::AcqRel) + 1 == self.total {
            self.finish(Ok(self.store.outputs(&self.graph)));
            return None;
        }
        let mut ready = lock(&self.ready);
        let extra = made_ready.len().saturating_sub(1);
        ready.extend(made_ready.into_iter().map(Reverse));
        let next = ready.pop();
        drop(ready);
        if extra > 0 {
            self.start_workers(extra);
        }
        next
    }

    fn should_stop(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) || self.interrupts.is_interrupted()
    }

    fn fail(&self, id: NodeId, failure: Failure) {
        let error = task_error(&self.graph, id, failure);
        self.finish(Err(error));
    }

    /// The first outcome counts.
    fn finish(&self, outcome: Result<Vec<Option<Value>>>) {
        self.stopped.store(true, Ordering::Release);
        lock(&self.outcome).get_or_insert(outcome);
        self.finished.notify_all();
    }

    fn cancelled(&self) -> Error {
        self.stopped.store(true, Ordering::Release);
        Error::Cancelled { done: self.done.load(Ordering::Relaxed), total: self.total }
    }

    /// Waits on a thread that is not the pool's, and reports progress meanwhile.
    fn wait(&self) -> Result<Vec<Option<Value>>> {
        let mut reporter = Reporter::new(self.total);
        let mut outcome = lock(&self.outcome);
        let result = loop {
            if self.interrupts.is_interrupted() {
                break Err(self.cancelled());
            }
            if let Some(outcome) = outcome.take() {
                break outcome;
            }
            drop(match self.finished.wait_timeout(outcome, TICK / 2) {
                Ok((outcome, _)) => outcome,
                Err(poisoned) => poisoned.into_inner().0,
            });
            // Without the lock: whoever listens to the report may be slow, and must not hold up the workers.
            reporter.tick(self.done.load(Ordering::Relaxed), || {
                Some(self.graph.name(self.running.load(Ordering::Relaxed)).to_owned())
            });
            outcome = lock(&self.outcome);
        };
        let state = match &result {
            Ok(_) => ProgressState::Finished,
            Err(Error::Cancelled { .. }) => ProgressState::Cancelled,
            Err(_) => ProgressState::Failed,
        };
        reporter.end(self.done.load(Ordering::Relaxed), state);
        result
    }

    /// Waits inside a task: by working. This thread alone could run all of the graph, so computations that wait for one
    /// another, on one pool or on several, always come to an end.
    fn wait_as_worker(self: &Arc<Self>) -> Result<Vec<Option<Value>>> {
        loop {
            self.run_ready();
            if self.interrupts.is_interrupted() {
                return Err(self.cancelled());
            }
            let mut outcome = lock(&self.outcome);
            if let Some(outcome) = outcome.take() {
                return outcome;
            }
            // Nobody says when a node becomes ready: whoever makes it so goes on with it, and others come back soon.
            let (mut outcome, _) =
                self.finished.wait_timeout(outcome, LOOK_AGAIN).unwrap_or_else(|poisoned| poisoned.into_inner());
            if let Some(outcome) = outcome.take() {
                return outcome;
            }
        }
    }
}
