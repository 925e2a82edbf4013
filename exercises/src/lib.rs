//! Exercises of a course: what they ask, how an answer is checked, and how the outcome is told.
//!
//! ```text
//!  course ──► exercise ──► checks ──(code)──► CodeRunner ──(published results)──► report
//! ```
//! - [`Course`] finds the folders `exercises/` and `solutions/`;
//! - [`Exercise`] is one of them: its manifest, starter and checks;
//! - [`check`] turns the checks into code, has a [`CodeRunner`] run it in the learner's session, and gives a [`Report`].
//!
//! This crate knows a session only as something that runs code. The same [`check`] serves a notebook's `%check` and the
//! command line, so that the two cannot disagree.

mod checking;
mod course;
mod exercise;
mod report;

pub use checking::{CHECK_RESULT, CodeRunner, Run, RunFailure, check, token_of};
pub use course::{Course, CourseError};
pub use exercise::{Check, Exercise};
pub use report::{CHECK_REPORT, CheckOutcome, Report};
