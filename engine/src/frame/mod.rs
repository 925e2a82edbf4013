//! [`DataFrame`]: tables in partitions, lazy and parallel, larger than memory.
//!
//! ```
//! use taskloom::prelude::*;
//!
//! let trips = taskloom::polars::df!(
//!     "passengers" => [1, 2, 1, 4],
//!     "distance" => [2.5, 0.0, 7.1, 3.3],
//!     "tip" => [1.0, 0.0, 3.5, 2.0],
//! )?;
//! let trips = DataFrame::from_polars(trips, 2);
//! let long = trips.filter(col("distance").gt(1.0)).with_columns([(col("tip") / col("distance")).alias("share")]);
//! assert_eq!(long.columns(), ["passengers", "distance", "tip", "share"]);     // nothing has run
//! assert_eq!(long.compute()?.height(), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! A number stands beside an expression as it is, `col("tip").gt(1)`, and a text as `lit("a")`: Polars takes a bare text for
//! the name of a column.
//!
//! Expressions are [Polars'](https://docs.rs/polars), and a partition is a Polars `DataFrame`; partitions, lazy graphs and
//! the names of methods are those of `dask.dataframe`.
//!
//! # How it fits together
//! ```text
//!  DataFrame (create, source: files), Series (series), GroupBy ─► given: what methods take
//!      │
//!      ├─► methods, broadcast: steps on rows ─► prune: which partitions can have such rows ─────┐
//!      ├─► groupby, reduce ─► aggregate: expressions taken apart ─► fold: parts, in a tree ─────┤
//!      ├─► sort, unique, join, asof ─► shuffle ─► exchange: pieces in memory, or on disk ───────┤
//!      ├─► rolling, scan ─► overlap: what partitions leave over for their neighbours ───────────┤
//!      └─► concat, repartition, reshape ────────────────────────────────────────────────────────┤
//!                                                                                               ▼
//!                    node: what is made of what; columns and types by Polars, from frames without rows
//!                      │
//!                      ├─► plan: what is needed of each part, by Polars' optimiser
//!                      ▼
//!  lower: chunks (rows: steps that look at one partition; source: where rows come from) ─► one Polars plan a task
//!                      │                                                                (thread: where it runs)
//!                      ▼
//!               graph ─► scheduler ─► compute: rows in memory; sink: files, a task for each partition
//! ```

mod aggregate;
mod asof;
mod boundaries;
mod broadcast;
mod codec;
mod compute;
mod concat;
mod create;
mod divisions;
mod error;
pub(crate) mod exchange;
mod explain;
mod fold;
mod given;
mod groupby;
mod groups;
mod join;
mod lower;
mod merging;
mod methods;
mod node;
mod overlap;
mod plan;
mod prune;
mod reduce;
mod repartition;
mod reshape;
mod rolling;
mod rows;
mod scalar;
mod scan;
mod series;
mod show;
mod shuffle;
mod sink;
mod size;
mod sort;
pub(crate) mod source;
mod stack;
mod thread;
mod top;
mod unique;

use std::sync::Arc;

use polars::prelude::{DataType, SchemaRef};

pub use crate::store::Location;
pub use aggregate::{Aggregate, Aggregation, n_unique_approx, quantile_approx};
pub use asof::{AsOf, Direction};
pub use concat::{concat, concat_diagonal};
pub use divisions::{IndexRange, IndexValue};
pub use error::FrameError;
pub use exchange::{ShuffleMemory, set_shuffle_memory, shuffle_memory};
pub use given::{Expression, Expressions, Names};
pub use groupby::{Aggregates, GroupBy};
pub use join::{How, Join, Strategy};
pub use rolling::{Rolling, Window};
pub use scalar::{FromCell, Scalar};
pub use series::{Categories, Dates, Operand, Series, Strings};
pub use sink::{ToCsv, ToIpc, ToJson, ToParquet};
pub use sort::{ForEach, SortOptions};
pub use source::{
    CsvOptions, JsonOptions, ParquetOptions, Paths, read_csv, read_csv_with, read_ipc, read_json, read_json_with,
    read_parquet, read_parquet_with,
};
pub use unique::Keep;

pub(crate) use lower::{Chunk, Lowering, frame_task};
pub(crate) use node::{Node, NodeRef, Operation, known_rows};

/// A table in partitions, whose rows are computed when they are asked for.
///
/// Methods build an expression and run nothing; [`compute`](DataFrame::compute) runs it on all cores and gives a Polars
/// `DataFrame`. Expressions are Polars' (`col("tip").mean()`). All steps on the rows of a partition, from the file to the
/// partial sums, are one Polars plan in one task; only the columns that are needed are read.
///
/// Expressions that cannot be, such as those of a column that is not there, panic where they are written, with a sentence
/// that names the columns there are. Cloning a frame shares it.
///
/// ```
/// use taskloom::prelude::*;
/// let rows = taskloom::polars::df!("city" => ["Oslo", "Lima", "Oslo"], "cm" => [3.0, 0.0, 5.0])?;
/// let snow = DataFrame::from_polars(rows, 2);
/// let deep = snow.filter(col("cm").gt(1.0)).select([col("city")]);
/// assert_eq!(deep.compute()?.height(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct DataFrame {
    node: NodeRef,
}

/// An expression does not change once it is built, so nothing is left half done by a panic.
impl std::panic::UnwindSafe for DataFrame {}
impl std::panic::RefUnwindSafe for DataFrame {}

impl DataFrame {
    pub(crate) fn of(node: NodeRef) -> DataFrame {
        DataFrame { node }
    }

    pub(crate) fn node(&self) -> &NodeRef {
        &self.node
    }

    /// The names and types of the columns.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.node.schema)
    }

    /// The names of the columns.
    pub fn columns(&self) -> Vec<String> {
        self.node.schema.iter_names().map(|name| name.to_string()).collect()
    }

    /// The types of the columns.
    pub fn dtypes(&self) -> Vec<DataType> {
        self.node.schema.iter_values().cloned().collect()
    }

    /// The number of partitions.
    pub fn npartitions(&self) -> usize {
        self.node.npartitions
    }
}
