//! Waiting for futures: for one, for all, for the first, and for each as it comes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::Future;
use super::job::{Job, Listener, Status};
use crate::error::{Error, Result};
use crate::scheduler::{InterruptCheck, blocking};
use crate::task::Value;

/// How long a wait looks before it sleeps: about as long as it takes to wake up again.
const SPIN: Duration = Duration::from_micros(40);
/// How long an interrupt may go unnoticed.
const SLICE: Duration = Duration::from_millis(20);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Where one thread waits for a number of jobs.
#[derive(Debug)]
pub(super) struct Signal {
    left: Mutex<usize>,
    changed: Condvar,
}

impl Signal {
    fn new(left: usize) -> Arc<Signal> {
        Arc::new(Signal { left: Mutex::new(left), changed: Condvar::new() })
    }

    pub(super) fn notify(&self) {
        let mut left = lock(&self.left);
        *left = left.saturating_sub(1);
        if *left == 0 {
            drop(left);
            self.changed.notify_all();
        }
    }

    /// True when all have come, false when the time was over.
    fn wait(&self, waiting_for: impl Fn() -> String, deadline: Option<Instant>) -> Result<bool> {
        let interrupts = InterruptCheck::new();
        blocking(|| {
            let mut left = lock(&self.left);
            while *left > 0 {
                if interrupts.is_interrupted() {
                    return Err(Error::Interrupted { waiting_for: waiting_for() });
                }
                let slice = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                    Some(rest) if rest.is_zero() => return Ok(false),
                    Some(rest) => rest.min(SLICE),
                    None => SLICE,
                };
                left = match self.changed.wait_timeout(left, slice) {
                    Ok((left, _)) => left,
                    Err(poisoned) => poisoned.into_inner().0,
                };
            }
            Ok(true)
        })
    }
}

/// Waits for one job. True when it is done, false when the time was over.
pub(super) fn wait_for(job: &Arc<Job>, timeout: Option<Duration>) -> Result<bool> {
    if job.status().is_done() {
        return Ok(true);
    }
    let began = Instant::now();
    let deadline = timeout.and_then(|timeout| began.checked_add(timeout));
    if timeout.is_none() {
        // A task that waits for another may as well run it; with a timeout it could come back too late.
        job.dispatcher.help(job);
    }
    while began.elapsed() < timeout.unwrap_or(SPIN).min(SPIN) {
        for _ in 0..8 {
            std::hint::spin_loop();
        }
        if job.status().is_done() {
            return Ok(true);
        }
    }
    let signal = Signal::new(1);
    if job.listen(Listener::Signal(Arc::clone(&signal))).is_some() {
        return Ok(true);
    }
    let done = signal.wait(|| format!("the future `{}`", job.key()), deadline);
    if !matches!(done, Ok(true)) {
        forget(job, &signal);
    }
    done
}

/// Nobody waits here any more.
fn forget(job: &Job, signal: &Arc<Signal>) {
    job.forget(|listener| matches!(listener, Listener::Signal(other) if Arc::ptr_eq(other, signal)));
}

/// Waits for the outcome of one job.
pub(super) fn outcome_of(job: &Arc<Job>) -> Result<Value> {
    loop {
        wait_for(job, None)?;
        match job.outcome() {
            Some(outcome) => return outcome,
            None if job.status().is_done() => return Err(job.released()),
            // Somebody has ordered another attempt meanwhile.
            None => {}
        }
    }
}

/// Waits until so many of the jobs are done.
fn wait_for_some<T>(futures: &[Future<T>], enough: usize, timeout: Option<Duration>) -> Result<bool> {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let enough = enough.min(futures.len());
    if futures.iter().filter(|future| future.done()).count() >= enough {
        return Ok(true);
    }
    let signal = Signal::new(enough);
    for future in futures {
        if future.job().listen(Listener::Signal(Arc::clone(&signal))).is_some() {
            signal.notify();
        }
    }
    let done = signal.wait(|| format!("{enough} of {} futures", futures.len()), deadline);
    // Those that are not done would keep it, and be asked again and again in a loop.
    futures.iter().filter(|future| !future.done()).for_each(|future| forget(future.job(), &signal));
    done
}

/// Waits until all futures are done, whatever the outcome. `gather` gives the results.
///
/// # Errors
/// [`Error::Interrupted`] when an interrupt ended the wait; the tasks go on.
pub fn wait<T>(futures: &[Future<T>]) -> Result<()> {
    // What was submitted last is likely to end last, and then there is one wait for all.
    futures.iter().rev().try_for_each(|future| wait_for(future.job(), None).map(|_| ()))
}

/// Waits until all futures are done or one has failed; gives the first error that it sees.
pub(super) fn wait_for_success<T>(futures: &[Future<T>]) -> Result<()> {
    let failure = |futures: &[Future<T>]| {
        let mut failed = futures.iter().filter(|future| matches!(future.status(), Status::Error | Status::Cancelled));
        failed.find_map(Future::exception)
    };
    // Those before the first that is not done have all succeeded.
    let mut first = 0;
    let mut every = SLICE;
    for (place, future) in futures.iter().enumerate().rev() {
        while !wait_for_or_help(future.job(), every)? {
            let began = Instant::now();
            first += futures[first..].iter().take_while(|future| future.status() == Status::Finished).count();
            if let Some(error) = failure(&futures[first..]) {
                return Err(error);
            }
            // Looking at a million futures takes a while: no more than a small part of the time.
            every = SLICE.max(20 * began.elapsed());
        }
        if future.status() != Status::Finished
            && let Some(error) = failure(&futures[first.min(place)..])
        {
            return Err(error);
        }
    }
    Ok(())
}

/// As [`wait_for`] with a timeout, but inside a task it may run the job itself, however long that takes.
fn wait_for_or_help(job: &Arc<Job>, timeout: Duration) -> Result<bool> {
    if !job.status().is_done() {
        job.dispatcher.help(job);
    }
    wait_for(job, Some(timeout))
}

/// As [`wait`], up to `timeout`; gives whether all are done.
///
/// # Errors
/// As [`wait`].
pub fn wait_timeout<T>(futures: &[Future<T>], timeout: Duration) -> Result<bool> {
    wait_for_some(futures, usize::MAX, Some(timeout))
}

/// Waits until one of the futures is done; gives those that are, and those that are not.
///
/// # Errors
/// As [`wait`].
///
/// ```
/// use taskloom::client::wait_first;
/// use taskloom::prelude::*;
/// let client = Client::new()?;
/// let futures = client.map(|ms: u64| { sleep_ms(ms); ms }, [2, 2000]);
/// let (done, not_done) = wait_first(&futures)?;
/// assert_eq!((done[0].result()?, not_done.len()), (2, 1));
/// not_done[0].cancel();
/// # Ok::<(), taskloom::Error>(())
/// ```
#[allow(clippy::type_complexity)]
pub fn wait_first<T>(futures: &[Future<T>]) -> Result<(Vec<Future<T>>, Vec<Future<T>>)> {
    wait_for_some(futures, 1, None)?;
    Ok(futures.iter().cloned().partition(Future::done))
}

/// What has been done since it was last looked.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    done: Mutex<VecDeque<u64>>,
    changed: Condvar,
}

impl Arrivals {
    pub(super) fn arrive(&self, id: u64) {
        lock(&self.done).push_back(id);
        self.changed.notify_one();
    }
}

/// Futures in the order in which they are done: what [`as_completed`] gives.
#[derive(Debug)]
pub struct AsCompleted<T> {
    pending: HashMap<u64, Future<T>>,
    arrivals: Arc<Arrivals>,
    next: u64,
}

/// Gives the futures one after the other as they are done, whatever the outcome.
///
/// An interrupt ends the wait: what comes then is a future that is not [`done`](Future::done).
///
/// ```
/// use taskloom::prelude::*;
/// fn double(x: i64) -> i64 { 2 * x }
/// let client = Client::new()?;
/// let mut futures = as_completed(client.map(double, 1..4));
/// let mut total = 0;
/// while let Some(future) = futures.next() {
///     let result = future.result()?;
///     total += result;
///     if result == 2 {
///         futures.add(client.submit(double, (50,))); // more work while iterating
///     }
/// }
/// assert_eq!(total, 2 + 4 + 6 + 100);
/// # Ok::<(), taskloom::Error>(())
/// ```
pub fn as_completed<T>(futures: impl IntoIterator<Item = Future<T>>) -> AsCompleted<T> {
    let mut completed = AsCompleted { pending: HashMap::new(), arrivals: Arc::default(), next: 0 };
    futures.into_iter().for_each(|future| completed.add(future));
    completed
}

impl<T> AsCompleted<T> {
    /// One more to wait for.
    pub fn add(&mut self, future: Future<T>) {
        let id = self.next;
        self.next += 1;
        let listener = future.job().listen(Listener::Arrival(Arc::clone(&self.arrivals), id));
        self.pending.insert(id, future);
        if listener.is_some() {
            self.arrivals.arrive(id);
        }
    }

    /// Whether the next one is there already.
    pub fn has_ready(&self) -> bool {
        lock(&self.arrivals.done).iter().any(|id| self.pending.contains_key(id))
    }

    /// All that are done by now; waits for the first.
    pub fn next_batch(&mut self) -> Vec<Future<T>> {
        let mut batch: Vec<_> = self.next().into_iter().collect();
        let ready: Vec<u64> = lock(&self.arrivals.done).drain(..).collect();
        batch.extend(ready.into_iter().filter_map(|id| self.pending.remove(&id)));
        batch
    }

    /// Gives each future with its result.
    pub fn with_results(self) -> impl Iterator<Item = (Future<T>, Result<T>)>
    where
        T: Clone + Send + Sync + 'static,
    {
        self.map(|future| {
            let result = if future.done() {
                future.result()
            } else {
                Err(Error::Interrupted { waiting_for: format!("the future `{}`", future.key()) })
            };
            (future, result)
        })
    }

    fn wait(&self) -> Option<u64> {
        if let Some(id) = lock(&self.arrivals.done).pop_front() {
            return Some(id);
        }
        let interrupts = InterruptCheck::new();
        blocking(|| {
            let mut done = lock(&self.arrivals.done);
            loop {
                if let Some(id) = done.pop_front() {
                    return Some(id);
                }
                if interrupts.is_interrupted() {
                    return None;
                }
                done = match self.arrivals.changed.wait_timeout(done, SLICE) {
                    Ok((done, _)) => done,
                    Err(poisoned) => poisoned.into_inner().0,
                };
            }
        })
    }
}

impl<T> Iterator for AsCompleted<T> {
    type Item = Future<T>;

    fn next(&mut self) -> Option<Future<T>> {
        while !self.pending.is_empty() {
            let id = match self.wait() {
                Some(id) => id,
                None => *self.pending.keys().next()?,
            };
            // One that was given when an interrupt came arrives later as well.
            if let Some(future) = self.pending.remove(&id) {
                return Some(future);
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.pending.len(), Some(self.pending.len()))
    }
}

/// `len` is how many have not been given yet.
impl<T> ExactSizeIterator for AsCompleted<T> {}

impl<T> Drop for AsCompleted<T> {
    fn drop(&mut self) {
        for (id, future) in &self.pending {
            let is_this = |listener: &Listener| matches!(listener, Listener::Arrival(arrivals, other) if other == id && Arc::ptr_eq(arrivals, &self.arrivals));
            future.job().forget(is_this);
        }
    }
}
