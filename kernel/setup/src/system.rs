//! The few things that the system offers and the standard library does not: signals, file locks, the user's id.

use std::ffi::c_int;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) const SIGHUP: c_int = 1;
pub(crate) const SIGINT: c_int = 2;
pub(crate) const SIGKILL: c_int = 9;
pub(crate) const SIGTERM: c_int = 15;
const SIG_IGN: usize = 1;
const LOCK_EX: c_int = 2;
const LOCK_NB: c_int = 4;

// Declared here, and not taken from the crate `libc`, so that this crate compiles in two seconds. These signatures and
// numbers are the same on Linux and on macOS.
// SAFETY: they are the C library's, which std links already. The ones marked safe take and return plain integers.
unsafe extern "C" {
    safe fn kill(pid: c_int, signal: c_int) -> c_int;
    safe fn flock(fd: c_int, operation: c_int) -> c_int;
    safe fn geteuid() -> u32;
    fn signal(signal: c_int, handler: usize) -> usize;
}

static STOPS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count_stop(_: c_int) {
    STOPS.fetch_add(1, Ordering::Relaxed);
}

/// From now on Ctrl-C, a closed terminal and a plain `kill` no longer end the process but count in [`stops`].
pub(crate) fn catch_stops() {
    let handler: extern "C" fn(c_int) = count_stop;
    for number in [SIGINT, SIGTERM, SIGHUP] {
        // SAFETY: the handler only adds to an atomic, which a signal handler may do at any time. A signal that was
        // ignored when this process started (under nohup, in the background of a script) stays ignored.
        unsafe {
            if signal(number, handler as usize) == SIG_IGN {
                signal(number, SIG_IGN);
            }
        }
    }
}

/// How often this process has been asked to stop.
pub(crate) fn stops() -> usize {
    STOPS.load(Ordering::Relaxed)
}

/// Sends a signal to a process that is our own child and was not waited for yet.
pub(crate) fn send(pid: u32, signal: c_int) {
    if let Ok(pid) = c_int::try_from(pid) {
        kill(pid, signal);
    }
}

/// Tries to lock the file; the lock ends when the file is closed, also by the death of the process.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    if flock(file.as_raw_fd(), LOCK_EX | LOCK_NB) == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::WouldBlock { Ok(false) } else { Err(error) }
}

pub(crate) fn is_root() -> bool {
    geteuid() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_keeps_others_out_until_it_is_closed() {
        let path = std::env::temp_dir().join(format!("taskloom-lock-{}", std::process::id()));
        let open = || File::options().create(true).append(true).open(&path).unwrap();
        let first = open();
        assert!(try_lock(&first).unwrap());
        assert!(!try_lock(&open()).unwrap());
        drop(first);
        assert!(try_lock(&open()).unwrap());
        std::fs::remove_file(&path).unwrap();
    }
}
