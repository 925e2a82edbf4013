//! Histograms in one and more dimensions.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::bins::{Bins, Finder};
use super::{Folding, alike};
use crate::array::Array;
use crate::array::chunks::{AxisChunks, Grid};
use crate::array::dispatch::with_ordered;
use crate::array::element::{Cast, Element, Number, Ordered};
use crate::array::error::{ArrayError, Built, built};
use crate::array::node::{Node, NodeRef};
use crate::array::work::{as_block, block_task, merged, taken, value_task};
use crate::task::Step;

/// The counts, or with weights their sums, over several axes of bins.
fn histogram<C: Number>(
    name: &'static str,
    samples: &[&NodeRef],
    weights: Option<&NodeRef>,
    finders: Vec<Finder>,
) -> Built<NodeRef> {
    let Some((&first, _)) = samples.split_first() else {
        return Err(ArrayError::Parameter { operation: name.into(), why: "there are no arrays".into() });
    };
    if samples.len() != finders.len() {
        let why = format!("{} arrays and bins along {} axes", samples.len(), finders.len());
        return Err(ArrayError::Parameter { operation: name.into(), why });
    }
    let inputs: Vec<NodeRef> =
        samples.iter().chain(&weights).map(|other| alike(name, first, other)).collect::<Built<_>>()?;
    let shape: Vec<usize> = finders.iter().map(Finder::count).collect();
    let grid = Grid::new(shape.iter().map(|&len| AxisChunks::whole(len)).collect::<Vec<_>>());
    let dtypes: Vec<_> = samples.iter().map(|sample| sample.dtype).collect();
    let finders = Arc::new(finders);
    let leaf = move |inputs: Vec<Arc<Step>>, _start: &[usize]| {
        let parameters = (Arc::clone(&finders), dtypes.clone());
        value_task(name, inputs, parameters, |(finders, dtypes), mut values| {
            let weights = (values.len() > finders.len()).then(|| values.pop()).flatten().map(as_block::<C>);
            let bins: usize = finders.iter().map(Finder::count).product();
            let mut counts = vec![C::default(); bins];
            let mut values = values.into_iter();
            let Some(only) = values.next() else { unreachable!("there is at least one array") };
            if let ([finder], None) = (&finders[..], &weights) {
                with_ordered!(dtypes[0], T => {
                    for &value in &as_block::<T>(only) {
                        if let Some(bin) = finder.find(Cast::<f64>::cast(value)) {
                            counts[bin] = counts[bin].add(<C as Element>::one());
                        }
                    }
                });
                return Ok(counts);
            }
            // The bin of each element, axis by axis; outside is beyond the last.
            let mut places: Vec<usize> = Vec::new();
            for (axis, (value, finder)) in std::iter::once(only).chain(values).zip(finders.iter()).enumerate() {
                with_ordered!(dtypes[axis], T => {
                    let block = as_block::<T>(value);
                    if axis == 0 {
                        places = vec![0; block.len()];
                    }
                    for (place, &value) in places.iter_mut().zip(&block) {
                        *place = match finder.find(Cast::<f64>::cast(value)) {
                            Some(bin) if *place < bins => *place * finder.count() + bin,
                            _ => usize::MAX,
                        };
                    }
                });
            }
            match weights {
                None => places.iter().filter(|&&place| place < bins).for_each(|&place| {
                    counts[place] = counts[place].add(<C as Element>::one());
                }),
                Some(weights) => {
                    let inside = places.iter().zip(&weights).filter(|(place, _)| **place < bins);
                    inside.for_each(|(&place, &weight)| counts[place] = counts[place].add(weight));
                }
            }
            Ok(counts)
        })
    };
    let join = move |steps: Vec<Arc<Step>>| {
        let sum = merged(name, steps, &(), |(), parts| added::<C>(parts));
        block_task::<C, _, _>(name, vec![sum], shape.clone(), |shape, mut values| {
            let counts = ArrayD::from_shape_vec(IxDyn(shape), taken::<Vec<C>>(values.remove(0)));
            Ok(counts.unwrap_or_else(|_| unreachable!("a count for each bin")).into_shared())
        })
    };
    Ok(Node::blocks(name, C::DTYPE, grid, Folding::whole(inputs, Box::new(leaf), Box::new(join))))
}

/// How many elements there are in each bin. Not generic, so that it is compiled here and not where it is called.
fn counted(name: &'static str, samples: &[&NodeRef], finders: Vec<Finder>) -> Built<NodeRef> {
    histogram::<u64>(name, samples, None, finders)
}

/// The sums of weights in each bin.
fn weighed(name: &'static str, samples: &[&NodeRef], weights: &NodeRef, finders: Vec<Finder>) -> Built<NodeRef> {
    histogram::<f64>(name, samples, Some(weights), finders)
}

/// Counts added up.
pub(super) fn added<C: Number>(parts: Vec<Vec<C>>) -> Vec<C> {
    let add = |mut sum: Vec<C>, mut part: Vec<C>| {
        if part.len() > sum.len() {
            std::mem::swap(&mut sum, &mut part);
        }
        sum.iter_mut().zip(part).for_each(|(sum, count)| *sum = sum.add(count));
        sum
    };
    parts.into_iter().reduce(add).unwrap_or_default()
}

impl<T: Ordered> Array<T> {
    /// How many elements fall into each bin, and the edges of the bins. What lies outside is not counted, nor is NaN. See
    /// [`Bins`].
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::from_vec(vec![1.0, 2.0, 1.0, 4.0, 9.0], 2);
    /// let (counts, edges) = x.histogram((4, (0.0, 4.0)));
    /// assert_eq!(counts.compute()?.as_slice(), Some(&[0, 2, 1, 1][..]));
    /// assert_eq!(edges, [0.0, 1.0, 2.0, 3.0, 4.0]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no bin, or edges do not rise.
    #[track_caller]
    pub fn histogram(&self, bins: impl Into<Bins>) -> (Array<u64>, Vec<f64>) {
        let finder = built(bins.into().finder("histogram"));
        let edges = finder.edges.clone();
        (Array::of(built(counted("histogram", &[self.node()], vec![finder]))), edges)
    }

    /// As [`histogram`](Array::histogram), with the sum of the weights of the elements in each bin.
    ///
    /// # Panics
    /// As [`histogram`](Array::histogram), and when the weights have another shape.
    #[track_caller]
    pub fn histogram_weighted(&self, bins: impl Into<Bins>, weights: &Array<f64>) -> (Array<f64>, Vec<f64>) {
        let finder = built(bins.into().finder("histogram"));
        let edges = finder.edges.clone();
        let node = weighed("histogram", &[self.node()], weights.node(), vec![finder]);
        (Array::of(built(node)), edges)
    }

    /// As [`histogram`](Array::histogram), scaled so that the area over all bins is 1: an estimate of the density.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::random((10_000,), 1000).seed(1).uniform(0.0, 2.0);
    /// let (density, _) = x.histogram_density((4, (0.0, 2.0)));
    /// assert!((density.sum().item()? * 0.5 - 1.0).abs() < 1e-12);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// As [`histogram`](Array::histogram).
    #[track_caller]
    pub fn histogram_density(&self, bins: impl Into<Bins>) -> (Array<f64>, Vec<f64>) {
        let (counts, edges) = self.histogram(bins);
        let widths: Vec<f64> = edges.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let counts = counts.astype::<f64>();
        (&counts / Array::from_vec(widths, usize::MAX) / counts.sum(), edges)
    }

    /// How many pairs of elements at the same place fall into each cell of a table: rows are the bins of this array,
    /// columns those of the other.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::random((1000,), 300).seed(1).uniform(0.0, 1.0);
    /// let (table, _) = x.histogram2d(&x, (2, (0.0, 1.0)), (2, (0.0, 1.0)));
    /// assert_eq!(table.trace().item()?, 1000);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the shapes differ, there is no bin, or edges do not rise.
    #[track_caller]
    pub fn histogram2d<U: Ordered>(
        &self,
        other: &Array<U>,
        rows: impl Into<Bins>,
        columns: impl Into<Bins>,
    ) -> (Array<u64>, [Vec<f64>; 2]) {
        let name = "histogram2d";
        let (rows, columns) = (built(rows.into().finder(name)), built(columns.into().finder(name)));
        let edges = [rows.edges.clone(), columns.edges.clone()];
        let node = counted(name, &[self.node(), other.node()], vec![rows, columns]);
        (Array::of(built(node)), edges)
    }

    /// How many tuples of elements at the same place of several arrays fall into each cell of a table with an axis of bins
    /// for each; and the edges along each axis.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::array::Bins;
    /// let x = Array::<f64>::random((1000, 3), 300).seed(1).uniform(0.0, 1.0);
    /// let parts = [0, 1, 2].map(|column| x.slice(s![.., column]));
    /// let (table, edges) = Array::histogramdd(&parts.each_ref(), &[0; 3].map(|_| Bins::from((4, (0.0, 1.0)))));
    /// assert_eq!((table.shape(), edges.len()), (vec![4, 4, 4], 3));
    /// assert_eq!(table.sum().item()?, 1000);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there are not as many bins as arrays, shapes differ, there is no bin, or edges do not rise.
    #[track_caller]
    pub fn histogramdd(samples: &[&Array<T>], bins: &[Bins]) -> (Array<u64>, Vec<Vec<f64>>) {
        let finders: Vec<Finder> = bins.iter().map(|bins| built(bins.clone().finder("histogramdd"))).collect();
        let edges = finders.iter().map(|finder| finder.edges.clone()).collect();
        let samples: Vec<&NodeRef> = samples.iter().map(|sample| sample.node()).collect();
        (Array::of(built(counted("histogramdd", &samples, finders))), edges)
    }

    /// As [`histogramdd`](Array::histogramdd), with the sum of the weights of the tuples in each cell.
    ///
    /// # Panics
    /// As [`histogramdd`](Array::histogramdd), and when the weights have another shape.
    #[track_caller]
    pub fn histogramdd_weighted(
        samples: &[&Array<T>],
        bins: &[Bins],
        weights: &Array<f64>,
    ) -> (Array<f64>, Vec<Vec<f64>>) {
        let finders: Vec<Finder> = bins.iter().map(|bins| built(bins.clone().finder("histogramdd"))).collect();
        let edges = finders.iter().map(|finder| finder.edges.clone()).collect();
        let samples: Vec<&NodeRef> = samples.iter().map(|sample| sample.node()).collect();
        (Array::of(built(weighed("histogramdd", &samples, weights.node(), finders))), edges)
    }
}
