//! Einstein's notation.

use std::sync::Arc;

use super::contract::{Label, Labelled, contract};
use super::diagonal::diagonal;
use crate::array::Array;
use crate::array::element::Number;
use crate::array::error::{ArrayError, Built, built};
use crate::array::node::NodeRef;

fn wrong(spec: &str, why: String) -> ArrayError {
    ArrayError::Parameter { operation: "einsum".into(), why: format!("\"{spec}\": {why}") }
}

/// The labels of the operands and of the result.
fn parsed(spec: &str, operands: usize) -> Built<(Vec<Vec<Label>>, Vec<Label>)> {
    if let Some(strange) = spec.chars().find(|c| !c.is_alphabetic() && !matches!(c, ',' | '-' | '>' | ' ')) {
        let ellipsis = if strange == '.' { "; axes that an ellipsis would stand for need letters too" } else { "" };
        return Err(wrong(spec, format!("axes are named by letters, and '{strange}' is none{ellipsis}")));
    }
    let labels = |part: &str| -> Vec<Label> { part.chars().filter(|c| c.is_alphabetic()).map(Label::from).collect() };
    let (inputs, out) = match spec.split_once("->") {
        Some((inputs, out)) => (inputs, Some(labels(out))),
        None => (spec, None),
    };
    if inputs.contains(['-', '>']) || out.as_ref().is_some_and(|_| spec.matches(['-', '>']).count() != 2) {
        return Err(wrong(spec, "one \"->\" stands between the arrays and the result".into()));
    }
    let inputs: Vec<Vec<Label>> = inputs.split(',').map(labels).collect();
    if inputs.len() != operands {
        return Err(wrong(spec, format!("it names {} arrays, and there are {operands}", inputs.len())));
    }
    let all: Vec<Label> = inputs.concat();
    let times = |label: Label| all.iter().filter(|&&other| other == label).count();
    let out = out.unwrap_or_else(|| {
        // As NumPy: what is named once stays, in the order of the alphabet.
        let mut once: Vec<Label> = all.iter().copied().filter(|&label| times(label) == 1).collect();
        once.sort_unstable();
        once
    });
    for (place, &label) in out.iter().enumerate() {
        let letter = char::from_u32(label).unwrap_or('?');
        if times(label) == 0 {
            return Err(wrong(spec, format!("no array has the axis '{letter}' of the result")));
        }
        if out[..place].contains(&label) {
            return Err(wrong(spec, format!("the result has the axis '{letter}' twice")));
        }
    }
    Ok((inputs, out))
}

/// An array whose labels are all different: of axes with the same one, the diagonal is taken.
fn distinct(spec: &str, node: &NodeRef, mut labels: Vec<Label>) -> Built<Labelled> {
    if labels.len() != node.grid.rank() {
        let why = format!("it names {} axes of an array of shape {}", labels.len(), node.grid.shape_text());
        return Err(wrong(spec, why));
    }
    let mut node = Arc::clone(node);
    loop {
        let twice = (0..labels.len())
            .find_map(|axis| (axis + 1..labels.len()).find(|&other| labels[other] == labels[axis]).map(|o| (axis, o)));
        let Some((axis, other)) = twice else { return Ok(Labelled { node, labels }) };
        node.grid.require_known("einsum")?;
        if node.grid.axis(axis).len() != node.grid.axis(other).len() {
            let letter = char::from_u32(labels[axis]).unwrap_or('?');
            let why = format!("axes {axis} and {other} are both '{letter}', and have other lengths");
            return Err(ArrayError::Shape { operation: "einsum".into(), why, shape: node.grid.shape_text() });
        }
        node = diagonal("einsum", &node, 0, axis, other)?;
        let label = labels[axis];
        labels.remove(other);
        labels.remove(axis);
        labels.push(label);
    }
}

fn einsum(spec: &str, nodes: &[&NodeRef]) -> Built<NodeRef> {
    let (labels, out) = parsed(spec, nodes.len())?;
    let mut left: Vec<Labelled> = Vec::new();
    for (&node, labels) in nodes.iter().zip(labels) {
        left.push(distinct(spec, node, labels)?);
    }
    while left.len() > 2 {
        let (one, two) = cheapest(&left, &out);
        let second = left.remove(two);
        let first = left.remove(one);
        let needed = |label: &Label| out.contains(label) || left.iter().any(|other| other.labels.contains(label));
        let mut labels: Vec<Label> = first.labels.iter().copied().filter(needed).collect();
        let more = second.labels.iter().copied().filter(|label| needed(label) && !first.labels.contains(label));
        labels.extend(more);
        let node = contract("einsum", &first, &second, &labels)?;
        left.push(Labelled { node, labels });
    }
    match &left[..] {
        [one, two] => contract("einsum", one, two, &out),
        [one] => Ok(one.sum_others("einsum", |label| out.contains(&label))?.spread(&out)),
        _ => Err(wrong(spec, "there are no arrays".into())),
    }
}

/// The pair whose product is smallest beside the arrays that it takes the place of.
fn cheapest(left: &[Labelled], out: &[Label]) -> (usize, usize) {
    let size = |labels: &[Label], of: &[&Labelled]| -> f64 {
        let length = |label: &Label| {
            of.iter().find_map(|array| {
                let axis = array.labels.iter().position(|own| own == label)?;
                Some(array.node.grid.axis(axis).len().max(1) as f64)
            })
        };
        labels.iter().filter_map(length).product()
    };
    let mut best = (f64::INFINITY, (0, 1));
    for one in 0..left.len() {
        for two in one + 1..left.len() {
            let needed = |label: &Label| {
                let others = left.iter().enumerate().filter(|&(at, _)| at != one && at != two);
                out.contains(label) || others.clone().any(|(_, other)| other.labels.contains(label))
            };
            let mut labels: Vec<Label> =
                left[one].labels.iter().chain(&left[two].labels).copied().filter(needed).collect();
            labels.sort_unstable();
            labels.dedup();
            let (first, second) = (&left[one], &left[two]);
            let grown =
                size(&labels, &[first, second]) - size(&first.labels, &[first]) - size(&second.labels, &[second]);
            if grown < best.0 {
                best = (grown, (one, two));
            }
        }
    }
    best.1
}

impl<T: Number> Array<T> {
    /// Sums of products in Einstein's notation: a letter for each axis of each array, and after `->` those of the result.
    /// Axes that the result has not are summed over; a letter that an array has twice takes its diagonal.
    ///
    /// Without `->`, the letters that are there once are the result's, in the order of the alphabet. Several arrays are
    /// multiplied two by two, the pair with the smallest product first.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::arange(6, 2).reshape((2, 3));
    /// let gram = Array::einsum("ij,kj->ik", &[&x, &x]);
    /// assert_eq!(gram.compute()?[[0, 1]], 0.0 * 3.0 + 1.0 * 4.0 + 2.0 * 5.0);
    /// assert_eq!(Array::einsum("ii->", &[&gram]).item()?, 5.0 + 50.0);    // the trace
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the notation is not one, does not fit to the arrays, or lengths of axes of the same name differ.
    #[track_caller]
    pub fn einsum(spec: &str, arrays: &[&Array<T>]) -> Array<T> {
        let nodes: Vec<&NodeRef> = arrays.iter().map(|array| array.node()).collect();
        Array::of(built(einsum(spec, &nodes)))
    }
}
