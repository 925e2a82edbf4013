//! How large frames may be, before anything is computed.

use polars::prelude::DataType;

use super::node::{Node, Op};
use super::rows::RowStep;

/// Bytes of a row, about.
pub(crate) fn width(node: &Node) -> u64 {
    let of = |dtype: &DataType| match dtype {
        DataType::Boolean | DataType::Int8 | DataType::UInt8 => 1,
        DataType::Int16 | DataType::UInt16 => 2,
        DataType::Int32 | DataType::UInt32 | DataType::Float32 | DataType::Date => 4,
        DataType::String | DataType::Binary => 32,
        DataType::List(_) | DataType::Struct(_) => 64,
        _ => 8,
    };
    node.schema.iter_values().map(of).sum()
}

/// How many rows there can be at most, where that is known without reading them.
pub(crate) fn most_rows(node: &Node) -> Option<u64> {
    match &node.op {
        Op::Memory(parts) => Some(parts.iter().map(|rows| rows.height() as u64).sum()),
        Op::Source(source) => (0..source.npartitions())
            .map(|partition| match source.rows(partition) {
                Some(rows) => Some(rows as u64),
                // Each value of a text has a character and a separator.
                None => source.bytes(partition).map(|bytes| bytes / (2 * node.schema.len().max(1) as u64)),
            })
            .sum(),
        Op::Rows { input, step } => match step {
            RowStep::Explode(_) | RowStep::Call(_) => None,
            _ => most_rows(input),
        },
        Op::Across(_) => None,
    }
}
