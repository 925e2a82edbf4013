//! Sketches as expressions: functions that take a column to a state, states to one, and a state to a value.
//!
//! Polars writes such a function as bytes when an expression travels, and reads bytes; [`restore`] makes the function of
//! them again.

use std::any::Any;
use std::sync::{Arc, LazyLock};

use polars::lazy::dsl::{AnonymousColumnsUdf, ColumnsUdf, Expr, LazySerde, OpaqueColumnUdf, SpecialEq};
use polars::prelude::{
    BinaryChunked, Column, DataType, Field, Float64Chunked, IntoColumn, IntoSeries, NewChunkedArray, PlSmallStr,
    PolarsResult, Schema, UInt64Chunked, polars_bail, polars_err,
};

use super::hll::HyperLogLog;
use super::tdigest::Digest;

/// How the bytes of one of these functions begin.
const MARK: &[u8] = b"taskloom sketch ";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sketch {
    Distinct,
    DistinctMerged,
    DistinctCount,
    Digest,
    DigestMerged,
    Quantile(f64),
}

/// The state of HyperLogLog of a column; nulls are a value like others, as in Polars' `n_unique`.
pub(super) fn distinct(column: Expr) -> Expr {
    static FUNCTION: LazyLock<OpaqueColumnUdf> = LazyLock::new(|| Sketch::Distinct.function());
    aggregated(column.hash(0, 1, 2, 3), &FUNCTION)
}

/// One state from many.
pub(super) fn distinct_merged(states: Expr) -> Expr {
    static FUNCTION: LazyLock<OpaqueColumnUdf> = LazyLock::new(|| Sketch::DistinctMerged.function());
    aggregated(states, &FUNCTION)
}

/// The number that each state says.
pub(super) fn distinct_count(states: Expr) -> Expr {
    static FUNCTION: LazyLock<OpaqueColumnUdf> = LazyLock::new(|| Sketch::DistinctCount.function());
    of_each(states, &FUNCTION)
}

/// The t-digest of a column, without nulls and `NaN`.
pub(super) fn digest(column: Expr) -> Expr {
    static FUNCTION: LazyLock<OpaqueColumnUdf> = LazyLock::new(|| Sketch::Digest.function());
    aggregated(column.cast(DataType::Float64), &FUNCTION)
}

/// One digest from many.
pub(super) fn digest_merged(states: Expr) -> Expr {
    static FUNCTION: LazyLock<OpaqueColumnUdf> = LazyLock::new(|| Sketch::DigestMerged.function());
    aggregated(states, &FUNCTION)
}

/// The quantile that each digest says.
pub(super) fn quantile(states: Expr, q: f64) -> Expr {
    of_each(states, &Sketch::Quantile(q).function())
}

/// A function of the values of a group.
fn aggregated(input: Expr, function: &OpaqueColumnUdf) -> Expr {
    let expr = input.agg_with_fmt_str(Ok, |_, field| Ok(field.clone()), "sketch");
    with_function(expr, function)
}

/// A function of one value after the other.
fn of_each(input: Expr, function: &OpaqueColumnUdf) -> Expr {
    let expr = input.map_with_fmt_str(Ok, |_, field| Ok(field.clone()), "sketch");
    with_function(expr, function)
}

fn with_function(expr: Expr, with: &OpaqueColumnUdf) -> Expr {
    match expr {
        Expr::AnonymousFunction { input, options, fmt_str, .. } => {
            Expr::AnonymousFunction { input, function: with.clone(), options, fmt_str }
        }
        other => other,
    }
}

/// The expression as it was before it was written as bytes: Polars itself leaves its functions as bytes.
pub(crate) fn restore(expr: Expr) -> PolarsResult<Expr> {
    expr.try_map_expr(|part| match part {
        Expr::AnonymousFunction { input, function: LazySerde::Bytes(bytes), options, fmt_str } => {
            let sketch = Sketch::read(&bytes).ok_or_else(
                || polars_err!(InvalidOperation: "an expression with a function of the caller's own does not travel"),
            )?;
            Ok(Expr::AnonymousFunction { input, function: sketch.function(), options, fmt_str })
        }
        other => Ok(other),
    })
}

impl Sketch {
    fn function(self) -> OpaqueColumnUdf {
        LazySerde::Deserialized(SpecialEq::new(Arc::new(self)))
    }

    fn write(self) -> Vec<u8> {
        let (number, q) = match self {
            Sketch::Distinct => (0, 0.0),
            Sketch::DistinctMerged => (1, 0.0),
            Sketch::DistinctCount => (2, 0.0),
            Sketch::Digest => (3, 0.0),
            Sketch::DigestMerged => (4, 0.0),
            Sketch::Quantile(q) => (5, q),
        };
        [MARK, &[number], &q.to_le_bytes()].concat()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (number, q) = bytes.strip_prefix(MARK)?.split_first()?;
        Some(match number {
            0 => Sketch::Distinct,
            1 => Sketch::DistinctMerged,
            2 => Sketch::DistinctCount,
            3 => Sketch::Digest,
            4 => Sketch::DigestMerged,
            5 => Sketch::Quantile(f64::from_le_bytes(q.try_into().ok()?)),
            _ => return None,
        })
    }

    fn result(self) -> DataType {
        match self {
            Sketch::DistinctCount => DataType::UInt64,
            Sketch::Quantile(_) => DataType::Float64,
            _ => DataType::Binary,
        }
    }
}

impl ColumnsUdf for Sketch {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn call_udf(&self, columns: &mut [Column]) -> PolarsResult<Column> {
        let [column] = columns else { polars_bail!(InvalidOperation: "a sketch is made of one column") };
        let (name, series) = (column.name().clone(), column.as_materialized_series());
        match self {
            Sketch::Distinct => {
                let mut sketch = HyperLogLog::new();
                sketch.extend(series.u64()?.iter().flatten());
                Ok(one_state(name, &sketch.to_bytes()))
            }
            Sketch::DistinctMerged => {
                let mut merged = HyperLogLog::new();
                for bytes in series.binary()?.iter().flatten() {
                    merged.merge(HyperLogLog::from_bytes(bytes).ok_or_else(unreadable)?);
                }
                Ok(one_state(name, &merged.to_bytes()))
            }
            Sketch::DistinctCount => {
                let counts = (series.binary()?.iter())
                    .map(|bytes| bytes.map(|bytes| HyperLogLog::from_bytes(bytes).ok_or_else(unreadable)).transpose())
                    .map(|sketch| sketch.map(|sketch| sketch.map(|sketch| sketch.count())))
                    .collect::<PolarsResult<Vec<_>>>()?;
                Ok(UInt64Chunked::from_iter_options(name, counts.into_iter()).into_column())
            }
            Sketch::Digest => {
                let mut digest = Digest::new();
                digest.extend(series.f64()?.iter().flatten());
                Ok(one_state(name, &digest.to_bytes()))
            }
            Sketch::DigestMerged => {
                let mut merged = Digest::new();
                for bytes in series.binary()?.iter().flatten() {
                    merged.merge(Digest::from_bytes(bytes).ok_or_else(unreadable)?);
                }
                Ok(one_state(name, &merged.to_bytes()))
            }
            Sketch::Quantile(q) => {
                let values = (series.binary()?.iter())
                    .map(|bytes| bytes.map(|bytes| Digest::from_bytes(bytes).ok_or_else(unreadable)).transpose())
                    .map(|digest| digest.map(|digest| digest.and_then(|digest| digest.quantile(*q))))
                    .collect::<PolarsResult<Vec<_>>>()?;
                Ok(Float64Chunked::from_iter_options(name, values.into_iter()).into_column())
            }
        }
    }
}

fn one_state(name: PlSmallStr, bytes: &[u8]) -> Column {
    BinaryChunked::from_slice(name, &[bytes]).into_series().into_column()
}

fn unreadable() -> polars::prelude::PolarsError {
    polars_err!(ComputeError: "the state of an approximate aggregation is not one that this build writes")
}

impl AnonymousColumnsUdf for Sketch {
    fn as_column_udf(self: Arc<Self>) -> Arc<dyn ColumnsUdf> {
        self
    }

    fn deep_clone(self: Arc<Self>) -> Arc<dyn AnonymousColumnsUdf> {
        self
    }

    fn try_serialize(&self, buffer: &mut Vec<u8>) -> PolarsResult<()> {
        buffer.extend(self.write());
        Ok(())
    }

    fn get_field(&self, _schema: &Schema, fields: &[Field]) -> PolarsResult<Field> {
        let name = fields.first().map_or_else(PlSmallStr::default, |field| field.name().clone());
        Ok(Field::new(name, self.result()))
    }
}
