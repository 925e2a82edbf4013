//! Images, from bytes or files.

use std::io;
use std::path::Path;

use super::{MimeBundle, Show};

/// Reads a file, with its name in the error, and makes sure that it is what it is taken for.
fn read(path: &Path, what: &str, is_one: impl Fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
    let bytes = std::fs::read(path).map_err(|error| {
        let here = std::env::current_dir().map(|folder| folder.display().to_string()).unwrap_or_default();
        let hint = if path.is_relative() { format!(" (looked for from {here})") } else { String::new() };
        io::Error::new(error.kind(), format!("could not read {}{hint}: {error}", path.display()))
    })?;
    if !is_one(&bytes) {
        let message = format!("{} is not {what}: open it with the type for what it is", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(bytes)
}

/// The size it is shown at; what is missing follows from the image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Shown {
    width: Option<u32>,
    height: Option<u32>,
}

impl Shown {
    fn tell(self, mut bundle: MimeBundle, mime_type: &str) -> MimeBundle {
        for (key, value) in [("width", self.width), ("height", self.height)] {
            if let Some(value) = value {
                bundle = bundle.with_metadata(mime_type, key, value);
            }
        }
        bundle
    }
}

/// The text form of an image.
fn text_form(what: &str, pixels: Option<(u32, u32)>, bytes: usize) -> String {
    let pixels = pixels.map(|(width, height)| format!(", {width} × {height} pixels")).unwrap_or_default();
    format!("<{what}{pixels}, {:.1} kB>", bytes as f64 / 1e3)
}

macro_rules! shown_size {
    () => {
        /// Shows it so many pixels wide, where the front end heeds that.
        pub fn width(mut self, pixels: u32) -> Self {
            self.shown.width = Some(pixels);
            self
        }

        /// Shows it so many pixels high, where the front end heeds that.
        pub fn height(mut self, pixels: u32) -> Self {
            self.shown.height = Some(pixels);
            self
        }
    };
}

macro_rules! pixels {
    ($(#[$doc:meta])* $name:ident, $mime:literal, $what:literal, $article:literal, $starts:expr, $size:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            bytes: Vec<u8>,
            shown: Shown,
        }

        impl $name {
            /// Wraps the bytes of a file.
            pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
                $name { bytes: bytes.into(), shown: Shown::default() }
            }

            /// Reads a file.
            ///
            /// # Errors
            /// When it cannot be read, or is something else; the message names it.
            pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
                read(path.as_ref(), concat!($article, " ", $what, " image"), |bytes| bytes.starts_with($starts)).map($name::new)
            }

            shown_size!();

            /// The bytes of the file.
            pub fn bytes(&self) -> &[u8] {
                &self.bytes
            }
        }

        impl Show for $name {
            fn show(&self) -> MimeBundle {
                let text = text_form(concat!($what, " image"), $size(&self.bytes), self.bytes.len());
                self.shown.tell(MimeBundle::new().with("text/plain", text).with_bytes($mime, &self.bytes), $mime)
            }
        }
    };
}

pixels! {
    /// A PNG image.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let error = Png::open("no/such.png").unwrap_err();
    /// assert!(error.to_string().starts_with("could not read no/such.png"));
    /// ```
    Png, "image/png", "PNG", "a", b"\x89PNG\r\n\x1a\n", png_size
}

pixels! {
    /// A JPEG image.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let shown = Jpeg::new([0xff, 0xd8, 0xff]).width(300).show();
    /// assert_eq!(shown.metadata()["image/jpeg"]["width"], 300);
    /// ```
    Jpeg, "image/jpeg", "JPEG", "a", b"\xff\xd8\xff", jpeg_size
}

/// Width and height from the header.
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    (bytes.get(12..16)? == b"IHDR").then_some((number(16)?, number(20)?))
}

/// Width and height from the frame header, which comes after segments of any length.
fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u32::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let mut at = 2;
    loop {
        let [0xff, marker] = *bytes.get(at..at + 2)? else { return None };
        match marker {
            0xff => at += 1,
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => return Some((number(at + 7)?, number(at + 5)?)),
            0x01 | 0xd0..=0xd8 => at += 2,
            _ => at += 2 + number(at + 2)? as usize,
        }
    }
}

/// A drawing as SVG.
///
/// ```
/// use taskloom::prelude::*;
/// let circle = Svg::new(r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="4"/></svg>"#);
/// assert!(circle.show().get("image/svg+xml").is_some_and(|svg| svg.starts_with("<svg")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Svg {
    source: String,
    shown: Shown,
}

impl Svg {
    /// Wraps the source of a drawing.
    pub fn new(source: impl Into<String>) -> Self {
        Svg { source: source.into(), shown: Shown::default() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is something else; the message names it.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let is_one = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok_and(|text| text.contains("<svg"));
        let bytes = read(path.as_ref(), "an SVG drawing", is_one)?;
        Ok(Svg::new(String::from_utf8_lossy(&bytes).into_owned()))
    }

    shown_size!();

    /// The source.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl Show for Svg {
    fn show(&self) -> MimeBundle {
        let text = text_form("SVG drawing", None, self.source.len());
        let bundle = MimeBundle::new().with("text/plain", text).with("image/svg+xml", self.source.as_str());
        self.shown.tell(bundle, "image/svg+xml")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_image_says_how_big_it_is() {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        png.extend([0, 0, 2, 128, 0, 0, 1, 224, 8, 2]);
        assert_eq!(Png::new(png).show().get("text/plain"), Some("<PNG image, 640 × 480 pixels, 0.0 kB>"));
        let jpeg = [0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc2, 0, 11, 8, 1, 224, 2, 128, 3];
        assert_eq!(Jpeg::new(jpeg).show().get("text/plain"), Some("<JPEG image, 640 × 480 pixels, 0.0 kB>"));
        assert_eq!(Jpeg::new([0xff, 0xd8, 0xff]).show().get("text/plain"), Some("<JPEG image, 0.0 kB>"));
    }

    #[test]
    fn a_file_that_is_something_else_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        std::fs::write(&path, b"\xff\xd8\xff").unwrap();
        let message = Png::open(&path).unwrap_err().to_string();
        assert!(message.contains("picture.png is not a PNG image"), "{message}");
        assert!(Jpeg::open(&path).is_ok());
        assert!(Svg::open(&path).unwrap_err().to_string().contains("is not an SVG drawing"));
        std::fs::write(&path, "<?xml version=\"1.0\"?><svg/>").unwrap();
        assert_eq!(Svg::open(&path).unwrap().height(5).show().metadata()["image/svg+xml"]["height"], 5);
    }
}
