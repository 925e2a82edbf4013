//! A cell as the user wrote it, and as rustc or evcxr is given it.
//!
//! Two things are put in. The last expression goes into the engine's `__show!`, so that evcxr need not compile a second
//! time to find out how to display it. And behind each `let` whose type is not written, a second `let` repeats the
//! variable with its type, once rustc has told it (see [`super::types`]). Nothing is put in that has a newline, so
//! lines stay lines; columns are mapped back by [`Edited::original_column`].

use std::ops::Range;

use ra_ap_syntax::{Edition, SourceFile, SyntaxKind};

use super::cell::{Outline, outline};

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
    pub fn new(code: &str, edits: Vec<(usize, String)>) -> Edited {
        Edited::masked(code, edits, &[])
    }

    /// Like [`Self::new`], with spaces in the place of all that is in `blank`: lines stay lines, and columns columns.
    /// Texts are not put into blank parts.
    pub fn masked(code: &str, mut edits: Vec<(usize, String)>, blank: &[Range<usize>]) -> Edited {
        let is_blank = |at: usize| blank.iter().any(|range| range.contains(&at));
        let kept = |range: Range<usize>| {
            code[range.clone()]
                .char_indices()
                .map(|(at, c)| if c != '\n' && is_blank(range.start + at) { ' ' } else { c })
                .collect::<String>()
        };
        edits.retain(|edit| !is_blank(edit.0));
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
            edited.text.push_str(&kept(from..at));
            let length = text.chars().count();
            edited.insertions.push(Insertion { line, column, length });
            edited.text.push_str(&text);
            column += length;
            from = at;
        }
        edited.text.push_str(&kept(from..code.len()));
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
