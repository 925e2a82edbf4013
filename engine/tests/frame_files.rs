//! Files of tables that pyarrow, pandas and DuckDB wrote, and ours, which they read.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use taskloom::dataframe::{
    CsvOptions, ToCsv, ToIpc, ToParquet, read_csv, read_csv_with, read_ipc, read_json, read_parquet,
};
use taskloom::polars::prelude::{DataFrame as Rows, DataType, df};
use taskloom::prelude::*;

type Done = Result<(), Box<dyn std::error::Error>>;

#[derive(serde::Deserialize)]
struct Expected {
    rows: usize,
    /// How many are missing, and the sum of numbers.
    columns: BTreeMap<String, (usize, Option<f64>)>,
}

fn script(folder: &Path, arguments: &[&str]) -> Done {
    let python = std::env::var("TASKLOOM_FRAME_PYTHON")?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/frame_files.py");
    let done = Command::new(python).arg(script).arg(folder).args(arguments).output()?;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

fn compare(name: &str, rows: &Rows, expected: &Expected) -> Done {
    assert_eq!(rows.height(), expected.rows, "{name}");
    assert_eq!(rows.width(), expected.columns.len(), "{name}: {:?}", rows.get_column_names());
    for (column, (missing, total)) in &expected.columns {
        let found = rows.column(column)?;
        // Of a column without values CSV and JSON do not know what it is.
        assert_eq!(found.null_count(), *missing, "{name}: {column}");
        if let Some(total) = total {
            let found =
                found.cast(&DataType::Float64)?.f64()?.iter().flatten().filter(|value| !value.is_nan()).sum::<f64>();
            assert!((found - total).abs() <= 1e-6 * total.abs().max(1.0), "{name}: {column} {found} {total}");
        }
    }
    Ok(())
}

#[test]
#[ignore = "needs a Python with pyarrow, pandas and duckdb, named by TASKLOOM_FRAME_PYTHON"]
fn files_of_other_tools_are_read() -> Done {
    let folder = tempfile::tempdir()?;
    script(folder.path(), &[])?;
    let expected: BTreeMap<String, Expected> =
        serde_json::from_slice(&std::fs::read(folder.path().join("expected.json"))?)?;
    assert!(expected.len() > 15);
    for (name, expected) in &expected {
        let path = folder.path().join(name);
        let frame = match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("csv" | "gz") if name.starts_with("tab") => read_csv_with(path, &CsvOptions::new().separator('\t'))?,
            Some("csv" | "gz") => read_csv_with(path, &CsvOptions::new().blocksize(10_000))?,
            Some("jsonl") => read_json(path)?,
            Some("arrow" | "feather") => read_ipc(path)?,
            _ => read_parquet(path)?,
        };
        compare(name, &frame.compute()?, expected)?;
    }
    let quoted = read_csv(folder.path().join("quoted.csv"))?.compute()?;
    assert_eq!(quoted.height(), expected["pandas.csv"].rows);
    Ok(())
}

#[test]
#[ignore = "needs a Python with pyarrow, pandas and duckdb, named by TASKLOOM_FRAME_PYTHON"]
fn other_tools_read_ours() -> Done {
    let folder = tempfile::tempdir()?;
    let ours = folder.path().join("ours");
    let numbers: Vec<Option<i64>> = (0..1000).map(|n| (n % 9 > 0).then_some(n)).collect();
    let texts: Vec<Option<String>> = (0..1000).map(|n| (n % 7 > 0).then(|| format!("t \"{n}\", é\nx"))).collect();
    let rows = df!("n" => &numbers, "text" => &texts, "x" => (0..1000).map(|n| n as f64 / 8.0).collect::<Vec<_>>(),
        "key" => (0..1000_i64).map(|n| n % 3).collect::<Vec<_>>())?;
    let frame = DataFrame::from_polars(rows, 3);
    frame.to_parquet(ours.join("parquet"))?;
    frame.to_parquet_with(ours.join("hive"), &ToParquet::new().partition_on(["key"]).compression("snappy"))?;
    frame.to_ipc_with(ours.join("ipc"), &ToIpc::new().compression("lz4"))?;
    let text = frame.with_columns([col("text").fill_null(lit("missing"))]);
    text.to_csv_with(ours.join("csv"), &ToCsv::new())?;
    frame.to_json(ours.join("json"))?;
    let (n, missing) = (numbers.iter().flatten().sum::<i64>(), texts.iter().filter(|text| text.is_none()).count());
    std::fs::write(
        ours.join("expected.json"),
        serde_json::json!({ "rows": 1000, "n": n, "missing": missing }).to_string(),
    )?;
    script(folder.path(), &["check"])
}
