//! Aggregations that partitions share in: each does its part, parts are merged in a tree, and the result is made of what
//! is left.
//!
//! ```text
//!  decompose ──► leaves (how each is computed in parts) ──► sketch ──► hll, tdigest
//!      │  └────► row_wise (what looks at one row at a time)
//!      ▼
//!   expand (selectors, names and types, by Polars)
//! ```

mod custom;
mod decompose;
mod expand;
mod hll;
mod leaves;
mod row_wise;
mod sketch;
mod tdigest;

pub use custom::{Aggregate, Aggregation, n_unique_approx, quantile_approx};
pub(crate) use decompose::{Decomposed, decompose};
pub(crate) use expand::{Expanded, Named, expand};
pub(crate) use leaves::{counted, merged_mean, merged_squares, own_squares};
pub(crate) use row_wise::{has_column, is_row_wise};
pub(crate) use sketch::restore;
