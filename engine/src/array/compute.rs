//! Running what was built.

use std::any::Any;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, IxDyn, Slice};

use super::Array;
use super::chunks::{AxisChunks, Grid};
use super::codec::{Blocks, block_codec};
use super::create::{Held, fits};
use super::dispatch::with_type;
use super::element::Element;
use super::lower::Lowering;
use super::memory::zeroed;
use super::node::{Block, Node, NodeRef, Operation};
use super::room::room_for;
use super::spare::done_with;
use super::work::{as_block, block_task};
use crate::delayed::{Delayed, Gathered, Output};
use crate::error::Result;
use crate::graph::Graph;
use crate::scheduler::{self, Scheduler};
use crate::task::{Data, Made, Step, Value};
use crate::visualize::Drawing;

impl<T: Element> Array<T> {
    /// Runs the graph on the default scheduler and gives the elements.
    ///
    /// # Errors
    /// [`Error::Task`](crate::Error::Task) when a task panics or returns an error: it names the task and who needed it.
    /// [`Error::Cancelled`](crate::Error::Cancelled) when the computation was interrupted.
    pub fn compute(&self) -> Result<ArrayD<T>> {
        self.compute_with(Scheduler::default())
    }

    /// Runs the graph on the scheduler given.
    ///
    /// # Errors
    /// As [`compute`](Array::compute).
    pub fn compute_with(&self, scheduler: Scheduler) -> Result<ArrayD<T>> {
        if self.node().grid.first_unknown().is_none() && self.npartitions() > 1 {
            let shape = self.node().grid.shape();
            room_for("a result", &shape, T::DTYPE).map_err(|message| crate::Error::Resource { message })?;
        }
        let values = scheduler::run(self.graph(), scheduler)?;
        Ok(self.assembled(values))
    }

    /// Computes the only element of an array of length 1, or without axes.
    ///
    /// # Errors
    /// As [`compute`](Array::compute).
    ///
    /// # Panics
    /// When there are other than one.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Array::<i64>::arange(101, 10).sum().item()?, 5050);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    #[track_caller]
    pub fn item(&self) -> Result<T> {
        let grid = &self.node().grid;
        assert!(
            grid.shape().iter().all(|&len| len == 1) || grid.first_unknown().is_some(),
            "`item` is for an array of one element, and this one has shape {}",
            grid.shape_text()
        );
        let values = self.compute()?;
        let shape = grid.shape_text();
        Ok(*values
            .first()
            .unwrap_or_else(|| panic!("`item` is for an array of one element, and there is none ({shape})")))
    }

    /// Runs the graph now and keeps the blocks in memory: what is built on the array that comes back starts from them.
    ///
    /// # Errors
    /// As [`compute`](Array::compute).
    pub fn persist(&self) -> Result<Array<T>> {
        let values = scheduler::run(self.graph(), Scheduler::default())?;
        Ok(self.kept(values))
    }

    /// The lengths of chunks that depend on values, computed now. The blocks are kept.
    ///
    /// # Errors
    /// As [`compute`](Array::compute).
    pub fn compute_chunk_sizes(&self) -> Result<Array<T>> {
        if self.node().grid.first_unknown().is_none() { Ok(self.clone()) } else { self.persist() }
    }

    /// The graph: a task for each block, where elementwise operations and the reductions that end them are one.
    pub fn graph(&self) -> Graph {
        graph_of(self.node())
    }

    /// A drawing of the graph; the last expression of a cell shows it.
    pub fn visualize(&self) -> Drawing {
        Drawing::of(&self.graph())
    }

    /// The blocks as delayed values, in row-major order.
    pub fn to_delayed(&self) -> Vec<Delayed<Block<T>>> {
        Lowering::blocks_of(self.node()).into_iter().map(Delayed::from_step).collect()
    }

    /// A function of each block, which gives a block of the same shape.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::ones((4, 4), 2);
    /// let sums = x.map_blocks(|block| block.mapv(|x| x * block.sum()));
    /// assert_eq!(sums.max().item()?, 4.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn map_blocks<R: Element>(
        &self,
        function: impl Fn(ArrayViewD<'_, T>) -> ArrayD<R> + Send + Sync + 'static,
    ) -> Array<R> {
        let input = Arc::clone(self.node());
        let grid = input.grid.clone();
        let function = Made::<OnBlock<T, R>>::given("map_blocks", function, (), |function, ()| Arc::new(function));
        let operation = MapBlocks::<T, R> { input, function };
        Array::of(Node::blocks("map_blocks", R::DTYPE, grid, operation))
    }

    /// The blocks put together.
    /// The elements, from the bytes of the blocks that a [`Parcel`](crate::travel::Parcel) of this array gave elsewhere.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::travel::{Parcel, objects::Objects};
    ///
    /// let x = Array::<f64>::random((60, 40), 20).seed(1).normal(0.0, 1.0);
    /// let spread = (&x - x.mean_axis(0)).std_axis(1);
    /// let bytes = Parcel::pack(&(&spread,))?.to_bytes();       // to another process, by whatever way …
    ///
    /// let blocks = Parcel::from_bytes(&bytes)?.compute(&Objects::new(), Scheduler::Default)?;
    /// assert_eq!(spread.decode(&blocks)?, spread.compute()?);  // … and back
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Travel`](crate::Error::Travel) when these are not the bytes of its blocks.
    pub fn decode(&self, blocks: &[Vec<u8>]) -> Result<ArrayD<T>> {
        Ok(self.assembled(decoded(self.node(), blocks)?))
    }

    fn assembled(&self, values: Vec<Value>) -> ArrayD<T> {
        let whole = assemble(self.node(), values).downcast::<ArrayD<T>>();
        *whole.unwrap_or_else(|_| unreachable!("an array's element type is its node's"))
    }

    /// An array of blocks that are in memory.
    fn kept(&self, values: Vec<Value>) -> Array<T> {
        Array::of(keep(self.node(), values))
    }
}

fn decoded(node: &Node, blocks: &[Vec<u8>]) -> Result<Vec<Value>> {
    let stays = |why: String| crate::Error::Travel { task: node.name.clone(), why };
    let count = node.grid.blocks();
    if blocks.len() != count {
        return Err(stays(format!("{} blocks came back of {count}", blocks.len())));
    }
    let codec = block_codec(node.dtype).map_err(stays)?;
    blocks.iter().map(|bytes| codec.decode(bytes).map_err(stays)).collect()
}

fn graph_of(node: &NodeRef) -> Graph {
    Graph::lower(&Lowering::blocks_of(node))
}

/// The blocks put together, as an `ArrayD` in a box: compiled here, and not in every cell that computes something.
fn assemble(node: &Node, values: Vec<Value>) -> Box<dyn Any> {
    with_type!(node.dtype, T => {
        let mut blocks: Vec<Block<T>> = values.into_iter().map(as_block::<T>).collect();
        if blocks.len() == 1 {
            return Box::new(blocks.remove(0).into_owned());
        }
        let grid = grid_of(&node.grid, &blocks);
        let shape = grid.shape();
        if let Err(why) = room_for("a result", &shape, node.dtype) {
            panic!("{why}");
        }
        let whole = ArrayD::from_shape_vec(IxDyn(&shape), zeroed::<T>(shape.iter().product()));
        let mut whole = whole.unwrap_or_else(|_| unreachable!("as many elements as the shape says"));
        for (number, block) in blocks.into_iter().enumerate() {
            let (start, lengths) = grid.region(&grid.place(number));
            let mut target = whole.view_mut();
            target.slice_each_axis_inplace(|axis| {
                let axis = axis.axis.index();
                Slice::from(start[axis]..start[axis] + lengths[axis])
            });
            target.assign(&block);
            done_with(block);
        }
        Box::new(whole)
    })
}

fn keep(node: &Node, values: Vec<Value>) -> NodeRef {
    with_type!(node.dtype, T => {
        let blocks: Vec<Block<T>> = values.into_iter().map(as_block::<T>).collect();
        let grid = grid_of(&node.grid, &blocks);
        let data = |block| Step::new(Data::<Block<T>, Blocks>::new(Arc::new(block)));
        Held::node(&node.name, node.dtype, grid, blocks.into_iter().map(data).collect())
    })
}

/// The grid, with the lengths that only the blocks know.
fn grid_of<T>(grid: &Grid, blocks: &[Block<T>]) -> Grid {
    if grid.first_unknown().is_none() {
        return grid.clone();
    }
    let axes = (0..grid.rank()).map(|axis| {
        let chunks = grid.axis(axis);
        if chunks.is_known() {
            return chunks.clone();
        }
        let lengths = (0..chunks.count()).map(|chunk| {
            let mut place = vec![0; grid.rank()];
            place[axis] = chunk;
            blocks[grid.number(&place)].shape()[axis]
        });
        AxisChunks::new(lengths)
    });
    Grid::new(axes.collect::<Vec<_>>())
}

type OnBlock<T, R> = dyn Fn(ArrayViewD<'_, T>) -> ArrayD<R> + Send + Sync;

struct MapBlocks<T, R> {
    input: NodeRef,
    function: Made<OnBlock<T, R>>,
}

impl<T: Element, R: Element> Operation for MapBlocks<T, R> {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let input = lowering.block(&self.input, place);
        block_task::<R, _, _>("map_blocks", vec![input], self.function.clone(), |function, mut values| {
            let block = as_block::<T>(values.remove(0));
            fits(function(block.view()).into_shared(), block.shape())
        })
    }
}

impl<T: Element> Output for Array<T> {
    type Value = ArrayD<T>;
    type Kept = Array<T>;
    fn gather(&self, into: &mut Gathered) {
        into.expression(self.node());
    }
    fn take(&self, values: &mut std::vec::IntoIter<Value>) -> ArrayD<T> {
        self.assembled(values.take(self.node().grid.blocks()).collect())
    }
    fn keep(&self, values: &mut std::vec::IntoIter<Value>) -> Array<T> {
        self.kept(values.take(self.node().grid.blocks()).collect())
    }
}
