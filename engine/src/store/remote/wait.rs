//! Requests that are under way at the same time, and the threads that wait for their answers.
//!
//! Requests run on two threads of their own, which do nothing but send and receive. A task that waits for an answer gives
//! its place to another task, which computes, or asks for more: so the time that an answer takes is that of one request
//! and not of each, and reading overlaps computing. What is held by tasks that wait so is bounded: those that come later
//! wait in their places.

use std::io::ErrorKind;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

use super::Trouble;
use crate::scheduler::{InterruptCheck, blocking};

/// How long an interrupt may go unnoticed.
const SLICE: Duration = Duration::from_millis(20);
/// So many bytes are held by tasks that wait for answers and have given away their places.
const MOST_HELD: usize = 128 << 20;
/// So many tasks have: each has a thread.
const MOST_ASIDE: usize = 48;

static HELD: AtomicUsize = AtomicUsize::new(0);
static ASIDE: AtomicUsize = AtomicUsize::new(0);

/// What requests run on. It is there until the process ends.
fn runtime() -> Result<&'static Runtime, Trouble> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(2).thread_name("taskloom-requests").enable_all();
        builder.build().map_err(|error| error.to_string())
    });
    made.as_ref().map_err(|error| Trouble::new(ErrorKind::Other, format!("no threads for requests: {error}")))
}

/// A task's right to give its place to another while it waits.
struct Aside(usize);

impl Aside {
    /// Nothing when too much is held already.
    fn step(bytes: usize) -> Option<Aside> {
        let held = HELD.fetch_add(bytes, Ordering::Relaxed);
        let others = ASIDE.fetch_add(1, Ordering::Relaxed);
        let aside = Aside(bytes);
        // What is dropped here gives back what it took. One that holds much may step aside alone.
        ((held == 0 || held + bytes <= MOST_HELD) && others < MOST_ASIDE).then_some(aside)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        HELD.fetch_sub(self.0, Ordering::Relaxed);
        ASIDE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Requests whose answers one thread waits for. Those that nobody waits for any more are given up.
pub(super) struct Requests<R> {
    answer: Sender<(usize, Result<R, Trouble>)>,
    answers: Receiver<(usize, Result<R, Trouble>)>,
    running: Vec<(usize, AbortHandle)>,
    aside: Option<Aside>,
    interrupted: InterruptCheck,
}

impl<R: Send + 'static> Requests<R> {
    /// None yet. Whoever waits holds so many bytes meanwhile.
    pub(super) fn new(bytes: usize) -> Requests<R> {
        let (answer, answers) = channel();
        let (aside, interrupted) = (Aside::step(bytes), InterruptCheck::new());
        Requests { answer, answers, running: Vec::new(), aside, interrupted }
    }

    pub(super) fn under_way(&self) -> usize {
        self.running.len()
    }

    /// Begins one, and returns at once.
    pub(super) fn start(
        &mut self,
        number: usize,
        request: impl Future<Output = Result<R, Trouble>> + Send + 'static,
    ) -> Result<(), Trouble> {
        let runtime = runtime()?;
        let task = runtime.spawn(request);
        self.running.push((number, task.abort_handle()));
        let answer = self.answer.clone();
        runtime.spawn(async move {
            let result = match task.await {
                Ok(result) => result,
                Err(error) => Err(Trouble::new(ErrorKind::Other, format!("the request broke off: {error}"))),
            };
            // Nobody listens when the others were given up.
            let _ = answer.send((number, result));
        });
        Ok(())
    }

    /// Waits for the next answer, whichever it is; nothing when no request is under way.
    pub(super) fn next(&mut self) -> Option<(usize, Result<R, Trouble>)> {
        if self.running.is_empty() {
            return None;
        }
        let answer = match self.answers.try_recv() {
            Ok(answer) => answer,
            Err(_) if self.aside.is_some() => blocking(|| self.wait()),
            Err(_) => self.wait(),
        };
        self.running.retain(|(number, _)| *number != answer.0);
        Some(answer)
    }

    fn wait(&self) -> (usize, Result<R, Trouble>) {
        loop {
            match self.answers.recv_timeout(SLICE) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) if !self.interrupted.is_interrupted() => {}
                Err(_) => {
                    let number = self.running.first().map_or(0, |(number, _)| *number);
                    return (number, Err(Trouble::new(ErrorKind::Interrupted, "it was interrupted")));
                }
            }
        }
    }
}

impl<R> Drop for Requests<R> {
    fn drop(&mut self) {
        self.running.iter().for_each(|(_, task)| task.abort());
    }
}

/// Waits for one request.
pub(super) fn wait_for<R: Send + 'static>(
    request: impl Future<Output = Result<R, Trouble>> + Send + 'static,
) -> Result<R, Trouble> {
    let mut requests = Requests::new(0);
    requests.start(0, request)?;
    match requests.next() {
        Some((_, answer)) => answer,
        None => unreachable!("it was begun"),
    }
}
