//! Random expressions of labelled arrays, and what xarray says they are: `oracle/labelled.py` has asked it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ndarray::{ArrayD, IxDyn};
use serde_json::Value;
use taskloom::array::Chunking;
use taskloom::array::store::Calendar;
use taskloom::labelled::{Label, Labels, Selector, concat, date_range_in};
use taskloom::prelude::*;

const TABLE: &str = include_str!("oracle/labelled.jsonl");

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} of {value} is no text"))
}

fn integer(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is not a whole number"))
}

fn size(value: &Value, key: &str) -> usize {
    integer(&value[key]) as usize
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn lengths(value: &Value) -> Vec<usize> {
    value.as_array().into_iter().flatten().map(|length| integer(length) as usize).collect()
}

fn labels(value: &Value) -> Option<Labels> {
    match value {
        Value::Object(times) => {
            let calendar = Calendar::named(times["calendar"].as_str()?)?;
            let length = integer(&times["length"]) as usize;
            Some(date_range_in(calendar, times["start"].as_str()?, length, times["step"].as_str()?).into())
        }
        Value::Array(values) if values.iter().all(Value::is_i64) => {
            Some(values.iter().map(integer).collect::<Vec<_>>().into())
        }
        Value::Array(values) if values.iter().all(Value::is_number) => {
            Some(values.iter().filter_map(Value::as_f64).collect::<Vec<_>>().into())
        }
        Value::Array(_) => Some(texts(value).into()),
        _ => None,
    }
}

fn made(spec: &Value) -> DataArray {
    let Some([a, b, m, c, n]) =
        spec["elements"].as_array().map(|numbers| [0, 1, 2, 3, 4].map(|at| integer(&numbers[at])))
    else {
        panic!("{spec}")
    };
    let shape = lengths(&spec["shape"]);
    let element = |i: i64| match n != 0 && (i * 7 + 3) % n == 0 {
        true => f64::NAN,
        false => ((a * i + b) % m - c) as f64 / 4.0,
    };
    let values = (0..shape.iter().product::<usize>() as i64).map(element).collect();
    let values = ArrayD::from_shape_vec(IxDyn(&shape), values).unwrap_or_else(|error| panic!("{error}"));
    let chunks = spec["chunks"].as_array().into_iter().flatten().map(lengths).collect();
    let data = Array::from_ndarray(values, Chunking::Explicit(chunks));
    let dims = texts(&spec["dims"]);
    let mut array = DataArray::new(data, dims.clone());
    for dim in dims {
        if let Some(labels) = labels(&spec["coords"][dim]) {
            array = array.assign_coords(dim, labels);
        }
    }
    array
}

fn label(value: &Value) -> Option<Label> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => number.as_f64().map(Label::from),
        _ => None,
    }
}

/// A fold of groups, and of stretches of time: other types with the same methods.
macro_rules! folded {
    ($groups:expr, $fold:expr) => {
        match $fold {
            "sum" => $groups.sum(),
            "mean" => $groups.mean(),
            "min" => $groups.min(),
            "max" => $groups.max(),
            "std" => $groups.std(),
            "var" => $groups.var(),
            "count" => $groups.count().astype(),
            other => panic!("no fold {other}"),
        }
    };
}

fn reduced(array: &DataArray, fold: &str, dims: Vec<&str>) -> DataArray {
    match fold {
        "sum" => array.sum(dims),
        "prod" => array.prod(dims),
        "mean" => array.mean(dims),
        "min" => array.min(dims),
        "max" => array.max(dims),
        "std" => array.std(dims),
        "var" => array.var(dims),
        "median" => array.median(dims),
        "count" => array.count(dims).astype(),
        other => panic!("no fold {other}"),
    }
}

fn selected(array: &DataArray, dim: &str, step: &Value) -> DataArray {
    if let Some(label) = label(&step["one"]) {
        return array.sel(dim, label);
    }
    if let Some(label) = label(&step["nearest"]) {
        return array.sel_nearest(dim, label);
    }
    match step.get("list") {
        Some(list) => {
            let list: Vec<Label> = list.as_array().into_iter().flatten().filter_map(label).collect();
            array.sel(dim, list)
        }
        None => array.sel(dim, Selector::Range(label(&step["from"]), label(&step["to"]))),
    }
}

fn applied(array: &DataArray, step: &Value) -> DataArray {
    let dim = step["dim"].as_str().unwrap_or("");
    match text(step, "kind") {
        "isel" => match (&step["one"], &step["range"]) {
            (Value::Number(one), _) => array.isel(dim, one.as_i64().unwrap_or(0) as isize),
            (_, Value::Array(range)) => {
                let at = |place: usize| integer(&range[place]) as isize;
                array.isel(dim, ndarray::Slice::new(at(0), Some(at(1)), at(2)))
            }
            _ => {
                let places: Vec<isize> =
                    step["list"].as_array().into_iter().flatten().map(|place| integer(place) as isize).collect();
                array.isel(dim, places)
            }
        },
        "sel" => selected(array, dim, step),
        "fold" => reduced(array, text(step, "fold"), texts(&step["dims"])),
        "rolling" => {
            let mut rolling = array.rolling(dim, size(step, "width"));
            if step["center"] == true {
                rolling = rolling.center();
            }
            if let Some(least) = step["least"].as_u64() {
                rolling = rolling.min_periods(least as usize);
            }
            match text(step, "fold") {
                "sum" => rolling.sum(),
                "mean" => rolling.mean(),
                "min" => rolling.min(),
                "max" => rolling.max(),
                "std" => rolling.std(),
                "var" => rolling.var(),
                other => panic!("no fold {other}"),
            }
        }
        "coarsen" => {
            let coarsen = array.coarsen([(dim, size(step, "width"))]).trim();
            match text(step, "fold") {
                "sum" => coarsen.sum(),
                "mean" => coarsen.mean(),
                "min" => coarsen.min(),
                "max" => coarsen.max(),
                "count" => coarsen.count().astype(),
                other => panic!("no fold {other}"),
            }
        }
        "transpose" => array.transpose(texts(&step["dims"])),
        "rename" => array.rename(text(step, "old"), text(step, "new")),
        "where" => array.where_(&array.gt(step["above"].as_f64().unwrap_or(0.0))),
        "groupby" => folded!(array.groupby(&format!("time.{}", text(step, "by"))), text(step, "fold")),
        "anomaly" => {
            let groups = array.groupby(&format!("time.{}", text(step, "by")));
            &groups - &groups.mean()
        }
        "resample" => folded!(array.resample("time", text(step, "step")), text(step, "fold")),
        "binary" => {
            let other = made(&step["other"]);
            match text(step, "op") {
                "add" => array + &other,
                "sub" => array - other,
                _ => array.clone() * &other,
            }
        }
        "concat" => concat(&[array.clone(), made(&step["other"])], dim),
        "weighted" => {
            let length = array.size("y");
            let weights = DataArray::new(Array::<f64>::arange(length, 2) * 0.5, ["y"]);
            let weighted = array.weighted(&weights);
            let dims = texts(&step["dims"]);
            match text(step, "fold") {
                "mean" => weighted.mean(dims),
                "sum" => weighted.sum(dims),
                "var" => weighted.var(dims),
                _ => weighted.sum_of_weights(dims),
            }
        }
        other => panic!("no step {other}"),
    }
}

/// Whether a label of ours is the one of the table: times have their time of day there always.
fn same_label(labels: &Labels, place: usize, wanted: &Value) -> bool {
    match (labels, wanted) {
        (Labels::Times(_), Value::String(wanted)) => {
            wanted == &labels.text(place) || wanted == &format!("{} 00:00:00", labels.text(place))
        }
        (Labels::Texts(_), Value::String(wanted)) => wanted == &labels.text(place),
        (_, Value::Number(wanted)) => {
            let (ours, wanted) = (labels.numbers().map(|numbers| numbers[place]), wanted.as_f64());
            ours.zip(wanted).is_some_and(|(ours, wanted)| (ours - wanted).abs() < 1e-9)
        }
        _ => false,
    }
}

fn compare(array: &DataArray, wanted: &Value) -> Result<(), String> {
    if array.dims() != texts(&wanted["dims"]) || array.shape() != lengths(&wanted["shape"]) {
        return Err(format!("({:?}, {:?}) for ({}, {})", array.dims(), array.shape(), wanted["dims"], wanted["shape"]));
    }
    let values = array.compute().map_err(|error| error.to_string())?;
    for (place, (&found, wanted)) in values.iter().zip(wanted["values"].as_array().into_iter().flatten()).enumerate() {
        let same = match wanted.as_f64() {
            None => found.is_nan(),
            Some(wanted) => (found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0),
        };
        if !same {
            return Err(format!("{found} for {wanted} at {place}"));
        }
    }
    let coords = wanted["coords"].as_object().into_iter().flatten();
    let mut known = 0;
    for (name, wanted) in coords {
        known += 1;
        let Some(coord) = array.coords().iter().find(|coord| coord.name() == name) else {
            return Err(format!("no coordinate {name}"));
        };
        let wanted: Vec<&Value> = wanted.as_array().into_iter().flatten().collect();
        let labels = coord.labels();
        if labels.len() != wanted.len() || (0..labels.len()).any(|place| !same_label(labels, place, wanted[place])) {
            return Err(format!("{name} is {labels:?} for {wanted:?}"));
        }
    }
    match array.coords().len() == known {
        true => Ok(()),
        false => Err(format!("{} coordinates for {known}", array.coords().len())),
    }
}

#[test]
fn random_expressions_are_what_xarray_says() {
    let mut wrong = Vec::new();
    let mut refused = 0;
    for (number, line) in TABLE.lines().enumerate() {
        let case: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("line {number}: {error}"));
        let steps: Vec<&Value> = case["steps"].as_array().into_iter().flatten().collect();
        let found = catch_unwind(AssertUnwindSafe(|| {
            steps.iter().fold(made(&case["array"]), |array, step| applied(&array, step))
        }));
        let is_error = case.get("error").is_some();
        let said = match found {
            Err(_) if is_error => {
                refused += 1;
                Ok(())
            }
            Ok(_) if is_error => Err(format!("xarray refuses: {}", case["error"])),
            Ok(array) => compare(&array, &case["result"]),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                Err(format!("panicked: {}", text.unwrap_or_default()))
            }
        };
        if let Err(why) = said {
            wrong.push(format!("line {}: {why}\n    {}", number + 1, case["steps"]));
        }
    }

    assert!(refused > 5, "only {refused} were refused");
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}
