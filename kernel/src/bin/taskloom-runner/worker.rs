//! The process with the user's code and variables in it.

use std::ffi::c_void;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::os::fd::AsRawFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::confine;
use crate::input;
use crate::pump::{self, pump, try_pump};
use crate::snapshot::{self, Side, WakeWords};
use crate::system::{redirect, redirect_to_pipe};

/// The loader's variable, which the kernel extends so that cells find the engine.
const LIBRARY_PATH: &str = if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };
/// What a cell's object has in it when the cell takes variables out of the session and does not give them back.
const TAKES_VARIABLES: &[u8] = b"TASKLOOM_TAKES_VARIABLES";
/// What a cell's function is called where several sessions use what one has compiled.
const SHARED_FUNCTION: &[u8] = b"run_user_code";
/// How long after a cell freed memory goes back to the system: not while one cell follows the other.
const TRIM_AFTER: Duration = Duration::from_secs(2);
/// How long a part of a line may stay in the standard library's buffer.
const FLUSH_EVERY: Duration = Duration::from_millis(100);

static INTERRUPT: OnceLock<extern "C" fn()> = OnceLock::new();
/// Writes out what Rust's standard output, the engine's copy of it, still holds.
static FLUSH: OnceLock<extern "C" fn()> = OnceLock::new();
/// Whether a cell runs.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// The worker's ends of its pipes.
pub struct Channels {
    /// Cells to run, from the supervisor.
    pub commands: File,
    /// To evcxr.
    pub protocol: File,
    /// To the supervisor.
    pub reports: File,
    /// To the kernel.
    pub events: File,
    /// What the user types when a cell asks, from the kernel.
    pub input: Option<File>,
}

/// Runs cells until the supervisor closes its end.
///
/// # Errors
/// What keeps the engine, or a cell's object, from being loaded.
pub fn run(mut channels: Channels, engine_path: &str, words: &WakeWords) -> Result<(), Box<dyn std::error::Error>> {
    let walls = walls()?;
    forget_own_variables();
    keep_freed_memory();
    // 0, 1 and 2 become the user's.
    let nothing = File::open("/dev/null")?;
    redirect(nothing.as_raw_fd(), 0)?;
    let stdout = redirect_to_pipe(1)?;
    let stderr = redirect_to_pipe(2)?;
    // Before there is a second thread, which would stay outside.
    if let Some(walls) = walls {
        #[cfg(target_os = "linux")]
        confine::seal_pipes();
        confine::enclose(&walls);
    }
    pump::start(stdout, stderr, channels.events, channels.protocol)?;
    if let Some(answers) = channels.input {
        input::answer_from(answers);
    }

    // SAFETY: loading the engine runs its initialisers, which are Rust's own; it is never unloaded.
    let engine = unsafe { libloading::Library::new(engine_path) }
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
            if !RUNNING.load(Ordering::Acquire) {
                std::thread::park_timeout(TRIM_AFTER);
                if !RUNNING.load(Ordering::Acquire) {
                    return_freed_memory();
                }
                while !RUNNING.load(Ordering::Acquire) {
                    std::thread::park();
                }
            }
            std::thread::sleep(FLUSH_EVERY);
            flush();
        }
    })?;
    on_interrupt();
    say_last_words();

    let mut variables: *mut c_void = std::ptr::null_mut();
    let mut commands = io::BufReader::new(channels.commands);
    let mut line = String::new();
    loop {
        line.clear();
        if commands.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words_of = line.split_whitespace();
        let (Some("LOAD_AND_RUN"), Some(object), Some(function)) = (words_of.next(), words_of.next(), words_of.next())
        else {
            return Err(format!("an instruction that is not known: {line}").into());
        };
        if let Some(slot) = words_of.next().and_then(|slot| slot.parse().ok()) {
            match snapshot::take(words, slot) {
                Ok(Side::Original(copy)) => writeln!(channels.reports, "copy {copy} {slot}")?,
                // The cell that this copy was made for has failed; the next is to come.
                Ok(Side::Woken) => {
                    // Ends a line that the dead process may have begun.
                    pump().write_event_line(b"");
                    continue;
                }
                Err(reason) => writeln!(channels.reports, "no-copy {reason}")?,
            }
        }
        RUNNING.store(true, Ordering::Release);
        pump().begin_cell();
        flusher.thread().unpark();
        begin_cell();
        // SAFETY: the object is a cell that the kernel compiled; its function has evcxr's signature, and takes and gives
        // the variable store that only cells look into. The library stays loaded: values in the store use its code.
        let takes_variables = unsafe {
            let object = libloading::Library::new(object)?;
            let named = object.get(function.as_bytes()).or_else(|_| object.get(SHARED_FUNCTION));
            let cell: extern "C" fn(*mut c_void) -> *mut c_void = *named?;
            let takes_variables = object.get::<*const u8>(TAKES_VARIABLES).is_ok();
            std::mem::forget(object);
            variables = cell(variables);
            libc::fflush(std::ptr::null_mut());
            takes_variables
        };
        RUNNING.store(false, Ordering::Release);
        flush();
        let failed = pump().end_cell();
        writeln!(channels.reports, "{}", if failed && takes_variables { "failed" } else { "done" })?;
    }
}

/// What the user's code is to be kept behind, when nobody trusts it.
fn walls() -> Result<Option<confine::Walls>, Box<dyn std::error::Error>> {
    match std::env::var(confine::VARIABLE) {
        Ok(text) => Ok(Some(serde_json::from_str(&text)?)),
        Err(_) => Ok(None),
    }
}

/// Has glibc treat blocks as it does in a program that has run for a while.
///
/// It starts with giving every block of more than 128 KiB back to the system when it is freed, and learns with each, up to
/// these limits, that the program uses such blocks again. It learns little from cells, which run on threads of their own,
/// so that a loop that makes a vector in each turn would spend its time with new pages.
fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets two numbers of the allocator's, before any other thread runs.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 64 << 20);
    }
}

/// Gives freed memory back to the system.
fn return_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the allocator's own locks guard it from other threads.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Takes out of the environment what is there for this program only, not for the user's code and what that starts.
fn forget_own_variables() {
    // SAFETY: no other thread has been started yet.
    unsafe {
        for name in [
            "TASKLOOM_EVENTS_FD",
            "TASKLOOM_CONTROL_FD",
            "TASKLOOM_INPUT_FD",
            "TASKLOOM_SESSION_FOLDER",
            "TASKLOOM_MEMORY_LIMIT",
            confine::VARIABLE,
            "EVCXR_IS_RUNTIME",
            "RUST_BACKTRACE",
        ] {
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
        flush();
        if let Some(mut pump) = try_pump() {
            pump.drain_all();
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

/// Writes out what the user's standard output still holds.
pub fn flush() {
    if let Some(flush) = FLUSH.get() {
        flush();
    }
}

extern "C" fn engine_event(text: *const u8, length: usize) {
    // SAFETY: the engine hands over a live buffer for the time of this call.
    let text = unsafe { std::slice::from_raw_parts(text, length) };
    // Before the pump is locked, since flushing may have to wait for a thread that the pump keeps going.
    flush();
    if input::is_question(text) {
        input::note_question();
    }
    let mut pump = pump();
    pump.drain();
    pump.write_event_line(text);
}
