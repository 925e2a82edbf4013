//! Files line by line.

use std::marker::PhantomData;

use memchr::memchr;

use super::Part;
use crate::bag::node::Datum;
use crate::bag::stream::{Flow, Given, Origin, Place, Push, Source};
use crate::task::Failure;

/// What is made of a line.
pub(crate) trait Parse<T>: Send + Sync + 'static {
    /// The item; nothing where the line has none.
    fn parse(line: &[u8], lossy: bool) -> Result<Option<T>, Wrong>;
}

/// What is wrong with a line, and in which column, counted from 1; 0 where that says nothing.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) column: usize,
    pub(crate) what: String,
}

/// The line as it is.
pub(crate) struct Text;

impl Parse<String> for Text {
    fn parse(line: &[u8], lossy: bool) -> Result<Option<String>, Wrong> {
        match std::str::from_utf8(line) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) if lossy => Ok(Some(String::from_utf8_lossy(line).into_owned())),
            Err(error) => Err(Wrong {
                column: error.valid_up_to() + 1,
                what: "it is not text in UTF-8; `TextOptions::lossy` replaces what is not".to_owned(),
            }),
        }
    }
}

/// The items of lines.
pub(crate) struct Lines<P> {
    parts: Vec<Part>,
    lossy: bool,
    parse: PhantomData<fn() -> P>,
}

impl<P> Lines<P> {
    pub(crate) fn new(parts: Vec<Part>, lossy: bool) -> Self {
        Lines { parts, lossy, parse: PhantomData }
    }
}

impl<T: Datum, P: Parse<T>> Source<T> for Lines<P> {
    fn run(&self, place: &Place, _inputs: &mut Given, to: &mut dyn Push<T>) -> Result<(), Failure> {
        for part in &self.parts {
            let origin = Origin { file: part.file.clone(), from: part.from };
            place.reads(origin.clone());
            let mut number = 0;
            let flow = part.each(place, &mut |line| {
                number += 1;
                place.at_line(number);
                match P::parse(line, self.lossy) {
                    Ok(Some(item)) => {
                        place.next()?;
                        Ok(to.push(item))
                    }
                    Ok(None) => Ok(Flow::Continue(())),
                    Err(wrong) => Err(at(&origin, number, &wrong)),
                }
            })?;
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }
}

#[cold]
fn at(origin: &Origin, line: u64, wrong: &Wrong) -> Failure {
    let column = if wrong.column > 0 { format!(", column {}", wrong.column) } else { String::new() };
    Failure::Error(format!("{}{column}: {}", super::described(origin, line), wrong.what).into())
}

/// The bytes of lines are looked at in this way; says whether more are wanted.
type Take<'a> = &'a mut dyn FnMut(&[u8]) -> Result<Flow, Failure>;

impl Part {
    /// Each line, without what ends it.
    fn each(&self, place: &Place, take: Take<'_>) -> Result<Flow, Failure> {
        let unreadable = |error: polars::prelude::PolarsError| Failure::Error(error.to_string().into());
        // A line belongs to the block that it begins in, and begins after the end of another.
        let mut feed = self.file.feed(self.from.saturating_sub(1)).map_err(unreadable)?;
        let mut is_inside = self.from > 0;
        // So much of what is left is known to have no end of a line.
        let mut searched = 0;
        loop {
            let (text, len) = feed.text();
            let (text, offset) = (&text[..len], feed.offset());
            let mut begin = 0;
            while is_inside || offset + (begin as u64) < self.to {
                let Some(end) = memchr(b'\n', &text[begin.max(searched)..]) else { break };
                let end = begin.max(searched) + end;
                let line = &text[begin..end];
                (begin, searched) = (end + 1, 0);
                if std::mem::take(&mut is_inside) {
                    continue;
                }
                if take(line.strip_suffix(b"\r").unwrap_or(line))?.is_break() {
                    return Ok(Flow::Break(()));
                }
            }
            searched = len - begin;
            feed.consume(begin);
            if !is_inside && feed.offset() >= self.to {
                return Ok(Flow::Continue(()));
            }
            place.look()?;
            if !feed.more().map_err(unreadable)? {
                let (text, len) = feed.text();
                return match len {
                    0 => Ok(Flow::Continue(())),
                    _ if is_inside => Ok(Flow::Continue(())),
                    len => take(&text[..len]),
                };
            }
        }
    }
}
