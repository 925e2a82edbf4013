//! Arrow's IPC files: batches of rows as they are in memory.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use polars::prelude::{
    ArrayRef, Column, DataFrame, DataType, Expr, PlSmallStr, PolarsResult, Schema, SchemaExt, SchemaRef, Series,
    polars_bail, polars_err,
};
use polars_arrow::io::ipc::format::ipc::planus::ReadAsRoot;
use polars_arrow::io::ipc::format::ipc::{MessageHeaderRef, MessageRef, RecordBatchRef};
use polars_arrow::io::ipc::read::{FileMetadata, FileReader, get_row_count_from_blocks, read_file_metadata};

use super::files::{Paths, each, find};
use super::guard::guarded;
use super::names::named;
use super::parts::{Part, Unit, parts};
use super::{Source, places, stored};
use crate::store::Location;
use crate::store::file::Input;
use crate::store::path::StorePath;
use crate::task::Made;

/// A file, and what its footer says.
struct IpcFile {
    place: StorePath,
    len: u64,
    metadata: FileMetadata,
    /// Of each batch.
    rows: Vec<usize>,
    schema: Schema,
}

struct IpcSource {
    files: Vec<IpcFile>,
    /// Batches.
    parts: Vec<Part>,
    schema: SchemaRef,
}

impl Source for IpcSource {
    fn name(&self) -> &str {
        "read_ipc"
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
        named(&self.files[0].name(), self.files.len())
    }

    fn read(&self, partition: usize, columns: Option<&[PlSmallStr]>, _: Option<&Expr>) -> PolarsResult<DataFrame> {
        let part = &self.parts[partition];
        let file = &self.files[part.file];
        let places = places(&self.schema, columns)?;
        let names: Vec<&PlSmallStr> =
            places.iter().filter_map(|&place| self.schema.get_at_index(place)).map(|(name, _)| name).collect();
        let mut projection =
            names.iter().map(|name| file.schema.try_index_of(name)).collect::<PolarsResult<Vec<usize>>>()?;
        projection.sort_unstable();
        if projection.is_empty() {
            return DataFrame::new(part.rows, Vec::new());
        }
        let rows = guarded(|| file.read(part.units.clone(), &projection));
        let rows = rows.map_err(|error| {
            let (first, last) = (part.units.start, part.units.end.saturating_sub(1));
            polars_err!(ComputeError: "{}: the batches {first} to {last} cannot be read: {error}", file.name())
        })?;
        rows.select(names.into_iter().cloned())
    }
}

impl IpcFile {
    fn name(&self) -> String {
        self.place.as_path().display().to_string()
    }

    /// The batches.
    fn units(&self) -> Vec<Unit> {
        let batches = self.metadata.blocks.iter().zip(&self.rows);
        batches.map(|(block, &rows)| Unit { rows, bytes: (block.body_length.max(0) as u64).max(1) }).collect()
    }

    fn open(place: StorePath) -> PolarsResult<IpcFile> {
        let input = Arc::new(Input::open(&place).map_err(stored)?);
        let (name, len) = (place.as_path().display().to_string(), input.len());
        let head = input.bytes(0, len.min(8) as usize).map_err(stored)?;
        if head.starts_with(b"FEA1") {
            polars_bail!(ComputeError: "{name} is of the first version of Feather, which is not read; pyarrow reads it and writes the second");
        }
        if !head.starts_with(b"ARROW1") {
            polars_bail!(ComputeError: "{name} is no file of Arrow's IPC format: it does not begin with `ARROW1`");
        }
        let damaged =
            |error| polars_err!(ComputeError: "{name} is damaged, or not whole: its footer cannot be read: {error}");
        let mut reader = Window { input, at: 0, start: 0, bytes: Vec::new() };
        let metadata = guarded(|| read_file_metadata(&mut reader)).map_err(damaged)?;
        for block in &metadata.blocks {
            let end = u64::try_from(block.offset)
                .ok()
                .zip(u64::try_from(block.meta_data_length).ok())
                .zip(u64::try_from(block.body_length).ok());
            let end = end.and_then(|((offset, head), body)| offset.checked_add(head)?.checked_add(body));
            if end.is_none_or(|end| end > len) {
                return Err(damaged(polars_err!(ComputeError: "a batch is said to be where the file is not")));
            }
        }
        let rows = guarded(|| {
            let count = |block| {
                Ok(usize::try_from(get_row_count_from_blocks(&mut reader, std::slice::from_ref(block))?).unwrap_or(0))
            };
            metadata.blocks.iter().map(count).collect::<PolarsResult<Vec<usize>>>()
        });
        let rows = rows.map_err(damaged)?;
        let schema = guarded(|| Ok(Schema::from_arrow_schema(&metadata.schema))).map_err(damaged)?;
        Ok(IpcFile { place, len, metadata, rows, schema })
    }

    fn read(&self, batches: Range<usize>, projection: &[usize]) -> PolarsResult<DataFrame> {
        let input = Arc::new(Input::open(&self.place).map_err(stored)?);
        if input.len() != self.len {
            polars_bail!(ComputeError: "it has changed since it was opened");
        }
        let mut reader = Window { input, at: 0, start: 0, bytes: Vec::new() };
        let fields: Vec<_> = projection
            .iter()
            .filter_map(|&place| self.metadata.schema.get_at_index(place))
            .map(|(_, field)| field.clone())
            .collect();
        if reader.input.is_remote() && !batches.is_empty() {
            // One request, where each takes long.
            let blocks = &self.metadata.blocks[batches.clone()];
            let start = blocks.iter().map(|block| block.offset as u64).min().unwrap_or(0);
            let end = blocks
                .iter()
                .map(|block| block.offset as u64 + block.meta_data_length as u64 + block.body_length as u64)
                .max();
            reader.start = start;
            reader.bytes = reader.input.bytes(start, (end.unwrap_or(start) - start) as usize).map_err(stored)?;
        }
        let dictionaries = self.metadata.dictionaries.iter().flatten();
        for block in self.metadata.blocks[batches.clone()].iter().chain(dictionaries) {
            let (place, body) = (block.offset as u64, block.offset as u64 + block.meta_data_length as u64);
            reader.check(place, body, block.body_length as u64)?;
        }
        let mut reader = FileReader::new(reader, self.metadata.clone(), Some(projection.to_vec()), None);
        reader.set_current_block(batches.start);
        let mut arrays: Vec<Vec<ArrayRef>> = vec![Vec::new(); fields.len()];
        let mut height = 0;
        for _ in batches {
            let Some(batch) = reader.next().transpose()? else { break };
            height += batch.len();
            for (arrays, array) in arrays.iter_mut().zip(batch.into_arrays()) {
                arrays.push(array);
            }
        }
        let columns = fields.iter().zip(arrays).map(|(field, arrays)| {
            let series = match arrays.is_empty() {
                true => Series::new_empty(field.name.clone(), &DataType::from_arrow_field(field)),
                false => Series::try_from((field, arrays))?,
            };
            Ok(Column::from(series))
        });
        DataFrame::new(height, columns.collect::<PolarsResult<Vec<Column>>>()?)
    }
}

/// A file that is read here and there; of an object a part may be in memory.
struct Window {
    input: Arc<Input>,
    at: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// That the lengths which a block says can be: room is made for what they say.
    fn check(&mut self, place: u64, body: u64, len: u64) -> PolarsResult<()> {
        let damaged = || polars_err!(ComputeError: "a length in the batch at byte {place} cannot be");
        // Four bytes that say a length follows, and the length; in old files the length alone.
        let head = self.input.bytes(place, body.saturating_sub(place) as usize).map_err(stored)?;
        let message = match head.strip_prefix(&[0xff; 4]) {
            Some(rest) => rest.get(4..),
            None => head.get(4..),
        };
        let message = MessageRef::read_as_root(message.ok_or_else(damaged)?).map_err(|_| damaged())?;
        let batch: RecordBatchRef<'_> = match message.header().ok().flatten() {
            Some(MessageHeaderRef::RecordBatch(batch)) => batch,
            Some(MessageHeaderRef::DictionaryBatch(batch)) => batch.data().ok().flatten().ok_or_else(damaged)?,
            _ => return Err(damaged()),
        };
        let is_packed = batch.compression().ok().flatten().is_some();
        if batch.length().ok().and_then(|rows| u32::try_from(rows).ok()).is_none() {
            return Err(damaged());
        }
        for buffer in batch.buffers().ok().flatten().into_iter().flatten() {
            let (start, size) = (buffer.offset() as u64, buffer.length() as u64);
            if start.checked_add(size).is_none_or(|end| end > len) {
                return Err(damaged());
            }
            if is_packed && size >= 8 {
                let mut unpacked = [0; 8];
                self.seek(SeekFrom::Start(body + start))?;
                self.read_exact(&mut unpacked)?;
                let unpacked = i64::from_le_bytes(unpacked);
                // No codec makes more of so little.
                if unpacked != -1
                    && u64::try_from(unpacked).ok().is_none_or(|unpacked| unpacked > size.saturating_mul(1 << 16))
                {
                    return Err(damaged());
                }
            }
        }
        Ok(())
    }
}

impl Read for Window {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = out.len().min(usize::try_from(self.input.len().saturating_sub(self.at)).unwrap_or(usize::MAX));
        let held =
            self.at.checked_sub(self.start).and_then(|from| self.bytes.get(from as usize..from as usize + count));
        match held {
            Some(bytes) => out[..count].copy_from_slice(bytes),
            None => self.input.read_at(self.at, &mut out[..count]).map_err(std::io::Error::other)?,
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(from) => self.input.len().checked_add_signed(from),
            SeekFrom::Current(from) => self.at.checked_add_signed(from),
        };
        self.at = place.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

/// Files of Arrow's IPC format, opened.
///
/// # Errors
/// When files are not there, or are damaged, or have other columns than the first one.
pub(crate) fn open(paths: &Paths) -> PolarsResult<Made<dyn Source>> {
    let found = find(paths, &[".arrow", ".ipc", ".feather"])?;
    let places: Vec<StorePath> = found.into_iter().map(|found| found.place).collect();
    let locations = places.iter().map(StorePath::location).collect::<Result<Vec<Location>, _>>().map_err(stored)?;
    let source = Arc::new(assemble(places)?) as Arc<dyn Source>;
    let made = Made::held(source, locations, |locations| {
        let places = locations.iter().map(Location::resolved).collect::<Result<Vec<_>, _>>();
        let source = assemble(places.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
        Ok(Arc::new(source) as Arc<dyn Source>)
    });
    made.map_err(|why| polars_err!(ComputeError: "{why}"))
}

fn assemble(places: Vec<StorePath>) -> PolarsResult<IpcSource> {
    let files = each(places, IpcFile::open)?;
    let first = &files[0];
    for file in &files[1..] {
        let (one, other) = (first.name(), file.name());
        for (name, dtype) in file.schema.iter() {
            match first.schema.get(name) {
                Some(known) if known == dtype => {}
                Some(known) => {
                    polars_bail!(SchemaMismatch: "column `{name}` is {known} in {one} and {dtype} in {other}: files that \
                    are read together have columns of the same types")
                }
                None => {
                    polars_bail!(SchemaMismatch: "{other} has a column `{name}`, and {one} has not; files that are read together \
                    have the same columns")
                }
            }
        }
        if let Some(name) = first.schema.iter_names().find(|name| !file.schema.contains(name)) {
            polars_bail!(SchemaMismatch: "{one} has a column `{name}`, and {other} has not; files that are read together have the \
                same columns");
        }
    }
    let schema = Arc::new(first.schema.clone());
    let parts = parts(&files.iter().map(IpcFile::units).collect::<Vec<_>>(), None);
    Ok(IpcSource { files, parts, schema })
}
