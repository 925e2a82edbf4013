//! Where the first row of a block begins.
//!
//! A line end inside of quotes ends no row, and whether a byte is inside of quotes depends on all bytes before it. So the
//! place is guessed, from whether what follows looks like rows; and the task of the block before, which knows where its
//! last row really ends, finds out if the guess was wrong: no row is ever read twice, in part, or not at all.

use polars::prelude::PolarsResult;

use super::super::stored;
use super::super::text::{LONGEST, PAD};
use super::Dialect;
use super::kind::Kind;
use super::marks::memchr;
use super::scan::{Rows, Scanner, Span, Stop};
use crate::store::file::Input;

/// So much is looked at first.
const WINDOW: u64 = 64 << 10;
/// So much before it is decided between two guesses that nothing speaks against.
const DECIDED: u64 = 4 << 20;
/// So many rows have to look like rows.
const ROWS: usize = 16;

/// The first place at or behind `offset` where a row begins, or the end of the file. The first row of all begins at `body`.
pub(super) fn row_start(
    input: &Input,
    len: u64,
    body: u64,
    offset: u64,
    dialect: &Dialect,
    kinds: &[Kind],
) -> PolarsResult<u64> {
    if offset <= body || offset >= len {
        return Ok(offset.clamp(body, len));
    }
    // A row begins at `offset` when the byte before ends a line.
    let from = offset - 1;
    let mut window = WINDOW;
    loop {
        let size = window.min(len - from);
        let mut text = input.bytes(from, size as usize).map_err(stored)?;
        text.resize(size as usize + PAD, 0);
        let is_all = from + size == len;
        match guess(&text, size as usize, is_all, window >= DECIDED, dialect, kinds) {
            Some(place) => return Ok(from + place as u64),
            None if is_all || window as usize >= LONGEST => return Ok(len),
            None => window *= 8,
        }
    }
}

/// Where a row begins behind the first byte; nothing when more has to be seen.
fn guess(
    padded: &[u8],
    len: usize,
    is_all: bool,
    is_decided: bool,
    dialect: &Dialect,
    kinds: &[Kind],
) -> Option<usize> {
    let text = &padded[..len];
    let line = memchr(b'\n', text).map(|end| end + 1);
    let Some(quote) = dialect.quote.filter(|&quote| memchr(quote, text).is_some()) else { return line };
    // The text begins in a row, outside of quotes or inside.
    let looks = |place: usize| looks_like_rows(padded, len, place, is_all, dialect, kinds);
    let outside = rest_of_row(padded, len, 0, is_all, dialect);
    let inside = behind_quotes(padded, len, quote, is_all, dialect);
    let (first, second) = (outside.map(looks), inside.map(looks));
    match (first, second) {
        // A wrong guess takes what follows for quoted, and finds the right rows after that.
        (Some(Some(true)), Some(Some(true))) => outside.min(inside),
        (Some(Some(true)), _) => outside,
        (Some(Some(false)) | None, Some(Some(true))) => inside,
        // Not enough was seen of at least one.
        (Some(None) | None, _) | (_, Some(None)) if !is_all && !is_decided => None,
        _ => outside.or(line),
    }
}

/// Where the row ends in which a text begins, outside of quotes.
fn rest_of_row(padded: &[u8], len: usize, from: usize, is_all: bool, dialect: &Dialect) -> Option<usize> {
    let plain = Dialect { comment: None, ..dialect.clone() };
    let mut rows = Rows::default();
    let scanner = Scanner { dialect: &plain, columns: usize::MAX, wanted: &[] };
    scanner.scan(padded, len, (from, from + 1), 1, is_all, &mut rows);
    (rows.stop == Stop::Enough).then_some(rows.end)
}

/// Whether rows begin at a place; nothing when too little is there to say.
fn looks_like_rows(
    padded: &[u8],
    len: usize,
    place: usize,
    is_all: bool,
    dialect: &Dialect,
    kinds: &[Kind],
) -> Option<bool> {
    if place >= len {
        return is_all.then_some(true);
    }
    let wanted: Vec<usize> = (0..kinds.len()).collect();
    let mut rows = Rows::default();
    Scanner { dialect, columns: kinds.len(), wanted: &wanted }.scan(padded, len, (place, len), ROWS, is_all, &mut rows);
    let is_odd = |(span, kind): (&Span, &Kind)| {
        let field = span.of(&padded[..len]);
        *span == Span::MISSING
            || (!span.is_quoted() && dialect.quote.is_some_and(|quote| field.contains(&quote)))
            || !(*kind == Kind::Text
                || field.is_empty()
                || dialect.is_null(field)
                || kind.with(Kind::of(field, true)) == *kind)
    };
    match rows.stop {
        Stop::Flaw(_) => Some(false),
        _ if rows.spans.iter().zip(kinds.iter().cycle()).any(is_odd) => Some(false),
        _ if rows.starts.is_empty() => None,
        _ => Some(true),
    }
}

/// Where the row ends that a text begins in the middle of, inside of quotes.
fn behind_quotes(padded: &[u8], len: usize, quote: u8, is_all: bool, dialect: &Dialect) -> Option<usize> {
    let text = &padded[..len];
    let mut at = 0;
    let close = loop {
        let place = at + memchr(quote, &text[at..])?;
        if text.get(place + 1) != Some(&quote) {
            break place;
        }
        at = place + 2;
    };
    match text.get(close + 1)? {
        b'\n' => Some(close + 2),
        b'\r' if text.get(close + 2) == Some(&b'\n') => Some(close + 3),
        // The rest of the row may be empty.
        &byte if byte == dialect.separator => rest_of_row(padded, len, close + 2, is_all, dialect),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Dialect {
        Dialect {
            separator: b',',
            quote: Some(b'"'),
            comment: None,
            nulls: Vec::new(),
            truncates: false,
            is_lossy: false,
        }
    }

    fn at(text: &str, columns: usize) -> Option<usize> {
        let padded = [text.as_bytes(), &[0; PAD]].concat();
        guess(&padded, text.len(), true, true, &plain(), &vec![Kind::Text; columns])
    }

    #[test]
    fn a_line_end_in_quotes_begins_no_row() {
        assert_eq!(at("2\n3,4\n5,6\n", 2), Some(2));
        // In the middle of a quoted field.
        let text = "one\ntwo, three\",5\n6,\"seven\neight\"\n9,10\n";
        assert_eq!(at(text, 2), Some("one\ntwo, three\",5\n".len()));
        // Outside of one, although there are quotes.
        let text = "x\n6,\"seven\neight\"\n9,10\n";
        assert_eq!(at(text, 2), Some(2));
        assert_eq!(at("no end", 1), None);
        assert_eq!(at("\"\"quoted\"\" text\",1\n2,3\n4,5\n", 2), Some("\"\"quoted\"\" text\",1\n".len()));
    }
}
