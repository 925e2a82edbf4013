//! What set-up left for kernels to use: the compiled engine, and which tools compiled it.
//!
//! `taskloom install` copies (by hard links where it can) the engine's shared library and the metadata of its
//! dependencies out of cargo's target folder, so that building the project again does not pull them from under a
//! kernel that is running.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

mod ahead;

pub use ahead::Generics;

/// Where the engine is and what may compile against it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Installation {
    /// The engine's shared library.
    pub engine: PathBuf,
    /// The folder with the metadata of the crates it was compiled from.
    pub dependencies: PathBuf,
    /// The standard library as cells have to see it, see [`make_sysroot`].
    pub sysroot: PathBuf,
    /// What the linker is given in place of the libraries that cells link to, see [`ahead`]; `None` where it needs them.
    pub stubs: Option<PathBuf>,
    /// Programs of this project: the runner, the driver and the analyser.
    pub programs: PathBuf,
    /// The compiler that compiled the engine. Only the same one can compile cells.
    pub rustc: PathBuf,
    /// Its cargo, for `:dep`.
    pub cargo: PathBuf,
    /// What `rustc --version` said then.
    pub version: String,
    /// The folder of the course: `notebooks`, `exercises`, `solutions`.
    pub course: Option<PathBuf>,
}

/// The programs of this project that kernels run.
const PROGRAMS: [&str; 4] = ["taskloom", "taskloom-runner", "taskloom-driver", "taskloom-analyzer"];
/// What a folder is called that is not whole yet.
const PARTIAL: &str = "partial-";
/// The file that describes the installation, in the folder it was made in.
const MANIFEST: &str = "engine.json";

impl Installation {
    /// Reads the installation of a home folder.
    ///
    /// # Errors
    /// A sentence that says what is missing and which command makes it.
    pub fn load(home: &Path) -> Result<Self, String> {
        let path = home.join("engine").join(MANIFEST);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            format!("no engine is installed ({}: {error}); `cargo lab` in the checkout installs it", path.display())
        })?;
        let installation: Self = serde_json::from_str(&text)
            .map_err(|error| format!("{} is damaged ({error}); `taskloom install` writes it anew", path.display()))?;
        let version = rustc_version(&installation.rustc)?;
        if version != installation.version {
            return Err(format!(
                "the engine was compiled by {}, but the compiler is now {version}; run `cargo lab` again to compile it anew",
                installation.version
            ));
        }
        Ok(installation)
    }

    /// The home folder that it is in.
    pub fn home(&self) -> PathBuf {
        // home/engine/<stamp>/<the engine's library>
        self.engine.ancestors().nth(3).map_or_else(std::env::temp_dir, Path::to_path_buf)
    }

    /// The shared library with what cells would otherwise compile each, see [`ahead`], if it could be made.
    pub fn generics(&self, generics: Generics) -> Option<PathBuf> {
        Some(generics.library(self.engine.parent()?)).filter(|library| library.exists())
    }

    /// The folder of the places for compilers, see [`crate::gate`].
    pub fn gate(&self) -> PathBuf {
        self.home().join("compilers")
    }

    /// Installs what cargo left in `target` (the folder with the programs) into a home folder.
    ///
    /// # Errors
    /// A sentence that says which file could not be read or written.
    pub fn create(home: &Path, target: &Path, course: Option<PathBuf>) -> Result<Self, String> {
        let built = target.join("deps").join(format!(
            "{}taskloom{}",
            std::env::consts::DLL_PREFIX,
            std::env::consts::DLL_SUFFIX
        ));
        let stamp = stamp(target, &built)?;
        let (rustc, cargo) = (real_tool("rustc")?, real_tool("cargo")?);
        let version = rustc_version(&rustc)?;
        let folder = home.join("engine").join(stamp);
        let dependencies = folder.join("deps");
        let engine = folder.join(built.file_name().unwrap_or_default());
        let programs = folder.join("bin");
        let sysroot = folder.join("sysroot");
        let stubs = folder.join(ahead::STUBS);
        let failed = |path: &Path, error: io::Error| format!("cannot write {}: {error}", path.display());
        if !engine.exists() {
            // Made under another name, so that an interrupted copy is never taken for a whole one.
            let partial = home.join("engine").join(format!("{PARTIAL}{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&partial);
            let fill = || -> io::Result<()> {
                std::fs::create_dir_all(partial.join("deps"))?;
                for entry in std::fs::read_dir(target.join("deps"))? {
                    let entry = entry?;
                    let path = entry.path();
                    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
                    let is_engine = entry.file_name() == built.file_name().unwrap_or_default();
                    if matches!(ending, "rmeta" | "so" | "dylib") && !is_engine {
                        link(&path, &partial.join("deps").join(entry.file_name()))?;
                    }
                }
                link(&built, &partial.join(built.file_name().unwrap_or_default()))?;
                make_sysroot(&rustc, &partial.join("sysroot"))?;
                std::fs::create_dir_all(partial.join("bin"))?;
                for program in PROGRAMS {
                    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
                    link(&target.join(&name), &partial.join("bin").join(&name))?;
                }
                // Cells compile without it, only slower.
                if let Err(reason) = ahead::prepare(&rustc, &partial) {
                    eprintln!("note: cells will take longer than they need to: {reason}");
                }
                std::fs::rename(&partial, &folder)
            };
            if let Err(error) = fill() {
                let _ = std::fs::remove_dir_all(&partial);
                return Err(failed(&folder, error));
            }
        }
        let stubs = stubs.exists().then_some(stubs);
        let installation =
            Installation { engine, dependencies, sysroot, stubs, programs, rustc, cargo, version, course };
        let manifest = home.join("engine").join(MANIFEST);
        let text = serde_json::to_string_pretty(&installation).map_err(|error| error.to_string())?;
        write_whole(&manifest, text.as_bytes()).map_err(|error| failed(&manifest, error))?;
        remove_older(&home.join("engine"), &folder);
        Ok(installation)
    }
}

/// What the installation is called: another name whenever anything in it has been compiled anew, so that a running
/// kernel keeps what it was started with.
fn stamp(target: &Path, engine: &Path) -> Result<String, String> {
    let mut newest = std::time::Duration::ZERO;
    let programs = PROGRAMS.iter().map(|name| target.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)));
    for path in programs.chain([engine.to_path_buf()]) {
        let compiled = std::fs::metadata(&path)
            .and_then(|metadata| metadata.modified())
            .map_err(|error| format!("{} has not been compiled ({error}); `cargo build` does it", path.display()))?;
        newest = newest.max(compiled.duration_since(std::time::UNIX_EPOCH).unwrap_or_default());
    }
    Ok(format!("{:x}", newest.as_nanos()))
}

/// A sysroot without the standard library's shared object.
///
/// The engine's shared library has the standard library inside. A cell that links it must take it from there; rustc
/// would otherwise choose the shared object that comes with it, and refuse to have the library twice.
fn make_sysroot(rustc: &Path, to: &Path) -> io::Result<()> {
    let output = Command::new(rustc).args(["--print", "target-libdir"]).output()?;
    let libraries = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let sysroot = Command::new(rustc).args(["--print", "sysroot"]).output()?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot.stdout).trim());
    let inside = libraries.strip_prefix(&sysroot).map_err(io::Error::other)?;
    std::fs::create_dir_all(to.join(inside))?;
    for entry in std::fs::read_dir(&libraries)? {
        let entry = entry?;
        let path = entry.path();
        if matches!(path.extension().and_then(|ending| ending.to_str()), Some("rlib" | "rmeta" | "o" | "a")) {
            std::os::unix::fs::symlink(&path, to.join(inside).join(entry.file_name()))?;
        }
    }
    // The linker that comes with Rust, where one does.
    if let (Some(programs), Some(target)) = (libraries.parent().map(|target| target.join("bin")), inside.parent())
        && programs.is_dir()
    {
        std::os::unix::fs::symlink(programs, to.join(target).join("bin"))?;
    }
    Ok(())
}

/// Hard-links, or copies where the two are on different file systems.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::hard_link(from, to).or_else(|_| std::fs::copy(from, to).map(|_| ()))
}

/// Writes a file so that it is there whole or not at all.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut file, bytes)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Keeps the newest and the one before it, which a kernel may still use.
fn remove_older(engines: &Path, newest: &Path) {
    let Ok(entries) = std::fs::read_dir(engines) else { return };
    let mut folders: Vec<(std::time::SystemTime, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir() && entry.path() != newest)
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with(PARTIAL))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    folders.sort();
    folders.pop();
    for (_, folder) in folders {
        let _ = std::fs::remove_dir_all(folder);
    }
}

fn rustc_version(rustc: &Path) -> Result<String, String> {
    let output = Command::new(rustc)
        .arg("--version")
        .output()
        .map_err(|error| format!("cannot run {}: {error}; is Rust still installed?", rustc.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The tool itself, rather than rustup's stand-in for it, which takes its time on every call.
fn real_tool(name: &str) -> Result<PathBuf, String> {
    if let Ok(output) = Command::new("rustup").args(["which", name]).output()
        && output.status.success()
    {
        let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        if path.exists() {
            return Ok(path);
        }
    }
    find_program(name).ok_or_else(|| format!("`{name}` is not on the PATH; install Rust from https://rustup.rs"))
}

/// Looks a program up on the PATH.
pub fn find_program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}
