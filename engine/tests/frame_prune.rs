//! Partitions that are left out because of what files say of them: what comes back is what Polars gives for all rows, and
//! what is left out has none of it.

#[path = "common/frames.rs"]
mod frames;

use frames::ways;
use polars::prelude::{ClosedInterval, DataFrame as Rows, IntoLazy, SortMultipleOptions, df};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use taskloom::dataframe::{len, read_parquet};
use taskloom::polars;
use taskloom::prelude::{DataFrame, DataType, Expr, col, concat, lit};

type Row = (i64, Option<i32>, Option<f64>, Option<u8>);

/// A file for each chunk of rows; `n` is in the order of the rows, and `day` and `word` follow it roughly.
fn files(rows: &[Row], each: usize, folder: &std::path::Path) -> (DataFrame, Rows) {
    let mut n = 0;
    let table = |rows: &[(i64, &Row)]| {
        df!(
            "n" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            "day" => rows.iter().map(|row| row.1.1.map(|day| day + row.0 as i32 / 5)).collect::<Vec<_>>(),
            "f" => rows.iter().map(|row| row.1.2.map(|f| f + row.0 as f64)).collect::<Vec<_>>(),
            "word" => rows.iter().map(|row| row.1.3.map(|word| format!("{}{word}", "abcdefgh".get(row.0 as usize % 8..).unwrap()))).collect::<Vec<_>>(),
        )
        .unwrap()
        .lazy()
        .with_column(col("day").cast(DataType::Date))
        .collect()
        .unwrap()
    };
    let rows: Vec<(i64, &Row)> = rows
        .iter()
        .map(|row| {
            n += row.0;
            (n, row)
        })
        .collect();
    let whole = table(&rows);
    for (number, rows) in rows.chunks(each).enumerate() {
        let part = DataFrame::from_polars(table(rows), 1);
        part.to_parquet(folder.join(format!("part-{number}"))).unwrap();
    }
    (read_parquet(folder).unwrap(), whole)
}

/// Conditions on columns, by numbers that say where.
fn conditions(a: i64, b: i32) -> Vec<Expr> {
    let day = lit(b).cast(DataType::Date);
    vec![
        col("n").gt(a),
        col("n").lt_eq(lit(a)).and(col("f").lt(f64::from(b))),
        col("n").eq(a),
        lit(a).gt_eq(col("n")),
        col("n").is_between(lit(a), lit(a + 7), ClosedInterval::Left),
        col("n").gt(a).or(col("day").is_null()),
        col("n").gt(a).not(),
        col("n").neq(a).and(col("word").gt(lit("d"))),
        col("day").gt(day.clone()).and(col("n").lt(a + 40)),
        col("word").eq(lit("cdefgh1")),
        col("f").gt(f64::from(b)),
        (col("n") * lit(2)).gt(a),
        col("n").gt(lit(a as f64 + 0.5)),
        col("word").lt(lit("b")).and(col("n").is_not_null()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn filters_find_what_polars_finds(
        rows in vec((0..4_i64, weighted(0.9, 0..9_i32), weighted(0.8, -9.0..9.0_f64), weighted(0.8, 0..4_u8)), 4..60),
        each in 1..12_usize,
        a in -2..90_i64,
        b in -1..20_i32,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (frame, whole) = files(&rows, each, folder.path());
        prop_assert!(frame.compute().unwrap().equals_missing(&whole));
        for condition in conditions(a, b) {
            let made: [(&str, DataFrame, Rows); 3] = [
                ("plain", frame.clone(), whole.clone()),
                (
                    "renamed",
                    frame.with_columns([(col("n") + lit(3)).alias("later")]).rename([("n", "m"), ("later", "n")]),
                    whole.clone().lazy().select([
                        col("n").alias("m"), col("day"), col("f"), col("word"), (col("n") + lit(3)).alias("n"),
                    ]).collect().unwrap(),
                ),
                (
                    "made anew",
                    frame.with_columns([col("word").alias("other"), (-col("n")).alias("n")]),
                    whole.clone().lazy().with_columns([col("word").alias("other"), (-col("n")).alias("n")]).collect().unwrap(),
                ),
            ];
            for (way, frame, whole) in made {
                let wanted = whole.lazy().filter(condition.clone()).collect().unwrap();
                for found in ways(&frame.filter(condition.clone())) {
                    prop_assert!(found.equals_missing(&wanted), "{way} {condition}: {found} {wanted}");
                }
                // What is not filtered at once is the same as what is filtered in two steps, and beside other readers.
                let twice = frame.filter(col("day").is_not_null()).filter(condition.clone());
                let some = wanted.lazy().filter(col("day").is_not_null()).collect().unwrap();
                prop_assert!(twice.compute().unwrap().equals_missing(&some), "{way} {condition} twice");
                let both = concat([&twice, &frame.filter(condition.clone())]).select(["n"]).compute().unwrap();
                let count = frame.filter(condition.clone()).len().unwrap() + some.height();
                prop_assert_eq!(both.height(), count, "{} {} beside", way, condition);
            }
        }
    }

    #[test]
    fn an_index_of_files_in_order_is_known(
        rows in vec((0..3_i64, weighted(0.9, 0..9_i32), weighted(0.8, -9.0..9.0_f64), weighted(0.8, 0..4_u8)), 4..60),
        each in 1..12_usize,
        (from, long) in (-2..60_i64, 0..20_i64),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (frame, whole) = files(&rows, each, folder.path());
        let sorted = frame.set_index("n").unwrap();
        let order = SortMultipleOptions::default().with_maintain_order(true);
        let wanted = whole.sort(["n"], order).unwrap();
        prop_assert!(sorted.compute().unwrap().equals_missing(&wanted));
        let divisions: Vec<i64> = sorted.divisions().unwrap().iter().map(|value| value.try_extract().unwrap()).collect();
        prop_assert_eq!(divisions.len(), sorted.npartitions() + 1);
        prop_assert!(divisions.is_sorted());
        for partition in 0..sorted.npartitions() {
            let part = sorted.partition(partition).compute().unwrap();
            let n = part.column("n").unwrap().i64().unwrap();
            prop_assert!(n.into_no_null_iter().all(|n| divisions[partition] <= n && n <= divisions[partition + 1]));
            // Equal values are in one partition.
            let is_last = partition + 1 == sorted.npartitions();
            prop_assert!(is_last || n.into_no_null_iter().all(|n| n < divisions[partition + 1]));
        }
        let some = wanted.lazy().filter(col("n").gt_eq(lit(from)).and(col("n").lt_eq(lit(from + long)))).collect().unwrap();
        for found in ways(&sorted.loc(from..=from + long)) {
            prop_assert!(found.equals_missing(&some));
        }
        let filtered = sorted.filter(col("n").gt_eq(from).and(col("n").lt_eq(from + long)));
        prop_assert!(filtered.compute().unwrap().equals_missing(&some));
        let means = filtered.groupby("day").agg([col("n").max()]).compute().unwrap();
        let all = some.lazy().group_by([col("day")]).agg([col("n").max()]).collect().unwrap();
        prop_assert_eq!(means.height(), all.height());
    }
}

/// Ten files of ten numbers, and a folder for each.
fn ten(folder: &std::path::Path) -> DataFrame {
    for file in 0..10_i64 {
        let n: Vec<i64> = (10 * file..10 * file + 10).rev().collect();
        let back: Vec<i64> = n.iter().map(|n| 50 - n).collect();
        let rows = df!("n" => n, "back" => back, "x" => vec![file as f64; 10]).unwrap();
        DataFrame::from_polars(rows, 1).to_parquet(folder.join(format!("year={}", 2010 + file))).unwrap();
    }
    read_parquet(folder).unwrap()
}

#[test]
fn partitions_that_have_no_such_rows_are_no_tasks() {
    let folder = tempfile::tempdir().unwrap();
    let frame = ten(folder.path());
    let tasks = |frame: &DataFrame| frame.graph().len();
    assert_eq!((frame.npartitions(), tasks(&frame)), (10, 10));
    let some = frame.filter(col("n").is_between(lit(35), lit(52), ClosedInterval::Both));
    assert_eq!((some.npartitions(), tasks(&some), some.len().unwrap()), (3, 3, 18));
    assert!(some.explain().contains("partitions 3 to 5 of 10"), "{}", some.explain());
    let year = frame.rename([("year", "y")]).assign("twice", col("n") * lit(2)).filter(col("y").eq(2014));
    assert_eq!((tasks(&year), year.compute().unwrap().height()), (1, 10));
    let ends = frame.filter(col("year").gt(2011)).filter(col("n").lt(45).and(col("year").lt(2099)));
    assert_eq!((tasks(&ends), ends.len().unwrap()), (3, 25));
    // Only a third of the tasks of the sum, and one that merges them, and one that ends.
    let sum = frame.filter(frame.col("n").gt_eq(70)).groupby("year").agg([col("x").sum()]);
    assert_eq!((tasks(&sum), sum.compute().unwrap().height()), (5, 3));
    // None can have them: one stays, so that there is a frame.
    let none = frame.filter(col("n").gt(1000));
    assert_eq!((none.npartitions(), none.compute().unwrap().height()), (1, 0));
    // A mean is that of all rows, whatever is asked of them.
    let mean = frame.filter(col("n").gt(col("n").mean()).and(col("n").lt(60)));
    assert_eq!(mean.len().unwrap(), 10);
    // What a function made is not known from the file.
    let called = frame.map_partitions(|rows| rows.lazy().with_column(lit(5_i64).alias("n")).collect());
    assert_eq!(called.filter(col("n").eq(5)).len().unwrap(), 100);
    let groups = frame.filter(col("n").lt(30)).groupby("year").agg([len().alias("rows")]);
    assert_eq!(groups.compute().unwrap().height(), 3);
}

#[test]
fn an_index_of_files_in_order_reads_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let frame = ten(folder.path());
    let indexed = frame.set_index("n").unwrap();
    let divisions: Vec<i64> = indexed.divisions().unwrap().iter().map(|value| value.try_extract().unwrap()).collect();
    assert_eq!(divisions, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99]);
    // Nothing moves: a task for each partition, which reads it and sorts it.
    assert_eq!(indexed.graph().len(), 10);
    let some = indexed.loc(25..=31);
    assert_eq!(some.graph().len(), 2);
    let n = some.compute().unwrap().column("n").unwrap().i64().unwrap().into_no_null_iter().collect::<Vec<_>>();
    assert_eq!(n, (25..=31).collect::<Vec<_>>());
    // What the files are not in the order of is brought into it.
    let back = frame.set_index("back").unwrap().compute().unwrap();
    let back: Vec<i64> = back.column("back").unwrap().i64().unwrap().into_no_null_iter().collect();
    assert_eq!(back, (-49..=50).collect::<Vec<_>>());
    // The files may be gone by now: what their ends say was read when they were opened.
    std::fs::remove_dir_all(folder.path()).unwrap();
    assert!(frame.set_index("n").unwrap().known_divisions());
    assert!(frame.set_index("x").is_err());
}
