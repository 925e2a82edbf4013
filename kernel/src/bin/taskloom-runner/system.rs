//! File descriptors and processes, by way of the C library.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// The result of a system call, or its error.
pub fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A second descriptor of an open file, which programs that are started do not get.
pub fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_DUPFD_CLOEXEC gives a new descriptor that nobody owns yet.
    unsafe { Ok(OwnedFd::from_raw_fd(check(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3))?)) }
}

/// Makes `to` another name of `from`.
pub fn redirect(from: RawFd, to: RawFd) -> io::Result<()> {
    // SAFETY: both are open descriptors of this process.
    check(unsafe { libc::dup2(from, to) }).map(|_| ())
}

/// Programs that are started do not get this descriptor.
pub fn set_close_on_exec(fd: RawFd) {
    // SAFETY: changes a flag of an open descriptor.
    unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
}

/// Reading gives an error instead of waiting.
pub fn set_nonblocking(fd: RawFd) -> io::Result<()> {
    // SAFETY: changes a flag of an open descriptor.
    unsafe {
        let flags = check(libc::fcntl(fd, libc::F_GETFL))?;
        check(libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK))?;
    }
    Ok(())
}

/// Makes `fd` the writing end of a pipe; gives the reading end, which does not block.
pub fn redirect_to_pipe(fd: RawFd) -> io::Result<OwnedFd> {
    let (read, write) = pipe()?;
    redirect(write.as_raw_fd(), fd)?;
    set_nonblocking(read.as_raw_fd())?;
    Ok(read)
}

/// A pipe: the reading and the writing end.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = io::pipe()?;
    Ok((read.into(), write.into()))
}

/// Waits until something can be read, for so many milliseconds (-1: for ever). Says of each descriptor what happened to it.
pub fn poll<const N: usize>(descriptors: [RawFd; N], milliseconds: libc::c_int) -> [libc::c_short; N] {
    let mut waits = descriptors.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
    // SAFETY: the array outlives the call, and its length is given.
    let ready = unsafe { libc::poll(waits.as_mut_ptr(), N as libc::nfds_t, milliseconds) };
    // After an interruption by a signal the answers are not to be looked at.
    if ready < 0 { [0; N] } else { waits.map(|wait| wait.revents) }
}
