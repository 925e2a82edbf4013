//! Quantiles of more than fits into memory, about.
//!
//! Each block is sorted and reduced to a few thousand elements that stand for as many runs of the same weight; such
//! summaries are merged, and reduced again. Munro and Paterson, "Selection and sorting with limited storage" (1980);
//! Agarwal and others, "Mergeable summaries" (2012).

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::quantile::{between, ranks};
use super::{Folding, Quantiles, order};
use crate::array::Array;
use crate::array::chunks::{AxisChunks, Grid};
use crate::array::dispatch::with_real;
use crate::array::element::{Element, Float, Number, Ordered};
use crate::array::error::{Built, built};
use crate::array::node::{Node, NodeRef};
use crate::array::work::{as_block, block_task, merged, taken, value_task};
use crate::task::Step;

/// So many elements stand for all of a block, or of several.
const KEPT: usize = 8192;

/// Elements in rising order, and for how many each stands.
#[derive(Clone)]
struct Summary<T> {
    elements: Vec<(T, u64)>,
    /// Whether there was a NaN.
    undefined: bool,
}

impl<T: Ordered> Summary<T> {
    /// Few enough elements: where there are more, each run of one weight is told by its middle.
    fn reduced(mut self) -> Summary<T> {
        if self.elements.len() <= KEPT {
            return self;
        }
        let total: u64 = self.elements.iter().map(|(_, weight)| weight).sum();
        let runs = KEPT as u64;
        let mut kept = Vec::with_capacity(KEPT);
        let mut elements = self.elements.iter();
        let mut end = 0;
        let mut current = None;
        for run in 0..runs {
            // In 128 bits, so that no array is too long.
            let edge = |run: u64| (u128::from(total) * u128::from(run) / u128::from(runs)) as u64;
            let (from, to) = (edge(run), edge(run + 1));
            let middle = from + (to - from) / 2;
            while end <= middle {
                let Some(&(value, weight)) = elements.next() else { break };
                end += weight;
                current = Some(value);
            }
            kept.extend(current.filter(|_| to > from).map(|value| (value, to - from)));
        }
        self.elements = kept;
        self
    }

    /// The element of a rank.
    fn at(&self, rank: u64) -> Option<T> {
        let mut end = 0;
        let element = self.elements.iter().find(|(_, weight)| {
            end += weight;
            end > rank
        });
        element.or(self.elements.last()).map(|&(value, _)| value)
    }
}

fn quantiles<T>(summary: &Summary<T>, which: &Quantiles) -> ArrayD<T::Mean>
where
    T: Number<Mean: Float> + Ordered,
{
    let (at, several, interpolation) = which.parts();
    let count = summary.elements.iter().map(|(_, weight)| weight).sum();
    let found = at.iter().map(|&at| {
        let (low, high, along) = ranks(at, count, interpolation);
        match (summary.at(low), summary.at(high)) {
            (Some(low), Some(high)) if !summary.undefined => between(low.to_mean(), high.to_mean(), along),
            _ => T::Mean::from_f64(f64::NAN),
        }
    });
    let shape: &[usize] = if several { &[at.len()] } else { &[] };
    let found = ArrayD::from_shape_vec(IxDyn(shape), found.collect());
    found.unwrap_or_else(|_| unreachable!("a number for each quantile"))
}

fn quantile_approx(node: &NodeRef, which: Quantiles) -> Built<NodeRef> {
    let name = "quantile_approx";
    let which = which.checked(name)?;
    let (at, several, _) = which.parts();
    let grid = Grid::new(if several { vec![AxisChunks::whole(at.len())] } else { Vec::new() });
    let dtype = node.dtype;
    let leaf = move |inputs: Vec<Arc<Step>>, _start: &[usize]| {
        with_real!(dtype, T => value_task(name, inputs, (), |(), mut values| {
            let mut elements: Vec<T> = as_block::<T>(values.remove(0)).iter().copied().collect();
            let all = elements.len();
            elements.retain(|value| !value.unordered());
            elements.sort_unstable_by(order);
            let undefined = elements.len() < all;
            let elements = elements.into_iter().map(|value| (value, 1)).collect();
            Ok(Summary { elements, undefined }.reduced())
        }))
    };
    let join = move |steps: Vec<Arc<Step>>| {
        let which = which.clone();
        with_real!(dtype, T => {
            let summary = merged(name, steps, &(), |(), parts: Vec<Summary<T>>| {
                let undefined = parts.iter().any(|part| part.undefined);
                let mut elements: Vec<(T, u64)> = parts.into_iter().flat_map(|part| part.elements).collect();
                elements.sort_by(|one, two| order(&one.0, &two.0));
                Summary { elements, undefined }.reduced()
            });
            block_task::<<T as Number>::Mean, _, _>(name, vec![summary], which, |which, mut values| {
                Ok(quantiles(&taken::<Summary<T>>(values.remove(0)), which).into_shared())
            })
        })
    };
    let dtype = with_real!(dtype, T => <<T as Number>::Mean as Element>::DTYPE);
    let folding = Folding::whole(vec![Arc::clone(node)], Box::new(leaf), Box::new(join));
    Ok(Node::blocks(name, dtype, grid, folding))
}

impl<T: Number<Mean: Float> + Ordered> Array<T> {
    /// Quantiles of all elements, about: blocks are read once, and no task holds more than one. NaN if an element is NaN, or
    /// there are none.
    ///
    /// What is given for a quantile `q` of `n` elements is the element of a rank that is at most `n × levels / 8192` away
    /// from `q × n`, where there is a level for the blocks and one for each time sixteen are merged: 0.04 % of all elements
    /// for 256 blocks, 0.06 % for 65,536. Up to 8192 elements it is exact. The same array in the same chunks always gives the
    /// same.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::random((1_000_000,), 100_000).seed(1).uniform(0.0, 1.0);
    /// assert!((x.quantile_approx(0.9).item()? - 0.9).abs() < 0.002);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When a quantile is not from 0 to 1.
    #[track_caller]
    pub fn quantile_approx(&self, which: impl Into<Quantiles>) -> Array<T::Mean> {
        Array::of(built(quantile_approx(self.node(), which.into())))
    }
}
