//! Rows that go from every partition to every other: split, held within a budget of memory, and put together again.
//!
//! ```text
//!  partition ─► hash or range ─► Pieces (in memory, or on disk beyond the budget) ─► gather: piece k of all ─► partition k
//! ```

mod budget;
mod codec;
mod distinct;
mod hash;
mod memory;
mod pieces;
mod range;
mod sample;
mod spill;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use polars::prelude::*;

pub(crate) use budget::{Budget, Reserved, total_memory};
pub(crate) use codec::know_pieces;
pub(crate) use distinct::distinct;
pub(crate) use hash::of_rows as hashes;
pub use memory::{ShuffleMemory, set_shuffle_memory, shuffle_memory};
pub(crate) use pieces::{Pieces, gather, nbytes};
pub(crate) use range::{Order, Ties};
pub(crate) use sample::{boundaries, extremes, sample, sample_size};

/// Splits a partition into `n` pieces, so that equal keys of all partitions are in pieces of the same number.
pub(crate) fn split_by_hash(frame: &DataFrame, keys: &[PlSmallStr], n: usize) -> PolarsResult<Pieces> {
    let numbers = hashed_pieces(frame, keys, n)?;
    split(frame, &numbers, n, Budget::global())
}

/// The piece of each row, when they are split by a hash.
pub(crate) fn hashed_pieces(frame: &DataFrame, keys: &[PlSmallStr], n: usize) -> PolarsResult<Vec<u32>> {
    let keys: Vec<&Column> = keys.iter().map(|key| frame.column(key)).collect::<PolarsResult<_>>()?;
    Ok(hash::of_rows(&keys)?.into_iter().map(|hash| hash::piece_of(hash, n)).collect())
}

/// A row of the keys behind which there are probably no fewer than so many rows before it: twice as many as asked for, as a
/// sample has it.
fn boundary_behind(frame: &DataFrame, order: &Order, rows: usize) -> PolarsResult<DataFrame> {
    const SAMPLE: usize = 1024;
    let some = sample(frame, &order.keys, SAMPLE, 0)?;
    let sorted = order.sort(&some)?.select(order.keys.iter().cloned())?;
    let place = (2 * rows * sorted.height()).div_ceil(frame.height()).max(8);
    Ok(sorted.slice(place as i64, 1))
}

/// Splits a partition at boundaries, rows of the keys sorted as `order` says, into one piece more than there are of them.
pub(crate) fn split_by_range(
    frame: &DataFrame,
    order: &Order,
    boundaries: &DataFrame,
    ties: Ties,
) -> PolarsResult<Pieces> {
    let n = boundaries.height() + 1;
    let numbers = range::pieces_of(frame, order, boundaries, ties)?;
    split(frame, &numbers, n, Budget::global())
}

/// Keeps a partition as it is, in memory or on disk, with a sample of its keys.
pub(crate) fn hold(frame: DataFrame, keys: &[PlSmallStr], size: usize, seed: u64) -> PolarsResult<Pieces> {
    let sample = sample(&frame, keys, size, seed)?;
    let bytes = nbytes(&frame);
    Ok(Pieces::keep(frame.clear(), std::iter::once(Ok(frame)), bytes, Budget::global())?.with_sample(sample))
}

/// Splits a partition into the runs of rows that end where `ends` say.
pub(crate) fn split_at(frame: &DataFrame, ends: &[usize]) -> PolarsResult<Pieces> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let parts = starts.zip(ends).map(|(start, &end)| Ok(frame.slice(start as i64, end - start)));
    Pieces::keep(frame.clear(), parts, nbytes(frame), Budget::global())
}

/// Splits a frame by the number of the piece of each row.
fn split(frame: &DataFrame, numbers: &[u32], n: usize, budget: &Arc<Budget>) -> PolarsResult<Pieces> {
    // With the rows of a piece in their order: a counting sort.
    let mut counts = vec![0_usize; n];
    for &number in numbers {
        counts[number as usize] += 1;
    }
    let mut next = Vec::with_capacity(n);
    let mut sum = 0;
    for &count in &counts {
        next.push(sum);
        sum += count;
    }
    let mut rows: Vec<IdxSize> = vec![0; numbers.len()];
    for (row, &number) in numbers.iter().enumerate() {
        let place = &mut next[number as usize];
        rows[*place] = row as IdxSize;
        *place += 1;
    }
    // Gathering from many runs of memory looks for the right one at each row.
    let mut whole = frame.clone();
    whole.rechunk_mut();
    Pieces::split(&whole, &rows, &counts, budget)
}
