//! What a node of a graph is: a call with its arguments, or a value that is already there.
//!
//! A [`Step`] is one allocation: a few words of header, then the body with the arguments and the links to the steps
//! whose results it needs. A [`Fetch`] is the arguments of an ordinary call, and says how each is found when the task
//! runs.

mod bound;
mod call;
mod composite;
pub(crate) mod function;
mod label;
mod made;
mod pack;
mod parts;
mod result_type;
mod shown;
mod step;
mod work;

use std::any::Any;
use std::sync::Arc;

pub(crate) use bound::{Bound, Placeholder};
pub use call::{ByReference, ByValue, Fetch, Finished, Kept, KeptShared, Plan, Site, Slot};
pub(crate) use call::{Call, Data, arrived};
pub(crate) use composite::{Composite, Joiner, Source};
pub(crate) use label::Label;
pub(crate) use made::{Made, conjured};
pub use pack::{Encoding, Packer, Registered, Serde, Unpacker};
pub(crate) use parts::{Pack, Stays, packed};
pub use result_type::{ResultType, TypeOf};
pub use step::Step;
pub(crate) use step::{Body, Revive, Role};
pub(crate) use work::{Kind, MERGED_AT_ONCE, body_of_values, merged, taken, value_task};

use crate::error::BoxError;

/// What a task produces and what the next one receives. Shared, so that many tasks can read one result.
pub type Value = Arc<dyn Any + Send + Sync>;

/// How a task ended when it did not end well.
#[derive(Debug)]
pub enum Failure {
    /// The function returned an error.
    Error(BoxError),
    /// The function panicked; its message.
    Panic(String),
    /// A task that runs inside this one, as part of a fused chain, did not end well.
    Inside {
        /// Its name.
        task: String,
        /// The others inside that were waiting for it, nearest first.
        needed_by: Vec<String>,
        /// How it ended.
        failure: Box<Failure>,
    },
}

/// The results that a task was waiting for, handed out in the order of its inputs.
///
/// A result that nobody else will read comes as the only reference to it, so taking it by value moves instead of
/// cloning.
pub struct Inputs<'a> {
    next: &'a mut dyn FnMut() -> Value,
}

impl std::fmt::Debug for Inputs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inputs")
    }
}

impl<'a> Inputs<'a> {
    pub(crate) fn new(next: &'a mut dyn FnMut() -> Value) -> Self {
        Inputs { next }
    }

    pub(crate) fn next<T: Send + Sync + 'static>(&mut self) -> Arc<T> {
        let value = (self.next)();
        value.downcast::<T>().unwrap_or_else(|_| unreachable!("a handle's type is its node's type"))
    }

    pub(crate) fn next_value(&mut self) -> Value {
        (self.next)()
    }
}

/// Whether a task could leave this process, as compiled code and encoded arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Travel {
    /// The function captures nothing: its code address and the type of its arguments say it all.
    Function {
        /// Address of the code that makes the task anew, to be named by (shared object, offset).
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

/// A task of a [`Graph`](crate::graph::Graph): its function's name, and whether it could run elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    step: &'a Step,
}

impl<'a> Task<'a> {
    pub(crate) fn new(step: &'a Step) -> Self {
        Task { step }
    }

    /// The function's name, as written where the task was made, or the name it was given.
    pub fn name(&self) -> &'a str {
        self.step.name()
    }

    /// Whether, and how, this task can travel to another process.
    pub fn travel(&self) -> Travel {
        self.step.travel()
    }
}
