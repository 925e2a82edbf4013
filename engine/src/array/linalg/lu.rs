//! LU factors with exchanged rows, in strips of whole columns.
//!
//! Each strip is a task that sees all rows, so that the largest element of a column is found wherever it is: factors are as
//! stable as LAPACK's, which those of blocks that only exchange their own rows are not.

use std::sync::{Arc, Weak};

use ndarray::{Array2, ArrayViewMut2, s};

use super::dense::{self, Side};
use super::{Shared, as_columns, as_it_was, block, cut_square, failure, matrix, own, require_square};
use crate::array::Array;
use crate::array::chunks::{AxisChunks, Grid};
use crate::array::dispatch::with_float;
use crate::array::element::Float;
use crate::array::error::{Built, built};
use crate::array::lower::Lowering;
use crate::array::node::{Node, NodeRef, Operation, rechunked};
use crate::array::work::{block_task, taken, value_task};
use crate::task::{Step, packed};

/// A strip of columns after its factorisation.
#[derive(Clone)]
struct Panel<T> {
    /// The upper factor's rows, and from row `first` on the factors of what was left.
    columns: Shared<T>,
    first: usize,
    /// The exchanges, counted from row `first`.
    pivots: Arc<dense::Pivots>,
}

impl<T: Float> Panel<T> {
    fn factored(mut columns: Array2<T>, first: usize) -> Panel<T> {
        let pivots = dense::lu_in_place(&mut columns.slice_mut(s![first.., ..]));
        Panel { columns: columns.into_shared(), first, pivots: Arc::new(pivots) }
    }

    /// Does to other columns what was done to these.
    fn apply(&self, to: &mut ArrayViewMut2<'_, T>) {
        let (first, width) = (self.first, self.columns.ncols());
        dense::exchange(to, &self.pivots, first);
        let corner = self.columns.slice(s![first..first + width, ..]);
        let (mut top, mut below) = to.multi_slice_mut((s![first..first + width, ..], s![first + width.., ..]));
        dense::solve_triangular(corner, Side::Lower, true, &mut top);
        dense::subtract_product(&self.columns.slice(s![first + width.., ..]), &top.view(), &mut below);
    }
}

/// The matrix in strips, and the tasks that factor them.
struct Panels {
    strips: NodeRef,
    own: Weak<Node>,
}

/// Blocks of whole columns.
fn in_strips(node: &NodeRef) -> NodeRef {
    rechunked(node, &Grid::new(vec![AxisChunks::whole(node.grid.axis(0).len()), node.grid.axis(1).clone()]))
}

fn panels(node: &NodeRef) -> NodeRef {
    let strips = in_strips(&cut_square(node));
    let count = strips.grid.axis(1).count();
    let grid = Grid::new(vec![AxisChunks::regular(count, 1)]);
    Node::recursive("lu", node.dtype, grid, |own| Panels { strips, own })
}

impl Operation for Panels {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.strips]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let own = own(&self.own);
        let strip = lowering.block(&self.strips, &[0, place[0]]);
        let first = self.strips.grid.axis(1).start(place[0]);
        with_float!(own.dtype, T => {
            let updated = after_panels::<T>("lu", &own, strip, place[0], lowering);
            value_task("lu", vec![updated], first, |&first, mut values| {
                Ok(Panel::factored(matrix::<T>(values.remove(0)).into_owned(), first))
            })
        })
    }
}

/// Columns to which the first panels were applied, one after the other.
fn after_panels<T: Float>(
    name: &str,
    panels: &NodeRef,
    strip: Arc<Step>,
    count: usize,
    lowering: &mut Lowering,
) -> Arc<Step> {
    let mut strip = strip;
    for panel in 0..count {
        let panel = lowering.block(panels, &[panel]);
        strip = block_task::<T, _, _>(name, vec![strip, panel], (), |(), mut values| {
            let panel = taken::<Panel<T>>(values.remove(1));
            let mut columns = matrix::<T>(values.remove(0)).into_owned();
            panel.apply(&mut columns.view_mut());
            Ok(block(columns))
        });
    }
    strip
}

packed! {
    /// The factors as strips of their own.
    #[derive(Clone, Copy)]
    enum Part {
        Permutation,
        Lower,
        Upper,
    }
}

struct Pick {
    panels: NodeRef,
    columns: AxisChunks,
    part: Part,
}

impl Operation for Pick {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.panels]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let (start, width, rows) = (self.columns.start(place[1]), self.columns.size(place[1]), self.columns.len());
        let count = self.columns.count();
        let needed = match self.part {
            Part::Permutation => 0..count,
            Part::Lower => place[1]..count,
            Part::Upper => place[1]..place[1] + 1,
        };
        let inputs = needed.map(|panel| lowering.block(&self.panels, &[panel])).collect();
        let parameters = (self.part, start, width, rows);
        with_float!(self.panels.dtype, T => block_task::<T, _, _>("lu", inputs, parameters, |&parameters, values| {
            let (part, start, width, rows) = parameters;
            let panels: Vec<Panel<T>> = values.into_iter().map(taken).collect();
            let one = <T as crate::array::element::Element>::one();
            let mut strip = Array2::from_elem((rows, width), T::default());
            match part {
                Part::Upper => {
                    for ((row, column), value) in strip.indexed_iter_mut() {
                        if row <= start + column {
                            *value = panels[0].columns[[row, column]];
                        }
                    }
                }
                Part::Lower => {
                    for ((row, column), value) in strip.indexed_iter_mut() {
                        match row.cmp(&(start + column)) {
                            std::cmp::Ordering::Greater => *value = panels[0].columns[[row, column]],
                            std::cmp::Ordering::Equal => *value = one,
                            std::cmp::Ordering::Less => {}
                        }
                    }
                    for panel in &panels[1..] {
                        dense::exchange(&mut strip.view_mut(), &panel.pivots, panel.first);
                    }
                }
                Part::Permutation => {
                    // Where each row went.
                    let mut order: Vec<usize> = (0..rows).collect();
                    for panel in &panels {
                        for (row, &pivot) in panel.pivots.iter().enumerate() {
                            order.swap(panel.first + row, panel.first + pivot);
                        }
                    }
                    for column in 0..width {
                        strip[[order[start + column], column]] = one;
                    }
                }
            }
            Ok(block(strip))
        }))
    }
}

fn lu(node: &NodeRef) -> Built<[NodeRef; 3]> {
    require_square("lu", node)?;
    let cut = cut_square(node);
    let panels = panels(node);
    let columns = cut.grid.axis(1).clone();
    let strips = Grid::new(vec![AxisChunks::whole(columns.len()), columns.clone()]);
    Ok([Part::Permutation, Part::Lower, Part::Upper].map(|part| {
        let pick = Pick { panels: Arc::clone(&panels), columns: columns.clone(), part };
        rechunked(&Node::blocks("lu", node.dtype, strips.clone(), pick), &cut.grid)
    }))
}

/// The solution in strips, from a right-hand side in strips.
struct Solve {
    name: String,
    panels: NodeRef,
    columns: AxisChunks,
    right: NodeRef,
}

pub(super) fn solve(name: &str, node: &NodeRef, right: &NodeRef) -> Built<NodeRef> {
    require_square(name, node)?;
    let (right, vector) = as_columns(name, right, node)?;
    let right = in_strips(&right);
    let rows = node.grid.axis(0).clone();
    let grid = right.grid.clone();
    let operation = Solve { name: name.to_owned(), panels: panels(node), columns: rows.clone(), right };
    let solution = Node::blocks(name, node.dtype, grid.clone(), operation);
    let cut = Grid::new(vec![rows, grid.axis(1).clone()]);
    Ok(as_it_was(rechunked(&solution, &cut), vector))
}

impl Operation for Solve {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.panels, &self.right]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let right = lowering.block(&self.right, place);
        let count = self.columns.count();
        with_float!(self.panels.dtype, T => {
            let mut strip = after_panels::<T>(&self.name, &self.panels, right, count, lowering);
            for panel in (0..count).rev() {
                let panel = lowering.block(&self.panels, &[panel]);
                strip = block_task::<T, _, _>(&self.name, vec![strip, panel], (), |(), mut values| {
                    let Panel { columns, first, .. } = taken::<Panel<T>>(values.remove(1));
                    let mut solved = matrix::<T>(values.remove(0)).into_owned();
                    let width = columns.ncols();
                    let corner = columns.slice(s![first..first + width, ..]);
                    if let Some(zero) = corner.diag().iter().position(|&pivot| pivot == T::default()) {
                        return Err(failure(format!(
                            "the matrix is singular: column {} depends on those before it",
                            first + zero
                        )));
                    }
                    let (mut above, mut own) = solved.multi_slice_mut((s![..first, ..], s![first..first + width, ..]));
                    dense::solve_triangular(corner, Side::Upper, false, &mut own);
                    dense::subtract_product(&columns.slice(s![..first, ..]), &own.view(), &mut above);
                    Ok(block(solved))
                });
            }
            strip
        })
    }
}

impl<T: Float> Array<T> {
    /// The LU factors of a square matrix: a permutation `p`, the lower triangle `l` with ones on its diagonal, and the upper
    /// one `u`, whose product the matrix is.
    ///
    /// Rows are exchanged wherever they are, as in LAPACK, so a task holds a strip of whole columns: two of them have to
    /// fit into memory for each thread, beside the result.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::random((50, 50), 20).seed(1).normal(0.0, 1.0);
    /// let (p, l, u) = x.lu();
    /// assert!((p.matmul(&l).matmul(&u) - x).abs().max().item()? < 1e-12);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When it is not a square matrix, or a length is not known.
    #[track_caller]
    pub fn lu(&self) -> (Array<T>, Array<T>, Array<T>) {
        let [p, l, u] = built(lu(self.node()));
        (Array::of(p), Array::of(l), Array::of(u))
    }
}
