//! The data of a plot as JSON, with no more digits than can be seen.

use serde_json::{Map, Value, json};

use super::axis::Axis;
use super::figure::{Figure, Paint};

/// A number as JSON, with no more digits than can be seen; null for a gap.
pub(super) fn number(value: f64, grain: f64) -> Value {
    if !value.is_finite() {
        return Value::Null;
    }
    let rounded = if grain > 0.0 { rounded(value, grain) } else { value };
    // "3", not "3.0": half the size where values are whole.
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 { json!(rounded as i64) } else { json!(rounded) }
}

/// The nearest multiple of the power of ten that is not above the grain.
fn rounded(value: f64, grain: f64) -> f64 {
    let digits = -grain.log10().floor();
    let scale = 10f64.powf(digits.abs());
    let rounded = if digits >= 0.0 { (value * scale).round() / scale } else { (value / scale).round() * scale };
    if rounded.is_finite() { rounded } else { value }
}

pub(super) fn points(figure: &Figure, x: &[f64], y: &[f64], areas: Option<&[f64]>, paint: &Paint) -> Vec<Value> {
    /// The area of the largest point, in square pixels.
    const LARGEST: f64 = 400.0;
    let (x_grain, y_grain) = (figure.x.grain(), figure.y.grain());
    (0..x.len())
        .map(|place| {
            let mut row = Map::new();
            let at = match &figure.x {
                Axis::Names(names) => json!(names.get(x[place] as usize)),
                _ => number(x[place], x_grain),
            };
            row.insert("x".into(), at);
            row.insert("y".into(), number(y[place], y_grain));
            if let Some(areas) = areas {
                row.insert("s".into(), number(areas[place] * LARGEST, 0.1));
            }
            match paint {
                Paint::One(_) => {}
                Paint::Numbers { values, lo, hi, .. } => {
                    row.insert("c".into(), number(values[place], (hi - lo) * 1e-4));
                }
                Paint::Names { places, names } => {
                    row.insert("c".into(), json!(names[places[place]]));
                }
            }
            Value::Object(row)
        })
        .collect()
}

pub(super) fn ranges(figure: &Figure, from: &[f64], to: &[f64], y: &[f64]) -> Vec<Value> {
    let (x_grain, y_grain) = (figure.x.grain(), figure.y.grain());
    let rows = from.iter().zip(to).zip(y);
    rows.map(
        |((from, to), y)| json!({"x0": number(*from, x_grain), "x1": number(*to, x_grain), "y": number(*y, y_grain)}),
    )
    .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rounding_stays_within_the_grain(value in -1e12..1e12f64, exponent in -9.0..6.0f64) {
            let grain = 10f64.powf(exponent);
            prop_assert!((rounded(value, grain) - value).abs() <= grain * 0.51 + value.abs() * 1e-15);
        }
    }

    #[test]
    fn numbers_are_written_short_and_gaps_as_null() {
        let written = [0.1 + 0.2, 3.0, 1e300, f64::NAN].map(|value| number(value, 1e-6).to_string());
        assert_eq!(
            written,
            ["0.3", "3", "1e+300", "null"].map(|text| text.replace("1e+300", &json!(1e300).to_string()))
        );
    }
}
