//! Row groups that cannot have rows which a predicate is true for.

use std::cmp::Ordering;

use polars::prelude::{AnyValue, DataType, Expr, Operator, PlSmallStr, Series};
use polars_parquet::read::statistics::deserialize_all;

use super::super::guard::guarded;
use super::footer::ParquetFile;

/// A comparison of a column with a value.
#[derive(Debug, Clone)]
pub(super) struct Comparison {
    pub(super) column: PlSmallStr,
    operator: Operator,
    value: AnyValue<'static>,
}

/// The comparisons that all have to be true.
pub(super) fn comparisons(predicate: &Expr) -> Vec<Comparison> {
    let mut all = Vec::new();
    collect(predicate, &mut all);
    all
}

fn collect(predicate: &Expr, all: &mut Vec<Comparison>) {
    match predicate {
        Expr::BinaryExpr { left, op: Operator::And | Operator::LogicalAnd, right } => {
            collect(left, all);
            collect(right, all);
        }
        Expr::BinaryExpr { left, op, right } => {
            let turned = match op {
                Operator::Lt => Operator::Gt,
                Operator::LtEq => Operator::GtEq,
                Operator::Gt => Operator::Lt,
                Operator::GtEq => Operator::LtEq,
                Operator::Eq => Operator::Eq,
                _ => return,
            };
            match (&**left, &**right) {
                (Expr::Column(column), value) => all.extend(comparison(column, *op, value)),
                (value, Expr::Column(column)) => all.extend(comparison(column, turned, value)),
                _ => {}
            }
        }
        Expr::Alias(inner, _) => collect(inner, all),
        _ => {}
    }
}

fn comparison(column: &PlSmallStr, operator: Operator, value: &Expr) -> Option<Comparison> {
    let value = match value {
        Expr::Literal(literal) => literal.to_any_value()?.into_static(),
        _ => return None,
    };
    Some(Comparison { column: column.clone(), operator, value })
}

/// What is known of a column in a row group.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) least: Option<AnyValue<'static>>,
    pub(super) greatest: Option<AnyValue<'static>>,
    pub(super) nulls: Option<u64>,
}

/// What is known of a column in some row groups, one after the other; nothing when nothing is known.
pub(super) fn known(file: &ParquetFile, groups: std::ops::Range<usize>, column: &str) -> Option<Vec<Known>> {
    let field = file.fields.get(column)?;
    let groups = file.metadata.row_groups.get(groups)?;
    let leaf = match groups.first()?.columns_idxs_under_root_iter(column)? {
        &[leaf] => leaf,
        _ => return None,
    };
    let read = guarded(|| {
        let Some(found) = deserialize_all(field, groups, leaf, &file.metadata.footer_buf)? else { return Ok(None) };
        let dtype = DataType::from_arrow_field(field);
        if dtype.is_decimal() {
            return Ok(None);
        }
        // Dates and the like are whole numbers there.
        let typed = |array| Series::try_from((field.name.clone(), vec![array]))?.cast(&dtype);
        let (least, greatest) = (typed(found.min_value)?, typed(found.max_value)?);
        let nulls = Series::try_from((PlSmallStr::EMPTY, vec![found.null_count.boxed()]))?;
        let value = |series: &Series, place: usize| {
            series.get(place).ok().map(AnyValue::into_static).filter(|value| !value.is_null())
        };
        let known = (0..groups.len()).map(|place| Known {
            least: value(&least, place),
            greatest: value(&greatest, place),
            nulls: value(&nulls, place).and_then(|nulls| nulls.try_extract::<u64>().ok()),
        });
        Ok(Some(known.collect()))
    });
    read.ok().flatten()
}

impl Comparison {
    /// Whether it may be true for a row.
    pub(super) fn may_hold(&self, known: &Known, rows: usize, dtype: &DataType) -> bool {
        if known.nulls == Some(rows as u64) {
            return false;
        }
        // Not a number is greater than all numbers, and the file does not say if there are some.
        let may_be_more = dtype.is_float() || self.value.is_nan();
        let least = known.least.as_ref().and_then(|least| order(least, &self.value));
        let greatest = known.greatest.as_ref().and_then(|greatest| order(greatest, &self.value));
        match self.operator {
            Operator::Lt => self.value.is_nan() || least.is_none_or(Ordering::is_lt),
            Operator::LtEq => self.value.is_nan() || least.is_none_or(Ordering::is_le),
            Operator::Gt => may_be_more || greatest.is_none_or(Ordering::is_gt),
            Operator::GtEq => may_be_more || greatest.is_none_or(Ordering::is_ge),
            Operator::Eq => {
                self.value.is_nan() || (least.is_none_or(Ordering::is_le) && greatest.is_none_or(Ordering::is_ge))
            }
            _ => true,
        }
    }
}

/// How two values compare, where that is sure.
pub(super) fn order(one: &AnyValue<'_>, other: &AnyValue<'_>) -> Option<Ordering> {
    use AnyValue::{Binary, BinaryOwned, Boolean, Date, Datetime, DatetimeOwned, Duration, String, StringOwned, Time};
    fn text<'a>(value: &'a AnyValue<'_>) -> Option<&'a [u8]> {
        match value {
            String(text) => Some(text.as_bytes()),
            StringOwned(text) => Some(text.as_bytes()),
            Binary(bytes) => Some(bytes),
            BinaryOwned(bytes) => Some(bytes),
            _ => None,
        }
    }
    if let (Some(one), Some(other)) = (text(one), text(other)) {
        return Some(one.cmp(other));
    }
    match (one, other) {
        (Boolean(one), Boolean(other)) => return Some(one.cmp(other)),
        (Date(one), Date(other)) => return Some(one.cmp(other)),
        (Time(one), Time(other)) => return Some(one.cmp(other)),
        (Duration(one, unit), Duration(other, units)) if unit == units => return Some(one.cmp(other)),
        (Datetime(..) | DatetimeOwned(..), Datetime(..) | DatetimeOwned(..)) => {
            let parts = |value: &AnyValue<'_>| match value {
                Datetime(ticks, unit, zone) => Some((*ticks, *unit, zone.cloned())),
                DatetimeOwned(ticks, unit, zone) => Some((*ticks, *unit, zone.as_deref().cloned())),
                _ => None,
            };
            let ((one, unit, zone), (other, units, zones)) = (parts(one)?, parts(other)?);
            return (unit == units && zone == zones).then(|| one.cmp(&other));
        }
        _ => {}
    }
    let whole = |value: &AnyValue<'_>| value.is_integer().then(|| value.try_extract::<i128>().ok()).flatten();
    if let (Some(one), Some(other)) = (whole(one), whole(other)) {
        return Some(one.cmp(&other));
    }
    // A whole number as a double may be another one.
    let float = |value: &AnyValue<'_>| match value {
        AnyValue::Float32(value) => Some(f64::from(*value)),
        AnyValue::Float64(value) => Some(*value),
        _ => whole(value).filter(|value| value.unsigned_abs() <= 1 << 53).map(|value| value as f64),
    };
    float(one)?.partial_cmp(&float(other)?)
}
