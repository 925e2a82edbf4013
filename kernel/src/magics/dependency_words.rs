//! What cargo says of a crate that cannot be added, in words for somebody who wrote one line in a notebook.

use super::help::nearest;
use crate::session::Dependency;

/// Crates that people add to notebooks, for those who misspell one.
const WELL_KNOWN: [&str; 64] = [
    "anyhow",
    "approx",
    "arrow",
    "async-trait",
    "axum",
    "base64",
    "bincode",
    "bitflags",
    "bytes",
    "chrono",
    "clap",
    "crossbeam",
    "csv",
    "dashmap",
    "either",
    "fastrand",
    "flate2",
    "futures",
    "glob",
    "half",
    "hashbrown",
    "hex",
    "http",
    "hyper",
    "image",
    "indexmap",
    "itertools",
    "itoa",
    "jiff",
    "lazy_static",
    "libc",
    "linfa",
    "log",
    "memchr",
    "memmap2",
    "nalgebra",
    "ndarray",
    "num",
    "num-bigint",
    "num-traits",
    "once_cell",
    "parking_lot",
    "petgraph",
    "plotters",
    "polars",
    "proptest",
    "rand",
    "rand_distr",
    "rayon",
    "regex",
    "reqwest",
    "rusqlite",
    "serde",
    "serde_json",
    "sha2",
    "smallvec",
    "statrs",
    "tempfile",
    "thiserror",
    "time",
    "tokio",
    "toml",
    "uuid",
    "walkdir",
];

/// Lines of a build script's or the compiler's words that are quoted.
const QUOTED: usize = 8;

/// Why crates could not be added.
pub fn explain(said: &str, added: &[Dependency]) -> String {
    let names: Vec<&str> = added.iter().map(|dependency| dependency.name.as_str()).collect();
    let names = names.join(", ");
    if let Some(name) = between(said, "no matching package named `", "`") {
        let near = nearest(name, WELL_KNOWN.into_iter());
        let meant = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        return format!(
            "there is no crate `{name}` in the registry{meant}\nhttps://crates.io/search?q={name} looks for more"
        );
    }
    if let Some(requirement) = between(said, "failed to select a version for the requirement `", "`") {
        let (name, wanted) = requirement.split_once(" = ").unwrap_or((requirement, "this version"));
        let wanted = wanted.trim_matches(['"', '^']);
        let there = line_behind(said, "candidate versions found which didn't match: ");
        let there = there.map(|there| format!("; there are {there}")).unwrap_or_default();
        return format!("`{name}` has no version {wanted}{there}");
    }
    if let (Some(feature), Some(name)) =
        (between(said, "with feature `", "`"), between(said, "feature `", "that feature"))
    {
        let name = between(name, "but `", "`").unwrap_or(&names);
        let there = line_behind(said, "available features: ");
        let there = there.map(|there| format!("; it has {there}")).unwrap_or_default();
        return format!("`{name}` has no feature `{feature}`{there}");
    }
    if let Some(requirement) = between(said, "failed to parse the version requirement `", "`") {
        return format!("`{requirement}` is no version; one looks like 1, 1.2 or 1.2.3");
    }
    if let Some(script) = between(said, "failed to run custom build command for `", "`") {
        let script = short_package(script);
        let words = said.split_once("--- stderr").map_or(said, |(_, words)| words);
        return format!("the build script of {script} failed. The end of what it said:\n{}", last_lines(words));
    }
    if let Some(needs) = said.lines().find(|line| line.contains(" requires rustc ")) {
        return format!("the compiler is too old: {}. An older version of the crate may do", needs.trim());
    }
    if let Some(name) = between(said, "Dependency `", "` is missing a lib target") {
        return format!("`{name}` is a program; only a crate with a library can be used in cells");
    }
    let no_network = [
        "Could not connect",
        "Couldn't connect",
        "Could not resolve",
        "Couldn't resolve",
        "failed to resolve address",
        "network failure",
        "spurious network error",
        "failed to download",
        "download of ",
        "Timeout was reached",
        "--offline was specified",
        "offline mode",
    ];
    if no_network.iter().any(|words| said.contains(words)) {
        return format!(
            "{names} could not be downloaded: this machine does not reach the registry. Crates that were used here before \
             work without a network, at the versions they had.\n{}",
            last_lines(said)
        );
    }
    if let Some(manifest) = between(said, "failed to read `", "`") {
        let folder = manifest.trim_end_matches("/Cargo.toml");
        return format!("there is no crate in {folder}: it has no Cargo.toml that can be read");
    }
    if let Some(name) = between(said, "could not compile `", "`") {
        let errors: Vec<&str> = said.lines().skip_while(|line| !line.starts_with("error")).take(QUOTED).collect();
        return format!("`{name}` does not compile:\n{}", errors.join("\n"));
    }
    format!("{names} could not be added:\n{}", last_lines(said))
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(begin)?;
    Some(rest.split_once(end)?.0)
}

fn line_behind<'a>(text: &'a str, begin: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(begin)?;
    Some(rest.lines().next()?.trim().trim_end_matches(", ...").trim())
}

/// `name v1.2.3 (where it is)` as `name 1.2.3`.
fn short_package(package: &str) -> String {
    package.split(" (").next().unwrap_or(package).replace(" v", " ")
}

/// The end of a text, without what a panic adds for those who wrote the program.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("stack backtrace:"))
        .filter(|line| !line.is_empty() && !line.starts_with("note: ") && !line.starts_with("Caused by:"))
        .collect();
    lines[lines.len().saturating_sub(QUOTED)..].iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(said: &str) -> String {
        let added = [Dependency { name: "some".to_owned(), requirement: String::new(), version: None }];
        explain(said, &added)
    }

    #[test]
    fn crates_and_versions_that_do_not_exist() {
        let text = explained(
            "    Updating crates.io index\nerror: no matching package named `serde_jsn` found\nlocation searched: crates.io index",
        );
        assert!(
            text.starts_with("there is no crate `serde_jsn` in the registry; did you mean `serde_json`?"),
            "{text}"
        );
        let text = explained(
            "error: failed to select a version for the requirement `fastrand = \"^99\"`\ncandidate versions found which didn't \
             match: 2.5.0, 2.4.1, 2.3.0, ...\nlocation searched: crates.io index",
        );
        assert_eq!(text, "`fastrand` has no version 99; there are 2.5.0, 2.4.1, 2.3.0");
        let text = explained(
            "versions that meet the requirements `^2` are: 2.5.0\n\npackage `ctx` depends on `fastrand` with feature `nope` but \
             `fastrand` does not have that feature.\n available features: alloc, std\n",
        );
        assert_eq!(text, "`fastrand` has no feature `nope`; it has alloc, std");
        let text = explained("Caused by:\n  failed to parse the version requirement `two` for dependency `fastrand`");
        assert!(text.starts_with("`two` is no version"), "{text}");
    }

    #[test]
    fn a_build_script_is_quoted() {
        let text = explained(
            "error: failed to run custom build command for `needs-lib v0.3.0 (/x/bs)`\n\nCaused by:\n  process didn't exit \
             successfully\n  --- stdout\n  cargo:x\n\n  --- stderr\n  looking for libfoo\n\n  thread 'main' panicked at \
             build.rs:1:83:\n  libfoo was not found; install libfoo-dev\n  stack backtrace:\n     0: __rustc::rust_begin_unwind",
        );
        assert!(text.starts_with("the build script of needs-lib 0.3.0 failed."), "{text}");
        assert!(text.ends_with("libfoo was not found; install libfoo-dev") && !text.contains("cargo:x"), "{text}");
    }

    #[test]
    fn without_a_network_that_is_said() {
        let text = explained(
            "error: failed to get `some`\n\nCaused by:\n  download of config.json failed\n\nCaused by:\n  [7] Could not connect to \
             server",
        );
        assert!(text.starts_with("some could not be downloaded") && text.contains("Could not connect"), "{text}");
    }

    #[test]
    fn other_reasons() {
        let text = explained("Caused by:\n  failed to read `/nowhere/x/Cargo.toml`\n\nCaused by:\n  No such file");
        assert!(text.starts_with("there is no crate in /nowhere/x"), "{text}");
        let text = explained(
            "error: rustc 1.95.0 is not supported by the following package:\n  new@0.1.0 requires rustc 1.200\n",
        );
        assert!(text.starts_with("the compiler is too old: new@0.1.0 requires rustc 1.200"), "{text}");
        let text =
            explained("error[E0308]: mismatched types\n --> src/lib.rs:1:20\nerror: could not compile `bad` (lib)");
        assert!(text.starts_with("`bad` does not compile:\nerror[E0308]: mismatched types"), "{text}");
        assert_eq!(explained("something else"), "some could not be added:\n  something else");
    }
}
