//! State that lives in one place, and calls on it that come one at a time.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard};

use super::dispatcher::Dispatcher;
use super::{Future, future};
use crate::error::{Error, TaskError};
use crate::task::{Failure, Value};

/// So many calls a turn; then other work of the client has one.
const CALLS_A_TURN: usize = 64;

type Call<S> = Box<dyn FnOnce(&mut S) + Send>;

struct Inside<S> {
    /// Away while a call is running.
    state: Option<S>,
    calls: VecDeque<Call<S>>,
    /// Whether a turn is queued or running.
    has_turn: bool,
}

/// A handle on state that a [`Client`](super::Client) keeps: each call gets it by `&mut`, in the order of the calls and
/// never two at once, and gives a future of what it returns.
///
/// Calls wait in a line of their own, not on a thread. The state is dropped with the last handle, when the calls that
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
        let name = std::any::type_name::<S>().rsplit("::").next().unwrap_or("actor");
        let (future, job) = future::outside(&self.dispatcher, Cow::Borrowed(name));
        if self.dispatcher.is_closed() {
            self.dispatcher.end(&job, Err(Error::Closed));
            return future;
        }
        let job = Arc::downgrade(&job);
        let call: Call<S> = Box::new(move |state: &mut S| {
            let outcome = catch_unwind(AssertUnwindSafe(|| call(state)));
            // Nobody may hold the future any more; the call was made for its effect then.
            let Some(job) = job.upgrade() else { return };
            let outcome = outcome.map(|value| Arc::new(value) as Value).map_err(|payload| {
                let failure = Failure::Panic(crate::panics::message(&*payload));
                Error::Task(TaskError::new(&job.name, failure, Vec::new(), None))
            });
            job.dispatcher.end(&job, outcome);
        });
        let mut inside = lock(&self.inside);
        inside.calls.push_back(call);
        let needs_turn = !std::mem::replace(&mut inside.has_turn, true);
        drop(inside);
        if needs_turn {
            take_turn(&self.dispatcher, &self.inside);
        }
        future
    }
}

/// Queues a turn of the actor, in which it makes some of its calls.
fn take_turn<S: Send + 'static>(dispatcher: &Arc<Dispatcher>, inside: &Arc<Mutex<Inside<S>>>) {
    let (again, inside) = (Arc::downgrade(dispatcher), Arc::clone(inside));
    future::turn(dispatcher, move || {
        let Some(mut state) = lock(&inside).state.take() else { return };
        for _ in 0..CALLS_A_TURN {
            let Some(call) = lock(&inside).calls.pop_front() else { break };
            call(&mut state);
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
