//! From records to numbers: who took how long, how busy the threads were, and where they waited.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::record::{Profile, TaskRecord};

/// What all runs of one function took together.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionSummary {
    /// The function.
    pub name: Arc<str>,
    /// How often it ran.
    pub count: usize,
    /// How often it failed.
    pub failed: usize,
    /// From start to end, over all runs.
    pub total: Duration,
    /// `total` without the tasks that ran inside its own on the same thread: a task may compute a graph itself.
    pub own: Duration,
    /// `total / count`.
    pub mean: Duration,
    /// The longest run.
    pub longest: Duration,
    /// `own` as a share of that of all functions, from 0 to 1.
    pub share: f64,
    /// Size of its results in bytes, as far as it is known.
    pub result_bytes: u64,
}

/// How busy one thread was between the first task's start and the last task's end.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreadSummary {
    /// The thread, from 0.
    pub thread: u16,
    /// How many tasks it ran.
    pub tasks: usize,
    /// Time within tasks; where one ran inside another, it counts once.
    pub busy: Duration,
    /// `busy` as a share of the time from the first start to the last end on any thread, from 0 to 1.
    pub share: f64,
    /// The longest stretch without a task.
    pub longest_gap: Option<Gap>,
}

/// A stretch of time in which a thread ran no task, in nanoseconds since the profile began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The thread that waited.
    pub thread: u16,
    /// When the wait began.
    pub start: u64,
    /// When it ended.
    pub end: u64,
}

impl Gap {
    /// How long the thread waited, in nanoseconds.
    pub fn length(&self) -> u64 {
        self.end - self.start
    }
}

impl Profile {
    /// Per function: how often it ran and how long it took; what took most comes first.
    pub fn summary(&self) -> Vec<FunctionSummary> {
        Analysis::new(self).functions
    }

    /// Per thread, from 0: how busy it was, and its longest wait.
    pub fn thread_summary(&self) -> Vec<ThreadSummary> {
        Analysis::new(self).threads
    }

    /// The longest waits of any thread between the first task's start and the last task's end, at most twelve, longest
    /// first.
    pub fn longest_gaps(&self) -> Vec<Gap> {
        Analysis::new(self).gaps
    }

    /// The share of the threads' time that was spent in tasks, from the first task's start to the last task's end, from
    /// 0 to 1. `None` where no task took any time.
    pub fn utilisation(&self) -> Option<f64> {
        Analysis::new(self).utilisation()
    }
}

/// Deeper nesting than this is drawn at this depth.
pub(super) const MAX_DEPTH: u8 = 7;
const GAPS_KEPT: usize = 12;

/// Everything that the pictures need to know, worked out once.
pub(super) struct Analysis<'a> {
    pub(super) profile: &'a Profile,
    /// Places in `profile.tasks` by thread, then by start; what encloses comes before what it encloses.
    pub(super) order: Vec<u32>,
    /// For each place in `order`, inside how many tasks of its thread it ran, at most [`MAX_DEPTH`].
    pub(super) depth: Vec<u8>,
    /// Each thread's part of `order`; may be empty.
    pub(super) lanes: Vec<(u16, Range<usize>)>,
    pub(super) functions: Vec<FunctionSummary>,
    /// In the order of `lanes`.
    pub(super) threads: Vec<ThreadSummary>,
    pub(super) gaps: Vec<Gap>,
    /// At index n, the time in nanoseconds in which exactly n threads were within tasks.
    pub(super) at_once: Vec<u64>,
    pub(super) span: u64,
    /// From the first task's start to the last task's end.
    pub(super) active: Range<u64>,
    pub(super) failed: usize,
    /// Whether any task ran inside another.
    pub(super) nested: bool,
}

/// Running sums of one function.
#[derive(Clone, Default)]
struct Sums {
    count: usize,
    failed: usize,
    total: u64,
    inner: u64,
    longest: u64,
    result_bytes: u64,
}

impl<'a> Analysis<'a> {
    pub(super) fn new(profile: &'a Profile) -> Self {
        let tasks = &profile.tasks;
        let mut order: Vec<u32> = (0..tasks.len() as u32).collect();
        order.sort_unstable_by_key(|&place| {
            let task = &tasks[place as usize];
            (task.thread, task.start, Reverse(end(task)), place)
        });
        let active = tasks.iter().map(|task| task.start).min().unwrap_or(0)..tasks.iter().map(end).max().unwrap_or(0);
        let mut analysis = Analysis {
            profile,
            depth: Vec::with_capacity(order.len()),
            lanes: lanes(profile, &order),
            order,
            functions: Vec::new(),
            threads: Vec::new(),
            gaps: Vec::new(),
            at_once: Vec::new(),
            span: profile.span(),
            active,
            failed: tasks.iter().filter(|task| task.failed).count(),
            nested: false,
        };
        analysis.walk();
        analysis
    }

    /// Time within tasks, over all threads, in nanoseconds.
    pub(super) fn busy(&self) -> u64 {
        self.threads.iter().fold(0, |sum, thread| sum.saturating_add(thread.busy.as_nanos() as u64))
    }

    pub(super) fn utilisation(&self) -> Option<f64> {
        let whole = (self.active.end - self.active.start) as f64 * self.lanes.len() as f64;
        (whole > 0.0).then(|| (self.busy() as f64 / whole).min(1.0))
    }

    /// The peak of resident memory in bytes, where it was sampled.
    pub(super) fn peak_memory(&self) -> Option<u64> {
        self.profile.resources.iter().map(|sample| sample.memory_bytes).max().filter(|&peak| peak > 0)
    }

    /// What is worth looking at: all that was recorded, or, where tasks fill less than half of it, the time around
    /// them.
    pub(super) fn window(&self) -> Range<u64> {
        let length = self.active.end - self.active.start;
        if length == 0 || length >= self.span / 2 {
            return 0..self.span.max(1);
        }
        let margin = length / 30 + 1;
        self.active.start.saturating_sub(margin)..self.active.end.saturating_add(margin).min(self.span)
    }

    fn walk(&mut self) {
        let tasks = &self.profile.tasks;
        // One more, for records that point to no name.
        let mut sums = vec![Sums::default(); self.profile.names.len() + 1];
        let slot = |task: &TaskRecord| (task.name as usize).min(self.profile.names.len());
        let mut longest_gaps = BinaryHeap::new();
        let mut edges = Vec::new();
        let mut open: Vec<&TaskRecord> = Vec::new();
        for (thread, range) in &self.lanes {
            open.clear();
            let mut waits = Waits::new(*thread, self.active.start);
            // The stretch of time without a gap that the last tasks made up.
            let mut stretch: Option<Range<u64>> = None;
            for &place in &self.order[range.clone()] {
                let task = &tasks[place as usize];
                let length = task.length();
                while open.pop_if(|outer| end(outer) <= task.start).is_some() {}
                if let Some(outer) = open.last() {
                    let inner = &mut sums[slot(outer)].inner;
                    *inner = inner.saturating_add(end(outer).min(end(task)) - task.start);
                    self.nested = true;
                }
                self.depth.push(open.len().min(usize::from(MAX_DEPTH)) as u8);
                open.push(task);

                let sum = &mut sums[slot(task)];
                sum.count += 1;
                sum.failed += usize::from(task.failed);
                sum.total = sum.total.saturating_add(length);
                sum.longest = sum.longest.max(length);
                sum.result_bytes = sum.result_bytes.saturating_add(task.result_bytes);

                match &mut stretch {
                    Some(stretch) if task.start <= stretch.end => stretch.end = stretch.end.max(end(task)),
                    _ => {
                        if let Some(stretch) = stretch.replace(task.start..end(task)) {
                            waits.pass(&stretch, &mut edges, &mut longest_gaps);
                        }
                    }
                }
            }
            if let Some(stretch) = stretch {
                waits.pass(&stretch, &mut edges, &mut longest_gaps);
            }
            waits.gap_until(self.active.end, &mut longest_gaps);
            let whole = (self.active.end - self.active.start).max(1);
            self.threads.push(ThreadSummary {
                thread: *thread,
                tasks: range.len(),
                busy: Duration::from_nanos(waits.busy),
                share: waits.busy as f64 / whole as f64,
                longest_gap: waits.longest,
            });
        }
        self.gaps = longest_gaps.into_sorted_vec().into_iter().map(|Reverse((_, ByThread(gap)))| gap).collect();
        self.at_once = at_once(&mut edges, &self.active);
        self.functions = functions(self.profile, &sums);
    }
}

/// When a task ended, for records that are strange as well.
pub(super) fn end(task: &TaskRecord) -> u64 {
    task.end.max(task.start)
}

/// The threads there were, and those that tasks name, each with its part of the order.
fn lanes(profile: &Profile, order: &[u32]) -> Vec<(u16, Range<usize>)> {
    let thread_of = |place: &u32| profile.tasks[*place as usize].thread;
    let mut lanes = Vec::new();
    let mut next = 0_usize;
    let known = profile.threads.min(usize::from(u16::MAX) + 1);
    let mut at = 0;
    for chunk in order.chunk_by(|one, other| thread_of(one) == thread_of(other)) {
        let thread = thread_of(&chunk[0]);
        lanes.extend((next..usize::from(thread).min(known)).map(|idle| (idle as u16, at..at)));
        lanes.push((thread, at..at + chunk.len()));
        at += chunk.len();
        next = usize::from(thread) + 1;
    }
    lanes.extend((next..known).map(|idle| (idle as u16, at..at)));
    lanes
}

/// The gaps of one thread, met in the order of time.
struct Waits {
    thread: u16,
    /// Until when the thread's time is accounted for.
    until: u64,
    busy: u64,
    longest: Option<Gap>,
}

/// Gaps of one length in the order of threads and time.
#[derive(PartialEq, Eq)]
struct ByThread(Gap);

impl Ord for ByThread {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.0.thread, other.0.start).cmp(&(self.0.thread, self.0.start))
    }
}

impl PartialOrd for ByThread {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

type LongestGaps = BinaryHeap<Reverse<(u64, ByThread)>>;

impl Waits {
    fn new(thread: u16, from: u64) -> Self {
        Waits { thread, until: from, busy: 0, longest: None }
    }

    /// Accounts for a stretch of tasks and the gap before it.
    fn pass(&mut self, stretch: &Range<u64>, edges: &mut Vec<u64>, longest: &mut LongestGaps) {
        self.gap_until(stretch.start, longest);
        self.busy += stretch.end - stretch.start;
        self.until = stretch.end;
        edges.extend([edge(stretch.start, true), edge(stretch.end, false)]);
    }

    fn gap_until(&mut self, end: u64, longest: &mut LongestGaps) {
        if end <= self.until {
            return;
        }
        let gap = Gap { thread: self.thread, start: self.until, end };
        if self.longest.is_none_or(|longest| longest.length() < gap.length()) {
            self.longest = Some(gap);
        }
        longest.push(Reverse((gap.length(), ByThread(gap))));
        if longest.len() > GAPS_KEPT {
            longest.pop();
        }
    }
}

/// A moment at which a thread becomes busy or idle, as one number, so that sorting millions is quick: the time, then
/// ends before starts.
fn edge(time: u64, starts: bool) -> u64 {
    (time.min(u64::MAX >> 1) << 1) | u64::from(starts)
}

fn at_once(edges: &mut [u64], active: &Range<u64>) -> Vec<u64> {
    edges.sort_unstable();
    let mut times = vec![0_u64];
    let mut busy = 0;
    let mut until = active.start;
    for edge in edges.iter() {
        let time = edge >> 1;
        times[busy] += time.saturating_sub(until);
        until = until.max(time);
        if edge & 1 == 1 {
            busy += 1;
            if busy == times.len() {
                times.push(0);
            }
        } else {
            busy = busy.saturating_sub(1);
        }
    }
    times
}

fn functions(profile: &Profile, sums: &[Sums]) -> Vec<FunctionSummary> {
    let all = sums.iter().map(|sum| sum.total.saturating_sub(sum.inner) as f64).sum::<f64>();
    let mut functions: Vec<_> = sums
        .iter()
        .enumerate()
        .filter(|(_, sum)| sum.count > 0)
        .map(|(place, sum)| {
            let own = sum.total.saturating_sub(sum.inner);
            FunctionSummary {
                name: profile.names.shared(place as u32),
                count: sum.count,
                failed: sum.failed,
                total: Duration::from_nanos(sum.total),
                own: Duration::from_nanos(own),
                mean: Duration::from_nanos(sum.total / sum.count as u64),
                longest: Duration::from_nanos(sum.longest),
                share: if all > 0.0 { own as f64 / all } else { 0.0 },
                result_bytes: sum.result_bytes,
            }
        })
        .collect();
    // Ties go by the order of names in the table: the sort is stable.
    functions.sort_by_key(|function| Reverse((function.own, function.total, function.count)));
    functions
}

/// The colours of all names: fill and outline, by place in the table; the last is for records that point to no name.
pub(super) fn colors(profile: &Profile) -> Vec<(&'static str, &'static str)> {
    crate::draw::colors_of(profile.names.iter().chain(["?"]))
}

/// The colours of functions by name.
pub(super) fn colors_by_name(profile: &Profile) -> HashMap<&str, (&'static str, &'static str)> {
    profile.names.iter().chain(["?"]).zip(colors(profile)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn profile(threads: usize, tasks: &[(&str, u16, u64, u64)]) -> Profile {
        let mut profile = Profile::new(SystemTime::UNIX_EPOCH, threads);
        for (key, &(name, thread, start, end)) in tasks.iter().enumerate() {
            let name = profile.names.intern(name);
            profile.tasks.push(TaskRecord { name, thread, start, end, key: key as u64, ..TaskRecord::default() });
        }
        profile
    }

    #[test]
    fn functions_add_up_and_the_heaviest_comes_first() {
        let mut profile = profile(2, &[("a", 0, 0, 10), ("b", 1, 0, 30), ("a", 0, 10, 14)]);
        profile.tasks[2].failed = true;
        profile.tasks[0].result_bytes = 8;
        let functions = profile.summary();
        assert_eq!(functions.iter().map(|function| &*function.name).collect::<Vec<_>>(), ["b", "a"]);
        let a = &functions[1];
        assert_eq!((a.count, a.failed, a.result_bytes), (2, 1, 8));
        assert_eq!([a.total, a.own, a.mean, a.longest].map(|time| time.as_nanos()), [14, 14, 7, 10]);
        assert!((functions.iter().map(|function| function.share).sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn tasks_inside_tasks_count_once() {
        let profile =
            profile(1, &[("outer", 0, 0, 100), ("inner", 0, 10, 40), ("inner", 0, 40, 60), ("leaf", 0, 45, 50)]);
        let analysis = Analysis::new(&profile);
        let own =
            |name: &str| analysis.functions.iter().find(|function| &*function.name == name).map(|f| f.own.as_nanos());
        assert_eq!((own("outer"), own("inner"), own("leaf")), (Some(50), Some(45), Some(5)));
        assert_eq!(analysis.depth, [0, 1, 1, 2]);
        assert_eq!(analysis.utilisation(), Some(1.0));
        assert!(analysis.nested && analysis.gaps.is_empty());
    }

    #[test]
    fn waits_are_found_at_the_start_in_the_middle_and_at_the_end() {
        let profile = profile(3, &[("a", 0, 0, 100), ("a", 1, 10, 30), ("a", 1, 60, 80)]);
        let analysis = Analysis::new(&profile);
        let gaps: Vec<_> = analysis.gaps.iter().map(|gap| (gap.thread, gap.start, gap.end)).collect();
        assert_eq!(gaps, [(2, 0, 100), (1, 30, 60), (1, 80, 100), (1, 0, 10)]);
        assert_eq!(analysis.threads.iter().map(|thread| thread.busy.as_nanos()).collect::<Vec<_>>(), [100, 40, 0]);
        assert_eq!(analysis.threads[1].longest_gap, Some(Gap { thread: 1, start: 30, end: 60 }));
        assert_eq!(analysis.at_once, [0, 60, 40]);
        assert!((analysis.utilisation().expect("tasks took time") - 140.0 / 300.0).abs() < 1e-12);
    }

    #[test]
    fn empty_and_strange_records_are_harmless() {
        assert!(profile(4, &[]).summary().is_empty());
        assert_eq!(profile(0, &[]).utilisation(), None);
        let mut strange =
            profile(1, &[("a", u16::MAX, 50, 10), ("a", 3, u64::MAX - 1, u64::MAX), ("b", 3, 0, u64::MAX)]);
        strange.threads = usize::MAX;
        strange.tasks[0].name = 99;
        let analysis = Analysis::new(&strange);
        assert_eq!(analysis.lanes.len(), 65_536);
        assert!(analysis.functions.iter().any(|function| &*function.name == "?"));
        // Two tasks that cross, as no real thread can run them.
        let crossing = profile(1, &[("a", 0, 0, 10), ("b", 0, 5, 15), ("c", 0, 12, 20)]);
        assert_eq!(crossing.thread_summary()[0].busy.as_nanos(), 20);
    }

    #[test]
    fn long_idling_is_left_out_of_the_window() {
        let mut profile = profile(1, &[("a", 0, 1_000, 1_300)]);
        profile.duration = 1_400;
        assert_eq!(Analysis::new(&profile).window(), 989..1_311);
        profile.tasks[0].start = 100;
        assert_eq!(Analysis::new(&profile).window(), 0..1_400);
    }
}
