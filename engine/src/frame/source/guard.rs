//! Bytes that nobody has checked.

use std::panic::{AssertUnwindSafe, catch_unwind};

use polars::prelude::{PolarsResult, polars_err};

/// What Polars does with bytes that nobody has checked: where it panics, that is an error.
pub(super) fn guarded<T>(work: impl FnOnce() -> PolarsResult<T>) -> PolarsResult<T> {
    let done = crate::panics::in_task(|| catch_unwind(AssertUnwindSafe(work)));
    done.unwrap_or_else(|payload| Err(polars_err!(ComputeError: "{}", crate::panics::payload_text(&*payload))))
}
