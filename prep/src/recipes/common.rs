use std::path::Path;
use std::sync::LazyLock;

use taskloom::array::store::{Compression, Hdf5Options, Hdf5Writer, ZarrOptions};
use taskloom::prelude::*;

/// Where there is land, for each square degree: rows from north to south, from the Greenwich meridian eastwards.
static LAND_CELLS: LazyLock<Vec<bool>> = LazyLock::new(|| {
    // Each line holds the lengths of runs, of sea and land by turns.
    let runs = LAND.lines().flat_map(|line| line.split(' ').enumerate());
    runs.flat_map(|(at, length)| std::iter::repeat_n(at % 2 == 1, length.parse().unwrap_or(0))).collect()
});

fn is_land(row: usize, column: usize) -> bool {
    LAND_CELLS[row.min(179) * 360 + column % 360]
}

/// How much of the country around a place is land, from 0 to 1, without steps.
fn land_around(lat: f64, lon: f64) -> f64 {
    let (y, x) = ((89.5 - lat).clamp(0.0, 179.0), lon + 359.5);
    let (row, column) = (y as usize, x as usize);
    let (down, right) = (y.fract(), x.fract());
    let at = |row, column| f64::from(is_land(row, column));
    (at(row, column) * (1.0 - right) + at(row, column + 1) * right) * (1.0 - down)
        + (at(row + 1, column) * (1.0 - right) + at(row + 1, column + 1) * right) * down
}

/// A number from -1 to 1 for each point of a lattice, always the same.
fn lattice(seed: u64, at: [i64; 3]) -> f64 {
    let mut bits = seed;
    for part in at {
        bits = (bits ^ part as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
    }
    (bits >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// Smooth noise from -1 to 1, with hills as wide as `scale` says in time, latitude and longitude; the last has to divide
/// 360.
fn noise(seed: u64, at: [f64; 3], scale: [f64; 3]) -> f64 {
    let around = (360.0 / scale[2]) as i64;
    let place: [f64; 3] = std::array::from_fn(|axis| at[axis] / scale[axis]);
    let corner: [i64; 3] = std::array::from_fn(|axis| place[axis].floor() as i64);
    let along: [f64; 3] = std::array::from_fn(|axis| {
        let part = place[axis] - corner[axis] as f64;
        part * part * (3.0 - 2.0 * part)
    });
    let mut sum = 0.0;
    for which in 0..8_i64 {
        let step = [which & 1, which >> 1 & 1, which >> 2];
        let weight: f64 = (0..3).map(|axis| if step[axis] == 1 { along[axis] } else { 1.0 - along[axis] }).product();
        let [time, lat, lon] = std::array::from_fn(|axis| corner[axis] + step[axis]);
        sum += weight * lattice(seed, [time, lat, lon.rem_euclid(around)]);
    }
    sum
}

/// 1 at the middle, less and less with the distance from it.
fn bump(x: f64, middle: f64, width: f64) -> f64 {
    (-((x - middle) / width).powi(2)).exp()
}

/// Few binary digits: compresses well, and is the same as an integer and as a float.
fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}
