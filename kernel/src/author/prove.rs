//! A notebook run for its author: with starters, or with solutions; what each cell and each check took and gave.
//!
//! A session changes the environment of its process, which can be done once. So a run is a process, which says what it sees
//! in lines of JSON.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use taskloom_exercises::{CheckOutcome, Course, Exercise};

use super::notebook::Notebook;
use crate::installation::Installation;
use crate::magics::{Checking, Magics};
use crate::session::{Session, prepare_environment, restore_environment, session_folder};

/// What goes into the cells of exercises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
pub enum Mode {
    /// What students begin with.
    Starters,
    /// The course's answers.
    Solutions,
}

/// Something that a run has seen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Line {
    /// A cell has run.
    Cell(CellRun),
    /// The checks of an exercise have run.
    Exercise(ExerciseRun),
}

/// How a cell went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CellRun {
    /// Its name, or its place.
    pub label: String,
    /// The exercise it belongs to.
    pub exercise: Option<String>,
    /// From pressing the keys to the end.
    pub seconds: f64,
    /// Why it did not finish.
    pub failure: Option<String>,
    /// Whether its metadata says that it fails.
    pub fails_on_purpose: bool,
}

/// How an exercise went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExerciseRun {
    /// Its name.
    pub id: String,
    /// What the checks took, without the time in which they were compiled: what the limit is about.
    pub seconds: f64,
    /// All checks.
    pub checks: Vec<CheckRun>,
}

/// How a check went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckRun {
    /// What a right answer does.
    pub name: String,
    /// Points it gave.
    pub points: u32,
    /// Points it could have given.
    pub of: u32,
    /// What a student is told.
    pub message: Option<String>,
}

impl ExerciseRun {
    /// Whether all checks passed.
    pub fn has_passed(&self) -> bool {
        self.checks.iter().all(|check| check.points == check.of)
    }

    /// Points of all checks, and how many there are.
    pub fn points(&self) -> (u32, u32) {
        let sum = |points: fn(&CheckRun) -> u32| self.checks.iter().map(points).sum();
        (sum(|check| check.points), sum(|check| check.of))
    }
}

impl From<&CheckOutcome> for CheckRun {
    fn from(outcome: &CheckOutcome) -> Self {
        let CheckOutcome { name, points, of, message, .. } = outcome.clone();
        CheckRun { name, points, of, message }
    }
}

/// Runs a notebook in this process, whose current folder becomes the notebook's.
///
/// # Errors
/// A sentence, when the notebook cannot be run at all.
pub fn run_here(
    installation: &Installation,
    path: &Path,
    mode: Mode,
    cell_seconds: u64,
    show: &mut dyn FnMut(Line),
) -> Result<(), String> {
    let path = std::path::absolute(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let course = Course::find(&path).map_err(|error| error.to_string())?;
    let notebook = Notebook::read(&path)?;
    let here = path.parent().unwrap_or(Path::new("/"));
    std::env::set_current_dir(here).map_err(|error| format!("cannot go to {}: {error}", here.display()))?;
    let folder = session_folder()?;
    prepare_environment(installation, folder.path())?;
    let mut session = Session::start(installation, folder, |_| {})?;
    let mut magics = Magics::new(installation);
    let limit = format!("%config time_limit = {cell_seconds}");
    magics.run_cell(&mut session, &limit, 0, &|_| {}).map_err(|failure| failure.value)?;
    for (index, cell) in notebook.cells().filter(|cell| cell.is_code()).enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let exercise = cell.exercise().and_then(|id| course.exercise(id).ok());
        let source = match &exercise {
            Some(exercise) => code_for(&course, exercise, mode)?,
            None => cell.source(),
        };
        // Checks are run below; the notebook's own would only repeat them.
        if source.trim().is_empty() || is_about_exercises(&source) {
            continue;
        }
        let began = Instant::now();
        let failure = magics.run_cell(&mut session, &source, number, &|_| {}).err();
        show(Line::Cell(CellRun {
            label: cell.label(),
            exercise: exercise.as_ref().map(|exercise| exercise.id.clone()),
            seconds: began.elapsed().as_secs_f64(),
            failure: failure.map(|failure| format!("{}: {}", failure.name, failure.value)),
            fails_on_purpose: cell.fails_on_purpose(),
        }));
        if let Some(exercise) = &exercise {
            let mut runner = Checking { session: &mut session, number, scope: None };
            let report = taskloom_exercises::check(exercise, &mut runner);
            let seconds = session.last_run_time().unwrap_or_default().as_secs_f64();
            let checks = report.checks.iter().map(CheckRun::from).collect();
            show(Line::Exercise(ExerciseRun { id: exercise.id.clone(), seconds, checks }));
        }
    }
    Ok(())
}

fn code_for(course: &Course, exercise: &Exercise, mode: Mode) -> Result<String, String> {
    match mode {
        Mode::Starters => Ok(exercise.starter.clone()),
        Mode::Solutions => course.solution(&exercise.id).map_err(|error| error.to_string()),
    }
}

/// Magics that look at exercises, and write down that somebody has.
pub fn is_about_exercises(source: &str) -> bool {
    let first = source.trim_start().split_whitespace().next().unwrap_or_default();
    ["%check", "%hint", "%solution", "%reset-progress"].contains(&first)
}

/// Runs a notebook in a process of its own.
///
/// # Errors
/// What the process said, when it could not run the notebook to its end.
pub fn run_apart(
    path: &Path,
    mode: Mode,
    cell_seconds: u64,
    home: Option<&Path>,
    show: &mut dyn FnMut(Line),
) -> Result<(), String> {
    let program =
        std::env::current_exe().map_err(|error| format!("this program's own file is not to be found: {error}"))?;
    let mut command = Command::new(program);
    command.args(["author", "prove", "--cell-time", &cell_seconds.to_string()]);
    command.args(["--mode", if mode == Mode::Starters { "starters" } else { "solutions" }]);
    if let Some(home) = home {
        command.arg("--home").arg(home);
    }
    // This process may have run a session itself, to make data.
    restore_environment(&mut command);
    // What the process has to complain about is told when it fails.
    let complaints = tempfile::tempfile().map_err(|error| format!("cannot make a file: {error}"))?;
    let own = complaints.try_clone().map_err(|error| format!("cannot make a file: {error}"))?;
    let child = command.arg("--").arg(path).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(own).spawn();
    let mut child = child.map_err(|error| format!("cannot start a process: {error}"))?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Ok(line) = serde_json::from_str(&line) {
                show(line);
            }
        }
    }
    let status = child.wait().map_err(|error| format!("cannot wait for a process: {error}"))?;
    if status.success() {
        return Ok(());
    }
    let mut said = String::new();
    let mut complaints = complaints;
    let _ = std::io::Seek::rewind(&mut complaints);
    let _ = std::io::Read::read_to_string(&mut complaints, &mut said);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(format!("its run ended early ({status}): {}", last.trim_start_matches("error: ")))
}
