//! The two ordinary bodies: a call with its arguments, and a value that is already there.

use std::any::{TypeId, type_name};
use std::marker::PhantomData;
use std::sync::Arc;

use super::pack::{Encoding, Packer, Registered, Unpacker, no_codec};
use super::shown::{shown_list, shown_value};
use super::{Body, Failure, Inputs, ResultType, Revive, Role, Step, TypeOf, Value};
use crate::error::BoxError;
use crate::travel::Codec;

/// Reads one argument from a task's inputs, or from what the task keeps.
pub trait Plan<T>: Send + Sync + Sized + 'static {
    /// The argument, shared.
    fn share(&self, inputs: &mut Inputs<'_>) -> Arc<T>;
    /// The argument, by value.
    fn take(&self, inputs: &mut Inputs<'_>) -> T
    where
        T: Clone,
    {
        Arc::unwrap_or_clone(self.share(inputs))
    }
    /// Shows the steps whose results are read.
    fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Step>));
    /// Gives up the links to other steps.
    fn release(&mut self, into: &mut Vec<Arc<Step>>);
    /// Writes what is already there.
    fn pack(&self, packer: &mut Packer) -> Result<(), String>;
    /// The argument as a person reads it; `next` gives the name of each input in turn.
    fn shown(&self, next: &mut dyn FnMut() -> String) -> String {
        let mut names = Vec::new();
        self.visit(&mut |_| names.push(next()));
        shown_list(names)
    }
    /// Makes the plan anew.
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String>;
}

/// Fetches a task's arguments when it runs: the plans of all its parameters, as one tuple.
pub trait Fetch: Send + Sync + Sized + 'static {
    /// What the function is called with.
    type Items;
    /// Reads the arguments; called once for each run.
    fn fetch(&self, inputs: &mut Inputs<'_>) -> Self::Items;
    /// Reads the arguments as values, with their types.
    fn values(&self, inputs: &mut Inputs<'_>, into: &mut Vec<(Value, &'static str)>);
    /// Shows the steps whose results are read, in order.
    fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Step>));
    /// Gives up the links to other steps.
    fn release(&mut self, into: &mut Vec<Arc<Step>>);
    /// Writes what is already there.
    fn pack(&self, packer: &mut Packer) -> Result<(), String>;
    /// Appends the arguments as a person reads them; `next` gives the name of each input in turn.
    fn shown(&self, next: &mut dyn FnMut() -> String, into: &mut Vec<String>);
    /// Makes the plans anew.
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String>;
}

macro_rules! fetch_tuple {
    ($($part:ident $index:tt),*) => {
        #[allow(unused_variables)]
        impl<$($part: Fetch),*> Fetch for ($($part,)*) {
            type Items = ($($part::Items,)*);
            #[allow(clippy::unused_unit)]
            fn fetch(&self, inputs: &mut Inputs<'_>) -> Self::Items {
                ($(self.$index.fetch(inputs),)*)
            }
            fn values(&self, inputs: &mut Inputs<'_>, into: &mut Vec<(Value, &'static str)>) {
                $(self.$index.values(inputs, into);)*
            }
            fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Step>)) {
                $(self.$index.visit(visit);)*
            }
            fn release(&mut self, into: &mut Vec<Arc<Step>>) {
                $(self.$index.release(into);)*
            }
            fn pack(&self, packer: &mut Packer) -> Result<(), String> {
                $(self.$index.pack(packer)?;)*
                Ok(())
            }
            fn shown(&self, next: &mut dyn FnMut() -> String, into: &mut Vec<String>) {
                $(self.$index.shown(next, into);)*
            }
            fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
                Ok(($($part::unpack(unpacker)?,)*))
            }
        }
    };
}
fetch_tuple!();
fetch_tuple!(A 0);
fetch_tuple!(A 0, B 1);
fetch_tuple!(A 0, B 1, C 2);
fetch_tuple!(A 0, B 1, C 2, D 3);
fetch_tuple!(A 0, B 1, C 2, D 3, E 4);
fetch_tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
fetch_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
fetch_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

/// The place of one other step's result.
///
/// Empty only after the step that holds it has been released.
#[derive(Debug)]
pub struct Slot(Option<Arc<Step>>);

impl Slot {
    pub(crate) fn new(step: &Arc<Step>) -> Self {
        Slot(Some(Arc::clone(step)))
    }
}

impl<T: Send + Sync + 'static> Plan<T> for Slot {
    fn share(&self, inputs: &mut Inputs<'_>) -> Arc<T> {
        inputs.next()
    }
    fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Step>)) {
        self.0.iter().for_each(visit);
    }
    fn release(&mut self, into: &mut Vec<Arc<Step>>) {
        into.extend(self.0.take());
    }
    fn pack(&self, _packer: &mut Packer) -> Result<(), String> {
        Ok(())
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        Ok(Slot(Some(unpacker.input()?)))
    }
}

/// A plain value that was there when the call was written; `E` knows how it becomes bytes.
#[derive(Debug)]
pub struct Kept<T, E>(T, PhantomData<fn() -> E>);

impl<T, E> Kept<T, E> {
    pub(crate) fn new(value: T) -> Self {
        Kept(value, PhantomData)
    }
}

impl<T: Clone + Send + Sync + 'static, E: Encoding<T>> Plan<T> for Kept<T, E> {
    fn share(&self, _inputs: &mut Inputs<'_>) -> Arc<T> {
        Arc::new(self.0.clone())
    }
    fn take(&self, _inputs: &mut Inputs<'_>) -> T {
        self.0.clone()
    }
    fn visit<'a>(&'a self, _visit: &mut dyn FnMut(&'a Arc<Step>)) {}
    fn release(&mut self, _into: &mut Vec<Arc<Step>>) {}
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        packer.value(&self.0, E::codec())
    }
    fn shown(&self, _next: &mut dyn FnMut() -> String) -> String {
        shown_value(&self.0, type_name::<T>())
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        Ok(Kept::new(Arc::unwrap_or_clone(unpacker.value(E::codec())?)))
    }
}

/// A plain value that every run of the task looks at: cloned once, when the call was written.
#[derive(Debug)]
pub struct KeptShared<T, E>(Arc<T>, PhantomData<fn() -> E>);

impl<T, E> KeptShared<T, E> {
    pub(crate) fn new(value: T) -> Self {
        KeptShared(Arc::new(value), PhantomData)
    }
}

impl<T: Send + Sync + 'static, E: Encoding<T>> Plan<T> for KeptShared<T, E> {
    fn share(&self, _inputs: &mut Inputs<'_>) -> Arc<T> {
        Arc::clone(&self.0)
    }
    fn visit<'a>(&'a self, _visit: &mut dyn FnMut(&'a Arc<Step>)) {}
    fn release(&mut self, _into: &mut Vec<Arc<Step>>) {}
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        packer.value(&*self.0, E::codec())
    }
    fn shown(&self, _next: &mut dyn FnMut() -> String) -> String {
        format!("&{}", shown_value(&*self.0, type_name::<T>()))
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        Ok(KeptShared(unpacker.value(E::codec())?, PhantomData))
    }
}

/// An argument that the function receives by value.
#[derive(Debug)]
pub struct ByValue<T, P>(P, PhantomData<fn() -> T>);

impl<T, P> ByValue<T, P> {
    pub(crate) fn new(plan: P) -> Self {
        ByValue(plan, PhantomData)
    }
}

impl<T: Clone + Send + Sync + 'static, P: Plan<T>> Fetch for ByValue<T, P> {
    type Items = T;
    fn fetch(&self, inputs: &mut Inputs<'_>) -> T {
        self.0.take(inputs)
    }
    fn values(&self, inputs: &mut Inputs<'_>, into: &mut Vec<(Value, &'static str)>) {
        into.push((self.0.share(inputs), type_name::<T>()));
    }
    fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Step>)) {
        self.0.visit(visit);
    }
    fn release(&mut self, into: &mut Vec<Arc<Step>>) {
        self.0.release(into);
    }
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        self.0.pack(packer)
    }
    fn shown(&self, next: &mut dyn FnMut() -> String, into: &mut Vec<String>) {
        into.push(self.0.shown(next));
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        P::unpack(unpacker).map(ByValue::new)
    }
}

/// An argument that the function receives by reference.
#[derive(Debug)]
pub struct ByReference<T, P>(P, PhantomData<fn() -> T>);

impl<T, P> ByReference<T, P> {
    pub(crate) fn new(plan: P) -> Self {
        ByReference(plan, PhantomData)
    }
}

impl<T: Send + Sync + 'static, P: Plan<T>> Fetch for ByReference<T, P> {
    type Items = Arc<T>;
    fn fetch(&self, inputs: &mut Inputs<'_>) -> Arc<T> {
        self.0.share(inputs)
    }
    fn values(&self, inputs: &mut Inputs<'_>, into: &mut Vec<(Value, &'static str)>) {
        into.push((self.0.share(inputs), type_name::<T>()));
    }
    fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Step>)) {
        self.0.visit(visit);
    }
    fn release(&mut self, into: &mut Vec<Arc<Step>>) {
        self.0.release(into);
    }
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        self.0.pack(packer)
    }
    fn shown(&self, next: &mut dyn FnMut() -> String, into: &mut Vec<String>) {
        into.push(self.0.shown(next));
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        P::unpack(unpacker).map(ByReference::new)
    }
}

/// What a call is called: known when it is compiled, so a task only points at it.
#[derive(Debug)]
pub enum Site {
    /// The function's name, as it was written.
    Written(&'static str),
    /// The name follows from the function's type.
    Inferred(fn() -> &'static str),
}

impl Site {
    fn name(&self) -> &'static str {
        match self {
            Site::Written(name) => name,
            Site::Inferred(name) => name(),
        }
    }
}

/// What a task's function gave, with what is known about encoding it and about the function.
#[derive(Debug)]
pub struct Finished<R, E = Registered, I = ()> {
    outcome: Result<R, BoxError>,
    encoding: PhantomData<fn() -> (E, I)>,
}

impl<R, E> Finished<R, E> {
    /// Wraps an outcome.
    pub fn new(outcome: Result<R, BoxError>) -> Self {
        Finished { outcome, encoding: PhantomData }
    }

    /// Wraps a success.
    pub fn ok(value: R) -> Self {
        Finished::new(Ok(value))
    }

    /// Says that it was this function, by its type, which no other has. Otherwise the closure around it counts, and
    /// each place that a call is written in has its own.
    pub fn calling<I>(self, _function: &I) -> Finished<R, E, I> {
        Finished { outcome: self.outcome, encoding: PhantomData }
    }
}

/// Types that something is about without holding a value of them.
type Is<T> = PhantomData<fn() -> T>;

/// A function with its arguments, ready to run any number of times.
pub(crate) struct Call<P, F, R, E, I> {
    plans: P,
    site: &'static Site,
    function: F,
    result: Is<(R, E, I)>,
}

impl<P, F, R, E, I> Call<P, F, R, E, I>
where
    P: Fetch,
    F: Fn(P::Items) -> Finished<R, E, I> + Send + Sync + 'static,
    R: Send + Sync + 'static,
    E: Encoding<R>,
    I: 'static,
{
    pub(crate) fn new(site: &'static Site, plans: P, function: F) -> Self {
        Call { plans, site, function, result: PhantomData }
    }
}

/// The sites of tasks that came from another process: each name is kept once.
fn site_named(name: &str) -> &'static Site {
    use std::collections::HashMap;
    use std::sync::{Mutex, OnceLock};
    static SITES: OnceLock<Mutex<HashMap<String, &'static Site>>> = OnceLock::new();
    let mut sites = SITES.get_or_init(Mutex::default).lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    sites.entry(name.to_owned()).or_insert_with(|| Box::leak(Box::new(Site::Written(name.to_owned().leak()))))
}

/// The code that a travelling task names.
fn revive<P, F, R, E, I>(unpacker: &mut Unpacker<'_>) -> Result<Arc<Step>, String>
where
    P: Fetch,
    F: Fn(P::Items) -> Finished<R, E, I> + Send + Sync + 'static,
    R: Send + Sync + 'static,
    E: Encoding<R>,
    I: 'static,
{
    if size_of::<F>() != 0 {
        return Err("a function that captures its surroundings cannot be made anew".to_owned());
    }
    unpacker.results_by(E::codec)?;
    let name = unpacker.value::<String>(Some(Codec::of::<String>()))?;
    let plans = P::unpack(unpacker)?;
    // SAFETY: `F` has no size, so there are no bytes to be wrong, and it is inhabited: the process that packed this
    // task held a value of the very same type in the very same compiled code. It captures nothing, so it owns nothing.
    let function: F = unsafe { std::ptr::NonNull::<F>::dangling().read() };
    Ok(Step::new(Call::<P, F, R, E, I> { plans, site: site_named(&name), function, result: PhantomData }))
}

impl<P, F, R, E, I> Body for Call<P, F, R, E, I>
where
    P: Fetch,
    F: Fn(P::Items) -> Finished<R, E, I> + Send + Sync + 'static,
    R: Send + Sync + 'static,
    E: Encoding<R>,
    I: 'static,
{
    fn name(&self) -> &str {
        self.site.name()
    }

    fn type_name(&self) -> &'static str {
        type_name::<R>()
    }

    fn result_type(&self) -> ResultType {
        TypeOf::of::<R>()
    }

    fn inputs<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Step>)) {
        self.plans.visit(visit);
    }

    fn release(&mut self, into: &mut Vec<Arc<Step>>) {
        self.plans.release(into);
    }

    fn run(&self, inputs: &mut Inputs<'_>) -> Result<Value, Failure> {
        match (self.function)(self.plans.fetch(inputs)).outcome {
            Ok(result) => Ok(Arc::new(result)),
            Err(error) => Err(Failure::Error(error)),
        }
    }

    fn arguments(&self, inputs: &mut Inputs<'_>) -> Vec<(Value, &'static str)> {
        let mut values = Vec::new();
        self.plans.values(inputs, &mut values);
        values
    }

    fn code(&self) -> Result<(Revive, &'static str), String> {
        if size_of::<F>() == 0 {
            Ok((revive::<P, F, R, E, I>, type_name::<P>()))
        } else {
            Err(format!(
                "task `{}` captures {} bytes of its surroundings; pass them as arguments instead",
                self.site.name(),
                size_of::<F>()
            ))
        }
    }

    fn function(&self) -> TypeId {
        if TypeId::of::<I>() == TypeId::of::<()>() { TypeId::of::<F>() } else { TypeId::of::<I>() }
    }

    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        packer.value(&self.site.name().to_owned(), Some(Codec::of::<String>()))?;
        self.plans.pack(packer).map_err(|why| format!("task `{}`: {why}", self.site.name()))
    }

    fn result_codec(&self) -> Option<Codec> {
        E::codec()
    }

    fn shown_arguments(&self, next: &mut dyn FnMut() -> String) -> Vec<String> {
        let mut shown = Vec::new();
        self.plans.shown(next, &mut shown);
        shown
    }
}

/// A value that is already there.
pub(crate) struct Data<T, E> {
    value: Value,
    kind: PhantomData<fn() -> (T, E)>,
}

impl<T: Send + Sync + 'static, E: Encoding<T>> Data<T, E> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Data { value, kind: PhantomData }
    }
}

/// A value that came from elsewhere, where its type is known.
pub(crate) fn arrived(value: Value) -> Arc<Step> {
    Step::new(Data::<(), Registered> { value, kind: PhantomData })
}

fn revive_data<T: Send + Sync + 'static, E: Encoding<T>>(unpacker: &mut Unpacker<'_>) -> Result<Arc<Step>, String> {
    unpacker.results_by(E::codec)?;
    Ok(Step::new(Data::<T, E>::new(unpacker.value::<T>(E::codec())?)))
}

impl<T: Send + Sync + 'static, E: Encoding<T>> Body for Data<T, E> {
    fn name(&self) -> &str {
        "data"
    }

    fn type_name(&self) -> &'static str {
        type_name::<T>()
    }

    fn result_type(&self) -> ResultType {
        TypeOf::of::<T>()
    }

    fn role(&self) -> Role<'_> {
        Role::Data(&self.value)
    }

    fn inputs<'a>(&'a self, _visit: &mut dyn FnMut(&'a Arc<Step>)) {}

    fn release(&mut self, _into: &mut Vec<Arc<Step>>) {}

    fn run(&self, _inputs: &mut Inputs<'_>) -> Result<Value, Failure> {
        Ok(Value::clone(&self.value))
    }

    fn arguments(&self, _inputs: &mut Inputs<'_>) -> Vec<(Value, &'static str)> {
        Vec::new()
    }

    fn code(&self) -> Result<(Revive, &'static str), String> {
        if E::codec().is_some() { Ok((revive_data::<T, E>, type_name::<T>())) } else { Err(no_codec(type_name::<T>())) }
    }

    fn function(&self) -> TypeId {
        TypeId::of::<T>()
    }

    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        let value = self.value.downcast_ref::<T>().ok_or_else(|| no_codec(type_name::<T>()))?;
        packer.value(value, E::codec())
    }

    fn result_codec(&self) -> Option<Codec> {
        E::codec()
    }

    fn shown_arguments(&self, _next: &mut dyn FnMut() -> String) -> Vec<String> {
        vec![self.value.downcast_ref::<T>().map_or_else(String::new, |value| shown_value(value, type_name::<T>()))]
    }
}
