//! Expressions as Polars understands them for a given schema: selectors become columns, names and types are settled.

use std::collections::HashMap;

use polars::lazy::dsl::Expr;
use polars::prelude::{DataFrame, DataType, IntoLazy, LazyFrame, PlSmallStr, PolarsResult, Schema, SchemaRef};

/// An expression with one result, and what that is called.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: PlSmallStr,
    pub(crate) expr: Expr,
}

impl Named {
    /// The expression under its name.
    pub(crate) fn aliased(self) -> Expr {
        self.expr.alias(self.name)
    }
}

/// What was asked of a frame, one expression for each column of the result.
#[derive(Debug)]
pub(crate) struct Expanded {
    pub(crate) keys: Vec<Named>,
    pub(crate) exprs: Vec<Named>,
    /// The columns of the result and their types: the keys, then the expressions.
    pub(crate) result: SchemaRef,
}

/// A frame without rows.
pub(crate) fn empty(schema: &Schema) -> LazyFrame {
    DataFrame::empty_with_schema(schema).lazy()
}

/// The query that Polars would run on the whole frame.
fn query(exprs: &[Expr], keys: &[Expr], schema: &Schema) -> LazyFrame {
    if keys.is_empty() { empty(schema).select(exprs) } else { empty(schema).group_by(keys).agg(exprs) }
}

/// The expressions with selectors replaced and names settled.
///
/// # Errors
/// What Polars says against the query; that a group has no key but constants.
pub(crate) fn expand(exprs: &[Expr], keys: &[Expr], schema: &Schema) -> PolarsResult<Expanded> {
    if exprs.is_empty() && keys.is_empty() {
        return Ok(Expanded { keys: Vec::new(), exprs: Vec::new(), result: SchemaRef::default() });
    }
    let mut lazy = query(exprs, keys, schema);
    let result = lazy.collect_schema()?;
    let plan = lazy.to_alp()?;
    let mut all: Vec<Named> = (plan.root().exprs())
        .map(|expr| {
            // The names stand outside, so that what is inside can be told apart without them.
            let inner = match expr.to_expr(&plan.expr_arena) {
                Expr::Alias(inner, _) => std::sync::Arc::unwrap_or_clone(inner),
                other => other,
            };
            Named { name: expr.output_name().clone(), expr: inner }
        })
        .collect();
    if all.len() != result.len() {
        polars::prelude::polars_bail!(InvalidOperation: "a group needs a key that depends on the rows");
    }
    let exprs = all.split_off(count_of_keys(keys, schema)?);
    Ok(Expanded { keys: all, exprs, result })
}

/// How many columns the keys are.
fn count_of_keys(keys: &[Expr], schema: &Schema) -> PolarsResult<usize> {
    if keys.is_empty() { Ok(0) } else { Ok(empty(schema).select(keys).collect_schema()?.len()) }
}

/// The types of expressions, asked of Polars once each.
pub(super) struct Types<'a> {
    schema: &'a Schema,
    keys: &'a [Expr],
    known: HashMap<Expr, DataType>,
}

impl<'a> Types<'a> {
    pub(super) fn new(keys: &'a [Expr], schema: &'a Schema) -> Self {
        Types { schema, keys, known: HashMap::new() }
    }

    /// The type of an expression that has a value for each row.
    pub(super) fn of_rows(&mut self, expr: &Expr) -> Option<DataType> {
        only_type(empty(self.schema).select([expr.clone()]))
    }

    /// The type of an aggregation, in the context where it stands.
    pub(super) fn of_group(&mut self, expr: &Expr) -> Option<DataType> {
        if let Some(known) = self.known.get(expr) {
            return Some(known.clone());
        }
        let found = only_type(query(&[expr.clone().alias(RESULT)], self.keys, self.schema))?;
        self.known.insert(expr.clone(), found.clone());
        Some(found)
    }
}

const RESULT: &str = "__taskloom_result";

/// The type of the last column of a query.
fn only_type(mut lazy: LazyFrame) -> Option<DataType> {
    let schema = lazy.collect_schema().ok()?;
    let (_, found) = schema.iter().last()?;
    Some(found.clone())
}
