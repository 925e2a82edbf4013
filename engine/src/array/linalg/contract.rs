//! Two arrays multiplied and summed over the axes that they share: what all products come down to.
//!
//! Axes carry labels, as in Einstein's notation. An axis that both arrays have and the result has not is summed over; one
//! that all three have is a stack of products.

use std::sync::Arc;

use ndarray::{Array3, ArrayViewD, CowArray, Ix3, IxDyn};

use super::gemm::Gemm;
use crate::array::chunks::{AxisChunks, Grid};
use crate::array::dispatch::with_number;
use crate::array::elementwise::{Binary, together};
use crate::array::error::{ArrayError, Built};
use crate::array::lower::Lowering;
use crate::array::node::{Block, Node, NodeRef, Operation, rechunked, viewed};
use crate::array::reduce::summed;
use crate::array::view::{View, ViewAxis};
use crate::array::work::{as_block, block_task, merged, taken, value_task};
use crate::task::{Step, Value, packed};

/// What stands for an axis.
pub(crate) type Label = u32;

/// So many products of blocks are added up one after the other, in place, before sums are merged: few enough that a long
/// sum is shared out, enough that the partial sums are few.
const IN_A_CHAIN: usize = 8;

/// An array whose axes have labels, all of them different.
#[derive(Clone)]
pub(crate) struct Labelled {
    pub(crate) node: NodeRef,
    pub(crate) labels: Vec<Label>,
}

fn is_one(chunks: &AxisChunks) -> bool {
    chunks.is_known() && chunks.len() == 1
}

impl Labelled {
    fn chunks(&self, label: Label) -> Option<&AxisChunks> {
        self.labels.iter().position(|&own| own == label).map(|axis| self.node.grid.axis(axis))
    }

    /// The array without the axes for which the question is answered with no: summed over.
    pub(crate) fn sum_others(&self, name: &str, keep: impl Fn(Label) -> bool) -> Built<Labelled> {
        let axes = (0..self.labels.len()).filter(|&axis| !keep(self.labels[axis])).collect();
        let node = summed(name, &self.node, axes)?;
        Ok(Labelled { node, labels: self.labels.iter().copied().filter(|&label| keep(label)).collect() })
    }

    /// Without the axes of length 1 that the other has longer.
    fn without_ones(&self, other: &Labelled) -> Labelled {
        let longer = |axis: usize| {
            let beside = other.chunks(self.labels[axis]);
            is_one(self.node.grid.axis(axis)) && beside.is_some_and(|chunks| !is_one(chunks))
        };
        let mut view = View::whole(&self.node.grid.shape());
        let dropped: Vec<usize> = (0..self.labels.len()).filter(|&axis| longer(axis)).collect();
        if dropped.is_empty() {
            return self.clone();
        }
        view.picked = dropped.iter().map(|&axis| (axis, 0)).collect();
        view.axes.retain(|axis| !matches!(axis, ViewAxis::Take { axis, .. } if dropped.contains(axis)));
        let kept = (0..self.labels.len()).filter(|axis| !dropped.contains(axis));
        Labelled { node: viewed(&self.node, "squeeze", &view), labels: kept.map(|axis| self.labels[axis]).collect() }
    }

    /// The axes in the order of these labels, with new axes of length 1 for those that the array has not.
    pub(crate) fn spread(&self, labels: &[Label]) -> NodeRef {
        let shape = self.node.grid.shape();
        let axes = labels.iter().map(|label| match self.labels.iter().position(|own| own == label) {
            Some(axis) => ViewAxis::Take { axis, start: 0, step: 1, len: shape[axis] },
            None => ViewAxis::New,
        });
        viewed(&self.node, "transpose", &View { axes: axes.collect(), picked: Vec::new() })
    }
}

/// The sums of products over all labels that `out` has not.
pub(crate) fn contract(name: &str, left: &Labelled, right: &Labelled, out: &[Label]) -> Built<NodeRef> {
    let (left, right) = (&left.without_ones(right), &right.without_ones(left));
    let left = left.sum_others(name, |label| out.contains(&label) || right.labels.contains(&label))?;
    let right = right.sum_others(name, |label| out.contains(&label) || left.labels.contains(&label))?;
    let (left, right) = cut_alike(name, &left, &right)?;
    let shared = |label: &Label| right.labels.contains(label);
    let inner: Vec<Label> = left.labels.iter().copied().filter(|label| shared(label) && !out.contains(label)).collect();
    let batch: Vec<Label> = left.labels.iter().copied().filter(|label| shared(label) && out.contains(label)).collect();
    let rows: Vec<Label> = left.labels.iter().copied().filter(|label| !shared(label)).collect();
    let columns: Vec<Label> = right.labels.iter().copied().filter(|label| !left.labels.contains(label)).collect();
    // Without a matrix on both sides there is nothing to use again: one pass multiplies and adds up.
    if inner.is_empty() || rows.is_empty() || columns.is_empty() {
        let all: Vec<Label> = out.iter().chain(&inner).copied().collect();
        let product = together(Binary::Mul, &left.spread(&all), &right.spread(&all))?;
        return summed(name, &product, (out.len()..all.len()).collect());
    }
    let made: Vec<Label> = batch.iter().chain(&rows).chain(&columns).copied().collect();
    let find = |labels: &[Label], label: Label| {
        labels
            .iter()
            .position(|&own| own == label)
            .unwrap_or_else(|| unreachable!("labels were sorted by who has them"))
    };
    let order = |of: &Labelled, parts: [&Vec<Label>; 3]| -> Vec<usize> {
        parts.into_iter().flatten().map(|&label| find(&of.labels, label)).collect()
    };
    let plan = Plan {
        left_order: order(&left, [&batch, &rows, &inner]),
        right_order: order(&right, [&batch, &inner, &columns]),
        counts: [batch.len(), rows.len(), inner.len(), columns.len()],
        out_order: out.iter().map(|&label| find(&made, label)).collect(),
    };
    let of = |label: &Label| left.chunks(*label).or(right.chunks(*label)).cloned();
    let grid = Grid::new(out.iter().filter_map(of).collect::<Vec<_>>());
    let dtype = left.node.dtype;
    let operation = Contract { name: name.to_owned(), left, right, out: out.to_vec(), inner, plan: Arc::new(plan) };
    Ok(Node::blocks(name, dtype, grid, operation))
}

/// Both arrays, cut at the same places along the axes that they share.
fn cut_alike(name: &str, left: &Labelled, right: &Labelled) -> Built<(Labelled, Labelled)> {
    let mut grids = [left.node.grid.axes().to_vec(), right.node.grid.axes().to_vec()];
    for (axis, label) in left.labels.iter().enumerate() {
        let Some(other) = right.labels.iter().position(|own| own == label) else { continue };
        let (one, two) = (&grids[0][axis], &grids[1][other]);
        if one.is_known() && two.is_known() {
            if one.len() != two.len() {
                return Err(ArrayError::Shape {
                    operation: name.to_owned(),
                    why: format!(
                        "axis {axis} has length {}, and axis {other} of the other array, of shape {}, has {}: they go \
                         together, so their lengths have to be equal",
                        one.len(),
                        right.node.grid.shape_text(),
                        two.len()
                    ),
                    shape: left.node.grid.shape_text(),
                });
            }
            // An array with an axis of unknown lengths stays as it is: the other one is cut after it.
            let cut = match [left, right].map(|of| of.node.grid.first_unknown()) {
                [None, None] => one.refined(two),
                [Some(_), None] => one.clone(),
                [None, Some(_)] => two.clone(),
                [Some(_), Some(_)] if one == two => one.clone(),
                [Some(axis), Some(_)] => {
                    let shape = left.node.grid.shape_text();
                    return Err(ArrayError::UnknownChunks { operation: name.to_owned(), axis, shape });
                }
            };
            (grids[0][axis], grids[1][other]) = (cut.clone(), cut);
        } else if one.count() != two.count() {
            let unknown = if one.is_known() { (&right.node, other) } else { (&left.node, axis) };
            return Err(ArrayError::UnknownChunks {
                operation: name.to_owned(),
                axis: unknown.1,
                shape: unknown.0.grid.shape_text(),
            });
        }
    }
    let [one, two] = grids;
    let cut = |of: &Labelled, axes: Vec<AxisChunks>| Labelled {
        node: rechunked(&of.node, &Grid::new(axes)),
        labels: of.labels.clone(),
    };
    Ok((cut(left, one), cut(right, two)))
}

/// How the axes of two blocks become those of matrices, and those of their product the result's.
struct Plan {
    left_order: Vec<usize>,
    right_order: Vec<usize>,
    /// How many axes are of the stack, of the rows, summed over, and of the columns.
    counts: [usize; 4],
    out_order: Vec<usize>,
}

packed!(Plan { left_order, right_order, counts, out_order });

/// Products of blocks, added up.
#[derive(Clone)]
struct Partial<T> {
    sum: Array3<T>,
    /// The lengths of the stack's, the rows' and the columns' axes.
    shape: Vec<usize>,
}

struct Contract {
    name: String,
    left: Labelled,
    right: Labelled,
    out: Vec<Label>,
    inner: Vec<Label>,
    plan: Arc<Plan>,
}

impl Operation for Contract {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.left.node, &self.right.node]
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        let inner: Vec<AxisChunks> = self.inner.iter().filter_map(|&label| self.left.chunks(label).cloned()).collect();
        let inner = Grid::new(inner);
        let mut pairs = Vec::with_capacity(inner.blocks());
        for block in 0..inner.blocks() {
            let along = inner.place(block);
            let place_of = |of: &Labelled| -> Vec<usize> {
                let chunk = |label: &Label| match self.out.iter().position(|own| own == label) {
                    Some(axis) => place[axis],
                    None => self.inner.iter().position(|own| own == label).map_or(0, |axis| along[axis]),
                };
                of.labels.iter().map(chunk).collect()
            };
            let left = lowering.block(&self.left.node, &place_of(&self.left));
            let right = lowering.block(&self.right.node, &place_of(&self.right));
            pairs.push((left, right));
        }
        with_number!(self.left.node.dtype, T => sum_of_products::<T>(&self.name, &self.plan, &pairs))
    }
}

fn sum_of_products<T: Gemm>(name: &str, plan: &Arc<Plan>, pairs: &[(Arc<Step>, Arc<Step>)]) -> Arc<Step> {
    if let [(left, right)] = pairs {
        let inputs = vec![Arc::clone(left), Arc::clone(right)];
        return block_task::<T, _, _>(name, inputs, Arc::clone(plan), |plan, values| {
            Ok(finished(plan, added::<T>(plan, values)))
        });
    }
    let chains = pairs.chunks(IN_A_CHAIN).map(|pairs| {
        let mut sum: Option<Arc<Step>> = None;
        for (left, right) in pairs {
            let mut inputs = vec![Arc::clone(left), Arc::clone(right)];
            inputs.extend(sum);
            sum = Some(value_task(name, inputs, Arc::clone(plan), |plan, values| Ok(added::<T>(plan, values))));
        }
        sum.unwrap_or_else(|| unreachable!("a chain has at least one product"))
    });
    let sum = merged(name, chains.collect(), &(), |(), parts: Vec<Partial<T>>| {
        let add = |mut sum: Partial<T>, part: Partial<T>| {
            sum.sum.zip_mut_with(&part.sum, |sum, &part| *sum = sum.add(part));
            sum
        };
        parts.into_iter().reduce(add).unwrap_or_else(|| unreachable!("only what is there is merged"))
    });
    block_task::<T, _, _>(name, vec![sum], Arc::clone(plan), |plan, mut values| {
        Ok(finished(plan, taken::<Partial<T>>(values.remove(0))))
    })
}

/// The product of the first two values, added to the third if there is one.
fn added<T: Gemm>(plan: &Plan, values: Vec<Value>) -> Partial<T> {
    let mut values = values.into_iter();
    let mut next = || values.next().unwrap_or_else(|| unreachable!("a product has two factors"));
    let (left, right) = (as_block::<T>(next()), as_block::<T>(next()));
    let sum = values.next().map(taken::<Partial<T>>);
    let left = left.view().permuted_axes(IxDyn(&plan.left_order));
    let right = right.view().permuted_axes(IxDyn(&plan.right_order));
    let [batch, rows, inner, columns] = plan.counts;
    let mut partial = sum.unwrap_or_else(|| {
        let mut shape = left.shape()[..batch + rows].to_vec();
        shape.extend(&right.shape()[batch + inner..]);
        let length = |axes: &[usize]| axes.iter().product::<usize>();
        let dim = [length(&shape[..batch]), length(&shape[batch..batch + rows]), length(&shape[batch + rows..])];
        debug_assert_eq!(shape.len(), batch + rows + columns);
        Partial { sum: Array3::from_elem(dim, T::default()), shape }
    });
    let left = stacked(&left, [batch, rows, inner]);
    let right = stacked(&right, [batch, inner, columns]);
    let products = left.outer_iter().zip(right.outer_iter());
    for (mut sum, (left, right)) in partial.sum.outer_iter_mut().zip(products) {
        T::add_product(left, right, &mut sum);
    }
    partial
}

/// The axes put together to three, so many at a time; copied only where there is no other way.
fn stacked<'a, T: Gemm>(block: &'a ArrayViewD<'_, T>, counts: [usize; 3]) -> CowArray<'a, T, Ix3> {
    let mut axes = block.shape().iter();
    let dim = counts.map(|count| axes.by_ref().take(count).product::<usize>());
    block.to_shape(dim).unwrap_or_else(|_| unreachable!("as many elements as before"))
}

/// The sum as a block of the result.
fn finished<T: Gemm>(plan: &Plan, partial: Partial<T>) -> Block<T> {
    let block = partial.sum.into_shape_with_order(IxDyn(&partial.shape));
    let block = block.unwrap_or_else(|_| unreachable!("as many elements as before"));
    block.permuted_axes(IxDyn(&plan.out_order)).into_shared()
}
