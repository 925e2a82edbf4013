//! ndarray values: as text the way ndarray prints them, and as a table where they have one or two axes.

use std::fmt::Debug;

use ndarray::{ArrayBase, Data, Dimension};

use super::table::{self, Cell, Head, MOST_COLUMNS, MOST_ROWS, clipped, shown};
use super::{MimeBundle, Show, short_type};

impl<A: Debug, S: Data<Elem = A>, D: Dimension> Show for ArrayBase<S, D> {
    fn show(&self) -> MimeBundle {
        let view = self.view().into_dyn();
        bundle(std::any::type_name::<A>(), self.shape(), &format!("{self:?}"), &|place, tell| {
            if let Some(value) = view.get(place) {
                tell(value);
            }
        })
    }
}

/// Calls the function it is given with the element at a place.
type At<'a> = &'a dyn Fn(&[usize], &mut dyn FnMut(&dyn Debug));

/// The rest does not depend on the types, so that a cell that shows an array need not compile it.
fn bundle(element_type: &str, lengths: &[usize], debug: &str, at: At<'_>) -> MimeBundle {
    let kind = short_type(element_type);
    let about = format!("shape {}, {kind}", shape(lengths));
    // What `Debug` adds at the end is for whoever looks for a fault in the memory layout.
    let values = debug.rfind(", shape=[").map_or(debug, |end| &debug[..end]);
    let bundle = MimeBundle::new().with("text/plain", format!("{values}\n{about}"));
    let (rows, columns) = match *lengths {
        [rows] => (rows, 1),
        [rows, columns] => (rows, columns),
        _ => return bundle,
    };
    let is_number = is_number(&kind);
    let columns = shown(columns, MOST_COLUMNS);
    // A single axis has no columns that could have numbers.
    let name = |column: usize| if lengths.len() == 2 { column.to_string() } else { String::new() };
    let head = |column: usize| Head { name: name(column), kind: String::new(), is_number };
    let heads: Vec<_> = columns.iter().map(|column| column.map(head)).collect();
    let cell = |row: Option<usize>, column: Option<usize>| {
        let (Some(row), Some(column)) = (row, column) else { return Cell::More };
        let place = [row, column];
        let mut text = String::new();
        at(&place[..lengths.len()], &mut |value| text = element(value, &kind));
        Cell::Value(text)
    };
    let rows = shown(rows, MOST_ROWS)
        .into_iter()
        .map(|row| (row, columns.iter().map(|&column| cell(row, column)).collect()))
        .collect();
    bundle.with("text/html", table::html(&about, &heads, rows))
}

/// As NumPy writes it: `(3,)`, `(1000, 3)`.
fn shape(lengths: &[usize]) -> String {
    match lengths {
        [one] => format!("({one},)"),
        more => format!("({})", more.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    }
}

fn is_number(kind: &str) -> bool {
    let digits = kind.trim_start_matches(['i', 'u', 'f']);
    kind.len() == digits.len() + 1 && (digits == "size" || digits.parse::<u8>().is_ok())
}

/// A float has as many digits as one reads, everything else its `Debug` form without quotes.
fn element(value: &dyn Debug, kind: &str) -> String {
    let text = format!("{value:?}");
    match text.parse::<f64>() {
        Ok(number) if matches!(kind, "f32" | "f64") => float(number),
        _ if text.len() >= 2 && text.starts_with('"') && text.ends_with('"') => clipped(&text[1..text.len() - 1]),
        _ => clipped(&text),
    }
}

/// Six significant digits, in the shorter of the two notations.
fn float(number: f64) -> String {
    let size = number.abs();
    if !number.is_finite() || number == 0.0 {
        return format!("{number:?}");
    }
    if !(1e-4..1e9).contains(&size) {
        let text = format!("{number:.5e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'));
    }
    let before = size.log10().floor() as i32 + 1;
    let text = format!("{number:.*}", (6 - before).clamp(1, 10) as usize);
    let text = text.trim_end_matches('0');
    if text.ends_with('.') { format!("{text}0") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, Array1, Array2, Array3, array};

    use super::*;

    #[test]
    fn an_array_is_a_table_below_its_shape() {
        let shown = array![[1.5, 0.1 + 0.2], [1e-9, f64::NAN]].show();
        assert_eq!(shown.get("text/plain"), Some("[[1.5, 0.30000000000000004],\n [1e-9, NaN]]\nshape (2, 2), f64"));
        let html = shown.get("text/html").unwrap();
        assert!(html.contains("shape (2, 2), f64") && html.contains(">1.5<") && html.contains(">0.3<"), "{html}");
        assert!(html.contains(">1e-9<") && html.contains(">NaN<"), "{html}");
    }

    #[test]
    fn a_long_array_is_cut_in_the_middle() {
        let shown = Array2::from_shape_fn((1000, 30), |(row, column)| row * 100 + column).show();
        let html = shown.get("text/html").unwrap();
        assert!(html.contains("shape (1000, 30), usize"));
        assert!(html.contains(">99929<") && html.contains(">405<") && !html.contains(">505<"), "{html}");
        assert!(html.matches("<tr>").count() <= 12, "{html}");
        assert!(shown.get("text/plain").unwrap().len() < 5000);
    }

    #[test]
    fn other_dimensions_have_their_text_and_shape() {
        let shown = Array3::<f32>::zeros((2, 3, 4)).show();
        assert_eq!(shown.get("text/html"), None);
        assert!(shown.get("text/plain").unwrap().ends_with("]]]\nshape (2, 3, 4), f32"));
        let line = Array1::from_vec(vec!["a", "<b>"]).show();
        assert!(line.get("text/html").unwrap().contains("&lt;b&gt;"));
        assert!(line.get("text/plain").unwrap().ends_with("shape (2,), &str"));
        let dynamic = Array::<u8, _>::zeros(ndarray::IxDyn(&[2, 2]));
        assert!(dynamic.view().show().get("text/html").is_some());
        assert!(Array2::<f64>::zeros((0, 3)).show().get("text/html").is_some());
        assert_eq!(ndarray::arr0(5).show().get("text/plain"), Some("5\nshape (), i32"));
    }

    #[test]
    fn floats_have_six_digits() {
        let texts = [1.0, -2.5, 1.0 / 3.0, 123456.789, 1234567.0, 1e12, 6.02214076e23, 0.00012345678].map(float);
        assert_eq!(texts, ["1.0", "-2.5", "0.333333", "123456.8", "1234567.0", "1e12", "6.02214e23", "0.000123457"]);
    }
}
