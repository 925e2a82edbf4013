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
/// use taskloom_exercises::{CodeRunner, Course, Run, check};
///
/// /// A session in which every check passes.
/// struct AllRight;
/// impl CodeRunner for AllRight {
///     fn run(&mut self, code: &str, _: Duration) -> Run {
///         let count = code.matches("::std::panic::catch_unwind").count();
///         let passed = |check| serde_json::json!({"check": check, "message": null});
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
    let run = runner.run(&code(exercise, &all), exercise.time_limit);
    collect(exercise, &run, &mut outcomes);
    match run.failure {
        Some(failure) if failure.compile_error => {
            for index in all {
                let run = runner.run(&code(exercise, &[index]), exercise.time_limit);
                collect(exercise, &run, &mut outcomes);
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

fn collect(exercise: &Exercise, run: &Run, outcomes: &mut [Option<CheckOutcome>]) {
    for published in &run.published {
        let Some(index) = published["check"].as_u64().and_then(|index| usize::try_from(index).ok()) else { continue };
        let Some(check) = exercise.checks.get(index) else { continue };
        outcomes[index] = Some(match published["message"].as_str() {
            None => CheckOutcome::passed(check),
            Some(message) => CheckOutcome::failed(check, message),
        });
    }
}

/// What checks are written with.
const HARNESS: &str = r#"
#[allow(unused_macros)]
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => { if !($condition) { return Err(format!($($message)+).into()); } };
}
#[allow(unused_macros)]
macro_rules! ensure_eq {
    ($got:expr, $expected:expr, $($message:tt)+) => {
        match (&($got), &($expected)) {
            (got, expected) => if !(*got == *expected) {
                return Err(format!("{}\nexpected: {:?}\ngot: {:?}", format!($($message)+), expected, got).into());
            }
        }
    };
}
fn report(check: usize, outcome: ::std::thread::Result<::std::result::Result<(), ::taskloom::BoxError>>) {
    let message = match outcome {
        Ok(Ok(())) => ::taskloom::serde_json::Value::Null,
        Ok(Err(error)) => error.to_string().into(),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            format!("your code panicked: {text}").into()
        }
    };
    ::taskloom::display(&::taskloom::MimeBundle::new().with_json(
        "application/vnd.taskloom.check-result+json",
        ::taskloom::serde_json::json!({ "check": check, "message": message }),
    ));
}
"#;

/// A cell that runs some of the checks; all in a block, so that nothing of it stays in the session.
fn code(exercise: &Exercise, which: &[usize]) -> String {
    let mut code = format!("{{\n{HARNESS}\n{}\n", exercise.preamble);
    for &index in which {
        let Check { body, .. } = &exercise.checks[index];
        code.push_str(&format!(
            "report({index}, ::std::panic::catch_unwind(::std::panic::AssertUnwindSafe(|| -> \
             ::std::result::Result<(), ::taskloom::BoxError> {{ {body}; Ok(()) }})));\n"
        ));
    }
    code.push_str("};\n");
    code
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
            Run { published: vec![serde_json::json!({"check": 0, "message": null})], failure: None }
        }
    }

    #[test]
    fn a_function_in_the_variables_place_is_told_apart() {
        let message = "no method named `work` found for fn item `fn(Vec<i64>) -> i64 {total}` in the current scope";
        let failure = RunFailure { message: message.into(), compile_error: true, code: Some("E0599".into()) };
        assert!(explain(&failure).starts_with("`total` is a function here"));
    }

    #[test]
    fn a_missing_variable_costs_only_the_checks_that_need_it() {
        let report = check(&exercise(), &mut Fake);
        assert_eq!((report.points(), report.of(), report.has_passed()), (1, 3, false));
        assert!(report.checks[1].message.as_deref().is_some_and(|message| message.starts_with("`total` is not there")));
    }
}
