//! From a number or a hash for each row to the group of each row.

use polars::prelude::IdxSize;

/// No group.
const NONE: u32 = u32::MAX;
/// A table that has a place for each number is taken up to so many, whatever the number of rows.
const FEW: u64 = 1 << 16;

/// The groups of some rows, numbered in the order in which they begin.
#[derive(Debug, PartialEq)]
pub(super) struct Groups {
    /// The group of each row.
    pub(super) of_rows: Vec<u32>,
    /// The first row of each group.
    pub(super) first: Vec<IdxSize>,
}

/// Rows with equal numbers are a group; the numbers are below `range`, if there is one.
pub(super) fn by_number(numbers: &[u64], range: Option<u64>) -> Groups {
    match range {
        Some(range) if range <= FEW.max(2 * numbers.len() as u64) => by_place(numbers, range),
        _ => by_table(numbers.len(), |row| numbers[row], |row| scrambled(numbers[row]), |_, _| true),
    }
}

/// Rows with equal hashes for which `equal` holds are a group.
pub(super) fn by_hash(hashes: &[u64], equal: impl Fn(usize, usize) -> bool) -> Groups {
    by_table(hashes.len(), |row| hashes[row], |row| hashes[row], equal)
}

fn by_place(numbers: &[u64], range: u64) -> Groups {
    let mut places = vec![NONE; range as usize];
    let mut first = Vec::new();
    let of_row = |(row, &number): (usize, &u64)| {
        let place = &mut places[number as usize];
        if *place == NONE {
            *place = first.len() as u32;
            first.push(row as IdxSize);
        }
        *place
    };
    let of_rows = numbers.iter().enumerate().map(of_row).collect();
    Groups { of_rows, first }
}

/// Neighbouring numbers become unrelated ones.
#[inline(always)]
pub(super) fn scrambled(number: u64) -> u64 {
    let product = u128::from(number ^ 0x9e37_79b9_7f4a_7c15) * u128::from(0xd1b5_4a32_d192_ed03_u64);
    (product as u64) ^ ((product >> 64) as u64)
}

#[derive(Clone, Copy)]
struct Place {
    number: u64,
    group: u32,
}

/// A table that grows with the groups, not with the rows: most partitions have few.
#[inline(always)]
fn by_table(
    height: usize,
    number: impl Fn(usize) -> u64,
    hash: impl Fn(usize) -> u64,
    equal: impl Fn(usize, usize) -> bool,
) -> Groups {
    const EMPTY: Place = Place { number: 0, group: NONE };
    let mut first: Vec<IdxSize> = Vec::new();
    let mut of_rows = Vec::with_capacity(height);
    let mut places = vec![EMPTY; 1 << 10];
    let mut shift = 64 - 10;
    for row in 0..height {
        let own = number(row);
        let mut place = (hash(row) >> shift) as usize;
        let group = loop {
            match places[place] {
                Place { group: NONE, .. } => {
                    let group = first.len() as u32;
                    places[place] = Place { number: own, group };
                    first.push(row as IdxSize);
                    break group;
                }
                found if found.number == own && equal(first[found.group as usize] as usize, row) => {
                    break found.group;
                }
                _ => place = (place + 1) & (places.len() - 1),
            }
        };
        of_rows.push(group);
        // Six tenths full: runs of places that are taken stay short.
        if first.len() * 10 > places.len() * 6 {
            shift -= 2;
            let size = places.len() * 4;
            drop(std::mem::replace(&mut places, vec![EMPTY; size]));
            // From the rows rather than from the table, which need not be there twice.
            for (group, &row) in first.iter().enumerate() {
                let mut place = (hash(row as usize) >> shift) as usize;
                while places[place].group != NONE {
                    place = (place + 1) & (size - 1);
                }
                places[place] = Place { number: number(row as usize), group: group as u32 };
            }
        }
    }
    Groups { of_rows, first }
}
