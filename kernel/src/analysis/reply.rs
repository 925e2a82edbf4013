//! Answers in Jupyter's words.

use serde_json::{Value, json};

use super::Docs;
use super::protocol::{Completions, Description};

/// The content of a `complete_reply`. Jupyter counts in characters.
pub fn complete_reply(code: &str, found: &Completions) -> Value {
    let characters = |bytes: usize| code.get(..bytes).map_or(0, |before| before.chars().count());
    let (start, end) = (characters(found.replaces.start), characters(found.replaces.end));
    let matches: Vec<&str> = found.items.iter().map(|item| item.insert.as_str()).collect();
    let described = |item: &super::Item| {
        let mut described = json!({"start": start, "end": end, "text": item.insert, "type": item.kind});
        if !item.detail.is_empty() {
            described["signature"] = item.detail.as_str().into();
        }
        described
    };
    let types: Vec<Value> = found.items.iter().map(described).collect();
    json!({
        "status": "ok",
        "matches": matches,
        "cursor_start": start,
        "cursor_end": end,
        "metadata": {"_jupyter_types_experimental": types},
    })
}

/// The content of an `inspect_reply`.
pub fn inspect_reply(docs: Option<Docs>) -> Value {
    match docs {
        Some(docs) => json!({
            "status": "ok",
            "found": true,
            "data": {"text/plain": docs.plain, "text/markdown": docs.markdown},
            "metadata": {},
        }),
        None => json!({"status": "ok", "found": false, "data": {}, "metadata": {}}),
    }
}

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
    use crate::analysis::protocol::Item;

    #[test]
    fn places_are_counted_in_characters() {
        let code = "let é = v.pu";
        let item = Item {
            label: "push".to_owned(),
            insert: "push".to_owned(),
            kind: "function".to_owned(),
            detail: "(&mut self, value: T)".to_owned(),
        };
        let reply = complete_reply(code, &Completions { replaces: code.len() - 2..code.len(), items: vec![item] });
        assert_eq!((&reply["cursor_start"], &reply["cursor_end"]), (&json!(10), &json!(12)));
        let described =
            json!({"start": 10, "end": 12, "text": "push", "type": "function", "signature": "(&mut self, value: T)"});
        assert_eq!(reply["metadata"]["_jupyter_types_experimental"], json!([described]));
    }

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
