//! What a block has that the sample had not, and rows that are none: sentences that say where and what helps.

use polars::prelude::{DataType, PlSmallStr, PolarsError, Schema, polars_err};

use super::super::text::TextFile;
use super::columns::Cells;
use super::kind::Kind;
use super::scan::Flaw;

/// Columns with values that are not of their types.
#[derive(Default)]
pub(super) struct Mismatches(Vec<Mismatch>);

struct Mismatch {
    column: usize,
    /// The first one, and where its row is in the file.
    value: String,
    place: u64,
    /// What those look like that were found since.
    kind: Kind,
}

/// So much of a value is shown.
const SHOWN: usize = 60;

pub(super) fn shown(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

impl Mismatches {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, column: usize) -> bool {
        self.0.iter().any(|mismatch| mismatch.column == column)
    }

    /// The first value of a column that is not of its type, in a row that is at this place of the file.
    pub(super) fn first(&mut self, column: usize, cells: Cells<'_>, row: usize, place: u64) {
        let value = cells.values().find(|(other, _)| *other == row).map_or(&[][..], |(_, value)| value);
        self.0.push(Mismatch { column, value: shown(value), place, kind: Kind::of(value, true) });
        self.more(column, cells);
    }

    /// More values of a column that has had one.
    pub(super) fn more(&mut self, column: usize, cells: Cells<'_>) {
        if let Some(mismatch) = self.0.iter_mut().find(|mismatch| mismatch.column == column) {
            mismatch.kind = cells.values().fold(mismatch.kind, |kind, (_, value)| kind.with(Kind::of(value, true)));
        }
    }

    /// A sentence on all of them. `of` gives the name and the type of a column, and whether a user said the type.
    pub(super) fn error<'a>(
        &self,
        file: &TextFile,
        of: impl Fn(usize) -> (&'a PlSmallStr, &'a DataType, bool),
    ) -> PolarsError {
        let name = file.name();
        let mut found = Vec::new();
        let mut fixes = String::new();
        let mut is_given = true;
        for mismatch in &self.0 {
            let (column, dtype, given) = of(mismatch.column);
            is_given &= given;
            let line = match file.line(mismatch.place) {
                Ok(line) => format!("line {line}"),
                Err(_) => format!("the row at byte {}", mismatch.place),
            };
            let why = if given { "was said to be" } else { "is, from a sample," };
            found.push(format!("column `{column}` {why} {dtype}, and {line} has `{}`", mismatch.value));
            let fits = match Kind::of_type(dtype).with(mismatch.kind).dtype() {
                // The type is of the right kind, and too small.
                fits if fits == *dtype => match &fits {
                    DataType::Float64 | DataType::String => DataType::String,
                    dtype if dtype.is_integer() => DataType::Float64,
                    _ => DataType::String,
                },
                fits => fits,
            };
            fixes.push_str(&format!(".dtype(\"{column}\", {})", code(&fits)));
        }
        let found = found.join("; ");
        let nulls: Vec<String> =
            self.0.iter().filter(|m| is_like_null(&m.value)).map(|m| format!("{:?}", m.value)).collect();
        let or = match nulls.is_empty() {
            true => String::new(),
            false => {
                let mut nulls = nulls;
                nulls.sort();
                nulls.dedup();
                format!(", or say what stands for no value: `.null_values([{}])`", nulls.join(", "))
            }
        };
        let sample = if is_given { "" } else { " or make the sample larger (`.sample(bytes)`)," };
        polars_err!(ComputeError:
            "{name} has values that are not of the types of their columns: {found}. Say the types with \
             `CsvOptions::new(){fixes}`,{sample} and read with `read_csv_with(path, &options)`{or}")
    }
}

fn is_like_null(value: &str) -> bool {
    let names =
        ["na", "n/a", "nan", "null", "none", "nil", "-", "--", "?", ".", "\\n", "#n/a", "missing", "(null)", "<na>"];
    names.iter().any(|name| value.trim().eq_ignore_ascii_case(name))
}

/// A type as one writes it.
fn code(dtype: &DataType) -> String {
    match dtype {
        DataType::Datetime(_, None) => "DataType::Datetime(TimeUnit::Microseconds, None)".to_owned(),
        DataType::Datetime(_, Some(_)) => "DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))".to_owned(),
        other => format!("DataType::{other:?}"),
    }
}

/// A row that is none.
pub(super) fn flaw(file: &TextFile, place: u64, flaw: &Flaw, schema: &Schema, width: usize) -> PolarsError {
    let name = file.name();
    let line = match file.line(place) {
        Ok(line) => format!("line {line}"),
        Err(_) => format!("the row at byte {place}"),
    };
    let column = |column: usize| match schema.get_at_index(column) {
        Some((name, _)) => format!("column `{name}`"),
        None => format!("field {}", column + 1),
    };
    match flaw {
        Flaw::Long { fields } => polars_err!(ComputeError:
            "{name}, {line}: the row has {fields} fields, and there are {width} columns; where the fields that are too many can \
             be left out, `CsvOptions::new().truncate_ragged_lines(true)` does so"),
        Flaw::Open { column: at } => polars_err!(ComputeError:
            "{name}: the row that begins in {line} has a quote in {} that nothing closes; where quotes have no meaning, \
             `CsvOptions::new().quote(None)` says so", column(*at)),
        Flaw::After { column: at, found } => polars_err!(ComputeError:
            "{name}: the row that begins in {line} has {:?} after the closing quote in {}; a quote inside of quotes is written \
             twice, and where quotes have no meaning, `CsvOptions::new().quote(None)` says so", char::from(*found), column(*at)),
    }
}
