//! Who works on something: as many threads as there is room and work for, and stand-ins while some are blocked.
//!
//! A member of a crew is a job on a pool's thread that takes ready work until there is none, and then leaves the
//! thread to others. Whoever makes work ready calls further members. So no thread ever waits for a dependency.
//!
//! A task that has to wait for something else (an event, another computation, a channel) does so inside [`blocking`]:
//! its thread no longer counts, and a stand-in takes its place for as long as there is work. So tasks may wait for each
//! other without a deadlock, however small the pool.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::time::{Duration, Instant};

use super::pool::Pool;

/// Something that a crew works on.
pub(crate) trait Work: Send + Sync + 'static {
    fn crew(&self) -> &Crew;
    /// Takes ready work until there is none, until [`Crew::is_crowded`], or until a [`Turn`] is over.
    fn work(&self);
    /// Whether there is ready work that nobody has taken.
    fn has_work(&self) -> bool;
    /// A member waits for something.
    fn member_blocks(&self) {}
    /// Its wait is over.
    fn member_is_back(&self) {}
}

/// After so long a member lets others have the thread.
const TURN: Duration = Duration::from_millis(10);

/// How long a member has been at work.
pub(crate) struct Turn(Instant);

impl Turn {
    pub(crate) fn begin() -> Self {
        Turn(Instant::now())
    }

    /// Whether others wait for a thread of the pool, and this member has had its time. It leaves then, and gets in line
    /// again if there is work left.
    pub(crate) fn is_over(&self, crew: &Crew) -> bool {
        crew.pool.is_contended() && self.0.elapsed() > TURN
    }
}

/// The members of a crew: only their number is known.
pub(crate) struct Crew {
    pool: Arc<Pool>,
    most: usize,
    active: AtomicUsize,
}

thread_local! {
    /// The crews that this thread is a member of, outermost first: a task may compute.
    static MEMBER_OF: RefCell<Vec<Membership>> = const { RefCell::new(Vec::new()) };
}

struct Membership {
    work: Arc<dyn Work>,
    /// Inside [`blocking`], so that the crew does not count this thread; a `blocking` within must not discount it again.
    blocked: bool,
}

impl Crew {
    pub(crate) fn new(pool: Arc<Pool>) -> Self {
        Crew { most: pool.threads, pool, active: AtomicUsize::new(0) }
    }

    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Whether a member should leave, because one that was blocked has come back.
    pub(crate) fn is_crowded(&self) -> bool {
        self.active.load(Ordering::Relaxed) > self.most
    }

    /// Whether there is no room for further members. Look after a full fence behind making work visible.
    pub(crate) fn is_full(&self) -> bool {
        self.active.load(Ordering::SeqCst) >= self.most
    }

    fn try_join(&self) -> bool {
        let join = |active| (active < self.most).then_some(active + 1);
        self.active.fetch_update(Ordering::SeqCst, Ordering::SeqCst, join).is_ok()
    }

    /// Calls members for up to `count` pieces of work that have just been made visible.
    pub(crate) fn call<W: Work>(work: &Arc<W>, count: usize) {
        // Either this sees that a member has left, or that member, which looks once more after it left, sees the work.
        fence(Ordering::SeqCst);
        for _ in 0..count.min(work.crew().most) {
            if work.crew().is_full() || !work.crew().try_join() {
                return;
            }
            spawn_member(Arc::clone(work) as Arc<dyn Work>);
        }
    }

    /// Works as one more member, whatever the room, on a thread that would otherwise wait.
    pub(crate) fn help<W: Work>(work: &Arc<W>) {
        work.crew().active.fetch_add(1, Ordering::SeqCst);
        as_member(&(Arc::clone(work) as Arc<dyn Work>));
        work.crew().active.fetch_sub(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if work.has_work() {
            Crew::call(work, 1);
        }
    }
}

fn spawn_member(work: Arc<dyn Work>) {
    let pool = Arc::clone(&work.crew().pool);
    pool.spawn(move || {
        loop {
            as_member(&work);
            work.crew().active.fetch_sub(1, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            // Work may have appeared when its maker still counted this member.
            if !work.has_work() || !work.crew().try_join() {
                return;
            }
            if work.crew().pool.is_contended() {
                return spawn_member(work);
            }
        }
    });
}

fn as_member(work: &Arc<dyn Work>) {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            MEMBER_OF.with_borrow_mut(|crews| crews.pop());
        }
    }
    MEMBER_OF.with_borrow_mut(|crews| crews.push(Membership { work: Arc::clone(work), blocked: false }));
    let _leave = Leave;
    work.work();
}

/// The pool that the innermost computation around this task runs on.
pub(super) fn current_pool() -> Option<Arc<Pool>> {
    MEMBER_OF.with_borrow(|crews| crews.last().map(|member| Arc::clone(&member.work.crew().pool)))
}

/// Runs something that may wait for long: meanwhile other tasks get this thread's place.
///
/// Whatever the engine itself waits for (a nested compute, a future, a [`Client`](crate::Client)'s events and locks)
/// does this by itself. Wrap your own waiting: a channel, a socket, a child process. Outside a task it is a plain call.
///
/// ```
/// use taskloom::prelude::*;
/// let (sender, receiver) = std::sync::mpsc::channel();
/// let receiver = std::sync::Arc::new(std::sync::Mutex::new(receiver));
/// let wait = delayed_value(receiver).map(|receiver| {
///     taskloom::blocking(|| receiver.lock().unwrap().recv().unwrap())
/// });
/// let send = delayed_value(sender).map(|sender| sender.send(42).is_ok());
/// // On one thread the first would wait for ever without `blocking`.
/// assert_eq!(compute!(wait, send; Scheduler::Threads(1))?, (42, true));
/// # Ok::<(), taskloom::Error>(())
/// ```
pub fn blocking<T>(wait: impl FnOnce() -> T) -> T {
    /// The crews that count this thread again afterwards, and their places in `MEMBER_OF`.
    struct Back(Vec<(usize, Arc<dyn Work>)>);
    impl Drop for Back {
        fn drop(&mut self) {
            for (place, work) in &self.0 {
                MEMBER_OF.with_borrow_mut(|crews| crews[*place].blocked = false);
                work.crew().pool.remove_blocked();
                work.crew().active.fetch_add(1, Ordering::SeqCst);
                work.member_is_back();
            }
        }
    }
    let leave = |(place, member): (usize, &mut Membership)| {
        (!std::mem::replace(&mut member.blocked, true)).then(|| (place, Arc::clone(&member.work)))
    };
    let crews: Vec<_> = MEMBER_OF.with_borrow_mut(|crews| crews.iter_mut().enumerate().filter_map(leave).collect());
    for (_, work) in &crews {
        let crew = work.crew();
        work.member_blocks();
        crew.pool.add_blocked();
        crew.active.fetch_sub(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if work.has_work() && crew.try_join() {
            spawn_member(Arc::clone(work));
        }
    }
    let _back = Back(crews);
    wait()
}
