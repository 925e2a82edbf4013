//! Functions of blocks that know where they are, change their shape, or take blocks of two arrays.

use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD};

use super::Array;
use super::by_place::by_place;
use super::chunks::{AxisChunks, Grid};
use super::create::fits;
use super::element::Element;
use super::error::{ArrayError, Built, built};
use super::lower::Lowering;
use super::node::{NodeRef, rechunked};
use super::reduce::axis_of;
use super::work::{as_block, block_task};
use crate::task::{Made, packed};

/// Which block of an array a function is called for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockInfo {
    /// The number of the block along each axis.
    pub place: Vec<usize>,
    /// The index of its first element along each axis.
    pub start: Vec<usize>,
    /// Its length along each axis.
    pub shape: Vec<usize>,
    /// The shape of the whole array.
    pub array_shape: Vec<usize>,
    /// How many blocks there are along each axis.
    pub numblocks: Vec<usize>,
}

impl BlockInfo {
    fn new(grid: &Grid, place: &[usize]) -> BlockInfo {
        let (start, shape) = grid.region(place);
        BlockInfo { place: place.to_vec(), start, shape, array_shape: grid.shape(), numblocks: grid.counts() }
    }
}

packed!(BlockInfo { place, start, shape, array_shape, numblocks });

type WithInfo<T, R> = dyn Fn(ArrayViewD<'_, T>, &BlockInfo) -> ArrayD<R> + Send + Sync;
type OnBoth<T, U, R> = dyn Fn(ArrayViewD<'_, T>, ArrayViewD<'_, U>) -> ArrayD<R> + Send + Sync;

fn with_info<T: Element, R: Element>(
    operation: &'static str,
    function: impl Fn(ArrayViewD<'_, T>, &BlockInfo) -> ArrayD<R> + Send + Sync + 'static,
) -> Made<WithInfo<T, R>> {
    Made::<WithInfo<T, R>>::given(operation, function, (), |function, ()| Arc::new(function))
}

/// A function of blocks; `from` says which block of the input is at a place of the new grid.
fn mapped<T: Element, R: Element>(
    input: &NodeRef,
    grid: Grid,
    from: impl Fn(&[usize]) -> Vec<usize> + Send + Sync + 'static,
    function: Made<WithInfo<T, R>>,
) -> NodeRef {
    let own = grid.clone();
    let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
        let at = from(place);
        let block = lowering.block(&inputs[0], &at);
        let info = BlockInfo::new(&inputs[0].grid, &at);
        let parameters = (function.clone(), info, own.region(place).1);
        block_task::<R, _, _>("map_blocks", vec![block], parameters, |(function, info, wanted), mut values| {
            let block = as_block::<T>(values.remove(0));
            fits(function(block.view(), info).into_shared(), wanted)
        })
    };
    by_place("map_blocks", R::DTYPE, grid, vec![Arc::clone(input)], make)
}

impl<T: Element> Array<T> {
    /// A function of each block that is told where the block is, and gives a block of the same shape.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::zeros((6,), 2);
    /// let starts = x.map_blocks_with(|block, info| block.mapv(|_| info.start[0] as i64));
    /// assert_eq!(starts.compute()?.as_slice(), Some(&[0, 0, 2, 2, 4, 4][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When a length is not known.
    #[track_caller]
    pub fn map_blocks_with<R: Element>(
        &self,
        function: impl Fn(ArrayViewD<'_, T>, &BlockInfo) -> ArrayD<R> + Send + Sync + 'static,
    ) -> Array<R> {
        built(self.node().grid.require_known("map_blocks_with"));
        Array::of(mapped(self.node(), self.node().grid.clone(), <[usize]>::to_vec, with_info("map_blocks", function)))
    }

    /// A function of each block that gives a block of another shape: `chunks` says the lengths along each axis. There are
    /// as many blocks as before.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(6, 3);
    /// let firsts = x.map_blocks_to(vec![vec![1, 1]], |block, _| block.slice(s![..1]).to_owned().into_dyn());
    /// assert_eq!(firsts.compute()?.as_slice(), Some(&[0, 3][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there are not as many chunks as before along an axis, or a length is not known. Computing fails when a block
    /// has not the shape that was said.
    #[track_caller]
    pub fn map_blocks_to<R: Element>(
        &self,
        chunks: Vec<Vec<usize>>,
        function: impl Fn(ArrayViewD<'_, T>, &BlockInfo) -> ArrayD<R> + Send + Sync + 'static,
    ) -> Array<R> {
        let grid = &self.node().grid;
        built(grid.require_known("map_blocks_to"));
        let counts: Vec<usize> = chunks.iter().map(Vec::len).collect();
        if counts != grid.counts() {
            let why = format!("{counts:?} blocks along the axes are said, and there are {:?}", grid.counts());
            built::<()>(Err(ArrayError::Shape { operation: "map_blocks_to".into(), why, shape: grid.shape_text() }));
        }
        let new = Grid::new(chunks.into_iter().map(AxisChunks::new).collect::<Vec<_>>());
        Array::of(mapped(self.node(), new, <[usize]>::to_vec, with_info("map_blocks", function)))
    }

    /// A function of each block that gives a block without the axes `drop`, and with new axes: `new` says their places among
    /// the axes of the result, and their lengths.
    ///
    /// Axes that are dropped are read whole: the array is cut so that they have one chunk.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::ndarray::Axis;
    /// let x = Array::<i64>::ones((4, 6), 3);
    /// let sums = x.map_blocks_axes(&[1], &[], |block, _| block.sum_axis(Axis(1)));
    /// assert_eq!(sums.compute()?.as_slice(), Some(&[6, 6, 6, 6][..]));
    /// let pairs = x.map_blocks_axes(&[], &[(0, 2)], |block, _| ndarray::stack![Axis(0), block, block]);
    /// assert_eq!(pairs.shape(), [2, 4, 6]);
    /// # use taskloom::ndarray;
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such axis or place for one, one is named twice, or a length is not known. Computing fails when a
    /// block has not the shape that was said.
    #[track_caller]
    pub fn map_blocks_axes<R: Element>(
        &self,
        drop: &[isize],
        new: &[(usize, usize)],
        function: impl Fn(ArrayViewD<'_, T>, &BlockInfo) -> ArrayD<R> + Send + Sync + 'static,
    ) -> Array<R> {
        Array::of(built(with_axes(self.node(), drop, new, with_info("map_blocks_axes", function))))
    }

    /// A function of blocks of two arrays, whose axes are named by letters, as in Einstein's sums: axes of the same letter
    /// are cut alike, and the function gets the blocks that meet. Axes whose letter is not in `out` are read whole.
    ///
    /// The result has the axes that `out` names; a block of it is as long along each as the blocks it is made from. Arrays
    /// of length 1 along an axis meet all blocks.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let (x, y) = (Array::<f64>::arange(4, 2), Array::<f64>::ones((3,), 2));
    /// let outer = Array::blockwise("ij", (&x, "i"), (&y, "j"), |x, y| {
    ///     ndarray::ArrayD::from_shape_fn(vec![x.len(), y.len()], |at| x[at[0]] * y[at[1]])
    /// });
    /// assert_eq!((outer.shape(), outer.sum().item()?), (vec![4, 3], 18.0));
    /// # use taskloom::ndarray;
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When letters and axes do not fit together, lengths of axes of the same letter differ, or a length is not known.
    /// Computing fails when a block has not the shape that follows.
    #[track_caller]
    pub fn blockwise<U: Element, R: Element>(
        out: &str,
        left: (&Array<T>, &str),
        right: (&Array<U>, &str),
        function: impl Fn(ArrayViewD<'_, T>, ArrayViewD<'_, U>) -> ArrayD<R> + Send + Sync + 'static,
    ) -> Array<R> {
        let (names, inputs) = ([left.1, right.1], [left.0.node(), right.0.node()]);
        let Aligned { grid, inputs, from } = built(aligned("blockwise", out, &names, &inputs));
        let function = Made::<OnBoth<T, U, R>>::given("blockwise", function, (), |function, ()| Arc::new(function));
        let own = grid.clone();
        let make = move |inputs: &[NodeRef], place: &[usize], lowering: &mut Lowering| {
            let steps = inputs.iter().zip(&from).map(|(input, from)| {
                let at: Vec<usize> = from.iter().map(|axis| axis.map_or(0, |axis| place[axis])).collect();
                lowering.block(input, &at)
            });
            let parameters = (function.clone(), own.region(place).1);
            block_task::<R, _, _>("blockwise", steps.collect(), parameters, |(function, wanted), mut values| {
                let right = as_block::<U>(values.remove(1));
                let left = as_block::<T>(values.remove(0));
                fits(function(left.view(), right.view()).into_shared(), wanted)
            })
        };
        Array::of(by_place("blockwise", R::DTYPE, grid, inputs, make))
    }
}

fn with_axes<T: Element, R: Element>(
    node: &NodeRef,
    drop: &[isize],
    new: &[(usize, usize)],
    function: Made<WithInfo<T, R>>,
) -> Built<NodeRef> {
    const NAME: &str = "map_blocks_axes";
    let grid = &node.grid;
    grid.require_known(NAME)?;
    let mut whole = grid.axes().to_vec();
    let mut dropped = vec![false; grid.rank()];
    for &axis in drop {
        let axis = axis_of(NAME, axis, grid)?;
        if std::mem::replace(&mut dropped[axis], true) {
            return Err(ArrayError::AxisTwice { operation: NAME.into(), axis });
        }
        whole[axis] = AxisChunks::whole(whole[axis].len());
    }
    let input = rechunked(node, &Grid::new(whole));
    // For each axis of the result the one that it comes from, or none.
    let mut from: Vec<Option<usize>> = (0..grid.rank()).filter(|&axis| !dropped[axis]).map(Some).collect();
    let mut axes: Vec<AxisChunks> = from.iter().flatten().map(|&axis| input.grid.axis(axis).clone()).collect();
    let mut added = new.to_vec();
    added.sort_unstable();
    for (place, len) in added {
        if place > axes.len() {
            let why = format!("there is no place {place} for a new axis among {}", axes.len() + 1);
            return Err(ArrayError::Shape { operation: NAME.into(), why, shape: grid.shape_text() });
        }
        axes.insert(place, AxisChunks::whole(len));
        from.insert(place, None);
    }
    let rank = grid.rank();
    let at = move |place: &[usize]| {
        let mut at = vec![0; rank];
        for (axis, &chunk) in from.iter().zip(place) {
            if let Some(axis) = axis {
                at[*axis] = chunk;
            }
        }
        at
    };
    Ok(mapped(&input, Grid::new(axes), at, function))
}

/// Arrays cut so that blocks of axes of the same name meet.
pub(crate) struct Aligned {
    pub(crate) grid: Grid,
    pub(crate) inputs: Vec<NodeRef>,
    /// For each axis of each input the axis of the result whose chunks it has; nothing where it has one chunk.
    pub(crate) from: Vec<Vec<Option<usize>>>,
}

pub(crate) fn aligned(operation: &str, out: &str, names: &[&str], inputs: &[&NodeRef]) -> Built<Aligned> {
    let wrong = |why: String| ArrayError::Parameter { operation: operation.to_owned(), why };
    let out: Vec<char> = out.chars().collect();
    let mut known: Vec<(char, AxisChunks)> = Vec::new();
    for (names, input) in names.iter().zip(inputs) {
        input.grid.require_known(operation)?;
        if names.chars().count() != input.grid.rank() {
            let shape = input.grid.shape_text();
            return Err(wrong(format!("\"{names}\" does not name the axes of an array of shape {shape}")));
        }
        for (axis, name) in names.chars().enumerate() {
            if names.chars().filter(|&other| other == name).count() > 1 {
                return Err(wrong(format!("\"{names}\" names the axis {name} twice")));
            }
            let own = input.grid.axis(axis);
            match known.iter_mut().find(|(other, _)| *other == name) {
                None => known.push((name, own.clone())),
                Some((_, chunks)) if chunks.len() == own.len() => *chunks = chunks.refined(own),
                Some((_, chunks)) if chunks.len() == 1 => *chunks = own.clone(),
                Some(_) if own.len() == 1 => {}
                Some((_, chunks)) => {
                    return Err(wrong(format!("the axis {name} has lengths {} and {}", chunks.len(), own.len())));
                }
            }
        }
    }
    // One element has one chunk, without empty ones beside it.
    known.iter_mut().filter(|(_, chunks)| chunks.len() == 1).for_each(|(_, chunks)| *chunks = AxisChunks::whole(1));
    let mut axes = Vec::new();
    for (at, name) in out.iter().enumerate() {
        match known.iter().find(|(other, _)| other == name) {
            Some(_) if out[..at].contains(name) => {
                return Err(wrong(format!("the result names the axis {name} twice")));
            }
            Some((_, chunks)) => axes.push(chunks.clone()),
            None => return Err(wrong(format!("the result has an axis {name}, and no array has"))),
        }
    }
    let mut from = Vec::new();
    let mut cut = Vec::new();
    for (names, input) in names.iter().zip(inputs) {
        let places: Vec<Option<usize>> = (names.chars().enumerate())
            .map(|(axis, name)| match input.grid.axis(axis).len() {
                1 => None,
                _ => out.iter().position(|&other| other == name),
            })
            .collect();
        let own = places.iter().enumerate().map(|(axis, place)| match place {
            Some(place) => axes[*place].clone(),
            None => AxisChunks::whole(input.grid.axis(axis).len()),
        });
        cut.push(rechunked(input, &Grid::new(own.collect::<Vec<_>>())));
        from.push(places);
    }
    Ok(Aligned { grid: Grid::new(axes), inputs: cut, from })
}
