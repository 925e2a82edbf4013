//! The command line.

mod author;
mod check;
mod grade;
mod install;
mod nbgrader;
mod new;
mod prep;
mod publish;
mod release;
mod run;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use taskloom_setup::Home;

use crate::installation::Installation;
use crate::server;
use crate::session::MemoryLimit;

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
    /// Run notebooks and make web pages of them, with their outputs, that need no server and no network
    Render(publish::RenderOptions),
    /// Make slides of the cells that are marked as such, one file for each notebook, that need no network
    Slides(publish::SlidesOptions),
    /// Check the exercises of a notebook, as %check does
    Check(check::Options),
    /// Do exercises in an editor of yours: an answer is checked when its file is saved
    Watch(watch::Options),
    /// Make an exercise, a notebook or a whole tutorial, which works and waits to be changed
    New(new::Options),
    /// Prove a course: starters fail, solutions pass, notebooks run, links lead somewhere
    Author(author::Options),
    /// Make the copy of a course that students get
    Release(release::Options),
    /// Grade what a class has handed in, and confine it meanwhile
    Grade(grade::Options),
    /// Work with nbgrader: make a course for it (`taskloom grade --nbgrader` fills its gradebook)
    #[command(name = "nbgrader")]
    NbGrader(nbgrader::Options),
    /// Examine one submission (`taskloom grade` calls this)
    #[command(hide = true)]
    Examine,
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
        /// Memory that cells may use: 500MiB, 2GiB, a number of MiB, or off [default: $TASKLOOM_MEMORY_LIMIT, or off]
        #[arg(long, value_name = "SIZE")]
        memory_limit: Option<MemoryLimit>,
    },
}

pub fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Lab { flags } => return taskloom_setup::lab(flags),
        Command::Install(options) => install::run(&options),
        Command::Run(options) => run::run(&options),
        Command::Render(options) => publish::render(&options),
        Command::Slides(options) => publish::slides(&options),
        Command::Check(options) => check::run(&options),
        Command::Watch(options) => watch::run(&options),
        Command::New(options) => new::run(&options),
        Command::Author(options) => author::run(&options),
        Command::Release(options) => release::run(&options),
        Command::Grade(options) => grade::run(&options),
        Command::NbGrader(options) => nbgrader::run(&options),
        Command::Examine => crate::grade::examiner::run().map(|()| ExitCode::SUCCESS),
        Command::Prep(options) => prep::run(&options),
        Command::Kernel { connection_file, home, memory_limit } => kernel(&connection_file, home, memory_limit),
    };
    result.unwrap_or_else(|message| {
        eprintln!("error: {message}");
        ExitCode::FAILURE
    })
}

fn kernel(
    connection_file: &Path,
    home: Option<PathBuf>,
    memory_limit: Option<MemoryLimit>,
) -> Result<ExitCode, String> {
    let memory_limit = memory_limit.map_or_else(memory_limit_of_environment, Ok)?;
    let installation = Installation::load(home_folder(home)?.root())?;
    server::serve(connection_file, installation, memory_limit)?;
    Ok(ExitCode::SUCCESS)
}

/// The limit of memory of sessions that are told none. A number alone is bytes there, as scripts of a hub have it.
fn memory_limit_of_environment() -> Result<MemoryLimit, String> {
    const NAME: &str = "TASKLOOM_MEMORY_LIMIT";
    let Some(text) = std::env::var_os(NAME) else { return Ok(MemoryLimit::default()) };
    let text = text.to_string_lossy();
    match text.trim().parse() {
        Ok(bytes) => Ok(MemoryLimit::of_bytes(bytes)),
        Err(_) => text.parse().map_err(|message| format!("the environment variable {NAME} is wrong: {message}")),
    }
}

/// The folder named, or the person's own.
fn home_folder(named: Option<PathBuf>) -> Result<Home, String> {
    match named {
        Some(folder) => Home::at(folder),
        None => Home::from_env(),
    }
    .map_err(|error| error.to_string())
}

/// A Python: the private environment's, where there is one.
fn python(home: Option<PathBuf>) -> PathBuf {
    let private = home_folder(home).ok().map(|home| home.python_exe()).filter(|python| python.is_file());
    private.unwrap_or_else(|| PathBuf::from("python3"))
}
