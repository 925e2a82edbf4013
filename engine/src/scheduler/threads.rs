//! The default scheduler: a crew of threads that steal from each other.
//!
//! What is ready from the start stands in a list in the static order, from which members take a few at a time. What a
//! task makes ready goes onto its member's own stack, the first in the static order on top, and the member goes on with
//! that: depth first, so that what was started is finished before something else is begun. A member without work steals
//! the oldest from another's stack, which is the furthest from what that one is about to do.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::{Duration, Instant};

use crossbeam_deque::{Injector, Steal, Stealer, Worker};
use crossbeam_utils::CachePadded;

use super::cancel::InterruptCheck;
use super::crew::{Crew, Turn, Work, blocking};
use super::pool::Pool;
use super::progress::{Reporter, TICK};
use super::store::Store;
use super::{lock, task_error};
use crate::diagnostics::recorder::{self, Recording, Watch};
use crate::error::{Error, Result};
use crate::events::ProgressState;
use crate::graph::{Dependents, Graph, NodeId};
use crate::task::{Failure, Value};

/// The most that a member takes from the list at a time: enough that the list is not fought over.
const BATCH: usize = 32;
/// How long a member without work looks for some before it leaves the thread. Waking a thread takes about as long.
const LINGER: Duration = Duration::from_micros(30);
/// How long an error waits for the tasks that began beside the one that failed: what they still write must not meet what
/// the caller does next. Not for ever, since one of them may wait for the one that failed.
const STRAGGLERS: Duration = Duration::from_secs(2);
/// How long a task that waits for its own computation keeps its place among the workers of the outer one.
const KEEP_PLACE: Duration = Duration::from_millis(2);

/// A member's stack, and what it has done: on a cache line of its own.
struct Seat {
    /// Taken while a member sits here.
    stack: Mutex<Option<Worker<NodeId>>>,
    stealer: Stealer<NodeId>,
    done: AtomicUsize,
    running: AtomicU32,
}

/// Everything that the members of one computation share.
pub(crate) struct Run {
    graph: Graph,
    dependents: Dependents,
    store: Store,
    crew: Crew,
    /// Ready from the start, in the static order; `next_root` is the first that nobody has taken.
    roots: Vec<NodeId>,
    next_root: CachePadded<AtomicUsize>,
    seats: Box<[CachePadded<Seat>]>,
    /// Where a member without a seat puts what it makes ready.
    overflow: Injector<NodeId>,
    /// How many tasks members without a seat have done.
    unseated_done: AtomicUsize,
    /// Members that are at work.
    at_work: AtomicUsize,
    /// Tasks that have not been counted as done.
    left: CachePadded<AtomicUsize>,
    total: usize,
    stopped: AtomicBool,
    interrupts: InterruptCheck,
    recording: Option<Recording>,
    outcome: Mutex<Option<Result<Vec<Value>>>>,
    /// The outcome is there, or the last member left after it, or there is work for a caller that waits inside a task.
    changed: Condvar,
    caller_waits: AtomicBool,
    on_finish: Mutex<Option<OnFinish>>,
    within: Option<Within>,
    this: Weak<Run>,
}

/// Called once with the outcome, on the thread that ran the last task.
pub(crate) type OnFinish = Box<dyn FnOnce(Result<Vec<Value>>) + Send>;

/// Called by each member with what it does: for what the tasks of a run in the background are part of.
pub(crate) type Within = Box<dyn Fn(&mut dyn FnMut()) + Send + Sync>;

/// Runs a graph and waits for it.
pub(super) fn run(graph: Graph, pool: Arc<Pool>) -> Result<Vec<Value>> {
    let run = Run::new(graph, pool, None, None);
    run.start();
    if crate::panics::is_in_task() { run.wait_as_member() } else { run.wait() }
}

impl Run {
    /// A run that nobody waits for: `on_finish` gets the outcome. It belongs to no cell.
    pub(crate) fn in_background(graph: Graph, pool: Arc<Pool>, on_finish: OnFinish, within: Within) -> Arc<Run> {
        InterruptCheck::never().within(|| Run::new(graph.in_static_order(), pool, Some(on_finish), Some(within)))
    }

    fn new(graph: Graph, pool: Arc<Pool>, on_finish: Option<OnFinish>, within: Option<Within>) -> Arc<Run> {
        let dependents = graph.dependents();
        let store = Store::new(&graph, &dependents);
        let total = graph.len();
        let roots: Vec<NodeId> = graph.ids().filter(|&id| store.is_ready(id) && graph.data(id).is_none()).collect();
        let crew = Crew::new(pool);
        let seats = (0..crew.most() + 1)
            .map(|_| {
                let stack = Worker::new_lifo();
                let stealer = stack.stealer();
                let (done, running) = (AtomicUsize::new(0), AtomicU32::new(NodeId::MAX));
                CachePadded::new(Seat { stack: Mutex::new(Some(stack)), stealer, done, running })
            })
            .collect();
        Arc::new_cyclic(|this| Run {
            this: Weak::clone(this),
            dependents,
            store,
            crew,
            roots,
            next_root: CachePadded::default(),
            seats,
            overflow: Injector::new(),
            unseated_done: AtomicUsize::new(0),
            at_work: AtomicUsize::new(0),
            left: CachePadded::new(AtomicUsize::new(total)),
            total,
            stopped: AtomicBool::new(false),
            interrupts: InterruptCheck::new(),
            recording: recorder::begin(&graph),
            outcome: Mutex::new(None),
            changed: Condvar::new(),
            caller_waits: AtomicBool::new(false),
            on_finish: Mutex::new(on_finish),
            within,
            graph,
        })
    }

    pub(crate) fn start(self: &Arc<Self>) {
        if self.total == 0 {
            // SAFETY: there is nothing to run, and nobody else finishes this.
            self.finish(Ok(unsafe { self.store.outputs(&self.graph) }));
        } else {
            Crew::call(self, self.roots.len());
        }
    }

    /// Says that so many more nodes are ready.
    fn call(&self, mut count: usize) {
        std::sync::atomic::fence(Ordering::SeqCst);
        if self.caller_waits.load(Ordering::SeqCst) && self.caller_waits.swap(false, Ordering::SeqCst) {
            // Under the lock, so that it cannot fall between the caller's last look and its sleep.
            drop(lock(&self.outcome));
            self.changed.notify_all();
            count -= 1;
        }
        if count > 0
            && !self.crew.is_full()
            && let Some(this) = self.this.upgrade()
        {
            Crew::call(&this, count);
        }
    }

    /// Stops between two tasks; the outcome is [`Error::Cancelled`].
    pub(crate) fn cancel(&self) {
        let cancelled = self.cancelled();
        self.finish(Err(cancelled));
    }

    fn should_stop(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) || self.interrupts.is_interrupted()
    }

    fn done(&self) -> usize {
        let seated: usize = self.seats.iter().map(|seat| seat.done.load(Ordering::Relaxed)).sum();
        (seated + self.unseated_done.load(Ordering::Relaxed)).min(self.total)
    }

    /// The name of a task that is running.
    fn running(&self) -> Option<String> {
        let mut running = self.seats.iter().map(|seat| seat.running.load(Ordering::Relaxed));
        running.find(|&id| id != NodeId::MAX).map(|id| self.graph.name(id).to_owned())
    }

    /// The first outcome counts.
    fn finish(&self, outcome: Result<Vec<Value>>) {
        let mut kept = lock(&self.outcome);
        if self.stopped.swap(true, Ordering::AcqRel) {
            return;
        }
        let on_finish = lock(&self.on_finish).take();
        match on_finish {
            Some(on_finish) => {
                drop(kept);
                on_finish(outcome);
            }
            None => {
                *kept = Some(outcome);
                drop(kept);
                self.changed.notify_all();
            }
        }
    }

    fn cancelled(&self) -> Error {
        Error::Cancelled { done: self.done(), total: self.total }
    }

    fn stop_cancelled(&self) -> Error {
        self.stopped.store(true, Ordering::Release);
        self.cancelled()
    }

    /// Waits on a thread that is not the pool's, and reports progress meanwhile.
    fn wait(&self) -> Result<Vec<Value>> {
        let began = Instant::now();
        while began.elapsed() < LINGER && !self.stopped.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
        let mut reporter = Reporter::new(self.total);
        let mut outcome = lock(&self.outcome);
        let result = loop {
            if self.interrupts.is_interrupted() {
                break Err(self.stop_cancelled());
            }
            if let Some(outcome) = outcome.take() {
                break outcome;
            }
            drop(match self.changed.wait_timeout(outcome, TICK / 2) {
                Ok((outcome, _)) => outcome,
                Err(poisoned) => poisoned.into_inner().0,
            });
            // Without the lock: whoever listens to the report may be slow, and must not hold up the workers.
            reporter.tick(self.done(), || self.running());
            outcome = lock(&self.outcome);
        };
        drop(outcome);
        self.let_stragglers_end(&result);
        let state = match &result {
            Ok(_) => ProgressState::Finished,
            Err(Error::Cancelled { .. }) => ProgressState::Cancelled,
            Err(_) => ProgressState::Failed,
        };
        reporter.end(self.done(), state);
        result
    }

    /// Waits inside a task: by working. This thread alone could run all of the graph, so computations that wait for one
    /// another, on one pool or on several, always come to an end.
    fn wait_as_member(self: &Arc<Self>) -> Result<Vec<Value>> {
        loop {
            Crew::help(self);
            if self.interrupts.is_interrupted() {
                return Err(self.stop_cancelled());
            }
            if let Some(outcome) = self.wait_a_moment(KEEP_PLACE) {
                return self.ended_inside_a_task(outcome);
            }
            if !self.has_work()
                && !self.stopped.load(Ordering::Acquire)
                && let Some(outcome) = blocking(|| self.wait_a_moment(TICK / 2))
            {
                return self.ended_inside_a_task(outcome);
            }
        }
    }

    fn ended_inside_a_task(&self, outcome: Result<Vec<Value>>) -> Result<Vec<Value>> {
        if outcome.is_err() {
            blocking(|| self.let_stragglers_end(&outcome));
        }
        outcome
    }

    /// After an error that is no interrupt, waits until no task is running, or for [`STRAGGLERS`].
    fn let_stragglers_end(&self, outcome: &Result<Vec<Value>>) {
        if matches!(outcome, Ok(_) | Err(Error::Cancelled { .. })) {
            return;
        }
        // Either this sees a member at work, or that member, which looks after it has said so, sees that it should stop.
        std::sync::atomic::fence(Ordering::SeqCst);
        let began = Instant::now();
        let mut kept = lock(&self.outcome);
        while self.at_work.load(Ordering::SeqCst) > 0
            && began.elapsed() < STRAGGLERS
            && !self.interrupts.is_interrupted()
        {
            kept = match self.changed.wait_timeout(kept, TICK / 2) {
                Ok((kept, _)) => kept,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// Waits until there is an outcome, or work, or nothing after all.
    fn wait_a_moment(&self, patience: Duration) -> Option<Result<Vec<Value>>> {
        let mut outcome = lock(&self.outcome);
        if outcome.is_some() {
            return outcome.take();
        }
        self.caller_waits.store(true, Ordering::SeqCst);
        std::sync::atomic::fence(Ordering::SeqCst);
        if !self.has_work() {
            outcome = match self.changed.wait_timeout(outcome, patience) {
                Ok((outcome, _)) => outcome,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        self.caller_waits.store(false, Ordering::SeqCst);
        outcome.take()
    }
}

impl Work for Run {
    fn crew(&self) -> &Crew {
        &self.crew
    }

    fn has_work(&self) -> bool {
        !self.should_stop()
            && (self.next_root.load(Ordering::SeqCst) < self.roots.len()
                || !self.overflow.is_empty()
                || self.seats.iter().any(|seat| !seat.stealer.is_empty()))
    }

    fn work(&self) {
        Member::sit_down(self, |member| {
            let mut work = || crate::panics::in_task(|| self.interrupts.within(|| member.work()));
            match &self.within {
                Some(within) => within(&mut work),
                None => work(),
            }
        });
    }
}

/// A thread that works on a run.
struct Member<'a> {
    run: &'a Run,
    /// Its seat, and the stack that stands there for as long as it sits.
    seat: Option<(&'a Seat, Worker<NodeId>)>,
    /// Done, and not counted yet.
    uncounted: usize,
    watch: Watch<'a>,
}

impl<'a> Member<'a> {
    fn sit_down(run: &'a Run, work: impl FnOnce(&mut Member<'a>)) {
        let seat = run.seats.iter().find_map(|seat| {
            let stack = lock(&seat.stack).take()?;
            Some((&**seat, stack))
        });
        run.at_work.fetch_add(1, Ordering::SeqCst);
        std::sync::atomic::fence(Ordering::SeqCst);
        let watch = Watch::new(run.recording.as_ref());
        let mut member = Member { run, seat, uncounted: 0, watch };
        work(&mut member);
        member.count();
        if let Some((seat, stack)) = member.seat.take() {
            seat.running.store(NodeId::MAX, Ordering::Relaxed);
            *lock(&seat.stack) = Some(stack);
        }
        if run.at_work.fetch_sub(1, Ordering::SeqCst) == 1 && run.stopped.load(Ordering::SeqCst) {
            drop(lock(&run.outcome));
            run.changed.notify_all();
        }
    }

    fn work(&mut self) {
        let turn = Turn::begin();
        while let Some(id) = self.find() {
            let mut next = Some(id);
            while let Some(id) = next {
                if self.run.should_stop() {
                    return;
                }
                next = self.execute(id);
                if let Some(id) = next
                    && turn.is_over(&self.run.crew)
                {
                    match &self.seat {
                        Some((_, stack)) => stack.push(id),
                        None => self.run.overflow.push(id),
                    }
                    return;
                }
            }
            if self.run.crew.is_crowded() || turn.is_over(&self.run.crew) {
                return;
            }
        }
    }

    /// The next node: from the own stack, the list, another's stack. Looks for a moment before it gives up.
    fn find(&mut self) -> Option<NodeId> {
        if let Some(id) = self.seat.as_ref().and_then(|(_, stack)| stack.pop()) {
            return Some(id);
        }
        self.count();
        if let Some(id) = self.find_elsewhere() {
            return Some(id);
        }
        if let Some((seat, _)) = &self.seat {
            seat.running.store(NodeId::MAX, Ordering::Relaxed);
        }
        let began = Instant::now();
        while !self.run.should_stop() && !self.run.crew.is_crowded() {
            for _ in 0..32 {
                std::hint::spin_loop();
            }
            if let Some(id) = self.find_elsewhere() {
                return Some(id);
            }
            if began.elapsed() > LINGER {
                return None;
            }
            // On a machine with fewer cores than threads the one that makes work needs this core.
            std::thread::yield_now();
        }
        None
    }

    fn find_elsewhere(&self) -> Option<NodeId> {
        self.take_roots().or_else(|| steal(|| self.run.overflow.steal())).or_else(|| {
            // From a different place for each member, so that they do not all rob the same one.
            let offset = self.seat.as_ref().map_or(0, |(seat, _)| std::ptr::from_ref(*seat) as usize / 128);
            let seats = &self.run.seats;
            (0..seats.len()).find_map(|n| steal(|| seats[(offset + n) % seats.len()].stealer.steal()))
        })
    }

    fn take_roots(&self) -> Option<NodeId> {
        let run = self.run;
        let seen = run.next_root.load(Ordering::Relaxed);
        let left = run.roots.len().checked_sub(seen).filter(|&left| left > 0)?;
        let wanted = match self.seat {
            Some(_) => (left / (4 * run.crew.most())).clamp(1, BATCH),
            None => 1,
        };
        let start = run.next_root.fetch_add(wanted, Ordering::SeqCst);
        let (&first, rest) = run.roots.get(start..run.roots.len().min(start + wanted))?.split_first()?;
        if let Some((_, stack)) = &self.seat {
            rest.iter().rev().for_each(|&id| stack.push(id));
        }
        Some(first)
    }

    /// Runs one node; gives the node this member should go on with.
    #[inline]
    fn execute(&mut self, id: NodeId) -> Option<NodeId> {
        let run = self.run;
        if let Some((seat, _)) = &self.seat {
            seat.running.store(id, Ordering::Relaxed);
        }
        // SAFETY: a node becomes ready once, when all its inputs have been put.
        let outcome = self.watch.over(&run.graph, id, || unsafe {
            run.store.with_inputs(&run.graph, id, |inputs| run.graph.step(id).run(inputs))
        });
        match outcome {
            // SAFETY: this thread ran the node, once.
            Ok(value) => unsafe { run.store.put(id, value) },
            Err(failure) => {
                self.fail(id, failure);
                return None;
            }
        }
        self.uncounted += 1;
        match &self.seat {
            Some((seat, _)) => seat.done.store(seat.done.load(Ordering::Relaxed) + 1, Ordering::Relaxed),
            None => _ = run.unseated_done.fetch_add(1, Ordering::Relaxed),
        }
        let mut next = None;
        let mut spare = 0;
        // Dependents stand in the static order: from the back, so that the first ends on top.
        let dependents = run.dependents.of(id);
        run.store.prepare(dependents);
        for &dependent in dependents.iter().rev() {
            if run.store.input_finished(dependent)
                && let Some(later) = next.replace(dependent)
            {
                spare += 1;
                match &self.seat {
                    Some((_, stack)) => stack.push(later),
                    None => run.overflow.push(later),
                }
            }
        }
        if spare > 0 {
            run.call(spare);
        }
        next
    }

    #[cold]
    fn fail(&mut self, id: NodeId, failure: Failure) {
        self.watch.hand_in();
        self.run.finish(Err(task_error(&self.run.graph, id, failure)));
    }

    /// Counts what was done. Whoever counts the last task finishes the run.
    fn count(&mut self) {
        let done = std::mem::take(&mut self.uncounted);
        if done > 0 {
            self.watch.hand_in();
        }
        if done > 0 && self.run.left.fetch_sub(done, Ordering::AcqRel) == done && !self.run.interrupts.is_interrupted()
        {
            // SAFETY: all tasks have been put and counted, with release and acquire, and only one thread counts the
            // last.
            self.run.finish(Ok(unsafe { self.run.store.outputs(&self.run.graph) }));
        }
    }
}

fn steal(mut attempt: impl FnMut() -> Steal<NodeId>) -> Option<NodeId> {
    loop {
        match attempt() {
            Steal::Success(id) => return Some(id),
            Steal::Empty => return None,
            Steal::Retry => std::hint::spin_loop(),
        }
    }
}
