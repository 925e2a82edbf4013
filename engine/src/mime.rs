//! One thing in several forms.

use std::collections::BTreeMap;

/// One thing in several forms, keyed by MIME type. Binary forms are base64, as Jupyter has them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MimeBundle {
    forms: BTreeMap<String, serde_json::Value>,
}

impl MimeBundle {
    /// A bundle without any form.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a textual form.
    pub fn with(mut self, mime_type: impl Into<String>, text: impl Into<String>) -> Self {
        self.forms.insert(mime_type.into(), serde_json::Value::String(text.into()));
        self
    }

    /// Adds a form that is JSON, such as `application/json` or a Vega-Lite specification.
    pub fn with_json(mut self, mime_type: impl Into<String>, value: serde_json::Value) -> Self {
        self.forms.insert(mime_type.into(), value);
        self
    }

    /// Adds a binary form, such as `image/png`.
    pub fn with_bytes(self, mime_type: impl Into<String>, bytes: &[u8]) -> Self {
        use base64::Engine as _;
        self.with(mime_type, base64::engine::general_purpose::STANDARD.encode(bytes))
    }

    /// The textual form of a MIME type, if there is one.
    pub fn get(&self, mime_type: &str) -> Option<&str> {
        self.forms.get(mime_type).and_then(serde_json::Value::as_str)
    }

    /// All forms.
    pub fn forms(&self) -> &BTreeMap<String, serde_json::Value> {
        &self.forms
    }
}
