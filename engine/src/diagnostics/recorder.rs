//! How records come about: each thread of a computation writes its own, and hands them in when it leaves.
//!
//! A computation asks once, when it begins, whether anybody records. If nobody does it pays one branch a task.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::{Instant, SystemTime};

use super::record::{CacheSample, NameTable, Profile, TaskRecord};
use crate::graph::{Graph, NodeId};
use crate::task::{Failure, Value};

static ON: AtomicBool = AtomicBool::new(false);
static RECORDER: RwLock<Option<Arc<Recorder>>> = RwLock::new(None);

/// Collects what all computations record while it is on.
#[derive(Debug)]
pub(crate) struct Recorder {
    began: Instant,
    wall: SystemTime,
    collected: Mutex<Collected>,
}

#[derive(Debug, Default)]
struct Collected {
    names: NameTable,
    tasks: Vec<TaskRecord>,
    live: Vec<CacheSample>,
    threads: HashMap<std::thread::ThreadId, u16>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Collected {
    /// The number of this thread, in the order in which threads first appear.
    fn thread(&mut self) -> u16 {
        let next = self.threads.len() as u16;
        *self.threads.entry(std::thread::current().id()).or_insert(next)
    }
}

impl Recorder {
    /// Records everything from now on, in place of whoever did so before.
    pub(crate) fn start(began: Instant) -> Arc<Recorder> {
        let recorder = Arc::new(Recorder { began, wall: SystemTime::now(), collected: Mutex::default() });
        *RECORDER.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(Arc::clone(&recorder));
        ON.store(true, Ordering::Release);
        recorder
    }

    /// Ends the recording, if it is still this one's; gives what there is.
    pub(crate) fn stop(self: &Arc<Self>) -> Profile {
        let mut current = RECORDER.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        if current.as_ref().is_some_and(|recorder| Arc::ptr_eq(recorder, self)) {
            ON.store(false, Ordering::Release);
            *current = None;
        }
        drop(current);
        let collected = std::mem::take(&mut *lock(&self.collected));
        let mut profile = Profile::new(self.wall, collected.threads.len());
        profile.duration = self.now();
        profile.names = collected.names;
        profile.tasks = collected.tasks;
        profile.live = collected.live;
        profile.live.sort_by_key(|sample| sample.at);
        profile
    }

    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// One computation, while it is recorded.
#[derive(Debug)]
pub(crate) struct Recording {
    recorder: Arc<Recorder>,
    /// For each node, the reads of its result that are still to come.
    readers: Box<[AtomicU32]>,
    sizes: Box<[AtomicU64]>,
    live_results: AtomicU32,
    live_bytes: AtomicU64,
}

/// Begins to record a computation, if anybody wants that.
pub(crate) fn begin(graph: &Graph) -> Option<Recording> {
    if !ON.load(Ordering::Acquire) {
        return None;
    }
    let recorder = RECORDER.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()?;
    let dependents = graph.dependents();
    let readers: Box<[AtomicU32]> = graph.ids().map(|id| AtomicU32::new(dependents.of(id).len() as u32)).collect();
    for &output in graph.outputs() {
        readers[output as usize].fetch_add(1, Ordering::Relaxed);
    }
    // In the order of the nodes, so that colours are those of the graph's drawing.
    let mut collected = lock(&recorder.collected);
    for id in graph.ids().filter(|&id| graph.task(id).is_some()) {
        collected.names.intern(graph.name(id));
    }
    drop(collected);
    Some(Recording {
        sizes: graph.ids().map(|_| AtomicU64::new(0)).collect(),
        readers,
        recorder,
        live_results: AtomicU32::new(0),
        live_bytes: AtomicU64::new(0),
    })
}

impl Recording {
    /// A place for one thread to write.
    pub(crate) fn lane(&self) -> Lane<'_> {
        let mut collected = lock(&self.recorder.collected);
        let thread = collected.thread();
        drop(collected);
        Lane { recording: self, thread, names: HashMap::new(), tasks: Vec::new(), live: Vec::new() }
    }
}

/// What one thread has recorded of one computation; handed in when it is dropped.
#[derive(Debug)]
pub(crate) struct Lane<'a> {
    recording: &'a Recording,
    thread: u16,
    names: HashMap<&'a str, u32>,
    tasks: Vec<TaskRecord>,
    live: Vec<CacheSample>,
}

impl<'a> Lane<'a> {
    pub(crate) fn now(&self) -> u64 {
        self.recording.recorder.now()
    }

    /// A task has ended; `value` is its result, unless it failed.
    pub(crate) fn ended(&mut self, graph: &'a Graph, id: NodeId, start: u64, value: Option<&Value>) {
        let (end, recording) = (self.now(), self.recording);
        let name = *self
            .names
            .entry(graph.name(id))
            .or_insert_with_key(|name| lock(&recording.recorder.collected).names.intern(name));
        let bytes = value.map_or(0, |value| crate::nbytes(&**value));
        let (failed, key) = (value.is_none(), graph.step(id).key);
        self.tasks.push(TaskRecord { name, thread: self.thread, failed, key, start, end, result_bytes: bytes });
        // The result is there before those it was made from can go.
        recording.sizes[id as usize].store(bytes, Ordering::Relaxed);
        let mut live = recording.live_results.fetch_add(1, Ordering::Relaxed) + 1;
        let mut live_bytes = recording.live_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.live.push(CacheSample { at: end, live_results: live, live_bytes });
        for &input in graph.inputs(id) {
            let last = recording.readers[input as usize].fetch_sub(1, Ordering::Relaxed) == 1;
            if last && graph.data(input).is_none() {
                let size = recording.sizes[input as usize].load(Ordering::Relaxed);
                live = recording.live_results.fetch_sub(1, Ordering::Relaxed) - 1;
                live_bytes = recording.live_bytes.fetch_sub(size, Ordering::Relaxed).saturating_sub(size);
                self.live.push(CacheSample { at: end, live_results: live, live_bytes });
            }
        }
    }
}

impl Lane<'_> {
    /// Gives what was recorded to the recorder. Before the tasks are counted as done: whoever waits for them may stop
    /// the recorder right after.
    pub(crate) fn hand_in(&mut self) {
        let mut collected = lock(&self.recording.recorder.collected);
        collected.tasks.append(&mut self.tasks);
        collected.live.append(&mut self.live);
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        if !self.tasks.is_empty() {
            self.hand_in();
        }
    }
}

/// Runs one task that belongs to no graph, and records it if anybody wants that.
#[inline]
pub(crate) fn alone(
    name: &str,
    key: u64,
    run: impl FnOnce() -> crate::error::Result<Value>,
) -> crate::error::Result<Value> {
    if !ON.load(Ordering::Relaxed) {
        return run();
    }
    let recorder = RECORDER.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
    let Some(recorder) = recorder else { return run() };
    let start = recorder.now();
    let outcome = run();
    let end = recorder.now();
    let result_bytes = outcome.as_ref().map_or(0, |value| crate::nbytes(&**value));
    let mut collected = lock(&recorder.collected);
    let (name, thread) = (collected.names.intern(name), collected.thread());
    collected.tasks.push(TaskRecord { name, thread, failed: outcome.is_err(), key, start, end, result_bytes });
    outcome
}

/// Whoever looks at the tasks of one thread: a recording, a `tracing` subscriber, both, or nobody.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    /// Whether anybody does: the one thing that is looked at for each task when nobody does.
    on: bool,
    traced: bool,
    lane: Option<Lane<'a>>,
}

impl<'a> Watch<'a> {
    /// Asks who looks.
    pub(crate) fn new(recording: Option<&'a Recording>) -> Watch<'a> {
        let traced = tracing::enabled!(target: "taskloom::task", tracing::Level::TRACE);
        let lane = recording.map(Recording::lane);
        Watch { on: traced || lane.is_some(), traced, lane }
    }

    /// Runs a task.
    #[inline(always)]
    pub(crate) fn over(
        &mut self,
        graph: &'a Graph,
        id: NodeId,
        run: impl FnOnce() -> Result<Value, Failure>,
    ) -> Result<Value, Failure> {
        if self.on { self.watched(graph, id, run) } else { run() }
    }

    #[cold]
    fn watched(
        &mut self,
        graph: &'a Graph,
        id: NodeId,
        run: impl FnOnce() -> Result<Value, Failure>,
    ) -> Result<Value, Failure> {
        let span = self.traced.then(|| {
            let step = graph.step(id);
            tracing::trace_span!(target: "taskloom::task", "task", name = step.name(), key = step.key).entered()
        });
        let start = self.lane.as_ref().map(Lane::now);
        let outcome = run();
        drop(span);
        if let (Some(lane), Some(start)) = (&mut self.lane, start) {
            lane.ended(graph, id, start, outcome.as_ref().ok());
        }
        outcome
    }

    /// As [`Lane::hand_in`].
    pub(crate) fn hand_in(&mut self) {
        if let Some(lane) = &mut self.lane {
            lane.hand_in();
        }
    }
}
