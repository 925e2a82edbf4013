//! What NumPy, pandas, xarray and Dask call otherwise, and what it is on an array here.

use super::super::super::diagnostics::for_people;
use super::super::{Facts, is_name, piece};
use super::source::{REDUCTIONS, axes, called_on, elements, is_array, lent, number, parts};

/// Methods and functions of one array. `{}` stands for the array.
const RENAMED: &[(&str, &str)] = &[
    ("abs", "{}.abs()"),
    ("absolute", "{}.abs()"),
    ("amax", "{}.max()"),
    ("amin", "{}.min()"),
    ("apply", "{}.map_elements(|x| …)"),
    ("applymap", "{}.map_elements(|x| …)"),
    ("arccos", "{}.acos()"),
    ("arcsin", "{}.asin()"),
    ("arctan", "{}.atan()"),
    ("argwhere", "{}.argwhere()"),
    ("as_slice", "{}.compute()?"),
    ("cbrt", "{}.cbrt()"),
    ("ceil", "{}.ceil()"),
    ("clamp", "{}.clip(low, high)"),
    ("conjugate", "{}.conj()"),
    ("copy", "{}.clone()"),
    ("cos", "{}.cos()"),
    ("cosh", "{}.cosh()"),
    ("deg2rad", "{}.to_radians()"),
    ("degrees", "{}.to_degrees()"),
    ("dropna", "{}.select(&!{}.is_nan())"),
    ("exp", "{}.exp()"),
    ("expm1", "{}.exp_m1()"),
    ("drop_duplicates", "{}.unique()"),
    ("fillna", "{}.fill_nan(0.0)"),
    ("filter", "{}.select(&{}.gt(0.0))"),
    ("flat", "{}.flatten()"),
    ("floor", "{}.floor()"),
    ("fold", "{}.sum()"),
    ("head", "{}.slice(s![..5])"),
    ("isel", "{}.slice(s![0])"),
    ("isfinite", "{}.is_finite()"),
    ("isinf", "{}.is_infinite()"),
    ("isna", "{}.is_nan()"),
    ("isnan", "{}.is_nan()"),
    ("isnull", "{}.is_nan()"),
    ("length", "{}.len()"),
    ("load", "{}.compute()?"),
    ("log", "{}.ln()"),
    ("log10", "{}.log10()"),
    ("log1p", "{}.ln_1p()"),
    ("log2", "{}.log2()"),
    ("map", "{}.map_elements(|x| …)"),
    ("map_inplace", "{}.map_elements(|x| …)"),
    ("map_partitions", "{}.map_blocks(|block| …)"),
    ("mapv", "{}.map_elements(|x| …)"),
    ("nan_to_num", "{}.fill_nan(0.0)"),
    ("notnull", "!{}.is_nan()"),
    ("rad2deg", "{}.to_degrees()"),
    ("radians", "{}.to_radians()"),
    ("ravel", "{}.flatten()"),
    ("reciprocal", "{}.recip()"),
    ("rint", "{}.round()"),
    ("rolling", "{}.map_overlap(…)"),
    ("round", "{}.round()"),
    ("result", "{}.compute()?"),
    ("sel", "{}.slice(s![0])"),
    ("shift", "{}.roll(1, 0)"),
    ("sign", "{}.signum()"),
    ("sin", "{}.sin()"),
    ("sinh", "{}.sinh()"),
    ("size", "{}.len()"),
    ("sort_values", "{}.sort(0)"),
    ("sqrt", "{}.sqrt()"),
    ("square", "{}.square()"),
    ("swapaxes", "{}.swap_axes(0, 1)"),
    ("tail", "{}.slice(s![-5..])"),
    ("tan", "{}.tan()"),
    ("tanh", "{}.tanh()"),
    ("transpose", "{}.t()"),
    ("value_counts", "{}.unique_counts()"),
    ("values", "{}.compute()?"),
    ("to_numpy", "{}.compute()?"),
    ("to_owned", "{}.clone()"),
];

/// Functions that make arrays, as a whole.
pub(super) const MADE: &[(&str, &str)] = &[
    ("arange", "Array::<f64>::arange(10, \"auto\")"),
    ("array", "Array::from_vec(vec![1.0, 2.0], \"auto\")"),
    ("asarray", "Array::from_vec(vec![1.0, 2.0], \"auto\")"),
    ("empty", "Array::<f64>::zeros((10, 10), \"auto\")"),
    ("eye", "Array::<f64>::eye(10, 0, \"auto\")"),
    ("from_array", "Array::from_ndarray(array, \"auto\")"),
    ("from_delayed", "Array::from_delayed(&value, (10, 10))"),
    ("full", "Array::<f64>::full((10, 10), 1.0, \"auto\")"),
    ("identity", "Array::<f64>::eye(10, 0, \"auto\")"),
    ("linspace", "Array::<f64>::linspace(0.0, 1.0, 11, \"auto\")"),
    ("new", "Array::from_vec(vec![1.0, 2.0], \"auto\")"),
    ("ones", "Array::<f64>::ones((10, 10), \"auto\")"),
    ("random", "Array::<f64>::random((10, 10), \"auto\").normal(0.0, 1.0)"),
    ("zeros", "Array::<f64>::zeros((10, 10), \"auto\")"),
];

/// Values of NumPy.
const CONSTANTS: &[(&str, &str)] = &[
    ("e", "std::f64::consts::E"),
    ("float32", "f32"),
    ("float64", "f64"),
    ("inf", "f64::INFINITY"),
    ("int32", "i32"),
    ("int64", "i64"),
    ("nan", "f64::NAN"),
    ("newaxis", "taskloom::ndarray::NewAxis"),
    ("pi", "std::f64::consts::PI"),
];

/// A type as NumPy names it: `float`, `np.float32`, `"f4"`.
pub(super) fn element_type(name: &str) -> String {
    let name = name.trim().trim_matches(['"', '\'']);
    let name = name.rsplit('.').next().unwrap_or(name);
    let ours = match name {
        "int" | "int_" => Some("i64"),
        "float" | "float_" | "double" => Some("f64"),
        "float16" | "single" => Some("f32"),
        "bool_" => Some("bool"),
        "int8" => Some("i8"),
        "int16" => Some("i16"),
        "uint8" => Some("u8"),
        "uint16" => Some("u16"),
        "uint32" => Some("u32"),
        "uint64" => Some("u64"),
        _ => find(CONSTANTS, name),
    };
    ours.unwrap_or(name).to_owned()
}

/// Methods of ours that take another array.
const OF_TWO: &[(&str, &str)] = &[
    ("arctan2", "atan2"),
    ("dot", "dot"),
    ("hypot", "hypot"),
    ("isin", "isin"),
    ("matmul", "matmul"),
    ("maximum", "maximum"),
    ("minimum", "minimum"),
    ("outer", "outer"),
    ("power", "powf"),
    ("searchsorted", "searchsorted"),
    ("vdot", "vdot"),
];

/// Functions of an array that are methods here, with the same arguments.
const SAME: &[&str] = &[
    "bincount",
    "corrcoef",
    "cov",
    "diagonal",
    "expand_dims",
    "flatten",
    "fliplr",
    "flipud",
    "full_like",
    "moveaxis",
    "ones_like",
    "repeat",
    "reshape",
    "squeeze",
    "tile",
    "topk",
    "tril",
    "triu",
    "zeros_like",
];

/// Names by which people know NumPy and what is like it.
pub(in super::super) const LIBRARIES: &[&str] = &["cupy", "da", "dask", "jnp", "np", "numpy", "xp"];

fn find(table: &[(&'static str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == name).map(|(_, words)| *words)
}

/// What a method that an array does not have is called here.
pub(super) fn method(name: &str, array: &str) -> Option<String> {
    find(RENAMED, name).map(|way| way.replace("{}", piece(array)))
}

/// A function called with arrays, as methods: `mean(y, axis=0)` is `y.mean_axis(0)`.
pub(super) fn function(name: &str, arguments: &str, facts: &Facts) -> Option<String> {
    let arguments = parts(arguments);
    let first = *arguments.first()?;
    let array = compared(first, facts).unwrap_or_else(|| called_on(first));
    let second = arguments.get(1).copied().filter(|second| !second.contains('='));
    match (name, second) {
        ("where", Some(yes)) => {
            let no = arguments.get(2)?;
            let choice = compared(first, facts).unwrap_or_else(|| array.clone());
            let held = [yes, no, first].iter().find_map(|side| elements(side, facts)).flatten().unwrap_or_default();
            let side = |side: &str| {
                if is_name(side) && !is_array(side, facts) { side.to_owned() } else { number(&lent(side), &held) }
            };
            return Some(format!("{choice}.where_({}, {})", side(yes), side(no)));
        }
        ("vstack" | "hstack", _) if first.starts_with('[') || first.starts_with('(') => {
            return function("concatenate", &format!("{first}, {}", if name == "vstack" { 0 } else { 1 }), facts);
        }
        ("concatenate" | "stack", _) if first.starts_with('[') || first.starts_with('(') => {
            let kept = |part: &str| if is_name(part) { format!("{part}.clone()") } else { part.to_owned() };
            let of =
                parts(first.trim_matches(['[', ']', '(', ')'])).into_iter().map(kept).collect::<Vec<_>>().join(", ");
            let axis = arguments[1..].iter().find_map(|axis| axes(axis)).unwrap_or_else(|| "0".to_owned());
            return Some(format!("Array::{name}(&[{of}], {axis})"));
        }
        _ => {}
    }
    let is_list = |ty: &str| for_people(ty).starts_with("Vec<Array<");
    if name == "sum" && facts.type_of(first).is_some_and(is_list) {
        return Some(format!("Array::stack(&{first}, 0).sum_axis(0)"));
    }
    let held = elements(first, facts)?.unwrap_or_default();
    if matches!(name, "max" | "min")
        && let Some(other) =
            second.filter(|other| other.contains('.') || !other.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
    {
        return Some(format!("{array}.{name}imum({})", lent(other)));
    }
    if let Some(other) = second
        && let Some(own) = find(OF_TWO, name)
    {
        let takes_arrays_only = matches!(own, "dot" | "matmul" | "outer" | "vdot" | "isin" | "searchsorted");
        let other = if takes_arrays_only { lent(other) } else { number(&lent(other), &held) };
        let right = if own == "searchsorted" { ", false" } else { "" };
        return Some(format!("{array}.{own}({other}{right})"));
    }
    if REDUCTIONS.contains(&name) || matches!(name, "amax" | "amin") {
        let own = name.strip_prefix('a').filter(|rest| matches!(*rest, "max" | "min")).unwrap_or(name);
        let axis = arguments[1..].iter().find_map(|axis| axes(axis));
        let named = |argument: &str| {
            let named =
                |(name, value): &(&str, &str)| name.trim() == argument && !value.trim().eq_ignore_ascii_case("false");
            arguments.iter().find_map(|given| given.split_once('=').filter(named))
        };
        let known = ["axis", "keepdims", "ddof"];
        if arguments.iter().any(|given| {
            given.split_once('=').is_some_and(|(name, _)| is_name(name.trim()) && !known.contains(&name.trim()))
        }) {
            return None;
        }
        let some = match (&axis, named("keepdims")) {
            (Some(axis), Some(_)) => format!("Axes::from({axis}).keepdims()"),
            (None, Some(_)) => "Axes::all().keepdims()".to_owned(),
            (Some(axis), None) => axis.clone(),
            (None, None) => String::new(),
        };
        return Some(match named("ddof") {
            Some((_, ddof)) if some.is_empty() => format!("{array}.{own}_ddof(Axes::all(), {})", ddof.trim()),
            Some((_, ddof)) => format!("{array}.{own}_ddof({some}, {})", ddof.trim()),
            None if some.is_empty() => format!("{array}.{own}()"),
            None => format!("{array}.{own}_axis({some})"),
        });
    }
    match name {
        "len" => Some(format!("{array}.shape()[0]")),
        "pow" => Some(format!("{array}.powi({})", second?)),
        "inv" | "qr" | "svd" | "norm" | "cholesky" | "trace" | "unique" | "nonzero" => {
            Some(format!("{array}.{name}()"))
        }
        "cumsum" | "cumprod" | "sort" | "argsort" | "flip" | "diff" => {
            let axis = arguments[1..].iter().find_map(|axis| axes(axis));
            Some(match (name, axis) {
                ("diff", axis) => format!("{array}.diff(1, {})", axis.as_deref().unwrap_or("-1")),
                (_, Some(axis)) => format!("{array}.{name}({axis})"),
                // What each does without an axis.
                ("sort" | "argsort", None) => format!("{array}.{name}(-1)"),
                ("flip", None) => return None,
                (_, None) => format!("{array}.flatten().{name}(0)"),
            })
        }
        "histogram" => Some(format!("{array}.histogram((10, 0.0..1.0))")),
        "clip" => {
            let ends: Vec<String> = arguments[1..].iter().map(|end| number(&lent(end), &held)).collect();
            Some(format!("{array}.clip({})", ends.join(", ")))
        }
        _ if SAME.contains(&name) && !arguments[1..].iter().any(|given| given.contains('=')) => {
            Some(format!("{array}.{name}({})", arguments[1..].join(", ")))
        }
        _ => method(name, &array),
    }
}

/// `y > 0.0` as a mask: `y.gt(0.0)`.
pub(super) fn compared(source: &str, facts: &Facts) -> Option<String> {
    for (sign, method) in COMPARISONS {
        if let Some((left, right)) = source.split_once(sign)
            && let Some(held) = elements(left, facts)
        {
            return Some(format!("{}.{method}({})", called_on(left), number(&lent(right), &held.unwrap_or_default())));
        }
    }
    None
}

/// Comparisons; those of two signs first, so that they are found in a text.
pub(super) const COMPARISONS: [(&str, &str); 6] =
    [("==", "eq"), ("!=", "ne"), ("<=", "le"), (">=", "ge"), ("<", "lt"), (">", "gt")];

/// A function of NumPy as it is called here, in words.
pub(super) fn called(code: &str) -> String {
    let what = if code.starts_with("Array::") { "it is" } else { "it is a method of the array:" };
    format!("{what} `{code}`")
}

/// How an array in the file that a line names is opened.
pub(super) fn opened(line: &str) -> String {
    let path = line.split('"').nth(1).unwrap_or("x.nc");
    let (function, rest) = match path.rsplit_once('.').map_or("", |(_, kind)| kind) {
        "npy" => ("open_npy", ", \"auto\""),
        "npz" => ("open_npz", ", \"name\", \"auto\""),
        "zarr" => ("open_zarr", ""),
        "h5" | "hdf5" | "hdf" => ("open_hdf5", ", \"dataset\", \"auto\""),
        _ => ("open_netcdf", ", \"variable\", \"auto\""),
    };
    format!("Array::<f64>::{function}(\"{}\"{rest})?", super::super::piece(path))
}

/// What is asked of NumPy by its name: `np.zeros((3, 3))`, `np.mean(y)`, `np.pi`. `after` is what stands behind `np.`.
pub(super) fn of_library(after: &str, facts: &Facts) -> Option<String> {
    let end = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
    let (name, rest) = after.split_at(end);
    if let Some(within) = rest.strip_prefix('.').or_else(|| rest.strip_prefix("::"))
        && matches!(name, "random" | "linalg" | "fft")
    {
        let random = (name == "random").then(|| find(MADE, "random")).flatten();
        return random
            .map(|code| format!("random numbers are made as in `{code}`"))
            .or_else(|| of_library(within, facts));
    }
    let arguments = super::source::inside(rest);
    if let Some(code) = arguments.and_then(|arguments| function(name, arguments, facts)) {
        return Some(called(&code));
    }
    if matches!(name, "load" | "memmap" | "fromfile" | "from_zarr" | "open_dataset") {
        return Some(format!("an array in a file is opened with `{}`", opened(rest)));
    }
    if let Some(code) = find(MADE, name) {
        let code = match arguments.map(parts).and_then(|given| given.first().copied()) {
            Some(shape) if shape.starts_with('(') => code.replace("(10, 10)", shape),
            Some(list) if list.starts_with('[') && !list[1..].contains('[') => code.replace("[1.0, 2.0]", piece(list)),
            Some(list) if is_name(list) && matches!(name, "array" | "asarray") => code.replace("vec![1.0, 2.0]", list),
            Some(array) if is_name(array) => {
                code.replace("(array", &format!("({array}")).replace("&value", &format!("&{array}"))
            }
            _ => code.to_owned(),
        };
        return Some(format!("an array in chunks is made as in `{code}`"));
    }
    if let Some(code) = find(CONSTANTS, name) {
        return Some(format!("it is `{code}`"));
    }
    None
}
