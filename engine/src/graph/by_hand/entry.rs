//! What stands behind a key.

use std::sync::Arc;

use super::Key;
use crate::error::BoxError;
use crate::task::function::{Arguments, Function, fallible_step_of, step_of};
use crate::task::{Data, Registered, ResultType, Step};

/// What a key of a [`TaskGraph`](super::TaskGraph) stands for: a value, a task, or another key.
///
/// The methods of the graph make entries by themselves; an entry of one's own is for
/// [`insert`](super::TaskGraph::insert) and [`replace`](super::TaskGraph::replace). Cloning is cheap.
///
/// ```
/// use taskloom::graph::{Entry, TaskGraph, key};
/// let mut graph = TaskGraph::new();
/// graph.insert("x", Entry::value(2_i64))?;
/// graph.insert("y", Entry::task(i64::pow, (key("x"), 5_u32)))?;
/// graph.replace("x", Entry::value(3_i64));
/// assert_eq!(graph.get::<i64>("y")?, 243);
/// # Ok::<(), taskloom::Error>(())
/// ```
#[derive(Clone)]
pub struct Entry {
    /// Nothing for an alias.
    pub(super) step: Option<Arc<Step>>,
    /// What the step reads, in that order; the target of an alias.
    pub(super) needs: Arc<[Need]>,
}

/// One input of an entry.
#[derive(Debug, Clone)]
pub(super) enum Need {
    /// The result of a key, and its type where somebody asks for one.
    Key(Key, Option<ResultType>),
    /// The result of a handle from outside the graph.
    Step(Arc<Step>),
}

impl Entry {
    /// A value that is already there.
    pub fn value<T: Send + Sync + 'static>(value: T) -> Entry {
        Entry::of(Step::new(Data::<T, Registered>::new(Arc::new(value))))
    }

    /// A call of `function`, which gets its arguments by value.
    ///
    /// An argument is a value, a [`key`](super::key), several [`keys`](super::keys), or a
    /// [`&Delayed`](crate::Delayed).
    pub fn task<F, A, S>(function: F, arguments: S) -> Entry
    where
        F: Function<A>,
        A: 'static,
        S: Arguments<A>,
    {
        Entry::of(step_of(function, arguments))
    }

    /// A call of a function whose `Err` fails the task.
    pub fn try_task<F, A, S, R, E>(function: F, arguments: S) -> Entry
    where
        F: Function<A, Output = Result<R, E>>,
        A: 'static,
        S: Arguments<A>,
        R: Send + Sync + 'static,
        E: Into<BoxError> + 'static,
    {
        Entry::of(fallible_step_of(function, arguments))
    }

    /// Another name for what `target` stands for.
    pub fn alias(target: impl Into<Key>) -> Entry {
        Entry { step: None, needs: Arc::new([Need::Key(target.into(), None)]) }
    }

    /// The function's name, of a task.
    pub fn function(&self) -> Option<&str> {
        self.step.as_ref().filter(|step| step.is_task()).map(|step| step.name())
    }

    /// The key that an alias is another name for.
    pub fn target(&self) -> Option<&Key> {
        match (&self.step, self.needs.first()) {
            (None, Some(Need::Key(target, _))) => Some(target),
            _ => None,
        }
    }

    /// Reads from a step what it needs: its placeholders are keys.
    fn of(step: Arc<Step>) -> Entry {
        let mut needs = Vec::new();
        step.body().inputs(&mut |input| {
            needs.push(match input.body().placeholder() {
                Some(placeholder) => Need::Key(placeholder.key().clone(), Some(placeholder.wanted())),
                None => Need::Step(Arc::clone(input)),
            });
        });
        Entry { step: Some(step), needs: needs.into() }
    }

    /// The keys it needs, in the order of the arguments; one may come twice.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.needs.iter().filter_map(|need| match need {
            Need::Key(key, _) => Some(key),
            Need::Step(_) => None,
        })
    }

    /// As a person would write it: `add(y, 10)`, or a value, or a key.
    pub(super) fn written(&self) -> String {
        let mut needs = self.needs.iter();
        let mut next = || match needs.next() {
            Some(Need::Key(key, _)) => key.to_string(),
            Some(Need::Step(step)) => crate::graph::keys::key(step),
            None => String::new(),
        };
        match &self.step {
            None => next(),
            Some(step) => {
                let arguments = step.body().shown_arguments(&mut next).join(", ");
                if step.is_task() { format!("{}({arguments})", step.name()) } else { arguments }
            }
        }
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.written())
    }
}
