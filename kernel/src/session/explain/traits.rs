//! What a type cannot do: traits that are not implemented.

use super::super::diagnostics::Diagnostic;
use super::{
    Facts, a, argument_of, bare, between, capital, inference, is_float, is_integer, is_name, is_number, operators,
    piece, quoted, said,
};

/// E0277.
pub(super) fn unsatisfied(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let message = diagnostic.message.as_str();
    if message.contains("`?`") {
        return question_mark(diagnostic);
    }
    if message.contains("between threads safely") {
        return Some(other_thread(quoted(message).first()?));
    }
    if let Some(ty) = between(message, "cannot be indexed by `", "`") {
        return index(diagnostic, ty);
    }
    if message.contains("doesn't implement `Debug`") || message.contains("doesn't implement `Display`") {
        return printed(diagnostic);
    }
    if message.contains("is not an iterator") {
        return iterator(diagnostic);
    }
    if message.contains("cannot be built from an iterator") || message.contains("cannot be made by") {
        return gathered(diagnostic);
    }
    if message.contains("is not a future") {
        return Some(format!(
            "Only an `async` call is waited for, and `{}` is not one: leave `.await` away.",
            quoted(message).first()?
        ));
    }
    if message.starts_with("the size for values of type") {
        return unsized_value(diagnostic);
    }
    let words: Vec<&str> = quoted(message);
    if (message.starts_with("cannot ")
        || message.starts_with("can't compare")
        || message.starts_with("no implementation for"))
        && let Some(said) = operators::two_types(diagnostic, &words, facts)
    {
        return Some(said);
    }
    let bound = between(message, "the trait bound `", "` is not satisfied")?;
    let (ty, bound) = bound.split_once(": ")?;
    missing_trait(diagnostic, ty, bound)
}

fn question_mark(diagnostic: &Diagnostic) -> Option<String> {
    let message = diagnostic.message.as_str();
    if message.contains("not `Option`s") {
        return Some(
            "This is an `Option`, and `?` here needs a `Result`: `.ok_or(\"what is missing\")?` makes an error of `None`."
                .to_owned(),
        );
    }
    if message.contains("not `Result`s") {
        return Some(
            "This is a `Result`, and the function gives an `Option`: `.ok()?` drops the error, or let the function give a \
             `Result`."
                .to_owned(),
        );
    }
    if message.contains("can only be applied to values") {
        let ty = quoted(diagnostic.label()).last().copied().unwrap_or("this type").to_owned();
        return Some(match argument_of(&ty, "Delayed") {
            Some(_) => {
                "`?` takes the value out of a `Result`, and this is a task that has not run: `.compute()?` runs it."
                    .to_owned()
            }
            None => format!(
                "`?` takes the value out of a `Result` or an `Option`, and this is {}, the value itself: leave the `?` away.",
                a(&ty)
            ),
        });
    }
    if message.contains("couldn't convert the error") {
        if let Some(ty) = between(message, "error: `", ": Display`") {
            return Some(format!(
                "`?` ends the cell with the error's message, and `{ty}` has none. Implement `std::fmt::Display` for `{ty}`, or \
                 turn it into a text: `.map_err(|error| format!(\"{{error:?}}\"))?`, with `#[derive(Debug)]` on `{ty}`."
            ));
        }
        return Some(
            "The function promises one kind of error, and this call gives another. Let the function give \
             `Result<…, Box<dyn std::error::Error>>`, which takes every kind, or change the error with `.map_err(…)`."
                .to_owned(),
        );
    }
    let returns = between(diagnostic.label(), "that returns `", "`");
    if message.contains("in a closure") {
        return Some(
            "`?` would end the closure with the error, but the closure gives no `Result`. Leave the `?` away and let \
             `.collect::<Result<Vec<_>, _>>()?` gather the results, or use `.unwrap()` inside."
                .to_owned(),
        );
    }
    let result = match returns {
        Some("()") | None => "Result<(), Box<dyn std::error::Error>>".to_owned(),
        Some(ty) => format!("Result<{ty}, Box<dyn std::error::Error>>"),
    };
    let ok = if returns == Some("()") { "Ok(())" } else { "Ok(…)" };
    Some(format!(
        "`?` ends the function with the error, so the function has to give a `Result`: write `-> {result}`, and end it with \
         `{ok}`. Outside of functions, a cell can use `?` as it is."
    ))
}

/// A value that cannot go to another thread.
pub(super) fn other_thread(ty: &str) -> String {
    let ty = bare(ty);
    let is = |name: &str| ty.starts_with(name) || ty.contains(&format!("<{name}"));
    let way = if is("Rc<") || ty.starts_with("std::rc::Weak") || ty.starts_with("Weak<") {
        "its count is not safe between threads; `std::sync::Arc` is the same for several threads"
    } else if is("RefCell<") || ty.starts_with("Ref<") || ty.starts_with("RefMut<") {
        "its check is not safe between threads; `std::sync::Mutex` is the same for several threads, `Arc<Mutex<…>>` where they share it"
    } else if is("Cell<") || is("OnceCell<") {
        "it may be changed by one thread at a time only; use an atomic such as `std::sync::atomic::AtomicI64`, or a `Mutex`"
    } else if is("MutexGuard<") || is("RwLockReadGuard<") || is("RwLockWriteGuard<") {
        "a lock has to be given back by the thread that took it; move the `Arc<Mutex<…>>` in and call `.lock()` inside"
    } else if ty.starts_with("*const") || ty.starts_with("*mut") {
        "nobody watches over a raw pointer; pass the value itself, or an `Arc` of it"
    } else if ty.starts_with("dyn ") || ty.starts_with("(dyn ") {
        "not every type behind this `dyn` can go; ask for one that can: `Box<dyn … + Send + Sync>`"
    } else {
        "something in it belongs to one thread; pass the plain data it is made from"
    };
    format!("A value of type `{ty}` cannot go to another thread or task: {way}.")
}

fn index(diagnostic: &Diagnostic, by: &str) -> Option<String> {
    let of = quoted(&diagnostic.message).first().copied()?;
    let source = piece(diagnostic.subject());
    if of == "str" || of == "String" {
        return Some(format!(
            "A text has no characters by number, because they differ in size: `.chars().nth({})` gives one, `&text[0..3]` a part \
             by bytes.",
            if is_number(by) { source } else { "0" }
        ));
    }
    if is_integer(by) && of.starts_with('[') {
        let index = if is_name(source) { format!("{source} as usize") } else { format!("({source}) as usize") };
        return Some(format!("An index is a `usize`, and this is `{}`: write `[{index}]`.", bare(by)));
    }
    if is_float(by) {
        return Some(
            "An index is a whole number, a `usize`: write `[… as usize]`, which cuts the fraction off.".to_owned(),
        );
    }
    if matches!(bare(by), "str" | "String") {
        return Some(
            "A list is indexed by numbers. What is looked up by a text is a `HashMap`: `map[\"key\"]`.".to_owned(),
        );
    }
    None
}

fn printed(diagnostic: &Diagnostic) -> Option<String> {
    let message = diagnostic.message.as_str();
    let ty = *quoted(message).first()?;
    if let Some(bound) = restriction(diagnostic) {
        return Some(format!("Not every type can be printed. Ask for one that can, in the angle brackets: `{bound}`."));
    }
    if argument_of(ty, "Delayed").is_some() {
        return Some(
            "This is a task that has not run. `.compute()?` gives its value, which can be printed.".to_owned(),
        );
    }
    if argument_of(ty, "Result").is_some() && message.contains("`Display`") {
        return Some(
            "The value may have failed: it is a `Result`. A `?` behind it takes the value out, and ends the cell with the error if \
             there is one."
                .to_owned(),
        );
    }
    if message.contains("`Debug`") {
        return Some(format!(
            "`{{:?}}` needs `{ty}` to be printable: write `#[derive(Debug)]` on the line above its definition, and run that cell \
             again."
        ));
    }
    let is_users = is_name(bare(ty)) && !matches!(bare(ty), "OsString" | "PathBuf" | "Path");
    if matches!(bare(ty), "PathBuf" | "Path") {
        return Some("A path may hold letters that cannot be shown: print `path.display()`.".to_owned());
    }
    Some(match is_users {
        true => format!(
            "`{{}}` prints what has a form for people, and `{ty}` has none. Print it with `{{:?}}` after `#[derive(Debug)]` above \
             its definition, or write an `impl std::fmt::Display for {ty}`."
        ),
        false => {
            format!("`{{}}` has no form for {}. Print it with `{{:?}}`, or with `{{:#?}}` over several lines.", a(ty))
        }
    })
}

fn iterator(diagnostic: &Diagnostic) -> Option<String> {
    let ty = *quoted(&diagnostic.message).first()?;
    let source = piece(diagnostic.subject());
    if is_integer(ty) {
        return Some(format!("A number cannot be gone over. From 0 up to it is written `0..{source}`."));
    }
    if argument_of(ty, "Delayed").is_some() {
        return Some(format!(
            "`{source}` is a task that has not run. `{source}.compute()?` gives its value, which can be gone over."
        ));
    }
    if matches!(bare(ty), "str" | "String") {
        return Some(format!(
            "A text is gone over by its characters, `{source}.chars()`, or its lines, `{source}.lines()`."
        ));
    }
    if argument_of(ty, "Option").is_some() {
        return None;
    }
    Some(format!("{} cannot be gone over by itself. If it holds a list, go over that.", capital(&a(ty))))
}

fn gathered(diagnostic: &Diagnostic) -> Option<String> {
    let words = quoted(&diagnostic.message);
    let (wanted, element) = (*words.first()?, *words.get(1)?);
    if diagnostic.message.contains("cannot be built from an iterator") {
        let inner = argument_of(wanted, "Vec").unwrap_or("…");
        let way = match (inner, bare(element)) {
            ("String", ty) if is_number(ty) || ty == "str" || ty == "char" => {
                "turn each into a text first with `.map(|x| x.to_string())`".to_owned()
            }
            (inner, ty) if inner == ty && element.starts_with('&') => {
                "they are references; put `.cloned()` before `.collect()`".to_owned()
            }
            (inner, ty) if is_number(inner) && is_number(ty) => {
                format!("convert each first with `.map(|x| x as {inner})`")
            }
            _ => "change each with `.map(…)` first, or collect into another type".to_owned(),
        };
        return Some(format!("The iterator gives `{element}`, and {} is to be made of it: {way}.", a(wanted)));
    }
    let verb = if diagnostic.message.contains("multiplying") { "product" } else { "sum" };
    if is_number(wanted) && is_number(element) {
        return Some(format!(
            "A {verb} has the type of what is added up, here `{0}`. Ask for that, `.{verb}::<{0}>()`, or convert each value first: \
             `.map(|&x| x as {wanted}).{verb}::<{wanted}>()`.",
            bare(element)
        ));
    }
    Some(format!(
        "Values of type `{element}` do not add up to {}. Take the numbers out of them first with `.map(…)`.",
        a(wanted)
    ))
}

fn unsized_value(diagnostic: &Diagnostic) -> Option<String> {
    let ty = *quoted(&diagnostic.message).first()?;
    Some(if ty.contains("dyn ") {
        format!("Values of type `{ty}` differ in size, so they are passed behind a pointer: `&dyn …` or `Box<dyn …>`.")
    } else if ty == "str" {
        "A `str` has no fixed size, so it is used behind a reference, `&str`, or as a text of its own, `String`."
            .to_owned()
    } else {
        format!("{} has no fixed size, so it is used behind a reference: `&{ty}`, or as a `Vec`.", capital(&a(ty)))
    })
}

/// Whether a type, named by one word, is the language's or its library's: nobody can write a `derive` above it.
pub(super) fn is_of_std(ty: &str) -> bool {
    is_number(ty)
        || matches!(
            ty,
            "bool"
                | "char"
                | "str"
                | "String"
                | "PathBuf"
                | "Path"
                | "Instant"
                | "Duration"
                | "File"
                | "OsString"
                | "SystemTime"
        )
}

/// `the trait bound `T: Trait` is not satisfied`.
fn missing_trait(diagnostic: &Diagnostic, ty: &str, bound: &str) -> Option<String> {
    let trait_name = bound.split('<').next().unwrap_or(bound);
    if ty == "!" || ty == "()" && trait_name == "FromStr" {
        return Some(inference::untyped(diagnostic.subject()));
    }
    if is_float(ty) && matches!(trait_name, "Ord" | "Eq" | "Hash") {
        return Some(if trait_name == "Ord" {
            "Floats have no full order, because `NaN` is nowhere in it. Sort with `values.sort_by(f64::total_cmp)`; the largest is \
             `values.iter().copied().fold(f64::NEG_INFINITY, f64::max)`."
                .to_owned()
        } else {
            "Floats cannot be keys, because `NaN` is not equal to itself. Use integers, or a text made with `format!`."
                .to_owned()
        });
    }
    if let Some(bound) = restriction(diagnostic) {
        return Some(format!("Not every type can do this. Ask for one that can, in the angle brackets: `{bound}`."));
    }
    match trait_name {
        "Arguments" => {
            return Some(
                "The arguments of a task are given as a tuple, also a single one: `client.submit(f, (1,))`.".to_owned(),
            );
        }
        "Argument" => {
            let wanted = argument_of(bound, "Argument").unwrap_or("another type");
            return Some(format!(
                "The function takes `{wanted}` here, and is given {}: convert it first.",
                if is_float(ty) {
                    "a float".to_owned()
                } else if ty == "{integer}" {
                    "an integer".to_owned()
                } else {
                    a(ty)
                }
            ));
        }
        "Output" | "Outputs" => {
            return Some(format!("Only tasks are computed, and this is {}, a value that is there already.", a(ty)));
        }
        _ => {}
    }
    let derived = ["Clone", "Copy", "Debug", "Default", "Eq", "Hash", "Ord", "PartialEq", "PartialOrd"];
    let short = trait_name.rsplit("::").next().unwrap_or(trait_name);
    let name = bare(ty);
    if derived.contains(&short) && is_name(name) && !is_of_std(name) {
        let with = match short {
            "Eq" => "PartialEq, Eq",
            "Hash" => "PartialEq, Eq, Hash",
            "Ord" => "PartialEq, Eq, PartialOrd, Ord",
            "Copy" => "Clone, Copy",
            other => other,
        };
        return Some(format!(
            "This needs `{name}` to be `{short}`: write `#[derive({with})]` on the line above its definition, and run that cell \
             again."
        ));
    }
    if matches!(short, "Serialize" | "Deserialize" | "DeserializeOwned") {
        return Some(format!(
            "This needs `{name}` to be turned into bytes and back: write `#[derive(taskloom::serde::Serialize, \
             taskloom::serde::Deserialize)]` and `#[serde(crate = \"taskloom::serde\")]` above its definition."
        ));
    }
    if short == "FromStr" {
        return Some(format!(
            "A text cannot be read as {} with `.parse()`; read its parts and make one of them.",
            a(name)
        ));
    }
    if argument_of(name, "Result").is_some() {
        return Some(format!(
            "{} may have failed: it is a `Result`. A `?` behind it takes the value out, and ends the cell with the error if there \
             is one.",
            capital(&said(diagnostic.subject(), "the value"))
        ));
    }
    Some(format!(
        "{} is {}, which does not have what is asked for here, the trait `{short}`.",
        said(diagnostic.subject(), "This"),
        a(name)
    ))
    .filter(|_| {
        is_name(diagnostic.subject())
            && diagnostic.subject() != name
            && !diagnostic.line().contains(&format!(".{}(", diagnostic.subject()))
    })
}

/// `T: PartialOrd`, where rustc suggests to restrict a type parameter.
pub(super) fn restriction(diagnostic: &Diagnostic) -> Option<String> {
    let child =
        diagnostic.children.iter().find(|child| child.message.starts_with("consider restricting type parameter"))?;
    let parameter = *quoted(&child.message).first()?;
    let bound = child.suggestions.first()?.parts.first()?.1.trim_start_matches([':', ' ']).to_owned();
    Some(format!("{parameter}: {bound}"))
}
