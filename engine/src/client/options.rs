//! How a task is to be run: priority, retries, resources.

use std::borrow::Cow;

use super::{Client, Future, future};
use crate::delayed::Delayed;
use crate::error::{BoxError, Error, Result};
use crate::task::function::{Arguments, Function, fallible_step_of, function_name, step_of};

/// What a task asks for; most ask for nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct TaskOptions {
    pub(super) priority: i64,
    pub(super) retries: u32,
    pub(super) resources: Vec<(String, f64)>,
}

/// Submits tasks with options: what [`Client::options`] begins.
///
/// ```
/// use taskloom::prelude::*;
/// # fn load(part: i64) -> i64 { part }
/// let client = Client::builder().resource("disk", 1.0).build()?;
/// let part = client.options().priority(10).retries(3).resource("disk", 1.0).submit(load, (7,));
/// assert_eq!(part.result()?, 7);
/// # Ok::<(), taskloom::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Submit {
    client: Client,
    options: TaskOptions,
    name: Option<String>,
    pure: bool,
    asked: bool,
}

impl Submit {
    pub(super) fn new(client: &Client) -> Self {
        Submit { client: client.clone(), options: TaskOptions::default(), name: None, pure: false, asked: false }
    }

    /// Higher runs first; 0 without this. Equal ones run in the order of submission.
    pub fn priority(mut self, priority: i64) -> Self {
        self.options.priority = priority;
        self.asked = true;
        self
    }

    /// How many more attempts a failing task gets.
    pub fn retries(mut self, retries: u32) -> Self {
        self.options.retries = retries;
        self.asked = true;
        self
    }

    /// Takes `amount` of a resource that the client was [built with](super::ClientBuilder::resource) while it runs.
    pub fn resource(mut self, name: &str, amount: f64) -> Self {
        match self.options.resources.iter_mut().find(|(other, _)| other == name) {
            Some((_, wanted)) => *wanted += amount,
            None => self.options.resources.push((name.to_owned(), amount)),
        }
        self.asked = true;
        self
    }

    /// A name of your own: in errors, the status and profiles.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Whether the function gives the same result for the same arguments: then a second submission of the same work
    /// gives the first one's future, as long as somebody holds that and it has not been cancelled.
    pub fn pure(mut self, pure: bool) -> Self {
        self.pure = pure;
        self
    }

    fn boxed(&self) -> Option<Box<TaskOptions>> {
        self.asked.then(|| Box::new(self.options.clone()))
    }

    fn named(&self, name: &'static str) -> Cow<'static, str> {
        self.name.clone().map_or(Cow::Borrowed(name), Cow::Owned)
    }

    /// More of a resource than there is would wait for ever.
    fn problem(&self) -> Option<Error> {
        if self.client.remote().is_some() {
            // The workers have what they were started with, which may change.
            return None;
        }
        let limits = &self.client.dispatcher().limits;
        self.options.resources.iter().find_map(|(name, amount)| match limits.get(name) {
            Some(limit) if limit >= amount && *amount >= 0.0 => None,
            Some(limit) => Some(Error::Resource {
                message: format!("a task asks for {amount} of `{name}`, and the client has {limit} of it in all"),
            }),
            None => Some(Error::Resource {
                message: format!(
                    "a task asks for the resource `{name}`, which the client does not have; build the client with \
                     `.resource(\"{name}\", amount)`"
                ),
            }),
        })
    }

    fn start<R: Send + Sync + 'static>(
        &self,
        name: &'static str,
        step: std::sync::Arc<crate::task::Step>,
    ) -> (Future<R>, bool) {
        let dispatcher = self.client.dispatcher();
        if let Some(error) = self.problem() {
            return (future::failed(dispatcher, self.named(name), error), false);
        }
        if self.pure
            && let Ok(token) = crate::graph::keys::token(&step)
        {
            return self
                .client
                .pure_future(token, || future::prepare(dispatcher, self.named(name), step, self.boxed()));
        }
        future::prepare(dispatcher, self.named(name), step, self.boxed()).start()
    }

    /// As [`Client::submit`].
    pub fn submit<F, A, S>(&self, function: F, arguments: S) -> Future<F::Output>
    where
        F: Function<A>,
        A: 'static,
        S: Arguments<A>,
    {
        self.started(self.start(function_name::<F>(), step_of(function, arguments)))
    }

    /// As [`Client::try_submit`].
    pub fn try_submit<F, A, S, R, E>(&self, function: F, arguments: S) -> Future<R>
    where
        F: Function<A, Output = Result<R, E>>,
        A: 'static,
        S: Arguments<A>,
        R: Send + Sync + 'static,
        E: Into<BoxError> + 'static,
    {
        self.started(self.start(function_name::<F>(), fallible_step_of(function, arguments)))
    }

    fn started<R>(&self, (future, ready): (Future<R>, bool)) -> Future<R> {
        if ready {
            self.client.dispatcher().call(1);
        }
        future
    }

    /// As [`Client::map`].
    pub fn map<F, A, I>(&self, function: F, items: I) -> Vec<Future<F::Output>>
    where
        F: Function<(A,)> + Clone,
        A: Clone + Send + Sync + 'static,
        I: IntoIterator,
        (I::Item,): Arguments<(A,)>,
    {
        self.starmap(function, items.into_iter().map(|item| (item,)))
    }

    /// As [`Client::starmap`].
    pub fn starmap<F, A, I>(&self, function: F, arguments: I) -> Vec<Future<F::Output>>
    where
        F: Function<A> + Clone,
        A: 'static,
        I: IntoIterator,
        I::Item: Arguments<A>,
    {
        let name = function_name::<F>();
        let arguments = arguments.into_iter();
        let mut futures = Vec::with_capacity(arguments.size_hint().0);
        let mut waiting = 0;
        for arguments in arguments {
            let (future, ready) = self.start(name, step_of(function.clone(), arguments));
            futures.push(future);
            waiting += usize::from(ready);
            // The first ones may as well run while the others are made.
            if waiting == 64 {
                self.client.dispatcher().call(waiting);
                waiting = 0;
            }
        }
        if waiting > 0 {
            self.client.dispatcher().call(waiting);
        }
        futures
    }

    /// As [`Client::persist`].
    pub fn persist<T: Send + Sync + 'static>(&self, delayed: &Delayed<T>) -> Delayed<T> {
        self.compute(delayed).to_delayed()
    }

    /// As [`Client::compute`].
    pub fn compute<T: Send + Sync + 'static>(&self, delayed: &Delayed<T>) -> Future<T> {
        let dispatcher = self.client.dispatcher();
        let name = self.name.clone().unwrap_or_else(|| delayed.name().to_owned());
        let started = match self.problem() {
            Some(error) => (future::failed(dispatcher, Cow::Owned(name), error), false),
            None => future::prepare_graph(dispatcher, Cow::Owned(name), delayed.graph(), self.boxed()).start(),
        };
        self.started(started)
    }
}
