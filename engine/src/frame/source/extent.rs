//! Between which values a column lies in rows that nobody has read yet, and which comparisons can be true there.

use std::cmp::Ordering;

use polars::lazy::dsl::{BooleanFunction, FunctionExpr};
use polars::prelude::{AnyValue, ClosedInterval, DataType, Expr, Operator, PlSmallStr};

/// The least and the greatest value of a column in some rows, or what is beyond them.
#[derive(Debug, Clone)]
pub(crate) struct Extent {
    pub(crate) least: AnyValue<'static>,
    pub(crate) greatest: AnyValue<'static>,
    /// Whether rows may be without a value.
    pub(crate) has_nulls: bool,
}

/// A comparison of a column with a value.
#[derive(Debug, Clone)]
pub(crate) struct Comparison {
    pub(crate) column: PlSmallStr,
    operator: Operator,
    value: AnyValue<'static>,
}

/// The comparisons that all have to be true.
pub(crate) fn comparisons(predicate: &Expr) -> Vec<Comparison> {
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
        Expr::Function { input, function: FunctionExpr::Boolean(BooleanFunction::IsBetween { closed }) } => {
            let [Expr::Column(column), low, high] = &input[..] else { return };
            let (from, to) = match closed {
                ClosedInterval::Both => (Operator::GtEq, Operator::LtEq),
                ClosedInterval::Left => (Operator::GtEq, Operator::Lt),
                ClosedInterval::Right => (Operator::Gt, Operator::LtEq),
                ClosedInterval::None => (Operator::Gt, Operator::Lt),
            };
            all.extend(comparison(column, from, low));
            all.extend(comparison(column, to, high));
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

impl Comparison {
    /// Whether it may be true for a row, where all values lie between these.
    pub(crate) fn may_hold(
        &self,
        least: Option<&AnyValue<'static>>,
        greatest: Option<&AnyValue<'static>>,
        dtype: &DataType,
    ) -> bool {
        // Not a number is greater than all numbers, and the file does not say if there are some.
        let may_be_more = dtype.is_float() || self.value.is_nan();
        let least = least.and_then(|least| order(least, &self.value));
        let greatest = greatest.and_then(|greatest| order(greatest, &self.value));
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
pub(crate) fn order(one: &AnyValue<'_>, other: &AnyValue<'_>) -> Option<Ordering> {
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
