//! Fewer, larger tasks that give the same results: what Dask calls graph optimisation.
//!
//! Both rewrites put several steps into one composite step. Inside it a value goes from part to
//! part as it would from task to task: the last reader gets it without a copy, and it is dropped when it has been read.
//! A part that fails is named as if it had been a task.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::{Graph, NodeId};
use crate::task::{Joiner, Source, Step};

/// The name of a fused task is cut in the middle beyond so many characters.
const NAME_LENGTH: usize = 48;

impl Graph {
    /// Makes each linear chain of tasks one task.
    ///
    /// A task joins the one before it when that is all it reads, and when nobody else reads that one: neither another
    /// task nor whoever asked for the outputs. The new task is called after all of them, `inc-double-add`, cut in the
    /// middle when that is long, and has the key of the last. As Dask's `fuse_linear`.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// fn inc(x: i64) -> i64 { x + 1 }
    /// fn double(x: i64) -> i64 { 2 * x }
    ///
    /// let x = delayed!(inc(1));
    /// let y = delayed!(inc(x));
    /// let z = delayed!(double(y));
    /// let graph = z.graph().fuse();
    /// assert_eq!(graph.len(), 1);
    /// assert_eq!(graph.name(graph.outputs()[0]), "inc-inc-double");
    /// ```
    pub fn fuse(self) -> Graph {
        let mut is_output = vec![false; self.node_count()];
        self.outputs.iter().for_each(|&output| is_output[output as usize] = true);
        let into =
            chains(self.node_count(), |id| self.inputs(id), |id| self.step(id).is_task(), |id| is_output[id as usize]);
        self.rewritten(|graph, id| {
            if into[id as usize].is_some() {
                return Place::Gone;
            }
            let chain = chain_to(id, &into, |id| graph.inputs(id));
            if chain.len() == 1 {
                return Place::Same;
            }
            let head = chain[0];
            let steps = chain.iter().map(|&id| graph.step(id));
            Place::Step(
                fused(steps, graph.inputs(head).len(), |id| graph.inputs(id), &chain),
                graph.inputs(head).into(),
            )
        })
    }

    /// Runs cheap tasks inside each task that reads them, once for each: less to schedule and to hold, at the price of
    /// doing the work again.
    ///
    /// `cheap` says by the function's name whether a task is. Outputs stay tasks of their own. As Dask's `inline`.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// fn zero() -> i64 { 0 }
    /// fn add(x: i64, y: i64) -> i64 { x + y }
    ///
    /// let nothing = delayed!(zero());
    /// let sum = delayed!(add(&nothing * 2, &nothing + 1));
    /// assert_eq!(sum.task_names(), ["zero", "mul", "add", "add"]);
    /// let graph = sum.graph().inline(|name| name == "zero");
    /// assert_eq!(graph.len(), 3);
    /// ```
    pub fn inline(self, cheap: impl Fn(&str) -> bool) -> Graph {
        let mut inlined: Vec<bool> = self.ids().map(|id| self.step(id).is_task() && cheap(self.name(id))).collect();
        self.outputs.iter().for_each(|&output| inlined[output as usize] = false);
        self.rewritten(|graph, id| {
            if inlined[id as usize] {
                return Place::Gone;
            }
            match with_inlined(id, |id| graph.inputs(id), |id| graph.step(id), |id| inlined[id as usize]) {
                Some((step, inputs)) => Place::Step(step, inputs.into()),
                None => Place::Same,
            }
        })
    }

    /// The graph as it is best run: with its chains [fused](Graph::fuse).
    ///
    /// What nobody asked for is not in a lowered graph in the first place.
    pub fn optimized(self) -> Graph {
        self.fuse()
    }

    /// A graph with each node as `place` says. Nodes that are gone must not be read by those that stay.
    fn rewritten<'a>(&'a self, mut place: impl FnMut(&'a Graph, NodeId) -> Place<'a>) -> Graph {
        let mut graph = Graph { steps: Vec::new(), starts: vec![0], inputs: Vec::new(), outputs: Vec::new() };
        let mut new_ids = vec![NodeId::MAX; self.node_count()];
        for id in self.ids() {
            let (step, inputs) = match place(self, id) {
                Place::Gone => continue,
                Place::Same => (Arc::clone(self.step(id)), Cow::Borrowed(self.inputs(id))),
                Place::Step(step, inputs) => (step, inputs),
            };
            new_ids[id as usize] = graph.steps.len() as NodeId;
            graph.inputs.extend(inputs.iter().map(|&input| new_ids[input as usize]));
            graph.starts.push(graph.inputs.len() as u32);
            graph.steps.push(step);
        }
        graph.outputs = self.outputs.iter().map(|&output| new_ids[output as usize]).collect();
        graph
    }
}

/// What becomes of a node.
enum Place<'a> {
    /// It is part of another.
    Gone,
    Same,
    /// Another step, and what it reads in terms of the old nodes.
    Step(Arc<Step>, Cow<'a, [NodeId]>),
}

/// For each node the one that it becomes part of, where it is in a chain and not its last.
///
/// `kept` nodes are read by somebody outside. A graph with a cycle has chains without an end: see that there are none.
pub(super) fn chains<'a>(
    count: usize,
    inputs: impl Fn(NodeId) -> &'a [NodeId],
    is_task: impl Fn(NodeId) -> bool,
    kept: impl Fn(NodeId) -> bool,
) -> Vec<Option<NodeId>> {
    /// Read by nobody, by this node alone, or by several.
    #[derive(Clone, Copy, PartialEq)]
    enum Reader {
        None,
        One(NodeId),
        Several,
    }
    let mut readers = vec![Reader::None; count];
    for id in 0..count as NodeId {
        for &input in inputs(id) {
            let reader = &mut readers[input as usize];
            *reader = match *reader {
                Reader::None => Reader::One(id),
                Reader::One(other) if other == id => Reader::One(id),
                _ => Reader::Several,
            };
        }
    }
    (0..count as NodeId)
        .map(|id| match readers[id as usize] {
            Reader::One(reader) if is_task(id) && is_task(reader) && !kept(id) => {
                inputs(reader).iter().all(|&input| input == id).then_some(reader)
            }
            _ => None,
        })
        .collect()
}

/// The nodes of the chain that ends at `end`, first to last.
pub(super) fn chain_to<'a>(
    end: NodeId,
    into: &[Option<NodeId>],
    inputs: impl Fn(NodeId) -> &'a [NodeId],
) -> Vec<NodeId> {
    let mut chain = vec![end];
    let mut at = end;
    while let Some(&before) = inputs(at).first()
        && into[before as usize] == Some(at)
    {
        chain.push(before);
        at = before;
    }
    chain.reverse();
    chain
}

/// One step for a chain; it reads `outside` inputs, which are those of the chain's head.
pub(super) fn fused<'a, 'b>(
    steps: impl DoubleEndedIterator<Item = &'a Arc<Step>> + Clone,
    outside: usize,
    inputs: impl Fn(NodeId) -> &'b [NodeId],
    chain: &[NodeId],
) -> Arc<Step> {
    let mut joiner = Joiner::default();
    let mut sources: Vec<Source> = (0..outside).map(|_| joiner.input()).collect();
    let name = joined_name(steps.clone().map(|step| step.name()), chain.len());
    for (place, step) in steps.enumerate() {
        let result = joiner.add(step, &sources);
        // The next reads this as often as it has arguments that are this.
        let reads = chain.get(place + 1).map_or(0, |&next| inputs(next).len());
        sources.clear();
        sources.resize(reads, result);
    }
    joiner.finish(&name)
}

/// A step that runs what it reads of the inlined nodes itself, and the nodes that it then reads; `None` when it reads
/// none of them. Nodes must be numbered with inputs first.
pub(super) fn with_inlined<'a, 'b>(
    id: NodeId,
    inputs: impl Fn(NodeId) -> &'a [NodeId],
    step: impl Fn(NodeId) -> &'b Arc<Step>,
    inlined: impl Fn(NodeId) -> bool,
) -> Option<(Arc<Step>, Vec<NodeId>)> {
    if !inputs(id).iter().any(|&input| inlined(input)) {
        return None;
    }
    // All that has to run inside: each once, whatever the ways that lead to it.
    let mut inside = vec![id];
    let mut seen: HashMap<NodeId, Option<Source>> = HashMap::new();
    let mut next = 0;
    while let Some(&at) = inside.get(next) {
        next += 1;
        for &input in inputs(at) {
            if inlined(input) && seen.insert(input, None).is_none() {
                inside.push(input);
            }
        }
    }
    inside.sort_unstable();
    let mut joiner = Joiner::default();
    let mut outside = Vec::new();
    for &at in &inside {
        let sources: Vec<Source> = inputs(at)
            .iter()
            .map(|&input| {
                *seen.entry(input).or_default().get_or_insert_with(|| {
                    outside.push(input);
                    joiner.input()
                })
            })
            .collect();
        seen.insert(at, Some(joiner.add(step(at), &sources)));
    }
    Some((joiner.finish(step(id).name()), outside))
}

/// `inc-double-add`, or as much of it from both ends as fits.
fn joined_name<'a>(names: impl DoubleEndedIterator<Item = &'a str> + Clone, count: usize) -> String {
    // At least one name from each end, and then as many as half of the room takes.
    fn end<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let mut room = NAME_LENGTH / 2;
        let mut taken = Vec::new();
        for name in names {
            if !taken.is_empty() && name.len() + 1 > room {
                break;
            }
            room = room.saturating_sub(name.len() + 1);
            taken.push(name);
        }
        taken
    }
    let (head, mut tail) = (end(names.clone()), end(names.clone().rev()));
    if head.len() + tail.len() >= count {
        return names.collect::<Vec<_>>().join("-");
    }
    tail.reverse();
    format!("{}-…-{}", head.join("-"), tail.join("-"))
}
