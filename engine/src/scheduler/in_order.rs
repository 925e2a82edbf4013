//! The scheduler for a debugger: the static order, on the thread that asked.

use super::cancel::InterruptCheck;
use super::progress::Reporter;
use super::store::Store;
use super::task_error;
use crate::diagnostics::recorder::{self, Watch};
use crate::error::{Error, Result};
use crate::events::ProgressState;
use crate::graph::Graph;
use crate::task::Value;

pub(super) fn run(graph: &Graph) -> Result<Vec<Value>> {
    let interrupts = InterruptCheck::new();
    crate::panics::in_task(|| interrupts.within(|| run_all(graph, interrupts)))
}

fn run_all(graph: &Graph, interrupts: InterruptCheck) -> Result<Vec<Value>> {
    let store = Store::new(graph, &graph.dependents());
    let recording = recorder::begin(graph);
    let mut watch = Watch::new(recording.as_ref());
    let total = graph.len();
    let mut reporter = Reporter::new(total);
    let mut done = 0;
    for id in graph.ids() {
        let Some(task) = graph.task(id) else { continue };
        // Before each task, and not only after the last: a computation inside an interrupted task begins interrupted.
        if interrupts.is_interrupted() {
            reporter.end(done, ProgressState::Cancelled);
            return Err(Error::Cancelled { done, total });
        }
        reporter.tick(done, || Some(task.name().to_owned()));
        // SAFETY: the order is topological, so all inputs have been put, and each node comes once.
        let outcome =
            watch.over(graph, id, || unsafe { store.with_inputs(graph, id, |inputs| graph.step(id).run(inputs)) });
        match outcome {
            // What an interrupted task returned may be half of a result.
            _ if interrupts.is_interrupted() => continue,
            // SAFETY: this thread ran the node, once.
            Ok(value) => unsafe { store.put(id, value) },
            Err(failure) => {
                reporter.end(done, ProgressState::Failed);
                return Err(task_error(graph, id, failure));
            }
        }
        done += 1;
    }
    if interrupts.is_interrupted() {
        reporter.end(done, ProgressState::Cancelled);
        return Err(Error::Cancelled { done, total });
    }
    reporter.end(done, ProgressState::Finished);
    // SAFETY: all nodes have been put, and this is the only call.
    Ok(unsafe { store.outputs(graph) })
}
