//! How often each small whole number is there.

use std::sync::Arc;

use super::histogram::added;
use super::{Folding, alike, failure};
use crate::array::Array;
use crate::array::chunks::{AxisChunks, Grid};
use crate::array::dispatch::with_ordered;
use crate::array::element::{Cast, Element, Number, Ordered};
use crate::array::error::{Built, built};
use crate::array::node::{Node, NodeRef};
use crate::array::work::{as_block, block_task, merged, taken, value_task};
use crate::task::{Failure, Step};

const NAME: &str = "bincount";

/// Numbers from here on would take counts that nobody wants to hold.
const LARGEST: i64 = 1 << 32;

/// Whole numbers that can be counted.
pub trait Countable: Ordered + Number + Cast<i64> {}

macro_rules! countable {
    ($($type:ty)*) => { $( impl Countable for $type {} )* };
}
countable!(i8 i16 i32 i64 u8 u16 u32 u64);

fn place(value: i64) -> Result<usize, Failure> {
    match value {
        0..LARGEST => Ok(value as usize),
        negative if negative < 0 => Err(failure(format!("{negative} cannot be counted: numbers have to be 0 or more"))),
        large => Err(failure(format!("{large} cannot be counted: there would be as many counts"))),
    }
}

fn bincount<C: Number>(node: &NodeRef, weights: Option<&NodeRef>, least: usize) -> Built<NodeRef> {
    let mut inputs = vec![Arc::clone(node)];
    if let Some(weights) = weights {
        inputs.push(alike(NAME, node, weights)?);
    }
    let dtype = node.dtype;
    let leaf = move |inputs: Vec<Arc<Step>>, _start: &[usize]| {
        value_task(NAME, inputs, (dtype, least), |&(dtype, least), values| {
            let mut values = values.into_iter();
            let mut counts: Vec<C> = vec![C::default(); least];
            let Some(block) = values.next() else { unreachable!("there is an array") };
            let mut add = |value: i64, weight: C| -> Result<(), Failure> {
                let place = place(value)?;
                if place >= counts.len() {
                    counts.resize(place + 1, C::default());
                }
                counts[place] = counts[place].add(weight);
                Ok(())
            };
            with_ordered!(dtype, T => {
                let block = as_block::<T>(block);
                match values.next().map(as_block::<C>) {
                    None => block.iter().try_for_each(|&value| add(Cast::<i64>::cast(value), <C as Element>::one()))?,
                    Some(weights) => {
                        let mut pairs = block.iter().zip(&weights);
                        pairs.try_for_each(|(&value, &weight)| add(Cast::<i64>::cast(value), weight))?;
                    }
                }
            });
            Ok(counts)
        })
    };
    let join = |steps: Vec<Arc<Step>>| {
        let sum = merged(NAME, steps, &(), |(), parts| added::<C>(parts));
        block_task::<C, _, _>(NAME, vec![sum], (), |(), mut values| {
            Ok(ndarray::Array1::from_vec(taken::<Vec<C>>(values.remove(0))).into_dyn().into_shared())
        })
    };
    let grid = Grid::new(vec![AxisChunks::unknown(1)]);
    Ok(Node::blocks(NAME, C::DTYPE, grid, Folding::whole(inputs, Box::new(leaf), Box::new(join))))
}

/// How often each number is there. Not generic, so that it is compiled here and not where it is called.
fn counted(node: &NodeRef, least: usize) -> Built<NodeRef> {
    bincount::<u64>(node, None, least)
}

/// The sum of the weights of each number.
fn weighed(node: &NodeRef, weights: &NodeRef, least: usize) -> Built<NodeRef> {
    bincount::<f64>(node, Some(weights), least)
}

impl<T: Countable> Array<T> {
    /// How often each number from 0 to the largest is there; at least `minlength` counts. How many there are is known when
    /// they are computed.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::from_vec(vec![0, 1, 1, 3, 2, 1, 7], 3);
    /// assert_eq!(x.bincount(0).compute()?.as_slice(), Some(&[1, 3, 1, 1, 0, 0, 0, 1][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// Computing it fails when there is a negative number.
    pub fn bincount(&self, minlength: usize) -> Array<u64> {
        Array::of(built(counted(self.node(), minlength)))
    }

    /// As [`bincount`](Array::bincount), with the sum of the weights of each number.
    ///
    /// # Panics
    /// When the weights have another shape.
    #[track_caller]
    pub fn bincount_weighted(&self, weights: &Array<f64>, minlength: usize) -> Array<f64> {
        Array::of(built(weighed(self.node(), weights.node(), minlength)))
    }
}
