//! Partitions of files that come in parts of their own which are read whole: row groups, batches.

use std::ops::Range;

/// A part of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    pub(super) rows: usize,
    /// In memory, about.
    pub(super) bytes: u64,
}

/// A partition: units of one file, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) file: usize,
    pub(super) units: Range<usize>,
    pub(super) rows: usize,
    /// In memory, of all columns, about.
    pub(super) bytes: u64,
}

/// So many bytes of rows are a partition, about.
const PARTITION: u64 = 96 << 20;
/// No partition is made smaller than that so that there are enough of them.
const SMALLEST: u64 = 8 << 20;

/// The partitions of files, of which the units are given, with about so many bytes each, or as many as are good.
pub(super) fn parts(files: &[Vec<Unit>], bytes: Option<u64>) -> Vec<Part> {
    let total: u64 = files.iter().flatten().map(|unit| unit.bytes).sum();
    let threads = crate::num_threads().unwrap_or(4) as u64;
    let most = bytes.unwrap_or_else(|| (total / (4 * threads)).clamp(SMALLEST, PARTITION));
    let mut parts = Vec::new();
    for (file, units) in files.iter().enumerate() {
        let from = |unit: usize| Part { file, units: unit..unit, rows: 0, bytes: 0 };
        let mut part = from(0);
        for (number, unit) in units.iter().enumerate() {
            if part.bytes > 0 && part.bytes + unit.bytes > most {
                parts.push(std::mem::replace(&mut part, from(number)));
            }
            part.units.end = number + 1;
            part.rows += unit.rows;
            part.bytes += unit.bytes;
        }
        // A file without rows is a partition too, so that there is one.
        if !part.units.is_empty() || units.is_empty() {
            parts.push(part);
        }
    }
    parts
}
