//! A flag that many wait for.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::names::Named;
use super::{locked, unlimited, wait};
use crate::error::Result;

/// A flag, at first not set, that tasks and the main program set, clear, and wait for.
///
/// Like `distributed.Event`. Clones, and events of the same name, are one flag. An event that is set stays so when its
/// last handle is gone.
///
/// ```
/// # let client = taskloom::Client::new()?;
/// let ready = client.event("ready");
/// std::thread::scope(|scope| {
///     let waiter = scope.spawn(|| client.event("ready").wait());
///     ready.set();
///     waiter.join().unwrap()
/// })?;
/// assert!(ready.is_set());
/// # Ok::<(), taskloom::Error>(())
/// ```
#[derive(Clone)]
pub struct Event {
    flag: Arc<Flag>,
}

/// What all handles of an event share.
pub(super) struct Flag {
    name: String,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_set: bool,
    /// Counts the calls of `set`: one who waits must not miss a set that a clear follows at once.
    sets: u64,
}

impl State {
    /// Whether the event is set, or was since the first call with this `sets_before`.
    fn was_set_since(&self, sets_before: &mut Option<u64>) -> bool {
        let sets_before = *sets_before.get_or_insert(self.sets);
        self.is_set || self.sets != sets_before
    }
}

impl Flag {
    pub(super) fn new(name: &str) -> Self {
        Flag { name: name.to_owned(), state: Mutex::default(), changed: Condvar::new() }
    }
}

impl Named for Flag {
    fn is_worth_keeping(&self) -> bool {
        locked(&self.state).is_set
    }
}

impl Event {
    pub(super) fn new(flag: Arc<Flag>) -> Self {
        Event { flag }
    }

    /// The event's name.
    pub fn name(&self) -> &str {
        &self.flag.name
    }

    /// Waits until the event is set; comes back at once when it is.
    ///
    /// A [`set`](Event::set) ends the wait of all who wait at that moment, even if [`clear`](Event::clear) follows
    /// before they run again.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) after an interrupt.
    pub fn wait(&self) -> Result<()> {
        unlimited(self.wait_within(None))
    }

    /// Waits as [`wait`](Event::wait) does, but no longer than `timeout`; gives whether the event was set.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) after an interrupt.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<bool> {
        Ok(self.wait_within(Some(timeout))?.is_some())
    }

    fn wait_within(&self, limit: Option<Duration>) -> Result<Option<()>> {
        let mut sets_before = None;
        let waiting_for = || format!("the event `{}`", self.flag.name);
        wait(&self.flag.state, &self.flag.changed, limit, waiting_for, |state| {
            state.was_set_since(&mut sets_before).then_some(())
        })
    }

    /// Sets the event and wakes all who wait for it.
    pub fn set(&self) {
        let mut state = locked(&self.flag.state);
        state.is_set = true;
        state.sets += 1;
        self.flag.changed.notify_all();
    }

    /// Clears the event: who waits from now on waits for the next [`set`](Event::set).
    pub fn clear(&self) {
        locked(&self.flag.state).is_set = false;
    }

    /// Whether the event is set now.
    pub fn is_set(&self) -> bool {
        locked(&self.flag.state).is_set
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("name", &self.name()).field("is_set", &self.is_set()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::super::Names;
    use super::super::testing::{SHORT, soon, within_patience};
    use super::*;

    #[test]
    fn set_clear_and_wait() -> Result<()> {
        let event = Names::default().event("e");
        assert!(!event.is_set());
        assert!(!event.wait_timeout(Duration::ZERO)?);
        assert!(!event.wait_timeout(SHORT)?);
        event.set();
        event.set();
        assert!(event.is_set() && event.wait_timeout(Duration::ZERO)?);
        event.wait()?;
        event.clone().clear();
        assert!(!event.is_set() && !event.wait_timeout(SHORT)?);
        assert_eq!(format!("{event:?}"), "Event { name: \"e\", is_set: false }");
        Ok(())
    }

    #[test]
    fn a_limit_beyond_all_clocks_is_none() {
        let event = Names::default().event("e");
        within_patience("a wait with a huge limit", move || {
            let waiter = thread::spawn({
                let event = event.clone();
                move || event.wait_timeout(Duration::MAX)
            });
            thread::sleep(SHORT);
            event.set();
            assert!(waiter.join().unwrap().unwrap());
        });
    }

    #[test]
    fn a_set_that_is_cleared_at_once_wakes_all_who_waited() {
        within_patience("1000 pulses", || {
            let event = Names::default().event("pulse");
            let (round, begun, woken) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        for number in 1..=1000 {
                            soon("the round begins", || round.load(Ordering::SeqCst) == number);
                            let mut sets_before = None;
                            // As `Event::wait` does, but telling when it has looked for the first time.
                            let outcome = wait(&event.flag.state, &event.flag.changed, None, String::new, |state| {
                                let is_first = sets_before.is_none();
                                let was_set = state.was_set_since(&mut sets_before);
                                begun.fetch_add(usize::from(is_first), Ordering::SeqCst);
                                was_set.then_some(())
                            });
                            unlimited(outcome).unwrap();
                            woken.fetch_add(1, Ordering::SeqCst);
                        }
                    });
                }
                for number in 1..=1000 {
                    round.store(number, Ordering::SeqCst);
                    soon("all wait", || begun.load(Ordering::SeqCst) == 3 * number);
                    event.set();
                    event.clear();
                    soon("all are woken", || woken.load(Ordering::SeqCst) == 3 * number);
                }
            });
        });
    }

    #[test]
    fn two_take_turns_a_thousand_times() {
        within_patience("1000 rounds of ping-pong", || {
            let names = Names::default();
            let (ping, pong) = (names.event("ping"), names.event("pong"));
            thread::scope(|scope| {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        ping.wait().unwrap();
                        ping.clear();
                        pong.set();
                    }
                });
                for _ in 0..1000 {
                    ping.set();
                    pong.wait().unwrap();
                    pong.clear();
                }
            });
        });
    }

    #[test]
    fn each_set_reaches_everybody() {
        within_patience("1000 events with 4 waiters", || {
            let names = Names::default();
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..1000).for_each(|round| names.event(&round.to_string()).wait().unwrap()));
                }
                (0..1000).for_each(|round| names.event(&round.to_string()).set());
            });
        });
    }
}
