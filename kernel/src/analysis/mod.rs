//! Completion and inspection.
//!
//! ```text
//!  server ─► Analyst ─► cells (Rust, magic, file?) ─► client ═► taskloom-analyzer (rust-analyzer, std, the engine)
//!                  └──► files, names, magics
//! ```
//! Nothing here waits for the session: it gets [`Facts`], which are kept beside it, so that completion works while a
//! cell runs. The analyser is a process of its own, started by the first question and ended when there are none.

mod cells;
mod client;
mod files;
mod names;
mod protocol;
mod reply;

use std::process::Command;

use crate::installation::Installation;
use client::{Client, Launch};
use protocol::{Body, Item, Kind, Scene, Variable};

pub use protocol::Completions;

/// What is known of a session without asking it.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Imports and items of the cells that ran, as Rust.
    pub prelude: String,
    /// Name, type, and whether it is `mut`.
    pub variables: Vec<(String, String, bool)>,
    /// Names of functions and types that cells defined.
    pub items: Vec<String>,
    /// Magics with their `%`, and what they do.
    pub magics: Vec<(String, String)>,
    /// Names of exercises.
    pub exercises: Vec<String>,
}

/// What there is to say about a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Docs {
    /// For a terminal.
    pub plain: String,
    /// For a page.
    pub markdown: String,
}

/// Answers what could stand, and what stands, at a place in a cell.
pub struct Analyst {
    client: Client,
}

impl Analyst {
    /// An analyst for the cells of an installation. Nothing is started before the first question.
    ///
    /// `prepare` gives a command the environment that the kernel was started with.
    pub fn new(installation: &Installation, prepare: fn(&mut Command)) -> Self {
        let mut arguments = vec!["--rustc".into(), installation.rustc.clone().into_os_string()];
        arguments.extend(["--cargo".into(), installation.cargo.clone().into_os_string()]);
        let engine = installation.course.as_ref().map(|course| course.join("engine"));
        if let Some(engine) = engine.filter(|engine| engine.join("Cargo.toml").is_file()) {
            arguments.extend(["--engine".into(), engine.into_os_string()]);
        }
        // The installation's folder is another one after each build, so what is remembered in it does not go stale.
        arguments.extend(["--memory".into(), installation.programs.with_file_name("crates.json").into_os_string()]);
        let program = installation.programs.join(format!("taskloom-analyzer{}", std::env::consts::EXE_SUFFIX));
        Analyst { client: Client::new(Launch { program, arguments, prepare }) }
    }

    /// What could stand at a byte offset of a cell. Blocks for up to four seconds when the analyser has to be started,
    /// and has names alone if that is not enough.
    pub fn complete(&self, facts: &Facts, code: &str, offset: usize) -> Completions {
        match cells::place(code, offset) {
            cells::Place::Magic(word) => magics(facts, code, word),
            cells::Place::Exercise(word) => {
                let fits = |id: &&String| id.starts_with(&code[word.clone()]);
                let items = facts.exercises.iter().filter(fits).map(|id| plain_item(id, "exercise", "")).collect();
                Completions { replaces: word, items }
            }
            cells::Place::File { written, folders, shell } => {
                files::complete(&code[written.clone()], written.start, folders, shell)
            }
            cells::Place::Nothing => Completions { replaces: offset..offset, items: Vec::new() },
            cells::Place::Rust(rust) => {
                let mut found = match self.client.ask(Kind::Complete, scene(facts), rust.clone(), offset) {
                    Some(Body::Completions(found)) if !found.items.is_empty() => found,
                    _ => names::complete(facts, &rust, offset),
                };
                // At the very beginning a magic is as likely as anything.
                if found.replaces.is_empty() && code.trim().is_empty() {
                    found.items.extend(magics(facts, code, offset..offset).items);
                }
                found
            }
        }
    }

    /// What there is to say about the name at a byte offset of a cell; with its definition at `detail_level` 1.
    pub fn inspect(&self, facts: &Facts, code: &str, offset: usize, detail_level: u8) -> Option<Docs> {
        match cells::place(code, offset) {
            cells::Place::Magic(word) => {
                let end = code[word.start..].find(char::is_whitespace).map_or(code.len(), |at| word.start + at);
                let name = code[word.start..end].trim_end_matches('?');
                let (_, help) = facts.magics.iter().find(|(magic, _)| magic == name)?;
                Some(Docs { plain: help.clone(), markdown: format!("```text\n{help}\n```") })
            }
            cells::Place::Nothing => None,
            // In the argument of a function, its name is not what is asked for.
            cells::Place::File { .. } | cells::Place::Exercise(_) | cells::Place::Rust(_) => {
                let (rust, _) = cells::masked(code);
                match self.client.ask(Kind::Inspect, scene(facts), rust, offset) {
                    Some(Body::Description(Some(found))) => Some(reply::docs(&found, detail_level)),
                    _ => names::inspect(facts, code, offset),
                }
            }
        }
    }
}

fn scene(facts: &Facts) -> Scene {
    let variable = |(name, ty, mutable): &(String, String, bool)| Variable {
        name: name.clone(),
        ty: ty.clone(),
        mutable: *mutable,
    };
    Scene { prelude: facts.prelude.clone(), variables: facts.variables.iter().map(variable).collect() }
}

fn magics(facts: &Facts, code: &str, word: std::ops::Range<usize>) -> Completions {
    let written = &code[word.clone()];
    let fits = facts.magics.iter().filter(|(name, _)| name.starts_with(written));
    let items = fits.map(|(name, help)| plain_item(name, "magic", help.lines().next().unwrap_or_default())).collect();
    Completions { replaces: word, items }
}

fn plain_item(name: &str, kind: &str, detail: &str) -> Item {
    Item { label: name.to_owned(), insert: name.to_owned(), kind: kind.to_owned(), detail: detail.to_owned() }
}
