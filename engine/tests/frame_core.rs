//! Frames: rows by partition, what is needed of files, shared parts, and what is refused.

#[path = "common/frames.rs"]
mod frames;

use frames::{message, travelled};
use polars::prelude::{DataFrame as Rows, IntoLazy, df};
use taskloom::polars;
use taskloom::prelude::*;

fn rows() -> Rows {
    df!(
        "zone" => [Some(1), Some(2), None, Some(1), Some(3), Some(2)],
        "tip" => [1.5, 0.0, f64::NAN, 2.5, 4.0, 0.5],
        "name" => ["a", "b", "c", "d", "e", "f"],
    )
    .unwrap()
}

#[test]
fn steps_on_rows_give_what_polars_gives() {
    let whole = rows();
    for npartitions in [1, 2, 6, 20] {
        let frame = DataFrame::from_polars(whole.clone(), npartitions);
        let made = frame
            .filter(col("tip").gt(lit(0.2)))
            .with_columns([(col("tip") * lit(2)).alias("double"), col("zone").fill_null(lit(0))])
            .rename([("name", "who")])
            .drop("tip")
            .select([col("who"), col("double"), col("zone").alias("z")]);
        let expected = whole
            .clone()
            .lazy()
            .filter(col("tip").gt(lit(0.2)))
            .with_columns([(col("tip") * lit(2)).alias("double"), col("zone").fill_null(lit(0))])
            .select([col("name").alias("who"), col("double"), col("zone").alias("z")])
            .collect()
            .unwrap();
        assert_eq!(made.schema(), *expected.schema());
        for scheduler in [Scheduler::Sync, Scheduler::Default] {
            let computed = made.compute_with(scheduler).unwrap();
            assert!(computed.equals_missing(&expected), "{computed} {expected}");
        }
    }
}

#[test]
fn a_task_travels() {
    let frame = DataFrame::from_polars(rows(), 3);
    let made = frame.filter(col("zone").is_not_null()).map_partitions(|rows| Ok(rows.head(Some(1))));
    assert!(travelled(&made).equals_missing(&made.compute().unwrap()));
}

#[test]
fn what_several_need_is_made_once() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let frame = DataFrame::from_polars(rows(), 3).map_partitions(|rows| {
        // The first call finds out the columns, without rows.
        CALLS.fetch_add(usize::from(rows.height() > 0), Ordering::Relaxed);
        Ok(rows)
    });
    let (one, two) = (frame.select(["zone"]), frame.filter(col("tip").gt(lit(1.0))));
    let (one, two) = compute!(one, two).unwrap();
    assert_eq!((one.height(), two.height()), (6, 4));
    assert_eq!(CALLS.load(Ordering::Relaxed), 3);
}

#[test]
fn mistakes_are_named_where_they_are_written() {
    let frame = DataFrame::from_polars(rows(), 2);
    let text = message(|| drop(frame.select([col("tipp")])));
    assert!(text.contains("no column \"tipp\"") && text.contains("is \"tip\" meant?"), "{text}");
    let text = message(|| drop(frame.filter(col("nome").eq(lit("a")))));
    assert!(text.contains("no column \"nome\"") && text.contains("\"zone\", \"tip\", \"name\""), "{text}");
    let text = message(|| drop(frame.with_columns([col("tip").cum_sum(false)])));
    assert!(text.contains("looks at more than one row"), "{text}");
    let text = message(|| drop(frame.filter(col("tip") + lit(1))));
    assert!(text.contains("filter"), "{text}");
    let text = message(|| drop(frame.partition(2)));
    assert!(text.contains("has 2"), "{text}");
}

#[test]
fn heads_and_lengths() {
    let frame = DataFrame::from_polars(rows(), 4);
    assert_eq!(frame.head(3).unwrap().height(), 3);
    assert_eq!(frame.filter(col("zone").eq(lit(3))).head(3).unwrap().height(), 1);
    assert!(frame.tail(4).unwrap().equals_missing(&rows().tail(Some(4))));
    assert_eq!(frame.len().unwrap(), 6);
    assert_eq!(frame.filter(col("zone").eq(lit(1))).len().unwrap(), 2);
    assert_eq!(frame.partitions(1..3).len().unwrap(), 3);
    let kept = frame.filter(col("zone").eq(lit(1))).persist().unwrap();
    assert_eq!(kept.len().unwrap(), 2);
}

#[test]
fn aggregates_stand_beside_rows() {
    let whole = rows().lazy().with_columns([col("tip").fill_nan(lit(0.25))]).collect().unwrap();
    let far = || (col("tip") - col("tip").mean()) / col("tip").std(1);
    for npartitions in [1, 3, 6] {
        let frame = DataFrame::from_polars(whole.clone(), npartitions);
        let alike = |made: DataFrame, expected: polars::prelude::LazyFrame| {
            let expected = expected.collect().unwrap();
            assert_eq!(made.schema(), *expected.schema());
            for scheduler in [Scheduler::Sync, Scheduler::Default] {
                let computed = made.compute_with(scheduler).unwrap();
                assert_eq!(computed.shape(), expected.shape());
                for (one, other) in computed.columns().iter().zip(expected.columns()) {
                    for row in 0..one.len() {
                        let (one, other) = (one.get(row).unwrap(), other.get(row).unwrap());
                        match (one.extract::<f64>(), other.extract::<f64>()) {
                            (Some(one), Some(other)) => assert!((one - other).abs() < 1e-12, "{one} {other}"),
                            _ => assert_eq!(one, other),
                        }
                    }
                }
            }
        };
        alike(frame.with_columns([far().alias("z")]), whole.clone().lazy().with_columns([far().alias("z")]));
        alike(
            frame.filter(col("tip").gt(col("tip").mean())).select(["name"]),
            whole.clone().lazy().filter(col("tip").gt(col("tip").mean())).select([col("name")]),
        );
        alike(
            frame.select([
                col("name"),
                (col("tip") / col("tip").sum()).alias("share"),
                col("zone").max().alias("most"),
            ]),
            whole.clone().lazy().select([
                col("name"),
                (col("tip") / col("tip").sum()).alias("share"),
                col("zone").max().alias("most"),
            ]),
        );
        alike(
            frame.with_columns([far().alias("z"), (col("zone") - col("zone").min()).alias("from")]).select(["z"]),
            whole.clone().lazy().select([far().alias("z")]),
        );
        // Aggregates alone are one row.
        alike(
            frame.select([
                col("tip").sum(),
                (col("zone").max() - col("zone").min()).alias("width"),
                col("tip").median().alias("half"),
            ]),
            whole.clone().lazy().select([
                col("tip").sum(),
                (col("zone").max() - col("zone").min()).alias("width"),
                col("tip").median().alias("half"),
            ]),
        );
    }
    let frame = DataFrame::from_polars(whole, 2);
    let text = message(|| drop(frame.with_columns([col("tip").shift(lit(1))])));
    assert!(text.contains("looks at more than one row"), "{text}");
}

#[test]
fn a_plan_is_explained_as_it_was_written_and_as_it_runs() {
    let frame = DataFrame::from_polars(rows(), 2);
    let text = frame.filter(col("zone").gt(lit(0))).groupby(["zone"]).agg([col("tip").mean()]).explain();
    let (written, tasks) = text.split_once("Tasks:").unwrap();
    assert!(
        written.contains("groupby by col(\"zone\"): col(\"tip\").mean()") && !written.contains("__taskloom"),
        "{text}"
    );
    assert!(
        written.find("groupby") < written.find("filter") && written.find("filter") < written.find("from_polars"),
        "{text}"
    );
    assert!(tasks.contains("2 of 3 columns (zone, tip)") && tasks.contains("merge the parts"), "{text}");
    assert!(tasks.contains("fold col(\"tip\").sum(), col(\"tip\").count()") && !text.contains("__taskloom"), "{text}");
    assert!(tasks.contains("filter [(col(\"zone\")) > (0)]"), "{text}");
}

#[test]
fn the_index_stays_where_its_column_does() {
    let rows = df!("at" => [1, 2, 3, 4, 5, 6], "tip" => [1.0, 2.0, 0.5, 4.0, 0.0, 1.5]).unwrap();
    let frame = DataFrame::from_polars(rows, 3).set_index("at").unwrap();
    let index = |frame: &DataFrame| frame.index().map(str::to_owned);
    assert_eq!(index(&frame).as_deref(), Some("at"));
    let kept = [
        frame.assign("double", frame.col("tip") * 2.0),
        frame.with_columns([(col("tip") - col("tip").mean()).alias("tip")]),
        frame.select(["at", "tip"]),
        frame.rename([("tip", "t")]),
        frame.filter(col("tip").gt(0.7)).drop(["tip"]),
    ];
    for kept in kept {
        assert_eq!(index(&kept).as_deref(), Some("at"), "{}", kept.explain());
        let some = kept.loc(2..=4).compute().unwrap();
        let all = kept.compute().unwrap().lazy().filter(col("at").is_between(lit(2), lit(4), Default::default()));
        assert_eq!(some, all.collect().unwrap());
    }
    let lost = [
        frame.assign("at", frame.col("at") * -1),
        frame.select([(col("at") * lit(2)).alias("at")]),
        frame.rename([("at", "then")]),
        frame.map_partitions(Ok),
    ];
    for lost in lost {
        assert_eq!(index(&lost), None, "{}", lost.explain());
    }
}

#[test]
fn a_function_gives_the_columns_that_it_was_said_to_give() {
    let frame = DataFrame::from_polars(df!("n" => [1_i64, 2, 3]).unwrap(), 3);
    let promised = std::sync::Arc::new(frame.compute().unwrap().schema().as_ref().clone());
    let wrong = frame
        .map_partitions_as(promised.clone(), |rows| rows.lazy().select([col("n").cast(DataType::Float64)]).collect());
    let error = wrong.compute().unwrap_err().to_string();
    assert!(
        error.contains("gave other columns") && error.contains("\"n\" (f64)") && error.contains("\"n\" (i64)"),
        "{error}"
    );
    // The same where the columns are found out from a frame without rows.
    let sometimes = frame.map_partitions(|rows| {
        let name = if rows.height() == 0 { "n" } else { "m" };
        rows.lazy().select([col("n").alias(name)]).collect()
    });
    let error = sometimes.compute().unwrap_err().to_string();
    assert!(error.contains("\"m\" (i64); said were \"n\" (i64)"), "{error}");
    assert_eq!(frame.map_partitions_as(promised, Ok).compute().unwrap(), frame.compute().unwrap());
}

#[test]
fn columns_keep_their_places_when_they_are_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let memory = DataFrame::from_polars(df!("a" => [1, 2, 3], "b" => [4, 5, 6], "c" => [7, 8, 9]).unwrap(), 2);
    memory.to_parquet(folder.path()).unwrap();
    let files = read_parquet(folder.path()).unwrap();
    for frame in [memory.repartition(1), files.repartition(1), memory, files] {
        // Nobody needs `a` as it was, so it is not read.
        let made = [lit(7).alias("a"), col("c").alias("a"), (col("b") - col("b").mean()).alias("a")];
        for made in made {
            let made = frame.with_columns([made]);
            let rows = made.compute().unwrap();
            assert_eq!((rows.schema(), rows.height()), (&made.schema(), 3), "{}", made.explain());
            assert_eq!(made.select([col("a")]).compute().unwrap().height(), 3);
        }
    }
}

#[test]
fn methods_take_names_expressions_and_series() {
    let frame = DataFrame::from_polars(rows(), 2);
    let dear = frame.col("tip").gt(1.0);
    let height = |frame: DataFrame| frame.compute().unwrap().height();
    assert_eq!(height(frame.filter(&dear)), height(frame.filter(col("tip").gt(1))));
    assert_eq!(height(frame.filter(dear.clone() & frame.col("name").neq("a"))), 3);
    assert_eq!(frame.select(frame.col("tip") * 2).columns(), ["tip"]);
    assert_eq!(frame.with_columns([dear.alias("dear"), frame.col("name").str().len().alias("n")]).columns().len(), 5);
    let more = frame.assign("dear", &dear).assign("year", 2019).assign("half", col("tip") / lit(2));
    assert_eq!(more.dtypes()[3..], [DataType::Boolean, DataType::Int32, DataType::Float64]);
    assert_eq!(height(frame.groupby(frame.col("zone").gt(1).alias("far")).size()), 3);
    assert_eq!(height(frame.groupby(&[String::from("zone")][..]).size()), 4);
    assert_eq!(frame.drop(&String::from("tip")).columns(), ["zone", "name"]);
    let text = message(move || drop(more.filter(dear)));
    assert!(text.contains("`filter`: `tip` is a series of another frame"), "{text}");
    let text = message(move || drop(frame.filter(col("name").eq("c"))));
    assert!(
        text.contains("no column \"c\", and a text to compare with is written `lit(\"c\")`; the columns"),
        "{text}"
    );
}
