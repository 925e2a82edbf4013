//! What can go wrong when code leaves a process or arrives in one.

use std::path::PathBuf;

use super::ObjectId;

/// Why code could not be named, sent, or found again.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TravelError {
    /// The address is in no object that was loaded from a file.
    #[error(
        "address {address:#x} is not inside the code of a loaded object; only compiled functions can travel to \
         another process"
    )]
    NotCode {
        /// The address.
        address: usize,
    },
    /// The object's file cannot be read.
    #[error("could not read {path}, which this process loaded its code from: {reason}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The object's file is gone, or another one is in its place.
    #[error(
        "{path} has been {what} since this process loaded its code from it (by a new build, perhaps), so the code \
         cannot be sent any more; restart this process to use the new file",
        path = path.display()
    )]
    Replaced {
        /// The file.
        path: PathBuf,
        /// `deleted` or `replaced`.
        what: &'static str,
    },
    /// The linker would not promise to keep the object.
    #[error("{path} could not be kept in memory; it may be on its way to being unloaded", path = path.display())]
    NotKept {
        /// The file.
        path: PathBuf,
    },
    /// No code of the object has been located or loaded in this process.
    #[error("this process knows no object {object}; locate an address in it, or load it, before asking for its bytes")]
    Unknown {
        /// The object asked for.
        object: ObjectId,
    },
    /// The bytes are not those of the object.
    #[error(
        "the {len} bytes that came for object {} are those of {} instead; they were damaged or cut short on the way, \
         so send them again", object.short(), found.short()
    )]
    WrongBytes {
        /// The object asked for.
        object: ObjectId,
        /// The name that the bytes have.
        found: ObjectId,
        /// How many bytes there were.
        len: usize,
    },
    /// The bytes are as they were sent, and still cannot be loaded.
    #[error("could not load object {}: {reason}", object.short())]
    Load {
        /// The object.
        object: ObjectId,
        /// What was wrong with it, or what the dynamic linker said.
        reason: String,
    },
    /// The code's object has not been loaded.
    #[error("object {} is not loaded in this process; load its bytes first", object.short())]
    NotLoaded {
        /// The object.
        object: ObjectId,
    },
    /// There is no code at the offset.
    #[error(
        "offset {offset:#x} of object {} is not in its code, which {}; the address was damaged, or belongs to another \
         object",
        object.short(), executable(code)
    )]
    OutOfRange {
        /// The object.
        object: ObjectId,
        /// The offset asked for.
        offset: u64,
        /// Where the object's code is.
        code: Vec<std::ops::Range<u64>>,
    },
    /// A text is not an object's name.
    #[error("`{text}` is not an object's name, which has 64 hexadecimal digits")]
    BadId {
        /// The text, or its beginning.
        text: String,
    },
}

fn executable(ranges: &[std::ops::Range<u64>]) -> String {
    let parts: Vec<_> = ranges.iter().map(|range| format!("{:#x} to {:#x}", range.start, range.end)).collect();
    if parts.is_empty() { "is empty".to_owned() } else { format!("is at {}", parts.join(", ")) }
}
