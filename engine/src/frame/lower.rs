//! From expressions to tasks: one for each partition that is needed.
//!
//! Steps on the rows of a partition are part of the task that needs them: from the file to the part of an aggregation
//! there is one Polars plan, which reads the columns that it needs and stores nothing between. Where several need the same
//! partition, it becomes a task of its own, and only the columns that any of them needs leave it.

use std::collections::HashMap;
use std::sync::Arc;

use polars::prelude::{DataFrame, Expr, IntoLazy, NULL, PlSmallStr, PolarsResult, col, lit};

use super::codec::{Frames, OfFrames, know_frames};
use super::node::{Node, NodeRef, Op};
use super::plan::Needs;
use super::rows::{RowStep, after};
use super::source::{self, Source};
use super::thread;
use crate::delayed::Lowered;
use crate::error::BoxError;
use crate::task::{Data, Failure, Made, Pack, Step, Value, conjured, merged, taken, value_task};

/// What makes a partition: where its rows come from, and the steps on them that are not done yet.
#[derive(Clone)]
pub(crate) struct Chunk {
    from: From,
    steps: Vec<RowStep>,
    /// The tasks whose results the steps read beside the rows.
    beside: Vec<Arc<Step>>,
    /// What the tasks were, that are one now.
    names: Vec<String>,
}

#[derive(Clone)]
enum From {
    Source { source: Made<dyn Source>, partition: usize },
    Step(Arc<Step>),
}

impl Chunk {
    /// The result of a task.
    pub(crate) fn of_step(step: Arc<Step>) -> Chunk {
        Chunk { from: From::Step(step), steps: Vec::new(), beside: Vec::new(), names: Vec::new() }
    }

    /// The same, and then a step.
    pub(crate) fn then(mut self, name: &str, step: RowStep) -> Chunk {
        self.steps.push(step);
        self.names.push(name.to_owned());
        self
    }

    /// The same, and then a step that needs no name of its own.
    pub(crate) fn and(mut self, step: RowStep) -> Chunk {
        self.steps.push(step);
        self
    }

    /// The same, with the only row that another task gives as constants beside each row.
    pub(crate) fn beside(mut self, values: Arc<Step>) -> Chunk {
        self.steps.push(RowStep::Beside(self.beside.len()));
        self.beside.push(values);
        self
    }

    /// The task that does all of it.
    pub(crate) fn into_step(self) -> Arc<Step> {
        let name = self.names.join("→");
        match self.from {
            From::Step(step) if self.steps.is_empty() => step,
            From::Step(step) => {
                let inputs = std::iter::once(step).chain(self.beside).collect();
                partition_task(&name, inputs, self.steps, |steps, mut frames| {
                    let rows = frames.remove(0);
                    after(rows.lazy(), steps, &frames)
                })
            }
            From::Source { source, partition } => {
                let parameters = (source, partition, self.steps);
                partition_task(&name, self.beside, parameters, |(source, partition, steps), frames| {
                    after(source::scan(source, *partition)?, steps, &frames).map_err(|error| at(*partition, error))
                })
            }
        }
    }
}

/// The error, with the partition where it came up.
fn at(partition: usize, error: polars::prelude::PolarsError) -> polars::prelude::PolarsError {
    error.wrap_msg(|message| format!("partition {partition}: {message}"))
}

/// An error of Polars as a task ends with it.
pub(crate) fn failure(error: polars::prelude::PolarsError) -> Failure {
    Failure::Error(BoxError::from(super::error::sentence(&error)))
}

/// A task whose function gets the parameters and the frames of `inputs`, in that order, and gives a frame. It runs on a
/// thread where Polars keeps to itself.
///
/// The function captures nothing, or it does not compile: what it needs to know are parameters.
pub(crate) fn partition_task<P, F>(name: &str, inputs: Vec<Arc<Step>>, parameters: P, _function: F) -> Arc<Step>
where
    P: Pack + Send + Sync + 'static,
    F: Fn(&P, Vec<DataFrame>) -> PolarsResult<DataFrame> + 'static,
{
    frame_task::<DataFrame, _, _>(name, inputs, parameters, |parameters, values| {
        conjured::<F>()(parameters, values.into_iter().map(taken::<DataFrame>).collect())
    })
}

/// As [`partition_task`], with other values than frames: pieces, samples, sketches.
pub(crate) fn frame_task<V, P, F>(name: &str, inputs: Vec<Arc<Step>>, parameters: P, _function: F) -> Arc<Step>
where
    V: Send + Sync + 'static,
    P: Pack + Send + Sync + 'static,
    F: Fn(&P, Vec<Value>) -> PolarsResult<V> + 'static,
{
    value_task::<OfFrames, V, _, _>(name, inputs, parameters, |parameters, values| {
        thread::alone(|| conjured::<F>()(parameters, values)).map_err(failure)
    })
}

/// One frame from those of many tasks, so many at a time, in their order.
pub(crate) fn tree<P, F>(name: &str, steps: Vec<Arc<Step>>, parameters: &P, _merge: F) -> Arc<Step>
where
    P: Pack + Clone + Send + Sync + 'static,
    F: Fn(&P, Vec<DataFrame>) -> PolarsResult<DataFrame> + 'static,
{
    merged::<OfFrames, DataFrame, _, _>(name, steps, parameters, |parameters, frames| {
        thread::alone(|| conjured::<F>()(parameters, frames)).map_err(failure)
    })
}

/// The step of a frame that is there.
pub(crate) fn data(frame: &Arc<DataFrame>) -> Arc<Step> {
    Step::new(Data::<DataFrame, Frames>::new(Arc::clone(frame)))
}

/// One lowering: what it makes is made once, however many need it.
pub(crate) struct Lowering {
    /// What each node that becomes tasks has to give.
    needs: Needs,
    steps: HashMap<(u64, usize), Arc<Step>>,
}

impl Lowering {
    /// Looks at everything that the outputs need.
    pub(crate) fn new(outputs: &[&NodeRef]) -> Lowering {
        know_frames();
        Lowering { needs: Needs::of(outputs), steps: HashMap::new() }
    }

    /// The tasks of all partitions.
    pub(crate) fn all(&mut self, node: &NodeRef) -> Vec<Arc<Step>> {
        (0..node.npartitions).map(|partition| self.step(node, partition)).collect()
    }

    /// The task that gives a partition, with no more columns than are needed of it.
    pub(crate) fn step(&mut self, node: &NodeRef, partition: usize) -> Arc<Step> {
        if let Some(step) = self.steps.get(&(node.id, partition)) {
            return Arc::clone(step);
        }
        let mut chunk = self.trimmed(node, partition);
        // A condition that stands behind an operation across partitions holds for what goes into it as well.
        chunk.steps.extend(self.needs.predicate(node).map(RowStep::Filter));
        let step = chunk.into_step();
        self.steps.insert((node.id, partition), Arc::clone(&step));
        step
    }

    /// What makes a partition, for more steps to be added to it: not a task yet, unless several need it.
    pub(crate) fn chunk(&mut self, node: &NodeRef, partition: usize) -> Chunk {
        if self.needs.is_shared(node) {
            return Chunk::of_step(self.step(node, partition));
        }
        self.trimmed(node, partition)
    }

    /// What makes a partition, with no more columns than are needed of it, which are those of its predicate too.
    fn trimmed(&mut self, node: &NodeRef, partition: usize) -> Chunk {
        let mut chunk = self.make(node, partition);
        chunk.steps.extend(self.columns(node).map(|columns| RowStep::Select(columns.into_iter().map(col).collect())));
        chunk
    }

    /// As [`chunk`](Lowering::chunk), with all columns of the node in its order: what nobody needs is there in name.
    pub(crate) fn filled(&mut self, node: &NodeRef, partition: usize) -> Chunk {
        let mut chunk = self.chunk(node, partition);
        if let Some(lacking) = self.lacking(node) {
            let all = node.schema.iter_names().cloned().map(col).collect();
            chunk.steps.extend([lacking, RowStep::Select(all)]);
        }
        chunk
    }

    /// The columns that are needed of a node, in its order, when these are not all.
    pub(crate) fn columns(&self, node: &Node) -> Option<Vec<PlSmallStr>> {
        let needed = self.needs.columns(node)?;
        let columns: Vec<PlSmallStr> =
            node.schema.iter_names().filter(|name| needed.contains(*name)).cloned().collect();
        (columns.len() < node.schema.len()).then_some(columns)
    }

    /// Columns that nobody needs do not come, but steps may still name them: nulls stand for them, which Polars' optimiser
    /// leaves out together with what is made of them.
    pub(crate) fn lacking(&self, node: &Node) -> Option<RowStep> {
        let columns = self.columns(node)?;
        let lacking = node.schema.iter().filter(|(name, _)| !columns.contains(name));
        let nulls = lacking.map(|(name, dtype)| lit(NULL).cast(dtype.clone()).alias(name.clone()));
        Some(RowStep::WithColumns(nulls.collect()))
    }

    /// Whether several read it.
    pub(crate) fn is_shared(&self, node: &Node) -> bool {
        self.needs.is_shared(node)
    }

    /// What is wanted of a node that a plan begins with: which columns, where these are not all, and which rows.
    pub(crate) fn wanted(&self, node: &Node) -> Option<(Option<Vec<String>>, Option<Expr>)> {
        let columns = self.columns(node).map(|columns| columns.iter().map(|name| name.to_string()).collect());
        let predicate = self.needs.predicate(node);
        (columns.is_some() || predicate.is_some()).then_some((columns, predicate))
    }

    fn make(&mut self, node: &NodeRef, partition: usize) -> Chunk {
        match &node.op {
            Op::Memory(partitions) => Chunk::of_step(data(&partitions[partition])),
            Op::Source(source) => {
                let from = From::Source { source: source.clone(), partition };
                Chunk { from, steps: Vec::new(), beside: Vec::new(), names: vec![node.name.clone()] }
            }
            Op::Rows { input, step } => self.filled(input, partition).then(&node.name, step.clone()),
            Op::Across(operation) => operation.chunk(partition, self),
        }
    }
}

impl Lowered for Node {
    fn lower(all: &[&NodeRef]) -> Vec<Vec<Arc<Step>>> {
        let mut lowering = Lowering::new(all);
        all.iter().map(|node| lowering.all(node)).collect()
    }
}
