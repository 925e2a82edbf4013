//! Files of plots.

use std::path::Path;

use super::figure::Figure;
use super::{PlotError, svg, vega};
use crate::display::escape;
use crate::draw::{DrawError, png_bytes, write_whole};

/// What the size of a PNG is multiplied by, so that it looks sharp in print and on dense screens.
const SCALE: f32 = 2.0;

pub(super) fn save(figure: &Figure, path: &Path) -> Result<(), PlotError> {
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    let bytes = match extension.as_deref() {
        Some("svg") => svg::render(figure).into_bytes(),
        // Other programs show what is transparent as black or white, as it happens.
        Some("png") => png_bytes(&svg::render_on(figure, Some("#ffffff")), SCALE)?,
        Some("html" | "htm") => page(figure).into_bytes(),
        Some("json") => format!("{:#}\n", vega::spec(figure)).into_bytes(),
        _ => return Err(PlotError::Extension { path: path.to_owned() }),
    };
    write_whole(path, &bytes).map_err(|source| PlotError::from(DrawError::Io { path: path.to_owned(), source }))
}

/// A page with the drawing, readable in light and dark.
fn page(figure: &Figure) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>body {{ margin: 2em }} svg {{ max-width: 100%; height: auto }}</style>\n{}\n</html>\n",
        escape(figure.title.as_deref().unwrap_or("Plot")),
        svg::render(figure)
    )
}
