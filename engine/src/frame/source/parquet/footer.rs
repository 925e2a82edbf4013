//! What the end of a file says of it.

use std::sync::Arc;

use polars::prelude::{ArrowSchema, PolarsError, PolarsResult, Schema, SchemaExt, polars_bail, polars_err};
use polars_parquet::parquet::read::deserialize_metadata;
use polars_parquet::read::{FileMetadata, infer_schema};

use super::super::guard::guarded;
use super::super::stored;
use crate::store::file::Input;
use crate::store::path::StorePath;

/// A file, and what its footer says.
#[derive(Debug, Clone)]
pub(super) struct ParquetFile {
    pub(super) place: StorePath,
    pub(super) len: u64,
    pub(super) metadata: Arc<FileMetadata>,
    pub(super) fields: Arc<ArrowSchema>,
    pub(super) schema: Arc<Schema>,
}

/// So much is read from the end at once.
const TAIL: u64 = 64 << 10;

impl ParquetFile {
    pub(super) fn name(&self) -> std::path::Display<'_> {
        self.place.as_path().display()
    }

    /// Reads the footer.
    pub(super) fn open(place: StorePath) -> PolarsResult<ParquetFile> {
        let input = Input::open(&place).map_err(stored)?;
        let name = place.as_path().display().to_string();
        let len = input.len();
        if len < 12 {
            polars_bail!(ComputeError: "{name} is no Parquet file: it has {len} bytes, and none has fewer than 12");
        }
        let mut tail = input.bytes(len - TAIL.min(len), TAIL.min(len) as usize).map_err(stored)?;
        match &tail[tail.len() - 4..] {
            b"PAR1" => {}
            b"PARE" => polars_bail!(ComputeError: "{name} is encrypted, and encrypted Parquet is not read"),
            _ => {
                polars_bail!(ComputeError: "{name} is no Parquet file, or not a whole one: it does not end with `PAR1`")
            }
        }
        let size = tail[tail.len() - 8..].first_chunk::<4>().map_or(0, |size| u32::from_le_bytes(*size)) as u64 + 8;
        if size > len - 4 {
            polars_bail!(ComputeError: "{name} is damaged: its footer is said to have {size} bytes, and the file has {len}");
        }
        match size <= tail.len() as u64 {
            true => drop(tail.drain(..tail.len() - size as usize)),
            false => tail = input.bytes(len - size, size as usize).map_err(stored)?,
        }
        let footer = guarded(|| Ok(deserialize_metadata(tail.into())?));
        let metadata = footer.map_err(|error| damaged(&name, &error))?;
        let fields = guarded(|| infer_schema(&metadata)).map_err(|error| damaged(&name, &error))?;
        let schema = guarded(|| Ok(Schema::from_arrow_schema(&fields))).map_err(|error| damaged(&name, &error))?;
        let file = ParquetFile {
            place,
            len,
            metadata: Arc::new(metadata),
            fields: Arc::new(fields),
            schema: Arc::new(schema),
        };
        file.check()?;
        Ok(file)
    }

    /// That what the footer says can be.
    fn check(&self) -> PolarsResult<()> {
        let name = self.name();
        for (number, group) in self.metadata.row_groups.iter().enumerate() {
            if u32::try_from(group.num_rows()).is_err() {
                polars_bail!(ComputeError: "{name} is damaged, or too large: row group {number} is said to have {} rows", group.num_rows());
            }
            for column in group.parquet_columns() {
                let (start, size) =
                    (column.dictionary_page_offset().unwrap_or(column.data_page_offset()), column.compressed_size());
                let end = u64::try_from(start)
                    .ok()
                    .zip(u64::try_from(size).ok())
                    .and_then(|(start, size)| start.checked_add(size));
                if end.is_none_or(|end| end > self.len) {
                    let column = column.descriptor().path_in_schema.join(".");
                    polars_bail!(ComputeError: "{name} is damaged: column `{column}` of row group {number} is said to be at byte {start} with {size} bytes, and the file has {}", self.len);
                }
            }
        }
        Ok(())
    }
}

fn damaged(name: &str, error: &PolarsError) -> PolarsError {
    polars_err!(ComputeError: "{name} is damaged, or no Parquet file: its footer cannot be read: {error}")
}
