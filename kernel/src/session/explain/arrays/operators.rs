//! Operators between arrays, and between an array and a number.

use super::super::super::diagnostics::Diagnostic;
use super::super::{Facts, between, is_float, is_integer, is_name, is_number, piece, quoted};
use super::numpy::COMPARISONS;
use super::source::{called_on, chain, inside, is_array, is_reduced, lent, number, uncomputed};
use super::{around, computed, element, sides};

pub(super) fn explain(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let message = diagnostic.message.as_str();
    let operator = diagnostic.subject();
    if diagnostic.code.as_deref() == Some("E0614") {
        return power(diagnostic, facts);
    }
    if diagnostic.code.as_deref() == Some("E0600") {
        let inner = element(quoted(message).last()?)?;
        let array = called_on(operator.trim_start_matches('!'));
        if inner == "bool" {
            let array = called_on(operator.trim_start_matches('-'));
            return Some(format!("A mask is turned around by `!`: `!{}`.", piece(&array)));
        }
        return Some(format!(
            "`!` turns a mask around, an `Array<bool>`. Where the elements are zero says `{}.eq({})`.",
            piece(&array),
            number("0", inner)
        ));
    }
    if message.starts_with("binary assignment operation") {
        let sign = *quoted(message).first()?;
        element(quoted(message).last()?)?;
        let (array, value) = operator.split_once(sign)?;
        let sign = sign.trim_end_matches('=');
        return Some(format!(
            "An array is not changed in place; a new one is made, and may take the name: `let {0} = {0} {sign} {1};`.",
            piece(array),
            piece(value)
        ));
    }
    if operator.is_empty() && message.starts_with("binary operation `==`") {
        element(quoted(message).get(1)?)?;
        let arguments = inside(&diagnostic.line()[diagnostic.line().find("assert_eq!(")? + "assert_eq!".len()..])?;
        let (left, rest) = arguments.split_once(',')?;
        return is_reduced(left).then(|| {
            format!("`{0}` is lazy; its number is given by `item`: `assert_eq!({0}.item()?,{rest})`.", piece(left))
        });
    }
    if let Some((_, method)) = COMPARISONS.iter().find(|(sign, _)| *sign == operator)
        && message.starts_with("binary operation")
    {
        return compared(diagnostic, method, facts);
    }
    together(diagnostic, facts)
}

/// `y ** 2`, which rustc reads as `y * *2`.
fn power(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let (base, power) = diagnostic.line().split_once("**")?;
    let base = chain(base.trim_end());
    let power = power.trim().split(|c: char| !(c.is_alphanumeric() || "_.".contains(c))).next()?;
    is_array(base, facts).then(|| powers(base, power))
}

fn powers(base: &str, power: &str) -> String {
    let base = called_on(base);
    let method = if power.contains('.') { "powf" } else { "powi" };
    format!("A power of each element is a method: `{}.{method}({})`.", piece(&base), piece(power))
}

/// `y > 3.0`
fn compared(diagnostic: &Diagnostic, method: &str, facts: &Facts) -> Option<String> {
    let [(left, left_type), (right, right_type)] = sides(diagnostic)?;
    let operator = diagnostic.subject();
    if let Some(inner) = computed(left_type) {
        if is_reduced(uncomputed(left)) {
            let value = number(right, inner);
            return Some(format!(
                "The number itself is given by `item`: `{}.item()? {operator} {value}`.",
                uncomputed(left)
            ));
        }
        return Some(format!(
            "An array in memory is compared element by element with a closure: `{}.mapv(|x| x {operator} {})`.",
            piece(&called_on(left)),
            piece(&number(right, inner))
        ));
    }
    let inner = element(left_type)?;
    if is_reduced(left) && element(right_type).is_none() {
        return Some(format!(
            "`{0}` is an array without axes, which is not computed yet; its number is `{0}.item()?`: `{0}.item()? {operator} {1}`.",
            piece(left),
            piece(&number(right, inner))
        ));
    }
    if is_reduced(left) && is_reduced(right) {
        return Some(format!(
            "Both are arrays without axes, which are not computed yet; their numbers are compared: `{}.item()? {operator} {}.item()?`.",
            piece(left),
            piece(right)
        ));
    }
    if inner == "bool" && matches!(right.trim(), "true" | "false") {
        return Some(format!("An `Array<bool>` is a mask as it is; `!{}` turns it around.", piece(left)));
    }
    let mask = format!("{}.{method}({})", called_on(left), lent(&number(right, inner)));
    // `y[y > 0.0]`
    let (before, _) = around(diagnostic)?;
    let chosen = before.trim_end().strip_suffix(left.trim()).and_then(|rest| rest.trim_end().strip_suffix('['));
    if let Some(array) = chosen.map(chain).filter(|array| is_array(array, facts)) {
        let (_, after) = around(diagnostic)?;
        let value = after.split_once("] =").map(|(_, value)| value.split(';').next().unwrap_or(value).trim());
        if let Some(value) = value.filter(|value| !value.starts_with('=')) {
            return Some(format!(
                "An array is not changed in place. A new one has other elements where a mask is `true`: `{}.where_({}, &{})`.",
                piece(&mask),
                piece(&number(value, inner)),
                piece(array)
            ));
        }
        return Some(format!(
            "An array is compared element by element with a method, and a mask chooses with `select`: `{}.select(&{})`.",
            piece(array),
            piece(&mask)
        ));
    }
    Some(format!("An array is compared element by element with a method: `{}`.", piece(&mask)))
}

/// `3.0 < y`
pub(super) fn turned(left: &str, method: &str, array: &str, held: &str) -> Option<String> {
    let turned = match method {
        "lt" => "gt",
        "gt" => "lt",
        "le" => "ge",
        "ge" => "le",
        other => other,
    };
    Some(format!(
        "An array is compared element by element with a method: `{}.{turned}({})`.",
        piece(&called_on(array)),
        piece(&number(left, held))
    ))
}

/// An operator whose sides do not go together. The trait `Operand` says it in its own words where the array is on the left.
fn together(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let message = diagnostic.message.as_str();
    let operator = diagnostic.subject();
    if let Some((other, held)) = operand(message) {
        return beside(diagnostic, other, held);
    }
    let words = quoted(message);
    let (left, right) = if message.starts_with("no implementation for") {
        let mut sides = words.first()?.splitn(3, ' ');
        (sides.next()?, sides.nth(1)?)
    } else if message.starts_with("cannot add") || message.starts_with("cannot subtract") {
        (*words.get(1)?, *words.first()?)
    } else if message.starts_with("cannot ") || message.starts_with("can't compare") {
        (*words.first()?, *words.get(1)?)
    } else {
        return None;
    };
    let (before, after) = around(diagnostic)?;
    let (left_source, right_source) = (chain(before.trim_end()), operand_behind(after));
    if message.starts_with("can't compare") && left == "Vec<usize>" && left_source.ends_with(".shape()") {
        let lengths = inside(right_source).map(|lengths| lengths.trim_end_matches(','))?;
        return Some(format!("A shape is a list: `{} {operator} [{}]`.", piece(left_source), piece(lengths)));
    }
    if message.starts_with("can't compare") {
        let (_, method) = COMPARISONS.iter().find(|(sign, _)| *sign == operator)?;
        return turned(left_source, method, right_source, element(right).filter(|_| is_number(left))?);
    }
    if operator == "^" && element(left).is_some() && is_number(right) {
        return Some(powers(left_source, right_source));
    }
    if matches!(operator, "&" | "|") && element(left).is_some_and(|inner| inner != "bool") {
        return Some(format!(
            "`{operator}` joins masks, and this is an array of numbers: compare first, as in `{}.gt({})`.",
            piece(&called_on(left_source)),
            number("0", element(left)?)
        ));
    }
    if computed(left).is_some() || computed(right).is_some() {
        let lazy = element(left).is_some() || element(right).is_some();
        return lazy.then(|| {
            let memory = if computed(left).is_some() { left_source } else { right_source };
            format!(
                "One side is lazy and the other in memory. `Array::from_ndarray({}, \"auto\")` makes a lazy array of what is in memory.",
                piece(memory)
            )
        });
    }
    let inner = element(right)?;
    if is_array(left_source, facts) {
        return None;
    }
    if is_integer(left) && is_float(inner) {
        return Some(match left {
            "{integer}" => format!(
                "The array holds `{inner}`, so the number has to be one: `{} {operator} {}`.",
                number(left_source, inner),
                piece(right_source)
            ),
            _ => format!(
                "The array holds `{inner}`, so the number has to be one: `{} as {inner} {operator} {}`.",
                piece(left_source),
                piece(right_source)
            ),
        });
    }
    (is_number(left) && is_number(inner)).then(|| {
        let ty = if left == "{float}" { "f64" } else { left };
        format!(
            "The array holds `{inner}`. `{left_source} {operator} {}.astype::<{ty}>()` makes its elements `{ty}` first.",
            piece(&called_on(right_source).replace("astype", "…"))
        )
    })
}

/// The types in what rustc says of the trait `Operand`: what is beside the array, and what the array holds.
fn operand(message: &str) -> Option<(&str, &str)> {
    if let Some(bound) = between(message, "the trait bound `", "` is not satisfied") {
        let (other, bound) = bound.split_once(": ")?;
        return Some((other, bound.strip_prefix("Operand<")?.strip_suffix('>')?));
    }
    let words = quoted(message);
    message.ends_with("do not go together").then(|| Some((*words.get(1)?, element(words.first()?)?)))?
}

/// Something that cannot stand beside an array that holds `held`.
fn beside(diagnostic: &Diagnostic, other: &str, held: &str) -> Option<String> {
    let subject = diagnostic.subject();
    let is_operator = !subject.is_empty() && subject.chars().all(|c| "+-*/%&|^".contains(c));
    let (before, after) = around(diagnostic)?;
    let (array, value) = match is_operator {
        true => (chain(before.trim_end()), operand_behind(after)),
        false => (chain(before.rsplit_once('(').map_or(before, |(call, _)| call)), subject),
    };
    // `y.gt(1)` is said whole, one of several arguments alone.
    let only = before.trim_end().strip_suffix('(').filter(|_| after.trim_start().starts_with(')')).map(chain);
    let call = |value: &str| match (is_operator, only) {
        (true, _) => format!("{array} {subject} {value}"),
        (false, Some(call)) => format!("{call}({value})"),
        (false, None) => value.to_owned(),
    };
    if let Some(inner) = element(other) {
        let widest = if is_float(inner) && !is_float(held) { inner } else { held };
        let converted = |source: &str| format!("{}.astype::<{widest}>()", called_on(source));
        let code = match is_operator {
            true if widest == inner => format!("{} {subject} {}", converted(array), lent(value)),
            true => format!("{} {subject} {}", lent(array), converted(value)),
            false => converted(value),
        };
        if held == "bool" && is_operator && is_number(inner) {
            return Some(format!(
                "One array is a mask and the other holds `{inner}`: compare that first, as in `{}.gt({})`.",
                called_on(value),
                number("0", inner)
            ));
        }
        return Some(format!(
            "The arrays hold `{held}` and `{inner}`, and one type does not become the other by itself: `{}`.",
            if code.len() < 60 { code.as_str() } else { ".astype::<f64>()" }
        ));
    }
    if computed(other).is_some() {
        return Some(format!(
            "One side is lazy and the other in memory. `Array::from_ndarray({}, \"auto\")` makes a lazy array of what is in memory.",
            piece(value.trim_start_matches('&'))
        ));
    }
    if other.starts_with("Result<") {
        return Some(format!("`{0}` may have failed: a `?` behind it takes the number out, `{0}?`.", piece(value)));
    }
    if let Some(inner) = super::super::argument_of(other, "Vec") {
        return (inner == held).then(|| {
            format!(
                "A `Vec` becomes an array with `Array::from_vec({}, \"auto\")`.",
                piece(value.trim_start_matches('&'))
            )
        });
    }
    let referred = other.strip_prefix('&').filter(|_| is_number(other));
    let lifted = format!("*{value}");
    let value = match referred {
        Some(_) => value.strip_prefix('&').unwrap_or(&lifted),
        None => value,
    };
    let other = referred.unwrap_or(other);
    if other == held {
        return Some(format!(
            "This is a reference to a number, and the number itself is expected: `{}`.",
            fitting(call(value), value.to_owned())
        ));
    }
    if is_float(held) && is_integer(other) {
        let value = if other == "{integer}" { number(value, held) } else { format!("{} as {held}", called_on(value)) };
        let value = if is_operator && value.contains(" as ") { format!("({value})") } else { value };
        return Some(format!(
            "The array holds `{held}`, so the number has to be one: `{}`.",
            fitting(call(&value), value)
        ));
    }
    if is_integer(held) && is_float(other) {
        let array = called_on(array);
        return Some(match is_operator {
            true => format!(
                "The array holds `{held}`. `{}` makes its elements floats first.",
                format_args!("{array}.astype::<f64>() {subject} {}", piece(value))
            ),
            false => format!(
                "The array holds `{held}`, and this has a fraction. `{array}.astype::<f64>()` makes its elements floats first."
            ),
        });
    }
    if is_number(held) && is_number(other) {
        let value = format!("({} as {held})", piece(value));
        return Some(format!(
            "The array holds `{held}`, so the number has to be one: `{}`.",
            fitting(call(&value), value)
        ));
    }
    None
}

/// The whole if it is short enough for a sentence, or else its part.
fn fitting(whole: String, part: String) -> String {
    const MOST: usize = 60;
    if whole.len() <= MOST { whole } else { part }
}

/// The first thing in a text, up to what does not belong to it.
fn operand_behind(text: &str) -> &str {
    let text = text.trim_start();
    let mut depth = 0_usize;
    let sign = text.len() - text.trim_start_matches(['-', '&', '!', '*']).len();
    for (at, c) in text.char_indices().skip(sign) {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return text[..at].trim_end(),
            ')' | ']' | '}' => depth -= 1,
            ';' | ',' | '+' | '-' | '*' | '/' | '%' | ' ' | '=' if depth == 0 => return text[..at].trim_end(),
            _ => {}
        }
    }
    text.trim_end()
}

/// An operator or a call has taken an array that is used again.
pub(super) fn moved(diagnostic: &Diagnostic) -> Option<String> {
    let name = *quoted(&diagnostic.message).first()?;
    let labelled = |part: &str| {
        diagnostic.spans.iter().find(|span| span.label.as_deref().is_some_and(|label| label.contains(part)))
    };
    let because = labelled("move occurs because")?.label.as_deref()?;
    element(between(because, "has type `", "`")?)?;
    if !is_name(name) {
        return None;
    }
    let code = if let Some(operator) = labelled("moved due to usage in operator") {
        with_reference(&operator.text, name)?
    } else {
        let moved = labelled("value moved here")?;
        let at = moved.line.char_indices().nth(moved.start.column.checked_sub(1)?)?.0;
        let (before, after) = (moved.line[..at].trim_end(), moved.line[at + moved.text.len()..].trim_start());
        let is_sign = |c: &char| "+-*/%&|^".contains(*c);
        match before.chars().last().filter(is_sign) {
            Some(sign) => format!("{} {sign} &{name}", piece(chain(before.trim_end_matches(sign).trim_end()))),
            None => {
                let sign = after.chars().next().filter(is_sign)?;
                format!("&{name} {sign} {}", piece(operand_behind(&after[1..])))
            }
        }
    };
    Some(format!(
        "An operator takes the array it is given, and `{name}` is used again. With a `&` it only reads: `{}`.",
        if code.len() < 60 { code.as_str() } else { "&…" }
    ))
}

/// A piece of code with `&` before the first use of a name.
fn with_reference(code: &str, name: &str) -> Option<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (at, _) = code.match_indices(name).find(|(at, _)| {
        !code[..*at].ends_with(|c| is_word(c) || c == '.') && !code[at + name.len()..].starts_with(is_word)
    })?;
    Some(format!("{}&{}", &code[..at], &code[at..]))
}
