//! How the supervisor begins: its pipes, the worker, and a first test whether processes can be copied here.

use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use super::{Copies, PROBE_SUCCESS, Supervisor};
use crate::lines::Lines;
use crate::snapshot::{self, Side, WakeWords};
use crate::system::{check, duplicate, pipe, set_close_on_exec, set_nonblocking};
use crate::worker::{self, Channels};

/// Switches copies off.
const NO_COPIES: &str = "TASKLOOM_NO_COPIES";
/// How long the first test of copies may take.
const PROBE_PATIENCE: Duration = Duration::from_secs(3);

/// Written to by the handler of SIGCHLD.
static CHILD_ENDED: AtomicI32 = AtomicI32::new(-1);

/// Runs until the kernel closes its end.
///
/// # Errors
/// What keeps the worker from starting.
pub fn run() -> Result<(), Box<dyn std::error::Error>> {
    let events_fd: RawFd = variable("TASKLOOM_EVENTS_FD")?.parse()?;
    let control_fd: Option<RawFd> = std::env::var("TASKLOOM_CONTROL_FD").ok().and_then(|text| text.parse().ok());
    let input_fd: Option<RawFd> = std::env::var("TASKLOOM_INPUT_FD").ok().and_then(|text| text.parse().ok());
    let engine = variable("TASKLOOM_ENGINE")?;
    let folder = std::env::var_os("TASKLOOM_SESSION_FOLDER").map(PathBuf::from);
    for fd in [Some(events_fd), control_fd, input_fd].into_iter().flatten() {
        set_close_on_exec(fd);
    }
    // SAFETY: the kernel opened these descriptors for us, and nobody else in this process has them.
    let (events, control, input) = unsafe {
        (
            File::from_raw_fd(events_fd),
            control_fd.map(|fd| OwnedFd::from_raw_fd(fd)),
            input_fd.map(|fd| File::from_raw_fd(fd)),
        )
    };
    let words = WakeWords::new()?;
    let (from_supervisor, to_worker) = pipe()?;
    let (reports, to_supervisor) = pipe()?;
    let (children, child_ended) = pipe()?;
    set_nonblocking(child_ended.as_raw_fd())?;
    let kernel = std::os::unix::process::parent_id();

    // SAFETY: this process has one thread, so the child may do anything.
    let worker = match check(unsafe { libc::fork() })? {
        0 => {
            begin_child();
            // The ends that are the supervisor's.
            drop((to_worker, reports, children, child_ended, control));
            let channels = Channels {
                commands: from_supervisor.into(),
                protocol: duplicate(1)?.into(),
                reports: to_supervisor.into(),
                events,
                input,
            };
            worker::run(channels, &engine, &words)?;
            // SAFETY: the supervisor has gone; destructors of user values could block, and nobody would see them.
            unsafe { libc::_exit(0) }
        }
        worker => worker,
    };
    drop((from_supervisor, to_supervisor, input));
    watch_children(child_ended);
    let copies = match std::env::var_os(NO_COPIES) {
        Some(_) => Copies::Fail(format!("{NO_COPIES} is set")),
        None => start_probe(&words),
    };
    let mut supervisor = Supervisor {
        words,
        events,
        protocol: duplicate(1)?.into(),
        instructions: Lines::new(duplicate(0)?)?,
        control: control.map(Lines::new).transpose()?,
        reports: Lines::new(reports)?,
        to_worker: to_worker.into(),
        children: children.into(),
        worker,
        running: false,
        current: None,
        no_copy: None,
        earlier: VecDeque::new(),
        keep: 0,
        copies,
        ended: None,
        deadline: None,
        memory_limit: 0,
        looked_for_shortage: Instant::now(),
    };
    let code = supervisor.serve();
    supervisor.end_all();
    // The kernel removes its folder itself, unless it was killed.
    if let Some(folder) = folder.filter(|_| std::os::unix::process::parent_id() != kernel) {
        let _ = std::fs::remove_dir_all(folder);
    }
    std::process::exit(code);
}

fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("{name} is not set; this program is started by the kernel, not by hand"))
}

/// A group of its own, so that what the user starts can be ended with it; and death with the supervisor.
fn begin_child() {
    // SAFETY: system calls on this process.
    unsafe {
        libc::setpgid(0, 0);
        #[cfg(target_os = "linux")]
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
    // When memory runs out, the system had better take this process than the browser: it can be brought back.
    #[cfg(target_os = "linux")]
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
}

fn watch_children(pipe: OwnedFd) {
    extern "C" fn on_child(_: libc::c_int) {
        // SAFETY: writes one byte to a descriptor that stays open; a full pipe says enough already.
        unsafe { libc::write(CHILD_ENDED.load(Ordering::SeqCst), b"c".as_ptr().cast(), 1) };
    }
    CHILD_ENDED.store(std::os::fd::IntoRawFd::into_raw_fd(pipe), Ordering::SeqCst);
    // SAFETY: the handler makes one system call. An interrupt of a terminal is the kernel's to handle.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_child as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART | libc::SA_NOCLDSTOP;
        libc::sigaction(libc::SIGCHLD, &action, std::ptr::null_mut());
        libc::signal(libc::SIGINT, libc::SIG_IGN);
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
    }
}

/// Tests, in a process of its own and while the worker starts, whether threads live on in a copy.
fn start_probe(words: &WakeWords) -> Copies {
    if words.len() == 0 {
        return match snapshot::take(words, 0) {
            Err(reason) => Copies::Fail(reason),
            Ok(_) => Copies::Work,
        };
    }
    words.prepare(0);
    // SAFETY: this process has one thread, so the child may do anything.
    match unsafe { libc::fork() } {
        0 => {
            begin_child();
            let code = match snapshot::probe(words, 0) {
                Ok(Side::Original(_)) => {
                    words.wake(0);
                    0
                }
                Ok(Side::Woken) => PROBE_SUCCESS,
                Err(_) => 1,
            };
            // SAFETY: ends the test.
            unsafe { libc::_exit(code) }
        }
        process if process > 0 => Copies::Probing { process, deadline: Instant::now() + PROBE_PATIENCE },
        _ => Copies::Fail("the system allows no further process".to_owned()),
    }
}
