//! State that lives in one place, and calls on it that come one at a time.

use std::any::Any;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard};

use super::dispatcher::Dispatcher;
use super::job::Job;
use super::{Future, future, running};
use crate::error::{Error, TaskError};
use crate::task::{Failure, Value};

/// So many calls a turn; then other work of the client has one.
const CALLS_A_TURN: usize = 64;

type Call<S> = Box<dyn FnOnce(&mut S) -> Result<Value, Box<dyn Any + Send>> + Send>;

struct Inside<S> {
    /// Away while a call is running.
    state: Option<S>,
    calls: VecDeque<(Arc<Job>, Call<S>)>,
    /// Whether a turn is queued or running.
    has_turn: bool,
}

/// A handle on state that a [`Client`](super::Client) keeps: each call gets it by `&mut`, in the order of the calls and
/// never two at once, and gives a future of what it returns.
///
/// Calls wait in a line of their own, not on a thread. One whose future is dropped is made all the same, for what it
/// does; one that is cancelled before its turn is not. The state is dropped with the last handle, when the calls that
/// are in line have run. A call that panics fails its own future; the state stays as the panic left it.
///
/// ```
/// use taskloom::prelude::*;
/// struct Counter { n: i64 }
/// impl Counter {
///     fn add(&mut self, x: i64) -> i64 { self.n += x; self.n }
/// }
///
/// let client = Client::new()?;
/// let counter = client.actor(Counter { n: 0 });
/// let sums: Vec<_> = (1..4).map(|x| counter.call(move |counter| counter.add(x))).collect();
/// assert_eq!(client.gather(&sums)?, [1, 3, 6]);
/// # Ok::<(), taskloom::Error>(())
/// ```
pub struct Actor<S> {
    dispatcher: Arc<Dispatcher>,
    inside: Arc<Mutex<Inside<S>>>,
}

impl<S> Clone for Actor<S> {
    fn clone(&self) -> Self {
        Actor { dispatcher: Arc::clone(&self.dispatcher), inside: Arc::clone(&self.inside) }
    }
}

impl<S> std::fmt::Debug for Actor<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = crate::display::short_type(std::any::type_name::<S>());
        write!(f, "Actor<{name}>({} calls in line)", lock(&self.inside).calls.len())
    }
}

fn lock<S>(inside: &Mutex<Inside<S>>) -> MutexGuard<'_, Inside<S>> {
    inside.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl<S: Send + 'static> Actor<S> {
    pub(super) fn new(dispatcher: &Arc<Dispatcher>, state: S) -> Self {
        let inside = Inside { state: Some(state), calls: VecDeque::new(), has_turn: false };
        Actor { dispatcher: Arc::clone(dispatcher), inside: Arc::new(Mutex::new(inside)) }
    }

    /// Gets in line with a call; its result is the future's.
    pub fn call<R: Send + Sync + 'static>(&self, call: impl FnOnce(&mut S) -> R + Send + 'static) -> Future<R> {
        // The type's last name, without what it is generic over.
        let path = std::any::type_name::<S>();
        let name = path.split('<').next().and_then(|path| path.rsplit("::").next()).unwrap_or(path);
        let (future, job) = future::outside(&self.dispatcher, Cow::Borrowed(name));
        if self.dispatcher.is_closed() {
            self.dispatcher.end(&job, None, Err(Error::Closed));
            return future;
        }
        let call: Call<S> = Box::new(move |state: &mut S| {
            catch_unwind(AssertUnwindSafe(|| call(state))).map(|value| Arc::new(value) as Value)
        });
        let mut inside = lock(&self.inside);
        inside.calls.push_back((job, call));
        let needs_turn = !std::mem::replace(&mut inside.has_turn, true);
        drop(inside);
        if needs_turn {
            take_turn(&self.dispatcher, &self.inside);
        }
        future
    }
}

/// Makes a call; one that was cancelled meanwhile is not made, and neither is any when the client is closed.
fn make<S>(state: &mut S, job: &Arc<Job>, call: Call<S>) {
    if job.dispatcher.is_closed() {
        job.dispatcher.cancel(job);
    }
    let Some((_, attempt)) = job.begin() else {
        return crate::panics::drop_quietly(call);
    };
    let outcome = running::during(job, attempt, || call(state)).map_err(|payload| {
        let failure = Failure::Panic(crate::panics::message(&*payload));
        Error::Task(TaskError::new(&job.name, failure, Vec::new(), None))
    });
    job.dispatcher.end(job, Some(attempt), outcome);
}

/// Queues a turn of the actor, in which it makes some of its calls.
fn take_turn<S: Send + 'static>(dispatcher: &Arc<Dispatcher>, inside: &Arc<Mutex<Inside<S>>>) {
    let (again, inside) = (Arc::downgrade(dispatcher), Arc::clone(inside));
    future::turn(dispatcher, move || {
        let Some(mut state) = lock(&inside).state.take() else { return };
        for _ in 0..CALLS_A_TURN {
            let Some((job, call)) = lock(&inside).calls.pop_front() else { break };
            make(&mut state, &job, call);
            crate::panics::drop_quietly(job);
        }
        let mut within = lock(&inside);
        within.state = Some(state);
        within.has_turn = !within.calls.is_empty();
        let more = within.has_turn;
        drop(within);
        if more && let Some(dispatcher) = again.upgrade() {
            take_turn(&dispatcher, &inside);
        }
    });
}
