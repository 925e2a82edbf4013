//! NumPy's archives: ZIP files of `.npy` files.
//!
//! `savez` stores them as they are, so any part can be read where it lies. What `savez_compressed` wrote has to be unpacked
//! as a whole: that happens once, when the first block is asked for, and is kept in memory.

use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::bytes::reorder;
use super::error::{StoreError, Stored};
use super::file::Input;
use super::location::Location;
use super::npy::{Header, open_at};
use super::raw::bytes_of_shape;
use super::region::{Part, Span, copy};
use super::source::{Source, opened, opened_reversed};
use crate::array::Array;
use crate::array::chunks::Chunking;
use crate::array::element::{DType, Element};
use crate::error::Result;
use crate::task::packed;

/// A file in the archive.
#[derive(Clone)]
struct Entry {
    name: String,
    compression: u16,
    crc: u32,
    compressed: u64,
    size: u64,
    local: u64,
}

packed!(Entry { name, compression, crc, compressed, size, local });

fn le16(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 2).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]).into())
}

fn le32(bytes: &[u8], at: usize) -> u64 {
    le16(bytes, at) | le16(bytes, at + 2) << 16
}

fn le64(bytes: &[u8], at: usize) -> u64 {
    le32(bytes, at) | le32(bytes, at + 4) << 32
}

/// The files of an archive, from the directory at its end.
fn entries(input: &Input) -> Stored<Vec<Entry>> {
    let wrong = |what: &str| StoreError::damaged(input.path(), format!("as a ZIP file, {what}"));
    let tail_len = input.len().min(65_557 + 20);
    let tail_at = input.len() - tail_len;
    let tail = input.bytes(tail_at, tail_len as usize)?;
    let end =
        tail.windows(4).rposition(|window| window == b"PK\x05\x06").ok_or_else(|| wrong("it has no directory"))?;
    let (mut count, mut size, mut start) = (le16(&tail, end + 10), le32(&tail, end + 12), le32(&tail, end + 16));
    if count == 0xffff || size == 0xffff_ffff || start == 0xffff_ffff {
        // The 64-bit form: a locator before the end tells where its record is.
        let locator = end.checked_sub(20).filter(|&at| tail[at..].starts_with(b"PK\x06\x07"));
        let record = le64(&tail, locator.ok_or_else(|| wrong("its 64-bit directory is not found"))? + 8);
        let record = input.bytes(record, 56)?;
        (count, size, start) = (le64(&record, 32), le64(&record, 40), le64(&record, 48));
    }
    let size = usize::try_from(size).map_err(|_| wrong("its directory is too large"))?;
    let directory = input.bytes(start, size)?;
    let mut entries = Vec::new();
    let mut at = 0;
    for _ in 0..count {
        let here = directory.get(at..).filter(|here| here.len() >= 46 && here.starts_with(b"PK\x01\x02"));
        let here = here.ok_or_else(|| wrong("its directory is cut off"))?;
        let (name_len, extra_len) = (le16(here, 28) as usize, le16(here, 30) as usize);
        let name = here.get(46..46 + name_len).ok_or_else(|| wrong("a name in its directory is cut off"))?;
        let mut entry = Entry {
            name: String::from_utf8_lossy(name).into_owned(),
            compression: le16(here, 10) as u16,
            crc: le32(here, 16) as u32,
            compressed: le32(here, 20),
            size: le32(here, 24),
            local: le32(here, 42),
        };
        let mut extra = here.get(46 + name_len..46 + name_len + extra_len).unwrap_or(&[]);
        while extra.len() >= 4 {
            let (tag, len) = (le16(extra, 0), le16(extra, 2) as usize);
            let mut field = extra.get(4..4 + len).unwrap_or(&[]);
            if tag == 1 {
                for place in [&mut entry.size, &mut entry.compressed, &mut entry.local] {
                    if *place == 0xffff_ffff && field.len() >= 8 {
                        *place = le64(field, 0);
                        field = &field[8..];
                    }
                }
            }
            extra = extra.get(4 + len..).unwrap_or(&[]);
        }
        entries.push(entry);
        at += 46 + name_len + extra_len + le16(here, 32) as usize;
    }
    Ok(entries)
}

/// A `.npy` file that is compressed inside an archive.
struct Packed {
    input: Input,
    begin: u64,
    entry: Entry,
    header: Header,
    shape: Vec<usize>,
    unpacked: OnceLock<Stored<Vec<u8>>>,
}

impl Packed {
    fn elements(&self) -> Stored<&[u8]> {
        let unpacked = self.unpacked.get_or_init(|| {
            let bytes = inflated(&self.input, self.begin, &self.entry, None)?;
            if crc32fast::hash(&bytes) != self.entry.crc || bytes.len() as u64 != self.entry.size {
                let what = format!("the checksum of `{}` is wrong", self.entry.name);
                return Err(StoreError::damaged(self.input.path(), what));
            }
            Ok(bytes)
        });
        unpacked.as_ref().map(|bytes| &bytes[self.header.len..]).map_err(Clone::clone)
    }
}

/// Unpacks an entry, or so many bytes of its beginning.
fn inflated(input: &Input, begin: u64, entry: &Entry, most: Option<u64>) -> Stored<Vec<u8>> {
    struct At<'a> {
        input: &'a Input,
        at: u64,
        end: u64,
    }
    impl Read for At<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let len = (out.len() as u64).min(self.end - self.at) as usize;
            self.input.read_at(self.at, &mut out[..len]).map_err(std::io::Error::other)?;
            self.at += len as u64;
            Ok(len)
        }
    }
    let end = begin.saturating_add(entry.compressed).min(input.len());
    let packed = At { input, at: begin.min(end), end };
    let mut bytes = Vec::new();
    // Each reading of an object is a request.
    let at_once = if input.is_remote() { 4 << 20 } else { 32 << 10 };
    let packed = BufReader::with_capacity(at_once.min(entry.compressed as usize).max(1), packed);
    let read = flate2::bufread::DeflateDecoder::new(packed).take(most.unwrap_or(entry.size)).read_to_end(&mut bytes);
    read.map_err(|error| StoreError::damaged(input.path(), format!("`{}` cannot be unpacked: {error}", entry.name)))?;
    Ok(bytes)
}

impl Source for Packed {
    fn name(&self) -> &'static str {
        "read_npz"
    }
    fn path(&self) -> &Path {
        self.input.path()
    }
    fn dtype(&self) -> DType {
        self.header.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn chunks(&self) -> Option<&[usize]> {
        None
    }
    fn read(&self, region: &[Span], out: &mut [u8]) -> Stored<()> {
        let bytes = self.elements()?;
        let start: Vec<usize> = region.iter().map(|span| span.start).collect();
        let step: Vec<usize> = region.iter().map(|span| span.step).collect();
        let lens: Vec<usize> = region.iter().map(|span| span.len).collect();
        let source = Part { shape: &self.shape, start: &start, step: Some(&step) };
        let target = Part { shape: &lens, start: &vec![0; lens.len()], step: None };
        copy(self.header.dtype.size(), &lens, bytes, &source, out, &target);
        reorder(out, self.header.dtype, self.header.order);
        Ok(())
    }
}

impl<T: Element> Array<T> {
    /// The array of a name in a `.npz` file, as NumPy's `savez` and `savez_compressed` write it.
    ///
    /// What was saved without compression is read where it lies, only what a block needs. A compressed array is unpacked as
    /// a whole when its first block is computed, and stays in memory while the array is there.
    ///
    /// # Errors
    /// When the file cannot be opened or is damaged, has no array of that name, holds elements of another type than `T`, or
    /// the chunks do not fit to its shape.
    pub fn open_npz(path: impl Into<Location>, name: &str, chunks: impl Into<Chunking>) -> Result<Array<T>> {
        let input = Input::open(&path.into().resolved()?)?;
        let mut entries = entries(&input)?;
        let found = entries.iter().position(|entry| entry.name.strip_suffix(".npy").unwrap_or(&entry.name) == name);
        let Some(found) = found else {
            let there: Vec<String> =
                entries.iter().map(|entry| entry.name.strip_suffix(".npy").unwrap_or(&entry.name).to_owned()).collect();
            return Err(StoreError::no_such_array(input.path(), name, &there).into());
        };
        let entry = entries.swap_remove(found);
        let local = input.bytes(entry.local, 30)?;
        if !local.starts_with(b"PK\x03\x04") {
            return Err(StoreError::damaged(input.path(), format!("`{name}` is not where its directory says")).into());
        }
        let begin = entry.local + 30 + le16(&local, 26) + le16(&local, 28);
        match entry.compression {
            0 => open_at("open_npz", input, begin, begin.saturating_add(entry.size), chunks.into()),
            8 => {
                let start = inflated(&input, begin, &entry, Some(1 << 17))?;
                let header = Header::read(input.path(), |at, len| {
                    let part = start.get(at as usize..(at as usize).saturating_add(len));
                    part.map(<[u8]>::to_vec)
                        .ok_or_else(|| StoreError::damaged(input.path(), format!("`{name}` ends inside its header")))
                })?;
                let mut shape = header.shape.clone();
                let column_major = header.column_major;
                if column_major {
                    shape.reverse();
                }
                let bytes = bytes_of_shape(&shape, header.dtype);
                // Deflate packs a thousand to one at the most, so a size beyond that is no size.
                let plausible = entry.size / 1100 <= entry.compressed;
                if !plausible || bytes.and_then(|bytes| bytes.checked_add(header.len as u64)) != Some(entry.size) {
                    let what = format!("the length of `{name}` is not that of its shape");
                    return Err(StoreError::damaged(input.path(), what).into());
                }
                let parameters = (begin, entry.clone(), header.clone(), shape.clone());
                let path = input.place().clone();
                let packed = Packed { input, begin, entry, header, shape, unpacked: OnceLock::new() };
                let source = super::source::found(packed, &path, parameters, |path, parameters| {
                    let (begin, entry, header, shape) = parameters.clone();
                    let input = Input::open(path)?;
                    Ok(Arc::new(Packed { input, begin, entry, header, shape, unpacked: OnceLock::new() }))
                })?;
                match column_major {
                    false => opened("open_npz", path.as_path(), source, chunks.into()),
                    true => opened_reversed("open_npz", path.as_path(), source, chunks.into()),
                }
            }
            other => {
                let what = format!("`{name}` is compressed by method {other}, and only deflate is known");
                Err(StoreError::unsupported(input.path(), what).into())
            }
        }
    }
}
