//! How the session is set: `%config`, `%opt`, `%env`.

use std::time::Duration;

use serde_json::json;

use super::arguments::{Call, Options};
use super::context::Context;
use super::{Magic, Magics, usage, variables};
use crate::session::{Failure, MemoryLimit, Session, UNDO_STEPS};

pub(super) const MAGICS: [Magic; 3] = [
    Magic {
        name: "%config",
        usage: "%config [NAME [= VALUE]]",
        summary: "Lists the settings, shows one, or changes one.",
        details: "A change holds until the kernel is restarted.",
        example: "%config time_limit = 600",
        run: Magics::config,
    },
    Magic {
        name: "%opt",
        usage: "%opt [auto|0|1|2|3]",
        summary: "Shows or chooses how much the compiler optimises cells.",
        details: "0 compiles soonest and runs slowest, 3 the other way round; `auto` lets the kernel choose for each cell. The \
                  engine, Polars and other crates are optimised whatever is chosen. The same as `%config opt`.",
        example: "%opt auto",
        run: Magics::opt,
    },
    Magic {
        name: "%env",
        usage: "%env [NAME | NAME=VALUE | NAME VALUE | -u NAME]",
        summary: "Lists the variables of the environment, shows one, or sets one.",
        details: "The list leaves out the values of names that sound secret. What is set holds for your code and for shell \
                  commands; -u takes a variable away. What your code itself sets is not seen here.",
        example: "%env TASKLOOM_EXAMPLE=1",
        run: Magics::env,
    },
];

/// A row of `%config`.
struct Setting {
    name: &'static str,
    /// What it does.
    doc: &'static str,
    values: Values,
}

/// What a setting may be, and is when nothing has been said.
enum Values {
    /// The first is the default.
    OneOf(&'static [&'static str]),
    /// `off`, the default, or a whole number that is not 0, of a unit.
    Limit(&'static str),
    /// `off`, the default, or an amount.
    Memory,
    /// A whole number, and the default.
    Count(usize),
}

const SETTINGS: [Setting; 6] = [
    Setting { name: "progress", doc: "whether long computations show a bar", values: Values::OneOf(&["on", "off"]) },
    Setting {
        name: "opt",
        doc: "how much the compiler optimises cells",
        values: Values::OneOf(&["auto", "0", "1", "2", "3"]),
    },
    Setting { name: "time_limit", doc: "seconds after which a cell is stopped", values: Values::Limit("seconds") },
    Setting { name: "memory_limit", doc: "memory that your code may use", values: Values::Memory },
    Setting {
        name: "overflow_checks",
        doc: "where arithmetic that overflows an integer panics, as in a debug build: auto, in plain statements, but not in \
              functions, loops over numbers and iterators, which run as in a release build; on; off",
        values: Values::OneOf(&["auto", "on", "off"]),
    },
    Setting { name: "undo", doc: "cells that %undo can go back", values: Values::Count(UNDO_STEPS) },
];

impl Setting {
    fn find(name: &str) -> Result<&'static Setting, String> {
        SETTINGS.iter().find(|setting| setting.name == name).ok_or_else(|| {
            let names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
            let nearest = super::help::nearest(name, names.iter().copied());
            let meant = nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
            format!("there is no setting `{name}`{meant} There are {}", names.join(", "))
        })
    }

    fn value(&self, session: &Session) -> String {
        session.config_get(self.name).map_or_else(|| self.default(), str::to_owned)
    }

    fn default(&self) -> String {
        match self.values {
            Values::OneOf(values) => values.first().copied().unwrap_or_default().to_owned(),
            Values::Limit(_) | Values::Memory => "off".to_owned(),
            Values::Count(default) => default.to_string(),
        }
    }

    /// What may stand behind the `=`, in words.
    fn possible(&self) -> String {
        match self.values {
            Values::OneOf(values) => values.join(", "),
            Values::Limit(unit) => format!("off, or a number of {unit}"),
            Values::Memory => "off, or an amount such as 500MiB or 2GiB; a number alone is MiB".to_owned(),
            Values::Count(_) => "a whole number".to_owned(),
        }
    }

    /// The value as it is kept, if it is one that the setting can have.
    fn parse(&self, text: &str) -> Result<String, String> {
        let text = text.trim_matches(['"', '\'']);
        let lower = text.to_ascii_lowercase();
        let on_off = |text: &str| match text {
            "true" | "yes" => "on".to_owned(),
            "false" | "no" | "none" => "off".to_owned(),
            text => text.to_owned(),
        };
        let value = on_off(&lower);
        let kept = match self.values {
            Values::OneOf(values) => values.contains(&value.as_str()).then_some(value),
            Values::Limit(_) => {
                (value == "off" || value.parse::<u32>().is_ok_and(|number| number > 0)).then_some(value)
            }
            Values::Memory => value.parse::<MemoryLimit>().ok().map(|limit| limit.to_string()),
            Values::Count(_) => value.parse::<u32>().is_ok().then_some(value),
        };
        kept.ok_or_else(|| format!("`{}` cannot be `{text}`; it can be {}", self.name, self.possible()))
    }
}

/// How long a cell may run.
pub fn time_limit(session: &Session) -> Option<Duration> {
    session.config_get("time_limit")?.parse().ok().map(Duration::from_secs)
}

/// What a magic does that is about one setting: shows it when nothing stands behind the name, and sets it otherwise.
pub fn show_or_set(context: &mut Context, call: &Call, name: &str) -> Result<(), Failure> {
    let setting = Setting::find(name).map_err(|message| Failure::message(&message))?;
    if !call.arguments.is_empty() {
        let value = setting.parse(&call.arguments).map_err(|message| usage(call, &message))?;
        context.session.config_set(name, &value)?;
    }
    context.print(&format!("{name} = {}", setting.value(context.session)));
    Ok(())
}

impl Magics {
    fn config(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        if call.arguments.is_empty() {
            let head = ["Setting", "Value", "What it is", "Can be"].map(str::to_owned);
            let rows: Vec<[String; 4]> = SETTINGS
                .iter()
                .map(|setting| {
                    let value = setting.value(context.session);
                    [setting.name.to_owned(), value, setting.doc.to_owned(), setting.possible()]
                })
                .collect();
            context.display([
                ("text/plain", json!(variables::in_columns(&head, &rows))),
                ("text/html", variables::html(&head, &rows)),
            ]);
            return Ok(());
        }
        let (name, value) = match call.arguments.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => match call.arguments.split_once(char::is_whitespace) {
                Some((name, value)) => (name, Some(value.trim())),
                None => (call.arguments.as_str(), None),
            },
        };
        let setting = Setting::find(name).map_err(|message| Failure::message(&message))?;
        if let Some(value) = value {
            let value = setting.parse(value).map_err(|message| usage(call, &message))?;
            context.session.config_set(name, &value)?;
        }
        context.print(&format!("{name} = {}", setting.value(context.session)));
        Ok(())
    }

    fn opt(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        show_or_set(context, call, "opt")
    }

    fn env(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let options = Options::parse(&call.arguments, "u:").map_err(|message| usage(call, &message))?;
        if let Some(name) = options.value('u') {
            context.session.set_environment(name, None)?;
            context.print(&format!("{name} is no longer set"));
            return Ok(());
        }
        if options.rest.is_empty() {
            let environment = context.session.environment();
            let line = |(name, value): (&std::ffi::OsString, &std::ffi::OsString)| {
                let name = name.to_string_lossy();
                let value = if sounds_secret(&name) { "<hidden>".into() } else { value.to_string_lossy() };
                format!("{name}={value}")
            };
            context.print(&environment.iter().map(line).collect::<Vec<_>>().join("\n"));
            return Ok(());
        }
        match name_and_value(options.rest) {
            (name, None) => {
                let environment = context.session.environment();
                match environment.get(std::ffi::OsStr::new(name)) {
                    Some(value) => context.print(&value.to_string_lossy()),
                    None => return Err(Failure::message(&format!("the environment has no variable `{name}`"))),
                }
            }
            (name, Some(value)) => {
                if name.is_empty() {
                    return Err(usage(call, "a variable of the environment needs a name"));
                }
                context.session.set_environment(name, Some(value))?;
                context.print(&format!("{name}={value}"));
            }
        }
        Ok(())
    }
}

/// `NAME=value`, `NAME = value` or `NAME value`; what is in quotes is the text between them.
fn name_and_value(text: &str) -> (&str, Option<&str>) {
    let Some(end) = text.find(|c: char| c == '=' || c.is_whitespace()) else { return (text, None) };
    let rest = text[end..].trim();
    let value = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    let unquoted = ['"', '\''].iter().find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote));
    (&text[..end], Some(unquoted.unwrap_or(value)))
}

fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["key", "token", "secret", "password", "passwd"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_take_what_they_can_be() {
        let setting = |name: &str| Setting::find(name).expect("it is there");
        assert_eq!(setting("progress").parse("off"), Ok("off".into()));
        assert_eq!(setting("progress").parse("False"), Ok("off".into()));
        assert_eq!(setting("time_limit").parse("10"), Ok("10".into()));
        assert_eq!(setting("undo").parse("0"), Ok("0".into()));
        let error = setting("opt").parse("fast").unwrap_err();
        assert!(error.contains("`fast`") && error.contains("auto, 0, 1, 2, 3"), "{error}");
        assert!(setting("memory_limit").parse("0").is_err());
        assert_eq!(setting("memory_limit").parse("4000"), Ok("4000 MiB".into()));
        assert_eq!(setting("memory_limit").parse("2048MiB"), Ok("2 GiB".into()));
        assert_eq!(setting("memory_limit").parse("none"), Ok("off".into()));
        assert!(Setting::find("progres").err().expect("none").contains("did you mean `progress`?"));
        for setting in &SETTINGS {
            assert_eq!(setting.parse(&setting.default()), Ok(setting.default()), "{}", setting.name);
        }
    }

    #[test]
    fn environment_variables_are_written_in_several_ways() {
        assert_eq!(name_and_value("A=b c"), ("A", Some("b c")));
        assert_eq!(name_and_value("A b=c"), ("A", Some("b=c")));
        assert_eq!(name_and_value("A b"), ("A", Some("b")));
        assert_eq!(name_and_value("A = \"b=c\""), ("A", Some("b=c")));
        assert_eq!(name_and_value("A="), ("A", Some("")));
        assert_eq!(name_and_value("A"), ("A", None));
        assert!(sounds_secret("AWS_SECRET_ACCESS") && sounds_secret("MY_TOKEN") && !sounds_secret("PATH"));
    }
}
