//! What a program needs to know for one block: where the block lies, and what its leaves give there.
//!
//! In this process it follows from the grids of the arrays, when the block's task runs; a task that travels brings it along.

use std::borrow::Cow;
use std::sync::Arc;

use super::leaf::{AnyArray, AnyGenerator, Open, open_block};
use super::program::{BlockSource, Leaf, Over, Program};
use crate::array::chunks::Grid;
use crate::array::codec::{pack_block, unpack_array};
use crate::array::dispatch::with_type;
use crate::array::element::DType;
use crate::array::node::Block;
use crate::error::BoxError;
use crate::task::{Failure, Made, Pack, Packer, Unpacker, Value};

/// One block of a program's grid.
#[derive(Clone)]
pub(super) struct Cut {
    /// The first index along each axis.
    pub(super) start: Vec<usize>,
    /// The lengths; those that are not known are only the blocks' own.
    shape: Vec<usize>,
    known: Vec<bool>,
    /// The lengths of the whole array.
    pub(super) lengths: Vec<usize>,
    leaves: Vec<CutLeaf>,
}

/// A leaf's part of a block. It has not the first `missing` axes, and has length 1 along those where it is broadcast.
#[derive(Clone)]
struct CutLeaf {
    missing: usize,
    from: From,
}

#[derive(Clone)]
enum From {
    Memory {
        array: Arc<dyn AnyArray>,
        start: Vec<usize>,
        lengths: Vec<usize>,
    },
    Generated {
        generator: Made<dyn AnyGenerator>,
        first: u64,
        strides: Vec<isize>,
        lengths: Vec<usize>,
    },
    /// The value of the task's input of this number.
    Input(usize),
}

impl Program {
    /// The blocks of a task.
    pub(super) fn cuts(&self, task: usize) -> Cow<'_, [Cut]> {
        let (grid, leaves, inputs) = match &self.over {
            Over::Block(cuts) => return Cow::Borrowed(cuts),
            Over::Grid { grid, leaves, inputs, .. } => (grid, leaves, inputs),
        };
        let known: Vec<bool> = grid.axes().iter().map(|axis| axis.is_known()).collect();
        let cut = |place: Vec<usize>| {
            let (start, shape) = grid.region(&place);
            let leaves = leaves.iter().map(|leaf| cut_leaf(leaf, inputs, &place, &start, &known)).collect();
            Cut { start, shape, known: known.clone(), lengths: grid.shape(), leaves }
        };
        Cow::Owned(self.places(task).into_iter().map(cut).collect())
    }
}

fn cut_leaf(leaf: &Leaf, inputs: &[BlockSource], place: &[usize], start: &[usize], known: &[bool]) -> CutLeaf {
    // Where the grid knows no lengths a leaf's own chunks say where it begins.
    let begin = |missing: usize, chunks: &Grid| -> (Vec<usize>, Vec<usize>) {
        let own = own_place(chunks, place, missing);
        let (begin, lengths) = chunks.region(&own);
        let begin = begin.into_iter().enumerate();
        let begin = begin.map(|(axis, begin)| if known[axis + missing] { start[axis + missing] } else { begin });
        (begin.collect(), lengths)
    };
    match leaf {
        Leaf::Memory { array, missing, broadcast, chunks } => {
            let (start, lengths) = begin(*missing, chunks);
            let start = start.into_iter().zip(broadcast).map(|(start, &one)| if one { 0 } else { start }).collect();
            CutLeaf { missing: *missing, from: From::Memory { array: Arc::clone(array), start, lengths } }
        }
        Leaf::Generated { generator, from, strides, missing, chunks } => {
            let (begin, lengths) = begin(*missing, chunks);
            let first = strides[*missing..].iter().zip(begin).fold(*from, |first, (&stride, start)| {
                first.wrapping_add_signed((stride as i64).wrapping_mul(start as i64))
            });
            let (generator, strides) = (generator.clone(), strides.clone());
            CutLeaf { missing: *missing, from: From::Generated { generator, first, strides, lengths } }
        }
        Leaf::Blocks(input) => CutLeaf { missing: inputs[*input].missing, from: From::Input(*input) },
    }
}

/// The place of a leaf's own block that meets the block at a place of the program's grid.
fn own_place(chunks: &Grid, place: &[usize], missing: usize) -> Vec<usize> {
    let own = chunks.axes().iter().zip(&place[missing..]);
    own.map(|(chunks, &chunk)| if chunks.count() == 1 { 0 } else { chunk.min(chunks.count() - 1) }).collect()
}

impl Cut {
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

    /// The shape to which the leaves broadcast. What has chunks of its own where the others' are unknown has to fit to them.
    fn told(&self, types: &[DType], values: &[Value]) -> Result<Vec<usize>, Failure> {
        let mut shape = vec![1; self.shape.len()];
        for (leaf, dtype) in self.leaves.iter().zip(types) {
            let lengths = match &leaf.from {
                From::Memory { lengths, .. } | From::Generated { lengths, .. } => lengths.clone(),
                From::Input(input) => with_type!(*dtype, T => {
                    let block = values[*input].downcast_ref::<Block<T>>();
                    block.map(|block| block.shape().to_vec()).unwrap_or_default()
                }),
            };
            for (axis, len) in lengths.into_iter().enumerate() {
                let axis = axis + leaf.missing;
                let place = &mut shape[axis];
                match (*place, len) {
                    (_, 1) => {}
                    (1, _) => *place = len,
                    (before, _) if before == len => {}
                    (before, _) => {
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
        Ok(shape)
    }

    /// The leaves, ready to give tiles.
    pub(super) fn open<'a>(&'a self, types: &[DType], shape: &[usize], values: &'a [Value]) -> Vec<Box<dyn Open + 'a>> {
        let open = |(leaf, dtype): (&'a CutLeaf, &DType)| match &leaf.from {
            From::Memory { array, start, lengths } => array.open(start, lengths, shape),
            From::Generated { generator, first, strides, .. } => generator.open(*first, strides.clone()),
            From::Input(input) => with_type!(*dtype, T => open_block::<T>(&values[*input], shape)),
        };
        self.leaves.iter().zip(types).map(open).collect()
    }

    pub(super) fn pack(&self, types: &[DType], packer: &mut Packer) -> Result<(), String> {
        self.start.pack(packer)?;
        self.shape.pack(packer)?;
        self.known.pack(packer)?;
        self.lengths.pack(packer)?;
        for (leaf, dtype) in self.leaves.iter().zip(types) {
            leaf.missing.pack(packer)?;
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
                    strides.pack(packer)?;
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

    pub(super) fn unpack(types: &[DType], unpacker: &mut Unpacker<'_>) -> Result<Cut, String> {
        let mut cut = Cut {
            start: Pack::unpack(unpacker)?,
            shape: Pack::unpack(unpacker)?,
            known: Pack::unpack(unpacker)?,
            lengths: Pack::unpack(unpacker)?,
            leaves: Vec::with_capacity(types.len()),
        };
        for dtype in types {
            let missing = Pack::unpack(unpacker)?;
            let from = match u8::unpack(unpacker)? {
                0 => {
                    let array = unpack_array(*dtype, unpacker)?;
                    let lengths: Vec<usize> = Pack::unpack(unpacker)?;
                    From::Memory { array, start: vec![0; lengths.len()], lengths }
                }
                1 => From::Generated {
                    generator: Pack::unpack(unpacker)?,
                    first: Pack::unpack(unpacker)?,
                    strides: Pack::unpack(unpacker)?,
                    lengths: Pack::unpack(unpacker)?,
                },
                _ => From::Input(Pack::unpack(unpacker)?),
            };
            cut.leaves.push(CutLeaf { missing, from });
        }
        Ok(cut)
    }
}
