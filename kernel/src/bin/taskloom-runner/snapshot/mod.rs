//! A copy of this process with all of its threads, to go back to.
//!
//! `fork` copies memory, lazily, but of the threads only the one that calls it. That is too little here: the engine's
//! pool, Polars' pool and the user's own threads have to live on in the copy. So all other threads are paused first, by
//! a signal whose handler waits; then the process is forked; and when the copy is to take over, each thread is made
//! again on its old stack, with its old thread-local storage, and returns from the handler as if nothing had happened.
//! Checkpointing tools such as DMTCP (Ansel, Arya, Cooperman 2009) bring threads back in this manner.
//!
//! Every lock that a paused thread holds is held by the same thread in the copy, which goes on and releases it. What is
//! shared with the world outside, such as the position in an open file, is shared between the two.

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#[path = "linux.rs"]
mod system;

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
#[path = "unsupported.rs"]
mod system;

use std::sync::mpsc;
use std::time::Duration;

/// Which of the two processes this is.
pub enum Side {
    /// The process that asked; the copy sleeps and has this id.
    Original(libc::pid_t),
    /// The copy, after it has been woken. All threads run.
    Woken,
}

/// Words that all processes of a session see, one for each copy; a copy sleeps until its word is set.
pub use system::WakeWords;

/// Copies this process. The copy is a sibling: its parent is the parent of this one.
///
/// # Errors
/// A phrase that says why there is no copy, such as "a thread could not be paused".
pub fn take(words: &WakeWords, slot: usize) -> Result<Side, String> {
    system::take(words, slot)
}

/// Tests whether copies with threads work on this machine: makes one, in which a thread is to answer. Gives which of the
/// two processes this is, like [`take`]; in the woken one the thread has answered.
///
/// # Errors
/// What did not work.
pub fn probe(words: &WakeWords, slot: usize) -> Result<Side, String> {
    let (question, questions) = mpsc::channel::<i32>();
    let (answers, answer) = mpsc::channel();
    std::thread::spawn(move || {
        for question in questions {
            let _ = answers.send(question + 1);
        }
    });
    let answers_to =
        |value| question.send(value).is_ok() && answer.recv_timeout(Duration::from_secs(2)) == Ok(value + 1);
    // Asleep in its channel, which is where the threads of a pool are.
    if !answers_to(1) {
        return Err("a thread does not answer".to_owned());
    }
    match take(words, slot)? {
        Side::Woken if !(answers_to(2) && answers_to(3)) => Err("a thread of the copy does not answer".to_owned()),
        side => Ok(side),
    }
}
