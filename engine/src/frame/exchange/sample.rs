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
/// The least and the greatest value of a single key are among them, standing for no row.
pub(crate) fn sample(frame: &DataFrame, keys: &[PlSmallStr], size: usize, seed: u64) -> PolarsResult<DataFrame> {
    let keys = frame.select(keys.iter().cloned())?;
    let height = keys.height();
    let size = size.min(height);
    // One row at random of each of as many runs of rows.
    let rows = (0..size).map(|k| {
        let (start, end) = (k * height / size, (k + 1) * height / size);
        (start + (scattered(seed ^ (k as u64) << 24) % (end - start) as u64) as usize) as IdxSize
    });
    let mut rows: Vec<IdxSize> = rows.collect();
    if let [key] = keys.columns() {
        let key = key.as_materialized_series();
        rows.extend([key.arg_min(), key.arg_max()].into_iter().flatten().map(|row| row as IdxSize));
    }
    let weight = if size == 0 { 0.0 } else { height as f64 / size as f64 };
    let weights: Vec<f64> = (0..rows.len()).map(|k| if k < size { weight } else { 0.0 }).collect();
    let mut sample = keys.take(&IdxCa::from_vec(PlSmallStr::EMPTY, rows))?;
    sample.with_column(Column::new(WEIGHT, weights))?;
    Ok(sample)
}

/// The last step of SplitMix64: neighbouring numbers become unrelated ones.
fn scattered(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Rows of the keys that divide all rows into `n` parts of about the same size, at most `n - 1` of them. When they are to be
/// `distinct`, none is there twice, nor the least of all: then no key lies in two parts, and no part is empty for it.
pub(crate) fn boundaries(samples: &[DataFrame], n: usize, order: &Order, distinct: bool) -> PolarsResult<DataFrame> {
    let (sorted, weights) = sorted_sample(samples, order)?;
    let total: f64 = weights.iter().sum();
    let mut rows: Vec<IdxSize> = Vec::with_capacity(n.saturating_sub(1));
    let mut sum = 0.0;
    for (row, weight) in weights.iter().enumerate() {
        // A row is the first of a part when what stands before it fills the parts before.
        while rows.len() + 1 < n && sum > 0.0 && sum >= total * ((rows.len() + 1) as f64 / n as f64 - 1e-9) {
            rows.push(row as IdxSize);
        }
        sum += weight;
    }
    if !distinct {
        return sorted.take(&IdxCa::from_vec(PlSmallStr::EMPTY, rows));
    }
    rows.insert(0, 0);
    rows.truncate(if sorted.height() == 0 { 0 } else { rows.len() });
    let bounds = sorted.take(&IdxCa::from_vec(PlSmallStr::EMPTY, rows))?;
    Ok(bounds.unique_stable(None, UniqueKeepStrategy::First, None)?.slice(1, usize::MAX))
}

/// The least and the greatest value of the only key, from samples of all partitions; `None` when there is none.
pub(crate) fn extremes(
    samples: &[DataFrame],
    order: &Order,
) -> PolarsResult<Option<(AnyValue<'static>, AnyValue<'static>)>> {
    let (sorted, _) = sorted_sample(samples, order)?;
    let key = sorted.column(&order.keys[0])?.drop_nulls();
    if key.is_empty() {
        return Ok(None);
    }
    Ok(Some((key.get(0)?.into_static(), key.get(key.len() - 1)?.into_static())))
}

fn sorted_sample(samples: &[DataFrame], order: &Order) -> PolarsResult<(DataFrame, Vec<f64>)> {
    let Some(first) = samples.first() else { return Ok((DataFrame::empty(), Vec::new())) };
    let mut all = first.clone();
    for sample in &samples[1..] {
        all.vstack_mut(sample)?;
    }
    all.rechunk_mut();
    let sorted = order.sort(&all)?;
    let weights = sorted.column(&WEIGHT)?.f64()?.iter().map(|weight| weight.unwrap_or(0.0)).collect();
    Ok((sorted.drop(&WEIGHT)?, weights))
}
