//! Finding the types that a cell leaves to inference.
//!
//! evcxr stores a variable under its type and has to write that type down. rustc knows it: behind each `let` a call of
//! `drop` on a reference is put in, which never runs, and rustc's lint `dropping_references` names the reference's
//! type, with a path that can be written in code. That takes one pass without code generation and needs no sources of
//! the standard library.

use serde_json::Value;

use super::cell::{Binding, Outline};
use super::items::CRATE;
use super::rewrite::{Edited, show_tail};

/// The lint that names types.
pub const LINT: &str = "dropping_references";
/// What a probe calls, written so that a user's own `drop` is not taken for one.
const PROBE: &str = "::core::mem::drop(";

/// What to put into a cell to learn the types of `outline.untyped`.
pub fn probes(outline: &Outline) -> Vec<(usize, String)> {
    let probe = |binding: &Binding| (binding.end, format!(" if false {{ {PROBE}&{}); }}", binding.name));
    outline.untyped.iter().map(probe).collect()
}

/// The types that rustc named, in the order of the bindings.
pub fn named_types(messages: &[Value], bindings: &[Binding]) -> Vec<Option<String>> {
    let mut types = vec![None; bindings.len()];
    for message in messages.iter().filter(|message| message["code"]["code"] == LINT) {
        for span in message["spans"].as_array().into_iter().flatten() {
            if let (Some(name), Some(ty)) = (probed_name(span), span["label"].as_str().and_then(argument_type))
                && let Some(index) = bindings.iter().position(|binding| binding.name == name)
            {
                types[index] = Some(ty);
            }
        }
    }
    types
}

/// The variable that a span's probe is about: the span is `&name`, right behind the probe's call.
fn probed_name(span: &Value) -> Option<String> {
    let line = &span["text"][0];
    let column = |field: &str| line[field].as_u64().and_then(|column| usize::try_from(column).ok());
    let text: Vec<char> = line["text"].as_str()?.chars().collect();
    let (start, end) = (column("highlight_start")?.checked_sub(1)?, column("highlight_end")?.checked_sub(1)?);
    let before: String = text.get(..start)?.iter().collect();
    let argument: String = text.get(start..end)?.iter().collect();
    before.ends_with(PROBE).then(|| argument.trim_start_matches('&').to_owned())
}

/// `argument has type `&Vec<i32>`` without the reference that the probe put there.
fn argument_type(label: &str) -> Option<String> {
    let ty = label.strip_prefix("argument has type `")?.strip_suffix('`')?;
    let ty = ty.strip_prefix('&')?;
    // A function as a value, `fn(i64) -> i64 {inc}`: without the name it is a type that can be written.
    match ty.split_once(" {") {
        Some((pointer, name)) if ty.starts_with("fn(") && name.ends_with('}') => Some(pointer.to_owned()),
        _ => Some(ty.to_owned()),
    }
}

/// A type as the user would write it: what they defined has no crate and no version in front.
pub fn as_written(ty: &str) -> String {
    let mut written = String::with_capacity(ty.len());
    let mut rest = ty;
    while let Some(at) = rest.find(CRATE) {
        written.push_str(&rest[..at]);
        rest = rest[at + CRATE.len()..].trim_start_matches("::");
        if rest.starts_with("__v") {
            rest = rest.split_once("::").map_or(rest, |(_, rest)| rest);
        }
    }
    written + rest
}

/// Whether a type can be written in code: closures and `impl Trait` cannot.
pub fn is_nameable(ty: &str) -> bool {
    !ty.contains('{') && !ty.contains("impl ")
}

/// The statements that run: each variable said again with its type, and the last expression shown. All that is in
/// `blank` is left out.
pub fn typed(code: &str, outline: &Outline, types: &[Option<String>], blank: &[std::ops::Range<usize>]) -> Edited {
    let mut edits: Vec<(usize, String)> = guard_path(code)
        .into_iter()
        .chain(outline.untyped.iter().zip(types).filter_map(|(binding, ty)| {
            let (name, ty) = (&binding.name, ty.as_ref()?);
            let mutable = if binding.mutable { "mut " } else { "" };
            Some((binding.end, format!(" let {mutable}{name}: {ty} = {name};")))
        }))
        .collect();
    edits.extend(show_tail(outline));
    Edited::masked(code, edits, blank)
}

/// A cell that begins with a path such as `::std::…` would be taken by evcxr for one of its commands.
fn guard_path(code: &str) -> Option<(usize, String)> {
    let at = code.len() - code.trim_start().len();
    code[at..].starts_with("::").then(|| (at, "(); ".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::cell::outline;

    #[test]
    fn types_are_said_again_behind_their_let() {
        let code = "let v = vec![1];\nlet mut n = v.len(); // used\nn";
        let edited = typed(code, &outline(code), &[Some("std::vec::Vec<i32>".into()), Some("usize".into())], &[]);
        assert_eq!(
            edited.text,
            "let v = vec![1]; let v: std::vec::Vec<i32> = v;\nlet mut n = v.len(); let mut n: usize = n; // used\n\
             taskloom::__show!(n);"
        );
        assert_eq!(edited.original_column(2, 60), 60 - " let mut n: usize = n;".len());
    }

    #[test]
    fn the_users_types_are_shown_as_they_wrote_them() {
        let ty = "std::vec::Vec<(taskloom_cells::Point, taskloom_cells::__v2_Line::Line)>";
        assert_eq!(as_written(ty), "std::vec::Vec<(Point, Line)>");
    }

    #[test]
    fn types_without_a_name_are_known() {
        assert!(is_nameable("std::vec::Vec<i32>"));
        assert!(is_nameable("fn(i64) -> i64"));
        assert!(is_nameable("std::boxed::Box<dyn std::ops::Fn(i64) -> i64>"));
        assert!(!is_nameable("{closure@src/lib.rs:3:9}"));
        assert!(!is_nameable("fn(i64) -> i64 {inc}"));
        assert!(!is_nameable("impl std::iter::Iterator<Item = i32>"));
    }

    #[test]
    fn the_probes_own_reference_is_taken_off() {
        assert_eq!(argument_type("argument has type `&&str`").as_deref(), Some("&str"));
        assert_eq!(argument_type("argument has type `&fn(i64) -> i64 {inc}`").as_deref(), Some("fn(i64) -> i64"));
        assert_eq!(argument_type("something else"), None);
    }
}
