//! Where rows come from: files, in partitions that can be read one by one.
//!
//! ```text
//!  read_csv, read_parquet, … ─► files: which are meant ─► csv │ parquet │ ndjson │ ipc: a Source
//!                                                                 └─► text: bytes of lines, packed or not
//!                                        parts: row groups or batches as partitions; extent: what is known of their values
//! ```
//! Opening looks at names, headers and footers. A task reads one partition, of it only the columns that are needed.

pub(crate) mod csv;
pub(crate) mod extent;
pub(crate) mod files;
mod glob;
mod guard;
mod ipc;
mod names;
mod ndjson;
pub(crate) mod parquet;
mod parts;
mod readers;
#[cfg(test)]
mod tests;
pub(crate) mod text;

pub use csv::CsvOptions;
pub use files::Paths;
pub use ndjson::JsonOptions;
pub use parquet::ParquetOptions;
pub use readers::{read_csv, read_csv_with, read_ipc, read_json, read_json_with, read_parquet, read_parquet_with};

use std::any::Any;
use std::sync::Arc;

use polars::prelude::{
    AnonymousScan, AnonymousScanArgs, DataFrame, Expr, IntoLazy, LazyFrame, PlSmallStr, PolarsError, PolarsResult,
    ScanArgsAnonymous, SchemaRef, polars_err,
};

use crate::store::StoreError;
use crate::task::Made;
use extent::Extent;

/// Rows in partitions.
///
/// Another process makes a source anew from its recipe ([`Made`]), and reads there.
pub(crate) trait Source: Send + Sync + 'static {
    /// What a person calls it: `read_parquet`.
    fn name(&self) -> &str;
    /// All columns.
    fn schema(&self) -> &SchemaRef;
    /// How many partitions there are.
    fn npartitions(&self) -> usize;
    /// The rows of a partition, where that is known without reading it.
    fn rows(&self, _partition: usize) -> Option<usize> {
        None
    }
    /// Between which values a column lies in a partition, where that is known without reading it.
    fn extent(&self, _partition: usize, _column: &str) -> Option<Extent> {
        None
    }
    /// The bytes of a partition in memory, roughly, where that is known without reading it.
    fn bytes(&self, _partition: usize) -> Option<u64> {
        None
    }
    /// Where the rows are, in a few words, for `explain`.
    fn about(&self) -> String {
        self.name().to_owned()
    }
    /// The rows of a partition, of these columns in the order of the schema, or of all.
    ///
    /// The predicate helps to skip what cannot fulfil it; what comes back may hold more rows. Runs on the calling thread
    /// alone.
    ///
    /// # Errors
    /// When the file cannot be read; the sentence names the file and the line or row group.
    fn read(
        &self,
        partition: usize,
        columns: Option<&[PlSmallStr]>,
        predicate: Option<&Expr>,
    ) -> PolarsResult<DataFrame>;
}

/// One partition, as Polars' plans read it.
struct OnePartition {
    source: Made<dyn Source>,
    partition: usize,
}

impl AnonymousScan for OnePartition {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn scan(&self, wanted: AnonymousScanArgs) -> PolarsResult<DataFrame> {
        let schema = self.source.schema();
        // What the predicate needs is read too, in the order of the schema, and left out of the result.
        let read: Option<Vec<PlSmallStr>> = wanted.with_columns.as_ref().map(|columns| {
            let also = wanted.predicate.as_ref().map(|predicate| predicate.clone().meta().root_names());
            let also = also.unwrap_or_default();
            schema.iter_names().filter(|name| columns.contains(*name) || also.contains(*name)).cloned().collect()
        });
        let frame = self.source.read(self.partition, read.as_deref(), wanted.predicate.as_ref())?;
        let mut frame = frame.lazy();
        if let Some(predicate) = wanted.predicate {
            frame = frame.filter(predicate);
        }
        if let Some(rows) = wanted.n_rows {
            frame = frame.limit(rows as u32);
        }
        let frame = frame.collect()?;
        match wanted.with_columns {
            Some(columns) if columns.len() < frame.width() || !columns.iter().eq(frame.get_column_names()) => {
                frame.select(columns.iter().cloned())
            }
            _ => Ok(frame),
        }
    }

    fn allows_predicate_pushdown(&self) -> bool {
        true
    }

    fn allows_projection_pushdown(&self) -> bool {
        true
    }
}

/// The rows of a partition as the beginning of a Polars plan, which says what it needs of them.
pub(crate) fn scan(source: &Made<dyn Source>, partition: usize) -> PolarsResult<LazyFrame> {
    let schema = Arc::clone(source.schema());
    let one = OnePartition { source: source.clone(), partition };
    LazyFrame::anonymous_scan(Arc::new(one), ScanArgsAnonymous { schema: Some(schema), ..Default::default() })
}

/// What a store says, as an error of a partition.
pub(crate) fn stored(error: StoreError) -> PolarsError {
    polars_err!(ComputeError: "{error}")
}

/// The places of columns in a schema, in its order; all of them when none are named.
pub(crate) fn places(schema: &SchemaRef, columns: Option<&[PlSmallStr]>) -> PolarsResult<Vec<usize>> {
    let Some(columns) = columns else { return Ok((0..schema.len()).collect()) };
    let mut places = columns.iter().map(|column| schema.try_index_of(column)).collect::<PolarsResult<Vec<usize>>>()?;
    places.sort_unstable();
    places.dedup();
    Ok(places)
}
