//! From checks to code, and from what the code publishes to a report.

use std::time::Duration;

use serde_json::Value;

use crate::{Check, CheckOutcome, Exercise, Report};

/// The MIME type under which one check's outcome leaves the learner's session.
pub const CHECK_RESULT: &str = "application/vnd.taskloom.check-result+json";

/// A session that can run code among the learner's variables and functions.
pub trait CodeRunner {
    /// Runs a cell, for so long at the most.
    fn run(&mut self, code: &str, time_limit: Duration) -> Run;

    /// Whether what runs beside the checks may want to mislead them, as work that is graded may.
    fn is_hostile(&self) -> bool {
        false
    }
}

/// What came of running a cell.
#[derive(Debug, Default)]
pub struct Run {
    /// Everything it displayed under [`CHECK_RESULT`], in order.
    pub published: Vec<Value>,
    /// Why it did not finish.
    pub failure: Option<RunFailure>,
}

/// Why a cell did not finish.
#[derive(Debug, Clone)]
pub struct RunFailure {
    /// One sentence.
    pub message: String,
    /// Whether it never ran.
    pub compile_error: bool,
    /// The compiler's code, such as `E0425`.
    pub code: Option<String>,
}

/// Runs an exercise's checks in a session.
///
/// All checks are one cell; when that does not compile, each is tried by itself, so that a missing variable costs only
/// the checks that need it.
///
/// ```
/// use std::time::Duration;
/// use taskloom_exercises::{CodeRunner, Course, Run, check, token_of};
///
/// /// A session in which every check passes.
/// struct AllRight;
/// impl CodeRunner for AllRight {
///     fn run(&mut self, code: &str, _: Duration) -> Run {
///         let count = code.matches("::std::panic::catch_unwind").count();
///         let token = token_of(code);
///         let passed = |check| serde_json::json!({"check": check, "message": null, "token": token});
///         Run { published: (0..count).map(passed).collect(), failure: None }
///     }
/// }
///
/// let course = Course::find(env!("CARGO_MANIFEST_DIR").as_ref())?;
/// let report = check(&course.exercise("delayed-loop")?, &mut AllRight);
/// assert!(report.has_passed());
/// # Ok::<(), taskloom_exercises::CourseError>(())
/// ```
pub fn check(exercise: &Exercise, runner: &mut dyn CodeRunner) -> Report {
    let all: Vec<usize> = (0..exercise.checks.len()).collect();
    let mut outcomes: Vec<Option<CheckOutcome>> = vec![None; all.len()];
    let token = new_token();
    let run = runner.run(&code(exercise, &all, &token), exercise.time_limit);
    collect(exercise, &run, &token, &mut outcomes);
    match run.failure {
        // Who has got at the token could report in a check's place, and then end the process before the check does. So a
        // check counts only in a run that comes to its end.
        Some(failure) if failure.compile_error || runner.is_hostile() => {
            outcomes.fill(None);
            for index in all {
                let token = new_token();
                let run = runner.run(&code(exercise, &[index], &token), exercise.time_limit);
                let ended = run.failure.is_none() || !runner.is_hostile();
                if ended {
                    collect(exercise, &run, &token, &mut outcomes);
                }
                if let (None, Some(failure)) = (&outcomes[index], &run.failure) {
                    outcomes[index] = Some(CheckOutcome::failed(&exercise.checks[index], &explain(failure)));
                }
            }
        }
        Some(failure) => {
            for (outcome, check) in outcomes.iter_mut().zip(&exercise.checks) {
                outcome.get_or_insert_with(|| CheckOutcome::failed(check, &explain(&failure)));
            }
        }
        None => {}
    }
    let checks = outcomes
        .into_iter()
        .zip(&exercise.checks)
        .map(|(outcome, check)| outcome.unwrap_or_else(|| CheckOutcome::failed(check, "this check did not report")))
        .collect();
    Report { exercise: exercise.id.clone(), title: exercise.title.clone(), hints: exercise.hints.len(), checks }
}

/// Takes what checks have reported. Reports without the token are not of a check, and one check reports once.
fn collect(exercise: &Exercise, run: &Run, token: &str, outcomes: &mut [Option<CheckOutcome>]) {
    for published in run.published.iter().filter(|published| published["token"].as_str() == Some(token)) {
        let Some(index) = published["check"].as_u64().and_then(|index| usize::try_from(index).ok()) else { continue };
        let Some(check) = exercise.checks.get(index) else { continue };
        outcomes[index] = Some(match published["message"].as_str() {
            _ if outcomes[index].is_some() => {
                CheckOutcome::failed(check, "this check reported twice, which only happens when a result is forged")
            }
            None => CheckOutcome::passed(check),
            Some(message) => CheckOutcome::failed(check, message),
        });
    }
}

/// What checks are written with.
///
/// The learner's code may have given a name of the standard library another meaning. So everything here is named from the
/// root, and the macros that checks use are made anew.
const HARNESS: &str = r#"
#[allow(unused_imports)]
use ::std::{
    boxed::Box, clone::Clone, convert::{From, Into}, iter::{IntoIterator, Iterator}, option::Option::{self, None, Some},
    result::Result::{self, Err, Ok}, string::{String, ToString}, vec::Vec,
};
#[allow(unused_macros)]
macro_rules! format { ($($text:tt)*) => { ::std::format!($($text)*) }; }
#[allow(unused_macros)]
macro_rules! vec { ($($values:tt)*) => { ::std::vec![$($values)*] }; }
#[allow(unused_macros)]
macro_rules! matches { ($($pattern:tt)*) => { ::std::matches!($($pattern)*) }; }
#[allow(unused_macros)]
macro_rules! panic { ($($text:tt)*) => { ::std::panic!($($text)*) }; }
#[allow(unused_macros)]
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !($condition) { return ::std::result::Result::Err(::std::format!($($message)+).into()); }
    };
}
#[allow(unused_macros)]
macro_rules! ensure_eq {
    ($got:expr, $expected:expr, $($message:tt)+) => {
        match (&($got), &($expected)) {
            (got, expected) => if !(*got == *expected) {
                return ::std::result::Result::Err(
                    ::std::format!("{}\nexpected: {:?}\ngot: {:?}", ::std::format!($($message)+), expected, got).into()
                );
            }
        }
    };
}
fn taskloom_report(check: usize, outcome: ::std::thread::Result<::std::result::Result<(), ::taskloom::BoxError>>) {
    let message = match outcome {
        ::std::result::Result::Ok(::std::result::Result::Ok(())) => ::taskloom::serde_json::Value::Null,
        ::std::result::Result::Ok(::std::result::Result::Err(error)) => ::std::string::ToString::to_string(&error).into(),
        ::std::result::Result::Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            ::std::format!("your code panicked: {text}").into()
        }
    };
    ::taskloom::display(&::taskloom::MimeBundle::new().with_json(
        "application/vnd.taskloom.check-result+json",
        ::taskloom::serde_json::json!({
            "check": check, "message": message, "token": ::std::str::from_utf8(::std::hint::black_box(&TOKEN)).unwrap(),
        }),
    ));
}
"#;
/// Stands in front of the token in the code of checks. The token is one piece in what is compiled of it, which a runner may
/// use again with another token.
const TOKEN: &str = "static TOKEN: [u8; 32] = *b\"";

/// A cell that runs some of the checks; all in a block, so that nothing of it stays in the session.
fn code(exercise: &Exercise, which: &[usize], token: &str) -> String {
    let mut code = format!("{{\n{TOKEN}{token}\";\n{HARNESS}\n{}\n", exercise.preamble);
    for &index in which {
        let Check { body, .. } = &exercise.checks[index];
        code.push_str(&format!(
            "taskloom_report({index}, ::std::panic::catch_unwind(::std::panic::AssertUnwindSafe(|| -> \
             ::std::result::Result<(), ::taskloom::BoxError> {{ {body}; ::std::result::Result::Ok(()) }})));\n"
        ));
    }
    code.push_str("};\n");
    code
}

/// A word that nobody can guess: what a check reports counts only with it. It is made after the learner's code has run.
fn new_token() -> String {
    use std::hash::{BuildHasher, RandomState};
    // The keys of each are from the system's source of randomness.
    let half = |salt: u8| RandomState::new().hash_one((salt, std::time::SystemTime::now()));
    format!("{:016x}{:016x}", half(0), half(1))
}

/// The token in the code of checks, for a [`CodeRunner`] that does not run it.
pub fn token_of(code: &str) -> &str {
    code.split_once(TOKEN).and_then(|(_, rest)| rest.split_once('"')).map_or("", |(token, _)| token)
}

/// A sentence for a check that could not run.
fn explain(failure: &RunFailure) -> String {
    let message = &failure.message;
    if let Some(function) = message.split("fn item `").nth(1).and_then(|rest| rest.split(['{', '}']).nth(1)) {
        return format!(
            "`{function}` is a function here, and the exercise asks for a variable of that name: run the exercise's cell first"
        );
    }
    match failure.code.as_deref() {
        Some("E0425") | Some("E0423") => {
            let name = message.split('`').nth(1).unwrap_or("a name");
            format!("`{name}` is not there: run the exercise's cell first, and keep the names that it asks for")
        }
        Some(_) => {
            format!("this check does not fit what the cell made ({message}); look at the types the exercise asks for")
        }
        None => message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exercise() -> Exercise {
        let check = |name: &str, points| Check { name: name.into(), points, body: "{ }".into() };
        Exercise {
            id: "x".into(),
            title: "X".into(),
            notebook: "01".into(),
            points: 3,
            time_limit: Duration::from_secs(1),
            hints: vec![],
            starter: String::new(),
            preamble: String::new(),
            checks: vec![check("first", 1), check("second", 2)],
        }
    }

    /// A session in which the second check does not compile.
    struct Fake;
    impl CodeRunner for Fake {
        fn run(&mut self, code: &str, _: Duration) -> Run {
            if code.contains("report(1, ") {
                let failure = RunFailure {
                    message: "cannot find value `total` in this scope".into(),
                    compile_error: true,
                    code: Some("E0425".into()),
                };
                return Run { published: vec![], failure: Some(failure) };
            }
            let passed = serde_json::json!({"check": 0, "message": null, "token": token_of(code)});
            Run { published: vec![passed], failure: None }
        }
    }

    #[test]
    fn a_function_in_the_variables_place_is_told_apart() {
        let message = "no method named `work` found for fn item `fn(Vec<i64>) -> i64 {total}` in the current scope";
        let failure = RunFailure { message: message.into(), compile_error: true, code: Some("E0599".into()) };
        assert!(explain(&failure).starts_with("`total` is a function here"));
    }

    /// A session whose code reports what it likes, behind the checks' back.
    struct Forger(serde_json::Value);
    impl CodeRunner for Forger {
        fn run(&mut self, code: &str, _: Duration) -> Run {
            let honest = |check| serde_json::json!({"check": check, "message": "no", "token": token_of(code)});
            let mut forged = self.0.clone();
            if forged["token"] == "seen" {
                forged["token"] = token_of(code).into();
            }
            Run { published: vec![forged.clone(), honest(0), honest(1), forged], failure: None }
        }
    }

    #[test]
    fn forged_results_do_not_count() {
        for forged in [
            serde_json::json!({"check": 1, "message": null}),
            serde_json::json!({"check": 1, "message": null, "token": ""}),
            serde_json::json!({"check": 1, "message": null, "token": "0123456789abcdef"}),
            // Even with the token that is in the code of the checks.
            serde_json::json!({"check": 1, "message": null, "token": "seen"}),
        ] {
            let report = check(&exercise(), &mut Forger(forged));
            assert_eq!(report.points(), 0, "{report:?}");
        }
        let codes: std::collections::HashSet<String> = (0..100).map(|_| new_token()).collect();
        assert_eq!(codes.len(), 100);
    }

    /// A session in which something reports in the checks' place and ends the process.
    struct Ender;
    impl CodeRunner for Ender {
        fn run(&mut self, code: &str, _: Duration) -> Run {
            let forged = |check| serde_json::json!({"check": check, "message": null, "token": token_of(code)});
            let failure = RunFailure { message: "the process ended".into(), compile_error: false, code: None };
            Run { published: vec![forged(0), forged(1)], failure: Some(failure) }
        }

        fn is_hostile(&self) -> bool {
            true
        }
    }

    #[test]
    fn what_was_reported_before_the_process_ended_does_not_count() {
        let report = check(&exercise(), &mut Ender);
        assert_eq!(report.points(), 0);
        assert_eq!(report.checks[1].message.as_deref(), Some("the process ended"));
    }

    #[test]
    fn a_missing_variable_costs_only_the_checks_that_need_it() {
        let report = check(&exercise(), &mut Fake);
        assert_eq!((report.points(), report.of(), report.has_passed()), (1, 3, false));
        assert!(report.checks[1].message.as_deref().is_some_and(|message| message.starts_with("`total` is not there")));
    }
}
