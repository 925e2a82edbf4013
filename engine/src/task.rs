//! One step of a graph: a name, a function, and how its arguments are fetched when it runs.

use std::any::{Any, type_name};
use std::borrow::Cow;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::error::BoxError;

/// What a task produces and what the next one receives. Shared, so that many tasks can read one result.
pub type Value = Arc<dyn Any + Send + Sync>;

/// How a task ended when it did not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    Error(BoxError),
    Panic(String),
}

/// The results that a task was waiting for, in the order of its inputs.
///
/// A slot that nobody else will read holds the only reference, so taking it by value moves instead of cloning.
#[derive(Debug)]
pub struct Inputs {
    slots: Vec<Option<Value>>,
}

impl Inputs {
    pub(crate) fn new(slots: Vec<Option<Value>>) -> Self {
        Inputs { slots }
    }

    fn slot<T: Send + Sync + 'static>(&mut self, index: usize) -> Arc<T> {
        let value = self.slots[index].take().expect("each slot is read once");
        value.downcast::<T>().unwrap_or_else(|_| unreachable!("a handle's type is its node's type"))
    }

    pub(crate) fn share<T: Send + Sync + 'static>(&mut self, index: usize) -> Arc<T> {
        self.slot(index)
    }
}

/// Fetches a task's arguments when it runs: the plans of all its parameters, as one tuple.
pub trait Fetch: Send + Sync + 'static {
    /// What the function is called with.
    type Items;
    /// Reads the arguments; called once for each run.
    fn fetch(&self, inputs: &mut Inputs) -> Self::Items;
}

macro_rules! fetch_tuple {
    ($($part:ident $index:tt),*) => {
        impl<$($part: Fetch),*> Fetch for ($($part,)*) {
            type Items = ($($part::Items,)*);
            fn fetch(&self, inputs: &mut Inputs) -> Self::Items {
                ($(self.$index.fetch(inputs),)*)
            }
        }
    };
}
impl Fetch for () {
    type Items = ();
    fn fetch(&self, _inputs: &mut Inputs) {}
}

fetch_tuple!(A 0);
fetch_tuple!(A 0, B 1);
fetch_tuple!(A 0, B 1, C 2);
fetch_tuple!(A 0, B 1, C 2, D 3);
fetch_tuple!(A 0, B 1, C 2, D 3, E 4);
fetch_tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
fetch_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
fetch_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

/// Whether a task could leave this process, as compiled code and encoded arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Travel {
    /// The function captures nothing: its code address and the type of its arguments say it all.
    Function {
        /// Address of the task's entry point, to be named by (shared object, offset).
        entry: usize,
        /// The Rust type of the arguments, which have to be encoded.
        arguments: &'static str,
    },
    /// It has to stay, and this is why.
    Stays {
        /// A sentence for whoever asked it to leave.
        why: String,
    },
}

/// A named function with its arguments, ready to run any number of times.
pub struct Task {
    name: Cow<'static, str>,
    body: Box<dyn Body>,
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Task {
    pub(crate) fn new<P, F, R>(name: impl Into<Cow<'static, str>>, plans: P, function: F) -> Self
    where
        P: Fetch,
        F: Fn(P::Items) -> Result<R, BoxError> + Send + Sync + 'static,
        R: Send + Sync + 'static,
    {
        Task { name: name.into(), body: Box::new(Call { plans, function, result: PhantomData }) }
    }

    /// The function's name, as written where the task was made.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether, and how, this task can travel to another process.
    pub fn travel(&self) -> Travel {
        self.body.travel(&self.name)
    }

    pub(crate) fn run(&self, inputs: Inputs) -> Result<Value, Failure> {
        crate::panics::in_task(|| catch_unwind(AssertUnwindSafe(|| self.body.call(inputs))))
            .unwrap_or_else(|payload| Err(Failure::Panic(crate::panics::message(&*payload))))
    }
}

trait Body: Send + Sync {
    fn call(&self, inputs: Inputs) -> Result<Value, Failure>;
    fn travel(&self, name: &str) -> Travel;
}

struct Call<P, F, R> {
    plans: P,
    function: F,
    result: PhantomData<fn() -> R>,
}

/// The code that a travelling task names: it rebuilds the call from plans and inputs alone.
fn entry<P, F, R>(plans: &P, function: &F, mut inputs: Inputs) -> Result<Value, Failure>
where
    P: Fetch,
    F: Fn(P::Items) -> Result<R, BoxError> + Send + Sync + 'static,
    R: Send + Sync + 'static,
{
    let items = plans.fetch(&mut inputs);
    match function(items) {
        Ok(result) => Ok(Arc::new(result)),
        Err(error) => Err(Failure::Error(error)),
    }
}

impl<P, F, R> Body for Call<P, F, R>
where
    P: Fetch,
    F: Fn(P::Items) -> Result<R, BoxError> + Send + Sync + 'static,
    R: Send + Sync + 'static,
{
    fn call(&self, inputs: Inputs) -> Result<Value, Failure> {
        entry(&self.plans, &self.function, inputs)
    }

    fn travel(&self, name: &str) -> Travel {
        if size_of::<F>() == 0 {
            let entry: fn(&P, &F, Inputs) -> Result<Value, Failure> = entry::<P, F, R>;
            Travel::Function { entry: entry as usize, arguments: type_name::<P>() }
        } else {
            Travel::Stays {
                why: format!(
                    "task `{name}` captures {} bytes of its surroundings; pass them as arguments instead",
                    size_of::<F>()
                ),
            }
        }
    }
}
