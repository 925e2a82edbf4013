//! Elements one after another in a file, in row-major order, with nothing between them.

use std::path::Path;
use std::sync::Arc;

use ndarray::IntoDimension;

use super::bytes::{Order, reorder};
use super::error::{StoreError, Stored};
use super::file::{Input, Output};
use super::location::Location;
use super::region::{Part, Span, Step, copy, elements, places};
use super::sink::{Sink, store};
use super::source::{Source, found, opened, opened_reversed};
use crate::array::chunks::{Chunking, shape_text};
use crate::array::element::{DType, Element};
use crate::array::{Array, create::lengths};
use crate::error::Result;
use crate::task::Made;

/// What lies between two runs of bytes that are wanted is read with them, up to so much: another call would cost more.
const GAP: u64 = 16 << 10;
/// So much is read at once where runs are read together.
const AT_ONCE: u64 = 1 << 20;

/// So much of a run is asked for by one request, where many can be under way.
const REMOTE_PIECE: usize = 4 << 20;

/// How the elements of a file lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Layout {
    /// The last index changes fastest, as in C; NumPy calls it `C`.
    #[default]
    RowMajor,
    /// The first index changes fastest, as in Fortran; NumPy calls it `F`.
    ColumnMajor,
}

/// Elements in row-major order from a place of a file on.
pub(crate) struct Flat {
    pub(crate) input: Input,
    pub(crate) offset: u64,
    pub(crate) dtype: DType,
    pub(crate) order: Order,
    pub(crate) shape: Vec<usize>,
    pub(crate) name: &'static str,
}

/// The bytes that an array takes; nothing when no memory has as many.
pub(crate) fn bytes_of_shape(shape: &[usize], dtype: DType) -> Option<u64> {
    let bytes = shape.iter().try_fold(dtype.size(), |bytes, &len| bytes.checked_mul(len))?;
    (bytes <= isize::MAX as usize).then_some(bytes as u64)
}

impl Flat {
    /// That the file has all elements.
    fn checked(self) -> Stored<Flat> {
        let end = bytes_of_shape(&self.shape, self.dtype).and_then(|bytes| bytes.checked_add(self.offset));
        match end {
            Some(end) if end <= self.input.len() => Ok(self),
            _ => {
                let shape = shape_text(&self.shape);
                let what = format!(
                    "it has {} bytes, which is too few for elements of type {} and shape {shape} from byte {} on",
                    self.input.len(),
                    self.dtype,
                    self.offset,
                );
                Err(StoreError::damaged(self.input.path(), what))
            }
        }
    }
}

impl Flat {
    /// As a source, if the file has all elements.
    pub(crate) fn found(self) -> Stored<Made<dyn Source>> {
        let flat = self.checked()?;
        let place = flat.input.place().clone();
        let parameters = (flat.offset, flat.dtype, flat.order, flat.shape.clone(), flat.name);
        found(flat, &place, parameters, |place, parameters| {
            let (offset, dtype, order, shape, name) = parameters.clone();
            Ok(Arc::new(Flat { input: Input::open(place)?, offset, dtype, order, shape, name }.checked()?))
        })
    }
}

impl Source for Flat {
    fn name(&self) -> &'static str {
        self.name
    }
    fn path(&self) -> &Path {
        self.input.path()
    }
    fn dtype(&self) -> DType {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn chunks(&self) -> Option<&[usize]> {
        None
    }
    fn read(&self, region: &[Span], out: &mut [u8]) -> Stored<()> {
        read_flat(&self.input, self.offset, &self.shape, self.dtype.size(), region, out)?;
        reorder(out, self.dtype, self.order);
        Ok(())
    }
}

/// Reads a region of an array that lies in row-major order from `offset` on.
pub(crate) fn read_flat(
    input: &Input,
    offset: u64,
    shape: &[usize],
    size: usize,
    region: &[Span],
    out: &mut [u8],
) -> Stored<()> {
    let runs = Runs::of(shape, size, region);
    if input.is_remote() {
        return runs.read_remote(input, offset, size, out);
    }
    let mut buffer = Vec::new();
    let mut failed = Ok(());
    // Runs that wait to be read together: where in the file, and where to.
    let mut waiting: Vec<u64> = Vec::new();
    let mut done = 0;
    let mut flush = |waiting: &mut Vec<u64>, done: &mut usize| -> Stored<()> {
        let (Some(&first), Some(&last)) = (waiting.first(), waiting.last()) else { return Ok(()) };
        let out = &mut out[*done..*done + waiting.len() * runs.wanted];
        *done += out.len();
        if waiting.len() == 1 && runs.step == 1 {
            waiting.clear();
            return input.read_at(first, out);
        }
        buffer.resize((last - first) as usize + runs.len, 0);
        input.read_at(first, &mut buffer)?;
        for (&at, out) in waiting.iter().zip(out.chunks_exact_mut(runs.wanted)) {
            runs.take(size, &buffer[(at - first) as usize..][..runs.len], out);
        }
        waiting.clear();
        Ok(())
    };
    places(&runs.outer, |place| {
        let at = offset + runs.at(place);
        let apart = waiting.last().zip(waiting.first()).is_some_and(|(&last, &first)| {
            at - (last + runs.len as u64) > GAP || at + runs.len as u64 - first > AT_ONCE
        });
        if apart {
            failed = flush(&mut waiting, &mut done);
        }
        waiting.push(at);
        if failed.is_ok() { Step::On } else { Step::Stop }
    });
    failed?;
    flush(&mut waiting, &mut done)
}

/// A region of a file as runs of bytes.
struct Runs {
    /// Bytes from the first to the last element of a run.
    len: usize,
    /// Bytes of it that are wanted: all of them when `step` is 1.
    wanted: usize,
    step: usize,
    outer: Vec<std::ops::Range<usize>>,
    /// For each outer axis: the first byte, and how far it is to the next.
    axes: Vec<(u64, u64)>,
}

impl Runs {
    /// Where the run at a place begins.
    fn at(&self, place: &[usize]) -> u64 {
        place.iter().zip(&self.axes).map(|(&at, axis)| axis.0 + at as u64 * axis.1).sum()
    }

    /// What is wanted of a run.
    fn take(&self, size: usize, from: &[u8], out: &mut [u8]) {
        let count = out.len() / size;
        let source = Part { shape: &[from.len() / size], start: &[0], step: Some(&[self.step]) };
        copy(size, &[count], from, &source, out, &Part { shape: &[count], start: &[0], step: None });
    }

    /// Reads all of them from an object, several at the same time.
    fn read_remote(&self, input: &Input, offset: u64, size: usize, out: &mut [u8]) -> Stored<()> {
        // A run that is long is asked for in pieces, which come at the same time.
        let piece = if self.step == 1 { REMOTE_PIECE.min(self.len) } else { self.len };
        let mut parts = Vec::new();
        places(&self.outer, |place| {
            let from = offset + self.at(place);
            let pieces = (0..self.len).step_by(piece.max(1));
            parts.extend(pieces.map(|at| (from + at as u64, piece.min(self.len - at) as u64)));
            Step::On
        });
        let per_run = self.len.div_ceil(piece.max(1));
        input.read_parts(&parts, out.len(), |number, bytes| {
            let begin = number / per_run * self.wanted;
            match per_run {
                1 => self.take(size, &bytes, &mut out[begin..begin + self.wanted]),
                _ => out[begin + number % per_run * piece..][..bytes.len()].copy_from_slice(&bytes),
            }
            Ok(())
        })
    }

    fn of(shape: &[usize], size: usize, region: &[Span]) -> Runs {
        let mut strides = vec![size as u64; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis] * shape[axis] as u64;
        }
        // A run takes whole axes from the last one on, and a span of the next.
        let mut inner = region.len();
        let mut len = size;
        let mut first = 0;
        let mut step = 1;
        while inner > 0 {
            let span = region[inner - 1];
            let dense = len as u64 == strides[inner - 1];
            if !dense || (span.step > 1 && (inner < region.len() || span.step * size > 256)) {
                break;
            }
            inner -= 1;
            first += span.start as u64 * strides[inner];
            len = if span.step == 1 { len * span.len } else { (span.last() - span.start + 1) * size };
            step = span.step;
            if span.step > 1 || span.len != shape[inner] {
                break;
            }
        }
        let wanted = region[inner..].iter().map(|span| span.len).product::<usize>() * size;
        let mut axes: Vec<(u64, u64)> = (0..inner)
            .map(|axis| (region[axis].start as u64 * strides[axis], region[axis].step as u64 * strides[axis]))
            .collect();
        let mut outer: Vec<_> = region[..inner].iter().map(|span| 0..span.len).collect();
        axes.push((first, 0));
        outer.push(0..1);
        Runs { len, wanted, step, outer, axes }
    }
}

/// A file that is written in row-major order.
pub(crate) struct FlatSink {
    pub(crate) output: Arc<Output>,
    pub(crate) offset: u64,
    pub(crate) shape: Vec<usize>,
    pub(crate) size: usize,
    pub(crate) name: &'static str,
}

impl FlatSink {
    pub(crate) fn write_flat(&self, start: &[usize], shape: &[usize], bytes: &[u8]) -> Stored<()> {
        let region: Vec<Span> = start.iter().zip(shape).map(|(&start, &len)| Span::run(start, len)).collect();
        let runs = Runs::of(&self.shape, self.size, &region);
        let mut done = 0;
        let mut result = Ok(());
        places(&runs.outer, |place| {
            result = self.output.write_at(self.offset + runs.at(place), &bytes[done..done + runs.len]);
            done += runs.len;
            if result.is_ok() { Step::On } else { Step::Stop }
        });
        debug_assert!(result.is_err() || done == elements(&region) * self.size);
        result
    }
}

impl Sink for FlatSink {
    fn name(&self) -> &'static str {
        self.name
    }
    fn write(&self, start: &[usize], shape: &[usize], bytes: &[u8]) -> Stored<()> {
        self.write_flat(start, shape, bytes)
    }
}

/// Writes all blocks of an array behind a header.
pub(crate) fn write_file<T: Element>(array: &Array<T>, name: &'static str, path: &Path, header: &[u8]) -> Result<()> {
    array.node().grid.require_known(name)?;
    let shape = array.node().grid.shape();
    let Some(bytes) = bytes_of_shape(&shape, T::DTYPE) else {
        return Err(StoreError::not_stored(path, "no file is so large").into());
    };
    let offset = header.len() as u64;
    let output = Arc::new(Output::create(path, offset + bytes)?);
    output.write_at(0, header)?;
    let sink = FlatSink { output: Arc::clone(&output), offset, shape, size: T::DTYPE.size(), name };
    let sink: Arc<dyn Sink> = Arc::new(sink);
    // Tasks may be dropped later than they are done, so the file is not closed by dropping the sink.
    match store(array.node(), &sink) {
        Ok(()) => Ok(output.finish()?),
        Err(error) => {
            output.discard();
            Err(error)
        }
    }
}

impl<T: Element> Array<T> {
    /// The elements of a file that has nothing else, from byte `offset` on, in the processor's byte order; what NumPy does
    /// with `memmap`. Any part of it can be read, and only what a block needs is.
    ///
    /// The file is read by position and not mapped: a file that is cut off while it is read is an error, and not the end of
    /// the process.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::array::store::Layout;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.bin");
    /// Array::<i32>::arange(12, 5).reshape((3, 4)).to_raw(&path)?;
    /// let x = Array::<i32>::open_raw(&path, (3, 4), 0, Layout::RowMajor, "auto")?;
    /// assert_eq!(x.slice(s![2, 1..3]).compute()?.into_raw_vec_and_offset().0, [9, 10]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the file cannot be opened or is too short for the shape, or the chunks do not fit to the shape.
    pub fn open_raw(
        path: impl Into<Location>,
        shape: impl IntoDimension,
        offset: u64,
        layout: Layout,
        chunks: impl Into<Chunking>,
    ) -> Result<Array<T>> {
        let path = path.into().resolved()?;
        let input = Input::open(&path)?;
        let path = path.as_path();
        let mut shape = lengths(shape);
        if layout == Layout::ColumnMajor {
            shape.reverse();
        }
        let flat = Flat { input, offset, dtype: T::DTYPE, order: Order::NATIVE, shape, name: "read_raw" };
        let source = flat.found()?;
        match layout {
            Layout::RowMajor => opened("open_raw", path, source, chunks.into()),
            Layout::ColumnMajor => opened_reversed("open_raw", path, source, chunks.into()),
        }
    }

    /// Writes the elements to a file that has nothing else, in row-major order and the processor's byte order, block by
    /// block. The file appears under its name when it is whole.
    ///
    /// # Errors
    /// When the file cannot be written, a task fails, or lengths of chunks are not known.
    pub fn to_raw(&self, path: impl Into<Location>) -> Result<()> {
        write_file(self, "to_raw", &path.into().resolved()?.local()?, &[])
    }
}

/// That a name of a type in a file is one that is read here.
pub(crate) fn known_type(dtype: Option<DType>, path: &Path, found: &str) -> Stored<DType> {
    let types = "bool, integers of 8 to 64 bits, floats and complex numbers of 32 and 64 bits";
    dtype.ok_or_else(|| {
        StoreError::unsupported(path, format!("its elements are of type {found}, and arrays hold {types}"))
    })
}
