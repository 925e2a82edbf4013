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

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::task::{Task, Value};

/// A node's place in its [`Graph`].
pub type NodeId = u32;

/// What a step is: something to run, or a value that is already there.
#[derive(Debug)]
pub(crate) enum StepKind {
    Task(Task),
    Data(Value),
}

/// A node as handles see it: shared, immutable, holding on to whatever it needs.
pub(crate) struct Step {
    pub(crate) key: u64,
    pub(crate) kind: StepKind,
    pub(crate) type_name: &'static str,
    /// Emptied only by `drop`, to take long chains apart without recursion.
    pub(crate) inputs: Vec<Arc<Step>>,
}

impl std::fmt::Debug for Step {
    /// One line: following the inputs would write a shared branch once for each path that leads to it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{} of {} inputs", self.name(), self.key, self.inputs.len())
    }
}

impl Step {
    pub(crate) fn new(kind: StepKind, type_name: &'static str, inputs: Vec<Arc<Step>>) -> Arc<Self> {
        static NEXT_KEY: AtomicU64 = AtomicU64::new(0);
        Arc::new(Step { key: NEXT_KEY.fetch_add(1, Ordering::Relaxed), kind, type_name, inputs })
    }

    pub(crate) fn name(&self) -> &str {
        match &self.kind {
            StepKind::Task(task) => task.name(),
            StepKind::Data(_) => "data",
        }
    }
}

impl Drop for Step {
    /// Dropping the last handle of a chain of ten million steps must not use ten million stack frames.
    fn drop(&mut self) {
        let mut doomed = std::mem::take(&mut self.inputs);
        while let Some(step) = doomed.pop() {
            if let Some(mut step) = Arc::into_inner(step) {
                doomed.append(&mut step.inputs);
            }
        }
    }
}

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
    /// Flattens all that `outputs` need. Nodes come out in depth-first post-order: every node after its inputs, and a
    /// branch is finished before the next is begun, which is also the static order that schedulers prefer.
    pub(crate) fn lower(outputs: &[Arc<Step>]) -> Graph {
        let mut ids: HashMap<*const Step, NodeId> = HashMap::new();
        let mut graph = Graph { steps: Vec::new(), starts: vec![0], inputs: Vec::new(), outputs: Vec::new() };
        // (step, index of the next input to visit); an explicit stack, since chains may be millions long.
        let mut stack: Vec<(Arc<Step>, usize)> = Vec::new();
        for output in outputs {
            if !ids.contains_key(&Arc::as_ptr(output)) {
                stack.push((Arc::clone(output), 0));
            }
            while let Some((step, next)) = stack.last_mut() {
                if let Some(input) = step.inputs.get(*next) {
                    *next += 1;
                    if !ids.contains_key(&Arc::as_ptr(input)) {
                        let input = Arc::clone(input);
                        stack.push((input, 0));
                    }
                } else if let Some((step, _)) = stack.pop() {
                    if ids.contains_key(&Arc::as_ptr(&step)) {
                        continue;
                    }
                    let id = NodeId::try_from(graph.steps.len()).expect("a graph has fewer than 2^32 nodes");
                    graph.inputs.extend(step.inputs.iter().map(|input| ids[&Arc::as_ptr(input)]));
                    graph.starts.push(u32::try_from(graph.inputs.len()).expect("a graph has fewer than 2^32 edges"));
                    ids.insert(Arc::as_ptr(&step), id);
                    graph.steps.push(step);
                }
            }
            graph.outputs.push(ids[&Arc::as_ptr(output)]);
        }
        graph
    }

    /// Number of nodes, data nodes included.
    pub fn node_count(&self) -> usize {
        self.steps.len()
    }

    /// Number of tasks.
    pub fn len(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step.kind, StepKind::Task(_))).count()
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
    pub fn task(&self, id: NodeId) -> Option<&Task> {
        match &self.step(id).kind {
            StepKind::Task(task) => Some(task),
            StepKind::Data(_) => None,
        }
    }

    /// The Rust type of the node's result.
    pub fn type_name(&self, id: NodeId) -> &'static str {
        self.step(id).type_name
    }

    /// A name that is unique in this process: the function and a number.
    pub fn key(&self, id: NodeId) -> String {
        let step = self.step(id);
        format!("{}-{}", step.name(), step.key)
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

    pub(crate) fn step(&self, id: NodeId) -> &Step {
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
