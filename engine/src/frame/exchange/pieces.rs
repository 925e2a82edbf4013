//! A partition that has been split: pieces in memory or on disk.

use std::sync::{Arc, Mutex, PoisonError};

use polars::prelude::*;

use super::budget::{Budget, Reserved};
use super::spill::Stored;
use crate::frame::stack::joined;

/// The pieces that one partition was split into, one for each partition to come.
#[derive(Debug)]
pub(crate) struct Pieces {
    /// No rows, and the columns of every piece.
    empty: DataFrame,
    pieces: Box<[Mutex<Piece>]>,
    /// Some rows of all pieces, where somebody wants to know what is in them.
    sample: Option<DataFrame>,
}

#[derive(Debug)]
enum Piece {
    Empty,
    Held(DataFrame, #[allow(dead_code)] Reserved),
    Stored(Stored),
    /// It has been read by the task that it was for.
    Gone,
}

impl Pieces {
    /// Splits a frame: `rows` names the rows of the first piece, then those of the second, and so on, and `counts` says how
    /// many rows each has.
    pub(super) fn split(
        frame: &DataFrame,
        rows: &[IdxSize],
        counts: &[usize],
        budget: &Arc<Budget>,
    ) -> PolarsResult<Pieces> {
        let mut start = 0;
        let parts = counts.iter().map(|&count| {
            let rows = &rows[start..start + count];
            start += count;
            // SAFETY: the callers' rows are rows of the frame.
            compact(unsafe { frame._take_unchecked_slice(rows, false) })
        });
        Pieces::keep(frame.clear(), parts, nbytes(frame), budget)
    }

    /// Keeps frames as pieces. `bytes` is what all of them together take.
    pub(super) fn keep(
        empty: DataFrame,
        parts: impl Iterator<Item = PolarsResult<DataFrame>>,
        bytes: u64,
        budget: &Arc<Budget>,
    ) -> PolarsResult<Pieces> {
        // All of them stay in memory or none does: this decides while none is there yet.
        let stays = budget.reserve(bytes);
        let mut buffer = Vec::new();
        let pieces = parts.map(|part| {
            let part = part?;
            Ok(Mutex::new(match part.height() {
                0 => Piece::Empty,
                _ if stays.is_some() => {
                    let reserved = budget.take(nbytes(&part));
                    Piece::Held(part, reserved)
                }
                _ => Piece::Stored(Stored::write(part, &mut buffer, budget)?),
            }))
        });
        Ok(Pieces { pieces: pieces.collect::<PolarsResult<_>>()?, empty, sample: None })
    }

    /// The same, and a sample of it.
    pub(super) fn with_sample(self, sample: DataFrame) -> Pieces {
        Pieces { sample: Some(sample), ..self }
    }

    /// Some rows of all pieces.
    pub(crate) fn sample(&self) -> Option<&DataFrame> {
        self.sample.as_ref()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// The columns of every piece, and no rows.
    pub(crate) fn empty(&self) -> &DataFrame {
        &self.empty
    }

    fn piece(&self, k: usize) -> std::sync::MutexGuard<'_, Piece> {
        self.pieces[k].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A piece, which stays; no rows beyond the last.
    pub(crate) fn take(&self, k: usize) -> PolarsResult<DataFrame> {
        if k >= self.len() {
            return Ok(self.empty.clone());
        }
        match &*self.piece(k) {
            Piece::Empty => Ok(self.empty.clone()),
            Piece::Held(frame, _) => Ok(frame.clone()),
            Piece::Stored(stored) => stored.read(),
            Piece::Gone => Err(gone(k)),
        }
    }

    /// A piece, whose memory or place on disk is given back: it cannot be read again.
    pub(crate) fn take_away(&self, k: usize) -> PolarsResult<DataFrame> {
        if k >= self.len() {
            return Ok(self.empty.clone());
        }
        let mut piece = self.piece(k);
        if let Piece::Stored(stored) = &*piece {
            // What cannot be read stays, for another attempt.
            let frame = stored.read()?;
            *piece = Piece::Gone;
            return Ok(frame);
        }
        match std::mem::replace(&mut *piece, Piece::Gone) {
            Piece::Empty => {
                *piece = Piece::Empty;
                Ok(self.empty.clone())
            }
            Piece::Held(frame, _) => Ok(frame),
            Piece::Stored(_) | Piece::Gone => Err(gone(k)),
        }
    }

    /// Bytes of the pieces that are in memory.
    pub(crate) fn nbytes(&self) -> u64 {
        let of_piece = |k| match &*self.piece(k) {
            Piece::Held(frame, _) => nbytes(frame),
            _ => size_of::<Piece>() as u64,
        };
        (0..self.len()).map(of_piece).sum()
    }
}

fn gone(k: usize) -> PolarsError {
    polars_err!(ComputeError: "piece {} of a shuffle has been read already, and pieces are kept for one reading only", k)
}

/// The rows of the same piece of several partitions, in their order. With `last`, nobody reads that piece again, and its
/// memory is given back on the way.
pub(crate) fn gather(all: &[Arc<Pieces>], k: usize, last: bool) -> PolarsResult<DataFrame> {
    let Some(first) = all.first() else { return Ok(DataFrame::empty()) };
    let mut frames = Vec::with_capacity(all.len());
    for pieces in all {
        let frame = if last { pieces.take_away(k)? } else { pieces.take(k)? };
        if frame.height() > 0 {
            frames.push(frame);
        }
    }
    joined(frames, first.empty())
}

/// Bytes that a frame takes. Polars counts the characters of strings, but not the views of them.
pub(crate) fn nbytes(frame: &DataFrame) -> u64 {
    let views = frame.columns().iter().filter(|column| matches!(column.dtype(), DataType::String | DataType::Binary));
    (frame.estimated_size() + views.count() * frame.height() * 16) as u64
}

/// A frame whose strings are its own: those that are gathered point into the whole partition's, and would keep it alive.
fn compact(frame: DataFrame) -> PolarsResult<DataFrame> {
    macro_rules! own {
        ($values:expr, $type:ident) => {{
            let values = $values?;
            let chunks = values.downcast_iter().map(|array| array.clone().gc());
            $type::from_chunk_iter(values.name().clone(), chunks).into_column()
        }};
    }
    let columns = frame.columns().iter().map(|column| {
        Ok(match column.dtype() {
            DataType::String => own!(column.str(), StringChunked),
            DataType::Binary => own!(column.binary(), BinaryChunked),
            _ => column.clone(),
        })
    });
    let columns = columns.collect::<PolarsResult<_>>()?;
    DataFrame::new(frame.height(), columns)
}
