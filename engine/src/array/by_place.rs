//! Operations that a function of the block's place says.

use std::sync::Arc;

use super::chunks::Grid;
use super::element::DType;
use super::lower::Lowering;
use super::node::{Node, NodeRef, Operation};
use crate::task::Step;

struct ByPlace<F> {
    inputs: Vec<NodeRef>,
    make: F,
}

impl<F: Fn(&[NodeRef], &[usize], &mut Lowering) -> Arc<Step> + Send + Sync + 'static> Operation for ByPlace<F> {
    fn inputs(&self) -> Vec<&NodeRef> {
        self.inputs.iter().collect()
    }

    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        (self.make)(&self.inputs, place, lowering)
    }
}

/// A node whose tasks `make` makes from the inputs, one for each place of the grid.
pub(crate) fn by_place(
    name: &str,
    dtype: DType,
    grid: Grid,
    inputs: Vec<NodeRef>,
    make: impl Fn(&[NodeRef], &[usize], &mut Lowering) -> Arc<Step> + Send + Sync + 'static,
) -> NodeRef {
    Node::blocks(name, dtype, grid, ByPlace { inputs, make })
}
