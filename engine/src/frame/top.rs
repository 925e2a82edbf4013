//! The first rows in an order, without the others.

use std::sync::Arc;

use polars::prelude::DataFrame as Rows;

use super::exchange::Order;
use super::lower::{Chunk, Lowering, tree};
use super::node::{Node, NodeRef, Operation};
use super::rows::{OnPartition, RowStep};
use super::stack::joined;
use crate::task::Made;

/// The first rows in an order: those of each partition, and of these. Nothing else moves.
pub(crate) fn top(name: &str, input: &NodeRef, order: &Order, rows: usize) -> NodeRef {
    let step = RowStep::Call(Made::<OnPartition>::by((order.clone(), rows), |(order, rows): &(Order, usize)| {
        let (order, rows) = (order.clone(), *rows);
        Arc::new(move |frame: Rows| order.first(frame, rows))
    }));
    let each = Node::rows_of(name, input, step, Arc::clone(&input.schema));
    Node::across(name, Arc::clone(&input.schema), 1, Top { each, order: order.clone(), rows })
}

struct Top {
    each: NodeRef,
    order: Order,
    rows: usize,
}

impl Operation for Top {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.each]
    }
    fn chunk(&self, _: usize, lowering: &mut Lowering) -> Chunk {
        let parts = lowering.all(&self.each);
        Chunk::of_step(tree("first", parts, &(self.order.clone(), self.rows), |(order, rows), parts| {
            let empty = parts[0].clear();
            order.first(joined(parts, &empty)?, *rows)
        }))
    }
    fn about(&self) -> String {
        format!("the first {} rows by {}", self.rows, self.order.keys.join(", "))
    }
}
