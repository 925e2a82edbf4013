use polars::prelude::{DataFrame as Rows, df};

use super::*;
use crate::frame::{CsvOptions, DataFrame, read_csv, read_csv_with, read_parquet};

fn rows() -> Rows {
    df!("n" => [Some(1_i64), None, Some(-3), Some(4)], "text" => [Some("a,b"), Some(""), None, Some("line\nend \"q\" é")],
        "x" => [1.5, f64::NAN, -0.25, 1e300], "year" => [2019_i64, 2020, 2019, 2020]).expect("rows")
}

fn names(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        match entry.path().is_dir() {
            true => names.extend(
                self::names(&entry.path()).into_iter().map(|name| format!("{}/{name}", entry.file_name().display())),
            ),
            false => names.push(entry.file_name().to_string_lossy().into_owned()),
        }
    }
    names.sort();
    names
}

#[test]
fn what_is_written_is_read_again() {
    let frame = DataFrame::from_polars(rows(), 3);
    for name in ["a", "b/trips-*.csv", "c/x-*.csv.gz", "d/*.csv.zst"] {
        let folder = tempfile::tempdir().expect("a folder");
        let files = frame.to_csv(folder.path().join(name)).expect("it is written");
        assert_eq!(files.len(), 3);
        let read = read_csv(files).expect("it is opened").compute().expect("it is read");
        assert!(read.equals_missing(&rows()), "{name} {read}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    frame.to_parquet(folder.path()).expect("it is written");
    assert_eq!(names(folder.path()), ["part-0000.parquet", "part-0001.parquet", "part-0002.parquet"]);
    assert!(read_parquet(folder.path()).expect("it is opened").compute().expect("it is read").equals_missing(&rows()));
    let one = DataFrame::from_polars(rows(), 1);
    one.to_csv_with(folder.path().join("one.csv"), &ToCsv::new().separator(';').null_value("NA"))
        .expect("it is written");
    let options = CsvOptions::new().separator(';').null_values(["NA"]);
    assert!(
        read_csv_with(folder.path().join("one.csv"), &options)
            .expect("it is opened")
            .compute()
            .expect("it is read")
            .equals_missing(&rows())
    );
    let error = frame.to_csv(folder.path().join("one.csv")).expect_err("there are three");
    assert!(error.to_string().contains("3 partitions are not written to one file"), "{error}");
}

#[test]
fn folders_are_values_and_files_are_added_or_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let frame = DataFrame::from_polars(rows(), 2);
    let keyed = ToParquet::new().partition_on(["year"]);
    frame.to_parquet_with(folder.path(), &keyed).expect("it is written");
    let all = [
        "year=2019/part-0000.parquet",
        "year=2019/part-0001.parquet",
        "year=2020/part-0000.parquet",
        "year=2020/part-0001.parquet",
    ];
    assert_eq!(names(folder.path()), all);
    let refused = frame.to_parquet_with(folder.path(), &keyed).expect_err("there are some");
    assert!(
        refused
            .to_string()
            .contains("has 4 such files, `year=2019/part-0000.parquet` among them: `.overwrite(true)` replaces them"),
        "{refused}"
    );
    frame.to_parquet_with(folder.path(), &keyed.clone().append(true)).expect("it is written");
    assert_eq!(names(folder.path()).len(), 8);
    // It is read while it is replaced.
    let read = read_parquet(folder.path()).expect("it is opened");
    assert_eq!(read.len().expect("it is known"), 8);
    read.to_parquet_with(folder.path(), &ToParquet::new().overwrite(true)).expect("it is written");
    let after = names(folder.path());
    assert_eq!(after.len(), 8, "{after:?}");
    assert!(after.iter().all(|name| name.starts_with("part-")), "{after:?}");
    assert_eq!(read_parquet(folder.path()).expect("it is opened").compute().expect("it is read").height(), 8);
    let wrong =
        frame.to_parquet_with(folder.path(), &ToParquet::new().partition_on(["yaer"])).expect_err("there is none");
    assert!(wrong.to_string().contains("is \"year\" meant?"), "{wrong}");
}

#[test]
fn what_fails_leaves_nothing_that_reads_as_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = DataFrame::from_polars(rows(), 2);
    good.to_parquet(folder.path()).expect("it is written");
    let before = names(folder.path());
    let bad = folder.path().join("bad.csv");
    std::fs::write(&bad, format!("a\n{}x\n", "1\n".repeat(200_000))).expect("it is written");
    let bad = read_csv_with(
        &bad,
        &CsvOptions::new().sample(100).blocksize(100_000).dtype("a", polars::prelude::DataType::Int64),
    )
    .expect("it is opened");
    assert!(bad.npartitions() > 2);
    bad.to_parquet_with(folder.path(), &ToParquet::new().overwrite(true)).expect_err("a value is wrong");
    bad.to_csv(folder.path().join("new-*.csv")).expect_err("a value is wrong");
    bad.to_csv("memory://failed/new-*.csv").expect_err("a value is wrong");
    // A task that had begun may take a moment to see that nobody waits for it.
    let visible = |name: &String| name != "bad.csv" && !name.starts_with('.');
    let after: Vec<String> = names(folder.path()).into_iter().filter(visible).collect();
    assert_eq!(after, before);
    assert!(read_parquet(folder.path()).expect("it is opened").compute().expect("it is read").equals_missing(&rows()));
}

#[test]
fn object_stores_are_written_and_read() {
    let frame = DataFrame::from_polars(rows(), 2);
    let at = |name: &str| format!("memory://frames/{name}");
    let read = |frame: crate::Result<DataFrame>| frame.expect("it is opened").compute().expect("it is read");
    frame.to_parquet(at("parquet")).expect("it is written");
    assert!(read(read_parquet(at("parquet"))).equals_missing(&rows()));
    assert!(read(read_parquet(at("parquet/part-*1.parquet"))).equals_missing(&rows().slice(2, 2)));
    frame.to_parquet_with(at("keyed"), &ToParquet::new().partition_on(["year"])).expect("it is written");
    assert_eq!(read(read_parquet(at("keyed"))).get_column_names(), ["n", "text", "x", "year"]);
    frame.to_parquet_with(at("keyed"), &ToParquet::new()).expect_err("there are some");
    frame.to_parquet_with(at("keyed"), &ToParquet::new().overwrite(true)).expect("it is written");
    assert!(read(read_parquet(at("keyed"))).equals_missing(&rows()));
    frame.to_csv(at("csv/*.csv.gz")).expect("it is written");
    assert!(read(read_csv(at("csv/*.csv.gz"))).equals_missing(&rows()));
    DataFrame::from_polars(rows(), 1).to_csv(at("one.csv")).expect("it is written");
    assert!(read(read_csv_with(at("one.csv"), &CsvOptions::new().blocksize(30))).equals_missing(&rows()));
    frame.to_ipc_with(at("ipc"), &ToIpc::new().compression("zstd")).expect("it is written");
    assert!(read(crate::frame::read_ipc(at("ipc"))).equals_missing(&rows()));
    frame.select([polars::prelude::col("n"), polars::prelude::col("text")]).to_json(at("json")).expect("it is written");
    let expected = rows().select(["n", "text"]).expect("they are there");
    assert!(read(crate::frame::read_json(at("json"))).equals_missing(&expected));
    let error = read_csv(at("csvs/*.csv")).err().expect("there is none").to_string();
    assert!(error.contains("nothing matches memory://frames/csvs/*.csv"), "{error}");
}
