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
    Grid { grid: Grid, leaves: Vec<Leaf>, inputs: Vec<BlockSource> },
    /// One block, whose task came from another process.
    Block(Cut),
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

/// What one task for each block of a grid runs.
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
        Program::compile(node, End::Collect(node.dtype))
    }

    /// The program that folds the blocks of a node, once for each reducer.
    pub(crate) fn reducing(node: &NodeRef, reducers: Vec<Made<dyn AnyReducer>>, folded: &[bool]) -> Program {
        Program::compile(node, End::Reduce(reducers, folded.to_vec()))
    }

    /// The blocks that the task of a block reads, in the order in which it reads them.
    pub(crate) fn reads(&self, block: usize) -> Vec<(&NodeRef, Vec<usize>)> {
        match &self.over {
            Over::Grid { grid, inputs, .. } if !inputs.is_empty() => {
                let place = grid.place(block);
                inputs.iter().map(|input| (&input.node, input.place(&place))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The type of a task's result: a block, or the states of reductions.
    pub(crate) fn result(&self) -> ResultType {
        match &self.end {
            End::Collect(dtype) => result_of(*dtype),
            End::Reduce(..) => TypeOf::of::<Value>(),
        }
    }

    /// Writes the program for one block.
    pub(crate) fn pack(&self, block: usize, packer: &mut Packer) -> Result<(), String> {
        self.name.pack(packer)?;
        self.leaf_types.pack(packer)?;
        self.instructions.pack(packer)?;
        self.registers.pack(packer)?;
        self.root.pack(packer)?;
        self.end.pack(packer)?;
        self.cut(block).pack(&self.leaf_types, packer)
    }

    /// The program for one block, which has any number.
    pub(crate) fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Program, String> {
        let (name, leaf_types): (_, Vec<DType>) = Pack::unpack(unpacker)?;
        let (instructions, registers, root, end) = Pack::unpack(unpacker)?;
        let over = Over::Block(Cut::unpack(&leaf_types, unpacker)?);
        Ok(Program { name, over, leaf_types, instructions, registers, root, end })
    }

    /// How many values a task gives: one block, or the states of each reducer.
    pub(crate) fn is_group(&self) -> bool {
        matches!(&self.end, End::Reduce(reducers, _) if reducers.len() > 1)
    }

    /// Runs one block. A group of reductions gives a `Vec<Value>`.
    pub(crate) fn run(&self, block: usize, values: &[Value]) -> Result<Value, Failure> {
        let cut = self.cut(block);
        let shape = cut.shape(&self.leaf_types, values)?;
        let leaves = cut.open(&self.leaf_types, &shape, values);
        if let End::Collect(dtype) = &self.end {
            room_for_block(&shape, *dtype)?;
        }
        let mut sinks: Vec<Box<dyn Sink + '_>> = match &self.end {
            End::Collect(dtype) => vec![with_type!(*dtype, T => Box::new(Collect::<T>::new(&shape)) as Box<dyn Sink>)],
            End::Reduce(reducers, folded) => {
                let folding = Folding { shape: &shape, folded, start: &cut.start, lengths: &cut.lengths };
                reducers.iter().map(|reducer| reducer.sink(&folding)).collect()
            }
        };
        if shape.iter().all(|&len| len > 0) {
            self.run_tiles(&shape, &leaves, &mut sinks)?;
        }
        let mut results: Vec<Value> = sinks.into_iter().map(Sink::finish).collect();
        Ok(if results.len() == 1 { results.remove(0) } else { Arc::new(results) })
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
