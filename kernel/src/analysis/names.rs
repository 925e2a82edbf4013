//! Names that are known without any analysis: for the moment before the first answer, and for where there is none.

use super::protocol::{Completions, Item};
use super::{Docs, Facts};

/// Rust's words, and what most cells begin with.
const KEYWORDS: [&str; 30] = [
    "as", "async", "await", "break", "const", "continue", "dyn", "else", "enum", "extern", "fn", "for", "if", "impl",
    "in", "let", "loop", "match", "mod", "move", "mut", "pub", "return", "static", "struct", "trait", "type", "unsafe",
    "use", "while",
];
const TYPES: [&str; 14] =
    ["bool", "char", "f32", "f64", "i32", "i64", "str", "u8", "u64", "usize", "Option", "Result", "String", "Vec"];
const MACROS: [&str; 10] =
    ["assert!", "assert_eq!", "compute!", "dbg!", "delayed!", "eprintln!", "format!", "panic!", "println!", "vec!"];

/// What could become of the name before the cursor; nothing after a dot, where only types help.
pub fn complete(facts: &Facts, rust: &str, offset: usize) -> Completions {
    let start = rust[..offset]
        .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
        .map_or(0, |at| at + rust[at..].chars().next().map_or(1, char::len_utf8));
    let word = &rust[start..offset];
    let mut found = Completions { replaces: start..offset, items: Vec::new() };
    if word.is_empty() || rust[..start].ends_with(['.', ':']) {
        return found;
    }
    let variables = facts.variables.iter().map(|(name, ty, _)| (name.as_str(), "instance", ty.as_str()));
    let items = facts.items.iter().map(|name| (name.as_str(), "function", ""));
    let fixed = |names: &'static [&'static str], kind: &'static str| names.iter().map(move |&name| (name, kind, ""));
    let known = variables.chain(items).chain(fixed(&KEYWORDS, "keyword")).chain(fixed(&TYPES, "class"));
    for (name, kind, detail) in known.chain(fixed(&MACROS, "function")).chain([("taskloom", "module", "")]) {
        if name.starts_with(word) && !found.items.iter().any(|item| item.insert == name) {
            found.items.push(Item {
                label: name.to_owned(),
                insert: name.to_owned(),
                kind: kind.to_owned(),
                detail: detail.to_owned(),
            });
        }
    }
    found
}

/// What is known of the name at the cursor: of a variable its type, of an item that there is one.
pub fn inspect(facts: &Facts, code: &str, offset: usize) -> Option<Docs> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let start = code[..offset].trim_end_matches(is_word).len();
    let end = code.len() - code[offset..].trim_start_matches(is_word).len();
    let name = &code[start..end];
    let variable = facts.variables.iter().find(|(variable, ..)| variable == name);
    let text = match variable {
        Some((name, ty, mutable)) => format!("let {}{name}: {ty}", if *mutable { "mut " } else { "" }),
        None if facts.items.iter().any(|item| item == name) => format!("{name}, defined in this notebook"),
        None => return None,
    };
    Some(Docs { markdown: format!("```rust\n{text}\n```\n"), plain: text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_comes_first() {
        let facts = Facts {
            variables: vec![("lengths".to_owned(), "Vec<usize>".to_owned(), false)],
            items: vec!["leave".to_owned()],
            ..Facts::default()
        };
        let names = |code: &str| -> Vec<String> {
            complete(&facts, code, code.len()).items.into_iter().map(|item| item.insert).collect()
        };
        assert_eq!(names("let x = le"), ["lengths", "leave", "let"]);
        assert_eq!(names("x.le"), [""; 0]);
        assert_eq!(names(""), [""; 0]);
    }
}
