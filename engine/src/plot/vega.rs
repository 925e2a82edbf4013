//! Plots as Vega-Lite 5. The background is that of the page. Text has a colour that can be read on any: a front end
//! colours text by its theme of the moment, but does not draw anew when the theme is changed.

use serde_json::{Map, Value, json};

use super::axis::Axis;
use super::colors::{MISSING, PALETTE, Shades, TEXT};
use super::figure::{Drawn, Figure, Paint, Shape, Steps, X_TICKS, Y_TICKS, stroke_width};
use super::rows::{number, points, ranges};
use super::ticks::Notation;
use crate::display::VEGA_LITE_SCHEMA;

pub(super) fn spec(figure: &Figure) -> Value {
    let layers: Vec<Value> = figure.layers.iter().map(|layer| self::layer(figure, layer)).collect();
    let mut spec = json!({
        "$schema": VEGA_LITE_SCHEMA,
        "width": figure.width,
        "height": figure.height,
        "autosize": {"type": "fit", "contains": "padding"},
        // Not null, which themes take as "choose one".
        "background": "transparent",
        "layer": layers,
        "config": {
            "view": {"stroke": null},
            "axis": {
                "gridColor": "#888888",
                "gridOpacity": 0.25,
                "domainColor": "#888888",
                "tickColor": "#888888",
                "labelColor": TEXT,
                "titleColor": TEXT,
                "labelFontSize": 11,
                "titleFontSize": 12,
                "titleFontWeight": "normal",
                "titlePadding": 8,
            },
            "legend": {
                "labelFontSize": 11,
                "titleFontSize": 12,
                "titleFontWeight": "normal",
                "symbolOpacity": 1,
                "labelColor": TEXT,
                "titleColor": TEXT,
                "gradientOpacity": 1,
            },
            "title": {"fontSize": 14, "subtitleFontSize": 11, "offset": 10, "color": TEXT, "subtitleColor": TEXT},
        },
    });
    if let Some(title) = title(figure) {
        spec["title"] = title;
    }
    if kinds_of_color(figure) > 1 {
        spec["resolve"] = json!({"scale": {"color": "independent"}});
    }
    spec
}

fn title(figure: &Figure) -> Option<Value> {
    if figure.title.is_none() && figure.notes.is_empty() {
        return None;
    }
    let mut title = json!({"text": figure.title.as_deref().unwrap_or_default()});
    if !figure.notes.is_empty() {
        title["subtitle"] = json!(figure.notes);
    }
    Some(title)
}

/// Names from labels, names from values, and numbers each need a scale of their own.
fn kinds_of_color(figure: &Figure) -> usize {
    let has = |wanted: fn(&Drawn) -> bool| usize::from(figure.layers.iter().any(wanted));
    let numbers = figure.layers.iter().filter(|layer| matches!(layer.paint, Paint::Numbers { .. })).count();
    has(|layer| matches!(layer.paint, Paint::One(_)) && layer.label.is_some())
        + has(|layer| matches!(layer.paint, Paint::Names { .. }))
        + numbers
}

fn layer(figure: &Figure, layer: &Drawn) -> Value {
    let mut encoding = Map::new();
    let (data, mark) = match &layer.shape {
        Shape::Line { x, y } => {
            encoding.insert("x".into(), channel(&figure.x, "x", figure.x_label.as_deref(), X_TICKS));
            encoding.insert("y".into(), channel(&figure.y, "y", figure.y_label.as_deref(), Y_TICKS));
            let width = stroke_width(x.len());
            // Points are joined in the order they come, not by x.
            let mut mark = json!({"type": "line", "strokeWidth": width, "strokeJoin": "round", "order": false});
            if x.len() <= POINTS_WITH_TOOLTIPS {
                // A line itself has one tooltip for all its points, so each gets a mark that cannot be seen.
                mark["tooltip"] = json!(true);
                mark["point"] = json!({"opacity": 0, "size": 60});
            }
            if layer.dashed {
                mark["strokeDash"] = json!([6, 3]);
            }
            (points(figure, x, y, None, &Paint::One(String::new())), mark)
        }
        Shape::Points { x, y, areas } => {
            encoding.insert("x".into(), channel(&figure.x, "x", figure.x_label.as_deref(), X_TICKS));
            encoding.insert("y".into(), channel(&figure.y, "y", figure.y_label.as_deref(), Y_TICKS));
            if areas.is_some() {
                let size = json!({"field": "s", "type": "quantitative", "scale": null, "legend": null});
                encoding.insert("size".into(), size);
            }
            encoding.insert("tooltip".into(), tooltip(figure, &layer.paint));
            let mark = json!({"type": "circle", "size": 30});
            (points(figure, x, y, areas.as_deref(), &layer.paint), mark)
        }
        Shape::Bars { x, y, slot, slots } => {
            encoding.insert("x".into(), channel(&figure.x, "x", figure.x_label.as_deref(), X_TICKS));
            encoding.insert("y".into(), channel(&figure.y, "y", figure.y_label.as_deref(), Y_TICKS));
            if *slots > 1 {
                let domain: Vec<usize> = (0..*slots).collect();
                encoding
                    .insert("xOffset".into(), json!({"datum": slot, "type": "nominal", "scale": {"domain": domain}}));
            }
            let mark = json!({"type": "bar", "tooltip": true});
            (points(figure, x, y, None, &layer.paint), mark)
        }
        Shape::Ranges { from, to, y } => {
            encoding.insert("x".into(), channel(&figure.x, "x0", figure.x_label.as_deref(), X_TICKS));
            encoding.insert("x2".into(), json!({"field": "x1"}));
            encoding.insert("y".into(), channel(&figure.y, "y", figure.y_label.as_deref(), Y_TICKS));
            encoding.insert("y2".into(), json!({"datum": floor(&figure.y)}));
            let kind = if matches!(figure.x, Axis::Times { .. }) { "temporal" } else { "quantitative" };
            let tooltip = json!([
                {"field": "x0", "type": kind, "title": "from"},
                {"field": "x1", "type": kind, "title": "to"},
                {"field": "y", "type": "quantitative", "title": figure.y_label.as_deref().unwrap_or("y")},
            ]);
            encoding.insert("tooltip".into(), tooltip);
            // A hair between the bars, unless there are so many that it would be all that is left of them.
            let gap = if from.len() <= 100 { 0.5 } else { 0.0 };
            (ranges(figure, from, to, y), json!({"type": "rect", "xOffset": gap, "x2Offset": -gap}))
        }
        Shape::Cells { .. } => return cells(figure, layer),
    };
    if let Some(color) = color(figure, layer) {
        encoding.insert("color".into(), color);
    }
    let mut mark = mark;
    mark["opacity"] = json!(layer.opacity);
    if figure.clip {
        mark["clip"] = json!(true);
    }
    if let (Paint::One(color), None) = (&layer.paint, &layer.label) {
        mark["color"] = json!(color);
    }
    let mut drawn = json!({"data": {"values": data}, "mark": mark, "encoding": encoding});
    if let (Paint::One(_), Some(label)) = (&layer.paint, &layer.label) {
        // A `datum` would do for the colour, but only a field may have a scale of its own.
        drawn["transform"] = json!([{"calculate": json!(label).to_string(), "as": SERIES}]);
    }
    drawn
}

/// What the mouse shows of a point; its size is not in the units of whoever gave it, so that is left out.
fn tooltip(figure: &Figure, paint: &Paint) -> Value {
    let kind = if matches!(figure.x, Axis::Times { .. }) { "temporal" } else { "quantitative" };
    let kind = if matches!(figure.x, Axis::Names(_)) { "nominal" } else { kind };
    let title = |label: &Option<String>, otherwise: &str| label.clone().unwrap_or_else(|| otherwise.to_owned());
    let mut fields = vec![
        json!({"field": "x", "type": kind, "title": title(&figure.x_label, "x")}),
        json!({"field": "y", "type": "quantitative", "title": title(&figure.y_label, "y")}),
    ];
    if !matches!(paint, Paint::One(_)) {
        let kind = if matches!(paint, Paint::Names { .. }) { "nominal" } else { "quantitative" };
        fields.push(json!({"field": "c", "type": kind, "title": title(&figure.color_label, "color")}));
    }
    Value::Array(fields)
}

/// Lines with more points have no tooltips: they would cost more than the line.
const POINTS_WITH_TOOLTIPS: usize = 1000;
/// The field that says which layer a mark belongs to.
const SERIES: &str = "series";

/// Where bars begin: at 0, or at the low end of a logarithmic axis.
fn floor(y: &Axis) -> f64 {
    if let Axis::Log { lo, .. } = y { *lo } else { 0.0 }
}

/// An axis, as the encoding of `field`.
fn channel(axis: &Axis, field: &str, label: Option<&str>, ticks: usize) -> Value {
    let mut encoding = json!({"field": field, "title": label});
    let (kind, scale, options) = match axis {
        Axis::Numbers { lo, hi } => {
            let mut options = json!({"tickCount": ticks});
            if let Some(expression) = label_expression(axis.notation()) {
                options["labelExpr"] = json!(expression);
            }
            let mut scale = json!({"domain": [lo.min(*hi), lo.max(*hi)], "nice": false, "zero": false});
            if lo > hi {
                scale["reverse"] = json!(true);
            }
            ("quantitative", scale, options)
        }
        Axis::Log { lo, hi } => {
            let scale = json!({"type": "log", "domain": [lo, hi], "nice": false});
            // Vega's own choice has a line of the grid for each of 1, 2, 3, … in a decade.
            let values: Vec<f64> = axis.ticks(ticks).into_iter().map(|tick| tick.0).collect();
            let label = if *lo < 1e-3 { "format(datum.value, '~e')" } else { "format(datum.value, '~s')" };
            ("quantitative", scale, json!({"values": values, "labelExpr": label}))
        }
        Axis::Times { lo, hi } => {
            let scale = json!({"type": "utc", "domain": [lo, hi], "nice": false});
            ("temporal", scale, json!({"tickCount": ticks}))
        }
        Axis::Names(names) => {
            let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
            let angle = if longest * names.len() > 70 { -40 } else { 0 };
            let scale = json!({"domain": names});
            ("nominal", scale, json!({"labelAngle": angle, "grid": false, "labelOverlap": true, "labelLimit": 140}))
        }
    };
    encoding["type"] = json!(kind);
    encoding["scale"] = scale;
    encoding["axis"] = options;
    encoding
}

fn color(figure: &Figure, layer: &Drawn) -> Option<Value> {
    let title = figure.color_label.as_deref();
    match &layer.paint {
        Paint::One(_) => {
            layer.label.as_ref()?;
            let named = || {
                figure.layers.iter().filter_map(|layer| match &layer.paint {
                    Paint::One(color) => layer.label.as_ref().map(|label| (label, color)),
                    _ => None,
                })
            };
            let labels: Vec<&String> = named().map(|entry| entry.0).collect();
            let colors: Vec<&String> = named().map(|entry| entry.1).collect();
            let scale = json!({"domain": labels, "range": colors});
            let mut color = json!({"field": SERIES, "type": "nominal", "scale": scale, "title": title});
            let is_line = |layer: &Drawn| matches!(layer.shape, Shape::Line { .. }) || layer.label.is_none();
            if figure.layers.iter().all(is_line) {
                // Otherwise the marks for the tooltips would be what the legend shows.
                color["legend"] = json!({"symbolType": "stroke", "symbolStrokeWidth": 2});
            }
            Some(color)
        }
        Paint::Numbers { lo, hi, shades, .. } => {
            let (lo, hi) = if lo < hi { (*lo, *hi) } else { (lo - 0.5, hi + 0.5) };
            let (scheme, reverse) = match shades {
                Shades::Sequential => ("viridis", false),
                // From red to blue, as Vega has it.
                Shades::Diverging => ("redblue", true),
            };
            let mut scale = json!({"scheme": scheme, "domain": [lo, hi], "nice": false, "zero": false});
            if reverse {
                scale["reverse"] = json!(true);
            }
            if figure.limits_colors {
                scale["clamp"] = json!(true);
            }
            Some(json!({
                "condition": {
                    "test": "isValid(datum.c)",
                    "field": "c",
                    "type": "quantitative",
                    "title": title,
                    "scale": scale,
                    "legend": legend_of(lo, hi),
                },
                "value": MISSING,
            }))
        }
        Paint::Names { names, .. } => {
            let range: Vec<&str> = PALETTE.iter().copied().cycle().take(names.len()).collect();
            let scale = json!({"domain": names, "range": range});
            Some(json!({"field": "c", "type": "nominal", "scale": scale, "title": title}))
        }
    }
}

fn legend_of(lo: f64, hi: f64) -> Value {
    let expression = label_expression(Axis::Numbers { lo, hi }.notation());
    expression.map_or_else(|| json!({}), |expression| json!({"labelExpr": expression}))
}

/// How labels are written where Vega's own way would give them too many zeros. Each label is formatted for itself: as the
/// format of an axis, "~s" gives all labels the same prefix, and 0 becomes "0M".
fn label_expression(notation: Notation) -> Option<String> {
    notation.d3().map(|format| format!("format(datum.value, '{format}')"))
}

/// A heat map: the data are the numbers alone, and where each belongs is computed in the browser.
fn cells(figure: &Figure, layer: &Drawn) -> Value {
    let Shape::Cells { grid, per_row, per_column, x: columns_at, y: rows_at } = &layer.shape else {
        return Value::Null;
    };
    let Paint::Numbers { lo, hi, .. } = &layer.paint else { return Value::Null };
    // Vega makes an object of each number, but stumbles over a bare null.
    let value = |value: f64| if value.is_finite() { number(value, (hi - lo) * 1e-4) } else { json!({"data": null}) };
    let values: Vec<Value> = grid.values.iter().copied().map(value).collect();
    let columns = grid.columns;
    let calculate = |expression: String, name: &str| json!({"calculate": expression, "as": name});
    let (x_label, y_label) = (figure.x_label.as_deref(), figure.y_label.as_deref());
    let mut x = channel(&figure.x, "x0", x_label, X_TICKS);
    let mut y = channel(&figure.y, "y0", y_label, Y_TICKS);
    for (axis, steps) in [(&mut x, columns_at), (&mut y, rows_at)] {
        axis["axis"]["grid"] = json!(false);
        if steps.is_count() {
            axis["axis"]["tickMinStep"] = json!(1);
        }
    }
    // Each cell laps a little over the next ones: between edges that only touch, the background shines through.
    let down = matches!(figure.y, Axis::Numbers { lo, hi } if lo > hi) != (rows_at.step < 0.0);
    let (lap, up) = (if columns_at.step < 0.0 { -0.7 } else { 0.7 }, if down { 0.7 } else { -0.7 });
    // Counted cells are told by their row and column, others by where their middle is.
    let edge = |field: &str, steps: &Steps, after: usize| match steps.is_count() {
        true if after == 0 => format!("datum.{field} - 0.5"),
        true => format!("datum.{field} + {after} - 0.5"),
        false => format!("{} + {} * (datum.{field} + {after})", steps.first, steps.step),
    };
    let told = |field: &str, axis: &Axis, steps: &Steps, label: Option<&str>| match (steps.is_count(), axis) {
        (true, _) => json!({"field": field, "type": "quantitative"}),
        (false, Axis::Times { .. }) => {
            json!({"field": format!("{field}_at"), "type": "temporal", "format": "%Y-%m-%d %H:%M", "title": label})
        }
        (false, _) => json!({"field": format!("{field}_at"), "type": "quantitative", "title": label}),
    };
    let mut transform = vec![
        json!({"window": [{"op": "row_number", "as": "i"}]}),
        calculate(format!("((datum.i - 1) % {columns}) * {per_column}"), "column"),
        calculate(format!("floor((datum.i - 1) / {columns}) * {per_row}"), "row"),
        calculate(edge("column", columns_at, 0), "x0"),
        calculate(edge("column", columns_at, *per_column), "x1"),
        calculate(edge("row", rows_at, 0), "y0"),
        calculate(edge("row", rows_at, *per_row), "y1"),
        calculate("datum.data".to_owned(), "c"),
    ];
    if !columns_at.is_count() || !rows_at.is_count() {
        transform.push(calculate("(datum.x0 + datum.x1) / 2".to_owned(), "column_at"));
        transform.push(calculate("(datum.y0 + datum.y1) / 2".to_owned(), "row_at"));
    }
    let mark = json!({
        "type": "rect",
        "strokeWidth": 0,
        "x2Offset": lap,
        "y2Offset": up,
        "opacity": layer.opacity,
        // What laps over the last row and column is cut off.
        "clip": true,
    });
    let mut color = color(figure, layer).unwrap_or_default();
    // A cell without a value is left out rather than grey.
    color = color["condition"].take();
    if let Some(color) = color.as_object_mut() {
        color.remove("test");
    }
    json!({
        "data": {"values": values},
        "transform": transform,
        "mark": mark,
        "encoding": {
            "x": x,
            "x2": {"field": "x1"},
            "y": y,
            "y2": {"field": "y1"},
            "color": color,
            "tooltip": [
                told("row", &figure.y, rows_at, y_label),
                told("column", &figure.x, columns_at, x_label),
                {"field": "c", "type": "quantitative", "title": figure.color_label.as_deref().unwrap_or("value")},
            ],
        },
    })
}
