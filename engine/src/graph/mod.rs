//! The graph every collection lowers to: an arena of nodes with integer ids.
//!
//! A handle such as [`Delayed`](crate::Delayed) points at a [`Step`], and steps point at the steps they need. That is
//! the right form for building, sharing and dropping. To run or draw, [`Graph::lower`] walks the steps that a set of
//! outputs needs, once, into flat vectors: ids are dense, edges are a single array in compressed-sparse-row form, and
//! nothing in the hot path hashes a key.
//!
//! ```
//! use taskloom::prelude::*;
//! fn inc(x: i64) -> i64 { x + 1 }
//! let a = delayed!(inc(1));
//! let b = &a + &a;
//! let graph = b.graph();
//! assert_eq!(graph.len(), 2); // `a` is one task, however often it is used
//! assert_eq!(graph.name(graph.outputs()[0]), "add");
//! ```

pub(crate) mod keys;
mod lower;
mod optimize;


use std::collections::HashMap;
use std::sync::Arc;

use crate::task::{Role, Step, Task, Value};

pub(crate) use keys::remember;

/// A node's place in its [`Graph`].
pub type NodeId = u32;

/// A lowered graph: what runs, in which order, and which results were asked for.
pub struct Graph {
    steps: Vec<Arc<Step>>,
    /// `inputs[starts[n]..starts[n + 1]]` are the nodes that `n` needs, in the order of its arguments.
    starts: Vec<u32>,
    inputs: Vec<NodeId>,
    outputs: Vec<NodeId>,
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.ids().map(|id| {
                let inputs: Vec<String> = self.inputs(id).iter().map(|&input| self.key(input)).collect();
                (self.key(id), inputs)
            }))
            .finish()
    }
}

impl Graph {
    /// Number of nodes, data nodes included.
    pub fn node_count(&self) -> usize {
        self.steps.len()
    }

    /// Number of tasks.
    pub fn len(&self) -> usize {
        self.steps.iter().filter(|step| step.is_task()).count()
    }

    /// Whether there is nothing to run.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All ids, each after the ids of its inputs.
    pub fn ids(&self) -> std::ops::Range<NodeId> {
        0..self.steps.len() as NodeId
    }

    /// The nodes whose results were asked for, in the order they were asked for.
    pub fn outputs(&self) -> &[NodeId] {
        &self.outputs
    }

    /// The nodes that `id` needs, in the order of its arguments; one may appear twice.
    pub fn inputs(&self, id: NodeId) -> &[NodeId] {
        let id = id as usize;
        &self.inputs[self.starts[id] as usize..self.starts[id + 1] as usize]
    }

    /// The function's name, or `data`.
    pub fn name(&self, id: NodeId) -> &str {
        self.step(id).name()
    }

    /// The task at `id`; `None` for a data node.
    pub fn task(&self, id: NodeId) -> Option<Task<'_>> {
        let step = self.step(id);
        step.is_task().then(|| Task::new(step))
    }

    /// The value of a data node.
    pub(crate) fn data(&self, id: NodeId) -> Option<&Value> {
        match self.step(id).body().role() {
            Role::Task => None,
            Role::Data(value) => Some(value),
        }
    }

    /// The Rust type of the node's result.
    pub fn type_name(&self, id: NodeId) -> &'static str {
        self.step(id).body().type_name()
    }

    /// A name that is unique in this process: the function and a number.
    pub fn key(&self, id: NodeId) -> String {
        keys::key(self.step(id))
    }

    /// For every node, the nodes that need it: the transpose of [`Graph::inputs`], in the same compressed form.
    pub(crate) fn dependents(&self) -> Dependents {
        let mut starts = vec![0u32; self.steps.len() + 1];
        for &input in &self.inputs {
            starts[input as usize + 1] += 1;
        }
        for n in 1..starts.len() {
            starts[n] += starts[n - 1];
        }
        let mut next = starts.clone();
        let mut targets = vec![0; self.inputs.len()];
        for id in self.ids() {
            for &input in self.inputs(id) {
                let slot = &mut next[input as usize];
                targets[*slot as usize] = id;
                *slot += 1;
            }
        }
        Dependents { starts, targets }
    }

    pub(crate) fn step(&self, id: NodeId) -> &Arc<Step> {
        &self.steps[id as usize]
    }

    /// The names of the nodes between `id` and the nearest output, nearest to `id` first.
    pub(crate) fn needed_by(&self, id: NodeId) -> Vec<String> {
        let dependents = self.dependents();
        let mut from: HashMap<NodeId, NodeId> = HashMap::new();
        let mut queue = std::collections::VecDeque::from([id]);
        while let Some(at) = queue.pop_front() {
            if self.outputs.contains(&at) {
                let mut chain = Vec::new();
                let mut at = at;
                while at != id {
                    chain.push(self.name(at).to_owned());
                    at = from[&at];
                }
                chain.reverse();
                return chain;
            }
            for &dependent in dependents.of(at) {
                from.entry(dependent).or_insert_with(|| {
                    queue.push_back(dependent);
                    at
                });
            }
        }
        Vec::new()
    }
}

/// The edges of a graph seen from the producer.
#[derive(Debug)]
pub(crate) struct Dependents {
    starts: Vec<u32>,
    targets: Vec<NodeId>,
}

impl Dependents {
    /// The nodes that need `id`, once for each edge.
    pub(crate) fn of(&self, id: NodeId) -> &[NodeId] {
        let id = id as usize;
        &self.targets[self.starts[id] as usize..self.starts[id + 1] as usize]
    }
}
