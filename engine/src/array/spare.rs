//! Memory of large blocks that are gone, for those that come.
//!
//! What is larger than 32 MiB glibc takes from the system and gives back at once, and the system writes zeros into all of
//! it before anybody may: a third of the time that it takes to put such a block together. A chain of tasks frees one such
//! block for every one that it makes, so a few are held for the next of the same size.
//!
//! They are held for a second, by a thread that is there as long as they are, and are never more than a part of the memory
//! that is left ([`room::left`]), limits of the process and of its container included.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use super::dispatch::with_type;
use super::element::{DType, Element};
use super::memory::zeroed;
use super::node::Block;
use super::room;
use crate::task::Value;

/// Smaller blocks are held by the allocator itself.
const LARGE: usize = 32 << 20;
/// One of so many parts of the memory that is left may be held.
const PART_OF_MEMORY: u64 = 8;
/// So long after the last use all is given back.
const IDLE: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Spare {
    /// Each a `Vec` of elements, as long as its memory, and its bytes.
    held: Vec<(usize, Box<dyn Any + Send>)>,
    used: Option<Instant>,
    /// The process whose thread gives back what is held: a copy of a process has no such thread.
    watched_by: Option<u32>,
}

static SPARE: Mutex<Spare> = Mutex::new(Spare { held: Vec::new(), used: None, watched_by: None });

/// Nothing while somebody else is there: nobody waits for memory that can be had otherwise.
fn spare() -> Option<MutexGuard<'static, Spare>> {
    match SPARE.try_lock() {
        Ok(spare) => Some(spare),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// So many elements for one who writes every one of them: what is there before may be anything.
pub(crate) fn overwritten<T: Element>(len: usize) -> Vec<T> {
    held(len).unwrap_or_else(|| zeroed(len))
}

fn held<T: Element>(len: usize) -> Option<Vec<T>> {
    if len.saturating_mul(size_of::<T>()) < LARGE {
        return None;
    }
    let mut spare = spare()?;
    let fits = |values: &dyn Any| values.downcast_ref::<Vec<T>>().is_some_and(|values| values.len() == len);
    let found = spare.held.iter().position(|(_, values)| fits(&**values))?;
    spare.used = Some(Instant::now());
    let (_, values) = spare.held.swap_remove(found);
    values.downcast::<Vec<T>>().ok().map(|values| *values)
}

/// A block that is not needed any longer by one who had it; if by nobody, its memory is held.
pub(crate) fn done_with<T: Element>(block: Block<T>) {
    if block.len().saturating_mul(size_of::<T>()) < LARGE {
        return;
    }
    let Ok(block) = block.try_into_owned_nocopy() else { return };
    let (values, _) = block.into_raw_vec_and_offset();
    let bytes = size_of_val(&values[..]);
    if values.len() == values.capacity() {
        hold(bytes, Box::new(values));
    }
}

/// As [`done_with`], of a task's value that may be a block.
pub(crate) fn done_with_value(value: Value) {
    const TYPES: [DType; 13] = [
        DType::F64,
        DType::F32,
        DType::I64,
        DType::I32,
        DType::I16,
        DType::I8,
        DType::U64,
        DType::U32,
        DType::U16,
        DType::U8,
        DType::Bool,
        DType::Complex64,
        DType::Complex32,
    ];
    if Arc::strong_count(&value) > 1 {
        return;
    }
    for dtype in TYPES {
        with_type!(dtype, T => {
            if value.is::<Block<T>>() {
                let block = value.downcast::<Block<T>>().ok().and_then(Arc::into_inner);
                return block.map(done_with::<T>).unwrap_or_default();
            }
        });
    }
}

fn hold(bytes: usize, values: Box<dyn Any + Send>) {
    let most = room::left().map_or(0, |left| left / PART_OF_MEMORY);
    let Some(mut spare) = spare() else { return };
    let all = spare.held.iter().map(|(bytes, _)| bytes).sum::<usize>() + bytes;
    if all as u64 > most {
        return;
    }
    let own = std::process::id();
    if spare.watched_by != Some(own) {
        let watch = std::thread::Builder::new().name("taskloom-memory".to_owned()).spawn(watch);
        if watch.is_err() {
            return;
        }
        spare.watched_by = Some(own);
    }
    spare.used = Some(Instant::now());
    spare.held.push((bytes, values));
}

fn watch() {
    loop {
        std::thread::sleep(IDLE);
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.used.is_none_or(|used| used.elapsed() >= IDLE) {
            spare.watched_by = None;
            let held = std::mem::take(&mut spare.held);
            drop(spare);
            return drop(held);
        }
    }
}

/// Gives all that is held back to the system; whether there was anything.
pub(crate) fn give_back() -> bool {
    let held = spare().map(|mut spare| std::mem::take(&mut spare.held)).unwrap_or_default();
    !held.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{Array, PadMode};

    // The tests of this module are about one place that all of the process's computations use; large blocks are made by
    // these alone.
    const LEN: usize = LARGE / 8 + 17;

    #[test]
    fn a_large_block_that_is_gone_makes_room_for_the_next_and_is_given_back() {
        let values = vec![7_u64; LEN];
        let at = values.as_ptr();
        let block: Block<u64> = ndarray::Array1::from_vec(values).into_dyn().into_shared();
        let still_needed = block.clone();
        done_with(block);
        assert!(held::<u64>(LEN).is_none(), "somebody reads it");
        done_with_value(Arc::new(still_needed));
        assert!(held::<u64>(LEN - 1).is_none() && held::<i64>(LEN).is_none(), "of another length or type");
        let again = held::<u64>(LEN).expect("it was given");
        assert_eq!((again.as_ptr(), again.len()), (at, LEN));
        hold(LEN * 8, Box::new(again));
        let end = Instant::now() + Duration::from_secs(60);
        while spare().is_none_or(|spare| spare.held.iter().any(|(bytes, _)| *bytes == LEN * 8)) {
            assert!(Instant::now() < end, "it should be given back after {IDLE:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(held::<u64>(LEN).is_none());
    }

    #[test]
    fn what_is_made_in_used_memory_is_whole() {
        // 5000 × 1000 of eight bytes are more than is large; each round finds other numbers in its memory.
        for round in 0..3 {
            let x =
                Array::<f64>::full((5000, 2000), f64::from(round), (2500, 2000)).map_blocks(|block| block.to_owned());
            let turned = x.rechunk((5000, 1000)).persist().expect("there is room");
            let sum = (&turned + 1.0).persist().expect("there is room").sum().item().expect("there is room");
            assert_eq!(sum, f64::from(round + 1) * 1e7);
            // What nothing fills is not what was there before.
            let edged = turned.pad(1, PadMode::Constant(0.0)).rechunk((5002, 1001)).persist().expect("there is room");
            let sum = edged.sum().item().expect("there is room");
            assert_eq!(sum, f64::from(round) * 1e7);
        }
    }
}
