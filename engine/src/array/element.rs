//! What an array can hold, and tiles of it whose type is only known when they run.

use std::fmt::{Debug, Display};

use num_complex::Complex;

use crate::task::packed;

/// The type of an array's elements, as a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs)] // each is called as its Rust type
pub enum DType {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F32,
    F64,
    Complex32,
    Complex64,
}

impl Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! lanes {
    ($($variant:ident $type:ty, $name:literal, $one:expr;)*) => {
        /// A run of elements of any type.
        #[derive(Debug, Clone, Copy)]
        pub enum Lane<'a> { $(#[doc(hidden)] $variant(&'a [$type]),)* }

        /// A run of elements of any type, to be written.
        #[derive(Debug)]
        pub enum LaneMut<'a> { $(#[doc(hidden)] $variant(&'a mut [$type]),)* }

        /// Room for a run of elements of any type.
        #[derive(Debug)]
        pub enum Buffer { $(#[doc(hidden)] $variant(Vec<$type>),)* }

        /// One element of any type.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub enum Scalar { $(#[doc(hidden)] $variant($type),)* }

        impl DType {
            /// As Rust writes it: `f64`.
            pub const fn name(self) -> &'static str {
                match self { $(DType::$variant => $name,)* }
            }

            /// Bytes of one element.
            pub const fn size(self) -> usize {
                match self { $(DType::$variant => size_of::<$type>(),)* }
            }

            pub(crate) fn one(self) -> Scalar {
                match self { $(DType::$variant => Scalar::$variant($one),)* }
            }

            pub(crate) fn zero(self) -> Scalar {
                match self { $(DType::$variant => Scalar::$variant(<$type>::default()),)* }
            }

            pub(crate) fn buffer(self, len: usize) -> Buffer {
                match self { $(DType::$variant => Buffer::$variant(vec![<$type>::default(); len]),)* }
            }
        }

        packed!(enum DType { $($variant),* });
        packed!(enum Scalar { $($variant(value)),* });

        impl Buffer {
            pub(crate) fn lane(&self, len: usize) -> Lane<'_> {
                match self { $(Buffer::$variant(values) => Lane::$variant(&values[..len]),)* }
            }

            pub(crate) fn lane_mut(&mut self, len: usize) -> LaneMut<'_> {
                match self { $(Buffer::$variant(values) => LaneMut::$variant(&mut values[..len]),)* }
            }

            /// Copies elements of the buffer's type to a place in it.
            pub(crate) fn put(&mut self, at: usize, lane: Lane<'_>) {
                match (self, lane) {
                    $((Buffer::$variant(values), Lane::$variant(lane)) => {
                        values[at..at + lane.len()].copy_from_slice(lane);
                    })*
                    _ => unreachable!("an array's element type is its node's"),
                }
            }
        }

        $(
            impl sealed::Lanes for $type {
                fn lane(values: &[$type]) -> Lane<'_> {
                    Lane::$variant(values)
                }
                fn scalar(self) -> Scalar {
                    Scalar::$variant(self)
                }
                fn from_scalar(scalar: Scalar) -> $type {
                    match scalar {
                        Scalar::$variant(value) => value,
                        _ => unreachable!("a scalar's type is its array's"),
                    }
                }
                fn read(lane: Lane<'_>) -> &[$type] {
                    match lane {
                        Lane::$variant(values) => values,
                        _ => unreachable!("an array's element type is its node's"),
                    }
                }
                fn lane_mut(values: &mut [$type]) -> LaneMut<'_> {
                    LaneMut::$variant(values)
                }
                fn write(lane: LaneMut<'_>) -> &mut [$type] {
                    match lane {
                        LaneMut::$variant(values) => values,
                        _ => unreachable!("an array's element type is its node's"),
                    }
                }
                fn room(buffer: &mut Buffer) -> &mut [$type] {
                    match buffer {
                        Buffer::$variant(values) => values,
                        _ => unreachable!("an array's element type is its node's"),
                    }
                }
            }

            impl Element for $type {
                const DTYPE: DType = DType::$variant;
                fn one() -> $type {
                    $one
                }
            }
        )*
    };
}

lanes! {
    Bool bool, "bool", true;
    I8 i8, "i8", 1;
    I16 i16, "i16", 1;
    I32 i32, "i32", 1;
    I64 i64, "i64", 1;
    U8 u8, "u8", 1;
    U16 u16, "u16", 1;
    U32 u32, "u32", 1;
    U64 u64, "u64", 1;
    F32 f32, "f32", 1.0;
    F64 f64, "f64", 1.0;
    Complex32 Complex<f32>, "Complex<f32>", Complex::new(1.0, 0.0);
    Complex64 Complex<f64>, "Complex<f64>", Complex::new(1.0, 0.0);
}

pub(crate) mod sealed {
    use super::{Buffer, Lane, LaneMut, Scalar};

    /// The way from a type to the variants of its tiles. Nobody else can make an element type.
    pub trait Lanes: Sized {
        #[doc(hidden)]
        fn lane(values: &[Self]) -> Lane<'_>;
        #[doc(hidden)]
        fn scalar(self) -> Scalar;
        #[doc(hidden)]
        fn from_scalar(scalar: Scalar) -> Self;
        #[doc(hidden)]
        fn read(lane: Lane<'_>) -> &[Self];
        #[doc(hidden)]
        fn lane_mut(values: &mut [Self]) -> LaneMut<'_>;
        #[doc(hidden)]
        fn write(lane: LaneMut<'_>) -> &mut [Self];
        #[doc(hidden)]
        fn room(buffer: &mut Buffer) -> &mut [Self];
    }
}

/// What an [`Array`](super::Array) can hold: `bool`, the integers from 8 to 64 bits, `f32`, `f64` and complex numbers of
/// both. Its `Default` is zero, or `false`.
#[diagnostic::on_unimplemented(
    message = "an array cannot hold `{Self}`",
    label = "not a type of elements",
    note = "elements are `bool`, the integers from `i8` to `u64`, `f32`, `f64`, and complex numbers of both"
)]
pub trait Element: sealed::Lanes + Copy + Default + PartialEq + Debug + Display + Send + Sync + 'static {
    /// The type, as a value.
    const DTYPE: DType;
    /// One, or `true`.
    fn one() -> Self;
}

/// Elements that can be calculated with. Integers wrap around on overflow, as NumPy's do, whatever a build's flags say.
#[diagnostic::on_unimplemented(
    message = "elements of type `{Self}` are not numbers",
    label = "this needs an array of numbers",
    note = "`.astype::<i64>()` and `.astype::<f64>()` make numbers of the elements of an array"
)]
pub trait Number: Element {
    /// What a sum of many is held in: 64 bits for integers, as in NumPy.
    type Sum: Number;
    /// What a mean is: `f64` for integers, the type itself for the others.
    type Mean: Number;
    /// What an absolute value is: real for complex numbers.
    type Abs: Element;
    /// `self + other`
    fn add(self, other: Self) -> Self;
    /// `self - other`
    fn sub(self, other: Self) -> Self;
    /// `self * other`
    fn mul(self, other: Self) -> Self;
    /// `self / other`
    fn div(self, other: Self) -> Self;
    /// `self % other`, with the sign of `self`, as Rust has it.
    fn rem(self, other: Self) -> Self;
    /// `-self`
    fn neg(self) -> Self;
    /// The absolute value.
    fn abs(self) -> Self::Abs;
    /// `self` to a whole power.
    fn powi(self, exponent: i32) -> Self;
    /// The number in the type of sums.
    fn to_sum(self) -> Self::Sum;
    /// The number in the type of means.
    fn to_mean(self) -> Self::Mean;
    /// A count as a number of this type, as near as it goes.
    fn from_place(place: u64) -> Self;
    /// Whether it is a NaN.
    fn is_nan(self) -> bool;
}

macro_rules! integers {
    ($($type:ty, $sum:ty, $abs:ident;)*) => { $(
        impl Number for $type {
            type Sum = $sum;
            type Mean = f64;
            type Abs = $type;
            #[inline(always)]
            fn add(self, other: Self) -> Self { self.wrapping_add(other) }
            #[inline(always)]
            fn sub(self, other: Self) -> Self { self.wrapping_sub(other) }
            #[inline(always)]
            fn mul(self, other: Self) -> Self { self.wrapping_mul(other) }
            #[inline(always)]
            fn div(self, other: Self) -> Self { self.wrapping_div(other) }
            #[inline(always)]
            fn rem(self, other: Self) -> Self { self.wrapping_rem(other) }
            #[inline(always)]
            fn neg(self) -> Self { self.wrapping_neg() }
            #[inline(always)]
            fn abs(self) -> Self { integers!(@$abs self) }
            #[inline(always)]
            fn powi(self, exponent: i32) -> Self {
                match u32::try_from(exponent) {
                    Ok(exponent) => self.wrapping_pow(exponent),
                    Err(_) => (self as f64).powi(exponent) as Self,
                }
            }
            #[inline(always)]
            fn to_sum(self) -> $sum { self as $sum }
            #[inline(always)]
            fn to_mean(self) -> f64 { self as f64 }
            #[inline(always)]
            fn from_place(place: u64) -> Self { place as $type }
            #[inline(always)]
            fn is_nan(self) -> bool { false }
        }
    )* };
    (@signed $value:expr) => { $value.wrapping_abs() };
    (@unsigned $value:expr) => { $value };
}
integers! {
    i8, i64, signed; i16, i64, signed; i32, i64, signed; i64, i64, signed;
    u8, u64, unsigned; u16, u64, unsigned; u32, u64, unsigned; u64, u64, unsigned;
}

macro_rules! arithmetic_by_operators {
    () => {
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            self + other
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            self - other
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            self * other
        }
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            self / other
        }
        #[inline(always)]
        fn rem(self, other: Self) -> Self {
            self % other
        }
        #[inline(always)]
        fn neg(self) -> Self {
            -self
        }
        #[inline(always)]
        fn to_sum(self) -> Self {
            self
        }
        #[inline(always)]
        fn to_mean(self) -> Self {
            self
        }
    };
}

macro_rules! floats {
    ($($type:ident)*) => { $(
        impl Number for $type {
            type Sum = $type;
            type Mean = $type;
            type Abs = $type;
            arithmetic_by_operators!();
            #[inline(always)]
            fn abs(self) -> $type { $type::abs(self) }
            #[inline(always)]
            fn powi(self, exponent: i32) -> $type { $type::powi(self, exponent) }
            #[inline(always)]
            fn from_place(place: u64) -> Self { place as $type }
            #[inline(always)]
            fn is_nan(self) -> bool { $type::is_nan(self) }
        }

        impl Number for Complex<$type> {
            type Sum = Complex<$type>;
            type Mean = Complex<$type>;
            type Abs = $type;
            arithmetic_by_operators!();
            #[inline(always)]
            fn abs(self) -> $type { self.norm() }
            #[inline(always)]
            fn powi(self, exponent: i32) -> Self { Complex::powi(&self, exponent) }
            #[inline(always)]
            fn from_place(place: u64) -> Self { Complex::new(place as $type, 0.0) }
            #[inline(always)]
            fn is_nan(self) -> bool { self.re.is_nan() || self.im.is_nan() }
        }

        impl Float for $type {
            #[inline(always)]
            fn from_f64(value: f64) -> $type { value as $type }
            #[inline(always)]
            fn to_f64(self) -> f64 { self as f64 }
        }
    )* };
}
floats!(f32 f64);

/// Real numbers with a point: `f32` and `f64`.
#[diagnostic::on_unimplemented(
    message = "elements of type `{Self}` are not floats",
    label = "this needs an array of `f64` or `f32`",
    note = "`.astype::<f64>()` makes floats of the elements of an array"
)]
pub trait Float: Number<Sum = Self, Mean = Self, Abs = Self> + Ordered + num_traits::Float {
    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;
    /// The number as `f64`.
    fn to_f64(self) -> f64;
}

/// Elements with an order: all but the complex numbers. A NaN is as in NumPy: where there is one, it is the smallest and
/// the largest.
#[diagnostic::on_unimplemented(
    message = "elements of type `{Self}` have no order",
    label = "this needs an array of elements with an order",
    note = "complex numbers have none; `.abs()`, `.real()` and `.imag()` give real numbers"
)]
pub trait Ordered: Element + PartialOrd {
    /// The smallest value of the type; negative infinity for floats.
    const LOWEST: Self;
    /// The largest value of the type; infinity for floats.
    const HIGHEST: Self;
    /// Whether it is a NaN.
    fn unordered(self) -> bool;
    /// The smaller one, or a NaN if there is one.
    #[inline(always)]
    fn smaller(self, other: Self) -> Self {
        if self < other || self.unordered() { self } else { other }
    }
    /// The larger one, or a NaN if there is one.
    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        if self > other || self.unordered() { self } else { other }
    }
}

macro_rules! ordered {
    ($($type:ident, $lowest:expr, $highest:expr;)*) => { $(
        impl Ordered for $type {
            const LOWEST: $type = $lowest;
            const HIGHEST: $type = $highest;
            #[inline(always)]
            #[allow(clippy::eq_op)]
            fn unordered(self) -> bool { self != self }
        }
    )* };
}
ordered! {
    bool, false, true;
    i8, i8::MIN, i8::MAX; i16, i16::MIN, i16::MAX; i32, i32::MIN, i32::MAX; i64, i64::MIN, i64::MAX;
    u8, u8::MIN, u8::MAX; u16, u16::MIN, u16::MAX; u32, u32::MIN, u32::MAX; u64, u64::MIN, u64::MAX;
    f32, f32::NEG_INFINITY, f32::INFINITY; f64, f64::NEG_INFINITY, f64::INFINITY;
}

/// Conversion from one element type to another, as Rust's `as`: to integers it cuts off and saturates; `true` is one; what
/// is not zero is `true`; a complex number loses its imaginary part.
#[diagnostic::on_unimplemented(
    message = "elements of type `{Self}` do not become `{To}`",
    label = "not a type of elements",
    note = "elements are `bool`, the integers from `i8` to `u64`, `f32`, `f64`, and complex numbers of both"
)]
pub trait Cast<To>: Element {
    /// The nearest that `To` has.
    fn cast(self) -> To;
}

macro_rules! casts {
    ($($from:ident)*) => { $(
        casts!(@to $from: i8 i16 i32 i64 u8 u16 u32 u64 f32 f64);
        impl Cast<bool> for $from {
            #[inline(always)]
            fn cast(self) -> bool { self != $from::default() }
        }
        impl Cast<Complex<f32>> for $from {
            #[inline(always)]
            fn cast(self) -> Complex<f32> { Complex::new(self as f32, 0.0) }
        }
        impl Cast<Complex<f64>> for $from {
            #[inline(always)]
            fn cast(self) -> Complex<f64> { Complex::new(self as f64, 0.0) }
        }
        impl Cast<$from> for bool {
            #[inline(always)]
            fn cast(self) -> $from { self as u8 as $from }
        }
        impl Cast<$from> for Complex<f32> {
            #[inline(always)]
            fn cast(self) -> $from { self.re as $from }
        }
        impl Cast<$from> for Complex<f64> {
            #[inline(always)]
            fn cast(self) -> $from { self.re as $from }
        }
    )* };
    (@to $from:ident: $($to:ident)*) => { $(
        impl Cast<$to> for $from {
            #[inline(always)]
            fn cast(self) -> $to { self as $to }
        }
    )* };
}
casts!(i8 i16 i32 i64 u8 u16 u32 u64 f32 f64);

macro_rules! casts_of_complex {
    ($($from:ident $to:ident;)*) => { $(
        impl Cast<Complex<$to>> for Complex<$from> {
            #[inline(always)]
            fn cast(self) -> Complex<$to> { Complex::new(self.re as $to, self.im as $to) }
        }
    )* };
}
casts_of_complex!(f32 f32; f32 f64; f64 f32; f64 f64;);

impl Cast<bool> for bool {
    fn cast(self) -> bool {
        self
    }
}
