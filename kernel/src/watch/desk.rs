//! What a learner sees and presses.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use taskloom_exercises::{Course, Exercise, Report};

use super::answers::Answers;
use super::bench::{Attempt, Bench};
use super::terminal::{Terminal, Wish, put_back};
use crate::author::notebook::Notebook;
use crate::installation::Installation;
use crate::progress::Progress;
use crate::session::MemoryLimit;

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(300);
/// How long a cell that is interrupted may take to end.
const PATIENCE: Duration = Duration::from_secs(3);
const KEYS: &str = "h hint · c check again · n next · p previous · l list · q quit";

/// Why a desk was left.
pub enum Left {
    /// Somebody had enough, or everything is done.
    Done,
    /// The next exercise needs another session: it is in another notebook, or further up.
    For(String),
}

/// A learner at work.
pub struct Desk<'a> {
    course: &'a Course,
    /// In the order of the notebooks.
    exercises: &'a [Exercise],
    answers: Answers,
    progress: Progress,
    notebook: Notebook,
    bench: Bench,
    terminal: Terminal,
    /// The exercise that is worked on.
    current: usize,
    hints: BTreeMap<String, usize>,
    /// What was done last; it stays on the screen until the next answer is saved.
    banner: String,
    /// Whether somebody wanted to leave while something ran.
    is_over: bool,
}

impl<'a> Desk<'a> {
    /// Sets up everything for one exercise. To be called before any thread is started.
    ///
    /// # Errors
    /// A sentence about what is missing.
    pub fn new(
        course: &'a Course,
        exercises: &'a [Exercise],
        current: usize,
        answers: Answers,
        installation: &Installation,
        limit: MemoryLimit,
    ) -> Result<Desk<'a>, String> {
        let exercise = &exercises[current];
        let path = course.root().join("notebooks").join(format!("{}.ipynb", exercise.notebook));
        let notebook = Notebook::read(&path)?;
        let bench = Bench::start(installation, &notebook, limit)?;
        let interrupter = bench.interrupter();
        let terminal = Terminal::open(move || {
            interrupter.interrupt();
            // The desk leaves as soon as the cell has ended; a cell that does not end goes with the process.
            std::thread::sleep(PATIENCE);
            put_back();
            std::process::exit(130);
        })?;
        Ok(Desk {
            course,
            exercises,
            answers,
            progress: Progress::in_home(&installation.home()),
            notebook,
            bench,
            terminal,
            current,
            hints: BTreeMap::new(),
            banner: String::new(),
            is_over: false,
        })
    }

    /// Works until it is left.
    ///
    /// # Errors
    /// A sentence, when an answer cannot be written or read.
    pub fn work(&mut self) -> Result<Left, String> {
        loop {
            let exercises = self.exercises;
            let exercise = &exercises[self.current];
            self.answers.ensure(exercise, &self.notebook)?;
            self.set_up(exercise);
            if self.is_over {
                return Ok(Left::Done);
            }
            let mut stamp = None;
            let next = loop {
                let now = self.settled(&exercise.id);
                if now.is_some() && now != stamp {
                    stamp = now;
                    if self.check(exercise)? {
                        break self.after(self.current);
                    }
                    if self.is_over {
                        return Ok(Left::Done);
                    }
                }
                match self.terminal.wish(LOOK) {
                    None => {}
                    Some(Wish::Leave | Wish::Key('q' | 'Q')) => return Ok(Left::Done),
                    Some(Wish::Key('h' | 'H')) => self.hint(exercise),
                    Some(Wish::Key('c' | 'C')) => stamp = None,
                    Some(Wish::Key('l' | 'L')) => self.list()?,
                    Some(Wish::Key('n' | 'N')) => break Some((self.current + 1) % self.exercises.len()),
                    Some(Wish::Key('p' | 'P')) => {
                        break Some((self.current + self.exercises.len() - 1) % self.exercises.len());
                    }
                    Some(Wish::Key(_)) => self.terminal.print(KEYS),
                }
                if now.is_none() && stamp.is_some() {
                    stamp = None;
                    self.terminal
                        .print(&format!("{} is gone; save it again, or press n", self.answers.shown(&exercise.id)));
                }
            };
            let Some(next) = next else {
                self.terminal.print(&format!("All {} exercises are done.", self.exercises.len()));
                return Ok(Left::Done);
            };
            let exercise = &self.exercises[next];
            if exercise.notebook != self.notebook.name || !self.bench.is_before(&self.notebook, exercise) {
                return Ok(Left::For(exercise.id.clone()));
            }
            self.current = next;
        }
    }

    /// Runs what comes before an exercise.
    fn set_up(&mut self, exercise: &Exercise) {
        let records = self.progress.of_course(self.course.root()).unwrap_or_default();
        let is_done = |id: &str| records.get(id).is_some_and(|record| record.passed.is_some());
        let done = self.exercises.iter().filter(|exercise| is_done(&exercise.id)).count();
        self.clear();
        let (number, of) = (self.current + 1, self.exercises.len());
        self.terminal.print(&format!("{}: {} (exercise {number} of {of}; {done} done)", exercise.id, exercise.title));
        let (terminal, name) = (&self.terminal, &self.notebook.name);
        let tell = |cell: usize, of: usize| {
            if terminal.is_terminal {
                terminal.print(&format!("\u{1b}[1A\u{1b}[KRunning what {name} has before it: cell {cell} of {of}"));
            } else if cell == 1 {
                terminal.print(&format!("Running what {name} has before it: {of} cells"));
            }
        };
        if terminal.is_terminal {
            terminal.print("");
        }
        let answer = |id: &str| if is_done(id) { self.answers.read(id).ok() } else { None };
        let failed = self.bench.advance(&self.notebook, exercise, self.course, &answer, &tell);
        for sentence in failed {
            self.terminal.print(&format!("note: in the notebook before it, {sentence}"));
        }
        self.is_over |= self.terminal.forget_keys();
    }

    /// Checks the answer as it was saved; says whether it passed.
    fn check(&mut self, exercise: &Exercise) -> Result<bool, String> {
        let answer = self.answers.read(&exercise.id)?;
        let file = self.answers.shown(&exercise.id);
        self.terminal.print(&format!("Checking {file} …"));
        let Attempt { printed, outcome } = self.bench.attempt(exercise, &answer);
        // Keys were pressed for a screen that is gone.
        self.is_over |= self.terminal.forget_keys();
        self.clear();
        self.banner.clear();
        if !printed.is_empty() {
            self.terminal.print(&printed);
            self.terminal.print("");
        }
        let has_passed = match &outcome {
            Ok(report) => {
                self.note(exercise, report);
                self.terminal.print(&report.outcome());
                report.has_passed()
            }
            Err(failure) => {
                self.terminal.print(&failure.traceback.join("\n"));
                false
            }
        };
        self.terminal.print("");
        if has_passed {
            self.banner = format!("✓ {} is done.", exercise.id);
            self.terminal.print(&self.banner);
        } else {
            self.terminal.print(&format!("Change {file} and save it.  {KEYS}"));
        }
        Ok(has_passed)
    }

    /// An empty screen, but for what was done last.
    fn clear(&self) {
        self.terminal.clear();
        if self.terminal.is_terminal && !self.banner.is_empty() {
            self.terminal.print(&format!("{}\n", self.banner));
        }
    }

    fn note(&self, exercise: &Exercise, report: &Report) {
        let noted = self.progress.checked(self.course.root(), &exercise.id, report.points(), report.of());
        if let Err(sentence) = noted {
            self.terminal.print(&sentence);
        }
    }

    fn hint(&mut self, exercise: &Exercise) {
        let Some(last) = exercise.hints.len().checked_sub(1) else {
            self.terminal.print(&format!("There are no hints for {}.", exercise.id));
            return;
        };
        let shown = self.hints.entry(exercise.id.clone()).or_default();
        let index = (*shown).min(last);
        *shown = index + 1;
        self.terminal.print(&format!("Hint {} of {}: {}", index + 1, last + 1, exercise.hints[index]));
        let read = u32::try_from(index + 1).unwrap_or(u32::MAX);
        if let Err(sentence) = self.progress.read_hints(self.course.root(), &exercise.id, read) {
            self.terminal.print(&sentence);
        }
    }

    fn list(&self) -> Result<(), String> {
        let records = self.progress.of_course(self.course.root())?;
        let mut notebook = "";
        for (index, exercise) in self.exercises.iter().enumerate() {
            if exercise.notebook != notebook {
                notebook = &exercise.notebook;
                self.terminal.print(notebook);
            }
            let record = records.get(&exercise.id);
            let mark = match record {
                Some(record) if record.passed.is_some() => '✓',
                Some(record) if record.checks > 0 => '…',
                _ => '·',
            };
            let here = if index == self.current { "  ← here" } else { "" };
            self.terminal.print(&format!("  {mark} {}: {}{here}", exercise.id, exercise.title));
        }
        Ok(())
    }

    /// The next exercise that is not done, behind one, or else before it.
    fn after(&self, index: usize) -> Option<usize> {
        let records = self.progress.of_course(self.course.root()).unwrap_or_default();
        first_open(self.exercises, index + 1, &|id| records.get(id).is_some_and(|record| record.passed.is_some()))
            .filter(|&next| next != index)
    }

    /// When the answer was saved, as soon as an editor has written all of it.
    fn settled(&self, id: &str) -> Option<(SystemTime, u64)> {
        let mut stamp = self.answers.stamp(id);
        for _ in 0..20 {
            let recent = stamp.and_then(|(saved, _)| saved.elapsed().ok()).is_some_and(|ago| ago < LOOK / 3);
            if !recent {
                break;
            }
            std::thread::sleep(LOOK / 6);
            stamp = self.answers.stamp(id);
        }
        stamp
    }
}

/// The first exercise from an index on that is not done; those before it come last.
pub fn first_open(exercises: &[Exercise], from: usize, is_done: &dyn Fn(&str) -> bool) -> Option<usize> {
    let order = (from..exercises.len()).chain(0..from.min(exercises.len()));
    order.into_iter().find(|&index| !is_done(&exercises[index].id))
}
