//! Tasks of random graphs: what they compute, and how they fail on purpose.

use std::fmt;
use std::sync::Once;

/// Panics that the tests ask for are not worth reading about.
pub const ON_PURPOSE: &str = "broke on purpose";

pub fn keep_quiet_about_purpose() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.payload_as_str().is_some_and(|text| text.contains(ON_PURPOSE)) {
                usual(info);
            }
        }));
    });
}

/// What a random task makes of its inputs: depends on each of them, and on their order.
pub fn mix(id: usize, inputs: impl IntoIterator<Item = u64>) -> u64 {
    inputs.into_iter().fold(id as u64 + 1, |sum, input| {
        (sum ^ input).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).wrapping_add(1)
    })
}

/// Why a task of a random graph failed.
#[derive(Debug)]
pub struct Broken(pub usize);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {} {ON_PURPOSE}", self.0)
    }
}

impl std::error::Error for Broken {}
