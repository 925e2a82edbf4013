//! `%progress` as a table: the exercises of a course by notebook, and how far each is.

use std::collections::BTreeMap;
use std::fmt::Write;

use taskloom_exercises::Exercise;

use crate::html::escape;
use crate::progress::Record;

/// A line of the table.
struct Row<'a> {
    exercise: &'a Exercise,
    record: Option<&'a Record>,
}

impl Row<'_> {
    fn points(&self) -> u32 {
        // An exercise may have been worth more when it was done.
        self.record.map_or(0, |record| record.points.min(self.exercise.points))
    }

    fn is_done(&self) -> bool {
        self.record.is_some_and(|record| record.passed.is_some())
    }

    fn mark(&self) -> &'static str {
        match self.record {
            Some(record) if record.passed.is_some() => "✓",
            Some(record) if record.checks > 0 => "…",
            _ => "·",
        }
    }

    /// How it was got.
    fn ways(&self) -> String {
        let Some(record) = self.record else { return String::new() };
        let several = |count: u32, one: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            more => Some(format!("{more} {one}s")),
        };
        let parts = [several(record.checks, "check"), several(record.hints, "hint")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// The exercises of each notebook, in the order of the notebooks.
pub(super) struct Sheet<'a> {
    notebooks: BTreeMap<&'a str, Vec<Row<'a>>>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(exercises: &'a [Exercise], records: &'a BTreeMap<String, Record>) -> Sheet<'a> {
        let mut notebooks: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
        for exercise in exercises {
            let row = Row { exercise, record: records.get(&exercise.id) };
            notebooks.entry(&exercise.notebook).or_default().push(row);
        }
        Sheet { notebooks }
    }

    fn headline(&self) -> String {
        let rows = || self.notebooks.values().flatten();
        format!(
            "{} of {} exercises done, {} of {} points",
            rows().filter(|row| row.is_done()).count(),
            rows().count(),
            rows().map(Row::points).sum::<u32>(),
            rows().map(|row| row.exercise.points).sum::<u32>()
        )
    }

    pub(super) fn text(&self) -> String {
        let width = self.notebooks.values().flatten().map(|row| row.exercise.id.len()).max().unwrap_or(0);
        let mut text = self.headline();
        for (notebook, rows) in &self.notebooks {
            let _ = write!(text, "\n{notebook}");
            for row in rows {
                let (id, of) = (&row.exercise.id, row.exercise.points);
                let line = format!("  {} {id:width$}  {:>2} of {of:<2}  {}", row.mark(), row.points(), row.ways());
                let _ = write!(text, "\n{}", line.trim_end());
            }
        }
        text
    }

    pub(super) fn html(&self) -> String {
        let mut html = format!("<div class=\"taskloom-progress-sheet\"><b>{}</b><table>", escape(&self.headline()));
        for (notebook, rows) in &self.notebooks {
            let _ = write!(html, "<tr><th colspan=\"4\" style=\"text-align:left\">{}</th></tr>", escape(notebook));
            for row in rows {
                let colour = if row.is_done() { "#1b7f4b" } else { "inherit" };
                let _ = write!(
                    html,
                    "<tr><td style=\"color:{colour}\">{}</td><td style=\"text-align:left\">{} <code>{}</code></td>\
                     <td>{} of {}</td><td style=\"text-align:left\">{}</td></tr>",
                    row.mark(),
                    escape(&row.exercise.title),
                    escape(&row.exercise.id),
                    row.points(),
                    row.exercise.points,
                    row.ways()
                );
            }
        }
        html.push_str("</table></div>");
        html
    }
}
