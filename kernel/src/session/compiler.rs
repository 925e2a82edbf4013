//! Running rustc: to learn what is wrong with a cell and what its types are, and to compile the items of a session.
//!
//! evcxr compiles the statements, through the driver. Both are told what to link by [`Compiler::write_preamble`].

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::items::{CRATE, Items, SourceFile};
use super::toolchain::Interrupted;
use crate::gate;
use crate::installation::Installation;

/// The file name of what [`Compiler::check`] compiles.
pub const CHECKED: &str = "cell_checked.rs";

/// Compiles for one session.
pub struct Compiler {
    installation: Installation,
    folder: PathBuf,
    /// See [`gate`].
    gate: PathBuf,
    interrupted: Interrupted,
    /// Counts the libraries of items: a loaded one is never overwritten.
    libraries: u32,
    /// What rustc is told beside the engine: the crates that `:dep` has added.
    pub dependencies: Vec<OsString>,
    /// For items: `0` to `3`.
    pub opt_level: String,
    /// Whether the arithmetic of items is checked for overflow, as in a debug build.
    pub overflow_checks: bool,
}

/// Why there is no result.
pub enum CompileError {
    /// rustc's messages.
    Rejected(Vec<Value>),
    /// The user does not want it any more.
    Interrupted,
    /// rustc could not be run, or fell over.
    Failed(String),
}

impl Compiler {
    pub fn new(installation: &Installation, folder: &Path, interrupted: Interrupted) -> Result<Self, String> {
        let folder = folder.join("items");
        std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        Ok(Compiler {
            installation: installation.clone(),
            folder,
            gate: installation.gate(),
            interrupted,
            libraries: 0,
            dependencies: Vec::new(),
            opt_level: "3".to_owned(),
            overflow_checks: false,
        })
    }

    /// What there is to compile with.
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// The folder of all that is written here.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Compiles to metadata only. Gives the messages: errors, and the lint by which types are learnt.
    ///
    /// # Errors
    /// When rustc could not be run, or the user interrupted it. Errors in the source are messages, not errors.
    pub fn check(&self, source: &str, library: Option<&Path>) -> Result<Vec<Value>, CompileError> {
        let path = self.folder.join(CHECKED);
        self.write(&path, source)?;
        let mut rustc = self.rustc();
        rustc
            .args(["--crate-name", "cell", "--crate-type", "lib", "--emit", "metadata"])
            .arg(&path)
            .args(["-Ztrim-diagnostic-paths=no", "--diagnostic-width=100000", "-W", super::types::LINT])
            .arg("-o")
            .arg(self.folder.join("checked.rmeta"))
            .args(link(library));
        Ok(self.run(&mut rustc)?.0)
    }

    /// Compiles the items (see [`Items::sources`]) to a new library, without telling anybody of it.
    ///
    /// # Errors
    /// rustc's messages, among others.
    pub fn compile_items(&mut self, root: &str, files: &[SourceFile]) -> Result<PathBuf, CompileError> {
        for file in files {
            self.write(&self.folder.join(&file.name), &file.edited.text)?;
        }
        let path = self.folder.join(format!("{CRATE}.rs"));
        self.write(&path, root)?;
        self.libraries += 1;
        let suffix = format!("-{}", self.libraries);
        let mut rustc = self.rustc();
        rustc
            .args(["--crate-name", CRATE, "--crate-type", "dylib", "--emit", "link"])
            .arg(&path)
            // Generic functions are compiled anew here, although the engine has many of them: only so are they put in
            // line, which a loop over numbers needs (a naive matrix product takes 2.7 times as long otherwise).
            .args(["-C", "metadata=session", "-C", "prefer-dynamic", "-C", "lto=off", "-Zshare-generics=no"])
            .args(["-C", &format!("opt-level={}", self.opt_level), "-C", &format!("extra-filename={suffix}")])
            .args(["-C", &format!("overflow-checks={}", if self.overflow_checks { "yes" } else { "no" })])
            // What a panic says of its place.
            .arg(format!("--remap-path-prefix={}/=", self.folder.display()))
            .arg("--out-dir")
            .arg(&self.folder);
        let (messages, success) = self.run(&mut rustc)?;
        if !success {
            return Err(CompileError::Rejected(messages));
        }
        let name = format!("{}{CRATE}{suffix}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        Ok(self.folder.join(name))
    }

    /// Tells the driver what the next cell of evcxr's is compiled with. One that `has_loops` is compiled to run fast, any
    /// other to be compiled fast.
    ///
    /// # Errors
    /// A sentence, when the file cannot be written.
    pub fn write_preamble(&self, items: &Items, library: Option<&Path>, has_loops: bool) -> Result<(), String> {
        let path = super::toolchain::preamble_file(self.folder.parent().unwrap_or(&self.folder));
        let mut arguments: Vec<OsString> = link(library);
        arguments.extend(self.dependencies.iter().cloned());
        // As for items; other cells are compiled sooner with the engine's own.
        arguments.extend(has_loops.then(|| "-Zshare-generics=no".into()));
        if library.is_some() {
            arguments.push("-C".into());
            arguments.push(format!("link-arg=-Wl,-rpath,{}", self.folder.display()).into());
        }
        let preamble = json!({"source": items.preamble(&[]), "attributes": items.attributes(), "arguments": arguments});
        std::fs::write(&path, preamble.to_string()).map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), CompileError> {
        // What is there already need not be written again: there can be many cells.
        if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        std::fs::write(path, text)
            .map_err(|error| CompileError::Failed(format!("cannot write {}: {error}", path.display())))
    }

    /// rustc with what all of a session is compiled with.
    fn rustc(&self) -> Command {
        let mut rustc = Command::new(&self.installation.rustc);
        let mut engine = OsString::from("taskloom=");
        engine.push(&self.installation.engine);
        let mut dependencies = OsString::from("dependency=");
        dependencies.push(&self.installation.dependencies);
        rustc
            .args(["--edition", "2024", "-C", "debuginfo=0", "-Zallow-features="])
            .args(["--error-format=json", "--json=diagnostic-rendered-ansi"])
            .arg("--sysroot")
            .arg(&self.installation.sysroot)
            .arg("--extern")
            .arg(engine)
            .arg("-L")
            .arg(dependencies)
            .args(&self.dependencies)
            .env("RUSTC_BOOTSTRAP", "1");
        rustc
    }

    /// Runs rustc, unless and until the user interrupts. Gives its messages, and whether it was content.
    fn run(&self, rustc: &mut Command) -> Result<(Vec<Value>, bool), CompileError> {
        let failed = |error: std::io::Error| CompileError::Failed(format!("cannot run the compiler: {error}"));
        let Some(_place) = gate::enter(&self.gate, || self.interrupted.is_set()) else {
            return Err(CompileError::Interrupted);
        };
        let mut child =
            rustc.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(failed)?;
        let Some(mut stderr) = child.stderr.take() else { return Err(CompileError::Interrupted) };
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            text
        });
        // Nearly always it is a matter of a tenth of a second, and reading ends with the process.
        while !reader.is_finished() {
            if self.interrupted.is_set() {
                let _ = child.kill();
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let status = child.wait().map_err(failed)?;
        let text = reader.join().unwrap_or_default();
        if self.interrupted.is_set() {
            return Err(CompileError::Interrupted);
        }
        let text = String::from_utf8_lossy(&text);
        let (messages, rest): (Vec<_>, Vec<_>) =
            text.lines().map(|line| serde_json::from_str::<Value>(line).map_err(|_| line)).partition(Result::is_ok);
        let mut messages: Vec<Value> = messages.into_iter().flatten().collect();
        // The last one only counts the others.
        let counts =
            |message: &Value| message["spans"].as_array().is_some_and(Vec::is_empty) && message["code"].is_null();
        messages.retain(|message| {
            (message["level"] == "error" && !counts(message)) || message["code"]["code"] == super::types::LINT
        });
        if !status.success() && !messages.iter().any(|message| message["level"] == "error") {
            let said: Vec<&str> =
                rest.into_iter().filter_map(Result::err).filter(|line| !line.trim().is_empty()).collect();
            return Err(CompileError::Failed(format!("rustc failed ({status}) and said only:\n{}", said.join("\n"))));
        }
        Ok((messages, status.success()))
    }
}

/// What links a crate to the items of a session.
fn link(library: Option<&Path>) -> Vec<OsString> {
    let Some(library) = library else { return Vec::new() };
    let mut named = OsString::from(format!("{CRATE}="));
    named.push(library);
    vec!["--extern".into(), named]
}
