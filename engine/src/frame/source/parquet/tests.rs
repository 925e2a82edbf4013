use polars::prelude::{
    AnyValue, DataFrame as Rows, DataType, IntoColumn, NamedFrom, ParquetWriter, PlSmallStr, Series, TimeUnit, col, df,
    lit,
};

use super::super::Source;
use super::*;
use crate::frame::source::files::Paths;
use crate::task::Made;

fn range(source: &Made<dyn Source>, partition: usize, column: &str) -> Option<(AnyValue<'static>, AnyValue<'static>)> {
    source.extent(partition, column).map(|extent| (extent.least, extent.greatest))
}

fn all(source: &Made<dyn Source>) -> Rows {
    let mut parts =
        (0..source.npartitions()).map(|part| source.read(part, None, None).unwrap_or_else(|error| panic!("{error}")));
    let mut all = parts.next().expect("there is a partition");
    parts.for_each(|part| {
        all.vstack_mut(&part).expect("the columns are the same");
    });
    all
}

fn write(path: &std::path::Path, rows: &Rows, group: usize) {
    std::fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
    let file = std::fs::File::create(path).expect("a file");
    ParquetWriter::new(file).with_row_group_size(Some(group)).finish(&mut rows.clone()).expect("it is written");
}

fn many() -> Rows {
    let numbers: Vec<i64> = (0..1000).collect();
    let texts: Vec<Option<String>> = (0..1000).map(|n| (n % 7 > 0).then(|| format!("text {}", n % 50))).collect();
    let floats: Vec<Option<f64>> =
        (0..1000).map(|n| if n == 5 { Some(f64::NAN) } else { (n % 11 > 0).then_some(n as f64 / 8.0) }).collect();
    let mut rows = df!("n" => &numbers, "text" => texts, "x" => floats, "flag" => numbers.iter().map(|n| n % 3 == 0).collect::<Vec<_>>()).expect("rows");
    let when = Series::new("when".into(), &numbers)
        .cast(&DataType::Datetime(TimeUnit::Microseconds, None))
        .expect("it can be");
    let day = Series::new("day".into(), numbers.iter().map(|n| (n / 100) as i32).collect::<Vec<_>>())
        .cast(&DataType::Date)
        .expect("it can be");
    let place = rows
        .column("text")
        .expect("it is there")
        .cast(&DataType::from_categories(polars::prelude::Categories::global()))
        .expect("it can be")
        .with_name("place".into());
    rows.with_column(when.into_column()).expect("it fits");
    rows.with_column(day.into_column()).expect("it fits");
    rows.with_column(place).expect("it fits");
    rows
}

#[test]
fn row_groups_are_partitions_and_columns_are_read_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.parquet");
    let rows = many();
    write(&path, &rows, 100);
    let source = open(&Paths::from(&path), &ParquetOptions::new().partition_bytes(1)).expect("it is opened");
    assert_eq!((source.npartitions(), source.rows(3)), (10, Some(100)));
    assert!(all(&source).equals_missing(&rows));
    assert_eq!(range(&source, 3, "n"), Some((AnyValue::Int64(300), AnyValue::Int64(399))));
    assert_eq!(range(&source, 3, "day"), Some((AnyValue::Date(3), AnyValue::Date(3))));
    assert_eq!(range(&source, 3, "x"), None);
    let some: Vec<PlSmallStr> = vec!["x".into(), "n".into()];
    let part = source.read(2, Some(&some), None).expect("it is read");
    assert!(part.equals_missing(&rows.select(["n", "x"]).expect("they are there").slice(200, 100)));
    let none = source.read(2, Some(&[]), None).expect("it is read");
    assert_eq!((none.height(), none.width()), (100, 0));
    let whole = open(&Paths::from(&path), &ParquetOptions::new()).expect("it is opened");
    assert_eq!((whole.npartitions(), whole.rows(0)), (1, Some(1000)));
    assert_eq!(range(&whole, 0, "n"), Some((AnyValue::Int64(0), AnyValue::Int64(999))));
    let text = range(&whole, 0, "text").expect("it is known");
    assert_eq!((text.0.str_value(), text.1.str_value()), ("text 0".into(), "text 9".into()));
}

#[test]
fn predicates_leave_out_row_groups_and_no_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.parquet");
    let rows = many();
    write(&path, &rows, 100);
    let source = open(&Paths::from(&path), &ParquetOptions::new()).expect("it is opened");
    let read = |predicate| source.read(0, None, Some(&predicate)).expect("it is read").height();
    assert_eq!(read(col("n").lt(lit(150))), 200);
    assert_eq!(read(lit(150).gt(col("n")).and(col("x").is_not_null())), 200);
    assert_eq!(read(col("n").gt_eq(lit(900)).and(col("n").lt(lit(950)))), 100);
    assert_eq!(read(col("n").eq(lit(-1))), 0);
    assert_eq!(read(col("n").gt(lit(1e9))), 0);
    assert_eq!(read(col("text").gt(lit("zzz"))), 0);
    // The first row group has one that is not a number, which is greater than all numbers.
    assert_eq!(read(col("x").gt(lit(1e9))), 1000);
    assert_eq!(read(col("x").lt(lit(1.0))), 100);
    assert_eq!(read(col("n").lt(lit(150)).or(col("x").lt(lit(0)))), 1000);
    let predicates = [
        col("n").lt(lit(150)),
        col("x").gt(lit(100.0)),
        col("x").lt(lit(3)),
        col("flag").eq(lit(true)),
        col("text").eq(lit("text 7")),
        col("day").gt(lit(4).cast(DataType::Date)),
        col("n").eq(lit(77)).and(col("x").lt_eq(lit(9.625))),
        col("x").gt_eq(lit(f64::NAN)),
    ];
    for predicate in predicates {
        use polars::prelude::IntoLazy;
        let read = source
            .read(0, None, Some(&predicate))
            .expect("it is read")
            .lazy()
            .filter(predicate.clone())
            .collect()
            .expect("it runs");
        let expected = rows.clone().lazy().filter(predicate.clone()).collect().expect("it runs");
        assert!(read.equals_missing(&expected), "{predicate}");
    }
}

#[test]
fn files_have_the_same_columns_or_say_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let wrong = |pattern: &str, options: &ParquetOptions| {
        let error = open(&Paths::from(at(pattern)), options).err().expect("it is refused");
        error.to_string().replace(&format!("{}/", folder.path().display()), "")
    };
    write(&at("a1.parquet"), &df!("n" => [1, 2], "x" => [1.0, 2.0]).expect("rows"), 10);
    write(&at("a2.parquet"), &df!("x" => [3.0], "n" => [3]).expect("rows"), 10);
    write(&at("b2.parquet"), &df!("n" => [3]).expect("rows"), 10);
    write(&at("c2.parquet"), &df!("n" => ["3"], "x" => [1.0]).expect("rows"), 10);
    write(
        &at("d2.parquet"),
        &Rows::new(
            2,
            vec![Series::new_null("n".into(), 2).into_column(), Series::new("x".into(), [1.0, 1.0]).into_column()],
        )
        .expect("rows"),
        10,
    );
    let options = ParquetOptions::new();
    let same = open(&Paths::from(at("a*.parquet")), &options).expect("it is opened");
    assert!(all(&same).equals(&df!("n" => [1, 2, 3], "x" => [1.0, 2.0, 3.0]).expect("rows")));
    assert_eq!(
        wrong("[ab][12].parquet", &options),
        "a1.parquet has a column `x`, and b2.parquet has not; with `ParquetOptions::new().missing_columns(true)` it is without values there"
    );
    assert_eq!(
        wrong("{a1,c2}.parquet", &options),
        "column `n` is i32 in a1.parquet and str in c2.parquet: files that are read together have columns of the same types"
    );
    let filled =
        open(&Paths::from(at("{a1,b2}.parquet")), &options.clone().missing_columns(true)).expect("it is opened");
    assert_eq!(all(&filled).column("x").expect("it is there").null_count(), 1);
    let nulls = open(&Paths::from([at("d2.parquet"), at("a1.parquet")]), &options).expect("it is opened");
    assert!(
        all(&nulls)
            .equals_missing(&df!("n" => [None, None, Some(1), Some(2)], "x" => [1.0, 1.0, 1.0, 2.0]).expect("rows")),
        "{}",
        all(&nulls)
    );
    std::fs::write(at("e.parquet"), "no").expect("it is written");
    std::fs::write(at("f.parquet"), "n,x\n1,2\n3,4\n5,6\n").expect("it is written");
    assert_eq!(
        wrong("e.parquet", &options),
        "e.parquet is no Parquet file: it has 2 bytes, and none has fewer than 12"
    );
    assert_eq!(
        wrong("f.parquet", &options),
        "f.parquet is no Parquet file, or not a whole one: it does not end with `PAR1`"
    );
}

#[test]
fn folders_give_columns() {
    let folder = tempfile::tempdir().expect("a folder");
    for (place, n) in
        [("year=2019/place=a%20b", 1), ("year=2019/place=__HIVE_DEFAULT_PARTITION__", 2), ("year=2020/place=c", 3)]
    {
        write(&folder.path().join(place).join("a.parquet"), &df!("n" => [n]).expect("rows"), 10);
    }
    let source = open(&Paths::from(folder.path()), &ParquetOptions::new()).expect("it is opened");
    let expected = df!("n" => [2, 1, 3], "year" => [2019_i64, 2019, 2020], "place" => [None, Some("a b"), Some("c")])
        .expect("rows");
    assert!(all(&source).equals_missing(&expected), "{}", all(&source));
    assert_eq!(range(&source, 2, "year"), Some((AnyValue::Int64(2020), AnyValue::Int64(2020))));
    let read = |predicate| {
        (0..3).map(|part| source.read(part, None, Some(&predicate)).expect("it is read").height()).sum::<usize>()
    };
    assert_eq!(
        (read(col("year").eq(lit(2020))), read(col("place").eq(lit("c"))), read(col("year").gt(lit(2020)))),
        (1, 1, 0)
    );
    let plain = open(&Paths::from(folder.path()), &ParquetOptions::new().hive(false)).expect("it is opened");
    assert_eq!(plain.schema().len(), 1);
}

#[test]
fn damaged_bytes_are_errors_or_other_values() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.parquet");
    write(&path, &many().slice(0, 300), 100);
    let bytes = std::fs::read(&path).expect("it is read");
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut refused = 0;
    for round in 0..500 {
        let mut bytes = bytes.clone();
        for _ in 0..1 + random(3) {
            // Half of them in the footer, which is the last part.
            let at = if round % 2 == 0 { random(bytes.len()) } else { bytes.len() - 1 - random(bytes.len().min(2000)) };
            match random(8) {
                0 => bytes.truncate(at.max(1)),
                1..5 => bytes[at] ^= 1 << random(8),
                _ => bytes[at] = random(256) as u8,
            }
        }
        std::fs::write(&path, &bytes).expect("it is written");
        let source = open(&Paths::from(&path), &ParquetOptions::new());
        let read = source.and_then(|source| {
            let names: Vec<String> = source.schema().iter_names().map(|name| name.to_string()).collect();
            for part in 0..source.npartitions() {
                names.iter().for_each(|name| drop(range(&source, part, name)));
                source.read(part, None, Some(&col("n").lt(lit(50))))?;
            }
            Ok(())
        });
        if let Err(error) = read {
            assert!(error.to_string().contains("a.parquet"), "{error}");
            refused += 1;
        }
    }
    assert!(refused > 100, "{refused}");
}
