//! Memory for blocks.

use super::element::Element;

/// From here on large pages are asked for.
#[cfg(target_os = "linux")]
const LARGE: usize = 4 << 20;

/// What is larger is not in the processor's cache any longer when it is read the next time.
pub(crate) const NOT_CACHED: usize = 32 << 20;

/// Copies elements to where they are not read soon: they go to memory straight, and what was there before is not read into the
/// cache first, which is a third of what a copy moves.
pub(crate) fn copied_past_the_cache<T: Element>(from: &[T], to: &mut [T]) {
    assert_eq!(from.len(), to.len(), "a copy is as long as what is copied");
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_sfence, _mm_stream_si128};
        // SAFETY: elements are plain numbers without padding, any 16 bytes of which may be looked at as a vector; only
        // elements are written back, in their places.
        let (head, middle, tail) = unsafe { to.align_to_mut::<__m128i>() };
        let (first, rest) = from.split_at(head.len());
        let (body, last) = rest.split_at(rest.len() - tail.len());
        head.copy_from_slice(first);
        tail.copy_from_slice(last);
        let body = body.as_ptr().cast::<__m128i>();
        for (at, vector) in middle.iter_mut().enumerate() {
            // SAFETY: `body` has as many bytes as `middle`, and is read without regard to alignment; `middle` is aligned.
            unsafe { _mm_stream_si128(vector, _mm_loadu_si128(body.add(at))) };
        }
        // SAFETY: has no conditions. Other threads see what was written before this.
        unsafe { _mm_sfence() };
    }
    #[cfg(not(target_arch = "x86_64"))]
    to.copy_from_slice(from);
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_past_the_cache_are_copies() {
        fn one<T: Element>(element: impl Fn(u8) -> T) {
            for len in [0, 1, 3, 15, 16, 17, 100] {
                for offset in 0..len.min(5) {
                    let from: Vec<T> = (0..len as u8).map(&element).collect();
                    let mut to = vec![T::default(); len];
                    copied_past_the_cache(&from[offset..], &mut to[..len - offset]);
                    assert_eq!(to[..len - offset], from[offset..]);
                    assert!(to[len - offset..].iter().all(|&rest| rest == T::default()));
                }
            }
        }
        one(|number| number);
        one(|number| number % 2 == 0);
        one(f32::from);
        one(f64::from);
        one(|number| num_complex::Complex::new(f64::from(number), 1.0));
    }
}
