//! Which columns files have, of which types, and how the files are cut into blocks.

use std::sync::Arc;

use polars::prelude::{
    DataFrame, DataType, Expr, PlSmallStr, PolarsResult, Schema, SchemaRef, polars_bail, polars_err,
};

use super::super::files::{Paths, each, find};
use super::super::text::{PAD, TextFile};
use super::super::{Source, places};
use super::block::{Block, Table, TableFile};
use super::edge::row_start;
use super::kind::Kind;
use super::options::Blocksize;
use super::scan::{First, Rows, Scanner, Stop};
use super::wrong::flaw;
use super::{CsvOptions, Dialect};
use crate::similar::most_similar;
use crate::task::Made;

/// Files of CSV.
struct CsvSource {
    table: Table,
    blocks: Vec<Block>,
}

impl Source for CsvSource {
    fn name(&self) -> &str {
        "read_csv"
    }
    fn schema(&self) -> &SchemaRef {
        &self.table.schema
    }
    fn npartitions(&self) -> usize {
        self.blocks.len()
    }
    fn bytes(&self, partition: usize) -> Option<u64> {
        let block = self.blocks[partition];
        let file = &self.table.files[block.file].file;
        Some(match file.packed {
            Some(_) => file.len,
            None => block.end - block.start,
        })
    }
    fn about(&self) -> String {
        super::super::text::about(self.table.files.iter().map(|file| &file.file))
    }
    fn read(&self, partition: usize, columns: Option<&[PlSmallStr]>, _: Option<&Expr>) -> PolarsResult<DataFrame> {
        self.table.read(self.blocks[partition], &places(&self.table.schema, columns)?)
    }
}

/// Files of CSV, opened.
///
/// # Errors
/// When files are not there, or cannot be read, or have other columns than the first one, or a type is given for a column
/// that there is not.
pub(crate) fn open(paths: &Paths, options: &CsvOptions) -> PolarsResult<Made<dyn Source>> {
    const ENDINGS: [&str; 6] = [".csv", ".csv.gz", ".csv.zst", ".tsv", ".tsv.gz", ".tsv.zst"];
    let files = each(find(paths, &ENDINGS)?, |found| TextFile::open(found.place))?;
    let dialect = Dialect {
        separator: options.separator,
        quote: options.quote,
        comment: options.comment.clone().map(String::into_bytes),
        nulls: options.null_values.iter().map(|value| value.clone().into_bytes()).collect(),
        truncates: options.truncates,
        is_lossy: options.is_lossy,
    };
    let heads = each(files, |file| head(file, options, &dialect))?;
    let Some(first) = heads.iter().find(|head| head.has_columns()) else {
        let name = heads.first().map(|head| head.file.name().to_string()).unwrap_or_default();
        match heads.len() {
            0 | 1 => polars_bail!(ComputeError: "{name} is empty: it has no header and no rows"),
            count => {
                polars_bail!(ComputeError: "{name} and {} more files are empty: none has a header or a row", count - 1)
            }
        }
    };
    let names = column_names(first, options)?;
    let (first_file, first_body) = (first.file.clone(), first.body);
    let mut table_files = Vec::with_capacity(heads.len());
    for head in &heads {
        let order = if head.has_columns() { order(head, first, &names, options)? } else { None };
        // A file with nothing in it has no rows.
        let body = if head.has_columns() { head.body } else { head.file.len };
        table_files.push(TableFile { file: head.file.clone(), body, order });
    }
    let sampled = sample(&table_files, &first_file, first_body, names.len(), options, &dialect, &names)?;
    let mut schema: Schema =
        names.iter().zip(&sampled.kinds).map(|(name, kind)| (name.clone(), kind.dtype())).collect();
    let mut given = Vec::new();
    for (name, dtype) in &options.dtypes {
        let Some(place) = schema.index_of(name) else {
            let near = most_similar(name, &names, |name| name.as_str());
            let all = || names.iter().take(20).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let near = near.map_or_else(|| format!("; it has {}", all()), |near| format!("; is `{near}` meant?"));
            polars_bail!(ComputeError: "a type is given for the column `{name}`, and {} has none of that name{near}", first_file.name());
        };
        schema.set_dtype(name, dtype.clone());
        given.push(place);
    }
    let files: Arc<[TableFile]> = table_files.into();
    let blocks = blocks(&files, options.blocksize);
    let table = Table { files, schema: Arc::new(schema), dialect, row_bytes: sampled.row_bytes, given: given.into() };
    let parameters = (table.clone(), blocks.clone());
    let made = Made::held(Arc::new(CsvSource { table, blocks }) as Arc<dyn Source>, parameters, |(table, blocks)| {
        Ok(Arc::new(CsvSource { table: Table::clone(table), blocks: Vec::clone(blocks) }) as Arc<dyn Source>)
    });
    made.map_err(|why| polars_err!(ComputeError: "{why}"))
}

/// The beginning of a file.
struct Head {
    file: TextFile,
    /// The fields of the first row that is one.
    fields: Vec<String>,
    /// Where the first row of values begins.
    body: u64,
}

impl Head {
    fn has_columns(&self) -> bool {
        !self.fields.is_empty()
    }
}

fn head(file: TextFile, options: &CsvOptions, dialect: &Dialect) -> PolarsResult<Head> {
    let mut most = 64 << 10;
    loop {
        let (mut text, is_all) = file.head(most)?;
        let len = text.len();
        let mut from = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
            polars_bail!(ComputeError: "{} is UTF-16, and only UTF-8 is read: save it as UTF-8", file.name());
        }
        let mut lines = options.skip_rows;
        while lines > 0 && from < len {
            from = text[from..].iter().position(|&byte| byte == b'\n').map_or(len, |end| from + end + 1);
            lines -= 1;
        }
        text.resize(len + PAD, 0);
        match Scanner::first(&text, len, from, is_all, dialect) {
            Ok(Some(First { spans, start, end })) => {
                let text = &text[..len];
                let fields = spans.iter().map(|span| header_field(span.of(text), span.is_doubled(), dialect)).collect();
                let body = if options.has_header { end } else { start };
                return Ok(Head { file, fields, body: body as u64 });
            }
            Ok(None) if is_all => return Ok(Head { file, fields: Vec::new(), body: len as u64 }),
            Ok(None) if most >= super::super::text::LONGEST => {
                polars_bail!(ComputeError: "{}: the first row does not end in {} MB", file.name(), most >> 20)
            }
            Ok(None) => most *= 8,
            Err(flawed) => return Err(flaw(&file, from as u64, &flawed, &Schema::default(), 0)),
        }
    }
}

fn header_field(field: &[u8], is_doubled: bool, dialect: &Dialect) -> String {
    let text = String::from_utf8_lossy(field);
    match (is_doubled, dialect.quote) {
        (true, Some(quote)) => {
            let quote = char::from(quote);
            text.replace(&format!("{quote}{quote}"), &quote.to_string())
        }
        _ => text.into_owned(),
    }
}

/// The names of the columns, none twice.
fn column_names(head: &Head, options: &CsvOptions) -> PolarsResult<Vec<PlSmallStr>> {
    let count = head.fields.len();
    let mut names: Vec<PlSmallStr> = match (&options.names, options.has_header) {
        (Some(names), _) if names.len() != count => polars_bail!(ComputeError:
            "{} has {count} columns, and {} names are given", head.file.name(), names.len()),
        (Some(names), _) => names.clone(),
        (None, true) => head.fields.iter().map(|field| field.as_str().into()).collect(),
        (None, false) => (1..=count).map(|number| format!("column_{number}").into()).collect(),
    };
    let mut seen = std::collections::HashSet::new();
    for name in &mut names {
        let plain = name.clone();
        let mut number = 0;
        // As Polars names them.
        while !seen.insert(name.clone()) {
            *name = format!("{plain}_duplicated_{number}").into();
            number += 1;
        }
    }
    Ok(names)
}

/// The places of a file's columns among those of the first, where they are others.
fn order(head: &Head, first: &Head, names: &[PlSmallStr], options: &CsvOptions) -> PolarsResult<Option<Arc<[usize]>>> {
    if head.fields.len() == first.fields.len() && (!options.has_header || head.fields == first.fields) {
        return Ok(None);
    }
    let (one, other) = (first.file.name(), head.file.name());
    if !options.has_header || options.names.is_some() {
        polars_bail!(ComputeError: "{other} has {} columns, and {one} has {}", head.fields.len(), first.fields.len());
    }
    let mine = column_names(head, options)?;
    if let Some(extra) = mine.iter().find(|name| !names.contains(name)) {
        polars_bail!(ComputeError: "{other} has a column `{extra}` that {one} has not; files that are read together have the \
            same columns");
    }
    if let Some(missing) = names.iter().find(|name| !mine.contains(name)) {
        polars_bail!(ComputeError: "{other} has no column `{missing}`, and {one} has; files that are read together have the \
            same columns");
    }
    let place = |name: &PlSmallStr| names.iter().position(|other| other == name);
    Ok(mine.iter().map(place).collect())
}

struct Sampled {
    kinds: Vec<Kind>,
    row_bytes: u64,
}

/// So much is looked at in places other than the beginning.
const ELSEWHERE: usize = 64 << 10;

/// What the values look like in some places: the beginning of the first file, further on in it, and the beginning of the
/// last file.
fn sample(
    files: &[TableFile],
    first: &TextFile,
    body: u64,
    width: usize,
    options: &CsvOptions,
    dialect: &Dialect,
    names: &[PlSmallStr],
) -> PolarsResult<Sampled> {
    let wanted: Vec<usize> = (0..width).collect();
    let scanner = Scanner { dialect, columns: width, wanted: &wanted };
    let mut kinds = vec![Kind::Nothing; width];
    let (mut rows, mut seen, mut count) = (Rows::default(), 0, 0);
    let mut look = |text: &mut Vec<u8>, from: usize, is_all: bool, order: Option<&[usize]>| {
        let len = text.len();
        text.resize(len + PAD, 0);
        let from = from.min(len);
        scanner.scan(text, len, (from, len), usize::MAX, is_all, &mut rows);
        (seen, count) = (seen + rows.end - from, count + rows.starts.len());
        for row in rows.spans.chunks_exact(width) {
            for (column, span) in row.iter().enumerate() {
                let field = span.of(text);
                let kind = &mut kinds[order.map_or(column, |order| order[column])];
                if *kind != Kind::Text && !field.is_empty() && !dialect.is_null(field) {
                    *kind = kind.with(Kind::of(field, options.dates));
                }
            }
        }
        std::mem::take(&mut rows.stop)
    };
    let (mut text, is_all) = first.head(body as usize + options.sample)?;
    if let Stop::Flaw(flawed) = look(&mut text, body as usize, is_all, None) {
        let place = (body as usize + seen) as u64;
        let schema = names.iter().map(|name| (name.clone(), DataType::String)).collect();
        return Err(flaw(first, place, &flawed, &schema, width));
    }
    if first.packed.is_none() && !is_all {
        let kinds = vec![Kind::Text; width];
        let input = first.input()?;
        for part in 1..4 {
            let from = row_start(&input, first.len, body, body + (first.len - body) / 4 * part, dialect, &kinds)?;
            let len = (first.len - from).min(ELSEWHERE as u64);
            let mut text = input.bytes(from, len as usize).map_err(super::super::stored)?;
            look(&mut text, 0, from + len == first.len, None);
        }
    }
    if let Some(last) = files.last().filter(|_| files.len() > 1) {
        let (mut text, is_all) = last.file.head(last.body as usize + ELSEWHERE)?;
        look(&mut text, last.body as usize, is_all, last.order.as_deref());
    }
    let row_bytes = (seen / count.max(1)).max(1) as u64;
    Ok(Sampled { kinds, row_bytes })
}

fn blocks(files: &[TableFile], blocksize: Blocksize) -> Vec<Block> {
    let total: u64 = files.iter().map(|file| file.file.len).sum();
    let size = match blocksize {
        // Some for each thread, that none waits for the last one long.
        Blocksize::Chosen => (total / (4 * crate::num_threads().unwrap_or(4) as u64)).clamp(8 << 20, 32 << 20),
        Blocksize::Bytes(bytes) => bytes,
        Blocksize::Files => u64::MAX,
    };
    let mut blocks = Vec::new();
    for (number, TableFile { file, body, .. }) in files.iter().enumerate() {
        if file.packed.is_some() {
            blocks.push(Block { file: number, start: *body, end: u64::MAX });
            continue;
        }
        let len = file.len.saturating_sub(*body);
        let parts = len.div_ceil(size).max(1);
        let edge = |part: u64| body + (u128::from(len) * u128::from(part) / u128::from(parts)) as u64;
        blocks.extend((0..parts).map(|part| Block { file: number, start: edge(part), end: edge(part + 1) }));
    }
    blocks
}
