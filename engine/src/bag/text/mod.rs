//! Bags of files with an item in each line.

mod json;
mod lines;

use std::sync::Arc;

use super::Bag;
use super::node::{Datum, Lowering, Root, Roots, Sourced};
use super::stream::{Origin, Source};
use crate::error::{Error, Result};
use crate::frame::source::files::{Paths, find};
use crate::frame::source::text::TextFile;
use crate::task::{Made, packed};

pub use json::Pluck;
pub(crate) use lines::{Lines, Parse};

/// So many bytes of a file that is not compressed become one partition.
const BLOCK: u64 = 64 << 20;

/// How files of lines are cut into partitions, and what is done with what is no text.
///
/// ```
/// use taskloom::bag::TextOptions;
/// let options = TextOptions::new().blocksize(16 << 20).lossy(true);
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct TextOptions {
    blocksize: Option<u64>,
    files_per_partition: usize,
    lossy: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        TextOptions { blocksize: Some(BLOCK), files_per_partition: 1, lossy: false }
    }
}

impl TextOptions {
    /// Files are cut into blocks of 64 MiB; what is no UTF-8 is an error.
    pub fn new() -> TextOptions {
        TextOptions::default()
    }

    /// How many bytes of a file become one partition. Lines stay whole. Compressed files are never cut.
    pub fn blocksize(mut self, bytes: u64) -> TextOptions {
        self.blocksize = Some(bytes.max(1));
        self
    }

    /// How many whole files become one partition; files are not cut then.
    pub fn files_per_partition(mut self, files: usize) -> TextOptions {
        (self.blocksize, self.files_per_partition) = (None, files.max(1));
        self
    }

    /// Whether bytes that are no UTF-8 are replaced by `�`, rather than being an error.
    pub fn lossy(mut self, lossy: bool) -> TextOptions {
        self.lossy = lossy;
        self
    }
}

/// The lines of a file that begin from one place on and before another.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    file: TextFile,
    from: u64,
    to: u64,
}

packed!(Part { file, from, to });

/// Makes the source of a partition from what it reads, and from whether broken characters are let through.
type Reads<T> = fn((Vec<Part>, bool)) -> Made<dyn Source<T>>;

/// What is read for each partition.
struct Files<T: 'static> {
    parts: Vec<Vec<Part>>,
    lossy: bool,
    read: Reads<T>,
}

impl<T: Datum> Roots<T> for Files<T> {
    fn source(&self, partition: usize, _lowering: &mut Lowering) -> Sourced<T> {
        ((self.read)((self.parts[partition].clone(), self.lossy)), Vec::new())
    }
}

/// A bag of lines, each of which `P` makes an item of.
fn lines_of<T: Datum, P: Parse<T>>(
    name: &'static str,
    paths: Paths,
    endings: &[&str],
    options: &TextOptions,
) -> Result<Bag<T>> {
    let parts = partitions(&paths, endings, options)?;
    let read = |parts: (Vec<Part>, bool)| {
        Made::<dyn Source<T>>::by(parts, |(parts, lossy)| Arc::new(Lines::<P>::new(parts.clone(), *lossy)))
    };
    let npartitions = parts.len();
    let files = Files { parts, lossy: options.lossy, read };
    Ok(Bag { node: Arc::new(Root { name, npartitions, roots: Box::new(files) }) })
}

/// What is wrong with files, as an error.
pub(crate) fn wrong(error: impl std::fmt::Display) -> Error {
    Error::Frame { message: error.to_string() }
}

fn partitions(paths: &Paths, endings: &[&str], options: &TextOptions) -> Result<Vec<Vec<Part>>> {
    let found = find(paths, endings).map_err(wrong)?;
    let files = found.into_iter().map(|found| TextFile::open(found.place)).collect::<std::result::Result<Vec<_>, _>>();
    let files = files.map_err(wrong)?;
    let whole = |file: TextFile| Part { file, from: 0, to: u64::MAX };
    let Some(block) = options.blocksize else {
        let parts: Vec<Part> = files.into_iter().map(whole).collect();
        return Ok(parts.chunks(options.files_per_partition).map(<[Part]>::to_vec).collect());
    };
    let mut partitions = Vec::new();
    for file in files {
        let blocks = if file.packed.is_some() { 1 } else { file.len.div_ceil(block).max(1) };
        if blocks == 1 {
            partitions.push(vec![whole(file)]);
            continue;
        }
        // All blocks of a file are about as long as each other, rather than the last one short.
        let at = |block: u64| (u128::from(file.len) * u128::from(block) / u128::from(blocks)) as u64;
        partitions
            .extend((0..blocks).map(|block| vec![Part { file: file.clone(), from: at(block), to: at(block + 1) }]));
    }
    Ok(partitions)
}

/// A file, and a line of it: `logs/a.gz, line 18`.
pub(crate) fn described(origin: &Origin, line: u64) -> String {
    let name = origin.file.name();
    if line == 0 {
        return name.to_string();
    }
    // Nobody counts the lines before a block until somebody asks for them.
    match origin.from {
        0 => format!("{name}, line {line}"),
        from => match origin.file.line(from) {
            Ok(first) => format!("{name}, line {}", first - 1 + line),
            Err(_) => format!("{name}, line {line} from byte {from} on"),
        },
    }
}

impl Bag<String> {
    /// The lines of text files, without what ends them.
    ///
    /// A path, an address of an object store, a pattern such as `logs/2015-*.gz`, or a list of those. What is compressed
    /// (gzip, Zstandard) is noticed by its content, and read as it comes, in one partition for each file; other files are
    /// cut into blocks of 64 MiB.
    ///
    /// # Errors
    /// When there are no such files.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # std::env::set_current_dir(&folder).unwrap();
    /// std::fs::write("poem.txt", "warp and weft\nweft and warp\n").unwrap();
    /// let words = Bag::read_text("*.txt")?.flat_map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    /// assert_eq!(words.frequencies().take(2)?, [("warp".to_owned(), 2), ("and".to_owned(), 2)]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn read_text(paths: impl Into<Paths>) -> Result<Bag<String>> {
        Bag::read_text_with(paths, &TextOptions::default())
    }

    /// As [`read_text`](Bag::read_text), cut as the options say.
    ///
    /// # Errors
    /// As [`read_text`](Bag::read_text).
    ///
    /// ```
    /// use taskloom::{bag::TextOptions, prelude::*};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # std::env::set_current_dir(&folder).unwrap();
    /// std::fs::write("poem.txt", "warp\nand\nweft\n").unwrap();
    /// let lines = Bag::read_text_with("poem.txt", &TextOptions::new().blocksize(5))?;
    /// assert_eq!((lines.npartitions(), lines.count().compute()?), (3, 3));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn read_text_with(paths: impl Into<Paths>, options: &TextOptions) -> Result<Bag<String>> {
        lines_of::<String, lines::Text>("read_text", paths.into(), &["", ".txt", ".log", ".gz", ".zst"], options)
    }
}
