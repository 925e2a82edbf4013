//! From keys to what runs.

use std::sync::Arc;

use super::entry::Need;
use super::walk::{Node, Walk};
use super::{Entry, GraphError, Key, TaskGraph};
use crate::delayed::{Delayed, take_value};
use crate::error::Result;
use crate::graph::{Graph, NodeId};
use crate::scheduler::{self, Scheduler};
use crate::task::{Bound, Step, TypeOf};

impl TaskGraph {
    /// Runs what `key` needs on the default scheduler, and gives its result.
    ///
    /// # Errors
    /// [`Error::Graph`](crate::Error::Graph) when what the key needs does not pass [`check`](TaskGraph::check), or its
    /// result is not a `T`. Then nothing has run. Otherwise as [`Delayed::compute`].
    pub fn get<T: Clone + Send + Sync + 'static>(&self, key: impl Into<Key>) -> Result<T> {
        self.get_with(key, Scheduler::Default)
    }

    /// As [`get`](TaskGraph::get), on the scheduler given.
    ///
    /// # Errors
    /// As [`get`](TaskGraph::get).
    pub fn get_with<T: Clone + Send + Sync + 'static>(&self, key: impl Into<Key>, scheduler: Scheduler) -> Result<T> {
        let mut values = self.get_many_with::<T>([key.into()], scheduler)?;
        Ok(values.pop().expect("one key gives one value"))
    }

    /// Runs what several keys of one type need, together, and gives their results in the order of the keys.
    ///
    /// Of several types, make a [`delayed`](TaskGraph::delayed) of each and compute these together.
    ///
    /// # Errors
    /// As [`get`](TaskGraph::get).
    ///
    /// ```
    /// use taskloom::graph::{TaskGraph, key};
    /// let mut graph = TaskGraph::new();
    /// graph.value("x", -1_i64)?;
    /// graph.task("y", i64::abs, (key("x"),))?;
    /// assert_eq!(graph.get_many::<i64>(["x", "y"])?, [-1, 1]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn get_many<T: Clone + Send + Sync + 'static>(
        &self,
        keys: impl IntoIterator<Item = impl Into<Key>>,
    ) -> Result<Vec<T>> {
        self.get_many_with(keys, Scheduler::Default)
    }

    /// As [`get_many`](TaskGraph::get_many), on the scheduler given.
    ///
    /// # Errors
    /// As [`get`](TaskGraph::get).
    pub fn get_many_with<T: Clone + Send + Sync + 'static>(
        &self,
        keys: impl IntoIterator<Item = impl Into<Key>>,
        scheduler: Scheduler,
    ) -> Result<Vec<T>> {
        let keys: Vec<Key> = keys.into_iter().map(Into::into).collect();
        let walk = self.walk_from(&keys)?;
        let types = walk.checked(self)?;
        for (key, &root) in keys.iter().zip(&walk.roots) {
            walk.expect(key, root, &types, TypeOf::of::<T>())?;
        }
        let (graph, _) = lowered(&walk);
        Ok(scheduler::run(graph, scheduler)?.into_iter().map(take_value).collect())
    }

    /// A handle on the result of a key: from here on it is as if [`delayed!`](crate::delayed) had made it.
    ///
    /// It keeps the tasks as they are now; later changes of the graph do not change it.
    ///
    /// # Errors
    /// [`Error::Graph`](crate::Error::Graph) as for [`get`](TaskGraph::get).
    ///
    /// ```
    /// use taskloom::graph::{TaskGraph, key};
    /// let mut graph = TaskGraph::new();
    /// graph.value("x", 4_i64)?;
    /// graph.task("y", i64::pow, (key("x"), 2_u32))?;
    /// let y = graph.delayed::<i64>("y")?;
    /// assert_eq!((&y + 1).compute()?, 17);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn delayed<T: 'static>(&self, key: impl Into<Key>) -> Result<Delayed<T>> {
        let key = key.into();
        let walk = self.walk_from(std::slice::from_ref(&key))?;
        let types = walk.checked(self)?;
        walk.expect(&key, walk.roots[0], &types, TypeOf::of::<T>())?;
        let mut steps: Vec<Arc<Step>> = Vec::with_capacity(walk.nodes.len());
        for (id, node) in walk.nodes.iter().enumerate() {
            let inputs = walk.inputs(id as NodeId);
            steps.push(match node {
                Node::Handle(step) => Arc::clone(step),
                Node::Entry(_, Entry { step: Some(step), .. }) if inputs.is_empty() => Arc::clone(step),
                Node::Entry(_, Entry { step: Some(step), .. }) => Step::new(Bound::new(
                    step,
                    inputs.iter().map(|&input| Arc::clone(&steps[input as usize])).collect(),
                )),
                // An alias is what it stands for, and nothing is missing.
                _ => Arc::clone(&steps[inputs[0] as usize]),
            });
        }
        Ok(Delayed::from_step(Arc::clone(&steps[walk.roots[0] as usize])))
    }

    /// The graph that `keys` need, as it would run.
    ///
    /// # Errors
    /// As [`check`](TaskGraph::check), of what the keys need, and [`GraphError::Unknown`].
    pub fn graph(&self, keys: impl IntoIterator<Item = impl Into<Key>>) -> Result<Graph, GraphError> {
        let keys: Vec<Key> = keys.into_iter().map(Into::into).collect();
        let walk = self.walk_from(&keys)?;
        walk.checked(self)?;
        Ok(lowered(&walk).0)
    }

    /// All keys with their place in the order in which one thread would run the graph. Another name has the place of
    /// what it stands for.
    ///
    /// # Errors
    /// As [`check`](TaskGraph::check).
    ///
    /// ```
    /// use taskloom::graph::{Key, TaskGraph, key};
    /// let mut graph = TaskGraph::new();
    /// graph.task("y", i64::abs, (key("x"),))?;
    /// graph.value("x", -1_i64)?;
    /// assert_eq!(graph.order()?, [(Key::from("x"), 0), (Key::from("y"), 1)]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn order(&self) -> Result<Vec<(Key, usize)>, GraphError> {
        let walk = Walk::new(self, self.ends());
        if walk.entries().count() < self.len() {
            // What no end leads to goes in circles: this says which.
            self.check()?;
        }
        walk.checked(self)?;
        let (_, ids) = lowered(&walk);
        let of_entry = |(node, &id): (&Node<'_>, &NodeId)| match node {
            Node::Entry(key, _) => Some(((*key).clone(), id as usize)),
            _ => None,
        };
        let mut order: Vec<(Key, usize)> = walk.nodes.iter().zip(&ids).filter_map(of_entry).collect();
        order.sort_by_key(|&(_, place)| place);
        Ok(order)
    }

    /// The graph behind a handle, with the keys of its tasks: to look at, and to change.
    ///
    /// ```
    /// use taskloom::graph::{Entry, TaskGraph};
    /// use taskloom::prelude::*;
    /// fn load(day: i64) -> i64 { 10 * day }
    ///
    /// let loaded = delayed!(load(3));
    /// let total = &loaded + 1;
    /// let mut graph = TaskGraph::from_delayed(&total);
    /// assert_eq!(graph.dependencies(&total.key())?, [loaded.key().as_str()]);
    ///
    /// graph.replace(loaded.key(), Entry::value(7_i64)); // as if the file had been there
    /// assert_eq!(graph.get::<i64>(total.key())?, 8);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn from_delayed<T>(handle: &Delayed<T>) -> TaskGraph {
        TaskGraph::from(&handle.graph())
    }

    /// Walks from keys, which have to be there.
    pub(super) fn walk_from(&self, keys: &[Key]) -> Result<Walk<'_>, GraphError> {
        let roots = keys.iter().map(|key| self.known(key.as_str())).collect::<Result<Vec<u32>, _>>()?;
        Ok(Walk::new(self, roots))
    }
}

impl From<&Graph> for TaskGraph {
    fn from(graph: &Graph) -> TaskGraph {
        let mut by_hand = TaskGraph::new();
        let keys: Vec<Key> = graph.ids().map(|id| graph.key(id).into()).collect();
        for id in graph.ids() {
            let step = graph.step(id);
            let needs = graph.inputs(id).iter().map(|&input| {
                // A handle's type is its node's type, so what is there now is what the function takes.
                let wanted = graph.step(input).body().result_type();
                Need::Key(keys[input as usize].clone(), Some(wanted))
            });
            let entry = Entry { step: Some(Arc::clone(step)), needs: needs.collect() };
            by_hand.replace(keys[id as usize].clone(), entry);
        }
        by_hand
    }
}

/// What has been walked and checked, as the arena that schedulers run, and the node of each node of the walk.
///
/// The steps are the entries' own, whatever they were written with: the arena holds the edges. So each run of a graph
/// runs the same tasks, and what was recorded of one can be shown in a drawing made later.
fn lowered(walk: &Walk<'_>) -> (Graph, Vec<NodeId>) {
    let handles: Vec<Arc<Step>> = walk
        .nodes
        .iter()
        .filter_map(|node| if let Node::Handle(step) = node { Some(Arc::clone(step)) } else { None })
        .collect();
    let mut graph = Graph::lower(&handles);
    let mut handle_ids = std::mem::take(&mut graph.outputs).into_iter();
    let mut ids: Vec<NodeId> = Vec::with_capacity(walk.nodes.len());
    for (id, node) in walk.nodes.iter().enumerate() {
        let inputs = walk.inputs(id as NodeId);
        ids.push(match node {
            Node::Handle(_) => handle_ids.next().expect("each handle is an output"),
            Node::Entry(_, Entry { step: Some(step), .. }) => {
                graph.inputs.extend(inputs.iter().map(|&input| ids[input as usize]));
                graph.starts.push(u32::try_from(graph.inputs.len()).expect("a graph has fewer than 2^32 edges"));
                graph.steps.push(Arc::clone(step));
                graph.steps.len() as NodeId - 1
            }
            _ => ids[inputs[0] as usize],
        });
    }
    graph.outputs = walk.roots.iter().map(|&root| ids[root as usize]).collect();
    (graph, ids)
}
