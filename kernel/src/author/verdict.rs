//! From what runs have seen to findings and a table.

use std::collections::BTreeMap;

use super::Finding;
use super::files::CourseFiles;
use super::prove::{CellRun, ExerciseRun, Line, Mode};

/// A room falls asleep over a cell that takes longer, in seconds.
const SLOW_CELL: f64 = 10.0;
/// What checks may take of their limit: a student's machine may be half as fast.
const SHARE_OF_LIMIT: f64 = 0.5;

/// All that the runs of a course have seen.
#[derive(Default)]
pub struct Runs {
    cells: BTreeMap<(String, Mode), Vec<CellRun>>,
    exercises: BTreeMap<(String, Mode), ExerciseRun>,
    /// Runs that did not come to their end.
    pub findings: Vec<Finding>,
}

impl Runs {
    /// Notes what a run has seen.
    pub fn add(&mut self, notebook: &str, mode: Mode, line: Line) {
        match line {
            Line::Cell(cell) => self.cells.entry((notebook.to_owned(), mode)).or_default().push(cell),
            Line::Exercise(exercise) => {
                self.exercises.insert((exercise.id.clone(), mode), exercise);
            }
        }
    }

    fn exercise(&self, id: &str, mode: Mode) -> Option<&ExerciseRun> {
        self.exercises.get(&(id.to_owned(), mode))
    }

    /// What is wrong with what was seen.
    pub fn verdict(&self, files: &CourseFiles) -> Vec<Finding> {
        let mut findings = self.findings.clone();
        for ((notebook, mode), cells) in &self.cells {
            for cell in cells {
                findings.extend(of_cell(notebook, *mode, cell));
            }
        }
        for exercise in &files.exercises {
            if let Some(run) = self.exercise(&exercise.id, Mode::Starters) {
                findings.extend(of_starter(run));
            }
            if let Some(run) = self.exercise(&exercise.id, Mode::Solutions) {
                findings.extend(of_solution(run));
                let limit = exercise.time_limit.as_secs_f64();
                if run.has_passed() && run.seconds > limit * SHARE_OF_LIMIT {
                    let what = format!(
                        "its checks took {:.1} s of the {limit} s they may: on a slower machine a right answer would fail",
                        run.seconds
                    );
                    findings.push(Finding::problem(&exercise.id, what));
                }
            }
        }
        findings
    }

    /// Exercises with their points and times, then notebooks with theirs.
    pub fn table(&self, files: &CourseFiles) -> String {
        let mut rows = vec![
            ["exercise", "notebook", "hints", "starter", "solution", "checks take", "limit"]
                .map(str::to_owned)
                .to_vec(),
        ];
        for exercise in &files.exercises {
            let points = |mode| match self.exercise(&exercise.id, mode).map(ExerciseRun::points) {
                Some((points, of)) => format!("{points}/{of}"),
                None => "–".to_owned(),
            };
            let seconds = self.exercise(&exercise.id, Mode::Solutions).map(|run| format!("{:.2} s", run.seconds));
            rows.push(vec![
                exercise.id.clone(),
                exercise.notebook.clone(),
                exercise.hints.len().to_string(),
                points(Mode::Starters),
                points(Mode::Solutions),
                seconds.unwrap_or_else(|| "–".to_owned()),
                format!("{} s", exercise.time_limit.as_secs()),
            ]);
        }
        let mut table = aligned(&rows);
        if self.cells.is_empty() {
            return table;
        }
        let mut rows =
            vec![["notebook", "run with", "cells", "all cells take", "the slowest"].map(str::to_owned).to_vec()];
        for ((notebook, mode), cells) in &self.cells {
            let total: f64 = cells.iter().map(|cell| cell.seconds).sum();
            let slowest = cells.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds));
            rows.push(vec![
                notebook.clone(),
                with(*mode).to_owned(),
                cells.len().to_string(),
                format!("{total:.1} s"),
                slowest.map(|cell| format!("{:.1} s, {}", cell.seconds, cell.label)).unwrap_or_default(),
            ]);
        }
        table.push('\n');
        table.push_str(&aligned(&rows));
        table
    }
}

fn with(mode: Mode) -> &'static str {
    match mode {
        Mode::Starters => "starters",
        Mode::Solutions => "solutions",
    }
}

fn of_cell(notebook: &str, mode: Mode, cell: &CellRun) -> Option<Finding> {
    let place = format!("notebooks/{notebook}.ipynb, {}", cell.label);
    match (&cell.failure, cell.fails_on_purpose) {
        (Some(failure), false) => {
            let first = failure.lines().next().unwrap_or_default();
            let advice = match (&cell.exercise, mode) {
                (Some(id), Mode::Solutions) => format!("the solution of `{id}` does not run"),
                (Some(id), Mode::Starters) => {
                    format!(
                        "the starter of `{id}` does not run; if it is meant to, give its cell the tag raises-exception"
                    )
                }
                (None, _) => format!("it fails, with {} in the exercises' cells", with(mode)),
            };
            Some(Finding::problem(&place, format!("{advice}: {first}")))
        }
        (None, true) if cell.exercise.is_none() => {
            Some(Finding::problem(&place, "it has the tag raises-exception, and does not fail"))
        }
        _ if cell.seconds > SLOW_CELL && mode == Mode::Solutions => {
            Some(Finding::note(&place, format!("it takes {:.0} s", cell.seconds)))
        }
        _ => None,
    }
}

fn of_starter(run: &ExerciseRun) -> Vec<Finding> {
    let mut findings = Vec::new();
    if run.has_passed() {
        findings.push(Finding::problem(&run.id, "the starter passes all checks, so there is nothing to do"));
    }
    for check in run.checks.iter().filter(|check| check.points < check.of) {
        let message = check.message.as_deref().unwrap_or_default().trim();
        if message.is_empty() || message == "this check did not report" {
            let what = format!("the check “{}” fails the starter and says nothing about why", check.name);
            findings.push(Finding::problem(&run.id, what));
        } else if message.starts_with("this check does not fit what the cell made") {
            let what = format!(
                "the check “{}” does not compile against the starter, so a beginner reads this: {}; a trait that is \
                 implemented for what they may have made lets the check say more",
                check.name,
                message.lines().next().unwrap_or_default()
            );
            findings.push(Finding::note(&run.id, what));
        }
    }
    findings
}

fn of_solution(run: &ExerciseRun) -> Vec<Finding> {
    let failed = run.checks.iter().filter(|check| check.points < check.of);
    failed
        .map(|check| {
            let message = check.message.as_deref().unwrap_or_default().replace('\n', "; ");
            Finding::problem(&run.id, format!("the solution fails the check “{}”: {message}", check.name))
        })
        .collect()
}

/// Rows as columns that stand below one another.
fn aligned(rows: &[Vec<String>]) -> String {
    use unicode_width::UnicodeWidthStr;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width - cell.width() + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
