//! What the buffer has to say: where the results are, and what went wrong.

use std::path::PathBuf;

/// What can go wrong between memory and disk.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SpillError {
    /// The value stays in memory.
    #[error(
        "could not spill {bytes} bytes to {}: {reason}; results stay in memory; free space there or raise the memory \
         limit", directory.display()
    )]
    Write {
        /// Size of the encoded value.
        bytes: u64,
        /// Where it should have gone.
        directory: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The value stays in memory, for good.
    #[error("could not spill a value of type {type_name}: {reason}; it stays in memory")]
    Encode {
        /// Its type.
        type_name: &'static str,
        /// What the codec said.
        reason: String,
    },
    /// The file cannot be read; asking again may help.
    #[error("could not read a spilled result back from {}: {reason}; compute it again", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file is there, with other content.
    #[error(
        "the spilled result in {} is damaged: {found} bytes are not the {written} that were written; compute it again, \
         and look after that disk", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Bytes that were written.
        written: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The bytes are as they were written, but do not give a value.
    #[error(
        "could not make a value of type {type_name} of its spilled bytes: {reason}; its codec does not read what it \
         writes"
    )]
    Decode {
        /// Its type.
        type_name: &'static str,
        /// What the codec said.
        reason: String,
    },
    /// Its last future was dropped.
    #[error("the result was released before it was read; keep a future of it until then")]
    Released,
}

/// A number of results, and how large they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Results.
    pub count: usize,
    /// Their size in memory, as it was given with them.
    pub bytes: u64,
}

impl Amount {
    pub(super) fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }

    pub(super) fn remove(&mut self, bytes: u64) {
        self.count -= 1;
        self.bytes -= bytes;
    }
}

/// Where the results are, and what moving them took. All zero without a limit, when nothing is counted.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SpillStats {
    /// Results in memory.
    pub in_memory: Amount,
    /// Of those, the ones that have no codec, or one that failed.
    pub unspillable: Amount,
    /// The most bytes of results that were in memory at one time.
    pub peak_bytes: u64,
    /// Results on disk.
    pub spilled: Amount,
    /// Size of the files.
    pub disk_bytes: u64,
    /// Results read back.
    pub reads: u64,
    /// Results written.
    pub writes: u64,
    /// The last failure to move a result to disk; gone when a later one is written.
    pub problem: Option<SpillError>,
}
