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

use crate::events::{Event, emit};

pub use crate::mime::MimeBundle;

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

/// `alloc::vec::Vec<core::option::Option<i64>>` as a person writes it: `Vec<Option<i64>>`.
pub(crate) fn short_type(full: &str) -> String {
    let mut short = String::new();
    let mut word = String::new();
    for c in full.chars() {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
        } else if c == ':' {
            word.clear();
        } else {
            short.push_str(&std::mem::take(&mut word));
            short.push(c);
        }
    }
    short.push_str(&word);
    short
}

#[cfg(test)]
mod tests {
    use super::short_type;

    #[test]
    fn types_are_written_as_people_write_them() {
        assert_eq!(short_type("alloc::vec::Vec<core::option::Option<i64>>"), "Vec<Option<i64>>");
        assert_eq!(short_type("(i64, alloc::string::String)"), "(i64, String)");
        assert_eq!(short_type("&str"), "&str");
    }
}
