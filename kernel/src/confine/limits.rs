//! How much of everything a process may use.

use std::io;

use serde::{Deserialize, Serialize};

/// Limits of each process; 0 is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Seconds of processor time.
    pub cpu: u64,
    /// Bytes of memory that is the process's own.
    pub data: u64,
    /// Bytes of the largest file that it writes.
    pub file: u64,
    /// Files that are open at a time.
    pub files: u64,
    /// Processes and threads of its user. Root is not bound by it, see [`crate::confine`].
    pub processes: u64,
}

impl Limits {
    /// Sets them for this process and all that it starts.
    ///
    /// # Errors
    /// What the system says.
    pub fn apply(&self) -> io::Result<()> {
        set(libc::RLIMIT_CPU, self.cpu)?;
        set(libc::RLIMIT_DATA, self.data)?;
        set(libc::RLIMIT_FSIZE, self.file)?;
        set(libc::RLIMIT_NOFILE, self.files)?;
        set(libc::RLIMIT_NPROC, self.processes)?;
        // A core dump would be a copy of the memory on the disk.
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: reads the struct.
        check(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) })
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
type Resource = libc::c_int;

fn set(resource: Resource, limit: u64) -> io::Result<()> {
    if limit == 0 {
        return Ok(());
    }
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the system writes into the struct.
    check(unsafe { libc::getrlimit(resource, &mut now) })?;
    // What is stricter already stays.
    let limit = limit.min(now.rlim_max);
    let new = libc::rlimit { rlim_cur: limit, rlim_max: limit };
    // SAFETY: reads the struct.
    check(unsafe { libc::setrlimit(resource, &new) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
