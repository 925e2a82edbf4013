//! Columns that grow by the fields of rows.

use polars::prelude::{
    BooleanChunked, Column as PolarsColumn, DataType, Float32Chunked, Float64Chunked, Int8Chunked, Int16Chunked,
    Int32Chunked, Int64Chunked, IntoColumn, IntoSeries, PlSmallStr, PolarsResult, Series, StringChunked, TimeUnit,
    TimeZone, UInt8Chunked, UInt16Chunked, UInt32Chunked, UInt64Chunked,
};
use polars_arrow::array::MutableBinaryViewArray;
use polars_arrow::bitmap::{Bitmap, MutableBitmap};

use super::Dialect;
use super::scan::Span;
use super::value::{Integer, LastDay, boolean, date, float, moment, single};

/// The fields of one column in some rows.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a> {
    pub(super) text: &'a [u8],
    /// Whether all of the text is UTF-8.
    pub(super) is_utf8: bool,
    pub(super) dialect: &'a Dialect,
    /// Those of all columns, row by row.
    pub(super) spans: &'a [Span],
    pub(super) columns: usize,
    pub(super) column: usize,
}

impl<'a> Cells<'a> {
    #[inline(always)]
    fn spans(self) -> impl ExactSizeIterator<Item = Span> + 'a {
        let (column, columns) = (self.column, self.columns);
        self.spans.chunks_exact(columns).map(move |row| row[column])
    }

    /// The fields with values in them, each with its row.
    pub(super) fn values(self) -> impl Iterator<Item = (usize, &'a [u8])> {
        let rows = self.spans().enumerate().map(move |(row, span)| (row, span.of(self.text)));
        rows.filter(move |(_, field)| !field.trim_ascii().is_empty() && !self.dialect.is_null(field))
    }
}

/// Which values are there, once some are not.
#[derive(Default)]
struct Validity(Option<MutableBitmap>);

impl Validity {
    #[inline(always)]
    fn there(&mut self) {
        if let Some(bits) = &mut self.0 {
            bits.push(true);
        }
    }

    /// One more after so many.
    fn missing(&mut self, len: usize) {
        self.0.get_or_insert_with(|| MutableBitmap::from_len_set(len)).push(false);
    }

    fn finish(self) -> Option<Bitmap> {
        self.0.map(MutableBitmap::freeze)
    }
}

enum Values {
    Boolean(MutableBitmap),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Date(Vec<i32>),
    Moments {
        ticks: Vec<i64>,
        unit: TimeUnit,
        zone: Option<TimeZone>,
        last: LastDay,
    },
    /// Text, which is turned into something else at the end where the type is another.
    Text(Box<MutableBinaryViewArray<str>>),
}

/// One column of a table that is being read.
pub(super) struct Growing {
    pub(super) name: PlSmallStr,
    pub(super) dtype: DataType,
    values: Values,
    validity: Validity,
}

impl Growing {
    pub(super) fn new(name: PlSmallStr, dtype: DataType, room: usize) -> Growing {
        let values = match &dtype {
            DataType::Boolean => Values::Boolean(MutableBitmap::with_capacity(room)),
            DataType::Int8 => Values::I8(Vec::with_capacity(room)),
            DataType::Int16 => Values::I16(Vec::with_capacity(room)),
            DataType::Int32 => Values::I32(Vec::with_capacity(room)),
            DataType::Int64 => Values::I64(Vec::with_capacity(room)),
            DataType::UInt8 => Values::U8(Vec::with_capacity(room)),
            DataType::UInt16 => Values::U16(Vec::with_capacity(room)),
            DataType::UInt32 => Values::U32(Vec::with_capacity(room)),
            DataType::UInt64 => Values::U64(Vec::with_capacity(room)),
            DataType::Float32 => Values::F32(Vec::with_capacity(room)),
            DataType::Float64 => Values::F64(Vec::with_capacity(room)),
            DataType::Date => Values::Date(Vec::with_capacity(room)),
            DataType::Datetime(unit, zone) if zone.as_ref().is_none_or(|zone| zone == &TimeZone::UTC) => {
                let (unit, zone) = (*unit, zone.clone());
                Values::Moments { ticks: Vec::with_capacity(room), unit, zone, last: LastDay::default() }
            }
            _ => Values::Text(Box::new(MutableBinaryViewArray::with_capacity(room))),
        };
        Growing { name, dtype, values, validity: Validity::default() }
    }

    /// Whether the text has to be UTF-8.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.values, Values::Text(_))
    }

    /// Takes the fields of more rows; or says in which row the first is that is not of the type.
    pub(super) fn take(&mut self, cells: Cells<'_>) -> Result<(), usize> {
        let validity = &mut self.validity;
        match &mut self.values {
            Values::Boolean(bits) => flags(cells, bits, validity),
            Values::I8(values) => numbers(cells, values, validity, i8::parse),
            Values::I16(values) => numbers(cells, values, validity, i16::parse),
            Values::I32(values) => numbers(cells, values, validity, i32::parse),
            Values::I64(values) => numbers(cells, values, validity, i64::parse),
            Values::U8(values) => numbers(cells, values, validity, u8::parse),
            Values::U16(values) => numbers(cells, values, validity, u16::parse),
            Values::U32(values) => numbers(cells, values, validity, u32::parse),
            Values::U64(values) => numbers(cells, values, validity, u64::parse),
            Values::F32(values) => numbers(cells, values, validity, single),
            Values::F64(values) => numbers(cells, values, validity, float),
            Values::Date(values) => numbers(cells, values, validity, date),
            Values::Moments { ticks, unit, zone, last } => {
                let a_second = match unit {
                    TimeUnit::Milliseconds => 1_000,
                    TimeUnit::Microseconds => 1_000_000,
                    TimeUnit::Nanoseconds => 1_000_000_000,
                };
                let has_zone = zone.is_some();
                numbers(cells, ticks, validity, |field| {
                    if !has_zone && field.len() == 10 {
                        // A day is its first moment.
                        return (i64::from(date(field)?) * 86_400).checked_mul(a_second);
                    }
                    let moment = moment(field, last)?;
                    // The time of a place that is not known is no time of day.
                    (has_zone || moment.offset_seconds.is_none()).then(|| moment.ticks(a_second)).flatten()
                })
            }
            Values::Text(values) => texts(cells, values, validity),
        }
    }

    /// The column.
    pub(super) fn finish(self) -> PolarsResult<PolarsColumn> {
        let name = self.name;
        let valid = self.validity.finish();
        let series: Series = match self.values {
            Values::Boolean(bits) => {
                let array = polars_arrow::array::BooleanArray::new(
                    polars_arrow::datatypes::ArrowDataType::Boolean,
                    bits.freeze(),
                    valid,
                );
                BooleanChunked::with_chunk(name, array).into_series()
            }
            Values::I8(values) => Int8Chunked::from_vec_validity(name, values, valid).into_series(),
            Values::I16(values) => Int16Chunked::from_vec_validity(name, values, valid).into_series(),
            Values::I32(values) => Int32Chunked::from_vec_validity(name, values, valid).into_series(),
            Values::I64(values) => Int64Chunked::from_vec_validity(name, values, valid).into_series(),
            Values::U8(values) => UInt8Chunked::from_vec_validity(name, values, valid).into_series(),
            Values::U16(values) => UInt16Chunked::from_vec_validity(name, values, valid).into_series(),
            Values::U32(values) => UInt32Chunked::from_vec_validity(name, values, valid).into_series(),
            Values::U64(values) => UInt64Chunked::from_vec_validity(name, values, valid).into_series(),
            Values::F32(values) => Float32Chunked::from_vec_validity(name, values, valid).into_series(),
            Values::F64(values) => Float64Chunked::from_vec_validity(name, values, valid).into_series(),
            Values::Date(values) => Int32Chunked::from_vec_validity(name, values, valid).into_date().into_series(),
            Values::Moments { ticks, unit, zone, .. } => {
                Int64Chunked::from_vec_validity(name, ticks, valid).into_datetime(unit, zone).into_series()
            }
            Values::Text(values) => {
                let array = values.freeze().with_validity(valid);
                let text = StringChunked::with_chunk(name, array).into_series();
                return cast(text, &self.dtype);
            }
        };
        Ok(series.into_column())
    }
}

/// Text as another type.
fn cast(text: Series, dtype: &DataType) -> PolarsResult<PolarsColumn> {
    use polars::prelude::StringMethods;
    let cast = match dtype {
        DataType::String => text,
        DataType::Time => {
            let times = text.str()?.as_time(None, true)?.into_series();
            if times.null_count() > text.null_count() {
                let wrong = text.filter(&(times.is_null() & text.is_not_null()))?;
                polars::prelude::polars_bail!(ComputeError: "{} is no Time", wrong.get(0)?);
            }
            times
        }
        dtype => text.strict_cast(dtype)?,
    };
    Ok(cast.into_column())
}

/// What a field is when it is not what was asked for at first sight.
enum Odd<'a> {
    Missing,
    Trimmed(&'a [u8]),
}

#[cold]
fn odd<'a>(field: &'a [u8], dialect: &Dialect) -> Option<Odd<'a>> {
    let trimmed = field.trim_ascii();
    match trimmed.is_empty() || dialect.is_null(field) {
        true => Some(Odd::Missing),
        false => (trimmed.len() < field.len()).then_some(Odd::Trimmed(trimmed)),
    }
}

#[inline(always)]
fn numbers<T: Copy + Default>(
    cells: Cells<'_>,
    values: &mut Vec<T>,
    validity: &mut Validity,
    mut parse: impl FnMut(&[u8]) -> Option<T>,
) -> Result<(), usize> {
    let has_nulls = !cells.dialect.nulls.is_empty();
    let spans = cells.spans();
    values.reserve(spans.len());
    for (row, span) in spans.enumerate() {
        let field = span.of(cells.text);
        let parsed = match has_nulls && cells.dialect.is_null(field) {
            true => None,
            false => parse(field),
        };
        if let Some(value) = parsed {
            values.push(value);
            validity.there();
            continue;
        }
        match odd(field, cells.dialect) {
            Some(Odd::Missing) => {
                validity.missing(values.len());
                values.push(T::default());
            }
            Some(Odd::Trimmed(field)) => {
                values.push(parse(field).ok_or(row)?);
                validity.there();
            }
            None => return Err(row),
        }
    }
    Ok(())
}

fn flags(cells: Cells<'_>, bits: &mut MutableBitmap, validity: &mut Validity) -> Result<(), usize> {
    for (row, span) in cells.spans().enumerate() {
        let field = span.of(cells.text);
        let value = match boolean(field) {
            Some(value) if !cells.dialect.is_null(field) => Some(value),
            _ => match odd(field, cells.dialect).ok_or(row)? {
                Odd::Missing => None,
                Odd::Trimmed(field) => Some(boolean(field).ok_or(row)?),
            },
        };
        match value {
            Some(_) => validity.there(),
            None => validity.missing(bits.len()),
        }
        bits.push(value.unwrap_or(false));
    }
    Ok(())
}

fn texts(cells: Cells<'_>, values: &mut MutableBinaryViewArray<str>, validity: &mut Validity) -> Result<(), usize> {
    let dialect = cells.dialect;
    let has_nulls = !dialect.nulls.is_empty();
    let mut scratch = Vec::new();
    for (row, span) in cells.spans().enumerate() {
        let mut field = span.of(cells.text);
        // A text that is there and empty stands in quotes.
        if (field.is_empty() && !span.is_quoted()) || (has_nulls && dialect.is_null(field)) {
            validity.missing(values.len());
            values.push_value_ignore_validity("");
            continue;
        }
        if span.is_doubled() {
            let quote = dialect.quote.unwrap_or(b'"');
            scratch.clear();
            let mut left = field.iter();
            while let Some(&byte) = left.next() {
                scratch.push(byte);
                if byte == quote {
                    left.next();
                }
            }
            field = &scratch;
        }
        if cells.is_utf8 {
            // SAFETY: the text is UTF-8, and a field ends where ASCII characters are.
            values.push_value_ignore_validity(unsafe { std::str::from_utf8_unchecked(field) });
        } else {
            match std::str::from_utf8(field) {
                Ok(field) => values.push_value_ignore_validity(field),
                Err(_) if dialect.is_lossy => values.push_value_ignore_validity(&*String::from_utf8_lossy(field)),
                Err(_) => return Err(row),
            }
        }
        validity.there();
    }
    Ok(())
}
