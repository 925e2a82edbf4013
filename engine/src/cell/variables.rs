//! What `%whos` shows of the variables of a session.

use std::fmt::{self, Debug, Write};

use serde_json::{Value, json};

use crate::display::MimeBundle;
use crate::events::{Event, emit};

/// The MIME type under which [`publish`] sends the variables.
pub const VARIABLES: &str = "application/vnd.taskloom.variables+json";

/// Longer values are cut.
const WIDTH: usize = 60;

/// A variable that is looked at.
pub struct Variable<'a, T>(pub &'a T);

/// A variable whose value can be written.
pub trait PreviewDebug {
    /// The beginning of its `Debug` form.
    fn preview(&self) -> Option<String>;
}

impl<T: Debug> PreviewDebug for &Variable<'_, T> {
    fn preview(&self) -> Option<String> {
        Some(beginning(self.0))
    }
}

/// A variable of any other type.
pub trait PreviewNothing {
    /// Nothing can be said about its value.
    fn preview(&self) -> Option<String> {
        None
    }
}

impl<T> PreviewNothing for Variable<'_, T> {}

/// What there is to say about a variable.
pub fn row<T: 'static>(name: &str, value: &T, preview: Option<String>) -> Value {
    json!({"name": name, "bytes": crate::nbytes(value), "preview": preview})
}

/// Sends rows, under [`VARIABLES`].
pub fn publish(rows: Vec<Value>) {
    let bundle = MimeBundle::new().with_json(VARIABLES, Value::Array(rows));
    emit(Event::Display { bundle, display_id: None, update: false });
}

/// The beginning of a value's `Debug` form, on one line. What is not shown is not written either: a large value costs no
/// more than a small one, as long as its `Debug` minds that the writer is full.
fn beginning(value: &dyn Debug) -> String {
    let mut line = Line::default();
    let whole = write!(line, "{value:?}").is_ok() && !line.is_full;
    let mut text = line.text;
    while text.ends_with(' ') {
        text.pop();
    }
    if !whole {
        text.push('…');
    }
    text
}

#[derive(Default)]
struct Line {
    text: String,
    characters: usize,
    is_full: bool,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            let c = if c.is_whitespace() { ' ' } else { c };
            if c == ' ' && self.text.ends_with(' ') {
                continue;
            }
            if self.characters == WIDTH {
                self.is_full = true;
                return Err(fmt::Error);
            }
            self.text.push(c);
            self.characters += 1;
        }
        Ok(())
    }
}

/// What there is to say about the variable of this name.
#[doc(hidden)]
#[macro_export]
macro_rules! __variable {
    ($name:ident) => {{
        #[allow(unused_imports)]
        use $crate::cell::variables::{PreviewDebug as _, PreviewNothing as _, Variable};
        $crate::cell::variables::row(stringify!($name), &$name, (&&Variable(&$name)).preview())
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;

    #[test]
    fn values_are_cut_and_kept_on_one_line() {
        let (long, lines, plain) = (vec![1u8; 1000], "a\n\n  b", Plain);
        let row = crate::__variable!(long);
        let preview = row["preview"].as_str().unwrap();
        assert_eq!((preview.chars().count(), &preview[..9]), (WIDTH + 1, "[1, 1, 1,"));
        assert_eq!(row["bytes"], 1024);
        assert_eq!(crate::__variable!(lines)["preview"], "\"a\\n\\n b\"");
        assert_eq!(crate::__variable!(plain)["preview"], Value::Null);
        assert_eq!(beginning(&[[1, 2], [3, 4]]), "[[1, 2], [3, 4]]");
    }
}
