//! PNG by way of our own SVG, with a font of our own, so that a picture is the same on every machine.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::DrawError;

/// The most pixels of an image: 160 MB while it is drawn.
const MAX_PIXELS: f64 = 40.0e6;
/// The longest side that other programs can be expected to open.
const MAX_SIDE: f64 = 32_000.0;

static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(epaint_default_fonts::HACK_REGULAR.to_vec());
    // The list of families in the SVG ends in the generic one; let it lead here as well.
    fonts.set_monospace_family("Hack");
    Arc::new(fonts)
});

pub(crate) fn render(svg: &str, scale: f32) -> Result<Vec<u8>, DrawError> {
    if !(scale.is_finite() && scale > 0.0) {
        return Err(DrawError::Scale { scale });
    }
    let failed = |reason: String| DrawError::Png { reason };
    let options = Options { fontdb: Arc::clone(&FONTS), font_family: "Hack".to_owned(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| failed(error.to_string()))?;
    let (width, height) = (f64::from(tree.size().width()), f64::from(tree.size().height()));
    let scale = f64::from(scale).min((MAX_PIXELS / (width * height)).sqrt()).min(MAX_SIDE / width.max(height));
    let pixels = |side: f64| (side * scale).round().max(1.0) as u32;
    let mut image = Pixmap::new(pixels(width), pixels(height))
        .ok_or_else(|| failed(format!("there is no image of {} by {} pixels", pixels(width), pixels(height))))?;
    resvg::render(&tree, Transform::from_scale(scale as f32, scale as f32), &mut image.as_mut());
    image.encode_png().map_err(|error| failed(error.to_string()))
}
