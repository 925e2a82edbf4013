//! Descriptions as a person reads them.

use super::Docs;
use super::protocol::Description;

/// As much documentation as fits beside a notebook, in lines.
const LINES: usize = 60;

/// A description as a person reads it: what it is and what is said of it, and at level 1 how it is made.
pub fn docs(found: &Description, detail_level: u8) -> Docs {
    let mut plain = found.signature.clone();
    let mut markdown = format!("```rust\n{}\n```\n", found.signature);
    if !found.markdown.is_empty() {
        let shown = |text: &str| if detail_level > 0 { text.to_owned() } else { beginning(text) };
        plain.push_str(&format!("\n\n{}", shown(&found.plain)));
        markdown.push_str(&format!("\n{}\n", shown(&found.markdown)));
    }
    if let (true, Some(source)) = (detail_level > 0, &found.source) {
        plain.push_str(&format!("\n\nSource:\n{source}"));
        markdown.push_str(&format!("\n**Source**\n\n```rust\n{source}\n```\n"));
    }
    Docs { plain, markdown }
}

/// The first part of a long documentation, up to a line where it can be cut.
fn beginning(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() <= LINES {
        return text.to_owned();
    }
    // A block of code is left out rather than cut through.
    let is_fence = |line: &&&str| line.trim_start().starts_with("```");
    let mut end = LINES;
    if lines[..end].iter().filter(is_fence).count() % 2 == 1 {
        end = lines[..end].iter().rposition(|line| is_fence(&line)).unwrap_or(end);
    }
    format!("{}\n\n… ({} more lines)", lines[..end].join("\n").trim_end(), lines.len() - end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_documentation_is_cut_between_blocks_of_code() {
        let text = format!("one\n\n```\n{}```\n{}", "code\n".repeat(70), "more\n".repeat(3));
        assert_eq!(beginning(&text), "one\n\n… (75 more lines)");
        assert_eq!(beginning("short"), "short");
    }

    #[test]
    fn the_source_is_for_those_who_ask_twice() {
        let found = Description {
            signature: "fn f()".to_owned(),
            markdown: "Does *it*.".to_owned(),
            plain: "Does it.".to_owned(),
            source: Some("fn f() {}".to_owned()),
        };
        assert_eq!(docs(&found, 0).plain, "fn f()\n\nDoes it.");
        assert!(docs(&found, 1).plain.ends_with("fn f() {}"));
        assert!(docs(&found, 1).markdown.contains("Does *it*."));
    }
}
