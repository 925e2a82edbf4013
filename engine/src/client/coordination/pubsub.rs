//! Messages to all who listen.

use std::any::type_name;
use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use super::names::{Named, OfValues};
use super::{Door, Line, locked, unlimited};
use crate::error::Result;

/// Tells something to all who listen to a topic.
///
/// Like `distributed.Pub`. A topic may have many publishers and many subscribers; all subscribers get the messages in
/// the same order.
///
/// ```
/// # let client = taskloom::Client::new()?;
/// let losses = client.publisher::<f64>("loss")?;
/// losses.put(1.5); // nobody listens yet
/// let subscriber = client.subscriber::<f64>("loss")?;
/// losses.put(0.7);
/// assert_eq!(subscriber.next()?, 0.7);
/// assert_eq!(losses.subscribers(), 1);
/// # Ok::<(), taskloom::Error>(())
/// ```
pub struct Publisher<T> {
    topic: Arc<Topic<T>>,
}

/// Listens to a topic: gets each message that is published from when it was made.
///
/// Like `distributed.Sub`. Messages wait in a buffer without a limit until they are taken. A clone shares the buffer:
/// each message goes to one of the clones. For a buffer of its own, ask the client for another subscriber.
///
/// ```
/// # let client = taskloom::Client::new()?;
/// let subscriber = client.subscriber("steps")?;
/// let publisher = client.publisher("steps")?;
/// (1..=3).for_each(|step| publisher.put(step));
/// let steps: Vec<i32> = subscriber.iter().take(3).collect::<Result<_, _>>()?;
/// assert_eq!(steps, [1, 2, 3]);
/// # Ok::<(), taskloom::Error>(())
/// ```
pub struct Subscriber<T> {
    /// Keeps the topic's name: a publisher that comes later is to find this subscriber.
    topic: Arc<Topic<T>>,
    buffer: Arc<Buffer<T>>,
}

/// What all publishers and subscribers of a topic share.
pub(super) struct Topic<T> {
    name: String,
    subscribers: Mutex<Vec<Weak<Buffer<T>>>>,
}

/// What a subscriber has not taken yet. All buffers of a topic share a message; it is cloned, and dropped, outside all
/// locks, since both run code of the user.
struct Buffer<T>(Mutex<State<T>>);

struct State<T> {
    messages: VecDeque<Arc<T>>,
    takers: Line,
}

impl<T> State<T> {
    const TAKERS: Door<Self> = Door { line: |state| &mut state.takers, is_open: |state| !state.messages.is_empty() };

    fn take(&mut self, ahead: usize) -> Option<Arc<T>> {
        if ahead == 0 { self.messages.pop_front() } else { None }
    }
}

impl<T> Topic<T> {
    pub(super) fn new(name: &str) -> Self {
        Topic { name: name.to_owned(), subscribers: Mutex::default() }
    }
}

impl<T> Named for Topic<T> {
    fn is_worth_keeping(&self) -> bool {
        // Subscribers hold on to it, and without any there is nothing that a message could change.
        false
    }
}

impl<T: Send + Sync + 'static> OfValues for Topic<T> {
    fn value_type(&self) -> &'static str {
        type_name::<T>()
    }
}

impl<T> Publisher<T> {
    pub(super) fn new(topic: Arc<Topic<T>>) -> Self {
        Publisher { topic }
    }

    /// The name of the topic.
    pub fn topic(&self) -> &str {
        &self.topic.name
    }

    /// Sends a message to all who subscribe now; without any it is dropped. Never waits for them.
    pub fn put(&self, message: T) {
        let message = Arc::new(message);
        // Held to the end, so that all subscribers get all messages in the same order.
        let mut subscribers = locked(&self.topic.subscribers);
        // The buffers must not be dropped under the lock either: there may be messages in them.
        let mut reached = Vec::with_capacity(subscribers.len());
        subscribers.retain(|subscriber| {
            let buffer = subscriber.upgrade();
            let is_there = buffer.is_some();
            reached.extend(buffer);
            is_there
        });
        for buffer in &reached {
            let mut state = locked(&buffer.0);
            state.messages.push_back(Arc::clone(&message));
            State::TAKERS.wake_first(&mut state);
        }
        drop(subscribers);
    }

    /// How many subscribers the topic has now; clones of one count once.
    pub fn subscribers(&self) -> usize {
        locked(&self.topic.subscribers).iter().filter(|subscriber| subscriber.strong_count() > 0).count()
    }
}

impl<T> Clone for Publisher<T> {
    fn clone(&self) -> Self {
        Publisher { topic: Arc::clone(&self.topic) }
    }
}

impl<T> fmt::Debug for Publisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("topic", &self.topic()).field("subscribers", &self.subscribers()).finish()
    }
}

impl<T> Subscriber<T> {
    pub(super) fn new(topic: Arc<Topic<T>>) -> Self {
        let state = State { messages: VecDeque::new(), takers: Line::default() };
        let buffer = Arc::new(Buffer(Mutex::new(state)));
        {
            let mut subscribers = locked(&topic.subscribers);
            // Here too: on a topic where nobody publishes, subscribers may come and go.
            subscribers.retain(|subscriber| subscriber.strong_count() > 0);
            subscribers.push(Arc::downgrade(&buffer));
        }
        Subscriber { topic, buffer }
    }

    /// The name of the topic.
    pub fn topic(&self) -> &str {
        &self.topic.name
    }

    /// How many messages wait to be taken.
    pub fn len(&self) -> usize {
        locked(&self.buffer.0).messages.len()
    }

    /// Whether no message waits to be taken.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn next_within(&self, limit: Option<Duration>) -> Result<Option<Arc<T>>> {
        let waiting_for = || format!("a message of the topic `{}`", self.topic.name);
        State::TAKERS.enter(&self.buffer.0, limit, waiting_for, State::take)
    }
}

impl<T: Clone> Subscriber<T> {
    /// Takes the next message; waits until there is one.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) after an interrupt.
    // The name of Python's iterators. It has other arguments than `Iterator::next`; iterating is for `iter`.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&self) -> Result<T> {
        unlimited(self.next_within(None)).map(Arc::unwrap_or_clone)
    }

    /// Waits as [`next`](Subscriber::next) does, but no longer than `timeout`; `None` when there was no message.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) after an interrupt.
    pub fn next_timeout(&self, timeout: Duration) -> Result<Option<T>> {
        Ok(self.next_within(Some(timeout))?.map(Arc::unwrap_or_clone))
    }

    /// Takes the next message if there is one that nobody waits for.
    pub fn try_next(&self) -> Option<T> {
        let message = {
            let mut state = locked(&self.buffer.0);
            let ahead = state.takers.len();
            state.take(ahead)
        };
        message.map(Arc::unwrap_or_clone)
    }

    /// The messages, one after the other; waits for each. It ends after the error of an interrupt, and never by itself:
    /// another publisher may always come.
    pub fn iter(&self) -> Messages<'_, T> {
        Messages { subscriber: Some(self) }
    }
}

impl<'a, T: Clone> IntoIterator for &'a Subscriber<T> {
    type Item = Result<T>;
    type IntoIter = Messages<'a, T>;

    fn into_iter(self) -> Messages<'a, T> {
        self.iter()
    }
}

impl<T> Clone for Subscriber<T> {
    fn clone(&self) -> Self {
        Subscriber { topic: Arc::clone(&self.topic), buffer: Arc::clone(&self.buffer) }
    }
}

impl<T> fmt::Debug for Subscriber<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("topic", &self.topic()).field("len", &self.len()).finish()
    }
}

/// The messages that a [`Subscriber`] gets, from [`Subscriber::iter`].
#[derive(Debug)]
pub struct Messages<'a, T> {
    subscriber: Option<&'a Subscriber<T>>,
}

impl<T: Clone> Iterator for Messages<'_, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        let message = self.subscriber?.next();
        if message.is_err() {
            self.subscriber = None;
        }
        Some(message)
    }
}

impl<T: Clone> FusedIterator for Messages<'_, T> {}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::super::Names;
    use super::super::testing::{SHORT, soon, within_patience};
    use super::*;

    #[test]
    fn each_subscriber_gets_what_comes_after_it() -> Result<()> {
        let names = Names::default();
        let publisher = names.publisher("t")?;
        publisher.put("lost".to_owned());
        let first = names.subscriber::<String>("t")?;
        publisher.put("a".to_owned());
        let second = names.subscriber::<String>("t")?;
        names.publisher("t")?.put("b".to_owned());
        assert_eq!(publisher.subscribers(), 2);
        assert_eq!((first.len(), second.len()), (2, 1));
        assert_eq!((first.next()?, first.next()?, second.next()?), ("a".into(), "b".into(), "b".into()));
        assert!(first.is_empty());
        assert_eq!(first.try_next(), None);
        assert_eq!(first.next_timeout(Duration::ZERO)?, None);
        assert_eq!(first.next_timeout(SHORT)?, None);
        drop(first);
        assert_eq!(publisher.subscribers(), 1);
        assert_eq!(format!("{publisher:?}"), "Publisher { topic: \"t\", subscribers: 1 }");
        assert_eq!(format!("{second:?}"), "Subscriber { topic: \"t\", len: 0 }");
        Ok(())
    }

    #[test]
    fn a_topic_lives_from_its_subscribers() -> Result<()> {
        let names = Names::default();
        let subscriber = names.subscriber::<i32>("t")?;
        drop(names.publisher::<i32>("t")?);
        names.publisher("t")?.put(1);
        assert_eq!(subscriber.next()?, 1);
        drop(subscriber);
        assert!(names.publisher::<String>("t").is_ok());
        Ok(())
    }

    #[test]
    fn a_clone_shares_the_buffer() -> Result<()> {
        let names = Names::default();
        let publisher = names.publisher("t")?;
        let subscriber = names.subscriber("t")?;
        let clone = subscriber.clone();
        assert_eq!(publisher.subscribers(), 1);
        publisher.put(1);
        publisher.put(2);
        assert_eq!((clone.next()?, subscriber.next()?), (1, 2));
        drop(subscriber);
        publisher.put(3);
        assert_eq!(clone.try_next(), Some(3));
        Ok(())
    }

    #[test]
    fn subscribers_that_went_leave_nothing() -> Result<()> {
        let names = Names::default();
        let publisher = names.publisher::<Vec<u8>>("t")?;
        for _ in 0..1000 {
            names.subscriber::<Vec<u8>>("t")?;
        }
        assert!(locked(&publisher.topic.subscribers).len() <= 1);
        let message = Arc::new(1);
        let shared = names.publisher::<Arc<i32>>("u")?;
        let subscriber = names.subscriber::<Arc<i32>>("u")?;
        shared.put(Arc::clone(&message));
        drop(subscriber);
        assert_eq!(Arc::strong_count(&message), 1, "a buffer goes with its subscriber");
        Ok(())
    }

    #[test]
    fn all_get_all_in_one_order() {
        within_patience("2 publishers with 1000 messages, 3 subscribers", || {
            let names = Names::default();
            let subscribers: Vec<_> = (0..3).map(|_| names.subscriber::<(usize, usize)>("t").unwrap()).collect();
            let got: Vec<Vec<_>> = thread::scope(|scope| {
                for number in 0..2 {
                    let publisher = names.publisher::<(usize, usize)>("t").unwrap();
                    scope.spawn(move || (0..1000).for_each(|n| publisher.put((number, n))));
                }
                let readers: Vec<_> = subscribers
                    .iter()
                    .map(|subscriber| scope.spawn(|| subscriber.iter().take(2000).map(Result::unwrap).collect()))
                    .collect();
                readers.into_iter().map(|reader| reader.join().unwrap()).collect()
            });
            assert!(got[1] == got[0] && got[2] == got[0]);
            for number in 0..2 {
                assert!(got[0].iter().filter(|message| message.0 == number).is_sorted());
            }
            assert!(subscribers.iter().all(Subscriber::is_empty));
        });
    }

    #[test]
    fn one_who_waits_is_woken_by_each_message() {
        within_patience("1000 questions and answers", || {
            let names = Names::default();
            let (questions, answers) = (names.subscriber::<u32>("q").unwrap(), names.subscriber::<u32>("a").unwrap());
            thread::scope(|scope| {
                scope.spawn(|| {
                    let publisher = names.publisher("a").unwrap();
                    for question in questions.iter().take(1000) {
                        publisher.put(question.unwrap() + 1);
                    }
                });
                let publisher = names.publisher("q").unwrap();
                for n in 0..1000 {
                    publisher.put(n);
                    assert_eq!(answers.next().unwrap(), n + 1);
                }
            });
        });
    }

    #[test]
    fn those_who_share_a_subscriber_are_served_in_order() {
        within_patience("a line of 4", || {
            let names = Names::default();
            let subscriber = names.subscriber::<usize>("t").unwrap();
            let publisher = names.publisher::<usize>("t").unwrap();
            thread::scope(|scope| {
                let readers: Vec<_> = (0..4)
                    .map(|number| {
                        let clone = subscriber.clone();
                        let reader = scope.spawn(move || clone.next().unwrap());
                        soon("it waits", || locked(&subscriber.buffer.0).takers.len() == number + 1);
                        reader
                    })
                    .collect();
                (0..4).for_each(|n| publisher.put(n));
                let got: Vec<_> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
                assert_eq!(got, [0, 1, 2, 3]);
            });
        });
    }
}
