//! Interrupts: a process-wide count that running computations compare with the count they began at.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

static INTERRUPTS: AtomicU64 = AtomicU64::new(0);

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
    pub(crate) fn new() -> Self {
        InterruptCheck { began_at: INTERRUPTS.load(Ordering::SeqCst) }
    }

    pub(crate) fn is_interrupted(self) -> bool {
        INTERRUPTS.load(Ordering::Relaxed) != self.began_at
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
