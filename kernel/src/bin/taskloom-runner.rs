//! The process that runs the user's cells.
//!
//! It loads the engine's shared library and then, one after another, the shared objects that cells are compiled to.
//! It is deliberately small: nothing of the kernel is in it, so that a cell's memory is the user's own.
//!
//! ```text
//!  kernel ── "LOAD_AND_RUN <so> <fn>" ──► stdin     ┌─ user code prints ─► pipes ─┐
//!  kernel ◄── protocol lines ──────────── stdout    │                             ▼
//!  kernel ◄── events, JSON lines ──────── $TASKLOOM_EVENTS_FD ◄── pump ◄── engine events
//! ```
//! The user's standard output and error are pipes back into this process. The *pump* reads them and writes everything
//! a person should see, in order, as events. evcxr's generated code also reports to evcxr through standard output;
//! those lines the pump passes on. An engine event first drains the pipes, so what a cell printed before it showed
//! something comes before it.

#[cfg(not(unix))]
compile_error!("the runner needs Unix pipes and signals; on Windows use WSL 2");

use std::ffi::c_void;
use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};

/// The loader's variable, which the kernel extends so that cells find the engine.
const LIBRARY_PATH: &str = if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };
/// What evcxr waits for after `LOAD_AND_RUN`.
const COMPLETE: &str = "EVCXR_EXECUTION_COMPLETE";
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
static INTERRUPT: OnceLock<extern "C" fn()> = OnceLock::new();
/// Writes out what Rust's standard output, the engine's copy of it, still holds.
static FLUSH: OnceLock<extern "C" fn()> = OnceLock::new();

/// Whether a cell runs.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// How long a part of a line may stay in the standard library's buffer.
const FLUSH_EVERY: Duration = Duration::from_millis(100);

fn main() {
    if let Err(error) = run() {
        eprintln!("taskloom-runner: {error}");
        std::process::exit(99);
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let events_fd: RawFd = variable("TASKLOOM_EVENTS_FD")?.parse()?;
    let engine_path = variable("TASKLOOM_ENGINE")?;
    // SAFETY: the kernel opened this descriptor for us, and nobody else in this process has it.
    let events = unsafe { File::from_raw_fd(events_fd) };
    set_close_on_exec(events.as_raw_fd());
    forget_own_variables();

    // The protocol moves to private descriptors; 0, 1 and 2 become the user's.
    let commands = File::from(duplicate(0)?);
    let protocol = File::from(duplicate(1)?);
    let nothing = File::open("/dev/null")?;
    redirect(nothing.as_raw_fd(), 0)?;
    let stdout = redirect_to_pipe(1)?;
    let stderr = redirect_to_pipe(2)?;
    let _ = PUMP.set(Mutex::new(Pump {
        stdout: Stream::new("stdout", stdout),
        stderr: Stream::new("stderr", stderr),
        events,
        protocol,
        content: false,
    }));
    std::thread::Builder::new().name("pump".to_owned()).spawn(pump_forever)?;

    // SAFETY: loading the engine runs its initialisers, which are Rust's own; it is never unloaded.
    let engine = unsafe { libloading::Library::new(&engine_path) }
        .map_err(|error| format!("the engine at {engine_path} cannot be loaded: {error}"))?;
    // SAFETY: these are the signatures of the engine's `cell` module.
    let (attach, begin_cell, flush, interrupt) = unsafe {
        (
            *engine.get::<extern "C" fn(extern "C" fn(*const u8, usize))>(b"taskloom_attach")?,
            *engine.get::<extern "C" fn()>(b"taskloom_begin_cell")?,
            *engine.get::<extern "C" fn()>(b"taskloom_flush")?,
            *engine.get::<extern "C" fn()>(b"taskloom_interrupt")?,
        )
    };
    std::mem::forget(engine);
    attach(engine_event);
    let _ = INTERRUPT.set(interrupt);
    let _ = FLUSH.set(flush);
    // A thread of its own: flushing waits for whoever holds the lock of standard output, and the pump must not.
    let flusher = std::thread::Builder::new().name("flush".to_owned()).spawn(move || {
        loop {
            while !RUNNING.load(Ordering::Acquire) {
                std::thread::park();
            }
            std::thread::sleep(FLUSH_EVERY);
            flush();
        }
    })?;
    on_interrupt();
    say_last_words();

    let mut variables: *mut c_void = std::ptr::null_mut();
    for line in io::BufReader::new(commands).lines() {
        let line = line?;
        let mut words = line.split(' ');
        let (Some("LOAD_AND_RUN"), Some(object), Some(function)) = (words.next(), words.next(), words.next()) else {
            return Err(format!("an instruction that is not known: {line}").into());
        };
        RUNNING.store(true, Ordering::Release);
        pump().send(&json!({"type": "begin"}));
        flusher.thread().unpark();
        begin_cell();
        // SAFETY: the object is a cell that the kernel compiled; its function has evcxr's signature, and takes and gives
        // the variable store that only cells look into. The library stays loaded: values in the store use its code.
        unsafe {
            let object = libloading::Library::new(object)?;
            let cell: extern "C" fn(*mut c_void) -> *mut c_void = *object.get(function.as_bytes())?;
            std::mem::forget(object);
            variables = cell(variables);
            libc::fflush(std::ptr::null_mut());
        }
        RUNNING.store(false, Ordering::Release);
        flush();
        pump().end_cell();
    }
    // SAFETY: the kernel has gone; destructors of user values could block, and nobody would see them.
    unsafe { libc::_exit(0) }
}

/// Takes out of the environment what is there for this program only, not for the user's code and what that starts.
fn forget_own_variables() {
    // SAFETY: no other thread has been started yet.
    unsafe {
        for name in ["TASKLOOM_EVENTS_FD", "EVCXR_IS_RUNTIME", "RUST_BACKTRACE"] {
            std::env::remove_var(name);
        }
        // The loader has read its variable when the process began.
        match std::env::var_os("TASKLOOM_USERS_LIBRARY_PATH") {
            Some(path) => std::env::set_var(LIBRARY_PATH, path),
            None => std::env::remove_var(LIBRARY_PATH),
        }
        std::env::remove_var("TASKLOOM_USERS_LIBRARY_PATH");
    }
}

fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("{name} is not set; this program is started by the kernel, not by hand"))
}

fn on_interrupt() {
    extern "C" fn handler(_: libc::c_int) {
        if let Some(interrupt) = INTERRUPT.get() {
            interrupt();
        }
    }
    // SAFETY: the handler only touches an atomic. SA_RESTART keeps the user's system calls from failing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGINT, &action, std::ptr::null_mut());
    }
}

/// Lets what was printed be seen when user code ends the process.
fn say_last_words() {
    extern "C" fn at_exit() {
        if let Some(flush) = FLUSH.get() {
            flush();
        }
        if let Some(Ok(mut pump)) = PUMP.get().map(|pump| pump.try_lock()) {
            pump.drain();
            pump.forward_stdout(true);
            pump.forward_stderr(true);
        }
    }
    extern "C" fn on_abort(signal: libc::c_int) {
        let time = libc::timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        // SAFETY: all three calls are async-signal-safe. Sleeping gives the pump's thread time to forward.
        unsafe {
            libc::nanosleep(&time, std::ptr::null_mut());
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
    }
    // SAFETY: both are functions that live as long as the process.
    unsafe {
        libc::atexit(at_exit);
        libc::signal(libc::SIGABRT, on_abort as extern "C" fn(libc::c_int) as usize);
    }
}

extern "C" fn engine_event(text: *const u8, length: usize) {
    // SAFETY: the engine hands over a live buffer for the time of this call.
    let text = unsafe { std::slice::from_raw_parts(text, length) };
    // Before the pump is locked, since flushing may have to wait for a thread that the pump keeps going.
    if let Some(flush) = FLUSH.get() {
        flush();
    }
    let mut pump = pump();
    pump.drain();
    pump.write_event_line(text);
}

fn pump() -> MutexGuard<'static, Pump> {
    let pump = PUMP.get().expect("the pump is set up before anything can call it");
    pump.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn pump_forever() {
    let (stdout, stderr, events) = {
        let pump = pump();
        (pump.stdout.source.as_raw_fd(), pump.stderr.source.as_raw_fd(), pump.events.as_raw_fd())
    };
    loop {
        let wait = |fd, events| libc::pollfd { fd, events, revents: 0 };
        let mut waits = [wait(stdout, libc::POLLIN), wait(stderr, libc::POLLIN), wait(events, 0)];
        // SAFETY: the array outlives the call, and its length is given.
        unsafe { libc::poll(waits.as_mut_ptr(), waits.len() as libc::nfds_t, -1) };
        if waits[2].revents & (libc::POLLERR | libc::POLLHUP) != 0 {
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

struct Pump {
    stdout: Stream,
    stderr: Stream,
    events: File,
    protocol: File,
    /// Whether we are between evcxr's BEGIN_CONTENT and END_CONTENT.
    content: bool,
}

impl Pump {
    /// Forwards all that the pipes hold. Not what comes meanwhile: a thread that prints without end must not keep
    /// others from the pump.
    fn drain(&mut self) {
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

    fn end_cell(&mut self) {
        self.drain();
        self.forward_stdout(true);
        self.forward_stderr(true);
        self.send(&json!({"type": "end"}));
        let _ = writeln!(self.protocol, "{COMPLETE}");
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
            || shown.starts_with("EVCXR_INPUT_REQUEST")
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
        let _ = self.protocol.write_all(line);
    }

    fn send_text(&mut self, name: &str, text: String) {
        if !text.is_empty() {
            self.send(&json!({"type": "stream", "name": name, "text": text}));
        }
    }

    fn send(&mut self, event: &Value) {
        let text = event.to_string();
        self.write_event_line(text.as_bytes());
    }

    fn write_event_line(&mut self, text: &[u8]) {
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

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_DUPFD_CLOEXEC gives a new descriptor that nobody owns yet.
    unsafe { Ok(OwnedFd::from_raw_fd(check(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3))?)) }
}

fn redirect(from: RawFd, to: RawFd) -> io::Result<()> {
    // SAFETY: both are open descriptors of this process.
    check(unsafe { libc::dup2(from, to) }).map(|_| ())
}

fn set_close_on_exec(fd: RawFd) {
    // SAFETY: changes a flag of an open descriptor.
    unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
}

/// Makes `fd` the writing end of a pipe; gives the reading end, which does not block.
fn redirect_to_pipe(fd: RawFd) -> io::Result<OwnedFd> {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two descriptors, which nobody owns yet.
    let (read, write) = unsafe {
        check(libc::pipe(ends.as_mut_ptr()))?;
        (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))
    };
    redirect(write.as_raw_fd(), fd)?;
    set_close_on_exec(read.as_raw_fd());
    // SAFETY: changes a flag of an open descriptor.
    unsafe {
        let flags = check(libc::fcntl(read.as_raw_fd(), libc::F_GETFL))?;
        check(libc::fcntl(read.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK))?;
    }
    Ok(read)
}
