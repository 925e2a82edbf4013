//! The task stream for a page that runs scripts: a canvas to zoom in, with the picture without a script in its place
//! until the script has run.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::analysis::{Analysis, colors, colors_by_name};
use super::bars::Bars;
use super::record::Profile;
use super::series::{self, Series};
use super::stream::{self, LEGEND, LEGEND_CHARS, TITLE_CHARS, captions};
use super::text::{headline, plural, shorten};
use super::units::percent;

/// Fewer tasks than this are a picture without a script.
const SCRIPT_FROM: usize = 2_000;
/// Bars in a notebook's output, which is saved with the notebook: about 300 kB.
const NOTEBOOK_BARS: usize = 20_000;
/// Bars of the picture that stands in until the script has run.
const STAND_IN_BARS: usize = 600;
/// Bytes of names that a page may hold; what does not fit is "another function".
const NAMES_ROOM: usize = 400_000;

const SCRIPT: &str = include_str!("stream.js");
pub(super) const STYLE: &str = include_str!("stream.css");

/// What a bar's first number says: the depth is above these bits. The script has the same numbers.
const MERGED: u64 = 1;
const FAILED: u64 = 2;
const SIZE: u64 = 4;

impl Profile {
    /// The task stream as HTML, to be put into a page or a notebook's output.
    ///
    /// Fewer than 2,000 tasks are [`task_stream_svg`](Self::task_stream_svg), whose bars have tooltips and which needs
    /// no script. More are a canvas to zoom in by dragging, wheel or keys, with charts of the process below it; where
    /// scripts do not run, the picture without a script is there in its place. Nothing is fetched from anywhere, and
    /// any number of streams get on in one page.
    pub fn task_stream_html(&self) -> String {
        let analysis = Analysis::new(self);
        if self.tasks.len() < SCRIPT_FROM {
            let svg = stream::svg(&analysis, stream::MAX_SVG_BARS, &[]);
            return format!(r#"<div style="max-width:100%;overflow:auto">{svg}</div>"#);
        }
        format!("<style>{STYLE}</style>{}", html(&analysis, NOTEBOOK_BARS))
    }
}

/// The canvas' place, with the stand-in, and the script; without the style sheet.
pub(super) fn html(analysis: &Analysis<'_>, most: usize) -> String {
    let token = token();
    let charts = series::all(analysis.profile);
    let stand_in = stream::svg(analysis, STAND_IN_BARS, &charts);
    let data = data(analysis, most, charts);
    format!(
        "<div data-taskloom-stream=\"{token}\">{stand_in}</div>\n<script>\n{}(\"{token}\", {data});\n</script>",
        SCRIPT.trim_end()
    )
}

/// A name for one output that no other output of any page has.
fn token() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    format!("{now:x}-{:x}-{count:x}", std::process::id())
}

/// The script's data as JSON that can stand within a script element: no text in it ends the element or a line.
fn data(analysis: &Analysis<'_>, most: usize, charts: Vec<Series>) -> String {
    let profile = analysis.profile;
    let bars = Bars::new(analysis, most);
    let window = analysis.window();
    let mut names = Names::new(analysis);
    let packed = Packed::new(&bars, &mut names);
    let charts: Vec<Value> = charts
        .into_iter()
        .map(|series| {
            // Interleaved, and without the decimals that nobody sees.
            let points: Vec<Value> =
                series.points.iter().flat_map(|&(at, v)| [json!(at), json!(v.round() as i64)]).collect();
            json!({ "title": series.title, "unit": series.unit.name(), "steps": series.steps, "color": series.color,
                    "top": series.top, "points": points })
        })
        .collect();
    let fills = colors_by_name(profile);
    let legend: Vec<Value> = analysis
        .functions
        .iter()
        .take(LEGEND)
        .enumerate()
        .map(|(rank, function)| {
            let (fill, stroke) = fills.get(&*function.name).copied().unwrap_or(("#ffffff", "#8a8f98"));
            let text = format!("{} ({})", shorten(&function.name, LEGEND_CHARS), percent(function.share));
            json!([rank, text, fill, stroke, shorten(&function.name, TITLE_CHARS)])
        })
        .collect();
    let mut more = Vec::new();
    if analysis.functions.len() > LEGEND {
        more.push(format!("and {}", plural(analysis.functions.len() - LEGEND, "more function")));
    }
    if analysis.failed > 0 {
        more.push(format!("{} failed, outlined in red", plural(analysis.failed, "task")));
    }
    let data = json!({
        "title": headline(analysis),
        "span": analysis.span.max(1),
        "window": [window.start, window.end],
        "lanes": bars.lanes.iter().map(|(thread, bars)| json!([thread, bars.len()])).collect::<Vec<_>>(),
        "names": names.entries,
        "bars": packed.bars,
        "keys": packed.keys,
        "wide": packed.wide,
        "charts": charts,
        "legend": legend,
        "more": more,
        "notes": captions(analysis, &bars),
    });
    for_script(&data)
}

/// JSON for a script element.
pub(super) fn for_script(value: &Value) -> String {
    let text = value.to_string();
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\u{7f}'..='\u{9f}' => {
                let _ = write!(safe, "\\u{:04x}", character as u32);
            }
            _ => safe.push(character),
        }
    }
    safe
}

/// The names that bars point to: each with its rank among the functions, its fill and its outline.
struct Names<'a> {
    analysis: &'a Analysis<'a>,
    fills: Vec<(&'static str, &'static str)>,
    /// For each place in the profile's table, the function's rank by time.
    ranks: HashMap<&'a str, usize>,
    places: HashMap<u32, u64>,
    entries: Vec<Value>,
    room: usize,
    /// The entry for what does not fit.
    another: Option<u64>,
}

impl<'a> Names<'a> {
    fn new(analysis: &'a Analysis<'a>) -> Self {
        let ranks = analysis.functions.iter().enumerate().map(|(rank, function)| (&*function.name, rank)).collect();
        let fills = colors(analysis.profile);
        Names { analysis, fills, ranks, places: HashMap::new(), entries: Vec::new(), room: NAMES_ROOM, another: None }
    }

    /// The entry of a name.
    fn place(&mut self, name: u32) -> u64 {
        if let Some(&place) = self.places.get(&name) {
            return place;
        }
        let text = shorten(self.analysis.profile.names.get(name), TITLE_CHARS);
        // The colours and the punctuation of an entry take about 40 bytes.
        let place = match self.room.checked_sub(text.len() + 40) {
            Some(room) => {
                self.room = room;
                let rank = self.ranks.get(self.analysis.profile.names.get(name));
                let (fill, stroke) = self.fills[(name as usize).min(self.fills.len() - 1)];
                self.push(json!([text, rank.map_or(-1, |&rank| rank as i64), fill, stroke]))
            }
            None => match self.another {
                Some(place) => place,
                None => {
                    let place = self.push(json!(["another function", -1, "#c4c8ce", "#6b7280"]));
                    self.another = Some(place);
                    place
                }
            },
        };
        self.places.insert(name, place);
        place
    }

    fn push(&mut self, entry: Value) -> u64 {
        self.entries.push(entry);
        self.entries.len() as u64 - 1
    }
}

/// All bars as a few bytes each. Per bar: flags and depth, name, start since the bar before, length; of a merged bar its
/// count, failures and busy time; then the size of the results, where there is one. The keys of single tasks follow in
/// an array of their own.
struct Packed {
    bars: String,
    keys: String,
    /// Whether keys take eight bytes rather than four.
    wide: bool,
}

impl Packed {
    fn new(bars: &Bars, names: &mut Names<'_>) -> Self {
        let singles = || bars.lanes.iter().flat_map(|(_, bars)| bars).filter(|bar| bar.count == 1);
        let wide = singles().any(|bar| bar.key > u64::from(u32::MAX));
        let keys: Vec<u8> = if wide {
            singles().flat_map(|bar| bar.key.to_le_bytes()).collect()
        } else {
            singles().flat_map(|bar| (bar.key as u32).to_le_bytes()).collect()
        };
        let mut bytes = Vec::with_capacity(12 * bars.len());
        for (_, lane) in &bars.lanes {
            let mut previous = 0;
            for bar in lane {
                let merged = bar.count > 1;
                let flags = u64::from(merged) * MERGED
                    + u64::from(!merged && bar.failed > 0) * FAILED
                    + u64::from(bar.result_bytes > 0) * SIZE;
                varint(&mut bytes, flags + (u64::from(bar.depth) << 3));
                varint(&mut bytes, names.place(bar.name));
                varint(&mut bytes, bar.start - previous);
                varint(&mut bytes, bar.end - bar.start);
                previous = bar.start;
                if merged {
                    for value in [u64::from(bar.count), u64::from(bar.failed), bar.busy] {
                        varint(&mut bytes, value);
                    }
                }
                if bar.result_bytes > 0 {
                    varint(&mut bytes, bar.result_bytes);
                }
            }
        }
        Packed { bars: base64(&bytes), keys: base64(&keys), wide }
    }
}

/// Seven bits at a time, lowest first; the highest bit says that more follow (LEB128).
fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Base64 with padding, as `atob` reads it.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, &byte| group << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let sextet = (group >> (18 - 6 * digit)) & 63;
            text.push(if digit <= chunk.len() { char::from(DIGITS[sextet as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let cases = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let texts = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        assert_eq!(cases.map(|case| base64(case.as_bytes())), texts);
    }

    #[test]
    fn varints_are_short_and_complete() {
        let mut bytes = Vec::new();
        for value in [0, 127, 128, 300] {
            varint(&mut bytes, value);
        }
        assert_eq!(bytes, [0, 127, 0x80, 1, 0xac, 2]);
        bytes.clear();
        varint(&mut bytes, u64::MAX);
        assert_eq!(bytes.len(), 10);
    }

    #[test]
    fn json_cannot_leave_its_script() {
        let text = for_script(&json!({ "a": "</script><!-- &\u{2028}\u{0}" }));
        assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{0}']));
        let back: Value = serde_json::from_str(&text).expect("it is still JSON");
        assert_eq!(back["a"], "</script><!-- &\u{2028}\u{0}");
    }

    #[test]
    fn tokens_differ() {
        assert_ne!(token(), token());
    }
}
