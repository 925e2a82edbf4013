//! The process that speaks to Dask: `client.py` of the package `taskloom_dask`, over its standard input and output.
//!
//! Dask's wire format is its own affair and changes; its Python client does not. The package's sources are in the engine,
//! so the two ends are always of one version.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::wire::{Fields, read_frame, write_frame};
use crate::error::{Error, Result};

/// Names the Python that has `distributed`.
const PYTHON: &str = "TASKLOOM_DASK_PYTHON";

const SOURCES: [(&str, &str); 3] = [
    ("__init__.py", include_str!("../../cluster-python/taskloom_dask/__init__.py")),
    ("client.py", include_str!("../../cluster-python/taskloom_dask/client.py")),
    ("worker.py", include_str!("../../cluster-python/taskloom_dask/worker.py")),
];

/// So many lines of what it writes to its standard error are kept, for the message when it ends.
const LINES: usize = 12;

pub(super) struct Helper {
    process: Mutex<Child>,
    requests: Mutex<Option<BufWriter<ChildStdin>>>,
    waiting: Arc<Mutex<Waiting>>,
    said: Arc<Mutex<VecDeque<String>>>,
    python: PathBuf,
    last: AtomicU64,
    /// The package, for as long as something may import it.
    _sources: tempfile::TempDir,
}

#[derive(Default)]
struct Waiting {
    requests: HashMap<u64, Waiter>,
    has_ended: bool,
}

/// Who hears of an answer: a thread that waits, or a function, which must not.
enum Waiter {
    Thread(Sender<Answer>),
    Function(Box<dyn FnOnce(std::result::Result<(), Unanswered>) + Send>),
}

impl Waiter {
    fn hear(self, answer: Answer) {
        match self {
            // Whoever asked may have gone.
            Waiter::Thread(sender) => drop(sender.send(answer)),
            Waiter::Function(function) => function(answer.read()),
        }
    }
}

/// How a request ended: MessagePack of what was asked for, or of a [`Failure`].
struct Answer {
    succeeded: bool,
    body: Vec<u8>,
}

/// Why a request failed.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Failure {
    /// `task`, or the name of Python's exception.
    pub(super) kind: String,
    pub(super) message: String,
    /// Dask's key of the task that failed.
    #[serde(default)]
    pub(super) key: String,
    #[serde(default)]
    pub(super) task: String,
    #[serde(default)]
    pub(super) panicked: bool,
}

/// Why a wait ended without an answer.
pub(super) enum Unanswered {
    NotYet,
    Failed(Failure),
    Broken(Error),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

pub(super) fn trouble(message: impl Into<String>) -> Error {
    Error::Cluster { message: message.into() }
}

impl Helper {
    pub(super) fn start() -> Result<Helper> {
        let sources = tempfile::Builder::new().prefix("taskloom-dask-").tempdir();
        let sources =
            sources.map_err(|error| trouble(format!("no temporary directory for a cluster's client: {error}")))?;
        let package = sources.path().join("taskloom_dask");
        let written = std::fs::create_dir(&package)
            .and_then(|()| SOURCES.iter().try_for_each(|(name, text)| std::fs::write(package.join(name), text)));
        written.map_err(|error| trouble(format!("could not write {}: {error}", package.display())))?;
        let python = std::env::var_os(PYTHON).filter(|path| !path.is_empty());
        let python = PathBuf::from(python.unwrap_or_else(|| "python3".into()));
        let path = std::env::var_os("PYTHONPATH").filter(|path| !path.is_empty());
        let paths = [sources.path().to_owned()].into_iter().chain(path.iter().flat_map(std::env::split_paths));
        let path = std::env::join_paths(paths)
            .map_err(|error| trouble(format!("PYTHONPATH is not a list of folders: {error}")))?;
        let mut command = Command::new(&python);
        command.args(["-m", "taskloom_dask.client"]).env("PYTHONPATH", path);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        own_group(&mut command);
        let mut process = command.spawn().map_err(|error| {
            trouble(format!(
                "a cluster is reached by Python's `distributed`, and `{}` could not be started: {error}; set {PYTHON} to a \
                 Python that has it",
                python.display()
            ))
        })?;
        let (waiting, said) = (Arc::new(Mutex::new(Waiting::default())), Arc::new(Mutex::new(VecDeque::new())));
        let requests = process.stdin.take().map(BufWriter::new);
        if let Some(answers) = process.stdout.take() {
            let waiting = Arc::clone(&waiting);
            std::thread::spawn(move || deliver(BufReader::new(answers), &waiting));
        }
        if let Some(lines) = process.stderr.take() {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                let (mut lines, mut line) = (BufReader::new(lines), Vec::new());
                // To the end, whatever it is: a pipe that nobody reads would hold up every worker that logs.
                while lines.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                    let mut said = lock(&said);
                    if said.len() == LINES {
                        said.pop_front();
                    }
                    said.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
                    line.clear();
                }
            });
        }
        Ok(Helper {
            process: Mutex::new(process),
            requests: Mutex::new(requests),
            waiting,
            said,
            python,
            last: AtomicU64::new(0),
            _sources: sources,
        })
    }

    /// Asks for something, which goes on while the answer is waited for.
    pub(super) fn ask<B: Serialize>(&self, operation: &str, body: &B) -> Result<Pending<'_>> {
        let (sender, receiver) = channel();
        let number = self.send(operation, body, Some(Waiter::Thread(sender)))?;
        Ok(Pending { helper: self, number, receiver })
    }

    /// Asks for something whose end `function` hears of, on the thread that reads answers: it must not wait.
    pub(super) fn begin<B: Serialize>(
        &self,
        operation: &str,
        body: &B,
        function: impl FnOnce(std::result::Result<(), Unanswered>) + Send + 'static,
    ) -> Result<()> {
        self.send(operation, body, Some(Waiter::Function(Box::new(function)))).map(|_| ())
    }

    /// Tells something that nobody waits for.
    pub(super) fn tell<B: Serialize>(&self, operation: &str, body: &B) -> Result<()> {
        self.send(operation, body, None).map(|_| ())
    }

    fn send<B: Serialize>(&self, operation: &str, body: &B, waiter: Option<Waiter>) -> Result<u64> {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let packed = rmp_serde::to_vec_named(&(operation, body));
        let packed =
            packed.map_err(|error| trouble(format!("a request to the cluster could not be written: {error}")))?;
        let mut waiting = lock(&self.waiting);
        if waiting.has_ended {
            return Err(self.ended());
        }
        waiting.requests.extend(waiter.map(|waiter| (number, waiter)));
        drop(waiting);
        let written = match &mut *lock(&self.requests) {
            Some(requests) => write_frame(requests, &[&number.to_le_bytes(), &packed]).and_then(|()| requests.flush()),
            None => Err(std::io::ErrorKind::BrokenPipe.into()),
        };
        written.map(|()| number).map_err(|_| {
            drop(lock(&self.waiting).requests.remove(&number));
            self.ended()
        })
    }

    /// Asks, and waits for as long as it takes.
    pub(super) fn call<B: Serialize, T: DeserializeOwned>(&self, operation: &str, body: &B) -> Result<T> {
        let pending = self.ask(operation, body)?;
        loop {
            match pending.wait(Duration::from_secs(3600)) {
                Ok(answer) => return Ok(answer),
                Err(Unanswered::NotYet) => {}
                Err(Unanswered::Failed(failure)) => return Err(trouble(failure.message)),
                Err(Unanswered::Broken(error)) => return Err(error),
            }
        }
    }

    /// Why the process is not there any more.
    fn ended(&self) -> Error {
        let python = self.python.display();
        let said = lock(&self.said).iter().cloned().collect::<Vec<_>>();
        if said
            .iter()
            .any(|line| line.contains("No module named 'distributed'") || line.contains("No module named 'msgpack'"))
        {
            return trouble(format!(
                "a cluster is reached by Python's `distributed`, which `{python}` does not have: `pip install distributed`, \
                 or set {PYTHON} to a Python that has it"
            ));
        }
        let last = said.last().map_or_else(String::new, |line| format!("; the last it said was: {line}"));
        trouble(format!(
            "the connection to the cluster is gone, since the process that held it (`{python}`) has ended{last}"
        ))
    }
}

impl Drop for Helper {
    /// The end of its input tells it to close the cluster that it started, and its connection; it is given a while.
    fn drop(&mut self) {
        lock(&self.requests).take();
        let mut process = lock(&self.process);
        for _ in 0..300 {
            match process.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                _ => return,
            }
        }
        let _ = process.kill();
        let _ = process.wait();
    }
}

/// An interrupt of the terminal is for the program, which cancels its tasks, and not for the cluster.
fn own_group(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(not(unix))]
    let _ = command;
}

fn deliver(mut answers: impl std::io::Read, waiting: &Mutex<Waiting>) {
    while let Ok(Some(mut frame)) = read_frame(&mut answers) {
        let mut fields = Fields(&frame);
        let (Ok(number), Ok([status])) = (fields.u64(), fields.array()) else { break };
        let waiter = lock(waiting).requests.remove(&number);
        if let Some(waiter) = waiter {
            waiter.hear(Answer { succeeded: status == 0, body: frame.split_off(9) });
        }
    }
    let mut waiting = lock(waiting);
    waiting.has_ended = true;
    let left = std::mem::take(&mut waiting.requests);
    drop(waiting);
    for waiter in left.into_values() {
        // A thread sees it by itself.
        if let Waiter::Function(function) = waiter {
            let message = "the connection to the cluster is gone, and the task with it: connect again";
            function(Err(Unanswered::Broken(trouble(message))));
        }
    }
}

impl Answer {
    fn read<T: DeserializeOwned>(&self) -> std::result::Result<T, Unanswered> {
        let unreadable = |error: rmp_serde::decode::Error| {
            Unanswered::Broken(trouble(format!("an answer of the cluster's client could not be read: {error}")))
        };
        if self.succeeded {
            rmp_serde::from_slice(&self.body).map_err(unreadable)
        } else {
            Err(Unanswered::Failed(rmp_serde::from_slice(&self.body).map_err(unreadable)?))
        }
    }
}

/// Something that was asked for.
pub(super) struct Pending<'a> {
    helper: &'a Helper,
    pub(super) number: u64,
    receiver: Receiver<Answer>,
}

impl Pending<'_> {
    pub(super) fn wait<T: DeserializeOwned>(&self, timeout: Duration) -> std::result::Result<T, Unanswered> {
        let answer = self.receiver.recv_timeout(timeout).map_err(|error| match error {
            RecvTimeoutError::Timeout => Unanswered::NotYet,
            RecvTimeoutError::Disconnected => {
                // Its last words may still be on their way.
                std::thread::sleep(Duration::from_millis(100));
                Unanswered::Broken(self.helper.ended())
            }
        })?;
        answer.read()
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        lock(&self.helper.waiting).requests.remove(&self.number);
    }
}
