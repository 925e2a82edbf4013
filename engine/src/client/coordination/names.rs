//! Which name stands for what.

use std::any::{Any, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use super::event::{Event, Flag};
use super::lock::Lock;
use super::locked;
use super::pubsub::{Publisher, Subscriber, Topic};
use super::queue::{Items, Queue};
use super::semaphore::{Leases, Semaphore};
use super::variable::{Slot, Variable};
use crate::display::short_type;
use crate::error::{Error, Result};

/// The names of one client. Each kind of thing has its own: an event and a queue may have the same name.
///
/// What is named stays as long as it has a handle or a state that a new one would not have. Everything else is dropped
/// when a later request finds it, or when the table has doubled since it was last looked through.
#[derive(Default)]
pub(crate) struct Names {
    events: Table<Flag>,
    locks: Table<Leases>,
    semaphores: Table<Leases>,
    queues: Table<dyn OfValues>,
    variables: Table<dyn OfValues>,
    topics: Table<dyn OfValues>,
}

impl Names {
    pub(crate) fn event(&self, name: &str) -> Event {
        Event::new(self.events.find(name, || Arc::new(Flag::new(name))))
    }

    pub(crate) fn lock(&self, name: &str) -> Lock {
        Lock::new(self.locks.find(name, || Arc::new(Leases::new("the lock", name, 1))))
    }

    /// # Errors
    /// [`Error::NoLeases`] for 0 leases, [`Error::Leases`] when it is there with another number of them.
    pub(crate) fn semaphore(&self, name: &str, leases: usize) -> Result<Semaphore> {
        if leases == 0 {
            return Err(Error::NoLeases { name: name.to_owned() });
        }
        let found = self.semaphores.find(name, || Arc::new(Leases::new("a lease of the semaphore", name, leases)));
        if found.count() == leases {
            Ok(Semaphore::new(found))
        } else {
            Err(Error::Leases { name: name.to_owned(), has: found.count(), wanted: leases })
        }
    }

    /// A queue that is there keeps its `maxsize`, as in `distributed`: who only takes values need not know it.
    ///
    /// # Errors
    /// [`Error::Type`] when it is there with another type of values.
    pub(crate) fn queue<T: Send + 'static>(&self, name: &str, maxsize: usize) -> Result<Queue<T>> {
        of_type::<T, _>(&self.queues, "queue", name, || Items::<T>::new(name, maxsize)).map(Queue::new)
    }

    /// # Errors
    /// [`Error::Type`] when it is there with another type of value.
    pub(crate) fn variable<T: Clone + Send + Sync + 'static>(&self, name: &str) -> Result<Variable<T>> {
        of_type::<T, _>(&self.variables, "variable", name, || Slot::<T>::new(name)).map(Variable::new)
    }

    /// # Errors
    /// [`Error::Type`] when the topic is there with another type of messages.
    pub(crate) fn publisher<T: Clone + Send + Sync + 'static>(&self, topic: &str) -> Result<Publisher<T>> {
        self.topic(topic).map(Publisher::new)
    }

    /// # Errors
    /// [`Error::Type`] when the topic is there with another type of messages.
    pub(crate) fn subscriber<T: Clone + Send + Sync + 'static>(&self, topic: &str) -> Result<Subscriber<T>> {
        self.topic(topic).map(Subscriber::new)
    }

    fn topic<T: Clone + Send + Sync + 'static>(&self, name: &str) -> Result<Arc<Topic<T>>> {
        of_type::<T, _>(&self.topics, "topic", name, || Topic::<T>::new(name))
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names")
            .field("events", &self.events.names())
            .field("locks", &self.locks.names())
            .field("semaphores", &self.semaphores.names())
            .field("queues", &self.queues.names())
            .field("variables", &self.variables.names())
            .field("topics", &self.topics.names())
            .finish()
    }
}

/// What all handles with one name share.
pub(super) trait Named {
    /// Whether it is in a state that a new one would not be in. Only asked when it has no handle, so that it never
    /// waits for anybody.
    fn is_worth_keeping(&self) -> bool;
}

/// Something [`Named`] that has values, seen without their type.
pub(super) trait OfValues: Named + Any + Send + Sync {
    /// The values' type, in full.
    fn value_type(&self) -> &'static str;
}

/// Finds what holds values of type `T`, or makes it.
fn of_type<T: 'static, S: OfValues>(
    table: &Table<dyn OfValues>,
    what: &'static str,
    name: &str,
    make: impl FnOnce() -> S,
) -> Result<Arc<S>> {
    let found = table.find(name, || Arc::new(make()));
    let has = found.value_type();
    let found: Arc<dyn Any + Send + Sync> = found;
    found.downcast().map_err(|_| {
        let (has, wanted) = told_apart(has, type_name::<T>());
        Error::Type { what, name: name.to_owned(), has, wanted }
    })
}

/// Two types that differ, as short as they can be written and still look different.
fn told_apart(has: &str, wanted: &str) -> (String, String) {
    let (short_has, short_wanted) = (short_type(has), short_type(wanted));
    if short_has != short_wanted {
        (short_has, short_wanted)
    } else if has != wanted {
        (has.to_owned(), wanted.to_owned())
    } else {
        // A notebook's cell that is run again defines its types anew, by the same names.
        (format!("{short_has} as it was defined before"), format!("{short_wanted} as it is defined now"))
    }
}

/// Smaller tables are not looked through for what nobody needs.
const LEAST_SWEPT: usize = 64;

struct Table<S: ?Sized>(Mutex<Entries<S>>);

struct Entries<S: ?Sized> {
    by_name: HashMap<String, Arc<S>>,
    sweep_at: usize,
}

impl<S: ?Sized> Default for Table<S> {
    fn default() -> Self {
        Table(Mutex::new(Entries { by_name: HashMap::new(), sweep_at: LEAST_SWEPT }))
    }
}

impl<S: Named + ?Sized> Table<S> {
    fn find(&self, name: &str, make: impl FnOnce() -> Arc<S>) -> Arc<S> {
        let mut entries = locked(&self.0);
        if let Some(found) = entries.by_name.get(name)
            && is_needed(found)
        {
            return Arc::clone(found);
        }
        let made = make();
        entries.by_name.insert(name.to_owned(), Arc::clone(&made));
        if entries.by_name.len() > entries.sweep_at {
            entries.by_name.retain(|_, entry| is_needed(entry));
            entries.sweep_at = LEAST_SWEPT.max(2 * entries.by_name.len());
        }
        made
    }

    fn names(&self) -> Vec<String> {
        let entries = locked(&self.0);
        let mut names: Vec<String> =
            entries.by_name.iter().filter(|(_, entry)| is_needed(entry)).map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        names
    }
}

/// Whether anyone could tell this entry from a new one. With the table's own reference as the only one there can be no
/// other soon: handles are cloned from handles, or made under the table's lock, which the caller holds.
fn is_needed<S: Named + ?Sized>(entry: &Arc<S>) -> bool {
    Arc::strong_count(entry) > 1 || entry.is_worth_keeping()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries<S: ?Sized>(table: &Table<S>) -> usize {
        locked(&table.0).by_name.len()
    }

    #[test]
    fn the_same_name_is_the_same_thing() -> Result<()> {
        let names = Names::default();
        names.event("a").set();
        assert!(names.event("a").is_set());
        assert!(!names.event("b").is_set());
        let guard = names.lock("a").try_acquire();
        assert!(guard.is_some() && names.lock("a").is_locked() && !names.lock("b").is_locked());
        names.queue::<u8>("a", 0)?.put(1)?;
        names.variable::<String>("a")?.set("x".to_owned());
        let lease = names.semaphore("a", 1)?.acquire()?;
        assert_eq!(names.semaphore("a", 1)?.available(), 0);
        drop(lease);
        assert_eq!(names.queue::<u8>("a", 0)?.get()?, 1);
        assert_eq!(names.variable::<String>("a")?.get()?, "x");
        Ok(())
    }

    #[test]
    fn another_client_has_other_names() -> Result<()> {
        let (one, other) = (Names::default(), Names::default());
        one.variable::<i32>("x")?.set(1);
        assert_eq!(other.variable::<i32>("x")?.try_get(), None);
        assert!(other.variable::<String>("x").is_ok());
        Ok(())
    }

    #[test]
    fn another_type_is_an_error_that_names_both() -> Result<()> {
        let names = Names::default();
        let _queue = names.queue::<Vec<i64>>("q", 0)?;
        let _variable = names.variable::<i64>("v")?;
        let _publisher = names.publisher::<i64>("t")?;
        let error = names.queue::<String>("q", 0).unwrap_err().to_string();
        assert!(error.contains("the queue `q` holds values of type Vec<i64>, not String"), "{error}");
        let error = names.variable::<u8>("v").unwrap_err().to_string();
        assert!(error.contains("the variable `v` holds values of type i64, not u8"), "{error}");
        let error = names.subscriber::<f32>("t").unwrap_err().to_string();
        assert!(error.contains("the topic `t` holds values of type i64, not f32"), "{error}");
        Ok(())
    }

    #[test]
    fn types_of_one_name_are_told_apart() {
        assert_eq!(told_apart("a::P", "a::Q"), ("P".into(), "Q".into()));
        assert_eq!(told_apart("a::P", "b::P"), ("a::P".into(), "b::P".into()));
        let (has, wanted) = told_apart("a::P", "a::P");
        assert_ne!(has, wanted);
    }

    #[test]
    fn a_semaphore_has_one_number_of_leases() -> Result<()> {
        let names = Names::default();
        let semaphore = names.semaphore("s", 2)?;
        assert!(matches!(names.semaphore("s", 3), Err(Error::Leases { has: 2, wanted: 3, .. })));
        assert!(matches!(names.semaphore("t", 0), Err(Error::NoLeases { .. })));
        let lease = semaphore.acquire()?;
        drop(semaphore);
        assert!(names.semaphore("s", 3).is_err(), "a lease is out");
        drop(lease);
        assert_eq!(names.semaphore("s", 3)?.leases(), 3);
        Ok(())
    }

    #[test]
    fn a_queue_keeps_its_first_maxsize() -> Result<()> {
        let names = Names::default();
        let first = names.queue::<i32>("q", 3)?;
        assert_eq!(names.queue::<i32>("q", 0)?.maxsize(), 3);
        drop(first);
        assert_eq!(names.queue::<i32>("q", 5)?.maxsize(), 5);
        Ok(())
    }

    #[test]
    fn what_has_a_state_outlives_its_handles() -> Result<()> {
        let names = Names::default();
        names.event("e").set();
        names.queue::<i32>("q", 1)?.put(7)?;
        names.variable::<i32>("v")?.set(8);
        assert!(names.event("e").is_set());
        assert!(names.queue::<String>("q", 0).is_err());
        assert!(names.variable::<String>("v").is_err());
        assert_eq!(names.queue::<i32>("q", 0)?.get()?, 7);
        names.variable::<i32>("v")?.delete();
        names.event("e").clear();
        // Nothing tells them from new ones now, so another type will do.
        assert!(names.queue::<String>("q", 0).is_ok());
        assert!(names.variable::<String>("v").is_ok());
        assert!(!names.event("e").is_set());
        Ok(())
    }

    #[test]
    fn what_nobody_needs_is_dropped() -> Result<()> {
        let names = Names::default();
        for round in 0..10_000 {
            let name = format!("name-{round}");
            let _ = names.event(&name);
            let _ = names.lock(&name);
            let _ = names.semaphore(&name, 2)?;
            let _ = names.queue::<String>(&name, 0)?;
            let _ = names.variable::<String>(&name)?;
            let _ = (names.subscriber::<String>(&name)?, names.publisher::<String>(&name)?);
        }
        let kept = [
            entries(&names.events),
            entries(&names.locks),
            entries(&names.semaphores),
            entries(&names.queues),
            entries(&names.variables),
            entries(&names.topics),
        ];
        assert!(kept.iter().all(|&kept| kept <= LEAST_SWEPT), "{kept:?}");
        for round in 0..1000 {
            names.event(&format!("set-{round}")).set();
        }
        assert!((0..1000).all(|round| names.event(&format!("set-{round}")).is_set()));
        Ok(())
    }

    #[test]
    fn handles_work_on_without_their_client() -> Result<()> {
        let names = Names::default();
        let queue = names.queue::<i32>("q", 0)?;
        queue.put(1)?;
        drop(names);
        assert_eq!(queue.get()?, 1);
        Ok(())
    }

    #[test]
    fn debug_names_what_is_there() {
        let names = Names::default();
        let _event = names.event("go");
        drop(names.lock("gone"));
        let text = format!("{names:?}");
        assert!(text.contains("events: [\"go\"]") && text.contains("locks: []"), "{text}");
    }
}
