//! What tasks and the main program agree with: events, locks, semaphores, queues, variables, and topics.
//!
//! All of them have a name within a client, and two handles with the same name are the same thing: a task need not be
//! given a handle, it may ask for one. The names and what they mean are those of
//! [`distributed`](https://distributed.dask.org/en/stable/api.html#distributed-coordination-primitives); everything
//! lives in one process here, so there are no leases that expire because a worker was lost.
//!
//! | to | take a |
//! |---|---|
//! | tell all who wait that something has happened | [`Event`] |
//! | let one at a time do something | [`Lock`] |
//! | let a few at a time do something | [`Semaphore`] |
//! | hand values on, each to one taker | [`Queue`] |
//! | keep one value that all can read and replace | [`Variable`] |
//! | tell something to all who listen | [`Publisher`] and [`Subscriber`] |
//!
//! A task that has to wait lends its place in the pool to another, so tasks may wait for tasks that have not begun.
//! Whoever waits in a [`Lock`], [`Semaphore`], [`Queue`] or [`Subscriber`] is served in the order of arrival. An
//! interrupt ends every wait with [`Error::Interrupted`].

mod event;
mod lock;
mod names;
mod pubsub;
mod queue;
mod semaphore;
#[cfg(test)]
mod testing;
mod variable;

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::scheduler::{InterruptCheck, blocking};

pub use event::Event;
pub use lock::{Lock, LockGuard};
pub(crate) use names::Names;
pub use pubsub::{Messages, Publisher, Subscriber};
pub use queue::Queue;
pub use semaphore::{Semaphore, SemaphoreGuard};
pub use variable::Variable;

/// How long an interrupt may go unnoticed by one who waits.
#[cfg(not(test))]
const SLICE: Duration = Duration::from_millis(20);
/// Nothing is looked at again between wake-ups in unit tests: one that gets lost is to fail a test, not to cost 20 ms.
#[cfg(test)]
const SLICE: Duration = Duration::from_secs(3600);

/// No code of a user runs while one of these is held, so there is nothing to distrust in a poisoned one.
fn locked<S>(state: &Mutex<S>) -> MutexGuard<'_, S> {
    state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Waits until `attempt` gives a value; all waits of this module are here.
///
/// `attempt` runs under the lock: at once, whenever `changed` is notified, and a last time when `limit` is over. The
/// value is `None` after `limit`; without a limit it is always there. The pool hears of the wait only when the first
/// attempt gave nothing.
///
/// # Errors
/// [`Error::Interrupted`] after an interrupt, also one that came just before: otherwise a loop over values that are
/// always there at once would never end.
fn wait<S, R>(
    state: &Mutex<S>,
    changed: &Condvar,
    limit: Option<Duration>,
    waiting_for: impl Fn() -> String,
    mut attempt: impl FnMut(&mut S) -> Option<R>,
) -> Result<Option<R>> {
    let interrupts = InterruptCheck::new();
    if interrupts.is_interrupted() {
        return Err(Error::Interrupted { waiting_for: waiting_for() });
    }
    if let Some(value) = attempt(&mut locked(state)) {
        return Ok(Some(value));
    }
    if limit.is_some_and(|limit| limit.is_zero()) {
        return Ok(None);
    }
    // A limit that no clock reaches is no limit.
    let end = limit.and_then(|limit| Instant::now().checked_add(limit));
    // The lock is taken and given back in there: coming out of `blocking` may itself take time.
    blocking(|| {
        let mut state = locked(state);
        loop {
            // Before anything that ends the wait: a wake-up may have been meant for this one alone.
            if let Some(value) = attempt(&mut state) {
                return Ok(Some(value));
            }
            if interrupts.is_interrupted() {
                return Err(Error::Interrupted { waiting_for: waiting_for() });
            }
            let left = end.map_or(SLICE, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(None);
            }
            state = changed.wait_timeout(state, left.min(SLICE)).unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    })
}

/// What a wait without a limit has come to.
fn unlimited<R>(outcome: Result<Option<R>>) -> Result<R> {
    outcome.map(|value| value.expect("a wait without a limit ends with a value or an error"))
}

/// Those who wait for the same thing, first come first; each is woken alone.
#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<Arc<Condvar>>,
}

impl Line {
    fn len(&self) -> usize {
        self.waiting.len()
    }

    /// How many are served before this one; one who has not joined comes after all.
    fn ahead_of(&self, one: &Arc<Condvar>) -> Option<usize> {
        self.waiting.iter().position(|other| Arc::ptr_eq(other, one))
    }
}

/// Where a [`Line`] stands, and when its first may go in.
///
/// Whoever opens the door calls [`wake_first`](Door::wake_first). One that leaves the line wakes the next if the door
/// is still open. So each wake-up goes to one thread, and none is lost when its receiver gives up at that moment.
struct Door<S> {
    line: fn(&mut S) -> &mut Line,
    is_open: fn(&S) -> bool,
}

impl<S> Door<S> {
    fn wake_first(&self, state: &mut S) {
        if (self.is_open)(state)
            && let Some(first) = (self.line)(state).waiting.front()
        {
            first.notify_one();
        }
    }

    /// Waits in line until `attempt` gives a value; see [`wait`]. `attempt` hears how many are ahead, and leaves to
    /// them what is theirs.
    fn enter<R>(
        &self,
        state: &Mutex<S>,
        limit: Option<Duration>,
        waiting_for: impl Fn() -> String,
        mut attempt: impl FnMut(&mut S, usize) -> Option<R>,
    ) -> Result<Option<R>> {
        let place = Place { door: self, state, wake: Arc::new(Condvar::new()), is_in_line: Cell::new(false) };
        wait(state, &place.wake, limit, waiting_for, |state| {
            let line = (self.line)(state);
            let ahead = if place.is_in_line.get() { line.ahead_of(&place.wake) } else { None }.unwrap_or(line.len());
            let value = attempt(state, ahead);
            if value.is_some() {
                place.leave(state);
            } else if !place.is_in_line.replace(true) {
                (self.line)(state).waiting.push_back(Arc::clone(&place.wake));
            }
            value
        })
    }
}

/// A place in line; it is left also when the wait ends without a value.
struct Place<'a, S> {
    door: &'a Door<S>,
    state: &'a Mutex<S>,
    wake: Arc<Condvar>,
    is_in_line: Cell<bool>,
}

impl<S> Place<'_, S> {
    fn leave(&self, state: &mut S) {
        if self.is_in_line.replace(false) {
            let line = (self.door.line)(state);
            if let Some(at) = line.ahead_of(&self.wake) {
                line.waiting.remove(at);
            }
            self.door.wake_first(state);
        }
    }
}

impl<S> Drop for Place<'_, S> {
    fn drop(&mut self) {
        if self.is_in_line.get() {
            self.leave(&mut locked(self.state));
        }
    }
}
