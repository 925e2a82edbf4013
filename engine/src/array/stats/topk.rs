//! The largest or the smallest few along an axis.

use std::cmp::Ordering;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn};

use super::{Folding, order};
use crate::array::Array;
use crate::array::chunks::{AxisChunks, Grid};
use crate::array::dispatch::with_ordered;
use crate::array::element::{Element, Ordered};
use crate::array::error::{ArrayError, Built, built};
use crate::array::node::{Node, NodeRef};
use crate::array::reduce::axis_of;
use crate::array::work::{as_block, block_task, merged, taken, value_task};
use crate::task::{Step, packed};

/// The best elements along an axis, the best first, and their indices.
#[derive(Clone)]
struct Best<T> {
    values: ArrayD<T>,
    places: ArrayD<u64>,
}

/// How many, and of which end.
#[derive(Clone, Copy)]
struct Wanted {
    axis: usize,
    count: usize,
    largest: bool,
}

packed!(Wanted { axis, count, largest });

impl Wanted {
    fn compare<T: Ordered>(self, one: &(T, u64), two: &(T, u64)) -> Ordering {
        let by_value = order(&one.0, &two.0);
        let by_value = if self.largest { by_value.reverse() } else { by_value };
        by_value.then(one.1.cmp(&two.1))
    }

    fn best<T: Ordered>(self, values: ArrayViewD<'_, T>, place: impl Fn(usize, usize) -> u64) -> Best<T> {
        let mut shape = values.shape().to_vec();
        let len = shape[self.axis];
        shape[self.axis] = len.min(self.count);
        let mut best = Best { values: ArrayD::default(IxDyn(&shape)), places: ArrayD::default(IxDyn(&shape)) };
        let axis = Axis(self.axis);
        let targets = best.values.lanes_mut(axis).into_iter().zip(best.places.lanes_mut(axis));
        let mut pairs: Vec<(T, u64)> = Vec::with_capacity(len);
        for (lane, (from, (mut to, mut places))) in values.lanes(axis).into_iter().zip(targets).enumerate() {
            pairs.clear();
            pairs.extend(from.iter().enumerate().map(|(at, &value)| (value, place(lane, at))));
            if self.count < pairs.len() {
                pairs.select_nth_unstable_by(self.count, |one, two| self.compare(one, two));
                pairs.truncate(self.count);
            }
            pairs.sort_unstable_by(|one, two| self.compare(one, two));
            for (at, &(value, index)) in pairs.iter().enumerate() {
                (to[at], places[at]) = (value, index);
            }
        }
        best
    }

    fn joined<T: Ordered>(self, parts: Vec<Best<T>>) -> Best<T> {
        let axis = Axis(self.axis);
        let one = "parts differ along the axis only";
        let values: Vec<_> = parts.iter().map(|part| part.values.view()).collect();
        let values = ndarray::concatenate(axis, &values).unwrap_or_else(|_| unreachable!("{one}"));
        let places: Vec<_> = parts.iter().map(|part| part.places.view()).collect();
        let places = ndarray::concatenate(axis, &places).unwrap_or_else(|_| unreachable!("{one}"));
        let lanes: Vec<_> = places.lanes(axis).into_iter().collect();
        self.best(values.view(), |lane, at| lanes[lane][at])
    }
}

fn topk(node: &NodeRef, count: isize, axis: isize, places: bool) -> Built<NodeRef> {
    let name = if places { "argtopk" } else { "topk" };
    let axis = axis_of(name, axis, &node.grid)?;
    if count == 0 {
        let why = "0 elements are none; a positive number asks for the largest, a negative one for the smallest".into();
        return Err(ArrayError::Parameter { operation: name.into(), why });
    }
    if !node.grid.axis(axis).is_known() {
        return Err(ArrayError::UnknownChunks { operation: name.into(), axis, shape: node.grid.shape_text() });
    }
    let wanted = Wanted { axis, count: count.unsigned_abs(), largest: count > 0 };
    let mut axes = node.grid.axes().to_vec();
    axes[axis] = AxisChunks::whole(axes[axis].len().min(wanted.count));
    let folded = (0..axes.len()).map(|own| own == axis).collect();
    let dtype = node.dtype;
    let leaf = move |inputs: Vec<Arc<Step>>, start: &[usize]| {
        let parameters = (wanted, start[axis] as u64);
        with_ordered!(dtype, T => value_task(name, inputs, parameters, |&(wanted, first), mut values| {
            let block = as_block::<T>(values.remove(0));
            Ok(wanted.best::<T>(block.view(), |_lane, at| first + at as u64))
        }))
    };
    let join = move |steps: Vec<Arc<Step>>| {
        with_ordered!(dtype, T => {
            let best = merged(name, steps, &wanted, |wanted, parts: Vec<Best<T>>| wanted.joined(parts));
            match places {
                false => block_task::<T, _, _>(name, vec![best], (), |(), mut values| {
                    Ok(taken::<Best<T>>(values.remove(0)).values.into_shared())
                }),
                true => block_task::<u64, _, _>(name, vec![best], (), |(), mut values| {
                    Ok(taken::<Best<T>>(values.remove(0)).places.into_shared())
                }),
            }
        })
    };
    let folding = Folding { inputs: vec![Arc::clone(node)], folded, leaf: Box::new(leaf), join: Box::new(join) };
    Ok(Node::blocks(name, if places { u64::DTYPE } else { dtype }, Grid::new(axes), folding))
}

impl<T: Ordered> Array<T> {
    /// The `count` largest elements along an axis, the largest first; with a negative number the smallest, the smallest
    /// first. A NaN is larger than any number.
    ///
    /// Each block is reduced to its own few before blocks meet.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::from_vec(vec![5, 1, 3, 6, 2], 2);
    /// assert_eq!(x.topk(2, 0).compute()?.as_slice(), Some(&[6, 5][..]));
    /// assert_eq!(x.topk(-2, 0).compute()?.as_slice(), Some(&[1, 2][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the count is 0, there is no such axis, or its length is not known.
    #[track_caller]
    pub fn topk(&self, count: isize, axis: isize) -> Array<T> {
        Array::of(built(topk(self.node(), count, axis, false)))
    }

    /// The indices of what [`topk`](Array::topk) gives; of equal elements, the first ones.
    ///
    /// # Panics
    /// As [`topk`](Array::topk).
    #[track_caller]
    pub fn argtopk(&self, count: isize, axis: isize) -> Array<u64> {
        Array::of(built(topk(self.node(), count, axis, true)))
    }
}
