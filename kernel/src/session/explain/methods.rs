//! Methods that a value does not have.

use super::super::diagnostics::Diagnostic;
use super::{
    Facts, a, argument_of, bare, between, capital, habits, is_float, is_integer, is_name, piece, quoted, traits,
};

pub(super) fn explain(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let message = diagnostic.message.as_str();
    let words = quoted(message);
    if message.ends_with("cannot be an argument of a task") {
        return argument(diagnostic);
    }
    // A trait can have a message of its own, which does not name the method.
    let method = match diagnostic.subject() {
        subject if is_name(subject) && words.first() != Some(&subject) && !message.contains("associated") => subject,
        _ => *words.first()?,
    };
    let ty = receiver(diagnostic, &words);
    if message.contains("associated item") || message.contains("variant") {
        return associated(diagnostic, method, ty);
    }
    let (before, name) = value_of(diagnostic, method);
    let call = if diagnostic.line().contains(&format!("{method}()")) {
        format!("{method}()")
    } else {
        format!("{method}(…)")
    };
    if message.contains("trait bounds were not satisfied")
        && let Some(said) = unsatisfied(diagnostic, method, ty)
    {
        return Some(said);
    }
    if let Some(inner) = argument_of(ty, "Delayed") {
        let what = match is_name(name) {
            true => format!("`{name}` is a task that has not run"),
            false => "This is a task that has not run".to_owned(),
        };
        return Some(format!(
            "{what}, so it has no methods of `{inner}` yet. `{before}.compute()?.{call}` runs it now; \
             `delayed!({before}.{call})` makes the call a task too."
        ));
    }
    if let Some(unwrapped) = wrapped(diagnostic, method, &call, ty) {
        return Some(unwrapped);
    }
    if let Some(path) = trait_to_import(diagnostic) {
        let name = path.rsplit("::").next().unwrap_or(&path);
        return Some(format!(
            "`{method}` belongs to the trait `{name}`, and a trait's methods are there once it has been brought in: write \
             `use {path};` at the top of the cell."
        ));
    }
    if method == "join" && ty.starts_with("Vec<") {
        return Some(
            "Texts are joined with `.join(\", \")`, so the values have to be texts first: `.iter().map(|x| \
             x.to_string()).collect::<Vec<_>>().join(\", \")`."
                .to_owned(),
        );
    }
    if message.contains("trait bounds were not satisfied") {
        return None;
    }
    let is_iterator_method = diagnostic.label().contains("is not an iterator");
    if is_iterator_method && argument_of(ty, "Result").is_some() {
        return Some(format!(
            "The call may have failed: it gives a `Result`, and `{method}` belongs to what is inside. `?.{call}` takes it out, \
             and ends the cell with the error if there is one."
        ));
    }
    if is_iterator_method {
        return Some(format!(
            "`{method}` is a method of iterators, and {} makes one with `.iter()`: `{before}.iter().{call}`, followed by \
             `.collect::<Vec<_>>()` for a list.",
            a(ty)
        ));
    }
    let derived = match method {
        "clone" => Some("Clone"),
        "cmp" => Some("PartialEq, Eq, PartialOrd, Ord"),
        "partial_cmp" => Some("PartialEq, PartialOrd"),
        "eq" => Some("PartialEq"),
        _ => None,
    };
    if let Some(derive) = derived.filter(|_| is_name(bare(ty))) {
        return Some(format!(
            "`{}` does not say how to `{method}`. Write `#[derive({derive})]` on the line above its definition, and run that \
             cell again.",
            bare(ty)
        ));
    }
    if is_integer(ty)
        && matches!(
            method,
            "sqrt" | "sin" | "cos" | "tan" | "exp" | "ln" | "log10" | "powf" | "powi" | "round" | "floor" | "ceil"
        )
    {
        return Some(format!("`{method}` is a method of floats, and this is an integer: `({before} as f64).{call}`."));
    }
    if is_float(ty) && method == "pow" {
        return Some(format!("Floats have `powi` for whole powers and `powf` for all: `{before}.powi(2)`."));
    }
    if method == "to_string" && is_name(bare(ty)) {
        return Some(format!(
            "`{0}` has no form for people. Write an `impl std::fmt::Display for {0}`, or use `format!(\"{{:?}}\", …)` after \
             `#[derive(Debug)]`.",
            bare(ty)
        ));
    }
    if let Some(words) = habits::method(method) {
        return Some(format!("{} has no `{method}`; {words}.", capital(&a(ty))));
    }
    if let Some(other) = similar_method(diagnostic) {
        return Some(format!("{} has no method `{method}`. Is `{other}` meant?", capital(&a(ty))));
    }
    if facts.items.iter().any(|item| item == method) {
        return Some(format!(
            "`{method}` is a function of the notebook, not a method: call it as `{method}({before})`."
        ));
    }
    Some(format!("{} has no method `{method}`. Press Tab after the dot to see those it has.", capital(&a(ty))))
}

/// A value that a task cannot be given.
fn argument(diagnostic: &Diagnostic) -> Option<String> {
    let bounds =
        || diagnostic.children.iter().flat_map(|child| quoted(&child.message)).filter_map(|word| word.split_once(": "));
    if let Some((ty, _)) = bounds().find(|(_, bound)| matches!(*bound, "Send" | "Sync")) {
        return Some(traits::other_thread(ty));
    }
    let (ty, _) = bounds().find(|(_, bound)| *bound == "Clone")?;
    // Of `Vec<Point>` it is `Point` that stands in the way.
    let inner = ty.rsplit(['<', '(', ' ', '&']).next()?.trim_end_matches(['>', ')', ']']);
    Some(format!(
        "A task may run more than once, so its arguments are cloned for each run, and {} cannot be. Write `#[derive(Clone)]` on \
         the line above the definition of `{inner}`, and run that cell again.",
        a(ty)
    ))
}

/// The type of the value that the method was called on: the label has it with its arguments, the message without.
fn receiver<'a>(diagnostic: &'a Diagnostic, words: &[&'a str]) -> &'a str {
    let label = diagnostic.label();
    if diagnostic.message.contains("doesn't implement") {
        return words.first().copied().unwrap_or("value");
    }
    between(label, "method not found in `", "`")
        .or_else(|| between(label, "`", "` is not an iterator"))
        .or_else(|| words.get(1).copied())
        .unwrap_or("value")
}

/// What stands in front of the dot: as it can be written in code, and as a name if it is one.
fn value_of<'a>(diagnostic: &'a Diagnostic, method: &str) -> (&'a str, &'a str) {
    let line = diagnostic.line();
    let Some(at) = line.find(&format!(".{method}")) else { return ("…", "") };
    let value = &line[..at];
    let begins = value
        .rfind(|c: char| !(c.is_alphanumeric() || "_.".contains(c)))
        .map_or(0, |space| space + value[space..].chars().next().map_or(0, char::len_utf8));
    match piece(&value[begins..]) {
        "" | "…" => ("…", ""),
        name => (name, name),
    }
}

/// A method of what is inside an `Option` or a `Result`.
fn wrapped(diagnostic: &Diagnostic, method: &str, call: &str, ty: &str) -> Option<String> {
    let inside = diagnostic.children.iter().any(|child| child.message.contains("exists on the type"));
    if !inside {
        return None;
    }
    if bare(ty).starts_with("Option") {
        return Some(format!(
            "The value may be missing: it is an `Option`, and `{method}` belongs to what is inside. `.unwrap().{call}` takes it \
             out and panics if there is none; `.map(|x| x.{call})` keeps it an `Option`."
        ));
    }
    if bare(ty).starts_with("Result") {
        return Some(format!(
            "The call may have failed: it gives a `Result`, and `{method}` belongs to what is inside. `?.{call}` takes it out, \
             and ends the cell with the error if there is one."
        ));
    }
    if ["Mutex", "RefCell", "RwLock"].iter().any(|lock| ty.contains(lock)) {
        let open = if ty.contains("RefCell") {
            "borrow()"
        } else if ty.contains("RwLock") {
            "read().unwrap()"
        } else {
            "lock().unwrap()"
        };
        return Some(format!("`{method}` belongs to what is inside the `{}`: `.{open}.{call}`.", bare(ty)));
    }
    None
}

fn trait_to_import(diagnostic: &Diagnostic) -> Option<String> {
    let asks = diagnostic.children.iter().any(|child| child.message.contains("if the trait is in scope"));
    let mut paths = diagnostic.replacements().filter_map(|text| text.trim().strip_prefix("use ")?.strip_suffix(';'));
    paths.next().filter(|_| asks).map(str::to_owned)
}

/// Traits that `derive` implements.
const DERIVED: [&str; 9] = ["Clone", "Copy", "Debug", "Default", "Eq", "Hash", "Ord", "PartialEq", "PartialOrd"];

/// The method is there, but not for these types.
fn unsatisfied(diagnostic: &Diagnostic, method: &str, ty: &str) -> Option<String> {
    let words = || diagnostic.children.iter().flat_map(|child| quoted(&child.message));
    let bounds = || words().filter_map(|word| word.split_once(": "));
    if let Some((who, _)) = bounds().find(|(_, bound)| matches!(*bound, "Send" | "Sync")) {
        return Some(traits::other_thread(who));
    }
    if let Some((who, bound)) = bounds().next()
        && is_name(bare(who))
        && DERIVED.contains(&bound)
        && !traits::is_of_std(bare(who))
    {
        return Some(format!(
            "`{method}` is only there if `{0}` is `{bound}`: write `#[derive({bound})]` above the definition of `{0}`.",
            bare(who)
        ));
    }
    if matches!(method, "map" | "filter" | "sum" | "fold" | "zip" | "enumerate" | "rev" | "take" | "skip") {
        return Some(format!("`{method}` is a method of iterators, and {} is not one: it may have `.iter()`.", a(ty)));
    }
    None
}

fn similar_method(diagnostic: &Diagnostic) -> Option<&str> {
    let child = diagnostic.children.iter().find(|child| child.message.contains("with a similar name"))?;
    quoted(&child.message).first().copied()
}

fn associated(diagnostic: &Diagnostic, name: &str, ty: &str) -> Option<String> {
    let ty = bare(ty);
    if let Some(path) = trait_to_import(diagnostic) {
        return Some(format!(
            "`{name}` comes with a trait that has to be brought in: write `use {path};` at the top of the cell."
        ));
    }
    let idea = diagnostic
        .replacements()
        .find(|text| is_name(text))
        .map(|other| format!(" Is `{other}` meant?"))
        .unwrap_or_default();
    Some(match diagnostic.message.starts_with("no variant") {
        true => format!("The enum `{ty}` has no `{name}`.{idea}"),
        false => format!("There is no `{ty}::{name}`.{idea} Press Tab after `{ty}::` to see what there is."),
    })
}
