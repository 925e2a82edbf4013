//! Tables that are never longer or wider than one looks at.

use super::escape;

/// Rows shown of a longer table: half of them from each end.
pub(crate) const MOST_ROWS: usize = 10;
/// Columns shown of a wider table: half of them from each side.
pub(crate) const MOST_COLUMNS: usize = 12;

/// Which of so many places are shown; `None` stands for those between.
pub(crate) fn shown(count: usize, most: usize) -> Vec<Option<usize>> {
    if count <= most {
        return (0..count).map(Some).collect();
    }
    let half = most / 2;
    (0..half).map(Some).chain([None]).chain((count - half..count).map(Some)).collect()
}

/// A column's head: its name and, in small letters, its type. Both may be empty.
pub(crate) struct Head {
    pub(crate) name: String,
    pub(crate) kind: String,
    /// Numbers stand to the right.
    pub(crate) is_number: bool,
}

/// One cell of a table.
pub(crate) enum Cell {
    Value(String),
    /// A value that is not there.
    Null,
    /// It stands for what was left out.
    More,
}

const MUTED: &str = "opacity:.6;font-weight:normal";

/// A table as HTML, with a line of text above it. Each row begins with its number.
pub(crate) fn html(above: &str, heads: &[Option<Head>], rows: Vec<(Option<usize>, Vec<Cell>)>) -> String {
    let mut html = format!("<div class=\"taskloom-table\"><small>{}</small><table>", escape(above));
    if heads.iter().flatten().any(|head| !head.name.is_empty() || !head.kind.is_empty()) {
        html.push_str("<thead><tr><th></th>");
        for head in heads {
            let Some(head) = head else {
                html.push_str("<th>…</th>");
                continue;
            };
            let side = side(head.is_number);
            html.push_str(&format!("<th style=\"text-align:{side}\">{}", escape(&head.name)));
            if !head.kind.is_empty() {
                html.push_str(&format!("<br><small style=\"{MUTED}\">{}</small>", escape(&head.kind)));
            }
            html.push_str("</th>");
        }
        html.push_str("</tr></thead>");
    }
    html.push_str("<tbody>");
    for (number, cells) in rows {
        let number = number.map_or_else(|| "⋮".to_owned(), |number| number.to_string());
        html.push_str(&format!("<tr><th style=\"{MUTED}\">{number}</th>"));
        for (cell, head) in cells.iter().zip(heads) {
            let side = side(head.as_ref().is_some_and(|head| head.is_number));
            html.push_str(&match cell {
                Cell::Value(text) => format!("<td style=\"text-align:{side};white-space:pre\">{}</td>", escape(text)),
                Cell::Null => format!("<td style=\"text-align:{side};{MUTED}\">null</td>"),
                Cell::More => "<td style=\"text-align:center\">…</td>".to_owned(),
            });
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
    html
}

fn side(is_number: bool) -> &'static str {
    if is_number { "right" } else { "left" }
}

/// The text of a cell, cut when it is long.
pub(crate) fn clipped(text: &str) -> String {
    const MOST_CHARS: usize = 60;
    match text.char_indices().nth(MOST_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_is_long_is_shown_from_both_ends() {
        assert_eq!(shown(3, 4), [Some(0), Some(1), Some(2)]);
        assert_eq!(shown(100, 4), [Some(0), Some(1), None, Some(98), Some(99)]);
        assert_eq!(shown(0, 4), []);
    }
}
