//! Tasks that a client is given, results that are not there yet, and bags.

use super::super::diagnostics::Diagnostic;
use super::arrays::{around, chain, inside, parts};
use super::{argument_of, bare, piece, quoted};

/// What to write instead, if an error is about a client's tasks, a lazy scalar or a bag.
pub(super) fn explain(diagnostic: &Diagnostic) -> Option<String> {
    match diagnostic.code.as_deref()? {
        "E0277" => unsatisfied(diagnostic),
        "E0599" => option(diagnostic),
        "E0308" => mismatched(diagnostic),
        "E0369" => operator(diagnostic),
        "E0061" => arguments(diagnostic),
        "E0423" => without_mark(diagnostic),
        _ => None,
    }
}

/// `delayed(inc(1))`
fn without_mark(diagnostic: &Diagnostic) -> Option<String> {
    let name = diagnostic.subject();
    matches!(name, "delayed" | "compute")
        .then(|| format!("`{name}` is a macro, and macros are called with an exclamation mark: `{name}!(…)`."))
}

/// The method whose arguments an error is about, and the expression before its dot.
fn call<'a>(diagnostic: &'a Diagnostic) -> Option<(&'a str, &'a str)> {
    let (before, _) = around(diagnostic)?;
    let (before, _) = before.rsplit_once('(')?;
    let (object, method) = before.rsplit_once('.')?;
    Some((chain(object), method.trim()))
}

/// `inc(1)` as a function and its arguments in a tuple.
fn taken_apart(source: &str) -> Option<String> {
    let (function, rest) = source.trim().split_once('(')?;
    let opened = format!("({rest}");
    let arguments = parts(inside(&opened)?).into_iter().map(str::trim);
    let arguments: Vec<&str> = arguments.filter(|argument| !argument.is_empty()).collect();
    let tuple = match arguments.as_slice() {
        [] => "()".to_owned(),
        [one] => format!("({one},)"),
        several => format!("({})", several.join(", ")),
    };
    super::is_name(function.trim()).then(|| format!("{}, {tuple}", function.trim()))
}

/// `client.submit(inc(1))`, `client.map(parse, &names)`, `sales.pluck("amount")`, `groups.agg("tip")`
fn unsatisfied(diagnostic: &Diagnostic) -> Option<String> {
    let message = diagnostic.message.as_str();
    let subject = diagnostic.subject();
    let words = quoted(message);
    if message.contains(": Function<") || message.contains("Fn(") && message.contains("is not satisfied") {
        let apart = taken_apart(subject)?;
        let (client, method) = call(diagnostic)?;
        return matches!(method, "submit" | "try_submit" | "map" | "starmap").then(|| {
            format!(
                "`{}` is called here, before there is a task. The function and its arguments are given apart: `{client}.{method}({apart})`.",
                piece(subject)
            )
        });
    }
    if let Some((given, wanted)) = words.first()?.split_once(": Argument<")
        && given.starts_with('&')
        && bare(given) == wanted.trim_end_matches('>')
    {
        let owned = subject.trim_start_matches('&');
        return Some(format!(
            "The function takes each `{}` as its own, and these are lent: give `{}.clone()`.",
            bare(given),
            piece(owned)
        ));
    }
    let item = message.strip_prefix("expected a `Fn(").and_then(|rest| rest.split_once(")` closure, found `str`"));
    if let Some((item, _)) = item {
        let item = bare(item);
        // What it says is about the method, not about the name.
        let (method, name) = match subject {
            "pluck" => ("pluck", inside(around(diagnostic)?.1)?),
            name => (call(diagnostic)?.1, name),
        };
        let field = piece(name.trim().trim_matches('"'));
        return Some(match method {
            "pluck" => format!(
                "A name plucks from JSON values; of a `{item}` it is a closure: `.map(|item: {item}| item.{field})`."
            ),
            method => {
                format!("`{method}` takes a closure that gives the key of an item: `|item| item.{field}.clone()`.")
            }
        });
    }
    if message.contains("Aggregates` is not satisfied") {
        let column = subject.trim();
        return column.starts_with('"').then(|| {
            format!("An aggregation says what is to be done with a column: `.agg([col({}).mean()])`.", piece(column))
        });
    }
    None
}

/// `client.retries(3).submit(…)`
fn option(diagnostic: &Diagnostic) -> Option<String> {
    let method = diagnostic.subject();
    let of_client = quoted(&diagnostic.message).iter().any(|word| bare(word).ends_with("Client"));
    let is_option = matches!(method, "retries" | "priority" | "resource" | "name" | "pure");
    let (before, after) = around(diagnostic)?;
    let client = piece(chain(before.trim_end().trim_end_matches('.')));
    (of_client && is_option).then(|| {
        let value = inside(after).map_or("…", piece);
        format!(
            "What holds for some tasks stands among their options: `{client}.options().{method}({value}).submit(…)`."
        )
    })
}

/// `let v: i64 = future.result()?` of a task that gives a `Result`; `let m: f64 = column.mean()`
fn mismatched(diagnostic: &Diagnostic) -> Option<String> {
    let label = diagnostic.label();
    let subject = diagnostic.subject();
    let words = quoted(label);
    if diagnostic.message.contains("`?` operator has incompatible types")
        && words.get(1)?.starts_with("Result<")
        && (subject.contains(".result()") || subject.contains(".gather("))
    {
        return Some(
            "The task's function gives a `Result`. With `try_submit` in place of `submit` an `Err` is the task's own error, and \
             `?` gives the value; as it is, `??` does."
                .to_owned(),
        );
    }
    if let Some((frame, method)) = call(diagnostic)
        && matches!(method, "nlargest" | "nsmallest")
    {
        let rows = piece(around(diagnostic)?.1.trim_start_matches(',').split(')').next()?);
        return Some(format!("How many stands first: `{}.{method}({rows}, {})`.", piece(frame), piece(subject)));
    }
    let found = words.get(1)?;
    argument_of(found.rsplit("::").next()?, "Scalar").map(|_| lazy_number(subject))
}

fn lazy_number(source: &str) -> String {
    format!("A `Scalar` is a number that is still to be computed: `{}.compute()?` is the number.", piece(source))
}

/// `mean * 2.0` of a lazy column's mean
fn operator(diagnostic: &Diagnostic) -> Option<String> {
    let mut words = quoted(&diagnostic.message).into_iter();
    let scalar = words.find(|word| argument_of(word.rsplit("::").next().unwrap_or(word), "Scalar").is_some())?;
    let source =
        diagnostic.spans.iter().find(|span| span.label.as_deref().is_some_and(|label| label.ends_with(scalar)));
    Some(lazy_number(source.map_or("…", |span| span.text.as_str())))
}

/// `client.submit(inc(1))`, `taxi.to_parquet("folder", options)`
fn arguments(diagnostic: &Diagnostic) -> Option<String> {
    let method = diagnostic.subject();
    let (before, after) = around(diagnostic)?;
    let object = piece(chain(before.trim_end().trim_end_matches('.')));
    let given = parts(inside(after)?);
    let given: Vec<&str> = given.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect();
    match (method, given.as_slice()) {
        ("submit" | "try_submit", [_]) => {
            Some(format!("`{method}` takes a function and a tuple of its arguments: `{object}.{method}(…, (…,))`."))
        }
        ("map" | "starmap", [_]) => {
            Some(format!("`{method}` takes a function and the items to call it with: `{object}.{method}(…, …)`."))
        }
        ("to_parquet" | "to_csv" | "to_json" | "to_ipc", [folder, _]) => {
            let kind = match method {
                "to_parquet" => "ToParquet",
                "to_csv" => "ToCsv",
                "to_json" => "ToJson",
                _ => "ToIpc",
            };
            Some(format!(
                "What is not as usual goes to a method of its own: `{object}.{method}_with({}, &taskloom::dataframe::{kind}::new())`.",
                piece(folder)
            ))
        }
        _ => None,
    }
}
