//! Writing frames.

use polars::prelude::{DataFrame as Rows, PolarsResult, polars_bail};

use super::options::{Choice, Format, Packing, ToCsv, ToIpc, ToJson, ToParquet};
use super::target::Target;
use super::write::Writing;
use crate::error::Result;
use crate::frame::DataFrame;
use crate::frame::lower::{Lowering, partition_task};
use crate::graph::Graph;
use crate::scheduler::{self, Scheduler};
use crate::store::Location;
use crate::task::taken;

impl DataFrame {
    /// Computes the frame and writes it as CSV, a file for each partition; gives the names of the files.
    ///
    /// `to` is a folder, which gets `part-0000.csv` and so on, or names with a `*` for the number: `out/trips-*.csv.gz`, where
    /// `.gz` and `.zst` pack the files; or, of a frame that has one partition, a file.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::dataframe::read_csv;
    /// let folder = tempfile::tempdir()?;
    /// let trips = DataFrame::from_polars(taskloom::polars::df!("zone" => [1, 2, 1], "tip" => [2.0, 0.5, 1.0])?, 2);
    /// let files = trips.to_csv(folder.path().join("trips-*.csv"))?;
    /// assert_eq!(files.len(), 2);
    /// assert_eq!(read_csv(folder.path())?.compute()?.height(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When there are such files already, when one cannot be written, or as [`compute`](DataFrame::compute).
    pub fn to_csv(&self, to: impl Into<Location>) -> Result<Vec<String>> {
        self.to_csv_with(to, &ToCsv::new())
    }

    /// [`to_csv`](DataFrame::to_csv), as the options say.
    ///
    /// # Errors
    /// As [`to_csv`](DataFrame::to_csv).
    pub fn to_csv_with(&self, to: impl Into<Location>, options: &ToCsv) -> Result<Vec<String>> {
        let to = to.into();
        let ToCsv { separator, header, null, present } = options.clone();
        let format = Format::Csv { separator, header, null, packing: packing(&to) };
        self.written("to_csv", &to, &[".csv", ".csv.gz", ".csv.zst", ".tsv", ".txt"], Choice { format, present })
    }

    /// Computes the frame and writes it as lines of JSON, a file for each partition; gives the names of the files, which are
    /// chosen as [`to_csv`](DataFrame::to_csv) does.
    ///
    /// # Errors
    /// As [`to_csv`](DataFrame::to_csv).
    pub fn to_json(&self, to: impl Into<Location>) -> Result<Vec<String>> {
        self.to_json_with(to, &ToJson::new())
    }

    /// [`to_json`](DataFrame::to_json), as the options say.
    ///
    /// # Errors
    /// As [`to_csv`](DataFrame::to_csv).
    pub fn to_json_with(&self, to: impl Into<Location>, options: &ToJson) -> Result<Vec<String>> {
        let to = to.into();
        let choice = Choice { format: Format::Json { packing: packing(&to) }, present: options.present };
        let endings = [".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".json.gz", ".json.zst", ".ndjson", ".ndjson.gz"];
        self.written("to_json", &to, &endings, choice)
    }

    /// Computes the frame and writes it as Arrow's IPC files, one for each partition; gives the names of the files, which are
    /// chosen as [`to_csv`](DataFrame::to_csv) does.
    ///
    /// # Errors
    /// As [`to_csv`](DataFrame::to_csv).
    pub fn to_ipc(&self, to: impl Into<Location>) -> Result<Vec<String>> {
        self.to_ipc_with(to, &ToIpc::new())
    }

    /// [`to_ipc`](DataFrame::to_ipc), as the options say.
    ///
    /// # Errors
    /// As [`to_csv`](DataFrame::to_csv).
    pub fn to_ipc_with(&self, to: impl Into<Location>, options: &ToIpc) -> Result<Vec<String>> {
        let choice = Choice { format: Format::Ipc { compression: options.compression }, present: options.present };
        self.written("to_ipc", &to.into(), &[".arrow", ".ipc", ".feather"], choice)
    }

    /// Computes the frame and writes it as Parquet, a file for each partition; gives the names of the files, which are chosen
    /// as [`to_csv`](DataFrame::to_csv) does.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::dataframe::{ToParquet, read_parquet};
    /// let folder = tempfile::tempdir()?;
    /// let trips = DataFrame::from_polars(taskloom::polars::df!("zone" => [1, 2, 1], "tip" => [2.0, 0.5, 1.0])?, 2);
    /// trips.to_parquet_with(folder.path(), &ToParquet::new().partition_on(["zone"]))?;
    /// assert!(folder.path().join("zone=2/part-0001.parquet").exists() || folder.path().join("zone=2/part-0000.parquet").exists());
    /// assert_eq!(read_parquet(folder.path())?.columns(), ["tip", "zone"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`to_csv`](DataFrame::to_csv).
    pub fn to_parquet(&self, to: impl Into<Location>) -> Result<Vec<String>> {
        self.to_parquet_with(to, &ToParquet::new())
    }

    /// [`to_parquet`](DataFrame::to_parquet), as the options say.
    ///
    /// # Errors
    /// As [`to_csv`](DataFrame::to_csv); or when there is no column that `partition_on` names.
    pub fn to_parquet_with(&self, to: impl Into<Location>, options: &ToParquet) -> Result<Vec<String>> {
        let ToParquet { compression, group, keys, present } = options.clone();
        check_keys(self, &keys)?;
        let keys = keys.iter().map(|key| key.to_string()).collect();
        let choice = Choice { format: Format::Parquet { compression, group, keys }, present };
        self.written("to_parquet", &to.into(), &[".parquet", ".parq", ".pq"], choice)
    }

    fn written(&self, name: &str, to: &Location, endings: &[&str], choice: Choice) -> Result<Vec<String>> {
        let (target, before) = Target::prepare(to, endings, self.npartitions(), choice.present)?;
        let writing = Writing { target, choice };
        let node = self.node();
        let mut lowering = Lowering::new(&[node]);
        let steps: Vec<_> = lowering
            .all(node)
            .into_iter()
            .enumerate()
            .map(|(partition, step)| {
                partition_task(name, vec![step], (writing.clone(), partition), |(writing, partition), rows| {
                    writing.write(*partition, &rows[0])
                })
            })
            .collect();
        drop(lowering);
        let finished = scheduler::run(Graph::lower(&steps), Scheduler::default()).and_then(|written| {
            let written: Vec<Rows> = written.into_iter().map(taken::<Rows>).collect();
            Ok(writing.finish(&written, &before)?)
        });
        if finished.is_err() {
            writing.give_up(&before);
        }
        finished
    }
}

fn check_keys(frame: &DataFrame, keys: &[polars::prelude::PlSmallStr]) -> PolarsResult<()> {
    let schema = frame.schema();
    for key in keys {
        if !schema.contains(key) {
            let error = crate::frame::FrameError::column("to_parquet", key, &schema);
            polars_bail!(ColumnNotFound: "{error}");
        }
    }
    if keys.len() == schema.len() && !keys.is_empty() {
        polars_bail!(ComputeError: "`to_parquet`: all columns are folders, so that none is left for the files");
    }
    Ok(())
}

fn packing(to: &Location) -> Packing {
    let text = to.shown();
    match () {
        () if text.ends_with(".gz") => Packing::Gzip,
        () if text.ends_with(".zst") => Packing::Zstd,
        () => Packing::None,
    }
}
