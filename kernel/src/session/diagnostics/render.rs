//! Draws a message as rustc would, on the lines of the cell as the user wrote it.

use super::canvas::{self, BLUE, BOLD, CYAN, GREEN, Mark, PLAIN, RED, Row};
use super::{Child, Diagnostic, Position, Span, Suggestion};

/// Of several ways out, so many are shown.
const MOST_SUGGESTIONS: usize = 3;

/// A place in what the user wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct UserPlace {
    /// The number of an earlier cell; `None` is the cell that runs.
    pub cell: Option<u32>,
    /// The line in that cell, from 1.
    pub line: usize,
    /// The column in that line, in characters from 1.
    pub column: usize,
    /// The whole line.
    pub text: String,
}

/// Where the user wrote what is at a line and column (from 1) of a file; `None` for generated code, also where it was put
/// between the user's.
pub type Place<'a> = &'a dyn Fn(&str, usize, usize) -> Option<UserPlace>;

/// The message with colours, as it is shown to the user: its lines, notes, suggestions, and where to read more.
pub fn render(diagnostic: &Diagnostic, place: Place) -> String {
    let mut drawing = vec![title(diagnostic)];
    let primary_cell = diagnostic.spans.iter().find(|span| span.primary).and_then(|span| locate(span, place));
    drawing.extend(snippets(&diagnostic.spans, primary_cell.map(|found| found.cell), place));
    for child in &diagnostic.children {
        drawing.extend(draw_child(child, place));
    }
    if let Some(code) = diagnostic.code.as_deref().filter(|code| is_error_code(code)) {
        drawing.push(format!("{BLUE}     ={PLAIN} more: https://doc.rust-lang.org/error_codes/{code}.html"));
    }
    drawing.join("\n")
}

fn is_error_code(code: &str) -> bool {
    code.strip_prefix('E').is_some_and(|number| number.len() == 4 && number.chars().all(|c| c.is_ascii_digit()))
}

fn title(diagnostic: &Diagnostic) -> String {
    let code = diagnostic.code.as_deref().map(|code| format!("[{code}]")).unwrap_or_default();
    let colour = if diagnostic.level == "error" { RED } else { CYAN };
    format!("{colour}{BOLD}{}{code}{PLAIN}{BOLD}: {}{PLAIN}", diagnostic.level, diagnostic.message)
}

/// A span in a cell.
struct Located {
    cell: Option<u32>,
    mark: Mark,
    /// The lines that are known, with their numbers.
    lines: Vec<(usize, String)>,
}

/// Where the user wrote a span. One that ends in generated code ends with its last line that does not.
fn locate(span: &Span, place: Place) -> Option<Located> {
    let start = first_place(span, place)?;
    let mut lines = vec![(start.line, start.text.clone())];
    let mut end = (start.line, start.column);
    if span.start != span.end {
        let last = last_place(span, place);
        for line in span.start.line + 1..=span.end.line {
            if let Some(between) = place(&span.file, line, 1).filter(|between| between.cell == start.cell) {
                lines.push((between.line, between.text));
            }
        }
        end = match last.filter(|last| last.cell == start.cell && last.line >= start.line) {
            Some(last) => {
                lines.push((last.line, last.text));
                (last.line, last.column + 1)
            }
            None => (start.line, start.text.chars().count() + 1),
        };
    }
    let end = end.max((start.line, start.column + 1));
    let label = span.label.as_deref().unwrap_or_default().replace('\n', " ");
    let mark = Mark { start: (start.line, start.column), end, primary: span.primary, label };
    Some(Located { cell: start.cell, mark, lines })
}

/// The first character of a span that the user wrote. Of a span without characters, the place behind the one before it.
fn first_place(span: &Span, place: Place) -> Option<UserPlace> {
    let Position { line, column } = span.start;
    if span.start == span.end {
        let behind =
            || place(&span.file, line, column.checked_sub(1)?).map(|at| UserPlace { column: at.column + 1, ..at });
        return place(&span.file, line, column).or_else(behind);
    }
    let last = if span.end.line == line { span.end.column } else { column + span.text.chars().count().max(1) };
    (column..last).find_map(|column| place(&span.file, line, column))
}

/// The last character of a span that the user wrote: the exclusive end may be the beginning of generated code.
fn last_place(span: &Span, place: Place) -> Option<UserPlace> {
    let first = if span.end.line == span.start.line { span.start.column } else { 1 };
    (first..span.end.column).rev().find_map(|column| place(&span.file, span.end.line, column))
}

/// All spans that are the user's, cell by cell, the one that the message is about first.
fn snippets(spans: &[Span], first: Option<Option<u32>>, place: Place) -> Vec<String> {
    let located: Vec<Located> = spans.iter().filter_map(|span| locate(span, place)).collect();
    let mut cells: Vec<Option<u32>> = first.into_iter().collect();
    for found in &located {
        if !cells.contains(&found.cell) {
            cells.push(found.cell);
        }
    }
    let mut drawing = Vec::new();
    for (index, cell) in cells.into_iter().enumerate() {
        let here: Vec<&Located> = located.iter().filter(|found| found.cell == cell).collect();
        let mut marks: Vec<Mark> = Vec::new();
        for found in &here {
            let known = marks.iter().any(|mark| {
                (mark.start, mark.end, &mark.label) == (found.mark.start, found.mark.end, &found.mark.label)
            });
            if !known {
                marks.push(found.mark.clone());
            }
        }
        let Some(head) = marks.iter().find(|mark| mark.primary).or(marks.first()) else { continue };
        let arrow = if index == 0 { "-->" } else { ":::" };
        let of_cell = cell.map(|number| format!(" of cell [{number}]")).unwrap_or_default();
        drawing.push(format!("{BLUE}  {arrow} line {}{of_cell}, column {}{PLAIN}", head.start.0, head.start.1));
        let text_of = |line: usize| {
            here.iter().flat_map(|found| &found.lines).find(|(at, _)| *at == line).map(|(_, text)| text.clone())
        };
        drawing.extend(canvas::draw(&marks, &text_of));
    }
    drawing
}

fn draw_child(child: &Child, place: Place) -> Vec<String> {
    let remark = |message: &str| {
        let colour = if child.level == "help" { CYAN } else { BOLD };
        format!("{BLUE}     ={PLAIN} {colour}{}{PLAIN}: {}", child.level, message.replace('\n', "\n       "))
    };
    if !child.suggestions.is_empty() {
        let drawn: Vec<Vec<String>> = child
            .suggestions
            .iter()
            .map(|suggestion| draw_suggestion(suggestion, place))
            .filter(|lines| !lines.is_empty())
            .collect();
        if drawn.is_empty() {
            // The change would be one of generated code.
            return Vec::new();
        }
        let hidden = drawn.len().saturating_sub(MOST_SUGGESTIONS);
        let mut lines = vec![remark(&child.message)];
        lines.extend(drawn.into_iter().take(MOST_SUGGESTIONS).flatten());
        if hidden > 0 {
            lines.push(format!("{BLUE}       … and {hidden} more{PLAIN}"));
        }
        return lines;
    }
    let places = snippets(&child.spans, None, place);
    if places.is_empty() && !child.spans.is_empty() && child.level == "note" {
        // "… defined here", in generated code.
        return Vec::new();
    }
    let mut lines = vec![remark(&child.message)];
    lines.extend(places);
    lines
}

/// A change within one line of a cell.
struct Change {
    /// Columns in characters from 1; the end is exclusive.
    from: usize,
    to: usize,
    text: String,
}

/// A line of a cell with the changes in it.
struct ChangedLine {
    cell: Option<u32>,
    number: usize,
    text: String,
    changes: Vec<Change>,
}

/// The lines of a cell as they would be: `+` for new text, and the old line with `-` when something goes away. Empty when
/// nothing of it is the user's.
fn draw_suggestion(suggestion: &Suggestion, place: Place) -> Vec<String> {
    let (mut drawing, mut behind) = (Vec::new(), Vec::new());
    let mut changes: Vec<ChangedLine> = Vec::new();
    for (span, text) in &suggestion.parts {
        let is_insertion = span.start == span.end;
        if is_insertion && text.ends_with('\n') && !text.trim().is_empty() {
            // Whole lines: a `use` goes anywhere, so it need not have a place.
            let lines = text.trim_end().lines().map(|line| added(None, line));
            if changes.is_empty() {
                drawing.extend(lines)
            } else {
                behind.extend(lines)
            }
            continue;
        }
        let Some(found) = locate(span, place) else { return drawing };
        let (start, end) = (found.mark.start, if is_insertion { found.mark.start } else { found.mark.end });
        let Some((_, line)) = found.lines.first().filter(|_| start.0 == end.0) else {
            drawing.extend(text.trim().lines().map(|line| added(None, line)));
            continue;
        };
        let change = Change { from: start.1, to: end.1, text: text.trim_end_matches('\n').to_owned() };
        match changes.iter_mut().find(|line| (line.cell, line.number) == (found.cell, start.0)) {
            Some(known) => known.changes.push(change),
            None => changes.push(ChangedLine {
                cell: found.cell,
                number: start.0,
                text: line.clone(),
                changes: vec![change],
            }),
        }
    }
    for line in changes {
        drawing.extend(line.draw());
    }
    drawing.extend(behind);
    drawing
}

fn added(number: Option<usize>, line: &str) -> String {
    let number = number.map(|number| number.to_string()).unwrap_or_default();
    format!("{BLUE}{number:>4} {GREEN}+ {}{PLAIN}", canvas::drawn(line))
}

impl ChangedLine {
    fn draw(mut self) -> Vec<String> {
        let (number, line) = (self.number, self.text.as_str());
        let changes = &mut self.changes;
        changes.sort_by_key(|change| (change.from, change.to));
        let characters: Vec<char> = line.chars().collect();
        let mut new = String::new();
        let mut signs = Row::default();
        let mut at = 0;
        for change in changes.iter() {
            let from = change.from.saturating_sub(1).clamp(at, characters.len());
            new.extend(&characters[at..from]);
            let begins = canvas::offset(&new, new.chars().count() + 1);
            new.push_str(&change.text);
            let ends = canvas::offset(&new, new.chars().count() + 1);
            signs.put(begins, &"+".repeat(ends.saturating_sub(begins)), GREEN);
            at = change.to.saturating_sub(1).clamp(from, characters.len());
        }
        new.extend(&characters[at..]);
        let only_adds = changes.iter().all(|change| change.from == change.to) && !new.contains('\n');
        if only_adds {
            return vec![
                format!("{} {}", canvas::gutter(Some(number)), canvas::drawn(&new)),
                format!("{} {}", canvas::gutter(None), signs.text()),
            ];
        }
        let mut drawing = vec![format!("{BLUE}{number:>4} {RED}- {}{PLAIN}", canvas::drawn(line))];
        drawing.extend(new.lines().map(|line| added(Some(number), line)));
        drawing
    }
}
