//! How a cell's statements are compiled: quickly, or to run quickly.
//!
//! Functions are always compiled to run quickly, and so is the engine. Statements mostly call them, once; a tenth of a
//! second that the compiler takes for such a cell is a tenth that a person waits. That goes for calls in a loop, too.
//! Where a cell has work of its own, in iterators and closures, it is worth optimising; and where a loop or a closure
//! calculates, what it calls is worth putting in line, even if the engine has a copy of it.

use ra_ap_syntax::ast::{self, AstNode, BinaryOp};
use ra_ap_syntax::{NodeOrToken, SyntaxKind, SyntaxNode, SyntaxToken, T};

/// How a cell's statements are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Pace {
    /// They only call what is compiled already: not optimised.
    #[default]
    Light,
    /// They have work of their own: optimised.
    Work,
    /// They calculate in loops or closures: optimised, with generic functions compiled anew, so that they can be put in line.
    Numbers,
}

/// What begins, or is, work over many values, beside what has `iter` in its name.
const WORKS: [&str; 15] = [
    "chars",
    "bytes",
    "lines",
    "windows",
    "chunks",
    "keys",
    "values",
    "drain",
    "concat",
    "join",
    "repeat",
    "fill",
    "reverse",
    "extend",
    "clone_from_slice",
];

/// How a statement of a cell is to be compiled.
pub fn pace(statement: &SyntaxNode) -> Pace {
    let repeats = |node: &SyntaxNode| {
        use SyntaxKind::{CLOSURE_EXPR, FOR_EXPR, LOOP_EXPR, WHILE_EXPR};
        matches!(node.kind(), FOR_EXPR | WHILE_EXPR | LOOP_EXPR | CLOSURE_EXPR)
    };
    if statement.descendants().filter(repeats).flat_map(|node| node.descendants()).any(|node| is_arithmetic(&node)) {
        return Pace::Numbers;
    }
    // What is in a macro call is known as tokens only.
    let mut tokens = statement.descendants_with_tokens().filter_map(NodeOrToken::into_token);
    if tokens.any(|token| is_work(&token)) { Pace::Work } else { Pace::Light }
}

fn is_arithmetic(node: &SyntaxNode) -> bool {
    let operator = ast::BinExpr::cast(node.clone()).and_then(|operation| operation.op_kind());
    matches!(operator, Some(BinaryOp::ArithOp(_) | BinaryOp::Assignment { op: Some(_) }))
        || node.kind() == SyntaxKind::INDEX_EXPR
}

fn is_work(token: &SyntaxToken) -> bool {
    let begins_with = |start: &str| token.text().starts_with(start);
    match token.kind() {
        // A closure; `|` between numbers is none, which is no matter.
        T![|] | T![||] => true,
        T![..] | T![..=] => true,
        // A range in a macro call.
        T![.] => token.next_token().is_some_and(|next| next.kind() == T![.]),
        SyntaxKind::IDENT => {
            token.text().contains("iter")
                || WORKS.contains(&token.text())
                || ["sort", "split", "dedup", "chunks_"].iter().any(|start| begins_with(start))
        }
        // `[0; n]` and `vec![0; n]`.
        T![;] => token
            .parent()
            .is_some_and(|parent| matches!(parent.kind(), SyntaxKind::ARRAY_EXPR | SyntaxKind::TOKEN_TREE)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::cell::outline;
    use super::*;

    fn pace_of(code: &str) -> Pace {
        outline(code).pace
    }

    #[test]
    fn calls_are_light() {
        for code in [
            "x",
            "let z = delayed!(add(x, y));",
            "z.compute()?",
            "let v = vec![1, 2, 3];",
            "for x in v { all.push(delayed!(inc(x))) }",
        ] {
            assert_eq!(pace_of(code), Pace::Light, "{code}");
        }
        assert_eq!(pace_of("fn f() { for i in 0..9 { g(i * 2); } }\nf()"), Pace::Light, "functions are not statements");
    }

    #[test]
    fn iterators_and_closures_are_work() {
        let works =
            ["v.iter().sum::<i64>()", "println!(\"{}\", (0..9).count());", "v.sort();", "vec![1.5; 1000]", "f(|x| x)"];
        for code in works {
            assert_eq!(pace_of(code), Pace::Work, "{code}");
        }
    }

    #[test]
    fn loops_over_numbers_are_known() {
        for code in [
            "for x in &v { s += x; }",
            "while i < n { i = i * 2 }",
            "loop { if v[0] == 0 { break } }",
            "v.iter().map(|x| x * 2).sum::<i64>()",
        ] {
            assert_eq!(pace_of(code), Pace::Numbers, "{code}");
        }
    }
}
