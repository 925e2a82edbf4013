//! What the engine has to tell whoever is watching: things to show, and how far a computation is.
//!
//! The engine knows nothing of terminals or of Jupyter. It sends [`Event`]s to one listener; with none, a progress bar
//! goes to the terminal when there is one, and everything else is dropped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use crate::mime::MimeBundle;

/// Something that a listener may want to show.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// Something to show, now.
    Display {
        /// The forms it can be shown in.
        bundle: MimeBundle,
        /// A name by which a later event can replace it.
        display_id: Option<String>,
        /// Whether this replaces what was shown under `display_id`.
        update: bool,
    },
    /// The value of a cell.
    Result(MimeBundle),
    /// What the cell has shown so far is to be taken away.
    ClearOutput {
        /// Only when something new comes, so that nothing flickers.
        wait: bool,
    },
    /// The program waits for a line on its standard input.
    Input {
        /// What to ask.
        prompt: String,
        /// Whether what is typed must not be seen.
        password: bool,
    },
    /// How far a computation is.
    Progress(Progress),
    /// A `?` in a cell met an error: its message.
    UserError(String),
    /// User code panicked outside any task.
    Panic {
        /// The panic's message.
        message: String,
        /// File, line and column, where known.
        location: Option<(String, u32, u32)>,
    },
}

/// How far a computation is.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Tells computations of this process apart.
    pub id: u64,
    /// Tasks that have finished.
    pub done: usize,
    /// Tasks in all.
    pub total: usize,
    /// Time since the computation began.
    pub elapsed: Duration,
    /// The name of a task that is running.
    pub running: Option<String>,
    /// Where it stands.
    pub state: ProgressState,
}

/// Where a computation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProgressState {
    /// Tasks are running.
    Running,
    /// All results are there.
    Finished,
    /// A task failed.
    Failed,
    /// It was interrupted.
    Cancelled,
}

static PROGRESS: AtomicBool = AtomicBool::new(true);

/// Says whether long computations tell how far they are, which they do unless they are told not to.
pub fn set_progress(on: bool) {
    PROGRESS.store(on, Ordering::Relaxed);
}

/// Whether computations tell how far they are.
pub fn progress() -> bool {
    PROGRESS.load(Ordering::Relaxed)
}

type Listener = Arc<dyn Fn(Event) + Send + Sync>;

static LISTENER: RwLock<Option<Listener>> = RwLock::new(None);

/// Sends all events of this process to `listener`, in place of the one before.
pub fn set_listener(listener: impl Fn(Event) + Send + Sync + 'static) {
    *LISTENER.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(Arc::new(listener));
}

/// Whether somebody listens.
pub(crate) fn has_listener() -> bool {
    LISTENER.read().unwrap_or_else(|poisoned| poisoned.into_inner()).is_some()
}

/// Sends an event to the listener; without one it is dropped.
pub fn emit(event: Event) {
    // Cloned out of the lock: a listener may itself set a listener, or block.
    let listener = LISTENER.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
    if let Some(listener) = listener {
        listener(event);
    }
}

/// Tells the user of something that will work, but not as they may think. It goes to standard error, as the warnings of
/// compilers do: a notebook shows it with the cell, and redirecting the output of a program leaves it on the screen.
pub(crate) fn warn(message: &str) {
    eprintln!("warning: {message}");
}
