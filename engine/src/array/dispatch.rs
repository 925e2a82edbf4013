//! From an element type as a value to the type itself.
//!
//! What the engine offers is compiled for every element type here, once, so that a notebook's cell that uses it has nothing
//! to compile but the call.

/// Evaluates an expression with a type alias for the element type.
macro_rules! with_type {
    ($dtype:expr, $T:ident => $body:expr) => {
        $crate::array::dispatch::one_of!($dtype, $T => $body,
            Bool bool, I8 i8, I16 i16, I32 i32, I64 i64, U8 u8, U16 u16, U32 u32, U64 u64, F32 f32, F64 f64,
            Complex32 num_complex::Complex<f32>, Complex64 num_complex::Complex<f64>)
    };
}

/// As [`with_type`], for numbers: all but `bool`.
macro_rules! with_number {
    ($dtype:expr, $T:ident => $body:expr) => {
        $crate::array::dispatch::one_of!($dtype, $T => $body,
            I8 i8, I16 i16, I32 i32, I64 i64, U8 u8, U16 u16, U32 u32, U64 u64, F32 f32, F64 f64,
            Complex32 num_complex::Complex<f32>, Complex64 num_complex::Complex<f64>)
    };
}

/// As [`with_type`], for what has an order: all but complex numbers.
macro_rules! with_ordered {
    ($dtype:expr, $T:ident => $body:expr) => {
        $crate::array::dispatch::one_of!($dtype, $T => $body,
            Bool bool, I8 i8, I16 i16, I32 i32, I64 i64, U8 u8, U16 u16, U32 u32, U64 u64, F32 f32, F64 f64)
    };
}

/// As [`with_type`], for real numbers: integers and floats.
macro_rules! with_real {
    ($dtype:expr, $T:ident => $body:expr) => {
        $crate::array::dispatch::one_of!($dtype, $T => $body,
            I8 i8, I16 i16, I32 i32, I64 i64, U8 u8, U16 u16, U32 u32, U64 u64, F32 f32, F64 f64)
    };
}

/// As [`with_type`], for `f32` and `f64`.
macro_rules! with_float {
    ($dtype:expr, $T:ident => $body:expr) => {
        $crate::array::dispatch::one_of!($dtype, $T => $body, F32 f32, F64 f64)
    };
}

macro_rules! one_of {
    ($dtype:expr, $T:ident => $body:expr, $($variant:ident $type:ty),*) => {
        match $dtype {
            $($crate::array::DType::$variant => { type $T = $type; $body })*
            #[allow(unreachable_patterns)]
            other => unreachable!("{other} has no such operation: the types of its methods say so"),
        }
    };
}

pub(crate) use {one_of, with_float, with_number, with_ordered, with_real, with_type};
