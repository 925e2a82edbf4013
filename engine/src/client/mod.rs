//! [`Client`]: tasks that run in the background, and futures of their results.
//!
//! Where [`compute`](crate::Delayed::compute) runs a whole graph and waits, a client takes one task at a time, starts it
//! at once if it can, and gives a [`Future`]. The names and their meaning are those of Dask's `distributed`, on the
//! threads of this process.
//!
//! ```text
//!  Client, Submit ──► job ◄── Future, Actor            what was asked for, and who wants it
//!                      │ ready
//!                      ▼
//!                 dispatcher ──► crew of threads       by priority, resources and memory
//!                      │ results
//!                      ▼
//!                    spill ──► disk, when there is a limit
//! ```
//! [`coordination`] holds what tasks may share besides: events, locks, semaphores, queues, variables, topics.

mod actor;
pub mod coordination;
mod dispatcher;
mod future;
mod job;
mod options;
mod progress;
mod remote;
mod resources;
mod running;
mod spill;
mod status;
mod waiting;

use std::any::Any;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

pub use actor::Actor;
use coordination::{Event, Lock, Names, Publisher, Queue, Semaphore, Subscriber, Variable};
use dispatcher::Dispatcher;
pub use future::Future;
use future::Prepared;
pub use job::Status;
pub use options::Submit;
pub use progress::progress;
pub(crate) use remote::{End, Held, Remote, Wishes, held_by};
use spill::Spill;
pub use spill::{Amount, MemoryLimit, SpillError, SpillStats};
pub use status::ClientStatus;
pub use waiting::{AsCompleted, as_completed, wait, wait_first, wait_timeout};

use crate::delayed::Delayed;
use crate::error::{BoxError, Error, Result};
use crate::scheduler::{InterruptCheck, pool_for_client};
use crate::task::function::{Arguments, Function};
use crate::task::{Data, Registered, Step};

/// Runs tasks in the background on this machine. Cloning gives another handle on the same client.
///
/// ```
/// use taskloom::prelude::*;
/// fn inc(x: i64) -> i64 { x + 1 }
/// fn add(x: i64, y: i64) -> i64 { x + y }
///
/// let client = Client::new()?;
/// let f = client.submit(inc, (1,));                  // Future<i64>, pending → finished
/// let g = client.submit(add, (&f, 10));              // a future is an argument like any other
/// assert_eq!(g.result()?, 12);
///
/// let squares = client.map(|x: i64| x * x, 0..5);
/// assert_eq!(client.gather(&squares)?, [0, 1, 4, 9, 16]);
/// # Ok::<(), taskloom::Error>(())
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    dispatcher: Arc<Dispatcher>,
    datasets: Mutex<HashMap<String, Arc<dyn Any + Send + Sync>>>,
    /// Pure tasks that somebody holds a future of.
    pure: Mutex<HashMap<u128, Weak<Step>>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.status())
    }
}

/// Settings of a client to be: what [`Client::builder`] begins.
#[derive(Debug, Clone, Default)]
pub struct ClientBuilder {
    threads: usize,
    memory_limit: Option<MemoryLimit>,
    directory: Option<PathBuf>,
    resources: HashMap<String, f64>,
}

impl ClientBuilder {
    /// Threads of a pool of its own; 0, and without this, the pool that computes use as well.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// How much memory results may take before the least recently used ones move to disk. Without it there is no limit.
    pub fn memory_limit(mut self, limit: impl Into<MemoryLimit>) -> Self {
        self.memory_limit = Some(limit.into());
        self
    }

    /// Where results go that do not fit into memory; the system's folder for temporary files without this.
    pub fn local_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Something that tasks can [ask for](Submit::resource), of which there is only so much.
    pub fn resource(mut self, name: &str, amount: f64) -> Self {
        self.resources.insert(name.to_owned(), amount);
        self
    }

    /// The client.
    ///
    /// # Errors
    /// [`Error::Pool`] when threads cannot be started, [`Error::Configuration`] for a wrong setting in the environment.
    pub fn build(self) -> Result<Client> {
        let pool = pool_for_client(self.threads)?;
        let spill = Spill::new(self.memory_limit, self.directory);
        let dispatcher = Dispatcher::new(pool, spill, self.memory_limit.is_some(), self.resources, None);
        Ok(Client::of(&dispatcher))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Client {
    /// A client on this machine, on the threads that computes use as well.
    ///
    /// # Errors
    /// As [`ClientBuilder::build`].
    pub fn new() -> Result<Client> {
        Client::builder().build()
    }

    /// A client with settings of its own.
    ///
    /// ```
    /// use taskloom::client::MemoryLimit;
    /// use taskloom::prelude::*;
    /// let client = Client::builder().threads(2).memory_limit(MemoryLimit::new(1 << 30)).build()?;
    /// assert_eq!(client.threads(), 2);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client whose tasks run somewhere else; what it does for itself runs on this process's threads.
    pub(crate) fn of_remote(remote: Arc<dyn Remote>) -> Result<Client> {
        let (pool, spill) = (pool_for_client(0)?, Spill::new(None, None));
        Ok(Client::of(&Dispatcher::new(pool, spill, false, HashMap::new(), Some(remote))))
    }

    /// Where its tasks run, when that is not this process.
    pub(crate) fn remote(&self) -> Option<&Arc<dyn Remote>> {
        self.dispatcher().remote.as_ref()
    }

    /// Inside a task: the client that runs it, so that tasks can submit tasks. A task that waits for one that has not
    /// begun runs it itself, so this goes as deep as on paper, however few threads there are.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// fn fib(n: u64) -> u64 {
    ///     if n < 2 { return n; }
    ///     let client = Client::current().expect("this runs in a task");
    ///     let (a, b) = (client.submit(fib, (n - 1,)), client.submit(fib, (n - 2,)));
    ///     a.result().unwrap() + b.result().unwrap() // others get the thread meanwhile
    /// }
    /// let client = Client::new()?;
    /// assert_eq!(client.submit(fib, (7,)).result()?, 13);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn current() -> Option<Client> {
        running::current().map(|running| Client::of(&running.job.dispatcher))
    }

    /// The handle of a client, made anew when the last one has been dropped: its tasks go on.
    fn of(dispatcher: &Arc<Dispatcher>) -> Client {
        let mut client = lock(&dispatcher.client);
        let inner = client.upgrade().unwrap_or_else(|| {
            let inner =
                Inner { dispatcher: Arc::clone(dispatcher), datasets: Mutex::default(), pure: Mutex::default() };
            let inner = Arc::new(inner);
            *client = Arc::downgrade(&inner);
            inner
        });
        Client { inner }
    }

    fn names(&self) -> &Names {
        &self.dispatcher().names
    }

    fn dispatcher(&self) -> &Arc<Dispatcher> {
        &self.inner.dispatcher
    }

    /// How many threads tasks run on.
    pub fn threads(&self) -> usize {
        self.dispatcher().threads()
    }

    /// Begins a submission with options: priority, retries, resources, a name.
    pub fn options(&self) -> Submit {
        Submit::new(self)
    }

    /// Runs `function` on `arguments`, a tuple: each is a value, or a future or [`Delayed`] of one.
    ///
    /// The task begins as soon as a thread is free and the futures among its arguments are there.
    pub fn submit<F, A, S>(&self, function: F, arguments: S) -> Future<F::Output>
    where
        F: Function<A>,
        A: 'static,
        S: Arguments<A>,
    {
        self.options().submit(function, arguments)
    }

    /// As [`submit`](Client::submit) for a function that can fail: its `Err` becomes the future's error.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// fn parse(text: String) -> Result<i64, std::num::ParseIntError> { text.parse() }
    /// let client = Client::new()?;
    /// let error = client.try_submit(parse, (String::from("x"),)).result().unwrap_err();
    /// assert!(error.to_string().starts_with("task `parse` failed: invalid digit"));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn try_submit<F, A, S, R, E>(&self, function: F, arguments: S) -> Future<R>
    where
        F: Function<A, Output = Result<R, E>>,
        A: 'static,
        S: Arguments<A>,
        R: Send + Sync + 'static,
        E: Into<BoxError> + 'static,
    {
        self.options().try_submit(function, arguments)
    }

    /// Submits `function` for each item: a value, or a future of one.
    pub fn map<F, A, I>(&self, function: F, items: I) -> Vec<Future<F::Output>>
    where
        F: Function<(A,)> + Clone,
        A: Clone + Send + Sync + 'static,
        I: IntoIterator,
        (I::Item,): Arguments<(A,)>,
    {
        self.options().map(function, items)
    }

    /// Submits `function` for each tuple of arguments, as for the pairs of a `zip`.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let client = Client::new()?;
    /// let bases = client.map(|x: i64| x + 1, 0..3);
    /// let powers = client.starmap(i64::pow, bases.into_iter().zip([2_u32, 3, 4]));
    /// assert_eq!(client.gather(&powers)?, [1, 8, 81]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn starmap<F, A, I>(&self, function: F, arguments: I) -> Vec<Future<F::Output>>
    where
        F: Function<A> + Clone,
        A: 'static,
        I: IntoIterator,
        I::Item: Arguments<A>,
    {
        self.options().starmap(function, arguments)
    }

    /// The results of all the futures, in their order.
    ///
    /// # Errors
    /// The first error that there is, as [`Future::result`]; it does not wait for the others then.
    pub fn gather<T: Clone + Send + Sync + 'static>(&self, futures: &[Future<T>]) -> Result<Vec<T>> {
        waiting::wait_for_success(futures)?;
        futures.iter().map(Future::result).collect()
    }

    /// Makes a future of a value, so that tasks share it without a copy in each.
    pub fn scatter<T: Send + Sync + 'static>(&self, value: T) -> Future<T> {
        match self.remote() {
            None => future::finished(self.dispatcher(), value),
            // Its own task there, which gives what it was sent with.
            Some(_) => {
                let data = Step::new(Data::<T, Registered>::new(Arc::new(value)));
                future::prepare(self.dispatcher(), "scatter".into(), data, None).start().0
            }
        }
    }

    /// Makes a future of each value, as [`scatter`](Client::scatter).
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let client = Client::new()?;
    /// let parts = client.scatter_many([vec![1, 2], vec![3]]);
    /// let lengths = client.map(|part: Vec<i64>| part.len(), &parts);
    /// assert_eq!(client.gather(&lengths)?, [2, 1]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn scatter_many<T: Send + Sync + 'static>(&self, values: impl IntoIterator<Item = T>) -> Vec<Future<T>> {
        values.into_iter().map(|value| self.scatter(value)).collect()
    }

    /// Computes a graph in the background.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let client = Client::new()?;
    /// let base = client.submit(|| 20_i64, ());
    /// let total = delayed!(i64::pow(base, 2)) + 1; // a future is an argument of `delayed!`, too
    /// assert_eq!(client.compute(&total).result()?, 401);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn compute<T: Send + Sync + 'static>(&self, delayed: &Delayed<T>) -> Future<T> {
        self.options().compute(delayed)
    }

    /// Computes a graph in the background and gives a handle on its result, for further graphs.
    pub fn persist<T: Send + Sync + 'static>(&self, delayed: &Delayed<T>) -> Delayed<T> {
        self.options().persist(delayed)
    }

    /// Cancels all of the futures, as [`Future::cancel`].
    pub fn cancel<T>(&self, futures: &[Future<T>]) {
        futures.iter().for_each(Future::cancel);
    }

    /// Runs those again that failed or were cancelled, as [`Future::retry`].
    ///
    /// # Errors
    /// [`Error::NotRetried`] for the first that cannot.
    pub fn retry<T>(&self, futures: &[Future<T>]) -> Result<()> {
        futures.iter().try_for_each(Future::retry)
    }

    /// Puts `state` into the client's care: an [`Actor`].
    pub fn actor<S: Send + 'static>(&self, state: S) -> Actor<S> {
        Actor::new(self.dispatcher(), state)
    }

    /// The event of this name.
    pub fn event(&self, name: &str) -> Event {
        self.names().event(name)
    }

    /// The lock of this name.
    pub fn lock(&self, name: &str) -> Lock {
        self.names().lock(name)
    }

    /// The semaphore of this name.
    ///
    /// # Errors
    /// [`Error::Leases`] when it is there with another number of leases, [`Error::NoLeases`] for 0.
    pub fn semaphore(&self, name: &str, leases: usize) -> Result<Semaphore> {
        self.names().semaphore(name, leases)
    }

    /// The queue of this name; `maxsize` 0 is without bounds.
    ///
    /// # Errors
    /// [`Error::Type`] when it is there with values of another type.
    pub fn queue<T: Send + 'static>(&self, name: &str, maxsize: usize) -> Result<Queue<T>> {
        self.names().queue(name, maxsize)
    }

    /// The variable of this name.
    ///
    /// # Errors
    /// As [`queue`](Client::queue).
    pub fn variable<T: Clone + Send + Sync + 'static>(&self, name: &str) -> Result<Variable<T>> {
        self.names().variable(name)
    }

    /// Publishes values under a topic.
    ///
    /// # Errors
    /// As [`queue`](Client::queue).
    pub fn publisher<T: Clone + Send + Sync + 'static>(&self, topic: &str) -> Result<Publisher<T>> {
        self.names().publisher(topic)
    }

    /// Receives what is published under a topic from now on.
    ///
    /// # Errors
    /// As [`queue`](Client::queue).
    pub fn subscriber<T: Clone + Send + Sync + 'static>(&self, topic: &str) -> Result<Subscriber<T>> {
        self.names().subscriber(topic)
    }

    /// Keeps a handle under a name, for other parts of a program: a [`Future`], a [`Delayed`], any value.
    ///
    /// # Errors
    /// [`Error::Dataset`] when the name is taken.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let client = Client::new()?;
    /// client.publish_dataset("ten", client.submit(|| 10_i64, ()))?;
    /// let ten: taskloom::client::Future<i64> = client.get_dataset("ten")?;
    /// assert_eq!(ten.result()?, 10);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn publish_dataset<D: Clone + Send + Sync + 'static>(&self, name: &str, dataset: D) -> Result<()> {
        let mut datasets = lock(&self.inner.datasets);
        if datasets.contains_key(name) {
            let message = format!("there is a dataset `{name}` already; unpublish it first, or use another name");
            return Err(Error::Dataset { message });
        }
        datasets.insert(name.to_owned(), Arc::new(dataset));
        Ok(())
    }

    /// What was published under a name.
    ///
    /// # Errors
    /// [`Error::Dataset`] when there is nothing of that name; [`Error::Type`] when it has another type.
    pub fn get_dataset<D: Clone + Send + Sync + 'static>(&self, name: &str) -> Result<D> {
        let dataset = lock(&self.inner.datasets).get(name).cloned();
        let Some(dataset) = dataset else {
            let there = self.list_datasets().join("`, `");
            let there = if there.is_empty() { "none".to_owned() } else { format!("`{there}`") };
            return Err(Error::Dataset { message: format!("there is no dataset `{name}`; published: {there}") });
        };
        dataset.downcast_ref::<D>().cloned().ok_or_else(|| Error::Type {
            what: "dataset",
            name: name.to_owned(),
            has: "another type".to_owned(),
            wanted: crate::display::short_type(std::any::type_name::<D>()),
        })
    }

    /// The names under which something is published, sorted.
    pub fn list_datasets(&self) -> Vec<String> {
        let mut names: Vec<_> = lock(&self.inner.datasets).keys().cloned().collect();
        names.sort();
        names
    }

    /// Forgets what was published under a name; gives whether there was something.
    pub fn unpublish_dataset(&self, name: &str) -> bool {
        let dataset = lock(&self.inner.datasets).remove(name);
        dataset.is_some()
    }

    /// The future of a pure task: the one that somebody holds, or a new one. Says also whether the crew is to be called.
    fn pure_future<R: Send + Sync + 'static>(
        &self,
        token: u128,
        prepare: impl FnOnce() -> Prepared<R>,
    ) -> (Future<R>, bool) {
        let known = |pure: &HashMap<u128, Weak<Step>>| pure.get(&token).and_then(Weak::upgrade);
        let usable = |step: &Arc<Step>| Future::of_step(step).filter(|future| !future.cancelled());
        // Dropped without the lock: it may be the last handle on a result.
        let step = known(&lock(&self.inner.pure));
        if let Some(future) = step.as_ref().and_then(usable) {
            return (future, false);
        }
        let prepared = prepare();
        let mut pure = lock(&self.inner.pure);
        // Somebody else may have been quicker.
        let other = known(&pure);
        let quicker = other.as_ref().and_then(usable);
        if quicker.is_none() {
            if pure.len() >= 64 && pure.len().is_power_of_two() {
                pure.retain(|_, step| step.strong_count() > 0);
            }
            pure.insert(token, Arc::downgrade(prepared.future.step()));
        }
        drop(pure);
        match quicker {
            Some(future) => (future, false),
            None => prepared.start(),
        }
    }

    /// Nothing new begins from now on: what is pending is cancelled, and so is what is submitted later.
    pub fn close(&self) {
        self.dispatcher().close();
        self.dispatcher().cancel_pending();
        if let Some(remote) = self.remote() {
            remote.cancel_all();
        }
    }
}

/// Lets a task run to its end although nobody keeps a future of it.
///
/// ```
/// use taskloom::prelude::*;
/// use taskloom::client::fire_and_forget;
/// let client = Client::new()?;
/// let event = client.event("written");
/// let written = event.clone();
/// fire_and_forget(client.submit(move || written.set(), ()));
/// event.wait()?;
/// # Ok::<(), taskloom::Error>(())
/// ```
pub fn fire_and_forget<T: 'static>(future: Future<T>) {
    // The callback holds the future until it has been called.
    future.add_done_callback(drop);
}

/// Inside a task: whether its result is no longer wanted, because its future was cancelled, the last one was dropped, or
/// the cell that waits for it was interrupted. A long task looks at it now and then and ends early.
///
/// ```
/// use taskloom::prelude::*;
/// fn steps() -> u64 {
///     let mut steps = 0;
///     while !taskloom::is_cancelled() && steps < 1_000_000 {
///         steps += 1;
///         sleep_ms(1);
///     }
///     steps
/// }
/// let client = Client::new()?;
/// let future = client.submit(steps, ());
/// future.cancel(); // also if it runs already
/// assert!(future.result().is_err());
/// # Ok::<(), taskloom::Error>(())
/// ```
pub fn is_cancelled() -> bool {
    running::current().is_some_and(|running| running.job.is_cancelled(running.attempt))
        || InterruptCheck::new().is_interrupted()
}
