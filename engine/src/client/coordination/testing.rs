//! What the tests of this module share.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// For waits that are to end without a value.
pub(super) const SHORT: Duration = Duration::from_millis(5);

/// After this long a test has failed; it should never come near it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for something that another thread does.
pub(super) fn soon(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "never came about: {what}");
        thread::yield_now();
    }
}

/// Runs a test that would hang if a wake-up got lost.
pub(super) fn within_patience<T: Send + 'static>(what: &str, test: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        let value = test();
        // Nobody listens any more when patience is at an end.
        let _ = sender.send(());
        value
    });
    if let Err(mpsc::RecvTimeoutError::Timeout) = receiver.recv_timeout(PATIENCE) {
        panic!("hangs: {what}");
    }
    thread.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}
