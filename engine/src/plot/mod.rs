//! Plots, from slices, arrays and series: lines, points, histograms, bars and heat maps.
//!
//! ```
//! use taskloom::prelude::*;
//!
//! let xs: Vec<f64> = (0..200).map(|i| f64::from(i) / 20.0).collect();
//! let sine: Vec<f64> = xs.iter().map(|x| x.sin()).collect();
//! let cosine: Vec<f64> = xs.iter().map(|x| x.cos()).collect();
//!
//! plot::line(&sine);                                               // 0, 1, 2, … as x
//! plot::line((&xs, &sine)).title("A wave").x_label("t / s").y_label("height").size(600, 300);
//! plot::line((&xs, &sine)).label("sin").and(plot::line((&xs, &cosine)).label("cos"));
//! plot::scatter((&sine, &cosine)).color(&xs).size_by(&xs).opacity(0.4);
//! plot::hist(&sine).bins(50);
//! plot::bar((["warp", "weft"], [3, 5]));
//! plot::heatmap(&[[1, 2, 3], [4, 5, 6]]).title("six numbers");
//! plot::imshow(&vec![vec![0.0, 0.5], vec![0.5, 1.0]]);
//! ```
//!
//! What ends a cell is shown: in JupyterLab as Vega-Lite, which needs no plug-in; as SVG where there is no Vega (a page
//! made by nbconvert, a repository's web page); as text in a terminal. [`Plot::save`] writes files.
//!
//! # What can be plotted
//! Slices, vectors, arrays, ndarray's arrays and views, ranges and Polars series, of all integers and floats, `bool` and
//! `Option` of them; text on the x axis; Polars' dates and times on the x axis; pairs and maps of these. See [`Values`]
//! and [`Points`]. NaN and null leave a gap.
//!
//! # Mistakes
//! A plot is a value also when it cannot be drawn, because x and y have different lengths, say: shown, it says what is
//! wrong, and [`Plot::spec`], [`Plot::svg`] and [`Plot::save`] return it as an error.
//!
//! ```
//! use taskloom::prelude::*;
//! let error = plot::line(([1, 2, 3], [1, 2])).spec().unwrap_err();
//! assert_eq!(error.to_string(), "x has 3 values and y has 2: give as many of each");
//! ```
//!
//! # Many values
//! A plot never sends more than a browser draws well, and says below its title what it left out:
//! - a **line** above 5,000 points keeps, of each half pixel's width, the first, last, lowest and highest point: it looks
//!   the same, and every peak is there;
//! - a **scatter** plot above 20,000 points shows 20,000, evenly spread over the data;
//! - a **histogram** is counted here, and only its bars are sent;
//! - **bars** above 200 are cut to the first 200;
//! - a **heat map** above 200 rows or columns shows the means of equal blocks.

mod arrays;
mod axis;
mod bins;
mod check;
mod colors;
mod domain;
mod error;
mod figure;
mod layers;
mod pairs;
mod rows;
mod save;
mod series;
mod shapes;
mod svg;
mod text;
mod thin;
mod ticks;
mod values;
mod vega;

use std::path::Path;

pub use error::PlotError;
use figure::Figure;
pub use values::{Color, Column, Element, Grid, Matrix, Number, Points, Values};

use crate::display::{MimeBundle, Show, VEGA_LITE_MIME, escape};

/// What one layer of a plot draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Line,
    Scatter,
    Hist,
    Bar,
    /// An image has its first row on top, and square pixels.
    Heat {
        image: bool,
    },
}

impl Mark {
    fn name(self) -> &'static str {
        match self {
            Mark::Line => "line",
            Mark::Scatter => "scatter plot",
            Mark::Hist => "histogram",
            Mark::Bar => "bar plot",
            Mark::Heat { .. } => "heat map",
        }
    }
}

/// One layer, as it was asked for.
#[derive(Debug, Clone)]
struct Layer {
    mark: Mark,
    x: Option<Column>,
    y: Column,
    grid: Option<Grid>,
    label: Option<String>,
    color: Option<Result<String, Column>>,
    sizes: Option<Column>,
    opacity: Option<f64>,
    bins: Option<usize>,
    extent: Option<Extent>,
}

/// Where the outer edges of a heat map's cells are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Extent {
    /// The edges before the first column and after the last.
    pub(crate) x: (f64, f64),
    /// The edges before the first row and after the last.
    pub(crate) y: (f64, f64),
    /// Whether columns are points in time, in milliseconds since 1970.
    pub(crate) is_time: bool,
}

/// A plot: one layer or several over one another. It is drawn when it is shown.
///
/// Methods on one layer ([`label`](Self::label), [`color`](Self::color), [`size_by`](Self::size_by),
/// [`opacity`](Self::opacity), [`bins`](Self::bins)) are about the layer that was added last.
#[derive(Debug, Clone)]
#[must_use = "a plot is drawn when it ends a cell, or by `display` or `save`"]
pub struct Plot {
    layers: Vec<Layer>,
    title: Option<String>,
    x_label: Option<String>,
    y_label: Option<String>,
    color_label: Option<String>,
    size: Option<(u32, u32)>,
    x_range: Option<(f64, f64)>,
    y_range: Option<(f64, f64)>,
    color_range: Option<(f64, f64)>,
    diverging: bool,
    log_x: bool,
    log_y: bool,
    error: Option<PlotError>,
}

/// A line through points, in their order: `line(&ys)`, or `line((&xs, &ys))`. A NaN or null breaks it.
pub fn line(points: impl Points) -> Plot {
    Plot::of_points(Mark::Line, points)
}

/// Points: `scatter(&ys)`, or `scatter((&xs, &ys))`.
pub fn scatter(points: impl Points) -> Plot {
    Plot::of_points(Mark::Scatter, points)
}

/// A histogram of values. Without [`bins`](Plot::bins), their number follows from the data (Freedman and Diaconis) and
/// their edges are round numbers; several histograms over one another have the same bins.
pub fn hist(values: impl Values) -> Plot {
    Plot::new(Mark::Hist, None, values.values())
}

/// Bars: `bar(&heights)`, `bar((&names, &heights))`, or `bar(&counts)` for a map or pairs. Several over one another stand
/// side by side.
pub fn bar(points: impl Points) -> Plot {
    Plot::of_points(Mark::Bar, points)
}

/// A matrix as coloured cells, with its first row at the bottom, where the y axis begins.
pub fn heatmap(matrix: impl Matrix) -> Plot {
    Plot::of_matrix(matrix, false)
}

/// A matrix as an image: its first row on top, and its cells square unless [`size`](Plot::size) says otherwise.
pub fn imshow(matrix: impl Matrix) -> Plot {
    Plot::of_matrix(matrix, true)
}

impl Plot {
    fn new(mark: Mark, x: Option<Column>, y: Column) -> Self {
        let layer = Layer {
            mark,
            x,
            y,
            grid: None,
            label: None,
            color: None,
            sizes: None,
            opacity: None,
            bins: None,
            extent: None,
        };
        Plot {
            layers: vec![layer],
            title: None,
            x_label: None,
            y_label: None,
            color_label: None,
            size: None,
            x_range: None,
            y_range: None,
            color_range: None,
            diverging: false,
            log_x: false,
            log_y: false,
            error: None,
        }
    }

    fn of_points(mark: Mark, points: impl Points) -> Self {
        let (x, y) = points.points();
        Plot::new(mark, x, y)
    }

    fn of_matrix(matrix: impl Matrix, image: bool) -> Self {
        let mut plot = Plot::new(Mark::Heat { image }, None, Column::Numbers(Vec::new()));
        match matrix.grid() {
            Ok(grid) if grid.rows.checked_mul(grid.columns) != Some(grid.values.len()) => {
                let (rows, columns, has) = (grid.rows, grid.columns, grid.values.len());
                plot.fail(PlotError::Option {
                    option: "the matrix",
                    was: format!("{rows} × {columns} with {has} values"),
                    help: "a grid needs one value for each of its places",
                });
            }
            Ok(grid) => plot.layers[0].grid = Some(grid),
            Err(error) => plot.fail(error),
        }
        plot
    }

    /// The first mistake is the one that is told.
    fn fail(&mut self, error: PlotError) {
        self.error.get_or_insert(error);
    }

    fn last(mut self, change: impl FnOnce(&mut Layer)) -> Self {
        if let Some(layer) = self.layers.last_mut() {
            change(layer);
        }
        self
    }

    /// The title above the plot.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// What stands along the x axis.
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.x_label = Some(label.into());
        self
    }

    /// What stands along the y axis.
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y_label = Some(label.into());
        self
    }

    /// What stands above the legend or the colour bar.
    pub fn color_label(mut self, label: impl Into<String>) -> Self {
        self.color_label = Some(label.into());
        self
    }

    /// Width and height in pixels, axes and all; 560 × 300 unless it is given.
    pub fn size(mut self, width: u32, height: u32) -> Self {
        if (100..=5000).contains(&width) && (60..=5000).contains(&height) {
            self.size = Some((width, height));
        } else {
            let help = "a width from 100 to 5000 and a height from 60 to 5000 pixels can be drawn";
            self.fail(PlotError::Option { option: "size", was: format!("{width} × {height}"), help });
        }
        self
    }

    /// Where the cells of a heat map are, in place of being counted from 0: the edges before the first column and after the
    /// last, and those of the rows. The second edge may be the smaller number.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// // A row for each ten degrees from the north to the south.
    /// let plot = plot::heatmap(&[[1, 2], [3, 4]]).extent((0.0, 360.0), (90.0, -90.0));
    /// assert!(plot.svg()?.contains("100"));
    /// # Ok::<(), plot::PlotError>(())
    /// ```
    pub fn extent(self, columns: (f64, f64), rows: (f64, f64)) -> Self {
        self.placed(Extent { x: columns, y: rows, is_time: false })
    }

    pub(crate) fn placed(mut self, extent: Extent) -> Self {
        let edges = [extent.x, extent.y];
        if edges.iter().any(|(from, to)| !from.is_finite() || !to.is_finite() || from == to) {
            let was = format!("{:?}, {:?}", extent.x, extent.y);
            self.fail(PlotError::Option { option: "extent", was, help: "both ends are numbers, and not the same" });
        } else if !matches!(self.layers.last(), Some(Layer { mark: Mark::Heat { .. }, .. })) {
            let help = "other plots say where their points are";
            let mark = self.layers.last().map_or("plot", |layer| layer.mark.name());
            self.fail(PlotError::Mark { option: "extent", mark, help });
        }
        self.last(|layer| layer.extent = Some(extent))
    }

    /// Where the x axis begins and ends, in place of where the data does. What is outside is not shown.
    pub fn x_range(mut self, from: f64, to: f64) -> Self {
        self.x_range = self.range("x_range", from, to);
        self
    }

    /// Where the y axis begins and ends, in place of where the data does. What is outside is not shown.
    pub fn y_range(mut self, from: f64, to: f64) -> Self {
        self.y_range = self.range("y_range", from, to);
        self
    }

    /// The values between which colours run, in place of the smallest and the largest: several plots with the same range can
    /// be compared. What is outside has the colour of the nearer end.
    ///
    /// ```
    /// use taskloom::plot;
    /// let _ = plot::imshow([[280.1, 293.5], [271.0, 301.2]]).color_range(270.0, 305.0);
    /// ```
    pub fn color_range(mut self, from: f64, to: f64) -> Self {
        self.color_range = self.range("color_range", from, to);
        self
    }

    /// Colours for what can be above or below a normal: from blue by nearly white to red, with 0 in the middle unless
    /// [`color_range`](Self::color_range) says otherwise.
    ///
    /// ```
    /// use taskloom::plot;
    /// let _ = plot::heatmap([[-0.5, 0.1], [1.2, 0.0]]).diverging().title("warmer and colder than the mean");
    /// ```
    pub fn diverging(mut self) -> Self {
        self.diverging = true;
        self
    }

    fn range(&mut self, option: &'static str, from: f64, to: f64) -> Option<(f64, f64)> {
        if from.is_finite() && to.is_finite() && from < to {
            return Some((from, to));
        }
        let help = "give two numbers, the smaller one first";
        self.fail(PlotError::Option { option, was: format!("{from} to {to}"), help });
        None
    }

    /// A logarithmic x axis; values that are not above 0 are left out.
    pub fn log_x(mut self) -> Self {
        self.log_x = true;
        self
    }

    /// A logarithmic y axis; values that are not above 0 are left out.
    pub fn log_y(mut self) -> Self {
        self.log_y = true;
        self
    }

    /// The layer's name in the legend.
    pub fn label(self, label: impl Into<String>) -> Self {
        self.last(|layer| layer.label = Some(label.into()))
    }

    /// A CSS colour for the whole layer (`"#0072b2"`, `"teal"`), or, for the points of a scatter plot, values: numbers
    /// become shades with a colour bar, names become colours with a legend.
    pub fn color(mut self, color: impl Color) -> Self {
        let color = color.color();
        if let Ok(name) = &color
            && !is_color(name)
        {
            let help = "give a CSS colour such as \"#0072b2\" or \"teal\"";
            self.fail(PlotError::Option { option: "color", was: format!("{name:?}"), help });
            return self;
        }
        self.last(|layer| layer.color = Some(color))
    }

    /// How big the points of a scatter plot are, one number for each: their areas are in proportion.
    pub fn size_by(self, sizes: impl Values) -> Self {
        let sizes = sizes.values();
        self.last(|layer| layer.sizes = Some(sizes))
    }

    /// From 0, which cannot be seen, to 1, which hides what is behind.
    pub fn opacity(mut self, opacity: f64) -> Self {
        if !(0.0..=1.0).contains(&opacity) {
            let help = "it goes from 0 to 1";
            self.fail(PlotError::Option { option: "opacity", was: opacity.to_string(), help });
            return self;
        }
        self.last(|layer| layer.opacity = Some(opacity))
    }

    /// How many bars a histogram has, equally wide from the smallest to the largest value.
    pub fn bins(mut self, bins: usize) -> Self {
        if !(1..=2000).contains(&bins) {
            let help = "a histogram has from 1 to 2000 bins";
            self.fail(PlotError::Option { option: "bins", was: bins.to_string(), help });
            return self;
        }
        self.last(|layer| layer.bins = Some(bins))
    }

    /// Another plot over this one, on the same axes. Titles, labels and sizes are those of this plot, and where it has
    /// none, those of the other.
    pub fn and(mut self, other: Plot) -> Self {
        self.layers.extend(other.layers);
        self.title = self.title.or(other.title);
        self.x_label = self.x_label.or(other.x_label);
        self.y_label = self.y_label.or(other.y_label);
        self.color_label = self.color_label.or(other.color_label);
        self.size = self.size.or(other.size);
        self.x_range = self.x_range.or(other.x_range);
        self.y_range = self.y_range.or(other.y_range);
        self.color_range = self.color_range.or(other.color_range);
        self.diverging |= other.diverging;
        self.log_x |= other.log_x;
        self.log_y |= other.log_y;
        self.error = self.error.or(other.error);
        self
    }

    /// The plot as a Vega-Lite specification (version 5), data and all.
    ///
    /// # Errors
    /// When it cannot be drawn; the error says why.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let spec = plot::bar((["a", "b"], [1, 2])).spec()?;
    /// assert_eq!(spec["$schema"], "https://vega.github.io/schema/vega-lite/v5.json");
    /// # Ok::<(), plot::PlotError>(())
    /// ```
    pub fn spec(&self) -> Result<serde_json::Value, PlotError> {
        Figure::new(self).map(|figure| vega::spec(&figure))
    }

    /// The plot as one SVG element, for pages without Vega. It has no background, and colours that are readable on
    /// white and in a dark theme.
    ///
    /// # Errors
    /// When it cannot be drawn; the error says why.
    pub fn svg(&self) -> Result<String, PlotError> {
        Figure::new(self).map(|figure| svg::render(&figure))
    }

    /// The plot as text, for a terminal.
    ///
    /// # Errors
    /// When it cannot be drawn; the error says why.
    pub fn text(&self) -> Result<String, PlotError> {
        Figure::new(self).map(|figure| text::render(&figure))
    }

    /// Writes the plot to a file, by its extension: `.svg`, `.png` (twice the size, for dense screens), `.html` (a page
    /// on its own, that needs no network) or `.json` (the Vega-Lite specification).
    ///
    /// The file appears when it is whole; a failed attempt leaves an older one as it was.
    ///
    /// # Errors
    /// When it cannot be drawn, for another extension, and when the file cannot be written.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let error = plot::line([1, 2]).save("plot.pdf").unwrap_err();
    /// assert!(error.to_string().contains("end the name in .svg, .png, .html or .json"));
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), PlotError> {
        save::save(&Figure::new(self)?, path.as_ref())
    }
}

/// Whether a browser can be expected to know a colour: a name, or digits, or a function such as `rgb(…)`.
fn is_color(text: &str) -> bool {
    match text.strip_prefix('#') {
        Some(digits) => matches!(digits.len(), 3 | 4 | 6 | 8) && digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
        None => {
            let (name, inside) = text.split_once('(').map_or((text, None), |(name, rest)| (name, Some(rest)));
            let is_inside = |text: &str| {
                let inner = text.strip_suffix(')').unwrap_or("?");
                inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" ,.%/+-".contains(&byte))
            };
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic()) && inside.is_none_or(is_inside)
        }
    }
}

impl Show for Plot {
    fn show(&self) -> MimeBundle {
        match Figure::new(self) {
            Ok(figure) => MimeBundle::new()
                .with("text/plain", text::render(&figure))
                .with("image/svg+xml", svg::render(&figure))
                .with_json(VEGA_LITE_MIME, vega::spec(&figure)),
            Err(error) => {
                let message = format!("This plot cannot be drawn: {error}");
                let html = format!(
                    "<div style=\"border-left:4px solid #d55e00;padding:.3em .8em\">{}</div>",
                    escape(&message)
                );
                MimeBundle::new().with("text/plain", message).with("text/html", html)
            }
        }
    }
}

#[cfg(test)]
mod tests;
