//! The chunks of an array as SVG.
//!
//! One axis is a bar, two are a rectangle, three a box seen from above; of more, each three from the last on are a figure,
//! and the figures stand side by side. Lines are where chunks end. Colours are those of the page the drawing is in, so
//! that it can be read on a light and on a dark one.

use std::fmt::Write;

use super::about;
use crate::array::chunks::{AxisChunks, Grid};
use crate::display::escape;
use crate::draw::at;

/// The longest axis, in pixels.
const LONGEST: f64 = 150.0;
/// Shorter axes are drawn longer than they are, or nobody would see them.
const SHORTEST: f64 = 14.0;
/// The height of a bar.
const BAR: f64 = 30.0;
/// How far an axis that leads away from the eye moves right and down, for each pixel of its length.
const SLANT: f64 = 0.45;
/// More lines than this would be a grey face: every second, third … is drawn.
const MOST_LINES: usize = 32;
/// So are lines that would be nearer to each other, in pixels.
const LEAST_APART: f64 = 4.0;
/// More figures than this are not looked at.
const MOST_FIGURES: usize = 4;
const FONT_SIZE: f64 = 12.0;
const DIGIT: f64 = 7.2;
const GAP: f64 = 34.0;
const MARGIN: f64 = 8.0;
/// What a drawing outside a page has: it can be read on white and on black.
const INK: &str = "#7d8590";

/// As part of a page, in the colour of the page's text.
pub(super) fn inline(grid: &Grid) -> String {
    svg(grid, "currentColor")
}

/// As a file or an image, which knows nothing of its surroundings.
pub(super) fn alone(grid: &Grid) -> String {
    svg(grid, INK)
}

/// One axis, as it is drawn.
struct Axis {
    length: f64,
    lines: Vec<f64>,
    label: String,
    is_known: bool,
    /// Only every so-manieth line is drawn.
    is_dense: bool,
}

/// Where something is, and where it goes.
type Point = (f64, f64);

fn svg(grid: &Grid, ink: &str) -> String {
    let longest = grid.axes().iter().filter(|axis| axis.is_known()).map(AxisChunks::len).max().unwrap_or(0);
    let axes: Vec<Axis> = grid.axes().iter().map(|chunks| axis(chunks, longest)).collect();
    // Threes from the end, the odd rest first.
    let mut figures: Vec<&[Axis]> = axes.rchunks(3).collect();
    figures.reverse();
    let hidden = figures.len().saturating_sub(MOST_FIGURES);
    let figures = figures.split_off(hidden);

    let mut body = String::new();
    let mut left = MARGIN;
    let height = figures.iter().map(|axes| extent(axes).1).fold(if axes.is_empty() { BAR } else { 0.0 }, f64::max);
    if hidden > 0 {
        let _ = write!(body, r#"<text x="{}" y="{}">…</text>"#, at(left), at(MARGIN + height / 2.0));
        left += GAP;
    }
    for (place, axes) in figures.iter().enumerate() {
        if place > 0 {
            let (x, y) = (left - GAP / 2.0, MARGIN + height / 2.0);
            let _ = write!(body, r#"<text x="{}" y="{}" text-anchor="middle">×</text>"#, at(x), at(y));
        }
        let (width, own) = extent(axes);
        figure(&mut body, axes, left, MARGIN + (height - own) / 2.0);
        left += width + GAP;
    }
    if axes.is_empty() {
        let _ = write!(
            body,
            r##"<rect x="{left}" y="{MARGIN}" width="{BAR}" height="{BAR}" fill="#77aadd" fill-opacity=".5"/>"##
        );
        left += BAR + GAP;
    }
    let (width, height) = (at(left - GAP + MARGIN), at(height + 2.0 * MARGIN));
    let title = escape(&about(grid));
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" stroke="{ink}" font-family="sans-serif" font-size="{FONT_SIZE}"><title>{title}</title><g fill="{ink}" stroke-width="1">{}</g></svg>"#,
        body.replace("<text ", "<text stroke=\"none\" ")
    )
}

fn axis(chunks: &AxisChunks, longest: usize) -> Axis {
    let ratio = if chunks.is_known() { chunks.len() as f64 / longest.max(1) as f64 } else { 1.0 };
    // The longer axis is the longer line, but ten times as long is not drawn ten times as long.
    let length = (LONGEST * ratio.sqrt()).clamp(SHORTEST, LONGEST);
    let borders = chunks.count().saturating_sub(1);
    let most = MOST_LINES.min((length / LEAST_APART) as usize);
    let every = borders.div_ceil(most).max(1);
    let place = |chunk: usize| match chunks.is_known() {
        true => chunks.start(chunk) as f64 / chunks.len().max(1) as f64,
        false => chunk as f64 / chunks.count() as f64,
    };
    let mut lines: Vec<f64> = (every..=borders).step_by(every).map(|chunk| length * place(chunk)).collect();
    // Lines that fall on another are one.
    lines.dedup_by(|right, left| (*right - *left).abs() < 1.0);
    Axis {
        length,
        is_dense: lines.len() < borders,
        lines,
        label: if chunks.is_known() { chunks.len().to_string() } else { "?".to_owned() },
        is_known: chunks.is_known(),
    }
}

fn text_width(axis: &Axis) -> f64 {
    axis.label.len() as f64 * DIGIT
}

/// Bar, rectangle or box without the labels around it.
fn lengths(axes: &[Axis]) -> (f64, f64, f64) {
    match axes {
        [depth, down, along] => (depth.length * SLANT, down.length, along.length),
        [down, along] => (0.0, down.length, along.length),
        [along] => (0.0, BAR, along.length),
        _ => (0.0, 0.0, 0.0),
    }
}

/// What stands to the left of a figure: the label of the axis that leads away.
fn before(axes: &[Axis]) -> f64 {
    match axes {
        [depth, _, _] => (text_width(depth) - depth.length * SLANT / 2.0 + 6.0).max(0.0),
        _ => 0.0,
    }
}

/// Width and height with all labels.
fn extent(axes: &[Axis]) -> Point {
    let (slant, down, along) = lengths(axes);
    let right = match axes {
        [.., down, _] => text_width(down) + 6.0,
        _ => 0.0,
    };
    let label = axes.last().map_or(0.0, text_width);
    (before(axes) + (slant + along).max(label) + right, slant + down + FONT_SIZE + 6.0)
}

fn figure(body: &mut String, axes: &[Axis], left: f64, top: f64) {
    let (slant, height, width) = lengths(axes);
    let left = left + before(axes);
    let bar = Axis { length: BAR, lines: Vec::new(), label: String::new(), is_known: true, is_dense: false };
    let (down, along) = match axes {
        [.., down, along] => (down, along),
        [along] => (&bar, along),
        [] => return,
    };
    if let [depth, ..] = axes
        && axes.len() == 3
    {
        let away = (SLANT, SLANT);
        face(body, (left, top), (depth, away), (along, (1.0, 0.0)), 0.35);
        face(body, (left, top), (depth, away), (down, (0.0, 1.0)), 0.75);
        let (x, y) = (left + slant / 2.0 - 4.0, top + height + slant / 2.0 + FONT_SIZE);
        label(body, depth, (x, y), "end");
    }
    let (left, top) = (left + slant, top + slant);
    face(body, (left, top), (down, (0.0, 1.0)), (along, (1.0, 0.0)), 0.55);
    label(body, along, (left + width / 2.0, top + height + FONT_SIZE + 2.0), "middle");
    if axes.len() > 1 {
        label(body, down, (left + width + 5.0, top + height / 2.0 + FONT_SIZE * 0.35), "start");
    }
}

/// A face between two axes, each with the way in which it leads.
fn face(body: &mut String, from: Point, one: (&Axis, Point), other: (&Axis, Point), opacity: f64) {
    let go = |along: f64, across: f64| {
        let x = from.0 + along * one.1.0 + across * other.1.0;
        let y = from.1 + along * one.1.1 + across * other.1.1;
        format!("{} {}", at(x), at(y))
    };
    let (length, breadth) = (one.0.length, other.0.length);
    let (a, b, c, d) = (go(0.0, 0.0), go(0.0, breadth), go(length, breadth), go(length, 0.0));
    let is_dense = one.0.is_dense || other.0.is_dense;
    let opacity = if is_dense { (opacity + 0.2).min(0.9) } else { opacity };
    let _ = write!(body, r##"<path d="M{a}L{b}L{c}L{d}Z" fill="#77aadd" fill-opacity="{opacity:.2}"/>"##);
    let mut lines = |axis: &Axis, ends: &dyn Fn(f64) -> (String, String)| {
        if axis.lines.is_empty() {
            return;
        }
        let path: String = axis.lines.iter().map(|&line| ends(line)).fold(String::new(), |mut path, (start, end)| {
            let _ = write!(path, "M{start}L{end}");
            path
        });
        let dashes = if axis.is_known { "" } else { r#" stroke-dasharray="3 3""# };
        let _ = write!(body, r#"<path d="{path}" fill="none" stroke-opacity=".55"{dashes}/>"#);
    };
    lines(one.0, &|line| (go(line, 0.0), go(line, breadth)));
    lines(other.0, &|line| (go(0.0, line), go(length, line)));
}

fn label(body: &mut String, axis: &Axis, (x, y): Point, anchor: &str) {
    let _ = write!(body, r#"<text x="{}" y="{}" text-anchor="{anchor}">{}</text>"#, at(x), at(y), axis.label);
}
