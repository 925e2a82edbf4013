//! What a program needs to know for one block: where the block lies, and what its leaves give there.
//!
//! In this process it follows from the grids of the arrays, when the block's task runs; a task that travels brings it along.

use std::borrow::Cow;
use std::sync::Arc;

use super::leaf::{AnyArray, AnyGenerator, Open, open_block};
use super::program::{BlockSource, Leaf, Over, Program};
use crate::array::chunks::{AxisChunks, Grid};
use crate::array::codec::{pack_block, unpack_array};
use crate::array::dispatch::with_type;
use crate::array::element::DType;
use crate::array::node::Block;
use crate::error::BoxError;
use crate::task::{Failure, Made, Pack, Packer, Unpacker, Value};

/// One block of a program's grid. What does not differ from block to block is the program's, unless the task travelled.
#[derive(Clone)]
pub(super) struct Cut<'p> {
    /// The first index along each axis.
    pub(super) start: Vec<usize>,
    /// The lengths; those that are not known are only the blocks' own.
    shape: Vec<usize>,
    known: Cow<'p, [bool]>,
    /// The lengths of the whole array.
    pub(super) lengths: Cow<'p, [usize]>,
    leaves: Vec<CutLeaf<'p>>,
}

/// A leaf's part of a block. It has not the first `missing` axes, and has length 1 along those where it is broadcast.
#[derive(Clone)]
struct CutLeaf<'p> {
    missing: usize,
    /// Along which axes it is one chunk: only there length 1 is that of the axis, which broadcasts. Said only where the grid
    /// does not know all lengths.
    whole: Vec<bool>,
    from: From<'p>,
}

#[derive(Clone)]
enum From<'p> {
    Memory {
        array: Cow<'p, Arc<dyn AnyArray>>,
        start: Vec<usize>,
        lengths: Vec<usize>,
    },
    Generated {
        generator: Cow<'p, Made<dyn AnyGenerator>>,
        first: u64,
        strides: Cow<'p, [isize]>,
        /// Said only where the grid does not know all lengths.
        lengths: Vec<usize>,
    },
    /// The value of the task's input of this number.
    Input(usize),
}

impl Program {
    /// The blocks of a task.
    pub(super) fn cuts(&self, task: usize) -> Cow<'_, [Cut<'_>]> {
        let (grid, known, lengths, leaves, inputs) = match &self.over {
            Over::Block(cuts) => return Cow::Borrowed(cuts),
            Over::Grid { grid, known, lengths, leaves, inputs, .. } => (grid, known, lengths, leaves, inputs),
        };
        let cut = |place: Vec<usize>| {
            let (start, shape) = grid.region(&place);
            let leaves = leaves.iter().map(|leaf| cut_leaf(leaf, inputs, &place, &start, known)).collect();
            Cut { start, shape, known: known.into(), lengths: lengths.into(), leaves }
        };
        Cow::Owned(self.places(task).into_iter().map(cut).collect())
    }
}

fn cut_leaf<'p>(
    leaf: &'p Leaf,
    inputs: &[BlockSource],
    place: &[usize],
    start: &[usize],
    known: &[bool],
) -> CutLeaf<'p> {
    // The place of a leaf's own block along an axis that meets the block at a place of the program's grid.
    let own = |chunks: &AxisChunks, axis: usize| match chunks.count() {
        1 => 0,
        count => place[axis].min(count - 1),
    };
    // Where the grid knows no lengths a leaf's own chunks say where it begins.
    let begin = |chunks: &AxisChunks, axis: usize| match known[axis] {
        true => start[axis],
        false => chunks.start(own(chunks, axis)),
    };
    let is_told = known.contains(&false);
    let whole = |chunks: &Grid| match is_told {
        true => chunks.axes().iter().map(|axis| axis.count() == 1).collect(),
        false => Vec::new(),
    };
    let sizes = |missing: usize, chunks: &Grid| -> Vec<usize> {
        let axes = chunks.axes().iter().enumerate();
        axes.map(|(axis, chunks)| chunks.size(own(chunks, axis + missing))).collect()
    };
    match leaf {
        Leaf::Memory { array, missing, broadcast, chunks } => {
            let axes = chunks.axes().iter().zip(broadcast).enumerate();
            let start =
                axes.map(|(axis, (chunks, &one))| if one { 0 } else { begin(chunks, axis + missing) }).collect();
            let from = From::Memory { array: Cow::Borrowed(array), start, lengths: sizes(*missing, chunks) };
            CutLeaf { missing: *missing, whole: whole(chunks), from }
        }
        Leaf::Generated { generator, from, strides, missing, chunks } => {
            let axes = chunks.axes().iter().zip(&strides[*missing..]).enumerate();
            let first = axes.fold(*from, |first, (axis, (chunks, &stride))| {
                first.wrapping_add_signed((stride as i64).wrapping_mul(begin(chunks, axis + missing) as i64))
            });
            let lengths = if is_told { sizes(*missing, chunks) } else { Vec::new() };
            let (generator, strides) = (Cow::Borrowed(generator), strides.into());
            let from = From::Generated { generator, first, strides, lengths };
            CutLeaf { missing: *missing, whole: whole(chunks), from }
        }
        Leaf::Blocks(input) => {
            let BlockSource { node, missing, .. } = &inputs[*input];
            CutLeaf { missing: *missing, whole: whole(&node.grid), from: From::Input(*input) }
        }
    }
}

impl Cut<'_> {
    /// The lengths of the block, where the inputs are these.
    pub(super) fn shape(&self, types: &[DType], values: &[Value]) -> Result<Vec<usize>, Failure> {
        let mut shape = self.shape.clone();
        if self.known.contains(&false) {
            // The blocks themselves say how large they are.
            for (axis, len) in self.told(types, values)?.into_iter().enumerate() {
                if !self.known[axis] {
                    shape[axis] = len;
                }
            }
        }
        Ok(shape)
    }

    /// The shape to which the leaves broadcast. What has chunks of its own where the others' are unknown has to fit to them,
    /// also if one of them has length 1.
    fn told(&self, types: &[DType], values: &[Value]) -> Result<Vec<usize>, Failure> {
        let mut shape = vec![None; self.shape.len()];
        for (leaf, dtype) in self.leaves.iter().zip(types) {
            let lengths = match &leaf.from {
                From::Memory { lengths, .. } | From::Generated { lengths, .. } => lengths.clone(),
                From::Input(input) => with_type!(*dtype, T => {
                    let block = values[*input].downcast_ref::<Block<T>>();
                    block.map(|block| block.shape().to_vec()).unwrap_or_default()
                }),
            };
            for ((axis, len), &whole) in lengths.into_iter().enumerate().zip(&leaf.whole) {
                let axis = axis + leaf.missing;
                let place = &mut shape[axis];
                match *place {
                    _ if len == 1 && whole => {}
                    None => *place = Some(len),
                    Some(before) if before == len => {}
                    Some(before) => {
                        let said: BoxError = format!(
                            "blocks of lengths {before} and {len} along axis {axis} do not fit together; their lengths \
                             were not known before"
                        )
                        .into();
                        return Err(Failure::Error(said));
                    }
                }
            }
        }
        Ok(shape.into_iter().map(|len| len.unwrap_or(1)).collect())
    }

    /// The leaves, ready to give tiles.
    pub(super) fn open<'a>(&'a self, types: &[DType], shape: &[usize], values: &'a [Value]) -> Vec<Box<dyn Open + 'a>> {
        let open = |(leaf, dtype): (&'a CutLeaf<'_>, &DType)| match &leaf.from {
            From::Memory { array, start, lengths } => array.open(start, lengths, shape),
            From::Generated { generator, first, strides, .. } => generator.open(*first, strides.to_vec()),
            From::Input(input) => with_type!(*dtype, T => open_block::<T>(&values[*input], shape)),
        };
        self.leaves.iter().zip(types).map(open).collect()
    }

    pub(super) fn pack(&self, types: &[DType], packer: &mut Packer) -> Result<(), String> {
        self.start.pack(packer)?;
        self.shape.pack(packer)?;
        self.known.to_vec().pack(packer)?;
        self.lengths.to_vec().pack(packer)?;
        for (leaf, dtype) in self.leaves.iter().zip(types) {
            leaf.missing.pack(packer)?;
            leaf.whole.pack(packer)?;
            match &leaf.from {
                From::Memory { array, start, lengths } => {
                    0_u8.pack(packer)?;
                    pack_block(*dtype, &array.block(start, lengths), packer)?;
                    lengths.pack(packer)?;
                }
                From::Generated { generator, first, strides, lengths } => {
                    1_u8.pack(packer)?;
                    generator.pack(packer)?;
                    first.pack(packer)?;
                    strides.to_vec().pack(packer)?;
                    lengths.pack(packer)?;
                }
                From::Input(input) => {
                    2_u8.pack(packer)?;
                    input.pack(packer)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn unpack(types: &[DType], unpacker: &mut Unpacker<'_>) -> Result<Cut<'static>, String> {
        let mut cut = Cut {
            start: Pack::unpack(unpacker)?,
            shape: Pack::unpack(unpacker)?,
            known: Cow::Owned(Pack::unpack(unpacker)?),
            lengths: Cow::Owned(Pack::unpack(unpacker)?),
            leaves: Vec::with_capacity(types.len()),
        };
        for dtype in types {
            let (missing, whole) = Pack::unpack(unpacker)?;
            let from = match u8::unpack(unpacker)? {
                0 => {
                    let array = unpack_array(*dtype, unpacker)?;
                    let lengths: Vec<usize> = Pack::unpack(unpacker)?;
                    From::Memory { array: Cow::Owned(array), start: vec![0; lengths.len()], lengths }
                }
                1 => From::Generated {
                    generator: Cow::Owned(Pack::unpack(unpacker)?),
                    first: Pack::unpack(unpacker)?,
                    strides: Cow::Owned(Pack::unpack(unpacker)?),
                    lengths: Pack::unpack(unpacker)?,
                },
                _ => From::Input(Pack::unpack(unpacker)?),
            };
            cut.leaves.push(CutLeaf { missing, whole, from });
        }
        Ok(cut)
    }
}
