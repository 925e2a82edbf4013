//! Keys, and arguments that are keys.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::delayed::{Delayed, Lazy};
use crate::task::function::Argument;
use crate::task::{Placeholder, Slot, Step, TypeOf};

/// The name of an entry of a [`TaskGraph`](super::TaskGraph).
///
/// Cloning is cheap. A name with indices, as the parts of a collection have, is written as a tuple.
///
/// ```
/// use taskloom::graph::Key;
/// assert_eq!(Key::from(("block", 0, 12)).as_str(), "block-0-12");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Key {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&str> for Key {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == **other
    }
}

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Key(name.into())
    }
}

impl From<String> for Key {
    fn from(name: String) -> Self {
        Key(name.into())
    }
}

impl From<&String> for Key {
    fn from(name: &String) -> Self {
        Key(name.as_str().into())
    }
}

impl From<&Key> for Key {
    fn from(key: &Key) -> Self {
        key.clone()
    }
}

macro_rules! key_with_indices {
    ($($index:ident: $type:ty),+) => {
        impl From<(&str, $($type),+)> for Key {
            fn from((name, $($index),+): (&str, $($type),+)) -> Self {
                let mut text = name.to_owned();
                $(text.push_str(&format!("-{}", $index));)+
                Key(text.into())
            }
        }
    };
}
key_with_indices!(a: usize);
key_with_indices!(a: usize, b: usize);
key_with_indices!(a: usize, b: usize, c: usize);
key_with_indices!(a: usize, b: usize, c: usize, d: usize);

/// An argument that is the result of a key: see [`key`].
///
/// It fits a parameter of any type; whether the key's result has that type is seen when the graph is checked.
#[derive(Debug)]
pub struct Reference(Key);

/// An argument that is a vector of the results of several keys: see [`keys`].
#[derive(Debug)]
pub struct References(Vec<Key>);

/// Stands for the result of a key among the arguments of a task.
///
/// The key need not be in the graph yet.
///
/// ```
/// use taskloom::graph::{TaskGraph, key};
/// let mut graph = TaskGraph::new();
/// graph.task("y", i64::abs, (key("x"),))?;
/// graph.value("x", -3_i64)?;
/// assert_eq!(graph.get::<i64>("y")?, 3);
/// # Ok::<(), taskloom::Error>(())
/// ```
pub fn key(key: impl Into<Key>) -> Reference {
    Reference(key.into())
}

/// Stands for the results of several keys, as a vector, among the arguments of a task.
///
/// ```
/// use taskloom::graph::{TaskGraph, keys};
/// fn total(parts: Vec<i64>) -> i64 { parts.iter().sum() }
///
/// let mut graph = TaskGraph::new();
/// for part in 0..3 {
///     graph.value(("part", part), part as i64)?;
/// }
/// graph.task("total", total, (keys((0..3).map(|part| ("part", part))),))?;
/// assert_eq!(graph.get::<i64>("total")?, 3);
/// # Ok::<(), taskloom::Error>(())
/// ```
pub fn keys(keys: impl IntoIterator<Item = impl Into<Key>>) -> References {
    References(keys.into_iter().map(Into::into).collect())
}

fn placeholder<T: 'static>(key: Key) -> Arc<Step> {
    Step::new(Placeholder::new(key, TypeOf::of::<T>()))
}

// A plain value is an argument too, if it can be cloned. So that `Reference` is not also a plain value, it cannot.
impl<T: Send + Sync + 'static> Argument<T> for Reference {
    type Plan = Slot;
    fn into_plan(self) -> Slot {
        Slot::new(&placeholder::<T>(self.0))
    }
}

impl<T: Clone + Send + Sync + 'static> Argument<Vec<T>> for References {
    type Plan = <Vec<Delayed<T>> as Lazy>::Plan;
    fn into_plan(self) -> Self::Plan {
        let handles: Vec<Delayed<T>> =
            self.0.into_iter().map(|key| Delayed::from_step(placeholder::<T>(key))).collect();
        handles.plan()
    }
}
