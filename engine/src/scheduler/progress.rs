//! Telling people how far a computation is, once it has lasted long enough for them to wonder.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::events::{Event, Progress, ProgressState, emit, has_listener, progress};

/// Quick computations show nothing.
const PATIENCE: Duration = Duration::from_millis(400);
/// Time between two reports.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// Reports one computation.
pub(crate) struct Reporter {
    id: u64,
    total: usize,
    began: Instant,
    last: Option<Instant>,
    bar: Option<indicatif::ProgressBar>,
}

impl Reporter {
    pub(crate) fn new(total: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Reporter { id: NEXT.fetch_add(1, Ordering::Relaxed), total, began: Instant::now(), last: None, bar: None }
    }

    /// Reports, if it is time to. Cheap enough to be called after each task.
    pub(crate) fn tick(&mut self, done: usize, running: impl FnOnce() -> Option<String>) {
        let due = match self.last {
            None => self.began.elapsed() >= PATIENCE,
            Some(last) => last.elapsed() >= TICK,
        };
        if due && progress() {
            self.last = Some(Instant::now());
            self.send(done, running(), ProgressState::Running);
        }
    }

    /// Closes the report, if there ever was one.
    pub(crate) fn end(&mut self, done: usize, state: ProgressState) {
        if self.last.is_some() {
            self.send(done, None, state);
        }
    }

    fn send(&mut self, done: usize, running: Option<String>, state: ProgressState) {
        let (id, total, elapsed) = (self.id, self.total, self.began.elapsed());
        if has_listener() {
            emit(Event::Progress(Progress { id, done, total, elapsed, running, state }));
        } else if std::io::stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(|| {
                let style = indicatif::ProgressStyle::with_template("{bar:30} {pos}/{len} tasks  {elapsed}  {msg}")
                    .unwrap_or_else(|_| indicatif::ProgressStyle::default_bar());
                indicatif::ProgressBar::new(total as u64).with_style(style)
            });
            bar.set_position(done as u64);
            bar.set_message(running.unwrap_or_default());
            if state != ProgressState::Running {
                bar.finish();
            }
        }
    }
}
