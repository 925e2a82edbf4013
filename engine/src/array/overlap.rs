//! Functions of blocks that see some of their neighbours: moving windows, stencils, filters.

use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, Slice};

use super::Array;
use super::by_place::by_place;
use super::chunks::{AxisChunks, Grid, shape_text};
use super::element::{Element, Scalar};
use super::error::{ArrayError, Built, built};
use super::gather::{AxisPlan, Gather, Run};
use super::lower::Lowering;
use super::node::{Block, NodeRef, rechunked};
use super::widths::{Edge, Widths};
use super::work::{as_block, block_task};
use crate::error::BoxError;
use crate::task::{Failure, Made};

const NAME: &str = "map_overlap";

/// What a block sees beyond the ends of the array.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Boundary<T> {
    /// Nothing: blocks at the ends see less.
    None,
    /// A mirror image: `b a | a b c | c b`.
    Reflect,
    /// The other end: `b c | a b c | a b`.
    Periodic,
    /// The last element, again and again: `a a | a b c | c c`.
    Nearest,
    /// A value.
    Constant(T),
}

/// A [`Boundary`] for all axes, or one for each.
#[derive(Debug, Clone, PartialEq)]
pub struct Boundaries<T> {
    each: Vec<Boundary<T>>,
    for_all: bool,
}

impl<T> From<Boundary<T>> for Boundaries<T> {
    fn from(boundary: Boundary<T>) -> Self {
        Boundaries { each: vec![boundary], for_all: true }
    }
}

impl<T, const N: usize> From<[Boundary<T>; N]> for Boundaries<T> {
    fn from(boundaries: [Boundary<T>; N]) -> Self {
        Boundaries { each: boundaries.into(), for_all: false }
    }
}

impl<T> From<Vec<Boundary<T>>> for Boundaries<T> {
    fn from(boundaries: Vec<Boundary<T>>) -> Self {
        Boundaries { each: boundaries, for_all: false }
    }
}

impl<T: Element> Boundaries<T> {
    fn scalars(&self) -> Boundaries<Scalar> {
        let scalar = |boundary: &Boundary<T>| match boundary {
            Boundary::None => Boundary::None,
            Boundary::Reflect => Boundary::Reflect,
            Boundary::Periodic => Boundary::Periodic,
            Boundary::Nearest => Boundary::Nearest,
            Boundary::Constant(value) => Boundary::Constant(value.scalar()),
        };
        Boundaries { each: self.each.iter().map(scalar).collect(), for_all: self.for_all }
    }
}

/// How an axis is read by blocks that overlap, and what is cut off afterwards.
struct Overlap {
    chunks: AxisChunks,
    plan: AxisPlan,
    /// For each chunk, how many elements come before and after what is its own.
    beside: Vec<(usize, usize)>,
}

fn overlap(chunks: &AxisChunks, (before, after): (usize, usize), edge: Option<Edge>) -> Overlap {
    let mut runs: Vec<Run> = Vec::new();
    let mut beside = Vec::with_capacity(chunks.count());
    for chunk in 0..chunks.count() {
        let (start, end) = (chunks.start(chunk), chunks.start(chunk + 1));
        let (before, after) = match edge {
            Some(_) => (before, after),
            None => (before.min(start), after.min(chunks.len() - end)),
        };
        let first = start as isize - before as isize;
        runs.extend(edge.unwrap_or(Edge::Fill).runs(chunks.len(), first, before + end - start + after));
        beside.push((before, after));
    }
    let sizes = chunks.sizes().zip(&beside).map(|(size, &(before, after))| before + size + after);
    let wide = AxisChunks::new(sizes);
    Overlap { plan: AxisPlan::new(chunks, runs, &wide), chunks: wide, beside }
}

impl<T: Element> Array<T> {
    /// A function of each block together with some elements of its neighbours: `depth` before and after along each axis,
    /// see [`Widths`]. It gives a block as large as the one it gets, from which what belongs to the neighbours is cut off.
    ///
    /// What is beyond the ends of the array is said by the [`Boundary`], one for all axes or one for each. The depth may be
    /// more than the length of a chunk.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::array::Boundary;
    /// let x = Array::<f64>::arange(6, 2);
    /// let means = x.map_overlap(1, Boundary::Nearest, |block| {
    ///     let mut means = block.to_owned();
    ///     for at in 1..block.len() - 1 {
    ///         means[at] = (block[at - 1] + block[at] + block[at + 1]) / 3.0;
    ///     }
    ///     means
    /// });
    /// assert_eq!(means.slice(s![1..5]).compute()?, x.slice(s![1..5]).compute()?);
    /// assert_eq!(means.slice(s![5]).item()?, (4.0 + 5.0 + 5.0) / 3.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When depths or boundaries do not fit to the axes, or a length is not known. Computing fails when the function gives
    /// a block of another shape.
    #[track_caller]
    pub fn map_overlap<R: Element>(
        &self,
        depth: impl Into<Widths>,
        boundary: impl Into<Boundaries<T>>,
        function: impl Fn(ArrayViewD<'_, T>) -> ArrayD<R> + Send + Sync + 'static,
    ) -> Array<R> {
        let boundaries = boundary.into().scalars();
        let Overlapped { wide, grid, beside } = built(overlapped(self.node(), &depth.into(), &boundaries));
        let function = Made::<OnBlock<T, R>>::given(NAME, function, (), |function, ()| Arc::new(function));
        let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
            let block = lowering.block(&inputs[0], place);
            let beside: Vec<(usize, usize)> = beside.iter().zip(place).map(|(beside, &chunk)| beside[chunk]).collect();
            let parameters = (function.clone(), beside);
            block_task::<R, _, _>(NAME, vec![block], parameters, |(function, beside), mut values| {
                let block = as_block::<T>(values.remove(0));
                if block.is_empty() {
                    return Ok(ArrayD::default(block.raw_dim()).into_shared());
                }
                trimmed(function(block.view()), block.shape(), beside)
            })
        };
        Array::of(by_place(NAME, R::DTYPE, grid, vec![wide], make))
    }
}

type OnBlock<T, R> = dyn Fn(ArrayViewD<'_, T>) -> ArrayD<R> + Send + Sync;

/// The array read in blocks that overlap.
struct Overlapped {
    /// The blocks with what is beside them.
    wide: NodeRef,
    /// The blocks without.
    grid: Grid,
    /// For each axis and chunk, how many elements come before and after what is its own.
    beside: Vec<Vec<(usize, usize)>>,
}

/// Not generic, so that it is compiled here and not where it is called.
fn overlapped(node: &NodeRef, depth: &Widths, boundaries: &Boundaries<Scalar>) -> Built<Overlapped> {
    let grid = &node.grid;
    grid.require_known(NAME)?;
    let depth = depth.of(NAME, grid)?;
    if !boundaries.for_all && boundaries.each.len() != grid.rank() {
        let why = format!("{} boundaries for {} axes", boundaries.each.len(), grid.rank());
        return Err(ArrayError::Shape { operation: NAME.into(), why, shape: grid.shape_text() });
    }
    let of = |axis: usize| boundaries.each[if boundaries.for_all { 0 } else { axis }];
    // A chunk without elements has nothing of its own to compute.
    let full = |axis: &AxisChunks| match axis.len() {
        0 => AxisChunks::whole(0),
        _ => AxisChunks::new(axis.sizes().filter(|&size| size > 0)),
    };
    let own = Grid::new(grid.axes().iter().map(full).collect::<Vec<_>>());
    let is_empty = own.shape().contains(&0);
    let mut wide = rechunked(node, &own);
    let mut beside: Vec<Vec<(usize, usize)>> = own.axes().iter().map(|axis| vec![(0, 0); axis.count()]).collect();
    // Axes that are filled alike, or not at all, are widened together.
    let mut left: Vec<usize> = (0..own.rank()).filter(|&axis| !is_empty && depth[axis] != (0, 0)).collect();
    while !left.is_empty() {
        // A NaN is not equal to itself, so the first is known by its axis.
        let constant = |axis: usize| match of(axis) {
            Boundary::Constant(value) => Some((axis, value)),
            _ => None,
        };
        let first = left.iter().find_map(|&axis| constant(axis));
        let mut axes = wide.grid.axes().to_vec();
        let mut plans = vec![AxisPlan::same(); axes.len()];
        let mut later = Vec::new();
        for axis in left {
            let edge = match of(axis) {
                Boundary::None => None,
                Boundary::Reflect => Some(Edge::Symmetric),
                Boundary::Periodic => Some(Edge::Periodic),
                Boundary::Nearest => Some(Edge::Nearest),
                // As if one axis were widened after the other: where two are outside, the later one's value is.
                Boundary::Constant(other)
                    if later.is_empty() && first.is_some_and(|(at, value)| at == axis || other == value) =>
                {
                    Some(Edge::Fill)
                }
                Boundary::Constant(_) => {
                    later.push(axis);
                    continue;
                }
            };
            let overlap = overlap(own.axis(axis), depth[axis], edge);
            (axes[axis], plans[axis]) = (overlap.chunks, overlap.plan);
            beside[axis] = overlap.beside;
        }
        left = later;
        let fill = first.map_or(node.dtype.zero(), |(_, value)| value);
        wide = Gather::node(&wide, "overlap", Grid::new(axes), plans, fill);
    }
    Ok(Overlapped { wide, grid: own, beside })
}

/// What the function made of a block, without what belongs to its neighbours.
fn trimmed<R: Element>(result: ArrayD<R>, wanted: &[usize], beside: &[(usize, usize)]) -> Result<Block<R>, Failure> {
    if result.shape() != wanted {
        let said: BoxError = format!(
            "the function gave a block of shape {} for one of {}; what overlaps could not be cut off",
            shape_text(result.shape()),
            shape_text(wanted)
        )
        .into();
        return Err(Failure::Error(said));
    }
    let mut result = result.into_shared();
    result.slice_each_axis_inplace(|axis| {
        let (before, after) = beside[axis.axis.index()];
        Slice::from(before..axis.len - after)
    });
    Ok(result)
}
