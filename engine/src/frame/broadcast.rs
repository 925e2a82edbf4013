//! Aggregates beside rows: `col("tip") - col("tip").mean()`. What is one value for all rows is computed first, and comes to
//! each partition as a constant.

use std::sync::Arc;

use polars::prelude::{Expr, JoinArgs, JoinType, LazyFrame, Schema, col};

use super::DataFrame;
use super::aggregate::{Aggregate, Expanded, Named, decompose, expand, is_row_wise};
use super::error::{Built, FrameError};
use super::fold::{Grouping, folded};
use super::lower::{Chunk, Lowering};
use super::node::{Node, NodeRef, Operation, schema_after};
use super::rows::RowStep;

/// A step whose expressions hold aggregates; `None` when they look at other rows in another way.
pub(crate) fn with_aggregates(operation: &str, frame: &DataFrame, step: &RowStep) -> Option<Built<DataFrame>> {
    let input = frame.node();
    let mut split = Split { schema: &input.schema, values: Vec::new() };
    let expanded = |exprs: &[Expr]| {
        let Expanded { exprs, .. } = expand(exprs, &[], &input.schema).ok()?;
        Some(exprs)
    };
    let step_of_rows = match step {
        RowStep::Filter(condition) => RowStep::Filter(split.rewritten(condition)?),
        RowStep::Select(exprs) => {
            let exprs = split.all(expanded(exprs)?)?;
            let is_value = |name: &str| name.starts_with(VALUE);
            if exprs.iter().all(|expr| expr.clone().meta().root_names().iter().all(|name| is_value(name))) {
                let RowStep::Select(exprs) = step else { return None };
                let aggregates: Vec<Aggregate> = exprs.iter().cloned().map(Aggregate::from).collect();
                return Some(folded(operation, frame, &[], &aggregates, ALL));
            }
            RowStep::Select(exprs)
        }
        RowStep::WithColumns(exprs) => RowStep::WithColumns(split.all(expanded(exprs)?)?),
        _ => return None,
    };
    // Nothing but aggregates can be computed before: shifts and running sums are not.
    if split.values.is_empty() {
        return None;
    }
    let values: Vec<Aggregate> = std::mem::take(&mut split.values).into_iter().map(Aggregate::from).collect();
    Some(beside(operation, frame, step, step_of_rows, &values))
}

const ALL: Grouping = Grouping { partitions: None, is_sorted: false };

/// How the columns are called that hold the values.
const VALUE: &str = "__taskloom_value_";

struct Split<'s> {
    schema: &'s Schema,
    values: Vec<Expr>,
}

impl Split<'_> {
    fn all(&mut self, exprs: Vec<Named>) -> Option<Vec<Expr>> {
        exprs.into_iter().map(|named| Some(self.rewritten(&named.expr)?.alias(named.name))).collect()
    }

    /// The expression with a column in the place of each aggregate.
    fn rewritten(&mut self, expr: &Expr) -> Option<Expr> {
        if is_row_wise(expr) {
            return Some(expr.clone());
        }
        if matches!(expr, Expr::Agg(_) | Expr::Len)
            || decompose(&[Aggregate::from(expr.clone())], &[], self.schema).is_some()
        {
            let place = self.values.iter().position(|value| value == expr).unwrap_or_else(|| {
                self.values.push(expr.clone());
                self.values.len() - 1
            });
            return Some(col(format!("{VALUE}{place}")));
        }
        let mut inner = |expr: &Arc<Expr>| self.rewritten(expr).map(Arc::new);
        Some(match expr {
            Expr::Alias(expr, name) => Expr::Alias(inner(expr)?, name.clone()),
            Expr::Cast { expr, dtype, options } => {
                Expr::Cast { expr: inner(expr)?, dtype: dtype.clone(), options: *options }
            }
            Expr::BinaryExpr { left, op, right } => {
                Expr::BinaryExpr { left: inner(left)?, op: *op, right: inner(right)? }
            }
            Expr::Ternary { predicate, truthy, falsy } => {
                Expr::Ternary { predicate: inner(predicate)?, truthy: inner(truthy)?, falsy: inner(falsy)? }
            }
            Expr::Function { input, function } => {
                let input: Option<Vec<Expr>> = input.iter().map(|expr| self.rewritten(expr)).collect();
                Expr::Function { input: input?, function: function.clone() }
            }
            _ => return None,
        })
    }
}

fn beside(
    operation: &str,
    frame: &DataFrame,
    written: &RowStep,
    step: RowStep,
    values: &[Aggregate],
) -> Built<DataFrame> {
    let input = frame.node();
    let schema = schema_after(operation, input, |frame| written.apply(frame))?;
    let named: Vec<Aggregate> = values
        .iter()
        .enumerate()
        .map(|(place, value)| Aggregate::from(value.whole().alias(format!("{VALUE}{place}"))))
        .collect();
    let values = folded(operation, frame, &[], &named, ALL)?;
    // The rest has to look at one row at a time, with the values as columns.
    let mut wide = (*input.schema).clone();
    wide.merge(values.node().schema.as_ref().clone());
    let probe = Node::memory(operation, Arc::new(wide), Vec::new(), None);
    let exprs = match &step {
        RowStep::Filter(condition) => std::slice::from_ref(condition),
        RowStep::Select(exprs) | RowStep::WithColumns(exprs) => exprs,
        _ => &[],
    };
    if let Some(other) = exprs.iter().find(|expr| !super::methods::is_by_row(&probe, expr)) {
        return Err(FrameError::Rows {
            operation: operation.to_owned(),
            expression: other.to_string(),
            why: "looks at other rows than its own, and a partition does not know those".to_owned(),
        });
    }
    let name = operation.to_owned();
    let about = written.about();
    let count = input.npartitions;
    let divisions = input.divisions_after(written, &schema);
    let beside = Beside { input: Arc::clone(input), values: Arc::clone(values.node()), step, name, about };
    Ok(match divisions {
        Some(divisions) => Node::divided(operation, schema, count, divisions, beside),
        None => Node::across(operation, schema, count, beside),
    }
    .into())
}

/// A step on rows that knows the values.
struct Beside {
    input: NodeRef,
    values: NodeRef,
    step: RowStep,
    name: String,
    about: String,
}

impl Beside {
    /// Leaves the values away, where the step did not.
    fn kept(&self) -> Option<RowStep> {
        match &self.step {
            RowStep::Select(_) => None,
            _ => Some(RowStep::Drop(self.values.schema.iter_names().map(|name| name.to_string()).collect())),
        }
    }
}

impl Operation for Beside {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input, &self.values]
    }

    fn logical(&self, inputs: Vec<LazyFrame>) -> Option<LazyFrame> {
        let [rows, values]: [LazyFrame; 2] = inputs.try_into().ok()?;
        let none: [Expr; 0] = [];
        let both = rows.join(values, none.clone(), none, JoinArgs::new(JoinType::Cross));
        let done = self.step.apply(both).ok()?;
        match self.kept() {
            Some(kept) => kept.apply(done).ok(),
            None => Some(done),
        }
    }

    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        let values = lowering.step(&self.values, 0);
        let mut chunk = lowering.filled(&self.input, partition).beside(values);
        chunk = lowering.lacking(&self.values).into_iter().fold(chunk, Chunk::and);
        chunk = chunk.then(&self.name, self.step.clone());
        self.kept().into_iter().fold(chunk, Chunk::and)
    }

    fn about(&self) -> String {
        self.about.clone()
    }
}
