//! Inside the walls: a fresh session runs a paper from the top, and the course's checks look at each answer.
//!
//! What checks look at could be made to mislead them. So before an exercise's checks run
//! - the course's own functions that they use are put back, where the submission has redefined them;
//! - the variables that they use must not hide one of those functions, nor be of a type of the submission's own, whose
//!   methods would answer in the place of those the checks mean;
//! - they are compiled with the course's imports only, see [`crate::session::Scope`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::job::{Finding, Job, Task};
use super::rules;
use super::score::{ExerciseScore, shortened};
use super::submission::{Kind, PaperCell};
use crate::confine::{self, Limits, Walls};
use crate::magics::{Checking, Magics, Watchdog};
use crate::session::cell::outline;
use crate::session::{
    Event, Failure, Interrupter, MemoryLimit, Scope, Session, prepare_environment, session_folder, words_in,
};
use crate::shared::Shared;

/// Examines the paper that comes in on standard input; what is found goes to standard output.
///
/// # Errors
/// A sentence, when there is no job or nobody to tell.
pub fn run() -> Result<(), String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| format!("no job has come: {error}"))?;
    let job: Job = serde_json::from_str(&text).map_err(|error| format!("the job is damaged: {error}"))?;
    let mut answers = take_stdout().map_err(|error| format!("standard output cannot be taken: {error}"))?;
    let mut tell = |finding: Finding| {
        if let Ok(line) = serde_json::to_string(&finding) {
            // Who has gone hears nothing.
            let _ = answers.write_all(format!("{line}\n").as_bytes());
        }
    };
    if let Err(reason) = examine(&job, &mut tell) {
        tell(Finding::Trouble(reason));
    }
    tell(Finding::End);
    Ok(())
}

/// Whatever else writes to standard output does not reach the custodian.
fn take_stdout() -> std::io::Result<File> {
    // SAFETY: the new descriptor is nobody else's; programs that are started do not get it.
    let answers = unsafe { File::from_raw_fd(libc::fcntl(1, libc::F_DUPFD_CLOEXEC, 3)) };
    let nothing = File::options().write(true).open("/dev/null")?;
    // SAFETY: both are open.
    if unsafe { libc::dup2(nothing.as_raw_fd(), 1) } < 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(answers)
}

fn examine(job: &Job, tell: &mut dyn FnMut(Finding)) -> Result<(), String> {
    let mut protections = separate(job);
    let walls = outer_walls(job);
    let enclosed = confine::enclose(&walls);
    // What this process could change, another has perhaps changed.
    let is_sealed = enclosed.has("Landlock") || protections.has(confine::SEALED);
    let shared = job.shared.clone().filter(|shared| shared.learns || is_sealed);
    protections.there.extend(enclosed.there);
    protections.missing.extend(enclosed.missing);
    tell(Finding::Walls(protections));

    let here = job.scratch.join("notebooks");
    let failed = |error: std::io::Error| format!("the scratch folder cannot be used: {error}");
    std::fs::create_dir_all(&here).map_err(failed)?;
    if let Some(data) = &job.data {
        std::os::unix::fs::symlink(data, job.scratch.join("data")).map_err(failed)?;
    }
    std::env::set_current_dir(&here).map_err(failed)?;
    let folder = session_folder()?;
    // A rule is about what is there.
    let objects = [folder.path().join("items/libraries"), folder.path().join("target")];
    objects.iter().try_for_each(std::fs::create_dir_all).map_err(failed)?;
    let inner = inner_walls(job, &objects);
    let inner = serde_json::to_string(&inner).map_err(|error| error.to_string())?;
    // SAFETY: no other thread has been started yet.
    unsafe { std::env::set_var(confine::VARIABLE, inner) };
    prepare_environment(&job.installation, folder.path())?;
    let output = Arc::new(Output { limit: job.allowance.output, ..Output::default() });
    let for_sink = Arc::clone(&output);
    let mut session = Session::start_sharing(&job.installation, folder, shared, move |event| for_sink.take(&event))?;
    let _ = output.interrupter.set(session.interrupter());
    session.set_memory_limit(MemoryLimit::of_bytes(job.allowance.memory));
    let magics = Magics::new(&job.installation);
    Sitting { job, session, magics, output, given: Given::default(), number: 0, course: 0, left_out: 0, tell }.work();
    Ok(())
}

#[cfg(target_os = "linux")]
fn separate(job: &Job) -> confine::Protections {
    confine::separate(&confine::View {
        hidden: job.hidden.clone(),
        sealed: job.shared.as_ref().filter(|shared| !shared.learns).map(|shared| shared.folder.clone()),
        scratch: Some((job.scratch.clone(), job.allowance.disk)),
    })
}

#[cfg(not(target_os = "linux"))]
fn separate(_: &Job) -> confine::Protections {
    confine::Protections { there: Vec::new(), missing: vec!["namespaces (only on Linux)".to_owned()] }
}

fn paths<const N: usize>(paths: [&str; N]) -> Vec<PathBuf> {
    paths.map(PathBuf::from).to_vec()
}

/// Around everything that has to do with the paper. The compiler needs more than the code that it compiles.
fn outer_walls(job: &Job) -> Walls {
    let installation = &job.installation;
    let mut execute = paths(["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store"]);
    // rustc/bin and lib beside it.
    execute.extend(installation.rustc.ancestors().nth(2).map(Path::to_path_buf));
    execute.extend(installation.engine.parent().map(Path::to_path_buf));
    let mut read =
        paths(["/proc", "/sys/devices/system/cpu", "/sys/fs/cgroup", "/dev/urandom", "/dev/random", "/dev/zero"]);
    read.extend(paths([
        "/etc/ld.so.cache",
        "/etc/ld.so.conf",
        "/etc/ld.so.conf.d",
        "/etc/localtime",
        "/etc/alternatives",
    ]));
    read.extend(job.data.clone());
    let mut write = vec![job.folder.clone(), job.scratch.clone(), installation.gate(), PathBuf::from("/dev/null")];
    match &job.shared {
        Some(Shared { folder, learns: true }) => write.push(folder.clone()),
        Some(Shared { folder, learns: false }) => read.push(folder.clone()),
        None => {}
    }
    write.retain(|path| path.exists());
    let limits = Limits {
        cpu: 0,
        data: 0,
        // A compiler writes objects.
        file: job.allowance.disk.max(1 << 30),
        files: 4096,
        processes: 4 * job.allowance.processes,
    };
    Walls { read, execute, list: Vec::new(), write, programs: true, limits }
}

/// Around the submission's code alone.
fn inner_walls(job: &Job, objects: &[PathBuf]) -> Walls {
    let mut read = paths(["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo", "/nix/store"]);
    read.extend(paths(["/etc/ld.so.cache", "/etc/localtime", "/dev/urandom", "/dev/zero", "/proc/meminfo"]));
    read.push(PathBuf::from("/sys/devices/system/cpu"));
    read.extend(job.installation.engine.parent().map(Path::to_path_buf));
    // What cells were compiled to, but not what they were compiled from: checks are compiled there too.
    read.extend_from_slice(objects);
    read.extend(job.data.clone());
    let limits = Limits {
        cpu: job.allowance.paper_time.as_secs().max(1) * 2,
        // The limit proper is watched by the supervisor, and costs one cell. This one is for what is too quick for it; stacks
        // of threads count here though nobody uses them.
        data: job.allowance.memory + (2 << 30),
        file: job.allowance.disk,
        files: 1024,
        processes: job.allowance.processes,
    };
    let write = vec![job.scratch.clone(), PathBuf::from("/dev/null")];
    Walls { read, execute: Vec::new(), list: vec![PathBuf::from("/proc")], write, programs: false, limits }
}

/// How many cells may stand between two of the course's, without that anything be compiled again.
const NUMBERS: usize = 1000;

/// Counts what a cell shows, and ends it when that is too much. Nothing of it is kept.
#[derive(Default)]
struct Output {
    limit: u64,
    bytes: AtomicU64,
    too_much: AtomicBool,
    interrupter: OnceLock<Interrupter>,
}

impl Output {
    fn take(&self, event: &Event) {
        let bytes = match event {
            Event::Stream { text, .. } => text.len(),
            Event::Display { data, .. } | Event::Result(data, _) => {
                data.values().map(|value| value.as_str().map_or_else(|| value.to_string().len(), str::len)).sum()
            }
            _ => 16,
        };
        let before = self.bytes.fetch_add(bytes as u64, Ordering::SeqCst);
        if before + bytes as u64 > self.limit
            && !self.too_much.swap(true, Ordering::SeqCst)
            && let Some(interrupter) = self.interrupter.get()
        {
            interrupter.interrupt();
        }
    }

    fn begin(&self) {
        self.bytes.store(0, Ordering::SeqCst);
        self.too_much.store(false, Ordering::SeqCst);
    }
}

/// What the course's cells have defined so far.
#[derive(Default)]
struct Given {
    /// Items by name: their text, and the words in it.
    items: BTreeMap<String, (String, Vec<String>)>,
    /// `use` statements by the name that they bring in; by themselves, those with `*`.
    imports: BTreeMap<String, String>,
}

impl Given {
    fn learn(&mut self, source: &str) {
        let outline = outline(source);
        for unit in &outline.units {
            for name in &unit.names {
                let text = source[unit.range.clone()].to_owned();
                self.items.insert(name.clone(), (text, unit.words.clone()));
            }
        }
        for import in outline.imports {
            self.imports.insert(import.name.unwrap_or_else(|| import.text.clone()), import.text);
        }
    }

    /// Those of its items that the words name, and those that these name in turn.
    fn needed<'a>(&'a self, words: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
        let mut needed = BTreeSet::new();
        let mut open: Vec<&str> = words.into_iter().collect();
        while let Some(word) = open.pop() {
            if let Some((name, (_, words))) = self.items.get_key_value(word)
                && needed.insert(name.as_str())
            {
                open.extend(words.iter().map(String::as_str));
            }
        }
        needed
    }
}

struct Sitting<'a> {
    job: &'a Job,
    session: Session,
    magics: Magics,
    output: Arc<Output>,
    given: Given,
    number: u32,
    /// The cells of the course's that came so far.
    course: usize,
    /// Cells in which something was left out.
    left_out: usize,
    tell: &'a mut dyn FnMut(Finding),
}

impl Sitting<'_> {
    fn work(&mut self) {
        let mut open: BTreeMap<&str, &Task> = self.job.tasks.iter().map(|task| (task.id(), task)).collect();
        for cell in &self.job.paper.cells {
            if open.is_empty() {
                break;
            }
            self.number += 1;
            if cell.kind != Kind::Own {
                // So that a cell of the course's has the same number whatever the student has put between.
                self.course += 1;
                self.session.number_from(self.course * NUMBERS);
            }
            // Answers are not the course's text; where they are its own solutions, nobody shall find them.
            let learns = self.job.shared.as_ref().is_some_and(|shared| shared.learns);
            self.session.set_learning(learns && cell.kind == Kind::Given);
            let outcome = self.run(cell);
            if let Kind::Answer(id) = &cell.kind
                && let Some(task) = open.remove(id.as_str())
            {
                self.session.set_learning(learns);
                let score = self.score(task, cell, outcome);
                (self.tell)(Finding::Score(score));
            }
        }
        for task in open.values() {
            let score = ExerciseScore::nothing(&task.exercise(), "no answer was handed in");
            (self.tell)(Finding::Score(score));
        }
        if self.left_out > 0 {
            let note = format!("magics and commands were left out of {} cells: grading runs only Rust", self.left_out);
            (self.tell)(Finding::Note(note));
        }
    }

    /// Runs a cell; gives why it did not come to its end.
    fn run(&mut self, cell: &PaperCell) -> Result<(), String> {
        let is_given = cell.kind == Kind::Given;
        let (source, left_out) = rules::plain(&cell.source);
        if !is_given {
            self.left_out += usize::from(left_out);
            if let Some(objection) = rules::objection(&source) {
                return Err(objection);
            }
        }
        if source.trim().is_empty() {
            return Ok(());
        }
        self.output.begin();
        let watch = Watchdog::start(&self.session, self.job.allowance.cell_time);
        let result = self.magics.run_cell(&mut self.session, &source, self.number, &|_| {});
        let timed_out = watch.stop();
        if is_given {
            self.given.learn(&source);
        }
        result.map_err(|failure| self.explain(&failure, timed_out))
    }

    fn explain(&self, failure: &Failure, timed_out: bool) -> String {
        if self.output.too_much.load(Ordering::SeqCst) {
            return format!("it printed more than {} KiB and was stopped", self.output.limit >> 10);
        }
        if timed_out {
            return format!("it took longer than {} s and was stopped", self.job.allowance.cell_time.as_secs());
        }
        shortened(&format!("{}: {}", failure.name, failure.value))
    }

    fn score(&mut self, task: &Task, cell: &PaperCell, outcome: Result<(), String>) -> ExerciseScore {
        let exercise = task.exercise();
        if cell.source.trim().is_empty() {
            return ExerciseScore::nothing(&exercise, "the answer is empty");
        }
        if let Some(objection) = rules::objection(&rules::plain(&cell.source).0) {
            return ExerciseScore::nothing(&exercise, &objection);
        }
        let reason = outcome.err().map(|reason| format!("the cell did not come to its end: {reason}"));
        let text = exercise.checks.iter().fold(exercise.preamble.clone(), |text, check| text + "\n" + &check.body);
        let words = words_in(&text);
        let needed: BTreeSet<String> =
            self.given.needed(words.iter().copied()).into_iter().map(str::to_owned).collect();
        if let Err(objection) = self.restore(&needed).and_then(|()| self.object_to_variables(task, &words)) {
            return ExerciseScore::nothing(&exercise, &objection);
        }
        let items = needed.iter().chain(&task.items).cloned().collect();
        let scope = Scope { items, imports: self.given.imports.values().cloned().collect() };
        self.output.begin();
        let mut checking = Checking { session: &mut self.session, number: self.number, scope: Some(scope) };
        let report = taskloom_exercises::check(&exercise, &mut checking);
        ExerciseScore::of_report(&exercise, report, reason)
    }

    /// Puts the course's own items back that checks use, where they are something else now.
    fn restore(&mut self, needed: &BTreeSet<String>) -> Result<(), String> {
        let is_changed = |name: &&String| self.session.item_source(name) != Some(self.given.items[*name].0.as_str());
        let texts: BTreeSet<&str> =
            needed.iter().filter(is_changed).map(|name| self.given.items[name].0.as_str()).collect();
        if texts.is_empty() {
            return Ok(());
        }
        let code = texts.into_iter().collect::<Vec<_>>().join("\n");
        let watch = Watchdog::start(&self.session, self.job.allowance.cell_time);
        let result = self.session.execute(&code, self.number);
        watch.stop();
        result.map_err(|failure| {
            let names: Vec<&str> = needed.iter().map(String::as_str).collect();
            format!(
                "what the notebook gives was redefined ({}), and does not fit to what is there now: {}",
                names.join(", "),
                shortened(&failure.value)
            )
        })
    }

    /// Variables that would answer in the place of what the checks mean.
    fn object_to_variables(&self, task: &Task, words: &std::collections::HashSet<&str>) -> Result<(), String> {
        let own: BTreeSet<String> = self.session.items().into_iter().collect();
        let is_own =
            |name: &str| own.contains(name) && !self.given.items.contains_key(name) && !task.items.contains(name);
        for (name, ty) in self.session.full_types().filter(|(name, _)| words.contains(name)) {
            if self.given.items.contains_key(name) {
                return Err(format!("the variable `{name}` hides the notebook's `{name}`, which the checks use"));
            }
            if ty.contains("taskloom_cells")
                && let Some(part) = words_in(ty).into_iter().find(|word| is_own(word))
            {
                return Err(format!(
                    "`{name}` is of a type of your own, `{part}`; the checks look at values of the library's types"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_course_gave_is_known_with_all_that_it_needs() {
        let mut given = Given::default();
        given.learn("use std::fmt;\nconst WAIT: u64 = 1;\nfn wait() -> u64 { WAIT }\nfn read() -> u64 { wait() }");
        given.learn("fn other() {}\nlet x = 1;");
        assert_eq!(given.needed(["read", "x", "unknown"]).into_iter().collect::<Vec<_>>(), ["WAIT", "read", "wait"]);
        assert_eq!(given.imports.values().map(String::as_str).collect::<Vec<_>>(), ["use std::fmt;"]);
    }
}
