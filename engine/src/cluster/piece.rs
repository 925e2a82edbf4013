//! One task of a graph on its way: the code that makes it anew, its arguments, and how the results that it needs are read.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::value;
use super::wire::Bytes;
use crate::error::{Error, Result, TaskError};
use crate::graph::{Graph, NodeId};
use crate::scheduler::{self, Scheduler};
use crate::task::{Packer, Revive, Unpacker, Value, arrived};
use crate::travel::Codec;
use crate::travel::objects::{self, CodeAddress, ObjectId, Objects};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Piece {
    name: String,
    code: CodeAddress,
    /// The code that the arguments name.
    named: Vec<CodeAddress>,
    arguments: Bytes,
    inputs: Vec<Reading>,
}

/// How the result of another task is read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Reading {
    /// The code of the task that gives it, which knows.
    code: CodeAddress,
    /// Its type, where that depends on the task's arguments.
    of: [u8; 16],
}

/// Packs the tasks of one graph.
#[derive(Default)]
pub(super) struct Packing {
    known: HashMap<usize, CodeAddress>,
    /// The nodes that are there already, and how they are read.
    pub(super) there: HashMap<NodeId, Reading>,
    /// What they name, without the engine's own object.
    pub(super) objects: BTreeSet<ObjectId>,
}

pub(super) fn stays(task: &str, why: impl std::fmt::Display) -> Error {
    Error::Travel { task: task.to_owned(), why: why.to_string() }
}

/// The object that the engine's code is in: the program, or the library that a notebook's cells link to.
pub(super) fn engine() -> Result<ObjectId> {
    Ok(objects::locate(engine as *const ()).map_err(|error| stays("the engine", error))?.object)
}

impl Packing {
    fn locate(&mut self, address: usize) -> Result<CodeAddress, String> {
        if let Some(code) = self.known.get(&address) {
            return Ok(*code);
        }
        let code = objects::locate(address as *const ()).map_err(|error| error.to_string())?;
        self.objects.insert(code.object);
        self.known.insert(address, code);
        Ok(code)
    }

    /// How the result of a node is read.
    pub(super) fn reading(&mut self, graph: &Graph, id: NodeId) -> Result<Reading, String> {
        if let Some(reading) = self.there.get(&id) {
            return Ok(reading.clone());
        }
        let body = graph.step(id).body();
        let (revive, _) = body.code()?;
        Ok(Reading { code: self.locate(revive as usize)?, of: value::bits_of(body.result_type().id()) })
    }

    /// One task.
    pub(super) fn piece(&mut self, graph: &Graph, id: NodeId) -> Result<Piece> {
        let (body, name) = (graph.step(id).body(), graph.name(id));
        let mut pack = || {
            let (revive, _) = body.code()?;
            let mut packer = Packer::default();
            body.pack(&mut packer)?;
            let (arguments, addresses) = packer.into_parts();
            // Whoever wrote something that cannot be read back should hear of it here and not from another machine.
            let steps = graph.inputs(id).iter().map(|&input| std::sync::Arc::clone(graph.step(input))).collect();
            revive(&mut Unpacker::new(&arguments, &addresses, steps))?;
            Ok(Piece {
                name: name.to_owned(),
                code: self.locate(revive as usize)?,
                named: addresses.into_iter().map(|address| self.locate(address)).collect::<Result<_, _>>()?,
                arguments: Bytes(arguments),
                inputs: graph.inputs(id).iter().map(|&input| self.reading(graph, input)).collect::<Result<_, _>>()?,
            })
        };
        pack().map_err(|why: String| stays(name, why))
    }
}

/// An input of a task: here already, or as bytes.
pub(super) enum Input<'a> {
    Here(Value),
    Bytes(&'a [u8]),
}

/// How a task that was sent here ended.
pub(super) enum Ended {
    /// Its value, how that becomes bytes, and the inputs that came as bytes.
    Done {
        value: Value,
        codec: Option<Codec>,
        type_name: &'static str,
        decoded: Vec<(Value, Option<Codec>)>,
    },
    Failed(TaskError),
    /// Code of this object is needed first.
    Missing(ObjectId),
    Refused(String),
}

impl Piece {
    /// The piece's bytes: what `postcard` makes of it.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_else(|_| unreachable!("a piece is plain data"))
    }

    /// Runs the task that these bytes are, in this process.
    ///
    /// They come from a client that this process was started for, and so trusts as itself.
    pub(super) fn run(bytes: &[u8], inputs: Vec<Input<'_>>, objects: &Objects) -> Ended {
        let piece: Piece = match postcard::from_bytes(bytes) {
            Ok(piece) => piece,
            Err(error) => return Ended::Refused(format!("the bytes of a task are damaged: {error}")),
        };
        let codes = [&piece.code].into_iter().chain(&piece.named).chain(piece.inputs.iter().map(|input| &input.code));
        for code in codes {
            if !objects.find(&code.object) {
                return Ended::Missing(code.object);
            }
        }
        match piece.run_here(inputs, objects) {
            Ok(ended) => ended,
            Err(why) => Ended::Refused(stays(&piece.name, why).to_string()),
        }
    }

    fn run_here(&self, inputs: Vec<Input<'_>>, objects: &Objects) -> Result<Ended, String> {
        let address = |code: &CodeAddress| objects.resolve(code).map_err(|error| error.to_string());
        if inputs.len() != self.inputs.len() {
            return Err(format!("it needs {} values, and {} came", self.inputs.len(), inputs.len()));
        }
        let mut decoded = Vec::new();
        let mut values = Vec::with_capacity(inputs.len());
        for (input, reading) in inputs.into_iter().zip(&self.inputs) {
            values.push(match input {
                Input::Here(value) => value,
                Input::Bytes(bytes) => {
                    let codec = reading.codec(address(&reading.code)?);
                    let value = value::decode(bytes, codec)?;
                    decoded.push((Value::clone(&value), codec));
                    value
                }
            });
        }
        let named: Vec<usize> =
            self.named.iter().map(|code| address(code).map(|at| at as usize)).collect::<Result<_, _>>()?;
        let steps = values.into_iter().map(arrived).collect();
        let step = revive_at(address(&self.code)?)(&mut Unpacker::new(&self.arguments.0, &named, steps))?;
        let (codec, type_name) = (step.body().result_codec(), step.body().type_name());
        match scheduler::run(Graph::lower(&[step]), Scheduler::Sync) {
            Ok(mut values) => match values.pop() {
                Some(value) => Ok(Ended::Done { value, codec, type_name, decoded }),
                None => Err("it gave no value".to_owned()),
            },
            Err(Error::Task(error)) => Ok(Ended::Failed(error)),
            Err(other) => Err(other.to_string()),
        }
    }
}

fn revive_at(code: *const ()) -> Revive {
    // SAFETY: the client, for which this process runs, located a function of this very type there; the object's content
    // and the engine's build are the same on both sides.
    unsafe { std::mem::transmute::<*const (), Revive>(code) }
}

impl Reading {
    fn codec(&self, code: *const ()) -> Option<Codec> {
        let mut codec = None;
        // It makes nothing: it only answers.
        let _ = revive_at(code)(&mut Unpacker::asking(&mut codec));
        codec.or_else(|| value::codec_of_bits(self.of))
    }
}
