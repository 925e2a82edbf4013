//! A step with a name of its own, or known to be pure: everything else is the step behind it.

use std::any::TypeId;
use std::sync::Arc;

use super::{Body, Failure, Inputs, Packer, ResultType, Revive, Role, Step, Value};
use crate::travel::Codec;

pub(crate) struct Label {
    /// Empty only after `release`.
    inner: Option<Arc<Step>>,
    name: Option<Box<str>>,
    token: Option<u128>,
}

impl Label {
    pub(crate) fn named(inner: &Arc<Step>, name: &str) -> Self {
        Label { inner: Some(Arc::clone(inner)), name: Some(name.into()), token: inner.body().token() }
    }

    pub(crate) fn pure(inner: &Arc<Step>, token: u128) -> Self {
        Label { inner: Some(Arc::clone(inner)), name: None, token: Some(token) }
    }

    fn inner(&self) -> &dyn Body {
        self.inner.as_ref().expect("a step is used before it is dropped").body()
    }
}

impl Body for Label {
    fn name(&self) -> &str {
        match &self.name {
            Some(name) => name,
            None => self.inner().name(),
        }
    }

    fn type_name(&self) -> &'static str {
        self.inner().type_name()
    }

    fn result_type(&self) -> ResultType {
        self.inner().result_type()
    }

    fn role(&self) -> Role<'_> {
        self.inner().role()
    }

    fn inputs<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Step>)) {
        self.inner().inputs(visit);
    }

    fn release(&mut self, into: &mut Vec<Arc<Step>>) {
        into.extend(self.inner.take());
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

    fn awaited(&self) -> Option<&dyn std::any::Any> {
        self.inner().awaited()
    }

    fn shown_arguments(&self, next: &mut dyn FnMut() -> String) -> Vec<String> {
        self.inner().shown_arguments(next)
    }

    fn token(&self) -> Option<u128> {
        self.token
    }
}
