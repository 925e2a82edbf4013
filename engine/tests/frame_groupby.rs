//! Groups: every way to aggregate, on every scheduler and from a parcel, against Polars on the whole frame.

#[path = "common/frames.rs"]
mod frames;

use frames::{assert_close, message, ways};
use polars::prelude::{
    DataFrame as Rows, IntoLazy, NamedFrom, QuantileMethod, Series as Values, SortMultipleOptions, df, len,
};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use taskloom::dataframe::{Aggregation, n_unique_approx, quantile_approx};
use taskloom::polars;
use taskloom::prelude::{DataFrame, DataType, Expr, col, compute, lit};

type Row = (Option<i32>, Option<u8>, Option<f64>, Option<i64>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let float = prop_oneof![9 => -1e3..1e3_f64, 1 => Just(f64::NAN)];
    vec((weighted(0.9, -2..3_i32), weighted(0.9, 0..3_u8), weighted(0.8, float), weighted(0.8, -50..50_i64)), 0..60)
}

fn frame(rows: &[Row]) -> Rows {
    let words: Vec<Option<String>> = rows.iter().map(|row| row.1.map(|word| "x".repeat(usize::from(word)))).collect();
    df!(
        "k" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
        "s" => words,
        "f" => rows.iter().map(|row| row.2).collect::<Vec<_>>(),
        "i" => rows.iter().map(|row| row.3).collect::<Vec<_>>(),
    )
    .unwrap()
}

/// What is asked of groups: in parts, with all rows, and both.
fn queries() -> Vec<Vec<Expr>> {
    vec![
        vec![col("f").sum(), col("i").mean(), len().alias("n")],
        vec![
            col("f").std(1).alias("spread"),
            col("s").max().alias("last"),
            col("i").first(),
            col("s").n_unique().alias("words"),
        ],
        vec![col("i").median(), col("f").count()],
        vec![
            col("i").quantile(lit(0.3), QuantileMethod::Linear),
            (col("i") - col("i").mean()).abs().max().alias("far"),
        ],
        vec![],
    ]
}

fn in_order(rows: Rows, keys: usize) -> Rows {
    let by: Vec<_> = rows.get_column_names_owned().into_iter().take(keys).collect();
    rows.sort(by, SortMultipleOptions::default().with_nulls_last(true)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn groups_are_those_of_polars(rows in rows(), npartitions in 1..6_usize) {
        let whole = frame(&rows);
        let frame = DataFrame::from_polars(whole.clone(), npartitions);
        for keys in [vec![col("k")], vec![col("k"), col("s")], vec![(col("k") % lit(2)).alias("odd")]] {
            for query in queries() {
                let wanted = in_order(whole.clone().lazy().group_by(&keys).agg(&query).collect().unwrap(), keys.len());
                let groups = frame.groupby(keys.clone());
                let about = format!("{query:?} by {keys:?} in {npartitions}");
                for found in ways(&groups.agg(query.clone())) {
                    assert_close(&found, &wanted, 1e-9, &about);
                }
                let split = groups.split_out(3).agg(query.clone());
                prop_assert_eq!(split.npartitions(), 3);
                for found in ways(&split) {
                    assert_close(&in_order(found, keys.len()), &wanted, 1e-9, &about);
                }
            }
        }
    }
}

fn trips() -> Rows {
    df!(
        "zone" => ["b", "a", "b", "a", "c"],
        "tip" => [Some(2.0), Some(1.0), Some(4.0), None, Some(0.5)],
        "n" => [1_i64, 2, 3, 4, 5],
        "name" => [Some("p"), None, Some("q"), Some("r"), None],
    )
    .unwrap()
}

#[test]
fn short_forms_aggregate_the_other_columns() {
    for npartitions in [1, 3] {
        let groups = DataFrame::from_polars(trips(), npartitions).groupby("zone");
        let zones = || Values::new("zone".into(), ["a", "b", "c"]);
        let check = |found: DataFrame, wanted: polars::prelude::PolarsResult<Rows>| {
            let mut wanted = wanted.unwrap();
            wanted.insert_column(0, zones().into()).unwrap();
            assert_close(&found.compute().unwrap(), &wanted, 1e-9, "short form");
        };
        check(groups.size(), df!("size" => [2_u32, 2, 1]));
        check(groups.count(), df!("tip" => [1_u32, 2, 1], "n" => [2_u32, 2, 1], "name" => [1_u32, 2, 0]));
        check(groups.sum(), df!("tip" => [1.0, 6.0, 0.5], "n" => [6_i64, 4, 5]));
        check(groups.mean(), df!("tip" => [1.0, 3.0, 0.5], "n" => [3.0, 2.0, 5.0]));
        check(
            groups.min(),
            df!("tip" => [1.0, 2.0, 0.5], "n" => [2_i64, 1, 5], "name" => [Some("r"), Some("p"), None]),
        );
        check(
            groups.max(),
            df!("tip" => [1.0, 4.0, 0.5], "n" => [4_i64, 3, 5], "name" => [Some("r"), Some("q"), None]),
        );
        let root = 2.0_f64.sqrt();
        check(groups.std(), df!("tip" => [None, Some(root), None], "n" => [Some(root), Some(root), None]));
        check(groups.var(), df!("tip" => [None, Some(2.0), None], "n" => [Some(2.0), Some(2.0), None]));
        check(
            groups.first(),
            df!("tip" => [1.0, 2.0, 0.5], "n" => [2_i64, 1, 5], "name" => [Some("r"), Some("p"), None]),
        );
        check(
            groups.last(),
            df!("tip" => [1.0, 4.0, 0.5], "n" => [4_i64, 3, 5], "name" => [Some("r"), Some("q"), None]),
        );
        check(groups.nunique(), df!("tip" => [1_u32, 2, 1], "n" => [2_u32, 2, 1], "name" => [1_u32, 2, 0]));
        check(groups.nunique_approx(), df!("tip" => [1_u64, 2, 1], "n" => [2_u64, 2, 1], "name" => [1_u64, 2, 0]));
        check(groups.median(), df!("tip" => [1.0, 3.0, 0.5], "n" => [3.0, 2.0, 5.0]));
        check(groups.quantile_approx(0.5), df!("tip" => [1.0, 3.0, 0.5], "n" => [3.0, 2.0, 5.0]));
    }
}

#[test]
fn aggregations_of_the_users_own_and_approximate_ones_travel() {
    let rms = Aggregation::custom(
        "rms",
        |x| vec![(x.clone() * x.clone()).sum(), x.count()],
        |state| vec![state[0].clone().sum(), state[1].clone().sum()],
        |state| (state[0].clone() / state[1].clone().cast(DataType::Float64)).sqrt(),
    );
    let frame = DataFrame::from_polars(trips(), 4);
    let made = frame.groupby("zone").agg([
        rms.on(col("n")),
        n_unique_approx(col("name")).alias("names"),
        quantile_approx(col("tip"), 1.0).alias("most"),
        col("n").sum().alias("sum").into(),
    ]);
    let wanted = df!(
        "zone" => ["a", "b", "c"],
        "n" => [10.0_f64.sqrt(), 5.0_f64.sqrt(), 5.0],
        "names" => [2_u64, 2, 1],
        "most" => [1.0, 4.0, 0.5],
        "sum" => [6_i64, 4, 5],
    );
    for found in ways(&made) {
        assert_close(&found, wanted.as_ref().unwrap(), 1e-9, "custom");
    }
}

#[test]
fn a_function_gets_whole_groups() {
    let frame = DataFrame::from_polars(trips(), 3);
    let made = frame.groupby("zone").apply(|rows| {
        let sum = rows.column("n")?.as_materialized_series().sum::<i64>().ok();
        Ok(rows.head(Some(1)).lazy().select([col("zone"), lit(sum.unwrap_or(0)).alias("sum")]).collect()?)
    });
    assert_eq!(made.columns(), ["zone", "sum"]);
    for found in ways(&made) {
        let wanted = df!("zone" => ["a", "b", "c"], "sum" => [6_i64, 4, 5]).unwrap();
        assert_eq!(in_order(found, 1), wanted);
    }
}

#[test]
fn several_results_share_their_reads() {
    let frame = DataFrame::from_polars(trips(), 2).filter(col("n").gt(lit(1)));
    let (one, two) = (frame.groupby("zone").sum(), frame.groupby("zone").size());
    let (one, two) = compute!(one, two).unwrap();
    assert_eq!((one.height(), two.height()), (3, 3));
}

#[test]
fn mistakes_are_named_where_they_are_written() {
    let frame = DataFrame::from_polars(trips(), 2);
    let text = message(|| drop(frame.groupby("zon")));
    assert!(text.contains("`groupby`: there is no column \"zon\" (is \"zone\" meant?)"), "{text}");
    let text = message(|| drop(frame.groupby("zone").agg([col("tipp").sum()])));
    assert!(text.contains("no column \"tipp\" (is \"tip\" meant?)"), "{text}");
    let text = message(|| drop(frame.groupby([col("n").cum_sum(false)])));
    assert!(text.contains("looks at more than one row"), "{text}");
    let text = message(|| drop(frame.groupby([col("n") + lit(1)]).apply(Ok)));
    assert!(text.contains("is not a column"), "{text}");
    let text = message(|| drop(frame.groupby("zone").agg([col("name").sum()])));
    assert!(text.contains("`groupby`"), "{text}");
}
