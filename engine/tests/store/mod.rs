//! What the tests of stored arrays share.
#![allow(dead_code)] // not each of them needs all

use std::path::{Path, PathBuf};

use num_complex::Complex;
use taskloom::array::Element;
use taskloom::ndarray::{ArrayD, IxDyn};
use taskloom::prelude::*;

pub type Tested = Result<(), Box<dyn std::error::Error>>;

pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store").join(name)
}

pub trait Formula: Element {
    fn of(value: u32) -> Self;
}
macro_rules! formulas {
    ($($type:ty: $value:ident => $formula:expr;)*) => { $(
        impl Formula for $type {
            fn of($value: u32) -> $type { $formula }
        }
    )* };
}
formulas! {
    bool: v => v.is_multiple_of(3);
    i8: v => v as i8 - 50;
    i16: v => v as i16 - 50;
    i32: v => v as i32 - 50;
    i64: v => v as i64 - 50;
    u8: v => v as u8;
    u16: v => v as u16;
    u32: v => v;
    u64: v => v.into();
    f32: v => v as f32 * 0.5 - 25.0;
    f64: v => v as f64 * 0.5 - 25.0;
    Complex<f32>: v => Complex::new(v as f32 * 0.5 - 25.0, v as f32);
    Complex<f64>: v => Complex::new(v as f64 * 0.5 - 25.0, v as f64);
}

pub fn values_of<T: Formula>(shape: &[usize]) -> ArrayD<T> {
    let count: usize = shape.iter().product();
    ArrayD::from_shape_vec(IxDyn(shape), (0..count as u32).map(|at| T::of(at * 37 % 101)).collect()).unwrap()
}

pub fn values<T: Formula>() -> ArrayD<T> {
    values_of(&[5, 7])
}

/// The array is what the files were made of, and so are parts of it.
#[track_caller]
pub fn check<T: Formula>(array: taskloom::Result<Array<T>>) {
    let array = array.unwrap_or_else(|error| panic!("{error}"));
    let want = values_of::<T>(&array.shape());
    assert_eq!(array.compute().unwrap(), want);
    assert_eq!(array.slice(s![1..4, ..;2]).compute().unwrap(), want.slice(s![1..4, ..;2]).into_dyn());
    assert_eq!(array.slice(s![..;-2, 3]).compute().unwrap(), want.slice(s![..;-2, 3]).into_dyn());
    assert_eq!(array.t().slice(s![2.., 1..;3]).compute().unwrap(), want.t().slice(s![2.., 1..;3]).into_dyn());
    assert_eq!(
        array.slice(s![1..3, ..]).slice(s![-1, 1..6;2]).compute().unwrap(),
        want.slice(s![2, 1..6;2]).into_dyn()
    );
    assert_eq!(array.slice(s![3..3, ..]).compute().unwrap().len(), 0);
    assert_eq!(array.rechunk((2, 5)).compute().unwrap(), want);
}

/// An array whose last block fails.
pub fn failing() -> Array<f64> {
    Array::<f64>::from_blocks((4, 4), (2, 2), |start, shape| {
        assert!(start != [2, 2], "no such block");
        ArrayD::zeros(IxDyn(shape))
    })
}
