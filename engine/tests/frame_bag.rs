//! Bags of records as frames.

use serde::Serialize;
use taskloom::polars::prelude::DataFrame as Rows;
use taskloom::prelude::*;
use taskloom::serde_json::json;

#[derive(Clone, Serialize)]
struct Trip {
    id: i64,
    zone: String,
    tip: Option<f64>,
}

fn trips() -> Bag<Trip> {
    Bag::range(2500, 3).map(|id| Trip {
        id,
        zone: format!("z{}", id % 4),
        tip: (id % 3 > 0).then_some(id as f64 / 2.0),
    })
}

fn expected() -> Rows {
    df!(
        "id" => (0..2500).collect::<Vec<i64>>(),
        "zone" => (0..2500).map(|id| format!("z{}", id % 4)).collect::<Vec<_>>(),
        "tip" => (0..2500).map(|id| (id % 3 > 0).then_some(id as f64 / 2.0)).collect::<Vec<_>>(),
    )
    .unwrap()
}

#[test]
fn rows_are_the_items() {
    let frame = trips().to_dataframe().unwrap();
    assert_eq!((frame.npartitions(), frame.columns()), (3, vec!["id".to_owned(), "zone".to_owned(), "tip".to_owned()]));
    assert!(frame.compute().unwrap().equals_missing(&expected()));
    let ids = frame.filter(col("zone").eq(lit("z1"))).select([col("id")]).compute().unwrap();
    assert_eq!(ids.height(), 625);
}

#[test]
fn columns_can_be_said() {
    let meta = df!("tip" => Vec::<f32>::new(), "id" => Vec::<i64>::new()).unwrap();
    let rows = trips().to_dataframe_as(&meta).unwrap().compute().unwrap();
    assert_eq!((rows.height(), rows.schema()), (2500, meta.schema()));
    let none = trips().filter(|_| false);
    assert_eq!(none.to_dataframe_as(&meta).unwrap().compute().unwrap().height(), 0);
    let error = none.to_dataframe().unwrap_err().to_string();
    assert!(error.contains("the bag is empty"), "{error}");
}

#[test]
fn objects_may_lack_members_and_partitions_items() {
    let rows = (0..20).map(|n| if n < 10 { json!({"n": n}) } else { json!({"n": null, "other": 1}) });
    let bag = Bag::from_sequence(rows, 4).filter(|row| row["n"].as_i64() != Some(3));
    let frame = bag.filter(|row| row["n"].as_i64().is_none_or(|n| n > 5)).to_dataframe().unwrap();
    let rows = frame.compute().unwrap();
    assert_eq!((rows.height(), rows.column("n").unwrap().null_count()), (14, 10));
}

#[test]
fn what_is_no_record_is_said() {
    let error = Bag::range(4, 2).to_dataframe().unwrap_err().to_string();
    assert!(error.contains("rows are made of structs and of JSON objects, and an item is `0`"), "{error}");
    let meta = df!("n" => Vec::<i64>::new()).unwrap();
    let mixed = Bag::from_sequence([json!({"n": 1}), json!([2])], 1);
    let error = mixed.to_dataframe_as(&meta).unwrap().compute().unwrap_err().to_string();
    assert!(error.contains("an item is `[2]`"), "{error}");
}
