//! Methods that an array does not have.

use super::super::super::diagnostics::Diagnostic;
use super::super::{Facts, argument_of, is_integer, is_name, piece, quoted};
use super::calls::inside_call;
use super::numpy::compared;
use super::parts::in_place;
use super::source::{called_on, chain, inside, is_reduced, lent, parts};
use super::{around, computed, element, numpy, values};

/// E0599.
pub(super) fn method(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let message = diagnostic.message.as_str();
    let method = diagnostic.subject();
    let words = quoted(message);
    let label = quoted(diagnostic.label());
    let types = || label.iter().chain(&words).copied();
    let (before, after) = around(diagnostic)?;
    let array = chain(before.trim_end().trim_end_matches('.'));
    let array = if array.is_empty() { "…" } else { piece(array) };
    if message.contains("associated") {
        if let Some(ty) = diagnostic
            .children
            .iter()
            .flat_map(|child| quoted(&child.message))
            .find_map(|word| word.strip_suffix(": Element"))
        {
            return Some(values::held_by_none(ty));
        }
        return (words.last()?.starts_with("Array<")).then(|| made(method)).flatten();
    }
    // `list.sum()`
    if method == "sum" && types().any(|ty| argument_of(ty, "Vec").is_some_and(|inner| element(inner).is_some())) {
        return Some(values::added(array));
    }
    if types().any(|ty| computed(ty).is_some()) {
        return in_memory(method, array);
    }
    let ty = types().find(|ty| element(ty).is_some())?;
    if message.contains("trait bounds were not satisfied")
        && !message.contains("not an iterator")
        && !diagnostic.label().contains("not an iterator")
    {
        let said = for_other_elements(diagnostic, method, array, element(ty)?);
        if said.is_some() {
            return said;
        }
    }
    let own = numpy::method(method, array);
    match method {
        "iter" | "into_iter" | "iter_mut" | "outer_iter" | "rows" => {
            return Some(format!(
                "Nothing of a lazy array is there to be gone over. Reductions such as `{array}.sum()` and `map_elements` work on all \
                 elements at once; `{array}.compute()?.iter()` goes over what is computed."
            ));
        }
        "to_vec" | "tolist" | "to_list" | "into_vec" => {
            return Some(format!(
                "The elements come out row by row once they are computed: `{array}.compute()?.iter().copied().collect::<Vec<_>>()`."
            ));
        }
        "pow" | "power" => {
            let power = inside(after)?;
            let own = if power.contains('.') { "powf" } else { "powi" };
            return Some(format!("A power of each element is `{array}.{own}({})`.", piece(power)));
        }
        "mask" | "where" if inside(after).is_some_and(is_name) => {
            return Some(format!("A mask chooses with `select`: `{array}.select(&{})`.", inside(after)?));
        }
        "plot" | "hist" | "imshow" | "scatter" => {
            let picture = if method == "plot" { "line" } else { method };
            return Some(format!(
                "A picture is drawn by a function, of what is computed: `plot::{picture}(&{array}.compute()?)`."
            ));
        }
        "where_" => {
            let arguments = parts(inside(after)?);
            let mask = compared(arguments.first()?, facts).unwrap_or_else(|| called_on(arguments[0]));
            let other = arguments.get(1).copied().unwrap_or("0.0");
            return Some(format!(
                "`where_` is a method of the mask: `{mask}.where_({}, {})`.",
                lent(array),
                lent(other)
            ));
        }
        "to_string" => {
            return Some(format!(
                "The array is lazy: `{array}.compute()?.to_string()` has its values, `format!(\"{{:?}}\", {array})` describes it."
            ));
        }
        "clamp" => return Some(format!("An array has no `clamp`; it is `{array}.clip({})`.", piece(inside(after)?))),
        "unwrap" | "expect" => {
            let call = if is_reduced(array) { "item" } else { "compute" };
            return Some(format!("The array is lazy and has not failed: `{array}.{call}()?` computes it."));
        }
        "gt" | "lt" | "sum" | "mean" => return None,
        "append" | "push" | "extend" | "concat" => {
            return Some(format!(
                "An array does not grow; two become a new one with `Array::concatenate(&[{array}, …], 0)`."
            ));
        }
        "fill" | "itemset" | "swap" | "assign" | "slice_mut" => return Some(in_place(array)),
        "add" | "sub" | "mul" | "div" | "subtract" | "multiply" | "divide" => {
            let sign = match method {
                "add" => "+",
                "sub" | "subtract" => "-",
                "mul" | "multiply" => "*",
                _ => "/",
            };
            let other = inside(after)?;
            return Some(format!("Arithmetic is written with its sign: `&{array} {sign} {}`.", piece(&lent(other))));
        }
        _ => {}
    }
    if let Some(code) = own {
        return Some(format!("An array has no `{method}`; it is `{code}`."));
    }
    None
}

/// `Array::array(…)`
fn made(name: &str) -> Option<String> {
    numpy::of_library(&format!("{name}()"), &Facts::default())
        .map(|words| format!("There is no `Array::{name}`; {words}."))
}

/// A method that an array in memory, ndarray's, does not have.
fn in_memory(method: &str, array: &str) -> Option<String> {
    Some(match method {
        "to_vec" | "tolist" | "to_list" | "into_vec" | "as_vec" => {
            format!("The elements come out row by row: `{array}.iter().copied().collect::<Vec<_>>()`.")
        }
        "compute" | "item" | "persist" if method == "item" => {
            format!(
                "What is computed has all its elements there: the first is `{array}.first()`; `item()?` belongs to the lazy array."
            )
        }
        "compute" | "persist" => format!("`{array}` is computed already: leave `.{method}()` away."),
        "max" | "min" => {
            let start = if method == "max" { "NEG_INFINITY" } else { "INFINITY" };
            format!(
                "The {method}imum of floats in memory is a fold: `{array}.iter().copied().fold(f64::{start}, f64::{method})`. A lazy array has `{method}()`."
            )
        }
        "gt" | "lt" | "ge" | "le" => {
            let sign = numpy::COMPARISONS.iter().find(|(_, name)| *name == method)?.0;
            format!("An array in memory is compared with a closure: `{array}.mapv(|x| x {sign} 0.0)`.")
        }
        "astype" => format!("The elements are converted one by one: `{array}.mapv(|x| x as f64)`."),
        "map_elements" => format!("On an array in memory it is `{array}.mapv(|x| …)`."),
        "plot" => format!("A picture is drawn by a function: `plot::line(&{array})`."),
        _ => return None,
    })
}

/// A method that is there, but not for these elements.
fn for_other_elements(diagnostic: &Diagnostic, method: &str, array: &str, held: &str) -> Option<String> {
    let mut words = diagnostic.children.iter().flat_map(|child| quoted(&child.message));
    let needed = words.find_map(|word| word.strip_prefix(held)?.strip_prefix(": "))?;
    let given = inside_call(diagnostic).unwrap_or("…");
    if is_integer(held) || held == "bool" || needed == "Countable" {
        let (kind, ty) = match needed {
            "Number" => ("numbers", "i64"),
            "Countable" => ("integers", "i64"),
            _ => ("floats", "f64"),
        };
        return Some(format!(
            "An array of `{held}` has no `{method}`; one of {kind} has: `{array}.astype::<{ty}>().{method}({})`.",
            if given.is_empty() { "" } else { piece(given) }
        ));
    }
    if held.starts_with("Complex") {
        return Some(format!(
            "Complex numbers have no `{method}`. Take a part of them first: `{array}.abs()`, `.real()` or `.imag()`."
        ));
    }
    None
}
