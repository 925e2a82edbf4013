//! Other shapes of the same elements, and arrays put together.

use std::sync::Arc;

use ndarray::{ArrayD, IntoDimension, IxDyn};

use super::Array;
use super::chunks::{AxisChunks, Chunking, Grid, shape_text};
use super::create::lengths;
use super::dispatch::with_type;
use super::element::{DType, Element};
use super::error::{ArrayError, Built, built};
use super::lower::{Lowering, as_block, block_task};
use super::node::{Node, NodeRef, Op, Operation, rechunked, viewed};
use super::reduce::axis_of;
use super::view::{View, ViewAxis};
use crate::task::{Step, Value};

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
        let new = built(chunks.into().grid(&grid.shape(), self.node().dtype.size()));
        Array::of(rechunked(self.node(), &new))
    }

    /// The elements in row-major order, in another shape with as many.
    ///
    /// A length of `usize::MAX` stands for whatever is left.
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
        fn kernel(dtype: DType) -> Arc<dyn super::fused::Kernel> {
            with_type!(dtype, U => {
                Arc::new(super::fused::Map2::new("broadcast_to", |_ground: bool, value: U| value))
            })
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

fn reshape(node: &NodeRef, mut shape: Vec<usize>) -> Built<NodeRef> {
    let grid = &node.grid;
    grid.require_known("reshape")?;
    let wrong = |why: String| ArrayError::Shape { operation: "reshape".into(), why, shape: grid.shape_text() };
    let elements: usize = grid.shape().iter().product();
    let open: Vec<usize> = (0..shape.len()).filter(|&axis| shape[axis] == usize::MAX).collect();
    match open[..] {
        [] => {}
        [axis] => {
            let others: usize = shape.iter().filter(|&&len| len != usize::MAX).product();
            if others == 0 || elements % others != 0 {
                let said: Vec<String> =
                    shape.iter().map(|&len| if len == usize::MAX { "?".into() } else { len.to_string() }).collect();
                let said = super::chunks::tuple(said);
                return Err(wrong(format!("{elements} elements cannot be put into {said}")));
            }
            shape[axis] = elements / others;
        }
        _ => return Err(wrong("only one length can be left open".to_owned())),
    }
    let wanted: usize = shape.iter().product();
    if wanted != elements {
        return Err(wrong(format!("{elements} elements cannot become {} in {}", wanted, shape_text(&shape))));
    }
    if shape == grid.shape() {
        return Ok(Arc::clone(node));
    }
    // Elements made from their places have the same places in the new shape, if they lie one after the other.
    if let Op::Generated { generator, from, strides } = &node.op {
        let run = super::fused::row_major(&grid.shape());
        let in_order = elements == 0
            || strides.iter().zip(&run).zip(grid.shape()).all(|((stride, step), len)| len == 1 || stride == step);
        let constant = strides.iter().all(|&stride| stride == 0);
        if in_order || constant {
            let new_grid = reshaped_grid(node.dtype, grid, &shape)?;
            let strides = if constant { vec![0; shape.len()] } else { super::fused::row_major(&shape) };
            let op = Op::Generated { generator: Arc::clone(generator), from: *from, strides };
            return Ok(Node::new(node.name.clone(), node.dtype, new_grid, op));
        }
    }
    // Otherwise runs of whole rows become runs of whole rows.
    let rows = in_rows(&grid.shape(), grid.axes().first());
    let input = rechunked(node, &rows);
    let new_grid = reshaped_grid(node.dtype, grid, &shape)?;
    let operation = Reshape { input, grid: new_grid.clone() };
    Ok(Node::blocks("reshape", node.dtype, new_grid, operation))
}

/// Chunks along the first axis only.
fn in_rows(shape: &[usize], first: Option<&AxisChunks>) -> Grid {
    let whole = |(axis, &len): (usize, &usize)| match first {
        Some(chunks) if axis == 0 => chunks.clone(),
        _ => AxisChunks::whole(len),
    };
    Grid::new(shape.iter().enumerate().map(whole).collect::<Vec<_>>())
}

/// Chunks of whole rows, about as large as the chunks were.
fn reshaped_grid(dtype: DType, old: &Grid, shape: &[usize]) -> Built<Grid> {
    let largest: usize = old.largest().iter().product();
    match shape {
        [] => Ok(Grid::new(Vec::new())),
        [rows, rest @ ..] => {
            let row: usize = rest.iter().product();
            // A row that is larger than a chunk is cut too where nothing keeps it together: that is left to `rechunk`.
            let chunk = (largest / row.max(1)).clamp(1, (*rows).max(1));
            let mut lengths = vec![chunk];
            lengths.extend(rest.iter().map(|&len| len.max(1)));
            Chunking::PerAxis(lengths).grid(shape, dtype.size())
        }
    }
}

/// Both the input and the result are cut along their first axis only, so each block is a run of elements.
struct Reshape {
    input: NodeRef,
    grid: Grid,
}

/// Where the runs of blocks begin, in elements.
fn run_starts(grid: &Grid) -> Vec<usize> {
    let row: usize = grid.shape().iter().skip(1).product();
    match grid.axes().first() {
        None => vec![0, 1],
        Some(first) => (0..=first.count()).map(|chunk| first.start(chunk) * row).collect(),
    }
}

impl Operation for Reshape {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let starts = run_starts(&self.input.grid);
        let own = run_starts(&self.grid);
        let chunk = place.first().copied().unwrap_or(0);
        let (begin, end) = (own[chunk], own[chunk + 1]);
        let shape = self.grid.region(place).1;
        let mut inputs = Vec::new();
        let mut parts: Vec<(usize, usize)> = Vec::new();
        for block in 0..starts.len() - 1 {
            let (first, last) = (starts[block].max(begin), starts[block + 1].min(end));
            if first < last {
                let mut at = vec![0; self.input.grid.rank()];
                if let Some(axis) = at.first_mut() {
                    *axis = block;
                }
                inputs.push(lowering.block(&self.input, &at));
                parts.push((first - starts[block], last - starts[block]));
            }
        }
        with_type!(self.input.dtype, T => reshape_block::<T>(inputs, parts, shape))
    }
}

fn reshape_block<T: Element>(inputs: Vec<Arc<Step>>, parts: Vec<(usize, usize)>, shape: Vec<usize>) -> Arc<Step> {
    block_task::<T, _>("reshape", inputs, move |values: Vec<Value>| {
        let mut run: Vec<T> = Vec::with_capacity(shape.iter().product());
        for (&(first, last), value) in parts.iter().zip(values) {
            let block = as_block::<T>(value);
            let whole = block.len() == last - first;
            if whole && parts.len() == 1 && block.is_standard_layout() {
                let block = block.into_shape_with_order(IxDyn(&shape));
                return Ok(block.unwrap_or_else(|_| unreachable!("as many elements as the shape says")));
            }
            match block.as_slice() {
                Some(elements) => run.extend_from_slice(&elements[first..last]),
                None => run.extend(block.iter().skip(first).take(last - first).copied()),
            }
        }
        let block = ArrayD::from_shape_vec(IxDyn(&shape), run);
        Ok(block.unwrap_or_else(|_| unreachable!("as many elements as the shape says")).into_shared())
    })
}

fn concatenate(operation: &str, nodes: &[&NodeRef], axis: isize) -> Built<NodeRef> {
    let Some(first) = nodes.first() else {
        return Err(ArrayError::Parameter { operation: operation.into(), why: "there are no arrays".into() });
    };
    let axis = axis_of(operation, axis, &first.grid)?;
    // The other axes are cut alike.
    let mut axes: Vec<AxisChunks> = first.grid.axes().to_vec();
    for node in nodes {
        node.grid.require_known(operation)?;
        let (shape, wanted) = (node.grid.shape(), first.grid.shape());
        let fits = shape.len() == wanted.len() && (0..shape.len()).all(|own| own == axis || shape[own] == wanted[own]);
        if !fits {
            let why = format!("it does not fit to {} along axis {axis}", shape_text(&wanted));
            return Err(ArrayError::Shape { operation: operation.into(), why, shape: node.grid.shape_text() });
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
    axes[axis] = AxisChunks::new(inputs.iter().flat_map(|node| node.grid.axis(axis).sizes().collect::<Vec<_>>()));
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
