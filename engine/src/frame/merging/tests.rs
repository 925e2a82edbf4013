//! Which way is chosen, and that all lead to the same.

use polars::prelude::{DataType, IntoColumn, NamedFrom, Series, lit};

use super::super::aggregate::{Aggregate, Decomposed, decompose};
use super::super::rows::RowStep;
use super::*;

/// Rows of which each is in a group with the one `apart` rows before it.
fn rows(count: i64, apart: i64, partitions: usize) -> DataFrame {
    let keys = Series::new("k".into(), (0..count).map(|n| (n * 7919) % apart).collect::<Vec<_>>());
    let texts = keys.cast(&DataType::String).unwrap().with_name("t".into());
    let values = Series::new("x".into(), (0..count).map(|n| n as f64).collect::<Vec<_>>());
    let columns = vec![keys.into_column(), texts.into_column(), values.into_column()];
    DataFrame::from_polars(Rows::new(count as usize, columns).unwrap(), partitions)
}

/// Parts of the partitions, and how they are merged.
fn parts(frame: &DataFrame, pieces: Option<usize>) -> Fold {
    let aggregates: Vec<Aggregate> = vec![col("x").sum().into(), col("x").std(1).alias("std").into()];
    let keys = [col("t"), (col("k") + lit(1)).alias("k")];
    let Decomposed { keys, key_names, partial, combine, finish } =
        decompose(&aggregates, &keys, &frame.schema()).unwrap();
    let parts = Node::rows("groupby", frame.node(), RowStep::Partial(keys, partial)).unwrap();
    let names: Vec<String> = key_names.iter().map(|name| name.to_string()).collect();
    let finish: Vec<Expr> = key_names.into_iter().map(col).chain(finish).collect();
    let finish = Finish { finish, sorted: names.clone() };
    Fold { written: "groupby".to_owned(), input: parts, merge: Merge { names, combine }, finish, pieces }
}

fn result(frame: &DataFrame, pieces: Option<usize>, ranges: Option<usize>) -> DataFrame {
    let aggregates = [col("x").sum(), col("x").std(1).alias("std")];
    let schema = frame.groupby([col("t"), (col("k") + lit(1)).alias("k")]).agg(aggregates).schema();
    let fold = parts(frame, pieces);
    DataFrame::of(match ranges {
        Some(n) => in_ranges("groupby", schema, fold, n, "it is a test".to_owned()),
        None => Node::across("groupby", schema, 1, fold),
    })
}

/// As many parts as rows, which are more than are merged at once.
#[test]
fn pieces_and_ranges_lead_to_the_same_as_a_tree() {
    let frame = rows(900_000, 450_000, 6);
    let expected = result(&frame, None, None).compute().unwrap();
    assert_eq!(expected.height(), 450_000);
    let fold = parts(&frame, Some(8));
    let first: Vec<Rows> =
        (0..2).map(|n| DataFrame::of(Arc::clone(&fold.input)).partition(n).compute().unwrap()).collect();
    assert!(pieces_of(&first, 6, 8) > 1, "the parts are to be split");
    let same = |found: Rows| {
        let sums = |rows: &Rows| rows.drop("std").unwrap();
        assert_eq!(sums(&found), sums(&expected));
        let stds =
            |rows: &Rows| rows.column("std").unwrap().f64().unwrap().iter().map(Option::unwrap).collect::<Vec<_>>();
        let close = |(one, other): (f64, f64)| (one - other).abs() <= 1e-9 * other;
        assert!(stds(&found).into_iter().zip(stds(&expected)).all(close));
    };
    same(result(&frame, Some(8), None).compute().unwrap());
    let ranges = result(&frame, None, Some(5));
    assert_eq!(ranges.npartitions(), 5);
    assert_eq!(ranges.len().unwrap(), 450_000);
    assert!(ranges.partition(2).len().unwrap() > 40_000, "ranges are about as large as one another");
    same(ranges.compute().unwrap());
}

#[test]
fn few_groups_are_one_piece_and_missing_keys_are_a_group() {
    let some = [rows(100, 5, 1).compute().unwrap()];
    assert_eq!(pieces_of(&some, 1000, 64), 1);
    let keys = Series::new("k".into(), [Some(1_i64), None, Some(2), None]);
    let values = Series::new("x".into(), [1.0, 2.0, 3.0, 4.0]);
    let texts = Series::new("t".into(), [Some("a"), None, Some("b"), None]);
    let columns = vec![keys.into_column(), texts.into_column(), values.into_column()];
    let frame = DataFrame::from_polars(Rows::new(4, columns).unwrap(), 4);
    let expected = result(&frame, None, None).compute().unwrap();
    assert_eq!(expected.height(), 3);
    assert!(result(&frame, Some(4), None).compute().unwrap().equals_missing(&expected));
    assert!(result(&frame, None, Some(3)).compute().unwrap().equals_missing(&expected));
}

#[test]
fn the_way_depends_on_how_many_groups_there_may_be() {
    let way_of = |frame: &DataFrame, memory: u64| {
        let fold = parts(frame, None);
        way_within(&fold.input, &fold.merge.names, memory)
    };
    // However little memory there is: what is small fits.
    assert_eq!(way_of(&rows(1000, 1000, 4), 1 << 10), Way::Tree);
    let (many, few) = (rows(1_000_000, 1_000_000, 8), rows(1_000_000, 100, 8));
    assert_eq!(way_of(&many, 64 << 30), Way::Pieces(8));
    assert_eq!(way_of(&few, 32 << 20), Way::Pieces(8));
    let Way::Ranges(n, why) = way_of(&many, 32 << 20) else { panic!("a million groups do not fit into 32 MiB") };
    assert!(n > 8, "{n}");
    assert!(why.contains("about 1000 thousand groups") && why.ends_with("may have 32 MiB"), "{why}");
}

#[test]
fn a_plan_says_how_groups_are_merged_and_why() {
    let frame = rows(1000, 10, 3);
    assert!(result(&frame, None, None).explain().contains("merge the parts of all partitions by t, k: 1 partition\n"));
    assert!(result(&frame, Some(8), None).explain().contains("or in up to 8 pieces"));
    let ranges = result(&frame, None, Some(5)).explain();
    assert!(ranges.contains("in 5 partitions by ranges of these: it is a test"), "{ranges}");
}
