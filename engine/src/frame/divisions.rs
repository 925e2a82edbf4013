//! What is known of where rows are: the index, and the values between which each partition's lie.

use std::cmp::Ordering;
use std::ops;
use std::sync::Arc;

use polars::prelude::{
    AnyValue, DataFrame as Rows, DataType, Expr, IntoLazy, LazyFrame, LiteralValue, NonExistent, PolarsResult, Scalar,
    TimeUnit, col, lit,
};

use super::DataFrame;
use super::error::{Built, FrameError, built};
use super::lower::{Chunk, Lowering};
use super::node::{Divisions, Node, NodeRef, Operation};
use crate::calendar;

/// The order of two values of one column.
pub(crate) fn compare(one: &AnyValue, other: &AnyValue) -> Ordering {
    one.partial_cmp(other).unwrap_or(Ordering::Equal)
}

/// The same rows, of which more is known, or less.
pub(crate) fn with_divisions(name: &str, input: &NodeRef, divisions: Option<Divisions>) -> NodeRef {
    let (schema, count, same) = (Arc::clone(&input.schema), input.npartitions, Same(Arc::clone(input)));
    match divisions {
        Some(divisions) => Node::divided(name, schema, count, divisions, same),
        None => Node::across(name, schema, count, same),
    }
}

struct Same(NodeRef);

impl Operation for Same {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.0]
    }
    fn logical(&self, mut inputs: Vec<LazyFrame>) -> Option<LazyFrame> {
        inputs.pop()
    }
    fn part_of(&self, partition: usize) -> Option<usize> {
        Some(partition)
    }
    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        lowering.chunk(&self.0, partition)
    }
    fn about(&self) -> String {
        "the same rows".to_owned()
    }
}

/// Rows of an index: a range of values, or one value.
///
/// A text names a time as precisely as it is written: `"2015-02"` is all of February. Ends are included in `a..=b`, and not
/// in `a..b`.
#[derive(Debug, Clone)]
pub struct IndexRange {
    start: Option<IndexValue>,
    /// And whether it is included.
    end: Option<(IndexValue, bool)>,
}

/// A value of an index.
#[derive(Debug, Clone)]
pub enum IndexValue {
    /// A string, or a time as precisely as it is written.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
}

macro_rules! index_values {
    ($($type:ty => |$value:ident| $made:expr;)*) => { $(
        impl From<$type> for IndexValue {
            fn from($value: $type) -> IndexValue {
                $made
            }
        }
        impl From<$type> for IndexRange {
            fn from(value: $type) -> IndexRange {
                let value = IndexValue::from(value);
                IndexRange { start: Some(value.clone()), end: Some((value, true)) }
            }
        }
    )* };
}
index_values! {
    &str => |text| IndexValue::Text(text.to_owned());
    String => |text| IndexValue::Text(text);
    i32 => |number| IndexValue::Integer(i64::from(number));
    i64 => |number| IndexValue::Integer(number);
    f64 => |number| IndexValue::Float(number);
}

impl<V: Into<IndexValue>> From<ops::RangeInclusive<V>> for IndexRange {
    fn from(range: ops::RangeInclusive<V>) -> IndexRange {
        let (start, end) = range.into_inner();
        IndexRange { start: Some(start.into()), end: Some((end.into(), true)) }
    }
}

impl<V: Into<IndexValue>> From<ops::Range<V>> for IndexRange {
    fn from(range: ops::Range<V>) -> IndexRange {
        IndexRange { start: Some(range.start.into()), end: Some((range.end.into(), false)) }
    }
}

impl<V: Into<IndexValue>> From<ops::RangeFrom<V>> for IndexRange {
    fn from(range: ops::RangeFrom<V>) -> IndexRange {
        IndexRange { start: Some(range.start.into()), end: None }
    }
}

impl<V: Into<IndexValue>> From<ops::RangeToInclusive<V>> for IndexRange {
    fn from(range: ops::RangeToInclusive<V>) -> IndexRange {
        IndexRange { start: None, end: Some((range.end.into(), true)) }
    }
}

impl<V: Into<IndexValue>> From<ops::RangeTo<V>> for IndexRange {
    fn from(range: ops::RangeTo<V>) -> IndexRange {
        IndexRange { start: None, end: Some((range.end.into(), false)) }
    }
}

impl DataFrame {
    /// The least value of the index in each partition, and the greatest in the last; `None` when it is not known.
    /// [`set_index`](DataFrame::set_index) finds out.
    pub fn divisions(&self) -> Option<Vec<AnyValue<'static>>> {
        self.node().divisions.as_ref().map(|divisions| divisions.values.clone())
    }

    /// Whether it is known which values of the index each partition holds.
    pub fn known_divisions(&self) -> bool {
        self.node().divisions.is_some()
    }

    /// The column that the rows are in the order of, when it is known.
    pub fn index(&self) -> Option<&str> {
        self.node().divisions.as_ref().map(|divisions| divisions.column.as_str())
    }

    /// The same rows, without what is known of their order.
    pub fn clear_divisions(&self) -> DataFrame {
        with_divisions("clear_divisions", self.node(), None).into()
    }

    /// The rows whose value of the index lies in a range, or is the one given. Only the partitions that can have such rows
    /// are computed.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = taskloom::polars::df!("day" => ["2015-01-30", "2015-02-01", "2015-02-28", "2015-03-01"], "n" => [1, 2, 3, 4])?;
    /// let frame = DataFrame::from_polars(rows, 2).assign("day", col("day").cast(DataType::Date)).set_index("day")?;
    /// assert_eq!(frame.loc("2015-02").compute()?.height(), 2);
    /// assert_eq!(frame.loc("2015-01-31"..="2015-02").compute()?.height(), 2);
    /// assert_eq!(frame.loc("2015-02-28"..).compute()?.height(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When there is no index; when the range is of another type than the index.
    #[track_caller]
    pub fn loc(&self, range: impl Into<IndexRange>) -> DataFrame {
        built(self.located(range.into()))
    }

    fn located(&self, range: IndexRange) -> Built<DataFrame> {
        let wrong = |why: String| FrameError::Expression { operation: "loc".to_owned(), why };
        let Some(divisions) = &self.node().divisions else {
            return Err(wrong("the frame has no index; `set_index(column)` makes one".to_owned()));
        };
        let column = &divisions.column;
        let dtype = self.node().schema.get(column).cloned().unwrap_or(DataType::Null);
        let value =
            |value: &IndexValue| bound(value, &dtype).map_err(|why| wrong(format!("the index \"{column}\" {why}")));
        let start = range.start.as_ref().map(value).transpose()?;
        let end = match &range.end {
            Some((end, included)) => Some((value(end)?, *included)),
            None => None,
        };
        let index = || col(column.as_str());
        let mut conditions: Vec<Expr> = Vec::new();
        let is_from = |value: &AnyValue| start.as_ref().is_none_or(|start| compare(value, &start.first).is_ge());
        let is_before = |value: &AnyValue| match &end {
            None => true,
            Some((end, false)) => compare(value, &end.first).is_lt(),
            Some((Bound { after: Some(after), .. }, true)) => compare(value, after).is_lt(),
            Some((Bound { first, after: None }, true)) => compare(value, first).is_le(),
        };
        if let Some(start) = &start {
            conditions.push(index().gt_eq(literal(&start.first, &dtype)));
        }
        match &end {
            None => {}
            Some((end, false)) => conditions.push(index().lt(literal(&end.first, &dtype))),
            Some((Bound { after: Some(after), .. }, true)) => conditions.push(index().lt(literal(after, &dtype))),
            Some((Bound { first, after: None }, true)) => conditions.push(index().lt_eq(literal(first, &dtype))),
        }
        let Some(condition) = conditions.into_iter().reduce(Expr::and) else { return Ok(self.clone()) };
        let last = divisions.values.len() - 1;
        let mut has = (0..last).filter(|&k| {
            // A partition ends before the next begins, but for the last.
            let ends_late = match k + 1 == last {
                true => is_from(&divisions.values[last]),
                false => start.as_ref().is_none_or(|start| compare(&divisions.values[k + 1], &start.first).is_gt()),
            };
            ends_late && is_before(&divisions.values[k])
        });
        let first = has.next();
        let range = match (first, has.next_back()) {
            (None, _) => 0..1,
            (Some(first), None) => first..first + 1,
            (Some(first), Some(last)) => first..last + 1,
        };
        let some = if range == (0..last) { self.clone() } else { self.partitions(range) };
        some.by_row("loc", super::rows::RowStep::Filter(condition))
    }
}

/// The first value that is meant, and the first behind it, where a text means several.
struct Bound {
    first: AnyValue<'static>,
    after: Option<AnyValue<'static>>,
}

pub(crate) fn literal(value: &AnyValue<'static>, dtype: &DataType) -> Expr {
    Expr::Literal(LiteralValue::Scalar(Scalar::new(dtype.clone(), value.clone())))
}

/// A value as one of the index; or why it is none.
fn bound(value: &IndexValue, dtype: &DataType) -> Result<Bound, String> {
    fn one(first: AnyValue) -> Result<Bound, String> {
        Ok(Bound { first: first.into_static(), after: None })
    }
    match (value, dtype) {
        (IndexValue::Text(text), DataType::String) => one(AnyValue::StringOwned(text.as_str().into())),
        (IndexValue::Text(text), DataType::Date | DataType::Datetime(..)) => {
            let (first, after) = moments(text)
                .ok_or_else(|| format!("holds times, and `{text}` is none: write `2015-02` or `2015-02-28 12:30`"))?;
            let moment = |seconds| moment(seconds, dtype).map_err(|error| format!("has no such time: {error}"));
            Ok(Bound { first: moment(first)?, after: Some(moment(after)?) })
        }
        (IndexValue::Integer(number), dtype) if dtype.is_primitive_numeric() => {
            one(AnyValue::Int64(*number).cast(dtype))
        }
        (IndexValue::Float(number), dtype) if dtype.is_float() => one(AnyValue::Float64(*number).cast(dtype)),
        (value, dtype) => Err(format!("holds {dtype}, and {value:?} is none of these")),
    }
}

/// A point in time, in seconds since 1970 of the wall clock, as a value of the index.
fn moment(seconds: i64, dtype: &DataType) -> PolarsResult<AnyValue<'static>> {
    if dtype == &DataType::Date {
        return Ok(AnyValue::Date(seconds.div_euclid(86_400) as i32));
    }
    let wall = lit(Scalar::new(
        DataType::Datetime(TimeUnit::Milliseconds, None),
        AnyValue::Datetime(seconds.saturating_mul(1000), TimeUnit::Milliseconds, None),
    ));
    let there = match dtype {
        DataType::Datetime(_, Some(zone)) => {
            wall.dt().replace_time_zone(Some(zone.clone()), lit("earliest"), NonExistent::Null)
        }
        _ => wall,
    };
    let found = Rows::empty_with_height(1).lazy().select([there.cast(dtype.clone()).alias("time")]).collect()?;
    Ok(found.column("time")?.get(0)?.into_static())
}

/// The first second of what a text says of a time, and the first one behind it; nothing of texts with parts of seconds.
fn moments(text: &str) -> Option<(i64, i64)> {
    let is_whole = !text.contains('.');
    let (first, behind, _) = calendar::moments(text, calendar::day_of_date).filter(|_| is_whole)?;
    Some((first, behind))
}

#[cfg(test)]
mod tests {
    use super::moments;

    #[test]
    fn texts_are_as_precise_as_they_are_written() {
        assert_eq!(moments("1970"), Some((0, 365 * 86_400)));
        assert_eq!(moments("1970-02"), Some((31 * 86_400, 59 * 86_400)));
        assert_eq!(moments("1972-12"), Some((1065 * 86_400, 1096 * 86_400)));
        assert_eq!(moments("1970-01-02 03:04"), Some((86_400 + 3 * 3600 + 240, 86_400 + 3 * 3600 + 300)));
        assert_eq!(moments("1970-01-01T00:00:07"), Some((7, 8)));
        for wrong in [
            "",
            "70",
            "1970-13",
            "1970-02-29",
            "1970-01-01 24",
            "1970-01-01 00:60",
            "1970-01-01 00:00:00.5",
            "noon",
            "1970-1x",
        ] {
            assert_eq!(moments(wrong), None, "{wrong}");
        }
    }
}
