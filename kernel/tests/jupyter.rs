//! What talks to Jupyter, tested by real clients: jupyter_kernel_test, jupyter_client, nbclient, and JupyterLab in
//! Chromium. The tests themselves are Python, in `jupyter/`; here they get an installation of what was just compiled.
//!
//! The Python environment is the person's own private one, with the test requirements added, so that nothing is
//! downloaded twice. Everything else lives in cargo's target folder: an installation, and the screenshots.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use taskloom_setup::{Home, Requirements, ensure_python};

struct Installed {
    python: PathBuf,
    home: Home,
    data: PathBuf,
    screenshots: PathBuf,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(status.success(), "{command:?} failed: {status}");
}

/// Takes away what cargo tells a test about its own package. Some dependencies' build scripts look at it, and would be
/// run anew, and half of all crates compiled anew with them.
fn outside_of_cargo(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        let by_cargo = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|start| told.starts_with(start));
        if by_cargo
            || ["CARGO", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR", "LD_LIBRARY_PATH"].contains(&&*told)
        {
            command.env_remove(&name);
        }
    }
    command
}

fn install() -> Installed {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let target = temporary.parent().expect("cargo's folder for tests lies in the target folder");
    // The engine's shared library is nobody's dependency, so `cargo test` need not have built it.
    run(outside_of_cargo(Command::new(env!("CARGO")).args(["build", "--workspace", "--quiet"])).current_dir(root()));
    let own = Home::from_env().expect("a home folder");
    let python = ensure_python(&own, Requirements::Test, &mut |line| eprintln!("{line}"))
        .unwrap_or_else(|error| panic!("the Python environment for tests: {error}"));
    let home = Home::at(temporary.join("home")).expect("a path");
    std::fs::create_dir_all(home.root()).expect("a folder for the installation");
    let _ = std::fs::remove_file(home.python());
    std::os::unix::fs::symlink(own.python(), home.python()).expect("a link to the Python environment");
    let taskloom = env!("CARGO_BIN_EXE_taskloom");
    run(Command::new(taskloom).arg("install").arg("--home").arg(home.root()).current_dir(root()));
    let data = root().join("data");
    let mut prep = Command::new(taskloom);
    run(prep.arg("prep").arg("--data").arg(&data).arg("--python").arg(&python).arg("--home").arg(home.root()));
    let screenshots = target.join("screenshots");
    std::fs::create_dir_all(&screenshots).expect("a folder for screenshots");
    Installed { python, home, data, screenshots }
}

fn environment<'a>(command: &'a mut Command, installed: &Installed) -> &'a mut Command {
    command
        .env("TASKLOOM_BIN", env!("CARGO_BIN_EXE_taskloom"))
        .env("TASKLOOM_ROOT", root())
        .env("TASKLOOM_HOME", installed.home.root())
        .env("TASKLOOM_DATA", &installed.data)
        .env("TASKLOOM_SCREENSHOTS", &installed.screenshots)
        .env("JUPYTER_PATH", installed.home.jupyter())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(root())
}

/// One test at a time: each starts kernels, and two cores are soon full.
fn with_installation(test: impl FnOnce(&Installed)) {
    static INSTALLED: OnceLock<Installed> = OnceLock::new();
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    test(INSTALLED.get_or_init(install));
}

fn pytest(file: &str) {
    with_installation(|installed| {
        let mut command = Command::new(&installed.python);
        command.args(["-B", "-m", "pytest", "-p", "no:cacheprovider", "-c", "kernel/tests/jupyter/pytest.ini"]);
        command.arg(format!("kernel/tests/jupyter/{file}"));
        run(environment(&mut command, installed));
    });
}

#[test]
fn protocol() {
    pytest("test_kernel_protocol.py");
}

#[test]
fn protocol_in_full() {
    pytest("test_protocol_complete.py");
}

#[test]
fn hostile_clients() {
    pytest("test_hostile.py");
}

#[test]
fn clients() {
    pytest("test_clients.py");
}

#[test]
fn unbreakable() {
    pytest("test_unbreakable.py");
}

#[test]
fn magics() {
    pytest("test_magics.py");
}

#[test]
fn completion_and_inspection() {
    pytest("test_assist.py");
}

#[test]
fn rich_display() {
    pytest("test_display.py");
}

#[test]
fn dataframes_and_bags() {
    pytest("test_frames.py");
}

#[test]
fn cells() {
    pytest("test_cells.py");
}

#[test]
fn travel() {
    pytest("test_travel.py");
}

#[test]
fn notebooks() {
    pytest("test_notebooks.py");
}

#[test]
fn answers_to_exercises() {
    pytest("test_answers.py");
}

#[test]
fn browser() {
    pytest("test_browser.py");
    with_installation(|installed| eprintln!("screenshots: {}", installed.screenshots.display()));
}

/// The command line: `taskloom check` agrees with the exercises, `taskloom run` writes a notebook.
#[test]
fn commands() {
    with_installation(|installed| {
        let taskloom = env!("CARGO_BIN_EXE_taskloom");
        let mut solutions = Command::new(taskloom);
        run(environment(solutions.args(["check", "all", "--solutions"]), installed));
        let mut starters = Command::new(taskloom);
        let starters = environment(starters.args(["check", "all", "--starters"]), installed).output().expect("it runs");
        assert!(!starters.status.success(), "starters must not pass");
        let said = String::from_utf8_lossy(&starters.stdout);
        assert!(!said.contains(": passed"), "no starter may pass:\n{said}");

        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("out.ipynb");
        let mut headless = Command::new(taskloom);
        headless.args(["run", "notebooks/01-delayed.ipynb", "--solutions", "--out"]).arg(&out);
        let headless = environment(&mut headless, installed).output().expect("it runs");
        let said = String::from_utf8_lossy(&headless.stdout);
        assert!(headless.status.success(), "{said}\n{}", String::from_utf8_lossy(&headless.stderr));
        assert!(said.contains(&*out.to_string_lossy()), "it says where the notebook is:\n{said}");
        let notebook: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&out).expect("the notebook")).expect("it is JSON");
        assert!(
            notebook["cells"].as_array().is_some_and(|cells| cells.iter().any(|cell| cell["outputs"][0].is_object()))
        );

        let unknown =
            environment(Command::new(taskloom).args(["check", "delayed-lop"]), installed).output().expect("it runs");
        let said = String::from_utf8_lossy(&unknown.stderr);
        assert!(said.starts_with("error: there is no exercise `delayed-lop`; there are: "), "{said}");
    });
}
