//! Runs and rows of elements, folded side by side.

/// Numbers that are added or compared side by side.
pub(super) const LANES: usize = 16;

/// Folds a run in lanes: the order of operations is the same on every machine, and one that can be vectorised.
#[inline(always)]
pub(super) fn in_lanes<T: Copy, A: Copy>(run: &[T], empty: A, step: impl Fn(A, T) -> A, join: impl Fn(A, A) -> A) -> A {
    let mut lanes = [empty; LANES];
    let mut chunks = run.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = step(*lane, value);
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane = step(*lane, value);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] = join(lanes[lane], lanes[lane + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// Folds rows, one below the other, into one accumulator for each column, and hands each to `put`.
#[inline(always)]
pub(super) fn by_columns<T: Copy, A: Copy>(
    columns: usize,
    rows: &[T],
    empty: A,
    step: impl Fn(A, T) -> A,
    mut put: impl FnMut(usize, A),
) {
    let mut first = 0;
    while first < columns {
        let width = LANES.min(columns - first);
        let mut lanes = [empty; LANES];
        if width == LANES {
            for row in rows.chunks_exact(columns) {
                for (lane, &value) in lanes.iter_mut().zip(&row[first..first + LANES]) {
                    *lane = step(*lane, value);
                }
            }
        } else {
            for row in rows.chunks_exact(columns) {
                for (lane, &value) in lanes.iter_mut().zip(&row[first..first + width]) {
                    *lane = step(*lane, value);
                }
            }
        }
        for (column, &lane) in lanes[..width].iter().enumerate() {
            put(first + column, lane);
        }
        first += width;
    }
}
