//! The analyser's process: started by the first question, and again by the first after it has ended.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::protocol::{Answer, Body, Kind, Question, Scene};

/// How long after its start the process may keep one waiting: it reads the sources of the standard library first.
const FIRST_PATIENCE: Duration = Duration::from_secs(4);
/// How long it may when it takes even longer than that: whoever asks then should have names at once.
const SHORT_PATIENCE: Duration = Duration::from_millis(300);
/// How long every other may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// A process that cannot be kept alive is not started more often than this.
const PAUSE: Duration = Duration::from_secs(10);

/// How the process is started.
pub struct Launch {
    pub program: PathBuf,
    pub arguments: Vec<std::ffi::OsString>,
    /// Gives the process the environment that the kernel was started with.
    pub prepare: fn(&mut Command),
}

/// The process, whether it runs or not.
pub struct Client {
    launch: Launch,
    process: Mutex<State>,
    next: AtomicU64,
}

#[derive(Default)]
struct State {
    running: Option<Running>,
    started: Option<Instant>,
    /// What was asked last.
    last: Option<Question>,
}

struct Running {
    stdin: ChildStdin,
    shared: Arc<Shared>,
}

/// What the thread that reads answers has in common with those who ask.
struct Shared {
    started: Instant,
    waiting: Mutex<HashMap<u64, Vec<Sender<Body>>>>,
    ended: AtomicBool,
    has_answered: AtomicBool,
}

impl Shared {
    fn new() -> Self {
        Shared {
            started: Instant::now(),
            waiting: Mutex::default(),
            ended: AtomicBool::new(false),
            has_answered: AtomicBool::new(false),
        }
    }

    fn patience(&self) -> Duration {
        if self.has_answered.load(Ordering::SeqCst) {
            PATIENCE
        } else {
            FIRST_PATIENCE.saturating_sub(self.started.elapsed()).max(SHORT_PATIENCE)
        }
    }
}

impl Client {
    pub fn new(launch: Launch) -> Self {
        Client { launch, process: Mutex::default(), next: AtomicU64::new(1) }
    }

    /// Asks, and waits for the answer as long as a person would. None when there is none: a newer question came, the
    /// process cannot be started or died, or it takes too long.
    pub fn ask(&self, kind: Kind, scene: Scene, code: String, offset: usize) -> Option<Body> {
        let mut question = Question { id: 0, kind, scene, code, offset };
        // A process that ended while it was asked is started once more.
        for _ in 0..2 {
            let (answer, shared) = self.send(&mut question)?;
            match answer.recv_timeout(shared.patience()) {
                Ok(Body::Failed(_)) => return None,
                Ok(body) => return Some(body),
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => {}
            }
        }
        None
    }

    fn send(&self, question: &mut Question) -> Option<(Receiver<Body>, Arc<Shared>)> {
        let mut state = lock(&self.process);
        let ended = |running: &Running| running.shared.ended.load(Ordering::SeqCst);
        if state.running.as_ref().is_none_or(ended) {
            state.running = None;
            let too_soon = state.started.is_some_and(|started| started.elapsed() < PAUSE);
            if too_soon {
                return None;
            }
            state.started = Some(Instant::now());
            match self.start() {
                Ok(running) => state.running = Some(running),
                Err(error) => {
                    eprintln!(
                        "taskloom: cannot run {}: {error}; completion knows names only",
                        self.launch.program.display()
                    );
                    return None;
                }
            }
        }
        let State { running, last, .. } = &mut *state;
        let running = running.as_mut()?;
        let (sender, receiver) = channel();
        // Whoever asks the same while the answer is awaited gets that answer.
        if let Some(last) = last {
            question.id = last.id;
            if let (true, Some(askers)) = (question == last, lock(&running.shared.waiting).get_mut(&last.id)) {
                askers.push(sender);
                return Some((receiver, Arc::clone(&running.shared)));
            }
        }
        question.id = self.next.fetch_add(1, Ordering::Relaxed);
        *last = Some(question.clone());
        let mut line = serde_json::to_vec(question).ok()?;
        line.push(b'\n');
        lock(&running.shared.waiting).insert(question.id, vec![sender]);
        // If the process has gone the reader finds out, and drops the sender; the question is then asked again.
        let _ = running.stdin.write_all(&line).and_then(|()| running.stdin.flush());
        if running.shared.ended.load(Ordering::SeqCst) {
            lock(&running.shared.waiting).clear();
        }
        Some((receiver, Arc::clone(&running.shared)))
    }

    fn start(&self) -> std::io::Result<Running> {
        let mut command = Command::new(&self.launch.program);
        command.args(&self.launch.arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        (self.launch.prepare)(&mut command);
        let mut child = command.spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::Error::other("it has no pipes"));
        };
        let shared = Arc::new(Shared::new());
        let reader = Arc::clone(&shared);
        std::thread::Builder::new().name("analyser".to_owned()).spawn(move || read(child, stdout, &reader))?;
        Ok(Running { stdin, shared })
    }
}

/// Passes answers on until the process ends.
fn read(mut child: Child, stdout: std::process::ChildStdout, shared: &Shared) {
    for line in BufReader::new(stdout).lines() {
        let Ok(line) = line else { break };
        let Ok(answer) = serde_json::from_str::<Answer>(&line) else { continue };
        if !matches!(answer.body, Body::Failed(_)) {
            shared.has_answered.store(true, Ordering::SeqCst);
        }
        for asker in lock(&shared.waiting).remove(&answer.id).into_iter().flatten() {
            let _ = asker.send(answer.body.clone());
        }
    }
    shared.ended.store(true, Ordering::SeqCst);
    lock(&shared.waiting).clear();
    let _ = child.wait();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(script: &str) -> Client {
        Client::new(Launch { program: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()], prepare: |_| () })
    }

    fn ask(client: &Client) -> Option<Body> {
        client.ask(Kind::Complete, Scene::default(), "v.".to_owned(), 2)
    }

    #[test]
    fn answers_find_who_asked() {
        let client = client(
            r#"read line; echo noise; echo '{"id":7,"failed":""}'; echo '{"id":1,"description":null}'; read line"#,
        );
        assert_eq!(ask(&client), Some(Body::Description(None)));
    }

    #[test]
    fn a_process_that_dies_is_no_answer() {
        assert_eq!(ask(&client("read line; exit 3")), None);
        assert_eq!(ask(&client("exit 3")), None);
    }

    #[test]
    fn a_program_that_is_not_there_is_no_answer() {
        let launch = Launch { program: "/nowhere/at-all".into(), arguments: Vec::new(), prepare: |_| () };
        assert_eq!(ask(&Client::new(launch)), None);
    }
}
