//! What is done to the rows of one partition without a look at the others: the steps that one task does in one Polars plan.

use std::sync::Arc;

use polars::prelude::{
    Column, DataFrame, ExplodeOptions, Expr, IntoLazy, LazyFrame, LiteralValue, PolarsResult, Scalar, cols,
};

use super::groups::grouped;
use crate::task::{Made, packed};

/// A function of a partition.
pub(crate) type OnPartition = dyn Fn(DataFrame) -> PolarsResult<DataFrame> + Send + Sync;

/// A step of a partition's plan.
#[derive(Clone)]
pub(crate) enum RowStep {
    /// These expressions.
    Select(Vec<Expr>),
    /// The rows where it holds.
    Filter(Expr),
    /// These expressions beside what is there.
    WithColumns(Vec<Expr>),
    /// All but these columns.
    Drop(Vec<String>),
    /// Old names and new ones.
    Rename(Vec<String>, Vec<String>),
    /// The rows without nulls in these columns, or in any.
    DropNulls(Option<Vec<String>>),
    /// A row for each element of lists.
    Explode(Vec<String>),
    /// What the partition adds to an aggregation: keys, and the columns that hold the parts. One row without keys.
    Partial(Vec<Expr>, Vec<Expr>),
    /// The first rows.
    Head(usize),
    /// A function that Polars knows nothing of.
    Call(Made<OnPartition>),
    /// The values of the only row of a frame that the task gets beside its own, as columns: which frame.
    Beside(usize),
}

packed!(
    enum RowStep {
        Select(expressions),
        Filter(predicate),
        WithColumns(expressions),
        Drop(names),
        Rename(old, new),
        DropNulls(names),
        Explode(names),
        Partial(keys, parts),
        Head(rows),
        Call(function),
        Beside(place),
    }
);

impl RowStep {
    /// The frame after the step; a function is called with the rows as they are then.
    pub(crate) fn apply(&self, frame: LazyFrame) -> PolarsResult<LazyFrame> {
        let named = |names: &[String]| cols(names.iter().map(String::as_str));
        Ok(match self {
            RowStep::Select(expressions) => frame.select(expressions.clone()),
            RowStep::Filter(predicate) => frame.filter(predicate.clone()),
            RowStep::WithColumns(expressions) => frame.with_columns(expressions.clone()),
            RowStep::Drop(names) => frame.drop(named(names)),
            RowStep::Rename(old, new) => frame.rename(old, new, true),
            RowStep::DropNulls(names) => frame.drop_nulls(names.as_deref().map(named)),
            RowStep::Explode(names) => {
                frame.explode(named(names), ExplodeOptions { empty_as_null: true, keep_nulls: true })
            }
            RowStep::Partial(keys, parts) if keys.is_empty() => frame.select(parts.clone()),
            RowStep::Partial(keys, parts) => frame.group_by(keys.clone()).agg(parts.clone()),
            RowStep::Head(rows) => frame.limit(*rows as u32),
            RowStep::Call(function) => function(frame.collect()?)?.lazy(),
            RowStep::Beside(_) => {
                polars::prelude::polars_bail!(ComputeError: "a step needs what stands beside its rows")
            }
        })
    }

    /// Whether Polars' optimiser can look through it.
    pub(crate) fn is_transparent(&self) -> bool {
        !matches!(self, RowStep::Call(_))
    }

    /// Whether a column, if it is there afterwards, has the same values in the same order, without those of rows that are
    /// gone.
    pub(crate) fn keeps(&self, column: &str) -> bool {
        let is_column = |expression: &Expr| matches!(expression, Expr::Column(name) if name == column);
        let is_other = |expression: &Expr| expression.clone().meta().output_name().is_ok_and(|name| name != column);
        match self {
            RowStep::Filter(_) | RowStep::Drop(_) | RowStep::DropNulls(_) | RowStep::Head(_) => true,
            RowStep::Select(expressions) => expressions.iter().any(is_column),
            RowStep::WithColumns(expressions) => expressions.iter().all(|one| is_other(one) || is_column(one)),
            RowStep::Rename(old, new) => !old.iter().chain(new).any(|name| name == column),
            RowStep::Beside(_) => true,
            RowStep::Explode(_) | RowStep::Partial(..) | RowStep::Call(_) => false,
        }
    }

    /// What explains it to a person.
    pub(crate) fn about(&self) -> String {
        let list = |all: &[Expr]| all.iter().map(in_words).collect::<Vec<_>>().join(", ");
        match self {
            RowStep::Select(expressions) => format!("select {}", list(expressions)),
            RowStep::Filter(predicate) => format!("filter {}", in_words(predicate)),
            RowStep::WithColumns(expressions) => format!("with columns {}", list(expressions)),
            RowStep::Drop(names) => format!("drop {}", names.join(", ")),
            RowStep::Rename(old, new) => {
                let pairs: Vec<String> = old.iter().zip(new).map(|(old, new)| format!("{old} to {new}")).collect();
                format!("rename {}", pairs.join(", "))
            }
            RowStep::DropNulls(None) => "drop rows with nulls".to_owned(),
            RowStep::DropNulls(Some(names)) => format!("drop rows with nulls in {}", names.join(", ")),
            RowStep::Explode(names) => format!("explode {}", names.join(", ")),
            RowStep::Partial(keys, parts) if keys.is_empty() => format!("fold {}", list(parts)),
            RowStep::Partial(keys, parts) => format!("fold {} by {}", list(parts), list(keys)),
            RowStep::Head(rows) => format!("the first {rows} rows"),
            RowStep::Call(_) => "call a function".to_owned(),
            RowStep::Beside(_) => "put values beside the rows".to_owned(),
        }
    }
}

/// How columns begin that nobody sees.
const HIDDEN: &str = "__taskloom_";

/// An expression without the names that nobody sees, and without what Polars says of the types of numbers.
pub(crate) fn in_words(expression: &Expr) -> String {
    match expression {
        Expr::Alias(inner, name) if name.starts_with(HIDDEN) => in_words(inner),
        Expr::Alias(inner, name) if matches!(&**inner, Expr::Column(column) if column == name) => in_words(inner),
        other => other.to_string().replace("(dyn int: ", "(").replace("(dyn float: ", "("),
    }
}

/// The rows after all steps, in one plan where no function stands between. Steps may read what is `beside`.
pub(crate) fn after(frame: LazyFrame, steps: &[RowStep], beside: &[DataFrame]) -> PolarsResult<DataFrame> {
    let apply = |frame: LazyFrame, step: &RowStep| match step {
        RowStep::Beside(place) => constants(&beside[*place]).map(|constants| frame.with_columns(constants)),
        RowStep::Partial(keys, parts) if !keys.is_empty() => grouped(frame, keys, parts),
        step => step.apply(frame),
    };
    steps.iter().try_fold(frame, apply)?.collect()
}

/// The values of the only row.
fn constants(row: &DataFrame) -> PolarsResult<Vec<Expr>> {
    let constant = |column: &Column| {
        let value = Scalar::new(column.dtype().clone(), column.get(0)?.into_static());
        Ok(Expr::Literal(LiteralValue::Scalar(value)).alias(column.name().clone()))
    };
    row.columns().iter().map(constant).collect()
}

/// A function of the user's, which travels if it captures nothing.
pub(crate) fn on_partition<F>(operation: &'static str, function: F) -> Made<OnPartition>
where
    F: Fn(DataFrame) -> PolarsResult<DataFrame> + Send + Sync + 'static,
{
    Made::<OnPartition>::given(operation, function, (), |function, ()| Arc::new(function))
}
