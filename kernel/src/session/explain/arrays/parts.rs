//! Parts of an array, and what else of Python no parser of Rust reads.

use super::super::super::diagnostics::{Diagnostic, for_people};
use super::super::{Facts, is_integer, is_name, piece, quoted};
use super::source::{called_on, chain, elements, inside, is_array, lent, number, parts, slice};
use super::{around, computed, element, numpy};

/// `y[0]` and `y.T`
pub(super) fn part(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let words = quoted(&diagnostic.message);
    let ty = *words.last()?;
    let held = element(ty).or_else(|| computed(ty))?;
    let (before, after) = around(diagnostic)?;
    if diagnostic.code.as_deref() == Some("E0608") {
        element(ty)?;
        let array = chain(before);
        let index = inside(diagnostic.subject())?;
        if is_assigned(after) {
            let value = after.trim_start().strip_prefix('=').map(|value| value.trim().trim_end_matches(';'));
            let is_mask = elements(index, facts).flatten().is_some_and(|held| held == "bool");
            return Some(match value.filter(|_| is_mask) {
                Some(value) => format!(
                    "An array is not changed in place. A new one has other elements where a mask is `true`: `{}.where_({}, &{})`.",
                    piece(&called_on(index)),
                    piece(&number(value, held)),
                    piece(array)
                ),
                None => in_place(array),
            });
        }
        // Another array as the index.
        match elements(index, facts).flatten().as_deref() {
            Some("bool") => {
                return Some(format!("A mask chooses with `select`: `{}.select({})`.", piece(array), lent(index)));
            }
            Some(_) => {
                return Some(format!(
                    "`take` has the elements at a list of indices, which has to be computed first: \
                     `{}.take({}.compute()?.iter().copied().collect::<Vec<_>>(), 0)`.",
                    piece(array),
                    piece(&called_on(index))
                ));
            }
            None => {}
        }
        let counted = facts.type_of(index).is_some_and(|ty| is_integer(ty) && !matches!(ty, "isize" | "usize" | "i32"));
        let index = if counted { format!("{index} as isize") } else { index.to_owned() };
        let index = index.as_str();
        if let Some(list) = inside(index).filter(|_| index.starts_with('[') && index.ends_with(']')) {
            return Some(format!(
                "Elements by a list of indices, along axis 0: `{}.take([{}], 0)`.",
                piece(array),
                piece(list)
            ));
        }
        return Some(format!("A part of an array is `{}.slice(s![{}])`.", piece(array), piece(&slice(index))));
    }
    let field = *words.first()?;
    let array = chain(before.trim_end().trim_end_matches('.'));
    let array = piece(array);
    Some(match field {
        "plot" => format!("A picture is drawn by a function, of what is computed: `plot::line(&{array}.compute()?)`."),
        "T" if computed(ty).is_some() => format!("The transpose is a method: `{array}.t()`."),
        "T" => format!("The transpose is a method: `{array}.t()`."),
        "size" => format!("The number of elements is a method: `{array}.len()`."),
        "real" | "imag" if held.starts_with("Complex") => format!("`{field}` is a method: `{array}.{field}()`."),
        "values" | "data" if element(ty).is_some() => format!("`{array}.compute()?` gives the values."),
        "itemsize" => format!("The size of an element is `{array}.dtype().size()`."),
        "chunksize" | "loc" | "iloc" | "at" | "blocks" => match field {
            "chunksize" => format!("The lengths of all chunks are `{array}.chunks()`."),
            _ => format!("A part of an array is `{array}.slice(s![0])`."),
        },
        _ => format!(
            "An array has no `{field}`: {}",
            numpy::method(field, array).map(|code| format!("it is `{code}`."))?
        ),
    })
}

/// Whether what stands behind a place changes it.
fn is_assigned(after: &str) -> bool {
    let after = after.trim_start().trim_start_matches(['+', '-', '*', '/', '%']);
    after.starts_with('=') && !after.starts_with("==")
}

/// `y[0] = 3.0`
pub(super) fn in_place(array: &str) -> String {
    format!(
        "An array is not changed in place. `where_` makes a new one, with other elements where a mask is `true`: \
         `{0}.lt(0.0).where_(0.0, &{0})`.",
        piece(array)
    )
}

/// What no parser of Rust reads: `y @ z`, `y[:, 0]`, `y[0, 1] = 3.0`, `where(…)`.
pub(super) fn not_rust(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let message = diagnostic.message.as_str();
    let line = match diagnostic.line() {
        "" => facts.code.lines().nth(diagnostic.primary()?.start.line.checked_sub(1)?)?,
        line => line,
    };
    if let Some((left, right)) = line.split_once(" @ ") {
        let left = chain(left);
        let transposed = left.strip_suffix(".T").map(|left| format!("{left}.t()"));
        let right = parts(right.trim_end_matches(';')).first().copied()?;
        return is_array(left, facts).then(|| {
            let right = right.strip_suffix(".T").map_or_else(|| right.to_owned(), |right| format!("{right}.t()"));
            let right = if right.starts_with('&') { right } else { format!("&{right}") };
            format!(
                "There is no `@`; the product of matrices is `{}.dot({})`.",
                piece(transposed.as_deref().unwrap_or(left)),
                piece(&right)
            )
        });
    }
    if let Some((array, rest)) = line.split_once(".where(")
        && message.contains("`where`")
        && is_array(chain(array), facts)
    {
        let (array, rest) = (chain(array), format!("({rest}"));
        let arguments = parts(inside(&rest)?);
        let other = arguments.get(1).copied().unwrap_or("f64::NAN");
        let code = numpy::function("where", &format!("{}, {array}, {other}", arguments.first()?), facts)?;
        return Some(format!("`where` is a method of the mask, with a `_` because it is a word of Rust: `{code}`."));
    }
    if let Some((_, rest)) = line.split_once("where(")
        && message.contains("`where`")
    {
        let code = numpy::function("where", inside(&format!("({rest}"))?, facts)?;
        return Some(format!("`where` is a method of the mask, with a `_` because it is a word of Rust: `{code}`."));
    }
    if message.contains("`and`") || message.contains("`or`") || message.contains("`not`") {
        let (word, sign) = if message.contains("`and`") { (" and ", "&") } else { (" or ", "|") };
        let (left, right) = line.split_once(word)?;
        let (left, right) = (chain(left), chain(right.trim_end_matches(';')));
        return is_array(left, facts).then(|| {
            format!("Masks are joined element by element with `&` and `|`: `{} {sign} {}`.", lent(left), lent(right))
        });
    }
    if let Some((_, mask)) = line.split_once("not ")
        && let mask = mask.trim_end_matches(';').trim()
        && is_name(mask)
        && is_array(mask, facts)
    {
        return Some(format!("`!` turns a mask around: `!{mask}`."));
    }
    if let Some((_, behind)) = line.split_once(" for ")
        && let Some((each, array)) = behind.split_once(" in ")
        && let array = array.split([']', ')', ' ']).next()?
        && is_array(array, facts)
    {
        return Some(format!(
            "An operation works on all elements at once: `{array}.map_elements(|{}| …)`.",
            piece(each)
        ));
    }
    let in_memory = |array: &str| {
        array.ends_with(".compute()?") || facts.type_of(array).is_some_and(|ty| computed(&for_people(ty)).is_some())
    };
    let open = line.match_indices('[').map(|(at, _)| at).find(|at| {
        let array = chain(&line[..*at]);
        is_array(array, facts) || in_memory(array)
    })?;
    let (array, index) = (chain(&line[..open]), inside(&line[open..])?);
    if in_memory(array) && index.contains(',') && !index.contains([':', '.']) {
        return Some(format!("An element of an array in memory is `{}[[{}]]`.", piece(array), piece(index)));
    }
    if !index.contains([',', ':']) && !index.contains("...") {
        return None;
    }
    if is_assigned(line.get(open + index.len() + 2..)?) {
        return Some(in_place(array));
    }
    Some(format!("A part of an array is `{}.slice(s![{}])`.", piece(array), piece(&slice(index))))
}
