//! Elements as bytes.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use crate::array::element::{DType, Element, Number, Scalar, sealed::Lanes};
use crate::array::node::Block;
use crate::task::Value;
use crate::task::packed;

packed! {
    /// The byte order of stored elements.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Order {
        Little,
        Big,
    }
}

impl Order {
    #[cfg(target_endian = "little")]
    pub(crate) const NATIVE: Order = Order::Little;
    #[cfg(target_endian = "big")]
    pub(crate) const NATIVE: Order = Order::Big;
}

impl DType {
    /// The bytes that are turned around together: half of a complex number.
    fn swapped(self) -> usize {
        match self {
            DType::Complex32 => 4,
            DType::Complex64 => 8,
            other => other.size(),
        }
    }
}

/// Turns elements from or to the memory's own byte order.
pub(crate) fn reorder(bytes: &mut [u8], dtype: DType, order: Order) {
    if order == Order::NATIVE {
        return;
    }
    match dtype.swapped() {
        2 => bytes.as_chunks_mut::<2>().0.iter_mut().for_each(|element| element.reverse()),
        4 => bytes.as_chunks_mut::<4>().0.iter_mut().for_each(|element| element.reverse()),
        8 => bytes.as_chunks_mut::<8>().0.iter_mut().for_each(|element| element.reverse()),
        _ => {}
    }
}

/// A block whose elements `read` gives as bytes, in row-major order and the memory's own byte order.
pub(crate) fn block_from<T: Element, E>(
    shape: &[usize],
    read: impl FnOnce(&mut [u8]) -> Result<(), E>,
) -> Result<Block<T>, E> {
    let mut values = vec![T::default(); shape.iter().product()];
    read(bytes_mut(&mut values))?;
    let block = ArrayD::from_shape_vec(IxDyn(shape), values);
    Ok(block.unwrap_or_else(|_| unreachable!("as many elements as the shape asks for")).into_shared())
}

/// Elements that `read` gives as bytes in the memory's own byte order.
pub(crate) fn read_elements<T: Number, E>(
    count: usize,
    read: impl FnOnce(&mut [u8]) -> Result<(), E>,
) -> Result<Vec<T>, E> {
    let mut values = vec![T::default(); count];
    read(bytes_mut(&mut values))?;
    Ok(values)
}

/// The bytes of elements. Those of `bool`s have to be 0 or 1 before they are looked at as `bool`s: see [`normalised`].
fn bytes_mut<T: Element>(values: &mut [T]) -> &mut [u8] {
    // SAFETY: element types are sealed: integers, floats and complex numbers have no padding and take any bits. `bool`s do
    // not: `block_from` is private to this module's readers, who normalise bytes before a block is made of them.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast::<u8>(), size_of_val(values)) }
}

/// What is not zero is 1, in arrays of `bool`.
pub(crate) fn normalised(bytes: &mut [u8], dtype: DType) {
    if dtype == DType::Bool {
        bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
    }
}

/// The bytes of elements.
pub(crate) fn bytes_of<T: Element>(values: &[T]) -> &[u8] {
    // SAFETY: element types are sealed, and none has padding.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast::<u8>(), size_of_val(values)) }
}

/// Calls with the elements of a block as bytes, in row-major order, and its shape.
pub(crate) fn with_bytes<T: Element, R>(block: Value, call: impl FnOnce(&[u8], &[usize]) -> R) -> R {
    let block = block.downcast::<Block<T>>().unwrap_or_else(|_| unreachable!("a handle's type is its node's type"));
    let shape = block.shape().to_vec();
    match block.as_slice() {
        Some(values) => call(bytes_of(values), &shape),
        None => {
            let values = Arc::unwrap_or_clone(block).as_standard_layout().into_owned();
            let values = values.as_slice().unwrap_or_else(|| unreachable!("it was just put in standard layout"));
            call(bytes_of(values), &shape)
        }
    }
}

/// The bytes of one element, in the memory's own order.
pub(crate) fn scalar_bytes(value: Scalar) -> Vec<u8> {
    use crate::array::dispatch::with_type;
    with_type!(scalar_type(value), T => bytes_of(&[T::from_scalar(value)]).to_vec())
}

pub(crate) fn scalar_type(value: Scalar) -> DType {
    match value {
        Scalar::Bool(_) => DType::Bool,
        Scalar::I8(_) => DType::I8,
        Scalar::I16(_) => DType::I16,
        Scalar::I32(_) => DType::I32,
        Scalar::I64(_) => DType::I64,
        Scalar::U8(_) => DType::U8,
        Scalar::U16(_) => DType::U16,
        Scalar::U32(_) => DType::U32,
        Scalar::U64(_) => DType::U64,
        Scalar::F32(_) => DType::F32,
        Scalar::F64(_) => DType::F64,
        Scalar::Complex32(_) => DType::Complex32,
        Scalar::Complex64(_) => DType::Complex64,
    }
}
