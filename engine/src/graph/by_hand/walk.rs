//! Following keys to what they need: the order of a graph, and what is wrong with it.

use std::collections::HashMap;
use std::sync::Arc;

use super::entry::Need;
use super::{Entry, GraphError, Key, Mismatch, TaskGraph};
use crate::graph::NodeId;
use crate::task::{ResultType, Step};

/// One node of a [`Walk`].
#[derive(Clone, Copy)]
pub(super) enum Node<'a> {
    Entry(&'a Key, &'a Entry),
    /// A handle from outside.
    Handle(&'a Arc<Step>),
    Missing(&'a Key),
}

/// All that some keys need, in depth-first post-order: what comes first needs nothing that comes later.
pub(super) struct Walk<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    /// As in [`Graph`](crate::graph::Graph): `inputs[starts[n]..starts[n + 1]]` is what `n` needs, in order.
    starts: Vec<u32>,
    inputs: Vec<NodeId>,
    /// The nodes of the keys that were asked for.
    pub(super) roots: Vec<NodeId>,
    /// Keys that are not there, with the first that needs each.
    missing: Vec<(&'a Key, &'a Key)>,
    /// The first way round that was found. Its last edge is not among the inputs.
    cycle: Option<Vec<&'a Key>>,
}

/// A place of the graph that was not reached yet, and one on the way down.
const NEW: NodeId = NodeId::MAX;
const OPEN: NodeId = NodeId::MAX - 1;

/// An entry whose needs are being followed: they are `pending[next..]` up to where the next frame's begin.
struct Frame {
    place: u32,
    start: usize,
    next: usize,
}

/// One need: an entry by its place, or a node that is complete.
#[derive(Clone, Copy)]
enum Target {
    Place(u32),
    Node(NodeId),
}

impl<'a> Walk<'a> {
    /// Walks from the entries at these places.
    pub(super) fn new(graph: &'a TaskGraph, roots: impl IntoIterator<Item = u32>) -> Walk<'a> {
        let mut walk = Walk {
            nodes: Vec::new(),
            starts: vec![0],
            inputs: Vec::new(),
            roots: Vec::new(),
            missing: Vec::new(),
            cycle: None,
        };
        let mut ids = vec![NEW; graph.places()];
        let mut missing: HashMap<&Key, NodeId> = HashMap::new();
        // Explicit stacks, since chains may be millions long.
        let mut stack: Vec<Frame> = Vec::new();
        let mut pending: Vec<Target> = Vec::new();
        for root in roots {
            if ids[root as usize] == NEW {
                walk.open(graph, root, &mut ids, &mut missing, &mut stack, &mut pending);
            }
            while let Some(frame) = stack.last_mut() {
                if let Some(&target) = pending.get(frame.next) {
                    frame.next += 1;
                    match target {
                        Target::Place(place) if ids[place as usize] == NEW => {
                            walk.open(graph, place, &mut ids, &mut missing, &mut stack, &mut pending);
                        }
                        Target::Place(place) if ids[place as usize] == OPEN && walk.cycle.is_none() => {
                            let way = stack.iter().map(|frame| frame.place).skip_while(|&on_way| on_way != place);
                            walk.cycle = Some(way.chain([place]).map(|place| graph.at(place).0).collect());
                        }
                        _ => {}
                    }
                } else if let Some(Frame { place, start, .. }) = stack.pop() {
                    let (key, entry) = graph.at(place);
                    let inputs = pending.drain(start..).map(|target| match target {
                        Target::Place(place) => ids[place as usize],
                        Target::Node(id) => id,
                    });
                    walk.inputs.extend(inputs.filter(|&id| id != OPEN));
                    ids[place as usize] = walk.nodes.len() as NodeId;
                    walk.close(Node::Entry(key, entry));
                }
            }
            walk.roots.push(ids[root as usize]);
        }
        walk
    }

    fn open(
        &mut self,
        graph: &'a TaskGraph,
        place: u32,
        ids: &mut [NodeId],
        missing: &mut HashMap<&'a Key, NodeId>,
        stack: &mut Vec<Frame>,
        pending: &mut Vec<Target>,
    ) {
        ids[place as usize] = OPEN;
        let start = pending.len();
        let (key, entry) = graph.at(place);
        for need in entry.needs.iter() {
            pending.push(match need {
                Need::Key(needed, _) => match graph.place(needed.as_str()) {
                    Some(place) => Target::Place(place),
                    None => Target::Node(*missing.entry(needed).or_insert_with(|| {
                        self.missing.push((needed, key));
                        self.close(Node::Missing(needed))
                    })),
                },
                Need::Step(step) => Target::Node(self.close(Node::Handle(step))),
            });
        }
        stack.push(Frame { place, start, next: start });
    }

    /// Adds a node whose inputs have been added.
    fn close(&mut self, node: Node<'a>) -> NodeId {
        self.nodes.push(node);
        self.starts.push(u32::try_from(self.inputs.len()).expect("a graph has fewer than 2^32 edges"));
        self.nodes.len() as NodeId - 1
    }

    /// What `id` needs, in the order of its arguments.
    pub(super) fn inputs(&self, id: NodeId) -> &[NodeId] {
        &self.inputs[self.starts[id as usize] as usize..self.starts[id as usize + 1] as usize]
    }

    /// The entries, each after those it needs.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a Key, &'a Entry)> {
        self.nodes.iter().filter_map(|node| match *node {
            Node::Entry(key, entry) => Some((key, entry)),
            _ => None,
        })
    }

    /// That there is a first, and nothing is missing.
    pub(super) fn connected(&self, graph: &TaskGraph) -> Result<(), GraphError> {
        if !self.missing.is_empty() {
            return Err(GraphError::missing(graph, &self.missing));
        }
        match &self.cycle {
            Some(keys) => Err(GraphError::Cycle { keys: keys.iter().map(|&key| key.clone()).collect() }),
            None => Ok(()),
        }
    }

    /// As [`connected`](Self::connected), and that all results have the types that are expected of them: gives these.
    pub(super) fn checked(&self, graph: &TaskGraph) -> Result<Vec<ResultType>, GraphError> {
        self.connected(graph)?;
        let mut types: Vec<ResultType> = Vec::with_capacity(self.nodes.len());
        let mut wrong = Vec::new();
        for (id, node) in self.nodes.iter().enumerate() {
            let inputs = self.inputs(id as NodeId);
            types.push(match node {
                Node::Handle(step) => step.body().result_type(),
                Node::Entry(_, Entry { step: Some(step), .. }) => step.body().result_type(),
                // An alias is what it stands for, and nothing is missing.
                _ => types[inputs[0] as usize],
            });
            let Node::Entry(by, entry) = *node else { continue };
            for (need, &input) in entry.needs.iter().zip(inputs) {
                if let Need::Key(key, Some(wanted)) = need
                    && types[input as usize] != *wanted
                {
                    wrong.push(self.mismatch(key, input, types[input as usize], wanted, Some(by)));
                }
            }
        }
        if wrong.is_empty() { Ok(types) } else { Err(GraphError::Types(wrong)) }
    }

    /// That the result of `key` is of the type that somebody asked for.
    pub(super) fn expect(
        &self,
        key: &Key,
        id: NodeId,
        types: &[ResultType],
        wanted: ResultType,
    ) -> Result<(), GraphError> {
        let has = types[id as usize];
        if has == wanted {
            return Ok(());
        }
        Err(GraphError::Types(vec![self.mismatch(key, id, has, wanted, None)]))
    }

    fn mismatch(&self, key: &Key, id: NodeId, has: ResultType, wanted: ResultType, by: Option<&Key>) -> Mismatch {
        let (mut has_name, mut wanted_name) = (has.short_name(), wanted.short_name());
        if has_name == wanted_name {
            (has_name, wanted_name) = (has.name().to_owned(), wanted.name().to_owned());
        }
        let plain = match self.nodes[id as usize] {
            Node::Entry(_, Entry { step: Some(step), .. }) => !step.is_task(),
            _ => false,
        };
        Mismatch { key: key.clone(), has: has_name, wanted: wanted_name, by: by.cloned(), plain }
    }
}
