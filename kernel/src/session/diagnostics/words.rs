//! The compiler's words without what only the generated program knows, and with types as a person writes them.

/// What stands behind a cell in its function.
pub(super) const BEHIND: &str = "::std::result::Result::Ok(())";
/// The crate that holds the items of all cells.
const ITEMS: &str = "taskloom_cells";
/// Functions that are put around a cell.
const FRAMES: [&str; 2] = ["evcxr_analysis_wrapper", "run_user_code_"];
/// Other names that are only in generated code.
const GENERATED: [&str; 7] = [
    "CellError",
    "EvcxrUserCodeError",
    "evcxr_variable_store",
    "evcxr_internal_runtime",
    "::cell::show::",
    "__show",
    ITEMS,
];

/// Whether a text speaks of generated code.
pub fn is_generated(text: &str) -> bool {
    let text = without_frames(text, None);
    FRAMES.iter().chain(&GENERATED).any(|name| text.contains(name))
}

/// A message or a label for the person who wrote the cell.
pub fn for_people(text: &str) -> String {
    let text = without_frames(text, Some("the cell"))
        .replace("in an async function that returns `Result`", "in a cell")
        .replace("`evcxr_variable_store`", "the end of the cell")
        .replace("evcxr_variable_store", "the end of the cell")
        .replace("evcxr_internal_runtime", "the kernel")
        .replace("taskloom::__show!", "the cell's value")
        .replace("__show", "the cell's value")
        .replace("EvcxrUserCodeError", "Error")
        .replace("CellError", "Error")
        .replace("`taskloom_cells`", "the cells above")
        .replace("is defined in another crate", "is defined in an earlier cell")
        .replace("this file contains", "this cell contains")
        .replace("\"REASON\"", "\"why\"");
    // What is asked for by its path has to be named by it.
    let names_a_path = ["unresolved import", "cannot find", "could not find", "failed to resolve", "use of un", "no `"];
    let text = without_closure_places(&text);
    if names_a_path.iter().any(|start| text.starts_with(start)) {
        return text;
    }
    super::ndarray::by_their_names(&short_paths(&text))
}

/// rust-analyzer's parser says `expected SEMICOLON`.
pub(super) fn without_token_kinds(message: &str) -> String {
    const KINDS: [(&str, &str); 11] = [
        ("SEMICOLON", "`;`"),
        ("L_PAREN", "`(`"),
        ("R_PAREN", "`)`"),
        ("L_BRACK", "`[`"),
        ("R_BRACK", "`]`"),
        ("L_CURLY", "`{`"),
        ("R_CURLY", "`}`"),
        ("COMMA", "`,`"),
        ("COLON", "`:`"),
        ("EQ", "`=`"),
        ("IDENT", "a name"),
    ];
    let words =
        message.split(' ').map(|word| KINDS.iter().find(|(kind, _)| *kind == word).map_or(word, |(_, sign)| sign));
    words.collect::<Vec<_>>().join(" ")
}

/// A suggested replacement: code, so paths stay whole where the short form would need a `use`.
pub(super) fn in_code(text: &str) -> String {
    const EVERYWHERE: [&str; 5] =
        ["std::vec::Vec<", "std::option::Option<", "std::result::Result<", "std::boxed::Box<", "std::string::String"];
    let text = without_frames(text, None);
    let short = |path: &str| path.rsplit("::").next().unwrap_or(path).to_owned();
    let text = EVERYWHERE.iter().fold(text, |text, path| text.replace(path, &short(path)));
    text.replace("\"REASON\"", "\"why\"").replace("CellError", "Box<dyn std::error::Error>")
}

/// `evcxr_analysis_wrapper::{closure#0}::Point` is what the user calls `Point`. The function itself may get a name.
fn without_frames(text: &str, called: Option<&str>) -> String {
    let text = without_items_crate(text);
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = FRAMES.iter().filter_map(|frame| rest.find(frame)).min() {
        let name_end = at + rest[at..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len() - at);
        clean.push_str(&rest[..at]);
        let mut after = &rest[name_end..];
        let name = &rest[at..name_end];
        rest = after;
        if !after.starts_with("::") {
            clean.push_str(called.unwrap_or(name));
            continue;
        }
        while let Some(inner) = after.strip_prefix("::") {
            rest = inner;
            match inner.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
                Some((_, behind)) => after = behind,
                None => break,
            }
        }
    }
    clean + rest
}

/// The crates of items under one name: some are called after a cell, as `taskloom_cells_3` is.
fn with_one_items_crate(text: &str) -> String {
    let mut pieces = text.split(ITEMS);
    let mut one = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        one.push_str(ITEMS);
        let number = piece.strip_prefix('_').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        one.push_str(number.map_or(piece, |number| number.trim_start_matches(|c: char| c.is_ascii_digit())));
    }
    one
}

/// `taskloom_cells::__v2_P::P`, and `cell::P` of a type inside the cell's function, are what the user calls `P`.
fn without_items_crate(text: &str) -> String {
    let text = with_one_items_crate(text);
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("::") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        let word = before
            .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
            .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
        let (lead, name) = before.split_at(word);
        clean.push_str(lead);
        let begins_path = !(lead.is_empty() && clean.ends_with("::"));
        let is_ours = name == ITEMS || name == "cell" || name.starts_with("__v") && name.contains('_');
        if !(is_ours && (begins_path || name.starts_with("__v"))) {
            clean.push_str(name);
            clean.push_str("::");
        }
        rest = after;
    }
    clean + rest
}

/// `{closure@src/lib.rs:3:9: 3:12}` without its place, which is in generated code.
fn without_closure_places(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{closure@") {
        clean.push_str(before);
        clean.push_str("closure");
        rest = after.split_once('}').map_or("", |(_, behind)| behind);
    }
    clean + rest
}

/// `std::vec::Vec<std::option::Option<i64>>` as a person writes it: `Vec<Option<i64>>`. Paths that end in a function or
/// a module stay.
fn short_paths(text: &str) -> String {
    // A cell that does not name the engine has it as `_`.
    const ROOTS: [&str; 7] = ["std", "core", "alloc", "taskloom", "_", "polars", "ndarray"];
    let mut short = String::with_capacity(text.len());
    let mut rest = text.replace("core::str::<impl str>::", "str::").replace("std::slice::<impl [T]>::", "slice::");
    while !rest.is_empty() {
        let path = rest.len() - rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_' || c == ':').len();
        if path == 0 {
            let next = rest.chars().next().map_or(0, char::len_utf8);
            short.push_str(&rest[..next]);
            rest.drain(..next);
            continue;
        }
        let word: String = rest.drain(..path).collect();
        let whole = word.trim_end_matches(':');
        let segments: Vec<&str> = whole.split("::").collect();
        let (first, last) = (segments[0], segments[segments.len() - 1]);
        let root = ROOTS.contains(&first) || first.starts_with("polars_");
        let is_type = last.starts_with(char::is_uppercase);
        if root && is_type && segments.len() > 1 && !short.ends_with("use ") {
            // `Vec::new` keeps the type before its function; an `Error` is nobody's without its module.
            let ambiguous = matches!(last, "Error" | "Result") && segments.len() > 2 && segments[1] != "result";
            // Polars' own and Taskloom's lazy ones meet in one sentence.
            if matches!(last, "DataFrame" | "Series") && segments.iter().any(|segment| segment.starts_with("polars")) {
                short.push_str("polars::");
            }
            let keep = if ambiguous { 2 } else { 1 };
            short.push_str(&segments[segments.len() - keep..].join("::"));
            short.push_str(&word[whole.len()..]);
        } else {
            short.push_str(&word);
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_said_as_people_write_them() {
        assert_eq!(for_people("expected `std::vec::Vec<std::option::Option<i64>>`"), "expected `Vec<Option<i64>>`");
        assert_eq!(
            for_people("expected `taskloom::polars::prelude::DataFrame`, found `taskloom::DataFrame`"),
            "expected `polars::DataFrame`, found `DataFrame`"
        );
        assert_eq!(for_people("`std::io::Error` and `std::fmt::Error`"), "`io::Error` and `fmt::Error`");
        assert_eq!(for_people("`std::result::Result<(), std::string::String>`"), "`Result<(), String>`");
        assert_eq!(for_people("required by `std::thread::spawn`"), "required by `std::thread::spawn`");
        assert_eq!(
            for_people("unresolved import `std::collections::Hashmap`"),
            "unresolved import `std::collections::Hashmap`"
        );
        assert_eq!(for_people("`std::option::Option::<T>::unwrap`"), "`Option::<T>::unwrap`");
        assert_eq!(for_people("a label: `x`, é::é"), "a label: `x`, é::é");
    }

    #[test]
    fn generated_names_are_nobodys() {
        assert_eq!(for_people("`evcxr_analysis_wrapper::{closure#0}::P` is not"), "`P` is not");
        assert_eq!(for_people("`run_user_code_3::{closure#0}::{closure#1}::a::P`"), "`a::P`");
        assert_eq!(for_people("the function run_user_code_3 is"), "the function the cell is");
        assert_eq!(in_code(", evcxr_analysis_wrapper::{closure#0}::C::Blue => todo!()"), ", C::Blue => todo!()");
        assert_eq!(for_people("within `{closure@a/lib.rs:3:9: 3:12}`, x"), "within `closure`, x");
        assert_eq!(
            for_people("`taskloom_cells_3::Point` and `taskloom_cells::__v2_Point::Point`"),
            "`Point` and `Point`"
        );
        assert_eq!(for_people("`cell::P`, `std::cell::RefCell<i32>`, `a::b::c`"), "`P`, `RefCell<i32>`, `a::b::c`");
        assert!(is_generated("pub fn cell() -> ::std::result::Result<(), CellError> {"));
        assert!(is_generated("required for `EvcxrUserCodeError` to implement `From<E>`"));
        assert!(!is_generated("`evcxr_analysis_wrapper::{closure#0}::P` defined here"));
    }
}
