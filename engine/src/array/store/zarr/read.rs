//! Chunks that a region needs, read and unpacked.

use std::io::ErrorKind;
use std::path::Path;

use super::meta::{Meta, Shards};
use crate::array::element::DType;
use crate::array::store::error::{StoreError, Stored};
use crate::array::store::file::Input;
use crate::array::store::path::{StorePath, read_each};
use crate::array::store::region::{Meeting, Span, Step, meeting, places};
use crate::array::store::source::Source;

pub(super) struct ZarrSource {
    folder: StorePath,
    meta: Meta,
}

impl ZarrSource {
    pub(super) fn new(folder: StorePath, meta: Meta) -> ZarrSource {
        ZarrSource { folder, meta }
    }

    /// The file of a chunk or shard.
    fn file(&self, place: &[usize]) -> StorePath {
        self.folder.join(&self.meta.keys.key(place))
    }

    /// Unpacks a chunk into the region, or puts the fill value where it was never written.
    fn put(&self, chunk: &Chunk, packed: Option<Vec<u8>>, out: &mut [u8], shape: &[usize], path: &Path) -> Stored<()> {
        let (meta, part) = (&self.meta, &chunk.part);
        let Some(packed) = packed else {
            part.fill(&meta.fill, out, shape);
            return Ok(());
        };
        let unpacked = match part.lens == meta.chunks && shape == meta.chunks {
            true => meta.codecs.decode_into(packed, &meta.chunks, meta.dtype, out),
            false => meta
                .codecs
                .decode(packed, &meta.chunks, meta.dtype)
                .map(|plain| part.take(meta.dtype.size(), &plain, &meta.chunks, out, shape)),
        };
        unpacked.map_err(|what| StoreError::damaged(path, what))
    }

    /// Chunks that are files of their own.
    fn read_files(&self, chunks: &[Chunk], out: &mut [u8], shape: &[usize]) -> Stored<()> {
        let paths: Vec<StorePath> = chunks.iter().map(|chunk| self.file(&chunk.place)).collect();
        read_each(&paths, out.len(), |number, packed| {
            self.put(&chunks[number], packed?, out, shape, paths[number].as_path())
        })
    }

    /// Chunks that are parts of files.
    fn read_shards(&self, shards: &Shards, chunks: Vec<Chunk>, out: &mut [u8], shape: &[usize]) -> Stored<()> {
        let meta = &self.meta;
        let per: Vec<usize> = meta.files.iter().zip(&meta.chunks).map(|(file, chunk)| file / chunk).collect();
        let mut by_shard: Vec<(Vec<usize>, Vec<Chunk>)> = Vec::new();
        for chunk in chunks {
            let of: Vec<usize> = chunk.place.iter().zip(&per).map(|(at, per)| at / per).collect();
            match by_shard.iter_mut().rev().find(|(shard, _)| *shard == of) {
                Some((_, chunks)) => chunks.push(chunk),
                None => by_shard.push((of, vec![chunk])),
            }
        }
        for (of, chunks) in by_shard {
            let Some((input, index)) = opened(self.file(&of), per.iter().product(), shards)? else {
                chunks.iter().try_for_each(|chunk| self.put(chunk, None, out, shape, self.folder.as_path()))?;
                continue;
            };
            let mut there = Vec::new();
            for chunk in &chunks {
                let number = chunk.place.iter().zip(&per).fold(0, |number, (at, per)| number * per + at % per);
                match index[number] {
                    (u64::MAX, u64::MAX) => self.put(chunk, None, out, shape, input.path())?,
                    found => there.push((found, chunk)),
                }
            }
            let parts: Vec<(u64, u64)> = there.iter().map(|(part, _)| *part).collect();
            input.read_parts(&parts, out.len(), |number, packed| {
                self.put(there[number].1, Some(packed), out, shape, input.path())
            })?;
        }
        Ok(())
    }
}

/// A chunk that a region meets.
struct Chunk {
    /// In the grid of chunks.
    place: Vec<usize>,
    part: Meeting,
}

/// A file of several chunks, and where each begins, and its length.
type Shard = (Input, Vec<(u64, u64)>);

/// The shard of a file; nothing where it was never written.
fn opened(path: StorePath, count: usize, shards: &Shards) -> Stored<Option<Shard>> {
    let input = match Input::open(&path) {
        Ok(input) => input,
        Err(StoreError::Io { kind: ErrorKind::NotFound, .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let wrong = |what: String| StoreError::damaged(path.as_path(), format!("the index of the shard: {what}"));
    let len = count.checked_mul(16).and_then(|len| len.checked_add(4 * shards.index.packings.len()));
    let len = len.filter(|&len| len as u64 <= input.len());
    let len = len.ok_or_else(|| wrong("the file is too short for it".into()))?;
    let at = if shards.first { 0 } else { input.len() - len as u64 };
    let bytes = shards.index.decode(input.bytes(at, len)?, &[count * 2], DType::U64).map_err(wrong)?;
    let words: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_ne_bytes(*word)).collect();
    let index = words.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    Ok(Some((input, index)))
}

impl Source for ZarrSource {
    fn name(&self) -> &'static str {
        "read_zarr"
    }
    fn path(&self) -> &Path {
        self.folder.as_path()
    }
    fn dtype(&self) -> DType {
        self.meta.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.meta.shape
    }
    fn chunks(&self) -> Option<&[usize]> {
        Some(&self.meta.chunks)
    }
    fn read(&self, region: &[Span], out: &mut [u8]) -> Stored<()> {
        let shape: Vec<usize> = region.iter().map(|span| span.len).collect();
        let mut chunks = Vec::new();
        places(&meeting(region, &self.meta.chunks), |place| {
            let part = Meeting::of(region, &self.meta.chunks, place);
            chunks.extend(part.map(|part| Chunk { place: place.to_vec(), part }));
            Step::On
        });
        match &self.meta.shards {
            Some(shards) => self.read_shards(shards, chunks, out, &shape),
            None => self.read_files(&chunks, out, &shape),
        }
    }
}
