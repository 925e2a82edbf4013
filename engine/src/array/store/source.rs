//! Arrays that are read from files: a task reads one block, and only what is seen of it.

use std::path::Path;
use std::sync::Arc;

use super::bytes::{block_from, normalised};
use super::error::{StoreError, Stored};
use super::path::StorePath;
use super::region::Span;
use crate::array::Array;
use crate::array::chunks::{AxisChunks, Chunking, Grid, shape_text};
use crate::array::dispatch::with_type;
use crate::array::element::{DType, Element};
use crate::array::error::ArrayError;
use crate::array::lower::Lowering;
use crate::array::node::{Node, NodeRef, Operation, viewed};
use crate::array::view::{View, ViewAxis};
use crate::array::work::block_task;
use crate::error::Result;
use crate::task::{Failure, Made, Pack, Step, conjured};

/// So many blocks are as good as a mistake: a graph of them would not fit into memory.
const MOST_BLOCKS: usize = 1 << 27;

/// A stored array any part of which can be read.
///
/// Local files are read by position. An object store would be another way to get the same bytes: what implements this for
/// Zarr asks for keys and ranges of bytes only.
pub(crate) trait Source: Send + Sync + 'static {
    /// What the tasks are called.
    fn name(&self) -> &'static str;
    /// What is read.
    fn path(&self) -> &Path;
    fn dtype(&self) -> DType;
    fn shape(&self) -> &[usize];
    /// The lengths of what has to be read as a whole; nothing where any part costs what it holds.
    fn chunks(&self) -> Option<&[usize]>;
    /// Reads a part, which is inside and not empty: elements in row-major order and the memory's own byte order.
    fn read(&self, region: &[Span], out: &mut [u8]) -> Stored<()>;
}

/// A source with how another process opens it: `open` gets where it is, and the other parameters.
pub(crate) fn found<P, F>(source: impl Source, place: &StorePath, parameters: P, open: F) -> Stored<Made<dyn Source>>
where
    P: Pack + Send + Sync + 'static,
    F: Fn(&StorePath, &P) -> Stored<Arc<dyn Source>> + 'static,
{
    found_source(Arc::new(source), place, parameters, open)
}

/// As [`found`], of a source whose type is not known.
pub(crate) fn found_source<P, F>(
    source: Arc<dyn Source>,
    place: &StorePath,
    parameters: P,
    _open: F,
) -> Stored<Made<dyn Source>>
where
    P: Pack + Send + Sync + 'static,
    F: Fn(&StorePath, &P) -> Stored<Arc<dyn Source>> + 'static,
{
    let from = (place.location()?, std::process::id(), parameters);
    let made = Made::<dyn Source>::held(source, from, |(location, process, parameters)| {
        if location.is_memory() && *process != std::process::id() {
            return Err("what is stored at `memory://` is in the memory of one process".to_owned());
        }
        let open = || conjured::<F>()(&location.resolved()?, parameters);
        open().map_err(|error| error.to_string())
    });
    made.map_err(|why| StoreError::unsupported(place.as_path(), why))
}

/// The array that a source holds.
pub(crate) fn opened<T: Element>(
    operation: &str,
    path: &Path,
    source: Made<dyn Source>,
    chunks: Chunking,
) -> Result<Array<T>> {
    if source.dtype() != T::DTYPE {
        let (found, wanted) = (source.dtype(), T::DTYPE);
        let operation = format!("{operation} {}", path.display());
        return Err(ArrayError::ElementType { operation, found, wanted }.into());
    }
    let grid = grid_for(&*source, chunks)?;
    Ok(Array::of(node(source, grid)))
}

/// As [`opened`], with the axes in reverse order: for files in column-major order, which are row-major the other way around.
pub(crate) fn opened_reversed<T: Element>(
    operation: &str,
    path: &Path,
    source: Made<dyn Source>,
    chunks: Chunking,
) -> Result<Array<T>> {
    let chunks = match chunks {
        Chunking::PerAxis(lengths) => Chunking::PerAxis(lengths.into_iter().rev().collect()),
        Chunking::Explicit(lengths) => Chunking::Explicit(lengths.into_iter().rev().collect()),
        other => other,
    };
    let array = opened::<T>(operation, path, source, chunks)?;
    let shape = array.node().grid.shape();
    let order: Vec<usize> = (0..shape.len()).rev().collect();
    Ok(Array::of(viewed(array.node(), "transpose", &View::transposed(&shape, &order))))
}

fn node(source: Made<dyn Source>, grid: Grid) -> NodeRef {
    let view = View::whole(source.shape());
    let (name, dtype) = (source.name(), source.dtype());
    Node::blocks(name, dtype, grid.clone(), Read { source, view, grid })
}

/// The grid asked for, where a graph of so many blocks can be made.
fn grid_for(source: &dyn Source, chunks: Chunking) -> Result<Grid> {
    let (shape, size) = (source.shape(), source.dtype().size());
    let chunks = match (chunks, source.chunks()) {
        (Chunking::Bytes(bytes), Some(stored)) => Chunking::PerAxis(grown(stored, shape, bytes / size.max(1))),
        (other, _) => other,
    };
    let count = |lengths: &dyn Fn(usize) -> usize| {
        shape.iter().enumerate().try_fold(1usize, |count, (axis, &len)| {
            count.checked_mul(len.div_ceil(lengths(axis).max(1)).max(1)).filter(|&count| count <= MOST_BLOCKS)
        })
    };
    let bytes = shape.iter().try_fold(size, |bytes, &len| bytes.checked_mul(len.max(1)));
    let fits = match &chunks {
        Chunking::Uniform(length) => count(&|_| *length).is_some(),
        Chunking::PerAxis(lengths) if lengths.len() == shape.len() => count(&|axis| lengths[axis]).is_some(),
        Chunking::Bytes(most) => bytes.is_some_and(|bytes| bytes / most.max(&1) <= MOST_BLOCKS / 16),
        _ => true,
    };
    if !fits || bytes.is_none_or(|bytes| bytes > isize::MAX as usize) {
        let why = format!("that would be more than {MOST_BLOCKS} blocks");
        return Err(ArrayError::Chunks { chunks: format!("{chunks:?}"), shape: shape_text(shape), why }.into());
    }
    Ok(chunks.grid(shape, size)?)
}

/// Chunks that are multiples of the stored ones and hold about `room` elements.
pub(crate) fn grown(stored: &[usize], shape: &[usize], room: usize) -> Vec<usize> {
    let mut chunk: Vec<usize> = stored.iter().zip(shape).map(|(&chunk, &len)| chunk.min(len).max(1)).collect();
    loop {
        let held: usize = chunk.iter().product();
        let growing = (0..chunk.len()).filter(|&axis| chunk[axis] < shape[axis]).min_by_key(|&axis| chunk[axis]);
        match growing {
            Some(axis) if held.saturating_mul(2) <= room => chunk[axis] = (chunk[axis] * 2).min(shape[axis]),
            _ => return chunk,
        }
    }
}

/// Blocks of a view of a source.
struct Read {
    source: Made<dyn Source>,
    view: View,
    /// Of the view.
    grid: Grid,
}

/// The view of a view; nothing where a new axis is cut to nothing.
fn composed(first: &View, then: &View) -> Option<View> {
    let mut picked = first.picked.clone();
    for &(axis, index) in &then.picked {
        if let ViewAxis::Take { axis, start, step, .. } = first.axes[axis] {
            picked.push((axis, start.wrapping_add_signed(step * index as isize)));
        }
    }
    let axes = then.axes.iter().map(|axis| match *axis {
        ViewAxis::New => Some(ViewAxis::New),
        ViewAxis::Take { axis, start, step, len } => match first.axes[axis] {
            ViewAxis::New => (len == 1).then_some(ViewAxis::New),
            ViewAxis::Take { axis, start: begin, step: by, .. } => {
                let start = if len == 0 { 0 } else { begin.wrapping_add_signed(by * start as isize) };
                Some(ViewAxis::Take { axis, start, step: by * step, len })
            }
        },
    });
    Some(View { axes: axes.collect::<Option<_>>()?, picked })
}

/// What is read of each axis of the source for a block, and how the block is made of that.
fn region(view: &View, rank: usize, start: &[usize], lens: &[usize]) -> (Vec<Span>, View) {
    let mut spans = vec![Span::run(0, 1); rank];
    let mut picked = Vec::new();
    for &(axis, index) in &view.picked {
        spans[axis] = Span::run(index, 1);
        picked.push((axis, 0));
    }
    let axes = view.axes.iter().zip(start.iter().zip(lens)).map(|(axis, (&from, &len))| match *axis {
        ViewAxis::New => ViewAxis::New,
        ViewAxis::Take { axis, start, step, .. } => {
            let first = start.wrapping_add_signed(step * from as isize);
            let reach = step.unsigned_abs() * len.saturating_sub(1);
            let lowest = if step < 0 { first.wrapping_sub(reach) } else { first };
            spans[axis] = Span { start: if len == 0 { 0 } else { lowest }, step: step.unsigned_abs(), len };
            let backwards = step < 0 && len > 0;
            ViewAxis::Take {
                axis,
                start: if backwards { len - 1 } else { 0 },
                step: if backwards { -1 } else { 1 },
                len,
            }
        }
    });
    let axes = axes.collect();
    (spans, View { axes, picked })
}

impl Operation for Read {
    fn inputs(&self) -> Vec<&NodeRef> {
        Vec::new()
    }

    fn step(&self, place: &[usize], _lowering: &mut Lowering) -> Arc<Step> {
        let (start, lens) = self.grid.region(place);
        let (spans, made) = region(&self.view, self.source.shape().len(), &start, &lens);
        let dtype = self.source.dtype();
        let parameters = (self.source.clone(), spans, made, place.to_vec());
        with_type!(dtype, T => block_task::<T, _, _>(self.source.name(), Vec::new(), parameters, |parameters, _| {
            let (source, spans, made, place) = parameters;
            let shape: Vec<usize> = spans.iter().map(|span| span.len).collect();
            let block = block_from::<T, StoreError>(&shape, |bytes| {
                if !bytes.is_empty() {
                    source.read(spans, bytes)?;
                    normalised(bytes, T::DTYPE);
                }
                Ok(())
            });
            let block = block.map_err(|error| Failure::Error(error.in_block(shape_text(place)).into()))?;
            Ok(made.apply(block))
        }))
    }

    fn reads(&self) -> Option<&Path> {
        Some(self.source.path())
    }

    fn viewed(&self, view: &View, grid: &Grid) -> Option<Box<dyn Operation>> {
        let view = composed(&self.view, view)?;
        Some(Box::new(Read { source: self.source.clone(), view, grid: grid.clone() }))
    }

    fn rechunked(&self, grid: &Grid) -> Option<Box<dyn Operation>> {
        if let Some(stored) = self.source.chunks() {
            let touched = |grid: &Grid| self.touched(grid, stored);
            if touched(grid) > touched(&self.grid) {
                return None;
            }
        }
        Some(Box::new(Read { source: self.source.clone(), view: self.view.clone(), grid: grid.clone() }))
    }
}

impl Read {
    /// How many stored chunks are read for all blocks of a grid, each as often as it is read.
    fn touched(&self, grid: &Grid, stored: &[usize]) -> f64 {
        let along = |(axis, chunks): (&ViewAxis, &AxisChunks)| match *axis {
            ViewAxis::New => chunks.count() as f64,
            ViewAxis::Take { axis, start, step, .. } => {
                let stored = |place: usize| start.wrapping_add_signed(step * place as isize) / stored[axis].max(1);
                let read = |chunk: usize| match chunks.size(chunk) {
                    0 => 0,
                    len => stored(chunks.start(chunk)).abs_diff(stored(chunks.start(chunk) + len - 1)) + 1,
                };
                (0..chunks.count()).map(read).sum::<usize>() as f64
            }
        };
        self.view.axes.iter().zip(grid.axes()).map(along).product()
    }
}
