//! The user's text around a place: what an expression is called on, and what it becomes in the code that we advise.

use super::super::{Facts, argument_of, is_name, visible};

/// Methods that fold all axes, so that one number is left. Each has a sister with `_axis`.
pub(super) const REDUCTIONS: &[&str] = &[
    "all",
    "any",
    "argmax",
    "argmin",
    "count",
    "max",
    "mean",
    "median",
    "min",
    "nanargmax",
    "nanargmin",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
    "prod",
    "ptp",
    "std",
    "sum",
    "var",
];

/// Methods of an array that give something else than an array.
const LEAVES: &[&str] = &[".compute()", ".item()", ".shape()", ".chunks()", ".numblocks()", ".len()", ".to_delayed()"];

/// The expression that ends where `text` ends: `y.gt(1.5)` of `let a = y.gt(1.5)`.
pub(in super::super) fn chain(text: &str) -> &str {
    let bytes = text.as_bytes();
    let mut at = bytes.len();
    let mut depth = 0_usize;
    while at > 0 {
        let byte = bytes[at - 1];
        let is_turbofish = byte == b'>' && text[..at].rfind("::<").is_some_and(|open| !text[open..at].contains(' '));
        match byte {
            b')' | b']' => depth += 1,
            b'(' | b'[' if depth == 0 => break,
            b'(' | b'[' => depth -= 1,
            _ if depth > 0 => {}
            b'>' if is_turbofish => at = text[..at].rfind("::<").map_or(at, |open| open + 1),
            b'.' | b'?' | b'_' | b':' | b'!' => {}
            _ if byte.is_ascii_alphanumeric() || !byte.is_ascii() => {}
            _ => break,
        }
        at -= 1;
    }
    text[at..].trim_start_matches(['.', '?', '!', ':'])
}

/// An expression as a method can be called on it: without a `&`, and in parentheses where it needs them.
pub(super) fn called_on(source: &str) -> String {
    let source = source.trim();
    let source = source.strip_prefix('&').unwrap_or(source).trim_start();
    if chain(source) == source { source.to_owned() } else { format!("({source})") }
}

/// An array as an argument that only reads it.
pub(super) fn lent(source: &str) -> String {
    let source = source.trim();
    if is_name(source) { format!("&{source}") } else { source.to_owned() }
}

/// A number as an element of a type: `3` is `3.0` where the elements are floats.
pub(super) fn number(source: &str, element: &str) -> String {
    let source = source.trim();
    let digits = source.trim_start_matches('-');
    let whole = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '_');
    if matches!(element, "f32" | "f64") && whole { format!("{source}.0") } else { source.to_owned() }
}

/// Whether an expression ends with a call that folds all axes; without it, there are many numbers.
pub(super) fn is_reduced(source: &str) -> bool {
    // `1.0 + y.sum()` is as `y.sum()`, but `z + y.sum()` has the axes of `z`.
    let source = source.trim();
    let rest = source[..source.len() - chain(source).len()].trim_start_matches('&');
    let Some(before) = source.strip_suffix("()") else { return false };
    rest.chars().all(|c| c.is_ascii_digit() || "+-*/%. _".contains(c))
        && before.rsplit_once('.').is_some_and(|(_, method)| REDUCTIONS.contains(&method))
}

/// `y.sum().compute()?` and `y.sum().compute()` without what computes.
pub(super) fn uncomputed(source: &str) -> &str {
    let source = source.trim();
    source.strip_suffix('?').unwrap_or(source).strip_suffix(".compute()").unwrap_or(source)
}

/// The type of an array's elements, of a type as the session knows it: `taskloom::Array<f64>`.
fn known_element(ty: &str, indexed: bool) -> Option<String> {
    let ty = super::super::super::diagnostics::for_people(ty);
    argument_of(&ty, "Array")
        .or_else(|| argument_of(argument_of(&ty, "Vec").filter(|_| indexed)?, "Array"))
        .filter(|inner| !inner.contains(','))
        .map(str::to_owned)
}

/// What is known of the elements of an expression that is an array: their type, or nothing but that it is one.
pub(super) fn elements(source: &str, facts: &Facts) -> Option<Option<String>> {
    let source = source.trim().trim_start_matches(['&', '-', '(', '!']);
    if LEAVES.iter().any(|leave| source.contains(leave)) {
        return None;
    }
    let name: &str = &source[..source.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(source.len())];
    if name == "Array" && source.contains("Array::") {
        return Some(None);
    }
    if !is_name(name) {
        return None;
    }
    // A `let` of this cell hides the variable of an earlier one.
    if visible::lets(&facts.code).any(|(known, _)| known == name) {
        let (_, rest) = facts.code.split_once(&format!("{name} = "))?;
        let value = rest.split(';').next()?;
        let begins = &value[..value.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(value.len())];
        return (begins != name).then(|| elements(value, facts)).flatten().map(|_| None);
    }
    let element = known_element(facts.type_of(name)?, source[name.len()..].starts_with('['))?;
    // What is called on it may change the type.
    Some(Some(element).filter(|_| name.len() == source.len()))
}

/// Whether an expression is an array, as far as the text says.
pub(super) fn is_array(source: &str, facts: &Facts) -> bool {
    elements(source, facts).is_some()
}

/// What stands between a bracket at the beginning of `text` and the one that closes it.
pub(in super::super) fn inside(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return text.get(1..at);
        }
    }
    None
}

/// The parts between the commas that are in no brackets.
pub(in super::super) fn parts(text: &str) -> Vec<&str> {
    let (mut depth, mut from, mut all) = (0_usize, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                all.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    all.push(text[from..].trim());
    all.retain(|part| !part.is_empty());
    all
}

/// An index as NumPy has it, inside `s![…]`: `1:3, ::2, -1` is `1..3, ..;2, -1`.
pub(super) fn slice(index: &str) -> String {
    let index = index.trim();
    let index = index.strip_prefix("s![").and_then(|inner| inner.strip_suffix(']')).unwrap_or(index);
    let one = |part: &str| match part {
        ":" | "..." => "..".to_owned(),
        "None" | "np.newaxis" => "taskloom::ndarray::NewAxis".to_owned(),
        part if part.contains("::") && !part.contains('<') || part.contains(':') && !part.contains("::") => {
            let mut ends = part.splitn(3, ':').map(str::trim);
            let (from, to) = (ends.next().unwrap_or_default(), ends.next().unwrap_or_default());
            let step = ends.next().filter(|step| !step.is_empty()).map(|step| format!(";{step}")).unwrap_or_default();
            format!("{from}..{to}{step}")
        }
        part => part.to_owned(),
    };
    parts(index).into_iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The axes of a NumPy call as an argument of ours: `axis=(0, 1)` is `[0, 1]`.
pub(super) fn axes(argument: &str) -> Option<String> {
    let value = argument.trim();
    let value = match value.split_once('=') {
        Some((name, value)) if name.trim() == "axis" => value.trim(),
        Some(_) => return None,
        None => value,
    };
    let inner = value.strip_prefix("Axis(").or_else(|| value.strip_prefix('(')).and_then(|rest| rest.strip_suffix(')'));
    Some(match inner {
        Some(several) if several.contains(',') => format!("[{}]", parts(several).join(", ")),
        Some(one) => one.to_owned(),
        None => value.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_cut_out_of_a_line() {
        assert_eq!(chain("let a = y.gt(1.5)"), "y.gt(1.5)");
        assert_eq!(chain("2.0 * i.astype::<f64>()"), "i.astype::<f64>()");
        assert_eq!(chain("f(a, y"), "y");
        assert_eq!(chain("é + é"), "é");
        assert_eq!(called_on("&y"), "y");
        assert_eq!(called_on("y + 1.0"), "(y + 1.0)");
        assert_eq!(called_on("y.sum()"), "y.sum()");
    }

    #[test]
    fn numpys_indices_are_ours() {
        assert_eq!(slice("1:3, ::2, -1"), "1..3, ..;2, -1");
        assert_eq!(slice(":, None"), ".., taskloom::ndarray::NewAxis");
        assert_eq!(slice("s![0, ..]"), "0, ..");
        assert_eq!(slice("2:"), "2..");
        assert_eq!(axes("axis=(0, 1)").as_deref(), Some("[0, 1]"));
        assert_eq!(axes("axis = -1").as_deref(), Some("-1"));
        assert_eq!(axes("Axis(0)").as_deref(), Some("0"));
        assert_eq!(axes("keepdims = true"), None);
    }
}
