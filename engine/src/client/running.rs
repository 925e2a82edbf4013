//! Which jobs run on which thread.

use std::cell::LazyCell;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use super::dispatcher::Dispatcher;
use super::job::Job;

/// A job that runs.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) job: Arc<Job>,
    pub(super) attempt: u32,
}

impl Running {
    pub(super) fn new(job: &Arc<Job>, attempt: u32) -> Self {
        Running { job: Arc::clone(job), attempt }
    }
}

/// The jobs of one thread, outermost first: a task that waits for another may run that meanwhile.
type Seat = Mutex<Vec<Running>>;

static SEATS: Mutex<Vec<Weak<Seat>>> = Mutex::new(Vec::new());

thread_local! {
    /// Nearly always locked by its own thread alone.
    static SEAT: LazyCell<Arc<Seat>> = LazyCell::new(|| {
        let seat = Arc::default();
        let mut seats = lock(&SEATS);
        seats.retain(|seat| seat.strong_count() > 0);
        seats.push(Arc::downgrade(&seat));
        seat
    });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Notes that this thread runs an attempt of a job, for as long as `run` takes.
pub(super) fn during<T>(job: &Arc<Job>, attempt: u32, run: impl FnOnce() -> T) -> T {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            let running = SEAT.with(|seat| lock(seat).pop());
            drop(running);
        }
    }
    SEAT.with(|seat| lock(seat).push(Running::new(job, attempt)));
    let _leave = Leave;
    run()
}

/// What runs on this thread, innermost.
pub(super) fn current() -> Option<Running> {
    SEAT.with(|seat| lock(seat).last().cloned())
}

/// How many jobs run inside one another on this thread, if the innermost is this client's; no number is larger than
/// that of a thread on which none of them runs.
pub(super) fn depth_of(dispatcher: &Dispatcher) -> usize {
    SEAT.with(|seat| {
        let seat = lock(seat);
        let is_ours = |running: &Running| std::ptr::eq(Arc::as_ptr(&running.job.dispatcher), dispatcher);
        if seat.last().is_some_and(is_ours) { seat.len() } else { usize::MAX }
    })
}

/// All that run on some thread.
pub(super) fn everywhere() -> Vec<Running> {
    let seats: Vec<_> = lock(&SEATS).iter().filter_map(Weak::upgrade).collect();
    seats.iter().flat_map(|seat| lock(seat).clone()).collect()
}
