//! Where tiles go: into a block, or into what a reduction has gathered so far.

use std::sync::Arc;

use ndarray::{ArcArray, IxDyn};

use super::leaf::{Steps, Tile};
use crate::array::element::{DType, Element, Lane, LaneMut, sealed::Lanes};
use crate::array::memory::filled;
use crate::array::node::Block;
use crate::array::spare::overwritten;
use crate::task::Value;

/// What takes the tiles of one block.
pub(crate) trait Sink {
    /// The step along each axis of the block, in what the sink writes.
    fn strides(&self) -> &[isize];
    /// For a sink that is told of an element's place along the folded axes: the step along each axis.
    fn place_strides(&self) -> Option<&[isize]> {
        None
    }
    /// Whether tiles of several rows help.
    fn likes_rows(&self) -> bool {
        false
    }
    /// Room in the result for a tile that is one run, so that it need not be copied.
    fn room(&mut self, _offset: isize, _tile: Tile, _steps: Steps) -> Option<LaneMut<'_>> {
        None
    }
    /// Takes a tile whose first element goes `offset` steps from the first.
    fn take(&mut self, lane: Lane<'_>, offset: isize, tile: Tile, steps: Steps, place: Place);
    /// The value of the task.
    fn finish(self: Box<Self>) -> Value;
}

/// The place of a tile's first element along the folded axes, and the steps to the others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) first: u64,
    pub(crate) steps: Steps,
}

/// Collects a block.
pub(crate) struct Collect<T> {
    values: Vec<T>,
    shape: Vec<usize>,
    strides: Vec<isize>,
}

impl<T: Element> Collect<T> {
    pub(crate) fn new(shape: &[usize]) -> Self {
        let values = overwritten(shape.iter().product());
        Collect { values, shape: shape.to_vec(), strides: row_major(shape) }
    }
}

/// The strides of an array of this shape that lies in memory row by row.
pub(crate) fn row_major(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis].max(1) as isize;
    }
    strides
}

impl<T: Element> Sink for Collect<T> {
    fn strides(&self) -> &[isize] {
        &self.strides
    }

    fn room(&mut self, offset: isize, tile: Tile, steps: Steps) -> Option<LaneMut<'_>> {
        let is_run = tile.rows == 1 || steps.row == tile.columns as isize;
        let first = offset as usize;
        is_run.then(|| T::lane_mut(&mut self.values[first..first + tile.len()]))
    }

    fn take(&mut self, lane: Lane<'_>, offset: isize, tile: Tile, steps: Steps, _place: Place) {
        for (row, values) in T::read(lane).chunks_exact(tile.columns).enumerate() {
            let first = (offset + row as isize * steps.row) as usize;
            self.values[first..first + tile.columns].copy_from_slice(values);
        }
    }

    fn finish(self: Box<Self>) -> Value {
        Arc::new(block_of(self.values, &self.shape))
    }
}

fn block_of<T: Element>(values: Vec<T>, shape: &[usize]) -> Block<T> {
    let block = ArcArray::from_shape_vec(IxDyn(shape), values);
    block.unwrap_or_else(|_| unreachable!("as many elements as the shape says"))
}

/// A way to fold many elements into one.
///
/// Elements are gathered into states, states of several blocks are merged, always in the same order, and the last state
/// becomes the result. So a result does not depend on how many threads there are.
pub(crate) trait Reducer: Send + Sync + 'static {
    /// What is folded.
    type In: Element;
    /// What is known of the elements so far.
    type State: Clone + Send + Sync + 'static;
    /// The result.
    type Out: Element;

    /// What a person calls it.
    const NAME: &'static str;
    /// Whether [`fold`](Reducer::fold) looks at the places.
    const PLACES: bool = false;

    /// The state of no elements.
    fn empty(&self) -> Self::State;
    /// Folds a run into one state. The elements' places along the folded axes are `place`, `place + step`, …
    fn fold(&self, state: &mut Self::State, run: &[Self::In], place: u64, step: i64);
    /// Folds rows, one below the other, into a state for each column.
    fn fold_columns(&self, states: &mut [Self::State], rows: &[Self::In], place: u64, step: i64);
    /// Folds the state of later elements into that of earlier ones.
    fn merge(&self, into: &mut Self::State, from: &Self::State);
    /// The result.
    fn finish(&self, state: &Self::State) -> Self::Out;
}

/// Shapes of a reduction's results.
pub(crate) struct Folding<'a> {
    /// The block.
    pub(crate) shape: &'a [usize],
    pub(crate) folded: &'a [bool],
    /// The first index of the block along each axis.
    pub(crate) start: &'a [usize],
    /// The lengths of the whole array.
    pub(crate) lengths: &'a [usize],
}

/// A [`Reducer`] whose types are only known when it runs.
pub(crate) trait AnyReducer: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    fn output(&self) -> DType;
    /// What takes the tiles of a block. Its value is the states of the block, as an array with length 1 along folded axes.
    fn sink(&self, folding: &Folding<'_>) -> Box<dyn Sink + '_>;
    /// The states of several blocks, first to last, as one.
    fn merge(&self, parts: Vec<Value>) -> Value;
    /// The results, as a [`Block`]; without the folded axes when they are given.
    fn finish(&self, states: Value, remove: Option<&[bool]>) -> Value;
}

/// The states of a block, row by row. Not an `ArrayD`: its loops over any number of axes would be compiled for each reducer.
#[derive(Clone)]
struct States<S> {
    values: Vec<S>,
    /// 1 along folded axes.
    shape: Vec<usize>,
}

fn states<R: Reducer>(value: Value) -> Arc<States<R::State>> {
    value.downcast().unwrap_or_else(|_| unreachable!("the states of a reduction are its own"))
}

impl<R: Reducer> AnyReducer for R {
    fn name(&self) -> &'static str {
        R::NAME
    }

    fn output(&self) -> DType {
        R::Out::DTYPE
    }

    fn sink(&self, folding: &Folding<'_>) -> Box<dyn Sink + '_> {
        Box::new(Fold::new(self, folding))
    }

    fn merge(&self, parts: Vec<Value>) -> Value {
        let mut parts = parts.into_iter();
        let first = parts.next().unwrap_or_else(|| unreachable!("a merge has at least one part"));
        let mut merged = Arc::unwrap_or_clone(states::<R>(first));
        for part in parts {
            let part = states::<R>(part);
            merged.values.iter_mut().zip(&part.values).for_each(|(into, from)| Reducer::merge(self, into, from));
        }
        Arc::new(merged)
    }

    fn finish(&self, value: Value, remove: Option<&[bool]>) -> Value {
        let states = states::<R>(value);
        let results = states.values.iter().map(|state| Reducer::finish(self, state)).collect();
        let kept = |axis: &usize| !remove.is_some_and(|folded| folded[*axis]);
        let shape: Vec<usize> = (0..states.shape.len()).filter(kept).map(|axis| states.shape[axis]).collect();
        Arc::new(block_of::<R::Out>(results, &shape))
    }
}

/// Folds the tiles of a block.
struct Fold<'r, R: Reducer> {
    reducer: &'r R,
    states: Vec<R::State>,
    /// The shape of the states: 1 along folded axes.
    shape: Vec<usize>,
    strides: Vec<isize>,
    place_strides: Option<Vec<isize>>,
    first_place: u64,
    likes_rows: bool,
}

impl<'r, R: Reducer> Fold<'r, R> {
    fn new(reducer: &'r R, folding: &Folding<'_>) -> Self {
        let Folding { shape, folded, start, lengths } = *folding;
        let kept: Vec<usize> = shape.iter().zip(folded).map(|(&len, &folded)| if folded { 1 } else { len }).collect();
        let mut strides = row_major(&kept);
        let mut places = vec![0; shape.len()];
        let mut step = 1;
        for axis in (0..shape.len()).rev().filter(|&axis| folded[axis]) {
            strides[axis] = 0;
            places[axis] = step as isize;
            step *= lengths[axis];
        }
        let first_place = places.iter().zip(start).map(|(&step, &start)| step as u64 * start as u64).sum();
        Fold {
            reducer,
            states: filled(reducer.empty(), kept.iter().product()),
            shape: kept,
            strides,
            place_strides: R::PLACES.then_some(places),
            first_place,
            likes_rows: folded.last() == Some(&false),
        }
    }
}

impl<R: Reducer> Sink for Fold<'_, R> {
    fn strides(&self) -> &[isize] {
        &self.strides
    }

    fn place_strides(&self) -> Option<&[isize]> {
        self.place_strides.as_deref()
    }

    fn likes_rows(&self) -> bool {
        self.likes_rows
    }

    fn take(&mut self, lane: Lane<'_>, offset: isize, tile: Tile, steps: Steps, place: Place) {
        let values = R::In::read(lane);
        let first = self.first_place + place.first;
        let (down, along) = (place.steps.row as i64, place.steps.column as i64);
        let states = &mut self.states[offset as usize..];
        let is_run = !R::PLACES || tile.rows == 1 || down == along * tile.columns as i64;
        match (steps.row, steps.column) {
            (0, 0) if is_run => self.reducer.fold(&mut states[0], values, first, along),
            (0, column) if column != 0 => {
                self.reducer.fold_columns(&mut states[..tile.columns], values, first, down);
            }
            (row_step, column) => {
                for (row, values) in values.chunks_exact(tile.columns).enumerate() {
                    let state = row * row_step as usize;
                    let first = first.wrapping_add_signed(row as i64 * down);
                    match column {
                        0 => self.reducer.fold(&mut states[state], values, first, along),
                        _ => self.reducer.fold_columns(&mut states[state..state + tile.columns], values, first, down),
                    }
                }
            }
        }
    }

    fn finish(self: Box<Self>) -> Value {
        Arc::new(States { values: self.states, shape: self.shape })
    }
}
