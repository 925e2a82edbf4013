//! How much memory results may take, and how much the process takes.

/// How much memory the process should use, and what happens on the way there.
///
/// The fractions are of [`bytes`](MemoryLimit::bytes), with the names and defaults of Dask's
/// `distributed.worker.memory`. `f64::INFINITY` turns a rule off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemoryLimit {
    /// The limit.
    pub bytes: u64,
    /// Results in memory beyond this fraction, by their own sizes, are moved to disk, the least recently used first.
    pub target: f64,
    /// When the process as a whole takes more than this fraction, results are moved until it should be back at
    /// [`target`](MemoryLimit::target): sizes are estimates, and results are not all that a process has.
    pub spill: f64,
    /// When the process takes more than this fraction, no new task should start.
    pub pause: f64,
}

/// A limit in bytes, with Dask's fractions.
impl From<u64> for MemoryLimit {
    fn from(bytes: u64) -> MemoryLimit {
        MemoryLimit::new(bytes)
    }
}

impl MemoryLimit {
    /// A limit with Dask's fractions: 0.6, 0.7 and 0.8.
    pub fn new(bytes: u64) -> MemoryLimit {
        MemoryLimit { bytes, target: 0.6, spill: 0.7, pause: 0.8 }
    }

    /// A fraction in bytes; one that is not a number, or that leads out of range, counts as no rule at all.
    pub(super) fn part(&self, fraction: f64) -> u64 {
        let part = self.bytes as f64 * fraction;
        if fraction.is_nan() || part.is_nan() { u64::MAX } else { part as u64 }
    }
}

/// Bytes of memory that this process takes at the moment; `None` where the system does not say.
pub(super) fn resident() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        let text = std::fs::read_to_string("/proc/self/statm").ok()?;
        let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
        // SAFETY: a plain call.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        Some(pages * u64::try_from(page).ok()?)
    }
    #[cfg(target_os = "macos")]
    {
        let mut info = std::mem::MaybeUninit::<libc::proc_taskinfo>::zeroed();
        let size = size_of::<libc::proc_taskinfo>() as libc::c_int;
        // SAFETY: the buffer has the size that is given.
        let written =
            unsafe { libc::proc_pidinfo(libc::getpid(), libc::PROC_PIDTASKINFO, 0, info.as_mut_ptr().cast(), size) };
        // SAFETY: all zeros are valid, and the call has written the whole of it when it says so.
        (written == size).then(|| unsafe { info.assume_init() }.pti_resident_size)
    }
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    None
}

/// Gives freed memory back to the system, which glibc would keep for itself, so that the next measurement tells.
pub(super) fn give_back() {
    crate::array::give_back();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
