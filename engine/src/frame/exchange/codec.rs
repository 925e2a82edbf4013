//! Pieces as bytes, for another process.

use std::io::Cursor;
use std::sync::Once;

use polars::prelude::*;

use super::budget::Budget;
use super::pieces::{Pieces, nbytes};
use crate::nbytes::register_nbytes;
use crate::travel::{Codec, register_codec};

/// Makes pieces known to the tables of codecs and of sizes.
pub(crate) fn know_pieces() {
    static KNOWN: Once = Once::new();
    KNOWN.call_once(|| {
        register_nbytes::<Pieces>(Pieces::nbytes);
        register_codec(Codec::with::<Pieces, _, _>(
            |pieces| write(pieces).map_err(|error| error.to_string()),
            |bytes| read(bytes).map_err(|error| error.to_string()),
        ));
    });
}

/// The number of pieces, whether there is a sample, and each as its length and as Arrow IPC; the columns come first, as a
/// piece without rows.
fn write(pieces: &Pieces) -> PolarsResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut add = |frame: DataFrame| -> PolarsResult<()> {
        let start = bytes.len();
        bytes.extend([0; 8]);
        IpcWriter::new(&mut bytes)
            .with_compression(Some(IpcCompression::LZ4))
            .with_parallel(false)
            .finish(&mut frame.clone())?;
        let len = (bytes.len() - start - 8) as u64;
        bytes[start..start + 8].copy_from_slice(&len.to_le_bytes());
        Ok(())
    };
    add(pieces.empty().clone())?;
    (0..pieces.len()).try_for_each(|k| add(pieces.take(k)?))?;
    let sample = pieces.sample().cloned();
    let header = [pieces.len() as u64, u64::from(sample.is_some())];
    sample.map_or(Ok(()), add)?;
    let mut all: Vec<u8> = header.into_iter().flat_map(u64::to_le_bytes).collect();
    all.append(&mut bytes);
    Ok(all)
}

fn read(mut bytes: &[u8]) -> PolarsResult<Pieces> {
    let number = |bytes: &mut &[u8]| -> PolarsResult<usize> {
        let (first, rest) = bytes.split_first_chunk::<8>().ok_or_else(too_short)?;
        *bytes = rest;
        Ok(u64::from_le_bytes(*first) as usize)
    };
    let (count, has_sample) = (number(&mut bytes)?, number(&mut bytes)? != 0);
    let mut next = || -> PolarsResult<DataFrame> {
        let len = number(&mut bytes)?;
        let (frame, rest) = bytes.split_at_checked(len).ok_or_else(too_short)?;
        bytes = rest;
        IpcReader::new(Cursor::new(frame)).finish()
    };
    let empty = next()?;
    let parts: Vec<DataFrame> = (0..count).map(|_| next()).collect::<PolarsResult<_>>()?;
    let sample = has_sample.then(next).transpose()?;
    let size = parts.iter().map(nbytes).sum();
    let pieces = Pieces::keep(empty, parts.into_iter().map(Ok), size, Budget::global())?;
    Ok(match sample {
        Some(sample) => pieces.with_sample(sample),
        None => pieces,
    })
}

fn too_short() -> PolarsError {
    polars_err!(ComputeError: "the pieces of a shuffle ended too soon")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::exchange::{hold, split_by_hash};

    #[test]
    fn pieces_come_back() {
        let frame = df!("k" => [1_i64, 2, 3, 4], "text" => [Some("a"), None, Some("c"), Some("d")]).unwrap();
        let pieces = split_by_hash(&frame, &["k".into()], 3).unwrap();
        let bytes = write(&pieces).unwrap();
        let back = read(&bytes).unwrap();
        for k in 0..4 {
            assert!(pieces.take(k).unwrap().equals_missing(&back.take(k).unwrap()));
        }
        let held = hold(frame.clone(), &["k".into()], 2, 0).unwrap();
        let back = read(&write(&held).unwrap()).unwrap();
        assert!(back.take(0).unwrap().equals_missing(&frame));
        assert_eq!(back.sample().unwrap(), held.sample().unwrap());
        assert!(read(&bytes[..bytes.len() - 1]).is_err() && read(&bytes[..100]).is_err() && read(&[]).is_err());
    }
}
