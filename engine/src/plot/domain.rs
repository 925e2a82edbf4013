//! Where the axes begin and end, and how big an image is.

use super::axis::Axis;
use super::figure::{Drawn, Shape, X_TICKS, Y_TICKS};
use super::{Layer, Mark, Plot, PlotError};

/// Smallest and largest of all finite values.
fn bounds<'a>(values: impl Iterator<Item = &'a f64>) -> (f64, f64) {
    values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), &value| (lo.min(value), hi.max(value)))
}

pub(super) fn x_axis(
    layers: &[Drawn],
    names: Option<Vec<String>>,
    is_time: bool,
    plot: &Plot,
) -> Result<Axis, PlotError> {
    if let Some(names) = names {
        return Ok(Axis::Names(names));
    }
    let mut round = false;
    let (mut lo, mut hi) = (f64::INFINITY, f64::NEG_INFINITY);
    for layer in layers {
        let (low, high) = match &layer.shape {
            Shape::Line { x, .. } => bounds(x.iter()),
            Shape::Points { x, .. } => {
                round = true;
                bounds(x.iter())
            }
            Shape::Bars { x, .. } => bounds(x.iter()),
            Shape::Ranges { from, to, .. } => bounds(from.iter().chain(to)),
            Shape::Cells { grid, per_column, x, .. } => x.bounds(grid.columns * per_column),
        };
        (lo, hi) = (lo.min(low), hi.max(high));
    }
    if let Some((low, high)) = plot.x_range {
        (lo, hi, round) = (low, high, false);
    }
    if is_time {
        return Ok(Axis::times(lo, hi));
    }
    if plot.log_x {
        return log_axis(lo, hi, "log_x", layers);
    }
    Ok(Axis::numbers(lo, hi, round, X_TICKS))
}

pub(super) fn y_axis(layers: &[Drawn], marks: &[Layer], plot: &Plot) -> Result<Axis, PlotError> {
    let (mut lo, mut hi) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut round = true;
    for layer in layers {
        let (low, high) = match &layer.shape {
            Shape::Line { y, .. } | Shape::Points { y, .. } => bounds(y.iter()),
            // Bars stand on 0.
            Shape::Bars { y, .. } | Shape::Ranges { y, .. } if plot.log_y => bounds(y.iter().filter(|y| **y > 0.0)),
            Shape::Bars { y, .. } | Shape::Ranges { y, .. } => bounds(y.iter().chain([&0.0])),
            Shape::Cells { grid, per_row, y, .. } => {
                round = false;
                y.bounds(grid.rows * per_row)
            }
        };
        (lo, hi) = (lo.min(low), hi.max(high));
    }
    if let Some((low, high)) = plot.y_range {
        (lo, hi, round) = (low, high, false);
    }
    if plot.log_y {
        let has_bars = layers.iter().any(|layer| matches!(layer.shape, Shape::Bars { .. } | Shape::Ranges { .. }));
        return match log_axis(lo, hi, "log_y", layers)? {
            // The lowest bar has some height too.
            Axis::Log { lo: low, hi } if has_bars && plot.y_range.is_none() => {
                Ok(Axis::Log { lo: low.min((lo / 2.0).max(1e-300)), hi })
            }
            axis => Ok(axis),
        };
    }
    let image = marks.iter().any(|layer| layer.mark == Mark::Heat { image: true });
    match Axis::numbers(lo, hi, round, Y_TICKS) {
        // The first row of an image is on top.
        Axis::Numbers { lo, hi } if image => Ok(Axis::Numbers { lo: hi, hi: lo }),
        axis => Ok(axis),
    }
}

fn log_axis(lo: f64, hi: f64, option: &'static str, layers: &[Drawn]) -> Result<Axis, PlotError> {
    if layers.iter().any(|layer| matches!(layer.shape, Shape::Cells { .. })) {
        let help = "the rows and columns of a matrix are counted from 0";
        return Err(PlotError::Mark { option, mark: "heat map", help });
    }
    if lo <= 0.0 || lo > hi {
        let was = if lo > hi { "set".to_owned() } else { format!("set, and the axis begins at {lo}") };
        return Err(PlotError::Option { option, was, help: "a logarithmic axis needs values above 0" });
    }
    Ok(Axis::log(lo, hi))
}

/// An image's pixels are square, unless that makes it very flat or high.
pub(super) fn image_size(layers: &[Drawn]) -> (u32, u32) {
    let shape = layers.iter().find_map(|layer| match &layer.shape {
        Shape::Cells { grid, per_row, per_column, .. } => Some((grid.rows * per_row, grid.columns * per_column)),
        _ => None,
    });
    let Some((rows, columns)) = shape else { return (560, 300) };
    let aspect = rows as f64 / columns as f64;
    // What axes and the colour bar take, about.
    let (beside, above) = (130.0, 50.0);
    let (width, height): (f64, f64) = (430.0, 400.0);
    let scale = width.min(height / aspect);
    ((scale + beside).round().max(200.0) as u32, (scale * aspect + above).round().max(120.0) as u32)
}
