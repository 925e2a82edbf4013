//! Arguments as a person reads them.

use std::any::Any;

/// Longer lists of inputs are cut where a person reads them.
const LISTED: usize = 6;
/// Longer texts too, in characters.
const SHOWN_TEXT: usize = 24;

/// A value as it would be written where that is short, and its type otherwise.
pub(super) fn shown_value(value: &dyn Any, type_name: &str) -> String {
    macro_rules! written {
        ($($type:ty),*) => {
            $(if let Some(value) = value.downcast_ref::<$type>() {
                return format!("{value:?}");
            })*
        };
    }
    written!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64, bool, char, ());
    let text = value.downcast_ref::<String>().map(String::as_str);
    match text.or_else(|| value.downcast_ref::<&'static str>().copied()) {
        Some(text) if text.chars().count() > SHOWN_TEXT => {
            format!("{:?}…", text.chars().take(SHOWN_TEXT).collect::<String>())
        }
        Some(text) => format!("{text:?}"),
        None => crate::display::short_type(type_name),
    }
}

/// The names of the inputs that make one argument: a name alone, or a list.
pub(super) fn shown_list(mut names: Vec<String>) -> String {
    if names.len() == 1 {
        return names.swap_remove(0);
    }
    match names.len().checked_sub(LISTED) {
        Some(more) if more > 0 => format!("[{}, and {more} more]", names[..LISTED].join(", ")),
        _ => format!("[{}]", names.join(", ")),
    }
}
