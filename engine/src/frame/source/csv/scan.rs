//! Where the fields of rows are, and what is no row.

use super::Dialect;
use super::marks::{Marks, memchr};

/// A field: its bytes without the quotes around them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

/// A field that stands in quotes.
const QUOTED: u32 = 1 << 31;
/// A field with quotes in it, each written twice.
const DOUBLED: u32 = 1 << 31;

impl Span {
    /// What a row has that ends too soon.
    pub(super) const MISSING: Span = Span { start: 0, end: 0 };

    #[inline]
    pub(super) fn start(self) -> usize {
        (self.start & !DOUBLED) as usize
    }

    #[inline]
    pub(super) fn is_quoted(self) -> bool {
        self.end & QUOTED != 0
    }

    #[inline]
    pub(super) fn is_doubled(self) -> bool {
        self.start & DOUBLED != 0
    }

    /// The bytes as they stand in the text.
    #[inline]
    pub(super) fn of(self, text: &[u8]) -> &[u8] {
        &text[self.start()..(self.end & !QUOTED) as usize]
    }
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Flaw {
    /// More fields than columns.
    Long { fields: usize },
    /// A quote that nothing closes.
    Open { column: usize },
    /// Something between a closing quote and the next separator.
    After { column: usize, found: u8 },
}

/// The rows that were found in a text.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// The wanted fields, row by row.
    pub(super) spans: Vec<Span>,
    /// Where each row begins.
    pub(super) starts: Vec<u32>,
    /// Where the row after the last begins.
    pub(super) end: usize,
    /// Why there are no more.
    pub(super) stop: Stop,
}

/// Why a scan ended.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) enum Stop {
    /// As many rows as were asked for, or as begin before a place.
    #[default]
    Enough,
    /// The text ends in the middle of a row, or after one.
    Text,
    /// The row that begins at `end` is not one.
    Flaw(Flaw),
}

/// A row that was looked at alone.
pub(super) struct First {
    pub(super) spans: Vec<Span>,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Finds rows.
pub(super) struct Scanner<'a> {
    pub(super) dialect: &'a Dialect,
    /// How many fields a row has.
    pub(super) columns: usize,
    /// The columns whose fields are wanted, in order.
    pub(super) wanted: &'a [usize],
}

impl Scanner<'_> {
    /// The rows of `padded[..len]` from `from` on that begin before `until`, and no more than `most`. Where `is_all`, no
    /// more text comes. What is in `rows` is replaced.
    pub(super) fn scan(
        &self,
        padded: &[u8],
        len: usize,
        (from, until): (usize, usize),
        most: usize,
        is_all: bool,
        rows: &mut Rows,
    ) {
        rows.spans.clear();
        rows.starts.clear();
        let text = &padded[..len];
        let mut marks = Marks::new(padded, len, self.dialect, from);
        let mut at = from;
        rows.stop = loop {
            if at >= until || rows.starts.len() == most {
                break Stop::Enough;
            }
            if at >= len {
                break Stop::Text;
            }
            if self.is_skipped(text, at) {
                match memchr(b'\n', &text[at..]) {
                    Some(end) => at += end + 1,
                    None if is_all => at = len,
                    None => break Stop::Text,
                }
                marks.go(at);
                continue;
            }
            let spans = rows.spans.len();
            match self.row(text, at, is_all, &mut marks, &mut rows.spans) {
                Ok(Some((end, _))) => {
                    rows.starts.push(at as u32);
                    at = end;
                }
                Ok(None) => {
                    rows.spans.truncate(spans);
                    break Stop::Text;
                }
                Err(flaw) => {
                    rows.spans.truncate(spans);
                    break Stop::Flaw(flaw);
                }
            }
        };
        rows.end = at;
    }

    /// The fields of the first row from `from` on that is one, where it begins, and where the next one does; nothing when
    /// there is none.
    pub(super) fn first(
        padded: &[u8],
        len: usize,
        from: usize,
        is_all: bool,
        dialect: &Dialect,
    ) -> Result<Option<First>, Flaw> {
        let text = &padded[..len];
        let most = 1 + text[from.min(len)..].iter().filter(|&&byte| byte == dialect.separator).count();
        let wanted: Vec<usize> = (0..most).collect();
        let scanner = Scanner { dialect, columns: usize::MAX, wanted: &wanted };
        let mut at = from;
        while at < len && scanner.is_skipped(text, at) {
            at = memchr(b'\n', &text[at..]).map_or(len, |end| at + end + 1);
        }
        if at >= len {
            return Ok(None);
        }
        let mut spans = Vec::new();
        let mut marks = Marks::new(padded, len, dialect, at);
        let Some((end, fields)) = scanner.row(text, at, is_all, &mut marks, &mut spans)? else { return Ok(None) };
        spans.truncate(fields);
        Ok(Some(First { spans, start: at, end }))
    }

    /// Comments and, where rows have several fields, empty lines.
    #[inline(always)]
    fn is_skipped(&self, text: &[u8], at: usize) -> bool {
        if self.columns > 1 && matches!(text[at], b'\n' | b'\r') {
            return text[at] == b'\n' || text.get(at + 1).is_none_or(|&byte| byte == b'\n');
        }
        match &self.dialect.comment {
            Some(comment) => text[at..].starts_with(comment),
            None => false,
        }
    }

    /// Where the next row begins, and how many fields this one has; nothing when it is not whole.
    #[inline(always)]
    fn row(
        &self,
        text: &[u8],
        start: usize,
        is_all: bool,
        marks: &mut Marks<'_>,
        spans: &mut Vec<Span>,
    ) -> Result<Option<(usize, usize)>, Flaw> {
        let quote = self.dialect.quote;
        let mut wanted = self.wanted.iter();
        let mut next_wanted = wanted.next().copied().unwrap_or(usize::MAX);
        let (mut at, mut column) = (start, 0);
        let end = loop {
            // Fields that nobody wants, where no quote is: only their ends count.
            if column != next_wanted && marks.is_plain_from(at) {
                let mut last = None;
                while column != next_wanted && marks.left != 0 && last.is_none() {
                    let mark = marks.left & marks.left.wrapping_neg();
                    marks.left ^= mark;
                    column += 1;
                    at = marks.base + mark.trailing_zeros() as usize + 1;
                    last = (marks.ends & mark != 0).then_some(at);
                }
                if let Some(end) = last {
                    break end;
                }
                // The next field may be one that is wanted, or begin where nobody has looked yet.
                if column == next_wanted || marks.base + 64 <= at {
                    continue;
                }
            }
            let (span, end) = match (quote, text.get(at)) {
                (Some(quote), Some(&byte)) if byte == quote => match self.quoted(text, at, quote, column, is_all)? {
                    Some((span, end)) => {
                        // The marks inside of the quotes are none.
                        marks.go(end);
                        let end = marks.next().unwrap_or(text.len());
                        (span, end)
                    }
                    None => return Ok(None),
                },
                _ => {
                    let end = match marks.next() {
                        Some(end) => end,
                        None if is_all => text.len(),
                        None => return Ok(None),
                    };
                    // A line may end with \r\n.
                    let is_last = text.get(end).is_none_or(|&byte| byte == b'\n');
                    let cut = usize::from(is_last && end > at && text[end - 1] == b'\r');
                    (Span { start: at as u32, end: (end - cut) as u32 }, end)
                }
            };
            if column == next_wanted {
                spans.push(span);
                next_wanted = wanted.next().copied().unwrap_or(usize::MAX);
            }
            column += 1;
            at = end + 1;
            if text.get(end).is_none_or(|&byte| byte == b'\n') {
                break at.min(text.len());
            }
        };
        if column > self.columns && !self.dialect.truncates {
            // A separator at the end of each line is no field of its own.
            let is_blank = column == self.columns + 1 && {
                let line = &text[start..end];
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                line.strip_suffix(b"\r").unwrap_or(line).ends_with(&[self.dialect.separator])
            };
            if !is_blank {
                return Err(Flaw::Long { fields: column });
            }
        }
        if next_wanted != usize::MAX {
            let missing = 1 + wanted.count();
            spans.extend(std::iter::repeat_n(Span::MISSING, missing));
        }
        Ok(Some((end, column)))
    }

    /// A field in quotes that begins at `start`, and the place behind the closing one; nothing when the text ends before.
    fn quoted(
        &self,
        text: &[u8],
        start: usize,
        quote: u8,
        column: usize,
        is_all: bool,
    ) -> Result<Option<(Span, usize)>, Flaw> {
        let (mut at, mut doubled) = (start + 1, 0);
        let end = loop {
            let Some(next) = text.get(at..).and_then(|rest| memchr(quote, rest)) else {
                return if is_all { Err(Flaw::Open { column }) } else { Ok(None) };
            };
            at += next + 1;
            if text.get(at) != Some(&quote) {
                break at - 1;
            }
            doubled = DOUBLED;
            at += 1;
        };
        let found = Some((Span { start: (start + 1) as u32 | doubled, end: end as u32 | QUOTED }, at));
        match text.get(at) {
            None if is_all => Ok(found),
            // The next byte may be another quote.
            None => Ok(None),
            Some(&byte) if byte == self.dialect.separator || byte == b'\n' => Ok(found),
            Some(b'\r') => match text.get(at + 1) {
                Some(b'\n') => Ok(found),
                None if is_all => Ok(found),
                None => Ok(None),
                Some(_) => Err(Flaw::After { column, found: b'\r' }),
            },
            Some(&byte) => Err(Flaw::After { column, found: byte }),
        }
    }
}
