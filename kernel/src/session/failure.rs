//! Why a cell did not finish, in words for the person who wrote it.

use evcxr::CompilationError;

use super::sources::{Place, Sources};

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

    pub(super) fn panic(message: &str, place: Option<&Place>) -> Self {
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

    /// The parser could not read the cell.
    pub(super) fn syntax(code: &str, at: usize, message: &str) -> Self {
        let before = &code[..code.floor_char_boundary(at)];
        let (line, column) =
            (before.matches('\n').count() + 1, before.chars().rev().take_while(|&c| c != '\n').count() + 1);
        let text = code.lines().nth(line - 1).unwrap_or_default();
        let shown = format!(
            "{RED}{BOLD}error{PLAIN}{BOLD}: {message}{PLAIN}\n{BLUE}  --> line {line}, column {column}{PLAIN}\n\
             {BLUE}{line:>4} |{PLAIN} {text}\n{BLUE}     |{PLAIN} {}{RED}^{PLAIN}",
            " ".repeat(column - 1)
        );
        Failure {
            name: "CompileError".to_owned(),
            value: message.to_owned(),
            traceback: vec![shown],
            code: None,
            place: None,
        }
    }

    pub(super) fn interrupted(lost: bool) -> Self {
        let detail = if lost {
            "The cell did not stop by itself, so its process was ended and a new one started. Functions, types and `use`s \
             are kept; variables are gone: run the cells that make them again."
        } else {
            "Variables from before this cell are kept."
        };
        Failure::new("Interrupted", "the cell was stopped", vec![detail.to_owned()])
    }

    pub(super) fn died(message: &str, stderr: &str) -> Self {
        let what = describe_exit(message);
        let mut details = Vec::new();
        let said = stderr.trim();
        if !said.is_empty() {
            details
                .push(said.lines().rev().take(5).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        details.push(
            "A new process has been started. Functions, types and `use`s are kept; variables are gone: run the cells that \
             make them again."
                .to_owned(),
        );
        Failure::new("Died", format!("the cell ended the process that runs your code ({what})"), details)
    }

    pub(super) fn compilation(errors: &[CompilationError], sources: &Sources) -> Self {
        let all: Vec<&CompilationError> = errors.iter().collect();
        let mut errors: Vec<&CompilationError> = all.iter().copied().filter(|error| error.level() == "error").collect();
        if errors.is_empty() {
            errors = all;
        }
        let mut traceback = Vec::new();
        for error in &errors {
            traceback.push(explain(error, sources));
        }
        let first = errors.first();
        let value = match errors.as_slice() {
            [] => "the cell does not compile".to_owned(),
            [only] => only.message(),
            [first, rest @ ..] => {
                let plural = if rest.len() == 1 { "" } else { "s" };
                format!("{} (and {} more error{plural})", first.message(), rest.len())
            }
        };
        if traceback.is_empty() {
            traceback.push(value.clone());
        }
        Failure {
            name: "CompileError".to_owned(),
            value,
            traceback,
            code: first.and_then(|error| error.code().map(str::to_owned)),
            place: None,
        }
    }
}

/// Why a variable cannot be kept from cell to cell.
pub(super) fn unnameable(variable: &str, ty: &str) -> String {
    let kind = if ty.starts_with("{closure") { "a closure" } else { "a value whose type has no name" };
    let way_out = if ty.starts_with("{closure") {
        format!("Write it as a `fn`, or box it: `let {variable}: Box<dyn Fn(i64) -> i64> = Box::new(…);`")
    } else {
        "Turn it into something that has one, such as `.collect::<Vec<_>>()` for an iterator".to_owned()
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

fn quote(place: &Place) -> String {
    format!("{BLUE}  --> {}{PLAIN}\n{BLUE}{:>4} |{PLAIN} {}", place.name, place.line, place.text)
}

/// One compile error with the lines of the cell it is about.
fn explain(error: &CompilationError, sources: &Sources) -> String {
    let code = error.code().map(|code| format!("[{code}]")).unwrap_or_default();
    let mut text = format!("{RED}{BOLD}error{code}{PLAIN}{BOLD}: {}{PLAIN}", tidy(&error.message()));
    let current = sources.current();
    for part in error.spanned_messages() {
        let (Some(span), Some((original, edited))) = (&part.span, current) else { continue };
        let start = edited.original_column(span.start_line, span.start_column);
        let Some(line) = original.lines().nth(span.start_line - 1) else { continue };
        let end = if span.end_line == span.start_line {
            edited.original_column(span.end_line, span.end_column).max(start + 1)
        } else {
            line.chars().count() + 1
        };
        let (mark, colour) = if part.is_primary { ("^", RED) } else { ("-", BLUE) };
        let label = if part.label.starts_with("error: ") { String::new() } else { tidy(&part.label) };
        text.push_str(&format!(
            "\n{BLUE}  --> line {}, column {start}{PLAIN}\n{BLUE}{:>4} |{PLAIN} {line}\n{BLUE}     |{PLAIN} {}{colour}{} {label}{PLAIN}",
            span.start_line,
            span.start_line,
            " ".repeat(start - 1),
            mark.repeat(end.saturating_sub(start).max(1)),
        ));
    }
    for help in error.help() {
        text.push_str(&format!("\n{BLUE}     ={PLAIN} {CYAN}help{PLAIN}: {}", tidy(&help).replace('\n', "\n       ")));
    }
    if let Some(code) = error.code().filter(|code| code.starts_with('E')) {
        text.push_str(&format!("\n{BLUE}     ={PLAIN} more: https://doc.rust-lang.org/error_codes/{code}.html"));
    }
    if let Some(hint) = error.code().and_then(hint) {
        text.push_str(&format!("\n{BLUE}     ={PLAIN} {CYAN}in a notebook{PLAIN}: {hint}"));
    }
    text
}

/// What a notebook adds to the meaning of an error.
fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "E0382" => "a value that was moved is gone, in later cells too; pass `&x`, or `x.clone()` to keep it",
        "E0384" | "E0596" => "say `let mut x = x;` to make a variable from an earlier cell mutable",
        "E0425" => "has the cell that defines it been run? After a restart, run the cells above again",
        "E0432" | "E0433" => "`use taskloom::prelude::*;` brings in the engine; `:dep name = \"1\"` adds a crate",
        "E0597" | "E0716" => {
            "a reference cannot be kept for the next cell; keep the value itself, or use a block `{ … }`"
        }
        "E0282" | "E0283" => "give the variable a type: `let x: Vec<i64> = …`",
        _ => return None,
    })
}

/// Takes names of generated code out of the compiler's words.
fn tidy(text: &str) -> String {
    text.replace("evcxr_variable_store", "the end of the cell")
        .replace("in an async function that returns", "in a cell, which returns")
        .replace("EvcxrUserCodeError", "an error that can be displayed")
        .replace("the async function `evcxr_analysis_wrapper`", "the cell")
        .replace("evcxr_analysis_wrapper", "the cell")
}

/// evcxr says `Subprocess terminated with status: signal: 11 (SIGSEGV)`.
fn describe_exit(message: &str) -> String {
    let status = message.split_once("terminated with status: ").map_or(message, |(_, status)| status).trim();
    for (part, words) in [
        ("SIGSEGV", "it touched memory that is not its own, or its stack overflowed"),
        ("SIGABRT", "it aborted"),
        ("SIGKILL", "it was killed, perhaps because the machine ran out of memory"),
        ("SIGILL", "an illegal instruction"),
        ("SIGBUS", "a bus error: a mapped file may have shrunk"),
        ("SIGFPE", "an arithmetic exception"),
    ] {
        if status.contains(part) {
            return format!("{words}; {part}");
        }
    }
    match status.strip_prefix("exit status: ") {
        Some(code) => format!("it exited with code {code}"),
        None => status.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exits_are_told_in_words() {
        assert_eq!(describe_exit("Subprocess terminated with status: exit status: 3"), "it exited with code 3");
        assert!(
            describe_exit("Subprocess terminated with status: signal: 6 (SIGABRT) (core dumped)").contains("aborted")
        );
    }
}
