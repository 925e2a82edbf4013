//! What people who know Python, C or JavaScript write, and what it is in Rust.

/// Functions that other languages have, with Rust's way. `{}` stands for the arguments as they were written.
const FUNCTIONS: &[(&str, &str)] = &[
    ("abs", "the absolute value is a method: `({}).abs()`"),
    ("all", "on an iterator it is a method: `values.iter().all(|x| …)`"),
    ("any", "on an iterator it is a method: `values.iter().any(|x| …)`"),
    ("dict", "a dictionary is a `HashMap`: `use std::collections::HashMap;`, then `HashMap::new()`"),
    ("enumerate", "it is a method of iterators: `for (i, x) in values.iter().enumerate()`"),
    ("exit", "a notebook ends with its kernel: use the menu Kernel, Shut Down"),
    ("filter", "it is a method of iterators: `values.iter().filter(|x| …)`"),
    ("float", "a text becomes a number with `text.parse::<f64>()?`, and an integer with `n as f64`"),
    ("input", "a line is read with `std::io::stdin().read_line(&mut text)?`"),
    ("int", "a text becomes an integer with `text.parse::<i64>()?`, and another number with `x as i64`"),
    ("isinstance", "types are known when the cell is compiled, so there is nothing to ask"),
    ("len", "the length is a method: `{}.len()`"),
    ("list", "a list is a `Vec`: `vec![1, 2, 3]`, or `.collect::<Vec<_>>()` from an iterator"),
    ("map", "it is a method of iterators: `values.iter().map(|x| …).collect::<Vec<_>>()`"),
    ("max", "of two values it is a method, `a.max(b)`; of many, `values.iter().max()`"),
    ("mean", "it is the sum over the length: `values.iter().sum::<f64>() / values.len() as f64`"),
    ("min", "of two values it is a method, `a.min(b)`; of many, `values.iter().min()`"),
    ("open", "a file is read with `std::fs::read_to_string(path)?`, or opened with `std::fs::File::open(path)?`"),
    ("pow", "a power is a method: `x.pow(2)` of integers, `x.powi(2)` or `x.powf(0.5)` of floats"),
    ("quit", "a notebook ends with its kernel: use the menu Kernel, Shut Down"),
    ("range", "a range is written `0..n`: `for i in 0..{}`"),
    ("reversed", "it is a method of iterators: `values.iter().rev()`"),
    ("round", "rounding is a method of floats: `x.round()`"),
    ("set", "a set is a `HashSet`: `use std::collections::HashSet;`, then `HashSet::new()`"),
    ("sorted", "sorting is a method of a `Vec` that is `mut`: `values.sort()`"),
    ("sqrt", "the square root is a method of floats: `({}).sqrt()`"),
    ("str", "a value becomes a text with `.to_string()`, or with `format!(\"{{x}}\")`"),
    ("sum", "it is a method of iterators: `values.iter().sum::<i64>()`, with the type of the result"),
    ("tuple", "a tuple is written `(a, b)`"),
    ("type", "the type of a variable is shown by `%who`, or by Shift+Tab on its name"),
    ("zip", "it is a method of iterators: `a.iter().zip(&b)`"),
];

/// Values that other languages have.
const VALUES: &[(&str, &str)] = &[
    ("True", "it is written `true`, in small letters"),
    ("False", "it is written `false`, in small letters"),
    ("TRUE", "it is written `true`, in small letters"),
    ("FALSE", "it is written `false`, in small letters"),
    ("null", "a value that may be missing is an `Option`: `None`, or `Some(value)`"),
    ("nil", "a value that may be missing is an `Option`: `None`, or `Some(value)`"),
    ("NULL", "a value that may be missing is an `Option`: `None`, or `Some(value)`"),
    ("undefined", "a value that may be missing is an `Option`: `None`, or `Some(value)`"),
    ("nan", "it is `f64::NAN`"),
    ("NaN", "it is `f64::NAN`"),
    ("inf", "it is `f64::INFINITY`"),
    ("pi", "it is `std::f64::consts::PI`"),
    ("this", "the value that a method is called on is `self`"),
];

/// Types that other languages have.
const TYPES: &[(&str, &str)] = &[
    ("int", "integers have a size: `i64` is the usual one, `usize` counts and indexes"),
    ("float", "floats have a size: `f64` is the usual one"),
    ("double", "it is `f64`"),
    ("long", "it is `i64`"),
    ("string", "a text that is its own is `String`, a reference to one is `&str`"),
    ("str", "a text that is its own is `String`, a reference to one is `&str`"),
    ("boolean", "it is `bool`"),
    ("list", "a list of integers is `Vec<i64>`"),
    ("List", "a list of integers is `Vec<i64>`"),
    ("dict", "a dictionary is `std::collections::HashMap<K, V>`"),
    ("Dict", "a dictionary is `std::collections::HashMap<K, V>`"),
    ("Set", "a set is `std::collections::HashSet<T>`"),
    ("Map", "it is `std::collections::HashMap<K, V>`"),
    ("Any", "every value has one type, known when the cell is compiled; `Box<dyn Trait>` keeps different ones"),
    ("Optional", "it is `Option<T>`"),
    ("void", "a function that gives nothing back has no `->`"),
];

/// Methods of other languages' lists, texts and dictionaries.
const METHODS: &[(&str, &str)] = &[
    ("add", "on a `Vec` it is `push`, on a set `insert`"),
    ("append", "one element is added with `push`, those of another list with `extend`"),
    ("capitalize", "there is none in the standard library; `.to_uppercase()` changes all letters"),
    ("copy", "it is `.clone()`"),
    ("count_values", "in Rust it is a `HashMap` and `*counts.entry(x).or_insert(0) += 1`"),
    ("endswith", "it is `.ends_with(…)`"),
    ("find_all", "it is `.matches(…)`"),
    ("forEach", "it is `.iter().for_each(|x| …)`, or a `for` loop"),
    ("format", "it is a macro: `format!(\"… {x} …\")`"),
    ("has_key", "it is `.contains_key(&key)`"),
    ("includes", "it is `.contains(&value)`"),
    ("index", "it is `.iter().position(|x| *x == value)`"),
    ("indexOf", "it is `.iter().position(|x| *x == value)`"),
    ("items", "it is `.iter()`: `for (key, value) in &map`"),
    ("length", "it is `.len()`"),
    ("lower", "it is `.to_lowercase()`"),
    ("lstrip", "it is `.trim_start()`"),
    ("mean", "it is the sum over the length: `values.iter().sum::<f64>() / values.len() as f64`"),
    ("println", "it is a macro: `println!(\"{x}\")`"),
    ("rstrip", "it is `.trim_end()`"),
    ("size", "it is `.len()`"),
    ("startswith", "it is `.starts_with(…)`"),
    ("strip", "it is `.trim()`"),
    ("toString", "it is `.to_string()`"),
    ("to_list", "it is `.collect::<Vec<_>>()` on an iterator, `.to_vec()` on a slice"),
    ("tolist", "it is `.collect::<Vec<_>>()` on an iterator, `.to_vec()` on a slice"),
    ("toLowerCase", "it is `.to_lowercase()`"),
    ("toUpperCase", "it is `.to_uppercase()`"),
    ("update", "it is `.extend(…)`"),
    ("upper", "it is `.to_uppercase()`"),
];

/// Python's libraries, and what does their work here.
const LIBRARIES: &[(&str, &str)] = &[
    (
        "numpy",
        "arrays in chunks, `Array`, are in `use taskloom::prelude::*;`, those in memory in `use taskloom::ndarray::prelude::*;`",
    ),
    (
        "np",
        "arrays in chunks, `Array`, are in `use taskloom::prelude::*;`, those in memory in `use taskloom::ndarray::prelude::*;`",
    ),
    ("pandas", "data frames are in `use taskloom::prelude::*;`: `read_csv`, `read_parquet`, `DataFrame`"),
    ("pd", "data frames are in `use taskloom::prelude::*;`: `read_csv`, `read_parquet`, `DataFrame`"),
    ("math", "mathematics are methods, `x.sqrt()`, and constants, `std::f64::consts::PI`"),
    ("random", "random numbers are in the crate `rand`: `:dep rand = \"0.9\"`"),
    ("time", "time is in `use std::time::{Duration, Instant};`"),
    ("os", "files are in `std::fs`, the environment in `std::env`"),
    ("sys", "the environment is in `std::env`, the process in `std::process`"),
    ("json", "JSON is in `use taskloom::serde_json;`"),
    ("re", "regular expressions are in the crate `regex`: `:dep regex = \"1\"`"),
    ("da", "arrays in chunks, `Array`, are in `use taskloom::prelude::*;`"),
    ("dask", "delayed, futures and arrays are in `use taskloom::prelude::*;`"),
    ("plt", "pictures are drawn by `plot`, as in `plot::line(&values)`, which is in `use taskloom::prelude::*;`"),
    ("matplotlib", "pictures are drawn by `plot`, which is in `use taskloom::prelude::*;`"),
    ("collections", "collections are in `use std::collections::HashMap;`"),
    ("threading", "threads are in `std::thread`; `delayed!` runs calls in parallel"),
];

/// For `try`, `raise` and their like.
pub(super) const EXCEPTIONS: &str = "Rust has no exceptions: what can fail gives a `Result`; `?` passes an error on, and \
     `match` or `if let Err(error) = …` handles it.";

fn find(table: &[(&'static str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == name).map(|(_, words)| *words)
}

/// Rust's way for a function of another language.
pub(super) fn function(name: &str, arguments: &str) -> Option<String> {
    let arguments = if arguments.is_empty() { "x" } else { arguments };
    // One that is a single name needs no parentheses of its own.
    let arguments_in_parentheses = format!("({arguments})");
    let words = find(FUNCTIONS, name)?;
    let words = match super::is_name(arguments) {
        true => words.replace("({})", arguments),
        false => words.replace("({})", &arguments_in_parentheses),
    };
    Some(words.replace("{}", arguments).replace("{{x}}", "{x}"))
}

pub(super) fn value(name: &str) -> Option<&'static str> {
    find(VALUES, name)
}

pub(super) fn type_name(name: &str) -> Option<&'static str> {
    find(TYPES, name)
}

pub(super) fn method(name: &str) -> Option<&'static str> {
    find(METHODS, name)
}

pub(super) fn library(name: &str) -> Option<&'static str> {
    find(LIBRARIES, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_put_where_they_go() {
        assert_eq!(function("len", "v").as_deref(), Some("the length is a method: `v.len()`"));
        assert_eq!(
            function("sqrt", "x + 1").as_deref(),
            Some("the square root is a method of floats: `(x + 1).sqrt()`")
        );
        assert_eq!(function("abs", "x").as_deref(), Some("the absolute value is a method: `x.abs()`"));
        assert_eq!(function("zebra", ""), None);
    }
}
