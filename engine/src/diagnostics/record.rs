//! What is recorded while diagnostics are on: plain data, small enough for millions of tasks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

/// What happened while diagnostics were on.
///
/// All times are in nanoseconds since [`began`](Self::began), by a clock that never goes back. The records may be in
/// any order.
///
/// ```
/// use std::time::SystemTime;
/// use taskloom::diagnostics::{Profile, TaskRecord};
///
/// let mut profile = Profile::new(SystemTime::now(), 2);
/// let load = profile.names.intern("load");
/// let sum = profile.names.intern("sum");
/// profile.tasks.push(TaskRecord { name: load, key: 1, end: 3_000_000, ..TaskRecord::default() });
/// profile.tasks.push(TaskRecord { name: load, key: 2, thread: 1, end: 2_000_000, ..TaskRecord::default() });
/// profile.tasks.push(TaskRecord { name: sum, key: 3, start: 3_000_000, end: 4_000_000, ..TaskRecord::default() });
///
/// let functions = profile.summary();
/// assert_eq!((&*functions[0].name, functions[0].count, functions[0].total.as_millis()), ("load", 2, 5));
/// assert!(profile.task_stream_svg().starts_with("<svg"));
/// ```
#[derive(Debug, Clone)]
pub struct Profile {
    /// When recording began, for people to read; nothing is measured by it.
    pub began: SystemTime,
    /// How long was recorded. Where this is less than the last record's time, that time counts instead.
    pub duration: u64,
    /// Threads that tasks could run on. Where a record names a thread beyond it, the threads that were seen count.
    pub threads: usize,
    /// The names of functions, which [`TaskRecord::name`] points into.
    pub names: NameTable,
    /// The tasks that ran, whether they returned or failed.
    pub tasks: Vec<TaskRecord>,
    /// Processor time and memory of the process, over time.
    pub resources: Vec<ResourceSample>,
    /// Results that were held, over time: each sample holds until the next.
    pub live: Vec<CacheSample>,
    /// What a reader has to know, such as why there are no samples: a sentence each, shown with every picture.
    pub notes: Vec<String>,
}

impl Profile {
    /// A profile with nothing in it.
    pub fn new(began: SystemTime, threads: usize) -> Self {
        Profile {
            began,
            duration: 0,
            threads,
            names: NameTable::default(),
            tasks: Vec::new(),
            resources: Vec::new(),
            live: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The name of the function that a task ran.
    pub fn name_of(&self, task: &TaskRecord) -> &str {
        self.names.get(task.name)
    }

    /// How long was recorded: [`duration`](Self::duration), or the time of the last record where that is later.
    pub fn span(&self) -> u64 {
        let tasks = self.tasks.iter().map(|task| task.end.max(task.start));
        let samples = self.resources.iter().map(|sample| sample.at).chain(self.live.iter().map(|sample| sample.at));
        tasks.chain(samples).max().unwrap_or(0).max(self.duration)
    }
}

/// One run of one task: 40 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskRecord {
    /// The function, as a place in [`Profile::names`].
    pub name: u32,
    /// The thread that ran it, from 0.
    pub thread: u16,
    /// Whether it returned an error or panicked.
    pub failed: bool,
    /// Which task of the graph it was.
    pub key: u64,
    /// When it began, in nanoseconds.
    pub start: u64,
    /// When it ended, in nanoseconds. A record that ends before it starts is taken to have no length.
    pub end: u64,
    /// Size of its result in bytes; 0 where it is not known.
    pub result_bytes: u64,
}

impl TaskRecord {
    /// How long the task ran, in nanoseconds.
    pub fn length(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// What the process used up to a moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ResourceSample {
    /// When, in nanoseconds.
    pub at: u64,
    /// Processor time per time since the sample before, in percent: 100 is one core kept busy.
    pub cpu_percent: f32,
    /// Resident memory in bytes; 0 where it is not known.
    pub memory_bytes: u64,
}

/// The results that the engine held from a moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheSample {
    /// When, in nanoseconds.
    pub at: u64,
    /// How many results were held.
    pub live_results: u32,
    /// Their size in bytes, as far as it is known.
    pub live_bytes: u64,
}

/// Names, each stored once.
///
/// Colours are dealt out in the order of this table. Intern the names in the order of a graph's nodes, and every bar has
/// the colour of its function's box in the drawing of that graph, also where two names hash to the same colour.
#[derive(Debug, Clone, Default)]
pub struct NameTable {
    names: Vec<Arc<str>>,
    places: HashMap<Arc<str>, u32>,
}

impl NameTable {
    /// The place of a name, which is added if it is new.
    ///
    /// # Panics
    /// When there are more than 2³² names.
    pub fn intern(&mut self, name: &str) -> u32 {
        if let Some(&place) = self.places.get(name) {
            return place;
        }
        let place = u32::try_from(self.names.len()).expect("a profile has fewer than 2^32 names");
        let name: Arc<str> = Arc::from(name);
        self.names.push(Arc::clone(&name));
        self.places.insert(name, place);
        place
    }

    /// The name at a place; `"?"` where there is none.
    pub fn get(&self, place: u32) -> &str {
        self.names.get(place as usize).map_or("?", |name| name)
    }

    /// All names, by place.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no name yet.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(super) fn shared(&self, place: u32) -> Arc<str> {
        self.names.get(place as usize).cloned().unwrap_or_else(|| Arc::from("?"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_records_stay_small() {
        assert_eq!(size_of::<TaskRecord>(), 40);
        assert!(size_of::<ResourceSample>() <= 24 && size_of::<CacheSample>() <= 24);
    }

    #[test]
    fn names_are_stored_once_and_strange_places_are_harmless() {
        let mut names = NameTable::default();
        assert!(names.is_empty());
        assert_eq!([names.intern("a"), names.intern("b"), names.intern("a")], [0, 1, 0]);
        assert_eq!((names.len(), names.get(1), names.get(7)), (2, "b", "?"));
        assert_eq!(names.iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn the_span_reaches_to_the_last_record() {
        let mut profile = Profile::new(SystemTime::UNIX_EPOCH, 1);
        assert_eq!(profile.span(), 0);
        profile.duration = 5;
        profile.live.push(CacheSample { at: 9, ..CacheSample::default() });
        profile.tasks.push(TaskRecord { start: 11, end: 3, ..TaskRecord::default() });
        assert_eq!(profile.span(), 11);
        assert_eq!(profile.tasks[0].length(), 0);
    }
}
