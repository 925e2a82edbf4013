//! Results whose coming and going is counted.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};

/// Knows every result that is alive.
#[derive(Debug, Default)]
pub struct Ledger {
    next: AtomicU64,
    alive: Mutex<HashSet<u64>>,
    mistakes: AtomicUsize,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.alive.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn alive(&self) -> usize {
        self.lock().len()
    }

    /// How often a result was used or dropped that was not alive.
    pub fn mistakes(&self) -> usize {
        self.mistakes.load(SeqCst)
    }

    pub fn mistake(&self) {
        self.mistakes.fetch_add(1, SeqCst);
    }
}

/// A result that the ledger knows. Safe Rust would not drop it twice; the engine hands results on with `unsafe`.
#[derive(Debug)]
pub struct Tracked {
    number: u64,
    serial: u64,
    ledger: Arc<Ledger>,
}

impl Tracked {
    pub fn new(number: u64, ledger: &Arc<Ledger>) -> Self {
        let serial = ledger.next.fetch_add(1, SeqCst);
        ledger.lock().insert(serial);
        Tracked { number, serial, ledger: Arc::clone(ledger) }
    }

    pub fn number(&self) -> u64 {
        if !self.ledger.lock().contains(&self.serial) {
            self.ledger.mistake();
        }
        self.number
    }
}

impl Clone for Tracked {
    fn clone(&self) -> Self {
        Tracked::new(self.number(), &self.ledger)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        if !self.ledger.lock().remove(&self.serial) {
            self.ledger.mistake();
        }
    }
}
