//! Answers in cargo's place, so that compiling a cell is one run of rustc.
//!
//! evcxr compiles cells by running `cargo`, found through `rustup`. The kernel puts links named `cargo`, `rustup` and
//! `rustc` to this program in front of evcxr's `PATH`. It runs rustc directly, linking the engine that was compiled at
//! set-up, the session's items and the crates that were added to the session, and prints the messages that cargo would
//! have printed. All else goes to the real tools.

#[path = "../../gate.rs"]
mod gate;
#[path = "../../shared.rs"]
mod shared;
mod variables;

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde::Deserialize;
use serde_json::{Value, json};
use shared::{Said, Shared};

/// What the kernel tells this program, as JSON in `TASKLOOM_DRIVER`.
#[derive(Deserialize)]
struct Config {
    /// The folder with the links to this program.
    shims: PathBuf,
    /// The real tools.
    cargo: PathBuf,
    rustc: PathBuf,
    rustup: Option<PathBuf>,
    /// The engine's shared library, and the folder with the metadata of what it was compiled from.
    engine: PathBuf,
    dependencies: PathBuf,
    /// A folder of libraries without contents, named as those beside the engine, if there is one.
    stubs: Option<PathBuf>,
    /// The sysroot that cells are compiled with.
    sysroot: PathBuf,
    /// A folder that looks like a sysroot without sources, for rust-analyzer.
    no_sources: PathBuf,
    /// A file that is there once the user has interrupted the cell.
    interrupted: PathBuf,
    /// A file with what surrounds a cell: a [`Preamble`].
    preamble: PathBuf,
    /// The folder of the places for compilers.
    gate: PathBuf,
    /// The user's own PATH and CARGO_HOME.
    path: OsString,
    cargo_home: Option<OsString>,
}

/// What the session adds to a cell: its imports, its items, its crates.
#[derive(Deserialize)]
struct Preamble {
    /// Source, on one line.
    source: String,
    /// Attributes for the whole crate.
    attributes: String,
    /// For rustc.
    arguments: Vec<OsString>,
    /// Work that is shared with other sessions, if it is.
    #[serde(default)]
    shared: Option<Shared>,
    /// What stands in the object in the place of [`SECRET`].
    #[serde(default)]
    secret: Option<String>,
}

/// The kernel's `session::compiler::SECRET`.
const SECRET: &str = "@the-word-of-this-run-goes-here@";

/// The crate that evcxr makes of a cell.
const CELL: &str = "ctx";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(101)
        }
    }
}

fn run() -> Result<ExitCode, String> {
    let config: Config =
        serde_json::from_str(&config()?).map_err(|error| format!("TASKLOOM_DRIVER is damaged: {error}"))?;
    let mut arguments = std::env::args_os();
    let name = arguments.next().map(PathBuf::from).unwrap_or_default();
    let arguments: Vec<OsString> = arguments.collect();
    match name.file_name().and_then(|name| name.to_str()).unwrap_or_default() {
        "rustup" => rustup(&config, &arguments),
        "rustc" => rustc(&config, &arguments),
        "cargo" => cargo(&config, &arguments),
        "cc" => become_tool(real_tool(&config, Path::new("cc"), &with_stubs(&config, arguments))),
        other => Err(format!("`{other}` is not a tool that this program stands in for")),
    }
}

/// What the kernel tells; as linker of a compiler that does not have it in its environment, from the folder above the links
/// to this program.
fn config() -> Result<String, String> {
    if let Ok(config) = std::env::var("TASKLOOM_DRIVER") {
        return Ok(config);
    }
    let program = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let path = program.ancestors().nth(2).unwrap_or(Path::new("")).join("driver.json");
    std::fs::read_to_string(path)
        .map_err(|_| "TASKLOOM_DRIVER is not set; this program is started by the kernel, not by hand".to_owned())
}

/// Variables of evcxr's and this program's.
const OWN_VARIABLES: [&str; 6] =
    ["TASKLOOM_DRIVER", "EVCXR_TMPDIR", "EVCXR_EXECUTION_SO_PATH", "RUSTC", "CARGO", "RUSTC_WRAPPER"];

/// A real tool in the user's own environment.
fn real_tool(config: &Config, tool: &Path, arguments: &[OsString]) -> Command {
    let mut command = Command::new(tool);
    command.args(arguments).env("PATH", &config.path).env_remove("CARGO");
    match &config.cargo_home {
        Some(home) => command.env("CARGO_HOME", home),
        None => command.env_remove("CARGO_HOME"),
    };
    command
}

/// Becomes another program.
fn become_tool(mut command: Command) -> Result<ExitCode, String> {
    let error = command.exec();
    Err(format!("cannot run {}: {error}", command.get_program().to_string_lossy()))
}

fn rustup(config: &Config, arguments: &[OsString]) -> Result<ExitCode, String> {
    let tool = match arguments {
        [which, tool] if which == "which" && tool == "cargo" => config.shims.join("cargo"),
        [which, tool] if which == "which" && tool == "rustc" => config.rustc.clone(),
        // rust-analyzer would have the standard library's sources downloaded.
        [component, ..] if component == "component" => return Ok(ExitCode::SUCCESS),
        _ => {
            let rustup = config.rustup.as_ref().ok_or("rustup is not installed")?;
            return become_tool(real_tool(config, rustup, arguments));
        }
    };
    println!("{}", tool.display());
    Ok(ExitCode::SUCCESS)
}

/// rust-analyzer asks for the sysroot to load the standard library's sources, half a gigabyte of it. It finds none.
fn rustc(config: &Config, arguments: &[OsString]) -> Result<ExitCode, String> {
    if matches!(arguments, [print, sysroot] if print == "--print" && sysroot == "sysroot") {
        println!("{}", config.no_sources.display());
        return Ok(ExitCode::SUCCESS);
    }
    become_tool(real_tool(config, &config.rustc, arguments))
}

/// The linker's arguments, without the libraries that it need not read.
fn with_stubs(config: &Config, arguments: Vec<OsString>) -> Vec<OsString> {
    let (Some(stubs), Some(folder)) = (&config.stubs, config.engine.parent()) else { return arguments };
    let stub_of = |argument: &OsString| {
        let name = Path::new(argument).strip_prefix(folder).ok()?;
        Some(stubs.join(name)).filter(|stub| stub.is_file())
    };
    let replaced = arguments.into_iter().flat_map(|argument| match stub_of(&argument) {
        // A library that gives nothing is noted as needed all the same.
        Some(stub) => vec!["-Wl,--no-as-needed".into(), stub.into(), "-Wl,--as-needed".into()],
        None => vec![argument],
    });
    replaced.collect()
}

/// What evcxr calls the project by which it finds out whether a crate exists.
const VALIDATION: &str = "evcxr_dummy_validate_dep";

/// The cell's crate as evcxr wrote it. What it may depend on is not evcxr's business here: see [`Preamble`].
struct CellCrate {
    opt_level: String,
}

fn cell_crate(folder: &Path) -> Option<CellCrate> {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    if !manifest.contains(&format!("name = \"{CELL}\"")) {
        return None;
    }
    let opt_level = manifest.lines().find_map(|line| line.strip_prefix("opt-level = "))?.trim_matches('"').to_owned();
    Some(CellCrate { opt_level })
}

/// Whether evcxr only asks if a crate exists. The session has compiled it already.
fn is_validation(folder: &Path) -> bool {
    std::fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|manifest| manifest.contains(VALIDATION))
}

/// The folder that a cargo command is about.
fn crate_folder(arguments: &[OsString]) -> PathBuf {
    let named = arguments.iter().position(|argument| argument == "--manifest-path");
    let manifest = named.and_then(|at| arguments.get(at + 1)).map(PathBuf::from);
    match manifest.as_deref().and_then(Path::parent) {
        Some(folder) => folder.to_path_buf(),
        None => std::env::current_dir().unwrap_or_default(),
    }
}

fn cargo(config: &Config, arguments: &[OsString]) -> Result<ExitCode, String> {
    let command = arguments.iter().find(|argument| !argument.to_string_lossy().starts_with('-'));
    let command = command.map(|command| command.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = crate_folder(arguments);
    match (command.as_str(), cell_crate(&folder)) {
        ("build", Some(cell)) => build(config, &cell, arguments),
        ("metadata", cell) if cell.is_some() || is_validation(&folder) => metadata(&folder),
        ("locate-project", Some(_)) => {
            println!("{}", json!({"root": folder.join("Cargo.toml")}));
            Ok(ExitCode::SUCCESS)
        }
        // `cargo rustc -Z unstable-options --print cfg -- -O`, which cargo passes on after some thought.
        ("rustc", Some(_)) => {
            let after: Vec<OsString> =
                arguments.iter().skip_while(|argument| *argument != "rustc").skip(1).cloned().collect();
            let after: Vec<OsString> = after.into_iter().filter(|argument| argument != "--").collect();
            let mut rustc = real_tool(config, &config.rustc, &after);
            rustc.env("RUSTC_BOOTSTRAP", "1");
            become_tool(rustc)
        }
        _ => {
            let mut cargo = real_tool(config, &config.cargo, arguments);
            cargo.env("RUSTC", &config.rustc);
            become_tool(cargo)
        }
    }
}

/// The compiler's own unstable flags are used, but cells shall not depend on unstable features of the language.
const UNSTABLE: [&str; 1] = ["-Zallow-features="];

/// What makes rustc link the engine into a cell that does not mention it.
const LINK_ENGINE: &str = "extern crate taskloom as _;";

/// A cell that were not linked to the engine would bring a standard library of its own: a standard output with its own
/// buffer, and a panic hook that knows nothing of notebooks. What is added goes to the end, so that lines keep their
/// numbers.
fn surround(folder: &Path, preamble: &Preamble) -> Result<String, String> {
    edit_cell(folder, |source| match source.contains(LINK_ENGINE) {
        true => source,
        false => {
            let source = variables::without_unused(&with_engine_errors(with_engine_store(source)));
            let source = if preamble.shared.is_some() { without_number(source) } else { source };
            format!("{} {source}\n{LINK_ENGINE} {}", preamble.attributes, preamble.source)
        }
    })
}

fn preamble(config: &Config) -> Result<Preamble, String> {
    let damaged = |error: &dyn std::fmt::Display| format!("{} is damaged: {error}", config.preamble.display());
    let text = std::fs::read_to_string(&config.preamble).map_err(|error| damaged(&error))?;
    serde_json::from_str(&text).map_err(|error| damaged(&error))
}

/// Changes the file that evcxr wrote for a cell; it writes it anew for the next.
fn edit_cell(folder: &Path, edit: impl FnOnce(String) -> String) -> Result<String, String> {
    let path = folder.join("src/lib.rs");
    let source = std::fs::read_to_string(&path).map_err(|error| format!("cannot read the cell: {error}"))?;
    let edited = edit(source);
    std::fs::write(&path, &edited).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(edited)
}

/// evcxr numbers the function that a cell becomes. Where work is shared it has the same name in every session; the runner
/// knows it.
fn without_number(source: String) -> String {
    const NAME: &str = "extern \"C\" fn run_user_code";
    let Some(at) = source.find(NAME).map(|at| at + NAME.len()) else { return source };
    let number = source[at..].bytes().take_while(|byte| *byte == b'_' || byte.is_ascii_digit()).count();
    format!("{}{}", &source[..at], &source[at + number..])
}

/// Puts the secret of this run into the object.
fn put_secret(object: &Path, secret: &str) -> Result<(), String> {
    if secret.len() != SECRET.len() {
        return Err("the word of this run is not as long as its place".to_owned());
    }
    let failed = |error: std::io::Error| format!("cannot change {}: {error}", object.display());
    let mut bytes = std::fs::read(object).map_err(failed)?;
    let places: Vec<usize> =
        bytes.windows(SECRET.len()).enumerate().filter(|(_, at)| *at == SECRET.as_bytes()).map(|(at, _)| at).collect();
    for place in places {
        bytes[place..place + secret.len()].copy_from_slice(secret.as_bytes());
    }
    std::fs::write(object, bytes).map_err(failed)
}

/// Has the engine tell of an error that a `?` met, as an event, where evcxr would print it among what the user prints.
fn with_engine_errors(source: String) -> String {
    const PRINTS: &str = "eprintln!(\"{}\", error);";
    match source.contains("evcxr_internal_runtime::USER_ERROR_OCCURRED") {
        true => source.replacen(PRINTS, "::taskloom::cell::user_error(&error);", 1),
        false => source,
    }
}

/// Takes evcxr's variable store, which is part of every cell, from the engine, where it is compiled already. Lines keep
/// their numbers. A cell that does not look as expected is left as it is: its own store works too, only slower.
fn with_engine_store(source: String) -> String {
    const BEGINS: &str = "mod evcxr_internal_runtime {\n";
    const ENDS: &str = "\n#[unsafe(no_mangle)]\npub extern \"C\" fn run_user_code_";
    let Some(begin) = source.find(BEGINS) else { return source };
    let Some(length) = source[begin..].find(ENDS) else { return source };
    let lines = source[begin..begin + length].matches('\n').count();
    format!(
        "{}mod evcxr_internal_runtime {{ pub use ::taskloom::cell::store::*; }}{}{}",
        &source[..begin],
        "\n".repeat(lines),
        &source[begin + length..]
    )
}

/// What links a cell to the engine.
fn engine_arguments(config: &Config) -> Vec<OsString> {
    let mut engine = OsString::from("taskloom=");
    engine.push(&config.engine);
    let mut dependencies = OsString::from("dependency=");
    dependencies.push(&config.dependencies);
    vec!["--sysroot".into(), config.sysroot.clone().into(), "--extern".into(), engine, "-L".into(), dependencies]
}

fn target(arguments: &[OsString]) -> Option<String> {
    let at = arguments.iter().position(|argument| argument == "--target")?;
    arguments.get(at + 1).map(|target| target.to_string_lossy().into_owned())
}

fn build(config: &Config, cell: &CellCrate, arguments: &[OsString]) -> Result<ExitCode, String> {
    let here = std::env::current_dir().map_err(|error| format!("the cell's folder is gone: {error}"))?;
    let mut out = here.join("target");
    out.extend(target(arguments));
    out.push("debug/deps");
    std::fs::create_dir_all(&out).map_err(|error| format!("cannot make {}: {error}", out.display()))?;
    let preamble = preamble(config)?;
    let source = surround(&here, &preamble)?;
    let mut rustc = Command::new(&config.rustc);
    rustc
        .args(["--crate-name", CELL, "--edition", "2024", "--crate-type", "cdylib", "--emit", "link", "src/lib.rs"])
        .args(["-C", "debuginfo=0", "-C", "prefer-dynamic", "-C", "lto=off"])
        // Generic functions that the engine has compiled are used from there; without this that stops at opt-level 2.
        .args(UNSTABLE)
        .arg("-Zshare-generics=yes")
        .env("RUSTC_BOOTSTRAP", "1")
        .arg("-C")
        .arg(format!("opt-level={}", cell.opt_level))
        .arg("--out-dir")
        .arg(&out)
        .args(engine_arguments(config))
        .args(&preamble.arguments)
        // The cell's macros can read the environment of the compiler, and shall not learn from it where the session is.
        .env("PATH", &config.path)
        .arg("-C")
        .arg(format!("linker={}", config.shims.join("cc").display()));
    for name in OWN_VARIABLES {
        rustc.env_remove(name);
    }
    match &config.cargo_home {
        Some(home) => rustc.env("CARGO_HOME", home),
        None => rustc.env_remove("CARGO_HOME"),
    };
    // What has not begun need not be stopped, and costs nobody a variable.
    let interrupted = || config.interrupted.exists();
    let object = out.join(format!("{}{CELL}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX));
    rustc.args(["--error-format=json", "--json=diagnostic-rendered-ansi"]);
    let session = config.preamble.parent().unwrap_or(&here);
    let entry = preamble.shared.as_ref().and_then(|shared| shared.entry(session, &rustc, [source.as_str()]));
    let found = entry.as_ref().and_then(|entry| entry.find(Some(&object)));
    // Whoever wants the cell may be gone by the time that there is a place.
    let kernel = std::os::unix::process::parent_id();
    let given_up = || interrupted() || std::os::unix::process::parent_id() != kernel;
    let said = match found {
        Some(said) => said,
        None => {
            let place = gate::enter(&config.gate, given_up).ok_or("interrupted while compiling")?;
            let said = compile(&mut rustc)?;
            drop(place);
            said
        }
    };
    if interrupted() {
        return Err("interrupted while compiling".to_owned());
    }
    let diagnostics = diagnostics_in(&said)?;
    if let Some(entry) = &entry {
        entry.learn(&said, Some(&object));
    }
    let mut lines = forwarded(&diagnostics);
    if said.success {
        if let Some(secret) = &preamble.secret {
            put_secret(&object, secret)?;
        }
        lines.push(json!({
            "reason": "compiler-artifact",
            "package_id": CELL,
            "target": {"name": CELL, "kind": ["cdylib"]},
            "filenames": [object],
            "fresh": false,
        }));
    }
    finish(lines, said.success)
}

fn compile(rustc: &mut Command) -> Result<Said, String> {
    let output = rustc.output().map_err(|error| format!("cannot run rustc: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() && !text.lines().any(|line| line.starts_with('{')) {
        return Err(format!("rustc failed ({}) and said only:\n{text}", output.status));
    }
    Ok(Said { text, success: output.status.success() })
}

fn diagnostics_in(said: &Said) -> Result<Vec<Value>, String> {
    let mut diagnostics = Vec::new();
    let mut rest = String::new();
    for line in said.text.lines() {
        match serde_json::from_str::<Value>(line) {
            Ok(message) => diagnostics.push(message),
            Err(_) => {
                rest.push_str(line);
                rest.push('\n');
            }
        }
    }
    if !said.success && diagnostics.is_empty() {
        return Err(format!("rustc failed and said only:\n{rest}"));
    }
    // evcxr takes any message for an error of the cell.
    diagnostics.retain(|message| message["level"] == "error");
    Ok(diagnostics)
}

fn forwarded(diagnostics: &[Value]) -> Vec<Value> {
    diagnostics
        .iter()
        .map(|message| json!({"reason": "compiler-message", "package_id": CELL, "target": {"name": CELL}, "message": message}))
        .collect()
}

fn finish(lines: Vec<Value>, success: bool) -> Result<ExitCode, String> {
    let mut text = String::new();
    for line in lines {
        text.push_str(&line.to_string());
        text.push('\n');
    }
    text.push_str(&json!({"reason": "build-finished", "success": success}).to_string());
    text.push('\n');
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| format!("cannot answer: {error}"))?;
    Ok(if success { ExitCode::SUCCESS } else { ExitCode::from(101) })
}

/// The metadata of a crate that has nothing but itself; asking cargo would take longer than compiling the cell.
fn metadata(here: &Path) -> Result<ExitCode, String> {
    let id = format!("path+file://{}#{CELL}@1.0.0", here.display());
    let metadata = json!({
        "packages": [{
            "name": CELL, "version": "1.0.0", "id": id, "license": null, "license_file": null, "description": null,
            "source": null, "dependencies": [], "features": {}, "manifest_path": here.join("Cargo.toml"), "metadata": null,
            "publish": null, "authors": [], "categories": [], "keywords": [], "readme": null, "repository": null,
            "homepage": null, "documentation": null, "edition": "2024", "links": null, "default_run": null,
            "rust_version": null,
            "targets": [{
                "kind": ["cdylib"], "crate_types": ["cdylib"], "name": CELL, "src_path": here.join("src/lib.rs"),
                "edition": "2024", "doc": true, "doctest": false, "test": true,
            }],
        }],
        "workspace_members": [id],
        "workspace_default_members": [id],
        "resolve": {"nodes": [{"id": id, "dependencies": [], "deps": [], "features": []}], "root": id},
        "target_directory": here.join("target"),
        "build_directory": here.join("target"),
        "version": 1,
        "workspace_root": here,
        "metadata": null,
    });
    println!("{metadata}");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_store_takes_the_place_of_evcxrs() {
        let source = "use x;\nmod evcxr_internal_runtime {\nstruct A;\nfn b() {\n}\n}\n#[unsafe(no_mangle)]\npub extern \"C\" fn run_user_code_3(\n";
        let changed = with_engine_store(source.to_owned());
        assert_eq!(changed.lines().count(), source.lines().count());
        assert_eq!(changed.lines().position(|line| line.contains("run_user_code")), Some(7));
        assert!(changed.contains("{ pub use ::taskloom::cell::store::*; }\n") && !changed.contains("struct A"));
        assert_eq!(with_engine_store("fn f() {}".to_owned()), "fn f() {}");
    }
}
