//! Pictures of task graphs, in pure Rust: SVG for a notebook, PNG and DOT for everything else. No Graphviz is needed.
//!
//! A [`Picture`] is plain data: boxes with labels, and edges from producer to consumer. It is drawn in layers with the
//! inputs at the bottom and the results on top. Functions are rounded boxes, each function with its own colour; data
//! that is already there is a white rectangle with square corners.
//!
//! A graph that would not be readable in full (more than 1,500 boxes or 4,000 edges) is drawn collapsed: tasks with the
//! same function, at the same depth, with the same inputs become one stacked box with a count, and a caption says so.
//!
//! ```
//! use taskloom::draw::{Kind, Node, Picture};
//!
//! let node = |label: &str, kind| Node { label: label.into(), kind, detail: String::new(), color: None };
//! let picture = Picture {
//!     nodes: vec![node("1", Kind::Data), node("inc", Kind::Task), node("double", Kind::Task)],
//!     edges: vec![(0, 1), (1, 2)],
//! };
//! assert!(picture.svg().starts_with("<svg"));
//! assert!(picture.dot().contains("n0 -> n1"));
//! ```

mod collapse;
mod colors;
mod dot;
mod layout;
mod png;
mod svg;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

pub(crate) use collapse::MAX_NODES as DRAWN_IN_FULL;
use colors::Colors;
pub(crate) use colors::colors_of;
pub(crate) use png::render as png_bytes;
pub(crate) use svg::{at, columns, escape};

/// One box of a [`Picture`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What stands in the box: the name of a function, or what the data is. A long label is cut in the middle; its
    /// whole text is in the box's tooltip. Tasks with the same label have the same colour.
    pub label: String,
    /// Whether the box is a task or data.
    pub kind: Kind,
    /// More for the tooltip: the key, the type. May be empty.
    pub detail: String,
    /// A CSS colour to fill the box with. `None` takes the colour that belongs to the label.
    pub color: Option<String>,
}

/// What a box stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A call of a function that is yet to run: drawn with round corners, filled with its function's colour.
    Task,
    /// A value that is already there: drawn as a white rectangle.
    Data,
}

/// A graph to be drawn.
///
/// An edge that is there twice is drawn once, with its count. Edges from a node to itself, and edges that name a node
/// that does not exist, are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture {
    /// The boxes.
    pub nodes: Vec<Node>,
    /// Pairs of indices into [`nodes`](Self::nodes), from producer to consumer.
    pub edges: Vec<(usize, usize)>,
}

/// Why a picture could not be made or saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DrawError {
    /// The file's extension is not that of a format we can write.
    #[error("cannot tell what to write to {}: end the name in .svg, .png or .dot", .path.display())]
    Extension {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The file could not be written. What was there before is untouched.
    #[error("could not write the picture to {}: {source}; check that the folder is there and can be written to", .path.display())]
    Io {
        /// The path as it was given.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The scale of a PNG is not a positive, finite number.
    #[error("the scale of a PNG must be a number above 0, such as 2.0 for sharp print; it was {scale}")]
    Scale {
        /// The scale that was given.
        scale: f32,
    },
    /// The picture could not be turned into pixels.
    #[error("could not turn the picture into a PNG: {reason}; save it as .svg instead")]
    Png {
        /// What went wrong.
        reason: String,
    },
}

/// What [`Picture::save`] multiplies the size of a PNG by, so that it looks sharp in print and on dense screens.
const SAVED_SCALE: f32 = 2.0;

impl Picture {
    /// The picture as one SVG element, without an XML declaration, to be put into a page or a file.
    ///
    /// It has no ids, style sheets or scripts, so that any number of pictures get on in one page, and a light
    /// background of its own, so that it is readable in a dark one. A picture of moderate width shrinks with the page;
    /// a wide one keeps its natural size (use [`html`](Self::html) to make it scroll).
    pub fn svg(&self) -> String {
        self.svg_with(None)
    }

    /// As [`svg`](Self::svg), with a line of text below the graph.
    pub(crate) fn svg_with(&self, caption: Option<&str>) -> String {
        svg::render(&self.captioned(caption))
    }

    /// The picture as HTML for a notebook: the SVG, in a container that scrolls when the picture is big, so that text
    /// stays legible.
    pub fn html(&self) -> String {
        self.html_with(None)
    }

    pub(crate) fn html_with(&self, caption: Option<&str>) -> String {
        svg::html(&self.captioned(caption))
    }

    /// The graph in Graphviz' DOT language, always in full, for other tools to draw.
    pub fn dot(&self) -> String {
        dot::render(self)
    }

    /// The picture as a PNG file's bytes.
    ///
    /// `scale` is pixels per CSS pixel: 1.0 is the size on a plain screen, 2.0 is sharp in print. A huge picture gets a
    /// smaller scale, so that the image stays within 40 million pixels.
    ///
    /// # Errors
    /// [`DrawError::Scale`] when `scale` is not positive and finite, [`DrawError::Png`] when the image cannot be made.
    pub fn png(&self, scale: f32) -> Result<Vec<u8>, DrawError> {
        self.png_with(scale, None)
    }

    pub(crate) fn png_with(&self, scale: f32, caption: Option<&str>) -> Result<Vec<u8>, DrawError> {
        png::render(&self.svg_with(caption), scale)
    }

    /// Writes the picture to a file: `.svg`, `.png` (at scale 2) or `.dot` (also `.gv`), by its extension.
    ///
    /// The file is written beside its place and then moved there, so that nobody ever sees half a picture, and a failed
    /// attempt leaves an older file as it was.
    ///
    /// # Errors
    /// [`DrawError::Extension`] for another extension, [`DrawError::Io`] when the file cannot be written, and the
    /// errors of [`png`](Self::png).
    ///
    /// ```
    /// # use taskloom::draw::Picture;
    /// let error = Picture::default().save("graph.jpeg").unwrap_err();
    /// assert!(error.to_string().contains("end the name in .svg, .png or .dot"));
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), DrawError> {
        self.save_with(path.as_ref(), None)
    }

    pub(crate) fn save_with(&self, path: &Path, caption: Option<&str>) -> Result<(), DrawError> {
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        let bytes = match extension.as_deref() {
            Some("svg") => self.svg_with(caption).into_bytes(),
            Some("png") => self.png_with(SAVED_SCALE, caption)?,
            Some("dot" | "gv") => self.dot().into_bytes(),
            _ => return Err(DrawError::Extension { path: path.to_owned() }),
        };
        write_whole(path, &bytes).map_err(|source| DrawError::Io { path: path.to_owned(), source })
    }

    /// The edges that can be drawn, each once, with how often it is there, in the order they first come: edges to a
    /// task are in the order of its arguments, and the drawing keeps that where it can.
    fn links(&self) -> Vec<Link> {
        let mut place: HashMap<(usize, usize), usize> = HashMap::with_capacity(self.edges.len());
        let mut links: Vec<Link> = Vec::with_capacity(self.edges.len());
        for &(from, to) in &self.edges {
            if from != to && from < self.nodes.len() && to < self.nodes.len() {
                let at = *place.entry((from, to)).or_insert(links.len());
                if at == links.len() {
                    links.push((from, to, 0));
                }
                links[at].2 += 1;
            }
        }
        links
    }

    /// What is drawn, with one more line of text.
    fn captioned(&self, caption: Option<&str>) -> Scene {
        let mut scene = self.scene();
        scene.caption = match (scene.caption.take(), caption) {
            (Some(own), Some(caption)) => Some(format!("{own}; {caption}")),
            (own, caption) => own.or_else(|| caption.map(str::to_owned)),
        };
        scene
    }

    fn scene(&self) -> Scene {
        let links = self.links();
        if collapse::is_needed(self, &links) {
            return collapse::scene(self, &links);
        }
        let colors = Colors::new(self.nodes.iter());
        let boxes = self
            .nodes
            .iter()
            .map(|node| {
                let (fill, stroke) = colors.of(node);
                let mut title = node.label.clone();
                if !node.detail.is_empty() {
                    title = format!("{title}\n{}", node.detail);
                }
                Tile { label: node.label.clone(), count: None, title, kind: node.kind, fill, stroke }
            })
            .collect();
        Scene { boxes, links, caption: None }
    }
}

/// Producer, consumer, and how many edges this one stands for.
type Link = (usize, usize, u64);

/// What is really drawn: the picture itself, or groups of its nodes.
#[derive(Debug)]
struct Scene {
    boxes: Vec<Tile>,
    links: Vec<Link>,
    caption: Option<String>,
}

/// One drawn box.
#[derive(Debug)]
struct Tile {
    label: String,
    /// How many nodes a stacked box stands for.
    count: Option<u64>,
    title: String,
    kind: Kind,
    fill: String,
    stroke: String,
}

/// A number with commas between thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a file beside its place, then moves it there.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);

    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}-{}.part", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    let part = path.with_file_name(name);
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&part)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        // Nothing half-made stays behind; that the part may not be there either is no further news.
        let _ = std::fs::remove_file(&part);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn task(label: &str) -> Node {
        Node { label: label.into(), kind: Kind::Task, detail: String::new(), color: None }
    }

    pub(crate) fn data(label: &str) -> Node {
        Node { kind: Kind::Data, ..task(label) }
    }

    /// Parses the picture as the strict XML reader of usvg sees it.
    fn parse(svg: &str) -> resvg::usvg::Tree {
        resvg::usvg::Tree::from_str(svg, &resvg::usvg::Options::default()).expect("the SVG is valid")
    }

    fn diamond() -> Picture {
        Picture {
            nodes: vec![data("1"), task("inc"), task("double"), task("add")],
            edges: vec![(0, 1), (0, 2), (1, 3), (2, 3)],
        }
    }

    #[test]
    fn an_empty_picture_says_so() {
        let svg = Picture::default().svg();
        parse(&svg);
        assert!(svg.contains("The graph is empty"));
    }

    #[test]
    fn labels_are_escaped_and_shown_in_full_somewhere() {
        let long = "read_the_flights_of_one_month_and_drop_what_was_cancelled";
        let picture = Picture {
            nodes: vec![task("Vec<T>::from & \"co\""), task(long), task("tab\u{1}\u{7}bed"), task("多核")],
            edges: vec![],
        };
        let svg = picture.svg();
        parse(&svg);
        assert!(svg.contains("Vec&lt;T&gt;::from &amp; &quot;co&quot;"));
        assert!(svg.contains(&format!("<title>{long}")));
        assert!(svg.contains('…'));
        assert!(!svg.contains('\u{1}'));
    }

    #[test]
    fn bad_edges_are_left_out() {
        let mut picture = diamond();
        let good = picture.svg();
        picture.edges.extend([(1, 1), (7, 0), (0, 9)]);
        assert_eq!(picture.svg(), good);
    }

    #[test]
    fn an_edge_that_is_there_twice_has_a_count() {
        let picture = Picture { nodes: vec![task("inc"), task("add")], edges: vec![(0, 1), (0, 1)] };
        assert!(picture.svg().contains("×2"));
    }

    #[test]
    fn tasks_and_data_look_different_and_colors_are_stable() {
        let svg = diamond().svg();
        assert_eq!(svg.matches(r##"fill="#ffffff" stroke="#8a8f98""##).count(), 1);
        let color = |picture: &Picture, label: &str| {
            let scene = picture.scene();
            scene.boxes.iter().find(|tile| tile.label == label).map(|tile| tile.fill.clone())
        };
        let alone = Picture { nodes: vec![task("inc")], edges: vec![] };
        assert_eq!(color(&alone, "inc"), color(&diamond(), "inc"));
        let scene = diamond().scene();
        let fills: std::collections::HashSet<_> = scene.boxes.iter().map(|tile| &tile.fill).collect();
        assert_eq!(fills.len(), 4);
    }

    #[test]
    fn svg_has_no_ids_and_shrinks_only_when_moderate() {
        let svg = diamond().svg();
        assert!(!svg.contains(" id=") && !svg.contains("<style"));
        assert!(svg.contains("max-width:100%;height:auto"));
        let mut wide = Picture { nodes: vec![task("total")], edges: vec![] };
        for index in 1..200 {
            wide.nodes.push(task("load"));
            wide.edges.push((index, 0));
        }
        assert!(!wide.svg().contains("max-width:100%"));
        assert!(wide.html().contains("overflow:auto"));
    }

    #[test]
    fn png_is_an_image_and_bad_scales_are_refused() {
        let png = diamond().png(1.0).expect("the picture can be drawn");
        assert!(png.starts_with(b"\x89PNG"));
        for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(matches!(diamond().png(scale), Err(DrawError::Scale { .. })));
        }
        assert!(Picture::default().png(2.0).is_ok());
    }

    #[test]
    fn save_goes_by_extension_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, start) in [("a.svg", "<svg".as_bytes()), ("a.PNG", b"\x89PNG"), ("a.dot", b"digraph")] {
            let path = folder.path().join(name);
            std::fs::write(&path, "older").expect("the folder can be written to");
            diamond().save(&path).expect("the picture is saved");
            assert!(std::fs::read(&path).expect("the file is there").starts_with(start));
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder is there").count(), 3);

        let error = diamond().save(folder.path().join("a.jpeg")).expect_err("no JPEG");
        assert!(error.to_string().contains("end the name in .svg, .png or .dot"), "{error}");
        let error = diamond().save(folder.path().join("missing/a.svg")).expect_err("no such folder");
        assert!(error.to_string().contains("missing/a.svg"), "{error}");
        // A folder in the way: the move fails, and the part goes away.
        std::fs::create_dir(folder.path().join("b.svg")).expect("the folder can be written to");
        diamond().save(folder.path().join("b.svg")).expect_err("a folder is in the way");
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder is there").count(), 4);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1_000, 12_345_678].map(grouped), ["0", "999", "1,000", "12,345,678"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn any_picture_is_valid_and_deterministic(
            labels in proptest::collection::vec(any::<String>(), 1..30),
            edges in proptest::collection::vec((0..32_usize, 0..32_usize), 0..60),
        ) {
            let nodes = labels.iter().enumerate().map(|(i, label)| Node {
                label: label.clone(),
                kind: if i % 3 == 0 { Kind::Data } else { Kind::Task },
                detail: label.chars().rev().collect(),
                color: (i % 7 == 0).then(|| label.clone()),
            }).collect();
            // Any edges, cycles among them.
            let picture = Picture { nodes, edges };
            let svg = picture.svg();
            parse(&svg);
            prop_assert_eq!(&svg, &picture.svg());
            prop_assert_eq!(picture.dot(), picture.dot());
            for label in &labels {
                prop_assert!(svg.contains(&svg::escape(label)));
            }
        }
    }
}
