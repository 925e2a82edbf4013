//! What is done to each element: functions of one to three runs of elements, compiled for their types.

use std::marker::PhantomData;

use super::simd::vectorised;
use crate::array::element::{DType, Element, Lane, LaneMut};

/// A function from runs of elements to a run of the same length.
pub(crate) trait Kernel: Send + Sync + 'static {
    /// What a person calls it.
    fn name(&self) -> &str;
    /// The type of the results.
    fn output(&self) -> DType;
    /// Writes the results for the inputs, which are all as long as the output.
    fn run(&self, inputs: &[Lane<'_>], output: LaneMut<'_>);
}

/// A function of one element.
pub(crate) struct Map1<A, B, F> {
    name: &'static str,
    function: F,
    types: PhantomData<fn(A) -> B>,
}

impl<A: Element, B: Element, F: Fn(A) -> B + Send + Sync + 'static> Map1<A, B, F> {
    pub(crate) fn new(name: &'static str, function: F) -> Self {
        Map1 { name, function, types: PhantomData }
    }
}

impl<A: Element, B: Element, F: Fn(A) -> B + Send + Sync + 'static> Kernel for Map1<A, B, F> {
    fn name(&self) -> &str {
        self.name
    }
    fn output(&self) -> DType {
        B::DTYPE
    }
    fn run(&self, inputs: &[Lane<'_>], output: LaneMut<'_>) {
        let (a, out) = (A::read(inputs[0]), B::write(output));
        vectorised(
            #[inline(always)]
            || out.iter_mut().zip(a).for_each(|(out, &a)| *out = (self.function)(a)),
        );
    }
}

/// A function of two elements.
pub(crate) struct Map2<A, B, C, F> {
    name: &'static str,
    function: F,
    types: PhantomData<fn(A, B) -> C>,
}

impl<A: Element, B: Element, C: Element, F: Fn(A, B) -> C + Send + Sync + 'static> Map2<A, B, C, F> {
    pub(crate) fn new(name: &'static str, function: F) -> Self {
        Map2 { name, function, types: PhantomData }
    }
}

impl<A: Element, B: Element, C: Element, F: Fn(A, B) -> C + Send + Sync + 'static> Kernel for Map2<A, B, C, F> {
    fn name(&self) -> &str {
        self.name
    }
    fn output(&self) -> DType {
        C::DTYPE
    }
    fn run(&self, inputs: &[Lane<'_>], output: LaneMut<'_>) {
        let (a, b, out) = (A::read(inputs[0]), B::read(inputs[1]), C::write(output));
        vectorised(
            #[inline(always)]
            || out.iter_mut().zip(a).zip(b).for_each(|((out, &a), &b)| *out = (self.function)(a, b)),
        );
    }
}

/// A function of three elements.
pub(crate) struct Map3<A, B, C, D, F> {
    name: &'static str,
    function: F,
    types: PhantomData<fn(A, B, C) -> D>,
}

impl<A, B, C, D, F> Map3<A, B, C, D, F>
where
    A: Element,
    B: Element,
    C: Element,
    D: Element,
    F: Fn(A, B, C) -> D + Send + Sync + 'static,
{
    pub(crate) fn new(name: &'static str, function: F) -> Self {
        Map3 { name, function, types: PhantomData }
    }
}

impl<A, B, C, D, F> Kernel for Map3<A, B, C, D, F>
where
    A: Element,
    B: Element,
    C: Element,
    D: Element,
    F: Fn(A, B, C) -> D + Send + Sync + 'static,
{
    fn name(&self) -> &str {
        self.name
    }
    fn output(&self) -> DType {
        D::DTYPE
    }
    fn run(&self, inputs: &[Lane<'_>], output: LaneMut<'_>) {
        let (a, b, c, out) = (A::read(inputs[0]), B::read(inputs[1]), C::read(inputs[2]), D::write(output));
        vectorised(
            #[inline(always)]
            || {
                let inputs = a.iter().zip(b).zip(c);
                out.iter_mut().zip(inputs).for_each(|(out, ((&a, &b), &c))| *out = (self.function)(a, b, c));
            },
        );
    }
}
