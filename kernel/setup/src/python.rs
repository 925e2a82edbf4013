//! The private Python environment: JupyterLab, and what the tests need.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::process::{self, Event, output_of, which};
use crate::{Home, SetupError, system};

const LAB: &str = include_str!("../requirements.txt");
const TEST: &str = include_str!("../requirements-test.txt");

const FIND_LAB: &str = "import sys, importlib.util; sys.exit(importlib.util.find_spec('jupyterlab') is None)";

/// Says that Taskloom made this folder, and may delete it.
const MARKER: &str = "made-by-taskloom";

/// What the Python environment must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirements {
    /// JupyterLab, and what runs notebooks without a browser (`requirements.txt`).
    Lab,
    /// That, and what the Jupyter and browser tests use (`requirements-test.txt`).
    Test,
}

impl Requirements {
    pub(crate) fn stamp_name(self) -> &'static str {
        match self {
            Requirements::Lab => "taskloom-lab.stamp",
            Requirements::Test => "taskloom-test.stamp",
        }
    }

    fn file_name(self) -> &'static str {
        match self {
            Requirements::Lab => "requirements.txt",
            Requirements::Test => "requirements-test.txt",
        }
    }

    /// What a stamp holds when the environment in `folder` has these requirements, all of them.
    fn stamp(self, folder: &Path) -> String {
        let text = match self {
            Requirements::Lab => LAB.to_owned(),
            Requirements::Test => format!("{LAB}{TEST}"),
        };
        // The folder is part of it, because the scripts of an environment hold its path: one that was moved is made anew.
        format!("{:016x} {}\n", fnv(text.as_bytes()), folder.display())
    }

    /// How many packages this machine gets, about: lines for other versions of Python are counted once.
    fn packages(self) -> usize {
        let text = if self == Requirements::Lab { LAB.to_owned() } else { format!("{LAB}{TEST}") };
        let mut names: Vec<&str> =
            text.lines().filter_map(|line| line.split_once("==")).map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    }
}

/// FNV-1a: the same on every machine and with every Rust, unlike std's hasher.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// How [`ensure_python_with`] goes about it.
#[derive(Debug, Clone, Default)]
pub struct PythonOptions {
    /// The Python to make the environment with, in place of the first on the PATH that is new enough.
    pub python: Option<PathBuf>,
    /// Download nothing: fail when the environment is not there.
    pub offline: bool,
}

/// Makes the private Python environment in the home, or finds that it is as it should be, which takes a moment.
///
/// Returns its Python. `progress` gets short lines about what is being done. A run that was cut off leaves no stamp, so
/// the next one makes the environment anew; when another process is at it, this one waits. A failure deletes what was
/// begun. The requirements of [`Requirements::Test`] come on top of the others, so that JupyterLab can keep running
/// from the same environment.
///
/// # Errors
/// [`SetupError::NoPython`] and [`SetupError::NoVenv`] when no fitting Python is here, [`SetupError::NoNetwork`],
/// [`SetupError::DiskFull`], [`SetupError::NotOurs`] when the folder holds something else, and others when pip fails.
///
/// ```no_run
/// use taskloom_setup::{Home, Requirements, ensure_python};
///
/// let python = ensure_python(&Home::from_env()?, Requirements::Lab, &mut |line| println!("{line}"))?;
/// assert!(python.is_file());
/// # Ok::<(), taskloom_setup::SetupError>(())
/// ```
pub fn ensure_python(
    home: &Home,
    requirements: Requirements,
    progress: &mut dyn FnMut(&str),
) -> Result<PathBuf, SetupError> {
    ensure_python_with(home, requirements, &PythonOptions::default(), progress)
}

/// [`ensure_python`] with a Python of your choice, or without the network.
///
/// # Errors
/// As [`ensure_python`]; [`SetupError::Offline`] when something is missing and must not be downloaded.
pub fn ensure_python_with(
    home: &Home,
    requirements: Requirements,
    options: &PythonOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<PathBuf, SetupError> {
    if is_ready(home, requirements) {
        return Ok(home.python_exe());
    }
    if options.offline {
        return Err(SetupError::Offline { doing: "making the Python environment".into() });
    }
    let root_was_there = home.root().is_dir();
    fs::create_dir_all(home.root()).map_err(|error| SetupError::io("making", home.root(), error))?;
    let lock = lock(home, progress)?;
    // Whoever held the lock may have done it all.
    let result = if is_ready(home, requirements) { Ok(()) } else { make(home, requirements, options, progress) };
    if result.is_err() && !root_was_there {
        let _ = fs::remove_file(home.lock_file());
        let _ = fs::remove_dir(home.root());
    }
    drop(lock);
    result.map(|()| home.python_exe())
}

/// Is the environment there, whole and working?
pub(crate) fn is_ready(home: &Home, requirements: Requirements) -> bool {
    let stamped = |one: Requirements| {
        fs::read_to_string(home.pip_stamp(one)).is_ok_and(|stamp| stamp == one.stamp(&home.python()))
    };
    stamped(Requirements::Lab)
        && (requirements == Requirements::Lab || stamped(Requirements::Test))
        // An update of the system may have taken the Python away that the environment was made with. Looking for
        // JupyterLab and not importing it saves a second and a half.
        && output_of(process::command(home.python_exe()).args(["-I", "-c", FIND_LAB])).is_ok_and(|output| output.ok)
}

fn lock(home: &Home, progress: &mut dyn FnMut(&str)) -> Result<fs::File, SetupError> {
    let path = home.lock_file();
    let failed = |error| SetupError::io("locking", &path, error);
    let file = fs::File::options().create(true).append(true).open(&path).map_err(failed)?;
    while !system::try_lock(&file).map_err(failed)? {
        progress("another run is making the Python environment: waiting for it");
        if system::stops() > 0 {
            return Err(interrupted());
        }
        thread::sleep(Duration::from_millis(200));
    }
    Ok(file)
}

fn interrupted() -> SetupError {
    SetupError::Interrupted { doing: "making the Python environment".into() }
}

fn make(
    home: &Home,
    requirements: Requirements,
    options: &PythonOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<(), SetupError> {
    if is_ready(home, Requirements::Lab) {
        // Only what the tests need is missing. It comes on top, so nothing that works now is touched.
        return install(home, Requirements::Test, progress);
    }
    // Looked for first: when there is none, nothing has been touched.
    let python = find_python(options.python.as_deref())?;
    remove(home)?;
    let folder = home.python();
    fs::create_dir_all(&folder).map_err(|error| SetupError::io("making", &folder, error))?;
    let result = fill(home, requirements, &python, progress);
    if result.is_err() {
        let _ = remove(home);
    }
    result
}

/// Deletes the environment, if it is one of ours.
fn remove(home: &Home) -> Result<(), SetupError> {
    let folder = home.python();
    let failed = |error| SetupError::io("deleting", &folder, error);
    if folder.symlink_metadata().is_err() {
        return Ok(());
    }
    let empty = || fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_none());
    if !folder.join(MARKER).is_file() && !empty() {
        return Err(SetupError::NotOurs { path: folder.clone() });
    }
    // The stamps go first and the marker last, so that at no time half an environment looks whole, or like another's.
    for entry in [Requirements::Lab, Requirements::Test] {
        let _ = fs::remove_file(home.pip_stamp(entry));
    }
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_name() == MARKER {
            continue;
        }
        let is_folder = entry.file_type().map_err(failed)?.is_dir();
        if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.map_err(failed)?;
    }
    fs::remove_dir_all(&folder).map_err(failed)
}

fn fill(
    home: &Home,
    requirements: Requirements,
    python: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<(), SetupError> {
    let folder = home.python();
    write(&folder.join(MARKER), "Taskloom made this folder; `cargo lab` makes it anew when it is gone.\n")?;
    progress(&format!("making an environment with {}", python.display()));
    let mut venv = process::command(python);
    venv.args(["-I", "-m", "venv"]).arg(&folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = process::watch(&mut venv, &mut |_| {}).map_err(|error| SetupError::io("running", python, error))?;
    check(
        ended,
        "making the Python environment",
        &folder,
        "look at the lines above, or name another Python with `--python FILE`",
    )?;
    // JupyterLab asks everybody on their first visit whether it may fetch news. A private environment need not ask.
    let page = folder.join("etc/jupyter/labconfig");
    fs::create_dir_all(&page).map_err(|error| SetupError::io("making", &page, error))?;
    let config = "{\"disabledExtensions\": {\"@jupyterlab/apputils-extension:announcements\": true}}\n";
    write(&page.join("page_config.json"), config)?;
    install(home, Requirements::Lab, progress)?;
    match requirements {
        Requirements::Lab => Ok(()),
        Requirements::Test => install(home, Requirements::Test, progress),
    }
}

fn install(home: &Home, requirements: Requirements, progress: &mut dyn FnMut(&str)) -> Result<(), SetupError> {
    let folder = home.python();
    // The test file names the other one, so both are put beside each other.
    write(&folder.join(Requirements::Lab.file_name()), LAB)?;
    write(&folder.join(Requirements::Test.file_name()), TEST)?;
    let total = requirements.packages();
    progress(&format!("installing about {total} Python packages"));
    let mut pip = process::command(home.python_exe());
    pip.args(["-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"])
        .arg("--requirement")
        .arg(folder.join(requirements.file_name()))
        // What somebody set for their own pip would send the packages elsewhere.
        .env("PIP_USER", "0")
        .env_remove("PIP_TARGET")
        .env_remove("PIP_PREFIX")
        .env_remove("PIP_REQUIRE_VIRTUALENV")
        .env("PYTHONUNBUFFERED", "1")
        .env("LC_ALL", "C.UTF-8")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut count = 0;
    let mut unpacking = false;
    let ended = process::watch(&mut pip, &mut |event| {
        let Event::Out(line) = event else { return };
        if let Some(package) = line.strip_prefix("Collecting ") {
            count += 1;
            let name = package.split([' ', ';']).next().unwrap_or(package).replace("==", " ");
            progress(&format!("{count} of about {total} packages: {name}"));
        } else if line.starts_with("Installing collected packages") && !unpacking {
            unpacking = true;
            progress("unpacking the packages");
        }
    })
    .map_err(|error| SetupError::io("running", &home.python_exe(), error))?;
    check(
        ended,
        "installing the Python packages",
        &folder,
        "look at the lines above; a Python between 3.9 and 3.13 is the safest choice (`--python FILE`)",
    )?;
    // Written last: from here on the environment counts as whole.
    write(&home.pip_stamp(requirements), &requirements.stamp(&folder))
}

/// Turns the end of a program into an error, after showing its own last words.
fn check(ended: process::Ended, doing: &str, at: &Path, advice: &str) -> Result<(), SetupError> {
    if ended.interrupted {
        return Err(SetupError::Interrupted { doing: doing.into() });
    }
    if ended.ok() {
        return Ok(());
    }
    if ended.disk_is_full() {
        return Err(SetupError::DiskFull { at: at.to_owned(), free: None, needed: None });
    }
    if ended.network_is_down() {
        return Err(SetupError::NoNetwork { doing: doing.into() });
    }
    let skipped = ended.tail.len().saturating_sub(15);
    eprintln!();
    for line in ended.tail.iter().skip(skipped) {
        eprintln!("      {line}");
    }
    Err(SetupError::Failed {
        doing: doing.into(),
        why: "and its own last words are above".into(),
        advice: advice.into(),
    })
}

fn write(path: &Path, text: &str) -> Result<(), SetupError> {
    fs::write(path, text).map_err(|error| SetupError::io("writing", path, error))
}

/// The Python to make the environment with: 3.9 or later, with venv and ensurepip.
pub(crate) fn find_python(asked: Option<&Path>) -> Result<PathBuf, SetupError> {
    let candidates: Vec<PathBuf> = match asked {
        Some(python) => vec![python.to_owned()],
        None => {
            let versioned = (9..=13).rev().map(|minor| format!("python3.{minor}"));
            ["python3".to_owned(), "python".to_owned()]
                .into_iter()
                .chain(versioned)
                .filter_map(|name| which(&name))
                .collect()
        }
    };
    let mut newest: Option<((u32, u32), String, PathBuf)> = None;
    let mut incomplete = None;
    for python in candidates {
        let Some(probe) = probe(&python) else {
            continue;
        };
        if probe.version < (3, 9) {
            if newest.as_ref().is_none_or(|(version, ..)| probe.version > *version) {
                newest = Some((probe.version, probe.full, probe.path));
            }
        } else if probe.complete {
            return Ok(probe.path);
        } else if incomplete.is_none() {
            incomplete = Some(SetupError::NoVenv { python: probe.path, version: probe.version });
        }
    }
    if let (Some(python), true) = (asked, newest.is_none() && incomplete.is_none()) {
        return Err(SetupError::Usage(format!("`--python {}` is no Python that runs", python.display())));
    }
    Err(incomplete.unwrap_or(SetupError::NoPython { found: newest.map(|(_, full, path)| (full, path)) }))
}

struct Probe {
    version: (u32, u32),
    full: String,
    path: PathBuf,
    complete: bool,
}

fn probe(python: &Path) -> Option<Probe> {
    // Old enough syntax for any Python to answer. Debian has venv without ensurepip until python3-venv is installed.
    const ASK: &str = "import sys\nprint('.'.join(str(n) for n in sys.version_info[:3]))\nprint(sys.executable)\n\
        try:\n    import venv, ensurepip\n    print('complete')\nexcept ImportError:\n    print('incomplete')\n";
    let output = output_of(process::command(python).args(["-c", ASK])).ok().filter(|output| output.ok)?;
    let mut lines = output.stdout.lines();
    let full = lines.next()?.to_owned();
    let path = lines.next()?;
    let complete = lines.next()? == "complete";
    let mut parts = full.split('.').map(str::parse::<u32>);
    let version = (parts.next()?.ok()?, parts.next()?.ok()?);
    // A shim, such as pyenv's, may mean another Python tomorrow; what it runs today does not change.
    let path = if Path::new(path).is_file() { PathBuf::from(path) } else { python.to_owned() };
    Some(Probe { version, full, path, complete })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_pinned_each() {
        for line in LAB.lines().chain(TEST.lines()) {
            let line = line.trim();
            let ok = line.is_empty() || line.starts_with('#') || line == "-r requirements.txt" || line.contains("==");
            assert!(ok, "not pinned: {line}");
        }
        assert!(LAB.contains("\njupyterlab==") && TEST.contains("\npytest=="));
        assert!(Requirements::Test.packages() > Requirements::Lab.packages());
    }

    #[test]
    fn the_hash_is_fnv() {
        assert_eq!(fnv(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn a_moved_environment_has_another_stamp() {
        let at = |folder: &str| Requirements::Lab.stamp(Path::new(folder));
        assert_ne!(at("/a"), at("/b"));
        assert_ne!(at("/a"), Requirements::Test.stamp(Path::new("/a")));
    }

    #[test]
    fn a_folder_of_somebody_else_is_left_alone() {
        let root = std::env::temp_dir().join(format!("taskloom-not-ours-{}", std::process::id()));
        let home = Home::at(&root).unwrap();
        fs::create_dir_all(home.python()).unwrap();
        fs::write(home.python().join("thesis.py"), "").unwrap();
        assert!(matches!(remove(&home), Err(SetupError::NotOurs { .. })));
        assert!(home.python().join("thesis.py").is_file());
        // The marker makes it ours, as a run that was cut off would leave it.
        fs::write(home.python().join(MARKER), "").unwrap();
        remove(&home).unwrap();
        assert!(!home.python().exists());
        fs::remove_dir_all(root).unwrap();
    }
}
