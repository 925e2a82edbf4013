//! The tools that evcxr finds: links to the driver in front of the real ones.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use serde_json::json;

use crate::installation::{Installation, find_program};

/// What evcxr, rust-analyzer and rustc run, in the name of which the driver answers.
const STAND_INS: [&str; 4] = ["cargo", "rustup", "rustc", "cc"];
/// Where the driver finds what it is told in `TASKLOOM_DRIVER`, from the folder of the tools, when it is not.
const CONFIG: &str = "driver.json";
/// Variables that are changed for evcxr, and put back for the user's code.
const CHANGED: [&str; 6] = ["PATH", "RUSTC", "CARGO", "CARGO_HOME", "EVCXR_TMPDIR", "TASKLOOM_DRIVER"];

static BEFORE: OnceLock<Vec<(&'static str, Option<OsString>)>> = OnceLock::new();

/// Makes evcxr use the driver, and `folder` for its files.
///
/// Changes the environment of the process: to be called before any thread is started.
///
/// # Errors
/// When the folder cannot be written.
pub fn prepare_environment(installation: &Installation, folder: &Path) -> Result<(), String> {
    if !super::has_plain_path(folder) {
        return Err(format!(
            "the folder for temporary files, {}, has a space in its name, which the evaluator cannot use; set TMPDIR to \
             another",
            folder.display()
        ));
    }
    // rust-analyzer looks into the `bin` of CARGO_HOME before the PATH.
    let cargo_home = folder.join("tools");
    let shims = cargo_home.join("bin");
    let no_sources = folder.join("no-sources");
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", folder.display());
    std::fs::create_dir_all(&shims).map_err(failed)?;
    std::fs::create_dir_all(&no_sources).map_err(failed)?;
    for name in STAND_INS {
        std::os::unix::fs::symlink(installation.programs.join("taskloom-driver"), shims.join(name)).map_err(failed)?;
    }
    let before: Vec<_> = CHANGED.iter().map(|&name| (name, std::env::var_os(name))).collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let new_path = std::env::join_paths(std::iter::once(shims.clone()).chain(std::env::split_paths(&path)))
        .map_err(|error| format!("the PATH cannot be extended: {error}"))?;
    let config = json!({
        "shims": shims,
        "cargo": installation.cargo,
        "rustc": installation.rustc,
        "rustup": find_program("rustup"),
        "engine": installation.engine,
        "stubs": installation.stubs,
        "dependencies": installation.dependencies,
        "no_sources": no_sources,
        "interrupted": interrupted_file(folder),
        "preamble": preamble_file(folder),
        "gate": installation.gate(),
        "sysroot": installation.sysroot,
        "path": path,
        "cargo_home": std::env::var_os("CARGO_HOME"),
    });
    std::fs::write(cargo_home.join(CONFIG), config.to_string()).map_err(failed)?;
    let _ = BEFORE.set(before);
    // SAFETY: the caller promises that no other thread runs yet.
    unsafe {
        std::env::set_var("PATH", new_path);
        std::env::set_var("RUSTC", shims.join("rustc"));
        std::env::set_var("CARGO", shims.join("cargo"));
        std::env::set_var("CARGO_HOME", cargo_home);
        std::env::set_var("EVCXR_TMPDIR", folder);
        std::env::set_var("TASKLOOM_DRIVER", config.to_string());
    }
    Ok(())
}

/// The file by which a compilation learns that it has been interrupted.
fn interrupted_file(folder: &Path) -> PathBuf {
    folder.join("interrupted")
}

/// The file in which the driver finds what surrounds a cell: imports, items, crates.
pub fn preamble_file(folder: &Path) -> PathBuf {
    folder.join("preamble.json")
}

/// Whether the user wants the cell that is compiled to stop.
#[derive(Clone)]
pub struct Interrupted {
    /// For the driver, which is another process.
    file: PathBuf,
    flag: Arc<AtomicBool>,
}

impl Interrupted {
    pub fn new(folder: &Path) -> Self {
        Interrupted { file: interrupted_file(folder), flag: Arc::default() }
    }

    pub fn set(&self) {
        self.flag.store(true, Ordering::SeqCst);
        let _ = std::fs::write(&self.file, "");
    }

    pub fn clear(&self) {
        let _ = std::fs::remove_file(&self.file);
        self.flag.store(false, Ordering::SeqCst);
    }

    pub fn is_set(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }
}

/// The linker of a session, which stands in for the system's.
pub fn linker(folder: &Path) -> PathBuf {
    folder.join("tools/bin/cc")
}

/// Gives the user's code, and the compiler, whose macros read it, the environment that the kernel was started with.
pub fn restore_environment(command: &mut Command) {
    for (name, value) in BEFORE.get().into_iter().flatten() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}
