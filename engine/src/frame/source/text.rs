//! The bytes of files with rows in lines, as they come.

use std::io::{BufReader, Read};
use std::sync::Arc;

use polars::prelude::{PolarsResult, polars_bail, polars_err};

use super::names::named;
use super::stored;
use crate::store::Location;
use crate::store::error::StoreError;
use crate::store::file::Input;
use crate::store::path::StorePath;
use crate::task::{Pack, Packer, Unpacker, packed};

/// How a file is packed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packed {
    Gzip,
    Zstd,
}

packed!(
    enum Packed {
        Gzip,
        Zstd,
    }
);

/// A file of text.
#[derive(Debug, Clone)]
pub(crate) struct TextFile {
    pub(crate) place: StorePath,
    /// The number of its bytes as they are stored.
    pub(crate) len: u64,
    pub(crate) packed: Option<Packed>,
}

/// No row is longer: what looks like one is a quote that nothing closes.
pub(crate) const LONGEST: usize = 256 << 20;
/// So much is read at once, which a core has near to it.
const PIECE: usize = 256 << 10;
/// So much of an object.
const REMOTE_PIECE: usize = 8 << 20;

impl TextFile {
    /// Looks at the beginning of a file.
    pub(crate) fn open(place: StorePath) -> PolarsResult<TextFile> {
        let input = Input::open(&place).map_err(stored)?;
        let mut magic = [0; 4];
        let len = input.len();
        let begin = len.min(4) as usize;
        input.read_at(0, &mut magic[..begin]).map_err(stored)?;
        let packed = match magic {
            [0x1f, 0x8b, ..] => Some(Packed::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd] => Some(Packed::Zstd),
            _ => None,
        };
        Ok(TextFile { place, len, packed })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> std::path::Display<'_> {
        self.place.as_path().display()
    }

    pub(crate) fn input(&self) -> PolarsResult<Arc<Input>> {
        Input::open(&self.place).map(Arc::new).map_err(stored)
    }

    /// The text from a place on. Only of files that are not packed can the place be another than the beginning.
    pub(crate) fn feed(&self, from: u64) -> PolarsResult<Feed> {
        self.feed_by(from, PIECE)
    }

    /// As [`feed`](TextFile::feed), so many bytes at once.
    pub(crate) fn feed_by(&self, from: u64, piece: usize) -> PolarsResult<Feed> {
        let input = self.input()?;
        if input.len() < self.len {
            polars_bail!(ComputeError: "{} is shorter than it was when it was opened: {} bytes of {}", self.name(), input.len(), self.len);
        }
        let piece = if input.is_remote() { REMOTE_PIECE } else { piece };
        let bytes = Positioned { input, at: from, len: self.len };
        let read: Box<dyn Read + Send> = match self.packed {
            None => Box::new(bytes),
            Some(Packed::Gzip) => {
                Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(piece, bytes)))
            }
            Some(Packed::Zstd) => {
                let decoder = zstd::stream::read::Decoder::with_buffer(BufReader::with_capacity(piece, bytes));
                let mut decoder = decoder.map_err(|error| unreadable(self, &error))?;
                // What is asked for in the file's header is no more than other tools write.
                decoder.window_log_max(27).map_err(|error| unreadable(self, &error))?;
                Box::new(decoder)
            }
        };
        let offset = if self.packed.is_some() { 0 } else { from };
        Ok(Feed { file: self.clone(), read, buffer: Vec::new(), begin: 0, end: 0, offset, piece, is_all: false })
    }

    /// The first bytes of the text, as many as there are of so many, and whether that is all.
    pub(crate) fn head(&self, most: usize) -> PolarsResult<(Vec<u8>, bool)> {
        let mut feed = self.feed(0)?;
        while feed.len() < most && feed.more()? {}
        let is_all = feed.is_all() && feed.len() <= most;
        let mut text = feed.text().0[..feed.len()].to_vec();
        text.truncate(most);
        Ok((text, is_all))
    }

    /// The number of the line that a place in the text is in, counted from one.
    pub(crate) fn line(&self, place: u64) -> PolarsResult<u64> {
        let mut feed = self.feed(0)?;
        let mut line = 1;
        loop {
            let left = usize::try_from(place - feed.offset()).unwrap_or(usize::MAX);
            let len = feed.len().min(left);
            line += feed.text().0[..len].iter().filter(|&&byte| byte == b'\n').count() as u64;
            feed.consume(len);
            if len == left || !feed.more()? {
                return Ok(line);
            }
        }
    }
}

/// Files, in a few words.
pub(crate) fn about<'a>(mut files: impl ExactSizeIterator<Item = &'a TextFile>) -> String {
    let count = files.len();
    files.next().map_or_else(|| "no files".to_owned(), |file| named(&file.name(), count))
}

impl Pack for TextFile {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        let location = self.place.location().map_err(|error| error.to_string())?;
        (location, self.len, self.packed).pack(packer)
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        let (location, len, packed) = <(Location, u64, Option<Packed>)>::unpack(unpacker)?;
        let place = location.resolved().map_err(|error: StoreError| error.to_string())?;
        Ok(TextFile { place, len, packed })
    }
}

fn unreadable(file: &TextFile, error: &std::io::Error) -> polars::prelude::PolarsError {
    let how = match file.packed {
        Some(Packed::Gzip) => " (gzip)",
        Some(Packed::Zstd) => " (zstd)",
        None => "",
    };
    polars_err!(ComputeError: "cannot read {}{how}: {error}", file.name())
}

/// Bytes from a place on.
struct Positioned {
    input: Arc<Input>,
    at: u64,
    len: u64,
}

impl Read for Positioned {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = out.len().min(usize::try_from(self.len.saturating_sub(self.at)).unwrap_or(usize::MAX));
        self.input.read_at(self.at, &mut out[..count]).map_err(std::io::Error::other)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Text that comes piece by piece. What is not consumed stays.
pub(crate) struct Feed {
    file: TextFile,
    read: Box<dyn Read + Send>,
    /// What is there, and bytes behind it.
    buffer: Vec<u8>,
    begin: usize,
    end: usize,
    offset: u64,
    piece: usize,
    is_all: bool,
}

/// So many bytes behind the end may be looked at.
pub(crate) const PAD: usize = 64;

impl Feed {
    /// What is there, with bytes behind it.
    pub(crate) fn text(&self) -> (&[u8], usize) {
        match self.buffer.is_empty() {
            true => (&[0; PAD], 0),
            false => (&self.buffer[self.begin..], self.end - self.begin),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.end - self.begin
    }

    /// Where in the file's text that begins which is there.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether no more comes.
    pub(crate) fn is_all(&self) -> bool {
        self.is_all
    }

    pub(crate) fn consume(&mut self, len: usize) {
        self.begin += len;
        self.offset += len as u64;
    }

    /// Leaves out so many bytes.
    pub(crate) fn skip(&mut self, mut len: u64) -> PolarsResult<()> {
        loop {
            let here = usize::try_from(len).unwrap_or(usize::MAX).min(self.len());
            self.consume(here);
            len -= here as u64;
            if len == 0 || !self.more()? {
                return Ok(());
            }
        }
    }

    /// Reads more; says whether there was more.
    pub(crate) fn more(&mut self) -> PolarsResult<bool> {
        if self.is_all {
            return Ok(false);
        }
        self.buffer.copy_within(self.begin..self.end, 0);
        (self.begin, self.end) = (0, self.end - self.begin);
        // A row that is longer than a piece needs room for more.
        let room = self.piece.max(self.end.saturating_mul(2));
        if self.end >= LONGEST {
            polars_bail!(ComputeError: "{}: a row at byte {} is longer than {} MB; is there a quote that nothing closes?",
                self.file.name(), self.offset, LONGEST >> 20);
        }
        if self.buffer.len() < room + PAD {
            self.buffer.resize(room + PAD, 0);
        }
        let before = self.end;
        while self.end < room {
            match self.read.read(&mut self.buffer[self.end..room]) {
                Ok(0) => {
                    self.is_all = true;
                    break;
                }
                Ok(count) => self.end += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(&self.file, &error)),
            }
        }
        Ok(self.end > before)
    }
}
