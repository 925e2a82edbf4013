//! How things are put together: arguments, fields, patterns, definitions.

use super::super::diagnostics::Diagnostic;
use super::{a, bare, between, capital, habits, is_number, piece, quoted, said};

pub(super) fn explain(diagnostic: &Diagnostic) -> Option<String> {
    let message = diagnostic.message.as_str();
    let words = quoted(message);
    let subject = diagnostic.subject();
    Some(match diagnostic.code.as_deref()? {
        "E0061" | "E0057" => arguments(diagnostic)?,
        "E0618" => format!(
            "`{}` is a value of type `{}`, not a function. A product needs its sign, `{0} * (…)`; a list is indexed with `[…]`.",
            piece(subject),
            bare(words.last()?)
        ),
        "E0004" => {
            let missing = message.split(" not covered").next()?.split_once(": ")?.1;
            let is_number = diagnostic.children.iter().any(|child| {
                between(&child.message, "of type `", "`").is_some_and(|ty| is_number(ty) || matches!(ty, "&str" | "char"))
            });
            match is_number {
                true => "A `match` has to say what happens with every value. End it with `_ => …` for all others.".to_owned(),
                false => format!("A `match` has to say what happens in every case, and {missing} has no arm: add one, or `_ => …` for all others."),
            }
        }
        "E0005" => format!(
            "The value need not have the form `{}`. Say what happens otherwise: `let {0} = … else {{ return Err(\"…\".into()) }};`, \
             or use `if let {0} = … {{ … }}`.",
            piece(subject)
        ),
        "E0616" if diagnostic.children.iter().any(|child| child.message.contains("a method")) => {
            format!("`{0}` is a method here, so it is called with parentheses: `.{0}()`.", words.first()?)
        }
        "E0616" | "E0451" => format!(
            "`{}` is private: only the module that defines `{}` may use it. If that is yours, write `pub` in front of the field; \
             otherwise look for a method that gives it.",
            words.first()?,
            words.last()?.rsplit("::").next()?
        ),
        "E0603" | "E0624" => format!(
            "`{}` is private to the module or crate that defines it. If that is yours, write `pub` in front of it; otherwise it is \
             not meant to be used from outside.",
            words.first()?
        ),
        "E0560" => format!("`{}` has no field `{}`. Its definition says which it has.", words.first()?, words.last()?),
        "E0063" => format!("Every field needs a value, and {} is missing from this `{}`.", list(words.split_last()?.1), words.last()?),
        "E0609" => field(diagnostic, &words)?,
        "E0610" => format!("{} is a plain value and has no fields. A call of a method has parentheses: `.name()`.", capital(&a(words.first()?))),
        "E0615" => format!("`{0}` is a method, so it is called with parentheses: `.{0}()`.", words.first()?),
        "E0608" => indexed(diagnostic, &words)?,
        "E0604" | "E0605" | "E0606" | "E0054" | "E0607" => cast(diagnostic, &words)?,
        "E0658" | "E0554" => unstable(diagnostic),
        "E0106" => lifetime(diagnostic),
        "E0107" => generics(diagnostic, &words)?,
        "E0428" => format!("`{}` is defined twice in this cell. Keep one, or rename one.", words.first()?),
        "E0434" => captured(subject),
        "E0435" => format!(
            "A `const` and the length of an array are known when the cell is compiled, and `{}` is known only when it runs. Use `let`, \
             and a `Vec` instead of an array.",
            piece(subject)
        ),
        "E0121" => "The types of a function, a `const` and a `static` are always written out; `_` is only for variables.".to_owned(),
        "E0268" | "E0267" => format!("`{}` ends or repeats a loop, and there is no loop around it here.", piece(subject)),
        "E0571" => "Only a `loop` can give a value with `break`; `for` and `while` cannot.".to_owned(),
        "E0728" => "`.await` works in an `async` function or block, not in a plain function: write `async fn`.".to_owned(),
        "E0070" => "The left side of `=` has to be a place: a variable, a field or an element.".to_owned(),
        "E0067" => format!("The left side of an assignment has to be a place: a variable, a field or an element, not {}.", said(subject, "a value")),
        "E0053" | "E0050" | "E0046" => implementation(diagnostic, &words)?,
        "E0117" => "Either the trait or the type has to be yours. Wrap the type in a struct of your own: `struct Mine(Theirs);`.".to_owned(),
        "E0119" => "The trait has already been implemented for this type, perhaps by a `derive` or for a whole group of types.".to_owned(),
        "E0255" | "E0252" => format!("`{}` is brought in twice. Remove one `use`, or rename one: `use … as other;`.", words.first()?),
        "E0133" => "This may break memory if used wrongly, so it has to stand in an `unsafe { … }` block. In a notebook there is mostly a safe way.".to_owned(),
        "E0080" => "This is computed when the cell is compiled, and it fails.".to_owned(),
        "overflowing_literals" => format!(
            "`{subject}` does not fit into {}. Use a larger type, such as `i64`.",
            a(words.first()?)
        ),
        "arithmetic_overflow" => "This does not fit into the type of the result. Use a larger type, or `.checked_add(…)`, `.wrapping_add(…)`.".to_owned(),
        "unconditional_panic" => match message.contains("out of bounds") {
            true => "The index is past the end: a list of length `n` has the indices `0` to `n - 1`.".to_owned(),
            false => "This always fails, so it is not compiled. A division by zero has no result.".to_owned(),
        },
        _ => return None,
    })
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => "one".to_owned(),
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        [only, ..] => only.clone(),
    }
}

fn arguments(diagnostic: &Diagnostic) -> Option<String> {
    let message = diagnostic.message.as_str();
    let (kind, rest) = message.strip_prefix("this ")?.split_once(" takes ")?;
    let (takes, rest) = rest.split_once(' ')?;
    let supplied = rest.split_once("but ")?.1.split(' ').next()?;
    let name = diagnostic.subject();
    let missing: Vec<&str> = diagnostic
        .spans
        .iter()
        .filter_map(|span| span.label.as_deref())
        .filter(|label| label.ends_with("missing"))
        .flat_map(|label| quoted(label))
        .collect();
    let plural = if takes == "1" { "" } else { "s" };
    let what = if super::is_name(name) { format!("`{name}`") } else { format!("This {kind}") };
    let way = match missing.as_slice() {
        [] => "Leave the others away.".to_owned(),
        [one] => format!("One of type `{one}` is missing; Rust has no default arguments."),
        several => format!("Those of the types {} are missing; Rust has no default arguments.", list(several)),
    };
    Some(format!("{what} takes {takes} argument{plural}, and was given {supplied}. {way}"))
}

fn field(diagnostic: &Diagnostic, words: &[&str]) -> Option<String> {
    let (name, ty) = (*words.first()?, *words.last()?);
    if super::argument_of(ty, "Delayed").is_some() {
        return Some(format!(
            "This is a task that has not run, so it has no fields yet: `.compute()?.{name}` runs it."
        ));
    }
    let close = diagnostic.replacements().find(|other| {
        super::is_name(other) && strsim::damerau_levenshtein(name, other) <= (name.len() / 3).max(1) && name.len() > 1
    });
    let idea = close
        .map_or("Its definition says which it has; a call of a method has parentheses.".to_owned(), |other| {
            format!("Is `{other}` meant?")
        });
    Some(format!("{} has no field `{name}`. {idea}", capital(&a(ty))))
}

fn indexed(diagnostic: &Diagnostic, words: &[&str]) -> Option<String> {
    let ty = bare(words.last()?);
    let index = diagnostic.subject().trim_matches(['[', ']']);
    if ty.starts_with('(') {
        return Some(format!("A tuple's parts are reached with a dot: `.{}`.", piece(index)));
    }
    if super::argument_of(ty, "Delayed").is_some() {
        return Some(format!(
            "This is a task that has not run. `.compute()?[{}]` runs it and takes an element.",
            piece(index)
        ));
    }
    if ty.starts_with("HashSet") || ty.starts_with("BTreeSet") {
        return Some(
            "A set has no order to index by: `.contains(&x)` asks for a value, `.iter()` goes over all.".to_owned(),
        );
    }
    Some(format!(
        "{} cannot be indexed. Of an iterator, `.nth({})` takes an element; `.collect::<Vec<_>>()` makes a list.",
        capital(&a(ty)),
        piece(index)
    ))
}

fn cast(diagnostic: &Diagnostic, words: &[&str]) -> Option<String> {
    let (from, to) = (*words.first()?, *words.get(1)?);
    let value = diagnostic.subject().split(" as ").next().map(piece).unwrap_or("…");
    Some(match bare(from) {
        "str" | "String" if is_number(to) => format!("`as` does not read texts: `{value}.parse::<{to}>()?` does."),
        _ if to == "String" => format!("`as` is only between numbers: `{value}.to_string()` makes a text."),
        _ if to == "bool" => format!("A number is not a truth value: write `{value} != 0`."),
        ty if is_number(ty) && from.starts_with('&') => format!("This is a reference to a number: `*{value} as {to}`."),
        _ if to == "char" => {
            format!("Only a `u8` is a `char` by itself: `char::from_u32({value} as u32)` tries others.")
        }
        ty => format!("`as` is only between numbers, and {} is none. Look for a method, or `{to}::from(…)`.", a(ty)),
    })
}

fn unstable(diagnostic: &Diagnostic) -> String {
    if diagnostic.message.starts_with("`try`") {
        return habits::EXCEPTIONS.to_owned();
    }
    let what = quoted(&diagnostic.message).first().map(|name| format!("`{name}`")).unwrap_or("This".to_owned());
    let use_of = if diagnostic.message.contains("library feature") {
        "belongs to the standard library's unfinished parts"
    } else {
        "is not a finished part of the language"
    };
    format!(
        "{what} {use_of}, and only the nightly compiler has those. Look for another way; the documentation marks such items as \
         nightly-only."
    )
}

fn lifetime(diagnostic: &Diagnostic) -> String {
    let nothing = diagnostic.children.iter().any(|child| child.message.contains("no value for it to be borrowed from"));
    let in_type = diagnostic.line().contains("struct ") || diagnostic.line().trim_start().starts_with("enum ");
    if nothing {
        return "The function gives a reference, but takes none it could come from. Return a value of its own: `String` instead of \
                `&str`, `Vec<T>` instead of `&[T]`."
            .to_owned();
    }
    if in_type || !diagnostic.line().contains("->") {
        return "A type that keeps a reference has to say how long it lives. A value of its own is easier: `String` instead of \
                `&str`, `Vec<T>` instead of `&[T]`."
            .to_owned();
    }
    "The result is a reference, and it could come from several parameters. Say from which with a name for its lifetime, as the \
     compiler suggests, or return a value of its own, such as a `String`."
        .to_owned()
}

fn generics(diagnostic: &Diagnostic, words: &[&str]) -> Option<String> {
    let ty = *words.first()?;
    if diagnostic.message.starts_with("missing generics") {
        return Some(format!(
            "`{ty}` has to say what it holds: `{ty}<…>`, where `{ty}<_>` leaves it to the compiler in a `let`."
        ));
    }
    None
}

fn captured(name: &str) -> String {
    format!(
        "A `fn` sees only its own parameters, not the variables around it. Pass `{0}` as an argument, or write a closure, `|…| …`, \
         which does see it.",
        piece(name)
    )
}

fn implementation(diagnostic: &Diagnostic, words: &[&str]) -> Option<String> {
    match diagnostic.code.as_deref()? {
        "E0046" => Some(format!(
            "The trait asks for everything it lists, and {} is still missing from this `impl`.",
            list(words)
        )),
        _ => Some(format!(
            "`{}` has to look exactly as the trait says, with the same parameters and types.",
            words.first()?
        )),
    }
}
