//! What a frame is made of: expressions whose columns and types are known, and whose rows are not there yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use polars::prelude::{AnyValue, DataFrame, IntoLazy, LazyFrame, PolarsResult, Schema, SchemaRef};

use super::error::{Built, FrameError};
use super::lower::{Chunk, Lowering};
use super::rows::RowStep;
use super::source::Source;
use crate::task::Made;

pub(crate) type NodeRef = Arc<Node>;

/// The values between which the rows of each partition lie: one more than there are partitions.
#[derive(Clone, Debug)]
pub(crate) struct Divisions {
    /// The column that the rows are ordered by.
    pub(crate) column: String,
    /// The least value of each partition, and the greatest of the last.
    pub(crate) values: Vec<AnyValue<'static>>,
}

/// A frame expression.
pub(crate) struct Node {
    /// Different for every node of the process.
    pub(crate) id: u64,
    /// What a person calls the operation.
    pub(crate) name: String,
    pub(crate) schema: SchemaRef,
    pub(crate) npartitions: usize,
    pub(crate) divisions: Option<Divisions>,
    pub(crate) op: Op,
}

pub(crate) enum Op {
    /// Partitions in memory.
    Memory(Vec<Arc<DataFrame>>),
    /// Partitions that are read.
    Source(Made<dyn Source>),
    /// A step on each partition.
    Rows { input: NodeRef, step: RowStep },
    /// Anything that makes its partitions from several of others.
    Across(Box<dyn Operation>),
}

/// An operation that makes its partitions from those of other frames.
pub(crate) trait Operation: Send + Sync + 'static {
    /// The frames it reads.
    fn inputs(&self) -> Vec<&NodeRef>;
    /// The same operation on whole frames, for Polars' optimiser to say which columns and rows of the inputs matter; `None`
    /// when all columns do.
    fn logical(&self, _inputs: Vec<LazyFrame>) -> Option<LazyFrame> {
        None
    }
    /// What makes a partition. [`Lowering::step`] and [`Lowering::chunk`] give those of the inputs.
    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk;
    /// The partition of its only input that has the same rows as this one, where there is one.
    fn part_of(&self, _partition: usize) -> Option<usize> {
        None
    }
    /// A frame of one partition with the first rows of this one, where that takes less than what comes first here.
    fn first(&self, _rows: usize) -> Option<NodeRef> {
        None
    }
    /// What it does, in a few words, for `explain`.
    fn about(&self) -> String;
    /// What was written that led to it and to the steps below it, where that says more to a person.
    fn written(&self) -> Option<String> {
        None
    }
}

impl Node {
    fn new(name: &str, schema: SchemaRef, npartitions: usize, divisions: Option<Divisions>, op: Op) -> NodeRef {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Arc::new(Node { id, name: name.to_owned(), schema, npartitions, divisions, op })
    }

    /// Partitions in memory; there is at least one.
    pub(crate) fn memory(
        name: &str,
        schema: SchemaRef,
        mut partitions: Vec<Arc<DataFrame>>,
        divisions: Option<Divisions>,
    ) -> NodeRef {
        if partitions.is_empty() {
            partitions.push(Arc::new(DataFrame::empty_with_schema(&schema)));
        }
        Node::new(name, schema, partitions.len(), divisions, Op::Memory(partitions))
    }

    /// Partitions that are read; there is at least one.
    pub(crate) fn source(source: Made<dyn Source>) -> NodeRef {
        let (name, schema) = (source.name().to_owned(), Arc::clone(source.schema()));
        Node::new(&name, schema, source.npartitions(), None, Op::Source(source))
    }

    /// A step on each partition, whose columns and types Polars finds out.
    pub(crate) fn rows(operation: &str, input: &NodeRef, step: RowStep) -> Built<NodeRef> {
        let schema = schema_after(operation, input, |frame| step.apply(frame))?;
        Ok(Node::rows_of(operation, input, step, schema))
    }

    /// A step on each partition, with the schema that it leads to.
    pub(crate) fn rows_of(operation: &str, input: &NodeRef, step: RowStep, schema: SchemaRef) -> NodeRef {
        let (divisions, count) = (input.divisions_after(&step, &schema), input.npartitions);
        Node::new(operation, schema, count, divisions, Op::Rows { input: Arc::clone(input), step })
    }

    /// What is known of the order of the rows after a step.
    pub(crate) fn divisions_after(&self, step: &RowStep, schema: &Schema) -> Option<Divisions> {
        let divisions = self.divisions.as_ref()?;
        let column = divisions.column.as_str();
        let is_kept = step.keeps(column) && schema.get(column) == self.schema.get(column);
        is_kept.then(|| divisions.clone())
    }

    /// An operation that reads several partitions.
    pub(crate) fn across(name: &str, schema: SchemaRef, npartitions: usize, operation: impl Operation) -> NodeRef {
        Node::new(name, schema, npartitions, None, Op::Across(Box::new(operation)))
    }

    /// The same with divisions, which somebody made sure of.
    pub(crate) fn divided(
        name: &str,
        schema: SchemaRef,
        npartitions: usize,
        divisions: Divisions,
        operation: impl Operation,
    ) -> NodeRef {
        Node::new(name, schema, npartitions, Some(divisions), Op::Across(Box::new(operation)))
    }

    /// The nodes that this one reads.
    pub(crate) fn inputs(&self) -> Vec<&NodeRef> {
        match &self.op {
            Op::Memory(_) | Op::Source(_) => Vec::new(),
            Op::Rows { input, .. } => vec![input],
            Op::Across(operation) => operation.inputs(),
        }
    }

    /// A frame with the columns of this one and no rows, as Polars' plans begin.
    pub(crate) fn empty(&self) -> LazyFrame {
        DataFrame::empty_with_schema(&self.schema).lazy()
    }
}

/// The columns and types after an operation, as Polars finds them out.
pub(crate) fn schema_after(
    operation: &str,
    input: &NodeRef,
    apply: impl FnOnce(LazyFrame) -> PolarsResult<LazyFrame>,
) -> Built<SchemaRef> {
    apply(input.empty())
        .and_then(|mut frame| frame.collect_schema())
        .map_err(|error| FrameError::polars(operation, &error, &input.schema))
}

/// How many rows each partition has, where that is known without computing them.
pub(crate) fn known_rows(node: &Node) -> Option<Vec<usize>> {
    match &node.op {
        Op::Memory(partitions) => Some(partitions.iter().map(|rows| rows.height()).collect()),
        Op::Source(source) => (0..source.npartitions()).map(|partition| source.rows(partition)).collect(),
        // Columns change, rows do not.
        Op::Rows { input, step: RowStep::WithColumns(_) | RowStep::Drop(_) | RowStep::Rename(..) } => known_rows(input),
        Op::Rows { input, step: RowStep::Select(expressions) } if !expressions.is_empty() => {
            // What is one value for all rows is repeated only beside a column.
            let columns = |expression: &polars::prelude::Expr| !expression.clone().meta().root_names().is_empty();
            if expressions.iter().any(columns) { known_rows(input) } else { None }
        }
        _ => None,
    }
}
