//! Outside the walls: one examiner is started for each paper, watched, and ended when it takes too much.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::assignment::Asked;
use super::cache::Remembered;
use super::job::{Allowance, Finding, Job, Task};
use super::score::ExerciseScore;
use super::submission::Paper;
use crate::confine::Protections;
use crate::installation::Installation;
use crate::shared::Shared;

/// How often an examiner is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// What the evaluator and a compiler take beside the submission.
const MEMORY_OF_TOOLS: u64 = 3 << 30;
/// Threads of the evaluator, the compiler and the engine.
const THREADS_OF_TOOLS: u64 = 200;
/// The longest line that an examiner says; one holds the score of an exercise.
const LONGEST_LINE: u64 = 4 << 20;
/// The most lines that one says.
const MOST_LINES: usize = 10_000;
/// How much of its complaints is kept.
const COMPLAINTS: u64 = 16 << 10;

/// What all papers have in common.
pub struct Custodian {
    /// What compiles and runs them.
    pub installation: Installation,
    /// How much of everything they may have.
    pub allowance: Allowance,
    /// What they must not see.
    pub hidden: Vec<PathBuf>,
    /// What they may read.
    pub data: Option<PathBuf>,
    /// The folder of what has been compiled of the course.
    pub shared: Option<PathBuf>,
    /// Whether a paper is run where neither files nor other processes can be kept from it.
    pub without_walls: bool,
}

/// What came of a paper.
pub struct Outcome {
    /// The scores and notes.
    pub remembered: Remembered,
    /// What stood around it.
    pub protections: Protections,
    /// Whether it would come out the same another time; not so when it was the machine that gave up.
    pub is_final: bool,
}

impl Custodian {
    /// Has one paper examined.
    ///
    /// # Errors
    /// What keeps any paper from being examined here.
    pub fn examine(&self, paper: &Paper, asked: &[&Asked]) -> Result<Outcome, String> {
        self.examine_sharing(paper, asked, false)
    }

    /// Has a paper of the course's own run, so that what is compiled for it need not be compiled for others. Not to be called
    /// when a submission has been examined.
    ///
    /// # Errors
    /// As [`Custodian::examine`].
    pub fn rehearse(&self, paper: &Paper, asked: &[&Asked]) -> Result<(), String> {
        self.examine_sharing(paper, asked, true).map(drop)
    }

    fn examine_sharing(&self, paper: &Paper, asked: &[&Asked], learns: bool) -> Result<Outcome, String> {
        let folder = tempfile::Builder::new()
            .prefix("taskloom-grade-")
            .tempdir()
            .map_err(|error| format!("cannot make a folder for temporary files: {error}"))?;
        let (own, scratch) = (folder.path().join("session"), folder.path().join("scratch"));
        for folder in [&own, &scratch] {
            std::fs::create_dir(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        }
        let job = Job {
            installation: self.installation.clone(),
            paper: paper.clone(),
            tasks: asked.iter().map(|&asked| Task::from(asked)).collect(),
            allowance: self.allowance.clone(),
            hidden: self.hidden.clone(),
            data: self.data.clone(),
            shared: self.shared.clone().map(|folder| Shared { folder, learns }),
            folder: own.clone(),
            scratch: scratch.clone(),
        };
        let child = self.start(&job)?;
        let mut sitting = Sitting { child, scratch: &scratch, allowance: &self.allowance, heard: Heard::default() };
        let stopped = sitting.watch(self.without_walls)?;
        let Heard { scores, mut notes, protections, complete, trouble, has_begun } = std::mem::take(&mut sitting.heard);
        let complaints = sitting.end();
        if scores.is_empty()
            && stopped.is_none()
            && let Some(trouble) = trouble
        {
            return Err(format!("a submission cannot be examined: {trouble}{}", quoted(&complaints)));
        }
        if !has_begun && stopped.is_none() {
            // Nothing of the submission had been run.
            return Err(format!("a submission cannot be examined: its examiner ended at once{}", quoted(&complaints)));
        }
        let is_final = complete || stopped.is_some();
        let reason = match stopped {
            Some(reason) => Some(reason),
            None if !complete => Some(format!("grading ended before its time{}", quoted(&complaints))),
            None => None,
        };
        if let Some(reason) = &reason {
            notes.push(format!("{}: {reason}", paper.notebook));
        }
        // What was not come to is worth nothing.
        let scores = asked.iter().map(|asked| {
            let found = scores.iter().find(|score| score.exercise == asked.exercise.id).cloned();
            found.unwrap_or_else(|| {
                let reason = reason.as_deref().unwrap_or("no answer was handed in");
                ExerciseScore::nothing(&asked.exercise, reason)
            })
        });
        Ok(Outcome { remembered: Remembered { scores: scores.collect(), notes }, protections, is_final })
    }

    fn start(&self, job: &Job) -> Result<Child, String> {
        let program =
            std::env::current_exe().map_err(|error| format!("this program's own file is not to be found: {error}"))?;
        let mut command = Command::new(program);
        command
            .arg("examine")
            // Nothing of whoever grades is in its environment.
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("HOME", &job.scratch)
            .env("TMPDIR", &job.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(data) = &self.data {
            command.env("TASKLOOM_DATA", data);
        }
        // SAFETY: only system calls between fork and exec.
        unsafe {
            command.pre_exec(|| {
                // An interrupt from the keyboard is for this program, which ends the examiner.
                libc::setpgid(0, 0);
                #[cfg(target_os = "linux")]
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let mut child = command.spawn().map_err(|error| format!("cannot start an examiner: {error}"))?;
        let text = serde_json::to_vec(job).map_err(|error| error.to_string())?;
        if let Some(mut stdin) = child.stdin.take() {
            // An examiner that has ended is noticed below.
            let _ = stdin.write_all(&text);
        }
        Ok(child)
    }
}

fn quoted(complaints: &str) -> String {
    let last = complaints.lines().rev().find(|line| !line.trim().is_empty());
    last.map(|line| format!(" ({})", super::score::shortened(line))).unwrap_or_default()
}

#[derive(Default)]
struct Heard {
    scores: Vec<ExerciseScore>,
    notes: Vec<String>,
    protections: Protections,
    complete: bool,
    /// Whether walls stand: what came before is no submission's doing.
    has_begun: bool,
    trouble: Option<String>,
}

struct Sitting<'a> {
    child: Child,
    scratch: &'a Path,
    allowance: &'a Allowance,
    heard: Heard,
}

impl Sitting<'_> {
    /// Listens until the examiner has nothing more to say. Gives why it was stopped, if it was.
    fn watch(&mut self, without_walls: bool) -> Result<Option<String>, String> {
        let Some(stdout) = self.child.stdout.take() else { return Ok(None) };
        let (tell, told) = mpsc::sync_channel(64);
        std::thread::spawn(move || listen(BufReader::new(stdout), &tell));
        let began = Instant::now();
        let mut looked = began;
        loop {
            match told.recv_timeout(LOOK) {
                Ok(Finding::Walls(protections)) => {
                    let walled = protections.has("Landlock")
                        || (protections.has("a view of the files") && protections.has("processes of its own"));
                    if !walled && !without_walls {
                        let missing = protections.missing.join("; ");
                        return Err(format!(
                            "this machine has nothing to confine a submission with ({missing}); --without-walls grades all \
                             the same, on a machine that may be lost"
                        ));
                    }
                    self.heard.protections = protections;
                    self.heard.has_begun = true;
                }
                Ok(Finding::Score(score)) => self.heard.scores.push(score),
                Ok(Finding::Note(note)) => self.heard.notes.push(super::score::shortened(&note)),
                Ok(Finding::Trouble(trouble)) => self.heard.trouble = Some(trouble),
                Ok(Finding::End) => {
                    self.heard.complete = self.heard.trouble.is_none();
                    return Ok(None);
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if began.elapsed() > self.allowance.paper_time {
                let seconds = self.allowance.paper_time.as_secs();
                return Ok(Some(format!("the whole notebook took longer than {seconds} s and was stopped")));
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                if let Some(excess) = self.excess() {
                    return Ok(Some(excess));
                }
            }
        }
    }

    /// What it has too much of. The limits inside cost a submission one cell; this is for what they do not hold.
    fn excess(&self) -> Option<String> {
        let usage = Usage::below(self.child.id());
        let limit = self.allowance.memory * 2 + MEMORY_OF_TOOLS;
        if usage.memory > limit {
            return Some(format!("it used more than {} MiB of memory and was stopped", limit >> 20));
        }
        if usage.threads > self.allowance.processes + THREADS_OF_TOOLS {
            return Some(format!("it had {} threads and processes at a time and was stopped", usage.threads));
        }
        // Where the scratch folder is in memory, this one is empty.
        if size_of(self.scratch, self.allowance.disk) > self.allowance.disk {
            return Some(format!("it wrote more than {} MiB and was stopped", self.allowance.disk >> 20));
        }
        None
    }

    /// Ends the examiner and all that it has started. Gives what it complained of.
    fn end(mut self) -> String {
        let mut text = Vec::new();
        let stderr = self.child.stderr.take();
        let all = descendants(self.child.id());
        // With the first process of a namespace end all others; without a namespace, each is ended.
        let _ = self.child.kill();
        for process in all {
            // SAFETY: a system call without memory. The processes were ours a moment ago.
            unsafe { libc::kill(process, libc::SIGKILL) };
        }
        if let Some(stderr) = stderr {
            let _ = stderr.take(COMPLAINTS).read_to_end(&mut text);
        }
        let _ = self.child.wait();
        String::from_utf8_lossy(&text).into_owned()
    }
}

fn listen(mut source: impl BufRead, tell: &mpsc::SyncSender<Finding>) {
    for _ in 0..MOST_LINES {
        let mut line = Vec::new();
        match source.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(1..) => {}
            _ => return,
        }
        if let Ok(finding) = serde_json::from_slice(&line)
            && tell.send(finding).is_err()
        {
            return;
        }
    }
}

/// What a process and all below it use.
#[derive(Debug, Default)]
struct Usage {
    memory: u64,
    threads: u64,
}

impl Usage {
    fn below(root: u32) -> Usage {
        let mut usage = Usage::default();
        for process in descendants(root) {
            let field = |file: &str| std::fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
            let statm = field("statm");
            let mut pages = statm.split(' ').skip(1).map(|number| number.parse::<u64>().unwrap_or(0));
            let (resident, shared) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
            usage.memory += resident.saturating_sub(shared) * 4096;
            let stat = field("stat");
            let threads = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(17)?.parse::<u64>().ok());
            usage.threads += threads.unwrap_or(0);
        }
        usage
    }
}

/// The process and all that have come from it.
fn descendants(root: u32) -> Vec<libc::pid_t> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name before it is in parentheses, and may hold anything.
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        children.entry(parent.unwrap_or(0)).or_default().push(process);
    }
    let (mut found, mut open) = (BTreeSet::new(), vec![root]);
    while let Some(process) = open.pop() {
        if found.insert(process) {
            open.extend(children.get(&process).into_iter().flatten());
        }
    }
    found.into_iter().filter_map(|process| process.try_into().ok()).collect()
}

/// Bytes on the disk below a folder; stops counting beyond `enough`.
fn size_of(folder: &Path, enough: u64) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let (mut size, mut open) = (0, vec![folder.to_path_buf()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(about) = entry.metadata() else { continue };
            size += about.blocks() * 512;
            if size > enough {
                return size;
            }
            if about.is_dir() {
                open.push(entry.path());
            }
        }
    }
    size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_that_is_no_finding_is_passed_over() {
        let text = format!("noise\n{}\n", serde_json::to_string(&Finding::Note("x".into())).expect("text"));
        let (tell, told) = mpsc::sync_channel(8);
        listen(text.as_bytes(), &tell);
        assert!(matches!(told.try_recv(), Ok(Finding::Note(note)) if note == "x"));
        drop(tell);
        assert!(told.recv().is_err());
    }

    #[test]
    fn what_a_process_has_started_is_found() {
        let mut child = Command::new("sh").args(["-c", "sleep 60 & wait"]).spawn().expect("started");
        let until = Instant::now() + Duration::from_secs(20);
        while descendants(child.id()).len() < 2 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        let all = descendants(child.id());
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(Usage::below(child.id()).threads >= 2);
        for process in all {
            // SAFETY: a system call without memory; both are this test's own.
            unsafe { libc::kill(process, libc::SIGKILL) };
        }
        let _ = child.wait();
    }

    #[test]
    fn folders_are_measured() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("in")).expect("made");
        std::fs::write(folder.path().join("in/file"), vec![1; 100_000]).expect("written");
        assert!(size_of(folder.path(), 1 << 30) >= 100_000);
        assert!(size_of(folder.path(), 10) > 10);
    }
}
