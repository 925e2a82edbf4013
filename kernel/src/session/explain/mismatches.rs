//! A value of one type where another is expected.

use super::super::diagnostics::{Diagnostic, Span};
use super::{
    Facts, argument_of, bare, between, capital, is_float, is_integer, is_name, is_number, piece, quoted, said,
};

pub(super) fn explain(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    if diagnostic.code.as_deref() == Some("E0317") {
        return Some(
            "An `if` that gives a value needs an `else` that gives one of the same type: `if … { a } else { b }`."
                .to_owned(),
        );
    }
    if diagnostic.message.contains("incompatible types") && !diagnostic.message.starts_with("`?`") {
        let (expected, found) = types(diagnostic)?;
        let what =
            if diagnostic.message.contains("match") { "All arms of a `match`" } else { "Both branches of an `if`" };
        let closures = expected.contains("closure") || found.contains("closure");
        let way = if closures {
            "Every closure has a type of its own; `Box<dyn Fn(…) -> …>` around each makes them one".to_owned()
        } else if found == "()" || expected == "()" {
            "A branch that ends with `;` gives nothing, `()`: leave its last semicolon away".to_owned()
        } else {
            format!("Here one gives {} and another {}", kind(&expected), kind(&found))
        };
        return Some(format!("{what} have to give the same type. {way}."));
    }
    let (expected, found) = types(diagnostic)?;
    let (expected, found) = (expected.as_str(), found.as_str());
    // When several arguments are wrong, the message is about the call and the label about one of them.
    let source = match diagnostic.message.starts_with("arguments to this") {
        true => labelled(diagnostic).map_or("", |(span, _)| span.text.as_str()),
        false => diagnostic.subject(),
    };
    if let Some(other) = other_method(diagnostic) {
        return Some(other);
    }
    nothing_found(diagnostic, expected, found)
        .or_else(|| delayed(diagnostic, expected, found, facts))
        .or_else(|| wrapped(source, expected, found, diagnostic))
        .or_else(|| texts(source, expected, found))
        .or_else(|| numbers(source, expected, found))
        .or_else(|| references(source, expected, found))
        .or_else(|| collections(source, expected, found))
}

/// A type as the label names it, for a sentence.
fn kind(ty: &str) -> String {
    match ty {
        "integer" => "an integer".to_owned(),
        "floating-point number" => "a float".to_owned(),
        ty => format!("`{ty}`"),
    }
}

/// The place whose label names two types.
fn labelled(diagnostic: &Diagnostic) -> Option<(&Span, &str)> {
    let spans = diagnostic.spans.iter().filter(|span| span.primary).chain(&diagnostic.spans);
    spans
        .filter_map(|span| Some((span, span.label.as_deref()?)))
        .find(|(_, label)| label.starts_with("expected ") && label.contains("found "))
}

/// What the label says: `expected `i64`, found integer`. A type in backticks comes without them.
fn types(diagnostic: &Diagnostic) -> Option<(String, String)> {
    let (_, label) = labelled(diagnostic)?;
    let (expected, found) = label.strip_prefix("expected ")?.split_once(", found ")?;
    let name = |text: &str| between(text, "`", "`").unwrap_or(text).to_owned();
    Some((name(expected), name(found)))
}

/// `v.append(1)`: the argument fits another method.
fn other_method(diagnostic: &Diagnostic) -> Option<String> {
    let child = diagnostic.children.iter().find(|child| child.message.starts_with("you might have meant to use `"))?;
    let other = *quoted(&child.message).first()?;
    let called = diagnostic
        .spans
        .iter()
        .find(|span| span.label.as_deref().is_some_and(|label| label.starts_with("arguments to this method")))?;
    Some(match (called.text.as_str(), other) {
        ("append", "push") => {
            "`append` takes all values out of another list; one value is added with `push`.".to_owned()
        }
        (called, other) => format!("`{called}` does not take such a value. Is `{other}` meant?"),
    })
}

/// `()`, where a value is missing.
fn nothing_found(diagnostic: &Diagnostic, expected: &str, found: &str) -> Option<String> {
    let is_condition = expected == "bool" && diagnostic.subject().contains('=') && found == "()";
    if is_condition {
        let compared = diagnostic.subject().replacen('=', "==", 1);
        return Some(format!("One `=` gives a variable its value; two compare: `{}`.", piece(&compared)));
    }
    if found != "()" {
        return None;
    }
    let semicolon = diagnostic.children.iter().any(|child| child.message.contains("remove this semicolon"));
    let in_function = diagnostic
        .spans
        .iter()
        .any(|span| span.label.as_deref().is_some_and(|label| label.contains("implicitly returns")));
    let whose = if in_function { "The function" } else { "The block" };
    Some(if semicolon {
        format!(
            "{whose} should give `{expected}`, but the semicolon after its last expression throws the value away. Leave \
             that semicolon away."
        )
    } else {
        format!(
            "{whose} should give `{expected}`, but its last line gives nothing. End it with the value, without a semicolon."
        )
    })
}

/// A task's result where a value is expected.
fn delayed(diagnostic: &Diagnostic, expected: &str, found: &str, facts: &Facts) -> Option<String> {
    let inner = argument_of(found, "Delayed")?;
    let source = diagnostic.subject().trim().trim_start_matches('&');
    let name = piece(source);
    let function = diagnostic
        .spans
        .iter()
        .find(|span| span.label.as_deref().is_some_and(|label| label.contains("arguments to this function")))
        .map(|span| span.text.as_str());
    let what = match facts.type_of(source) {
        _ if is_name(source) => format!("`{source}` is a task that has not run"),
        _ => "This is a task that has not run".to_owned(),
    };
    Some(match function.filter(|function| is_name(function)) {
        Some(function) => format!(
            "{what}, and `{function}` takes the value itself. `delayed!({function}({name}))` makes the call a task too; \
             `{name}.compute()?` runs `{name}` now and gives its `{inner}`."
        ),
        None => {
            format!("{what}, and `{}` is expected here. `{name}.compute()?` runs it and gives its `{inner}`.", expected)
        }
    })
}

/// A value inside an `Option` or a `Result`, or one that should be.
fn wrapped(source: &str, expected: &str, found: &str, diagnostic: &Diagnostic) -> Option<String> {
    if found == "future" || found.starts_with("impl Future") {
        return Some(format!(
            "An `async` function gives a future, which has not run yet. `.await` runs it: `{}.await`.",
            piece(source)
        ));
    }
    let returned = diagnostic.spans.iter().any(|span| span.line.trim_start().starts_with("return"));
    if expected == "Result<(), Error>" && returned {
        return Some(
            "A cell is not a function, so `return` cannot give a value. Write the value as the last line, without `return` \
             and without a semicolon, and it is shown."
                .to_owned(),
        );
    }
    let is = |ty: &str, of: &str| argument_of(ty, of).is_some();
    if is(found, "Option") && !is(expected, "Option") {
        return Some(format!(
            "{} may be missing: it is an `Option`. `.unwrap_or(…)` gives it a value for that case, `.unwrap()` stops the \
             cell with a panic, and `if let Some(x) = …` asks first.",
            capital(&said(source, "the value"))
        ));
    }
    if is(found, "Result") && !is(expected, "Result") {
        return Some(format!(
            "{} may have failed: it is a `Result`. A `?` behind it takes the value out, and ends the cell with the error if \
             there is one.",
            capital(&said(source, "the value"))
        ));
    }
    if is(expected, "Option") && !is(found, "Option") {
        return Some(format!("An `Option` is expected: write `Some({})`, or `None` for no value.", piece(source)));
    }
    if is(expected, "Result") && !is(found, "Result") {
        return Some(format!(
            "A `Result` is expected: write `Ok({})` for success, `Err(…)` for failure.",
            piece(source)
        ));
    }
    if let Some(inner) = argument_of(expected, "Delayed").filter(|_| !is(found, "Delayed")) {
        return Some(format!(
            "A task that gives `{inner}` is expected, not a value. `delayed_value({})` makes one of a value.",
            piece(source)
        ));
    }
    None
}

fn texts(source: &str, expected: &str, found: &str) -> Option<String> {
    let source = piece(source);
    Some(match (expected, bare(found)) {
        ("String", "str") => format!(
            "`\"…\"` and `&str` are references to a text, `String` is a text of its own. `{source}.to_string()` makes one."
        ),
        ("&str", "String") if found == "String" => {
            format!("`&str` is a reference to a text: lend the `String` with `&{source}`, and it stays yours.")
        }
        ("char", "str") => {
            "`'a'` in single quotes is one character, `\"a\"` in double quotes is a text. Use single quotes here."
                .to_owned()
        }
        ("&str" | "String", "char") => {
            "`'a'` in single quotes is one character, `\"a\"` in double quotes is a text. Use double quotes here."
                .to_owned()
        }
        ("String", ty) if is_number(ty) || ty == "bool" => {
            format!("A value is not a text by itself: `{source}.to_string()` makes one.")
        }
        ("&str", ty) if is_number(ty) || matches!(ty, "char" | "bool") => format!(
            "A value is not a text by itself. `{source}.to_string()` makes one, and `format!(\"… {{x}} …\")` puts values into a text."
        ),
        (ty, "str" | "String") if is_number(ty) => {
            format!("A text is not a number by itself: `{source}.parse::<{ty}>()?` reads one from it.")
        }
        _ => return None,
    })
}

fn numbers(source: &str, expected: &str, found: &str) -> Option<String> {
    let is_literal = source.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    let source = piece(source);
    if expected == "bool" && is_number(found) && !found.starts_with('&') {
        return Some(format!("A condition is `true` or `false`, and a number is neither: write `{source} != 0`."));
    }
    if expected.starts_with('&') || found.starts_with('&') {
        return None;
    }
    if is_float(expected) && is_integer(found) {
        return Some(if is_literal {
            format!("`{source}` is an integer, and numbers do not change their kind by themselves: write `{source}.0`.")
        } else {
            format!(
                "Numbers do not change their kind by themselves: `{source} as {expected}` makes a float of the integer."
            )
        });
    }
    if is_integer(expected) && is_float(found) {
        return Some(if is_literal {
            format!(
                "`{source}` has a fraction and `{expected}` has none: leave the fraction away, or make the type `f64`."
            )
        } else {
            format!(
                "Numbers do not change their kind by themselves: `{source} as {expected}` cuts the fraction off, `{source}.round() as {expected}` rounds."
            )
        });
    }
    if is_number(expected) && is_number(found) {
        return Some(format!(
            "`{found}` and `{expected}` are different kinds of numbers, and one does not become the other by itself: write \
             `{source} as {expected}`, or make both the same from the start."
        ));
    }
    None
}

fn references(source: &str, expected: &str, found: &str) -> Option<String> {
    let source = piece(source);
    let same =
        |a: &str, b: &str| a == b || is_integer(a) && b == "integer" || is_float(a) && b == "floating-point number";
    if expected == "&_" {
        return Some(format!(
            "A map is indexed by a reference to a key, `map[&{source}]`, and panics if there is none; `.get(&{source})` gives an \
             `Option`."
        ));
    }
    if let Some(inner) = expected.strip_prefix("&mut ")
        && same(inner, found)
    {
        return Some(format!(
            "A reference that may change the value is expected: pass `&mut {source}`. The variable has to be `mut`."
        ));
    }
    if let Some(inner) = expected.strip_prefix('&')
        && same(inner, found)
    {
        return Some(format!("A reference is expected: lend the value with `&{source}`, and it stays yours."));
    }
    if expected.starts_with("&mut ") && found.starts_with('&') && bare(expected) == bare(found) {
        return Some("A reference that may change the value is expected: write `&mut …` instead of `&…`.".to_owned());
    }
    if found.strip_prefix('&').is_some_and(|inner| same(inner.trim_start_matches("mut "), expected)) {
        let copies = is_number(expected) || matches!(expected, "bool" | "char");
        return Some(if copies {
            format!("This is a reference to a value, and the value itself is expected: write `*{source}`.")
        } else {
            format!("This is a reference to a value, and a value of its own is expected: `{source}.clone()` makes one.")
        });
    }
    None
}

fn collections(source: &str, expected: &str, found: &str) -> Option<String> {
    let source = piece(source);
    let is_array = |ty: &str| bare(ty).starts_with('[');
    if expected.starts_with("Vec<") && is_array(found) {
        return Some("`[…]` is an array, whose length is part of its type; a `Vec` is written `vec![…]`.".to_owned());
    }
    if is_array(expected) && found.starts_with("Vec<") {
        return Some(if expected.starts_with('&') {
            format!("A slice is expected, which a `Vec` lends: pass `&{source}`.")
        } else {
            "`vec![…]` is a `Vec`; an array, whose length is part of its type, is written `[…]`.".to_owned()
        });
    }
    let lazy = ["Map<", "Filter<", "Range<", "Rev<", "Zip<", "Enumerate<", "Chars<", "Iter<"];
    if expected.starts_with("Vec<") && lazy.iter().any(|start| bare(found).starts_with(start)) {
        return Some("An iterator has not run yet. `.collect()` behind it makes a `Vec` of its values.".to_owned());
    }
    None
}
