//! Reading lines without waiting for them.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::system::set_nonblocking;

/// Lines from a descriptor, as they come.
pub struct Lines {
    source: File,
    pending: Vec<u8>,
    /// The other end is closed, and all has been read.
    pub closed: bool,
}

impl Lines {
    /// Takes the reading end.
    ///
    /// # Errors
    /// When it cannot be made to not wait.
    pub fn new(source: OwnedFd) -> io::Result<Self> {
        set_nonblocking(source.as_raw_fd())?;
        Ok(Lines { source: source.into(), pending: Vec::new(), closed: false })
    }

    /// What to poll; -1 once it is closed.
    pub fn descriptor(&self) -> RawFd {
        if self.closed { -1 } else { self.source.as_raw_fd() }
    }

    /// All whole lines that are there.
    pub fn read(&mut self) -> Vec<String> {
        let mut buffer = [0; 4096];
        loop {
            match self.source.read(&mut buffer) {
                Ok(0) => {
                    self.closed = true;
                    break;
                }
                Ok(length) => self.pending.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        let mut lines = Vec::new();
        while let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            lines.push(String::from_utf8_lossy(&line[..end]).into_owned());
        }
        lines
    }
}
