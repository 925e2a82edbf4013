//! Every interleaving of the parts that use atomics by hand, with [loom](https://docs.rs/loom).
//!
//! Loom runs a model again and again, each time with another order of the threads' steps and other values that the
//! memory model lets an atomic load return. It needs its own atomics, which is why `scheduler::result_cell` names its
//! through `super::sync`. The same models of the cell run with the standard library's threads in
//! `engine/tests/result_cell.rs`.
//!
//! Models are explored up to three preemptions, which is where nearly all known races show. For more, and much more
//! time, set `LOOM_MAX_PREEMPTIONS=5`.

#[path = "models/result_cell.rs"]
mod models;
#[path = "../src/scheduler/result_cell.rs"]
mod result_cell;
#[path = "models/wake_up.rs"]
mod wake_up;

mod sync {
    pub(super) use loom::cell::UnsafeCell;
    pub(super) use loom::sync::atomic::{AtomicU32, Ordering};
}

use loom::sync::Arc;
use loom::thread;

/// Runs a model in every interleaving that takes up to three preemptions, or as many as the environment says.
fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(model);
}
