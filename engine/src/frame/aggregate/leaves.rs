//! How one aggregation is computed in parts.
//!
//! Each takes a partition to a few columns (`partial`), those of several partitions to as many (`combine`), and those of
//! all to its value. Combining what was combined before gives the same, so partitions can be merged in a tree.

use polars::lazy::dsl::{AggExpr, BooleanFunction, CorrelationMethod, Expr, FunctionExpr, col, lit, when};
use polars::prelude::{DataType, ExplodeOptions, NULL, PlSmallStr, TimeUnit};

use super::expand::Types;
use super::row_wise::{has_column, is_row_wise, is_separable};

/// One column of the state that partitions are taken to.
#[derive(Debug)]
struct Part {
    partial: Expr,
    combine: Expr,
}

/// The columns of the state of all aggregations of a query; those that several need are there once.
#[derive(Debug, Default)]
pub(super) struct Parts {
    parts: Vec<Part>,
}

/// What a column of the state is called.
fn name_of(at: usize) -> PlSmallStr {
    PlSmallStr::from_string(format!("__taskloom_{at}"))
}

impl Parts {
    /// A column of the state, or the one that is the same. `combine` is told the column's name.
    fn add(&mut self, partial: Expr, combine: impl Fn(Expr) -> Expr) -> Expr {
        let states = self.add_all(vec![partial], |states| states.iter().cloned().map(&combine).collect());
        states.and_then(|states| states.into_iter().next()).unwrap_or_else(|| unreachable!("one for one"))
    }

    /// Columns of the state that are merged together, or those that are the same; `None` when `combine` gives more or fewer
    /// than it is given.
    pub(super) fn add_all(&mut self, partial: Vec<Expr>, combine: impl Fn(&[Expr]) -> Vec<Expr>) -> Option<Vec<Expr>> {
        let states_at = |first: usize| (first..first + partial.len()).map(|at| col(name_of(at))).collect::<Vec<_>>();
        for first in 0..=self.parts.len() {
            let states = states_at(first);
            let combined = combine(&states);
            if combined.len() != partial.len() {
                return None;
            }
            let wanted = partial.iter().zip(&combined);
            if let Some(there) = self.parts.get(first..first + partial.len()) {
                if there.iter().zip(wanted).all(|(part, wanted)| (&part.partial, &part.combine) == wanted) {
                    return Some(states);
                }
            } else if first == self.parts.len() {
                self.parts
                    .extend(partial.into_iter().zip(combined).map(|(partial, combine)| Part { partial, combine }));
                return Some(states);
            }
        }
        None
    }

    /// What partitions are taken to, and how that is merged; the columns have the same names in both.
    pub(super) fn into_exprs(self) -> (Vec<Expr>, Vec<Expr>) {
        (self.parts.into_iter().enumerate())
            .map(|(at, part)| (part.partial.alias(name_of(at)), part.combine.alias(name_of(at))))
            .unzip()
    }

    /// A column that is added up.
    fn sum(&mut self, partial: Expr) -> Expr {
        self.add(partial, Expr::sum)
    }

    /// How many values there are, without nulls or with them.
    fn count(&mut self, input: &Expr, include_nulls: bool) -> Expr {
        self.sum(counted(input, include_nulls))
    }
}

/// Counts are 64 bits wide on the way: a partition has fewer rows than 2³², all together may not.
pub(crate) fn counted(input: &Expr, include_nulls: bool) -> Expr {
    Expr::from(AggExpr::Count { input: input.clone().into(), include_nulls }).cast(DataType::UInt64)
}

/// What an aggregation is of the columns that it adds to `parts`; `None` when it needs all rows at once.
///
/// `empty_groups` says whether a partition may have a group without rows: the one group of all rows can be empty.
pub(super) fn decompose_leaf(
    expr: &Expr,
    parts: &mut Parts,
    types: &mut Types<'_>,
    empty_groups: bool,
) -> Option<Expr> {
    match expr {
        Expr::Len => {
            let len = parts.sum(Expr::Len.cast(DataType::UInt64));
            Some(len.cast(types.of_group(expr)?))
        }
        Expr::Agg(aggregation) => decompose_aggregation(expr, aggregation, parts, types, empty_groups),
        Expr::Function { input, function } => decompose_function(expr, input, function, parts, types),
        _ => None,
    }
}

/// What can be taken apart: rows that are looked at one by one, and at least one column of them.
fn separable(input: &Expr) -> Option<&Expr> {
    (is_separable(input) && has_column(input)).then_some(input)
}

fn decompose_aggregation(
    expr: &Expr,
    aggregation: &AggExpr,
    parts: &mut Parts,
    types: &mut Types<'_>,
    empty_groups: bool,
) -> Option<Expr> {
    match aggregation {
        AggExpr::Sum(input) => {
            separable(input)?;
            let result = types.of_group(expr)?;
            let is_summed = result.is_primitive_numeric() || result.is_decimal() || result.is_duration();
            is_summed.then(|| parts.sum(expr.clone()))
        }
        AggExpr::Min { input, propagate_nans } => {
            separable(input)?;
            let propagate_nans = *propagate_nans;
            Some(parts.add(expr.clone(), |state| AggExpr::Min { input: state.into(), propagate_nans }.into()))
        }
        AggExpr::Max { input, propagate_nans } => {
            separable(input)?;
            let propagate_nans = *propagate_nans;
            Some(parts.add(expr.clone(), |state| AggExpr::Max { input: state.into(), propagate_nans }.into()))
        }
        AggExpr::Count { input, include_nulls } => {
            let count = parts.count(separable(input)?, *include_nulls);
            Some(count.cast(types.of_group(expr)?))
        }
        AggExpr::First(input) | AggExpr::Last(input) => {
            let input = separable(input)?;
            let is_first = matches!(aggregation, AggExpr::First(_));
            let pick = move |state: Expr| if is_first { state.first() } else { state.last() };
            if !empty_groups && is_row_wise(input) {
                return Some(parts.add(expr.clone(), pick));
            }
            // A partition without rows has nothing to say, and must not say `null`.
            let count = parts.count(input, true);
            Some(parts.add(expr.clone(), |state| pick(state.filter(count.clone().gt(lit(0))))))
        }
        AggExpr::FirstNonNull(input) => {
            separable(input)?;
            Some(parts.add(expr.clone(), |state| AggExpr::FirstNonNull(state.into()).into()))
        }
        AggExpr::LastNonNull(input) => {
            separable(input)?;
            Some(parts.add(expr.clone(), |state| AggExpr::LastNonNull(state.into()).into()))
        }
        AggExpr::Mean(input) => mean(separable(input)?, &types.of_group(expr)?, parts, types),
        AggExpr::Var(input, ddof) => spread(separable(input)?, *ddof, &types.of_group(expr)?, false, parts, types),
        AggExpr::Std(input, ddof) => spread(separable(input)?, *ddof, &types.of_group(expr)?, true, parts, types),
        AggExpr::NUnique(input) => {
            let input = separable(input)?;
            let distinct = |values: Expr| values.unique().implode(false);
            let flat = ExplodeOptions { empty_as_null: false, keep_nulls: true };
            let state = parts.add(distinct(input.clone()), |state| distinct(state.explode(flat)));
            Some(state.list().len().cast(types.of_group(expr)?))
        }
        _ => None,
    }
}

fn decompose_function(
    expr: &Expr,
    input: &[Expr],
    function: &FunctionExpr,
    parts: &mut Parts,
    types: &mut Types<'_>,
) -> Option<Expr> {
    let inputs_are_separable = || input.iter().all(|input| separable(input).is_some());
    match (function, input) {
        (FunctionExpr::Boolean(BooleanFunction::Any { ignore_nulls }), [_]) if inputs_are_separable() => {
            let ignore_nulls = *ignore_nulls;
            Some(parts.add(expr.clone(), |state| state.any(ignore_nulls)))
        }
        (FunctionExpr::Boolean(BooleanFunction::All { ignore_nulls }), [_]) if inputs_are_separable() => {
            let ignore_nulls = *ignore_nulls;
            Some(parts.add(expr.clone(), |state| state.all(ignore_nulls)))
        }
        (FunctionExpr::Boolean(BooleanFunction::HasNulls), [_]) if inputs_are_separable() => {
            Some(parts.add(expr.clone(), |state| state.any(true)))
        }
        (FunctionExpr::NullCount, [_]) if inputs_are_separable() => {
            let count = parts.sum(expr.clone().cast(DataType::UInt64));
            Some(count.cast(types.of_group(expr)?))
        }
        (FunctionExpr::Product, [_]) if inputs_are_separable() => {
            let result = types.of_group(expr)?;
            // A product of decimals is rounded at each step, so the order would show.
            result.is_primitive_numeric().then(|| parts.add(expr.clone(), Expr::product))
        }
        (FunctionExpr::Correlation { method }, [x, y]) if is_row_wise(x) && is_row_wise(y) && has_column(x) => {
            together(x, y, *method, &types.of_group(expr)?, parts)
        }
        _ => None,
    }
}

/// The mean: what there is, added up in 64-bit floats, by how many there are.
fn mean(input: &Expr, result: &DataType, parts: &mut Parts, types: &mut Types<'_>) -> Option<Expr> {
    let own = types.of_rows(input)?;
    let sum = match &own {
        // Polars adds these up in integers that are wide enough.
        DataType::Boolean | DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 => {
            parts.sum(input.clone().sum())
        }
        DataType::Float64 => parts.sum(input.clone().sum()),
        own if own.is_primitive_numeric() || own.is_decimal() => parts.sum(input.clone().cast(DataType::Float64).sum()),
        own if own.is_temporal() => parts.sum(input.clone().to_physical().cast(DataType::Float64).sum()),
        _ => return None,
    };
    let count = parts.count(input, false);
    let quotient = sum.cast(DataType::Float64) / count.clone().cast(DataType::Float64);
    let mean = match (&own, result) {
        (DataType::Date, DataType::Datetime(TimeUnit::Microseconds, None)) => {
            (quotient * lit(MICROSECONDS_OF_A_DAY)).cast(DataType::Int64).cast(result.clone())
        }
        (_, result) if result.is_float() => quotient.cast(result.clone()),
        (own, result) if own == result => quotient.cast(DataType::Int64).cast(result.clone()),
        _ => return None,
    };
    Some(when(count.gt(lit(0))).then(mean).otherwise(lit(NULL).cast(result.clone())))
}

const MICROSECONDS_OF_A_DAY: f64 = 86_400_000_000.0;

/// Variance and standard deviation: counts, means and sums of squares about the mean, merged by Chan's formula (Chan, Golub
/// and LeVeque 1979), which subtracts no large numbers that are nearly equal.
fn spread(
    input: &Expr,
    ddof: u8,
    result: &DataType,
    is_root: bool,
    parts: &mut Parts,
    types: &mut Types<'_>,
) -> Option<Expr> {
    let own = types.of_rows(input)?;
    let is_number = own.is_primitive_numeric() || own.is_decimal() || own == DataType::Boolean;
    let is_duration = is_root && own.is_duration() && result == &own;
    let values = match () {
        () if own == DataType::Float64 => input.clone(),
        () if is_number && result.is_float() => input.clone().cast(DataType::Float64),
        () if is_duration => input.clone().to_physical().cast(DataType::Float64),
        () => return None,
    };
    let (count, squares) = moments(input, values, parts);
    let above = count.clone().cast(DataType::Float64) - lit(f64::from(ddof));
    let variance = squares / above;
    let value = if is_root { variance.sqrt() } else { variance };
    let value = if is_duration { value.cast(DataType::Int64) } else { value };
    let null = lit(NULL).cast(result.clone());
    Some(when(count.gt(lit(u64::from(ddof)))).then(value.cast(result.clone())).otherwise(null))
}

/// How many values there are, and the sum of their squares about their mean.
fn moments(input: &Expr, values: Expr, parts: &mut Parts) -> (Expr, Expr) {
    let count = parts.count(input, false);
    let mean = mean_part(&values, &count, parts);
    let squares = parts.add(own_squares(values), |state| merged_squares(state, &mean, &count));
    (count, squares)
}

/// The sum of the squares of some values about their mean.
pub(crate) fn own_squares(values: Expr) -> Expr {
    let own_count = values.clone().count().cast(DataType::Float64);
    values.var(0) * own_count
}

/// The squares about the mean of everything, from those of partitions about their own.
pub(crate) fn merged_squares(squares: Expr, mean: &Expr, count: &Expr) -> Expr {
    let distance = mean.clone() - merged_mean(mean, count);
    squares.sum() + (weight(count) * distance.clone() * distance).sum()
}

fn mean_part(values: &Expr, count: &Expr, parts: &mut Parts) -> Expr {
    parts.add(values.clone().mean(), |state| merged_mean(&state, count))
}

fn weight(count: &Expr) -> Expr {
    count.clone().cast(DataType::Float64)
}

/// The mean of everything from the means of partitions. Of nothing it is `null`, since `NaN` would spoil what it is merged
/// with.
pub(crate) fn merged_mean(mean: &Expr, count: &Expr) -> Expr {
    let total = count.clone().sum();
    let weighted = (mean.clone() * weight(count)).sum();
    when(total.clone().gt(lit(0))).then(weighted / weight(&total)).otherwise(lit(NULL).cast(DataType::Float64))
}

/// Covariance and Pearson's correlation of the rows where neither value is null, merged like [`spread`].
fn together(x: &Expr, y: &Expr, method: CorrelationMethod, result: &DataType, parts: &mut Parts) -> Option<Expr> {
    let beside = |value: &Expr, other: &Expr| {
        let value = value.clone().cast(DataType::Float64);
        when(other.clone().is_not_null()).then(value).otherwise(lit(NULL).cast(DataType::Float64))
    };
    let (left, right) = (beside(x, y), beside(y, x));
    let (count, left_squares) = moments(&left, left.clone(), parts);
    let left_mean = mean_part(&left, &count, parts);
    let right_mean = mean_part(&right, &count, parts);
    let own_count = left.clone().count().cast(DataType::Float64);
    let own = polars::lazy::dsl::cov(left, right.clone(), 0) * own_count;
    let products = parts.add(own, |state| {
        let left = left_mean.clone() - merged_mean(&left_mean, &count);
        let right = right_mean.clone() - merged_mean(&right_mean, &count);
        state.sum() + (weight(&count) * left * right).sum()
    });
    let value = match method {
        CorrelationMethod::Covariance(ddof) => {
            let value = products / (weight(&count) - lit(f64::from(ddof)));
            let null = lit(NULL).cast(DataType::Float64);
            let value = when(count.gt(lit(u64::from(ddof)))).then(value).otherwise(null);
            // Polars takes a single row for a constant, even one with nulls.
            when(parts.count(x, true).eq(lit(1))).then(lit(0.0)).otherwise(value)
        }
        CorrelationMethod::Pearson => {
            let (_, right_squares) = moments(&right, right.clone(), parts);
            let both = left_squares * right_squares;
            when(both.clone().gt(lit(0.0))).then(products / both.sqrt()).otherwise(lit(f64::NAN))
        }
    };
    Some(value.cast(result.clone()))
}
