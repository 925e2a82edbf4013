//! SVG, made by hand: no ids, no style sheets, nothing that could meet another picture in the same page.

use std::fmt::Write;

use super::layout::{self, Size, Stop};
use super::{Kind, Scene, Tile, grouped};

const FONT_SIZE: f64 = 12.0;
/// Advance of one character of Hack, in em; the other fonts of the list are as wide or narrower.
const ADVANCE: f64 = 0.602;
const FONTS: &str = "Hack, 'DejaVu Sans Mono', Menlo, Consolas, monospace";
/// Longest label in a box, in characters.
const LABEL_CHARS: usize = 26;
const BOX_HEIGHT: f64 = 26.0;
const STACK_HEIGHT: f64 = 42.0;
/// How far the boxes of a stack stick out behind the front one.
const STACK_STEP: f64 = 3.5;
const MARGIN: f64 = 18.0;
const CAPTION_HEIGHT: f64 = 26.0;
/// A wider picture scrolls rather than shrinks: at 1,600 pixels shown on 830, its text is as small as text may be.
const SHRINKS_UP_TO: f64 = 1600.0;
/// A higher picture scrolls within the notebook's cell.
const SHOWN_HEIGHT: f64 = 720.0;

/// Escapes text for XML, in content and in attributes. What XML 1.0 cannot hold at all becomes U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' => out.push(character),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out
}

/// A coordinate with at most one decimal, which is enough for the eye and half the size.
pub(crate) fn at(value: f64) -> String {
    let mut text = format!("{value:.1}");
    if text.ends_with(".0") {
        text.truncate(text.len() - 2);
    }
    if text == "-0" { "0".to_owned() } else { text }
}

/// How many columns of a monospaced font a character takes.
pub(crate) fn columns(character: char) -> usize {
    match character as u32 {
        0x0300..=0x036f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xff00..=0xff60 | 0x1f300..=0x1faff => {
            2
        }
        0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

fn text_width(text: &str) -> f64 {
    text.chars().map(columns).sum::<usize>() as f64 * ADVANCE * FONT_SIZE
}

/// Cuts a long label in the middle, where names differ least: the start says what it is, the end which one.
fn shorten(label: &str) -> String {
    let label: String = label.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let total: usize = label.chars().map(columns).sum();
    if total <= LABEL_CHARS {
        return label;
    }
    let take = |characters: &mut dyn Iterator<Item = char>, room: usize| {
        let mut used = 0;
        let mut taken = Vec::new();
        for character in characters {
            used += columns(character);
            // Characters without a width of their own are bounded too.
            if used > room || taken.len() > 2 * room {
                break;
            }
            taken.push(character);
        }
        taken
    };
    let head = take(&mut label.chars(), LABEL_CHARS / 2);
    let mut tail = take(&mut label.chars().rev(), LABEL_CHARS - LABEL_CHARS / 2 - 1);
    tail.reverse();
    head.into_iter().chain(['…']).chain(tail).collect()
}

fn count_line(count: u64) -> String {
    format!("× {}", grouped(count))
}

/// The size of a box, with the stack behind it.
fn size(tile: &Tile) -> Size {
    let label = text_width(&shorten(&tile.label));
    match tile.count {
        None => Size { width: (label + 18.0).max(34.0), height: BOX_HEIGHT },
        Some(count) => Size {
            width: label.max(text_width(&count_line(count))) + 24.0 + 2.0 * STACK_STEP,
            height: STACK_HEIGHT + 2.0 * STACK_STEP,
        },
    }
}

struct Drawing {
    svg: String,
    width: f64,
    height: f64,
}

pub(super) fn render(scene: &Scene) -> String {
    draw(scene).svg
}

pub(super) fn html(scene: &Scene) -> String {
    let drawing = draw(scene);
    if drawing.width <= SHRINKS_UP_TO && drawing.height <= SHOWN_HEIGHT {
        return format!(r#"<div class="taskloom-graph">{}</div>"#, drawing.svg);
    }
    format!(
        r#"<div class="taskloom-graph" tabindex="0" role="region" aria-label="Task graph, scrolls" style="overflow:auto;max-width:100%;max-height:{}px">{}</div>"#,
        SHOWN_HEIGHT + 20.0,
        drawing.svg
    )
}

fn draw(scene: &Scene) -> Drawing {
    if scene.boxes.is_empty() {
        return frame(scene, 180.0, 0.0, "", Some("The graph is empty"));
    }
    let sizes: Vec<Size> = scene.boxes.iter().map(size).collect();
    let links: Vec<(usize, usize)> = scene.links.iter().map(|&(from, to, _)| (from, to)).collect();
    let laid = layout::layout(&sizes, &links);

    let mut body = String::new();
    lines(&mut body, scene, &laid.routes);
    let _ = write!(body, r#"<g stroke-width="1.1" text-anchor="middle">"#);
    for ((tile, size), &(x, y)) in scene.boxes.iter().zip(&sizes).zip(&laid.centers) {
        tile_at(&mut body, tile, *size, x, y);
    }
    body.push_str("</g>");
    line_counts(&mut body, scene, &laid.routes);
    let width = laid.width.max(counts_reach(scene, &laid.routes));
    frame(scene, width, laid.height, &body, scene.caption.as_deref())
}

/// The outer element: size, background, caption.
fn frame(scene: &Scene, width: f64, height: f64, body: &str, caption: Option<&str>) -> Drawing {
    let mut inner = width;
    let mut bottom = height;
    let mut caption_text = String::new();
    if let Some(caption) = caption {
        inner = inner.max(text_width(caption));
        let gap = if height > 0.0 { CAPTION_HEIGHT } else { FONT_SIZE };
        bottom += gap;
        let _ = write!(
            caption_text,
            r##"<text x="{}" y="{}" text-anchor="middle" fill="#4b5563">{}</text>"##,
            at(MARGIN + inner / 2.0),
            at(MARGIN + bottom - 1.0),
            escape(caption)
        );
    }
    let (full_width, full_height) = ((inner + 2.0 * MARGIN).ceil(), (bottom + 2.0 * MARGIN).ceil());
    let style = if full_width <= SHRINKS_UP_TO { "max-width:100%;height:auto" } else { "max-width:none" };
    let (boxes, lines) = (scene.boxes.len(), scene.links.len());
    let summary = caption.map_or_else(|| format!("{boxes} boxes, {lines} arrows"), str::to_owned);
    let svg = format!(
        concat!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" "##,
            r##"style="{style}" role="img" aria-label="Task graph: {summary}">"##,
            r##"<rect x="0.5" y="0.5" width="{iw}" height="{ih}" rx="8" fill="#fcfcfb" stroke="#dcdfe3"/>"##,
            r##"<g font-family="{fonts}" font-size="{size}" fill="#1f2328">"##,
            r##"<g transform="translate({left},{top})">{body}</g>{caption}</g></svg>"##,
        ),
        w = full_width,
        h = full_height,
        style = style,
        summary = escape(&summary),
        iw = full_width - 1.0,
        ih = full_height - 1.0,
        fonts = FONTS,
        size = FONT_SIZE,
        left = at(MARGIN + (inner - width) / 2.0),
        top = MARGIN,
        body = body,
        caption = caption_text,
    );
    Drawing { svg, width: full_width, height: full_height }
}

/// The arrow head is this long and half as wide; lines end at its back.
const HEAD: f64 = 7.0;

fn lines(body: &mut String, scene: &Scene, routes: &[Vec<Stop>]) {
    // Where hundreds of lines run together, thinner and paler ones show more.
    let (width, color) = match scene.links.len() {
        0..150 => (1.2, "#6b7280"),
        150..600 => (1.0, "#8b929c"),
        _ => (0.8, "#9aa1ab"),
    };
    let _ = write!(body, r#"<g fill="none" stroke="{color}" stroke-width="{width}">"#);
    // All that leaves a box is one path, which keeps the file small.
    let mut last = None;
    let mut by_producer: Vec<usize> = (0..routes.len()).collect();
    by_producer.sort_by_key(|&index| (scene.links[index].0, index));
    for index in by_producer {
        let (from, route) = (scene.links[index].0, &routes[index]);
        if last != Some(from) {
            if last.is_some() {
                body.push_str(r#""/>"#);
            }
            body.push_str(r#"<path d=""#);
            last = Some(from);
        }
        curve(body, route);
    }
    if last.is_some() {
        body.push_str(r#""/>"#);
    }
    let _ = write!(body, r##"</g><path fill="#5b626d" d=""##);
    let mut heads: Vec<(String, String, bool)> = Vec::new();
    for route in routes {
        if let [.., before, end] = route[..] {
            // Only a line of a cycle comes from above.
            heads.push((at(end.x), at(end.enter), before.leave < end.enter));
        }
    }
    // Lines to the same box end in the same point.
    heads.sort();
    heads.dedup();
    for (x, y, down) in heads {
        let back = if down { -HEAD } else { HEAD };
        let _ = write!(body, "M{x} {y}l{} {}h{}z", at(HEAD * 0.5), at(back), at(-HEAD));
    }
    body.push_str(r#""/>"#);
}

/// A line through its stops: upright within a layer, an S between two.
fn curve(body: &mut String, route: &[Stop]) {
    let Some((first, rest)) = route.split_first() else { return };
    let _ = write!(body, "M{} {}", at(first.x), at(first.leave));
    let (mut x, mut y) = (first.x, first.leave);
    for (index, stop) in rest.iter().enumerate() {
        let is_end = index + 1 == rest.len();
        let enter = if is_end { stop.enter + HEAD.copysign(y - stop.enter) * 0.8 } else { stop.enter };
        if (stop.x - x).abs() < 0.05 {
            // A run of straight pieces needs one command at its end.
            if is_end || (rest[index + 1].x - stop.x).abs() >= 0.05 {
                let _ = write!(body, "V{}", at(if is_end { enter } else { stop.leave }));
            }
        } else {
            let middle = (y + enter) / 2.0;
            let _ =
                write!(body, "C{} {} {} {} {} {}", at(x), at(middle), at(stop.x), at(middle), at(stop.x), at(enter));
            if !is_end && (rest[index + 1].x - stop.x).abs() >= 0.05 {
                let _ = write!(body, "V{}", at(stop.leave));
            }
        }
        (x, y) = (stop.x, stop.leave);
    }
}

const COUNT_SIZE: f64 = 10.0;
/// How far beside its line a count stands.
const COUNT_ASIDE: f64 = 5.0;

/// How far to the right the counts of lines reach.
fn counts_reach(scene: &Scene, routes: &[Vec<Stop>]) -> f64 {
    let ends = scene.links.iter().zip(routes).filter_map(|((_, _, count), route)| match (&route[..], *count) {
        ([.., before, end], 2..) => {
            let width = text_width(&format!("×{}", grouped(*count))) * COUNT_SIZE / FONT_SIZE;
            Some((before.x + end.x) / 2.0 + COUNT_ASIDE + width)
        }
        _ => None,
    });
    ends.fold(0.0, f64::max)
}

/// How many edges a line stands for, where that is more than one, on the last piece of the line.
fn line_counts(body: &mut String, scene: &Scene, routes: &[Vec<Stop>]) {
    let mut texts = String::new();
    for ((_, _, count), route) in scene.links.iter().zip(routes) {
        if let ([.., before, end], 2..) = (&route[..], *count) {
            // The S of `curve` is at its middle half-way between its ends; the count stands beside it.
            let (x, y) = ((before.x + end.x) / 2.0, (before.leave + end.enter + HEAD) / 2.0);
            // On the outer side of a line that leans left, where it stays within the picture.
            let text = format!("×{}", grouped(*count));
            let left = x - COUNT_ASIDE - text_width(&text) * COUNT_SIZE / FONT_SIZE;
            let x = if end.x < before.x - 1.0 && left > 0.0 { left } else { x + COUNT_ASIDE };
            let _ = write!(texts, r#"<text x="{}" y="{}">{text}</text>"#, at(x), at(y + 3.0));
        }
    }
    if !texts.is_empty() {
        let _ = write!(
            body,
            r##"<g font-size="{COUNT_SIZE}" fill="#4b5563" stroke="#fcfcfb" stroke-width="3" stroke-linejoin="round" paint-order="stroke">{texts}</g>"##
        );
    }
}

fn tile_at(body: &mut String, tile: &Tile, size: Size, x: f64, y: f64) {
    let (mut left, mut top, mut width, mut height) =
        (x - size.width / 2.0, y - size.height / 2.0, size.width, size.height);
    let radius = match tile.kind {
        Kind::Task => BOX_HEIGHT / 2.0,
        Kind::Data => 0.0,
    };
    let _ = write!(
        body,
        r#"<g fill="{}" stroke="{}"><title>{}</title>"#,
        escape(&tile.fill),
        escape(&tile.stroke),
        escape(&tile.title)
    );
    let rect = |body: &mut String, left: f64, top: f64, width: f64, height: f64| {
        let _ = write!(
            body,
            r#"<rect x="{}" y="{}" width="{}" height="{}" rx="{radius}"/>"#,
            at(left),
            at(top),
            at(width),
            at(height)
        );
    };
    if tile.count.is_some() {
        width -= 2.0 * STACK_STEP;
        height -= 2.0 * STACK_STEP;
        for back in [2.0, 1.0] {
            rect(body, left + back * STACK_STEP, top + (2.0 - back) * STACK_STEP, width, height);
        }
        top += 2.0 * STACK_STEP;
    }
    left = left.max(0.0);
    rect(body, left, top, width, height);
    let middle = left + width / 2.0;
    let base = top + height / 2.0 + FONT_SIZE * 0.35;
    let text = |body: &mut String, y: f64, text: &str| {
        let _ = write!(
            body,
            r##"<text x="{}" y="{}" fill="#1f2328" stroke="none">{}</text>"##,
            at(middle),
            at(y),
            escape(text)
        );
    };
    let label = shorten(&tile.label);
    match tile.count {
        None => text(body, base, &label),
        Some(count) => {
            text(body, base - 8.0, &label);
            text(body, base + 8.0, &count_line(count));
        }
    }
    body.push_str("</g>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_labels_are_cut_in_the_middle() {
        assert_eq!(shorten("inc"), "inc");
        let cut = shorten("mean_delay_of_every_airport_in_january");
        assert_eq!(cut, "mean_delay_of…t_in_january");
        assert_eq!(cut.chars().count(), LABEL_CHARS);
        assert_eq!(shorten(&"長".repeat(30)).chars().count(), 13);
    }

    #[test]
    fn coordinates_are_short() {
        assert_eq!([0.0, -0.01, 12.04, 12.06, -3.5].map(at), ["0", "0", "12", "12.1", "-3.5"]);
    }
}
