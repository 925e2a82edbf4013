//! The rows of some row groups.

use std::sync::Arc;

use polars::prelude::{
    AnyValue, ArrayRef, Column, DataFrame, DataType, Expr, PlSmallStr, PolarsError, PolarsResult, Scalar, SchemaRef,
    Series, polars_bail, polars_err,
};
use polars_parquet::read::ColumnChunkMetadata;

use super::super::extent::{Comparison, Extent, comparisons, order};
use super::super::guard::guarded;
use super::super::parts::Part;
use super::super::{Source, places, stored};
use super::footer::ParquetFile;
use super::prune::known;
use crate::store::file::Input;

/// Files of Parquet.
pub(super) struct ParquetSource {
    pub(super) files: Vec<ParquetFile>,
    pub(super) schema: SchemaRef,
    /// Row groups.
    pub(super) parts: Vec<Part>,
    /// For each file, the values of the last columns, which its folders give.
    pub(super) hive: Vec<Vec<Scalar>>,
    /// How many columns files have, before those of folders.
    pub(super) width: usize,
    pub(super) about: String,
}

impl Source for ParquetSource {
    fn name(&self) -> &str {
        "read_parquet"
    }
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }
    fn npartitions(&self) -> usize {
        self.parts.len()
    }
    fn rows(&self, partition: usize) -> Option<usize> {
        Some(self.parts[partition].rows)
    }
    fn bytes(&self, partition: usize) -> Option<u64> {
        Some(self.parts[partition].bytes)
    }
    fn about(&self) -> String {
        self.about.clone()
    }

    fn extent(&self, partition: usize, column: &str) -> Option<Extent> {
        let part = &self.parts[partition];
        let (place, _, dtype) = self.schema.get_full(column)?;
        if place >= self.width {
            let value = self.hive[part.file].get(place - self.width)?.value().clone();
            return (!value.is_null()).then(|| Extent { least: value.clone(), greatest: value, has_nulls: false });
        }
        let file = &self.files[part.file];
        if dtype.is_float() || file.schema.get(column) != Some(dtype) {
            // Not a number has no place between numbers.
            return None;
        }
        let (mut range, mut has_nulls) = (None::<(AnyValue<'static>, AnyValue<'static>)>, false);
        for (known, group) in known(file, part.units.clone(), column)?.into_iter().zip(part.units.clone()) {
            let rows = file.metadata.row_groups[group].num_rows() as u64;
            has_nulls |= known.nulls != Some(0);
            if known.nulls == Some(rows) {
                continue;
            }
            let (least, greatest) = (known.least?, known.greatest?);
            range = Some(match range {
                None => (least, greatest),
                Some((before, after)) => (
                    if order(&least, &before)?.is_lt() { least } else { before },
                    if order(&greatest, &after)?.is_gt() { greatest } else { after },
                ),
            });
        }
        range.map(|(least, greatest)| Extent { least, greatest, has_nulls })
    }

    fn read(
        &self,
        partition: usize,
        columns: Option<&[PlSmallStr]>,
        predicate: Option<&Expr>,
    ) -> PolarsResult<DataFrame> {
        let part = &self.parts[partition];
        let places = places(&self.schema, columns)?;
        let groups = self.needed(part, &predicate.map(comparisons).unwrap_or_default());
        self.read_groups(part.file, &groups, &places)
    }
}

impl ParquetSource {
    /// The row groups of a partition in which all comparisons may be true.
    fn needed(&self, part: &Part, comparisons: &[Comparison]) -> Vec<usize> {
        let file = &self.files[part.file];
        let mut groups: Vec<usize> = part.units.clone().collect();
        for comparison in comparisons {
            let Some((place, _, dtype)) = self.schema.get_full(&comparison.column) else { continue };
            if place >= self.width {
                let value = &self.hive[part.file][place - self.width];
                let nulls = if value.is_null() { 1 } else { 0 };
                let value = Some(value.value().clone()).filter(|value| !value.is_null());
                let known = super::prune::Known { least: value.clone(), greatest: value, nulls: Some(nulls) };
                if !known.may_fulfil(comparison, 1, dtype) {
                    groups.clear();
                }
                continue;
            }
            // What the file has of another type is made to be of this one later.
            if file.schema.get(&comparison.column) != Some(dtype) {
                continue;
            }
            let Some(known) = known(file, part.units.clone(), &comparison.column) else { continue };
            groups.retain(|&group| {
                let rows = file.metadata.row_groups[group].num_rows();
                known[group - part.units.start].may_fulfil(comparison, rows, dtype)
            });
        }
        groups
    }

    fn read_groups(&self, file: usize, groups: &[usize], places: &[usize]) -> PolarsResult<DataFrame> {
        let (file, hive) = (&self.files[file], &self.hive[file]);
        let height = groups.iter().map(|&group| file.metadata.row_groups[group].num_rows()).sum();
        let mut columns: Vec<Column> = Vec::with_capacity(places.len());
        let mut bytes = Bytes::of(self, file, groups, places)?;
        for &place in places {
            let (name, dtype) = self.column(place);
            if place >= self.width {
                columns.push(Column::new_scalar(name.clone(), hive[place - self.width].clone(), height));
                continue;
            }
            let Some(field) = file.fields.get(name) else {
                columns.push(Column::full_null(name.clone(), height, dtype));
                continue;
            };
            let mut arrays: Vec<ArrayRef> = Vec::new();
            for &group in groups {
                let chunks = chunks(file, group, name);
                let read = bytes.take(&chunks).and_then(|bytes| {
                    guarded(|| {
                        let chunks = chunks.iter().copied().zip(bytes.into_iter().map(Into::into)).collect();
                        polars::io::prelude::_internal::to_deserializer(chunks, field.clone(), None)
                    })
                });
                let (read, _) = read.map_err(|error| wrong(file, group, name, &error))?;
                let (rows, found) =
                    (file.metadata.row_groups[group].num_rows(), read.iter().map(|array| array.len()).sum::<usize>());
                if rows != found {
                    let error = polars_err!(ComputeError: "it has {found} values, and the row group {rows} rows");
                    return Err(wrong(file, group, name, &error));
                }
                arrays.extend(read);
            }
            let series = match arrays.is_empty() {
                true => Series::new_empty(name.clone(), &DataType::from_arrow_field(field)),
                false => guarded(|| Series::try_from((field, arrays)))
                    .map_err(|error| wrong(file, groups[0], name, &error))?,
            };
            let series = match series.dtype() == dtype {
                true => series,
                false => series
                    .strict_cast(dtype)
                    .map_err(|error| wrong(file, groups.first().copied().unwrap_or(0), name, &error))?,
            };
            columns.push(series.into());
        }
        DataFrame::new(height, columns)
    }

    fn column(&self, place: usize) -> (&PlSmallStr, &DataType) {
        self.schema.get_at_index(place).unwrap_or_else(|| unreachable!("it is a place of the schema"))
    }
}

/// Where the columns of the file are that make up one column.
fn chunks<'a>(file: &'a ParquetFile, group: usize, name: &str) -> Vec<&'a ColumnChunkMetadata> {
    file.metadata.row_groups[group].columns_under_root_iter(name).map(Iterator::collect).unwrap_or_default()
}

fn wrong(file: &ParquetFile, group: usize, column: &str, error: &PolarsError) -> PolarsError {
    polars_err!(ComputeError: "{}: column `{column}` of row group {group} cannot be read: {error}", file.name())
}

/// The bytes of columns: read one after the other, or all at once where each reading takes long.
struct Bytes {
    input: Arc<Input>,
    fetched: std::collections::HashMap<u64, Vec<u8>>,
}

impl Bytes {
    fn of(source: &ParquetSource, file: &ParquetFile, groups: &[usize], places: &[usize]) -> PolarsResult<Bytes> {
        let input = Arc::new(Input::open(&file.place).map_err(stored)?);
        if input.len() != file.len {
            polars_bail!(ComputeError: "{} has changed since it was opened: it has {} bytes, and had {}", file.name(), input.len(), file.len);
        }
        let mut fetched = std::collections::HashMap::new();
        if input.is_remote() {
            let names = places.iter().filter(|&&place| place < source.width).map(|&place| source.column(place).0);
            let parts: Vec<(u64, u64)> = names
                .flat_map(|name| groups.iter().flat_map(|&group| chunks(file, group, name)))
                .map(|chunk| (chunk.byte_range().start, chunk.byte_range().end - chunk.byte_range().start))
                .collect();
            let held = parts.iter().map(|(_, len)| *len as usize).sum();
            let take = |number: usize, bytes: Vec<u8>| {
                fetched.insert(parts[number].0, bytes);
                Ok(())
            };
            input.read_parts(&parts, held, take).map_err(stored)?;
        }
        Ok(Bytes { input, fetched })
    }

    fn take(&mut self, chunks: &[&ColumnChunkMetadata]) -> PolarsResult<Vec<Vec<u8>>> {
        let one = |chunk: &&ColumnChunkMetadata| {
            let range = chunk.byte_range();
            match self.fetched.remove(&range.start) {
                Some(bytes) => Ok(bytes),
                None => self.input.bytes(range.start, (range.end - range.start) as usize).map_err(stored),
            }
        };
        chunks.iter().map(one).collect()
    }
}
