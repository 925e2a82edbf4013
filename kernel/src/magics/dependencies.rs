//! Crates from outside: `%dep`, `%deps`.

use std::cell::Cell;
use std::path::Path;
use std::time::Instant;

use serde_json::json;

use super::arguments::{Call, path, words};
use super::context::Context;
use super::dependency_words::explain;
use super::timing::duration;
use super::{Magic, Magics, usage};
use crate::session::{Dependency, DependencyError, Event, Failure};

pub(super) const MAGICS: [Magic; 2] = [
    Magic {
        name: "%dep",
        usage: "%dep NAME[@VERSION] [-F FEATURES] [--no-default-features] | NAME = VALUE | PATH",
        summary: "Adds a crate, from the registry or from a folder, so that cells can use it.",
        details: "The value behind `=` is what stands in a Cargo.toml: `\"1.2\"`, or `{ version = \"1\", features = [\"x\"] }`. \
                  Otherwise it is as with `cargo add`: --git URL (with --branch, --tag or --rev) and --path FOLDER are known \
                  too, and a word with a slash is a folder. A crate is compiled once on this machine; the next session has it \
                  at once. Polars, ndarray, rayon, serde and serde_json come with the engine, as `taskloom::polars` and so on.",
        example: "%dep itoa = \"1\"",
        run: Magics::add_dependencies,
    },
    Magic {
        name: "%deps",
        usage: "%deps",
        summary: "Lists the crates that have been added, with their versions.",
        details: "",
        example: "%deps",
        run: Magics::list_dependencies,
    },
];

/// Crates that the engine has, and cells by way of it.
const OF_ENGINE: [&str; 5] = ["ndarray", "polars", "rayon", "serde", "serde_json"];

impl Magics {
    fn add_dependencies(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let here = context.session.current_directory();
        let mut added = Vec::new();
        for line in call.arguments.lines() {
            added.extend(parse(line, &here).map_err(|message| usage(call, &message))?);
        }
        let names: Vec<&str> = added.iter().map(|dependency| dependency.name.as_str()).collect();
        let names = names.join(", ");
        if added.is_empty() {
            return Err(usage(call, "%dep needs the name of a crate"));
        }
        for known in added.iter().filter(|added| OF_ENGINE.contains(&added.name.replace('-', "_").as_str())) {
            context.stream(
                "stderr",
                &format!(
                    "The engine has {0} already, as taskloom::{0}; what is added here is another, whose types are not the \
                     engine's.\n",
                    known.name
                ),
            );
        }
        self.displays += 1;
        // Of one session: a notebook may still show displays of the one before.
        let id = format!("taskloom-dep-{}-{}", uuid::Uuid::new_v4(), self.displays);
        let began = Instant::now();
        let (screen, shown) = (context.show, Cell::new(false));
        let show = |text: String| {
            let data = [("text/plain".to_owned(), json!(text))].into_iter().collect();
            screen(Event::Display { data, display_id: Some(id.clone()), update: shown.replace(true) });
        };
        let progress = |text: &str| show(format!("{text} … {} s", began.elapsed().as_secs()));
        let session = &mut *context.session;
        let result = session.add_dependencies(&added, &progress);
        match result {
            Ok(()) => {
                let known = session.dependencies();
                let version = |name: &str| known.iter().find(|known| known.name == name)?.version.clone();
                let added: Vec<String> = added
                    .iter()
                    .map(|added| match version(&added.name) {
                        Some(version) => format!("{} {version}", added.name),
                        None => added.name.clone(),
                    })
                    .collect();
                show(format!("added {} ({})", added.join(", "), duration(began.elapsed())));
                Ok(())
            }
            Err(error) => {
                show(format!("{names} could not be added"));
                Err(match error {
                    DependencyError::Failure(failure) => failure,
                    DependencyError::Cargo(said) => Failure::message(&explain(&said, &added)),
                })
            }
        }
    }

    fn list_dependencies(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        if !call.arguments.is_empty() {
            return Err(usage(call, "%deps lists crates; %dep adds one"));
        }
        let known = context.session.dependencies();
        if known.is_empty() {
            context.print("No crates have been added. The standard library and the engine need not be.");
            return Ok(());
        }
        let lines: Vec<String> = known
            .iter()
            .map(|known| {
                let version = known.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
                format!("{}{version}   ({} = {})", known.name, known.name, known.requirement)
            })
            .collect();
        context.print(&lines.join("\n"));
        Ok(())
    }
}

/// Reads one line of `%dep`.
fn parse(line: &str, here: &Path) -> Result<Vec<Dependency>, String> {
    let line = line.trim();
    let dependency = |name: &str, requirement: String| Dependency { name: name.to_owned(), requirement, version: None };
    if let Some((name, value)) = line.split_once('=')
        && !line.starts_with(['.', '/', '~'])
        && is_name(name.trim())
    {
        let (name, value) = (name.trim(), value.trim());
        let is_value = (value.starts_with('"') && value.ends_with('"') && value.len() > 1)
            || (value.starts_with('{') && value.ends_with('}'));
        if !is_value {
            return Err(format!("`{value}` has to be in quotes, as in `{name} = \"1\"`, or a table in braces"));
        }
        return Ok(vec![dependency(name, in_full(value, here))]);
    }
    let mut specs = Vec::new();
    let mut table: Vec<(String, String)> = Vec::new();
    let mut features = Vec::new();
    let mut words = words(line)?.into_iter();
    while let Some(word) = words.next() {
        let (flag, attached) = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag.to_owned(), Some(value.to_owned())),
            _ => (word, None),
        };
        let mut value = || attached.clone().or_else(|| words.next()).ok_or(format!("{flag} needs a value behind it"));
        match flag.as_str() {
            "-F" | "--features" => {
                let value = value()?;
                features.extend(value.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned));
            }
            "--no-default-features" => table.push(("default-features".to_owned(), "false".to_owned())),
            "--git" | "--branch" | "--tag" | "--rev" => {
                table.push((flag.trim_start_matches('-').to_owned(), quoted(&value()?)));
            }
            "--path" => table.push(("path".to_owned(), quoted(&folder(&value()?, here)))),
            other if other.starts_with('-') => {
                return Err(format!("there is no option {other}"));
            }
            _ => specs.push(flag),
        }
    }
    if !features.is_empty() {
        let list: Vec<String> = features.iter().map(|feature| quoted(feature)).collect();
        table.push(("features".to_owned(), format!("[{}]", list.join(", "))));
    }
    if specs.len() > 1 && !table.is_empty() {
        return Err("options go with one crate; add the others in lines of their own".to_owned());
    }
    specs.iter().map(|spec| from_spec(spec, &table, here)).collect()
}

fn from_spec(spec: &str, table: &[(String, String)], here: &Path) -> Result<Dependency, String> {
    let mut table = table.to_vec();
    let name = if spec.contains('/') || spec.starts_with(['.', '~']) {
        let folder = folder(spec, here);
        table.insert(0, ("path".to_owned(), quoted(&folder)));
        name_of_crate(Path::new(&folder))?
    } else {
        let (name, version) = spec.split_once('@').unwrap_or((spec, ""));
        if !is_name(name) {
            return Err(format!("`{name}` is not the name of a crate"));
        }
        let has_source = table.iter().any(|(key, _)| key == "git" || key == "path");
        if !version.is_empty() {
            table.insert(0, ("version".to_owned(), quoted(version)));
        } else if !has_source {
            table.insert(0, ("version".to_owned(), quoted("*")));
        }
        name.to_owned()
    };
    let requirement = match table.as_slice() {
        [(key, value)] if key == "version" => value.clone(),
        table => {
            let pairs: Vec<String> = table.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    };
    Ok(Dependency { name, requirement, version: None })
}

/// The value with its `path` in full, since cargo would look for it from a folder of its own.
fn in_full(value: &str, here: &Path) -> String {
    let Some(at) = value.find("path") else { return value.to_owned() };
    let after = value[at + 4..].trim_start();
    let Some(rest) = after.strip_prefix('=').map(str::trim_start).and_then(|rest| rest.strip_prefix('"')) else {
        return value.to_owned();
    };
    let Some(end) = rest.find('"') else { return value.to_owned() };
    let start = value.len() - rest.len();
    format!("{}{}{}", &value[..start - 1], quoted(&folder(&rest[..end], here)), &rest[end + 1..])
}

fn folder(text: &str, here: &Path) -> String {
    let folder = here.join(path(text));
    folder.canonicalize().unwrap_or(folder).display().to_string()
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// What the crate in a folder is called.
fn name_of_crate(folder: &Path) -> Result<String, String> {
    let manifest = folder.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest)
        .map_err(|_| format!("there is no crate in {}: it has no Cargo.toml that can be read", folder.display()))?;
    let package = text.lines().map(str::trim).skip_while(|line| *line != "[package]").skip(1);
    let name = package
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| key.trim() == "name")
        .map(|(_, value)| value.split('#').next().unwrap_or_default().trim().trim_matches(['"', '\'']).to_owned());
    name.filter(|name| is_name(name))
        .ok_or_else(|| format!("{} does not say what its crate is called", manifest.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Vec<(String, String)> {
        let found = parse(line, Path::new("/nowhere")).unwrap();
        found.into_iter().map(|dependency| (dependency.name, dependency.requirement)).collect()
    }

    fn one(name: &str, requirement: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), requirement.to_owned())]
    }

    #[test]
    fn crates_are_named_in_several_ways() {
        assert_eq!(parsed("rand"), one("rand", "\"*\""));
        assert_eq!(parsed("serde_json = \"1\""), one("serde_json", "\"1\""));
        assert_eq!(
            parsed("a = { version = \"1\", path = \"b/c\" }"),
            one("a", "{ version = \"1\", path = \"/nowhere/b/c\" }")
        );
        assert_eq!(
            parsed("rand@0.9 -F small_rng,std"),
            one("rand", "{ version = \"0.9\", features = [\"small_rng\", \"std\"] }")
        );
        assert_eq!(
            parsed("a --no-default-features --features=x"),
            one("a", "{ version = \"*\", default-features = false, features = [\"x\"] }")
        );
        assert_eq!(parsed("a --git https://x/y --tag v1"), one("a", "{ git = \"https://x/y\", tag = \"v1\" }"));
        assert_eq!(parsed("a b@2").len(), 2);
    }

    #[test]
    fn a_folder_says_what_its_crate_is_called() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("c")).unwrap();
        std::fs::write(
            folder.path().join("c/Cargo.toml"),
            "[package]\nname = \"my-crate\" # said\n[lib]\nname = \"x\"\n",
        )
        .unwrap();
        let found = parse("./c", folder.path()).unwrap();
        assert_eq!(found[0].name, "my-crate");
        assert!(found[0].requirement.starts_with("{ path = \"/") && found[0].requirement.ends_with("/c\" }"));
        assert!(parse("./d", folder.path()).unwrap_err().contains("no Cargo.toml"));
    }

    #[test]
    fn mistakes_are_told() {
        let error = |line: &str| parse(line, Path::new("/")).unwrap_err();
        assert!(error("serde = 1").contains("`serde = \"1\"`"));
        assert!(error("rand -F").contains("-F needs a value"));
        assert!(error("rand --frozen").contains("--frozen"));
        assert!(error("a b -F x").contains("one crate"));
        assert!(error("1a").contains("`1a`"));
    }
}
