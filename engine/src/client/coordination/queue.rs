//! Values on their way from many to many.

use std::any::type_name;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::names::{Named, OfValues};
use super::{Door, Line, locked, unlimited};
use crate::error::Result;

/// Values that tasks and the main program hand on: first in, first out, each to one taker.
///
/// Like `distributed.Queue`. Takers are served in the order in which they came, and so are those who wait for room in a
/// queue that has a `maxsize`. Clones, and queues of the same name, are one queue; it stays as long as there are values
/// in it.
///
/// ```
/// # let client = taskloom::Client::new()?;
/// let lines = client.queue::<String>("lines", 0)?;
/// std::thread::scope(|scope| {
///     scope.spawn(|| ["loom", "weft"].iter().try_for_each(|line| lines.put((*line).to_owned())));
///     assert_eq!(lines.get()?, "loom");
///     assert_eq!(lines.get()?, "weft");
///     Ok::<(), taskloom::Error>(())
/// })?;
/// # Ok::<(), taskloom::Error>(())
/// ```
pub struct Queue<T> {
    items: Arc<Items<T>>,
}

/// What all handles of a queue share.
pub(super) struct Items<T> {
    name: String,
    maxsize: usize,
    state: Mutex<State<T>>,
}

struct State<T> {
    items: VecDeque<T>,
    maxsize: usize,
    /// Items at the front that the first taker collects for a batch. They take no room: a batch may be larger than the
    /// queue. They stay in the queue until the batch is whole, so that a wait that is interrupted loses none.
    set_aside: usize,
    takers: Line,
    putters: Line,
}

impl<T> State<T> {
    const TAKERS: Door<Self> = Door { line: |state| &mut state.takers, is_open: |state| !state.items.is_empty() };
    const PUTTERS: Door<Self> = Door { line: |state| &mut state.putters, is_open: Self::has_room };

    fn has_room(&self) -> bool {
        self.maxsize == 0 || self.items.len() - self.set_aside < self.maxsize
    }

    /// Puts the value in, or leaves it where it is.
    fn put(&mut self, ahead: usize, value: &mut Option<T>) -> Option<()> {
        if ahead > 0 || !self.has_room() {
            return None;
        }
        self.items.push_back(value.take()?);
        Self::TAKERS.wake_first(self);
        Some(())
    }

    fn get(&mut self, ahead: usize) -> Option<T> {
        if ahead > 0 {
            return None;
        }
        // One who collected a batch may have given up.
        self.set_aside = 0;
        let value = self.items.pop_front()?;
        Self::PUTTERS.wake_first(self);
        Some(value)
    }

    fn get_batch(&mut self, ahead: usize, n: usize) -> Option<Vec<T>> {
        if ahead > 0 {
            return None;
        }
        let batch = if self.items.len() < n {
            self.set_aside = self.items.len();
            None
        } else {
            self.set_aside = 0;
            Some(self.items.drain(..n).collect())
        };
        Self::PUTTERS.wake_first(self);
        batch
    }
}

impl<T> Items<T> {
    pub(super) fn new(name: &str, maxsize: usize) -> Self {
        let (takers, putters) = Default::default();
        let state = State { items: VecDeque::new(), maxsize, set_aside: 0, takers, putters };
        Items { name: name.to_owned(), maxsize, state: Mutex::new(state) }
    }
}

impl<T> Named for Items<T> {
    fn is_worth_keeping(&self) -> bool {
        !locked(&self.state).items.is_empty()
    }
}

impl<T: Send + 'static> OfValues for Items<T> {
    fn value_type(&self) -> &'static str {
        type_name::<T>()
    }
}

impl<T> Queue<T> {
    pub(super) fn new(items: Arc<Items<T>>) -> Self {
        Queue { items }
    }

    /// The queue's name.
    pub fn name(&self) -> &str {
        &self.items.name
    }

    /// Puts a value at the end; waits while the queue is full.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) after an interrupt; the value is dropped.
    pub fn put(&self, value: T) -> Result<()> {
        unlimited(self.put_within(&mut Some(value), None))
    }

    /// Puts a value at the end if there is room that nobody waits for.
    ///
    /// # Errors
    /// Gives the value back when the queue is full.
    pub fn try_put(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        {
            let mut state = locked(&self.items.state);
            let ahead = state.putters.len();
            state.put(ahead, &mut value);
        }
        value.map_or(Ok(()), Err)
    }

    /// Waits as [`put`](Queue::put) does, but no longer than `timeout`; gives the value back, as the inner `Err`, when
    /// the queue was full all the time.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) after an interrupt; the value is dropped.
    pub fn put_timeout(&self, value: T, timeout: Duration) -> Result<Result<(), T>> {
        let mut value = Some(value);
        self.put_within(&mut value, Some(timeout))?;
        Ok(value.map_or(Ok(()), Err))
    }

    fn put_within(&self, value: &mut Option<T>, limit: Option<Duration>) -> Result<Option<()>> {
        let waiting_for = || format!("room in the queue `{}`", self.items.name);
        State::PUTTERS.enter(&self.items.state, limit, waiting_for, |state, ahead| state.put(ahead, value))
    }

    /// Takes the first value; waits until there is one.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) after an interrupt.
    pub fn get(&self) -> Result<T> {
        unlimited(self.get_within(None))
    }

    /// Takes the first value if there is one that nobody waits for.
    pub fn try_get(&self) -> Option<T> {
        let mut state = locked(&self.items.state);
        let ahead = state.takers.len();
        state.get(ahead)
    }

    /// Waits as [`get`](Queue::get) does, but no longer than `timeout`; `None` when there was no value.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) after an interrupt.
    pub fn get_timeout(&self, timeout: Duration) -> Result<Option<T>> {
        self.get_within(Some(timeout))
    }

    fn get_within(&self, limit: Option<Duration>) -> Result<Option<T>> {
        State::TAKERS.enter(&self.items.state, limit, || self.waiting_for_value(), State::get)
    }

    /// Takes the first `n` values; waits until there are so many.
    ///
    /// The batch is taken as a whole, and later takers wait behind it. It may be larger than the queue's `maxsize`: for
    /// what it already has, others find room.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) after an interrupt; all values are still in the queue.
    pub fn get_batch(&self, n: usize) -> Result<Vec<T>> {
        if n == 0 {
            return Ok(Vec::new());
        }
        let attempt = |state: &mut State<T>, ahead| state.get_batch(ahead, n);
        let batch = unlimited(State::TAKERS.enter(&self.items.state, None, || self.waiting_for_value(), attempt));
        if batch.is_err() {
            let mut state = locked(&self.items.state);
            // With others in line, it is theirs to say.
            if state.takers.len() == 0 {
                state.set_aside = 0;
            }
        }
        batch
    }

    /// Takes all values that are there now and nobody waits for; waits for none.
    pub fn get_all(&self) -> Vec<T> {
        let mut state = locked(&self.items.state);
        let (ahead, n) = (state.takers.len(), state.items.len());
        state.get_batch(ahead, n).unwrap_or_default()
    }

    fn waiting_for_value(&self) -> String {
        format!("a value of the queue `{}`", self.items.name)
    }

    /// How many values are in the queue; more than [`maxsize`](Queue::maxsize) only while somebody waits for a batch,
    /// or gave up waiting for one.
    pub fn len(&self) -> usize {
        locked(&self.items.state).items.len()
    }

    /// Whether there is no value in the queue.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values the queue has room for; 0 when there is no limit.
    pub fn maxsize(&self) -> usize {
        self.items.maxsize
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue { items: Arc::clone(&self.items) }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("name", &self.name())
            .field("len", &self.len())
            .field("maxsize", &self.maxsize())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::super::Names;
    use super::super::testing::{SHORT, soon, within_patience};
    use super::*;

    fn queue<T: Send + 'static>(maxsize: usize) -> Queue<T> {
        Names::default().queue("q", maxsize).unwrap()
    }

    impl<T> Queue<T> {
        fn waiting(&self) -> (usize, usize) {
            let state = locked(&self.items.state);
            (state.takers.len(), state.putters.len())
        }
    }

    #[test]
    fn first_in_first_out() -> Result<()> {
        let queue = queue(0);
        assert!(queue.is_empty() && queue.try_get().is_none());
        assert_eq!(queue.get_timeout(Duration::ZERO)?, None);
        assert_eq!(queue.get_timeout(SHORT)?, None);
        (0..5).try_for_each(|n| queue.put(n))?;
        assert_eq!(queue.try_put(5), Ok(()));
        assert_eq!((queue.len(), queue.maxsize()), (6, 0));
        assert_eq!(queue.get()?, 0);
        assert_eq!(queue.try_get(), Some(1));
        assert_eq!(queue.clone().get_timeout(SHORT)?, Some(2));
        assert_eq!(queue.get_batch(2)?, [3, 4]);
        assert_eq!(queue.get_batch(0)?, [0; 0]);
        assert_eq!(queue.get_all(), [5]);
        assert_eq!(queue.get_all(), [0; 0]);
        assert_eq!(format!("{queue:?}"), "Queue { name: \"q\", len: 0, maxsize: 0 }");
        Ok(())
    }

    #[test]
    fn values_need_not_be_cloned_or_shared() -> Result<()> {
        struct Once(std::cell::Cell<i32>);
        let queue = queue(0);
        queue.put(Once(std::cell::Cell::new(3)))?;
        assert_eq!(queue.get()?.0.get(), 3);
        Ok(())
    }

    #[test]
    fn a_full_queue_makes_putters_wait() {
        within_patience("a queue of two", || {
            let queue = queue(2);
            queue.put(0).unwrap();
            assert_eq!(queue.put_timeout(1, Duration::ZERO).unwrap(), Ok(()));
            assert_eq!(queue.try_put(2), Err(2));
            assert_eq!(queue.put_timeout(2, SHORT).unwrap(), Err(2), "the value comes back");
            thread::scope(|scope| {
                for n in 2..6 {
                    let queue = &queue;
                    scope.spawn(move || queue.put(n).unwrap());
                    soon("it waits", || queue.waiting() == (0, n - 1));
                }
                // Putters come in the order of arrival, takers never see more than two.
                for n in 0..6 {
                    assert!(queue.len() <= 2);
                    assert_eq!(queue.get().unwrap(), n);
                }
            });
            assert_eq!((queue.len(), queue.waiting()), (0, (0, 0)));
        });
    }

    #[test]
    fn takers_are_served_in_the_order_of_arrival() {
        within_patience("a line of takers", || {
            let queue = queue(0);
            let got = Mutex::new(Vec::new());
            thread::scope(|scope| {
                for number in 0..6 {
                    let (queue, got) = (&queue, &got);
                    scope.spawn(move || {
                        let value = queue.get().unwrap();
                        locked(got).push((number, value));
                    });
                    soon("it waits", || queue.waiting().0 == number + 1);
                }
                (0..6).for_each(|n| queue.put(n).unwrap());
            });
            let mut got = got.into_inner().unwrap();
            got.sort_unstable();
            assert_eq!(got, (0..6).map(|n| (n, n)).collect::<Vec<_>>());
        });
    }

    #[test]
    fn batches_are_whole_and_may_exceed_the_queue() {
        within_patience("two batches of 10 from a queue of 3", || {
            let queue = queue(3);
            thread::scope(|scope| {
                let batches: Vec<_> = (0..2)
                    .map(|number| {
                        let batch = scope.spawn(|| queue.get_batch(10).unwrap());
                        soon("it waits", || queue.waiting().0 == number + 1);
                        batch
                    })
                    .collect();
                (0..22).for_each(|n| queue.put(n).unwrap());
                let batches: Vec<_> = batches.into_iter().map(|batch| batch.join().unwrap()).collect();
                assert_eq!(batches, [(0..10).collect::<Vec<_>>(), (10..20).collect()]);
            });
            assert_eq!(queue.len(), 2);
            assert_eq!((queue.try_put(0), queue.try_put(0)), (Ok(()), Err(0)), "there is room for 3 again");
        });
    }

    #[test]
    fn what_many_put_many_get_exactly_once() {
        within_patience("3 putters and 3 takers with 1000 values each", || {
            for maxsize in [0, 1, 7] {
                let queue = queue(maxsize);
                let mut got: Vec<(usize, usize)> = thread::scope(|scope| {
                    for putter in 0..3 {
                        let queue = &queue;
                        scope.spawn(move || {
                            for n in 0..1000 {
                                match n % 3 {
                                    0 => queue.put((putter, n)).unwrap(),
                                    1 => queue.put_timeout((putter, n), Duration::from_secs(600)).unwrap().unwrap(),
                                    _ => queue.try_put((putter, n)).or_else(|value| queue.put(value)).unwrap(),
                                }
                            }
                        });
                    }
                    let takers: Vec<_> = (0..3)
                        .map(|_| {
                            scope.spawn(|| {
                                let mut got: Vec<(usize, usize)> = Vec::new();
                                while got.len() < 1000 {
                                    match got.len() % 4 {
                                        0 if got.len() + 5 < 1000 => got.extend(queue.get_batch(5).unwrap()),
                                        1 => got.extend(queue.try_get()),
                                        2 => got.extend(queue.get_timeout(Duration::from_micros(20)).unwrap()),
                                        _ => got.push(queue.get().unwrap()),
                                    }
                                    // try_get may have had no luck; then the next round must not only try again.
                                    if got.len() % 4 == 1 {
                                        got.push(queue.get().unwrap());
                                    }
                                }
                                for putter in 0..3 {
                                    let of_one = got.iter().filter(|value| value.0 == putter);
                                    assert!(of_one.is_sorted(), "a putter's values are in order");
                                }
                                got
                            })
                        })
                        .collect();
                    takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect()
                });
                got.sort_unstable();
                assert_eq!(got.len(), 3000);
                got.dedup();
                assert_eq!(got.len(), 3000);
                assert_eq!((queue.len(), queue.waiting()), (0, (0, 0)));
            }
        });
    }

    #[test]
    fn one_that_gives_up_passes_the_value_on() {
        within_patience("1000 races of a timeout with a put", || {
            let queue = queue(0);
            for round in 0..1000_u64 {
                thread::scope(|scope| {
                    let hasty = scope.spawn(|| queue.get_timeout(Duration::from_micros(round % 150)).unwrap());
                    let patient = scope.spawn(|| queue.get().unwrap());
                    thread::sleep(Duration::from_micros(50));
                    queue.put(round).unwrap();
                    if hasty.join().unwrap().is_some() {
                        queue.put(round).unwrap();
                    }
                    assert_eq!(patient.join().unwrap(), round);
                });
                assert_eq!((queue.len(), queue.waiting()), (0, (0, 0)));
            }
        });
    }
}
