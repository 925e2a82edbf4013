//! Frames below one another.

use std::sync::Arc;

use polars::prelude::{Expr, LazyFrame, SchemaRef, UnionArgs, col, lit};

use super::DataFrame;
use super::divisions::compare;
use super::error::{Built, FrameError, built, names};
use super::lower::{Chunk, Lowering};
use super::node::{Divisions, Node, NodeRef, Operation};
use super::rows::RowStep;

/// The rows of several frames, one below the other: the partitions of the first, then those of the second, and so on.
/// Nothing is copied.
///
/// ```
/// use taskloom::prelude::*;
/// use taskloom::dataframe::concat;
/// let year = |n: i32| DataFrame::from_polars(taskloom::polars::df!("year" => [n, n]).unwrap(), 2);
/// let both = concat([&year(2015), &year(2016)]);
/// assert_eq!((both.npartitions(), both.len()?), (4, 4));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
/// When there are no frames, or when they differ in columns: [`concat_diagonal`] puts those together too.
#[track_caller]
pub fn concat<'a>(frames: impl IntoIterator<Item = &'a DataFrame>) -> DataFrame {
    let frames: Vec<NodeRef> = frames.into_iter().map(|frame| Arc::clone(frame.node())).collect();
    built(stacked(frames)).into()
}

/// As [`concat`], of frames that do not all have the same columns: those of any, with nulls where a frame has none. Types
/// become the one that fits both.
///
/// # Panics
/// When there are no frames, or when a column has types that do not go together.
#[track_caller]
pub fn concat_diagonal<'a>(frames: impl IntoIterator<Item = &'a DataFrame>) -> DataFrame {
    let frames: Vec<NodeRef> = frames.into_iter().map(|frame| Arc::clone(frame.node())).collect();
    built(aligned(frames).and_then(stacked)).into()
}

fn wrong(why: String) -> FrameError {
    FrameError::Expression { operation: "concat".to_owned(), why }
}

fn stacked(frames: Vec<NodeRef>) -> Built<NodeRef> {
    let Some(first) = frames.first() else { return Err(wrong("there are no frames".to_owned())) };
    for (place, frame) in frames.iter().enumerate() {
        if frame.schema != first.schema {
            let differs = first.schema.iter().zip(frame.schema.iter()).find(|(one, other)| one != other);
            let how = match differs {
                Some(((name, dtype), (other, other_type))) => {
                    format!("\"{other}\" of type {other_type} where the first has \"{name}\" of type {dtype}")
                }
                None => format!("the columns {}, and the first has {}", names(&frame.schema), names(&first.schema)),
            };
            return Err(wrong(format!("frame {place} has {how}; `concat_diagonal` fills in what is missing")));
        }
    }
    if let [only] = &frames[..] {
        return Ok(Arc::clone(only));
    }
    let (schema, count) = (Arc::clone(&first.schema), frames.iter().map(|frame| frame.npartitions).sum());
    let divisions = joint_divisions(&frames);
    Ok(match divisions {
        Some(divisions) => Node::divided("concat", schema, count, divisions, Stacked { frames }),
        None => Node::across("concat", schema, count, Stacked { frames }),
    })
}

/// Those of frames that follow one another in the order of the same index.
fn joint_divisions(frames: &[NodeRef]) -> Option<Divisions> {
    let all: Vec<&Divisions> = frames.iter().map(|frame| frame.divisions.as_ref()).collect::<Option<_>>()?;
    let column = &all[0].column;
    let follow = all
        .windows(2)
        .all(|pair| compare(pair[0].values.last().unwrap_or(&Default::default()), &pair[1].values[0]).is_lt());
    if !follow || all.iter().any(|divisions| divisions.column != *column) {
        return None;
    }
    let mut values: Vec<_> =
        all.iter().flat_map(|divisions| divisions.values[..divisions.values.len() - 1].to_vec()).collect();
    values.extend(all.last()?.values.last().cloned());
    Some(Divisions { column: column.clone(), values })
}

/// Frames with the columns of all of them.
fn aligned(frames: Vec<NodeRef>) -> Built<Vec<NodeRef>> {
    let Some(first) = frames.first() else { return Err(wrong("there are no frames".to_owned())) };
    let args = UnionArgs { diagonal: true, to_supertypes: true, ..UnionArgs::default() };
    let schema: SchemaRef = polars::prelude::concat(frames.iter().map(|frame| frame.empty()).collect::<Vec<_>>(), args)
        .and_then(|mut plan| plan.collect_schema())
        .map_err(|error| FrameError::polars("concat_diagonal", &error, &first.schema))?;
    frames
        .iter()
        .map(|frame| {
            if frame.schema == schema {
                return Ok(Arc::clone(frame));
            }
            let columns: Vec<Expr> = schema
                .iter()
                .map(|(name, dtype)| match frame.schema.get(name) {
                    Some(own) if own == dtype => col(name.clone()),
                    Some(_) => col(name.clone()).cast(dtype.clone()),
                    None => lit(polars::prelude::NULL).cast(dtype.clone()).alias(name.clone()),
                })
                .collect();
            // Without a column of its own a frame would have one row of nulls: the columns come first, then the choice.
            let with = RowStep::WithColumns(columns.clone());
            let with = Node::rows("concat_diagonal", frame, with)?;
            let choice = schema.iter_names().map(|name| col(name.clone())).collect();
            Node::rows("concat_diagonal", &with, RowStep::Select(choice))
        })
        .collect()
}

struct Stacked {
    frames: Vec<NodeRef>,
}

impl Operation for Stacked {
    fn inputs(&self) -> Vec<&NodeRef> {
        self.frames.iter().collect()
    }
    fn logical(&self, inputs: Vec<LazyFrame>) -> Option<LazyFrame> {
        polars::prelude::concat(inputs, UnionArgs::default()).ok()
    }
    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        let mut left = partition;
        for frame in &self.frames {
            if left < frame.npartitions {
                return lowering.chunk(frame, left);
            }
            left -= frame.npartitions;
        }
        unreachable!("a partition is one of some frame")
    }
    fn about(&self) -> String {
        format!("{} frames below one another", self.frames.len())
    }
}
