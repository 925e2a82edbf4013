//! How members of a crew come and go without work being left behind: the protocols of `scheduler/{crew,pool,threads}.rs`
//! in small, with loom's atomics. They are written again here, so whoever changes one changes the other.
//!
//! All of them are Dekker's pattern: one side makes something visible and then looks at the other side, and the other
//! side does the same the other way round. Without a full fence between the two steps both may look too early; each
//! model is run without fences too, and loom has to find the work that is left behind.

use std::sync::{Arc, Mutex as Untracked};

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use loom::sync::{Condvar, Mutex};
use loom::thread::{self, JoinHandle};

use super::explore;

/// Ready work: only how much. Pushing and looking are no stronger than those of the deques in a real run.
struct Ready(AtomicUsize);

impl Ready {
    fn push(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    fn take(&self) -> bool {
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |ready| ready.checked_sub(1)).is_ok()
    }

    fn is_empty(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }
}

/// `scheduler::crew::Crew`, and what it works on.
struct Crew {
    most: usize,
    active: AtomicUsize,
    ready: Ready,
    fences: bool,
    /// No part of the protocol: threads that were called, for the model to wait for.
    called: Untracked<Vec<JoinHandle<()>>>,
}

impl Crew {
    /// With so many members that are there already.
    fn new(most: usize, active: usize, ready: usize, fences: bool) -> Arc<Crew> {
        Arc::new(Crew {
            most,
            active: AtomicUsize::new(active),
            ready: Ready(AtomicUsize::new(ready)),
            fences,
            called: Untracked::default(),
        })
    }

    fn fence(&self) {
        if self.fences {
            fence(Ordering::SeqCst);
        }
    }

    fn try_join(&self) -> bool {
        let join = |active| (active < self.most).then_some(active + 1);
        self.active.fetch_update(Ordering::SeqCst, Ordering::SeqCst, join).is_ok()
    }

    /// `Crew::call`.
    fn call(self: &Arc<Self>, count: usize) {
        self.fence();
        for _ in 0..count.min(self.most) {
            if self.active.load(Ordering::SeqCst) >= self.most || !self.try_join() {
                return;
            }
            self.spawn_member();
        }
    }

    /// `spawn_member`.
    fn spawn_member(self: &Arc<Self>) {
        let crew = Arc::clone(self);
        let member = thread::spawn(move || crew.be_member());
        self.called.lock().expect("nothing panics with the lock").push(member);
    }

    fn be_member(&self) {
        loop {
            while self.ready.take() {}
            self.active.fetch_sub(1, Ordering::SeqCst);
            self.fence();
            if self.ready.is_empty() || !self.try_join() {
                return;
            }
        }
    }

    /// A member that begins to block, as in `blocking`, and does not come back.
    fn block(self: &Arc<Self>) {
        self.active.fetch_sub(1, Ordering::SeqCst);
        self.fence();
        if !self.ready.is_empty() && self.try_join() {
            self.spawn_member();
        }
    }

    fn push_and_call(self: &Arc<Self>, count: usize) {
        (0..count).for_each(|_| self.ready.push());
        self.call(count);
    }

    fn assert_over(&self) {
        loop {
            let member = self.called.lock().expect("nothing panics with the lock").pop();
            match member {
                Some(member) => member.join().expect("no member panics"),
                None => break,
            }
        }
        assert!(self.ready.is_empty(), "work was left behind");
    }
}

fn start(crew: &Arc<Crew>, what: impl FnOnce(&Arc<Crew>) + Send + 'static) -> JoinHandle<()> {
    let crew = Arc::clone(crew);
    thread::spawn(move || what(&crew))
}

/// Work comes while the only member leaves.
fn work_for_one_that_leaves(fences: bool) {
    explore(move || {
        let crew = Crew::new(1, 1, 0, fences);
        let member = start(&crew, |crew| crew.be_member());
        crew.push_and_call(1);
        member.join().expect("no member panics");
        crew.assert_over();
        assert_eq!(crew.active.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn work_that_comes_while_the_member_leaves_is_done() {
    work_for_one_that_leaves(true);
}

#[test]
#[should_panic(expected = "work was left behind")]
fn without_fences_a_member_leaves_work_behind() {
    work_for_one_that_leaves(false);
}

#[test]
fn work_that_comes_twice_while_the_member_leaves_is_done() {
    explore(|| {
        let crew = Crew::new(1, 1, 0, true);
        let member = start(&crew, |crew| crew.be_member());
        let maker = start(&crew, |crew| crew.push_and_call(1));
        crew.push_and_call(1);
        member.join().expect("no member panics");
        maker.join().expect("no maker panics");
        crew.assert_over();
        assert_eq!(crew.active.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn work_that_comes_while_two_members_leave_is_done() {
    explore(|| {
        let crew = Crew::new(2, 2, 1, true);
        let members = [(); 2].map(|()| start(&crew, |crew| crew.be_member()));
        crew.push_and_call(2);
        members.into_iter().for_each(|member| member.join().expect("no member panics"));
        crew.assert_over();
        assert_eq!(crew.active.load(Ordering::SeqCst), 0);
    });
}

/// Work comes while the only member blocks, for good.
fn work_for_one_that_blocks(fences: bool) {
    explore(move || {
        let crew = Crew::new(1, 1, 0, fences);
        let member = start(&crew, Crew::block);
        crew.push_and_call(1);
        member.join().expect("no member panics");
        crew.assert_over();
    });
}

#[test]
fn work_that_comes_while_the_member_blocks_is_done() {
    work_for_one_that_blocks(true);
}

#[test]
#[should_panic(expected = "work was left behind")]
fn without_fences_a_blocked_member_keeps_work_from_others() {
    work_for_one_that_blocks(false);
}

#[test]
fn work_that_comes_while_one_blocks_and_one_leaves_is_done() {
    explore(|| {
        let crew = Crew::new(2, 2, 0, true);
        let members = [start(&crew, Crew::block), start(&crew, |crew| crew.be_member())];
        crew.push_and_call(1);
        members.into_iter().for_each(|member| member.join().expect("no member panics"));
        crew.assert_over();
    });
}

/// `scheduler::pool::Pool` with one thread, which is about to block for good. What stands in rayon's queue waits for
/// that thread; only spare threads can run a job now.
struct Pool {
    jobs: Ready,
    blocked: AtomicUsize,
    spare: Untracked<Vec<JoinHandle<()>>>,
}

/// A job comes while the pool's only thread blocks.
fn a_job_for_one_that_blocks(fences: bool) {
    explore(move || {
        let full_fence = move || {
            if fences {
                fence(Ordering::SeqCst);
            }
        };
        let pool = Arc::new(Pool {
            jobs: Ready(AtomicUsize::new(0)),
            blocked: AtomicUsize::new(0),
            spare: Untracked::default(),
        });
        let on_spare = |pool: &Arc<Pool>| {
            let with = Arc::clone(pool);
            let thread = thread::spawn(move || while with.blocked.load(Ordering::SeqCst) > 0 && with.jobs.take() {});
            pool.spare.lock().expect("nothing panics with the lock").push(thread);
        };
        let blocks = {
            let pool = Arc::clone(&pool);
            // `Pool::add_blocked`.
            thread::spawn(move || {
                pool.blocked.fetch_add(1, Ordering::SeqCst);
                full_fence();
                if !pool.jobs.is_empty() {
                    on_spare(&pool);
                }
            })
        };
        // `Pool::spawn`.
        pool.jobs.push();
        full_fence();
        if pool.blocked.load(Ordering::SeqCst) > 0 {
            on_spare(&pool);
        }
        blocks.join().expect("nothing panics");
        let spare = std::mem::take(&mut *pool.spare.lock().expect("nothing panics with the lock"));
        spare.into_iter().for_each(|thread| thread.join().expect("nothing panics"));
        assert!(pool.jobs.is_empty(), "a job waits for a thread that blocks");
    });
}

#[test]
fn a_job_does_not_wait_for_a_thread_that_blocks() {
    a_job_for_one_that_blocks(true);
}

#[test]
#[should_panic(expected = "a job waits for a thread that blocks")]
fn without_fences_a_job_waits_for_a_thread_that_blocks() {
    a_job_for_one_that_blocks(false);
}

/// The caller of `scheduler::threads::Run` that waits inside a task, and a member that makes work or ends the run.
struct Run {
    ready: Ready,
    outcome: Mutex<bool>,
    changed: Condvar,
    caller_waits: AtomicBool,
    fences: bool,
}

impl Run {
    fn fence(&self) {
        if self.fences {
            fence(Ordering::SeqCst);
        }
    }

    /// `Run::call`, when there is no room for further members; false when the caller has not been told.
    fn call(&self) -> bool {
        self.fence();
        let waits = self.caller_waits.load(Ordering::SeqCst) && self.caller_waits.swap(false, Ordering::SeqCst);
        if waits {
            drop(self.outcome.lock().expect("nothing panics with the lock"));
            self.changed.notify_all();
        }
        waits
    }

    fn finish(&self) {
        *self.outcome.lock().expect("nothing panics with the lock") = true;
        self.changed.notify_all();
    }

    /// `Run::wait_a_moment`, of which the moment does not end: the time that it has there is no part of the protocol.
    fn wait_a_moment(&self) -> bool {
        let mut outcome = self.outcome.lock().expect("nothing panics with the lock");
        if *outcome {
            return true;
        }
        self.caller_waits.store(true, Ordering::SeqCst);
        self.fence();
        if self.ready.is_empty() {
            outcome = self.changed.wait(outcome).expect("nothing panics with the lock");
        }
        self.caller_waits.store(false, Ordering::SeqCst);
        *outcome
    }

    /// `Run::wait_as_member`. Whoever takes the piece of work ends the run.
    fn wait_as_member(&self) {
        loop {
            while self.ready.take() {
                self.finish();
            }
            if self.wait_a_moment() {
                return;
            }
        }
    }
}

/// A member makes a piece of work that only the caller can do: the member goes on with something else.
fn work_for_a_caller(fences: bool) {
    explore(move || {
        let run = Arc::new(Run {
            ready: Ready(AtomicUsize::new(0)),
            outcome: Mutex::new(false),
            changed: Condvar::new(),
            caller_waits: AtomicBool::new(false),
            fences,
        });
        let member = {
            let run = Arc::clone(&run);
            thread::spawn(move || {
                run.ready.push();
                run.call();
            })
        };
        run.wait_as_member();
        member.join().expect("no member panics");
        assert!(run.ready.is_empty());
    });
}

#[test]
fn a_caller_that_begins_to_wait_sees_work_or_is_told() {
    work_for_a_caller(true);
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_fences_a_caller_sleeps_beside_work() {
    work_for_a_caller(false);
}
