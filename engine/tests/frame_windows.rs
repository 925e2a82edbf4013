//! Running columns, windows, neighbours and other shapes: on every scheduler and from a parcel, against Polars on the whole
//! frame.

#[path = "common/frames.rs"]
mod frames;

use frames::{message, ways};
use polars::prelude::{
    ClosedWindow, DataFrame as Rows, Duration, Expr, FillNullStrategy, IntoLazy, RollingOptionsDynamicWindow,
    RollingOptionsFixedWindow, SortMultipleOptions, TimeUnit, df,
};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use taskloom::polars;
use taskloom::prelude::{DataFrame, DataType, col, lit};

type Row = (Option<f64>, Option<i64>, i64);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    vec((weighted(0.8, -1e3..1e3_f64), weighted(0.7, -50..50_i64), 0..40_i64), 0..40)
}

/// Numbers, and times in order.
fn frame(rows: &[Row]) -> Rows {
    let mut hour = 0;
    let times: Vec<i64> = rows
        .iter()
        .map(|row| {
            hour += row.2;
            hour * 3_600_000_000
        })
        .collect();
    df!(
        "f" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
        "i" => rows.iter().map(|row| row.1).collect::<Vec<_>>(),
        "at" => times,
    )
    .unwrap()
    .lazy()
    .with_column(col("at").cast(DataType::Datetime(TimeUnit::Microseconds, None)))
    .collect()
    .unwrap()
}

/// Windows add and take away, which leaves something over.
fn assert_close(made: &DataFrame, wanted: &Rows, about: &str) {
    ways(made).iter().for_each(|found| frames::assert_close(found, wanted, 1e-6, about));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn running_columns_are_those_of_polars(rows in rows(), npartitions in 1..6_usize) {
        let whole = frame(&rows);
        let frame = DataFrame::from_polars(whole.clone(), npartitions);
        let check = |made: DataFrame, by_polars: fn(Expr) -> Expr, about: &str| {
            let wanted = whole.clone().lazy().with_columns([by_polars(col("f")), by_polars(col("i"))]).collect().unwrap();
            assert_close(&made, &wanted, &format!("{about} in {npartitions}"));
        };
        check(frame.cumsum(["f", "i"]), |column| column.cum_sum(false), "cumsum");
        check(frame.cummax(["f", "i"]), |column| column.cum_max(false), "cummax");
        check(frame.cummin(["f", "i"]), |column| column.cum_min(false), "cummin");
        check(frame.cumcount(["f", "i"]), |column| column.cum_count(false), "cumcount");
        check(frame.ffill(["f", "i"]), |column| column.fill_null_with_strategy(FillNullStrategy::Forward(None)), "ffill");
        check(frame.shift(["f", "i"], 3), |column| column.shift(lit(3)), "shift");
        check(frame.shift(["f", "i"], -2), |column| column.shift(lit(-2)), "shift up");
        check(frame.diff(["f", "i"], 2), |column| column.clone() - column.shift(lit(2)), "diff");
    }

    #[test]
    fn windows_reach_over_the_ends_of_partitions(rows in rows(), npartitions in 1..6_usize, length in 1..7_usize) {
        let whole = frame(&rows);
        let frame = DataFrame::from_polars(whole.clone(), npartitions);
        let options = || RollingOptionsFixedWindow { window_size: length, min_periods: length.min(2), ..Default::default() };
        let check = |made: DataFrame, by_polars: &dyn Fn(Expr) -> Expr, about: &str| {
            let wanted = whole.clone().lazy().with_columns([by_polars(col("f")), by_polars(col("i"))]).collect().unwrap();
            assert_close(&made, &wanted, &format!("{about} of {length} in {npartitions}"));
        };
        let rolling = frame.rolling(length).min_periods(length.min(2));
        check(rolling.sum(), &|column| column.rolling_sum(options()), "sum");
        check(rolling.mean(), &|column| column.rolling_mean(options()), "mean");
        check(rolling.max(), &|column| column.rolling_max(options()), "max");
        check(rolling.median(), &|column| column.rolling_median(options()), "median");
        let options = || RollingOptionsDynamicWindow {
            window_size: Duration::parse("2d"),
            min_periods: 1,
            closed_window: ClosedWindow::Right,
            fn_params: None,
        };
        let rolling = frame.rolling("2d").on("at");
        check(rolling.sum(), &|column| column.rolling_sum_by(col("at"), options()), "sum by time");
        check(rolling.mean(), &|column| column.rolling_mean_by(col("at"), options()), "mean by time");
        check(rolling.min(), &|column| column.rolling_min_by(col("at"), options()), "least by time");
    }

    #[test]
    fn intervals_of_time_are_groups(rows in rows(), npartitions in 1..6_usize) {
        let whole = frame(&rows);
        let days = DataFrame::from_polars(whole.clone(), npartitions).resample_on("at", "1d").sum();
        let by_day = whole.lazy().group_by([col("at").dt().truncate(lit("1d"))]).agg([col("f").sum(), col("i").sum()]);
        let wanted = by_day.collect().unwrap().sort(["at"], SortMultipleOptions::default()).unwrap();
        assert_close(&days, &wanted, "days");
    }
}

fn trips() -> Rows {
    df!(
        "zone" => ["a", "b", "a", "b", "a"],
        "day" => [Some("mon"), Some("tue"), Some("tue"), None, Some("mon")],
        "tip" => [1.0, 2.0, 4.0, 8.0, 3.0],
        "n" => [1, 2, 3, 4, 5],
    )
    .unwrap()
}

#[test]
fn long_and_wide() {
    for npartitions in [1, 2] {
        let frame = DataFrame::from_polars(trips(), npartitions);
        let table = frame.pivot_table("zone", "day", "tip", |tip| tip.sum()).unwrap();
        let wanted = df!("zone" => ["a", "b"], "mon" => [Some(4.0), None], "tue" => [4.0, 2.0]).unwrap();
        assert_close(&table, &wanted, "pivot_table");
        let table = frame.pivot_table_of("zone", "day", ["tue", "wed"], "n", |n| n.max());
        let wanted = df!("zone" => ["a", "b"], "tue" => [3, 2], "wed" => [None::<i32>, None]).unwrap();
        assert_close(&table, &wanted, "pivot_table_of");
        let long = frame.melt("zone", ["tip", "n"]);
        assert_eq!(long.columns(), ["zone", "variable", "value"]);
        for found in ways(&long.groupby("variable").sum()) {
            assert_eq!(found, df!("variable" => ["n", "tip"], "value" => [15.0, 18.0]).unwrap());
        }
    }
}

#[test]
fn some_rows_and_all_values() {
    let rows = df!("n" => (0..1000).collect::<Vec<i32>>()).unwrap();
    let frame = DataFrame::from_polars(rows, 4);
    let [first, second, travelled] = ways(&frame.sample(0.2, 7));
    assert_eq!(first.height(), 200);
    assert!(first.equals(&second) && first.equals(&travelled));
    assert!(!first.equals(&frame.sample(0.2, 8).compute().unwrap()));
    let places: Vec<i32> = first.column("n").unwrap().i32().unwrap().into_no_null_iter().map(|n| n % 250).collect();
    assert_ne!(places[..50], places[50..100], "partitions are drawn from differently");
    let gaps = df!("i" => [Some(1), None], "f" => [None, Some(2.5)], "s" => [None, Some("x")]).unwrap();
    let gaps = DataFrame::from_polars(gaps, 2);
    let wanted = df!("i" => [1, 0], "f" => [0.0, 2.5], "s" => [None, Some("x")]).unwrap();
    assert_close(&gaps.fillna(0), &wanted, "fillna");
}

#[test]
fn functions_look_at_neighbours() {
    let rows = df!("n" => [1, 2, 4, 8, 16, 32, 64]).unwrap();
    for npartitions in [1, 3, 7] {
        let frame = DataFrame::from_polars(rows.clone(), npartitions);
        let both = frame.map_overlap(2, 1, |rows| {
            let n = || col("n").fill_null(lit(0));
            rows.lazy().select([n().shift(lit(2)) + n().shift(lit(-1))]).collect()
        });
        for found in ways(&both) {
            let found: Vec<Option<i32>> = found.column("n").unwrap().i32().unwrap().to_vec();
            assert_eq!(found, [None, None, Some(9), Some(18), Some(36), Some(72), None]);
        }
    }
    let frame = DataFrame::from_polars(rows, 3).map_overlap(1, 0, |rows| Ok(rows.head(Some(1))));
    let error = frame.compute().unwrap_err().to_string();
    assert!(error.contains("gives a row for each"), "{error}");
}

#[test]
fn mistakes_are_named_where_they_are_written() {
    let frame = DataFrame::from_polars(trips(), 2);
    let text = message(|| drop(frame.cumsum("zone")));
    assert!(text.contains("`cumsum`: the column \"zone\" is of type str"), "{text}");
    let text = message(|| drop(frame.rolling("3d").sum()));
    assert!(text.contains("name the column of times"), "{text}");
    let text = message(|| drop(frame.rolling("3d").on("tip").sum()));
    assert!(text.contains("needs times"), "{text}");
    let text = message(|| drop(frame.resample("1d")));
    assert!(text.contains("the frame has no index"), "{text}");
    let text = message(|| drop(frame.resample_on("n", "1d")));
    assert!(text.contains("is of type i32"), "{text}");
    let text = message(|| drop(frame.fillna(true)));
    assert!(text.contains("no column takes a value of type bool"), "{text}");
    let text = message(|| drop(frame.sample(1.5, 0)));
    assert!(text.contains("from 0 to 1"), "{text}");
}
