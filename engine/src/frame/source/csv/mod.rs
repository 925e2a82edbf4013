//! Text with a row in each line and separators between fields.
//!
//! ```text
//!  options ─► open: files, header, types from a sample (kind) ─► blocks of bytes
//!                                                                    │ a task reads one
//!            text: bytes as they come ─► edge: where rows begin ─► block ─► scan: where fields are (marks) ─► columns ─► value
//!                                                                    └─► wrong: what a block has that the sample had not
//! ```
//! A parser of our own, since a task has one thread: where fields are is found sixty-four bytes at a time, then column by
//! column is parsed by a loop that knows its type.

mod block;
mod columns;
mod edge;
mod kind;
mod marks;
mod open;
mod options;
mod scan;
mod value;
mod wrong;

#[cfg(test)]
mod tests;

pub use options::CsvOptions;

pub(crate) use open::open;

use crate::task::packed;

/// How rows are written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dialect {
    separator: u8,
    quote: Option<u8>,
    /// What a line begins with that is no row.
    comment: Option<Vec<u8>>,
    /// Fields that stand for no value, besides empty ones.
    nulls: Vec<Vec<u8>>,
    /// Whether fields that are too many are left out.
    truncates: bool,
    /// Whether bytes that are no UTF-8 become replacement characters.
    is_lossy: bool,
}

impl Dialect {
    #[inline]
    fn is_null(&self, field: &[u8]) -> bool {
        self.nulls.iter().any(|null| null == field)
    }
}

packed!(Dialect { separator, quote, comment, nulls, truncates, is_lossy });

/// `2015-01-31`, as days since 1970.
pub(super) fn iso_date(text: &str) -> Option<i32> {
    value::date(text.as_bytes())
}
