//! How much memory the pieces of all shuffles together may take before they go to disk.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

/// Of the memory that the process may use, so much is for pieces; the rest is for partitions that are being read, split
/// and put together.
const SHARE: f64 = 0.3;
/// So much of it stays free in any case.
const SPARE: f64 = 0.15;
/// What is assumed where the system says nothing.
const UNKNOWN: u64 = 4 << 30;

/// Bytes of pieces that are alive, and how many may be.
#[derive(Debug)]
pub(crate) struct Budget {
    held: AtomicU64,
    /// `u64::MAX` until it is known or set.
    limit: AtomicU64,
    spilled: AtomicU64,
}

const NOT_YET: u64 = u64::MAX;

/// A part of the budget that is in use; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Reserved {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Budget {
    /// One with a limit of its own.
    #[cfg(test)]
    pub(crate) fn new(limit: u64) -> Arc<Budget> {
        Arc::new(Budget { held: AtomicU64::new(0), limit: AtomicU64::new(limit), spilled: AtomicU64::new(0) })
    }

    /// That of the process.
    pub(crate) fn global() -> &'static Arc<Budget> {
        static GLOBAL: LazyLock<Arc<Budget>> = LazyLock::new(|| {
            Arc::new(Budget { held: AtomicU64::new(0), limit: AtomicU64::new(NOT_YET), spilled: AtomicU64::new(0) })
        });
        &GLOBAL
    }

    /// Sets the limit; `None` takes what the system allows.
    pub(crate) fn set_limit(&self, bytes: Option<u64>) {
        self.limit.store(bytes.unwrap_or(NOT_YET), Ordering::Relaxed);
    }

    /// How many bytes of pieces may be in memory.
    pub(crate) fn limit(&self) -> u64 {
        match self.limit.load(Ordering::Relaxed) {
            NOT_YET => {
                let limit = (total_memory() as f64 * SHARE) as u64;
                self.limit.store(limit, Ordering::Relaxed);
                limit
            }
            limit => limit,
        }
    }

    /// How many bytes of pieces are in memory.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// How many bytes have gone to disk so far.
    pub(crate) fn spilled(&self) -> u64 {
        self.spilled.load(Ordering::Relaxed)
    }

    pub(crate) fn note_spilled(&self, bytes: u64) {
        self.spilled.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Takes so many bytes, if there are as many.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: u64) -> Option<Reserved> {
        let limit = self.limit();
        let fits = |held: u64| held.checked_add(bytes).filter(|&sum| sum <= limit);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        let reserved = Reserved { budget: Arc::clone(self), bytes };
        // Other things than pieces take memory too. Asking costs as much as splitting a thousand rows.
        if bytes > 1 << 20 && !is_roomy(bytes) {
            return None;
        }
        Some(reserved)
    }

    /// Counts bytes that are in memory anyway, also beyond the limit.
    pub(crate) fn take(self: &Arc<Self>, bytes: u64) -> Reserved {
        self.held.fetch_add(bytes, Ordering::Relaxed);
        Reserved { budget: Arc::clone(self), bytes }
    }
}

/// Something that limits memory: how much there is, and how much of it is in use.
#[derive(Debug, Clone, Copy)]
struct Bound {
    total: u64,
    used: u64,
}

/// The memory that this process may use, as a container, a limit on the process or the machine has it.
pub(crate) fn total_memory() -> u64 {
    bounds().iter().map(|bound| bound.total).min().unwrap_or(UNKNOWN)
}

/// Whether so many bytes more leave something to spare.
fn is_roomy(bytes: u64) -> bool {
    let fits = |bound: &Bound| {
        let spare = (bound.total as f64 * SPARE) as u64;
        bound.used.saturating_add(bytes).saturating_add(spare) <= bound.total
    };
    if bounds().iter().all(fits) {
        return true;
    }
    // What the allocator keeps for itself counts as used until it gives it back.
    give_back();
    bounds().iter().all(fits)
}

fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(target_os = "linux")]
fn bounds() -> Vec<Bound> {
    use std::fs::read_to_string;
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    let own = |name: &str| kilobytes(&status, name);
    let mut bounds = Vec::new();
    for (resource, used) in [(libc::RLIMIT_DATA, own("VmData:")), (libc::RLIMIT_AS, own("VmSize:"))] {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: writes into the struct that is given.
        let known = unsafe { libc::getrlimit(resource, &mut limit) } == 0;
        if let (true, Some(used)) = (known && limit.rlim_cur != libc::RLIM_INFINITY, used) {
            bounds.push(Bound { total: limit.rlim_cur, used });
        }
    }
    bounds.extend(control_group());
    let machine = read_to_string("/proc/meminfo").unwrap_or_default();
    if let (Some(available), Some(resident)) = (kilobytes(&machine, "MemAvailable:"), own("VmRSS:")) {
        // What others use is not there for this process.
        bounds.push(Bound { total: available + resident, used: resident });
    }
    bounds
}

#[cfg(not(target_os = "linux"))]
fn bounds() -> Vec<Bound> {
    Vec::new()
}

/// A value in a file of lines such as `VmData:  1234 kB`.
#[cfg(target_os = "linux")]
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// The limit of the process's control group (second version, then first), and of those around it.
#[cfg(target_os = "linux")]
fn control_group() -> Option<Bound> {
    use std::path::{Path, PathBuf};
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let number = |path: PathBuf| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let mut found: Option<Bound> = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(group)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let (root, limit, usage, cache) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file "),
            "memory" => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ")
            }
            _ => continue,
        };
        // In a container the group's own name may not be there: its files are at the root then.
        let inner = Path::new(root).join(group.trim_start_matches('/'));
        for folder in inner.ancestors().take_while(|folder| folder.starts_with(root)) {
            let (Some(total), Some(used)) = (number(folder.join(limit)), number(folder.join(usage))) else { continue };
            let statistics = std::fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
            let cached = statistics.lines().find_map(|line| line.strip_prefix(cache)?.parse::<u64>().ok()).unwrap_or(0);
            // "No limit" is written as a number near the largest.
            if total < 1 << 60 && found.is_none_or(|found| total < found.total) {
                found = Some(Bound { total, used: used.saturating_sub(cached) });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_comes_back() {
        let budget = Budget::new(100);
        let first = budget.reserve(60).unwrap();
        assert!(budget.reserve(41).is_none());
        let second = budget.reserve(40).unwrap();
        assert_eq!(budget.held(), 100);
        drop(first);
        assert_eq!(budget.held(), 40);
        let beyond = budget.take(1000);
        assert!(budget.reserve(1).is_none());
        drop((second, beyond));
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn the_system_says_how_much_there_is() {
        let total = total_memory();
        assert!(total > 1 << 20, "{total}");
        assert!(is_roomy(0));
        assert!(!is_roomy(u64::MAX));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn sizes_are_read_from_lines() {
        let text = "VmPeak:\t  10 kB\nVmData:\t     2048 kB\nThreads:\t3\n";
        assert_eq!(kilobytes(text, "VmData:"), Some(2 << 20));
        assert_eq!(kilobytes(text, "VmSize:"), None);
    }
}
