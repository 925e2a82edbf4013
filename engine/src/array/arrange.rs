//! Arrays put together in blocks, axes in other places, diagonals and triangles.

use std::cmp::Ordering;
use std::sync::Arc;

use super::Array;
use super::by_place::by_place;
use super::chunks::{AxisChunks, Grid};
use super::create::scalar_node;
use super::dispatch::with_type;
use super::element::{DType, Element, Number, Scalar};
use super::elementwise::chosen;
use super::error::{ArrayError, built};
use super::fused::{Generator, generating};
use super::lower::Lowering;
use super::node::{Node, NodeRef, rechunked, viewed};
use super::reduce::axis_of;
use super::take::known_axis;
use super::view::{View, ViewAxis};
use super::work::{as_block, block_task};
use crate::task::Made;

/// Which axis of a grid of coordinates belongs to which array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indexing {
    /// The first array varies along the second axis, the second along the first: as in a picture.
    Xy,
    /// Each array varies along the axis of its number.
    Ij,
}

impl<T> Array<T> {
    /// Arrays side by side in rows, and the rows one below the other: along the last axis, then along the one before it.
    ///
    /// Arrays of one axis count as single rows.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let (x, o) = (Array::<i64>::ones((2, 2), 2), Array::<i64>::zeros((2, 3), 2));
    /// let whole = Array::block(&[vec![x.clone(), o.clone()], vec![o, x]]);
    /// assert_eq!((whole.shape(), whole.sum().item()?), (vec![4, 5], 8));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there are no arrays, or their shapes do not fit together.
    #[track_caller]
    pub fn block(rows: &[Vec<Array<T>>]) -> Array<T> {
        let mut whole = Vec::with_capacity(rows.len());
        for row in rows {
            let wide = row.iter().map(|array| if array.ndim() == 1 { array.expand_dims(0) } else { array.clone() });
            whole.push(Array::concatenate(&wide.collect::<Vec<_>>(), -1));
        }
        Array::concatenate(&whole, -2)
    }

    /// An axis moved to another place; the others keep their order.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Array::<f64>::ones((3, 4, 5), "auto").moveaxis(0, -1).shape(), [4, 5, 3]);
    /// ```
    ///
    /// # Panics
    /// When there is no such axis.
    #[track_caller]
    pub fn moveaxis(&self, from: isize, to: isize) -> Array<T> {
        let grid = &self.node().grid;
        let (from, to) = (built(axis_of("moveaxis", from, grid)), built(axis_of("moveaxis", to, grid)));
        let mut order: Vec<usize> = (0..grid.rank()).filter(|&axis| axis != from).collect();
        order.insert(to, from);
        Array::of(viewed(self.node(), "transpose", &View::transposed(&grid.shape(), &order)))
    }

    /// The array without an axis, whose length is 1.
    ///
    /// # Panics
    /// When there is no such axis, or its length is not 1.
    #[track_caller]
    pub fn squeeze_axis(&self, axis: isize) -> Array<T> {
        let grid = &self.node().grid;
        let axis = built(known_axis("squeeze_axis", axis, grid));
        if grid.axis(axis).len() != 1 {
            let why = format!("axis {axis} has length {}, not 1", grid.axis(axis).len());
            built::<()>(Err(ArrayError::Shape { operation: "squeeze_axis".into(), why, shape: grid.shape_text() }));
        }
        let mut view = View::whole(&grid.shape());
        view.axes.remove(axis);
        view.picked.push((axis, 0));
        Array::of(viewed(self.node(), "squeeze", &view))
    }

    /// The rows from the last to the first.
    ///
    /// # Panics
    /// When there is no first axis, or its length is not known.
    #[track_caller]
    pub fn flipud(&self) -> Array<T> {
        self.flip(0)
    }

    /// The columns from the last to the first.
    ///
    /// # Panics
    /// When there is no second axis, or its length is not known.
    #[track_caller]
    pub fn fliplr(&self) -> Array<T> {
        self.flip(1)
    }

    /// Coordinates as arrays of one shape: each of the arrays, which have one axis, is repeated along the axes of the
    /// others.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::array::Indexing;
    /// let (x, y) = (Array::<f64>::arange(3, 2), Array::<f64>::arange(4, 2));
    /// let grid = Array::meshgrid(&[x, y], Indexing::Xy);
    /// assert_eq!(grid[0].shape(), [4, 3]);
    /// assert_eq!(grid[0].slice(s![3, ..]).sum().item()?, 0.0 + 1.0 + 2.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When an array has other than one axis, or a length that is not known.
    #[track_caller]
    pub fn meshgrid(arrays: &[Array<T>], indexing: Indexing) -> Vec<Array<T>>
    where
        T: Element,
    {
        let place = |number: usize| match (indexing, number) {
            (Indexing::Xy, 0) if arrays.len() > 1 => 1,
            (Indexing::Xy, 1) => 0,
            _ => number,
        };
        let mut axes = vec![AxisChunks::whole(1); arrays.len()];
        for (number, array) in arrays.iter().enumerate() {
            let grid = &array.node().grid;
            built(grid.require_known("meshgrid"));
            if grid.rank() != 1 {
                let why = "each array of coordinates has one axis".to_owned();
                built::<()>(Err(ArrayError::Shape { operation: "meshgrid".into(), why, shape: grid.shape_text() }));
            }
            axes[place(number)] = grid.axis(0).clone();
        }
        let chunks: Vec<Vec<usize>> = axes.iter().map(|axis| axis.sizes().collect()).collect();
        let shape: Vec<usize> = axes.iter().map(AxisChunks::len).collect();
        let wide = |(number, array): (usize, &Array<T>)| {
            let mut view = View { axes: vec![ViewAxis::New; arrays.len()], picked: Vec::new() };
            let len = array.node().grid.axis(0).len();
            view.axes[place(number)] = ViewAxis::Take { axis: 0, start: 0, step: 1, len };
            Array::of(viewed(array.node(), "meshgrid", &view)).broadcast_to(shape.clone(), chunks.clone())
        };
        arrays.iter().enumerate().map(wide).collect()
    }
}

/// Places of a matrix on a diagonal, and on the sides of it that are asked for.
struct Side {
    columns: u64,
    offset: i64,
    below: bool,
    above: bool,
}

impl Generator<bool> for Side {
    fn fill(&self, from: u64, step: i64, out: &mut [bool]) {
        for (at, out) in out.iter_mut().enumerate() {
            let place = from.wrapping_add_signed(step.wrapping_mul(at as i64));
            let (row, column) = ((place / self.columns) as i64, (place % self.columns) as i64);
            *out = match (column - row).cmp(&self.offset) {
                Ordering::Less => self.below,
                Ordering::Equal => true,
                Ordering::Greater => self.above,
            };
        }
    }
}

/// The elements of a matrix on a diagonal, and `below` and `above` it; zeros elsewhere.
#[track_caller]
fn masked(name: &'static str, node: &NodeRef, grid: Grid, offset: i64, [below, above]: [bool; 2]) -> NodeRef {
    let columns = grid.axis(1).len().max(1) as u64;
    let side = Made::by((columns, offset, below, above), |&(columns, offset, below, above)| {
        generating::<bool, _>(Side { columns, offset, below, above })
    });
    let mask = Node::generated(name, DType::Bool, side, grid);
    let zero: Scalar = node.dtype.zero();
    built(Node::elementwise(chosen(name, node.dtype), &[&mask, node, &scalar_node(zero, node.dtype)]))
}

/// The last two axes of an array that has them, and whose lengths are known.
#[track_caller]
fn matrices<T>(operation: &str, array: &Array<T>) -> Grid {
    let grid = &array.node().grid;
    if grid.rank() < 2 {
        let why = "it is for arrays of two axes or more".to_owned();
        built::<()>(Err(ArrayError::Shape { operation: operation.into(), why, shape: grid.shape_text() }));
    }
    let axes = [built(known_axis(operation, -2, grid)), built(known_axis(operation, -1, grid))];
    Grid::new(axes.map(|axis| grid.axis(axis).clone()))
}

impl<T: Element> Array<T> {
    /// The elements on and below a diagonal of each matrix of the last two axes, zeros above. `offset` 0 is the main
    /// diagonal, 1 the one above it.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Array::<i64>::ones((4, 4), 3).tril(-1).sum().item()?, 3 + 2 + 1);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there are fewer than two axes, or the length of one of the last two is not known.
    #[track_caller]
    pub fn tril(&self, offset: i64) -> Array<T> {
        let grid = matrices("tril", self);
        Array::of(masked("tril", self.node(), grid, offset, [true, false]))
    }

    /// The elements on and above a diagonal of each matrix of the last two axes, zeros below.
    ///
    /// # Panics
    /// As [`tril`](Array::tril).
    #[track_caller]
    pub fn triu(&self, offset: i64) -> Array<T> {
        let grid = matrices("triu", self);
        Array::of(masked("triu", self.node(), grid, offset, [false, true]))
    }

    /// Of an array of one axis the matrix with these elements on a diagonal; of a matrix the elements on a diagonal.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(3, 2).diag(1);
    /// assert_eq!(x.shape(), [4, 4]);
    /// assert_eq!(x.diag(1).compute()?.as_slice(), Some(&[0, 1, 2][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there are other than one or two axes, or a length is not known.
    #[track_caller]
    pub fn diag(&self, offset: isize) -> Array<T> {
        let grid = &self.node().grid;
        built(grid.require_known("diag"));
        match grid.rank() {
            1 => {
                let beside = offset.unsigned_abs();
                // Above the main diagonal the elements are those of the columns, below those of the rows.
                let zeros = super::PadMode::Constant(T::default());
                let long = self.pad((beside, 0), zeros).expand_dims(if offset < 0 { 1 } else { 0 });
                let chunks = long.node().grid.axis(if offset < 0 { 0 } else { 1 }).clone();
                let square = Grid::new([chunks.clone(), chunks]);
                Array::of(masked("diag", long.node(), square, offset as i64, [false, false]))
            }
            2 => Array::of(diagonal(self.node(), offset)),
            rank => {
                let why = format!("it is for arrays of one or two axes, not {rank}");
                let shape = grid.shape_text();
                built(Err(ArrayError::Shape { operation: "diag".into(), why, shape }))
            }
        }
    }
}

/// A diagonal of a matrix. Its chunks end wherever those of the rows or the columns do.
fn diagonal(node: &NodeRef, offset: isize) -> NodeRef {
    let (rows, columns) = (node.grid.axis(0), node.grid.axis(1));
    let first = [(-offset).max(0) as usize, offset.max(0) as usize];
    let len = rows.len().saturating_sub(first[0]).min(columns.len().saturating_sub(first[1]));
    let of = |chunks: &AxisChunks, first: usize| chunks.sliced(if len == 0 { 0 } else { first }, 1, len).0;
    let chunks = of(rows, first[0]).refined(&of(columns, first[1]));
    let starts = chunks.clone();
    let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
        let (start, len) = (starts.start(place[0]), starts.size(place[0]));
        let grid = &inputs[0].grid;
        let mut from = [0; 2];
        let mut begin = [0; 2];
        for axis in (0..2).filter(|_| len > 0) {
            from[axis] = grid.axis(axis).find(first[axis] + start);
            begin[axis] = first[axis] + start - grid.axis(axis).start(from[axis]);
        }
        let block = lowering.block(&inputs[0], &from);
        with_type!(inputs[0].dtype, U => block_task::<U, _, _>("diag", vec![block], (begin, len), |own, mut values| {
            let block = as_block::<U>(values.remove(0));
            let ([row, column], len) = *own;
            let elements = (0..len).map(|at| block[[row + at, column + at]]);
            Ok(ndarray::Array1::from_iter(elements).into_dyn().into_shared())
        }))
    };
    by_place("diag", node.dtype, Grid::new([chunks]), vec![Arc::clone(node)], make)
}

impl<T: Number> Array<T> {
    /// The differences of neighbours along an axis, `times` times over; each time the axis is shorter by one.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let squares = Array::<i64>::arange(5, 2).square();
    /// assert_eq!(squares.diff(1, 0).compute()?.as_slice(), Some(&[1, 3, 5, 7][..]));
    /// assert_eq!(squares.diff(2, 0).compute()?.as_slice(), Some(&[2, 2, 2][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such axis, or its length is not known.
    #[track_caller]
    pub fn diff(&self, times: usize, axis: isize) -> Array<T> {
        let axis = built(known_axis("diff", axis, &self.node().grid));
        let mut array = self.clone();
        for _ in 0..times {
            let grid = &array.node().grid;
            let len = grid.axis(axis).len().saturating_sub(1);
            let part = |start: usize| {
                let mut view = View::whole(&grid.shape());
                view.axes[axis] = ViewAxis::Take { axis, start: if len == 0 { 0 } else { start }, step: 1, len };
                viewed(array.node(), "diff", &view)
            };
            // Both parts in the chunks of the first, so that no chunk of one element is left at each border.
            let early = part(0);
            let late = rechunked(&part(1), &early.grid);
            array = Array::<T>::of(late) - Array::<T>::of(early);
        }
        array
    }
}
