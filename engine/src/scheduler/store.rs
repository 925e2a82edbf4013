//! Results while a graph runs: kept until the last consumer has taken them.

use std::sync::Arc;

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

    /// Says that these nodes' cells are about to be used.
    pub(super) fn prepare(&self, ids: &[NodeId]) {
        if ids.len() > 1 {
            ids.iter().for_each(|&id| prefetch(self.cells[id as usize].hint()));
        }
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
        let ids = graph.inputs(id);
        if ids.len() > 1 {
            // Counting is atomic, and the processor does not look past an atomic for the next thing to fetch. Without
            // the hints a task of five inputs waits for memory ten times over, one after the other.
            ids.iter().for_each(|&input| prefetch(self.cells[input as usize].hint()));
            for &input in ids {
                // SAFETY: the input has been put, and this task's own announced read keeps it there.
                unsafe { self.cells[input as usize].peek(|value| prefetch(Arc::as_ptr(value).cast::<u8>())) };
            }
        }
        let mut inputs = ids.iter();
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

/// Asks the processor to fetch what `pointer` points at; it need not be valid.
#[inline(always)]
fn prefetch<T>(pointer: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint: it reads nothing that the program can see, and does not fault.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(pointer.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = pointer;
}
