//! Every aggregation, in parts, against Polars on all rows.

use polars::lazy::dsl::{cov, pearson_corr};
use polars::prelude::*;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

use super::super::{Aggregation, n_unique_approx, quantile_approx, restore};
use super::*;

/// A row: two keys, then values of all kinds.
type Row = (
    (Option<i32>, Option<u8>),
    (Option<i64>, Option<i8>, Option<u32>, Option<bool>),
    (Option<f64>, Option<f32>),
    (Option<u16>, Option<i32>, Option<i64>),
);

fn row() -> impl Strategy<Value = Row> {
    let float = prop_oneof![
        8 => -1e3..1e3_f64,
        2 => (-3..3_i32).prop_map(f64::from),
        1 => Just(f64::NAN),
    ];
    let small = prop_oneof![6 => (-100..100_i32).prop_map(|x| x as f32 / 4.0), 1 => Just(f32::NAN)];
    (
        (weighted(0.9, -2..3_i32), weighted(0.9, 0..3_u8)),
        (
            weighted(0.8, -1000..1000_i64),
            weighted(0.8, any::<i8>()),
            weighted(0.8, 0..1000_u32),
            weighted(0.8, any::<bool>()),
        ),
        (weighted(0.8, float), weighted(0.8, small)),
        (weighted(0.8, 0..6_u16), weighted(0.8, -10_000..20_000_i32), weighted(0.8, -1_000_000_000..1_000_000_000_i64)),
    )
}

fn frame(rows: &[Row]) -> DataFrame {
    let words = ["", "a", "loom", "weft and warp, far longer than twelve bytes", "é", "z"];
    let text = |word: u16| words[usize::from(word)];
    let days: Vec<_> = rows.iter().map(|row| row.3.1).collect();
    let instants: Vec<_> = rows.iter().map(|row| row.3.2).collect();
    let of = |name: &str, values: &[Option<i64>], dtype: DataType| {
        Series::new(name.into(), values).cast(&dtype).unwrap().into_column()
    };
    let keys = ["x", "y", "z"];
    let text_keys: Vec<_> = rows.iter().map(|row| row.0.1.map(|key| keys[usize::from(key)])).collect();
    let columns = vec![
        Column::new("k".into(), rows.iter().map(|row| row.0.0).collect::<Vec<_>>()),
        Column::new("s".into(), text_keys),
        Column::new("i".into(), rows.iter().map(|row| row.1.0).collect::<Vec<_>>()),
        Column::new("tiny".into(), rows.iter().map(|row| row.1.1).collect::<Vec<_>>()),
        Column::new("u".into(), rows.iter().map(|row| row.1.2).collect::<Vec<_>>()),
        Column::new("b".into(), rows.iter().map(|row| row.1.3).collect::<Vec<_>>()),
        Column::new("f".into(), rows.iter().map(|row| row.2.0).collect::<Vec<_>>()),
        Column::new("g".into(), rows.iter().map(|row| row.2.1).collect::<Vec<_>>()),
        Column::new("text".into(), rows.iter().map(|row| row.3.0.map(text)).collect::<Vec<_>>()),
        Series::new("day".into(), &days).cast(&DataType::Date).unwrap().into_column(),
        of("at", &instants, DataType::Datetime(TimeUnit::Microseconds, None)),
        of(
            "zoned",
            &instants,
            DataType::Datetime(TimeUnit::Milliseconds, TimeZone::opt_try_new(Some("Europe/Berlin")).unwrap()),
        ),
        of("took", &instants, DataType::Duration(TimeUnit::Milliseconds)),
    ];
    DataFrame::new(rows.len(), columns).unwrap()
}

/// All kinds of aggregations that can be computed in parts.
fn aggregations() -> Vec<Expr> {
    let mut all = vec![len(), len().alias("rows") * lit(2), lit(7).alias("seven")];
    for name in ["i", "tiny", "u", "b", "f", "g"] {
        let column = || col(name);
        all.extend([column().sum(), column().mean(), column().min(), column().max()]);
        all.extend([column().std(1), column().var(0), column().var(1), column().std(2)]);
    }
    for name in ["i", "tiny", "u", "b", "f", "g", "text", "day", "at", "zoned", "took"] {
        let column = || col(name);
        all.extend([column().count(), column().len(), column().null_count(), column().n_unique()]);
        all.extend([column().first(), column().last(), column().first_non_null(), column().last_non_null()]);
        all.extend([column().min(), column().max()]);
    }
    for name in ["day", "at", "zoned", "took"] {
        all.push(col(name).mean());
    }
    all.extend([col("took").sum(), col("took").std(1)]);
    all.extend([col("b").any(true), col("b").any(false), col("b").all(true), col("b").all(false)]);
    all.extend([col("tiny").cast(DataType::Float64).product(), (col("i") % lit(3)).product()]);
    // What is inside, and what is around.
    all.extend([
        (col("i") * lit(2) + col("u").cast(DataType::Int64)).sum().alias("inside"),
        (col("f").sum() / col("f").count()).alias("around"),
        (col("i").max() - col("i").min() + lit(1)).alias("span"),
        when(col("i").sum().gt(lit(0))).then(col("f").mean()).otherwise(lit(-1.0)).alias("chosen"),
        col("f").mean().round(2, RoundMode::HalfAwayFromZero),
        col("i").sum().cast(DataType::String),
        col("text").str().len_chars().mean().alias("characters"),
        col("at").dt().hour().max().alias("hour"),
        col("f").fill_null(lit(0.0)).mean().alias("filled"),
        col("f").is_null().sum().alias("nulls"),
        col("i").sum().is_between(lit(0), lit(100), ClosedInterval::Both),
        (col("f") - lit(1e6)).var(1).alias("far"),
    ]);
    // Rows that are left out.
    all.extend([
        col("i").filter(col("b")).sum(),
        col("f").filter(col("i").gt(lit(0))).mean().alias("positive"),
        col("i").filter(col("b")).first().alias("first of b"),
        col("text").filter(col("b")).last().alias("last of b"),
        col("i").filter(col("b")).len().alias("how many b"),
        col("i").filter(col("b")).n_unique().alias("distinct of b"),
        col("f").drop_nulls().len().alias("not null"),
        col("f").drop_nans().mean().alias("numbers"),
        (col("i").drop_nulls() * lit(2)).first().alias("first twice"),
        col("f").filter(col("b")).var(1).alias("spread of b"),
    ]);
    all.extend([cov(col("i"), col("u"), 1).alias("cov"), cov(col("tiny"), col("i"), 0).alias("cov0")]);
    all.push(pearson_corr(col("i"), col("u")).alias("corr"));
    all
}

fn decompose(exprs: &[Expr], keys: &[Expr], schema: &Schema) -> Option<Decomposed> {
    let aggregates: Vec<Aggregate> = exprs.iter().cloned().map(Aggregate::from).collect();
    super::decompose(&aggregates, keys, schema)
}

/// The aggregates by partitions, merged so many at a time.
fn in_parts(frame: &DataFrame, cuts: &[usize], at_once: usize, decomposed: &Decomposed) -> DataFrame {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (frame.height() + 1)).collect();
    ends.push(frame.height());
    ends.sort_unstable();
    let group = |frame: LazyFrame, keys: &[Expr], exprs: &[Expr]| {
        let grouped = if keys.is_empty() { frame.select(exprs) } else { frame.group_by(keys).agg(exprs) };
        grouped.collect().unwrap()
    };
    let names: Vec<Expr> = decomposed.key_names.iter().cloned().map(col).collect();
    let mut start = 0;
    let mut states = Vec::new();
    for end in ends {
        let part = frame.slice(start as i64, end - start);
        states.push(group(part.lazy(), &decomposed.keys, &decomposed.partial));
        start = end;
    }
    while states.len() > 1 {
        let merge = |states: &[DataFrame]| {
            let mut all = states[0].clone();
            states[1..].iter().for_each(|state| all = all.vstack(state).unwrap());
            group(all.lazy(), &names, &decomposed.combine)
        };
        states = states.chunks(at_once).map(merge).collect();
    }
    let all: Vec<Expr> = names.iter().cloned().chain(decomposed.finish.iter().cloned()).collect();
    states.pop().unwrap().lazy().select(all).collect().unwrap()
}

fn whole(frame: &DataFrame, exprs: &[Expr], keys: &[Expr]) -> DataFrame {
    let lazy = frame.clone().lazy();
    let result = if keys.is_empty() { lazy.select(exprs) } else { lazy.group_by(keys).agg(exprs) };
    result.collect().unwrap()
}

/// The rows in the order of their keys.
fn in_order(frame: DataFrame, keys: usize) -> DataFrame {
    let by: Vec<Expr> = frame.get_column_names_owned().into_iter().take(keys).map(col).collect();
    if keys == 0 { frame } else { frame.lazy().sort_by_exprs(by, SortMultipleOptions::default()).collect().unwrap() }
}

/// What is not equal, floats up to what another order of summing changes.
fn difference(found: &DataFrame, wanted: &DataFrame) -> Option<String> {
    if found.schema() != wanted.schema() || found.height() != wanted.height() {
        return Some(format!("{:?} of {} rows, not {:?}", found.schema(), found.height(), wanted.schema()));
    }
    for (found, wanted) in found.columns().iter().zip(wanted.columns()) {
        let name = wanted.name();
        for row in 0..wanted.len() {
            let (found, wanted) = (found.get(row).unwrap(), wanted.get(row).unwrap());
            let is_close = match (&found, &wanted) {
                (AnyValue::Float64(found), AnyValue::Float64(wanted)) => close(*found, *wanted, 1e-9),
                (AnyValue::Float32(found), AnyValue::Float32(wanted)) => {
                    close(f64::from(*found), f64::from(*wanted), 1e-4)
                }
                // A mean of instants is rounded from a float.
                (AnyValue::Datetime(found, ..), AnyValue::Datetime(wanted, ..)) => found.abs_diff(*wanted) <= 1,
                (AnyValue::Duration(found, _), AnyValue::Duration(wanted, _)) => found.abs_diff(*wanted) <= 1,
                (found, wanted) => found == wanted,
            };
            if !is_close {
                return Some(format!("{name}, row {row}: {found:?}, not {wanted:?}"));
            }
        }
    }
    None
}

fn close(found: f64, wanted: f64, within: f64) -> bool {
    found == wanted || (found.is_nan() && wanted.is_nan()) || (found - wanted).abs() <= within * (1.0 + wanted.abs())
}

fn all_keys() -> [Vec<Expr>; 4] {
    [vec![], vec![col("k")], vec![col("k"), col("s")], vec![(col("k") + lit(1)).alias("next")]]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_give_what_the_whole_gives(
        rows in vec(row(), 0..40),
        cuts in vec(0..100_usize, 0..6),
        at_once in 2..5_usize,
    ) {
        let frame = frame(&rows);
        let named = |(at, expr): (usize, Expr)| expr.alias(format!("e{at}"));
        let exprs: Vec<Expr> = aggregations().into_iter().enumerate().map(named).collect();
        for keys in all_keys() {
            let decomposed = decompose(&exprs, &keys, frame.schema()).unwrap();
            let found = in_order(in_parts(&frame, &cuts, at_once, &decomposed), keys.len());
            let wanted = in_order(whole(&frame, &exprs, &keys), keys.len());
            prop_assert_eq!(difference(&found, &wanted), None, "{:?}", keys);
        }
    }
}

/// Several columns from one expression.
fn several() -> [Expr; 3] {
    [
        cols(["i", "f"]).as_expr().sum(),
        dtype_col(&DataType::String).as_selector().as_expr().max(),
        all().as_expr().first(),
    ]
}

#[test]
fn names_and_types_are_those_of_polars() {
    let frame = frame(&[]);
    for keys in all_keys() {
        for expr in aggregations().into_iter().chain(several()) {
            let exprs = std::slice::from_ref(&expr);
            match decompose(exprs, &keys, frame.schema()) {
                Some(decomposed) => {
                    let found = in_parts(&frame, &[0], 2, &decomposed);
                    assert_eq!(found.schema(), whole(&frame, exprs, &keys).schema(), "{expr}");
                }
                None => assert!(expr == lit(7).alias("seven") && keys.is_empty(), "{expr} by {keys:?}"),
            }
        }
    }
}

#[test]
fn what_needs_all_rows_is_not_taken_apart() {
    let frame = frame(&[]);
    let refused = [
        col("i").median(),
        col("i").quantile(lit(0.5), QuantileMethod::Linear),
        col("i").shift(lit(1)).sum(),
        col("i").sort(SortOptions::default()).first(),
        col("i").cum_sum(false).max(),
        col("i").unique().sum(),
        (col("i") - col("i").mean()).sum(),
        col("i").head(Some(2)).sum(),
        col("i").sum().over([col("s")]).unwrap().max(),
        col("f").rank(RankOptions::default(), None).max(),
        col("i").implode(true),
    ];
    for expr in refused {
        for keys in all_keys() {
            assert!(decompose(std::slice::from_ref(&expr), &keys, frame.schema()).is_none(), "{expr}");
        }
    }
    assert!(decompose(&[col("i").sum()], &[col("k").shift(lit(1))], frame.schema()).is_none());
    assert!(decompose(&[col("nowhere").sum()], &[], frame.schema()).is_none());
}

#[test]
fn the_same_part_is_computed_once() {
    let frame = frame(&[]);
    let exprs = [col("f").mean().alias("a"), col("f").sum().alias("b"), col("f").std(1).alias("c"), col("f").var(0)];
    let decomposed = decompose(&exprs, &[col("k")], frame.schema()).unwrap();
    assert_eq!(decomposed.partial.len(), 4, "sum, count, mean, squares: {:?}", decomposed.partial);
    let quantiles = [0.1, 0.5, 0.9].map(|q| quantile_approx(col("f"), q).alias(format!("{q}")));
    assert_eq!(super::decompose(&quantiles, &[], frame.schema()).unwrap().partial.len(), 1);
}

/// Many rows in few groups.
fn many_rows() -> DataFrame {
    let n = 30_000_i64;
    df!(
        "k" => (0..n).map(|i| i % 3).collect::<Vec<_>>(),
        "x" => (0..n).map(|i| ((i * 7919) % n) as f64).collect::<Vec<_>>(),
        "id" => (0..n).map(|i| format!("{}", i % 10_000)).collect::<Vec<_>>(),
    )
    .unwrap()
}

#[test]
fn approximations_are_near() {
    let frame = many_rows();
    for keys in [vec![], vec![col("k")]] {
        let aggregates = [
            n_unique_approx(col("id")),
            n_unique_approx(col("k").cast(DataType::String)).alias("few"),
            quantile_approx(col("x"), 0.5),
            quantile_approx(col("x"), 0.99).alias("high"),
        ];
        let decomposed = super::decompose(&aggregates, &keys, frame.schema()).unwrap();
        let found = in_order(in_parts(&frame, &[100, 100, 5000, 20_000], 3, &decomposed), keys.len());
        let exprs: Vec<Expr> = aggregates.iter().map(Aggregate::whole).collect();
        let of_all = in_order(whole(&frame, &exprs, &keys), keys.len());
        assert_eq!(found.schema(), of_all.schema());
        let exact = in_order(
            whole(
                &frame,
                &[
                    col("id").n_unique(),
                    col("k").n_unique().alias("few"),
                    col("x").median(),
                    col("x").quantile(lit(0.99), QuantileMethod::Linear).alias("high"),
                ],
                &keys,
            ),
            keys.len(),
        );
        for (column, within) in [("id", 0.033), ("few", 0.0), ("x", 0.003), ("high", 0.003)] {
            for row in 0..exact.height() {
                let number = |frame: &DataFrame| {
                    frame.column(column).unwrap().cast(&DataType::Float64).unwrap().f64().unwrap().get(row).unwrap()
                };
                let (found, exact) = (number(&found), number(&exact));
                assert!((found / exact - 1.0).abs() <= within, "{column}: {found} for {exact}");
            }
        }
    }
}

#[test]
fn sketches_come_back_from_bytes() {
    let frame = many_rows();
    let aggregates = [n_unique_approx(col("id")), quantile_approx(col("x"), 0.5)];
    let mut decomposed = super::decompose(&aggregates, &[col("k")], frame.schema()).unwrap();
    let wanted = in_order(in_parts(&frame, &[10_000], 2, &decomposed), 1);
    for exprs in [&mut decomposed.partial, &mut decomposed.combine, &mut decomposed.finish] {
        for expr in exprs {
            let bytes = serde_json::to_vec(expr).unwrap();
            *expr = restore(serde_json::from_slice(&bytes).unwrap()).unwrap();
        }
    }
    assert!(in_order(in_parts(&frame, &[10_000], 2, &decomposed), 1).equals(&wanted));
}

#[test]
fn an_aggregation_of_the_users_own() {
    let rms = Aggregation::custom(
        "rms",
        |x| vec![(x.clone() * x.clone()).sum(), x.count()],
        |state| vec![state[0].clone().sum(), state[1].clone().sum()],
        |state| (state[0].clone() / state[1].clone().cast(DataType::Float64)).sqrt(),
    );
    let frame = many_rows();
    let aggregates = [rms.on(col("x")), Aggregate::from(col("x").max().alias("max"))];
    for keys in [vec![], vec![col("k")]] {
        let decomposed = super::decompose(&aggregates, &keys, frame.schema()).unwrap();
        let found = in_order(in_parts(&frame, &[0, 1, 20_000], 2, &decomposed), keys.len());
        let exprs = [(col("x") * col("x")).mean().sqrt(), col("x").max().alias("max")];
        assert_eq!(difference(&found, &in_order(whole(&frame, &exprs, &keys), keys.len())), None);
    }
}
