//! Random shapes, chunks and arrays, and pairs of a lazy array with what it has to be.

use ndarray::{ArrayD, Dimension, IxDyn};
use taskloom::Array;
use taskloom::array::Chunking;

use super::Tested;
use super::everywhere::Everywhere;

/// SplitMix64, so that a seed is the same case everywhere.
pub struct Rng {
    state: u64,
}

impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng { state: seed.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1) }
    }

    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// From 0 on, below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end.max(1) as u64) as usize
    }

    /// Both ends included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as usize) as i64
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

pub fn shape(rng: &mut Rng) -> Vec<usize> {
    // Now and then what is longer than a tile.
    match rng.below(24) {
        0 => return vec![1000 + rng.below(1500)],
        1 => return vec![1 + rng.below(4), 1000 + rng.below(300)],
        2 => return vec![1000 + rng.below(300), 1 + rng.below(4)],
        3 => return vec![30 + rng.below(20), 60 + rng.below(20)],
        _ => {}
    }
    (0..rng.below(5)).map(|_| length(rng)).collect()
}

fn length(rng: &mut Rng) -> usize {
    match rng.below(20) {
        0 => 0,
        1..5 => 1,
        _ => 2 + rng.below(6),
    }
}

/// Lengths of chunks that add up, some of them perhaps 0.
fn pieces(rng: &mut Rng, len: usize) -> Vec<usize> {
    let mut left = len;
    let mut pieces = Vec::new();
    while left > 0 {
        let piece = (rng.below(left) + 1).max(left / 5).min(left);
        if rng.one_in(15) {
            pieces.push(0);
        }
        pieces.push(piece);
        left -= piece;
    }
    if pieces.is_empty() || rng.one_in(20) {
        pieces.push(0);
    }
    pieces
}

pub fn chunks(rng: &mut Rng, shape: &[usize]) -> Chunking {
    // Few enough blocks to be quick.
    let least = |len: usize| len / 5 + 1;
    match rng.below(5) {
        0 => "auto".into(),
        1 => (least(shape.iter().copied().max().unwrap_or(0)) + rng.below(5)).into(),
        2 | 3 => shape.iter().map(|&len| least(len) + rng.below(len)).collect::<Vec<usize>>().into(),
        _ => shape.iter().map(|&len| pieces(rng, len)).collect::<Vec<Vec<usize>>>().into(),
    }
}

/// A lazy array, and what it has to be.
#[derive(Clone)]
pub struct Pair<T> {
    pub lazy: Array<T>,
    pub plain: ArrayD<T>,
}

/// Equal, or both NaN.
fn same<T: PartialEq>(left: &T, right: &T) -> bool {
    // Only a NaN differs from itself.
    #[allow(clippy::eq_op)]
    let both_nan = left != left && right != right;
    left == right || both_nan
}

pub fn assert_same<T: taskloom::array::Element>(what: &str, found: &ArrayD<T>, wanted: &ArrayD<T>) {
    assert_eq!(found.shape(), wanted.shape(), "shape of {what}");
    for ((place, found), wanted) in found.indexed_iter().zip(wanted) {
        assert!(same(found, wanted), "{what} at {place:?}: {found} instead of {wanted}");
    }
}

impl<T: taskloom::array::Element> Pair<T> {
    pub fn shape(&self) -> &[usize] {
        self.plain.shape()
    }

    /// Both give the same, wherever it is computed.
    pub fn check(&self) -> ArrayD<T> {
        assert_eq!(self.lazy.shape(), self.plain.shape(), "the shape of {:?}", self.lazy);
        let found = self.lazy.everywhere().unwrap_or_else(|error| panic!("{:?}: {error}", self.lazy));
        assert_same(&format!("{:?}", self.lazy), &found, &self.plain);
        found
    }
}

/// The element at a place, where a function is asked for the same one again and again. It captures nothing, so that it can
/// travel.
fn element<T: Tested>(place: &[usize]) -> T {
    T::any(&mut Rng::new(place.iter().fold(7, |seed, &index| seed * 31 + index as u64)))
}

/// An array of this shape, made in one of the ways in which arrays are made.
pub fn leaf_of<T: Tested>(rng: &mut Rng, shape: &[usize]) -> Pair<T> {
    let chunks = chunks(rng, shape);
    let dim = IxDyn(shape);
    match rng.below(8) {
        0 => {
            let value = T::any(rng);
            Pair { lazy: Array::full(dim.clone(), value, chunks), plain: ArrayD::from_elem(dim, value) }
        }
        1 => {
            let plain = ArrayD::from_shape_fn(dim.clone(), |place| element(place.slice()));
            Pair { lazy: Array::from_fn(dim, chunks, element::<T>), plain }
        }
        2 => {
            let plain = ArrayD::from_shape_fn(dim.clone(), |place| element(place.slice()));
            let lazy = Array::from_blocks(dim, chunks, |start, shape| {
                ArrayD::from_shape_fn(IxDyn(shape), |at| {
                    let place: Vec<usize> = start.iter().zip(at.slice()).map(|(start, at)| start + at).collect();
                    element(&place)
                })
            });
            Pair { lazy, plain }
        }
        3 => {
            // Memory that lies the other way round.
            let mut turned: Vec<usize> = shape.to_vec();
            turned.reverse();
            let plain = ArrayD::from_shape_simple_fn(IxDyn(&turned), || T::any(rng)).reversed_axes();
            Pair { lazy: Array::from_ndarray(plain.clone(), chunks), plain }
        }
        _ => {
            let plain = ArrayD::from_shape_simple_fn(dim, || T::any(rng));
            Pair { lazy: Array::from_ndarray(plain.clone(), chunks), plain }
        }
    }
}

pub fn leaf<T: Tested>(rng: &mut Rng) -> Pair<T> {
    let shape = shape(rng);
    leaf_of(rng, &shape)
}

/// An array that broadcasts to a shape.
pub fn beside<T: Tested>(rng: &mut Rng, shape: &[usize]) -> Pair<T> {
    let first = if rng.one_in(4) { rng.below(shape.len() + 1) } else { 0 };
    let own: Vec<usize> = shape[first..].iter().map(|&len| if rng.one_in(4) { 1 } else { len }).collect();
    let other = leaf_of(rng, &own);
    if rng.one_in(4) { super::views::another_of_this_shape(rng, &other) } else { other }
}
