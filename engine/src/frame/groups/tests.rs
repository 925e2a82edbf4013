//! The same as Polars gives, of values that are difficult.

use proptest::prelude::*;

use super::*;

/// Keys and values of all kinds, with nulls, NaN and both zeros among them.
fn frames() -> impl Strategy<Value = DataFrame> {
    let row = (
        proptest::option::weighted(0.8, -3_i64..4),
        proptest::option::weighted(0.8, 0_usize..7),
        proptest::option::weighted(0.8, 0_usize..4),
        proptest::option::weighted(0.8, any::<bool>()),
        proptest::option::weighted(0.8, any::<i64>()),
    );
    proptest::collection::vec(row, 0..50).prop_map(|rows| {
        const FLOATS: [f64; 7] = [f64::NAN, -0.0, 0.0, 1.5, 1e9, -2.0, f64::INFINITY];
        const TEXTS: [&str; 4] = ["", "a", "a text that is longer than its view", "ä"];
        let texts: Vec<_> = rows.iter().map(|row| row.2.map(|text| TEXTS[text])).collect();
        let texts = Series::new("text".into(), texts);
        let categories = texts.cast(&DataType::from_categories(Categories::global())).unwrap();
        let numbers = Series::new("number".into(), rows.iter().map(|row| row.0).collect::<Vec<_>>());
        let floats: Vec<_> = rows.iter().map(|row| row.1.map(|float| FLOATS[float])).collect();
        let whole = numbers.cast(&DataType::Float64).unwrap();
        let small = numbers.cast(&DataType::Int8).unwrap();
        let days = numbers.cast(&DataType::Int32).unwrap().cast(&DataType::Date).unwrap();
        let wide = Series::new("wide".into(), rows.iter().map(|row| row.4).collect::<Vec<_>>());
        let columns = vec![
            small.with_name("small".into()).into_column(),
            days.with_name("day".into()).into_column(),
            whole.with_name("whole".into()).into_column(),
            categories.with_name("category".into()).into_column(),
            numbers.into_column(),
            texts.into_column(),
            Series::new("float".into(), floats).into_column(),
            Series::new("bool".into(), rows.iter().map(|row| row.3).collect::<Vec<_>>()).into_column(),
            wide.cast(&DataType::UInt64).unwrap_or(wide.clone()).with_name("above".into()).into_column(),
            wide.into_column(),
        ];
        DataFrame::new(rows.len(), columns).unwrap()
    })
}

const KEYS: [&str; 10] = ["small", "day", "whole", "category", "number", "text", "float", "bool", "wide", "above"];

fn parts() -> Vec<Expr> {
    let mut parts = vec![
        Expr::Len.cast(DataType::UInt64).alias("len"),
        col("float").mean().alias("mean"),
        crate::frame::aggregate::own_squares(col("whole")).alias("squares"),
        col("whole").mean().alias("mean whole"),
        crate::frame::aggregate::own_squares(col("float")).alias("squares of what is no number"),
    ];
    for name in KEYS {
        let of = || col(name);
        parts.extend([
            crate::frame::aggregate::counted(&of(), false).alias(format!("{name} count")),
            of().first().alias(format!("{name} first")),
            of().last().alias(format!("{name} last")),
            of().first_non_null().alias(format!("{name} first there")),
            of().last_non_null().alias(format!("{name} last there")),
        ]);
        if !["text", "category", "bool"].contains(&name) {
            parts.extend([of().min().alias(format!("{name} min")), of().max().alias(format!("{name} max"))]);
        }
        if ["number", "whole", "float", "wide"].contains(&name) {
            parts.push(of().sum().alias(format!("{name} sum")));
        }
    }
    parts
}

fn near(a: f64, b: f64) -> bool {
    a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-9 * b.abs().max(1.0)
}

/// In the order of the first rows, which differ from group to group.
fn in_order(frame: DataFrame) -> DataFrame {
    frame.sort(["row"], Default::default()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn groups_are_those_of_polars(
        frame in frames(), keys in proptest::sample::subsequence(&KEYS[..], 1..5).prop_shuffle(),
    ) {
        let frame = frame.lazy().with_row_index("row", None).collect().unwrap();
        let keys: Vec<Expr> = keys.iter().map(|key| col(*key).alias(format!("key {key}"))).collect();
        let mut parts = parts();
        parts.push(col("row").first());
        let plan = Plan::of(&keys, &parts).expect("all of it is known");
        let found = in_order(plan.run(frame.clone().lazy()).unwrap().collect().unwrap());
        let expected = in_order(frame.lazy().group_by(keys).agg(parts).collect().unwrap());
        prop_assert_eq!(found.schema(), expected.schema());
        for (found, expected) in found.columns().iter().zip(expected.columns()) {
            let close = match expected.dtype() {
                DataType::Float64 => {
                    let both = found.f64().unwrap().iter().zip(expected.f64().unwrap().iter());
                    both.into_iter().all(|both| match both {
                        (Some(a), Some(b)) => near(a, b),
                        (a, b) => a == b,
                    })
                }
                _ => found.equals_missing(expected),
            };
            prop_assert!(close, "{found:?} is not {expected:?}");
        }
    }

    #[test]
    fn merging_parts_gives_the_moments_of_the_whole(
        values in proptest::collection::vec((0_i32..3, proptest::option::weighted(0.9, -1.0_f64..1.0)), 1..60),
        cut in 0_usize..60,
    ) {
        let shift = 1e9;
        let keys: Vec<i32> = values.iter().map(|value| value.0).collect();
        let numbers: Vec<Option<f64>> = values.iter().map(|value| value.1.map(|value| value + shift)).collect();
        let frame = df!("k" => keys, "x" => numbers).unwrap();
        let (key, x) = ([col("k")], || col("x"));
        use crate::frame::aggregate::{counted, merged_mean, merged_squares, own_squares};
        let own = [counted(&x(), false).alias("n"), x().mean().alias("m"), own_squares(x()).alias("s")];
        let merge = [
            col("n").sum().alias("n"),
            merged_mean(&col("m"), &col("n")).alias("m"),
            merged_squares(col("s"), &col("m"), &col("n")).alias("s"),
        ];
        let cut = cut.min(frame.height());
        let part = |rows: DataFrame| grouped(rows.lazy(), &key, &own).unwrap().collect().unwrap();
        let mut parts = part(frame.slice(0, cut));
        parts.vstack_mut(&part(frame.slice(cut as i64, usize::MAX))).unwrap();
        prop_assert!(known(&merge).is_some());
        let merged = grouped(parts.lazy(), &key, &merge).unwrap().sort(["k"], Default::default()).collect().unwrap();
        // The same with the values themselves, whose mean is small.
        let small = frame.lazy().with_column((x() - lit(shift)).alias("x"));
        let small = small.group_by(key).agg([x().mean().alias("m"), x().var(0).alias("v")]);
        let small = small.sort(["k"], Default::default()).collect().unwrap();
        for row in 0..small.height() {
            let of = |frame: &DataFrame, name: &str| frame.column(name).unwrap().f64().unwrap().get(row);
            let count = merged.column("n").unwrap().u64().unwrap().get(row).unwrap();
            match of(&small, "v") {
                Some(variance) => {
                    let found = of(&merged, "s").unwrap() / count as f64;
                    prop_assert!((found - variance).abs() < 1e-6, "{found} is not {variance}");
                    prop_assert!((of(&merged, "m").unwrap() - shift - of(&small, "m").unwrap()).abs() < 1e-6);
                }
                None => prop_assert!(of(&merged, "m").is_none() && count == 0),
            }
        }
    }
}

#[test]
fn what_is_not_known_is_left_to_polars() {
    for part in [col("x").median(), col("x").sum() + lit(1), col("x").drop_nulls().sum(), col("x").n_unique()] {
        assert!(Plan::of(&[col("k")], &[part]).is_none());
    }
    assert!(Plan::of(&[lit(1)], &[col("x").sum()]).is_none());
    let frame = df!("k" => [1, 1, 2], "x" => [true, true, false]).unwrap();
    let sums = grouped(frame.lazy(), &[col("k")], &[col("x").sum()]).unwrap().sort(["k"], Default::default());
    assert_eq!(sums.collect().unwrap(), df!("k" => [1, 2], "x" => [2 as IdxSize, 0]).unwrap());
}
