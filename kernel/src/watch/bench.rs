//! Where answers are tried: a session in which a notebook has run up to an exercise.

use std::sync::{Arc, Mutex};

use taskloom_exercises::{Course, Exercise, Report};

use crate::author::notebook::Notebook;
use crate::author::prove::is_about_exercises;
use crate::installation::Installation;
use crate::magics::{Checking, Magics};
use crate::session::{Event, Failure, Interrupter, MemoryLimit, Session, prepare_environment, session_folder};

/// Seconds that an answer may run.
const LONGEST: u32 = 60;
/// How far back an attempt can be undone: an answer, and its checks one by one.
const STEPS: u32 = 20;
/// The most lines that are shown of what an answer prints.
const MOST_LINES: usize = 20;

/// A session for one notebook.
pub struct Bench {
    session: Session,
    magics: Magics,
    /// The next cell of the notebook that has not run.
    next: usize,
    /// The number of the attempt that can be undone.
    attempt: Option<u32>,
    number: u32,
    printed: Arc<Mutex<String>>,
}

/// What came of an attempt.
pub struct Attempt {
    /// What the answer printed and showed.
    pub printed: String,
    /// The checks; or why there was nothing to check.
    pub outcome: Result<Report, Failure>,
}

impl Bench {
    /// Starts a session in the folder of a notebook. To be called before any thread is started.
    ///
    /// # Errors
    /// A sentence about what is missing.
    pub fn start(installation: &Installation, notebook: &Notebook, limit: MemoryLimit) -> Result<Bench, String> {
        let here = notebook.path.parent().ok_or("the notebook is in no folder")?;
        std::env::set_current_dir(here).map_err(|error| format!("cannot go to {}: {error}", here.display()))?;
        let folder = session_folder()?;
        prepare_environment(installation, folder.path())?;
        let printed = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&printed);
        let mut session = Session::start(installation, folder, move |event| note(&sink, event))?;
        session.set_memory_limit(limit);
        let mut bench =
            Bench { session, magics: Magics::new(installation), next: 0, attempt: None, number: 0, printed };
        for setting in [format!("%config time_limit = {LONGEST}"), format!("%config undo = {STEPS}")] {
            bench.run(&setting).map_err(|failure| failure.value)?;
        }
        Ok(bench)
    }

    /// What stops a cell from another thread.
    pub fn interrupter(&self) -> Interrupter {
        self.session.interrupter()
    }

    /// Whether the bench is still before an exercise's cell.
    pub fn is_before(&self, notebook: &Notebook, exercise: &Exercise) -> bool {
        place_of(notebook, exercise).is_some_and(|at| self.next <= at)
    }

    /// Runs the notebook up to an exercise's cell. `answer` gives the text of exercises on the way; `tell` hears which cell
    /// runs.
    ///
    /// Gives what did not run, with the reason.
    pub fn advance(
        &mut self,
        notebook: &Notebook,
        exercise: &Exercise,
        course: &Course,
        answer: &dyn Fn(&str) -> Option<String>,
        tell: &dyn Fn(usize, usize),
    ) -> Vec<String> {
        let end = place_of(notebook, exercise).unwrap_or(usize::MAX);
        let cells: Vec<_> = notebook.cells().collect();
        let is_code = |at: usize| cells.get(at).is_some_and(|cell| cell.is_code());
        let of = (self.next..end.min(cells.len())).filter(|&at| is_code(at)).count();
        let (mut done, mut failed) = (0, Vec::new());
        self.attempt = None;
        while self.next < end.min(cells.len()) {
            let cell = cells[self.next];
            self.next += 1;
            if !cell.is_code() {
                continue;
            }
            done += 1;
            tell(done, of);
            let source = match cell.exercise() {
                Some(id) => answer(id).or_else(|| Some(course.exercise(id).ok()?.starter)),
                None => Some(cell.source()).filter(|source| !is_about_exercises(source)),
            };
            if let Some(source) = source
                && let Err(failure) = self.run(&source)
                && !cell.fails_on_purpose()
            {
                failed.push(format!("{}: {}: {}", cell.label(), failure.name, failure.value));
            }
        }
        // The exercise's own cell is the answer's.
        self.next = self.next.max(end.saturating_add(1));
        failed
    }

    /// Runs an answer as if it were the first, and checks it.
    pub fn attempt(&mut self, exercise: &Exercise, answer: &str) -> Attempt {
        if self.attempt.take().is_some() {
            // What cannot be undone is run on top, as in a notebook.
            let _ = self.session.undo();
        }
        self.number += 1;
        let number = self.number;
        // Marks the place to go back to, even if nothing of the answer runs.
        if self.session.execute("", number).is_ok() {
            self.attempt = Some(number);
        }
        self.take_printed();
        let (magics, session) = (&mut self.magics, &mut self.session);
        let sink = Arc::clone(&self.printed);
        let run = magics.run_cell(session, answer, number, &move |event| note(&sink, event));
        let printed = shortened(&self.take_printed());
        let outcome = run.map(|()| {
            let mut runner = Checking { session: &mut self.session, number, scope: None };
            taskloom_exercises::check(exercise, &mut runner)
        });
        Attempt { printed, outcome }
    }

    fn run(&mut self, source: &str) -> Result<(), Failure> {
        self.number += 1;
        self.magics.run_cell(&mut self.session, source, self.number, &|_| {})
    }

    fn take_printed(&self) -> String {
        std::mem::take(&mut *self.printed.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
}

/// Where the notebook asks an exercise.
fn place_of(notebook: &Notebook, exercise: &Exercise) -> Option<usize> {
    notebook.cells().position(|cell| cell.exercise() == Some(&exercise.id))
}

/// Keeps the texts of what is shown.
fn note(printed: &Mutex<String>, event: Event) {
    let mut printed = printed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let forms = match event {
        Event::Stream { text, .. } => return printed.push_str(&text),
        Event::Display { data, .. } | Event::Result(data, _) => data,
        _ => return,
    };
    if let Some(text) = forms.get("text/plain").and_then(|text| text.as_str()) {
        printed.push_str(text.trim_end());
        printed.push('\n');
    }
}

fn shortened(text: &str) -> String {
    let count = text.lines().count();
    let mut lines: Vec<&str> = text.lines().take(MOST_LINES).collect();
    let more = format!("… and {} lines more", count.saturating_sub(MOST_LINES));
    if count > MOST_LINES {
        lines.push(&more);
    }
    lines.join("\n")
}
