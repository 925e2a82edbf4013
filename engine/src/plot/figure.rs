//! What is really drawn: a plot after it was checked, thinned, binned and given its axes. All forms are made from this,
//! so that they agree.

use std::borrow::Cow;

use super::axis::Axis;
use super::check::{check, is_time, names};
use super::colors::{PALETTE, Shades};
use super::domain::{image_size, x_axis, y_axis};
use super::shapes::{kept, shapes};
use super::{Column, Grid, Layer, Mark, Plot, PlotError};

/// A line with more points is thinned.
pub(super) const LINE_POINTS: usize = 5_000;
/// Of more points in a scatter plot some are shown.
pub(super) const SCATTER_POINTS: usize = 20_000;
/// Of more bars the first are shown.
pub(super) const BARS: usize = 200;
/// A heat map with more rows or columns is averaged over blocks.
pub(super) const HEAT_SIDE: usize = 200;
/// More colours by name are none: the palette begins again.
const COLOUR_NAMES: usize = 20;
/// Ticks along x and y.
pub(super) const X_TICKS: usize = 10;
pub(super) const Y_TICKS: usize = 6;

#[derive(Debug, Clone)]
pub(super) struct Figure {
    pub(super) title: Option<String>,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) x_label: Option<String>,
    pub(super) y_label: Option<String>,
    pub(super) color_label: Option<String>,
    pub(super) layers: Vec<Drawn>,
    /// What was left out, in words.
    pub(super) notes: Vec<String>,
    /// Whether something may be outside the axes.
    pub(super) clip: bool,
    /// Whether a number may be outside the range of colours.
    pub(super) limits_colors: bool,
}

/// One mark with its data.
#[derive(Debug, Clone)]
pub(super) struct Drawn {
    pub(super) shape: Shape,
    pub(super) paint: Paint,
    /// The name in the legend.
    pub(super) label: Option<String>,
    pub(super) opacity: f64,
    /// Lines after the palette's last colour are dashed.
    pub(super) dashed: bool,
}

/// What stands for a layer in the legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol {
    Line,
    Dashes,
    Dot,
    Block,
}

impl Drawn {
    fn symbol(&self) -> Symbol {
        match self.shape {
            Shape::Line { .. } if self.dashed => Symbol::Dashes,
            Shape::Line { .. } => Symbol::Line,
            Shape::Points { .. } => Symbol::Dot,
            _ => Symbol::Block,
        }
    }
}

/// A line with many turns is drawn finer, or it would be a band.
pub(super) fn stroke_width(points: usize) -> f64 {
    if points > 1000 { 1.2 } else { 2.0 }
}

#[derive(Debug, Clone)]
pub(super) enum Shape {
    Line {
        x: Vec<f64>,
        y: Vec<f64>,
    },
    /// `areas` are parts of the largest point's.
    Points {
        x: Vec<f64>,
        y: Vec<f64>,
        areas: Option<Vec<f64>>,
    },
    /// Bars on names: `slot` of `slots` beside one another.
    Bars {
        x: Vec<f64>,
        y: Vec<f64>,
        slot: usize,
        slots: usize,
    },
    /// Bars from a number to another.
    Ranges {
        from: Vec<f64>,
        to: Vec<f64>,
        y: Vec<f64>,
    },
    /// Cells of a grid; each is `per_row` rows and `per_column` columns of the matrix.
    Cells {
        grid: Grid,
        per_row: usize,
        per_column: usize,
        x: Steps,
        y: Steps,
    },
}

/// Where the rows or columns of a matrix begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Steps {
    pub(super) first: f64,
    pub(super) step: f64,
}

impl Steps {
    /// From edge to edge, or counted from 0 at the middle of the first.
    pub(super) fn new(edges: Option<(f64, f64)>, count: usize) -> Steps {
        match edges {
            None => Steps { first: -0.5, step: 1.0 },
            Some((first, last)) => Steps { first, step: (last - first) / count.max(1) as f64 },
        }
    }

    /// Whether they are only counted.
    pub(super) fn is_count(&self) -> bool {
        *self == Steps::new(None, 0)
    }

    /// The edge before one of them.
    pub(super) fn edge(&self, place: usize) -> f64 {
        self.first + self.step * place as f64
    }

    /// The outer edges of so many, the smaller first.
    pub(super) fn bounds(&self, count: usize) -> (f64, f64) {
        let end = self.edge(count);
        (self.first.min(end), self.first.max(end))
    }
}

#[derive(Debug, Clone)]
pub(super) enum Paint {
    One(String),
    Numbers { values: Vec<f64>, lo: f64, hi: f64, shades: Shades },
    Names { places: Vec<usize>, names: Vec<String> },
}

impl Figure {
    pub(super) fn new(plot: &Plot) -> Result<Self, PlotError> {
        if let Some(error) = &plot.error {
            return Err(error.clone());
        }
        plot.layers.iter().try_for_each(check)?;
        let mut notes = Vec::new();
        let names = names(&plot.layers)?;
        let is_time = is_time(&plot.layers)?;
        let kept: Vec<Cow<'_, Layer>> = plot.layers.iter().map(|layer| kept(layer, &mut notes)).collect();
        let shapes = shapes(&kept, names.as_deref(), plot, &mut notes)?;
        let mut colors = PALETTE.iter().cycle().zip(0..);
        let layers: Vec<Drawn> =
            kept.iter().zip(shapes).map(|(layer, shape)| drawn(layer, shape, &mut colors, kept.len(), plot)).collect();
        let x = x_axis(&layers, names, is_time, plot)?;
        let y = y_axis(&layers, &plot.layers, plot)?;
        let image = plot.layers.iter().any(|layer| layer.mark == Mark::Heat { image: true });
        let (width, height) = plot.size.unwrap_or_else(|| if image { image_size(&layers) } else { (560, 300) });
        let counts = plot.layers.iter().all(|layer| layer.mark == Mark::Hist);
        Ok(Figure {
            title: plot.title.clone(),
            width,
            height,
            x,
            y,
            x_label: plot.x_label.clone(),
            y_label: plot.y_label.clone().or_else(|| counts.then(|| "count".to_owned())),
            color_label: plot.color_label.clone(),
            layers,
            notes,
            clip: plot.x_range.is_some() || plot.y_range.is_some(),
            limits_colors: plot.color_range.is_some(),
        })
    }

    /// Whether a matrix is in it: lines of a grid would only hide its cells.
    pub(super) fn is_heat(&self) -> bool {
        self.layers.iter().any(|layer| matches!(layer.shape, Shape::Cells { .. }))
    }

    /// The entries of the legend: name, colour and symbol.
    pub(super) fn legend(&self) -> Vec<(&str, &str, Symbol)> {
        let mut entries = Vec::new();
        for layer in &self.layers {
            match (&layer.paint, &layer.label) {
                (Paint::One(color), Some(label)) => entries.push((label.as_str(), color.as_str(), layer.symbol())),
                (Paint::Names { names, .. }, _) => {
                    let colors = PALETTE.iter().cycle();
                    entries.extend(names.iter().zip(colors).map(|(name, color)| (name.as_str(), *color, Symbol::Dot)));
                }
                _ => {}
            }
        }
        entries
    }

    /// The numbers that colours stand for, if there are any.
    pub(super) fn color_range(&self) -> Option<(f64, f64, Shades)> {
        self.layers.iter().find_map(|layer| match layer.paint {
            Paint::Numbers { lo, hi, shades, .. } => Some((lo, hi, shades)),
            _ => None,
        })
    }
}

type Colors<'a> = std::iter::Zip<std::iter::Cycle<std::slice::Iter<'a, &'static str>>, std::ops::RangeFrom<usize>>;

fn drawn(layer: &Layer, shape: Shape, colors: &mut Colors<'_>, layers: usize, plot: &Plot) -> Drawn {
    let mut dashed = false;
    let paint = match (&shape, &layer.color) {
        (Shape::Cells { grid, .. }, _) => numbers_paint(grid.values.clone(), plot),
        (_, Some(Ok(color))) => Paint::One(color.clone()),
        (_, Some(Err(Column::Names(values)))) => names_paint(values),
        (_, Some(Err(Column::Numbers(values) | Column::Times(values)))) => numbers_paint(values.clone(), plot),
        _ => {
            let (color, place) = colors.next().unwrap_or((&PALETTE[0], 0));
            dashed = place >= PALETTE.len();
            Paint::One((*color).to_owned())
        }
    };
    let opacity = layer.opacity.unwrap_or(match &shape {
        Shape::Points { x, .. } if x.len() > 2000 => 0.4,
        Shape::Points { .. } => 0.75,
        // Histograms over one another must let the ones behind through.
        Shape::Ranges { .. } if layer.mark == Mark::Hist && layers > 1 => 0.6,
        _ => 1.0,
    });
    Drawn { shape, paint, label: layer.label.clone(), opacity, dashed }
}

fn numbers_paint(values: Vec<f64>, plot: &Plot) -> Paint {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (lo, hi) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let (lo, hi) = if lo > hi { (0.0, 1.0) } else { (lo, hi) };
    let (shades, most) = match plot.diverging {
        true => (Shades::Diverging, Some(lo.abs().max(hi.abs()))),
        false => (Shades::Sequential, None),
    };
    let (lo, hi) = plot.color_range.or(most.map(|most| (-most, most))).unwrap_or((lo, hi));
    Paint::Numbers { values, lo, hi, shades }
}

/// The names that come first have colours of their own; the rest share the last.
fn names_paint(values: &[String]) -> Paint {
    let mut names: Vec<String> = Vec::new();
    let mut places = Vec::with_capacity(values.len());
    let mut known = std::collections::HashMap::new();
    for value in values {
        let place = *known.entry(value.as_str()).or_insert_with(|| {
            if names.len() < COLOUR_NAMES {
                names.push(value.clone());
            } else if names.len() == COLOUR_NAMES {
                names.push("others".to_owned());
            }
            names.len() - 1
        });
        places.push(place);
    }
    Paint::Names { places, names }
}
