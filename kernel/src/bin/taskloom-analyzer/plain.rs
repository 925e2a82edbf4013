//! Documentation for a terminal: Markdown without its marks.

/// The text as a person would have typed it: headings and code stay on lines of their own, links become their words.
pub fn plain(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    let mut in_code = false;
    for line in markdown.lines() {
        let mark = line.trim_start();
        if mark.starts_with("```") {
            in_code = !in_code;
        } else if in_code {
            text.push_str(&format!("    {line}\n"));
        } else if mark == "---" {
            text.push('\n');
        } else {
            let heading = mark.trim_start_matches('#');
            let line = if heading.len() < mark.len() && heading.starts_with(' ') { heading.trim_start() } else { line };
            text.push_str(&words(line));
            text.push('\n');
        }
    }
    // No more than one blank line in a row.
    while text.contains("\n\n\n") {
        text = text.replace("\n\n\n", "\n\n");
    }
    text.trim().to_owned()
}

/// Without the links to pages that nobody has published: those of the session and of the engine.
pub fn without_dead_links(markdown: &str) -> String {
    const UNPUBLISHED: [&str; 2] = ["](https://docs.rs/session/", "](https://docs.rs/taskloom/"];
    let mut text = markdown.to_owned();
    while let Some(at) = UNPUBLISHED.iter().find_map(|address| text.find(address)) {
        let (Some(start), Some(length)) = (text[..at].rfind('['), text[at..].find(')')) else { break };
        let label = text[start + 1..at].to_owned();
        text.replace_range(start..=at + length, &label);
    }
    text
}

/// A line without the marks of code, emphasis and links.
fn words(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['`', '*', '[']) {
        let (before, marked) = rest.split_at(at);
        text.push_str(before);
        rest = match marked.as_bytes()[0] {
            b'[' => match link(marked) {
                Some((label, after)) => {
                    text.push_str(&words(label));
                    after
                }
                None => {
                    text.push('[');
                    &marked[1..]
                }
            },
            // What is marked as code is taken as it is.
            b'`' => match marked[1..].split_once('`') {
                Some((code, after)) => {
                    text.push_str(code);
                    after
                }
                None => &marked[1..],
            },
            _ if marked.starts_with("**") => &marked[2..],
            // A star on its own is no mark.
            _ if marked.starts_with("* ") => {
                text.push('*');
                &marked[1..]
            }
            _ => &marked[1..],
        };
    }
    text.push_str(rest);
    text
}

/// The label of a link that the text begins with, and what follows the link.
fn link(text: &str) -> Option<(&str, &str)> {
    let (label, after) = text[1..].split_once(']')?;
    let address = after.strip_prefix('(')?;
    Some((label, address.split_once(')')?.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_nowhere_are_taken_off() {
        let markdown =
            "A [`Delayed`](https://docs.rs/taskloom/0.1.0/x.html), a [`Vec`](https://doc.rust-lang.org/vec).";
        assert_eq!(without_dead_links(markdown), "A `Delayed`, a [`Vec`](https://doc.rust-lang.org/vec).");
    }

    #[test]
    fn marks_are_taken_off_and_lines_stay_lines() {
        let markdown = "Appends to a [`Vec`](https://doc/x.html), *always*.\n\n## Examples\n\n```rust\nlet v = a * b;\n```\n* one\n";
        assert_eq!(plain(markdown), "Appends to a Vec, always.\n\nExamples\n\n    let v = a * b;\n* one");
        assert_eq!(plain("`a * b` and [a, b] and 2 * 3"), "a * b and [a, b] and 2 * 3");
        assert_eq!(plain("`T` = `i32`\n\n---\n\nMore"), "T = i32\n\nMore");
    }
}
