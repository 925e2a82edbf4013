//! What shuffles and sorts rely on, of random frames.

use proptest::prelude::*;

use super::*;

/// Values that are difficult: missing ones, NaN, both zeros, texts longer than a view, few and many different ones.
fn frames() -> impl Strategy<Value = DataFrame> {
    let row = (
        proptest::option::weighted(0.8, -3_i64..4),
        proptest::option::weighted(0.8, 0_usize..6),
        proptest::option::weighted(0.8, 0_usize..5),
        proptest::option::weighted(0.8, any::<bool>()),
    );
    proptest::collection::vec(row, 0..60).prop_map(|rows| {
        const FLOATS: [f64; 6] = [f64::NAN, -0.0, 0.0, 1.5, f64::NEG_INFINITY, -2.0];
        const TEXTS: [&str; 5] = ["", "a", "twelve bytes", "a text that is longer than its view", "ä"];
        let height = rows.len();
        let texts: Vec<_> = rows.iter().map(|row| row.2.map(|text| TEXTS[text])).collect();
        let texts = Series::new("text".into(), texts);
        let categories =
            texts.cast(&DataType::from_categories(Categories::global())).unwrap().with_name("category".into());
        let numbers = Series::new("number".into(), rows.iter().map(|row| row.0).collect::<Vec<_>>());
        let days = numbers.cast(&DataType::Int32).unwrap().cast(&DataType::Date).unwrap().with_name("day".into());
        let floats: Vec<_> = rows.iter().map(|row| row.1.map(|float| FLOATS[float])).collect();
        let columns = vec![
            numbers.into_column(),
            Series::new("float".into(), floats).into_column(),
            texts.into_column(),
            categories.into_column(),
            days.into_column(),
            Series::new("bool".into(), rows.iter().map(|row| row.3).collect::<Vec<_>>()).into_column(),
            Series::new("row".into(), (0..height as u32).collect::<Vec<_>>()).into_column(),
        ];
        DataFrame::new(height, columns).unwrap()
    })
}

const KEYS: [&str; 6] = ["number", "float", "text", "category", "day", "bool"];

fn keys() -> impl Strategy<Value = Vec<PlSmallStr>> {
    proptest::sample::subsequence(&KEYS[..], 1..4)
        .prop_shuffle()
        .prop_map(|keys| keys.into_iter().map(PlSmallStr::from).collect())
}

fn orders() -> impl Strategy<Value = Order> {
    (keys(), proptest::collection::vec(any::<bool>(), 3), proptest::collection::vec(any::<bool>(), 3)).prop_map(
        |(keys, down, last)| Order {
            descending: down[..keys.len()].to_vec(),
            nulls_last: last[..keys.len()].to_vec(),
            keys,
        },
    )
}

/// A frame cut at random places, some partitions empty.
fn cut(frame: &DataFrame, places: &[usize]) -> Vec<DataFrame> {
    let mut ends: Vec<usize> = places.iter().map(|place| place % (frame.height() + 1)).collect();
    ends.sort_unstable();
    ends.push(frame.height());
    let starts = std::iter::once(0).chain(ends.clone());
    starts.zip(&ends).map(|(start, &end)| frame.slice(start as i64, end - start)).collect()
}

/// The different keys of a frame.
fn differing(frame: &DataFrame, keys: &[PlSmallStr]) -> DataFrame {
    frame.select(keys.iter().cloned()).unwrap().unique_stable(None, UniqueKeepStrategy::Any, None).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_hash_puts_equal_keys_together(
        frame in frames(), keys in keys(), places in proptest::collection::vec(0_usize..100, 0..4), n in 1_usize..6,
        limit in prop_oneof![Just(0_u64), Just(u64::MAX / 2)], last in any::<bool>(),
    ) {
        let budget = Budget::new(limit);
        let parts = cut(&frame, &places);
        let pieces: Vec<_> = parts.iter().map(|part| {
            let numbers = hashed_pieces(part, &keys, n).unwrap();
            Arc::new(split(part, &numbers, n, &budget).unwrap())
        }).collect();
        prop_assert_eq!(budget.held() > 0, limit > 0 && frame.height() > 0);
        prop_assert_eq!(budget.spilled() > 0, limit == 0 && frame.height() > 0);
        let mut all = frame.clear();
        let mut groups = 0;
        for k in 0..n {
            let found = gather(&pieces, k, last).unwrap();
            // Rows stay in their order.
            let rows: Vec<u32> = found.column("row").unwrap().u32().unwrap().into_no_null_iter().collect();
            prop_assert!(rows.is_sorted());
            groups += differing(&found, &keys).height();
            all.vstack_mut(&found).unwrap();
            if last && found.height() > 0 {
                prop_assert!(gather(&pieces, k, last).unwrap_err().to_string().contains("one reading only"));
            }
        }
        prop_assert_eq!(groups, differing(&frame, &keys).height());
        prop_assert!(all.sort(["row"], Default::default()).unwrap().equals_missing(&frame));
        if last {
            prop_assert_eq!(budget.held(), 0);
        }
    }

    #[test]
    fn distinct_rows_are_those_of_polars(
        frame in frames(), keys in keys(),
        keep in proptest::sample::select(&[UniqueKeepStrategy::First, UniqueKeepStrategy::Last, UniqueKeepStrategy::None][..]),
    ) {
        let names: Vec<String> = keys.iter().map(|key| key.to_string()).collect();
        let expected = frame.unique_stable(Some(&names), keep, None).unwrap();
        prop_assert!(super::distinct(&frame, &keys, keep).unwrap().equals_missing(&expected));
    }

    #[test]
    fn ranges_one_after_the_other_are_the_whole_sorted(
        frame in frames(), order in orders(), places in proptest::collection::vec(0_usize..100, 0..4), n in 1_usize..6,
        size in 1_usize..20, spread in any::<bool>(), limit in prop_oneof![Just(0_u64), Just(u64::MAX / 2)],
    ) {
        let budget = Budget::new(limit);
        let parts = cut(&frame, &places);
        let samples: Vec<_> =
            parts.iter().enumerate().map(|(seed, part)| sample(part, &order.keys, size, seed as u64).unwrap()).collect();
        let bounds = boundaries(&samples, n, &order, !spread).unwrap();
        prop_assert!(bounds.height() < n);
        let pieces: Vec<_> = parts.iter().enumerate().map(|(partition, part)| {
            let ties = if spread { Ties::Spread { partition, of: parts.len() } } else { Ties::Together };
            let numbers = range::pieces_of(part, &order, &bounds, ties).unwrap();
            Arc::new(split(part, &numbers, bounds.height() + 1, &budget).unwrap())
        }).collect();
        let mut all = frame.clear();
        let mut groups = 0;
        for k in 0..=bounds.height() {
            let found = order.sort(&gather(&pieces, k, true).unwrap()).unwrap();
            groups += differing(&found, &order.keys).height();
            all.vstack_mut(&found).unwrap();
        }
        if !spread {
            prop_assert_eq!(groups, differing(&frame, &order.keys).height());
        }
        let expected = order.sort(&frame).unwrap();
        prop_assert!(all.equals_missing(&expected), "{all}{expected}{bounds}");
    }
}

#[test]
fn samples_make_partitions_of_about_one_size() {
    let parts: Vec<DataFrame> = [10_000, 1_000, 50_000, 0]
        .into_iter()
        .map(|height| df!("k" => (0..height).map(|n| (n * 7919 % 100_003) as i64).collect::<Vec<_>>()).unwrap())
        .collect();
    let order = Order::ascending(&["k".into()]);
    let size = sample_size(parts.len(), 10);
    let samples: Vec<_> =
        parts.iter().enumerate().map(|(seed, part)| sample(part, &order.keys, size, seed as u64).unwrap()).collect();
    let bounds = boundaries(&samples, 10, &order, true).unwrap();
    assert_eq!(bounds.height(), 9);
    let mut counts = [0; 10];
    for part in &parts {
        let numbers = range::pieces_of(part, &order, &bounds, Ties::Together).unwrap();
        numbers.into_iter().for_each(|number| counts[number as usize] += 1);
    }
    assert!(counts.iter().all(|count| (4_500..7_800).contains(count)), "{counts:?}");
}

#[test]
fn a_key_that_most_rows_have_is_spread_when_it_may_be() {
    let part = df!("k" => [vec![1_i64; 90], (0..10).collect()].concat()).unwrap();
    let order = Order::ascending(&["k".into()]);
    let samples: Vec<_> = (0..8).map(|seed| sample(&part, &order.keys, 50, seed).unwrap()).collect();
    let largest = |distinct: bool| {
        let bounds = boundaries(&samples, 8, &order, distinct).unwrap();
        let mut counts = vec![0; bounds.height() + 1];
        for partition in 0..8 {
            let ties = if distinct { Ties::Together } else { Ties::Spread { partition, of: 8 } };
            for number in range::pieces_of(&part, &order, &bounds, ties).unwrap() {
                counts[number as usize] += 1;
            }
        }
        counts.into_iter().max().unwrap()
    };
    assert!(largest(true) >= 720);
    assert!(largest(false) <= 200, "{}", largest(false));
}

#[test]
fn pieces_own_their_strings() {
    let texts: Vec<String> = (0..1000).map(|n| format!("a text that is longer than its view, {n}")).collect();
    let frame = df!("k" => (0..1000_i64).collect::<Vec<_>>(), "text" => texts).unwrap();
    let pieces = split_by_hash(&frame, &["k".into()], 10).unwrap();
    let piece = pieces.take(3).unwrap();
    let owned: usize =
        piece.column("text").unwrap().str().unwrap().downcast_iter().map(|array| array.total_buffer_len()).sum();
    assert!(owned < 8_000, "{owned}");
    assert!(pieces.nbytes() >= 1000 * (8 + 16 + 37) && pieces.nbytes() < 1000 * 80, "{}", pieces.nbytes());
}

#[test]
fn rows_are_cut_into_runs() {
    let frame = df!("a" => (0..10_i32).collect::<Vec<_>>()).unwrap();
    let pieces = Arc::new(split_at(&frame, &[3, 3, 10]).unwrap());
    assert_eq!(pieces.len(), 3);
    let heights: Vec<usize> = (0..3).map(|k| pieces.take(k).unwrap().height()).collect();
    assert_eq!(heights, [3, 0, 7]);
    assert!(gather(&[Arc::clone(&pieces), pieces], 2, false).unwrap().height() == 14);
}
