//! The rows of one block of a file.

use std::sync::Arc;

use polars::prelude::{Column, DataFrame, DataType, PolarsResult, SchemaRef, polars_bail};

use super::super::text::TextFile;
use super::Dialect;
use super::columns::{Cells, Growing};
use super::edge::row_start;
use super::kind::Kind;
use super::scan::{Rows, Scanner, Stop};
use super::wrong::{Mismatches, flaw};
use crate::task::{Pack, Packer, Unpacker, packed};

/// A file of a table.
#[derive(Debug, Clone)]
pub(super) struct TableFile {
    pub(super) file: TextFile,
    /// Where the first row begins.
    pub(super) body: u64,
    /// The places that the file's columns have in the schema, where they are others than those of the first file.
    pub(super) order: Option<Arc<[usize]>>,
}

packed!(TableFile { file, body, order });

/// Part of a file: the rows that begin in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Block {
    pub(super) file: usize,
    pub(super) start: u64,
    pub(super) end: u64,
}

packed!(Block { file, start, end });

/// Files of the same columns.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) files: Arc<[TableFile]>,
    pub(super) schema: SchemaRef,
    pub(super) dialect: Dialect,
    /// How many bytes a row has, about.
    pub(super) row_bytes: u64,
    /// The columns whose types a user gave.
    pub(super) given: Arc<[usize]>,
}

impl Pack for Table {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        let schema = crate::frame::codec::PackedSchema(Arc::clone(&self.schema));
        (self.files.clone(), schema, self.dialect.clone(), self.row_bytes, self.given.clone()).pack(packer)
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        let (files, schema, dialect, row_bytes, given) = Pack::unpack(unpacker)?;
        let crate::frame::codec::PackedSchema(schema) = schema;
        Ok(Table { files, schema, dialect, row_bytes, given })
    }
}

/// So many rows are found before they are parsed: what is known of them stays near to the core.
const ROWS: usize = 1024;

impl Table {
    /// What the values of a column look like.
    fn kind(&self, place: usize) -> Kind {
        self.schema.get_at_index(place).map_or(Kind::Text, |(_, dtype)| Kind::of_type(dtype))
    }

    /// The rows that begin in a block, of the columns at these places of the schema, which are in order.
    pub(super) fn read(&self, block: Block, columns: &[usize]) -> PolarsResult<DataFrame> {
        let TableFile { file, body, order } = &self.files[block.file];
        let width = self.schema.len();
        // A place in the schema, for each column of the file that is wanted.
        let place = |column: usize| order.as_ref().map_or(column, |order| order[column]);
        let (wanted, places): (Vec<usize>, Vec<usize>) =
            (0..width).map(|column| (column, place(column))).filter(|(_, place)| columns.contains(place)).unzip();
        let is_packed = file.packed.is_some();
        let dialect = &self.dialect;
        let kinds: Vec<Kind> = (0..width).map(|column| self.kind(place(column))).collect();
        let start = match is_packed {
            true => 0,
            false => row_start(&*file.input()?, file.len, *body, block.start, dialect, &kinds)?,
        };
        let bytes = match is_packed {
            true => file.len.saturating_mul(4),
            false => block.end.saturating_sub(start),
        };
        // A damaged file may have no rows at all where many were expected.
        let room = (bytes / self.row_bytes.max(1) + bytes / 64 / self.row_bytes.max(1) + 16).min(bytes + 1) as usize;
        let mut growing: Vec<Growing> = places
            .iter()
            .map(|&place| {
                let (name, dtype) = self.schema.get_at_index(place).unwrap_or_else(|| unreachable!("it is in order"));
                Growing::new(name.clone(), dtype.clone(), room)
            })
            .collect();
        let has_text = growing.iter().any(Growing::is_text);
        let scanner = Scanner { dialect, columns: width, wanted: &wanted };
        let mut rows = Rows::default();
        let mut height = 0;
        let mut mismatches = Mismatches::default();
        let mut feed = file.feed(start)?;
        if is_packed {
            feed.skip(*body)?;
        }
        loop {
            let (text, len) = feed.text();
            let until = usize::try_from(block.end.saturating_sub(feed.offset())).unwrap_or(usize::MAX);
            scanner.scan(text, len, (0, until), ROWS, feed.is_all(), &mut rows);
            let whole = &text[..rows.end];
            let is_utf8 = !has_text || std::str::from_utf8(whole).is_ok();
            for (column, growing) in growing.iter_mut().enumerate() {
                let cells = Cells { text: whole, is_utf8, dialect, spans: &rows.spans, columns: wanted.len(), column };
                if mismatches.has(column) {
                    mismatches.more(column, cells);
                } else if let Err(row) = growing.take(cells) {
                    mismatches.first(column, cells, row, feed.offset() + u64::from(rows.starts[row]));
                }
            }
            height += rows.starts.len();
            let (end, stop) = (rows.end, std::mem::take(&mut rows.stop));
            let at = feed.offset() + end as u64;
            if let Stop::Flaw(flawed) = stop {
                return Err(flaw(file, at, &flawed, &self.schema, width));
            }
            feed.consume(end);
            match stop {
                Stop::Enough if at >= block.end => break,
                Stop::Text if !feed.more()? && feed.len() == 0 => break,
                _ => {}
            }
        }
        let end = feed.offset();
        drop(feed);
        if !mismatches.is_empty() {
            let of =
                |column: usize| (&growing[column].name, &growing[column].dtype, self.given.contains(&places[column]));
            return Err(mismatches.error(file, of));
        }
        if block.end < file.len && !is_packed {
            let guessed = row_start(&*file.input()?, file.len, *body, block.end, dialect, &kinds)?;
            if guessed != end {
                polars_bail!(ComputeError:
                    "{}: where a row begins near byte {} cannot be told from there, because of line ends in quotes; read each \
                     file as a whole, with `CsvOptions::new().blocksize(None)`", file.name(), block.end);
            }
        }
        let mut made: Vec<(usize, Column)> = Vec::with_capacity(growing.len());
        for (growing, place) in growing.into_iter().zip(places) {
            let (name, dtype) = (growing.name.clone(), growing.dtype.clone());
            let column = growing.finish().map_err(|error| not_cast(file, &name, &dtype, &error))?;
            made.push((place, column));
        }
        made.sort_by_key(|(place, _)| *place);
        DataFrame::new(height, made.into_iter().map(|(_, column)| column).collect())
    }
}

fn not_cast(
    file: &TextFile,
    name: &str,
    dtype: &DataType,
    error: &polars::prelude::PolarsError,
) -> polars::prelude::PolarsError {
    polars::prelude::polars_err!(ComputeError:
        "{}: column `{name}` cannot be read as {dtype}: {error}; read it as text, with `.dtype(\"{name}\", DataType::String)`, and \
         turn it into another type then", file.name())
}
