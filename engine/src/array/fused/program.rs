//! An elementwise expression, compiled to a list of kernels that run over tiles.

use std::sync::Arc;

use super::cut::Cut;
use super::kernel::Kernel;
use super::leaf::{AnyArray, AnyGenerator, Open, Steps, Tile};
use super::sink::{AnyReducer, Collect, Folding, Place, Sink};
use super::walk::Walk;
use crate::array::chunks::Grid;
use crate::array::dispatch::with_type;
use crate::array::element::{Buffer, DType, Lane, LaneMut};
use crate::array::lower::result_of;
use crate::array::node::NodeRef;
use crate::array::room::room_for_block;
use crate::scheduler::InterruptCheck;
use crate::task::{Failure, Made, Pack, Packer, ResultType, TypeOf, Unpacker, Value, packed};

/// Tiles between two looks at whether the computation was interrupted: well below a millisecond of work.
const TILES_UNCHECKED: usize = 64;
/// Blocks whose rows are folded as if they were one block's, in room that the second-level cache has.
const STACKED: usize = 8;

/// Where a kernel finds an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Leaf(usize),
    /// The result of an earlier kernel, by its register.
    Register(usize),
}

/// Blocks that other tasks make: an input of the program.
pub(super) struct BlockSource {
    pub(super) node: NodeRef,
    /// The axes that the node has not, at the front.
    pub(super) missing: usize,
    /// For each axis, whether the one chunk of the node meets all chunks of the grid.
    pub(super) broadcast: Vec<bool>,
}

impl BlockSource {
    /// The place of the block that meets the block at a place of the program's grid.
    fn place(&self, place: &[usize]) -> Vec<usize> {
        place[self.missing..].iter().zip(&self.broadcast).map(|(&chunk, &one)| if one { 0 } else { chunk }).collect()
    }
}

pub(super) enum Leaf {
    Memory { array: Arc<dyn AnyArray>, missing: usize, broadcast: Vec<bool>, chunks: Grid },
    Generated { generator: Made<dyn AnyGenerator>, from: u64, strides: Vec<isize>, missing: usize, chunks: Grid },
    Blocks(usize),
}

/// What a program is for.
pub(super) enum Over {
    /// All blocks of a grid.
    Grid {
        grid: Grid,
        /// For each axis, whether its length is known, and the length.
        known: Vec<bool>,
        lengths: Vec<usize>,
        /// For each axis, the chunks whose blocks one task takes.
        together: Vec<usize>,
        leaves: Vec<Leaf>,
        inputs: Vec<BlockSource>,
    },
    /// The blocks of one task, which came from another process.
    Block(Vec<Cut<'static>>),
}

pub(super) struct Instruction {
    pub(super) kernel: Made<dyn Kernel>,
    pub(super) sources: Vec<Source>,
    pub(super) register: usize,
}

/// What becomes of the last kernel's results.
pub(super) enum End {
    Collect(DType),
    /// Each reduces the same elements.
    Reduce(Vec<Made<dyn AnyReducer>>, Vec<bool>),
}

packed!(
    enum Source {
        Leaf(number),
        Register(number),
    }
);
packed!(Instruction { kernel, sources, register });
packed!(
    enum End {
        Collect(dtype),
        Reduce(reducers, folded),
    }
);

/// What the tasks run that make or fold the blocks of a grid, one or a few each.
pub(crate) struct Program {
    pub(crate) name: String,
    pub(super) over: Over,
    pub(super) leaf_types: Vec<DType>,
    pub(super) instructions: Vec<Instruction>,
    pub(super) registers: Vec<DType>,
    pub(super) root: Source,
    pub(super) end: End,
}

impl Program {
    /// The program that makes the blocks of a node.
    pub(crate) fn collecting(node: &NodeRef) -> Program {
        Program::compile(node, End::Collect(node.dtype), vec![1; node.grid.rank()])
    }

    /// The program that folds the blocks of a node, once for each reducer. A task folds the blocks of `together` chunks
    /// along each axis, which is more than 1 only along those that are folded.
    pub(crate) fn reducing(
        node: &NodeRef,
        reducers: Vec<Made<dyn AnyReducer>>,
        folded: &[bool],
        together: Vec<usize>,
    ) -> Program {
        Program::compile(node, End::Reduce(reducers, folded.to_vec()), together)
    }

    /// The blocks that a task reads, in the order in which it reads them.
    pub(crate) fn reads(&self, task: usize) -> Vec<(&NodeRef, Vec<usize>)> {
        match &self.over {
            Over::Grid { inputs, .. } if !inputs.is_empty() => {
                let read = |place: Vec<usize>| inputs.iter().map(move |input| (&input.node, input.place(&place)));
                self.places(task).into_iter().flat_map(read).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The places of a task's blocks in the grid, in row-major order.
    pub(super) fn places(&self, task: usize) -> Vec<Vec<usize>> {
        let Over::Grid { grid, together, .. } = &self.over else { return Vec::new() };
        if together.iter().all(|&chunks| chunks == 1) {
            return vec![grid.place(task)];
        }
        let mut left = task;
        let mut ranges: Vec<std::ops::Range<usize>> = (0..grid.rank())
            .rev()
            .map(|axis| {
                let tasks = grid.axis(axis).count().div_ceil(together[axis]);
                let first = left % tasks * together[axis];
                left /= tasks;
                first..(first + together[axis]).min(grid.axis(axis).count())
            })
            .collect();
        ranges.reverse();
        let mut places = vec![Vec::new()];
        for range in ranges {
            let longer = |place: &Vec<usize>| {
                let place = place.clone();
                range.clone().map(move |chunk| [&place[..], &[chunk]].concat())
            };
            places = places.iter().flat_map(longer).collect();
        }
        places
    }

    /// The type of a task's result: a block, or the states of reductions.
    pub(crate) fn result(&self) -> ResultType {
        match &self.end {
            End::Collect(dtype) => result_of(*dtype),
            End::Reduce(..) => TypeOf::of::<Value>(),
        }
    }

    /// Writes the program for one task.
    pub(crate) fn pack(&self, task: usize, packer: &mut Packer) -> Result<(), String> {
        self.name.pack(packer)?;
        self.leaf_types.pack(packer)?;
        self.instructions.pack(packer)?;
        self.registers.pack(packer)?;
        self.root.pack(packer)?;
        self.end.pack(packer)?;
        let cuts = self.cuts(task);
        cuts.len().pack(packer)?;
        cuts.iter().try_for_each(|cut| cut.pack(&self.leaf_types, packer))
    }

    /// The program for one task, which has any number.
    pub(crate) fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Program, String> {
        let (name, leaf_types): (_, Vec<DType>) = Pack::unpack(unpacker)?;
        let (instructions, registers, root, end) = Pack::unpack(unpacker)?;
        let cuts = (0..usize::unpack(unpacker)?).map(|_| Cut::unpack(&leaf_types, unpacker));
        let over = Over::Block(cuts.collect::<Result<_, String>>()?);
        Ok(Program { name, over, leaf_types, instructions, registers, root, end })
    }

    /// How many values a task gives: one block, or the states of each reducer.
    pub(crate) fn is_group(&self) -> bool {
        matches!(&self.end, End::Reduce(reducers, _) if reducers.len() > 1)
    }

    /// Runs one task. A group of reductions gives a `Vec<Value>`.
    pub(crate) fn run(&self, task: usize, values: &[Value]) -> Result<Value, Failure> {
        let cuts = self.cuts(task);
        let first = &cuts[0];
        let own_values = |number: usize| {
            let each = values.len() / cuts.len();
            &values[number * each..(number + 1) * each]
        };
        let shapes: Vec<Vec<usize>> = (cuts.iter().enumerate())
            .map(|(number, cut)| cut.shape(&self.leaf_types, own_values(number)))
            .collect::<Result<_, Failure>>()?;
        if let End::Collect(dtype) = &self.end {
            room_for_block(&shapes[0], *dtype)?;
        }
        let mut sinks: Vec<Box<dyn Sink + '_>> = match &self.end {
            End::Collect(dtype) => {
                vec![with_type!(*dtype, T => Box::new(Collect::<T>::new(&shapes[0])) as Box<dyn Sink>)]
            }
            End::Reduce(reducers, folded) => {
                let folding = Folding { shape: &shapes[0], folded, start: &first.start, lengths: &first.lengths };
                reducers.iter().map(|reducer| reducer.sink(&folding)).collect()
            }
        };
        let blocks: Vec<OpenedBlock<'_>> = (cuts.iter().zip(&shapes).enumerate())
            .filter(|(_, (_, shape))| shape.iter().all(|&len| len > 0))
            .map(|(number, (cut, shape))| {
                let leaves = cut.open(&self.leaf_types, shape, own_values(number));
                let constant = leaves.iter().map(|leaf| leaf.strides().iter().all(|&stride| stride == 0)).collect();
                let after_first = cut.start.iter().zip(&first.start).map(|(own, first)| own - first).collect();
                OpenedBlock { shape, leaves, constant, after_first }
            })
            .collect();
        for blocks in blocks.chunk_by(|one, next| one.shape == next.shape) {
            self.run_tiles(blocks, &mut sinks)?;
        }
        let mut results: Vec<Value> = sinks.into_iter().map(Sink::finish).collect();
        Ok(if results.len() == 1 { results.remove(0) } else { Arc::new(results) })
    }

    /// Runs blocks of the same shape: each tile of all of them before the next, so that what is known of the results stays
    /// in the cache.
    fn run_tiles(&self, blocks: &[OpenedBlock<'_>], sinks: &mut [Box<dyn Sink + '_>]) -> Result<(), Failure> {
        let shape = blocks[0].shape;
        let is_transposed = |leaf: &dyn Open| {
            let wide = |axis: &usize| shape[*axis] > 1;
            let last = (0..shape.len()).rev().find(wide);
            last.is_some_and(|last| leaf.strides()[last].unsigned_abs() > 1)
        };
        let leaves = || blocks.iter().flat_map(|block| &block.leaves);
        let in_rows = sinks.iter().any(|sink| sink.likes_rows()) || leaves().any(|leaf| is_transposed(&**leaf));
        // All that steps along the axes: the leaves of each block, then sinks, then places.
        let mut steppers: Vec<&[isize]> = leaves().map(|leaf| leaf.strides()).collect();
        steppers.extend(sinks.iter().map(|sink| sink.strides()));
        steppers.extend(sinks.iter().filter_map(|sink| sink.place_strides()));
        let walk = Walk::new(shape, &steppers, in_rows);
        drop(steppers);

        // Rows of several blocks are folded as if they were one block's.
        let mut ends = sinks.iter().zip(&walk.steps[blocks.len() * self.leaf_types.len()..]);
        let stacks = blocks.len() > 1 && ends.all(|(sink, steps)| sink.place_strides().is_none() && steps.row == 0);
        let rooms = |_| self.leaf_types.iter().map(|dtype| dtype.buffer(walk.largest)).collect();
        let mut room = Room {
            leaves: (0..blocks.len()).map(rooms).collect(),
            registers: self.registers.iter().map(|dtype| dtype.buffer(walk.largest)).collect(),
            stack: stacks.then(|| self.root_type().buffer(walk.largest * STACKED.min(blocks.len()))),
        };
        // What is the same everywhere is loaded once, for the largest tile.
        for (block, rooms) in blocks.iter().zip(&mut room.leaves) {
            for (number, leaf) in block.leaves.iter().enumerate().filter(|&(number, _)| block.constant[number]) {
                let whole = Tile { rows: 1, columns: walk.largest };
                // SAFETY: all steps are 0, so the only place that is read is the block's first.
                unsafe { leaf.load(0, whole, Steps { row: 0, column: 0 }, &mut rooms[number]) };
            }
        }
        let interrupts = InterruptCheck::new();
        let mut unchecked = 0;
        let mut interrupted = false;
        walk.tiles(|offsets, tile| {
            unchecked += blocks.len();
            if unchecked >= TILES_UNCHECKED {
                unchecked = 0;
                interrupted = interrupts.is_interrupted();
            }
            if !interrupted {
                self.run_tile(&Tiled { walk: &walk, offsets, tile }, blocks, sinks, &mut room);
            }
            !interrupted
        });
        match interrupted {
            true => Err(Failure::Error("the computation was interrupted".into())),
            false => Ok(()),
        }
    }

    fn root_type(&self) -> DType {
        match self.root {
            Source::Leaf(leaf) => self.leaf_types[leaf],
            Source::Register(register) => self.registers[register],
        }
    }

    fn run_tile(&self, at: &Tiled<'_>, blocks: &[OpenedBlock<'_>], sinks: &mut [Box<dyn Sink + '_>], room: &mut Room) {
        let tile = at.tile;
        let first_sink = blocks.len() * self.leaf_types.len();
        let steps = &at.walk.steps[first_sink..];
        let mut stacked = 0;
        for (number, block) in blocks.iter().enumerate() {
            let mut lanes: Vec<Lane<'_>> = Vec::with_capacity(block.leaves.len());
            for (own, (leaf, room)) in block.leaves.iter().zip(&mut room.leaves[number]).enumerate() {
                let stepper = number * self.leaf_types.len() + own;
                lanes.push(match block.constant[own] {
                    true => room.lane(tile.len()),
                    // SAFETY: the walk's offsets and steps are sums of the leaf's strides, each times less than the axis'
                    // length.
                    false => unsafe { leaf.load(at.offsets[stepper], tile, at.walk.steps[stepper], room) },
                });
            }
            let (last, earlier) = match self.instructions.split_last() {
                Some((last, earlier)) => (Some(last), earlier),
                None => (None, &[][..]),
            };
            for instruction in earlier {
                run_kernel(instruction, &lanes, &mut room.registers, tile, None);
            }
            if let Some(last) = last {
                // The last kernel writes where its results belong, if they lie there in one run.
                if let [sink] = sinks
                    && let Some(place) = sink.room(at.offsets[first_sink], tile, steps[0])
                {
                    run_kernel(last, &lanes, &mut room.registers, tile, Some(place));
                    return;
                }
                run_kernel(last, &lanes, &mut room.registers, tile, None);
            }
            let lane = match self.root {
                Source::Leaf(leaf) => lanes[leaf],
                Source::Register(register) => room.registers[register].lane(tile.len()),
            };
            let Some(stack) = &mut room.stack else {
                at.hand_over(lane, tile, &block.after_first, first_sink, sinks);
                continue;
            };
            stack.put(stacked * tile.len(), lane);
            stacked += 1;
            if stacked == STACKED || number + 1 == blocks.len() {
                let rows = Tile { rows: stacked * tile.rows, columns: tile.columns };
                at.hand_over(stack.lane(rows.len()), rows, &block.after_first, first_sink, sinks);
                stacked = 0;
            }
        }
    }
}

/// One of a task's blocks, ready to be run.
struct OpenedBlock<'a> {
    shape: &'a [usize],
    leaves: Vec<Box<dyn Open + 'a>>,
    /// The leaves that are the same everywhere.
    constant: Vec<bool>,
    /// How much further along each axis it begins than the task's first block.
    after_first: Vec<usize>,
}

/// What is allocated once for all tiles.
struct Room {
    /// For each block, that of its leaves.
    leaves: Vec<Vec<Buffer>>,
    registers: Vec<Buffer>,
    /// That for the results of several blocks, where they are folded together.
    stack: Option<Buffer>,
}

/// A tile, and where everybody is who steps through it.
struct Tiled<'a> {
    walk: &'a Walk,
    offsets: &'a [isize],
    tile: Tile,
}

impl Tiled<'_> {
    /// Gives results to all sinks.
    fn hand_over(
        &self,
        lane: Lane<'_>,
        tile: Tile,
        after_first: &[usize],
        first_sink: usize,
        sinks: &mut [Box<dyn Sink + '_>],
    ) {
        let mut places = first_sink + sinks.len();
        for (number, sink) in sinks.iter_mut().enumerate() {
            let mut place = Place { first: 0, steps: Steps { row: 0, column: 0 } };
            if let Some(strides) = sink.place_strides() {
                let before: isize = strides.iter().zip(after_first).map(|(&step, &by)| step * by as isize).sum();
                place = Place { first: (self.offsets[places] + before) as u64, steps: self.walk.steps[places] };
                places += 1;
            }
            let stepper = first_sink + number;
            sink.take(lane, self.offsets[stepper], tile, self.walk.steps[stepper], place);
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
