//! Arrays, for a person who knows NumPy: what an [`Array`](taskloom::Array) calls otherwise, and what it leaves to others.
//!
//! Each explanation has the code to write, with the user's own names. Where that cannot be told from the message and the
//! line, nothing is said here, and the general words of the other modules are.

mod calls;
mod methods;
mod numpy;
mod operators;
mod parts;
mod source;
mod values;

pub(super) use calls::is_argument;
pub(super) use numpy::LIBRARIES;
pub(super) use source::{chain, inside, parts};

use super::super::diagnostics::Diagnostic;
use super::{Facts, argument_of, bare, quoted};

/// What to write instead, if an error is about arrays.
pub(super) fn explain(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let Some(code) = diagnostic.code.as_deref() else { return parts::not_rust(diagnostic, facts) };
    match code {
        "E0369" | "E0368" | "E0600" | "E0614" => operators::explain(diagnostic, facts),
        "E0277" => operators::explain(diagnostic, facts).or_else(|| values::unsatisfied(diagnostic)),
        "E0271" => values::resolved(diagnostic),
        "E0282" | "E0283" | "E0284" | "E0790" | "E0034" => values::untyped(diagnostic),
        "E0308" => values::mismatched(diagnostic, facts),
        "E0605" | "E0606" | "E0604" => values::cast(diagnostic),
        "E0608" | "E0609" => parts::part(diagnostic, facts),
        "E0599" => methods::method(diagnostic, facts),
        "E0061" => calls::arguments(diagnostic, facts),
        "E0425" | "E0433" | "E0423" => calls::name(diagnostic, facts),
        "E0382" => operators::moved(diagnostic),
        _ => None,
    }
}

/// The type of the elements, if a type is that of a lazy array.
fn element(ty: &str) -> Option<&str> {
    argument_of(ty, "Array").filter(|inner| !inner.contains(','))
}

/// The type of the elements, if a type is that of an array in memory: what `compute` gives, and its kin.
fn computed(ty: &str) -> Option<&str> {
    let (name, inner) = bare(ty).split_once('<')?;
    let is_array = name.strip_prefix("Array").is_some_and(|rest| {
        matches!(
            rest.strip_prefix("ViewMut").or(rest.strip_prefix("View")).unwrap_or(rest),
            "D" | "0" | "1" | "2" | "3" | "4" | "5" | "6"
        )
    });
    inner.strip_suffix('>').filter(|_| is_array).map(|inner| inner.trim_start_matches("'_, "))
}

/// The two sides of an operator, as the labels under them have their source and their type.
fn sides(diagnostic: &Diagnostic) -> Option<[(&str, &str); 2]> {
    let mut sides: Vec<_> = diagnostic.spans.iter().filter(|span| !span.primary && span.label.is_some()).collect();
    sides.sort_by_key(|span| span.start);
    let side = |at: usize| {
        let span = sides.get(at)?;
        let label = span.label.as_deref()?;
        Some((span.text.as_str(), quoted(label).first().copied().unwrap_or(label)))
    };
    Some([side(0)?, side(1)?])
}

/// What stands in the line before the place that the message is about, and behind it.
pub(super) fn around(diagnostic: &Diagnostic) -> Option<(&str, &str)> {
    let span = diagnostic.primary()?;
    let at = |column: usize| {
        let chars = &mut span.line.char_indices();
        chars.nth(column.saturating_sub(1)).map_or(span.line.len(), |(at, _)| at)
    };
    let from = at(span.start.column);
    let to = if span.end.line == span.start.line { at(span.end.column) } else { span.line.len() };
    Some((&span.line[..from], span.line.get(to..)?))
}
