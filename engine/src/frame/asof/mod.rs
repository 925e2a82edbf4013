//! Each row with the one of another frame that is nearest in time.
//!
//! ```text
//!  with keys that have to be equal ─► both sides shuffled by them, each partition sorted and joined
//!  without                         ─► the left side in order of time; the right side split where its partitions begin, and each
//!                                     part met by the rows of the right side that are next before and behind it
//! ```

mod options;

use std::sync::Arc;

use polars::prelude::{
    ChunkCompareEq, Column, DataFrame as Rows, DataType, LazyFrame, PolarsResult, Scalar, SchemaRef,
};

use super::DataFrame;
use super::boundaries::{bounds_node, sampled};
use super::error::{Built, FrameError, built};
use super::exchange::{Order, Pieces, gather};
use super::join::column_of;
use super::lower::{Chunk, Lowering, frame_task, partition_task};
use super::node::{Divisions, Node, NodeRef, Operation};
use super::shuffle::{Bounds, By, Gather, Last, all_pieces, shuffled, split_node};
use super::stack::joined;
use crate::task::taken;
use options::Near;
pub use options::{AsOf, Direction};

impl DataFrame {
    /// Each row with the row of `other` that is nearest in time, or by another number: the last one before it when nothing
    /// else is said. Both sides are brought in order where they are not; the rows that come out are in the order of
    /// `left_on`, within equal keys where there are some.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::dataframe::AsOf;
    /// let trades = taskloom::polars::df!("t" => [1, 4, 9], "shares" => [10, 20, 30])?;
    /// let prices = taskloom::polars::df!("t" => [0, 3, 8, 12], "price" => [1.0, 1.5, 2.0, 9.0])?;
    /// let (trades, prices) = (DataFrame::from_polars(trades, 2), DataFrame::from_polars(prices, 2));
    /// let bought = trades.join_asof(&prices, "t", "t", AsOf::default()).compute()?;
    /// assert_eq!(bought.column("price")?.f64()?.into_no_null_iter().collect::<Vec<_>>(), [1.0, 1.5, 2.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such column, or when the columns are not times or numbers of one type.
    #[track_caller]
    pub fn join_asof(&self, other: &DataFrame, left_on: &str, right_on: &str, options: AsOf) -> DataFrame {
        let mut needed = options.by.clone();
        needed.push(left_on.to_owned());
        built(self.has("join_asof", &needed));
        needed.pop();
        needed.push(right_on.to_owned());
        built(other.has("join_asof", &needed));
        built(node_of(self.node(), other.node(), left_on, right_on, options)).into()
    }
}

fn node_of(left: &NodeRef, right: &NodeRef, left_on: &str, right_on: &str, options: AsOf) -> Built<NodeRef> {
    let (one, other) = (left.schema.get(left_on), right.schema.get(right_on));
    let dtype = one.cloned().unwrap_or(DataType::Null);
    if one != other || !(dtype.is_primitive_numeric() || dtype.is_temporal()) {
        let why = format!(
            "\"{left_on}\" of the left side holds {dtype}, and \"{right_on}\" of the right side {}; both have to be times, or \
             numbers, of one type",
            other.cloned().unwrap_or(DataType::Null)
        );
        return Err(FrameError::Expression { operation: "join_asof".to_owned(), why });
    }
    let by = options.by.clone();
    let near = Near { left_on: left_on.to_owned(), right_on: right_on.to_owned(), options, by_float: dtype.is_float() };
    let schema = near
        .plan(left.empty(), right.empty())
        .collect_schema()
        .map_err(|error| FrameError::polars("join_asof", &error, &left.schema))?;
    if !by.is_empty() {
        return Ok(by_keys(left, right, near, by, schema));
    }
    let (left, bounds, npartitions, divisions) = in_order(left, left_on);
    let right_order = Order::ascending(&[right_on.into()]);
    let bounds = renamed(bounds, right_on);
    let pieces = split_node(right, By::Range { order: right_order, bounds, together: true });
    let edges = Node::across(
        "edges",
        Arc::new(Default::default()),
        1,
        Edges { pieces: Arc::clone(&pieces), on: right_on.to_owned(), parts: npartitions },
    );
    let divisions = divisions.filter(|divisions| schema.contains(&divisions.column));
    let operation = ByTime { left, right: Arc::clone(right), pieces, edges, near };
    Ok(match divisions {
        Some(divisions) => Node::divided("join_asof", schema, npartitions, divisions, operation),
        None => Node::across("join_asof", schema, npartitions, operation),
    })
}

/// The frame in the order of a column, where its partitions begin, and how many there are.
fn in_order(input: &NodeRef, on: &str) -> (NodeRef, Bounds, usize, Option<Divisions>) {
    let order = Order::ascending(&[on.into()]);
    if let Some(divisions) = input.divisions.as_ref().filter(|divisions| divisions.column == on) {
        let inner = &divisions.values[1..divisions.values.len() - 1];
        let column = input.schema.get(on).and_then(|dtype| column_of(on, inner, dtype));
        if let Some(known) = column.and_then(|column| Rows::new(column.len(), vec![column]).ok()) {
            return (Arc::clone(input), Bounds::Known(known), input.npartitions, Some(divisions.clone()));
        }
    }
    let n = input.npartitions;
    let sampled = sampled(input, &order, n);
    let bounds = bounds_node(&sampled.samples, &order, n, false);
    let by = By::Range { order: order.clone(), bounds: Bounds::Found(Arc::clone(&bounds)), together: true };
    let splits = split_node(&sampled.rows, by);
    let operation = Gather { input: Arc::clone(input), splits, on: vec![on.to_owned()], order: Some(order) };
    (Node::across("sort_values", Arc::clone(&input.schema), n, operation), Bounds::Found(bounds), n, None)
}

/// Boundaries with the name that the column has on the other side.
fn renamed(bounds: Bounds, name: &str) -> Bounds {
    match bounds {
        Bounds::Known(mut rows) => {
            rows.set_column_names(&[name]).unwrap_or_else(|_| unreachable!("boundaries have one column"));
            Bounds::Known(rows)
        }
        Bounds::Found(node) => Bounds::Found(Node::across(
            "boundaries",
            Arc::new(Default::default()),
            1,
            Renamed { bounds: node, name: name.to_owned() },
        )),
    }
}

struct Renamed {
    bounds: NodeRef,
    name: String,
}

impl Operation for Renamed {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.bounds]
    }
    fn chunk(&self, _: usize, lowering: &mut Lowering) -> Chunk {
        let bounds = vec![lowering.step(&self.bounds, 0)];
        Chunk::of_step(partition_task("boundaries", bounds, self.name.clone(), |name, mut bounds| {
            let mut bounds = bounds.remove(0);
            bounds.set_column_names(&[name.as_str()])?;
            Ok(bounds)
        }))
    }
    fn about(&self) -> String {
        "boundaries".to_owned()
    }
}

/// The first and the last row of each part of the right side: those that rows of other parts may be nearest to.
struct Edges {
    pieces: NodeRef,
    on: String,
    parts: usize,
}

/// The part that an edge is of.
const PART: &str = "__taskloom_part";

impl Operation for Edges {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.pieces]
    }
    fn chunk(&self, _: usize, lowering: &mut Lowering) -> Chunk {
        let of_each = lowering.all(&self.pieces).into_iter().map(|pieces| {
            frame_task::<Rows, _, _>("edges", vec![pieces], (self.on.clone(), self.parts), |(on, parts), values| {
                edges(&all_pieces(values)[0], on, *parts)
            })
        });
        let of_each = of_each.collect();
        Chunk::of_step(partition_task("edges", of_each, (), |(), parts| {
            let empty = parts[0].clear();
            joined(parts, &empty)
        }))
    }
    fn about(&self) -> String {
        "edges".to_owned()
    }
}

fn edges(pieces: &Pieces, on: &str, parts: usize) -> PolarsResult<Rows> {
    let mut found = Vec::new();
    let number = |mut rows: Rows, part: usize| -> PolarsResult<Rows> {
        rows.with_column(Column::new_scalar(PART.into(), Scalar::from(part as u32), rows.height()))?;
        Ok(rows)
    };
    for part in 0..parts.min(pieces.len()) {
        let rows = pieces.take(part)?;
        let key = rows.column(on)?.as_materialized_series();
        // Of equal times before, the last is taken; of those behind the first, and by `Nearest` the last.
        let sorted = Order::ascending(&[on.into()]).sort(&rows.filter(&key.is_not_null())?)?;
        if sorted.height() > 0 {
            let key = sorted.column(on)?.as_materialized_series();
            let first = sorted.filter(&key.equal_missing(&key.slice(0, 1))?)?;
            found.push(number(first.head(Some(1)), part)?);
            found.push(number(first.tail(Some(1)), part)?);
            found.push(number(sorted.tail(Some(1)), part)?);
        }
    }
    joined(found, &number(pieces.empty().clone(), 0)?)
}

struct ByTime {
    left: NodeRef,
    right: NodeRef,
    pieces: NodeRef,
    edges: NodeRef,
    near: Near,
}

impl Operation for ByTime {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.left, &self.right]
    }

    fn logical(&self, inputs: Vec<LazyFrame>) -> Option<LazyFrame> {
        self.near.logical(inputs)
    }

    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        let mut inputs = vec![lowering.step(&self.left, partition), lowering.step(&self.edges, 0)];
        inputs.extend(lowering.all(&self.pieces));
        let parameters = (self.near.clone(), partition, Last(true));
        Chunk::of_step(frame_task::<Rows, _, _>(
            "join_asof",
            inputs,
            parameters,
            |(near, partition, Last(last)), values| {
                let mut values = values.into_iter();
                let (Some(left), Some(edges)) = (values.next(), values.next()) else {
                    unreachable!("two inputs come first")
                };
                let (left, edges) = (taken::<Rows>(left), taken::<Rows>(edges));
                let right = gather(&all_pieces(values.collect()), *partition, *last)?;
                let part = edges.column(PART)?.u32()?;
                let own = |test: fn(u32, u32) -> bool| -> PolarsResult<Rows> {
                    let mask = part.iter().map(|part| part.is_some_and(|part| test(part, *partition as u32)));
                    edges.filter(&mask.collect::<polars::prelude::BooleanChunked>())?.drop(PART)
                };
                let (before, behind) = (own(|part, here| part < here)?, own(|part, here| part > here)?);
                let empty = right.clear();
                let all = joined(vec![before, right, behind], &empty)?;
                let order = Order { nulls_last: vec![false], ..Order::ascending(&[near.right_on.as_str().into()]) };
                let left = Order::ascending(&[near.left_on.as_str().into()]).sort(&left)?;
                near.rows(left, order.sort(&all)?)
            },
        ))
    }

    fn about(&self) -> String {
        format!(
            "each row with the nearest by {}: the right side split where the left one's partitions begin",
            self.near.left_on
        )
    }
}

fn by_keys(left: &NodeRef, right: &NodeRef, near: Near, by: Vec<String>, schema: SchemaRef) -> NodeRef {
    let n = left.npartitions.max(right.npartitions);
    let left = shuffled("shuffle", left, by.clone(), n);
    let right = shuffled("shuffle", right, by, n);
    Node::across("join_asof", schema, n, ByKeys { left, right, near })
}

struct ByKeys {
    left: NodeRef,
    right: NodeRef,
    near: Near,
}

impl Operation for ByKeys {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.left, &self.right]
    }

    fn logical(&self, inputs: Vec<LazyFrame>) -> Option<LazyFrame> {
        self.near.logical(inputs)
    }

    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        let inputs = vec![lowering.step(&self.left, partition), lowering.step(&self.right, partition)];
        Chunk::of_step(partition_task("join_asof", inputs, self.near.clone(), |near, mut both| {
            let right = Order::ascending(&[near.right_on.as_str().into()]).sort(&both.remove(1))?;
            let left = Order::ascending(&[near.left_on.as_str().into()]).sort(&both.remove(0))?;
            near.rows(left, right)
        }))
    }

    fn about(&self) -> String {
        format!(
            "each row with the nearest by {}: both sides shuffled by {}",
            self.near.left_on,
            self.near.options.by.join(", ")
        )
    }
}
