//! Where threads cannot be copied.

use super::Side;

/// Nothing sleeps here.
pub struct WakeWords;

impl WakeWords {
    /// Makes nothing.
    ///
    /// # Errors
    /// Never.
    pub fn new() -> std::io::Result<Self> {
        Ok(WakeWords)
    }

    /// How many copies there can be.
    pub fn len(&self) -> usize {
        0
    }

    pub fn prepare(&self, _slot: usize) {}

    pub fn wake(&self, _slot: usize) {}
}

pub fn take(_words: &WakeWords, _slot: usize) -> Result<Side, String> {
    Err("on this system a process cannot be copied together with its threads".to_owned())
}
