//! An elementwise expression, compiled to a list of kernels that run over tiles.

use std::collections::HashMap;
use std::sync::Arc;

use super::kernel::Kernel;
use super::leaf::{AnyArray, AnyGenerator, Open, OpenBlock, Steps, Tile, open_block};
use super::sink::{AnyReducer, Collect, Folding, Place, Sink};
use crate::array::chunks::Grid;
use crate::array::dispatch::with_type;
use crate::array::element::{Buffer, DType, Lane, LaneMut};
use crate::array::node::{Node, NodeRef, Op};
use crate::error::BoxError;
use crate::scheduler::InterruptCheck;
use crate::task::{Failure, Value};

/// Elements of a tile: two operands and a result of eight bytes each then take half of a first-level cache of 32 KiB.
const TILE: usize = 1024;
/// The rows of a tile where rows are folded, or read from a transposed array: a cache line of eight numbers is then used
/// up while it is there.
const ROWS: usize = 16;
/// Tiles between two looks at whether the computation was interrupted: well below a millisecond of work.
const TILES_UNCHECKED: usize = 64;

/// Where a kernel finds an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Leaf(usize),
    /// The result of an earlier kernel, by its register.
    Register(usize),
}

/// Blocks that other tasks make: an input of the program.
pub(crate) struct BlockSource {
    pub(crate) node: NodeRef,
    /// The axes that the node has not, at the front.
    missing: usize,
    /// For each axis, whether the one chunk of the node meets all chunks of the grid.
    broadcast: Vec<bool>,
    open: OpenBlock,
}

impl BlockSource {
    /// The place of the block that meets the block at a place of the program's grid.
    pub(crate) fn place(&self, place: &[usize]) -> Vec<usize> {
        place[self.missing..].iter().zip(&self.broadcast).map(|(&chunk, &one)| if one { 0 } else { chunk }).collect()
    }
}

enum Leaf {
    Memory { array: Arc<dyn AnyArray>, missing: usize, broadcast: Vec<bool> },
    Generated { generator: Arc<dyn AnyGenerator>, from: u64, strides: Vec<isize> },
    Blocks(usize),
}

struct Instruction {
    kernel: Arc<dyn Kernel>,
    sources: Vec<Source>,
    register: usize,
}

/// What becomes of the last kernel's results.
enum End {
    Collect(DType),
    /// Each reduces the same elements.
    Reduce(Vec<Arc<dyn AnyReducer>>, Vec<bool>),
}

/// What one task for each block of a grid runs.
pub(crate) struct Program {
    pub(crate) name: String,
    grid: Grid,
    leaves: Vec<Leaf>,
    leaf_types: Vec<DType>,
    inputs: Vec<BlockSource>,
    instructions: Vec<Instruction>,
    registers: Vec<DType>,
    root: Source,
    end: End,
}

/// Builds a program from the nodes it is made of.
struct Compiler<'n> {
    program: Program,
    /// What is known already: a node that is used twice runs once.
    known: HashMap<u64, Source>,
    /// How often each node is still to be read; a register is free when nobody will.
    uses: HashMap<u64, usize>,
    free: Vec<usize>,
    names: Vec<&'n str>,
}

impl Program {
    /// The program that makes the blocks of a node.
    pub(crate) fn collecting(node: &NodeRef) -> Program {
        Program::compile(node, End::Collect(node.dtype))
    }

    /// The program that folds the blocks of a node, once for each reducer.
    pub(crate) fn reducing(node: &NodeRef, reducers: Vec<Arc<dyn AnyReducer>>, folded: &[bool]) -> Program {
        Program::compile(node, End::Reduce(reducers, folded.to_vec()))
    }

    fn compile(node: &NodeRef, end: End) -> Program {
        let program = Program {
            name: String::new(),
            grid: node.grid.clone(),
            leaves: Vec::new(),
            leaf_types: Vec::new(),
            inputs: Vec::new(),
            instructions: Vec::new(),
            registers: Vec::new(),
            root: Source::Leaf(0),
            end,
        };
        let mut compiler =
            Compiler { program, known: HashMap::new(), uses: HashMap::new(), free: Vec::new(), names: Vec::new() };
        compiler.count(node);
        let root = compiler.source(node);
        let Compiler { mut program, names, .. } = compiler;
        program.root = root;
        let ends: Vec<&str> = match &program.end {
            End::Collect(_) => Vec::new(),
            End::Reduce(reducers, _) => reducers.iter().map(|reducer| reducer.name()).collect(),
        };
        program.name = joined(names.iter().copied().chain(ends));
        program
    }

    /// The nodes whose blocks the tasks read, in the order in which they read them.
    pub(crate) fn inputs(&self) -> &[BlockSource] {
        &self.inputs
    }

    pub(crate) fn grid(&self) -> &Grid {
        &self.grid
    }

    /// How many values a task gives: one block, or the states of each reducer.
    pub(crate) fn is_group(&self) -> bool {
        matches!(&self.end, End::Reduce(reducers, _) if reducers.len() > 1)
    }

    /// Runs one block. A group of reductions gives a `Vec<Value>`.
    pub(crate) fn run(&self, block: usize, values: &[Value]) -> Result<Value, Failure> {
        let place = self.grid.place(block);
        let (start, shape) = match self.grid.first_unknown() {
            None => self.grid.region(&place),
            // Along axes of unknown lengths the blocks themselves say how large they are.
            Some(_) => {
                let (start, shape) = self.grid.region(&place);
                let known = |axis: usize| self.grid.axis(axis).is_known();
                let shape = shape.into_iter().enumerate().map(|(axis, len)| if known(axis) { len } else { 1 });
                (start, self.shape_of(shape.collect(), values)?)
            }
        };
        let leaves: Vec<Box<dyn Open + '_>> =
            self.leaves.iter().map(|leaf| self.open(leaf, &start, &shape, values)).collect();
        let mut sinks: Vec<Box<dyn Sink + '_>> = match &self.end {
            End::Collect(dtype) => vec![with_type!(*dtype, T => Box::new(Collect::<T>::new(&shape)) as Box<dyn Sink>)],
            End::Reduce(reducers, folded) => {
                let lengths = self.grid.shape();
                let folding = Folding { shape: &shape, folded, start: &start, lengths: &lengths };
                reducers.iter().map(|reducer| reducer.sink(&folding)).collect()
            }
        };
        if shape.iter().all(|&len| len > 0) {
            self.run_tiles(&shape, &leaves, &mut sinks)?;
        }
        let mut results: Vec<Value> = sinks.into_iter().map(Sink::finish).collect();
        Ok(if results.len() == 1 { results.remove(0) } else { Arc::new(results) })
    }

    /// The shape to which the blocks broadcast.
    fn shape_of(&self, mut shape: Vec<usize>, values: &[Value]) -> Result<Vec<usize>, Failure> {
        for (input, value) in self.inputs.iter().zip(values) {
            let lengths = with_type!(input.node.dtype, T => {
                value.downcast_ref::<crate::array::node::Block<T>>().map(|block| block.shape().to_vec())
            });
            for (axis, len) in lengths.unwrap_or_default().into_iter().enumerate() {
                let place = &mut shape[axis + input.missing];
                match (*place, len) {
                    (_, 1) => {}
                    (1, _) => *place = len,
                    (before, _) if before == len => {}
                    (before, _) => {
                        let said: BoxError = format!(
                            "blocks of lengths {before} and {len} along axis {} do not fit together; their lengths were \
                             not known before",
                            axis + input.missing
                        )
                        .into();
                        return Err(Failure::Error(said));
                    }
                }
            }
        }
        Ok(shape)
    }

    fn open<'a>(&'a self, leaf: &'a Leaf, start: &[usize], shape: &[usize], values: &'a [Value]) -> Box<dyn Open + 'a> {
        match leaf {
            Leaf::Memory { array, missing, broadcast } => {
                let own = |of: &[usize], one: usize| -> Vec<usize> {
                    of[*missing..].iter().zip(broadcast).map(|(&len, &wide)| if wide { one } else { len }).collect()
                };
                array.open(&own(start, 0), &own(shape, 1), shape)
            }
            Leaf::Generated { generator, from, strides } => {
                let first = strides.iter().zip(start).fold(*from, |first, (&stride, &start)| {
                    first.wrapping_add_signed((stride as i64).wrapping_mul(start as i64))
                });
                generator.open(first, strides.clone())
            }
            Leaf::Blocks(input) => (self.inputs[*input].open)(&values[*input], shape),
        }
    }

    fn run_tiles(
        &self,
        shape: &[usize],
        leaves: &[Box<dyn Open + '_>],
        sinks: &mut [Box<dyn Sink + '_>],
    ) -> Result<(), Failure> {
        let is_transposed = |leaf: &dyn Open| {
            let wide = |axis: &usize| shape[*axis] > 1;
            let last = (0..shape.len()).rev().find(wide);
            last.is_some_and(|last| leaf.strides()[last].unsigned_abs() > 1)
        };
        let in_rows = sinks.iter().any(|sink| sink.likes_rows()) || leaves.iter().any(|leaf| is_transposed(&**leaf));
        // All that steps along the axes: leaves, then sinks, then places.
        let mut steppers: Vec<&[isize]> = leaves.iter().map(|leaf| leaf.strides()).collect();
        steppers.extend(sinks.iter().map(|sink| sink.strides()));
        steppers.extend(sinks.iter().filter_map(|sink| sink.place_strides()));
        let walk = Walk::new(shape, &steppers, in_rows);
        drop(steppers);

        let mut rooms: Vec<Buffer> = self.leaf_types.iter().map(|dtype| dtype.buffer(walk.largest)).collect();
        let mut registers: Vec<Buffer> = self.registers.iter().map(|dtype| dtype.buffer(walk.largest)).collect();
        // What is the same everywhere is loaded once, for the largest tile.
        let constant: Vec<bool> = leaves.iter().map(|leaf| leaf.strides().iter().all(|&stride| stride == 0)).collect();
        for ((leaf, room), _) in leaves.iter().zip(&mut rooms).zip(&constant).filter(|(_, constant)| **constant) {
            let whole = Tile { rows: 1, columns: walk.largest };
            // SAFETY: all steps are 0, so the only place that is read is the block's first.
            unsafe { leaf.load(0, whole, Steps { row: 0, column: 0 }, room) };
        }
        let interrupts = InterruptCheck::new();
        let mut unchecked = 0;
        let mut interrupted = false;
        walk.tiles(|offsets, tile| {
            unchecked += 1;
            if unchecked == TILES_UNCHECKED {
                unchecked = 0;
                interrupted = interrupts.is_interrupted();
            }
            if !interrupted {
                self.run_tile(&walk, offsets, tile, (leaves, &constant), sinks, &mut rooms, &mut registers);
            }
            !interrupted
        });
        match interrupted {
            true => Err(Failure::Error("the computation was interrupted".into())),
            false => Ok(()),
        }
    }

    #[allow(clippy::too_many_arguments)] // all of them are the state of one loop
    fn run_tile(
        &self,
        walk: &Walk,
        offsets: &[isize],
        tile: Tile,
        (leaves, constant): (&[Box<dyn Open + '_>], &[bool]),
        sinks: &mut [Box<dyn Sink + '_>],
        rooms: &mut [Buffer],
        registers: &mut [Buffer],
    ) {
        let mut lanes: Vec<Lane<'_>> = Vec::with_capacity(leaves.len());
        for (number, (leaf, room)) in leaves.iter().zip(rooms).enumerate() {
            lanes.push(match constant[number] {
                true => room.lane(tile.len()),
                // SAFETY: the walk's offsets and steps are sums of the leaf's strides, each times less than the axis'
                // length.
                false => unsafe { leaf.load(offsets[number], tile, walk.steps[number], room) },
            });
        }
        let (last, earlier) = match self.instructions.split_last() {
            Some((last, earlier)) => (Some(last), earlier),
            None => (None, &[][..]),
        };
        for instruction in earlier {
            run_kernel(instruction, &lanes, registers, tile, None);
        }
        let first_sink = leaves.len();
        let first_place = first_sink + sinks.len();
        if let Some(last) = last {
            // The last kernel writes where its results belong, if they lie there in one run.
            if let [sink] = sinks
                && let Some(room) = sink.room(offsets[first_sink], tile, walk.steps[first_sink])
            {
                run_kernel(last, &lanes, registers, tile, Some(room));
                return;
            }
            run_kernel(last, &lanes, registers, tile, None);
        }
        let lane = match self.root {
            Source::Leaf(leaf) => lanes[leaf],
            Source::Register(register) => registers[register].lane(tile.len()),
        };
        let mut places = first_place;
        for (number, sink) in sinks.iter_mut().enumerate() {
            let none = Place { first: 0, steps: Steps { row: 0, column: 0 } };
            let place = match sink.place_strides() {
                None => none,
                Some(_) => {
                    places += 1;
                    Place { first: offsets[places - 1] as u64, steps: walk.steps[places - 1] }
                }
            };
            let at = first_sink + number;
            sink.take(lane, offsets[at], tile, walk.steps[at], place);
        }
    }
}

fn run_kernel(
    instruction: &Instruction,
    lanes: &[Lane<'_>],
    registers: &mut [Buffer],
    tile: Tile,
    room: Option<LaneMut<'_>>,
) {
    // A kernel never writes into a register that it reads, so the one can be lent while the others are read.
    let mut output = std::mem::replace(&mut registers[instruction.register], Buffer::Bool(Vec::new()));
    let lane = |source: &Source| match *source {
        Source::Leaf(leaf) => lanes[leaf],
        Source::Register(register) => registers[register].lane(tile.len()),
    };
    let place = match room {
        Some(room) => room,
        None => output.lane_mut(tile.len()),
    };
    match instruction.sources.as_slice() {
        [a] => instruction.kernel.run(&[lane(a)], place),
        [a, b] => instruction.kernel.run(&[lane(a), lane(b)], place),
        [a, b, c] => instruction.kernel.run(&[lane(a), lane(b), lane(c)], place),
        more => instruction.kernel.run(&more.iter().map(lane).collect::<Vec<_>>(), place),
    }
    registers[instruction.register] = output;
}

impl<'n> Compiler<'n> {
    /// Counts how often every node is read.
    fn count(&mut self, node: &'n NodeRef) {
        let uses = self.uses.entry(node.id).or_insert(0);
        *uses += 1;
        if *uses == 1
            && let Op::Elementwise { inputs, .. } = &node.op
        {
            inputs.iter().for_each(|input| self.count(input));
        }
    }

    fn source(&mut self, node: &'n NodeRef) -> Source {
        if let Some(&known) = self.known.get(&node.id) {
            return known;
        }
        let source = match &node.op {
            Op::Elementwise { kernel, inputs } => {
                let sources: Vec<Source> = inputs.iter().map(|input| self.source(input)).collect();
                let register = self.register(kernel.output());
                for (input, source) in inputs.iter().zip(&sources) {
                    self.read(input.id, *source);
                }
                self.names.push(kernel.name());
                self.program.instructions.push(Instruction { kernel: Arc::clone(kernel), sources, register });
                Source::Register(register)
            }
            Op::Memory(array) => {
                let (missing, broadcast) = self.broadcast(node);
                self.leaf(node, Leaf::Memory { array: Arc::clone(array), missing, broadcast })
            }
            Op::Generated { generator, from, strides } => {
                let (missing, broadcast) = self.broadcast(node);
                let mut all = vec![0; missing];
                all.extend(strides.iter().zip(&broadcast).map(|(&stride, &one)| if one { 0 } else { stride }));
                self.names.push(&node.name);
                self.leaf(node, Leaf::Generated { generator: Arc::clone(generator), from: *from, strides: all })
            }
            Op::Reduction(_) | Op::Blocks(_) => {
                let (missing, broadcast) = self.broadcast(node);
                let open: OpenBlock = with_type!(node.dtype, T => open_block::<T>);
                let input = self.program.inputs.len();
                self.program.inputs.push(BlockSource { node: Arc::clone(node), missing, broadcast, open });
                self.leaf(node, Leaf::Blocks(input))
            }
        };
        self.known.insert(node.id, source);
        source
    }

    fn leaf(&mut self, node: &Node, leaf: Leaf) -> Source {
        self.program.leaves.push(leaf);
        self.program.leaf_types.push(node.dtype);
        Source::Leaf(self.program.leaves.len() - 1)
    }

    /// How a node lies in the grid of the program.
    fn broadcast(&self, node: &Node) -> (usize, Vec<bool>) {
        let grid = &self.program.grid;
        let missing = grid.rank() - node.grid.rank();
        let one = |(axis, own): (usize, &crate::array::chunks::AxisChunks)| {
            let whole = grid.axis(axis + missing);
            own.is_known() && own.len() == 1 && !(whole.is_known() && whole.len() == 1)
        };
        (missing, node.grid.axes().iter().enumerate().map(one).collect())
    }

    fn register(&mut self, dtype: DType) -> usize {
        let registers = &mut self.program.registers;
        match self.free.iter().position(|&register| registers[register] == dtype) {
            Some(at) => self.free.swap_remove(at),
            None => {
                registers.push(dtype);
                registers.len() - 1
            }
        }
    }

    /// One reading of a node less.
    fn read(&mut self, id: u64, source: Source) {
        let Some(uses) = self.uses.get_mut(&id) else { return };
        *uses -= 1;
        if *uses == 0
            && let Source::Register(register) = source
        {
            self.free.push(register);
        }
    }
}

/// Longer names are cut.
const NAME_LENGTH: usize = 48;

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut name = String::new();
    for part in names {
        if !name.is_empty() {
            name.push('-');
        }
        if name.len() + part.len() > NAME_LENGTH {
            name.push('…');
            break;
        }
        name.push_str(part);
    }
    if name.is_empty() { "copy".to_owned() } else { name }
}

/// The way through a block, tile by tile, for several things that step along its axes each in its own way.
struct Walk {
    /// The lengths of the axes, where axes that everybody steps through as if they were one have been joined.
    shape: Vec<usize>,
    /// For each axis, the step of each.
    strides: Vec<Vec<isize>>,
    /// For each, the steps within a tile.
    steps: Vec<Steps>,
    tile: Tile,
    largest: usize,
}

impl Walk {
    fn new(shape: &[usize], steppers: &[&[isize]], in_rows: bool) -> Walk {
        let mut lengths: Vec<usize> = Vec::new();
        let mut strides: Vec<Vec<isize>> = Vec::new();
        for (axis, &len) in shape.iter().enumerate().filter(|&(_, &len)| len != 1) {
            let own: Vec<isize> = steppers.iter().map(|stepper| stepper[axis]).collect();
            let joins = strides
                .last()
                .is_some_and(|before| before.iter().zip(&own).all(|(&outer, &inner)| outer == inner * len as isize));
            match (joins, lengths.last_mut(), strides.last_mut()) {
                (true, Some(length), Some(before)) => {
                    *length *= len;
                    *before = own;
                }
                _ => {
                    lengths.push(len);
                    strides.push(own);
                }
            }
        }
        while lengths.len() < 2 {
            lengths.insert(0, 1);
            strides.insert(0, vec![0; steppers.len()]);
        }
        let (height, width) = (lengths[lengths.len() - 2], lengths[lengths.len() - 1]);
        let wanted_rows = if in_rows { ROWS } else { 1 };
        let columns = width.min((TILE / wanted_rows.min(height)).max(1));
        let rows = match columns == width || in_rows {
            true => (TILE / columns).clamp(1, height),
            false => 1,
        };
        let last = lengths.len() - 1;
        let steps = (0..steppers.len())
            .map(|stepper| Steps { row: strides[last - 1][stepper], column: strides[last][stepper] })
            .collect();
        Walk { shape: lengths, strides, steps, tile: Tile { rows, columns }, largest: rows * columns }
    }

    /// Calls `work` with everybody's offset and the size of each tile, until it says `false`.
    fn tiles(&self, mut work: impl FnMut(&[isize], Tile) -> bool) {
        let last = self.shape.len() - 1;
        let (height, width) = (self.shape[last - 1], self.shape[last]);
        let steppers = self.steps.len();
        let mut outer = vec![0; last - 1];
        let mut base = vec![0; steppers];
        let mut offsets = vec![0; steppers];
        loop {
            for row in (0..height).step_by(self.tile.rows) {
                for column in (0..width).step_by(self.tile.columns) {
                    for (offset, (base, steps)) in offsets.iter_mut().zip(base.iter().zip(&self.steps)) {
                        *offset = base + row as isize * steps.row + column as isize * steps.column;
                    }
                    let rows = self.tile.rows.min(height - row);
                    let columns = self.tile.columns.min(width - column);
                    if !work(&offsets, Tile { rows, columns }) {
                        return;
                    }
                }
            }
            // The next place along the outer axes, the last of them first.
            let mut axis = outer.len();
            loop {
                if axis == 0 {
                    return;
                }
                axis -= 1;
                outer[axis] += 1;
                base.iter_mut().zip(&self.strides[axis]).for_each(|(base, stride)| *base += stride);
                if outer[axis] < self.shape[axis] {
                    break;
                }
                let length = self.shape[axis] as isize;
                base.iter_mut().zip(&self.strides[axis]).for_each(|(base, stride)| *base -= stride * length);
                outer[axis] = 0;
            }
        }
    }
}
