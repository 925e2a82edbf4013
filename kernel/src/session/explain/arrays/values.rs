//! An array where a number, a list or something else is expected.

use super::super::super::diagnostics::Diagnostic;
use super::super::{Facts, between, is_float, is_name, is_number, piece, quoted};
use super::numpy::{COMPARISONS, compared};
use super::operators::turned;
use super::source::{called_on, chain, inside, is_reduced, lent, number, parts, slice, uncomputed};
use super::{around, computed, element};

/// E0308.
pub(super) fn mismatched(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let label = diagnostic.label();
    let (expected, found) = label.strip_prefix("expected ")?.split_once(", found ")?;
    let name = |text| between(text, "`", "`").unwrap_or(text);
    let (expected, found) = (name(expected), name(found));
    let source = diagnostic.subject();
    if expected.starts_with("&[Array<") && found.starts_with("[Array<") {
        return Some(format!("A reference to a list is expected: `&{}`.", piece(source)));
    }
    if let Some(wanted) = element(expected) {
        if found.starts_with("&Array<") && !expected.starts_with('&') {
            return Some(format!(
                "The array itself is expected, not a reference: `{}.clone()`, which copies no elements.",
                piece(&called_on(source))
            ));
        }
        if (found.starts_with("Vec<") || found.starts_with('[')) && !expected.starts_with('&') {
            let list = if found.starts_with('[') { format!("vec!{source}") } else { source.to_owned() };
            return Some(format!("A list becomes an array with `Array::from_vec({}, \"auto\")`.", piece(&list)));
        }
        if let Some(held) = element(found).filter(|held| *held != wanted && expected.starts_with('&')) {
            return Some(format!(
                "The arrays hold `{wanted}` and `{held}`, and one type does not become the other by itself: `&{}.astype::<{wanted}>()`.",
                piece(&called_on(source))
            ));
        }
        if computed(found).is_some() {
            return Some(format!(
                "A lazy array is expected, and this one is in memory: `Array::from_ndarray({}, \"auto\")`.",
                piece(source.trim_start_matches('&'))
            ));
        }
        return None;
    }
    if expected == "Axis" && is_number(found) {
        return Some(format!(
            "An array in memory, ndarray's, names an axis so: `taskloom::ndarray::Axis({})`.",
            piece(source)
        ));
    }
    if source.ends_with(".shape()") && is_number(expected) {
        return Some(format!("A shape has a length for each axis: `{}[0]` is the first.", piece(source)));
    }
    let lazy = element(found);
    let held = lazy.or_else(|| computed(found))?;
    let array = uncomputed(source);
    if expected == "bool" {
        return condition(diagnostic, held, facts);
    }
    if lazy.is_some() && computed(expected).is_some() {
        return Some(format!(
            "The array is lazy, and one in memory is expected: `{}.compute()?`.",
            piece(&called_on(source))
        ));
    }
    if is_number(expected) {
        // `3.0 < y`
        let (before, _) = around(diagnostic)?;
        let before = before.trim_end();
        let signs = before.len() - before.trim_end_matches(['<', '>', '=', '!']).len();
        if let Some((_, method)) = COMPARISONS.iter().find(|(sign, _)| *sign == &before[before.len() - signs..]) {
            let left = chain(before[..before.len() - signs].trim_end());
            return turned(left, method, source, held);
        }
        return Some(match (is_reduced(array), is_float(expected) == is_float(held)) {
            (true, true) => format!("`{0}` is lazy; its number is given by `item`: `{0}.item()?`.", piece(array)),
            (true, false) => {
                format!("`{0}` is lazy; its number is given by `item`: `{0}.item()? as {expected}`.", piece(array))
            }
            _ if lazy.is_none() => format!(
                "This is an array, and one number is expected. A reduction makes one of all elements, as in `{}.sum()`.",
                piece(&called_on(source))
            ),
            _ => format!(
                "This is an array, and one number is expected. A reduction makes one of all elements, as in `{}.sum().item()?`.",
                piece(&called_on(array))
            ),
        });
    }
    if expected.starts_with("Vec<") || expected.starts_with("&[") {
        let memory = if lazy.is_some() { format!("{}.compute()?", called_on(source)) } else { called_on(source) };
        let lent = if expected.starts_with('&') { "&" } else { "" };
        return Some(format!(
            "The elements of an array come out row by row: `{lent}{}.iter().copied().collect::<Vec<_>>()`.",
            piece(&memory)
        ));
    }
    None
}

/// An array as a condition, or beside `&&`.
fn condition(diagnostic: &Diagnostic, held: &str, facts: &Facts) -> Option<String> {
    // Of what is in a macro there is no source.
    let source = match diagnostic.subject() {
        "" => inside(&diagnostic.line()[diagnostic.line().find("assert!(")? + "assert!".len()..])?,
        source => source,
    };
    let (before, after) = around(diagnostic)?;
    let (before, after) = (before.trim_end(), after.trim_start());
    for (double, single) in [("&&", "&"), ("||", "|")] {
        let (left, right) = if let Some(right) = after.strip_prefix(double) {
            (source, right.split([';', '{']).next()?.trim())
        } else if let Some(left) = before.strip_suffix(double) {
            (chain(left.trim_end()), source)
        } else {
            continue;
        };
        let mask = |side: &str| compared(side, facts).unwrap_or_else(|| lent(side));
        if held == "bool" {
            return Some(format!(
                "Masks are joined element by element, with one sign: `{} {single} {}`.",
                piece(&mask(left)),
                piece(&mask(right))
            ));
        }
        let zero = number("0", held);
        return Some(format!(
            "Masks are joined element by element, with one sign, and numbers are compared first: `{}.gt({zero}) {single} {}.gt({zero})`.",
            piece(&called_on(left)),
            piece(&called_on(right))
        ));
    }
    let array = uncomputed(source);
    if held == "bool" {
        return Some(match is_reduced(array) {
            true => format!("`{0}` is lazy; its value is given by `item`: `{0}.item()?`.", piece(array)),
            false => format!(
                "A condition is one `true` or `false`, and this is an array of many: `{0}.any().item()?` or `{0}.all().item()?`.",
                piece(&called_on(array))
            ),
        });
    }
    let zero = number("0", held);
    Some(match is_reduced(array) {
        true => format!("A condition is `true` or `false`: `{}.item()? != {zero}`.", piece(array)),
        false => format!(
            "A condition is one `true` or `false`, and this is an array of many: `{}.gt({zero}).any().item()?`.",
            piece(&called_on(array))
        ),
    })
}

/// `y.sum() as f64`
pub(super) fn cast(diagnostic: &Diagnostic) -> Option<String> {
    let words = quoted(&diagnostic.message);
    let (from, to) = (*words.first()?, *words.get(1)?);
    let held = element(from).or_else(|| computed(from))?;
    let (source, _) = diagnostic.subject().rsplit_once(" as ").unwrap_or((diagnostic.subject(), to));
    let array = uncomputed(source);
    if is_reduced(array) {
        let converted = if held == to { String::new() } else { format!(" as {to}") };
        return Some(format!("The number itself is given by `item`: `{}.item()?{converted}`.", piece(array)));
    }
    Some(match computed(from) {
        Some(_) => {
            format!("The elements are converted one by one: `{}.mapv(|x| x as {to})`.", piece(&called_on(source)))
        }
        None => format!(
            "The elements of an array are converted by `astype`: `{}.astype::<{to}>()`.",
            piece(&called_on(source))
        ),
    })
}

/// An array whose elements nothing names.
pub(super) fn untyped(diagnostic: &Diagnostic) -> Option<String> {
    let is_array = diagnostic.label().contains("struct `Array`")
        || diagnostic.children.iter().any(|child| child.message.contains("the type `Array<bool>`"));
    let (_, rest) = diagnostic.line().split_once("Array::").filter(|(before, _)| is_array && !before.ends_with(':'))?;
    let function = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    Some(format!(
        "Nothing says what the array holds: write `Array::<f64>::{}(…)`.",
        is_name(function).then_some(function)?
    ))
}

/// E0271: an operator gives something else than what is asked for.
pub(super) fn resolved(diagnostic: &Diagnostic) -> Option<String> {
    let message = diagnostic.message.as_str();
    if message.contains("as Number>::Mean") {
        return Some("The mean of integers is `f64`, so a number beside it is one, too: `1.0`.".to_owned());
    }
    if message.contains("as Number>::Sum") {
        return Some("Sums of integers have 64 bits, `i64` or `u64`, so what is beside them has, too.".to_owned());
    }
    let in_memory = message.contains("<Array<")
        && ["Add", "Sub", "Mul", "Div", "Rem"].iter().any(|op| message.contains(&format!(" as {op}<")));
    let (before, _) = around(diagnostic)?;
    in_memory.then(|| {
        format!(
            "One side is lazy and the other in memory. `Array::from_ndarray({}, \"auto\")` makes a lazy array of what is in memory.",
            piece(chain(before.trim_end()))
        )
    })
}

/// E0277: what an array cannot do.
pub(super) fn unsatisfied(diagnostic: &Diagnostic) -> Option<String> {
    let message = diagnostic.message.as_str();
    let source = diagnostic.subject();
    let words = quoted(message);
    if message.contains("is not an iterator") {
        let array = called_on(source);
        if computed(words.first()?).is_some() {
            return Some(format!(
                "The elements are gone over with `{0}.iter()`, parts along the first axis with `{0}.outer_iter()`.",
                piece(&array)
            ));
        }
        element(words.first()?)?;
        return Some(format!(
            "Nothing of a lazy array is there to be gone over. An operation works on all elements at once; what is computed has \
             rows: `for row in {}.compute()?.outer_iter()`.",
            piece(&array)
        ));
    }
    if message.contains("can only be applied to values") {
        let ty = quoted(diagnostic.label()).last().copied()?;
        element(ty)?;
        let array = source.trim_end_matches('?');
        let call = if is_reduced(array) { "item" } else { "compute" };
        return Some(format!(
            "The array is lazy and has not failed: `{}.{call}()?` computes it.",
            piece(&called_on(array))
        ));
    }
    if message.contains("doesn't implement `Display`") {
        element(words.first()?)?;
        // `{y}` within the text
        let name = piece(source.trim_matches(['&', '{', '}']).split(':').next()?);
        return Some(match is_reduced(source) {
            true => format!("`{name}` is lazy; its number is given by `item`: `{name}.item()?`."),
            false => {
                let name = if name == "…" || name.is_empty() { "y" } else { name };
                format!(
                    "The array is lazy. What it computes can be printed, `{name}.compute()?`; the array itself with `{{:?}}`."
                )
            }
        });
    }
    if message.contains("cannot be made by summing") && element(words.first()?).is_some() {
        return Some(added(chain(diagnostic.line().split_once(".iter()")?.0)));
    }
    if message.starts_with("an array cannot hold") {
        return Some(held_by_none(words.first()?));
    }
    let bound = between(message, "the trait bound `", "` is not satisfied").and_then(|bound| bound.split_once(": "));
    let (ty, bound) = bound?;
    if bound == "Neg" && ty == "usize" {
        let (before, _) = around(diagnostic)?;
        let (array, shape) = before.rsplit_once(".reshape(")?;
        let shape = inside(&diagnostic.line()[before.len() - shape.len() - 1..])?.replace("-1", "usize::MAX");
        return Some(format!(
            "A length is no negative number; for whatever is left stands `usize::MAX`: `{}.reshape({})`.",
            piece(chain(array)),
            piece(&shape)
        ));
    }
    if is_number(ty) && bound.starts_with("From<Array<") && is_reduced(source) {
        return Some(format!("`{0}` is lazy; its number is given by `item`: `{0}.item()?`.", piece(source)));
    }
    if ty == "Bins" && bound.starts_with("From<") {
        return Some("Bins are a number and a range, `(10, 0.0..1.0)`, or a list of their edges.".to_owned());
    }
    if ty == "Indices" && bound.starts_with("From<") {
        let (before, _) = around(diagnostic)?;
        let call = before.trim_end().strip_suffix('(').map(chain)?;
        return Some(format!("Indices are a list, and the axis follows: `{}([{}], 0)`.", piece(call), piece(source)));
    }
    if bound.starts_with("NdIndex<") {
        let (before, _) = around(diagnostic)?;
        let array = chain(before.trim_end().trim_end_matches('['));
        return Some(match ty.contains("Range") || source.contains("..") {
            true => format!("A part of an array is `{}.slice(s![{}])`.", piece(array), slice(source)),
            false => format!(
                "An element is taken by the numbers of its axes: `{}[[0, 0]]`, or `[0]` where there is one axis.",
                piece(array)
            ),
        });
    }
    if bound == "AsRef<[SliceInfoElem]>" {
        let (before, _) = around(diagnostic)?;
        let array = chain(before.trim_end().strip_suffix(".slice(")?);
        let index = slice(source.trim_matches(['(', ')', '[', ']']));
        return Some(format!(
            "A part of an array is said with `s![…]`: `{}.slice(s![{}])`.",
            piece(array),
            piece(&index)
        ));
    }
    if bound == "AsRef<[isize]>" || bound == "AsRef<[usize]>" {
        let inner = inside(source).map_or(source.to_owned(), |inner| parts(inner).join(", "));
        return Some(format!("The numbers are given as a list: `[{}]`.", piece(&inner)));
    }
    if ty == "Axes" && bound.starts_with("From<") {
        let text = bound.contains("&str") || bound.contains("String");
        return Some(match text {
            true => "The axes of an `Array` have numbers and no names: `0` is the first, `-1` the last.".to_owned(),
            false => {
                "Axes are `0`, `-1` or a list of them, `[0, 1]`; all of them is the method without `_axis`.".to_owned()
            }
        });
    }
    if ty == "Chunking" && bound.starts_with("From<") {
        return Some(
            "Chunks are `\"auto\"`, one length for all axes, `100`, or one for each axis, `(100, 50)`.".to_owned(),
        );
    }
    if matches!(bound, "Values" | "Matrix" | "Points") && element(ty).is_some() {
        return Some(format!("A picture needs values that are there: `&{}.compute()?`.", piece(&called_on(source))));
    }
    if bound.starts_with("IntoDimension") || ty == "Dim" {
        return Some(
            "A shape is a length, `100`, or one for each axis in parentheses, `(100, 50)`, in whole numbers."
                .to_owned(),
        );
    }
    if bound == "ScalarOperand" && element(ty).is_some() {
        return Some("One side is lazy and the other in memory. `Array::from_ndarray(…, \"auto\")` makes a lazy array of what is in memory.".to_owned());
    }
    (bound == "Element").then(|| held_by_none(ty))
}

/// A type that is not one of elements.
pub(super) fn held_by_none(ty: &str) -> String {
    let way = match ty {
        "usize" => "; counts are `u64`",
        "isize" => "; counts are `i64`",
        _ => "",
    };
    format!(
        "An array cannot hold `{ty}`: its elements are `bool`, integers from `i8` to `u64`, `f32`, `f64` or complex numbers{way}."
    )
}

/// A list of arrays that is to be added up.
pub(super) fn added(list: &str) -> String {
    format!("The arrays of a list are added up by stacking them: `Array::stack(&{}, 0).sum_axis(0)`.", piece(list))
}
