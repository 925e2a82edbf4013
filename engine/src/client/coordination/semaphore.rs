//! So many at a time.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::names::Named;
use super::{Door, Line, locked, unlimited};
use crate::error::Result;

/// Lets so many at a time do something: each needs a lease, and there is a fixed number of leases.
///
/// Like `distributed.Semaphore`, except that a lease never expires: its guard gives it back when it is dropped, also
/// when a task fails. Leases go to those who wait in the order in which they came. Clones, and semaphores of the same
/// name, share their leases.
///
/// ```
/// # let client = taskloom::Client::new()?;
/// let connections = client.semaphore("database", 2)?;
/// let first = connections.acquire()?;
/// let second = client.semaphore("database", 2)?.acquire()?;
/// assert!(connections.try_acquire().is_none());
/// drop(first);
/// assert_eq!(connections.available(), 1);
/// # Ok::<(), taskloom::Error>(())
/// ```
#[derive(Clone)]
pub struct Semaphore {
    leases: Arc<Leases>,
}

impl Semaphore {
    pub(super) fn new(leases: Arc<Leases>) -> Self {
        Semaphore { leases }
    }

    /// The semaphore's name.
    pub fn name(&self) -> &str {
        self.leases.name()
    }

    /// Waits for a lease; it is given back when the guard is dropped.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) after an interrupt.
    pub fn acquire(&self) -> Result<SemaphoreGuard> {
        unlimited(self.leases.acquire(None)).map(|lease| SemaphoreGuard { lease })
    }

    /// Takes a lease if one is free that nobody waits for.
    #[must_use = "the lease is given back when the guard is dropped"]
    pub fn try_acquire(&self) -> Option<SemaphoreGuard> {
        self.leases.try_acquire().map(|lease| SemaphoreGuard { lease })
    }

    /// Waits as [`acquire`](Semaphore::acquire) does, but no longer than `timeout`; `None` when there was no lease.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) after an interrupt.
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Option<SemaphoreGuard>> {
        Ok(self.leases.acquire(Some(timeout))?.map(|lease| SemaphoreGuard { lease }))
    }

    /// How many leases there are in all.
    pub fn leases(&self) -> usize {
        self.leases.count()
    }

    /// How many leases are free and nobody waits for.
    pub fn available(&self) -> usize {
        self.leases.available()
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("name", &self.name())
            .field("leases", &self.leases())
            .field("available", &self.available())
            .finish()
    }
}

/// A lease of a [`Semaphore`]; dropping it, on any thread, gives the lease back.
#[must_use = "the lease is given back when the guard is dropped"]
pub struct SemaphoreGuard {
    lease: Lease,
}

impl fmt::Debug for SemaphoreGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SemaphoreGuard").field("name", &self.lease.name()).finish()
    }
}

/// What all handles of a semaphore, or of a lock, share.
pub(super) struct Leases {
    /// How a person calls one of them, before the name.
    what: &'static str,
    name: String,
    count: usize,
    state: Mutex<State>,
}

struct State {
    free: usize,
    line: Line,
}

const DOOR: Door<State> = Door { line: |state| &mut state.line, is_open: |state| state.free > 0 };

impl State {
    /// Takes a lease, unless all that are free belong to those ahead.
    fn take(&mut self, ahead: usize) -> Option<()> {
        self.free = if self.free > ahead { self.free - 1 } else { return None };
        Some(())
    }
}

impl Leases {
    pub(super) fn new(what: &'static str, name: &str, count: usize) -> Self {
        Leases { what, name: name.to_owned(), count, state: Mutex::new(State { free: count, line: Line::default() }) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn available(&self) -> usize {
        let state = locked(&self.state);
        state.free.saturating_sub(state.line.len())
    }

    pub(super) fn acquire(self: &Arc<Self>, limit: Option<Duration>) -> Result<Option<Lease>> {
        let waiting_for = || format!("{} `{}`", self.what, self.name);
        let taken = DOOR.enter(&self.state, limit, waiting_for, State::take)?;
        Ok(taken.map(|()| Lease(Arc::clone(self))))
    }

    pub(super) fn try_acquire(self: &Arc<Self>) -> Option<Lease> {
        let mut state = locked(&self.state);
        let ahead = state.line.len();
        state.take(ahead).map(|()| Lease(Arc::clone(self)))
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        locked(&self.state).line.len()
    }
}

impl Named for Leases {
    fn is_worth_keeping(&self) -> bool {
        // A lease that is out holds on to this.
        false
    }
}

/// One lease that somebody has.
pub(super) struct Lease(Arc<Leases>);

impl Lease {
    pub(super) fn name(&self) -> &str {
        &self.0.name
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = locked(&self.0.state);
        state.free += 1;
        DOOR.wake_first(&mut state);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::super::Names;
    use super::super::testing::{SHORT, soon, within_patience};
    use super::*;

    fn semaphore(leases: usize) -> Semaphore {
        Names::default().semaphore("s", leases).unwrap()
    }

    #[test]
    fn leases_are_counted() -> Result<()> {
        let semaphore = semaphore(2);
        assert_eq!((semaphore.leases(), semaphore.available()), (2, 2));
        let first = semaphore.acquire()?;
        let second = semaphore.try_acquire();
        assert!(second.is_some());
        assert_eq!(semaphore.available(), 0);
        assert!(semaphore.try_acquire().is_none());
        assert!(semaphore.acquire_timeout(Duration::ZERO)?.is_none());
        assert!(semaphore.acquire_timeout(SHORT)?.is_none());
        assert_eq!(semaphore.leases.waiting(), 0, "who gives up leaves the line");
        drop(first);
        assert_eq!(semaphore.available(), 1);
        drop(second);
        assert_eq!(format!("{semaphore:?}"), "Semaphore { name: \"s\", leases: 2, available: 2 }");
        Ok(())
    }

    #[test]
    fn leases_go_in_the_order_of_arrival() {
        within_patience("a line of 8", || {
            let semaphore = semaphore(2);
            let held = (semaphore.acquire().unwrap(), semaphore.acquire().unwrap());
            let served = Mutex::new(Vec::new());
            let may_end = Names::default().event("end");
            thread::scope(|scope| {
                for number in 0..8 {
                    let (semaphore, served, may_end) = (&semaphore, &served, &may_end);
                    scope.spawn(move || {
                        let guard = semaphore.acquire().unwrap();
                        locked(served).push(number);
                        may_end.wait().unwrap();
                        drop(guard);
                    });
                    soon("it waits", || semaphore.leases.waiting() == number + 1);
                }
                // With both leases given back at once, the first two come in, in either order, and nobody else.
                drop(held);
                soon("two are served", || locked(&served).len() == 2);
                assert!(semaphore.try_acquire().is_none());
                let mut first = locked(&served).clone();
                first.sort_unstable();
                assert_eq!(first, [0, 1]);
                may_end.set();
            });
            assert_eq!(locked(&served).len(), 8);
            assert_eq!(semaphore.available(), 2);
        });
    }

    #[test]
    fn one_that_gives_up_does_not_keep_the_lease() {
        within_patience("1000 races of a timeout with a release", || {
            let semaphore = semaphore(1);
            for round in 0..1000_u64 {
                let held = semaphore.acquire().unwrap();
                thread::scope(|scope| {
                    scope.spawn(|| semaphore.acquire_timeout(Duration::from_micros(round % 150)).unwrap());
                    scope.spawn(|| semaphore.acquire().unwrap());
                    thread::sleep(Duration::from_micros(50));
                    drop(held);
                });
                assert_eq!((semaphore.available(), semaphore.leases.waiting()), (1, 0));
            }
        });
    }

    #[test]
    fn never_more_than_there_are_leases() {
        within_patience("6 threads with 1000 rounds", || {
            let semaphore = semaphore(3);
            let (inside, most, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
            thread::scope(|scope| {
                for _ in 0..6 {
                    scope.spawn(|| {
                        for round in 0..1000 {
                            let guard = match round % 3 {
                                0 => semaphore.acquire_timeout(Duration::from_secs(600)).unwrap(),
                                1 => semaphore.try_acquire(),
                                _ => None,
                            };
                            let _guard = guard.unwrap_or_else(|| semaphore.acquire().unwrap());
                            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                            thread::yield_now();
                            inside.fetch_sub(1, Ordering::SeqCst);
                            done.fetch_add(1, Ordering::SeqCst);
                        }
                    });
                }
            });
            assert!(most.into_inner() <= 3);
            assert_eq!(done.into_inner(), 6000);
            assert_eq!((semaphore.available(), semaphore.leases.waiting()), (3, 0));
        });
    }

    #[test]
    fn a_panic_gives_the_lease_back() {
        let semaphore = semaphore(1);
        let panicked = thread::spawn({
            let semaphore = semaphore.clone();
            move || {
                let _guard = semaphore.acquire();
                std::panic::resume_unwind(Box::new(()));
            }
        })
        .join();
        assert!(panicked.is_err());
        assert!(semaphore.try_acquire().is_some());
    }
}
