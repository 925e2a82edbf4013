//! A lazy frame as text and as HTML: its columns, their types, and how it is cut; never its rows.

use std::fmt::Write as _;

use super::DataFrame;
use crate::display::{MimeBundle, Show};
use crate::draw::grouped;

/// The most columns that are shown.
const MOST_COLUMNS: usize = 40;

/// The most divisions that are shown.
const MOST_DIVISIONS: usize = 8;

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl DataFrame {
    /// "12 partitions, 19 columns".
    fn about(&self) -> String {
        let plural =
            |count: usize, what: &str| format!("{} {what}{}", grouped(count as u64), if count == 1 { "" } else { "s" });
        format!("{}, {}", plural(self.npartitions(), "partition"), plural(self.node().schema.len(), "column"))
    }

    /// What makes it: the names of the last operations.
    fn made_by(&self) -> String {
        let mut names = Vec::new();
        let mut node = self.node();
        loop {
            names.push(node.name.clone());
            match node.inputs().first() {
                Some(input) if names.len() < 6 => node = input,
                Some(_) => {
                    names.push("…".to_owned());
                    break;
                }
                None => break,
            }
        }
        names.reverse();
        names.join(" → ")
    }

    fn divisions_text(&self) -> Option<String> {
        let divisions = self.node().divisions.as_ref()?;
        let mut values: Vec<String> = divisions.values.iter().map(|value| value.to_string()).collect();
        if values.len() > MOST_DIVISIONS {
            let left = values.len() - MOST_DIVISIONS;
            values.splice(MOST_DIVISIONS / 2..MOST_DIVISIONS / 2 + left, ["…".to_owned()]);
        }
        Some(format!("by \"{}\" at {}", divisions.column, values.join(", ")))
    }

    fn text(&self) -> String {
        let mut text = format!("DataFrame: {} (lazy; {})\n", self.about(), self.made_by());
        if let Some(divisions) = self.divisions_text() {
            _ = writeln!(text, "divided {divisions}");
        }
        let schema = &self.node().schema;
        let width = schema.iter_names().take(MOST_COLUMNS).map(|name| name.chars().count()).max().unwrap_or(0);
        for (name, kind) in schema.iter().take(MOST_COLUMNS) {
            _ = writeln!(text, "  {name:width$}  {kind}");
        }
        if schema.len() > MOST_COLUMNS {
            _ = writeln!(text, "  … and {} more", schema.len() - MOST_COLUMNS);
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn html(&self) -> String {
        let schema = &self.node().schema;
        let mut html = String::from("<div class=\"taskloom-frame\"><p><strong>DataFrame</strong> ");
        _ = write!(html, "{} <em>(lazy; {})</em></p>", self.about(), escaped(&self.made_by()));
        if let Some(divisions) = self.divisions_text() {
            _ = write!(html, "<p>divided {}</p>", escaped(&divisions));
        }
        html.push_str("<table><thead><tr><th style=\"text-align:left\">column</th><th style=\"text-align:left\">type</th></tr></thead><tbody>");
        for (name, kind) in schema.iter().take(MOST_COLUMNS) {
            _ = write!(
                html,
                "<tr><td style=\"text-align:left\">{}</td><td style=\"text-align:left\"><code>{}</code></td></tr>",
                escaped(name),
                escaped(&kind.to_string())
            );
        }
        if schema.len() > MOST_COLUMNS {
            _ = write!(html, "<tr><td colspan=\"2\">… and {} more</td></tr>", schema.len() - MOST_COLUMNS);
        }
        html.push_str("</tbody></table></div>");
        html
    }
}

impl std::fmt::Debug for DataFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

impl Show for DataFrame {
    fn show(&self) -> MimeBundle {
        MimeBundle::new().with("text/plain", self.text()).with("text/html", self.html())
    }
}
