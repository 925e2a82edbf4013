//! Quantiles, exact: a task holds all that a quantile is taken of.

use std::sync::Arc;

use ndarray::{ArrayD, Axis, IxDyn};

use super::{order, unchunked};
use crate::array::Array;
use crate::array::chunks::{AxisChunks, Grid};
use crate::array::dispatch::with_real;
use crate::array::element::{Element, Float, Number, Ordered};
use crate::array::error::{ArrayError, Built, built};
use crate::array::lower::Lowering;
use crate::array::node::{Node, NodeRef, Operation};
use crate::array::reduce::{Axes, folded};
use crate::array::work::{as_block, block_task};
use crate::task::{Step, Value, packed};

packed! {
    /// What a quantile is that falls between two elements.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    #[non_exhaustive]
    pub enum Interpolation {
        /// As far between them as it falls.
        #[default]
        Linear,
        /// The lower one.
        Lower,
        /// The higher one.
        Higher,
        /// The nearer one; of two as near, the one with the even rank.
        Nearest,
        /// The middle between them.
        Midpoint,
    }
}

/// Which quantiles, from 0 to 1. One number gives an array without an axis for it; several make the first axis of the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantiles {
    at: Vec<f64>,
    several: bool,
    interpolation: Interpolation,
}

packed!(Quantiles { at, several, interpolation });

impl Quantiles {
    /// What they are between two elements; [`Interpolation::Linear`] if nothing is said.
    pub fn interpolation(self, interpolation: Interpolation) -> Quantiles {
        Quantiles { interpolation, ..self }
    }

    pub(super) fn checked(self, operation: &str) -> Built<Quantiles> {
        match self.at.iter().find(|at| !(0.0..=1.0).contains(*at)) {
            None => Ok(self),
            Some(at) => {
                let why = format!("{at} is no quantile: they go from 0 to 1");
                Err(ArrayError::Parameter { operation: operation.to_owned(), why })
            }
        }
    }

    pub(super) fn parts(&self) -> (&[f64], bool, Interpolation) {
        (&self.at, self.several, self.interpolation)
    }
}

impl From<f64> for Quantiles {
    fn from(at: f64) -> Self {
        Quantiles { at: vec![at], several: false, interpolation: Interpolation::Linear }
    }
}

impl From<Vec<f64>> for Quantiles {
    fn from(at: Vec<f64>) -> Self {
        Quantiles { at, several: true, interpolation: Interpolation::Linear }
    }
}

impl From<&[f64]> for Quantiles {
    fn from(at: &[f64]) -> Self {
        Quantiles::from(at.to_vec())
    }
}

impl<const N: usize> From<[f64; N]> for Quantiles {
    fn from(at: [f64; N]) -> Self {
        Quantiles::from(at.to_vec())
    }
}

/// The ranks between which a quantile falls, and how far it is from the first to the second.
pub(super) fn ranks(at: f64, count: u64, interpolation: Interpolation) -> (u64, u64, f64) {
    let rank = at * count.saturating_sub(1) as f64;
    let (low, high) = (rank.floor(), rank.ceil());
    let along = rank - low;
    let (low, high) = (low as u64, (high as u64).min(count.saturating_sub(1)));
    match interpolation {
        Interpolation::Linear => (low, high, along),
        Interpolation::Lower => (low, low, 0.0),
        Interpolation::Higher => (high, high, 0.0),
        Interpolation::Nearest => {
            let nearest = rank.round_ties_even() as u64;
            (nearest, nearest, 0.0)
        }
        Interpolation::Midpoint => (low, high, if low == high { 0.0 } else { 0.5 }),
    }
}

/// From the one to the other, as NumPy does it: monotonous, and exact at both ends.
pub(super) fn between<F: Float>(low: F, high: F, along: f64) -> F {
    if along == 0.0 {
        return low;
    }
    let distance = high - low;
    match along < 0.5 {
        true => low + distance * F::from_f64(along),
        false => high - distance * F::from_f64(1.0 - along),
    }
}

/// The quantiles of some elements, which it puts into another order; with `skip`, NaNs are left out.
fn quantiles<T>(elements: &mut Vec<T>, at: &[f64], interpolation: Interpolation, skip: bool, out: &mut [T::Mean])
where
    T: Number<Mean: Float> + Ordered,
{
    if skip {
        elements.retain(|value| !value.unordered());
    }
    let missing = T::Mean::from_f64(f64::NAN);
    if elements.is_empty() || elements.iter().any(|value| value.unordered()) {
        return out.fill(missing);
    }
    // A few are selected; for many, sorting is quicker.
    let sorted = at.len() > 4;
    if sorted {
        elements.sort_unstable_by(order);
    }
    for (&at, out) in at.iter().zip(out) {
        let (low, high, along) = ranks(at, elements.len() as u64, interpolation);
        let (low, high) = (low as usize, high as usize);
        if !sorted {
            let (_, _, above) = elements.select_nth_unstable_by(low, order);
            // The next rank is the smallest of those above.
            if high > low {
                let next = above.iter().enumerate().min_by(|one, two| order(one.1, two.1)).map_or(0, |(at, _)| at);
                above.swap(0, next);
            }
        }
        *out = between(elements[low].to_mean(), elements[high].to_mean(), along);
    }
}

struct QuantileOf {
    name: &'static str,
    input: NodeRef,
    folded: Vec<bool>,
    keepdims: bool,
    which: Quantiles,
    skip: bool,
}

impl Operation for QuantileOf {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let mut places = place.iter().skip(usize::from(self.which.several)).copied();
        let at: Vec<usize> = self
            .folded
            .iter()
            .map(|&folded| match (folded, self.keepdims) {
                (true, false) => 0,
                _ => places.next().unwrap_or(0),
            })
            .collect();
        let input = lowering.block(&self.input, &at);
        let own = (self.folded.clone(), self.keepdims, self.which.clone(), self.skip);
        let (name, inputs) = (self.name, vec![input]);
        with_real!(self.input.dtype, T => block_task::<<T as Number>::Mean, _, _>(name, inputs, own, |own, mut values| {
            let (folded, keepdims, which, skip) = own;
            Ok(of_block::<T>(values.remove(0), folded, *keepdims, which, *skip).into_shared())
        }))
    }
}

fn of_block<T>(value: Value, folded: &[bool], keepdims: bool, which: &Quantiles, skip: bool) -> ArrayD<T::Mean>
where
    T: Number<Mean: Float> + Ordered,
{
    let block = as_block::<T>(value);
    let (at, several, interpolation) = which.parts();
    let kept = |wanted: bool| (0..folded.len()).filter(move |&axis| folded[axis] != wanted);
    let order: Vec<usize> = kept(true).chain(kept(false)).collect();
    let rest: usize = kept(true).map(|axis| block.shape()[axis]).product();
    let each: usize = kept(false).map(|axis| block.shape()[axis]).product();
    let block = block.permuted_axes(IxDyn(&order));
    let mut out = ndarray::Array2::<T::Mean>::default((at.len(), rest));
    let mut elements: Vec<T> = Vec::with_capacity(each);
    let mut found = vec![T::Mean::default(); at.len()];
    let mut all = block.iter().copied();
    for mut column in out.axis_iter_mut(Axis(1)) {
        elements.clear();
        elements.extend(all.by_ref().take(each));
        quantiles(&mut elements, at, interpolation, skip, &mut found);
        column.iter_mut().zip(&found).for_each(|(to, &value)| *to = value);
    }
    let mut shape: Vec<usize> = if several { vec![at.len()] } else { Vec::new() };
    let mut lengths = kept(true).map(|axis| block.shape()[order.iter().position(|&own| own == axis).unwrap_or(0)]);
    for &folded in folded {
        match (folded, keepdims) {
            (true, true) => shape.push(1),
            (true, false) => {}
            (false, _) => shape.extend(lengths.next()),
        }
    }
    out.into_shape_with_order(IxDyn(&shape)).unwrap_or_else(|_| unreachable!("as many elements as before"))
}

fn quantile(name: &'static str, node: &NodeRef, which: Quantiles, axes: &Axes, skip: bool) -> Built<NodeRef> {
    let which = which.checked(name)?;
    let folded = folded(name, axes, &node.grid)?;
    let named: Vec<usize> = (0..folded.len()).filter(|&axis| folded[axis]).collect();
    let input = unchunked(name, node, &named)?;
    let mut chunks: Vec<AxisChunks> = Vec::new();
    if which.several {
        chunks.push(AxisChunks::whole(which.at.len()));
    }
    for (axis, &folded) in folded.iter().enumerate() {
        match (folded, axes.keeps()) {
            (true, true) => chunks.push(AxisChunks::whole(1)),
            (true, false) => {}
            (false, _) => chunks.push(input.grid.axis(axis).clone()),
        }
    }
    let dtype = with_real!(node.dtype, T => <<T as Number>::Mean as Element>::DTYPE);
    let operation = QuantileOf { name, input, folded, keepdims: axes.keeps(), which, skip };
    Ok(Node::blocks(name, dtype, Grid::new(chunks), operation))
}

impl<T: Number<Mean: Float> + Ordered> Array<T> {
    /// The median of all elements, in one task that holds all of them; NaN if one is NaN, or there are none. For what does
    /// not fit there is [`quantile_approx`](Array::quantile_approx).
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Array::from_vec(vec![7_i64, 1, 2, 4], 3).median().item()?, 3.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn median(&self) -> Array<T::Mean> {
        self.median_axis(Axes::all())
    }

    /// The median along some [`Axes`]. Axes that are cut are put into one chunk: a task holds all that a median is taken of.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(12, 5).reshape((3, 4));
    /// assert_eq!(x.median_axis(0).compute()?.as_slice(), Some(&[4.0, 5.0, 6.0, 7.0][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such axis, one is named twice, or an axis that is cut has chunks of unknown lengths.
    #[track_caller]
    pub fn median_axis(&self, axes: impl Into<Axes>) -> Array<T::Mean> {
        Array::of(built(quantile("median", self.node(), Quantiles::from(0.5), &axes.into(), false)))
    }

    /// Quantiles of all elements, in one task that holds all of them: see [`Quantiles`] and
    /// [`quantile_axis`](Array::quantile_axis). For what does not fit there is [`quantile_approx`](Array::quantile_approx).
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::arange(5, 2);
    /// assert_eq!(x.quantile([0.25, 0.9]).compute()?.as_slice(), Some(&[1.0, 3.6][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When a quantile is not from 0 to 1.
    #[track_caller]
    pub fn quantile(&self, which: impl Into<Quantiles>) -> Array<T::Mean> {
        self.quantile_axis(which, Axes::all())
    }

    /// Quantiles along some [`Axes`]; NaN if there is one, or there are no elements. Axes that are cut are put into one
    /// chunk. Between two elements they are [interpolated](Interpolation).
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::array::{Interpolation, Quantiles};
    /// let x = Array::<i64>::arange(12, 5).reshape((3, 4));
    /// let lower = Quantiles::from(0.4).interpolation(Interpolation::Lower);
    /// assert_eq!(x.quantile_axis(lower, 1).compute()?.as_slice(), Some(&[1.0, 5.0, 9.0][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When a quantile is not from 0 to 1, there is no such axis, one is named twice, or an axis that is cut has chunks of
    /// unknown lengths.
    #[track_caller]
    pub fn quantile_axis(&self, which: impl Into<Quantiles>, axes: impl Into<Axes>) -> Array<T::Mean> {
        Array::of(built(quantile("quantile", self.node(), which.into(), &axes.into(), false)))
    }

    /// Percentiles along some [`Axes`]: [quantiles](Array::quantile_axis) from 0 to 100.
    ///
    /// # Panics
    /// As [`quantile_axis`](Array::quantile_axis).
    #[track_caller]
    pub fn percentile_axis(&self, which: impl Into<Quantiles>, axes: impl Into<Axes>) -> Array<T::Mean> {
        let mut which: Quantiles = which.into();
        which.at.iter_mut().for_each(|at| *at /= 100.0);
        Array::of(built(quantile("percentile", self.node(), which, &axes.into(), false)))
    }

    /// Percentiles of all elements: [quantiles](Array::quantile) from 0 to 100.
    ///
    /// # Panics
    /// As [`quantile`](Array::quantile).
    #[track_caller]
    pub fn percentile(&self, which: impl Into<Quantiles>) -> Array<T::Mean> {
        self.percentile_axis(which, Axes::all())
    }

    /// The median along some [`Axes`] of what is not NaN; NaN when there is nothing else.
    ///
    /// # Panics
    /// As [`median_axis`](Array::median_axis).
    #[track_caller]
    pub fn nanmedian_axis(&self, axes: impl Into<Axes>) -> Array<T::Mean> {
        Array::of(built(quantile("nanmedian", self.node(), Quantiles::from(0.5), &axes.into(), true)))
    }

    /// The median of all elements that are not NaN; see [`median`](Array::median).
    pub fn nanmedian(&self) -> Array<T::Mean> {
        self.nanmedian_axis(Axes::all())
    }

    /// Quantiles along some [`Axes`] of what is not NaN; NaN when there is nothing else.
    ///
    /// # Panics
    /// As [`quantile_axis`](Array::quantile_axis).
    #[track_caller]
    pub fn nanquantile_axis(&self, which: impl Into<Quantiles>, axes: impl Into<Axes>) -> Array<T::Mean> {
        Array::of(built(quantile("nanquantile", self.node(), which.into(), &axes.into(), true)))
    }
}
