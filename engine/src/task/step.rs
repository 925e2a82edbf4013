//! Nodes as handles see them: shared, immutable, holding on to whatever they need.

use std::any::TypeId;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::pack::{Packer, Unpacker};
use super::{Composite, Failure, Inputs, Placeholder, ResultType, Travel, Value};
use crate::travel::Codec;

/// What a step is for a scheduler.
#[derive(Debug)]
pub enum Role<'a> {
    /// Something to run.
    Task,
    /// A value that is already there.
    Data(&'a Value),
}

/// Makes a body anew from the bytes that [`Body::pack`] wrote: the code that a travelling task names.
pub type Revive = fn(&mut Unpacker<'_>) -> Result<Arc<Step>, String>;

/// What a step does, behind its header.
pub trait Body: Send + Sync + 'static {
    /// What a person calls it.
    fn name(&self) -> &str;

    /// The Rust type of the result.
    fn type_name(&self) -> &'static str;

    /// The same type, to be compared.
    fn result_type(&self) -> ResultType;

    /// Task or data.
    fn role(&self) -> Role<'_> {
        Role::Task
    }

    /// Shows the steps whose results this one needs, in the order in which `run` reads them; one may come twice.
    fn inputs<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Step>));

    /// Gives up all links to other steps, so that a long chain can be dropped without recursion.
    fn release(&mut self, into: &mut Vec<Arc<Step>>);

    /// Calls the function. May unwind.
    fn run(&self, inputs: &mut Inputs<'_>) -> Result<Value, Failure>;

    /// The arguments as values with their types, for whoever looks into a failure.
    fn arguments(&self, inputs: &mut Inputs<'_>) -> Vec<(Value, &'static str)>;

    /// The code that makes this body anew and the type of its arguments, or why it has to stay.
    fn code(&self) -> Result<(Revive, &'static str), String>;

    /// The type of the function: equal for the same compiled code.
    fn function(&self) -> TypeId;

    /// Writes the arguments that are already there.
    fn pack(&self, packer: &mut Packer) -> Result<(), String>;

    /// How results of this step become bytes.
    fn result_codec(&self) -> Option<Codec>;

    /// What a client's future keeps behind its step; `None` for every other step.
    fn awaited(&self) -> Option<&dyn std::any::Any> {
        None
    }

    /// Equal tokens stand for equal work; `None` for a step that is only equal to itself.
    fn token(&self) -> Option<u128> {
        None
    }

    /// The arguments as a person reads them; `next` gives the name of each input in turn.
    fn shown_arguments(&self, next: &mut dyn FnMut() -> String) -> Vec<String> {
        let mut shown = Vec::new();
        self.inputs(&mut |_| shown.push(next()));
        shown
    }

    /// The parts, of a step that is several in one.
    fn composite(&self) -> Option<&Composite> {
        None
    }

    /// The key that this step stands for until a graph puts another in its place.
    fn placeholder(&self) -> Option<&Placeholder> {
        None
    }
}

/// A node that handles share. Opaque: it is what [`Delayed`](crate::Delayed) and futures hold.
pub struct Step<B: Body + ?Sized = dyn Body> {
    /// The last lowering that saw this step, and the id it gave: see [`crate::graph`].
    pub(crate) mark: AtomicU64,
    pub(crate) key: u64,
    body: B,
}

impl<B: Body + ?Sized> std::fmt::Debug for Step<B> {
    /// One line: following the inputs would write a shared branch once for each path that leads to it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.body.name(), self.key)
    }
}

impl Step {
    pub(crate) fn new<B: Body>(body: B) -> Arc<Step> {
        static NEXT_KEY: AtomicU64 = AtomicU64::new(0);
        Step::with_key(NEXT_KEY.fetch_add(1, Ordering::Relaxed), body)
    }

    /// A step in the place of another: who knows that one by its key knows this.
    pub(crate) fn with_key<B: Body>(key: u64, body: B) -> Arc<Step> {
        Arc::new(Step { mark: AtomicU64::new(0), key, body })
    }
}

impl<B: Body + ?Sized> Step<B> {
    pub(crate) fn name(&self) -> &str {
        self.body.name()
    }

    pub(crate) fn body(&self) -> &B {
        &self.body
    }

    /// The keys of the steps that run as this one: its own, or those of its parts, the last of which is its own too.
    pub(crate) fn keys(&self) -> Vec<u64> {
        self.body.composite().map_or_else(|| vec![self.key], |composite| composite.part_keys().collect())
    }

    pub(crate) fn is_task(&self) -> bool {
        matches!(self.body.role(), Role::Task)
    }

    /// Runs the task; a panic becomes a [`Failure`].
    pub(crate) fn run(&self, mut inputs: Inputs<'_>) -> Result<Value, Failure> {
        catch_unwind(AssertUnwindSafe(|| self.body.run(&mut inputs)))
            .unwrap_or_else(|payload| Err(Failure::Panic(crate::panics::message(&*payload))))
    }

    pub(crate) fn travel(&self) -> Travel {
        match self.body.code() {
            Ok((revive, arguments)) => Travel::Function { entry: revive as usize, arguments },
            Err(why) => Travel::Stays { why },
        }
    }
}

impl<B: Body + ?Sized> Drop for Step<B> {
    /// Dropping the last handle of a chain of ten million steps must not use ten million stack frames.
    fn drop(&mut self) {
        let mut doomed = Vec::new();
        self.body.release(&mut doomed);
        while let Some(mut step) = doomed.pop() {
            if let Some(step) = Arc::get_mut(&mut step) {
                step.body.release(&mut doomed);
            }
        }
    }
}
