//! Splits the table of flights into months.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Terminator, WriterBuilder};

use crate::store::{Entry, MonthWriter, month_file};
use crate::{COLUMNS, MONTH_ROWS, PrepError, REAL_ROWS, Stop, grouped};

/// How the source writes a missing value.
const MISSING: &[u8] = b"NA";

/// Writes the first `quotas[m]` rows of every month of a table into its file in `dir`.
///
/// Everything is read, also when little is kept: only a table that is whole to its last row is trusted.
pub(crate) fn split(table: impl Read, dir: &Path, quotas: &[u64; 12]) -> Result<Vec<Entry>, Stop> {
    let mut months = Months::create(dir, quotas)?;
    months.take(table)?;
    let seen = months.seen;
    if seen != MONTH_ROWS {
        return Err(Stop::Unavailable(format!(
            "the package holds {} flights instead of {}.",
            grouped(seen.iter().sum()),
            grouped(REAL_ROWS)
        )));
    }
    Ok(months.finish()?)
}

/// Writes the first `quotas[m]` rows of every month file in `from` into a file of the same name in `dir`.
pub(crate) fn shorten(from: &Path, dir: &Path, quotas: &[u64; 12]) -> Result<Vec<Entry>, Stop> {
    let mut months = Months::create(dir, quotas)?;
    for month in 0..12 {
        let path = from.join(month_file(month));
        let file = File::open(&path).map_err(|error| PrepError::file("read", &path, error))?;
        months.take(file)?;
    }
    Ok(months.finish()?)
}

struct Months<'a> {
    dir: &'a Path,
    files: Vec<csv::Writer<MonthWriter>>,
    quotas: &'a [u64; 12],
    seen: [u64; 12],
}

impl<'a> Months<'a> {
    fn create(dir: &'a Path, quotas: &'a [u64; 12]) -> Result<Self, PrepError> {
        let mut months = Self { dir, files: Vec::with_capacity(12), quotas, seen: [0; 12] };
        for month in 0..12 {
            let file = MonthWriter::create(dir, month)?;
            let mut file = WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(file);
            file.write_record(COLUMNS).map_err(|error| months.unwritten(month, error))?;
            months.files.push(file);
        }
        Ok(months)
    }

    fn take(&mut self, table: impl Read) -> Result<(), Stop> {
        let broken = |error: csv::Error| Stop::Unavailable(format!("the package's table cannot be read: {error}."));
        let mut reader = ReaderBuilder::new().from_reader(BufReader::with_capacity(256 * 1024, table));
        if !reader.byte_headers().map_err(broken)?.iter().eq(COLUMNS.iter().map(|name| name.as_bytes())) {
            let columns = COLUMNS.len();
            return Err(Stop::Unavailable(format!(
                "the package's table has other columns than the {columns} expected."
            )));
        }
        let mut record = ByteRecord::new();
        while reader.read_byte_record(&mut record).map_err(broken)? {
            let number = std::str::from_utf8(&record[1]).ok().and_then(|text| text.parse::<usize>().ok());
            let Some(month) = number.filter(|month| (1..=12).contains(month)).map(|month| month - 1) else {
                let line = record.position().map_or(0, csv::Position::line);
                return Err(Stop::Unavailable(format!(
                    "line {line} of the package's table has no month from 1 to 12."
                )));
            };
            self.seen[month] += 1;
            if self.seen[month] <= self.quotas[month] {
                let fields = record.iter().map(|field| if field == MISSING { b"" } else { field });
                let written = self.files[month].write_record(fields);
                written.map_err(|error| self.unwritten(month, error))?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<Entry>, PrepError> {
        let rows: Vec<u64> = self.seen.iter().zip(self.quotas).map(|(&seen, &quota)| seen.min(quota)).collect();
        let mut entries = Vec::with_capacity(12);
        for (month, file) in self.files.into_iter().enumerate() {
            let file = file
                .into_inner()
                .map_err(|error| PrepError::file("written", &self.dir.join(month_file(month)), error.into_error()))?;
            entries.push(file.finish(rows[month])?);
        }
        Ok(entries)
    }

    fn unwritten(&self, month: usize, error: csv::Error) -> PrepError {
        let error = match error.into_kind() {
            csv::ErrorKind::Io(error) => error,
            other => io::Error::other(format!("{other:?}")),
        };
        PrepError::file("written", &self.dir.join(month_file(month)), error)
    }
}
