//! What can be wrong with files.

use std::io;
use std::path::Path;

/// Why a file of an array cannot be read or written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The system refused.
    #[error("cannot {doing} {path}: {reason}")]
    #[allow(missing_docs)]
    Io { doing: &'static str, path: String, kind: io::ErrorKind, reason: String },
    /// What is in the file is not what its format asks for.
    #[error("{path} is damaged: {what}")]
    #[allow(missing_docs)]
    Damaged { path: String, what: String },
    /// The file is right, and uses what is not read here.
    #[error("{path} cannot be read: {what}")]
    #[allow(missing_docs)]
    Unsupported { path: String, what: String },
    /// The file has no array of that name.
    #[error("{path} has no array `{name}`; it has {there}")]
    #[allow(missing_docs)]
    NoSuchArray { path: String, name: String, there: String },
    /// Something is there already.
    #[error("{path} {what}")]
    #[allow(missing_docs)]
    InTheWay { path: String, what: String },
    /// A store that was interrupted.
    #[error("{path} is not complete: {what}")]
    #[allow(missing_docs)]
    Incomplete { path: String, what: String },
    /// An array cannot be stored so.
    #[error("{path} cannot be written: {what}")]
    #[allow(missing_docs)]
    NotStored { path: String, what: String },
    /// One of the above, when a block was read or written.
    #[error("{error} (block {block} of the array)")]
    #[allow(missing_docs)]
    Block { block: String, error: Box<StoreError> },
}

pub(crate) type Stored<T> = std::result::Result<T, StoreError>;

impl StoreError {
    pub(crate) fn io(doing: &'static str, path: &Path, error: &io::Error) -> StoreError {
        let reason = match error.kind() {
            io::ErrorKind::UnexpectedEof => "the file ends before the data does".to_owned(),
            _ => error.to_string(),
        };
        StoreError::Io { doing, path: path.display().to_string(), kind: error.kind(), reason }
    }

    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> StoreError {
        StoreError::Damaged { path: path.display().to_string(), what: what.into() }
    }

    pub(crate) fn unsupported(path: &Path, what: impl Into<String>) -> StoreError {
        StoreError::Unsupported { path: path.display().to_string(), what: what.into() }
    }

    pub(crate) fn not_stored(path: &Path, what: impl Into<String>) -> StoreError {
        StoreError::NotStored { path: path.display().to_string(), what: what.into() }
    }

    pub(crate) fn in_the_way(path: &Path, what: impl Into<String>) -> StoreError {
        StoreError::InTheWay { path: path.display().to_string(), what: what.into() }
    }

    pub(crate) fn no_such_array(path: &Path, name: &str, there: &[String]) -> StoreError {
        let there = match there {
            [] => "none".to_owned(),
            names => names.iter().take(20).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        };
        StoreError::NoSuchArray { path: path.display().to_string(), name: name.to_owned(), there }
    }

    pub(crate) fn in_block(self, block: String) -> StoreError {
        StoreError::Block { block, error: Box::new(self) }
    }
}
