//! `cargo lab`: sets everything up and opens JupyterLab. All of it is in the library, which the `taskloom` binary calls too.

use std::process::ExitCode;

fn main() -> ExitCode {
    taskloom_setup::lab(std::env::args_os().skip(1))
}
