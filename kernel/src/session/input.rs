//! The pipe on which a cell gets the lines that it asks the person for.
//!
//! The runner inherits the reading end, whose number is in the environment. Each answer is a frame: its length as four
//! little-endian bytes, and the text in UTF-8. The length `0xFFFF_FFFF` has no text and says that nobody will answer.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// Names the reading end to the runner.
const VARIABLE: &str = "TASKLOOM_INPUT_FD";
const NOBODY: u32 = u32::MAX;
/// What a pipe holds with certainty, less the length: writing so much never blocks, since the pipe was empty.
const LONGEST: usize = 60 << 10;

/// Both ends of the pipe. The reading one stays open here too, for a runner that is started again.
#[derive(Clone)]
pub struct InputPipe {
    ends: Arc<Mutex<(PipeReader, PipeWriter)>>,
}

impl InputPipe {
    /// An empty pipe.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    pub fn new() -> io::Result<InputPipe> {
        Ok(InputPipe { ends: Arc::new(Mutex::new(io::pipe()?)) })
    }

    /// Lets a command that starts a runner inherit the reading end.
    pub fn pass_to(&self, command: &mut Command) {
        let fd: RawFd = self.ends.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).0.as_raw_fd();
        command.env(VARIABLE, fd.to_string());
        // SAFETY: one async-signal-safe call between fork and exec, on a descriptor that this process keeps open.
        unsafe {
            command.pre_exec(move || match libc::fcntl(fd, libc::F_SETFD, 0) {
                0.. => Ok(()),
                _ => Err(io::Error::last_os_error()),
            });
        }
    }

    /// A handle to answer with.
    pub fn answers(&self) -> InputAnswers {
        InputAnswers(self.clone())
    }
}

/// Takes the answers to [`super::Event::Input`]: one for each, in order.
#[derive(Clone)]
pub struct InputAnswers(InputPipe);

impl InputAnswers {
    /// Answers the cell that waits; with nothing, if nobody will. Of a line that no pipe holds only the beginning goes
    /// through.
    pub fn send(&self, answer: Option<&str>) {
        let frame = match answer {
            None => NOBODY.to_le_bytes().to_vec(),
            Some(text) => {
                let text = &text[..text.floor_char_boundary(LONGEST)];
                [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
            }
        };
        let mut ends = self.0.ends.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // The reading end is open here, so this cannot fail.
        let _ = ends.1.write_all(&frame);
    }

    /// Takes back answers that nobody has read: the cell that asked was ended. Only while no cell runs.
    pub fn drain(&self) {
        let mut ends = self.0.ends.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut buffer = [0; 4096];
        loop {
            let mut wait = libc::pollfd { fd: ends.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one structure, which outlives the call.
            let ready = unsafe { libc::poll(&raw mut wait, 1, 0) };
            if ready <= 0 || wait.revents & libc::POLLIN == 0 || ends.0.read(&mut buffer).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pipe: &InputPipe, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        pipe.ends.lock().unwrap().0.read_exact(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn answers_are_frames() {
        let pipe = InputPipe::new().unwrap();
        pipe.answers().send(Some("né"));
        assert_eq!(read(&pipe, 7), b"\x03\0\0\0n\xc3\xa9");
        pipe.answers().send(None);
        assert_eq!(read(&pipe, 4), [0xff; 4]);
    }

    #[test]
    fn what_nobody_reads_is_taken_back_and_a_long_line_does_not_block() {
        let pipe = InputPipe::new().unwrap();
        pipe.answers().send(Some(&"é".repeat(100_000)));
        pipe.answers().drain();
        pipe.answers().send(Some("x"));
        assert_eq!(read(&pipe, 5), b"\x01\0\0\0x");
    }
}
