//! Parquet: columns in row groups, with what is known of them at the end of the file.
//!
//! ```text
//!  open: footers, columns of all files, hive's folders ─► partitions: row groups of one file
//!                                                             │ a task reads one
//!                              prune: which row groups can have rows ─► read: the bytes of columns, decoded
//! ```

mod footer;
mod hive;
mod open;
mod prune;
mod read;

#[cfg(test)]
mod tests;

pub(crate) use open::open;

/// How files of Parquet are to be read.
///
/// ```
/// use taskloom::dataframe::ParquetOptions;
/// let options = ParquetOptions::new().missing_columns(true).partition_bytes(32 << 20);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default)]
pub struct ParquetOptions {
    missing_columns: bool,
    partition_bytes: Option<u64>,
    no_hive: bool,
}

impl ParquetOptions {
    /// Files that all have the columns of the first one, folders with `name=value` as columns.
    pub fn new() -> ParquetOptions {
        ParquetOptions::default()
    }

    /// Whether a column that a file has not, and others have, is without values there; otherwise that is an error.
    pub fn missing_columns(mut self, allow: bool) -> ParquetOptions {
        self.missing_columns = allow;
        self
    }

    /// About how many bytes a partition has in memory, of all columns: between 64 and 128 MB unless this says otherwise.
    /// A row group is never cut.
    pub fn partition_bytes(mut self, bytes: usize) -> ParquetOptions {
        self.partition_bytes = Some(bytes as u64);
        self
    }

    /// Whether folders that are called `name=value` give a column `name`. They do unless this says otherwise.
    pub fn hive(mut self, hive: bool) -> ParquetOptions {
        self.no_hive = !hive;
        self
    }
}

crate::task::packed!(ParquetOptions { missing_columns, partition_bytes, no_hive });
