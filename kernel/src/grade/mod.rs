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

//! # What submissions share
//! Most of what is compiled for a submission is the course's own: its cells and its checks. So before any submission, the
//! course's own notebook is run, once with the author's answers and once as it was handed out, and what is compiled of
//! its cells and checks is kept, for this one run of the command (see [`crate::shared`]). It cannot carry anything from one
//! submission to another:
//! - it is complete before the first text of a submission is read by a compiler; a submission's examiner never adds to it;
//! - a submission's examiner, its compilers and its code can read it at the most: it is not among the folders that Landlock
//!   lets them write, and mounted read-only; where neither can be had, it is not used;
//! - a piece is found by the digest of the whole text that a compiler would get and of all that this text is linked to. A
//!   cell of the course's in which a word means something else, because the submission has redefined it, or made a variable
//!   of another type, is another text, and is compiled anew;
//! - it holds code, not values: each session loads a copy, and runs it in a process of its own;
//! - the word by which a check's result counts is not in it, but put into the copy;
//! - the author's answers are not in it, and the submission's code cannot so much as list it.
//!
//! No process is used for two submissions. What a submission's own cells are compiled to is not kept: only the score is,
//! for whoever hands in the same.

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
