//! Standard input: a question to whoever sits in front of the notebook.
//!
//! User code may read standard input in any way it likes. All ways of Rust's end in the C library's `read`, and a
//! function of that name in the program is taken before the library's; so it is known here when input is wanted, the
//! kernel is asked, and its answer read.

use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};

use serde_json::json;

use crate::pump::pump;

/// An answer that says that there is none: the front end does not allow input.
const NOT_ALLOWED: u32 = u32::MAX;

static ANSWERS: OnceLock<Mutex<Answers>> = OnceLock::new();
/// The engine has asked already, with a prompt.
static ASKED: AtomicBool = AtomicBool::new(false);

struct Answers {
    source: File,
    /// What has been typed and not yet read.
    rest: Vec<u8>,
}

/// From now on, who reads standard input gets what comes from here: for each question four bytes of length, the lowest
/// first, and so many bytes of text.
pub fn answer_from(source: File) {
    let _ = ANSWERS.set(Mutex::new(Answers { source, rest: Vec::new() }));
}

/// Whether an event of the engine's asks for input.
pub fn is_question(event: &[u8]) -> bool {
    /// Longer ones are pictures and tables.
    const LONGEST: usize = 16 << 10;
    event.len() < LONGEST
        && event.windows(7).any(|window| window == b"\"input\"")
        && serde_json::from_slice::<serde_json::Value>(event).is_ok_and(|event| event["type"] == "input")
}

/// The engine asks, so the reading that follows need not.
pub fn note_question() {
    ASKED.store(true, Ordering::SeqCst);
}

impl Answers {
    /// Gives bytes as `read` does; none at all means the end.
    fn read(&mut self, buffer: &mut [u8]) -> usize {
        if self.rest.is_empty() {
            if !ASKED.swap(false, Ordering::SeqCst) {
                let mut pump = pump();
                pump.drain_all();
                pump.send(&json!({"type": "input", "prompt": "", "password": false}));
            }
            let mut length = [0; 4];
            if self.source.read_exact(&mut length).is_err() {
                return 0;
            }
            let length = u32::from_le_bytes(length);
            if length == NOT_ALLOWED {
                return 0;
            }
            let mut text = vec![0; length as usize];
            if self.source.read_exact(&mut text).is_err() {
                return 0;
            }
            // Who reads a line waits for its end.
            text.push(b'\n');
            self.rest = text;
        }
        let length = self.rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.rest[..length]);
        self.rest.drain(..length);
        length
    }
}

/// Stands in for the C library's function of this name.
///
/// # Safety
/// As there: `buffer` must have room for `count` bytes.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn read(
    descriptor: libc::c_int,
    buffer: *mut libc::c_void,
    count: libc::size_t,
) -> libc::ssize_t {
    if descriptor == 0
        && count > 0
        && let Some(answers) = ANSWERS.get()
    {
        // SAFETY: the caller says that there is room.
        let buffer = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), count) };
        let mut answers = answers.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        return answers.read(buffer) as libc::ssize_t;
    }
    // SAFETY: passed on as it came.
    unsafe { libc::syscall(libc::SYS_read, descriptor, buffer, count) as libc::ssize_t }
}
