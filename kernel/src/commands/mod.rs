//! The command line.

mod check;
mod install;
mod prep;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use taskloom_setup::Home;

use crate::installation::Installation;
use crate::server;

/// A Jupyter kernel for Rust with a parallel engine inside, and a workshop.
#[derive(Parser)]
#[command(name = "taskloom", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set everything up and open JupyterLab (the same as `cargo lab`; `taskloom lab --help` lists its flags)
    #[command(disable_help_flag = true)]
    Lab {
        /// Flags of `cargo lab`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        flags: Vec<std::ffi::OsString>,
    },
    /// Install the kernelspec `Rust (Taskloom)` from what has been compiled
    Install(install::Options),
    /// Run a notebook without a browser and write it with its outputs
    Run(run::Options),
    /// Check the exercises of a notebook, as %check does
    Check(check::Options),
    /// Prepare the workshop's data
    Prep(prep::Options),
    /// Serve one Jupyter client (Jupyter calls this)
    #[command(hide = true)]
    Kernel {
        /// The connection file that Jupyter wrote
        connection_file: PathBuf,
        /// The folder of the installation
        #[arg(long)]
        home: Option<PathBuf>,
    },
}

pub fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Lab { flags } => return taskloom_setup::lab(flags),
        Command::Install(options) => install::run(&options),
        Command::Run(options) => run::run(&options),
        Command::Check(options) => check::run(&options),
        Command::Prep(options) => prep::run(&options),
        Command::Kernel { connection_file, home } => home_folder(home)
            .and_then(|home| Installation::load(home.root()))
            .and_then(|installation| server::serve(&connection_file, installation))
            .map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|message| {
        eprintln!("error: {message}");
        ExitCode::FAILURE
    })
}

/// The folder named, or the person's own.
fn home_folder(named: Option<PathBuf>) -> Result<Home, String> {
    match named {
        Some(folder) => Home::at(folder),
        None => Home::from_env(),
    }
    .map_err(|error| error.to_string())
}
