//! Names that are not found: gone, not made yet, misspelt, not imported, or another language's.

use super::super::diagnostics::Diagnostic;
use super::{Facts, between, habits, is_name, known, piece, quoted, visible};

pub(super) fn explain(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let message = &diagnostic.message;
    let name = quoted(message).first().copied()?;
    match diagnostic.code.as_deref()? {
        "E0423" => other_kind(diagnostic),
        "E0432" => import(diagnostic),
        "E0433" if message.contains("module or crate") => module(diagnostic, name, facts),
        "E0433" if message.starts_with("failed to resolve") => {
            let name = quoted(diagnostic.label()).first().copied().unwrap_or(name);
            module(diagnostic, name, facts)
        }
        "E0424" => Some(
            "`self` is only there in a method: a function in an `impl` block whose first parameter is `self`, `&self` or \
             `&mut self`."
                .to_owned(),
        ),
        _ if message.contains(" in this scope") => missing(diagnostic, name, facts),
        // `cannot find value `y` in module `a``
        _ => similar(diagnostic, name, facts).map(|other| format!("There is no `{name}` there. Is `{other}` meant?")),
    }
}

/// A value, function, type or trait that does not exist.
fn missing(diagnostic: &Diagnostic, name: &str, facts: &Facts) -> Option<String> {
    let message = &diagnostic.message;
    // Within a macro, a function is a value for rustc.
    let is_function = message.contains("find function")
        || message.contains("find value") && diagnostic.line().contains(&format!("{name}("));
    let is_type = message.contains("find type") || message.contains("find trait") || message.contains("find struct");
    let elsewhere = if is_type { habits::type_name(name) } else { habits::value(name) };
    if let Some((_, cell)) = facts.moved.iter().rev().find(|(moved, _)| moved == name) {
        return Some(format!(
            "`{name}` was moved by cell [{cell}], so it is gone. Run the cell that makes `{name}` again; in cell [{cell}], \
             `&{name}` or `{name}.clone()` instead of `{name}` will keep it."
        ));
    }
    if facts.type_of(name).is_some() && is_constant(diagnostic.line()) {
        return Some(format!(
            "A `const` is known when the cell is compiled, and `{name}` is a variable, known only when it runs. Use `let`."
        ));
    }
    if !is_type && facts.type_of(name).is_some() {
        let ty = facts.type_of(name).map(short).unwrap_or_default();
        return Some(format!(
            "`{name}` is a variable of the notebook, and a function sees only its own parameters. Add `{name}: {ty}` to its \
             parameters and pass `{name}` where it is called, or write a closure, `|…| …`, which does see it."
        ));
    }
    if let Some((_, cell)) = facts.failed.iter().rev().find(|(failed, _)| failed == name) {
        return Some(format!(
            "`{name}` comes from cell [{cell}], which did not finish. Mend that cell and run it first."
        ));
    }
    let found =
        |path: &str| format!("`{name}` has to be brought in first: write `use {path};` at the top of the cell.");
    if let Some(words) = elsewhere {
        return Some(format!("There is no {}`{name}` in Rust; {words}.", if is_type { "type " } else { "" }));
    }
    if let Some(words) = habits::library(name).filter(|_| message.contains("find value")) {
        return Some(format!("There is no library `{name}` here; {words}."));
    }
    let close = similar(diagnostic, name, facts);
    if diagnostic.replacements().any(|text| text.trim() == "let") {
        let typo =
            close.map(|other| format!(" If `{other}` is meant, its name is spelt differently.")).unwrap_or_default();
        return Some(format!(
            "A new variable begins with `let`: `let {name} = …;`, or `let mut {name} = …;` if it is to change later.{typo}"
        ));
    }
    if let Some(path) = known::path(name) {
        return Some(found(path));
    }
    if is_function && let Some(words) = habits::function(name, &arguments(diagnostic.line(), name)) {
        return Some(format!("There is no function `{name}` here; {words}."));
    }
    if let Some(other) = close {
        return Some(format!("There is no `{name}`. Is `{other}` meant?"));
    }
    if let Some(path) = only_path(diagnostic) {
        return Some(found(path));
    }
    if let Some(other) = nearest(name, known::names().filter(|other| other.len() > 3))
        && let Some(path) = known::path(&other)
    {
        return Some(format!("There is no `{name}`. Is `{other}` meant? It is brought in with `use {path};`."));
    }
    let kinds = [("find function", "the function "), ("find trait", "the trait "), ("find type", "the type ")];
    let what = kinds.iter().find(|(kind, _)| message.contains(kind)).map_or("", |(_, what)| what);
    Some(format!(
        "No cell that has run defines {what}`{name}`. If a cell above does, run that cell first: after a restart, all of \
         them have to be run again."
    ))
}

fn is_constant(line: &str) -> bool {
    ["const ", "static ", "pub const ", "pub static "].iter().any(|start| line.trim_start().starts_with(start))
        && !line.contains(" fn ")
}

/// The path that rustc found, if it found one only.
fn only_path(diagnostic: &Diagnostic) -> Option<&str> {
    let mut paths = diagnostic.replacements().filter_map(|text| text.trim().strip_prefix("use ")?.strip_suffix(';'));
    let first = paths.next()?;
    paths.next().is_none().then_some(first)
}

/// What stands between the parentheses of a call.
fn arguments(line: &str, name: &str) -> String {
    let Some((_, rest)) = line.split_once(&format!("{name}(")) else { return String::new() };
    let mut depth = 1;
    let end = rest.find(|c| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    });
    end.map(|end| rest[..end].trim().to_owned()).unwrap_or_default()
}

/// The name that is most likely meant: one of the session's, of the cell's, or the compiler's own idea.
fn similar(diagnostic: &Diagnostic, name: &str, facts: &Facts) -> Option<String> {
    let idea = diagnostic
        .children
        .iter()
        .filter(|child| child.message.contains("similar name"))
        .flat_map(|child| &child.suggestions)
        .flat_map(|suggestion| &suggestion.parts)
        .map(|(_, text)| text.as_str());
    let variables = facts.variables.iter().map(|(name, _)| name.as_str());
    let items = facts.items.iter().map(String::as_str);
    let local = visible::lets(&facts.code).map(|(name, _)| name);
    nearest(name, variables.chain(items).chain(local).chain(idea).filter(|known| is_name(known)))
}

/// The nearest name, if one is near enough to be a slip: a letter in three may differ, and the case of all of them.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let (small, length) = (name.to_lowercase(), name.chars().count());
    known
        .filter(|other| *other != name)
        .map(|other| (strsim::damerau_levenshtein(&small, &other.to_lowercase()), other))
        .filter(|(distance, _)| {
            *distance == 0 || length > 1 && *distance <= ((length + 1) / 3).max(1) && *distance < length - 1
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other.to_owned())
}

/// A type with its paths taken off.
fn short(ty: &str) -> String {
    super::super::diagnostics::for_people(ty)
}

/// The name exists, but is something else: a macro, a type, a crate.
fn other_kind(diagnostic: &Diagnostic) -> Option<String> {
    let message = &diagnostic.message;
    let name = *quoted(message).first()?;
    let (wanted, found) = message.split_once(", found ")?;
    let inside = arguments(diagnostic.line(), name);
    if found.starts_with("macro") {
        let mut words = format!("`{name}` is a macro, and macros are called with an exclamation mark: `{name}!(…)`.");
        if matches!(name, "print" | "println") && is_name(&inside) {
            words = format!(
                "`{name}` is a macro, and macros are called with an exclamation mark: `println!(\"{{{inside}}}\")` prints \
                 `{inside}`."
            );
        } else if name == "vec" {
            words = format!("`vec` is a macro: `vec![{}]`.", piece(&inside));
        }
        return Some(words);
    }
    if found.starts_with("builtin type") {
        if let Some(words) = habits::function(name, &inside) {
            return Some(format!("`{name}` is a type, not a function; {words}."));
        }
        return Some(format!(
            "A type is not a function. A number becomes another kind with `as`: `{} as {name}`.",
            piece(&inside)
        ));
    }
    if found.starts_with("crate") || found.starts_with("module") {
        return Some(format!(
            "`{name}` is a {}: what is inside is reached with `::`, not with a dot.",
            found.split(' ').next()?
        ));
    }
    if found.starts_with("enum") {
        return Some(format!("`{name}` is an enum: its variants are reached with `::`, as in `{name}::…`."));
    }
    if found.starts_with("struct") && wanted.contains("expected") {
        return Some(format!(
            "`{name}` is a struct with named fields: a value of it is made with `{name} {{ field: value, … }}`, or with a \
             function such as `{name}::new(…)` if it has one."
        ));
    }
    if found.starts_with("trait") {
        return Some(format!(
            "`{name}` is a trait, which says what a type can do; it is not a value or a type itself."
        ));
    }
    None
}

/// The first part of a path, `rand` in `rand::random()`, is neither a module nor a crate.
fn module(diagnostic: &Diagnostic, name: &str, facts: &Facts) -> Option<String> {
    let is_local = visible::lets(&facts.code).any(|(known, _)| known == name);
    if facts.type_of(name).is_some() || is_local {
        let rest = between(diagnostic.line(), &format!("{name}::"), "(").unwrap_or("…");
        return Some(format!(
            "`{name}` is a variable, and the methods of a value are called with a dot: `{name}.{rest}(…)`."
        ));
    }
    if name.starts_with(char::is_uppercase) {
        return missing(diagnostic, name, facts);
    }
    if known::MODULES.contains(&name) {
        return Some(format!(
            "`{name}` is a module of the standard library: write `use std::{name};` first, or `std::{name}::…`."
        ));
    }
    if known::PRELUDE.contains(&name) {
        return Some(format!("`{name}` comes with the engine: write `use taskloom::prelude::*;` first."));
    }
    Some(dependency(name))
}

fn dependency(name: &str) -> String {
    if known::BUNDLED.contains(&name) {
        return format!(
            "`{name}` comes with the engine: write `use taskloom::{name};` first, or `taskloom::{name}::…`."
        );
    }
    if let Some(words) = habits::library(name) {
        return format!("There is no crate `{name}` here; {words}.");
    }
    let version = known::CRATES.iter().find(|(known, _)| *known == name).map_or("1", |(_, version)| version);
    format!(
        "The crate `{name}` is not part of this session. Put `:dep {name} = \"{version}\"` on a line of its own at the top of \
         the cell, with the version you want; the first time, it is downloaded and compiled."
    )
}

fn import(diagnostic: &Diagnostic) -> Option<String> {
    let path = *quoted(&diagnostic.message).first()?;
    let label = diagnostic.label();
    if label.contains("unlinked crate") || label.contains("no external crate") {
        return Some(dependency(quoted(label).first().copied().unwrap_or(path)));
    }
    let missing = quoted(label).first().copied().filter(|_| label.starts_with("no `"))?;
    let idea = diagnostic
        .children
        .iter()
        .filter(|child| child.message.contains("similar name"))
        .flat_map(|child| &child.suggestions)
        .find_map(|suggestion| suggestion.parts.first());
    let place = path.rsplit_once("::").map_or(path, |(place, _)| place);
    match idea {
        Some((_, other)) => Some(format!("There is no `{missing}` in `{place}`. Is `{other}` meant?")),
        None => Some(format!("There is no `{missing}` in `{place}`. Press Tab after `::` to see what there is.")),
    }
}

/// `zap!(…)` where no such macro exists; it has no error code.
pub(super) fn missing_macro(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    const MACROS: &[&str] = &[
        "assert",
        "assert_eq",
        "dbg",
        "eprintln",
        "format",
        "panic",
        "print",
        "println",
        "todo",
        "vec",
        "write",
        "writeln",
        "compute",
        "delayed",
        "persist",
    ];
    let name = between(&diagnostic.message, "cannot find macro `", "`")?;
    if known::PRELUDE.contains(&name) {
        return Some(format!("`{name}!` comes with the engine: write `use taskloom::prelude::*;` first."));
    }
    if name == "df" {
        return Some("`df!` makes a data frame: write `use taskloom::prelude::*;` first.".to_owned());
    }
    if name == "array" {
        return Some("`array!` makes an array: write `use taskloom::ndarray::prelude::*;` first.".to_owned());
    }
    if name == "json" {
        return Some("`json!` makes a JSON value: write `use taskloom::serde_json::json;` first.".to_owned());
    }
    if facts.items.iter().any(|item| item == name) {
        return Some(format!(
            "`{name}` is a function, and functions are called without an exclamation mark: `{name}(…)`."
        ));
    }
    if let Some(other) = nearest(name, MACROS.iter().copied()) {
        return Some(format!("There is no macro `{name}!`. Is `{other}!` meant?"));
    }
    Some(format!(
        "There is no macro `{name}!`. If a crate has it, bring it in with `use` first; a function has no `!`."
    ))
}
