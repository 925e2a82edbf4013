//! Results while a graph runs: kept until the last consumer has taken them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::graph::{Dependents, Graph, NodeId, StepKind};
use crate::task::{Inputs, Value};

#[derive(Debug, Default)]
struct Cell {
    /// Reads still to come: one for each edge, and one for each time the node is asked for as an output.
    readers: AtomicU32,
    value: Mutex<Option<Value>>,
}

#[derive(Debug)]
pub(super) struct Store {
    cells: Vec<Cell>,
}

impl Store {
    pub(super) fn new(graph: &Graph, dependents: &Dependents) -> Self {
        let cells: Vec<Cell> = graph
            .ids()
            .map(|id| Cell { readers: AtomicU32::new(dependents.of(id).len() as u32), value: Mutex::new(None) })
            .collect();
        for &output in graph.outputs() {
            cells[output as usize].readers.fetch_add(1, Ordering::Relaxed);
        }
        let store = Store { cells };
        for id in graph.ids() {
            if let StepKind::Data(value) = &graph.step(id).kind {
                store.put(id, Value::clone(value));
            }
        }
        store
    }

    pub(super) fn put(&self, id: NodeId, value: Value) {
        *self.lock(id) = Some(value);
    }

    /// One reader's reference; the last reader gets the store's own.
    fn read(&self, id: NodeId) -> Option<Value> {
        let mut value = self.lock(id);
        if self.cells[id as usize].readers.fetch_sub(1, Ordering::AcqRel) == 1 { value.take() } else { value.clone() }
    }

    /// The arguments of a node whose inputs have all finished.
    pub(super) fn inputs(&self, graph: &Graph, id: NodeId) -> Inputs {
        Inputs::new(graph.inputs(id).iter().map(|&input| self.read(input)).collect())
    }

    /// The values of the outputs, once all are there.
    pub(super) fn outputs(&self, graph: &Graph) -> Vec<Option<Value>> {
        graph.outputs().iter().map(|&output| self.read(output)).collect()
    }

    fn lock(&self, id: NodeId) -> std::sync::MutexGuard<'_, Option<Value>> {
        // Nothing that can panic runs under this lock, so a poisoned one is still sound.
        self.cells[id as usize].value.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
