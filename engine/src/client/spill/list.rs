//! The entries of a buffer in the order of their last use.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::Instant;

use super::disk::Stored;
use super::report::{SpillError, SpillStats};
use crate::task::Value;
use crate::travel::codec::Codec;

/// All results of one buffer: the order in which to move them, and the counts.
#[derive(Default)]
pub(super) struct List {
    /// By time of last use: exactly the slots whose value is in memory, could move, and is not on its way.
    pub(super) order: BTreeMap<u64, Arc<Slot>>,
    pub(super) last_tick: u64,
    /// Values that are being encoded and written; they count as in memory.
    pub(super) in_flight: usize,
    /// After a search that found nothing to move, no other before this tick.
    pub(super) search_after: u64,
    pub(super) retry_at: Option<Instant>,
    pub(super) stats: SpillStats,
}

/// A value on its way to disk.
pub(super) struct Victim {
    pub(super) slot: Arc<Slot>,
    pub(super) codec: Codec,
    pub(super) value: Value,
    pub(super) tick: u64,
}

/// What an entry and the list share.
pub(super) struct Slot {
    pub(super) bytes: u64,
    pub(super) codec: Option<Codec>,
    /// Place in [`List::order`], or 0 when it is not there. Changed only with the list locked.
    pub(super) tick: AtomicU64,
    /// Counted as unspillable. Changed only with the list locked.
    pub(super) stays: AtomicBool,
    pub(super) state: Mutex<State>,
}

pub(super) enum State {
    Memory(Value),
    Disk(Stored),
    /// Its entry has been dropped.
    Gone,
}

impl List {
    pub(super) fn count_in(&mut self, bytes: u64) {
        self.stats.in_memory.add(bytes);
        self.stats.peak_bytes = self.stats.peak_bytes.max(self.stats.in_memory.bytes);
    }

    /// Makes the slot the most recently used one, and a candidate.
    pub(super) fn put(&mut self, slot: &Arc<Slot>) {
        self.last_tick += 1;
        self.put_at(slot, self.last_tick);
    }

    pub(super) fn put_at(&mut self, slot: &Arc<Slot>, tick: u64) {
        slot.tick.store(tick, Ordering::Relaxed);
        self.order.insert(tick, Arc::clone(slot));
    }

    /// Takes the slot out of the candidates, if it is one.
    pub(super) fn remove_from_order(&mut self, slot: &Slot) -> Option<u64> {
        let tick = slot.tick.swap(0, Ordering::Relaxed);
        self.order.remove(&tick).map(|_| tick)
    }

    pub(super) fn touch(&mut self, slot: &Arc<Slot>) {
        // One that is on its way out is not in the list; its mover will see that somebody holds the value.
        if self.remove_from_order(slot).is_some() {
            self.put(slot);
        }
    }

    /// Notes that the slot's value can never move.
    pub(super) fn keep(&mut self, slot: &Slot) {
        slot.stays.store(true, Ordering::Relaxed);
        self.stats.unspillable.add(slot.bytes);
    }

    /// Forgets a slot whose entry is gone, but for where its value was.
    pub(super) fn remove(&mut self, slot: &Slot) {
        self.remove_from_order(slot);
        if slot.stays.swap(false, Ordering::Relaxed) {
            self.stats.unspillable.remove(slot.bytes);
        }
    }

    pub(super) fn leave_disk(&mut self, slot: &Slot, state: &State) {
        if let State::Disk(stored) = state {
            self.stats.spilled.remove(slot.bytes);
            self.stats.disk_bytes -= stored.len();
        }
    }

    /// Takes a candidate's value, if nobody else has it: moving it would not free its memory, only cost time.
    pub(super) fn take(&mut self, slot: &Arc<Slot>) -> Option<Victim> {
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return None;
        }
        self.retry_at = None;
        let state = match slot.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let State::Memory(value) = &*state else { return None };
        let codec = slot.codec.filter(|_| Arc::strong_count(value) == 1)?;
        let value = Arc::clone(value);
        let tick = self.remove_from_order(slot)?;
        self.in_flight += 1;
        Some(Victim { slot: Arc::clone(slot), codec, value, tick })
    }

    /// The least recently used value that can move. Those in use that are found on the way count as used now.
    pub(super) fn take_oldest(&mut self) -> Option<Victim> {
        if self.last_tick < self.search_after || self.retry_at.is_some_and(|at| Instant::now() < at) {
            return None;
        }
        let mut passed = 0;
        loop {
            if passed == self.order.len() {
                // Searching again each time would make a thousand values in use cost a thousand steps each.
                self.search_after = self.last_tick + passed as u64 / 32;
                break None;
            }
            let (_, oldest) = self.order.first_key_value()?;
            let oldest = Arc::clone(oldest);
            if let Some(victim) = self.take(&oldest) {
                break Some(victim);
            }
            self.touch(&oldest);
            passed += 1;
        }
    }
}

impl Slot {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(super) fn decode(&self, bytes: &[u8]) -> Result<Value, SpillError> {
        let codec = self.codec.as_ref().unwrap_or_else(|| unreachable!("only values with a codec are on disk"));
        let error = |reason| SpillError::Decode { type_name: codec.type_name(), reason };
        match catch_unwind(AssertUnwindSafe(|| codec.decode(bytes))) {
            Ok(decoded) => decoded.map_err(error),
            Err(_) => Err(error("it panicked".to_owned())),
        }
    }
}
