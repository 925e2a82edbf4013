//! Showing values: in a notebook as rich output, elsewhere as text.
//!
//! A type says how it wants to be shown by implementing [`Show`]; [`display`] shows a value now. Types without it are
//! shown by their `Debug` form. Text that is already in a language that front ends know is shown by one of the wrappers:
//! [`Html`], [`Markdown`], [`Latex`], [`Math`], [`Svg`], [`Png`], [`Jpeg`], [`Json`], [`VegaLite`] and [`Text`].
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

mod arrays;
mod frames;
mod images;
mod input;
pub(crate) mod table;
mod wrappers;

use std::sync::atomic::{AtomicU64, Ordering};

use crate::events::{Event, emit};

pub use crate::mime::MimeBundle;
pub use images::{Jpeg, Png, Svg};
pub use input::{input, password};
pub use wrappers::{Html, Json, Latex, Markdown, Math, Text, VegaLite};
pub(crate) use wrappers::{VEGA_LITE_MIME, VEGA_LITE_SCHEMA};

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

/// A value that is there is shown as itself, an error by its `Debug` form.
impl<S: Show, E: std::fmt::Debug> Show for Result<S, E> {
    fn show(&self) -> MimeBundle {
        match self {
            Ok(value) => value.show(),
            Err(error) => MimeBundle::new().with("text/plain", format!("Err({error:?})")),
        }
    }
}

/// A value that is there is shown as itself, and otherwise `None`.
impl<S: Show> Show for Option<S> {
    fn show(&self) -> MimeBundle {
        match self {
            Some(value) => value.show(),
            None => MimeBundle::new().with("text/plain", "None"),
        }
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

/// Shows a value, and gives a handle to replace it with another.
///
/// ```
/// use taskloom::prelude::*;
/// let shown = display_handle(&Text::new("reading …"));
/// shown.update(&Text::new("done"));
/// ```
pub fn display_handle(value: &impl Show) -> DisplayHandle {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // A process that goes back to a snapshot counts from an older number again, so the time is part of the name.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let handle = DisplayHandle { id: format!("taskloom-{:x}-{now:x}-{count}", std::process::id()) };
    display_as(value, &handle.id);
    handle
}

/// Something on display that can be replaced; [`display_handle`] gives it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DisplayHandle {
    id: String,
}

impl DisplayHandle {
    /// Shows another value in the place of the one before, wherever that is on display.
    pub fn update(&self, value: &impl Show) {
        update_display(value, &self.id);
    }

    /// Shows a value once more, further down; an update then replaces both.
    pub fn display(&self, value: &impl Show) {
        display_as(value, &self.id);
    }

    /// The name it is shown under, as [`update_display`] takes it.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Takes away what the cell has shown so far. With `wait`, only when something new comes: an animation does not
/// flicker then. Outside a notebook it does nothing.
///
/// ```
/// use taskloom::prelude::*;
/// for step in 1..=3 {
///     clear_output(true);
///     display(&Text::new(format!("step {step}")));
/// }
/// ```
pub fn clear_output(wait: bool) {
    emit(Event::ClearOutput { wait });
}

/// The most bytes of one form that is sent to a front end, images excepted.
const MOST_BYTES: usize = 5_000_000;

/// What is sent of a value.
pub(crate) fn limited(bundle: MimeBundle) -> MimeBundle {
    bundle.limited(MOST_BYTES)
}

fn publish(bundle: MimeBundle, display_id: Option<String>, update: bool) {
    if crate::events::has_listener() {
        emit(Event::Display { bundle: limited(bundle), display_id, update });
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
    use super::{Html, Show, short_type};

    #[test]
    fn what_is_wrapped_is_shown_as_itself() {
        let shown = |value: &dyn Show| value.show().get("text/html").map(str::to_owned);
        let html = || Html::new("<b>hi</b>");
        assert_eq!(shown(&Some(html())), shown(&html()));
        assert_eq!(shown(&Ok::<_, String>(html())), shown(&html()));
        assert_eq!(None::<Html>.show().get("text/plain"), Some("None"));
        assert_eq!(Err::<Html, _>("late").show().get("text/plain"), Some("Err(\"late\")"));
    }

    #[test]
    fn types_are_written_as_people_write_them() {
        assert_eq!(short_type("alloc::vec::Vec<core::option::Option<i64>>"), "Vec<Option<i64>>");
        assert_eq!(short_type("(i64, alloc::string::String)"), "(i64, String)");
        assert_eq!(short_type("&str"), "&str");
    }
}
