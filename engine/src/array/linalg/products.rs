//! Products of vectors, matrices, and arrays of more axes.

use std::sync::Arc;

use super::contract::{Label, Labelled, contract};
use crate::array::Array;
use crate::array::chunks::Grid;
use crate::array::element::{Element, Number};
use crate::array::elementwise::{Binary, together};
use crate::array::error::{ArrayError, Built, built};
use crate::array::node::NodeRef;
use crate::array::reduce::axis_of;

/// The axes that [`tensordot`](Array::tensordot) sums over: so many, the last of the one array and the first of the other;
/// or the axes of the one and, in the same order, those of the other that go with them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contracted {
    /// The last axes of the one and the first of the other.
    Count(usize),
    /// Axes of the one and of the other; negative ones count from the end.
    Pairs(Vec<isize>, Vec<isize>),
}

impl From<usize> for Contracted {
    fn from(count: usize) -> Self {
        Contracted::Count(count)
    }
}

impl From<i32> for Contracted {
    fn from(count: i32) -> Self {
        Contracted::Count(usize::try_from(count).unwrap_or(usize::MAX))
    }
}

macro_rules! pairs {
    ($($type:ty)*) => { $(
        impl<const N: usize> From<([$type; N], [$type; N])> for Contracted {
            fn from((left, right): ([$type; N], [$type; N])) -> Self {
                Contracted::from((left.to_vec(), right.to_vec()))
            }
        }
        impl From<(Vec<$type>, Vec<$type>)> for Contracted {
            fn from((left, right): (Vec<$type>, Vec<$type>)) -> Self {
                let axes = |axes: Vec<$type>| axes.into_iter().map(|axis| axis as isize).collect();
                Contracted::Pairs(axes(left), axes(right))
            }
        }
    )* };
}
pairs!(i32 isize usize);

fn labelled(node: &NodeRef, labels: impl IntoIterator<Item = Label>) -> Labelled {
    Labelled { node: Arc::clone(node), labels: labels.into_iter().collect() }
}

fn wrong(operation: &str, why: String, grid: &Grid) -> ArrayError {
    ArrayError::Shape { operation: operation.to_owned(), why, shape: grid.shape_text() }
}

/// An error when two axes that are summed over have other lengths: 1 is no exception here.
fn same_length(operation: &str, left: (&Grid, usize), right: (&Grid, usize)) -> Built<()> {
    let (one, two) = (left.0.axis(left.1), right.0.axis(right.1));
    if !one.is_known() || !two.is_known() || one.len() == two.len() {
        return Ok(());
    }
    let why = format!(
        "axis {} has length {}, and axis {} of the other array, of shape {}, has {}: they are summed over together, so \
         their lengths have to be equal",
        left.1,
        one.len(),
        right.1,
        right.0.shape_text(),
        two.len()
    );
    Err(wrong(operation, why, left.0))
}

/// NumPy's rules: the last axis of the one with the last but one of the other, and stacks broadcast.
pub(crate) fn matmul(left: &NodeRef, right: &NodeRef) -> Built<NodeRef> {
    let (rank, other) = (left.grid.rank(), right.grid.rank());
    for node in [left, right] {
        if node.grid.rank() == 0 {
            let why = "it is for vectors, matrices and stacks of matrices; `*` multiplies by a number".to_owned();
            return Err(wrong("matmul", why, &node.grid));
        }
    }
    same_length("matmul", (&left.grid, rank - 1), (&right.grid, other.saturating_sub(2)))?;
    // Labels of the stack are counted from the matrices outwards.
    const INNER: Label = 0;
    const ROWS: Label = 1;
    const COLUMNS: Label = 2;
    let stack = |rank: usize| (0..rank.saturating_sub(2)).rev().map(|depth| 3 + depth as Label);
    let of_left: Vec<Label> = stack(rank).chain((rank > 1).then_some(ROWS)).chain([INNER]).collect();
    let of_right: Vec<Label> = stack(other).chain([INNER]).chain((other > 1).then_some(COLUMNS)).collect();
    let out: Vec<Label> =
        stack(rank.max(other)).chain((rank > 1).then_some(ROWS)).chain((other > 1).then_some(COLUMNS)).collect();
    // A stack's length that neither broadcasts nor fits is told in the words for shapes.
    let (mut one, mut two) = (left.grid.shape(), right.grid.shape());
    one.truncate(rank.saturating_sub(2));
    two.truncate(other.saturating_sub(2));
    for (depth, (&one, &two)) in one.iter().rev().zip(two.iter().rev()).enumerate() {
        let known = left.grid.first_unknown().is_none() && right.grid.first_unknown().is_none();
        if known && one != two && one != 1 && two != 1 {
            return Err(ArrayError::Broadcast {
                operation: "matmul".to_owned(),
                left: left.grid.shape_text(),
                right: right.grid.shape_text(),
                axis: rank.max(other) - 3 - depth,
                left_len: one.to_string().into(),
                right_len: two.to_string().into(),
            });
        }
    }
    contract("matmul", &labelled(left, of_left), &labelled(right, of_right), &out)
}

fn dot(left: &NodeRef, right: &NodeRef) -> Built<NodeRef> {
    let (rank, other) = (left.grid.rank(), right.grid.rank());
    if rank == 0 || other == 0 {
        return together(Binary::Mul, left, right);
    }
    tensordot("dot", left, right, &[rank - 1], &[other.saturating_sub(2)])
}

fn tensordot(operation: &str, left: &NodeRef, right: &NodeRef, axes: &[usize], others: &[usize]) -> Built<NodeRef> {
    for (&axis, &other) in axes.iter().zip(others) {
        same_length(operation, (&left.grid, axis), (&right.grid, other))?;
    }
    let rank = left.grid.rank() as Label;
    let of_left: Vec<Label> = (0..rank).collect();
    let of_right: Vec<Label> = (0..right.grid.rank())
        .map(|axis| match others.iter().position(|&other| other == axis) {
            Some(pair) => axes[pair] as Label,
            None => rank + axis as Label,
        })
        .collect();
    let free = |labels: &[Label], summed: &[usize]| -> Vec<Label> {
        labels.iter().enumerate().filter(|(axis, _)| !summed.contains(axis)).map(|(_, &label)| label).collect()
    };
    let out = [free(&of_left, axes), free(&of_right, others)].concat();
    contract(operation, &labelled(left, of_left), &labelled(right, of_right), &out)
}

/// The axes that are meant, checked.
fn contracted(axes: Contracted, left: &Grid, right: &Grid) -> Built<(Vec<usize>, Vec<usize>)> {
    let name = "tensordot";
    match axes {
        Contracted::Count(count) => {
            if count > left.rank() || count > right.rank() {
                let why = format!(
                    "{count} axes are to be summed over, and the arrays have {} and {}: shapes {} and {}",
                    left.rank(),
                    right.rank(),
                    left.shape_text(),
                    right.shape_text()
                );
                return Err(ArrayError::Parameter { operation: name.into(), why });
            }
            Ok(((left.rank() - count..left.rank()).collect(), (0..count).collect()))
        }
        Contracted::Pairs(of_left, of_right) => {
            if of_left.len() != of_right.len() {
                let why = format!("{} axes of one array go with {} of the other", of_left.len(), of_right.len());
                return Err(ArrayError::Parameter { operation: name.into(), why });
            }
            let checked = |axes: Vec<isize>, grid: &Grid| -> Built<Vec<usize>> {
                let mut found = Vec::new();
                for axis in axes {
                    let axis = axis_of(name, axis, grid)?;
                    if found.contains(&axis) {
                        return Err(ArrayError::AxisTwice { operation: name.into(), axis });
                    }
                    found.push(axis);
                }
                Ok(found)
            };
            Ok((checked(of_left, left)?, checked(of_right, right)?))
        }
    }
}

impl<T: Number> Array<T> {
    /// The matrix product. Vectors are rows on the left and columns on the right; of more than two axes, the last two are
    /// matrices, and the ones before them are stacks that broadcast.
    ///
    /// Blocks are multiplied by a matrix kernel and added up in place, so that besides the blocks that are multiplied there
    /// is one sum for every few of them. Chunks that are larger make fewer passes over memory; 1000 × 1000 is a good size.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::ones((4, 6), (2, 3));
    /// let y = x.matmul(&x.t());
    /// assert_eq!(y.shape(), [4, 4]);
    /// assert_eq!(y.sum().item()?, 4.0 * 4.0 * 6.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When one has no axes, the axes that are summed over differ in length, or the stacks do not broadcast.
    #[track_caller]
    pub fn matmul(&self, other: &Array<T>) -> Array<T> {
        Array::of(built(matmul(self.node(), other.node())))
    }

    /// The dot product: the sum of products over the last axis of this and the last but one of the other (or its only one).
    ///
    /// For vectors and matrices this is what [`matmul`](Array::matmul) gives; for more axes, every pair of matrices is
    /// multiplied.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(4, 2);
    /// assert_eq!(x.dot(&x).item()?, 0 + 1 + 4 + 9);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the axes that are summed over differ in length.
    #[track_caller]
    pub fn dot(&self, other: &Array<T>) -> Array<T> {
        Array::of(built(dot(self.node(), other.node())))
    }

    /// The sums of products over some axes of this and of the other: see [`Contracted`] for how they are said.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::ones((2, 3, 4), 2);
    /// assert_eq!(x.tensordot(&x, ([0, 2], [0, 2])).shape(), [3, 3]);
    /// assert_eq!(x.tensordot(&x.transpose([1, 2, 0]), 2).shape(), [2, 2]);
    /// ```
    ///
    /// # Panics
    /// When there are no such axes, one is named twice, or lengths that go together differ.
    #[track_caller]
    pub fn tensordot(&self, other: &Array<T>, axes: impl Into<Contracted>) -> Array<T> {
        let (left, right) = (self.node(), other.node());
        let (axes, others) = built(contracted(axes.into(), &left.grid, &right.grid));
        Array::of(built(tensordot("tensordot", left, right, &axes, &others)))
    }

    /// The products of every element of this with every one of the other, both flattened.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(3, 2);
    /// assert_eq!(x.outer(&x).compute()?[[2, 1]], 2);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When one has several axes, of lengths that are not known.
    #[track_caller]
    pub fn outer(&self, other: &Array<T>) -> Array<T> {
        let flat = |array: &Array<T>| if array.ndim() == 1 { array.clone() } else { array.flatten() };
        let (left, right) = (flat(self), flat(other));
        Array::of(built(contract("outer", &labelled(left.node(), [0]), &labelled(right.node(), [1]), &[0, 1])))
    }

    /// The sum of the products of all elements of two arrays, both flattened; those of this array are conjugated where they
    /// are complex.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<i64>::arange(6, 2).reshape((2, 3));
    /// assert_eq!(x.vdot(&x).item()?, 55);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When they have not as many elements.
    #[track_caller]
    pub fn vdot(&self, other: &Array<T>) -> Array<T> {
        let conjugated = Array::<T>::of(conjugated(self.node()));
        // Arrays of one shape are read as they lie; the order of the elements only matters where shapes differ.
        if self.ndim() == other.ndim() && self.node().grid.shape() == other.node().grid.shape() {
            let labels = 0..self.ndim() as Label;
            let (left, right) = (labelled(conjugated.node(), labels.clone()), labelled(other.node(), labels));
            return Array::of(built(contract("vdot", &left, &right, &[])));
        }
        let (left, right) = (conjugated.flatten(), other.flatten());
        built(same_length("vdot", (&left.node().grid, 0), (&right.node().grid, 0)));
        Array::of(built(contract("vdot", &labelled(left.node(), [0]), &labelled(right.node(), [0]), &[])))
    }
}

/// The conjugated elements of a complex array; any other array itself.
pub(crate) fn conjugated(node: &NodeRef) -> NodeRef {
    use crate::array::element::DType;
    use num_complex::Complex;
    match node.dtype {
        DType::Complex32 => conjugates::<Complex<f32>>(node, |value| value.conj()),
        DType::Complex64 => conjugates::<Complex<f64>>(node, |value| value.conj()),
        _ => Arc::clone(node),
    }
}

fn conjugates<T: Element>(node: &NodeRef, conj: fn(T) -> T) -> NodeRef {
    Arc::clone(Array::<T>::of(Arc::clone(node)).map_elements(conj).node())
}
