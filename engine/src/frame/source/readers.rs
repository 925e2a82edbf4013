//! Frames of files.

use super::csv::{self, CsvOptions};
use super::files::Paths;
use super::ipc;
use super::ndjson::{self, JsonOptions};
use super::parquet::{self, ParquetOptions};
use crate::error::Result;
use crate::frame::DataFrame;

/// A frame of files of CSV: one, several, all that match a pattern such as `data/2015-*.csv`, or all in a folder.
///
/// Columns and types come from the header and from a sample of the first file. Files are cut into blocks at line ends, each
/// a partition; those that are packed (gzip, zstd) are one partition each. A value that is not of its column's type is an
/// error that names the file, the line, the value, and what to do.
///
/// ```
/// use taskloom::prelude::*;
/// use taskloom::dataframe::read_csv;
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("2015-01.csv"), "tip,paid\n1.5,2015-01-31 10:00:00\n0,2015-01-31 11:00:00\n")?;
/// std::fs::write(folder.path().join("2015-02.csv"), "tip,paid\n2.5,2015-02-01 10:00:00\n")?;
/// let trips = read_csv(folder.path().join("2015-*.csv"))?;
/// assert_eq!(trips.npartitions(), 2);
/// assert_eq!(trips.filter(col("tip").gt(1.0)).compute()?.height(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When there are no such files, or they cannot be read, or differ in their columns.
pub fn read_csv(paths: impl Into<Paths>) -> Result<DataFrame> {
    read_csv_with(paths, &CsvOptions::new())
}

/// A frame of files of CSV, read as the options say.
///
/// ```
/// use taskloom::prelude::*;
/// use taskloom::dataframe::{CsvOptions, read_csv_with};
/// use taskloom::polars::prelude::DataType;
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("a.csv"), "place;tolls\n00501;NA\n10001;5.33\n")?;
/// let options = CsvOptions::new().separator(';').null_values(["NA"]).dtype("place", DataType::String);
/// let tolls = read_csv_with(folder.path().join("a.csv"), &options)?.compute()?;
/// assert_eq!(tolls.column("place")?.str()?.get(0), Some("00501"));
/// assert_eq!(tolls.column("tolls")?.null_count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`read_csv`]; or when a type is given for a column that there is not.
pub fn read_csv_with(paths: impl Into<Paths>, options: &CsvOptions) -> Result<DataFrame> {
    Ok(DataFrame::from_source(csv::open(&paths.into(), options)?))
}

/// A frame of files of Parquet: one, several, all that match a pattern, or all in a folder, where folders that are called
/// `name=value` give a column.
///
/// Opening reads the ends of files only. Of a partition, which is some row groups of a file, only the columns are read that
/// are needed, and row groups are left out in which a filter finds nothing.
///
/// ```
/// use taskloom::prelude::*;
/// use taskloom::dataframe::read_parquet;
/// use taskloom::polars::prelude::{ParquetWriter, df};
/// let folder = tempfile::tempdir()?;
/// for year in [2019, 2020] {
///     let place = folder.path().join(format!("year={year}"));
///     std::fs::create_dir(&place)?;
///     ParquetWriter::new(std::fs::File::create(place.join("a.parquet"))?).finish(&mut df!("tip" => [1.5, 0.0])?)?;
/// }
/// let trips = read_parquet(folder.path())?;
/// assert_eq!(trips.columns(), ["tip", "year"]);
/// assert_eq!(trips.filter(col("year").eq(2020)).compute()?.height(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When there are no such files, or they are damaged, or differ in their columns.
pub fn read_parquet(paths: impl Into<Paths>) -> Result<DataFrame> {
    read_parquet_with(paths, &ParquetOptions::new())
}

/// A frame of files of Parquet, read as the options say.
///
/// # Errors
/// As [`read_parquet`].
pub fn read_parquet_with(paths: impl Into<Paths>, options: &ParquetOptions) -> Result<DataFrame> {
    Ok(DataFrame::from_source(parquet::open(&paths.into(), options)?))
}

/// A frame of files with an object of JSON in each line: one, several, all that match a pattern, or all in a folder; packed
/// (gzip, zstd) or not.
///
/// ```
/// use taskloom::prelude::*;
/// use taskloom::dataframe::read_json;
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("a.jsonl"), "{\"name\": \"Ada\", \"id\": 1}\n{\"name\": \"Bo\"}\n")?;
/// let people = read_json(folder.path().join("*.jsonl"))?;
/// assert_eq!(people.columns(), ["name", "id"]);
/// assert_eq!(people.compute()?.height(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When there are no such files, or they cannot be read, or the first lines are not JSON.
pub fn read_json(paths: impl Into<Paths>) -> Result<DataFrame> {
    read_json_with(paths, &JsonOptions::new())
}

/// A frame of files with an object of JSON in each line, read as the options say.
///
/// # Errors
/// As [`read_json`].
pub fn read_json_with(paths: impl Into<Paths>, options: &JsonOptions) -> Result<DataFrame> {
    Ok(DataFrame::from_source(ndjson::open(&paths.into(), options)?))
}

/// A frame of files of Arrow's IPC format (Feather): one, several, all that match a pattern, or all in a folder.
///
/// ```
/// use taskloom::prelude::*;
/// use taskloom::dataframe::read_ipc;
/// let folder = tempfile::tempdir()?;
/// let trips = DataFrame::from_polars(taskloom::polars::df!("zone" => [1, 2, 1])?, 2);
/// trips.to_ipc(folder.path())?;
/// assert_eq!(read_ipc(folder.path())?.len()?, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When there are no such files, or they are damaged, or differ in their columns.
pub fn read_ipc(paths: impl Into<Paths>) -> Result<DataFrame> {
    Ok(DataFrame::from_source(ipc::open(&paths.into())?))
}
