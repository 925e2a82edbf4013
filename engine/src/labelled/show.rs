//! What a labelled array looks like, as text and as a page: as xarray shows it.

use serde_json::{Map, Value as Json};

use super::array::DataArray;
use super::core::{Coord, Labelled};
use super::dataset::Dataset;
use super::labels::Labels;
use crate::array::shown;
use crate::diagnostics::units::bytes;
use crate::display::{MimeBundle, Show, escape};

/// So many labels of each end are shown.
const ENDS: usize = 3;
/// A value of an attribute is cut after so many characters.
const LONGEST: usize = 200;

impl<T> Show for DataArray<T> {
    fn show(&self) -> MimeBundle {
        MimeBundle::new().with("text/plain", text(&self.inner)).with("text/html", html(&self.inner))
    }
}

/// `(time: 365, lat: 73)`
fn sizes<'a>(sizes: impl IntoIterator<Item = (&'a str, usize)>) -> String {
    let parts: Vec<String> = sizes.into_iter().map(|(dim, len)| format!("{dim}: {len}")).collect();
    format!("({})", parts.join(", "))
}

pub(super) fn sizes_of(of: &Labelled) -> Vec<(&str, usize)> {
    of.dims.iter().enumerate().map(|(axis, dim)| (dim.as_str(), of.len(axis))).collect()
}

fn nbytes(of: &Labelled) -> u64 {
    of.data.nbytes() as u64
}

/// The first and last labels.
fn labels_text(labels: &Labels) -> String {
    let len = labels.len();
    let text = |place: usize| match labels {
        Labels::Texts(texts) => format!("'{}'", texts[place]),
        labels => labels.text(place),
    };
    let all = |range: std::ops::Range<usize>| range.map(text).collect::<Vec<_>>().join(" ");
    match len {
        0 => String::new(),
        1..=6 => all(0..len),
        _ => format!("{} ... {}", all(0..ENDS), all(len - ENDS..len)),
    }
}

/// An attribute's value on one line.
fn value_text(value: &Json) -> String {
    let text = match value {
        Json::String(text) => text.replace('\n', " "),
        other => other.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn coord_about(coord: &Coord) -> String {
    coord.dim.as_ref().map_or_else(String::new, |dim| format!("({dim})"))
}

/// Lines under a title, where there are any.
fn coords_text(coords: &[&Coord]) -> String {
    if coords.is_empty() {
        return String::new();
    }
    let wide = |part: &dyn Fn(&Coord) -> usize| coords.iter().map(|coord| part(coord)).max().unwrap_or(0);
    let name = wide(&|coord| coord.name.chars().count());
    let about = wide(&|coord| coord_about(coord).chars().count());
    let mut text = "\nCoordinates:".to_owned();
    for coord in coords {
        let mark = if coord.is_index() { '*' } else { ' ' };
        let labels = labels_text(&coord.labels);
        let (kind, size) = (coord.labels.type_name(), bytes(coord.labels.nbytes() as u64));
        text.push_str(&format!(
            "\n  {mark} {:name$}  {:about$}  {kind} {size} {labels}",
            coord.name,
            coord_about(coord)
        ));
    }
    text
}

fn attrs_text(attrs: &Map<String, Json>) -> String {
    if attrs.is_empty() {
        return String::new();
    }
    let name = attrs.keys().map(|name| name.chars().count()).max().unwrap_or(0) + 1;
    let mut text = "\nAttributes:".to_owned();
    for (key, value) in attrs {
        text.push_str(&format!("\n    {:name$}  {}", format!("{key}:"), value_text(value)));
    }
    text
}

pub(super) fn text(of: &Labelled) -> String {
    let name = of.name.as_ref().map_or_else(String::new, |name| format!(" '{name}'"));
    let coords: Vec<&Coord> = of.coords.iter().collect();
    format!(
        "<DataArray{name} {}> Size: {}\n{}{}{}",
        sizes(sizes_of(of)),
        bytes(nbytes(of)),
        shown::text(of.data.node()),
        coords_text(&coords),
        attrs_text(&of.attrs)
    )
}

/// One variable of a dataset on a line.
fn variable_text(name: &str, of: &Labelled, width: usize, about: usize) -> String {
    let dims = format!("({})", of.dims.join(", "));
    format!("    {name:width$}  {dims:about$}  {} {} {}", of.dtype(), bytes(nbytes(of)), shown::chunks(of.data.node()))
}

/// One variable of a dataset, which unfolds to its array and attributes.
fn variable_html(name: &str, of: &Labelled) -> String {
    let about = format!("({}) {} {}", of.dims.join(", "), of.dtype(), bytes(nbytes(of)));
    let content = format!("{}{}", shown::html(of.data.node()), attrs_html(&of.attrs));
    format!("<details><summary><b>{}</b> {}</summary><div>{content}</div></details>", escape(name), escape(&about))
}

const STYLE: &str = "<style>.taskloom-labelled table{margin:0;border-collapse:collapse}\
.taskloom-labelled td,.taskloom-labelled th{text-align:left;padding:1px 10px 1px 0;vertical-align:top}\
.taskloom-labelled summary{cursor:pointer;opacity:.75}\
.taskloom-labelled details>*:not(summary){margin-left:1.2em}</style>";

/// A part that can be folded up.
fn section(title: &str, count: usize, is_open: bool, content: &str) -> String {
    let open = if is_open && count > 0 { " open" } else { "" };
    format!("<details{open}><summary>{title}: ({count})</summary>{content}</details>")
}

fn coords_html(coords: &[&Coord]) -> String {
    let row = |coord: &&Coord| {
        let name = match coord.is_index() {
            true => format!("<b>{}</b>", escape(&coord.name)),
            false => escape(&coord.name),
        };
        let units = coord.attrs.get("units").map_or_else(String::new, value_text);
        let cells = [coord_about(coord), coord.labels.type_name().to_owned(), labels_text(&coord.labels), units];
        let cells: String = cells.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect();
        format!("<tr><td>{name}</td>{cells}</tr>")
    };
    let rows: String = coords.iter().map(row).collect();
    section("Coordinates", coords.len(), true, &format!("<table>{rows}</table>"))
}

fn attrs_html(attrs: &Map<String, Json>) -> String {
    let row = |(name, value): (&String, &Json)| {
        format!("<tr><th>{}</th><td>{}</td></tr>", escape(name), escape(&value_text(value)))
    };
    let rows: String = attrs.iter().map(row).collect();
    section("Attributes", attrs.len(), attrs.len() < 10, &format!("<table>{rows}</table>"))
}

/// All of it in a frame, with what it is on top.
fn framed(kind: &str, name: &str, about: &str, content: &str) -> String {
    let (name, about) = (escape(name), escape(about));
    format!(
        "<div class=\"taskloom-labelled\">{STYLE}<div style=\"border-bottom:1px solid;margin-bottom:4px\">\
         <span style=\"opacity:.7\">{kind}</span> <b>{name}</b> {about}</div>{content}</div>"
    )
}

fn about_dims(dims: &[(&str, usize)], size: u64) -> String {
    format!("{} · {}", sizes(dims.iter().copied()), bytes(size))
}

fn html(of: &Labelled) -> String {
    let coords: Vec<&Coord> = of.coords.iter().collect();
    let content = format!("{}{}{}", shown::html(of.data.node()), coords_html(&coords), attrs_html(&of.attrs));
    let about = about_dims(&sizes_of(of), nbytes(of));
    framed("DataArray", of.name.as_deref().unwrap_or(""), &about, &content)
}

/// A dataset as text.
pub(super) fn dataset_text(of: &Dataset) -> String {
    let sizes: Vec<String> = of.sizes().iter().map(|(dim, len)| format!("{dim}: {len}")).collect();
    let coords: Vec<&Coord> = of.coords.iter().collect();
    let width = of.vars.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let about = of.vars.iter().map(|(_, var)| var.dims.join(", ").chars().count() + 2).max().unwrap_or(0);
    let mut text = format!("<Dataset> Size: {}\nDimensions: ({})", bytes(size(of)), sizes.join(", "));
    text.push_str(&coords_text(&coords));
    text.push_str("\nData variables:");
    if of.vars.is_empty() {
        text.push_str("\n    none");
    }
    for (name, var) in &of.vars {
        text.push('\n');
        text.push_str(&variable_text(name, var, width, about));
    }
    for (name, why) in &of.unread {
        text.push_str(&format!("\n    {name} could not be read: {why}"));
    }
    text.push_str(&attrs_text(&of.attrs));
    text
}

fn size(of: &Dataset) -> u64 {
    let vars: usize = of.vars.iter().map(|(_, var)| var.data.nbytes()).sum();
    let coords: usize = of.coords.iter().map(|coord| coord.labels.nbytes()).sum();
    (vars + coords) as u64
}

fn dataset_html(of: &Dataset) -> String {
    let coords: Vec<&Coord> = of.coords.iter().collect();
    let vars: String = of.vars.iter().map(|(name, var)| variable_html(name, var)).collect();
    let vars = section("Data variables", of.vars.len(), true, &vars);
    let content = format!("{}{vars}{}", coords_html(&coords), attrs_html(&of.attrs));
    framed("Dataset", "", &about_dims(&of.sizes(), size(of)), &content)
}

impl Show for Dataset {
    fn show(&self) -> MimeBundle {
        MimeBundle::new().with("text/plain", dataset_text(self)).with("text/html", dataset_html(self))
    }
}
