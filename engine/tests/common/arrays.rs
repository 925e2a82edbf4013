//! Random arrays beside what they hold, for tests that compare with a plain evaluation of whole arrays.
//!
//! A [`Case`] is an array of `i64`, cut at random and made in one of several ways, and the same elements as an `ndarray`.
//! Arithmetic wraps around in both, so results are equal to the last bit.
#![allow(dead_code)] // each test file uses some of it

use crate::everywhere::Everywhere;
use taskloom::array::{Array, Axes};
use taskloom::ndarray::{ArrayD, Axis, IxDyn, Slice, SliceInfoElem, Zip};

/// Numbers that look random and are the same in every run (SplitMix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    pub fn within(&mut self, low: isize, high: isize) -> isize {
        low + self.below((high - low + 1) as usize) as isize
    }

    pub fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// A shape of at most `most` elements; lengths of 0 and 1 are not rare.
pub fn shape(dice: &mut Dice, most_axes: usize, most: usize) -> Vec<usize> {
    loop {
        let rank = dice.below(most_axes + 1);
        let shape: Vec<usize> = (0..rank).map(|_| dice.one_of(&[0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 12, 17, 30])).collect();
        let empty = shape.contains(&0);
        if shape.iter().product::<usize>() <= most && (!empty || dice.chance(4)) {
            return shape;
        }
    }
}

/// Chunks of a length: equal ones, odd ones, one, or single elements; now and then an empty one.
pub fn axis_chunks(dice: &mut Dice, len: usize) -> Vec<usize> {
    let mut sizes = match dice.below(5) {
        0 => vec![len],
        1 if len <= 12 => vec![1; len],
        2 | 3 => {
            let size = 1 + dice.below(len.max(1));
            (0..len).step_by(size).map(|start| size.min(len - start)).collect()
        }
        _ => {
            let (mut sizes, mut left) = (Vec::new(), len);
            while left > 0 {
                let size = 1 + dice.below(left);
                sizes.push(size);
                left -= size;
            }
            sizes
        }
    };
    if sizes.is_empty() {
        sizes.push(0);
    }
    if dice.chance(15) {
        let at = dice.below(sizes.len() + 1);
        sizes.insert(at, 0);
    }
    sizes
}

pub fn chunks(dice: &mut Dice, shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().map(|&len| axis_chunks(dice, len)).collect()
}

/// An array, and what it holds.
#[derive(Clone)]
pub struct Case {
    pub array: Array<i64>,
    pub plain: ArrayD<i64>,
    /// What was done, for the message of a test that fails.
    pub story: Vec<String>,
}

impl Case {
    /// An array from memory, from a function, or from blocks.
    pub fn new(dice: &mut Dice, shape: &[usize]) -> Case {
        let cut = chunks(dice, shape);
        let seed = dice.bits();
        let value = move |at: &[usize]| {
            let place = at.iter().fold(seed, |place, &index| place.wrapping_mul(31).wrapping_add(index as u64));
            (Dice::new(place).bits() % 19) as i64 - 9
        };
        let plain = ArrayD::from_shape_fn(IxDyn(shape), |at| value(taskloom::ndarray::Dimension::slice(&at)));
        let kind = dice.below(6);
        let array = match kind {
            0 => Array::from_ndarray(plain.clone(), cut.clone()),
            1 => Array::from_fn(shape.to_vec(), cut.clone(), value),
            2 => {
                // Memory in another order than row by row.
                let turned = plain.t().as_standard_layout().into_owned();
                Array::from_ndarray(turned.reversed_axes(), cut.clone())
            }
            3 => &Array::from_ndarray(plain.clone(), cut.clone()) + Array::<i64>::zeros(shape.to_vec(), cut.clone()),
            4 => Array::from_ndarray(&plain - 1, cut.clone()).map_blocks(|block| &block + 1),
            _ => Array::from_fn(shape.to_vec(), cut.clone(), value).persist().expect("the blocks are made"),
        };
        Case { array, plain, story: vec![format!("{kind}: {shape:?} in {cut:?}")] }
    }

    /// The case with something done to it.
    pub fn then(mut self, what: String, array: Array<i64>, plain: ArrayD<i64>) -> Case {
        self.story.push(what);
        Case { array, plain, story: self.story }
    }

    /// An operation of the core: a slice, a transposition, arithmetic, a reduction, other chunks, more or fewer axes.
    pub fn some_core_operation(self, dice: &mut Dice) -> Case {
        let rank = self.plain.ndim();
        let shape = self.plain.shape().to_vec();
        let (array, plain) = (self.array.clone(), self.plain.clone());
        match dice.below(9) {
            0 | 1 => self.sliced(dice),
            2 => {
                let mut order: Vec<usize> = (0..rank).collect();
                (1..rank).for_each(|at| order.swap(at, dice.below(at + 1)));
                let axes: Vec<isize> = order.iter().map(|&axis| axis as isize).collect();
                self.then(format!("transpose {order:?}"), array.transpose(axes), plain.permuted_axes(IxDyn(&order)))
            }
            3 => {
                // Something that broadcasts.
                let keep = dice.below(rank + 1);
                let other: Vec<usize> =
                    shape[rank - keep..].iter().map(|&len| if dice.chance(3) { 1 } else { len }).collect();
                let other = Case::new(dice, &other);
                let wide = other.plain.broadcast(IxDyn(&shape)).expect("it broadcasts").to_owned();
                let mut product = plain;
                Zip::from(&mut product).and(&wide).for_each(|own, &other| *own = own.wrapping_mul(other));
                self.then(format!("times {:?}", other.story), array * other.array, product)
            }
            4 => self.then("negated, less 3".into(), -(&array - 3), plain.mapv(|x| x.wrapping_sub(3).wrapping_neg())),
            5 if rank > 0 => {
                let axis = dice.below(rank);
                let sums = plain.fold_axis(Axis(axis), 0_i64, |sum, value| sum.wrapping_add(*value));
                match dice.chance(2) {
                    true => self.then(format!("sum {axis}"), array.sum_axis(axis), sums),
                    false => self.then(
                        format!("sum {axis} kept"),
                        array.sum_axis(Axes::from(axis).keepdims()),
                        sums.insert_axis(Axis(axis)),
                    ),
                }
            }
            6 => {
                let cut = chunks(dice, &shape);
                self.then(format!("rechunk {cut:?}"), array.rechunk(cut), plain)
            }
            7 if rank > 0 => {
                let axis = dice.below(rank);
                let mut turned = plain;
                turned.invert_axis(Axis(axis));
                self.then(format!("flip {axis}"), array.flip(axis as isize), turned)
            }
            8 if rank < 5 => {
                let axis = dice.below(rank + 1);
                let wide = plain.insert_axis(Axis(axis));
                self.then(format!("expand {axis}"), array.expand_dims(axis as isize), wide)
            }
            _ => self,
        }
    }

    /// A random slice: ranges, steps forwards and backwards, single indices.
    pub fn sliced(self, dice: &mut Dice) -> Case {
        let shape = self.plain.shape().to_vec();
        let mut said = Vec::new();
        let mut plain = self.plain.clone();
        let mut axis = 0;
        for &len in &shape {
            if dice.chance(5) && len > 0 {
                let index = dice.within(-(len as isize), len as isize - 1);
                said.push(SliceInfoElem::Index(index));
                plain.index_axis_inplace(Axis(axis), index.rem_euclid(len as isize) as usize);
                continue;
            }
            let step = dice.one_of(&[1, 1, 1, 2, 3, -1, -1, -2, -5]);
            let ends = [dice.below(len + 1), dice.below(len + 1)];
            let (start, end) = match dice.chance(3) {
                true => (0, len),
                false => (ends[0].min(ends[1]) as isize, ends[0].max(ends[1])),
            };
            said.push(SliceInfoElem::Slice { start, end: Some(end as isize), step });
            plain.slice_axis_inplace(Axis(axis), Slice::new(start, Some(end as isize), step));
            axis += 1;
        }
        let array = self.array.slice(&said);
        self.then(format!("slice {said:?}"), array, plain)
    }

    /// Computes everywhere, and compares.
    pub fn check(&self) {
        let computed = self.array.everywhere().unwrap_or_else(|error| panic!("{error}\n{:#?}", self.story));
        assert_eq!(computed.shape(), self.plain.shape(), "{:#?}", self.story);
        assert!(computed == self.plain, "{:#?}\nis\n{computed}\nand should be\n{}", self.story, self.plain);
    }
}
