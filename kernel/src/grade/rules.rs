//! What a graded cell may not say.
//!
//! A submission runs in one process with the checks that judge it. Only Rust itself keeps it from that process's memory;
//! so what gets around Rust is not allowed, nor what puts code into a cell that is not in its text, nor the few functions
//! of the engine by which results would not come out as they are.

use ra_ap_syntax::ast::{self, AstToken};
use ra_ap_syntax::{Edition, SourceFile, SyntaxKind, SyntaxToken};

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
    let tokens = tokens_of(&file);
    for (index, token) in tokens.iter().enumerate() {
        let text = token.text();
        if token.kind() == SyntaxKind::UNSAFE_KW {
            return Some("`unsafe` is not allowed in cells that are graded".to_owned());
        }
        // A macro could give a word that is not a keyword here its meaning elsewhere, so all of them count.
        let is_same = |word: &str| text == word || text.strip_prefix("r#") == Some(word);
        if let Some((word, does)) = WORDS.iter().find(|(word, _)| is_same(word)) {
            return Some(format!("`{word}` {does}, which is not allowed in cells that are graded"));
        }
        if let Some(word) = text_of_string(token).as_deref().and_then(code_in_text) {
            return Some(format!(
                "a text that is code with `{word}` in it is not allowed in cells that are graded: attributes such as serde's \
                 make code of texts"
            ));
        }
        let follows =
            |distance: usize, what: &str| tokens.get(index + distance).is_some_and(|token| token.text() == what);
        if text == "mod" && follows(2, ";") {
            return Some("a module in another file is not allowed in cells that are graded".to_owned());
        }
    }
    None
}

fn tokens_of(file: &ra_ap_syntax::Parse<SourceFile>) -> Vec<SyntaxToken> {
    let all = file.syntax_node();
    let tokens = all.descendants_with_tokens().filter_map(|element| element.into_token());
    tokens.filter(|token| !token.kind().is_trivia()).collect()
}

/// What a string literal says.
fn text_of_string(token: &SyntaxToken) -> Option<String> {
    let text = ast::String::cast(token.clone())?;
    // One that is no string to the compiler is none to a macro.
    Some(text.value().ok()?.into_owned())
}

/// What of a text must not be in code, when the text reads like code that has it. Words in a sentence are only words.
fn code_in_text(text: &str) -> Option<&'static str> {
    const AFTER_UNSAFE: [&str; 5] = ["{", "impl", "fn", "extern", "trait"];
    let file = SourceFile::parse(text, Edition::Edition2024);
    let tokens = tokens_of(&file);
    let at = |index: usize| tokens.get(index).map_or("", |token| token.text());
    tokens.iter().enumerate().find_map(|(index, token)| {
        let is_macro = || at(index + 1) == "!" && ["(", "[", "{"].contains(&at(index + 2));
        match token.text().trim_start_matches("r#") {
            "unsafe" if AFTER_UNSAFE.contains(&at(index + 1)) => Some("unsafe"),
            "unsafe" if index > 0 && at(index - 1) == "[" => Some("unsafe"),
            "set_listener" => Some("set_listener"),
            "taskloom_attach" => Some("taskloom_attach"),
            "include" if is_macro() => Some("include"),
            "asm" | "global_asm" | "naked_asm" if is_macro() => Some("asm"),
            // A text in a text.
            _ => text_of_string(token).as_deref().and_then(code_in_text),
        }
    })
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
            "#[derive(Deserialize)] struct S { #[serde(default = \"f::<{ impl T for S { fn g() { unsafe { h() } } } 0 }>\")] x: i32 }",
            "m!(\"f::<{ \\x75nsafe { g() } }>\");",
            "m!(r#\"taskloom::events::set_listener\"#);",
            "m!(r##\"f::<{ n!(r#\"#[unsafe(no_mangle)] fn g() {}\"#) }>\"##);",
        ] {
            assert!(objection(code).is_some(), "{code}");
        }
        for code in [
            "// unsafe\nlet text = \"unsafe include! asm\";",
            "let total = delayed!(sum(&results));",
            "mod tools { pub fn f() {} }",
            "println!(\"unsafe code is not needed, include it or not; {x} asm\");",
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
