//! Series, scalars and reductions: on every scheduler and from a parcel, against Polars on the whole frame.

#[path = "common/frames.rs"]
mod frames;

use frames::{message, ways};
use polars::prelude::{AnyValue, Column, DataFrame as Rows, Expr, IntoLazy, NamedFrom, SortMultipleOptions, df};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use taskloom::dataframe::{Scalar, Series};
use taskloom::polars;
use taskloom::prelude::{DataFrame, DataType, col, compute, lit};

type Row = (Option<f64>, Option<i64>, Option<u8>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    vec((weighted(0.8, -1e3..1e3_f64), weighted(0.8, -50..50_i64), weighted(0.8, 0..4_u8)), 0..50)
}

fn frame(rows: &[Row]) -> Rows {
    let words: Vec<Option<String>> = rows.iter().map(|row| row.2.map(|word| "x".repeat(usize::from(word)))).collect();
    df!(
        "f" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
        "i" => rows.iter().map(|row| row.1).collect::<Vec<_>>(),
        "s" => words,
    )
    .unwrap()
}

fn assert_cell(scalar: &Scalar, wanted: &Rows, about: &str) {
    let wanted = wanted.columns()[0].get(0).unwrap();
    for found in ways(&scalar.to_frame()) {
        let found = found.columns()[0].get(0).unwrap();
        let same = match (&found, &wanted) {
            (AnyValue::Float64(found), AnyValue::Float64(wanted)) => {
                (found.is_nan() && wanted.is_nan()) || (found - wanted).abs() <= 1e-9 * (1.0 + wanted.abs())
            }
            (found, wanted) => found == wanted,
        };
        assert!(same, "{about}: {found:?}, not {wanted:?}");
    }
}

/// A reduction of a series, and the same by Polars.
type Reduction = (&'static str, fn(&Series) -> Scalar, fn(Expr) -> Expr);

const NUMBERS: [Reduction; 9] = [
    ("sum", |series| series.sum(), Expr::sum),
    ("mean", |series| series.mean().of(), Expr::mean),
    ("std", |series| series.std().of(), |column| column.std(1)),
    ("var", |series| series.var().of(), |column| column.var(1)),
    ("median", |series| series.median().of(), Expr::median),
    ("null_count", |series| series.null_count().of(), Expr::null_count),
    ("some", |series| series.gt(0.0).any().of(), |column| column.gt(lit(0.0)).any(true)),
    ("every", |series| series.lt(2000.0).all().of(), |column| column.lt(lit(2000.0)).all(true)),
    (
        "quantile",
        |series| series.quantile(0.3).of(),
        |column| column.quantile(lit(0.3), polars::prelude::QuantileMethod::Linear),
    ),
];

const ANY: [Reduction; 7] = [
    ("min", |series| series.min(), Expr::min),
    ("max", |series| series.max(), Expr::max),
    ("first", |series| series.first(), Expr::first),
    ("last", |series| series.last(), Expr::last),
    ("count", |series| series.count().of(), Expr::count),
    ("len", |series| series.len().of(), Expr::len),
    ("nunique", |series| series.nunique().of(), |column| column.drop_nulls().n_unique()),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scalars_are_those_of_polars(rows in rows(), npartitions in 1..5_usize) {
        let whole = frame(&rows);
        let frame = DataFrame::from_polars(whole.clone(), npartitions);
        for (columns, reductions) in [(&["f", "i"][..], &NUMBERS[..]), (&["f", "i", "s"], &ANY)] {
            for column in columns {
                for (name, ours, theirs) in reductions {
                    let wanted = whole.clone().lazy().select([theirs(col(*column))]).collect().unwrap();
                    assert_cell(&ours(&frame.col(column)), &wanted, &format!("{name} of {column} in {npartitions}"));
                }
            }
        }
    }

    #[test]
    fn counts_of_values_are_those_of_polars(rows in rows(), npartitions in 1..5_usize) {
        let whole = frame(&rows);
        let frame = DataFrame::from_polars(whole.clone(), npartitions);
        for column in ["i", "s"] {
            let sorted = |rows: Rows| rows.sort([column], SortMultipleOptions::default()).unwrap();
            let wanted = whole.clone().lazy().group_by([col(column)]).agg([polars::prelude::len().alias("count")]);
            let wanted = sorted(wanted.collect().unwrap());
            for found in ways(&frame.col(column).value_counts()) {
                let counts: Vec<u32> = found.column("count").unwrap().u32().unwrap().into_no_null_iter().collect();
                prop_assert!(counts.is_sorted_by(|one, next| one >= next));
                prop_assert_eq!(sorted(found), wanted.clone());
            }
        }
    }
}

fn trips() -> Rows {
    df!(
        "tip" => [Some(2.0), None, Some(4.0), Some(0.5)],
        "fare" => [10.0, 8.0, 16.0, 5.0],
        "zone" => ["Soho", "Harlem", "Soho", "Astoria"],
        "at" => [0_i64, 3_600_000_000, 90_000_000_000, 40 * 86_400_000_000],
    )
    .unwrap()
    .lazy()
    .with_column(col("at").cast(DataType::Datetime(polars::prelude::TimeUnit::Microseconds, None)))
    .collect()
    .unwrap()
}

fn values<T: Clone>(series: &Series) -> Vec<Option<T>>
where
    polars::prelude::Series: Values<T>,
{
    series.compute().unwrap().values()
}

trait Values<T> {
    fn values(&self) -> Vec<Option<T>>;
}

impl Values<f64> for polars::prelude::Series {
    fn values(&self) -> Vec<Option<f64>> {
        self.cast(&DataType::Float64).unwrap().f64().unwrap().iter().collect()
    }
}

impl Values<i64> for polars::prelude::Series {
    fn values(&self) -> Vec<Option<i64>> {
        self.cast(&DataType::Int64).unwrap().i64().unwrap().iter().collect()
    }
}

impl Values<bool> for polars::prelude::Series {
    fn values(&self) -> Vec<Option<bool>> {
        self.bool().unwrap().iter().collect()
    }
}

impl Values<String> for polars::prelude::Series {
    fn values(&self) -> Vec<Option<String>> {
        self.str().unwrap().iter().map(|text| text.map(str::to_owned)).collect()
    }
}

#[test]
fn operators_put_series_and_numbers_together() {
    let frame = DataFrame::from_polars(trips(), 3);
    let (tip, fare) = (frame.col("tip"), frame.col("fare"));
    assert_eq!(values::<f64>(&(&tip / &fare)), [Some(0.2), None, Some(0.25), Some(0.1)]);
    assert_eq!(values::<f64>(&(&tip + 1.0)), [Some(3.0), None, Some(5.0), Some(1.5)]);
    assert_eq!(values::<f64>(&(2.0 * &fare - 1)), [Some(19.0), Some(15.0), Some(31.0), Some(9.0)]);
    assert_eq!(values::<f64>(&(-fare.clone() % 3.0)), [Some(2.0), Some(1.0), Some(2.0), Some(1.0)]);
    let both = tip.gt(1.0) & !fare.gt_eq(16.0);
    assert_eq!(values::<bool>(&both), [Some(true), None, Some(false), Some(false)]);
    assert_eq!(values::<bool>(&(frame.col("zone").eq("Soho") | fare.lt(6.0))), [true, false, true, true].map(Some));
    assert_eq!(values::<f64>(&fare.filter(&frame.col("zone").neq("Soho"))), [Some(8.0), Some(5.0)]);
    assert_eq!((1.0 / &fare).name(), "fare");
}

#[test]
fn values_become_others() {
    let frame = DataFrame::from_polars(trips(), 2);
    let (tip, fare, zone) = (frame.col("tip"), frame.col("fare"), frame.col("zone"));
    assert_eq!(values::<bool>(&zone.isin(["Soho", "Queens"])), [true, false, true, false].map(Some));
    assert_eq!(values::<bool>(&fare.isin([8.0, 5.0])), [false, true, false, true].map(Some));
    assert_eq!(values::<bool>(&fare.between(8.0, 10.0)), [true, true, false, false].map(Some));
    assert_eq!(values::<f64>(&fare.clip(6.0, 12.0)), [10.0, 8.0, 12.0, 6.0].map(Some));
    assert_eq!(values::<f64>(&tip.fillna(0.0)), [2.0, 0.0, 4.0, 0.5].map(Some));
    assert_eq!(values::<f64>(&tip.dropna()), [2.0, 4.0, 0.5].map(Some));
    assert_eq!(values::<bool>(&tip.isna()), [false, true, false, false].map(Some));
    assert_eq!(values::<bool>(&tip.notna()), [true, false, true, true].map(Some));
    assert_eq!(values::<i64>(&fare.astype(DataType::Int32)), [10, 8, 16, 5].map(Some));
    assert_eq!(values::<f64>(&(fare.clone() - 9.0).abs().round(0)), [1.0, 1.0, 7.0, 4.0].map(Some));
    assert_eq!(values::<f64>(&tip.where_(&zone.eq("Soho"), -1.0)), [Some(2.0), Some(-1.0), Some(4.0), Some(-1.0)]);
    assert_eq!(values::<f64>(&fare.map(|fare| fare.sqrt())).len(), 4);
    let mut zones = values::<String>(&zone.unique());
    zones.sort();
    assert_eq!(zones, ["Astoria", "Harlem", "Soho"].map(|zone| Some(zone.to_owned())));
    assert_eq!(tip.head(2).unwrap().len(), 2);
    assert_eq!(tip.tail(1).unwrap().f64().unwrap().get(0), Some(0.5));
}

#[test]
fn texts_and_times_have_their_methods() {
    let frame = DataFrame::from_polars(trips(), 2);
    let (zone, at) = (frame.col("zone"), frame.col("at"));
    let text = |series: Series| values::<String>(&series).into_iter().map(Option::unwrap).collect::<Vec<_>>();
    assert_eq!(text(zone.str().upper())[0], "SOHO");
    assert_eq!(text(zone.str().lower())[3], "astoria");
    assert_eq!(text(zone.str().slice(0, 2)), ["So", "Ha", "So", "As"]);
    assert_eq!(text(zone.str().replace("o.*", "-")), ["S-", "Harlem", "S-", "Ast-"]);
    assert_eq!(text(zone.str().extract("([aeiou])", 1)), ["o", "a", "o", "o"]);
    assert_eq!(text((zone.clone() + "  ").str().strip()), text(zone.clone()));
    assert_eq!(values::<i64>(&zone.str().len()), [4, 6, 4, 7].map(Some));
    assert_eq!(values::<i64>(&zone.str().count("[aeiou]")), [2, 2, 2, 3].map(Some));
    assert_eq!(values::<bool>(&zone.str().contains("^S")), [true, false, true, false].map(Some));
    assert_eq!(values::<bool>(&zone.str().ends_with("m")), [false, true, false, false].map(Some));
    assert_eq!(values::<i64>(&at.dt().hour()), [0, 1, 1, 0].map(Some));
    assert_eq!(values::<i64>(&at.dt().month()), [1, 1, 1, 2].map(Some));
    assert_eq!(values::<i64>(&at.dt().weekday()), [4, 4, 5, 2].map(Some));
    assert_eq!(text(at.dt().strftime("%Y-%m-%d"))[3], "1970-02-10");
    assert_eq!(text(at.dt().floor("1mo").dt().strftime("%d %H"))[3], "01 00");
    let days = at.dt().strftime("%d.%m.%Y").str().to_date("%d.%m.%Y");
    assert_eq!(values::<i64>(&days.dt().day()), [1, 1, 2, 10].map(Some));
    let took = &at - &at.dt().offset_by("-90s");
    assert_eq!(values::<f64>(&took.dt().total_seconds()), [90.0; 4].map(Some));
    let categories = zone.astype(DataType::from_categories(polars::prelude::Categories::global()));
    assert_eq!(text(categories.cat().to_strings()), text(zone));
}

#[test]
fn frames_are_reduced_column_by_column() {
    for npartitions in [1, 3] {
        let frame = DataFrame::from_polars(trips(), npartitions).select(["tip", "fare", "zone"]);
        let check = |found: DataFrame, wanted: polars::prelude::PolarsResult<Rows>| {
            for found in ways(&found) {
                assert!(found.equals_missing(wanted.as_ref().unwrap()), "{found}");
            }
        };
        check(frame.sum(), df!("tip" => [6.5], "fare" => [39.0]));
        check(frame.mean(), df!("tip" => [6.5 / 3.0], "fare" => [9.75]));
        check(frame.min(), df!("tip" => [0.5], "fare" => [5.0], "zone" => ["Astoria"]));
        check(frame.max(), df!("tip" => [4.0], "fare" => [16.0], "zone" => ["Soho"]));
        check(frame.count(), df!("tip" => [3_u32], "fare" => [4_u32], "zone" => [4_u32]));
        check(frame.null_count(), df!("tip" => [1_u32], "fare" => [0_u32], "zone" => [0_u32]));
        check(frame.nunique(), df!("tip" => [3_u32], "fare" => [4_u32], "zone" => [3_u32]));
        check(frame.nunique_approx(), df!("tip" => [3_u64], "fare" => [4_u64], "zone" => [3_u64]));
        check(frame.median(), df!("tip" => [2.0], "fare" => [9.0]));
        check(frame.quantile_approx(0.5), df!("tip" => [2.0], "fare" => [9.0]));
        let described = df!(
            "statistic" => ["count", "mean", "std", "min", "25%", "50%", "75%", "max"],
            "fare" => [4.0, 9.75, (64.75_f64 / 3.0).sqrt(), 5.0, 7.25, 9.0, 11.5, 16.0],
        );
        for found in ways(&frame.select(["fare"]).describe()) {
            let (found, wanted) = (found.column("fare").unwrap(), described.as_ref().unwrap().column("fare").unwrap());
            for row in 0..8 {
                let number = |column: &Column| column.f64().unwrap().get(row).unwrap();
                assert!((number(found) - number(wanted)).abs() < 1e-9, "{found:?}");
            }
        }
        let info = frame.info().unwrap();
        assert!(info.starts_with("DataFrame: 4 rows in") && info.contains("3 not null  f64"), "{info}");
    }
}

#[test]
fn pairs_of_columns_are_correlated_where_both_are_there() {
    let frame = DataFrame::from_polars(trips(), 3).select(["tip", "fare"]);
    let there = trips().lazy().filter(col("tip").is_not_null());
    let wanted = there
        .select([
            polars::prelude::cov(col("tip"), col("fare"), 1).alias("cov"),
            polars::prelude::pearson_corr(col("tip"), col("fare")).alias("corr"),
        ])
        .collect()
        .unwrap();
    for (made, name) in [(frame.cov(), "cov"), (frame.corr(), "corr")] {
        for found in ways(&made) {
            assert_eq!(
                found.column("column").unwrap().as_materialized_series(),
                &polars::prelude::Series::new("column".into(), ["tip", "fare"])
            );
            let wanted = wanted.column(name).unwrap().f64().unwrap().get(0).unwrap();
            for (column, row) in [("tip", 1), ("fare", 0)] {
                let found = found.column(column).unwrap().f64().unwrap().get(row).unwrap();
                assert!((found - wanted).abs() < 1e-9, "{name}: {found}, not {wanted}");
            }
        }
    }
}

#[test]
fn results_of_one_pass_and_functions_in_two_steps() {
    let frame = DataFrame::from_polars(trips(), 2);
    let (mean, most, rows) = (frame.col("tip").mean(), frame.col("fare").max().of::<f64>(), frame.col("tip").len());
    assert_eq!(compute!(mean, most, rows).unwrap(), (6.5 / 3.0, 16.0, 4));
    let kept = frame.reduction(|rows| Ok(rows.tail(Some(1))), |rows| Ok(rows.head(Some(2))));
    for found in ways(&kept.select(["fare"])) {
        assert_eq!(found, df!("fare" => [8.0, 5.0]).unwrap());
    }
    assert!(DataFrame::from_polars(trips().slice(0, 0), 1).col("tip").mean().compute().unwrap().is_nan());
}

#[test]
fn mistakes_are_named_where_they_are_written() {
    let frame = DataFrame::from_polars(trips(), 2);
    let text = message(|| drop(frame.col("tipp")));
    assert!(text.contains("is \"tip\" meant?"), "{text}");
    let text = message(|| drop(frame.col("tip") + frame.filter(col("tip").gt(lit(1.0))).col("fare")));
    assert!(text.contains("two frames"), "{text}");
    let text = message(|| drop(frame.col("tip").map(|tip| tip.cum_sum(false))));
    assert!(text.contains("looks at more than one row"), "{text}");
    let text = message(|| drop(frame.col("tip").str()));
    assert!(text.contains("`str`: the column \"tip\" is of type f64"), "{text}");
    let text = message(|| drop(frame.col("zone").max().of::<f64>().compute()));
    assert!(text.contains("the value of `zone` is") && text.contains("not a f64"), "{text}");
}
