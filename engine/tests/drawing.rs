//! Drawings of real graphs: well-formed, with the names people know, and saved where they asked.

use std::path::Path;

use taskloom::prelude::*;

fn load(file: i64) -> Vec<i64> {
    vec![file]
}

fn clean(rows: Vec<i64>) -> Vec<i64> {
    rows
}

fn total(parts: Vec<Vec<i64>>) -> i64 {
    parts.concat().iter().sum()
}

/// Each file is loaded and cleaned, and one task takes them all: two tasks for each file, and one more.
fn etl(files: i64) -> Delayed<i64> {
    let parts: Vec<_> = (0..files).map(|file| delayed!(clean(delayed!(load(file))))).collect();
    delayed!(total(parts))
}

/// Stops with a message unless the text is one well-formed XML element; gives the texts of all elements, in order.
///
/// It knows the part of XML that a drawing may use: elements, attributes in double quotes, text, and character entities.
#[track_caller]
fn texts_of_xml(xml: &str) -> Vec<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut texts = Vec::new();
    let mut roots = 0;
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        let text = &rest[..start];
        if !text.trim().is_empty() {
            assert!(!open.is_empty(), "text outside all elements: {text:?}");
            texts.push(unescape(text));
        }
        let end = start + rest[start..].find('>').expect("a tag that does not end");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        assert!(!tag.starts_with(['!', '?']), "a page has no place for <{tag}>");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed in the wrong order");
            continue;
        }
        let (inner, closed) = tag.strip_suffix('/').map_or((tag, false), |inner| (inner, true));
        let (name, attributes) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
        assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()), "<{tag}> has no good name");
        check_attributes(attributes);
        if open.is_empty() {
            roots += 1;
        }
        if !closed {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    assert!(rest.trim().is_empty(), "text after the end: {rest:?}");
    assert_eq!(roots, 1, "one element was expected");
    texts
}

#[track_caller]
fn check_attributes(attributes: &str) {
    let mut seen = Vec::new();
    let mut rest = attributes.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("an attribute without a value: {rest:?}"));
        let (value, after) = after.split_once('"').unwrap_or_else(|| panic!("a value without an end: {rest:?}"));
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name:?} is no name");
        assert!(!seen.contains(&name), "{name} is there twice");
        assert!(!value.contains("NaN") && !value.contains("inf"), "{name} is {value}");
        unescape(value);
        seen.push(name);
        rest = after.trim_start();
    }
}

#[track_caller]
fn unescape(text: &str) -> String {
    assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "control characters in {text:?}");
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        let (entity, after) = rest[at + 1..].split_once(';').expect("an entity without an end");
        plain.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            other => panic!("&{other}; is not known everywhere"),
        });
        rest = after;
    }
    plain + rest
}

#[test]
fn every_task_and_every_value_has_a_box_with_its_name() {
    let base = delayed_value(40);
    let sum = delayed!(total(vec![delayed!(clean(delayed!(load(base)))), delayed!(load(2))]));
    let svg = (&sum * 2).visualize().svg();
    let texts = texts_of_xml(&svg);
    let count = |label: &str| texts.iter().filter(|text| *text == label).count();
    assert_eq!(["data", "load", "clean", "total", "mul"].map(count), [1, 2, 1, 1, 1], "{texts:?}");
    let shown = |detail: &str| texts.iter().any(|text| text.contains(detail));
    assert!(shown(&format!("{} → i64", sum.key())) && shown("→ Vec<i64>"), "{texts:?}");
}

#[test]
fn a_single_value_and_a_single_task_can_be_drawn() {
    for drawing in [delayed_value(1).visualize(), delayed!(load(1)).visualize()] {
        texts_of_xml(&drawing.svg());
        assert!(!drawing.png(1.0).unwrap().is_empty());
    }
}

#[test]
fn arguments_that_are_the_same_make_one_arrow_with_a_count() {
    let x = delayed!(load(1));
    let twice = delayed!(total(vec![x.clone(), x]));
    let texts = texts_of_xml(&twice.visualize().svg());
    assert!(texts.iter().any(|text| text == "×2"), "{texts:?}");
}

#[test]
fn names_in_any_script_and_types_with_brackets_are_fine() {
    fn größe(texts: Vec<Option<&'static str>>) -> Result<Vec<Option<&'static str>>, String> {
        Ok(texts)
    }
    let handle = delayed!(größe(vec![Some("<&>")]));
    let texts = texts_of_xml(&handle.visualize().svg());
    assert!(texts.iter().any(|text| text == "größe"), "{texts:?}");
    texts_of_xml(&handle.visualize().svg());
    assert!(handle.visualize().dot().contains("größe"));
}

#[test]
fn graphs_of_all_sizes_can_be_drawn() {
    for files in [5, 50, 500] {
        let svg = etl(files).visualize().svg();
        let texts = texts_of_xml(&svg);
        let boxes = texts.iter().filter(|text| ["load", "clean", "total"].contains(&text.as_str())).count();
        assert_eq!(boxes as i64, 2 * files + 1);
    }
}

#[test]
fn beyond_that_a_collapsed_picture_says_how_many() {
    let drawing = etl(10_000).visualize();
    let texts = texts_of_xml(&drawing.svg());
    let all = texts.join("\n");
    for expected in ["load", "clean", "total", "× 10,000", "20,001 tasks"] {
        assert!(all.contains(expected), "{expected} is missing from:\n{all}");
    }
    assert!(texts.len() < 100, "{} texts are too many to read", texts.len());
    assert_eq!(drawing.dot().matches(" -> ").count(), 20_000, "for other tools, the graph is there in full");
}

#[test]
fn long_chains_can_be_drawn() {
    let mut chain = delayed!(inc(0));
    for _ in 0..20_000 {
        chain = delayed!(inc(chain));
    }
    let all = texts_of_xml(&chain.visualize().svg()).join("\n");
    assert!(all.contains("20,001 tasks"), "{all}");

    fn inc(x: i64) -> i64 {
        x + 1
    }
}

#[test]
fn drawing_runs_nothing() {
    fn never() -> i64 {
        panic!("drawing must not run a task")
    }
    let drawing = (delayed!(never()) + 1).visualize();
    texts_of_xml(&drawing.svg());
    drawing.png(1.0).unwrap();
}

#[test]
fn dot_has_all_nodes_and_arrows() {
    let dot = etl(3).visualize().dot();
    assert!(dot.starts_with("digraph ") && dot.trim_end().ends_with('}'));
    let labels = |name: &str| dot.matches(&format!("[label=\"{name}\"")).count();
    assert_eq!((labels("load"), labels("clean"), labels("total")), (3, 3, 1));
    assert_eq!(dot.matches(" -> ").count(), 6);
}

#[test]
fn a_drawing_shows_itself() {
    let bundle = etl(2).visualize().show();
    assert_eq!(bundle.get("text/plain"), Some("a graph of 5 tasks"));
    texts_of_xml(bundle.get("image/svg+xml").expect("there is an SVG"));
    let html = bundle.get("text/html").expect("there is HTML");
    assert!(texts_of_xml(html).iter().any(|text| text == "total"));
    assert_eq!(delayed!(load(1)).visualize().show().get("text/plain"), Some("a graph of 1 task"));
}

/// Width and height from a PNG's header.
#[track_caller]
fn png_size(png: &[u8]) -> (u32, u32) {
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n", "this is no PNG");
    assert_eq!(&png[12..16], b"IHDR");
    assert_eq!(&png[png.len() - 8..png.len() - 4], b"IEND", "the PNG is cut short");
    let number = |at: usize| u32::from_be_bytes([png[at], png[at + 1], png[at + 2], png[at + 3]]);
    (number(16), number(20))
}

/// Width and height as the SVG's root element says.
#[track_caller]
fn svg_size(svg: &str) -> (u32, u32) {
    let side = |name: &str| {
        let (_, after) = svg.split_once(&format!(" {name}=\"")).expect("an SVG has a size");
        after.split_once('"').expect("an attribute ends").0.parse().expect("a size is a number")
    };
    (side("width"), side("height"))
}

#[test]
fn png_has_the_size_of_the_svg_times_the_scale() {
    let drawing = etl(4).visualize();
    let (width, height) = svg_size(&drawing.svg());
    assert_eq!(png_size(&drawing.png(1.0).unwrap()), (width, height));
    assert_eq!(png_size(&drawing.png(3.0).unwrap()), (3 * width, 3 * height));
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let error = drawing.png(scale).unwrap_err().to_string();
        assert!(error.starts_with("the scale of a PNG must be a number above 0"), "{error}");
    }
}

fn files_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().expect("the tests use plain names"))
        .collect();
    names.sort();
    names
}

#[test]
fn saved_by_the_ending_of_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let drawing = etl(3).visualize();
    for name in ["a.svg", "b.PNG", "c.dot", "d.gv", "with space.v2.svg"] {
        drawing.save(folder.path().join(name)).unwrap();
    }
    assert_eq!(files_in(folder.path()), ["a.svg", "b.PNG", "c.dot", "d.gv", "with space.v2.svg"]);
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("a.svg"), drawing.svg().into_bytes());
    assert_eq!(read("c.dot"), drawing.dot().into_bytes());
    assert_eq!(read("d.gv"), read("c.dot"));
    let (width, height) = svg_size(&drawing.svg());
    assert_eq!(png_size(&read("b.PNG")), (2 * width, 2 * height), "saved at twice the size, for print");
}

#[test]
fn saving_replaces_an_older_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.svg");
    etl(9).visualize().save(&path).unwrap();
    let drawing = etl(1).visualize();
    drawing.save(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), drawing.svg());
    assert_eq!(files_in(folder.path()), ["graph.svg"]);
}

#[test]
fn another_ending_is_explained_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["graph.jpeg", "graph", "graph.svg.bak", ".svg"] {
        let path = folder.path().join(name);
        let error = etl(1).visualize().save(&path).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot tell what to write to {}: end the name in .svg, .png or .dot", path.display())
        );
    }
    assert!(files_in(folder.path()).is_empty());
}

#[test]
fn a_file_that_cannot_be_written_is_explained_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing").join("graph.svg");
    let error = etl(1).visualize().save(&missing).unwrap_err().to_string();
    assert!(error.starts_with(&format!("could not write the picture to {}: ", missing.display())), "{error}");
    assert!(error.ends_with("check that the folder is there and can be written to"), "{error}");

    let taken = folder.path().join("taken.svg");
    std::fs::create_dir(&taken).unwrap();
    assert!(etl(1).visualize().save(&taken).is_err());
    assert_eq!(files_in(folder.path()), ["taken.svg"]);
}
