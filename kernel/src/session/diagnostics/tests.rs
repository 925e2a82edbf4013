//! Real messages as they are drawn. Colours are looked at once; elsewhere they are taken off.

use serde_json::json;

use super::super::testing::{check, plain};
use super::*;

/// The drawing of a cell's first error.
fn drawn(code: &str) -> String {
    let checked = check(code);
    let first = checked.diagnostics.first().expect("the cell has an error");
    plain(&render(first, &|file, line, column| checked.place(file, line, column)))
}

fn assert_drawn(code: &str, expected: &str) {
    let drawn = drawn(code);
    assert_eq!(drawn.trim_end(), expected.trim_matches('\n'), "\n{drawn}\n");
}

#[test]
fn labels_of_one_line_hang_in_order() {
    assert_drawn(
        "let names = vec![1]; let copy = names; println!(\"{}\", names.len());",
        r#"
error[E0382]: borrow of moved value: `names`
  --> line 1, column 55
   1 | let names = vec![1]; let copy = names; println!("{}", names.len());
     |     -----                       -----                 ^^^^^ value borrowed here after move
     |     |                           |
     |     |                           value moved here
     |     move occurs because `names` has type `Vec<i32>`, which does not implement the `Copy` trait
     = help: consider cloning the value if the performance cost is acceptable
   1 | let names = vec![1]; let copy = names.clone(); println!("{}", names.len());
     |                                      ++++++++
     = more: https://doc.rust-lang.org/error_codes/E0382.html
"#,
    );
}

#[test]
fn a_place_of_several_lines_has_a_bar() {
    assert_drawn(
        "let a: i64 = if n > 1 {\n    2;\n} else { 3 };",
        r#"
error[E0308]: mismatched types
  --> line 1, column 23
   1 |   let a: i64 = if n > 1 {
     |  _______________________^
   2 | |     2;
   3 | | } else { 3 };
     | |_^ expected `i64`, found `()`
     = help: remove this semicolon to return this value
   2 -     2;
   2 +     2
     = more: https://doc.rust-lang.org/error_codes/E0308.html
"#,
    );
}

#[test]
fn a_long_place_is_drawn_by_its_ends() {
    let code = "let a: i64 =\n    [\n        1,\n        2,\n        3,\n        4,\n        5,\n        6,\n    ];";
    assert_drawn(
        code,
        r"
error[E0308]: mismatched types
  --> line 2, column 5
   1 |   let a: i64 =
     |          --- expected due to this
   2 | /     [
 ...
   9 | |     ];
     | |_____^ expected `i64`, found `[{integer}; 6]`
     = more: https://doc.rust-lang.org/error_codes/E0308.html
",
    );
}

#[test]
fn tabs_and_wide_characters_keep_the_signs_under_the_code() {
    assert_drawn(
        "{\n\tlet t = (\"日本\", \"e\u{301}\", zebra);\n}",
        "
error[E0425]: cannot find value `zebra` in this scope
  --> line 2, column 23
   2 |     let t = (\"日本\", \"e\u{301}\", zebra);
     |                           ^^^^^ not found in this scope
     = more: https://doc.rust-lang.org/error_codes/E0425.html
",
    );
}

#[test]
fn suggestions_show_the_line_as_it_would_be() {
    let shown = drawn("let c = HashMap::new();");
    assert!(
        shown.contains("= help: consider importing this struct\n     + use std::collections::HashMap;\n"),
        "{shown}"
    );
    let shown = drawn("let c = vectr.len();");
    assert!(
        shown.contains("similar name exists\n   1 - let c = vectr.len();\n   1 + let c = vector.len();\n"),
        "{shown}"
    );
    let shown = drawn("n++;");
    assert!(shown.contains("   1 - n++;\n   1 + n += 1;"), "{shown}");
}

#[test]
fn generated_code_is_not_drawn() {
    // The parameter that the suggestion would change is not the user's.
    assert_drawn(
        "n = 5;",
        "
error[E0384]: cannot assign to immutable variable `n`
  --> line 1, column 1
   1 | n = 5;
     | ^^^^^ cannot assign to immutable variable
     = more: https://doc.rust-lang.org/error_codes/E0384.html
",
    );
    let shown = drawn("let r = &n; keep(r);");
    assert!(shown.contains("`n` does not live long enough") && !shown.contains("CellError"), "{shown}");
}

#[test]
fn a_parsers_message_is_drawn_like_rustcs() {
    let error = Diagnostic::of_message("expected SEMICOLON", Position { line: 1, column: 10 });
    let place = |_: &str, line: usize, column: usize| {
        (line == 1).then(|| UserPlace { cell: None, line, column, text: "let x = 5".to_owned() })
    };
    assert_eq!(
        plain(&render(&error, &place)),
        "error: expected `;`\n  --> line 1, column 10\n   1 | let x = 5\n     |          ^"
    );
}

#[test]
fn the_engines_inside_is_not_told() {
    let shown = drawn("struct Point { x: i64 }\ntask_of!(vec![Point { x: 1 }]);");
    assert!(
        shown.starts_with("error[E0599]: a value of type `Vec<Point>` cannot be an argument of a task\n"),
        "{shown}"
    );
    assert!(!shown.contains("Taken") && !shown.contains("Lazy") && !shown.contains("taken"), "{shown}");
}

#[test]
fn an_earlier_cell_is_named() {
    let shown = drawn("let a = inc();");
    assert!(shown.contains("  --> line 1, column 9\n   1 | let a = inc();\n"), "{shown}");
    assert!(shown.contains("::: line 1 of cell [1]") || shown.contains("--> line 1 of cell [1], column 4"), "{shown}");
    assert!(shown.contains("fn inc(x: i64) -> i64"), "{shown}");
}

#[test]
fn colours_are_those_of_rustc() {
    let checked = check("let a: i64 = \"x\";");
    let drawn = render(&checked.diagnostics[0], &|file, line, column| checked.place(file, line, column));
    assert!(
        drawn.starts_with("\u{1b}[31m\u{1b}[1merror[E0308]\u{1b}[0m\u{1b}[1m: mismatched types\u{1b}[0m\n"),
        "{drawn:?}"
    );
    assert!(drawn.contains("\u{1b}[34m---") && drawn.contains("\u{1b}[31m^^^ expected"), "{drawn:?}");
}

#[test]
fn a_summary_is_not_a_diagnostic() {
    let message =
        |level: &str, text: &str| json!({"level": level, "message": text, "spans": [], "children": [], "code": null});
    assert_eq!(Diagnostic::parse(&message("error", "aborting due to 2 previous errors")), None);
    assert_eq!(Diagnostic::parse(&message("failure-note", "For more information about this error")), None);
    assert_eq!(Diagnostic::parse(&json!(null)), None);
    assert!(Diagnostic::parse(&message("error", "linking failed")).is_some());
}

#[test]
fn alternatives_are_told_from_parts() {
    let part = |start: usize, end: usize, text: &str| {
        json!({
            "file_name": "src/lib.rs", "line_start": 1, "line_end": 1, "column_start": start, "column_end": end,
            "is_primary": true, "label": null, "suggested_replacement": text, "expansion": null, "text": [],
        })
    };
    let groups = |parts: Vec<Value>| -> Vec<usize> {
        suggestions(&Value::Array(parts)).iter().map(|suggestion| suggestion.parts.len()).collect()
    };
    assert_eq!(groups(vec![part(1, 1, "Some("), part(5, 5, ")")]), [2]);
    assert_eq!(groups(vec![part(1, 1, "use a;\n"), part(1, 1, "use b;\n")]), [1, 1]);
    assert_eq!(groups(vec![part(1, 1, "("), part(5, 5, ")"), part(1, 1, "["), part(5, 5, "]")]), [2, 2]);
}

#[test]
fn a_librarys_file_is_not_the_cell() {
    assert!(is_cell("src/lib.rs"));
    assert!(is_cell("items/cell_checked.rs"));
    assert!(is_cell("items/cell_12_items.rs"));
    assert!(!is_cell("items/taskloom_cells.rs"));
    assert!(!is_cell("/rustc/1234/library/core/src/lib.rs"));
    assert!(!is_cell("/home/me/.cargo/registry/src/x/rand-0.9.0/src/lib.rs"));
}
