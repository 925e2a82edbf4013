//! Telling people how far a number of futures is.

use std::time::Instant;

use super::{Future, Status, waiting};
use crate::error::{Error, Result};
use crate::events::ProgressState;
use crate::scheduler::{Reporter, TICK};

/// Waits until all futures are done, whatever the outcome, and shows meanwhile how many are: a bar under a notebook's
/// cell, or in a terminal, once it has lasted long enough for people to wonder.
///
/// ```
/// use taskloom::client::progress;
/// use taskloom::prelude::*;
/// let client = Client::new()?;
/// let squares = client.map(|x: i64| x * x, 0..100);
/// progress(&squares)?;
/// assert!(squares.iter().all(|square| square.done()));
/// # Ok::<(), taskloom::Error>(())
/// ```
///
/// # Errors
/// [`Error::Interrupted`] when an interrupt ended the wait; the tasks go on.
pub fn progress<T>(futures: &[Future<T>]) -> Result<()> {
    let mut reporter = Reporter::new(futures.len());
    let done = || futures.iter().filter(|future| future.done()).count();
    let running = || {
        let running = futures.iter().find(|future| future.status() == Status::Processing);
        running.map(|future| future.name().to_owned())
    };
    let mut counted = Instant::now();
    // The last one is likely to end last; each wait is for one that is not done.
    for future in futures.iter().rev() {
        loop {
            match waiting::wait_for(future.job(), Some(TICK)) {
                Ok(true) if counted.elapsed() < TICK => break,
                Ok(is_done) => {
                    counted = Instant::now();
                    reporter.tick(done(), running);
                    if is_done {
                        break;
                    }
                }
                Err(error) => {
                    let is_interrupt = matches!(error, Error::Interrupted { .. });
                    let state = if is_interrupt { ProgressState::Cancelled } else { ProgressState::Failed };
                    reporter.end(done(), state);
                    return Err(error);
                }
            }
        }
    }
    let failed = futures.iter().any(|future| future.status() != Status::Finished);
    reporter.end(done(), if failed { ProgressState::Failed } else { ProgressState::Finished });
    Ok(())
}
