//! Names that are well known, and where they are.

/// What is often used without its `use`, with the path to it.
pub(super) const IMPORTS: &[(&str, &str)] = &[
    ("Arc", "std::sync::Arc"),
    ("BTreeMap", "std::collections::BTreeMap"),
    ("BTreeSet", "std::collections::BTreeSet"),
    ("BinaryHeap", "std::collections::BinaryHeap"),
    ("Cow", "std::borrow::Cow"),
    ("Duration", "std::time::Duration"),
    ("File", "std::fs::File"),
    ("HashMap", "std::collections::HashMap"),
    ("HashSet", "std::collections::HashSet"),
    ("Instant", "std::time::Instant"),
    ("Mutex", "std::sync::Mutex"),
    ("Path", "std::path::Path"),
    ("PathBuf", "std::path::PathBuf"),
    ("Rc", "std::rc::Rc"),
    ("RefCell", "std::cell::RefCell"),
    ("RwLock", "std::sync::RwLock"),
    ("SystemTime", "std::time::SystemTime"),
    ("VecDeque", "std::collections::VecDeque"),
];
/// Names of the standard library's modules, which are easily taken for crates.
pub(super) const MODULES: &[&str] = &[
    "cell",
    "cmp",
    "collections",
    "env",
    "fmt",
    "fs",
    "io",
    "iter",
    "mem",
    "net",
    "ops",
    "path",
    "process",
    "rc",
    "sync",
    "thread",
    "time",
];
/// The engine's prelude.
pub(super) const PRELUDE: &[&str] = &[
    "Array",
    "Axes",
    "Bag",
    "Client",
    "DataArray",
    "DataFrame",
    "DataType",
    "Dataset",
    "Delayed",
    "Drawing",
    "Expr",
    "Future",
    "How",
    "Html",
    "Jpeg",
    "Json",
    "Latex",
    "Markdown",
    "Math",
    "MimeBundle",
    "Png",
    "Scheduler",
    "Series",
    "Show",
    "Svg",
    "Text",
    "VegaLite",
    "as_completed",
    "clear_output",
    "col",
    "compute",
    "concat",
    "delayed",
    "delayed_value",
    "df",
    "display",
    "display_as",
    "display_handle",
    "input",
    "lit",
    "password",
    "persist",
    "plot",
    "read_csv",
    "read_parquet",
    "s",
    "sleep_ms",
    "update_display",
    "wait",
    "when",
];
/// What of arrays is not in the prelude.
pub(super) const ARRAYS: &[&str] = &[
    "ArrayError",
    "Bins",
    "Boundaries",
    "Boundary",
    "Chunking",
    "Compression",
    "DType",
    "Indexing",
    "Indices",
    "Interpolation",
    "Norm",
    "PadMode",
    "Quantiles",
];
/// What of Polars is used by name.
pub(super) const POLARS: &[&str] = &["CsvReadOptions", "IntoLazy", "LazyCsvReader", "LazyFrame", "NamedFrom"];
pub(super) const NDARRAY: &[&str] =
    &["Array1", "Array2", "Array3", "ArrayD", "ArrayView1", "Axis", "NewAxis", "arr1", "arr2", "array"];
/// Crates that come with the engine.
pub(super) const BUNDLED: &[&str] = &["ndarray", "polars", "rayon", "serde", "serde_json"];
/// Crates that people ask for, at the version to ask for.
pub(super) const CRATES: &[(&str, &str)] = &[
    ("anyhow", "1"),
    ("chrono", "0.4"),
    ("csv", "1"),
    ("itertools", "0.14"),
    ("rand", "0.9"),
    ("regex", "1"),
    ("reqwest", "0.12"),
    ("tokio", "1"),
];

/// Names that come with the engine, and how they are brought in.
const BROUGHT_IN: [(&[&str], &str); 4] = [
    (PRELUDE, "taskloom::prelude::*"),
    (ARRAYS, "taskloom::array::*"),
    (POLARS, "taskloom::polars::prelude::*"),
    (NDARRAY, "taskloom::ndarray::prelude::*"),
];

/// How a name that is well known is brought in.
pub(super) fn path(name: &str) -> Option<&'static str> {
    let in_std = IMPORTS.iter().find(|(known, _)| *known == name).map(|(_, path)| *path);
    in_std.or_else(|| BROUGHT_IN.iter().find(|(names, _)| names.contains(&name)).map(|(_, path)| *path))
}

/// All names that are well known.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    IMPORTS.iter().map(|(name, _)| *name).chain(BROUGHT_IN.iter().flat_map(|(names, _)| names.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prelude_is_the_engines() {
        let engine = include_str!("../../../../engine/src/lib.rs");
        let (_, prelude) = engine.split_once("pub mod prelude {").expect("it has one");
        let (prelude, _) = prelude.split_once("\n}").expect("it ends");
        let words =
            prelude.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').filter(|word| !word.is_empty());
        let mut names: Vec<&str> = words
            .filter(|word| !matches!(*word, "pub" | "use") && !word.ends_with("::"))
            .filter_map(|word| word.rsplit("::").next())
            .collect();
        names.sort_unstable();
        assert!(names.contains(&"delayed"), "{names:?}");
        assert_eq!(names, PRELUDE);
    }
}
