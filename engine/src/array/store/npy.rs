//! NumPy's files: a header of one line, and the elements.
//!
//! The header is read here: the format is a page, and a library that reads whole arrays cannot read a part of one.

use std::path::Path;

use super::bytes::Order;
use super::error::{StoreError, Stored};
use super::file::Input;
use super::location::Location;
use super::raw::{Flat, known_type, write_file};
use super::source::{opened, opened_reversed};
use crate::array::Array;
use crate::array::chunks::{Chunking, tuple};
use crate::array::element::{DType, Element};
use crate::error::Result;
use crate::task::packed;

const MAGIC: &[u8] = b"\x93NUMPY";
/// NumPy itself warns of headers that are longer than 10,000 bytes.
const LONGEST_HEADER: usize = 1 << 16;

/// What a header says.
#[derive(Debug, PartialEq, Clone)]
pub(crate) struct Header {
    pub(crate) dtype: DType,
    pub(crate) order: Order,
    pub(crate) column_major: bool,
    pub(crate) shape: Vec<usize>,
    /// Where the elements begin.
    pub(crate) len: usize,
}

packed!(Header { dtype, order, column_major, shape, len });

impl Header {
    /// From the first bytes of a file; a name for errors.
    pub(crate) fn read(path: &Path, read: impl Fn(u64, usize) -> Stored<Vec<u8>>) -> Stored<Header> {
        let begin = read(0, 10)?;
        if !begin.starts_with(MAGIC) {
            return Err(StoreError::damaged(path, "it does not begin as a .npy file does"));
        }
        let (start, len) = match begin[6] {
            1 => (10, u16::from_le_bytes([begin[8], begin[9]]) as usize),
            2 | 3 => {
                let more = read(8, 4)?;
                (12, u32::from_le_bytes([more[0], more[1], more[2], more[3]]) as usize)
            }
            other => {
                return Err(StoreError::unsupported(path, format!("its version is {other}, and 1 to 3 are known")));
            }
        };
        if len > LONGEST_HEADER {
            return Err(StoreError::damaged(path, format!("its header claims to have {len} bytes")));
        }
        let text = read(start as u64, len)?;
        let text = String::from_utf8_lossy(&text);
        let wrong = || StoreError::damaged(path, format!("its header cannot be read: {:?}", text.trim_end()));
        let field = |name: &str| {
            let at = [format!("'{name}':"), format!("\"{name}\":")]
                .iter()
                .find_map(|key| text.find(key.as_str()).map(|at| at + key.len()));
            at.map(|at| text[at..].trim_start()).ok_or_else(wrong)
        };
        let descr = field("descr")?;
        let quote = descr.chars().next().filter(|quote| matches!(quote, '\'' | '"'));
        let Some(descr) = quote.and_then(|quote| descr[1..].split(quote).next()) else {
            return Err(StoreError::unsupported(path, "its elements are records"));
        };
        let column_major = match field("fortran_order")? {
            text if text.starts_with("True") => true,
            text if text.starts_with("False") => false,
            _ => return Err(wrong()),
        };
        let shape = field("shape")?.strip_prefix('(').and_then(|text| text.split_once(')')).ok_or_else(wrong)?.0;
        let lens = shape.split(',').map(str::trim).filter(|text| !text.is_empty());
        let shape = lens.map(|text| text.trim_end_matches('L').parse().map_err(|_| wrong())).collect::<Stored<_>>()?;
        let (dtype, order) = typed(descr);
        Ok(Header { dtype: known_type(dtype, path, descr)?, order, column_major, shape, len: start + len })
    }

    /// The bytes of the header of an array in row-major order; a multiple of 64, as NumPy writes it.
    pub(crate) fn written(dtype: DType, shape: &[usize]) -> Vec<u8> {
        let shape = tuple(shape.iter().map(usize::to_string).collect());
        let mut text = format!("{{'descr': '{}', 'fortran_order': False, 'shape': {shape}, }}", name(dtype));
        let (major, begin) = if text.len() + 11 > 60_000 { (2, 12) } else { (1, 10) };
        while !(begin + text.len() + 1).is_multiple_of(64) {
            text.push(' ');
        }
        text.push('\n');
        let mut bytes = MAGIC.to_vec();
        bytes.extend([major, 0]);
        match major {
            1 => bytes.extend((text.len() as u16).to_le_bytes()),
            _ => bytes.extend((text.len() as u32).to_le_bytes()),
        }
        bytes.extend(text.bytes());
        bytes
    }
}

/// The type and byte order that NumPy writes so: `<f8`, `|b1`, `>i4`. Zarr's second version does too.
pub(crate) fn typed(descr: &str) -> (Option<DType>, Order) {
    let (order, kind) = match descr.as_bytes().first() {
        Some(b'<') => (Order::Little, &descr[1..]),
        Some(b'>') => (Order::Big, &descr[1..]),
        Some(b'|' | b'=') => (Order::NATIVE, &descr[1..]),
        _ => (Order::NATIVE, descr),
    };
    let dtype = match kind {
        "b1" | "?" => DType::Bool,
        "i1" => DType::I8,
        "i2" => DType::I16,
        "i4" => DType::I32,
        "i8" => DType::I64,
        "u1" => DType::U8,
        "u2" => DType::U16,
        "u4" => DType::U32,
        "u8" => DType::U64,
        "f4" => DType::F32,
        "f8" => DType::F64,
        "c8" => DType::Complex32,
        "c16" => DType::Complex64,
        _ => return (None, order),
    };
    (Some(dtype), order)
}

/// As NumPy writes the type, in this processor's byte order.
pub(crate) fn name(dtype: DType) -> String {
    let order = match (dtype.size(), Order::NATIVE) {
        (1, _) => '|',
        (_, Order::Little) => '<',
        (_, Order::Big) => '>',
    };
    let kind = match dtype {
        DType::Bool => "b1",
        DType::I8 => "i1",
        DType::I16 => "i2",
        DType::I32 => "i4",
        DType::I64 => "i8",
        DType::U8 => "u1",
        DType::U16 => "u2",
        DType::U32 => "u4",
        DType::U64 => "u8",
        DType::F32 => "f4",
        DType::F64 => "f8",
        DType::Complex32 => "c8",
        DType::Complex64 => "c16",
    };
    format!("{order}{kind}")
}

/// The array whose .npy file begins at a place of a file, and is followed by nothing or by `rest` that is not its.
pub(crate) fn open_at<T: Element>(
    operation: &'static str,
    input: Input,
    begin: u64,
    end: u64,
    chunks: Chunking,
) -> Result<Array<T>> {
    let header = Header::read(input.path(), |at, len| {
        let inside = begin.checked_add(at).and_then(|at| at.checked_add(len as u64)).is_some_and(|to| to <= end);
        if !inside {
            return Err(StoreError::damaged(input.path(), "it ends inside its header"));
        }
        input.bytes(begin + at, len)
    })?;
    let mut shape = header.shape;
    if header.column_major {
        shape.reverse();
    }
    let offset = begin + header.len as u64;
    let path = input.path().to_owned();
    let flat = Flat { input, offset, dtype: header.dtype, order: header.order, shape, name: "read_npy" };
    let source = flat.found()?;
    match header.column_major {
        false => opened(operation, &path, source, chunks),
        true => opened_reversed(operation, &path, source, chunks),
    }
}

impl<T: Element> Array<T> {
    /// The array in a `.npy` file, as NumPy's `save` writes it. Any part of it can be read, and only what a block needs is.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.npy");
    /// let x = Array::<f64>::random((100, 50), 40).seed(1).normal(0.0, 1.0);
    /// x.to_npy(&path)?;
    /// let y = Array::<f64>::open_npy(&path, "auto")?;
    /// assert_eq!((&y - &x).abs().max().item()?, 0.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the file cannot be opened, is no such file, is damaged, holds elements of another type than `T`, or the chunks
    /// do not fit to its shape.
    pub fn open_npy(path: impl Into<Location>, chunks: impl Into<Chunking>) -> Result<Array<T>> {
        let input = Input::open(&path.into().resolved()?)?;
        let end = input.len();
        open_at("open_npy", input, 0, end, chunks.into())
    }

    /// Writes a `.npy` file block by block. The file appears under its name when it is whole: a store that is interrupted
    /// leaves nothing that could be read.
    ///
    /// # Errors
    /// When the file cannot be written, a task fails, or lengths of chunks are not known.
    pub fn to_npy(&self, path: impl Into<Location>) -> Result<()> {
        self.node().grid.require_known("to_npy")?;
        let header = Header::written(T::DTYPE, &self.node().grid.shape());
        write_file(self, "to_npy", &path.into().resolved()?.local()?, &header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Stored<Header> {
        Header::read(Path::new("x.npy"), |at, len| {
            let at = at as usize;
            let part = bytes.get(at..at + len);
            part.map(<[u8]>::to_vec).ok_or_else(|| StoreError::damaged(Path::new("x.npy"), "short"))
        })
    }

    #[test]
    fn headers_come_back() {
        for shape in [vec![], vec![3], vec![0, 2], vec![1, 2, 3]] {
            for dtype in [DType::Bool, DType::I16, DType::F64, DType::Complex64] {
                let bytes = Header::written(dtype, &shape);
                assert!(bytes.len().is_multiple_of(64));
                let header = parse(&bytes).unwrap();
                assert_eq!((header.dtype, header.shape, header.len), (dtype, shape.clone(), bytes.len()));
            }
        }
    }

    #[test]
    fn what_is_no_header_is_told() {
        let mut bytes = Header::written(DType::F32, &[4]);
        bytes[20] = b'x';
        let error = parse(&bytes).unwrap_err().to_string();
        assert!(error.starts_with("x.npy is damaged") || error.starts_with("x.npy cannot be read"), "{error}");
        assert!(parse(b"PK\x03\x04      ").unwrap_err().to_string().contains("does not begin"));
    }
}
