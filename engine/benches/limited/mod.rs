//! Works that run in processes of their own, each with no more memory than a limit.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Instant;

/// The variable that names the work to a process that is to do it.
const WORK: &str = "TASKLOOM_MEASURED_WORK";

/// The work that this process is to do, if it is one of those.
pub fn work_of_this_process() -> Option<String> {
    std::env::var(WORK).ok()
}

/// This program, to do one work.
pub fn own(work: &str) -> Command {
    let mut own = Command::new(std::env::current_exe().expect("this program is a file"));
    own.env(WORK, work);
    own
}

/// The Python that has the peers, with one of the scripts beside this program's source.
pub fn peer(script: &str) -> Command {
    let python = std::env::var("TASKLOOM_PEER_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut peer = Command::new(python);
    peer.arg(format!("{}/benches/{script}", env!("CARGO_MANIFEST_DIR")));
    peer
}

/// The works that the command line asks for, which are all when it names none.
pub fn wanted<'a>(works: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let is_wanted = move |work: &&str| wanted.is_empty() || wanted.iter().any(|wanted| work.contains(wanted.as_str()));
    works.iter().copied().filter(is_wanted)
}

/// Runs a command with no more than `limit` bytes; says how long it took and the largest memory that it had, which it
/// prints last, in KiB.
pub fn measured(mut command: Command, limit: u64) -> String {
    // SAFETY: between fork and exec only a system call is made.
    unsafe {
        command.pre_exec(move || {
            let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
            match libc::setrlimit(libc::RLIMIT_DATA, &limit) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        });
    }
    match run(command) {
        Some((took, peak)) => format!("{took:>7.1} s {peak:>6.0} MiB"),
        None => format!("{:>20}", "did not end"),
    }
}

fn run(mut command: Command) -> Option<(f64, f64)> {
    let began = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut said = String::new();
    child.stdout.take()?.read_to_string(&mut said).ok()?;
    let ended = child.wait().ok()?;
    let peak: f64 = said.trim().lines().last()?.parse().ok()?;
    ended.success().then_some((began.elapsed().as_secs_f64(), peak / 1024.0))
}

/// The largest resident memory of this process, in KiB.
pub fn peak() -> i64 {
    // SAFETY: all of the structure is written by the call.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    usage.ru_maxrss
}
