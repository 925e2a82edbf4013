//! Lines of JSON: an object in each.

use std::io::Cursor;
use std::sync::Arc;

use polars::io::ndjson::infer_schema;
use polars::prelude::{
    DataFrame, DataType, Expr, PlSmallStr, PolarsError, PolarsResult, Schema, SchemaRef, json_lines, parse_ndjson,
    polars_bail, polars_err,
};

use super::files::{Paths, each, find};
use super::guard::guarded;
use super::text::TextFile;
use super::{Source, places};
use crate::frame::codec::PackedSchema;
use crate::similar::most_similar;
use crate::task::{Made, packed};

/// How lines of JSON are to be read.
///
/// ```
/// use taskloom::polars::prelude::DataType;
/// let options = taskloom::dataframe::JsonOptions::new().dtype("id", DataType::Int32).blocksize(64 << 20);
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct JsonOptions {
    dtypes: Vec<(PlSmallStr, DataType)>,
    /// `None`: chosen.
    blocksize: Option<u64>,
    sample: usize,
}

impl Default for JsonOptions {
    fn default() -> JsonOptions {
        JsonOptions::new()
    }
}

impl JsonOptions {
    /// Columns and types from a sample.
    pub fn new() -> JsonOptions {
        JsonOptions { dtypes: Vec::new(), blocksize: None, sample: 1 << 20 }
    }

    /// The type of a column, in the place of what a sample says; or a column that the sample has not.
    pub fn dtype(mut self, column: impl AsRef<str>, dtype: DataType) -> JsonOptions {
        self.dtypes.push((column.as_ref().into(), dtype));
        self
    }

    /// About how many bytes of a file are a partition; `None`: each file is one. Files that are packed always are.
    pub fn blocksize(mut self, bytes: impl Into<Option<usize>>) -> JsonOptions {
        self.blocksize = Some(bytes.into().map_or(u64::MAX, |bytes| bytes.max(1) as u64));
        self
    }

    /// How many bytes at the beginning of the first and of the last file are looked at to find columns and types.
    pub fn sample(mut self, bytes: usize) -> JsonOptions {
        self.sample = bytes.max(1);
        self
    }
}

/// Part of a file: the lines that begin in it.
#[derive(Debug, Clone, Copy)]
struct Block {
    file: usize,
    start: u64,
    end: u64,
}

packed!(Block { file, start, end });

struct JsonSource {
    files: Vec<TextFile>,
    blocks: Vec<Block>,
    schema: SchemaRef,
}

impl Source for JsonSource {
    fn name(&self) -> &str {
        "read_json"
    }
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }
    fn npartitions(&self) -> usize {
        self.blocks.len()
    }
    fn bytes(&self, partition: usize) -> Option<u64> {
        let block = self.blocks[partition];
        let file = &self.files[block.file];
        Some(if file.packed.is_some() { file.len.saturating_mul(4) } else { block.end - block.start })
    }
    fn about(&self) -> String {
        super::text::about(self.files.iter())
    }
    fn read(&self, partition: usize, columns: Option<&[PlSmallStr]>, _: Option<&Expr>) -> PolarsResult<DataFrame> {
        let block = self.blocks[partition];
        let wanted: Schema = places(&self.schema, columns)?
            .into_iter()
            .filter_map(|place| self.schema.get_at_index(place))
            .map(|(name, dtype)| (name.clone(), dtype.clone()))
            .collect();
        read(&self.files[block.file], block, &wanted)
    }
}

/// So much is parsed at once.
const PIECE: usize = 4 << 20;

fn read(file: &TextFile, block: Block, wanted: &Schema) -> PolarsResult<DataFrame> {
    let start = match file.packed {
        Some(_) => 0,
        None => line_start(file, block.start)?,
    };
    let mut feed = file.feed_by(start, PIECE)?;
    let mut all: Option<DataFrame> = None;
    let mut height = 0;
    loop {
        let more = feed.more()?;
        let (text, len) = feed.text();
        let text = &text[..len];
        let ends = |text: &[u8]| text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let mut whole = if feed.is_all() { len } else { ends(text) };
        // Lines that begin at the end or behind it are those of the next block.
        let until = usize::try_from(block.end.saturating_sub(feed.offset())).unwrap_or(usize::MAX);
        let is_last = until <= whole;
        if is_last {
            let from = until.saturating_sub(1);
            let end = text[from..whole].iter().position(|&byte| byte == b'\n').map(|end| from + end + 1);
            whole = match (until, end) {
                (0, _) => 0,
                (_, Some(end)) => end,
                (_, None) => whole,
            };
        }
        let mut lines = &text[..whole];
        if feed.offset() == 0 {
            lines = lines.strip_prefix(b"\xef\xbb\xbf").unwrap_or(lines);
        }
        if wanted.is_empty() {
            height += json_lines(lines).count();
        } else if json_lines(lines).next().is_some() {
            let rows = guarded(|| parse_ndjson(lines, None, wanted, false));
            let rows = rows.map_err(|error| wrong(file, feed.offset(), lines, wanted, error))?;
            match &mut all {
                None => all = Some(rows),
                Some(all) => drop(all.vstack_mut_owned(rows)?),
            }
        }
        feed.consume(whole);
        if is_last || (!more && feed.is_all()) {
            break;
        }
    }
    match all {
        _ if wanted.is_empty() => DataFrame::new(height, Vec::new()),
        None => Ok(DataFrame::empty_with_schema(wanted)),
        Some(mut all) => {
            // The parser is not asked for types that it has not.
            for (name, dtype) in wanted.iter() {
                let column = all.column(name)?;
                if column.dtype() != dtype {
                    let column = column
                        .strict_cast(dtype)
                        .map_err(|error| polars_err!(ComputeError: "{}: column `{name}`: {error}", file.name()))?;
                    all.with_column(column)?;
                }
            }
            Ok(all)
        }
    }
}

/// Where the first line begins at or behind a place.
fn line_start(file: &TextFile, place: u64) -> PolarsResult<u64> {
    if place == 0 || place >= file.len {
        return Ok(place.min(file.len));
    }
    let mut feed = file.feed(place - 1)?;
    loop {
        let more = feed.more()?;
        let (text, len) = feed.text();
        if let Some(end) = text[..len].iter().position(|&byte| byte == b'\n') {
            return Ok(feed.offset() + end as u64 + 1);
        }
        feed.consume(len);
        if !more {
            return Ok(file.len);
        }
    }
}

/// The error, with the line that it is about.
fn wrong(file: &TextFile, offset: u64, lines: &[u8], wanted: &Schema, error: PolarsError) -> PolarsError {
    let mut place = 0;
    for line in lines.split_inclusive(|&byte| byte == b'\n') {
        if let Err(error) = guarded(|| parse_ndjson(line, Some(1), wanted, false)) {
            let error = error.to_string();
            let line = match file.line(offset + place) {
                Ok(line) => format!("line {line}"),
                Err(_) => format!("the line at byte {}", offset + place),
            };
            // Of which column, when one of them alone is wrong too.
            let is_wrong = |(name, dtype): &(&PlSmallStr, &DataType)| {
                let one = Schema::from_iter([((*name).clone(), (*dtype).clone())]);
                let rest = &lines[place as usize..];
                let end = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |end| end + 1);
                guarded(|| parse_ndjson(&rest[..end], Some(1), &one, false)).is_err()
            };
            let mut columns = wanted.iter().filter(is_wrong);
            return match (columns.next(), wanted.len() > 1 && columns.next().is_some()) {
                (Some((name, dtype)), false) => polars_err!(ComputeError:
                    "{}, {line}: column `{name}` is, from a sample or as it was said, {dtype}, and that does not fit: {error}; \
                     `JsonOptions::new().dtype(\"{name}\", …)` says another type", file.name()),
                _ => polars_err!(ComputeError: "{}, {line}: {error}", file.name()),
            };
        }
        place += line.len() as u64;
    }
    polars_err!(ComputeError: "{}: {error}", file.name())
}

/// Files of lines of JSON, opened.
///
/// # Errors
/// When files are not there or cannot be read, or the sample is not JSON.
pub(crate) fn open(paths: &Paths, options: &JsonOptions) -> PolarsResult<Made<dyn Source>> {
    const ENDINGS: [&str; 9] =
        [".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".json.gz", ".json.zst", ".ndjson", ".ndjson.gz", ".ndjson.zst"];
    let files = each(find(paths, &ENDINGS)?, |found| TextFile::open(found.place))?;
    let mut schema = sample(&files, options)?;
    let names: Vec<PlSmallStr> = schema.iter_names().cloned().collect();
    for (name, dtype) in &options.dtypes {
        if !schema.contains(name)
            && let Some(near) = most_similar(name, &names, |name| name.as_str())
        {
            polars_bail!(ComputeError: "a type is given for the column `{name}`, and the sample has none of that name; is `{near}` meant?");
        }
        schema.insert(name.clone(), dtype.clone());
    }
    let total: u64 = files.iter().map(|file| file.len).sum();
    let threads = crate::num_threads().unwrap_or(4) as u64;
    let size = options.blocksize.unwrap_or_else(|| (total / (4 * threads)).clamp(8 << 20, 32 << 20));
    let mut blocks = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let parts = if file.packed.is_some() { 1 } else { file.len.div_ceil(size).max(1) };
        let edge = |part: u64| match file.packed {
            Some(_) => {
                if part == 0 {
                    0
                } else {
                    u64::MAX
                }
            }
            None => (u128::from(file.len) * u128::from(part) / u128::from(parts)) as u64,
        };
        blocks.extend((0..parts).map(|part| Block { file: number, start: edge(part), end: edge(part + 1) }));
    }
    let schema = Arc::new(schema);
    let parameters = (files.clone(), blocks.clone(), PackedSchema(Arc::clone(&schema)));
    let source = Arc::new(JsonSource { files, blocks, schema }) as Arc<dyn Source>;
    let made = Made::held(source, parameters, |(files, blocks, PackedSchema(schema))| {
        let source = JsonSource { files: files.clone(), blocks: blocks.clone(), schema: Arc::clone(schema) };
        Ok(Arc::new(source) as Arc<dyn Source>)
    });
    made.map_err(|why| polars_err!(ComputeError: "{why}"))
}

/// The columns of the first and of the last file.
fn sample(files: &[TextFile], options: &JsonOptions) -> PolarsResult<Schema> {
    let mut all = Vec::new();
    let last = files.last().filter(|_| files.len() > 1);
    for file in files.iter().find(|file| file.len > 0).into_iter().chain(last) {
        let mut most = options.sample;
        loop {
            let (text, is_all) = file.head(most)?;
            let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
            let end = match is_all {
                true => text.len(),
                false => text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1),
            };
            if end == 0 && !is_all {
                most *= 4;
                continue;
            }
            let lines = &text[..end];
            if lines.trim_ascii_start().starts_with(b"[") {
                polars_bail!(ComputeError: "{} is one array of JSON, and what is read here has an object in each line", file.name());
            }
            let mut place = 0;
            if let Err(error) = guarded(|| infer_schema(&mut Cursor::new(lines), None)) {
                for line in lines.split_inclusive(|&byte| byte == b'\n') {
                    if let Err(error) = guarded(|| infer_schema(&mut Cursor::new(line), None))
                        && !line.trim_ascii().is_empty()
                    {
                        polars_bail!(ComputeError: "{}, line {}: {error}", file.name(), file.line(place)?);
                    }
                    place += line.len() as u64;
                }
                if json_lines(lines).next().is_some() {
                    polars_bail!(ComputeError: "{}: {error}", file.name());
                }
            }
            all.extend_from_slice(lines);
            all.push(b'\n');
            break;
        }
    }
    if json_lines(&all).next().is_none() {
        let name = files.first().map(|file| file.name().to_string()).unwrap_or_default();
        polars_bail!(ComputeError: "{name} is empty: it has no lines");
    }
    let mut schema = guarded(|| infer_schema(&mut Cursor::new(&all), None))?;
    let nulls: Vec<PlSmallStr> =
        schema.iter().filter(|(_, dtype)| dtype.is_null()).map(|(name, _)| name.clone()).collect();
    nulls.iter().for_each(|name| drop(schema.set_dtype(name, DataType::String)));
    Ok(schema)
}
