//! Several steps that run as one: what fusing a chain, or inlining a cheap task, makes.

use std::any::TypeId;
use std::sync::Arc;

use super::{Body, Failure, Inputs, Packer, ResultType, Revive, Step, Value};
use crate::scheduler::InterruptCheck;
use crate::travel::Codec;

/// Where a part of a composite reads one of its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The composite's own input of this number.
    Input(u32),
    /// The result of an earlier part.
    Part(u32),
}

/// One step inside a composite.
#[derive(Debug)]
struct Part {
    step: Arc<Step>,
    sources: Box<[Source]>,
}

/// Steps that run one after the other as one task; the last one's result is its result.
#[derive(Debug)]
pub struct Composite {
    name: Box<str>,
    parts: Vec<Part>,
    /// For each input from outside, how often a part reads it.
    input_readers: Box<[u32]>,
    /// For each part, how often a later one reads its result.
    part_readers: Box<[u32]>,
}

/// Puts steps together into one.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    parts: Vec<Part>,
    inputs: u32,
}

impl Joiner {
    /// One more input from outside. The graph says which node it is; inputs are read in the order they were asked for.
    pub(crate) fn input(&mut self) -> Source {
        self.inputs += 1;
        Source::Input(self.inputs - 1)
    }

    /// One more step, which reads `sources` in this order. The parts of a composite are put in one by one.
    pub(crate) fn add(&mut self, step: &Arc<Step>, sources: &[Source]) -> Source {
        let first = self.parts.len() as u32;
        match step.body().composite() {
            None => self.parts.push(Part { step: Arc::clone(step), sources: sources.into() }),
            Some(composite) => self.parts.extend(composite.parts.iter().map(|part| {
                let moved = part.sources.iter().map(|&source| match source {
                    Source::Input(index) => sources[index as usize],
                    Source::Part(index) => Source::Part(first + index),
                });
                Part { step: Arc::clone(&part.step), sources: moved.collect() }
            })),
        }
        Source::Part(self.parts.len() as u32 - 1)
    }

    /// The composite, in the place of its last step: it has that one's key.
    ///
    /// # Panics
    /// When no step was added.
    pub(crate) fn finish(self, name: &str) -> Arc<Step> {
        let mut input_readers = vec![0; self.inputs as usize].into_boxed_slice();
        let mut part_readers = vec![0; self.parts.len()].into_boxed_slice();
        for &source in self.parts.iter().flat_map(|part| &part.sources) {
            match source {
                Source::Input(index) => input_readers[index as usize] += 1,
                Source::Part(index) => part_readers[index as usize] += 1,
            }
        }
        let key = self.parts.last().expect("a composite has at least one part").step.key;
        Step::with_key(key, Composite { name: name.into(), parts: self.parts, input_readers, part_readers })
    }
}

/// A value, and how often it will still be read: the last reader gets it without a copy.
struct Pending {
    value: Option<Value>,
    readers: u32,
}

impl Pending {
    fn read(&mut self) -> Value {
        self.readers -= 1;
        let value = if self.readers == 0 { self.value.take() } else { self.value.clone() };
        value.expect("a part runs before those that read it")
    }
}

fn pending(readers: &[u32]) -> Vec<Pending> {
    readers.iter().map(|&readers| Pending { value: None, readers }).collect()
}

/// More parts than this are not spelled out for a person.
const SPELLED_OUT: usize = 6;

impl Composite {
    /// The names of the parts, in the order in which they run.
    pub(crate) fn part_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.parts.iter().map(|part| part.step.name())
    }

    /// The keys of the steps that became parts.
    pub(crate) fn part_keys(&self) -> impl Iterator<Item = u64> {
        self.parts.iter().map(|part| part.step.key)
    }

    /// The parts between the first that reads an input from outside and the last of all, in order.
    pub(crate) fn needed_by_input(&self, input: usize) -> Vec<String> {
        let reads = |part: &Part| part.sources.contains(&Source::Input(input as u32));
        let Some(reader) = self.parts.iter().position(reads) else { return Vec::new() };
        let mut names = vec![self.parts[reader].step.name().to_owned()];
        names.extend(self.needed_by(reader));
        names
    }

    /// The parts that wait for a part, nearest first.
    fn needed_by(&self, part: usize) -> Vec<String> {
        let mut names = Vec::new();
        let mut at = part;
        // The next part is nearly always the one that reads this one.
        while let Some(ahead) =
            self.parts[at + 1..].iter().position(|part| part.sources.contains(&Source::Part(at as u32)))
        {
            at += 1 + ahead;
            names.push(self.parts[at].step.name().to_owned());
        }
        names
    }

    fn last(&self) -> &dyn Body {
        self.parts.last().expect("a composite has at least one part").step.body()
    }
}

impl Body for Composite {
    fn name(&self) -> &str {
        &self.name
    }

    fn type_name(&self) -> &'static str {
        self.last().type_name()
    }

    fn result_type(&self) -> ResultType {
        self.last().result_type()
    }

    fn inputs<'a>(&'a self, _visit: &mut dyn FnMut(&'a Arc<Step>)) {
        // A composite lives in the graph that was optimised, and that graph holds its edges.
    }

    fn release(&mut self, into: &mut Vec<Arc<Step>>) {
        into.extend(self.parts.drain(..).map(|part| part.step));
    }

    fn run(&self, inputs: &mut Inputs<'_>) -> Result<Value, Failure> {
        let mut outer = pending(&self.input_readers);
        for input in &mut outer {
            input.value = Some(inputs.next_value());
        }
        let mut inner = pending(&self.part_readers);
        // A chain may be long, and an interrupt is to end it between two parts as it would between two tasks.
        let interrupts = InterruptCheck::new();
        let (last, earlier) = self.parts.split_last().expect("a composite has at least one part");
        for (index, part) in earlier.iter().enumerate() {
            if interrupts.is_interrupted() {
                return Err(Failure::Error("the computation was interrupted".into()));
            }
            let value = self.run_part(index, part, &mut outer, &mut inner)?;
            inner[index].value = Some(value);
        }
        self.run_part(earlier.len(), last, &mut outer, &mut inner)
    }

    fn arguments(&self, inputs: &mut Inputs<'_>) -> Vec<(Value, &'static str)> {
        self.input_readers.iter().map(|_| (inputs.next_value(), "the result of another task")).collect()
    }

    fn code(&self) -> Result<(Revive, &'static str), String> {
        Err(format!("`{}` is several tasks in one; send the graph before it is optimised", self.name))
    }

    fn function(&self) -> TypeId {
        self.last().function()
    }

    fn pack(&self, _packer: &mut Packer) -> Result<(), String> {
        self.code().map(|_| ())
    }

    fn result_codec(&self) -> Option<Codec> {
        self.last().result_codec()
    }

    fn shown_arguments(&self, next: &mut dyn FnMut() -> String) -> Vec<String> {
        let inputs: Vec<String> = self.input_readers.iter().map(|_| next()).collect();
        if self.parts.len() > SPELLED_OUT {
            return inputs;
        }
        // The arguments of the last part, with the calls that make them written out: `inc(x), 10`.
        let mut calls: Vec<String> = Vec::new();
        let mut arguments = Vec::new();
        for part in &self.parts {
            let mut sources = part.sources.iter();
            arguments = part.step.body().shown_arguments(&mut || match sources.next() {
                Some(&Source::Input(index)) => inputs[index as usize].clone(),
                Some(&Source::Part(index)) => calls[index as usize].clone(),
                None => String::new(),
            });
            calls.push(match part.step.is_task() {
                true => format!("{}({})", part.step.name(), arguments.join(", ")),
                false => arguments.join(", "),
            });
        }
        arguments
    }

    fn composite(&self) -> Option<&Composite> {
        Some(self)
    }
}

impl Composite {
    fn run_part(
        &self,
        index: usize,
        part: &Part,
        outer: &mut [Pending],
        inner: &mut [Pending],
    ) -> Result<Value, Failure> {
        let mut sources = part.sources.iter();
        let mut next = || match *sources.next().expect("a part reads as many inputs as it has") {
            Source::Input(index) => outer[index as usize].read(),
            Source::Part(index) => inner[index as usize].read(),
        };
        part.step.run(Inputs::new(&mut next)).map_err(|failure| Failure::Inside {
            task: part.step.name().to_owned(),
            needed_by: self.needed_by(index),
            failure: Box::new(failure),
        })
    }
}
