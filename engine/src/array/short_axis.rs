//! Folding an axis of a few elements, in an array that is larger than all it is made of.
//!
//! The distances between all pairs of points are such an array: a point has three coordinates, and there are as many
//! differences as there are pairs. Folded as other axes are, every block of sums would be written to memory and read again
//! by what comes after. Seen as an elementwise expression of views, the first plane plus the second plus the third, it is
//! part of the one pass that needs it, and nothing is written.

use super::elementwise::{Binary, together};
use super::error::Built;
use super::node::{NodeRef, Op, viewed};
use super::view::{View, ViewAxis};

/// The longest axis that is taken apart: the planes are calculated one by one, and what they have in common is not shared.
const LONGEST: usize = 8;

/// The fold as an elementwise expression, where that is possible and saves writing.
pub(crate) fn as_planes(name: &str, node: &NodeRef, folded: &[bool], keepdims: bool) -> Option<Built<NodeRef>> {
    let join = match name {
        "sum" => Binary::Add,
        "prod" => Binary::Mul,
        "min" => Binary::Minimum,
        "max" => Binary::Maximum,
        _ => return None,
    };
    let mut axes = (0..folded.len()).filter(|&axis| folded[axis]);
    let (Some(axis), None) = (axes.next(), axes.next()) else { return None };
    let is_short = node.grid.first_unknown().is_none() && (1..=LONGEST).contains(&node.grid.axis(axis).len());
    if !is_short || !matches!(node.op, Op::Elementwise { .. }) || !is_larger_than_its_parts(node) {
        return None;
    }
    let shape = node.grid.shape();
    let mut planes: Vec<NodeRef> = (0..shape[axis])
        .map(|index| {
            let mut view = View::whole(&shape);
            if keepdims {
                view.axes[axis] = ViewAxis::Take { axis, start: index, step: 1, len: 1 };
            } else {
                view.axes.remove(axis);
                view.picked.push((axis, index));
            }
            viewed(node, name, &view)
        })
        .collect();
    // In pairs, so that no number meets more roundings than others.
    while planes.len() > 1 {
        let pairs = planes.chunks(2).map(|pair| match pair {
            [left, right] => together(join, left, right),
            single => Ok(NodeRef::clone(&single[0])),
        });
        planes = match pairs.collect() {
            Ok(pairs) => pairs,
            Err(error) => return Some(Err(error)),
        };
    }
    planes.pop().map(Ok)
}

/// Whether an elementwise expression has at least twice as many elements as all arrays together that it is made of.
fn is_larger_than_its_parts(node: &NodeRef) -> bool {
    // What is made from places is made as well plane by plane.
    let stored = node.leaves().into_iter().filter(|leaf| !matches!(leaf.op, Op::Generated { .. }));
    let parts = stored.map(|leaf| leaf.grid.shape().iter().product()).fold(0, usize::saturating_add);
    parts <= node.grid.shape().iter().product::<usize>() / 2
}
