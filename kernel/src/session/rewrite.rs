//! A cell as the user wrote it, and as evcxr is given it.
//!
//! Two things are put in. The last expression goes into the engine's `__show!`, so that evcxr need not compile a second
//! time to find out how to display it. And behind each `let` whose type is not written, a second `let` repeats the
//! variable with its type, once rustc has told it (see [`super::types`]). Nothing is put in that has a newline, so
//! lines stay lines; columns are mapped back by [`Edited::original_column`].

use ra_ap_syntax::ast::{self, AstNode, HasName};
use ra_ap_syntax::{Edition, SourceFile, SyntaxKind, SyntaxNode, TextSize};

/// Statements are parsed inside a function.
const PRELUDE: &str = "fn f(){";

/// A variable that a `let` introduces without saying its whole type.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// Its name.
    pub name: String,
    /// Whether it is `mut`.
    pub mutable: bool,
    /// Byte offset in the cell behind the `let` statement.
    pub end: usize,
}

/// What a cell is made of, as far as rewriting is concerned.
#[derive(Debug, Default)]
pub struct Outline {
    /// Variables whose type has to be found.
    pub untyped: Vec<Binding>,
    /// Variables that are declared with neither a value nor a whole type; they get their value later.
    pub deferred: Vec<String>,
    /// Byte range of the last expression, when it has no semicolon.
    pub tail: Option<std::ops::Range<usize>>,
    /// The first thing the parser could not read: where, and its message.
    pub error: Option<(usize, String)>,
}

/// Reads a cell that holds only Rust.
pub fn outline(code: &str) -> Outline {
    let parsed = SourceFile::parse(&format!("{PRELUDE}{code}\n}}"), Edition::Edition2024);
    let offset = |at: TextSize| usize::from(at).saturating_sub(PRELUDE.len()).min(code.len());
    let mut outline = Outline {
        error: parsed.errors().first().map(|error| (offset(error.range().start()), error.to_string())),
        ..Outline::default()
    };
    let body = parsed.syntax_node().children().find_map(ast::Fn::cast).and_then(|function| function.body());
    let Some(list) = body.and_then(|body| body.stmt_list()) else { return outline };
    for statement in list.statements() {
        let ast::Stmt::LetStmt(statement) = statement else { continue };
        let Some(pattern) = statement.pat() else { continue };
        let is_typed = statement.ty().is_some_and(|ty| is_whole(ty.syntax()));
        if statement.initializer().is_none() {
            if !is_typed {
                outline.deferred.extend(bindings(pattern.syntax()).map(|(name, _)| name));
            }
            continue;
        }
        let is_name = matches!(pattern, ast::Pat::IdentPat(_));
        if is_name && is_typed {
            // The type counts for the name from here on; an earlier untyped `let` of it is shadowed.
            if let Some(name) = bindings(pattern.syntax()).next().map(|(name, _)| name) {
                outline.untyped.retain(|binding| binding.name != name);
            }
            continue;
        }
        let end = offset(statement.syntax().text_range().end());
        for (name, mutable) in bindings(pattern.syntax()) {
            outline.untyped.retain(|binding| binding.name != name);
            outline.untyped.push(Binding { name, mutable, end });
        }
    }
    outline.tail = list.tail_expr().map(|tail| {
        let range = tail.syntax().text_range();
        offset(range.start())..offset(range.end())
    });
    outline
}

/// Whether a type has no `_` in it.
fn is_whole(ty: &SyntaxNode) -> bool {
    !ty.descendants().any(|node| node.kind() == SyntaxKind::INFER_TYPE)
}

fn bindings(pattern: &SyntaxNode) -> impl Iterator<Item = (String, bool)> {
    pattern
        .descendants()
        .filter_map(ast::IdentPat::cast)
        // `None` in `let Some(x) = y else …` parses like a name; variables begin with a small letter.
        .filter_map(|pat| Some((pat.name()?.text().to_string(), pat.mut_token().is_some())))
        .filter(|(name, _)| name.chars().next().is_some_and(|first| !first.is_uppercase()))
}

/// Text put into one line of a cell.
#[derive(Debug, Clone, PartialEq)]
struct Insertion {
    line: usize,
    /// Column in the edited text, in characters from 1.
    column: usize,
    length: usize,
}

/// A cell with insertions, and the way back.
#[derive(Debug, Clone, Default)]
pub struct Edited {
    /// What evcxr is given.
    pub text: String,
    insertions: Vec<Insertion>,
}

impl Edited {
    /// Puts each text in at its byte offset; offsets need not be sorted, and texts at one offset keep their order.
    pub fn new(code: &str, mut edits: Vec<(usize, String)>) -> Edited {
        edits.sort_by_key(|edit| edit.0);
        let mut edited = Edited::default();
        let (mut line, mut column, mut from) = (1, 1, 0);
        for (at, text) in edits {
            for c in code[from..at].chars() {
                if c == '\n' {
                    (line, column) = (line + 1, 1);
                } else {
                    column += 1;
                }
            }
            edited.text.push_str(&code[from..at]);
            let length = text.chars().count();
            edited.insertions.push(Insertion { line, column, length });
            edited.text.push_str(&text);
            column += length;
            from = at;
        }
        edited.text.push_str(&code[from..]);
        edited
    }

    /// The column in the user's cell, in characters from 1; a place inside an insertion is the place it was put.
    pub fn original_column(&self, line: usize, column: usize) -> usize {
        let shift: usize = self
            .insertions
            .iter()
            .filter(|insertion| insertion.line == line && insertion.column < column)
            .map(|insertion| insertion.length.min(column - insertion.column))
            .sum();
        column - shift
    }
}

/// The edits that show the last expression.
pub fn show_tail(outline: &Outline) -> Vec<(usize, String)> {
    match &outline.tail {
        Some(tail) => vec![(tail.start, "taskloom::__show!(".to_owned()), (tail.end, ");".to_owned())],
        None => Vec::new(),
    }
}

/// Whether a cell is whole, and if not, how the next line should be indented: what a console asks before it runs one.
pub fn completeness(code: &str) -> Completeness {
    let mut depth = 0usize;
    let mut closed_too_often = false;
    let parsed = SourceFile::parse(code, Edition::Edition2024);
    let mut unterminated = false;
    for token in parsed.syntax_node().descendants_with_tokens().filter_map(|element| element.into_token()) {
        match token.kind() {
            SyntaxKind::L_CURLY | SyntaxKind::L_PAREN | SyntaxKind::L_BRACK => depth += 1,
            SyntaxKind::R_CURLY | SyntaxKind::R_PAREN | SyntaxKind::R_BRACK => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => closed_too_often = true,
            },
            SyntaxKind::STRING => unterminated |= !token.text().ends_with('"') || token.text().len() < 2,
            SyntaxKind::COMMENT => {
                let text = token.text();
                unterminated |= text.starts_with("/*") && text.matches("/*").count() > text.matches("*/").count();
            }
            _ => {}
        }
    }
    if closed_too_often {
        Completeness::Invalid
    } else if depth > 0 || unterminated {
        Completeness::Incomplete { indent: "    ".repeat(depth) }
    } else {
        match outline(code).error {
            None => Completeness::Complete,
            // What is missing can still come.
            Some((at, _)) if at >= code.trim_end().len() => Completeness::Incomplete { indent: String::new() },
            Some(_) => Completeness::Invalid,
        }
    }
}

/// The answer to `is_complete_request`.
#[derive(Debug, PartialEq)]
pub enum Completeness {
    /// It can run.
    Complete,
    /// Something is still open.
    Incomplete {
        /// For the next line.
        indent: String,
    },
    /// More lines would not help.
    Invalid,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_without_a_whole_type_are_found() {
        let names = |code: &str| {
            outline(code).untyped.into_iter().map(|binding| (binding.name, binding.mutable)).collect::<Vec<_>>()
        };
        assert_eq!(names("let x = 1; let mut y = vec![x];"), [("x".to_owned(), false), ("y".to_owned(), true)]);
        assert_eq!(names("let x: i64 = 1; let y: Vec<_> = vec![x];"), [("y".to_owned(), false)]);
        assert_eq!(names("let (a, mut b) = f();"), [("a".to_owned(), false), ("b".to_owned(), true)]);
        assert_eq!(names("let Some(v) = o else { panic!() };"), [("v".to_owned(), false)]);
        assert_eq!(names("let x = 1; let x = \"a\";"), [("x".to_owned(), false)]);
        assert_eq!(names("let x = 1; let x: u8 = 2;"), []);
        assert_eq!(names("fn f() { let inner = 1; } { let scoped = 2; }"), []);
        assert_eq!(names("let later; later = 1;"), []);
        assert_eq!(outline("let later; later = 1; let t: u8; t = 2;").deferred, ["later"]);
    }

    #[test]
    fn the_last_expression_is_found() {
        let tail = |code: &str| outline(code).tail.map(|range| code[range].to_owned());
        assert_eq!(tail("let x = 1;\nx + 1").as_deref(), Some("x + 1"));
        assert_eq!(tail("x + 1;"), None);
        assert_eq!(tail("x // said\n").as_deref(), Some("x"));
        assert_eq!(tail("match x {\n  _ => 1,\n}").as_deref(), Some("match x {\n  _ => 1,\n}"));
        assert_eq!(tail("fn f() {}"), None);
    }

    #[test]
    fn columns_lead_back_to_what_the_user_wrote() {
        let code = "let é = 1;\né + 1";
        let edited = Edited::new(code, show_tail(&outline(code)));
        assert_eq!(edited.text, "let é = 1;\ntaskloom::__show!(é + 1);");
        assert_eq!(edited.original_column(1, 5), 5);
        assert_eq!(edited.original_column(2, 19), 1);
        assert_eq!(edited.original_column(2, 23), 5);
        assert_eq!(edited.original_column(2, 3), 1);
    }

    #[test]
    fn a_console_knows_when_to_run() {
        assert_eq!(completeness("let x = 1;"), Completeness::Complete);
        assert_eq!(completeness("x"), Completeness::Complete);
        assert_eq!(completeness("fn f() {"), Completeness::Incomplete { indent: "    ".to_owned() });
        assert_eq!(completeness("let s = \"abc"), Completeness::Incomplete { indent: String::new() });
        assert_eq!(completeness("let x ="), Completeness::Incomplete { indent: String::new() });
        assert_eq!(completeness("let = = ;"), Completeness::Invalid);
        assert_eq!(completeness("f())"), Completeness::Invalid);
    }
}
