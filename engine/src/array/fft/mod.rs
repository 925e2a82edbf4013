//! Fourier transforms along axes that are in one chunk.

mod plan;
mod shift;

use std::sync::Arc;

use ndarray::{ArrayD, Axis, IxDyn};
use num_complex::Complex;

use self::plan::{Planned, Plans};
use super::Array;
use super::chunks::{AxisChunks, Grid, shape_text};
use super::dispatch::{one_of, with_float};
use super::element::{DType, Element};
use super::error::{ArrayError, Built, built};
use super::lower::Lowering;
use super::node::{Node, NodeRef, Operation};
use super::reduce::axis_of;
use super::work::{as_block, block_task};
use crate::task::Step;

/// Evaluates an expression with the real type of a complex one.
macro_rules! with_complex {
    ($dtype:expr, $T:ident => $body:expr) => {
        one_of!($dtype, $T => $body, Complex32 f32, Complex64 f64)
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Forward,
    Inverse,
    /// From real numbers to half of their transform.
    Real,
    /// From half of a transform to real numbers.
    RealInverse,
}

struct Transform {
    name: &'static str,
    input: NodeRef,
    axis: usize,
    kind: Kind,
    /// The length of the axis in the result.
    len: usize,
    plans: Arc<Plans>,
}

/// Another number for each run of numbers along an axis.
fn along<A: Element, B: Element>(
    block: &ndarray::ArrayViewD<'_, A>,
    axis: usize,
    len: usize,
    mut work: impl FnMut(&[A], &mut Vec<B>),
) -> ArrayD<B> {
    let mut shape = block.shape().to_vec();
    shape[axis] = len;
    let mut out = ArrayD::<B>::default(IxDyn(&shape));
    let (mut from, mut to) = (Vec::new(), Vec::new());
    for (lane, mut target) in block.lanes(Axis(axis)).into_iter().zip(out.lanes_mut(Axis(axis))) {
        from.clear();
        from.extend(lane.iter().copied());
        work(&from, &mut to);
        target.iter_mut().zip(&to).for_each(|(target, &value)| *target = value);
    }
    out
}

fn complex_task<T>(name: &str, input: Arc<Step>, axis: usize, len: usize, inverse: bool, plans: Arc<Plans>) -> Arc<Step>
where
    T: Planned,
    Complex<T>: Element,
{
    block_task::<Complex<T>, _, _>(name, vec![input], (axis, len, inverse, plans), |parameters, mut values| {
        let &(axis, len, inverse, ref plans) = parameters;
        let block = as_block::<Complex<T>>(values.remove(0));
        let mut room = Vec::new();
        let plan = T::plan(plans, len);
        let transform = |from: &[Complex<T>], to: &mut Vec<Complex<T>>| {
            to.clear();
            to.extend_from_slice(from);
            if inverse { plan.inverse(to, &mut room) } else { plan.forward(to, &mut room) }
        };
        Ok(along(&block.view(), axis, len, transform).into_shared())
    })
}

fn real_task<T>(name: &str, input: Arc<Step>, axis: usize, from_len: usize, plans: Arc<Plans>) -> Arc<Step>
where
    T: Planned,
    Complex<T>: Element,
{
    block_task::<Complex<T>, _, _>(name, vec![input], (axis, from_len, plans), |parameters, mut values| {
        let &(axis, from_len, ref plans) = parameters;
        let block = as_block::<T>(values.remove(0));
        let (mut work, mut room) = (Vec::new(), Vec::new());
        let plan = T::real(plans, from_len);
        let transform = |from: &[T], to: &mut Vec<Complex<T>>| plan.forward(from, &mut work, &mut room, to);
        Ok(along(&block.view(), axis, from_len / 2 + 1, transform).into_shared())
    })
}

fn real_inverse_task<T>(name: &str, input: Arc<Step>, axis: usize, len: usize, plans: Arc<Plans>) -> Arc<Step>
where
    T: Planned,
    Complex<T>: Element,
{
    block_task::<T, _, _>(name, vec![input], (axis, len, plans), |parameters, mut values| {
        let &(axis, len, ref plans) = parameters;
        let block = as_block::<Complex<T>>(values.remove(0));
        let (mut work, mut room) = (Vec::new(), Vec::new());
        let plan = T::plan(plans, len);
        let transform = |from: &[Complex<T>], to: &mut Vec<T>| {
            work.clear();
            // The other half is the mirror image; what makes a number that is not real is left out, as in NumPy.
            let at = |place: usize| from.get(place).copied().unwrap_or_default();
            work.extend((0..len).map(|place| match place <= len / 2 {
                true if place == 0 || 2 * place == len => Complex::new(at(place).re, T::default()),
                true => at(place),
                false => {
                    let mirror = at(len - place);
                    Complex::new(mirror.re, -mirror.im)
                }
            }));
            plan.inverse(&mut work, &mut room);
            to.clear();
            to.extend(work.iter().map(|value| value.re));
        };
        Ok(along(&block.view(), axis, len, transform).into_shared())
    })
}

impl Operation for Transform {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let input = lowering.block(&self.input, place);
        let (name, axis, len, dtype) = (self.name, self.axis, self.len, self.input.dtype);
        let plans = Arc::clone(&self.plans);
        match self.kind {
            Kind::Forward => with_complex!(dtype, T => complex_task::<T>(name, input, axis, len, false, plans)),
            Kind::Inverse => with_complex!(dtype, T => complex_task::<T>(name, input, axis, len, true, plans)),
            Kind::RealInverse => with_complex!(dtype, T => real_inverse_task::<T>(name, input, axis, len, plans)),
            Kind::Real => {
                let from_len = self.input.grid.axis(axis).len();
                with_float!(dtype, T => real_task::<T>(name, input, axis, from_len, plans))
            }
        }
    }
}

fn transform(name: &'static str, node: &NodeRef, axis: isize, kind: Kind, len: Option<usize>) -> Built<NodeRef> {
    let grid = &node.grid;
    let axis = axis_of(name, axis, grid)?;
    let chunks = grid.axis(axis);
    if !chunks.is_known() {
        return Err(ArrayError::UnknownChunks { operation: name.into(), axis, shape: grid.shape_text() });
    }
    if chunks.count() > 1 {
        let mut whole = grid.largest();
        whole[axis] = chunks.len();
        let why = format!(
            "axis {axis} is cut into {} chunks, and a transform needs all of it: `rechunk({})` puts it into one",
            chunks.count(),
            shape_text(&whole)
        );
        return Err(ArrayError::Shape { operation: name.into(), why, shape: grid.shape_text() });
    }
    let len = match kind {
        Kind::Forward | Kind::Inverse => chunks.len(),
        Kind::Real => chunks.len() / 2 + 1,
        Kind::RealInverse => len.unwrap_or(2 * chunks.len().saturating_sub(1)),
    };
    if len == 0 || chunks.len() == 0 {
        return Err(ArrayError::Empty { operation: name.into(), axis, shape: grid.shape_text() });
    }
    let dtype = match (kind, node.dtype) {
        (Kind::Real, DType::F32) => DType::Complex32,
        (Kind::Real, _) => DType::Complex64,
        (Kind::RealInverse, DType::Complex32) => DType::F32,
        (Kind::RealInverse, _) => DType::F64,
        (_, dtype) => dtype,
    };
    let mut axes = grid.axes().to_vec();
    axes[axis] = AxisChunks::whole(len);
    let operation = Transform { name, input: Arc::clone(node), axis, kind, len, plans: Arc::default() };
    Ok(Node::blocks(name, dtype, Grid::new(axes), operation))
}

macro_rules! transforms {
    ($($type:ident)*) => { $(
        impl Array<Complex<$type>> {
            /// The discrete Fourier transform along an axis, which has to be in one chunk.
            ///
            /// ```
            /// use taskloom::prelude::*;
            /// let wave = Array::<f64>::arange(8, "auto").map_elements(|t| (t * std::f64::consts::TAU / 8.0).cos());
            /// let found = wave.fft(0).compute()?;
            /// assert!((found[1].re - 4.0).abs() < 1e-12 && found[2].norm() < 1e-12);
            /// # Ok::<(), taskloom::Error>(())
            /// ```
            ///
            /// # Panics
            /// When there is no such axis, it is cut into several chunks, or it has no elements.
            #[track_caller]
            pub fn fft(&self, axis: isize) -> Self {
                Array::of(built(transform("fft", self.node(), axis, Kind::Forward, None)))
            }

            /// The inverse of [`fft`](Array::fft): divided by the length.
            ///
            /// # Panics
            /// As [`fft`](Array::fft).
            #[track_caller]
            pub fn ifft(&self, axis: isize) -> Self {
                Array::of(built(transform("ifft", self.node(), axis, Kind::Inverse, None)))
            }

            /// The transform along the last two axes, which have to be in one chunk.
            ///
            /// # Panics
            /// As [`fft`](Array::fft).
            #[track_caller]
            pub fn fft2(&self) -> Self {
                self.fft(-1).fft(-2)
            }

            /// The inverse of [`fft2`](Array::fft2).
            ///
            /// # Panics
            /// As [`fft`](Array::fft).
            #[track_caller]
            pub fn ifft2(&self) -> Self {
                self.ifft(-1).ifft(-2)
            }

            /// The inverse of [`rfft`](Array::rfft) for an even number of elements: twice as many as there are, less two.
            ///
            /// # Panics
            /// As [`fft`](Array::fft).
            #[track_caller]
            pub fn irfft(&self, axis: isize) -> Array<$type> {
                Array::of(built(transform("irfft", self.node(), axis, Kind::RealInverse, None)))
            }

            /// The inverse of [`rfft`](Array::rfft) for so many elements: what is missing counts as zero.
            ///
            /// # Panics
            /// As [`fft`](Array::fft); also for no elements.
            #[track_caller]
            pub fn irfft_len(&self, axis: isize, len: usize) -> Array<$type> {
                Array::of(built(transform("irfft", self.node(), axis, Kind::RealInverse, Some(len))))
            }
        }

        impl Array<$type> {
            /// The discrete Fourier transform of real numbers along an axis, which has to be in one chunk;
            /// [`rfft`](Array::rfft) gives the half that matters.
            ///
            /// # Panics
            /// When there is no such axis, it is cut into several chunks, or it has no elements.
            #[track_caller]
            pub fn fft(&self, axis: isize) -> Array<Complex<$type>> {
                self.astype::<Complex<$type>>().fft(axis)
            }

            /// The transform along the last two axes, which have to be in one chunk.
            ///
            /// # Panics
            /// As [`fft`](Array::fft).
            #[track_caller]
            pub fn fft2(&self) -> Array<Complex<$type>> {
                self.astype::<Complex<$type>>().fft2()
            }

            /// The first half of the transform along an axis, which has to be in one chunk: that of real numbers is its own
            /// mirror image.
            ///
            /// ```
            /// use taskloom::prelude::*;
            /// let x = Array::<f64>::random((6, 10), (2, 10)).seed(1).normal(0.0, 1.0);
            /// let found = x.rfft(1);
            /// assert_eq!(found.shape(), [6, 6]);
            /// assert!((found.irfft(1) - x).abs().max().item()? < 1e-14);
            /// # Ok::<(), taskloom::Error>(())
            /// ```
            ///
            /// # Panics
            /// As [`fft`](Array::fft).
            #[track_caller]
            pub fn rfft(&self, axis: isize) -> Array<Complex<$type>> {
                Array::of(built(transform("rfft", self.node(), axis, Kind::Real, None)))
            }
        }
    )* };
}
transforms!(f32 f64);
