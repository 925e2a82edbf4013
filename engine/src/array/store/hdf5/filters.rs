//! What HDF5 does to the bytes of chunks, undone.

use hdf5_pure::Filter;

use crate::array::store::blosc::unblosc;
use crate::array::store::pack::{unshuffle, unzlib, unzlib_into, unzstd};

const DEFLATE: u16 = 1;
const SHUFFLE: u16 = 2;
const FLETCHER32: u16 = 3;
const LZF: u16 = 32_000;
const BLOSC: u16 = 32_001;
const ZSTD: u16 = 32_015;

/// What is known here; anything else is named.
pub(super) fn known(filters: &[Filter]) -> Result<(), String> {
    match filters.iter().find(|filter| !matches!(filter.id, DEFLATE | SHUFFLE | FLETCHER32 | LZF | BLOSC | ZSTD)) {
        None => Ok(()),
        Some(filter) => Err(format!("its chunks went through the filter {filter}, which is not known here")),
    }
}

/// The plain bytes of a chunk, `len` of them.
pub(super) fn decode(filters: &[Filter], mask: u32, packed: Vec<u8>, len: usize) -> Result<Vec<u8>, String> {
    let mut bytes = packed;
    let most = len + len / 8 + 4096;
    for (at, filter) in filters.iter().enumerate().rev() {
        if at < 32 && mask >> at & 1 == 1 {
            continue;
        }
        bytes = match filter.id {
            DEFLATE => unzlib(&bytes, most)?,
            SHUFFLE => {
                let size = filter.client_data.first().map_or(1, |&size| size as usize);
                let mut plain = vec![0; bytes.len()];
                unshuffle(&bytes, size, &mut plain);
                plain
            }
            FLETCHER32 => {
                let Some((content, sum)) = bytes.split_last_chunk::<4>() else {
                    return Err("it is too short to have a checksum".into());
                };
                if fletcher32(content) != u32::from_le_bytes(*sum) {
                    return Err("its checksum is wrong".into());
                }
                let content_len = content.len();
                bytes.truncate(content_len);
                bytes
            }
            LZF => unlzf(&bytes, most)?,
            BLOSC => unblosc(&bytes, most)?,
            _ => unzstd(&bytes, most)?,
        };
    }
    if bytes.len() == len {
        Ok(bytes)
    } else {
        Err(format!("it unpacks to {} bytes, and the chunk has {len}", bytes.len()))
    }
}

/// As [`decode`], into room for all of the chunk, without another copy of it where that goes.
pub(super) fn decode_into(filters: &[Filter], mask: u32, packed: Vec<u8>, out: &mut [u8]) -> Result<(), String> {
    match filters {
        [only] if only.id == DEFLATE && mask & 1 == 0 => unzlib_into(&packed, out),
        [first, rest @ ..] if first.id == SHUFFLE && mask & 1 == 0 => {
            let size = first.client_data.first().map_or(1, |&size| size as usize);
            unshuffle(&decode(rest, mask >> 1, packed, out.len())?, size, out);
            Ok(())
        }
        _ => {
            out.copy_from_slice(&decode(filters, mask, packed, out.len())?);
            Ok(())
        }
    }
}

/// Fletcher's checksum of 16-bit words with the high byte first.
pub(super) fn fletcher32(bytes: &[u8]) -> u32 {
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let (mut first, mut second) = (0u32, 0u32);
    // So many words can be added before a sum overflows.
    for words in bytes.chunks(720) {
        for word in words.chunks(2) {
            first += u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or(0));
            second += first;
        }
        (first, second) = (fold(first), fold(second));
    }
    fold(second) << 16 | fold(first)
}

fn unlzf(packed: &[u8], most: usize) -> Result<Vec<u8>, String> {
    const CUT: &str = "the LZF bytes are cut off";
    let mut out = Vec::with_capacity(most.min(1 << 20));
    let mut at = 0;
    while let Some(&control) = packed.get(at) {
        at += 1;
        let control = control as usize;
        if control < 32 {
            let literal = packed.get(at..at + control + 1).ok_or(CUT)?;
            out.extend_from_slice(literal);
            at += control + 1;
        } else {
            let mut len = control >> 5;
            if len == 7 {
                len += *packed.get(at).ok_or(CUT)? as usize;
                at += 1;
            }
            let distance = ((control & 31) << 8) + *packed.get(at).ok_or(CUT)? as usize + 1;
            at += 1;
            let from = out.len().checked_sub(distance).ok_or("the LZF bytes point outside of what they unpack to")?;
            for place in from..from + len + 2 {
                out.push(out[place]);
            }
        }
        if out.len() > most {
            return Err(format!("LZF unpacks more than the {most} bytes that it should"));
        }
    }
    Ok(out)
}
