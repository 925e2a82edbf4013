//! Rows in a format.

use std::io::Write;

use polars::prelude::{
    AnyValue, CsvWriter, DataFrame, DataType, IntoColumn, IpcCompression, IpcWriter, JsonFormat, JsonWriter, NamedFrom,
    ParquetCompression, ParquetWriter, PolarsResult, SerWriter, Series, polars_err,
};

use super::super::source::stored;
use super::options::{Format, Packing};
use super::target::{Present, Target};
use super::whole::Whole;
use crate::store::path::StorePath;
use crate::task::packed;

/// Where and how partitions are written.
#[derive(Debug, Clone)]
pub(crate) struct Writing {
    pub(super) target: Target,
    pub(super) choice: super::options::Choice,
}

packed!(Writing { target, choice });

impl Writing {
    /// Writes a partition; gives a row for each file: its name in the folder, the name that it has now, and its rows and
    /// bytes.
    pub(crate) fn write(&self, partition: usize, rows: &DataFrame) -> PolarsResult<DataFrame> {
        let folder = self.target.folder.resolved().map_err(stored)?;
        let name = self.target.name(partition);
        let mut files: Vec<(String, String, u64, u64)> = Vec::new();
        for (below, rows) in self.folders(rows)? {
            let last = format!("{below}{name}");
            let now = match &self.target.run {
                Some(run) => format!("{below}.{name}.{run}.partial"),
                None => last.clone(),
            };
            let bytes = self.one(&folder.join(&now), rows.clone()).map_err(|error| {
                polars_err!(ComputeError: "partition {partition} cannot be written to {}: {error}", folder.join(&last).as_path().display())
            })?;
            if self.target.run.as_ref().is_some_and(|run| given_up().contains(run)) {
                // Nobody waits for it any more.
                folder.join(&now).remove_file().map_err(stored)?;
            }
            files.push((last, now, rows.height() as u64, bytes));
        }
        let texts = |of: fn(&(String, String, u64, u64)) -> String| files.iter().map(of).collect::<Vec<String>>();
        let numbers = |of: fn(&(String, String, u64, u64)) -> u64| files.iter().map(of).collect::<Vec<u64>>();
        DataFrame::new(
            files.len(),
            vec![
                Series::new("file".into(), texts(|file| file.0.clone())).into_column(),
                Series::new("now".into(), texts(|file| file.1.clone())).into_column(),
                Series::new("rows".into(), numbers(|file| file.2)).into_column(),
                Series::new("bytes".into(), numbers(|file| file.3)).into_column(),
            ],
        )
    }

    /// The rows of each folder, which is nothing or ends with `/`.
    fn folders(&self, rows: &DataFrame) -> PolarsResult<Vec<(String, DataFrame)>> {
        let Format::Parquet { keys, .. } = &self.choice.format else { return Ok(vec![(String::new(), rows.clone())]) };
        if keys.is_empty() {
            return Ok(vec![(String::new(), rows.clone())]);
        }
        let parts = rows.partition_by_stable(keys.iter().map(String::as_str), true)?;
        let folder = |part: DataFrame| {
            let mut path = String::new();
            for key in keys {
                path.push_str(&format!("{}={}/", escaped(key), value(part.column(key)?.get(0)?)));
            }
            Ok((path, part.drop_many(keys.iter().map(String::as_str))))
        };
        parts.into_iter().map(folder).collect()
    }

    fn one(&self, path: &StorePath, mut rows: DataFrame) -> PolarsResult<u64> {
        let mut whole = Whole::create(path)?;
        match &self.choice.format {
            Format::Csv { separator, header, null, packing } => packed_by(*packing, &mut whole, |out| {
                let mut writer = CsvWriter::new(out).include_header(*header).with_separator(*separator);
                writer = writer.with_null_value(null.as_str().into()).n_threads(1);
                writer.finish(&mut rows)
            })?,
            Format::Json { packing } => packed_by(*packing, &mut whole, |out| {
                JsonWriter::new(out).with_json_format(JsonFormat::JsonLines).finish(&mut rows)
            })?,
            Format::Ipc { compression } => {
                let compression = match compression {
                    1 => Some(IpcCompression::LZ4),
                    2 => Some(IpcCompression::ZSTD(Default::default())),
                    _ => None,
                };
                // Batches that a partition can be made of.
                IpcWriter::new(&mut whole)
                    .with_compression(compression)
                    .with_record_batch_size(Some(1 << 18))
                    .with_parallel(false)
                    .finish(&mut rows)?;
            }
            Format::Parquet { compression, group, .. } => {
                let compression = match compression {
                    0 => ParquetCompression::Zstd(None),
                    1 => ParquetCompression::Snappy,
                    2 => ParquetCompression::Gzip(None),
                    3 => ParquetCompression::Lz4Raw,
                    4 => ParquetCompression::Brotli(None),
                    _ => ParquetCompression::Uncompressed,
                };
                let writer = ParquetWriter::new(&mut whole).with_compression(compression);
                writer.with_row_group_size(Some(*group)).set_parallel(false).finish(&mut rows)?;
            }
        }
        whole.finish()
    }

    /// Gives files their last names, and removes those that were there and are not any more.
    pub(crate) fn finish(&self, written: &[DataFrame], before: &[String]) -> PolarsResult<Vec<String>> {
        let folder = self.target.folder.resolved().map_err(stored)?;
        let mut names = Vec::new();
        for files in written {
            let (last, now) = (files.column("file")?.str()?, files.column("now")?.str()?);
            for (last, now) in last.iter().flatten().zip(now.iter().flatten()) {
                if last != now
                    && let (StorePath::Local(from), StorePath::Local(to)) = (folder.join(now), folder.join(last))
                {
                    std::fs::rename(&from, &to)
                        .map_err(|error| stored(crate::store::StoreError::io("write", &to, &error)))?;
                }
                names.push(last.to_owned());
            }
        }
        if self.choice.present == Present::Replaced {
            for gone in before.iter().filter(|name| !names.contains(name)) {
                folder.join(gone).remove_file().map_err(stored)?;
            }
        }
        Ok(names.iter().map(|name| folder.join(name).as_path().display().to_string()).collect())
    }

    /// Takes away what was written. `before` are the files that were there.
    pub(crate) fn give_up(&self, before: &[String]) {
        fn remove(folder: &StorePath, ending: &str, depth: usize) {
            for entry in folder.entries().ok().flatten().unwrap_or_default() {
                if entry.folder && entry.name.contains('=') && depth < 16 {
                    remove(&folder.join(&entry.name), ending, depth + 1);
                } else if !entry.folder && entry.name.ends_with(ending) {
                    // What cannot be removed has a name that nobody takes for a file's.
                    let _ = folder.join(&entry.name).remove_file();
                }
            }
        }
        let Ok(folder) = self.target.folder.resolved() else { return };
        if let Some(run) = &self.target.run {
            // A task may still be at it.
            given_up().insert(run.clone());
            remove(&folder, &format!(".{run}.partial"), 0);
        } else if self.choice.present != Present::Replaced {
            let mut there = Vec::new();
            if self.target.collect(&folder, "", 0, &mut there).is_ok() {
                for (name, _) in there.iter().filter(|(name, _)| !before.contains(name)) {
                    let _ = folder.join(name).remove_file();
                }
            }
        }
    }
}

/// The runs that failed in this process.
fn given_up() -> std::sync::MutexGuard<'static, std::collections::HashSet<String>> {
    use std::collections::HashSet;
    use std::sync::{LazyLock, Mutex, PoisonError};
    static RUNS: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
    RUNS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn packed_by(
    packing: Packing,
    whole: &mut Whole,
    write: impl FnOnce(&mut dyn Write) -> PolarsResult<()>,
) -> PolarsResult<()> {
    match packing {
        Packing::None => write(whole),
        Packing::Gzip => {
            let mut out = flate2::write::GzEncoder::new(whole, flate2::Compression::default());
            write(&mut out)?;
            out.finish()?;
            Ok(())
        }
        Packing::Zstd => {
            let mut out = zstd::Encoder::new(whole, 0)?;
            write(&mut out)?;
            out.finish()?;
            Ok(())
        }
    }
}

/// A value as the name of a folder, as Hive writes it.
fn value(value: AnyValue<'_>) -> String {
    match value {
        AnyValue::Null => "__HIVE_DEFAULT_PARTITION__".to_owned(),
        value => {
            let text = match value.dtype() {
                DataType::String => value.str_value().into_owned(),
                _ => value.to_string().trim_matches('"').to_owned(),
            };
            escaped(&text)
        }
    }
}

fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:+ ,@()".contains(&byte) || byte >= 0x80;
    let mut out = Vec::new();
    for byte in text.bytes() {
        match is_plain(byte) {
            true => out.push(byte),
            false => out.extend(format!("%{byte:02X}").into_bytes()),
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}
