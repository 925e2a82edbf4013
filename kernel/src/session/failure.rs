//! Why a cell did not finish, in words for the person who wrote it.

use evcxr::CompilationError;
use serde_json::Value;

use super::MemoryLimit;
use super::diagnostics::{Diagnostic, Position, UserPlace, render};
use super::events::Death;
use super::explain::{Facts, SHOWN, explain, visible};
use super::sources::{self, Sources};

const RED: &str = "\u{1b}[31m";
const BLUE: &str = "\u{1b}[34m";
const BOLD: &str = "\u{1b}[1m";
const CYAN: &str = "\u{1b}[36m";
const PLAIN: &str = "\u{1b}[0m";

/// A failure as Jupyter shows one.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The kind: `CompileError`, `Panic`, `Error`, `Interrupted`, `Died`.
    pub name: String,
    /// The message, in one line where possible.
    pub value: String,
    /// What is shown, with colours.
    pub traceback: Vec<String>,
    /// rustc's code of the first compile error.
    pub code: Option<String>,
    /// Where a panic was, as `line 3`.
    pub place: Option<String>,
}

impl Failure {
    fn new(name: &str, value: impl Into<String>, details: Vec<String>) -> Self {
        let value = value.into();
        let mut traceback = vec![format!("{RED}{BOLD}{name}{PLAIN}{BOLD}: {value}{PLAIN}")];
        traceback.extend(details);
        Failure { name: name.to_owned(), value, traceback, code: None, place: None }
    }

    /// A failure that is one sentence.
    pub fn message(message: &str) -> Self {
        Failure::new("Error", message.trim(), Vec::new())
    }

    pub(super) fn panic(message: &str, place: Option<&sources::Place>) -> Self {
        let details = place.map(quote).into_iter().collect();
        Failure { place: place.map(|place| place.name.clone()), ..Failure::new("Panic", message, details) }
    }

    /// A `?` met an error.
    pub(super) fn question_mark(message: &str) -> Self {
        Failure::new(
            "Error",
            message.trim_end(),
            vec![
                "The cell ended at a `?`. Variables from before this cell are kept; those it would have made are not."
                    .into(),
            ],
        )
    }

    /// The user stopped the cell; `death` tells of its process, if that had to be ended.
    pub(super) fn interrupted(death: Option<&Death>) -> Self {
        let detail = match death {
            None => "Variables from before this cell are kept.".to_owned(),
            Some(Death { restored: true, .. }) => {
                "The cell did not stop by itself, so its process was ended. Every variable is as it was before this cell."
                    .to_owned()
            }
            Some(death) => format!("The cell did not stop by itself, so its process was ended. {}", loss(death)),
        };
        Failure::new("Interrupted", "the cell was stopped", vec![detail])
    }

    /// The process ended under the cell.
    pub(super) fn death(death: &Death, stderr: &str) -> Self {
        let mut details = Vec::new();
        let said = stderr.trim();
        if !said.is_empty() {
            let lines: Vec<&str> = said.lines().collect();
            details.push(lines[lines.len().saturating_sub(5)..].join("\n"));
        }
        details.push(if death.restored {
            "Every variable is as it was before this cell.".to_owned()
        } else {
            loss(death)
        });
        Failure::new("Died", format!("the cell ended the process that runs your code: {}", cause(death)), details)
    }

    /// The process ended between two cells.
    pub(super) fn death_between(death: &Death) -> Self {
        let detail = if death.restored {
            "What the cell before this one did has been undone with it: run that one again, then this one.".to_owned()
        } else {
            loss(death)
        };
        Failure::new(
            "Died",
            format!(
                "since the last cell, something in the background ended the process that runs your code: {}",
                cause(death)
            ),
            vec![detail],
        )
    }

    /// Adds a line below.
    pub(super) fn with_detail(mut self, detail: &str) -> Self {
        self.traceback.push(detail.to_owned());
        self
    }

    /// rustc's messages about files that hold cells.
    pub(super) fn rejected(messages: &[Value], sources: &Sources, facts: &Facts) -> Self {
        let place = |file: &str, line: usize, column: usize| sources.user_place(file, line, column);
        Failure::diagnosed(messages.iter().filter_map(Diagnostic::parse).collect(), &place, facts)
    }

    /// evcxr's messages, which rustc did not repeat about the cell alone: they are about keeping variables.
    pub(super) fn compilation(errors: &[CompilationError], facts: &Facts) -> Self {
        let diagnostics = errors.iter().map(|error| {
            let span = error.primary_spanned_message().and_then(|part| part.span);
            let at = span.map_or(Position { line: 0, column: 0 }, |span| Position {
                line: span.start_line,
                column: span.start_column,
            });
            Diagnostic { code: error.code().map(str::to_owned), ..Diagnostic::of_message(&error.message(), at) }
        });
        Failure::diagnosed(diagnostics.collect(), &in_cell(facts), facts)
    }

    /// The parser could not read the cell.
    pub(super) fn syntax(at: usize, message: &str, facts: &Facts) -> Self {
        let before = &facts.code[..facts.code.floor_char_boundary(at)];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        Failure::diagnosed(vec![Diagnostic::of_message(message, Position { line, column })], &in_cell(facts), facts)
    }

    fn diagnosed(
        mut all: Vec<Diagnostic>,
        place: &dyn Fn(&str, usize, usize) -> Option<UserPlace>,
        facts: &Facts,
    ) -> Self {
        all.retain(|message| message.level == "error");
        let shown = visible(&all);
        let value = match shown.as_slice() {
            [] => "the cell does not compile".to_owned(),
            [only] => only.message.clone(),
            [first, rest @ ..] => {
                let plural = if rest.len() == 1 { "" } else { "s" };
                format!("{} (and {} more error{plural})", first.message, rest.len())
            }
        };
        let told = shown.iter().enumerate().map(|(at, error)| {
            let mut text = render(error, place);
            if let Some(said) = explain(error, facts).filter(|_| at < SHOWN) {
                text.push_str(&format!("\n{BLUE}     ={PLAIN} {CYAN}in a notebook{PLAIN}: {said}"));
            }
            text
        });
        let mut traceback: Vec<String> = told.collect();
        if traceback.is_empty() {
            traceback.push(value.clone());
        }
        let code = shown.first().and_then(|error| error.code.clone());
        Failure { name: "CompileError".to_owned(), value, traceback, code, place: None }
    }
}

/// Places in the cell itself.
fn in_cell(facts: &Facts) -> impl Fn(&str, usize, usize) -> Option<UserPlace> {
    |_, line, column| {
        let text = facts.code.lines().nth(line.checked_sub(1)?)?.to_owned();
        Some(UserPlace { cell: None, line, column, text })
    }
}

/// Why a variable cannot be kept from cell to cell.
pub(super) fn unnameable(variable: &str, ty: &str) -> String {
    let (kind, way_out) = if ty.starts_with("{closure") {
        let boxed = format!("let {variable}: Box<dyn Fn(i64) -> i64> = Box::new(…);");
        ("a closure", format!("Write it as a `fn`, or box it: `{boxed}`"))
    } else if ty.starts_with("{async ") || ty.contains("Future<") {
        let boxed =
            format!("let {variable}: std::pin::Pin<Box<dyn std::future::Future<Output = i64> + Send>> = Box::pin(…);");
        ("a future", format!("Wait for it in this cell with `.await`, or box it: `{boxed}`"))
    } else {
        let way_out = "Turn it into something that has one, such as `.collect::<Vec<_>>()` for an iterator";
        ("a value whose type has no name", way_out.to_owned())
    };
    format!(
        "`{variable}` is {kind}, and only types that can be written down can be kept for the next cell.\n{way_out}, or put \
         the statements that use it into a block `{{ … }}`."
    )
}

/// Why a variable without a value needs a type.
pub(super) fn deferred(variable: &str) -> String {
    format!(
        "`{variable}` is declared without a value, and to keep it for the next cell its type has to be known: give it one, \
         as in `let {variable}: i64;`, or give it its value right away"
    )
}

/// What is said of functions and types that a new definition has made unusable, each with its cell; nothing of none.
pub(super) fn left_out(items: &[(String, u32)]) -> Option<String> {
    let mut told: Vec<String> = items.iter().map(|(name, cell)| format!("`{name}` of cell [{cell}]")).collect();
    told.dedup();
    let (verb, are, them) = if told.len() == 1 { ("does", "is", "it") } else { ("do", "are", "them") };
    let names = told.pop()?;
    let names = if told.is_empty() { names } else { format!("{} and {names}", told.join(", ")) };
    Some(format!("{names} {verb} not fit to what this cell defines anew, and {are} gone until you run {them} again"))
}

fn quote(place: &sources::Place) -> String {
    format!("{BLUE}  --> {}{PLAIN}\n{BLUE}{:>4} |{PLAIN} {}", place.name, place.line, place.text)
}

/// What is left when there was no copy of the process to go back to.
fn loss(death: &Death) -> String {
    let reason = death.reason.as_deref().unwrap_or("there was none yet");
    format!(
        "A new process has been started. Functions, types and `use`s are kept; variables are gone, because the process \
         could not be copied before the cell ({reason}): run the cells that make them again."
    )
}

/// Why a process ended, in words.
fn cause(death: &Death) -> String {
    if death.why == "memory" {
        return format!("it took more memory than the limit of {}", MemoryLimit::of_bytes(death.limit));
    }
    if let Some(code) = death.code {
        return format!("it exited with code {code}");
    }
    match death.signal {
        Some(libc::SIGSEGV) => "it touched memory that is not its own (SIGSEGV)".to_owned(),
        Some(libc::SIGABRT) => "it aborted (SIGABRT)".to_owned(),
        Some(libc::SIGKILL) => "it was killed, perhaps because the machine ran out of memory (SIGKILL)".to_owned(),
        Some(libc::SIGILL) => "an illegal instruction (SIGILL)".to_owned(),
        Some(libc::SIGBUS) => "a bus error; a mapped file may have shrunk (SIGBUS)".to_owned(),
        Some(libc::SIGFPE) => "an arithmetic exception (SIGFPE)".to_owned(),
        Some(signal) => format!("signal {signal}"),
        None => "nobody knows why".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deaths_are_told_in_words() {
        let death = |signal, code, why: &str| Death {
            signal,
            code,
            why: why.to_owned(),
            limit: 2 << 30,
            running: true,
            restored: false,
            reason: Some("a thread could not be paused".to_owned()),
            process: 1,
        };
        assert_eq!(cause(&death(None, Some(3), "itself")), "it exited with code 3");
        assert!(cause(&death(Some(libc::SIGABRT), None, "itself")).contains("aborted"));
        assert!(cause(&death(Some(libc::SIGKILL), None, "memory")).contains("limit of 2 GiB"));
        assert!(
            Failure::death(&death(None, Some(3), "itself"), "").traceback[1].contains("a thread could not be paused")
        );
    }

    #[test]
    fn what_has_no_name_is_told_the_way_to_one() {
        assert!(unnameable("f", "{closure@src/lib.rs:1:9: 1:17}").contains("`f` is a closure"));
        for ty in ["{async block@src/lib.rs:1:12: 1:17}", "impl std::future::Future<Output = i64>"] {
            let said = unnameable("task", ty);
            assert!(said.contains("`task` is a future") && said.contains("`.await`"), "{said}");
        }
        assert!(unnameable("odd", "std::iter::Map<A, {closure@src/lib.rs:1:9}>").contains("collect"));
    }

    #[test]
    fn what_no_longer_fits_is_named() {
        let (area, name, side) = (("area".to_owned(), 2), ("name".to_owned(), 3), ("side".to_owned(), 2));
        assert_eq!(left_out(&[]), None);
        assert_eq!(
            left_out(&[area.clone(), area.clone()]).as_deref(),
            Some("`area` of cell [2] does not fit to what this cell defines anew, and is gone until you run it again")
        );
        assert_eq!(
            left_out(&[area, side, name]).as_deref(),
            Some(
                "`area` of cell [2], `side` of cell [2] and `name` of cell [3] do not fit to what this cell defines anew, \
                 and are gone until you run them again"
            )
        );
    }
}
