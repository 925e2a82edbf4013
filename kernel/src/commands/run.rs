//! `taskloom run`: a notebook without a browser, by a real Jupyter client.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

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

pub fn run(options: &Options) -> Result<ExitCode, String> {
    let home = super::home_folder(options.home.clone())?;
    if !options.notebook.is_file() {
        return Err(format!("there is no notebook {}", options.notebook.display()));
    }
    let python = home.python_exe();
    if !python.is_file() {
        return Err(format!("the Python environment {} is not there; `cargo lab` makes it", home.python().display()));
    }
    let out = options.out.clone().unwrap_or_else(|| options.notebook.with_extension("executed.ipynb"));
    let mut command = Command::new(python);
    command.arg("-c").arg(SCRIPT).arg(&options.notebook).arg(&out).arg(options.timeout.to_string());
    if options.solutions {
        let course =
            taskloom_exercises::Course::find(&absolute(&options.notebook)).map_err(|error| error.to_string())?;
        command.arg(course.root().join("solutions"));
    }
    let status = command
        .env("JUPYTER_PATH", home.jupyter_path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .status()
        .map_err(|error| format!("cannot run Python: {error}"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
