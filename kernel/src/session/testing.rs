//! Cells compiled by the real rustc, in the form in which a session has them checked.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use super::diagnostics::{Diagnostic, UserPlace};

/// An earlier cell, whose items are part of every later one.
const EARLIER: &str = "fn inc(x: i64) -> i64 { x + 1 }";
const EARLIER_NUMBER: u32 = 1;

/// Variables of earlier cells.
pub const VARIABLES: &[(&str, &str)] = &[
    ("v", "std::vec::Vec<i32>"),
    ("mut m", "std::vec::Vec<i32>"),
    ("names", "std::vec::Vec<std::string::String>"),
    ("n", "i64"),
    ("price", "f64"),
    ("vector", "std::vec::Vec<i32>"),
    ("s", "std::string::String"),
    ("d", "taskloom::Delayed<i64>"),
    ("dv", "taskloom::Delayed<std::vec::Vec<i64>>"),
];

/// As much of the engine as messages speak of, and what keeps a variable for the next cell.
const ENGINE: &str = "\
    pub mod taskloom { \
    pub struct Delayed<T>(pub fn() -> T); \
    impl<T> Delayed<T> { pub fn compute(&self) -> Result<T, String> { Ok((self.0)()) } } \
    impl std::ops::Add<i64> for Delayed<i64> { type Output = Delayed<i64>; fn add(self, _: i64) -> Self { self } } \
    impl std::ops::Add for Delayed<i64> { type Output = Delayed<i64>; fn add(self, _: Self) -> Self { self } } \
    pub struct Moved<T>(pub T); \
    pub trait TakenLazy { fn taken(&self) {} } impl<T: Iterator> TakenLazy for &&Moved<T> {} \
    pub trait Taken { fn taken(&self) {} } impl<T: Clone + Send + Sync + 'static> Taken for Moved<T> {} \
    #[macro_export] macro_rules! task_of { ($value:expr) => { { \
        #[allow(unused_imports)] use taskloom::{Taken as _, TakenLazy as _}; (&&&taskloom::Moved($value)).taken() } } } \
    #[macro_export] macro_rules! delayed { ($call:expr) => { $call } } } \
    fn keep<T: 'static>(_: T) {} \
    pub struct CellError; impl<T: std::fmt::Display> From<T> for CellError { fn from(_: T) -> Self { CellError } } \
    #[derive(Clone)] pub struct Sale { pub name: String, pub amount: f64 } ";

/// Variables of earlier cells of a session that works with arrays.
pub const ARRAY_VARIABLES: &[(&str, &str)] = &[
    ("y", "taskloom::Array<f64>"),
    ("z", "taskloom::Array<f64>"),
    ("i", "taskloom::Array<i64>"),
    ("b", "taskloom::Array<bool>"),
    ("m", "taskloom::ndarray::ArrayD<f64>"),
    ("list", "std::vec::Vec<taskloom::Array<f64>>"),
    ("n", "i64"),
    ("price", "f64"),
];

/// A session that works with dataframes.
pub const FRAME_VARIABLES: &[(&str, &str)] = &[
    ("taxi", "taskloom::DataFrame"),
    ("zones", "taskloom::DataFrame"),
    ("fare", "taskloom::Series"),
    ("table", "taskloom::polars::frame::DataFrame"),
];

/// Variables of a session that has a client, with functions and a struct of an earlier cell.
pub const TASK_VARIABLES: &[(&str, &str)] = &[
    ("client", "taskloom::Client"),
    ("taxi", "taskloom::DataFrame"),
    ("sales", "taskloom::Bag<Sale>"),
    ("names", "Vec<String>"),
    ("inc", "fn(i64) -> i64"),
    ("parse", "fn(String) -> Result<i64, std::num::ParseIntError>"),
];

/// What stands around a cell of such sessions.
const ARRAYS: &str = "#[allow(unused_imports)] use taskloom::prelude::*; \
    pub struct CellError; impl<T: std::fmt::Display> From<T> for CellError { fn from(_: T) -> Self { CellError } } \
    #[derive(Clone)] pub struct Sale { pub name: String, pub amount: f64 } ";

/// What rustc says about a cell, and the cell.
pub struct Checked {
    pub diagnostics: Vec<Diagnostic>,
    code: String,
}

impl Checked {
    /// The statements stand one line below their place in the cell, the items on their own lines in a file of theirs.
    pub fn place(&self, file: &str, line: usize, column: usize) -> Option<UserPlace> {
        let (cell, code, line) = match file.rsplit('/').next()? {
            "cell_1_items.rs" => (Some(EARLIER_NUMBER), EARLIER, line),
            "cell_2_items.rs" => (None, self.code.as_str(), line),
            "cell_checked.rs" => (None, self.code.as_str(), line.checked_sub(1)?),
            _ => return None,
        };
        let text = code.lines().nth(line.checked_sub(1)?)?.to_owned();
        (column <= text.chars().count() + 1).then_some(UserPlace { cell, line, column, text })
    }
}

/// Compiles a cell, with as much of the engine as most messages need.
pub fn check(code: &str) -> Checked {
    compile(code, ENGINE, VARIABLES, &[])
}

/// Compiles a cell of a session that works with arrays, with the engine itself.
pub fn check_arrays(code: &str) -> Checked {
    check_with_engine(code, ARRAY_VARIABLES)
}

/// Compiles a cell of a session that works with dataframes, with the engine itself.
pub fn check_frames(code: &str) -> Checked {
    check_with_engine(code, FRAME_VARIABLES)
}

/// As [`check`], with the engine that was built, in a session with [`TASK_VARIABLES`].
pub fn check_tasks(code: &str) -> Checked {
    check_with_engine(code, TASK_VARIABLES)
}

fn check_with_engine(code: &str, variables: &[(&str, &str)]) -> Checked {
    let engine = engine();
    let folder = engine.parent().expect("it is in a folder");
    let mut named = OsString::from("taskloom=");
    named.push(&engine);
    let mut dependencies = OsString::from("dependency=");
    // An installed engine has what it links to in a folder of its own.
    let beside = folder.join("deps");
    dependencies.push(if beside.is_dir() { &beside } else { folder });
    compile(code, ARRAYS, variables, &["--extern".into(), named, "-L".into(), dependencies])
}

/// The engine that was built with this test, or the one that `TASKLOOM_TEST_ENGINE` names.
fn engine() -> PathBuf {
    if let Some(named) = std::env::var_os("TASKLOOM_TEST_ENGINE") {
        return PathBuf::from(named);
    }
    let test = std::env::current_exe().expect("a test knows its program");
    let file = format!("{}taskloom{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let engine = test.with_file_name(file);
    assert!(engine.exists(), "there is no {}: run `cargo build --workspace` first", engine.display());
    engine
}

/// Lines that begin with an item are put into a file of items, as a session does.
fn compile(code: &str, frame: &str, variables: &[(&str, &str)], arguments: &[OsString]) -> Checked {
    let is_item = |line: &str| {
        let words = ["fn ", "async fn", "struct ", "enum ", "impl", "mod ", "const ", "#[", "trait "];
        words.iter().any(|start| line.starts_with(start)) && line.ends_with(['}', ';'])
    };
    let only = |items: bool| -> String {
        code.lines().map(|line| if is_item(line) == items { format!("{line}\n") } else { "\n".to_owned() }).collect()
    };
    let variables: Vec<String> = variables.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
    let asynchronous = if code.contains(".await") { "async " } else { "" };
    let checked = format!(
        "#![allow(unused)] {frame} include!(\"cell_1_items.rs\"); include!(\"cell_2_items.rs\"); \
         pub {asynchronous}fn cell({}) -> ::std::result::Result<(), CellError> {{\n{}; ::std::result::Result::Ok(()) }}\n",
        variables.join(", "),
        only(false)
    );

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cell_checked.rs");
    std::fs::write(folder.path().join("cell_1_items.rs"), EARLIER).expect("a file in it");
    std::fs::write(folder.path().join("cell_2_items.rs"), only(true)).expect("a file in it");
    std::fs::write(&file, checked).expect("a file in it");
    let output = Command::new("rustc")
        .args(["--crate-name", "cell", "--edition", "2024", "--crate-type", "lib", "--emit", "metadata"])
        .arg(&file)
        .args(["-Ztrim-diagnostic-paths=no", "--diagnostic-width=100000", "--error-format=json", "-Zallow-features="])
        .args(arguments)
        .arg("--out-dir")
        .arg(folder.path())
        .env("RUSTC_BOOTSTRAP", "1")
        .output()
        .expect("rustc runs");
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    let diagnostics = messages
        .lines()
        .map(|line| serde_json::from_str(line).expect("rustc speaks JSON"))
        .filter_map(|json| Diagnostic::parse(&json))
        .filter(|diagnostic| diagnostic.level == "error")
        .collect();
    Checked { diagnostics, code: code.to_owned() }
}

/// A text without its colours.
pub fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('m').map_or("", |(_, rest)| rest))
}
