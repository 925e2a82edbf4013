//! From the layers that were asked for to the marks that are drawn: thinned, binned, and with what has no place left out.

use std::borrow::Cow;
use std::collections::HashMap;

use super::figure::{BARS, HEAT_SIDE, LINE_POINTS, SCATTER_POINTS, Shape, Steps};
use super::{Column, Layer, Mark, Plot, PlotError, bins, thin};
use crate::draw::grouped;

/// The layer with the points that are drawn, with a note on what is not.
pub(super) fn kept<'a>(layer: &'a Layer, notes: &mut Vec<String>) -> Cow<'a, Layer> {
    let count = layer.y.len();
    let places = match layer.mark {
        Mark::Scatter if count > SCATTER_POINTS => {
            notes.push(format!(
                "{} of {} points shown, evenly spread",
                grouped(SCATTER_POINTS as u64),
                grouped(count as u64)
            ));
            thin::spread(count, SCATTER_POINTS)
        }
        Mark::Bar if count > BARS => {
            notes.push(format!("the first {} of {} bars shown", grouped(BARS as u64), grouped(count as u64)));
            (0..BARS).collect()
        }
        _ => return Cow::Borrowed(layer),
    };
    let pick = |column: &Column| match column {
        Column::Numbers(values) => Column::Numbers(places.iter().map(|&place| values[place]).collect()),
        Column::Times(values) => Column::Times(places.iter().map(|&place| values[place]).collect()),
        Column::Names(names) => Column::Names(places.iter().map(|&place| names[place].clone()).collect()),
        Column::Other(what) => Column::Other(what.clone()),
    };
    Cow::Owned(Layer {
        mark: layer.mark,
        y: pick(&layer.y),
        // Without x the places are x, so those of what is left out do not close up.
        x: Some(layer.x.as_ref().map_or_else(|| Column::Numbers(places.iter().map(|&p| p as f64).collect()), &pick)),
        sizes: layer.sizes.as_ref().map(&pick),
        color: layer.color.as_ref().map(|color| match color {
            Ok(name) => Ok(name.clone()),
            Err(values) => Err(pick(values)),
        }),
        grid: None,
        label: layer.label.clone(),
        opacity: layer.opacity,
        bins: None,
        extent: layer.extent,
    })
}

/// The numbers on y; that there are no others was checked.
fn numbers(layer: &Layer) -> &[f64] {
    match &layer.y {
        Column::Numbers(values) => values,
        _ => &[],
    }
}

/// Numbers, with what is infinite taken as missing.
fn finite(values: &[f64], notes: &mut Vec<String>) -> Vec<f64> {
    tell_of_infinite(values, notes);
    values.iter().map(|value| if value.is_finite() { *value } else { f64::NAN }).collect()
}

fn tell_of_infinite(values: &[f64], notes: &mut Vec<String>) {
    let infinite = values.iter().filter(|value| value.is_infinite()).count();
    if infinite > 0 {
        let are = if infinite == 1 { "value is" } else { "values are" };
        notes.push(format!("{} {are} infinite and not shown", grouped(infinite as u64)));
    }
}

/// Where a log axis is asked for, only what is above 0 has a place.
fn positive(values: &mut [f64], notes: &mut Vec<String>) {
    let mut count = 0;
    for value in values.iter_mut().filter(|value| **value <= 0.0) {
        *value = f64::NAN;
        count += 1;
    }
    if count > 0 {
        let are = if count == 1 { "value is" } else { "values are" };
        notes.push(format!("{} {are} not above 0 and have no place on a logarithmic axis", grouped(count)));
    }
}

pub(super) fn shapes(
    layers: &[Cow<'_, Layer>],
    names: Option<&[String]>,
    plot: &Plot,
    notes: &mut Vec<String>,
) -> Result<Vec<Shape>, PlotError> {
    let hists = layers.iter().filter(|layer| layer.mark == Mark::Hist);
    let samples: Vec<&[f64]> = hists.map(|layer| numbers(layer)).collect();
    let edges = bins::edges(&samples, layers.iter().filter_map(|layer| layer.bins).max());
    let place_of: HashMap<&str, f64> =
        names.unwrap_or_default().iter().enumerate().map(|(place, name)| (name.as_str(), place as f64)).collect();
    let slots = layers.iter().filter(|layer| layer.mark == Mark::Bar).count();
    let mut slot = 0;
    let mut shapes = Vec::new();
    for layer in layers {
        if let Mark::Heat { .. } = layer.mark {
            let Some(whole) = &layer.grid else { return Err(PlotError::Empty("the matrix has no values".to_owned())) };
            let grid = thin::blocks(whole, HEAT_SIDE);
            let (per_row, per_column) =
                (whole.rows.div_ceil(HEAT_SIDE).max(1), whole.columns.div_ceil(HEAT_SIDE).max(1));
            if grid.rows != whole.rows || grid.columns != whole.columns {
                notes.push(format!("means over blocks of {per_row} × {per_column} values"));
            }
            if !grid.values.iter().any(|value| value.is_finite()) {
                return Err(PlotError::Empty("the matrix has no values but NaN".to_owned()));
            }
            let x = Steps::new(layer.extent.map(|extent| extent.x), whole.columns);
            let y = Steps::new(layer.extent.map(|extent| extent.y), whole.rows);
            shapes.push(Shape::Cells { grid, per_row, per_column, x, y });
            continue;
        }
        if layer.mark == Mark::Hist {
            let Some(edges) = &edges else {
                return Err(PlotError::Empty("the histogram has no values, or none but NaN".to_owned()));
            };
            let counted = bins::count(numbers(layer), edges);
            tell_of_infinite(numbers(layer), notes);
            // A logarithmic axis has no 0 that an empty bin could reach up to.
            let height = |&count: &u64| if plot.log_y && count == 0 { f64::NAN } else { count as f64 };
            let y = counted.counts.iter().map(height).collect();
            shapes.push(Shape::Ranges { from: edges[..edges.len() - 1].to_vec(), to: edges[1..].to_vec(), y });
            continue;
        }
        let mut y = finite(numbers(layer), notes);
        let mut x = match &layer.x {
            Some(Column::Numbers(values) | Column::Times(values)) => finite(values, notes),
            Some(Column::Names(own)) => {
                own.iter().map(|name| place_of.get(name.as_str()).copied().unwrap_or(f64::NAN)).collect()
            }
            _ => (0..y.len()).map(|place| place as f64).collect(),
        };
        if plot.log_x && names.is_none() {
            positive(&mut x, notes);
        }
        if plot.log_y {
            positive(&mut y, notes);
        }
        if !x.iter().zip(&y).any(|(x, y)| !x.is_nan() && !y.is_nan()) {
            return Err(PlotError::Empty(format!("the {} has no points, or none but NaN", layer.mark.name())));
        }
        shapes.push(match layer.mark {
            Mark::Bar => {
                slot += 1;
                match names {
                    Some(_) => Shape::Bars { x, y, slot: slot - 1, slots },
                    None => numeric_bars(&x, y, slot - 1, slots),
                }
            }
            Mark::Scatter => Shape::Points { x, y, areas: layer.sizes.as_ref().map(areas) },
            _ if y.len() > LINE_POINTS => {
                let width = plot.size.map_or(560, |size| size.0) as usize;
                // Twice as many stretches as the plot has pixels, so that it is also sharp on a dense screen.
                let places = thin::line(&x, &y, (2 * width).min(LINE_POINTS / 5));
                let take = |values: &[f64]| places.iter().map(|&place| values[place]).collect();
                Shape::Line { x: take(&x), y: take(&y) }
            }
            _ => Shape::Line { x, y },
        });
    }
    Ok(shapes)
}

/// Bars at numbers: as wide as the smallest distance allows.
fn numeric_bars(x: &[f64], y: Vec<f64>, slot: usize, slots: usize) -> Shape {
    let mut sorted: Vec<f64> = x.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let gap = sorted.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0.0).fold(f64::INFINITY, f64::min);
    let width = if gap.is_finite() { gap * 0.8 } else { 0.8 };
    let (left, one) = (width * (slot as f64 / slots as f64 - 0.5), width / slots as f64);
    let from = x.iter().map(|x| x + left).collect();
    Shape::Ranges { from, to: x.iter().map(|x| x + left + one).collect(), y }
}

/// Areas as parts of the largest; nothing is so small that it is not seen.
fn areas(sizes: &Column) -> Vec<f64> {
    let (Column::Numbers(sizes) | Column::Times(sizes)) = sizes else { return Vec::new() };
    let largest = sizes.iter().copied().filter(|size| size.is_finite()).fold(0.0, f64::max);
    let part = |size: f64| if largest > 0.0 && size > 0.0 { (size / largest).min(1.0) } else { 0.0 };
    sizes.iter().map(|&size| 0.03 + 0.97 * part(size)).collect()
}
