//! Threads: the pools that run tasks, and spare ones for while a task blocks.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;

use crossbeam_deque::{Injector, Steal};
use rayon::ThreadPoolBuilder;

use super::lock;
use crate::error::{Error, Result};

/// Tasks may compute, and those tasks compute again: each level takes some of a thread's stack. Only what is used is
/// backed by memory.
const STACK: usize = 64 << 20;

/// A rayon pool, and how many of its threads are blocked.
pub(crate) struct Pool {
    rayon: rayon::ThreadPool,
    pub(super) threads: usize,
    blocked: AtomicUsize,
    /// Jobs that no thread has begun. Rayon is only asked to look here: what stood in its own queues could not be given
    /// to a spare thread when all of its threads block.
    jobs: Injector<Job>,
}

impl Pool {
    pub(crate) fn new(threads: usize) -> Result<Arc<Pool>> {
        ThreadPoolBuilder::new()
            .num_threads(threads)
            .stack_size(STACK)
            .thread_name(|index| format!("taskloom-{index}"))
            .build()
            .map(|rayon| Arc::new(Pool { rayon, threads, blocked: AtomicUsize::new(0), jobs: Injector::new() }))
            .map_err(|error| Error::Pool { threads, reason: error.to_string() })
    }

    /// Runs a job on the pool, or on a spare thread while one of the pool's is blocked and may not come back soon.
    pub(super) fn spawn(self: &Arc<Self>, job: impl FnOnce() + Send + 'static) {
        self.jobs.push(Box::new(job));
        // Either this sees that a thread is blocked, or that thread, which looks before it blocks, sees the job.
        fence(Ordering::SeqCst);
        let pool = Arc::clone(self);
        if self.blocked.load(Ordering::SeqCst) > 0 {
            spare().spawn(Box::new(move || _ = pool.run_next()));
        } else {
            self.rayon.spawn(move || _ = pool.run_next());
        }
    }

    /// Whether something waits for a thread.
    pub(crate) fn is_contended(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// Runs the oldest job that nobody has begun; false if there is none.
    fn run_next(&self) -> bool {
        loop {
            match self.jobs.steal() {
                Steal::Success(job) => {
                    job();
                    return true;
                }
                Steal::Empty => return false,
                Steal::Retry => std::hint::spin_loop(),
            }
        }
    }

    /// One more thread is about to block: a spare one sees to the jobs that it may have been meant for.
    pub(super) fn add_blocked(self: &Arc<Self>) {
        self.blocked.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if !self.jobs.is_empty() {
            let pool = Arc::clone(self);
            spare().spawn(Box::new(move || while pool.blocked.load(Ordering::SeqCst) > 0 && pool.run_next() {}));
        }
    }

    pub(super) fn remove_blocked(&self) {
        self.blocked.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The pool of the process, made when it is first needed.
pub(crate) fn default_pool() -> Result<Arc<Pool>> {
    static POOL: OnceLock<Result<Arc<Pool>>> = OnceLock::new();
    POOL.get_or_init(|| Pool::new(super::config::threads()?)).clone()
}

/// A pool of another size, kept for the next time.
pub(crate) fn pool_of(threads: usize) -> Result<Arc<Pool>> {
    static POOLS: OnceLock<Mutex<HashMap<usize, Arc<Pool>>>> = OnceLock::new();
    let mut pools = lock(POOLS.get_or_init(Mutex::default));
    if let Some(pool) = pools.get(&threads) {
        return Ok(Arc::clone(pool));
    }
    let pool = Pool::new(threads)?;
    pools.insert(threads, Arc::clone(&pool));
    Ok(pool)
}

type Job = Box<dyn FnOnce() + Send>;

/// Threads that stand in for blocked ones. They come when they are needed and go after a while without work.
#[derive(Default)]
struct Spare {
    state: Mutex<SpareState>,
    wake: Condvar,
}

#[derive(Default)]
struct SpareState {
    jobs: VecDeque<Job>,
    idle: usize,
    alive: usize,
}

/// More blocked tasks than this at once wait for each other's threads.
const MOST_SPARE: usize = 512;
const SPARE_PATIENCE: Duration = Duration::from_secs(5);

fn spare() -> &'static Spare {
    static SPARE: OnceLock<Spare> = OnceLock::new();
    SPARE.get_or_init(Spare::default)
}

impl Spare {
    fn spawn(&'static self, job: Job) {
        let mut state = lock(&self.state);
        state.jobs.push_back(job);
        if state.idle >= state.jobs.len() {
            self.wake.notify_one();
        } else if state.alive < MOST_SPARE {
            let built = std::thread::Builder::new()
                .name("taskloom-spare".to_owned())
                .stack_size(STACK)
                .spawn(move || self.serve());
            // Without a thread the job stays in the queue: a spare thread that is alive takes it later.
            state.alive += usize::from(built.is_ok());
        }
    }

    fn serve(&self) {
        let mut state = lock(&self.state);
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                job();
                state = lock(&self.state);
                continue;
            }
            state.idle += 1;
            let (guard, timeout) =
                self.wake.wait_timeout(state, SPARE_PATIENCE).unwrap_or_else(|poisoned| poisoned.into_inner());
            state = guard;
            state.idle -= 1;
            if timeout.timed_out() && state.jobs.is_empty() {
                state.alive -= 1;
                return;
            }
        }
    }
}
