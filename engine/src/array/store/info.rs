//! What is known of a stored array, and how it is shown.

use serde_json::{Map, Value as Json};

use crate::array::chunks::{shape_text, tuple};
use crate::display::{MimeBundle, Show};
use crate::draw::escape;

/// What is known of a stored array without reading its elements.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ArrayInfo {
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// The type of the elements: `"f64"`; what no array can hold has the name that the file gives it.
    pub dtype: String,
    /// The lengths of what is read as a whole, where there is such a thing.
    pub chunks: Option<Vec<usize>>,
    /// The names of the axes that have one.
    pub dimension_names: Vec<Option<String>>,
    /// What else is written about the array.
    pub attributes: Map<String, Json>,
}

impl ArrayInfo {
    /// All of it, as names and texts.
    fn rows(&self) -> Vec<(String, String)> {
        let mut rows = vec![("type".to_owned(), self.dtype.clone()), ("shape".to_owned(), shape_text(&self.shape))];
        if self.dimension_names.iter().any(Option::is_some) {
            let names = self.dimension_names.iter().map(|name| name.clone().unwrap_or_else(|| "?".to_owned()));
            rows.push(("dimensions".to_owned(), tuple(names.collect())));
        }
        let chunks = self
            .chunks
            .as_ref()
            .map_or_else(|| "none: any part can be read alone".to_owned(), |chunks| shape_text(chunks));
        rows.push(("stored chunks".to_owned(), chunks));
        rows.extend(self.attributes.iter().map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), text)
        }));
        rows
    }
}

impl Show for ArrayInfo {
    fn show(&self) -> MimeBundle {
        let rows = self.rows();
        let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let text: Vec<String> = rows.iter().map(|(name, value)| format!("{name:<width$}  {value}")).collect();
        let cells = rows.iter().map(|(name, value)| {
            let (name, value) = (escape(name), escape(value));
            format!("<tr><th style=\"text-align:left\">{name}</th><td style=\"text-align:left\">{value}</td></tr>")
        });
        let html = format!("<table><tbody>{}</tbody></table>", cells.collect::<String>());
        MimeBundle::new().with("text/plain", text.join("\n")).with("text/html", html)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_known_is_shown() {
        let mut attributes = Map::new();
        attributes.insert("units".into(), "K & more".into());
        attributes.insert("scale_factor".into(), 0.5.into());
        let info = ArrayInfo {
            shape: vec![31, 180],
            dtype: "i16".into(),
            chunks: Some(vec![1, 180]),
            dimension_names: vec![Some("time".into()), None],
            attributes,
        };
        let shown = info.show();
        let text = shown.get("text/plain").unwrap();
        assert!(text.contains("shape          (31, 180)\ndimensions     (time, ?)"), "{text}");
        assert!(text.contains("scale_factor   0.5") && text.contains("K & more"), "{text}");
        assert!(shown.get("text/html").unwrap().contains("K &amp; more"));
    }
}
