//! [`Future`]: the result of a task that runs, or will run, on its own.

use std::any::{TypeId, type_name};
use std::borrow::Cow;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use super::dispatcher::Dispatcher;
use super::job::{Job, Listener, Status, Work};
use super::options::TaskOptions;
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
    result: PhantomData<fn() -> T>,
}

impl<T> Clone for Future<T> {
    fn clone(&self) -> Self {
        Future { step: Arc::clone(&self.step), job: Arc::clone(&self.job), result: PhantomData }
    }
}

impl<T> std::fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Future<{}>({}, {})", short_type(type_name::<T>()), self.key(), self.status())
    }
}

impl<T> Show for Future<T> {
    fn show(&self) -> MimeBundle {
        MimeBundle::new().with("text/plain", format!("{self:?}"))
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
        waiting::wait_for(&self.job, None).map_err(|error| Failure::Error(error.into()))?;
        match self.job.outcome() {
            Some(outcome) => outcome.map_err(|error| Failure::Error(error.into())),
            None => Err(Failure::Error(self.job.released().into())),
        }
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
    let step = Step::new(Awaited::<T> { job: Arc::clone(&job), result: PhantomData });
    Future { step, job, result: PhantomData }
}

/// A future for a step whose inputs are futures and data. Where one is a task that has not run, the whole is a graph.
/// Gives also whether the crew is to be called.
pub(super) fn submit<T: Send + Sync + 'static>(
    dispatcher: &Arc<Dispatcher>,
    name: Cow<'static, str>,
    step: Arc<Step>,
    options: Option<Box<TaskOptions>>,
) -> (Future<T>, bool) {
    let mut plain = true;
    let mut jobs: Vec<Arc<Job>> = Vec::new();
    step.body().inputs(&mut |input| match job_of(input) {
        Some(job) => jobs.push(job),
        None => plain &= !input.is_task(),
    });
    if !plain {
        return submit_graph(dispatcher, name, Graph::lower(&[step]), options);
    }
    start(dispatcher, Job::new(dispatcher, name, next_key(), Work::Call(step), options), &jobs)
}

pub(super) fn submit_graph<T: Send + Sync + 'static>(
    dispatcher: &Arc<Dispatcher>,
    name: Cow<'static, str>,
    graph: Graph,
    options: Option<Box<TaskOptions>>,
) -> (Future<T>, bool) {
    let jobs = jobs_in(&graph);
    start(dispatcher, Job::new(dispatcher, name, next_key(), Work::Graph(graph), options), &jobs)
}

fn start<T: Send + Sync + 'static>(
    dispatcher: &Arc<Dispatcher>,
    job: Arc<Job>,
    dependencies: &[Arc<Job>],
) -> (Future<T>, bool) {
    let future = of_job(Arc::clone(&job));
    if dispatcher.is_closed() {
        dispatcher.end(&job, Err(Error::Closed));
        return (future, false);
    }
    let ready = begin_waiting(dispatcher, job, dependencies);
    (future, ready)
}

/// Waits for the dependencies, or enqueues at once; true when the crew is to be called.
fn begin_waiting(dispatcher: &Arc<Dispatcher>, job: Arc<Job>, dependencies: &[Arc<Job>]) -> bool {
    dependencies.iter().for_each(|dependency| job.depend_on(dependency));
    // One that has failed already fails this one too, after it can no longer be enqueued by others.
    if let Some(error) = dependencies.iter().find_map(|dependency| dependency.error_for(&job.name)) {
        dispatcher.end(&job, Err(error));
        return false;
    }
    job.release() && dispatcher.enqueue(job)
}

/// A future that somebody else finishes, and the job to do it with.
pub(super) fn outside<T: Send + Sync + 'static>(
    dispatcher: &Arc<Dispatcher>,
    name: Cow<'static, str>,
) -> (Future<T>, Arc<Job>) {
    let job = Job::new(dispatcher, name, next_key(), Work::Outside, None);
    (of_job(Arc::clone(&job)), job)
}

/// A job that has no future: an actor's turn.
pub(super) fn turn(dispatcher: &Arc<Dispatcher>, turn: impl Fn() + Send + Sync + 'static) {
    let job = Job::new(dispatcher, Cow::Borrowed("actor"), next_key(), Work::Turn(Box::new(turn)), None);
    if dispatcher.enqueue(job) {
        dispatcher.call(1);
    }
}

pub(super) fn failed<T: Send + Sync + 'static>(
    dispatcher: &Arc<Dispatcher>,
    name: Cow<'static, str>,
    error: Error,
) -> Future<T> {
    let (future, job) = outside(dispatcher, name);
    dispatcher.end(&job, Err(error));
    future
}

pub(super) fn finished<T: Send + Sync + 'static>(dispatcher: &Arc<Dispatcher>, value: T) -> Future<T> {
    let (future, job) = outside(dispatcher, Cow::Borrowed("scatter"));
    dispatcher.end(&job, Ok(Arc::new(value)));
    future
}

impl<T: Send + Sync + 'static> Future<T> {
    /// The future that a step belongs to, if it is one of this type.
    pub(super) fn of_step(step: &Arc<Step>) -> Option<Self> {
        let job = job_of(step)?;
        (step.body().type_name() == type_name::<T>()).then(|| Future {
            step: Arc::clone(step),
            job,
            result: PhantomData,
        })
    }
}

impl<T> Future<T> {
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
    /// it is cancelled too. A function can look at [`is_cancelled`](crate::is_cancelled) and end early.
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

    /// Calls `callback` when the task is done; at once if it is.
    pub fn add_done_callback(&self, callback: impl FnOnce(Future<T>) + Send + 'static)
    where
        T: 'static,
    {
        let future = self.clone();
        let listener = Listener::Callback(Box::new(move || callback(future)));
        if let Some(Listener::Callback(callback)) = self.job.listen(listener) {
            callback();
        }
    }
}

/// The failed and cancelled jobs below, then this one.
fn retry(job: &Arc<Job>) -> Result<()> {
    let refused = || Error::NotRetried { task: job.name.to_string(), status: job.status().to_string() };
    if !matches!(job.status(), Status::Error | Status::Cancelled) {
        return Err(refused());
    }
    let mut order: Vec<Arc<Job>> = Vec::new();
    let mut to_see = vec![Arc::clone(job)];
    while let Some(job) = to_see.pop() {
        if matches!(job.status(), Status::Error | Status::Cancelled)
            && !order.iter().any(|seen| Arc::ptr_eq(seen, &job))
        {
            to_see.extend(job.dependencies());
            order.push(job);
        }
    }
    let order: Vec<_> = order.into_iter().filter(|job| job.reset()).collect();
    if !order.iter().any(|reset| Arc::ptr_eq(reset, job)) {
        return Err(refused());
    }
    let dispatcher = &job.dispatcher;
    let mut ready = 0;
    for job in order.into_iter().rev() {
        let dependencies = job.dependencies();
        ready += usize::from(begin_waiting(dispatcher, job, &dependencies));
    }
    dispatcher.call(ready);
    Ok(())
}

impl<T: Send + Sync + 'static> Future<T> {
    /// The result, shared: without a copy.
    ///
    /// # Errors
    /// As [`result`](Future::result).
    pub fn shared(&self) -> Result<Arc<T>> {
        waiting::wait_for(&self.job, None)?;
        typed(self.job.outcome().unwrap_or_else(|| Err(self.job.released())))
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
        waiting::wait_for(&self.job, None)?;
        self.job.outcome().unwrap_or_else(|| Err(self.job.released())).map(take_value)
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
        match self.job.listen(Listener::Waker(context.waker().clone())) {
            None => Poll::Pending,
            Some(_) => Poll::Ready(self.result()),
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
