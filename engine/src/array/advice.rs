//! Chunks that are far too small or too large, said when an array is made or cut anew: once, and with what to do.

use std::collections::HashSet;
use std::panic::Location;
use std::sync::Mutex;

use super::chunks::{Chunking, Grid, shape_text};
use super::element::DType;
use crate::diagnostics::units::bytes;
use crate::draw::grouped;

/// More chunks than this are many.
const MANY: usize = 10_000;
/// Less than this takes less time to compute than to arrange.
const SMALL: u64 = 64 << 10;
/// More than this is hard to find room for, several times over.
const LARGE: u64 = 1 << 30;
/// Below this nobody waits long enough for a second thread to matter.
const WORTH_SHARING: u64 = 128 << 20;

/// What is wrong with the chunks of an array that `threads` are to work on.
fn advice(grid: &Grid, dtype: DType, threads: usize) -> Option<String> {
    if grid.first_unknown().is_some() {
        return None;
    }
    let blocks = grid.axes().iter().fold(1_usize, |product, axis| product.saturating_mul(axis.count()));
    let largest = grid.largest();
    let elements = largest.iter().fold(1_u64, |product, &len| product.saturating_mul(len as u64));
    let block = elements.saturating_mul(dtype.size() as u64);
    let shape = shape_text(&grid.shape());
    let count = format!("{} chunk{}", grouped(blocks as u64), if blocks == 1 { "" } else { "s" });
    let better = || {
        let auto = Chunking::from("auto").grid(&grid.shape(), dtype.size()).ok()?;
        let chunk = shape_text(&auto.largest());
        (auto.blocks() != blocks).then(|| format!("; \"auto\" would make {} of {chunk}", grouped(auto.blocks() as u64)))
    };
    let why = if blocks > MANY && block < SMALL {
        format!("{count} of {} each, which take longer to arrange than to compute{}", bytes(block), better()?)
    } else if block > LARGE {
        let better = better().unwrap_or_default();
        format!("{count} of up to {}, and each thread needs room for several{better}", bytes(block))
    } else if blocks < threads && block > WORTH_SHARING {
        let better = better().unwrap_or_default();
        format!("{count} of {}, and {threads} threads could share the work{better}", bytes(block))
    } else {
        return None;
    };
    Some(format!("an array of shape {shape} ({dtype}) is cut into {why}"))
}

/// Warns of chunks that will be slow; once for each place of a program that makes such an array.
#[track_caller]
pub(crate) fn advise(grid: &Grid, dtype: DType) {
    // Nearly all arrays are told apart here, without a question to anybody.
    let Some(_) = advice(grid, dtype, usize::MAX) else { return };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let Some(advice) = advice(grid, dtype, threads) else { return };
    static SAID: Mutex<Option<HashSet<(String, String)>>> = Mutex::new(None);
    // In a loop it is the same place with the same advice, or at least the same place many times.
    const MOST_OF_ONE_PLACE: usize = 3;
    let place = Location::caller().to_string();
    let mut said = SAID.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let said = said.get_or_insert_default();
    let before = said.iter().filter(|(other, _)| *other == place).count();
    if before < MOST_OF_ONE_PLACE && said.insert((place.clone(), advice.clone())) {
        crate::events::warn(&format!("{advice} ({place})"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(shape: &[usize], chunks: &[usize], threads: usize) -> Option<String> {
        advice(&Chunking::from(chunks).grid(shape, 8).unwrap(), DType::F64, threads)
    }

    #[test]
    fn small_chunks_are_told() {
        let told_of = told(&[10_000, 10_000], &[10, 100], 2).unwrap();
        assert_eq!(
            told_of,
            "an array of shape (10000, 10000) (f64) is cut into 100,000 chunks of 7.81 KiB each, which take longer to \
             arrange than to compute; \"auto\" would make 49 of (1429, 1429)"
        );
        assert_eq!(told(&[10_000, 10_000], &[100, 100], 2), None, "as many are fine");
        assert_eq!(told(&[1_000_000, 1000], &[10, 1000], 2), None, "as many bytes are fine");
    }

    #[test]
    fn large_chunks_are_told() {
        let told_of = told(&[20_000, 20_000], &[20_000, 10_000], 2).unwrap();
        assert!(told_of.contains("2 chunks of up to 1.49 GiB"), "{told_of}");
        assert!(told(&[5000, 5000], &[5000, 5000], 2).unwrap().contains("2 threads could share the work"));
        assert_eq!(told(&[5000, 5000], &[5000, 5000], 1), None);
        assert_eq!(told(&[2000, 2000], &[2000, 2000], 8), None, "small work is done before it is shared");
    }
}
