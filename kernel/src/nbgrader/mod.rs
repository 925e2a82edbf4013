//! nbgrader: courses that it can hand out and grade, and its gradebook filled with our scores.
//!
//! ```text
//!  course ─► notebook ─► export ─► nbgrader's folder: generate_assignment, autograde, generate_feedback
//!  results.json ─► gradebook ─► Python that has nbgrader ─► its database, its folder `autograded`
//! ```
//! An answer's cell is a solution cell that is called like its exercise. The cell behind it is a test, `%check -s EXERCISE`,
//! whose value is a number of points. What the check needs lies beside the notebook in `exercises`, which nbgrader hands
//! out with the assignment and puts back before it grades.

pub mod export;
pub mod gradebook;
pub mod notebook;

/// What stands before an exercise's name in the name of its test.
const TEST: &str = "check-";
/// What stands before a cell's name in the name of one that is only kept as it is.
const GIVEN: &str = "given-";
