//! Blocks put together from parts of other blocks: what taking, rolling, padding, repeating and cutting anew have in common.
//!
//! What becomes of an axis is said by runs of indices: where each comes from, or that nothing is there and a value fills it.
//! Runs are cut where chunks are, and the parts of a block are the combinations of the pieces of its axes.

use std::collections::HashMap;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, Axis, IxDyn, Slice, Zip};

use super::chunks::{AxisChunks, Grid};
use super::dispatch::with_type;
use super::element::{Element, Scalar, sealed::Lanes};
use super::lower::Lowering;
use super::memory::{NOT_CACHED, copied_past_the_cache, zeroed};
use super::node::{Block, Node, NodeRef, Operation};
use super::room::room_for_block;
use super::spare::{done_with, overwritten};
use super::work::{as_block, block_task};
use crate::task::{Failure, Step, packed};

/// Shorter rows are not worth the call.
const LONG_ROW: usize = 512;

/// Indices of an axis, one after the other: `from`, `from + step`, …; a step of 0 repeats one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// Nothing where a value fills the place.
    pub(crate) from: Option<usize>,
    pub(crate) step: isize,
    pub(crate) len: usize,
}

impl Run {
    pub(crate) fn new(from: usize, step: isize, len: usize) -> Run {
        Run { from: Some(from), step, len }
    }
}

/// The part of a run that comes from one chunk and goes into one chunk.
#[derive(Debug, Clone)]
struct Piece {
    chunk: usize,
    from: From,
    /// The first index in the new chunk.
    to: usize,
    len: usize,
}

#[derive(Debug, Clone)]
enum From {
    Fill,
    Run {
        start: usize,
        step: isize,
    },
    /// Pairs of indices, in the old chunk and in the new one.
    Pairs(Arc<[(usize, usize)]>),
}

packed!(enum From { Fill, Run { start, step }, Pairs(pairs) });
packed!(Piece { chunk, from, to, len });
packed!(Part { input, axes });

/// Where an axis comes from.
#[derive(Debug, Clone)]
pub(crate) struct AxisPlan {
    /// For each new chunk its pieces; nothing where all chunks stay as they are.
    chunks: Option<Arc<[Box<[Piece]>]>>,
}

impl AxisPlan {
    /// All chunks as they are, also when nobody knows how long they are.
    pub(crate) fn same() -> AxisPlan {
        AxisPlan { chunks: None }
    }

    /// The chunks `new`, filled by runs of indices of an axis with the chunks `old`. The runs are together as long as `new`.
    pub(crate) fn new(old: &AxisChunks, runs: impl IntoIterator<Item = Run>, new: &AxisChunks) -> AxisPlan {
        let mut chunks: Vec<Vec<Piece>> = vec![Vec::new(); new.count()];
        // The new chunk, and how much of it is there already.
        let (mut at, mut filled) = (0, 0);
        for run in runs {
            let mut left = run.len;
            let mut from = run.from;
            while left > 0 {
                while filled == new.size(at) {
                    (at, filled) = (at + 1, 0);
                }
                let room = left.min(new.size(at) - filled);
                let (chunk, source, len) = match from {
                    None => (0, From::Fill, room),
                    Some(index) => {
                        let chunk = old.find(index);
                        let start = index - old.start(chunk);
                        let reach = match run.step {
                            0 => room,
                            step if step > 0 => (old.size(chunk) - 1 - start) / step.unsigned_abs() + 1,
                            step => start / step.unsigned_abs() + 1,
                        };
                        (chunk, From::Run { start, step: run.step }, reach.min(room))
                    }
                };
                chunks[at].push(Piece { chunk, from: source, to: filled, len });
                filled += len;
                left -= len;
                from = from.map(|index| index.wrapping_add_signed(run.step * len as isize));
            }
        }
        AxisPlan { chunks: Some(chunks.into_iter().map(gathered).collect()) }
    }

    /// The same indices in the chunks `new`.
    pub(crate) fn rechunked(old: &AxisChunks, new: &AxisChunks) -> AxisPlan {
        if old == new || !old.is_known() || !new.is_known() {
            return AxisPlan::same();
        }
        AxisPlan::new(old, [Run::new(0, 1, old.len())], new)
    }
}

/// Many short pieces of the same chunk become one list of indices.
fn gathered(pieces: Vec<Piece>) -> Box<[Piece]> {
    let mut by_chunk: HashMap<usize, Vec<(usize, usize)>> = HashMap::new();
    let mut order: Vec<usize> = Vec::new();
    for piece in &pieces {
        if let From::Run { .. } = piece.from {
            by_chunk.entry(piece.chunk).or_insert_with(|| {
                order.push(piece.chunk);
                Vec::new()
            });
        }
    }
    if pieces.len() <= 4 * order.len().max(1) {
        return pieces.into();
    }
    let mut rest: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (&piece.from, by_chunk.get_mut(&piece.chunk)) {
            (&From::Run { start, step }, Some(pairs)) => {
                pairs.extend((0..piece.len).map(|at| (start.wrapping_add_signed(step * at as isize), piece.to + at)));
            }
            _ => rest.push(piece),
        }
    }
    for chunk in order {
        let pairs = by_chunk.remove(&chunk).unwrap_or_default();
        rest.push(Piece { chunk, to: 0, len: pairs.len(), from: From::Pairs(pairs.into()) });
    }
    rest.into()
}

/// An array whose axes come from those of another.
pub(crate) struct Gather {
    input: NodeRef,
    name: String,
    grid: Grid,
    axes: Vec<AxisPlan>,
    fill: Scalar,
    /// Whether parts are copied, so that the memory of the whole block is free when all have been.
    copies: bool,
}

impl Gather {
    /// What nothing else fills is `fill`.
    pub(crate) fn node(input: &NodeRef, name: &str, grid: Grid, axes: Vec<AxisPlan>, fill: Scalar) -> NodeRef {
        let input = Arc::clone(input);
        let operation = Gather { name: name.to_owned(), grid: grid.clone(), axes, fill, copies: false, input };
        Node::blocks(name, operation.input.dtype, grid, operation)
    }

    /// The same elements in other chunks. With `copies`, no part of a block keeps all of it alive.
    pub(crate) fn rechunked(input: &NodeRef, grid: &Grid, copies: bool) -> NodeRef {
        let axes = (0..grid.rank()).map(|axis| AxisPlan::rechunked(input.grid.axis(axis), grid.axis(axis))).collect();
        let (input, fill) = (Arc::clone(input), input.dtype.zero());
        let operation = Gather { name: "rechunk".to_owned(), grid: grid.clone(), axes, fill, copies, input };
        Node::blocks("rechunk", operation.input.dtype, grid.clone(), operation)
    }
}

/// A part of an input's block, and where it goes: a piece for each axis that does not stay as it is.
struct Part {
    input: usize,
    axes: Vec<Option<Piece>>,
}

impl Operation for Gather {
    fn only_moves(&self) -> bool {
        true
    }

    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let same = [None];
        // The pieces of each axis; one that says nothing for an axis that stays.
        let pieces: Vec<Vec<Option<&Piece>>> = (self.axes.iter().zip(place))
            .map(|(plan, &chunk)| match &plan.chunks {
                None => same.to_vec(),
                Some(chunks) => chunks[chunk].iter().map(Some).collect(),
            })
            .collect();
        let mut inputs: Vec<Arc<Step>> = Vec::new();
        let mut known: HashMap<usize, usize> = HashMap::new();
        let mut parts: Vec<Part> = Vec::new();
        let mut from = place.to_vec();
        let mut at = vec![0; pieces.len()];
        let mut more = pieces.iter().all(|pieces| !pieces.is_empty());
        while more {
            let combined: Vec<Option<&Piece>> = pieces.iter().zip(&at).map(|(pieces, &at)| pieces[at]).collect();
            if combined.iter().flatten().all(|piece| !matches!(piece.from, From::Fill)) {
                for (axis, piece) in combined.iter().enumerate() {
                    from[axis] = piece.map_or(place[axis], |piece| piece.chunk);
                }
                let number = self.input.grid.number(&from);
                let input = *known.entry(number).or_insert_with(|| {
                    inputs.push(lowering.block(&self.input, &from));
                    inputs.len() - 1
                });
                parts.push(Part { input, axes: combined.into_iter().map(|piece| piece.cloned()).collect() });
            }
            // The next combination, the last axis first.
            more = match (0..at.len()).rev().find(|&axis| at[axis] + 1 < pieces[axis].len()) {
                Some(axis) => {
                    at[axis] += 1;
                    at[axis + 1..].fill(0);
                    true
                }
                None => false,
            };
        }
        let shape: Vec<Option<usize>> = (self.grid.axes().iter().zip(place))
            .map(|(axis, &chunk)| axis.is_known().then(|| axis.size(chunk)))
            .collect();
        if let [Part { axes, .. }] = &parts[..]
            && self.is_whole(axes, &from, &shape)
        {
            return inputs.remove(0);
        }
        if inputs.is_empty() && shape.contains(&None) {
            // Only a block can tell how long it is.
            let from: Vec<usize> = (self.axes.iter().zip(place))
                .map(|(plan, &chunk)| if plan.chunks.is_none() { chunk } else { 0 })
                .collect();
            inputs.push(lowering.block(&self.input, &from));
        }
        let parameters = (parts, shape, self.fill, self.copies);
        with_type!(self.input.dtype, T => {
            block_task::<T, _, _>(&self.name, inputs, parameters, |(parts, shape, fill, copies), values| {
                let fill = T::from_scalar(*fill);
                put_together(values.into_iter().map(as_block::<T>).collect(), parts, shape, fill, *copies)
            })
        })
    }
}

impl Gather {
    /// Whether a part is the whole of an input's block, and of the new one.
    fn is_whole(&self, axes: &[Option<Piece>], from: &[usize], shape: &[Option<usize>]) -> bool {
        axes.iter().enumerate().all(|(axis, piece)| match piece {
            None => true,
            Some(Piece { from: From::Run { start: 0, step: 1 }, to: 0, len, .. }) => {
                shape[axis] == Some(*len) && self.input.grid.axis(axis).size(from[axis]) == *len
            }
            Some(_) => false,
        })
    }
}

fn put_together<T: Element>(
    mut blocks: Vec<Block<T>>,
    parts: &[Part],
    shape: &[Option<usize>],
    fill: T,
    copies: bool,
) -> Result<Block<T>, Failure> {
    let len = |(axis, len): (usize, &Option<usize>)| match (len, blocks.first()) {
        (Some(len), _) => *len,
        (None, Some(block)) => block.shape()[axis],
        (None, None) => 0,
    };
    let shape: Vec<usize> = shape.iter().enumerate().map(len).collect();
    if let [part] = parts
        && !copies
        && part.axes.iter().zip(&shape).all(|(piece, &len)| match piece {
            None => true,
            Some(piece) => piece.len == len && matches!(piece.from, From::Run { step, .. } if step != 0 || len == 1),
        })
    {
        let mut block = blocks.swap_remove(part.input);
        block.slice_each_axis_inplace(|axis| match &part.axes[axis.axis.index()] {
            Some(Piece { from: From::Run { start, step }, len, .. }) => run_slice(*start, *step, *len),
            _ => Slice::from(..),
        });
        return Ok(block);
    }
    room_for_block(&shape, T::DTYPE)?;
    let count = shape.iter().product();
    let elements = match () {
        () if covers(parts, &shape) => overwritten(count),
        () if fill == T::default() => zeroed(count),
        () => vec![fill; count],
    };
    let whole = ArrayD::from_shape_vec(IxDyn(&shape), elements);
    let mut whole = whole.unwrap_or_else(|_| unreachable!("as many elements as the shape says"));
    let is_large = count * size_of::<T>() >= NOT_CACHED;
    for part in parts {
        let mut source = blocks[part.input].view();
        let mut target = whole.view_mut();
        let mut listed = None;
        for (axis, piece) in part.axes.iter().enumerate() {
            let Some(piece) = piece else { continue };
            match &piece.from {
                From::Fill => {}
                From::Run { start, step } => {
                    let len = if *step == 0 { 1 } else { piece.len };
                    source.slice_axis_inplace(Axis(axis), run_slice(*start, *step, len));
                    target.slice_axis_inplace(Axis(axis), Slice::from(piece.to..piece.to + piece.len));
                }
                From::Pairs(pairs) => listed = Some((axis, pairs)),
            }
        }
        match listed {
            None => assign(target, source, is_large),
            Some((axis, pairs)) => pick(target, source, axis, pairs, part),
        }
    }
    blocks.into_iter().for_each(done_with);
    Ok(whole.into_shared())
}

/// Whether parts, which do not overlap, fill all of a block.
fn covers(parts: &[Part], shape: &[usize]) -> bool {
    let len = |(piece, &len): (&Option<Piece>, &usize)| piece.as_ref().map_or(len, |piece| piece.len);
    let elements = |part: &Part| part.axes.iter().zip(shape).map(len).product::<usize>();
    parts.iter().map(elements).sum::<usize>() == shape.iter().product::<usize>()
}

/// `len` indices from `start` on as ndarray says it; a step of 0 is for one index.
fn run_slice(start: usize, step: isize, len: usize) -> Slice {
    let reach = len.saturating_sub(1) * step.unsigned_abs();
    match (len, step) {
        (0, _) => Slice::new(0, Some(0), 1),
        (_, 0) => Slice::new(start as isize, Some(start as isize + 1), 1),
        (_, 1..) => Slice::new(start as isize, Some((start + reach + 1) as isize), step),
        // ndarray takes the range first, and then reads it from its end.
        _ => Slice::new((start - reach) as isize, Some(start as isize + 1), step),
    }
}

/// Copies, where `source` may have length 1 along axes that repeat. Rows of what `is_large` go past the cache.
fn assign<T: Element>(mut target: ArrayViewMutD<'_, T>, source: ArrayViewD<'_, T>, is_large: bool) {
    let Some(last) = target.ndim().checked_sub(1) else { return target.assign(&source) };
    let in_rows = target.shape() == source.shape()
        && target.shape()[last] * size_of::<T>() >= LONG_ROW
        && [target.strides()[last], source.strides()[last]] == [1, 1];
    if !is_large || !in_rows {
        return target.assign(&source);
    }
    for (mut to, from) in target.rows_mut().into_iter().zip(source.rows()) {
        if let (Some(to), Some(from)) = (to.as_slice_mut(), from.as_slice()) {
            copied_past_the_cache(from, to);
        }
    }
}

/// Copies pairs of indices along one axis.
fn pick<T: Element>(
    mut target: ArrayViewMutD<'_, T>,
    source: ArrayViewD<'_, T>,
    axis: usize,
    pairs: &[(usize, usize)],
    part: &Part,
) {
    // Another axis may have a list of its own.
    let other = (axis + 1..part.axes.len()).chain(0..axis).find_map(|other| match &part.axes[other] {
        Some(Piece { from: From::Pairs(pairs), .. }) => Some((other, pairs)),
        _ => None,
    });
    if let Some((other, list)) = other {
        for &(from, to) in list.iter() {
            let source = source.slice_axis(Axis(other), Slice::from(from..from + 1));
            let target = target.slice_axis_mut(Axis(other), Slice::from(to..to + 1));
            let mut axes = part.axes.clone();
            axes[other] = None;
            pick(target, source, axis, pairs, &Part { input: part.input, axes });
        }
        return;
    }
    let inner: usize = target.shape()[axis + 1..].iter().product();
    if inner > 4 || source.shape().iter().zip(target.shape()).enumerate().any(|(a, (s, t))| a != axis && s != t) {
        for &(from, to) in pairs {
            target.index_axis_mut(Axis(axis), to).assign(&source.index_axis(Axis(axis), from));
        }
    } else {
        // Short runs behind the axis: it is walked along instead.
        Zip::from(target.lanes_mut(Axis(axis))).and(source.lanes(Axis(axis))).for_each(|mut target, source| {
            pairs.iter().for_each(|&(from, to)| target[to] = source[from]);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_cut_where_chunks_are() {
        let old = AxisChunks::regular(10, 4);
        let new = AxisChunks::new([3, 0, 7]);
        let plan = AxisPlan::new(&old, [Run::new(9, -1, 10)], &new);
        let pieces = plan.chunks.expect("the axis changes");
        let told =
            |chunk: usize| pieces[chunk].iter().map(|piece| (piece.chunk, piece.to, piece.len)).collect::<Vec<_>>();
        assert_eq!(told(0), [(2, 0, 2), (1, 2, 1)]);
        assert!(told(1).is_empty());
        assert_eq!(told(2), [(1, 0, 3), (0, 3, 4)]);
    }

    #[test]
    fn scattered_indices_become_a_list_for_each_chunk() {
        let old = AxisChunks::regular(100, 50);
        let runs = (0..60).map(|at| Run::new(at * 37 % 100, 1, 1));
        let plan = AxisPlan::new(&old, runs, &AxisChunks::whole(60));
        assert_eq!(plan.chunks.expect("the axis changes")[0].len(), 2);
    }
}
