//! What rustc says about a cell, as a model that can be drawn and explained.
//!
//! [`Diagnostic::parse`] reads one message of `rustc --error-format=json`. Whatever only exists because a cell is
//! compiled inside a generated function is taken out on the way in, and types are said as a person writes them
//! (`Vec<i32>`), so that no reader of the model has to think of either. [`render()`] draws it on the user's lines.

mod canvas;
mod engine;
mod ndarray;
mod render;
mod words;

use serde_json::Value;

pub use render::{UserPlace, render};
pub use words::{for_people, is_generated};

/// One message of the compiler.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Diagnostic {
    /// `error`, `warning`, …
    pub level: String,
    /// `E0382`, or the name of a lint.
    pub code: Option<String>,
    /// What is wrong, in one line.
    pub message: String,
    /// The places it is about, as far as they are in files that hold cells.
    pub spans: Vec<Span>,
    /// Notes and helps.
    pub children: Vec<Child>,
}

/// A note or a help that belongs to a message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Child {
    /// `note` or `help`.
    pub level: String,
    /// Its words.
    pub message: String,
    /// The places it points at.
    pub spans: Vec<Span>,
    /// What could be written instead; more than one are alternatives.
    pub suggestions: Vec<Suggestion>,
}

/// Changes that together make one suggestion.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Suggestion {
    /// Each place with the text to put there.
    pub parts: Vec<(Span, String)>,
}

/// A place in a file that holds a cell, or a part of one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Span {
    /// The file as rustc names it; empty when there is none.
    pub file: String,
    /// Where it begins.
    pub start: Position,
    /// Where it ends, exclusively.
    pub end: Position,
    /// Whether the message is about this place; others are context.
    pub primary: bool,
    /// What is said about it.
    pub label: Option<String>,
    /// The source it covers, on its first line. Empty when the code is a macro's: then the place is the macro's call,
    /// which is not what the message is about.
    pub text: String,
    /// The whole first line.
    pub line: String,
}

/// A line and a column in characters, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Diagnostic {
    /// Reads one JSON message of rustc. `None` for what is not about code, such as "aborting due to 2 errors".
    pub fn parse(json: &Value) -> Option<Diagnostic> {
        let message = json["message"].as_str()?;
        let level = json["level"].as_str()?;
        let summary = ["aborting due to", "For more information about", "Some errors have", "Some errors occurred"];
        if level == "failure-note" || summary.iter().any(|start| message.starts_with(start)) {
            return None;
        }
        let mut diagnostic = Diagnostic {
            level: level.to_owned(),
            code: json["code"]["code"].as_str().map(str::to_owned),
            message: for_people(message),
            spans: spans(&json["spans"]),
            children: json["children"].as_array().into_iter().flatten().filter_map(Child::parse).collect(),
        };
        diagnostic.take_out_the_frame();
        engine::explain_arguments(&mut diagnostic);
        Some(diagnostic)
    }

    /// A message that rustc did not give: evcxr has some of its own, and a parser's errors come as text.
    pub fn of_message(message: &str, at: Position) -> Diagnostic {
        let span = Span { start: at, end: at, primary: true, ..Span::default() };
        Diagnostic {
            level: "error".to_owned(),
            message: for_people(&words::without_token_kinds(message)),
            spans: vec![span],
            ..Diagnostic::default()
        }
    }

    /// The first of the places that the message is about.
    pub fn primary(&self) -> Option<&Span> {
        self.spans.iter().find(|span| span.primary).or(self.spans.first())
    }

    /// The source at the first of the places that the message is about; empty when there is none.
    pub fn subject(&self) -> &str {
        self.primary().map_or("", |span| &span.text)
    }

    /// The line it is about; empty when there is none.
    pub fn line(&self) -> &str {
        self.primary().map_or("", |span| &span.line)
    }

    /// What is said about the first of the places that the message is about; empty when nothing is.
    pub fn label(&self) -> &str {
        self.primary().and_then(|span| span.label.as_deref()).unwrap_or_default()
    }

    /// All texts of suggested changes.
    pub fn replacements(&self) -> impl Iterator<Item = &str> {
        self.children
            .iter()
            .flat_map(|child| &child.suggestions)
            .flat_map(|suggestion| &suggestion.parts)
            .map(|(_, text)| text.as_str())
    }

    /// The compiler sees statements that follow the cell, and a function around it. The user sees neither.
    fn take_out_the_frame(&mut self) {
        let is_behind = |span: &Span| span.line.trim().trim_start_matches("; ").starts_with(words::BEHIND);
        if self.spans.iter().any(|span| is_behind(span) && !matches!(span.text.as_str(), "" | "}")) {
            for found in ["`Ok`", "`;`", "`::`"] {
                self.message = self.message.replace(&format!("found {found}"), "found the end of the cell");
            }
            self.spans.retain(|span| !is_behind(span));
        }
        // Variables of earlier cells are parameters of that function.
        let suggested =
            self.children.iter().flat_map(|child| &child.suggestions).flat_map(|suggestion| &suggestion.parts);
        if self.code.as_deref() == Some("E0384")
            && suggested.into_iter().any(|(span, _)| words::is_generated(&span.line))
        {
            let labels = self.spans.iter_mut().filter_map(|span| span.label.as_mut());
            for text in labels.chain([&mut self.message]) {
                *text = text.replace("immutable argument", "immutable variable");
            }
        }
        if self.spans.iter().any(|span| words::is_generated(&span.line)) {
            let message = self.message.replace("in a function that returns `Result`", "in a cell");
            self.message = message.replace("inside `async` function", "outside of a loop");
        }
    }
}

impl Child {
    fn parse(json: &Value) -> Option<Child> {
        let message = json["message"].as_str()?;
        // About the compiler, not about the code.
        if message.contains("similarly named trait") {
            return None;
        }
        let noise = ["this error originates in", "this warning originates in", "this compiler was built on", "`#["];
        if words::is_generated(message) || noise.iter().any(|start| message.starts_with(start)) {
            return None;
        }
        let mut all = spans(&json["spans"]);
        // "… defined here", in a library that the user cannot see.
        let points_elsewhere = all.is_empty() && json["spans"].as_array().is_some_and(|spans| !spans.is_empty());
        let lists = message.contains("types implement trait");
        let says_more = message.contains("exists on the type");
        if points_elsewhere && !says_more && (json["level"] == "note" || lists) {
            return None;
        }
        // rustc cuts such a list at eight; what is in it then is chance.
        if lists && message.ends_with("others") {
            return None;
        }
        let suggestions = suggestions(&json["spans"]);
        if !suggestions.is_empty() {
            all.clear();
        }
        Some(Child {
            level: json["level"].as_str().unwrap_or("note").to_owned(),
            message: for_people(message),
            spans: all,
            suggestions,
        })
    }
}

fn spans(json: &Value) -> Vec<Span> {
    json.as_array().into_iter().flatten().filter_map(span).collect()
}

/// The place in a file that holds a cell: of what a macro made, the place where it was called.
fn span(json: &Value) -> Option<Span> {
    let mut place = json;
    while !place["file_name"].as_str().is_some_and(is_cell) {
        place = &place["expansion"]["span"];
        if place.is_null() {
            return None;
        }
    }
    let number = |field: &str| place[field].as_u64().and_then(|number| usize::try_from(number).ok());
    let first = &place["text"][0];
    let line = first["text"].as_str().unwrap_or_default();
    let column = |field: &str| first[field].as_u64().and_then(|column| usize::try_from(column).ok()).unwrap_or(1);
    let (from, to) = (column("highlight_start").max(1), column("highlight_end").max(1));
    let text: String = line.chars().skip(from - 1).take(to.saturating_sub(from)).collect();
    let is_call = |name: &str| text.starts_with(name);
    let is_made = !std::ptr::eq(place, json) || place["expansion"]["macro_decl_name"].as_str().is_some_and(is_call);
    Some(Span {
        file: place["file_name"].as_str().unwrap_or_default().to_owned(),
        start: Position { line: number("line_start")?, column: number("column_start")? },
        end: Position { line: number("line_end")?, column: number("column_end")? },
        primary: json["is_primary"].as_bool().unwrap_or(false),
        label: json["label"].as_str().map(for_people).filter(|label| !label.is_empty()),
        text: if is_made { String::new() } else { text },
        line: line.to_owned(),
    })
}

/// Whether a file holds a cell: `cell_checked.rs` and `cell_3_items.rs` do, and evcxr's `src/lib.rs`. A library's own
/// `lib.rs` does not.
fn is_cell(file: &str) -> bool {
    let part = file.rsplit('/').next().and_then(|name| name.strip_prefix("cell_")?.strip_suffix(".rs"));
    let is_numbered = |part: &str| part.split_once('_').is_some_and(|(cell, _)| cell.parse::<u32>().is_ok());
    file == "src/lib.rs" || part.is_some_and(|part| part == "checked" || is_numbered(part))
}

/// rustc lists the parts of all alternatives in one row. Those of one suggestion are in order and do not overlap, so
/// a part that goes back begins the next.
fn suggestions(json: &Value) -> Vec<Suggestion> {
    let mut all: Vec<Suggestion> = Vec::new();
    let mut last_end = None;
    for part in json.as_array().into_iter().flatten() {
        let Some(replacement) = part["suggested_replacement"].as_str() else { continue };
        let Some(mut span) = span(part) else { continue };
        span.label = None;
        let begins = last_end.is_none_or(|(start, end)| span.start < end || span.start == start);
        last_end = Some((span.start, span.end));
        if begins {
            all.push(Suggestion::default());
        }
        if let Some(suggestion) = all.last_mut() {
            suggestion.parts.push((span, words::in_code(replacement)));
        }
    }
    all
}

#[cfg(test)]
mod tests;
