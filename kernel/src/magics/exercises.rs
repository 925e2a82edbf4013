//! A course's exercises: `%check`, `%hint`, `%solution`.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use taskloom_exercises::{CHECK_REPORT, CHECK_RESULT, CodeRunner, Course, CourseError, Run, RunFailure};

use super::arguments::Call;
use super::context::{Context, Watchdog};
use super::{Magic, Magics};
use crate::html::escape;
use crate::session::{Failure, Scope, Session};

pub(super) const MAGICS: [Magic; 3] = [
    Magic {
        name: "%check",
        usage: "%check EXERCISE",
        summary: "Checks your answer to an exercise against your variables and functions.",
        details: "What passes and what does not is listed with its points. Nothing of yours is changed, and you may check as \
                  often as you like. %load puts the exercise into a cell, %hint helps.",
        example: "%check delayed-loop",
        run: Magics::check,
    },
    Magic {
        name: "%hint",
        usage: "%hint EXERCISE",
        summary: "Shows the next hint for an exercise.",
        details: "Hints go from a nudge to nearly the answer; after the last one it stays.",
        example: "%hint delayed-loop",
        run: Magics::hint,
    },
    Magic {
        name: "%solution",
        usage: "%solution EXERCISE",
        summary: "Shows an answer to an exercise.",
        details: "It is one answer among others. %load puts the exercise itself into a cell.",
        example: "%solution delayed-loop",
        run: Magics::solution,
    },
];

/// The names of the exercises of the course at hand, or of the installation's.
pub fn names_of(installed: Option<&Path>) -> Vec<String> {
    let here = std::env::current_dir().unwrap_or_default();
    let course = Course::find(&here).ok().or_else(|| Course::find(installed?).ok());
    course.and_then(|course| course.ids().ok()).unwrap_or_default()
}

impl Magics {
    /// The course that the current folder lies in, or else the installation's.
    pub fn find_course(&self, session: &Session) -> Result<Course, CourseError> {
        match (Course::find(&session.current_directory()), &self.course) {
            (Err(CourseError::NoCourse(_)), Some(root)) => Course::find(root),
            (course, _) => course,
        }
    }

    fn course(&self, context: &Context) -> Result<Course, Failure> {
        self.find_course(context.session).map_err(|error| Failure::message(&error.to_string()))
    }

    fn check(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let course = self.course(context)?;
        let id = exercise_id(&course, call)?;
        let exercise = course.exercise(id).map_err(|error| Failure::message(&error.to_string()))?;
        let report = taskloom_exercises::check(
            &exercise,
            &mut Checking { session: context.session, number: context.number, scope: None },
        );
        context.display([
            ("text/plain", json!(report.text())),
            ("text/html", json!(report.html())),
            (CHECK_REPORT, report.json()),
        ]);
        Ok(())
    }

    fn hint(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let course = self.course(context)?;
        let id = exercise_id(&course, call)?;
        let exercise = course.exercise(id).map_err(|error| Failure::message(&error.to_string()))?;
        if exercise.hints.is_empty() {
            context.print(&format!("There are no hints for {id}."));
            return Ok(());
        }
        let shown = self.hints_shown.entry(id.to_owned()).or_default();
        let index = (*shown).min(exercise.hints.len() - 1);
        *shown = index + 1;
        let (number, of, hint) = (index + 1, exercise.hints.len(), &exercise.hints[index]);
        let text = format!("Hint {number} of {of}: {hint}");
        let html = format!(
            "<div class=\"taskloom-hint\" style=\"border-left:4px solid #3b6fb6;padding:.4em .8em;white-space:pre-wrap\"><b>Hint \
             {number} of {of}</b>\n{}</div>",
            escape(hint)
        );
        context.display([("text/plain", json!(text)), ("text/html", json!(html))]);
        Ok(())
    }

    fn solution(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let course = self.course(context)?;
        let id = exercise_id(&course, call)?;
        let solution = course.solution(id).map_err(|error| Failure::message(&error.to_string()))?;
        let html = format!(
            "<div class=\"taskloom-solution\"><small>One answer among others; copy it into a cell to run it.</small><pre>{}</pre></div>",
            escape(solution.trim_end())
        );
        context.display([("text/plain", json!(solution.trim_end())), ("text/html", json!(html))]);
        Ok(())
    }
}

/// The exercise that a magic names, or a sentence that lists those there are.
fn exercise_id<'a>(course: &Course, call: &'a Call) -> Result<&'a str, Failure> {
    match call.arguments.split_whitespace().next() {
        Some(id) => Ok(id),
        None => {
            let ids = course.ids().map_err(|error| Failure::message(&error.to_string()))?;
            Err(Failure::message(&format!("{} needs the name of an exercise: {}", call.name, ids.join(", "))))
        }
    }
}

/// Runs checks in the session, and catches what they publish.
pub struct Checking<'a> {
    /// The learner's session.
    pub session: &'a mut Session,
    /// The execution count of the cell that checks.
    pub number: u32,
    /// What the checks may refer to, when a submission must not mislead them.
    pub scope: Option<Scope>,
}

impl CodeRunner for Checking<'_> {
    fn run(&mut self, code: &str, time_limit: Duration) -> Run {
        let published = self.session.capture(CHECK_RESULT);
        let watch = Watchdog::start(self.session, time_limit);
        let result = match &self.scope {
            Some(scope) => self.session.execute_in_scope(scope.clone(), code, self.number),
            None => self.session.execute_quickly(code, self.number),
        };
        let timed_out = watch.stop();
        let failure = result.err().map(|failure| RunFailure {
            message: if timed_out {
                format!("the checks took longer than {} s and were stopped", time_limit.as_secs())
            } else {
                failure.value.clone()
            },
            compile_error: failure.name == "CompileError",
            code: failure.code,
        });
        Run { published: published.take(), failure }
    }
}
