//! A course's exercises: `%check`, `%hint`, `%solution`, `%progress`, `%reset-progress`.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use taskloom_exercises::{
    CHECK_REPORT, CHECK_RESULT, CodeRunner, Course, CourseError, Exercise, Report, Run, RunFailure, token_of,
};

use super::arguments::{Call, Options};
use super::context::{Context, Watchdog};
use super::sheet::Sheet;
use super::{Magic, Magics, Place, usage};
use crate::html::escape;
use crate::session::{Event, Failure, Scope, Session};

pub(super) const MAGICS: [Magic; 5] = [
    Magic {
        name: "%check",
        usage: "%check [-s] [EXERCISE]",
        summary: "Checks your answer to an exercise against your variables and functions.",
        details: "What passes and what does not is listed with its points. Nothing of yours is changed, and you may check as \
                  often as you like. With -s the points are the cell's value, and none at all is an error, which is how \
                  nbgrader reads a score. Without a name it is the exercise above, in clients that tell the kernel which cell runs, \
                  as JupyterLab does. %load puts the exercise into a cell, %hint helps, %progress shows what you have done.",
        example: "%check delayed-loop",
        run: Magics::check,
    },
    Magic {
        name: "%hint",
        usage: "%hint [EXERCISE]",
        summary: "Shows the next hint for an exercise.",
        details: "Hints go from a nudge to nearly the answer; after the last one it stays.",
        example: "%hint delayed-loop",
        run: Magics::hint,
    },
    Magic {
        name: "%solution",
        usage: "%solution [-n] [EXERCISE]",
        summary: "Shows an answer to an exercise.",
        details: "It is one answer among others. With -n it goes into a new cell below. %load puts the exercise itself into a cell.",
        example: "%solution delayed-loop",
        run: Magics::solution,
    },
    Magic {
        name: "%progress",
        usage: "%progress [on|off]",
        summary: "Shows which exercises you have done; with on or off, says whether long computations show a bar.",
        details: "For each exercise the best check so far counts, in this session or an earlier one; %reset-progress forgets. \
                  `%config progress` is the bar's setting.",
        example: "%progress",
        run: Magics::progress,
    },
    Magic {
        name: "%reset-progress",
        usage: "%reset-progress EXERCISE|all",
        summary: "Forgets that an exercise was done, or all of this course.",
        details: "Your answers stay where they are; only what %progress shows is forgotten.",
        example: "%reset-progress delayed-loop",
        run: Magics::reset_progress,
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
        let options = Options::parse(&call.arguments, "s").map_err(|message| usage(call, &message))?;
        let is_score = options.has('s');
        if is_score {
            // nbgrader takes anything on stderr for a failure, whoever prints it.
            (context.show)(Event::JoinStreams);
        }
        let course = self.course(context)?;
        let id = self.exercise_id(&course, call, options.rest.trim())?;
        let exercise = course.exercise(&id).map_err(|error| Failure::message(&error.to_string()))?;
        let report = taskloom_exercises::check(
            &exercise,
            &mut Checking { session: context.session, number: context.number, scope: None },
        );
        // What nbgrader runs is another person's work, as often as not.
        if std::env::var_os(NBGRADER_RUNS).is_none() {
            noted(context, self.progress.checked(course.root(), &id, report.points(), report.of()));
        }
        context.display([
            ("text/plain", json!(report.text())),
            ("text/html", json!(report.html())),
            (CHECK_REPORT, report.json()),
        ]);
        if is_score { as_score(context, &report) } else { Ok(()) }
    }

    fn hint(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let course = self.course(context)?;
        let id = self.exercise_id(&course, call, call.arguments.trim())?;
        let exercise = course.exercise(&id).map_err(|error| Failure::message(&error.to_string()))?;
        if exercise.hints.is_empty() {
            context.print(&format!("There are no hints for {id}."));
            return Ok(());
        }
        let shown = self.hints_shown.entry(id.clone()).or_default();
        let index = (*shown).min(exercise.hints.len() - 1);
        *shown = index + 1;
        let read = u32::try_from(index + 1).unwrap_or(u32::MAX);
        noted(context, self.progress.read_hints(course.root(), &id, read));
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
        let options = Options::parse(&call.arguments, "n").map_err(|message| usage(call, &message))?;
        let id = self.exercise_id(&course, call, options.rest)?;
        let solution = course.solution(&id).map_err(|error| Failure::message(&error.to_string()))?;
        if options.has('n') {
            self.payload.push(json!({"source": "set_next_input", "text": solution.trim_end(), "replace": false}));
            return Ok(());
        }
        let html = format!(
            "<div class=\"taskloom-solution\"><small>One answer among others; copy it into a cell to run it.</small><pre>{}</pre></div>",
            escape(solution.trim_end())
        );
        context.display([("text/plain", json!(solution.trim_end())), ("text/html", json!(html))]);
        Ok(())
    }

    fn progress(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        if !call.arguments.trim().is_empty() {
            return super::settings::show_or_set(context, call, "progress");
        }
        let course = self.course(context)?;
        let records = self.progress.of_course(course.root()).map_err(|error| Failure::message(&error))?;
        let exercises: Vec<Exercise> = course
            .ids()
            .and_then(|ids| ids.iter().map(|id| course.exercise(id)).collect())
            .map_err(|error| Failure::message(&error.to_string()))?;
        let sheet = Sheet::new(&exercises, &records);
        context.display([("text/plain", json!(sheet.text())), ("text/html", json!(sheet.html()))]);
        Ok(())
    }

    fn reset_progress(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let course = self.course(context)?;
        let (exercise, said) = match call.arguments.trim() {
            "" => return Err(usage(call, "%reset-progress needs the name of an exercise, or `all`")),
            "all" => (None, "All exercises of this course count as not done.".to_owned()),
            name => {
                course.exercise(name).map_err(|error| Failure::message(&error.to_string()))?;
                (Some(name), format!("The exercise {name} counts as not done."))
            }
        };
        self.progress.forget(course.root(), exercise).map_err(|error| Failure::message(&error))?;
        context.print(&said);
        Ok(())
    }

    /// The exercise that a magic names, that of the cell, or a sentence that lists those there are.
    fn exercise_id(&self, course: &Course, call: &Call, name: &str) -> Result<String, Failure> {
        if let Some(id) = name.split_whitespace().next() {
            return Ok(id.to_owned());
        }
        if let Some(id) = self.place.as_ref().and_then(Place::exercise) {
            return Ok(id);
        }
        let ids = course.ids().map_err(|error| Failure::message(&error.to_string()))?;
        Err(Failure::message(&format!(
            "{0} needs the name of an exercise, such as `{0} {1}`; %progress lists them all",
            call.name,
            ids.first().map_or("…", String::as_str)
        )))
    }
}

/// Set by nbgrader while it executes a notebook.
const NBGRADER_RUNS: &str = "NBGRADER_EXECUTION";

/// Ends the cell as nbgrader reads a test: by a number for so many points, by an error for none.
fn as_score(context: &Context, report: &Report) -> Result<(), Failure> {
    let (points, of) = (report.points(), report.of());
    if points == 0 && !report.has_passed() {
        let value = format!("{}: 0 of {of} points", report.title);
        let missed = report.checks.iter().filter(|check| !check.passed);
        let mut failure = Failure::message(&value);
        failure.name = "CheckFailed".to_owned();
        failure.traceback = std::iter::once(format!("CheckFailed: {value}"))
            .chain(missed.map(|check| format!("{}: {}", check.name, check.message.as_deref().unwrap_or_default())))
            .collect();
        return Err(failure);
    }
    let words = format!("<small>{points} of {of} points</small>");
    context.result([("text/plain", json!(points.to_string())), ("text/html", json!(words))]);
    Ok(())
}

/// What cannot be noted is said and is no failure of the cell's.
fn noted(context: &Context, outcome: Result<(), String>) {
    if let Err(sentence) = outcome {
        context.stream("stderr", &format!("{sentence}\n"));
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
    fn is_hostile(&self) -> bool {
        self.scope.is_some()
    }

    fn run(&mut self, code: &str, time_limit: Duration) -> Run {
        let published = self.session.capture(CHECK_RESULT);
        let watch = Watchdog::start(self.session, time_limit);
        let result = match &self.scope {
            Some(scope) => self.session.execute_in_scope(scope.clone(), code, token_of(code), self.number),
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
