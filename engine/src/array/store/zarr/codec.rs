//! How the elements of a chunk become the bytes of its file.

use ndarray::{ArrayView, IxDyn};
use serde_json::{Map, Value as Json, json};

use super::Compression;
use crate::array::element::DType;
use crate::array::store::blosc::{blosc, unblosc, unblosc_into};
use crate::array::store::bytes::{Order, normalised, reorder};
use crate::array::store::pack::{
    Unpacked, crc32c, gzip, shuffle, ungzip, ungzip_into, unshuffle, unzlib, unzlib_into, unzstd, unzstd_into, zlib,
    zstd,
};

/// From bytes to bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Packing {
    Zstd {
        level: i32,
        checksum: bool,
    },
    Gzip {
        level: u32,
    },
    Zlib {
        level: u32,
    },
    /// What is written is packed by zstd, whatever the codec was.
    Blosc {
        level: i32,
    },
    Shuffle {
        size: usize,
    },
    Crc32c,
}

/// All that is done to a chunk.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Codecs {
    /// The axes, in the order in which they are stored.
    pub(super) axes: Option<Vec<usize>>,
    pub(super) order: Order,
    /// In the order in which they are applied.
    pub(super) packings: Vec<Packing>,
}

impl Codecs {
    pub(super) fn plain() -> Codecs {
        Codecs { axes: None, order: Order::Little, packings: Vec::new() }
    }

    pub(super) fn written(compression: Compression) -> Codecs {
        let packings = match compression {
            Compression::None => Vec::new(),
            Compression::Zstd(level) => vec![Packing::Zstd { level, checksum: false }],
            Compression::Gzip(level) => vec![Packing::Gzip { level }],
            Compression::Blosc(level) => vec![Packing::Blosc { level }],
        };
        Codecs { packings, ..Codecs::plain() }
    }

    /// The elements of a chunk of a shape, in row-major order and the memory's own byte order.
    pub(super) fn decode(&self, packed: Vec<u8>, shape: &[usize], dtype: DType) -> Unpacked {
        let len = shape.iter().product::<usize>() * dtype.size();
        let mut bytes = packed;
        for (at, packing) in self.packings.iter().enumerate().rev() {
            // What was applied before may have added something.
            let most = if at == 0 { len } else { len + len / 8 + 4096 };
            bytes = match packing {
                Packing::Zstd { .. } => unzstd(&bytes, most)?,
                Packing::Gzip { .. } => ungzip(&bytes, most)?,
                Packing::Zlib { .. } => unzlib(&bytes, most)?,
                Packing::Blosc { .. } => unblosc(&bytes, most)?,
                Packing::Shuffle { size } => {
                    let mut plain = vec![0; bytes.len()];
                    unshuffle(&bytes, *size, &mut plain);
                    plain
                }
                Packing::Crc32c => {
                    let Some((content, sum)) = bytes.split_last_chunk::<4>() else {
                        return Err("it is too short to have a checksum".into());
                    };
                    if crc32c(content) != u32::from_le_bytes(*sum) {
                        return Err("its checksum is wrong".into());
                    }
                    let content_len = content.len();
                    bytes.truncate(content_len);
                    bytes
                }
            };
        }
        if bytes.len() != len {
            return Err(format!("it unpacks to {} bytes, and the chunk has {len}", bytes.len()));
        }
        if let Some(axes) = &self.axes {
            let stored: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
            let mut back = vec![0; axes.len()];
            axes.iter().enumerate().for_each(|(place, &axis)| back[axis] = place);
            bytes = permuted(&bytes, &stored, &back, dtype.size());
        }
        reorder(&mut bytes, dtype, self.order);
        normalised(&mut bytes, dtype);
        Ok(bytes)
    }

    /// As [`decode`](Self::decode), into room for all of the chunk, without another copy of it where that goes.
    pub(super) fn decode_into(
        &self,
        packed: Vec<u8>,
        shape: &[usize],
        dtype: DType,
        out: &mut [u8],
    ) -> Result<(), String> {
        match &self.packings[..] {
            [Packing::Zstd { .. }] if self.axes.is_none() => unzstd_into(&packed, out)?,
            [Packing::Gzip { .. }] if self.axes.is_none() => ungzip_into(&packed, out)?,
            [Packing::Zlib { .. }] if self.axes.is_none() => unzlib_into(&packed, out)?,
            [Packing::Blosc { .. }] if self.axes.is_none() => unblosc_into(&packed, out)?,
            _ => {
                out.copy_from_slice(&self.decode(packed, shape, dtype)?);
                return Ok(());
            }
        }
        reorder(out, dtype, self.order);
        normalised(out, dtype);
        Ok(())
    }

    pub(super) fn encode(&self, mut bytes: Vec<u8>, shape: &[usize], dtype: DType) -> std::io::Result<Vec<u8>> {
        reorder(&mut bytes, dtype, self.order);
        if let Some(axes) = &self.axes {
            bytes = permuted(&bytes, shape, axes, dtype.size());
        }
        for packing in &self.packings {
            bytes = match packing {
                Packing::Zstd { level, checksum } => zstd(&bytes, *level, *checksum)?,
                Packing::Gzip { level } => gzip(&bytes, *level)?,
                Packing::Zlib { level } => zlib(&bytes, *level)?,
                Packing::Blosc { level } => blosc(&bytes, dtype.size(), *level)?,
                Packing::Shuffle { size } => shuffle(&bytes, *size),
                Packing::Crc32c => {
                    let sum = crc32c(&bytes);
                    bytes.extend(sum.to_le_bytes());
                    bytes
                }
            };
        }
        Ok(bytes)
    }

    /// As the third version lists them.
    pub(super) fn listed(&self, dtype: DType) -> Vec<Json> {
        let mut list = Vec::new();
        if let Some(axes) = &self.axes {
            list.push(json!({"name": "transpose", "configuration": {"order": axes}}));
        }
        list.push(match (dtype.size(), self.order) {
            (1, _) => json!({"name": "bytes"}),
            (_, Order::Little) => json!({"name": "bytes", "configuration": {"endian": "little"}}),
            (_, Order::Big) => json!({"name": "bytes", "configuration": {"endian": "big"}}),
        });
        list.extend(self.packings.iter().map(|packing| match packing {
            Packing::Zstd { level, checksum } => {
                json!({"name": "zstd", "configuration": {"level": level, "checksum": checksum}})
            }
            Packing::Gzip { level } => json!({"name": "gzip", "configuration": {"level": level}}),
            Packing::Zlib { level } => json!({"name": "numcodecs.zlib", "configuration": {"level": level}}),
            Packing::Blosc { level } => json!({"name": "blosc", "configuration": {
                "cname": "zstd", "clevel": level, "shuffle": "shuffle", "typesize": dtype.size(), "blocksize": 0
            }}),
            Packing::Shuffle { size } => json!({"name": "numcodecs.shuffle", "configuration": {"elementsize": size}}),
            Packing::Crc32c => json!({"name": "crc32c"}),
        }));
        list
    }

    /// As the second version writes its one compressor.
    pub(super) fn compressor(&self) -> Json {
        match self.packings.first() {
            Some(Packing::Zstd { level, checksum }) => json!({"id": "zstd", "level": level, "checksum": checksum}),
            Some(Packing::Gzip { level }) => json!({"id": "gzip", "level": level}),
            Some(Packing::Zlib { level }) => json!({"id": "zlib", "level": level}),
            Some(Packing::Blosc { level }) => {
                json!({"id": "blosc", "cname": "zstd", "clevel": level, "shuffle": 1, "blocksize": 0})
            }
            _ => Json::Null,
        }
    }
}

/// One packing by its name in either version.
pub(super) fn packing(name: &str, settings: &Map<String, Json>) -> Result<Packing, String> {
    let number = |key: &str, otherwise: i64| settings.get(key).and_then(Json::as_i64).unwrap_or(otherwise);
    Ok(match name.strip_prefix("numcodecs.").unwrap_or(name) {
        "zstd" => Packing::Zstd {
            level: number("level", 0) as i32,
            checksum: settings.get("checksum").and_then(Json::as_bool).unwrap_or(false),
        },
        "gzip" => Packing::Gzip { level: number("level", 5).clamp(0, 9) as u32 },
        "zlib" => Packing::Zlib { level: number("level", 1).clamp(0, 9) as u32 },
        "blosc" => Packing::Blosc { level: number("clevel", 5) as i32 },
        "shuffle" => Packing::Shuffle { size: number("elementsize", 4).clamp(1, 1 << 16) as usize },
        "crc32c" => Packing::Crc32c,
        other => return Err(format!("the codec `{other}` is not known; zstd, gzip, zlib, blosc, shuffle, crc32c are")),
    })
}

/// The axes in another order, in row-major order again.
fn permuted(bytes: &[u8], shape: &[usize], axes: &[usize], size: usize) -> Vec<u8> {
    fn by<const N: usize>(bytes: &[u8], shape: &[usize], axes: &[usize]) -> Vec<u8> {
        match ArrayView::from_shape(IxDyn(shape), bytes.as_chunks::<N>().0) {
            Ok(view) => view.permuted_axes(IxDyn(axes)).iter().flatten().copied().collect(),
            Err(_) => unreachable!("the length of a chunk is checked before"),
        }
    }
    match size {
        1 => by::<1>(bytes, shape, axes),
        2 => by::<2>(bytes, shape, axes),
        4 => by::<4>(bytes, shape, axes),
        8 => by::<8>(bytes, shape, axes),
        _ => by::<16>(bytes, shape, axes),
    }
}
