//! The DOT language of Graphviz.

use std::fmt::Write;

use super::{Colors, Kind, Picture};

/// Quotes a string for DOT. Escape sequences such as `\N` mean something in labels, so a backslash is doubled.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            character if character.is_control() => out.push(' '),
            character => out.push(character),
        }
    }
    out.push('"');
    out
}

pub(super) fn render(picture: &Picture) -> String {
    let colors = Colors::new(picture.nodes.iter());
    let mut out = String::from(
        "digraph taskloom {\n  rankdir=BT;\n  node [shape=box, fontname=\"Hack, DejaVu Sans Mono, monospace\", fontsize=12, height=0.36];\n",
    );
    for (index, node) in picture.nodes.iter().enumerate() {
        let (fill, stroke) = colors.of(node);
        let style = match node.kind {
            Kind::Task => "rounded,filled",
            Kind::Data => "filled",
        };
        let tooltip = if node.detail.is_empty() { &node.label } else { &node.detail };
        let _ = writeln!(
            out,
            "  n{index} [label={}, style=\"{style}\", fillcolor={}, color={}, tooltip={}];",
            quote(&node.label),
            quote(&fill),
            quote(&stroke),
            quote(tooltip)
        );
    }
    for &(from, to) in &picture.edges {
        if from < picture.nodes.len() && to < picture.nodes.len() {
            let _ = writeln!(out, "  n{from} -> n{to};");
        }
    }
    out.push_str("}\n");
    out
}

#[cfg(test)]
mod tests {
    use super::super::{Node, Picture};
    use super::*;

    #[test]
    fn strings_are_quoted() {
        assert_eq!(quote("a \"b\" \\N\nc\u{7}"), r#""a \"b\" \\N\nc ""#);
    }

    #[test]
    fn every_node_and_edge_is_there() {
        let node = |label: &str, kind| Node { label: label.into(), kind, detail: String::new(), color: None };
        let picture = Picture {
            nodes: vec![node("1", Kind::Data), node("inc", Kind::Task)],
            edges: vec![(0, 1), (0, 1), (0, 5)],
        };
        let dot = picture.dot();
        assert_eq!(dot.matches("n0 -> n1;").count(), 2);
        assert!(dot.contains(r#"n1 [label="inc", style="rounded,filled""#));
        assert!(!dot.contains("n5"));
    }
}
