//! The processes that run the user's cells.
//!
//! ```text
//!  kernel ── "LOAD_AND_RUN <so> <fn>" ──► supervisor ── the same, and a slot ──► worker: the user's code, the engine
//!  kernel ◄── protocol lines ──────────── supervisor, worker                      │ copies itself before each cell
//!  kernel ◄── events, JSON lines ──────── supervisor, worker                      ▼
//!  kernel ── interrupt, undo, limits ───► supervisor ── wakes when a cell dies ─► copies of the worker, asleep
//! ```
//! The *supervisor* runs no code of the user's. It starts the *worker*, which loads the engine's shared library and then,
//! one after another, the shared objects that cells are compiled to. Before each cell the worker makes a copy of itself
//! (see [`snapshot`]); when the cell takes the worker down, or will not stop, the copy takes over, with every variable as
//! it was. The newest copies are kept for `%undo`.
//!
//! Nothing of the kernel is in this program, so that a session's memory is the user's own.

#[cfg(not(unix))]
compile_error!("the runner needs Unix pipes and signals; on Windows use WSL 2");

#[allow(dead_code, reason = "the kernel's own walls are there too")]
#[path = "../../confine/mod.rs"]
mod confine;
mod input;
mod lines;
mod memory;
mod pump;
mod snapshot;
mod supervisor;
mod system;
mod worker;

fn main() {
    if let Err(error) = supervisor::run() {
        eprintln!("taskloom-runner: {error}");
        std::process::exit(99);
    }
}
