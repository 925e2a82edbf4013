//! Blosc's first format: blocks that are shuffled and then compressed by another library.
//!
//! Read with all its codecs but Snappy; written with zstd after a shuffle of bytes.

use crate::array::store::pack::{Unpacked, shuffle, unshuffle, unzlib, unzstd, zstd};

const HEADER: usize = 16;
/// Blosc splits blocks into streams of one byte of each element, unless these say that it is not worth it.
const MOST_STREAMS: usize = 16;
const LEAST_STREAM: usize = 128;
/// What is shuffled and compressed at once; it fits into a core's cache.
const BLOCK: usize = 256 << 10;

const SHUFFLED: u8 = 1;
const PLAIN: u8 = 2;
const BITS_SHUFFLED: u8 = 4;
const NOT_SPLIT: u8 = 16;

fn word(bytes: &[u8], at: usize) -> Result<usize, String> {
    let word = bytes.get(at..at.saturating_add(4)).ok_or("the Blosc chunk is cut off")?;
    Ok(u32::from_le_bytes([word[0], word[1], word[2], word[3]]) as usize)
}

pub(crate) fn unblosc(packed: &[u8], most: usize) -> Unpacked {
    let len = word(packed, 4)?;
    if len > most {
        return Err(format!("Blosc unpacks {len} bytes, and no more than {most} were expected"));
    }
    let mut bytes = vec![0; len];
    unblosc_into(packed, &mut bytes)?;
    Ok(bytes)
}

/// Unpacks as many bytes as there is room for.
pub(crate) fn unblosc_into(packed: &[u8], bytes: &mut [u8]) -> Result<(), String> {
    if packed.len() < HEADER {
        return Err("the Blosc chunk is cut off".into());
    }
    let (version, flags, size) = (packed[0], packed[2], packed[3] as usize);
    if version != 2 {
        return Err(format!("it is a Blosc chunk of version {version}, and 2 is known"));
    }
    let (len, block_len) = (word(packed, 4)?, word(packed, 8)?);
    if len != bytes.len() {
        return Err(format!("Blosc unpacks {len} bytes, and {} were expected", bytes.len()));
    }
    if flags & PLAIN != 0 {
        bytes.copy_from_slice(packed.get(HEADER..HEADER + len).ok_or("the Blosc chunk is cut off")?);
        return Ok(());
    }
    if len == 0 {
        return Ok(());
    }
    if block_len == 0 || block_len > len.max(1 << 30) || size == 0 {
        return Err("the header of the Blosc chunk is wrong".into());
    }
    let mut block = Vec::new();
    for (number, bytes) in bytes.chunks_mut(block_len).enumerate() {
        let wanted = bytes.len();
        let mut at = word(packed, HEADER + 4 * number)?;
        let split =
            flags & NOT_SPLIT == 0 && size <= MOST_STREAMS && block_len / size >= LEAST_STREAM && wanted == block_len;
        let streams = if split { size } else { 1 };
        let stream_len = wanted / streams;
        block.clear();
        for _ in 0..streams {
            let packed_len = word(packed, at)?;
            at += 4;
            let stream = packed.get(at..at.saturating_add(packed_len)).ok_or("the Blosc chunk is cut off")?;
            at += packed_len;
            if packed_len == stream_len {
                block.extend_from_slice(stream);
                continue;
            }
            let before = block.len();
            match flags >> 5 {
                0 => unblosclz(stream, stream_len, &mut block)?,
                1 => unlz4(stream, stream_len, &mut block)?,
                3 => block.extend(unzlib(stream, stream_len)?),
                4 => block.extend(unzstd(stream, stream_len)?),
                2 => return Err("it is packed by Snappy inside Blosc, which is not read here".into()),
                other => return Err(format!("it is packed by Blosc's codec {other}, which nobody knows")),
            }
            if block.len() - before != stream_len {
                return Err("a Blosc block unpacks to another length than it should".into());
            }
        }
        if block.len() != wanted {
            return Err("a Blosc block is not made of whole elements".into());
        }
        if flags & SHUFFLED != 0 && size > 1 {
            unshuffle(&block, size, bytes);
        } else if flags & BITS_SHUFFLED != 0 && (wanted / size).is_multiple_of(8) {
            unshuffle_bits(&block, size, bytes);
        } else {
            bytes.copy_from_slice(&block);
        }
    }
    Ok(())
}

/// Bit planes, from the lowest bit of the first bytes on, back to elements.
fn unshuffle_bits(shuffled: &[u8], size: usize, bytes: &mut [u8]) {
    let count = shuffled.len() / size;
    let row = count / 8;
    bytes.fill(0);
    for (plane, bits) in shuffled[..count * size].chunks_exact(row.max(1)).enumerate() {
        let (byte, bit) = (plane / 8, plane % 8);
        for (at, eight) in bits.iter().enumerate() {
            for element in 0..8 {
                bytes[(at * 8 + element) * size + byte] |= (eight >> element & 1) << bit;
            }
        }
    }
    bytes[count * size..].copy_from_slice(&shuffled[count * size..]);
}

/// Copies `len` bytes from `distance` before the end of `out`; they may overlap what is being written.
fn repeat(out: &mut Vec<u8>, begin: usize, distance: usize, len: usize, most: usize) -> Result<(), String> {
    let written = out.len() - begin;
    if distance == 0 || distance > written || len > most - written {
        return Err("the packed bytes point outside of what they unpack to".into());
    }
    let from = out.len() - distance;
    if distance >= len {
        out.extend_from_within(from..from + len);
    } else {
        for at in 0..len {
            out.push(out[from + at]);
        }
    }
    Ok(())
}

/// The bytes that come next, and the place after them.
fn literal<'a>(packed: &'a [u8], at: &mut usize, len: usize, room: usize) -> Result<&'a [u8], String> {
    let literal = packed.get(*at..at.saturating_add(len)).filter(|_| len <= room);
    *at += len;
    literal.ok_or_else(|| "the packed bytes are cut off".into())
}

/// One block of LZ4.
fn unlz4(packed: &[u8], len: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let begin = out.len();
    let mut at = 0;
    let next = |at: &mut usize| {
        let byte = packed.get(*at).copied().ok_or("the packed bytes are cut off");
        *at += 1;
        byte
    };
    // A length that does not fit into four bits goes on in bytes.
    let longer = |at: &mut usize, short: u8| -> Result<usize, String> {
        let mut len = short as usize;
        if short == 15 {
            loop {
                let more = next(at)?;
                len += more as usize;
                if more < 255 {
                    break;
                }
            }
        }
        Ok(len)
    };
    while at < packed.len() {
        let token = next(&mut at)?;
        let literals = longer(&mut at, token >> 4)?;
        out.extend_from_slice(literal(packed, &mut at, literals, len - (out.len() - begin))?);
        if at == packed.len() {
            break;
        }
        let distance = next(&mut at)? as usize | (next(&mut at)? as usize) << 8;
        let matched = longer(&mut at, token & 15)? + 4;
        repeat(out, begin, distance, matched, len)?;
    }
    Ok(())
}

/// One block of BloscLZ, a relative of FastLZ.
fn unblosclz(packed: &[u8], len: usize, out: &mut Vec<u8>) -> Result<(), String> {
    const FARTHEST: usize = 8191;
    let begin = out.len();
    let mut at = 0;
    let next = |at: &mut usize| {
        let byte = packed.get(*at).copied().ok_or("the packed bytes are cut off");
        *at += 1;
        byte
    };
    let mut control = next(&mut at)? & 31;
    loop {
        if control >= 32 {
            let mut matched = (control >> 5) as usize - 1;
            let high = (control & 31) as usize;
            if matched == 6 {
                loop {
                    let more = next(&mut at)?;
                    matched += more as usize;
                    if more < 255 {
                        break;
                    }
                }
            }
            let low = next(&mut at)? as usize;
            let mut distance = (high << 8) + low + 1;
            if low == 255 && high == 31 {
                distance = ((next(&mut at)? as usize) << 8) + next(&mut at)? as usize + FARTHEST + 1;
            }
            repeat(out, begin, distance, matched + 3, len)?;
        } else {
            let room = len - (out.len() - begin);
            out.extend_from_slice(literal(packed, &mut at, control as usize + 1, room)?);
        }
        if at >= packed.len() {
            return Ok(());
        }
        control = next(&mut at)?;
    }
}

/// Packs by zstd, after a shuffle of the bytes of elements of this size.
pub(crate) fn blosc(bytes: &[u8], size: usize, level: i32) -> std::io::Result<Vec<u8>> {
    let size = size.clamp(1, 255);
    let block_len = (BLOCK / size * size).min(bytes.len()).max(1);
    let blocks = bytes.len().div_ceil(block_len);
    let flags = if size > 1 { SHUFFLED } else { 0 };
    let mut packed = vec![2, 1, flags | NOT_SPLIT | 4 << 5, size as u8];
    packed.extend((bytes.len() as u32).to_le_bytes());
    packed.extend((block_len as u32).to_le_bytes());
    packed.resize(HEADER + 4 * blocks, 0);
    for (number, block) in bytes.chunks(block_len).enumerate() {
        let begin = (packed.len() as u32).to_le_bytes();
        packed[HEADER + 4 * number..HEADER + 4 * number + 4].copy_from_slice(&begin);
        let shuffled = shuffle(block, size);
        let stream = zstd(&shuffled, level, false)?;
        // A stream that has the block's length is one that is not compressed.
        let stream = if stream.len() < block.len() { &stream } else { &shuffled };
        packed.extend((stream.len() as u32).to_le_bytes());
        packed.extend_from_slice(stream);
    }
    if packed.len() >= bytes.len() + HEADER {
        packed.truncate(HEADER);
        packed[2] |= PLAIN;
        packed.extend_from_slice(bytes);
    }
    let len = (packed.len() as u32).to_le_bytes();
    packed[12..16].copy_from_slice(&len);
    Ok(packed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back() {
        let smooth: Vec<u8> = (0..300_000u32).flat_map(|at| (at / 3).to_le_bytes()).collect();
        let noise: Vec<u8> = (0..5000u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u8).collect();
        for (bytes, size) in [(&smooth, 4), (&smooth, 1), (&noise, 8), (&noise, 3), (&Vec::new(), 4)] {
            let packed = blosc(bytes, size, 3).unwrap();
            assert_eq!(&unblosc(&packed, bytes.len()).unwrap(), bytes);
        }
        assert!(blosc(&smooth, 4, 3).unwrap().len() < smooth.len() / 10);
    }

    #[test]
    fn lz4_blocks_are_read() {
        let mut out = Vec::new();
        // "abc" literally, then 9 bytes from 3 before.
        unlz4(&[0x35, b'a', b'b', b'c', 3, 0, 0x00], 12, &mut out).unwrap();
        assert_eq!(out, b"abcabcabcabc");
        assert!(unlz4(&[0x35, b'a', b'b', b'c', 4, 0], 12, &mut Vec::new()).is_err());
        assert!(unlz4(&[0xf0, 255], 12, &mut Vec::new()).is_err());
    }
}
