//! Plots as text, for a terminal: small, but with the right shape.

use super::axis::Axis;
use super::figure::{Drawn, Figure, Paint, Shape};
use super::ticks::{iso, short};
use super::{Grid, thin};

/// Characters across and down.
const WIDTH: usize = 60;
const HEIGHT: usize = 10;
/// More bars are cut, from the end.
const BARS: usize = 20;
/// Bars by number are drawn upright, eighths of a character high.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

pub(super) fn render(figure: &Figure) -> String {
    let mut lines: Vec<String> = figure.title.iter().cloned().collect();
    let horizontal = matches!(figure.x, Axis::Names(_))
        && figure.layers.iter().all(|layer| matches!(layer.shape, Shape::Bars { .. }));
    match &figure.layers[..] {
        [Drawn { shape: Shape::Cells { grid, y, .. }, paint: Paint::Numbers { lo, hi, .. }, .. }] => {
            let is_image = matches!(figure.y, Axis::Numbers { lo, hi } if lo > hi) != (y.step < 0.0);
            lines.extend(shaded(grid, *lo, *hi, is_image));
            lines.push(format!("{} {} … {} {}", SHADES[0], short(*lo), short(*hi), SHADES[SHADES.len() - 1]));
        }
        layers if horizontal => layers.iter().for_each(|layer| lines.extend(named_bars(figure, layer))),
        layers => {
            lines.extend(beside_axis(figure, canvas(figure, layers)));
            let names: Vec<&str> = layers.iter().filter_map(|layer| layer.label.as_deref()).collect();
            if !names.is_empty() {
                lines.push(format!("of {}", names.join(", ")));
            }
        }
    }
    lines.extend(figure.notes.iter().map(|note| format!("({note})")));
    lines.join("\n")
}

/// Dots of braille: two across and four down in each character.
struct Dots {
    bits: Vec<[u8; WIDTH]>,
}

impl Dots {
    fn set(&mut self, across: f64, up: f64) {
        const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
        if !((0.0..=1.0).contains(&across) && (0.0..=1.0).contains(&up)) {
            return;
        }
        let x = (across * (2 * WIDTH - 1) as f64).round() as usize;
        let y = ((1.0 - up) * (4 * HEIGHT - 1) as f64).round() as usize;
        self.bits[y / 4][x / 2] |= BITS[x % 2][y % 4];
    }

    /// As many dots as the longer of the two distances has places.
    fn line(&mut self, from: (f64, f64), to: (f64, f64)) {
        let (across, up) = ((to.0 - from.0).abs() * (2 * WIDTH) as f64, (to.1 - from.1).abs() * (4 * HEIGHT) as f64);
        // What is far outside is not followed dot by dot.
        let steps = across.max(up).ceil().clamp(1.0, 1000.0);
        for step in 0..=steps as usize {
            let part = step as f64 / steps;
            self.set(from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part);
        }
    }
}

fn canvas(figure: &Figure, layers: &[Drawn]) -> Vec<String> {
    let mut dots = Dots { bits: vec![[0; WIDTH]; HEIGHT] };
    let mut columns = vec![0.0_f64; WIDTH];
    let place = |x: f64, y: f64| (figure.x.part(x), figure.y.part(y));
    for layer in layers {
        match &layer.shape {
            Shape::Line { x, y } => {
                let mut before = None;
                for (&x, &y) in x.iter().zip(y) {
                    let here = (!x.is_nan() && !y.is_nan()).then(|| place(x, y));
                    if let Some(here) = here {
                        dots.line(before.unwrap_or(here), here);
                    }
                    before = here;
                }
            }
            Shape::Points { x, y, .. } => x.iter().zip(y).for_each(|(&x, &y)| {
                let (across, up) = place(x, y);
                dots.set(across, up);
            }),
            Shape::Ranges { from, to, y } => {
                for ((from, to), y) in from.iter().zip(to).zip(y) {
                    let (left, right, up) = (figure.x.part(*from), figure.x.part(*to), figure.y.part(*y));
                    let first = (left * WIDTH as f64 + 0.5).max(0.0) as usize;
                    let last = ((right * WIDTH as f64 + 0.5) as usize).max(first + 1).min(WIDTH);
                    columns.iter_mut().take(last).skip(first).for_each(|column| *column = column.max(up));
                }
            }
            Shape::Bars { x, y, .. } => x.iter().zip(y).for_each(|(&x, &y)| {
                let (across, up) = place(x, y);
                dots.line((across, 0.0), (across, up));
            }),
            Shape::Cells { .. } => {}
        }
    }
    (0..HEIGHT)
        .map(|row| {
            let character = |column: usize| {
                let eighths = columns[column] * (HEIGHT * 8) as f64 - ((HEIGHT - 1 - row) * 8) as f64;
                match dots.bits[row][column] {
                    0 => EIGHTHS[eighths.round().clamp(0.0, 8.0) as usize],
                    bits => char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' '),
                }
            };
            (0..WIDTH).map(character).collect::<String>().trim_end().to_owned()
        })
        .collect()
}

/// The ends of both axes around what is drawn.
fn beside_axis(figure: &Figure, rows: Vec<String>) -> Vec<String> {
    let ends = |axis: &Axis| match axis {
        Axis::Numbers { lo, hi } | Axis::Log { lo, hi } => (short(*lo), short(*hi)),
        Axis::Times { lo, hi } => (iso(*lo), iso(*hi)),
        Axis::Names(names) => {
            let end = |name: Option<&String>| name.cloned().unwrap_or_default();
            (end(names.first()), end(names.last()))
        }
    };
    let (low, high) = ends(&figure.y);
    let margin = low.chars().count().max(high.chars().count());
    let last = rows.len() - 1;
    let mut lines: Vec<String> = rows
        .into_iter()
        .enumerate()
        .map(|(place, row)| {
            let label = if place == 0 {
                &high
            } else if place == last {
                &low
            } else {
                ""
            };
            format!("{label:>margin$} │{row}")
        })
        .collect();
    let (from, to) = ends(&figure.x);
    let between = WIDTH.saturating_sub(from.chars().count() + to.chars().count());
    lines.push(format!("{:margin$} └{}", "", "─".repeat(WIDTH)));
    lines.push(format!("{:margin$}  {from}{}{to}", "", " ".repeat(between.max(1))));
    lines
}

fn named_bars(figure: &Figure, layer: &Drawn) -> Vec<String> {
    let (Shape::Bars { x, y, .. }, Axis::Names(names)) = (&layer.shape, &figure.x) else { return Vec::new() };
    const NAME: usize = 20;
    const BAR: usize = 40;
    let name = |place: f64| names.get(place as usize).map(|name| name.chars().take(NAME).collect::<String>());
    let shown: Vec<(String, f64)> =
        x.iter().zip(y).take(BARS).map(|(&x, &y)| (name(x).unwrap_or_default(), y)).collect();
    let margin = shown.iter().map(|bar| bar.0.chars().count()).max().unwrap_or(0);
    let largest = shown.iter().map(|bar| bar.1.abs()).filter(|size| size.is_finite()).fold(0.0, f64::max);
    let mut lines: Vec<String> = layer.label.iter().cloned().collect();
    for (name, value) in shown {
        let eighths = if largest > 0.0 && value > 0.0 { (value / largest * (8 * BAR) as f64) as usize } else { 0 };
        // Eighths of a block from the left: ▏ to █.
        let rest = char::from_u32(0x2590 - (eighths % 8) as u32).filter(|_| eighths % 8 > 0);
        let bar: String = "█".repeat(eighths / 8).chars().chain(rest).collect();
        lines.push(format!("{name:>margin$} │{bar} {}", short(value)));
    }
    if y.len() > BARS {
        lines.push(format!("… and {} more", y.len() - BARS));
    }
    lines
}

const SHADES: [char; 5] = ['·', '░', '▒', '▓', '█'];

fn shaded(grid: &Grid, lo: f64, hi: f64, is_image: bool) -> Vec<String> {
    let small = thin::blocks(grid, 30);
    let row = |row: usize| {
        let values = &small.values[row * small.columns..(row + 1) * small.columns];
        let shade = |value: f64| {
            let part = if lo < hi { (value - lo) / (hi - lo) } else { 0.5 };
            SHADES[((part * SHADES.len() as f64) as usize).min(SHADES.len() - 1)]
        };
        // A character is twice as high as wide.
        values.iter().flat_map(|&value| [if value.is_finite() { shade(value) } else { ' ' }; 2]).collect::<String>()
    };
    let rows = (0..small.rows).map(row);
    if is_image { rows.collect() } else { rows.rev().collect() }
}
