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
        // Before each task, and not only after the last: a computation inside an interrupted task begins interrupted.
        if interrupts.is_interrupted() {
            reporter.end(done, ProgressState::Cancelled);
            return Err(Error::Cancelled { done, total });
        }
        reporter.tick(done, || Some(task.name().to_owned()));
        let outcome = interrupts.within(|| task.run(store.inputs(graph, id)));
        match outcome {
            // What an interrupted task returned may be half of a result.
            _ if interrupts.is_interrupted() => continue,
            Ok(value) => store.put(id, value),
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
    Ok(store.outputs(graph))
}
