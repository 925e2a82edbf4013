//! Operators that a type, or two types together, do not have.

use super::super::diagnostics::Diagnostic;
use super::traits::restriction;
use super::{Facts, a, argument_of, bare, capital, is_float, is_integer, is_name, is_number, quoted, said};

/// Operators that a type does not have.
pub(super) fn explain(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let message = diagnostic.message.as_str();
    let words = quoted(message);
    match diagnostic.code.as_deref()? {
        "E0614" => {
            let line = diagnostic.line();
            if let Some(power) = power(line, facts) {
                return Some(power);
            }
            let ty = words.first()?;
            Some(format!(
                "`*` takes the value out of a reference, and this is {}, the value itself: leave the `*` away.",
                a(ty)
            ))
        }
        "E0600" if message.contains("operator `-`") && words.last().is_some_and(|ty| is_integer(ty)) => Some(format!(
            "`{0}` has no negative numbers. Use a signed type such as `i64`, or count from the end with `values.len() - 1`.",
            words.last()?
        )),
        "E0600" if message.contains("operator `!`") => Some(format!(
            "`!` turns a `bool` around, and this is {}: compare it first, as in `x == 0`.",
            a(words.last()?)
        )),
        "E0600" => Some(format!("There is no `{}` for a value of type `{}`.", words.first()?, bare(words.last()?))),
        "E0689" => Some(format!(
            "The number could still be an `f32` or an `f64`, and methods need to know. Say which: `{}`.",
            diagnostic.replacements().next().map(|text| text.replace("f32", "f64")).unwrap_or("2.0_f64".to_owned())
        )),
        _ => binary(diagnostic, &words, facts),
    }
}

/// `x**2`, which rustc reads as `x * *2`.
fn power(line: &str, facts: &Facts) -> Option<String> {
    let (base, power) = line.split_once("**")?;
    let base = base.trim_end().rsplit(|c: char| !(c.is_alphanumeric() || "_.)".contains(c))).next()?;
    let power: String = power.trim_start().chars().take_while(|c| c.is_alphanumeric() || "_.".contains(*c)).collect();
    let is_literal = base.starts_with(|c: char| c.is_ascii_digit());
    let is_float_base = is_literal && base.contains('.') || facts.type_of(base).is_some_and(is_float);
    let method = match (is_float_base, power.contains('.')) {
        (_, true) => "powf",
        (true, false) => "powi",
        (false, false) => "pow",
    };
    // A bare literal could be of several types, and then it has no methods.
    let kind = match (is_literal, is_float_base) {
        (true, true) => "_f64",
        (true, false) => "_i64",
        _ => "",
    };
    let base = if base.is_empty() || base.contains(')') { "x" } else { base };
    let others = if method == "pow" { " Floats have `powi` and `powf`." } else { "" };
    Some(format!("`**` is not an operator; a power is a method: `{base}{kind}.{method}({power})`.{others}"))
}

/// E0369: `a == b`, `a + b` and the like.
fn binary(diagnostic: &Diagnostic, words: &[&str], facts: &Facts) -> Option<String> {
    let message = diagnostic.message.as_str();
    let is_comparison = message.starts_with("binary operation");
    let ty = bare(if is_comparison { words.get(1)? } else { words.last()? });
    if !is_comparison && let Some(said) = two_types(diagnostic, words, facts) {
        return Some(said);
    }
    if let Some(bound) = restriction(diagnostic) {
        return Some(format!(
            "Not every type `{}` can do this. Ask for one that can, in the angle brackets: `{bound}`.",
            bound.split(':').next().unwrap_or("T")
        ));
    }
    let operator = diagnostic.subject();
    let derive = match operator {
        "==" | "!=" => Some("PartialEq"),
        "<" | ">" | "<=" | ">=" => Some("PartialEq, PartialOrd"),
        _ => None,
    };
    for of in ["Result", "Option"] {
        if derive.is_some() && argument_of(ty, of).is_some() {
            let way = if of == "Result" {
                "may have failed: it is a `Result`. A `?` behind it takes the value out, and ends the cell with the error if there is one"
            } else {
                "may be missing: it is an `Option`. `.unwrap()` takes the value out and panics if there is none"
            };
            let left = diagnostic.spans.iter().filter(|span| !span.primary).min_by_key(|span| span.start);
            return Some(format!("{} {way}.", capital(&said(left.map_or("", |span| &span.text), "the value"))));
        }
    }
    if let Some(derive) = derive {
        return Some(match is_name(ty) {
            true => format!(
                "`{ty}` does not say how two of it are compared. Write `#[derive({derive})]` on the line above its \
                 definition, and run that cell again."
            ),
            false => {
                format!("Values of type `{ty}` cannot be compared with `{operator}`. Compare what is inside them.")
            }
        });
    }
    Some(format!(
        "`{ty}` does not say what `{operator}` means. Write an `impl std::ops::{} for {ty}`, or a function for it.",
        operator_trait(operator)?
    ))
}

fn operator_trait(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "+" => "Add",
        "-" => "Sub",
        "*" => "Mul",
        "/" => "Div",
        "%" => "Rem",
        "+=" => "AddAssign",
        "-=" => "SubAssign",
        "*=" => "MulAssign",
        "/=" => "DivAssign",
        _ => return None,
    })
}

/// An operator between two types that do not go together. `words` are what the message quotes: for "cannot add `b` to
/// `a`" the right side comes first.
pub(super) fn two_types(diagnostic: &Diagnostic, words: &[&str], facts: &Facts) -> Option<String> {
    let message = diagnostic.message.as_str();
    let reversed = message.starts_with("cannot add") || message.starts_with("cannot subtract");
    let (left, right) = if message.starts_with("no implementation for") {
        let mut sides = words.first()?.splitn(3, ' ');
        (sides.next()?, sides.nth(1)?)
    } else {
        let (first, second) = (*words.first()?, *words.get(1)?);
        if reversed { (second, first) } else { (first, second) }
    };
    // Of what is in a macro, such as `assert_eq!`, there is no source.
    let operator = if diagnostic.subject().is_empty() { "==" } else { diagnostic.subject() };
    for (of, way) in [
        (
            "Result",
            "it may have failed. A `?` behind the call takes the value out, and ends the cell with the error if there is one",
        ),
        ("Option", "it may be missing. `.unwrap_or(0)` gives it a value for that case, `.unwrap()` panics then"),
    ] {
        if operator != "==" && operator != "!=" && [left, right].iter().any(|ty| argument_of(ty, of).is_some()) {
            return Some(format!("One side is {} `{of}`: {way}.", if of == "Option" { "an" } else { "a" }));
        }
    }
    let delayed = [left, right].into_iter().find(|ty| argument_of(ty, "Delayed").is_some());
    if let Some(ty) = delayed {
        return Some(format!(
            "A task can be part of a sum only with tasks and values of its own type, and this one gives `{}`. Compute it \
             first with `.compute()?`, or write a function and call it with `delayed!(…)`.",
            argument_of(ty, "Delayed")?
        ));
    }
    let compares = message.starts_with("can't compare");
    let same_kind = is_integer(left) == is_integer(right) && is_float(left) == is_float(right);
    let reference_differs = left.starts_with('&') != right.starts_with('&');
    if compares && reference_differs && (bare(left) == bare(right) || is_number(left) && same_kind) {
        return Some(
            "One side is a reference and the other a value: put `*` in front of the reference, or `&` in front of the value."
                .to_owned(),
        );
    }
    if is_number(left) && is_number(right) {
        return Some(two_numbers(operator, left, right, facts));
    }
    let is_text = |ty: &str| matches!(bare(ty), "str" | "String" | "char");
    if is_text(left) && is_text(right) {
        return Some(match (compares, bare(left), bare(right)) {
            (true, "char", _) | (true, _, "char") => {
                "`'a'` in single quotes is one character, `\"a\"` in double quotes is a text, and the two are never equal. Use \
                 double quotes on both sides for a text."
                    .to_owned()
            }
            (true, ..) => "One side is a text and the other a reference to one: put a `&` in front of the first, or `.as_str()` behind it.".to_owned(),
            _ => "Two texts are put together with `format!(\"{a}{b}\")`; `+` needs a `String` on its left, and is used up by it.".to_owned(),
        });
    }
    if compares && (is_text(left) && is_number(right) || is_number(left) && is_text(right)) {
        return Some(
            "A text and a number are never equal. Read the number from the text first: `text.parse::<i64>()?`."
                .to_owned(),
        );
    }
    let with_text = is_text(left) && is_number(right) || is_number(left) && is_text(right);
    if with_text && operator != "+" {
        return Some(
            "There is no arithmetic with a text. Read the number from it first: `text.parse::<i64>()?`.".to_owned(),
        );
    }
    if is_text(left) || is_text(right) {
        return (operator == "+")
            .then(|| "Values are put into a text with `format!(\"{a}{b}\")`, whatever their types.".to_owned());
    }
    let is_list = |ty: &str| bare(ty).starts_with("Vec<") || bare(ty).starts_with('[');
    if is_list(left) || is_list(right) {
        return Some(match (operator, is_list(right)) {
            ("+", true) => "Two lists are joined with `[a, b].concat()`, or `a.extend(b)`. To add their elements, go over both: `a.iter().zip(&b).map(|(x, y)| x + y).collect::<Vec<_>>()`.".to_owned(),
            _ => format!(
                "A `Vec` has no arithmetic: go over its elements, `v.iter().map(|x| x {operator} …).collect::<Vec<_>>()`, or \
                 use an array of `taskloom::ndarray`."
            ),
        });
    }
    None
}

fn two_numbers(operator: &str, left: &str, right: &str, facts: &Facts) -> String {
    let called = |ty: &str| match ty {
        "{integer}" => "an integer".to_owned(),
        "{float}" => "a float".to_owned(),
        ty => format!("`{ty}`"),
    };
    if operator == "^" && !facts.code.is_empty() {
        return "`^` is a bitwise operation on integers. A power is a method: `x.pow(2)` of integers, `x.powi(2)` of floats."
            .to_owned();
    }
    let way = match (is_float(left), is_float(right)) {
        (true, false) if right == "{integer}" => "write the integer with `.0`, as in `2.0`".to_owned(),
        (false, true) if left == "{integer}" => "write the integer with `.0`, as in `2.0`".to_owned(),
        (true, false) => {
            format!("make the integer a float, `… as {}`", if left == "{float}" { "f64" } else { bare(left) })
        }
        (false, true) => {
            format!("make the integer a float, `… as {}`", if right == "{float}" { "f64" } else { bare(right) })
        }
        _ => format!("convert one of them, as in `… as {}`", bare(left)),
    };
    format!(
        "`{operator}` works on two numbers of the same kind, and these are {} and {}: {way}.",
        called(left),
        called(right)
    )
}
