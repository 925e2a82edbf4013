//! What there is in the session: `%who`, `%whos`, `%type`, `%reset`, `%undo`.

use serde_json::{Value, json};

use super::arguments::{Call, Options, words};
use super::context::Context;
use super::{Magic, Magics, usage};
use crate::html::escape;
use crate::session::Failure;

pub(super) const MAGICS: [Magic; 5] = [
    Magic {
        name: "%who",
        usage: "%who [TYPE …]",
        summary: "Lists the names of the session's variables.",
        details: "With types, only variables of one of them: `%who Vec`, `%who Vec<i64>`, `%who i64 String`.",
        example: "%who Vec",
        run: Magics::who,
    },
    Magic {
        name: "%whos",
        usage: "%whos [TYPE …]",
        summary: "Lists the session's variables with their types, sizes and values.",
        details: "The size is what a value takes in memory with what it owns, as far as that is known; the value is the \
                  beginning of its Debug form. With types, only variables of one of them, as %who.",
        example: "%whos",
        run: Magics::whos,
    },
    Magic {
        name: "%type",
        usage: "%type EXPRESSION",
        summary: "Says what type an expression has, without running it.",
        details: "Paths are shortened to their last part; where that leaves something out, the whole type follows.",
        example: "%type \"1 2\".split(' ').map(str::len).collect::<Vec<_>>()",
        run: Magics::show_type,
    },
    Magic {
        name: "%reset",
        usage: "%reset [-f]",
        summary: "Forgets all variables, functions, types and `use`s.",
        details: "Crates and settings stay. Without -f it only says what would be forgotten. One variable alone goes with \
                  `drop(name);`.",
        example: "%reset -f",
        run: Magics::reset,
    },
    Magic {
        name: "%undo",
        usage: "%undo",
        summary: "Takes back what the last cell did to the variables.",
        details: "Each cell leaves a snapshot of how things were before it, as far as `%config undo` allows; %undo goes back \
                  to the newest one, and again to the one before. What cells did outside, to files and so on, stays.",
        example: "%undo",
        run: Magics::undo,
    },
];

/// What the engine calls the rows of `%whos`.
const VARIABLES: &str = "application/vnd.taskloom.variables+json";

impl Magics {
    fn who(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let variables = chosen(context, call)?;
        let names: Vec<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
        context.print(&if names.is_empty() { nothing(call) } else { names.join("\t") });
        Ok(())
    }

    fn whos(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let variables = chosen(context, call)?;
        if variables.is_empty() {
            context.print(&nothing(call));
            return Ok(());
        }
        let rows: Vec<String> = variables.iter().map(|(name, _)| format!("::taskloom::__variable!({name})")).collect();
        let capture = context.session.capture(VARIABLES);
        let result = context.execute(&format!("taskloom::cell::variables::publish(vec![{}]);", rows.join(", ")));
        let looked = capture.take();
        if let Err(failure) = result
            && failure.name == "Interrupted"
        {
            return Err(failure);
        }
        // Where a value cannot be looked at, because its Debug panics for instance, its type is still known.
        let looked = looked.into_iter().next().unwrap_or_default();
        let row = |name: &str| looked.as_array().into_iter().flatten().find(|row| row["name"] == name);
        let table: Vec<[String; 4]> = variables
            .iter()
            .map(|(name, ty)| {
                let row = row(name);
                let bytes = row.and_then(|row| row["bytes"].as_u64()).map(bytes).unwrap_or_default();
                let value = row.and_then(|row| row["preview"].as_str()).unwrap_or_default();
                [name.clone(), short(ty), bytes, value.to_owned()]
            })
            .collect();
        let head = ["Variable", "Type", "Size", "Value"].map(str::to_owned);
        context.display([("text/plain", json!(in_columns(&head, &table))), ("text/html", html(&head, &table))]);
        Ok(())
    }

    fn show_type(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        if call.arguments.is_empty() {
            return Err(usage(call, "%type needs an expression"));
        }
        let known = context.session.variables().into_iter().find(|(name, _)| *name == call.arguments);
        let ty = match known {
            Some((_, ty)) => ty,
            None => context.session.type_of(&call.in_place(&call.arguments), context.number)?,
        };
        let short = short(&ty);
        context.print(&if short == ty { ty } else { format!("{short}\nin full: {ty}") });
        Ok(())
    }

    fn reset(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let options = Options::parse(&call.arguments, "f").map_err(|message| usage(call, &message))?;
        if !options.rest.is_empty() {
            return Err(usage(
                call,
                &format!("%reset forgets everything, and takes no name such as `{}`", options.rest),
            ));
        }
        if options.has('f') {
            return context.session.reset();
        }
        let mut names: Vec<String> = context.session.variables().into_iter().map(|(name, _)| name).collect();
        names.extend(context.session.items());
        context.print(&match names.is_empty() {
            true => "There is nothing to forget.".to_owned(),
            false => format!("`%reset -f` will forget {}.", names.join(", ")),
        });
        Ok(())
    }

    fn undo(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        if !call.arguments.is_empty() {
            return Err(usage(call, "%undo goes back one cell, and takes nothing behind it"));
        }
        let said = context.session.undo()?;
        context.print(&said);
        Ok(())
    }
}

fn chosen(context: &Context, call: &Call) -> Result<Vec<(String, String)>, Failure> {
    let types = match call.arguments.contains('<') {
        // `Vec<(i64, f64)>` has spaces, and is one.
        true => vec![call.arguments.clone()],
        false => words(&call.arguments).map_err(|message| usage(call, &message))?,
    };
    let mut variables = context.session.variables();
    variables.retain(|(_, ty)| types.is_empty() || types.iter().any(|wanted| is_of(ty, wanted)));
    Ok(variables)
}

fn nothing(call: &Call) -> String {
    match call.arguments.as_str() {
        "" => "There are no variables yet.".to_owned(),
        wanted => format!("There are no variables of type {wanted}."),
    }
}

/// Whether a type is the one that a person wrote, or what stands in front of its `<`.
fn is_of(ty: &str, wanted: &str) -> bool {
    let (ty, wanted) = (short(ty), short(wanted));
    let kind = ty.trim_start_matches('&');
    ty == wanted || kind.split('<').next() == Some(&wanted)
}

/// A type with the last parts of its paths.
pub fn short(ty: &str) -> String {
    let mut short = String::new();
    let mut word = String::new();
    let mut characters = ty.chars().peekable();
    while let Some(c) = characters.next() {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
        } else if c == ':' && characters.peek() == Some(&':') {
            characters.next();
            word.clear();
        } else {
            short.push_str(&std::mem::take(&mut word));
            short.push(c);
        }
    }
    short + &word
}

fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A table as text: columns as wide as what is in them.
pub fn in_columns<const N: usize>(head: &[String; N], rows: &[[String; N]]) -> String {
    let width =
        |column: usize| std::iter::once(head).chain(rows).map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths);
        let padded: Vec<String> =
            cells.map(|(text, width)| format!("{text}{}", " ".repeat(width - text.chars().count()))).collect();
        padded.join("   ").trim_end().to_owned()
    };
    let rule = "-".repeat(widths.iter().sum::<usize>() + 3 * (N - 1));
    let body = rows.iter().map(line);
    [line(head), rule].into_iter().chain(body).collect::<Vec<_>>().join("\n")
}

/// A table as HTML.
pub fn html<const N: usize>(head: &[String; N], rows: &[[String; N]]) -> Value {
    let cells = |tag: &str, row: &[String; N]| -> String {
        row.iter().map(|text| format!("<{tag} style=\"text-align:left\">{}</{tag}>", escape(text))).collect()
    };
    let rows: String = rows.iter().map(|row| format!("<tr>{}</tr>", cells("td", row))).collect();
    json!(format!("<table><thead><tr>{}</tr></thead><tbody>{rows}</tbody></table>", cells("th", head)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_shortened_and_compared() {
        assert_eq!(short("std::vec::Vec<std::option::Option<i64>>"), "Vec<Option<i64>>");
        assert_eq!(short("std::boxed::Box<dyn std::ops::Fn(i64) -> i64>"), "Box<dyn Fn(i64) -> i64>");
        assert!(is_of("std::vec::Vec<i64>", "Vec"));
        assert!(is_of("std::vec::Vec<i64>", "Vec<i64>"));
        assert!(is_of("&'static str", "&'static str"));
        assert!(!is_of("std::vec::Vec<i64>", "i64"));
    }

    #[test]
    fn tables_are_as_wide_as_what_is_in_them() {
        let row = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        let text = in_columns(&row("Name", "Value"), &[row("é", "1"), row("longer", "")]);
        assert_eq!(text, "Name     Value\n--------------\né        1\nlonger");
        assert_eq!((bytes(1000), bytes(1536), bytes(5 << 30)), ("1000 B".into(), "1.5 KiB".into(), "5.0 GiB".into()));
    }
}
