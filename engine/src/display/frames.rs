//! Polars values in a notebook: as a table, never longer or wider than one looks at.

use polars::prelude::{AnyValue, Column, DataFrame, DataType, LazyFrame, PolarsResult, Series};

use super::table::{self, Cell, Head, MOST_COLUMNS, MOST_ROWS, clipped, shown};
use super::{MimeBundle, Show};
use crate::draw::grouped;

fn head(name: &str, kind: &DataType) -> Head {
    Head { name: name.to_owned(), kind: kind.to_string(), is_number: kind.is_primitive_numeric() }
}

fn cell(value: PolarsResult<AnyValue<'_>>) -> Cell {
    match value {
        Ok(AnyValue::Null) => Cell::Null,
        // Text without the quotes of its printed form; numbers with the digits that Polars prints.
        Ok(AnyValue::String(text)) => Cell::Value(clipped(text)),
        Ok(value) => Cell::Value(clipped(&value.to_string())),
        Err(error) => Cell::Value(clipped(&error.to_string())),
    }
}

/// "1 row", "2 rows".
fn count(number: usize, what: &str) -> String {
    format!("{} {what}{}", grouped(number as u64), if number == 1 { "" } else { "s" })
}

impl Show for DataFrame {
    fn show(&self) -> MimeBundle {
        let columns = shown(self.width(), MOST_COLUMNS);
        let at = |place: Option<usize>| place.and_then(|place| self.columns().get(place));
        let heads: Vec<_> =
            columns.iter().map(|&place| at(place).map(|column| head(column.name(), column.dtype()))).collect();
        let rows = shown(self.height(), MOST_ROWS)
            .into_iter()
            .map(|row| {
                let cells = columns.iter().map(|&place| match (row, at(place)) {
                    (Some(row), Some(column)) => cell(column.get(row)),
                    _ => Cell::More,
                });
                (row, cells.collect())
            })
            .collect();
        let about = format!("{} × {}", count(self.height(), "row"), count(self.width(), "column"));
        MimeBundle::new().with("text/plain", self.to_string()).with("text/html", table::html(&about, &heads, rows))
    }
}

impl Show for Series {
    fn show(&self) -> MimeBundle {
        let rows = shown(self.len(), MOST_ROWS)
            .into_iter()
            .map(|row| (row, vec![row.map_or(Cell::More, |row| cell(self.get(row)))]))
            .collect();
        let nulls = match self.null_count() {
            0 => String::new(),
            some => format!(", {}", count(some, "null")),
        };
        let about = format!("{}{nulls}", count(self.len(), "value"));
        let html = table::html(&about, &[Some(head(self.name(), self.dtype()))], rows);
        MimeBundle::new().with("text/plain", self.to_string()).with("text/html", html)
    }
}

impl Show for Column {
    fn show(&self) -> MimeBundle {
        self.as_materialized_series().show()
    }
}

impl Show for LazyFrame {
    fn show(&self) -> MimeBundle {
        let plan = self.describe_plan().unwrap_or_else(|error| format!("this plan cannot work: {error}"));
        let text = format!("LazyFrame: nothing has run yet; `.collect()?` gives its DataFrame\n{plan}");
        MimeBundle::new().with("text/plain", text)
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::{Column, NamedFrom, Series};

    use super::*;

    #[test]
    fn a_frame_is_a_table_with_its_types_and_nulls() {
        let name = Series::new("name".into(), [Some("warp"), None]);
        let length = Series::new("length".into(), [1.5, 2.0]);
        let frame = DataFrame::new(2, vec![Column::from(name.clone()), length.into()]).unwrap();
        let shown = frame.show();
        let html = shown.get("text/html").unwrap();
        assert!(html.contains("2 rows × 2 columns") && html.contains(">str<") && html.contains(">f64<"), "{html}");
        assert!(html.contains(">warp<") && html.contains(">null<"), "{html}");
        let html = name.show();
        assert!(html.get("text/html").unwrap().contains("2 values, 1 null"));
    }

    #[test]
    fn a_big_frame_is_cut_in_both_directions() {
        let column = |place: usize| Column::from(Series::new(format!("c{place}").into(), vec![place as i64; 1000]));
        let frame = DataFrame::new(1000, (0..40).map(column).collect()).unwrap();
        let shown = frame.show();
        let html = shown.get("text/html").unwrap();
        assert!(html.contains("1,000 rows × 40 columns") && html.contains("c39") && !html.contains("c20"), "{html}");
        assert!(html.matches("<tr>").count() <= 12);
    }
}
