//! Types that nobody said and that rustc cannot find out.

use super::super::diagnostics::Diagnostic;
use super::said;

/// E0282, E0283, E0284, E0790.
pub(super) fn explain(diagnostic: &Diagnostic) -> Option<String> {
    let known = diagnostic.spans.iter().find(|span| !span.primary).unwrap_or(diagnostic.primary()?);
    let source = if known.text.trim().is_empty() { diagnostic.subject() } else { &known.text };
    Some(untyped(source))
}

/// What a call whose result could be of many types needs.
pub(super) fn untyped(source: &str) -> String {
    match source.trim() {
        "collect" => {
            "`.collect()` can make many kinds of collections, so say which: `let x: Vec<_> = ….collect();`, or \
                      `.collect::<Vec<_>>()`."
                .to_owned()
        }
        "parse" => {
            "`.parse()` can read many kinds of values, so say which: `.parse::<i64>()`, or `let x: f64 = ….parse()?;`."
                .to_owned()
        }
        method @ ("sum" | "product") => {
            format!(
                "`.{method}()` can give several kinds of numbers, so say which: `.{method}::<i64>()`, or `let x: f64 = ….{method}();`."
            )
        }
        method @ ("into" | "try_into" | "from") => {
            format!("`{method}` can convert to many types, so say which: `let x: String = ….{method}();`.")
        }
        "None" => "`None` alone does not say what would be inside: `let x: Option<i64> = None;`.".to_owned(),
        "Default::default()" => {
            "There are many defaults, so say whose: `let x: i64 = Default::default();`, or `i64::default()`.".to_owned()
        }
        source if source.ends_with("new()") || source.starts_with("Vec::") || source.starts_with("vec!") => {
            let ty = source.split("::").next().unwrap_or("Vec");
            let ty = if source.starts_with("vec!") { "Vec" } else { ty };
            let arguments = if ty.contains("Map") { "String, i64" } else { "i64" };
            format!(
                "An empty `{ty}` does not show what it will hold, and nothing later in this cell does: say it, as in \
                 `let x: {ty}<{arguments}> = {source};`."
            )
        }
        source => format!(
            "{} could be of several types, and nothing in this cell says which. Give the variable a type, as in \
             `let x: Vec<i64> = …;`.",
            said(source, "The value")
        ),
    }
}
