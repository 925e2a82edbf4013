//! [`Future`]: the result of a task that runs, or will run, on its own.

use std::any::{TypeId, type_name};
use std::borrow::Cow;
use std::collections::HashSet;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use super::dispatcher::Dispatcher;
use super::job::{Job, Listener, Status, Work};
use super::options::TaskOptions;
use super::remote::{Held, Remote, Wishes};
use super::waiting;
use crate::delayed::{Delayed, Each, Lazy, take_value};
use crate::display::{MimeBundle, Show, short_type};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::task::function::Argument;
use crate::task::{Body, Failure, Inputs, Packer, ResultType, Revive, Slot, Step, Travel, TypeOf, Value};
use crate::travel::Codec;

/// The result of a task that a [`Client`](super::Client) runs in the background: there, or on its way.
///
/// A future can be an argument of another task, of `delayed!` too, before it is done. Cloning shares it. When the last
/// one is dropped, the result is released; a task that nobody wants any more never begins.
///
/// ```
/// use taskloom::prelude::*;
/// fn inc(x: i64) -> i64 { x + 1 }
/// fn add(x: i64, y: i64) -> i64 { x + y }
///
/// let client = Client::new()?;
/// let a = client.submit(inc, (1,));
/// let b = client.submit(add, (&a, 10)); // begins when `a` is there
/// assert_eq!(b.result()?, 12);
/// # Ok::<(), taskloom::Error>(())
/// ```
pub struct Future<T> {
    step: Arc<Step>,
    job: Arc<Job>,
    /// Once somebody has awaited this handle.
    awaiting: Option<Box<Awaiting>>,
    result: PhantomData<fn() -> T>,
}

/// That a handle is awaited, until it is dropped: an `await` that was given up leaves nothing behind.
struct Awaiting {
    handle: u64,
    job: Arc<Job>,
}

impl Drop for Awaiting {
    fn drop(&mut self) {
        self.job.forget(|listener| matches!(listener, Listener::Waker(handle, _) if *handle == self.handle));
    }
}

impl<T> Clone for Future<T> {
    fn clone(&self) -> Self {
        Future::new(Arc::clone(&self.step), Arc::clone(&self.job))
    }
}

impl<T> std::fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Future<{}>({}, {})", short_type(type_name::<T>()), self.key(), self.status())
    }
}

impl<T> Show for Future<T> {
    fn show(&self) -> MimeBundle {
        let error = self.exception().map(|error| error.to_string());
        let rows = [("task", self.key()), ("status", self.status().to_string())];
        let rows: Vec<_> = rows.into_iter().chain(error.map(|error| ("error", error))).collect();
        let caption = format!("Future&lt;{}&gt;", crate::display::escape(&short_type(type_name::<T>())));
        let html = super::status::table(&caption, &rows);
        MimeBundle::new().with("text/plain", format!("{self:?}")).with("text/html", html)
    }
}

/// A future's own step in graphs and in the arguments of other tasks. As long as it lives, somebody may want the result.
struct Awaited<T> {
    job: Arc<Job>,
    result: PhantomData<fn() -> T>,
}

impl<T> Drop for Awaited<T> {
    fn drop(&mut self) {
        self.job.abandon();
    }
}

impl<T: Send + Sync + 'static> Body for Awaited<T> {
    fn name(&self) -> &str {
        &self.job.name
    }

    fn type_name(&self) -> &'static str {
        type_name::<T>()
    }

    fn result_type(&self) -> ResultType {
        TypeOf::of::<T>()
    }

    fn inputs<'a>(&'a self, _visit: &mut dyn FnMut(&'a Arc<Step>)) {}

    fn release(&mut self, into: &mut Vec<Arc<Step>>) {
        // A chain of futures hangs together by their work; what nobody wants gives it up.
        self.job.release_work(into);
    }

    fn run(&self, _inputs: &mut Inputs<'_>) -> Result<Value, Failure> {
        waiting::outcome_of(&self.job).map_err(|error| Failure::Error(error.into()))
    }

    fn arguments(&self, _inputs: &mut Inputs<'_>) -> Vec<(Value, &'static str)> {
        Vec::new()
    }

    fn function(&self) -> TypeId {
        TypeId::of::<Self>()
    }

    fn code(&self) -> Result<(Revive, &'static str), String> {
        Err("it is the result of a future of this process; gather it and pass the value".to_owned())
    }

    fn pack(&self, _packer: &mut Packer) -> Result<(), String> {
        self.code().map(|_| ())
    }

    fn result_codec(&self) -> Option<Codec> {
        crate::travel::codec_of(TypeId::of::<T>())
    }

    fn awaited(&self) -> Option<&dyn std::any::Any> {
        Some(&self.job)
    }
}

/// The job behind a step, if it is a future's.
pub(super) fn job_of(step: &Arc<Step>) -> Option<Arc<Job>> {
    step.body().awaited()?.downcast_ref::<Arc<Job>>().cloned()
}

/// The jobs of the futures in a graph.
pub(super) fn jobs_in(graph: &Graph) -> Vec<Arc<Job>> {
    graph.ids().filter_map(|id: NodeId| job_of(graph.step(id))).collect()
}

/// The value of a step that stands among the inputs of a task: data, or a future that is done.
pub(super) fn value_of(step: &Arc<Step>) -> Option<Result<Value>> {
    if let crate::task::Role::Data(value) = step.body().role() {
        return Some(Ok(Value::clone(value)));
    }
    step.body().awaited()?.downcast_ref::<Arc<Job>>()?.outcome()
}

fn next_key() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn of_job<T: Send + Sync + 'static>(job: Arc<Job>) -> Future<T> {
    Future::new(Step::new(Awaited::<T> { job: Arc::clone(&job), result: PhantomData }), job)
}

/// A future that has yet to be started, and what it waits for.
pub(super) struct Prepared<T> {
    pub(super) future: Future<T>,
    dependencies: Vec<Arc<Job>>,
}

/// A future for a step whose inputs are futures and data. Where one is a task that has not run, the whole is a graph.
pub(super) fn prepare<T: Send + Sync + 'static>(
    dispatcher: &Arc<Dispatcher>,
    name: Cow<'static, str>,
    step: Arc<Step>,
    options: Option<Box<TaskOptions>>,
) -> Prepared<T> {
    let mut plain = true;
    let mut dependencies: Vec<Arc<Job>> = Vec::new();
    step.body().inputs(&mut |input| match job_of(input) {
        Some(job) => dependencies.push(job),
        None => plain &= !input.is_task(),
    });
    if !plain {
        return prepare_graph(dispatcher, name, Graph::lower(&[step]), options);
    }
    let job = Job::new(dispatcher, name, next_key(), Work::Call(step), options);
    Prepared { future: of_job(job), dependencies }
}

pub(super) fn prepare_graph<T: Send + Sync + 'static>(
    dispatcher: &Arc<Dispatcher>,
    name: Cow<'static, str>,
    graph: Graph,
    options: Option<Box<TaskOptions>>,
) -> Prepared<T> {
    let dependencies = jobs_in(&graph);
    let job = Job::new(dispatcher, name, next_key(), Work::Graph(graph), options);
    Prepared { future: of_job(job), dependencies }
}

impl<T> Prepared<T> {
    /// Makes it run as soon as it can. Gives also whether the crew is to be called.
    pub(super) fn start(self) -> (Future<T>, bool) {
        let Prepared { future, dependencies } = self;
        let ready = begin_waiting(&future.job, 0, &dependencies);
        (future, ready)
    }
}

/// Lets an attempt wait for the dependencies, or enqueues it at once; true when the crew is to be called.
fn begin_waiting(job: &Arc<Job>, attempt: u32, dependencies: &[Arc<Job>]) -> bool {
    let dispatcher = &job.dispatcher;
    if dispatcher.is_closed() {
        dispatcher.end(job, Some(attempt), Err(Error::Closed));
        return false;
    }
    if let Some(remote) = &dispatcher.remote {
        begin_there(job, attempt, &**remote);
        return false;
    }
    // One that has failed already fails this one too. It can no longer be enqueued by others: nobody releases it.
    if let Some(error) = dependencies.iter().find_map(|dependency| job.depend_on(dependency, attempt)) {
        dispatcher.end(job, Some(attempt), Err(error));
        return false;
    }
    let ready = job.release(attempt);
    if ready {
        dispatcher.enqueue(Arc::clone(job));
    }
    ready
}

/// Sends an attempt to where the client's tasks run, with its dependencies as what they are there.
fn begin_there(job: &Arc<Job>, attempt: u32, remote: &dyn Remote) {
    let Some(graph) = job.graph() else { return };
    let ended = Arc::downgrade(job);
    let end = Box::new(move |outcome: Result<Arc<dyn Held>>| {
        let Some(job) = ended.upgrade() else { return };
        let dispatcher = Arc::clone(&job.dispatcher);
        // On a thread of the client's: callbacks may wait.
        let (job, outcome) = (Arc::downgrade(&job), Mutex::new(Some(outcome)));
        turn(&dispatcher, move || {
            let outcome = outcome.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
            let (Some(job), Some(outcome)) = (job.upgrade(), outcome) else { return };
            match outcome {
                Ok(there) => job.dispatcher.end_there(&job, attempt, there),
                Err(error) => job.dispatcher.end(&job, Some(attempt), Err(of_job_there(error, &job))),
            }
        });
    });
    match remote.submit(&graph, Wishes::of(job.options.as_deref()), end) {
        Ok(there) => drop(job.begun(attempt, there)),
        Err(error) => job.dispatcher.end(job, Some(attempt), Err(error)),
    }
}

/// Who was cancelled there is this job.
fn of_job_there(error: Error, job: &Job) -> Error {
    match error {
        Error::FutureCancelled { because, .. } => Error::FutureCancelled { task: job.name.to_string(), because },
        other => other,
    }
}

/// A future that somebody else finishes, and the job to do it with.
pub(super) fn outside<T: Send + Sync + 'static>(
    dispatcher: &Arc<Dispatcher>,
    name: Cow<'static, str>,
) -> (Future<T>, Arc<Job>) {
    let job = Job::new(dispatcher, name, next_key(), Work::Outside, None);
    job.release(0);
    (of_job(Arc::clone(&job)), job)
}

/// A job that has no future: an actor's turn.
pub(super) fn turn(dispatcher: &Arc<Dispatcher>, turn: impl Fn() + Send + Sync + 'static) {
    let job = Job::new(dispatcher, Cow::Borrowed("actor"), next_key(), Work::Turn(Box::new(turn)), None);
    job.release(0);
    dispatcher.enqueue(job);
    dispatcher.call(1);
}

pub(super) fn failed<T: Send + Sync + 'static>(
    dispatcher: &Arc<Dispatcher>,
    name: Cow<'static, str>,
    error: Error,
) -> Future<T> {
    let (future, job) = outside(dispatcher, name);
    dispatcher.end(&job, None, Err(error));
    future
}

pub(super) fn finished<T: Send + Sync + 'static>(dispatcher: &Arc<Dispatcher>, value: T) -> Future<T> {
    let (future, job) = outside(dispatcher, Cow::Borrowed("scatter"));
    dispatcher.end(&job, None, Ok(Arc::new(value)));
    future
}

impl<T: Send + Sync + 'static> Future<T> {
    /// The future that a step belongs to, if it is one of this type.
    pub(super) fn of_step(step: &Arc<Step>) -> Option<Self> {
        let job = job_of(step)?;
        (step.body().function() == TypeId::of::<Awaited<T>>()).then(|| Future::new(Arc::clone(step), job))
    }
}

impl<T> Future<T> {
    fn new(step: Arc<Step>, job: Arc<Job>) -> Self {
        Future { step, job, awaiting: None, result: PhantomData }
    }

    pub(super) fn job(&self) -> &Arc<Job> {
        &self.job
    }

    pub(super) fn step(&self) -> &Arc<Step> {
        &self.step
    }

    /// The function's name, or the one it was given.
    pub fn name(&self) -> &str {
        &self.job.name
    }

    /// A name that is unique in this process.
    pub fn key(&self) -> String {
        self.job.key()
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        self.job.status()
    }

    /// Whether it has finished, failed, or been cancelled.
    pub fn done(&self) -> bool {
        self.status().is_done()
    }

    /// Whether it was cancelled.
    pub fn cancelled(&self) -> bool {
        self.status() == Status::Cancelled
    }

    /// Waits until it is done, whatever the outcome.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when an interrupt ended the wait; the task goes on.
    pub fn wait(&self) -> Result<()> {
        waiting::wait_for(&self.job, None).map(|_| ())
    }

    /// Why it has no result; `None` while it is not done, and when it has one.
    pub fn exception(&self) -> Option<Error> {
        self.job.outcome()?.err()
    }

    /// Cancels the task: if it has not begun it never will, if it runs its result is thrown away. Whatever depends on
    /// it is cancelled too. A function can look at [`is_cancelled`](crate::is_cancelled) and end early. Nothing happens
    /// to one that is done.
    pub fn cancel(&self) {
        self.job.dispatcher.cancel(&self.job);
    }

    /// Runs a task again that failed or was cancelled, and before it whatever it needs that did.
    ///
    /// # Errors
    /// [`Error::NotRetried`] when it has not failed, or is not a task that could run again.
    pub fn retry(&self) -> Result<()> {
        retry(&self.job)
    }

    /// Whether, and how, the task can run in another process; `None` when it has finished, or is not a submitted call.
    pub fn travel(&self) -> Option<Travel> {
        self.job.travel()
    }

    /// Calls `callback` when the task is done, on the thread that ran it; at once, and here, if it is. A panic in it
    /// changes nothing for the task or for others who wait.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let client = Client::new()?;
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// let future = client.submit(|| 20 + 1, ());
    /// future.add_done_callback(move |future| sender.send(future.result()).unwrap());
    /// assert_eq!(receiver.recv().unwrap()?, 21);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn add_done_callback(&self, callback: impl FnOnce(Future<T>) + Send + 'static)
    where
        T: 'static,
    {
        let future = self.clone();
        let listener = Listener::Callback(Box::new(move || callback(future)));
        if let Some(Listener::Callback(callback)) = self.job.listen(listener) {
            super::dispatcher::quietly(callback);
        }
    }
}

/// The failed and cancelled jobs below, then this one.
fn retry(job: &Arc<Job>) -> Result<()> {
    let refused = || Error::NotRetried { task: job.name.to_string(), status: job.status().to_string() };
    if !matches!(job.status(), Status::Error | Status::Cancelled) {
        return Err(refused());
    }
    let mut found: Vec<Arc<Job>> = Vec::new();
    let mut seen = HashSet::new();
    let mut to_see = vec![Arc::clone(job)];
    while let Some(job) = to_see.pop() {
        if job.may_have_failed() && seen.insert(job.key) {
            to_see.extend(job.dependencies());
            found.push(job);
        }
    }
    // All are back before one of them begins to wait, so that none hears of an old failure.
    let reset: Vec<_> = found.iter().filter_map(|job| Some((job, job.reset()?))).collect();
    let is_reset = reset.iter().any(|(reset, _)| Arc::ptr_eq(reset, job));
    let mut ready = 0;
    for (job, attempt) in reset.into_iter().rev() {
        ready += usize::from(begin_waiting(job, attempt, &job.dependencies()));
    }
    job.dispatcher.call(ready);
    if is_reset { Ok(()) } else { Err(refused()) }
}

impl<T: Send + Sync + 'static> Future<T> {
    /// The result, shared: without a copy.
    ///
    /// # Errors
    /// As [`result`](Future::result).
    pub fn shared(&self) -> Result<Arc<T>> {
        typed(waiting::outcome_of(&self.job))
    }

    /// A handle for `delayed!` graphs whose value is this future's.
    pub fn to_delayed(&self) -> Delayed<T> {
        Delayed::from_step(Arc::clone(&self.step))
    }
}

fn typed<T: Send + Sync + 'static>(value: Result<Value>) -> Result<Arc<T>> {
    value.map(|value| value.downcast().unwrap_or_else(|_| unreachable!("a future's type is its task's type")))
}

impl<T: Clone + Send + Sync + 'static> Future<T> {
    /// Waits for the result. Inside a task another one gets the thread meanwhile.
    ///
    /// # Errors
    /// The task's own: [`Error::Task`] names it and what it was needed for; [`Error::FutureCancelled`] when it was
    /// cancelled; [`Error::Interrupted`] when an interrupt ended the wait, in which case the task goes on.
    pub fn result(&self) -> Result<T> {
        waiting::outcome_of(&self.job).map(take_value)
    }

    /// Waits for the result up to `timeout`; `None` when it was not there by then.
    ///
    /// # Errors
    /// As [`result`](Future::result).
    pub fn result_timeout(&self, timeout: Duration) -> Result<Option<T>> {
        if waiting::wait_for(&self.job, Some(timeout))? { self.result().map(Some) } else { Ok(None) }
    }

    /// The result if the task is done, without waiting.
    ///
    /// # Errors
    /// As [`result`](Future::result).
    pub fn try_result(&self) -> Result<Option<T>> {
        self.job.outcome().transpose().map(|value| value.map(take_value))
    }
}

/// `future.await` gives what [`result`](Future::result) gives, under any executor.
impl<T: Clone + Send + Sync + 'static> std::future::Future for Future<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        static HANDLES: AtomicU64 = AtomicU64::new(0);
        let future = self.get_mut();
        if !future.done() {
            let awaiting = future.awaiting.get_or_insert_with(|| {
                Box::new(Awaiting { handle: HANDLES.fetch_add(1, Ordering::Relaxed), job: Arc::clone(&future.job) })
            });
            if future.job.wake(awaiting.handle, context.waker()) {
                return Poll::Pending;
            }
        }
        match future.try_result() {
            Ok(Some(value)) => Poll::Ready(Ok(value)),
            Err(error) => Poll::Ready(Err(error)),
            // Somebody has just ordered another attempt.
            Ok(None) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl<T: Send + Sync + 'static> Lazy for Future<T> {
    type Item = T;
    type Plan = Slot;
    fn plan(&self) -> Slot {
        Slot::new(&self.step)
    }
}

impl<T: Send + Sync + 'static> Argument<T> for Future<T> {
    type Plan = Slot;
    fn into_plan(self) -> Slot {
        Slot::new(&self.step)
    }
}

impl<T: Send + Sync + 'static> Argument<T> for &Future<T> {
    type Plan = Slot;
    fn into_plan(self) -> Slot {
        Slot::new(&self.step)
    }
}

impl<T: Clone + Send + Sync + 'static> Argument<Vec<T>> for Vec<Future<T>> {
    type Plan = Each<Vec<Slot>>;
    fn into_plan(self) -> Self::Plan {
        self.plan()
    }
}

impl<T: Clone + Send + Sync + 'static> Argument<Vec<T>> for &Vec<Future<T>> {
    type Plan = Each<Vec<Slot>>;
    fn into_plan(self) -> Self::Plan {
        self.plan()
    }
}
