//! What an array is made of: expressions without a type parameter, simplified as they are built.
//!
//! Views of memory, of generated elements and of elementwise expressions move to where the elements come from, so what is
//! not needed is never made, and a slice or a transposed array costs nothing.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use ndarray::{ArcArray, IxDyn};

use super::chunks::{AxisChunks, Grid};
use super::depth::{self, Depth};
use super::dispatch::with_type;
use super::element::{DType, Element, Scalar, sealed::Lanes};
use super::error::{ArrayError, Built};
use super::fused::{AnyArray, AnyGenerator, AnyReducer, Generator, Kernel, generating};
use super::lower::Lowering;
use super::rechunk;
use super::room::manageable;
use super::view::{View, ViewAxis, is_all};
use super::view_blocks::ViewBlocks;
use crate::task::{Made, Step};

/// A block of an array: what a task hands to the next. Blocks share memory, so that a slice of one is not a copy.
pub(crate) type Block<T> = ArcArray<T, IxDyn>;

pub(crate) type NodeRef = Arc<Node>;

/// An array expression.
pub(crate) struct Node {
    /// Different for every node of the process.
    pub(crate) id: u64,
    /// What a person calls the operation.
    pub(crate) name: String,
    pub(crate) dtype: DType,
    pub(crate) grid: Grid,
    pub(crate) op: Op,
    pub(crate) depth: Depth,
}

pub(crate) enum Op {
    /// An array in memory.
    Memory(Arc<dyn AnyArray>),
    /// Elements that are made from their places: the place of the first, and the step along each axis.
    Generated { generator: Made<dyn AnyGenerator>, from: u64, strides: Vec<isize> },
    /// A function of the elements at the same place. The inputs broadcast to the grid, and have its chunks.
    Elementwise { kernel: Made<dyn Kernel>, inputs: Vec<NodeRef> },
    /// Axes are folded.
    Reduction(Reduction),
    /// Anything else: one task for each block.
    Blocks(Box<dyn Operation>),
}

pub(crate) struct Reduction {
    pub(crate) input: NodeRef,
    /// For each axis of the input, whether it is folded.
    pub(crate) folded: Vec<bool>,
    /// Whether folded axes stay, with length 1.
    pub(crate) keepdims: bool,
    pub(crate) reducer: Made<dyn AnyReducer>,
}

/// An operation that makes its blocks from blocks of other arrays.
pub(crate) trait Operation: Send + Sync + 'static {
    /// The arrays it reads.
    fn inputs(&self) -> Vec<&NodeRef>;
    /// The task that makes the block at a place of the grid; its value is a [`Block`].
    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step>;
    /// The operation that makes a view of the result, where it can make only what is seen. `grid` is the view's.
    fn viewed(&self, _view: &View, _grid: &Grid) -> Option<Box<dyn Operation>> {
        None
    }
    /// The file or folder that is read, so that nobody writes into it at the same time.
    fn reads(&self) -> Option<&Path> {
        None
    }
    /// Whether it moves elements and does nothing else, so that making a block again costs no more than what it is made
    /// from.
    fn only_moves(&self) -> bool {
        false
    }
    /// The operation that makes the result in other chunks, where that costs no more than to put them together.
    fn rechunked(&self, _grid: &Grid) -> Option<Box<dyn Operation>> {
        None
    }
}

impl Node {
    pub(crate) fn new(name: impl Into<String>, dtype: DType, grid: Grid, op: Op) -> NodeRef {
        let depth = Depth::of(&op);
        Arc::new(Node { id: Node::next_id(), name: name.into(), dtype, grid, op, depth })
    }

    fn next_id() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn memory<T: Element>(array: ArcArray<T, IxDyn>, grid: Grid) -> NodeRef {
        Node::new("array", T::DTYPE, grid, Op::Memory(Arc::new(array)))
    }

    /// Elements that are made from their places in the whole array, in row-major order.
    pub(crate) fn generated(name: &str, dtype: DType, generator: Made<dyn AnyGenerator>, grid: Grid) -> NodeRef {
        let mut strides = vec![1; grid.rank()];
        for axis in (1..grid.rank()).rev() {
            strides[axis - 1] = strides[axis] * grid.axis(axis).len() as isize;
        }
        Node::new(name, dtype, grid, Op::Generated { generator, from: 0, strides })
    }

    /// The same element everywhere.
    pub(crate) fn constant(name: &str, dtype: DType, value: Scalar, grid: Grid) -> NodeRef {
        struct Constant<T>(T);
        impl<T: Element> Generator<T> for Constant<T> {
            fn fill(&self, _from: u64, _step: i64, out: &mut [T]) {
                out.fill(self.0);
            }
        }
        let generator = Made::by(
            (dtype, value),
            |&(dtype, value)| with_type!(dtype, T => generating(Constant(T::from_scalar(value)))),
        );
        let strides = vec![0; grid.rank()];
        Node::new(name, dtype, grid, Op::Generated { generator, from: 0, strides })
    }

    pub(crate) fn blocks(name: impl Into<String>, dtype: DType, grid: Grid, operation: impl Operation) -> NodeRef {
        Node::new(name, dtype, grid, Op::Blocks(Box::new(operation)))
    }

    /// An array whose blocks are made from others of the same array: the operation gets the way back to its node.
    pub(crate) fn recursive<O: Operation>(
        name: &str,
        dtype: DType,
        grid: Grid,
        operation: impl FnOnce(Weak<Node>) -> O,
    ) -> NodeRef {
        Arc::new_cyclic(|own| {
            let op = Op::Blocks(Box::new(operation(Weak::clone(own))));
            let depth = Depth::of(&op);
            Node { id: Node::next_id(), name: name.to_owned(), dtype, grid, op, depth }
        })
    }

    /// A function of elements at the same place; the inputs are broadcast and cut alike.
    pub(crate) fn elementwise(kernel: Made<dyn Kernel>, inputs: &[&NodeRef]) -> Built<NodeRef> {
        let grid = common_grid(kernel.name(), inputs)?;
        if inputs.len() > 1 {
            manageable(kernel.name(), &grid)?;
        }
        let inputs = inputs.iter().map(|input| rechunked(input, &input_grid(input, &grid))).collect();
        let (name, dtype) = (kernel.name().to_owned(), kernel.output());
        Ok(depth::bounded(Node::new(name, dtype, grid, Op::Elementwise { kernel, inputs })))
    }

    /// The nodes that this one reads.
    pub(crate) fn inputs(&self) -> Vec<&NodeRef> {
        self.op.inputs()
    }

    /// The arrays that an elementwise expression is made of, each once; of any other node, the node itself.
    pub(crate) fn leaves(&self) -> Vec<&Node> {
        let mut seen = HashSet::from([self.id]);
        let (mut left, mut leaves) = (vec![self], Vec::new());
        while let Some(node) = left.pop() {
            match &node.op {
                Op::Elementwise { inputs, .. } => {
                    left.extend(inputs.iter().filter(|input| seen.insert(input.id)).map(|input| &**input));
                }
                _ => leaves.push(node),
            }
        }
        leaves
    }
}

impl Op {
    /// The nodes that it reads.
    pub(crate) fn inputs(&self) -> Vec<&NodeRef> {
        match self {
            Op::Memory(_) | Op::Generated { .. } => Vec::new(),
            Op::Elementwise { inputs, .. } => inputs.iter().collect(),
            Op::Reduction(reduction) => vec![&reduction.input],
            Op::Blocks(operation) => operation.inputs(),
        }
    }
}

/// An axis along which an array is broadcast.
fn is_one(axis: &AxisChunks) -> bool {
    axis.is_known() && axis.len() == 1
}

/// The grid of an input whose elements meet those of `grid`.
fn input_grid(input: &Node, grid: &Grid) -> Grid {
    let missing = grid.rank() - input.grid.rank();
    let axes = input.grid.axes().iter().enumerate().map(|(axis, own)| match is_one(own) {
        // In one chunk, which meets all others: there may be empty ones beside it.
        true if !is_one(grid.axis(axis + missing)) => AxisChunks::whole(1),
        _ => grid.axis(axis + missing).clone(),
    });
    Grid::new(axes.collect::<Vec<_>>())
}

/// The grid to which all inputs broadcast, cut wherever one of them is.
fn common_grid(operation: &str, inputs: &[&NodeRef]) -> Built<Grid> {
    let rank = inputs.iter().map(|input| input.grid.rank()).max().unwrap_or(0);
    let mut axes: Vec<Option<(AxisChunks, &NodeRef)>> = vec![None; rank];
    for &input in inputs {
        let missing = rank - input.grid.rank();
        for (axis, chunks) in input.grid.axes().iter().enumerate() {
            let one = AxisChunks::whole(1);
            let chunks = if is_one(chunks) { &one } else { chunks };
            let place = &mut axes[axis + missing];
            *place = match place.take() {
                None => Some((chunks.clone(), input)),
                Some((before, of)) if is_one(chunks) => Some((before, of)),
                Some((before, _)) if is_one(&before) => Some((chunks.clone(), input)),
                Some((before, of)) => {
                    let fits = match (before.is_known(), chunks.is_known()) {
                        (true, true) => before.len() == chunks.len(),
                        // Nobody knows, but as many chunks are taken for the same ones, as in Dask.
                        _ => before.count() == chunks.count(),
                    };
                    if !fits {
                        let text = |chunks: &AxisChunks| match chunks.is_known() {
                            true => chunks.len().to_string(),
                            false => format!("? in {} chunks", chunks.count()),
                        };
                        return Err(ArrayError::Broadcast {
                            operation: operation.to_owned(),
                            left: of.grid.shape_text(),
                            right: input.grid.shape_text(),
                            axis: axis + missing,
                            left_len: text(&before).into(),
                            right_len: text(chunks).into(),
                        });
                    }
                    match (before.is_known(), chunks.is_known()) {
                        (true, true) => Some((before.refined(chunks), of)),
                        (true, false) => Some((chunks.clone(), input)),
                        (false, _) => Some((before, of)),
                    }
                }
            };
        }
    }
    Ok(Grid::new(axes.into_iter().flatten().map(|(chunks, _)| chunks).collect::<Vec<_>>()))
}

/// What has been made of nodes already, so that a part of an expression that is used twice stays one.
type Known<K> = HashMap<u64, Vec<(K, NodeRef)>>;

fn once<K: PartialEq + Clone>(
    made: &mut Known<K>,
    node: &NodeRef,
    key: &K,
    make: impl FnOnce(&mut Known<K>) -> NodeRef,
) -> NodeRef {
    if let Some((_, known)) = made.get(&node.id).and_then(|known| known.iter().find(|(other, _)| other == key)) {
        return Arc::clone(known);
    }
    let new = make(made);
    made.entry(node.id).or_default().push((key.clone(), Arc::clone(&new)));
    new
}

/// The same array, cut in another way. The shapes are the same.
pub(crate) fn rechunked(node: &NodeRef, grid: &Grid) -> NodeRef {
    cut(node, grid, &mut Known::new())
}

fn cut(node: &NodeRef, grid: &Grid, made: &mut Known<Grid>) -> NodeRef {
    let same = |own: &AxisChunks, other: &AxisChunks| own == other || !own.is_known() || !other.is_known();
    if node.grid.axes().iter().zip(grid.axes()).all(|(own, other)| same(own, other)) {
        return Arc::clone(node);
    }
    // Chunks that are known stay so, also where they meet others that are not.
    let axes = node.grid.axes().iter().zip(grid.axes()).map(|(own, new)| if new.is_known() { new } else { own });
    let grid = &Grid::new(axes.cloned().collect::<Vec<_>>());
    let op = match &node.op {
        Op::Memory(array) => Op::Memory(Arc::clone(array)),
        Op::Generated { generator, from, strides } => {
            Op::Generated { generator: generator.clone(), from: *from, strides: strides.clone() }
        }
        Op::Elementwise { kernel, inputs } => {
            let inputs = inputs.iter().map(|input| {
                let own = input_grid(input, grid);
                once(made, input, &own, |made| cut(input, &own, made))
            });
            Op::Elementwise { kernel: kernel.clone(), inputs: inputs.collect() }
        }
        Op::Blocks(operation) => match operation.rechunked(grid) {
            Some(operation) => Op::Blocks(operation),
            None => return rechunk::rechunk(node, grid),
        },
        Op::Reduction(_) => return rechunk::rechunk(node, grid),
    };
    Node::new(node.name.clone(), node.dtype, grid.clone(), op)
}

/// A view of an array. The axes and indices of the view are inside the array.
pub(crate) fn viewed(node: &NodeRef, name: &str, view: &View) -> NodeRef {
    seen(node, name, view, &mut Known::new())
}

fn seen(node: &NodeRef, name: &str, view: &View, made: &mut Known<View>) -> NodeRef {
    if node.grid.first_unknown().is_none() && view.is_whole(&node.grid.shape()) {
        return Arc::clone(node);
    }
    let grid = Grid::new(view.chunks(node.grid.axes()));
    match &node.op {
        Op::Memory(array) => Node::new(node.name.clone(), node.dtype, grid, Op::Memory(array.viewed(view))),
        Op::Generated { generator, from, strides } => {
            let (from, strides) = view.strides(*from, strides);
            let op = Op::Generated { generator: generator.clone(), from, strides };
            Node::new(node.name.clone(), node.dtype, grid, op)
        }
        Op::Elementwise { kernel, inputs } => {
            let inputs = inputs.iter().map(|input| {
                let own = view_of_input(view, node, input);
                once(made, input, &own, |made| seen(input, name, &own, made))
            });
            let inputs = inputs.collect();
            Node::new(node.name.clone(), node.dtype, grid, Op::Elementwise { kernel: kernel.clone(), inputs })
        }
        Op::Reduction(reduction) => match view_before_folding(view, reduction) {
            Some(before) => {
                let reduction = Reduction {
                    input: seen(&reduction.input, name, &before, made),
                    folded: reduction.folded.clone(),
                    keepdims: reduction.keepdims,
                    reducer: reduction.reducer.clone(),
                };
                Node::new(node.name.clone(), node.dtype, grid, Op::Reduction(reduction))
            }
            None => ViewBlocks::node(node, name, view, grid),
        },
        Op::Blocks(operation) => match operation.viewed(view, &grid) {
            Some(operation) => Node::new(node.name.clone(), node.dtype, grid, Op::Blocks(operation)),
            None => ViewBlocks::node(node, name, view, grid),
        },
    }
}

/// The view of an input from which the view of the result follows.
fn view_of_input(view: &View, node: &NodeRef, input: &NodeRef) -> View {
    let missing = node.grid.rank() - input.grid.rank();
    let axes = view.axes.iter().map(|axis| match *axis {
        ViewAxis::New => ViewAxis::New,
        ViewAxis::Take { axis, .. } if axis < missing => ViewAxis::New,
        ViewAxis::Take { axis, start, step, len } => {
            let own = axis - missing;
            let chunks = input.grid.axis(own);
            match is_one(chunks) && !is_one(node.grid.axis(axis)) {
                true => ViewAxis::Take { axis: own, start: 0, step: 1, len: 1 },
                // An axis of unknown length is always taken whole.
                false if !node.grid.axis(axis).is_known() => {
                    ViewAxis::Take { axis: own, start: 0, step: 1, len: chunks.len() }
                }
                false => ViewAxis::Take { axis: own, start, step, len },
            }
        }
    });
    let picked = view.picked.iter().filter(|&&(axis, _)| axis >= missing).map(|&(axis, index)| {
        let own = axis - missing;
        (own, if is_one(input.grid.axis(own)) { 0 } else { index })
    });
    View { axes: axes.collect(), picked: picked.collect() }
}

/// The view of what is folded from which a view of the result follows: when only axes that stay are cut, in their order.
fn view_before_folding(view: &View, reduction: &Reduction) -> Option<View> {
    let chunks = reduction.input.grid.axes();
    let mut after = view.axes.iter().enumerate();
    let mut axes = Vec::new();
    for (axis, &folded) in reduction.folded.iter().enumerate() {
        let whole = ViewAxis::Take { axis, start: 0, step: 1, len: chunks[axis].len() };
        if folded && !reduction.keepdims {
            axes.push(whole);
            continue;
        }
        match after.next()? {
            (place, &ViewAxis::Take { axis: of, start, step, len }) if of == place => {
                axes.push(match folded {
                    false if is_all(&chunks[axis], start, step, len) => whole,
                    false => ViewAxis::Take { axis, start, step, len },
                    true if len == 1 => whole,
                    true => return None,
                });
            }
            _ => return None,
        }
    }
    let fits = view.picked.is_empty() && after.next().is_none() && chunks.iter().all(AxisChunks::is_known);
    fits.then_some(View { axes, picked: Vec::new() })
}
