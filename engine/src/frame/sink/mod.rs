//! Where rows go: files, one or more for each partition.
//!
//! ```text
//!  DataFrame::to_csv, to_parquet, … ─► target: which folder and names, what is there already
//!                                        │ a task for each partition
//!                                        └─► write: rows in a format ─► whole: a file that appears when it is whole
//! ```
//! A file that could not be written to its end is none: on this machine all have other names until the last is whole, and in
//! an object store each appears whole, and goes again when another fails.

mod methods;
mod options;
mod target;
#[cfg(test)]
mod tests;
mod whole;
mod write;

pub use options::{ToCsv, ToIpc, ToJson, ToParquet};
