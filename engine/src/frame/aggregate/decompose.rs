//! Aggregating expressions, taken apart so that each partition can do its share.

use polars::lazy::dsl::Expr;
use polars::prelude::{PlSmallStr, Schema};

use super::custom::{Aggregate, Aggregation, Single};
use super::expand::{Named, Types, expand};
use super::leaves::{Parts, decompose_leaf};
use super::row_wise::{arguments_to_look_at, has_column, is_constant, is_row_wise, is_row_wise_function, is_separable};

/// What partitions are taken to, how that is merged, and what is made of it in the end.
///
/// ```text
///  each partition      group_by(keys).agg(partial)               select(partial)      without keys
///  several of these    group_by(key names).agg(combine)          select(combine)
///  the last            select(key names ++ finish)               select(finish)
/// ```
/// Merging takes the results of partitions, in the order of the partitions, and gives columns of the same names.
#[derive(Debug, Clone)]
pub(crate) struct Decomposed {
    /// The keys, under their names.
    pub(crate) keys: Vec<Expr>,
    /// The names of the keys.
    pub(crate) key_names: Vec<PlSmallStr>,
    pub(crate) partial: Vec<Expr>,
    pub(crate) combine: Vec<Expr>,
    pub(crate) finish: Vec<Expr>,
}

/// Takes aggregates apart, some of which may be given in parts already; `None` when one of them needs all rows of a group at once, or Polars would not take them.
///
/// Names and types of the result are what Polars would give. Of floats the sums are added up partition by partition.
pub(crate) fn decompose(aggregates: &[Aggregate], keys: &[Expr], schema: &Schema) -> Option<Decomposed> {
    let named_keys = expand(&[], keys, schema).ok()?.keys;
    if !named_keys.iter().all(|key| is_row_wise(&key.expr)) {
        return None;
    }
    let mut walk = Walk { parts: Parts::default(), types: Types::new(keys, schema), has_keys: !keys.is_empty() };
    let mut finish = Vec::new();
    for aggregate in aggregates {
        for (name, single) in aggregate.expanded(keys, schema).ok()? {
            let value = match single {
                Single::Expr(expr) => walk.finish_of(&expr)?,
                Single::InSteps { aggregation, input } => walk.finish_in_steps(&aggregation, input)?,
            };
            finish.push(value.alias(name));
        }
    }
    let (partial, combine) = walk.parts.into_exprs();
    if partial.is_empty() && keys.is_empty() {
        return None;
    }
    let key_names = named_keys.iter().map(|key| key.name.clone()).collect();
    let keys = named_keys.into_iter().map(Named::aliased).collect();
    Some(Decomposed { keys, key_names, partial, combine, finish })
}

struct Walk<'a> {
    parts: Parts,
    types: Types<'a>,
    has_keys: bool,
}

impl Walk<'_> {
    /// What an aggregation that is given in parts is of the merged columns.
    fn finish_in_steps(&mut self, aggregation: &Aggregation, input: Expr) -> Option<Expr> {
        if !is_separable(&input) || !has_column(&input) {
            return None;
        }
        let states = self.parts.add_all(aggregation.chunk(input), |states| aggregation.combine(states))?;
        Some(aggregation.finalise(&states))
    }

    /// What the expression is of the merged columns.
    fn finish_of(&mut self, expr: &Expr) -> Option<Expr> {
        if is_constant(expr) {
            return Some(expr.clone());
        }
        if let Some(finish) = decompose_leaf(expr, &mut self.parts, &mut self.types, !self.has_keys) {
            return Some(finish);
        }
        // Around the aggregations stands what looks at one row at a time: their results are rows of the merged frame.
        match expr {
            Expr::Alias(input, name) => Some(self.finish_of(input)?.alias(name.clone())),
            Expr::Cast { expr, dtype, options } => {
                Some(Expr::Cast { expr: self.finish_of(expr)?.into(), dtype: dtype.clone(), options: *options })
            }
            Expr::BinaryExpr { left, op, right } => {
                let (left, right) = (self.finish_of(left)?.into(), self.finish_of(right)?.into());
                Some(Expr::BinaryExpr { left, op: *op, right })
            }
            Expr::Ternary { predicate, truthy, falsy } => Some(Expr::Ternary {
                predicate: self.finish_of(predicate)?.into(),
                truthy: self.finish_of(truthy)?.into(),
                falsy: self.finish_of(falsy)?.into(),
            }),
            Expr::Function { input, function } if is_row_wise_function(function) => {
                let looked_at = arguments_to_look_at(input, function).len();
                let mut parts =
                    input[..looked_at].iter().map(|input| self.finish_of(input)).collect::<Option<Vec<_>>>()?;
                parts.extend_from_slice(&input[looked_at..]);
                Some(Expr::Function { input: parts, function: function.clone() })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
