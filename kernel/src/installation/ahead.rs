//! What is compiled once at set-up, so that no cell has to: generic code, and stand-ins for large libraries.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The generic code that cells use most, as a crate: see the file.
const GENERICS: &str = include_str!("generics.rs");
/// The folder of the stand-ins for the linker.
pub const STUBS: &str = "link";

/// A library of generic code, for the cells that are compiled as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generics {
    /// rustc gives all away that is generic or to be put in line.
    Plain,
    /// rustc keeps back what is to be put in line.
    Optimised,
}

impl Generics {
    const ALL: [Generics; 2] = [Generics::Plain, Generics::Optimised];

    /// What the crate is called.
    pub fn crate_name(self) -> &'static str {
        match self {
            Generics::Plain => "taskloom_generics",
            Generics::Optimised => "taskloom_generics_optimised",
        }
    }

    /// Where the library is in the folder of an installation.
    pub fn library(self, folder: &Path) -> PathBuf {
        folder.join(library_file(self.crate_name()))
    }

    fn level(self) -> &'static str {
        match self {
            Generics::Plain => "0",
            Generics::Optimised => "2",
        }
    }
}

fn library_file(crate_name: &str) -> String {
    format!("{}{crate_name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

/// Fills the folder of an installation that has the engine, its dependencies and the sysroot already.
///
/// # Errors
/// A sentence that says what could not be made.
pub fn prepare(rustc: &Path, folder: &Path) -> Result<(), String> {
    let source = folder.join("generics.rs");
    std::fs::write(&source, GENERICS).map_err(|error| format!("cannot write {}: {error}", source.display()))?;
    for generics in Generics::ALL {
        compile(generics, &source, rustc, folder)?;
    }
    if cfg!(target_os = "linux") {
        make_stubs(folder).map_err(|error| format!("the stand-ins for the linker could not be made: {error}"))?;
    }
    Ok(())
}

/// Compiles [`GENERICS`] against the engine.
fn compile(generics: Generics, source: &Path, rustc: &Path, folder: &Path) -> Result<(), String> {
    let name = generics.crate_name();
    let output = Command::new(rustc)
        .args(["--crate-name", name, "--crate-type", "dylib", "--edition", "2024", "--cap-lints", "allow"])
        .arg(source)
        .args(["-C", &format!("opt-level={}", generics.level())])
        .args(["-C", "debuginfo=0", "-C", "prefer-dynamic", "-C", "strip=symbols"])
        // As in the cells that use it.
        .args(["-C", if generics == Generics::Plain { "overflow-checks=yes" } else { "overflow-checks=no" }])
        .args(["-Zshare-generics=yes", "-Zallow-features="])
        .env("RUSTC_BOOTSTRAP", "1")
        .arg("--sysroot")
        .arg(folder.join("sysroot"))
        .arg("--extern")
        .arg(format!("taskloom={}", folder.join(library_file("taskloom")).display()))
        .arg("-L")
        .arg(format!("dependency={}", folder.join("deps").display()))
        .arg("--out-dir")
        .arg(folder)
        .output()
        .map_err(|error| format!("the library of generic code could not be compiled: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("the library of generic code could not be compiled; rustc says\n{}", said.trim()));
    }
    Ok(())
}

/// Makes a library without contents for each that cells link to.
///
/// All that a linker has to note in a cell is the name of the library that will be there when the cell is loaded. Given the
/// engine itself, it reads its seventy thousand symbols first, which takes it longer than all the rest.
fn make_stubs(folder: &Path) -> io::Result<()> {
    let stubs = folder.join(STUBS);
    std::fs::create_dir_all(&stubs)?;
    for entry in std::fs::read_dir(folder)? {
        let name = PathBuf::from(entry?.file_name());
        if name.extension().is_none_or(|ending| ending != "so") {
            continue;
        }
        let soname = format!("-Wl,-soname,{}", name.display());
        let output = Command::new("cc")
            .args(["-shared", "-nostdlib", &soname, "-x", "c", "/dev/null", "-o"])
            .arg(stubs.join(&name))
            .output()?;
        if !output.status.success() {
            std::fs::remove_dir_all(&stubs)?;
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
    }
    Ok(())
}
