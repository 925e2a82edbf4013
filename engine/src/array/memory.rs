//! Memory for blocks.

use super::element::Element;

/// From here on large pages are asked for.
#[cfg(target_os = "linux")]
const LARGE: usize = 4 << 20;

/// So many zeros, in memory that the system has not been asked to touch yet.
///
/// Large blocks lie in large pages where the system has them: writing a block for the first time then takes a hundredth
/// of the page faults, and reading it by rows finds its addresses in the processor's tables. NumPy does the same.
pub(crate) fn zeroed<T: Element>(len: usize) -> Vec<T> {
    let values = vec![T::default(); len];
    in_large_pages(&values);
    values
}

/// The same value many times, in large pages where that helps.
pub(crate) fn filled<T: Clone>(value: T, len: usize) -> Vec<T> {
    let mut values = Vec::with_capacity(len);
    in_large_pages(&values);
    values.resize(len, value);
    values
}

/// Asks for large pages for a vector that has not been written yet.
fn in_large_pages<T>(values: &Vec<T>) {
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 4096;
        let bytes = values.capacity() * size_of::<T>();
        if bytes < LARGE {
            return;
        }
        let first = (values.as_ptr() as usize).next_multiple_of(PAGE);
        let end = (values.as_ptr() as usize + bytes) / PAGE * PAGE;
        // SAFETY: the range is inside the vector's own memory, and the advice changes nothing of what it holds. Where the
        // system does not know the advice, it says so and nothing is lost.
        unsafe { libc::madvise(first as *mut libc::c_void, end - first, libc::MADV_HUGEPAGE) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = values;
}
