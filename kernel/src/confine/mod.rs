//! Walls around code that nobody trusts.
//!
//! ```text
//!  grader ──► examiner: namespaces, outer walls ──► rustc                       reads the toolchain, writes its folder
//!  (trusted)            (the kernel's own code)  └► runner ─► worker: inner walls   reads data and objects, writes its scratch
//! ```
//! Two walls stand one inside the other. The outer one is around all that has to do with one submission: the evaluator,
//! the compiler, and the submission's code. A macro such as `include_str!` reads files while the compiler runs, so that the
//! compiler must not see what the submission must not see. The inner one is around the submission's code alone: it can
//! start no program, open no socket, write only into its scratch folder, and reach no process beside its own.
//!
//! What a kernel lacks is left out and named: see [`Protections`]. All here is system calls by hand, for the runner, a
//! program of a few hundred kilobytes, has to do it too.

#[cfg(target_os = "linux")]
mod landlock;
mod limits;
#[cfg(target_os = "linux")]
mod namespaces;
#[cfg(target_os = "linux")]
mod privileges;
#[cfg(target_os = "linux")]
mod seccomp;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use limits::Limits;
#[cfg(target_os = "linux")]
pub use namespaces::View;

/// The variable in which the runner finds its [`Walls`], as JSON.
pub const VARIABLE: &str = "TASKLOOM_CONFINE";

/// The protection that keeps what has been compiled for others from being changed, where there is no Landlock.
pub const SEALED: &str = "compiled work that cannot be written";

/// What a process may do with files, and how much of everything it may use.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Walls {
    /// Folders, or files, that may be read.
    pub read: Vec<PathBuf>,
    /// Folders, or programs, that may be read and run.
    pub execute: Vec<PathBuf>,
    /// Folders of which it may be known what is in them.
    pub list: Vec<PathBuf>,
    /// Folders in which everything may be done.
    pub write: Vec<PathBuf>,
    /// Whether programs may be started at all.
    pub programs: bool,
    /// Numbers.
    pub limits: Limits,
}

/// Which protections are there, and which are not, with the reason.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Protections {
    /// Names of those that are.
    pub there: Vec<String>,
    /// Those that are not, each with its reason.
    pub missing: Vec<String>,
}

impl Protections {
    /// Whether one whose name begins so is there.
    pub fn has(&self, name: &str) -> bool {
        self.there.iter().any(|there| there.starts_with(name))
    }

    fn note(&mut self, name: &str, outcome: std::io::Result<()>) {
        match outcome {
            Ok(()) => self.there.push(name.to_owned()),
            Err(error) => self.missing.push(format!("{name} ({error})")),
        }
    }
}

/// Puts this process, and all that it will start, behind walls, for good. To be called while it has one thread.
#[cfg(target_os = "linux")]
pub fn enclose(walls: &Walls) -> Protections {
    let mut protections = Protections::default();
    protections.note("limits of the system", walls.limits.apply());
    // Root that keeps its capabilities could take down every wall below.
    protections.note("no privileges", privileges::drop_all());
    match landlock::restrict(walls) {
        Ok(version) => protections.there.push(format!("Landlock {version}")),
        Err(error) => protections.missing.push(format!("Landlock ({error})")),
    }
    protections.note("seccomp", seccomp::filter(walls.programs));
    protections
}

/// Puts this process, and all that it will start, behind walls, for good. Of these, this system has only limits.
#[cfg(not(target_os = "linux"))]
pub fn enclose(walls: &Walls) -> Protections {
    let mut protections = Protections::default();
    protections.note("limits of the system", walls.limits.apply());
    for name in ["no privileges", "Landlock", "seccomp"] {
        protections.missing.push(format!("{name} (only on Linux)"));
    }
    protections
}

/// Gives this process a view of the machine of its own, in a child; the parent waits for it and ends as it does.
/// Gives, in the child, which namespaces there are.
///
/// To be called while the process has one thread.
#[cfg(target_os = "linux")]
pub fn separate(view: &View) -> Protections {
    namespaces::enter(view)
}

/// Keeps others from opening this process's pipes a second time, by way of `/proc`, where Landlock does not reach.
#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "only the runner has pipes of which somebody could open the other end")]
pub fn seal_pipes() {
    const MOST: libc::c_int = 256;
    for descriptor in 0..MOST {
        // SAFETY: asks for, and changes, a property of a file; `status` is where the system writes.
        unsafe {
            let mut status: libc::stat = std::mem::zeroed();
            if libc::fstat(descriptor, &mut status) == 0 && status.st_mode & libc::S_IFMT == libc::S_IFIFO {
                libc::fchmod(descriptor, 0);
            }
        }
    }
}
