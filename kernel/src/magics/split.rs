//! A cell taken apart: Rust, and the lines that are something else.
//!
//! | line | is |
//! |---|---|
//! | `%name …` | a magic |
//! | `!command` | for the shell |
//! | `:name …` | one of evcxr's commands |
//! | `name?`, `name??`, `?name`, `%name?` | a question about a name |
//!
//! Each of them can stand between any two statements. What is Rust stays Rust: in the middle of a statement no line is
//! anything else; `%` behind an expression is the remainder operator when no magic has that name and it reads as Rust;
//! `!ready` negates when `ready` is a name of the session, or of this cell; and `name?` is Rust's own when `name` holds
//! a `Result` or an `Option`, or comes from this cell. Parentheses, `(!ready)`, always make it Rust, and so does a space in
//! front of a `!`.

use super::arguments::Call;
use crate::session::cell::outline;
use crate::session::rewrite::{Completeness, completeness};

/// A piece of a cell.
#[derive(Debug, PartialEq)]
pub enum Piece {
    /// Rust, with blank lines in front so that lines keep their numbers.
    Rust(String),
    /// A magic.
    Magic(Call),
    /// A line for the shell.
    Shell(String),
    /// One of evcxr's own commands.
    Command(String),
    /// A question about a name; two question marks ask for more.
    Question {
        /// The name, or a path; empty where the question is what there is at all.
        name: String,
        /// Whether it has two question marks.
        more: bool,
    },
}

/// What may be known about the names in a cell.
pub struct Names<'a> {
    /// Whether there is a magic of this name, with its `%`.
    pub is_magic: &'a dyn Fn(&str) -> bool,
    /// The type of a variable of the session; of a function or type an empty text.
    pub type_of: &'a dyn Fn(&str) -> Option<String>,
}

/// evcxr's commands that a magic does, and does better.
const COMMANDS: [(&str, &str, &str); 7] = [
    (":dep", "%dep", ""),
    (":show_deps", "%deps", ""),
    (":opt", "%opt", ""),
    (":env", "%env", ""),
    (":type", "%type", ""),
    (":t", "%type", ""),
    (":clear", "%reset", "-f"),
];

/// The magic that takes the whole cell, when one stands in its first line.
pub fn cell_magic(code: &str) -> Option<Call> {
    let blank = code.len() - code.trim_start().len();
    let first = code[blank..].strip_prefix("%%")?;
    if !first.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let (line, body) = code[blank..].split_once('\n').unwrap_or((&code[blank..], ""));
    Some(Call { body: body.to_owned(), ..call(line, 0, code[..blank].matches('\n').count() + 1) })
}

/// Takes a cell apart.
pub fn pieces(code: &str, names: &Names) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rust = Pending::default();
    let mut lines = code.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        match special(line, index + 1, &rust, names) {
            None => rust.push(line),
            Some(mut piece) => {
                pieces.extend(rust.take());
                if let Piece::Shell(command) = &mut piece {
                    // The shell itself joins lines at a backslash.
                    while command.ends_with('\\')
                        && let Some((_, next)) = lines.next()
                    {
                        command.push('\n');
                        command.push_str(next);
                        rust.lines += 1;
                    }
                }
                rust.lines += 1;
                match (pieces.last_mut(), piece) {
                    // Crates that are added together are compiled together.
                    (Some(Piece::Magic(before)), Piece::Magic(call))
                        if before.name == "%dep" && call.name == "%dep" =>
                    {
                        before.arguments = format!("{}\n{}", before.arguments, call.arguments);
                    }
                    (_, piece) => pieces.push(piece),
                }
            }
        }
    }
    pieces.extend(rust.take());
    pieces
}

/// The Rust since the last line that was something else.
#[derive(Default)]
struct Pending {
    text: String,
    /// Lines of the cell in front of the text.
    lines: usize,
    /// Whether there is more than blank lines and comments.
    says_something: bool,
}

impl Pending {
    fn push(&mut self, line: &str) {
        let trimmed = line.trim_start();
        self.says_something |= !trimmed.is_empty() && !trimmed.starts_with("//");
        // In its first column evcxr would take it for a line of its own.
        if line.starts_with('!') {
            self.text.push(' ');
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn take(&mut self) -> Option<Piece> {
        let lines = self.lines;
        self.lines += self.text.matches('\n').count();
        let text = std::mem::take(&mut self.text);
        std::mem::take(&mut self.says_something).then(|| Piece::Rust(format!("{}{text}", "\n".repeat(lines))))
    }

    fn is_complete(&self) -> bool {
        // A comment over several lines may still be open.
        self.text.is_empty() || completeness(&self.text) == Completeness::Complete
    }

    fn ends_in_an_expression(&self) -> bool {
        self.says_something && outline(&self.text).tail.is_some()
    }

    fn mentions(&self, name: &str) -> bool {
        self.text.split(|c: char| !is_part_of_a_name(c)).any(|word| word == name)
    }
}

fn is_part_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The line as a piece of its own, unless it is Rust.
fn special(line: &str, number: usize, rust: &Pending, names: &Names) -> Option<Piece> {
    let trimmed = line.trim_start();
    let indent = line.len() - trimmed.len();
    let begins = |mark: &str| {
        trimmed.strip_prefix(mark).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
    };
    let candidate = begins("%")
        || begins("%%")
        || begins(":")
        || line.starts_with('!')
        || trimmed.starts_with('?')
        || trimmed.trim_end().ends_with('?');
    if !candidate || !rust.is_complete() {
        return None;
    }
    if let Some(question) = question(trimmed.trim_end(), rust, names) {
        return Some(question);
    }
    if begins("%") || begins("%%") {
        let call = call(trimmed, indent, number);
        let may_be_remainder = rust.ends_in_an_expression() && begins("%");
        if may_be_remainder && (indent > 0 || !(names.is_magic)(&call.name)) {
            let reads_as_rust = outline(&format!("{}{line}", rust.text)).error.is_none();
            if reads_as_rust {
                return None;
            }
        }
        return Some(Piece::Magic(call));
    }
    if begins(":") {
        let name = trimmed.split_whitespace().next().unwrap_or_default();
        let Some((_, magic, arguments)) = COMMANDS.iter().find(|(command, ..)| *command == name) else {
            return Some(Piece::Command(trimmed.trim_end().to_owned()));
        };
        let mut call = call(trimmed, indent, number);
        call.name = (*magic).to_owned();
        if !arguments.is_empty() {
            call.arguments = (*arguments).to_owned();
        }
        return Some(Piece::Magic(call));
    }
    let command = line.strip_prefix('!')?;
    (!is_negation(command, rust, names)).then(|| Piece::Shell(command.trim_start_matches('!').trim().to_owned()))
}

/// Whether what follows a `!` is Rust that uses a name which is known.
fn is_negation(command: &str, rust: &Pending, names: &Names) -> bool {
    let operand = command.trim_start_matches(['!', '(', '&', '*', ' ']);
    let end = operand.find(|c| !is_part_of_a_name(c)).unwrap_or(operand.len());
    let name = &operand[..end];
    !name.is_empty()
        && ((names.type_of)(name).is_some() || rust.mentions(name))
        && outline(&format!("!{command}")).error.is_none()
}

fn question(line: &str, rust: &Pending, names: &Names) -> Option<Piece> {
    let name = line.trim_matches('?');
    let marks = line.len() - name.len();
    let name = name.trim();
    if name.is_empty() && marks <= 2 {
        return Some(Piece::Question { name: String::new(), more: false });
    }
    let plain = name.trim_start_matches('%').trim_end_matches('!');
    let is_path = !plain.is_empty()
        && !plain.starts_with(|c: char| c.is_ascii_digit())
        && plain.split("::").all(|part| {
            let fits = |c| is_part_of_a_name(c) || (c == '-' && name.starts_with('%'));
            !part.is_empty() && part.chars().all(fits)
        });
    if marks == 0 || marks > 4 || !is_path {
        return None;
    }
    let in_front = line.starts_with('?');
    if !in_front && !name.starts_with('%') && marks == 1 {
        let is_tried = match (names.type_of)(name) {
            Some(ty) => ["Result<", "Option<"].iter().any(|kind| ty.split("::").any(|part| part.starts_with(kind))),
            None => false,
        };
        if is_tried || rust.mentions(name) || rust.ends_in_an_expression() {
            return None;
        }
    }
    Some(Piece::Question { name: name.to_owned(), more: marks > 1 })
}

fn call(line: &str, indent: usize, number: usize) -> Call {
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let arguments = rest.trim();
    let before = line.len() - rest.trim_start().len();
    Call {
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        body: String::new(),
        line: number,
        column: indent + line[..before].chars().count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(code: &str) -> Vec<Piece> {
        let names = Names {
            is_magic: &|name| ["%who", "%time", "%dep"].contains(&name),
            type_of: &|name| match name {
                "ready" => Some("bool".to_owned()),
                "tried" => Some("std::result::Result<i32, std::string::String>".to_owned()),
                "is_odd" => Some(String::new()),
                _ => None,
            },
        };
        pieces(code, &names)
    }

    fn magic(name: &str, arguments: &str, line: usize) -> Piece {
        let column = name.chars().count() + 1;
        Piece::Magic(Call { name: name.into(), arguments: arguments.into(), body: String::new(), line, column })
    }

    fn rust(text: &str) -> Piece {
        Piece::Rust(text.to_owned())
    }

    fn shell(command: &str) -> Piece {
        Piece::Shell(command.to_owned())
    }

    #[test]
    fn magics_stand_between_statements() {
        assert_eq!(split("%time a\n"), [magic("%time", "a", 1)]);
        assert_eq!(
            split("let x = 1;\n%time z  \n\nx"),
            [rust("let x = 1;\n"), magic("%time", "z", 2), rust("\n\n\nx\n")]
        );
        assert_eq!(split("// said\n%time a\n// more\n"), [magic("%time", "a", 2)]);
        assert_eq!(split("fn f() {\n%time a\n}"), [rust("fn f() {\n%time a\n}\n")]);
        assert_eq!(split("let s = \"\n%time a\n\";"), [rust("let s = \"\n%time a\n\";\n")]);
        assert_eq!(split("/*\n%time a\n*/"), [rust("/*\n%time a\n*/\n")]);
        assert!(matches!(&split("  %time a")[..], [Piece::Magic(call)] if call.column == 8));
    }

    #[test]
    fn the_remainder_operator_is_rust() {
        assert_eq!(split("let r = (a\n%b);"), [rust("let r = (a\n%b);\n")]);
        assert_eq!(split("seven\n    % 4"), [rust("seven\n    % 4\n")]);
        assert_eq!(split("let r = x\n%y;"), [rust("let r = x\n%y;\n")]);
        assert_eq!(split("total\n%count"), [rust("total\n%count\n")]);
        assert_eq!(split("total\n    %who"), [rust("total\n    %who\n")]);
        // The name of a magic in the first column is the magic, and what does not read as Rust is meant to be one.
        assert_eq!(split("total\n%time a")[1], magic("%time", "a", 2));
        assert_eq!(split("total\n%tmie a")[1], magic("%tmie", "a", 2));
    }

    #[test]
    fn a_bang_is_the_shells_or_negates() {
        assert_eq!(split("!ls -l | wc"), [shell("ls -l | wc")]);
        assert_eq!(split("let a = 1;\n!echo a\na"), [rust("let a = 1;\n"), shell("echo a"), rust("\n\na\n")]);
        assert_eq!(split("!echo a \\\n  b\nx"), [shell("echo a \\\n  b"), rust("\n\nx\n")]);
        assert_eq!(split("!ready"), [rust(" !ready\n")]);
        assert_eq!(split("!(ready && true)"), [rust(" !(ready && true)\n")]);
        assert_eq!(split("!is_odd(3)"), [rust(" !is_odd(3)\n")]);
        assert_eq!(split("let b = true;\n!b"), [rust("let b = true;\n !b\n")]);
        assert_eq!(split("!ready file.txt"), [shell("ready file.txt")]);
        assert_eq!(split("(!other)"), [rust("(!other)\n")]);
        assert_eq!(split(" !other"), [rust(" !other\n")]);
    }

    #[test]
    fn questions_are_told_from_the_operator() {
        let asks = |code: &str, about: &str, more: bool| {
            assert_eq!(split(code), [Piece::Question { name: about.to_owned(), more }], "{code}");
        };
        asks("ready?", "ready", false);
        asks("ready??", "ready", true);
        asks("?ready", "ready", false);
        asks("%time?", "%time", false);
        asks("%%time?", "%%time", false);
        asks("std::vec::Vec?", "std::vec::Vec", false);
        asks("println!?", "println!", false);
        asks("?tried", "tried", false);
        asks("?", "", false);
        assert_eq!(split("tried?"), [rust("tried?\n")]);
        assert_eq!(split("let r = f();\nr?"), [rust("let r = f();\nr?\n")]);
        assert_eq!(split("f()?"), [rust("f()?\n")]);
        assert_eq!(split("x\n  .y?"), [rust("x\n  .y?\n")]);
    }

    #[test]
    fn commands_of_evcxr_are_known() {
        assert_eq!(split(":explain"), [Piece::Command(":explain".to_owned())]);
        assert_eq!(split("let a = 1;\n:vars")[1], Piece::Command(":vars".to_owned()));
        assert_eq!(split("::std::mem::drop(1);"), [rust("::std::mem::drop(1);\n")]);
        assert_eq!(split("let a\n: i32 = 1;"), [rust("let a\n: i32 = 1;\n")]);
        assert!(
            matches!(&split(":clear")[..], [Piece::Magic(call)] if call.name == "%reset" && call.arguments == "-f")
        );
        let pieces = split(":dep a = \"1\"\n\n%dep b\nlet c = 1;");
        assert!(matches!(&pieces[0], Piece::Magic(call) if call.name == "%dep" && call.arguments == "a = \"1\"\nb"));
        assert_eq!(pieces[1], rust("\n\n\nlet c = 1;\n"));
    }

    #[test]
    fn a_cell_magic_takes_what_is_below_it() {
        let call = cell_magic("\n%%timeit -n 3 let x = 1;\nx + 1\n").expect("one");
        assert_eq!((call.name.as_str(), call.arguments.as_str()), ("%%timeit", "-n 3 let x = 1;"));
        assert_eq!((call.body.as_str(), call.line, call.column), ("x + 1\n", 2, 9));
        assert_eq!(call.body_in_place(), "\n\nx + 1\n");
        assert_eq!(cell_magic("%time x"), None);
    }
}
