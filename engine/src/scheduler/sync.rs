//! The scheduler for a debugger: the static order, on the thread that asked.

use super::cancel::InterruptCheck;
use super::progress::Reporter;
use super::store::Store;
use super::task_error;
use crate::error::{Error, Result};
use crate::events::ProgressState;
use crate::graph::Graph;
use crate::task::Value;

pub(super) fn run(graph: &Graph) -> Result<Vec<Option<Value>>> {
    let interrupts = InterruptCheck::new();
    let store = Store::new(graph, &graph.dependents());
    let total = graph.len();
    let mut reporter = Reporter::new(total);
    let mut done = 0;
    for id in graph.ids() {
        let Some(task) = graph.task(id) else { continue };
        reporter.tick(done, || Some(task.name().to_owned()));
        let outcome = task.run(store.inputs(graph, id));
        if interrupts.is_interrupted() {
            reporter.end(done, ProgressState::Cancelled);
            return Err(Error::Cancelled { done, total });
        }
        match outcome {
            Ok(value) => store.put(id, value),
            Err(failure) => {
                reporter.end(done, ProgressState::Failed);
                return Err(task_error(graph, id, failure));
            }
        }
        done += 1;
    }
    reporter.end(done, ProgressState::Finished);
    Ok(store.outputs(graph))
}
