//! Blocks as bytes, and their size: for results that move to disk, and for blocks that leave the process.

use std::any::TypeId;
use std::sync::{Arc, Once};

use ndarray::{ArrayD, Axis, IxDyn, ShapeBuilder};
use num_complex::Complex;

use super::dispatch::with_type;
use super::element::{DType, Element};
use super::fused::{AnyArray, row_major};
use super::memory::zeroed;
use super::node::Block;
use super::work::as_block;
use crate::nbytes::register_nbytes;
use crate::task::{Encoding, Packer, Unpacker, Value};
use crate::travel::{Codec, codec_of, register_codec};

/// Makes blocks known to the tables of codecs and of sizes; whoever makes tasks that give blocks calls it.
pub(crate) fn know_blocks() {
    static KNOWN: Once = Once::new();
    macro_rules! numbers {
        ($($type:ty)*) => { $( know(<$type>::to_le_bytes, <$type>::from_le_bytes); )* };
    }
    macro_rules! complex {
        ($($type:ty, $bytes:literal;)*) => { $(
            know::<Complex<$type>, { 2 * $bytes }>(
                |value| {
                    let mut both = [0; 2 * $bytes];
                    both[..$bytes].copy_from_slice(&value.re.to_le_bytes());
                    both[$bytes..].copy_from_slice(&value.im.to_le_bytes());
                    both
                },
                |both| {
                    let (mut re, mut im) = ([0; $bytes], [0; $bytes]);
                    re.copy_from_slice(&both[..$bytes]);
                    im.copy_from_slice(&both[$bytes..]);
                    Complex::new(<$type>::from_le_bytes(re), <$type>::from_le_bytes(im))
                },
            );
        )* };
    }
    KNOWN.call_once(|| {
        numbers!(i8 i16 i32 i64 u8 u16 u32 u64 f32 f64);
        complex!(f32, 4; f64, 8;);
        know::<bool, 1>(|value| [u8::from(value)], |[byte]| byte != 0);
    });
}

/// The encoding of blocks, for tasks whose value is there already.
pub(crate) struct Blocks;

impl<T: Element> Encoding<Block<T>> for Blocks {
    fn codec() -> Option<Codec> {
        know_blocks();
        codec_of(TypeId::of::<Block<T>>())
    }
}

/// The codec of blocks of this type.
pub(crate) fn block_codec(dtype: DType) -> Result<Codec, String> {
    let codec = with_type!(dtype, T => <Blocks as Encoding<Block<T>>>::codec());
    codec.ok_or_else(|| format!("blocks of {dtype} have no codec"))
}

/// Writes a block of elements of this type.
pub(crate) fn pack_block(dtype: DType, block: &Value, packer: &mut Packer) -> Result<(), String> {
    packer.any(&**block, block_codec(dtype)?)
}

/// Reads what [`pack_block`] wrote, as an array.
pub(crate) fn unpack_array(dtype: DType, unpacker: &mut Unpacker<'_>) -> Result<Arc<dyn AnyArray>, String> {
    let block = unpacker.any(block_codec(dtype)?)?;
    Ok(with_type!(dtype, T => Arc::new(as_block::<T>(block)) as Arc<dyn AnyArray>))
}

/// So many bytes for the number of axes, and for each length and stride.
const COUNT: usize = 8;

fn know<T: Element, const N: usize>(bytes_of: fn(T) -> [u8; N], of_bytes: fn([u8; N]) -> T) {
    register_nbytes::<Block<T>>(|block| (size_of::<Block<T>>() + block.len() * size_of::<T>()) as u64);
    register_codec(Codec::with::<Block<T>, _, _>(
        move |block| {
            let mut bytes: Vec<u8> = (block.ndim() as u64).to_le_bytes().to_vec();
            bytes.extend(block.shape().iter().flat_map(|length| (*length as u64).to_le_bytes()));
            bytes.extend(layout(block.shape(), block.strides()).into_iter().flat_map(i64::to_le_bytes));
            bytes.reserve_exact(block.len() * N);
            match block.as_slice() {
                Some(run) => run.iter().for_each(|&value| bytes.extend_from_slice(&bytes_of(value))),
                None => block.iter().for_each(|&value| bytes.extend_from_slice(&bytes_of(value))),
            }
            Ok(bytes)
        },
        move |bytes| {
            read(bytes, of_bytes).ok_or_else(|| format!("{} bytes do not give a block of {}", bytes.len(), T::DTYPE))
        },
    ));
}

/// Strides like those of a block, for a copy of it without the elements between its own: the axes lie in the same order
/// and direction, and join or do not join as they did. Blocks are gone through in tiles by how they lie in memory, so sums
/// of a copy that lay otherwise would be rounded otherwise.
fn layout(shape: &[usize], strides: &[isize]) -> Vec<i64> {
    let mut order: Vec<usize> = (0..shape.len()).filter(|&axis| shape[axis] > 1).collect();
    order.sort_by_key(|&axis| (strides[axis].unsigned_abs(), std::cmp::Reverse(axis)));
    let mut same = vec![0; shape.len()];
    // Where the axis before would go on, there and here.
    let (mut old_end, mut end) = (1, 1);
    for axis in order {
        let old = strides[axis].unsigned_abs();
        // A gap stays a gap, of one element.
        let stride = if old == old_end { end } else { end + 1 };
        same[axis] = if strides[axis] < 0 { -stride } else { stride };
        (old_end, end) = (old * shape[axis], stride * shape[axis] as i64);
    }
    same
}

fn read<T: Element, const N: usize>(bytes: &[u8], of_bytes: fn([u8; N]) -> T) -> Option<Block<T>> {
    let mut left = bytes;
    let mut number = || -> Option<u64> {
        let (first, rest) = left.split_first_chunk::<COUNT>()?;
        left = rest;
        Some(u64::from_le_bytes(*first))
    };
    let rank = usize::try_from(number()?).ok().filter(|rank| *rank <= bytes.len() / COUNT)?;
    let shape = (0..rank).map(|_| usize::try_from(number()?).ok()).collect::<Option<Vec<usize>>>()?;
    let strides = (0..rank).map(|_| number().map(|stride| stride as i64)).collect::<Option<Vec<i64>>>()?;
    let elements = shape.iter().try_fold(1_usize, |product, &length| product.checked_mul(length))?;
    let (values, rest) = left.as_chunks::<N>();
    if values.len() != elements || !rest.is_empty() {
        return None;
    }
    let values = values.iter().map(|&bytes| of_bytes(bytes));
    let standard = layout(&shape, &row_major(&shape));
    if elements == 0 || strides == standard {
        return Some(ArrayD::from_shape_vec(IxDyn(&shape), values.collect()).ok()?.into_shared());
    }
    // As many elements as the strides reach; each gap has at most as many as there are of the axes below it.
    let mut room = 1_usize;
    let mut steps = Vec::with_capacity(rank);
    for (&length, stride) in shape.iter().zip(&strides) {
        let step = usize::try_from(stride.unsigned_abs()).ok()?;
        room = room.checked_add(step.checked_mul(length - 1)?)?;
        steps.push(step);
    }
    if room > elements.checked_mul(1 << rank.min(8))? {
        return None;
    }
    let mut block = ArrayD::from_shape_vec(IxDyn(&shape).strides(IxDyn(&steps)), zeroed(room)).ok()?;
    (0..rank).filter(|&axis| strides[axis] < 0).for_each(|axis| block.invert_axis(Axis(axis)));
    block.iter_mut().zip(values).for_each(|(place, value)| *place = value);
    Some(block.into_shared())
}

#[cfg(test)]
mod tests {
    use std::any::TypeId;

    use ndarray::s;

    use super::*;
    use crate::array::Array;
    use crate::travel::codec_of;

    fn there_and_back<T: Element>(block: &Block<T>) {
        know_blocks();
        let codec = codec_of(TypeId::of::<Block<T>>()).expect("blocks have a codec");
        let bytes = codec.encode(block).unwrap();
        assert_eq!(codec.decode(&bytes).unwrap().downcast_ref::<Block<T>>(), Some(block));
        for damaged in [&bytes[1..], &bytes[..bytes.len() - 1], &[bytes.as_slice(), &[0]].concat(), &[255; 40]] {
            assert!(codec.decode(damaged).unwrap_err().contains(T::DTYPE.name()));
        }
    }

    #[test]
    fn blocks_come_back_as_they_were() {
        let numbers = ArrayD::from_shape_fn(IxDyn(&[3, 4]), |at| (at[0] * 10 + at[1]) as f64 - 7.5).into_shared();
        there_and_back(&numbers);
        there_and_back(&numbers.clone().reversed_axes());
        there_and_back(&numbers.slice(s![1.., ..;-2]).into_dyn().to_owned().into_shared());
        there_and_back(&numbers.map(|&x| x as i8).into_shared());
        there_and_back(&numbers.map(|&x| x > 0.0).into_shared());
        there_and_back(&numbers.map(|&x| Complex::new(x as f32, -1.0)).into_shared());
        there_and_back(&numbers.map(|&x| Complex::new(x, 2.0)).into_shared());
        there_and_back(&ArrayD::<u16>::zeros(IxDyn(&[])).into_shared());
    }

    #[test]
    fn blocks_lie_in_memory_as_they_did() {
        let numbers =
            ArrayD::from_shape_fn(IxDyn(&[4, 6, 5]), |at| (at[0] * 100 + at[1] * 10 + at[2]) as f64).into_shared();
        let part = |block: &Block<f64>, slices: [(isize, isize); 3]| {
            let mut block = block.clone();
            for (axis, (start, step)) in slices.into_iter().enumerate() {
                block.slice_axis_inplace(Axis(axis), ndarray::Slice::new(start, None, step));
            }
            block
        };
        let turned = numbers.clone().permuted_axes(IxDyn(&[2, 0, 1]));
        for block in [
            numbers.clone(),
            turned.clone(),
            part(&numbers, [(0, 1), (4, 1), (0, 1)]),
            part(&numbers, [(0, -1), (0, 2), (1, 1)]),
            part(&numbers, [(3, 1), (0, 1), (0, -2)]),
            part(&turned, [(0, 1), (1, 2), (0, 1)]),
        ] {
            there_and_back(&block);
            let codec = codec_of(TypeId::of::<Block<f64>>()).unwrap();
            let back = codec.decode(&codec.encode(&block).unwrap()).unwrap();
            let back = back.downcast_ref::<Block<f64>>().unwrap();
            // Which axis goes on where another ends, and what lies beside what, decides how sums are rounded.
            assert_eq!(layout(back.shape(), back.strides()), layout(block.shape(), block.strides()));
            let steps = |block: &Block<f64>| block.strides().iter().map(|step| step.signum()).collect::<Vec<_>>();
            let wide = |axis: &usize| block.shape()[*axis] > 1;
            let wide: Vec<usize> = (0..3).filter(wide).collect();
            assert!(wide.iter().all(|&axis| steps(back)[axis] == steps(&block)[axis]));
        }
    }

    #[test]
    fn blocks_have_their_size_and_those_in_memory_travel() {
        let x = Array::from_vec((0..100).map(f64::from).collect(), 50);
        let blocks = x.to_delayed();
        let block: Block<f64> = blocks[1].compute().unwrap();
        assert!((400..600).contains(&crate::nbytes(&block)));
        let parcel = crate::travel::Parcel::pack(&(&blocks[1],)).unwrap();
        let parcel = crate::travel::Parcel::from_bytes(&parcel.to_bytes()).unwrap();
        let values = parcel.compute(&crate::travel::objects::Objects::new(), crate::Scheduler::Sync).unwrap();
        assert_eq!(blocks[1].decode(&values[0]).unwrap(), block);
    }
}
