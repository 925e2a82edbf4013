//! What is not Rust at all. The parser's messages say what it expected; the line says what was meant.

use super::super::diagnostics::{Diagnostic, is_generated};
use super::{Facts, between, habits, is_name, piece, quoted};

pub(super) fn explain(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let message = diagnostic.message.as_str();
    // A parser's message has no source with it; the cell has.
    let line = match diagnostic.line() {
        "" => facts.code.lines().nth(diagnostic.primary()?.start.line.checked_sub(1)?)?,
        line => line,
    };
    let line = line.trim();
    magic(line)
        .or_else(|| delimiters(diagnostic, message))
        .or_else(|| macros(diagnostic, message, line))
        .or_else(|| other_language(message, line))
        .or_else(|| operators(message, line))
        .or_else(|| definitions(diagnostic, message, line))
        .or_else(|| semicolon(message, line, facts))
        .or_else(|| structure_of(message, line))
}

/// `check delayed-loop`: a magic without its mark.
fn magic(line: &str) -> Option<String> {
    let (name, exercise) = line.split_once(' ')?;
    let is_id =
        exercise.contains('-') && exercise.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    (matches!(name, "check" | "hint" | "solution" | "load") && is_id)
        .then(|| format!("What is said to the notebook begins with `%`: `%{line}`."))
}

fn delimiters(diagnostic: &Diagnostic, message: &str) -> Option<String> {
    if message.contains("codepoint")
        || diagnostic.code.as_deref() == Some("E0762")
        || message.contains("unterminated character")
    {
        return Some(
            "Single quotes are for one character, as in `'a'`; a text is written in double quotes, `\"text\"`."
                .to_owned(),
        );
    }
    if diagnostic.code.as_deref() == Some("E0765") || message.contains("unterminated double quote") {
        return Some("A text that begins with `\"` has no `\"` at its end.".to_owned());
    }
    if diagnostic.code.as_deref() == Some("E0758") || message.contains("unterminated block comment") {
        return Some("A comment that begins with `/*` has no `*/` at its end.".to_owned());
    }
    let open = diagnostic.spans.iter().find(|span| span.label.as_deref() == Some("unclosed delimiter"));
    if message.contains("unclosed delimiter") || open.is_some() && message.starts_with("mismatched closing") {
        let which = open.map(|span| span.text.as_str()).filter(|text| matches!(*text, "(" | "[" | "{"));
        let written_by_user =
            which.filter(|_| !message.contains("unclosed") || open.is_some_and(|span| !is_generated(&span.line)));
        return Some(match written_by_user.and_then(closing) {
            Some(close) if message.starts_with("mismatched") => {
                format!(
                    "A `{}` has been opened and not closed: a `{close}` is missing before this.",
                    which.unwrap_or("(")
                )
            }
            _ => "A bracket has been opened and not closed: a `)`, `]` or `}` is missing.".to_owned(),
        });
    }
    if message.starts_with("unexpected closing delimiter") || message.starts_with("mismatched closing") {
        return Some("There is one closing bracket more than opening ones: a `(`, `[` or `{` is missing, or this one is too many.".to_owned());
    }
    None
}

fn closing(open: &str) -> Option<&'static str> {
    Some(match open {
        "(" => ")",
        "[" => "]",
        "{" => "}",
        _ => return None,
    })
}

fn macros(diagnostic: &Diagnostic, message: &str, line: &str) -> Option<String> {
    let first = diagnostic.subject();
    if message.contains("format argument must be a string literal") {
        let value = if is_name(first) { format!("{{{first}}}") } else { "{}".to_owned() };
        let rest = if is_name(first) { String::new() } else { format!(", {}", piece(first)) };
        return Some(format!(
            "`println!` begins with a text in quotes, and values go into its braces: `println!(\"{value}\"{rest})`."
        ));
    }
    if message.contains("argument never used") || message.contains("arguments never used") {
        return Some("Every value after the text needs a place in it: put `{}` where it should be printed, or `{name}` for a variable.".to_owned());
    }
    if message.contains("positional argument") {
        return Some("The text has more `{}` than there are values behind it. Each `{}` takes one value; a `{` to be printed is written `{{`.".to_owned());
    }
    if message.starts_with("prefix `f` is unknown") {
        return Some(format!(
            "Rust has no `f\"…\"`: a text with values in it is made by `format!({})`, and printed by `println!(…)`.",
            between(line, "f\"", "\"").map(|text| format!("\"{text}\"")).as_deref().map_or("\"{x}\"", piece)
        ));
    }
    if message.contains("invalid format string") {
        return Some("In the braces of a text stands a name or nothing, `{name}` or `{}`; longer expressions go behind the text: `println!(\"{}\", a + b)`.".to_owned());
    }
    None
}

fn words_of(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

fn other_language(message: &str, line: &str) -> Option<String> {
    let first = words_of(line).next().unwrap_or_default();
    let has = |word: &str| words_of(line).any(|known| known == word);
    if first == "import" || first == "from" && has("import") {
        let library = words_of(line).nth(1).unwrap_or_default();
        return Some(match habits::library(library) {
            Some(words) => format!("Rust brings in names with `use`; {words}."),
            None => format!(
                "Rust brings in names with `use`, as in `use std::collections::HashMap;`. A crate is added first: `:dep {library} = \"1\"`."
            ),
        });
    }
    if matches!(first, "def" | "function" | "func" | "fun") {
        let name = words_of(line).nth(1).unwrap_or("f");
        return Some(format!(
            "A function is written `fn {name}(x: i64) -> i64 {{ … }}`: `fn`, a type for each argument and for the result, and braces around its body."
        ));
    }
    if has("elif") || has("elseif") || has("elsif") {
        return Some("Rust writes `else if` where Python writes `elif`, with braces around each part.".to_owned());
    }
    if has("lambda") {
        return Some("A function without a name is written `|x| x + 1`.".to_owned());
    }
    if line.contains('[') && line.contains(" for ") && line.contains(" in ") && !first.starts_with("for") {
        return Some("A list is made from another by an iterator: `v.iter().map(|x| x * 2).collect::<Vec<_>>()`, with `.filter(|x| …)` for an `if`.".to_owned());
    }
    if first == "class" {
        return Some(
            "Rust has no classes: `struct Name { field: Type }` holds the data, and `impl Name { … }` its methods."
                .to_owned(),
        );
    }
    if matches!(first, "try" | "except" | "raise" | "throw" | "catch") {
        return Some(habits::EXCEPTIONS.to_owned());
    }
    if first == "with" {
        return Some(
            "Rust has no `with`: a file or a lock is closed when its variable ends, so a block `{ … }` is enough."
                .to_owned(),
        );
    }
    if matches!(first, "var" | "const") && message.contains("expected") && first == "var"
        || message.contains("invalid variable declaration")
    {
        return Some("A variable is made with `let x = …;`, or with `let mut x = …;` if it changes later.".to_owned());
    }
    if matches!(
        first,
        "int" | "float" | "double" | "string" | "long" | "auto" | "bool" | "String" | "i32" | "i64" | "f64"
    ) && message.contains("expected")
    {
        let name = words_of(line).nth(1).unwrap_or("x");
        return Some(format!(
            "The type stands behind the name, and mostly is not needed: `let {name} = …;`, or `let {name}: i64 = …;`."
        ));
    }
    if first == "pass" || first == "del" || first == "global" || first == "yield" {
        return Some(match first {
            "pass" => "Rust has no `pass`: an empty block is `{}`.".to_owned(),
            "del" => "A variable ends with its block; `drop(x)` ends it before.".to_owned(),
            _ => format!("Rust has no `{first}`."),
        });
    }
    if (line.starts_with("# ") || line == "#") && !line.starts_with("#[") {
        return Some("A comment begins with `//`.".to_owned());
    }
    if message.contains("ternary") {
        return Some("Rust has no `a ? b : c`: `if a { b } else { c }` gives a value.".to_owned());
    }
    let asks_in = between(line, "if ", " in ").filter(|_| message.contains("keyword `in`"));
    if let Some(element) = asks_in {
        return Some(format!(
            "Whether something is in a list is asked with a method: `v.contains(&{})`.",
            piece(element)
        ));
    }
    if message.contains("found `is`") {
        return Some("There is no `is`: compare with `==`; an `Option` has `.is_none()` and `.is_some()`.".to_owned());
    }
    None
}

fn operators(message: &str, line: &str) -> Option<String> {
    if message.contains("postfix increment") || message.contains("prefix increment") || line.contains("++") {
        let name = words_of(line.split("++").next()?).last().unwrap_or("x");
        return Some(format!("Rust has no `++`: write `{name} += 1;`, with `{name}` declared as `mut`."));
    }
    if message.contains("postfix decrement") || line.contains("--;") {
        let name = words_of(line.split("--").next()?).last().unwrap_or("x");
        return Some(format!("Rust has no `--`: write `{name} -= 1;`, with `{name}` declared as `mut`."));
    }
    if message.contains("is not a logical operator") {
        return Some("Rust writes `&&` for and, `||` for or, and `!` for not.".to_owned());
    }
    if message.contains("after identifier") && words_of(line).any(|word| word == "not") {
        return Some("Rust writes `!` for not, with parentheses around a comparison: `!(a > b)`.".to_owned());
    }
    if message.starts_with("invalid comparison operator") {
        let sign = quoted(message).first().copied().unwrap_or_default();
        let right = if matches!(sign, "<>" | "!==") { "!=" } else { "==" };
        return Some(format!("Rust compares with `{right}`; there is no `{sign}`."));
    }
    if message.contains("comparison operators cannot be chained") {
        return Some("Two comparisons need an `&&` between them: `a < b && b < c`.".to_owned());
    }
    if message.contains("negative integers cannot be used to index") {
        return Some("An index counts from the beginning only. The last element is `v[v.len() - 1]`, or `v.last()`, which is an `Option`.".to_owned());
    }
    let slice = line.contains('[') && line.contains(':') && !line.contains("::") && message.contains("found `:`");
    if slice && message.contains("`]`") {
        return Some("A part of a list is written with two dots: `&v[1..3]`; `v[1..]` goes to the end.".to_owned());
    }
    if message.contains("found `**`") || line.contains("**") {
        return Some("A power is a method: `x.pow(2)` of integers, `x.powi(2)` or `x.powf(0.5)` of floats.".to_owned());
    }
    None
}

fn definitions(diagnostic: &Diagnostic, message: &str, line: &str) -> Option<String> {
    if message.contains("return types are denoted using `->`") {
        return Some("The type of a function's result stands behind an arrow: `fn f(x: i64) -> i64`.".to_owned());
    }
    if message.starts_with("missing type for `const`") || message.starts_with("missing type for `static`") {
        return Some("A `const` always says its type: `const N: usize = 5;`. A `let` need not.".to_owned());
    }
    let is_parameter = diagnostic.children.iter().any(|child| child.message.contains("if this is a parameter name"));
    if is_parameter || message.starts_with("expected one of `:`, `@`, or `|`") {
        return Some(
            "Every argument of a function says its type: `fn f(x: i64)`. Only closures, `|x| …`, may leave it away."
                .to_owned(),
        );
    }
    if message.starts_with("expected identifier, found keyword") {
        let keyword = quoted(message).last().copied().unwrap_or_default();
        return Some(format!(
            "`{keyword}` is a word of the language and cannot be a name. `{keyword}_` can, or another word."
        ));
    }
    if line.starts_with("struct ") && message.contains("found `;`") {
        return Some("The fields of a struct are separated by commas: `struct P { x: f64, y: f64 }`.".to_owned());
    }
    None
}

fn semicolon(message: &str, line: &str, facts: &Facts) -> Option<String> {
    if !message.starts_with("expected `;`") {
        return None;
    }
    Some(match line.split(' ').next().unwrap_or_default() {
        "let" => {
            let name = words_of(line).find(|word| !matches!(*word, "let" | "mut")).unwrap_or("x");
            let last = facts.code.lines().rfind(|line| !line.trim().is_empty()).is_some_and(|last| last.trim() == line);
            let shown = if last {
                format!(" To see the value, write `{name}` on a line of its own after it.")
            } else {
                String::new()
            };
            format!("A `let` ends with a semicolon, also on the last line of a cell.{shown}")
        }
        "use" => "A `use` ends with a semicolon.".to_owned(),
        _ => "Every statement ends with a semicolon; only the last line of a cell, whose value is shown, has none."
            .to_owned(),
    })
}

fn structure_of(message: &str, line: &str) -> Option<String> {
    let first = line.split([' ', '(']).next().unwrap_or_default();
    let opens_block = matches!(first, "if" | "for" | "while" | "else" | "loop" | "match");
    if opens_block && line.trim_end().ends_with(':') || message.starts_with("expected `{`, found `:`") {
        return Some(format!("After `{first} …` comes a block in braces, not a colon: `{first} … {{ … }}`."));
    }
    if message.starts_with("expected `{`") && opens_block {
        return Some(format!(
            "After `{first} …` comes a block in braces: `{first} … {{ … }}`, even for one statement."
        ));
    }
    if message.contains("found `:`") && line.contains("{\"") {
        return Some(
            "Rust has no `{…}` for dictionaries: `use std::collections::HashMap;`, then `HashMap::from([(\"x\", 1)])`."
                .to_owned(),
        );
    }
    if message.contains("unknown start of token") {
        let sign = message.rsplit_once(": ").map_or("", |(_, sign)| sign);
        return Some(match sign {
            "\\u{201c}" | "\\u{201d}" | "“" | "”" => {
                "These are typographic quotes, perhaps copied from a text: write `\"`.".to_owned()
            }
            _ => format!("The character `{}` has no meaning here; perhaps it was copied from a text.", sign),
        });
    }
    if message.contains("struct literals are not allowed here") || message.contains("compound assignment") {
        return None;
    }
    None
}
