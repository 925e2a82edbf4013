//! Fetching the crates and compiling the workspace: cargo does both, and this says how far it is.

use std::collections::HashSet;
use std::path::Path;
use std::process::Stdio;

use crate::SetupError;
use crate::checkout::json_string;
use crate::error::size;
use crate::machine::free_disk_space;
use crate::process::{self, Ended, Event, output_of};
use crate::steps::Steps;

/// Below this much free space a build that failed has failed for want of it.
const NO_SPACE: u64 = 50_000_000;

/// Downloads what Cargo.lock names, so that a missing network is noticed before anything is compiled.
pub(crate) fn fetch(root: &Path, host: &str, offline: bool, steps: &mut Steps) -> Result<(), SetupError> {
    let doing = "downloading the crates";
    let mut cargo = process::cargo();
    cargo.current_dir(root).args(["fetch", "--locked", "--color", "never", "--target", host]);
    if offline {
        cargo.arg("--offline");
    }
    cargo.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut count = 0;
    let ended = process::watch(&mut cargo, &mut |event| {
        if let Event::Err(line) = event {
            if let Some(name) = line.trim().strip_prefix("Downloaded ") {
                count += 1;
                steps.note(&format!("{count} downloaded, now {name}"));
            }
        }
    })
    .map_err(|_| SetupError::NoRust { tool: "cargo".into() })?;
    if ended.ok() {
        return Ok(());
    }
    if !ended.interrupted && ended.says_any(&["--locked was passed", "because of --locked"]) {
        return Err(SetupError::Failed {
            doing: doing.into(),
            why: "because Cargo.lock does not fit the Cargo.toml files of this checkout".into(),
            advice: "get both from git again, or run `cargo update --workspace` if you have changed them yourself"
                .into(),
        });
    }
    if offline && !ended.interrupted && ended.says_any(&["offline"]) {
        return Err(SetupError::Offline { doing: doing.into() });
    }
    Err(failed(ended, doing, root, "repair what they name and run the same command again", steps))
}

/// Has rustup bring the sources of the standard library, from which completion in notebooks knows its types. Without
/// them it knows less, so nothing that fails here keeps the set-up from going on.
pub(crate) fn fetch_standard_sources(root: &Path, offline: bool, steps: &mut Steps) {
    let mut rustc = process::command("rustc");
    rustc.current_dir(root).args(["--print", "sysroot"]);
    let sysroot = output_of(&mut rustc).map(|output| output.stdout).unwrap_or_default();
    let is_there = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core").is_dir();
    if is_there || offline || process::which("rustup").is_none() {
        return;
    }
    let mut rustup = process::command("rustup");
    rustup.current_dir(root).args(["component", "add", "rust-src"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let ended = process::watch(&mut rustup, &mut |event| {
        if let Event::Err(line) = event {
            steps.note(line);
        }
    });
    if !ended.is_ok_and(|ended| ended.ok()) {
        steps.say(
            "no sources of the standard library, so Tab will know less; `rustup component add rust-src` gets them",
        );
    }
}

/// Compiles the whole workspace.
pub(crate) fn build(
    root: &Path,
    target: &Path,
    jobs: Option<u32>,
    offline: bool,
    steps: &mut Steps,
) -> Result<(), SetupError> {
    let mut cargo = process::cargo();
    cargo.current_dir(root).args(["build", "--workspace", "--locked"]);
    if let Some(jobs) = jobs {
        cargo.args(["--jobs", &jobs.to_string()]);
    }
    if offline {
        cargo.arg("--offline");
    }
    if !target.join("debug/taskloom").is_file() {
        steps.say("the first time this takes about 15 minutes on two cores, and later a few seconds; Ctrl-C is safe, the next run goes on");
    }
    let ended = if steps.is_terminal() {
        // Cargo's own bar says best what it is at.
        steps.clear();
        cargo.stdout(Stdio::null());
        process::watch(&mut cargo, &mut |_| {})
    } else {
        let total = crates(root);
        let mut done: HashSet<String> = HashSet::new();
        let mut newest = String::new();
        cargo.args(["--message-format", "json-render-diagnostics", "--color", "never"]);
        cargo.stdout(Stdio::piped()).stderr(Stdio::piped());
        process::watch(&mut cargo, &mut |event| match event {
            Event::Out(line) => done.extend(finished_crate(line)),
            Event::Err(line) => {
                if let Some(name) = line.trim().strip_prefix("Compiling ") {
                    newest = name.split(" (").next().unwrap_or(name).to_owned();
                }
            }
            Event::Tick => {
                let of = total.map(|total| format!(" of {}", total.max(done.len()))).unwrap_or_default();
                let now = if newest.is_empty() { String::new() } else { format!(", begun last: {newest}") };
                steps.note(&format!("{}{of} crates compiled{now}", done.len()));
            }
        })
    }
    .map_err(|_| SetupError::NoRust { tool: "cargo".into() })?;
    if ended.ok() {
        return Ok(());
    }
    if !ended.interrupted && ended.says_any(&["signal: 9", "SIGKILL"]) {
        return Err(SetupError::Failed {
            doing: "compiling".into(),
            why: "because the system ended the compiler, most often for want of memory".into(),
            advice: "close other programs and try again with `--jobs 1`".into(),
        });
    }
    Err(failed(
        ended,
        "compiling",
        target,
        "repair what they name and run the same command again; what is compiled is kept",
        steps,
    ))
}

/// The crate that a line of cargo's JSON says is done. Build scripts are not counted.
fn finished_crate(line: &str) -> Option<String> {
    let is_crate = line.contains("\"reason\":\"compiler-artifact\"") && !line.contains("\"kind\":[\"custom-build\"]");
    if is_crate { json_string(line, "package_id") } else { None }
}

/// How many crates there are to compile.
fn crates(root: &Path) -> Option<usize> {
    let mut cargo = process::cargo();
    cargo.current_dir(root).args([
        "tree",
        "--workspace",
        "--locked",
        "--offline",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
    ]);
    let output = output_of(&mut cargo).ok().filter(|output| output.ok)?;
    let names: HashSet<(&str, &str)> = output
        .stdout
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?))
        })
        .collect();
    Some(names.len()).filter(|count| *count > 0)
}

fn failed(ended: Ended, doing: &str, at: &Path, advice: &str, steps: &mut Steps) -> SetupError {
    steps.clear();
    if ended.interrupted {
        return SetupError::Interrupted { doing: doing.into() };
    }
    let free = free_disk_space(at);
    if ended.disk_is_full() || free.is_some_and(|free| free < NO_SPACE) {
        return SetupError::DiskFull { at: at.to_owned(), free, needed: None };
    }
    if ended.network_is_down() {
        return SetupError::NoNetwork { doing: doing.into() };
    }
    let words: Vec<&String> = ended.tail.iter().filter(|line| is_worth_showing(line)).collect();
    for line in &words[words.len().saturating_sub(60)..] {
        eprintln!("      {line}");
    }
    let mut why = "and cargo's own words are above".to_owned();
    if let Some(free) = free.filter(|free| *free < 1_000_000_000) {
        why.push_str(&format!(" (only {} of disk are free)", size(free)));
    }
    SetupError::Failed { doing: doing.into(), why, advice: advice.into() }
}

fn is_worth_showing(line: &str) -> bool {
    let line = line.trim_start();
    !["{\"", "Compiling ", "Downloaded ", "Downloading ", "Updating ", "Blocking "]
        .iter()
        .any(|word| line.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_counted_and_build_scripts_are_not() {
        let line = |kind: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"registry+x#libc@0.2.1","target":{{"kind":["{kind}"],"name":"libc"}}}}"#
            )
        };
        assert_eq!(finished_crate(&line("lib")).as_deref(), Some("registry+x#libc@0.2.1"));
        assert_eq!(finished_crate(&line("custom-build")), None);
        assert_eq!(finished_crate(r#"{"reason":"build-finished","success":true}"#), None);
    }
}
