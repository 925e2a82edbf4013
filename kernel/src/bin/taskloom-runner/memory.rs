//! How much memory there is, and who has it.

/// Memory that is a process's own, in bytes; 0 where it cannot be known.
pub fn memory_of(process: libc::pid_t) -> u64 {
    let Ok(text) = std::fs::read_to_string(format!("/proc/{process}/statm")) else { return 0 };
    let mut pages = text.split(' ').skip(1).map(|number| number.parse::<u64>().unwrap_or(0));
    let (resident, shared) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
    // SAFETY: asks for a constant of the system.
    resident.saturating_sub(shared) * unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.unsigned_abs()
}

/// How much of its memory the machine, or the container that we are in, has left; nothing where that cannot be known.
pub fn part_of_memory_left() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kilobytes = |name: &str| -> Option<f64> {
        text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
    };
    let machine = kilobytes("MemAvailable:")? / kilobytes("MemTotal:")?;
    let bytes = |name: &str| -> Option<f64> {
        std::fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?.trim().parse().ok()
    };
    let container = bytes("memory.max").zip(bytes("memory.current")).map(|(most, now)| 1.0 - now / most);
    Some(container.map_or(machine, |container| container.min(machine)))
}
