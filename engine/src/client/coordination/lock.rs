//! One at a time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::semaphore::{Lease, Leases};
use super::unlimited;
use crate::error::Result;

/// Lets one at a time do something, such as write to a file that several tasks share.
///
/// Like `distributed.Lock`. It protects no value of its own; a [`Variable`](super::Variable) or a `Mutex` does. The
/// lock goes to those who wait in the order in which they came, and cannot be taken twice: who holds it and acquires it
/// again waits for itself, until an interrupt. Clones, and locks of the same name, are one lock.
///
/// ```
/// # let client = taskloom::Client::new()?;
/// let lock = client.lock("report.csv");
/// {
///     let _guard = lock.acquire()?;
///     assert!(client.lock("report.csv").try_acquire().is_none());
/// } // the guard gives the lock back
/// assert!(!lock.is_locked());
/// # Ok::<(), taskloom::Error>(())
/// ```
#[derive(Clone)]
pub struct Lock {
    leases: Arc<Leases>,
}

impl Lock {
    /// `leases` has one lease.
    pub(super) fn new(leases: Arc<Leases>) -> Self {
        Lock { leases }
    }

    /// The lock's name.
    pub fn name(&self) -> &str {
        self.leases.name()
    }

    /// Waits for the lock; it is given back when the guard is dropped.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) after an interrupt.
    pub fn acquire(&self) -> Result<LockGuard> {
        unlimited(self.leases.acquire(None)).map(|lease| LockGuard { lease })
    }

    /// Takes the lock if it is free and nobody waits for it.
    #[must_use = "the lock is given back when the guard is dropped"]
    pub fn try_acquire(&self) -> Option<LockGuard> {
        self.leases.try_acquire().map(|lease| LockGuard { lease })
    }

    /// Waits as [`acquire`](Lock::acquire) does, but no longer than `timeout`; `None` when the lock was not free.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) after an interrupt.
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Option<LockGuard>> {
        Ok(self.leases.acquire(Some(timeout))?.map(|lease| LockGuard { lease }))
    }

    /// Whether somebody holds the lock, or is about to get it.
    pub fn is_locked(&self) -> bool {
        self.leases.available() == 0
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").field("name", &self.name()).field("is_locked", &self.is_locked()).finish()
    }
}

/// Says that its owner holds a [`Lock`]; dropping it, on any thread, gives the lock back.
#[must_use = "the lock is given back when the guard is dropped"]
pub struct LockGuard {
    lease: Lease,
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard").field("name", &self.lease.name()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::super::testing::{SHORT, soon, within_patience};
    use super::super::{Names, locked};
    use super::*;

    #[test]
    fn one_at_a_time() -> Result<()> {
        let lock = Names::default().lock("l");
        let guard = lock.acquire()?;
        assert!(lock.is_locked());
        assert!(lock.try_acquire().is_none());
        assert!(lock.acquire_timeout(Duration::ZERO)?.is_none());
        assert!(lock.acquire_timeout(SHORT)?.is_none());
        assert_eq!(format!("{lock:?} {guard:?}"), "Lock { name: \"l\", is_locked: true } LockGuard { name: \"l\" }");
        drop(guard);
        assert!(!lock.is_locked());
        assert!(lock.acquire_timeout(SHORT)?.is_some());
        assert!(!lock.is_locked());
        Ok(())
    }

    #[test]
    fn a_guard_may_be_dropped_on_another_thread() -> Result<()> {
        let lock = Names::default().lock("l");
        let guard = lock.acquire()?;
        thread::spawn(move || drop(guard)).join().unwrap();
        assert!(!lock.is_locked());
        Ok(())
    }

    #[test]
    fn the_lock_goes_in_the_order_of_arrival() {
        within_patience("a line of 10", || {
            let lock = Names::default().lock("l");
            let guard = lock.acquire().unwrap();
            let served = Mutex::new(Vec::new());
            thread::scope(|scope| {
                for number in 0..10 {
                    let (lock, served) = (&lock, &served);
                    scope.spawn(move || {
                        let _guard = lock.acquire().unwrap();
                        locked(served).push(number);
                    });
                    soon("it waits", || lock.leases.waiting() == number + 1);
                }
                drop(guard);
                // Whoever comes now comes last, whether it waits or only tries.
                let _guard = lock.acquire().unwrap();
                assert_eq!(*locked(&served), (0..10).collect::<Vec<_>>());
            });
        });
    }

    #[test]
    fn nobody_gets_it_twice_while_another_waits() {
        within_patience("1000 turns", || {
            let lock = Names::default().lock("l");
            let taken = Mutex::new(Vec::new());
            thread::scope(|scope| {
                for number in 0..2 {
                    let (lock, taken) = (&lock, &taken);
                    scope.spawn(move || {
                        for _ in 0..1000 {
                            let _guard = lock.acquire().unwrap();
                            locked(taken).push((number, lock.leases.waiting()));
                        }
                    });
                }
            });
            let taken = locked(&taken);
            assert_eq!(taken.len(), 2000);
            for pair in taken.windows(2) {
                assert!(pair[0].1 == 0 || pair[0].0 != pair[1].0, "the other one waited, and was passed over");
            }
        });
    }

    #[test]
    fn what_it_protects_stays_whole() {
        within_patience("4 threads with 1000 rounds", || {
            let names = Names::default();
            let count = AtomicU64::new(0);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for _ in 0..1000 {
                            let _guard = names.lock("count").acquire().unwrap();
                            // Two steps, between which another thread would be noticed.
                            let before = count.load(Ordering::Relaxed);
                            thread::yield_now();
                            count.store(before + 1, Ordering::Relaxed);
                        }
                    });
                }
            });
            assert_eq!(count.into_inner(), 4000);
        });
    }
}
