//! Whether a task can leave the process, and what the engine says when it cannot.

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
    assert!(why_not(&delayed_value(1.5)).contains("a value of type `f64`"));
}

#[test]
fn asking_runs_nothing() {
    fn never() -> i64 {
        panic!("asking whether a task can travel must not run it")
    }
    entry_of(&delayed!(never()));
}
