//! Methods, fields and functions that an array does not have, and what is not Rust at all.

use super::super::super::diagnostics::{Diagnostic, for_people};
use super::super::{Facts, argument_of, is_integer, is_name, piece, quoted};
use super::numpy::compared;
use super::source::{
    REDUCTIONS, axes, called_on, chain, elements, inside, is_array, is_reduced, lent, number, parts, slice,
};
use super::{around, computed, element, numpy, values};

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
fn in_place(array: &str) -> String {
    format!(
        "An array is not changed in place. `where_` makes a new one, with other elements where a mask is `true`: \
         `{0}.lt(0.0).where_(0.0, &{0})`.",
        piece(array)
    )
}

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

/// What stands between the parentheses of the call that the message is about.
fn inside_call(diagnostic: &Diagnostic) -> Option<&str> {
    let (_, after) = around(diagnostic)?;
    inside(after).filter(|_| after.starts_with('('))
}

/// E0061: `y.mean(0)`, `y.cumsum()`
pub(super) fn arguments(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let method = diagnostic.subject();
    let (before, _) = around(diagnostic)?;
    let array = chain(before.trim_end().trim_end_matches('.'));
    if let Some((path, function)) = method.rsplit_once("::")
        && path.starts_with("Array")
    {
        let given = inside_call(diagnostic)?;
        let missing = diagnostic
            .spans
            .iter()
            .any(|span| span.label.as_deref().is_some_and(|label| label.ends_with("is missing")));
        if function == "concatenate" || function == "stack" {
            return missing
                .then(|| format!("`{function}` takes the axis, too: `Array::{function}({}, 0)`.", piece(given)));
        }
        if function == "arange" && parts(given).len() == 3 {
            return Some(
                "`arange` takes how many, from 0 on, and the chunks; with a start and a step it is, for `arange(0, 10, 2)`: \
                 `Array::range_step(0.0, 2.0, 5, \"auto\")`."
                    .to_owned(),
            );
        }
        return (missing && numpy::MADE.iter().any(|(name, _)| *name == function)).then(|| {
            format!("The last argument says how the array is cut into chunks; `\"auto\"` leaves it to the engine: `{path}::{function}({}, \"auto\")`.", piece(given))
        });
    }
    if REDUCTIONS.contains(&method) && facts.type_of(array).is_some_and(|ty| computed(&for_people(ty)).is_some()) {
        let axis = parts(inside_call(diagnostic)?).first().and_then(|part| axes(part))?;
        return Some(format!(
            "`{method}` folds all axes; of one axis it is, of an array in memory, `{}.{method}_axis(taskloom::ndarray::Axis({axis}))`.",
            piece(array)
        ));
    }
    if array.is_empty() || !is_array(array, facts) {
        return None;
    }
    let (array, given) = (piece(array), inside_call(diagnostic)?);
    if let ("max" | "min", [other]) = (method, parts(given).as_slice())
        && (other.contains('.') || is_array(other, facts))
        && !other.starts_with('"')
    {
        return Some(format!(
            "The {method}imum with something else, element by element, is `{array}.{method}imum({})`.",
            lent(other)
        ));
    }
    if REDUCTIONS.contains(&method) {
        if given.starts_with('"') {
            return Some(format!("The axes of an `Array` have numbers, not names: `{array}.{method}_axis(0)`."));
        }
        let all = parts(given);
        let axis = match all.iter().all(|axis| axis.parse::<isize>().is_ok()) && all.len() > 1 {
            true => format!("[{}]", all.join(", ")),
            false => all.iter().find_map(|part| axes(part))?,
        };
        let some = if axis.starts_with('[') { "these" } else { "one axis" };
        return Some(format!("`{method}` folds all axes; of {some} it is `{array}.{method}_axis({axis})`."));
    }
    Some(match (method, given.trim()) {
        ("transpose" | "t", _) => format!(
            "The transpose is `{array}.t()`; `transpose` takes the axes in their new order, as in `{array}.transpose([1, 0])`."
        ),
        ("sort" | "argsort", "") => {
            format!("`{method}` works along one axis, such as the last: `{array}.{method}(-1)`.")
        }
        ("cumsum" | "cumprod" | "nancumsum" | "nancumprod" | "flip" | "expand_dims", "") => {
            format!("`{method}` works along one axis: `{array}.{method}(0)`.")
        }
        ("diff", _) => format!("`diff` takes how often and the axis: `{array}.diff(1, 0)`."),
        ("roll" | "repeat" | "topk", _) if parts(given).len() == 1 => {
            format!("`{method}` takes the axis, too: `{array}.{method}({}, 0)`.", piece(given))
        }
        ("take" | "delete" | "compress", _) if parts(given).len() == 1 => {
            format!("`{method}` takes the axis, too: `{array}.{method}({}, 0)`.", piece(given))
        }
        ("astype", ty) => {
            format!("The type stands in angle brackets: `{array}.astype::<{}>()`.", piece(&numpy::element_type(ty)))
        }
        ("quantile" | "percentile" | "nanquantile", given) if parts(given).len() == 2 => {
            format!(
                "`{method}` takes all elements together; along an axis it is `{array}.{method}_axis({})`.",
                piece(given)
            )
        }
        ("histogram", _) => {
            format!("The bins are one argument, a number and a range: `{array}.histogram((10, 0.0..1.0))`.")
        }
        ("reshape", _) => format!(
            "A shape of several axes is one argument, in parentheses: `{array}.reshape(({}))`.",
            piece(&given.replace("-1", "usize::MAX"))
        ),
        ("rechunk", _) => {
            format!("Chunks of several axes are one argument, in parentheses: `{array}.rechunk(({}))`.", piece(given))
        }
        ("squeeze", axis) => {
            format!("`squeeze` takes all axes of length 1; of one it is `{array}.squeeze_axis({})`.", piece(axis))
        }
        ("where_", yes) if !yes.is_empty() => {
            format!("`where_` takes what stands elsewhere, too: `{array}.where_({}, 0.0)`.", lent(yes))
        }
        ("round", _) => format!("`round` gives whole numbers; to two places: `(&{array} * 100.0).round() / 100.0`."),
        _ => return None,
    })
}

/// A name that is not there: NumPy's, a function of an array, or the name of an argument.
pub(super) fn name(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let name = *quoted(&diagnostic.message).first()?;
    let (before, after) = around(diagnostic)?;
    if facts.moved.iter().any(|(moved, _)| moved == name) || facts.items.iter().any(|item| item == name) {
        return None;
    }
    let before = before.trim_end();
    if is_argument(before, after) {
        return Some(named_argument(before, name, after, facts));
    }
    if name == "Axis"
        && let Some(axis) = inside(after).filter(|_| after.starts_with('('))
        && is_array(chain(before.rsplit_once('.').map_or("", |(array, _)| array)), facts)
    {
        return Some(format!("The axes of an `Array` are plain numbers: `{0}` instead of `Axis({0})`.", piece(axis)));
    }
    if let Some(array) = before.strip_suffix(".astype(") {
        let given = format!("({name}{after}");
        let ty = numpy::element_type(inside(&given)?);
        return Some(format!("The type stands in angle brackets: `{}.astype::<{ty}>()`.", piece(chain(array))));
    }
    if numpy::LIBRARIES.contains(&name)
        && let Some(rest) = after.strip_prefix('.').or_else(|| after.strip_prefix("::"))
        && let Some(words) = numpy::of_library(rest, facts)
    {
        return Some(format!("There is no `{name}` here; {words}."));
    }
    if matches!(name, "xr" | "xarray" | "zarr" | "h5py" | "netCDF4") {
        return Some(format!(
            "There is no `{name}` here; an array in a file is opened with `{}`.",
            numpy::opened(diagnostic.line())
        ));
    }
    let arguments = inside(after).filter(|_| after.starts_with('('))?;
    let code = numpy::function(name, arguments, facts)?;
    Some(format!("There is no function `{name}` here; {}.", numpy::called(&code)))
}

/// Whether a name that stands between these is that of an argument, as Python has it: `(axis = 0)`.
pub(in super::super) fn is_argument(before: &str, after: &str) -> bool {
    let after = after.trim_start();
    before.trim_end().ends_with(['(', ',']) && after.starts_with('=') && !after.starts_with("==")
}

/// `y.sum(axis = 0)`
fn named_argument(before: &str, name: &str, after: &str, facts: &Facts) -> String {
    let value = format!("({}", after.trim_start().trim_start_matches('='));
    let value = inside(&value).map(parts).and_then(|given| given.first().copied()).unwrap_or("…").to_owned();
    let call = before.rfind('(').map_or(before, |open| &before[..open]);
    let (receiver, method) = call.rsplit_once('.').map_or(("", call), |(receiver, method)| (chain(receiver), method));
    let plain = "Rust has no named arguments";
    if is_name(method) && is_array(receiver, facts) {
        let base = method.strip_suffix("_axis").unwrap_or(method);
        let arguments = after_call(before, name, after);
        if REDUCTIONS.contains(&base)
            && let Some(code) =
                arguments.and_then(|given| numpy::function(base, &format!("{receiver}, {given}"), facts))
        {
            return format!("{plain}: write `{code}`.");
        }
        if REDUCTIONS.contains(&base) && matches!(name, "dim" | "dims") {
            return format!(
                "{plain}, and the axes of an `Array` have numbers, not names: `{}.{base}_axis(0)`.",
                piece(receiver)
            );
        }
        if REDUCTIONS.contains(&base) && name == "dtype" {
            return format!("{plain}: the type is changed before, `{}.astype::<f64>().{base}()`.", piece(receiver));
        }
    }
    format!("{plain}: the value alone stands in its place, `{}({})`.", piece(chain(call)), piece(&value))
}

/// The arguments of the call in which a name stands between `before` and `after`.
fn after_call(before: &str, name: &str, after: &str) -> Option<String> {
    let given = &before[before.rfind('(')? + 1..];
    inside(&format!("({given}{name}{after}")).map(str::to_owned)
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
            let right =
                if right.ends_with(".T") { format!("{}.t()", &right[..right.len() - 2]) } else { right.to_owned() };
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
