//! Expressions that cannot be.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The sentence with which an expression is refused when it is built.
pub fn refused<R>(expression: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(expression)).err().expect("it should have been refused");
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned())).expect("panics have messages")
}
