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

mod by_hand;
pub(crate) mod keys;
mod lower;
mod optimize;
mod order;

use std::collections::HashMap;
use std::sync::Arc;

use crate::task::{Role, Step, Task, Value};

pub use by_hand::{Entry, GraphError, Key, Mismatch, Missing, Reference, References, TaskGraph, key, keys};
pub(crate) use keys::remember;

/// A node's place in its [`Graph`].
pub type NodeId = u32;

/// A graph above [`LARGE`] nodes with more than [`DENSE`] inputs for each keeps the depth-first order that it was lowered
/// in. To look for a better one would take about as long as to run small tasks, since each edge leads to another part of
/// the memory, and where everything hangs together with everything there is little to be found. Arrays and tables lower
/// to graphs of one or two inputs a node.
const LARGE: usize = 200_000;
const DENSE: usize = 3;

/// A lowered graph: what runs, in which order, and which results were asked for.
#[derive(Clone)]
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

    /// The same graph with its nodes in the static order: the one in which few results are alive at once, found by
    /// `graph::order`. Schedulers prefer the node with the smaller id.
    pub(crate) fn in_static_order(mut self) -> Graph {
        let irregular = self.steps.len() > LARGE && self.inputs.len() > DENSE * self.steps.len();
        if self.inputs.is_empty() || irregular {
            return self;
        }
        let sequence = order::order(&self.starts, &self.inputs, &self.outputs, |id| self.data(id).is_some());
        if sequence.iter().enumerate().all(|(place, &id)| place as NodeId == id) {
            return self;
        }
        let mut places = vec![0; sequence.len()];
        for (place, &id) in sequence.iter().enumerate() {
            places[id as usize] = place as NodeId;
        }
        let mut steps: Vec<Option<Arc<Step>>> = std::mem::take(&mut self.steps).into_iter().map(Some).collect();
        let mut ordered = Graph {
            steps: Vec::with_capacity(sequence.len()),
            starts: Vec::with_capacity(self.starts.len()),
            inputs: Vec::with_capacity(self.inputs.len()),
            outputs: self.outputs.iter().map(|&output| places[output as usize]).collect(),
        };
        ordered.starts.push(0);
        for &id in &sequence {
            ordered.steps.extend(steps[id as usize].take());
            ordered.inputs.extend(self.inputs(id).iter().map(|&input| places[input as usize]));
            ordered.starts.push(ordered.inputs.len() as u32);
        }
        ordered
    }

    /// The most results that are alive at once when one thread runs the graph in the static order: what a computation
    /// needs of memory, in numbers of results. Values that are there from the start do not count.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let parts: Vec<_> = (0..64).map(|n| delayed!(i64::pow(n, 2))).collect();
    /// let sum: Delayed<i64> = parts.iter().sum();
    /// assert_eq!(sum.graph().most_alive(), 8); // and not 64: the tree is finished branch by branch
    /// ```
    pub fn most_alive(&self) -> usize {
        let data = |id| self.data(id).is_some();
        let sequence = order::order(&self.starts, &self.inputs, &self.outputs, data);
        order::most_alive(&self.starts, &self.inputs, &self.outputs, data, &sequence)
    }

    /// The part of this graph that `outputs` need, with them as its outputs.
    pub(crate) fn part_for(&self, outputs: &[NodeId]) -> Graph {
        let mut needed = vec![false; self.steps.len()];
        outputs.iter().for_each(|&output| needed[output as usize] = true);
        // Every node stands after its inputs, so one pass from the back finds all.
        for id in self.ids().rev() {
            if needed[id as usize] {
                self.inputs(id).iter().for_each(|&input| needed[input as usize] = true);
            }
        }
        let mut places = vec![NodeId::MAX; self.steps.len()];
        let mut part = Graph { steps: Vec::new(), starts: vec![0], inputs: Vec::new(), outputs: Vec::new() };
        for id in self.ids().filter(|&id| needed[id as usize]) {
            places[id as usize] = part.steps.len() as NodeId;
            part.inputs.extend(self.inputs(id).iter().map(|&input| places[input as usize]));
            part.starts.push(part.inputs.len() as u32);
            part.steps.push(Arc::clone(self.step(id)));
        }
        part.outputs = outputs.iter().map(|&output| places[output as usize]).collect();
        part
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

    pub(crate) fn into_steps(self) -> Vec<Arc<Step>> {
        self.steps
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
                let mut nodes = vec![at];
                while let Some(&before) = nodes.last().and_then(|at| from.get(at)) {
                    nodes.push(before);
                }
                nodes.reverse();
                return nodes.windows(2).flat_map(|pair| self.names_between(pair[0], pair[1])).collect();
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

    /// The names of what runs at `to`, from where it reads the result of `from`: several where tasks were fused.
    fn names_between(&self, from: NodeId, to: NodeId) -> Vec<String> {
        match self.step(to).body().composite() {
            None => vec![self.name(to).to_owned()],
            Some(composite) => {
                let input = self.inputs(to).iter().position(|&input| input == from);
                input.map_or_else(Vec::new, |input| composite.needed_by_input(input))
            }
        }
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
