//! Which rows of a partition differ in their keys.
//!
//! A table of places in one run of memory, as many as there are rows and as many again, says for each key where it was seen
//! first. Polars makes a list of rows for each key, which takes ten times as long when most keys are different.

use polars::prelude::*;
use row_encode::_get_rows_encoded_ca_unordered;

use super::hash;

/// No row.
const NONE: u32 = u32::MAX;

/// The rows that stay, in their order: of those with equal keys the first, the last, or none at all.
pub(crate) fn distinct(frame: &DataFrame, keys: &[PlSmallStr], keep: UniqueKeepStrategy) -> PolarsResult<DataFrame> {
    let columns: Vec<&Column> = keys.iter().map(|key| frame.column(key)).collect::<PolarsResult<_>>()?;
    if columns.is_empty() || frame.height() < 2 {
        return Ok(frame.clone());
    }
    let rows = match &columns[..] {
        [key] => match numbers(key.as_materialized_series())? {
            Some(numbers) => {
                chosen(frame.height(), keep, |row| numbers[row].scrambled(), |a, b| numbers[a] == numbers[b])
            }
            None => by_bytes(&columns, keep)?,
        },
        _ => by_bytes(&columns, keep)?,
    };
    if rows.len() == frame.height() {
        return Ok(frame.clone());
    }
    // SAFETY: the rows are rows of the frame.
    Ok(unsafe { frame._take_unchecked_slice_sorted(&rows, false, polars::series::IsSorted::Ascending) })
}

/// A value of one column of numbers; what is missing is a value too.
#[derive(Clone, Copy, PartialEq)]
struct Number {
    bits: u64,
    is_there: bool,
}

impl Number {
    fn scrambled(self) -> u64 {
        hash::of_number(self.bits ^ u64::from(!self.is_there))
    }
}

/// The values of a column that holds numbers, or what is held as numbers.
fn numbers(series: &Series) -> PolarsResult<Option<Vec<Number>>> {
    let physical = series.to_physical_repr();
    macro_rules! of {
        ($values:expr, |$value:ident| $bits:expr) => {{
            let mut numbers = Vec::with_capacity(series.len());
            for array in $values.downcast_iter() {
                numbers.extend(array.values().iter().map(|&$value| Number { bits: $bits, is_there: true }));
            }
            numbers
        }};
    }
    // All NaN are one value, and so are the two zeros.
    let float = |number: f64| if number.is_nan() { f64::NAN.to_bits() } else { (number + 0.0).to_bits() };
    let mut numbers: Vec<Number> = match physical.dtype() {
        DataType::Int8 => of!(physical.i8()?, |n| i64::from(n) as u64),
        DataType::Int16 => of!(physical.i16()?, |n| i64::from(n) as u64),
        DataType::Int32 => of!(physical.i32()?, |n| i64::from(n) as u64),
        DataType::Int64 => of!(physical.i64()?, |n| n as u64),
        DataType::UInt8 => of!(physical.u8()?, |n| u64::from(n)),
        DataType::UInt16 => of!(physical.u16()?, |n| u64::from(n)),
        DataType::UInt32 => of!(physical.u32()?, |n| u64::from(n)),
        DataType::UInt64 => of!(physical.u64()?, |n| n),
        DataType::Float32 => of!(physical.f32()?, |n| float(f64::from(n))),
        DataType::Float64 => of!(physical.f64()?, |n| float(n)),
        _ => return Ok(None),
    };
    if series.null_count() > 0 {
        let missing = series.is_null();
        for (number, missing) in numbers.iter_mut().zip(missing.iter()) {
            if missing == Some(true) {
                *number = Number { bits: 0, is_there: false };
            }
        }
    }
    Ok(Some(numbers))
}

/// By the bytes of the rows of the keys, which are equal where these are.
fn by_bytes(columns: &[&Column], keep: UniqueKeepStrategy) -> PolarsResult<Vec<IdxSize>> {
    let columns: Vec<Column> = columns.iter().map(|&column| column.clone()).collect();
    let encoded = _get_rows_encoded_ca_unordered(PlSmallStr::EMPTY, &columns)?;
    let rows: Vec<&[u8]> = encoded.downcast_iter().flat_map(|array| array.values_iter()).collect();
    let hashes: Vec<u64> = rows.iter().map(|row| hash::of_bytes(row)).collect();
    Ok(chosen(rows.len(), keep, |row| hashes[row], |a, b| hashes[a] == hashes[b] && rows[a] == rows[b]))
}

fn chosen(
    height: usize,
    keep: UniqueKeepStrategy,
    hash: impl Fn(usize) -> u64,
    equal: impl Fn(usize, usize) -> bool,
) -> Vec<IdxSize> {
    let size = (height * 2).next_power_of_two();
    let shift = 64 - size.trailing_zeros();
    let mut table = vec![NONE; size];
    // Whether a row has others like it; only where that matters.
    let mut repeated = vec![false; if keep == UniqueKeepStrategy::None { height } else { 0 }];
    let mut rows: Vec<IdxSize> = Vec::new();
    let mut look = |row: usize| {
        let mut place = (hash(row) >> shift) as usize;
        loop {
            match table[place] {
                NONE => {
                    table[place] = row as u32;
                    rows.push(row as IdxSize);
                    return;
                }
                found if equal(found as usize, row) => {
                    if let Some(repeated) = repeated.get_mut(found as usize) {
                        *repeated = true;
                    }
                    return;
                }
                _ => place = (place + 1) & (size - 1),
            }
        }
    };
    match keep {
        UniqueKeepStrategy::Last => (0..height).rev().for_each(&mut look),
        _ => (0..height).for_each(&mut look),
    }
    match keep {
        UniqueKeepStrategy::Last => rows.reverse(),
        UniqueKeepStrategy::None => rows.retain(|&row| !repeated[row as usize]),
        UniqueKeepStrategy::First | UniqueKeepStrategy::Any => {}
    }
    rows
}
