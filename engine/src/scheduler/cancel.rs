//! Interrupts: a process-wide count that running computations compare with the count they began at.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

static INTERRUPTS: AtomicU64 = AtomicU64::new(0);

/// Where a check begins that never notices anything.
const NEVER: u64 = u64::MAX - 1;
/// Stands for no cell: outside a notebook there are none.
const NO_CELL: u64 = u64::MAX;
/// The count at the beginning of the cell that runs.
static CELL_BEGAN_AT: AtomicU64 = AtomicU64::new(NO_CELL);

thread_local! {
    /// The computation whose task runs on this thread.
    static CURRENT: Cell<Option<InterruptCheck>> = const { Cell::new(None) };
}

/// A cell of a notebook begins: interrupts from before it are forgotten, and one that comes ends all of it.
pub(crate) fn begin_cell() {
    CELL_BEGAN_AT.store(INTERRUPTS.load(Ordering::SeqCst), Ordering::SeqCst);
}

/// Stops every computation that is running in this process, between two of its tasks.
///
/// Only an atomic counter is touched, so this may be called from a signal handler.
pub fn interrupt() {
    INTERRUPTS.fetch_add(1, Ordering::SeqCst);
}

/// Notices interrupts that come after it was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InterruptCheck {
    began_at: u64,
}

impl InterruptCheck {
    /// A check for what begins now. It is part of what it runs in: an interrupt that ends the task, or the notebook's
    /// cell, ends this too, also when it came a moment before.
    pub(crate) fn new() -> Self {
        CURRENT.get().unwrap_or_else(|| {
            let cell = CELL_BEGAN_AT.load(Ordering::SeqCst);
            let began_at = if cell == NO_CELL { INTERRUPTS.load(Ordering::SeqCst) } else { cell };
            InterruptCheck { began_at }
        })
    }

    /// A check for work in the background, which no interrupt ends.
    pub(crate) fn never() -> Self {
        InterruptCheck { began_at: NEVER }
    }

    /// Runs a task of the computation that this check belongs to.
    pub(crate) fn within<T>(self, task: impl FnOnce() -> T) -> T {
        struct Restore(Option<InterruptCheck>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }
        let _restore = Restore(CURRENT.replace(Some(self)));
        task()
    }

    pub(crate) fn is_interrupted(self) -> bool {
        self.began_at != NEVER && INTERRUPTS.load(Ordering::Relaxed) != self.began_at
    }
}

/// How long an interrupt may go unnoticed by a sleeping task.
const SLICE: Duration = Duration::from_millis(20);

/// Sleeps; an [`interrupt`] ends the sleep early. It stands for slow work in examples.
///
/// ```
/// let before = std::time::Instant::now();
/// taskloom::sleep_ms(5);
/// assert!(before.elapsed().as_millis() >= 5);
/// ```
pub fn sleep_ms(milliseconds: u64) {
    let check = InterruptCheck::new();
    let end = Instant::now() + Duration::from_millis(milliseconds);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || check.is_interrupted() {
            return;
        }
        std::thread::sleep(left.min(SLICE));
    }
}
