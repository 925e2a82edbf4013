//! Folding an axis by groups: what months are to days.
//!
//! Each block is folded once, to the states of those groups that it has something of; a tree merges the states of each
//! group. So a mean of months over thirty years holds no more than it reads and twelve months of sums.

use std::sync::Arc;

use ndarray::{Axis, IxDyn};

use super::Array;
use super::by_place::by_place;
use super::chunks::{AxisChunks, Grid};
use super::dispatch::{with_float, with_number, with_ordered, with_real, with_type};
use super::element::{DType, Element, sealed::Lanes};
use super::error::Built;
use super::fused::{
    AnyReducer, Folding, Max, Mean, Min, NanMax, NanMean, NanMin, Place, Product, Steps, Sum, Tile, Variance,
};
use super::gather::Run;
use super::lower::Lowering;
use super::node::{Block, NodeRef};
use super::room::manageable;
use super::take::along;
use super::work::{as_block, block_task, merged, taken, value_task};
use crate::task::{Step, Value, packed};

packed! {
    /// A way to fold the elements of a group. Those of floats leave out NaNs, but for sums and products.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum GroupFold {
        Sum,
        Prod,
        Mean,
        Min,
        Max,
        Var,
        Std,
    }
}

impl GroupFold {
    fn reducer(self, dtype: DType) -> Arc<dyn AnyReducer> {
        let float = matches!(dtype, DType::F32 | DType::F64);
        let variance = |root: bool| -> Arc<dyn AnyReducer> {
            with_real!(dtype, T => Arc::new(Variance::<T> { ddof: 0, root, skip_nan: float, element: std::marker::PhantomData }))
        };
        match self {
            GroupFold::Sum => with_number!(dtype, T => Arc::new(Sum::<T>::new())),
            GroupFold::Prod => with_number!(dtype, T => Arc::new(Product::<T>::new())),
            GroupFold::Mean if float => with_float!(dtype, T => Arc::new(NanMean::<T>::new())),
            GroupFold::Mean => with_number!(dtype, T => Arc::new(Mean::<T>::new())),
            GroupFold::Min if float => with_float!(dtype, T => Arc::new(NanMin::<T>::new())),
            GroupFold::Min => with_ordered!(dtype, T => Arc::new(Min::<T>::new())),
            GroupFold::Max if float => with_float!(dtype, T => Arc::new(NanMax::<T>::new())),
            GroupFold::Max => with_ordered!(dtype, T => Arc::new(Max::<T>::new())),
            GroupFold::Var => variance(false),
            GroupFold::Std => variance(true),
        }
    }
}

/// The states of the groups of one chunk of the result, where there are any.
type States = Vec<Option<Value>>;

/// The chunks of the groups. Groups that go with the axis are cut where it is, so that a block needs one or two others;
/// those that come again and again are cut so that no block of states is larger than what it is made from.
fn chunks_of_groups(chunks: &AxisChunks, codes: &[usize], groups: usize) -> AxisChunks {
    if !codes.is_sorted() {
        let widest = chunks.sizes().max().unwrap_or(1);
        return AxisChunks::regular(groups, widest);
    }
    // A group belongs to the chunk in which it begins, and one without elements to that of the group before.
    let begins = (0..chunks.count()).map(|chunk| match codes.get(chunks.start(chunk)) {
        _ if chunks.start(chunk) == 0 => 0,
        Some(&code) if codes[chunks.start(chunk) - 1] == code => code + 1,
        Some(&code) => code,
        None => groups,
    });
    let mut begins: Vec<usize> = begins.chain([groups]).collect();
    begins.dedup();
    if begins.len() == 1 {
        return AxisChunks::whole(groups);
    }
    AxisChunks::new(begins.windows(2).map(|pair| pair[1].saturating_sub(pair[0])))
}

/// An array whose `axis` is folded by groups: `codes` tells the group of each element along it. A group without elements
/// has what the fold makes of nothing.
pub(crate) fn grouped(fold: GroupFold, node: &NodeRef, axis: usize, codes: &[usize], groups: usize) -> Built<NodeRef> {
    let reducer = fold.reducer(node.dtype);
    let name = format!("groupby_{}", reducer.name());
    let of_groups = chunks_of_groups(node.grid.axis(axis), codes, groups);
    let mut axes = node.grid.axes().to_vec();
    axes[axis] = of_groups.clone();
    let grid = Grid::new(axes);
    manageable(&name, &grid)?;
    // The chunks of the axis that have something of the groups of each chunk of the result.
    let chunks = node.grid.axis(axis);
    let mut needed: Vec<Vec<usize>> = vec![Vec::new(); of_groups.count()];
    for chunk in 0..chunks.count() {
        for &code in &codes[chunks.start(chunk)..chunks.start(chunk + 1)] {
            let needed = &mut needed[of_groups.find(code)];
            if needed.last() != Some(&chunk) {
                needed.push(chunk);
            }
        }
    }
    let codes: Arc<[usize]> = codes.into();
    let (dtype, output) = (node.dtype, reducer.output());
    let task = name.clone();
    let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
        let input = &inputs[0];
        let chunks = input.grid.axis(axis);
        let (first, count) = (of_groups.start(place[axis]), of_groups.size(place[axis]));
        let mut at = place.to_vec();
        let mut parts: Vec<Arc<Step>> = Vec::new();
        for &chunk in &needed[place[axis]] {
            let codes = codes[chunks.start(chunk)..chunks.start(chunk + 1)].to_vec();
            at[axis] = chunk;
            let block = lowering.block(input, &at);
            let parameters = ((fold, dtype), (axis, codes), (first, count));
            parts.push(value_task(&task, vec![block], parameters, |parameters, mut values| {
                let ((fold, dtype), (axis, codes), (first, count)) = parameters;
                Ok(folded(*dtype, &*fold.reducer(*dtype), values.remove(0), *axis, codes, *first, *count))
            }));
        }
        let mut shape = grid_shape(input, place, axis);
        shape[axis] = 1;
        let states = match parts.len() {
            0 => Vec::new(),
            _ => {
                let join =
                    |&(fold, dtype): &(GroupFold, DType), parts: Vec<States>| merge(&*fold.reducer(dtype), parts);
                vec![merged(&task, parts, &(fold, dtype), join)]
            }
        };
        with_type!(output, T => {
            block_task::<T, _, _>(&task, states, ((fold, dtype), (shape, axis, count)), |parameters, mut values| {
                let &((fold, dtype), (ref shape, axis, count)) = parameters;
                let states: States = values.pop().map_or_else(|| vec![None; count], taken);
                Ok(finished::<T>(&*fold.reducer(dtype), states, shape, axis))
            })
        })
    };
    Ok(by_place(&name, output, grid, vec![Arc::clone(node)], make))
}

fn grid_shape(input: &NodeRef, place: &[usize], without: usize) -> Vec<usize> {
    let length = |(axis, &chunk): (usize, &usize)| if axis == without { 1 } else { input.grid.axis(axis).size(chunk) };
    place.iter().enumerate().map(length).collect()
}

/// The states of the groups `first..first + count` of which the block has elements.
fn folded(
    dtype: DType,
    reducer: &dyn AnyReducer,
    block: Value,
    axis: usize,
    codes: &[usize],
    first: usize,
    count: usize,
) -> States {
    with_type!(dtype, T => {
        let block: Block<T> = as_block(block);
        let block = block.as_standard_layout();
        let shape = block.shape().to_vec();
        let values = block.as_slice().unwrap_or_default();
        let outer: usize = shape[..axis].iter().product();
        let inner: usize = shape[axis + 1..].iter().product();
        let len = shape[axis];
        let fold_axis: Vec<bool> = (0..shape.len()).map(|at| at == axis).collect();
        let start = vec![0; shape.len()];
        let folding = Folding { shape: &shape, folded: &fold_axis, start: &start, lengths: &shape };
        let mut sinks: Vec<Option<_>> = (0..count).map(|_| None).collect();
        let mut at = 0;
        while at < len {
            // Neighbours of one group are folded together.
            let code = codes[at];
            let run = codes[at..].iter().take_while(|&&other| other == code).count();
            if (first..first + count).contains(&code) {
                let sink = sinks[code - first].get_or_insert_with(|| reducer.sink(&folding));
                let (tile, steps) = match inner {
                    1 => (Tile { rows: 1, columns: run }, Steps { row: 0, column: 0 }),
                    _ => (Tile { rows: run, columns: inner }, Steps { row: 0, column: 1 }),
                };
                let place = Place { first: 0, steps: Steps { row: 0, column: 0 } };
                for outer in (0..outer).filter(|_| inner > 0) {
                    let from = (outer * len + at) * inner;
                    sink.take(T::lane(&values[from..from + run * inner]), (outer * inner) as isize, tile, steps, place);
                }
            }
            at += run;
        }
        sinks.into_iter().map(|sink| sink.map(|sink| sink.finish())).collect()
    })
}

fn merge(reducer: &dyn AnyReducer, parts: Vec<States>) -> States {
    let groups = parts.first().map_or(0, Vec::len);
    let mut of_groups: Vec<Vec<Value>> = vec![Vec::new(); groups];
    for part in parts {
        for (group, state) in of_groups.iter_mut().zip(part) {
            group.extend(state);
        }
    }
    let one = |mut states: Vec<Value>| match states.len() {
        0 => None,
        1 => states.pop(),
        _ => Some(reducer.merge(states)),
    };
    of_groups.into_iter().map(one).collect()
}

/// The results of all groups, one after the other along the axis; `shape` is that of one.
fn finished<T: Element>(reducer: &dyn AnyReducer, states: States, shape: &[usize], axis: usize) -> Block<T> {
    let nothing = || {
        let folded: Vec<bool> = (0..shape.len()).map(|at| at == axis).collect();
        let start = vec![0; shape.len()];
        reducer.sink(&Folding { shape, folded: &folded, start: &start, lengths: shape }).finish()
    };
    let mut whole = shape.to_vec();
    whole[axis] = states.len();
    let mut result = ndarray::ArrayD::<T>::default(IxDyn(&whole));
    for (group, state) in states.into_iter().enumerate() {
        let block: Block<T> = as_block(reducer.finish(state.unwrap_or_else(nothing), None));
        result.index_axis_mut(Axis(axis), group).assign(&block.index_axis(Axis(axis), 0));
    }
    result.into_shared()
}

/// The elements at some places of an axis, in chunks as long as those of the axis `of` of another array: what was folded by
/// groups, spread out again.
pub(crate) fn spread<T, U>(array: &Array<T>, axis: usize, places: &[usize], other: &Array<U>, of: usize) -> Array<T> {
    let runs = places.iter().map(|&place| Run::new(place, 1, 1));
    Array::of(along(array.node(), "spread", axis, runs, other.node().grid.axis(of).clone()))
}
