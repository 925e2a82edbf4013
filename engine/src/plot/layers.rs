//! The marks of a plot as SVG.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::axis::Axis;
use super::colors::{MISSING, PALETTE};
use super::figure::{Drawn, Figure, Paint, Shape, Steps, stroke_width};
use super::svg::Frame;
use super::{Grid, thin};
use crate::draw::{at, escape};

/// The area of an ordinary point and of the largest one, in square pixels, as in the Vega-Lite form.
const AREA: f64 = 30.0;
const LARGEST: f64 = 400.0;
/// Of more points some are drawn: each is an element of the page.
const POINTS: usize = 5_000;
/// A grid with more rows or columns is averaged once more.
const CELLS: usize = 120;
/// Shades of a heat map; cells of one shade are one element.
const SHADES: usize = 64;

pub(super) fn draw(svg: &mut String, figure: &Figure, layer: &Drawn, frame: &Frame) {
    match &layer.shape {
        Shape::Line { x, y } => line(svg, figure, layer, frame, x, y),
        Shape::Points { x, y, areas } => points(svg, figure, layer, frame, x, y, areas.as_deref()),
        Shape::Bars { x, y, slot, slots } => {
            let band = match &figure.x {
                Axis::Names(names) => 1.0 / names.len().max(1) as f64,
                _ => 0.0,
            };
            let one = frame.width * band * 0.84 / *slots as f64;
            let left = |value: f64| frame.x(&figure.x, value) - frame.width * band * 0.42 + one * *slot as f64;
            let sides = x.iter().map(|&value| (left(value), left(value) + one));
            bars(svg, figure, layer, frame, sides, y, if *slots > 1 { 0.5 } else { 0.0 });
        }
        Shape::Ranges { from, to, y } => {
            let sides = from.iter().zip(to).map(|(from, to)| (frame.x(&figure.x, *from), frame.x(&figure.x, *to)));
            bars(svg, figure, layer, frame, sides, y, if from.len() <= 100 { 0.5 } else { 0.0 });
        }
        Shape::Cells { grid, per_row, per_column, x, y } => {
            cells(svg, figure, layer, frame, grid, (*per_row, *per_column), (*x, *y));
        }
    }
}

fn fill(paint: &Paint) -> String {
    match paint {
        Paint::One(color) => escape(color),
        _ => MISSING.to_owned(),
    }
}

fn line(svg: &mut String, figure: &Figure, layer: &Drawn, frame: &Frame, x: &[f64], y: &[f64]) {
    let mut path = String::new();
    let mut dots = String::new();
    // A point between two gaps is no line, but it is there.
    let is_there = |place: usize| x.get(place).zip(y.get(place)).is_some_and(|(x, y)| !x.is_nan() && !y.is_nan());
    for place in (0..x.len()).filter(|&place| is_there(place)) {
        let (px, py) = (at(frame.x(&figure.x, x[place])), at(frame.y(&figure.y, y[place])));
        let after_gap = place == 0 || !is_there(place - 1);
        if after_gap && !is_there(place + 1) {
            let _ = write!(dots, "M{px} {py}h0");
        } else {
            let _ = write!(path, "{}{px} {py}", if after_gap { 'M' } else { 'L' });
        }
    }
    let dash = if layer.dashed { " stroke-dasharray=\"6 3\"" } else { "" };
    let _ = write!(
        svg,
        "<g fill=\"none\" stroke=\"{}\" stroke-opacity=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"><path d=\"{path}\"{dash}/>",
        fill(&layer.paint),
        layer.opacity,
        stroke_width(x.len())
    );
    if !dots.is_empty() {
        let _ = write!(svg, "<path d=\"{dots}\" stroke-linecap=\"round\" stroke-width=\"4\"/>");
    }
    svg.push_str("</g>");
}

fn points(
    svg: &mut String,
    figure: &Figure,
    layer: &Drawn,
    frame: &Frame,
    x: &[f64],
    y: &[f64],
    areas: Option<&[f64]>,
) {
    let radius = |area: f64| at((area / std::f64::consts::PI).sqrt());
    let ordinary = radius(AREA);
    let _ = write!(svg, "<g fill=\"{}\" fill-opacity=\"{}\">", fill(&layer.paint), layer.opacity);
    for place in thin::spread(x.len(), POINTS) {
        if x[place].is_nan() || y[place].is_nan() {
            continue;
        }
        let (px, py) = (at(frame.x(&figure.x, x[place])), at(frame.y(&figure.y, y[place])));
        let r = areas.map_or_else(|| ordinary.clone(), |areas| radius(areas[place] * LARGEST));
        let _ = write!(svg, "<circle cx=\"{px}\" cy=\"{py}\" r=\"{r}\"");
        match &layer.paint {
            Paint::One(_) => {}
            Paint::Numbers { values, lo, hi, shades } => {
                let value = values[place];
                if value.is_finite() {
                    let _ = write!(svg, " fill=\"{}\"", shades.color(part(value, *lo, *hi)));
                }
            }
            Paint::Names { places, .. } => {
                let _ = write!(svg, " fill=\"{}\"", PALETTE[places[place] % PALETTE.len()]);
            }
        }
        svg.push_str("/>");
    }
    svg.push_str("</g>");
}

/// The part of the way from the lowest to the highest value; in the middle where they are one.
fn part(value: f64, lo: f64, hi: f64) -> f64 {
    if lo < hi { (value / 2.0 - lo / 2.0) / (hi / 2.0 - lo / 2.0) } else { 0.5 }
}

fn bars(
    svg: &mut String,
    figure: &Figure,
    layer: &Drawn,
    frame: &Frame,
    sides: impl Iterator<Item = (f64, f64)>,
    y: &[f64],
    gap: f64,
) {
    let floor = match &figure.y {
        Axis::Log { lo, .. } => *lo,
        _ => 0.0,
    };
    let ground = frame.y(&figure.y, floor);
    let _ = write!(svg, "<g fill=\"{}\" fill-opacity=\"{}\">", fill(&layer.paint), layer.opacity);
    for ((left, right), &value) in sides.zip(y) {
        if value.is_nan() || left.is_nan() || right.is_nan() || value == floor {
            continue;
        }
        let end = frame.y(&figure.y, value);
        let (left, width) = (left + gap, (right - left - 2.0 * gap).max(0.5));
        let (x, y, height) = (at(left), at(end.min(ground)), at((end - ground).abs()));
        let _ = write!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{height}\"/>", at(width));
    }
    svg.push_str("</g>");
}

fn cells(
    svg: &mut String,
    figure: &Figure,
    layer: &Drawn,
    frame: &Frame,
    grid: &Grid,
    per: (usize, usize),
    (x, y): (Steps, Steps),
) {
    let Paint::Numbers { lo, hi, shades: colors, .. } = &layer.paint else { return };
    let small = thin::blocks(grid, CELLS);
    let (per_row, per_column) = (per.0 * grid.rows.div_ceil(CELLS).max(1), per.1 * grid.columns.div_ceil(CELLS).max(1));
    let mut shades: BTreeMap<usize, String> = BTreeMap::new();
    for row in 0..small.rows {
        let mut column = 0;
        while column < small.columns {
            let shade = |column: usize| {
                let value = small.values[row * small.columns + column];
                value.is_finite().then(|| ((part(value, *lo, *hi) * SHADES as f64).max(0.0) as usize).min(SHADES - 1))
            };
            let from = column;
            let own = shade(from);
            column += 1;
            while column < small.columns && shade(column) == own {
                column += 1;
            }
            if let Some(own) = own {
                let length = column - from;
                let _ = write!(shades.entry(own).or_default(), "M{from} {row}h{length}v1h-{length}z");
            }
        }
    }
    // Cells count from 0 in both directions; the transformation puts them where the axes say.
    let (left, top) = (frame.x(&figure.x, x.edge(0)), frame.y(&figure.y, y.edge(0)));
    let (right, bottom) = (frame.x(&figure.x, x.edge(per_column)), frame.y(&figure.y, y.edge(per_row)));
    let _ = write!(
        svg,
        "<g transform=\"matrix({:.5} 0 0 {:.5} {} {})\" fill-opacity=\"{}\" shape-rendering=\"crispEdges\">",
        right - left,
        bottom - top,
        at(left),
        at(top),
        layer.opacity
    );
    for (shade, path) in shades {
        let _ = write!(svg, "<path fill=\"{}\" d=\"{path}\"/>", colors.color((shade as f64 + 0.5) / SHADES as f64));
    }
    svg.push_str("</g>");
}
