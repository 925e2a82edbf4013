//! Running rustc: to learn what is wrong with a cell and what its types are, and to compile the items of a session.
//!
//! evcxr compiles the statements, through the driver. Both are told what to link by [`Compiler::write_preamble`].

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use serde_json::{Value, json};

use super::items::{ItemCrate, Items, SourceFile, words_in};
use super::toolchain::Interrupted;
use crate::gate;
use crate::installation::{Generics, Installation};
use crate::shared::{Entry, Said, Shared};

/// The file name of what [`Compiler::check`] compiles.
pub const CHECKED: &str = "cell_checked.rs";

/// The folder, in that of the sources, of what is made of items. Code that runs may see what is here, when it may not see
/// the sources.
pub const LIBRARIES: &str = "libraries";

/// How often a running compiler is asked whether it has been interrupted.
const ASK: Duration = Duration::from_millis(20);

/// A crate of items, compiled.
#[derive(Debug, Clone)]
pub struct Library {
    /// What it was made from.
    item_crate: ItemCrate,
    path: PathBuf,
    /// What rustc was told of other crates.
    dependencies: Vec<OsString>,
    /// The libraries that it links to.
    links: Vec<PathBuf>,
    /// See [`Compiler::is_in_a_hurry`].
    in_a_hurry: bool,
}

/// All items of a session, compiled.
#[derive(Debug, Clone, Default)]
pub struct Libraries(Arc<Vec<Library>>);

impl Libraries {
    /// What a piece of code links to: the shared crate, and each crate that has something the code mentions.
    fn of(&self, code: &str) -> impl Iterator<Item = &Library> {
        let words = words_in(code);
        self.0.iter().filter(move |library| {
            let item_crate = &library.item_crate;
            item_crate.is_shared() || item_crate.names.iter().any(|name| words.contains(name.as_str()))
        })
    }

    /// The crates behind [`Self::of`].
    pub fn crates_of(&self, code: &str) -> impl Iterator<Item = &ItemCrate> {
        self.of(code).map(|library| &library.item_crate)
    }
}

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
    /// Whether items are compiled as quickly as can be, because they run once and not for long.
    pub is_in_a_hurry: bool,
    /// Whether the arithmetic of items is checked for overflow, as in a debug build.
    pub overflow_checks: bool,
    /// Work that is shared with other sessions, if it is.
    pub shared: Option<Shared>,
    /// What stands in the next cell that evcxr compiles in the place of [`SECRET`].
    pub secret: Option<String>,
}

/// Stands in code for a word that is put into what was compiled, so that what is compiled can be shared. It is as long.
pub const SECRET: &str = "@the-word-of-this-run-goes-here@";

/// How much of a key is in the name of a library.
const SHARED_SUFFIX: usize = 24;
/// Where the loader finds libraries of items, seen from one of them, and from a cell that evcxr compiled.
const SHARED_PLACES: [&str; 2] = ["$ORIGIN", "$ORIGIN/../../../../items/libraries"];

/// For statements that only call what is compiled: not optimised.
pub const LIGHT_LEVEL: &str = "0";

/// How the statements of a cell are compiled.
#[derive(Debug, Clone, Copy, Default)]
pub struct Effort {
    /// Generic functions are compiled anew, so that they can be put in line.
    pub in_line: bool,
    /// The level of optimisation, where it is another one than that of all cells.
    pub level: Option<&'static str>,
    /// Arithmetic that overflows an integer panics, and `debug_assert!` asserts.
    pub checked: bool,
}

/// Tells rustc where a crate is.
fn extern_crate(name: &str, library: &Path) -> [OsString; 2] {
    let mut named = OsString::from(format!("{name}="));
    named.push(library);
    ["--extern".into(), named]
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
        let libraries = folder.join(LIBRARIES);
        std::fs::create_dir_all(&libraries).map_err(|error| format!("cannot make {}: {error}", libraries.display()))?;
        Ok(Compiler {
            installation: installation.clone(),
            folder,
            gate: installation.gate(),
            interrupted,
            libraries: 0,
            is_in_a_hurry: false,
            dependencies: Vec::new(),
            opt_level: "3".to_owned(),
            overflow_checks: false,
            shared: None,
            secret: None,
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
    pub fn check(&self, source: &str, libraries: &Libraries) -> Result<Vec<Value>, CompileError> {
        let path = self.folder.join(CHECKED);
        self.write(&path, source)?;
        let mut rustc = self.rustc();
        rustc
            .args(["--crate-name", "cell", "--crate-type", "lib", "--emit", "metadata"])
            .arg(&path)
            .args(["-Ztrim-diagnostic-paths=no", "--diagnostic-width=100000", "-W", super::types::LINT])
            .arg("-o")
            .arg(self.folder.join("checked.rmeta"))
            .args(self.link(libraries.of(source)));
        let entry = self.entry(&rustc, [source]);
        // What is made is not needed.
        Ok(self.run(&mut rustc, entry.as_ref(), None)?.0)
    }

    /// Compiles those crates of items that are not among `libraries` yet, as they are now; `files` is told what is compiled.
    ///
    /// # Errors
    /// rustc's messages, among others.
    pub fn compile_items(
        &mut self,
        items: &Items,
        libraries: &mut Libraries,
        mut files: impl FnMut(Vec<SourceFile>),
    ) -> Result<(), CompileError> {
        let crates = items.crates();
        let before = std::mem::take(libraries);
        let mut compiled: Vec<Library> = Vec::new();
        let mut outcome = Ok(());
        for item_crate in &crates {
            let links = || compiled.iter().filter(|library| item_crate.links.contains(&library.item_crate.name));
            let linked: Vec<PathBuf> = links().map(|library| library.path.clone()).collect();
            let same = before.0.iter().find(|library| {
                library.item_crate.name == item_crate.name
                    && library.item_crate.key == item_crate.key
                    && library.links == linked
                    && library.dependencies == self.dependencies
                    && library.in_a_hurry <= self.is_in_a_hurry
            });
            let path = match same {
                Some(library) => Ok(library.path.clone()),
                None => {
                    let (root, sources) = items.source_of(item_crate, &crates, &self.folder);
                    let arguments = self.link(links());
                    let path = self.compile_crate(&item_crate.name, &root, &sources, arguments);
                    files(sources);
                    path
                }
            };
            match path {
                Ok(path) => compiled.push(Library {
                    item_crate: item_crate.clone(),
                    path,
                    dependencies: self.dependencies.clone(),
                    links: linked,
                    in_a_hurry: self.is_in_a_hurry,
                }),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        if outcome.is_err() {
            // Those that were not come to yet may still do.
            let is_compiled =
                |library: &Library| compiled.iter().any(|compiled| compiled.item_crate.name == library.item_crate.name);
            let left: Vec<Library> = before.0.iter().filter(|library| !is_compiled(library)).cloned().collect();
            compiled.extend(left);
        }
        *libraries = Libraries(Arc::new(compiled));
        outcome
    }

    fn compile_crate(
        &mut self,
        name: &str,
        root: &str,
        files: &[SourceFile],
        links: Vec<OsString>,
    ) -> Result<PathBuf, CompileError> {
        for file in files {
            self.write(&self.folder.join(&file.name), &file.edited.text)?;
        }
        let path = self.folder.join(format!("{name}.rs"));
        let generics = self.is_in_a_hurry.then(|| self.generics(Generics::Plain)).flatten();
        let (generics, root) = match generics {
            Some((arguments, declared)) => (arguments.to_vec(), format!("{root}\n{declared}")),
            None => (Vec::new(), root.to_owned()),
        };
        self.write(&path, &root)?;
        self.libraries += 1;
        let mut rustc = self.rustc();
        rustc
            .args(["--crate-name", name, "--crate-type", "dylib", "--emit", "link"])
            .arg(&path)
            .args(["-C", "metadata=session", "-C", "prefer-dynamic", "-C", "lto=off"])
            .args(["-C", &format!("overflow-checks={}", if self.overflow_checks { "yes" } else { "no" })])
            // What a panic says of its place.
            .arg(format!("--remap-path-prefix={}/=", self.folder.display()))
            .arg("--out-dir")
            .arg(self.folder.join(LIBRARIES))
            .args(links)
            .args(generics);
        if self.is_in_a_hurry {
            rustc.args(["-C", &format!("opt-level={LIGHT_LEVEL}"), "-Zshare-generics=yes"]);
        } else {
            // Generic functions are compiled anew here, although the engine has many of them: only so are they put in
            // line, which a loop over numbers needs (a naive matrix product takes 2.7 times as long otherwise).
            rustc.args(["-C", &format!("opt-level={}", self.opt_level), "-Zshare-generics=no"]);
        }
        let texts = files.iter().map(|file| file.edited.text.as_str());
        let mut entry = self.entry(&rustc, texts.chain([root.as_str()]));
        let library = |suffix: &str| {
            let name = format!("{}{name}-{suffix}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
            self.folder.join(LIBRARIES).join(name)
        };
        // What others link to is named by what it is. The same a second time is another library all the same: its statics
        // begin anew.
        let shared = entry.as_ref().map(|entry| entry.key[..SHARED_SUFFIX].to_owned());
        let suffix = shared.filter(|suffix| !library(suffix).exists()).unwrap_or_else(|| {
            entry = None;
            self.libraries.to_string()
        });
        rustc.args(["-C", &format!("extra-filename=-{suffix}")]);
        let path = library(&suffix);
        let (messages, success) = self.run(&mut rustc, entry.as_ref(), Some(&path))?;
        if !success {
            return Err(CompileError::Rejected(messages));
        }
        Ok(path)
    }

    /// Tells the driver what the next cell of evcxr's, `code`, is compiled with, and how.
    ///
    /// # Errors
    /// A sentence, when the file cannot be written.
    pub fn write_preamble(
        &self,
        items: &Items,
        libraries: &Libraries,
        code: &str,
        effort: Effort,
    ) -> Result<(), String> {
        let path = super::toolchain::preamble_file(self.folder.parent().unwrap_or(&self.folder));
        let mut arguments: Vec<OsString> = self.link(libraries.of(code));
        arguments.extend(self.dependencies.iter().cloned());
        // As for items; other cells are compiled sooner with the engine's own.
        arguments.extend(effort.in_line.then(|| "-Zshare-generics=no".into()));
        arguments.extend(effort.level.map(|level| format!("-Copt-level={level}").into()));
        let checked = if effort.checked { "yes" } else { "no" };
        arguments
            .extend([format!("-Coverflow-checks={checked}").into(), format!("-Cdebug-assertions={checked}").into()]);
        let mut source = items.preamble(&[], libraries.crates_of(code));
        // What is to be put in line is compiled with the cell.
        let generics = match effort {
            Effort { in_line: true, .. } => None,
            Effort { level: Some(LIGHT_LEVEL), .. } => Some(Generics::Plain),
            _ => Some(Generics::Optimised),
        };
        if let Some((named, declared)) = generics.and_then(|generics| self.generics(generics)) {
            arguments.extend(named);
            source.push_str(&declared);
        }
        let preamble = json!({
            "source": source,
            "attributes": items.attributes(),
            "arguments": arguments,
            "shared": self.shared,
            "secret": self.secret,
        });
        std::fs::write(&path, preamble.to_string()).map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    /// What makes rustc take generic code from a library: arguments, and a line of source.
    fn generics(&self, generics: Generics) -> Option<([OsString; 2], String)> {
        let library = self.installation.generics(generics)?;
        let name = generics.crate_name();
        Some((extern_crate(name, &library), format!("extern crate {name} as _;")))
    }

    /// Empties the file that [`Self::check`] compiles, in which code may be that later code must not read.
    pub fn forget_checked(&self) {
        let _ = std::fs::write(self.folder.join(CHECKED), "");
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
        let mut dependencies = OsString::from("dependency=");
        dependencies.push(&self.installation.dependencies);
        rustc
            .args(["--edition", "2024", "-C", "debuginfo=0", "-Zallow-features="])
            .args(["--error-format=json", "--json=diagnostic-rendered-ansi"])
            .arg("--sysroot")
            .arg(&self.installation.sysroot)
            .args(extern_crate("taskloom", &self.installation.engine))
            .arg("-L")
            .arg(dependencies)
            .args(&self.dependencies)
            .arg("-C")
            .arg(format!(
                "linker={}",
                super::toolchain::linker(self.folder.parent().unwrap_or(&self.folder)).display()
            ));
        super::toolchain::restore_environment(&mut rustc);
        rustc.env("RUSTC_BOOTSTRAP", "1");
        rustc
    }

    /// The piece of shared work that this command makes of these texts, where work is shared.
    fn entry<'a>(&self, rustc: &Command, texts: impl IntoIterator<Item = &'a str>) -> Option<Entry> {
        self.shared.as_ref()?.entry(self.folder.parent()?, rustc, texts)
    }

    /// Runs rustc, unless and until the user interrupts, or takes what it made before. Gives its messages, and whether it
    /// was content.
    fn run(
        &self,
        rustc: &mut Command,
        entry: Option<&Entry>,
        output: Option<&Path>,
    ) -> Result<(Vec<Value>, bool), CompileError> {
        if let Some(Said { text, success }) = entry.and_then(|entry| entry.find(output)) {
            return Ok((messages_in(&text).0, success));
        }
        let failed = |error: std::io::Error| CompileError::Failed(format!("cannot run the compiler: {error}"));
        let Some(_place) = gate::enter(&self.gate, || self.interrupted.is_set()) else {
            return Err(CompileError::Interrupted);
        };
        let mut child =
            rustc.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(failed)?;
        let Some(mut stderr) = child.stderr.take() else { return Err(CompileError::Interrupted) };
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            let _ = tell.send(text);
        });
        // Reading ends with the process.
        let text = loop {
            match told.recv_timeout(ASK) {
                Err(RecvTimeoutError::Timeout) if !self.interrupted.is_set() => {}
                Ok(text) => break text,
                Err(_) => {
                    let _ = child.kill();
                    break Vec::new();
                }
            }
        };
        let status = child.wait().map_err(failed)?;
        if self.interrupted.is_set() {
            return Err(CompileError::Interrupted);
        }
        let text = String::from_utf8_lossy(&text);
        let (messages, rest) = messages_in(&text);
        if !status.success() && !messages.iter().any(|message| message["level"] == "error") {
            return Err(CompileError::Failed(format!("rustc failed ({status}) and said only:\n{}", rest.join("\n"))));
        }
        if let Some(entry) = entry {
            entry.learn(&Said { text: text.into_owned(), success: status.success() }, output);
        }
        Ok((messages, status.success()))
    }

    /// What links a crate to crates of items.
    fn link<'a>(&self, libraries: impl Iterator<Item = &'a Library>) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        for Library { item_crate, path, .. } in libraries {
            arguments.extend(extern_crate(&item_crate.name, path));
        }
        if !arguments.is_empty() {
            // Where rustc finds what they link to themselves, and where the loader finds them all.
            let folder = self.folder.join(LIBRARIES);
            arguments.extend(["-L".into(), format!("dependency={}", folder.display()).into()]);
            let places = match self.shared {
                // What is shared is loaded in another folder than it was made in.
                Some(_) => SHARED_PLACES.map(str::to_owned).to_vec(),
                None => vec![folder.display().to_string()],
            };
            for place in places {
                arguments.extend(["-C".into(), format!("link-arg=-Wl,-rpath,{place}").into()]);
            }
        }
        arguments
    }
}

/// The messages that count, and the lines that are none.
fn messages_in(text: &str) -> (Vec<Value>, Vec<&str>) {
    let (messages, rest): (Vec<_>, Vec<_>) =
        text.lines().map(|line| serde_json::from_str::<Value>(line).map_err(|_| line)).partition(Result::is_ok);
    let mut messages: Vec<Value> = messages.into_iter().flatten().collect();
    // The last one only counts the others.
    let counts = |message: &Value| message["spans"].as_array().is_some_and(Vec::is_empty) && message["code"].is_null();
    messages.retain(|message| {
        (message["level"] == "error" && !counts(message)) || message["code"]["code"] == super::types::LINT
    });
    (messages, rest.into_iter().filter_map(Result::err).filter(|line| !line.trim().is_empty()).collect())
}
