//! What can be wrong with an expression of arrays, found when it is written.

use super::DType;

/// Why an expression of arrays cannot be.
///
/// Operators and methods that build expressions panic with this sentence, at the place where the expression stands, as
/// ndarray's do; the `try_` forms return it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ArrayError {
    /// Two shapes do not broadcast.
    #[error(
        "`{operation}` cannot put shapes {left} and {right} together: axis {axis} has length {left_len} in one and \
         {right_len} in the other; lengths have to be equal, or one of them 1"
    )]
    #[allow(missing_docs)]
    Broadcast { operation: String, left: String, right: String, axis: usize, left_len: Box<str>, right_len: Box<str> },
    /// An axis that is not there.
    #[error(
        "`{operation}`: there is no axis {axis} in an array of shape {shape}, which has {rank} axes counted from 0"
    )]
    #[allow(missing_docs)]
    Axis { operation: String, axis: isize, shape: String, rank: usize },
    /// The same axis twice.
    #[error("`{operation}`: axis {axis} is named twice")]
    #[allow(missing_docs)]
    AxisTwice { operation: String, axis: usize },
    /// An index outside an axis.
    #[error("`{operation}`: index {index} is outside axis {axis}, which has length {len} (shape {shape})")]
    #[allow(missing_docs)]
    Index { operation: String, index: isize, axis: usize, len: usize, shape: String },
    /// More indices than axes.
    #[error("`{operation}`: {given} indices for an array of shape {shape}, which has {rank} axes")]
    #[allow(missing_docs)]
    TooManyIndices { operation: String, given: usize, shape: String, rank: usize },
    /// Chunks that do not make up the shape.
    #[error("chunks {chunks} do not fit to shape {shape}: {why}")]
    #[allow(missing_docs)]
    Chunks { chunks: String, shape: String, why: String },
    /// The lengths of chunks are not known before they are computed.
    #[error(
        "`{operation}` needs to know how long the chunks of axis {axis} are, and that depends on values (shape {shape}); \
         `compute_chunk_sizes()` finds out"
    )]
    #[allow(missing_docs)]
    UnknownChunks { operation: String, axis: usize, shape: String },
    /// Shapes that do not fit in another way.
    #[error("`{operation}`: {why} (shape {shape})")]
    #[allow(missing_docs)]
    Shape { operation: String, why: String, shape: String },
    /// Nothing to reduce.
    #[error("`{operation}` of no elements is not defined: axis {axis} of shape {shape} has length 0")]
    #[allow(missing_docs)]
    Empty { operation: String, axis: usize, shape: String },
    /// A parameter that makes no sense.
    #[error("`{operation}`: {why}")]
    #[allow(missing_docs)]
    Parameter { operation: String, why: String },
    /// Files that hold another type.
    #[error(
        "`{operation}`: the elements are {found}, not {wanted}; read it as `Array::<{found}>`, then `astype::<{wanted}>()`"
    )]
    #[allow(missing_docs)]
    ElementType { operation: String, found: DType, wanted: DType },
}

/// What building an expression gives.
pub(crate) type Built<T> = std::result::Result<T, ArrayError>;

/// The value, or a panic with the sentence, at the caller's place.
#[track_caller]
pub(crate) fn built<T>(result: Built<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}
