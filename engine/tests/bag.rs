//! Bags give what plain iterators give: however they are cut, on every scheduler, and in the form that travels.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use taskloom::Error;
use taskloom::bag::Item;
use taskloom::prelude::*;
use taskloom::travel::{Parcel, objects::Objects};

/// Partitions of any lengths, many of them empty, one of them perhaps long.
fn partitions() -> impl Strategy<Value = Vec<Vec<i64>>> {
    prop::collection::vec(prop_oneof![Just(Vec::new()), prop::collection::vec(-20_i64..20, 0..9), skewed()], 1..7)
}

fn skewed() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(0_i64..3, 0..60)
}

fn bag_of(parts: &[Vec<i64>]) -> Bag<i64> {
    Bag::from_delayed(&parts.iter().cloned().map(delayed_value).collect::<Vec<_>>())
}

/// On each scheduler, and through bytes.
fn items<T: Clone + PartialEq + std::fmt::Debug + Send + Sync + 'static>(bag: &Bag<T>) -> Vec<T> {
    let sync = bag.compute_with(Scheduler::Sync).unwrap();
    assert_eq!(bag.compute_with(Scheduler::Threads(2)).unwrap(), sync);
    let bytes = Parcel::pack(&(bag,)).unwrap().to_bytes();
    let parts = Parcel::from_bytes(&bytes).unwrap().compute(&Objects::new(), Scheduler::Sync).unwrap();
    assert_eq!(bag.decode(&parts).unwrap(), sync);
    sync
}

fn value<T: Clone + PartialEq + std::fmt::Debug + Send + Sync + 'static>(item: &Item<T>) -> Result<T, String> {
    let sync = item.compute_with(Scheduler::Sync).map_err(|error| error.to_string());
    let threads = item.compute_with(Scheduler::Threads(2)).map_err(|error| error.to_string());
    assert_eq!(threads, sync);
    let bytes = Parcel::pack(&(item,)).unwrap().to_bytes();
    let there = Parcel::from_bytes(&bytes).unwrap().compute(&Objects::new(), Scheduler::Sync);
    assert_eq!(there.map(|bytes| item.decode(&bytes[0]).unwrap()).map_err(|error| error.to_string()), sync);
    sync
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn steps_are_those_of_iterators(parts in partitions()) {
        let (bag, all) = (bag_of(&parts), parts.concat());
        prop_assert_eq!(items(&bag), all.clone());
        let mapped: Vec<i64> = all.iter().map(|x| x * 3).filter(|x| x % 2 == 0).collect();
        prop_assert_eq!(items(&bag.map(|x| x * 3).filter(|x| x % 2 == 0)), mapped);
        let removed: Vec<i64> = all.iter().copied().filter(|x| *x <= 0).collect();
        prop_assert_eq!(items(&bag.remove(|x| *x > 0)), removed);
        let flat: Vec<i64> = all.iter().flat_map(|&x| 0..x % 4).collect();
        prop_assert_eq!(items(&bag.flat_map(|x| 0..x % 4)), flat.clone());
        prop_assert_eq!(items(&bag.map(|x| (0..x % 4).collect::<Vec<i64>>()).flatten()), flat);
        let reversed: Vec<i64> = parts.iter().flat_map(|part| part.iter().rev().copied()).collect();
        prop_assert_eq!(items(&bag.map_partitions(|mut part| { part.reverse(); part })), reversed);
        let running: Vec<i64> = all.iter().scan(0, |sum, x| { *sum += x; Some(*sum) }).collect();
        prop_assert_eq!(items(&bag.accumulate(|a, b| a + b)), running.clone());
        let from: Vec<i64> = std::iter::once(7).chain(running.iter().map(|x| x + 7)).collect();
        prop_assert_eq!(items(&bag.accumulate_from(|a, b| a + b, 7)), from);
    }

    #[test]
    fn bags_come_together_as_iterators_do(parts in partitions(), more in partitions(), count in 1_usize..9) {
        let (bag, other) = (bag_of(&parts), bag_of(&more));
        let (all, others) = (parts.concat(), more.concat());
        prop_assert_eq!(items(&bag.concat(&other)), [all.clone(), others.clone()].concat());
        let cut = bag.repartition(count);
        prop_assert_eq!((cut.npartitions(), items(&cut)), (count, all.clone()));
        let zipped: Vec<(i64, i64)> = all.iter().map(|&x| (x, x * x)).collect();
        prop_assert_eq!(items(&bag.zip(&bag.map(|x| x * x))), zipped);
        let product = bag.product(&other);
        prop_assert_eq!(product.npartitions(), parts.len() * more.len());
        let mut pairs = items(&product);
        let mut expected: Vec<(i64, i64)> = all.iter().flat_map(|&a| others.iter().map(move |&b| (a, b))).collect();
        pairs.sort();
        expected.sort();
        prop_assert_eq!(pairs, expected);
        let joined: Vec<(i64, i64)> =
            all.iter().flat_map(|&a| others.iter().filter(move |b| **b % 5 == a % 5).map(move |&b| (b, a))).collect();
        prop_assert_eq!(items(&bag.join(&other, |a| a % 5, |b| b % 5)), joined);
        for (number, part) in parts.iter().enumerate() {
            prop_assert_eq!(&items(&bag.partition(number)), part);
        }
    }

    #[test]
    fn values_are_those_of_iterators(parts in partitions(), k in 0_usize..6) {
        let (bag, all) = (bag_of(&parts), parts.concat());
        prop_assert_eq!(value(&bag.count()), Ok(all.len()));
        prop_assert_eq!(value(&bag.sum()), Ok(all.iter().sum::<i64>()));
        prop_assert_eq!(value(&bag.any(|x| *x > 15)), Ok(all.iter().any(|x| *x > 15)));
        prop_assert_eq!(value(&bag.all(|x| *x < 15)), Ok(all.iter().all(|x| *x < 15)));
        prop_assert_eq!(value(&bag.min()).ok(), all.iter().min().copied());
        prop_assert_eq!(value(&bag.max()).ok(), all.iter().max().copied());
        prop_assert_eq!(value(&bag.reduce(|a, b| a + b)).ok(), all.iter().copied().reduce(|a, b| a + b));
        prop_assert_eq!(value(&bag.fold(|sum: i64, x| sum + x * x, 0, |a, b| a + b)), Ok(all.iter().map(|x| x * x).sum()));
        let lengths = value(&bag.reduction(|part| part.len() as i64, |lengths| lengths));
        prop_assert_eq!(lengths, Ok(parts.iter().map(|part| part.len() as i64).collect::<Vec<_>>()));
        let mut sorted = all.clone();
        sorted.sort_by(|a, b| b.cmp(a));
        sorted.truncate(k);
        prop_assert_eq!(items(&bag.topk(k)), sorted);
        match all.len() {
            0 => {
                prop_assert!(value(&bag.mean()).unwrap_err().contains("the bag is empty"));
                prop_assert!(value(&bag.std()).unwrap_err().contains("the bag is empty"));
            }
            len => {
                let mean = all.iter().sum::<i64>() as f64 / len as f64;
                let variance = all.iter().map(|&x| (x as f64 - mean).powi(2)).sum::<f64>() / len as f64;
                prop_assert_eq!(value(&bag.mean()), Ok(mean));
                prop_assert!((value(&bag.var()).unwrap() - variance).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn keys_come_in_the_order_in_which_they_appear(parts in partitions(), count in 1_usize..5) {
        let (bag, all) = (bag_of(&parts), parts.concat());
        let mut order: Vec<i64> = Vec::new();
        all.iter().for_each(|x| if !order.contains(x) { order.push(*x) });
        let often: Vec<(i64, usize)> =
            order.iter().map(|x| (*x, all.iter().filter(|y| *y == x).count())).collect();
        prop_assert_eq!(items(&bag.frequencies()), often);
        prop_assert_eq!(items(&bag.distinct()), order);
        let mut sums: Vec<(i64, i64)> = Vec::new();
        for x in &all {
            match sums.iter_mut().find(|(key, _)| *key == x % 7) {
                Some((_, sum)) => *sum += x,
                None => sums.push((x % 7, *x)),
            }
        }
        prop_assert_eq!(items(&bag.foldby(|x| x % 7, |sum, x| sum + x, 0, |a, b| a + b)), sums);
        let grouped: BTreeMap<i64, Vec<i64>> = items(&bag.groupby_into(count, |x| x % 7)).into_iter().collect();
        let keys: BTreeSet<i64> = all.iter().map(|x| x % 7).collect();
        prop_assert_eq!(keys, grouped.keys().copied().collect());
        for (key, group) in grouped {
            prop_assert_eq!(group, all.iter().copied().filter(|x| x % 7 == key).collect::<Vec<_>>());
        }
    }
}

#[test]
fn what_is_computed_together_is_read_once() {
    static READ: AtomicUsize = AtomicUsize::new(0);
    let bag = Bag::range(1000, 4).map(|x| {
        READ.fetch_add(1, Ordering::Relaxed);
        x
    });
    let even = bag.filter(|x| x % 2 == 0);
    let (sum, most, count, digits, all) =
        compute!(bag.sum(), even.max(), even.count(), bag.map(|x| x % 10).frequencies(), bag).unwrap();
    assert_eq!((sum, most, count, digits.len(), all.len()), (499_500, 998, 500, 10, 1000));
    assert_eq!(READ.load(Ordering::Relaxed), 1000);
    // What is made of a result is part of the same run.
    let often = bag.map(|x| x % 10).frequencies();
    let (top, kinds, mean) = compute!(often.topk_by_key(2, |pair| pair.1), often.count(), bag.mean()).unwrap();
    assert_eq!((top.len(), kinds, mean), (2, 10, 499.5));
    assert_eq!(READ.load(Ordering::Relaxed), 2000);
    let (kept, total) = persist!(bag, bag.sum()).unwrap();
    assert_eq!((kept.count().compute().unwrap(), total.compute().unwrap()), (1000, 499_500));
    assert_eq!(READ.load(Ordering::Relaxed), 3000);
}

#[test]
fn a_chain_is_one_task_for_each_partition() {
    let bag = Bag::range(100, 5).map(|x| x + 1).filter(|x| x % 2 == 0).map(|x| x * 2);
    let graph = bag.graph();
    assert_eq!((graph.len(), graph.name(0)), (5, "range-map-filter-map"));
    let sum = bag.sum().graph();
    assert_eq!(sum.len(), 5 + 1 + 1);
    assert_eq!(Bag::from_sequence(0..4, 2).persist().unwrap().graph().name(1), "persist");
}

#[test]
fn numbers_are_said_plainly() {
    let with_nan = Bag::from_sequence([1.0, f64::NAN, 3.0], 2);
    assert!(with_nan.min().compute().unwrap().is_nan() && with_nan.max().compute().unwrap().is_nan());
    assert!(with_nan.mean().compute().unwrap().is_nan());
    let error = Bag::from_sequence([i64::MAX, 1], 1).sum().compute().unwrap_err().to_string();
    assert!(error.contains("the sum is 9223372036854775808, which does not fit into i64"), "{error}");
    assert_eq!(Bag::from_sequence([1e16, 1.0, -1e16], 3).sum().compute().unwrap(), 1.0);
    assert_eq!(Bag::from_sequence([f64::INFINITY, 1.0], 2).sum().compute().unwrap(), f64::INFINITY);
    assert_eq!(Bag::from_sequence(Vec::<f32>::new(), 3).sum().compute().unwrap(), 0.0);
    let error = Bag::from_sequence([5], 1).var_ddof(1).compute().unwrap_err().to_string();
    assert!(error.contains("the variance of 1 items with ddof 1 is not defined"), "{error}");
}

#[test]
fn errors_say_which_item_it_was() {
    let bag = Bag::from_sequence(0..10, 2).filter(|x| x % 2 == 1).map(|x| if x == 7 { panic!("seven!") } else { x });
    let error = bag.sum().compute().unwrap_err();
    let Error::Task(error) = error else { panic!("{error}") };
    assert!(error.panicked() && error.message().contains("seven!"), "{error}");
    assert!(error.message().contains("at item 2 of partition 1"), "{error}");
    assert_eq!(error.task(), "from_sequence-filter-map-sum");
    let error = Bag::range(4, 2).zip(&Bag::range(6, 2)).compute().unwrap_err().to_string();
    assert!(error.contains("`zip`: in partition 0 one bag has 2 items and the other 3"), "{error}");
}

#[test]
fn what_captures_stays_and_says_why() {
    let factor = 3;
    let bag = Bag::range(4, 2).map(move |x| x * factor);
    assert_eq!(bag.compute().unwrap(), [0, 3, 6, 9]);
    let error = Parcel::pack(&(&bag,)).unwrap_err().to_string();
    assert!(error.contains("the function given to `map` captures") && error.contains("range-map"), "{error}");
    #[derive(Clone)]
    struct Own;
    let error = Parcel::pack(&(&Bag::range(4, 2).map(|_| Own),)).unwrap_err().to_string();
    assert!(error.contains("has no encoding"), "{error}");
}

#[test]
fn a_sample_is_the_same_wherever_it_is_taken() {
    let sample = Bag::range(5000, 5).random_sample(0.2, 11);
    let items = items(&sample);
    assert!((800..1200).contains(&items.len()), "{}", items.len());
    assert_eq!(
        sample.partition(3).compute().unwrap(),
        items.iter().copied().filter(|x| x / 1000 == 3).collect::<Vec<_>>()
    );
    assert_ne!(Bag::range(5000, 5).random_sample(0.2, 12).compute().unwrap(), items);
    assert_eq!(Bag::range(50, 5).random_sample(1.0, 1).compute().unwrap().len(), 50);
    assert_eq!(Bag::range(50, 5).random_sample(0.0, 1).compute().unwrap().len(), 0);
}

#[test]
fn taking_reads_no_more_than_it_gives() {
    static READ: AtomicUsize = AtomicUsize::new(0);
    let bag = Bag::range(1_000_000, 2).map(|x| {
        READ.fetch_add(1, Ordering::Relaxed);
        x
    });
    assert_eq!(bag.take(3).unwrap(), [0, 1, 2]);
    assert_eq!(READ.load(Ordering::Relaxed), 3);
    assert_eq!(Bag::range(4, 2).take(3).unwrap(), [0, 1]);
    assert_eq!(Bag::range(4, 2).take_from(3, 2).unwrap(), [0, 1, 2]);
    assert_eq!(bag.take(0).unwrap(), Vec::<i64>::new());
}

#[test]
fn a_bag_shows_what_it_is_and_runs_nothing() {
    let bag = Bag::range(10, 2).map(|_| -> String { panic!("it ran") });
    let shown = bag.show();
    assert_eq!(shown.get("text/plain"), Some("Bag<String>(range → map, 2 partitions)\n2 tasks, none has run"));
    assert!(shown.get("text/html").unwrap().contains("<td>String</td>"));
    assert!(bag.count().show().get("text/plain").unwrap().starts_with("Item<usize>(count)"));
}

#[test]
fn a_value_goes_beside_items() {
    let bag = Bag::from_sequence([1.0, 2.0, 6.0], 2);
    let centred = bag.map_with(&bag.mean(), |x, mean| x - mean);
    assert_eq!(items(&centred), [-2.0, -1.0, 3.0]);
    assert_eq!(bag.map_with(&delayed_value(2.0), |x, by| x * by).compute().unwrap(), [2.0, 4.0, 12.0]);
    let (spread, centre) = compute!(centred.std(), bag.mean()).unwrap();
    assert!((spread - (14.0_f64 / 3.0).sqrt()).abs() < 1e-12 && centre == 3.0);
}
