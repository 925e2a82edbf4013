//! Compression and what goes with it: from packed bytes to plain ones and back, never more than was said.

use std::io::Read;

/// What is wrong with packed bytes; the caller knows the file.
pub(crate) type Unpacked = Result<Vec<u8>, String>;

/// Up to so many bytes are asked for before it is known that they come.
const TRUSTED: usize = 64 << 20;

/// Reads all that a decoder gives, when that is at most `most` bytes.
fn all(decoder: impl Read, most: usize, what: &str) -> Unpacked {
    let mut bytes = Vec::with_capacity(most.min(TRUSTED) + 1);
    let read = decoder.take(most as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("{what} cannot unpack it: {error}"))?;
    if bytes.len() > most {
        return Err(format!("{what} unpacks more than the {most} bytes that it should"));
    }
    Ok(bytes)
}

pub(crate) fn unzstd(packed: &[u8], most: usize) -> Unpacked {
    if most <= TRUSTED {
        return zstd::bulk::decompress(packed, most).map_err(|error| format!("zstd cannot unpack it: {error}"));
    }
    let decoder =
        zstd::stream::read::Decoder::new(packed).map_err(|error| format!("zstd cannot unpack it: {error}"))?;
    all(decoder, most, "zstd")
}

/// Fills all of `out`, and nothing is left over.
fn exactly(mut decoder: impl Read, out: &mut [u8], what: &str) -> Result<(), String> {
    let filled = decoder.read_exact(out).and_then(|()| decoder.read(&mut [0]));
    match filled {
        Ok(0) => Ok(()),
        Ok(_) => Err(format!("{what} unpacks more than the {} bytes that it should", out.len())),
        Err(error) => Err(format!("{what} cannot unpack it: {error}")),
    }
}

pub(crate) fn unzstd_into(packed: &[u8], out: &mut [u8]) -> Result<(), String> {
    match zstd::bulk::decompress_to_buffer(packed, out) {
        Ok(len) if len == out.len() => Ok(()),
        Ok(len) => Err(format!("it unpacks to {len} bytes, and the chunk has {}", out.len())),
        Err(error) => Err(format!("zstd cannot unpack it: {error}")),
    }
}

pub(crate) fn ungzip_into(packed: &[u8], out: &mut [u8]) -> Result<(), String> {
    exactly(flate2::read::MultiGzDecoder::new(packed), out, "gzip")
}

pub(crate) fn unzlib_into(packed: &[u8], out: &mut [u8]) -> Result<(), String> {
    exactly(flate2::read::ZlibDecoder::new(packed), out, "zlib")
}

pub(crate) fn zstd(bytes: &[u8], level: i32, checksum: bool) -> std::io::Result<Vec<u8>> {
    let mut compressor = zstd::bulk::Compressor::new(level)?;
    compressor.include_checksum(checksum)?;
    compressor.compress(bytes)
}

pub(crate) fn ungzip(packed: &[u8], most: usize) -> Unpacked {
    all(flate2::read::MultiGzDecoder::new(packed), most, "gzip")
}

pub(crate) fn gzip(bytes: &[u8], level: u32) -> std::io::Result<Vec<u8>> {
    let mut packed = Vec::new();
    flate2::read::GzEncoder::new(bytes, flate2::Compression::new(level.min(9))).read_to_end(&mut packed)?;
    Ok(packed)
}

pub(crate) fn unzlib(packed: &[u8], most: usize) -> Unpacked {
    all(flate2::read::ZlibDecoder::new(packed), most, "zlib")
}

pub(crate) fn zlib(bytes: &[u8], level: u32) -> std::io::Result<Vec<u8>> {
    let mut packed = Vec::new();
    flate2::read::ZlibEncoder::new(bytes, flate2::Compression::new(level.min(9))).read_to_end(&mut packed)?;
    Ok(packed)
}

/// All first bytes of the elements, then all second bytes, …; what is no whole element stays at the end.
pub(crate) fn shuffle(bytes: &[u8], size: usize) -> Vec<u8> {
    let mut shuffled = bytes.to_vec();
    let count = bytes.len() / size.max(1);
    if size > 1 {
        for (at, plane) in shuffled[..count * size].chunks_exact_mut(count.max(1)).enumerate() {
            plane.iter_mut().zip(bytes[at..].iter().step_by(size)).for_each(|(to, from)| *to = *from);
        }
    }
    shuffled
}

/// What [`shuffle`] did, undone.
pub(crate) fn unshuffle(shuffled: &[u8], size: usize, bytes: &mut [u8]) {
    let count = shuffled.len() / size.max(1);
    match size {
        0 | 1 => bytes.copy_from_slice(shuffled),
        2 => planes::<2>(shuffled, count, bytes),
        4 => planes::<4>(shuffled, count, bytes),
        8 => planes::<8>(shuffled, count, bytes),
        _ => {
            for (at, plane) in shuffled[..count * size].chunks_exact(count.max(1)).enumerate() {
                bytes[at..].iter_mut().step_by(size).zip(plane).for_each(|(to, from)| *to = *from);
            }
            bytes[count * size..].copy_from_slice(&shuffled[count * size..]);
        }
    }
}

fn planes<const N: usize>(shuffled: &[u8], count: usize, bytes: &mut [u8]) {
    let planes: [&[u8]; N] = std::array::from_fn(|plane| &shuffled[plane * count..(plane + 1) * count]);
    let (elements, rest) = bytes.as_chunks_mut::<N>();
    for (at, element) in elements.iter_mut().take(count).enumerate() {
        *element = std::array::from_fn(|plane| planes[plane][at]);
    }
    rest.copy_from_slice(&shuffled[count * N..]);
}

/// The checksum that Zarr's `crc32c` is.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    const TABLES: [[u32; 256]; 8] = {
        let mut tables = [[0u32; 256]; 8];
        let mut at = 0;
        while at < 256 {
            let mut value = at as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 1 { value >> 1 ^ 0x82f6_3b78 } else { value >> 1 };
                bit += 1;
            }
            tables[0][at] = value;
            at += 1;
        }
        let mut table = 1;
        while table < 8 {
            let mut at = 0;
            while at < 256 {
                let before = tables[table - 1][at];
                tables[table][at] = before >> 8 ^ tables[0][(before & 255) as usize];
                at += 1;
            }
            table += 1;
        }
        tables
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let mut sum = !0u32;
    for word in words {
        let word = u64::from_le_bytes(*word) ^ u64::from(sum);
        sum = (0..8).fold(0, |sum, byte| sum ^ TABLES[7 - byte][(word >> (8 * byte) & 255) as usize]);
    }
    !rest.iter().fold(sum, |sum, byte| sum >> 8 ^ TABLES[0][((sum ^ u32::from(*byte)) & 255) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn what_is_shuffled_comes_back() {
        let bytes: Vec<u8> = (0..=250).collect();
        for size in [1, 2, 3, 4, 8, 16] {
            let shuffled = shuffle(&bytes, size);
            let mut back = vec![0; bytes.len()];
            unshuffle(&shuffled, size, &mut back);
            assert_eq!(back, bytes, "{size}");
        }
        assert_eq!(shuffle(&[1, 2, 3, 4, 5], 2), [1, 3, 2, 4, 5]);
    }

    #[test]
    fn what_unpacks_to_too_much_is_refused() {
        let zeros = vec![0; 100_000];
        for unpacked in [
            unzstd(&zstd(&zeros, 3, true).unwrap(), 1000),
            ungzip(&gzip(&zeros, 6).unwrap(), 1000),
            unzlib(&zlib(&zeros, 6).unwrap(), 1000),
        ] {
            assert!(unpacked.is_err());
        }
        assert_eq!(unzstd(&zstd(&zeros, 3, false).unwrap(), 100_000).unwrap(), zeros);
    }
}
