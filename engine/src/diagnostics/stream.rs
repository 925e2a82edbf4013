//! The task stream as a picture without a script: threads from top to bottom, time from left to right, a bar per task.

use std::fmt::Write;
use std::ops::Range;

use super::analysis::{Analysis, MAX_DEPTH, colors, colors_by_name};
use super::bars::{Bar, Bars};
use super::record::Profile;
use super::series::Series;
use super::text::{headline, plural, shorten};
use super::units::{bytes, duration, key, moment, percent, ticks};
use crate::draw::{at, escape, grouped};

/// Bars of a picture without a script: more would make a page slow.
pub(super) const MAX_SVG_BARS: usize = 2_000;
/// Functions in a legend.
pub(super) const LEGEND: usize = 14;
/// Longest name in a legend, in characters.
pub(super) const LEGEND_CHARS: usize = 32;
/// Longest name in a tooltip, in characters.
pub(super) const TITLE_CHARS: usize = 200;
/// What failed is outlined in this colour, which no function has.
const FAILED: &str = "#c0143c";

const WIDTH: f64 = 860.0;
const LEFT: f64 = 82.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 44.0;
const LINE: f64 = 18.0;
/// Advance of a character of the legend, as an estimate from above.
const ADVANCE: f64 = 6.9;
const CHART_HEIGHT: f64 = 56.0;
const FONTS: &str = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif";

impl Profile {
    /// The task stream as one SVG element: a row for each thread, a bar for each task, in the colour that its function
    /// has in drawings of the graph. Each bar's tooltip says what ran, when and for how long; what failed is outlined
    /// in red.
    ///
    /// More than 2,000 tasks are drawn with short neighbours merged into one bar, and a caption says so; where tasks
    /// fill less than half of the time that was recorded, the picture shows the part that has them. It has no ids,
    /// style sheets or scripts, and a light background of its own.
    pub fn task_stream_svg(&self) -> String {
        let analysis = Analysis::new(self);
        svg(&analysis, MAX_SVG_BARS, &[])
    }
}

/// The picture, with at most about `most` bars, and charts below it.
pub(super) fn svg(analysis: &Analysis<'_>, most: usize, charts: &[Series]) -> String {
    let window = analysis.window();
    let bars = Bars::new(analysis, most);
    let scale = Scale { window: window.clone() };
    let mut body = String::new();

    let lane_height = lane_height(bars.lanes.len(), 300.0, 24.0);
    let bottom = TOP + lane_height * bars.lanes.len() as f64;
    axis(&mut body, &scale, bottom);
    lanes(&mut body, analysis, &bars, &scale, lane_height);
    let mut y = bottom + 8.0;
    for series in charts {
        y = chart(&mut body, series, &scale, y);
    }
    y = legend(&mut body, analysis, y + 16.0);
    for line in captions(analysis, &bars) {
        let _ = write!(body, r##"<text x="{LEFT}" y="{}" fill="#57606a">{}</text>"##, at(y), escape(&line));
        y += LINE;
    }
    let title = escape(&headline(analysis));
    let height = (y + 2.0).ceil();
    format!(
        concat!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" "##,
            r##"height="{height}" style="max-width:100%;height:auto" role="img" aria-label="Task stream: {title}">"##,
            r##"<rect x="0.5" y="0.5" width="{iw}" height="{ih}" rx="8" fill="#fcfcfb" stroke="#dcdfe3"/>"##,
            r##"<g font-family="{fonts}" font-size="12" fill="#1f2328">"##,
            r##"<text x="16" y="22" font-size="13" font-weight="600">{title}</text>{body}</g></svg>"##,
        ),
        width = WIDTH,
        height = height,
        iw = WIDTH - 1.0,
        ih = height - 1.0,
        fonts = FONTS,
        title = title,
        body = body,
    )
}

/// Few threads get high rows, many share what there is; below some height rows cannot be seen.
pub(super) fn lane_height(lanes: usize, room: f64, most: f64) -> f64 {
    (room / lanes.max(1) as f64).clamp(5.0, most)
}

struct Scale {
    window: Range<u64>,
}

impl Scale {
    /// Nanoseconds that a picture of this width can tell apart.
    fn resolution(&self) -> u64 {
        (self.window.end - self.window.start) / 1_000
    }

    fn x(&self, time: u64) -> f64 {
        let time = time.clamp(self.window.start, self.window.end) - self.window.start;
        LEFT + (WIDTH - LEFT - RIGHT) * (time as f64 / (self.window.end - self.window.start).max(1) as f64)
    }
}

fn axis(body: &mut String, scale: &Scale, bottom: f64) {
    body.push_str(r##"<g stroke="#e4e7eb">"##);
    let ticks = ticks(scale.window.start, scale.window.end, 7);
    for (time, _) in &ticks {
        let _ = write!(body, r#"<path d="M{x} {TOP}V{}"/>"#, at(bottom), x = at(scale.x(*time)));
    }
    body.push_str(r##"</g><g fill="#57606a" font-size="11" text-anchor="middle">"##);
    for (time, text) in &ticks {
        let _ = write!(body, r#"<text x="{}" y="{}">{text}</text>"#, at(scale.x(*time)), TOP - 5.0);
    }
    body.push_str("</g>");
}

fn lanes(body: &mut String, analysis: &Analysis<'_>, bars: &Bars, scale: &Scale, height: f64) {
    let fills = colors(analysis.profile);
    // Where rows are narrow, only some of them have room for a label.
    let labelled = (13.0 / height).ceil() as usize;
    for (row, (thread, lane)) in bars.lanes.iter().enumerate() {
        let top = TOP + row as f64 * height;
        if row % labelled == 0 {
            let _ = write!(
                body,
                r##"<text x="{}" y="{}" text-anchor="end" font-size="11" fill="#57606a">thread {thread}</text>"##,
                LEFT - 8.0,
                at(top + height.min(24.0) / 2.0 + 4.0),
            );
        }
        for bar in lane {
            self::bar(body, analysis, bar, *thread, scale, (top, height), &fills);
        }
    }
    let bottom = TOP + height * bars.lanes.len() as f64;
    let _ = write!(
        body,
        r##"<path d="M{LEFT} {TOP}V{b}H{}" fill="none" stroke="#8a8f98"/>"##,
        WIDTH - RIGHT,
        b = at(bottom)
    );
    if analysis.profile.tasks.is_empty() {
        let y = if bars.lanes.is_empty() { TOP + 22.0 } else { (TOP + bottom) / 2.0 + 4.0 };
        let x = (LEFT + WIDTH - RIGHT) / 2.0;
        let text = "No task ran while diagnostics were on.";
        let _ = write!(body, r##"<text x="{x}" y="{}" text-anchor="middle" fill="#57606a">{text}</text>"##, at(y));
    }
}

fn bar(
    body: &mut String,
    analysis: &Analysis<'_>,
    bar: &Bar,
    thread: u16,
    scale: &Scale,
    (top, row): (f64, f64),
    fills: &[(&str, &str)],
) {
    let (left, right) = (scale.x(bar.start), scale.x(bar.end));
    // A narrow slit keeps neighbours apart where there is room for it.
    let width = if right - left > 4.0 { right - left - 0.6 } else { (right - left).max(0.4) };
    let room = row - if row > 8.0 { 3.0 } else { 0.5 };
    let inset = f64::from(bar.depth) * (room / 2.0 / f64::from(MAX_DEPTH)).min(3.0);
    let (y, height) = (top + (row - room) / 2.0 + inset, room - inset);
    let (fill, stroke) = fills[(bar.name as usize).min(fills.len() - 1)];
    let length = bar.end - bar.start;
    let mut style = String::new();
    if bar.failed > 0 {
        let _ = write!(style, r#" stroke="{FAILED}" stroke-width="1.6""#);
    } else if bar.depth > 0 || width > 4.0 {
        let _ = write!(style, r#" stroke="{stroke}" stroke-width="0.5""#);
    }
    if bar.count > 1 && length > 0 {
        let _ = write!(style, r#" fill-opacity="{:.2}""#, 0.35 + 0.65 * bar.busy as f64 / length as f64);
    }
    let _ = write!(
        body,
        r#"<rect x="{left:.2}" y="{}" width="{width:.2}" height="{}" fill="{fill}"{style}><title>{}</title></rect>"#,
        at(y),
        at(height),
        escape(&title(analysis.profile, bar, thread, scale)),
    );
    let name = analysis.profile.names.get(bar.name);
    // `columns` of this font are at most as wide as a legend's.
    if height >= 13.0 && bar.depth == 0 && width > 24.0 {
        let fits = ((width - 8.0) / ADVANCE) as usize;
        if name.chars().count() <= fits {
            let (x, y) = (at(left + 5.0), at(y + height / 2.0 + 4.0));
            let _ =
                write!(body, r#"<text x="{x}" y="{y}" font-size="11" pointer-events="none">{}</text>"#, escape(name));
        }
    }
}

fn title(profile: &Profile, bar: &Bar, thread: u16, scale: &Scale) -> String {
    let name = shorten(profile.names.get(bar.name), TITLE_CHARS);
    let (length, start) = (duration(bar.end - bar.start), moment(bar.start, scale.resolution()));
    let mut title = if bar.count > 1 {
        let busy = duration(bar.busy);
        let count = plural(bar.count as usize, "short task");
        let failed =
            if bar.failed > 0 { format!(", {} failed", grouped(u64::from(bar.failed))) } else { String::new() };
        format!("{count}{failed}, mostly {name}\n{busy} of {length}, from {start}\nthread {thread}")
    } else {
        let failed = if bar.failed > 0 { " (failed)" } else { "" };
        format!("{name}{failed}\nkey {}\n{length}, from {start}\nthread {thread}", key(bar.key))
    };
    if bar.result_bytes > 0 {
        let _ = write!(title, "\nresult: {}", bytes(bar.result_bytes));
    }
    title
}

/// One chart below the stream; gives where the next can begin.
fn chart(body: &mut String, series: &Series, scale: &Scale, top: f64) -> f64 {
    let (head, bottom) = (top + 22.0, top + 22.0 + CHART_HEIGHT);
    let y = |value: f64| bottom - CHART_HEIGHT * (value / series.top).clamp(0.0, 1.0);
    let shown = series.points.iter().filter(|(time, _)| scale.window.contains(time));
    let mut line = String::new();
    for (place, &(time, value)) in shown.enumerate() {
        let x = at(scale.x(time));
        let _ = match (place, series.steps) {
            (0, _) => write!(line, "M{x} {}", at(y(value))),
            (_, true) => write!(line, "H{x}V{}", at(y(value))),
            (_, false) => write!(line, "L{x} {}", at(y(value))),
        };
    }
    let _ = write!(
        body,
        concat!(
            r##"<text x="{l}" y="{title_y}">{title}</text>"##,
            r##"<g font-size="11" fill="#57606a" text-anchor="end"><text x="{lx}" y="{head_y}">{top_text}</text>"##,
            r##"<text x="{lx}" y="{b}">0</text></g>"##,
            r##"<path d="M{l} {head}V{b}H{r}" fill="none" stroke="#8a8f98"/>"##,
            r##"<path d="{line}" fill="none" stroke="{color}" stroke-width="1.4"/>"##,
        ),
        l = LEFT,
        lx = LEFT - 8.0,
        r = WIDTH - RIGHT,
        title_y = at(head - 7.0),
        title = escape(series.title),
        head = at(head),
        head_y = at(head + 9.0),
        b = at(bottom),
        top_text = escape(&series.unit.text(series.top)),
        line = line,
        color = series.color,
    );
    bottom + 6.0
}

/// The heaviest functions and their colours; gives where what follows can begin.
fn legend(body: &mut String, analysis: &Analysis<'_>, top: f64) -> f64 {
    let fills = colors_by_name(analysis.profile);
    let (mut x, mut y) = (LEFT, top);
    let mut entries: Vec<_> = analysis
        .functions
        .iter()
        .take(LEGEND)
        .map(|function| {
            let color = fills.get(&*function.name).copied();
            (color, format!("{} ({})", shorten(&function.name, LEGEND_CHARS), percent(function.share)), &*function.name)
        })
        .collect();
    let more = analysis.functions.len().saturating_sub(LEGEND);
    if more > 0 {
        entries.push((None, format!("and {}", plural(more, "more function")), ""));
    }
    if analysis.failed > 0 {
        entries.push((
            Some(("#ffffff", FAILED)),
            format!("outlined: failed ({})", grouped(analysis.failed as u64)),
            "",
        ));
    }
    let any = !entries.is_empty();
    for (color, text, name) in entries {
        let swatch = if color.is_some() { 17.0 } else { 0.0 };
        let width = swatch + text.chars().count() as f64 * ADVANCE + 16.0;
        if x > LEFT && x + width > WIDTH - RIGHT + 16.0 {
            (x, y) = (LEFT, y + LINE);
        }
        if let Some((fill, stroke)) = color {
            let (x, y) = (at(x + 0.5), at(y - 9.5));
            let _ = write!(
                body,
                r#"<rect x="{x}" y="{y}" width="11" height="11" rx="2" fill="{fill}" stroke="{stroke}"/>"#
            );
        }
        let (title, text) = (escape(&shorten(name, TITLE_CHARS)), escape(&text));
        let _ = write!(body, r#"<text x="{}" y="{}"><title>{title}</title>{text}</text>"#, at(x + swatch), at(y));
        x += width;
    }
    if any { y + LINE + 4.0 } else { y }
}

/// What a reader has to know about the picture, a sentence each.
pub(super) fn captions(analysis: &Analysis<'_>, bars: &Bars) -> Vec<String> {
    let mut captions = Vec::new();
    let window = analysis.window();
    if window != (0..analysis.span.max(1)) {
        let resolution = (window.end - window.start) / 100;
        let (from, to) = (moment(window.start, resolution), moment(window.end, resolution));
        let span = duration(analysis.span);
        captions.push(format!("Shown: {from} to {to} of {span}. Nothing ran before and after."));
    }
    if bars.merged > 0 {
        captions.push(format!(
            "{} are drawn as {}: neighbours within {} are one bar, paler where the thread also waited.",
            plural(analysis.profile.tasks.len(), "task"),
            plural(bars.len(), "bar"),
            duration(bars.merged_below),
        ));
    }
    if bars.hidden_lanes > 0 {
        captions.push(format!("{} that did less are not drawn.", plural(bars.hidden_lanes, "thread")));
    }
    captions.extend(analysis.profile.notes.iter().map(|note| shorten(note, 130)));
    captions
}
