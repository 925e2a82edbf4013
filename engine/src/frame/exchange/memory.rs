//! What users see of the memory of pieces.

use super::budget::Budget;

/// What the pieces of all shuffles of this process take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShuffleMemory {
    /// So many bytes may be in memory; pieces beyond it go to disk.
    pub limit: u64,
    /// So many are in memory.
    pub held: u64,
    /// So many have gone to disk since the process began, compressed.
    pub spilled: u64,
}

/// What the pieces of shuffles, sorts and joins take at the moment.
pub fn shuffle_memory() -> ShuffleMemory {
    let budget = Budget::global();
    ShuffleMemory { limit: budget.limit(), held: budget.held(), spilled: budget.spilled() }
}

/// Says how many bytes the pieces of shuffles, sorts and joins may take in memory before they go to disk. `None` is three
/// tenths of the memory that the process may use, as its limits, its container and the machine have it.
///
/// On disk they are in one file without a name in the folder that `TASKLOOM_SPILL_DIR` names, or in that for temporary files;
/// nothing of it stays when the process ends, however it ends.
///
/// ```
/// use taskloom::dataframe::{set_shuffle_memory, shuffle_memory};
/// set_shuffle_memory(Some(1 << 30));
/// assert_eq!(shuffle_memory().limit, 1 << 30);
/// set_shuffle_memory(None);
/// ```
pub fn set_shuffle_memory(bytes: Option<u64>) {
    Budget::global().set_limit(bytes);
}
