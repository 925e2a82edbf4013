//! What authors of courses need: skeletons, a proof that a course works, and the copy for students.
//!
//! ```text
//!  templates ─► skeleton ─► files
//!  course ─► files ─┬► inspect, links ──────────────► findings ─► a table, an exit code
//!                   ├► prove (a process a run) ─► lines ─► findings
//!                   └► release ─► a folder, or a ZIP that is the same each time
//! ```
//! A course is any folder with `notebooks`, `exercises` and `solutions`. Nothing here prints; the commands do.

pub mod files;
pub mod inspect;
pub mod links;
pub mod notebook;
pub mod prove;
pub mod release;
pub mod skeleton;
pub mod verdict;

/// Something that an author should know.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The file, or the exercise.
    pub place: String,
    /// What is wrong and what to do, as a sentence.
    pub what: String,
    /// Whether a course with it is not fit to be handed out.
    pub is_problem: bool,
}

impl Finding {
    /// Something that has to be mended.
    pub fn problem(place: &str, what: impl Into<String>) -> Finding {
        Finding { place: place.to_owned(), what: what.into(), is_problem: true }
    }

    /// Something to look at.
    pub fn note(place: &str, what: impl Into<String>) -> Finding {
        Finding { place: place.to_owned(), what: what.into(), is_problem: false }
    }
}
