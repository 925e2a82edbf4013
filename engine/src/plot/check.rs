//! Whether what is asked for goes together.

use std::collections::HashSet;

use super::figure::BARS;
use super::{Column, Layer, Mark, PlotError};

/// What can be said of a layer alone.
pub(super) fn check(layer: &Layer) -> Result<(), PlotError> {
    let help = "numbers, text, dates and times can be plotted; turn it into one of these first";
    let columns = [(Some(&layer.y), "y"), (layer.x.as_ref(), "x"), (layer.sizes.as_ref(), "size_by")];
    let color = layer.color.as_ref().and_then(|color| color.as_ref().err());
    for (column, what) in columns.into_iter().chain([(color, "color")]) {
        if let Some(Column::Other(is)) = column {
            return Err(PlotError::Kind { what, is: is.clone(), help });
        }
    }
    if let Some(x) = &layer.x
        && x.len() != layer.y.len()
    {
        return Err(PlotError::Pair { x: x.len(), y: layer.y.len() });
    }
    for (column, what) in [(layer.sizes.as_ref(), "size_by"), (color, "color")] {
        match column {
            Some(column) if column.len() != layer.y.len() => {
                return Err(PlotError::Lengths { what, has: column.len(), expected: layer.y.len() });
            }
            _ => {}
        }
    }
    if layer.mark != Mark::Scatter {
        let help = "only the points of `scatter` take a value each";
        let option = if layer.sizes.is_some() { Some("size_by") } else { color.map(|_| "color") };
        if let Some(option) = option {
            return Err(PlotError::Mark { option, mark: layer.mark.name(), help });
        }
    }
    if layer.bins.is_some() && layer.mark != Mark::Hist {
        return Err(PlotError::Mark { option: "bins", mark: layer.mark.name(), help: "it belongs to `hist`" });
    }
    if !matches!(layer.y, Column::Numbers(_)) {
        let (what, help) = match layer.mark {
            Mark::Hist => ("the values of a histogram", "count the names and draw `plot::bar((&names, &counts))`"),
            _ => ("y", "give numbers as y, and names or times as x: `(&names, &numbers)`"),
        };
        return Err(PlotError::Kind { what, is: layer.y.kind().to_owned(), help });
    }
    if matches!(layer.sizes, Some(Column::Names(_))) {
        let help = "give a number for each point";
        return Err(PlotError::Kind { what: "size_by", is: "names".to_owned(), help });
    }
    Ok(())
}

/// The names on x, each once and in the order they come, if there are names.
pub(super) fn names(layers: &[Layer]) -> Result<Option<Vec<String>>, PlotError> {
    let mut places = HashSet::new();
    let mut names: Option<Vec<String>> = None;
    for layer in layers {
        if let Some(Column::Names(own)) = &layer.x {
            let names = names.get_or_insert_default();
            let limit = if layer.mark == Mark::Bar { BARS } else { usize::MAX };
            names.extend(own.iter().take(limit).filter(|name| places.insert(name.as_str())).cloned());
        }
    }
    match layers.iter().find(|layer| !matches!(layer.x, Some(Column::Names(_)))) {
        Some(layer) if names.is_some() => {
            let other = if matches!(layer.x, Some(Column::Times(_))) { "times" } else { "numbers" };
            Err(PlotError::Mixed { one: "names", other })
        }
        _ => Ok(names),
    }
}

pub(super) fn is_time(layers: &[Layer]) -> Result<bool, PlotError> {
    let is_time =
        |layer: &Layer| matches!(layer.x, Some(Column::Times(_))) || layer.extent.is_some_and(|extent| extent.is_time);
    let some = layers.iter().any(is_time);
    if some && !layers.iter().all(is_time) {
        return Err(PlotError::Mixed { one: "times", other: "numbers" });
    }
    Ok(some)
}
