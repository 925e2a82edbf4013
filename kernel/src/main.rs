//! `taskloom`: the Jupyter kernel for Rust, and the commands around it.
//!
//! ```text
//!  commands ─► setup (venv, JupyterLab)     server ─► magics ─► session ─► evcxr, driver, runner
//!           └► prep (data)                     │        └► exercises
//!                                              │        └► progress (what a learner has done)
//!                                              └► analysis ═► taskloom-analyzer
//!
//!  commands ─► author (new courses, proofs of courses, students' copies), watch ─► session, exercises
//!
//!  commands ─► grade ═► an examiner for each submission, behind the walls of confine ─► session, exercises
//!           └► nbgrader (a course for it; its gradebook)
//! ```
//! The kernel is not linked to the engine. Cells are: `session` compiles them against the engine's shared library, and
//! the runner, a program of its own, loads both.

mod analysis;
mod author;
mod commands;
mod confine;
mod gate;
mod grade;
mod history;
mod html;
mod installation;
mod magics;
mod nbgrader;
mod progress;
mod server;
mod session;
mod shared;
mod watch;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::main()
}
