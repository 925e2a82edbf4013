//! The standard library's atomics under the names that [`result_cell`](super::result_cell) uses: `tests/loom.rs` has
//! loom's under the same names.

pub(super) use std::sync::atomic::{AtomicU32, Ordering};

/// `std::cell::UnsafeCell` with loom's way of saying what an access does.
#[derive(Debug)]
pub(super) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(super) fn new(value: T) -> Self {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    #[inline(always)]
    pub(super) fn with<R>(&self, access: impl FnOnce(*const T) -> R) -> R {
        access(self.0.get())
    }

    #[inline(always)]
    pub(super) fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
        access(self.0.get())
    }
}
