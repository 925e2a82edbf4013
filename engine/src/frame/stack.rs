//! Frames with the same columns below one another.

use polars::prelude::{DataFrame, IntoColumn, PolarsResult};

/// Frames below one another, each in the memory that it has.
pub(crate) fn below(frames: Vec<DataFrame>) -> PolarsResult<DataFrame> {
    let mut frames = frames.into_iter();
    let first = frames.next().unwrap_or_default();
    frames.try_fold(first, |mut all, frame| {
        all.vstack_mut_owned(frame)?;
        Ok(all)
    })
}

/// Frames below one another, each column in one run of memory. Memory is given back column by column.
pub(crate) fn joined(mut frames: Vec<DataFrame>, empty: &DataFrame) -> PolarsResult<DataFrame> {
    if frames.len() < 2 {
        return Ok(frames.pop().unwrap_or_else(|| empty.clone()));
    }
    let height = frames.iter().map(DataFrame::height).sum();
    let mut sources: Vec<_> = frames.into_iter().map(|frame| frame.into_columns().into_iter()).collect();
    let columns = (0..empty.width()).map(|_| {
        let mut parts = sources.iter_mut().filter_map(Iterator::next);
        let mut whole = parts.next().map(|first| first.take_materialized_series()).unwrap_or_default();
        for part in parts {
            whole.append_owned(part.take_materialized_series())?;
        }
        Ok(whole.rechunk().into_column())
    });
    let columns = columns.collect::<PolarsResult<_>>()?;
    DataFrame::new(height, columns)
}
