//! Steps whose inputs are decided late: the arguments of a graph that is written by hand are keys until it runs.

use std::any::TypeId;
use std::sync::Arc;

use super::{Body, Failure, Inputs, Packer, ResultType, Revive, Step, Value};
use crate::graph::Key;
use crate::travel::Codec;

/// Stands where the step of a key will stand.
#[derive(Debug)]
pub struct Placeholder {
    key: Key,
    wanted: ResultType,
}

impl Placeholder {
    pub(crate) fn new(key: Key, wanted: ResultType) -> Self {
        Placeholder { key, wanted }
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// The type that the function expects of it.
    pub(crate) fn wanted(&self) -> ResultType {
        self.wanted
    }

    fn unbound(&self) -> String {
        format!("the key `{}` only means something inside a graph; insert the task into a TaskGraph", self.key)
    }
}

impl Body for Placeholder {
    fn name(&self) -> &str {
        self.key.as_str()
    }

    fn type_name(&self) -> &'static str {
        self.wanted.name()
    }

    fn result_type(&self) -> ResultType {
        self.wanted
    }

    fn inputs<'a>(&'a self, _visit: &mut dyn FnMut(&'a Arc<Step>)) {}

    fn release(&mut self, _into: &mut Vec<Arc<Step>>) {}

    fn run(&self, _inputs: &mut Inputs<'_>) -> Result<Value, Failure> {
        Err(Failure::Error(self.unbound().into()))
    }

    fn arguments(&self, _inputs: &mut Inputs<'_>) -> Vec<(Value, &'static str)> {
        Vec::new()
    }

    fn code(&self) -> Result<(Revive, &'static str), String> {
        Err(self.unbound())
    }

    fn function(&self) -> TypeId {
        TypeId::of::<Self>()
    }

    fn pack(&self, _packer: &mut Packer) -> Result<(), String> {
        Err(self.unbound())
    }

    fn result_codec(&self) -> Option<Codec> {
        None
    }

    fn placeholder(&self) -> Option<&Placeholder> {
        Some(self)
    }
}

/// A step with other inputs than those it was written with: the keys among them have become steps.
pub(crate) struct Bound {
    /// Empty only after `release`.
    inner: Option<Arc<Step>>,
    inputs: Vec<Arc<Step>>,
}

impl Bound {
    /// `inputs` in the order in which `inner` reads them.
    pub(crate) fn new(inner: &Arc<Step>, inputs: Vec<Arc<Step>>) -> Self {
        Bound { inner: Some(Arc::clone(inner)), inputs }
    }

    fn inner(&self) -> &dyn Body {
        self.inner.as_ref().expect("a step is used before it is dropped").body()
    }
}

impl Body for Bound {
    fn name(&self) -> &str {
        self.inner().name()
    }

    fn type_name(&self) -> &'static str {
        self.inner().type_name()
    }

    fn result_type(&self) -> ResultType {
        self.inner().result_type()
    }

    fn inputs<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Step>)) {
        self.inputs.iter().for_each(visit);
    }

    fn release(&mut self, into: &mut Vec<Arc<Step>>) {
        into.extend(self.inner.take());
        into.append(&mut self.inputs);
    }

    fn run(&self, inputs: &mut Inputs<'_>) -> Result<Value, Failure> {
        self.inner().run(inputs)
    }

    fn arguments(&self, inputs: &mut Inputs<'_>) -> Vec<(Value, &'static str)> {
        self.inner().arguments(inputs)
    }

    fn code(&self) -> Result<(Revive, &'static str), String> {
        self.inner().code()
    }

    fn function(&self) -> TypeId {
        self.inner().function()
    }

    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        self.inner().pack(packer)
    }

    fn result_codec(&self) -> Option<Codec> {
        self.inner().result_codec()
    }

    fn shown_arguments(&self, next: &mut dyn FnMut() -> String) -> Vec<String> {
        self.inner().shown_arguments(next)
    }

    fn composite(&self) -> Option<&super::Composite> {
        self.inner().composite()
    }
}
