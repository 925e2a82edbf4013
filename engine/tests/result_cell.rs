//! The cell that results wait in, between real threads. `engine/loom` tries every interleaving of the same models; this
//! is a smoke test, and work for Miri, which looks for undefined behaviour in what the compiler really gets to see:
//!
//! ```text
//! cargo +nightly miri test --workspace --test result_cell
//! ```

#[path = "../loom/models/result_cell.rs"]
mod models;
#[path = "../src/scheduler/result_cell.rs"]
mod result_cell;
#[path = "../src/scheduler/sync.rs"]
mod sync;

use std::sync::Arc;
use std::thread;

/// Runs a model a number of times, with whatever interleavings there happen to be.
fn explore(model: impl Fn() + Send + Sync + 'static) {
    for _ in 0..if cfg!(miri) { 20 } else { 500 } {
        model();
    }
}
