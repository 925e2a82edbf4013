//! Results while a graph runs: kept until the last consumer has taken them.

use super::result_cell::ResultCell;
use crate::graph::{Dependents, Graph, NodeId};
use crate::task::{Inputs, Value};

pub(super) struct Store {
    cells: Box<[ResultCell<Value>]>,
}

impl Store {
    pub(super) fn new(graph: &Graph, dependents: &Dependents) -> Self {
        let mut cells: Box<[ResultCell<Value>]> = graph
            .ids()
            .map(|id| {
                // Data nodes never run: nobody waits for them.
                let waiting = graph.inputs(id).iter().filter(|&&input| graph.data(input).is_none()).count();
                ResultCell::new(waiting as u32, dependents.of(id).len() as u32)
            })
            .collect();
        for &output in graph.outputs() {
            cells[output as usize].add_reader();
        }
        for id in graph.ids() {
            if let Some(value) = graph.data(id) {
                // SAFETY: put once, before any other thread knows of this store.
                unsafe { cells[id as usize].put(Value::clone(value)) };
            }
        }
        Store { cells }
    }

    /// Whether nothing that the node needs is still to run.
    pub(super) fn is_ready(&self, id: NodeId) -> bool {
        self.cells[id as usize].is_ready()
    }

    /// # Safety
    /// Once for each node, by the thread that ran it.
    pub(super) unsafe fn put(&self, id: NodeId, value: Value) {
        // SAFETY: as promised; readers come after `input_finished`, or after the run's own count of what is done.
        unsafe { self.cells[id as usize].put(value) };
    }

    /// Tells `dependent` that one of its inputs is there; true when that was the last.
    pub(super) fn input_finished(&self, dependent: NodeId) -> bool {
        self.cells[dependent as usize].input_finished()
    }

    /// Calls `run` with the arguments of a node.
    ///
    /// # Safety
    /// Once for each node, when all its inputs have been put.
    pub(super) unsafe fn with_inputs<R>(&self, graph: &Graph, id: NodeId, run: impl FnOnce(Inputs<'_>) -> R) -> R {
        let mut inputs = graph.inputs(id).iter();
        let mut next = || {
            let input = *inputs.next().expect("a task reads as many inputs as it has");
            // SAFETY: each edge of the graph was announced as one reader, and is read here once.
            unsafe { self.cells[input as usize].read() }
        };
        run(Inputs::new(&mut next))
    }

    /// The values of the outputs.
    ///
    /// # Safety
    /// Once, when all tasks have been put.
    pub(super) unsafe fn outputs(&self, graph: &Graph) -> Vec<Value> {
        // SAFETY: each output was announced as one more reader of its node.
        graph.outputs().iter().map(|&output| unsafe { self.cells[output as usize].read() }).collect()
    }
}
