//! What is too large, said before the memory for it is asked for: a process that asks for more than there is ends, and a
//! notebook's variables with it.

use super::chunks::{Grid, shape_text};
use super::element::DType;
use super::error::{ArrayError, Built};
use super::spare;
use crate::diagnostics::units::bytes;
use crate::draw::grouped;
use crate::task::Failure;

/// More chunks than this cannot be kept account of: each costs memory before anything runs.
const MOST_CHUNKS: usize = 100_000_000;
/// What is smaller is there, or the system ends processes anyway.
const NOT_ASKED: usize = 256 << 20;

/// An error when a shape has more elements than can be counted.
pub(crate) fn countable(operation: &str, shape: &[usize]) -> Built<()> {
    let elements = shape
        .iter()
        .filter(|&&len| len > 0)
        .try_fold(1_isize, |product, &len| product.checked_mul(isize::try_from(len).ok()?));
    match elements {
        Some(_) => Ok(()),
        None => {
            let why = format!("an array of shape {} has more elements than can be counted", shape_text(shape));
            Err(ArrayError::Parameter { operation: operation.to_owned(), why })
        }
    }
}

/// An error when there are so many of these chunks that nothing can be done with them.
pub(crate) fn few_chunks(operation: &str, counts: &[usize], shape: &[usize]) -> Built<()> {
    let chunks = counts.iter().fold(1_usize, |product, &count| product.saturating_mul(count));
    if chunks <= MOST_CHUNKS {
        return Ok(());
    }
    let why = format!(
        "an array of shape {} would be cut into {} chunks, and {} are the most; take larger ones",
        shape_text(shape),
        grouped(chunks as u64),
        grouped(MOST_CHUNKS as u64)
    );
    Err(ArrayError::Parameter { operation: operation.to_owned(), why })
}

/// Both, of a grid.
pub(crate) fn manageable(operation: &str, grid: &Grid) -> Built<()> {
    countable(operation, &grid.shape())?;
    few_chunks(operation, &grid.counts(), &grid.shape())
}

/// A sentence when there is no memory for an array of this shape.
pub(crate) fn room_for(what: &str, shape: &[usize], dtype: DType) -> Result<(), String> {
    let wanted = shape.iter().fold(dtype.size(), |product, &len| product.saturating_mul(len));
    // The system says at once what it never could give; what is given is only used when it is written to.
    let is_there = || Vec::<u8>::new().try_reserve_exact(wanted).is_ok();
    if wanted <= NOT_ASKED || is_there() || (spare::give_back() && is_there()) {
        return Ok(());
    }
    Err(format!(
        "{what} of shape {} ({dtype}) takes {}, and there is no such memory; take smaller chunks, reduce it, or compute a \
         part of it",
        shape_text(shape),
        bytes(wanted as u64)
    ))
}

/// The bytes of memory that this process may still take: what the machine has, its container, and what the system lets the
/// process have; `None` where nothing of that can be known.
pub(crate) fn left() -> Option<u64> {
    [machine_left(), container_left(), process_left()].into_iter().flatten().min()
}

/// The number of bytes behind a name in a list of `Name: 12 kB`.
#[cfg(target_os = "linux")]
fn listed(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(target_os = "linux")]
fn machine_left() -> Option<u64> {
    listed("/proc/meminfo", "MemAvailable:")
}

/// The memory that there is: what is left of it the system does not say in a word.
#[cfg(not(target_os = "linux"))]
fn machine_left() -> Option<u64> {
    // SAFETY: plain calls.
    let (pages, page) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    u64::try_from(pages).ok()?.checked_mul(u64::try_from(page).ok()?)
}

/// What a limit leaves that is set for all of the process's data (`ulimit -d`) or addresses (`ulimit -v`).
#[cfg(target_os = "linux")]
fn process_left() -> Option<u64> {
    let under = |resource, taken: &str| {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the structure is the call's to write to.
        let known = unsafe { libc::getrlimit(resource, &raw mut limit) } == 0 && limit.rlim_cur != libc::RLIM_INFINITY;
        known.then(|| limit.rlim_cur.saturating_sub(listed("/proc/self/status", taken).unwrap_or(0)))
    };
    [under(libc::RLIMIT_DATA, "VmData:"), under(libc::RLIMIT_AS, "VmSize:")].into_iter().flatten().min()
}

#[cfg(not(target_os = "linux"))]
fn process_left() -> Option<u64> {
    None
}

/// What a container, or any group of processes with a limit, leaves: pages of files in its account can be dropped.
#[cfg(target_os = "linux")]
fn container_left() -> Option<u64> {
    use std::path::Path;
    let number = |file: &Path| -> Option<u64> { std::fs::read_to_string(file).ok()?.trim().parse().ok() };
    let left = |group: &Path| {
        let (most, taken) = (number(&group.join("memory.max"))?, number(&group.join("memory.current"))?);
        let about = std::fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
        let of_files = about.lines().filter_map(|line| line.strip_prefix("inactive_file ")?.parse::<u64>().ok()).sum();
        Some(most.saturating_sub(taken.saturating_sub(of_files)))
    };
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let root = Path::new("/sys/fs/cgroup");
    let own = root.join(own);
    own.ancestors().take_while(|group| group.starts_with(root)).filter_map(left).min()
}

#[cfg(not(target_os = "linux"))]
fn container_left() -> Option<u64> {
    None
}

/// As [`room_for`], for a block that a task makes.
pub(crate) fn room_for_block(shape: &[usize], dtype: DType) -> Result<(), Failure> {
    room_for("a block", shape, dtype).map_err(|why| Failure::Error(why.into()))
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_left_is_less_than_there_is() {
        let all = super::listed("/proc/meminfo", "MemTotal:").expect("Linux says it");
        let left = super::left().expect("Linux says it");
        assert!(left > 0 && left < all, "{left} of {all}");
    }
}
