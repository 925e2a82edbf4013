//! Partitions as files: lines of text and of JSON.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;

use super::Bag;
use super::node::{Datum, Want};
use super::stream::{Done, Flow, Place, Push, Pushed, Reducer};
use super::text::wrong;
use crate::delayed::Lowered;
use crate::error::Result;
use crate::graph::Graph;
use crate::scheduler::{self, Scheduler};
use crate::store::Location;
use crate::store::file::Output;
use crate::store::path::StorePath;
use crate::task::{Failure, Made, ResultType, TypeOf, packed, taken};

/// Where the files of partitions go.
#[derive(Debug, Clone)]
struct Names {
    folder: Location,
    /// What comes before and after the number.
    before: String,
    after: String,
    /// So many digits the number has.
    digits: usize,
}

packed!(Names { folder, before, after, digits });

impl Names {
    /// `out/part-*.json.gz`, or a folder.
    fn new(path: &Location, npartitions: usize, ending: &str) -> Result<Names> {
        let shown = path.resolved()?.as_path().to_string_lossy().into_owned();
        let (folder, name) = match shown.rsplit_once('/') {
            Some(("", name)) => ("/", name),
            Some((folder, name)) => (folder, name),
            None => (".", shown.as_str()),
        };
        let digits = (npartitions.max(1) - 1).checked_ilog10().unwrap_or(0) as usize + 1;
        let names = |folder: Location, before: &str, after: &str| {
            Ok(Names { folder, before: before.to_owned(), after: after.to_owned(), digits })
        };
        match name.split_once('*') {
            Some((_, after)) if after.contains('*') => Err(wrong(format!(
                "{shown}: there is one `*` in the name of files that are written, for the partition"
            ))),
            _ if folder.contains('*') => {
                Err(wrong(format!("{shown}: the `*` for the partition is in the name of the files, not of a folder")))
            }
            Some((before, after)) => names(path.at(folder), before, after),
            None => names(path.at(&shown), "", ending),
        }
    }

    fn place(&self, partition: usize) -> std::result::Result<StorePath, Failure> {
        let folder = self.folder.resolved().map_err(|error| Failure::Error(error.into()))?;
        let digits = self.digits;
        Ok(folder.join(&format!("{}{partition:0digits$}{}", self.before, self.after)))
    }
}

/// Bytes on their way into a file that appears when it is whole.
enum Sink {
    Local(Output, u64),
    Remote(StorePath, Vec<u8>),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Local(output, at) => {
                output.write_at(*at, bytes).map_err(io::Error::other)?;
                *at += bytes.len() as u64;
            }
            Sink::Remote(_, held) => held.extend_from_slice(bytes),
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Encoder {
    Plain(Sink),
    Gzip(Box<flate2::write::GzEncoder<Sink>>),
    Zstd(zstd::Encoder<'static, Sink>),
}

/// So many bytes are written at once.
const AT_ONCE: usize = 256 << 10;

impl Encoder {
    fn open(place: StorePath) -> io::Result<Encoder> {
        let name = place.as_path().to_string_lossy().into_owned();
        let sink = match place {
            StorePath::Local(path) => Sink::Local(Output::create(&path, 0).map_err(io::Error::other)?, 0),
            remote => Sink::Remote(remote, Vec::new()),
        };
        Ok(match name {
            name if name.ends_with(".gz") => {
                Encoder::Gzip(Box::new(flate2::write::GzEncoder::new(sink, flate2::Compression::new(6))))
            }
            name if name.ends_with(".zst") => Encoder::Zstd(zstd::Encoder::new(sink, 3)?),
            _ => Encoder::Plain(sink),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Encoder::Plain(sink) => sink.write_all(bytes),
            Encoder::Gzip(encoder) => encoder.write_all(bytes),
            Encoder::Zstd(encoder) => encoder.write_all(bytes),
        }
    }

    fn finish(self) -> io::Result<()> {
        let sink = match self {
            Encoder::Plain(sink) => sink,
            Encoder::Gzip(encoder) => encoder.finish()?,
            Encoder::Zstd(encoder) => encoder.finish()?,
        };
        match sink {
            Sink::Local(output, _) => output.finish(),
            Sink::Remote(place, bytes) => place.write(bytes),
        }
        .map_err(io::Error::other)
    }
}

/// How an item becomes a line.
trait Line<T>: Send + Sync + 'static {
    fn write(item: &T, line: &mut Vec<u8>) -> std::result::Result<(), String>;
}

struct AsText;

impl<T: Display> Line<T> for AsText {
    fn write(item: &T, line: &mut Vec<u8>) -> std::result::Result<(), String> {
        write!(line, "{item}").map_err(|error| error.to_string())
    }
}

struct AsJson;

impl<T: Serialize> Line<T> for AsJson {
    fn write(item: &T, line: &mut Vec<u8>) -> std::result::Result<(), String> {
        serde_json::to_writer(line, item).map_err(|error| error.to_string())
    }
}

struct Writer<L> {
    names: Names,
    line: std::marker::PhantomData<fn() -> L>,
}

struct Writing<'a, L> {
    place: &'a Place,
    name: String,
    encoder: Option<std::result::Result<Encoder, Failure>>,
    bytes: Vec<u8>,
    line: std::marker::PhantomData<fn() -> L>,
    done: Done<'a>,
}

impl<T: Datum, L: Line<T>> Reducer<T> for Writer<L> {
    fn begin<'a>(&'a self, place: &'a Place, done: Done<'a>) -> Pushed<'a, T> {
        let opened = self.names.place(place.partition()).map(|place| (place.as_path().display().to_string(), place));
        let (name, encoder) = match opened {
            Ok((name, place)) => (name, Encoder::open(place).map_err(|error| Failure::Error(error.to_string().into()))),
            Err(failure) => (String::new(), Err(failure)),
        };
        Box::new(Writing::<L> { place, name, encoder: Some(encoder), bytes: Vec::new(), line: self.line, done })
    }
    fn result(&self) -> ResultType {
        TypeOf::of::<String>()
    }
}

impl<L> Writing<'_, L> {
    /// What is there goes on its way. The first failure stays.
    fn pass_on(&mut self) -> Flow {
        let Some(Ok(encoder)) = &mut self.encoder else { return Flow::Break(()) };
        let written = encoder.write(&self.bytes);
        self.bytes.clear();
        match written {
            Ok(()) => Flow::Continue(()),
            Err(error) => self.fails(format!("{}: {error}", self.name)),
        }
    }

    fn fails(&mut self, why: String) -> Flow {
        self.encoder = Some(Err(Failure::Error(why.into())));
        Flow::Break(())
    }
}

impl<T, L: Line<T>> Push<T> for Writing<'_, L> {
    fn push(&mut self, item: T) -> Flow {
        let begin = self.bytes.len();
        if let Err(why) = L::write(&item, &mut self.bytes) {
            return self.fails(format!("{}: {why}, at {}", self.name, self.place.text()));
        }
        if self.bytes[begin..].contains(&b'\n') {
            return self.fails(format!(
                "{}: an item has a line break in it and would be read as several, at {}; `to_json_lines` writes any text",
                self.name,
                self.place.text()
            ));
        }
        self.bytes.push(b'\n');
        if self.bytes.len() >= AT_ONCE { self.pass_on() } else { Flow::Continue(()) }
    }
    fn end(mut self: Box<Self>) -> std::result::Result<(), Failure> {
        let _ = self.pass_on();
        match self.encoder.take() {
            Some(Ok(encoder)) => encoder.finish().map_err(|error| Failure::Error(error.to_string().into()))?,
            Some(Err(failure)) => return Err(failure),
            None => {}
        }
        self.done.give(Arc::new(self.name));
        Ok(())
    }
}

impl<T: Clone + Send + Sync + 'static> Bag<T> {
    fn written<L: Line<T>>(&self, name: &'static str, path: Location, ending: &str) -> Result<Vec<String>> {
        let names = Names::new(&path, self.npartitions(), ending)?;
        names.folder.resolved()?.make_folder()?;
        let reducer = Made::<dyn Reducer<T>>::by(names, |names| {
            Arc::new(Writer::<L> { names: names.clone(), line: std::marker::PhantomData })
        });
        let want = Want::of::<T, String>(&self.node, name, reducer, None);
        let values = scheduler::run(Graph::lower(&Want::lower(&[&want]).concat()), Scheduler::default())?;
        Ok(values.into_iter().map(taken::<String>).collect())
    }

    /// Writes a file for each partition, with an item in each line, and gives their names. It runs now.
    ///
    /// In a path such as `out/part-*.txt.gz`, `*` stands for the number of the partition; otherwise it is a folder, for
    /// `0.part` and so on. What ends with `.gz` or `.zst` is compressed. A file appears when it is whole. Paths may be
    /// addresses of object stores.
    ///
    /// # Errors
    /// As [`compute`](Bag::compute); when a file cannot be written; when an item has a line break in it.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # std::env::set_current_dir(&folder).unwrap();
    /// let files = Bag::range(6, 2).to_textfiles("out/*.txt.gz")?;
    /// assert_eq!(files, ["out/0.txt.gz", "out/1.txt.gz"]);
    /// assert_eq!(Bag::read_text("out/*.txt.gz")?.compute()?, ["0", "1", "2", "3", "4", "5"]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn to_textfiles(&self, path: impl Into<Location>) -> Result<Vec<String>>
    where
        T: Display,
    {
        self.written::<AsText>("to_textfiles", path.into(), ".part")
    }

    /// Writes a file of JSON lines for each partition, as [`to_textfiles`](Bag::to_textfiles) does; in a folder they are
    /// called `0.json` and so on.
    ///
    /// # Errors
    /// As [`to_textfiles`](Bag::to_textfiles).
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # std::env::set_current_dir(&folder).unwrap();
    /// Bag::from_sequence([("warp", 2), ("weft", 3)], 1).to_json_lines("counts")?;
    /// assert_eq!(Bag::<(String, i64)>::read_json_lines_as("counts/0.json")?.pluck(|pair: (String, i64)| pair.1).compute()?, [2, 3]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn to_json_lines(&self, path: impl Into<Location>) -> Result<Vec<String>>
    where
        T: Serialize,
    {
        self.written::<AsJson>("to_json_lines", path.into(), ".json")
    }
}
