//! Crates from the registry, compiled once for all sessions of a machine.
//!
//! Each set of crates is a cargo project of its own, named by its contents, in a folder that stays; all of them share one
//! target folder. So the next session that wants the same crates gets them at once and without a network, and one that
//! wants others compiles only what is not there yet. The libraries are then named to rustc directly: cargo is not asked
//! when a cell is compiled.

use std::collections::hash_map::DefaultHasher;
use std::ffi::OsString;
use std::hash::{Hash, Hasher};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::commands::Dependency;
use super::toolchain::Interrupted;
use crate::installation::Installation;

/// How often the user is told what is being done.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// Sets apart what is compiled here from the same crates inside the engine: to rustc they are other crates.
const FLAGS: &str = "-C metadata=session";

/// What rustc needs to use a set of crates.
#[derive(Debug, Clone, Default)]
pub struct Compiled {
    /// Arguments of rustc.
    pub arguments: Vec<OsString>,
    /// The version that cargo chose for each crate, in the order asked for.
    pub versions: Vec<Option<String>>,
}

/// Why there is none.
pub enum CratesError {
    /// What cargo said.
    Cargo(String),
    /// The user does not want it any more.
    Interrupted,
}

/// Compiles a set of crates, or finds that they are compiled. `progress` is told what is being done, again and again.
///
/// # Errors
/// What cargo said, or that the user interrupted it.
pub fn compile(
    installation: &Installation,
    crates: &[Dependency],
    lock_of: &[Dependency],
    interrupted: &Interrupted,
    progress: &dyn Fn(&str),
) -> Result<Compiled, CratesError> {
    let failed = |what: &Path, error: &dyn std::fmt::Display| {
        CratesError::Cargo(format!("cannot write {}: {error}", what.display()))
    };
    let home = home(installation);
    let folder = project(&home, crates);
    std::fs::create_dir_all(&folder).map_err(|error| failed(&folder, &error))?;
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        match std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            true => Ok(()),
            false => std::fs::write(&path, text).map_err(|error| failed(&path, &error)),
        }
    };
    write("Cargo.toml", &manifest(crates))?;
    write("lib.rs", "")?;
    // Crates that the session has already keep their versions.
    let (lock, before) = (folder.join("Cargo.lock"), project(&home, lock_of).join("Cargo.lock"));
    if !lock.exists() && before.exists() {
        let _ = std::fs::copy(before, &lock);
    }
    let mut outcome = cargo(installation, &home, &folder, false, interrupted, progress);
    if let Err(CratesError::Cargo(said)) = &outcome
        && is_of_network(said)
    {
        // What was fetched for another project may be enough.
        let offline = cargo(installation, &home, &folder, true, interrupted, progress);
        if offline.is_ok() {
            outcome = offline;
        }
    }
    let artifacts = match outcome {
        Ok(artifacts) => artifacts,
        Err(error) => {
            // A choice of versions that led nowhere is not to be kept.
            let _ = std::fs::remove_file(&lock);
            return Err(error);
        }
    };
    let chosen = metadata(installation, &folder)?;
    Ok(arguments(&home, crates, &artifacts, &chosen))
}

/// Where crates are kept: beside the engines of the installation, by compiler.
fn home(installation: &Installation) -> PathBuf {
    let home = installation.home();
    home.join("crates").join(digest(&installation.version))
}

fn digest(value: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn project(home: &Path, crates: &[Dependency]) -> PathBuf {
    let mut lines: Vec<(&str, &str)> =
        crates.iter().map(|dependency| (dependency.name.as_str(), dependency.requirement.as_str())).collect();
    lines.sort_unstable();
    home.join("sets").join(digest(&lines))
}

fn manifest(crates: &[Dependency]) -> String {
    let mut text = String::from(
        "# Written by Taskloom: the crates of a notebook.\n[package]\nname = \"session\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         publish = false\n\n[lib]\npath = \"lib.rs\"\n\n[workspace]\n\n[profile.dev]\nopt-level = 2\ndebug = false\nincremental = false\n\n\
         [dependencies]\n",
    );
    for dependency in crates {
        text.push_str(&format!("{} = {}\n", dependency.name, dependency.requirement));
    }
    text
}

fn is_of_network(said: &str) -> bool {
    [
        "Could not resolve host",
        "failed to download",
        "Couldn't connect",
        "network failure",
        "spurious network",
        "unable to update registry",
        "failed to query replaced source",
        "timed out",
    ]
    .iter()
    .any(|words| said.contains(words))
}

/// cargo, in the user's own environment.
fn command(installation: &Installation, folder: &Path) -> Command {
    let mut command = Command::new(&installation.cargo);
    super::toolchain::restore_environment(&mut command);
    command
        .current_dir(folder)
        .env("RUSTC", &installation.rustc)
        .env("RUSTFLAGS", FLAGS)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .stdin(Stdio::null());
    command
}

/// A library that cargo has made.
struct Artifact {
    package: String,
    files: Vec<PathBuf>,
    native: Vec<String>,
}

fn cargo(
    installation: &Installation,
    home: &Path,
    folder: &Path,
    offline: bool,
    interrupted: &Interrupted,
    progress: &dyn Fn(&str),
) -> Result<Vec<Artifact>, CratesError> {
    let mut cargo = command(installation, folder);
    cargo
        .args(["build", "--message-format=json-render-diagnostics", "--color=never"])
        .arg("--target-dir")
        .arg(home.join("target"))
        .args(offline.then_some("--offline"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, so that an interrupt ends the compilers too.
        .process_group(0);
    let failed = |error: std::io::Error| CratesError::Cargo(format!("cannot run cargo: {error}"));
    let mut child = cargo.spawn().map_err(failed)?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(CratesError::Interrupted);
    };
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = BufReader::new(stdout).read_to_string(&mut text);
        text
    });
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let _ = tell.send(line);
        }
    });
    let (mut said, mut compiled, mut doing) = (String::new(), 0, "asking the registry".to_owned());
    let began = Instant::now();
    loop {
        match told.recv_timeout(TELL_EVERY) {
            Ok(line) => {
                let mut words = line.split_whitespace();
                match (words.next(), words.next()) {
                    (Some("Compiling"), Some("session")) => {}
                    (Some("Compiling"), Some(name)) => {
                        compiled += 1;
                        doing = format!("compiling {name}");
                    }
                    (Some("Downloading" | "Downloaded"), Some(_)) => doing = "downloading".to_owned(),
                    (Some("Blocking"), _) => doing = "waiting for another notebook that compiles crates".to_owned(),
                    _ => {}
                }
                said.push_str(&line);
                said.push('\n');
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
        let number = if compiled > 1 { format!(", the {compiled}. crate") } else { String::new() };
        progress(&format!("{doing}{number} ({:.0} s)", began.elapsed().as_secs_f64()));
        if interrupted.is_set() {
            // SAFETY: the group of a child that has not been reaped.
            unsafe { libc::kill(-(child.id() as libc::pid_t), libc::SIGKILL) };
            let _ = child.wait();
            return Err(CratesError::Interrupted);
        }
    }
    let status = child.wait().map_err(failed)?;
    let messages = reader.join().unwrap_or_default();
    if !status.success() {
        return Err(CratesError::Cargo(said));
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut artifacts = Vec::new();
    for message in messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let list = |name: &str| message[name].as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
        match message["reason"].as_str() {
            Some("compiler-artifact") => artifacts.push(Artifact {
                package: text(&message["package_id"]),
                files: list("filenames").into_iter().map(PathBuf::from).collect(),
                native: Vec::new(),
            }),
            Some("build-script-executed") => artifacts.push(Artifact {
                package: text(&message["package_id"]),
                files: Vec::new(),
                native: list("linked_paths"),
            }),
            _ => {}
        }
    }
    Ok(artifacts)
}

/// What cargo has chosen for the project itself: (name in code, package).
fn metadata(installation: &Installation, folder: &Path) -> Result<Vec<(String, String)>, CratesError> {
    let output = command(installation, folder)
        .args(["metadata", "--format-version", "1", "--offline", "--color=never"])
        .output()
        .map_err(|error| CratesError::Cargo(format!("cannot run cargo: {error}")))?;
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| CratesError::Cargo(String::from_utf8_lossy(&output.stderr).into_owned()))?;
    let root = &metadata["resolve"]["root"];
    let nodes = metadata["resolve"]["nodes"].as_array().into_iter().flatten();
    let dependencies = nodes.filter(|node| node["id"] == *root).filter_map(|node| node["deps"].as_array()).flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(dependencies.map(|dependency| (text(&dependency["name"]), text(&dependency["pkg"]))).collect())
}

fn arguments(home: &Path, crates: &[Dependency], artifacts: &[Artifact], chosen: &[(String, String)]) -> Compiled {
    let mut arguments: Vec<OsString> = Vec::new();
    let libraries = home.join("target").join("debug").join("deps");
    arguments.push("-L".into());
    arguments.push(format!("dependency={}", libraries.display()).into());
    for path in artifacts.iter().flat_map(|artifact| &artifact.native) {
        arguments.push("-L".into());
        arguments.push(path.into());
    }
    let is_library = |path: &&PathBuf| {
        path.extension().is_some_and(|ending| ["rlib", "so", "dylib"].iter().any(|known| ending == *known))
    };
    for (name, package) in chosen {
        let mut files =
            artifacts.iter().filter(|artifact| artifact.package == *package).flat_map(|artifact| &artifact.files);
        if let Some(file) = files.rfind(is_library) {
            arguments.push("--extern".into());
            arguments.push(format!("{name}={}", file.display()).into());
        }
    }
    let versions = crates.iter().map(|dependency| {
        let name = dependency.name.replace('-', "_");
        let (_, package) = chosen.iter().find(|(other, _)| *other == name)?;
        // `registry+…#name@1.2.3`, or `path+…/folder#1.2.3`.
        package.rsplit(['@', '#']).next().map(str::to_owned)
    });
    Compiled { arguments, versions: versions.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependency(name: &str, requirement: &str) -> Dependency {
        Dependency { name: name.to_owned(), requirement: requirement.to_owned(), version: None }
    }

    #[test]
    fn a_set_has_one_name_in_whatever_order() {
        let (a, b) = (dependency("a", "\"1\""), dependency("b", "{ path = \"x\" }"));
        let home = Path::new("/h");
        assert_eq!(project(home, &[a.clone(), b.clone()]), project(home, &[b.clone(), a.clone()]));
        assert_ne!(project(home, std::slice::from_ref(&a)), project(home, &[a.clone(), b]));
    }

    #[test]
    fn direct_crates_are_named_to_rustc_and_others_only_found() {
        let artifact = |package: &str, file: &str| Artifact {
            package: package.to_owned(),
            files: vec![file.into()],
            native: Vec::new(),
        };
        let artifacts =
            [artifact("r#itoa@1.0.1", "/t/libitoa-1.rlib"), artifact("r#other@2.0.0", "/t/libother-2.rlib")];
        let compiled = arguments(
            Path::new("/h"),
            &[dependency("itoa", "\"1\"")],
            &artifacts,
            &[("itoa".to_owned(), "r#itoa@1.0.1".to_owned())],
        );
        assert_eq!(compiled.versions, [Some("1.0.1".to_owned())]);
        assert!(compiled.arguments.iter().any(|argument| argument == "itoa=/t/libitoa-1.rlib"));
        assert!(!compiled.arguments.iter().any(|argument| argument.to_string_lossy().contains("other")));
    }
}
