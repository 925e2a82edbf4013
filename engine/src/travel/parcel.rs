//! A graph in a form that leaves the process.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::objects::{self, CodeAddress, ObjectId, Objects, TravelError};
use crate::delayed::{Delayed, Outputs};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::scheduler::{self, Scheduler};
use crate::task::{Label, Packer, Revive, Step, Unpacker};

/// A graph as code addresses and encoded arguments: what another process needs to run it, beside the engine and the
/// compiled objects.
///
/// A task goes as (shared object by content hash, offset in it, the arguments that are there, and which other tasks
/// make the rest). Results travel between tasks as values, inside the process that runs them; only those that were asked
/// for come back as bytes.
///
/// ```
/// use taskloom::prelude::*;
/// use taskloom::travel::{Parcel, objects::Objects};
///
/// fn square(x: i64) -> i64 { x * x }
/// let sum: Delayed<i64> = (1..4).map(|n| delayed!(square({ n }))).sum();
///
/// let bytes = Parcel::pack(&(&sum,))?.to_bytes();       // to another process, by whatever way …
///
/// let results = Parcel::from_bytes(&bytes)?.compute(&Objects::new(), Scheduler::Default)?;
/// assert_eq!(sum.decode(&results[0])?, 14);             // … and back
/// # Ok::<(), taskloom::Error>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Parcel {
    /// The build of the engine that the tasks were compiled against.
    engine: ObjectId,
    /// All code that the nodes name, each once.
    codes: Vec<CodeAddress>,
    nodes: Vec<Node>,
    outputs: Vec<NodeId>,
}

/// One step: whoever has the object calls the code at the offset with the arguments, and has the step again.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Node {
    name: String,
    /// The code that makes the step, by its place in the parcel's list.
    code: u32,
    /// The code that the arguments name.
    named: Vec<u32>,
    arguments: Vec<u8>,
    inputs: Vec<NodeId>,
}

/// Code addresses, and the numbers that they have in a parcel.
#[derive(Default)]
struct Codes {
    numbers: HashMap<usize, u32>,
    all: Vec<CodeAddress>,
}

impl Codes {
    fn number(&mut self, address: usize) -> Result<u32, TravelError> {
        if let Some(number) = self.numbers.get(&address) {
            return Ok(*number);
        }
        let number = self.all.len() as u32;
        self.all.push(objects::locate(address as *const ())?);
        self.numbers.insert(address, number);
        Ok(number)
    }
}

fn stays(task: &str, why: impl std::fmt::Display) -> Error {
    Error::Travel { task: task.to_owned(), why: why.to_string() }
}

/// Where the engine's own code is; it is there in every process that can run a parcel.
fn engine() -> Result<ObjectId, TravelError> {
    Ok(objects::locate(engine as *const ())?.object)
}

impl Parcel {
    /// Packs all that these handles need.
    ///
    /// # Errors
    /// [`Error::Travel`] with the name of the first task that cannot leave the process, and why: its function captures
    /// something, an argument has no encoding, or its code is in no file that another process could load.
    pub fn pack(outputs: &impl Outputs) -> Result<Parcel> {
        let graph = outputs.graph();
        let engine = engine().map_err(|error| stays("the engine", error))?;
        let mut codes = Codes::default();
        let nodes = graph
            .ids()
            .map(|id| {
                let (step, name) = (graph.step(id), graph.name(id));
                let (revive, _) = step.body().code().map_err(|why| stays(name, why))?;
                let mut packer = Packer::default();
                step.body().pack(&mut packer).map_err(|why| stays(name, why))?;
                // Whoever wrote something that cannot be read back should hear of it here and not from another machine.
                let (arguments, addresses) = packer.into_parts();
                let inputs = graph.inputs(id).to_vec();
                let steps = inputs.iter().map(|&input| std::sync::Arc::clone(graph.step(input))).collect();
                revive(&mut Unpacker::new(&arguments, &addresses, steps)).map_err(|why| stays(name, why))?;
                let mut number = |address: usize| codes.number(address).map_err(|error| stays(name, error));
                let code = number(revive as usize)?;
                let named = addresses.into_iter().map(number).collect::<Result<_>>()?;
                Ok(Node { name: name.to_owned(), code, named, arguments, inputs })
            })
            .collect::<Result<_>>()?;
        for &output in graph.outputs() {
            if graph.step(output).body().result_codec().is_none() {
                let type_name = crate::display::short_type(graph.type_name(output));
                let why = format!("its result, a `{type_name}`, has no encoding, so it could not come back");
                return Err(stays(graph.name(output), why));
            }
        }
        Ok(Parcel { engine, codes: codes.all, nodes, outputs: graph.outputs().to_vec() })
    }

    /// The objects whose code the tasks are in, without the engine's own, which is there already. Their bytes are had
    /// by [`objects::bytes_of`] here, and are given to [`Objects::load`] there.
    pub fn objects(&self) -> Vec<ObjectId> {
        let all: BTreeSet<ObjectId> = self.codes.iter().map(|code| code.object).collect();
        all.into_iter().filter(|&object| object != self.engine).collect()
    }

    /// Number of nodes, data included.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The parcel as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("a parcel is plain data")
    }

    /// A parcel from bytes.
    ///
    /// # Errors
    /// [`Error::Travel`] when these are not a parcel's bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Parcel> {
        postcard::from_bytes(bytes).map_err(|error| stays("a parcel", format!("its bytes are damaged: {error}")))
    }

    /// Runs the graph here. Gives the results that were asked for, each encoded, in order.
    ///
    /// Only for parcels from a process that you trust as you trust yourself: it calls the code at the addresses that
    /// the parcel names.
    ///
    /// # Errors
    /// [`Error::Travel`] when an object has not been loaded, the engine here is another build, or arguments do not
    /// decode; otherwise as [`Delayed::compute`].
    pub fn compute(&self, objects: &Objects, scheduler: Scheduler) -> Result<Vec<Vec<u8>>> {
        let graph = self.graph(objects)?;
        let encoders: Vec<_> = graph
            .outputs()
            .iter()
            .map(|&output| (graph.name(output).to_owned(), graph.step(output).body().result_codec()))
            .collect();
        let values = scheduler::run(graph, scheduler)?;
        let encode = |(value, (name, codec)): (crate::task::Value, (String, Option<super::Codec>))| {
            let codec = codec.ok_or_else(|| stays(&name, "its result has no encoding"))?;
            codec.encode(&*value).map_err(|why| stays(&name, why))
        };
        values.into_iter().zip(encoders).map(encode).collect()
    }

    fn graph(&self, objects: &Objects) -> Result<Graph> {
        let here = engine().map_err(|error| stays("the engine", error))?;
        if here != self.engine {
            let why = format!(
                "it was packed by another build of the engine ({}, here is {}); run the same build on both sides",
                self.engine, here
            );
            return Err(stays("a parcel", why));
        }
        let mut addresses = Vec::with_capacity(self.codes.len());
        for (number, code) in (0_u32..).zip(&self.codes) {
            objects.find(&code.object);
            let address = objects.resolve(code).map_err(|error| {
                let node = self.nodes.iter().find(|node| node.code == number || node.named.contains(&number));
                stays(node.map_or("a parcel", |node| &node.name), error)
            })?;
            addresses.push(address as usize);
        }
        let address = |code: &u32| addresses.get(*code as usize).copied();
        let mut steps = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let named: Option<Vec<usize>> = node.named.iter().map(address).collect();
            let (Some(code), Some(named)) = (address(&node.code), named) else {
                return Err(stays(&node.name, "it names code that the parcel does not have"));
            };
            // SAFETY: the sender, whom the caller trusts, located a function of this very type there, and the object's
            // content and the engine's build are the same on both sides.
            let revive: Revive = unsafe { std::mem::transmute::<*const (), Revive>(code as *const ()) };
            let inputs = node.inputs.iter().map(|&input| steps.get(input as usize).cloned()).collect::<Option<_>>();
            let inputs = inputs.ok_or_else(|| stays(&node.name, "it needs a task that comes after it"))?;
            let step =
                revive(&mut Unpacker::new(&node.arguments, &named, inputs)).map_err(|why| stays(&node.name, why))?;
            let renamed = step.name() != node.name && step.is_task();
            steps.push(if renamed { Step::new(Label::named(&step, &node.name)) } else { step });
        }
        let outputs: Option<Vec<_>> = self.outputs.iter().map(|&output| steps.get(output as usize).cloned()).collect();
        Ok(Graph::lower(&outputs.ok_or_else(|| stays("a parcel", "it asks for a result that it does not have"))?))
    }
}

impl<T: Clone + Send + Sync + 'static> Delayed<T> {
    /// The value of this handle from the bytes that a [`Parcel`] gave for it elsewhere.
    ///
    /// # Errors
    /// [`Error::Travel`] when the bytes are not those of such a value.
    pub fn decode(&self, bytes: &[u8]) -> Result<T> {
        let codec =
            self.step().body().result_codec().ok_or_else(|| stays(self.name(), "its result has no encoding"))?;
        codec.decode(bytes).map(crate::delayed::take_value).map_err(|why| stays(self.name(), why))
    }
}
