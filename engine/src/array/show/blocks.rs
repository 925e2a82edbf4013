//! The chunks of an array as a drawing of their own.

use std::path::Path;

use super::{about, picture};
use crate::array::chunks::Grid;
use crate::display::{MimeBundle, Show};

/// A drawing of an array's chunks: ends a cell to be shown, or is saved to a file.
#[derive(Debug, Clone)]
pub struct BlockDrawing {
    about: String,
    html: String,
    svg: String,
}

impl BlockDrawing {
    pub(super) fn of(grid: &Grid) -> BlockDrawing {
        BlockDrawing { about: about(grid), html: picture::inline(grid), svg: picture::alone(grid) }
    }

    /// The drawing as SVG.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// Writes the drawing to a file, as SVG.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> std::io::Result<()> {
        crate::draw::write_whole(path.as_ref(), self.svg.as_bytes())
    }
}

impl Show for BlockDrawing {
    fn show(&self) -> MimeBundle {
        MimeBundle::new()
            .with("text/plain", self.about.as_str())
            .with("text/html", self.html.as_str())
            .with("image/svg+xml", self.svg.as_str())
    }
}
