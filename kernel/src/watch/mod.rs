//! Exercises in an editor: an answer is a file, and is checked when it is saved.
//!
//! ```text
//!  answers/NAME.rs ─(saved)─► bench: the notebook's cells up to the exercise's, then the answer, then its checks ─► screen
//!  keys, signals ───────────► desk ───────────────────────────────────────────────────────────────────► progress
//! ```
//! An answer is run as if nothing had been tried before: what the last one did is undone first.

mod answers;
mod bench;
mod desk;
mod terminal;

pub use answers::Answers;
pub use desk::{Desk, Left, first_open};
