//! Which expressions look at one row at a time.
//!
//! The value that such an expression has for a row depends on that row alone, so it is the same whether Polars sees the
//! whole frame or a partition of it. The list says what is known to be so; a function that it does not name is not.

use polars::lazy::dsl::{BooleanFunction, CategoricalFunction, Expr, FunctionExpr, ListFunction};
use polars::lazy::dsl::{StringFunction, StructFunction};
use polars::prelude::{FillNullStrategy, LiteralValue};

/// Whether the expression, evaluated on a part of the rows, gives those rows of its result on all of them.
pub(crate) fn is_row_wise(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) | Expr::Field(_) => true,
        Expr::Literal(value) => value.is_scalar(),
        Expr::Alias(input, _) | Expr::KeepName(input) | Expr::RenameAlias { expr: input, .. } => is_row_wise(input),
        Expr::Cast { expr, .. } => is_row_wise(expr),
        Expr::BinaryExpr { left, right, .. } => is_row_wise(left) && is_row_wise(right),
        Expr::Ternary { predicate, truthy, falsy } => {
            is_row_wise(predicate) && is_row_wise(truthy) && is_row_wise(falsy)
        }
        Expr::Function { input, function } => {
            is_row_wise_function(function) && arguments_to_look_at(input, function).iter().all(is_row_wise)
        }
        Expr::AnonymousFunction { input, options, .. } => options.is_elementwise() && input.iter().all(is_row_wise),
        _ => false,
    }
}

/// Whether the expression, evaluated on parts of the rows one after the other, gives its result on all of them in pieces:
/// row by row, or with rows left out.
pub(super) fn is_separable(expr: &Expr) -> bool {
    match expr {
        Expr::Filter { input, by } => is_separable(input) && same_rows(input, by) && has_column(input),
        Expr::Function { input, function: FunctionExpr::DropNulls | FunctionExpr::DropNans } => {
            input.iter().all(|input| is_separable(input) && has_column(input))
        }
        Expr::Alias(input, _) | Expr::Cast { expr: input, .. } => is_separable(input),
        // What leaves rows out can be put together with what is the same for all rows, and with nothing else.
        Expr::BinaryExpr { left, right, .. } if is_constant(right) => is_separable(left),
        Expr::BinaryExpr { left, right, .. } if is_constant(left) => is_separable(right),
        Expr::Function { input, function } if !is_row_wise(expr) => match &input[..] {
            [first, rest @ ..] => is_row_wise_function(function) && rest.iter().all(is_constant) && is_separable(first),
            [] => false,
        },
        _ => is_row_wise(expr),
    }
}

/// Whether a filter of `input` may look at `by`: both have as many rows as their partition.
fn same_rows(input: &Expr, by: &Expr) -> bool {
    is_row_wise(input) && is_row_wise(by)
}

/// Whether it has the same value whatever the rows are.
pub(super) fn is_constant(expr: &Expr) -> bool {
    !has_column(expr) && is_row_wise(expr)
}

/// Whether its value has to do with rows.
pub(crate) fn has_column(expr: &Expr) -> bool {
    expr.into_iter().any(|part| !matches!(part, Expr::Literal(_)) && is_leaf(part))
}

fn is_leaf(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(_) | Expr::Len | Expr::Selector(_) | Expr::Element | Expr::Field(_) | Expr::SubPlan(..))
        || matches!(expr, Expr::AnonymousFunction { input, .. } | Expr::Function { input, .. } if input.is_empty())
}

/// The arguments that have a value for each row: what `is_in` searches is a set.
pub(super) fn arguments_to_look_at<'a>(input: &'a [Expr], function: &FunctionExpr) -> &'a [Expr] {
    match (function, input) {
        (FunctionExpr::Boolean(BooleanFunction::IsIn { .. }), [value, Expr::Literal(LiteralValue::Series(_))]) => {
            std::slice::from_ref(value)
        }
        _ => input,
    }
}

/// Whether a function gives a value for each row from the values that its arguments have in that row.
pub(super) fn is_row_wise_function(function: &FunctionExpr) -> bool {
    use FunctionExpr as F;
    match function {
        F::StringExpr(function) => is_row_wise_string(function),
        F::StructExpr(function) => !matches!(function, StructFunction::SelectFields(_)),
        F::Categorical(function) => !matches!(function, CategoricalFunction::GetCategories),
        F::ListExpr(function) => !matches!(function, ListFunction::Concat | ListFunction::Shift),
        F::Boolean(function) => is_row_wise_boolean(function),
        F::FillNullWithStrategy(strategy) => {
            matches!(strategy, FillNullStrategy::Zero | FillNullStrategy::One)
        }
        F::BinaryExpr(_) | F::TemporalExpr(_) | F::Pow(_) | F::Trigonometry(_) => true,
        F::Abs | F::Negate | F::Hash(..) | F::Atan2 | F::Sign | F::FillNull | F::Clip { .. } => true,
        F::AsList | F::AsStruct | F::Coalesce | F::Log | F::Log1p | F::Exp | F::Cut { .. } | F::ToPhysical => true,
        F::Round { .. } | F::RoundSF { .. } | F::Truncate { .. } | F::Floor | F::Ceil => true,
        F::MaxHorizontal | F::MinHorizontal | F::SumHorizontal { .. } | F::MeanHorizontal { .. } => true,
        F::Replace | F::ReplaceStrict { .. } => true,
        _ => false,
    }
}

/// Without its format, a time is read by the format that the first row of the partition has.
fn is_row_wise_string(function: &StringFunction) -> bool {
    match function {
        StringFunction::ConcatVertical { .. } => false,
        StringFunction::Strptime(_, options) => options.format.is_some(),
        _ => true,
    }
}

fn is_row_wise_boolean(function: &BooleanFunction) -> bool {
    use BooleanFunction as B;
    matches!(
        function,
        B::IsNull
            | B::IsNotNull
            | B::IsFinite
            | B::IsInfinite
            | B::IsNan
            | B::IsNotNan
            | B::IsBetween { .. }
            | B::IsIn { .. }
            | B::AllHorizontal
            | B::AnyHorizontal
            | B::Not
    )
}
