//! `taskloom grade`: what a class has handed in.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use taskloom_exercises::Course;

use crate::confine::Protections;
use crate::grade::assignment::Asked;
use crate::grade::cache::{self, Cache};
use crate::grade::custodian::Custodian;
use crate::grade::job::Allowance;
use crate::grade::report::{Grades, terminal};
use crate::grade::submission::{Paper, students};
use crate::grade::{Assignment, ExerciseScore, Submission, SubmissionScore};
use crate::installation::Installation;
use crate::nbgrader::gradebook::NbGrader;
use crate::session::MemoryLimit;

#[derive(clap::Args)]
pub struct Options {
    /// Submissions: each a notebook, or a folder of notebooks and answers (EXERCISE.rs)
    #[arg(required = true)]
    submissions: Vec<PathBuf>,
    /// The folder for results, feedback and gradebook; a second run updates what is there
    #[arg(long)]
    out: PathBuf,
    /// The course [default: the one around the current folder, or else the installed one]
    #[arg(long)]
    course: Option<PathBuf>,
    /// Grade the exercises of this notebook only; may be given again [default: all notebooks that somebody handed in]
    #[arg(long, value_name = "NAME")]
    notebook: Vec<String>,
    /// The data that notebooks read [default: $TASKLOOM_DATA, or the folder `data` of the course]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Submissions that run at the same time [default: as many as cores]
    #[arg(long)]
    jobs: Option<usize>,
    /// Seconds that one cell may take
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    cell_time: u64,
    /// Seconds that one notebook may take
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    time: u64,
    /// Memory that the cells of a submission may use
    #[arg(long, default_value = "2GiB", value_name = "SIZE")]
    memory: MemoryLimit,
    /// What a submission may write to the disk
    #[arg(long, default_value = "256MiB", value_name = "SIZE")]
    disk: MemoryLimit,
    /// Put the scores into nbgrader's gradebook too: its folder for the course, or the file gradebook.db in there
    #[arg(long, value_name = "FOLDER")]
    nbgrader: Option<PathBuf>,
    /// The Python that has nbgrader [default: that of the command `nbgrader`, the private environment's, or python3]
    #[arg(long, requires = "nbgrader")]
    python: Option<PathBuf>,
    /// Grade anew what has been graded before
    #[arg(long)]
    again: bool,
    /// Grade even where nothing can keep a submission from this machine's files
    #[arg(long)]
    without_walls: bool,
    /// The folder of the installation
    #[arg(long)]
    home: Option<PathBuf>,
}

/// What a cell may print and show.
const OUTPUT: u64 = 4 << 20;
/// How many must have handed in something of their own, for it to be worth while to run the course's answers first.
const WORTH_A_REHEARSAL: usize = 4;
/// Threads and processes of a submission.
const PROCESSES: u64 = 256;

pub fn run(options: &Options) -> Result<ExitCode, String> {
    let home = super::home_folder(options.home.clone())?;
    let installation = Installation::load(home.root())?;
    let course = find_course(options.course.as_deref(), installation.course.as_deref())?;
    let everything = Assignment::of_course(&course, &options.notebook)?;
    for path in &options.submissions {
        if std::fs::symlink_metadata(path).is_err() {
            return Err(format!("there is no submission {}", path.display()));
        }
    }
    let find = |place| NbGrader::find(place, options.python.as_deref(), &home.python_exe());
    let nbgrader = options.nbgrader.as_deref().map(find).transpose()?;
    std::fs::create_dir_all(&options.out)
        .map_err(|error| format!("cannot make the folder {}: {error}", options.out.display()))?;
    let names = students(&options.submissions, &everything);
    let read = options.submissions.iter().zip(names).map(|(path, name)| Submission::read(path, name, &everything));
    let submissions: Vec<Submission> = read.collect();
    let notebooks: BTreeSet<String> = submissions.iter().flat_map(Submission::notebooks).collect();
    // Where nobody handed in a notebook that can be read, all were asked.
    let asked =
        if options.notebook.is_empty() && !notebooks.is_empty() { everything.narrowed(&notebooks) } else { everything };
    // Not among the results: there it would be found, and would stay. Without it all takes longer, no more.
    let shared = tempfile::Builder::new().prefix("taskloom-course-").tempdir();
    let custodian = Custodian {
        allowance: Allowance {
            cell_time: Duration::from_secs(options.cell_time),
            paper_time: Duration::from_secs(options.time),
            memory: if options.memory.is_off() { 1 << 40 } else { options.memory.bytes() },
            disk: if options.disk.is_off() { 1 << 40 } else { options.disk.bytes() },
            output: OUTPUT,
            processes: PROCESSES,
        },
        hidden: hidden(&course, &options.submissions, &options.out, nbgrader.as_ref()),
        data: data_folder(options.data.as_deref(), &course),
        shared: shared.as_ref().ok().map(|folder| folder.path().to_path_buf()),
        without_walls: options.without_walls,
        installation,
    };
    let class = Class {
        asked: &asked,
        custodian: &custodian,
        cache: Cache::new(options.out.join("cache")),
        again: options.again,
        jobs: options.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).max(1),
    };
    let (scores, protections) = class.grade(&submissions)?;
    let title = course.root().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let title = format!("{title}: {}", asked.notebooks.keys().cloned().collect::<Vec<_>>().join(", "));
    let grades = Grades { title: &title, scores: &scores, protections: &protections };
    grades.write(&options.out)?;
    print!("{}", terminal::table(&grades));
    if !protections.missing.is_empty() {
        eprintln!("Not available on this machine: {}", protections.missing.join("; "));
    }
    println!("Feedback and results are in {}", options.out.display());
    if let Some(nbgrader) = nbgrader {
        nbgrader.fill(&options.out.join("results.json"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The course named, the one around the current folder, or the installed one.
pub(super) fn find_course(named: Option<&Path>, installed: Option<&Path>) -> Result<Course, String> {
    let find = |path: &Path| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        Course::find(&path).map_err(|error| error.to_string())
    };
    if let Some(path) = named {
        return find(path);
    }
    let here = std::env::current_dir().map_err(|error| format!("the current folder is gone: {error}"))?;
    find(&here).or_else(|message| match installed {
        Some(root) => find(root),
        None => Err(message),
    })
}

/// What no submission may see: answers and checks, what others handed in, and what they got for it.
fn hidden(course: &Course, submissions: &[PathBuf], out: &Path, nbgrader: Option<&NbGrader>) -> Vec<PathBuf> {
    let mut hidden = vec![course.root().join("exercises"), course.root().join("solutions"), out.to_path_buf()];
    hidden.extend(submissions.iter().cloned());
    hidden.extend(nbgrader.map(NbGrader::secrets).unwrap_or_default());
    let real = |path: PathBuf| std::fs::canonicalize(&path).unwrap_or(path);
    hidden.into_iter().map(real).collect()
}

/// The data that notebooks read.
pub(super) fn data_folder(named: Option<&Path>, course: &Course) -> Option<PathBuf> {
    let named = named.map(Path::to_path_buf).or_else(|| std::env::var_os("TASKLOOM_DATA").map(PathBuf::from));
    let folder = named.unwrap_or_else(|| course.root().join("data"));
    std::fs::canonicalize(folder).ok()
}

/// A class's work, and who looks after it.
struct Class<'a> {
    asked: &'a Assignment,
    custodian: &'a Custodian,
    cache: Cache,
    again: bool,
    jobs: usize,
}

/// What is known of the papers of one submission so far.
#[derive(Default)]
struct Pile {
    scores: Vec<ExerciseScore>,
    notes: Vec<String>,
    seconds: f64,
    cached: usize,
}

impl Class<'_> {
    /// Grades everything, several at a time.
    fn grade(&self, submissions: &[Submission]) -> Result<(Vec<SubmissionScore>, Protections), String> {
        let papers: Vec<(usize, &Paper)> = submissions
            .iter()
            .enumerate()
            .flat_map(|(index, submission)| submission.papers.iter().map(move |paper| (index, paper)))
            .collect();
        let piles: Vec<Mutex<Pile>> = submissions.iter().map(|_| Mutex::default()).collect();
        let protections = Mutex::new(Protections::default());
        let trouble: Mutex<Option<String>> = Mutex::default();
        let next = AtomicUsize::new(0);
        self.rehearse(papers.iter().map(|(_, paper)| *paper))?;
        let progress = Progress::new(papers.len(), self.jobs.min(papers.len()));
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.min(papers.len()) {
                scope.spawn(|| {
                    while let Some(&(index, paper)) = papers.get(next.fetch_add(1, Ordering::SeqCst)) {
                        if lock(&trouble).is_some() {
                            return;
                        }
                        let began = Instant::now();
                        match self.examine(paper, &protections) {
                            Ok((remembered, cached)) => {
                                let seconds = began.elapsed().as_secs_f64();
                                let mut pile = lock(&piles[index]);
                                pile.scores.extend(remembered.scores);
                                pile.notes.extend(remembered.notes);
                                pile.seconds += seconds;
                                pile.cached += usize::from(cached);
                                progress.done(&submissions[index].student, (!cached).then_some(seconds));
                            }
                            Err(message) => *lock(&trouble) = Some(message),
                        }
                    }
                });
            }
        });
        progress.end();
        if let Some(message) = lock(&trouble).take() {
            return Err(message);
        }
        let piles = piles.into_iter().map(|pile| pile.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()));
        let scores = submissions.iter().zip(piles).map(|(submission, pile)| self.total(submission, pile)).collect();
        Ok((scores, protections.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())))
    }

    /// Runs the course's own answers to notebooks that many have handed in, before any submission.
    fn rehearse<'p>(&self, papers: impl Iterator<Item = &'p Paper>) -> Result<(), String> {
        let mut new: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for paper in papers {
            let digest = self.digest(paper, &self.asked_in(paper));
            if self.again || self.cache.get(&digest).is_none() {
                new.entry(&paper.notebook).or_default().insert(digest);
            }
        }
        let many = new.into_iter().filter(|(_, digests)| digests.len() >= WORTH_A_REHEARSAL);
        let rehearsals: Vec<Vec<Paper>> = many.map(|(notebook, _)| self.asked.rehearsals(notebook)).collect();
        if rehearsals.is_empty() || self.custodian.shared.is_none() {
            return Ok(());
        }
        eprintln!("compiling what all have in common");
        let next = AtomicUsize::new(0);
        let trouble: Mutex<Option<String>> = Mutex::default();
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.min(rehearsals.len()) {
                scope.spawn(|| {
                    while let Some(papers) = rehearsals.get(next.fetch_add(1, Ordering::SeqCst)) {
                        // One after the other: the second has most of its cells in common with the first.
                        for paper in papers {
                            if let Err(message) = self.custodian.rehearse(paper, &self.asked_in(paper)) {
                                *lock(&trouble) = Some(message);
                            }
                        }
                    }
                });
            }
        });
        // What keeps these from being run keeps all others.
        lock(&trouble).take().map_or(Ok(()), Err)
    }

    fn asked_in(&self, paper: &Paper) -> Vec<&Asked> {
        self.asked.exercises.iter().filter(|asked| asked.exercise.notebook == paper.notebook).collect()
    }

    fn digest(&self, paper: &Paper, asked: &[&Asked]) -> String {
        let exercises: Vec<_> = asked.iter().map(|asked| &asked.exercise).collect();
        let Custodian { allowance, installation, data, .. } = self.custodian;
        cache::digest(paper, &exercises, allowance, installation, data.as_deref())
    }

    /// One paper; says whether it was known already.
    fn examine(&self, paper: &Paper, protections: &Mutex<Protections>) -> Result<(cache::Remembered, bool), String> {
        let asked = self.asked_in(paper);
        let digest = self.digest(paper, &asked);
        if !self.again
            && let Some(remembered) = self.cache.get(&digest)
        {
            return Ok((remembered, true));
        }
        let outcome = self.custodian.examine(paper, &asked)?;
        *lock(protections) = outcome.protections;
        if outcome.is_final {
            self.cache.put(&digest, &outcome.remembered)?;
        }
        Ok((outcome.remembered, false))
    }

    fn total(&self, submission: &Submission, pile: Pile) -> SubmissionScore {
        // What could not be read is the reason for what is not there.
        let reason = submission.notes.first().map_or("no answer was handed in", String::as_str);
        let exercises = self.asked.exercises.iter().map(|asked| {
            let own = pile.scores.iter().find(|score| score.exercise == asked.exercise.id).cloned();
            own.unwrap_or_else(|| ExerciseScore::nothing(&asked.exercise, reason))
        });
        SubmissionScore {
            student: submission.student.clone(),
            path: submission.path.display().to_string(),
            exercises: exercises.collect(),
            notes: submission.notes.iter().cloned().chain(pile.notes).collect(),
            seconds: pile.seconds,
            cached: !submission.papers.is_empty() && pile.cached == submission.papers.len(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Tells how far it is: on a terminal in one line, elsewhere in a line each.
struct Progress {
    of: usize,
    running: usize,
    /// How many are done, and how long those took that ran.
    state: Mutex<(usize, Vec<f64>)>,
    on_terminal: bool,
}

impl Progress {
    fn new(of: usize, running: usize) -> Self {
        Progress { of, running, state: Mutex::default(), on_terminal: std::io::stderr().is_terminal() }
    }

    fn done(&self, student: &str, seconds: Option<f64>) {
        let mut state = lock(&self.state);
        state.0 += 1;
        state.1.extend(seconds);
        let text = terminal::progress(state.0, self.of, &state.1, self.running);
        let mut stderr = std::io::stderr().lock();
        // Nobody looks, then.
        let _ = match self.on_terminal {
            true => write!(stderr, "\r\u{1b}[K{text} ({student})"),
            false => writeln!(stderr, "{text} ({student})"),
        };
        let _ = stderr.flush();
    }

    fn end(&self) {
        if self.on_terminal {
            let _ = write!(std::io::stderr().lock(), "\r\u{1b}[K");
        }
    }
}
