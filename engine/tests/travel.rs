//! Whether a task can leave the process, and what the engine says when it cannot.

#[path = "common/elsewhere.rs"]
mod elsewhere;

use taskloom::prelude::*;
use taskloom::task::Travel;

fn inc(x: i64) -> i64 {
    x + 1
}

fn total(numbers: Vec<i64>) -> i64 {
    numbers.iter().sum()
}

#[track_caller]
fn entry_of<T>(handle: &Delayed<T>) -> usize {
    match handle.travel() {
        Travel::Function { entry, arguments } => {
            assert_ne!(entry, 0);
            assert!(!arguments.is_empty());
            entry
        }
        other => panic!("{handle:?} should be able to travel, but: {other:?}"),
    }
}

#[track_caller]
fn why_not<T>(handle: &Delayed<T>) -> String {
    match handle.travel() {
        Travel::Stays { why } => why,
        other => panic!("{handle:?} should have to stay, but: {other:?}"),
    }
}

#[test]
fn plain_functions_travel() {
    fn pair<T>(left: T, right: T) -> (T, T) {
        (left, right)
    }
    let x = delayed!(inc(1));
    entry_of(&x);
    entry_of(&delayed!(inc(x)));
    entry_of(&delayed!(total(vec![1, 2])));
    entry_of(&delayed!(total(vec![x.clone(), x])));
    entry_of(&delayed!(i64::pow(2, 3)));
    entry_of(&delayed!(pair::<i64>(1, 2)));
}

#[test]
fn methods_and_functions_that_can_fail_travel() {
    fn parse(text: &str) -> Result<i64, std::num::ParseIntError> {
        text.parse()
    }
    let text = String::from("12");
    entry_of(&delayed!(text.to_uppercase()));
    entry_of(&delayed!(parse("12")));
}

#[test]
fn closures_without_captures_travel() {
    entry_of(&delayed!((|x: i64| x * 2)(1)));
    entry_of(&delayed_value(1).map(|x| x + 1));
    let double = |x: i64| x * 2;
    entry_of(&delayed!(double(1)));
}

#[test]
fn the_entry_is_that_of_the_call_and_not_of_its_values() {
    let calls: Vec<_> = (0..2).map(|n| delayed!(inc(n))).collect();
    assert_eq!(entry_of(&calls[0]), entry_of(&calls[1]));
}

#[test]
fn the_type_of_the_arguments_is_known() {
    let Travel::Function { arguments, .. } = delayed!(total(vec![1, 2])).travel() else { panic!("`total` can travel") };
    assert!(arguments.contains("Vec<i64>"), "{arguments}");
}

#[test]
fn a_closure_that_captures_stays_and_says_which_task_it_is() {
    let step: i64 = 10;
    let why = why_not(&delayed!((|x: i64| x + step)(1)));
    assert_eq!(why, "task `closure` captures 8 bytes of its surroundings; pass them as arguments instead");
    let why = why_not(&delayed_value(1).map(move |x: i64| x + step));
    assert!(why.starts_with("task `map` captures "), "{why}");

    let offset = String::from("abc");
    let longer = move |x: i64| x + offset.len() as i64;
    let why = why_not(&delayed!(longer(1)));
    assert!(why.starts_with("task `longer` captures "), "{why}");
}

#[test]
fn the_same_work_with_an_argument_travels() {
    let step: i64 = 10;
    entry_of(&delayed!((|x: i64, step: i64| x + step)(1, step)));
}

#[test]
fn a_function_that_is_only_known_by_its_address_stays() {
    let function: fn(i64) -> i64 = inc;
    let why = why_not(&delayed!(function(1)));
    assert!(why.starts_with("task `function` captures "), "{why}");
}

#[test]
fn a_value_stays_and_its_type_is_named() {
    struct Reading;
    assert!(why_not(&delayed_value(Reading)).contains("a value of type `Reading` cannot be encoded"));
    entry_of(&delayed_value(1.5));
}

#[test]
fn asking_runs_nothing() {
    fn never() -> i64 {
        panic!("asking whether a task can travel must not run it")
    }
    entry_of(&delayed!(never()));
}

mod in_another_process {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};
    use taskloom::travel::Parcel;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Reading {
        station: String,
        celsius: Vec<f64>,
    }

    fn read(station: &str, days: usize) -> Reading {
        Reading { station: station.to_owned(), celsius: (0..days).map(|day| day as f64 / 2.0).collect() }
    }

    fn mean(reading: &Reading) -> Result<f64, String> {
        let days = reading.celsius.len();
        if days == 0 {
            Err(format!("{} has no days", reading.station))
        } else {
            Ok(reading.celsius.iter().sum::<f64>() / days as f64)
        }
    }

    fn process_of(values: Vec<f64>) -> (u32, f64) {
        (std::process::id(), values.into_iter().sum())
    }

    fn by_name(means: BTreeMap<String, f64>) -> Vec<(String, f64)> {
        means.into_iter().collect()
    }

    fn elsewhere(parcel: &Parcel) -> Result<Vec<Vec<u8>>, String> {
        super::elsewhere::elsewhere(parcel, "in_another_process::receiver")
    }

    #[test]
    fn receiver() {
        super::elsewhere::receive();
    }

    #[test]
    fn functions_closures_and_operators_run_there_and_their_results_come_back() {
        let names = ["Inari", "Bergen", "Oulu"];
        let readings: Vec<_> = names.iter().enumerate().map(|(n, name)| delayed!(read({ *name }, { n + 2 }))).collect();
        let error = Parcel::pack(&(&readings[0],)).unwrap_err().to_string();
        assert!(error.contains("`read` cannot travel") && error.contains("use one that owns its content"), "{error}");

        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let readings: Vec<_> = (0..3)
            .map(|n| delayed!((|name: String, n: usize| read(&name, n + 2))({ names[n].clone() }, { n })))
            .collect();
        let means: Vec<_> = readings.iter().map(|reading| delayed!(mean(&reading))).collect();
        let table: BTreeMap<_, _> = names.iter().cloned().zip(means.iter().map(|mean| mean * 2.0 + 1.0)).collect();
        let table = delayed!(by_name(table)).named("table");
        let process = delayed!(process_of(means));
        let days: Delayed<Vec<usize>> =
            readings.iter().map(|reading| delayed!((|reading: Reading| reading.celsius.len())(reading))).collect();
        let as_many = days.index(2).eq(4);

        let parcel = Parcel::pack(&(&table, &process, &as_many, &readings[1])).unwrap();
        let results = elsewhere(&parcel).unwrap();
        assert_eq!(table.decode(&results[0]).unwrap(), table.compute().unwrap());
        let (id, sum) = process.decode(&results[1]).unwrap();
        assert_ne!(id, std::process::id(), "it ran here");
        assert_eq!(sum, process.compute().unwrap().1);
        assert!(as_many.decode(&results[2]).unwrap());
        assert_eq!(readings[1].decode(&results[3]).unwrap(), read("Bergen", 3));
        assert!(table.decode(&results[1]).is_err());
    }

    #[test]
    fn a_failure_there_is_told_here() {
        let reading = delayed!((|name: String| read(&name, 0))({ "Nowhere".to_owned() }));
        let parcel = Parcel::pack(&(&delayed!(mean(&reading)),)).unwrap();
        let message = elsewhere(&parcel).unwrap_err();
        assert!(message.contains("task `mean` failed: Nowhere has no days"), "{message}");
    }

    #[test]
    fn what_cannot_leave_says_why_and_still_runs_here() {
        let factor = std::hint::black_box(3_i64);
        let captures = delayed_value(2_i64).map(move |x| x * factor);
        assert_eq!(captures.compute().unwrap(), 6);
        let message = Parcel::pack(&(&captures,)).unwrap_err().to_string();
        assert!(message.contains("`map`") && message.contains("captures 8 bytes"), "{message}");

        #[derive(Clone)]
        struct Plain(i64);
        let plain = delayed!((|plain: Plain| plain.0)({ Plain(7) }));
        assert_eq!(plain.compute().unwrap(), 7);
        let message = Parcel::pack(&(&plain,)).unwrap_err().to_string();
        assert!(
            message.contains("closure") && message.contains("`Plain`") && message.contains("Serialize"),
            "{message}"
        );

        let result = delayed!((|x: i64| Plain(x))(1));
        let message = Parcel::pack(&(&result,)).unwrap_err().to_string();
        assert!(message.contains("its result, a `Plain`, has no encoding"), "{message}");
    }

    #[test]
    fn a_damaged_parcel_is_refused() {
        let bytes = Parcel::pack(&(&delayed!(inc(1)),)).unwrap().to_bytes();
        for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            let message = Parcel::from_bytes(&bytes[..cut]).unwrap_err().to_string();
            assert!(message.contains("damaged"), "{message}");
        }
    }
}
