//! The same elements in other chunks, by way of others where that saves tasks.
//!
//! When rows become columns, every new block needs a part of every old one: a thousand of each make a million parts. By way
//! of blocks that are some rows high and some columns wide each meets only few. Such steps are looked for as in Dask's
//! `plan_rechunk` (M. Rocklin and A. Pitrou): merge where the new chunks are larger, as far as a block's size allows; where
//! it does not, split first along the axes where they are smaller.

use super::chunks::{AxisChunks, Grid};
use super::gather::Gather;
use super::node::NodeRef;

/// So many parts for each block are not worth a step between.
const PARTS_PER_BLOCK: usize = 4;
/// Nor are so many in all.
const FEW_PARTS: usize = 20_000;
/// The bytes that a block of a step between may have, if none of the blocks it is made from or for is larger.
const STEP_BYTES: usize = 64 << 20;

/// The same array, whose blocks are put together from parts of the blocks of `node`.
pub(crate) fn rechunk(node: &NodeRef, grid: &Grid) -> NodeRef {
    let mut node = NodeRef::clone(node);
    for step in steps(&node.grid, grid, node.dtype.size()) {
        node = Gather::rechunked(&node, &step, true);
    }
    Gather::rechunked(&node, grid, false)
}

/// The parts of old blocks that all new blocks together need.
fn parts(old: &Grid, new: &Grid) -> usize {
    let meetings = old.axes().iter().zip(new.axes()).map(|(old, new)| match old == new {
        true => old.count(),
        false => old.count() + new.count() - 1,
    });
    meetings.fold(1, usize::saturating_mul)
}

fn widest(axis: &AxisChunks) -> usize {
    axis.sizes().max().unwrap_or(0).max(1)
}

fn largest_block(grid: &Grid) -> usize {
    grid.axes().iter().map(widest).fold(1, usize::saturating_mul)
}

/// The chunkings between two.
pub(crate) fn steps(old: &Grid, new: &Grid, size: usize) -> Vec<Grid> {
    let mut steps = Vec::new();
    if old.rank() < 2 || old.first_unknown().is_some() || new.first_unknown().is_some() {
        return steps;
    }
    let room = (STEP_BYTES / size.max(1)).max(largest_block(old)).max(largest_block(new));
    let few = PARTS_PER_BLOCK.saturating_mul(old.blocks() + new.blocks()).max(FEW_PARTS);
    let mut current = old.clone();
    loop {
        let parts = parts(&current, new);
        if parts <= few {
            return steps;
        }
        // After the first step a block was as large as it may be: more, smaller blocks make room for merging.
        let start = match steps.is_empty() {
            true => current.clone(),
            false => split(&current, new, parts.saturating_mul(PARTS_PER_BLOCK)),
        };
        let (mut next, mut full) = merge(&start, new, room);
        if steps.is_empty() && next == current {
            (next, full) = merge(&split(&current, new, parts.saturating_mul(PARTS_PER_BLOCK)), new, room);
        }
        // No step that does not help.
        if next == current || next == *new || self::parts(&next, new) >= parts {
            return steps;
        }
        steps.push(next.clone());
        current = next;
        if !full {
            return steps;
        }
    }
}

/// Cuts along axes where the new chunks are shorter, as long as there are no more than `most` parts.
fn split(old: &Grid, new: &Grid, most: usize) -> Grid {
    let mut axes = old.axes().to_vec();
    for axis in 0..axes.len() {
        let (before, after) = (old.axis(axis), new.axis(axis));
        let parts = parts(&Grid::new(axes.clone()), new);
        if parts > most {
            break;
        }
        if before.count() > after.count() {
            continue;
        }
        let count = (before.count() as f64 * most as f64 / parts as f64) as usize;
        let cut = merged_to(after, count.max(1));
        if cut.count() >= before.count() && widest(&cut) <= widest(before) {
            axes[axis] = cut;
        }
    }
    Grid::new(axes)
}

/// Merges along axes where the new chunks are longer, while blocks have at most `room` elements; and whether that was a
/// hindrance.
fn merge(old: &Grid, new: &Grid, room: usize) -> (Grid, bool) {
    let mut axes = old.axes().to_vec();
    let mut largest = largest_block(old);
    let mut full = false;
    let mut order: Vec<(f64, usize)> = (0..axes.len())
        .filter(|&axis| new.axis(axis).count() <= old.axis(axis).count())
        .map(|axis| {
            // The fewer parts for the less memory, the earlier.
            let fewer = (new.axis(axis).count() as f64 / old.axis(axis).count() as f64).ln();
            let larger = (widest(new.axis(axis)) as f64 / widest(old.axis(axis)) as f64).ln();
            (if larger == 0.0 { fewer * 1e9 } else { fewer / larger }, axis)
        })
        .collect();
    order.sort_by(|left, right| left.0.total_cmp(&right.0));
    for (_, axis) in order {
        let (before, after) = (widest(old.axis(axis)), widest(new.axis(axis)));
        let grown = largest as u128 * after as u128 / before as u128;
        if grown <= room as u128 {
            axes[axis] = new.axis(axis).clone();
            largest = grown as usize;
            continue;
        }
        full = true;
        let width = (room as u128 * before as u128 / largest as u128) as usize;
        let cut = divided_to(new.axis(axis), width.max(1));
        if cut.count() <= old.axis(axis).count() {
            largest = (largest as u128 * widest(&cut) as u128 / before as u128) as usize;
            axes[axis] = cut;
        }
    }
    (Grid::new(axes), full)
}

/// At most `count` chunks, each of several neighbours.
fn merged_to(chunks: &AxisChunks, count: usize) -> AxisChunks {
    if chunks.count() <= count {
        return chunks.clone();
    }
    let ends = (1..=count).map(|end| chunks.start(chunks.count() * end / count));
    let mut begin = 0;
    AxisChunks::new(ends.map(|end| end - std::mem::replace(&mut begin, end)))
}

/// Chunks of at most `width`, cut into equal parts where they are longer.
fn divided_to(chunks: &AxisChunks, width: usize) -> AxisChunks {
    let parts = chunks.sizes().flat_map(|size| {
        let count = size.div_ceil(width).max(1);
        (0..count).map(move |part| size * (part + 1) / count - size * part / count)
    });
    AxisChunks::new(parts.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(shape: [usize; 2], chunks: [usize; 2]) -> Grid {
        Grid::new([AxisChunks::regular(shape[0], chunks[0]), AxisChunks::regular(shape[1], chunks[1])])
    }

    #[test]
    fn rows_become_columns_by_way_of_tiles() {
        // 8 GB of numbers of eight bytes: no block between may hold them all.
        let shape = [1000, 1_000_000];
        let (rows, columns) = (grid(shape, [1, 1_000_000]), grid(shape, [1000, 1000]));
        let steps = steps(&rows, &columns, 8);
        assert!(!steps.is_empty());
        let mut before = rows.clone();
        let mut all = 0;
        for grid in steps.iter().chain([&columns]) {
            assert_eq!(grid.shape(), shape);
            assert!(largest_block(grid) * 8 <= STEP_BYTES, "{grid:?}");
            all += parts(&before, grid);
            before = grid.clone();
        }
        assert!(all < parts(&rows, &columns) / 5, "{all} parts instead of {}", parts(&rows, &columns));
    }

    #[test]
    fn small_changes_take_no_steps_between() {
        let shape = [8000, 8000];
        assert!(steps(&grid(shape, [1000, 8000]), &grid(shape, [8000, 1000]), 8).is_empty());
        assert!(steps(&grid(shape, [1000, 1000]), &grid(shape, [300, 700]), 8).is_empty());
    }

    #[test]
    fn chunks_are_merged_and_divided() {
        let chunks = AxisChunks::regular(100, 7);
        assert_eq!(merged_to(&chunks, 4).count(), 4);
        assert_eq!(merged_to(&chunks, 4).len(), 100);
        let divided = divided_to(&AxisChunks::new([10, 0, 3]), 4);
        assert_eq!(divided.sizes().collect::<Vec<_>>(), [3, 3, 4, 0, 3]);
    }
}
