//! Aggregations that are given in parts: those of users, and the approximate ones.

use std::sync::Arc;

use polars::lazy::dsl::{AggExpr, Expr};
use polars::prelude::{PlSmallStr, PolarsResult, Schema, polars_bail};

use super::expand::{Named, expand};
use super::sketch;

type Chunk = dyn Fn(Expr) -> Vec<Expr> + Send + Sync;
type Combine = dyn Fn(&[Expr]) -> Vec<Expr> + Send + Sync;
type Finalise = dyn Fn(&[Expr]) -> Expr + Send + Sync;

/// An aggregation in three steps: what each partition is taken to, how that is merged, and what is made of it.
///
/// Each step is written with Polars' expressions, so it runs as part of the partition's plan and on a cluster as well as
/// here.
///
/// ```
/// use taskloom::dataframe::Aggregation;
/// use taskloom::polars::prelude::*;
///
/// // The root of the mean of squares.
/// let rms = Aggregation::custom(
///     "rms",
///     |x| vec![(x.clone() * x.clone()).sum(), x.count()],
///     |state| vec![state[0].clone().sum(), state[1].clone().sum()],
///     |state| (state[0].clone() / state[1].clone().cast(DataType::Float64)).sqrt(),
/// );
/// let aggregate = rms.on(col("trip_distance")).alias("typical");
/// # let _ = aggregate;
/// ```
#[derive(Clone)]
pub struct Aggregation {
    name: PlSmallStr,
    chunk: Arc<Chunk>,
    combine: Arc<Combine>,
    finalise: Arc<Finalise>,
}

impl std::fmt::Debug for Aggregation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aggregation").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Aggregation {
    /// An aggregation of the caller's own.
    ///
    /// - `chunk` gets the column and says which columns a partition is taken to; each is an aggregation.
    /// - `combine` gets those columns of several partitions, and merges each with an aggregation. It may be applied to what
    ///   it has merged before, and to a single partition.
    /// - `finalise` gets the merged columns and says the result; it looks at one row (a group) at a time.
    pub fn custom(
        name: impl Into<PlSmallStr>,
        chunk: impl Fn(Expr) -> Vec<Expr> + Send + Sync + 'static,
        combine: impl Fn(&[Expr]) -> Vec<Expr> + Send + Sync + 'static,
        finalise: impl Fn(&[Expr]) -> Expr + Send + Sync + 'static,
    ) -> Self {
        let (chunk, combine, finalise) = (Arc::new(chunk), Arc::new(combine), Arc::new(finalise));
        Aggregation { name: name.into(), chunk, combine, finalise }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The aggregation of a column, or of an expression that looks at one row at a time.
    pub fn on(&self, column: impl Into<Expr>) -> Aggregate {
        Aggregate { kind: Kind::InSteps { aggregation: self.clone(), input: column.into() }, alias: None }
    }

    /// What partitions are taken to.
    pub(super) fn chunk(&self, input: Expr) -> Vec<Expr> {
        (self.chunk)(input)
    }

    /// How that is merged.
    pub(super) fn combine(&self, states: &[Expr]) -> Vec<Expr> {
        (self.combine)(states)
    }

    /// What is made of it.
    pub(super) fn finalise(&self, states: &[Expr]) -> Expr {
        (self.finalise)(states)
    }
}

/// What is computed for each group: an aggregating expression of Polars', or an [`Aggregation`] of a column.
#[derive(Debug, Clone)]
pub struct Aggregate {
    kind: Kind,
    alias: Option<PlSmallStr>,
}

#[derive(Debug, Clone)]
enum Kind {
    Expr(Expr),
    InSteps { aggregation: Aggregation, input: Expr },
}

impl From<Expr> for Aggregate {
    fn from(expr: Expr) -> Self {
        Aggregate { kind: Kind::Expr(expr), alias: None }
    }
}

impl Aggregate {
    /// The same under another name.
    #[must_use]
    pub fn alias(mut self, name: impl Into<PlSmallStr>) -> Self {
        self.alias = Some(name.into());
        self
    }

    /// The same as an expression that sees all rows of a group at once.
    pub(crate) fn whole(&self) -> Expr {
        let whole = match &self.kind {
            Kind::Expr(expr) => expr.clone(),
            // The name is that of the column, as it is for Polars' own.
            Kind::InSteps { aggregation, input } => {
                let whole = aggregation.finalise(&aggregation.chunk(input.clone()));
                match input.clone().meta().output_name() {
                    Ok(name) => whole.alias(name),
                    Err(_) => whole,
                }
            }
        };
        match &self.alias {
            Some(name) => whole.alias(name.clone()),
            None => whole,
        }
    }

    /// One for each column of the result.
    pub(super) fn expanded(&self, keys: &[Expr], schema: &Schema) -> PolarsResult<Vec<(PlSmallStr, Single)>> {
        let expr = match &self.kind {
            Kind::Expr(expr) => expr.clone(),
            // An aggregation of a column is what may stand for it everywhere; it is taken off again. Polars leaves this one as
            // it is.
            Kind::InSteps { input, .. } => input.clone().implode(true),
        };
        let expr = match &self.alias {
            Some(name) => expr.alias(name.clone()),
            None => expr,
        };
        let single = |Named { name, expr }: Named| match (&self.kind, expr) {
            (Kind::InSteps { aggregation, .. }, Expr::Agg(AggExpr::Implode { input, .. })) => {
                Ok((name, Single::InSteps { aggregation: aggregation.clone(), input: Arc::unwrap_or_clone(input) }))
            }
            (Kind::InSteps { .. }, other) => {
                polars_bail!(InvalidOperation: "`{}` is not an expression of rows", other)
            }
            (Kind::Expr(_), expr) => Ok((name, Single::Expr(expr))),
        };
        expand(&[expr], keys, schema)?.exprs.into_iter().map(single).collect()
    }
}

/// An aggregate with one result.
#[derive(Debug)]
pub(super) enum Single {
    Expr(Expr),
    InSteps { aggregation: Aggregation, input: Expr },
}

/// About how many different values a column has, by HyperLogLog: in 16 KB for each group, with a standard error of 0.8 %;
/// up to 1024 values exactly.
///
/// ```
/// use taskloom::dataframe::n_unique_approx;
/// use taskloom::polars::prelude::*;
/// let medallions = n_unique_approx(col("medallion"));
/// # let _ = medallions;
/// ```
pub fn n_unique_approx(column: impl Into<Expr>) -> Aggregate {
    Aggregation::custom(
        "n_unique_approx",
        |column| vec![sketch::distinct(column)],
        |state| vec![sketch::distinct_merged(state[0].clone())],
        |state| sketch::distinct_count(state[0].clone()),
    )
    .on(column)
}

/// About where a quantile of a column is, by a t-digest: in about 6 KB for each group, off by at most about
/// √(q (1 - q)) / 200 of the rows, so the less the nearer to the ends. Nulls and `NaN` are left out.
///
/// ```
/// use taskloom::dataframe::quantile_approx;
/// use taskloom::polars::prelude::*;
/// let typical = quantile_approx(col("fare_amount"), 0.5);
/// # let _ = typical;
/// ```
///
/// # Panics
/// When `q` is not from 0 to 1.
#[track_caller]
pub fn quantile_approx(column: impl Into<Expr>, q: f64) -> Aggregate {
    assert!((0.0..=1.0).contains(&q), "`quantile_approx`: a quantile is from 0 to 1, and {q} is not");
    Aggregation::custom(
        "quantile_approx",
        |column| vec![sketch::digest(column)],
        |state| vec![sketch::digest_merged(state[0].clone())],
        move |state| sketch::quantile(state[0].clone(), q),
    )
    .on(column)
}
