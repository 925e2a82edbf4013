//! What the user's code prints and shows, in order.
//!
//! ```text
//!  user code prints ─► pipes ─┐
//!                             ▼
//!  engine's events ────────► pump ─► events, JSON lines, for the kernel
//!                             └────► evcxr's own lines, for evcxr
//! ```
//! The user's standard output and error are pipes back into this process. The pump reads them and writes everything a
//! person should see, in order, as events. evcxr's generated code also reports to evcxr through standard output; those
//! lines the pump passes on. An engine event first drains the pipes, so what a cell printed before it showed something
//! comes before it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, OnceLock, TryLockError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::system::poll;

/// All lines of evcxr's own begin with this.
const PROTOCOL_PREFIX: &[u8] = b"EVCXR_";
const BEGIN_CONTENT: &str = "EVCXR_BEGIN_CONTENT";
const END_CONTENT: &str = "EVCXR_END_CONTENT";
/// A `?` in user code ended the cell.
const USER_ERROR: &str = "EVCXR_ERROR_OCCURRED";
/// A panic ended the cell.
const PANICKED: &str = "EVCXR_PANIC_NOTIFICATION";
/// What evcxr's code prints when a variable's type has been defined anew; the name follows.
const TYPE_CHANGED: &str = "EVCXR_VARIABLE_CHANGED_TYPE:";

static PUMP: OnceLock<Mutex<Pump>> = OnceLock::new();

/// Sets the pump up and starts its thread.
///
/// # Errors
/// When no thread can be started.
pub fn start(stdout: OwnedFd, stderr: OwnedFd, events: File, protocol: File) -> std::io::Result<()> {
    let _ = PUMP.set(Mutex::new(Pump {
        stdout: Stream::new("stdout", stdout),
        stderr: Stream::new("stderr", stderr),
        events,
        protocol,
        content: false,
        failed: false,
    }));
    std::thread::Builder::new().name("pump".to_owned()).spawn(pump_forever).map(drop)
}

/// The pump, for the time of the guard.
///
/// # Panics
/// When it has not been started.
pub fn pump() -> MutexGuard<'static, Pump> {
    let pump = PUMP.get().expect("the pump is started before anything can call it");
    pump.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The pump, unless another thread has it.
pub fn try_pump() -> Option<MutexGuard<'static, Pump>> {
    match PUMP.get()?.try_lock() {
        Ok(pump) => Some(pump),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

fn pump_forever() {
    let (stdout, stderr, events) = {
        let pump = pump();
        (pump.stdout.source.as_raw_fd(), pump.stderr.source.as_raw_fd(), pump.events.as_raw_fd())
    };
    loop {
        let [_, _, kernel] = poll([stdout, stderr, events], -1);
        if kernel & (libc::POLLERR | libc::POLLHUP) != 0 {
            // The kernel has gone, perhaps by kill -9: an endless cell must not outlive it.
            // SAFETY: ends the process at once.
            unsafe { libc::_exit(0) };
        }
        pump().drain();
        // Lets a burst gather, so that a loop of prints makes few messages.
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a pipe holds at the most on Linux and macOS.
const PIPE_CAPACITY: usize = 64 * 1024;
/// Also the size of the largest event that printing makes.
const READ_AT_ONCE: usize = 32 * 1024;

struct Stream {
    name: &'static str,
    source: File,
    /// Bytes that were read and not yet sent: part of a line, or of a character.
    pending: Vec<u8>,
}

impl Stream {
    fn new(name: &'static str, source: OwnedFd) -> Self {
        Stream { name, source: File::from(source), pending: Vec::new() }
    }

    /// Reads what is there, up to a bound that keeps one event small.
    fn fill(&mut self) -> bool {
        let mut buffer = [0; READ_AT_ONCE];
        match self.source.read(&mut buffer) {
            Ok(0) | Err(_) => false,
            Ok(length) => {
                self.pending.extend_from_slice(&buffer[..length]);
                true
            }
        }
    }
}

/// See the module's description.
pub struct Pump {
    stdout: Stream,
    stderr: Stream,
    events: File,
    protocol: File,
    /// Whether we are between evcxr's BEGIN_CONTENT and END_CONTENT.
    content: bool,
    /// The cell that runs has reported a panic, or an error at a `?`.
    failed: bool,
}

impl Pump {
    /// Forwards all that the pipes hold. Not what comes meanwhile: a thread that prints without end must not keep
    /// others from the pump.
    pub fn drain(&mut self) {
        for _ in 0..PIPE_CAPACITY / READ_AT_ONCE + 1 {
            let more_out = self.stdout.fill();
            self.forward_stdout(false);
            let more_err = self.stderr.fill();
            self.forward_stderr(false);
            if !more_out && !more_err {
                return;
            }
        }
    }

    /// A cell begins.
    pub fn begin_cell(&mut self) {
        self.failed = false;
        self.send(&json!({"type": "begin"}));
    }

    /// A cell has ended. Says whether it failed.
    pub fn end_cell(&mut self) -> bool {
        self.drain_all();
        self.send(&json!({"type": "end"}));
        self.failed
    }

    /// Forwards what is there, halves of lines too.
    pub fn drain_all(&mut self) {
        self.drain();
        self.forward_stdout(true);
        self.forward_stderr(true);
    }

    fn forward_stderr(&mut self, all: bool) {
        let text = take_text(&mut self.stderr.pending, all);
        self.send_text(self.stderr.name, text);
    }

    fn forward_stdout(&mut self, all: bool) {
        let mut text = Vec::new();
        loop {
            let pending = &mut self.stdout.pending;
            let line_end = pending.iter().position(|&byte| byte == b'\n');
            let ours =
                !self.content && !pending.starts_with(&PROTOCOL_PREFIX[..pending.len().min(PROTOCOL_PREFIX.len())]);
            match line_end {
                Some(end) => {
                    let line: Vec<u8> = pending.drain(..=end).collect();
                    // What the user printed last may have had no newline: then evcxr's line begins behind it.
                    let begins = if ours { protocol_start(&line) } else { Some(0) };
                    match begins {
                        Some(at) => {
                            text.extend_from_slice(&line[..at]);
                            self.forward_protocol(&line[at..], &mut text);
                        }
                        None => text.extend(line),
                    }
                }
                // The start of a line that may turn out to be evcxr's has to wait for its end.
                None if ours || all => {
                    text.append(&mut take_text(pending, all).into_bytes());
                    break;
                }
                None => break,
            }
        }
        self.send_text("stdout", String::from_utf8_lossy(&text).into_owned());
    }

    fn forward_protocol(&mut self, line: &[u8], text: &mut Vec<u8>) {
        let shown = String::from_utf8_lossy(line);
        let shown = shown.trim_end_matches('\n');
        let known = self.content
            || shown == PANICKED
            || shown == USER_ERROR
            || shown.starts_with(TYPE_CHANGED)
            || shown.starts_with(BEGIN_CONTENT);
        if !known {
            text.extend_from_slice(line);
            return;
        }
        if shown.starts_with(BEGIN_CONTENT) {
            self.content = true;
        } else if shown == END_CONTENT {
            self.content = false;
        } else if shown == PANICKED {
            self.send(&json!({"type": "cell_panicked"}));
        }
        self.failed |= shown == PANICKED || shown == USER_ERROR;
        let _ = self.protocol.write_all(line);
    }

    fn send_text(&mut self, name: &str, text: String) {
        if !text.is_empty() {
            self.send(&json!({"type": "stream", "name": name, "text": text}));
        }
    }

    /// Sends an event.
    pub fn send(&mut self, event: &Value) {
        let text = event.to_string();
        self.write_event_line(text.as_bytes());
    }

    /// Sends an event that is text already.
    pub fn write_event_line(&mut self, text: &[u8]) {
        // JSON has no raw newlines, so a line is an event. A kernel that has gone is noticed by `pump_forever`.
        let _ = self.events.write_all(text).and_then(|()| self.events.write_all(b"\n"));
    }
}

/// Where in a line evcxr's part of it begins, when it does not begin the line.
fn protocol_start(line: &[u8]) -> Option<usize> {
    let trimmed = line.trim_ascii_end();
    [PANICKED, USER_ERROR]
        .iter()
        .find(|marker| trimmed.ends_with(marker.as_bytes()))
        .map(|marker| trimmed.len() - marker.len())
        .or_else(|| {
            [TYPE_CHANGED, BEGIN_CONTENT]
                .iter()
                .find_map(|marker| trimmed.windows(marker.len()).position(|window| window == marker.as_bytes()))
        })
}

/// Takes what can be shown: all of it, or all but a character that has not arrived whole.
fn take_text(pending: &mut Vec<u8>, all: bool) -> String {
    let whole = match std::str::from_utf8(pending) {
        Ok(_) => pending.len(),
        Err(error) if !all && error.error_len().is_none() => error.valid_up_to(),
        Err(_) => pending.len(),
    };
    let taken: Vec<u8> = pending.drain(..whole).collect();
    String::from_utf8_lossy(&taken).into_owned()
}
