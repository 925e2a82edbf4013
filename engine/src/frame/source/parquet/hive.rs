//! Folders that say what a column is: `year=2019/month=1`.

use polars::prelude::{AnyValue, DataType, PlSmallStr, Scalar};

/// What stands for no value.
const NOTHING: &str = "__HIVE_DEFAULT_PARTITION__";

/// Columns that folders give, and their values for each file.
#[derive(Debug, Default)]
pub(super) struct HiveColumns {
    pub(super) columns: Vec<(PlSmallStr, DataType)>,
    /// For each file, one for each column.
    pub(super) values: Vec<Vec<Scalar>>,
}

/// The columns of the folders that files are in; the name of a file that is in other folders than the first is the error.
pub(super) fn columns(files: &[Vec<(String, String)>]) -> Result<HiveColumns, usize> {
    let Some(first) = files.first() else { return Ok(HiveColumns::default()) };
    let names: Vec<&String> = first.iter().map(|(name, _)| name).collect();
    if let Some(other) = files.iter().position(|keys| !keys.iter().map(|(name, _)| name).eq(names.iter().copied())) {
        return Err(other);
    }
    let mut hive = HiveColumns { columns: Vec::new(), values: vec![Vec::new(); files.len()] };
    for (place, name) in names.iter().enumerate() {
        let values: Vec<Option<&str>> =
            files.iter().map(|keys| Some(keys[place].1.as_str()).filter(|value| *value != NOTHING)).collect();
        let there = || values.iter().flatten().copied();
        let dtype = match () {
            () if there().next().is_none() => DataType::String,
            () if there().all(|value| value.parse::<i64>().is_ok()) => DataType::Int64,
            () if there().all(|value| days(value).is_some()) => DataType::Date,
            () => DataType::String,
        };
        for (file, value) in values.iter().enumerate() {
            let value = match (value, &dtype) {
                (None, _) => AnyValue::Null,
                (Some(value), DataType::Int64) => value.parse().map_or(AnyValue::Null, AnyValue::Int64),
                (Some(value), DataType::Date) => days(value).map_or(AnyValue::Null, AnyValue::Date),
                (Some(value), _) => AnyValue::StringOwned((*value).into()),
            };
            hive.values[file].push(Scalar::new(dtype.clone(), value));
        }
        hive.columns.push((name.as_str().into(), dtype));
    }
    Ok(hive)
}

fn days(value: &str) -> Option<i32> {
    super::super::csv::iso_date(value)
}
