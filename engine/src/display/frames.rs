//! Polars values in a notebook: as a table, never longer than one looks at.

use polars::prelude::{DataFrame, LazyFrame, Series};

use super::{MimeBundle, Show, escape};

/// Rows shown from each end of a longer frame.
const ROWS_EACH_END: usize = 5;

impl Show for DataFrame {
    fn show(&self) -> MimeBundle {
        let (rows, columns) = self.shape();
        let mut html =
            format!("<div class=\"taskloom-frame\"><small>{rows} rows × {columns} columns</small><table><thead><tr>");
        for column in self.columns() {
            html.push_str(&format!(
                "<th>{}<br><small>{}</small></th>",
                escape(column.name()),
                escape(&column.dtype().to_string())
            ));
        }
        html.push_str("</tr></thead><tbody>");
        let cut = rows > 2 * ROWS_EACH_END;
        let shown: Vec<usize> =
            if cut { (0..ROWS_EACH_END).chain(rows - ROWS_EACH_END..rows).collect() } else { (0..rows).collect() };
        for (place, row) in shown.into_iter().enumerate() {
            if cut && place == ROWS_EACH_END {
                html.push_str(&format!("<tr>{}</tr>", "<td>…</td>".repeat(columns)));
            }
            html.push_str("<tr>");
            for column in self.columns() {
                let value = column.get(row).map_or_else(|_| String::new(), |value| value.str_value().into_owned());
                html.push_str(&format!("<td>{}</td>", escape(&value)));
            }
            html.push_str("</tr>");
        }
        html.push_str("</tbody></table></div>");
        MimeBundle::new().with("text/plain", self.to_string()).with("text/html", html)
    }
}

impl Show for Series {
    fn show(&self) -> MimeBundle {
        MimeBundle::new().with("text/plain", self.to_string())
    }
}

impl Show for LazyFrame {
    fn show(&self) -> MimeBundle {
        let plan = self.describe_plan().unwrap_or_else(|error| format!("this plan cannot work: {error}"));
        MimeBundle::new().with("text/plain", format!("LazyFrame: nothing has run yet\n{plan}"))
    }
}
