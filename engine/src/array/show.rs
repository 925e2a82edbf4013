//! What a lazy array looks like: shape, chunks and bytes, as text and as HTML.

use super::Array;
use crate::display::{MimeBundle, Show};

impl<T> Show for Array<T> {
    fn show(&self) -> MimeBundle {
        MimeBundle::new().with("text/plain", format!("{self:?}"))
    }
}
