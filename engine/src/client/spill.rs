//! Results that do not fit in memory: the least recently used ones move to disk and come back when they are asked for.
//!
//! This is the part of `SpillBuffer` and of the worker's memory manager in Dask's `distributed`, for one process. An
//! [`Entry`] owns one result. Without a [`MemoryLimit`] it is the value and nothing else. With one, all entries of a
//! [`Spill`] share a list in the order of use:
//!
//! - room is made *before* a result comes in or comes back, so results in memory stay under
//!   [`target`](MemoryLimit::target), save for what cannot move: values of types without a [`Codec`], and values that
//!   somebody else holds, whose memory would not be freed anyway;
//! - encoding and writing happen with no lock held, so that others go on; a value that was asked for meanwhile stays;
//! - a write that fails loses nothing: the value stays in memory, [`SpillStats::problem`] says why, and nobody tries
//!   again for a while.
//!
//! # Locks
//! One on the list and one for each entry. Whoever needs both takes the entry's first; the search for a victim, which
//! has the list's, only tries the entry's. Values are dropped, encoded and decoded outside the list's lock, since all
//! three run code of the user's.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::task::Value;
use crate::travel::codec::Codec;

mod disk;
mod limit;
mod list;
mod report;

use disk::{Disk, Stored};
pub use limit::MemoryLimit;
use list::{List, Slot, State, Victim};
pub use report::{Amount, SpillError, SpillStats};

/// After a failed write, how long values just stay in memory.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// How often the process's memory is measured at most; Dask's monitor interval.
const MEASURE_EVERY: Duration = Duration::from_millis(100);

/// How many victims may turn out to be in use again before whoever needs room goes without it.
const PATIENCE: usize = 8;

/// A place for results that keeps to a memory limit. See the [module](self).
pub(crate) struct Spill {
    shared: Option<Arc<Shared>>,
}

/// The owner of one result; dropping it drops the value, or deletes its file.
pub(crate) struct Entry {
    place: Place,
}

/// Reads a result without the entry, which some lock may guard that reading should not hold.
pub(crate) struct Reader {
    place: Place,
}

#[derive(Clone)]
enum Place {
    /// Without a limit there is nothing to keep track of.
    Plain {
        value: Value,
        bytes: u64,
    },
    Managed {
        slot: Arc<Slot>,
        shared: Arc<Shared>,
    },
}

struct Shared {
    limit: MemoryLimit,
    target: u64,
    disk: Disk,
    list: Mutex<List>,
    /// Told whenever a value in flight has arrived or come back.
    settled: Condvar,
    measure: fn() -> Option<u64>,
    started: Instant,
    /// Milliseconds from `started` to the next measurement.
    next_measurement: AtomicU64,
    /// The last measurement.
    resident: AtomicU64,
}

thread_local! {
    /// Whether this thread is encoding a value; waiting for values in flight would then mean waiting for itself.
    static ENCODING: Cell<bool> = const { Cell::new(false) };
}

impl Spill {
    /// A place for results.
    ///
    /// `directory` is where a directory for the files is made, once there is something to write; the system's directory
    /// for temporary files if `None`. What killed processes have left there is removed now.
    pub(crate) fn new(limit: Option<MemoryLimit>, directory: Option<PathBuf>) -> Spill {
        Spill::measured_by(limit, directory, limit::resident)
    }

    fn measured_by(limit: Option<MemoryLimit>, directory: Option<PathBuf>, measure: fn() -> Option<u64>) -> Spill {
        let shared = limit.map(|limit| {
            Arc::new(Shared {
                limit,
                target: limit.part(limit.target),
                disk: Disk::new(directory.unwrap_or_else(std::env::temp_dir)),
                list: Mutex::default(),
                settled: Condvar::new(),
                measure,
                started: Instant::now(),
                next_measurement: AtomicU64::new(0),
                resident: AtomicU64::new(0),
            })
        });
        Spill { shared }
    }

    /// Takes a result in, making room for it first.
    ///
    /// `bytes` is its size in memory, for instance from [`nbytes`](crate::client::nbytes). A value without a
    /// codec stays in memory. One larger than the target goes to disk at once, rather than pushing all others there.
    pub(crate) fn insert(&self, value: Value, codec: Option<Codec>, bytes: u64) -> Entry {
        let Some(shared) = &self.shared else { return Entry { place: Place::Plain { value, bytes } } };
        let oversized = codec.is_some() && bytes > shared.target;
        if oversized {
            shared.list().count_in(bytes);
        } else {
            shared.reserve(bytes);
        }
        let slot = Arc::new(Slot {
            bytes,
            codec,
            tick: AtomicU64::new(0),
            stays: AtomicBool::new(false),
            state: Mutex::new(State::Memory(value)),
        });
        let mut list = shared.list();
        match codec {
            Some(_) => list.put(&slot),
            None => list.keep(&slot),
        }
        let victim = oversized.then(|| list.take(&slot)).flatten();
        drop(list);
        if let Some(victim) = victim {
            shared.move_out(victim);
        }
        Entry { place: Place::Managed { slot, shared: Arc::clone(shared) } }
    }

    /// Whether the process is so near its limit that no new task should start.
    ///
    /// Moves results to disk first if that is due, so that asking now and then while nothing else happens is enough to
    /// get on. It can stay true when the memory is not the results': whoever waits for it should let one task run at a
    /// time, or wait for ever. Always false without a limit.
    pub(crate) fn should_pause(&self) -> bool {
        self.shared.as_ref().is_some_and(|shared| {
            shared.relieve();
            shared.resident.load(Ordering::Relaxed) > shared.limit.part(shared.limit.pause)
        })
    }

    /// Where the results are.
    pub(crate) fn stats(&self) -> SpillStats {
        self.shared.as_ref().map(|shared| shared.list().stats.clone()).unwrap_or_default()
    }
}

impl Entry {
    /// A way to the value. It does not keep it: that ends with the entry.
    pub(crate) fn reader(&self) -> Reader {
        Reader { place: self.place.clone() }
    }

    #[cfg(test)]
    fn get(&self) -> Result<Value, SpillError> {
        self.reader().get()
    }

    #[cfg(test)]
    fn bytes(&self) -> u64 {
        self.reader().bytes()
    }

    #[cfg(test)]
    fn is_spilled(&self) -> bool {
        self.reader().is_spilled()
    }
}

impl Reader {
    /// The value; read back from disk if it is there, which may move others out.
    ///
    /// # Errors
    /// When the file is gone or damaged, or its codec cannot read it, in which case the entry stays as it is; and when
    /// the entry has been dropped.
    pub(crate) fn get(self) -> Result<Value, SpillError> {
        let (slot, shared) = match self.place {
            Place::Plain { value, .. } => return Ok(value),
            Place::Managed { slot, shared } => (slot, shared),
        };
        if let State::Memory(value) = &*slot.state() {
            shared.list().touch(&slot);
            return Ok(Arc::clone(value));
        }
        // With no lock held: making room writes files.
        shared.reserve(slot.bytes);
        let mut state = slot.state();
        let outcome = match &*state {
            State::Memory(value) => {
                // Another thread has been quicker, with room of its own.
                let mut list = shared.list();
                list.stats.in_memory.remove(slot.bytes);
                list.touch(&slot);
                return Ok(Arc::clone(value));
            }
            State::Disk(stored) => stored.read().and_then(|bytes| slot.decode(&bytes)),
            State::Gone => Err(SpillError::Released),
        };
        match outcome {
            Ok(value) => {
                let before = std::mem::replace(&mut *state, State::Memory(Arc::clone(&value)));
                let mut list = shared.list();
                list.stats.reads += 1;
                list.leave_disk(&slot, &before);
                list.put(&slot);
                drop(list);
                drop(state);
                drop(before); // deletes the file
                Ok(value)
            }
            Err(error) => {
                shared.list().stats.in_memory.remove(slot.bytes);
                Err(error)
            }
        }
    }

    /// Size of the value in memory.
    pub(crate) fn bytes(&self) -> u64 {
        match &self.place {
            Place::Plain { bytes, .. } => *bytes,
            Place::Managed { slot, .. } => slot.bytes,
        }
    }

    /// Whether the value is on disk at this moment.
    pub(crate) fn is_spilled(&self) -> bool {
        match &self.place {
            Place::Plain { .. } => false,
            Place::Managed { slot, .. } => matches!(*slot.state(), State::Disk(_)),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Place::Managed { slot, shared } = &self.place else { return };
        let mut state = slot.state();
        let last = std::mem::replace(&mut *state, State::Gone);
        let mut list = shared.list();
        list.remove(slot);
        match &last {
            State::Memory(_) => list.stats.in_memory.remove(slot.bytes),
            State::Disk(_) => list.leave_disk(slot, &last),
            State::Gone => {}
        }
        drop(list);
        drop(state);
        // The value or the file goes last, with no lock held.
        drop(last);
    }
}

impl Shared {
    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Counts `bytes` as in memory, after making room for them; when there is nothing more to move, without.
    fn reserve(&self, bytes: u64) {
        self.relieve();
        let mut patience = PATIENCE;
        let mut list = self.list();
        while list.stats.in_memory.bytes.saturating_add(bytes) > self.target && patience > 0 {
            if let Some(victim) = list.take_oldest() {
                drop(list);
                if !self.move_out(victim) {
                    patience -= 1;
                }
                list = self.list();
            } else if list.in_flight > 0 && !ENCODING.get() {
                // Others are making room; it may be enough.
                list = self.settled.wait(list).unwrap_or_else(|poisoned| poisoned.into_inner());
            } else {
                break;
            }
        }
        list.count_in(bytes);
    }

    /// Measures the process's memory, unless that was done just now, and moves results out if it is too much.
    fn relieve(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = self.next_measurement.load(Ordering::Relaxed);
        let next = now + MEASURE_EVERY.as_millis() as u64;
        // Only when it is due: putting it off with each look would put it off for ever.
        if now < due || self.next_measurement.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            return;
        }
        let Some(resident) = (self.measure)() else { return };
        self.resident.store(resident, Ordering::Relaxed);
        if resident <= self.limit.part(self.limit.spill) {
            return;
        }
        // By the results' own sizes: the allocator may be slow to give memory back, and measuring again after each
        // would then move everything there is.
        let excess = resident.saturating_sub(self.target);
        let (mut moved, mut patience) = (0, PATIENCE);
        while moved < excess && patience > 0 {
            let Some(victim) = self.list().take_oldest() else { break };
            let bytes = victim.slot.bytes;
            if self.move_out(victim) {
                moved += bytes;
            } else {
                patience -= 1;
            }
        }
        if moved > 0 {
            limit::give_back();
            if let Some(resident) = (self.measure)() {
                self.resident.store(resident, Ordering::Relaxed);
            }
        }
    }

    /// Encodes and writes a value, and drops it from memory if nobody has asked for it meanwhile; says whether it has.
    fn move_out(&self, victim: Victim) -> bool {
        let Victim { slot, codec, value, tick } = victim;
        let written = self.write(&codec, &value);
        let mut state = slot.state();
        let mut list = self.list();
        list.in_flight -= 1;
        // What is to be dropped once the locks are free.
        let mut file = None;
        let mut before = None;
        let is_alive = matches!(*state, State::Memory(_));
        match written {
            Ok(stored) => {
                list.stats.writes += 1;
                list.stats.problem = None;
                // Two of the value: the slot's and ours.
                if matches!(&*state, State::Memory(value) if Arc::strong_count(value) == 2) {
                    list.stats.in_memory.remove(slot.bytes);
                    list.stats.spilled.add(slot.bytes);
                    list.stats.disk_bytes += stored.len();
                    before = Some(std::mem::replace(&mut *state, State::Disk(stored)));
                } else {
                    file = Some(stored);
                    if is_alive {
                        list.put(&slot);
                    }
                }
            }
            Err(error) => {
                if is_alive && matches!(error, SpillError::Encode { .. }) {
                    list.keep(&slot);
                } else if is_alive {
                    list.put_at(&slot, tick);
                }
                if matches!(error, SpillError::Write { .. }) {
                    list.retry_at = Some(Instant::now() + RETRY_AFTER);
                }
                list.stats.problem = Some(error);
            }
        }
        drop(list);
        drop(state);
        let has_moved = before.is_some();
        drop((before, value, file));
        // After the memory is free, not only counted so.
        self.settled.notify_all();
        has_moved
    }

    fn write(&self, codec: &Codec, value: &Value) -> Result<Stored, SpillError> {
        let was_encoding = ENCODING.replace(true);
        let encoded = catch_unwind(AssertUnwindSafe(|| codec.encode(&**value)));
        ENCODING.set(was_encoding);
        let encoded = encoded.unwrap_or_else(|_| Err("its codec panicked".to_owned()));
        let bytes = encoded.map_err(|reason| SpillError::Encode { type_name: codec.type_name(), reason })?;
        self.disk.write(&bytes).map_err(|error| SpillError::Write {
            bytes: bytes.len() as u64,
            directory: self.disk.parent().to_owned(),
            reason: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests;
