//! Lines of characters with colours, and lines of code with what is said about them.

use unicode_width::UnicodeWidthChar;

pub(super) const RED: &str = "\u{1b}[31m";
pub(super) const GREEN: &str = "\u{1b}[32m";
pub(super) const BLUE: &str = "\u{1b}[34m";
pub(super) const CYAN: &str = "\u{1b}[36m";
pub(super) const BOLD: &str = "\u{1b}[1m";
pub(super) const PLAIN: &str = "\u{1b}[0m";

/// How wide a tab is drawn.
const TAB: usize = 4;
/// Lines between the first and the last of a span are drawn up to this many; of more, only the ends.
const MOST_BETWEEN: usize = 4;

/// A place in one cell, and what is said about it.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    /// Lines from 1 and columns in characters from 1; the end is exclusive.
    pub start: (usize, usize),
    pub end: (usize, usize),
    pub primary: bool,
    pub label: String,
}

impl Mark {
    fn colour(&self) -> &'static str {
        if self.primary { RED } else { BLUE }
    }

    fn sign(&self) -> char {
        if self.primary { '^' } else { '-' }
    }

    fn is_long(&self) -> bool {
        self.start.0 != self.end.0
    }
}

/// A row of characters, each with its colour.
#[derive(Default, Clone)]
pub(super) struct Row(Vec<(char, &'static str)>);

impl Row {
    /// Writes over what is there, from a column on, from 0.
    pub fn put(&mut self, column: usize, text: &str, colour: &'static str) {
        for (at, c) in text.chars().enumerate() {
            if self.0.len() <= column + at {
                self.0.resize(column + at + 1, (' ', ""));
            }
            self.0[column + at] = (c, colour);
        }
    }

    fn append(&mut self, text: &str, colour: &'static str) {
        self.put(self.0.len(), text, colour);
    }

    fn is_free(&self, column: usize) -> bool {
        self.0.get(column).is_none_or(|(c, _)| *c == ' ')
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut current = "";
        let end = self.0.iter().rposition(|(c, _)| *c != ' ').map_or(0, |last| last + 1);
        for (c, colour) in &self.0[..end] {
            if *c != ' ' && *colour != current {
                if !current.is_empty() {
                    text.push_str(PLAIN);
                }
                text.push_str(colour);
                current = colour;
            }
            text.push(*c);
        }
        if !current.is_empty() {
            text.push_str(PLAIN);
        }
        text
    }
}

/// A line as it is drawn: tabs have a width of their own.
pub(super) fn drawn(line: &str) -> String {
    line.trim_end_matches(['\r', '\n']).replace('\t', &" ".repeat(TAB))
}

/// How far from the left a column of a line is drawn, from 0.
pub(super) fn offset(line: &str, column: usize) -> usize {
    line.chars().take(column.saturating_sub(1)).map(width).sum()
}

fn width(c: char) -> usize {
    if c == '\t' { TAB } else { c.width().unwrap_or(0) }
}

/// What stands left of a line: its number, or nothing.
pub(super) fn gutter(number: Option<usize>) -> String {
    let number = number.map(|number| number.to_string()).unwrap_or_default();
    format!("{BLUE}{number:>4} |{PLAIN}")
}

/// Draws lines of one cell with their marks; `line_of` gives the text of a line where it is known.
pub(super) fn draw(marks: &[Mark], line_of: &dyn Fn(usize) -> Option<String>) -> Vec<String> {
    let mut long: Vec<&Mark> = marks.iter().filter(|mark| mark.is_long()).collect();
    long.sort_by_key(|mark| mark.start);
    let area = 2 * long.len();
    let mut drawing = Vec::new();
    let mut last_drawn: Option<usize> = None;
    for number in lines_to_draw(marks) {
        let Some(text) = line_of(number) else { continue };
        if last_drawn.is_some_and(|last| last + 1 < number) {
            drawing.push(format!("{BLUE} ...{PLAIN}"));
        }
        last_drawn = Some(number);

        let mut margin = Row::default();
        margin.put(0, &" ".repeat(area), "");
        let mut below = Vec::new();
        let here: Vec<&Mark> = marks.iter().filter(|mark| !mark.is_long() && mark.start.0 == number).collect();
        let bars = |rows: &mut Vec<Row>, covers: &dyn Fn(&Mark) -> bool| {
            for (index, mark) in long.iter().enumerate().filter(|(_, mark)| covers(mark)) {
                rows.iter_mut().for_each(|row| row.put(2 * index, "|", mark.colour()));
            }
        };
        let mut notes = annotate(&here, &text, area);
        bars(&mut notes, &|mark| mark.start.0 < number && mark.end.0 >= number);

        for (index, mark) in long.iter().enumerate() {
            if mark.start.0 == number {
                let before: String = text.chars().take(mark.start.1.saturating_sub(1)).collect();
                if before.trim().is_empty() {
                    margin.put(2 * index, "/", mark.colour());
                    notes.iter_mut().for_each(|row| row.put(2 * index, "|", mark.colour()));
                } else {
                    let to = area + offset(&text, mark.start.1);
                    below.push((index, *mark, to, false));
                }
            } else if mark.start.0 < number && number <= mark.end.0 {
                margin.put(2 * index, "|", mark.colour());
                if mark.end.0 == number {
                    let to = area + offset(&text, mark.end.1.max(2) - 1);
                    below.push((index, *mark, to, true));
                }
            }
        }
        drawing.push(format!("{} {}{}", gutter(Some(number)), padded(&margin, area), drawn(&text)));

        let mut rows = notes;
        for (at, (index, mark, to, ends)) in below.iter().enumerate() {
            let mut row = Row::default();
            row.put(2 * index + 1, &"_".repeat(to.saturating_sub(2 * index + 1)), mark.colour());
            row.put(*to, &mark.sign().to_string(), mark.colour());
            if *ends && !mark.label.is_empty() {
                row.append(" ", "");
                row.append(&mark.label, mark.colour());
            }
            for (other, bar) in long.iter().enumerate() {
                let open = bar.start.0 < number && bar.end.0 > number
                    || bar.end.0 == number && below[at..].iter().any(|(index, _, _, ends)| *index == other && *ends)
                    || bar.start.0 == number && below[..at].iter().any(|(index, ..)| *index == other);
                if open {
                    row.put(2 * other, "|", bar.colour());
                }
            }
            rows.push(row);
        }
        drawing.extend(rows.iter().map(|row| format!("{} {}", gutter(None), row.text())));
    }
    drawing
}

fn padded(margin: &Row, area: usize) -> String {
    let drawn = margin.0.iter().rposition(|(c, _)| *c != ' ').map_or(0, |last| last + 1);
    format!("{}{}", margin.text(), " ".repeat(area.saturating_sub(drawn)))
}

fn lines_to_draw(marks: &[Mark]) -> Vec<usize> {
    let mut lines: Vec<usize> = marks.iter().flat_map(|mark| [mark.start.0, mark.end.0]).collect();
    for mark in marks.iter().filter(|mark| mark.end.0 - mark.start.0 <= MOST_BETWEEN + 1) {
        lines.extend(mark.start.0..=mark.end.0);
    }
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// The rows under a line: signs under what the marks cover, and their labels. A label that has no room behind its signs
/// hangs below them, the last one first.
fn annotate(marks: &[&Mark], line: &str, area: usize) -> Vec<Row> {
    if marks.is_empty() {
        return Vec::new();
    }
    let extent = |mark: &Mark| {
        let start = area + offset(line, mark.start.1);
        (start, (area + offset(line, mark.end.1)).max(start + 1))
    };
    let mut signs = Row::default();
    for primary in [false, true] {
        for mark in marks.iter().filter(|mark| mark.primary == primary) {
            let (start, end) = extent(mark);
            signs.put(start, &mark.sign().to_string().repeat(end - start), mark.colour());
        }
    }
    let mut hanging: Vec<&&Mark> = marks.iter().filter(|mark| !mark.label.is_empty()).collect();
    hanging.sort_by_key(|mark| (extent(mark).0, extent(mark).1, mark.primary));
    if let Some(last) = hanging.last()
        && marks.iter().all(|mark| extent(mark).1 <= extent(last).1)
    {
        signs.append(" ", "");
        signs.append(&last.label, last.colour());
        hanging.pop();
    }
    let mut rows = vec![signs];
    let bars = |row: &mut Row, left: &[&&Mark]| {
        for mark in left {
            let at = extent(mark).0;
            if row.is_free(at) {
                row.put(at, "|", mark.colour());
            }
        }
    };
    if !hanging.is_empty() {
        let mut row = Row::default();
        bars(&mut row, &hanging);
        rows.push(row);
    }
    while let Some(mark) = hanging.pop() {
        let mut row = Row::default();
        let at = extent(mark).0;
        row.put(at, &mark.label, mark.colour());
        let left: Vec<&&Mark> = hanging.iter().filter(|other| extent(other).0 < at).copied().collect();
        bars(&mut row, &left);
        rows.push(row);
    }
    rows
}
