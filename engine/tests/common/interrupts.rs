//! Waits that are interrupted.

use std::thread;
use std::time::{Duration, Instant};

use taskloom::{Error, Result, interrupt};

/// Interrupts `wait`, which waits for what does not come, and gives what it came to. Repeatedly: nothing outside tells
/// when the wait has really begun.
pub fn interrupted<T: Send>(wait: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let began = Instant::now();
            (wait(), began.elapsed())
        });
        while !waiter.is_finished() {
            thread::sleep(Duration::from_millis(30));
            interrupt();
        }
        let (outcome, took) = waiter.join().unwrap();
        assert!(took < Duration::from_secs(10), "{took:?}");
        outcome
    })
}

/// What an interrupted wait says that it waited for.
pub fn waited_for<T>(outcome: Result<T>) -> String {
    match outcome {
        Err(Error::Interrupted { waiting_for }) => waiting_for,
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("it was not interrupted"),
    }
}
