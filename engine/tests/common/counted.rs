//! Values whose coming and going is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// A value that counts those like it that are alive, on a counter of the test's own.
#[derive(Debug)]
pub struct Counted<T = ()> {
    pub value: T,
    alive: Arc<AtomicUsize>,
}

impl<T> Counted<T> {
    pub fn new(value: T, alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, SeqCst);
        Counted { value, alive: Arc::clone(alive) }
    }

    /// How many there are, this one among them.
    pub fn alive(&self) -> usize {
        self.alive.load(SeqCst)
    }
}

impl<T: Clone> Clone for Counted<T> {
    fn clone(&self) -> Self {
        Counted::new(self.value.clone(), &self.alive)
    }
}

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, SeqCst);
    }
}

/// How many [`Numbered`] are alive in this process.
pub static NUMBERED: AtomicUsize = AtomicUsize::new(0);

/// A number that is counted by [`NUMBERED`]: no larger than a number, and equal to any other that is the same number.
#[derive(Debug, PartialEq)]
pub struct Numbered(pub u64);

impl Numbered {
    pub fn new(number: u64) -> Self {
        NUMBERED.fetch_add(1, SeqCst);
        Numbered(number)
    }
}

impl Clone for Numbered {
    fn clone(&self) -> Self {
        Numbered::new(self.0)
    }
}

impl Drop for Numbered {
    fn drop(&mut self) {
        NUMBERED.fetch_sub(1, SeqCst);
    }
}
