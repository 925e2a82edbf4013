//! Arrays from nothing, from memory, from functions and from delayed values.

use std::any::Any;
use std::sync::Arc;

use ndarray::{ArrayD, Dimension, IntoDimension};

use super::Array;
use super::advice::advise;
use super::chunks::{AxisChunks, Chunking, Grid};
use super::dispatch::{with_float, with_number, with_type};
use super::element::{DType, Element, Float, Number, Scalar, sealed::Lanes};
use super::error::built;
use super::fused::{Generator, generating};
use super::lower::Lowering;
use super::node::{Block, Node, NodeRef, Operation};
use super::spare::done_with_value;
use super::work::block_task;
use crate::delayed::Delayed;
use crate::error::BoxError;
use crate::task::{Failure, Made, Role, Step, Value};

/// The lengths of the axes.
pub(crate) fn lengths(shape: impl IntoDimension) -> Vec<usize> {
    shape.into_dimension().slice().to_vec()
}

#[track_caller]
pub(crate) fn grid(shape: &[usize], chunks: Chunking, dtype: DType) -> Grid {
    let grid = built(chunks.grid(shape, dtype.size()));
    advise(&grid, dtype);
    grid
}

/// An array in memory. It comes as what it is in a box, so that a notebook's cell need not compile what is done with it.
fn memory(dtype: DType, array: Box<dyn Any>, grid: Grid) -> NodeRef {
    with_type!(dtype, T => match array.downcast::<Block<T>>() {
        Ok(array) => Node::memory(*array, grid),
        Err(_) => unreachable!("an array's element type is its node's"),
    })
}

/// A number without axes, which broadcasts to everything.
pub(crate) fn scalar_node(value: Scalar, dtype: DType) -> NodeRef {
    Node::constant("", dtype, value, Grid::new(Vec::new()))
}

/// `from + place * step`
struct Ramp<T> {
    from: T,
    step: T,
}

impl<T: Number> Generator<T> for Ramp<T> {
    fn fill(&self, from: u64, step: i64, out: &mut [T]) {
        for (at, out) in out.iter_mut().enumerate() {
            let place = from.wrapping_add_signed(step.wrapping_mul(at as i64));
            *out = self.from.add(self.step.mul(T::from_place(place)));
        }
    }
}

/// Ones on a diagonal.
struct Diagonal {
    columns: u64,
    offset: i64,
}

impl<T: Element> Generator<T> for Diagonal {
    fn fill(&self, from: u64, step: i64, out: &mut [T]) {
        for (at, out) in out.iter_mut().enumerate() {
            let place = from.wrapping_add_signed(step.wrapping_mul(at as i64));
            let (row, column) = ((place / self.columns) as i64, (place % self.columns) as i64);
            *out = if column - row == self.offset { T::one() } else { T::default() };
        }
    }
}

/// A function of the indices.
struct FromFn<F> {
    shape: Vec<usize>,
    function: F,
}

impl<T: Element, F: Fn(&[usize]) -> T + Send + Sync + 'static> Generator<T> for FromFn<F> {
    fn fill(&self, from: u64, step: i64, out: &mut [T]) {
        let mut index = vec![0; self.shape.len()];
        for (at, out) in out.iter_mut().enumerate() {
            let mut place = from.wrapping_add_signed(step.wrapping_mul(at as i64));
            for (index, &len) in index.iter_mut().zip(&self.shape).rev() {
                *index = (place % len as u64) as usize;
                place /= len as u64;
            }
            *out = (self.function)(&index);
        }
    }
}

impl<T: Element> Array<T> {
    /// An array of zeros; `false` for `bool`.
    ///
    /// The shape is a length, a tuple, an array or a vector of lengths; for the chunks see [`Chunking`].
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i32>::zeros((4, 6), (2, 3));
    /// assert_eq!(x.numblocks(), [2, 2]);
    /// assert_eq!(x.sum().item()?, 0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the chunks do not fit to the shape.
    #[track_caller]
    pub fn zeros(shape: impl IntoDimension, chunks: impl Into<Chunking>) -> Array<T> {
        let shape = lengths(shape);
        Array::of(Node::constant("zeros", T::DTYPE, T::DTYPE.zero(), grid(&shape, chunks.into(), T::DTYPE)))
    }

    /// An array of ones; `true` for `bool`.
    ///
    /// # Panics
    /// When the chunks do not fit to the shape.
    #[track_caller]
    pub fn ones(shape: impl IntoDimension, chunks: impl Into<Chunking>) -> Array<T> {
        let shape = lengths(shape);
        Array::of(Node::constant("ones", T::DTYPE, T::DTYPE.one(), grid(&shape, chunks.into(), T::DTYPE)))
    }

    /// An array of the same value everywhere.
    ///
    /// # Panics
    /// When the chunks do not fit to the shape.
    #[track_caller]
    pub fn full(shape: impl IntoDimension, value: T, chunks: impl Into<Chunking>) -> Array<T> {
        let shape = lengths(shape);
        Array::of(Node::constant("full", T::DTYPE, value.scalar(), grid(&shape, chunks.into(), T::DTYPE)))
    }

    /// Ones on a diagonal of a square, zeros elsewhere. `offset` 0 is the main diagonal, 1 the one above it.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Array::<f64>::eye(1000, 0, 300).sum().item()?, 1000.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the chunks do not fit to the shape.
    #[track_caller]
    pub fn eye(len: usize, offset: i64, chunks: impl Into<Chunking>) -> Array<T> {
        let grid = grid(&[len, len], chunks.into(), T::DTYPE);
        fn node(dtype: DType, columns: u64, offset: i64, grid: Grid) -> NodeRef {
            let diagonal = Made::by(
                (dtype, columns, offset),
                |&(dtype, columns, offset)| with_type!(dtype, U => generating::<U, _>(Diagonal { columns, offset })),
            );
            Node::generated("eye", dtype, diagonal, grid)
        }
        Array::of(node(T::DTYPE, len.max(1) as u64, offset, grid))
    }

    /// The elements of an array in memory, which is shared and not copied.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::from_ndarray(ndarray::array![[1_i64, 2, 3], [4, 5, 6]], (1, 3));
    /// assert_eq!(x.sum_axis(1).compute()?.as_slice(), Some(&[6, 15][..]));
    /// # use taskloom::ndarray;
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the chunks do not fit to the shape.
    #[track_caller]
    pub fn from_ndarray<D: Dimension>(array: ndarray::Array<T, D>, chunks: impl Into<Chunking>) -> Array<T> {
        let grid = grid(array.shape(), chunks.into(), T::DTYPE);
        Array::of(memory(T::DTYPE, Box::new(array.into_dyn().into_shared()), grid))
    }

    /// The elements of a vector, as an array of one axis.
    ///
    /// # Panics
    /// When the chunks do not fit to the length.
    #[track_caller]
    pub fn from_vec(values: Vec<T>, chunks: impl Into<Chunking>) -> Array<T> {
        Array::from_ndarray(ndarray::Array1::from_vec(values), chunks)
    }

    /// An array whose elements are a function of their indices.
    ///
    /// The function may run more than once for an element, so it should give the same each time.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let table = Array::from_fn((10, 10), "auto", |at| (at[0] + 1) as i64 * (at[1] + 1) as i64);
    /// assert_eq!(table.compute()?[[6, 7]], 56);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the chunks do not fit to the shape.
    #[track_caller]
    pub fn from_fn(
        shape: impl IntoDimension,
        chunks: impl Into<Chunking>,
        function: impl Fn(&[usize]) -> T + Send + Sync + 'static,
    ) -> Array<T> {
        let shape = lengths(shape);
        let grid = grid(&shape, chunks.into(), T::DTYPE);
        let generator = Made::given("from_fn", function, shape, |function, shape: &Vec<usize>| {
            generating::<T, _>(FromFn { shape: shape.clone(), function })
        });
        Array::of(Node::generated("from_fn", T::DTYPE, generator, grid))
    }

    /// An array whose blocks are a function of their place: the function gets the first index and the length of the block
    /// along each axis, and gives a block of that shape.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::ndarray::ArrayD;
    /// let x = Array::from_blocks((6, 4), (2, 4), |start, shape| ArrayD::from_elem(shape, start[0] as f64));
    /// assert_eq!(x.mean().item()?, 2.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the chunks do not fit to the shape.
    #[track_caller]
    pub fn from_blocks(
        shape: impl IntoDimension,
        chunks: impl Into<Chunking>,
        function: impl Fn(&[usize], &[usize]) -> ArrayD<T> + Send + Sync + 'static,
    ) -> Array<T> {
        let grid = grid(&lengths(shape), chunks.into(), T::DTYPE);
        let function = Made::<BlockFunction<T>>::given("from_blocks", function, (), |function, ()| Arc::new(function));
        let operation = FromBlocks { grid: grid.clone(), function };
        Array::of(Node::blocks("from_blocks", T::DTYPE, grid, operation))
    }

    /// One block that a delayed call makes; its shape has to be said.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::ndarray::Array2;
    /// fn load(day: usize) -> Array2<f64> { Array2::from_elem((2, 3), day as f64) }
    /// let days: Vec<_> = (0..4).map(|day| Array::from_delayed(&delayed!(load(day)), (2, 3))).collect();
    /// assert_eq!(Array::concatenate(&days, 0).mean().item()?, 1.5);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn from_delayed<D>(value: &Delayed<ndarray::Array<T, D>>, shape: impl IntoDimension) -> Array<T>
    where
        D: Dimension + Send + Sync + 'static,
    {
        let shape = lengths(shape);
        let grid = Grid::new(shape.iter().map(|&len| AxisChunks::whole(len)).collect::<Vec<_>>());
        let step =
            block_task::<T, _, _>("from_delayed", vec![Arc::clone(value.step())], shape, |wanted, mut values| {
                let array = values.remove(0).downcast::<ndarray::Array<T, D>>();
                let array = array.unwrap_or_else(|_| unreachable!("a handle's type is its node's type"));
                let array = Arc::unwrap_or_clone(array).into_dyn().into_shared();
                fits(array, wanted)
            });
        Array::of(Held::node("from_delayed", T::DTYPE, grid, vec![step]))
    }
}

/// A block, if it has the shape that was said.
pub(crate) fn fits<T: Element>(block: Block<T>, wanted: &[usize]) -> Result<Block<T>, Failure> {
    if block.shape() == wanted {
        return Ok(block);
    }
    let said: BoxError = format!(
        "the block has shape {}, and {} was said",
        super::chunks::shape_text(block.shape()),
        super::chunks::shape_text(wanted)
    )
    .into();
    Err(Failure::Error(said))
}

type BlockFunction<T> = dyn Fn(&[usize], &[usize]) -> ArrayD<T> + Send + Sync;

struct FromBlocks<T> {
    grid: Grid,
    function: Made<BlockFunction<T>>,
}

impl<T: Element> Operation for FromBlocks<T> {
    fn inputs(&self) -> Vec<&NodeRef> {
        Vec::new()
    }

    fn step(&self, place: &[usize], _lowering: &mut Lowering) -> Arc<Step> {
        let parameters = (self.grid.region(place), self.function.clone());
        block_task::<T, _, _>("from_blocks", Vec::new(), parameters, |((start, shape), function), _| {
            fits(function(start, shape).into_shared(), shape)
        })
    }
}

/// Blocks whose tasks are there already, in row-major order.
pub(crate) struct Held {
    steps: Vec<Arc<Step>>,
    grid: Grid,
}

impl Held {
    pub(crate) fn node(name: &str, dtype: DType, grid: Grid, steps: Vec<Arc<Step>>) -> NodeRef {
        Node::blocks(name, dtype, grid.clone(), Held { steps, grid })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for step in self.steps.drain(..) {
            let value = match step.body().role() {
                Role::Data(value) => Some(Value::clone(value)),
                Role::Task => None,
            };
            drop(step);
            value.into_iter().for_each(done_with_value);
        }
    }
}

impl Operation for Held {
    fn inputs(&self) -> Vec<&NodeRef> {
        Vec::new()
    }
    fn step(&self, place: &[usize], _lowering: &mut Lowering) -> Arc<Step> {
        Arc::clone(&self.steps[self.grid.number(place)])
    }
}

impl<T: Number> Array<T> {
    /// The numbers from 0 on, so many.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Array::<i64>::arange(5, 3).compute()?.as_slice(), Some(&[0, 1, 2, 3, 4][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the chunks do not fit to the length.
    #[track_caller]
    pub fn arange(count: usize, chunks: impl Into<Chunking>) -> Array<T> {
        Array::range_step(T::default(), T::one(), count, chunks)
    }

    /// `count` numbers from `start` on, each `step` more than the one before.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::range_step(10, -2, 4, "auto");
    /// assert_eq!(x.compute()?.as_slice(), Some(&[10, 8, 6, 4][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the chunks do not fit to the length.
    #[track_caller]
    pub fn range_step(start: T, step: T, count: usize, chunks: impl Into<Chunking>) -> Array<T> {
        let grid = grid(&[count], chunks.into(), T::DTYPE);
        fn node(dtype: DType, start: Scalar, step: Scalar, grid: Grid) -> NodeRef {
            let ramp = Made::by((dtype, start, step), |&(dtype, start, step)| {
                with_number!(dtype, U => {
                    generating::<U, _>(Ramp { from: U::from_scalar(start), step: U::from_scalar(step) })
                })
            });
            Node::generated("arange", dtype, ramp, grid)
        }
        Array::of(node(T::DTYPE, start.scalar(), step.scalar(), grid))
    }
}

impl<T: Float> Array<T> {
    /// `count` numbers from `start` to `end`, both included, at equal distances.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::linspace(0.0, 1.0, 5, "auto");
    /// assert_eq!(x.compute()?.as_slice(), Some(&[0.0, 0.25, 0.5, 0.75, 1.0][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the chunks do not fit to the length.
    #[track_caller]
    pub fn linspace(start: T, end: T, count: usize, chunks: impl Into<Chunking>) -> Array<T> {
        let steps = T::from_f64(count.saturating_sub(1).max(1) as f64);
        let grid = grid(&[count], chunks.into(), T::DTYPE);
        let step = Number::div(Number::sub(end, start), steps);
        // The last is `end` itself, whatever rounding makes of the step.
        struct Line<T> {
            ramp: Ramp<T>,
            end: T,
            last: u64,
        }
        impl<T: Number> Generator<T> for Line<T> {
            fn fill(&self, from: u64, step: i64, out: &mut [T]) {
                self.ramp.fill(from, step, out);
                for (at, out) in out.iter_mut().enumerate() {
                    if self.last > 0 && from.wrapping_add_signed(step.wrapping_mul(at as i64)) == self.last {
                        *out = self.end;
                    }
                }
            }
        }
        fn node(dtype: DType, start: Scalar, step: Scalar, end: Scalar, last: u64, grid: Grid) -> NodeRef {
            let line = Made::by((dtype, start, step, end, last), |&(dtype, start, step, end, last)| {
                with_float!(dtype, U => {
                    let ramp = Ramp::<U> { from: U::from_scalar(start), step: U::from_scalar(step) };
                    generating::<U, _>(Line { ramp, end: U::from_scalar(end), last })
                })
            });
            Node::generated("linspace", dtype, line, grid)
        }
        let last = count.saturating_sub(1) as u64;
        Array::of(node(T::DTYPE, start.scalar(), step.scalar(), end.scalar(), last, grid))
    }
}

/// Shapes like those of another array.
impl<T: Element> Array<T> {
    /// Zeros in the shape and chunks of this array.
    pub fn zeros_like(&self) -> Array<T> {
        Array::of(Node::constant("zeros", T::DTYPE, T::DTYPE.zero(), self.node().grid.clone()))
    }

    /// Ones in the shape and chunks of this array.
    pub fn ones_like(&self) -> Array<T> {
        Array::of(Node::constant("ones", T::DTYPE, T::DTYPE.one(), self.node().grid.clone()))
    }

    /// The same value everywhere, in the shape and chunks of this array.
    pub fn full_like(&self, value: T) -> Array<T> {
        Array::of(Node::constant("full", T::DTYPE, value.scalar(), self.node().grid.clone()))
    }
}
