//! The keys of each row as one number.

use polars::prelude::*;
use row_encode::_get_rows_encoded_ca_unordered;

use super::ids::{Groups, by_hash, by_number, scrambled};
use super::states::parts;
use crate::frame::exchange::hashes;

/// The groups of rows that are equal in all of these columns, each of which is in one run of memory. Nulls are equal, all
/// NaN are, and so are the two zeros.
pub(super) fn groups_of(keys: &[Column]) -> PolarsResult<Groups> {
    let mut codes: Option<Codes> = None;
    for key in keys {
        let this = Codes::of(key.as_materialized_series())?;
        codes = Some(match codes {
            None => this,
            Some(before) => before.beside(this),
        });
    }
    Ok(codes.map(Codes::groups).unwrap_or_else(|| unreachable!("there is a key")))
}

/// A number for each row; rows with equal values have equal ones.
struct Codes {
    numbers: Vec<u64>,
    /// They are below it. Otherwise they may be anything.
    range: Option<u64>,
}

impl Codes {
    fn groups(self) -> Groups {
        by_number(&self.numbers, self.range)
    }

    fn of_groups(groups: &Groups) -> Codes {
        let numbers = groups.of_rows.iter().map(|&group| u64::from(group)).collect();
        Codes { numbers, range: Some(groups.first.len() as u64) }
    }

    /// Small enough for another column beside it.
    fn small(self) -> (Vec<u64>, u64) {
        match self.range {
            Some(range) => (self.numbers, range),
            None => {
                let Codes { numbers, range } = Codes::of_groups(&self.groups());
                (numbers, range.unwrap_or_else(|| unreachable!("groups have been counted")))
            }
        }
    }

    /// A number for each pair.
    fn beside(self, other: Codes) -> Codes {
        let ((mut numbers, mut range), (mut others, mut other_range)) = (self.small(), other.small());
        // Groups are no more than rows, so that numbers of them fit together in any case.
        if range.checked_mul(other_range).is_none() {
            (numbers, range) = Codes::of_groups(&by_number(&numbers, Some(range))).small();
        }
        if range.checked_mul(other_range).is_none() {
            (others, other_range) = Codes::of_groups(&by_number(&others, Some(other_range))).small();
        }
        numbers.iter_mut().zip(others).for_each(|(number, other)| *number = *number * other_range + other);
        Codes { numbers, range: Some(range * other_range) }
    }

    fn of(key: &Series) -> PolarsResult<Codes> {
        let physical = key.to_physical_repr();
        macro_rules! whole {
            ($values:expr) => {
                Codes::of_whole(parts($values?).0, |n| n as i64, key)
            };
        }
        Ok(match physical.dtype() {
            DataType::Int8 => whole!(physical.i8()),
            DataType::Int16 => whole!(physical.i16()),
            DataType::Int32 => whole!(physical.i32()),
            DataType::Int64 => whole!(physical.i64()),
            DataType::UInt8 => whole!(physical.u8()),
            DataType::UInt16 => whole!(physical.u16()),
            DataType::UInt32 => whole!(physical.u32()),
            // Above 2⁶³ they are negative, which are other numbers in another order, and as many.
            DataType::UInt64 => whole!(physical.u64()),
            DataType::Boolean => {
                let bytes = physical.cast(&DataType::UInt8)?;
                Codes::of_whole(parts(bytes.u8()?).0, i64::from, key)
            }
            DataType::Float32 => Codes::of_floats(&physical.cast(&DataType::Float64)?)?,
            DataType::Float64 => Codes::of_floats(&physical)?,
            _ => Codes::of_groups(&by_value(key)?),
        })
    }

    /// Of whole numbers: how far each is from the least, and one more number for what is missing.
    fn of_whole<T: Copy>(values: &[T], number: impl Fn(T) -> i64 + Copy, key: &Series) -> Codes {
        let values = values.iter().copied();
        let missing = (key.null_count() > 0).then(|| key.is_null());
        let ends = |(least, most): (i64, i64), n: i64| (least.min(n), most.max(n));
        let none = (i64::MAX, i64::MIN);
        let (least, most) = match &missing {
            None => values.clone().map(number).fold(none, ends),
            Some(missing) => {
                let there = values.clone().zip(missing.iter()).filter(|(_, missing)| *missing != Some(true));
                there.map(|(value, _)| number(value)).fold(none, ends)
            }
        };
        if least > most {
            return Codes { numbers: vec![0; key.len()], range: Some(1) };
        }
        let span = most.wrapping_sub(least) as u64;
        let mut numbers: Vec<u64> = values.map(|value| number(value).wrapping_sub(least) as u64).collect();
        // One for each number there is, and one for what is missing.
        let Some(range) = span.checked_add(2) else {
            // All 64 bits are in use: what is missing takes the place of a number, and is told apart by that.
            return Codes::wide(numbers, missing);
        };
        if let Some(missing) = missing {
            for (number, missing) in numbers.iter_mut().zip(missing.iter()) {
                if missing == Some(true) {
                    *number = span + 1;
                }
            }
        }
        Codes { numbers, range: Some(range) }
    }

    fn of_floats(floats: &Series) -> PolarsResult<Codes> {
        let (values, _) = parts(floats.f64()?);
        // Often they are whole numbers that were made floats for want of a null.
        const LARGE: f64 = (1_u64 << 31) as f64;
        if values.iter().all(|&float| float.abs() < LARGE && float == f64::from(float as i32)) {
            return Ok(Codes::of_whole(values, |float| float as i64, floats));
        }
        let bits = |&float: &f64| if float.is_nan() { f64::NAN.to_bits() } else { (float + 0.0).to_bits() };
        let missing = (floats.null_count() > 0).then(|| floats.is_null());
        Ok(Codes::wide(values.iter().map(bits).collect(), missing))
    }

    /// Of numbers of all 64 bits.
    fn wide(mut numbers: Vec<u64>, missing: Option<BooleanChunked>) -> Codes {
        let Some(missing) = missing else { return Codes { numbers, range: None } };
        let there: Vec<bool> = missing.iter().map(|missing| missing != Some(true)).collect();
        numbers.iter_mut().zip(&there).filter(|(_, there)| !**there).for_each(|(number, _)| *number = 0);
        let hashes: Vec<u64> = numbers.iter().map(|&number| scrambled(number)).collect();
        Codes::of_groups(&by_hash(&hashes, |a, b| there[a] == there[b] && numbers[a] == numbers[b]))
    }
}

/// Groups of what is not a number: texts by themselves, all else by the bytes of its rows.
fn by_value(key: &Series) -> PolarsResult<Groups> {
    let column = key.clone().into_column();
    let hashes = hashes(&[&column])?;
    if let DataType::String | DataType::Binary = key.dtype() {
        let bytes = key.cast(&DataType::Binary)?;
        let bytes = bytes.binary()?;
        if let Some(array) = bytes.downcast_iter().next().filter(|_| bytes.chunks().len() == 1) {
            return Ok(by_hash(&hashes, |a, b| array.get(a) == array.get(b)));
        }
    }
    let encoded = _get_rows_encoded_ca_unordered(PlSmallStr::EMPTY, &[column])?;
    let rows: Vec<&[u8]> = encoded.downcast_iter().flat_map(|array| array.values_iter()).collect();
    Ok(by_hash(&hashes, |a, b| rows[a] == rows[b]))
}
