//! Grading: what others have handed in is run where it can do no harm, and gets its points.
//!
//! ```text
//!  course ─► assignment ─┐                       ┌─ cache: the same work has the same score
//!  files ──► submission ─┴► paper (cells) ─► job ┴─► custodian ─► examiner (walls) ─► session, checks
//!                                                        └──◄── findings, a line each ──┘
//!                                          scores ─► report: terminal, JSON, CSV, JUnit, HTML, gradebook
//! ```
//! Nothing here prints; the command does. Of the modules only [`custodian`] starts processes, and only [`examiner`] runs in
//! the one that is started: it holds the kernel's own code together with the submission's, behind the walls of
//! [`crate::confine`]. The examiner can be wrong only about the submission that it has before it.
//!
//! # Whom a score rests on
//! The checks of an exercise look at variables, so they run in the process in which the submission ran. What keeps a
//! submission from forging their result:
//! - its cells hold no `unsafe`, so that it can write only what Rust lets it write (see [`rules`]);
//! - the checks are compiled when the submission has run, name everything from the root, and see none of its macros,
//!   traits and imports; the course's own functions are put back where they were redefined (see [`examiner`]);
//! - a result counts with a token that is made for that one run, and when it comes once;
//! - the process can open no memory, no pipe and no file of the evaluator's.
//!
//! What remains: holes of the compiler's own by which safe code does what only `unsafe` may, and threads left behind that
//! change shared values while a check looks at them.

pub mod assignment;
pub mod cache;
pub mod custodian;
pub mod examiner;
pub mod job;
pub mod report;
pub mod rules;
pub mod score;
pub mod submission;

pub use assignment::Assignment;
pub use score::{ExerciseScore, SubmissionScore};
pub use submission::Submission;
