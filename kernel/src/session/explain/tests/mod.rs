//! Mistakes in real cells, as real rustc finds them, and what the person reads. The `.md` files beside this one hold them:
//! a cell, and under it a line for each error that is shown.

use super::super::diagnostics::{Diagnostic, Position, render};
use super::super::testing::{
    ARRAY_VARIABLES, Checked, FRAME_VARIABLES, TASK_VARIABLES, VARIABLES, check, check_arrays, check_frames,
    check_tasks, plain,
};
use super::{Facts, SHOWN, explain, visible};

/// A session some cells old: cell `[3]` moved `old`, and cell `[2]`, which would have made `broken`, failed.
fn facts(code: &str) -> Facts {
    facts_of(code, VARIABLES)
}

fn facts_of(code: &str, variables: &[(&str, &str)]) -> Facts {
    let name = |name: &str| name.trim_start_matches("mut ").to_owned();
    Facts {
        code: code.to_owned(),
        variables: variables.iter().map(|(variable, ty)| (name(variable), (*ty).to_owned())).collect(),
        items: vec!["inc".to_owned()],
        moved: vec![("old".to_owned(), 3)],
        failed: vec![("broken".to_owned(), 2)],
    }
}

/// Checks every cell of a file of mistakes.
fn assert_explained(mistakes: &str) {
    assert_explained_in(mistakes, VARIABLES, check);
}

/// Checks every cell of a file of mistakes with the variables of some session. Gives all sentences.
fn assert_explained_in(mistakes: &str, variables: &[(&str, &str)], check: fn(&str) -> Checked) -> Vec<String> {
    let (mut cells, mut differing, mut all) = (0, String::new(), Vec::new());
    for mistake in mistakes.split("```rust\n").skip(1) {
        let (code, rest) = mistake.split_once("\n```\n").expect("each cell is closed");
        let expected: Vec<&str> = rest.lines().filter_map(|line| line.strip_prefix("> ")).collect();
        let checked = check(code);
        let shown = visible(&checked.diagnostics);
        let facts = facts_of(code, variables);
        let said: Vec<String> = shown.iter().take(SHOWN).filter_map(|error| explain(error, &facts)).collect();
        if said != expected {
            differing.push_str(&format!("{code}\n  expected {expected:#?}\n  but got  {said:#?}\n"));
        }
        for sentence in &said {
            let words: String = sentence.split('`').step_by(2).collect();
            assert!(sentence.ends_with(['.', '?']) && !words.contains('!') && !words.contains("simply"), "{sentence}");
        }
        for error in &checked.diagnostics {
            let drawn = plain(&render(error, &|file, line, column| checked.place(file, line, column)));
            for generated in ["evcxr", "CellError", "taskloom_cells", "closure#"] {
                assert!(!drawn.contains(generated), "{drawn}");
            }
        }
        cells += 1;
        all.extend(said);
    }
    assert!(cells > 5, "the file has been read");
    assert!(differing.is_empty(), "{differing}");
    all
}

/// Code that is to be written instead has to be right: each piece that begins with a variable of the session, or with
/// `Array`, `DataFrame` or `col`, is compiled.
fn assert_advice_compiles(sentences: &[String]) {
    assert_advice_compiles_in(sentences, ARRAY_VARIABLES, check_arrays);
}

/// The same in some session.
fn assert_advice_compiles_in(sentences: &[String], variables: &[(&str, &str)], check: fn(&str) -> Checked) {
    let begins = |piece: &str| {
        let name: String =
            piece.trim_start_matches(['&', '!', '-', '(']).chars().take_while(|c| c.is_alphanumeric()).collect();
        let name = name.as_str();
        matches!(name, "Array" | "DataFrame" | "col" | "plot" | "assert" | "let")
            || variables.iter().any(|(variable, _)| *variable == name)
    };
    let mut pieces: Vec<&str> = sentences.iter().flat_map(|said| said.split('`').skip(1).step_by(2)).collect();
    pieces.retain(|piece| begins(piece) && piece.contains(['(', ' ']) && !piece.contains('…'));
    pieces.sort_unstable();
    pieces.dedup();
    assert!(pieces.len() > 5, "{pieces:?}");
    let parameters: Vec<String> = variables.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
    let function = |(number, piece): (usize, &&str)| {
        let statement = if piece.starts_with("let ") { (*piece).to_owned() } else { format!("let _ = {piece};") };
        format!("fn advice_{number}({}) -> taskloom::Result<()> {{ {statement} Ok(()) }}\n", parameters.join(", "))
    };
    let checked = check(&pieces.iter().enumerate().map(function).collect::<String>());
    let wrong: Vec<String> =
        checked.diagnostics.iter().map(|error| format!("{}\n  {}", error.message, error.line())).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn arrays() {
    assert_advice_compiles(&assert_explained_in(include_str!("arrays.md"), ARRAY_VARIABLES, check_arrays));
}

#[test]
fn parts_of_arrays() {
    assert_advice_compiles(&assert_explained_in(include_str!("array_parts.md"), ARRAY_VARIABLES, check_arrays));
}

#[test]
fn numpy() {
    assert_advice_compiles(&assert_explained_in(include_str!("numpy.md"), ARRAY_VARIABLES, check_arrays));
}

#[test]
fn frames() {
    let said = assert_explained_in(include_str!("frames.md"), FRAME_VARIABLES, check_frames);
    assert_advice_compiles_in(&said, FRAME_VARIABLES, check_frames);
}

#[test]
fn tasks() {
    let said = assert_explained_in(include_str!("tasks.md"), TASK_VARIABLES, check_tasks);
    assert_advice_compiles_in(&said, TASK_VARIABLES, check_tasks);
}

#[test]
fn ownership() {
    assert_explained(include_str!("ownership.md"));
}

#[test]
fn names() {
    assert_explained(include_str!("names.md"));
}

#[test]
fn types() {
    assert_explained(include_str!("types.md"));
}

#[test]
fn abilities() {
    assert_explained(include_str!("abilities.md"));
}

#[test]
fn methods() {
    assert_explained(include_str!("methods.md"));
}

#[test]
fn structure() {
    assert_explained(include_str!("structure.md"));
}

#[test]
fn syntax() {
    assert_explained(include_str!("syntax.md"));
}

#[test]
fn a_reference_that_would_be_stored_is_explained() {
    let checked = check("let r = &n; keep(r);");
    let said = explain(&checked.diagnostics[0], &facts("let r = &n;")).expect("a sentence");
    assert!(said.contains("references cannot be kept from one cell to the next"), "{said}");

    // evcxr's own words for the same.
    let message = "The variable `r` contains a reference with a non-static lifetime so\ncan't be persisted. You can …";
    let error = Diagnostic::of_message(message, Position { line: 1, column: 5 });
    let said = explain(&error, &facts("let r = &n;")).expect("a sentence");
    assert!(said.starts_with("`r` refers to another variable"), "{said}");
}

#[test]
fn a_parsers_message_is_explained_by_the_line_of_the_cell() {
    let said = |code: &str, message: &str, line: usize| {
        explain(&Diagnostic::of_message(message, Position { line, column: 1 }), &facts(code)).expect("a sentence")
    };
    let colon = said("let x = 1;\nif x > 0:\n    x", "expected a block", 2);
    assert!(colon.contains("a block in braces, not a colon"), "{colon}");
    let semicolon = said("let x = 5", "expected SEMICOLON", 1);
    assert!(semicolon.starts_with("A `let` ends with a semicolon, also on the last line"), "{semicolon}");
    assert!(semicolon.contains("write `x` on a line of its own"), "{semicolon}");
    let import = said("import numpy as np", "expected SEMICOLON", 1);
    assert!(import.contains("use taskloom::prelude::*;"), "{import}");
}

#[test]
fn what_follows_from_another_error_is_hidden() {
    let shown = |code: &str| -> Vec<String> {
        let checked = check(code);
        visible(&checked.diagnostics).iter().map(|error| error.message.clone()).collect()
    };
    assert_eq!(shown("let c: HashMap<String, i64> = HashMap::new();").len(), 1, "one missing `use`");
    assert_eq!(shown("let i: i32 = 1; let a = n + i;").len(), 1, "one sum");
    assert_eq!(shown("let a = zebra;\nlet b = zebra + 1;").len(), 1, "one missing name");
    assert_eq!(shown("let a = zebra;\nlet b = giraffe;").len(), 2, "two missing names");
    assert_eq!(shown("let a: i64 = \"x\";\nlet b: i64 = \"y\";").len(), 2, "two mistakes");

    // The `let` of `a` is what failed; that `a` is missing afterwards is no news.
    let at = |line: usize| Position { line, column: 1 };
    let mut failed = Diagnostic::of_message("mismatched types", at(1));
    failed.code = Some("E0308".to_owned());
    failed.spans[0].line = "let a: i64 = \"x\";".to_owned();
    let mut missing = Diagnostic::of_message("cannot find value `a` in this scope", at(2));
    missing.code = Some("E0425".to_owned());
    missing.spans[0].line = "a + 1".to_owned();
    let both = [failed, missing];
    assert_eq!(visible(&both), [&both[0]]);
}

#[test]
fn a_message_without_what_is_expected_of_it_is_left_alone() {
    for number in 0..1000 {
        for message in
            ["", "`", "`a`", "cannot find value `a` in this scope", "expected `é`, found `", "é `a`: `b` `c`"]
        {
            for at in [Position { line: 0, column: 0 }, Position { line: 1, column: 9 }] {
                let mut error = Diagnostic::of_message(message, at);
                error.code = Some(format!("E{number:04}"));
                error.spans[0].label = Some(message.to_owned());
                explain(&error, &facts("é"));
                error.spans.clear();
                explain(&error, &Facts::default());
            }
        }
    }
}
