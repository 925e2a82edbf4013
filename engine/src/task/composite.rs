//! Several steps that run as one: what fusing a chain, or inlining a cheap task, makes.

use std::any::TypeId;
use std::sync::Arc;

use super::{Body, Failure, Inputs, Packer, Revive, Step, Value};
use crate::travel::Codec;

/// Where a part of a composite reads one of its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The composite's own input of this number.
    Input(usize),
    /// The result of an earlier part.
    Part(usize),
}

/// One step inside a composite.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) step: Arc<Step>,
    pub(crate) sources: Vec<Source>,
}

/// Steps that run one after the other as one task; the last one's result is its result.
#[derive(Debug)]
pub(crate) struct Composite {
    name: String,
    parts: Vec<Part>,
    inputs: usize,
}

impl Composite {
    /// `inputs` is how many values the composite reads from outside; the graph says which.
    pub(crate) fn new(parts: Vec<Part>, inputs: usize) -> Self {
        let names: Vec<&str> = parts.iter().map(|part| part.step.name()).collect();
        Composite { name: names.join("-"), parts, inputs }
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    fn last(&self) -> &Step {
        &self.parts.last().expect("a composite has at least one part").step
    }
}

/// A value, and how often it will still be read: the last reader gets it without a copy.
struct Pending {
    value: Option<Value>,
    readers: usize,
}

impl Pending {
    fn read(&mut self) -> Value {
        self.readers -= 1;
        let value = if self.readers == 0 { self.value.take() } else { self.value.clone() };
        value.expect("a part runs before those that read it")
    }
}

impl Body for Composite {
    fn name(&self) -> &str {
        &self.name
    }

    fn type_name(&self) -> &'static str {
        self.last().body().type_name()
    }

    fn inputs<'a>(&'a self, _visit: &mut dyn FnMut(&'a Arc<Step>)) {
        // A composite only lives inside an optimised graph, and that graph holds its edges.
    }

    fn release(&mut self, into: &mut Vec<Arc<Step>>) {
        into.extend(self.parts.drain(..).map(|part| part.step));
    }

    fn run(&self, inputs: &mut Inputs<'_>) -> Result<Value, Failure> {
        let mut outer: Vec<Pending> =
            (0..self.inputs).map(|_| Pending { value: Some(inputs.next_value()), readers: 0 }).collect();
        let mut inner: Vec<Pending> = self.parts.iter().map(|_| Pending { value: None, readers: 0 }).collect();
        for source in self.parts.iter().flat_map(|part| &part.sources) {
            match *source {
                Source::Input(index) => outer[index].readers += 1,
                Source::Part(index) => inner[index].readers += 1,
            }
        }
        let mut result = None;
        for (index, part) in self.parts.iter().enumerate() {
            let mut sources = part.sources.iter();
            let mut next = || match *sources.next().expect("a part reads as many inputs as it has") {
                Source::Input(index) => outer[index].read(),
                Source::Part(index) => inner[index].read(),
            };
            let value = part.step.body().run(&mut Inputs::new(&mut next)).map_err(|failure| match failure {
                Failure::Error(error) => Failure::Error(format!("in `{}`: {error}", part.step.name()).into()),
                panic => panic,
            })?;
            if index + 1 == self.parts.len() {
                result = Some(value);
            } else {
                inner[index].value = Some(value);
            }
        }
        Ok(result.expect("a composite has at least one part"))
    }

    fn arguments(&self, inputs: &mut Inputs<'_>) -> Vec<(Value, &'static str)> {
        (0..self.inputs).map(|_| (inputs.next_value(), "the result of another task")).collect()
    }

    fn code(&self) -> Result<(Revive, &'static str), String> {
        Err(format!("`{}` is several tasks in one; send the graph before it is optimised", self.name))
    }

    fn function(&self) -> TypeId {
        self.last().body().function()
    }

    fn pack(&self, _packer: &mut Packer) -> Result<(), String> {
        self.code().map(|_| ())
    }

    fn result_codec(&self) -> Option<Codec> {
        self.last().body().result_codec()
    }
}
