//! Arguments that a method does not take, and functions that an array has as methods.

use super::super::super::diagnostics::{Diagnostic, for_people};
use super::super::{Facts, is_name, piece, quoted};
use super::source::{REDUCTIONS, axes, chain, inside, is_array, lent, parts};
use super::{around, computed, numpy};

/// What stands between the parentheses of the call that the message is about.
pub(super) fn inside_call(diagnostic: &Diagnostic) -> Option<&str> {
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
    let (before, after) = (before.trim_end(), after.trim_start());
    // `if (x = 5)` is no call.
    let called = before.rfind('(').map_or("", |open| chain(&before[..open]));
    let is_call = !matches!(called, "" | "if" | "while" | "match" | "return" | "in");
    is_call && before.ends_with(['(', ',']) && after.starts_with('=') && !after.starts_with("==")
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
