//! A line of one dimension, a heat map of two.

use super::array::DataArray;
use super::core::{Coord, Labelled, typed};
use super::error::LabelError;
use super::labels::Labels;
use crate::array::dispatch::with_number;
use crate::array::{Array, Cast, DType};
use crate::error::Result;
use crate::plot::{Column, Extent, Grid, Matrix, Plot, PlotError, heatmap, line};

/// The labels of a dimension, or the places of its elements.
fn column(of: &Labelled, axis: usize) -> Column {
    match of.index(&of.dims[axis]).map(|coord| &coord.labels) {
        None => Column::Numbers((0..of.len(axis)).map(|place| place as f64).collect()),
        Some(Labels::Texts(texts)) => Column::Names(texts.to_vec()),
        Some(Labels::Times(times)) => {
            Column::Times(times.dates().map(|date| super::time::milliseconds(&date)).collect())
        }
        Some(labels) => Column::Numbers(labels.numbers().unwrap_or_default()),
    }
}

/// `temperature [K]`.
fn titled(name: &str, attrs: &serde_json::Map<String, serde_json::Value>) -> String {
    let text = |key: &str| attrs.get(key).and_then(serde_json::Value::as_str);
    let name = text("long_name").or_else(|| text("standard_name")).unwrap_or(name);
    match text("units") {
        Some(units) => format!("{name} [{units}]"),
        None => name.to_owned(),
    }
}

fn axis_title(of: &Labelled, axis: usize) -> String {
    let dim = &of.dims[axis];
    of.index(dim).map_or_else(|| dim.clone(), |coord| titled(dim, &coord.attrs))
}

/// What a plot of one slice is called: the single labels beside it.
fn title(of: &Labelled) -> Option<String> {
    let single: Vec<String> = of
        .coords
        .iter()
        .filter(|coord| coord.dim.is_none())
        .map(|Coord { name, labels, .. }| format!("{name} = {}", labels.text(0)))
        .collect();
    (!single.is_empty()).then(|| single.join(", "))
}

struct Values(Grid);

impl Matrix for Values {
    fn grid(&self) -> std::result::Result<Grid, PlotError> {
        Ok(self.0.clone())
    }
}

/// The outer edges of the cells of an axis whose labels are about evenly spaced, and whether they are times.
fn edges(column: &Column) -> Option<((f64, f64), bool)> {
    let (values, is_time) = match column {
        Column::Numbers(values) => (values, false),
        Column::Times(values) => (values, true),
        _ => return None,
    };
    let (&first, &last) = (values.first()?, values.last()?);
    let step = if values.len() > 1 { (last - first) / (values.len() - 1) as f64 } else { 1.0 };
    // Where labels jump, cells of one width would stand at wrong places. Months are even enough.
    let even = values.windows(2).all(|pair| (pair[1] - pair[0] - step).abs() <= 0.15 * step.abs());
    (even && step != 0.0 && step.is_finite()).then_some(((first - step / 2.0, last + step / 2.0), is_time))
}

fn turned(grid: &Grid) -> Grid {
    let values =
        (0..grid.columns).flat_map(|column| (0..grid.rows).map(move |row| grid.values[row * grid.columns + column]));
    Grid { rows: grid.columns, columns: grid.rows, values: values.collect() }
}

fn drawn(of: &Labelled, values: Vec<f64>) -> Plot {
    let value = titled(of.name.as_deref().unwrap_or(""), &of.attrs);
    let mut plot = match of.dims.len() {
        1 => line((column(of, 0), Column::Numbers(values))).x_label(axis_title(of, 0)).y_label(value),
        _ => {
            let mut grid = Grid { rows: of.len(0), columns: of.len(1), values };
            let (mut down, mut across) = (0, 1);
            // Times go along x.
            if matches!(column(of, 0), Column::Times(_)) && !matches!(column(of, 1), Column::Times(_)) {
                grid = turned(&grid);
                (down, across) = (1, 0);
            }
            let plot = heatmap(Values(grid)).x_label(axis_title(of, across)).y_label(axis_title(of, down));
            let plot = plot.color_label(value);
            match (edges(&column(of, across)), edges(&column(of, down))) {
                (Some((x, is_time)), Some((y, false))) => plot.placed(Extent { x, y, is_time }),
                // Counted from 0: the labels are too uneven, or names.
                _ => plot,
            }
        }
    };
    if let Some(title) = title(of) {
        plot = plot.title(title);
    }
    plot
}

impl<T> DataArray<T> {
    /// Computes the elements and draws them: one dimension as a line over its labels, two as a heat map over the labels of both, the second along x,
    /// or times.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let t = DataArray::new(Array::<f64>::arange(12, 4).reshape((3, 4)), ["y", "x"]).with_name("t").with_attr("units", "K");
    /// let plot = t.plot()?;
    /// assert!(plot.svg()?.contains("t [K]"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When it has more dimensions than two, or none, or a task fails.
    pub fn plot(&self) -> Result<Plot> {
        planned(&self.inner)?;
        Ok(drawn(&self.inner, computed(&self.inner)?))
    }
}

/// The elements as numbers; not generic, so that it is compiled here and not where something is plotted.
fn computed(of: &Labelled) -> Result<Vec<f64>> {
    let numbers: Array<f64> = match of.dtype() {
        DType::Bool => typed::<_, bool>(&of.data).astype(),
        dtype => with_number!(dtype, T => typed::<_, T>(&of.data).map_elements(|value: T| Cast::<f64>::cast(value))),
    };
    Ok(numbers.compute()?.iter().copied().collect())
}

fn planned(of: &Labelled) -> Result<()> {
    if matches!(of.dims.len(), 1 | 2) {
        return Ok(());
    }
    let why = format!(
        "one dimension is a line and two are a heat map, and there are {} ({}); `isel`, `sel` and means leave fewer",
        of.dims.len(),
        of.dims.join(", ")
    );
    Err(LabelError::parameter("plot", why).into())
}
