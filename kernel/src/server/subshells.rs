//! Subshells: more queues of requests beside the main shell's (Jupyter's JEP 91).
//!
//! There is one session, so cells of all subshells run one at a time, in the order in which they came. What a subshell
//! has of its own is its queue: an error in one leaves the cells of the others alone.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};

/// Subshells that may be open at once.
const MOST: usize = 1000;

/// The ids of the subshells.
#[derive(Default)]
pub struct Subshells(Mutex<BTreeSet<String>>);

impl Subshells {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Makes one, and gives its id.
    ///
    /// # Errors
    /// When there are too many.
    pub fn create(&self) -> Result<String, String> {
        let mut ids = self.lock();
        if ids.len() >= MOST {
            return Err(format!("there are {MOST} subshells already; delete some first"));
        }
        let id = uuid::Uuid::new_v4().to_string();
        ids.insert(id.clone());
        Ok(id)
    }

    /// Deletes one.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn delete(&self, id: &str) -> Result<(), String> {
        if self.lock().remove(id) { Ok(()) } else { Err(unknown(id)) }
    }

    /// The ids of all.
    pub fn list(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    /// Whether a request can be for this subshell; every request can be for the main shell.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn check(&self, id: Option<&str>) -> Result<(), String> {
        match id {
            Some(id) if !self.lock().contains(id) => Err(unknown(id)),
            _ => Ok(()),
        }
    }
}

fn unknown(id: &str) -> String {
    let id: String = id.chars().take(80).collect();
    format!("there is no subshell {id:?}; it may have been deleted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subshells_come_and_go() {
        let subshells = Subshells::default();
        let id = subshells.create().unwrap();
        assert_eq!(subshells.list(), std::slice::from_ref(&id));
        assert!(subshells.check(None).is_ok() && subshells.check(Some(&id)).is_ok());
        subshells.delete(&id).unwrap();
        assert!(subshells.delete(&id).is_err() && subshells.check(Some(&id)).is_err());
    }
}
