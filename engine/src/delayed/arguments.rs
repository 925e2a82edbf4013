//! What may stand where an argument of a delayed call stands, and how the function gets it.
//!
//! `delayed!` cannot see types, so it leaves the choice to method resolution: every argument is wrapped, and of the
//! traits that fit the wrapper the one found with fewer dereferences wins ("autoref specialisation", described by
//! David Tolnay in his case studies of procedural macros). A lazy value wins over a plain one, and a plain value that
//! serde can write down wins over one that it cannot, so that a task knows how its arguments would travel although
//! nothing is asked of their types.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Delayed;
use crate::error::BoxError;
use crate::task::{
    ByReference, ByValue, Fetch, Finished, Inputs, Kept, KeptShared, Packer, Plan, Registered, Serde, Slot, Step,
    Unpacker,
};
use crate::travel::{Codec, codec_of};

/// A handle, or a collection of handles, that stands for a value which a task will receive.
///
/// Implemented for [`Delayed`] and for vectors, arrays, options, tuples and maps whose elements are lazy.
pub trait Lazy {
    /// What the function receives.
    type Item: Send + Sync + 'static;
    /// How to find it among a task's inputs.
    type Plan: Plan<Self::Item>;
    /// Says how the value is found.
    fn plan(&self) -> Self::Plan;
}

impl<T: Send + Sync + 'static> Lazy for Delayed<T> {
    type Item = T;
    type Plan = Slot;
    fn plan(&self) -> Slot {
        Slot::new(self.step())
    }
}

impl<L: Lazy> Lazy for &L {
    type Item = L::Item;
    type Plan = L::Plan;
    fn plan(&self) -> L::Plan {
        (**self).plan()
    }
}

/// The plans of a collection's elements.
#[derive(Debug)]
pub struct Each<C>(C);

// The parts of a plan that are the same for every collection whose plans can be iterated.
macro_rules! links_of_each {
    () => {
        fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Step>)) {
            self.0.iter().for_each(|plan| plan.visit(visit));
        }
        fn release(&mut self, into: &mut Vec<Arc<Step>>) {
            self.0.iter_mut().for_each(|plan| plan.release(into));
        }
    };
}

impl<T: Clone, P: Plan<T>> Plan<Vec<T>> for Each<Vec<P>> {
    fn share(&self, inputs: &mut Inputs<'_>) -> Arc<Vec<T>> {
        Arc::new(self.take(inputs))
    }
    fn take(&self, inputs: &mut Inputs<'_>) -> Vec<T> {
        self.0.iter().map(|plan| plan.take(inputs)).collect()
    }
    links_of_each!();
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        packer.count(self.0.len());
        self.0.iter().try_for_each(|plan| plan.pack(packer))
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        let count = unpacker.count()?;
        (0..count).map(|_| P::unpack(unpacker)).collect::<Result<_, _>>().map(Each)
    }
}

impl<L: Lazy> Lazy for Vec<L>
where
    L::Item: Clone,
{
    type Item = Vec<L::Item>;
    type Plan = Each<Vec<L::Plan>>;
    fn plan(&self) -> Self::Plan {
        Each(self.iter().map(Lazy::plan).collect())
    }
}

impl<T: Clone, P: Plan<T>, const N: usize> Plan<[T; N]> for Each<[P; N]> {
    fn share(&self, inputs: &mut Inputs<'_>) -> Arc<[T; N]> {
        Arc::new(std::array::from_fn(|index| self.0[index].take(inputs)))
    }
    links_of_each!();
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        self.0.iter().try_for_each(|plan| plan.pack(packer))
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        let plans: Vec<P> = (0..N).map(|_| P::unpack(unpacker)).collect::<Result<_, _>>()?;
        plans.try_into().map(Each).map_err(|_| unreachable!("as many plans as were counted"))
    }
}

impl<L: Lazy, const N: usize> Lazy for [L; N]
where
    L::Item: Clone,
{
    type Item = [L::Item; N];
    type Plan = Each<[L::Plan; N]>;
    fn plan(&self) -> Self::Plan {
        Each(std::array::from_fn(|index| self[index].plan()))
    }
}

impl<T: Clone, P: Plan<T>> Plan<Option<T>> for Each<Option<P>> {
    fn share(&self, inputs: &mut Inputs<'_>) -> Arc<Option<T>> {
        Arc::new(self.0.as_ref().map(|plan| plan.take(inputs)))
    }
    links_of_each!();
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        packer.count(self.0.iter().len());
        self.0.iter().try_for_each(|plan| plan.pack(packer))
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        let count = unpacker.count()?;
        (count > 0).then(|| P::unpack(unpacker)).transpose().map(Each)
    }
}

impl<L: Lazy> Lazy for Option<L>
where
    L::Item: Clone,
{
    type Item = Option<L::Item>;
    type Plan = Each<Option<L::Plan>>;
    fn plan(&self) -> Self::Plan {
        Each(self.as_ref().map(Lazy::plan))
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
            fn share(&self, inputs: &mut Inputs<'_>) -> Arc<$map<K, T>> {
                Arc::new(self.0.iter().map(|(key, plan)| (key.clone(), plan.take(inputs))).collect())
            }
            fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Step>)) {
                self.0.iter().for_each(|(_, plan)| plan.visit(visit));
            }
            fn release(&mut self, into: &mut Vec<Arc<Step>>) {
                self.0.iter_mut().for_each(|(_, plan)| plan.release(into));
            }
            fn pack(&self, packer: &mut Packer) -> Result<(), String> {
                packer.count(self.0.len());
                self.0.iter().try_for_each(|(key, plan)| {
                    packer.value(key, key_codec::<K>())?;
                    plan.pack(packer)
                })
            }
            fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
                let count = unpacker.count()?;
                let entry = |_| Ok((Arc::unwrap_or_clone(unpacker.value(key_codec::<K>())?), P::unpack(unpacker)?));
                (0..count).map(entry).collect::<Result<_, String>>().map(Each)
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
            fn plan(&self) -> Self::Plan {
                Each(self.iter().map(|(key, lazy)| (key.clone(), lazy.plan())).collect())
            }
        }
    };
}

/// The keys of a lazy map are plain values inside a lazy one, so only the registry can know them.
fn key_codec<K: 'static>() -> Option<Codec> {
    codec_of(std::any::TypeId::of::<K>())
}
lazy_map!(HashMap, Eq, Hash);
lazy_map!(BTreeMap, Ord);

macro_rules! lazy_tuple {
    ($($part:ident $item:ident $index:tt),+) => {
        impl<$($item: Clone, $part: Plan<$item>),+> Plan<($($item,)+)> for Each<($($part,)+)> {
            fn share(&self, inputs: &mut Inputs<'_>) -> Arc<($($item,)+)> {
                Arc::new(($(self.0.$index.take(inputs),)+))
            }
            fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Step>)) {
                $(self.0.$index.visit(visit);)+
            }
            fn release(&mut self, into: &mut Vec<Arc<Step>>) {
                $(self.0.$index.release(into);)+
            }
            fn pack(&self, packer: &mut Packer) -> Result<(), String> {
                $(self.0.$index.pack(packer)?;)+
                Ok(())
            }
            fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
                Ok(Each(($($part::unpack(unpacker)?,)+)))
            }
        }

        impl<$($part: Lazy),+> Lazy for ($($part,)+)
        where
            $($part::Item: Clone),+
        {
            type Item = ($($part::Item,)+);
            type Plan = Each<($($part::Plan,)+)>;
            fn plan(&self) -> Self::Plan {
                Each(($(self.$index.plan(),)+))
            }
        }
    };
}
lazy_tuple!(A X 0);
lazy_tuple!(A X 0, B Y 1);
lazy_tuple!(A X 0, B Y 1, C Z 2);
lazy_tuple!(A X 0, B Y 1, C Z 2, D W 3);

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

// Three traits for each way of passing, from the one that is tried first to the one that always fits.
macro_rules! passing {
    ($lazy:ident, $serde:ident, $plain:ident, $method:ident, $how:literal) => {
        #[doc = concat!("A lazy argument ", $how, ".")]
        pub trait $lazy {
            /// How the function's argument is found.
            type Fetch: Fetch;
            /// Makes the plan.
            fn $method(&self) -> Self::Fetch;
        }

        #[doc = concat!("A plain argument that serde can write down, ", $how, ".")]
        pub trait $serde {
            /// How the function's argument is found.
            type Fetch: Fetch;
            /// Keeps the value for the task.
            fn $method(&self) -> Self::Fetch;
        }

        #[doc = concat!("A plain argument ", $how, ".")]
        pub trait $plain {
            /// How the function's argument is found.
            type Fetch: Fetch;
            /// Keeps the value for the task.
            fn $method(&self) -> Self::Fetch;
        }
    };
}
passing!(TakenLazy, TakenSerde, Taken, taken, "by value");
passing!(SharedLazy, SharedSerde, Shared, shared, "by reference");

impl<L: Lazy> TakenLazy for &&Borrowed<'_, L>
where
    L::Item: Clone,
{
    type Fetch = ByValue<L::Item, L::Plan>;
    fn taken(&self) -> Self::Fetch {
        ByValue::new(self.0.plan())
    }
}

impl<T: Clone + Serialize + Deserialize<'static> + Send + Sync + 'static> TakenSerde for &Borrowed<'_, T> {
    type Fetch = ByValue<T, Kept<T, Serde>>;
    fn taken(&self) -> Self::Fetch {
        ByValue::new(Kept::new(self.0.clone()))
    }
}

impl<T: Clone + Send + Sync + 'static> Taken for Borrowed<'_, T> {
    type Fetch = ByValue<T, Kept<T, Registered>>;
    fn taken(&self) -> Self::Fetch {
        ByValue::new(Kept::new(self.0.clone()))
    }
}

impl<L: Lazy> SharedLazy for &&Borrowed<'_, L> {
    type Fetch = ByReference<L::Item, L::Plan>;
    fn shared(&self) -> Self::Fetch {
        ByReference::new(self.0.plan())
    }
}

impl<T: Clone + Serialize + Deserialize<'static> + Send + Sync + 'static> SharedSerde for &Borrowed<'_, T> {
    type Fetch = ByReference<T, KeptShared<T, Serde>>;
    fn shared(&self) -> Self::Fetch {
        ByReference::new(KeptShared::new(self.0.clone()))
    }
}

impl<T: Clone + Send + Sync + 'static> Shared for Borrowed<'_, T> {
    type Fetch = ByReference<T, KeptShared<T, Registered>>;
    fn shared(&self) -> Self::Fetch {
        ByReference::new(KeptShared::new(self.0.clone()))
    }
}

impl<L: Lazy> TakenLazy for &&Moved<L>
where
    L::Item: Clone,
{
    type Fetch = ByValue<L::Item, L::Plan>;
    fn taken(&self) -> Self::Fetch {
        ByValue::new(self.take().plan())
    }
}

impl<T: Clone + Serialize + Deserialize<'static> + Send + Sync + 'static> TakenSerde for &Moved<T> {
    type Fetch = ByValue<T, Kept<T, Serde>>;
    fn taken(&self) -> Self::Fetch {
        ByValue::new(Kept::new(self.take()))
    }
}

impl<T: Clone + Send + Sync + 'static> Taken for Moved<T> {
    type Fetch = ByValue<T, Kept<T, Registered>>;
    fn taken(&self) -> Self::Fetch {
        ByValue::new(Kept::new(self.take()))
    }
}

/// What a delayed function returned.
pub struct Returned<T>(Cell<Option<T>>);

impl<T> Returned<T> {
    /// Wraps the value until a trait takes it out again.
    pub fn new(value: T) -> Self {
        Returned(Cell::new(Some(value)))
    }

    fn take(&self) -> T {
        self.0.take().expect("a returned value is taken once")
    }
}

// As for arguments: a Result before a plain value, and what serde can write down before what it cannot.
macro_rules! returning {
    ($name:ident, $what:literal) => {
        #[doc = $what]
        pub trait $name {
            /// The type of the node's value.
            type Value;
            /// What is known about encoding it.
            type Encoding;
            /// Splits success from failure.
            fn finish(&self) -> Finished<Self::Value, Self::Encoding>;
        }
    };
}
returning!(ReturnedSerdeResult, "A function that can fail, whose `Ok` serde can write down.");
returning!(ReturnedResult, "A function that can fail: its `Ok` is the node's value.");
returning!(ReturnedSerde, "A function that cannot fail, whose value serde can write down.");
returning!(ReturnedPlain, "A function that cannot fail.");

impl<T, E> ReturnedSerdeResult for &&&Returned<Result<T, E>>
where
    T: Serialize + Deserialize<'static> + Send + Sync + 'static,
    E: Into<BoxError>,
{
    type Value = T;
    type Encoding = Serde;
    fn finish(&self) -> Finished<T, Serde> {
        Finished::new(self.take().map_err(Into::into))
    }
}

impl<T, E: Into<BoxError>> ReturnedResult for &&Returned<Result<T, E>> {
    type Value = T;
    type Encoding = Registered;
    fn finish(&self) -> Finished<T> {
        Finished::new(self.take().map_err(Into::into))
    }
}

impl<T: Serialize + Deserialize<'static> + Send + Sync + 'static> ReturnedSerde for &Returned<T> {
    type Value = T;
    type Encoding = Serde;
    fn finish(&self) -> Finished<T, Serde> {
        Finished::ok(self.take())
    }
}

impl<T> ReturnedPlain for Returned<T> {
    type Value = T;
    type Encoding = Registered;
    fn finish(&self) -> Finished<T> {
        Finished::ok(self.take())
    }
}
