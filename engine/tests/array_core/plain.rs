//! What arrays should give, evaluated without any cleverness.

use ndarray::{ArrayD, Axis, IxDyn};

/// The shape to which two broadcast.
pub fn common(left: &[usize], right: &[usize]) -> Vec<usize> {
    let rank = left.len().max(right.len());
    let at = |shape: &[usize], axis: usize| match (axis + shape.len()).checked_sub(rank) {
        Some(own) => shape[own],
        None => 1,
    };
    (0..rank).map(|axis| if at(left, axis) == 1 { at(right, axis) } else { at(left, axis) }).collect()
}

pub fn zip<A: Copy, B: Copy, R>(left: &ArrayD<A>, right: &ArrayD<B>, function: impl Fn(A, B) -> R) -> ArrayD<R> {
    let shape = IxDyn(&common(left.shape(), right.shape()));
    let left = left.broadcast(shape.clone()).expect("they broadcast");
    let right = right.broadcast(shape.clone()).expect("they broadcast");
    let values: Vec<R> = left.iter().zip(right.iter()).map(|(&left, &right)| function(left, right)).collect();
    ArrayD::from_shape_vec(shape, values).expect("as many as the shape says")
}

/// Folds axes: the function gets all that is folded into one element, in row-major order.
pub fn fold<T: Copy, R>(x: &ArrayD<T>, folded: &[bool], keepdims: bool, function: impl Fn(&[T]) -> R) -> ArrayD<R> {
    let kept: Vec<usize> = (0..x.ndim()).filter(|&axis| !folded[axis]).collect();
    let gone: Vec<usize> = (0..x.ndim()).filter(|&axis| folded[axis]).collect();
    let order: Vec<usize> = kept.iter().chain(&gone).copied().collect();
    let values: Vec<T> = x.view().permuted_axes(IxDyn(&order)).iter().copied().collect();
    let length: usize = gone.iter().map(|&axis| x.len_of(Axis(axis))).product();
    let count: usize = kept.iter().map(|&axis| x.len_of(Axis(axis))).product();
    let results = (0..count).map(|place| function(&values[place * length..(place + 1) * length])).collect();
    let shape: Vec<usize> = match keepdims {
        true => (0..x.ndim()).map(|axis| if folded[axis] { 1 } else { x.len_of(Axis(axis)) }).collect(),
        false => kept.iter().map(|&axis| x.len_of(Axis(axis))).collect(),
    };
    ArrayD::from_shape_vec(IxDyn(&shape), results).expect("as many as the shape says")
}

/// The indices that a range with a step reads, beyond the ends as NumPy has it and backwards as ndarray has it.
pub fn indices(len: usize, start: isize, end: Option<isize>, step: isize) -> Vec<usize> {
    let inside = |at: isize| (if at < 0 { at + len as isize } else { at }).clamp(0, len as isize) as usize;
    let range = inside(start)..end.map_or(len, inside);
    match step > 0 {
        true => range.step_by(step as usize).collect(),
        false => range.rev().step_by(step.unsigned_abs()).collect(),
    }
}
