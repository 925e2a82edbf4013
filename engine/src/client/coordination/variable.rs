//! One value that all can read and replace.

use std::any::type_name;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::names::{Named, OfValues};
use super::{locked, unlimited, wait};
use crate::error::Result;

/// One value that tasks and the main program read and replace.
///
/// Like `distributed.Variable`. Each reader gets a clone. Clones of the handle, and variables of the same name, are one
/// variable; its value stays when the last handle is gone, until [`delete`](Variable::delete).
///
/// ```
/// # let client = taskloom::Client::new()?;
/// let rate = client.variable::<f64>("rate")?;
/// assert_eq!(rate.try_get(), None);
/// rate.set(0.5);
/// assert_eq!(client.variable::<f64>("rate")?.get()?, 0.5);
/// # Ok::<(), taskloom::Error>(())
/// ```
pub struct Variable<T> {
    slot: Arc<Slot<T>>,
}

/// What all handles of a variable share.
pub(super) struct Slot<T> {
    name: String,
    /// Shared, so that a value is cloned, and dropped, only outside the lock: both run code of the user.
    value: Mutex<Option<Arc<T>>>,
    changed: Condvar,
}

impl<T> Slot<T> {
    pub(super) fn new(name: &str) -> Self {
        Slot { name: name.to_owned(), value: Mutex::new(None), changed: Condvar::new() }
    }
}

impl<T> Named for Slot<T> {
    fn is_worth_keeping(&self) -> bool {
        locked(&self.value).is_some()
    }
}

impl<T: Send + Sync + 'static> OfValues for Slot<T> {
    fn value_type(&self) -> &'static str {
        type_name::<T>()
    }
}

impl<T> Variable<T> {
    pub(super) fn new(slot: Arc<Slot<T>>) -> Self {
        Variable { slot }
    }

    /// The variable's name.
    pub fn name(&self) -> &str {
        &self.slot.name
    }

    /// Gives the variable a value, in place of the one it had, and wakes all who wait for one.
    pub fn set(&self, value: T) {
        let value = Arc::new(value);
        let mut slot = locked(&self.slot.value);
        let before = slot.replace(value);
        self.slot.changed.notify_all();
        drop(slot);
        drop(before);
    }

    /// Takes the value away, for all handles: [`get`](Variable::get) waits for a new one.
    pub fn delete(&self) {
        let before = locked(&self.slot.value).take();
        drop(before);
    }

    fn wait_within(&self, limit: Option<Duration>) -> Result<Option<Arc<T>>> {
        let waiting_for = || format!("a value of the variable `{}`", self.slot.name);
        wait(&self.slot.value, &self.slot.changed, limit, waiting_for, |value| value.clone())
    }
}

impl<T: Clone> Variable<T> {
    /// The value; waits until there is one.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) after an interrupt.
    pub fn get(&self) -> Result<T> {
        unlimited(self.wait_within(None)).map(Arc::unwrap_or_clone)
    }

    /// Waits as [`get`](Variable::get) does, but no longer than `timeout`; `None` when there was no value.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) after an interrupt.
    pub fn get_timeout(&self, timeout: Duration) -> Result<Option<T>> {
        Ok(self.wait_within(Some(timeout))?.map(Arc::unwrap_or_clone))
    }

    /// The value, if there is one now.
    pub fn try_get(&self) -> Option<T> {
        let value = locked(&self.slot.value).clone();
        value.map(Arc::unwrap_or_clone)
    }
}

impl<T> Clone for Variable<T> {
    fn clone(&self) -> Self {
        Variable { slot: Arc::clone(&self.slot) }
    }
}

impl<T> fmt::Debug for Variable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variable")
            .field("name", &self.name())
            .field("is_set", &locked(&self.slot.value).is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::super::Names;
    use super::super::testing::{SHORT, within_patience};
    use super::*;

    #[test]
    fn set_get_and_delete() -> Result<()> {
        let variable = Names::default().variable::<String>("v")?;
        assert_eq!(variable.try_get(), None);
        assert_eq!(variable.get_timeout(Duration::ZERO)?, None);
        assert_eq!(variable.get_timeout(SHORT)?, None);
        variable.set("a".to_owned());
        variable.set("b".to_owned());
        assert_eq!(variable.get()?, "b");
        assert_eq!(variable.clone().get()?, "b", "reading takes nothing away");
        assert_eq!(variable.get_timeout(Duration::ZERO)?.as_deref(), Some("b"));
        variable.delete();
        variable.delete();
        assert_eq!(variable.try_get(), None);
        assert_eq!(format!("{variable:?}"), "Variable { name: \"v\", is_set: false }");
        Ok(())
    }

    #[test]
    fn a_value_reaches_all_who_wait() {
        within_patience("1000 variables with 4 readers", || {
            let names = Names::default();
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for round in 0..1000 {
                            let variable = names.variable::<usize>(&round.to_string()).unwrap();
                            assert_eq!(variable.get().unwrap(), round);
                        }
                    });
                }
                for round in 0..1000 {
                    names.variable::<usize>(&round.to_string()).unwrap().set(round);
                }
            });
        });
    }

    #[test]
    fn what_is_read_was_written_and_never_goes_back() {
        within_patience("1000 values that replace each other", || {
            let variable = Names::default().variable::<Vec<usize>>("v").unwrap();
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        let mut last = 0;
                        while last < 1000 {
                            let value = variable.get().unwrap();
                            assert!(value.len() == 3 && value.iter().all(|&n| n == value[0]) && value[0] >= last);
                            last = value[0];
                        }
                    });
                }
                (1..=1000).for_each(|n| variable.set(vec![n; 3]));
            });
        });
    }

    /// Uses the variable that it is a value of, when it is cloned and when it is dropped.
    struct Nosy(Option<Variable<Nosy>>);

    impl Clone for Nosy {
        fn clone(&self) -> Self {
            if let Some(variable) = &self.0 {
                let _ = format!("{variable:?}");
            }
            Nosy(None)
        }
    }

    impl Drop for Nosy {
        fn drop(&mut self) {
            if let Some(variable) = &self.0 {
                variable.try_get();
            }
        }
    }

    #[test]
    fn code_of_values_never_runs_under_the_lock() {
        within_patience("values that use their own variable", || {
            let variable = Names::default().variable::<Nosy>("v").unwrap();
            variable.set(Nosy(Some(variable.clone())));
            let _ = variable.get().unwrap();
            variable.set(Nosy(Some(variable.clone())));
            variable.delete();
        });
    }
}
