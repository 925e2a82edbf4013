//! The way through a block: tiles that stay in the cache.

use super::leaf::{Steps, Tile};

/// Elements of a tile: two operands and a result of eight bytes each then take half of a first-level cache of 32 KiB.
const TILE: usize = 1024;
/// The rows of a tile where rows are folded, or read from a transposed array: a cache line of eight numbers is then used
/// up while it is there.
const ROWS: usize = 16;

/// The way through a block, tile by tile, for several things that step along its axes each in its own way.
pub(super) struct Walk {
    /// The lengths of the axes, where axes that everybody steps through as if they were one have been joined.
    shape: Vec<usize>,
    /// For each axis, the step of each.
    strides: Vec<Vec<isize>>,
    /// For each, the steps within a tile.
    pub(super) steps: Vec<Steps>,
    tile: Tile,
    pub(super) largest: usize,
}

impl Walk {
    pub(super) fn new(shape: &[usize], steppers: &[&[isize]], in_rows: bool) -> Walk {
        let mut lengths: Vec<usize> = Vec::new();
        let mut strides: Vec<Vec<isize>> = Vec::new();
        for (axis, &len) in shape.iter().enumerate().filter(|&(_, &len)| len != 1) {
            let own: Vec<isize> = steppers.iter().map(|stepper| stepper[axis]).collect();
            let joins = strides
                .last()
                .is_some_and(|before| before.iter().zip(&own).all(|(&outer, &inner)| outer == inner * len as isize));
            match (joins, lengths.last_mut(), strides.last_mut()) {
                (true, Some(length), Some(before)) => {
                    *length *= len;
                    *before = own;
                }
                _ => {
                    lengths.push(len);
                    strides.push(own);
                }
            }
        }
        while lengths.len() < 2 {
            lengths.insert(0, 1);
            strides.insert(0, vec![0; steppers.len()]);
        }
        let (height, width) = (lengths[lengths.len() - 2], lengths[lengths.len() - 1]);
        let wanted_rows = if in_rows { ROWS } else { 1 };
        let columns = width.min((TILE / wanted_rows.min(height)).max(1));
        let rows = match columns == width || in_rows {
            true => (TILE / columns).clamp(1, height),
            false => 1,
        };
        let last = lengths.len() - 1;
        let steps = (0..steppers.len())
            .map(|stepper| Steps { row: strides[last - 1][stepper], column: strides[last][stepper] })
            .collect();
        Walk { shape: lengths, strides, steps, tile: Tile { rows, columns }, largest: rows * columns }
    }

    /// Calls `work` with everybody's offset and the size of each tile, until it says `false`.
    pub(super) fn tiles(&self, mut work: impl FnMut(&[isize], Tile) -> bool) {
        let last = self.shape.len() - 1;
        let (height, width) = (self.shape[last - 1], self.shape[last]);
        let steppers = self.steps.len();
        let mut outer = vec![0; last - 1];
        let mut base = vec![0; steppers];
        let mut offsets = vec![0; steppers];
        loop {
            for row in (0..height).step_by(self.tile.rows) {
                for column in (0..width).step_by(self.tile.columns) {
                    for (offset, (base, steps)) in offsets.iter_mut().zip(base.iter().zip(&self.steps)) {
                        *offset = base + row as isize * steps.row + column as isize * steps.column;
                    }
                    let rows = self.tile.rows.min(height - row);
                    let columns = self.tile.columns.min(width - column);
                    if !work(&offsets, Tile { rows, columns }) {
                        return;
                    }
                }
            }
            // The next place along the outer axes, the last of them first.
            let mut axis = outer.len();
            loop {
                if axis == 0 {
                    return;
                }
                axis -= 1;
                outer[axis] += 1;
                base.iter_mut().zip(&self.strides[axis]).for_each(|(base, stride)| *base += stride);
                if outer[axis] < self.shape[axis] {
                    break;
                }
                let length = self.shape[axis] as isize;
                base.iter_mut().zip(&self.strides[axis]).for_each(|(base, stride)| *base -= stride * length);
                outer[axis] = 0;
            }
        }
    }
}
