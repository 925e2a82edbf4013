//! Moves, borrows and what may change.

use super::super::diagnostics::{Diagnostic, Span};
use super::{Facts, between, piece, quoted, said};

pub(super) fn explain(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    match diagnostic.code.as_deref()? {
        "E0382" => moved(diagnostic, facts),
        "E0384" | "E0594" | "E0596" => immutable(diagnostic, facts),
        "E0597" => ends_too_early(diagnostic),
        "E0716" => Some(temporary(diagnostic)),
        "E0499" => Some(format!(
            "`{0}` is lent out to be changed twice at the same time. Finish with the first `&mut` before making the \
             second, or change `{0}` directly.",
            quoted(&diagnostic.message).first()?
        )),
        "E0502" => Some(changed_while_read(diagnostic)),
        "E0505" => {
            let name = quoted(&diagnostic.message).first().copied()?;
            let user = later_user(diagnostic).map(|user| format!(" as `{user}`")).unwrap_or_default();
            Some(format!(
                "`{name}` is given away here, but a reference to it is still used later{user}. Use the reference for the \
                 last time before this line, or give away `{name}.clone()`."
            ))
        }
        "E0506" => {
            let name = quoted(&diagnostic.message).first().copied()?;
            let user = later_user(diagnostic).map_or("a reference".to_owned(), |user| format!("`{user}`"));
            Some(format!(
                "`{name}` cannot change while {user} still refers to it. Make the reference after the assignment, or keep \
                 a copy of the value instead of a reference."
            ))
        }
        "E0507" => moved_out(diagnostic),
        "E0373" => outlives(diagnostic),
        "E0521" => Some(
            "What runs in another thread or task may go on after the cell has ended, so it cannot hold references to the \
             cell's values. Move the values in with `move`, or clone them first."
                .to_owned(),
        ),
        "E0515" => {
            let what = quoted(&diagnostic.message).first().map_or("the value".to_owned(), |name| format!("`{name}`"));
            Some(format!(
                "{what} ends with the function, so a reference to it would point at nothing. Return the value itself, \
                 without `&`."
            ))
        }
        "E0381" => Some(format!(
            "`{}` has been declared but has no value yet at this point. Give it one where it is declared, or on every way \
             that leads here.",
            quoted(&diagnostic.message).first()?
        )),
        _ => None,
    }
}

/// A variable whose reference evcxr cannot store.
pub(super) fn kept_reference(variable: &str) -> String {
    format!(
        "`{variable}` refers to another variable, and a reference cannot be kept for the next cell. Keep a value of its own, \
         for example with `.clone()` or `.to_owned()`, or put all lines that use `{variable}` into a block `{{ … }}`."
    )
}

fn labelled<'a>(diagnostic: &'a Diagnostic, part: &str) -> Option<&'a Span> {
    diagnostic.spans.iter().find(|span| span.label.as_deref().is_some_and(|label| label.contains(part)))
}

/// The variable that a later line uses, by which a borrow is still alive.
fn later_user(diagnostic: &Diagnostic) -> Option<&str> {
    let span = labelled(diagnostic, "later used here").or_else(|| labelled(diagnostic, "later stored here"))?;
    super::is_name(&span.text).then_some(span.text.as_str())
}

fn moved(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let name = quoted(&diagnostic.message).first().copied()?;
    let later = if facts.is_earlier(name) { ", for later cells too" } else { "" };
    if diagnostic.message.contains("partially moved") || diagnostic.message.contains("partial move") {
        let part = labelled(diagnostic, "partially moved here").map_or("a part of it", |span| &span.text);
        return Some(format!(
            "{} was moved out of `{name}`, so `{name}` is no longer whole. Take a reference (`&{part}`) or a copy \
             (`{part}.clone()`) instead.",
            said(part, "A part")
        ));
    }
    if labelled(diagnostic, "in previous iteration of loop").is_some() {
        return Some(format!(
            "The first round of the loop gives `{name}` away, and there is nothing left for the second. Pass `&{name}` if \
             it is only read, or `{name}.clone()`."
        ));
    }
    if labelled(diagnostic, "implicit call to `.into_iter()`").is_some() {
        return Some(format!(
            "`for … in {name}` uses `{name}` up; afterwards it is gone{later}. Write `for … in &{name}` to go over its \
             values and keep it."
        ));
    }
    if labelled(diagnostic, "moved into closure").is_some() {
        return Some(format!(
            "The closure took `{name}` with it, and it is gone here{later}. Make a copy for the closure first: \
             `let copy = {name}.clone();`, and use `copy` inside; or leave `move` away if the closure is only used in \
             this cell."
        ));
    }
    if let Some(call) = labelled(diagnostic, "moved due to this method call") {
        return Some(format!(
            "`{name}.{}` uses `{name}` up; afterwards it is gone{later}. Call it on `{name}.clone()` to keep `{name}`.",
            piece(&call.text)
        ));
    }
    let is_generic = labelled(diagnostic, "move occurs because").and_then(|span| {
        let label = span.label.as_deref()?;
        let ty = between(label, "has type `", "`")?;
        (ty.chars().count() == 1 && ty.starts_with(char::is_uppercase)).then_some(ty)
    });
    if let Some(ty) = is_generic {
        return Some(format!(
            "`{name}` is used twice, and not every type `{ty}` can be copied. Ask for one that can with `{ty}: Clone` and \
             write `{name}.clone()` at the first use, or use `{ty}: Copy`."
        ));
    }
    Some(format!(
        "`{name}` was given away above, and a value has one owner: here it is gone{later}. Where it is only read, pass \
         `&{name}`; to keep a second copy, pass `{name}.clone()`."
    ))
}

fn immutable(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let message = &diagnostic.message;
    let place = quoted(message).first().copied()?;
    let place = place.trim_start_matches('*');
    let name = place.split(['.', '[']).next().unwrap_or(place);
    if message.contains("behind a `&` reference") {
        return Some(format!(
            "`{name}` is a reference that may only read. Take `&mut` instead of `&` in its type, and pass `&mut …` where \
             the function is called."
        ));
    }
    if message.contains("immutable argument") {
        return Some(format!(
            "A parameter may only change when it says so: write `mut {name}` in the list of parameters. The caller's own \
             value stays as it is."
        ));
    }
    if message.contains("captured variable in a `Fn` closure") || message.contains("`Fn` closure") {
        return Some(format!(
            "This closure may be called from several places at once, so it cannot change `{name}`. Return the new value \
             instead, or keep `{name}` in a `Mutex`."
        ));
    }
    if message.contains("data in an `Arc`") || message.contains("data in an `Rc`") {
        return Some(
            "What is in an `Arc` or `Rc` is shared, so it cannot change by itself. Put a lock inside: \
             `Arc::new(Mutex::new(…))`, and change it through `.lock().unwrap()`."
                .to_owned(),
        );
    }
    if facts.is_earlier(name) {
        return Some(format!(
            "`{name}` comes from an earlier cell, where it was not declared as `mut`. Write `let mut {name} = {name};` \
             first, and it can change from then on."
        ));
    }
    Some(format!("A variable only changes when it says so: declare it with `let mut {name}`."))
}

fn ends_too_early(diagnostic: &Diagnostic) -> Option<String> {
    let name = quoted(&diagnostic.message).first().copied()?;
    let asks_for_static =
        diagnostic.spans.iter().any(|span| span.label.as_deref().is_some_and(|label| label.contains("`'static`")));
    if asks_for_static {
        return Some(format!(
            "A reference to `{name}` would have to live longer than this cell, and references cannot be kept from one \
             cell to the next. Give away the value itself, `{name}` or `{name}.clone()`, or keep all lines that need the \
             reference in one block `{{ … }}`."
        ));
    }
    let user = later_user(diagnostic)
        .map_or("a reference to it is".to_owned(), |user| format!("`{user}`, which refers to it, is"));
    Some(format!(
        "`{name}` ends at the closing brace of its block, but {user} still used after that. Declare `{name}` outside the \
         block, or hand out the value itself instead of a reference."
    ))
}

fn temporary(diagnostic: &Diagnostic) -> String {
    let what = said(diagnostic.subject(), "the value");
    let user = later_user(diagnostic).map_or("a reference to it".to_owned(), |user| format!("`{user}`"));
    format!(
        "{what} has no name, so it is gone at the end of the statement, while {user} is used after that. Give the value a \
         variable of its own first: `let value = {};`.",
        piece(diagnostic.subject())
    )
}

fn changed_while_read(diagnostic: &Diagnostic) -> String {
    let name = quoted(&diagnostic.message).first().copied().unwrap_or("it");
    let in_loop = labelled(diagnostic, "later used here").is_some_and(|user| {
        labelled(diagnostic, "borrow occurs here").is_some() && user.line.contains("for ") && user.text.starts_with('&')
    });
    if in_loop {
        return format!(
            "`{name}` cannot change while a loop goes over it. Collect what is to change first and apply it after the \
             loop, or go over a copy: `for … in {name}.clone()`."
        );
    }
    let user = later_user(diagnostic).map_or("a reference to it".to_owned(), |user| format!("`{user}`"));
    format!(
        "`{name}` is to be changed here while {user} still refers to it. Use the reference for the last time before the \
         change, or keep a copy of the value (`.clone()`) instead of a reference."
    )
}

fn moved_out(diagnostic: &Diagnostic) -> Option<String> {
    let message = &diagnostic.message;
    let source = diagnostic.subject().trim();
    if message.contains("out of index of") {
        return Some(format!(
            "An element cannot be taken out of a collection by its index: there would be a hole. Look at it with \
             `&{0}`, or copy it with `{0}.clone()`.",
            piece(source)
        ));
    }
    if message.contains("`Arc`") || message.contains("`Rc`") {
        return Some(format!(
            "What is in an `Arc` or `Rc` is shared, so nobody can take it out. Read it through a reference, or copy it \
             with `{}.clone()`.",
            piece(source)
        ));
    }
    if let Some(call) = labelled(diagnostic, "moved due to this method call") {
        return Some(format!(
            "`{}` needs a value of its own, but `{1}` is only a reference to one. Call it on a copy, \
             `{1}.clone().{0}`; for an `Option`, `{1}.as_ref().{0}` gives a reference to what is inside.",
            piece(&call.text),
            piece(source)
        ));
    }
    Some(format!(
        "{} belongs to somebody else and is only lent here, so it cannot be given away. Return or pass a reference, or \
         copy it with `.clone()`.",
        said(source, "The value")
    ))
}

fn outlives(diagnostic: &Diagnostic) -> Option<String> {
    let name = between(&diagnostic.message, "it borrows `", "`")?;
    let is_block = diagnostic.message.starts_with("async block");
    let closure = if is_block { "async move { … }" } else { "move || …" };
    let why = match diagnostic.children.iter().any(|child| child.message.contains("is returned here")) {
        true => "The closure is used after the function has ended",
        false => "The thread or task may still run when the cell has ended",
    };
    Some(format!(
        "{why}, so it cannot borrow `{name}`. Write `{closure}` to move `{name}` into it; clone `{name}` before if you need \
         it afterwards."
    ))
}
