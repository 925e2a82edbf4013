//! `taskloom install`: the engine and the kernelspec, where kernels and Jupyter look for them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use crate::installation::{Installation, write_whole};

#[derive(clap::Args)]
pub struct Options {
    /// Where the installation goes [default: $TASKLOOM_HOME or the folder for a person's data]
    #[arg(long)]
    home: Option<PathBuf>,
    /// Also install the kernelspec for your own Jupyter, outside the private environment
    #[arg(long)]
    user: bool,
}

pub fn run(options: &Options) -> Result<ExitCode, String> {
    let home = super::home_folder(options.home.clone())?;
    let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let target = program.parent().unwrap_or(Path::new("."));
    let course = taskloom_setup::checkout();
    let installation = Installation::create(home.root(), target, course)?;
    let kernelspec = kernelspec(&installation, home.root());
    write_kernelspec(&home.kernelspec(), &kernelspec)?;
    println!("installed the kernel Rust (Taskloom) in {}", home.kernelspec().display());
    if options.user {
        let folder = user_kernels()?.join("taskloom");
        write_kernelspec(&folder, &kernelspec)?;
        println!("installed it for your own Jupyter in {}", folder.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn kernelspec(installation: &Installation, home: &Path) -> String {
    let program = installation.programs.join("taskloom");
    let spec = json!({
        "argv": [program, "kernel", "{connection_file}", "--home", home],
        "display_name": "Rust (Taskloom)",
        "language": "rust",
        // The kernel decides what an interrupt does to the process that runs cells.
        "interrupt_mode": "message",
        "metadata": {"debugger": false},
    });
    format!("{spec:#}\n")
}

fn write_kernelspec(folder: &Path, kernelspec: &str) -> Result<(), String> {
    let path = folder.join("kernel.json");
    write_whole(&path, kernelspec.as_bytes()).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Where Jupyter looks for a person's own kernels.
fn user_kernels() -> Result<PathBuf, String> {
    if let Some(folder) = std::env::var_os("JUPYTER_DATA_DIR") {
        return Ok(PathBuf::from(folder).join("kernels"));
    }
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .ok_or("HOME is not set, so there is no place for your own kernels")?;
    if cfg!(target_os = "macos") {
        return Ok(home.join("Library/Jupyter/kernels"));
    }
    let data = std::env::var_os("XDG_DATA_HOME").map_or_else(|| home.join(".local/share"), PathBuf::from);
    Ok(data.join("jupyter/kernels"))
}
