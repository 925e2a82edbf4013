//! Which piece a row belongs to, by a hash of its keys that is the same in every process.
//!
//! Values that are equal as keys have equal hashes: integers of any width, categories and strings of the same text, `0.0`
//! and `-0.0`, every NaN. Polars' own hashes differ from process to process, and so do the numbers of categories.

use polars::prelude::*;

const FIRST: u64 = 0x9e37_79b9_7f4a_7c15;
const SECOND: u64 = 0xd1b5_4a32_d192_ed03;
const THIRD: u64 = 0x8ebc_6af0_9c88_c6e3;
/// Of a value that is missing.
const NULL: u64 = 0x51ab_cd30_77e4_19f5;
/// So many bytes of a string lie in its view.
const INLINE: u32 = 12;

/// The upper and the lower half of a product, put together: every bit of it depends on every bit of the factors.
#[inline(always)]
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

#[inline(always)]
pub(super) fn of_number(number: u64) -> u64 {
    folded(number ^ FIRST, SECOND)
}

/// All NaN are one value, and so are the two zeros.
#[inline(always)]
fn of_float(number: f64) -> u64 {
    let number = if number.is_nan() { f64::NAN } else { number + 0.0 };
    of_number(number.to_bits())
}

#[inline(always)]
fn of_words(low: u64, high: u64) -> u64 {
    folded(low ^ FIRST, high ^ SECOND)
}

fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

/// Of a string: up to 12 bytes as the view that holds them would be hashed.
pub(super) fn of_bytes(bytes: &[u8]) -> u64 {
    let length = bytes.len() as u64;
    if length <= u64::from(INLINE) {
        let (low, high) = bytes.split_at(bytes.len().min(8));
        return of_words(word(low), word(high) | length << 32);
    }
    let mut hash = length ^ THIRD;
    let (pairs, rest) = bytes.as_chunks::<16>();
    for pair in pairs {
        hash = folded(word(&pair[..8]) ^ hash, word(&pair[8..]) ^ SECOND);
    }
    if !rest.is_empty() {
        let (low, high) = rest.split_at(rest.len().min(8));
        hash = folded(word(low) ^ hash, word(high) ^ THIRD);
    }
    hash
}

/// What becomes of the hash of the columns before, and of this one's.
#[inline(always)]
fn combined(before: u64, this: u64) -> u64 {
    folded(before.rotate_left(29) ^ this, THIRD)
}

/// Hashes of the rows of some columns, one for each row.
pub(crate) fn of_rows(keys: &[&Column]) -> PolarsResult<Vec<u64>> {
    let mut hashes = Vec::new();
    for key in keys {
        let column = of_column(key.as_materialized_series())?;
        if hashes.is_empty() {
            hashes = column;
        } else {
            hashes.iter_mut().zip(column).for_each(|(before, this)| *before = combined(*before, this));
        }
    }
    Ok(hashes)
}

/// Which of `n` pieces a hash falls into.
#[inline(always)]
pub(crate) fn piece_of(hash: u64, n: usize) -> u32 {
    // The tables of Polars' joins and groups look at a hash of their own, so what falls into one piece does not crowd there.
    ((u128::from(folded(hash, FIRST)) * n as u128) >> 64) as u32
}

macro_rules! of_numbers {
    ($values:expr, |$value:ident| $hash:expr) => {{
        let mut hashes = Vec::with_capacity($values.len());
        for array in $values.downcast_iter() {
            hashes.extend(array.values().iter().map(|&$value| $hash));
        }
        missing($values.chunks(), &mut hashes);
        hashes
    }};
}

/// Of a chunk of strings or bytes, whose views say the length and, of short ones, everything.
macro_rules! of_views {
    ($values:expr, |$value:ident| $bytes:expr) => {{
        let mut hashes = Vec::with_capacity($values.len());
        for (array, chunk) in $values.downcast_iter().zip($values.chunks()) {
            let validity = chunk.validity();
            hashes.extend(array.views().iter().enumerate().map(|(row, view)| {
                if view.length <= INLINE {
                    let low = u64::from(view.prefix) | u64::from(view.buffer_idx) << 32;
                    return of_words(low, u64::from(view.offset) | u64::from(view.length) << 32);
                }
                // What the view of a missing value points at need not be there.
                if validity.is_some_and(|validity| !validity.get_bit(row)) {
                    return NULL;
                }
                // SAFETY: the row is one of the array's, and it is there.
                let $value = unsafe { array.value_unchecked(row) };
                of_bytes($bytes)
            }));
        }
        missing($values.chunks(), &mut hashes);
        hashes
    }};
}

/// Writes the hash of a missing value where there is none.
fn missing(chunks: &[ArrayRef], hashes: &mut [u64]) {
    let mut start = 0;
    for chunk in chunks {
        let hashes = &mut hashes[start..start + chunk.len()];
        start += chunk.len();
        if chunk.null_count() == 0 {
            continue;
        }
        if let Some(validity) = chunk.validity() {
            hashes.iter_mut().zip(validity.iter()).filter(|(_, there)| !there).for_each(|(hash, _)| *hash = NULL);
        }
    }
}

fn of_column(series: &Series) -> PolarsResult<Vec<u64>> {
    Ok(match series.dtype() {
        DataType::Int8 => of_numbers!(series.i8()?, |n| of_number(i64::from(n) as u64)),
        DataType::Int16 => of_numbers!(series.i16()?, |n| of_number(i64::from(n) as u64)),
        DataType::Int32 => of_numbers!(series.i32()?, |n| of_number(i64::from(n) as u64)),
        DataType::Int64 => of_numbers!(series.i64()?, |n| of_number(n as u64)),
        DataType::UInt8 => of_numbers!(series.u8()?, |n| of_number(u64::from(n))),
        DataType::UInt16 => of_numbers!(series.u16()?, |n| of_number(u64::from(n))),
        DataType::UInt32 => of_numbers!(series.u32()?, |n| of_number(u64::from(n))),
        DataType::UInt64 => of_numbers!(series.u64()?, |n| of_number(n)),
        DataType::Float32 => of_numbers!(series.f32()?, |n| of_float(f64::from(n))),
        DataType::Float64 => of_numbers!(series.f64()?, |n| of_float(n)),
        DataType::Boolean => {
            let values = series.bool()?;
            values.iter().map(|value| value.map_or(NULL, |value| of_number(u64::from(value)))).collect()
        }
        DataType::String => of_views!(series.str()?, |text| text.as_bytes()),
        DataType::Binary => of_views!(series.binary()?, |bytes| bytes),
        DataType::Date | DataType::Datetime(..) | DataType::Duration(_) | DataType::Time => {
            of_column(&series.to_physical_repr())?
        }
        DataType::Categorical(_, mapping) | DataType::Enum(_, mapping) => of_categories(series, mapping)?,
        DataType::Null => vec![NULL; series.len()],
        DataType::Struct(_) => of_fields(series)?,
        _ => of_encoded(series)?,
    })
}

/// Of categories: each text is hashed once.
fn of_categories(series: &Series, mapping: &CategoricalMapping) -> PolarsResult<Vec<u64>> {
    let known = mapping.num_cats_upper_bound();
    let physical = series.to_physical_repr().cast(&DataType::UInt32)?;
    let physical = physical.u32()?;
    // A few rows of a mapping that has grown large are looked up one by one.
    let table: Vec<u64> = match known <= physical.len().saturating_mul(2) {
        true => (0..known as u32).map(|number| of_bytes(mapping.cat_to_str(number).unwrap_or("").as_bytes())).collect(),
        false => Vec::new(),
    };
    let of_one = |number: u32| match table.get(number as usize) {
        Some(&hash) => hash,
        None => mapping.cat_to_str(number).map_or(NULL, |text| of_bytes(text.as_bytes())),
    };
    Ok(physical.iter().map(|number| number.map_or(NULL, of_one)).collect())
}

/// Of structs: of their fields, and missing where the whole is.
fn of_fields(series: &Series) -> PolarsResult<Vec<u64>> {
    let mut hashes = vec![SECOND; series.len()];
    for field in series.struct_()?.fields_as_series() {
        hashes.iter_mut().zip(of_column(&field)?).for_each(|(before, this)| *before = combined(*before, this));
    }
    missing(series.chunks(), &mut hashes);
    Ok(hashes)
}

/// Of what has no way of its own: decimals, lists.
fn of_encoded(series: &Series) -> PolarsResult<Vec<u64>> {
    let plain = series.cast(&without_categories(series.dtype()))?;
    let rows = plain.row_encode_unordered()?;
    let mut hashes = Vec::with_capacity(series.len());
    for array in rows.downcast_iter() {
        hashes.extend(array.values_iter().map(of_bytes));
    }
    let validity = plain.is_not_null();
    hashes.iter_mut().zip(validity.iter()).filter(|(_, there)| *there != Some(true)).for_each(|(hash, _)| *hash = NULL);
    Ok(hashes)
}

/// The type with strings for categories, whose numbers belong to this process alone.
fn without_categories(dtype: &DataType) -> DataType {
    match dtype {
        DataType::Categorical(..) | DataType::Enum(..) => DataType::String,
        DataType::List(inner) => DataType::List(Box::new(without_categories(inner))),
        DataType::Struct(fields) => DataType::Struct(
            fields.iter().map(|field| Field::new(field.name().clone(), without_categories(field.dtype()))).collect(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(series: Series) -> Vec<u64> {
        of_rows(&[&series.into_column()]).unwrap()
    }

    #[test]
    fn hashes_are_the_same_in_every_build() {
        // Written down once: pieces of one process meet those of another.
        assert_eq!(of_number(42), 0x3e94_5f48_4f4d_8b23);
        assert_eq!(of_bytes(b"Vilnius"), 0xd01c_c830_9620_21d4);
        assert_eq!(of_bytes(b"a string that is longer than its view"), 0x967d_3965_c368_cafe);
    }

    #[test]
    fn equal_keys_have_equal_hashes() {
        let wide = hashes(Series::new("k".into(), [1_i64, -7, i64::from(i16::MAX)]));
        assert_eq!(hashes(Series::new("k".into(), [1_i16, -7, i16::MAX])), wide);
        assert_eq!(hashes(Series::new("k".into(), [1_u8]))[0], wide[0]);

        let floats =
            hashes(Series::new("k".into(), [0.0, -0.0, f64::NAN, -f64::NAN, f64::from_bits(0x7ff8_0000_0000_0001)]));
        assert_eq!(floats[0], floats[1]);
        assert!(floats[2] == floats[3] && floats[3] == floats[4]);
        assert_eq!(hashes(Series::new("k".into(), [0.5_f32])), hashes(Series::new("k".into(), [0.5_f64])));

        let texts = ["", "a", "twelve bytes", "thirteen byte", "a text that is much longer than that"];
        let strings = Series::new("k".into(), texts);
        let expected: Vec<u64> = texts.iter().map(|text| of_bytes(text.as_bytes())).collect();
        assert_eq!(hashes(strings.clone()), expected);
        let categories = strings.cast(&DataType::from_categories(Categories::global())).unwrap();
        assert_eq!(hashes(categories), expected);
    }

    #[test]
    fn missing_values_have_one_hash_in_whatever_chunks() {
        let mut strings = Series::new("k".into(), [Some("a text that is longer than its view"), None]);
        strings.append(&Series::new("k".into(), [None, Some("b")])).unwrap();
        let found = hashes(strings.clone());
        assert_eq!((found[1], found[2]), (NULL, NULL));
        assert_eq!(found, hashes(strings.rechunk()));
        assert_eq!(hashes(strings.slice(1, 3)), found[1..]);
        assert_eq!(hashes(Series::full_null("k".into(), 2, &DataType::Int32)), [NULL; 2]);
        assert_eq!(hashes(Series::full_null("k".into(), 2, &DataType::Null)), [NULL; 2]);
    }

    #[test]
    fn rows_spread_over_the_pieces() {
        let numbers = Series::new("k".into(), (0..100_000_i64).map(|n| n * 1024).collect::<Vec<_>>());
        let mut counts = [0; 7];
        hashes(numbers).into_iter().for_each(|hash| counts[piece_of(hash, 7) as usize] += 1);
        assert!(counts.iter().all(|&count| (13_000..15_600).contains(&count)), "{counts:?}");
    }
}
