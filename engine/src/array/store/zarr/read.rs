//! Chunks that a region needs, read and unpacked.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::meta::{Meta, Shards};
use crate::array::element::DType;
use crate::array::store::error::{StoreError, Stored};
use crate::array::store::file::{Input, whole};
use crate::array::store::region::{Meeting, Span, Step, meeting, places};
use crate::array::store::source::Source;

pub(super) struct ZarrSource {
    folder: PathBuf,
    meta: Meta,
}

impl ZarrSource {
    pub(super) fn new(folder: PathBuf, meta: Meta) -> ZarrSource {
        ZarrSource { folder, meta }
    }

    /// The file of a chunk or shard.
    fn file(&self, place: &[usize]) -> PathBuf {
        self.folder.join(self.meta.keys.key(place))
    }

    /// The chunk at a place of the grid of chunks, as it is stored, and its file; nothing where it was never written.
    fn packed(&self, place: &[usize], shard: &mut Option<Shard>) -> Stored<Option<(Vec<u8>, PathBuf)>> {
        let Some(shards) = &self.meta.shards else {
            let path = self.file(place);
            return Ok(whole(&path)?.map(|packed| (packed, path)));
        };
        let per: Vec<usize> = self.meta.files.iter().zip(&self.meta.chunks).map(|(file, chunk)| file / chunk).collect();
        let of: Vec<usize> = place.iter().zip(&per).map(|(at, per)| at / per).collect();
        if shard.as_ref().is_none_or(|shard| shard.place != of) {
            *shard = Some(Shard::open(self.file(&of), of, per.iter().product(), shards)?);
        }
        let Some(Shard { input: Some(input), index, .. }) = shard else { return Ok(None) };
        let number = place.iter().zip(&per).fold(0, |number, (at, per)| number * per + at % per);
        let (offset, len) = index[number];
        if offset == u64::MAX && len == u64::MAX {
            return Ok(None);
        }
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        Ok(Some((input.bytes(offset, len)?, input.path().to_owned())))
    }
}

/// A file of several chunks.
struct Shard {
    place: Vec<usize>,
    /// Nothing where it was never written.
    input: Option<Input>,
    /// Where each chunk begins, and its length.
    index: Vec<(u64, u64)>,
}

impl Shard {
    fn open(path: PathBuf, place: Vec<usize>, count: usize, shards: &Shards) -> Stored<Shard> {
        let input = match Input::open(&path) {
            Ok(input) => input,
            Err(StoreError::Io { kind: ErrorKind::NotFound, .. }) => {
                return Ok(Shard { place, input: None, index: Vec::new() });
            }
            Err(error) => return Err(error),
        };
        let wrong = |what: String| StoreError::damaged(&path, format!("the index of the shard: {what}"));
        let len = count.checked_mul(16).and_then(|len| len.checked_add(4 * shards.index.packings.len()));
        let len = len.filter(|&len| len as u64 <= input.len());
        let len = len.ok_or_else(|| wrong("the file is too short for it".into()))?;
        let at = if shards.first { 0 } else { input.len() - len as u64 };
        let bytes = shards.index.decode(input.bytes(at, len)?, &[count * 2], DType::U64).map_err(wrong)?;
        let words: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_ne_bytes(*word)).collect();
        let index = words.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        Ok(Shard { place, input: Some(input), index })
    }
}

impl Source for ZarrSource {
    fn name(&self) -> &'static str {
        "read_zarr"
    }
    fn path(&self) -> &Path {
        &self.folder
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
        let meta = &self.meta;
        let size = meta.dtype.size();
        let shape: Vec<usize> = region.iter().map(|span| span.len).collect();
        let mut result = Ok(());
        let mut shard = None;
        places(&meeting(region, &meta.chunks), |place| {
            let Some(part) = Meeting::of(region, &meta.chunks, place) else { return Step::On };
            result = self.packed(place, &mut shard).and_then(|packed| {
                let Some((packed, path)) = packed else {
                    part.fill(&meta.fill, out, &shape);
                    return Ok(());
                };
                let unpacked = match part.lens == meta.chunks && shape == meta.chunks {
                    true => meta.codecs.decode_into(packed, &meta.chunks, meta.dtype, out),
                    false => meta
                        .codecs
                        .decode(packed, &meta.chunks, meta.dtype)
                        .map(|chunk| part.take(size, &chunk, &meta.chunks, out, &shape)),
                };
                unpacked.map_err(|what| StoreError::damaged(&path, what))
            });
            if result.is_ok() { Step::On } else { Step::Stop }
        });
        result
    }
}
