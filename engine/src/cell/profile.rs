//! A profile of a whole cell, for `%%profile`: between the two calls stand the cell's own statements, whose variables
//! have to live on, so the profiler cannot be a variable among them.

use std::sync::{Mutex, PoisonError};

use crate::diagnostics::{Profile, Profiler};

static PROFILER: Mutex<Option<Profiler>> = Mutex::new(None);

fn swap(profiler: Option<Profiler>) -> Option<Profiler> {
    std::mem::replace(&mut *PROFILER.lock().unwrap_or_else(PoisonError::into_inner), profiler)
}

/// Begins to record.
pub fn begin() {
    swap(Some(Profiler::start()));
}

/// Stops, and gives what has been recorded, if [`begin`] was called and nobody has stopped since.
pub fn end() -> Option<Profile> {
    swap(None).map(Profiler::stop)
}

/// Stops, and shows what has been recorded.
pub fn show() {
    if let Some(profile) = end() {
        crate::display(&profile);
    }
}
