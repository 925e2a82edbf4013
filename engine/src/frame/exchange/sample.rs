//! Boundaries of partitions, from samples of all of them.

use polars::prelude::*;

use super::range::Order;

/// The column that says for how many rows a row of a sample stands.
const WEIGHT: PlSmallStr = PlSmallStr::from_static("__taskloom_weight");
/// So many rows of a sample for each partition to come: partitions differ in size by a tenth, then.
const EACH: usize = 100;
/// At least so many from each partition.
const LEAST: usize = 32;

/// How many rows to take from each of `inputs` partitions, when `outputs` are to be made.
pub(crate) fn sample_size(inputs: usize, outputs: usize) -> usize {
    (outputs.saturating_mul(EACH) / inputs.max(1)).max(LEAST)
}

/// Some rows of the keys of a partition, and for how many rows each stands. The same rows each time for the same `seed`.
pub(crate) fn sample(frame: &DataFrame, keys: &[PlSmallStr], size: usize, seed: u64) -> PolarsResult<DataFrame> {
    let keys = frame.select(keys.iter().cloned())?;
    let height = keys.height();
    let size = size.min(height);
    // One row at random of each of as many runs of rows.
    let rows = (0..size).map(|k| {
        let (start, end) = (k * height / size, (k + 1) * height / size);
        (start + (scattered(seed ^ (k as u64) << 24) % (end - start) as u64) as usize) as IdxSize
    });
    let rows: Vec<IdxSize> = rows.collect();
    let mut sample = keys.take(&IdxCa::from_vec(PlSmallStr::EMPTY, rows))?;
    let weight = if size == 0 { 0.0 } else { height as f64 / size as f64 };
    sample.with_column(Column::new_scalar(WEIGHT, Scalar::from(weight), size))?;
    Ok(sample)
}

/// The last step of SplitMix64: neighbouring numbers become unrelated ones.
fn scattered(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Rows of the keys that divide all rows into `n` parts of about the same size, at most `n - 1` of them. Repeated ones are
/// left out when `distinct`: then no key lies in two parts.
pub(crate) fn boundaries(samples: &[DataFrame], n: usize, order: &Order, distinct: bool) -> PolarsResult<DataFrame> {
    let Some(first) = samples.first() else { return Ok(DataFrame::empty()) };
    let mut all = first.clone();
    for sample in &samples[1..] {
        all.vstack_mut(sample)?;
    }
    all.rechunk_mut();
    let sorted = order.sort(&all)?;
    let weights = sorted.column(&WEIGHT)?.f64()?.rechunk();
    let total: f64 = weights.iter().flatten().sum();
    let mut rows: Vec<IdxSize> = Vec::with_capacity(n.saturating_sub(1));
    let mut sum = 0.0;
    for (row, weight) in weights.iter().enumerate() {
        // A row is the first of a part when what stands before it fills the parts before.
        while rows.len() + 1 < n && sum > 0.0 && sum >= total * (rows.len() + 1) as f64 / n as f64 - 1e-9 * total {
            rows.push(row as IdxSize);
        }
        sum += weight.unwrap_or(0.0);
    }
    let mut bounds = sorted.take(&IdxCa::from_vec(PlSmallStr::EMPTY, rows))?.drop(&WEIGHT)?;
    if distinct && bounds.height() > 0 {
        bounds = bounds.unique_stable(None, UniqueKeepStrategy::First, None)?;
    }
    Ok(bounds)
}
