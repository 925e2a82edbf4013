//! Random expressions, and what NumPy says they are: `oracle/array_numpy.py` has asked it.

#[path = "common/everywhere.rs"]
mod everywhere;
use std::panic::{AssertUnwindSafe, catch_unwind};

use everywhere::Everywhere;
use ndarray::{ArrayD, IxDyn, SliceInfoElem};
use serde_json::Value;
use taskloom::Array;
use taskloom::array::{Axes, Element, Float, Number, Ordered};

const TABLE: &str = include_str!("oracle/array_numpy.jsonl");

/// What came out: its shape, and each element as JSON has it, or as text where JSON has it not.
type Found = (Vec<usize>, Vec<Value>);

fn integer(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is not a whole number"))
}

fn lengths(value: &Value) -> Vec<usize> {
    value.as_array().into_iter().flatten().map(|length| integer(length) as usize).collect()
}

/// An element type of the table.
trait Listed: Element {
    fn special(name: &str) -> Self;
    fn made(number: f64) -> Self;
    fn written(self) -> Value;
    /// What only some types have.
    fn step(array: &Array<Self>, name: &str, scalar: Self) -> Array<Self>;
    fn reduce(array: &Array<Self>, name: &str, axes: Axes, ddof: u32) -> Found;
}

fn found<T: Listed>(array: &Array<T>) -> Found {
    let values: ArrayD<T> = array.everywhere().unwrap_or_else(|error| panic!("{error}"));
    (values.shape().to_vec(), values.iter().map(|&value| value.written()).collect())
}

fn every<T: Listed + Ordered>(array: &Array<T>, name: &str, axes: Axes) -> Found {
    match name {
        "any" => found(&array.any_axis(axes)),
        "all" => found(&array.all_axis(axes)),
        "count" => found(&array.count_axis(axes)),
        "min" => found(&array.min_axis(axes)),
        "max" => found(&array.max_axis(axes)),
        "argmin" => found(&array.argmin_axis(axes)),
        "argmax" => found(&array.argmax_axis(axes)),
        other => panic!("no reduction {other}"),
    }
}

fn number<T>(array: &Array<T>, name: &str, axes: Axes, ddof: u32) -> Found
where
    T: Listed + Ordered + Number<Sum: Listed, Mean: Listed + Float>,
{
    match name {
        "sum" => found(&array.sum_axis(axes)),
        "prod" => found(&array.prod_axis(axes)),
        "mean" => found(&array.mean_axis(axes)),
        "var" => found(&array.var_ddof(axes, ddof)),
        "std" => found(&array.std_ddof(axes, ddof)),
        _ => every(array, name, axes),
    }
}

fn float<T: Listed + Float>(array: &Array<T>, name: &str, axes: Axes, ddof: u32) -> Found {
    match name {
        "nansum" => found(&array.nansum_axis(axes)),
        "nanprod" => found(&array.nanprod_axis(axes)),
        "nanmean" => found(&array.nanmean_axis(axes)),
        "nanvar" => found(&array.nanvar_axis(axes)),
        "nanstd" => found(&array.nanstd_axis(axes)),
        "nanmin" => found(&array.nanmin_axis(axes)),
        "nanmax" => found(&array.nanmax_axis(axes)),
        "nanargmin" => found(&array.nanargmin_axis(axes)),
        "nanargmax" => found(&array.nanargmax_axis(axes)),
        _ => number(array, name, axes, ddof),
    }
}

fn calculated<T: Listed + Number<Abs = T> + Ordered>(array: &Array<T>, name: &str, scalar: T) -> Array<T> {
    match name {
        "add" => array + scalar,
        "sub" => array - scalar,
        "mul" => array * scalar,
        "fmod" => array % scalar,
        "minimum" => array.minimum(scalar),
        "maximum" => array.maximum(scalar),
        "neg" => -array,
        "abs" => array.abs(),
        "square" => array.square(),
        other => panic!("no step {other}"),
    }
}

macro_rules! listed {
    ($($type:ident $reduce:ident, $special:expr, $written:expr;)*) => { $(
        impl Listed for $type {
            fn special(name: &str) -> $type {
                let special: fn(&str) -> $type = $special;
                special(name)
            }
            fn made(number: f64) -> $type {
                number as $type
            }
            fn written(self) -> Value {
                let written: fn($type) -> Value = $written;
                written(self)
            }
            fn step(array: &Array<$type>, name: &str, scalar: $type) -> Array<$type> {
                calculated(array, name, scalar)
            }
            fn reduce(array: &Array<$type>, name: &str, axes: Axes, ddof: u32) -> Found {
                $reduce(array, name, axes, ddof)
            }
        }
    )* };
    (whole $($type:ident)*) => {
        listed! { $($type number, |name| match name {
            "max" => $type::MAX,
            "min" => $type::MIN,
            _ => 1,
        }, |value| value.into();)* }
    };
}
listed!(whole i8 i16 i32 i64 u8 u16 u32 u64);

fn written_float(value: f64) -> Value {
    match value {
        _ if value.is_nan() => "nan".into(),
        _ if value.is_infinite() => if value > 0.0 { "inf" } else { "-inf" }.into(),
        _ => value.into(),
    }
}

listed! {
    f32 float, |name| name.parse().expect("a float"), |value| written_float(f64::from(value));
    f64 float, |name| name.parse().expect("a float"), written_float;
}

impl Listed for bool {
    fn special(name: &str) -> bool {
        panic!("{name} is no truth")
    }
    fn made(number: f64) -> bool {
        number > 0.0
    }
    fn written(self) -> Value {
        self.into()
    }
    fn step(array: &Array<bool>, _name: &str, _scalar: bool) -> Array<bool> {
        !array
    }
    fn reduce(array: &Array<bool>, name: &str, axes: Axes, _ddof: u32) -> Found {
        every(array, name, axes)
    }
}

fn array_of<T: Listed>(case: &Value) -> Array<T> {
    let shape = lengths(&case["shape"]);
    let [a, b, m, c] = [0, 1, 2, 3].map(|place| integer(&case["elements"][place]));
    let scale = case["elements"][4].as_f64().expect("a number");
    let count: usize = shape.iter().product();
    let made = |place: usize| match case["special"].get(place.to_string()) {
        Some(name) => T::special(name.as_str().expect("a name")),
        None => T::made(((a * place as i64 + b) % m - c) as f64 * scale),
    };
    let values = ArrayD::from_shape_vec(IxDyn(&shape), (0..count).map(made).collect()).expect("as many as there are");
    let chunks: Vec<Vec<usize>> = case["chunks"].as_array().into_iter().flatten().map(lengths).collect();
    Array::from_ndarray(values, chunks)
}

fn stepped<T: Listed>(array: Array<T>, step: &Value) -> Array<T> {
    let name = step[0].as_str().expect("steps have names");
    match name {
        "slice" => {
            let slices = step[1].as_array().expect("slices").iter().map(|slice| match slice.as_array() {
                None => SliceInfoElem::Index(integer(slice) as isize),
                Some(slice) => SliceInfoElem::Slice {
                    start: integer(&slice[0]) as isize,
                    end: slice[1].as_i64().map(|end| end as isize),
                    step: integer(&slice[2]) as isize,
                },
            });
            array.slice(slices.collect::<Vec<_>>())
        }
        "transpose" => array.transpose(lengths(&step[1]).into_iter().map(|axis| axis as isize).collect::<Vec<_>>()),
        "flip" => array.flip(integer(&step[1]) as isize),
        "expand_dims" => array.expand_dims(integer(&step[1]) as isize),
        "flatten" => array.flatten(),
        "squeeze" => array.squeeze(),
        _ => T::step(&array, name, T::made(step[1].as_f64().unwrap_or(0.0))),
    }
}

fn evaluated<T: Listed>(case: &Value) -> Found {
    let steps = case["steps"].as_array().expect("steps");
    let array = steps.iter().fold(array_of::<T>(case), |array, step| stepped(array, step));
    let Some(reduce) = case["reduce"].as_array() else { return found(&array) };
    let axes = match reduce[1].as_array() {
        None => Axes::all(),
        Some(axes) => Axes::from(axes.iter().map(|axis| integer(axis) as isize).collect::<Vec<_>>()),
    };
    let axes = if reduce[2] == true { axes.keepdims() } else { axes };
    T::reduce(&array, reduce[0].as_str().expect("a name"), axes, integer(&reduce[3]) as u32)
}

fn answer(case: &Value) -> Found {
    match case["type"].as_str().expect("a type") {
        "f64" => evaluated::<f64>(case),
        "f32" => evaluated::<f32>(case),
        "i8" => evaluated::<i8>(case),
        "i16" => evaluated::<i16>(case),
        "i32" => evaluated::<i32>(case),
        "i64" => evaluated::<i64>(case),
        "u8" => evaluated::<u8>(case),
        "u16" => evaluated::<u16>(case),
        "u32" => evaluated::<u32>(case),
        "u64" => evaluated::<u64>(case),
        "bool" => evaluated::<bool>(case),
        other => panic!("no type {other}"),
    }
}

/// Equal, but for the rounding of floats.
fn agree(found: &Value, wanted: &Value, precision: f64) -> bool {
    if found == wanted {
        return true;
    }
    match (found.as_f64(), wanted.as_f64()) {
        (Some(found), Some(wanted)) if found.fract() != 0.0 || wanted.is_finite() && precision > 0.0 => {
            (found - wanted).abs() <= precision * wanted.abs().max(1e-3)
        }
        _ => false,
    }
}

#[test]
fn numpy_says_the_same() {
    let mut wrong = Vec::new();
    let mut cases = 0;
    for line in TABLE.lines() {
        let case: Value = serde_json::from_str(line).expect("the table is JSON");
        cases += 1;
        let outcome = catch_unwind(AssertUnwindSafe(|| answer(&case)));
        let is_float = |value: &Value| value.is_f64() || value.is_string();
        let right = match (&outcome, case.get("raises")) {
            (Err(_), raises) => raises.is_some(),
            (Ok(_), Some(_)) => false,
            (Ok((shape, values)), None) => {
                let wanted = case["gives"][1].as_array().expect("elements");
                let precision = if case["type"] == "f32" { 1e-5 } else { 1e-12 };
                *shape == lengths(&case["gives"][0])
                    && values.len() == wanted.len()
                    && values
                        .iter()
                        .zip(wanted)
                        .all(|(found, wanted)| agree(found, wanted, if is_float(wanted) { precision } else { 0.0 }))
            }
        };
        if !right {
            wrong.push(format!("{line}\n  gave {outcome:?}"));
        }
    }
    assert!(cases >= 1000, "the table has {cases} cases");
    assert!(wrong.is_empty(), "{} of {cases} are other than NumPy's:\n{}", wrong.len(), wrong.join("\n"));
}
