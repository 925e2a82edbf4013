//! Waiting for futures: for one, for all, for the first, and for each as it comes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::Future;
use super::job::{Job, Listener};
use crate::error::{Error, Result};
use crate::scheduler::{InterruptCheck, blocking};

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
    while began.elapsed() < SPIN {
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
    signal.wait(|| format!("the future `{}`", job.key()), deadline)
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
    signal.wait(|| format!("{enough} of {} futures", futures.len()), deadline)
}

/// Waits until all futures are done, whatever the outcome. `gather` gives the results.
///
/// # Errors
/// [`Error::Interrupted`] when an interrupt ended the wait; the tasks go on.
pub fn wait<T>(futures: &[Future<T>]) -> Result<()> {
    // What was submitted last is likely to end last, and then there is one wait for all.
    futures.iter().rev().try_for_each(|future| wait_for(future.job(), None).map(|_| ()))
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
struct Arrivals {
    done: Mutex<VecDeque<u64>>,
    changed: Condvar,
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
/// An interrupt ends the wait: what comes then is a future that is not done, whose `result` says that it was
/// interrupted.
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
        let arrivals = Arc::clone(&self.arrivals);
        let arrive = move || {
            lock(&arrivals.done).push_back(id);
            arrivals.changed.notify_one();
        };
        let listener = future.job().listen(Listener::Callback(Box::new(arrive)));
        self.pending.insert(id, future);
        if let Some(Listener::Callback(arrive)) = listener {
            arrive();
        }
    }

    /// How many have not been given yet.
    pub fn count(&self) -> usize {
        self.pending.len()
    }

    /// Whether the next one is there already.
    pub fn has_ready(&self) -> bool {
        !lock(&self.arrivals.done).is_empty()
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
            let result = future.result();
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
        if self.pending.is_empty() {
            return None;
        }
        let id = match self.wait() {
            Some(id) => id,
            None => *self.pending.keys().next()?,
        };
        self.pending.remove(&id)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.pending.len(), Some(self.pending.len()))
    }
}
