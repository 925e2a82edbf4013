//! What several of the test programs share: waiting without hanging, taking turns, and the modules below.

#![allow(dead_code, reason = "no test program needs all of it")]

pub mod counted;
pub mod interrupts;
pub mod purpose;

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Longer than anything in these tests takes on a slow machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `body`, and ends the process with a message when it hangs: a deadlock should fail the tests, not stop them.
pub fn within_patience<T>(what: &str, body: impl FnOnce() -> T) -> T {
    let (done, is_done) = channel::<()>();
    let message = format!("{what} did not end within {PATIENCE:?}: a deadlock, or an interrupt that was not noticed?");
    let watchdog = std::thread::spawn(move || {
        if is_done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            eprintln!("{message}");
            std::process::abort();
        }
    });
    let result = body();
    drop(done);
    watchdog.join().expect("the watchdog only waits");
    result
}

/// Waits for what other threads are about to do.
pub fn soon(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "{what}: still not so after {PATIENCE:?}");
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// For tests of one process that would disturb each other: each holds this while it runs.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
