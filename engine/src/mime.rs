//! One thing in several forms.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// One thing in several forms, keyed by MIME type. Binary forms are base64, as Jupyter has them.
///
/// A front end shows the richest form that it knows. What a form needs beside itself, such as the width of an image,
/// is its metadata.
///
/// ```
/// use taskloom::MimeBundle;
/// let bundle = MimeBundle::new().with("text/plain", "½").with("text/latex", r"$\frac12$");
/// assert_eq!(bundle.get("text/plain"), Some("½"));
///
/// let image = MimeBundle::new().with_bytes("image/png", b"...").with_metadata("image/png", "width", 300);
/// assert_eq!(image.metadata()["image/png"]["width"], 300);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MimeBundle {
    forms: BTreeMap<String, Value>,
    metadata: BTreeMap<String, Map<String, Value>>,
}

impl MimeBundle {
    /// A bundle without any form.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a textual form.
    pub fn with(mut self, mime_type: impl Into<String>, text: impl Into<String>) -> Self {
        self.forms.insert(mime_type.into(), Value::String(text.into()));
        self
    }

    /// Adds a form that is JSON, such as `application/json` or a Vega-Lite specification.
    pub fn with_json(mut self, mime_type: impl Into<String>, value: Value) -> Self {
        self.forms.insert(mime_type.into(), value);
        self
    }

    /// Adds a binary form, such as `image/png`.
    pub fn with_bytes(self, mime_type: impl Into<String>, bytes: &[u8]) -> Self {
        use base64::Engine as _;
        self.with(mime_type, base64::engine::general_purpose::STANDARD.encode(bytes))
    }

    /// Says something about one form: of an image its `width` and `height` in pixels, of JSON whether it is `expanded`.
    pub fn with_metadata(
        mut self,
        mime_type: impl Into<String>,
        key: impl Into<String>,
        value: impl Into<Value>,
    ) -> Self {
        self.metadata.entry(mime_type.into()).or_default().insert(key.into(), value.into());
        self
    }

    /// The textual form of a MIME type, if there is one.
    pub fn get(&self, mime_type: &str) -> Option<&str> {
        self.forms.get(mime_type).and_then(Value::as_str)
    }

    /// All forms.
    pub fn forms(&self) -> &BTreeMap<String, Value> {
        &self.forms
    }

    /// What was said about the forms, by MIME type.
    pub fn metadata(&self) -> &BTreeMap<String, Map<String, Value>> {
        &self.metadata
    }

    /// The bundle as it is sent to a front end: a `text/plain` above `limit` bytes is cut, other forms above it are left
    /// out, and the text says so. Images are not touched: half of one is none, and people expect theirs.
    pub(crate) fn limited(mut self, limit: usize) -> Self {
        let mut notes = Vec::new();
        self.forms.retain(|mime_type, value| {
            if mime_type == "text/plain" || mime_type.starts_with("image/") {
                return true;
            }
            let size = size_of(value);
            if size > limit {
                notes.push(format!(
                    "… its {mime_type} form is not shown: it has {:.1} MB, and a notebook bears {:.1} MB; show a part of it",
                    size as f64 / 1e6,
                    limit as f64 / 1e6
                ));
            }
            size <= limit
        });
        let forms = &self.forms;
        self.metadata.retain(|mime_type, _| forms.contains_key(mime_type));
        if let Some(Value::String(text)) = self.forms.get_mut("text/plain") {
            cut(text, limit);
        }
        if !notes.is_empty() {
            let text = self.forms.entry("text/plain".to_owned()).or_insert_with(|| Value::String(String::new()));
            let before = text.as_str().unwrap_or_default();
            let separator = if before.is_empty() { "" } else { "\n" };
            *text = Value::String(format!("{before}{separator}{}", notes.join("\n")));
        }
        self
    }
}

/// Cuts a long text, and says so at its end.
pub(crate) fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        let end = text.floor_char_boundary(limit);
        let hidden = text.len() - end;
        text.truncate(end);
        text.push_str(&format!("\n… and {hidden} more bytes; print a part of the value to see it"));
    }
}

/// How many bytes a form takes as JSON, about.
fn size_of(value: &Value) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    if let Value::String(text) = value {
        return text.len();
    }
    let mut count = Count(0);
    // Counting cannot fail, and what could not be written would not be sent either.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_a_browser_would_not_bear_are_left_out_and_the_text_says_so() {
        let bundle = MimeBundle::new()
            .with("text/plain", "é".repeat(100))
            .with("text/html", "<p>".repeat(100))
            .with_metadata("text/html", "isolated", true)
            .with_json("application/json", serde_json::json!([1, 2, 3]))
            .with("image/svg+xml", "<svg>".repeat(100))
            .limited(99);
        let text = bundle.get("text/plain").unwrap();
        assert!(text.starts_with(&"é".repeat(49)) && !text.starts_with(&"é".repeat(50)), "{text}");
        assert!(text.contains("… and 102 more bytes") && text.contains("text/html form is not shown"), "{text}");
        assert_eq!(bundle.get("text/html"), None);
        assert!(bundle.metadata().is_empty());
        assert!(bundle.forms().contains_key("application/json"));
        assert_eq!(bundle.get("image/svg+xml").map(str::len), Some(500));
    }

    #[test]
    fn a_bundle_that_is_small_stays_as_it_is() {
        let bundle = MimeBundle::new().with("text/plain", "x").with("text/html", "<b>x</b>");
        assert_eq!(bundle.clone().limited(1000), bundle);
    }
}
