//! The same elements in other shapes, orders and chunks.

use ndarray::{Axis, IxDyn, SliceInfoElem};
use taskloom::Array;

use super::making::{Pair, Rng, chunks, leaf_of};
use super::{Tested, plain};

/// One of the things that leave the shape as it is.
pub fn another_of_this_shape<T: Tested>(rng: &mut Rng, x: &Pair<T>) -> Pair<T> {
    let rank = x.plain.ndim();
    match rng.below(4) {
        0 if rank > 0 => {
            let axis = rng.below(rank);
            let mut plain = x.plain.clone();
            plain.invert_axis(Axis(axis));
            Pair { lazy: x.lazy.flip(axis as isize - if rng.one_in(2) { rank as isize } else { 0 }), plain }
        }
        1 => Pair { lazy: x.lazy.map_blocks(|block| block.to_owned()), plain: x.plain.clone() },
        2 if rng.one_in(3) => Pair { lazy: x.lazy.persist().expect("it computes"), plain: x.plain.clone() },
        _ => Pair { lazy: x.lazy.rechunk(chunks(rng, x.shape())), plain: x.plain.clone() },
    }
}

pub fn another<T: Tested>(rng: &mut Rng, x: &Pair<T>) -> Pair<T> {
    let rank = x.plain.ndim();
    match rng.below(10) {
        0..3 => slice(rng, x),
        3 => {
            let mut order: Vec<usize> = (0..rank).collect();
            (1..rank).for_each(|at| order.swap(at, rng.below(at + 1)));
            let signed: Vec<isize> =
                order.iter().map(|&axis| axis as isize - if rng.one_in(3) { rank as isize } else { 0 }).collect();
            Pair { lazy: x.lazy.transpose(&signed), plain: x.plain.clone().permuted_axes(IxDyn(&order)) }
        }
        4 => Pair { lazy: x.lazy.t(), plain: x.plain.clone().reversed_axes() },
        5 => {
            let axis = rng.below(rank + 1);
            let lazy = x.lazy.expand_dims(axis as isize - if rng.one_in(2) { rank as isize + 1 } else { 0 });
            let wide = Pair { lazy, plain: x.plain.clone().insert_axis(Axis(axis)) };
            if rng.one_in(2) { wide } else { squeezed(&wide) }
        }
        6 => reshape(rng, x),
        7 => together(rng, x),
        8 => {
            let mut shape: Vec<usize> =
                x.shape().iter().map(|&len| if len == 1 { rng.below(4) } else { len }).collect();
            (0..rng.below(2)).for_each(|_| shape.insert(0, rng.below(4)));
            let plain = x.plain.broadcast(IxDyn(&shape)).expect("it broadcasts").to_owned();
            Pair { lazy: x.lazy.broadcast_to(IxDyn(&shape), chunks(rng, &shape)), plain }
        }
        _ => another_of_this_shape(rng, x),
    }
}

fn squeezed<T: Tested>(x: &Pair<T>) -> Pair<T> {
    let shape: Vec<usize> = x.shape().iter().copied().filter(|&len| len != 1).collect();
    let plain = x.plain.to_shape(IxDyn(&shape)).expect("as many elements").to_owned();
    Pair { lazy: x.lazy.squeeze(), plain }
}

fn slice<T: Tested>(rng: &mut Rng, x: &Pair<T>) -> Pair<T> {
    let mut plain = x.plain.clone();
    let mut slices = Vec::new();
    let mut axis = 0;
    let named = rng.below(x.plain.ndim() + 1);
    for &len in &x.shape()[..named] {
        if rng.one_in(12) {
            slices.push(SliceInfoElem::NewAxis);
            plain = plain.insert_axis(Axis(axis));
            axis += 1;
        }
        if len > 0 && rng.one_in(5) {
            let index = rng.between(-(len as i64), len as i64 - 1) as isize;
            slices.push(SliceInfoElem::Index(index));
            let place = if index < 0 { index + len as isize } else { index };
            plain = plain.index_axis_move(Axis(axis), place as usize);
            continue;
        }
        let reach = len as i64 + 2;
        let start = if rng.one_in(2) { 0 } else { rng.between(-reach, reach) as isize };
        let end = if rng.one_in(2) { None } else { Some(rng.between(-reach, reach) as isize) };
        let step = [1, 1, 2, 3, 7, -1, -2, -3, 1000][rng.below(9)];
        slices.push(SliceInfoElem::Slice { start, end, step });
        plain = plain.select(Axis(axis), &plain::indices(len, start, end, step));
        axis += 1;
    }
    Pair { lazy: x.lazy.slice(&slices), plain }
}

fn reshape<T: Tested>(rng: &mut Rng, x: &Pair<T>) -> Pair<T> {
    let mut left = x.plain.len();
    let mut shape = Vec::new();
    if left == 0 {
        shape = (0..rng.below(4)).map(|_| rng.below(4)).collect();
        shape.insert(rng.below(shape.len() + 1), 0);
    } else {
        while left > 1 {
            let divisors: Vec<usize> = (1..=left.min(40)).filter(|divisor| left.is_multiple_of(*divisor)).collect();
            let own = if rng.one_in(4) { left } else { divisors[rng.below(divisors.len())] };
            shape.push(own);
            left /= own;
            if shape.len() == 4 {
                shape.push(left);
                break;
            }
        }
    }
    let plain: Vec<T> = x.plain.iter().copied().collect();
    let plain = ndarray::ArrayD::from_shape_vec(IxDyn(&shape), plain).expect("as many elements");
    if !shape.is_empty() && !x.plain.is_empty() && rng.one_in(3) {
        let open = rng.below(shape.len());
        shape[open] = usize::MAX;
    }
    Pair { lazy: x.lazy.reshape(IxDyn(&shape)), plain }
}

fn together<T: Tested>(rng: &mut Rng, x: &Pair<T>) -> Pair<T> {
    let mut parts = vec![x.clone()];
    let rank = x.plain.ndim();
    if rank == 0 || rng.one_in(2) {
        for _ in 0..rng.below(3) {
            parts.push(if rng.one_in(3) { x.clone() } else { leaf_of(rng, x.shape()) });
        }
        let axis = rng.below(rank + 1);
        let plain: Vec<_> = parts.iter().map(|part| part.plain.view()).collect();
        let lazy: Vec<_> = parts.iter().map(|part| part.lazy.clone()).collect();
        let plain = ndarray::stack(Axis(axis), &plain).expect("equal shapes");
        return Pair { lazy: Array::stack(&lazy, axis as isize), plain };
    }
    let axis = rng.below(rank);
    for _ in 0..rng.below(3) {
        let mut shape = x.shape().to_vec();
        shape[axis] = rng.below(4);
        let place = rng.below(parts.len() + 1);
        parts.insert(place, leaf_of(rng, &shape));
    }
    let plain: Vec<_> = parts.iter().map(|part| part.plain.view()).collect();
    let lazy: Vec<_> = parts.iter().map(|part| part.lazy.clone()).collect();
    let plain = ndarray::concatenate(Axis(axis), &plain).expect("equal shapes");
    Pair { lazy: Array::concatenate(&lazy, axis as isize - if rng.one_in(3) { rank as isize } else { 0 }), plain }
}
