//! Which crates a cell can see, and where their sources are.
//!
//! The standard library comes from the `rust-src` component, the engine from its checkout, and what the engine
//! re-exports from cargo's registry. Of the hundreds of crates below them only those are listed whose types or methods
//! a cell meets: rust-analyzer does without the others, and each costs time and memory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Crates that appear in what the engine offers to a cell, by package name.
const VISIBLE: [&str; 30] = [
    "taskloom",
    "ndarray",
    "num-traits",
    "num-complex",
    "num-integer",
    "rayon",
    "rayon-core",
    "either",
    "serde",
    "serde_core",
    "serde_json",
    "polars",
    "polars-arrow",
    "polars-buffer",
    "polars-compute",
    "polars-core",
    "polars-dtype",
    "polars-error",
    "polars-io",
    "polars-lazy",
    "polars-ops",
    "polars-plan",
    "polars-schema",
    "polars-time",
    "polars-utils",
    "chrono",
    "compact_str",
    "indexmap",
    "hashbrown",
    "bitflags",
];
/// What `:dep`, the engine and every other crate is compiled against, in the order of their own dependencies.
const STANDARD: [&str; 3] = ["core", "alloc", "std"];
/// The engine's procedural macros, which rust-analyzer would have to run; see [`Package::files`].
const MACROS: &str = "taskloom-macros";
/// Folders of the standard library that hold nothing a cell sees on stable Rust.
const LEFT_OUT: [&str; 4] = ["tests", "benches", "stdarch", "portable-simd"];

/// A crate as rust-analyzer has to be told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Package {
    /// Its name in code.
    pub name: String,
    pub version: Option<String>,
    pub edition: String,
    /// The file its modules begin with.
    pub root: PathBuf,
    pub features: Vec<String>,
    /// Names in code, and indices of packages.
    pub dependencies: Vec<(String, usize)>,
    pub is_standard: bool,
}

/// The crates, each after those it depends on, and the compiler's `cfg`s.
#[derive(Debug, Default)]
pub struct Sources {
    pub packages: Vec<Package>,
    /// `name` or `name="value"`.
    pub cfg: Vec<String>,
    /// The compiler's version.
    pub version: Option<String>,
    /// What could not be had, in sentences.
    pub missing: Vec<String>,
}

/// Where to look.
pub struct Places<'a> {
    pub rustc: &'a Path,
    pub cargo: &'a Path,
    /// The folder of the engine's `Cargo.toml`.
    pub engine: Option<&'a Path>,
    /// The folder with `core`, `alloc` and `std`, where it is not the compiler's own.
    pub standard: Option<PathBuf>,
    /// A file for what cargo says of the engine, which takes it a while.
    pub memory: Option<&'a Path>,
}

impl Sources {
    /// Finds what there is. What there is not is left out, and said in `missing`.
    pub fn find(places: &Places) -> Sources {
        let about = lines_of(Command::new(places.rustc).arg("-vV"));
        let mut cfg = lines_of(Command::new(places.rustc).args(["--print", "sysroot", "--print", "cfg"])).into_iter();
        let sysroot = cfg.next().unwrap_or_default();
        let mut sources = Sources {
            version: about.first().and_then(|line| line.split_whitespace().nth(1)).map(str::to_owned),
            cfg: cfg.collect(),
            ..Sources::default()
        };
        // Where rustup and distributions put them.
        let standard =
            places.standard.clone().unwrap_or_else(|| Path::new(&sysroot).join("lib/rustlib/src/rust/library"));
        if standard.join("core/src/lib.rs").is_file() {
            sources.packages = standard_packages(&standard);
        } else {
            sources.missing.push(
                "the sources of the standard library are not installed; `rustup component add rust-src` installs them"
                    .to_owned(),
            );
        }
        if let Some(engine) = places.engine {
            // The platform that the engine was compiled for.
            let host = about.iter().find_map(|line| line.strip_prefix("host: "));
            sources.add_remembered_engine(places, engine, host);
        }
        sources
    }

    /// Adds the engine as it was found the last time, if its manifest has not changed since, or asks cargo.
    fn add_remembered_engine(&mut self, places: &Places, engine: &Path, host: Option<&str>) {
        let modified = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        let lock = engine.parent().map(|root| root.join("Cargo.lock"));
        let newest = modified(&engine.join("Cargo.toml")).max(lock.as_deref().and_then(modified));
        let first = self.packages.len();
        let remembered = places
            .memory
            .filter(|path| modified(path) > newest)
            .and_then(|path| serde_json::from_slice::<(usize, Vec<Package>)>(&std::fs::read(path).ok()?).ok())
            // Dependencies are counted from the first package, so there must be as many before it as then.
            .filter(|(before, packages)| {
                *before == first
                    && packages.iter().all(|package| package.root.is_file() || *package == Package::stand_in())
            });
        if let Some((_, packages)) = remembered {
            self.packages.extend(packages);
            return;
        }
        match metadata(places.cargo, engine, host) {
            Ok(metadata) => self.add_engine(&metadata),
            Err(message) => self.missing.push(format!("the engine's sources are not known: {message}")),
        }
        if let (Some(path), Ok(text)) = (places.memory, serde_json::to_vec(&(first, &self.packages[first..]))) {
            // Without it the next start takes a little longer.
            let partial = path.with_extension(std::process::id().to_string());
            let _ = std::fs::write(&partial, text).and_then(|()| std::fs::rename(&partial, path));
        }
    }

    /// Adds the engine and what of its dependencies is visible, from what `cargo metadata` says.
    fn add_engine(&mut self, metadata: &Value) {
        let (Some(packages), Some(nodes)) = (metadata["packages"].as_array(), metadata["resolve"]["nodes"].as_array())
        else {
            return self.missing.push("`cargo metadata` names no packages".to_owned());
        };
        let by_id = |list: &'_ Vec<Value>| -> HashMap<String, Value> {
            list.iter().filter_map(|entry| Some((entry["id"].as_str()?.to_owned(), entry.clone()))).collect()
        };
        let (packages, nodes) = (by_id(packages), by_id(nodes));
        let Some(engine) = packages.iter().find(|(_, package)| package["name"] == VISIBLE[0]).map(|(id, _)| id) else {
            return self.missing.push("the checkout has no package `taskloom`".to_owned());
        };
        self.add_package(engine, &packages, &nodes, &mut HashMap::new());
    }

    /// Adds a package behind its dependencies, and gives its index.
    fn add_package(
        &mut self,
        id: &str,
        packages: &HashMap<String, Value>,
        nodes: &HashMap<String, Value>,
        seen: &mut HashMap<String, Option<usize>>,
    ) -> Option<usize> {
        if let Some(&known) = seen.get(id) {
            return known;
        }
        // Also of one that turns out not to be visible.
        seen.insert(id.to_owned(), None);
        let (package, node) = (packages.get(id)?, nodes.get(id)?);
        if package["name"] == MACROS {
            return Some(self.push(id, seen, Package::stand_in()));
        } else if !VISIBLE.contains(&package["name"].as_str()?) {
            return None;
        }
        let is_library = |target: &&Value| {
            let kinds = target["kind"].as_array().into_iter().flatten().filter_map(Value::as_str);
            kinds.into_iter().any(|kind| matches!(kind, "lib" | "rlib" | "dylib"))
        };
        let target = package["targets"].as_array()?.iter().find(is_library)?;
        let mut dependencies = Vec::new();
        for dependency in node["deps"].as_array().into_iter().flatten() {
            let kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
            let is_linked = kinds.into_iter().any(|kind| kind["kind"].is_null());
            if let (true, Some(name), Some(id)) = (is_linked, dependency["name"].as_str(), dependency["pkg"].as_str())
                && let Some(index) = self.add_package(id, packages, nodes, seen)
            {
                dependencies.push((name.to_owned(), index));
            }
        }
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let package = Package {
            name: target["name"].as_str()?.replace('-', "_"),
            version: package["version"].as_str().map(str::to_owned),
            edition: target["edition"].as_str().unwrap_or("2021").to_owned(),
            root: PathBuf::from(target["src_path"].as_str()?),
            features: texts(&node["features"]),
            dependencies,
            is_standard: false,
        };
        Some(self.push(id, seen, package))
    }

    fn push(&mut self, id: &str, seen: &mut HashMap<String, Option<usize>>, package: Package) -> usize {
        self.packages.push(package);
        let index = self.packages.len() - 1;
        seen.insert(id.to_owned(), Some(index));
        index
    }

    /// The index of a package by its name in code.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.packages.iter().position(|package| package.name == name)
    }
}

impl Package {
    /// Whether only a cell with dataframes needs it.
    pub fn is_for_frames(&self) -> bool {
        self.name.starts_with("polars") || self.name == "chrono"
    }

    /// What stands for the engine's procedural macros.
    fn stand_in() -> Package {
        Package {
            name: MACROS.replace('-', "_"),
            version: None,
            edition: "2024".to_owned(),
            root: PathBuf::from("/stand-in/macros.rs"),
            features: Vec::new(),
            dependencies: Vec::new(),
            is_standard: false,
        }
    }

    /// The crate's files with their text. Procedural macros would have to be run to know what they make, so there are
    /// other macros in their place that only have the same types.
    pub fn files(&self) -> Vec<(PathBuf, String)> {
        if *self == Package::stand_in() {
            return vec![(self.root.clone(), include_str!("stand_in.rs").to_owned())];
        }
        let mut files = Vec::new();
        if let Some(folder) = self.root.parent() {
            collect(folder, &mut files);
        }
        files
    }
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            if !LEFT_OUT.iter().any(|name| entry.file_name() == *name) {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs" || ending == "md")
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            files.push((path, text));
        }
    }
}

fn standard_packages(folder: &Path) -> Vec<Package> {
    let package = |(index, name): (usize, &&str)| Package {
        name: (*name).to_owned(),
        version: None,
        edition: "2024".to_owned(),
        root: folder.join(name).join("src/lib.rs"),
        features: Vec::new(),
        dependencies: STANDARD[..index].iter().enumerate().map(|(index, name)| ((*name).to_owned(), index)).collect(),
        is_standard: true,
    };
    STANDARD.iter().enumerate().map(package).collect()
}

fn metadata(cargo: &Path, engine: &Path, host: Option<&str>) -> Result<Value, String> {
    let manifest = engine.join("Cargo.toml");
    let mut command = Command::new(cargo);
    command.args(["metadata", "--offline", "--format-version", "1", "--manifest-path"]).arg(&manifest);
    // Crates that only other platforms need were never downloaded.
    if let Some(host) = host {
        command.args(["--filter-platform", host]);
    }
    let output = command.output().map_err(|error| format!("cannot run {}: {error}", cargo.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`cargo metadata` of {}: {}", manifest.display(), said.trim()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("`cargo metadata` is not JSON: {error}"))
}

fn lines_of(command: &mut Command) -> Vec<String> {
    let Ok(output) = command.output() else { return Vec::new() };
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}
