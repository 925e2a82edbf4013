//! What ran when, on which thread, and what it took: records, and the pictures made of them.
//!
//! A [`Profiler`] records all computations of the process from its start to its stop, and gives a [`Profile`]: plain
//! data. From that come a table ([`Profile::summary`], or `Display`), the task stream ([`Profile::task_stream_html`],
//! which a notebook shows), a report in one file ([`Profile::performance_report`]) and a trace for other tools
//! ([`Profile::chrome_trace`]).
//!
//! ```text
//!  scheduler ──► recorder ──► record ◄── resources      what happened
//!                               │
//!                           analysis ──► text, trace    who took how long, where threads waited
//!                               │
//!            bars, series ──► stream (SVG), interactive (canvas) ──► report
//! ```
//!
//! Recording costs some tenths of a microsecond a task while it is on, and a branch while it is off. For programs that
//! have a `tracing` subscriber there is also a span around each task, at level trace and with the target
//! `taskloom::task`.
//!
//! ```
//! use taskloom::diagnostics::Profiler;
//! use taskloom::prelude::*;
//!
//! let parts: Vec<_> = (0..8).map(|n| delayed!(i64::pow(n, 2))).collect();
//! let total: Delayed<i64> = parts.iter().sum();
//!
//! let profiler = Profiler::start();
//! total.compute()?;
//! let profile = profiler.stop();
//!
//! assert_eq!(profile.tasks.len(), 15); // 8 `pow`, 7 `add`
//! println!("{profile}");
//! assert!(profile.performance_report().starts_with("<!DOCTYPE html>"));
//! # Ok::<(), taskloom::Error>(())
//! ```

mod analysis;
mod bars;
mod interactive;
mod profiler;
mod record;
pub(crate) mod recorder;
mod report;
mod resources;
mod save;
mod series;
mod stream;
mod text;
mod trace;
pub(crate) mod units;

#[cfg(test)]
mod tests;

pub use analysis::{FunctionSummary, Gap, ThreadSummary};
pub use profiler::{Profiler, profile};
pub use record::{CacheSample, NameTable, Profile, ResourceSample, TaskRecord};
pub use resources::ResourceSampler;
pub use save::SaveError;
