//! The low-level form of a graph: a mapping from keys to values, tasks and other keys.
//!
//! It is what Dask's "graph specification" describes, with types. Everything else in the engine makes graphs by itself;
//! here one is written down, inspected, rewritten and run.
//!
//! ```
//! use taskloom::graph::{TaskGraph, key};
//!
//! fn inc(x: i64) -> i64 { x + 1 }
//! fn add(x: i64, y: i64) -> i64 { x + y }
//!
//! let mut graph = TaskGraph::new();
//! graph.value("x", 1_i64)?;
//! graph.task("y", inc, (key("x"),))?;
//! graph.task("z", add, (key("y"), 10))?;
//! assert_eq!(graph.get::<i64>("z")?, 12);
//! assert_eq!(graph.describe("z")?, "z = add(y, 10) → i64");
//! # Ok::<(), taskloom::Error>(())
//! ```

mod entry;
mod error;
mod key;
mod rewrite;
mod run;
mod show;
mod walk;

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use crate::error::BoxError;
use crate::task::function::{Arguments, Function};
use walk::Walk;

pub use entry::Entry;
pub use error::{GraphError, Mismatch, Missing};
pub use key::{Key, Reference, References, key, keys};

/// A graph written by hand: what stands behind each key, in the order in which the keys were inserted.
///
/// Keys may be used before they are there. That none is missing, that the graph has no circle, and that results have the
/// types that functions take is seen by [`check`](TaskGraph::check), and by whatever runs the graph.
///
/// Cloning copies the mapping and shares the values and tasks.
#[derive(Clone, Default)]
pub struct TaskGraph {
    places: HashMap<Key, u32>,
    /// Empty where a key was removed.
    entries: Vec<Option<(Key, Entry)>>,
}

impl TaskGraph {
    /// A graph without keys.
    pub fn new() -> Self {
        TaskGraph::default()
    }

    /// Inserts a value that is already there.
    ///
    /// # Errors
    /// [`GraphError::Taken`] when the key is there already.
    pub fn value<T: Send + Sync + 'static>(&mut self, key: impl Into<Key>, value: T) -> Result<(), GraphError> {
        self.insert(key, Entry::value(value))
    }

    /// Inserts a call of `function`, of up to eight arguments: values, [`key`]s, lists of [`keys`], and
    /// [`&Delayed`](crate::Delayed) handles. The function gets them by value.
    ///
    /// # Errors
    /// [`GraphError::Taken`] when the key is there already.
    pub fn task<F, A, S>(&mut self, key: impl Into<Key>, function: F, arguments: S) -> Result<(), GraphError>
    where
        F: Function<A>,
        A: 'static,
        S: Arguments<A>,
    {
        self.insert(key, Entry::task(function, arguments))
    }

    /// As [`task`](TaskGraph::task), for a function that returns a `Result`: an `Err` fails the task, and others get
    /// what is in the `Ok`.
    ///
    /// # Errors
    /// [`GraphError::Taken`] when the key is there already.
    ///
    /// ```
    /// use taskloom::graph::{TaskGraph, key};
    /// fn parse(text: String) -> Result<i64, std::num::ParseIntError> { text.parse() }
    ///
    /// let mut graph = TaskGraph::new();
    /// graph.value("text", "12".to_owned())?;
    /// graph.try_task("number", parse, (key("text"),))?;
    /// assert_eq!(graph.get::<i64>("number")?, 12);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn try_task<F, A, S, R, E>(&mut self, key: impl Into<Key>, function: F, arguments: S) -> Result<(), GraphError>
    where
        F: Function<A, Output = Result<R, E>>,
        A: 'static,
        S: Arguments<A>,
        R: Send + Sync + 'static,
        E: Into<BoxError> + 'static,
    {
        self.insert(key, Entry::try_task(function, arguments))
    }

    /// Inserts another name for what `target` stands for.
    ///
    /// # Errors
    /// [`GraphError::Taken`] when the key is there already.
    pub fn alias(&mut self, key: impl Into<Key>, target: impl Into<Key>) -> Result<(), GraphError> {
        self.insert(key, Entry::alias(target))
    }

    /// Inserts an entry.
    ///
    /// # Errors
    /// [`GraphError::Taken`] when the key is there already.
    pub fn insert(&mut self, key: impl Into<Key>, entry: Entry) -> Result<(), GraphError> {
        let next = u32::try_from(self.entries.len()).expect("a graph has fewer than 2^32 keys");
        match self.places.entry(key.into()) {
            Slot::Occupied(taken) => Err(GraphError::Taken { key: taken.key().clone() }),
            Slot::Vacant(free) => {
                self.entries.push(Some((free.key().clone(), entry)));
                free.insert(next);
                Ok(())
            }
        }
    }

    /// Puts an entry in the place of another, which comes back; a new key is inserted.
    ///
    /// ```
    /// use taskloom::graph::{Entry, TaskGraph};
    /// let mut graph = TaskGraph::new();
    /// graph.value("x", 1_i64)?;
    /// let old = graph.replace("x", Entry::value(2_i64));
    /// assert_eq!(format!("{old:?}"), "Some(1)");
    /// assert_eq!(graph.get::<i64>("x")?, 2);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn replace(&mut self, key: impl Into<Key>, entry: Entry) -> Option<Entry> {
        let key = key.into();
        match self.place(key.as_str()) {
            Some(place) => self.entries[place as usize].replace((key, entry)).map(|(_, old)| old),
            None => {
                let inserted = self.insert(key, entry);
                debug_assert!(inserted.is_ok(), "the key was not there");
                None
            }
        }
    }

    /// Takes a key out. Whatever needs it will be told that it is missing.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        let place = self.places.remove(key)?;
        let removed = self.entries[place as usize].take();
        // Removing many keys must not leave a graph of holes.
        if self.entries.len() > 2 * self.places.len() + 16 {
            self.entries.retain(Option::is_some);
            for (place, slot) in self.entries.iter().enumerate() {
                if let Some(place_of) = slot.as_ref().and_then(|(key, _)| self.places.get_mut(key)) {
                    *place_of = place as u32;
                }
            }
        }
        removed.map(|(_, entry)| entry)
    }

    /// What stands behind a key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.place(key).map(|place| self.at(place).1)
    }

    /// Whether the key is there.
    pub fn contains(&self, key: &str) -> bool {
        self.places.contains_key(key)
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// All keys, in the order in which they were inserted.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.iter().map(|(key, _)| key)
    }

    /// All keys with what stands behind them, in the order in which they were inserted.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.entries.iter().flatten().map(|(key, entry)| (key, entry))
    }

    /// The keys that `key` needs itself, each once, in the order of the arguments.
    ///
    /// # Errors
    /// [`GraphError::Unknown`] when `key` is not there.
    pub fn dependencies(&self, key: &str) -> Result<Vec<Key>, GraphError> {
        let (_, entry) = self.at(self.known(key)?);
        let mut needs: Vec<Key> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        needs.extend(entry.keys().filter(|&key| seen.insert(key)).cloned());
        Ok(needs)
    }

    /// The keys that need `key` themselves, in the order in which they were inserted. Looks at the whole graph.
    ///
    /// # Errors
    /// [`GraphError::Unknown`] when `key` is not there.
    pub fn dependents(&self, key: &str) -> Result<Vec<Key>, GraphError> {
        self.known(key)?;
        let needs = |entry: &Entry| entry.keys().any(|needed| *needed == *key);
        Ok(self.iter().filter(|(_, entry)| needs(entry)).map(|(key, _)| key.clone()).collect())
    }

    /// All keys that have to be there before `key` is: what it needs, what that needs, and so on, each after those it
    /// needs itself.
    ///
    /// # Errors
    /// [`GraphError::Unknown`] when `key` is not there.
    pub fn ancestors(&self, key: &str) -> Result<Vec<Key>, GraphError> {
        let walk = Walk::new(self, [self.known(key)?]);
        Ok(walk.entries().map(|(found, _)| found).filter(|&found| *found != *key).cloned().collect())
    }

    /// All keys, each after those it needs.
    ///
    /// # Errors
    /// [`GraphError::Missing`] and [`GraphError::Cycle`].
    pub fn toposort(&self) -> Result<Vec<Key>, GraphError> {
        let walk = Walk::new(self, self.all());
        walk.connected(self)?;
        Ok(walk.entries().map(|(key, _)| key.clone()).collect())
    }

    /// Says what would go wrong if the whole graph were run, without running it.
    ///
    /// # Errors
    /// [`GraphError::Missing`] with all keys that are needed and not there; else [`GraphError::Cycle`] when keys need
    /// each other; else [`GraphError::Types`] with all results that are not what a function takes.
    ///
    /// ```
    /// use taskloom::graph::{Entry, TaskGraph, key};
    /// let mut graph = TaskGraph::new();
    /// graph.task("size", i64::abs, (key("amuont"),))?;
    /// graph.value("amount", 3)?;
    /// let error = graph.check().unwrap_err();
    /// assert_eq!(error.to_string(), "the graph has no key `amuont`, which `size` needs; did you mean `amount`?");
    ///
    /// graph.rename("amount", "amuont")?;
    /// let error = graph.check().unwrap_err();
    /// assert!(error.to_string().contains("as a value of type `i64`, but `amuont` is of type `i32`"));
    ///
    /// graph.replace("amuont", Entry::alias("size"));
    /// assert!(graph.check().unwrap_err().to_string().contains("size → amuont → size"));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn check(&self) -> Result<(), GraphError> {
        Walk::new(self, self.all()).checked(self).map(|_| ())
    }

    /// The entry at a place where there is one.
    fn at(&self, place: u32) -> (&Key, &Entry) {
        let (key, entry) = self.entries[place as usize].as_ref().expect("places are of keys that are there");
        (key, entry)
    }

    fn place(&self, key: &str) -> Option<u32> {
        self.places.get(key).copied()
    }

    fn known(&self, key: &str) -> Result<u32, GraphError> {
        self.place(key).ok_or_else(|| GraphError::unknown(self, key))
    }

    /// How many places there are, empty ones among them.
    fn places(&self) -> usize {
        self.entries.len()
    }

    /// All places where there is a key.
    fn all(&self) -> impl Iterator<Item = u32> {
        (0..self.entries.len() as u32).filter(|&place| self.entries[place as usize].is_some())
    }

    /// The places of the keys that no other needs. In a graph with circles there may be none.
    fn ends(&self) -> Vec<u32> {
        let mut is_needed = vec![false; self.entries.len()];
        for place in self.iter().flat_map(|(_, entry)| entry.keys()).filter_map(|key| self.place(key.as_str())) {
            is_needed[place as usize] = true;
        }
        self.all().filter(|&place| !is_needed[place as usize]).collect()
    }
}
