//! Where Polars runs: on a thread of its own beside each worker.
//!
//! Polars hands parts of its work to its own pool, unless the thread-local `ALLOW_RAYON_THREADS` says no; then it uses a pool
//! of the thread alone, which cannot be had on a worker of ours, since that is in a pool already. So a worker lends its
//! turn: it waits while a companion, which is in no pool, does what the task wants of Polars. The engine runs as many
//! tasks at once as there are processors, so that each is best done by one thread.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

type Job = Box<dyn FnOnce() + Send>;

struct Companion {
    jobs: SyncSender<Job>,
    /// A fork has no threads but the one that forked: a companion belongs to the process that made it.
    process: u32,
}

thread_local! {
    static COMPANION: RefCell<Option<Companion>> = const { RefCell::new(None) };
    static IS_COMPANION: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

fn serve(jobs: Receiver<Job>) {
    IS_COMPANION.set(true);
    for job in jobs {
        job();
    }
}

fn companion() -> SyncSender<Job> {
    COMPANION.with_borrow_mut(|companion| {
        let process = std::process::id();
        if let Some(companion) = companion
            && companion.process == process
        {
            return companion.jobs.clone();
        }
        let (jobs, receiver) = sync_channel::<Job>(0);
        thread::Builder::new()
            .name("taskloom-polars".to_owned())
            .stack_size(16 << 20)
            .spawn(move || serve(receiver))
            .unwrap_or_else(|error| panic!("no thread could be started for a partition: {error}"));
        *companion = Some(Companion { jobs: jobs.clone(), process });
        jobs
    })
}

/// Does something with Polars by one thread, and waits for it. A panic goes on in the caller.
pub(crate) fn alone<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    with_threads(false, work)
}

/// Does something with Polars by all threads of its pool: for what nothing else can run beside.
pub(crate) fn wide<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    with_threads(true, work)
}

fn with_threads<R: Send>(many: bool, work: impl FnOnce() -> R + Send) -> R {
    let work = move || {
        let before = polars_async::executor::ALLOW_RAYON_THREADS.replace(many);
        let result = catch_unwind(AssertUnwindSafe(work));
        polars_async::executor::ALLOW_RAYON_THREADS.set(before);
        result
    };
    let result = if IS_COMPANION.get() { work() } else { elsewhere(work) };
    result.unwrap_or_else(|panic| resume_unwind(panic))
}

type Caught<R> = Result<R, Box<dyn Any + Send>>;

fn elsewhere<R: Send>(work: impl FnOnce() -> Caught<R> + Send) -> Caught<R> {
    let (done, result) = sync_channel::<Caught<R>>(1);
    let job: Box<dyn FnOnce() + Send + '_> = Box::new(move || {
        // Nobody has stopped waiting: see below.
        done.send(work()).ok();
    });
    // SAFETY: the job borrows what lives longer than this call, and this call ends only after the job did: `recv` returns when
    // the result was sent, which is the last thing that the job does with what it borrows, or when the job was dropped.
    let job = unsafe { std::mem::transmute::<Box<dyn FnOnce() + Send + '_>, Job>(job) };
    match companion().send(job) {
        Ok(()) => result.recv().unwrap_or_else(|_| unreachable!("a job sends its result")),
        Err(back) => {
            (back.0)();
            result.recv().unwrap_or_else(|_| unreachable!("a job sends its result"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_borrows_and_panics_come_back() {
        let text = String::from("loom");
        assert_eq!(alone(|| text.len()), 4);
        assert_eq!(alone(|| alone(|| text.len())), 4);
        assert_eq!(wide(|| polars::prelude::df!("a" => [1, 2]).map(|frame| frame.height()).ok()), Some(2));
        let panic = catch_unwind(|| alone(|| panic!("no {}", "thread"))).unwrap_err();
        assert_eq!(crate::panics::message(&*panic), "no thread");
        assert_eq!(alone(|| 1), 1);
    }
}
