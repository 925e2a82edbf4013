//! What the kernel and the analyser say to each other: one JSON value a line. Both programs compile this file.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// What the kernel asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Comes back with the answer.
    pub id: u64,
    /// What is wanted.
    pub kind: Kind,
    /// What the code can see.
    pub scene: Scene,
    /// A cell, perhaps unfinished; Rust only.
    pub code: String,
    /// The cursor, in bytes of the code.
    pub offset: usize,
}

/// What can be asked of a place in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// What could stand there.
    Complete,
    /// What stands there.
    Inspect,
}

/// What a cell can see of the session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    /// The `use`s and items of earlier cells.
    pub prelude: String,
    /// The variables.
    pub variables: Vec<Variable>,
}

/// A variable of the session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its type, as it can be written in code.
    #[serde(rename = "type")]
    pub ty: String,
    /// Whether it is `mut`.
    #[serde(rename = "mut")]
    pub mutable: bool,
}

/// What the analyser answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The question's.
    pub id: u64,
    /// The answer itself.
    #[serde(flatten)]
    pub body: Body,
}

/// The kinds of answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// To [`Kind::Complete`].
    Completions(Completions),
    /// To [`Kind::Inspect`].
    Description(Option<Description>),
    /// There is no answer, because a newer question came or for the reason said.
    Failed(String),
}

/// What could stand at a place, the likeliest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Completions {
    /// The bytes of the code that a completion takes the place of.
    pub replaces: Range<usize>,
    /// The candidates.
    pub items: Vec<Item>,
}

/// One candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// What a person sees.
    pub label: String,
    /// What goes into the code.
    pub insert: String,
    /// `function`, `class`, `module`, …: words that Jupyter's front ends have pictures for.
    pub kind: String,
    /// The parameters of a function, the type of a variable; empty where there is nothing to say.
    pub detail: String,
}

/// What there is to say about a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Its declaration, in Rust, with its path in a line of its own above it where it has one.
    pub signature: String,
    /// Its documentation in Markdown, or nothing.
    pub markdown: String,
    /// The same without marks.
    pub plain: String,
    /// Its definition.
    pub source: Option<String>,
}
