//! Showing values: in a notebook as rich output, elsewhere as text.
//!
//! A type says how it wants to be shown by implementing [`Show`]; [`display`] shows a value now. Types without it are
//! shown by their `Debug` form.
//!
//! ```
//! use taskloom::prelude::*;
//! struct Bold(&'static str);
//! impl Show for Bold {
//!     fn show(&self) -> MimeBundle {
//!         MimeBundle::new().with("text/plain", self.0).with("text/html", format!("<b>{}</b>", self.0))
//!     }
//! }
//! assert_eq!(Bold("hi").show().get("text/html"), Some("<b>hi</b>"));
//! ```

mod frames;

use std::collections::BTreeMap;

use crate::events::{Event, emit};

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

/// A type that knows how it wants to be shown.
pub trait Show {
    /// The forms it can be shown in; `text/plain` should be among them.
    fn show(&self) -> MimeBundle;
}

impl<S: Show + ?Sized> Show for &S {
    fn show(&self) -> MimeBundle {
        (**self).show()
    }
}

impl Show for MimeBundle {
    fn show(&self) -> MimeBundle {
        self.clone()
    }
}

/// Shows a value now, before the cell ends; outside a notebook its text goes to standard output.
pub fn display(value: &impl Show) {
    publish(value.show(), None, false);
}

/// Shows a value under a name, so that [`update_display`] can replace it.
pub fn display_as(value: &impl Show, display_id: &str) {
    publish(value.show(), Some(display_id.to_owned()), false);
}

/// Replaces what was shown under a name.
pub fn update_display(value: &impl Show, display_id: &str) {
    publish(value.show(), Some(display_id.to_owned()), true);
}

fn publish(bundle: MimeBundle, display_id: Option<String>, update: bool) {
    if crate::events::has_listener() {
        emit(Event::Display { bundle, display_id, update });
    } else if let Some(text) = bundle.get("text/plain") {
        println!("{text}");
    }
}

/// Escapes text for HTML and XML, attributes among it.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
