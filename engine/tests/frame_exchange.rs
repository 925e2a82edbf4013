//! Operations that bring rows of different partitions together: they give what Polars gives for the whole frame, on every
//! scheduler, in memory and on disk, and after a journey.

#[path = "common/frames.rs"]
mod frames;

use std::sync::{Mutex, MutexGuard, PoisonError};

use frames::travelled;
use polars::prelude::{
    AnyValue, AsOfOptions, AsofStrategy, Categories, DataFrame as Rows, IntoColumn, IntoLazy, JoinArgs, JoinCoalesce,
    JoinType, NamedFrom, Series, SortMultipleOptions, UniqueKeepStrategy, df,
};
use proptest::prelude::*;
use taskloom::dataframe::{
    AsOf, Direction, How, Join, Keep, SortOptions, Strategy as Way, concat, concat_diagonal, set_shuffle_memory,
    shuffle_memory,
};
use taskloom::polars;
use taskloom::prelude::*;

/// The budget is one for the process: each test has its turn.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

const TEXTS: [&str; 5] = ["", "a", "twelve bytes", "a text that is longer than its view", "ä"];
const FLOATS: [f64; 6] = [f64::NAN, -0.0, 0.0, 1.5, f64::NEG_INFINITY, -2.0];

/// Columns of the kinds that are difficult, and the number of the row.
fn made(rows: &[(Option<i64>, Option<usize>, Option<usize>)], row: &str) -> Rows {
    let height = rows.len();
    let number = Series::new("number".into(), rows.iter().map(|row| row.0).collect::<Vec<_>>());
    let text = Series::new("text".into(), rows.iter().map(|row| row.2.map(|n| TEXTS[n])).collect::<Vec<_>>());
    let zone = polars::prelude::TimeZone::opt_try_new(Some("Europe/Vilnius")).unwrap();
    let time = (number.cast(&DataType::Int64).unwrap() * 3_600_000)
        .cast(&DataType::Datetime(polars::prelude::TimeUnit::Milliseconds, zone))
        .unwrap();
    Rows::new(
        height,
        vec![
            number.into_column(),
            Series::new("float".into(), rows.iter().map(|row| row.1.map(|n| FLOATS[n])).collect::<Vec<_>>())
                .into_column(),
            text.cast(&DataType::from_categories(Categories::global()))
                .unwrap()
                .with_name("category".into())
                .into_column(),
            text.into_column(),
            time.with_name("time".into()).into_column(),
            Series::new(row.into(), (0..height as u32).collect::<Vec<_>>()).into_column(),
        ],
    )
    .unwrap()
}

fn some_rows(row: &'static str) -> impl Strategy<Value = Rows> {
    let values = (
        proptest::option::weighted(0.8, -3_i64..4),
        proptest::option::weighted(0.8, 0_usize..6),
        proptest::option::weighted(0.8, 0_usize..5),
    );
    proptest::collection::vec(values, 0..40).prop_map(move |rows| made(&rows, row))
}

const KEYS: [&str; 5] = ["number", "float", "category", "text", "time"];

fn keys() -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(&KEYS[..], 1..3).prop_shuffle()
}

/// Partitions cut at random places; some are empty.
fn parted(rows: &Rows, places: &[usize]) -> DataFrame {
    let mut ends: Vec<usize> = places.iter().map(|place| place % (rows.height() + 1)).collect();
    ends.sort_unstable();
    ends.push(rows.height());
    let starts = std::iter::once(0).chain(ends.clone());
    let parts = starts.zip(&ends).map(|(start, &end)| rows.slice(start as i64, end - start)).collect();
    DataFrame::from_partitions(parts).unwrap()
}

/// The rows on every scheduler, through memory and through disk, and from a parcel.
fn everywhere(frame: &DataFrame) -> Vec<Rows> {
    let mut all = vec![frame.compute_with(Scheduler::Sync).unwrap(), frame.compute().unwrap()];
    set_shuffle_memory(Some(0));
    all.push(frame.compute().unwrap());
    set_shuffle_memory(None);
    all.push(travelled(frame));
    // A worker may be about to drop what it has read.
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while shuffle_memory().held > 0 {
        assert!(std::time::Instant::now() < patience, "pieces are left in memory: {:?}", shuffle_memory());
        std::thread::sleep(std::time::Duration::from_micros(100));
    }
    all
}

/// In an order that depends on the rows alone.
fn ordered(rows: &Rows, by: &[&str]) -> Rows {
    let options = SortMultipleOptions::default().with_maintain_order(true).with_nulls_last(true);
    rows.sort(by.iter().copied(), options).unwrap()
}

fn names(keys: &[&str]) -> Vec<polars::prelude::Expr> {
    keys.iter().map(|key| col(*key)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_shuffle_keeps_all_rows_and_brings_equal_keys_together(
        rows in some_rows("row"), keys in keys(), places in proptest::collection::vec(0_usize..100, 0..4), n in 1_usize..5,
    ) {
        let _turn = turn();
        let shuffled = parted(&rows, &places).shuffle(&keys, n);
        for found in everywhere(&shuffled) {
            prop_assert!(ordered(&found, &["row"]).equals_missing(&rows));
        }
        let distinct = |rows: &Rows| rows.clone().lazy().select(names(&keys)).unique(None, UniqueKeepStrategy::Any).collect().unwrap().height();
        let each: usize = (0..n).map(|k| distinct(&shuffled.partition(k).compute().unwrap())).sum();
        prop_assert_eq!(each, distinct(&rows));
    }

    #[test]
    fn a_sort_is_that_of_polars(
        rows in some_rows("row"), keys in keys(), places in proptest::collection::vec(0_usize..100, 0..4), n in 1_usize..5,
        down in any::<[bool; 2]>(), last in any::<[bool; 2]>(), held in any::<bool>(), few in 0_usize..12,
    ) {
        let _turn = turn();
        let (down, last) = (down[..keys.len()].to_vec(), last[..keys.len()].to_vec());
        let options = SortOptions::default().descending(down.clone()).nulls_last(last.clone()).npartitions(n);
        let mut frame = parted(&rows, &places);
        if held {
            // What is not read again is held between sample and split.
            frame = frame.map_partitions(Ok);
        }
        let expected = SortMultipleOptions::default()
            .with_order_descending_multi(down).with_nulls_last_multi(last).with_maintain_order(true);
        let expected = rows.sort(keys.iter().copied(), expected).unwrap();
        let sorted = frame.sort_values_with(&keys, options);
        for found in everywhere(&sorted) {
            prop_assert!(found.equals_missing(&expected), "{found}{expected}");
        }
        prop_assert!(sorted.head(few).unwrap().equals_missing(&expected.head(Some(few))));
    }

    #[test]
    fn a_join_is_that_of_polars(
        left in some_rows("left"), right in some_rows("right"), keys in keys(), nulls_equal in any::<bool>(),
        left_places in proptest::collection::vec(0_usize..100, 0..4), right_places in proptest::collection::vec(0_usize..100, 0..4),
        how in proptest::sample::select(&[How::Inner, How::Left, How::Right, How::Outer, How::Semi, How::Anti][..]),
        way in proptest::sample::select(&[Way::Auto, Way::Broadcast, Way::Shuffle][..]),
    ) {
        let _turn = turn();
        let join = Join::new(how).strategy(way).suffix("_other").nulls_equal(nulls_equal);
        let joined = parted(&left, &left_places).join(&parted(&right, &right_places), &keys, &keys, join);
        let (kind, coalesce) = match how {
            How::Inner => (JoinType::Inner, JoinCoalesce::JoinSpecific),
            How::Left => (JoinType::Left, JoinCoalesce::JoinSpecific),
            How::Right => (JoinType::Right, JoinCoalesce::JoinSpecific),
            How::Outer => (JoinType::Full, JoinCoalesce::CoalesceColumns),
            How::Semi => (JoinType::Semi, JoinCoalesce::JoinSpecific),
            _ => (JoinType::Anti, JoinCoalesce::JoinSpecific),
        };
        let args = JoinArgs { how: kind, coalesce, suffix: Some("_other".into()), nulls_equal, ..Default::default() };
        let expected = left.clone().lazy().join(right.clone().lazy(), names(&keys), names(&keys), args).collect().unwrap();
        let by: Vec<&str> = ["left", "right"].into_iter().filter(|name| expected.schema().contains(name)).collect();
        let expected = ordered(&expected, &by);
        for found in everywhere(&joined) {
            prop_assert_eq!(found.schema(), expected.schema());
            prop_assert!(ordered(&found, &by).equals_missing(&expected), "{found}{expected}");
        }
    }

    #[test]
    fn distinct_rows_are_those_of_polars(
        rows in some_rows("row"), keys in keys(), places in proptest::collection::vec(0_usize..100, 0..4),
        keep in proptest::sample::select(&[Keep::First, Keep::Last, Keep::None][..]),
    ) {
        let _turn = turn();
        let strategy = match keep {
            Keep::First => UniqueKeepStrategy::First,
            Keep::Last => UniqueKeepStrategy::Last,
            _ => UniqueKeepStrategy::None,
        };
        let subset: Vec<String> = keys.iter().map(|key| key.to_string()).collect();
        let expected = rows.unique_stable(Some(&subset), strategy, None).unwrap();
        for found in everywhere(&parted(&rows, &places).drop_duplicates_with(&keys, keep)) {
            prop_assert!(ordered(&found, &["row"]).equals_missing(&expected), "{found}{expected}");
        }
        let few = rows.drop("row").unwrap();
        let expected = few.unique_stable(None, UniqueKeepStrategy::Any, None).unwrap().height();
        prop_assert_eq!(parted(&few, &places).unique().len().unwrap(), expected);
    }

    #[test]
    fn an_index_orders_and_selects(
        rows in some_rows("row"), key in proptest::sample::select(&["number", "float", "text", "time"][..]),
        places in proptest::collection::vec(0_usize..100, 0..4), from in -4_i32..5, length in 0_i32..4,
    ) {
        let _turn = turn();
        let indexed = parted(&rows, &places).set_index(key).unwrap();
        let expected = rows.sort([key], SortMultipleOptions::default().with_maintain_order(true)).unwrap();
        for found in everywhere(&indexed) {
            prop_assert!(found.equals_missing(&expected), "{found}{expected}");
        }
        let Some(divisions) = indexed.divisions() else {
            prop_assert_eq!(rows.column(key).unwrap().null_count(), rows.height());
            return Ok(());
        };
        prop_assert_eq!(divisions.len(), indexed.npartitions() + 1);
        for k in 0..indexed.npartitions() {
            let part = indexed.partition(k).compute().unwrap().column(key).unwrap().drop_nulls();
            for row in 0..part.len() {
                let value = part.get(row).unwrap();
                prop_assert!(divisions[k] <= value && value <= divisions[k + 1]);
                prop_assert!(k + 1 == indexed.npartitions() || value < divisions[k + 1]);
            }
        }
        if key == "number" {
            let to = from + length;
            let some = |condition: Expr| rows.clone().lazy().filter(condition).collect().unwrap().height();
            prop_assert_eq!(indexed.loc(from..=to).len().unwrap(), some(col(key).gt_eq(lit(from)).and(col(key).lt_eq(lit(to)))));
            prop_assert_eq!(indexed.loc(from..to).len().unwrap(), some(col(key).gt_eq(lit(from)).and(col(key).lt(lit(to)))));
            prop_assert_eq!(indexed.loc(from..).len().unwrap(), some(col(key).gt_eq(lit(from))));
            prop_assert_eq!(indexed.loc(..to).len().unwrap(), some(col(key).lt(lit(to))));
            prop_assert_eq!(indexed.loc(from).len().unwrap(), some(col(key).eq(lit(from))));
        }
    }

    #[test]
    fn joins_by_divisions_are_those_of_polars(
        left in some_rows("left"), right in some_rows("right"), key in proptest::sample::select(&["number", "text", "time"][..]),
        left_places in proptest::collection::vec(0_usize..100, 0..5), right_places in proptest::collection::vec(0_usize..100, 0..5),
        how in proptest::sample::select(&[How::Inner, How::Left, How::Right, How::Outer, How::Semi, How::Anti][..]), again in any::<bool>(),
    ) {
        let _turn = turn();
        // Joins of what is in memory would hand the small side to all.
        let indexed = |rows: &Rows, places: &[usize]| parted(rows, places).set_index(key).unwrap();
        let (one, other) = (indexed(&left, &left_places), indexed(&right, &right_places));
        let other = if again { other.repartition(3) } else { other };
        let joined = one.join(&other, key, key, how);
        let shuffled = one.clear_divisions().join(&other.clear_divisions(), key, key, Join::new(how).strategy(Way::Shuffle));
        let expected = shuffled.compute().unwrap();
        let by: Vec<&str> = ["left", "right"].into_iter().filter(|name| expected.schema().contains(name)).collect();
        for found in everywhere(&joined) {
            prop_assert!(ordered(&found, &by).equals_missing(&ordered(&expected, &by)), "{found}{expected}");
        }
    }

    #[test]
    fn joins_by_time_are_those_of_polars(
        left in some_rows("left"), right in some_rows("right"), on in proptest::sample::select(&["number", "time"][..]),
        left_places in proptest::collection::vec(0_usize..100, 0..4), right_places in proptest::collection::vec(0_usize..100, 0..4),
        by in any::<bool>(), exact in any::<bool>(), near in any::<bool>(), indexed in any::<bool>(),
        direction in proptest::sample::select(&[Direction::Backward, Direction::Forward, Direction::Nearest][..]),
    ) {
        let _turn = turn();
        let mut options = AsOf::default().direction(direction).exact(exact);
        let mut wanted = AsOfOptions {
            strategy: match direction {
                Direction::Backward => AsofStrategy::Backward,
                Direction::Forward => AsofStrategy::Forward,
                Direction::Nearest => AsofStrategy::Nearest,
            },
            allow_eq: exact,
            check_sortedness: false,
            ..Default::default()
        };
        if by {
            options = options.by("text");
            wanted.left_by = Some(vec!["text".into()]);
            wanted.right_by = wanted.left_by.clone();
        }
        if near {
            options = if on == "time" { options.tolerance("1h") } else { options.distance(1.0) };
            wanted.tolerance_str = (on == "time").then(|| "1h".into());
            wanted.tolerance = (on == "number").then(|| polars::prelude::Scalar::from(1_i64));
        }
        let one = parted(&left, &left_places);
        let one = if indexed { one.set_index(on).unwrap() } else { one };
        let joined = one.join_asof(&parted(&right, &right_places), on, on, options);
        let sorted = |rows: &Rows| rows.sort([on], SortMultipleOptions::default().with_maintain_order(true)).unwrap().lazy();
        let args = JoinArgs { how: JoinType::AsOf(Box::new(wanted)), ..Default::default() };
        let expected = sorted(&left).join(sorted(&right), [col(on)], [col(on)], args).collect().unwrap();
        for found in everywhere(&joined) {
            prop_assert_eq!(found.schema(), expected.schema());
            prop_assert!(ordered(&found, &["left"]).equals_missing(&ordered(&expected, &["left"])), "{found}{expected}");
        }
    }

    #[test]
    fn other_partitions_hold_the_same_rows(
        rows in some_rows("row"), places in proptest::collection::vec(0_usize..100, 0..5), n in 1_usize..9, bytes in 50_u64..2000,
    ) {
        let _turn = turn();
        let frame = parted(&rows, &places);
        let parts = frame.repartition(n);
        prop_assert_eq!(parts.npartitions(), n);
        for found in everywhere(&parts) {
            prop_assert!(found.equals_missing(&rows));
        }
        prop_assert!(frame.repartition_bytes(bytes).unwrap().compute().unwrap().equals_missing(&rows));
        let twice = concat([&frame, &parts]);
        prop_assert!(twice.compute().unwrap().equals_missing(&rows.vstack(&rows).unwrap()));
    }
}

#[test]
fn only_the_partitions_that_matter_are_computed() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static PARTITIONS: AtomicUsize = AtomicUsize::new(0);
    let rows = df!("n" => (0..100).collect::<Vec<i32>>()).unwrap();
    let counted = DataFrame::from_polars(rows, 10).map_partitions(|rows| {
        PARTITIONS.fetch_add(usize::from(rows.height() > 0), Ordering::Relaxed);
        Ok(rows)
    });
    let frame = counted.set_index_sorted("n").unwrap();
    assert_eq!(frame.index(), Some("n"));
    PARTITIONS.store(0, Ordering::Relaxed);
    let found = frame.filter(col("n").gt_eq(lit(0))).loc(25..=31);
    assert_eq!(found.npartitions(), 2);
    assert_eq!(found.compute().unwrap().height(), 7);
    assert_eq!(PARTITIONS.load(Ordering::Relaxed), 2);
    assert_eq!(frame.loc(1000..).compute().unwrap().height(), 0);
}

#[test]
fn times_are_selected_as_precisely_as_they_are_written() {
    let hours: Vec<i64> = (0..24 * 400).map(|hour| hour * 3_600_000).collect();
    let utc = Series::new("at".into(), hours)
        .cast(&DataType::Datetime(polars::prelude::TimeUnit::Milliseconds, None))
        .unwrap();
    let frame = DataFrame::from_polars(Rows::new(utc.len(), vec![utc.into_column()]).unwrap(), 12);
    let frame = frame.set_index_sorted("at").unwrap();
    let count = |range: &DataFrame| range.len().unwrap();
    assert_eq!(count(&frame.loc("1970-02")), 28 * 24);
    assert_eq!(count(&frame.loc("1970-02-03")), 24);
    assert_eq!(count(&frame.loc("1970-02-03 05")), 1);
    assert_eq!(count(&frame.loc("1970-01-31"..="1970-02")), 29 * 24);
    assert_eq!(count(&frame.loc("1970-01-31".."1970-02")), 24);
    assert_eq!(count(&frame.loc("1971"..)), 35 * 24);
    let months = frame.repartition_freq("1mo").unwrap();
    assert_eq!(months.npartitions(), 14);
    assert_eq!(count(&months.partition(1)), 28 * 24);
    assert_eq!(months.compute().unwrap(), frame.compute().unwrap());

    let zoned = frame.assign(
        "at",
        col("at").dt().replace_time_zone(
            polars::prelude::TimeZone::opt_try_new(Some("Europe/Vilnius")).unwrap(),
            lit("earliest"),
            polars::prelude::NonExistent::Null,
        ),
    );
    let zoned = zoned.filter(col("at").is_not_null()).set_index("at").unwrap();
    assert_eq!(count(&zoned.loc("1970-02-03")), 24);
}

#[test]
fn what_cannot_be_is_said_where_it_is_written() {
    let message = |work: &dyn Fn()| {
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_err();
        panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()))
            .unwrap()
    };
    let one = DataFrame::from_polars(df!("key" => [1, 2], "name" => ["a", "b"]).unwrap(), 2);
    let text = message(&|| drop(one.sort_values("nmae")));
    assert!(text.contains("is \"name\" meant?"), "{text}");
    let text = message(&|| drop(one.join(&one, "key", "name", How::Inner)));
    assert!(text.contains("holds i32") && text.contains("cast one of them"), "{text}");
    let text = message(&|| drop(one.join(&one, ["key", "name"], "key", How::Inner)));
    assert!(text.contains("2 keys of one side and 1 of the other"), "{text}");
    let text = message(&|| drop(one.loc("2015")));
    assert!(text.contains("`set_index(column)` makes one"), "{text}");
    let text = message(&|| drop(one.set_index("key").unwrap().loc("2015")));
    assert!(text.contains("holds i32"), "{text}");
    let text = message(&|| drop(concat([&one, &one.select(["key"])])));
    assert!(text.contains("frame 1"), "{text}");
    let sorted = DataFrame::from_polars(df!("n" => [3, 1, 2]).unwrap(), 2).set_index_sorted("n");
    assert!(sorted.unwrap_err().to_string().contains("`set_index` sorts"));
}

#[test]
fn frames_of_different_columns_are_put_together() {
    let one = DataFrame::from_polars(df!("a" => [1_i32, 2]).unwrap(), 2);
    let two = DataFrame::from_polars(df!("b" => ["x"], "a" => [3_i64]).unwrap(), 1);
    let both = concat_diagonal([&one, &two]).compute().unwrap();
    let expected = df!("a" => [1_i64, 2, 3], "b" => [None, None, Some("x")]).unwrap();
    assert!(both.equals_missing(&expected), "{both}");
}

#[test]
fn a_cross_join_has_all_pairs() {
    let one = DataFrame::from_polars(df!("a" => (0..7).collect::<Vec<i32>>()).unwrap(), 3);
    let other = DataFrame::from_polars(df!("b" => (0..5).collect::<Vec<i32>>()).unwrap(), 2);
    let pairs = one.cross_join(&other).compute().unwrap();
    assert_eq!(pairs.height(), 35);
    assert_eq!(pairs.unique_stable(None, UniqueKeepStrategy::Any, None).unwrap().height(), 35);
}

#[test]
fn an_index_is_kept_where_rows_stay() {
    let frame = DataFrame::from_polars(df!("n" => (0..9).collect::<Vec<i32>>(), "m" => [1; 9]).unwrap(), 3);
    let frame = frame.set_index_sorted("n").unwrap();
    assert_eq!(frame.filter(col("m").eq(lit(1))).divisions().unwrap()[1], AnyValue::Int32(3));
    assert_eq!(
        concat([&frame, &frame.assign("n", col("n") + lit(9)).set_index_sorted("n").unwrap()])
            .divisions()
            .unwrap()
            .len(),
        7
    );
    assert!(concat([&frame, &frame]).divisions().is_none());
    assert!(!frame.shuffle("m", 2).known_divisions());
    assert_eq!(frame.repartition(1).divisions().unwrap(), [AnyValue::Int32(0), AnyValue::Int32(8)]);
}
