//! Which columns files have together, and how they are cut into partitions.

use std::sync::Arc;

use polars::prelude::{DataType, PlSmallStr, PolarsResult, Schema, polars_bail, polars_err};

use super::super::Source;
use super::super::files::{Found, Paths, each, find};
use super::super::names::named;
use super::super::parts::{Unit, parts};
use super::super::stored;
use super::footer::ParquetFile;
use super::read::ParquetSource;
use super::{ParquetOptions, hive};
use crate::store::Location;
use crate::task::Made;

/// Files of Parquet, opened.
///
/// # Errors
/// When files are not there, or are damaged, or have other columns than the first one.
pub(crate) fn open(paths: &Paths, options: &ParquetOptions) -> PolarsResult<Made<dyn Source>> {
    let found = find(paths, &[".parquet", ".parq", ".pq"])?;
    let locations =
        found.iter().map(|found| found.place.location()).collect::<Result<Vec<Location>, _>>().map_err(stored)?;
    let folders: Vec<Vec<(String, String)>> = match options.no_hive {
        true => vec![Vec::new(); found.len()],
        false => found.iter().map(|found| found.hive.clone()).collect(),
    };
    let source = Arc::new(assemble(found, &folders, options)?) as Arc<dyn Source>;
    let parameters = (locations, folders, options.clone());
    let made = Made::held(source, parameters, |(locations, folders, options)| {
        let places = locations.iter().map(|location| location.resolved());
        let found =
            places.map(|place| place.map(|place| Found { place, hive: Vec::new() })).collect::<Result<Vec<_>, _>>();
        let found = found.map_err(|error| error.to_string())?;
        let source = assemble(found, folders, options).map_err(|error| error.to_string())?;
        Ok(Arc::new(source) as Arc<dyn Source>)
    });
    made.map_err(|why| polars_err!(ComputeError: "{why}"))
}

fn assemble(
    found: Vec<Found>,
    folders: &[Vec<(String, String)>],
    options: &ParquetOptions,
) -> PolarsResult<ParquetSource> {
    let about = named(&found[0].place.as_path().display(), found.len());
    let files = each(found, |found| ParquetFile::open(found.place))?;
    let mut hive = hive::columns(folders).map_err(|other| {
        polars_err!(ComputeError: "{} is in other folders of the form `name=value` than {}: all files have the same names, or \
            `ParquetOptions::new().hive(false)` leaves them out", files[other].name(), files[0].name())
    })?;
    let mut schema = together(&files, options)?;
    // What folders say stands for what files say.
    schema.retain(|name, _| !hive.columns.iter().any(|(key, _)| key == name));
    let width = schema.len();
    for (name, dtype) in std::mem::take(&mut hive.columns) {
        schema.insert(name, dtype);
    }
    let parts = parts(&files.iter().map(units).collect::<Vec<_>>(), options.partition_bytes);
    Ok(ParquetSource { files, schema: Arc::new(schema), parts, hive: hive.values, width, about })
}

/// The columns of all files.
fn together(files: &[ParquetFile], options: &ParquetOptions) -> PolarsResult<Schema> {
    let first = &files[0];
    let mut schema = (*first.schema).clone();
    for file in &files[1..] {
        if Arc::ptr_eq(&file.schema, &first.schema) || file.schema == first.schema {
            continue;
        }
        for (name, dtype) in file.schema.iter() {
            match schema.get(name).cloned() {
                // A column without values says nothing of its type.
                Some(DataType::Null) => drop(schema.set_dtype(name, dtype.clone())),
                Some(known) if known == *dtype || *dtype == DataType::Null => {}
                Some(known) => {
                    let before = files.iter().find(|other| other.schema.get(name) == Some(&known)).unwrap_or(first);
                    polars_bail!(SchemaMismatch: "column `{name}` is {known} in {} and {dtype} in {}: files that are read \
                        together have columns of the same types", before.name(), file.name())
                }
                None if options.missing_columns => {
                    schema.insert(name.clone(), dtype.clone());
                }
                None => return Err(missing(name, file, first)),
            }
        }
        if let Some(name) = first.schema.iter_names().find(|name| !file.schema.contains(name))
            && !options.missing_columns
        {
            return Err(missing(name, first, file));
        }
    }
    Ok(schema)
}

fn missing(column: &PlSmallStr, has: &ParquetFile, has_not: &ParquetFile) -> polars::prelude::PolarsError {
    polars_err!(SchemaMismatch: "{} has a column `{column}`, and {} has not; with `ParquetOptions::new().missing_columns(true)` it \
        is without values there", has.name(), has_not.name())
}

/// The row groups of a file.
fn units(file: &ParquetFile) -> Vec<Unit> {
    let groups = file.metadata.row_groups.iter().enumerate();
    groups.map(|(number, group)| Unit { rows: group.num_rows(), bytes: in_memory(file, number) }).collect()
}

/// The bytes of a row group's rows in memory, about: what is packed in the file takes its whole width.
fn in_memory(file: &ParquetFile, group: usize) -> u64 {
    let group = &file.metadata.row_groups[group];
    let rows = group.num_rows() as u64;
    let wide = |dtype: &DataType| match dtype {
        DataType::Boolean | DataType::Int8 | DataType::UInt8 => 1,
        DataType::Int16 | DataType::UInt16 => 2,
        DataType::Int32 | DataType::UInt32 | DataType::Float32 | DataType::Date => 4,
        DataType::String | DataType::Binary | DataType::Decimal(..) => 16,
        DataType::Null => 0,
        _ => 8,
    };
    let least = rows * file.schema.iter_values().map(wide).sum::<u64>();
    least.max(group.total_byte_size() as u64).max(1)
}
