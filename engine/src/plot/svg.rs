//! Plots as SVG, made by hand: no ids, no style sheets, nothing that could meet another drawing in the same page.

use std::fmt::Write;

use super::axis::Axis;
use super::colors::{Shades, TEXT};
use super::figure::{Figure, Symbol, X_TICKS, Y_TICKS};
use super::layers;
use crate::draw::{at, columns, escape};

/// The fonts; the last but one is the one that a PNG is made with.
const FONTS: &str =
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Liberation Sans', Hack, sans-serif";
const FONT_SIZE: f64 = 11.0;
/// The advance of one character, in em; wide enough for most fonts.
const ADVANCE: f64 = 0.6;
const GRID: &str = "#888888";
const LINE_HEIGHT: f64 = 16.0;
/// Longer labels are cut.
const LABEL_CHARS: usize = 24;
/// Names on the x axis are written at this angle where they do not fit side by side.
const SLANT: f64 = 40.0;

/// Where the marks are, in pixels.
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Frame {
    pub(super) fn x(&self, axis: &Axis, value: f64) -> f64 {
        self.left + axis.part(value) * self.width
    }

    pub(super) fn y(&self, axis: &Axis, value: f64) -> f64 {
        self.top + (1.0 - axis.part(value)) * self.height
    }
}

pub(super) fn render(figure: &Figure) -> String {
    render_on(figure, None)
}

/// The drawing, on a background or on that of the page.
pub(super) fn render_on(figure: &Figure, background: Option<&str>) -> String {
    let (width, height) = (f64::from(figure.width), f64::from(figure.height));
    let legend = Legend::new(figure);
    let y_ticks = figure.y.ticks(Y_TICKS);
    let x_labels = XLabels::new(figure, width);
    let widest = y_ticks.iter().map(|tick| text_width(&tick.1)).fold(0.0, f64::max);
    let left = (widest + 14.0 + if figure.y_label.is_some() { 20.0 } else { 0.0 }).max(x_labels.before());
    let top = 12.0 + if figure.title.is_some() { 22.0 } else { 0.0 } + LINE_HEIGHT * figure.notes.len() as f64;
    let bottom = x_labels.height() + if figure.x_label.is_some() { 20.0 } else { 6.0 };
    let right = legend.width().max(16.0);
    let frame = Frame { left, top, width: (width - left - right).max(20.0), height: (height - top - bottom).max(20.0) };

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"img\" \
         font-family=\"{FONTS}\" font-size=\"{FONT_SIZE}\" fill=\"{TEXT}\">",
        figure.width, figure.height
    );
    let name = figure.title.as_deref().unwrap_or("a plot");
    let _ = write!(svg, "<title>{}</title>", escape(name));
    if let Some(background) = background {
        let _ = write!(svg, "<rect width=\"100%\" height=\"100%\" fill=\"{background}\"/>");
    }
    header(&mut svg, figure, &frame);
    y_axis(&mut svg, figure, &frame, &y_ticks);
    x_axis(&mut svg, figure, &frame, &x_labels);
    if figure.clip {
        // A drawing within a drawing cuts off what is outside, and needs no id for that.
        let Frame { left, top, width, height } = &frame;
        let (x, y, w, h) = (at(*left), at(*top), at(*width), at(*height));
        let _ = write!(svg, "<svg x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" viewBox=\"{x} {y} {w} {h}\">");
    }
    for layer in &figure.layers {
        layers::draw(&mut svg, figure, layer, &frame);
    }
    if figure.clip {
        svg.push_str("</svg>");
    }
    legend.draw(&mut svg, &frame);
    svg.push_str("</svg>");
    svg
}

fn text_width(text: &str) -> f64 {
    text.chars().map(columns).sum::<usize>() as f64 * ADVANCE * FONT_SIZE
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LABEL_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn header(svg: &mut String, figure: &Figure, frame: &Frame) {
    let middle = at(frame.left + frame.width / 2.0);
    let mut y = 20.0;
    if let Some(title) = &figure.title {
        let title = escape(title);
        let _ = write!(
            svg,
            "<text x=\"{middle}\" y=\"{y}\" text-anchor=\"middle\" font-size=\"14\" font-weight=\"600\">{title}</text>"
        );
        y += LINE_HEIGHT + 2.0;
    }
    for note in &figure.notes {
        let _ = write!(svg, "<text x=\"{middle}\" y=\"{y}\" text-anchor=\"middle\">{}</text>", escape(note));
        y += LINE_HEIGHT;
    }
}

fn y_axis(svg: &mut String, figure: &Figure, frame: &Frame, ticks: &[(f64, String)]) {
    let _ = write!(svg, "<g stroke=\"{GRID}\" stroke-opacity=\"0.25\">");
    if !figure.is_heat() {
        for (value, _) in ticks {
            let y = at(frame.y(&figure.y, *value));
            let (from, to) = (at(frame.left), at(frame.left + frame.width));
            let _ = write!(svg, "<path d=\"M{from} {y}H{to}\"/>");
        }
    }
    svg.push_str("</g><g text-anchor=\"end\">");
    for (value, label) in ticks {
        let (x, y) = (at(frame.left - 7.0), at(frame.y(&figure.y, *value) + 3.8));
        let _ = write!(svg, "<text x=\"{x}\" y=\"{y}\">{}</text>", escape(label));
    }
    svg.push_str("</g>");
    if let Some(label) = &figure.y_label {
        let (x, y) = (14.0, at(frame.top + frame.height / 2.0));
        let label = escape(label);
        let _ = write!(
            svg,
            "<text transform=\"translate({x} {y}) rotate(-90)\" text-anchor=\"middle\" font-size=\"12\">{label}</text>"
        );
    }
}

/// What stands below the x axis, and how.
struct XLabels {
    ticks: Vec<(f64, String)>,
    slanted: bool,
    longest: f64,
}

impl XLabels {
    fn new(figure: &Figure, width: f64) -> Self {
        let mut ticks = figure.x.ticks(((width / 55.0) as usize).clamp(2, X_TICKS));
        for tick in &mut ticks {
            tick.1 = shortened(&tick.1);
        }
        let longest = ticks.iter().map(|tick| text_width(&tick.1)).fold(0.0, f64::max);
        let slanted = matches!(figure.x, Axis::Names(_)) && (longest + 8.0) * ticks.len() as f64 > width - 60.0;
        XLabels { ticks, slanted, longest }
    }

    /// How far the first label reaches to the left of its place.
    fn before(&self) -> f64 {
        if self.slanted { text_width(&self.ticks[0].1) * SLANT.to_radians().cos() } else { 0.0 }
    }

    fn height(&self) -> f64 {
        if self.slanted { 14.0 + self.longest * SLANT.to_radians().sin() } else { 20.0 }
    }
}

fn x_axis(svg: &mut String, figure: &Figure, frame: &Frame, labels: &XLabels) {
    let bottom = frame.top + frame.height;
    let has_grid = !figure.is_heat() && !matches!(figure.x, Axis::Names(_));
    let _ = write!(svg, "<g stroke=\"{GRID}\">");
    for (value, _) in &labels.ticks {
        let x = at(frame.x(&figure.x, *value));
        if has_grid {
            let _ = write!(svg, "<path stroke-opacity=\"0.25\" d=\"M{x} {}V{}\"/>", at(frame.top), at(bottom));
        }
        let _ = write!(svg, "<path d=\"M{x} {}v4\"/>", at(bottom));
    }
    let _ = write!(svg, "<path d=\"M{} {}h{}\"/></g>", at(frame.left), at(bottom), at(frame.width));
    let anchor = if labels.slanted { "end" } else { "middle" };
    let _ = write!(svg, "<g text-anchor=\"{anchor}\">");
    let mut free_from = f64::NEG_INFINITY;
    for (value, label) in &labels.ticks {
        let x = frame.x(&figure.x, *value);
        let half = if labels.slanted { 5.0 } else { text_width(label) / 2.0 };
        // Labels never touch; the one that comes first stays.
        if x - half < free_from {
            continue;
        }
        free_from = x + half + 4.0;
        let label = escape(label);
        if labels.slanted {
            let (x, y) = (at(x + 3.0), at(bottom + 12.0));
            let _ = write!(svg, "<text transform=\"translate({x} {y}) rotate(-{SLANT})\">{label}</text>");
        } else {
            let _ = write!(svg, "<text x=\"{}\" y=\"{}\">{label}</text>", at(x), at(bottom + 16.0));
        }
    }
    svg.push_str("</g>");
    if let Some(label) = &figure.x_label {
        let (x, y) = (at(frame.left + frame.width / 2.0), at(bottom + labels.height() + 12.0));
        let label = escape(label);
        let _ = write!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" font-size=\"12\">{label}</text>");
    }
}

/// Labels beside the bar of shades, about.
const BAR_TICKS: usize = 5;

fn bar_axis(lo: f64, hi: f64) -> Axis {
    if lo < hi { Axis::Numbers { lo, hi } } else { Axis::numbers(lo, hi, false, 3) }
}

/// What stands to the right: the names of colours, or a bar of shades.
struct Legend {
    /// Name, colour and symbol.
    entries: Vec<(String, String, Symbol)>,
    bar: Option<(f64, f64, Shades)>,
    title: Option<String>,
}

impl Legend {
    fn new(figure: &Figure) -> Self {
        let most = ((f64::from(figure.height) - 60.0) / LINE_HEIGHT).max(1.0) as usize;
        let all = figure.legend();
        let hidden = all.len().saturating_sub(most);
        let shown = if hidden > 0 { most - 1 } else { all.len() };
        let entry = |(name, color, symbol): (&str, &str, Symbol)| (shortened(name), color.to_owned(), symbol);
        let mut entries: Vec<_> = all.into_iter().take(shown).map(entry).collect();
        if hidden > 0 {
            entries.push((format!("… and {} more", hidden + 1), "none".to_owned(), Symbol::Block));
        }
        Legend { entries, bar: figure.color_range(), title: figure.color_label.as_deref().map(shortened) }
    }

    fn width(&self) -> f64 {
        let names = self.entries.iter().map(|entry| text_width(&entry.0) + 40.0).fold(0.0, f64::max);
        let labels = self.bar.map(|(lo, hi, _)| bar_axis(lo, hi).ticks(BAR_TICKS));
        let bar = labels.map_or(0.0, |ticks| 38.0 + ticks.iter().map(|tick| text_width(&tick.1)).fold(0.0, f64::max));
        let title = match &self.title {
            Some(title) if names > 0.0 || bar > 0.0 => text_width(title) + 22.0,
            _ => 0.0,
        };
        names.max(bar).max(title)
    }

    fn draw(&self, svg: &mut String, frame: &Frame) {
        let left = frame.left + frame.width + 14.0;
        let mut top = frame.top;
        if let Some(title) = &self.title
            && self.width() > 0.0
        {
            let _ = write!(
                svg,
                "<text x=\"{}\" y=\"{}\" font-size=\"12\">{}</text>",
                at(left),
                at(top + 9.0),
                escape(title)
            );
            top += LINE_HEIGHT + 2.0;
        }
        for (name, color, symbol) in &self.entries {
            let middle = top + 6.0;
            let (color, x, y) = (escape(color), at(left), at(middle));
            let _ = match symbol {
                Symbol::Line => write!(svg, "<path d=\"M{x} {y}h14\" stroke=\"{color}\" stroke-width=\"2\"/>"),
                Symbol::Dashes => write!(
                    svg,
                    "<path d=\"M{x} {y}h14\" stroke=\"{color}\" stroke-width=\"2\" stroke-dasharray=\"4 2\"/>"
                ),
                Symbol::Dot => write!(svg, "<circle cx=\"{}\" cy=\"{y}\" r=\"4.5\" fill=\"{color}\"/>", at(left + 7.0)),
                Symbol::Block => {
                    let (x, y) = (at(left + 2.0), at(middle - 5.0));
                    write!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"10\" height=\"10\" fill=\"{color}\"/>")
                }
            };
            let _ = write!(svg, "<text x=\"{}\" y=\"{}\">{}</text>", at(left + 19.0), at(middle + 4.0), escape(name));
            top += LINE_HEIGHT;
        }
        let Some((lo, hi, shades)) = self.bar else { return };
        const SHADES: usize = 48;
        let height = (frame.top + frame.height - top).clamp(20.0, 180.0);
        let one = height / SHADES as f64;
        svg.push_str("<g shape-rendering=\"crispEdges\">");
        for shade in 0..SHADES {
            let (y, color) =
                (at(top + height - (shade + 1) as f64 * one), shades.color((shade as f64 + 0.5) / SHADES as f64));
            let _ = write!(
                svg,
                "<rect x=\"{}\" y=\"{y}\" width=\"12\" height=\"{}\" fill=\"{color}\"/>",
                at(left),
                at(one + 0.3)
            );
        }
        svg.push_str("</g>");
        let axis = bar_axis(lo, hi);
        for (value, label) in axis.ticks(BAR_TICKS) {
            let y = top + (1.0 - axis.part(value)) * height;
            let _ = write!(svg, "<text x=\"{}\" y=\"{}\">{}</text>", at(left + 17.0), at(y + 3.8), escape(&label));
        }
    }
}
