//! What a graded cell may not say.
//!
//! A submission runs in one process with the checks that judge it. Only Rust itself keeps it from that process's memory;
//! so what gets around Rust is not allowed, nor what puts code into a cell that is not in its text, nor the few functions
//! of the engine by which results would not come out as they are.

use ra_ap_syntax::{Edition, SourceFile, SyntaxKind};

/// Words, and what they would do.
const WORDS: [(&str, &str); 6] = [
    ("include", "takes code from a file"),
    ("asm", "is machine code"),
    ("global_asm", "is machine code"),
    ("naked_asm", "is machine code"),
    ("set_listener", "takes the events of the session"),
    ("taskloom_attach", "takes the events of the session"),
];

/// Why a cell is not run when it is graded, if there is a reason.
pub fn objection(code: &str) -> Option<String> {
    let file = SourceFile::parse(code, Edition::Edition2024);
    let tokens: Vec<(SyntaxKind, String)> = file
        .syntax_node()
        .descendants_with_tokens()
        .filter_map(|element| element.into_token())
        .filter(|token| !token.kind().is_trivia())
        .map(|token| (token.kind(), token.text().to_owned()))
        .collect();
    for (index, (kind, text)) in tokens.iter().enumerate() {
        if *kind == SyntaxKind::UNSAFE_KW {
            return Some("`unsafe` is not allowed in cells that are graded".to_owned());
        }
        // A macro could give a word that is not a keyword here its meaning elsewhere, so all of them count.
        if let Some((word, does)) = WORDS.iter().find(|(word, _)| text == word || text.strip_prefix("r#") == Some(word))
        {
            return Some(format!("`{word}` {does}, which is not allowed in cells that are graded"));
        }
        let follows = |distance: usize, what: &str| tokens.get(index + distance).is_some_and(|(_, text)| text == what);
        if text == "mod" && follows(2, ";") {
            return Some("a module in another file is not allowed in cells that are graded".to_owned());
        }
    }
    None
}

/// Magics that run what is in the cell, and nothing else.
const MAGICS: [&str; 2] = ["%%time", "%time"];

/// A cell without its magics and commands, but for those that only measure: what they do is not Rust, and runs in the
/// evaluator. Says whether something was left out. Lines keep their numbers.
pub fn plain(code: &str) -> (String, bool) {
    let mut left_out = false;
    let mut text = String::with_capacity(code.len());
    for (index, line) in code.lines().enumerate() {
        let start = line.trim_start();
        let word = start.split_whitespace().next().unwrap_or_default();
        let begins =
            |mark: &str| start.strip_prefix(mark).and_then(|rest| rest.chars().next()).is_some_and(char::is_alphabetic);
        if begins("%%") && !MAGICS.contains(&word) && text.trim().is_empty() {
            // All of the cell is the magic's.
            return (String::new(), !word.starts_with("%%check"));
        }
        if index > 0 {
            text.push('\n');
        }
        let is_other =
            ((begins("%") || begins("%%")) && !MAGICS.contains(&word)) || begins("!") || start.starts_with("!!");
        let is_command = line.starts_with(':') && begins(":");
        let is_question = start.starts_with('?') || is_name_and_question(start);
        if is_other || is_command || is_question {
            // Checks are run anyway, and hints are for people.
            left_out |= !["%check", "%hint", "%progress"].contains(&word) && !is_question;
        } else {
            text.push_str(line);
        }
    }
    (text, left_out)
}

/// `%name?` asks; `name?` is Rust's, which the session finds out.
fn is_name_and_question(line: &str) -> bool {
    line.starts_with('%') && line.trim_end().ends_with('?')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gets_around_rust_is_found_wherever_it_is() {
        for code in [
            "unsafe { std::hint::unreachable_unchecked() }",
            "macro_rules! m { ($($t:tt)*) => { $($t)* } } m!(unsafe { f() });",
            "#[unsafe(no_mangle)] pub extern \"C\" fn read() {}",
            "unsafe extern \"C\" { safe fn getpid() -> i32; }",
            "core::arch::global_asm!(\"nop\");",
            "include!(\"more.rs\");",
            "use std::include as take; take!(\"x\");",
            "#[path = \"/tmp/x.rs\"] mod x;",
            "taskloom::events::set_listener(|_| {});",
            "let x = taskloom::cell::r#taskloom_attach;",
        ] {
            assert!(objection(code).is_some(), "{code}");
        }
        for code in [
            "// unsafe\nlet text = \"unsafe include! asm\";",
            "let total = delayed!(sum(&results));",
            "mod tools { pub fn f() {} }",
            "let unsafely = 1; let text = include_str!(\"x\");",
            "let x = ",
        ] {
            assert_eq!(objection(code), None, "{code}");
        }
    }

    #[test]
    fn only_magics_that_measure_stay() {
        assert_eq!(plain("%%time\nlet x = 1;"), ("%%time\nlet x = 1;".into(), false));
        assert_eq!(plain("let a = 1;\n!rm -rf /\nlet b = 2;"), ("let a = 1;\n\nlet b = 2;".into(), true));
        assert_eq!(plain("%%bash\nrm -rf /"), (String::new(), true));
        assert_eq!(plain("%check delayed-loop"), (String::new(), false));
        assert_eq!(plain("  %cd /\nx"), ("\nx".into(), true));
        assert_eq!(plain(":dep rand = \"1\""), (String::new(), true));
        let rust = "let y = x\n    % 3;\nlet z = !ready;\nlet w = ::std::i32::MAX;";
        assert_eq!(plain(rust), (rust.into(), false));
    }
}
