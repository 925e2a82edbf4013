//! Groups of the rows of a partition, and what is usual to compute of them.
//!
//! Every row gets the number of its group, from the values of the keys as numbers; then each aggregation is one pass over
//! a column with an array of a value for each group. Polars makes a list of rows for each group first, and bytes of the
//! keys where there are several, which takes several times as long and as much memory when groups are many. What is not
//! known here, Polars does.
//!
//! ```text
//!  keys ─► codes (a number for each row) ─► ids (the group of each row) ─┐
//!  expressions ─► known (which aggregation of what) ─────────────────────┴─► states (a value for each group)
//! ```

mod codes;
mod ids;
mod known;
mod states;
#[cfg(test)]
mod tests;

use polars::prelude::*;

use super::aggregate::{has_column, is_row_wise};
use codes::groups_of;
use known::{Known, State, known};

/// The groups of a frame by `keys`, and `parts` of each: what `group_by(keys).agg(parts)` of Polars gives, in another order.
pub(crate) fn grouped(frame: LazyFrame, keys: &[Expr], parts: &[Expr]) -> PolarsResult<LazyFrame> {
    match Plan::of(keys, parts) {
        Some(plan) => plan.run(frame),
        None => Ok(frame.group_by(keys).agg(parts)),
    }
}

/// What is computed of which columns.
struct Plan {
    keys: Vec<Expr>,
    key_names: Vec<PlSmallStr>,
    known: Known,
}

impl Plan {
    /// `None` when there is something among it that only Polars does.
    fn of(keys: &[Expr], parts: &[Expr]) -> Option<Plan> {
        if keys.is_empty() || !keys.iter().all(|key| is_row_wise(key) && has_column(key)) {
            return None;
        }
        let key_names: Vec<PlSmallStr> =
            keys.iter().map(|key| key.clone().meta().output_name().ok()).collect::<Option<_>>()?;
        Some(Plan { keys: keys.to_vec(), key_names, known: known(parts)? })
    }

    fn run(&self, frame: LazyFrame) -> PolarsResult<LazyFrame> {
        let inputs = self.known.inputs.iter().enumerate().map(|(at, input)| input.clone().alias(name_of(at)));
        let wanted: Vec<Expr> = self.keys.iter().cloned().chain(inputs).collect();
        let mut narrow = frame.select(wanted).collect()?;
        let inputs = &narrow.columns()[self.keys.len()..];
        let can = |(_, state): &(PlSmallStr, State)| state.is_of(|input| inputs[input].dtype());
        if narrow.height() == 0 || !self.known.states.iter().all(can) {
            return self.by_polars(narrow);
        }
        narrow.rechunk_mut();
        let (keys, inputs) = narrow.columns().split_at(self.keys.len());
        let groups = groups_of(keys)?;
        // SAFETY: the first rows of groups are rows of the frame.
        let mut columns: Vec<Column> =
            keys.iter().map(|key| unsafe { key.take_slice_unchecked(&groups.first) }).collect();
        let inputs: Vec<&Series> = inputs.iter().map(Column::as_materialized_series).collect();
        columns.extend(states::computed(&self.known.states, &inputs, &groups)?);
        Ok(DataFrame::new(groups.first.len(), columns)?.lazy())
    }

    /// The same by Polars, of the columns that are there already.
    fn by_polars(&self, narrow: DataFrame) -> PolarsResult<LazyFrame> {
        let keys: Vec<Expr> = self.key_names.iter().cloned().map(col).collect();
        let states = self.known.states.iter();
        let parts: Vec<Expr> =
            states.map(|(name, state)| state.expr(|at| col(name_of(at))).alias(name.clone())).collect();
        Ok(narrow.lazy().group_by(keys).agg(parts))
    }
}

/// What a column that is aggregated is called on the way.
fn name_of(input: usize) -> PlSmallStr {
    PlSmallStr::from_string(format!("__taskloom_of_{input}"))
}
