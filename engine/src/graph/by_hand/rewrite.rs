//! From one graph to another that means the same.

use std::collections::HashSet;
use std::sync::Arc;

use super::entry::Need;
use super::walk::{Node, Walk};
use super::{Entry, GraphError, Key, TaskGraph};
use crate::graph::NodeId;
use crate::graph::optimize::{chain_to, chains, fused, with_inlined};

impl TaskGraph {
    /// Only what `keys` need, in the order in which it was inserted.
    ///
    /// # Errors
    /// [`GraphError::Unknown`] when one of the keys is not there.
    ///
    /// ```
    /// use taskloom::graph::{TaskGraph, key};
    /// let mut graph = TaskGraph::new();
    /// graph.value("x", -1_i64)?;
    /// graph.task("y", i64::abs, (key("x"),))?;
    /// graph.task("unused", i64::signum, (key("x"),))?;
    /// assert!(graph.cull(["y"])?.keys().eq(["x", "y"]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn cull(&self, keys: impl IntoIterator<Item = impl Into<Key>>) -> Result<TaskGraph, GraphError> {
        let keys: Vec<Key> = keys.into_iter().map(Into::into).collect();
        let walk = self.walk_from(&keys)?;
        let needed: HashSet<&Key> = walk.entries().map(|(key, _)| key).collect();
        Ok(self.with(|key, entry| needed.contains(key).then(|| entry.clone())))
    }

    /// Makes each linear chain of tasks one task, under the key of its last: see [`Graph::fuse`](super::super::Graph::fuse).
    ///
    /// The keys inside a chain are gone. To keep one, give it another name: whoever needs a key by an
    /// [`alias`](TaskGraph::alias) may want its result. A graph that does not pass [`check`](TaskGraph::check) comes
    /// back as it is.
    ///
    /// ```
    /// use taskloom::graph::{TaskGraph, key};
    /// let mut graph = TaskGraph::new();
    /// graph.value("x", -2_i64)?;
    /// graph.task("y", i64::abs, (key("x"),))?;
    /// graph.task("z", i64::pow, (key("y"), 3_u32))?;
    /// let fused = graph.fuse();
    /// assert_eq!(fused.describe("z")?, "z = abs-pow(abs(x), 3) → i64");
    /// assert_eq!(fused.get::<i64>("z")?, 8);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn fuse(&self) -> TaskGraph {
        let walk = Walk::new(self, self.all());
        if walk.checked(self).is_err() {
            return self.clone();
        }
        let is_task = |id: NodeId| step_at(&walk, id).is_some_and(|step| step.is_task());
        let into = chains(walk.nodes.len(), |id| walk.inputs(id), is_task, |_| false);
        let rewritten = |id: NodeId| {
            if into[id as usize].is_some() {
                return None;
            }
            let chain = chain_to(id, &into, |id| walk.inputs(id));
            let Node::Entry(_, head) = walk.nodes[chain[0] as usize] else { return None };
            let steps = chain.iter().filter_map(|&id| step_at(&walk, id));
            match chain.len() {
                1 => Some(head.clone()),
                _ => Some(Entry {
                    step: Some(fused(steps, head.needs.len(), |id| walk.inputs(id), &chain)),
                    needs: Arc::clone(&head.needs),
                }),
            }
        };
        self.with_nodes(&walk, rewritten)
    }

    /// Puts values and tasks inside each task that reads them: each of these then runs them itself.
    ///
    /// An inlined key is gone, unless nobody but an [`alias`](TaskGraph::alias) needs it, or nobody at all: then it
    /// stays as well.
    ///
    /// # Errors
    /// [`GraphError::Unknown`] when one of the keys is not there, and as [`check`](TaskGraph::check).
    ///
    /// ```
    /// use taskloom::graph::{TaskGraph, key};
    /// let mut graph = TaskGraph::new();
    /// graph.value("x", -2_i64)?;
    /// graph.task("y", i64::abs, (key("x"),))?;
    /// graph.task("z", i64::pow, (key("y"), 3_u32))?;
    /// assert_eq!(graph.inline(["x"])?.describe("y")?, "y = abs(-2) → i64");
    /// assert_eq!(graph.inline(["x", "y"])?.describe("z")?, "z = pow(abs(-2), 3) → i64");
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn inline(&self, keys: impl IntoIterator<Item = impl Into<Key>>) -> Result<TaskGraph, GraphError> {
        let mut chosen: HashSet<Key> = HashSet::new();
        for key in keys {
            let key = key.into();
            self.known(key.as_str())?;
            chosen.insert(key);
        }
        let walk = Walk::new(self, self.all());
        let types = walk.checked(self)?;
        let inlined: Vec<bool> = walk
            .nodes
            .iter()
            .map(|node| match node {
                Node::Entry(key, entry) => entry.step.is_some() && chosen.contains(*key),
                _ => false,
            })
            .collect();
        // What is left of the inlined keys: those that only others' names, or nobody, lead to.
        let mut is_read = vec![false; walk.nodes.len()];
        let mut has_alias = vec![false; walk.nodes.len()];
        for id in 0..walk.nodes.len() as NodeId {
            let by = if step_at(&walk, id).is_some() { &mut is_read } else { &mut has_alias };
            walk.inputs(id).iter().for_each(|&input| by[input as usize] = true);
        }
        let rewritten = |id: NodeId| {
            let at = id as usize;
            let Node::Entry(_, entry) = walk.nodes[at] else { return None };
            if inlined[at] && is_read[at] && !has_alias[at] {
                return None;
            }
            if entry.step.is_none() {
                return Some(entry.clone());
            }
            let step = |id: NodeId| step_at(&walk, id).expect("only tasks and values are inlined, and tasks read them");
            match with_inlined(id, |id| walk.inputs(id), step, |id| inlined[id as usize]) {
                None => Some(entry.clone()),
                Some((step, outside)) => {
                    let needs = outside.iter().map(|&outer| match walk.nodes[outer as usize] {
                        Node::Handle(step) => Need::Step(Arc::clone(step)),
                        Node::Entry(key, _) | Node::Missing(key) => Need::Key(key.clone(), Some(types[outer as usize])),
                    });
                    Some(Entry { step: Some(step), needs: needs.collect() })
                }
            }
        };
        Ok(self.with_nodes(&walk, rewritten))
    }

    /// Gives a key another name, everywhere.
    ///
    /// # Errors
    /// [`GraphError::Unknown`] when `from` is not there, [`GraphError::Taken`] when `to` is.
    pub fn rename(&mut self, from: &str, to: impl Into<Key>) -> Result<(), GraphError> {
        let (place, to) = (self.known(from)?, to.into());
        if self.contains(to.as_str()) {
            return Err(GraphError::Taken { key: to });
        }
        for (_, entry) in self.entries.iter_mut().flatten() {
            if entry.keys().any(|key| *key == *from) {
                let renamed = entry.needs.iter().map(|need| match need {
                    Need::Key(key, wanted) if *key == *from => Need::Key(to.clone(), *wanted),
                    need => need.clone(),
                });
                entry.needs = renamed.collect();
            }
        }
        self.places.remove(from);
        self.places.insert(to.clone(), place);
        if let Some((key, _)) = &mut self.entries[place as usize] {
            *key = to;
        }
        Ok(())
    }

    /// Inserts all that is in another graph.
    ///
    /// # Errors
    /// [`GraphError::Taken`] when both have a key; then this graph is as it was.
    pub fn merge(&mut self, other: TaskGraph) -> Result<(), GraphError> {
        if let Some(key) = other.keys().find(|key| self.contains(key.as_str())) {
            return Err(GraphError::Taken { key: key.clone() });
        }
        other.entries.into_iter().flatten().try_for_each(|(key, entry)| self.insert(key, entry))
    }

    /// The entries that `rewritten` gives for the nodes of a walk, in the order of this graph.
    fn with_nodes(&self, walk: &Walk<'_>, rewritten: impl Fn(NodeId) -> Option<Entry>) -> TaskGraph {
        let mut entries: Vec<Option<Entry>> = vec![None; self.places()];
        for (id, node) in walk.nodes.iter().enumerate() {
            if let Node::Entry(key, _) = node
                && let Some(place) = self.place(key.as_str())
            {
                entries[place as usize] = rewritten(id as NodeId);
            }
        }
        let mut entries = entries.into_iter().zip(&self.entries).filter_map(|(new, old)| old.as_ref().map(|_| new));
        self.with(|_, _| entries.next().flatten())
    }

    /// The entries that `keep` gives, in the order of this graph.
    fn with(&self, mut keep: impl FnMut(&Key, &Entry) -> Option<Entry>) -> TaskGraph {
        let mut graph = TaskGraph::new();
        for (key, entry) in self.iter() {
            if let Some(entry) = keep(key, entry) {
                graph.replace(key, entry);
            }
        }
        graph
    }
}

/// The task or value of a node, where it is one.
fn step_at<'a>(walk: &Walk<'a>, id: NodeId) -> Option<&'a Arc<crate::task::Step>> {
    match walk.nodes[id as usize] {
        Node::Entry(_, entry) => entry.step.as_ref(),
        _ => None,
    }
}
