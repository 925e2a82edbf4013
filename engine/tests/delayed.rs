//! What people write with `delayed!`, `compute!` and handles, and what they get.

use std::collections::{BTreeMap, HashMap};
use std::num::ParseIntError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use taskloom::Error;
use taskloom::prelude::*;

fn inc(x: i64) -> i64 {
    x + 1
}

fn add(x: i64, y: i64) -> i64 {
    x + y
}

fn total(numbers: Vec<i64>) -> i64 {
    numbers.iter().sum()
}

fn parse(text: &str) -> Result<i64, ParseIntError> {
    text.parse()
}

/// A value that counts how often it was cloned.
struct Counted {
    clones: Arc<AtomicUsize>,
    number: i64,
}

impl Counted {
    fn new(number: i64) -> (Self, Arc<AtomicUsize>) {
        let clones = Arc::new(AtomicUsize::new(0));
        (Counted { clones: Arc::clone(&clones), number }, clones)
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.clones.fetch_add(1, Ordering::SeqCst);
        Counted { clones: Arc::clone(&self.clones), number: self.number }
    }
}

fn clones_in(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::SeqCst)
}

/// A value that cannot be cloned at all.
struct Unique(i64);

fn unique(number: i64) -> Unique {
    Unique(number)
}

fn look(unique: &Unique) -> i64 {
    unique.0
}

mod what_can_be_called {
    use super::*;

    mod stats {
        pub mod simple {
            pub fn twice(x: i64) -> i64 {
                2 * x
            }
        }
    }

    #[derive(Clone)]
    struct Loom {
        threads: i64,
    }

    impl Loom {
        fn threads(&self) -> i64 {
            self.threads
        }

        fn with(self, more: i64) -> Self {
            Loom { threads: self.threads + more }
        }
    }

    #[test]
    fn a_function_by_its_name() {
        let x = delayed!(inc(1));
        assert_eq!(x.name(), "inc");
        assert_eq!(x.compute().unwrap(), 2);
    }

    #[test]
    fn a_function_without_arguments() {
        fn answer() -> i64 {
            42
        }
        assert_eq!(delayed!(answer()).compute().unwrap(), 42);
    }

    #[test]
    fn a_path_is_named_by_its_last_part() {
        let x = delayed!(stats::simple::twice(21));
        assert_eq!((x.name(), x.compute().unwrap()), ("twice", 42));
        assert_eq!(delayed!(i64::pow(2, 10)).compute().unwrap(), 1024);
        assert_eq!(delayed!(<i64 as Default>::default()).compute().unwrap(), 0);
    }

    #[test]
    fn a_turbofish() {
        let x = delayed!(std::mem::size_of::<u64>());
        assert_eq!((x.name(), x.compute().unwrap()), ("size_of", 8));
        let y = delayed!("42".parse::<i64>());
        assert_eq!((y.name(), y.compute().unwrap()), ("parse", 42));
    }

    #[test]
    fn a_closure_in_parentheses() {
        let x = delayed!((|x: i64, y: i64| x * y)(6, 7));
        assert_eq!((x.name(), x.compute().unwrap()), ("closure", 42));
    }

    #[test]
    fn a_closure_that_captures_runs_as_often_as_it_is_asked() {
        let offset = String::from("four");
        let longer = move |x: i64| x + offset.len() as i64;
        let x = delayed!(longer(1));
        assert_eq!(x.name(), "longer");
        assert_eq!(x.compute().unwrap(), 5);
        assert_eq!(x.compute().unwrap(), 5);
    }

    #[test]
    fn a_method_of_a_value_and_of_a_handle() {
        let text = String::from("loom");
        let upper = delayed!(text.to_uppercase());
        assert_eq!(upper.name(), "to_uppercase");
        assert_eq!(upper.compute().unwrap(), "LOOM");
        assert_eq!(text, "loom");

        let loom = delayed_value(Loom { threads: 8 });
        let wider = delayed!(loom.with(4));
        assert_eq!(delayed!((&wider).threads()).compute().unwrap(), 12);
        assert_eq!(delayed!(upper.len()).name(), "len", "the handle's own `len` is not what runs");
        assert!(delayed!((&upper).contains("OO")).compute().unwrap());
    }

    #[test]
    fn a_field_that_holds_a_function() {
        struct Step {
            apply: fn(i64) -> i64,
        }
        let step = Step { apply: inc };
        let x = delayed!((step.apply)(1));
        assert_eq!((x.name(), x.compute().unwrap()), ("apply", 2));
    }

    #[test]
    fn a_generic_function() {
        fn pair<T: Clone>(value: T) -> (T, T) {
            (value.clone(), value)
        }
        fn both<T: Clone + Send + Sync + 'static>(value: &Delayed<T>) -> Delayed<(T, T)> {
            delayed!(pair(value))
        }
        assert_eq!(both(&delayed_value("x")).compute().unwrap(), ("x", "x"));
    }

    #[test]
    fn up_to_eight_arguments() {
        #[allow(clippy::too_many_arguments)]
        fn eight(a: i64, b: i64, c: i64, d: i64, e: i64, f: i64, g: i64, h: i64) -> Vec<i64> {
            vec![a, b, c, d, e, f, g, h]
        }
        let x = delayed!(inc(2));
        assert_eq!(delayed!(eight(1, 2, x, 4, 5, 6, 7, 8)).compute().unwrap(), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn a_call_within_a_macro_of_ones_own() {
        macro_rules! delay_all {
            ($($argument:expr),*) => { [$(delayed!(inc($argument))),*] };
        }
        let handles = delay_all!(1, 2 + 3);
        let values = delayed!((|values: [i64; 2]| values.to_vec())(handles)).compute().unwrap();
        assert_eq!(values, [2, 6]);
    }
}

mod arguments {
    use super::*;

    #[test]
    fn literals_take_the_type_of_the_parameter() {
        fn mixed(a: u8, b: f32, c: char, d: &str, e: bool) -> String {
            format!("{a} {b} {c} {d} {e}")
        }
        assert_eq!(delayed!(mixed(1, 2.5, 'c', "d", true)).compute().unwrap(), "1 2.5 c d true");
        assert_eq!(delayed!(inc(-1)).compute().unwrap(), 0);
    }

    #[test]
    fn names_stay_usable() {
        let x = delayed!(inc(1));
        let y = delayed!(inc(2));
        let plain = String::from("abc");
        let z = delayed!(add(x, y));
        let length = delayed!((|text: String| text.len())(plain));
        assert_eq!(length.compute().unwrap(), plain.len());
        assert_eq!(compute!(x, y, z).unwrap(), (2, 3, 5));
    }

    #[test]
    fn fields_elements_and_constants_stay_usable_too() {
        const STEP: i64 = 10;
        struct Pair {
            left: Delayed<i64>,
            right: i64,
        }
        let pair = Pair { left: delayed!(inc(1)), right: 5 };
        let handles = [delayed!(inc(2)), delayed!(inc(3))];
        let sum = delayed!(add(pair.left, pair.right));
        let last = delayed!(add(handles[1], STEP));
        assert_eq!(compute!(sum, last, pair.left, handles[0]).unwrap(), (7, 14, 2, 3));
        assert_eq!(pair.right, 5);
    }

    #[test]
    fn a_name_is_read_when_the_call_is_written() {
        let mut numbers = vec![1, 2];
        let sum = delayed!(total(numbers));
        numbers.push(100);
        assert_eq!(sum.compute().unwrap(), 3);
        assert_eq!(numbers.len(), 3);
    }

    #[test]
    fn braces_move_without_a_clone() {
        fn number(counted: &Counted) -> i64 {
            counted.number
        }
        let (counted, clones) = Counted::new(7);
        let handle = delayed_value(counted);
        assert_eq!(delayed!(number(&handle)).compute().unwrap(), 7);
        assert_eq!(clones_in(&clones), 0, "a reference clones nothing");

        let (counted, clones) = Counted::new(8);
        let moved = delayed!((|counted: Counted| counted.number)({ counted }));
        assert_eq!(clones_in(&clones), 0, "nothing is cloned when the call is written");
        assert_eq!(moved.compute().unwrap(), 8);
        assert_eq!(clones_in(&clones), 1, "a run takes a clone, so that the next one has its own");
        assert_eq!(moved.compute().unwrap(), 8);
        assert_eq!(clones_in(&clones), 2);
    }

    #[test]
    fn braces_move_a_handle() {
        let x = delayed!(inc(1));
        let y = delayed!(add({ x }, 1));
        assert_eq!(y.compute().unwrap(), 3);
    }

    #[test]
    fn an_expression_is_evaluated_once_when_the_call_is_written() {
        let calls = AtomicUsize::new(0);
        let next = || calls.fetch_add(1, Ordering::SeqCst) as i64;
        let x = delayed!(inc(next()));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert_eq!((x.compute().unwrap(), x.compute().unwrap()), (1, 1));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_reference_to_a_result_needs_no_clone() {
        let thing = delayed!(unique(5));
        let (once, again) = (delayed!(look(&thing)), delayed!(look(&thing)));
        assert_eq!(compute!(once, again).unwrap(), (5, 5));
    }

    #[test]
    fn a_reference_derefs_as_in_an_ordinary_call() {
        fn largest(numbers: &[i64]) -> i64 {
            numbers.iter().copied().max().unwrap_or(0)
        }
        let numbers = vec![3, 9, 4];
        let handles: Vec<_> = numbers.iter().map(|&n| delayed!(inc(n))).collect();
        assert_eq!(delayed!(largest(&numbers)).compute().unwrap(), 9);
        assert_eq!(delayed!(largest(&handles)).compute().unwrap(), 10);
        let text = String::from("12");
        assert_eq!(delayed!(parse(&text)).compute().unwrap(), 12);
    }

    #[test]
    fn values_and_references_together() {
        fn describe(unique: &Unique, factor: i64, text: &str) -> String {
            format!("{}{text}", unique.0 * factor)
        }
        let thing = delayed!(unique(5));
        let factor = delayed!(inc(1));
        let unit = String::from(" cm");
        assert_eq!(delayed!(describe(&thing, factor, &unit)).compute().unwrap(), "10 cm");
    }

    #[test]
    fn the_same_handle_twice() {
        let x = delayed!(inc(1));
        let doubled = delayed!(add(x, x));
        assert_eq!((doubled.compute().unwrap(), doubled.len()), (4, 2));
        let mixed = delayed!((|a: &i64, b: i64| *a * b)(&x, x));
        assert_eq!(mixed.compute().unwrap(), 4);
    }

    #[test]
    fn delayed_within_delayed() {
        let z = delayed!(add(delayed!(inc(1)), delayed!(add(delayed!(inc(2)), 10))));
        assert_eq!(z.compute().unwrap(), 15);
        assert_eq!(z.task_names(), ["inc", "inc", "add", "add"]);
    }

    #[test]
    fn shared_state_goes_in_an_arc() {
        fn note(calls: Arc<AtomicUsize>) -> usize {
            calls.fetch_add(1, Ordering::SeqCst)
        }
        let calls = Arc::new(AtomicUsize::new(0));
        let x = delayed!(note(calls));
        x.compute().unwrap();
        x.compute().unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }
}

mod collections {
    use super::*;

    #[test]
    fn vectors() {
        let handles: Vec<_> = (0..10).map(|n| delayed!(inc(n))).collect();
        let sum = delayed!(total(handles));
        assert_eq!((sum.compute().unwrap(), sum.len(), handles.len()), (55, 11, 10));
        assert_eq!(delayed!(total({ handles })).compute().unwrap(), 55);
    }

    #[test]
    fn a_vector_of_values_is_a_value() {
        assert_eq!(delayed!(total(vec![1, 2])).compute().unwrap(), 3);
        assert_eq!(delayed!(total(vec![1, 2])).len(), 1);
    }

    #[test]
    fn a_vector_without_handles() {
        let none: Vec<Delayed<i64>> = Vec::new();
        assert_eq!(delayed!(total(none)).compute().unwrap(), 0);
    }

    #[test]
    fn vectors_of_vectors() {
        fn flat(rows: Vec<Vec<i64>>) -> Vec<i64> {
            rows.concat()
        }
        let rows: Vec<Vec<_>> = (0..3).map(|row| (0..row).map(|n| delayed!(add(row, n))).collect()).collect();
        assert_eq!(delayed!(flat(rows)).compute().unwrap(), [1, 2, 3]);
    }

    #[test]
    fn arrays() {
        fn span(ends: [i64; 2]) -> i64 {
            ends[1] - ends[0]
        }
        let ends = [delayed!(inc(1)), delayed!(inc(9))];
        assert_eq!(delayed!(span(ends)).compute().unwrap(), 8);
        assert_eq!(delayed!(span([delayed_value(1), delayed!(inc(2))])).compute().unwrap(), 2);
    }

    #[test]
    fn options() {
        fn or_zero(number: Option<i64>) -> i64 {
            number.unwrap_or(0)
        }
        let some = Some(delayed!(inc(1)));
        let none: Option<Delayed<i64>> = None;
        assert_eq!(delayed!(or_zero(some)).compute().unwrap(), 2);
        assert_eq!(delayed!(or_zero(none)).compute().unwrap(), 0);
        assert_eq!(delayed!(or_zero(Some(3))).compute().unwrap(), 3);
    }

    #[test]
    fn tuples() {
        let pair = (delayed!(inc(1)), delayed!(str::to_uppercase("a")));
        let shown = delayed!((|pair: (i64, String)| format!("{}{}", pair.0, pair.1))(pair));
        assert_eq!(shown.compute().unwrap(), "2A");
        let four = (delayed_value(1u8), delayed_value('b'), delayed_value(2.5f64), delayed_value("d"));
        let shown = delayed!((|four: (u8, char, f64, &str)| format!("{four:?}"))(four));
        assert_eq!(shown.compute().unwrap(), r#"(1, 'b', 2.5, "d")"#);
    }

    #[test]
    fn maps() {
        fn sum(map: HashMap<&'static str, i64>) -> i64 {
            map.values().sum()
        }
        fn first(map: BTreeMap<u8, i64>) -> Option<(u8, i64)> {
            map.into_iter().next()
        }
        let hashed = HashMap::from([("JFK", delayed!(inc(1))), ("LGA", delayed!(inc(2)))]);
        let sorted = BTreeMap::from([(2, delayed!(inc(20))), (1, delayed!(inc(10)))]);
        assert_eq!(delayed!(sum(hashed)).compute().unwrap(), 5);
        assert_eq!(delayed!(first(sorted)).compute().unwrap(), Some((1, 11)));
    }

    #[test]
    fn one_within_the_other() {
        type Nested = BTreeMap<String, Vec<Option<(i64, i64)>>>;
        let pair = (delayed!(inc(1)), delayed!(inc(2)));
        let nested = BTreeMap::from([("a".to_owned(), vec![Some(pair), None])]);
        let shown = delayed!((|nested: Nested| format!("{nested:?}"))(nested));
        assert_eq!(shown.compute().unwrap(), r#"{"a": [Some((2, 3)), None]}"#);
    }

    #[test]
    fn by_reference() {
        fn count(numbers: &[i64]) -> usize {
            numbers.len()
        }
        let handles = vec![delayed!(inc(1)), delayed!(inc(2)), delayed!(inc(3))];
        assert_eq!(delayed!(count(&handles)).compute().unwrap(), 3);
    }
}

mod results {
    use super::*;

    /// An error of one's own.
    #[derive(Debug, PartialEq)]
    struct TooLong(usize);

    impl std::fmt::Display for TooLong {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{} characters are too many", self.0)
        }
    }

    impl std::error::Error for TooLong {}

    fn check(text: &str) -> Result<usize, TooLong> {
        if text.len() > 3 { Err(TooLong(text.len())) } else { Ok(text.len()) }
    }

    #[track_caller]
    fn task_error<T: std::fmt::Debug>(result: Result<T, Error>) -> taskloom::TaskError {
        match result {
            Err(Error::Task(error)) => error,
            other => panic!("a task error was expected, not {other:?}"),
        }
    }

    #[test]
    fn ok_is_the_value() {
        let number: Delayed<i64> = delayed!(parse("42"));
        assert_eq!((number + 1).compute().unwrap(), 43);
    }

    #[test]
    fn err_fails_the_compute_with_the_name_of_the_task_and_who_needed_it() {
        let number = delayed!(parse("forty"));
        let sum = delayed!(inc(number));
        let error = task_error((&sum * 2).compute());
        assert_eq!(error.task(), "parse");
        assert_eq!(error.message(), "invalid digit found in string");
        assert_eq!(error.needed_by(), ["inc", "mul"]);
        assert!(!error.panicked());
        assert_eq!(
            error.to_string(),
            "task `parse` failed: invalid digit found in string\n  needed by `inc`, then `mul`"
        );
        assert_eq!(task_error(number.compute()).to_string(), "task `parse` failed: invalid digit found in string");
    }

    #[test]
    fn the_tasks_own_error_can_be_had_back() {
        let error = task_error(delayed!(check("spindle")).compute());
        let source = error.source().and_then(|source| source.downcast_ref::<TooLong>());
        assert_eq!(source, Some(&TooLong(7)));
        assert_eq!(delayed!(check("abc")).compute().unwrap(), 3);
    }

    #[test]
    fn a_long_chain_is_cut_in_the_message_only() {
        let mut x = delayed!(parse("?"));
        for _ in 0..20 {
            x = x.map(|x| x + 1);
        }
        let error = task_error(x.compute());
        assert_eq!(error.needed_by().len(), 20);
        assert!(error.to_string().ends_with("`map`, and 14 more"), "{error}");
    }

    #[test]
    fn errors_may_be_texts_or_boxes() {
        fn text(fail: bool) -> Result<i64, String> {
            if fail { Err("the file is empty".to_owned()) } else { Ok(1) }
        }
        fn literal() -> Result<i64, &'static str> {
            Err("no")
        }
        fn boxed(text: &str) -> Result<i64, Box<dyn std::error::Error + Send + Sync>> {
            Ok(text.parse::<i64>()?)
        }
        assert_eq!(delayed!(text(false)).compute().unwrap(), 1);
        assert_eq!(task_error(delayed!(text(true)).compute()).message(), "the file is empty");
        assert_eq!(task_error(delayed!(literal()).compute()).message(), "no");
        assert_eq!(delayed!(boxed("1")).compute().unwrap(), 1);
        assert!(task_error(delayed!(boxed("x")).compute()).source().is_some_and(|source| source.is::<ParseIntError>()));
    }

    #[test]
    fn a_result_whose_error_is_no_error_is_a_value() {
        fn exit(code: i32) -> Result<(), i32> {
            if code == 0 { Ok(()) } else { Err(code) }
        }
        assert_eq!(delayed!(exit(3)).compute().unwrap(), Err(3));
    }

    #[test]
    fn an_option_is_a_value() {
        fn half(x: i64) -> Option<i64> {
            (x % 2 == 0).then_some(x / 2)
        }
        assert_eq!(delayed!(half(3)).compute().unwrap(), None);
        assert_eq!(delayed!(half(4)).compute().unwrap(), Some(2));
    }

    #[test]
    fn nothing_can_be_a_value() {
        fn act(_: i64) {}
        let () = delayed!(act(1)).compute().unwrap();
    }

    #[test]
    fn other_work_is_fine_after_a_failure() {
        let bad = delayed!(parse("x"));
        let good = delayed!(parse("1"));
        assert!(compute!(bad, good).is_err());
        assert_eq!(good.compute().unwrap(), 1);
    }

    #[test]
    fn errors_can_be_cloned_and_boxed() {
        fn cell() -> Result<i64, Box<dyn std::error::Error>> {
            Ok(delayed!(parse("x")).compute()?)
        }
        let error = delayed!(parse("x")).compute().unwrap_err();
        assert_eq!(error.clone().to_string(), error.to_string());
        assert!(cell().unwrap_err().to_string().starts_with("task `parse` failed"));
    }

    #[test]
    fn a_compute_within_a_task_passes_its_error_on() {
        fn inner(text: &str) -> Result<i64, Error> {
            delayed!(parse({ text.to_owned().leak() as &'static str })).compute()
        }
        assert_eq!(delayed!(inner("5")).compute().unwrap(), 5);
        let error = task_error(delayed!(inner("x")).compute());
        assert_eq!(error.task(), "inner");
        assert!(error.message().starts_with("task `parse` failed"), "{}", error.message());
    }
}

mod operators {
    use super::*;

    /// Every combination of handle, reference and number for one operator.
    macro_rules! check {
        ($type:ty: $left:literal $operator:tt $right:literal, $name:literal) => {{
            let (left, right): ($type, $type) = ($left, $right);
            let expected: $type = left $operator right;
            let (x, y) = (delayed_value(left), delayed_value(right));
            let all: [Delayed<$type>; 8] = [
                &x $operator &y,
                &x $operator y.clone(),
                x.clone() $operator &y,
                x.clone() $operator y.clone(),
                &x $operator $right,
                x.clone() $operator $right,
                $left $operator &y,
                $left $operator y.clone(),
            ];
            for handle in all {
                assert_eq!(handle.name(), $name);
                assert_eq!(handle.compute_with(Scheduler::Sync).unwrap(), expected, "{}", stringify!($type));
            }
        }};
    }

    macro_rules! check_all {
        ($($type:ty: $left:literal $right:literal),+ $(,)?) => {
            $(
                check!($type: $left + $right, "add");
                check!($type: $left - $right, "sub");
                check!($type: $left * $right, "mul");
                check!($type: $left / $right, "div");
                check!($type: $left % $right, "rem");
            )+
        };
    }

    #[test]
    fn numbers_of_all_types() {
        check_all!(
            i8: 17 5, i16: 17 5, i32: 17 5, i64: 17 5, i128: 17 5, isize: 17 5,
            u8: 17 5, u16: 17 5, u32: 17 5, u64: 17 5, u128: 17 5, usize: 17 5,
            f32: 17.5 5.0, f64: 17.5 5.0,
        );
    }

    #[test]
    fn minus_and_not() {
        let x = delayed!(inc(4));
        assert_eq!(compute!(-&x, -x.clone(), !&x, !x).unwrap(), (-5, -5, !5, !5));
        let flag = delayed_value(true);
        assert_eq!(compute!(!&flag, !flag).unwrap(), (false, false));
        assert_eq!((-delayed_value(1.5)).name(), "neg");
    }

    #[test]
    fn whatever_the_types_themselves_can_do() {
        #[derive(Clone, Debug, PartialEq)]
        struct Metres(f64);
        impl std::ops::Mul<u32> for Metres {
            type Output = Metres;
            fn mul(self, times: u32) -> Metres {
                Metres(self.0 * f64::from(times))
            }
        }
        let length = delayed_value(Metres(1.5));
        assert_eq!((length * delayed_value(4u32)).compute().unwrap(), Metres(6.0));
        let text = delayed_value(String::from("warp ")) + delayed_value("and weft");
        assert_eq!(text.compute().unwrap(), "warp and weft");
    }

    #[test]
    fn formulas() {
        let x = delayed!(inc(1));
        let y = delayed!(inc(2));
        let w = (&x + &y) * 10 - &x / 2 + 100 % &y;
        assert_eq!(w.compute().unwrap(), 50);
        assert_eq!(w.task_names(), ["inc", "inc", "add", "mul", "div", "sub", "rem", "add"]);
    }

    #[test]
    fn a_division_by_zero_fails_the_compute_only() {
        let zero = delayed!(add(1, -1));
        let error = (1 / &zero).compute().unwrap_err().to_string();
        assert!(error.starts_with("task `div` panicked: attempt to divide by zero"), "{error}");
        assert_eq!(zero.compute().unwrap(), 0);
    }

    #[test]
    fn map_takes_closures_that_capture() {
        let factor = delayed!(inc(1)).compute().unwrap();
        let words = delayed!(inc(1)).map(move |x| vec!["word"; (x * factor) as usize]).map(|words| words.join(" "));
        assert_eq!(words.compute().unwrap(), "word word word word");
        assert_eq!(words.task_names(), ["inc", "map", "map"]);
    }

    #[test]
    fn sums_are_shallow_trees() {
        for count in [0usize, 1, 2, 3, 7, 8, 1000] {
            let handles: Vec<_> = (0..count as i64).map(|n| delayed!(inc(n))).collect();
            let sum: Delayed<i64> = handles.into_iter().sum();
            assert_eq!(sum.compute().unwrap(), (count * (count + 1) / 2) as i64);
            assert_eq!(sum.len(), count + count.saturating_sub(1));

            let graph = sum.graph();
            let mut depth = vec![0usize; graph.node_count()];
            for id in graph.ids() {
                let below = graph.inputs(id).iter().map(|&input| depth[input as usize] + 1);
                depth[id as usize] = below.max().unwrap_or(0);
            }
            let deepest = depth[graph.outputs()[0] as usize];
            assert!(deepest <= count.max(1).next_power_of_two().ilog2() as usize, "{count} handles, {deepest} deep");
        }
    }
}

mod computing {
    use super::*;

    static WORK: AtomicUsize = AtomicUsize::new(0);

    fn note(calls: &AtomicUsize) -> i64 {
        calls.fetch_add(1, Ordering::SeqCst) as i64
    }

    fn counted_call(calls: &Arc<AtomicUsize>) -> i64 {
        note(calls)
    }

    #[test]
    fn nothing_runs_before_compute() {
        fn work() -> usize {
            WORK.fetch_add(1, Ordering::SeqCst)
        }
        let handle = delayed!(work());
        let _derived = handle.map(|n| n + 1);
        let _ = (handle.len(), handle.task_names(), handle.visualize(), format!("{handle:?}"), handle.show());
        assert_eq!(WORK.load(Ordering::SeqCst), 0);
        handle.compute().unwrap();
        assert_eq!(WORK.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn computing_twice_runs_twice() {
        let calls = Arc::new(AtomicUsize::new(0));
        let handle = delayed!(counted_call(&calls));
        assert_eq!((handle.compute().unwrap(), handle.compute().unwrap()), (0, 1));
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn shared_work_runs_once() {
        let calls = Arc::new(AtomicUsize::new(0));
        let base = delayed!(counted_call(&calls));
        let (low, high) = (&base - 1, &base + 1);
        assert_eq!(compute!(low, high, base).unwrap(), (-1, 1, 0));
        assert_eq!(calls.load(Ordering::SeqCst), 1);

        assert_eq!((low.compute().unwrap(), high.compute().unwrap()), (0, 3), "apart, it runs for each");
        assert_eq!(calls.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn calls_that_look_alike_are_not_the_same_call() {
        let calls = Arc::new(AtomicUsize::new(0));
        let (first, second) = (delayed!(counted_call(&calls)), delayed!(counted_call(&calls)));
        (first + second).compute().unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_cloned_handle_is_the_same_node() {
        let calls = Arc::new(AtomicUsize::new(0));
        let handle = delayed!(counted_call(&calls));
        let twin = handle.clone();
        assert_eq!(handle.key(), twin.key());
        assert_eq!((handle + twin).compute().unwrap(), 0);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn compute_takes_one_to_eight_handles_of_any_types() {
        let x = delayed!(inc(1));
        let text = x.map(|x| x.to_string());
        assert_eq!(compute!(x).unwrap(), (2,));
        assert_eq!(compute!(x, text).unwrap(), (2, "2".to_owned()));
        assert_eq!(compute!(&x + 1, delayed_value('c'), x, x, x, x, x, text,).unwrap().7, "2");
    }

    #[test]
    fn the_same_handle_can_be_asked_for_twice() {
        let (counted, clones) = Counted::new(3);
        let handle = delayed_value(counted).map(|mut counted| {
            counted.number += 1;
            counted
        });
        let before = clones_in(&clones);
        let (first, second) = compute!(handle, handle).unwrap();
        assert_eq!((first.number, second.number), (4, 4));
        assert_eq!(
            clones_in(&clones) - before,
            2,
            "one to take the value out of its data node, one for the second copy"
        );
    }

    #[test]
    fn only_data() {
        let x = delayed_value(vec![1, 2]);
        assert_eq!((x.compute().unwrap(), x.len(), x.name()), (vec![1, 2], 0, "data"));
        assert_eq!(x.compute().unwrap(), [1, 2], "the handle still holds it");
    }

    #[test]
    fn all_schedulers_agree() {
        let handles: Vec<_> = (0..50).map(|n| delayed!(inc(n))).collect();
        let sum = delayed!(total(handles));
        for scheduler in [Scheduler::Sync, Scheduler::Default, Scheduler::Threads(0), Scheduler::Threads(3)] {
            assert_eq!(sum.compute_with(scheduler).unwrap(), 1275, "{scheduler:?}");
        }
    }

    #[test]
    fn handles_can_be_built_and_computed_on_any_thread() {
        fn assert_portable<T: Send + Sync>(_: &T) {}
        let x = delayed!(inc(1));
        assert_portable(&x);
        let y = std::thread::spawn(move || delayed!(inc(x))).join().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(y.compute().unwrap(), 3));
            }
        });
    }

    #[test]
    fn types_without_a_name_travel_through_handles() {
        fn adder(step: i64) -> impl Fn(i64) -> i64 + Clone + Send + Sync + 'static {
            move |x| x + step
        }
        fn evens() -> impl Iterator<Item = i64> + Clone + Send + Sync + 'static {
            (0..).step_by(2)
        }
        let add_ten = delayed!(adder(10));
        let applied = delayed!((|add: &_, x: i64| call(add, x))(&add_ten, 5));
        assert_eq!(applied.compute().unwrap(), 15);
        assert_eq!(add_ten.compute().unwrap()(1), 11);
        assert_eq!(delayed!(evens()).map(|numbers| numbers.take(3).sum::<i64>()).compute().unwrap(), 6);

        fn call(add: &impl Fn(i64) -> i64, x: i64) -> i64 {
            add(x)
        }
    }
}

mod ownership {
    use super::*;

    fn make(clones: &Arc<AtomicUsize>) -> Counted {
        Counted { clones: Arc::clone(clones), number: 0 }
    }

    fn next(mut counted: Counted) -> Counted {
        counted.number += 1;
        counted
    }

    const SCHEDULERS: [Scheduler; 3] = [Scheduler::Sync, Scheduler::Threads(1), Scheduler::Threads(4)];

    #[test]
    fn a_value_with_one_consumer_is_moved() {
        for scheduler in SCHEDULERS {
            let clones = Arc::new(AtomicUsize::new(0));
            let mut chain = delayed!(make(&clones));
            for _ in 0..100 {
                chain = delayed!(next(chain));
            }
            assert_eq!(chain.compute_with(scheduler).unwrap().number, 100);
            assert_eq!(clones_in(&clones), 0, "{scheduler:?}");
        }
    }

    #[test]
    fn so_are_the_elements_of_a_vector() {
        fn sum(all: Vec<Counted>) -> i64 {
            all.iter().map(|counted| counted.number).sum()
        }
        for scheduler in SCHEDULERS {
            let clones = Arc::new(AtomicUsize::new(0));
            let handles: Vec<_> = (0..50).map(|_| delayed!(next(delayed!(make(&clones))))).collect();
            assert_eq!(delayed!(sum(handles)).compute_with(scheduler).unwrap(), 50);
            assert_eq!(clones_in(&clones), 0, "{scheduler:?}");
        }
    }

    #[test]
    fn of_many_consumers_the_last_gets_the_value_itself() {
        let clones = Arc::new(AtomicUsize::new(0));
        let base = delayed!(make(&clones));
        let handles: Vec<_> = (0..10).map(|_| delayed!(next(base)).map(|counted| counted.number)).collect();
        assert_eq!(delayed!(total(handles)).compute_with(Scheduler::Sync).unwrap(), 10);
        assert_eq!(clones_in(&clones), 9);
    }

    #[test]
    fn references_never_clone() {
        fn number(counted: &Counted) -> i64 {
            counted.number
        }
        for scheduler in SCHEDULERS {
            let clones = Arc::new(AtomicUsize::new(0));
            let base = delayed!(next(delayed!(make(&clones))));
            let handles: Vec<_> = (0..10).map(|_| delayed!(number(&base))).collect();
            assert_eq!(delayed!(total(handles)).compute_with(scheduler).unwrap(), 10);
            assert_eq!(clones_in(&clones), 0, "{scheduler:?}");
        }
    }

    #[test]
    fn a_value_that_stays_with_its_handle_is_cloned() {
        let (counted, clones) = Counted::new(1);
        let handle = delayed_value(counted);
        let one = delayed!(next(handle));
        assert_eq!(one.compute_with(Scheduler::Sync).unwrap().number, 2);
        assert_eq!(clones_in(&clones), 1);
        assert_eq!(handle.compute_with(Scheduler::Sync).unwrap().number, 1);
        assert_eq!(clones_in(&clones), 2);
    }
}

mod what_a_handle_says {
    use super::*;

    #[test]
    fn lengths_names_and_keys() {
        let data = delayed_value(1);
        let x = delayed!(inc(data));
        let z = delayed!(add(x, &x * 2));
        assert_eq!((data.len(), x.len(), z.len()), (0, 1, 3));
        assert_eq!(z.task_names(), ["inc", "mul", "add"]);
        assert!(data.task_names().is_empty());
        assert!(x.key().starts_with("inc-") && x.key()[4..].parse::<u64>().is_ok(), "{}", x.key());
        assert_ne!(x.key(), delayed!(inc(data)).key());
        assert_eq!(x.key(), x.clone().key());
    }

    #[test]
    fn the_graph() {
        let data = delayed_value(1);
        let x = delayed!(inc(data));
        let z = delayed!(add(x, x));
        let graph = z.graph();
        assert_eq!((graph.node_count(), graph.len(), graph.is_empty()), (3, 2, false));
        assert!(data.graph().is_empty());
        let &[output] = graph.outputs() else { panic!("one output was asked for") };
        let &[first, second] = graph.inputs(output) else { panic!("`add` has two inputs") };
        assert_eq!((graph.name(output), graph.name(first)), ("add", "inc"));
        assert_eq!(first, second);
        assert_eq!((graph.key(output), graph.key(first)), (z.key(), x.key()));
        assert_eq!(graph.type_name(output), "i64");
        assert_eq!(graph.task(first).map(|task| task.name()), Some("inc"));
        let &[below] = graph.inputs(first) else { panic!("`inc` has one input") };
        assert!(graph.task(below).is_none() && graph.inputs(below).is_empty());
        assert_eq!(graph.name(below), "data");
        for id in graph.ids() {
            assert!(graph.inputs(id).iter().all(|&input| input < id), "inputs come first");
        }
    }

    #[test]
    fn what_nobody_needs_is_not_in_the_graph() {
        let x = delayed!(inc(1));
        let _unneeded = delayed!(inc(x));
        assert_eq!(x.len(), 1);
    }

    #[test]
    fn debug_text_is_short_and_computes_nothing() {
        fn names() -> Vec<Option<String>> {
            panic!("showing a handle must not run it")
        }
        let x = delayed!(names());
        assert_eq!(format!("{x:?}"), format!("Delayed<Vec<Option<String>>>({}, 1 task)", x.key()));
        let z = delayed!(add(delayed!(inc(1)), 2));
        assert_eq!(format!("{z:?}"), format!("Delayed<i64>({}, 2 tasks)", z.key()));
        let data = delayed_value(1.5);
        assert_eq!(format!("{data:?}"), format!("Delayed<f64>({}, 0 tasks)", data.key()));
    }

    #[test]
    fn the_debug_text_of_a_graph_grows_with_the_graph() {
        let mut x = delayed!(inc(1));
        for _ in 0..12 {
            x = delayed!(add(x, x));
        }
        assert!(format!("{:?}", x.graph()).len() < 100_000);
    }

    #[test]
    fn shown_as_text_and_as_a_table() {
        let data = delayed_value(vec![1, 2]);
        let z = delayed!(total(data)) + 1;
        let bundle = z.show();
        assert_eq!(bundle.get("text/plain"), Some(format!("{z:?}").as_str()));
        let html = bundle.get("text/html").expect("a handle has HTML");
        for row in [
            "<th>function</th><td>add</td>",
            "<th>type</th><td>i64</td>",
            "<th>tasks</th><td>2</td>",
            "<th>data nodes</th><td>1</td>",
        ] {
            assert!(html.contains(row), "{row} is missing from {html}");
        }
        let html = data.show().get("text/html").expect("a handle has HTML").to_owned();
        assert!(html.contains("<td>Vec&lt;i64&gt;</td>"), "{html}");
    }
}

mod names_of_ones_own {
    use super::*;

    #[test]
    fn variables_may_be_called_anything() {
        let (inputs, plans, item0, output) = (vec![delayed!(inc(1))], 10_i64, 100_i64, 1000_i64);
        assert_eq!(delayed!(total(inputs)).compute().unwrap(), 2);
        assert_eq!(delayed!((|x: i64| x + item0)(1)).compute().unwrap(), 101);
        assert_eq!(delayed!((|x: i64| x + plans)(1)).compute().unwrap(), 11);
        assert_eq!(delayed!((|x: i64| x + output)(1)).compute().unwrap(), 1001);
    }

    #[test]
    fn types_may_be_called_anything() {
        use std::borrow::Cow::{self, Borrowed};
        fn length(text: Cow<'static, str>) -> usize {
            text.len()
        }
        assert_eq!(delayed!(length(Borrowed("abc"))).compute().unwrap(), 3);
    }

    #[test]
    fn macros_may_pass_names_functions_and_calls() {
        macro_rules! by_names {
            ($function:ident, $argument:ident) => {
                delayed!($function($argument))
            };
        }
        macro_rules! by_expressions {
            ($function:expr, $argument:expr) => {
                delayed!($function($argument))
            };
        }
        macro_rules! whole_call {
            ($call:expr) => {
                delayed!($call)
            };
        }
        let x = delayed!(inc(1));
        let handles = [by_names!(inc, x), by_expressions!(inc, x), whole_call!(inc(x))];
        for handle in &handles {
            assert_eq!((handle.name(), handle.compute().unwrap()), ("inc", 3));
        }
        assert_eq!(x.compute().unwrap(), 2);
    }
}
