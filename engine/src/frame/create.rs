//! Frames from what is in memory, and from delayed values.

use std::sync::Arc;

use polars::prelude::{DataFrame as Rows, LazyFrame, SchemaRef};

use super::DataFrame;
use super::error::sentence;
use super::lower::{Chunk, Lowering, partition_task};
use super::node::{Node, NodeRef, Operation};
use super::source::Source;
use crate::delayed::Delayed;
use crate::error::{Error, Result};
use crate::task::{Made, Step};

impl DataFrame {
    /// A frame of rows that are in memory, in so many partitions of equal length. Nothing is copied.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = taskloom::polars::df!("n" => [1, 2, 3, 4, 5])?;
    /// let frame = DataFrame::from_polars(rows.clone(), 2);
    /// assert_eq!(frame.npartitions(), 2);
    /// assert_eq!(frame.compute()?, rows);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When `npartitions` is 0.
    #[track_caller]
    pub fn from_polars(rows: Rows, npartitions: usize) -> DataFrame {
        assert!(npartitions > 0, "`from_polars`: a frame has at least one partition, and 0 were asked for");
        let height = rows.height();
        let count = npartitions.min(height.max(1));
        let cut = |part: usize| part * height / count;
        let parts = (0..count).map(|part| Arc::new(rows.slice(cut(part) as i64, cut(part + 1) - cut(part))));
        DataFrame::of(Node::memory("from_polars", Arc::clone(rows.schema()), parts.collect(), None))
    }

    /// A frame of partitions in memory, in this order.
    ///
    /// # Errors
    /// [`Error::Frame`] when there are none, or when they differ in columns or types; it names the first that does.
    pub fn from_partitions(partitions: Vec<Rows>) -> Result<DataFrame> {
        let failed = |message: String| Error::Frame { message };
        let Some(first) = partitions.first() else {
            return Err(failed(
                "`from_partitions`: there are no partitions, so it is not known which columns".to_owned(),
            ));
        };
        let schema = Arc::clone(first.schema());
        for (place, partition) in partitions.iter().enumerate() {
            check("from_partitions", place, &schema, partition).map_err(failed)?;
        }
        Ok(DataFrame::of(Node::memory("from_partitions", schema, partitions.into_iter().map(Arc::new).collect(), None)))
    }

    /// A frame whose partitions are the values of delayed calls, with the columns of `meta`, whose rows do not matter.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::polars::prelude::{DataFrame as Rows, df};
    /// fn day(n: i64) -> Rows { df!("day" => [n, n], "rides" => [3 * n, 5]).unwrap() }
    ///
    /// let days: Vec<_> = (1..4).map(|n| delayed!(day(n))).collect();
    /// let frame = DataFrame::from_delayed(&days, &day(0))?;
    /// assert_eq!(frame.npartitions(), 3);
    /// assert_eq!(frame.compute()?.height(), 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Frame`] when there are no parts. One that turns out to have other columns fails the computation.
    pub fn from_delayed(parts: &[Delayed<Rows>], meta: &Rows) -> Result<DataFrame> {
        if parts.is_empty() {
            let message = "`from_delayed`: there are no parts, and a frame has at least one partition".to_owned();
            return Err(Error::Frame { message });
        }
        let steps = parts.iter().map(|part| Arc::clone(part.step())).collect();
        let parts = Parts { steps, empty: Rows::empty_with_schema(meta.schema()) };
        let (schema, count) = (Arc::clone(meta.schema()), parts.steps.len());
        Ok(DataFrame::of(Node::across("from_delayed", schema, count, parts)))
    }

    /// A frame whose partitions are read.
    pub(crate) fn from_source(source: Made<dyn Source>) -> DataFrame {
        DataFrame::of(Node::source(source))
    }
}

/// The results of delayed calls.
struct Parts {
    steps: Vec<Arc<Step>>,
    empty: Rows,
}

impl Operation for Parts {
    fn inputs(&self) -> Vec<&NodeRef> {
        Vec::new()
    }
    fn logical(&self, _: Vec<LazyFrame>) -> Option<LazyFrame> {
        None
    }
    fn chunk(&self, partition: usize, _: &mut Lowering) -> Chunk {
        let inputs = vec![Arc::clone(&self.steps[partition])];
        let parameters = (partition, self.empty.clone());
        Chunk::of_step(partition_task("from_delayed", inputs, parameters, |(partition, empty), mut frames| {
            let part = frames.remove(0);
            check("from_delayed", *partition, empty.schema(), &part)
                .map_err(|why| polars::prelude::polars_err!(SchemaMismatch: "{}", why))?;
            Ok(part)
        }))
    }
    fn about(&self) -> String {
        format!("{} delayed values", self.steps.len())
    }
}

/// Whether a partition has the columns that the frame has.
fn check(operation: &str, place: usize, schema: &SchemaRef, part: &Rows) -> std::result::Result<(), String> {
    if part.schema() == schema {
        return Ok(());
    }
    let list =
        |schema: &SchemaRef| schema.iter().map(|(name, kind)| format!("{name}: {kind}")).collect::<Vec<_>>().join(", ");
    Err(format!(
        "`{operation}`: partition {place} has the columns {}, and the frame has {}",
        list(part.schema()),
        list(schema)
    ))
}

impl From<polars::prelude::PolarsError> for Error {
    fn from(error: polars::prelude::PolarsError) -> Error {
        Error::Frame { message: sentence(&error) }
    }
}
