//! What is too large, said before the memory for it is asked for: a process that asks for more than there is ends, and a
//! notebook's variables with it.

use super::chunks::{Grid, shape_text};
use super::element::DType;
use super::error::{ArrayError, Built};
use crate::diagnostics::units::bytes;
use crate::draw::grouped;
use crate::task::Failure;

/// More chunks than this cannot be kept account of: each costs memory before anything runs.
const MOST_CHUNKS: usize = 100_000_000;
/// What is smaller is there, or the system ends processes anyway.
const NOT_ASKED: usize = 256 << 20;

/// An error when a shape has more elements than can be counted.
pub(crate) fn countable(operation: &str, shape: &[usize]) -> Built<()> {
    let elements = shape
        .iter()
        .filter(|&&len| len > 0)
        .try_fold(1_isize, |product, &len| product.checked_mul(isize::try_from(len).ok()?));
    match elements {
        Some(_) => Ok(()),
        None => {
            let why = format!("an array of shape {} has more elements than can be counted", shape_text(shape));
            Err(ArrayError::Parameter { operation: operation.to_owned(), why })
        }
    }
}

/// An error when there are so many of these chunks that nothing can be done with them.
pub(crate) fn few_chunks(operation: &str, counts: &[usize], shape: &[usize]) -> Built<()> {
    let chunks = counts.iter().fold(1_usize, |product, &count| product.saturating_mul(count));
    if chunks <= MOST_CHUNKS {
        return Ok(());
    }
    let why = format!(
        "an array of shape {} would be cut into {} chunks, and {} are the most; take larger ones",
        shape_text(shape),
        grouped(chunks as u64),
        grouped(MOST_CHUNKS as u64)
    );
    Err(ArrayError::Parameter { operation: operation.to_owned(), why })
}

/// Both, of a grid.
pub(crate) fn manageable(operation: &str, grid: &Grid) -> Built<()> {
    countable(operation, &grid.shape())?;
    few_chunks(operation, &grid.counts(), &grid.shape())
}

/// A sentence when there is no memory for an array of this shape.
pub(crate) fn room_for(what: &str, shape: &[usize], dtype: DType) -> Result<(), String> {
    let wanted = shape.iter().fold(dtype.size(), |product, &len| product.saturating_mul(len));
    // The system says at once what it never could give; what is given is only used when it is written to.
    if wanted <= NOT_ASKED || Vec::<u8>::new().try_reserve_exact(wanted).is_ok() {
        return Ok(());
    }
    Err(format!(
        "{what} of shape {} ({dtype}) takes {}, and there is no such memory; take smaller chunks, reduce it, or compute a \
         part of it",
        shape_text(shape),
        bytes(wanted as u64)
    ))
}

/// As [`room_for`], for a block that a task makes.
pub(crate) fn room_for_block(shape: &[usize], dtype: DType) -> Result<(), Failure> {
    room_for("a block", shape, dtype).map_err(|why| Failure::Error(why.into()))
}
