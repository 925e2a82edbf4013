//! Where one node's result waits for those that need it.
//!
//! This file names its atomics and its cell through `super::sync`, so that `tests/loom.rs` can put loom's in their
//! place and try every interleaving.

use super::sync::{AtomicU32, Ordering, UnsafeCell};

/// A result between its producer and its readers, without a lock.
///
/// Written once; read as often as was announced. The last reader takes the value out, so that it can be handed over by
/// value and its memory is free as early as possible.
// Aligned so that a cell is never on two cache lines: neighbours in the graph are seldom neighbours in memory.
#[repr(align(32))]
pub(super) struct ResultCell<V> {
    /// Inputs that have not finished.
    waiting: AtomicU32,
    /// Reads still to come: one for each edge, and one for each time the node is asked for as an output.
    readers: AtomicU32,
    value: UnsafeCell<Option<V>>,
}

// SAFETY: the value moves between threads (`V: Send`) and is cloned through a shared reference by several readers at
// once (`V: Sync`). That `put` and the last `read` are alone is what their callers promise, and the counts enforce.
unsafe impl<V: Send + Sync> Sync for ResultCell<V> {}

impl<V: Clone> ResultCell<V> {
    pub(super) fn new(waiting: u32, readers: u32) -> Self {
        ResultCell { waiting: AtomicU32::new(waiting), readers: AtomicU32::new(readers), value: UnsafeCell::new(None) }
    }

    /// One input has finished; true for the last one, whose thread then owns this node.
    pub(super) fn input_finished(&self) -> bool {
        // Release: what this thread wrote (the input's result) is there for whoever runs the node. Acquire: the last
        // one sees what all the others wrote.
        self.waiting.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Where the value lies, for a hint to the processor; nothing may be read through it.
    pub(super) fn hint(&self) -> *const Option<V> {
        self.value.with(|slot| slot)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
    }

    pub(super) fn add_reader(&mut self) {
        let readers = self.readers.load(Ordering::Relaxed);
        self.readers.store(readers + 1, Ordering::Relaxed);
    }

    /// Keeps the result.
    ///
    /// # Safety
    /// Called once, and every `read` happens after it: readers learn of the result through [`Self::input_finished`] of
    /// their own cells, or through another release by this thread and acquire by theirs.
    pub(super) unsafe fn put(&self, value: V) {
        // SAFETY: nobody else has access before this is announced, by this function's contract.
        self.value.with_mut(|slot| unsafe { *slot = Some(value) });
    }

    /// Looks at the result without counting as a read.
    ///
    /// # Safety
    /// After `put`, by somebody whose announced read is still to come.
    pub(super) unsafe fn peek(&self, look: impl FnOnce(&V)) {
        // SAFETY: the writer is done, and nobody takes the value before the caller's own read.
        self.value.with(|slot| unsafe { (*slot).as_ref().map(look) });
    }

    /// One announced read; the last one gets the cell's own value.
    ///
    /// # Safety
    /// After `put`, and at most as often as readers were announced.
    pub(super) unsafe fn read(&self) -> V {
        // Acquire: if all other readers have gone, their clones are done before the value is taken.
        if self.readers.load(Ordering::Acquire) == 1 {
            self.readers.store(0, Ordering::Relaxed);
            // SAFETY: this is the only reader left, and the writer is done.
            return self.value.with_mut(|slot| unsafe { (*slot).take() }).expect("a result is read after it was put");
        }
        // SAFETY: the writer is done, and nobody takes the value before this reader has signed off below.
        let value = self.value.with(|slot| unsafe { (*slot).clone() }).expect("a result is read after it was put");
        if self.readers.fetch_sub(1, Ordering::AcqRel) == 1 {
            // SAFETY: all readers have signed off; this was the last.
            drop(self.value.with_mut(|slot| unsafe { (*slot).take() }));
        }
        value
    }
}
