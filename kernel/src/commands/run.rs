//! `taskloom run`: a notebook without a browser, by a real Jupyter client.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use taskloom_setup::Home;

/// Runs the notebook with nbclient, in the private Python environment.
const SCRIPT: &str = include_str!("run_notebook.py");

#[derive(clap::Args)]
pub struct Options {
    /// The notebook
    notebook: PathBuf,
    /// Where the notebook with its outputs goes [default: next to it, NAME.executed.ipynb]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Put the solutions into the exercises' cells
    #[arg(long)]
    solutions: bool,
    /// Seconds that one cell may take
    #[arg(long, default_value_t = 300)]
    timeout: u32,
    /// The folder of the installation
    #[arg(long)]
    home: Option<PathBuf>,
}

/// What follows a cell that failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Failing {
    /// Nothing: the run ends there.
    Stops,
    /// The next cell.
    GoesOn,
}

/// A run of one notebook.
pub(super) struct Run<'a> {
    pub home: &'a Home,
    pub notebook: &'a Path,
    pub out: &'a Path,
    pub solutions: bool,
    pub timeout: u32,
    pub failing: Failing,
}

pub fn run(options: &Options) -> Result<ExitCode, String> {
    let home = super::home_folder(options.home.clone())?;
    let out = options.out.clone().unwrap_or_else(|| options.notebook.with_extension("executed.ipynb"));
    let ran_well = Run {
        home: &home,
        notebook: &options.notebook,
        out: &out,
        solutions: options.solutions,
        timeout: options.timeout,
        failing: Failing::Stops,
    }
    .execute()?;
    Ok(if ran_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Run<'_> {
    /// Runs the notebook, shows each cell as it ends, and writes the notebook with its outputs. False when it did not get
    /// to its end.
    pub fn execute(&self) -> Result<bool, String> {
        if !self.notebook.is_file() {
            return Err(format!("there is no notebook {}", self.notebook.display()));
        }
        let mut command = Command::new(python(self.home)?);
        command.arg("-c").arg(SCRIPT).arg(self.notebook).arg(self.out).arg(self.timeout.to_string());
        command.arg(if self.failing == Failing::GoesOn { "go-on" } else { "stop" });
        if self.solutions {
            let course =
                taskloom_exercises::Course::find(&absolute(self.notebook)).map_err(|error| error.to_string())?;
            command.arg(course.root().join("solutions"));
        }
        let status = command
            .env("JUPYTER_PATH", self.home.jupyter_path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .status()
            .map_err(|error| format!("cannot run Python: {error}"))?;
        Ok(status.success())
    }
}

/// The Python of the private environment.
pub(super) fn python(home: &Home) -> Result<PathBuf, String> {
    let python = home.python_exe();
    if python.is_file() {
        return Ok(python);
    }
    Err(format!("the Python environment {} is not there; `cargo lab` makes it", home.python().display()))
}

pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
