//! Other shapes of the same elements, and arrays put together.

use std::sync::Arc;

use ndarray::IntoDimension;

use super::Array;
use super::chunks::{AxisChunks, Chunking, Grid, shape_text};
use super::create::lengths;
use super::dispatch::with_type;
use super::element::{DType, Element};
use super::error::{ArrayError, Built, built};
use super::fused::{Kernel, Map2};
use super::lower::Lowering;
use super::node::{Node, NodeRef, Operation, rechunked, viewed};
use super::reduce::axis_of;
use super::reshape::reshape;
use super::view::{View, ViewAxis};
use crate::task::{Made, Step};

impl<T> Array<T> {
    /// The axes in reverse order.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Array::<f64>::ones((3, 4), "auto").t().shape(), [4, 3]);
    /// ```
    pub fn t(&self) -> Array<T> {
        let grid = &self.node().grid;
        let order: Vec<usize> = (0..grid.rank()).rev().collect();
        Array::of(viewed(self.node(), "transpose", &View::transposed(&grid.shape(), &order)))
    }

    /// The axes in another order: `axes[i]` says which axis becomes axis `i`. Negative ones count from the end.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Array::<f64>::ones((3, 4, 5), "auto").transpose([2, 0, 1]).shape(), [5, 3, 4]);
    /// ```
    ///
    /// # Panics
    /// When not every axis is named once.
    #[track_caller]
    pub fn transpose(&self, axes: impl AsRef<[isize]>) -> Array<T> {
        let grid = &self.node().grid;
        let order = || -> Built<Vec<usize>> {
            let axes = axes.as_ref();
            if axes.len() != grid.rank() {
                let why = format!("{} axes are named for {}", axes.len(), grid.rank());
                return Err(ArrayError::Shape { operation: "transpose".into(), why, shape: grid.shape_text() });
            }
            let mut order = Vec::new();
            for &axis in axes {
                let axis = axis_of("transpose", axis, grid)?;
                if order.contains(&axis) {
                    return Err(ArrayError::AxisTwice { operation: "transpose".into(), axis });
                }
                order.push(axis);
            }
            Ok(order)
        };
        let order = built(order());
        Array::of(viewed(self.node(), "transpose", &View::transposed(&grid.shape(), &order)))
    }

    /// Two axes in each other's place.
    ///
    /// # Panics
    /// When there is no such axis.
    #[track_caller]
    pub fn swap_axes(&self, one: isize, other: isize) -> Array<T> {
        let grid = &self.node().grid;
        let mut order: Vec<usize> = (0..grid.rank()).collect();
        order.swap(built(axis_of("swap_axes", one, grid)), built(axis_of("swap_axes", other, grid)));
        Array::of(viewed(self.node(), "transpose", &View::transposed(&grid.shape(), &order)))
    }

    /// A new axis of length 1 before the axis given; the number of axes puts it last.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::arange(4, 2);
    /// let table = x.expand_dims(1) - x.expand_dims(0);
    /// assert_eq!(table.shape(), [4, 4]);
    /// ```
    ///
    /// # Panics
    /// When there is no such place.
    #[track_caller]
    pub fn expand_dims(&self, axis: isize) -> Array<T> {
        let grid = &self.node().grid;
        let rank = grid.rank() as isize;
        let place = if axis < 0 { axis + rank + 1 } else { axis };
        if !(0..=rank).contains(&place) {
            let shape = grid.shape_text();
            built::<()>(Err(ArrayError::Axis { operation: "expand_dims".into(), axis, shape, rank: grid.rank() + 1 }));
        }
        let mut view = View::whole(&grid.shape());
        view.axes.insert(place as usize, ViewAxis::New);
        Array::of(viewed(self.node(), "expand_dims", &view))
    }

    /// The array without its axes of length 1.
    pub fn squeeze(&self) -> Array<T> {
        let grid = &self.node().grid;
        let mut view = View::whole(&grid.shape());
        let is_one = |axis: usize| grid.axis(axis).is_known() && grid.axis(axis).len() == 1;
        view.picked = (0..grid.rank()).filter(|&axis| is_one(axis)).map(|axis| (axis, 0)).collect();
        view.axes.retain(|axis| !matches!(*axis, ViewAxis::Take { axis, .. } if is_one(axis)));
        Array::of(viewed(self.node(), "squeeze", &view))
    }

    /// The array backwards along an axis.
    ///
    /// # Panics
    /// When there is no such axis, or its length is not known.
    #[track_caller]
    pub fn flip(&self, axis: isize) -> Array<T> {
        let grid = &self.node().grid;
        let axis = built(axis_of("flip", axis, grid));
        built(grid.require_known("flip"));
        let mut view = View::whole(&grid.shape());
        let len = grid.axis(axis).len();
        view.axes[axis] = ViewAxis::Take { axis, start: len.saturating_sub(1), step: -1, len };
        Array::of(viewed(self.node(), "flip", &view))
    }

    /// The same array in other chunks.
    ///
    /// Where each new block needs parts of many, there are steps between, so that the number of tasks stays small. When rows
    /// become columns, no column is there before all rows are, so all blocks are in memory at once.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::ones((8, 8), (1, 8)).rechunk((8, 2));
    /// assert_eq!(x.numblocks(), [1, 4]);
    /// ```
    ///
    /// # Panics
    /// When the chunks do not fit to the shape, or a length is not known.
    #[track_caller]
    pub fn rechunk(&self, chunks: impl Into<Chunking>) -> Array<T> {
        let grid = &self.node().grid;
        built(grid.require_known("rechunk"));
        let new = super::create::grid(&grid.shape(), chunks.into(), self.node().dtype);
        Array::of(rechunked(self.node(), &new))
    }

    /// The elements in row-major order, in another shape with as many.
    ///
    /// A length of `usize::MAX` stands for whatever is left. Axes are merged and split in groups, and only those chunks
    /// change that have to; what is in memory in row-major order is not copied.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(24, 5).reshape((2, 3, 4));
    /// assert_eq!(x.slice(s![1, 0, ..]).sum().item()?, 12 + 13 + 14 + 15);
    /// assert_eq!(x.reshape((usize::MAX, 6)).shape(), [4, 6]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the number of elements is not the same, or a length is not known.
    #[track_caller]
    pub fn reshape(&self, shape: impl IntoDimension) -> Array<T> {
        Array::of(built(reshape(self.node(), lengths(shape))))
    }

    /// All elements in row-major order, along one axis.
    ///
    /// # Panics
    /// When a length is not known.
    #[track_caller]
    pub fn flatten(&self) -> Array<T> {
        Array::of(built(reshape(self.node(), vec![usize::MAX])))
    }

    /// Arrays one after the other along an axis that they have.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let parts = [Array::<i64>::arange(3, 2), Array::arange(2, 2)];
    /// assert_eq!(Array::concatenate(&parts, 0).compute()?.as_slice(), Some(&[0, 1, 2, 0, 1][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there are no arrays, there is no such axis, or the other axes differ.
    #[track_caller]
    pub fn concatenate(arrays: &[Array<T>], axis: isize) -> Array<T> {
        let nodes: Vec<&NodeRef> = arrays.iter().map(Array::node).collect();
        Array::of(built(concatenate("concatenate", &nodes, axis)))
    }

    /// Arrays of one shape next to each other along a new axis.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = [Array::<i64>::arange(3, 3), Array::arange(3, 3)];
    /// assert_eq!(Array::stack(&rows, 0).shape(), [2, 3]);
    /// ```
    ///
    /// # Panics
    /// When there are no arrays, their shapes differ, or there is no such place for an axis.
    #[track_caller]
    pub fn stack(arrays: &[Array<T>], axis: isize) -> Array<T> {
        // Said of the arrays as they are given, before they get their new axis.
        let shape = |array: &Array<T>| array.node().grid.shape_text();
        let odd = arrays.iter().position(|array| shape(array) != shape(&arrays[0]));
        if let Some(odd) = odd {
            let why = format!(
                "arrays that are stacked have one shape, and number {odd} has {}, not that of number 0",
                shape(&arrays[odd])
            );
            built::<()>(Err(ArrayError::Shape { operation: "stack".into(), why, shape: shape(&arrays[0]) }));
        }
        let wide: Vec<Array<T>> = arrays.iter().map(|array| array.expand_dims(axis)).collect();
        let nodes: Vec<&NodeRef> = wide.iter().map(Array::node).collect();
        Array::of(built(concatenate("stack", &nodes, axis)))
    }

    /// The array as it would be broadcast: repeated along axes of length 1 and new axes at the front.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Array::<i64>::arange(3, 3).broadcast_to((4, 3), "auto").sum().item()?, 12);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the shapes do not broadcast, or the chunks do not fit.
    #[track_caller]
    pub fn broadcast_to(&self, shape: impl IntoDimension, chunks: impl Into<Chunking>) -> Array<T>
    where
        T: Element,
    {
        let ground = Array::<bool>::zeros(shape, chunks);
        let rank = ground.ndim();
        if rank < self.ndim() {
            let why = format!("{} axes cannot become {rank}", self.ndim());
            let shape = self.node().grid.shape_text();
            built::<()>(Err(ArrayError::Shape { operation: "broadcast_to".into(), why, shape }));
        }
        fn kernel(dtype: DType) -> Made<dyn Kernel> {
            Made::<dyn Kernel>::by(
                dtype,
                |&dtype| with_type!(dtype, U => Arc::new(Map2::new("broadcast_to", |_ground: bool, value: U| value))),
            )
        }
        let node = built(Node::elementwise(kernel(T::DTYPE), &[ground.node(), self.node()]));
        if node.grid.shape() != ground.node().grid.shape() {
            let why = format!("it does not broadcast to {}", shape_text(&ground.shape()));
            let shape = self.node().grid.shape_text();
            built::<()>(Err(ArrayError::Shape { operation: "broadcast_to".into(), why, shape }));
        }
        Array::of(node)
    }
}

fn concatenate(operation: &str, nodes: &[&NodeRef], axis: isize) -> Built<NodeRef> {
    let Some(first) = nodes.first() else {
        return Err(ArrayError::Parameter { operation: operation.into(), why: "there are no arrays".into() });
    };
    let axis = axis_of(operation, axis, &first.grid)?;
    // The other axes are cut alike.
    let mut axes: Vec<AxisChunks> = first.grid.axes().to_vec();
    for node in nodes {
        // Along the axis itself lengths may be unknown.
        let rest = (0..node.grid.rank()).filter(|&own| own != axis).map(|own| node.grid.axis(own).clone());
        if Grid::new(rest.collect::<Vec<_>>()).first_unknown().is_some() {
            node.grid.require_known(operation)?;
        }
        let (shape, wanted) = (node.grid.shape(), first.grid.shape());
        let fits = shape.len() == wanted.len() && (0..shape.len()).all(|own| own == axis || shape[own] == wanted[own]);
        if !fits {
            let why = format!(
                "all lengths but those of axis {axis} have to be equal, and another array has shape {}",
                node.grid.shape_text()
            );
            return Err(ArrayError::Shape { operation: operation.into(), why, shape: shape_text(&wanted) });
        }
        for own in (0..axes.len()).filter(|&own| own != axis) {
            axes[own] = axes[own].refined(node.grid.axis(own));
        }
    }
    let inputs: Vec<NodeRef> = nodes
        .iter()
        .map(|node| {
            let mut own = axes.clone();
            own[axis] = node.grid.axis(axis).clone();
            rechunked(node, &Grid::new(own))
        })
        .collect();
    let along = || inputs.iter().map(|node| node.grid.axis(axis));
    axes[axis] = match along().all(AxisChunks::is_known) {
        true => AxisChunks::new(along().flat_map(|chunks| chunks.sizes().collect::<Vec<_>>())),
        false => AxisChunks::unknown(along().map(AxisChunks::count).sum()),
    };
    let mut from = Vec::new();
    for (input, node) in inputs.iter().enumerate() {
        from.extend((0..node.grid.axis(axis).count()).map(|chunk| (input, chunk)));
    }
    let grid = Grid::new(axes);
    Ok(Node::blocks(operation, first.dtype, grid, Concatenate { inputs, axis, from }))
}

/// Blocks of several arrays; none is copied.
struct Concatenate {
    inputs: Vec<NodeRef>,
    axis: usize,
    /// For each chunk along the axis: the input, and its chunk.
    from: Vec<(usize, usize)>,
}

impl Operation for Concatenate {
    fn only_moves(&self) -> bool {
        true
    }

    fn inputs(&self) -> Vec<&NodeRef> {
        self.inputs.iter().collect()
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let (input, chunk) = self.from[place[self.axis]];
        let mut at = place.to_vec();
        at[self.axis] = chunk;
        lowering.block(&self.inputs[input], &at)
    }
}
