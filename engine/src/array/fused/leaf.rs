//! Where the elements of a tile come from: strided memory, or a function of the element's place.

use std::marker::PhantomData;
use std::sync::Arc;

use ndarray::{ArcArray, ArrayViewD, IxDyn};

use crate::array::element::{Buffer, Element, Lane};
use crate::array::node::Block;
use crate::task::Value;

/// A part of a block that is worked on at once: `rows` times `columns` of the last two axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tile {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl Tile {
    pub(crate) fn len(self) -> usize {
        self.rows * self.columns
    }
}

/// How a leaf steps through a tile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    pub(crate) row: isize,
    pub(crate) column: isize,
}

impl Steps {
    /// Whether a tile is one run, and by what step.
    fn single(self, tile: Tile) -> Option<isize> {
        (tile.rows == 1 || self.row == self.column * tile.columns as isize).then_some(self.column)
    }
}

/// A leaf of one block, ready to give tiles.
pub(crate) trait Open {
    /// The step from one element to the next along each axis.
    fn strides(&self) -> &[isize];
    /// The elements of the tile that begins `offset` steps from the block's first element; `room` is theirs to use.
    ///
    /// # Safety
    /// Every place `offset + i * steps.row + j * steps.column` with `i < tile.rows` and `j < tile.columns` belongs to the
    /// block: it is a sum of the strides, each times less than the length of its axis.
    unsafe fn load<'a>(&'a self, offset: isize, tile: Tile, steps: Steps, room: &'a mut Buffer) -> Lane<'a>;
}

/// Elements in memory.
struct Strided<'a, T> {
    first: *const T,
    strides: Vec<isize>,
    block: PhantomData<&'a [T]>,
}

impl<'a, T: Element> Strided<'a, T> {
    /// The elements of a view, broadcast to a shape.
    fn new(view: &ArrayViewD<'a, T>, shape: &[usize]) -> Self {
        let Some(view) = view.broadcast(IxDyn(shape)) else {
            unreachable!("shapes were found to broadcast when the expression was built")
        };
        Strided { first: view.as_ptr(), strides: view.strides().to_vec(), block: PhantomData }
    }
}

impl<T: Element> Open for Strided<'_, T> {
    fn strides(&self) -> &[isize] {
        &self.strides
    }

    unsafe fn load<'a>(&'a self, offset: isize, tile: Tile, steps: Steps, room: &'a mut Buffer) -> Lane<'a> {
        // SAFETY: the offset is a sum of strides within the view.
        let first = unsafe { self.first.offset(offset) };
        match steps.single(tile) {
            Some(1) => {
                if tile.rows == 1 && steps.row != 0 {
                    prefetch(first.wrapping_offset(steps.row), tile.columns);
                }
                // SAFETY: as the caller promises, all places from here on, one after the other, belong to the view.
                return T::lane(unsafe { std::slice::from_raw_parts(first, tile.len()) });
            }
            Some(0) => {
                // SAFETY: the first place belongs to the view.
                T::room(room)[..tile.len()].fill(unsafe { *first });
            }
            _ => {
                let out = &mut T::room(room)[..tile.len()];
                for (row, out) in out.chunks_exact_mut(tile.columns).enumerate() {
                    // SAFETY: `row` is below `rows`.
                    let first = unsafe { first.offset(row as isize * steps.row) };
                    if steps.column == 1 {
                        // SAFETY: the row's places, one after the other, belong to the view.
                        out.copy_from_slice(unsafe { std::slice::from_raw_parts(first, tile.columns) });
                    } else {
                        for (column, out) in out.iter_mut().enumerate() {
                            // SAFETY: `column` is below `columns`.
                            *out = unsafe { *first.offset(column as isize * steps.column) };
                        }
                    }
                }
            }
        }
        T::lane(&T::room(room)[..tile.len()])
    }
}

/// Asks for the next row while this one is worked on: where a block's rows lie far apart, the processor's own prefetching
/// begins anew with each, and that takes as long as reading the row.
#[inline(always)]
fn prefetch<T>(first: *const T, len: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        const LINE: usize = 64;
        for byte in (0..len * size_of::<T>()).step_by(LINE) {
            // SAFETY: a prefetch of any address is allowed; it reads nothing that could be seen.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(first.cast::<i8>().wrapping_add(byte)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (first, len);
}

/// A function from an element's place, counted in row-major order over a whole array, to the element.
///
/// Because no element depends on another, an array that is generated can be sliced, transposed and cut anew for nothing.
pub(crate) trait Generator<T>: Send + Sync + 'static {
    /// Fills the run whose places are `from`, `from + step`, …
    fn fill(&self, from: u64, step: i64, out: &mut [T]);
}

/// A [`Generator`] whose type is only known when it runs.
pub(crate) trait AnyGenerator: Send + Sync + 'static {
    /// Opens the block whose first element has the place `from`.
    fn open(&self, from: u64, strides: Vec<isize>) -> Box<dyn Open + '_>;
}

struct Generating<T, G> {
    generator: G,
    element: PhantomData<fn() -> T>,
}

/// A generator without its type.
pub(crate) fn generating<T: Element, G: Generator<T>>(generator: G) -> Arc<dyn AnyGenerator> {
    Arc::new(Generating { generator, element: PhantomData })
}

impl<T: Element, G: Generator<T>> AnyGenerator for Generating<T, G> {
    fn open(&self, from: u64, strides: Vec<isize>) -> Box<dyn Open + '_> {
        Box::new(OpenGenerator { generator: &self.generator, from, strides, element: PhantomData })
    }
}

struct OpenGenerator<'g, T, G> {
    generator: &'g G,
    from: u64,
    strides: Vec<isize>,
    element: PhantomData<fn() -> T>,
}

impl<T: Element, G: Generator<T>> Open for OpenGenerator<'_, T, G> {
    fn strides(&self) -> &[isize] {
        &self.strides
    }

    unsafe fn load<'a>(&'a self, offset: isize, tile: Tile, steps: Steps, room: &'a mut Buffer) -> Lane<'a> {
        let out = &mut T::room(room)[..tile.len()];
        let from = self.from.wrapping_add_signed(offset as i64);
        match steps.single(tile) {
            Some(0) => {
                let mut one = [T::default()];
                self.generator.fill(from, 0, &mut one);
                out.fill(one[0]);
            }
            Some(step) => self.generator.fill(from, step as i64, out),
            None => {
                for (row, out) in out.chunks_exact_mut(tile.columns).enumerate() {
                    self.generator.fill(
                        from.wrapping_add_signed((row as isize * steps.row) as i64),
                        steps.column as i64,
                        out,
                    );
                }
            }
        }
        T::lane(&T::room(room)[..tile.len()])
    }
}

/// An array in memory whose type is only known when it runs.
pub(crate) trait AnyArray: Send + Sync + 'static {
    /// Another view of the same memory.
    fn viewed(&self, view: &crate::array::view::View) -> Arc<dyn AnyArray>;
    /// The same memory in another shape with as many elements, if it lies there in row-major order.
    fn reshaped(&self, shape: &[usize]) -> Option<Arc<dyn AnyArray>>;
    /// Whether rows lie one after the other in memory, in whole.
    fn is_row_major(&self) -> bool;
    /// A part of it, as a block that shares the memory.
    fn block(&self, start: &[usize], lengths: &[usize]) -> Value;
    /// Opens a part that is broadcast to a block's shape; `start` and `lengths` have as many axes as the array.
    fn open(&self, start: &[usize], lengths: &[usize], shape: &[usize]) -> Box<dyn Open + '_>;
}

fn part<'a>(start: &'a [usize], lengths: &'a [usize]) -> impl Fn(ndarray::AxisDescription) -> ndarray::Slice + 'a {
    move |axis| {
        let axis = axis.axis.index();
        ndarray::Slice::from(start[axis]..start[axis] + lengths[axis])
    }
}

impl<T: Element> AnyArray for ArcArray<T, IxDyn> {
    fn viewed(&self, view: &crate::array::view::View) -> Arc<dyn AnyArray> {
        Arc::new(view.apply(self.clone()))
    }

    fn reshaped(&self, shape: &[usize]) -> Option<Arc<dyn AnyArray>> {
        let array = self.is_standard_layout().then(|| self.clone())?;
        Some(Arc::new(array.into_shape_with_order(IxDyn(shape)).ok()?))
    }

    fn is_row_major(&self) -> bool {
        self.is_standard_layout()
    }

    fn block(&self, start: &[usize], lengths: &[usize]) -> Value {
        let mut block: Block<T> = self.clone();
        block.slice_each_axis_inplace(part(start, lengths));
        Arc::new(block)
    }

    fn open(&self, start: &[usize], lengths: &[usize], shape: &[usize]) -> Box<dyn Open + '_> {
        let mut view = self.view();
        view.slice_each_axis_inplace(part(start, lengths));
        Box::new(Strided::new(&view, shape))
    }
}

/// Opens a block that another task has made, broadcast to this block's shape.
pub(crate) fn open_block<'a, T: Element>(value: &'a Value, shape: &[usize]) -> Box<dyn Open + 'a> {
    let block = value.downcast_ref::<Block<T>>().unwrap_or_else(|| unreachable!("a handle's type is its node's type"));
    Box::new(Strided::new(&block.view(), shape))
}
