//! Where separators, line ends and quotes are: sixty-four bytes at a time.

use super::super::text::PAD;
use super::Dialect;

/// Where separators and line ends are.
pub(super) struct Marks<'a> {
    /// With bytes behind its end.
    padded: &'a [u8],
    len: usize,
    separator: u8,
    quote: Option<u8>,
    pub(super) base: usize,
    /// The marks in the sixty-four bytes from `base` on that were not given out yet.
    pub(super) left: u64,
    /// Those of line ends, and where quotes are.
    pub(super) ends: u64,
    quotes: u64,
}

impl<'a> Marks<'a> {
    pub(super) fn new(padded: &'a [u8], len: usize, dialect: &Dialect, from: usize) -> Marks<'a> {
        assert!(padded.len() >= len + PAD, "a text has bytes behind its end");
        let (separator, quote) = (dialect.separator, dialect.quote);
        let mut marks = Marks { padded, len, separator, quote, base: 0, left: 0, ends: 0, quotes: 0 };
        marks.go(from);
        marks
    }

    /// The next mark is the first one that is not before `place`.
    pub(super) fn go(&mut self, place: usize) {
        self.base = place & !63;
        self.left = 0;
        if self.base < self.len {
            self.look();
            self.left &= !0 << (place - self.base);
        }
    }

    #[inline(always)]
    fn look(&mut self) {
        let bytes: &[u8; 64] = match self.padded[self.base..].first_chunk() {
            Some(bytes) => bytes,
            None => unreachable!("there are bytes behind the end"),
        };
        // What is behind the end is none.
        let there = match self.len - self.base {
            64.. => !0,
            few => (1 << few) - 1,
        };
        self.ends = places(bytes, b'\n') & there;
        self.left = self.ends | places(bytes, self.separator) & there;
        self.quotes = self.quote.map_or(0, |quote| places(bytes, quote));
    }

    /// Whether the byte is among those that were looked at, and no quote is from it on.
    #[inline(always)]
    pub(super) fn is_plain_from(&self, place: usize) -> bool {
        place < self.base + 64 && self.quotes >> (place & 63) == 0
    }

    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<usize> {
        while self.left == 0 {
            self.base += 64;
            if self.base >= self.len {
                return None;
            }
            self.look();
        }
        let place = self.base + self.left.trailing_zeros() as usize;
        self.left &= self.left - 1;
        Some(place)
    }
}

/// A bit for each byte that is this one.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn places(bytes: &[u8; 64], byte: u8) -> u64 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8};
    let mut all = 0;
    for part in 0..4 {
        // SAFETY: SSE2 is part of x86-64; sixteen bytes from each of four places sixteen apart are within sixty-four.
        let bits = unsafe {
            let here = _mm_loadu_si128(bytes.as_ptr().add(part * 16).cast());
            _mm_movemask_epi8(_mm_cmpeq_epi8(here, _mm_set1_epi8(byte as i8))) as u16
        };
        all |= u64::from(bits) << (part * 16);
    }
    all
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn places(bytes: &[u8; 64], byte: u8) -> u64 {
    bytes.iter().enumerate().fold(0, |all, (place, &other)| all | u64::from(other == byte) << place)
}

/// Where a byte is first.
#[inline]
pub(super) fn memchr(byte: u8, text: &[u8]) -> Option<usize> {
    // The standard library's search is scalar; words at a time are enough here.
    let ones = u64::from_ne_bytes([byte; 8]);
    let (words, rest) = text.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let differs = u64::from_le_bytes(*word) ^ ones;
        let found = differs.wrapping_sub(0x0101_0101_0101_0101) & !differs & 0x8080_8080_8080_8080;
        if found != 0 {
            return Some(number * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let place = rest.iter().position(|&other| other == byte)?;
    Some(words.len() * 8 + place)
}
