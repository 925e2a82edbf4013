//! What ran when.
pub(crate) mod record;
pub(crate) mod recorder;

pub(crate) fn nbytes(_value: &crate::task::Value) -> u64 {
    0
}
