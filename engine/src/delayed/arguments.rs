//! What may stand where an argument of a delayed call stands, and how the function gets it.
//!
//! `delayed!` cannot see types, so it leaves the choice to method resolution: every argument is wrapped, and of the
//! traits that fit the wrapper the one found with fewer dereferences wins ("autoref specialisation", described by
//! David Tolnay in his case studies of procedural macros). A lazy value wins over a plain one.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

use super::Delayed;
use crate::error::BoxError;
use crate::graph::Step;
use crate::task::{Fetch, Inputs};

/// The nodes that a call needs, in the order its plans read them.
#[derive(Debug, Default)]
pub struct InputList {
    steps: Vec<Arc<Step>>,
}

impl InputList {
    fn push(&mut self, step: &Arc<Step>) -> usize {
        self.steps.push(Arc::clone(step));
        self.steps.len() - 1
    }

    pub(super) fn into_steps(self) -> Vec<Arc<Step>> {
        self.steps
    }
}

/// A handle, or a collection of handles, that stands for a value which a task will receive.
///
/// Implemented for [`Delayed`] and for vectors, arrays, options, tuples and maps whose elements are lazy.
pub trait Lazy {
    /// What the function receives.
    type Item: Send + Sync + 'static;
    /// How to find it among a task's inputs.
    type Plan: Plan<Self::Item>;
    /// Registers the nodes needed.
    fn plan(&self, inputs: &mut InputList) -> Self::Plan;
}

/// Reads one argument from a task's inputs.
pub trait Plan<T>: Send + Sync + 'static {
    /// The argument, shared.
    fn share(&self, inputs: &mut Inputs) -> Arc<T>;
    /// The argument, by value.
    fn take(&self, inputs: &mut Inputs) -> T
    where
        T: Clone,
    {
        Arc::unwrap_or_clone(self.share(inputs))
    }
}

/// The place of one handle's result.
#[derive(Debug)]
pub struct Slot(usize);

impl<T: Send + Sync + 'static> Plan<T> for Slot {
    fn share(&self, inputs: &mut Inputs) -> Arc<T> {
        inputs.share(self.0)
    }
}

impl<T: Send + Sync + 'static> Lazy for Delayed<T> {
    type Item = T;
    type Plan = Slot;
    fn plan(&self, inputs: &mut InputList) -> Slot {
        Slot(inputs.push(self.step()))
    }
}

impl<L: Lazy> Lazy for &L {
    type Item = L::Item;
    type Plan = L::Plan;
    fn plan(&self, inputs: &mut InputList) -> L::Plan {
        (**self).plan(inputs)
    }
}

/// The plans of a collection's elements.
#[derive(Debug)]
pub struct Each<C>(C);

impl<T: Clone, P: Plan<T>> Plan<Vec<T>> for Each<Vec<P>> {
    fn share(&self, inputs: &mut Inputs) -> Arc<Vec<T>> {
        Arc::new(self.0.iter().map(|plan| plan.take(inputs)).collect())
    }
}

impl<L: Lazy> Lazy for Vec<L>
where
    L::Item: Clone,
{
    type Item = Vec<L::Item>;
    type Plan = Each<Vec<L::Plan>>;
    fn plan(&self, inputs: &mut InputList) -> Self::Plan {
        Each(self.iter().map(|lazy| lazy.plan(inputs)).collect())
    }
}

impl<T: Clone, P: Plan<T>, const N: usize> Plan<[T; N]> for Each<[P; N]> {
    fn share(&self, inputs: &mut Inputs) -> Arc<[T; N]> {
        Arc::new(std::array::from_fn(|index| self.0[index].take(inputs)))
    }
}

impl<L: Lazy, const N: usize> Lazy for [L; N]
where
    L::Item: Clone,
{
    type Item = [L::Item; N];
    type Plan = Each<[L::Plan; N]>;
    fn plan(&self, inputs: &mut InputList) -> Self::Plan {
        Each(std::array::from_fn(|index| self[index].plan(inputs)))
    }
}

impl<T: Clone, P: Plan<T>> Plan<Option<T>> for Each<Option<P>> {
    fn share(&self, inputs: &mut Inputs) -> Arc<Option<T>> {
        Arc::new(self.0.as_ref().map(|plan| plan.take(inputs)))
    }
}

impl<L: Lazy> Lazy for Option<L>
where
    L::Item: Clone,
{
    type Item = Option<L::Item>;
    type Plan = Each<Option<L::Plan>>;
    fn plan(&self, inputs: &mut InputList) -> Self::Plan {
        Each(self.as_ref().map(|lazy| lazy.plan(inputs)))
    }
}

macro_rules! lazy_map {
    ($map:ident, $($bound:path),+) => {
        impl<K, T, P> Plan<$map<K, T>> for Each<Vec<(K, P)>>
        where
            K: Clone + Send + Sync + 'static $(+ $bound)+,
            T: Clone,
            P: Plan<T>,
        {
            fn share(&self, inputs: &mut Inputs) -> Arc<$map<K, T>> {
                Arc::new(self.0.iter().map(|(key, plan)| (key.clone(), plan.take(inputs))).collect())
            }
        }

        impl<K, L> Lazy for $map<K, L>
        where
            K: Clone + Send + Sync + 'static $(+ $bound)+,
            L: Lazy,
            L::Item: Clone,
        {
            type Item = $map<K, L::Item>;
            type Plan = Each<Vec<(K, L::Plan)>>;
            fn plan(&self, inputs: &mut InputList) -> Self::Plan {
                Each(self.iter().map(|(key, lazy)| (key.clone(), lazy.plan(inputs))).collect())
            }
        }
    };
}
lazy_map!(HashMap, Eq, Hash);
lazy_map!(BTreeMap, Ord);

macro_rules! lazy_tuple {
    ($($part:ident $item:ident $index:tt),+) => {
        impl<$($item: Clone, $part: Plan<$item>),+> Plan<($($item,)+)> for Each<($($part,)+)> {
            fn share(&self, inputs: &mut Inputs) -> Arc<($($item,)+)> {
                Arc::new(($(self.0.$index.take(inputs),)+))
            }
        }

        impl<$($part: Lazy),+> Lazy for ($($part,)+)
        where
            $($part::Item: Clone),+
        {
            type Item = ($($part::Item,)+);
            type Plan = Each<($($part::Plan,)+)>;
            fn plan(&self, inputs: &mut InputList) -> Self::Plan {
                Each(($(self.$index.plan(inputs),)+))
            }
        }
    };
}
lazy_tuple!(A X 0, B Y 1);
lazy_tuple!(A X 0, B Y 1, C Z 2);
lazy_tuple!(A X 0, B Y 1, C Z 2, D W 3);

/// An argument that the function receives by value.
#[derive(Debug)]
pub struct ByValue<T, P> {
    plan: P,
    item: PhantomData<fn() -> T>,
}

impl<T: Clone + 'static, P: Plan<T>> Fetch for ByValue<T, P> {
    type Items = T;
    fn fetch(&self, inputs: &mut Inputs) -> T {
        self.plan.take(inputs)
    }
}

/// An argument that the function receives by reference.
#[derive(Debug)]
pub struct ByReference<T, P> {
    plan: P,
    item: PhantomData<fn() -> T>,
}

impl<T: 'static, P: Plan<T>> Fetch for ByReference<T, P> {
    type Items = Arc<T>;
    fn fetch(&self, inputs: &mut Inputs) -> Arc<T> {
        self.plan.share(inputs)
    }
}

/// A plain value that was there when the call was written.
#[derive(Debug)]
pub struct Constant<T>(Arc<T>);

impl<T: Send + Sync + 'static> Plan<T> for Constant<T> {
    fn share(&self, _inputs: &mut Inputs) -> Arc<T> {
        Arc::clone(&self.0)
    }
}

/// An argument written as a name: the caller keeps it.
#[derive(Debug)]
pub struct Borrowed<'a, T>(pub &'a T);

/// An argument written as an expression: its value moves into the task.
pub struct Moved<T>(Cell<Option<T>>);

impl<T> Moved<T> {
    /// Wraps the value until a trait takes it out again.
    pub fn new(value: T) -> Self {
        Moved(Cell::new(Some(value)))
    }

    fn take(&self) -> T {
        self.0.take().expect("a moved argument is taken once")
    }
}

/// A lazy argument by value.
pub trait TakenLazy {
    /// How the function's argument is found.
    type Fetch: Fetch;
    /// Registers what the argument needs.
    fn taken(&self, inputs: &mut InputList) -> Self::Fetch;
}

/// A plain argument by value.
pub trait Taken {
    /// How the function's argument is found.
    type Fetch: Fetch;
    /// Keeps the value for the task.
    fn taken(&self, inputs: &mut InputList) -> Self::Fetch;
}

/// A lazy argument by reference.
pub trait SharedLazy {
    /// How the function's argument is found.
    type Fetch: Fetch;
    /// Registers what the argument needs.
    fn shared(&self, inputs: &mut InputList) -> Self::Fetch;
}

/// A plain argument by reference.
pub trait Shared {
    /// How the function's argument is found.
    type Fetch: Fetch;
    /// Keeps the value for the task.
    fn shared(&self, inputs: &mut InputList) -> Self::Fetch;
}

impl<L: Lazy> TakenLazy for &Borrowed<'_, L>
where
    L::Item: Clone,
{
    type Fetch = ByValue<L::Item, L::Plan>;
    fn taken(&self, inputs: &mut InputList) -> Self::Fetch {
        ByValue { plan: self.0.plan(inputs), item: PhantomData }
    }
}

impl<T: Clone + Send + Sync + 'static> Taken for Borrowed<'_, T> {
    type Fetch = ByValue<T, Constant<T>>;
    fn taken(&self, _inputs: &mut InputList) -> Self::Fetch {
        ByValue { plan: Constant(Arc::new(self.0.clone())), item: PhantomData }
    }
}

impl<L: Lazy> SharedLazy for &Borrowed<'_, L> {
    type Fetch = ByReference<L::Item, L::Plan>;
    fn shared(&self, inputs: &mut InputList) -> Self::Fetch {
        ByReference { plan: self.0.plan(inputs), item: PhantomData }
    }
}

impl<T: Clone + Send + Sync + 'static> Shared for Borrowed<'_, T> {
    type Fetch = ByReference<T, Constant<T>>;
    fn shared(&self, _inputs: &mut InputList) -> Self::Fetch {
        ByReference { plan: Constant(Arc::new(self.0.clone())), item: PhantomData }
    }
}

impl<L: Lazy> TakenLazy for &Moved<L>
where
    L::Item: Clone,
{
    type Fetch = ByValue<L::Item, L::Plan>;
    fn taken(&self, inputs: &mut InputList) -> Self::Fetch {
        ByValue { plan: self.take().plan(inputs), item: PhantomData }
    }
}

impl<T: Clone + Send + Sync + 'static> Taken for Moved<T> {
    type Fetch = ByValue<T, Constant<T>>;
    fn taken(&self, _inputs: &mut InputList) -> Self::Fetch {
        ByValue { plan: Constant(Arc::new(self.take())), item: PhantomData }
    }
}

/// What a delayed function returned.
pub struct Returned<T>(Cell<Option<T>>);

impl<T> Returned<T> {
    /// Wraps the value until a trait takes it out again.
    pub fn new(value: T) -> Self {
        Returned(Cell::new(Some(value)))
    }
}

/// A function that can fail: its `Ok` is the node's value.
pub trait ReturnedResult {
    /// The type of the node's value.
    type Value;
    /// Splits success from failure.
    fn finish(&self) -> Result<Self::Value, BoxError>;
}

impl<T, E: Into<BoxError>> ReturnedResult for &Returned<Result<T, E>> {
    type Value = T;
    fn finish(&self) -> Result<T, BoxError> {
        self.0.take().expect("a returned value is taken once").map_err(Into::into)
    }
}

/// A function that cannot fail.
pub trait ReturnedPlain {
    /// The type of the node's value.
    type Value;
    /// The value as it came.
    fn finish(&self) -> Result<Self::Value, BoxError>;
}

impl<T> ReturnedPlain for Returned<T> {
    type Value = T;
    fn finish(&self) -> Result<T, BoxError> {
        Ok(self.0.take().expect("a returned value is taken once"))
    }
}
