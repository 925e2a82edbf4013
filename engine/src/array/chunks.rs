//! How an array is cut: the lengths of its chunks along each axis.

use std::sync::Arc;

use super::error::{ArrayError, Built};
use super::room::{countable, few_chunks};
use crate::diagnostics::units::bytes_in;
use crate::task::packed;

/// The chunks along one axis, as the places where they begin.
#[derive(Debug, Clone)]
pub(crate) struct AxisChunks {
    /// One more than there are chunks; meaningless but for its length when `known` is false.
    starts: Arc<[usize]>,
    /// Whether the lengths are known before anything is computed.
    known: bool,
}

impl PartialEq for AxisChunks {
    fn eq(&self, other: &Self) -> bool {
        self.known && other.known && (Arc::ptr_eq(&self.starts, &other.starts) || self.starts == other.starts)
    }
}

packed!(AxisChunks { starts, known });
packed!(Grid { axes });
packed!(SlicedChunk { chunk, start, len });

impl AxisChunks {
    /// Chunks of these lengths.
    pub(crate) fn new(lengths: impl IntoIterator<Item = usize>) -> AxisChunks {
        let mut starts = vec![0];
        starts.extend(lengths.into_iter().scan(0, |end, length| {
            *end += length;
            Some(*end)
        }));
        AxisChunks { starts: starts.into(), known: true }
    }

    /// Chunks of one length, but for a shorter one at the end. An empty axis has one empty chunk.
    pub(crate) fn regular(len: usize, chunk: usize) -> AxisChunks {
        let chunk = chunk.clamp(1, len.max(1));
        let mut starts: Vec<usize> = (0..len).step_by(chunk).collect();
        if starts.is_empty() {
            starts.push(0);
        }
        starts.push(len);
        AxisChunks { starts: starts.into(), known: true }
    }

    pub(crate) fn whole(len: usize) -> AxisChunks {
        AxisChunks::regular(len, len)
    }

    /// So many chunks of lengths that nobody knows yet.
    pub(crate) fn unknown(count: usize) -> AxisChunks {
        AxisChunks { starts: vec![0; count + 1].into(), known: false }
    }

    pub(crate) fn is_known(&self) -> bool {
        self.known
    }

    /// The number of chunks.
    pub(crate) fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// The length of the axis; 0 when it is not known.
    pub(crate) fn len(&self) -> usize {
        self.starts[self.count()]
    }

    pub(crate) fn start(&self, chunk: usize) -> usize {
        self.starts[chunk]
    }

    pub(crate) fn size(&self, chunk: usize) -> usize {
        self.starts[chunk + 1] - self.starts[chunk]
    }

    pub(crate) fn sizes(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.starts.windows(2).map(|pair| pair[1] - pair[0])
    }

    /// The chunk that holds an index; the last one for the end of the axis, which none holds.
    pub(crate) fn find(&self, index: usize) -> usize {
        (self.starts.partition_point(|&start| start <= index) - 1).min(self.count() - 1)
    }

    /// The chunks of both together: cut wherever one of them is.
    pub(crate) fn refined(&self, other: &AxisChunks) -> AxisChunks {
        if self == other {
            return self.clone();
        }
        let mut starts: Vec<usize> = self.starts.iter().chain(other.starts.iter()).copied().collect();
        starts.sort_unstable();
        starts.dedup();
        if starts.len() == 1 {
            starts.push(starts[0]);
        }
        AxisChunks { starts: starts.into(), known: true }
    }

    /// Chunks of every `step`-th element of `len` from `start`: which chunks they come from, in the order in which they are
    /// read, and how many from each. A negative step reads backwards, from `start` down.
    pub(crate) fn sliced(&self, start: usize, step: isize, len: usize) -> (AxisChunks, Vec<SlicedChunk>) {
        let mut parts: Vec<SlicedChunk> = Vec::new();
        let (mut at, mut left) = (start, len);
        while left > 0 {
            let chunk = self.find(at);
            let (begin, end) = (self.start(chunk), self.start(chunk + 1));
            let reach = if step > 0 { end - 1 - at } else { at - begin };
            let count = (reach / step.unsigned_abs() + 1).min(left);
            parts.push(SlicedChunk { chunk, start: at - begin, len: count });
            left -= count;
            if left > 0 {
                at = at.wrapping_add_signed(step * count as isize);
            }
        }
        if parts.is_empty() {
            parts.push(SlicedChunk { chunk: 0, start: 0, len: 0 });
        }
        (AxisChunks::new(parts.iter().map(|part| part.len)), parts)
    }
}

/// What a slice reads of one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SlicedChunk {
    pub(crate) chunk: usize,
    /// The first index, inside the chunk.
    pub(crate) start: usize,
    pub(crate) len: usize,
}

/// The chunks along all axes: the grid of blocks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grid {
    axes: Arc<[AxisChunks]>,
}

impl Grid {
    pub(crate) fn new(axes: impl Into<Arc<[AxisChunks]>>) -> Grid {
        Grid { axes: axes.into() }
    }

    pub(crate) fn rank(&self) -> usize {
        self.axes.len()
    }

    pub(crate) fn axes(&self) -> &[AxisChunks] {
        &self.axes
    }

    pub(crate) fn axis(&self, axis: usize) -> &AxisChunks {
        &self.axes[axis]
    }

    /// The length of each axis; 0 where it is not known.
    pub(crate) fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(AxisChunks::len).collect()
    }

    /// How many chunks along each axis.
    pub(crate) fn counts(&self) -> Vec<usize> {
        self.axes.iter().map(AxisChunks::count).collect()
    }

    /// The number of blocks.
    pub(crate) fn blocks(&self) -> usize {
        self.axes.iter().map(AxisChunks::count).product()
    }

    pub(crate) fn first_unknown(&self) -> Option<usize> {
        self.axes.iter().position(|axis| !axis.is_known())
    }

    /// An error where a length is not known.
    pub(crate) fn require_known(&self, operation: &str) -> Built<()> {
        match self.first_unknown() {
            None => Ok(()),
            Some(axis) => {
                Err(ArrayError::UnknownChunks { operation: operation.into(), axis, shape: self.shape_text() })
            }
        }
    }

    /// The place of a block in the grid, from its number in row-major order.
    pub(crate) fn place(&self, mut block: usize) -> Vec<usize> {
        let mut place = vec![0; self.rank()];
        for (axis, chunks) in self.axes.iter().enumerate().rev() {
            place[axis] = block % chunks.count();
            block /= chunks.count();
        }
        place
    }

    /// The number of a block in row-major order.
    pub(crate) fn number(&self, place: &[usize]) -> usize {
        self.axes.iter().zip(place).fold(0, |number, (axis, &chunk)| number * axis.count() + chunk)
    }

    /// The first index and the length of a block along each axis.
    pub(crate) fn region(&self, place: &[usize]) -> (Vec<usize>, Vec<usize>) {
        self.axes.iter().zip(place).map(|(axis, &chunk)| (axis.start(chunk), axis.size(chunk))).unzip()
    }

    /// `(20000, 300)`; `?` for what is not known.
    pub(crate) fn shape_text(&self) -> String {
        let lengths = self.axes.iter().map(|axis| if axis.is_known() { axis.len().to_string() } else { "?".into() });
        tuple(lengths.collect())
    }

    /// The size of the largest block along each axis, as text; `?` where it depends on values.
    pub(crate) fn largest_text(&self) -> String {
        let largest = self.axes.iter().map(|axis| match axis.is_known() {
            true => axis.sizes().max().unwrap_or(0).to_string(),
            false => "?".to_owned(),
        });
        tuple(largest.collect())
    }

    /// The size of the largest block along each axis.
    pub(crate) fn largest(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.sizes().max().unwrap_or(0)).collect()
    }
}

/// `(3,)`, `(1000, 3)`
pub(crate) fn tuple(parts: Vec<String>) -> String {
    match parts.as_slice() {
        [one] => format!("({one},)"),
        more => format!("({})", more.join(", ")),
    }
}

pub(crate) fn shape_text(shape: &[usize]) -> String {
    tuple(shape.iter().map(usize::to_string).collect())
}

/// What a chunk of `auto` takes, at the most.
const AUTO_BYTES: usize = 16 << 20;

/// How an array is to be cut.
///
/// Made from one length for all axes, a length for each axis, the lengths of all chunks of each axis, or what a chunk may take,
/// such as `"64 MiB"`: then chunks are as near to cubes as the shape allows. `"auto"` is 16 MiB. A length that is larger than
/// the axis, such as `usize::MAX`, is the whole axis.
///
/// ```
/// use taskloom::prelude::*;
/// let x = Array::<f64>::zeros((4096, 4096), "8 MiB");
/// assert_eq!(x.chunks()[0], [1024, 1024, 1024, 1024]);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Chunking {
    /// One length for all axes.
    Uniform(usize),
    /// One length for each axis.
    PerAxis(Vec<usize>),
    /// The lengths of the chunks of each axis.
    Explicit(Vec<Vec<usize>>),
    /// Cut so that no chunk is larger than about so many bytes.
    Bytes(usize),
    /// Something that was no way to cut an array.
    #[doc(hidden)]
    Unreadable(String),
}

impl From<usize> for Chunking {
    fn from(length: usize) -> Self {
        Chunking::Uniform(length)
    }
}

impl<const N: usize> From<[usize; N]> for Chunking {
    fn from(lengths: [usize; N]) -> Self {
        Chunking::PerAxis(lengths.to_vec())
    }
}

impl From<(usize, usize)> for Chunking {
    fn from((rows, columns): (usize, usize)) -> Self {
        Chunking::PerAxis(vec![rows, columns])
    }
}

impl From<(usize, usize, usize)> for Chunking {
    fn from((first, second, third): (usize, usize, usize)) -> Self {
        Chunking::PerAxis(vec![first, second, third])
    }
}

impl From<Vec<usize>> for Chunking {
    fn from(lengths: Vec<usize>) -> Self {
        Chunking::PerAxis(lengths)
    }
}

impl From<&[usize]> for Chunking {
    fn from(lengths: &[usize]) -> Self {
        Chunking::PerAxis(lengths.to_vec())
    }
}

impl From<Vec<Vec<usize>>> for Chunking {
    fn from(chunks: Vec<Vec<usize>>) -> Self {
        Chunking::Explicit(chunks)
    }
}

impl From<&str> for Chunking {
    fn from(text: &str) -> Self {
        match text {
            "auto" => Chunking::Bytes(AUTO_BYTES),
            _ => match bytes_in(text).map(usize::try_from) {
                Some(Ok(bytes)) => Chunking::Bytes(bytes),
                _ => Chunking::Unreadable(text.to_owned()),
            },
        }
    }
}

impl Chunking {
    /// The grid of an array of this shape, whose elements take `size` bytes.
    pub(crate) fn grid(&self, shape: &[usize], size: usize) -> Built<Grid> {
        let wrong = |chunks: String, why: String| ArrayError::Chunks { chunks, shape: shape_text(shape), why };
        countable("array", shape)?;
        let few = |chunks: &[usize]| {
            let counts: Vec<usize> =
                shape.iter().zip(chunks).map(|(&len, &chunk)| len.div_ceil(chunk.max(1))).collect();
            few_chunks("array", &counts, shape)
        };
        let axes: Vec<AxisChunks> = match self {
            Chunking::Unreadable(text) => {
                return Err(wrong(
                    format!("\"{text}\""),
                    "write one length, a length for each axis, the lengths of all chunks, \"auto\", or bytes as \"64 MiB\"".into(),
                ));
            }
            Chunking::Uniform(0) => return Err(wrong("0".into(), "a chunk has at least one element".into())),
            Chunking::Uniform(chunk) => {
                few(&vec![*chunk; shape.len()])?;
                shape.iter().map(|&len| AxisChunks::regular(len, *chunk)).collect()
            }
            Chunking::PerAxis(lengths) => {
                if lengths.len() != shape.len() {
                    let why = format!("{} lengths for {} axes", lengths.len(), shape.len());
                    return Err(wrong(shape_text(lengths), why));
                }
                if let Some(axis) = (0..shape.len()).find(|&axis| lengths[axis] == 0 && shape[axis] > 0) {
                    return Err(wrong(shape_text(lengths), format!("axis {axis} has chunks of length 0")));
                }
                few(lengths)?;
                shape.iter().zip(lengths).map(|(&len, &chunk)| AxisChunks::regular(len, chunk)).collect()
            }
            Chunking::Explicit(chunks) => {
                let text = || tuple(chunks.iter().map(|chunks| shape_text(chunks)).collect());
                if chunks.len() != shape.len() {
                    return Err(wrong(text(), format!("chunks of {} axes for {}", chunks.len(), shape.len())));
                }
                for (axis, (lengths, &len)) in chunks.iter().zip(shape).enumerate() {
                    let sum = lengths.iter().fold(0_usize, |sum, &length| sum.saturating_add(length));
                    if sum != len || lengths.is_empty() {
                        let why = format!("those of axis {axis} add up to {sum}, and its length is {len}");
                        return Err(wrong(text(), why));
                    }
                }
                chunks.iter().map(|lengths| AxisChunks::new(lengths.iter().copied())).collect()
            }
            Chunking::Bytes(bytes) => {
                let room = (bytes / size.max(1)).max(1);
                let chunks = cubes(shape, room);
                few(&chunks)?;
                chunks.into_iter().zip(shape).map(|(chunk, &len)| AxisChunks::regular(len, chunk)).collect()
            }
        };
        Ok(Grid::new(axes))
    }
}

/// Lengths of chunks of at most `room` elements, as equal as the axes allow.
fn cubes(shape: &[usize], room: usize) -> Vec<usize> {
    let mut chunk: Vec<usize> = shape.iter().map(|&len| len.max(1)).collect();
    // The axes that are shorter than the cube's side are taken whole, which leaves more to the others.
    let mut order: Vec<usize> = (0..shape.len()).collect();
    order.sort_by_key(|&axis| chunk[axis]);
    let mut room = room as f64;
    for (done, &axis) in order.iter().enumerate() {
        let side = room.powf(1.0 / (order.len() - done) as f64);
        if (chunk[axis] as f64) > side {
            // Equal chunks instead of a small one at the end.
            let count = (chunk[axis] as f64 / side.max(1.0)).ceil() as usize;
            chunk[axis] = chunk[axis].div_ceil(count).max(1);
        }
        room /= chunk[axis] as f64;
    }
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_found_and_sliced() {
        let axis = AxisChunks::regular(10, 4);
        assert_eq!(axis.sizes().collect::<Vec<_>>(), [4, 4, 2]);
        assert_eq!((axis.find(0), axis.find(3), axis.find(4), axis.find(9)), (0, 0, 1, 2));
        let (chunks, parts) = axis.sliced(1, 3, 3);
        assert_eq!(chunks.sizes().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(parts[1], SlicedChunk { chunk: 1, start: 0, len: 2 });
        let (chunks, parts) = axis.sliced(9, -1, 10);
        assert_eq!(chunks.sizes().collect::<Vec<_>>(), [2, 4, 4]);
        assert_eq!(parts[0], SlicedChunk { chunk: 2, start: 1, len: 2 });
        let (chunks, _) = axis.sliced(0, 1, 0);
        assert_eq!((chunks.count(), chunks.len()), (1, 0));
    }

    #[test]
    fn automatic_chunks_fill_the_room() {
        let chunk = cubes(&[20_000, 20_000], 1 << 20);
        assert_eq!(chunk[0], chunk[1]);
        assert!(chunk[0] * chunk[1] <= 1 << 20 && chunk[0] * chunk[1] > 1 << 19, "{chunk:?}");
        assert_eq!(cubes(&[1_000_000, 3], 3000), [1000, 3]);
        assert_eq!(cubes(&[5, 0], 100), [5, 1]);
    }

    #[test]
    fn chunks_are_said_in_bytes() {
        let bytes = |text: &str| Chunking::from(text);
        assert_eq!(bytes("64 MiB"), Chunking::Bytes(64 << 20));
        assert_eq!(bytes(" 1.5kb"), Chunking::Bytes(1500));
        assert_eq!(bytes("2GiB"), Chunking::Bytes(2 << 30));
        for wrong in ["64", "MiB", "-1 MiB", "nan B", "inf GB", "1 MiBs", "", "0.5 B"] {
            assert_eq!(bytes(wrong), Chunking::Unreadable(wrong.to_owned()));
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let error = Chunking::from(vec![vec![3, 3], vec![4]]).grid(&[7, 4], 8).unwrap_err().to_string();
        assert_eq!(
            error,
            "chunks ((3, 3), (4,)) do not fit to shape (7, 4): those of axis 0 add up to 6, and its length is 7"
        );
        let error = Chunking::from("big").grid(&[7], 8).unwrap_err().to_string();
        assert!(error.contains("\"auto\""), "{error}");
    }
}
