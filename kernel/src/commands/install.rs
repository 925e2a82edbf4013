//! `taskloom install`: the engine and the kernelspec, where kernels and Jupyter look for them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::installation::{Installation, write_whole};
use crate::session::MemoryLimit;

/// The kernel's own flag.
const MEMORY_LIMIT: &str = "--memory-limit";

#[derive(clap::Args)]
pub struct Options {
    /// Where the installation goes [default: $TASKLOOM_HOME or the folder for a person's data]
    #[arg(long)]
    home: Option<PathBuf>,
    /// Also install the kernelspec for your own Jupyter, outside the private environment
    #[arg(long)]
    user: bool,
    /// Memory that cells of every session may use: 500MiB, 2GiB, a number of MiB, or off [default: as installed before]
    #[arg(long, value_name = "SIZE")]
    memory_limit: Option<MemoryLimit>,
}

pub fn run(options: &Options) -> Result<ExitCode, String> {
    let home = super::home_folder(options.home.clone())?;
    let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let target = program.parent().unwrap_or(Path::new("."));
    let course = taskloom_setup::checkout();
    let installation = Installation::create(home.root(), target, course)?;
    let write = |folder: &Path| {
        let memory_limit = options.memory_limit.unwrap_or_else(|| memory_limit_in(folder));
        write_kernelspec(folder, &kernelspec(&installation, home.root(), memory_limit)).map(|()| memory_limit)
    };
    let memory_limit = write(&home.kernelspec())?;
    println!("installed the kernel Rust (Taskloom) in {}", home.kernelspec().display());
    if !memory_limit.is_off() {
        println!("its cells may use {memory_limit} of memory (`--memory-limit off` lifts that)");
    }
    if options.user {
        let folder = user_kernels()?.join("taskloom");
        write(&folder)?;
        println!("installed it for your own Jupyter in {}", folder.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn kernelspec(installation: &Installation, home: &Path, memory_limit: MemoryLimit) -> String {
    let program = installation.programs.join("taskloom");
    let mut argv = vec![json!(program), json!("kernel"), json!("{connection_file}"), json!("--home"), json!(home)];
    if !memory_limit.is_off() {
        argv.extend([json!(MEMORY_LIMIT), json!(memory_limit.to_string())]);
    }
    let spec = json!({
        "argv": argv,
        "display_name": "Rust (Taskloom)",
        "language": "rust",
        // The kernel decides what an interrupt does to the process that runs cells.
        "interrupt_mode": "message",
        "metadata": {"debugger": false},
    });
    format!("{spec:#}\n")
}

/// The limit in the kernelspec that is there: installing anew, as `cargo lab` does, leaves it as it was.
fn memory_limit_in(folder: &Path) -> MemoryLimit {
    let text = std::fs::read_to_string(folder.join("kernel.json")).unwrap_or_default();
    let spec: Value = serde_json::from_str(&text).unwrap_or_default();
    let mut words = spec["argv"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let value = words.find(|&word| word == MEMORY_LIMIT).and_then(|_| words.next());
    value.and_then(|value| value.parse().ok()).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernelspec_keeps_the_limit_of_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = PathBuf::from("engine");
        let installation = Installation {
            engine: path.clone(),
            dependencies: path.clone(),
            sysroot: path.clone(),
            stubs: None,
            programs: path.clone(),
            rustc: path.clone(),
            cargo: path.clone(),
            version: String::new(),
            course: None,
        };
        assert!(memory_limit_in(folder.path()).is_off(), "nothing is installed yet");
        for limit in [MemoryLimit::of_bytes(2 << 30), MemoryLimit::default()] {
            write_kernelspec(folder.path(), &kernelspec(&installation, &path, limit)).unwrap();
            assert_eq!(memory_limit_in(folder.path()), limit);
        }
    }
}
