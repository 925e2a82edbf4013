//! From tasks to bars: as they are while they are few, and short ones merged where there are more than can be drawn.

use super::analysis::{Analysis, MAX_DEPTH, end};
use super::record::TaskRecord;

/// One bar of the task stream: a task, or short neighbours of one thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Time within the bar's tasks.
    pub(super) busy: u64,
    /// The function, or of several the one that took most.
    pub(super) name: u32,
    pub(super) count: u32,
    pub(super) failed: u32,
    /// Inside how many other tasks of its thread it ran.
    pub(super) depth: u8,
    /// The task's key, where there is just one task.
    pub(super) key: u64,
    pub(super) result_bytes: u64,
}

/// The bars of all threads that are drawn.
pub(super) struct Bars {
    /// By thread; each by start, what encloses before what it encloses.
    pub(super) lanes: Vec<(u16, Vec<Bar>)>,
    /// Neighbours are merged into bars of at most this length in nanoseconds; 0 where nothing is merged.
    pub(super) merged_below: u64,
    /// Tasks that are in merged bars.
    pub(super) merged: usize,
    /// Threads that are left out, because there are too many to draw.
    pub(super) hidden_lanes: usize,
}

/// More threads than this cannot be told apart in a picture.
const MAX_LANES: usize = 128;
/// Functions that are told apart when the main one of a merged bar is chosen.
const MAX_KINDS: usize = 16;

impl Bars {
    /// The bars of a profile, at most about `most` of them.
    pub(super) fn new(analysis: &Analysis<'_>, most: usize) -> Self {
        let lanes = shown(analysis);
        let total: usize = lanes.iter().map(|&lane| analysis.lanes[lane].1.len()).sum();
        let span = (analysis.active.end - analysis.active.start).max(1);
        let mut below = 0;
        if total > most {
            below = (span / (8 * most.max(1) as u64)).max(1);
            while below < span && lanes.iter().map(|&lane| count(analysis, lane, below)).sum::<usize>() > most {
                below = below.saturating_mul(2);
            }
        }
        let mut bars = Bars {
            lanes: Vec::with_capacity(lanes.len()),
            merged_below: below,
            merged: 0,
            hidden_lanes: analysis.lanes.len() - lanes.len(),
        };
        for lane in lanes {
            let mut collected = Collect { analysis, bars: Vec::new(), open: Default::default() };
            pack(analysis, lane, below, &mut collected);
            collected.bars.sort_by_key(|bar| (bar.start, bar.depth));
            bars.merged +=
                collected.bars.iter().filter(|bar| bar.count > 1).map(|bar| bar.count as usize).sum::<usize>();
            bars.lanes.push((analysis.lanes[lane].0, collected.bars));
        }
        bars
    }

    pub(super) fn len(&self) -> usize {
        self.lanes.iter().map(|(_, bars)| bars.len()).sum()
    }
}

/// The lanes that are drawn: all, or the busiest, in the order of threads.
fn shown(analysis: &Analysis<'_>) -> Vec<usize> {
    let mut lanes: Vec<usize> = (0..analysis.lanes.len()).collect();
    if lanes.len() > MAX_LANES {
        lanes.sort_by_key(|&lane| std::cmp::Reverse(analysis.threads[lane].busy));
        lanes.truncate(MAX_LANES);
        lanes.sort_unstable();
    }
    lanes
}

/// What is done with the runs of neighbours that [`pack`] finds.
trait Sink {
    /// A task begins a new bar of its depth; what was open at that depth is complete.
    fn open(&mut self, task: &TaskRecord, depth: u8);
    /// A task joins the open bar of its depth.
    fn join(&mut self, task: &TaskRecord, depth: u8);
    /// What is open at a depth is complete.
    fn close(&mut self, depth: u8);
}

/// Walks through a lane and tells a sink which neighbours go together: tasks shorter than `below`, as long as all of
/// the bar is no longer than `below`.
fn pack(analysis: &Analysis<'_>, lane: usize, below: u64, sink: &mut impl Sink) {
    // Where the open bar of each depth starts.
    let mut open = [None; MAX_DEPTH as usize + 1];
    for at in analysis.lanes[lane].1.clone() {
        let task = &analysis.profile.tasks[analysis.order[at] as usize];
        let depth = analysis.depth[at];
        let short = task.length() < below;
        match open[usize::from(depth)] {
            Some(start) if short && end(task) - start <= below => sink.join(task, depth),
            _ => {
                sink.open(task, depth);
                // A long task is a bar of its own.
                open[usize::from(depth)] = short.then_some(task.start);
            }
        }
    }
    (0..=MAX_DEPTH).for_each(|depth| sink.close(depth));
}

/// How many bars a lane would have.
fn count(analysis: &Analysis<'_>, lane: usize, below: u64) -> usize {
    struct Count(usize);
    impl Sink for Count {
        fn open(&mut self, _: &TaskRecord, _: u8) {
            self.0 += 1;
        }
        fn join(&mut self, _: &TaskRecord, _: u8) {}
        fn close(&mut self, _: u8) {}
    }
    let mut count = Count(0);
    pack(analysis, lane, below, &mut count);
    count.0
}

struct Collect<'a> {
    analysis: &'a Analysis<'a>,
    bars: Vec<Bar>,
    /// The open bar of each depth.
    open: [Option<Open>; MAX_DEPTH as usize + 1],
}

/// A bar that may yet grow: its place, and the time of each of its functions.
type Open = (usize, Vec<(u32, u64)>);

impl Sink for Collect<'_> {
    fn open(&mut self, task: &TaskRecord, depth: u8) {
        self.close(depth);
        let slot = &mut self.open[usize::from(depth)];
        let name = task.name.min(self.analysis.profile.names.len() as u32);
        *slot = Some((self.bars.len(), vec![(name, task.length())]));
        self.bars.push(Bar {
            start: task.start,
            end: end(task),
            busy: task.length(),
            name,
            count: 1,
            failed: u32::from(task.failed),
            depth,
            key: task.key,
            result_bytes: task.result_bytes,
        });
    }

    fn join(&mut self, task: &TaskRecord, depth: u8) {
        let Some((place, kinds)) = &mut self.open[usize::from(depth)] else { return self.open(task, depth) };
        let bar = &mut self.bars[*place];
        bar.end = bar.end.max(end(task));
        bar.busy = bar.busy.saturating_add(task.length()).min(bar.end - bar.start);
        bar.count += 1;
        bar.failed += u32::from(task.failed);
        bar.result_bytes = bar.result_bytes.saturating_add(task.result_bytes);
        let name = task.name.min(self.analysis.profile.names.len() as u32);
        match kinds.iter().position(|(kind, _)| *kind == name) {
            Some(known) => kinds[known].1 = kinds[known].1.saturating_add(task.length()),
            None if kinds.len() < MAX_KINDS => kinds.push((name, task.length())),
            None => {}
        }
    }

    fn close(&mut self, depth: u8) {
        if let Some((place, kinds)) = self.open[usize::from(depth)].take() {
            // Of equals the first; `max_by_key` would take the last.
            let main = kinds.iter().rev().max_by_key(|(_, time)| *time);
            self.bars[place].name = main.map_or(self.bars[place].name, |(name, _)| *name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Profile;
    use std::time::SystemTime;

    fn profile(tasks: impl Iterator<Item = (&'static str, u16, u64, u64)>) -> Profile {
        let mut profile = Profile::new(SystemTime::UNIX_EPOCH, 1);
        for (key, (name, thread, start, end)) in tasks.enumerate() {
            let name = profile.names.intern(name);
            profile.tasks.push(TaskRecord { name, thread, start, end, key: key as u64, ..TaskRecord::default() });
        }
        profile
    }

    #[test]
    fn few_tasks_stay_as_they_are() {
        let profile = profile([("a", 0, 0, 10), ("b", 0, 2, 5), ("a", 0, 12, 13)].into_iter());
        let bars = Bars::new(&Analysis::new(&profile), 3);
        assert_eq!((bars.len(), bars.merged_below, bars.merged), (3, 0, 0));
        let depths: Vec<_> = bars.lanes[0].1.iter().map(|bar| (bar.start, bar.depth)).collect();
        assert_eq!(depths, [(0, 0), (2, 1), (12, 0)]);
    }

    #[test]
    fn short_neighbours_merge_and_nothing_is_lost() {
        // Short tasks, and one long one that must stay itself.
        let short = (0..1_000).map(|at| (if at % 4 == 0 { "a" } else { "b" }, 0, at * 10, at * 10 + 5));
        let mut profile = profile(short.chain([("long", 0, 10_000, 20_000)]));
        profile.tasks[7].failed = true;
        let bars = Bars::new(&Analysis::new(&profile), 50);
        let lane = &bars.lanes[0].1;
        assert!(lane.len() <= 50 && bars.merged_below > 0 && bars.merged > 900);
        assert_eq!(lane.iter().map(|bar| bar.count).sum::<u32>(), 1_001);
        assert_eq!(lane.iter().map(|bar| bar.busy).sum::<u64>(), 15_000);
        assert_eq!(lane.iter().map(|bar| bar.failed).sum::<u32>(), 1);
        assert!(lane.windows(2).all(|pair| pair[0].end <= pair[1].start));
        let long = lane.last().expect("there are bars");
        assert_eq!((long.start, long.end, long.count, long.key), (10_000, 20_000, 1, 1_000));
        // "b" has most of the time of every merged bar.
        assert!(lane.iter().filter(|bar| bar.count > 3).all(|bar| bar.name == 1 && bar.busy <= bar.end - bar.start));
    }

    #[test]
    fn too_many_threads_leave_the_idlest_out() {
        let profile = profile((0..300).map(|thread| ("a", thread, 0, 1 + u64::from(thread))));
        let bars = Bars::new(&Analysis::new(&profile), 1_000);
        assert_eq!((bars.lanes.len(), bars.hidden_lanes), (128, 172));
        assert_eq!(bars.lanes[0].0, 172);
    }

    #[test]
    fn any_number_of_bars_can_be_asked_for() {
        let profile = profile((0..100).map(|at| ("a", (at % 7) as u16, at, at)));
        for most in [0, 1, 3, 99] {
            let bars = Bars::new(&Analysis::new(&profile), most);
            assert_eq!(bars.lanes.iter().flat_map(|(_, bars)| bars).map(|bar| bar.count).sum::<u32>(), 100);
        }
    }
}
